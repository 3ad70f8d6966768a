package templates

import (
	"html/template"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/bidi"
)

// Isolates of Unicode TR 9 section 2.7.
const (
	fsi = '\u2068' // first strong isolate
	pdi = '\u2069' // pop directional isolate
	rlm = '\u200f' // right-to-left mark
)

// maxMarks is how many combining marks one letter may carry; more climb over
// the lines above.
const maxMarks = 6

// clean makes a foreign string one line of well-formed text without control
// characters, without marks that reorder or hide what follows, and without the
// beginning of a slot marker: else a feed could have each reader's own
// addresses filled into a text or a link of its choice. The joiners U+200C and
// U+200D stay: Urdu needs them inside words.
func clean(s string) string {
	s = strings.Map(visible, strings.ToValidUTF8(s, "\ufffd"))
	marks := 0
	s = strings.Map(func(r rune) rune {
		if !unicode.IsMark(r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	return strings.ReplaceAll(s, slotHead, slotHead[:len(slotHead)-1]+"-0") // not "": what is left could be one again
}

// visible maps what cannot be seen to nothing (-1), and line ends and controls
// to spaces.
func visible(r rune) rune {
	switch {
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u206f':
		return -1 // embeddings, overrides, isolates, deprecated format characters
	case r == '\ufeff', r == '\u200b', r == '\u00ad', r >= 0xe0000 && r <= 0xe007f:
		return -1 // nothing to see, much to hide behind
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return ' '
	}
	return r
}

// Isolate puts each run of words that goes against direction between the
// isolates U+2068 and U+2069, so that a Latin name inside Urdu (or the other
// way round) neither reorders its neighbours nor decides the direction of the
// line. Text of one direction comes back as it is. A string that is isolated
// already is not isolated again.
func Isolate(s, direction string) string {
	if !mixed(s, direction) {
		return s
	}
	rtl := direction == "rtl"
	var b strings.Builder
	r := []rune(s)
	for i := 0; i < len(r); {
		start := i
		if i == 0 {
			i = number(r, rtl)
		}
		if !against(r[i], rtl) {
			b.WriteRune(r[i])
			i++
			continue
		}
		end := runEnd(r, i, rtl)
		b.WriteRune(fsi)
		b.WriteString(string(r[start:end]))
		b.WriteRune(pdi)
		i = end
	}
	return b.String()
}

// number is where the first word begins after a number at the beginning of a
// text that runs against the direction as a whole, as "14 Lantern Quay": the
// number is part of it. Else 0.
func number(r []rune, rtl bool) int {
	if !unicode.IsDigit(r[0]) || slices.ContainsFunc(r, func(r rune) bool { return with(r, rtl) }) {
		return 0
	}
	i := slices.IndexFunc(r, func(r rune) bool { return !unicode.IsDigit(r) && !strings.ContainsRune(" .,/-–", r) })
	if !against(r[i], rtl) {
		return 0
	}
	return i
}

// mixed says whether s holds letters against direction and no isolates yet.
func mixed(s, direction string) bool {
	found := false
	for _, r := range s {
		if r == fsi || r == pdi {
			return false
		}
		found = found || against(r, direction == "rtl")
	}
	return found
}

// runEnd finds the end of the run that begins at i: up to the last letter or
// digit against the direction before the next letter with it.
func runEnd(r []rune, i int, rtl bool) int {
	end := i + 1
	for j := i + 1; j < len(r); j++ {
		switch {
		case with(r[j], rtl):
			return end
		case against(r[j], rtl), unicode.IsDigit(r[j]), unicode.IsMark(r[j]) && j == end:
			end = j + 1
		case strings.ContainsRune(").]”’%", r[j]) && j == end && opens(r[i:end], r[j]):
			end = j + 1
		}
	}
	return end
}

// opens says whether the run holds the opening partner of a closing mark.
func opens(run []rune, closing rune) bool {
	partner := map[rune]rune{')': '(', ']': '[', '”': '“', '’': '‘'}[closing]
	return partner != 0 && strings.ContainsRune(string(run), partner) || closing == '%'
}

func against(r rune, rtl bool) bool {
	if rtl {
		return strongLTR(r)
	}
	return strongRTL(r)
}

func with(r rune, rtl bool) bool { return against(r, !rtl) }

func strongLTR(r rune) bool {
	p, _ := bidi.LookupRune(r)
	return p.Class() == bidi.L
}

func strongRTL(r rune) bool {
	if r < 0x590 {
		return false
	}
	p, _ := bidi.LookupRune(r)
	return (p.Class() == bidi.R || p.Class() == bidi.AL) && r != rlm
}

// withBdi escapes s for HTML and makes its isolates <bdi> elements, of the class
// latin when they hold left-to-right text.
func withBdi(s string) template.HTML {
	if !strings.ContainsRune(s, fsi) {
		return template.HTML(template.HTMLEscapeString(s))
	}
	var b strings.Builder
	for i, part := range strings.Split(s, string(fsi)) {
		inside, after, found := strings.Cut(part, string(pdi))
		if i == 0 || !found {
			b.WriteString(template.HTMLEscapeString(strings.ReplaceAll(part, string(pdi), "")))
			continue
		}
		open := "<bdi>"
		if strings.ContainsFunc(inside, strongLTR) {
			open = `<bdi class="latin">`
		}
		b.WriteString(open + template.HTMLEscapeString(inside) + "</bdi>" + template.HTMLEscapeString(strings.ReplaceAll(after, string(pdi), "")))
	}
	return template.HTML(b.String())
}

// directionOf is the direction of a language's own script.
func directionOf(lang string) string {
	if scriptOf(lang) != "" {
		return "rtl"
	}
	switch baseOf(lang) {
	case "he", "yi", "dv":
		return "rtl"
	}
	return "ltr"
}

// scriptOf is the class that text of a language carries when it is written in
// the Arabic script: "nastaliq" or "naskh". Other scripts need none.
func scriptOf(lang string) string {
	switch baseOf(lang) {
	case "ur", "pnb", "ks", "skr":
		return "nastaliq"
	case "ar", "fa", "ps", "sd", "ug", "ckb":
		return "naskh"
	}
	return ""
}

func baseOf(lang string) string {
	base, _, _ := strings.Cut(strings.ToLower(lang), "-")
	return base
}

// languageTag is a BCP 47 tag as far as its form goes.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$`)

// tagOr returns lang when it has the form of a tag, else other.
func tagOr(lang, other string) string {
	if languageTag.MatchString(lang) {
		return lang
	}
	return other
}

// directionOr returns direction when it is one, else that of lang's script.
func directionOr(direction, lang string) string {
	if direction == "rtl" || direction == "ltr" {
		return direction
	}
	return directionOf(lang)
}
