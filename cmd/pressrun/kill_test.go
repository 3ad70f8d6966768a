package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/subscribers"
)

// TestFaultKillNine ends serve in the middle of a send, without a warning and
// with one. The receiver, which outlives it, is the judge.
func TestFaultKillNine(t *testing.T) {
	t.Parallel()
	name := program(t)
	engines(t, func(t *testing.T, database string) {
		t.Parallel()
		t.Run("kill", func(t *testing.T) { killInMidSend(t, newPlant(t, name, database, "", "")) })
	})
}

// TestFaultTerminate is the same with SIGTERM: nobody is lost, nobody doubled.
func TestFaultTerminate(t *testing.T) {
	t.Parallel()
	name := program(t)
	engines(t, func(t *testing.T, database string) {
		t.Parallel()
		t.Run("terminate", func(t *testing.T) { terminateInMidSend(t, newPlant(t, name, database, "", "")) })
	})
}

// TestFaultLeaveInMidSend has readers leave and be suppressed in another process
// while their relay takes a hundred messages an hour: a second later nothing
// more begins for them, though it was claimed, nor when the hour is over.
func TestFaultLeaveInMidSend(t *testing.T) {
	t.Parallel()
	name := program(t)
	engines(t, func(t *testing.T, database string) {
		t.Parallel()
		clock := filepath.Join(t.TempDir(), "clock")
		ahead(t, clock, 0)
		leaveInMidSend(t, newPlant(t, name, database, "", "file:"+clock), clock)
	})
}

// ahead sets a clock file so long before the real time.
func ahead(t *testing.T, clock string, d time.Duration) {
	t.Helper()
	now := time.Now()
	if err := os.WriteFile(clock+".new", fmt.Appendf(nil, "%s@1@%d", now.Add(d).Format(time.RFC3339), now.Truncate(time.Second).UnixMilli()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(clock+".new", clock); err != nil {
		t.Fatal(err)
	}
}

func leaveInMidSend(t *testing.T, pl *plant, clock string) {
	toml, err := os.OpenFile(pl.path("press.toml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(toml, "per_hour = 100")
	toml.Close()
	other := httptest.NewServer(pl.press.Handler())
	defer other.Close()
	readers, issue := pl.sending(190)
	pl.inbox.Misbehave(catch.Faults{Delay: 200 * time.Millisecond})
	pl.until(60*time.Second, "mails arrive", func() bool { return pl.booked(readers) > 10 })

	leavers := readers[60:160]
	for i, to := range leavers {
		if i%2 == 0 {
			pl.oneClick(other.URL, to)
		} else if err := pl.press.Subscribers.SuppressAddress(t.Context(), to, subscribers.Manual, "asked by telephone"); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Second)
	before := pl.booked(leavers)
	pl.inbox.Misbehave(catch.Faults{})
	stay := append(slices.Clone(readers[:60]), readers[160:]...)
	ahead(t, clock, 61*time.Minute)
	pl.until(60*time.Second, "the others have it", func() bool { return pl.booked(stay) == len(stay) })
	pl.until(60*time.Second, "the issue is done", func() bool {
		c := pl.sum(issue)
		return c["accepted"]+c["withheld"] == len(readers)
	})
	if n := pl.booked(leavers); n != before || n == len(leavers) {
		t.Errorf("%d of %d who had left got mail within a second, %d in the end", before, len(leavers), n)
	}
	if c := pl.sum(issue); c["withheld"] != len(leavers)-before || len(pl.inbox.Audit(readers).Doubled) > 0 {
		t.Errorf("%v; %d of %d left after they had got it", c, before, len(leavers))
	}
}

// oneClick is what a mailbox does when its owner presses Unsubscribe.
func (pl *plant) oneClick(server, reader string) {
	pl.Helper()
	ctx := pl.Context()
	v, err := pl.press.Subscribers.Find(ctx, reader)
	if err != nil {
		pl.Fatal(err)
	}
	list, err := pl.press.Subscribers.ListID(ctx, pl.press.DB.Read, "daily")
	if err != nil {
		pl.Fatal(err)
	}
	link := strings.Replace(pl.press.Subscribers.UnsubscribeURL(v.ID, list), pl.press.Config.PublicURL, server, 1)
	res, err := http.PostForm(link, url.Values{"List-Unsubscribe": {"One-Click"}})
	if err != nil {
		pl.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		pl.Fatalf("one-click for %s: %s", reader, res.Status)
	}
}

// killReaders is how many readers the issues of these tests go to, connections
// over how many connections at once: so much can be in flight when serve dies.
const (
	killReaders = 2000
	connections = 4
)

func killInMidSend(t *testing.T, pl *plant) {
	const kills = 2
	readers, issue := pl.sending(killReaders)
	for range kills {
		pl.sendSome(readers)
		pl.kill()
		pl.sum(issue)
		if out := pl.verb("issue", "status", fmt.Sprint(issue)); !strings.Contains(out, "no process is there that sends") {
			t.Errorf("nothing runs, and issue status says\n%s", out)
		}
		pl.start()
	}
	pl.finish(issue)

	a := pl.inbox.Audit(readers)
	listed := pl.uncertain(issue)
	if len(a.Lost)+len(a.Strangers) > 0 {
		t.Errorf("lost %v, strangers %v", a.Lost, a.Strangers)
	}
	for _, to := range a.Doubled {
		if !slices.Contains(listed, to) {
			t.Errorf("%s got two and is not listed as uncertain", to)
		}
		if ids := pl.inbox.Booked(to); len(ids) != 2 || ids[0] != ids[1] {
			t.Errorf("%s got %v: a second copy bears the Message-ID of the first", to, ids)
		}
	}
	status, table := pl.verb("issue", "status", fmt.Sprint(issue)), pl.verb("delivery", "ls", "--issue", fmt.Sprint(issue), "--doubtful")
	if strings.Contains(status, "no process") || len(listed) > 0 && !strings.Contains(status, "may have come twice") {
		t.Errorf("issue status says\n%s", status)
	}
	page := deskPage(t, pl.press, operator(t, pl.press), fmt.Sprintf("/desk/issues/%d/readers?state=perhaps-twice", issue))
	for _, to := range listed {
		if !strings.Contains(table, " "+to+" ") || !strings.Contains(page, to) {
			t.Errorf("%s is not among the doubtful copies", to)
		}
	}
	if len(listed) > kills*connections {
		t.Errorf("%d are listed as uncertain; at most %d were in flight", len(listed), kills*connections)
	}
	if n := pl.verifyAll()[issue]; n != killReaders+len(a.Doubled) {
		t.Errorf("%d mails were received, want %d and the second copies of %d", n, killReaders, len(a.Doubled))
	}
	t.Logf("%d got one, %d two; %d are listed as uncertain", a.Once, len(a.Doubled), len(listed))
}

func terminateInMidSend(t *testing.T, pl *plant) {
	readers, issue := pl.sending(killReaders / 2)
	pl.sendSome(readers)
	if took := pl.terminate(); took > 10*time.Second {
		t.Errorf("it took %s to end", took)
	}
	counts := pl.sum(issue)
	if booked := pl.booked(readers); counts["claimed"]+counts["uncertain"] > 0 || counts["accepted"] != booked || booked == len(readers) {
		t.Errorf("after SIGTERM in mid-send: %v; the receiver booked %d", counts, booked)
	}
	pl.start()
	pl.finish(issue)
	if a := pl.inbox.Audit(readers); a.Once != len(readers) || len(a.Strangers) > 0 {
		t.Errorf("lost %v, doubled %v, strangers %v; want one mail for each", a.Lost, a.Doubled, a.Strangers)
	}
	pl.verifyAll()
}

// sending starts serve and an issue to n readers.
func (pl *plant) sending(n int) (readers []string, issue int64) {
	pl.Helper()
	ctx := pl.Context()
	readers = pl.subscribers(n, "daily")
	pl.stories()
	n1, _, err := pl.press.Digest.ApplyNewsletter(ctx, "daily", digest.Spec{Title: "Daily Digest", List: "daily", From: "Gazette <digest@gazette.example>", Brand: testBrand}, "test")
	if err != nil {
		pl.Fatal(err)
	}
	slot, err := pl.press.Digest.AddSlot(ctx, n1.ID, pl.now().Add(time.Hour).Truncate(time.Second)) // no alarm that its time has come
	if err != nil {
		pl.Fatal(err)
	}
	i, err := pl.press.Build(ctx, slot.ID)
	if err != nil {
		pl.Fatal(err)
	}
	pl.inbox.Misbehave(catch.Faults{Delay: 4 * time.Millisecond}) // as long as a network takes
	pl.start()
	if err := pl.press.SendNow(ctx, i.ID, "test"); err != nil {
		pl.Fatal(err)
	}
	return readers, i.ID
}

// verb is what a verb prints.
func (pl *plant) verb(args ...string) string {
	pl.Helper()
	d := &deskless{T: pl.T, dir: pl.dir, config: pl.path("press.toml")}
	code, out, errs := d.verb("", args...)
	if code != 0 {
		pl.Fatalf("%v: exit %d: %s", args, code, errs)
	}
	return out
}

// booked is how many of the readers have got mail.
func (pl *plant) booked(readers []string) int {
	a := pl.inbox.Audit(readers)
	return a.Once + len(a.Doubled)
}

// sendSome lets some more mails arrive and comes back at any moment of one.
func (pl *plant) sendSome(readers []string) {
	pl.Helper()
	before := pl.booked(readers)
	pl.until(60*time.Second, "mails arrive", func() bool { return pl.booked(readers) > before+50 })
	time.Sleep(rand.N(300 * time.Millisecond))
	if n := pl.booked(readers); n == len(readers) {
		pl.Errorf("all %d mails have been sent before it could be interrupted", n)
	}
}

// sum requires that the ledger adds up to the audience.
func (pl *plant) sum(issue int64) map[mailer.State]int {
	pl.Helper()
	counts, err := pl.press.Mailer.Counts(context.Background(), issue)
	if err != nil {
		pl.Fatal(err)
	}
	i, err := pl.press.Digest.Issue(context.Background(), issue)
	if err != nil {
		pl.Fatal(err)
	}
	sum := 0
	for _, n := range counts {
		sum += n
	}
	if sum != i.Audience || sum == 0 {
		pl.Errorf("%v add up to %d, the audience is %d", counts, sum, i.Audience)
	}
	return counts
}

// finish waits until the issue is closed: nothing queued, claimed, deferred or
// uncertain any more.
func (pl *plant) finish(issue int64) {
	pl.Helper()
	pl.until(60*time.Second, "the issue is closed", func() bool {
		counts := pl.sum(issue)
		i, err := pl.press.Digest.Issue(context.Background(), issue)
		return err == nil && i.State == "closed" && counts["accepted"] == i.Audience
	})
}

// uncertain are the addresses whose delivery says that it was in flight.
func (pl *plant) uncertain(issue int64) []string {
	pl.Helper()
	list, err := pl.press.Mailer.Deliveries(context.Background(), issue, mailer.Filter{WasUncertain: true}, mailer.Page{})
	if err != nil {
		pl.Fatal(err)
	}
	var out []string
	for _, d := range list {
		s, err := pl.press.Subscribers.ByID(context.Background(), d.Subscriber)
		if err != nil {
			pl.Fatal(err)
		}
		out = append(out, string(s.Email))
	}
	return out
}
