package mailer_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
)

// second adds a relay with a receiver of its own.
func (r *room) second() *catch.Catcher {
	c, relay := receiver(r.t)
	relay.Name = "second"
	r.Relays = append(r.Relays, relay)
	return c
}

func taken(c *catch.Catcher, r *room) int {
	a := c.Audit(r.addresses())
	return a.Once + len(a.Doubled)
}

// Relays that have no share are used in order: the second only while the first
// is away.
func TestRelaysInOrder(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 600)
	r.fast(60)
	other := r.second()
	r.catcher.Misbehave(catch.Faults{Delay: 5 * time.Millisecond})
	other.Misbehave(catch.Faults{Delay: 5 * time.Millisecond})
	r.freeze()
	r.start()
	r.sentAtLeast(100)
	if n := taken(other, r); n > 0 {
		t.Errorf("%d went by the relay that stands in", n)
	}
	r.catcher.Away(catch.OutageRefuse, time.Hour)
	for end := time.Now().Add(60 * time.Second); taken(other, r) < 50 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	r.catcher.Away(catch.OutageNone, 0)
	c := r.untilDone()
	a, b := r.acceptedByReceiver(), taken(other, r)
	if c[mailer.StateAccepted] != r.readers || a+b < r.readers || a+b > r.readers+4 || b < 50 {
		t.Errorf("%v: %d by the first and %d by the second", c, a, b)
	}
}

// Relays with shares get their part, however fast they are.
func TestRelaysByShare(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 600)
	other := r.second()
	r.Quotas = map[string]mailer.Quota{"test": {Share: 70}, "second": {Share: 30}}
	r.catcher.Misbehave(catch.Faults{Delay: 4 * time.Millisecond}) // the slower one
	r.freeze()
	r.start()
	r.untilDone()
	if a, b := r.acceptedByReceiver(), taken(other, r); a+b != r.readers || a < 340 || a > 500 { // a claim has 64 at least
		t.Errorf("%d and %d went by shares of 70 and 30", a, b)
	}
}

// A relay takes no more than its quota, over processes and restarts; the next
// one takes the rest.
func TestQuota(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 500)
		var shift atomic.Int64
		began := time.Date(2026, 3, 27, 22, 30, 0, 0, time.UTC)
		anchor := time.Now()
		r.Now = func() time.Time { return began.Add(time.Since(anchor) + time.Duration(shift.Load())) }
		r.Quotas = map[string]mailer.Quota{"test": {PerHour: 150, Warmup: mailer.Warmup{From: began.AddDate(0, 0, -1), Start: 100, End: 400, Days: 3}}}
		r.freezeWith(mailer.Enqueue{Expires: 100 * time.Hour})
		stop := r.start()
		twin := *r.Mailer
		twin.Owner = "the other"
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- twin.Run(ctx) }()
		r.waitAlarm("quota test What may be sent")
		r.takes(150) // this hour
		stop()
		cancel()
		<-ended
		shift.Store(int64(61 * time.Minute)) // still the second day of the warm-up: 200
		r.start()
		r.takes(200)
		shift.Store(int64(130 * time.Minute)) // the third day: 400, and an hour's 150
		r.takes(350)
		list, err := r.RelayStates(t.Context())
		if err != nil || len(list) != 1 || list[0].State != "used up" || list[0].Day != 150 || list[0].PerDay != 400 || list[0].WarmupDay != 3 || list[0].WarmupDays != 3 {
			t.Errorf("got %+v, %v", list, err)
		}
		shift.Store(int64(26 * time.Hour)) // the warm-up is over: 150 an hour
		r.takes(500)
		r.untilDone()
		r.judge(0)
	})
}

// takes waits until the receiver has taken n, and requires that it takes no more.
func (r *room) takes(n int) {
	r.t.Helper()
	r.sentAtLeast(n)
	time.Sleep(300 * time.Millisecond)
	if got := r.acceptedByReceiver(); got != n {
		r.t.Errorf("%d were sent, want %d", got, n)
	}
}

func TestWarmupCurve(t *testing.T) {
	from := time.Date(2026, 12, 1, 15, 0, 0, 0, time.UTC)
	w := mailer.Warmup{From: from}
	for _, tc := range []struct{ day, limit int }{{1, 200}, {2, 237}, {21, 5814}, {42, 200_000}} {
		at := time.Date(2026, 12, tc.day, 0, 0, 1, 0, time.UTC)
		if limit, day, ok := w.Cap(at); !ok || day != tc.day || limit != tc.limit {
			t.Errorf("day %d: %d on day %d (%v), want %d", tc.day, limit, day, ok, tc.limit)
		}
	}
	if _, _, ok := w.Cap(from.AddDate(0, 0, 42)); ok {
		t.Error("a warm-up of 42 days has a 43rd")
	}
	if limit, day, ok := w.Cap(from.AddDate(0, 0, -9)); !ok || day != 1 || limit != 200 {
		t.Errorf("before its first day: %d, %d, %v", limit, day, ok)
	}
	if _, _, ok := (mailer.Warmup{}).Cap(from); ok {
		t.Error("no warm-up is one")
	}
}

// An operator who asks for less gets less; the others do not wait for him, and
// he gets everything in the end.
func TestPaceOfAnOperator(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 600)
		r.fast(60)
		at := func(id int64) string {
			if id%2 == 0 {
				return fmt.Sprintf("user%d@%s", id, []string{"gmail.com", "googlemail.com"}[id/2%2])
			}
			return address(id)
		}
		plain := r.Recipients
		r.Recipients = func(ctx context.Context, tx *sql.Tx, issue int64, ids []int64) ([]mailer.Recipient, []mailer.Withheld, error) {
			to, out, err := plain(ctx, tx, issue, ids)
			for i := range to {
				to[i].Address = at(to[i].ID)
			}
			return to, out, err
		}
		gmail := func(addr string) bool { return strings.Contains(addr, "mail.com") }
		r.catcher.Misbehave(catch.Faults{Delay: 8 * time.Millisecond, Rules: []catch.Rule{{Stage: catch.AtRcpt, Code: 421, Match: gmail, Times: 1, Limit: 12}}})
		r.freeze()
		r.start()
		c := r.untilDone()
		if c[mailer.StateAccepted] != r.readers {
			t.Errorf("got %v", c)
		}
		var group, reason string
		var rate float64
		if err := db.Read.QueryRow(`select operator, reason, rate from relay_paces`).Scan(&group, &reason, &rate); err != nil || group != "gmail" || !strings.HasPrefix(reason, "421") || rate <= 0 {
			t.Errorf("paces: %q, %q, %v, %v; want gmail alone", group, reason, rate, err)
		}
	})
}

// Bounces and complaints that come in pause what is still being sent, once.
func TestFaultBreakerOnReports(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 600)
		r.Heartbeat = 50 * time.Millisecond
		r.catcher.Misbehave(catch.Faults{Delay: 30 * time.Millisecond})
		r.freeze()
		r.start()
		r.sentAtLeast(60)
		r.until("sixty are accepted", func(c map[mailer.State]int) bool { return c[mailer.StateAccepted] >= 60 })
		report := func() {
			if _, err := db.Write.Exec(`update deliveries set complained_at = $1 where id in (select id from deliveries where state = 'accepted' and complained_at is null order by id limit 6)`, r.nowMillis()); err != nil {
				t.Fatal(err)
			}
		}
		report()
		r.waitAlarm("breaker issue 7 Sending is paused until a person resumes it: 6 of")
		r.stands()
		s, err := r.SendOf(t.Context(), db.Read, issue)
		if err != nil || s.State != "paused" || !strings.Contains(s.Tripped, "called it spam") {
			t.Errorf("got %+v, %v", s, err)
		}
		r.catcher.Misbehave(catch.Faults{})
		r.tx(func(tx *sql.Tx) error { return r.Resume(t.Context(), tx, issue) })
		n := r.acceptedByReceiver()
		r.sentAtLeast(n + 50) // the same reports do not stop it again
		if got := r.alarmsLike("breaker issue 7 Sending"); got != 1 {
			t.Errorf("a person was told %d times", got)
		}
		r.untilDone()
		report() // after the end: the next issue is to wait for a person
		for end := time.Now().Add(30 * time.Second); r.alarmsLike("breaker issue 7 Sending") < 2 && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond)
		}
		if s, err = r.SendOf(t.Context(), db.Read, issue); err != nil || s.Tripped == "" || s.State != "open" {
			t.Errorf("got %+v, %v", s, err)
		}
		if err := r.Acknowledge(t.Context(), issue); err != nil {
			t.Fatal(err)
		}
		if s, err = r.SendOf(t.Context(), db.Read, issue); err != nil || s.Tripped != "" {
			t.Errorf("got %+v, %v", s, err)
		}
		r.waitAlarm("breaker issue 7 ")
	})
}

// A streak of refusals opens the breaker as well.
func TestFaultBreakerOnStreak(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 300)
	r.Breaker = mailer.Breaker{Bounce: -1}
	r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtRcpt, Code: 550}}})
	r.freeze()
	r.start()
	r.waitAlarm("breaker issue 7 Sending is paused until a person resumes it: 25 messages in a row")
	s, err := r.SendOf(t.Context(), r.DB.Read, issue)
	if err != nil || s.State != "paused" {
		t.Errorf("got %+v %v", s, err)
	}
}

// Nothing begins outside the window; what is left goes on in the next, or ends.
func TestWindow(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 300)
	var shift atomic.Int64
	r.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
	r.relay.Rate = 100
	opens := time.Now().Add(time.Hour)
	r.freezeWith(mailer.Enqueue{Opens: opens, Closes: opens.Add(time.Hour), Expires: 150 * time.Minute})
	r.start()
	time.Sleep(500 * time.Millisecond)
	if n := r.acceptedByReceiver(); n > 0 {
		t.Fatalf("%d were sent before the window opened", n)
	}
	shift.Store(int64(time.Hour + time.Minute))
	r.sentAtLeast(50)
	shift.Store(int64(2*time.Hour + time.Minute))
	r.stands()
	again := opens.Add(24 * time.Hour)
	r.tx(func(tx *sql.Tx) error { return r.Window(t.Context(), tx, issue, again, again.Add(time.Hour)) })
	n := r.acceptedByReceiver()
	shift.Store(int64(25*time.Hour + time.Minute)) // they would have expired by now
	r.sentAtLeast(n + 50)
	shift.Store(int64(26*time.Hour + time.Minute))
	r.stands()
	r.tx(func(tx *sql.Tx) error {
		_, err := r.Expire(t.Context(), tx, issue, "the window closed")
		return err
	})
	c := r.counts()
	if c[mailer.StateAccepted]+c[mailer.StateExpired] != r.readers || c[mailer.StateAccepted] != r.acceptedByReceiver() || c[mailer.StateExpired] == 0 {
		t.Errorf("got %v", c)
	}
}

// An issue that does harm is paused and announced before Run returns.
func TestFaultBreakerAtTheEnd(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 100)
	r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtRcpt, Code: 550}}})
	tripped, told := make(chan struct{}), atomic.Bool{}
	r.Alarm = func(context.Context, string, string, string) {
		close(tripped)
		time.Sleep(500 * time.Millisecond) // longer than the sender needs to end
		told.Store(true)
	}
	r.freeze()
	stop := r.start()
	<-tripped
	stop()
	if !told.Load() {
		t.Error("Run returned before the breaker's alarm was given")
	}
}
