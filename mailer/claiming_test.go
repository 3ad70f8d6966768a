package mailer_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
)

// claimed has another process claim the first n readers of the audience, of
// whom reader 1 is in flight under the number it returns.
func (r *room) claimed(ctx context.Context, q schema.Querier, owner string, n int) (delivery int64) {
	r.t.Helper()
	r.Heartbeat = 20 * time.Millisecond // Reconcile waits for three, in which owner may show that he lives
	const number = 1_000_000
	ids := func(from, to int) (list string) {
		for i := from; i <= to; i++ {
			list += fmt.Sprint(",", i)
		}
		return list[1:]
	}
	var part, last int
	if err := q.QueryRowContext(ctx, `select id, last_id from audience_parts where first_id = 1 and issue_id = $1`, issue).Scan(&part, &last); err != nil {
		r.t.Fatal(err)
	}
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`insert into senders (owner, host, pid, beat_at) values ($1, '', 0, 0)`, []any{owner}},
		{`update audience_parts set first_id = $1, readers = $2, ids = $3 where id = $4`, []any{n + 1, last - n, ids(n+1, last), part}},
		{`insert into audience_parts (issue_id, edition_id, due_at, expires_at, first_id, last_id, readers, ids, owner, claimed_at)
			select issue_id, edition_id, due_at, expires_at, 1, cast($1 as bigint), cast($1 as bigint), cast($2 as text), cast($3 as text), due_at from audience_parts where id = $4`, []any{n, ids(1, n), owner, part}},
		{`insert into in_flight (connection, owner, part_id, delivery_id, subscriber_id, fence, message_id, date_at, marked_at)
			select 'its first', owner, id, cast($1 as bigint), 1, 1, '7.1000000.key@news.example', due_at, due_at from audience_parts where owner = $2`, []any{number, owner}},
	} {
		if _, err := q.ExecContext(ctx, step.sql, step.args...); err != nil {
			r.t.Fatal(err)
		}
	}
	return number
}

// While a claim is being committed an issue may end or get another window: it
// waits, and everyone is in exactly one state.
func TestClaimBeingCommitted(t *testing.T) {
	const claims = 100
	closes := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		meanwhile func(*room, *sql.Tx) error
		rest      mailer.State // of whom the claim left
		after     mailer.State // of whom it took, once its process is gone
	}{
		"cancel": {func(r *room, tx *sql.Tx) error { return r.Cancel(t.Context(), tx, issue, "never mind") }, mailer.StateCancelled, mailer.StateCancelled},
		"expire": {func(r *room, tx *sql.Tx) error {
			_, err := r.Expire(t.Context(), tx, issue, "too late")
			return err
		}, mailer.StateExpired, mailer.StateQueued},
		"enlarge": {func(r *room, tx *sql.Tx) error {
			_, err := r.Enqueue(t.Context(), tx, mailer.Enqueue{Issue: issue, SQL: audienceSQL, Args: []any{1, r.readers, edition, r.nowMillis()}})
			return err
		}, mailer.StateQueued, mailer.StateQueued},
		"window": {func(r *room, tx *sql.Tx) error { return r.Window(t.Context(), tx, issue, time.Time{}, closes) }, mailer.StateQueued, mailer.StateQueued},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, schematest.Open(t, schematest.PostgresURL(t)), 600)
			r.freeze()
			tx, err := r.DB.Write.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			r.claimed(t.Context(), tx, "another", claims)
			ended := make(chan error, 1)
			go func() {
				ended <- r.DB.InTx(context.Background(), func(tx *sql.Tx) error { return c.meanwhile(r, tx) })
			}()
			var waits int
			for end := time.Now().Add(time.Minute); waits == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				if err := r.DB.Read.QueryRow(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).Scan(&waits); err != nil {
					t.Fatal(err)
				}
			}
			if waits == 0 {
				t.Fatal("it did not wait for the claim")
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if got := r.counts(); got[mailer.StateClaimed] != claims || got[c.rest] != r.readers-claims {
				t.Errorf("got %v, want %d claimed and the others %s", got, claims, c.rest)
			}
			if name == "window" {
				var sooner int
				if err := r.DB.Read.QueryRow(`select count(*) from audience_parts where expires_at < $1`, closes.UnixMilli()).Scan(&sooner); err != nil || sooner > 0 {
					t.Errorf("%d parts (%v) expire before the window closes", sooner, err)
				}
			}
			if _, err := r.Reconcile(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := r.counts()
			want := map[mailer.State]int{mailer.StateUncertain: 1}
			if name == "cancel" { // nobody sends it again
				want = map[mailer.State]int{mailer.StateParked: 1}
			}
			want[c.rest] += r.readers - claims
			want[c.after] += claims - 1
			for s, n := range want {
				if got[s] != n {
					t.Errorf("once its process is gone: %v, want %v", got, want)
				}
			}
		})
	}
}

// What was in flight when its process ended has no row until that is taken over:
// its bounce finds the reader all the same.
func TestBounceBeforeTakeOver(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 10)
		r.intake()
		r.freeze()
		number := r.claimed(t.Context(), db.Write, "another", 5)
		r.comes(fmt.Sprintf("d%d@b.example", number), hardDSN...)
		if got := r.last(); got.Subscriber != 1 || r.suppressed[1] != "hard" {
			t.Errorf("got %+v, suppressed %v", got, r.suppressed)
		}
		if _, err := r.Reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := r.delivery(1); d.ID != number || d.State != mailer.StateUncertain || d.MessageID != "7.1000000.key@news.example" {
			t.Errorf("once it is taken over: %+v", d)
		}
		came := r.last().At
		r.start()
		r.until("the row says that it bounced", func(map[mailer.State]int) bool { return r.delivery(1).BouncedAt.Equal(came) })
	})
}

// Who is taken over long after his issue was cancelled is not sent to.
func TestTakeOverLongAfterCancel(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 600)
		now := time.Now()
		r.Now = func() time.Time { return now }
		r.freeze()
		r.claimed(t.Context(), db.Write, "another", 100)
		r.tx(func(tx *sql.Tx) error { return r.Cancel(t.Context(), tx, issue, "never mind") })
		now = now.Add(5 * time.Hour)
		if _, err := r.Reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c := r.counts(); c[mailer.StateCancelled] != 599 || c[mailer.StateParked] != 1 {
			t.Errorf("got %v, want all cancelled but the one in flight", c)
		}
	})
}

// What was in flight at a kill may have been taken: of a cancelled issue it waits
// for a person, says so, and is not queued again.
func TestCancelWhatIsUncertain(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 600)
		r.freeze()
		r.claimed(t.Context(), db.Write, "another", 100)
		if _, err := r.Reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c := r.counts(); c[mailer.StateUncertain] != 1 {
			t.Fatalf("got %v, want one in flight", c)
		}
		r.tx(func(tx *sql.Tx) error { return r.Cancel(t.Context(), tx, issue, "wrong subject") })
		if c := r.counts(); c[mailer.StateParked] != 1 || c[mailer.StateCancelled] != 599 {
			t.Errorf("got %v, want 599 cancelled and one parked", c)
		}
		d := r.delivery(1)
		if why := d.Why(); !strings.Contains(why, "Uncertain") || !strings.Contains(why, "not sent again") {
			t.Errorf("it says %q", why)
		}
		if n := r.retry([]int64{d.ID}); n != 0 {
			t.Errorf("%d copies of a cancelled issue were queued again", n)
		}
	})
}

// A process that ends with a claim in its name of which it never heard gives
// that back.
func TestEndWithAnUnheardClaim(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 600)
		r.Owner, r.Heartbeat = "this one", time.Hour
		r.freezeWith(mailer.Enqueue{Opens: time.Now().Add(time.Hour)})
		stop := r.start()
		r.until("it is registered", func(map[mailer.State]int) bool {
			var n int
			if err := db.Read.QueryRow(`select count(*) from senders`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n == 1
		})
		if _, err := db.Write.Exec(`update audience_parts set owner = $1, claimed_at = 1 where first_id = 1`, r.Owner); err != nil {
			t.Fatal(err)
		}
		if c := r.counts(); c[mailer.StateClaimed] == 0 {
			t.Fatalf("got %v, want some claimed", c)
		}
		stop()
		if c := r.counts(); c[mailer.StateQueued] != r.readers {
			t.Errorf("got %v, want all queued", c)
		}
		var left int
		if err := db.Read.QueryRow(`select count(*) from senders`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d (%v) processes are registered, want none", left, err)
		}
	})
}

// TestClocksApart: a process that lives is not taken over from by hand, nor said not to
// be there, because its host's clock is 90 s behind: what it sends would go out twice.
func TestClocksApart(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 0)
		r.Owner, r.Now = "behind", func() time.Time { return time.Now().Add(-90 * time.Second) }
		here := *r.Mailer
		here.Owner, here.Now = "here", time.Now
		r.start()
		r.until("it sends", func(map[mailer.State]int) bool {
			list, err := r.Mailer.Senders(t.Context())
			return err == nil && list == 1
		})
		if n, err := here.Senders(t.Context()); err != nil || n != 1 {
			t.Errorf("%d processes send, %v; want 1", n, err)
		}
		if got, err := here.Reconcile(t.Context()); err != nil || got.Owners != 0 {
			t.Errorf("reconciled %+v, %v; the process lives", got, err)
		}
	})
}

// TestReconcileLooksAgain: when the database was away for longer than three leases the
// heartbeats of all are old, also of those who live. By hand, too, nothing is taken over
// from who beats.
func TestReconcileLooksAgain(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 0)
		r.Owner, r.Heartbeat, r.Now = "lives", 50*time.Millisecond, func() time.Time { return time.Now().Add(-time.Hour) }
		here := *r.Mailer
		here.Owner, here.Now = "here", time.Now
		r.start()
		r.until("it sends", func(map[mailer.State]int) bool {
			list, err := r.Mailer.Senders(t.Context())
			return err == nil && list == 1
		})
		if got, err := here.Reconcile(t.Context()); err != nil || got.Owners != 0 {
			t.Errorf("reconciled %+v, %v; the process lives", got, err)
		}
	})
}
