package article

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/net/html"
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
	roles             map[string]bool
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
	f := &furnitureList{classes: map[string][]classPattern{}, roles: map[string]bool{}}
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

// phrases are text patterns, those with a literal beginning sorted by its first word.
type phrases struct {
	byWord map[string][]phrase
	free   []phrase // begin with anything
}

// phrase is a pattern cut at its stars.
type phrase struct {
	parts      []string
	start, end bool // anchored there
}

// add takes one pattern apart into its alternatives.
func (ps *phrases) add(pattern string) {
	if ps.byWord == nil {
		ps.byWord = map[string][]phrase{}
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
		if w := firstWord(ph.parts[0]); ph.start && w != "" && !oneRun(w) {
			ps.byWord[w] = append(ps.byWord[w], ph)
		} else {
			ps.free = append(ps.free, ph)
		}
	}
}

// alternatives writes out (a|b).
func alternatives(pattern string) []string {
	open := strings.IndexByte(pattern, '(')
	for open >= 0 {
		length := strings.IndexByte(pattern[open:], ')')
		if length < 0 {
			break
		}
		inside := pattern[open+1 : open+length]
		if strings.Contains(inside, "|") {
			var out []string
			for _, choice := range strings.Split(inside, "|") {
				out = append(out, alternatives(pattern[:open]+choice+pattern[open+length+1:])...)
			}
			return out
		}
		next := strings.IndexByte(pattern[open+1:], '(')
		if next < 0 {
			break
		}
		open += 1 + next
	}
	return []string{pattern}
}

// fold writes text as patterns are compared: small letters, one kind of
// apostrophe and colon, every number as "#".
func fold(s string) string {
	var b strings.Builder
	number := false
	runes := []rune(strings.ToLower(s))
	for i, r := range runes {
		inside := number && (r == '.' || r == ',' || r == ':') && i+1 < len(runes) && unicode.IsDigit(runes[i+1])
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
		case '\u00a0':
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// trimmed are the runes that do not count at the ends of a text.
func trimmed(r rune) bool {
	switch r {
	case '(', ')', '©', '+', '#', '%', '$':
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
	_, ok := ps.find(text, func(ph phrase, text string) (string, bool) { return "", ph.match(text) })
	return ok
}

// prefix tells whether a phrase without stars begins the text, and what is
// left behind the longest such phrase.
func (ps *phrases) prefix(text string) (rest string, ok bool) {
	best := -1
	for _, list := range [][]phrase{ps.byWord[firstWord(text)], ps.free} {
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

func (ps *phrases) find(text string, f func(phrase, string) (string, bool)) (string, bool) {
	for _, list := range [][]phrase{ps.byWord[firstWord(text)], ps.free} {
		for _, ph := range list {
			if rest, ok := f(ph, text); ok {
				return rest, true
			}
		}
	}
	return "", false
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

// classOf gathers what an element's own attributes say of its purpose.
func classOf(n *html.Node, each func(string)) {
	for _, a := range n.Attr {
		switch a.Key {
		case "class", "id", "data-testid", "data-component", "data-module", "data-type", "data-name", "aria-label":
			if len(a.Val) < 400 {
				each(a.Val)
			}
		}
	}
}
