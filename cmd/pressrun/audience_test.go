package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/subscribers/address"
)

func TestCrowdOdd(t *testing.T) {
	for _, c := range []struct {
		Crowd
		odd bool
	}{
		{Crowd{Now: 5_000}, false}, // the first issue
		{Crowd{1_000, 1_000}, false},
		{Crowd{1_250, 1_000}, false}, // a quarter exactly
		{Crowd{1_251, 1_000}, true},
		{Crowd{749, 1_000}, true},
		{Crowd{0, 1_000}, true},
		{Crowd{190, 90}, false}, // a hundred exactly
		{Crowd{0, 3}, true},
		{Crowd{1, 90}, false},
		{Crowd{}, false}, // nobody has joined yet
		{Crowd{191, 90}, true},
		{Crowd{100_000, 90_000}, false},
	} {
		if got := c.Odd(); (got != "") != c.odd {
			t.Errorf("%d after %d: got %q, want odd %v", c.Now, c.Usual, got, c.odd)
		}
	}
}

// TestUnusualAudienceIsHeld lets a newsletter that needs no approval lose its
// readers to a segment: the issue waits for a person, who may send it.
func TestUnusualAudienceIsHeld(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		pl := newPlant(t, "", database, "", "")
		pl.subscribers(200, "daily")
		pl.stories()
		first := pl.due(digest.Spec{})
		pl.moves(first, "approved", "sending")
		if i := pl.issueNow(first); i.Audience != 200 {
			t.Fatalf("the first issue goes to %d, want 200", i.Audience)
		}

		if _, err := pl.press.Subscribers.SaveSegment(t.Context(), "one", `email == "reader1@readers1.example"`); err != nil {
			t.Fatal(err)
		}
		second := pl.due(digest.Spec{Segment: "one"})
		pl.moves(second, "held")
		if i := pl.issueNow(second); !strings.Contains(i.Reason, "1 now") || !strings.Contains(i.Reason, "200") {
			t.Errorf("held because %q; want both numbers", i.Reason)
		}
		alarms, err := pl.press.Installation.Alarms(t.Context(), true, 10)
		if err != nil || len(alarms) != 1 || alarms[0].Kind != "audience" {
			t.Errorf("alarms: %+v, %v; want the audience's", alarms, err)
		}
		if err := pl.press.Approve(t.Context(), second, 0, "ed"); err != nil {
			t.Fatal(err)
		}
		pl.moves(second, "sending")
		if i := pl.issueNow(second); i.Audience != 1 {
			t.Errorf("the second issue goes to %d, want 1", i.Audience)
		}

		// The segment disappears between the approval by rule and the start.
		third := pl.due(digest.Spec{Segment: "one"})
		if err := pl.press.Sealer.Approve(t.Context(), third, 0, policySend, false); err != nil {
			t.Fatal(err)
		}
		if err := pl.press.Subscribers.RemoveSegment(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
		pl.moves(third, "held")
		if i := pl.issueNow(third); !strings.Contains(i.Reason, "there is no segment one any more") {
			t.Errorf("held because %q; want words about the segment", i.Reason)
		}
	})
}

// TestExcluded leaves the members of a segment out, tells them why, and holds the
// next issue once nobody knows who they are.
func TestExcluded(t *testing.T) {
	ctx := t.Context()
	pl := newPlant(t, "", "press.db", "", "")
	readers := pl.subscribers(3, "daily")
	pl.stories()
	if _, err := pl.press.Subscribers.SaveSegment(ctx, "staff", fmt.Sprintf("email == %q", readers[1])); err != nil {
		t.Fatal(err)
	}
	spec := digest.Spec{Exclude: []string{"staff"}}
	first := pl.due(spec)
	pl.moves(first, "approved", "sending")
	list, err := pl.press.Mailer.Deliveries(ctx, first, mailer.Filter{}, mailer.Page{})
	if err != nil || len(list) != 2 {
		t.Errorf("%d copies, %v; want two of three", len(list), err)
	}
	if why, err := pl.press.Why(ctx, first, readers[1]); err != nil || !strings.Contains(why.Line, `inside "staff", which does not get it, when the audience was frozen at`) {
		t.Errorf("why: %q, %v", why.Line, err)
	}
	if page := deskPage(t, pl.press, operator(t, pl.press), "/desk/newsletters"); !strings.Contains(page, "without staff") {
		t.Error("the desk does not say who is left out")
	}
	second := pl.due(spec)
	if err := pl.press.Subscribers.RemoveSegment(ctx, "staff"); err != nil {
		t.Fatal(err)
	}
	pl.moves(second, "held")
	if i := pl.issueNow(second); !strings.Contains(i.Reason, "there is no segment staff any more") {
		t.Errorf("held because %q; want words about the segment", i.Reason)
	}
}

// TestWhyOfFormerAddresses: of an address that a reader had when he got an issue, and
// has no more, nobody is told that it was never subscribed.
func TestWhyOfFormerAddresses(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		ctx := t.Context()
		pl := newPlant(t, "", database, "", "")
		readers := pl.subscribers(3, "daily")
		pl.stories()
		pl.sends()
		issue := pl.due(digest.Spec{})
		pl.moves(issue, "approved", "sending")
		pl.until(60*time.Second, "all have it", func() bool { return pl.booked(readers) == 3 && pl.sum(issue)[mailer.StateAccepted] == 3 })
		find := func(email string) int64 {
			t.Helper()
			v, err := pl.press.Subscribers.Find(ctx, email)
			if err != nil {
				t.Fatal(err)
			}
			return v.ID
		}
		time.Sleep(2 * time.Millisecond)
		if err := errors.Join(pl.press.Subscribers.Move(ctx, find(readers[0]), "new@elsewhere.example", "ed"), pl.press.Subscribers.Forget(ctx, find(readers[1]), "ed")); err != nil {
			t.Fatal(err)
		}
		for email, want := range map[string]string{
			readers[0]:               fmt.Sprintf("one like it: reader %d (n…w@elsewhere.example)", find("new@elsewhere.example")),
			"new@elsewhere.example":  "It went to an earlier address, " + address.Mask(readers[0]) + ", which the reader had until",
			readers[1]:               "was erased on request at",
			"nobody@readers.example": "is or was subscribed",
		} {
			if why, err := pl.press.Why(ctx, issue, email); err != nil || !strings.Contains(why.Line, want) {
				t.Errorf("%s: %q, %v; want %q in it", email, why.Line, err, want)
			}
		}
	})
}

// TestSendNowWaitsForNothing sends an issue two hours before its slot, with
// waves: every copy is due at once.
func TestSendNowWaitsForNothing(t *testing.T) {
	pl := newPlant(t, "", "press.db", "", "")
	pl.subscribers(20, "daily")
	pl.stories()
	n, _, err := pl.press.Digest.ApplyNewsletter(t.Context(), "daily", digest.Spec{Title: "Daily Digest", List: "daily", From: "Gazette <digest@gazette.example>", Brand: testBrand, Waves: true}, "test")
	if err != nil {
		t.Fatal(err)
	}
	slot, err := pl.press.Digest.AddSlot(t.Context(), n.ID, pl.now().Add(2*time.Hour).Truncate(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	i, err := pl.press.Build(t.Context(), slot.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := pl.press.SendNow(t.Context(), i.ID, "ed"); err != nil {
		t.Fatal(err)
	}
	list, err := pl.press.Mailer.Deliveries(t.Context(), i.ID, mailer.Filter{}, mailer.Page{Limit: 100})
	if err != nil || len(list) != 20 {
		t.Fatalf("%d deliveries, %v; want 20", len(list), err)
	}
	for _, d := range list {
		if d.DueAt.After(pl.now()) {
			t.Fatalf("a copy is due at %s, which is to come", d.DueAt)
		}
	}
}

// due builds an issue of the newsletter "daily", changed by spec, whose time has
// come and which needs no approval.
func (pl *plant) due(spec digest.Spec) int64 {
	pl.Helper()
	ctx := pl.Context()
	spec.Title, spec.List, spec.From, spec.Brand, spec.Approval = "Daily Digest", "daily", "Gazette <digest@gazette.example>", testBrand, "send"
	spec.Trending, spec.Latest = 1, 3 // of twenty stories, for several issues
	n, _, err := pl.press.Digest.ApplyNewsletter(ctx, "daily", spec, "test")
	if err != nil {
		pl.Fatal(err)
	}
	slot, err := pl.press.Digest.AddSlot(ctx, n.ID, pl.now().Truncate(time.Millisecond))
	if err != nil {
		pl.Fatal(err)
	}
	i, err := pl.press.Build(ctx, slot.ID)
	if err != nil || i.State != "draft" {
		pl.Fatalf("build: %s (%s), %v", i.State, i.Reason, err)
	}
	return i.ID
}

// moves looks at an issue as often as there are states and requires that it
// has come to each.
func (pl *plant) moves(issue int64, states ...string) {
	pl.Helper()
	for _, want := range states {
		if err := pl.press.advance(pl.Context(), pl.issueNow(issue)); err != nil && !errors.Is(err, ErrAudience) {
			pl.Fatal(err)
		}
		if got := pl.issueNow(issue); got.State != want {
			pl.Fatalf("issue %d is %s (%s), want %s", issue, got.State, got.Reason, want)
		}
	}
}

func (pl *plant) issueNow(id int64) digest.Issue {
	pl.Helper()
	i, err := pl.press.Digest.Issue(context.Background(), id)
	if err != nil {
		pl.Fatal(err)
	}
	return i
}
