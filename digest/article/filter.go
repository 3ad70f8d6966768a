package article

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxLine is the length in words up to which a paragraph can be furniture by
// its words alone.
const maxLine = 70

// filter takes out of a body the paragraphs that the furniture list knows, and
// everything behind a heading that ends the article.
func (b body) filter() body {
	f := furniture()
	total, seen := 0, 0
	for _, x := range b {
		total += x.words
	}
	var out body
	under := false // behind a label that announces links
	for _, x := range b {
		seen += x.words
		text := ""
		if x.words <= maxLine {
			text = folded(x.text)
		}
		switch {
		case text == "":
			under = false
		case x.short() && f.ends.match(text) && x.heads():
			if seen*10 >= total*6 {
				return out.trimEnd()
			}
			under = true
			continue
		case f.lines.match(text):
			continue
		case (seen*5 < total || seen*10 > total*9) && f.isStamp(x):
			continue
		case f.announces(x, text):
			under = text == "" || x.short()
			continue
		case x.refers():
			continue
		case under && x.linkShare() > 0.6 && x.words < 40:
			continue
		default:
			under = false
		}
		out = append(out, x)
	}
	return out.trimEnd()
}

// isStamp tells a line that says when the article was published: a date and
// hardly a word beside it.
func (f *furnitureList) isStamp(x block) bool {
	if len(x.text) > 120 {
		return false
	}
	if _, ok := parseDate(x.text, false); !ok {
		return false
	}
	others := 0
	for w := range strings.FieldsFuncSeq(strings.ToLower(x.text), notWord) {
		if utf8.RuneCountInString(w) > 2 && !f.stamps[w] && months[w] == 0 {
			others++
		}
	}
	return others <= 2
}

// headLines and tailBlocks are how far from the ends of a text its author's name
// is looked for.
const (
	headLines  = 5
	tailBlocks = 3
)

// withoutAuthor drops the lines at the head that name the author or a date, and
// the note about the author at the end.
func (b body) withoutAuthor(byline []string) body {
	if len(b) < 3 {
		return b
	}
	end := len(b)
	for i := max(len(b)-tailBlocks, 2); i < end; i++ {
		if b[i].words <= maxLine && !strings.HasSuffix(b[i].text, "?") && mentions(norm(b[i].text), byline, strings.HasPrefix) {
			end = i
		}
	}
	return b[:end].pick(func(i int, x block) bool {
		if i >= headLines || x.words > 15 || strings.ContainsAny(x.text, ".!?۔。") && x.words > 8 {
			return true
		}
		_, dated := parseDate(x.text, false)
		return !mentions(norm(x.text), byline, strings.Contains) && !(dated && x.words < 8 && !x.heading())
	})
}

// mentions tells whether a text holds one of the names, as the function says.
func mentions(text string, byline []string, holds func(s, part string) bool) bool {
	for _, name := range byline {
		if name = norm(name); strings.Contains(name, " ") && holds(text, name) {
			return true
		}
	}
	return false
}

// announces tells whether a paragraph is, or begins with, a label for other
// stories.
func (f *furnitureList) announces(x block, text string) bool {
	if x.short() && f.labels.match(text) {
		return true
	}
	rest, ok := f.labels.prefix(text)
	if !ok || x.words > 40 {
		return false
	}
	label := strings.TrimSuffix(text, rest)
	colon := strings.HasPrefix(strings.TrimSpace(rest), ":")
	return x.linkShare() >= 0.4 || colon && strings.Contains(label, " ")
}

// trimEnd takes headings and labels that lead nowhere off the end.
func (b body) trimEnd() body {
	for len(b) > 1 {
		x := b[len(b)-1]
		if !x.heading() && !(x.short() && strings.HasSuffix(x.text, ":")) {
			break
		}
		b = b[:len(b)-1]
	}
	return b
}

// refers tells a paragraph that is nothing but one link, as sites put between
// paragraphs to lead to another story. Lists and headings of links are left.
func (x block) refers() bool {
	return x.linkShare() > 0.95 && x.words >= 5 && !x.heading() && within(x.node, func(n *html.Node) bool { return n.DataAtom == atom.Li || n.DataAtom == atom.Td }) == nil
}

// short tells a paragraph the length of a heading.
func (x block) short() bool { return len(x.text) < 90 && x.words <= 12 }

// heading tells whether a block is a heading by its element.
func (x block) heading() bool {
	for n := x.node; n != nil; n = n.Parent {
		switch n.DataAtom {
		case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
			return true
		case atom.Span, atom.Strong, atom.B, atom.A, atom.Em, atom.U:
			continue
		}
		return false
	}
	return false
}

// heads tells whether a block can be a heading: by its element, or because it
// stands alone on its line without a full stop.
func (x block) heads() bool {
	return x.heading() || !strings.HasSuffix(x.text, ".")
}

// linkShare is how much of a block is link.
func (x block) linkShare() float64 {
	n := len([]rune(x.text))
	if n == 0 {
		return 0
	}
	return float64(x.linkRunes) / float64(n)
}
