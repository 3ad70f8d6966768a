package mailer_test

import (
	"database/sql"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/mailer"
)

// While an issue goes out it is known at what pace, when it will be out, and how many
// copies will have expired by then. The clock is the test's: a hundred of four hundred
// go out in three minutes.
func TestProgress(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 100)
		began := time.Now().Truncate(time.Minute)
		var passed atomic.Int64
		r.Now = func() time.Time { return began.Add(time.Duration(passed.Load())) }
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
		stop := r.start()
		r.untilDone()
		stop() // the pace is written down
		r.readers = 400
		r.tx(func(tx *sql.Tx) error {
			n, err := r.Enqueue(t.Context(), tx, mailer.Enqueue{Issue: issue, SQL: audienceSQL, Args: []any{1, r.readers, edition, r.nowMillis()}, Expires: 7 * time.Minute})
			if n != 300 {
				t.Errorf("%d more are due, want 300", n)
			}
			return err
		})
		passed.Store(int64(3 * time.Minute))
		p := progress()
		if math.Round(p.PerMinute) != 33 || p.Left != 300 {
			t.Errorf("%.1f a minute and %d left, want 33 and 300", p.PerMinute, p.Left)
		}
		if got := p.Ends.Sub(began).Round(time.Second); got != 12*time.Minute {
			t.Errorf("it ends after %v, want 12 minutes", got)
		}
		if p.Late < 166 || p.Late > 167 {
			t.Errorf("%d expire before, five minutes too early, at 33 a minute", p.Late)
		}
		if n := p.LateAt(r.Now(), 10_000); n != 0 {
			t.Errorf("%d expire at ten thousand a minute", n)
		}
		r.tx(func(tx *sql.Tx) error { return r.Pause(t.Context(), tx, issue, "by hand") })
		if p := progress(); p.PerMinute != 0 || !p.Ends.IsZero() {
			t.Errorf("while it is paused: %+v", p)
		}
		r.tx(func(tx *sql.Tx) error { return r.Resume(t.Context(), tx, issue) })
		stop = r.start()
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
