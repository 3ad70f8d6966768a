package digest

import (
	"slices"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
)

func TestMarked(t *testing.T) {
	published := time.Date(2026, 11, 27, 15, 0, 0, 0, time.UTC) // a Friday
	for _, c := range []struct{ title, rest, until string }{
		{"EMBARGOED until 00:01 GMT Sunday: New vaccine halves infections", "New vaccine halves infections", "2026-11-29T00:01:00Z"},
		{"Embargoed until 6pm ET, November 29, 2026 – Rates are held", "Rates are held", "2026-11-29T23:00:00Z"},
		{"[EMBARGOED UNTIL 29th November at 0001hrs GMT] Whales return", "Whales return", "2026-11-29T00:01:00Z"},
		{"EMBARGO till 2026-11-28T18:00+05:00: Dam is opened", "Dam is opened", "2026-11-28T13:00:00Z"},
		{"Embargo until 12.01 a.m. GMT on Tuesday 1 December: The budget is out", "The budget is out", "2026-12-01T00:01:00Z"},
		{"Sperrfrist: 29.11.2026, 6 Uhr MEZ: Der neue Haushalt", "Der neue Haushalt", "2026-11-29T05:00:00Z"},
		{"Sperrfrist Sonntag, 6.30 Uhr MEZ | Der neue Haushalt", "Der neue Haushalt", "2026-11-29T05:30:00Z"},
		{"EMBARGOED until 2 January, 07:00 GMT: Fares rise again", "Fares rise again", "2027-01-02T07:00:00Z"},
		{"EMBARGOED until 00:01 Sunday: no zone here", "", ""},
		{"EMBARGOED until 00:01 GMT: no day in this one", "", ""},
		{"EMBARGOED until Sunday GMT: no clock in it", "", ""},
		{"EMBARGOED until 7 GMT Sunday: hour of which half", "", ""},
		{"EMBARGOED until 00:01 GMT Sunday or the minister's speech: Tax cut", "", ""},
		{"EMBARGOED until 03/04/2027 00:01 GMT: April or March", "", ""},
		{"EMBARGOED until 00:01 GMT 29 November 2027: a year away", "", ""},
		{"Embargo until Sunday, says minister: no fuel for the island", "", ""},
		{"Embargo: island cut off from fuel", "", ""},
	} {
		rest, until := marked(c.title, published)
		want, _ := time.Parse(time.RFC3339, c.until)
		if c.rest == "" {
			c.rest = c.title
		}
		if rest != c.rest || !until.Equal(want) {
			t.Errorf("%q: %q until %v, want %q until %v", c.title, rest, until, c.rest, want)
		}
	}
}

// TestMarkedHeadline: a story is told without the marking when its time has come,
// and a marking that comes later counts.
func TestMarkedHeadline(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	c, src := r.press(t, p, "feed", "own")
	until := r.now.Add(5 * time.Hour).Truncate(time.Minute)
	mark := "EMBARGOED until " + until.Format("15:04 GMT Monday 2 January 2006") + ": "
	p.posts = []post{
		{path: "/a", title: mark + "Whales return to the bay", text: about(1), at: r.now.Add(-2 * time.Hour)},
		{path: "/b", title: "The ferry sails again", text: about(2), at: r.now.Add(-3 * time.Hour)},
		{path: "/c", title: "Lamps of the pier are lit", text: about(3), at: r.now.Add(-3 * time.Hour)},
	}
	next := func(want ...string) {
		t.Helper()
		r.now = r.now.Add(time.Minute)
		poll(t, c, src)
		got := r.headlines(t, nil)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("told are %q, want %q", got, want)
		}
	}
	poll(t, c, src)
	next("Lamps of the pier are lit", "The ferry sails again")
	p.posts[2].title = mark + "Lamps of the pier are lit"
	next("The ferry sails again")
	if s := r.storyAt(t, p.URL+"/c"); !s.NotBefore.Equal(until) {
		t.Errorf("marked later, not before %v, want %v", s.NotBefore, until)
	}
	r.now = until.Add(2 * time.Hour)
	next("Lamps of the pier are lit", "The ferry sails again", "Whales return to the bay")
}
