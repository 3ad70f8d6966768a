package desk

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"pressrun/deploy/installation"
	"pressrun/digest"
	"pressrun/mailer/dns"
	"pressrun/templates"
)

// alarms is the page of all alarms: those that are open and, when asked for, those
// that are over.
func (d *Desk) alarms(r *request) error {
	all, err := d.Installation.Alarms(r.ctx, false, math.MaxInt32)
	if err != nil {
		return err
	}
	want := r.URL.Query().Get("state")
	open := 0
	type al struct {
		installation.Alarm
		title, at string
	}
	type name struct{ kind, subject string }
	names := map[name]al{} // one that comes and goes is named once
	var rows []al
	for _, a := range all {
		if a.Closed.IsZero() {
			open++
		}
		if a.Closed.IsZero() != (want != "over") && want != "all" {
			continue
		}
		x, known := names[name{a.Kind, a.Subject}]
		if !known {
			x.title, x.at = AlarmTitle(r.ctx, d.Digest, a.Kind, a.Subject)
			names[name{a.Kind, a.Subject}] = x
		}
		x.Alarm = a
		rows = append(rows, x)
	}
	t := templates.Table{Caption: "Alarms", Empty: templates.Empty{Text: "No alarm is open."}}
	for _, a := range arrange(r, &t, rows, func(a al) string { return a.title + " " + a.Detail },
		column[al]{templates.Column{Title: "Alarm", Wide: true}, "alarm", byText(func(a al) string { return a.title })},
		column[al]{templates.Column{Title: "State"}, "state", byText(func(a al) string { return alarmState(a.Alarm).Word })},
		column[al]{Column: templates.Column{Title: "What to do", Wide: true}},
		column[al]{templates.Column{Title: "Raised"}, "-raised", func(a, b al) int { return a.Opened.Compare(b.Opened) }},
		column[al]{templates.Column{Title: "Over"}, "-over", func(a, b al) int { return a.Closed.Compare(b.Closed) }}) {
		title := templates.Cell{Text: a.title, Direction: "auto"}
		if a.at != "/desk/" {
			title.URL = a.at
		}
		over := templates.Cell{Text: "not yet"}
		if !a.Closed.IsZero() {
			if over = d.near(a.Closed); a.Why != "" {
				over.Text += ": " + a.Why
			}
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{title, {State: alarmState(a.Alarm)}, {Text: alarmText(a.Alarm)}, d.near(a.Opened), over}, Actions: alarmActions(a.Alarm)})
	}
	filters := []templates.Filter{{Title: "Open", URL: "/desk/alarms", Count: open}, {Title: "Over", URL: "/desk/alarms?state=over", Count: len(all) - open}, {Title: "All", URL: "/desk/alarms?state=all", Count: len(all)}}
	for i := range filters {
		filters[i].Current = strings.ToLower(filters[i].Title) == cmp.Or(want, "open")
	}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "Alarms", Current: "Today", Action: &templates.Action{Title: "Today", URL: "/desk/"},
		Body: templates.TableBody{Search: searchOf(r, "Search alarms", "state"), Filters: filters, Table: t}})
}

func alarmState(a installation.Alarm) templates.State {
	if a.Closed.IsZero() {
		return templates.State{Kind: templates.KindAlert, Word: "open"}
	}
	return templates.State{Kind: templates.KindPlain, Word: "over"}
}

// alarmText is what happened and what to do, and how often it was said.
func alarmText(a installation.Alarm) string {
	if a.Count > 1 {
		return fmt.Sprintf("%s (%s times)", a.Detail, templates.Words("en").Number(a.Count))
	}
	return a.Detail
}

// alarmActions are what may be done about an alarm where it stands.
func alarmActions(a installation.Alarm) []templates.Action {
	if a.Kind != "dns" || !slices.Contains(dns.Kinds, a.Subject) || !a.Closed.IsZero() {
		return nil
	}
	return []templates.Action{{Title: "Gone on purpose", URL: "/desk/dns", Method: "post", Do: "accept:" + a.Subject,
		Confirm: "End this alarm for all records it names? Receivers still look for them. One that comes back is watched again."}}
}

// dns accepts that records of the DNS are gone on purpose.
func (d *Desk) dns(r *request) error {
	what, ok := strings.CutPrefix(r.FormValue("do"), "accept:")
	if !ok {
		return digest.ErrNotFound
	}
	lost, err := d.AcceptDNS(r.ctx, what, r.user.Email)
	if _, ok := errors.AsType[Refusal](err); ok {
		return done(r, "/desk/", "That alarm is over already.")
	}
	if err != nil {
		return err
	}
	return done(r, "/desk/", "No longer missed: "+strings.Join(lost, ", ")+".")
}
