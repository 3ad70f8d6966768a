package desk

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"pressrun/mailer"
	"pressrun/mailer/bounce"
	"pressrun/subscribers"
	"pressrun/templates"
)

// howItEnds says by whom a suppression is lifted.
var howItEnds = map[subscribers.Reason]string{
	subscribers.Left:      "ends when the reader confirms again",
	subscribers.Hard:      "ends when the reader asks for it and confirms; one letter a month",
	subscribers.Complaint: "ends when the reader asks for it and confirms; one letter a month",
	subscribers.Manual:    "ends when an operator lifts it",
	subscribers.Forgotten: "never ends",
}

// since is a column of times that sorts either way.
func since(r *request, title, order string) templates.Column {
	next := "newest"
	if order == next {
		next = "oldest"
	}
	c := sorted(r, title, next)
	c.Sorted = map[string]string{"oldest": "ascending", "newest": "descending"}[order]
	return c
}

// suppressions lists the addresses that are never written to.
func (d *Desk) suppressions(r *request) error {
	q := r.URL.Query()
	f := subscribers.SuppressionFilter{Search: q.Get("q"), Reason: subscribers.Reason(q.Get("reason")), Sort: cmp.Or(q.Get("sort"), "newest"), Offset: (pageOf(r) - 1) * perPage(r), Limit: perPage(r)}
	list, total, err := d.Subscribers.Suppressions(r.ctx, f)
	if err != nil {
		return err
	}
	t := templates.Table{Caption: "Suppressions", Empty: templates.Empty{Text: "No address is suppressed. Those that bounce for good, complain or leave come here by themselves; others by: pressrun suppression add ADDRESS"}, Pager: pager(r, pageOf(r), perPage(r), total),
		Columns: []templates.Column{eitherWay(r, templates.Column{Title: "Address", Wide: true}, "address", f.Sort), eitherWay(r, templates.Column{Title: "Reason"}, "reason", f.Sort), since(r, "Since", f.Sort), {Title: "What happened", Wide: true}}}
	for _, x := range list {
		row := templates.Row{Cells: []templates.Cell{{Text: x.Key}, {Text: string(x.Reason), Note: x.Reason.Words()}, d.near(x.At), {Text: cmp.Or(x.Note, "–"), Note: howItEnds[x.Reason]}}}
		if x.Beneath != "" {
			row.Cells[1].Note += "; also: " + x.Beneath.Words()
		}
		if x.Hashed() {
			row.Cells[0] = templates.Cell{Text: "an erased address", Note: x.Key[:12]}
		}
		if x.Reason == subscribers.Manual && !x.Hashed() {
			row.Actions = []templates.Action{{Title: "Lift", URL: "/desk/bounces", Method: "post", Do: "lift:" + x.Key, Confirm: "Write to this address again, where it is subscribed?"}}
		}
		t.Rows = append(t.Rows, row)
	}
	filters := []templates.Filter{{Title: "All", URL: "/desk/bounces", Count: -1, Current: f.Reason == ""}}
	for _, reason := range subscribers.Reasons {
		filters = append(filters, templates.Filter{Title: string(reason), URL: "/desk/bounces?reason=" + string(reason), Count: -1, Current: f.Reason == reason})
	}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "Bounces and suppressions", Current: "Bounces", Action: &templates.Action{Title: "Mail that came back", URL: "/desk/bounces/mail"}, Body: templates.TableBody{
		Intro:  "These addresses are never written to, whatever a list, import or API says.",
		Search: searchOf(r, "Search by address", "reason"), Filters: filters, Table: t}})
}

func (d *Desk) suppressionAct(r *request) error {
	address, ok := strings.CutPrefix(r.FormValue("do"), "lift:")
	if !ok {
		return subscribers.ErrNotFound
	}
	still, err := d.Subscribers.Unsuppress(r.ctx, address)
	if errors.Is(err, subscribers.ErrSuppressed) {
		d.message(r, http.StatusConflict, "It stays suppressed", "What a reader or a mailbox has decided is not ours to lift: it ends when the reader himself asks and confirms. Nothing was changed.")
		return nil
	}
	if err != nil {
		return err
	}
	d.record(r, "lift suppression", address, "")
	if still != "" {
		return done(r, "/desk/bounces", "What was suppressed by hand is lifted. The address is still not written to: "+still.Words()+", which only the reader can lift.")
	}
	return done(r, "/desk/bounces", "The suppression is lifted; no subscription was changed.")
}

var returnedKinds = map[string]templates.State{
	"bounce": {Kind: templates.KindWarn, Word: "bounce"}, "complaint": {Kind: templates.KindAlert, Word: "complaint"}, "leave": {Word: "asked to leave"},
	"autoreply": {Word: "automatic answer"}, "test": {Word: "answer to a test"}, "none": {Word: "something else"},
}

// returned lists mail that came back, and what followed.
func (d *Desk) returned(r *request) error {
	q := r.URL.Query()
	f := mailer.ReturnedFilter{Kind: q.Get("kind"), Class: q.Get("class"), Search: q.Get("q"), Oldest: q.Get("sort") == "oldest", Offset: (pageOf(r) - 1) * perPage(r), Limit: perPage(r)}
	if reader, err := d.Subscribers.Find(r.ctx, f.Search); err == nil { // an address finds its reader's
		f.Subscriber, f.Search = reader.ID, ""
	}
	list, total, err := d.Mailer.Returned(r.ctx, f)
	if err != nil {
		return err
	}
	order := map[bool]string{true: "oldest", false: "newest"}[f.Oldest]
	t := templates.Table{Caption: "Mail that came back", Empty: templates.Empty{Text: "Nothing came back yet. Reports come here once [bounce] in press.toml says where they arrive, or your sending service posts them to /v1/bounces/."}, Pager: pager(r, pageOf(r), perPage(r), total),
		Columns: []templates.Column{since(r, "When", order), {Title: "Reader", Wide: true}, {Title: "What"}, {Title: "It said", Wide: true}, {Title: "What followed", Wide: true}}}
	ids := make([]int64, len(list))
	for n, x := range list {
		ids[n] = x.Subscriber
	}
	readers, err := d.Subscribers.ByIDs(r.ctx, ids)
	if err != nil {
		return err
	}
	for _, x := range list {
		reader := templates.Cell{Text: "not known"}
		if x.LetterTo != "" {
			reader = templates.Cell{Text: x.LetterTo, Note: x.LetterKind + " letter"}
		}
		if s, known := readers[x.Subscriber]; known {
			reader = templates.Cell{Text: string(s.Email), URL: fmt.Sprintf("/desk/subscribers/%d", s.ID)}
		}
		what := templates.Cell{State: returnedKinds[x.Kind]}
		if x.Kind == "bounce" {
			what.Note = x.Class + " · " + bounce.Words(x.Reason)
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{d.near(x.At), reader, what, {Text: cmp.Or(x.Diagnostic, "–"), Note: x.Status}, {Text: x.Effect}}})
	}
	filters := []templates.Filter{{Title: "All", URL: "/desk/bounces/mail", Count: -1, Current: f.Kind == ""}}
	for _, kind := range []string{"bounce", "complaint", "leave", "autoreply", "test", "none"} {
		filters = append(filters, templates.Filter{Title: returnedKinds[kind].Word, URL: "/desk/bounces/mail?kind=" + kind, Count: -1, Current: f.Kind == kind})
	}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "Mail that came back", Current: "Bounces", Action: &templates.Action{Title: "Suppressions", URL: "/desk/bounces"}, Body: templates.TableBody{
		Intro:  "Reports of other mail systems, complaints, and requests to leave by mail.",
		Search: searchOf(r, "Search by address, reason or words", "kind"), Filters: filters, Table: t}})
}
