package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"pressrun/digest"
	"pressrun/digest/trend"
)

// TestDowntimeOverAnIssue stops everything while an issue waits for its slot, and
// starts it again within its grace, and after it: then nothing goes out by itself,
// the slot is recorded as missed, and somebody is told. A person may still send it.
func TestDowntimeOverAnIssue(t *testing.T) {
	for _, state := range []string{"draft", "approved", "countdown"} {
		for _, c := range []struct {
			down time.Duration
			goes bool
		}{{2 * time.Hour, true}, {20 * time.Hour, false}, {72 * time.Hour, false}} {
			t.Run(state+" "+c.down.String(), func(t *testing.T) {
				ctx := context.Background()
				var by atomic.Int64
				now := func() time.Time { return time.Now().Add(time.Duration(by.Load())) }
				_, relay := receiver(t)
				p, _ := pressOn(t, now, io.Discard, filepath.Join(t.TempDir(), "press.db"), "", relay)
				site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
				id := draftOf(t, p, site, func(s *digest.Spec) {
					if state == "countdown" {
						s.Countdown = digest.Duration(10 * time.Minute)
					}
				})
				if state != "draft" {
					if err := p.Approve(ctx, id, 0, "ed"); err != nil {
						t.Fatal(err)
					}
				}
				look := func() digest.Issue {
					t.Helper()
					i, err := p.Digest.Issue(ctx, id)
					if err != nil {
						t.Fatal(err)
					}
					return i
				}
				if state == "countdown" {
					if err := p.advance(ctx, look()); err != nil {
						t.Fatal(err)
					}
				}
				if i := look(); i.State != state {
					t.Fatalf("before it is %s (%s)", i.State, i.Reason)
				}
				by.Store(int64(c.down))
				for range 3 {
					if err := p.advance(ctx, look()); err != nil {
						t.Fatal(err)
					}
				}
				i := look()
				slot, err := p.Digest.Slot(ctx, i.SlotID)
				if err != nil {
					t.Fatal(err)
				}
				if c.goes {
					if i.State != "sending" || slot.State != "done" {
						t.Errorf("the issue is %s (%s), its slot %s; want sending", i.State, i.Reason, slot.State)
					}
					return
				}
				want := map[bool]string{true: "held", false: "skipped"}[c.down < 24*time.Hour] // then it has expired
				if i.State != want || slot.State != "missed" || !strings.Contains(i.Reason, "more than 3 h ago") || !strings.Contains(slot.Reason, "more than 3 h ago") {
					t.Fatalf("the issue is %s (%s), its slot %s (%s); want %s, and missed", i.State, i.Reason, slot.State, slot.Reason, want)
				}
				alarms, err := p.Installation.Alarms(ctx, true, 10)
				if err != nil || len(alarms) != 1 || !strings.Contains(alarms[0].Detail, "did not go out") {
					t.Errorf("alarms %+v, %v", alarms, err)
				}
				if want == "skipped" {
					return
				}
				if err := p.Approve(ctx, id, 0, "ed"); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if err := p.advance(ctx, look()); err != nil {
						t.Fatal(err)
					}
				}
				if i := look(); i.State != "sending" && i.State != "countdown" {
					t.Errorf("approved late it is %s (%s)", i.State, i.Reason)
				}
			})
		}
	}
}

// TestDowntimeBeforeAnIssue: after ten days an issue that is due is built from the news
// of these days, once it is read and confirmed, and within twenty minutes in any case:
// also by a process that slept meanwhile, and by one that begins beside another.
func TestDowntimeBeforeAnIssue(t *testing.T) {
	for _, name := range []string{"sources answer", "sources hang", "slept", "beside another"} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			var by atomic.Int64
			now := func() time.Time { return time.Now().Add(time.Duration(by.Load())) }
			_, relay := receiver(t)
			p, _ := pressOn(t, now, io.Discard, filepath.Join(t.TempDir(), "press.db"), "", relay)
			site := newPaper(t, "Harbour Gazette", now, time.Now().Add(-24*time.Hour), 3*time.Hour)
			draftOf(t, p, site, nil)
			if name == "slept" {
				if err := p.Tick(ctx); err != nil {
					t.Fatal(err)
				}
			}
			by.Store(int64(240 * time.Hour))
			n, err := p.Digest.Newsletter(ctx, "morning")
			if err != nil {
				t.Fatal(err)
			}
			slot, err := p.Digest.AddSlot(ctx, n.ID, now().Add(20*time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			ordered := func() bool {
				t.Helper()
				if err := p.Tick(ctx); err != nil {
					t.Fatal(err)
				}
				jobs, err := p.Jobs.JobList(ctx, river.NewJobListParams().Kinds("build"))
				if err != nil {
					t.Fatal(err)
				}
				return slices.ContainsFunc(jobs.Jobs, func(j *rivertype.JobRow) bool {
					return strings.Contains(string(j.EncodedArgs), fmt.Sprintf(`"slot":%d,`, slot.ID)) || strings.Contains(string(j.EncodedArgs), fmt.Sprintf(`"slot": %d,`, slot.ID))
				})
			}
			poll := func() {
				t.Helper()
				due, err := p.Digest.DueSources(ctx)
				if err != nil || len(due) != 1 {
					t.Fatalf("due sources %v, %v", due, err)
				}
				if got, err := p.Collector.Collect(ctx, due[0], p.backlogOf(due[0])); err != nil || got.Err != "" {
					t.Fatalf("collect: %+v, %v", got, err)
				}
			}
			if ordered() {
				t.Error("built before the sources were read")
			}
			if name == "sources hang" {
				by.Add(int64(catchUp))
				if !ordered() {
					t.Errorf("not built after %s", catchUp)
				}
				return
			}
			poll()
			if name == "beside another" {
				if p, err = Open(ctx, p.Config, now, logTo(io.Discard, slog.LevelInfo)); err != nil {
					t.Fatal(err)
				}
				defer p.Close()
			}
			if ordered() {
				t.Error("built before the news was confirmed")
			}
			by.Add(int64(16 * time.Minute))
			poll()
			if !ordered() {
				t.Error("not built although the news is read and confirmed")
			}
			if issue, err := p.Build(ctx, slot.ID); err != nil || issue.State != "draft" {
				t.Errorf("the issue is %s (%s), %v", issue.State, issue.Reason, err)
			}
		})
	}
}

// TestDecidedInTheSameInstant: an alarm that an issue waits or did not go out is over when
// a person approved it before it was held, and stands when another process held it.
func TestDecidedInTheSameInstant(t *testing.T) {
	ctx := context.Background()
	_, relay := receiver(t)
	p, _ := pressOn(t, time.Now, io.Discard, filepath.Join(t.TempDir(), "press.db"), "", relay)
	site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
	i, err := p.Digest.Issue(ctx, draftOf(t, p, site, func(s *digest.Spec) { s.Approval, s.MaxAge = "hold", digest.Duration(48*time.Hour) }))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		meanwhile func() error
		open      int
	}{
		{func() error { return p.Digest.MoveIssue(ctx, p.DB.Write, i.ID, "held", "by another process", "draft") }, 2},
		{func() error { return p.Approve(ctx, i.ID, 0, "ed") }, 0},
	} {
		if err := c.meanwhile(); err != nil {
			t.Fatal(err)
		}
		for _, late := range []func(context.Context, digest.Issue) error{p.atSlot, p.miss} { // i is what they read before
			if err := late(ctx, i); !errors.Is(err, digest.ErrState) {
				t.Errorf("late: %v", err)
			}
		}
		if alarms, err := p.Installation.Alarms(ctx, true, 10); err != nil || len(alarms) != c.open {
			t.Errorf("alarms %+v, %v; want %d", alarms, err, c.open)
		}
	}
}

// TestApproversAreAsked: a draft that waits for a person calls those who may approve it,
// once, also when its builder ended before it had done so.
func TestApproversAreAsked(t *testing.T) {
	ctx := context.Background()
	inbox, relay := receiver(t)
	p, l := pressOn(t, time.Now, io.Discard, filepath.Join(t.TempDir(), "press.db"), "", relay)
	for who, role := range map[string]string{"ed": "approver", "reporter": "editor"} {
		if _, err := p.Installation.AddUser(ctx, who+"@gazette.example", "", role); err != nil {
			t.Fatal(err)
		}
	}
	site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
	hold := func(s *digest.Spec) { s.Approval, s.MaxAge = "hold", digest.Duration(48*time.Hour) }
	first, err := p.Digest.Issue(ctx, draftOf(t, p, site, hold))
	if err == nil {
		_, err = p.Build(ctx, first.SlotID)
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := p.Digest.Newsletter(ctx, "morning")
	if err != nil {
		t.Fatal(err)
	}
	slot, err := p.Digest.AddSlot(ctx, n.ID, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Builder.Begin(ctx, n, slot)
	if err == nil {
		err = p.Builder.Build(ctx, second.ID)
	}
	if err == nil {
		_, err = p.Sealer.Seal(ctx, second.ID)
	}
	if err != nil { // and there its builder ends
		t.Fatal(err)
	}
	serving(t, p, l)
	asked := func() (n int) {
		for _, m := range inbox.Messages("ed@gazette.example") {
			if strings.Contains(string(m.Raw), "Please approve") {
				n++
			}
		}
		return n
	}
	within(t, 30*time.Second, "the approver is asked about both", func() bool { return asked() == 2 })
	time.Sleep(time.Second) // two ticks
	if n := asked(); n != 2 || len(inbox.Messages("reporter@gazette.example")) > 0 {
		t.Errorf("the approver got %d requests for two drafts, the editor %d mails", n, len(inbox.Messages("reporter@gazette.example")))
	}
}

// TestPauseOwesNothing: the slots of a pause are skipped, and when it ends none is
// made up or announced.
func TestPauseOwesNothing(t *testing.T) {
	ctx := context.Background()
	var by atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(by.Load())) }
	_, relay := receiver(t)
	p, _ := pressOn(t, now, io.Discard, filepath.Join(t.TempDir(), "press.db"), "", relay)
	n, _, err := p.Digest.ApplyNewsletter(ctx, "daily", digest.Spec{Title: "Daily", List: "daily", Schedule: "0 7 * * *", From: "Gazette <digest@gazette.example>", Brand: testBrand}, "test")
	if err != nil {
		t.Fatal(err)
	}
	look := func() {
		t.Helper()
		if n, err = p.Digest.Newsletter(ctx, "daily"); err == nil {
			err = p.plan(ctx, n)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	look()
	if err := p.Digest.PauseNewsletter(ctx, n.ID, true); err != nil {
		t.Fatal(err)
	}
	for range 10 * 4 {
		by.Add(int64(6 * time.Hour))
		look()
	}
	if err := p.Digest.PauseNewsletter(ctx, n.ID, false); err != nil {
		t.Fatal(err)
	}
	look()
	list, err := p.Digest.Slots(ctx, n.ID, now().Add(-12*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]int{}
	for _, s := range list {
		states[s.State]++
	}
	if states["skipped"] < 9 || states["planned"] < 1 || states["missed"]+states["running"] > 0 {
		t.Errorf("the slots are %v; want those of ten days skipped and the next planned", states)
	}
	if alarms, err := p.Installation.Alarms(ctx, true, 10); err != nil || len(alarms) > 0 {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
}

// TestPauseWhileNothingRan: a newsletter is paused and resumed while nothing runs. The
// slots of the pause are owed to nobody; those before and after it are announced, in
// one alarm.
func TestPauseWhileNothingRan(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	_, relay := receiver(t)
	p, _ := pressOn(t, func() time.Time { return now }, io.Discard, filepath.Join(t.TempDir(), "press.db"), "", relay)
	n, _, err := p.Digest.ApplyNewsletter(ctx, "daily", digest.Spec{Title: "Daily", List: "daily", Schedule: "0 7 * * *", Zone: "UTC", From: "Gazette <digest@gazette.example>", Brand: testBrand}, "test")
	if err == nil {
		err = p.plan(ctx, n)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		pause bool
	}{{24 * time.Hour, true}, {time.Hour, true}, {71 * time.Hour, false}, {time.Hour, false}} { // paused on Tuesday noon, resumed on Friday noon; asked twice
		now = now.Add(step.after)
		if err := p.Digest.PauseNewsletter(ctx, n.ID, step.pause); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(23 * time.Hour) // Saturday noon: now it runs
	if n, err = p.Digest.Newsletter(ctx, "daily"); err == nil {
		err = p.plan(ctx, n)
	}
	if err != nil || n.State != "active" {
		t.Fatal(n.State, err)
	}
	list, err := p.Digest.Slots(ctx, n.ID, now.Add(-7*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list {
		got = append(got, s.At.Format("Mon ")+s.State)
	}
	if want := "Tue missed, Wed skipped, Thu skipped, Fri skipped, Sat missed, Sun planned"; strings.Join(got, ", ") != want {
		t.Errorf("the slots are %q, want %q", strings.Join(got, ", "), want)
	}
	alarms, err := p.Installation.Alarms(ctx, true, 10)
	if err != nil || len(alarms) != 1 || !strings.Contains(alarms[0].Detail, "2 issues did not go out, from that of 24 November 2026, 07:00:00 UTC to that of 28 November 2026, 07:00:00 UTC") {
		t.Errorf("alarms %+v, %v; want one of Tuesday and Saturday", alarms, err)
	}
}

// TestEndIsNoTrouble: what an ending process cuts off is done by the next one, and is
// not logged as an error.
func TestEndIsNoTrouble(t *testing.T) {
	r := newCountingRoom(t, "")
	r.draft(t)
	var log strings.Builder
	r.Log = logTo(&log, slog.LevelWarn)
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := r.Tick(ctx); err == nil {
		t.Error("a tick succeeds after the end")
	}
	if log.Len() > 0 {
		t.Errorf("it logs %s", log.String())
	}
}

// TestRecoveryIsLogged: who reads of an error that is tried again reads, once, that it
// is over, and not while it comes and goes.
func TestRecoveryIsLogged(t *testing.T) {
	r := newCountingRoom(t, "")
	var log strings.Builder
	r.Log = logTo(&log, slog.LevelInfo)
	r.recovered(time.Now().Add(time.Hour))
	ctx, cancel := context.WithTimeout(t.Context(), 0) // a database that does not answer in time
	defer cancel()
	r.counting.looked = true // at a start before
	for range 2 {
		if err := r.watchCounting(ctx, trend.Stats{}); err == nil {
			t.Error("what the database has not taken is not tried again at the next tick")
		}
	}
	r.complain("tick", r.Tick(ctx))
	errors := strings.Count(log.String(), "level=ERROR")
	for _, after := range []time.Duration{0, 5 * time.Second, 11 * time.Second, 20 * time.Second} {
		r.recovered(time.Now().Add(after))
		want := 0
		if after > 10*time.Second {
			want = 1
		}
		if got := strings.Count(log.String(), "all goes on"); got != want || errors == 0 {
			t.Errorf("after %v it says %d times that all goes on, want %d: %s", after, got, want, log.String())
		}
	}
}

// TestClockAhead: what was put down while the clock was a year ahead keeps no source from
// being read, and no issue from going out, once it is right, and somebody is told.
func TestClockAhead(t *testing.T) {
	for _, runs := range []bool{true, false} {
		t.Run(fmt.Sprintf("goes on running %v", runs), func(t *testing.T) {
			ctx := t.Context()
			var by atomic.Int64
			now := func() time.Time { return time.Now().Add(time.Duration(by.Load())) }
			_, relay := receiver(t)
			p, _ := pressOn(t, now, io.Discard, filepath.Join(t.TempDir(), "press.db"), "", relay)
			site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
			draftOf(t, p, site, func(s *digest.Spec) { s.Schedule = "0 */6 * * *" })
			n, err := p.Digest.Newsletter(ctx, "morning")
			if err != nil {
				t.Fatal(err)
			}
			tick := func() (alarms int) {
				t.Helper()
				if err := p.Tick(ctx); err != nil {
					t.Fatal(err)
				}
				open, err := p.Installation.Alarms(ctx, true, 100)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range open {
					if a.Kind == "clock" {
						alarms++
					}
				}
				return alarms
			}
			toCome := func(state string) int {
				t.Helper()
				list, err := p.Digest.Slots(ctx, n.ID, now())
				if err != nil {
					t.Fatal(err)
				}
				return len(slices.DeleteFunc(list, func(s digest.Slot) bool { return s.State != state || s.At.After(now().Add(36*time.Hour)) }))
			}
			if tick() != 0 {
				t.Error("a clock that is right is announced")
			}
			planned := toCome("planned")
			by.Store(int64(365 * 24 * time.Hour))
			tick()
			tick() // a machine that slept looks the same
			due, err := p.Digest.DueSources(ctx)
			if err != nil || len(due) != 1 {
				t.Fatalf("due sources %v, %v", due, err)
			}
			if _, err := p.Collector.Collect(ctx, due[0], 48*time.Hour); err != nil {
				t.Fatal(err)
			}
			by.Store(0)
			if n := toCome("missed"); n < 4 {
				t.Fatalf("%d slots to come were missed, want all of a day", n)
			}
			if !runs {
				p.ticked, p.away = time.Time{}, time.Time{}
			}
			if first, again := tick(), tick(); first != 1 || again != 1 {
				t.Error("a clock that was put back by a year is not announced")
			}
			if missed, again := toCome("missed"), toCome("planned"); missed > 0 || again < planned {
				t.Errorf("%d slots to come are missed and %d planned, want none and %d", missed, again, planned)
			}
			if due, err = p.Digest.DueSources(ctx); err != nil || len(due) != 1 {
				t.Fatalf("due sources %v, %v; want the one that was polled a year from now", due, err)
			}
			if err := p.runCollect(ctx, collectJob{Source: due[0].ID}); err != nil {
				t.Fatal(err)
			}
			if due, err = p.Digest.DueSources(ctx); err != nil || len(due) > 0 {
				t.Errorf("after it was polled it is due again: %v, %v", due, err)
			}
			by.Store(int64(25 * time.Hour))
			if err := p.endGone(ctx, false); err != nil || tick() > 0 {
				t.Errorf("the alarm stands a day later, %v", err)
			}
		})
	}
}
