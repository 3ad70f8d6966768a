package summary

import (
	"unicode"
	"unicode/utf8"
)

// vocabulary numbers the stems of one article, so that everything after
// tokenizing counts integers.
type vocabulary struct {
	ids   map[string]int32
	stems []string
	buf   []byte
}

func newVocabulary() *vocabulary { return &vocabulary{ids: make(map[string]int32, 256)} }

// token is one word of a sentence.
type token struct {
	id     int32
	upper  bool // begins with a capital letter
	digit  bool // holds a digit
	joined bool // stands behind another one and a space
}

// tokens cuts s into words: runs of letters, marks and digits, lower-cased
// and clipped to their first six letters, which stands in for a stemmer in
// every alphabet. Scripts written without spaces give one token a character.
func (v *vocabulary) tokens(s string, into []token) []token {
	var t token
	flush := func() {
		if len(v.buf) > 0 {
			t.id = v.number(clip(v.buf))
			into = append(into, t)
		}
		v.buf, t = v.buf[:0], token{}
	}
	gap := 0 // characters since the last word, or many
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z':
			v.buf = append(v.buf, byte(r))
		case r >= 'A' && r <= 'Z':
			t.upper = t.upper || len(v.buf) == 0
			v.buf = append(v.buf, byte(r)|0x20)
		case r >= '0' && r <= '9':
			t.digit = true
			v.buf = append(v.buf, byte(r))
		case r < utf8.RuneSelf:
			if len(v.buf) > 0 {
				flush()
				gap = 0
			}
			if gap++; r == ' ' && gap == 1 {
				t.joined = len(into) > 0
			} else {
				t.joined = false
			}
		case isSilent(r):
		case spaceless(r):
			flush()
			v.buf = utf8.AppendRune(v.buf, r)
			flush()
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r):
			t.upper = t.upper || len(v.buf) == 0 && unicode.IsUpper(r)
			t.digit = t.digit || unicode.IsDigit(r)
			v.buf = utf8.AppendRune(v.buf, unalef(unicode.ToLower(r)))
		default:
			flush()
			gap = 2
		}
	}
	flush()
	return into
}

func (v *vocabulary) number(stem []byte) int32 {
	if id, ok := v.ids[string(stem)]; ok {
		return id
	}
	id := int32(len(v.stems))
	s := string(stem)
	v.ids[s] = id
	v.stems = append(v.stems, s)
	return id
}

// clip keeps the first six letters and takes a plural s off shorter words.
func clip(word []byte) []byte {
	if n := len(word); n > 3 && n <= 6 && word[n-1] == 's' && word[n-2] != 's' {
		return word[:n-1]
	}
	n := 0
	for i := 0; i < len(word); n++ {
		if n == 6 {
			return word[:i]
		}
		_, size := utf8.DecodeRune(word[i:])
		i += size
	}
	return word
}

// isSilent says whether r is an Arabic vowel sign, tatweel or joiner, which
// changes no word.
func isSilent(r rune) bool {
	return r == 'ـ' || r >= 'ً' && r <= 'ْ' || r == 'ٰ' || r == '\u200c' || r == '\u200d' || r == '\u00ad'
}

func unalef(r rune) rune {
	if r == 'أ' || r == 'إ' || r == 'آ' || r == 'ٱ' {
		return 'ا'
	}
	return r
}

// spaceless says whether the script of r puts no spaces between words.
func spaceless(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// Words counts the words of s as the budget does: fields between white space,
// or, if that is more, two characters a word in scripts without spaces.
func Words(s string) int {
	fields, chars, inside := 0, 0, false
	for _, r := range s {
		blank := r == ' ' || (r < ' ' || r >= utf8.RuneSelf) && unicode.IsSpace(r)
		if !blank && !inside {
			fields++
		}
		inside = !blank
		if r >= 0x0e00 && spaceless(r) {
			chars++
		}
	}
	return max(fields, (chars+1)/2)
}
