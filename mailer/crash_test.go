package mailer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/mailer/smtp"
)

// childVariable makes the test binary a sending process: database and relay.
const childVariable = "PRESSRUN_MAILER_CHILD"

func TestMain(m *testing.M) {
	if v := os.Getenv(childVariable); v != "" {
		if err := child(v); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child sends until it is told to end, or killed.
func child(v string) error {
	dsn, url, _ := strings.Cut(v, " ")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	db, err := schema.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	r := &room{}
	m := &mailer.Mailer{
		DB: db, Relays: []*smtp.Relay{{Name: "test", URL: url, Connections: 8, HELO: "press.test"}},
		Editions:   func(context.Context, int64) (mailer.Edition, error) { return sealedEdition, nil },
		Recipients: r.recipients, Lease: 2 * time.Second, Heartbeat: 300 * time.Millisecond, Drain: 5 * time.Second, Probe: 300 * time.Millisecond,
	}
	return m.Run(ctx)
}

// spawn starts a child and returns it.
func (r *room) spawn(dsn string) *exec.Cmd {
	r.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVariable+"="+dsn+" "+r.relay.URL)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

// soak is full in the long form of a test, ./test --soak, else short.
func soak(short, full int) int {
	if os.Getenv("PRESSRUN_SOAK") != "" {
		return full
	}
	return short
}

// sentAtLeast waits until the receiver has taken n messages.
func (r *room) sentAtLeast(n int) {
	r.t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if r.acceptedByReceiver() >= n {
			return
		}
	}
	r.t.Fatalf("the receiver did not get %d messages", n)
}

func (r *room) acceptedByReceiver() int {
	a := r.catcher.Audit(r.addresses())
	return a.Once + len(a.Doubled)
}

// judge compares the receiver's books with the ledger: nobody lost, and nobody
// got two who is not listed as uncertain.
func (r *room) judge(most int) {
	r.t.Helper()
	a := r.catcher.Audit(r.addresses())
	listed := r.uncertain()
	if len(a.Lost) > 0 || len(a.Strangers) > 0 {
		r.t.Errorf("lost %v, strangers %v", a.Lost, a.Strangers)
	}
	for _, to := range a.Doubled {
		if !listed[to] {
			r.t.Errorf("%s got two and is not listed as uncertain", to)
		}
		if ids := r.catcher.Booked(to); len(slices.Compact(ids)) != 1 {
			r.t.Errorf("%s got %v: a second copy must have the first one's Message-ID", to, ids)
		}
	}
	if len(listed) > most {
		r.t.Errorf("%d are listed as uncertain, at most %d can have been in flight", len(listed), most)
	}
	r.t.Logf("%d once, %d doubled, %d listed as uncertain", a.Once, len(a.Doubled), len(listed))
}

func TestFaultKill(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, dsn string) {
		r := newRoom(t, db, soak(1200, 20_000))
		r.catcher.Misbehave(catch.Faults{Delay: 4 * time.Millisecond})
		r.freeze()
		kills := soak(4, 30)
		for range kills {
			before := r.acceptedByReceiver()
			cmd := r.spawn(dsn)
			r.sentAtLeast(before + 1)
			time.Sleep(rand.N(150 * time.Millisecond))
			cmd.Process.Kill()
			cmd.Wait()
			r.counts() // they add up
		}
		cmd := r.spawn(dsn)
		c := r.untilDone()
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		if c[mailer.StateAccepted] != r.readers {
			t.Errorf("got %v", c)
		}
		r.judge(kills * 9) // 8 connections, and that of letters
	})
}

// What a killed process had claimed is taken over at once, also while its parent
// has not asked how it ended.
func TestFaultKilledAndNotReaped(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system does not tell")
	}
	each(t, func(t *testing.T, db *schema.DB, dsn string) {
		r := newRoom(t, db, 1200)
		r.catcher.Misbehave(catch.Faults{Delay: 4 * time.Millisecond})
		r.freeze()
		cmd := r.spawn(dsn)
		r.sentAtLeast(20)
		cmd.Process.Kill()
		var got mailer.Reconciled
		for end := time.Now().Add(10 * time.Second); got.Owners == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			var err error
			if got, err = r.Reconcile(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if c := r.counts(); got.Owners != 1 || c[mailer.StateClaimed] != 0 {
			t.Errorf("took over %+v, %v", got, c)
		}
	})
}

func TestFaultTerminate(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, dsn string) {
		r := newRoom(t, db, soak(900, 8000))
		r.catcher.Misbehave(catch.Faults{Delay: 4 * time.Millisecond})
		r.freeze()
		for range soak(3, 10) {
			before := r.acceptedByReceiver()
			cmd := r.spawn(dsn)
			r.sentAtLeast(min(before+1, r.readers))
			time.Sleep(rand.N(100 * time.Millisecond))
			cmd.Process.Signal(syscall.SIGTERM)
			began := time.Now()
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			if d := time.Since(began); d > 25*time.Second {
				t.Errorf("it took %v to end", d)
			}
			if c := r.counts(); c[mailer.StateClaimed] > 0 || c[mailer.StateUncertain] > 0 || c[mailer.StateAccepted] != r.acceptedByReceiver() {
				t.Errorf("after SIGTERM: %v, the receiver has %d", c, r.acceptedByReceiver())
			}
		}
		stop := r.start()
		r.untilDone()
		stop()
		r.judge(0)
	})
}

// A claim that the server still commits while its process ends, no longer waiting
// for the answer, is given back too: nobody waits for the lease.
func TestFaultTerminateDuringClaim(t *testing.T) {
	r := newRoom(t, schematest.Postgres(t), 100)
	for _, s := range []string{
		`create function dawdle() returns trigger language plpgsql as $$ begin
			perform pg_sleep(0.5); return null;
			exception when query_canceled then perform pg_sleep(0.5); return null; end $$`, // a commit is not broken off
		`create constraint trigger dawdle after insert or update on audience_parts deferrable initially deferred for each row
			when (new.owner <> '' and new.first_id = 1) execute function dawdle()`,
	} {
		if _, err := r.DB.Write.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	r.freeze()
	stop := r.start()
	r.until("a claim is being committed", func(map[mailer.State]int) bool {
		var n int
		if err := r.DB.Read.QueryRow(`select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	})
	stop()
	if c := r.counts(); c[mailer.StateQueued] != r.readers {
		t.Errorf("after the end: %v, want all queued", c)
	}
}

// A relay that answers later than the drain leaves what is in flight uncertain,
// listed, and sent again with the same Message-ID.
func TestFaultTerminateBeforeASlowRelay(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 60)
		r.fast(100)
		r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtDot, Stall: time.Minute}}})
		r.Drain = 200 * time.Millisecond
		r.freeze()
		stop := r.start()
		r.until("a message is in flight", func(map[mailer.State]int) bool {
			var n int
			if err := r.DB.Read.QueryRow(`select count(*) from in_flight`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n == 4
		})
		began := time.Now()
		stop()
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("it took %v to end", d)
		}
		r.catcher.Misbehave(catch.Faults{})
		list, err := r.Deliveries(t.Context(), issue, mailer.Filter{WasUncertain: true}, mailer.Page{})
		c := r.counts()
		if err != nil || len(list) == 0 || len(list) > 4 || c[mailer.StateUncertain] != len(list) || c[mailer.StateQueued] != r.readers-len(list) {
			t.Errorf("after the end %d are listed as uncertain (%v): %v", len(list), err, c)
		}
		r.start()
		r.untilDone()
		r.judge(4)
	})
}

// Two processes share one PostgreSQL; one is killed, the other takes over.
func TestFaultTwoProcesses(t *testing.T) {
	dsn := schematest.PostgresURL(t)
	r := newRoom(t, schematest.Open(t, dsn), soak(1500, 20_000))
	r.catcher.Misbehave(catch.Faults{Delay: 4 * time.Millisecond})
	r.freeze()
	a, b := r.spawn(dsn), r.spawn(dsn)
	r.sentAtLeast(200)
	a.Process.Kill()
	a.Wait()
	r.untilDone()
	b.Process.Signal(syscall.SIGTERM)
	if err := b.Wait(); err != nil {
		t.Error(err)
	}
	r.judge(9)
}
