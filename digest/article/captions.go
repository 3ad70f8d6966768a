package article

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A page is a gallery for its captions alone when it has as many, of as many words.
const (
	leastCaptions     = 3
	leastCaptionWords = 5
)

// captions are what stands under the pictures of a page, without their credits, each
// once; nil where they are too few to be a gallery. Those of links lead to other
// stories.
func (p *page) captions() body {
	var out body
	var last *html.Node
	for n := range p.doc.Descendants() {
		if n.Type != html.ElementNode || n.DataAtom != atom.Figcaption && !slices.Contains(classWords(attr(n, "class")), "caption") {
			continue
		}
		if within(n, func(x *html.Node) bool { return x == last }) != nil || within(n, leadsAway) != nil {
			continue
		}
		text := inline(n)
		linked := false
		for d := range n.Descendants() {
			words := classWords(attr(d, "class"))
			if slices.Contains(words, "credit") || slices.Contains(words, "copyright") {
				text = strings.Replace(text, inline(d), "", 1)
			}
			linked = linked || d.DataAtom == atom.A
		}
		x := newBlock(n, clean(text), 0)
		short := x.words < leastCaptionWords && countLetters(x.text).han < 2*leastCaptionWords
		if linked || short || slices.ContainsFunc(out, func(y block) bool { return x.text == y.text }) {
			continue
		}
		out, last = append(out, x), n
		if len(out) == maxCaptions {
			break
		}
	}
	if len(out) < leastCaptions {
		return nil
	}
	return out
}

// maxCaptions bounds a gallery.
const maxCaptions = 200

// leadsAway tells what is a link, or stands beside the article.
func leadsAway(n *html.Node) bool {
	return n.DataAtom == atom.A || n.DataAtom == atom.Nav || n.DataAtom == atom.Aside || n.DataAtom == atom.Footer
}
