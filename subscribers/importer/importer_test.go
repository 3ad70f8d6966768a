package importer_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/subscribers/importer"
	"pressrun/subscribers/subscriberstest"
)

func TestMain(m *testing.M) { os.Exit(subscriberstest.Run(m)) }

func open(t testing.TB, db *schema.DB) *subscribers.Store {
	t.Helper()
	keys, err := subscribers.GenerateKeys(filepath.Join(t.TempDir(), "link.keys"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	s := &subscribers.Store{DB: db, Keys: keys, PublicURL: "https://news.example.com", Now: func() time.Time { now = now.Add(time.Millisecond); return now }}
	for _, name := range []string{"daily", "weekly"} {
		if _, err := s.CreateList(t.Context(), subscribers.List{Name: name, Public: true}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func add(t *testing.T, s *subscribers.Store, email string, lists ...string) subscribers.Subscriber {
	t.Helper()
	v, err := s.Add(t.Context(), subscribers.New{Subscriber: subscribers.Subscriber{Email: address.Address(email)}, ListNames: lists,
		Consent: subscribers.Consent{Basis: subscribers.Express, Source: "fair"}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func stateOf(t *testing.T, s *subscribers.Store, email, list string) subscribers.State {
	t.Helper()
	v, err := s.Find(t.Context(), email)
	if err != nil {
		return ""
	}
	all, err := s.Subscriptions(t.Context(), v.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if x.ListName == list {
			return x.State
		}
	}
	return ""
}

const messy = "E-Mail Address;First Name;Last Name;Locale;City;Status\r\n" +
	"new@example.com;Ada;Lovelace;en_GB;London;subscribed\r\n" +
	"KNOWN@example.com;Changed;Name;;;\r\n" +
	"other@example.com;;;;;\r\n" +
	"left@example.com;;;;;\r\n" +
	"asked@example.com;;;;;\r\n" +
	"bounced@example.com;;;;;\r\n" +
	"erased@example.com;;;;;\r\n" +
	"New@Example.com;again;;;;\r\n" +
	"elsewhere@example.com;;;;;Unsubscribed\r\n" +
	"not an address;;;;;\r\n" +
	"\r\n" +
	"typo@gmial.com;\"Smith; \"\"Jo\"\"\";;;;\r\n" +
	"odd@example.com;;;klingonish-nonsense;;\r\n"

// TestImport: the dry run tells exactly what the import then does.
func TestImport(t *testing.T) {
	subscriberstest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		s := open(t, db)
		daily, err := s.ListByName(ctx, "daily")
		if err != nil {
			t.Fatal(err)
		}
		add(t, s, "known@example.com", "daily")
		add(t, s, "other@example.com", "weekly")
		left := add(t, s, "left@example.com", "daily")
		if err := s.Unsubscribe(ctx, left.ID, daily.ID, "one click"); err != nil {
			t.Fatal(err)
		}
		if err := s.Subscribe(ctx, subscribers.Signup{Email: "asked@example.com", Lists: []int64{daily.ID}, Source: "form"}); err != nil {
			t.Fatal(err)
		}
		if err := s.SuppressAddress(ctx, "bounced@example.com", subscribers.Hard, "5.1.1"); err != nil {
			t.Fatal(err)
		}
		erased := add(t, s, "erased@example.com", "daily")
		if err := s.Forget(ctx, erased.ID, "jan"); err != nil {
			t.Fatal(err)
		}
		o := importer.Options{List: "daily", Source: "reader club", Evidence: "binder 7", By: "jan", File: "club.csv", DryRun: true}
		dry, err := importer.Import(ctx, s, strings.NewReader(messy), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := stateOf(t, s, "new@example.com", "daily"); got != "" || dry.ID != 0 {
			t.Fatalf("the dry run changed something: %q, import %d", got, dry.ID)
		}
		o.DryRun = false
		got, err := importer.Import(ctx, s, strings.NewReader(messy), o)
		if err != nil {
			t.Fatal(err)
		}
		want := "rows 12 new 3 added 1 known 2 unsubscribed 1 suppressed 2 inactive 1 duplicates 1 invalid 1 remarks 1 typos 1"
		for _, r := range []importer.Report{dry, got} {
			text := fmt.Sprintf("rows %d new %d added %d known %d unsubscribed %d suppressed %d inactive %d duplicates %d invalid %d remarks %d typos %d",
				r.Rows, r.New, r.Added, r.Known, r.Unsubscribed, r.Suppressed, r.Inactive, r.Duplicates, r.Invalid, r.Remarks, r.Typos)
			if text != want {
				t.Errorf("dry run %v: got  %s\nwant %s\n%+v", r.DryRun, text, want, r)
			}
			if r.Delimiter != ";" || r.Charset != "utf-8" {
				t.Errorf("read as %q separated %s", r.Delimiter, r.Charset)
			}
		}
		for email, want := range map[string]subscribers.State{
			"new@example.com": "active", "known@example.com": "active", "other@example.com": "active", "left@example.com": "unsubscribed",
			"asked@example.com": "pending", "bounced@example.com": "", "erased@example.com": "", "elsewhere@example.com": "",
		} {
			if got := stateOf(t, s, email, "daily"); got != want {
				t.Errorf("%s: got %q, want %q", email, got, want)
			}
		}
		v, err := s.Find(ctx, "new@example.com")
		if err != nil || v.Name != "Ada Lovelace" || v.Language != "en-gb" || v.Attrs["city"] != "London" {
			t.Errorf("stored %+v, %v", v, err)
		}
		if v, err := s.Find(ctx, "typo@gmial.com"); err != nil || v.Name != `Smith; "Jo"` {
			t.Errorf("stored %+v, %v", v, err)
		}
		if v, err := s.Find(ctx, "known@example.com"); err != nil || v.Name != "" {
			t.Errorf("a known subscriber was changed: %+v, %v", v, err)
		}
		consents, err := s.Consents(ctx, v.ID)
		if err != nil || len(consents) != 1 || consents[0].Basis != subscribers.Imported || consents[0].Source != "reader club" || consents[0].Evidence != "binder 7" {
			t.Errorf("consents %+v, %v", consents, err)
		}
		var bad importer.Problem
		for _, p := range got.Problems {
			if p.Kind == "invalid" {
				bad = p
			}
		}
		if bad.Line != 11 || bad.Reason == "" || bad.Input != "not an address" {
			t.Errorf("problem %+v", bad)
		}
		imports, err := s.Imports(ctx)
		if err != nil || len(imports) != 1 || imports[0].State != "done" || strings.Contains(string(imports[0].Report), "gmial") {
			t.Errorf("imports %+v, %v", imports, err)
		}
	})
}

func TestImportTwiceAndUndo(t *testing.T) {
	subscriberstest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		s := open(t, db)
		add(t, s, "old@example.com", "weekly")
		o := importer.Options{List: "daily", Source: "reader club", By: "jan"}
		const file = "a@example.com\nb@example.com\nold@example.com\nc@example.com\n"
		first, err := importer.Import(ctx, s, strings.NewReader(file), o)
		if err != nil || first.New != 3 || first.Added != 1 {
			t.Fatalf("first: %+v, %v", first, err)
		}
		second, err := importer.Import(ctx, s, strings.NewReader(file), o)
		if err != nil || second.Known != 4 || second.New+second.Added != 0 {
			t.Fatalf("second: %+v, %v", second, err)
		}
		b, err := s.Find(ctx, "b@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Unsubscribe(ctx, b.ID, 0, "one click"); err != nil {
			t.Fatal(err)
		}
		var elsewhere []string
		s.Erased = func(_ context.Context, _ *sql.Tx, _ int64, address string) error {
			elsewhere = append(elsewhere, address)
			return nil
		}
		undone, err := importer.Undo(ctx, s, first.ID, "jan")
		if err != nil || undone != (subscribers.Undone{Subscriptions: 3, Subscribers: 2, Kept: 1}) {
			t.Fatalf("undone: %+v, %v", undone, err)
		}
		if slices.Sort(elsewhere); !slices.Equal(elsewhere, []string{"a@example.com", "c@example.com"}) {
			t.Errorf("other rooms were told of %q", elsewhere)
		}
		for email, want := range map[string]subscribers.State{"a@example.com": "", "b@example.com": "unsubscribed", "old@example.com": ""} {
			if got := stateOf(t, s, email, "daily"); got != want {
				t.Errorf("%s: got %q, want %q", email, got, want)
			}
		}
		if got := stateOf(t, s, "old@example.com", "weekly"); got != subscribers.Active {
			t.Errorf("another list was touched: %q", got)
		}
		if _, err := importer.Undo(ctx, s, first.ID, "jan"); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("undone twice: %v", err)
		}
		if again, err := importer.Import(ctx, s, strings.NewReader(file), o); err != nil || again.New != 2 || again.Suppressed != 1 || again.Added != 1 {
			t.Errorf("after undoing: %+v, %v", again, err)
		}
	})
}

func TestImportRefuses(t *testing.T) {
	s := open(t, schematest.SQLite(t))
	ctx := t.Context()
	tests := []struct {
		name, file string
		o          importer.Options
		want       error
	}{
		{"no source", "a@example.com\n", importer.Options{List: "daily"}, subscribers.ErrConsent},
		{"no such list", "a@example.com\n", importer.Options{List: "nope", Source: "x"}, subscribers.ErrNotFound},
		{"empty", "", importer.Options{List: "daily", Source: "x"}, importer.ErrNoAddress},
		{"no addresses", "name,city\nJan,Brno\n", importer.Options{List: "daily", Source: "x"}, importer.ErrNoAddress},
		{"binary", "\x00\x01\x02\xff\xfe", importer.Options{List: "daily", Source: "x"}, importer.ErrNoAddress},
	}
	for _, tt := range tests {
		if _, err := importer.Import(ctx, s, strings.NewReader(tt.file), tt.o); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	if imports, err := s.Imports(ctx); err != nil || len(imports) != 0 {
		t.Errorf("imports %+v, %v", imports, err)
	}
}

// manyRows is a file of n readers.
func manyRows(n int) string {
	var b strings.Builder
	b.WriteString("email,name,language,zone,city\n")
	zones := []string{"Asia/Karachi", "Europe/London", "America/New_York", "", "Australia/Sydney"}
	for i := range n {
		fmt.Fprintf(&b, "reader%d@example%d.com,Reader %d,%s,%s,City %d\n", i, i%97, i, []string{"en", "ur", "ru"}[i%3], zones[i%5], i%50)
	}
	return b.String()
}

// TestImportAndAudienceOfMany logs how long they take: for 1,000 readers, or
// with PRESSRUN_SOAK for 100,000.
func TestImportAndAudienceOfMany(t *testing.T) {
	n := 1_000
	if os.Getenv("PRESSRUN_SOAK") != "" {
		n = 100_000
	}
	file := manyRows(n)
	subscriberstest.Each(t, func(t *testing.T, db *schema.DB) {
		s := open(t, db)
		ctx := t.Context()
		for _, dry := range []bool{true, false} {
			begin := time.Now()
			r, err := importer.Import(ctx, s, strings.NewReader(file), importer.Options{List: "daily", Source: "old system", DryRun: dry})
			if err != nil || r.New != n {
				t.Fatalf("%+v, %v", r, err)
			}
			t.Logf("dry run %v: %.1f s for %d rows", dry, time.Since(begin).Seconds(), n)
		}
		list, err := s.ListByName(ctx, "daily")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.SaveSegment(ctx, "urdu", `language == "ur" and attrs.city in ["City 1", "City 4"]`); err != nil {
			t.Fatal(err)
		}
		a := subscribers.Audience{List: list.ID, Editions: map[string]int64{"en": 1, "ur": 2, "ur-text": 3}, DefaultEdition: 1, Slot: time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC), Zone: "Asia/Karachi", LocalTime: "07:00"}
		for _, seg := range []string{"", "urdu"} {
			a.Segment = seg
			begin := time.Now()
			query, args, err := s.Audience(ctx, a)
			if err != nil {
				t.Fatal(err)
			}
			done, err := db.Write.ExecContext(ctx, `insert into deliveries (issue_id, subscriber_id, edition_id, due_at, state, expires_at, next_at)
				select 1, subscriber_id, edition_id, due_at, 'queued', due_at, due_at from (`+query+`) a`, args...)
			if err != nil {
				t.Fatal(err)
			}
			inserted, _ := done.RowsAffected()
			t.Logf("segment %q: %d deliveries in %v", seg, inserted, time.Since(begin))
			if _, err := db.Write.ExecContext(ctx, `delete from deliveries`); err != nil {
				t.Fatal(err)
			}
			begin = time.Now()
			count, err := s.Count(ctx, a)
			if err != nil || int64(count) != inserted {
				t.Fatalf("counted %d, %v; inserted %d", count, err, inserted)
			}
			t.Logf("segment %q: counted in %v", seg, time.Since(begin))
		}
	})
}
