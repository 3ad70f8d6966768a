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
}

func (s *Site) form(w http.ResponseWriter, r *http.Request) {
	in := answer{language: templates.Asked(r), lists: r.URL.Query()["list"]}
	s.writeForm(w, r, http.StatusOK, in, "", "")
}

func (s *Site) writeForm(w http.ResponseWriter, r *http.Request, status int, in answer, problem, suggestion string) {
	lists, err := s.Store.PublicLists(r.Context())
	if err != nil {
		s.trouble(w, r, in.language, err)
		return
	}
	action := url.Values{"lang": {in.language}}
	if framed(r) {
		action.Set("framed", "1")
	}
	view := templates.SubscribePage{Frame: s.frame(r), Action: "/subscribe?" + action.Encode(), Email: in.email, Name: in.name, Problem: problem, Suggestion: suggestion}
	for _, l := range lists {
		choice := listChoice(l, in.language)
		choice.Checked = slices.Contains(in.lists, l.Name) || len(lists) == 1 && r.Method == http.MethodGet
		choice.Focus = problem == "list" && len(view.Lists) == 0
		view.Lists = append(view.Lists, choice)
	}
	s.write(w, r, reply{status, templates.PageSubscribe, in.language, view})
}

// listChoice is a list as readers of a language choose it.
func listChoice(l subscribers.List, lang string) templates.ListChoice {
	words := l.In(lang)
	return templates.ListChoice{Value: l.Name, Title: words.Title, Description: words.Description}
}

func (s *Site) subscribe(w http.ResponseWriter, r *http.Request) {
	w = late{w, r.Context(), time.Now().Add(leastTime)}
	if status := readForm(r); status != 0 {
		s.fail(w, r, status, "request", templates.Asked(r))
		return
	}
	in := answer{
		email: strings.TrimSpace(r.PostForm.Get(templates.FieldEmail)), name: r.PostForm.Get(templates.FieldName),
		lists: r.PostForm[templates.FieldList], language: templates.Asked(r),
	}
	if l := r.PostForm.Get(templates.FieldLanguage); l != "" && r.URL.Query().Get("lang") == "" {
		in.language = templates.Spoken(l)
	}
	if !s.limit.Allow(Client(r, s.Trusted), s.Store.Now()) {
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

// problem is the key of what is wrong with an address.
func problem(checked address.Result) string {
	if checked.Reason == address.ErrScripts.Error() { // looks right to who typed it
		return "scripts"
	}
	return "email"
}

// accept checks the form and hands it to the store.
func (s *Site) accept(w http.ResponseWriter, r *http.Request, in answer) {
	checked := address.Check(in.email)
	if !checked.OK {
		s.writeForm(w, r, http.StatusUnprocessableEntity, in, problem(checked), checked.Suggestion)
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
		Email: in.email, Name: in.name, Language: in.language, Lists: ids, Source: source(r), Wording: s.wording(r.Context(), in.language, "subscribe.consent"),
	})
	if err != nil && !errors.Is(err, subscribers.ErrSuppressed) {
		s.trouble(w, r, in.language, err)
		return
	}
	s.done(w, r, in)
}

func (s *Site) done(w http.ResponseWriter, r *http.Request, in answer) {
	back := "/subscribe"
	if framed(r) {
		back = "/subscribe/form"
	}
	back += "?" + url.Values{"lang": {in.language}, "list": in.lists[:min(len(in.lists), 20)]}.Encode()
	view := templates.SubscribeDonePage{Frame: s.once(r), Email: in.email, Suggestion: address.Check(in.email).Suggestion, Back: back}
	s.write(w, r, reply{http.StatusOK, templates.PageSubscribeDone, in.language, view})
}

// source says where the form stood, as far as the browser tells.
func source(r *http.Request) string {
	u, err := url.Parse(r.Header.Get("Referer"))
	if err != nil || u.Host == "" || len(u.Host) > 100 || u.Host == r.Host {
		return "form"
	}
	return "form on " + u.Host
}
