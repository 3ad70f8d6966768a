package desk

import (
	"cmp"
	"fmt"

	"pressrun/mailer"
	"pressrun/templates"
)

// deliverability is how every relay stands: its health, its pace, what is used
// of its limits, and which operators asked for less.
func (d *Desk) deliverability(r *request) error {
	list, err := d.Mailer.RelayStates(r.ctx)
	if err != nil {
		return err
	}
	t := templates.Table{Caption: "Relays", Empty: templates.Empty{Text: "No relay is configured. Add one under [[relay]] in press.toml."}}
	list = arrange(r, &t, list, func(s mailer.RelayState) string { return s.Name + " " + s.State + " " + s.Reason + " " + s.Words() },
		column[mailer.RelayState]{templates.Column{Title: "Relay"}, "name", byText(func(s mailer.RelayState) string { return s.Name })},
		column[mailer.RelayState]{templates.Column{Title: "State"}, "state", byText(func(s mailer.RelayState) string { return s.State })},
		column[mailer.RelayState]{Column: templates.Column{Title: "Pace"}},
		column[mailer.RelayState]{templates.Column{Title: "Last 60 min", Number: true}, "hour", func(a, b mailer.RelayState) int { return cmp.Compare(a.Hour, b.Hour) }},
		column[mailer.RelayState]{templates.Column{Title: "This UTC day", Number: true}, "day", func(a, b mailer.RelayState) int { return cmp.Compare(a.Day, b.Day) }},
		column[mailer.RelayState]{Column: templates.Column{Title: "Why", Wide: true}})
	for _, s := range list {
		t.Rows = append(t.Rows, d.relayRow(s))
		for _, p := range s.Slowed {
			t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: "to " + p.Group, Note: "by " + s.Name}, {State: state("slowed")}, {Text: fmt.Sprintf("%.2g a second, growing", p.Rate)},
				{Text: "–"}, {Text: "–"}, {Text: p.Reason, Note: templates.Near(p.Since, d.Now()), Hover: templates.Exact(p.Since)}}})
		}
	}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "Deliverability", Current: "Deliverability", Body: templates.TableBody{
		Intro:  "Relays in the order they are used. A relay that is down is tried every half minute, and mail goes on by itself when it is back.",
		Search: searchOf(r, "Search relays and operators"), Table: t}})
}

func (d *Desk) relayRow(s mailer.RelayState) templates.Row {
	used := func(n, limit int) templates.Cell {
		if limit == 0 {
			return templates.Cell{Text: "no limit"}
		}
		number := templates.Words("en").Number
		return templates.Cell{Text: number(n) + " of " + number(limit)}
	}
	name, day, why := templates.Cell{Text: s.Name}, used(s.Day, s.PerDay), templates.Cell{Text: s.Reason}
	if s.Share > 0 {
		name.Note = fmt.Sprintf("share %g", s.Share)
	}
	if s.WarmupDay > 0 {
		day.Note = fmt.Sprintf("warm-up, day %d of %d", s.WarmupDay, s.WarmupDays)
	}
	if s.State == "down" && !s.RetryAt.IsZero() {
		why.Note, why.Hover = "tried again "+templates.Near(s.RetryAt, d.Now()), templates.Exact(s.RetryAt)
	}
	if s.State == "used up" {
		why.Text = "What may be sent is used up; it goes on by itself when the hour or the day allows."
	}
	st := templates.Cell{State: state(s.State)}
	if !s.Since.IsZero() {
		st.Hover = "since " + templates.Exact(s.Since)
	}
	return templates.Row{Cells: []templates.Cell{name, st, {Text: s.Pace()}, used(s.Hour, s.PerHour), day, why}}
}
