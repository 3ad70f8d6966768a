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

	"pressrun/deploy/schema/schematest"
	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/templates"
)

// TestWeek lives through seven days of two newsletters that share sources and
// readers, with serve as an operator starts it. Its clock runs fast while
// nothing is due and slowly round the slots, until what was due has happened:
// so the week is as long as the machine needs, and a busy one changes nothing.
//
// It takes about two minutes an engine, so it runs with ./test --soak alone.
func TestWeek(t *testing.T) {
	if os.Getenv("PRESSRUN_SOAK") == "" {
		t.Skip("two minutes an engine: ./test --soak runs it")
	}
	name := program(t)
	redisURL := schematest.Redis(t)
	number := 0
	engines(t, func(t *testing.T, database string) {
		number++
		own := strings.TrimSuffix(redisURL, "0") + fmt.Sprint(number) // the other engine counts in another one
		t.Parallel()
		newWeek(t, name, database, own).live()
	})
}

// Speeds of the clock: through quiet hours, and while something is under way.
const (
	quiet = 20_000
	busy  = 60
)

var weekBegins = time.Date(2026, 3, 27, 20, 0, 0, 0, time.UTC)

// week is the plant with its clock, sites and what the test knows of the readers.
type week struct {
	*plant
	clockFile string
	pace      pace
	redis     *redis.Client
	papers    []*paper
	joined    map[string]map[string]time.Time // list → address → since when
	left      map[string]map[string]time.Time
}

// greylisted is refused for two days from his first mail on.
const greylisted = "reader7@readers0.example"

func newWeek(t *testing.T, program, database, redisURL string) *week {
	w := &week{clockFile: filepath.Join(t.TempDir(), "clock"), joined: map[string]map[string]time.Time{}, left: map[string]map[string]time.Time{}}
	w.pace = pace{start: weekBegins, speed: busy, anchor: time.Now().Truncate(time.Millisecond)}
	w.write(t, w.pace)
	o, err := redis.ParseURL(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	w.redis = redis.NewClient(o)
	t.Cleanup(func() { w.redis.Close() })
	w.redis.FlushDB(t.Context())
	w.plant = newPlant(t, program, database, redisURL, "file:"+w.clockFile)
	w.inbox.Misbehave(catch.Faults{Delay: 15 * time.Millisecond, Rules: []catch.Rule{
		{Code: 451, For: 48 * time.Hour, Match: func(addr string) bool { return addr == greylisted }},
	}})
	for i, title := range []string{"Harbour Gazette", "Hill Courier"} {
		p := newPaper(t, title, w.now, weekBegins.Add(-40*time.Hour+time.Duration(i)*time.Hour), 288*time.Minute)
		w.papers = append(w.papers, p)
		if _, err := w.press.Digest.AddSource(t.Context(), digest.Source{Kind: "feed", URL: p.URL + "/feed", SiteURL: p.URL, Title: title, Rights: "own"}); err != nil {
			t.Fatal(err)
		}
	}
	for list, readers := range map[string][]string{"morning": nil, "evening": nil} {
		w.joined[list], w.left[list] = map[string]time.Time{}, map[string]time.Time{}
		_ = readers
	}
	for _, a := range w.subscribers(60, "morning", "evening") {
		w.joined["morning"][a], w.joined["evening"][a] = weekBegins, weekBegins
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

// day is a moment of day n of the week, from 1, in UTC.
func (w *week) day(n int, clock string) time.Time {
	w.Helper()
	at, err := time.Parse("15:04", clock)
	if err != nil {
		w.Fatal(err)
	}
	return time.Date(2026, 3, 27+n, at.Hour(), at.Minute(), 0, 0, time.UTC)
}

func (w *week) live() {
	w.start()
	w.issue("morning", w.day(1, "06:00"), nil) // 07:00 in Berlin, winter
	w.issue("evening", w.day(1, "17:00"), nil)

	// The night of the clock change: 07:00 is an hour earlier in UTC.
	w.issue("morning", w.day(2, "05:00"), func(id int64) {
		w.until(30*time.Second, "mails go out", func() bool { return w.received(id) > 5 })
		w.kill()
		w.sum(id)
		w.start()
	})
	w.to(w.day(2, "09:00"))
	w.unsubscribe("morning", 30)
	w.issue("evening", w.day(2, "16:00"), nil)

	// An hour of downtime over a slot.
	w.to(w.day(3, "04:05"))
	w.terminate()
	w.to(w.day(3, "05:40"))
	w.start()
	w.sent("morning", w.day(3, "05:00"))
	w.issue("evening", w.day(3, "16:00"), func(id int64) {
		w.to(w.day(3, "18:30"))
	})

	// A feed becomes an HTML page for a day.
	w.papers[0].html = func(at time.Time) bool { return at.After(w.day(4, "00:00")) && at.Before(w.day(5, "00:00")) }
	w.issue("morning", w.day(4, "05:00"), nil)
	w.to(w.day(4, "10:00"))
	w.confirm(30)
	w.issue("evening", w.day(4, "16:00"), nil)

	w.issue("morning", w.day(5, "05:00"), nil)
	w.to(w.day(5, "15:00"))
	w.redis.FlushDB(context.Background())
	w.issue("evening", w.day(5, "16:00"), nil)

	w.issue("morning", w.day(6, "05:00"), nil)
	w.to(w.day(6, "14:00"))
	w.terminate() // over the slot and its grace
	w.to(w.day(6, "21:00"))
	w.start()
	w.until(20*time.Second, "the slot is missed", func() bool { return w.slot("evening", w.day(6, "16:00")).State == "missed" })

	w.issue("morning", w.day(7, "05:00"), nil)
	w.issue("evening", w.day(7, "16:00"), nil)
	w.to(w.day(8, "20:00")) // everything is delivered or has expired
	w.until(30*time.Second, "all issues are closed", func() bool {
		open, err := w.press.Digest.IssuesIn(context.Background(), "building", "draft", "held", "approved", "countdown", "sending", "paused", "sent")
		open = slices.DeleteFunc(open, func(i digest.Issue) bool { return i.SlotAt.After(w.day(8, "00:00")) }) // the eighth day is not looked at
		return err == nil && len(open) == 0
	})
	w.judge()
}

// issue sees one issue through: views before it is built, an editor's approval
// where the newsletter wants one, its slot, and what happens in mid-send.
func (w *week) issue(newsletter string, at time.Time, meanwhile func(id int64)) {
	w.Helper()
	ctx := context.Background()
	w.to(at.Add(-time.Hour))
	w.views()
	w.to(at.Add(-44 * time.Minute))
	var i digest.Issue
	w.until(30*time.Second, "the draft of "+newsletter+" "+at.Format(time.DateTime), func() bool {
		var err error
		i, err = w.press.Digest.IssueOfSlot(ctx, w.slot(newsletter, at).ID)
		return err == nil && i.State == "draft" && i.Revision > 0
	})
	if i.Spec.Approval == "hold" {
		if err := w.press.Approve(ctx, i.ID, 0, "editor"); err != nil {
			w.Fatal(err)
		}
	}
	if newsletter == "evening" && at.Equal(w.day(3, "16:00")) { // the relay is away for two hours
		w.to(at.Add(-5 * time.Minute))
		w.inbox.Away(catch.OutageRefuse, 2*time.Hour+5*time.Minute)
	}
	w.to(at)
	if meanwhile != nil {
		meanwhile(i.ID)
	}
	w.sent(newsletter, at)
}

// sent waits until the issue of a slot has gone out.
func (w *week) sent(newsletter string, at time.Time) {
	w.Helper()
	w.until(60*time.Second, newsletter+" "+at.Format(time.DateTime)+" is sent", func() bool {
		i, err := w.press.Digest.IssueOfSlot(context.Background(), w.slot(newsletter, at).ID)
		return err == nil && (i.State == "sent" || i.State == "closed")
	})
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
	list, err := w.press.Digest.Slots(context.Background(), n.ID, weekBegins)
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
	for _, id := range w.inbox.Account(address).IDs {
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
		w.until(20*time.Second, "the letter to "+newcomer(i), func() bool { return len(w.inbox.Messages(newcomer(i))) > 0 })
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
	w.checkSlots("morning", "06:00", "05:00", "05:00", "05:00", "05:00", "05:00", "05:00")
	w.checkSlots("evening", "17:00", "16:00", "16:00", "16:00", "16:00", "missed 16:00", "16:00")
	pairs, doubled := 0, 0
	for _, newsletter := range []string{"morning", "evening"} {
		told := map[int64]int64{} // story → issue
		for _, s := range w.slots(newsletter) {
			i, err := w.press.Digest.IssueOfSlot(context.Background(), s.ID)
			if errors.Is(err, digest.ErrNotFound) || s.At.After(w.day(8, "00:00")) {
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

// checkSlots requires one slot for each day, done or missed.
func (w *week) checkSlots(newsletter string, clocks ...string) {
	w.Helper()
	for n, clock := range clocks {
		want := "done"
		if c, ok := strings.CutPrefix(clock, "missed "); ok {
			want, clock = "missed", c
		}
		s := w.slot(newsletter, w.day(n+1, clock))
		if s.State != want || want == "missed" && s.Reason == "" {
			w.Errorf("%s of day %d: %+v, want %s", newsletter, n+1, s, want)
		}
	}
	past := slices.DeleteFunc(w.slots(newsletter), func(s digest.Slot) bool { return s.At.After(w.day(7, "17:30")) })
	if len(past) != len(clocks) {
		w.Errorf("%s had %d slots in %d days", newsletter, len(past), len(clocks))
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

// checkAlarms requires that a person was told of what went wrong.
func (w *week) checkAlarms() {
	w.Helper()
	alarms, err := w.press.Installation.Alarms(context.Background(), false, 1000)
	if err != nil {
		w.Fatal(err)
	}
	had := map[string]bool{}
	for _, a := range alarms {
		had[a.Kind] = true
		w.Logf("alarm %s %s: %s (%s to %s)", a.Kind, a.Subject, a.Detail, a.Opened.Format(time.DateTime), a.Closed.Format(time.DateTime))
	}
	for _, kind := range []string{"slot", "source"} {
		if !had[kind] {
			w.Errorf("nobody was told of the trouble with a %s", kind)
		}
	}

}
