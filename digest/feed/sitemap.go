package feed

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
)

// IsIndex reports whether a document is an index of sitemaps.
func IsIndex(body []byte, contentType string) bool {
	body, err := unpack(body)
	if err != nil {
		return false
	}
	root, _ := findRoot(bytes.TrimSpace(UTF8(body, contentType)))
	return root == "sitemapindex"
}

// parseSitemap reads a sitemap (sitemaps.org 0.9) with Google's news and image
// extensions, or an index of sitemaps, whose items are the sitemaps it names.
// It goes token by token and minds local names only, because prefixes are bound
// to all sorts of addresses.
func parseSitemap(body []byte) (Feed, error) {
	doc := mend(body, "")
	d := xml.NewDecoder(bytes.NewReader(doc.xml))
	d.Strict = false
	f := Feed{Kind: Sitemap, Repaired: doc.repaired, Truncated: doc.truncated}
	var it Item
	var path []string
	var chars strings.Builder
	for {
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			f.dropCut(doc.cut)
			return f, nil
		}
		if err != nil {
			f.Truncated = true
			return f, nil
		}
		switch t := tok.(type) {
		case xml.StartElement:
			name := strings.ToLower(t.Name.Local)
			switch {
			case len(path) == 0 && name == "sitemapindex":
				f.Kind = SitemapIndex
			case name == "url" || name == "sitemap":
				it = Item{}
			}
			path = append(path, name)
			chars.Reset()
		case xml.CharData:
			if chars.Len() < maxSummary {
				chars.Write(t)
			}
		case xml.EndElement:
			path = path[:max(len(path)-1, 0)]
			name, parent := strings.ToLower(t.Name.Local), first(path[max(len(path)-1, 0):])
			if (name == "url" || name == "sitemap") && it.URL != "" {
				if len(f.Items) == maxURLs {
					f.Truncated = true
					return f, nil
				}
				f.Items = append(f.Items, it)
			} else {
				sitemapField(&f, &it, parent, name, strings.TrimSpace(chars.String()))
			}
			chars.Reset()
		}
	}
}

func sitemapField(f *Feed, it *Item, parent, name, value string) {
	if value == "" {
		return
	}
	value = clip(value, maxURL)
	switch parent + "/" + name {
	case "url/loc", "sitemap/loc":
		it.URL = value
	case "url/lastmod", "sitemap/lastmod":
		it.Updated = firstDate(value)
	case "news/publication_date":
		it.Published = firstDate(value)
	case "news/title":
		it.Title = escape(value)
	case "news/keywords":
		it.Categories = append(it.Categories, strings.Split(value, ",")...)
	case "news/genres":
		it.Categories = append(it.Categories, strings.Split(value, ",")...)
	case "publication/name":
		f.Title = either(f.Title, value)
	case "publication/language":
		it.Language = value
		f.Language = either(f.Language, value)
	case "image/loc":
		it.Image = either(it.Image, value)
	case "image/title", "image/caption":
		it.ImageAlt = either(it.ImageAlt, value)
	}
}

var credits = regexp.MustCompile(`(?i)(?:photo(?:graph)?s?|pictures?|images?|credit|foto|bild|crédit|фото)\s*(?:credits?|by)?\s*[:/©]\s*([^|<\n]{2,80})|\(([^()]*\b(?:AP|AFP|Reuters|EPA|Getty|APP|PTI|TASS|dpa)\b[^()]*)\)|©\s*([^|<\n]{2,80})`)

var sentence = regexp.MustCompile(`^(.*?\p{L}{3,})\.(?:\s|$)`)

// captionCredit finds the photographer or agency in a caption.
func captionCredit(caption string) string {
	m := credits.FindStringSubmatch(Text(clip(caption, 2000)))
	if m == nil {
		return ""
	}
	credit := strings.TrimSpace(either(m[1:]...))
	if s := sentence.FindStringSubmatch(credit); s != nil {
		return s[1] // "M. Sood. The ferry in port." ends after the name
	}
	return credit
}
