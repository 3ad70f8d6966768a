package subscribers_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pressrun/subscribers"
)

// last is the last letter and what its link, below path, claims.
func (r *room) last(t testing.TB, path string) (posted, subscribers.Claim) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.box) == 0 {
		t.Fatal("no letter was posted")
	}
	p := r.box[len(r.box)-1]
	_, rest, ok := strings.Cut(p.mail.Text, "https://news.example.com/"+path+"/")
	if !ok {
		t.Fatalf("no link to %s in:\n%s", path, p.mail.Text)
	}
	c, err := r.Keys.Verify(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

// yours has the letter with the link to his data sent to a reader.
func (r *room) yours(t testing.TB, id int64) subscribers.Claim {
	t.Helper()
	if err := r.AskYours(t.Context(), id, "en"); err != nil {
		t.Fatal(err)
	}
	_, c := r.last(t, "yours")
	return c
}

// A reader has the letter about his data sent to his own address, once an hour.
func TestAskYours(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.list(t, "daily")
		v := r.add(t, "jan@example.com", "daily")
		ask := func(id int64, want int) {
			t.Helper()
			before := r.letters()
			if err := r.AskYours(ctx, id, "en"); err != nil {
				t.Error(err)
			}
			if got := r.letters() - before; got != want {
				t.Errorf("%d letters, want %d", got, want)
			}
		}
		ask(v.ID, 1)
		if p, _ := r.last(t, "yours"); p.kind != "yours" || p.to.Address != "jan@example.com" || p.to.ID != v.ID {
			t.Errorf("the letter: %s to %+v", p.kind, p.to)
		}
		r.pass(59 * time.Minute)
		ask(v.ID, 0)
		r.pass(2 * time.Minute)
		ask(v.ID, 1)
		for range 4 {
			r.pass(61 * time.Minute)
			r.AskYours(ctx, v.ID, "en")
		}
		if got := r.letters(); got != subscribers.LettersADay {
			t.Errorf("%d letters in a day, want %d", got, subscribers.LettersADay)
		}
		for reason, want := range map[subscribers.Reason]int{subscribers.Left: 1, subscribers.Hard: 1, subscribers.Complaint: 1, subscribers.Manual: 0} {
			v := r.add(t, string(reason)+"@example.com", "daily")
			if err := r.SuppressAddress(ctx, string(v.Email), reason, ""); err != nil {
				t.Fatal(err)
			}
			ask(v.ID, want)
			r.pass(25 * time.Hour)
			if reason != subscribers.Left { // a month
				want = 0
			}
			ask(v.ID, want)
		}
		if err := r.Forget(ctx, v.ID, "jan"); err != nil {
			t.Fatal(err)
		}
		if err := r.AskYours(ctx, v.ID, "en"); !errors.Is(err, subscribers.ErrNotFound) {
			t.Errorf("somebody erased: %v", err)
		}
	})
}

// The letter's link works for a day, for one address, for itself alone.
func TestLinkToYoursEnds(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.list(t, "daily")
		v := r.add(t, "jan@example.com", "daily")
		c := r.yours(t, v.ID)
		if got, err := r.Yours(ctx, c); err != nil || got.ID != v.ID {
			t.Errorf("%+v, %v", got, err)
		}
		other, test := c, c
		other.Kind, test.Test = subscribers.KindPreferences, true
		for _, c := range []subscribers.Claim{other, test} {
			if _, err := r.Yours(ctx, c); !errors.Is(err, subscribers.ErrToken) {
				t.Errorf("%+v: %v", c, err)
			}
		}
		r.pass(subscribers.OwnWithin - time.Millisecond)
		if _, err := r.Yours(ctx, c); err != nil {
			t.Errorf("on its last moment: %v", err)
		}
		r.pass(time.Millisecond)
		if _, err := r.Yours(ctx, c); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("a day later: %v", err)
		}
		c = r.yours(t, v.ID)
		if err := r.Move(ctx, v.ID, "new@example.com", "jan"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Yours(ctx, c); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("after a move: %v", err)
		}
		r.pass(2 * time.Hour)
		c = r.yours(t, v.ID)
		if err := r.Forget(ctx, v.ID, "jan"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Yours(ctx, c); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("after erasure: %v", err)
		}
	})
}

// Held is everything of this room, and names nobody of the newsroom.
func TestHeldNamesNoStaff(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		v := r.add(t, "reader@example.com", "daily")
		if err := r.Pause(ctx, v.ID, daily.ID, time.Time{}, "kim@newsroom.example"); err != nil {
			t.Fatal(err)
		}
		if err := r.SuppressAddress(ctx, "reader@example.com", subscribers.Manual, "Kim says so"); err != nil {
			t.Fatal(err)
		}
		h, err := r.Held(ctx, v.ID)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(h)
		text := string(b)
		if err != nil || len(h.Subscriptions) != 1 || len(h.Consents) != 1 || h.Consents[0].Evidence != "binder 7" || len(h.Events) != 3 || !strings.Contains(text, "reader@example.com") {
			t.Errorf("%v %s", err, text)
		}
		for _, name := range []string{"kim", "Kim", "jan"} {
			if strings.Contains(text, name) {
				t.Errorf("it names %s: %s", name, text)
			}
		}
	})
}
