package desk

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/templates"
)

// source is the page of one source: how it stands, what it listed last, what may
// be shown of it and how its pages are read.
func (d *Desk) source(r *request) error { return d.drawSource(r, http.StatusOK) }

// shownItems is how many items the page of a source lists.
const shownItems = 10

func (d *Desk) drawSource(r *request, status int, said ...templates.Flash) error {
	s, err := d.Digest.Source(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	url := fmt.Sprintf("/desk/sources/%d", s.ID)
	health := templates.Cell{State: state(s.State), Note: s.Reason}
	if s.Errors > 0 && s.State == "active" {
		health.Note = fmt.Sprintf("%s failed: %s", plural(s.Errors, "poll", "polls in a row"), s.Reason)
	}
	body := templates.RecordBody{State: state(s.State), Facts: []templates.Fact{
		{Name: "Source", Value: templates.Cell{Text: fmt.Sprintf("No. %d", s.ID), Note: s.Kind}},
		{Name: "Address", Value: templates.Cell{Text: s.URL, URL: s.URL}},
		{Name: "Health", Value: health},
		{Name: "Rights", Value: templates.Cell{Text: s.Rights, Note: rightsWords[s.Rights]}},
		{Name: "Last news", Value: d.near(s.LastNew)}, {Name: "Last read", Value: d.near(s.LastOK)}, {Name: "Next poll", Value: d.near(s.NextPoll)},
		{Name: "Every", Value: templates.Cell{Text: templates.Span(time.Duration(s.Interval) * time.Second)}},
	}}
	if s.Note != "" {
		body.Facts = append(body.Facts, templates.Fact{Name: "Note", Value: templates.Cell{Text: s.Note}})
	}
	list, total, err := d.Digest.Listed(r.ctx, s.ID, "", "", false, shownItems, 0)
	if err != nil {
		return err
	}
	t := d.itemTable(list)
	body.Tables = []templates.TableSection{{Title: "What it listed last", Table: t}}
	body.Actions = []templates.Action{{Title: "All " + plural(total, "item", "items"), URL: url + "/items"}}
	if r.user.May("operator") {
		pause := templates.Action{Title: "Pause", URL: url, Method: "post", Do: "pause"}
		if s.State == "paused" {
			pause.Title, pause.Do = "Resume", "resume"
		} else {
			body.Actions = append(body.Actions, templates.Action{Title: "Read it now", URL: url, Method: "post", Do: "poll"})
		}
		body.Actions = append(body.Actions, pause)
		body.Forms = []templates.FormBody{settingsForm(r, s, url)}
	}
	return d.drawStatus(r, status, templates.DeskRecord, templates.DeskPage{Title: cmp.Or(s.Title, s.Host), Current: "Sources", Action: &templates.Action{Title: "All sources", URL: "/desk/sources"}, Flash: said, Body: body})
}

// settingsForm shows the settings of a source, or what was typed in that cannot be.
func settingsForm(r *request, s digest.Source, url string) templates.FormBody {
	value := func(name, now string) string {
		if r.Method == http.MethodPost {
			return r.FormValue(name)
		}
		return now
	}
	options := func(now string, list ...templates.Option) []templates.Option {
		for i := range list {
			list[i].Selected = list[i].Value == now
		}
		return list
	}
	x := s.Settings
	return templates.FormBody{Title: "Settings", URL: url, Submit: "Save", Intro: "Rights, pictures and flags count at once, also in issues that wait; the rest for what is read from now on.", Fields: []templates.Field{
		{Name: "do", Kind: "hidden", Value: "set"},
		{Name: "title", Label: "Name under its headlines", Kind: "text", Value: value("title", s.Title)},
		{Name: "rights", Label: "What a digest may show of it", Kind: "select", Options: options(value("rights", s.Rights), templates.Option{Value: "own", Title: "Own: text and pictures"},
			templates.Option{Value: "licensed", Title: "Licensed: text, and pictures that are no agency’s"}, templates.Option{Value: "quote", Title: "Quote: headline, name, link and at most 20 words"})},
		{Name: "pictures", Label: "Pictures", Kind: "select", Options: options(value("pictures", x.Pictures), templates.Option{Title: "As its rights say"},
			templates.Option{Value: "licensed", Title: "Licensed: those of agencies too"}, templates.Option{Value: "none", Title: "None"})},
		{Name: "language", Label: "Language that it claims", Kind: "text", Value: value("language", s.Language), Help: "ur, en-GB …; its pages' own claim comes first"},
		{Name: "flags", Label: "Flag rules, one a line", Kind: "textarea", Value: value("flags", oneALine(x.Flags)), Help: "tag:Opinion=opinion or url:/opinion/=opinion; flags are " + strings.Join(digest.Flags, ", ")},
		{Name: "block", Label: "Keep out what has one of these in headline, tags or address, one a line", Kind: "textarea", Value: value("block", strings.Join(x.Block, "\n"))},
		{Name: "keep", Label: "Let in only what has one of these, one a line", Kind: "textarea", Value: value("keep", strings.Join(x.Keep, "\n"))},
		{Name: "body", Label: "CSS selector of the text on its pages", Kind: "text", Value: value("body", x.Rules.Body), Help: "for sites where the text is not found; empty = found by itself"},
		{Name: "remove", Label: "CSS selector of what is cut out first", Kind: "text", Value: value("remove", x.Rules.Remove)},
		{Name: "headline", Label: "CSS selector of the headline", Kind: "text", Value: value("headline", x.Rules.Title)},
		{Name: "author", Label: "CSS selector of the authors' names", Kind: "text", Value: value("author", x.Rules.Author)},
		{Name: "date", Label: "CSS selector of the date", Kind: "text", Value: value("date", x.Rules.Date)},
		{Name: "rewrite", Label: "Changes to addresses, one a line", Kind: "textarea", Value: value("rewrite", oneALine(x.Rewrite)), Help: `^https://amp\.(.*)=>https://www.$1`},
		{Name: "referer", Label: "Page its pages are told we come from", Kind: "text", Value: value("referer", x.Referer), Help: "for sites that look at that; empty = nothing is said"},
	}}
}

// oneALine writes one a line.
func oneALine[T fmt.Stringer](list []T) string {
	var out []string
	for _, v := range list {
		out = append(out, v.String())
	}
	return strings.Join(out, "\n")
}

// linesOf are the lines of a text that are not empty.
func linesOf(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// itemStates are what became of an item, in words.
var itemStates = map[string]templates.State{
	"new": {Kind: templates.KindWait, Word: "to be read"}, "read": {Kind: templates.KindGood, Word: "told"}, "failed": {Kind: templates.KindAlert, Word: "could not be read"},
	"baseline": {Kind: templates.KindPlain, Word: "old when it came"}, "blocked": {Kind: templates.KindPlain, Word: "kept out"},
}

func (d *Desk) itemTable(list []digest.Listed) templates.Table {
	t := templates.Table{Caption: "Items", Columns: []templates.Column{{Title: "Headline", Wide: true}, {Title: "What became of it", Wide: true}, {Title: "Published"}},
		Empty: templates.Empty{Text: "It has listed nothing yet. Why, step by step: pressrun source test ADDRESS"}}
	for _, e := range list {
		became := templates.Cell{State: itemStates[e.State], Note: e.Reason}
		if e.Story != 0 {
			became.Text, became.URL = fmt.Sprintf("story %d", e.Story), fmt.Sprintf("/desk/stories/%d", e.Story)
		}
		published := d.near(e.Published)
		if e.Undated {
			published.Note = "when it was first seen: it has no date"
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: cmp.Or(e.Title, bare(e.URL)), URL: e.URL, Note: e.Section, Language: e.Language, Direction: "auto"}, became, published}})
	}
	return t
}

// sourceItems lists all that a source has listed.
func (d *Desk) sourceItems(r *request) error {
	s, err := d.Digest.Source(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	only, order := q.Get("state"), cmp.Or(q.Get("sort"), "newest")
	list, total, err := d.Digest.Listed(r.ctx, s.ID, only, q.Get("q"), order == "oldest", perPage(r), (pageOf(r)-1)*perPage(r))
	if err != nil {
		return err
	}
	url := fmt.Sprintf("/desk/sources/%d", s.ID)
	t := d.itemTable(list)
	t.Columns[2] = since(r, "Published", order)
	t.Empty, t.Pager = templates.Empty{Text: "This source has listed nothing yet. Its items stand here once it was read."}, pager(r, pageOf(r), perPage(r), total)
	filters := []templates.Filter{{Title: "All", URL: url + "/items", Count: -1, Current: only == ""}}
	for _, name := range []string{"read", "new", "failed", "blocked", "baseline"} {
		filters = append(filters, templates.Filter{Title: itemStates[name].Word, URL: url + "/items?state=" + name, Count: -1, Current: only == name})
	}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "Items of " + cmp.Or(s.Title, s.Host), Current: "Sources", Action: &templates.Action{Title: "The source", URL: url},
		Body: templates.TableBody{Search: searchOf(r, "Search headlines, addresses, reasons", "state"), Filters: filters, Table: t}})
}

func (d *Desk) sourceAct(r *request) error {
	id, do := r.id("id"), r.FormValue("do")
	back, said := fmt.Sprintf("/desk/sources/%d", id), ""
	var err error
	switch do {
	case "pause":
		said, err = "Paused: it is not polled any more.", d.PauseSource(r.ctx, id, true)
	case "resume":
		said, err = "It is polled again.", d.PauseSource(r.ctx, id, false)
	case "poll":
		said, err = "It is read within a few seconds.", d.Digest.PollSoon(r.ctx, id)
	case "set":
		said = "Saved."
		if err = d.setSource(r, id); errors.Is(err, digest.ErrSetting) {
			return d.drawSource(r, http.StatusBadRequest, templates.Flash{Kind: templates.KindAlert, Text: sentence(err.Error())})
		}
	default:
		return digest.ErrNotFound
	}
	if err != nil {
		return err
	}
	d.record(r, do, fmt.Sprintf("source %d", id), "")
	return done(r, back, said)
}

func (d *Desk) setSource(r *request, id int64) error {
	value := func(name string) string { return strings.TrimSpace(r.FormValue(name)) }
	set := digest.Settings{Pictures: value("pictures"), Referer: value("referer"), Block: linesOf(value("block")), Keep: linesOf(value("keep"))}
	set.Rules.Body, set.Rules.Remove, set.Rules.Title, set.Rules.Author, set.Rules.Date = value("body"), value("remove"), value("headline"), value("author"), value("date")
	for _, line := range linesOf(value("flags")) {
		rule, err := digest.ParseFlagRule(line)
		if err != nil {
			return fmt.Errorf("%w: %w", err, digest.ErrSetting)
		}
		set.Flags = append(set.Flags, rule)
	}
	for _, line := range linesOf(value("rewrite")) {
		change, err := digest.ParseRewrite(line)
		if err != nil {
			return fmt.Errorf("%w: %w", err, digest.ErrSetting)
		}
		set.Rewrite = append(set.Rewrite, change)
	}
	src, err := d.Digest.Source(r.ctx, id)
	if err != nil {
		return err
	}
	return d.SetSource(r.ctx, src, value("title"), value("language"), value("rights"), set)
}
