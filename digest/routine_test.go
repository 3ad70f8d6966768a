package digest

import (
	"strings"
	"testing"
	"time"
)

func TestRoutine(t *testing.T) {
	table := "Harrow Bay 12 9 40% Corran 11 8 60% Mill Town 13 7 20% Monday 12 Tuesday 14 Wednesday 9"
	storm := "A storm took the roof off the school in Harrow Bay on Monday. Nobody was hurt, the mayor said, and lessons go on in the lido until spring comes."
	for _, c := range []struct {
		want string
		s    Story
	}{
		{"a horoscope", Story{Title: "Libra: a letter comes", Section: "Horoscope"}},
		{"a horoscope", Story{Title: "What the stars say", URL: "https://a.example/life/horoscopes/2026-11-28"}},
		{"a horoscope", Story{Title: "Your daily horoscope for November 28"}},
		{"a horoscope", Story{Title: "Horoscope today"}},
		{"a horoscope", Story{Title: "Horoskop vom 28. November"}},
		{"a puzzle", Story{Title: "Quick crossword No 17,301"}},
		{"a puzzle", Story{Title: "№ 12", URL: "https://a.example/%D0%BA%D1%80%D0%BE%D1%81%D1%81%D0%B2%D0%BE%D1%80%D0%B4%D1%8B/12"}},
		{"a puzzle", Story{Title: "Sudoku"}},
		{"a quiz", Story{Title: "Quiz: how well do you know the harbour?"}},
		{"a quiz", Story{Title: "The news quiz of the week"}},
		{"a weather table", Story{Title: "Monday", Section: "Weather", Body: table}},
		{"a lottery table", Story{Title: "Saturday's draw", URL: "https://a.example/lottery/2026-11-28", Body: table}},
		{"a newsletter", Story{Title: "Morning briefing: ice in the harbour", URL: "https://a.example/newsletters/morning/28"}},
		{"a television guide", Story{Title: "Das läuft heute", Section: "Fernsehprogramm"}},
		{"a podcast", Story{Title: "Episode 12: the tug", URL: "https://a.example/podcasts/harbour/12", Body: storm}},
		{"a gallery", Story{Title: "Storm in pictures", Section: "Fotostrecke", Body: storm}},
		{"", Story{Title: "Storm in pictures", Section: "Gallery", Body: strings.Repeat(storm+" ", 4)}},
		{"", Story{Title: "Jackpot is won", Section: "Lottery", Body: storm}},
		{"", Story{Title: "Podcast host is sued", URL: "https://a.example/town/podcast-host-is-sued"}},
		{"a correction", Story{Title: "Correction: Mayor's salary"}},
		{"a correction", Story{Title: "Corrections and clarifications"}},
		{"a correction", Story{Title: "Berichtigung"}},
		{"marked as under embargo without a day, clock and zone that can be read", Story{Title: "EMBARGOED until 00:01 Sunday: New vaccine halves infections"}},
		{"marked as not to be read", Story{Title: "TEST article, please ignore"}},
		{"marked as under embargo without a day, clock and zone that can be read", Story{Title: "Sperrfrist 6 Uhr: Der neue Haushalt"}},
		{"", Story{Title: "Correction wipes a tenth off shares"}},
		{"", Story{Title: "Embargo: island cut off from fuel"}},
		{"", Story{Title: "Test drivers ignored the signals"}},
		{"", Story{Title: "Clarification of ferry law is asked for"}},
		{"", Story{Title: "Roof gone", Section: "Weather", Body: storm}},
		{"", Story{Title: "Forecast in figures", Section: "Economy", Body: table}},
		{"", Story{Title: "Crossword setter dies at ninety", Section: "Town"}},
		{"", Story{Title: "Quiz for the lifeboat raises 4,000 pounds", Section: "Town"}},
		{"", Story{Title: "Horoscope writer is the new mayor", URL: "https://a.example/news/horoscope-writer-is-mayor"}},
		{"", Story{Title: "Puzzle of the sunken tug is solved", URL: "https://a.example/town/puzzle-of-the-tug"}},
	} {
		if got := c.s.routine(); got != c.want {
			t.Errorf("%q in %q at %q is %q, want %q", c.s.Title, c.s.Section, c.s.URL, got, c.want)
		}
	}
}

// TestRoutineIsNotChosen: not by views, by how fast it rises, or by date; when it is
// pinned it is, and where there is nothing else.
func TestRoutineIsNotChosen(t *testing.T) {
	stars := read{section: "Horoscope", views: 900}
	list := []read{stars, {section: "Town", views: 90}, {section: "Town", views: 80}, {section: "Town", views: 70}, stars, {section: "Town"}}
	c := choose(list, func(c *choice) { c.issue.Spec.Rising = 2 })
	for _, section := range []string{"trending", "rising", "latest"} {
		for _, id := range c.in(section) {
			if id == 1 || id == 5 {
				t.Errorf("the horoscope is in %s", section)
			}
		}
	}
	if got := c.left(); !strings.Contains(got, "1 at 1: it is a horoscope, which is told when an editor pins it") {
		t.Errorf("left out: %s", got)
	}
	list[0].change = func(s *Story) { s.PinnedUntil = noon.Add(time.Hour) }
	choose(list, nil).check(t, "trending", 1, 2, 3)
	choose([]read{stars, stars}, nil).check(t, "trending", 1, 2)
}
