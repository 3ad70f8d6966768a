package summary

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// saying are the verbs of those who speak, and whether they stand before a name,
// too: "said Falk", but not "told Falk".
var saying = map[string]bool{"said": true, "says": true, "told": false, "added": true, "adds": true, "explained": true, "explains": false, "wrote": false, "recalled": true}

// speaks returns the first speaker in s who is called by one name: "…," Falk
// said; said Falk. "" = none.
func speaks(s string) string {
	for i := 0; i < len(s); {
		if !isLetter(s[i]) {
			i++
			continue
		}
		end := i + 1
		for end < len(s) && isWordByte(s[end]) {
			end++
		}
		if before, ok := saying[s[i:end]]; ok {
			if name := nameBefore(s[:i]); name != "" {
				return name
			}
			if name := nameAfter(s[end:]); name != "" && before {
				return name
			}
		}
		i = end
	}
	return ""
}

func isWordByte(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' || c == '_' }

func inName(r rune) bool { return unicode.IsLetter(r) || r == '\'' || r == '’' || r == '-' }

func isName(s string) bool {
	r, size := utf8.DecodeRuneInString(s)
	return unicode.IsUpper(r) && len(s) > size
}

// nameBefore is the name that s ends with, alone between a comma or quotation
// mark and a space.
func nameBefore(s string) string {
	s, ok := strings.CutSuffix(s, " ")
	name := s[len(strings.TrimRightFunc(s, inName)):]
	if !ok || !isName(name) {
		return ""
	}
	if rest := s[:len(s)-len(name)]; rest != "" {
		rest, ok := strings.CutSuffix(rest, " ")
		if last, _ := utf8.DecodeLastRuneInString(rest); !ok || !strings.ContainsRune(",\"”’'", last) {
			return ""
		}
	}
	return name
}

// nameAfter is the name that s begins with after a space, if a comma or stop
// follows it.
func nameAfter(s string) string {
	s, ok := strings.CutPrefix(s, " ")
	rest := strings.TrimLeftFunc(s, inName)
	if name := s[:len(s)-len(rest)]; ok && isName(name) && rest != "" && (rest[0] == ',' || rest[0] == '.') {
		return name
	}
	return ""
}

// saysPronoun matches a quotation whose speaker is a pronoun and nothing else:
// "…," he said.
var saysPronoun = regexp.MustCompile(`^["“].*[,?!]["”] (?:(?:he|she|they) (?:said|says|told|added|adds|explained|explains|wrote|recalled)|(?:said|says|added) (?:he|she))\b`)

// introduce finds the sentences that call a speaker by a last name which the
// article has given in full before, or by a pronoun, and the sentences that name
// him. English alone: the verbs are its.
func (s *Study) introduce() {
	if primary(s.Doc.Language) != "en" {
		return
	}
	for i := range s.Candidates {
		c := &s.Candidates[i]
		if (strings.HasPrefix(c.Text, `"`) || strings.HasPrefix(c.Text, "“")) && saysPronoun.MatchString(c.Text) {
			c.Flaws |= Dangles
			c.names = s.justBefore(i)
			continue
		}
		name := speaks(c.Text)
		if name == "" || languageFor("en").starters[name] || strings.Contains(s.Doc.Title, name) {
			c.names = s.mentions(i)
			continue
		}
		full := false
		var with []int
		for j := range s.Candidates[:i] {
			if earlier := &s.Candidates[j]; earlier.order < c.order {
				held, whole := namesFull(earlier.Text, name)
				full = full || whole
				if held {
					with = append(with, j)
				}
			}
		}
		if c.names = with; !full {
			c.names = s.mentions(i)
		}
	}
}

// justBefore are the candidates of the sentence before, which says who a
// pronoun is; not nil.
func (s *Study) justBefore(i int) []int {
	out := []int{}
	for j := range s.Candidates[:i] {
		if s.Candidates[j].order == s.Candidates[i].order-1 {
			out = append(out, j)
		}
	}
	return out
}

// namesFull says whether s holds the name, and whether a capitalised word stands
// before it.
func namesFull(s, name string) (held, full bool) {
	for from := 0; ; {
		i := strings.Index(s[from:], name)
		if i < 0 {
			return held, full
		}
		i += from
		from = i + len(name)
		if next, _ := utf8.DecodeRuneInString(s[from:]); unicode.IsLetter(next) {
			continue
		}
		held = true
		if word, ok := strings.CutSuffix(s[:i], " "); ok && !strings.HasSuffix(word, ",") {
			r, _ := utf8.DecodeRuneInString(word[strings.LastIndexByte(word, ' ')+1:])
			full = full || unicode.IsUpper(r)
		}
	}
}

// mentions are the earlier candidates that hold the first name which candidate i
// calls alone, and which the article has introduced behind another one: "Falk"
// after "Ines Falk".
func (s *Study) mentions(i int) []int {
	c := &s.Candidates[i]
	for k, t := range c.tokens {
		w := &s.words[t.id]
		if !t.upper || t.digit || w.inTitle || w.length < 4 || w.first < 0 || s.Candidates[w.first].order >= c.order || !s.isName(t) {
			continue
		}
		if s.goesOn(c.tokens, k) || k+1 < len(c.tokens) && s.goesOn(c.tokens, k+1) || !s.goesOn(s.Candidates[w.first].tokens, w.place) {
			continue
		}
		var with []int
		for j := range s.Candidates[:i] {
			if e := &s.Candidates[j]; e.order < c.order && slices.ContainsFunc(e.tokens, func(o token) bool { return o.id == t.id }) {
				with = append(with, j)
			}
		}
		return with
	}
	return nil
}

// isName says whether the article writes a word with a capital letter inside
// sentences.
func (s *Study) isName(t token) bool {
	w := &s.words[t.id]
	return w.inner > 0 && 2*w.upper > w.inner
}

// goesOn says whether tokens[k] goes on with a name.
func (s *Study) goesOn(tokens []token, k int) bool {
	return k > 0 && tokens[k].joined && tokens[k].upper && tokens[k-1].upper && s.isName(tokens[k-1])
}
