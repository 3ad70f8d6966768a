package subscribers_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/subscribers/subscriberstest"
	"pressrun/templates"
)

func TestMain(m *testing.M) {
	flag.Set("rapid.checks", "15") // each walks through a dozen transactions on two engines; more with -rapid.checks
	os.Exit(subscriberstest.Run(m))
}

// room is a store with a clock that stands still and a post box.
type room struct {
	*subscribers.Store
	dir string

	mu  sync.Mutex
	now time.Time
	box []posted
}

type posted struct {
	kind string
	mail templates.Email
	to   subscribers.Recipient
}

var start = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

// each runs f with a fresh room on each engine.
func each(t *testing.T, f func(t *testing.T, r *room)) {
	t.Helper()
	subscriberstest.Each(t, func(t *testing.T, db *schema.DB) { f(t, open(t, db)) })
}

func open(t testing.TB, db *schema.DB) *room {
	t.Helper()
	r := &room{now: start, dir: t.TempDir()}
	keys, err := subscribers.GenerateKeys(filepath.Join(r.dir, "link.keys"))
	if err != nil {
		t.Fatal(err)
	}
	journal, err := subscribers.OpenJournal(filepath.Join(r.dir, "departures.journal"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { journal.Close() })
	r.Store = &subscribers.Store{DB: db, Now: r.clock, Keys: keys, PublicURL: "https://news.example.com", Journal: journal, Post: r.post}
	return r
}

func (r *room) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *room) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *room) post(_ context.Context, _ *sql.Tx, kind string, e templates.Email, to subscribers.Recipient) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.box = append(r.box, posted{kind, e, to})
	return nil
}

func (r *room) letters() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.box)
}

func (r *room) list(t testing.TB, name string) subscribers.List {
	t.Helper()
	l, err := r.CreateList(t.Context(), subscribers.List{Name: name, Title: strings.ToUpper(name[:1]) + name[1:], Public: true})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// add adds an active reader of the lists.
func (r *room) add(t testing.TB, email string, lists ...string) subscribers.Subscriber {
	t.Helper()
	v, err := r.Add(t.Context(), subscribers.New{
		Subscriber: subscribers.Subscriber{Email: address.Address(email)}, ListNames: lists,
		Consent: subscribers.Consent{Basis: subscribers.Imported, Source: "paper form", Evidence: "binder 7"}, By: "jan",
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (r *room) subscribe(t testing.TB, email string, lists ...int64) {
	t.Helper()
	if err := r.Subscribe(t.Context(), subscribers.Signup{Email: email, Language: "en", Lists: lists, Source: "form", Wording: "2026-11"}); err != nil {
		t.Fatal(err)
	}
}

// link is the token of the button in the last letter.
func (r *room) link(t testing.TB) subscribers.Claim {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.box) == 0 {
		t.Fatal("no letter was posted")
	}
	text := r.box[len(r.box)-1].mail.Text
	_, rest, ok := strings.Cut(text, "https://news.example.com/confirm/")
	if !ok {
		t.Fatalf("no confirmation link in:\n%s", text)
	}
	c, err := r.Keys.Verify(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *room) confirm(t testing.TB) {
	t.Helper()
	if _, err := r.Confirm(t.Context(), r.link(t)); err != nil {
		t.Fatal(err)
	}
}

// state is where an address stands on a list; "" when it is not known.
func (r *room) state(t testing.TB, email string, list int64) subscribers.State {
	t.Helper()
	v, err := r.Find(t.Context(), email)
	if errors.Is(err, subscribers.ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := r.Subscriptions(t.Context(), v.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.List == list {
			return s.State
		}
	}
	return ""
}

func (r *room) count(t testing.TB, a subscribers.Audience) int {
	t.Helper()
	n, err := r.Count(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDoubleOptIn(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily, weekly := r.list(t, "daily"), r.list(t, "weekly")
		r.subscribe(t, " Jan@EXAMPLE.com ", daily.ID, weekly.ID)
		if got := r.state(t, "jan@example.com", daily.ID); got != subscribers.Pending {
			t.Fatalf("after the form: got %q, want pending", got)
		}
		if n := r.count(t, subscribers.Audience{List: daily.ID}); n != 0 {
			t.Errorf("%d unconfirmed readers in the audience", n)
		}
		if r.letters() != 1 || r.box[0].kind != "confirmation" || r.box[0].to.Address != "Jan@example.com" {
			t.Fatalf("letters: %+v", r.box)
		}
		if !strings.Contains(r.box[0].mail.Subject, "Daily and Weekly") {
			t.Errorf("subject %q does not name the lists", r.box[0].mail.Subject)
		}
		pending, err := r.Pending(ctx, r.link(t))
		if err != nil || pending.Done || len(pending.Lists) != 2 {
			t.Fatalf("pending: %+v, %v", pending, err)
		}
		r.pass(time.Hour)
		for range 2 { // the button is pressed twice
			r.confirm(t)
		}
		if got := r.state(t, "jan@example.com", weekly.ID); got != subscribers.Active {
			t.Errorf("after the button: got %q, want active", got)
		}
		consents, err := r.Consents(ctx, pending.Subscriber.ID)
		if err != nil || len(consents) != 2 {
			t.Fatalf("got %d consents, %v; want one a list", len(consents), err)
		}
		c := consents[0]
		if c.Basis != subscribers.Express || c.Source != "form" || c.Wording != "2026-11" || !c.Given.Equal(start.Add(time.Hour)) {
			t.Errorf("consent: %+v", c)
		}
		if n := r.count(t, subscribers.Audience{List: daily.ID}); n != 1 {
			t.Errorf("audience: got %d, want 1", n)
		}
	})
}

func TestConfirmationLinks(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		r.subscribe(t, "jan@example.com", daily.ID)
		first := r.link(t)
		r.pass(time.Hour)
		r.subscribe(t, "jan@example.com", daily.ID)
		if r.letters() != 2 {
			t.Fatalf("got %d letters, want 2", r.letters())
		}
		if _, err := r.Confirm(ctx, first); err != nil {
			t.Errorf("the link of the first letter: %v", err)
		}
		if err := r.Unsubscribe(ctx, first.Subscriber, daily.ID, "one click"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Confirm(ctx, first); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("an old link after leaving: got %v, want ErrState", err)
		}
		r.pass(time.Hour)
		r.subscribe(t, "jan@example.com", daily.ID) // perhaps by a stranger
		if _, err := r.Confirm(ctx, first); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("an old link after asking again: got %v, want ErrState", err)
		}
		late := r.link(t)
		r.pass(subscribers.ConfirmWithin)
		if _, err := r.Confirm(ctx, late); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("a link of a week ago: got %v, want ErrState", err)
		}
		if done, err := r.Tend(ctx); err != nil || done.Expired != 1 {
			t.Errorf("tend: %+v, %v; want 1 expired", done, err)
		}
		if got := r.state(t, "jan@example.com", daily.ID); got != subscribers.Expired {
			t.Errorf("got %q, want expired", got)
		}
	})
}

// TestUnconfirmedLeaveNothing: who never confirmed anything is forgotten a month
// after his last link expired, in other rooms too.
func TestUnconfirmedLeaveNothing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		var elsewhere []string
		r.Erased = func(_ context.Context, _ *sql.Tx, id int64, address string) error {
			elsewhere = append(elsewhere, address)
			return nil
		}
		r.subscribe(t, "kim@example.com", r.list(t, "daily").ID)
		for _, after := range []time.Duration{subscribers.ConfirmWithin, subscribers.KeepUnconfirmed} {
			if len(elsewhere) > 0 {
				t.Errorf("forgotten early: %q", elsewhere)
			}
			r.pass(after)
			if _, err := r.Tend(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Find(t.Context(), "kim@example.com"); !errors.Is(err, subscribers.ErrNotFound) || !slices.Equal(elsewhere, []string{"kim@example.com"}) {
			t.Errorf("%v; other rooms were told of %q", err, elsewhere)
		}
	})
}

func TestStrangersCannotFloodAnAddress(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		daily := r.list(t, "daily")
		for range 50 {
			r.subscribe(t, "victim@example.com", daily.ID)
			r.pass(time.Minute)
		}
		if n := r.letters(); n != subscribers.LettersADay {
			t.Errorf("50 requests in 50 minutes brought %d letters, want %d", n, subscribers.LettersADay)
		}
		r.confirm(t)
		r.pass(24 * time.Hour)
		r.subscribe(t, "victim@example.com", daily.ID)
		if last := r.box[len(r.box)-1]; last.kind != "welcome" {
			t.Errorf("asking for what he has: got a %s letter, want welcome", last.kind)
		}
	})
}

func TestSuppressionBeatsEverything(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		for _, reason := range subscribers.Reasons[:4] {
			email := string(reason) + "@example.com"
			v := r.add(t, email, "daily")
			if err := r.SuppressAddress(ctx, email, reason, "test"); err != nil {
				t.Fatal(err)
			}
			_, err := r.Add(ctx, subscribers.New{Subscriber: subscribers.Subscriber{Email: address.Address(strings.ToUpper(email))}, ListNames: []string{"daily"},
				Consent: subscribers.Consent{Basis: subscribers.Express, Source: "api"}})
			if !errors.Is(err, subscribers.ErrSuppressed) {
				t.Errorf("%s: Add: got %v, want ErrSuppressed", reason, err)
			}
			to, not := r.recipients(t, daily.ID, v.ID)
			if len(to) != 0 || len(not) != 1 || !strings.HasPrefix(not[0].Reason, "suppressed: ") {
				t.Errorf("%s: recipients %v, withheld %v", reason, to, not)
			}
		}
		if n := r.count(t, subscribers.Audience{List: daily.ID}); n != 0 {
			t.Errorf("audience: got %d, want 0", n)
		}
	})
}

func (r *room) recipients(t testing.TB, list int64, ids ...int64) (to []subscribers.Recipient, not []subscribers.Withheld) {
	t.Helper()
	err := r.DB.InTx(t.Context(), func(tx *sql.Tx) (err error) {
		to, not, err = r.Recipients(t.Context(), tx, list, ids)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return to, not
}

func TestLifting(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		v := r.add(t, "left@example.com", "daily")
		if err := r.Unsubscribe(ctx, v.ID, 0, "preferences page"); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Hour)
		r.subscribe(t, "left@example.com", daily.ID)
		r.pass(time.Hour)
		r.confirm(t)
		if n := r.count(t, subscribers.Audience{List: daily.ID}); n != 1 {
			t.Errorf("left, then confirmed again: audience %d, want 1", n)
		}

		for _, reason := range []subscribers.Reason{subscribers.Hard, subscribers.Complaint} {
			email := string(reason) + "@example.com"
			r.add(t, email, "daily")
			if err := r.SuppressAddress(ctx, email, reason, ""); err != nil {
				t.Fatal(err)
			}
			before := r.letters()
			for range 29 {
				r.pass(24 * time.Hour)
				r.subscribe(t, email, daily.ID)
			}
			if n := r.letters() - before; n != 1 {
				t.Errorf("%s: %d letters in a month, want 1", reason, n)
			}
			r.pass(5 * 24 * time.Hour)
			r.subscribe(t, email, daily.ID)
			if n := r.letters() - before; n != 2 {
				t.Errorf("%s: %d letters after a month, want 2", reason, n)
			}
			r.confirm(t)
			if _, ok, err := r.Suppressed(ctx, r.DB.Read, email); err != nil || ok {
				t.Errorf("%s: still suppressed after the confirmation (%v)", reason, err)
			}
		}

		for _, reason := range []subscribers.Reason{subscribers.Manual, subscribers.Forgotten} {
			email := string(reason) + "@example.com"
			v := r.add(t, email, "daily")
			if reason == subscribers.Forgotten {
				err := r.Forget(ctx, v.ID, "jan")
				if err != nil {
					t.Fatal(err)
				}
			} else if err := r.SuppressAddress(ctx, email, reason, ""); err != nil {
				t.Fatal(err)
			}
			before := r.letters()
			r.pass(90 * 24 * time.Hour)
			r.subscribe(t, email, daily.ID)
			if r.letters() != before {
				t.Errorf("%s: a letter was written", reason)
			}
		}
	})
}

func TestWhoLeftComesBackOnlyByHimself(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		v := r.add(t, "jan@example.com", "daily")
		for range 2 { // one-click may come twice
			if err := r.Unsubscribe(ctx, v.ID, daily.ID, "one click"); err != nil {
				t.Fatal(err)
			}
		}
		_, err := r.Add(ctx, subscribers.New{Subscriber: subscribers.Subscriber{Email: "jan@example.com"}, ListNames: []string{"daily"},
			Consent: subscribers.Consent{Basis: subscribers.Imported, Source: "new file"}})
		if !errors.Is(err, subscribers.ErrLeft) {
			t.Errorf("Add: got %v, want ErrLeft", err)
		}
		if err := r.Resume(ctx, v.ID, daily.ID, "jan"); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("Resume: got %v, want ErrState", err)
		}
		to, not := r.recipients(t, daily.ID, v.ID)
		if len(to) != 0 || !strings.Contains(not[0].Reason, "unsubscribed: one click") {
			t.Errorf("recipients %v, withheld %v", to, not)
		}
		if err := r.Unsubscribe(ctx, 999, daily.ID, "one click"); err != nil {
			t.Errorf("unsubscribing somebody who is gone: %v", err)
		}
	})
}

func TestPause(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		v := r.add(t, "jan@example.com", "daily")
		week := start.Add(7 * 24 * time.Hour)
		if err := r.Pause(ctx, v.ID, daily.ID, week, ""); err != nil {
			t.Fatal(err)
		}
		all := subscribers.Audience{List: daily.ID}
		if n := r.count(t, all); n != 0 {
			t.Errorf("paused: audience %d, want 0", n)
		}
		if _, not := r.recipients(t, daily.ID, v.ID); len(not) != 1 || !strings.Contains(not[0].Reason, "paused: until 30 November 2026") {
			t.Errorf("withheld %v", not)
		}
		r.pass(7 * 24 * time.Hour)
		if n := r.count(t, all); n != 1 {
			t.Errorf("pause over, not yet tended: audience %d, want 1", n)
		}
		if to, _ := r.recipients(t, daily.ID, v.ID); len(to) != 1 {
			t.Errorf("pause over: withheld")
		}
		if done, err := r.Tend(ctx); err != nil || done.Resumed != 1 {
			t.Errorf("tend: %+v, %v", done, err)
		}
		if got := r.state(t, "jan@example.com", daily.ID); got != subscribers.Active {
			t.Errorf("got %q, want active", got)
		}
	})
}

func TestImpliedConsentEnds(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		_, err := r.Add(ctx, subscribers.New{Subscriber: subscribers.Subscriber{Email: "buyer@example.com"}, ListNames: []string{"daily"},
			Consent: subscribers.Consent{Basis: subscribers.Implied, Source: "shop", Until: start.Add(24 * time.Hour)}})
		if err != nil {
			t.Fatal(err)
		}
		all := subscribers.Audience{List: daily.ID}
		if n := r.count(t, all); n != 1 {
			t.Errorf("audience %d, want 1", n)
		}
		r.pass(24 * time.Hour)
		if n := r.count(t, all); n != 0 {
			t.Errorf("after the end: audience %d, want 0", n)
		}
		if done, err := r.Tend(ctx); err != nil || done.Ended != 1 {
			t.Errorf("tend: %+v, %v", done, err)
		}
		for _, c := range []subscribers.Consent{{}, {Basis: "maybe", Source: "x"}, {Basis: subscribers.Implied, Source: "x"}, {Basis: subscribers.Imported, Source: " "}} {
			if _, err := r.Add(ctx, subscribers.New{Subscriber: subscribers.Subscriber{Email: "x@example.com"}, Consent: c}); !errors.Is(err, subscribers.ErrConsent) {
				t.Errorf("consent %+v: got %v, want ErrConsent", c, err)
			} else if c.Source == "x" && strings.Contains(err.Error(), "where it comes from") {
				t.Errorf("consent %+v asks for the source it has: %v", c, err)
			}
		}
	})
}

func TestForget(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		v := r.add(t, "gone@example.com", "daily")
		if err := r.SuppressAddress(ctx, "gone@example.com", subscribers.Complaint, ""); err != nil {
			t.Fatal(err)
		}
		if err := r.Forget(ctx, v.ID, "jan"); err != nil {
			t.Fatal(err)
		}
		if _, not := r.recipients(t, daily.ID, v.ID); len(not) != 1 || not[0].Reason != "the subscriber was erased" {
			t.Errorf("withheld %v", not)
		}
		r.mustNotHold(t, "gone@example.com")
		ids, err := r.RevokedSince(ctx, start)
		if err != nil || len(ids) != 1 || ids[0] != v.ID {
			t.Errorf("revoked: %v, %v; want %d", ids, err, v.ID)
		}
	})
}

// mustNotHold fails when any table of the room still contains the text.
func (r *room) mustNotHold(t testing.TB, text string) {
	t.Helper()
	for _, q := range []string{
		`select count(*) from subscribers where email = $1 or email_key = $1`, `select count(*) from suppressions where email_key = $1`,
		`select count(*) from subscriber_events where detail like '%' || $1 || '%'`, `select count(*) from consents where source || evidence like '%' || $1 || '%'`,
	} {
		var n int
		if err := r.DB.Read.QueryRowContext(t.Context(), q, text).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: got %d rows, %v", q, n, err)
		}
	}
}

func TestMove(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.list(t, "daily")
		v, other := r.add(t, "old@example.com", "daily"), r.add(t, "other@example.com", "daily")
		if err := r.Move(ctx, v.ID, "New@example.com", "jan"); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Find(ctx, "new@example.com"); err != nil || got.ID != v.ID {
			t.Errorf("found %+v, %v", got, err)
		}
		if err := r.Move(ctx, v.ID, "OTHER@example.com", "jan"); !errors.Is(err, subscribers.ErrTaken) {
			t.Errorf("to somebody's address: got %v, want ErrTaken", err)
		}
		if err := r.SuppressAddress(ctx, "bad@example.com", subscribers.Hard, ""); err != nil {
			t.Fatal(err)
		}
		if err := r.Move(ctx, v.ID, "bad@example.com", "jan"); !errors.Is(err, subscribers.ErrSuppressed) {
			t.Errorf("to a suppressed address: got %v, want ErrSuppressed", err)
		}
		if err := r.Unsubscribe(ctx, other.ID, 0, "one click"); err != nil {
			t.Fatal(err)
		}
		if err := r.Move(ctx, other.ID, "way-round@example.com", "jan"); !errors.Is(err, subscribers.ErrSuppressed) {
			t.Errorf("away from a suppression: got %v, want ErrSuppressed", err)
		}
	})
}
