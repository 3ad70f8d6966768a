package main

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pressrun/digest"
)

// The Today page names a slot as people do, and leads from one that is running to
// its draft.
func TestDeskNextSlots(t *testing.T) {
	r := newCountingRoom(t, "")
	issue := r.draft(t)
	if err := r.Subject(t.Context(), issue.ID, "Story 0 and no other", "", "ed@news.example"); err != nil {
		t.Fatal(err)
	}
	chosen, err := r.Digest.Chosen(t.Context(), issue.ID)
	if err != nil {
		t.Fatal(err)
	}
	drop := true
	if err := r.Edit(t.Context(), issue.ID, digest.Edit{Edition: "en", StoryID: chosen[0].Story.ID, Drop: &drop}, "ed@news.example"); err != nil {
		t.Fatal(err)
	}
	at := r.Now().AddDate(0, 0, 3).Truncate(time.Minute).UTC()
	if _, err := r.Digest.AddSlot(t.Context(), issue.NewsletterID, at); err != nil {
		t.Fatal(err)
	}
	call := r.editor(t)
	page := call(200, "GET", "/desk/", "")
	_, next, _ := strings.Cut(page, "<h2>Next</h2>")
	if link := fmt.Sprintf(`<a href="/desk/issues/%d"`, issue.ID); strings.Count(next, link) != 1 {
		t.Errorf("the running slot does not lead to its draft by %s:\n%s", link, next)
	}
	if want := at.Format("Monday, 2 January 2006, 15:04 MST"); !strings.Contains(next, want) {
		t.Errorf("a slot in three days is not named as %q:\n%s", want, next)
	}
	// What is approved needs nobody any more, and nobody is still to decide.
	needed := func() string {
		before, _, _ := strings.Cut(call(200, "GET", "/desk/", ""), "<h2>Next</h2>")
		needs, leaving, _ := strings.Cut(before, "<h2>Going out</h2>")
		return fmt.Sprint(strings.Contains(needs, "Story 0"), strings.Contains(leaving, "Story 0"))
	}
	page = call(200, "GET", issuePath(issue.ID), "")
	if got := needed(); got != "true false" || !strings.Contains(page, "If nobody decides") {
		t.Errorf("of a draft with a red check Today says %s", got)
	}
	if err := r.Sealer.Approve(t.Context(), issue.ID, 0, "ed@news.example", false); err != nil {
		t.Fatal(err)
	}
	page = call(200, "GET", issuePath(issue.ID), "")
	if got := needed(); got != "false true" || strings.Contains(page, "If nobody decides") {
		t.Errorf("of an approved issue Today says %s", got)
	}
	if page := call(200, "GET", fmt.Sprintf("/desk/stories/%d", r.stories[0]), ""); !strings.Contains(page, ">available</span>") || strings.Contains(page, ">live</span>") {
		t.Error("a story that can be chosen is not called available")
	}
}

// Today shows the newest alarms and says how many more there are; all of them stand
// on a page of their own that can be searched, sorted and paged.
func TestDeskListsAllAlarms(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	call := r.editor(t)
	if page := call(200, "GET", "/desk/", ""); !strings.Contains(page, `<a href="/desk/alarms">All alarms</a>`) || strings.Contains(page, "open too") {
		t.Error("Today does not lead to the alarms that are over")
	}
	for n := range 23 {
		if err := r.raise(ctx, "disk", fmt.Sprintf("/mnt/%02d", n), "Make room."); err != nil {
			t.Fatal(err)
		}
	}
	if page := call(200, "GET", "/desk/", ""); !strings.Contains(page, "3 older alarms are open too.") || strings.Count(page, "is nearly full") != 20 {
		t.Errorf("Today shows %d of 23 alarms and does not say how many are left", strings.Count(page, "is nearly full"))
	}
	if err := r.clear(ctx, "disk", "/mnt/07"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		address string
		want    []string
		rows    int
	}{
		{"/desk/alarms", []string{"1 to 22 of 22", `Over <span class="note">1</span>`}, 22},
		{"/desk/alarms?state=over", []string{"/mnt/07", ">over</span>"}, 1},
		{"/desk/alarms?state=all&per=10&page=3", []string{"21 to 23 of 23", `rel="prev"`}, 3},
		{"/desk/alarms?q=mnt%2F11", []string{"/mnt/11", "Make room."}, 1},
		{"/desk/alarms?sort=-alarm&per=1", []string{"/mnt/22", `aria-sort="descending"`}, 1},
		{"/desk/alarms?q=nothing+such", []string{"Nothing matches"}, 0},
	} {
		page := call(200, "GET", c.address, "")
		if n := strings.Count(page, "<tr data-row>"); n != c.rows {
			t.Errorf("%s lists %d alarms, want %d", c.address, n, c.rows)
		}
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not say %q", c.address, want)
			}
		}
	}
}

// TestDeskSaysWhereMailGoes: the line at the top of every page is what happens to mail.
func TestDeskSaysWhereMailGoes(t *testing.T) {
	for _, tc := range []struct {
		toml string
		arm  bool
		want string
	}{
		{"", false, "<strong>Disarmed.</strong> All mail stays here, in the built-in catcher."},
		{"", true, "<strong>Armed.</strong> But there is no relay: mail waits"},
		{remote, false, "<strong>Disarmed.</strong> All mail stays here, in the built-in catcher."},
		{remote, true, "<strong>Armed.</strong> Mail goes out through relay main."},
		{"catch = true\n" + remote, true, "<strong>Disarmed.</strong> All mail stays here, in the built-in catcher."},
		{"[[relay]]\nname = \"trial\"\nurl = \"maildir:/var/tmp/digest\"\n", false, "<strong>Armed.</strong> Mail goes out through relay trial."},
	} {
		r := newCountingRoom(t, tc.toml)
		r.Mailer.SenderDomain = "news.example"
		if tc.arm {
			if err := r.arm(t); err != nil {
				t.Fatal(err)
			}
		}
		if page := r.editor(t)(200, "GET", "/desk/", ""); !strings.Contains(page, tc.want) {
			bar, _, _ := strings.Cut(page, "</header>")
			t.Errorf("armed %v with %q: no %q in\n%s", tc.arm, tc.toml, tc.want, bar)
		}
		waits := tc.arm && tc.toml == ""
		if told := fmt.Sprint(r.examineSending(t.Context())); strings.Contains(told, "mail waits") != waits {
			t.Errorf("armed %v with %q, doctor says %s", tc.arm, tc.toml, told)
		}
	}
}

const remote = "public_url = \"https://digest.example.com\"\n[[relay]]\nname = \"main\"\nurl = \"smtp://relay.example.com\"\n"

// arm lets mail leave, as an operator does with the code of a test mail.
func (r *countingRoom) arm(t *testing.T) error {
	t.Helper()
	var code string
	err := r.DB.InTx(t.Context(), func(tx *sql.Tx) (err error) {
		code, err = r.Mailer.ArmingCode(t.Context(), tx, "op")
		return err
	})
	return errors.Join(err, r.Mailer.Arm(t.Context(), "op", code))
}

// TestComingCountsEverySlot: when the next issue is due is told by the slots, those by
// hand too, and without those left out.
func TestComingCountsEverySlot(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	r.Now = func() time.Time { return at }
	r.Digest.Now = r.Now
	n, _, err := r.Digest.ApplyNewsletter(ctx, "morning", digest.Spec{List: "readers", Schedule: "0 7 * * 1", From: "Morning <m@news.example>", Brand: testBrand}, "test")
	if err != nil {
		t.Fatal(err)
	}
	next := func() string {
		c, err := r.coming(ctx, "readers", "en")
		if err != nil {
			t.Fatal(err)
		}
		return c.Next.Format("2 January 15:04")
	}
	slot := func(day, hour int) digest.Slot {
		s, err := r.Digest.AddSlot(ctx, n.ID, time.Date(2026, 12, day, hour, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	slot(2, 18)
	if got := next(); got != "30 November 07:00" {
		t.Errorf("with an extra slot after the next of the schedule: %s", got)
	}
	extra := slot(-1, 18) // 29 November
	if got := next(); got != "29 November 18:00" {
		t.Errorf("with an extra slot before it: %s", got)
	}
	for _, s := range []digest.Slot{extra, slot(0, 7)} { // 30 November
		if err := r.Digest.MoveSlot(ctx, r.DB.Write, s.ID, "planned", "skipped", "a holiday"); err != nil {
			t.Fatal(err)
		}
	}
	if got := next(); got != "2 December 18:00" {
		t.Errorf("with both left out: %s", got)
	}
}
