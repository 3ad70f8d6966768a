package story

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	leadWords  = 90 // of the body: where a report says what happened
	titleWords = 40
	stemRunes  = 6 // words are the same when they begin alike: endings differ too much between languages
)

// Properties of a term.
const (
	isName   = 1 << iota // written with a capital inside a sentence, and never without
	isNumber             // has two digits or more
	isSmall              // a number of one digit: too common to prove anything
	isKind               // speaks of a kind of event, and counts there
	isRole               // says who, in nearly every story
	inTitle
)

// term is one word of a title and lead.
type term struct {
	hash  uint32
	flags uint8
	at    uint8   // how many words stand before it in the text, at most 255; 0 in the title
	rare  float32 // its rarity among the articles it is compared with last
}

// profile is what an article says in its title and first words.
type profile struct {
	terms []term      // sorted by hash, each once
	kinds []kindCount // sorted by kind
	cased bool        // its script tells names by capitals
}

type kindCount struct {
	kind  uint8
	count uint8
}

// lexeme is what is known of a written word whatever the article.
type lexeme struct {
	hash  uint32
	flags uint8
	stop  bool
	kinds []uint8
	value int // of a whole number, 0 = none
}

// profiler makes profiles and remembers the words it has met.
type profiler struct {
	lex   *lexicon
	known map[string]lexeme
}

func newProfiler() *profiler {
	return &profiler{lex: loadLexicon(), known: map[string]lexeme{}}
}

// scanned is one word as it stands in a text.
type scanned struct {
	lexeme
	upper, start, title bool
}

func (p *profiler) profile(title, text string) profile {
	ws := p.scan(title, titleWords, nil)
	n := len(ws)
	for i := range ws {
		ws[i].title = true
	}
	ws = p.scan(text, n+leadWords, ws)
	lower := map[uint32]bool{}
	for _, w := range ws {
		if !w.upper {
			lower[w.hash] = true
		}
	}
	var out profile
	var counts [256]uint8
	for i, w := range ws {
		if w.stop {
			continue
		}
		t := term{hash: w.hash, flags: w.flags, at: uint8(min(max(i-n, 0), 255))}
		if w.title {
			t.flags |= inTitle
		}
		if w.upper && !w.start && !w.title && !lower[w.hash] && t.flags&(isKind|isRole|isNumber|isSmall) == 0 {
			t.flags |= isName
			out.cased = true
		}
		out.terms = append(out.terms, t)
		for _, k := range w.kinds {
			weight := uint8(1)
			if w.title {
				weight = 2
			}
			counts[k] = min(counts[k]+weight, 100)
		}
	}
	if !out.cased && !hasCase(title) { // where nothing tells names apart, every rare word may be one
		for i, t := range out.terms {
			if t.flags&(isKind|isRole|isNumber|isSmall) == 0 {
				out.terms[i].flags |= isName
			}
		}
	}
	out.terms = merge(out.terms)
	for k, c := range counts {
		if c > 0 {
			out.kinds = append(out.kinds, kindCount{uint8(k), c})
		}
	}
	return out
}

// hasCase reports whether a text is in a script with capitals.
func hasCase(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) })
}

// merge sorts terms and puts the flags of equal ones together.
func merge(ts []term) []term {
	slices.SortFunc(ts, func(a, b term) int { return cmp.Compare(a.hash, b.hash) })
	out := ts[:0]
	for _, t := range ts {
		if n := len(out); n > 0 && out[n-1].hash == t.hash {
			out[n-1].flags |= t.flags
			out[n-1].at = min(out[n-1].at, t.at)
			continue
		}
		out = append(out, t)
	}
	return slices.Clip(out)
}

// scan takes a text apart until limit words are in out.
func (p *profiler) scan(s string, limit int, out []scanned) []scanned {
	start := true
	for len(s) > 0 && len(out) < limit {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case unspaced(r):
			out = append(out, scanned{lexeme: p.lookup(s[:unspacedLen(s)]), start: start})
			s, start = s[size:], false
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			n := wordLen(s)
			w := scanned{lexeme: p.lookup(s[:n]), upper: unicode.IsUpper(r), start: start}
			if k := len(out) - 1; k >= 0 && !start && p.compound(&out[k].lexeme, w.lexeme, strings.ToLower(s[:n])) {
				s = s[n:]
				continue
			}
			out = append(out, w)
			s, start = s[n:], false
		default:
			start = start || endsSentence(r)
			s = s[size:]
		}
	}
	return out
}

// compound joins a number written out to what stands before it: "twenty-two"
// becomes 22, "two hundred" 200, "30 thousand" 30,000. It reports whether it did.
func (p *profiler) compound(before *lexeme, w lexeme, word string) bool {
	v := before.value
	switch factor := p.lex.factor[word]; {
	case v == 0:
		return false
	case factor > 0 && v < 1000:
		v *= factor
	case w.value > 0 && w.value < 10 && v >= 20 && v < 100 && v%10 == 0 && p.lex.number[word] != "":
		v += w.value
	default:
		return false
	}
	*before = numeral(strconv.Itoa(v))
	return true
}

// unspacedLen is the length of two letters in a row of an unspaced script, one at its end.
func unspacedLen(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	if r, m := utf8.DecodeRuneInString(s[n:]); unspaced(r) {
		return n + m
	}
	return n
}

// wordLen is the length of the word or number s begins with: "300,000",
// "2:08:51" and "6.4" are one number, "G20" is one word.
func wordLen(s string) int {
	first, _ := utf8.DecodeRuneInString(s)
	number := unicode.IsDigit(first)
	for i, r := range s {
		switch {
		case number && unicode.IsDigit(r):
		case number && (r == '.' || r == ',' || r == ':'):
			if next, _ := utf8.DecodeRuneInString(s[i+1:]); !unicode.IsDigit(next) {
				return i
			}
		case number, !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '\u200c' || unspaced(r):
			return i
		}
	}
	return len(s)
}

func (p *profiler) lookup(w string) lexeme {
	if x, ok := p.known[w]; ok {
		return x
	}
	x := p.analyse(strings.ToLower(w))
	p.known[strings.Clone(w)] = x
	return x
}

func (p *profiler) analyse(w string) lexeme {
	if v, ok := p.lex.number[w]; ok {
		w = v
	}
	if r, _ := utf8.DecodeRuneInString(w); unicode.IsDigit(r) {
		return numeral(strings.ReplaceAll(w, ",", ""))
	}
	x := lexeme{stop: p.lex.stop[w], kinds: p.lex.kindsOf(w)}
	if len(x.kinds) > 0 {
		x.flags |= isKind
	}
	if p.lex.isRole(w) {
		x.flags |= isRole
	}
	x.hash = hashOf(stem(w))
	return x
}

// numeral is the lexeme of a number in digits.
func numeral(digits string) lexeme {
	x := lexeme{hash: hashOf("#" + digits), flags: isNumber}
	if utf8.RuneCountInString(digits) < 2 {
		x.flags = isSmall
	}
	if v, err := strconv.Atoi(digits); err == nil && v < 1e6 {
		x.value = v
	}
	return x
}

// stem is the first letters of a word, without the s of a plural.
func stem(w string) string {
	if len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
		w = w[:len(w)-1]
	}
	n := 0
	for i := range w {
		if n == stemRunes {
			return w[:i]
		}
		n++
	}
	return w
}

func hashOf(s string) uint32 {
	h := uint32(fnvOffset)
	for _, r := range s {
		h = mix(h, r)
	}
	return h
}
