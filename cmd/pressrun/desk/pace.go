package desk

import (
	"fmt"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/templates"
)

// Pace says how fast the copies of an issue go out and when the last has, in the zone
// of its newsletter: "812 a minute; the last at about 14:05 CET, in 3 h 10 min". ""
// when that is not known.
func Pace(i digest.Issue, p mailer.Progress, now time.Time) string {
	if p.PerMinute == 0 {
		if p.Over >= LeastPace {
			return "none has gone out in the last " + templates.Span(p.Over)
		}
		return ""
	}
	text := PerMinute(p) + "; the last " + templates.Near(p.Ends, now)
	if p.Ends.Sub(now) >= time.Minute {
		text = PerMinute(p) + "; the last at about " + Clock(i, p.Ends, now)
		if p.Ends.Sub(now) < 24*time.Hour {
			text += ", " + templates.Near(p.Ends, now)
		}
	}
	if p.Late > 0 {
		text += "; " + plural(p.Late, "copy expires", "copies expire") + " before"
	}
	return text
}

// LeastPace is over how long a pace must have been seen before an alarm trusts it.
const LeastPace = 5 * time.Minute

// PerMinute is a pace in words.
func PerMinute(p mailer.Progress) string {
	if p.PerMinute < 10 {
		return fmt.Sprintf("%.2g a minute", p.PerMinute)
	}
	return templates.Words("en").Number(int(p.PerMinute)) + " a minute"
}

// nearClock is a time as people say it from now, and on the clocks of an issue's
// newsletter: "in 42 min, at 07:00 PKT".
func nearClock(i digest.Issue, t, now time.Time) string {
	near := templates.Near(t, now)
	switch d := t.Sub(now).Abs(); {
	case d < time.Minute:
		return near
	case d < 24*time.Hour:
		near += ", "
	default:
		near = ""
	}
	clock := Clock(i, t, now)
	if strings.Contains(clock, ",") { // with its date
		return near + "on " + clock
	}
	return near + "at " + clock
}

// Clock is a time in the zone of an issue's newsletter, with its date when that is
// another than now's: "14:05 CET".
func Clock(i digest.Issue, t, now time.Time) string {
	zone, err := time.LoadLocation(i.Spec.Zone)
	if err != nil {
		zone = time.UTC
	}
	t = t.In(zone)
	clock := t.Format("15:04 MST")
	if t.Format(time.DateOnly) != now.In(zone).Format(time.DateOnly) {
		return templates.Words("en").LongDate(t) + ", " + clock
	}
	return clock
}
