package signup

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

// askYours has the link to the page of this file sent to the reader's own address:
// whoever opens his preferences may hold a mail that was passed on. The answer does
// not tell whether a letter was written.
func (s *Site) askYours(w http.ResponseWriter, r *http.Request, v subscribers.Subscriber, lang string) {
	w = late{w, r.Context(), time.Now().Add(leastTime)}
	if !s.limit.Allow(Client(r, s.Trusted), s.Store.Now()) {
		s.busy(w, r, lang)
		return
	}
	if err := s.Store.AskYours(r.Context(), v.ID, lang); err != nil {
		s.refuse(w, r, lang, err)
		return
	}
	s.writePreferences(w, r, v, lang, "sent")
}

func (s *Site) busy(w http.ResponseWriter, r *http.Request, lang string) {
	w.Header().Set("Retry-After", "300")
	s.fail(w, r, http.StatusTooManyRequests, "busy", lang)
}

// own verifies a link of kind yours. A test's changes nothing and opens nothing.
func (s *Site) own(r *http.Request) (c subscribers.Claim, v subscribers.Subscriber, lang string, err error) {
	c, _, lang, err = s.claim(r, subscribers.KindYours)
	if err == nil {
		v, err = s.Store.Yours(r.Context(), c)
	}
	return c, v, lang, err
}

// refuseOwn answers a link of a letter about address and data that does nothing.
func (s *Site) refuseOwn(w http.ResponseWriter, r *http.Request, lang string, err error) {
	for _, over := range []error{subscribers.ErrState, subscribers.ErrSuppressed, subscribers.ErrTaken, subscribers.ErrNotFound} {
		if errors.Is(err, over) {
			s.fail(w, r, http.StatusGone, "own", lang)
			return
		}
	}
	s.refuse(w, r, lang, err)
}

func (s *Site) showYours(w http.ResponseWriter, r *http.Request) {
	_, v, lang, err := s.own(r)
	if err != nil {
		s.refuseOwn(w, r, lang, err)
		return
	}
	s.writeYours(w, r, http.StatusOK, v, lang, templates.YoursPage{})
}

// writeYours fills in the rest of the view.
func (s *Site) writeYours(w http.ResponseWriter, r *http.Request, status int, v subscribers.Subscriber, lang string, view templates.YoursPage) {
	may, err := s.Store.MayMove(r.Context(), v)
	if err != nil {
		s.trouble(w, r, lang, err)
		return
	}
	if !may {
		view.Form = "/subscribe?lang=" + lang
	}
	view.Frame, view.Action, view.Email = s.frame(r), templates.Translated(r, lang), string(v.Email)
	view.Data = "/yours/" + r.PathValue("token") + "/data"
	s.write(w, r, reply{status, templates.PageYours, lang, view})
}

// yours takes one of the page's forms. A POST that is none of them is not ours and
// changes nothing.
func (s *Site) yours(w http.ResponseWriter, r *http.Request) {
	w = late{w, r.Context(), time.Now().Add(leastTime)}
	c, v, lang, err := s.own(r)
	if err != nil {
		s.refuseOwn(w, r, lang, err)
		return
	}
	if status := readForm(r); status != 0 {
		s.fail(w, r, status, "request", lang)
		return
	}
	switch {
	case r.PostForm.Get(templates.FieldErase) == "1":
		s.erase(w, r, v, lang)
	case r.PostForm.Has(templates.FieldEmail):
		s.askMove(w, r, c, v, lang)
	default:
		s.fail(w, r, http.StatusBadRequest, "request", lang)
	}
}

func (s *Site) erase(w http.ResponseWriter, r *http.Request, v subscribers.Subscriber, lang string) {
	if err := s.Store.Forget(r.Context(), v.ID, "the reader"); err != nil {
		s.refuseOwn(w, r, lang, err)
		return
	}
	s.write(w, r, reply{http.StatusOK, templates.PageErased, lang, templates.ErasedPage{Frame: s.once(r)}})
}

func (s *Site) askMove(w http.ResponseWriter, r *http.Request, c subscribers.Claim, v subscribers.Subscriber, lang string) {
	typed := strings.TrimSpace(r.PostForm.Get(templates.FieldEmail))
	checked := address.Check(typed)
	if !checked.OK {
		s.writeYours(w, r, http.StatusUnprocessableEntity, v, lang, templates.YoursPage{Typed: typed, Problem: problem(checked), Suggestion: checked.Suggestion})
		return
	}
	if !s.limit.Allow(Client(r, s.Trusted), s.Store.Now()) {
		s.busy(w, r, lang)
		return
	}
	if err := s.Store.AskMove(r.Context(), c, typed, lang); err != nil {
		s.refuseOwn(w, r, lang, err)
		return
	}
	s.writeYours(w, r, http.StatusOK, v, lang, templates.YoursPage{Typed: typed, Sent: true, Suggestion: checked.Suggestion})
}

// data answers with what is held about the reader.
func (s *Site) data(w http.ResponseWriter, r *http.Request) {
	_, v, lang, err := s.own(r)
	if err != nil {
		s.refuseOwn(w, r, lang, err)
		return
	}
	var held struct {
		subscribers.Held
		Mails any `json:"mails,omitempty"`
	}
	if held.Held, err = s.Store.Held(r.Context(), v.ID); err == nil && s.Mails != nil {
		held.Mails, err = s.Mails(r.Context(), v.ID)
	}
	if err != nil {
		s.refuseOwn(w, r, lang, err)
		return
	}
	body, err := json.MarshalIndent(held, "", "  ")
	if err != nil {
		s.trouble(w, r, lang, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="subscription.json"`)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	w.Write(append(body, '\n'))
}

func (s *Site) showMove(w http.ResponseWriter, r *http.Request) {
	c, _, lang, err := s.claim(r, subscribers.KindMove)
	var m subscribers.Moving
	if err == nil {
		m, err = s.Store.Moving(r.Context(), c)
	}
	switch {
	case err != nil:
		s.refuseOwn(w, r, lang, err)
	case m.Done:
		s.moved(w, r, m, lang)
	default:
		view := templates.MovePage{Frame: s.frame(r), Action: templates.Translated(r, lang), Email: string(m.To), Before: m.Subscriber.Email.Mask()}
		s.write(w, r, reply{http.StatusOK, templates.PageMove, lang, view})
	}
}

func (s *Site) move(w http.ResponseWriter, r *http.Request) {
	c, _, lang, err := s.claim(r, subscribers.KindMove)
	var m subscribers.Moving
	if err == nil {
		m, err = s.Store.ConfirmMove(r.Context(), c, lang, s.wording(r.Context(), lang, "move.text"))
	}
	if err != nil {
		s.refuseOwn(w, r, lang, err)
		return
	}
	s.moved(w, r, m, lang)
}

func (s *Site) moved(w http.ResponseWriter, r *http.Request, m subscribers.Moving, lang string) {
	preferences := s.preferences(m.Subscriber.ID, lang)
	s.write(w, r, reply{http.StatusOK, templates.PageMoved, lang, templates.MovedPage{Frame: s.frame(r), Email: string(m.To), Preferences: preferences}})
}
