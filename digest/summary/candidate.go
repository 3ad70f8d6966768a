package summary

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// candidate is one sentence of the article in a form that could be printed.
type candidate struct {
	index  int      // number of the sentence in the article
	spans  [][2]int // into Doc.Text
	text   string
	words  int
	tokens []token
	flaws  flaw
	quotes int // opening minus closing curly marks; straight ones are in oddQuote
	score  float64
}

// flaw is a reason not to print a sentence, or not to print it alone.
type flaw uint16

const (
	dangles  flaw = 1 << iota // refers to the sentence before it
	question                  // asks
	junk                      // belongs to the page
	stub                      // has no end: a heading, caption or list item
	oddQuote                  // has an unpaired straight quotation mark
	personal                  // speaks in the first person outside quotes
	repeats                   // says what the headline says
	quoted                    // is a bare quotation without its speaker
	short                     // under four words
	stale                     // is already used in the same issue
)

var dangling = regexp.MustCompile(`^[“"\'‘(«]*(?:He|She|They|It|His|Her|Hers|Their|Theirs|Its|Him|Them|This|That|These|Those|But|And|Or|Nor|However|Meanwhile|Also|Moreover|Furthermore|Instead|Then|So|Yet|Still|Such|Nevertheless|Nonetheless|Therefore|Thus|Hence|Besides|Otherwise|Likewise|Similarly|Consequently|Additionally|In addition|As a result|For example|For instance|In turn|Even so|Both|Neither|Another|Others|Here|There)\b`)

// candidates splits, cleans and judges the article. The result is never empty
// if the text holds a letter.
func candidates(v *vocabulary, d Doc) []candidate {
	head := len(d.Text) - len(strings.TrimLeftFunc(d.Text, isBlank))
	head += opening(d.Text[head:])
	var out []candidate
	for i, s := range Split(d.Language, d.Text[head:]) {
		s[0], s[1] = s[0]+head, s[1]+head
		if strings.IndexFunc(d.Text[s[0]:s[1]], unicode.IsLetter) < 0 {
			continue
		}
		c := candidate{index: i, spans: body(d.Text, s)}
		c.text = join(d.Text, c.spans)
		c.words = Words(c.text)
		c.tokens = v.tokens(c.text, nil)
		c.flaws = flaws(c.text, c.words, len(out) > 0 || head > 0)
		c.quotes = strings.Count(c.text, "“") + strings.Count(c.text, "«") - strings.Count(c.text, "”") - strings.Count(c.text, "»")
		out = append(out, c)
	}
	return out
}

func flaws(s string, words int, after bool) flaw {
	var f flaw
	end := strings.TrimRightFunc(s, isCloser)
	last, _ := utf8.DecodeLastRuneInString(end)
	if !isTerminal(last) {
		f |= stub
	}
	if last == '?' || last == '؟' || last == '？' {
		f |= question
	}
	if words < 4 {
		f |= short
	}
	if isJunk(s) {
		f |= junk
	}
	if strings.Count(s, `"`)%2 != 0 {
		f |= oddQuote
	}
	if after && dangling.MatchString(s) {
		f |= dangles
	}
	if r, _ := utf8.DecodeRuneInString(s); unicode.IsLower(r) {
		f |= dangles
	}
	return f
}
