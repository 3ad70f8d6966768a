package feed

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Bounds of what [Parse] reads. Nothing in a feed can make it use more.
const (
	// MaxBytes is the size of a document after unpacking, gzip inside gzip included.
	MaxBytes = 15 << 20
	// MaxItems is how many items of a feed are read, newest first as feeds have it.
	// A news sitemap may hold 1,000, a plain one 50,000.
	MaxItems    = 5000
	maxURLs     = 50000
	maxTitle    = 500      // runes
	maxSummary  = 64 << 10 // bytes of HTML
	maxContent  = 1 << 20  // bytes of HTML
	maxURL      = 2048     // bytes
	maxKeywords = 50
	maxAuthors  = 20
	maxName     = 120 // runes of an author or a category
)

// Kinds of documents [Parse] tells apart.
const (
	RSS          = "rss"
	Atom         = "atom"
	RDF          = "rdf"
	JSON         = "json"
	WordPress    = "wordpress"
	Sitemap      = "sitemap"
	SitemapIndex = "sitemapindex"
	Page         = "page" // only from ParsePage
)

// Errors of [Parse]. Each message says what came and how to mend it, in words
// that may be shown to an operator.
var (
	ErrEmpty    = errors.New("the answer is empty: the site may be blocking us or the feed may have moved")
	ErrHTML     = errors.New("this is a web page, not a feed: give the address of the feed itself, or add the site and let pressrun look for its feeds")
	ErrUnknown  = errors.New("this is none of RSS, Atom, RDF, JSON Feed, WordPress posts or a sitemap: check the address in a browser")
	ErrTooLarge = errors.New("the document is larger than 15 MB unpacked: ask for a shorter feed")
	ErrNoItems  = errors.New("the document is broken before its first item: open it in a feed validator")
)

// Feed is what one document said. The zero value of a field means that the
// document was silent about it.
type Feed struct {
	Title    string
	URL      string // the feed's own address (rel=self)
	SiteURL  string
	Language string // BCP 47 as claimed, lower-case language, "" = unknown
	Kind     string // one of the Kind constants
	TTL      time.Duration
	Items    []Item

	// Repaired says that the document was not well-formed and has been mended.
	Repaired bool
	// Truncated says that items beyond MaxItems, or beyond a broken place, were not read.
	Truncated bool
}

// Item is one entry of a feed. All text is valid UTF-8 without NUL, which not
// every database takes; Title and Author are plain text, Summary and Content
// have passed [Sanitize] with absolute URLs.
type Item struct {
	// ID is the feed's own id (guid, atom:id, JSON id), else the URL, else a
	// hash of title and content; unique within its feed.
	ID        string
	URL       string // absolute, http or https, tracking parameters removed; "" = none
	Title     string
	Published time.Time // UTC; the update time when a feed gives only that; zero = none that can be read
	Updated   time.Time
	Author    []string
	Summary   string
	Content   string // "" when the feed has summaries only
	Image     string
	ImageAlt  string
	// Credit is the photographer or agency as the feed names it: media:credit.
	Credit     string
	Categories []string
	Language   string
	// AltIDs are the site's other names of the article: "?p=123" for a
	// WordPress number, the guid, the shortlink, the AMP or mobile address.
	AltIDs []string
}

// Parse reads one document of any kind pressrun knows. contentType is the
// header as received, "" if there was none; it is a hint for the charset only.
// baseURL is where the document came from; relative addresses are resolved
// against it.
//
// Broken XML is mended as far as it goes (see the package comment). A document
// that holds no item is no error; one that cannot be read as any feed is
// ErrHTML, ErrEmpty, ErrUnknown, ErrTooLarge or ErrNoItems, or says in its own
// words what is wrong.
func Parse(body []byte, contentType, baseURL string) (Feed, error) {
	body, err := unpack(body)
	if err != nil {
		return Feed{}, err
	}
	text := bytes.TrimSpace(UTF8(body, contentType))
	if len(text) == 0 {
		return Feed{}, ErrEmpty
	}
	f, err := parseText(text, baseURL)
	if err != nil {
		return Feed{}, err
	}
	f.finish(baseURL)
	return f, nil
}

func parseText(text []byte, base string) (Feed, error) {
	if text[0] == '{' || text[0] == '[' {
		return parseJSON(text, base)
	}
	root, start := findRoot(text)
	switch root {
	case "html":
		return Feed{}, ErrHTML
	case "rss", "rdf", "feed", "channel":
		return parseXML(text[start:], root, base)
	case "urlset", "sitemapindex":
		return parseSitemap(text[start:])
	}
	return Feed{}, ErrUnknown
}

// unpack undoes gzip, told by its magic number and not by a name or header:
// sitemaps are stored packed under any name. Twice, because servers pack them again.
func unpack(body []byte) ([]byte, error) {
	for range 2 {
		if len(body) < 2 || body[0] != 0x1f || body[1] != 0x8b {
			break
		}
		zr, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("the gzip file is damaged: %w", err)
		}
		body, err = io.ReadAll(io.LimitReader(zr, MaxBytes+1))
		if err != nil && len(body) == 0 {
			return nil, fmt.Errorf("the gzip file is damaged: %w", err)
		}
	}
	if len(body) > MaxBytes {
		return nil, ErrTooLarge
	}
	return body, nil
}

// finish applies the rules every kind has in common: absolute addresses, plain
// titles, sanitised HTML, bounded fields, one id per item.
func (f *Feed) finish(base string) {
	f.Title = plain(f.Title, maxTitle)
	f.SiteURL = Absolute(base, f.SiteURL)
	f.URL = Absolute(base, f.URL)
	f.Language = language(f.Language)
	if f.TTL < 0 || f.TTL > maxTTL {
		f.TTL = 0
	}
	site := base
	if f.SiteURL != "" {
		site = f.SiteURL
	}
	for i := range f.Items {
		f.Items[i].finish(site, f.Language)
	}
	shared := sharedIDs(f.Items)
	seen := make(map[string]bool, len(f.Items))
	kept := f.Items[:0]
	for _, it := range f.Items {
		if !it.identify(shared, seen) {
			continue
		}
		kept = append(kept, it)
	}
	f.Items = kept
}

const maxTTL = 7 * 24 * time.Hour

// finish bounds and cleans one item. site resolves its address, the address
// resolves what its HTML points to.
func (it *Item) finish(site, lang string) {
	it.ID = clip(strings.TrimSpace(strings.Map(dropMarks, it.ID)), maxURL)
	it.Title = plain(it.Title, maxTitle)
	it.URL = CleanURL(Absolute(site, it.URL))
	base := it.URL
	if base == "" {
		base = site
	}
	it.Image = Absolute(base, it.Image)
	it.Credit = plain(it.Credit, maxName)
	if it.Image == "" {
		it.Image, it.ImageAlt = FirstImage(it.Content+it.Summary, base)
	}
	it.ImageAlt = plain(it.ImageAlt, maxTitle)
	it.Summary = Sanitize(clip(it.Summary, maxSummary), base)
	it.Content = Sanitize(clip(it.Content, maxContent), base)
	it.Author = names(it.Author, maxAuthors)
	it.Categories = names(it.Categories, maxKeywords)
	it.Language = language(it.Language)
	if it.Language == "" {
		it.Language = lang
	}
	if it.Published.IsZero() {
		it.Published = it.Updated
	}
	it.Published, it.Updated = it.Published.UTC(), it.Updated.UTC()
	it.AltIDs = altIDs(*it)
}

// sharedIDs are the ids that items with different addresses have: feeds exist
// whose items all have one.
func sharedIDs(items []Item) map[string]bool {
	address, shared := make(map[string]string, len(items)), map[string]bool{}
	for _, it := range items {
		if it.ID == "" || it.URL == "" {
			continue
		}
		if was, known := address[it.ID]; known && was != it.URL {
			shared[it.ID] = true
		}
		address[it.ID] = it.URL
	}
	return shared
}

// identify gives the item an id that no other item of the feed has, whatever
// their order, and reports false for one that is wholly a repetition.
func (it *Item) identify(shared, seen map[string]bool) bool {
	if it.ID == "" {
		it.ID = it.URL
	}
	if it.ID == "" {
		if it.Title == "" && it.Content == "" && it.Summary == "" {
			return false
		}
		it.ID = "hash:" + hash(it.Title, it.Content, it.Summary)
	}
	if shared[it.ID] && it.URL != "" {
		it.ID += " " + it.URL
	}
	if seen[it.ID] {
		return false
	}
	seen[it.ID] = true
	return true
}

// WriteJSON writes the feed as the verb `pressrun feed parse` prints it: one
// JSON object, times in RFC 3339, "" for an unknown time.
func WriteJSON(w io.Writer, f Feed) error {
	type item struct {
		ID         string   `json:"id"`
		URL        string   `json:"url"`
		Title      string   `json:"title"`
		Published  string   `json:"published"`
		Updated    string   `json:"updated,omitempty"`
		Author     []string `json:"author"`
		Summary    string   `json:"summary"`
		Content    string   `json:"content"`
		Image      string   `json:"image,omitempty"`
		ImageAlt   string   `json:"image_alt,omitempty"`
		Credit     string   `json:"credit,omitempty"`
		Categories []string `json:"categories,omitempty"`
		Language   string   `json:"language,omitempty"`
		AltIDs     []string `json:"alt_ids,omitempty"`
	}
	out := struct {
		Title     string `json:"title"`
		URL       string `json:"url"`
		SiteURL   string `json:"site_url,omitempty"`
		Kind      string `json:"kind"`
		Language  string `json:"language,omitempty"`
		TTL       int    `json:"ttl,omitempty"` // seconds
		Repaired  bool   `json:"repaired,omitempty"`
		Truncated bool   `json:"truncated,omitempty"`
		Items     []item `json:"items"`
	}{f.Title, f.URL, f.SiteURL, f.Kind, f.Language, int(f.TTL.Seconds()), f.Repaired, f.Truncated, []item{}}
	for _, it := range f.Items {
		author := it.Author
		if author == nil {
			author = []string{}
		}
		out.Items = append(out.Items, item{it.ID, it.URL, it.Title, stamp(it.Published), stamp(it.Updated), author,
			it.Summary, it.Content, it.Image, it.ImageAlt, it.Credit, it.Categories, it.Language, it.AltIDs})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
