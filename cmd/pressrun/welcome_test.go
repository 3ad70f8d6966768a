package main

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/subscribers"
)

// joins has somebody ask for the list daily and press the button in his letter,
// twice; the first time he is told whether an issue is on its way.
func (pl *plant) joins(in subscribers.Signup, welcomed bool) subscribers.Subscriber {
	pl.Helper()
	ctx, store := pl.Context(), pl.press.Subscribers
	list, err := store.ListByName(ctx, "daily")
	if err != nil {
		pl.Fatal(err)
	}
	in.Lists, in.Source = []int64{list.ID}, "form"
	if err := store.Subscribe(ctx, in); err != nil {
		pl.Fatal(err)
	}
	v, err := store.Find(ctx, in.Email)
	if err != nil {
		pl.Fatal(err)
	}
	at := pl.now().Truncate(time.Millisecond)
	for range 2 {
		done, err := store.Confirm(ctx, subscribers.Claim{Kind: subscribers.KindConfirm, Subscriber: v.ID, At: at})
		if err != nil {
			pl.Fatal(err)
		}
		if got := len(done.Welcomed) > 0; got != welcomed {
			pl.Errorf("%s is told that an issue is on its way: %v, want %v", in.Email, got, welcomed)
		}
		welcomed = false
	}
	return v
}

// TestWelcome: who joins gets the newest issue, once, in his edition and his
// segment, as sealed; the ledger counts him in and says why. Nobody gets an issue
// of which a story was taken back, nor one just before the next.
func TestWelcome(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		ctx := t.Context()
		pl := newPlant(t, "", database, "", "")
		pl.subscribers(3, "daily")
		pl.stories()
		by := pl.shift()
		pl.press.Subscribers.Now, pl.press.Digest.Now = pl.now, pl.now
		pl.sends()
		if _, err := pl.press.Subscribers.SaveSegment(ctx, "named", `name != ""`); err != nil {
			t.Fatal(err)
		}
		spec := digest.Spec{Welcome: true, Segment: "named", Window: "00:00-23:59", Editions: []digest.EditionSpec{{Name: "en", Language: "en"}, {Name: "ur", Language: "ur", Languages: []string{"*"}}}}
		goesOut := func(id int64) {
			t.Helper()
			pl.until(60*time.Second, "the issue is closed", func() bool {
				if err := pl.press.advance(ctx, pl.issueNow(id)); err != nil {
					t.Fatal(err)
				}
				return pl.issueNow(id).State == "closed"
			})
		}
		first := pl.due(spec)
		goesOut(first)
		by.Store(int64(2 * time.Minute))

		eva := pl.joins(subscribers.Signup{Email: "eva@late.example", Name: "Eva", Language: "ur"}, true)
		if i := pl.issueNow(first); i.State != "sent" || i.Audience != 4 {
			t.Errorf("with one more reader the issue is %s to %d, want sent to 4", i.State, i.Audience)
		}
		goesOut(first)
		d, err := pl.press.Mailer.DeliveryOf(ctx, first, eva.ID)
		if err != nil || d.State != mailer.StateAccepted {
			t.Fatalf("her copy is %+v, %v", d, err)
		}
		if ed, err := pl.press.Digest.Edition(ctx, d.Edition); err != nil || ed.Name != "ur" {
			t.Errorf("she got the edition %s, %v", ed.Name, err)
		}
		if why, err := pl.press.Why(ctx, first, "eva@late.example"); err != nil || !strings.Contains(why.Line, "Accepted by relay") || !strings.Contains(why.Line, "the newest issue when the reader confirmed") || !strings.Contains(why.Line, "Edition ur, revision 1, sealed ") {
			t.Errorf("why: %s, %v", why.Line, err)
		}

		list, err := pl.press.Subscribers.ListID(ctx, pl.press.DB.Read, "daily")
		if err != nil {
			t.Fatal(err)
		}
		if err := pl.press.Subscribers.Unsubscribe(ctx, eva.ID, list, "test"); err != nil {
			t.Fatal(err)
		}
		by.Add(int64(time.Hour))
		pl.joins(subscribers.Signup{Email: "eva@late.example"}, false)
		pl.joins(subscribers.Signup{Email: "nameless@late.example"}, false)
		pl.press.Subscribers.Add(ctx, subscribers.New{Subscriber: subscribers.Subscriber{Email: "paper@late.example", Name: "By paper"}, ListNames: []string{"daily"}, Consent: subscribers.Consent{Basis: subscribers.Imported, Source: "fair"}})

		second := pl.due(spec)
		soon := pl.joins(subscribers.Signup{Email: "soon@late.example", Name: "Soon"}, false)
		goesOut(second)
		if _, err := pl.press.Mailer.DeliveryOf(ctx, first, soon.ID); err == nil {
			t.Error("who joins while the next issue is in the making got the last one")
		}
		stories, err := pl.press.Digest.Chosen(ctx, second)
		if err != nil {
			t.Fatal(err)
		}
		if err := pl.press.Digest.BlockStory(ctx, stories[0].Story.ID); err != nil {
			t.Fatal(err)
		}
		by.Add(int64(time.Hour))
		pl.joins(subscribers.Signup{Email: "blocked@late.example", Name: "Blocked"}, false)
		for issue, want := range map[int64]int{first: 4, second: 6} {
			if i, sum := pl.issueNow(issue), pl.sum(issue); i.Audience != want || i.State != "closed" || sum[mailer.StateAccepted] != want {
				t.Errorf("issue %d is %s to %d, %v; want %d accepted", issue, i.State, i.Audience, sum, want)
			}
		}
		if got := pl.verifyAll(); got[first] != 4 || got[second] != 6 {
			t.Errorf("mails by issue: %v", got)
		}
		events, err := pl.press.Subscribers.Timeline(ctx, eva.ID)
		if err != nil || !slices.ContainsFunc(events, func(e subscribers.Event) bool {
			return e.Kind == "welcome" && e.Detail == "daily #1" && e.ListName == "daily"
		}) {
			t.Errorf("her timeline: %+v, %v", events, err)
		}
	})
}

// TestWelcomeWhilePaused: who confirms while somebody pauses the issue does not keep
// him from it, and gets no copy.
func TestWelcomeWhilePaused(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		ctx := t.Context()
		pl := newPlant(t, "", database, "", "")
		pl.subscribers(3, "daily")
		pl.stories()
		issue := pl.due(digest.Spec{Welcome: true})
		pl.moves(issue, "approved", "sending")
		v, err := pl.press.Subscribers.Add(ctx, subscribers.New{Subscriber: subscribers.Subscriber{Email: "late@late.example"}, ListNames: []string{"daily"}, Consent: subscribers.Consent{Basis: subscribers.Imported, Source: "fair"}})
		n, missing := pl.press.Digest.Newsletter(ctx, "daily")
		list, unlisted := pl.press.Subscribers.ListID(ctx, pl.press.DB.Read, "daily")
		if err = errors.Join(err, missing, unlisted); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		err = pl.press.DB.InTx(ctx, func(tx *sql.Tx) error {
			if err := pl.press.Digest.MoveIssue(ctx, tx, issue, "paused", "wait", "sending"); err != nil {
				return err
			}
			go func() {
				defer close(done)
				if given, err := pl.press.welcomeTo(ctx, n, v.ID, list); given || err != nil {
					t.Errorf("welcomed with a paused issue: %v, %v", given, err)
				}
			}()
			time.Sleep(500 * time.Millisecond)
			return pl.press.Mailer.Pause(ctx, tx, issue, "wait")
		})
		<-done
		if err != nil {
			t.Errorf("pause: %v", err)
		}
		if i := pl.issueNow(issue); i.State != "paused" || i.Audience != 3 || pl.sum(issue)[mailer.StateQueued] != 3 {
			t.Errorf("the issue is %s to %d", i.State, i.Audience)
		}
	})
}

// TestWelcomeToASegmentThatIsGone: who confirms is welcomed with nothing, which is
// no error of each reader's; the doctor says it once.
func TestWelcomeToASegmentThatIsGone(t *testing.T) {
	ctx := t.Context()
	pl := newPlant(t, "", filepath.Join(t.TempDir(), "press.db"), "", "")
	pl.subscribers(3, "daily")
	pl.stories()
	if _, err := pl.press.Subscribers.SaveSegment(ctx, "all", `language != "xx"`); err != nil {
		t.Fatal(err)
	}
	issue := pl.due(digest.Spec{Welcome: true, Segment: "all"})
	pl.moves(issue, "approved", "sending")
	look := func(want string) {
		t.Helper()
		list := pl.press.examineNewsletters(ctx)
		if len(list) != 1 || list[0].OK != (want == "") || !strings.Contains(list[0].Text, want) {
			t.Errorf("the doctor says %+v, want %q", list, want)
		}
	}
	look("")
	if err := pl.press.Subscribers.RemoveSegment(ctx, "all"); err != nil {
		t.Fatal(err)
	}
	look(`no segment "all"`)
	n, missing := pl.press.Digest.Newsletter(ctx, "daily")
	list, unlisted := pl.press.Subscribers.ListID(ctx, pl.press.DB.Read, "daily")
	v, err := pl.press.Subscribers.Add(ctx, subscribers.New{Subscriber: subscribers.Subscriber{Email: "late@late.example"}, ListNames: []string{"daily"}, Consent: subscribers.Consent{Basis: subscribers.Imported, Source: "fair"}})
	if err = errors.Join(err, missing, unlisted); err != nil {
		t.Fatal(err)
	}
	if given, err := pl.press.welcomeTo(ctx, n, v.ID, list); given || err != nil {
		t.Errorf("welcomed: %v, %v", given, err)
	}
	spec := n.Spec
	spec.Segment, spec.List = "", "nowhere"
	if _, _, err := pl.press.Digest.ApplyNewsletter(ctx, "daily", spec, "test"); err != nil {
		t.Fatal(err)
	}
	look("pressrun list add nowhere")
}
