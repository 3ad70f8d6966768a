package story

import "strings"

// language is a set of those languages in which a word may mean something else.
type language uint32

// latin are the languages that are told apart, by their little words.
var latin = [...]string{"en", "es", "fr", "de", "it", "pt", "nl", "tr", "vi", "pl", "sv", "da", "id", "ro", "cs", "hu", "fi"}

const anyLanguage language = 1<<len(latin) - 1

// languageOf reads the mark of a word or line in the lists.
func languageOf(mark string) language {
	for k, code := range latin {
		if mark == code {
			return 1 << k
		}
	}
	return anyLanguage
}

// sense is one meaning, known by the hash of its name, in some languages.
type sense struct {
	hash uint32
	in   language
}

// senses says which words mean the same (senses.txt).
type senses struct {
	exact   map[string][]sense
	prefix  map[string]sense
	longest int              // bytes of the longest beginning
	heads   map[string]bool  // first words of phrases
	phrases map[string]sense // two words and a space between them
}

func newSenses() *senses {
	return &senses{exact: map[string][]sense{}, prefix: map[string]sense{}, heads: map[string]bool{}, phrases: map[string]sense{}}
}

func (l *senses) add(name string, words []string) {
	for _, w := range words {
		s := sense{hashOf("~" + name), anyLanguage}
		if mark, rest, ok := strings.Cut(w, ":"); ok {
			s.in, w = languageOf(mark), rest
		}
		head, open := strings.CutSuffix(w, "*")
		first, second, phrase := strings.Cut(strings.ReplaceAll(head, "-", "_"), "_")
		switch {
		case phrase && first != "" && second != "":
			l.heads[first] = true
			if _, ok := l.phrases[first+" "+second]; !ok {
				l.phrases[first+" "+second] = s
			}
		case open:
			if _, ok := l.prefix[head]; !ok {
				l.prefix[head] = s
			}
			l.longest = max(l.longest, len(head))
		default:
			l.exact[w] = append(l.exact[w], s)
		}
	}
}

// of lists the senses of a lower-case word: those it is listed with, else that
// of the longest beginning.
func (l *senses) of(w string) []sense {
	if s, ok := l.exact[w]; ok {
		return s
	}
	if bare := withoutArticle(w); bare != w {
		if s := l.of(bare); s != nil {
			return s
		}
	}
	for n := min(len(w), l.longest); n > 2; n-- {
		if s, ok := l.prefix[w[:n]]; ok {
			return []sense{s}
		}
	}
	return nil
}
