package summary

import (
	"regexp"
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
	named     bool // may name somebody: holds a capital letter
	variant   bool // the sentence before it, shortened
	paragraph bool // opens a paragraph
	tokens    []token
	pairs     []int32
	quoted    bool    // holds a quotation mark
	quotes    int     // opening less closing curly marks and brackets
	title     float32 // share of the headline's weight that it holds
	headline  float32 // share of it that is headline
	accuses   bool
	denies    bool
	answers   []int // candidates of which one must stand with it
	names     []int // candidates of which one should stand before it: they say who the speaker is
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
	Loose                     // quotes or speaks of someone whom it does not name
	Bare                      // is a quotation without its speaker, or labelled with him
	Short                     // has under four words
	Stale                     // is already used in the same issue
	Echo                      // says no more than the headline
	Outside                   // is an item, entry or answer, not part of the report
	Later                     // takes up what was told, so that it cannot come first
)

// maxText bounds how much of an article is looked at, in bytes. Nothing that
// an editor would pick stands behind some 40,000 words.
const maxText = 1 << 18

// candidates splits, cleans and judges the article. The result is empty only
// if the text holds no letter.
func candidates(v *vocabulary, d Doc, text string, l layout, budget int) []Candidate {
	rules := languageFor(d.Language)
	trash := litterOf(text)
	start := len(text) - len(strings.TrimLeftFunc(text, isBlank))
	if l.kind == interview {
		start += opening(text[start:])
	} else {
		start += headed(text[start:])
	}
	var out []Candidate
	order, last := 0, 0
	for i, s := range Split(d.Language, text[start:]) {
		s[0], s[1] = s[0]+start, s[1]+start
		if strings.IndexFunc(text[s[0]:s[1]], unicode.IsLetter) < 0 {
			continue
		}
		paragraph := order == 0 || strings.Contains(text[last:s[0]], "\n")
		last = s[1]
		quotable := l.quotable(s[0])
		if paragraph || strings.HasPrefix(text[s[0]:], "•") {
			s[0] += marker(text[s[0]:s[1]])
		}
		c := Candidate{Index: i, Spans: body(text, s), order: order, paragraph: paragraph && order > 0}
		order++
		c.read(v, rules, trash, text)
		c.lean(rules, start == 0 && i == 0)
		if !quotable {
			c.Flaws |= Outside
		}
		if isCredit(c.Text) && len(out) > 0 {
			out[len(out)-1].Flaws |= Junk // the sentence before a credit is its caption
		}
		if strings.HasSuffix(strings.TrimRightFunc(c.Text, isCloser), "…") || strings.HasSuffix(strings.TrimRightFunc(c.Text, isCloser), "...") {
			if strings.IndexFunc(text[s[1]:], unicode.IsLetter) < 0 {
				c.Flaws |= Stub // the page breaks off here
			}
		}
		out = append(out, c)
		if short, ok := unlinked(rules, text, c); ok {
			short.read(v, rules, trash, text)
			short.Flaws |= c.Flaws & Outside
			out = append(out, short)
		}
		if short, ok := unbracketed(text, c); ok && c.Words > budget {
			short.read(v, rules, trash, text)
			short.Flaws |= c.Flaws & (Outside | Dangles)
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
func (c *Candidate) read(v *vocabulary, rules *language, trash litter, text string) {
	c.Text = join(text, c.Spans)
	c.Words = Words(c.Text)
	c.tokens = v.tokens(c.Text, make([]token, 0, c.Words+4))
	opening := strings.Count(c.Text, "“") + strings.Count(c.Text, "«")
	c.quotes = opening - strings.Count(c.Text, "”") - strings.Count(c.Text, "»") + strings.Count(c.Text, "(") - strings.Count(c.Text, ")")
	c.quoted = opening > 0 || strings.IndexByte(c.Text, '"') >= 0
	c.Flaws = flaws(rules, trash, c.Text, c.Words)
	for k, t := range c.tokens {
		c.named = c.named || k > 0 && t.upper || k == 0 && t.upper && c.Flaws&Loose == 0
	}
}

// lean marks what cannot open a summary. The first words of an article may
// be a pronoun that is explained later, but no connective.
func (c *Candidate) lean(rules *language, first bool) {
	list := rules.back
	if first {
		list = rules.links
	}
	r, _ := utf8.DecodeRuneInString(c.Text)
	if opensWith(list, c.Text) != "" || unicode.IsLower(r) && !first {
		c.Flaws |= Dangles
	}
	if !first && opensWith(rules.later, c.Text) != "" {
		c.Flaws |= Later
	}
}

func flaws(rules *language, trash litter, s string, words int) Flaw {
	var f Flaw
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRightFunc(s, isCloser))
	if !isTerminal(last) {
		f |= Stub
	}
	if last == '?' || last == '؟' || last == '？' {
		f |= Question
	}
	if words < 4 || words < 7 && onlyNames(s) {
		f |= Short
	}
	if dated.MatchString(s) {
		f |= Stub
	}
	if trash.spoils(s) || isRow(s) || stamped.MatchString(s) {
		f |= Junk
	}
	if strings.Count(s, `"`)%2 != 0 {
		f |= OddQuote
	}
	if start := s[:min(len(s), 60)]; strings.Contains(start, ": ") && label.MatchString(start) {
		f |= Bare
	}
	return f | voice(rules, s)
}

// dated begins a line of a chronology: "2008: The mayor resigns."
var dated = regexp.MustCompile(`^(?:1[89]|20)\d\d: `)

// stamped is when the page was published: "Posted 6:15 a.m. Updated 8:40 a.m."
var stamped = regexp.MustCompile(`(?i)^(?:first |last )?(?:posted|published|updated|modified)(?:[: ]+(?:on|at)?)? *(?:\p{L}{3,9}\.? )?\d`)

// onlyNames says whether every word begins with a capital letter, as in a caption
// "Mr Võ Tiến Hùng." or in a list: "Tokyo International (Haneda) 6."
func onlyNames(s string) bool {
	for w := range strings.FieldsSeq(s) {
		w = strings.TrimLeftFunc(w, func(r rune) bool { return !unicode.IsLetter(r) })
		if r, _ := utf8.DecodeRuneInString(w); w != "" && !unicode.IsUpper(r) {
			return false
		}
	}
	return true
}

// voice looks outside quotation marks for a first person, and for a third
// person who comes before any name.
func voice(rules *language, s string) Flaw {
	var f Flaw
	var marks quoting
	named, first, outer, last, comma, many := false, true, 0, 0, false, false
	for w := range strings.FieldsSeq(s) {
		outside := marks.read(w)
		word := strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) })
		if word == "" {
			continue
		}
		if outside {
			outer++
			person := rules.personOf(word)
			switch r, _ := utf8.DecodeRuneInString(word); {
			case person == firstPerson:
				f |= Personal
			case person == thirdPerson && !named && (outer <= 2 || comma || many):
				f |= Loose
			case person == thirdPerson && !named:
				last = outer
			case unicode.IsUpper(r) && (!first || len(rules.starters) > 0 && !rules.starters[word]):
				named = true
			}
		}
		many = many || first && rules.many[word]
		first = false
		comma = strings.HasSuffix(w, ",")
	}
	if last > 0 && outer-last <= 1 {
		f |= Loose // "…, she said."
	}
	if outer == 0 {
		f |= Bare
	}
	return f
}

// essential are words that are never cut away, whoever brackets them.
var essential = regexp.MustCompile(`(?i)\b(?:not|no|never|without|denie[sd]|deny|said|says|told|according|alleged\w*|accus\w*|claim\w*|report\w*|except|unless|only|about|estimated)\b|n[’']t\b`)

// unbracketed returns the sentence without its longest aside in round
// brackets: three words or more, at a place where the rest still reads on,
// nothing that attributes or denies.
func unbracketed(text string, c Candidate) (Candidate, bool) {
	if len(c.Spans) != 1 || !strings.Contains(c.Text, " (") {
		return c, false
	}
	start, end := c.Spans[0][0], c.Spans[0][1]
	best := [2]int{}
	for i := start + 1; i < end; i++ {
		if text[i] != '(' || text[i-1] != ' ' {
			continue
		}
		stop := closing(text, i, end)
		if stop < 0 || stop+1 >= end || text[stop] != ' ' || text[stop-1] != ')' {
			continue
		}
		if inside := text[i+1 : stop-1]; stop-i > best[1]-best[0] && Words(inside) >= 3 && !strings.ContainsAny(inside, "([\"“”«»") && !essential.MatchString(inside) {
			best = [2]int{i, stop}
		}
	}
	if best[1] == 0 {
		return c, false
	}
	c.Spans = [][2]int{{start, best[0] - 1}, {best[1] + 1, end}}
	c.variant = true
	return c, true
}

// label is a speaker's name or a heading that runs into its sentence.
var label = regexp.MustCompile(`^\p{Lu}[\p{L}'’\-]*(?: \p{Lu}[\p{L}'’\-]*)?: ["“]?\p{Lu}`)

// isPlain says whether a word is without quotation marks, as most are. Those
// that are not ASCII begin with one of two bytes.
func isPlain(w string) bool {
	for i := range len(w) {
		if c := w[i]; c == '"' || c == '\'' || c == "“"[0] || c == "«"[0] {
			return false
		}
	}
	return true
}

// quoting follows quotation marks through a sentence.
type quoting struct{ straight, curly, single bool }

// read takes the next word and says whether it stands outside all marks.
func (q *quoting) read(w string) bool {
	if isPlain(w) {
		return !q.straight && !q.curly && !q.single
	}
	if strings.HasPrefix(w, "'") || strings.HasPrefix(w, "‘") {
		q.single = true
	}
	if strings.HasPrefix(w, `"`) {
		q.straight = !q.straight
		w = w[1:]
	}
	q.curly = q.curly || strings.ContainsAny(w, "“«„")
	outside := !q.straight && !q.curly && !q.single
	if strings.Count(w, `"`)%2 != 0 {
		q.straight = !q.straight
	}
	if strings.ContainsAny(w, "”»") {
		q.curly = false
	}
	if bare := strings.TrimRight(w, ".,!?;:"); strings.HasSuffix(bare, "'") || strings.HasSuffix(bare, "’") {
		q.single = false
	}
	return outside
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
