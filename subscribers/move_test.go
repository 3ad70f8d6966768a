package subscribers_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pressrun/subscribers"
)

// A reader moves by the letter to his new address, once, and the consents say so.
func TestReaderMoves(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.list(t, "daily")
		r.list(t, "weekly")
		v := r.add(t, "old@example.com", "daily")
		until := start.AddDate(0, 1, 0)
		if _, err := r.Add(ctx, subscribers.New{Subscriber: v, ListNames: []string{"weekly"}, Consent: subscribers.Consent{Basis: subscribers.Implied, Source: "customer", Until: until}}); err != nil {
			t.Fatal(err)
		}
		c := r.yours(t, v.ID)
		to := strings.Repeat("l", 64) + "@" + strings.Repeat(strings.Repeat("d", 61)+".", 3) + "org" // as long as can be
		if err := r.AskMove(ctx, c, to, "en"); err != nil {
			t.Fatal(err)
		}
		p, move := r.last(t, "move")
		if p.kind != "move" || p.to.Address != to || p.to.ID != 0 || p.to.About != v.ID || !strings.Contains(p.mail.Text, "o…d@example.com") {
			t.Errorf("the letter: %s to %+v\n%s", p.kind, p.to, p.mail.Text)
		}
		if m, err := r.Moving(ctx, move); err != nil || m.Done || string(m.To) != to {
			t.Errorf("before: %+v, %v", m, err)
		}
		if got, err := r.ByID(ctx, v.ID); err != nil || got.Email != "old@example.com" {
			t.Errorf("asking moved him: %+v, %v", got, err)
		}
		r.pass(time.Minute)
		before := r.letters()
		for range 2 {
			if m, err := r.ConfirmMove(ctx, move, "en", "en-1234"); err != nil || string(m.To) != to {
				t.Errorf("%+v, %v", m, err)
			}
		}
		if m, err := r.Moving(ctx, move); err != nil || !m.Done {
			t.Errorf("after: %+v, %v", m, err)
		}
		if told := r.box[len(r.box)-1]; r.letters() != before+1 || told.kind != "moved" || told.to.Address != "old@example.com" || told.to.ID != 0 || told.to.About != v.ID ||
			!strings.Contains(told.mail.Text, "l…l@") || strings.Contains(told.mail.Text, to) {
			t.Errorf("%d letters after the button, the last %s to %+v\n%s", r.letters()-before, told.kind, told.to, told.mail.Text)
		}
		if got, err := r.Find(ctx, to); err != nil || got.ID != v.ID {
			t.Errorf("moved: %+v, %v", got, err)
		}
		consents, err := r.Consents(ctx, v.ID)
		if err != nil || len(consents) != 4 {
			t.Fatalf("%+v, %v", consents, err)
		}
		for i, basis := range []subscribers.Basis{subscribers.Express, subscribers.Implied} {
			if got := consents[2+i]; got.Basis != basis || got.Wording != "en-1234" || got.Source != "change of address" || !strings.Contains(got.Evidence, "2026-11-23T06:00:00Z") || got.Until.IsZero() != (basis == subscribers.Express) {
				t.Errorf("consent: %+v", got)
			}
		}
		if _, err := r.Yours(ctx, c); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("the link of the old address: %v", err)
		}
		if err := r.AskMove(ctx, c, "elsewhere@example.com", "en"); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("asked by the link of the old address: %v", err)
		}
	})
}

// Whatever the new address is, whoever asks hears the same and finds the same in
// his events.
func TestNewAddressIsNotTold(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		taken, left := r.add(t, "taken@example.com", "daily"), r.add(t, "left@example.com", "daily")
		if err := r.Unsubscribe(ctx, left.ID, 0, "one click"); err != nil {
			t.Fatal(err)
		}
		forgotten := r.add(t, "forgotten@example.com", "daily")
		if err := r.Forget(ctx, forgotten.ID, "jan"); err != nil {
			t.Fatal(err)
		}
		for _, reason := range []subscribers.Reason{subscribers.Hard, subscribers.Complaint, subscribers.Manual} {
			if err := r.SuppressAddress(ctx, string(reason)+"@example.com", reason, ""); err != nil {
				t.Fatal(err)
			}
		}
		for to, want := range map[string]string{"free": "move", "taken": "taken", "left": "taken", "forgotten": "", "hard": "", "complaint": "", "manual": ""} {
			v := r.add(t, "asks-for-"+to+"@example.com", "daily")
			c := r.yours(t, v.ID)
			before := r.letters()
			if err := r.AskMove(ctx, c, strings.ToUpper(to[:1])+to[1:]+"@example.com", "en"); err != nil {
				t.Errorf("%s: %v", to, err)
			}
			got := ""
			if r.letters() > before {
				got = r.box[len(r.box)-1].kind
			}
			if got != want {
				t.Errorf("%s: letter %q, want %q", to, got, want)
			}
			h, err := r.Held(ctx, v.ID)
			if err != nil || len(h.Events) != 3 || !strings.HasPrefix(h.Events[2].Detail, "move to ") {
				t.Errorf("%s: %+v, %v", to, h.Events, err)
			}
		}
		if got := r.state(t, "taken@example.com", daily.ID); got != subscribers.Active {
			t.Errorf("somebody else's subscription is %s", got)
		}
		for _, box := range r.box {
			if box.kind == "taken" && (box.to.ID != taken.ID && box.to.ID != left.ID || strings.Contains(box.mail.Text, "asks-for")) {
				t.Errorf("to %+v:\n%s", box.to, box.mail.Text)
			}
		}
	})
}

// Nobody's address is flooded by readers who name it as their new one.
func TestLettersToANewAddressAreFew(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.list(t, "daily")
		one, two := r.yours(t, r.add(t, "one@example.com", "daily").ID), r.yours(t, r.add(t, "two@example.com", "daily").ID)
		before := r.letters()
		for _, c := range []subscribers.Claim{one, two, one} {
			if err := r.AskMove(ctx, c, "victim@example.org", "en"); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.letters() - before; got != 1 {
			t.Errorf("%d letters at once, want 1", got)
		}
		for i := range 20 {
			r.pass(time.Minute)
			if err := r.AskMove(ctx, one, "victim"+string(rune('a'+i))+"@example.org", "en"); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.letters() - before; got != subscribers.LettersADay-1 { // one was the letter to himself
			t.Errorf("%d letters of one reader's in a day, want %d", got, subscribers.LettersADay-1)
		}
	})
}

// Nobody writes to an address that does not take mail, nor twice to one that was
// only spelled anew.
func TestOldAddressIsNotAlwaysTold(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.list(t, "daily")
		for name, to := range map[string]string{"dead": "alive@example.com", "anew": "Anew@example.com"} {
			v := r.add(t, name+"@example.com", "daily")
			if err := r.AskMove(ctx, r.yours(t, v.ID), to, "en"); err != nil {
				t.Fatal(err)
			}
			_, move := r.last(t, "move")
			if name == "dead" {
				if err := r.SuppressAddress(ctx, name+"@example.com", subscribers.Hard, ""); err != nil {
					t.Fatal(err)
				}
			}
			before := r.letters()
			if m, err := r.ConfirmMove(ctx, move, "en", "en-1"); err != nil || string(m.To) != to || r.letters() != before {
				t.Errorf("%s: %+v, %v, %d letters", name, m, err, r.letters()-before)
			}
		}
	})
}

// A link to a new address does nothing when things have changed since.
func TestMoveRefused(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.list(t, "daily")
		asked := func(name string) (id int64, move subscribers.Claim) {
			v := r.add(t, name+"@example.com", "daily")
			if err := r.AskMove(ctx, r.yours(t, v.ID), name+"@example.org", "en"); err != nil {
				t.Fatal(err)
			}
			_, move = r.last(t, "move")
			return v.ID, move
		}
		refused := func(c subscribers.Claim, want error) {
			t.Helper()
			before, _ := r.ByID(ctx, c.Subscriber)
			if _, err := r.Moving(ctx, c); !errors.Is(err, want) {
				t.Errorf("shown: %v, want %v", err, want)
			}
			if _, err := r.ConfirmMove(ctx, c, "en", "en-1"); !errors.Is(err, want) {
				t.Errorf("pressed: %v, want %v", err, want)
			}
			if after, _ := r.ByID(ctx, c.Subscriber); after.Email != before.Email {
				t.Errorf("%s became %s", before.Email, after.Email)
			}
		}
		_, late := asked("late")
		r.pass(subscribers.OwnWithin)
		refused(late, subscribers.ErrState)

		id, elsewhere := asked("elsewhere")
		if err := r.Move(ctx, id, "third@example.com", "jan"); err != nil {
			t.Fatal(err)
		}
		refused(elsewhere, subscribers.ErrState)

		id, erased := asked("erased")
		if err := r.Forget(ctx, id, "jan"); err != nil {
			t.Fatal(err)
		}
		refused(erased, subscribers.ErrState)

		_, taken := asked("taken")
		r.add(t, "taken@example.org", "daily")
		refused(taken, subscribers.ErrTaken)

		_, bounced := asked("bounced")
		if err := r.SuppressAddress(ctx, "bounced@example.org", subscribers.Hard, ""); err != nil {
			t.Fatal(err)
		}
		refused(bounced, subscribers.ErrSuppressed)

		id, left := asked("left")
		c := r.yours
		if err := r.Unsubscribe(ctx, id, 0, "one click"); err != nil {
			t.Fatal(err)
		}
		refused(left, subscribers.ErrSuppressed)
		r.pass(2 * time.Hour)
		if err := r.AskMove(ctx, c(t, id), "left2@example.org", "en"); !errors.Is(err, subscribers.ErrSuppressed) {
			t.Errorf("away from all that was left: %v", err)
		}
		if v, err := r.ByID(ctx, id); err != nil {
			t.Error(err)
		} else if may, err := r.MayMove(ctx, v); err != nil || may {
			t.Errorf("may move: %v, %v", may, err)
		}

		_, test := asked("test")
		test.Test = true
		refused(test, subscribers.ErrToken)

		// That he left by the new address once, his own press takes back.
		if err := r.SuppressAddress(ctx, "back@example.org", subscribers.Left, ""); err != nil {
			t.Fatal(err)
		}
		_, back := asked("back")
		if m, err := r.ConfirmMove(ctx, back, "en", "en-1"); err != nil || m.To != "back@example.org" {
			t.Errorf("%+v, %v", m, err)
		}
		if _, ok, err := r.Suppressed(ctx, r.DB.Read, "back@example.org"); err != nil || ok {
			t.Errorf("still suppressed: %v", err)
		}
	})
}

// TestMoveThatFailed: readers whose moves were not committed have their old addresses, and
// what happens to the new ones, which are others' later, does not happen to them.
func TestMoveThatFailed(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		one, two := r.add(t, "one@example.com", "daily"), r.add(t, "two@example.com", "daily")
		if err := r.AskMove(ctx, r.yours(t, one.ID), "new-one@example.com", "en"); err != nil {
			t.Fatal(err)
		}
		_, link := r.last(t, "move")
		restore := failing(t, r, "update", "subscribers")
		if _, err := r.ConfirmMove(ctx, link, "en", "en-1234"); err == nil {
			t.Error("the reader's own move was committed")
		}
		if err := r.Move(ctx, two.ID, "new-two@example.com", "jan"); err == nil {
			t.Error("the move by hand was committed")
		}
		restore()
		r.pass(time.Hour)
		for _, email := range []string{"new-one@example.com", "new-two@example.com"} {
			if err := r.Forget(ctx, r.add(t, email, "daily").ID, "the reader"); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Journal.Replay(ctx, r.Store); err != nil {
			t.Fatal(err)
		}
		for _, email := range []string{"one@example.com", "two@example.com"} {
			if got := r.state(t, email, daily.ID); got != subscribers.Active {
				t.Errorf("%s: after the next start the subscription is %q, want active", email, got)
			}
		}
	})
}
