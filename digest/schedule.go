package digest

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule yields the instants of a cron expression in a zone's wall-clock
// time: "0 7 * * *" is 07:00 on the clock of that city, once on every day of
// the year, also on the two days when the clock is changed.
type Schedule struct {
	cron cron.Schedule
	zone *time.Location
	expr string
}

// ParseSchedule reads five cron fields (minute hour day-of-month month
// day-of-week) or a descriptor such as @daily. The zone is a name of its own:
// a TZ= prefix, on which the cron parser can panic, is refused.
func ParseSchedule(expr, zone string) (s Schedule, err error) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return s, fmt.Errorf("zone %q is not known; write an IANA name such as Asia/Karachi", zone)
	}
	expr = strings.TrimSpace(expr)
	if strings.ContainsAny(expr, "=") {
		return s, fmt.Errorf("%q: the zone has a field of its own, take the prefix away", expr)
	}
	if strings.HasPrefix(expr, "@every") {
		return s, fmt.Errorf("%q: a newsletter goes out at times of day; write for instance 0 7 * * *", expr)
	}
	c, err := cron.ParseStandard(expr)
	if err != nil {
		return s, fmt.Errorf("%q cannot be read (%v); write for instance 0 7 * * 1-5 for 07:00 on working days", expr, err)
	}
	return Schedule{cron: c, zone: loc, expr: expr}, nil
}

// leastApart is the least time between two issues: "* 7 * * *" means sixty, and is
// written by whoever means one.
const leastApart = 10 * time.Minute

// rush reports whether of the next hundred times two are closer than leastApart.
func (s Schedule) rush() bool {
	last := s.Next(time.Unix(0, 0))
	for range 100 {
		next := s.Next(last)
		if next.IsZero() || next.Sub(last) < leastApart {
			return !next.IsZero()
		}
		last = next
	}
	return false
}

// Next is the first instant of the schedule after t, or the zero time when
// there is none within the years the parser looks ahead (31 February).
//
// The parser computes in UTC, where no hour is missing or doubled, and the
// result is put on the zone's clock: an hour that does not exist is taken as
// far after the gap as it lies in it, one that exists twice at its first. What
// a gap pushes on may come after what the clock shows later, so the search begins
// longestGap before t and ends at the clock of the earliest it has found.
func (s Schedule) Next(t time.Time) time.Time {
	var best time.Time
	wall := s.wall(t).Add(-longestGap)
	for range 1000 {
		if wall = s.cron.Next(wall); wall.IsZero() || !best.IsZero() && wall.After(s.wall(best)) {
			break
		}
		if at := onClock(wall, s.zone); at.After(t) && (best.IsZero() || at.Before(best)) {
			best = at
		}
	}
	return best
}

// longestGap is no less than what any zone's clocks are put forward at once.
const longestGap = 3 * time.Hour

// wall is what the zone's clocks show at t, as if they were those of UTC.
func (s Schedule) wall(t time.Time) time.Time {
	w := t.In(s.zone)
	return time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), w.Nanosecond(), time.UTC)
}

// has reports whether t is an instant of the schedule; the zero schedule has none.
func (s Schedule) has(t time.Time) bool {
	return s.cron != nil && s.Next(t.Add(-time.Second)).Equal(t)
}

// Local is an instant as the schedule's zone shows it.
func (s Schedule) Local(t time.Time) time.Time { return t.In(s.zone) }

// onClock is the first instant at which the zone's clocks show wall.
func onClock(wall time.Time, zone *time.Location) time.Time {
	first, _ := ClockTimes(wall, zone)
	return first
}

// ClockTimes are the first and the last instant at which the zone's clocks show what
// wall shows in UTC: the same one but in the hour that comes twice when clocks are put
// back. A time that they leave out is taken as far after the gap as it lies in it.
func ClockTimes(wall time.Time, zone *time.Location) (first, last time.Time) {
	// The offsets in force a day before and a day after are the only ones a
	// clock change can lie between.
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	_, after := wall.Add(24 * time.Hour).In(zone).Zone()
	first = wall.Add(-time.Duration(max(before, after)) * time.Second).UTC()
	last = wall.Add(-time.Duration(min(before, after)) * time.Second).UTC()
	switch early, late := shows(first, wall, zone), shows(last, wall, zone); {
	case early && late:
		return first, last
	case early:
		return first, first
	case late:
		return last, last
	}
	// In the gap: with the offset from before the change the clock shows the
	// time pushed on by the gap's length.
	at := wall.Add(-time.Duration(before) * time.Second).UTC()
	return at, at
}

func shows(at, wall time.Time, zone *time.Location) bool {
	w := at.In(zone)
	return w.Hour() == wall.Hour() && w.Minute() == wall.Minute() && w.Day() == wall.Day()
}
