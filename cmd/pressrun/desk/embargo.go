package desk

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/templates"
)

// embargo is a time that an editor gives by the clocks of a newsletter's zone.
type embargo struct {
	At   time.Time // zero = none
	Said string    // the time as it was understood, and what is odd about it
}

// clockLayout is a time as a browser's field for one gives it.
const clockLayout = "2006-01-02T15:04"

// zones are those of the newsletters, each once, and the one that a form asks for: the
// first where it asks for none.
func (d *Desk) zones(r *request) (names []string, zone *time.Location, err error) {
	list, err := d.Digest.Newsletters(r.ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range list {
		if name := n.Spec.WithDefaults(n.Name).Zone; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = []string{"UTC"}
	}
	name := names[0]
	if asked := r.FormValue("zone"); slices.Contains(names, asked) {
		name = asked
	}
	zone, err = time.LoadLocation(name)
	return names, zone, err
}

// embargoFields ask for a time, now is the one that is set, by the clocks of a
// newsletter's zone; help says what it is for.
func (d *Desk) embargoFields(r *request, now time.Time, help, problem string) ([]templates.Field, error) {
	names, loc, err := d.zones(r)
	if err != nil {
		return nil, err
	}
	chosen := loc.String()
	until := templates.Field{Name: "until", Label: "Time on the clocks of " + chosen, Kind: "datetime-local", Value: r.FormValue("until"), Help: help, Problem: problem}
	if until.Value == "" {
		until.Value = clock(now, loc)
	}
	zone := templates.Field{Name: "zone", Kind: "hidden", Value: chosen}
	if len(names) > 1 {
		until.Label = "Time"
		zone.Label, zone.Kind = "On the clocks of", "select"
		for _, z := range names {
			zone.Options = append(zone.Options, templates.Option{Value: z, Title: z, Selected: z == chosen})
		}
	}
	return []templates.Field{until, zone}, nil
}

// clock is what a zone's clocks show at t, as a field of the kind datetime-local has it.
func clock(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(clockLayout)
}

// readEmbargo reads what was asked for by embargoFields, or a time with its zone as
// programs write it (RFC 3339). now is what the fields showed: left as it was it stays
// to the second. Of a time that the clocks show twice the second is meant: an embargo
// does not end early.
func (d *Desk) readEmbargo(r *request, now time.Time) (embargo, error) {
	text := strings.TrimSpace(r.FormValue("until"))
	if text == "" {
		return embargo{}, nil
	}
	_, zone, err := d.zones(r)
	if err != nil {
		return embargo{}, err
	}
	said := func(at time.Time, odd string) embargo {
		return embargo{At: at, Said: at.In(zone).Format("2 January 2006, 15:04 MST") + "." + odd}
	}
	if text == clock(now, zone) {
		return said(now, ""), nil
	}
	wall, err := time.Parse(clockLayout, text)
	if err != nil {
		wall, err = time.Parse(clockLayout+":05", text)
	}
	if err != nil {
		at, err := digest.ParseWhen(text)
		if err != nil {
			return embargo{}, errClock
		}
		return said(at, ""), nil
	}
	first, last := digest.ClockTimes(wall, zone)
	switch shown := last.In(zone); {
	case !first.Equal(last):
		return said(last, fmt.Sprintf(" The clocks of %s show %s twice that day, as they are put back: the second time counts.", zone, shown.Format("15:04"))), nil
	case shown.Format("15:04") != wall.Format("15:04"):
		return said(last, fmt.Sprintf(" The clocks of %s leave out %s that day, as they are put forward.", zone, wall.Format("15:04"))), nil
	}
	return said(last, ""), nil
}

// errClock tells who gave a time how to give it.
var errClock = Refusal("Give day and time, for instance 2026-11-25T18:00, or with a zone of its own 2026-11-25T18:00+05:00. Nothing was changed.")
