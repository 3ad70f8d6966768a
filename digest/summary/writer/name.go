package writer

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pressrun/digest/summary"
)

// word is a word of a text, with what may make it a name.
type word struct {
	text   string // lower case, without a possessive
	upper  bool
	opens  bool // a sentence or a quotation
	joined bool // to the word before it, by a space or hyphen alone
}

// wordsOf cuts a text into runs of letters.
func wordsOf(language, s string) []word {
	starts := map[int]bool{}
	for _, x := range summary.Split(language, s) {
		starts[x[0]] = true
	}
	var out []word
	opens, from, last := true, -1, 0
	flush := func(end int) {
		if from < 0 {
			return
		}
		raw := s[from:end]
		r, _ := utf8.DecodeRuneInString(raw)
		gap := s[last:from]
		out = append(out, word{text: plainWord(raw), upper: unicode.IsUpper(r), opens: opens, joined: len(out) > 0 && (gap == " " || gap == "-" || gap == ". ")})
		opens, from, last = false, -1, end
	}
	for i, r := range s {
		if starts[i] {
			flush(i)
			opens = true
		}
		switch {
		case unicode.IsLetter(r) || unicode.IsMark(r) || from >= 0 && (r == '\'' || r == '’' || unicode.IsDigit(r)):
			if from < 0 {
				from = i
			}
		default:
			flush(i)
			if strings.ContainsRune("\"“«„‘", r) {
				opens = true
			}
		}
	}
	flush(len(s))
	return out
}

func plainWord(s string) string {
	s = strings.ReplaceAll(strings.ToLower(s), "’", "'")
	return strings.Trim(strings.TrimSuffix(s, "'s"), "'")
}

// named wants every capitalised word to stand in the article, and names of
// several words to stand together there.
func named(d *draft) string {
	if !d.tongue.cased {
		return ""
	}
	source := wordsOf(d.language, d.source)
	at := map[string][]int{}
	for i, w := range source {
		at[w.text] = append(at[w.text], i)
	}
	find := func(w word) []int {
		if list := at[w.text]; list != nil {
			return list
		}
		var list []int
		for i, s := range source {
			if s.upper && d.tongue.sameName(s.text, w.text) {
				list = append(list, i)
			}
		}
		return list
	}
	var before []int // where the name before stands
	for _, w := range wordsOf(d.language, d.answer) {
		if !w.upper || utf8.RuneCountInString(w.text) < 2 {
			before = nil
			continue
		}
		places := find(w)
		if places == nil && w.opens && (summary.Starts(d.language, w.text) || d.tongue.plural(w.text, at)) {
			before = nil
			continue
		}
		if places == nil {
			return "the name “" + w.text + "” is not in the article"
		}
		if w.joined && before != nil && !together(before, places) {
			return "the article does not join these names: “" + w.text + "” and the word before it"
		}
		before = places
		if w.opens && summary.Starts(d.language, w.text) {
			before = nil
		}
	}
	return ""
}

// together says whether two words stand within four of one another somewhere.
func together(a, b []int) bool {
	for _, i := range a {
		for _, j := range b {
			if i != j && i-j <= 4 && j-i <= 4 {
				return true
			}
		}
	}
	return false
}

// sameName says whether two names differ by an ending alone, in languages
// that inflect names.
func (t *tongue) sameName(a, b string) bool {
	if a == b {
		return true
	}
	x, y := []rune(a), []rune(b)
	n := 0
	for n < min(len(x), len(y)) && x[n] == y[n] {
		n++
	}
	if !t.inflects {
		return n >= 3 && n == min(len(x), len(y)) && (strings.TrimPrefix(a, b) == "s" || strings.TrimPrefix(b, a) == "s")
	}
	return n >= 4 && n >= min(len(x), len(y))-2 && len(x)-n <= 3 && len(y)-n <= 3
}

// plural says whether the article has the word in its other number.
func (t *tongue) plural(w string, at map[string][]int) bool {
	if t.inflects {
		for s := range at {
			if t.sameName(s, w) {
				return true
			}
		}
	}
	return at[w+"s"] != nil || at[strings.TrimSuffix(w, "s")] != nil || at[strings.TrimSuffix(w, "es")] != nil
}

var marks = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "「", `"`, "」", `"`, "『", `"`, "』", `"`, "‘", `'`, "’", `'`, "…", "...", "\u00a0", " ")

// quoted wants every quotation to stand in the article as one, word for word,
// and near a name of the line that quotes it.
func quoted(d *draft) string {
	source := strings.ToLower(marks.Replace(d.source))
	for _, l := range d.lines {
		line := marks.Replace(l)
		if strings.Count(line, `"`)%2 != 0 {
			return "a quotation mark stands alone: " + clip(l)
		}
		parts := strings.Split(line, `"`)
		for i := 1; i < len(parts); i += 2 {
			q := strings.ToLower(strings.Trim(parts[i], " .,;:!?。，、"))
			if q == "" {
				continue
			}
			place := quotedAt(source, q)
			if place < 0 {
				return "the article does not quote this: " + clip(parts[i])
			}
			if d.tongue.cased && !spokenBy(source, place, len(q), d, parts, i) {
				return "somebody else says this in the article: " + clip(parts[i])
			}
		}
		for _, q := range singly(line) {
			if place := quotedAt(source, q); place < 0 && !slices.ContainsFunc(singly(source), func(s string) bool { return strings.Contains(s, q) }) {
				return "the article does not quote this: " + clip(q)
			}
		}
	}
	return ""
}

// singleMarks are single quotation marks around words; an apostrophe has letters
// on both sides, or ends a word that no mark opened.
var singleMarks = regexp.MustCompile(`(?:^|[\s("])'(\p{L}(?:[^'\n]|\p{L}'\p{L})*[^\s'])'(?:$|[^\p{L}\p{N}])`)

// singly are what stands between single quotation marks, in lower case, without
// stops around it.
func singly(s string) []string {
	var out []string
	for _, m := range singleMarks.FindAllStringSubmatch(s, -1) {
		if q := strings.ToLower(strings.Trim(m[1], " .,;:!?")); q != "" {
			out = append(out, q)
		}
	}
	return out
}

// quotedAt is where q stands between quotation marks; -1 = nowhere.
func quotedAt(source, q string) int {
	for from := 0; ; {
		i := strings.Index(source[from:], q)
		if i < 0 {
			return -1
		}
		i += from
		paragraph := strings.LastIndex(source[:i], "\n") + 1
		if strings.Count(source[paragraph:i], `"`)%2 != 0 {
			return i
		}
		from = i + len(q)
	}
}

// spokenBy says whether a name of the line stands near the quotation; a line
// without a name is taken at its word.
func spokenBy(source string, place, length int, d *draft, parts []string, quote int) bool {
	from, to := max(0, place-250), min(len(source), place+length+250)
	near := source[from:to]
	names := 0
	for i, part := range parts {
		if i%2 == 1 && i <= quote {
			continue
		}
		for _, w := range wordsOf(d.language, part) {
			if !w.upper || utf8.RuneCountInString(w.text) < 2 || w.opens && summary.Starts(d.language, w.text) {
				continue
			}
			names++
			stem := []rune(w.text)
			if d.tongue.inflects && len(stem) > 5 {
				stem = stem[:len(stem)-2]
			}
			if strings.Contains(near, string(stem)) {
				return true
			}
		}
	}
	return names == 0
}
