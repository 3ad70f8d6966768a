package signup

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

// leastTime is how long the answer to the form takes at least, so that its time
// does not tell whether a letter was written.
const leastTime = 120 * time.Millisecond

// answer is a filled-in form.
type answer struct {
	email, name, language string
	lists                 []string
	framed                bool
}

func (s *Site) form(w http.ResponseWriter, r *http.Request)       { s.showForm(w, r, false) }
func (s *Site) framedForm(w http.ResponseWriter, r *http.Request) { s.showForm(w, r, true) }

func (s *Site) showForm(w http.ResponseWriter, r *http.Request, framed bool) {
	in := answer{language: templates.Asked(r), lists: r.URL.Query()["list"], framed: framed}
	s.writeForm(w, r, http.StatusOK, in, "", "")
}

func (s *Site) writeForm(w http.ResponseWriter, r *http.Request, status int, in answer, problem, suggestion string) {
	lists, err := s.Store.PublicLists(r.Context())
	if err != nil {
		s.trouble(w, r, in.language, err)
		return
	}
	action := url.Values{"lang": {in.language}}
	page := templates.PageSubscribe
	if in.framed {
		action.Set("framed", "1")
		page = templates.PageSubscribeForm
	}
	view := templates.SubscribePage{Frame: s.frame(r, r.Method == http.MethodGet), Action: "/subscribe?" + action.Encode(), Email: in.email, Name: in.name, Problem: problem, Suggestion: suggestion}
	for _, l := range lists {
		checked := slices.Contains(in.lists, l.Name) || len(lists) == 1 && r.Method == http.MethodGet
		view.Lists = append(view.Lists, templates.ListChoice{Value: l.Name, Title: l.Title, Description: l.Description, Checked: checked})
	}
	s.write(w, r, reply{status, page, in.language, view, true})
}

func (s *Site) subscribe(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	defer func() { wait(r.Context(), start, leastTime) }()
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, http.StatusBadRequest, "invalid", templates.Asked(r))
		return
	}
	in := answer{
		email: strings.TrimSpace(r.PostForm.Get(templates.FieldEmail)), name: r.PostForm.Get(templates.FieldName),
		lists: r.PostForm[templates.FieldList], language: templates.Asked(r), framed: r.URL.Query().Get("framed") == "1",
	}
	if l := r.PostForm.Get(templates.FieldLanguage); l != "" && r.URL.Query().Get("lang") == "" {
		in.language = templates.Spoken(l)
	}
	if !s.limit.allow(s.client(r), s.Store.Now()) {
		w.Header().Set("Retry-After", "300")
		s.writeForm(w, r, http.StatusTooManyRequests, in, "busy", "")
		return
	}
	if r.PostForm.Get(templates.FieldTrap) != "" { // a program; it gets the answer that people get
		s.done(w, r, in)
		return
	}
	s.accept(w, r, in)
}

// accept checks the form and hands it to the store.
func (s *Site) accept(w http.ResponseWriter, r *http.Request, in answer) {
	checked := address.Check(in.email)
	if !checked.OK {
		s.writeForm(w, r, http.StatusUnprocessableEntity, in, "email", checked.Suggestion)
		return
	}
	lists, err := s.Store.PublicLists(r.Context())
	if err != nil {
		s.trouble(w, r, in.language, err)
		return
	}
	var ids []int64
	for _, l := range lists {
		if slices.Contains(in.lists, l.Name) {
			ids = append(ids, l.ID)
		}
	}
	if len(ids) == 0 {
		s.writeForm(w, r, http.StatusUnprocessableEntity, in, "list", "")
		return
	}
	err = s.Store.Subscribe(r.Context(), subscribers.Signup{
		Email: in.email, Name: in.name, Language: in.language, Lists: ids, Source: source(r), Wording: s.wording(r.Context(), in.language),
	})
	if err != nil && !errors.Is(err, subscribers.ErrSuppressed) {
		s.trouble(w, r, in.language, err)
		return
	}
	s.done(w, r, in)
}

func (s *Site) done(w http.ResponseWriter, r *http.Request, in answer) {
	back := "/subscribe?lang=" + in.language
	if in.framed {
		back = "/subscribe/form?lang=" + in.language
	}
	view := templates.SubscribeDonePage{Frame: s.frame(r, false), Email: in.email, Suggestion: address.Check(in.email).Suggestion, Back: back}
	s.write(w, r, reply{http.StatusOK, templates.PageSubscribeDone, in.language, view, true})
}

// source says where the form stood, as far as the browser tells.
func source(r *http.Request) string {
	u, err := url.Parse(r.Header.Get("Referer"))
	if err != nil || u.Host == "" || len(u.Host) > 100 || u.Host == r.Host {
		return "form"
	}
	return "form on " + u.Host
}
