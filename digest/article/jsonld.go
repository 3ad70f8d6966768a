package article

import (
	"cmp"
	"encoding/json"
	"strings"

	"golang.org/x/net/html"
)

// thing is one JSON-LD object that has a type (schema.org; JSON-LD 1.1).
type thing map[string]any

// maxThings bounds what one page's scripts can make us keep.
const maxThings = 2000

// readThings reads a JSON-LD script: one object, a list, an @graph, several
// values in a row, broken in the ways pages break them. Objects are returned
// outermost first; references by @id stay for resolve.
func readThings(script string) []thing {
	var out []thing
	d := json.NewDecoder(strings.NewReader(mend(script)))
	for {
		var v any
		if err := d.Decode(&v); err != nil {
			return out
		}
		out = collect(out, v, 0)
	}
}

// collect appends the objects inside a value, at most 40 levels deep.
func collect(out []thing, v any, depth int) []thing {
	if depth > 40 || len(out) >= maxThings {
		return out
	}
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			out = collect(out, x, depth+1)
		}
	case map[string]any:
		if v["@type"] != nil || v["@id"] != nil {
			out = append(out, thing(v))
		}
		for _, name := range []string{"@graph", "mainEntity", "mainEntityOfPage", "hasPart", "itemListElement", "item", "author", "creator", "publisher", "image", "isPartOf", "about"} {
			out = collect(out, v[name], depth+1)
		}
	}
	return out
}

// mend repairs what is wrong with JSON on real pages: comments and CDATA marks
// around it, commas before a closing bracket, raw line ends and bad escapes
// inside strings, semicolons, and an end that is missing.
func mend(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, "{["); strings.HasPrefix(s, "<!--") && i > 0 {
		s = s[i:]
	}
	for _, mark := range []string{"//<![CDATA[", "/*<![CDATA[*/", "<![CDATA["} {
		s = strings.TrimSpace(strings.TrimPrefix(s, mark))
	}
	if json.Valid([]byte(s)) {
		return s
	}
	m := mender{in: s}
	for m.i < len(m.in) {
		m.step()
	}
	return m.end()
}

// mender copies JSON and mends it on the way.
type mender struct {
	in     string
	i      int
	out    strings.Builder
	comma  bool   // a comma is due before the next value
	open   []byte // closing brackets that are due
	inText bool
}

func (m *mender) step() {
	c := m.in[m.i]
	m.i++
	if m.inText {
		m.text(c)
		return
	}
	switch c {
	case ' ', '\t', '\r', '\n':
		m.out.WriteByte(c)
	case ',':
		m.comma = true
	case ';':
	case '}', ']':
		m.comma = false
		if n := len(m.open); n > 0 && m.open[n-1] == c {
			m.open = m.open[:n-1]
			m.out.WriteByte(c)
		}
	default:
		if c == '/' && m.comment() || c == '-' && strings.HasPrefix(m.in[m.i:], "->") || c == '<' {
			m.skipMark(c)
			return
		}
		m.value(c)
	}
}

func (m *mender) value(c byte) {
	if m.comma {
		m.out.WriteByte(',')
		m.comma = false
	}
	switch c {
	case '{':
		m.open = append(m.open, '}')
	case '[':
		m.open = append(m.open, ']')
	case '"':
		m.inText = true
	}
	m.out.WriteByte(c)
}

// comment skips // and /* */ comments.
func (m *mender) comment() bool {
	rest := m.in[m.i:]
	switch {
	case strings.HasPrefix(rest, "*"):
		if end := strings.Index(rest, "*/"); end >= 0 {
			m.i += end + 2
		} else {
			m.i = len(m.in)
		}
		return true
	case strings.HasPrefix(rest, "/"):
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			m.i += end
		} else {
			m.i = len(m.in)
		}
		return true
	}
	return false
}

// skipMark passes the rest of "-->" or of a tag that strayed into the script.
func (m *mender) skipMark(c byte) {
	if c == '/' {
		return
	}
	if end := strings.IndexByte(m.in[m.i:min(m.i+40, len(m.in))], '>'); end >= 0 {
		m.i += end + 1
	}
}

func (m *mender) text(c byte) {
	switch {
	case c == '"':
		m.inText = false
		m.out.WriteByte(c)
	case c == '\\' && m.i < len(m.in):
		m.escape(m.in[m.i])
		m.i++
	case c == '\\':
	case c < ' ':
		m.out.WriteByte(' ')
	default:
		m.out.WriteByte(c)
	}
}

func (m *mender) escape(next byte) {
	switch {
	case strings.IndexByte(`"\/bfnrt`, next) >= 0:
		m.out.WriteByte('\\')
		m.out.WriteByte(next)
	case next == 'u' && m.i+4 < len(m.in) && isHex(m.in[m.i+1]) && isHex(m.in[m.i+2]) && isHex(m.in[m.i+3]) && isHex(m.in[m.i+4]):
		m.out.WriteString(`\u`)
	case next < ' ':
		m.out.WriteByte(' ')
	default:
		m.out.WriteByte(next)
	}
}

func (m *mender) end() string {
	if m.inText {
		m.out.WriteByte('"')
	}
	for i := len(m.open) - 1; i >= 0; i-- {
		m.out.WriteByte(m.open[i])
	}
	return m.out.String()
}

// is tells whether one of the thing's types is in the set, without the
// vocabulary's address before it.
func (t thing) is(types map[string]bool) bool {
	for _, name := range texts(t["@type"]) {
		if i := strings.LastIndexAny(name, "/:"); i >= 0 {
			name = name[i+1:]
		}
		if types[name] {
			return true
		}
	}
	return false
}

// text is a property as one line of plain text: of a list the first, of an
// object its name, headline or url.
func (t thing) text(name string) string { return clean(html.UnescapeString(cmp.Or(texts(t[name])...))) }

// texts flattens a value into strings.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, x := range v[:min(len(v), 50)] {
			if s, ok := x.(string); ok {
				out = append(out, s)
			} else if m, ok := x.(map[string]any); ok {
				out = append(out, texts(m)...)
			}
		}
		return out
	case map[string]any:
		for _, name := range []string{"@value", "name", "headline", "url", "@id"} {
			if s, ok := v[name].(string); ok && s != "" {
				return []string{s}
			}
		}
	}
	return nil
}

// objects are the things that a property holds, references resolved.
func (p *page) objects(v any) []thing {
	switch v := v.(type) {
	case []any:
		var out []thing
		for _, x := range v[:min(len(v), 50)] {
			if _, nested := x.([]any); !nested {
				out = append(out, p.objects(x)...)
			}
		}
		return out
	case map[string]any:
		t := thing(v)
		if id, ok := v["@id"].(string); ok && v["name"] == nil && v["url"] == nil {
			if found := p.byID(id); found != nil {
				t = found
			}
		}
		return []thing{t}
	case string:
		if found := p.byID(v); found != nil && v != "" {
			return []thing{found}
		}
		return []thing{{"name": v, "url": v}}
	}
	return nil
}

// byID finds the thing that says most about itself under an @id.
func (p *page) byID(id string) thing {
	var best thing
	for _, t := range p.things {
		if s, _ := t["@id"].(string); s == id && len(t) > len(best) && len(t) > 1 {
			best = t
		}
	}
	return best
}

var articleTypes = set("Article", "NewsArticle", "ReportageNewsArticle", "AnalysisNewsArticle", "BackgroundNewsArticle",
	"OpinionNewsArticle", "ReviewNewsArticle", "AskPublicNewsArticle", "AdvertiserContentArticle", "SatiricalArticle",
	"BlogPosting", "LiveBlogPosting", "SocialMediaPosting", "Report", "TechArticle", "ScholarlyArticle", "Review",
	"CriticReview", "Recipe", "HowTo", "MedicalWebPage", "PodcastEpisode", "VideoObject", "ImageGallery", "Guide")

var pageTypes = set("WebPage", "ItemPage", "CreativeWork", "CollectionPage", "AboutPage", "ProfilePage", "QAPage")

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// story is the JSON-LD object that speaks of this page's article: of several
// the one whose headline the page shows, else the first. A web page object
// stands in when there is no other.
func (p *page) story() thing {
	var found, fallback thing
	shown := p.shownTitles()
	for _, t := range p.things {
		switch {
		case t.is(articleTypes) && (t["headline"] != nil || t["name"] != nil || t["datePublished"] != nil):
			if found == nil {
				found = t
			}
			if h := t.text("headline"); h != "" && similarToAny(h, shown) {
				return t
			}
		case fallback == nil && t.is(pageTypes) && t["datePublished"] != nil:
			fallback = t
		}
	}
	if found == nil {
		return fallback
	}
	return found
}
