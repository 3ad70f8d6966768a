package article

import (
	"net/url"
	"strings"

	readability "codeberg.org/readeck/go-readability/v2"
	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// body is the text of an article as blocks in page order.
type body []block

// block is one paragraph, heading, list item or table row.
type block struct {
	node      *html.Node // the element that holds it
	text      string
	linkRunes int // runes of text inside links
}

// text joins the blocks by empty lines.
func (b body) text() string {
	var s strings.Builder
	for i, x := range b {
		if i > 0 {
			s.WriteString("\n\n")
		}
		s.WriteString(x.text)
	}
	return s.String()
}

// lead is the beginning of the text, enough to tell its language by.
func (b body) lead() string {
	s := ""
	for _, x := range b {
		s += x.text + "\n"
		if len(s) > 1000 {
			break
		}
	}
	return s
}

func wordCount(s string) int { return len(strings.Fields(s)) }

// body finds the text of the article.
func (p *page) body(r rules, a *Article) body {
	if r.body != nil {
		var out body
		for _, n := range cascadia.QueryAll(p.doc, r.body) {
			out = append(out, blocks(n)...)
		}
		if len(out) > 0 {
			return out
		}
	}
	p.prune()
	base := p.base
	if base == nil {
		base = &url.URL{Scheme: "https", Host: "page.invalid", Path: "/"}
	}
	ps := readability.NewParser()
	ps.DisableJSONLD = true
	found, err := ps.ParseAndMutate(p.doc, base)
	if err != nil || found.Node == nil {
		return nil
	}
	return blocks(found.Node).filter()
}

// blocks cuts the text under a node into its blocks.
func blocks(root *html.Node) body {
	w := walker{}
	w.walk(root, root, false)
	w.flush(root)
	return w.out
}

type walker struct {
	out   body
	buf   strings.Builder
	links int
	br    int
}

func (w *walker) flush(holder *html.Node) {
	if w.buf.Len() == 0 {
		return
	}
	if text := clean(w.buf.String()); text != "" {
		w.out = append(w.out, block{node: holder, text: text, linkRunes: w.links})
	}
	w.buf.Reset()
	w.links = 0
}

func (w *walker) walk(n, holder *html.Node, inLink bool) {
	switch n.Type {
	case html.TextNode:
		w.buf.WriteString(n.Data)
		if strings.TrimSpace(n.Data) != "" {
			w.br = 0
			if inLink {
				w.links += len([]rune(clean(n.Data)))
			}
		}
		return
	case html.ElementNode:
		if silent(n) {
			return
		}
	case html.CommentNode:
		return
	}
	inLink = inLink || n.DataAtom == atom.A
	switch {
	case n.DataAtom == atom.Br:
		if w.br++; w.br > 1 {
			w.flush(holder)
		}
		w.buf.WriteByte(' ')
		return
	case n.DataAtom == atom.Td || n.DataAtom == atom.Th:
		w.buf.WriteByte(' ')
	case isBlock(n):
		w.flush(holder)
		holder = n
		defer w.flush(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.walk(c, holder, inLink)
	}
}
