package mailer_test

import (
	"database/sql"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/mailer"
	"pressrun/mailer/catch"
)

// While an issue goes out it is known at what pace, when it will be out, and how many
// copies will have expired by then.
func TestProgress(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		const perMinute = 40
		r := newRoom(t, db, 400)
		r.fast(60)
		r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtDot, Stall: 4 * time.Second / perMinute}}})
		r.freezeWith(mailer.Enqueue{Expires: 7 * time.Minute})
		progress := func() mailer.Progress {
			t.Helper()
			p, err := r.Progress(t.Context(), issue, nil)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if p := progress(); p.PerMinute != 0 || !p.Ends.IsZero() || p.Late != 0 || p.Left != r.readers {
			t.Errorf("before anything has gone out: %+v", p)
		}
		began := r.Now()
		stop := r.start()
		r.until("a quarter is out", func(c map[mailer.State]int) bool { return c[mailer.StateAccepted] >= r.readers/4 })
		p := progress()
		if p.PerMinute < perMinute/2 || p.PerMinute > 1.5*perMinute {
			t.Errorf("%.1f a minute, want about %d", p.PerMinute, perMinute)
		}
		if left := p.Ends.Sub(r.Now()).Minutes() * p.PerMinute; p.Left > 3*r.readers/4 || left < float64(p.Left)*.7 || left > float64(p.Left)*1.1 {
			t.Errorf("%d are left, and %.0f have their turn until %v", p.Left, left, p.Ends)
		}
		if p.Late < r.readers/20 || p.Late > p.Left {
			t.Errorf("%d of %d expire before, seven minutes after %v, at %.1f a minute", p.Late, p.Left, began, p.PerMinute)
		}
		if n := p.LateAt(r.Now(), 1000*perMinute); n != 0 {
			t.Errorf("%d expire at a thousand times the pace", n)
		}
		r.tx(func(tx *sql.Tx) error { return r.Pause(t.Context(), tx, issue, "by hand") })
		if p := progress(); p.PerMinute != 0 || !p.Ends.IsZero() {
			t.Errorf("while it is paused: %+v", p)
		}
		r.tx(func(tx *sql.Tx) error { return r.Resume(t.Context(), tx, issue) })
		r.untilDone()
		stop()
		if p := progress(); p.PerMinute != 0 || p.Left != 0 {
			t.Errorf("when all is done: %+v", p)
		}
	})
}

// Readers in a wave of tomorrow are not late because today's takes its time; what a
// window leaves goes on in the next.
func TestProgressOfWaves(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 60)
		now := time.Now().Truncate(time.Minute)
		r.Now = func() time.Time { return now }
		closes := now.Add(30 * time.Minute)
		r.tx(func(tx *sql.Tx) error {
			_, err := r.Enqueue(t.Context(), tx, mailer.Enqueue{Issue: issue, Expires: 2 * time.Hour, Opens: now.Add(-time.Hour), Closes: closes, SQL: `
				with recursive n(i) as (select cast($1 as bigint) union all select i + 1 from n where i < $2)
				select i as subscriber_id, cast($3 as bigint) as edition_id, case when i <= 40 then cast($4 as bigint) else cast($5 as bigint) end as due_at from n`,
				Args: []any{1, 60, edition, schema.Millis(now), schema.Millis(now.Add(24 * time.Hour))}})
			return err
		})
		now = now.Add(10 * time.Minute)
		if _, err := db.Write.Exec(`insert into send_turns (issue_id, turned_at, copies) values ($1, $2, 10)`, issue, schema.Millis(now.Add(-5*time.Minute))); err != nil {
			t.Fatal(err)
		}
		next := func(at time.Time) (opens, ends time.Time) { return at.Add(23 * time.Hour), at.Add(24 * time.Hour) }
		for name, c := range map[string]struct {
			next func(time.Time) (time.Time, time.Time)
			ends time.Duration
			late int
		}{
			"stop":     {nil, 24*time.Hour - 10*time.Minute + 20*time.Minute, 20 + 20}, // twenty by then, twenty after; none tomorrow
			"tomorrow": {next, 24*time.Hour - 10*time.Minute + 20*time.Minute, 0},
		} {
			p, err := r.Progress(t.Context(), issue, c.next)
			if err != nil || p.PerMinute != 1 || p.Left != 60 {
				t.Fatalf("%+v, %v", p, err)
			}
			if got := p.Ends.Sub(now); got != c.ends || p.Late != c.late {
				t.Errorf("%s: ends in %v with %d late, want in %v with %d", name, got, p.Late, c.ends, c.late)
			}
		}
	})
}
