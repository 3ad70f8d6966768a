package article

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// initials puts the first letter of an article back before its word: pages draw
// it in a box of its own, as a picture, or once for the eye and once for screen
// readers, and "uring the flood" is left when such elements are pruned.
func initials(root *html.Node) {
	var drawn *html.Node
	var letter string
	var done []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			if l := initial(n); l != "" {
				drawn, letter = n, l
			}
			continue
		}
		if drawn == nil || n.Type != html.TextNode || strings.TrimSpace(n.Data) == "" || slices.Contains(slices.Collect(n.Ancestors()), drawn) {
			continue
		}
		if r, _ := utf8.DecodeRuneInString(n.Data); unicode.IsLower(r) {
			n.Data = letter + n.Data
			n.Parent.Attr = slices.DeleteFunc(n.Parent.Attr, func(a html.Attribute) bool { return a.Key == "aria-hidden" })
			done = append(done, drawn)
		}
		drawn = nil
	}
	for _, n := range done {
		detach(n)
	}
}

// initialMarks are parts of the classes of such letters, and of what only screen
// readers see.
var initialMarks = []string{"dropcap", "drop-cap", "drop_cap", "firstletter", "first-letter", "initial", "lettrine", "sr-only", "visually-hidden", "screen-reader"}

// initial is the letter that an element draws, with a quotation mark before it, or
// "" where it is something else. A block with a letter that may be a word stays.
func initial(n *html.Node) string {
	class := strings.ToLower(attr(n, "class"))
	if class == "" || !slices.ContainsFunc(initialMarks, func(mark string) bool { return strings.Contains(class, mark) }) {
		return ""
	}
	text := inline(n)
	if n.DataAtom == atom.Img {
		text = clean(attr(n, "alt"))
	}
	letter := strings.TrimLeft(text, "\"“‘'«„")
	r, size := utf8.DecodeRuneInString(letter)
	if size != len(letter) || !unicode.IsUpper(r) || isBlock(n) && strings.ContainsRune("AIOУАИОВКСЯ", r) {
		return ""
	}
	return text
}
