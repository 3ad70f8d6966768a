package summary

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Candidate is one sentence of the article in a form that could be printed.
type Candidate struct {
	Index int      // number of the sentence in the article
	Spans [][2]int // into Doc.Text
	Text  string
	Words int
	Flaws Flaw
	Score float32

	order     int  // number among the candidates, variants apart
	variant   bool // the sentence before it, shortened
	paragraph bool // opens a paragraph
	tokens    []token
	pairs     []int32
	quotes    int     // opening less closing curly marks
	title     float32 // share of the headline's weight that it holds
	headline  float32 // share of it that is headline
}

// Flaw is a reason not to print a sentence, or not to print it alone.
type Flaw uint16

// What a candidate may suffer from.
const (
	Dangles  Flaw = 1 << iota // refers to the sentence before it
	Question                  // asks
	Junk                      // belongs to the page
	Stub                      // has no end: a heading, caption or list item
	OddQuote                  // has an unpaired straight quotation mark
	Personal                  // speaks in the first person outside quotes
	Loose                     // refers to someone whom it does not name
	Bare                      // is a quotation without its speaker
	Short                     // has under four words
	Stale                     // is already used in the same issue
)

// maxText bounds how much of an article is looked at, in bytes. Nothing that
// an editor would pick stands behind some 40,000 words.
const maxText = 1 << 18

// candidates splits, cleans and judges the article. The result is empty only
// if the text holds no letter.
func candidates(v *vocabulary, d Doc) []Candidate {
	rules := languageFor(d.Language)
	text := head(d.Text)
	start := len(text) - len(strings.TrimLeftFunc(text, isBlank))
	start += opening(text[start:])
	var out []Candidate
	order, last := 0, 0
	for i, s := range Split(d.Language, text[start:]) {
		s[0], s[1] = s[0]+start, s[1]+start
		if strings.IndexFunc(text[s[0]:s[1]], unicode.IsLetter) < 0 {
			continue
		}
		c := Candidate{Index: i, Spans: body(text, s), order: order}
		c.paragraph = order > 0 && strings.Contains(text[last:s[0]], "\n")
		last = s[1]
		order++
		c.read(v, rules, text)
		if start > 0 || i > 0 {
			c.lean(rules)
		}
		if isCredit(c.Text) && len(out) > 0 {
			out[len(out)-1].Flaws |= Junk // the sentence before a credit is its caption
		}
		out = append(out, c)
		if short, ok := unlinked(rules, text, c); ok {
			short.read(v, rules, text)
			out = append(out, short)
		}
	}
	return out
}

// head returns the part of text that is looked at.
func head(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// read fills in what follows from the spans.
func (c *Candidate) read(v *vocabulary, rules *language, text string) {
	c.Text = join(text, c.Spans)
	c.Words = Words(c.Text)
	c.tokens = v.tokens(c.Text, make([]token, 0, c.Words+4))
	c.quotes = strings.Count(c.Text, "“") + strings.Count(c.Text, "«") - strings.Count(c.Text, "”") - strings.Count(c.Text, "»")
	c.Flaws = flaws(rules, c.Text, c.Words)
}

// lean marks what cannot open a summary.
func (c *Candidate) lean(rules *language) {
	if opensWith(rules.back, c.Text) != "" {
		c.Flaws |= Dangles
	}
	if r, _ := utf8.DecodeRuneInString(c.Text); unicode.IsLower(r) {
		c.Flaws |= Dangles
	}
}

func flaws(rules *language, s string, words int) Flaw {
	var f Flaw
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRightFunc(s, isCloser))
	if !isTerminal(last) {
		f |= Stub
	}
	if last == '?' || last == '؟' || last == '？' {
		f |= Question
	}
	if words < 4 {
		f |= Short
	}
	if isJunk(s) {
		f |= Junk
	}
	if strings.Count(s, `"`)%2 != 0 {
		f |= OddQuote
	}
	return f | voice(rules, s)
}

// voice looks outside quotation marks for a first person, and for a third
// person who comes before any name.
func voice(rules *language, s string) Flaw {
	var f Flaw
	named, inQuote, first := false, false, true
	said := 0
	for w := range strings.FieldsSeq(s) {
		if strings.HasPrefix(w, `"`) || strings.HasPrefix(w, "“") || strings.HasPrefix(w, "'") || strings.HasPrefix(w, "‘") {
			inQuote = true
		}
		ends := strings.ContainsAny(w[len(w)-1:], `"`) || strings.Contains(w, "”") || strings.HasSuffix(w, "’") || strings.HasSuffix(w, "'") || strings.HasSuffix(strings.TrimRight(w, ".,"), `"`)
		if !inQuote {
			said++
			word := strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) }))
			word = strings.ReplaceAll(word, "’", "'")
			switch r, _ := utf8.DecodeRuneInString(w); {
			case rules.personal[word]:
				f |= Personal
			case rules.pronouns[word] && !named:
				f |= Loose
			case !first && unicode.IsUpper(r):
				named = true
			}
		}
		first = false
		if ends {
			inQuote = false
		}
	}
	if said == 0 {
		f |= Bare
	}
	return f
}

// unlinked returns the sentence without its opening connective, where a
// capital letter follows: "But Mr Hale …", "However, Oslo …".
func unlinked(rules *language, text string, c Candidate) (Candidate, bool) {
	link := opensWith(rules.links, c.Text)
	if c.Flaws&Dangles == 0 || link == "" || !strings.HasPrefix(c.Text, link) || len(c.Spans[0]) == 0 {
		return c, false
	}
	start := c.Spans[0][0] + len(link)
	rest := text[start:c.Spans[0][1]]
	trimmed := strings.TrimLeft(rest, ", ")
	r, _ := utf8.DecodeRuneInString(trimmed)
	if trimmed == rest || !unicode.IsUpper(r) || opensWith(rules.back, trimmed) != "" {
		return c, false
	}
	c.Spans = append([][2]int{{start + len(rest) - len(trimmed), c.Spans[0][1]}}, c.Spans[1:]...)
	c.variant = true
	return c, true
}
