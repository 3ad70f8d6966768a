package article

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

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
	parent    *html.Node // what holds that
	text      string
	linkRunes int // runes of text inside links
	words     int
	weight    int // how much it counts as prose
}

// newBlock measures a block's text once.
func newBlock(holder *html.Node, text string, linkRunes int) block {
	x := block{node: holder, parent: holder.Parent, text: text, linkRunes: linkRunes, words: wordCount(text)}
	x.weight = x.prose()
	return x
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

// leadBytes is how much of a text the language detector gets.
const leadBytes = 1000

// clipTo cuts a text to at most n bytes at the beginning of a character.
func clipTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// lead is the beginning of the text, enough to tell its language by.
func (b body) lead() string {
	s := ""
	for _, x := range b {
		s += clipTo(x.text, leadBytes) + "\n"
		if len(s) > leadBytes {
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
	p.pruneCards()
	all := blocks(p.bodyNode())
	levels, sure := all.levels(dense(p.bodyNode(), all))
	text := merge(p.readable(), all, levels, sure, a.Title)
	text = text.withoutAuthor(a.Byline)
	if weightOf(text) == 0 {
		return nil // links and labels only
	}
	return text
}

// levels tells for each block how far one must go up from an element to have
// it inside: 0 for what is in the element itself. Sure tells whether markup
// calls that element, or one around it, the text.
func (b body) levels(n *html.Node) (levels []int, sure bool) {
	chain := map[*html.Node]int{}
	for ; n != nil; n = n.Parent {
		chain[n] = len(chain)
		sure = sure || attr(n, "itemprop") == "articleBody" || furniture().judgeAll(attr(n, "class")) == keep
	}
	for _, x := range b {
		n := x.node
		for n != nil {
			if _, in := chain[n]; in {
				break
			}
			n = n.Parent
		}
		levels = append(levels, chain[n])
	}
	return levels, sure
}

// maxReadable is the number of elements up to which readability is asked. It
// goes over a page many times; beyond this the dense text stands alone.
const maxReadable = 50_000

// readable asks readability for the text. It takes the tree apart, so it must
// come last. A page on which it stumbles has no such text.
func (p *page) readable() (found body) {
	defer func() {
		if recover() != nil {
			found = nil
		}
	}()
	base := p.base
	if base == nil {
		base = &url.URL{Scheme: "https", Host: "page.invalid", Path: "/"}
	}
	ps := readability.NewParser()
	ps.DisableJSONLD = true
	ps.MaxElemsToParse = maxReadable
	a, err := ps.ParseAndMutate(p.doc, base)
	if err != nil || a.Node == nil {
		return nil
	}
	return blocks(a.Node)
}

// merge makes one text of readability's and the dense one: the dense blocks
// between the first and the last that readability has found too. Where
// readability has lost its way the dense ones stand alone; where it has found
// much outside the densest element, the next one around that is taken.
func merge(first, all body, levels []int, sure bool, title string) body {
	first = first.afterTitle(title)
	known := first.knows()
	whole := weightOf(first)
	second := all.upTo(levels, 0)
	for level, common := 0, second.common(known); common*2 >= whole && common*100 < whole*95 && level < 6; {
		level++
		wider := all.upTo(levels, level)
		if gain := wider.common(known) - common; gain*20 > whole {
			second, common = wider, common+gain
		}
	}
	second = second.afterTitle(title).filter()
	if len(second) == 0 {
		return first.filter()
	}
	return second.between(known, whole, sure)
}

// upTo keeps the blocks up to a level.
func (b body) upTo(levels []int, level int) body {
	return b.pick(func(i int, _ block) bool { return levels[i] <= level })
}

// common weighs the known blocks.
func (b body) common(known func(block) bool) int {
	return weightOf(b.pick(func(_ int, x block) bool { return known(x) }))
}

// between cuts a text to the range that is known, and drops links in it that
// are not. Whole is what all that is known weighs.
func (b body) between(known func(block) bool, whole int, sure bool) body {
	from, to, common := -1, -1, 0
	for i, x := range b {
		if !known(x) {
			continue
		}
		common += x.weight
		if from < 0 {
			from = i
		}
		to = i + 1
	}
	if common*2 < whole || from < 0 {
		return b
	}
	if sure && common*10 < weightOf(b)*6 {
		from, to = 0, len(b)
	}
	for from > 0 && b[from-1].beside(b[from]) {
		from--
	}
	for to < len(b) && b[to].beside(b[to-1]) {
		to++
	}
	return b[from:to].pick(func(_ int, x block) bool { return known(x) || x.linkShare() < 0.5 })
}

// weightOf sums the prose of a text.
func weightOf(b body) int {
	sum := 0
	for _, x := range b {
		sum += x.weight
	}
	return sum
}

// window is how many words in a row tell that two texts share a passage.
const window = 5

// knows returns a function that tells whether a text holds a block, whole or as
// part of a longer one: readability joins what stands on lines of its own. It
// compares the beginning and the end by windows of words, which takes linear
// time whatever the page, and leaves out the outermost words, which stick to
// their neighbours in joined text.
func (b body) knows() func(block) bool {
	exact, passages := map[string]bool{}, map[string]bool{}
	for _, x := range b {
		exact[x.text] = true
		ends := wordEnds(x.text)
		for i := range max(len(ends)-window, 0) {
			passages[x.text[start(ends, i):ends[i+window-1]]] = true
		}
		if n := len(ends); n >= window {
			passages[x.text[start(ends, n-window):]] = true
		}
	}
	return func(x block) bool {
		if exact[x.text] {
			return true
		}
		ends := wordEnds(x.text)
		n := len(ends)
		return n > window+1 && passages[x.text[start(ends, 1):ends[window]]] && passages[x.text[start(ends, n-1-window):ends[n-2]]]
	}
}

// wordEnds are the offsets behind each word of a clean text.
func wordEnds(text string) []int {
	ends := make([]int, 0, len(text)/6+1)
	for i := range len(text) {
		if text[i] == ' ' {
			ends = append(ends, i)
		}
	}
	if text != "" {
		ends = append(ends, len(text))
	}
	return ends
}

// start is where word i begins.
func start(ends []int, i int) int {
	if i == 0 {
		return 0
	}
	return ends[i-1] + 1
}

// pick keeps the blocks that a function wants.
func (b body) pick(want func(int, block) bool) body {
	var out body
	for i, x := range b {
		if want(i, x) {
			out = append(out, x)
		}
	}
	return out
}

// beside tells whether two blocks stand in the same element.
func (x block) beside(y block) bool {
	return x.parent != nil && x.parent == y.parent
}

// afterTitle cuts off what stands before the headline.
func (b body) afterTitle(title string) body {
	want := norm(title)
	total, before := 0, 0
	for _, x := range b {
		total += x.weight
	}
	cut := 0
	for i, x := range b {
		limit := total / 5
		if x.heading() {
			limit = total / 2
		}
		if want != "" && before <= limit && len(x.text) < 2*len(title)+20 && norm(x.text) == want {
			cut = i + 1
		}
		before += x.weight
	}
	return b[cut:]
}

// norm is a text's words in small letters, for comparing.
func norm(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r)
	}), " ")
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
		w.out = append(w.out, newBlock(holder, text, w.links))
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
