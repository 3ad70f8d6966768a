package article

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"unicode"
)

// furnitureText is the list of what is not the article; its head explains it.
//
//go:embed furniture.txt
var furnitureText string

// furniture is that list, read once and never changed.
var furniture = sync.OnceValue(func() *furnitureList {
	list, err := readFurniture(furnitureText)
	if err != nil {
		panic("article: " + err.Error()) // the file is part of the program
	}
	return list
})

// furnitureList holds the patterns by what they do.
type furnitureList struct {
	classes           map[string][]classPattern // by first word
	lines, ends       phrases
	labels            phrases
	bylines, nobodies phrases
	roles, stamps     map[string]bool
}

// verdict is what class words say about an element.
type verdict int

const (
	unmarked verdict = iota
	keep
	weak   // furniture, unless most of the page is in it
	strong // furniture
)

type classPattern struct {
	words   []string
	verdict verdict
}

// readFurniture reads lines of action, language, pattern and example.
func readFurniture(text string) (*furnitureList, error) {
	f := &furnitureList{classes: map[string][]classPattern{}, roles: map[string]bool{}, stamps: map[string]bool{}}
	for i, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 4 || fields[2] == "" {
			return nil, fmt.Errorf("furniture line %d: want action, language, pattern and example", i+1)
		}
		if err := f.add(fields[0], fields[2]); err != nil {
			return nil, fmt.Errorf("furniture line %d: %w", i+1, err)
		}
	}
	return f, nil
}

func (f *furnitureList) add(action, pattern string) error {
	switch action {
	case "box":
		f.addClass(pattern, strong)
	case "class":
		f.addClass(pattern, weak)
	case "keep":
		f.addClass(pattern, keep)
	case "line":
		f.lines.add(pattern)
	case "label":
		f.labels.add(pattern)
	case "end":
		f.ends.add(pattern)
	case "by":
		f.bylines.add(pattern)
	case "nobody":
		f.nobodies.add(pattern)
	case "stamp":
		f.stamps[pattern] = true
	case "role":
		f.roles[pattern] = true
	default:
		return fmt.Errorf("no action %q", action)
	}
	return nil
}

func (f *furnitureList) addClass(pattern string, v verdict) {
	words := classWords(pattern)
	f.classes[words[0]] = append(f.classes[words[0]], classPattern{words, v})
}

// classWords cuts a class or id into lower-case words at everything that is not
// a letter and at capitals: td_authorBox-2 is td, author, box.
func classWords(s string) []string {
	var words []string
	start, lower := -1, false
	for i, r := range s {
		letter := unicode.IsLetter(r)
		if start >= 0 && (!letter || unicode.IsUpper(r) && lower) {
			words = append(words, strings.ToLower(s[start:i]))
			start = -1
		}
		if letter && start < 0 {
			start = i
		}
		lower = unicode.IsLower(r)
	}
	if start >= 0 {
		words = append(words, strings.ToLower(s[start:]))
	}
	return words
}

// judge tells what one class or id says; a keep word wins over a weak one.
func (f *furnitureList) judge(class string) verdict {
	words := classWords(class)
	best := unmarked
	for i, w := range words {
		for _, p := range f.classes[w] {
			if !begins(words[i:], p.words) {
				continue
			}
			if p.verdict == strong {
				return strong
			}
			if best == unmarked || p.verdict == keep {
				best = p.verdict
			}
		}
	}
	return best
}

func begins(words, prefix []string) bool {
	if len(words) < len(prefix) {
		return false
	}
	for i := range prefix {
		if words[i] != prefix[i] {
			return false
		}
	}
	return true
}

// phrases are text patterns, sorted by a word that a text must have to match:
// its first word, any word, or none that can be told.
type phrases struct {
	byFirst, byWord map[string][]phrase
	free            []phrase
}

// phrase is a pattern cut at its stars.
type phrase struct {
	parts      []string
	start, end bool // anchored there
}

// add takes one pattern apart into its alternatives.
func (ps *phrases) add(pattern string) {
	if ps.byFirst == nil {
		ps.byFirst, ps.byWord = map[string][]phrase{}, map[string][]phrase{}
	}
	for _, p := range alternatives(pattern) {
		ph := phrase{start: !strings.HasPrefix(p, "*"), end: !strings.HasSuffix(p, "*")}
		for _, part := range strings.Split(strings.Trim(p, "*"), "*") {
			ph.parts = append(ph.parts, fold(part))
		}
		if ph.start {
			ph.parts[0] = strings.TrimLeftFunc(ph.parts[0], trimmed)
		}
		if ph.end {
			last := len(ph.parts) - 1
			ph.parts[last] = strings.TrimRightFunc(ph.parts[last], trimmed)
		}
		ps.file(ph)
	}
}

// file puts a phrase under the word by which it is found.
func (ps *phrases) file(ph phrase) {
	first := firstWord(ph.parts[0])
	whole := len(first) < len(ph.parts[0]) || len(ph.parts) == 1 && ph.end
	if ph.start && whole && first != "" && !oneRun(first) {
		ps.byFirst[first] = append(ps.byFirst[first], ph)
		return
	}
	if w := ph.wholeWord(); w != "" {
		ps.byWord[w] = append(ps.byWord[w], ph)
		return
	}
	ps.free = append(ps.free, ph)
}

// wholeWord is the longest word of a phrase that stands between two runes that
// are no letters, so that any text it matches has the very word.
func (ph phrase) wholeWord() string {
	best := ""
	for _, part := range ph.parts {
		inner := strings.FieldsFunc(part, notWord)
		for i, w := range inner {
			open := i == 0 && strings.HasPrefix(part, w) || i == len(inner)-1 && strings.HasSuffix(part, w)
			if !open && len(w) > len(best) && !oneRun(w) {
				best = w
			}
		}
	}
	return best
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }

// alternatives writes out (a|b), also inside one another. Brackets without a
// bar are brackets.
func alternatives(pattern string) []string {
	for open := 0; open < len(pattern); open++ {
		if pattern[open] != '(' {
			continue
		}
		choices, end := choicesAt(pattern, open)
		if len(choices) < 2 {
			continue
		}
		var out []string
		for _, choice := range choices {
			out = append(out, alternatives(pattern[:open]+choice+pattern[end:])...)
		}
		return out
	}
	return []string{pattern}
}

// choicesAt splits what the bracket at open holds at its own bars; end is
// behind the bracket that closes it.
func choicesAt(pattern string, open int) (choices []string, end int) {
	depth, from := 0, open+1
	for i := open; i < len(pattern); i++ {
		switch pattern[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return append(choices, pattern[from:i]), i + 1
			}
		case '|':
			if depth == 1 {
				choices, from = append(choices, pattern[from:i]), i+1
			}
		}
	}
	return nil, len(pattern)
}

// fold writes text as patterns are compared: small letters, one kind of
// apostrophe and colon, no space before a colon, every number as "#".
func fold(s string) string {
	var b strings.Builder
	number, space := false, false
	runes := []rune(strings.ToLower(s))
	for i, r := range runes {
		inside := number && (r == '.' || r == ',' || r == ':') && i+1 < len(runes) && unicode.IsDigit(runes[i+1])
		if space && r != ':' && r != '：' {
			b.WriteByte(' ')
		}
		space = false
		if unicode.IsDigit(r) || inside {
			if !number {
				b.WriteByte('#')
			}
			number = true
			continue
		}
		number = false
		switch r {
		case '’', '‘', 'ʼ', '`':
			r = '\''
		case '：':
			r = ':'
		case ' ', '\u00a0':
			space = true
			continue
		}
		b.WriteRune(r)
	}
	if space {
		b.WriteByte(' ')
	}
	return b.String()
}

// trimmed are the runes that do not count at the ends of a text.
func trimmed(r rune) bool {
	switch r {
	case '©', '+', '#', '%', '$':
		return false
	}
	return !unicode.IsLetter(r) && !unicode.IsMark(r)
}

func folded(s string) string { return strings.TrimFunc(fold(s), trimmed) }

func firstWord(s string) string {
	for i, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) {
			return s[:i]
		}
	}
	return s
}

// oneRun tells scripts that put no space between words.
func oneRun(w string) bool {
	for _, r := range w {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
	}
	return false
}

// match tells whether a folded text is one of the phrases.
func (ps *phrases) match(text string) bool {
	for _, ph := range ps.byFirst[firstWord(text)] {
		if ph.match(text) {
			return true
		}
	}
	for _, ph := range ps.free {
		if ph.match(text) {
			return true
		}
	}
	for w := range strings.FieldsFuncSeq(text, notWord) {
		for _, ph := range ps.byWord[w] {
			if ph.match(text) {
				return true
			}
		}
	}
	return false
}

// prefix tells whether a phrase without stars begins the text, and what is
// left behind the longest such phrase.
func (ps *phrases) prefix(text string) (rest string, ok bool) {
	best := -1
	for _, list := range [][]phrase{ps.byFirst[firstWord(text)], ps.free} {
		for _, ph := range list {
			if len(ph.parts) != 1 || !ph.start || len(ph.parts[0]) <= best || !strings.HasPrefix(text, ph.parts[0]) {
				continue
			}
			after := text[len(ph.parts[0]):]
			if oneRun(ph.parts[0]) || after == "" || firstWord(after) == "" {
				best, rest = len(ph.parts[0]), after
			}
		}
	}
	return rest, best > 0
}

func (ph phrase) match(text string) bool {
	for i, part := range ph.parts {
		last := i == len(ph.parts)-1
		switch {
		case i == 0 && ph.start:
			if !strings.HasPrefix(text, part) {
				return false
			}
			text = text[len(part):]
			if last && ph.end && text != "" {
				return false
			}
		case last && ph.end:
			if !strings.HasSuffix(text, part) {
				return false
			}
		default:
			at := strings.Index(text, part)
			if at < 0 {
				return false
			}
			text = text[at+len(part):]
		}
	}
	return true
}
