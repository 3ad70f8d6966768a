package article

import (
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxPieces bounds how many texts of a page are kept.
const maxPieces = 30000

// piece is one text node with the element it stands in.
type piece struct {
	in   *html.Node
	text string
}

// The header of an article is what stands near its headline: the pieces up to
// the first paragraph behind it, and a few before it.
const (
	headerBefore = 8
	headerAfter  = 24
)

// header returns the pieces around the headline: those behind it in page
// order, then those before it, nearest first.
func (p *page) header(title string) (behind, before []piece) {
	at := p.headlineAt(norm(title))
	if at < 0 {
		return nil, nil
	}
	end, long := at+1, 0
	for end < len(p.pieces) && end-at <= headerAfter && long < 2 {
		if len(p.pieces[end].text) > 200 {
			long++ // the standfirst; the second is the text
		}
		end++
	}
	for i := at - 1; i >= 0 && at-i <= headerBefore; i-- {
		before = append(before, p.pieces[i])
	}
	return p.pieces[at+1 : end], before
}

// headlineAt is the index of the last piece of the headline; -1 when the page
// does not show it.
func (p *page) headlineAt(want string) int {
	if want == "" {
		return -1
	}
	fallback := -1
	for i, x := range p.pieces {
		if len(x.text) < 3 || x.in.DataAtom == atom.Title {
			continue
		}
		s := norm(x.text)
		if !strings.HasSuffix(want, s) {
			continue
		}
		if in := within(x.in, isHeading); in != nil && norm(inline(in)) == want {
			return i
		}
		if s == want && fallback < 0 {
			fallback = i
		}
	}
	return fallback
}

// within is the element or the nearest one around it that a function accepts,
// at most eight levels up.
func within(n *html.Node, accept func(*html.Node) bool) *html.Node {
	for i := 0; n != nil && i < 8; i++ {
		if accept(n) {
			return n
		}
		n = n.Parent
	}
	return nil
}

// headerDates reads when the article was published and changed from what
// stands near its headline.
func (p *page) headerDates(title string, american bool) (published, modified time.Time) {
	behind, before := p.header(title)
	for _, pieces := range [][]piece{behind, before} {
		for i, x := range pieces {
			t, ok := x.date(american)
			if !ok {
				continue
			}
			label := x.text
			if i > 0 {
				label = pieces[i-1].text + " " + label
			}
			first, second, both := x.twoDates(american)
			switch {
			case both && published.IsZero():
				published, modified = first, second
			case tellsChange(label):
				if modified.IsZero() {
					modified = t
				}
			case published.IsZero():
				published = t
			}
		}
		if !published.IsZero() {
			return published, modified
		}
	}
	return published, modified
}

// twoDates reads "Published 3 May, updated 4 May".
func (x piece) twoDates(american bool) (published, modified time.Time, ok bool) {
	lower := strings.ToLower(x.text)
	for _, w := range changeWords {
		at := strings.Index(lower, w)
		if at <= 0 || len(lower) != len(x.text) {
			continue
		}
		var before, after bool
		published, before = parseDate(x.text[:at], american)
		modified, after = parseDate(x.text[at:], american)
		if before && after {
			return published, modified, true
		}
	}
	return time.Time{}, time.Time{}, false
}

// date reads a piece that is no more than a date, a label and a clock.
func (x piece) date(american bool) (time.Time, bool) {
	if n := within(x.in, func(n *html.Node) bool { return n.DataAtom == atom.Time }); n != nil {
		if t, ok := parseDate(attr(n, "datetime"), american); ok {
			return t, true
		}
	}
	if len(x.text) > 100 {
		return time.Time{}, false
	}
	return parseDate(x.text, american)
}

// changeWords announce when a text was last changed, in the languages of the
// furniture list.
var changeWords = []string{"updat", "modif", "revis", "aktualis", "geändert", "actualiz", "mis à jour", "обновл", "измен", "aggiornat", "atualiz", "güncel", "تحديث", "اپ ڈیٹ", "更新", "review"}

func tellsChange(label string) bool {
	label = strings.ToLower(label)
	for _, w := range changeWords {
		if strings.Contains(label, w) {
			return true
		}
	}
	return false
}
