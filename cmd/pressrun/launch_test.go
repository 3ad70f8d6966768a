package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
)

// shift lets the press's clock be set on.
func (pl *plant) shift() *atomic.Int64 {
	var by atomic.Int64
	now := pl.now
	pl.now = func() time.Time { return now().Add(time.Duration(by.Load())) }
	pl.press.Now, pl.press.Mailer.Now = pl.now, pl.now
	return &by
}

// sends runs the mailer for the rest of the test.
func (pl *plant) sends() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- pl.press.Mailer.Run(ctx) }()
	pl.Cleanup(func() { cancel(); <-ended })
}

// TestCountdown has an issue go to its seeds first and then count down to its
// slot, and stops it; another is sent by hand, held, and sent again.
func TestCountdown(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		pl := newPlant(t, "", database, "", "")
		readers := pl.subscribers(20, "daily")
		pl.stories()
		by := pl.shift()
		pl.sends()
		seeds := []string{"seed@inbox.example", "seed@outbox.example"}
		spec := digest.Spec{Countdown: digest.Duration(10 * time.Minute), Seeds: seeds}

		first := pl.due(spec)
		if err := pl.press.Approve(t.Context(), first, 0, "ed"); err != nil {
			t.Fatal(err)
		}
		pl.moves(first, "countdown", "countdown")
		pl.until(60*time.Second, "the seeds have it", func() bool { return pl.booked(seeds) == 2 })
		if _, err := pl.press.Digest.Issue(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if err := pl.press.CancelIssue(t.Context(), first, "wrong picture", "ed"); err != nil {
			t.Fatal(err)
		}
		by.Store(int64(time.Hour))
		if err := pl.press.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list, err := pl.press.Mailer.Deliveries(t.Context(), first, mailer.Filter{}, mailer.Page{}); err != nil || len(list) > 0 || pl.issueNow(first).State != "cancelled" {
			t.Errorf("a cancelled countdown: %s, %d copies, %v", pl.issueNow(first).State, len(list), err)
		}
		if n := pl.booked(readers); n > 0 {
			t.Errorf("%d readers got what was cancelled", n)
		}

		second := pl.due(spec)
		if err := pl.press.SendNow(t.Context(), second, "ed"); err != nil {
			t.Fatal(err)
		}
		pl.moves(second, "countdown")
		if i := pl.issueNow(second); !i.AtOnce || i.Starts.Sub(pl.now()) < 9*time.Minute {
			t.Errorf("starts at %v, at once %v", i.Starts, i.AtOnce)
		}
		if err := pl.press.Hold(t.Context(), second, "held by ed", "ed"); err != nil {
			t.Fatal(err)
		}
		by.Add(int64(11 * time.Minute))
		if err := pl.press.Tick(t.Context()); err != nil || pl.issueNow(second).State != "held" || pl.booked(readers) > 0 {
			t.Errorf("held in its countdown: %s, %d readers have it, %v", pl.issueNow(second).State, pl.booked(readers), err)
		}
		if err := pl.press.SendNow(t.Context(), second, "ed"); err != nil {
			t.Fatal(err)
		}
		pl.moves(second, "countdown")
		if left := pl.issueNow(second).Starts.Sub(pl.now()); left < 9*time.Minute {
			t.Errorf("approved again it counts down %v; want all of it", left)
		}
		by.Add(int64(11 * time.Minute))
		pl.moves(second, "sending")
		pl.until(60*time.Second, "the readers have it", func() bool { return pl.booked(readers) == len(readers) })
		pl.verifyAll()
	})
}

// TestSendWindow lets a window close over an issue that is being sent.
func TestSendWindow(t *testing.T) {
	for overflow, want := range map[string]mailer.State{"stop": mailer.StateExpired, "tomorrow": mailer.StateQueued} {
		t.Run(overflow, func(t *testing.T) {
			pl := newPlant(t, "", "press.db", "", "")
			pl.subscribers(30, "daily")
			pl.stories()
			by := pl.shift()
			now := pl.now().UTC()
			spec := digest.Spec{Window: now.Format("15:04-") + now.Add(2*time.Hour).Format("15:04"), Overflow: overflow}
			id := pl.due(spec)
			pl.moves(id, "approved", "sending")
			by.Store(int64(3 * time.Hour))
			if err := pl.press.advance(t.Context(), pl.issueNow(id)); err != nil {
				t.Fatal(err)
			}
			counts, err := pl.press.Mailer.Counts(t.Context(), id)
			if err != nil || counts[want] != 30 {
				t.Errorf("got %v, %v; want all %s", counts, err, want)
			}
			s, err := pl.press.Mailer.SendOf(t.Context(), pl.press.DB.Read, id)
			if err != nil || overflow == "tomorrow" && (s.Opens.Before(now.Add(23*time.Hour)) || s.Closes.Sub(s.Opens) != 2*time.Hour) {
				t.Errorf("the window is %v to %v, %v", s.Opens, s.Closes, err)
			}
			if overflow == "stop" {
				list, err := pl.press.Mailer.Deliveries(t.Context(), id, mailer.Filter{}, mailer.Page{Limit: 1})
				if err != nil || !strings.Contains(list[0].Why(), "the send window closed at") {
					t.Errorf("%+v, %v", list, err)
				}
				pl.until(60*time.Second, "it is closed", func() bool { // nothing is left to do
					return pl.press.advance(t.Context(), pl.issueNow(id)) == nil && pl.issueNow(id).State == "closed"
				})
			}
		})
	}
}

// TestReceived tells of a reader all issues he was in the audience of, wherever he is
// asked about: one that he got, and one that waits for him.
func TestReceived(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		ctx := t.Context()
		pl := newPlant(t, "", database, "", "")
		readers := pl.subscribers(3, "daily")
		pl.stories()
		reader, err := pl.press.Subscribers.Find(ctx, readers[0])
		if err != nil {
			t.Fatal(err)
		}
		page := func() string {
			return deskPage(t, pl.press, operator(t, pl.press), fmt.Sprintf("/desk/subscribers/%d", reader.ID))
		}
		if !strings.Contains(page(), "No issue yet") {
			t.Error("before the first issue the desk does not say that there is none")
		}
		first := pl.due(digest.Spec{})
		pl.moves(first, "approved", "sending")
		sent, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- pl.press.Mailer.Run(sent) }()
		pl.until(60*time.Second, "the first is out", func() bool { return pl.booked(readers) == 3 && pl.sum(first)[mailer.StateAccepted] == 3 })
		stop()
		<-ended
		second := pl.due(digest.Spec{})
		pl.moves(second, "approved", "sending")

		list, total, err := pl.press.received(ctx, reader.ID, mailer.Page{})
		if err != nil || total != 2 || len(list) != 2 || list[0].Issue != second || list[0].State != mailer.StateQueued || list[1].Issue != first || list[1].State != mailer.StateAccepted || list[1].Subject == "" {
			t.Fatalf("%d: %+v, %v; want the second, queued, and the first, accepted", total, list, err)
		}
		if text := page(); !strings.Contains(text, html.EscapeString(list[1].Subject)) || !strings.Contains(text, "Accepted by") || !strings.Contains(text, "Waits to be sent") {
			t.Error("the reader's page at the desk does not tell of both")
		}
		if text := pl.verb("subscriber", "show", readers[0]); !strings.Contains(text, "in the audience of 2 issues") || !strings.Contains(text, fmt.Sprintf("daily #1 (issue %d): Accepted by", first)) {
			t.Errorf("the verb says %s", text)
		}
		if own, err := pl.press.mailsOf(ctx, reader.ID); err != nil || len(own.([]desk.Received)) != 2 {
			t.Errorf("the reader himself is told %v, %v", own, err)
		}
	})
}

// TestParked has a relay fall silent after the last dot of three copies of a newsletter
// that wants such copies parked: the newsroom is told, and decides.
func TestParked(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		ctx := t.Context()
		pl := newPlant(t, "", database, "", "")
		readers := pl.subscribers(20, "daily")
		pl.stories()
		pl.inbox.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtDot, Drop: true, Match: func(to string) bool { return slices.Contains(readers[:3], to) }, Times: 1}}})
		pl.sends()
		id := pl.due(digest.Spec{Uncertain: "park"})
		pl.moves(id, "approved", "sending")
		state := func(want string) func() bool {
			return func() bool { return pl.press.advance(ctx, pl.issueNow(id)) == nil && pl.issueNow(id).State == want }
		}
		told := func() (details []string) {
			open, err := pl.press.Installation.Alarms(ctx, true, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range open {
				if a.Kind == "parked" {
					details = append(details, a.Detail)
				}
			}
			return details
		}
		pl.until(60*time.Second, "it is closed", state("closed"))
		if sum, said := pl.sum(id), told(); sum[mailer.StateParked] != 3 || len(said) != 1 || !strings.Contains(said[0], "the whole of 3 copies") {
			t.Fatalf("the copies are %v, the newsroom is told %q; want three parked, and that said", sum, said)
		}
		session := signedAs(t, pl.press, "ap@press.test", "approver")
		const again = `data-confirm="Send to 3 readers again?"`
		for path, offered := range map[string]bool{"?state=parked": true, "?state=accepted": false, "": false} {
			if page := deskPage(t, pl.press, session, fmt.Sprintf("/desk/issues/%d/readers%s", id, path)); strings.Contains(page, again) != offered {
				t.Errorf("readers%s: to send again is offered: %v", path, !offered)
			}
		}
		req := httptest.NewRequest("POST", fmt.Sprintf("/desk/issues/%d/readers", id), strings.NewReader("state=parked"))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: session})
		w := httptest.NewRecorder()
		pl.press.Handler().ServeHTTP(w, req)
		if w.Code != http.StatusSeeOther || len(told()) != 0 {
			t.Errorf("sent again: %d, and the alarms are %q; want 303 and none", w.Code, told())
		}
		pl.until(60*time.Second, "it is closed again", state("closed"))
		if sum := pl.sum(id); sum[mailer.StateAccepted] != 20 || pl.booked(readers) != 20 {
			t.Errorf("in the end %v", sum)
		}
	})
}

// TestRetryAfterTheWindow: a copy that is tried again after its issue was closed goes
// out in the next window, and opens the issue until then.
func TestRetryAfterTheWindow(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		ctx := t.Context()
		pl := newPlant(t, "", database, "", "")
		pl.subscribers(3, "daily")
		pl.stories()
		by := pl.shift()
		now := pl.now().UTC()
		id := pl.due(digest.Spec{Window: now.Format("15:04-") + now.Add(2*time.Hour).Format("15:04"), Overflow: "stop"})
		pl.moves(id, "approved", "sending")
		by.Store(int64(3 * time.Hour))
		pl.until(60*time.Second, "it is closed", func() bool {
			return pl.press.advance(ctx, pl.issueNow(id)) == nil && pl.issueNow(id).State == "closed"
		})
		list, err := pl.press.Mailer.Deliveries(ctx, id, mailer.Filter{State: mailer.StateExpired}, mailer.Page{})
		if err != nil || len(list) != 3 {
			t.Fatalf("%+v, %v", list, err)
		}
		if n, err := pl.press.Retry(ctx, []int64{list[0].ID, 99999}); err != nil || n != 1 {
			t.Fatalf("%d queued again, %v", n, err)
		}
		if i := pl.issueNow(id); i.State != "sent" || i.Audience != 3 {
			t.Errorf("the issue is %s to %d, want sent to 3", i.State, i.Audience)
		}
		if err := pl.press.closeIssue(ctx, id); !errors.Is(err, digest.ErrState) || pl.issueNow(id).State != "sent" {
			t.Errorf("with a copy in the queue it is %s, %v", pl.issueNow(id).State, err)
		}
		if err := pl.press.advance(ctx, pl.issueNow(id)); err != nil {
			t.Fatal(err)
		}
		if sum := pl.sum(id); sum[mailer.StateQueued] != 1 {
			t.Errorf("until the next window: %v, want one queued", sum)
		}
		if err := pl.press.Mailer.Trip(ctx, id, "readers called it spam"); err != nil {
			t.Fatal(err)
		}
		page := func(session string) string { return deskPage(t, pl.press, session, fmt.Sprintf("/desk/issues/%d", id)) }
		op, editor := operator(t, pl.press), signedAs(t, pl.press, "editor@press.test", "editor")
		if text := page(op); !strings.Contains(text, `value="resume"`) || !strings.Contains(text, "It was stopped: readers called it spam.") {
			t.Error("the page of a sent issue whose breaker opened offers no Resume")
		}
		if strings.Contains(page(editor), `value="resume"`) {
			t.Error("Resume is offered to an editor, who may not")
		}
		if err := pl.press.ResumeIssue(ctx, id, "ed"); err != nil || pl.issueNow(id).State != "sent" {
			t.Errorf("resumed after its breaker opened it is %s, %v", pl.issueNow(id).State, err)
		}
		if strings.Contains(page(op), `value="resume"`) {
			t.Error("Resume is offered for an issue that is not stopped")
		}
		by.Store(int64(25 * time.Hour))
		pl.sends()
		pl.until(60*time.Second, "it is closed again", func() bool {
			if err := pl.press.advance(ctx, pl.issueNow(id)); err != nil {
				t.Fatal(err)
			}
			return pl.issueNow(id).State == "closed"
		})
		if sum := pl.sum(id); sum[mailer.StateAccepted] != 1 || sum[mailer.StateExpired] != 2 {
			t.Errorf("in the next window: %v, want one accepted", sum)
		}
	})
}

// TestPauseEndsWhenNothingCanGoOut: an issue that a person has paused until all of its
// copies had expired is over, and says why.
func TestPauseEndsWhenNothingCanGoOut(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		pl := newPlant(t, "", database, "", "")
		pl.subscribers(3, "daily")
		pl.stories()
		by := pl.shift()
		id := pl.due(digest.Spec{})
		pl.moves(id, "approved", "sending")
		if err := pl.press.PauseIssue(t.Context(), id, "ed@news.example"); err != nil {
			t.Fatal(err)
		}
		pl.moves(id, "paused")
		by.Store(int64(7 * 24 * time.Hour))
		pl.until(60*time.Second, "it is over", func() bool {
			return pl.press.advance(t.Context(), pl.issueNow(id)) == nil && pl.issueNow(id).State == "cancelled"
		})
		if i, sum := pl.issueNow(id), pl.sum(id); i.Reason != "paused by ed@news.example, until what was left had expired" || sum[mailer.StateExpired] != 3 {
			t.Errorf("%s, copies %v", i.Reason, sum)
		}
	})
}

// TestBreakerWantsAPerson shows at the issue what the mailer's breaker did, and
// holds the next one until somebody has seen it.
func TestBreakerWantsAPerson(t *testing.T) {
	pl := newPlant(t, "", "press.db", "", "")
	pl.subscribers(30, "daily")
	pl.stories()
	first := pl.due(digest.Spec{})
	pl.moves(first, "approved", "sending")
	trip := func() {
		if err := pl.press.Mailer.Trip(t.Context(), first, "readers called it spam"); err != nil {
			t.Fatal(err)
		}
	}
	trip()
	pl.moves(first, "paused")
	if i := pl.issueNow(first); !strings.Contains(i.Reason, "called it spam") {
		t.Errorf("paused because %q", i.Reason)
	}
	if page := deskPage(t, pl.press, operator(t, pl.press), issuePath(first)); !strings.Contains(page, "Send what is left of this issue? It was stopped: readers called it spam.") {
		t.Error("Resume does not ask whether to go on with what did harm")
	}
	if err := pl.press.ResumeIssue(t.Context(), first, "ed"); err != nil {
		t.Fatal(err)
	}
	pl.moves(first, "sending")
	trip()

	second := pl.due(digest.Spec{})
	pl.moves(second, "approved")
	if err := pl.press.advance(t.Context(), pl.issueNow(second)); !errors.Is(err, ErrBreaker) {
		t.Fatalf("got %v", err)
	}
	if i := pl.issueNow(second); i.State != "held" || !strings.Contains(i.Reason, "called it spam") {
		t.Errorf("%s: %s", i.State, i.Reason)
	}
	if err := pl.press.Approve(t.Context(), second, 0, "ed"); err != nil {
		t.Fatal(err)
	}
	pl.moves(second, "sending")
}

// TestRelayConfig reads limits, groups and breaker, and says what is wrong with them.
func TestRelayConfig(t *testing.T) {
	const relay = "[[relay]]\nname = \"main\"\nurl = \"smtp://127.0.0.1:25\"\n"
	c, err := load(t, relay+"share = 70\nper_hour = 1000\nper_day = 5000\nwarmup = { from = \"2026-12-01\", days = 30 }\n"+
		"[[group]]\nname = \"gmail\"\ndomains = [\"our-school.example\"]\nrate = 2.5\n[[group]]\nname = \"own\"\ndomains = [\"own.*\"]\n[breaker]\nbounce = -1\nstreak = 40\n")
	if err != nil {
		t.Fatal(err)
	}
	q := c.quotas()["main"]
	if q.Share != 70 || q.PerHour != 1000 || q.PerDay != 5000 || q.Warmup.Days != 30 || q.Warmup.From.Format(time.DateOnly) != "2026-12-01" {
		t.Errorf("quota %+v", q)
	}
	groups := c.groups()
	if groups[0].Name != "gmail" || groups[0].Rate != 2.5 || groups[0].Domains[len(groups[0].Domains)-1] != "our-school.example" || groups[len(groups)-1].Name != "own" {
		t.Errorf("groups %+v", groups)
	}
	if b := c.Breaker.rules(); b.Bounce != -1 || b.Streak != 40 {
		t.Errorf("breaker %+v", b)
	}
	for _, bad := range []struct{ text, want string }{
		{relay + "per_hour = -1\n", "per_hour is -1"},
		{relay + "warmup = { start = 200 }\n", "warmup.from"},
		{relay + "warmup = { from = \"2026-12-01\", start = 500, end = 100 }\n", "start up to end"},
		{relay + "connections = 5000\n", "1 to 500"},
		{relay + "warmup = { form = \"2026-12-01\" }\n", "unknown key"},
		{"[[group]]\nname = \"new\"\n", "name its domains"},
		{"[[group]]\nname = \"new\"\ndomains = [\"a@b.example\"]\n", "is not a domain"},
		{"[breaker]\ncomplaint = 3\n", "breaker.complaint is 3"},
		{"[breaker]\nstreak = -5\n", "breaker.streak"},
	} {
		if _, err := load(t, bad.text); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%q: got %v, want %s", bad.text, err, bad.want)
		}
	}
}
