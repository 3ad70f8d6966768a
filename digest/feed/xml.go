package feed

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	atomfeed "github.com/mmcdole/gofeed/atom"
	ext "github.com/mmcdole/gofeed/extensions"
	rssfeed "github.com/mmcdole/gofeed/rss"
)

// parseXML reads RSS, RDF and Atom: mended first, so that gofeed meets
// well-formed XML only, then brought into our form.
func parseXML(text []byte, root, base string) (Feed, error) {
	doc := mend(text, base)
	if root == "channel" {
		doc.xml = append(append([]byte(`<rss version="2.0">`), doc.xml...), "</rss>"...)
	}
	var f Feed
	if root == "feed" {
		a, err := (&atomfeed.Parser{}).Parse(bytes.NewReader(doc.xml))
		if err != nil {
			return Feed{}, fmt.Errorf("the Atom feed cannot be read, open it in a feed validator: %w", err)
		}
		f = fromAtom(a, doc.bases)
	} else {
		r, err := (&rssfeed.Parser{}).Parse(bytes.NewReader(doc.xml))
		if err != nil {
			return Feed{}, fmt.Errorf("the RSS feed cannot be read, open it in a feed validator: %w", err)
		}
		f = fromRSS(r, doc.bases)
		if root == "rdf" {
			f.Kind = RDF
		}
	}
	f.Repaired, f.Truncated = doc.repaired, doc.truncated
	f.dropCut(doc.cut)
	if doc.truncated && len(f.Items) == 0 {
		return Feed{}, ErrNoItems
	}
	return f, nil
}

// dropCut leaves out the last of several items when the document breaks off in it: it
// may have half an address, and a date that is none. The next poll has all of it.
func (f *Feed) dropCut(cut bool) {
	if n := len(f.Items); cut && n > 1 {
		f.Items = f.Items[:n-1]
	}
}

func fromRSS(r *rssfeed.Feed, bases []string) Feed {
	f := Feed{
		Kind:     RSS,
		Title:    r.Title,
		SiteURL:  r.Link,
		Language: r.Language,
		TTL:      ttl(r.TTL, r.Extensions),
	}
	for _, l := range extensions(r.Extensions, "link") { // atom:link
		switch rel := l.Attrs["rel"]; {
		case rel == "self":
			f.URL = l.Attrs["href"]
		case (rel == "" || rel == "alternate") && f.SiteURL == "":
			f.SiteURL = l.Attrs["href"]
		}
	}
	if dc := r.DublinCoreExt; dc != nil {
		f.Title, f.Language = either(f.Title, first(dc.Title)), either(f.Language, first(dc.Language))
	}
	for i, it := range r.Items {
		f.Items = append(f.Items, rssItem(it, baseOf(bases, i)))
	}
	return f
}

// rssItem reads one <item> with the modules newspapers use: content, Dublin
// Core, Media RSS, iTunes, Atom and WordPress elements inside RSS.
func rssItem(r *rssfeed.Item, base string) Item {
	x := r.Extensions
	it := Item{
		URL:     rssLink(r),
		Title:   r.Title,
		Summary: r.Description,
		Content: either(r.Content, r.Custom["encoded"], r.Custom["fulltext"], value(x, "full-text"), value(x, "encoded"), value(x, "content")),
	}
	if r.GUID != nil {
		it.ID = strings.TrimSpace(r.GUID.Value)
	}
	dates := []string{r.PubDate, value(x, "published"), value(x, "issued"), value(x, "created"), r.Custom["pubdate"], r.Custom["date"]}
	if dc := r.DublinCoreExt; dc != nil {
		it.Title = either(it.Title, first(dc.Title))
		it.Summary = either(it.Summary, first(dc.Description))
		it.Author = append(append(it.Author, dc.Creator...), dc.Author...)
		it.Categories = append(it.Categories, dc.Subject...)
		it.Language = first(dc.Language)
		dates = append(dates, dc.Date...)
	}
	it.Published = firstDate(dates...)
	it.Updated = firstDate(value(x, "updated"), value(x, "modified"))
	it.Author = append(it.Author, r.Author)
	for _, a := range extensions(x, "author") {
		it.Author = append(it.Author, either(value1(a.Children, "name"), a.Value))
	}
	for _, c := range r.Categories {
		it.Categories = append(it.Categories, c.Value)
	}
	it.Title = either(it.Title, value(x, "title"))
	it.Summary = either(it.Summary, value(x, "summary"), value(x, "subtitle"), value(x, "description"))
	it.Image, it.ImageAlt, it.Credit = rssImage(r)
	it.AltIDs = rssAltIDs(r)
	if base != "" {
		it.Summary, it.Content = Sanitize(it.Summary, base), Sanitize(it.Content, base)
	}
	return it
}

// rssLink prefers the address before FeedBurner rewrote it, then the link,
// then a guid that is one (RSS 2.0: a guid is a permalink unless it says no).
func rssLink(r *rssfeed.Item) string {
	if u := value(r.Extensions, "origLink"); u != "" {
		return u
	}
	if r.Link != "" {
		return r.Link
	}
	for _, l := range extensions(r.Extensions, "link") {
		if rel := l.Attrs["rel"]; (rel == "" || rel == "alternate") && l.Attrs["href"] != "" {
			return l.Attrs["href"]
		}
	}
	if g := r.GUID; g != nil && !strings.EqualFold(g.IsPermalink, "false") && strings.HasPrefix(strings.TrimSpace(g.Value), "http") {
		return strings.TrimSpace(g.Value)
	}
	return ""
}

func rssAltIDs(r *rssfeed.Item) []string {
	var out []string
	if id := either(value(r.Extensions, "post-id"), value(r.Extensions, "post_id"), r.Custom["post-id"]); isNumber(id) {
		out = append(out, "?p="+strings.TrimSpace(id))
	}
	for _, l := range extensions(r.Extensions, "link") {
		switch l.Attrs["rel"] {
		case "shortlink", "amphtml", "canonical":
			out = append(out, l.Attrs["href"])
		}
	}
	if u := value(r.Extensions, "origLink"); u != "" && u != r.Link {
		out = append(out, r.Link)
	}
	return out
}

// rssImage picks the item's picture: the largest of media:content, then
// media:thumbnail, a picture enclosure, itunes:image, an <image> of its own.
func rssImage(r *rssfeed.Item) (src, alt, credit string) {
	media := mediaContents(r.Extensions)
	width := -1
	for _, m := range media {
		w, _ := strconv.Atoi(m.Attrs["width"])
		if isPicture(m) && w > width {
			src, width = m.Attrs["url"], w
			alt = either(value1(m.Children, "description"), value1(m.Children, "text"), value1(m.Children, "title"))
			credit = value1(m.Children, "credit")
		}
	}
	if credit == "" {
		credit = value(r.Extensions, "credit")
	}
	if src != "" {
		return src, alt, credit
	}
	for _, m := range thumbnails(r.Extensions) {
		if w, _ := strconv.Atoi(m.Attrs["width"]); w > width && m.Attrs["url"] != "" {
			src, width = m.Attrs["url"], w
		}
	}
	if src != "" {
		return src, "", credit
	}
	for _, e := range r.Enclosures {
		if strings.HasPrefix(e.Type, "image/") || e.Type == "" && hasImageName(e.URL) {
			return e.URL, "", credit
		}
	}
	if r.ITunesExt != nil && r.ITunesExt.Image != "" {
		return r.ITunesExt.Image, "", credit
	}
	if u := strings.TrimSpace(r.Custom["image"]); strings.HasPrefix(u, "http") {
		return u, "", credit
	}
	return "", "", credit
}

// mediaContents lists media:content elements, those in a media:group too.
func mediaContents(x ext.Extensions) []ext.Extension {
	out := x["media"]["content"]
	for _, g := range x["media"]["group"] {
		out = append(out, g.Children["content"]...)
	}
	return out
}

// thumbnails lists media:thumbnail elements: the item's own, then those of a
// media:group, then those inside the media they show.
func thumbnails(x ext.Extensions) []ext.Extension {
	out := extensions(x, "thumbnail")
	for _, m := range slices.Concat(x["media"]["group"], mediaContents(x)) {
		out = append(out, m.Children["thumbnail"]...)
	}
	return out
}

func isPicture(m ext.Extension) bool {
	return m.Attrs["url"] != "" && (m.Attrs["medium"] == "image" || strings.HasPrefix(m.Attrs["type"], "image/") ||
		m.Attrs["medium"] == "" && m.Attrs["type"] == "" && hasImageName(m.Attrs["url"]))
}

func hasImageName(u string) bool {
	u, _, _ = strings.Cut(strings.ToLower(u), "?")
	for _, end := range []string{".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"} {
		if strings.HasSuffix(u, end) {
			return true
		}
	}
	return false
}

func fromAtom(a *atomfeed.Feed, bases []string) Feed {
	f := Feed{Kind: Atom, Title: a.Title, Language: a.Language, TTL: ttl("", a.Extensions)}
	for _, l := range a.Links {
		switch {
		case l.Rel == "self":
			f.URL = l.Href
		case l.Rel == "alternate" && f.SiteURL == "":
			f.SiteURL = l.Href
		}
	}
	for i, e := range a.Entries {
		it := atomEntry(e, baseOf(bases, i))
		if len(it.Author) == 0 {
			it.Author = people(a.Authors) // RFC 4287 section 4.2.1
		}
		f.Items = append(f.Items, it)
	}
	return f
}

func atomEntry(e *atomfeed.Entry, base string) Item {
	x := e.Extensions
	it := Item{
		ID:      strings.TrimSpace(e.ID),
		Title:   e.Title,
		Summary: e.Summary,
		Author:  people(e.Authors),
	}
	it.Published = firstDate(e.Published, value(x, "issued"), value(x, "created"), value(x, "date"))
	it.Updated = firstDate(e.Updated, value(x, "modified"))
	if e.Content != nil && !isForeign(e.Content.Type) {
		it.Content = e.Content.Value
	}
	for _, l := range e.Links {
		switch l.Rel {
		case "alternate":
			if it.URL == "" || strings.HasPrefix(l.Type, "text/html") {
				it.URL = l.Href
			}
		case "shortlink", "amphtml":
			it.AltIDs = append(it.AltIDs, l.Href)
		case "enclosure":
			if strings.HasPrefix(l.Type, "image/") && it.Image == "" {
				it.Image = l.Href
			}
		}
	}
	it.URL = either(value(x, "origLink"), it.URL)
	if it.URL == "" && strings.HasPrefix(it.ID, "http") {
		it.URL = it.ID
	}
	for _, c := range e.Categories {
		it.Categories = append(it.Categories, either(c.Label, c.Term))
	}
	atomImage(&it, x)
	if base != "" {
		it.Summary, it.Content = Sanitize(it.Summary, base), Sanitize(it.Content, base)
	}
	return it
}

func atomImage(it *Item, x ext.Extensions) {
	for _, m := range mediaContents(x) {
		if isPicture(m) {
			it.Image, it.Credit = m.Attrs["url"], value1(m.Children, "credit")
			break
		}
	}
	for _, g := range x["media"]["group"] {
		it.Summary = either(it.Summary, value1(g.Children, "description"))
	}
	for _, t := range thumbnails(x) {
		it.Image = either(it.Image, t.Attrs["url"])
	}
	it.Credit = either(it.Credit, value(x, "credit"))
}

// isForeign reports whether atom:content is neither text nor HTML: a picture, a
// PDF, somebody's XML (RFC 4287 section 4.1.3).
func isForeign(mediaType string) bool {
	switch t := strings.ToLower(mediaType); {
	case t == "", t == "text", t == "html", t == "xhtml", strings.HasPrefix(t, "text/"), t == "application/xhtml+xml":
		return false
	}
	return true
}

func people(in []*atomfeed.Person) []string {
	var out []string
	for _, p := range in {
		out = append(out, either(p.Name, p.Email))
	}
	return out
}

// ttl reads <ttl> in minutes, else the syndication module's period and frequency.
func ttl(minutes string, x ext.Extensions) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(minutes)); err == nil && n > 0 && n < 1e6 {
		return time.Duration(n) * time.Minute
	}
	period := map[string]time.Duration{
		"hourly": time.Hour, "daily": 24 * time.Hour, "weekly": 7 * 24 * time.Hour,
	}[strings.ToLower(value(x, "updatePeriod"))]
	if n, err := strconv.Atoi(value(x, "updateFrequency")); err == nil && n > 1 {
		period /= time.Duration(n)
	}
	return period
}

// extensions lists the elements of that local name in any namespace.
func extensions(x ext.Extensions, local string) []ext.Extension {
	var out []ext.Extension
	for _, prefix := range slices.Sorted(maps.Keys(x)) {
		out = append(out, x[prefix][local]...)
	}
	return out
}

// value is the text of the first element of that local name, in any namespace, that has one.
func value(x ext.Extensions, local string) string {
	for _, prefix := range slices.Sorted(maps.Keys(x)) {
		if s := value1(x[prefix], local); s != "" {
			return s
		}
	}
	return ""
}

func value1(x map[string][]ext.Extension, local string) string {
	for _, e := range x[local] {
		if s := strings.TrimSpace(e.Value); s != "" {
			return s
		}
	}
	return ""
}

func baseOf(bases []string, i int) string {
	if i < len(bases) {
		return bases[i]
	}
	return ""
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// either is the first text that is not blank.
func either(s ...string) string {
	for _, t := range s {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}

func firstDate(s ...string) time.Time {
	for _, d := range s {
		if strings.TrimSpace(d) == "" {
			continue
		}
		if t, err := ParseDate(d); err == nil {
			return t
		}
	}
	return time.Time{}
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(strings.TrimSpace(s), 10, 63)
	return err == nil
}
