package signup

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pressrun/subscribers"
	"pressrun/templates"
)

func (s *Site) showConfirm(w http.ResponseWriter, r *http.Request) {
	c, _, lang, err := s.claim(r, subscribers.KindConfirm)
	if err != nil {
		s.refuse(w, r, lang, err)
		return
	}
	pending, err := s.Store.Pending(r.Context(), c)
	if err != nil {
		s.refuse(w, r, lang, err)
		return
	}
	if pending.Done {
		s.confirmed(w, r, pending, lang)
		return
	}
	view := templates.ConfirmPage{Frame: s.frame(r), Action: templates.Translated(r, lang), Newsletter: titles(pending.Lists, lang), Email: pending.Subscriber.Email.Mask()}
	s.write(w, r, reply{status: http.StatusOK, page: templates.PageConfirm, language: lang, view: view})
}

func (s *Site) confirm(w http.ResponseWriter, r *http.Request) {
	c, _, lang, err := s.claim(r, subscribers.KindConfirm)
	if err != nil {
		s.refuse(w, r, lang, err)
		return
	}
	done, err := s.Store.Confirm(r.Context(), c)
	if err != nil {
		s.refuse(w, r, lang, err)
		return
	}
	s.confirmed(w, r, done, lang)
}

func (s *Site) confirmed(w http.ResponseWriter, r *http.Request, done subscribers.Confirmation, lang string) {
	var welcomed, later []subscribers.Subscription
	for _, l := range done.Lists {
		if slices.Contains(done.Welcomed, l.List) {
			welcomed = append(welcomed, l)
		} else {
			later = append(later, l)
		}
	}
	view := templates.ConfirmedPage{Frame: s.frame(r), Newsletter: titles(later, lang), Welcomed: titles(welcomed, lang), Preferences: s.preferences(done.Subscriber.ID, lang)}
	view.Coming = s.coming(r.Context(), done, lang)
	s.write(w, r, reply{status: http.StatusOK, page: templates.PageConfirmed, language: lang, view: view})
}

// coming is what there is to tell of the lists. Trouble with it is none of the
// reader's: he is on them.
func (s *Site) coming(ctx context.Context, done subscribers.Confirmation, lang string) []templates.Coming {
	var all []templates.Coming
	for _, l := range done.Lists {
		if s.Coming == nil || over(l) {
			continue
		}
		c, err := s.Coming(ctx, l.ListName, lang)
		if err != nil {
			s.log().Error("what comes", "list", l.ListName, "err", err)
			continue
		}
		if c.Title = l.Title(lang); !c.Next.IsZero() || c.Latest != "" {
			all = append(all, c)
		}
	}
	return all
}

// preferences is the address of a reader's own page; relative, so that it works
// behind any proxy.
func (s *Site) preferences(subscriber int64, lang string) string {
	return "/preferences/" + s.Store.Keys.Token(subscribers.KindPreferences, subscriber, 0) + "?lang=" + lang
}

// titles are those of the lists, in one phrase of the language.
func titles(all []subscribers.Subscription, lang string) string {
	var out []string
	for _, v := range all {
		out = append(out, v.Title(lang))
	}
	return templates.Words(lang).List(out)
}

// over reports whether nothing is sent for a subscription any more.
func over(v subscribers.Subscription) bool {
	return v.State == subscribers.Unsubscribed || v.State == subscribers.Expired
}

// left are the lists that a link of kind unsubscribe is about.
func (s *Site) left(r *http.Request, c subscribers.Claim) ([]subscribers.Subscription, error) {
	all, err := s.Store.Subscriptions(r.Context(), c.Subscriber)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(v subscribers.Subscription) bool { return c.List != 0 && v.List != c.List }), nil
}

func (s *Site) showUnsubscribe(w http.ResponseWriter, r *http.Request) {
	c, v, lang, err := s.claim(r, subscribers.KindUnsubscribe)
	if err != nil {
		s.refuse(w, r, lang, err)
		return
	}
	lists, err := s.left(r, c)
	if err != nil {
		s.trouble(w, r, lang, err)
		return
	}
	open := slices.DeleteFunc(slices.Clone(lists), over)
	if !c.Test && len(open) == 0 {
		s.unsubscribed(w, r, c, v, lists, lang)
		return
	}
	s.askUnsubscribe(w, r, c, v, open, lang)
}

func (s *Site) askUnsubscribe(w http.ResponseWriter, r *http.Request, c subscribers.Claim, v subscribers.Subscriber, lists []subscribers.Subscription, lang string) {
	view := templates.UnsubscribePage{Frame: s.frame(r), Action: templates.Translated(r, lang), Newsletter: titles(lists, lang), Email: v.Email.Mask(), Test: c.Test}
	if !c.Test {
		view.Preferences = s.preferences(c.Subscriber, lang)
	}
	s.write(w, r, reply{status: http.StatusOK, page: templates.PageUnsubscribe, language: lang, view: view})
}

// unsubscribe acts at once, whatever the body says and however it is encoded:
// RFC 8058 section 3.2 wants no more than a POST to the address, without
// cookies, sign-in or redirect.
func (s *Site) unsubscribe(w http.ResponseWriter, r *http.Request) {
	c, v, lang, err := s.claim(r, subscribers.KindUnsubscribe)
	if err != nil {
		s.refuse(w, r, lang, err)
		return
	}
	if c.Test {
		s.askUnsubscribe(w, r, c, v, nil, lang)
		return
	}
	lists, err := s.left(r, c)
	if err != nil {
		s.trouble(w, r, lang, err)
		return
	}
	how := "unsubscribe page"
	if oneClick(r) {
		how = "one click"
	}
	if err := s.Store.Unsubscribe(r.Context(), c.Subscriber, c.List, how); err != nil {
		s.trouble(w, r, lang, err)
		return
	}
	s.unsubscribed(w, r, c, v, lists, lang)
}

// oneClick reports whether a mail program pressed the button.
func oneClick(r *http.Request) bool {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		if err := r.ParseMultipartForm(maxBody); err != nil {
			return false
		}
		defer r.MultipartForm.RemoveAll()
	}
	return r.PostFormValue("List-Unsubscribe") == "One-Click"
}

// unsubscribed says that no more comes of the list that the link is about, or of
// all. Who did not mean it comes back on his own page, where a list that is public
// is one tick; who is erased by the form.
func (s *Site) unsubscribed(w http.ResponseWriter, r *http.Request, c subscribers.Claim, v subscribers.Subscriber, lists []subscribers.Subscription, lang string) {
	view := templates.UnsubscribedPage{Frame: s.frame(r)}
	if c.List != 0 {
		view.Newsletter = titles(lists, lang)
	}
	own := s.preferences(c.Subscriber, lang)
	switch private := func(l subscribers.Subscription) bool { return !l.Public }; {
	case v.ID == 0: // erased, for good
	case c.List != 0 && slices.ContainsFunc(lists, private):
		view.Preferences = own
	default:
		view.Again = own
	}
	s.write(w, r, reply{status: http.StatusOK, page: templates.PageUnsubscribed, language: lang, view: view})
}

// pauses are the lengths offered, in days.
var pauses = []int{7, 30}

// owner is the reader whose page of preferences is asked for. Without ok the
// request has been answered: the link is not good, that of a test mail, or its reader is
// erased.
func (s *Site) owner(w http.ResponseWriter, r *http.Request) (c subscribers.Claim, v subscribers.Subscriber, lang string, ok bool) {
	c, v, lang, err := s.claim(r, subscribers.KindPreferences)
	switch {
	case err == nil && c.Test:
		s.askUnsubscribe(w, r, c, v, nil, lang)
	case err == nil && v.ID == 0: // to subscribe again cannot work with that address
		s.write(w, r, reply{status: http.StatusGone, page: templates.PageUnsubscribed, language: lang, view: templates.UnsubscribedPage{Frame: s.frame(r)}})
	case err != nil:
		s.refuse(w, r, lang, err)
	default:
		return c, v, lang, true
	}
	return c, v, lang, false
}

func (s *Site) showPreferences(w http.ResponseWriter, r *http.Request) {
	_, v, lang, ok := s.owner(w, r)
	if !ok {
		return
	}
	s.writePreferences(w, r, v, lang, "")
}

func (s *Site) savePreferences(w http.ResponseWriter, r *http.Request) {
	c, v, lang, ok := s.owner(w, r)
	if !ok {
		return
	}
	if status := readForm(r); status != 0 {
		s.fail(w, r, status, "request", lang)
		return
	}
	if r.PostForm.Get(templates.FieldAll) == "1" {
		if err := s.Store.Unsubscribe(r.Context(), v.ID, 0, "preferences page"); err != nil {
			s.trouble(w, r, lang, err)
			return
		}
		s.unsubscribed(w, r, c, v, nil, lang)
		return
	}
	if r.PostForm.Get(templates.FieldYours) == "1" {
		s.askYours(w, r, v, lang)
		return
	}
	s.store(w, r, v, lang)
}

// store takes the form as it was posted. One without the field for the pause,
// which our form always has, is not ours and changes nothing.
func (s *Site) store(w http.ResponseWriter, r *http.Request, v subscribers.Subscriber, lang string) {
	pause, ok := readPause(r.PostForm.Get(templates.FieldPause))
	if !ok {
		s.fail(w, r, http.StatusBadRequest, "request", lang)
		return
	}
	offered, err := s.offered(r, v.ID, lang)
	if err != nil {
		s.trouble(w, r, lang, err)
		return
	}
	p := subscribers.Preferences{
		Name: r.PostForm.Get(templates.FieldName), TextOnly: r.PostForm.Get(templates.FieldTextOnly) == "1", Pause: pause,
		Source: "preferences page", Wording: s.wording(r.Context(), lang, "subscribe.consent"),
	}
	if l := r.PostForm.Get(templates.FieldLanguage); slices.Contains(s.languages(r.Context()), l) {
		p.Language = l
	}
	for _, o := range offered {
		p.Offered = append(p.Offered, o.list)
		if slices.Contains(r.PostForm[templates.FieldList], o.choice.Value) {
			p.Lists = append(p.Lists, o.list)
		}
	}
	if err := s.Store.SavePreferences(r.Context(), v.ID, p); err != nil {
		if errors.Is(err, subscribers.ErrNotFound) {
			err = subscribers.ErrState
		}
		s.refuse(w, r, lang, err)
		return
	}
	if p.Language != "" && !templates.SameLanguage(p.Language, v.Language) { // the page goes along
		lang = templates.Spoken(p.Language)
	}
	if v, err = s.Store.ByID(r.Context(), v.ID); err != nil {
		s.trouble(w, r, lang, err)
		return
	}
	s.writePreferences(w, r, v, lang, "saved")
}

func readPause(text string) (time.Duration, bool) {
	switch text {
	case "0":
		return 0, true
	case "keep":
		return -1, true
	}
	days, err := strconv.Atoi(text)
	return time.Duration(days) * 24 * time.Hour, err == nil && slices.Contains(pauses, days)
}

// languages are those to choose from; none when there is no choice.
func (s *Site) languages(ctx context.Context) []string {
	if s.Languages == nil {
		return templates.Languages()
	}
	if all := s.Languages(ctx); len(all) > 1 {
		return all
	}
	return nil
}

// offer is a list on the preferences page.
type offer struct {
	list   int64
	choice templates.ListChoice
	paused time.Time
}

// offered are the public lists and those the reader is on.
func (s *Site) offered(r *http.Request, id int64, lang string) ([]offer, error) {
	public, err := s.Store.PublicLists(r.Context())
	if err != nil {
		return nil, err
	}
	have, err := s.Store.Subscriptions(r.Context(), id)
	if err != nil {
		return nil, err
	}
	var out []offer
	for _, l := range public {
		out = append(out, offer{list: l.ID, choice: listChoice(l, lang)})
	}
	for _, v := range have {
		on := v.State == subscribers.Active || v.State == subscribers.Paused
		i := slices.IndexFunc(out, func(o offer) bool { return o.list == v.List })
		if i < 0 {
			if !on {
				continue
			}
			out = append(out, offer{list: v.List, choice: templates.ListChoice{Value: v.ListName, Title: v.Title(lang)}})
			i = len(out) - 1
		}
		out[i].choice.Checked = on
		if v.State == subscribers.Paused {
			out[i].paused = v.Resume
		}
	}
	return out, nil
}

// paused are the pauses that are on: one for all that the reader gets when all of it
// is paused until the same day, else that of each list.
func paused(offered []offer, now time.Time, zone *time.Location) []templates.Pause {
	var out []templates.Pause
	same := true
	for _, o := range offered {
		if !o.paused.After(now) {
			same = same && !o.choice.Checked
			continue
		}
		out = append(out, templates.Pause{Newsletter: o.choice.Title, Until: o.paused.In(zone)})
		same = same && out[0].Until.Format(time.DateOnly) == o.paused.In(zone).Format(time.DateOnly)
	}
	if same && len(out) > 0 {
		return []templates.Pause{{Until: out[0].Until}}
	}
	return out
}

func (s *Site) writePreferences(w http.ResponseWriter, r *http.Request, v subscribers.Subscriber, lang, done string) {
	offered, err := s.offered(r, v.ID, lang)
	if err != nil {
		s.trouble(w, r, lang, err)
		return
	}
	view := templates.PreferencesPage{
		Frame: s.frame(r), Action: templates.Translated(r, lang), Email: v.Email.Mask(), Name: v.Name,
		TextOnly: v.TextOnly, Pauses: pauses, Saved: done == "saved", Sent: done == "sent", Form: "/subscribe?lang=" + lang,
	}
	zone, err := time.LoadLocation(v.Zone)
	if err != nil {
		zone = time.UTC
	}
	for _, o := range offered {
		view.Lists = append(view.Lists, o.choice)
	}
	view.Paused = paused(offered, s.Store.Now(), zone)
	for _, l := range s.languages(r.Context()) {
		view.Languages = append(view.Languages, templates.LanguageChoice{Language: l, Checked: templates.SameLanguage(l, v.Language)})
	}
	x, withheld, err := s.Store.Suppressed(r.Context(), s.Store.DB.Read, v.Key)
	if err != nil {
		s.trouble(w, r, lang, err)
		return
	}
	if withheld && x.Reason != subscribers.Left { // who has left all sees it by his lists, and may tick them again
		view.Withheld = string(x.Reason)
	}
	view.Left = withheld && x.Reason == subscribers.Left
	s.write(w, r, reply{status: http.StatusOK, page: templates.PagePreferences, language: lang, view: view})
}
