package subscribers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/subscribers"
)

// TestTakenBackEverywhere: what an operator suppressed by hand and took back stays
// taken back when a second host with its own journal starts, whose clock is behind or
// ahead, and after a backup from before is restored. A complaint that came before or
// after the suppression holds as ever, and so does a suppression by hand that comes later.
func TestTakenBackEverywhere(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		for _, name := range []string{"jan", "complains", "after", "left"} {
			r.add(t, name+"@example.com", "daily")
		}
		here := r.Journal
		there, err := subscribers.OpenJournal(filepath.Join(r.dir, "there.journal"))
		if err != nil {
			t.Fatal(err)
		}
		defer there.Close()
		start := func(j *subscribers.Journal) {
			t.Helper()
			r.Journal = j
			if err := j.Replay(ctx, r.Store); err != nil {
				t.Fatal(err)
			}
		}
		suppress := func(name string, reason subscribers.Reason) {
			t.Helper()
			if err := r.SuppressAddress(ctx, name+"@example.com", reason, "asked"); err != nil {
				t.Fatal(err)
			}
		}
		takeBack := func(name string, want subscribers.Reason) {
			t.Helper()
			if still, err := r.Unsuppress(ctx, name+"@example.com"); err != nil || still != want {
				t.Errorf("after %s was taken back, %q holds (%v), want %q", name, still, err, want)
			}
		}
		compare := func(when string, want map[string]subscribers.Reason) {
			t.Helper()
			for _, name := range []string{"jan", "stranger", "complains", "after", "left"} {
				x, _, err := r.Suppressed(ctx, r.DB.Read, name+"@example.com")
				if err != nil || x.Reason != want[name] {
					t.Errorf("%s %s is suppressed as %q (%v), want %q", when, name, x.Reason, err, want[name])
				}
			}
		}

		suppress("complains", subscribers.Complaint)
		if err := r.Unsubscribe(ctx, id2(t, r, "left@example.com"), 0, "one click"); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Minute)
		for _, name := range []string{"jan", "stranger", "complains", "after", "left"} {
			suppress(name, subscribers.Manual)
		}
		suppress("after", subscribers.Complaint)
		start(there)
		r.pass(-90 * time.Second) // the clock there is behind
		takeBack("jan", "")
		takeBack("stranger", "")
		takeBack("complains", subscribers.Complaint)
		takeBack("after", subscribers.Complaint)
		takeBack("left", subscribers.Left)
		want := map[string]subscribers.Reason{"complains": subscribers.Complaint, "after": subscribers.Complaint, "left": subscribers.Left}
		compare("there", want)
		for range 2 {
			start(here)
			compare("started here,", want)
			start(there)
			compare("started there,", want)
		}

		r.pass(time.Hour)
		r.empty(t) // a backup from before it was taken back
		if _, err := r.DB.Write.ExecContext(ctx, `delete from suppressions_lifted`); err != nil {
			t.Fatal(err)
		}
		daily = r.list(t, "daily")
		now := r.now
		r.now = now.Add(-24 * time.Hour)
		r.Journal = nil
		for _, name := range []string{"jan", "complains", "after", "left"} {
			r.add(t, name+"@example.com", "daily")
			suppress(name, subscribers.Manual)
		}
		suppress("stranger", subscribers.Manual)
		r.now = now
		start(here)
		compare("restored, started here,", want)
		start(there)
		compare("restored, started there,", want)
		if got := r.readers(t, daily.ID); got != "jan" {
			t.Errorf("daily goes to %q, want jan alone", got)
		}

		suppress("jan", subscribers.Manual)
		want["jan"] = subscribers.Manual
		for _, j := range []*subscribers.Journal{here, there} {
			start(j)
			compare("suppressed anew,", want)
		}
	})
}

// TestLiftingIsWrittenLast: a transaction that lifts a suppression and fails leaves no
// line that says so; one that suppresses may.
func TestLiftingIsWrittenLast(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		reader := r.add(t, "jan@example.com", "daily")
		if err := r.Unsubscribe(ctx, reader.ID, 0, "one click"); err != nil {
			t.Fatal(err)
		}
		if err := r.SuppressAddress(ctx, "stranger@example.com", subscribers.Manual, "asked"); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Hour)
		r.subscribe(t, "jan@example.com", daily.ID)
		restore := failing(t, r, "delete", "suppressions")
		if _, err := r.Confirm(ctx, r.link(t)); err == nil {
			t.Error("the confirmation was committed")
		}
		if err := r.SavePreferences(ctx, reader.ID, subscribers.Preferences{Offered: []int64{daily.ID}, Lists: []int64{daily.ID}, Source: "preferences page"}); err == nil {
			t.Error("the preferences were committed")
		}
		if _, err := r.Unsuppress(ctx, "stranger@example.com"); err == nil {
			t.Error("the lifting was committed")
		}
		restore()
		text, err := os.ReadFile(filepath.Join(r.dir, "departures.journal"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), " lifted ") {
			t.Errorf("nothing was lifted, but the journal says\n%s", text)
		}
		r.confirm(t)
		if _, err := r.Unsuppress(ctx, "stranger@example.com"); err != nil {
			t.Fatal(err)
		}
		text, _ = os.ReadFile(filepath.Join(r.dir, "departures.journal"))
		if got := strings.Count(string(text), " lifted "); got != 2 {
			t.Errorf("%d lines of what was lifted, want 2:\n%s", got, text)
		}
	})
}

// failing lets no transaction commit that does something to a table, until restore.
func failing(t *testing.T, r *room, something, table string) (restore func()) {
	t.Helper()
	exec := func(statements ...string) {
		t.Helper()
		for _, q := range statements {
			if _, err := r.DB.Write.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The key is only looked for when all is said.
	exec(`create table nobody (id bigint primary key)`, `create table fails (id bigint references nobody (id) deferrable initially deferred)`)
	if r.DB.Engine == schema.SQLite {
		exec(`create trigger fail after ` + something + ` on ` + table + ` begin insert into fails values (1); end`)
		return func() { exec(`drop trigger fail`, `drop table fails`, `drop table nobody`) }
	}
	exec(`create function fail() returns trigger language plpgsql as 'begin insert into fails values (1); return null; end'`,
		`create trigger fail after `+something+` on `+table+` for each row execute function fail()`)
	return func() {
		exec(`drop trigger fail on `+table, `drop function fail`, `drop table fails`, `drop table nobody`)
	}
}
