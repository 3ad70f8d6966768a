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
	leadWords  = 140 // of the body: where a report says what happened
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
	isSense   // not a word but what it means (senses.txt)
	hasSense  // a word that has a sense in this article
	isPlace   // a name after "in", "near" or the like
	isSpeaker // a name beside an office or beside "said"
)

// term is one word of a title and lead.
type term struct {
	hash  uint32
	flags uint16
	at    uint8 // how many words stand before it in the text, at most 255; 0 in the title
	n     uint8 // how often it is said, at most 255
	// Among the articles it is compared with last:
	rare   float32 // its rarity
	number int32   // of its key
}

// profile is what an article says in its title and first words.
type profile struct {
	terms []term      // sorted by hash, each once
	kinds []kindCount // sorted by kind
	cased bool        // its script tells names by capitals
	// figures are its numbers with what they count, sorted.
	figures []figure
}

// figure is a number and the sense of the word that says of what.
type figure struct{ of, value uint32 }

type kindCount struct {
	kind  uint8
	count uint8
}

// lexeme is what is known of a written word whatever the article.
type lexeme struct {
	hash   uint32
	flags  uint16
	place  bool // what follows is a place
	stop   language
	head   bool // a phrase may begin with it
	kinds  []uint8
	senses []sense
	value  int // of a whole number, 0 = none
}

// profiler makes profiles and remembers the words it has met.
type profiler struct {
	lex   *lexicon
	known map[string]*lexeme
	words []uint32  // room for a text
	scan  []scanned // room for a lead
}

func newProfiler() *profiler {
	return &profiler{lex: loadLexicon(), known: map[string]*lexeme{}}
}

// shingles are those of a whole text.
func (p *profiler) shingles(text string) []uint32 {
	p.words = words(text, maxWords, p.words[:0])
	return shingles(p.words)
}

// scanned is one word as it stands in a text.
type scanned struct {
	lexeme
	upper, start, title bool
}

func (p *profiler) profile(title, text string) profile {
	ws := p.take(title, titleWords, p.scan[:0])
	n := len(ws)
	for i := range ws {
		ws[i].title = true
	}
	ws = p.take(text, n+leadWords, ws)
	p.scan = ws
	lower := make(map[uint32]bool, len(ws))
	for _, w := range ws {
		if !w.upper {
			lower[w.hash] = true
		}
	}
	in := languageIn(ws)
	out := profile{figures: figuresIn(ws, in), terms: make([]term, 0, 2*len(ws))}
	var counts [256]uint8
	for i := range ws {
		w := &ws[i]
		if w.stop&in != 0 {
			continue
		}
		t := term{hash: w.hash, flags: w.flags, at: uint8(min(max(i-n, 0), 255)), n: 1}
		if w.title {
			t.flags |= inTitle
		}
		for _, s := range w.senses {
			if s.in&in != 0 {
				out.terms = append(out.terms, term{hash: s.hash, flags: isSense | t.flags&inTitle, at: t.at, n: 1})
				t.flags |= hasSense
			}
		}
		if w.upper && !w.start && !w.title && !lower[w.hash] && t.flags&(isKind|isRole|isNumber|isSmall|hasSense) == 0 {
			t.flags |= isName | placed(ws, i)
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
			if t.flags&(isKind|isRole|isNumber|isSmall|isSense|hasSense) == 0 {
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

// names are the terms with all of some flags, sorted.
func (p profile) names(flags uint16) []uint32 {
	var out []uint32
	for _, t := range p.terms {
		if t.flags&flags == flags {
			out = append(out, t.hash)
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
			out[n-1].n += min(t.n, 255-out[n-1].n)
			out[n-1].at = min(out[n-1].at, t.at)
			continue
		}
		out = append(out, t)
	}
	return slices.Clone(out)
}

// take takes a text apart until limit words are in out.
func (p *profiler) take(s string, limit int, out []scanned) []scanned {
	start := true
	before := "" // the word before, in lower case, when a phrase may begin with it
	for len(s) > 0 && len(out) < limit {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case unspaced(r):
			out = append(out, scanned{lexeme: p.lookup(s[:unspacedLen(s)]), start: start})
			s, start = s[size:], false
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			n := wordLen(s)
			w := scanned{lexeme: p.lookup(s[:n]), upper: unicode.IsUpper(r), start: start}
			if before != "" {
				if of, ok := p.lex.senses.phrases[before+" "+strings.ToLower(s[:n])]; ok {
					w.senses, out[len(out)-1].senses = []sense{of}, nil
				}
				before = ""
			}
			if w.head {
				before = strings.ToLower(s[:n])
			}
			if k := len(out) - 1; k >= 0 && !start && p.compound(&out[k].lexeme, w.lexeme, strings.ToLower(s[:n])) {
				s = s[n:]
				continue
			}
			out = append(out, w)
			s, start = s[n:], false
		default:
			start = start || endsSentence(r)
			if r != ' ' && r != '-' && r != '\u2010' && r != '\u2011' {
				before = ""
			}
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
	x, ok := p.known[w]
	if !ok {
		x = new(p.analyse(strings.ToLower(w)))
		p.known[strings.Clone(w)] = x
	}
	return *x
}

func (p *profiler) analyse(w string) lexeme {
	if v, ok := p.lex.number[w]; ok {
		w = v
	}
	if r, _ := utf8.DecodeRuneInString(w); unicode.IsDigit(r) {
		return numeral(strings.ReplaceAll(w, ",", ""))
	}
	x := lexeme{place: p.lex.place[w], stop: p.lex.stop[w], kinds: p.lex.kindsOf(w), senses: p.lex.senses.of(w), head: p.lex.senses.heads[w]}
	if len(x.kinds) > 0 {
		x.flags |= isKind
	}
	if p.lex.isRole(w) {
		x.flags |= isRole
	}
	if r, n := utf8.DecodeRuneInString(w); unspaced(r) && len(w) > n {
		x.stop |= p.lex.stop[w[:n]] | p.lex.stop[w[n:]]
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

// stem is the first letters of a word, without the marks on them, an article
// before it and the endings of a plural or a case.
func stem(w string) string {
	r, _ := utf8.DecodeRuneInString(w)
	switch {
	case r < 0x250:
		w = strings.Map(plainLetter, w)
		if len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
			w = w[:len(w)-1]
		}
	case unicode.Is(unicode.Cyrillic, r):
		w = withoutEnding(w)
	case unicode.Is(unicode.Arabic, r):
		w = strings.Map(plainLetter, withoutArticle(w))
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

// plainLetter is a letter without the marks that one house writes and another does not.
func plainLetter(r rune) rune {
	switch r {
	case 'á', 'à', 'â', 'ä', 'ã', 'å', 'ā', 'ă', 'ą':
		return 'a'
	case 'é', 'è', 'ê', 'ë', 'ē', 'ė', 'ę', 'ě':
		return 'e'
	case 'í', 'ì', 'î', 'ï', 'ī', 'ı':
		return 'i'
	case 'ó', 'ò', 'ô', 'ö', 'õ', 'ø', 'ō', 'ő':
		return 'o'
	case 'ú', 'ù', 'û', 'ü', 'ū', 'ů', 'ű':
		return 'u'
	case 'ç', 'ć', 'č':
		return 'c'
	case 'ñ', 'ń', 'ň':
		return 'n'
	case 'ş', 'š', 'ś', 'ș':
		return 's'
	case 'ž', 'ź', 'ż':
		return 'z'
	case 'ğ':
		return 'g'
	case 'ł':
		return 'l'
	case 'ř':
		return 'r'
	case 'ť', 'ț', 'ţ':
		return 't'
	case 'ý', 'ÿ':
		return 'y'
	case 'đ', 'ď':
		return 'd'
	case 'أ', 'إ', 'آ':
		return 'ا'
	case 'ة', 'ہ', 'ۂ', 'ۃ':
		return 'ه'
	case 'ى', 'ی', 'ئ':
		return 'ي'
	case 'ک':
		return 'ك'
	}
	return r
}

var endings = strings.Fields("иями ями ами ого его ому ему ыми ими ией ая яя ое ее ые ие ой ей ый ий ом ем ам ям ах ях ов ев ую юю их ых ью а я о е у ю ы и ь й")

// withoutEnding takes a Russian case off, if three letters stay.
func withoutEnding(w string) string {
	for _, e := range endings {
		if len(w) >= len(e)+6 && strings.HasSuffix(w, e) {
			return w[:len(w)-len(e)]
		}
	}
	return w
}

// withoutArticle takes an Arabic article and what is written before it off, if
// three letters stay.
func withoutArticle(w string) string {
	for _, a := range [...]string{"وال", "بال", "كال", "فال", "لل", "ال"} {
		if len(w) >= len(a)+6 && strings.HasPrefix(w, a) {
			return w[len(a):]
		}
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

// languageIn guesses the language of words from those that say nothing, as far
// as words of one may be mistaken for those of another.
func languageIn(ws []scanned) language {
	var hits [len(latin)]int
	for _, w := range ws {
		if w.stop != 0 && w.stop != anyLanguage {
			for k := range hits {
				hits[k] += int(w.stop >> k & 1)
			}
		}
	}
	best := 0
	for k, n := range hits {
		if n > hits[best] {
			best = k
		}
	}
	if hits[best] == 0 {
		return anyLanguage
	}
	return 1 << best
}

// figuresIn lists numbers with the sense of the word that follows within two,
// else that stands before.
func figuresIn(ws []scanned, in language) []figure {
	var out []figure
	for i, w := range ws {
		if w.flags&(isNumber|isSmall) == 0 {
			continue
		}
		for _, k := range [...]int{i + 1, i + 2, i + 3, i - 1} {
			if k < 0 || k >= len(ws) || ws[k].flags&(isNumber|isSmall) != 0 {
				continue
			}
			n := len(out)
			for _, s := range ws[k].senses {
				if s.in&in != 0 {
					out = append(out, figure{s.hash, w.hash})
				}
			}
			if len(out) > n {
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b figure) int { return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.value, b.value)) })
	return slices.Clip(slices.Compact(out))
}

// placed says whether a name is that of a place, as the word before tells, or
// of somebody who speaks for others, as an office or a verb beside it tells.
func placed(ws []scanned, i int) (flags uint16) {
	for k := i - 1; k >= max(i-2, 0) && !ws[k+1].start; k-- {
		switch {
		case ws[k].place:
			return isPlace
		case ws[k].flags&isRole != 0:
			return isSpeaker
		case !ws[k].upper:
			k = -1
		}
	}
	for k := i + 1; k < min(i+3, len(ws)) && !ws[k].start; k++ {
		switch {
		case ws[k].flags&isRole != 0:
			return isSpeaker
		case !ws[k].upper:
			return 0
		}
	}
	return 0
}
