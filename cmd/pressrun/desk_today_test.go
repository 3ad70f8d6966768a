package main

import (
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
