package subscribers_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pressrun/deploy/schema"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

// TestStatesAreThoseOfTheSchema: the Go table and the SQL check list the same
// states and reasons.
func TestStatesAreThoseOfTheSchema(t *testing.T) {
	text, err := os.ReadFile("../deploy/schema/migrations/0001_first.sql")
	if err != nil {
		t.Fatal(err)
	}
	check := func(table, column string) string {
		_, rest, _ := strings.Cut(string(text), "create table "+table+" (")
		m := regexp.MustCompile(column + `\s+text\s+not null check \(` + column + ` in \(([^)]*)\)`).FindStringSubmatch(rest)
		if m == nil {
			t.Fatalf("no check of %s.%s", table, column)
		}
		names := strings.Split(strings.ReplaceAll(m[1], "'", ""), ", ")
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	if got, want := check("subscriptions", "state"), sorted(subscribers.States); got != want {
		t.Errorf("states: the schema has %q, the code %q", got, want)
	}
	if got, want := check("suppressions", "reason"), sorted(subscribers.Reasons); got != want {
		t.Errorf("reasons: the schema has %q, the code %q", got, want)
	}
}

func sorted[T ~string](all []T) string {
	var names []string
	for _, v := range all {
		names = append(names, string(v))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestNobodyComesBackButByHimself walks through random histories of one reader
// on both engines. However they go: a state changes only as the table allows;
// who has left or is suppressed gets mail again only after his own
// confirmation; the audience and the decision at the claim agree.
func TestNobodyComesBackButByHimself(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		daily := r.list(t, "daily")
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			w := &walk{room: r, t: t, email: fmt.Sprintf("reader%d@example.com", n), list: daily.ID}
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				r.pass(time.Duration(rapid.IntRange(1, 40*24).Draw(rt, "hours")) * time.Hour)
				w.step(rt, rapid.SampledFrom(steps).Draw(rt, "step"))
			}
		})
	})
}

// walk is one reader's history.
type walk struct {
	*room
	t     *testing.T
	email string
	list  int64
	away  bool // left or suppressed, and not confirmed since
}

var steps = []string{"ask", "confirm", "add", "leave", "leave all", "pause", "resume", "tend", "bounce", "manual"}

func (w *walk) step(rt *rapid.T, step string) {
	ctx := w.t.Context()
	before := w.state(w.t, w.email, w.list)
	v, err := w.Find(ctx, w.email)
	known := err == nil
	wasSuppressed := known && w.suppressed(v.Key)
	err = w.do(step, v, known)
	if err != nil && !errors.Is(err, subscribers.ErrState) && !errors.Is(err, subscribers.ErrLeft) && !errors.Is(err, subscribers.ErrSuppressed) && !errors.Is(err, subscribers.ErrNotFound) {
		rt.Fatalf("%s: %v", step, err)
	}
	after := w.state(w.t, w.email, w.list)
	if before != after && !before.May(after) && after != "" {
		rt.Fatalf("%s: %q became %q", step, before, after)
	}
	switch {
	case step == "confirm" && err == nil:
		w.away = false
	case after == subscribers.Unsubscribed:
		w.away = true
	}
	v, findErr := w.Find(ctx, w.email)
	if findErr != nil {
		return
	}
	if w.suppressed(v.Key) {
		w.away = true
	} else if wasSuppressed && step != "confirm" {
		rt.Fatalf("%s lifted a suppression", step)
	}
	to, _ := w.recipients(w.t, w.list, v.ID)
	if len(to) > 0 && w.away {
		rt.Fatalf("%s: somebody who left would be written to (%q → %q)", step, before, after)
	}
	all := " " + w.readers(w.t, w.list) + " "
	local, _, _ := strings.Cut(w.email, "@")
	if got := strings.Contains(all, " "+local+" "); got != (len(to) > 0) {
		rt.Fatalf("%s: in the audience %v, recipient %v", step, got, len(to) > 0)
	}
}

func (w *walk) suppressed(key string) bool {
	_, ok, err := w.Suppressed(w.t.Context(), w.DB.Read, key)
	if err != nil {
		w.t.Fatal(err)
	}
	return ok
}

func (w *walk) do(step string, v subscribers.Subscriber, known bool) error {
	ctx := w.t.Context()
	switch step {
	case "ask":
		return w.Subscribe(ctx, subscribers.Signup{Email: w.email, Language: "en", Lists: []int64{w.list}, Source: "form"})
	case "confirm":
		return w.confirmLast(v.ID)
	case "add":
		_, err := w.Add(ctx, subscribers.New{Subscriber: subscribers.Subscriber{Email: address.Address(w.email)}, ListNames: []string{"daily"},
			Consent: subscribers.Consent{Basis: subscribers.Imported, Source: "file"}})
		return err
	case "tend":
		_, err := w.Tend(ctx)
		return err
	}
	if !known {
		return nil
	}
	switch step {
	case "leave":
		return w.Unsubscribe(ctx, v.ID, w.list, "one click")
	case "leave all":
		return w.Unsubscribe(ctx, v.ID, 0, "preferences page")
	case "pause":
		return w.Pause(ctx, v.ID, w.list, w.clock().Add(48*time.Hour), "")
	case "resume":
		return w.Resume(ctx, v.ID, w.list, "jan")
	case "bounce":
		return w.SuppressAddress(ctx, w.email, subscribers.Hard, "")
	case "manual":
		return w.SuppressAddress(ctx, w.email, subscribers.Manual, "")
	}
	return nil
}

// confirmLast presses the button of the last letter, if it was this reader's.
func (w *walk) confirmLast(id int64) error {
	if w.letters() == 0 || w.box[len(w.box)-1].to.ID != id || w.box[len(w.box)-1].kind != "confirmation" {
		return subscribers.ErrNotFound
	}
	_, err := w.Confirm(w.t.Context(), w.link(w.t))
	return err
}

// TestLeavingDuringASend: from the moment an unsubscription has been answered,
// no claim gives the reader out.
func TestLeavingDuringASend(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		var ids []int64
		for i := range 40 {
			ids = append(ids, r.add(t, fmt.Sprintf("reader%d@example.com", i), "daily").ID)
		}
		var gone sync.Map
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { // a sender that claims
				for {
					select {
					case <-stop:
						return
					default:
					}
					left := map[int64]bool{}
					gone.Range(func(id, _ any) bool { left[id.(int64)] = true; return true })
					err := r.DB.InTx(context.WithoutCancel(ctx), func(tx *sql.Tx) error {
						to, not, err := r.Recipients(ctx, tx, daily.ID, ids)
						for _, v := range to {
							if left[v.ID] {
								t.Errorf("reader %d had left and was given out", v.ID)
							}
						}
						if err == nil && len(to)+len(not) != len(ids) {
							t.Errorf("%d + %d of %d", len(to), len(not), len(ids))
						}
						return err
					})
					if err != nil {
						t.Errorf("claim: %v", err)
					}
				}
			})
		}
		for i, id := range ids {
			var err error
			if i%2 == 0 {
				err = r.Unsubscribe(ctx, id, daily.ID, "one click")
			} else {
				err = r.DB.InTx(ctx, func(tx *sql.Tx) error { return r.SuppressSubscriber(ctx, tx, id, "complaint", "", 0) })
			}
			if err != nil {
				t.Fatal(err)
			}
			gone.Store(id, true)
		}
		close(stop)
		wg.Wait()
		revoked, err := r.RevokedSince(ctx, start)
		if err != nil || len(revoked) != len(ids) {
			t.Errorf("revoked: %d of %d, %v", len(revoked), len(ids), err)
		}
	})
}

// TestStrongerReason: a suppression is never weakened.
func TestStrongerReason(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		for i, first := range subscribers.Reasons {
			for j, second := range subscribers.Reasons {
				email := fmt.Sprintf("%s-%s@example.com", first, second)
				for _, reason := range []subscribers.Reason{first, second} {
					if err := r.SuppressAddress(ctx, email, reason, string(reason)); err != nil {
						t.Fatal(err)
					}
				}
				x, ok, err := r.Suppressed(ctx, r.DB.Read, email)
				if want := subscribers.Reasons[max(i, j)]; err != nil || !ok || x.Reason != want {
					t.Errorf("%s then %s: got %s, %v, %v", first, second, x.Reason, ok, err)
				}
			}
		}
	})
}

// TestTendLetsReadersBeFaster: who asks again between the search of
// house-keeping and its write is neither erased nor expired.
func TestTendLetsReadersBeFaster(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		daily := r.list(t, "daily")
		for _, c := range []struct {
			email string
			first subscribers.State // when house-keeping looks
			after time.Duration
		}{
			{"late@example.com", subscribers.Pending, subscribers.ConfirmWithin},
			{"back@example.com", subscribers.Expired, subscribers.KeepUnconfirmed},
		} {
			r.subscribe(t, c.email, daily.ID)
			if c.first == subscribers.Expired {
				r.pass(subscribers.ConfirmWithin)
				if _, err := r.Tend(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			r.pass(c.after)
			if got := r.state(t, c.email, daily.ID); got != c.first {
				t.Fatalf("%s is %q at first, want %q", c.email, got, c.first)
			}
			tended := make(chan error, 1)
			r.Post = func(ctx context.Context, tx *sql.Tx, kind string, e templates.Email, to subscribers.Recipient) error {
				before := r.waiting(t)
				go func() {
					_, err := r.Tend(context.WithoutCancel(ctx))
					tended <- err
				}()
				for end := time.Now().Add(time.Minute); r.waiting(t) == before; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("house-keeping did not wait for the reader")
					}
				}
				return r.post(ctx, tx, kind, e, to)
			}
			r.subscribe(t, c.email, daily.ID)
			r.Post = r.post
			if err := <-tended; err != nil {
				t.Fatal(err)
			}
			if got := r.state(t, c.email, daily.ID); got != subscribers.Pending {
				t.Errorf("%s asked again and is %q, want pending", c.email, got)
			}
		}
	})
}

// waiting tells whether somebody waits for another's write: on SQLite how often
// that happened, on PostgreSQL how many do now.
func (r *room) waiting(t *testing.T) int64 {
	if r.DB.Engine == schema.SQLite {
		return r.DB.Write.Stats().WaitCount
	}
	var n int64
	if err := r.DB.Read.QueryRow(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
