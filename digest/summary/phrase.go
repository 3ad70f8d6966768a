package summary

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// phrase is one or more words in lower case.
type phrase []wanted

// wanted is one word of a phrase.
type wanted struct {
	word string
	open bool // any ending will do
}

func (w wanted) is(word string) bool {
	return word == w.word || w.open && strings.HasPrefix(word, w.word)
}

type phrases []phrase

// phraseList reads phrases between bars; a word that ends in * is open.
func phraseList(list string) phrases {
	var out phrases
	for s := range strings.SplitSeq(list, "|") {
		var p phrase
		for w := range strings.FieldsSeq(s) {
			word, open := strings.CutSuffix(w, "*")
			p = append(p, wanted{word, open})
		}
		out = append(out, p)
	}
	return out
}

// in says whether any phrase of one word stands anywhere in s, as in scripts
// without spaces.
func (p phrases) in(s string) bool {
	for _, f := range p {
		if strings.Contains(s, f[0].word) {
			return true
		}
	}
	return false
}

// cut takes the phrases of one word out of s.
func (p phrases) cut(s string) string {
	for _, f := range p {
		s = strings.ReplaceAll(s, f[0].word, "")
	}
	return s
}

// after says whether any phrase stands in s behind one of the others.
func (p phrases) after(s string, others phrases) bool {
	for _, f := range others {
		if _, rest, ok := strings.Cut(s, f[0].word); ok && p.in(rest) {
			return true
		}
	}
	return false
}

// lists is how many lists of phrases an index holds.
const lists = 6

// phraseIndex finds the phrases of several lists in one walk: by the first three
// bytes of their longest word.
type phraseIndex struct {
	by    map[uint32][]listed
	hint  map[uint32]bool
	maybe [1 << 12]bool // whether some hint has this hash
}

type listed struct {
	list  int
	words phrase
	at    int // of the longest word
}

// newPhraseIndex takes the lists of which the first so many give hints.
func newPhraseIndex(hints int, all ...phrases) *phraseIndex {
	x := &phraseIndex{by: map[uint32][]listed{}, hint: map[uint32]bool{}}
	for list, phrases := range all {
		for _, p := range phrases {
			at := 0
			for k, w := range p {
				if len(w.word) > len(p[at].word) {
					at = k
				}
			}
			k := beginning(p[at].word)
			x.by[k] = append(x.by[k], listed{list, p, at})
			if list < hints {
				x.hint[k], x.maybe[mix(k)] = true, true
			}
		}
	}
	return x
}

// beginning is the first three bytes of a word, or all of a shorter one.
func beginning(w string) uint32 {
	switch len(w) {
	case 0:
		return 0
	case 1:
		return uint32(w[0])
	case 2:
		return uint32(w[0]) | uint32(w[1])<<8
	}
	return uint32(w[0]) | uint32(w[1])<<8 | uint32(w[2])<<16
}

// find returns where the phrases of each list begin.
func (x *phraseIndex) find(words []string) (at [lists][]int) {
	for i, w := range words {
		x.mark(&at, words, i, w)
		if b := bare(w); len(b) < len(w) {
			x.mark(&at, words, i, b)
		}
	}
	return at
}

// mark notes the phrases whose longest word is words[i], read as w. Their first
// word alone may be read as bare.
func (x *phraseIndex) mark(at *[lists][]int, words []string, i int, w string) {
next:
	for _, l := range x.by[beginning(w)] {
		from := i - l.at
		if from < 0 || from+len(l.words) > len(words) || !l.words[l.at].is(w) || l.at > 0 && len(w) < len(words[i]) {
			continue
		}
		for k, want := range l.words {
			if have := words[from+k]; k != l.at && !want.is(have) && (k > 0 || !want.is(bare(have))) {
				continue next
			}
		}
		at[l.list] = append(at[l.list], from)
	}
}

// hints says whether s may hold a phrase of the first lists. It is quick where
// letters are ASCII.
func (x *phraseIndex) hints(s string) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && (asciiKinds[c] == 0 || c == '\'') {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); !unicode.IsLetter(r) {
				i += size
				continue
			}
		}
		// A word begins; what a longer word is called without its article or
		// "and" (bare) is looked at, too.
		end, odd := i, false
		for end < len(s) {
			c := s[end]
			if c < utf8.RuneSelf && asciiKinds[c] == 0 {
				break
			}
			if c >= utf8.RuneSelf || c == '\'' {
				r, size := utf8.DecodeRuneInString(s[end:])
				if c != '\'' && r != '’' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !isSilent(r) {
					break
				}
				odd = odd || end < i+3
				end += size
				continue
			}
			end++
		}
		if !odd {
			if x.hinted(asciiBeginning(s[i:end])) {
				return true
			}
		} else if w := lowered(s[i:end]); w != "" {
			if b := bare(w); x.hinted(beginning(w)) || len(b) < len(w) && x.hinted(beginning(b)) {
				return true
			}
		}
		i = end
	}
	return false
}

func (x *phraseIndex) hinted(k uint32) bool { return x.maybe[mix(k)] && x.hint[k] }

// asciiBeginning is the beginning of a word of ASCII in lower case.
func asciiBeginning(w string) (k uint32) {
	for i := range min(3, len(w)) {
		k |= uint32(asciiKinds[w[i]]) << (8 * i)
	}
	return k
}

// asciiKinds are the ASCII characters of words, in lower case; others are 0.
var asciiKinds = func() (t [256]byte) {
	t['\''] = '\''
	for c := byte('0'); c <= '9'; c++ {
		t[c] = c
	}
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = c, c
	}
	return t
}()

// bare takes a French article or pronoun, or the Arabic "and", "so" and
// prepositions, off a word.
func bare(w string) string {
	if i := strings.IndexByte(w[:min(3, len(w))], '\''); i > 0 {
		return w[i+1:]
	}
	if w[0] < utf8.RuneSelf {
		return w
	}
	for _, prefix := range []string{"وال", "بال", "فال", "و", "ف", "ب", "ل"} {
		if rest, ok := strings.CutPrefix(w, prefix); ok && utf8.RuneCountInString(rest) > 2 {
			return rest
		}
	}
	return w
}

// lowerWords cuts s into lower-case words; an apostrophe belongs to its word,
// Arabic vowel signs and forms of alef do not count.
func lowerWords(s string) []string {
	s = lowered(s)
	out := make([]string, 0, len(s)/5+1)
	from := -1
	end := func(i int) {
		if from >= 0 {
			if w := strings.Trim(s[from:i], "'"); w != "" {
				out = append(out, w)
			}
		}
		from = -1
	}
	for i, r := range s {
		if r < utf8.RuneSelf && asciiKinds[r] != 0 || r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)) {
			if from < 0 {
				from = i
			}
			continue
		}
		end(i)
	}
	end(len(s))
	return out
}

// lowered is s in lower case, with one apostrophe, and Arabic without vowel
// signs and forms of alef.
func lowered(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			out = append(out, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case r == '’':
			out = append(out, '\'')
		case isSilent(r):
		default:
			out = utf8.AppendRune(out, unalef(unicode.ToLower(r)))
		}
	}
	return string(out)
}
