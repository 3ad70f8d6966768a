package article

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// ErrNoArticle is returned by Extract for a page without a readable text, such
// as a front page that is all links, an error page or bytes that are no HTML.
var ErrNoArticle = errors.New("no article in the page")

// Options say what is known about a page beside its bytes. The zero value is
// usable; relative addresses then stay out of the result.
type Options struct {
	// URL is where the page was fetched from, after redirects.
	URL string
	// ContentType is the HTTP header's value. Its charset counts only for a page
	// that is not valid UTF-8.
	ContentType string
	// Language is what the feed or the source claims (a BCP 47 tag). It wins over
	// the detector when the two are easily confused.
	Language string
	// Rules are the source's own instructions for its pages.
	Rules Rules
}

// Rules override the extractor for one site. Each is a CSS selector list; an
// empty one leaves the matter to the extractor, and so does one that matches
// nothing on the page.
type Rules struct {
	// Body selects the element, or elements in page order, that hold the text.
	Body string `json:"body,omitempty"`
	// Title, Author and Date select elements whose text (or datetime or content
	// attribute) is taken. Each match of Author is one name.
	Title  string `json:"title,omitempty"`
	Author string `json:"author,omitempty"`
	Date   string `json:"date,omitempty"`
	// Remove selects what is cut out before anything else is looked at.
	Remove string `json:"remove,omitempty"`
}

// Check reports which selector cannot be read, if any.
func (r Rules) Check() error {
	_, err := compile(r)
	return err
}

// Article is what a reader would call the article: its text and what stands
// about it on the page. A string is empty and a time zero when the page does
// not say. All text is valid UTF-8 without markup.
type Article struct {
	// URL is Options.URL; Canonical what the page calls its own address, "" when
	// it names another site's front page or nothing usable.
	URL, Canonical string
	Title          string
	// Byline holds the authors' names, one each, in the page's order.
	Byline []string
	// Published and Modified keep the zone that the page wrote, because the day in
	// that zone is the day readers saw. A date without time is midnight UTC.
	Published, Modified time.Time
	// Image is the absolute URL of the lead picture, ImageAlt its description.
	Image, ImageAlt string
	// ImageCredit is what the page says about the picture's origin: its credit,
	// copyright and caption. "" when it says nothing.
	ImageCredit string
	// Language is an ISO 639-1 code (639-3 where there is none), Direction "ltr" or "rtl".
	Language, Direction string
	// Text is the body: paragraphs separated by an empty line, without headline,
	// captions, author boxes, links to other stories and the like. Of a gallery
	// without other text it is the captions.
	Text string
	// Description is the page's own summary. It is the publisher's marketing text,
	// never to be mistaken for the article's words.
	Description, Section, SiteName string
	// Kind is one of the Kind constants.
	Kind string
	// Keys are Aliases of the article that were found in the page.
	Keys []string
}

// What a page can be. Everything else is an article.
const (
	KindArticle = "article" // running text
	KindBrief   = "brief"   // fewer than BriefWords words
	KindLive    = "live"    // a log that grows during the event
	KindGallery = "gallery" // pictures with captions
	KindVideo   = "video"   // a player with a short text
	KindPaywall = "paywall" // the text is only the free beginning
	KindOpinion = "opinion" // comment or leader, marked as such by the page
	KindPaid    = "paid"    // advertisement in the form of an article
)

// BriefWords is the length under which an article is a brief.
const BriefWords = 120

// Extract finds the article in a page. The page may be in any charset and as
// broken as pages are; Extract never panics, and its time and memory are
// bounded by the length of the page, of which it looks at the first MaxPage
// bytes. ErrNoArticle means that no text was found; the rest of the Article is
// filled in even then. Any other error means that Rules holds a selector that
// cannot be read.
func Extract(page []byte, o Options) (Article, error) {
	rules, err := compile(o.Rules)
	if err != nil {
		return Article{URL: o.URL}, err
	}
	if kind := Binary(page); kind != "" {
		return Article{URL: o.URL}, fmt.Errorf("it is no web page but %s: %w", kind, ErrNoArticle)
	}
	p, err := parse(page, o)
	if err != nil {
		return Article{URL: o.URL}, err
	}
	p.cut(rules.remove)
	p.scan()
	a := p.article(rules)
	captions := p.captions() // the body is found by taking the page apart
	body := p.body(rules, &a)
	gallery := len(body) == 0 && len(captions) > 0
	if gallery {
		body = captions
	}
	a.Text = body.text()
	if a.Kind = p.kind(a); gallery && (a.Kind == KindArticle || a.Kind == KindBrief) {
		a.Kind = KindGallery
	}
	a.Title = unescaped(a.Title)
	a.Language, a.Direction = Language(p.languageClaim(o.Language), a.Title, body.lead())
	if a.Text == "" {
		return a, fmt.Errorf("extract %s: %w", cmp.Or(clip(o.URL), "page"), ErrNoArticle)
	}
	return a, nil
}

// Minutes is how long a text takes to read, rounded up; 0 for none. Adults read
// 240 words a minute (Brysbaert 2019); of Chinese and Japanese, which do not
// space their words, 400 letters.
func Minutes(text string) int {
	wide := 0
	for _, r := range text {
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) {
			wide++
		}
	}
	words := len(strings.Fields(text))
	if wide > 2*words { // its fields are sentences
		words = 0
	}
	return (5*words + 3*wide + 1199) / 1200
}

// WriteJSON writes an article as one JSON object on one line.
func WriteJSON(w io.Writer, a Article) error {
	byline := a.Byline
	if byline == nil {
		byline = []string{}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		URL         string   `json:"url"`
		Title       string   `json:"title"`
		Byline      []string `json:"byline"`
		Published   string   `json:"published"`
		Image       string   `json:"image"`
		Language    string   `json:"language"`
		Text        string   `json:"text"`
		Kind        string   `json:"kind"`
		Direction   string   `json:"direction,omitempty"`
		Canonical   string   `json:"canonical,omitempty"`
		Modified    string   `json:"modified,omitempty"`
		ImageAlt    string   `json:"image_alt,omitempty"`
		ImageCredit string   `json:"image_credit,omitempty"`
		Description string   `json:"description,omitempty"`
		Section     string   `json:"section,omitempty"`
		SiteName    string   `json:"site_name,omitempty"`
		Keys        []string `json:"keys,omitempty"`
		Minutes     int      `json:"minutes,omitempty"` // to read it
	}{a.URL, a.Title, byline, stamp(a.Published), a.Image, a.Language, a.Text, a.Kind,
		a.Direction, a.Canonical, stamp(a.Modified), a.ImageAlt, a.ImageCredit, a.Description, a.Section, a.SiteName, a.Keys, Minutes(a.Text)})
}

// stamp is RFC 3339 in the time's own zone, "" for no time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// absolute resolves a reference found in the page; "" when the result is no
// http(s) address.
func (p *page) absolute(ref string) string {
	u, err := url.Parse(escapeStray(strip(ref)))
	if err != nil || ref == "" {
		return ""
	}
	if p.base != nil {
		u = p.base.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	if name, err := hostNames.ToASCII(u.Hostname()); err == nil && !strings.Contains(u.Host, "[") { // as every mail program reads it
		u.Host = strings.Replace(u.Host, u.Hostname(), name, 1)
	}
	return u.String()
}
