package archive

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"time"

	"pressrun/digest"
	"pressrun/templates"
)

// feed is what both feeds say.
type feed struct {
	view
	home, self string // absolute
	issues     []feedIssue
}

// feedIssue is an issue with what it told: a summary, and its headlines, each
// with its source and link. Nothing more is handed on, whatever the right to the
// articles is: a headline may always be quoted, and of what is in court nothing
// else may be told.
type feedIssue struct {
	url, title, summary, html, text string
	at                              time.Time
	changed                         time.Time // by its newest correction, else at
}

// feed reads the newest issues; name is the feed's file.
func (s *Site) feed(r *http.Request, name string) (feed, error) {
	v, err := s.publicView(r)
	if err != nil {
		return feed{view: v}, err
	}
	edition := v.edition.Name
	f := feed{view: v, home: s.PublicURL + s.path(v, "", edition, url.Values{}), self: s.PublicURL + s.path(v, name, edition, url.Values{})}
	issues, _, err := s.Store.Published(r.Context(), v.ID, edition, "", perPage, 0)
	if err != nil {
		return f, err
	}
	told, err := s.Store.Headlines(r.Context(), issues)
	if err != nil {
		return f, err
	}
	corrected, err := s.corrections(r, issues...)
	if err != nil {
		return f, err
	}
	for _, i := range issues {
		e := s.entry(v, i)
		item := feedIssue{url: s.PublicURL + e.URL, title: e.Subject, at: i.At, changed: i.At}
		if list := corrected[i.ID]; len(list) > 0 && list[0].Date.After(i.At) {
			item.changed = list[0].Date
		}
		item.html, item.text, item.summary, err = templates.Headlines(i.Language, stories(told[i.ID], v.spec.Mark), corrected[i.ID])
		if err != nil {
			return f, err
		}
		item.summary = cmp.Or(i.Preheader, item.summary)
		f.issues = append(f.issues, item)
	}
	return f, nil
}

// stories are headlines as package templates shows them.
func stories(list []digest.Headline, mark string) []templates.Story {
	out := make([]templates.Story, len(list))
	for k, h := range list {
		out[k] = templates.Story{Title: h.Title, URL: digest.Marked(h.URL, mark), Language: h.Language, Direction: h.Direction, Source: h.Source, Label: h.Label}
	}
	return out
}

// atomFeed is RFC 4287, as much of it as a list of issues needs.
type atomFeed struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Language string      `xml:"xml:lang,attr"`
	ID       string      `xml:"id"`
	Title    string      `xml:"title"`
	Updated  string      `xml:"updated"`
	Links    []atomLink  `xml:"link"`
	Author   string      `xml:"author>name"`
	Entries  []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr,omitempty"`
	Type string `xml:"type,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string   `xml:"id"`
	Title     string   `xml:"title"`
	Published string   `xml:"published"`
	Updated   string   `xml:"updated"`
	Link      atomLink `xml:"link"`
	Summary   atomText `xml:"summary"`
	Content   atomText `xml:"content"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

func (s *Site) atom(w http.ResponseWriter, r *http.Request) {
	f, err := s.feed(r, "feed.atom")
	if err != nil {
		s.fail(w, r, f.Newsletter, err)
		return
	}
	out := atomFeed{
		ID: f.home, Title: f.title(), Language: f.edition.Language, Updated: stamp(f.Created),
		Author: cmp.Or(f.spec.Brand.Name, f.title()), // section 4.1.1: a feed has an author
		Links:  []atomLink{{"self", "application/atom+xml", f.self}, {"alternate", "text/html", f.home}},
	}
	for k, i := range f.issues {
		if changed := stamp(i.changed); k == 0 || changed > out.Updated {
			out.Updated = changed
		}
		out.Entries = append(out.Entries, atomEntry{ID: i.url, Title: i.title, Published: stamp(i.at), Updated: stamp(i.changed), Link: atomLink{"alternate", "text/html", i.url},
			Summary: atomText{"text", i.summary}, Content: atomText{"html", i.html}})
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(out); err != nil {
		s.fail(w, r, f.Newsletter, err)
		return
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	s.answer(w, r, b.Bytes())
}

// jsonFeed is version 1.1 of JSON Feed.
type jsonFeed struct {
	Version  string     `json:"version"`
	Title    string     `json:"title"`
	Home     string     `json:"home_page_url"`
	Self     string     `json:"feed_url"`
	Language string     `json:"language"`
	Authors  []author   `json:"authors,omitempty"`
	Items    []jsonItem `json:"items"`
}

type author struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
}

type jsonItem struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	Title     string `json:"title"`
	Summary   string `json:"summary,omitempty"`
	HTML      string `json:"content_html"`
	Text      string `json:"content_text"`
	Published string `json:"date_published"`
	Modified  string `json:"date_modified,omitempty"`
}

func (s *Site) json(w http.ResponseWriter, r *http.Request) {
	f, err := s.feed(r, "feed.json")
	if err != nil {
		s.fail(w, r, f.Newsletter, err)
		return
	}
	out := jsonFeed{Version: "https://jsonfeed.org/version/1.1", Title: f.title(), Home: f.home, Self: f.self, Language: f.edition.Language, Items: []jsonItem{}}
	if brand := f.spec.Brand; brand.Name != "" {
		out.Authors = []author{{brand.Name, brand.URL}}
	}
	for _, i := range f.issues {
		item := jsonItem{i.url, i.url, i.title, i.summary, i.html, i.text, stamp(i.at), ""}
		if i.changed.After(i.at) {
			item.Modified = stamp(i.changed)
		}
		out.Items = append(out.Items, item)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		s.fail(w, r, f.Newsletter, err)
		return
	}
	w.Header().Set("Content-Type", "application/feed+json; charset=utf-8")
	s.answer(w, r, b.Bytes())
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
