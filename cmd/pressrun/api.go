package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pressrun/deploy/installation"
	"pressrun/digest"
)

// The API is for the newsroom's own programs, its CMS first:
//
//	PUT /v1/stories        {"url": …, "not_before": …, "flags": {…}, "blocked": …}
//	GET /v1/stories?url=…  what is known of an article, and what is still to be done about it
//	POST /v1/bounces/NAME  what a sending service tells of mails; see service.go
//
// The first two answer 200 with what is known, PUT with 202 while the article is
// not collected yet: then it is done as soon as it is. A program shows a token as
// RFC 6750 section 2.1 says, or as the password of RFC 7617, which services that
// ask for nothing but an address take along in it. PUT needs the role editor, GET
// viewer.

// apiBody is the most bytes that a call may send.
const apiBody = 64 << 10

// apiStory is what the API says of an article.
type apiStory struct {
	URL       string         `json:"url"`
	Story     int64          `json:"story,omitempty"` // none = not collected yet
	Title     string         `json:"title,omitempty"`
	State     string         `json:"state"` // unknown | live | gone | blocked
	Flags     []string       `json:"flags"`
	NotBefore time.Time      `json:"not_before,omitzero"`
	Issues    []string       `json:"issues"`  // that told it, the newest first: "morning #411"
	Waiting   []waitingOrder `json:"waiting"` // until it is collected, or can be done
}

// waitingOrder is an order as PUT takes it: not_before is "" where it lifts an embargo.
type waitingOrder struct {
	digest.Order
	NotBefore *string `json:"not_before,omitempty"`
}

func waitingOf(list []digest.Order) []waitingOrder {
	out := make([]waitingOrder, 0, len(list))
	for _, o := range list {
		w := waitingOrder{Order: o}
		if o.NotBefore != nil {
			w.NotBefore = new(string)
			if !o.NotBefore.IsZero() {
				*w.NotBefore = o.NotBefore.UTC().Format(time.RFC3339Nano)
			}
		}
		out = append(out, w)
	}
	return out
}

func (p *Press) apiRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/stories", p.api("viewer", apiBody, p.apiGet))
	mux.HandleFunc("PUT /v1/stories", p.api("editor", apiBody, p.apiPut))
	mux.HandleFunc("/v1/stories", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD, PUT")
		p.refuse(w, r, refusal{http.StatusMethodNotAllowed, "PUT decides about an article, GET with ?url=… asks about it; nothing else is done here"})
	})
	mux.HandleFunc("POST /v1/bounces/{service}", p.api("list admin", serviceBody, p.apiBounces))
}

// refusal is what a caller did wrong, with its status.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

// api lets callers with a role in, who send at most so many bytes, and writes what
// f answers as JSON, or what is wrong as {"error": …}.
func (p *Press) api(role string, bytes int64, f func(r *http.Request, by string) (status int, answer any, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, bytes)
		by, err := p.caller(r, role)
		if err != nil {
			p.refuse(w, r, err)
			return
		}
		status, answer, err := f(r, by)
		if err != nil {
			p.refuse(w, r, err)
			return
		}
		writeAnswer(w, status, answer)
	}
}

// refuse tells a program why it does not get what it asked for.
func (p *Press) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var no refusal
	if !errors.As(err, &no) {
		p.Log.Error("api", "path", r.URL.Path, "err", err)
		no = refusal{http.StatusInternalServerError, "this failed on our side and has been logged; it is safe to ask again"}
	}
	if no.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="pressrun"`) // RFC 6750 section 3
	}
	writeAnswer(w, no.status, map[string]string{"error": no.text})
}

func writeAnswer(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(answer)
}

// makeToken is the command that makes a token of a role.
func makeToken(role string) string {
	if strings.Contains(role, " ") {
		role = strconv.Quote(role)
	}
	return "pressrun token add NAME --role " + role
}

// caller is who calls, by the token that is shown.
func (p *Press) caller(r *http.Request, role string) (string, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if _, password, ok := r.BasicAuth(); ok {
		secret = password
	} else if !strings.EqualFold(scheme, "Bearer") {
		secret = ""
	}
	if secret == "" {
		return "", refusal{http.StatusUnauthorized, "show a token: Authorization: Bearer …; make one with: " + makeToken(role)}
	}
	t, err := p.Installation.TokenOf(r.Context(), strings.TrimSpace(secret))
	switch {
	case errors.Is(err, installation.ErrNotFound):
		return "", refusal{http.StatusUnauthorized, "this token is unknown, was taken away or has expired; make one with: " + makeToken(role)}
	case err != nil:
		return "", err
	case !t.May(role):
		return "", refusal{http.StatusForbidden, fmt.Sprintf("the token %q has the role %s; this needs %s", t.Name, t.Role, role)}
	}
	return "token " + t.Name, nil
}

func (p *Press) apiGet(r *http.Request, _ string) (int, any, error) {
	address := r.URL.Query().Get("url")
	if address == "" {
		return 0, nil, refusal{http.StatusBadRequest, "say which article: GET /v1/stories?url=https://…"}
	}
	answer, err := p.apiStory(r, address)
	return http.StatusOK, answer, err
}

func (p *Press) apiPut(r *http.Request, by string) (int, any, error) {
	var in struct {
		URL       string          `json:"url"`
		NotBefore *string         `json:"not_before"` // "" lifts it
		Flags     map[string]bool `json:"flags"`
		Blocked   *bool           `json:"blocked"`
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(&in)
	if err == nil {
		if _, rest := dec.Token(); rest != io.EOF {
			err = errors.New("more follows the object")
		}
	}
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return 0, nil, refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is longer than %d bytes", apiBody)}
	case err != nil:
		return 0, nil, refusal{http.StatusBadRequest, "the body is not as it should be: " + strings.TrimPrefix(err.Error(), "json: ") + `; send for instance {"url": "https://…", "not_before": "2026-11-25T18:00+05:00", "flags": {"legal": true}, "blocked": false}`}
	}
	o := digest.Order{URL: in.URL, Flags: in.Flags, Blocked: in.Blocked, By: by}
	if in.NotBefore != nil {
		o.NotBefore = new(time.Time)
		if *in.NotBefore != "" {
			if *o.NotBefore, err = digest.ParseWhen(*in.NotBefore); err != nil {
				return 0, nil, refusal{http.StatusBadRequest, "not_before: " + err.Error() + `; "" lifts it`}
			}
		}
	}
	o, err = p.Order(r.Context(), o)
	if errors.Is(err, digest.ErrOrder) {
		return 0, nil, refusal{http.StatusBadRequest, err.Error()}
	}
	if err != nil {
		return 0, nil, err
	}
	answer, err := p.apiStory(r, o.URL)
	if answer.Story == 0 {
		return http.StatusAccepted, answer, err
	}
	return http.StatusOK, answer, err
}

// apiStory says what is known of an article.
func (p *Press) apiStory(r *http.Request, url string) (apiStory, error) {
	out := apiStory{URL: url, State: "unknown", Flags: []string{}, Issues: []string{}, Waiting: []waitingOrder{}}
	id, waiting, err := p.Digest.ByAddress(r.Context(), url)
	if errors.Is(err, digest.ErrOrder) {
		return out, refusal{http.StatusBadRequest, "url: " + err.Error()}
	}
	out.Waiting = waitingOf(waiting)
	if err != nil || id == 0 {
		return out, err
	}
	s, err := p.Digest.Story(r.Context(), id)
	if err != nil {
		return out, err
	}
	out.Story, out.Title, out.State, out.NotBefore = s.ID, s.Title, s.State, s.NotBefore
	out.Flags = append(out.Flags, strings.Fields(s.Flags)...)
	seen, err := p.Digest.SeenIn(r.Context(), id)
	out.Issues = append(out.Issues, seen...)
	return out, err
}
