package desk

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"pressrun/digest"
	"pressrun/digest/fetch"
	"pressrun/templates"
)

// Added is what came of adding a source.
type Added struct {
	Source digest.Source `json:"source"`
	Known  bool          `json:"known"` // it was read already: nothing was changed
	// Found are the ways to read the site, the richest, which is read, first.
	Found       []fetch.Found    `json:"found"`
	Collected   digest.Collected `json:"collected"` // by the first poll
	Newest      Tasted           `json:"newest"`
	Newsletters []string         `json:"newsletters"` // titles of those that take it
}

// Tasted is the newest article of a source as a digest would show it.
type Tasted struct {
	Title     string   `json:"title"`
	URL       string   `json:"url"`
	Summary   []string `json:"summary"`
	Picture   string   `json:"picture,omitempty"`
	Words     int      `json:"words"` // of the article
	Language  string   `json:"language,omitempty"`
	Direction string   `json:"-"`
	Problem   string   `json:"problem,omitempty"` // why there is none, in words
}

// Refusal is why something was not done, in words for whoever asked for it.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// sourceForm is the page on which a source is added.
func (d *Desk) sourceForm(r *request) error { return d.drawSourceForm(r, http.StatusOK, "") }

func (d *Desk) drawSourceForm(r *request, status int, problem string) error {
	rights := []templates.Option{{Value: "", Title: "Own if a newsletter is of this site, else quote"}, {Value: "own", Title: "Own: text and pictures"},
		{Value: "licensed", Title: "Licensed: text, and pictures that are no agency’s"}, {Value: "quote", Title: "Quote: headline, name, link and at most 20 words"}}
	for i := range rights {
		rights[i].Selected = rights[i].Value == r.FormValue("rights")
	}
	return d.drawStatus(r, status, templates.DeskForm, templates.DeskPage{Title: "Add a source", Current: "Sources", Body: templates.FormBody{
		Intro: "The site is looked through for WordPress, feeds, a news sitemap and lists of articles, and the richest is read. What it lists today counts as old and is not mailed.",
		URL:   "/desk/sources/add", Submit: "Add", Busy: "Looking at the site, up to a minute …",
		Fields: []templates.Field{
			{Name: "address", Label: "Address of the site or of its feed", Kind: "text", Value: r.FormValue("address"), Help: "https://news.example", Problem: problem, Needed: true},
			{Name: "rights", Label: "What a digest may show of it", Kind: "select", Options: rights},
		}}})
}

// sourceAdd adds a source and shows what was found, what counts as old, and what
// a digest would take.
func (d *Desk) sourceAdd(r *request) error {
	address := strings.TrimSpace(r.FormValue("address"))
	if address == "" {
		return d.drawSourceForm(r, http.StatusBadRequest, "Give an address, for instance https://news.example")
	}
	x, err := d.AddSource(r.ctx, address, r.FormValue("rights"))
	var no Refusal
	switch {
	case errors.As(err, &no):
		return d.drawSourceForm(r, http.StatusBadRequest, sentence(string(no)))
	case err != nil:
		return err
	}
	if !x.Known {
		d.record(r, "add", fmt.Sprintf("source %d", x.Source.ID), x.Source.URL)
	}
	return d.drawAdded(r, x)
}

// sentence is a text with a capital, unless an address begins it, and a full stop
// where it asks nothing.
func sentence(s string) string {
	if s == "" || strings.HasPrefix(s, "http") {
		return s
	}
	first, size := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(first)) + s[size:]
	if strings.HasSuffix(s, "?") {
		return s
	}
	return strings.TrimSuffix(s, ".") + "."
}

// rightsWords say what a digest may show, by a source's rights.
var rightsWords = map[string]string{
	"own": "text and pictures, but no agency’s", "licensed": "text and pictures, but no agency’s",
	"quote": "headline, name, link and at most 20 words, no picture",
}

func (d *Desk) drawAdded(r *request, x Added) error {
	said := templates.Flash{Kind: templates.KindGood, Text: fmt.Sprintf("Added: it is read from now on. %s.", baselined(x.Collected))}
	if x.Known {
		said = templates.Flash{Kind: templates.KindWarn, Text: fmt.Sprintf("It is source %d already, and %s. Nothing was changed.", x.Source.ID, x.Source.State)}
	}
	body := templates.RecordBody{
		Facts: []templates.Fact{
			{Name: "Source", Value: templates.Cell{Text: fmt.Sprintf("No. %d", x.Source.ID), Note: x.Source.Kind + " · " + bare(x.Source.URL)}},
			{Name: "Rights", Value: templates.Cell{Text: x.Source.Rights, Note: rightsWords[x.Source.Rights]}},
			{Name: "Next poll", Value: d.near(x.Source.NextPoll)},
			{Name: "Newsletters", Value: templates.Cell{Text: cmp.Or(strings.Join(x.Newsletters, ", "), "none takes it yet"), Note: whereToList(x)}},
		},
		Actions: []templates.Action{{Title: "All sources", URL: "/desk/sources"}, {Title: "Add another", URL: "/desk/sources/add"}},
		Tables:  []templates.TableSection{{Title: "What the site offers", Table: foundTable(x)}},
	}
	body.Facts = append(body.Facts, tasted(x.Newest)...)
	return d.draw(r, templates.DeskRecord, templates.DeskPage{Title: cmp.Or(x.Source.Title, x.Source.Host), Current: "Sources", Flash: []templates.Flash{said}, Body: body})
}

// baselined is "312 old items baselined, 0 will be mailed".
func baselined(c digest.Collected) string {
	return fmt.Sprintf("%s baselined, %d will be mailed", plural(c.Old, "old item", "old items"), c.New-c.Old)
}

func whereToList(x Added) string {
	if len(x.Newsletters) > 0 {
		return ""
	}
	return "add “" + x.Source.SiteURL + "” to the sources of one"
}

// tasted are the facts of the newest article as a digest would show it.
func tasted(n Tasted) []templates.Fact {
	if n.Problem != "" {
		return []templates.Fact{{Name: "A digest would take", Value: templates.Cell{Text: "nothing now", Note: n.Problem}}}
	}
	picture := templates.Cell{Text: "none"}
	if n.Picture != "" {
		picture = templates.Cell{Text: bare(n.Picture), URL: n.Picture}
	}
	return []templates.Fact{
		{Name: "A digest would take", Value: templates.Cell{Text: n.Title, URL: n.URL, Note: plural(n.Words, "word", "words"), Language: n.Language, Direction: n.Direction}},
		{Name: "and tell", Value: templates.Cell{Text: strings.Join(n.Summary, " "), Language: n.Language, Direction: n.Direction}},
		{Name: "with the picture", Value: picture},
	}
}

func foundTable(x Added) templates.Table {
	t := templates.Table{Caption: "Ways to read the site, the richest first", Columns: []templates.Column{{Title: "Kind"}, {Title: "Address", Wide: true}, {Title: "Items", Number: true}, {Title: "Read"}}}
	for _, f := range x.Found {
		read := templates.Cell{Text: "no"}
		if f.URL == x.Source.URL {
			read = templates.Cell{State: templates.State{Kind: templates.KindGood, Word: "read"}}
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: f.Kind}, {Text: bare(f.URL), URL: f.URL, Note: f.Title, Direction: "auto"}, {Text: templates.Words("en").Number(f.Items)}, read}})
	}
	return t
}
