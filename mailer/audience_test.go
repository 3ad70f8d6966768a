package mailer_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
)

// sparse yields readers 3, 6, 9 … up to $1, every fifth of them an hour later.
const sparse = `with recursive n(i) as (select cast(3 as bigint) union all select i + 3 from n where i < $1)
	select i as subscriber_id, cast($2 as bigint) as edition_id, cast($3 as bigint) + case when i % 5 = 0 then 3600000 else 0 end as due_at from n`

// Whoever is in a frozen audience is queued, though he has no row yet: counted,
// listed in his place, and found.
func TestAudienceIsQueued(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		const last = 7500
		r := newRoom(t, db, last/3)
		e := mailer.Enqueue{Issue: issue, SQL: sparse, Args: []any{last, edition, r.nowMillis()}}
		r.tx(func(tx *sql.Tx) error {
			n, err := r.Enqueue(t.Context(), tx, e)
			if n != r.readers {
				t.Errorf("frozen %d, want %d", n, r.readers)
			}
			return err
		})
		if c := r.counts(); c[mailer.StateQueued] != r.readers {
			t.Errorf("got %v, want all queued", c)
		}
		stop := r.start()
		r.until("some are sent", func(c map[mailer.State]int) bool { return c[mailer.StateAccepted] > 0 })
		stop()
		c := r.counts()
		if c[mailer.StateQueued] == 0 || c[mailer.StateAccepted] == 0 {
			t.Fatalf("got %v, want some sent and some not", c)
		}

		for id, want := range map[int64]int{3: 1, int64(3 * r.readers): 1, 4: 0} { // 4 is nobody
			list, total, err := r.OfReader(t.Context(), id, mailer.Page{})
			if err != nil || total != want || len(list) != want {
				t.Fatalf("reader %d has %d of %d, %v; want %d", id, len(list), total, err, want)
			}
			if want > 0 && (list[0].Subscriber != id || list[0].State != r.delivery(id).State) {
				t.Errorf("reader %d: %+v", id, list[0])
			}
		}
		if list, total, err := r.OfReader(t.Context(), 3, mailer.Page{Offset: 1}); err != nil || total != 1 || len(list) != 0 {
			t.Errorf("beyond the end: %d of %d, %v", len(list), total, err)
		}

		all := r.listed(mailer.Filter{})
		want := make([]int64, r.readers)
		for i := range want {
			want[i] = int64(3 * (i + 1))
		}
		if !slices.Equal(all, want) {
			t.Errorf("%d listed, want each of %d once, in order", len(all), r.readers)
		}
		if n := len(r.listed(mailer.Filter{State: mailer.StateQueued})); n != c[mailer.StateQueued] {
			t.Errorf("%d listed as queued, counted %d", n, c[mailer.StateQueued])
		}
		if n := len(r.listed(mailer.Filter{State: mailer.StateAccepted})); n != c[mailer.StateAccepted] {
			t.Errorf("%d listed as accepted, counted %d", n, c[mailer.StateAccepted])
		}
		list, err := r.Deliveries(t.Context(), issue, mailer.Filter{State: mailer.StateQueued}, mailer.Page{Last: true, Limit: 2, Offset: 1})
		if err != nil || len(list) != 2 || list[0].Subscriber != last-3 || list[1].Subscriber != last-6 {
			t.Errorf("from the end: %+v, %v", list, err)
		}

		late := r.delivery(last) // due in an hour
		if late.State != mailer.StateQueued || late.Edition != edition || late.ExpiresAt.Sub(late.DueAt) != mailer.DefaultExpires || time.Until(late.DueAt) < 50*time.Minute {
			t.Errorf("got %+v", late)
		}
		if _, err := r.DeliveryOf(t.Context(), issue, last-1); !errors.Is(err, mailer.ErrNoDelivery) {
			t.Errorf("a stranger between them: %v", err)
		}
		r.start()
		due := r.readers - last/15
		r.until("all that are due are sent", func(c map[mailer.State]int) bool { return c[mailer.StateAccepted] == due })
		if d := r.delivery(3); d.State != mailer.StateAccepted || d.ID == 0 {
			t.Errorf("got %+v", d)
		}
	})
}

// A page is the same piece of the list wherever it is counted from, also where whole
// parts are passed over, some are held and some readers have had their turn.
func TestAudiencePages(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		const last = 3 * 4000
		r := newRoom(t, db, last/3)
		r.tx(func(tx *sql.Tx) error {
			_, err := r.Enqueue(t.Context(), tx, mailer.Enqueue{Issue: issue, SQL: sparse, Args: []any{last, edition, r.nowMillis()}})
			return err
		})
		for _, step := range []string{
			`update audience_parts set owner = 'another', claimed_at = 1 where first_id between 3000 and 4000 or first_id between 7000 and 7250`,
			`insert into deliveries (issue_id, subscriber_id, edition_id, state, due_at, expires_at, next_at, done_at)
				values (7, 3000, 3, 'accepted', 1, 1, 1, 1), (7, 3303, 3, 'accepted', 1, 1, 1, 1), (7, 7203, 3, 'accepted', 1, 1, 1, 1)`,
		} {
			if _, err := db.Write.Exec(step); err != nil {
				t.Fatal(err)
			}
		}
		r.counts()
		for _, f := range []mailer.Filter{{}, {State: mailer.StateQueued}, {State: mailer.StateClaimed}, {State: mailer.StateAccepted}} {
			all := r.listed(f)
			for _, p := range []mailer.Page{{Offset: 999}, {Offset: 1000}, {Offset: 1234}, {Offset: 2500}, {Offset: 3950}, {Offset: 9000}, {After: 3303}, {After: 3303, Offset: 1100}} {
				for _, p.Last = range []bool{false, true} {
					p.Limit = 100
					list, err := r.Deliveries(t.Context(), issue, f, p)
					if err != nil {
						t.Fatal(err)
					}
					var got []int64
					for _, d := range list {
						got = append(got, d.Subscriber)
					}
					want := slices.DeleteFunc(slices.Clone(all), func(id int64) bool { return id <= p.After })
					if p.Last {
						slices.Reverse(want)
					}
					want = want[min(p.Offset, len(want)):]
					if want = want[:min(p.Limit, len(want))]; !slices.Equal(got, want) {
						t.Errorf("%+v, %+v: got %d from %v on, want %d from %v", f, p, len(got), got[:min(3, len(got))], len(want), want[:min(3, len(want))])
					}
				}
			}
		}
	})
}

// BenchmarkPage reads pages of a million readers who wait.
func BenchmarkPage(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *schema.DB{"sqlite": schematest.SQLite, "postgres": schematest.Postgres} {
		db := open(b)
		m := &mailer.Mailer{DB: db}
		err := db.InTx(b.Context(), func(tx *sql.Tx) error {
			_, err := m.Enqueue(b.Context(), tx, mailer.Enqueue{Issue: issue, SQL: audienceSQL, Args: []any{1, 1_000_000, edition, 1}})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range []mailer.Page{{}, {Last: true}, {Offset: 500_000}, {Offset: 500_000, Last: true}, {Offset: 999_900}, {After: 500_000}} {
			b.Run(fmt.Sprintf("%s/after=%d/offset=%d/last=%v", name, p.After, p.Offset, p.Last), func(b *testing.B) {
				for b.Loop() {
					if list, err := m.Deliveries(b.Context(), issue, mailer.Filter{State: mailer.StateQueued}, p); err != nil || len(list) != 100 {
						b.Fatal(len(list), err)
					}
				}
			})
		}
	}
}

// What is sent after a restore bears no number that was given between the backup
// and then.
func TestNumbersAfterRestore(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 3)
		if err := db.SkipNumbers(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.freeze()
		stop := r.start()
		r.untilDone()
		stop()
		before, letterBefore := r.delivery(1).ID, r.post(confirmation(1))
		if err := db.SkipNumbers(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.readers = 6
		r.tx(func(tx *sql.Tx) error {
			_, err := r.Enqueue(t.Context(), tx, mailer.Enqueue{Issue: issue, SQL: audienceSQL, Args: []any{1, r.readers, edition, r.nowMillis()}})
			return err
		})
		r.start()
		r.untilDone()
		if a, b := r.delivery(6).ID-before, r.post(confirmation(2))-letterBefore; before < 1e6 || a < 1e6 || b < 1e6 {
			t.Errorf("delivery %d, later ones %d above, letters %d above", before, a, b)
		}
	})
}

// A large audience is frozen in several statements, none of them short of a reader.
func TestAudienceOfMany(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 1)
		for _, readers := range []int{200_000, 200_001} {
			r.tx(func(tx *sql.Tx) error {
				n, err := r.Enqueue(t.Context(), tx, mailer.Enqueue{Issue: issue + int64(readers), SQL: sparse, Args: []any{3 * readers, edition, r.nowMillis()}})
				if n != readers {
					t.Errorf("frozen %d, want %d", n, readers)
				}
				return err
			})
			c, err := r.Counts(t.Context(), issue+int64(readers))
			if err != nil || c[mailer.StateQueued] != readers {
				t.Errorf("got %v, %v; want %d queued", c, err, readers)
			}
		}
	})
}

// An audience ends with its issue, also where nobody has a row yet.
func TestAudienceEnds(t *testing.T) {
	for want, end := range map[mailer.State]func(*room, *sql.Tx) (int, error){
		mailer.StateCancelled: func(r *room, tx *sql.Tx) (int, error) {
			return r.readers, r.Cancel(t.Context(), tx, issue, "never mind")
		},
		mailer.StateExpired: func(r *room, tx *sql.Tx) (int, error) { return r.Expire(t.Context(), tx, issue, "never mind") },
	} {
		each(t, func(t *testing.T, db *schema.DB, _ string) {
			r := newRoom(t, db, 1500)
			r.freeze()
			r.tx(func(tx *sql.Tx) error {
				n, err := end(r, tx)
				if n != r.readers {
					t.Errorf("%d are said to have ended, want %d", n, r.readers)
				}
				return err
			})
			if c := r.counts(); c[want] != r.readers {
				t.Errorf("got %v, want all %s", c, want)
			}
			if d := r.delivery(1500); d.Reason != "never mind" || d.DoneAt.IsZero() {
				t.Errorf("got %+v", d)
			}
		})
	}
}

// What is too late expires: by the claim, and where a paused issue is claimed by
// nobody. A window keeps it alive.
func TestAudienceExpires(t *testing.T) {
	for _, paused := range []bool{false, true} {
		each(t, func(t *testing.T, db *schema.DB, _ string) {
			r := newRoom(t, db, 30)
			r.Heartbeat = 50 * time.Millisecond
			now := time.Now().Truncate(time.Millisecond)
			r.Now = func() time.Time { return now }
			r.freezeWith(mailer.Enqueue{Expires: time.Hour})
			if paused {
				r.tx(func(tx *sql.Tx) error { return r.Pause(t.Context(), tx, issue, "wait") })
			}
			r.tx(func(tx *sql.Tx) error { return r.Window(t.Context(), tx, issue, now, now.Add(2*time.Hour)) })
			if d := r.delivery(7); !d.ExpiresAt.Equal(now.Add(2 * time.Hour)) {
				t.Errorf("it lives until %v, want the end of the window", d.ExpiresAt)
			}
			r.tx(func(tx *sql.Tx) error { return r.Window(t.Context(), tx, issue, time.Time{}, time.Time{}) })
			later := now.Add(3 * time.Hour)
			r.Now = func() time.Time { return later }
			r.start()
			if c := r.untilDone(); c[mailer.StateExpired] != r.readers {
				t.Errorf("paused %v: got %v, want all expired", paused, c)
			}
		})
	}
}

// One more reader gets a delivery, unless he stands in a part or has a row, and
// none of an issue that is not open. The sum follows.
func TestAudienceAdd(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 30)
		r.freeze()
		add := func(subscriber int64, want bool) {
			t.Helper()
			r.tx(func(tx *sql.Tx) error {
				got, err := r.Add(t.Context(), tx, issue, subscriber, edition, time.Hour)
				if got != want {
					t.Errorf("add %d: %v, want %v", subscriber, got, want)
				}
				return err
			})
		}
		add(7, false)
		add(31, true)
		add(31, false)
		r.tx(func(tx *sql.Tx) error { return r.Pause(t.Context(), tx, issue, "wait") })
		add(32, false)
		r.tx(func(tx *sql.Tx) error { return r.Resume(t.Context(), tx, issue) })
		r.readers = 31
		r.start()
		if c := r.untilDone(); c[mailer.StateAccepted] != 31 {
			t.Errorf("got %v, want 31 accepted", c)
		}
		r.must(r.Trip(t.Context(), issue, "readers called it spam"))
		add(33, false)
		if s, err := r.SendOf(t.Context(), db.Read, issue); err != nil || s.Audience != 31 {
			t.Errorf("the audience is %d, %v; want 31", s.Audience, err)
		}
		if a := r.catcher.Audit(r.addresses()); a.Once != 31 || len(a.Doubled)+len(a.Lost) > 0 {
			t.Errorf("the receiver booked %+v", a)
		}
	})
}

// listed are the subscribers of an issue's list, read page by page.
func (r *room) listed(f mailer.Filter) []int64 {
	r.t.Helper()
	var ids []int64
	for after := int64(0); ; {
		list, err := r.Deliveries(r.t.Context(), issue, f, mailer.Page{After: after, Limit: 400})
		if err != nil {
			r.t.Fatal(err)
		}
		if len(list) == 0 {
			return ids
		}
		for _, d := range list {
			if d.ID == 0 && d.State != mailer.StateQueued && d.State != mailer.StateClaimed {
				r.t.Errorf("subscriber %d has no row and is %s", d.Subscriber, d.State)
			}
			ids = append(ids, d.Subscriber)
		}
		after = list[len(list)-1].Subscriber
	}
}

// Who has had a turn waits until everybody has had one: a process that ends every
// few seconds would else have the same readers in flight each time.
func TestFirstTurnsBeforeSecondOnes(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 3000)
		r.fast(20_000) // the second try is due after milliseconds
		r.catcher.Misbehave(catch.Faults{Delay: 2 * time.Millisecond, Rules: []catch.Rule{
			{Code: 451, Times: 1, Match: func(a string) bool { return a == address(1) }},
		}})
		r.freezeWith(mailer.Enqueue{Expires: 90 * 24 * time.Hour})
		r.start()
		if c := r.untilDone(); c[mailer.StateAccepted] != r.readers {
			t.Fatalf("got %v, want all accepted", c)
		}
		list, err := r.Deliveries(t.Context(), issue, mailer.Filter{}, mailer.Page{Limit: r.readers})
		if err != nil {
			t.Fatal(err)
		}
		later, second := 0, r.delivery(1)
		for _, d := range list {
			if d.DoneAt.After(second.DoneAt) {
				later++
			}
		}
		if later > r.readers/4 || second.Attempts != 2 { // those claimed with him
			t.Errorf("%d first tries came after the second of one reader (%d tries)", later, second.Attempts)
		}
	})
}

// Who is being sent to for the first time has no row either: he is claimed,
// counted and listed as such, and not added again by an audience that grows.
func TestAudienceBeingSent(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 600)
		r.fast(1000)
		r.Drain = 200 * time.Millisecond
		r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtDot, Stall: time.Hour, Match: func(a string) bool { return a != address(2) }}}})
		r.freeze()
		stop := r.start()
		r.until("one is sent, others are being sent", func(c map[mailer.State]int) bool {
			return c[mailer.StateClaimed] > 0 && c[mailer.StateAccepted] == 1
		})
		c := r.counts()
		claimed := r.listed(mailer.Filter{State: mailer.StateClaimed})
		if len(claimed) != c[mailer.StateClaimed] || slices.Contains(claimed, 2) {
			t.Errorf("%d listed as claimed, counted %v; the accepted one among them: %v", len(claimed), c, slices.Contains(claimed, 2))
		}
		if n := len(r.listed(mailer.Filter{State: mailer.StateQueued})); n != c[mailer.StateQueued] {
			t.Errorf("%d listed as queued, counted %v", n, c)
		}
		if all := r.listed(mailer.Filter{}); len(all) != r.readers || !slices.IsSorted(all) {
			t.Errorf("%d listed, want %d, in order", len(all), r.readers)
		}
		if d := r.delivery(claimed[0]); d.State != mailer.StateClaimed || time.Since(d.ClaimedAt) > time.Minute {
			t.Errorf("got %+v", d)
		}
		if d := r.delivery(2); d.State != mailer.StateAccepted || d.ID == 0 {
			t.Errorf("got %+v", d)
		}

		r.readers += 100
		r.tx(func(tx *sql.Tx) error {
			n, err := r.Enqueue(t.Context(), tx, mailer.Enqueue{Issue: issue, SQL: audienceSQL, Args: []any{1, r.readers, edition, r.nowMillis()}})
			if n != 100 {
				t.Errorf("%d added, want 100", n)
			}
			return err
		})
		r.counts()
		r.catcher.Misbehave(catch.Faults{})
		stop()
		r.start()
		if c := r.untilDone(); c[mailer.StateAccepted] != r.readers {
			t.Errorf("got %v, want all accepted", c)
		}
		r.judge(4)
		var left int
		r.until("no part is left", func(map[mailer.State]int) bool {
			if err := db.Read.QueryRow(`select count(*) from audience_parts`).Scan(&left); err != nil {
				t.Fatal(err)
			}
			return left == 0
		})

		// A part all of whose readers have had their turn is nothing that is left.
		if _, err := db.Write.Exec(`insert into audience_parts (issue_id, edition_id, due_at, expires_at, first_id, last_id, readers, owner, ids)
			values ($1, $2, 1, 1, 1, 2, 2, 'another', '1,2')`, issue, edition); err != nil {
			t.Fatal(err)
		}
		if err := r.Trip(t.Context(), issue, "reports"); err != nil {
			t.Fatal(err)
		}
		if s, err := r.SendOf(t.Context(), db.Read, issue); err != nil || s.State != "open" || s.Tripped == "" {
			t.Errorf("got %+v, %v; want it marked and not paused", s, err)
		}
	})
}
