package summary

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// says matches a speaker who is called by one name: "…," Pongo said.
var says = regexp.MustCompile(`(?:^|[,"”’'] )(\p{Lu}[\p{L}'’\-]+) (?:said|says|told|added|adds|explained|explains|wrote|recalled)\b|\b(?:said|says|added|adds|explained|recalled) (\p{Lu}[\p{L}'’\-]+)[,.]`)

// verbs are what both expressions look for.
var verbs = []string{" said", " says", " told", " add", " explain", " wrote", " recalled"}

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
		if !slices.ContainsFunc(verbs, func(v string) bool { return strings.Contains(c.Text, v) }) {
			continue // the expressions are slow
		}
		if saysPronoun.MatchString(c.Text) {
			c.names = s.justBefore(i)
			continue
		}
		m := says.FindStringSubmatch(c.Text)
		if m == nil {
			continue
		}
		name := m[1] + m[2]
		if languageFor("en").starters[name] || strings.Contains(s.Doc.Title, name) {
			continue
		}
		full := false
		var with []int
		for j := range s.Candidates[:i] {
			if before := s.Candidates[j]; before.order < c.order {
				held, whole := namesFull(before.Text, name)
				full = full || whole
				if held {
					with = append(with, j)
				}
			}
		}
		if full {
			c.names = with
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
		words := strings.Fields(s[:i])
		if len(words) > 0 && strings.HasSuffix(s[:i], " ") {
			r, _ := utf8.DecodeRuneInString(words[len(words)-1])
			full = full || unicode.IsUpper(r)
		}
	}
}
