package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"pressrun/cmd/pressrun/desk"
	"pressrun/deploy/installation"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/templates"
)

// TestWeek lives through days of two newsletters that share sources and readers,
// with serve as an operator starts it. Its clock runs fast while nothing is due,
// slowly while something is under way, and stands nearly still where the machine
// has to catch up: so the days are as long as it needs, and a busy one changes
// nothing.
//
// Three days hold every kind of trouble. With ./test --soak it lives through
// the whole week, which takes minutes.
func TestWeek(t *testing.T) {
	t.Parallel()
	live := (*week).short
	begins := time.Date(2026, 3, 28, 7, 0, 0, 0, time.UTC)
	if os.Getenv("PRESSRUN_SOAK") != "" {
		live = (*week).whole
		begins = time.Date(2026, 3, 27, 18, 0, 0, 0, time.UTC)
	}
	name := program(t)
	redisURL := schematest.Redis(t)
	number := 0
	engines(t, func(t *testing.T, database string) {
		number++
		own := strings.TrimSuffix(redisURL, "0") + fmt.Sprint(number) // the other engine counts in another one
		t.Parallel()
		w := newWeek(t, begins, name, database, own)
		w.start()
		w.polled() // what comes out before that counts as old
		live(w)
		w.judge()
	})
}

// Speeds of the clock: through quiet hours, while something is under way, and
// while the machine catches up.
const (
	quiet = 20_000
	busy  = 60
	still = 1
)

// week is the plant with its clock, sites and what the test knows of the readers.
type week struct {
	*plant
	begins, ends time.Time
	clockFile    string
	pace         pace
	redis        *redis.Client
	papers       []*paper
	slotsDue     map[string][]digest.Slot        // newsletter → what became of its slots
	joined       map[string]map[string]time.Time // list → address → since when
	left         map[string]map[string]time.Time
	outage       [2]time.Time // of the relay
}

// greylisted is refused for two days from his first mail on; alarmed is who is
// written to when something needs a person.
const (
	greylisted = "reader7@readers0.example"
	alarmed    = "operator@gazette.example"
)

// latency is how long the receiver takes over each mail.
const latency = 15 * time.Millisecond

func newWeek(t *testing.T, begins time.Time, program, database, redisURL string) *week {
	w := &week{begins: begins, clockFile: filepath.Join(t.TempDir(), "clock"), slotsDue: map[string][]digest.Slot{}}
	w.joined, w.left = map[string]map[string]time.Time{}, map[string]map[string]time.Time{}
	w.pace = pace{start: begins, speed: busy, anchor: time.Now().Truncate(time.Millisecond)}
	w.write(t, w.pace)
	o, err := redis.ParseURL(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	w.redis = redis.NewClient(o)
	t.Cleanup(func() { w.redis.Close() })
	w.redis.FlushDB(t.Context())
	w.plant = newPlant(t, program, database, redisURL, "file:"+w.clockFile)
	w.slow(latency)
	for i, title := range []string{"Harbour Gazette", "Hill Courier"} {
		p := newPaper(t, title, w.now, begins.Add(-40*time.Hour+time.Duration(i)*time.Hour), 144*time.Minute)
		w.papers = append(w.papers, p)
		if _, err := w.press.Digest.AddSource(t.Context(), digest.Source{Kind: "feed", URL: p.URL + "/feed", SiteURL: p.URL, Title: title, Rights: "own"}); err != nil {
			t.Fatal(err)
		}
	}
	lists := []string{"morning", "evening"}
	readers := w.subscribers(60, lists...)
	for _, list := range lists {
		w.joined[list], w.left[list] = map[string]time.Time{}, map[string]time.Time{}
		for _, a := range readers {
			w.joined[list][a] = begins
		}
	}
	for _, s := range []digest.Spec{
		{Title: "Morning Digest", List: "morning", Schedule: "0 7 * * *", Approval: "send"},
		{Title: "Evening Digest", List: "evening", Schedule: "0 18 * * *", Approval: "hold"},
	} {
		s.Zone, s.From, s.Brand = "Europe/Berlin", "Gazette <digest@gazette.example>", testBrand
		if _, _, err := w.press.Digest.ApplyNewsletter(t.Context(), s.List, s, "test"); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// slow makes the receiver take its time over each mail.
func (w *week) slow(d time.Duration) {
	w.inbox.Misbehave(catch.Faults{Delay: d, Rules: []catch.Rule{
		{Code: 451, For: 48 * time.Hour, Match: func(addr string) bool { return addr == greylisted }},
	}})
}

// write replaces the clock's file at once.
func (w *week) write(t *testing.T, paces ...pace) {
	t.Helper()
	var fields []string
	for _, p := range paces {
		fields = append(fields, fmt.Sprintf("%s@%g@%d", p.start.Format(time.RFC3339Nano), p.speed, p.anchor.UnixMilli()))
	}
	if err := os.WriteFile(w.clockFile+".new", []byte(strings.Join(fields, " ")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(w.clockFile+".new", w.clockFile); err != nil {
		t.Fatal(err)
	}
}

// to lets the quiet time until at pass.
func (w *week) to(at time.Time) {
	w.Helper()
	notice := time.Now().Add(40 * time.Millisecond).Truncate(time.Millisecond)
	fast := pace{start: timeAt([]pace{w.pace}, notice), speed: quiet, anchor: notice}
	if !at.After(fast.start) {
		return
	}
	real := time.Duration(math.Ceil(float64(at.Sub(fast.start))/quiet/1e6)) * time.Millisecond
	slow := pace{speed: busy, anchor: notice.Add(real)}
	slow.start = timeAt([]pace{fast}, slow.anchor)
	w.write(w.T, w.pace, fast, slow)
	w.pace = slow
	time.Sleep(time.Until(slow.anchor))
}

// run lets the clock go on at a speed.
func (w *week) run(speed float64) {
	w.Helper()
	notice := time.Now().Add(40 * time.Millisecond).Truncate(time.Millisecond)
	next := pace{start: timeAt([]pace{w.pace}, notice), speed: speed, anchor: notice}
	w.write(w.T, w.pace, next)
	w.pace = next
	time.Sleep(time.Until(notice))
}

// day is a moment of day n, from 1, in UTC. The clocks change in the night to
// day 2: 07:00 in Berlin is 06:00 before and 05:00 after.
func (w *week) day(n int, clock string) time.Time {
	w.Helper()
	at, err := time.Parse("15:04", clock)
	if err != nil {
		w.Fatal(err)
	}
	return time.Date(2026, 3, 27+n, at.Hour(), at.Minute(), 0, 0, time.UTC)
}

// short is every kind of trouble within three days.
func (w *week) short() {
	w.issue("evening", w.day(1, "17:00"), w.noRelay)
	w.issue("morning", w.day(2, "05:00"), w.killed)
	w.to(w.day(2, "07:00"))
	w.unsubscribe("morning", 10)
	w.html(w.day(2, "08:00"), w.day(2, "15:00"))
	w.confirm(10)
	w.to(w.day(2, "11:00"))
	w.redis.FlushDB(context.Background())
	w.issue("evening", w.day(2, "16:00"), nil)
	w.downOver("morning", w.day(3, "05:00"))
	w.downBeyondGrace("evening", w.day(3, "16:00"))
	w.over(w.day(4, "00:00"))
}

// whole is the week.
func (w *week) whole() {
	w.issue("morning", w.day(1, "06:00"), nil)
	w.issue("evening", w.day(1, "17:00"), nil)

	w.issue("morning", w.day(2, "05:00"), w.killed)
	w.to(w.day(2, "09:00"))
	w.unsubscribe("morning", 30)
	w.issue("evening", w.day(2, "16:00"), nil)

	w.downOver("morning", w.day(3, "05:00"))
	w.issue("evening", w.day(3, "16:00"), w.noRelay)

	w.html(w.day(4, "00:00"), w.day(5, "00:00"))
	w.issue("morning", w.day(4, "05:00"), nil)
	w.to(w.day(4, "10:00"))
	w.confirm(30)
	w.issue("evening", w.day(4, "16:00"), nil)

	w.issue("morning", w.day(5, "05:00"), nil)
	w.to(w.day(5, "11:00"))
	w.redis.FlushDB(context.Background())
	w.issue("evening", w.day(5, "16:00"), nil)

	w.issue("morning", w.day(6, "05:00"), nil)
	w.downBeyondGrace("evening", w.day(6, "16:00"))

	w.issue("morning", w.day(7, "05:00"), nil)
	w.issue("evening", w.day(7, "16:00"), nil)
	w.over(w.day(8, "00:00"))
}

// killed ends serve in mid-send without a warning, and starts it again.
func (w *week) killed(i digest.Issue) {
	w.slow(150 * time.Millisecond)
	w.to(i.SlotAt)
	w.until(60*time.Second, "mails go out", func() bool { return w.received(i.ID) > 5 })
	w.kill()
	w.slow(latency)
	if n := w.received(i.ID); n >= len(w.joined[i.Newsletter])-1 {
		w.Errorf("%d mails had gone out when serve was killed: that was not in mid-send", n)
	}
	w.sum(i.ID)
	w.start()
}

// noRelay takes the relay away for two hours over the slot: somebody must see
// an alarm while it lasts.
func (w *week) noRelay(i digest.Issue) {
	w.to(i.SlotAt.Add(-5 * time.Minute))
	w.outage = [2]time.Time{w.now(), i.SlotAt.Add(2 * time.Hour)}
	w.inbox.Away(catch.OutageRefuse, w.outage[1].Sub(w.outage[0]))
	w.to(i.SlotAt)
	w.until(90*time.Second, "the Today page tells of the relay", func() bool { return strings.Contains(w.today(), "Nothing can be sent by it") })
	w.to(w.outage[1].Add(time.Minute))
}

// today is the desk's Today page as an operator sees it.
func (w *week) today() string {
	w.Helper()
	ctx := context.Background()
	if _, err := w.press.Installation.AddUser(ctx, alarmed, "", "operator"); err != nil {
		w.Fatal(err)
	}
	token, err := w.press.Installation.SignInToken(ctx, alarmed)
	if err != nil {
		w.Fatal(err)
	}
	session, err := w.press.Installation.SignIn(ctx, token)
	if err != nil {
		w.Fatal(err)
	}
	req, _ := http.NewRequest("GET", w.press.Config.PublicURL+"/desk/", nil)
	req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: session})
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	page, _ := io.ReadAll(res.Body)
	return string(page)
}

// html makes the first paper's feed a page of HTML for a while.
func (w *week) html(from, to time.Time) {
	w.papers[0].html = func(at time.Time) bool { return at.After(from) && at.Before(to) }
}

// downOver is an hour and a half of downtime over a slot, which is made up.
func (w *week) downOver(newsletter string, at time.Time) {
	w.Helper()
	w.caughtUp(at)
	w.to(at.Add(-55 * time.Minute))
	w.terminate()
	w.to(at.Add(40 * time.Minute))
	w.start()
	w.sent(newsletter, at)
}

// downBeyondGrace is downtime over a slot and its grace: it is announced as missed.
func (w *week) downBeyondGrace(newsletter string, at time.Time) {
	w.Helper()
	w.to(at.Add(-2 * time.Hour))
	w.terminate()
	w.to(at.Add(5 * time.Hour))
	w.start()
	w.until(60*time.Second, "the slot is missed", func() bool { return w.slot(newsletter, at).State == "missed" })
	w.slotsDue[newsletter] = append(w.slotsDue[newsletter], digest.Slot{At: at, State: "missed"})
}

// over waits until every copy of the slots before ends is delivered or has expired.
func (w *week) over(ends time.Time) {
	w.Helper()
	w.ends = ends
	w.to(ends.Add(20 * time.Hour))
	w.until(90*time.Second, "all issues are closed", func() bool {
		open, err := w.press.Digest.IssuesIn(context.Background(), "building", "draft", "held", "approved", "countdown", "sending", "paused", "sent")
		open = slices.DeleteFunc(open, func(i digest.Issue) bool { return i.SlotAt.After(ends) }) // later days are not looked at
		return err == nil && len(open) == 0
	})
}

// issue sees one issue through: views before it is built, an editor's approval
// where the newsletter wants one, its slot, and what happens from then on.
func (w *week) issue(newsletter string, at time.Time, trouble func(digest.Issue)) {
	w.Helper()
	ctx := context.Background()
	w.caughtUp(at)
	w.views()
	w.to(at.Add(-44 * time.Minute))
	var i digest.Issue
	drafted := func() bool {
		var err error
		i, err = w.press.Digest.IssueOfSlot(ctx, w.slot(newsletter, at).ID)
		return err == nil && i.State == "draft" && i.Revision > 0
	}
	// On a busy machine serve looks at the fast clock so rarely that it seems to have
	// slept: then it waits for polls to come, at most 20 minutes.
	for w.run(still); !w.soon(drafted); w.run(still) {
		if w.now().After(at.Add(-10 * time.Minute)) {
			w.Fatalf("no draft of %s %s", newsletter, at.Format(time.DateTime))
		}
		w.to(w.now().Add(5 * time.Minute))
	}
	if i.Spec.Approval == "hold" {
		if err := w.press.Approve(ctx, i.ID, 0, "editor"); err != nil {
			w.Fatal(err)
		}
	}
	if trouble != nil {
		trouble(i)
	}
	w.to(at)
	w.sent(newsletter, at)
}

// caughtUp lets time pass, until an hour before a slot at the latest, while
// serve reads what the papers had published three hours before it: through
// quiet hours the clock may be too fast for the machine.
func (w *week) caughtUp(at time.Time) {
	w.Helper()
	published := at.Add(-3 * time.Hour)
	w.to(published)
	for missing := w.untold(published); missing != ""; missing = w.untold(published) {
		if w.now().After(at.Add(-time.Hour)) {
			w.Fatalf("serve has not read %s, published before %s", missing, published)
		}
		w.to(w.now().Add(10 * time.Minute))
		w.run(still)
		w.polled()
	}
}

// polled waits until no source is due and the pages that they listed are read.
func (w *week) polled() {
	w.Helper()
	ctx := context.Background()
	w.until(60*time.Second, "the sources are polled", func() bool {
		due, err := w.press.Digest.DueSources(ctx)
		return err == nil && len(due) == 0
	})
	w.soon(func() bool { return !w.unread() }) // a page that could not be read waits for a later poll
}

// soon reports whether something comes true within ten seconds.
func (w *week) soon(ok func() bool) bool {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}

// unread reports whether a page that was listed is to be read now.
func (w *week) unread() bool {
	w.Helper()
	sources, err := w.press.Digest.Sources(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return slices.ContainsFunc(sources, func(src digest.Source) bool {
		list, err := w.press.Digest.UnreadEntries(context.Background(), src.ID, 1)
		return err != nil || len(list) > 0
	})
}

// untold is an article published after the beginning and before a time that no
// story has; "" when all are told.
func (w *week) untold(until time.Time) string {
	list, err := w.press.Digest.Stories(context.Background(), w.now().Add(-96*time.Hour)) // one may join a story three days old
	if err != nil {
		return err.Error()
	}
	known := map[string]bool{}
	for _, s := range list { // two papers may report one event
		members, err := w.press.Digest.Members(context.Background(), s.ID)
		if err != nil {
			return err.Error()
		}
		for _, m := range members {
			known[m.URL] = true
		}
	}
	for _, p := range w.papers {
		for i := p.published() - 1; i >= 0 && !p.html(w.now()); i-- {
			at := p.first.Add(time.Duration(i) * p.every)
			if at.Before(w.begins.Add(time.Hour)) || at.Before(w.now().Add(-24*time.Hour)) {
				break // counted as old when the source was added, or long told
			}
			if at.Before(until) && !known[p.link(i)] {
				return fmt.Sprintf("%s of %s", p.link(i), at)
			}
		}
	}
	return ""
}

// sent waits until the issue of a slot has gone out.
func (w *week) sent(newsletter string, at time.Time) {
	w.Helper()
	w.until(90*time.Second, newsletter+" "+at.Format(time.DateTime)+" is sent", func() bool {
		i, err := w.press.Digest.IssueOfSlot(context.Background(), w.slot(newsletter, at).ID)
		return err == nil && (i.State == "sent" || i.State == "closed")
	})
	w.slotsDue[newsletter] = append(w.slotsDue[newsletter], digest.Slot{At: at, State: "done"})
}

// slot is the row of a newsletter's slot; the zero Slot when there is none yet.
func (w *week) slot(newsletter string, at time.Time) digest.Slot {
	w.Helper()
	for _, s := range w.slots(newsletter) {
		if s.At.Equal(at) {
			return s
		}
	}
	return digest.Slot{}
}

func (w *week) slots(newsletter string) []digest.Slot {
	w.Helper()
	n, err := w.press.Digest.Newsletter(context.Background(), newsletter)
	if err != nil {
		w.Fatal(err)
	}
	list, err := w.press.Digest.Slots(context.Background(), n.ID, w.begins)
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// views reports visits of the newest articles, more of the older ones.
func (w *week) views() {
	w.Helper()
	var batch []map[string]string
	for _, p := range w.papers {
		for i := range 6 {
			for v := range 4 + 2*i {
				batch = append(batch, map[string]string{"url": p.link(p.published() - 2 - i), "visitor": fmt.Sprintf("%s-%d-%d", w.now().Format("0215"), i, v)})
			}
		}
	}
	body, _ := json.Marshal(batch)
	req, _ := http.NewRequest("POST", w.press.Config.PublicURL+"/v1/view", bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer secret")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	res.Body.Close()
	time.Sleep(300 * time.Millisecond) // they go to the counters ten times a second
}

// received is how many readers have got an issue.
func (w *week) received(issue int64) int {
	n := 0
	for a := range w.people() {
		if w.booked(a)[issue] > 0 {
			n++
		}
	}
	return n
}

// people are all who have ever been on a list.
func (w *week) people() map[string]bool {
	all := map[string]bool{}
	for _, list := range w.joined {
		for a := range list {
			all[a] = true
		}
	}
	return all
}

// booked is how many mails of each issue the receiver took for an address.
func (w *week) booked(address string) map[int64]int {
	of := map[int64]int{}
	for _, id := range w.inbox.Booked(address) {
		if issue, err := issueOfMessageID(id); err == nil {
			of[issue]++
		}
	}
	return of
}

var inBrackets = regexp.MustCompile(`<(http[^>]+)>`)

// unsubscribe presses the button of n readers' mail programs (RFC 8058).
func (w *week) unsubscribe(list string, n int) {
	w.Helper()
	for _, m := range w.inbox.Messages("") {
		to := m.To[0]
		msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
		if err != nil {
			w.Fatal(err)
		}
		link := inBrackets.FindStringSubmatch(msg.Header.Get("List-Unsubscribe"))
		if link == nil || !strings.Contains(msg.Header.Get("List-Id"), "<"+list+".") || !w.left[list][to].IsZero() || to == greylisted {
			continue
		}
		res, err := http.Post(link[1], "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
		if err != nil {
			w.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			w.Errorf("one click of %s: %s", to, res.Status)
		}
		if w.left[list][to] = w.now(); len(w.left[list]) == n {
			return
		}
	}
	w.Fatalf("%d readers could leave, want %d", len(w.left[list]), n)
}

// confirm lets n people sign up for both lists and press the button in the
// letter that they get.
func (w *week) confirm(n int) {
	w.Helper()
	for i := range n {
		form := url.Values{templates.FieldEmail: {newcomer(i)}, templates.FieldList: {"morning", "evening"}}
		req, _ := http.NewRequest("POST", w.press.Config.PublicURL+"/subscribe", strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i)) // each from his own home
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			w.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			w.Fatalf("sign-up of %s: %s", newcomer(i), res.Status)
		}
	}
	link := regexp.MustCompile(regexp.QuoteMeta(w.press.Config.PublicURL) + `/confirm/\S+`)
	for i := range n {
		w.until(60*time.Second, "the letter to "+newcomer(i), func() bool { return len(w.inbox.Messages(newcomer(i))) > 0 })
		m, err := mail.ReadMessage(bytes.NewReader(w.inbox.Messages(newcomer(i))[0].Raw))
		if err != nil {
			w.Fatal(err)
		}
		_, text := parts(w.T, m)
		res, err := http.PostForm(link.FindString(text), nil)
		if err != nil {
			w.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			w.Fatalf("confirmation of %s: %s", newcomer(i), res.Status)
		}
		w.joined["morning"][newcomer(i)], w.joined["evening"][newcomer(i)] = w.now(), w.now()
	}
}

func newcomer(i int) string { return fmt.Sprintf("newcomer%d@homes.example", i) }

// judge compares what the receiver booked with what the ledger says, for every
// reader and slot.
func (w *week) judge() {
	w.Helper()
	pairs, doubled := 0, 0
	for _, newsletter := range []string{"morning", "evening"} {
		w.checkSlots(newsletter)
		told := map[int64]int64{} // story → issue
		for _, s := range w.slots(newsletter) {
			i, err := w.press.Digest.IssueOfSlot(context.Background(), s.ID)
			if errors.Is(err, digest.ErrNotFound) || s.At.After(w.ends) {
				continue
			}
			if err != nil {
				w.Fatal(err)
			}
			w.sum(i.ID)
			w.checkStories(i, told)
			for a := range w.people() {
				pairs++
				if w.explain(i, a) > 1 {
					doubled++
				}
			}
		}
	}
	for issue, n := range w.verifyAll() {
		w.Logf("issue %d: %d mails", issue, n)
	}
	w.checkAlarms()
	w.Logf("%d pairs of reader and issue are explained; %d got a second copy", pairs, doubled)
}

// checkSlots requires that a newsletter had the slots that were lived through
// and no others.
func (w *week) checkSlots(newsletter string) {
	w.Helper()
	for _, want := range w.slotsDue[newsletter] {
		s := w.slot(newsletter, want.At)
		if s.State != want.State || want.State == "missed" && s.Reason == "" {
			w.Errorf("%s of %s: %+v, want %s", newsletter, want.At, s, want.State)
		}
	}
	past := slices.DeleteFunc(w.slots(newsletter), func(s digest.Slot) bool { return s.At.After(w.ends) })
	if len(past) != len(w.slotsDue[newsletter]) {
		w.Errorf("%s had %d slots, want %d: %+v", newsletter, len(past), len(w.slotsDue[newsletter]), past)
	}
}

// checkStories requires that no story of an issue was in an earlier one.
func (w *week) checkStories(i digest.Issue, told map[int64]int64) {
	w.Helper()
	chosen, err := w.press.Digest.Chosen(context.Background(), i.ID)
	if err != nil {
		w.Fatal(err)
	}
	sections := map[string]int{}
	for _, c := range chosen {
		if c.State != "in" {
			continue
		}
		sections[c.Section]++
		if before := told[c.Story.ID]; before != 0 && i.State == "closed" {
			w.Errorf("%s #%d tells %q, as did issue %d", i.Newsletter, i.Number, c.Title, before)
		}
		told[c.Story.ID] = i.ID
	}
	w.Logf("%s #%d, slot %s: %s, ranked by %s, %v", i.Newsletter, i.Number, i.SlotAt.Format("Mon 15:04"), i.State, i.RankedBy, sections)
}

// explain requires that the one line for a reader and an issue agrees with
// what the receiver booked and what the reader did. It returns how many mails came.
func (w *week) explain(i digest.Issue, address string) int {
	w.Helper()
	got := w.booked(address)[i.ID]
	why, err := w.press.Why(context.Background(), i.ID, address)
	if err != nil || why.Line == "" || strings.Contains(why.Line, "\n") {
		w.Errorf("why of %s and issue %d: %q, %v", address, i.ID, why.Line, err)
		return got
	}
	joined, known := w.joined[i.Newsletter][address]
	left, gone := w.left[i.Newsletter][address]
	reads := known && joined.Before(i.Started) && (!gone || left.After(i.Started))
	agrees := false
	switch d := why.Delivery; {
	case i.Started.IsZero():
		agrees = got == 0
	case !reads:
		agrees = got == 0 && d == nil && (strings.Contains(why.Line, "frozen") || strings.Contains(why.Line, "unsubscribed"))
	case d == nil:
	case d.State == mailer.StateAccepted:
		agrees = got == 1 || got == 2 && d.WasUncertain && d.Resent
	case d.State == mailer.StateExpired:
		agrees = got == 0 && address == greylisted
	}
	if !agrees {
		w.Errorf("%s and %s #%d (reads it: %v): the receiver booked %d, but: %s", address, i.Newsletter, i.Number, reads, got, why.Line)
	}
	return got
}

// checkAlarms requires that a person was told of what went wrong, and that
// the trouble with the relay was over when it was.
func (w *week) checkAlarms() {
	w.Helper()
	alarms, err := w.press.Installation.Alarms(context.Background(), false, 1000)
	if err != nil {
		w.Fatal(err)
	}
	had := map[string]installation.Alarm{}
	for _, a := range alarms {
		had[a.Kind] = a
		w.Logf("alarm %s %s: %s (%s to %s)", a.Kind, a.Subject, a.Detail, a.Opened.Format(time.DateTime), a.Closed.Format(time.DateTime))
	}
	for kind, words := range map[string]string{"slot": "did not go out", "failing source": "cannot be read", "relay": "No mail leaves by the relay"} {
		if had[kind].ID == 0 {
			w.Errorf("nobody was told of the trouble with a %s", kind)
		}
		if !slices.ContainsFunc(w.inbox.Messages(alarmed), func(m catch.Message) bool { return strings.Contains(m.Subject, words) }) {
			w.Errorf("no mail told of the trouble with a %s", kind)
		}
	}
	if a := had["relay"]; a.Opened.Before(w.outage[0]) || a.Opened.After(w.outage[1]) || a.Closed.Before(w.outage[1]) {
		w.Errorf("the relay was away from %s to %s, and the alarm open from %s to %s", w.outage[0], w.outage[1], a.Opened, a.Closed)
	}
	if a := had["failing source"]; a.Closed.IsZero() {
		w.Errorf("the feed is one again, and its alarm is still open")
	}
}
