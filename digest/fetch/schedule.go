package fetch

import (
	"slices"
	"time"
)

// Schedule decides when a source is polled again. The zero value works.
type Schedule struct {
	// Min and Max bound the pause between two polls that go well. Defaults
	// 5 minutes and 2 hours; a digest needs no more and should not miss more.
	Min, Max time.Duration
	// MaxBackoff bounds the pause after failures in a row. Default 12 hours.
	MaxBackoff time.Duration
}

// Poll is what is known after a poll.
type Poll struct {
	At time.Time
	// Failures in a row, this one included; 0 after a success.
	Failures int
	// Permanent says that the last failure will not mend itself.
	Permanent  bool
	RetryAfter time.Duration // as the site asks
	MaxAge     time.Duration // as the site's headers say, of a success
	TTL        time.Duration // as the feed says
	// Published are the times of the source's newest items, in any order.
	Published []time.Time
}

// Next returns when to poll again: after half the time that usually passes
// between two items (a source without dates is polled at Min, one that has been
// still for a week at Max), but not before the feed (ttl) or its headers (max-age)
// promise something new; after a failure twice as long as before; never
// before the site's Retry-After.
func (s Schedule) Next(p Poll) time.Time {
	least, most := defaulted(s.Min, 5*time.Minute), defaulted(s.Max, 2*time.Hour)
	pause := most
	if gap, ok := usualGap(p.Published, p.At); ok || len(p.Published) == 0 {
		pause = gap / 2
	}
	pause = min(max(pause, p.TTL, p.MaxAge, least), most)
	if p.Failures > 0 {
		limit := max(defaulted(s.MaxBackoff, 12*time.Hour), least)
		pause = least << min(p.Failures, 16)
		if p.Permanent || pause > limit || pause <= 0 {
			pause = limit
		}
	}
	return p.At.Add(max(pause, min(p.RetryAfter, maxPause)))
}

func defaulted(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// usualGap is the time between two items of the last week on average.
func usualGap(published []time.Time, now time.Time) (time.Duration, bool) {
	n, oldest := 0, now
	for _, t := range published {
		if age := now.Sub(t); age < 0 || age >= 7*24*time.Hour {
			continue
		}
		n++
		if t.Before(oldest) {
			oldest = t
		}
	}
	if n == 0 {
		return 0, false
	}
	return now.Sub(oldest) / time.Duration(n), true
}

const (
	minHistory = 10            // items before a silence can be unusual
	minSilence = 6 * time.Hour // a shorter one never is
)

// Silence returns how long a source has published nothing, and whether that is
// longer than usual for it: twice the gap that 19 of 20 of its gaps stay
// below, its weekends included if published reaches back that far. published
// may be in any order; items dated in the future are left out. Fewer than ten
// items make no habit.
func Silence(published []time.Time, now time.Time) (since time.Duration, unusual bool) {
	var past []time.Time
	for _, t := range published {
		if !t.IsZero() && !t.After(now) {
			past = append(past, t)
		}
	}
	if len(past) == 0 {
		return 0, false
	}
	slices.SortFunc(past, time.Time.Compare)
	since = now.Sub(past[len(past)-1])
	if len(past) < minHistory {
		return since, false
	}
	gaps := make([]time.Duration, len(past)-1)
	for i := range gaps {
		gaps[i] = past[i+1].Sub(past[i])
	}
	slices.Sort(gaps)
	usual := gaps[len(gaps)*19/20]
	return since, since > max(2*usual, minSilence)
}
