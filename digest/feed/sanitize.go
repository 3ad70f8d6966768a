package feed

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Sanitize returns the part of an HTML fragment that may be shown on a page or
// in a mail: text, links and pictures with absolute http(s) addresses, lists,
// tables, quotes. Scripts, styles, forms, frames, event handlers, hidden
// elements and tracking pixels are gone; so is every attribute that is not on
// the list. base resolves relative addresses; those that cannot be resolved
// lose their link. Sanitizing twice changes nothing.
func Sanitize(fragment string, base string) string {
	if !strings.ContainsAny(fragment, "<>&\"'") {
		return strings.TrimSpace(strings.Map(dropInvisible, fragment))
	}
	root := parseFragment(fragment)
	if root == nil {
		return html.EscapeString(Text(fragment))
	}
	prune(root)
	resolve(root, base)
	var b strings.Builder
	for n := root.FirstChild; n != nil; n = n.NextSibling {
		if err := html.Render(&b, n); err != nil {
			return html.EscapeString(Text(fragment))
		}
	}
	return strings.TrimSpace(policy().Sanitize(b.String()))
}

// dropInvisible is dropMarks for HTML: white space keeps its shape.
func dropInvisible(r rune) rune {
	if r == '\n' || r == '\t' || r == '\r' {
		return r
	}
	return dropMarks(r)
}

// policy is the list of what is allowed; everything else goes. It is built
// once and safe for concurrent use.
var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "div", "span", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "q", "cite",
		"ul", "ol", "li", "dl", "dt", "dd", "strong", "b", "em", "i", "u", "s", "del", "ins", "sub", "sup", "small", "mark",
		"code", "pre", "kbd", "samp", "abbr", "figure", "figcaption", "table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th", "time")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src", "alt").OnElements("img")
	p.AllowAttrs("width", "height").Matching(regexp.MustCompile(`^\d{1,5}$`)).OnElements("img")
	p.AllowAttrs("colspan", "rowspan").Matching(regexp.MustCompile(`^\d{1,3}$`)).OnElements("td", "th")
	p.AllowAttrs("title").OnElements("abbr")
	p.AllowAttrs("datetime").Matching(regexp.MustCompile(`^[0-9TZ:+. -]{4,40}$`)).OnElements("time")
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`^(?:ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("lang").Matching(languageTag).Globally()
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.SkipElementsContent("script", "style", "iframe", "object", "embed", "svg", "math", "template", "noscript",
		"select", "textarea", "button", "title", "frameset", "video", "audio", "canvas")
	return p
})

// parseFragment reads a fragment as the inside of a <body>; nil when it is
// nested so deeply (512 elements) that the parser refuses.
func parseFragment(fragment string) *html.Node {
	fragment = strings.ToValidUTF8(strings.Map(dropInvisible, fragment), "\uFFFD")
	root := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(fragment), root)
	if err != nil {
		return nil
	}
	for _, n := range nodes {
		root.AppendChild(n)
	}
	return root
}

// walk visits the tree in document order; a node for which visit reports false is cut out
// with all it holds.
func walk(root *html.Node, visit func(*html.Node) bool) {
	n := root.FirstChild
	for n != nil {
		keep := visit(n)
		next := n.FirstChild
		if !keep || next == nil {
			next = following(n, root)
		}
		if !keep {
			n.Parent.RemoveChild(n)
		}
		n = next
	}
}

// following is the node after n and all it holds.
func following(n, root *html.Node) *html.Node {
	for n != root && n.NextSibling == nil {
		n = n.Parent
	}
	if n == root {
		return nil
	}
	return n.NextSibling
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// prune cuts out what is not content: code, controls, comments, hidden
// elements, tracking pixels.
func prune(root *html.Node) {
	walk(root, func(n *html.Node) bool {
		if n.Type == html.CommentNode || n.Type == html.DoctypeNode {
			return false
		}
		if n.Type != html.ElementNode {
			return true
		}
		if n.Namespace != "" || isHidden(n) {
			return false
		}
		switch n.DataAtom {
		case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Iframe, atom.Object, atom.Embed, atom.Applet,
			atom.Form, atom.Input, atom.Button, atom.Select, atom.Textarea, atom.Link, atom.Meta, atom.Base, atom.Title,
			atom.Svg, atom.Math, atom.Canvas, atom.Audio, atom.Video, atom.Frameset, atom.Frame, atom.Map:
			return false
		case atom.Img:
			return !isPixel(n)
		}
		return true
	})
}

var hiding = regexp.MustCompile(`(?i)(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)|font-size\s*:\s*0(?:px|em|pt|%)?\s*(?:;|!|$)|mso-hide\s*:\s*all)`)

// isHidden reports whether a browser would not show the element.
func isHidden(n *html.Node) bool {
	if hasAttr(n, "hidden") || strings.EqualFold(attr(n, "aria-hidden"), "true") && n.DataAtom != atom.Img {
		return true
	}
	style := attr(n, "style")
	return style != "" && hiding.MatchString(style)
}

var pixels = regexp.MustCompile(`(?i)//(?:[^/]*\.)?(?:feedburner\.com/~r/|feeds\.feedburner\.com/~|feedsportal\.com|doubleclick\.net|google-analytics\.com|stats\.wordpress\.com|pixel\.wp\.com|stats\.wp\.com|b\.scorecardresearch\.com|pixel\.quantserve\.com|facebook\.com/tr\b|ad\.doubleclick|rss\.buysellads|api\.follow\.it/track|counter\.yadro\.ru|mc\.yandex\.ru|top\.mail\.ru/counter)`)

// isPixel reports whether a picture is there to count readers: one or two
// pixels large, or from a host that serves nothing else.
func isPixel(n *html.Node) bool {
	tiny := func(key string) bool {
		v, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(attr(n, key)), "px"))
		return err == nil && v <= 2
	}
	return tiny("width") || tiny("height") || pixels.MatchString(attr(n, "src"))
}

// resolve makes addresses absolute and takes a picture's address from where
// lazy loading hides it. Links that lead nowhere lose their href.
func resolve(root *html.Node, base string) {
	walk(root, func(n *html.Node) bool {
		switch n.DataAtom {
		case atom.A:
			setAttr(n, "href", linkTarget(base, attr(n, "href")))
		case atom.Img:
			src := Absolute(base, imageSource(n))
			setAttr(n, "src", src)
			return src != ""
		}
		return true
	})
}

func linkTarget(base, href string) string {
	href = strings.Map(dropControl, strings.TrimSpace(href))
	if len(href) > 7 && strings.EqualFold(href[:7], "mailto:") && len(href) < 200 {
		return href
	}
	if href == "" || strings.HasPrefix(href, "#") {
		return ""
	}
	return Absolute(base, href)
}

func setAttr(n *html.Node, key, val string) {
	kept := n.Attr[:0]
	for _, a := range n.Attr {
		if a.Key != key {
			kept = append(kept, a)
		}
	}
	n.Attr = kept
	if val != "" {
		n.Attr = append(n.Attr, html.Attribute{Key: key, Val: val})
	}
}

// imageSource is the address of the real picture: pages put a placeholder or
// nothing into src and the picture into a data attribute or srcset.
func imageSource(n *html.Node) string {
	src := attr(n, "src")
	if src != "" && !strings.HasPrefix(src, "data:") && !strings.Contains(src, "placeholder") && !strings.Contains(src, "blank.gif") {
		return src
	}
	for _, key := range []string{"data-src", "data-lazy-src", "data-original", "data-url", "data-orig-file", "data-large-file"} {
		if v := attr(n, key); v != "" {
			return v
		}
	}
	for _, key := range []string{"srcset", "data-srcset", "data-lazy-srcset"} {
		if v := largest(attr(n, key)); v != "" {
			return v
		}
	}
	return ""
}

// largest picks the widest candidate of a srcset.
func largest(srcset string) string {
	best, width := "", 0.0
	for len(srcset) > 0 {
		fields := strings.Fields(srcset)
		if len(fields) == 0 {
			break
		}
		u := strings.Trim(fields[0], ",")
		rest := strings.TrimSpace(srcset[strings.Index(srcset, fields[0])+len(fields[0]):])
		descriptor := ""
		if !strings.HasSuffix(fields[0], ",") {
			descriptor, rest, _ = strings.Cut(rest, ",")
		}
		srcset = rest
		w := 1.0
		if d := strings.Fields(descriptor); len(d) > 0 && len(d[0]) > 1 {
			if v, err := strconv.ParseFloat(d[0][:len(d[0])-1], 64); err == nil {
				w = v
			}
		}
		if u != "" && w > width {
			best, width = u, w
		}
	}
	return best
}

// FirstImage finds the first picture of a fragment that is content: not an
// emoji, avatar, icon, counter or spacer. Both are "" when there is none.
func FirstImage(fragment, base string) (src, alt string) {
	if !strings.Contains(fragment, "<img") && !strings.Contains(fragment, "<IMG") {
		return "", ""
	}
	z := html.NewTokenizer(strings.NewReader(fragment))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return "", ""
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if t.DataAtom != atom.Img {
				continue
			}
			n := &html.Node{Type: html.ElementNode, DataAtom: t.DataAtom, Data: t.Data, Attr: t.Attr}
			u := Absolute(base, imageSource(n))
			if u == "" || isPixel(n) || isHidden(n) || isOrnament(n, u) {
				continue
			}
			return u, attr(n, "alt")
		}
	}
}

var ornaments = regexp.MustCompile(`(?i)emoji|smil(?:ey|ies)|gravatar|avatar|/icons?/|spacer|loading\.gif|share[-_]|\.svg(?:\?|$)`)

func isOrnament(n *html.Node, src string) bool {
	small := func(key string) bool {
		v, err := strconv.Atoi(attr(n, key))
		return err == nil && v < 50
	}
	return small("width") || small("height") || ornaments.MatchString(src) || ornaments.MatchString(attr(n, "class"))
}
