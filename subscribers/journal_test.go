package subscribers_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers"
)

// seed is the state of the backup: seven readers of two lists.
func (r *room) seed(t *testing.T) {
	t.Helper()
	r.list(t, "daily")
	r.list(t, "weekly")
	for _, name := range []string{"stays", "leaves", "all", "bounces", "erased", "moves", "both"} {
		r.add(t, name+"@example.com", "daily", "weekly")
	}
}

// empty makes the database as good as new.
func (r *room) empty(t *testing.T) {
	t.Helper()
	for _, table := range []string{"subscriptions", "consents", "subscriber_events", "suppressions", "subscribers", "lists"} {
		if _, err := r.DB.Write.ExecContext(t.Context(), `delete from `+table); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *room) depart(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	id := func(name string) int64 {
		v, err := r.Find(ctx, name+"@example.com")
		if err != nil {
			t.Fatal(err)
		}
		return v.ID
	}
	daily, err := r.ListByName(ctx, "daily")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		r.Unsubscribe(ctx, id("leaves"), daily.ID, "one click"),
		r.Unsubscribe(ctx, id("all"), 0, "preferences page"),
		r.SuppressAddress(ctx, "bounces@example.com", subscribers.Hard, "5.1.1"),
		r.SuppressAddress(ctx, "stranger@example.com", subscribers.Manual, "lawyer's letter"),
		r.Forget(ctx, id("erased"), "jan"),
		r.Move(ctx, id("moves"), "moved@example.com", "jan"),
		r.Unsubscribe(ctx, id2(t, r, "moved@example.com"), 0, "one click"),
		r.Move(ctx, id("both"), "both2@example.com", ""),
		r.Forget(ctx, id2(t, r, "both2@example.com"), "the reader"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func id2(t *testing.T, r *room, email string) int64 {
	t.Helper()
	v, err := r.Find(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return v.ID
}

// TestRestoredBackup: promise 12. Whoever left after the backup was made is not
// written to after it was restored.
func TestRestoredBackup(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.seed(t)
		r.pass(time.Hour)
		r.depart(t)
		r.pass(time.Hour)
		r.empty(t)
		r.now = start // the backup is from then
		r.seed(t)
		r.pass(3 * time.Hour)
		for range 2 { // every start replays
			if err := r.Journal.Replay(ctx, r.Store); err != nil {
				t.Fatal(err)
			}
		}
		for list, want := range map[string]string{"daily": "stays", "weekly": "leaves stays"} {
			l, err := r.ListByName(ctx, list)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.readers(t, l.ID); got != want {
				t.Errorf("%s goes to %q, want %q", list, got, want)
			}
		}
		r.mustNotHold(t, "erased@example.com")
		r.mustNotHold(t, "both@example.com")
		daily, _ := r.ListByName(ctx, "daily")
		before := r.letters()
		for _, email := range []string{"erased@example.com", "stranger@example.com"} {
			r.subscribe(t, email, daily.ID)
		}
		if r.letters() != before {
			t.Error("a letter was written to somebody forgotten or suppressed by hand")
		}
		r.subscribe(t, "all@example.com", daily.ID)
		r.confirm(t)
		if err := r.Journal.Replay(ctx, r.Store); err != nil {
			t.Fatal(err)
		}
		if got := r.readers(t, daily.ID); got != "all stays" {
			t.Errorf("after one came back: %q", got)
		}
	})
}

// TestReplayOfTheKnownWritesNothing: a start of which the database knows all that the
// journal does waits for no other writer, and writes for none of the many who left.
func TestReplayOfTheKnownWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.seed(t)
		for _, err := range []error{
			r.Unsubscribe(ctx, id2(t, r, "leaves@example.com"), 0, "one click"),
			r.SuppressAddress(ctx, "bounces@example.com", subscribers.Hard, "5.1.1"),
			r.SuppressAddress(ctx, "bounces@example.com", subscribers.Manual, "asked"),
			r.SuppressAddress(ctx, "stranger@example.com", subscribers.Manual, "lawyer's letter"),
			r.Forget(ctx, id2(t, r, "erased@example.com"), "jan"),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if r.DB.Engine == schema.SQLite { // of the other it ends the connections
			heal, _ := schematest.Unwritable(t, r.DB)
			defer heal()
		}
		if err := r.Journal.Replay(ctx, r.Store); err != nil {
			t.Error(err)
		}
	})
}

// TestStrongestReasonIsRestored: of several reasons the strongest stands after a
// restore, whatever happened last and whatever the backup knew.
func TestStrongestReasonIsRestored(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		suppress := func(email string, reasons ...subscribers.Reason) {
			t.Helper()
			for _, reason := range reasons {
				r.pass(time.Minute)
				if err := r.SuppressAddress(ctx, email, reason, ""); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.seed(t)
		suppress("all@example.com", subscribers.Manual, subscribers.Hard, subscribers.Left)
		suppress("stranger@example.com", subscribers.Manual, subscribers.Hard)
		suppress("known@example.com", subscribers.Hard, subscribers.Manual, subscribers.Hard)
		if err := r.Forget(ctx, id2(t, r, "erased@example.com"), "jan"); err != nil {
			t.Fatal(err)
		}
		suppress("erased@example.com", subscribers.Manual, subscribers.Hard)
		want := map[string]subscribers.Reason{"all@example.com": subscribers.Manual, "stranger@example.com": subscribers.Manual,
			"known@example.com": subscribers.Manual, "erased@example.com": subscribers.Forgotten}
		compare := func(when string) {
			t.Helper()
			for email, reason := range want {
				x, ok, err := r.Suppressed(ctx, r.DB.Read, email)
				if err != nil || !ok || x.Reason != reason {
					t.Errorf("%s %s is suppressed as %q (%v, %v), want %q", when, email, x.Reason, ok, err, reason)
				}
			}
		}
		compare("before,")
		journal := r.Journal
		r.empty(t)
		r.now = start
		r.Journal = nil // what stands in the backup was written long ago
		suppress("known@example.com", subscribers.Hard)
		r.Journal = journal
		r.pass(3 * time.Hour)
		if err := r.Journal.Replay(ctx, r.Store); err != nil {
			t.Fatal(err)
		}
		compare("restored,")
	})
}

// readers are the local parts of those who would get a list's mail now.
func (r *room) readers(t testing.TB, list int64) string {
	t.Helper()
	a := subscribers.Audience{List: list, DefaultEdition: 1, Slot: r.clock()}
	query, args, err := r.Audience(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := r.DB.Read.QueryContext(t.Context(), `select u.email_key from (`+query+`) a join subscribers u on u.id = a.subscriber_id order by u.email_key`, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		local, _, _ := strings.Cut(key, "@")
		out = append(out, local)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if n := r.count(t, a); n != len(out) {
		t.Errorf("%d readers are counted, %d would get it", n, len(out))
	}
	return strings.Join(out, " ")
}

func TestJournalHoldsNoAddress(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.seed(t)
		r.depart(t)
		path := filepath.Join(r.dir, "departures.journal")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "@") || strings.Contains(string(text), "leaves") || len(text) == 0 {
			t.Errorf("journal:\n%s", text)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	})
}

// TestLostJournal: what only the database knows is written to a new journal at
// the next start.
func TestLostJournal(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.seed(t)
		r.pass(time.Hour)
		r.depart(t)
		lost := r.Journal
		fresh, err := subscribers.OpenJournal(filepath.Join(r.dir, "fresh.journal"))
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.Close()
		r.Journal = fresh
		if err := fresh.Replay(ctx, r.Store); err != nil {
			t.Fatal(err)
		}
		r.empty(t)
		r.now = start
		r.seed(t)
		r.pass(3 * time.Hour)
		if err := fresh.Replay(ctx, r.Store); err != nil {
			t.Fatal(err)
		}
		daily, _ := r.ListByName(ctx, "daily")
		// Who has moved is known under the new address alone.
		if got := r.readers(t, daily.ID); got != "both moves stays" {
			t.Errorf("daily goes to %q", got)
		}
		_ = lost
	})
}

// TestTornJournal: a crash in the middle of a line loses that line at most, and
// a journal that cannot be written keeps nobody from leaving.
func TestTornJournal(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.seed(t)
		r.pass(time.Hour)
		path := filepath.Join(r.dir, "torn.journal")
		if err := os.WriteFile(path, []byte("1795475100000 left 0123\nrubbish\n\xff\n"+strings.Repeat("x", 200_000)+"\n17954751"), 0o600); err != nil {
			t.Fatal(err)
		}
		torn, err := subscribers.OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		r.Journal = torn
		r.depart(t)
		if err := torn.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := torn.Close(); err != nil {
			t.Fatal(err)
		}
		v := r.add(t, "late@example.com", "daily")
		daily, _ := r.ListByName(ctx, "daily")
		if err := r.Unsubscribe(ctx, v.ID, daily.ID, "one click"); err != nil {
			t.Errorf("with a journal that cannot be written: %v", err)
		}
		if torn.Flush() == nil {
			t.Error("nobody hears that the journal cannot be written")
		}
		again, err := subscribers.OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		r.Journal = again
		if err := again.Replay(context.WithoutCancel(ctx), r.Store); err != nil {
			t.Fatal(err)
		}
		r.empty(t)
		r.now = start
		r.seed(t)
		r.add(t, "late@example.com", "daily")
		r.pass(3 * time.Hour)
		if err := again.Replay(ctx, r.Store); err != nil {
			t.Fatal(err)
		}
		daily, _ = r.ListByName(ctx, "daily")
		if got := r.readers(t, daily.ID); got != "stays" {
			t.Errorf("daily goes to %q, want only who stayed", got)
		}
	})
}

// TestAddressOfSomebodyElse: what a reader does after he has moved does not hit
// who has come to his old address since.
func TestAddressOfSomebodyElse(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		older := r.add(t, "older@example.com", "daily")
		for _, name := range []string{"erases", "leaves", "complains", "follows"} {
			v := r.add(t, name+"@example.com", "daily")
			if err := r.Move(ctx, v.ID, name+"@example.org", ""); err != nil {
				t.Fatal(err)
			}
			r.pass(time.Hour)
			var err error
			if name == "follows" { // somebody known for longer takes the address
				err = r.Move(ctx, older.ID, name+"@example.com", "")
			} else {
				r.add(t, name+"@example.com", "daily")
			}
			if err != nil {
				t.Fatal(err)
			}
			r.pass(time.Hour)
			switch name {
			case "erases", "follows":
				err = r.Forget(ctx, v.ID, "the reader")
			case "leaves":
				err = r.Unsubscribe(ctx, v.ID, daily.ID, "one click")
			case "complains":
				err = r.SuppressAddress(ctx, name+"@example.org", subscribers.Complaint, "")
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		r.pass(time.Hour)
		for range 2 {
			if err := r.Journal.Replay(ctx, r.Store); err != nil {
				t.Fatal(err)
			}
			if got := r.readers(t, daily.ID); got != "complains erases follows leaves" {
				t.Errorf("daily goes to %q after a start", got)
			}
		}
	})
}

// TestTwoJournals: two hosts keep a journal each. Who came back by one of them stays
// when the other starts, and both, one after the other, forget nobody who left by either.
func TestTwoJournals(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		here := r.Journal
		there, err := subscribers.OpenJournal(filepath.Join(r.dir, "there.journal"))
		if err != nil {
			t.Fatal(err)
		}
		defer there.Close()
		startThere := func() {
			t.Helper()
			r.Journal = there
			if err := there.Replay(ctx, r.Store); err != nil {
				t.Fatal(err)
			}
		}
		readers := func(want string) {
			t.Helper()
			if got := r.readers(t, daily.ID); got != want {
				t.Errorf("daily goes to %q, want %q", got, want)
			}
		}
		back := r.add(t, "back@example.com", "daily")
		gone := r.add(t, "gone@example.com", "daily")
		r.pass(time.Hour)
		if err := r.Unsubscribe(ctx, back.ID, 0, "one click"); err != nil { // everything: suppressed
			t.Fatal(err)
		}
		startThere()
		readers("gone")
		r.Journal = here
		r.pass(time.Hour)
		r.subscribe(t, "back@example.com", daily.ID)
		r.confirm(t)
		readers("back gone")
		startThere()
		readers("back gone")
		r.pass(time.Hour)
		if err := r.Unsubscribe(ctx, gone.ID, 0, "one click"); err != nil { // by the host there alone
			t.Fatal(err)
		}
		r.empty(t) // a backup from before is restored
		now := r.now
		r.now = start
		daily = r.list(t, "daily")
		r.add(t, "back@example.com", "daily")
		r.add(t, "gone@example.com", "daily")
		r.now = now.Add(time.Hour)
		r.Journal = here
		if err := here.Replay(ctx, r.Store); err != nil {
			t.Fatal(err)
		}
		startThere()
		readers("")
		r.subscribe(t, "back@example.com", daily.ID)
		r.confirm(t)
		startThere()
		readers("back")
	})
}
