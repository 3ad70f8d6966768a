package demo

import (
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"time"
)

// rss is an RSS 2.0 feed as WordPress writes it.
type rss struct {
	XMLName xml.Name   `xml:"rss"`
	Version string     `xml:"version,attr"`
	Content string     `xml:"xmlns:content,attr"`
	DC      string     `xml:"xmlns:dc,attr"`
	Atom    string     `xml:"xmlns:atom,attr"`
	SY      string     `xml:"xmlns:sy,attr"`
	Media   string     `xml:"xmlns:media,attr"`
	Channel rssChannel `xml:"channel"`
}

type rssChannel struct {
	Title       string    `xml:"title"`
	Self        rssSelf   `xml:"atom:link"`
	Link        string    `xml:"link"`
	Description string    `xml:"description"`
	Built       string    `xml:"lastBuildDate"`
	Language    string    `xml:"language,omitempty"`
	Period      string    `xml:"sy:updatePeriod"`
	Frequency   int       `xml:"sy:updateFrequency"`
	Generator   string    `xml:"generator"`
	Items       []rssItem `xml:"item"`
}

type rssSelf struct {
	Href string `xml:"href,attr"`
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
}

type rssItem struct {
	Title       string   `xml:"title"`
	Link        string   `xml:"link"`
	Comments    string   `xml:"comments"`
	Creator     cdata    `xml:"dc:creator"`
	Language    string   `xml:"dc:language"`
	Published   string   `xml:"pubDate"`
	Categories  []cdata  `xml:"category"`
	GUID        rssGUID  `xml:"guid"`
	Description cdata    `xml:"description"`
	Content     cdata    `xml:"content:encoded"`
	Media       rssMedia `xml:"media:content"`
}

type rssGUID struct {
	Permanent bool   `xml:"isPermaLink,attr"`
	Value     string `xml:",chardata"`
}

type rssMedia struct {
	URL    string `xml:"url,attr"`
	Medium string `xml:"medium,attr"`
	Width  int    `xml:"width,attr"`
	Height int    `xml:"height,attr"`
	Alt    string `xml:"media:description"`
}

type cdata struct {
	Text string `xml:",cdata"`
}

// feed is the RSS of one language, or at /feed/ of all; the latter names no
// language, each of its items does.
func (s *Site) feed(w http.ResponseWriter, r *http.Request) {
	lang := r.PathValue("lang")
	if lang != "" && words[lang] == nil {
		s.missing(w, r)
		return
	}
	l, home := words["en"], "/"
	if lang != "" {
		l, home = words[lang], root(lang)
	}
	articles := s.in(lang)
	f := rss{
		Version: "2.0", Content: "http://purl.org/rss/1.0/modules/content/", DC: "http://purl.org/dc/elements/1.1/",
		Atom: "http://www.w3.org/2005/Atom", SY: "http://purl.org/rss/1.0/modules/syndication/", Media: "http://search.yahoo.com/mrss/",
		Channel: rssChannel{
			Title: l.site, Self: rssSelf{s.Base + r.URL.Path, "self", "application/rss+xml"}, Link: s.Base + home, Description: l.tagline,
			Language: lang, Period: "hourly", Frequency: 1, Generator: "https://wordpress.org/?v=6.8",
		},
	}
	if len(articles) > 0 {
		newest := articles[0].Published
		f.Channel.Built = newest.UTC().Format(time.RFC1123Z)
		w.Header().Set("Last-Modified", newest.UTC().Format(http.TimeFormat))
	}
	for _, a := range articles {
		f.Channel.Items = append(f.Channel.Items, s.item(a))
	}
	s.xml(w, r, "application/rss+xml; charset=UTF-8", f)
}

func (s *Site) item(a Article) rssItem {
	i := rssItem{
		Title: a.Title, Link: a.URL, Comments: a.URL + "#respond", Creator: cdata{a.Author}, Language: a.Language,
		Published: a.Published.UTC().Format(time.RFC1123Z), GUID: rssGUID{false, fmt.Sprintf("%s/?p=%d", s.Base, a.ID)},
		Description: cdata{"<p>" + html.EscapeString(a.Excerpt) + "</p>\n<p>" + s.appeared(a) + "</p>"},
		Content:     cdata{s.picture(a) + s.body(a) + "<p>" + s.appeared(a) + "</p>\n"},
		Media:       rssMedia{s.Base + a.picture(), "image", pictureWidth, pictureHeight, a.Alt},
	}
	for _, name := range append([]string{words[a.Language].sections[a.Section]}, a.Tags...) {
		i.Categories = append(i.Categories, cdata{name})
	}
	return i
}

// appeared is the line that WordPress plugins put under every feed item.
func (s *Site) appeared(a Article) string {
	return fmt.Sprintf(`The post <a href="%s">%s</a> appeared first on <a href="%s">%s</a>.`,
		html.EscapeString(a.URL), html.EscapeString(a.Title), html.EscapeString(s.Base+root(a.Language)), html.EscapeString(words[a.Language].site))
}

// picture is the lead picture as an element of the text.
func (s *Site) picture(a Article) string {
	return fmt.Sprintf("<figure><img width=\"%d\" height=\"%d\" src=\"%s\" alt=\"%s\"></figure>\n", pictureWidth, pictureHeight,
		html.EscapeString(s.Base+a.picture()), html.EscapeString(a.Alt))
}

func (s *Site) xml(w http.ResponseWriter, r *http.Request, kind string, doc any) {
	out, err := xml.MarshalIndent(doc, "", "\t")
	if err != nil {
		http.Error(w, "this document could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	s.serve(w, r, append([]byte(xml.Header), out...))
}
