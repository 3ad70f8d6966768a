package desk

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"pressrun/digest"
	"pressrun/templates"
)

// alarmsToday is how many alarms the page Today shows, the newest.
const alarmsToday = 20

func (d *Desk) today(r *request) error {
	alarms, err := d.Installation.Alarms(r.ctx, true, math.MaxInt32)
	if err != nil {
		return err
	}
	body := templates.TodayBody{AlarmsURL: "/desk/alarms"}
	shown := alarms[:min(alarmsToday, len(alarms))]
	body.Unshown = len(alarms) - len(shown)
	for _, a := range slices.Backward(shown) {
		title, at := AlarmTitle(r.ctx, d.Digest, a.Kind, a.Subject)
		alarm := templates.Alarm{Subject: title, Text: alarmText(a), Since: "raised " + templates.Near(a.Opened, d.Now()), Hover: templates.Exact(a.Opened), Kind: templates.KindAlert, Actions: alarmActions(a)}
		if at != "/desk/" {
			alarm.URL = at
		}
		body.Alarms = append(body.Alarms, alarm)
	}
	waiting, err := d.Digest.IssuesIn(r.ctx, "draft", "held", "approved", "countdown")
	if err != nil {
		return err
	}
	for _, i := range waiting {
		subject, err := d.subjectOf(r, i)
		if err != nil {
			return err
		}
		draft := templates.Draft{Newsletter: i.Spec.Title, Subject: subject, When: d.whenOut(i), Hover: templates.Exact(i.SlotAt), URL: issueURL(i.ID), State: state(i.State)}
		if i.State == "approved" || i.State == "countdown" {
			body.Leaving = append(body.Leaving, draft)
		} else {
			body.Waiting = append(body.Waiting, draft)
		}
	}
	if body.Next, err = d.nextSlots(r); err != nil {
		return err
	}
	if body.Recent, err = d.recentIssues(r); err != nil {
		return err
	}
	return d.draw(r, templates.DeskToday, templates.DeskPage{Title: "Today", Current: "Today", Body: body})
}

func (d *Desk) subjectOf(r *request, i digest.Issue) (string, error) {
	subject, err := d.Digest.Subject(r.ctx, i.ID, i.Revision)
	return cmp.Or(subject, i.Spec.Title), err
}

// Leaves says when an approved issue goes out: "in 42 min", "now".
func Leaves(i digest.Issue, now time.Time) string {
	countdown := time.Duration(i.Spec.Countdown)
	switch {
	case i.SlotAt.Add(-countdown).After(now):
		return nearClock(i, i.SlotAt, now)
	case countdown > 0 && i.State != "countdown":
		return "once its countdown of " + templates.Span(countdown) + " is over"
	case i.State == "countdown":
		return nearClock(i, i.Starts, now)
	}
	return "now"
}

// whenOut says why an issue is in its state, and when it goes or went out.
func (d *Desk) whenOut(i digest.Issue) string {
	near := nearClock(i, i.SlotAt, d.Now())
	switch i.State {
	case "approved":
		return "goes out " + Leaves(i, d.Now())
	case "countdown":
		if d.Now().Before(i.Starts) && i.Starts.Sub(d.Now()) < time.Minute {
			return "goes out within a minute"
		}
		return "goes out " + nearClock(i, i.Starts, d.Now())
	case "draft":
		if i.Spec.Approval == "send" {
			return "goes out " + near + " unless somebody holds it"
		}
		return "waits for approval; its time is " + near
	}
	when := "its time is " + near
	switch {
	case i.State == "sending" || i.State == "paused":
		when = "began " + nearClock(i, i.Started, d.Now())
	case !i.Started.IsZero():
		when = "went out " + nearClock(i, i.Started, d.Now())
	case i.SlotAt.Before(d.Now()):
		when = "its time was " + near
	case i.State == "cancelled" || i.State == "skipped":
		when = "its time would be " + near
	}
	if i.Reason != "" { // the state's word stands before it
		when = i.Reason + "; " + when
	}
	return when
}

// nextSlots are the slots to come, each also as the wall clock of its
// newsletter's zone will show it. One whose issue is in the making leads to it.
func (d *Desk) nextSlots(r *request) (templates.Table, error) {
	t := templates.Table{Caption: "Next slots", Columns: []templates.Column{{Title: "Newsletter"}, {Title: "When", Wide: true}, {Title: "State"}},
		Empty: templates.Empty{Text: "Nothing is scheduled. A newsletter with a schedule plans its slots here."}}
	list, err := d.Digest.Newsletters(r.ctx)
	if err != nil {
		return t, err
	}
	if len(list) == 0 {
		t.Empty.Text = "Nothing is scheduled, for there is no newsletter. Make one under Newsletters."
	} else if !slices.ContainsFunc(list, func(n digest.Newsletter) bool { return n.State != "paused" }) {
		t.Empty.Text = "Nothing is scheduled, for all newsletters are paused."
	}
	specs, paused := map[int64]digest.Spec{}, map[int64]bool{}
	for _, n := range list {
		specs[n.ID], paused[n.ID] = n.Spec.WithDefaults(n.Name), n.State == "paused"
	}
	slots, err := d.Digest.Slots(r.ctx, 0, d.Now().Add(-time.Minute))
	if err != nil {
		return t, err
	}
	slots = slices.DeleteFunc(slots, func(s digest.Slot) bool {
		return s.State != "running" && (s.State != "planned" || paused[s.NewsletterID])
	})
	for _, s := range slots[:min(8, len(slots))] {
		zone, err := time.LoadLocation(specs[s.NewsletterID].Zone)
		if err != nil {
			zone = time.UTC
		}
		at := s.At.In(zone)
		when := d.nearIn(at)
		if at.Sub(d.Now()) >= 24*time.Hour {
			when.Text = at.Format("Monday, 2 January 2006, 15:04 MST")
		} else {
			when.Note = at.Format("Monday 15:04 MST")
		}
		name := templates.Cell{Text: specs[s.NewsletterID].Title}
		if s.State == "running" {
			i, err := d.Digest.IssueOfSlot(r.ctx, s.ID)
			if err == nil {
				name.URL = issueURL(i.ID)
			} else if !errors.Is(err, digest.ErrNotFound) {
				return t, err
			}
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{name, when, {State: state(s.State)}}})
	}
	return t, nil
}

func (d *Desk) recentIssues(r *request) (templates.Table, error) {
	issues, _, err := d.Digest.Lines(r.ctx, digest.LineFilter{Page: 1, Per: 12})
	t := issueTable()
	t.Empty = templates.Empty{Text: "No issue has been sent yet."}
	for _, i := range issues {
		if !i.Started.IsZero() {
			t.Rows = append(t.Rows, d.issueRow(i))
		}
	}
	return t, err
}

func issueTable() templates.Table {
	return templates.Table{Caption: "Issues", Columns: []templates.Column{{Title: "Issue", Wide: true}, {Title: "State"}, {Title: "Slot"}, {Title: "Readers", Number: true}},
		Empty: templates.Empty{Text: "No issue yet. The next slot makes one, or: pressrun issue build NEWSLETTER"}}
}

func (d *Desk) issueRow(i digest.Line) templates.Row {
	audience := templates.Cell{Text: "–"}
	if !i.Started.IsZero() {
		audience = templates.Cell{Text: templates.Words("en").Number(i.Audience), URL: issueURL(i.ID) + "/readers"}
	}
	return templates.Row{Cells: []templates.Cell{
		{Text: i.Subject, URL: issueURL(i.ID), Note: fmt.Sprintf("%s No. %d", i.Newsletter, i.Number), Direction: "auto"},
		{State: state(i.State), Hover: i.Reason}, d.nearIn(i.SlotAt), audience,
	}}
}

func issueURL(id int64) string { return "/desk/issues/" + strconv.FormatInt(id, 10) }

func (d *Desk) issues(r *request) error {
	q := r.URL.Query()
	f := digest.LineFilter{Search: q.Get("q"), State: q.Get("state"), Sort: q.Get("sort"), Page: pageOf(r), Per: perPage(r)}
	list, total, err := d.Digest.Lines(r.ctx, f)
	if err != nil {
		return err
	}
	counts, err := d.Digest.LineCounts(r.ctx)
	if err != nil {
		return err
	}
	t := issueTable()
	for i, key := range []string{"newsletter", "state", "slot", "readers"} {
		t.Columns[i] = eitherWay(r, t.Columns[i], key, f.Sort)
	}
	for _, i := range list {
		t.Rows = append(t.Rows, d.issueRow(i))
	}
	t.Pager = pager(r, f.Page, f.Per, total)
	filters := []templates.Filter{{Title: "All", URL: "/desk/issues", Current: f.State == ""}}
	for _, s := range []string{"building", "draft", "held", "approved", "countdown", "sending", "paused", "sent", "closed", "skipped", "cancelled", "failed"} {
		if counts[s] > 0 {
			filters = append(filters, templates.Filter{Title: s, URL: "/desk/issues?state=" + s, Count: counts[s], Current: f.State == s})
			filters[0].Count += counts[s]
		}
	}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "Issues", Current: "Issues",
		Body: templates.TableBody{Search: searchOf(r, "Search by newsletter, subject, reason", "state"), Filters: filters, Table: t}})
}
