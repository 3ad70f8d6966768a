package mailer_test

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/mailer/smtp"
)

// fast makes the room's clock run n times as fast as the world's, from now on:
// waits of minutes between attempts pass in a second.
func (r *room) fast(n int) {
	start := time.Now()
	r.Now = func() time.Time { return start.Add(time.Since(start) * time.Duration(n)) }
}

func share(code int, share float64, seed string) catch.Rule {
	return catch.Rule{Stage: catch.AtRcpt, Code: code, Share: share, Seed: seed}
}

// Greylisting is waited out; refusals are recorded by class; only an address
// that does not exist is suppressed.
func TestFaultRefusals(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 1000)
		r.fast(600)
		grey := share(451, .05, "grey")
		grey.Times = 1
		r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{
			grey, share(550, .01, "unknown"), share(552, .01, "full"), share(554, .004, "policy"),
		}})
		r.freeze()
		stop := r.start()
		r.until("only full mailboxes are left", func(c map[mailer.State]int) bool {
			return c[mailer.StateQueued]+c[mailer.StateClaimed] == 0 && c[mailer.StateDeferred] == len(r.with("5.2"))
		})
		stop()
		unknown, full, policy := r.with("5.1"), r.with("5.2"), r.with("5.7")
		if len(unknown) < 3 || len(full) < 3 || len(policy) < 1 {
			t.Fatalf("got %d unknown, %d full, %d policy", len(unknown), len(full), len(policy))
		}
		for _, d := range unknown {
			if d.State != mailer.StateFailed || r.suppressed[d.Subscriber] != "hard" {
				t.Errorf("unknown: %s, suppressed %q", d.State, r.suppressed[d.Subscriber])
			}
		}
		for _, d := range full {
			if d.State != mailer.StateDeferred || d.Code != 552 || !d.NextAt.After(d.ClaimedAt) {
				t.Errorf("full: %+v", d)
			}
		}
		for _, d := range policy {
			if d.State != mailer.StateFailed || d.Phase != "rcpt" {
				t.Errorf("policy: %+v", d)
			}
		}
		if len(r.suppressed) != len(unknown) {
			t.Errorf("%d suppressed, want %d", len(r.suppressed), len(unknown))
		}
		c := r.counts()
		if c[mailer.StateAccepted] != 1000-len(unknown)-len(full)-len(policy) {
			t.Errorf("got %v", c)
		}
		attempts, err := r.Attempts(t.Context(), full[0])
		if err != nil || len(attempts) < 1 || attempts[0].Code != 552 || attempts[0].Outcome != mailer.StateDeferred {
			t.Errorf("attempts: %+v %v", attempts, err)
		}
		r.judgeBut(len(unknown)+len(full)+len(policy), 0)
		r.nameless("deliveries")
		r.nameless("attempts")
	})
}

func (r *room) with(class string) []mailer.Delivery {
	r.t.Helper()
	list, err := r.Deliveries(context.Background(), issue, mailer.Filter{}, mailer.Page{Limit: 10000})
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(d mailer.Delivery) bool {
		return d.State == mailer.StateAccepted || !strings.HasPrefix(d.Enhanced, class)
	})
}

// judgeBut is judge when so many are known not to have got anything.
func (r *room) judgeBut(lost, most int) {
	r.t.Helper()
	a := r.catcher.Audit(r.addresses())
	if len(a.Lost) != lost {
		r.t.Errorf("%d got nothing, want %d", len(a.Lost), lost)
	}
	if len(r.uncertain()) > most || len(a.Doubled) > most {
		r.t.Errorf("%d doubled, %d uncertain, want at most %d", len(a.Doubled), len(r.uncertain()), most)
	}
}

// Connections that end at any point of a message cost nobody his copy.
func TestFaultDrops(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 600)
		r.fast(100)
		once := func(stage catch.Stage, taken bool, seed string) catch.Rule {
			return catch.Rule{Stage: stage, Drop: true, Taken: taken, After: 100, Share: .02, Seed: seed, Times: 1}
		}
		r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{
			once(catch.AtRcpt, false, "rcpt"), once(catch.AtData, false, "data"),
			once(catch.AtDot, false, "lost"), once(catch.AtDot, true, "taken"),
		}})
		r.freeze()
		stop := r.start()
		c := r.untilDone()
		stop()
		if c[mailer.StateAccepted] != r.readers {
			t.Errorf("got %v", c)
		}
		r.judge(60)
		resent, err := r.Deliveries(t.Context(), issue, mailer.Filter{WasUncertain: true}, mailer.Page{})
		if err != nil || len(resent) == 0 || !resent[0].Resent || !strings.Contains(resent[0].Why(), "second time") {
			t.Errorf("uncertain deliveries: %d, %v", len(resent), err)
		}
	})
}

// What is uncertain waits for a person when the issue wants it so.
func TestFaultPark(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 300)
	r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtDot, Drop: true, Share: .03, Times: 1}}})
	r.freezeWith(mailer.Enqueue{Park: true})
	r.start()
	c := r.until("all is done", func(c map[mailer.State]int) bool {
		return c[mailer.StateAccepted]+c[mailer.StateParked] == r.readers
	})
	parked, err := r.Deliveries(t.Context(), issue, mailer.Filter{State: mailer.StateParked}, mailer.Page{})
	if err != nil || len(parked) == 0 || len(parked) != c[mailer.StateParked] {
		t.Fatalf("%d parked, %v", len(parked), err)
	}
	if a := r.catcher.Audit(r.addresses()); len(a.Lost) != len(parked) || len(a.Doubled) > 0 {
		t.Errorf("lost %d, doubled %d, parked %d", len(a.Lost), len(a.Doubled), len(parked))
	}
	var ids []int64
	for _, d := range parked {
		ids = append(ids, d.ID)
	}
	if n := r.retry(ids); n != len(ids) {
		t.Fatal(n)
	}
	r.until("the parked are sent", func(c map[mailer.State]int) bool { return c[mailer.StateAccepted] == r.readers })
	r.judge(len(ids))
}

// A relay that goes away costs time and nothing else, and is found again soon
// after it is back, however long it was away.
func TestFaultOutage(t *testing.T) {
	kinds := map[string]catch.Outage{"refused": catch.OutageRefuse, "busy": catch.OutageBusy, "frozen": catch.OutageStall}
	long := map[string]bool{"refused": true, "busy": soak(0, 1) > 0, "frozen": soak(0, 1) > 0}
	for name, kind := range kinds {
		t.Run(name+" for 30 s", func(t *testing.T) { outage(t, kind, 30*time.Second, 100) })
		if long[name] {
			t.Run(name+" for 10 min", func(t *testing.T) { outage(t, kind, 10*time.Minute, 400) })
		}
	}
}

// outage lets the relay be away, by the ledger's clock, which runs speed times as
// fast as the world's. The relay is tried every 30 s of it.
func outage(t *testing.T, kind catch.Outage, away time.Duration, speed int) {
	r := newRoom(t, schematest.SQLite(t), 400)
	r.fast(speed)
	r.Probe = 30 * time.Second / time.Duration(speed)
	r.catcher.Misbehave(catch.Faults{Delay: 5 * time.Millisecond})
	r.freeze()
	r.start()
	r.sentAtLeast(50)
	r.catcher.Away(kind, away/time.Duration(speed))
	time.Sleep(away / time.Duration(speed))
	n, back := r.acceptedByReceiver(), time.Now()
	r.sentAtLeast(min(n+1, r.readers))
	if d := time.Since(back); d > 5*time.Second { // a minute of the ledger's; the rest is for a busy machine
		t.Errorf("it took %v to find that the relay is back", d)
	}
	r.untilDone()
	if kind != catch.OutageStall && away > time.Minute { // silence is patiently waited out
		r.waitAlarm("relay test Nothing can be sent")
		r.waitAlarm("relay test ")
		// Once; but a busy machine may look like an outage to a clock 400 times as fast.
		if n := r.alarmsLike("relay test Nothing can be sent"); n < 1 || n > 2 {
			t.Errorf("a person was told %d times", n)
		}
	}
	if len(r.suppressed) > 0 {
		t.Errorf("an outage suppressed %v", r.suppressed)
	}
	r.judge(8)
}

// way is a transport under the test's control.
type way struct {
	mailer.Transport
	remote bool
	err    atomic.Pointer[smtp.Error]
}

func (w *way) Loopback() bool { return !w.remote }

func (w *way) Open(ctx context.Context) (mailer.Conn, error) {
	if err := w.err.Load(); err != nil {
		return nil, err
	}
	return w.Transport.Open(ctx)
}

// waitAlarm waits for an alarm that begins so; one that ends with a space is
// over.
func (r *room) waitAlarm(prefix string) {
	r.t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if r.alarmsLike(prefix) > 0 {
			return
		}
	}
	r.t.Fatalf("no alarm %q", prefix)
}

func (r *room) alarmsLike(prefix string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, s := range r.alarms {
		if s == prefix || strings.HasPrefix(s, prefix) && !strings.HasSuffix(prefix, " ") {
			n++
		}
	}
	return n
}

// Letters that are refused for what we are are announced, not those to addresses
// that do not exist: a reader who waits for his confirmation cannot say so.
func TestFaultLettersRefused(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 1)
	r.start()
	r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtRcpt, Code: 550}}})
	for range 4 {
		r.untilLetter(r.post(confirmation(11)), mailer.StateFailed)
	}
	r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtRcpt, Code: 554}}})
	for range 2 {
		r.untilLetter(r.post(confirmation(12)), mailer.StateFailed)
	}
	if n := r.alarmsLike("letters refused"); n > 0 {
		t.Errorf("announced %d times after mistyped addresses and two refusals", n)
	}
	r.untilLetter(r.post(confirmation(12)), mailer.StateFailed)
	r.waitAlarm("letters refused 3 letters in a row were refused for good, the last because the relay refuses our mail")
	r.untilLetter(r.post(confirmation(12)), mailer.StateFailed)
	r.catcher.Misbehave(catch.Faults{})
	r.untilLetter(r.post(confirmation(13)), mailer.StateAccepted)
	r.waitAlarm("letters refused ")
	if n := r.alarmsLike("letters refused 3"); n != 1 {
		t.Errorf("announced %d times", n)
	}
}

// A relay that refuses us for what we are is not asked five hundred times.
func TestFaultBreaker(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 800)
	r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{share(554, .2, "")}})
	r.freeze()
	r.start()
	r.waitAlarm("breaker issue 7 Sending is paused")
	time.Sleep(time.Second)
	c := r.counts()
	if c[mailer.StateQueued] < 400 || len(r.suppressed) > 0 {
		t.Errorf("got %v, suppressed %d", c, len(r.suppressed))
	}
	s, err := r.SendOf(t.Context(), r.DB.Read, issue)
	if err != nil || s.State != "paused" || !strings.Contains(s.Reason, "refused") {
		t.Errorf("got %+v %v", s, err)
	}
	r.catcher.Misbehave(catch.Faults{})
	r.tx(func(tx *sql.Tx) error { return r.Resume(t.Context(), tx, issue) })
	r.untilDone()
}

// Whoever leaves while the issue is being sent gets nothing that has not begun.
func TestFaultLeaveDuringSend(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 400)
		r.relay.Rate = 100
		r.freeze()
		r.start()
		r.sentAtLeast(50)
		for id := int64(201); id <= 400; id += 2 {
			r.leave(id)
		}
		time.Sleep(time.Second)
		var before []string
		for id := int64(201); id <= 400; id += 2 {
			if len(r.catcher.Booked(address(id))) > 0 {
				before = append(before, address(id))
			}
		}
		c := r.untilDone()
		if want := 100 - len(before); c[mailer.StateWithheld] != want || c[mailer.StateAccepted] != r.readers-want {
			t.Errorf("got %v, %d were sent within the second", c, len(before))
		}
		d, err := r.DeliveryOf(t.Context(), issue, 399)
		if err != nil || d.State != mailer.StateWithheld || d.Reason != "unsubscribed" {
			t.Errorf("got %+v %v", d, err)
		}
		r.judgeBut(c[mailer.StateWithheld], 0)
	})
}

// A process that cannot read who leaves, or has slept meanwhile, sends nothing to those
// it had claimed until it could: who has left in that time gets nothing.
func TestFaultBlind(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 600)
		r.relay.Rate = 50
		var asleep atomic.Bool
		r.RevokedSince = func(ctx context.Context, since time.Time) ([]int64, error) {
			for asleep.Load() {
				time.Sleep(10 * time.Millisecond)
			}
			return r.revokedSince(ctx, since)
		}
		r.freeze()
		r.start()
		r.sentAtLeast(50)
		asleep.Store(true)
		time.Sleep(6 * time.Second) // it goes on for five
		n := r.acceptedByReceiver()
		left := 0
		for id := int64(1); id <= 600; id++ {
			if len(r.catcher.Booked(address(id))) == 0 {
				r.leave(id)
				left++
			}
		}
		if left == 0 {
			t.Fatal("nobody was left to leave")
		}
		time.Sleep(time.Second)
		asleep.Store(false)
		if c := r.untilDone(); c[mailer.StateWithheld] != left {
			t.Errorf("%d left while it could not see it, got %v", left, c)
		}
		if more := r.acceptedByReceiver() - n; more > 0 {
			t.Errorf("%d who had left got it", more)
		}
	})
}

// stands waits until nothing is claimed any more, which takes a second where
// nobody else uses the machine, then requires that nothing more is sent.
func (r *room) stands() {
	r.t.Helper()
	time.Sleep(time.Second)
	r.until("nothing is claimed", func(c map[mailer.State]int) bool { return c[mailer.StateClaimed] == 0 })
	n := r.acceptedByReceiver()
	if n == 0 || n == r.readers {
		r.t.Fatalf("%d of %d were sent", n, r.readers)
	}
	time.Sleep(700 * time.Millisecond)
	if m := r.acceptedByReceiver(); m != n {
		r.t.Errorf("%d more were sent", m-n)
	}
	if c := r.counts(); c[mailer.StateClaimed] > 0 {
		r.t.Errorf("still claimed: %v", c)
	}
}

func TestFaultStopAndPause(t *testing.T) {
	ctx := context.Background()
	for name, step := range map[string]struct{ off, on func(r *room) }{
		"stop": {
			func(r *room) {
				if err := r.Stop(ctx, "ed@news.example", "wrong picture"); err != nil {
					r.t.Fatal(err)
				}
				if st, err := r.Status(ctx); err != nil || !st.Stopped || st.StoppedBy != "ed@news.example" || st.Why != "wrong picture" {
					r.t.Errorf("got %+v %v", st, err)
				}
			},
			func(r *room) {
				if err := r.Start(ctx); err != nil {
					r.t.Fatal(err)
				}
			},
		},
		"pause": {
			func(r *room) { r.tx(func(tx *sql.Tx) error { return r.Pause(ctx, tx, issue, "by the editor") }) },
			func(r *room) { r.tx(func(tx *sql.Tx) error { return r.Resume(ctx, tx, issue) }) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, schematest.SQLite(t), 600)
			r.catcher.Misbehave(catch.Faults{Delay: 30 * time.Millisecond})
			r.freeze()
			stop := r.start()
			r.sentAtLeast(20)
			step.off(r)
			r.stands()
			stop()
			r.start() // it survives a restart
			time.Sleep(300 * time.Millisecond)
			if c := r.counts(); c[mailer.StateClaimed] > 0 {
				t.Errorf("claimed although off: %v", c)
			}
			r.catcher.Misbehave(catch.Faults{})
			step.on(r)
			r.untilDone()
			r.judge(0)
		})
	}
}

func TestFaultCancel(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 300)
	r.relay.Rate = 100
	r.freeze()
	r.start()
	r.sentAtLeast(20)
	r.tx(func(tx *sql.Tx) error { return r.Cancel(t.Context(), tx, issue, "wrong issue") })
	c := r.untilDone()
	if c[mailer.StateAccepted] == 0 || c[mailer.StateCancelled] == 0 || c[mailer.StateAccepted]+c[mailer.StateCancelled] != r.readers {
		t.Errorf("got %v", c)
	}
	if n := r.acceptedByReceiver(); n != c[mailer.StateAccepted] {
		t.Errorf("the receiver has %d, the ledger %d", n, c[mailer.StateAccepted])
	}
	if err := r.DB.InTx(t.Context(), func(tx *sql.Tx) error { return r.Resume(t.Context(), tx, issue) }); err == nil {
		t.Error("a cancelled issue was resumed")
	}
}

// An issue that nobody wants to read any more is not sent.
func TestFaultExpiry(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 200)
	var shift atomic.Int64
	r.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
	r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{share(451, .5, "")}}) // for ever
	r.freezeWith(mailer.Enqueue{Expires: 20 * time.Minute})
	r.start()
	r.until("all were tried", func(c map[mailer.State]int) bool { return c[mailer.StateQueued]+c[mailer.StateClaimed] == 0 })
	shift.Store(int64(21 * time.Minute))
	c := r.untilDone()
	if c[mailer.StateExpired] < 50 || c[mailer.StateAccepted] < 50 || c[mailer.StateAccepted]+c[mailer.StateExpired] != r.readers {
		t.Errorf("got %v", c)
	}
	list, err := r.Deliveries(t.Context(), issue, mailer.Filter{State: mailer.StateExpired}, mailer.Page{Limit: 1})
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Why(), "451") {
		t.Errorf("got %+v %v", list, err)
	}
}

// While the ledger cannot be written nothing more is sent, and nothing is lost.
func TestFaultDatabaseTrouble(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, dsn string) {
		troubles := []func(*room, func(string) error){fullDisk, readOnly, locked}
		if db.Engine == schema.Postgres {
			troubles = []func(*room, func(string) error){restarted, readOnlyServer, locked}
		}
		other, err := schema.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		conn, err := other.Write.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		r := newRoom(t, db, 1000)
		r.catcher.Misbehave(catch.Faults{Delay: 10 * time.Millisecond})
		r.freeze()
		r.start()
		for _, trouble := range troubles {
			r.sentAtLeast(r.acceptedByReceiver() + 50)
			trouble(r, func(text string) error { _, err := conn.ExecContext(t.Context(), text); return err })
		}
		for end := time.Now().Add(60 * time.Second); r.acceptedByReceiver() < r.readers && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond)
		}
		r.untilDone()
		r.judge(0)
	})
}

// waits fails when more goes out than what is under way, while the ledger
// cannot be written.
func (r *room) waits() {
	r.t.Helper()
	time.Sleep(100 * time.Millisecond)
	n := r.acceptedByReceiver()
	time.Sleep(300 * time.Millisecond)
	if more := r.acceptedByReceiver() - n; more > 4 {
		r.t.Errorf("%d were sent while the ledger could not be written", more)
	}
}

func fullDisk(r *room, _ func(string) error) {
	r.trouble(func() { r.pragma("max_page_count = 1") }, func() { r.pragma("max_page_count = 1000000") }) // SQLite makes 1 the present size
}

func readOnly(r *room, _ func(string) error) {
	r.trouble(func() { r.pragma("query_only = 1") }, func() { r.pragma("query_only = 0") })
}

// trouble is in the way of the ledger from begin to end; a person hears of it, and
// how to mend it.
func (r *room) trouble(begin, end func()) {
	r.t.Helper()
	words := "ledger " + r.DB.Name + " Sending waits because the database cannot be written: the d"
	told := r.alarmsLike(words)
	begin()
	for until := time.Now().Add(60 * time.Second); r.alarmsLike(words) == told; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			r.t.Fatal("nobody was told")
		}
	}
	r.waits()
	end()
}

func (r *room) pragma(text string) {
	r.t.Helper()
	if _, err := r.DB.Write.Exec("pragma " + text); err != nil {
		r.t.Fatal(err)
	}
}

const cutAll = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`

func restarted(r *room, do func(string) error) {
	for range 5 {
		r.must(do(cutAll))
		time.Sleep(100 * time.Millisecond)
	}
}

// readOnlyServer is a server that became a standby, or has no room left.
func readOnlyServer(r *room, do func(string) error) {
	set := func(to string) {
		r.must(do(`do $$ begin execute 'alter database ' || quote_ident(current_database()) || ' set default_transaction_read_only = ` + to + `'; end $$`))
		r.must(do(cutAll))
	}
	r.trouble(func() { set("on") }, func() { set("off") })
}

// locked is another process that keeps the ledger for itself.
func locked(r *room, do func(string) error) {
	lock := "begin; lock table deliveries in exclusive mode"
	if r.DB.Engine == schema.SQLite {
		lock = "begin immediate"
	}
	r.must(do(lock))
	r.waits()
	r.must(do("rollback"))
}

// A process that sleeps through its lease wakes up and sends nothing that
// another has taken over.
func TestFaultFrozenProcess(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 400)
		r.catcher.Misbehave(catch.Faults{Delay: 20 * time.Millisecond})
		r.Heartbeat = time.Hour // silent, though alive: to others it looks frozen
		r.freeze()
		r.start()
		r.sentAtLeast(50)
		other := *r.Mailer
		other.Owner, other.Lease, other.Heartbeat = "the other", 200*time.Millisecond, 100*time.Millisecond
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- other.Run(ctx) }()
		r.untilDone()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if len(r.uncertain()) == 0 {
			t.Error("nothing was taken over")
		}
		r.judge(30)
	})
}

// The database is away for longer than the lease: two processes that live take nothing
// over from one another when it is back, and nobody gets what was in flight twice.
func TestFaultLedgerAwayForLong(t *testing.T) {
	db := schematest.Postgres(t)
	outside, err := schema.Open(t.Context(), db.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	conn, err := outside.Write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := newRoom(t, db, 600)
	r.catcher.Misbehave(catch.Faults{Delay: 20 * time.Millisecond})
	r.Lease, r.Heartbeat = 2*time.Second, 100*time.Millisecond
	r.freeze()
	r.start()
	other := *r.Mailer
	other.Owner, other.Heartbeat = "the other", time.Second
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- other.Run(ctx) }()
	r.sentAtLeast(100)
	for _, open := range []bool{false, true} {
		if _, err := conn.ExecContext(t.Context(), `update pg_database set datallowconn = $1 where datname = current_database()`, open); err != nil {
			t.Fatal(err)
		}
		if !open {
			if _, err := conn.ExecContext(t.Context(), cutAll); err != nil {
				t.Fatal(err)
			}
			time.Sleep(r.Lease + 500*time.Millisecond)
		}
	}
	r.untilDone()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := len(r.uncertain()); n > 0 {
		t.Errorf("%d were in flight at processes that live, and went out again", n)
	}
	r.judge(0)
}

// Clocks that jump neither repeat nor skip anybody.
func TestFaultClockJumps(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 400)
	var shift atomic.Int64
	r.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
	r.Lease, r.Heartbeat = 2*time.Second, 50*time.Millisecond
	r.catcher.Misbehave(catch.Faults{Delay: 10 * time.Millisecond})
	r.freeze()
	r.start()
	other := *r.Mailer
	other.Owner, other.Now = "the other", time.Now
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- other.Run(ctx) }()
	for _, d := range []time.Duration{time.Hour, -time.Hour, 0} {
		time.Sleep(60 * time.Millisecond)
		shift.Store(int64(d))
	}
	r.untilDone()
	cancel()
	<-ended
	r.judge(0)
}

// lossy is a way to PostgreSQL on which answers can be lost: what was asked for
// has been done, and nobody hears of it.
type lossy struct {
	listener net.Listener
	server   string
	lose     atomic.Int32 // so many answers to commits are lost from now on
	lost     atomic.Int32
	through  func(client, server net.Conn) // passes on what is asked; nil does so at once
}

// losing leads to the server of dsn by a detour, whose address it returns; through
// is as in lossy.
func losing(t *testing.T, dsn string, through func(client, server net.Conn)) (*lossy, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &lossy{listener: l, server: u.Host, through: through}
	t.Cleanup(func() { l.Close() })
	go p.serve()
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *lossy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			client.Close()
			continue
		}
		go func() {
			if p.through != nil {
				p.through(client, server)
			} else {
				io.Copy(server, client)
			}
			server.Close()
		}()
		go func() { p.answer(client, server); client.Close(); server.Close() }()
	}
}

// answer passes on what the server says, unless it is the end of a transaction
// that changed something and shall be lost.
func (p *lossy) answer(client, server net.Conn) {
	buf := make([]byte, 1<<16)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		said := buf[:n]
		committed := bytes.HasSuffix(said, []byte("Z\x00\x00\x00\x05I")) && (bytes.Contains(said, []byte("COMMIT\x00")) || bytes.Contains(said, []byte("INSERT 0 ")))
		if committed && p.lose.Add(-1) >= 0 {
			p.lost.Add(1)
			return
		}
		if _, err := client.Write(said); err != nil {
			return
		}
	}
}

// A commit whose answer is lost is found out about: what was accepted is never
// queued again, what was claimed is not forgotten.
func TestFaultLostCommit(t *testing.T) {
	way, dsn := losing(t, schematest.PostgresURL(t), nil)
	r := newRoom(t, schematest.Open(t, dsn), soak(600, 3000))
	r.catcher.Misbehave(catch.Faults{Delay: 3 * time.Millisecond})
	r.freeze()
	r.start()
	times := int32(soak(4, 25))
	for n := range times {
		r.sentAtLeast(50 + int(n)*100)
		way.lose.Store(3) // of several connections at once: claims, results and marks
		for end := time.Now().Add(30 * time.Second); way.lose.Load() > 0 && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
		}
	}
	c := r.untilDone()
	if c[mailer.StateAccepted] != r.readers || way.lost.Load() < times {
		t.Errorf("got %v after %d lost answers", c, way.lost.Load())
	}
	r.judge(0)
}
