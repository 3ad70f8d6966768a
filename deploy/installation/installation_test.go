package installation_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"pressrun/deploy/installation"
	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

func TestSignInLinkWorksOnce(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
		s := &installation.Store{DB: db, Now: func() time.Time { return now }}
		if _, err := s.AddUser(ctx, "Ed@Example.org", "Ed", "approver"); err != nil {
			t.Fatal(err)
		}
		token, err := s.SignInToken(ctx, "ed@example.org")
		if err != nil {
			t.Fatal(err)
		}
		session, err := s.SignIn(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.SignIn(ctx, token); !errors.Is(err, installation.ErrLink) {
			t.Errorf("second use: got %v, want ErrLink", err)
		}
		u, err := s.SessionUser(ctx, session)
		if err != nil || u.Email != "ed@example.org" {
			t.Fatalf("got user %v, %v", u, err)
		}
		if !u.May("editor") || u.May("operator") {
			t.Errorf("approver may edit: %v, may operate: %v; want true, false", u.May("editor"), u.May("operator"))
		}
		now = now.Add(installation.SessionAge + time.Second)
		if _, err := s.SessionUser(ctx, session); !errors.Is(err, installation.ErrNotFound) {
			t.Errorf("after its age: got %v, want ErrNotFound", err)
		}
		late, err := s.SignInToken(ctx, "ed@example.org")
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(installation.LinkAge + time.Second)
		if _, err := s.SignIn(ctx, late); !errors.Is(err, installation.ErrLink) {
			t.Errorf("expired link: got %v, want ErrLink", err)
		}
	})
}

func TestAlarmOpensOnce(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		now := time.Now()
		s := &installation.Store{DB: db, Now: func() time.Time { return now }}
		raise := func() (isNew bool, err error) {
			err = db.InTx(ctx, func(tx *sql.Tx) (err error) {
				isNew, err = s.Raise(ctx, tx, "source", "https://a.example/feed", "HTTP 500")
				return err
			})
			return isNew, err
		}
		for i, want := range []bool{true, false, false} {
			got, err := raise()
			if err != nil || got != want {
				t.Fatalf("raise %d: got new %v, %v; want %v", i, got, err, want)
			}
		}
		open, err := s.Alarms(ctx, true, 10)
		if err != nil || len(open) != 1 || open[0].Count != 3 {
			t.Fatalf("got %+v, %v; want one alarm counted 3", open, err)
		}
		was := false
		err = db.InTx(ctx, func(tx *sql.Tx) (err error) {
			was, err = s.Clear(ctx, tx, "source", "https://a.example/feed", "")
			return err
		})
		if err != nil || !was {
			t.Fatalf("clear: %v %v", was, err)
		}
		if isNew, _ := raise(); !isNew {
			t.Error("an alarm after a closed one is new")
		}
		all, _ := s.Alarms(ctx, false, 10)
		if len(all) != 2 {
			t.Errorf("got %d alarms in all, want 2", len(all))
		}
		for _, c := range []struct {
			after time.Duration
			left  int
		}{{installation.KeepAlarms, 2}, {time.Minute, 1}} { // the one that is open stays
			now = now.Add(c.after)
			if err := s.HouseKeep(ctx, 10); err != nil {
				t.Fatal(err)
			}
			if all, _ := s.Alarms(ctx, false, 10); len(all) != c.left {
				t.Errorf("%d alarms at %s, want %d", len(all), now, c.left)
			}
		}
	})
}

func TestKnownGoodIsKept(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		s := &installation.Store{DB: db, Now: time.Now}
		for _, name := range []string{"spf example.org", "mx example.org", "spf example.org"} {
			if err := s.MarkGood(ctx, "dns", name); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.KnownGood(ctx, "dns")
		if err != nil || !slices.Equal(got, []string{"mx example.org", "spf example.org"}) {
			t.Errorf("got %q, %v", got, err)
		}
		if got, err := s.KnownGood(ctx, "address"); err != nil || len(got) > 0 {
			t.Errorf("of another kind: %q, %v", got, err)
		}
	})
}

// Who is there keeps what was not said of him: a name that is added takes no role away.
func TestAddUserKeepsWhatIsNotSaid(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		s := &installation.Store{DB: db, Now: time.Now}
		for _, c := range []struct{ name, role, wantName, wantRole string }{
			{"", "operator", "", "operator"}, {"Ed", "", "Ed", "operator"}, {"", "", "Ed", "operator"}, {"", "viewer", "Ed", "viewer"}, {"Eddy", "approver", "Eddy", "approver"},
		} {
			u, err := s.AddUser(t.Context(), "ed@example.org", c.name, c.role)
			if err != nil || u.Name != c.wantName || u.Role != c.wantRole {
				t.Errorf("name %q, role %q: got %+v, %v; want %s, %s", c.name, c.role, u, err, c.wantName, c.wantRole)
			}
		}
		if u, err := s.AddUser(t.Context(), "new@example.org", "", ""); err != nil || u.Role != "editor" {
			t.Errorf("a new one: got %+v, %v; want an editor", u, err)
		}
	})
}

// TestRemoveUserSaysWhatFailed: who is not there is not found; that the database
// does not answer is another thing.
func TestRemoveUserSaysWhatFailed(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		s := &installation.Store{DB: db, Now: time.Now}
		if err := s.RemoveUser(ctx, "nobody@example.org"); !errors.Is(err, installation.ErrNotFound) {
			t.Errorf("of nobody: got %v, want ErrNotFound", err)
		}
		if _, err := db.Write.ExecContext(ctx, `alter table users rename column email to address`); err != nil {
			t.Fatal(err)
		}
		if err := s.RemoveUser(ctx, "ed@example.org"); err == nil || errors.Is(err, installation.ErrNotFound) {
			t.Errorf("of a broken table: got %v", err)
		}
	})
}

// An address that is erased leaves what was noted about it too, and others stay; what
// is looked for among the actions is looked for as it is written.
func TestAuditWithoutAnErasedAddress(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		s := &installation.Store{DB: db, Now: time.Now}
		for object, detail := range map[string]string{
			"Ann_Lee@readers.example": "asked by Ann_Lee@Readers.example.", "cyd@readers.example": "as ann_lee@readers.example, 100% sure", "annxlee@readers.example": "joann_lee@readers.example, ann_lee@readers.example.org",
		} {
			if err := s.Audit(ctx, "ed@news.example", "suppress", object, detail); err != nil {
				t.Fatal(err)
			}
		}
		found := func(search string, want int) {
			t.Helper()
			if list, n, err := s.Actions(ctx, search, false, 10, 0); err != nil || n != want || len(list) != want {
				t.Errorf("%q: %d of %+v, %v; want %d", search, n, list, err, want)
			}
		}
		found("ann_lee@readers.example", 3)
		found("0% sure", 1)
		found("%", 1)
		found(`\`, 0)
		if err := db.InTx(ctx, func(tx *sql.Tx) error { return installation.ForgetAddress(ctx, tx, "ann_lee@readers.example") }); err != nil {
			t.Fatal(err)
		}
		found("ann_lee@readers.example", 1) // parts of other addresses
		found("asked by an erased address.", 1)
		found("as an erased address, 100% sure", 1)
		found("joann_lee@readers.example, ann_lee@readers.example.org", 1)
		found("annxlee@readers.example", 1)
	})
}
