package article

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/andybalholm/cascadia"
)

// page is one parsed page on its way through Extract.
type page struct {
	address string   // Options.URL
	base    *url.URL // what relative addresses resolve against; nil when unknown
	doc     *html.Node

	meta   map[string][]string     // meta elements by lower-case name or property
	links  map[string][]string     // link elements by rel: href
	props  map[string][]*html.Node // microdata: elements by itemprop
	title  string                  // the title element
	lang   string                  // html lang
	h1     []*html.Node
	times  []*html.Node // time elements
	pieces []piece      // the texts of the page in order
	marked []*html.Node // elements that class, rel or id call a byline
	dated  []*html.Node // elements that class or id call a date
	things []thing      // JSON-LD
	ids    []string     // what may be the site's own ids
}

// errNotHTML comes of nothing but html.Parse refusing a page, as it does for
// elements nested more than 512 deep.
var errNotHTML = errors.New("unreadable markup")

// parse decodes and parses a page.
func parse(b []byte, o Options) (*page, error) {
	text := limitTags(decode(b, o.ContentType))
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		doc, err = parseFlat(text)
	}
	if err != nil {
		return nil, fmt.Errorf("extract %s: %w: %w", clip(o.URL), ErrNoArticle, errNotHTML)
	}
	p := &page{address: o.URL, doc: doc, meta: map[string][]string{}, links: map[string][]string{}, props: map[string][]*html.Node{}}
	if u, err := url.Parse(escapeStray(strip(o.URL))); err == nil && u.Host != "" {
		p.base = u
	}
	return p, nil
}

// parseFlat reads a page that is nested too deeply for the parser by its
// tokens: text and the elements that matter most, without nesting.
func parseFlat(text string) (*html.Node, error) {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(text))
	z.SetMaxBuf(1 << 20)
	skip := ""
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		t := z.Token()
		switch {
		case skip != "":
			if kind == html.EndTagToken && t.Data == skip {
				skip = ""
			}
		case kind == html.TextToken:
			b.WriteString(html.EscapeString(t.Data))
		case kind == html.StartTagToken && (t.DataAtom == atom.Script || t.DataAtom == atom.Style):
			skip = t.Data
		case t.DataAtom == atom.P || t.DataAtom == atom.H1 || t.DataAtom == atom.Title || t.DataAtom == atom.Meta:
			b.WriteString(t.String())
		}
	}
	return html.Parse(strings.NewReader(b.String()))
}

// rules are Rules with their selectors read.
type rules struct{ body, title, author, date, remove cascadia.Matcher }

// compile reads the selectors; the error names the rule.
func compile(r Rules) (rules, error) {
	var c rules
	for _, x := range []struct {
		name, css string
		into      *cascadia.Matcher
	}{{"body", r.Body, &c.body}, {"title", r.Title, &c.title}, {"author", r.Author, &c.author}, {"date", r.Date, &c.date}, {"remove", r.Remove, &c.remove}} {
		if x.css == "" {
			continue
		}
		sel, err := cascadia.ParseGroup(x.css)
		if err != nil {
			return c, fmt.Errorf("rule %s %q is no CSS selector (%w); write for instance div.article-body", x.name, x.css, err)
		}
		*x.into = sel
	}
	return c, nil
}

// cut removes what a site's rules say.
func (p *page) cut(m cascadia.Matcher) {
	if m == nil {
		return
	}
	for _, n := range cascadia.QueryAll(p.doc, m) {
		detach(n)
	}
}

func detach(n *html.Node) {
	if n.Parent != nil {
		n.Parent.RemoveChild(n)
	}
}

// scan reads, in one walk, whatever on the page speaks about the article.
func (p *page) scan() {
	for n := range p.doc.Descendants() {
		switch {
		case n.Type == html.ElementNode:
			p.see(n)
		case n.Type == html.TextNode && len(p.pieces) < maxPieces && !silent(n.Parent):
			if s := strings.TrimSpace(n.Data); s != "" {
				p.pieces = append(p.pieces, piece{n.Parent, s})
			}
		}
	}
	if href := cmp.Or(p.links["base"]...); href != "" {
		if u, err := url.Parse(escapeStray(href)); err == nil {
			if p.base != nil {
				u = p.base.ResolveReference(u)
			}
			if u.Host != "" {
				p.base = u
			}
		}
	}
}

func (p *page) see(n *html.Node) {
	switch n.DataAtom {
	case atom.Html:
		p.lang = attr(n, "lang")
	case atom.Base:
		p.links["base"] = append(p.links["base"], strip(attr(n, "href")))
	case atom.Title:
		if p.title == "" && n.Namespace == "" {
			p.title = inline(n)
		}
	case atom.Meta:
		p.seeMeta(n)
	case atom.Link:
		p.seeLink(n)
	case atom.Script:
		if strings.Contains(strings.ToLower(attr(n, "type")), "ld+json") && n.FirstChild != nil {
			p.things = append(p.things, readThings(n.FirstChild.Data)...)
		}
	case atom.H1:
		p.h1 = append(p.h1, n)
	case atom.Time:
		if len(p.times) < 400 {
			p.times = append(p.times, n)
		}
	}
	for _, name := range strings.Fields(attr(n, "itemprop")) {
		if len(p.props[name]) < 50 {
			p.props[name] = append(p.props[name], n)
		}
	}
	p.seeClass(n)
}

func (p *page) seeMeta(n *html.Node) {
	value := attr(n, "content")
	if value == "" {
		return
	}
	seen := ""
	for _, key := range []string{"property", "name", "http-equiv"} {
		name := strings.ToLower(strings.TrimSpace(attr(n, key)))
		if name != "" && name != seen && len(p.meta[name]) < 20 {
			p.meta[name] = append(p.meta[name], clean(value))
			seen = name
		}
	}
}

func (p *page) seeLink(n *html.Node) {
	href := attr(n, "href")
	for _, rel := range strings.Fields(strings.ToLower(attr(n, "rel"))) {
		if rel == "alternate" && !strings.Contains(href, "/wp/v2/") {
			continue
		}
		if len(p.links[rel]) < 5 {
			p.links[rel] = append(p.links[rel], href)
		}
	}
}

// seeClass notes elements whose class, rel or id speaks of author, date or the
// site's own number.
func (p *page) seeClass(n *html.Node) {
	mark := strings.ToLower(attr(n, "class") + " " + attr(n, "id") + " " + attr(n, "rel") + " " + attr(n, "data-testid"))
	if len(mark) < 6 {
		return
	}
	switch n.DataAtom {
	case atom.Body, atom.Article:
		for _, word := range strings.Fields(mark) {
			if number, found := strings.CutPrefix(word, "post"); found && postNumber(strings.TrimPrefix(strings.TrimPrefix(number, "id"), "-")) != "" {
				p.ids = append(p.ids, "postid-"+strings.TrimPrefix(strings.TrimPrefix(number, "id"), "-"))
			}
		}
	case atom.Html, atom.Link, atom.Script, atom.Style, atom.Form, atom.Input:
		return
	}
	if len(p.marked) < 400 && (strings.Contains(mark, "author") || strings.Contains(mark, "byline") || strings.Contains(mark, "written") || strings.Contains(mark, "writer")) {
		p.marked = append(p.marked, n)
	}
	if len(p.dated) < 400 && (strings.Contains(mark, "date") || strings.Contains(mark, "publish") || strings.Contains(mark, "posted") || strings.Contains(mark, "time")) {
		p.dated = append(p.dated, n)
	}
}

// metaFirst is the first value among meta elements of these names.
func (p *page) metaFirst(names ...string) string {
	for _, name := range names {
		if v := cmp.Or(p.meta[name]...); v != "" {
			return v
		}
	}
	return ""
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// maxInline is how many bytes of an element's text are looked at where one line
// is wanted: titles, names, dates.
const maxInline = 4 << 10

// inline is the text of an element as one line.
func inline(n *html.Node) string {
	var b strings.Builder
	inlineInto(&b, n)
	return clean(b.String())
}

func inlineInto(b *strings.Builder, n *html.Node) {
	if b.Len() > maxInline {
		return
	}
	gap := false
	switch {
	case n.Type == html.TextNode:
		b.WriteString(n.Data[:min(len(n.Data), maxInline)])
	case n.Type == html.ElementNode && silent(n):
		return
	case n.Type == html.ElementNode:
		gap = n.DataAtom == atom.Br || isBlock(n)
	}
	if gap {
		b.WriteByte(' ')
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		inlineInto(b, c)
	}
	if gap {
		b.WriteByte(' ')
	}
}

// silent are elements whose content is not text of the page.
func silent(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Textarea, atom.Select, atom.Option, atom.Iframe,
		atom.Object, atom.Svg, atom.Math, atom.Audio, atom.Video, atom.Canvas, atom.Button, atom.Head, atom.Datalist:
		return n.DataAtom != atom.Head
	}
	return false
}

// isBlock tells elements that stand on lines of their own.
func isBlock(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Center, atom.Dd, atom.Details, atom.Dialog,
		atom.Dir, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption, atom.Figure, atom.Footer, atom.Form, atom.H1,
		atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Hgroup, atom.Hr, atom.Html, atom.Legend, atom.Li,
		atom.Main, atom.Menu, atom.Nav, atom.Ol, atom.P, atom.Pre, atom.Section, atom.Summary, atom.Table, atom.Tbody,
		atom.Tfoot, atom.Thead, atom.Tr, atom.Td, atom.Th, atom.Caption, atom.Ul:
		return true
	}
	return false
}

// clean makes one line of text: white space of all kinds becomes one space,
// characters that are not seen and control characters go. Joiners stay: Urdu,
// Persian and the languages of India are spelled with them.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u00ad' || r == '\u200b' || r == '\ufeff' || r == '\u2060' || r == '\ufffd':
			return -1
		case r == '\u00a0' || r == '\u2028' || r == '\u2029':
			return ' '
		case r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' || r == '\u007f':
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// isClean tells plain ASCII on one line with single spaces, which needs no work.
func isClean(s string) bool {
	space := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			if space {
				return false
			}
			space = true
		case c < ' ' || c >= 0x7f:
			return false
		default:
			space = false
		}
	}
	return !space || s == ""
}
