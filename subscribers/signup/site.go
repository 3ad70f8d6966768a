package signup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"pressrun/subscribers"
	"pressrun/templates"
)

// Site serves the pages from a store. Fields must not be changed once it
// serves.
type Site struct {
	Store *subscribers.Store
	// Trusted are the proxies whose X-Forwarded-For is believed.
	Trusted []netip.Prefix
	// Languages are those that newsletters come in: two and more are offered on
	// the preferences page. nil means those that package templates speaks.
	Languages func(context.Context) []string
	// Coming tells who has confirmed a list what comes; nil tells nothing.
	Coming func(ctx context.Context, list, language string) (templates.Coming, error)
	// Mails is what was sent to a reader, as JSON, for himself; nil leaves it out.
	Mails func(ctx context.Context, subscriber int64) (any, error)
	// Log gets what went wrong; nil means slog.Default.
	Log *slog.Logger

	limit *Limiter
}

// maxBody bounds a posted form.
const maxBody = 64 << 10

// Handler is all routes of the package comment.
func (s *Site) Handler() http.Handler {
	s.limit = forms()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /subscribe", s.form)
	mux.HandleFunc("GET /subscribe/form", s.form)
	mux.HandleFunc("POST /subscribe", s.subscribe)
	mux.HandleFunc("GET /confirm/{token}", s.showConfirm)
	mux.HandleFunc("POST /confirm/{token}", s.confirm)
	mux.HandleFunc("GET /u/{token}", s.showUnsubscribe)
	mux.HandleFunc("POST /u/{token}", s.unsubscribe)
	mux.HandleFunc("GET /preferences/{token}", s.showPreferences)
	mux.HandleFunc("POST /preferences/{token}", s.savePreferences)
	mux.HandleFunc("GET /yours/{token}", s.showYours)
	mux.HandleFunc("GET /yours/{token}/data", s.data)
	mux.HandleFunc("POST /yours/{token}", s.yours)
	mux.HandleFunc("GET /move/{token}", s.showMove)
	mux.HandleFunc("POST /move/{token}", s.move)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/subscribe", http.StatusFound) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.unmatched(w, r, mux) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

// unmatched answers what is no route: a path that takes other methods, one with a
// slash too many, a link that lost its token, and nothing at all.
func (s *Site) unmatched(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	takes := func(method, path string) bool {
		_, pattern := mux.Handler(&http.Request{Method: method, Host: r.Host, URL: &url.URL{Path: path}})
		return pattern != "/"
	}
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		if takes(method, r.URL.Path) {
			allowed = append(allowed, method)
		}
	}
	bare := strings.TrimRight(r.URL.Path, "/")
	room, _, _ := strings.Cut(strings.TrimPrefix(bare, "/"), "/")
	switch {
	case len(allowed) > 0:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.fail(w, r, http.StatusMethodNotAllowed, "request", templates.Asked(r))
	case bare != r.URL.Path && bare != "" && takes(r.Method, bare):
		http.Redirect(w, r, (&url.URL{Path: bare, RawQuery: r.URL.RawQuery}).String(), http.StatusPermanentRedirect)
	case slices.Contains([]string{"confirm", "u", "preferences", "yours", "move"}, room):
		s.broken(w, r, templates.Asked(r))
	default:
		s.fail(w, r, http.StatusNotFound, "notfound", templates.Asked(r))
	}
}

// readForm reads a form as browsers encode it, urlencoded or multipart, and says
// which status answers one that cannot be read; 0 = it is read.
func readForm(r *http.Request) int {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Header.Get("Content-Type") == "" || kind == "application/x-www-form-urlencoded":
		err = r.ParseForm()
	case kind == "multipart/form-data":
		err = r.ParseMultipartForm(maxBody)
	case err == nil:
		return http.StatusUnsupportedMediaType
	}
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return http.StatusBadRequest
	}
	return 0
}

// reply is one page to be written.
type reply struct {
	status   int
	page     string
	language string
	view     any
}

func (s *Site) write(w http.ResponseWriter, r *http.Request, p reply) {
	var b bytes.Buffer
	if err := templates.Page(&b, p.page, p.language, p.view); err != nil {
		s.log().Error("write page", "page", p.page, "err", err)
		http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	policy := "default-src 'none'; style-src 'self'; img-src 'self' https:; form-action 'self'; base-uri 'none'"
	if !mayFrame(r) {
		policy += "; frame-ancestors 'none'"
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", p.language)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept-Language")
	w.WriteHeader(p.status)
	w.Write(b.Bytes())
}

// fail writes the page that says what happened and what to do.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, status int, kind, lang string) {
	s.write(w, r, reply{status: status, page: templates.PageError, language: lang, view: templates.ErrorPage{Frame: s.frame(r), Kind: kind}})
}

// trouble answers an error that no reader can mend.
func (s *Site) trouble(w http.ResponseWriter, r *http.Request, lang string, err error) {
	if r.Context().Err() != context.Canceled { // or he has gone
		s.log().Error("public page", "route", r.Pattern, "err", err)
	}
	s.fail(w, r, http.StatusInternalServerError, "failed", lang)
}

// refuse answers a link that does nothing.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, lang string, err error) {
	switch {
	case errors.Is(err, subscribers.ErrToken):
		s.broken(w, r, lang)
	case errors.Is(err, subscribers.ErrState), errors.Is(err, subscribers.ErrSuppressed), errors.Is(err, subscribers.ErrNotFound):
		view := templates.ErrorPage{Frame: s.frame(r), Kind: "expired", Form: "/subscribe?lang=" + lang}
		s.write(w, r, reply{status: http.StatusGone, page: templates.PageError, language: lang, view: view})
	default:
		s.trouble(w, r, lang, err)
	}
}

// broken answers a link that lost a part. Who wants to confirm may ask for another.
func (s *Site) broken(w http.ResponseWriter, r *http.Request, lang string) {
	view := templates.ErrorPage{Frame: s.frame(r), Kind: "invalid"}
	if strings.HasPrefix(r.URL.Path, "/confirm") {
		view.Form = "/subscribe?lang=" + lang
	}
	s.write(w, r, reply{status: http.StatusNotFound, page: templates.PageError, language: lang, view: view})
}

// framed reports whether the form stands in a frame on somebody else's page.
func framed(r *http.Request) bool {
	return r.URL.Path == "/subscribe/form" || r.URL.Path == "/subscribe" && r.URL.Query().Get("framed") == "1"
}

// mayFrame reports whether a page may be framed elsewhere: all around the form.
func mayFrame(r *http.Request) bool { return framed(r) || r.URL.Path == "/subscribe" }

// once is frame for what stands only in the answer to a form: a link to the same
// page would lead to another one.
func (s *Site) once(r *http.Request) templates.Frame {
	return templates.Frame{Brand: s.Store.BrandOf(r.Context()), Framed: framed(r)}
}

// frame is the brand, and the same page in other languages; after a form was posted
// what a GET of its address shows, which says the same.
func (s *Site) frame(r *http.Request) templates.Frame {
	f := s.once(r)
	if f.Framed {
		return f
	}
	f.Alternates = templates.Alternates(r)
	return f
}

// claim verifies the token in the path. The language is the one asked for, or
// the reader's own.
func (s *Site) claim(r *http.Request, kind subscribers.Kind) (c subscribers.Claim, v subscribers.Subscriber, lang string, err error) {
	lang = templates.Asked(r)
	if r.PathValue("token") == subscribers.PreviewToken && kind != subscribers.KindConfirm {
		return subscribers.Claim{Kind: kind, Test: true}, v, lang, nil
	}
	c, err = s.Store.Keys.Verify(r.PathValue("token"))
	if err == nil && c.Kind != kind {
		err = subscribers.ErrToken
	}
	if err != nil || c.Test {
		return c, v, lang, err
	}
	v, err = s.Store.ByID(r.Context(), c.Subscriber)
	if errors.Is(err, subscribers.ErrNotFound) {
		return c, v, lang, nil // erased: v is zero
	}
	if v.Language != "" && r.URL.Query().Get("lang") == "" {
		lang = templates.Spoken(v.Language)
	}
	return c, v, lang, err
}

// wording names the version of the words a reader agrees to: their language and
// the start of their SHA-256. New words are a new version by themselves.
func (s *Site) wording(ctx context.Context, lang, words string) string {
	words = templates.Words(lang).Say(words, "brand", s.Store.BrandOf(ctx).Name)
	sum := sha256.Sum256([]byte(words))
	return lang + "-" + hex.EncodeToString(sum[:4])
}

func (s *Site) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}

// late holds an answer back until its time: when it comes, headers first, does not
// tell whether a letter was written.
type late struct {
	http.ResponseWriter
	ctx context.Context
	at  time.Time
}

// WriteHeader sleeps until the answer is due, or the reader has gone.
func (w late) WriteHeader(status int) {
	t := time.NewTimer(time.Until(w.at))
	defer t.Stop()
	select {
	case <-w.ctx.Done():
	case <-t.C:
	}
	w.ResponseWriter.WriteHeader(status)
}
