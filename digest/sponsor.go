package digest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"pressrun/templates"
)

// Sponsor is a place in a newsletter that somebody pays for. It stands at the end
// of a section, labelled as paid content, and never beside a sensitive story.
type Sponsor struct {
	Name     string   `toml:"name" comment:"who pays, as readers know them" json:"name"`
	Title    string   `toml:"title" comment:"at most 120 characters" json:"title"`
	Text     string   `toml:"text,omitempty" comment:"at most 400 characters" json:"text,omitempty"`
	Link     string   `toml:"link" comment:"goes out as it is, without the newsletter's mark" json:"link"`
	Section  string   `toml:"section,omitempty" comment:"at whose end it stands: trending, rising or latest; the next one where a sensitive story stands beside it" json:"section,omitempty"`
	Editions []string `toml:"editions,omitempty" comment:"that carry it, by name; [] = all" json:"editions,omitempty"`
	From     string   `toml:"from,omitempty" comment:"first day in the newsletter's zone, as in 2026-12-01; \"\" = always" json:"from,omitempty"`
	Until    string   `toml:"until,omitempty" comment:"last day" json:"until,omitempty"`
}

// sections of an edition, in their order.
var sections = []string{"trending", "rising", "latest"}

// checkSponsors reports what is wrong with the places that are paid for.
func (s Spec) checkSponsors(say func(format string, args ...any)) {
	for i, p := range s.Sponsors {
		say := func(format string, args ...any) {
			say("sponsors, number %d (%s): %s", i+1, p.Name, fmt.Sprintf(format, args...))
		}
		if strings.TrimSpace(p.Name) == "" || strings.TrimSpace(p.Title) == "" {
			say("name and title are needed: readers must see who pays")
		}
		if n := utf8.RuneCountInString(p.Title); n > 120 {
			say("the title has %d characters; 120 at most", n)
		}
		if n := utf8.RuneCountInString(p.Text); n > 400 {
			say("the text has %d characters; 400 at most", n)
		}
		if u, err := url.Parse(p.Link); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			say("link %q is not an address; write for instance https://sponsor.example/offer", p.Link)
		}
		if p.Section != "" && !slices.Contains(sections, p.Section) {
			say("there is no section %q; write trending, rising or latest", p.Section)
		}
		for _, name := range p.Editions {
			if !slices.ContainsFunc(s.Editions, func(e EditionSpec) bool { return e.Name == name }) {
				say("there is no edition %q", name)
			}
		}
		for _, day := range []string{p.From, p.Until} {
			if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
				say("%q is not a day; write for instance \"2026-12-01\"", day)
			}
		}
		if p.From != "" && p.Until != "" && p.Until < p.From {
			say("it ends (%s) before it begins (%s)", p.Until, p.From)
		}
	}
}

// sponsorsOn are those of an edition whose day it is.
func (s Spec) sponsorsOn(day time.Time, edition string) (out []Sponsor) {
	today := day.Format(time.DateOnly)
	for _, p := range s.Sponsors {
		if (p.From == "" || p.From <= today) && (p.Until == "" || today <= p.Until) && (len(p.Editions) == 0 || slices.Contains(p.Editions, edition)) {
			out = append(out, p)
		}
	}
	return out
}

// ends says whether a section begins and ends with a sensitive story.
type ends struct{ first, last bool }

// sponsored puts each sponsor at the end of a section, one to a section, and returns
// those for whom none is left that no sensitive story stands beside.
func sponsored(list []templates.Section, sensitive []ends, sponsors []Sponsor) (left []Sponsor) {
	taken := make([]bool, len(list))
	for _, p := range sponsors {
		at := max(0, slices.IndexFunc(list, func(s templates.Section) bool { return s.Kind == p.Section }))
		for at < len(list) && (taken[at] || sensitive[at].last || at+1 < len(list) && sensitive[at+1].first) {
			at++
		}
		if at == len(list) {
			left = append(left, p)
			continue
		}
		taken[at] = true
		st := templates.Story{Title: p.Title, URL: p.Link, Source: p.Name, Label: "paid"}
		if p.Text != "" {
			st.Summary = []string{p.Text}
		}
		list[at].Stories = append(list[at].Stories, st)
	}
	return left
}
