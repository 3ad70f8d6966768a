package feed

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// ParsePage reads a page that lists articles, for sites without any feed: the
// links of a home page or section that look like headlines. Items have an
// address and a title, no date; the article page gives the rest. Kind is Page.
// A page without such links is ErrNoItems.
func ParsePage(body []byte, contentType, baseURL string) (Feed, error) {
	body, err := unpack(body)
	if err != nil {
		return Feed{}, err
	}
	base, err := url.Parse(baseURL)
	if err != nil {
		return Feed{}, ErrUnknown
	}
	text := UTF8(body, contentType)
	p := pageReader{base: base, at: map[string]int{}, feed: Feed{Kind: Page, SiteURL: baseURL}}
	p.read(text)
	if len(p.feed.Items) == 0 {
		return Feed{}, ErrNoItems
	}
	p.feed.finish(baseURL)
	return p.feed, nil
}

// pageReader goes through a page tag by tag and collects links with their words.
type pageReader struct {
	base  *url.URL
	feed  Feed
	at    map[string]int // address → item
	href  string         // of the link we are in
	words strings.Builder
	title bool
}

func (p *pageReader) read(text []byte) {
	z := html.NewTokenizer(bytes.NewReader(text))
	for len(p.feed.Items) < MaxItems {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			if (p.href != "" || p.title) && p.words.Len() < 4*maxTitle {
				p.words.Write(z.Text())
				p.words.WriteByte(' ')
			}
		case html.StartTagToken:
			p.start(z.Token())
		case html.EndTagToken:
			p.end(z.Token().DataAtom)
		}
	}
}

func (p *pageReader) start(t html.Token) {
	switch t.DataAtom {
	case atom.Html:
		p.feed.Language = tokenAttr(t, "lang")
	case atom.Title:
		p.title = p.feed.Title == ""
		p.words.Reset()
	case atom.A:
		p.href = tokenAttr(t, "href")
		p.words.Reset()
	}
}

func (p *pageReader) end(a atom.Atom) {
	switch {
	case a == atom.Title && p.title:
		p.feed.Title, p.title = escape(p.words.String()), false
	case a == atom.A && p.href != "":
		p.link(p.href, strings.Join(strings.Fields(p.words.String()), " "))
		p.href = ""
	}
}

// link keeps an article: the longest words that point to it are its headline.
func (p *pageReader) link(href, words string) {
	u := CleanURL(Absolute(p.base.String(), href))
	u, _, _ = strings.Cut(u, "#")
	if u == "" || !p.isArticle(u) {
		return
	}
	i, known := p.at[u]
	if !known {
		if !isHeadline(words) {
			return
		}
		p.at[u] = len(p.feed.Items)
		p.feed.Items = append(p.feed.Items, Item{URL: u, Title: escape(words)})
		return
	}
	if old := &p.feed.Items[i]; isHeadline(words) && len(words) > len(old.Title) && len(words) < 200 {
		old.Title = escape(words)
	}
}

var (
	datePath   = regexp.MustCompile(`/(?:19|20)\d\d/(?:0?[1-9]|1[0-2]|[a-z]{3})(?:/|-)|/(?:19|20)\d{6}/|-(?:19|20)\d{6}`)
	numberPath = regexp.MustCompile(`(?:/|-|id=|p=)\d{4,}(?:/|\.|$|-)`)
	notArticle = regexp.MustCompile(`(?i)/(?:tag|tags|category|categories|author|authors|topics?|search|login|register|subscribe|about|contact|privacy|terms|wp-login|wp-admin|cart|feed|page/\d+)(?:/|\.|$)|\.(?:jpe?g|png|gif|webp|pdf|zip|mp[34]|xml|rss)$`)
)

// isArticle judges an address: on the same site, with a date, a number or a
// name of several words in it.
func (p *pageReader) isArticle(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || !sameSite(u.Hostname(), p.base.Hostname()) || notArticle.MatchString(u.Path) || u.Path == p.base.Path {
		return false
	}
	last := strings.Trim(u.Path, "/")
	last = last[strings.LastIndexByte(last, '/')+1:]
	words := strings.Count(last, "-") + strings.Count(last, "_")
	return words >= 3 || datePath.MatchString(u.Path) || numberPath.MatchString(u.RequestURI())
}

func sameSite(a, b string) bool {
	a, b = strings.TrimPrefix(a, "www."), strings.TrimPrefix(b, "www.")
	return a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}

// isHeadline asks for a few words; scripts that do not space them, for a few letters.
func isHeadline(s string) bool {
	if len(strings.Fields(s)) >= 4 {
		return len(s) < 400
	}
	wide := 0
	for _, r := range s {
		if r >= 0x2E80 {
			wide++
		}
	}
	return wide >= 8 && wide < 200
}

func tokenAttr(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return strings.TrimSpace(a.Val)
		}
	}
	return ""
}
