package desk

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/templates"
)

// Standing is a story with its place in the ranking of its language.
type Standing struct {
	digest.Story
	Place  int // from 1
	Views  map[string]int
	Reason string
}

// Explained is why a story ranks where it does.
type Explained struct {
	Line  string // in a sentence
	Next  []Next
	Score string // its score, and what made it
	Terms []Term
}

// Next is where a story would stand if an edition were made now.
type Next struct{ Edition, Place, Why string }

// Term is a line of a score's arithmetic: Value × Weight = Sum; with Weight 0
// the sum stands for itself.
type Term struct {
	Name               string
	Value, Weight, Sum float64
}

// stories is the page Stories and trends.
func (d *Desk) stories(r *request) error {
	list, how, err := d.Standings(r.ctx)
	if err != nil {
		return err
	}
	languages := map[string]int{}
	for _, s := range list {
		languages[s.Language]++
	}
	language := r.URL.Query().Get("lang")
	list = slices.DeleteFunc(list, func(s Standing) bool { return language != "" && s.Language != language })
	t := templates.Table{Caption: "Stories of the last fourteen days, as they rank now", Empty: templates.Empty{Text: "No story here. Sources are polled every few minutes."}}
	type st = Standing
	shown := arrange(r, &t, list, func(s st) string {
		return strings.Join([]string{s.Title, s.Section, s.SourceTitle, s.Author, s.Language}, " ")
	},
		column[st]{templates.Column{Title: "Place", Number: true}, "place", func(a, b st) int { return cmp.Compare(a.Place, b.Place) }},
		column[st]{templates.Column{Title: "Headline", Wide: true}, "title", byText(func(s st) string { return s.Title })},
		column[st]{templates.Column{Title: "Section"}, "section", byText(func(s st) string { return s.Section })},
		column[st]{templates.Column{Title: "Views, 3 h", Number: true}, "-views", func(a, b st) int { return cmp.Compare(a.Views["3h"], b.Views["3h"]) }},
		column[st]{Column: templates.Column{Title: "Why", Wide: true}},
		column[st]{templates.Column{Title: "Published"}, "-published", func(a, b st) int { return a.Published.Compare(b.Published) }})
	hours := d.hours(r.ctx, shown)
	for i, s := range shown {
		t.Rows = append(t.Rows, d.standingRow(s, hours[i]))
	}
	filters := []templates.Filter{{Title: "All", URL: "/desk/stories", Count: -1, Current: language == ""}}
	for _, name := range slices.Sorted(maps.Keys(languages)) {
		filters = append(filters, templates.Filter{Title: cmp.Or(name, "no language"), URL: "/desk/stories?lang=" + name, Count: languages[name], Current: language == name && name != ""})
	}
	if len(languages) < 2 {
		filters = nil
	}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "Stories and trends", Current: "Stories", Action: &templates.Action{Title: "Decided ahead", URL: "/desk/stories/ahead"}, Body: templates.TableBody{Intro: how,
		Search: searchOf(r, "Search headlines, sections, sources, authors", "lang"), Filters: filters, Table: t}})
}

func (d *Desk) standingRow(s Standing, hours []float64) templates.Row {
	url := fmt.Sprintf("/desk/stories/%d", s.ID)
	post := func(title, do string) templates.Action {
		return templates.Action{Title: title, URL: url, Method: "post", Do: do}
	}
	headline := templates.Cell{Text: s.Title, URL: url, Note: strings.TrimSuffix(s.SourceTitle+" · "+s.Flags, " · "), Language: s.Language, Direction: s.Direction}
	if n := len(s.Keys); n > 1 {
		headline.Note += fmt.Sprintf(" · %d articles", n)
	}
	pin, boost := post("Pin", "pin"), post("Raise", "boost:150")
	if s.PinnedUntil.After(d.Now()) {
		headline.State = templates.State{Kind: templates.KindWait, Word: "pinned"}
		pin = post("Unpin", "unpin")
	}
	if s.Boost != 100 && s.Boost != 0 {
		headline.Note += fmt.Sprintf(" · ×%.1f by an editor", float64(s.Boost)/100)
		boost = post("As it is", "boost:100")
	}
	return templates.Row{
		Cells: []templates.Cell{{Text: strconv.Itoa(s.Place)}, headline, {Text: s.Section, Direction: "auto"},
			{Text: templates.Words("en").Number(s.Views["3h"]), Spark: hours, SparkText: hoursWords(hours)}, {Text: s.Reason}, d.near(s.Published)},
		Actions: []templates.Action{pin, boost}, // the others stand on its page
	}
}

// hours is the views of each story by hour; without counters there are none.
func (d *Desk) hours(ctx context.Context, list []Standing) [][]float64 {
	hours, err := d.Hours(ctx, list)
	if err != nil {
		d.Log.Warn("desk: views by hour", "err", err)
		return make([][]float64, len(list))
	}
	return hours
}

// drawHours puts beside each story of an issue how its views went.
func (d *Desk) drawHours(ctx context.Context, issue int64, lists ...[]templates.DeskStory) error {
	stories, err := d.Digest.StoriesOf(ctx, issue)
	if err != nil {
		return err
	}
	list := make([]Standing, len(stories))
	for i, s := range stories {
		list[i].Story = s
	}
	lines := map[int64][]float64{}
	for i, line := range d.hours(ctx, list) {
		if slices.ContainsFunc(line, func(n float64) bool { return n > 0 }) {
			lines[list[i].ID] = line
		}
	}
	for _, shown := range lists {
		for i := range shown {
			line := lines[shown[i].ID]
			shown[i].Spark, shown[i].SparkText = line, hoursWords(line)
		}
	}
	return nil
}

// hoursWords is the line in words: "views by hour of the last 24: 12 in the last, most 40, 310 in all".
func hoursWords(hours []float64) string {
	if len(hours) == 0 {
		return ""
	}
	sum := 0.0
	for _, n := range hours {
		sum += n
	}
	return fmt.Sprintf("views by hour of the last %d: %.0f in the last, %.0f at most, %.0f in all", len(hours), hours[len(hours)-1], slices.Max(hours), sum)
}

// storyPin is how long a pin of the desk lasts.
const storyPin = 24 * time.Hour

func (d *Desk) storyAct(r *request) error {
	id := r.id("id")
	do, value, _ := strings.Cut(r.FormValue("do"), ":")
	var err error
	said := ""
	switch do {
	case "pin":
		err, said = d.Digest.PinStory(r.ctx, id, d.Now().Add(storyPin)), "The story stands first in every edition that may show it, for 24 hours: in Trending Now if enough people read it, else in Latest."
	case "unpin":
		err, said = d.Digest.PinStory(r.ctx, id, time.Time{}), "The story stands where its readers put it."
	case "boost":
		percent, _ := strconv.Atoi(value)
		err, said = d.Digest.BoostStory(r.ctx, id, percent), fmt.Sprintf("Its score counts ×%.1f from the next draft on.", float64(percent)/100)
	case "update":
		err, said = d.Digest.UpdateStory(r.ctx, id), "Newsletters that told this story may tell it once more."
	default:
		return d.storyChange(r, id, do, value)
	}
	if err != nil {
		return err
	}
	d.record(r, do, fmt.Sprintf("story %d", id), value)
	return done(r, "/desk/stories", said)
}
