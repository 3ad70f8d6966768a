package demo

import (
	"strings"
	"testing"
	"time"
)

// wordsOf counts the words of an article's paragraphs.
func wordsOf(c *manuscript) int {
	n := 0
	for _, block := range c.body {
		if !strings.HasPrefix(block, "@") {
			n += len(strings.Fields(block))
		}
	}
	return n
}

func TestNewsroomFilesEnough(t *testing.T) {
	langs, labels, sections := map[string]int{}, map[string]int{}, map[string]int{}
	slugs := map[string]bool{}
	for _, c := range filed() {
		if c.age >= 0 {
			langs[c.lang]++
		}
		labels[c.label]++
		sections[c.section]++
		if slugs[c.slug] {
			t.Errorf("%s is there twice", c.slug)
		}
		slugs[c.slug] = true
		if n := wordsOf(c); c.slug == "chandlers-row-water-main" && n >= 60 || c.slug != "chandlers-row-water-main" && (n < 120 || n > 450) {
			t.Errorf("%s has %d words", c.slug, n)
		}
		if c.excerpt == "" || c.alt == "" || len(c.tags) == 0 {
			t.Errorf("%s lacks excerpt, alt or tags", c.slug)
		}
		if scenes[c.picture] == nil {
			t.Errorf("%s wants a picture of %q", c.slug, c.picture)
		}
		if c.label != "" && words[c.lang].ui[c.label] == "" {
			t.Errorf("%s has the unknown label %q", c.slug, c.label)
		}
	}
	if langs["en"] < 30 || langs["ur"] < 8 || langs["ru"] < 6 {
		t.Errorf("got %v articles at the start", langs)
	}
	if labels["live"] < 1 || labels["opinion"] < 2 || len(sections) != len(sectionKeys) {
		t.Errorf("got labels %v, sections %v", labels, sections)
	}
}

func TestLinksBetweenArticlesLeadSomewhere(t *testing.T) {
	byslug := map[string]*manuscript{}
	for _, c := range filed() {
		byslug[c.slug] = c
	}
	for _, c := range filed() {
		for _, block := range c.body {
			slug, ok := strings.CutPrefix(block, "@more ")
			if ok && (byslug[slug] == nil || byslug[slug].lang != c.lang || byslug[slug].age < c.age-48*time.Hour) {
				t.Errorf("%s links to %s", c.slug, slug)
			}
		}
	}
}

func TestMarksBecomeDates(t *testing.T) {
	monday := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	for _, tc := range []struct{ lang, in, want string }{
		{"en", "on {day-1} at {time-90m}", "on Sunday at 08:00"},
		{"en", "by {date+9}, {day+9}", "by 2 December, Wednesday"},
		{"ru", "{day} и {day+1}", "в понедельник и во вторник"},
		{"en", "{workday}", "Monday"},
		{"ur", "{day} کو، {date}", "پیر کو، 23 نومبر"},
		{"en", "an open { brace and a {word}", "an open { brace and a {word}"},
		{"en", "none", "none"},
	} {
		c := &manuscript{lang: tc.lang}
		if got := c.fill(tc.in, monday); got != tc.want {
			t.Errorf("%s %q: got %q, want %q", tc.lang, tc.in, got, tc.want)
		}
	}
}

func TestWorkdayIsNoWeekend(t *testing.T) {
	sunday := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	c := &manuscript{lang: "ru"}
	if got := c.fill("{workday}", sunday); got != "в пятницу" {
		t.Errorf("got %q", got)
	}
}

func TestCopyWithMistakesIsRefused(t *testing.T) {
	for _, text := range []string{"slug: a", "slug: a\ncolour: red\n\nText", "slug: a\nlang: en\nsection: city\n\nText", "slug: a\ntitle: b\nauthor: c\nlang: en\nsection: weather\n\nText", "slug: a\nage: soon\n\nText"} {
		if _, err := parseManuscript(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestLoadEveryMotif(t *testing.T) {
	for motif := range scenes {
		b, err := draw(motif, "a-slug")
		if err != nil || len(b) > maxPicture {
			t.Errorf("%s: got %d bytes, %v", motif, len(b), err)
		}
	}
}
