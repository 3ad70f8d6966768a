package fetch

import (
	"testing"
	"time"
)

func TestNextPoll(t *testing.T) {
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	every := func(gap time.Duration, n int) (out []time.Time) {
		for i := range n {
			out = append(out, now.Add(-time.Duration(i+1)*gap))
		}
		return out
	}
	for _, c := range []struct {
		name string
		poll Poll
		want time.Duration
	}{
		{"nothing known", Poll{}, 5 * time.Minute},
		{"a busy site", Poll{Published: every(4*time.Minute, 20)}, 5 * time.Minute},
		{"an item an hour", Poll{Published: every(time.Hour, 20)}, 30 * time.Minute},
		{"an item a day", Poll{Published: every(24*time.Hour, 6)}, 2 * time.Hour},
		{"still for weeks", Poll{Published: every(30*24*time.Hour, 6)}, 2 * time.Hour},
		{"the feed asks for an hour", Poll{Published: every(4*time.Minute, 20), TTL: time.Hour}, time.Hour},
		{"the feed asks for a week", Poll{TTL: 7 * 24 * time.Hour}, 2 * time.Hour},
		{"fresh for 20 minutes", Poll{MaxAge: 20 * time.Minute}, 20 * time.Minute},
		{"first failure", Poll{Failures: 1}, 10 * time.Minute},
		{"fourth failure", Poll{Failures: 4}, 80 * time.Minute},
		{"hundredth failure", Poll{Failures: 100}, 12 * time.Hour},
		{"gone", Poll{Failures: 1, Permanent: true}, 12 * time.Hour},
		{"asked to stay away", Poll{Failures: 1, RetryAfter: 3 * time.Hour}, 3 * time.Hour},
		{"asked to stay away for a moment", Poll{Failures: 4, RetryAfter: time.Second}, 80 * time.Minute},
	} {
		c.poll.At = now
		if got := (Schedule{}).Next(c.poll).Sub(now); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	if got := (Schedule{Min: time.Minute, Max: 3 * time.Minute}).Next(Poll{At: now, TTL: time.Hour}).Sub(now); got != 3*time.Minute {
		t.Errorf("own bounds: got %v", got)
	}
}

func TestSilence(t *testing.T) {
	monday := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	var weekdays []time.Time // at 8, 12 and 16 o'clock on four weeks of weekdays, until Friday
	for day := 3; day <= 28; day++ {
		d := monday.AddDate(0, 0, -day)
		if wd := d.Weekday(); wd == time.Saturday || wd == time.Sunday {
			continue
		}
		for _, h := range []int{8, 12, 16} {
			weekdays = append(weekdays, time.Date(d.Year(), d.Month(), d.Day(), h, 0, 0, 0, time.UTC))
		}
	}
	for _, c := range []struct {
		name      string
		published []time.Time
		now       time.Time
		unusual   bool
	}{
		{"nothing known", nil, monday, false},
		{"too few to tell", weekdays[:9], monday.AddDate(1, 0, 0), false},
		{"after a weekend", weekdays, monday, false},
		{"a week later", weekdays, monday.AddDate(0, 0, 5), true},
		{"future dates count for nothing", append([]time.Time{monday.AddDate(1, 0, 0)}, weekdays...), monday.AddDate(0, 0, 5), true},
	} {
		since, unusual := Silence(c.published, c.now)
		if unusual != c.unusual || len(c.published) > 0 && since <= 0 {
			t.Errorf("%s: got %v, %v, want %v", c.name, since, unusual, c.unusual)
		}
	}
}
