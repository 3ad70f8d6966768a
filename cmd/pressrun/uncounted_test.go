package main

import (
	"strings"
	"testing"
	"time"

	"pressrun/digest/trend"
)

// Visits that nobody counted, since pressrun did not run or the counters were away for
// too long, are announced with the time from when to when, and for a day.
func TestUncountedVisitsAreAnnounced(t *testing.T) {
	for name, c := range map[string]struct {
		down   time.Duration
		before int // visits in the same hours of the day before
		want   string
	}{
		"a long stop":               {3 * time.Hour, 300, "From 27 November 2026, 10:00:00 UTC to 27 November 2026, 13:00:00 UTC pressrun did not run, and no visit to the site was counted; about 300 were"},
		"a restart":                 {5 * time.Minute, 300, ""},
		"a site that nobody reads":  {3 * time.Hour, 9, ""},
		"a stop of more than a day": {27 * time.Hour, 300, "From 27 November 2026, 10:00:00 UTC to 28 November 2026, 13:00:00 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCountingRoom(t, "")
			ctx := t.Context()
			now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
			clock := func() time.Time { return now }
			r.Now, r.Installation.Now = clock, clock
			r.Counters = trend.NewSQL(r.DB, clock)
			for h := range 3 {
				for _, day := range []int{1, 2} {
					at := now.Add(time.Duration(h)*time.Hour+time.Minute).AddDate(0, 0, -day)
					if err := r.addViews(ctx, []trend.View{{Key: "story-1", At: at, N: c.before / 3}}); err != nil {
						t.Fatal(err)
					}
				}
			}
			r.watchViews(ctx)
			if told := r.alarmed(t, uncounted); told != "" {
				t.Fatalf("at the very first start: %s", told)
			}
			now = now.Add(c.down)
			r.counting = counting{} // the next run
			r.watchViews(ctx)
			if told := r.alarmed(t, uncounted); !strings.Contains(told, c.want) || c.want == "" && told != "" {
				t.Errorf("got %q, want %q", told, c.want)
			}
			now = now.Add(25 * time.Hour)
			if err := r.endGone(ctx, false); err != nil {
				t.Fatal(err)
			}
			if told := r.alarmed(t, uncounted); told != "" {
				t.Errorf("a day later: %s", told)
			}
		})
	}

	t.Run("counters away", func(t *testing.T) {
		r := newCountingRoom(t, "")
		now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
		r.Now = func() time.Time { return now }
		look := func(st trend.Stats) string {
			t.Helper()
			if err := r.watchCounting(t.Context(), st); err != nil {
				t.Fatal(err)
			}
			return r.alarmed(t, uncounted)
		}
		look(trend.Stats{})
		down := now
		now = now.Add(time.Hour)
		lost := map[string]int64{"buffer full": 1200}
		if told := look(trend.Stats{Down: true, DownAt: down, Waiting: 65536, Dropped: lost}); told != "" {
			t.Errorf("while they are away, which has its own alarm: %s", told)
		}
		if told := look(trend.Stats{Dropped: lost}); !strings.Contains(told, "1200 visits of the time from 27 November 2026, 10:00:00 UTC to 27 November 2026, 11:00:00 UTC are lost") {
			t.Errorf("when they are back: %q", told)
		}
	})
}
