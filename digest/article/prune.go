package article

import (
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// pruner cuts furniture out of a page's tree before anybody looks for text.
type pruner struct {
	seen   map[string]verdict // by attribute value; pages repeat themselves
	total  int                // plain letters of the page when a pass begins
	strict bool               // the pass for weak marks
	doomed []*html.Node
}

// prune removes what markup, class and id call furniture. The first pass takes
// what can be nothing else, the second what could be, measured against what the
// first has left: an element that holds a third of the page's text is not a
// side bar, whatever it is called.
func (p *page) prune() {
	root := p.bodyNode()
	initials(root)
	pr := pruner{seen: map[string]verdict{}}
	for _, strict := range []bool{false, true} {
		pr.strict, pr.total, pr.doomed = strict, prose(root, 1<<30), nil
		pr.walk(root)
		for _, n := range pr.doomed {
			detach(n)
		}
	}
}

// bodyNode is the body element, or the document when a page has none.
func (p *page) bodyNode() *html.Node {
	for n := range p.doc.Descendants() {
		if n.DataAtom == atom.Body {
			return n
		}
	}
	return p.doc
}

func (pr *pruner) walk(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.CommentNode {
			pr.doomed = append(pr.doomed, c)
			continue
		}
		if c.Type != html.ElementNode {
			continue
		}
		if pr.dooms(c) {
			pr.doomed = append(pr.doomed, c)
			continue
		}
		pr.walk(c)
	}
}

// dooms decides about one element.
func (pr *pruner) dooms(n *html.Node) bool {
	if silent(n) && n.DataAtom != atom.Noscript {
		return true
	}
	if n.DataAtom == atom.Noscript {
		return true
	}
	switch v := pr.mark(n); {
	case v == strong && !pr.strict:
		return !holds(n, pr.total*6/10)
	case v == weak && pr.strict:
		return !holds(n, pr.total*3/10) && !has(n, atom.H1)
	}
	return false
}

// holds tells whether at least that many plain letters stand under an element.
func holds(n *html.Node, letters int) bool { return prose(n, letters) >= max(letters, 1) }

// mark is what an element's name and attributes say.
func (pr *pruner) mark(n *html.Node) verdict {
	switch n.DataAtom {
	case atom.Nav, atom.Dialog, atom.Menu:
		return strong
	case atom.Figcaption, atom.Caption, atom.Footer, atom.Aside, atom.Form, atom.Label:
		return weak
	case atom.Html, atom.Body, atom.Main, atom.Article, atom.P, atom.Em, atom.Strong, atom.B, atom.I, atom.Br, atom.Td, atom.Tr, atom.Tbody, atom.Img:
		if n.DataAtom != atom.P || len(n.Attr) == 0 {
			return unmarked
		}
	}
	best := unmarked
	if hidden(n) {
		best = weak
	}
	for _, a := range n.Attr {
		switch v := pr.attribute(a.Key, a.Val); {
		case v == strong:
			return strong
		case v == keep || best == unmarked:
			best = v
		}
	}
	return best
}

// hidden tells what the page keeps from view, other than what a reader can
// open (a fold, a tab) or a script puts in place (React streams a page's parts
// as hidden elements named S:0, S:1 …).
func hidden(n *html.Node) bool {
	conceals := false
	for _, a := range n.Attr {
		switch a.Key {
		case "hidden":
			conceals = true
		case "style":
			style := strings.ReplaceAll(strings.ToLower(a.Val), " ", "")
			conceals = conceals || strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden")
		}
	}
	return conceals && !opens(n) && !strings.HasPrefix(attr(n, "id"), "S:")
}

// opens tells a part that a reader can unfold.
func opens(n *html.Node) bool {
	if role := attr(n, "role"); role == "region" || role == "tabpanel" {
		return true
	}
	for _, w := range classWords(attr(n, "class") + " " + attr(n, "id")) {
		switch w {
		case "accordion", "collapse", "collapsible", "tab", "tabs", "tabpanel", "panel", "expand", "expandable", "faq", "answer":
			return true
		}
	}
	return false
}

// attribute is what one attribute says.
func (pr *pruner) attribute(key, value string) verdict {
	switch key {
	case "aria-hidden":
		if value == "true" {
			return weak
		}
	case "role":
		switch value {
		case "navigation", "dialog", "alertdialog", "menu", "menubar", "search", "alert":
			return strong
		case "complementary", "contentinfo", "banner", "form":
			return weak
		}
	case "class", "id", "data-testid", "data-component", "data-module", "aria-label":
		if len(value) > 400 {
			return unmarked
		}
		v, known := pr.seen[value]
		if !known {
			v = furniture().judgeAll(value)
			pr.seen[value] = v
		}
		return v
	}
	return unmarked
}

// judgeAll judges every class of a list.
func (f *furnitureList) judgeAll(classes string) verdict {
	best := unmarked
	for _, c := range strings.Fields(classes) {
		switch v := f.judge(c); {
		case v == strong:
			return strong
		case v == keep || best == unmarked:
			best = v
		}
	}
	return best
}

// prose counts letters outside links under a node, up to a limit.
func prose(n *html.Node, limit int) int {
	switch {
	case limit <= 0:
		return 0
	case n.Type == html.TextNode:
		return min(letters(n.Data), limit)
	case n.Type == html.ElementNode && (n.DataAtom == atom.A || silent(n)):
		return 0
	}
	sum := 0
	for c := n.FirstChild; c != nil && sum < limit; c = c.NextSibling {
		sum += prose(c, limit-sum)
	}
	return sum
}

// letters counts letters and digits; in scripts without spaces each counts
// like three, so that limits mean the same everywhere.
func letters(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r < 0x80:
			if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
				n++
			}
		case r >= 0x2e80 && r < 0xd800:
			n += 3
		case unicode.IsLetter(r):
			n++
		}
	}
	return n
}

// has tells whether an element of a kind stands under n.
func has(n *html.Node, kind atom.Atom) bool {
	for d := range n.Descendants() {
		if d.DataAtom == kind {
			return true
		}
	}
	return false
}
