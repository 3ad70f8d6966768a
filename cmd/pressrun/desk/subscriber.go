package desk

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pressrun/mailer"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

// subscribers is the page Subscribers, with the form for another.
func (d *Desk) subscribers(r *request) error { return d.drawSubscribers(r, http.StatusOK, "", "") }

// drawSubscribers draws it with what is wrong with an address or a source.
func (d *Desk) drawSubscribers(r *request, status int, address, source string) error {
	q := r.URL.Query()
	f := subscribers.Filter{Search: q.Get("q"), List: q.Get("list"), State: q.Get("state"), Sort: q.Get("sort"), Page: pageOf(r), Per: perPage(r)}
	if !slices.Contains([]string{"created", "email", "-email", "name", "-name"}, f.Sort) {
		f.Sort = "-created"
	}
	if f.State != "suppressed" && !slices.Contains(subscribers.States, subscribers.State(f.State)) {
		f.State = ""
	}
	list, total, err := d.Subscribers.Page(r.ctx, f)
	if err != nil {
		return err
	}
	order := f.Sort
	t := templates.Table{Caption: "Subscribers", Columns: []templates.Column{eitherWay(r, templates.Column{Title: "Address", Wide: true}, "email", order), eitherWay(r, templates.Column{Title: "Name", Wide: true}, "name", order), {Title: "Language"}, {Title: "Lists", Wide: true}, eitherWay(r, templates.Column{Title: "Since"}, "-created", order)},
		Empty: templates.Empty{Text: "Nobody reads yet. Readers come by the sign-up page, or by an import."}}
	for _, s := range list {
		var on []string
		for name, st := range s.Lists {
			on = append(on, name+" ("+string(st)+")")
		}
		slices.Sort(on)
		cell := templates.Cell{Text: strings.Join(on, ", ")}
		if s.Suppressed != "" {
			cell.State = templates.State{Kind: templates.KindAlert, Word: "suppressed: " + string(s.Suppressed)}
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: string(s.Email), URL: fmt.Sprintf("/desk/subscribers/%d", s.ID)}, {Text: s.Name, Direction: "auto"}, {Text: s.Language}, cell, d.near(s.Created)}})
	}
	t.Pager = pager(r, f.Page, perPage(r), total)
	filters := []templates.Filter{{Title: "All", URL: "/desk/subscribers?list=" + url.QueryEscape(f.List), Count: -1, Current: f.State == ""}}
	for _, st := range []string{"active", "pending", "paused", "unsubscribed", "suppressed"} {
		filters = append(filters, templates.Filter{Title: st, URL: "/desk/subscribers?state=" + st + "&list=" + url.QueryEscape(f.List), Count: -1, Current: f.State == st})
	}
	intro := ""
	if f.List != "" {
		intro = "Of the list " + f.List + " alone."
	}
	lists, err := d.listOptions(r, r.FormValue("to"))
	if err != nil {
		return err
	}
	form := templates.FormBody{Title: "Add a reader", URL: "/desk/subscribers", Submit: "Add", Intro: "Somebody who has agreed elsewhere: on paper, on the telephone. Whoever asks on the sign-up page confirms it in person.", Fields: []templates.Field{
		{Name: "email", Label: "E-mail address", Kind: "email", Value: r.FormValue("email"), Problem: address, Needed: true},
		{Name: "to", Label: "List", Kind: "select", Options: lists},
		{Name: "source", Label: "Where they agreed to get it", Kind: "text", Value: r.FormValue("source"), Help: "paper form at the fair, 2026-05-01", Problem: source, Needed: true},
		{Name: "name", Label: "Name", Kind: "text", Value: r.FormValue("name")},
		{Name: "language", Label: "Language", Kind: "text", Value: r.FormValue("language"), Help: "en, ur …; empty = the newsletter's"},
	}}
	return d.drawStatus(r, status, templates.DeskTable, templates.DeskPage{Title: "Subscribers", Current: "Subscribers", Action: &templates.Action{Title: "Import", URL: "/desk/subscribers/import"}, Body: templates.TableBody{
		Intro: intro, Search: searchOf(r, "Search by address or name", "list", "state"), Filters: filters, Table: t, Forms: []templates.FormBody{form}}})
}

// listOptions are the lists as choices.
func (d *Desk) listOptions(r *request, chosen string) ([]templates.Option, error) {
	lists, err := d.Subscribers.Lists(r.ctx)
	var out []templates.Option
	for _, l := range lists {
		out = append(out, templates.Option{Value: l.Name, Title: l.Title, Selected: l.Name == chosen})
	}
	return out, err
}

func (d *Desk) subscriberAdd(r *request) error {
	value := func(name string) string { return strings.TrimSpace(r.FormValue(name)) }
	s, err := d.Subscribers.Add(r.ctx, subscribers.New{
		Subscriber: subscribers.Subscriber{Email: address.Address(value("email")), Name: value("name"), Language: value("language")}, ListNames: []string{value("to")},
		Consent: subscribers.Consent{Basis: subscribers.Imported, Source: value("source")}, By: r.user.Email})
	switch {
	case errors.Is(err, subscribers.ErrConsent):
		return d.drawSubscribers(r, http.StatusBadRequest, "", "Say where they agreed: it is kept as the proof of our right to write.")
	case err != nil:
		if why := unfit(err, value("email")); why != "" {
			return d.drawSubscribers(r, http.StatusBadRequest, why, "")
		}
		return err
	}
	d.record(r, "add", fmt.Sprintf("subscriber %d", s.ID), value("to"))
	return done(r, fmt.Sprintf("/desk/subscribers/%d", s.ID), "They read it from the next issue on.")
}

// unfit is why a reader cannot have an address, "" = for no fault of whoever asks.
func unfit(err error, email string) string {
	if _, bad := address.Parse(email); err != nil && bad != nil {
		return sentence(bad.Error()) + " Nothing was changed."
	}
	switch {
	case errors.Is(err, subscribers.ErrLeft):
		return "They have left this list. Only they can come back, by the sign-up page. Nothing was changed."
	case errors.Is(err, subscribers.ErrSuppressed):
		return "This address is suppressed: it left everything, complained, takes no mail or was forgotten. Nothing was changed."
	case errors.Is(err, subscribers.ErrTaken):
		return "Another reader has this address. Nothing was changed."
	case errors.Is(err, subscribers.ErrLanguage):
		return "That is not a language; write for instance en or ur. Nothing was changed."
	}
	return ""
}

// subscriber is the page of one reader: what he reads, what happened, and what
// may be done for him.
func (d *Desk) subscriber(r *request) error { return d.drawSubscriber(r, http.StatusOK) }

func (d *Desk) drawSubscriber(r *request, status int, said ...templates.Flash) error {
	s, err := d.Subscribers.ByID(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	events, err := d.Subscribers.Timeline(r.ctx, s.ID)
	if err != nil {
		return err
	}
	subs, err := d.Subscribers.Subscriptions(r.ctx, s.ID)
	if err != nil {
		return err
	}
	body := templates.RecordBody{Facts: []templates.Fact{
		{Name: "Name", Value: templates.Cell{Text: cmp.Or(s.Name, "–"), Direction: "auto"}}, {Name: "Language", Value: templates.Cell{Text: cmp.Or(s.Language, "the newsletter's")}},
		{Name: "Zone", Value: templates.Cell{Text: cmp.Or(s.Zone, "the newsletter's")}}, {Name: "Since", Value: d.near(s.Created)},
	}}
	t := templates.Table{Caption: "Subscriptions", Columns: []templates.Column{{Title: "List", Wide: true}, {Title: "State"}, {Title: "Confirmed"}}, Empty: templates.Empty{Text: "On no list."}}
	url := fmt.Sprintf("/desk/subscribers/%d", s.ID)
	post := func(title, do, confirm string) templates.Action {
		return templates.Action{Title: title, URL: url, Method: "post", Do: do, Confirm: confirm}
	}
	for _, sub := range subs {
		row := templates.Row{Cells: []templates.Cell{{Text: sub.ListTitle}, {State: state(string(sub.State)), Note: sub.Reason}, d.near(sub.Confirmed)}}
		end := post("End", "leave:"+sub.ListName, "End this subscription? Only the reader can begin it again.")
		switch sub.State {
		case subscribers.Active:
			row.Actions = []templates.Action{post("Pause 30 days", "pause:"+sub.ListName, ""), end}
		case subscribers.Paused:
			row.Actions = []templates.Action{post("Resume", "resume:"+sub.ListName, ""), end}
		case subscribers.Pending:
			row.Actions = []templates.Action{end}
		}
		t.Rows = append(t.Rows, row)
	}
	got, err := d.receivedTable(r, s.ID)
	if err != nil {
		return err
	}
	body.Tables = []templates.TableSection{{Title: "Subscriptions", Table: t}, {Title: "Issues", Table: got}}
	for _, e := range slices.Backward(events) {
		text := e.Kind
		if e.ListName != "" {
			text += " · " + e.ListName
		}
		body.Timeline = append(body.Timeline, templates.Event{When: templates.Near(e.At, d.Now()), Hover: templates.Exact(e.At), Text: text, Why: strings.TrimSpace(e.Detail + " " + e.Actor)})
	}
	forget := post("Forget", "forget", "Erase this reader, for good? Address, name, history and proof of consent go; a hash stays, so that nobody writes there again.")
	forget.Danger = true
	body.Actions = []templates.Action{forget}
	body.Forms = []templates.FormBody{{Title: "Another address", Intro: "What they read, and what they agreed to, stays as it is.", URL: url, Submit: "Change", Fields: []templates.Field{
		{Name: "do", Kind: "hidden", Value: "move"}, {Name: "email", Label: "New e-mail address", Kind: "email", Value: r.FormValue("email"), Needed: true}}}}
	return d.drawStatus(r, status, templates.DeskRecord, templates.DeskPage{Title: string(s.Email), Current: "Subscribers", Action: &templates.Action{Title: "All subscribers", URL: "/desk/subscribers"}, Flash: said, Body: body})
}

// Received is an issue that a reader was in the audience of, and what became of his
// copy.
type Received struct {
	Issue      int64        `json:"issue_id"`
	Newsletter string       `json:"newsletter"`
	Title      string       `json:"title"` // of the newsletter
	Number     int          `json:"number"`
	Edition    string       `json:"edition,omitempty"`
	Language   string       `json:"language"`
	Subject    string       `json:"subject,omitempty"`
	State      mailer.State `json:"state"`
	Why        string       `json:"why"`
	Done       time.Time    `json:"done_at,omitzero"`
}

// receivedTable lists what a reader got.
func (d *Desk) receivedTable(r *request, subscriber int64) (templates.Table, error) {
	t := templates.Table{Caption: "Issues", Columns: []templates.Column{{Title: "Issue", Wide: true}, {Title: "State"}, {Title: "What happened", Wide: true}},
		Empty: templates.Empty{Text: "No issue yet: none has gone out since they are on a list."}}
	per := perPage(r)
	list, total, err := d.Received(r.ctx, subscriber, mailer.Page{Offset: (pageOf(r) - 1) * per, Limit: per})
	for _, g := range list {
		name := fmt.Sprintf("%s No. %d", g.Title, g.Number)
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{
			{Text: cmp.Or(g.Subject, name), URL: issueURL(g.Issue), Note: name, Language: g.Language, Direction: "auto"}, {State: state(string(g.State))}, {Text: g.Why}}})
	}
	t.Pager = pager(r, pageOf(r), per, total)
	return t, err
}

// deskPause is how long a pause of the desk lasts.
const deskPause = 30 * 24 * time.Hour

func (d *Desk) subscriberAct(r *request) error {
	id, by := r.id("id"), r.user.Email
	do, name, _ := strings.Cut(r.FormValue("do"), ":")
	var list int64
	var err error
	if do == "leave" || do == "pause" || do == "resume" {
		if list, err = d.Subscribers.ListID(r.ctx, d.Digest.DB.Read, name); err != nil {
			return err
		}
	}
	back, said := fmt.Sprintf("/desk/subscribers/%d", id), ""
	switch do {
	case "leave":
		said, err = "The subscription is ended.", d.Subscribers.Unsubscribe(r.ctx, id, list, "at the desk")
	case "pause":
		said, err = "Paused for 30 days; then it goes on by itself.", d.Subscribers.Pause(r.ctx, id, list, d.Now().Add(deskPause), by)
	case "resume":
		said, err = "It goes on with the next issue.", d.Subscribers.Resume(r.ctx, id, list, by)
	case "forget":
		said, back, err = "The reader is erased.", "/desk/subscribers", d.Subscribers.Forget(r.ctx, id, by)
	case "move":
		said, err = "The reader has another address.", d.Subscribers.Move(r.ctx, id, strings.TrimSpace(r.FormValue("email")), by)
		if why := unfit(err, strings.TrimSpace(r.FormValue("email"))); why != "" {
			return d.drawSubscriber(r, http.StatusBadRequest, templates.Flash{Kind: templates.KindAlert, Text: why})
		}
	default:
		return subscribers.ErrNotFound
	}
	if errors.Is(err, subscribers.ErrState) {
		d.message(r, http.StatusConflict, "Not any more", "The subscription has changed since you opened the page, so nothing was done. Open it again to see where it stands.")
		return nil
	}
	if err != nil {
		return err
	}
	if do == "leave" {
		do = "unsubscribe"
	}
	d.record(r, do, fmt.Sprintf("subscriber %d", id), name)
	return done(r, back, said)
}
