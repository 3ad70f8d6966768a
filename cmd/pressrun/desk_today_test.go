package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The Today page names a slot as people do, and leads from one that is running to
// its draft.
func TestDeskNextSlots(t *testing.T) {
	r := newCountingRoom(t, "")
	issue := r.draft(t)
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
	if page := call(200, "GET", fmt.Sprintf("/desk/stories/%d", r.stories[0]), ""); !strings.Contains(page, ">available</span>") || strings.Contains(page, ">live</span>") {
		t.Error("a story that can be chosen is not called available")
	}
}
