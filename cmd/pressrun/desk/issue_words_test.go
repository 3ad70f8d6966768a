package desk

import (
	"strings"
	"testing"
	"time"

	"pressrun/digest"
)

// The order of an issue is told in a newsroom's words.
func TestOrderInWords(t *testing.T) {
	now := time.Date(2026, 11, 27, 7, 0, 0, 0, time.UTC)
	got := orderWords(digest.Ranking{By: "views", ViewsAt: now.Add(-12 * time.Minute), Pool: 40,
		Balance:   map[string]digest.Spread{"section": {Chosen: 4, Pool: 7, Most: "Politics", Share: .5, PoolShare: .25}},
		Displaced: []digest.Displaced{{Title: "The ferry", Reason: "the last place is for another section"}}}, now)
	want := "Trending Now is in the order of what was read when the issue was built; the newest visit counted by then was 12 min ago. " +
		"The stories are from 4 of the 7 sections that had something to offer; 50 % are from Politics, which had 25 % of what was offered. " +
		"More read, but left out by the newsletter’s rules: “The ferry” (the last place is for another section)."
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, by := range []string{"snapshot", "date"} {
		if got := orderWords(digest.Ranking{By: by, ViewsAt: now}, now); got == "" || strings.Contains(got, "snapshot") || strings.Contains(got, "rank") {
			t.Errorf("by %s: %q", by, got)
		}
	}
}
