package summary

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/sentences"
)

// Split returns the byte spans of the sentences of text, in order, without
// the white space around them.
//
// The boundaries are those of Unicode Standard Annex 29 section 5, mended
// where news text breaks its rules: no boundary after an abbreviation or an
// initial of lang, none inside a line that was only wrapped, one where the
// space after a full stop was lost, and a quotation mark belongs to the
// sentence that it opens. An unknown lang gets the rules that need no
// dictionary.
func Split(lang, text string) [][2]int {
	rules := languageFor(lang)
	var out [][2]int
	it := sentences.FromString(text)
	for it.Next() {
		for _, s := range unglue(text, trim(text, it.Start(), it.End())) {
			if n := len(out); n > 0 && joins(rules, text, out[n-1], s) {
				out[n-1][1] = s[1]
				continue
			}
			out = append(out, s)
		}
	}
	return rehome(text, out)
}

// trim narrows [start, end) to what stands between white space; it returns
// an empty span where there is nothing else.
func trim(text string, start, end int) [2]int {
	s := text[start:end]
	start += len(s) - len(strings.TrimLeftFunc(s, isBlank))
	return [2]int{start, start + len(strings.TrimFunc(s, isBlank))}
}

func isBlank(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' }

// unglue cuts a span where the space between two sentences was lost:
// "…the order.Read: Another". Both neighbours of the stop must look like
// words, so that hosts, versions and initials stay whole.
func unglue(text string, s [2]int) [][2]int {
	if s[0] == s[1] {
		return nil
	}
	var out [][2]int
	start := s[0]
	for i := s[0] + 3; i < s[1]-2; i++ {
		if c := text[i]; c != '.' && c != '!' || !lowerWordBefore(text, s[0], i) {
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i+1:])
		next, _ := utf8.DecodeRuneInString(text[i+1+size:])
		if unicode.IsUpper(r) && (unicode.IsLower(next) || next == ' ') {
			out = append(out, [2]int{start, i + 1})
			start = i + 1
		}
	}
	return append(out, [2]int{start, s[1]})
}

// lowerWordBefore says whether at least three lower-case letters, none of
// them after a dot of the same word, stand right before i.
func lowerWordBefore(text string, start, i int) bool {
	n := 0
	for i > start {
		r, size := utf8.DecodeLastRuneInString(text[start:i])
		if !unicode.IsLetter(r) {
			return n >= 3 && r != '.' && r != '/' && r != '@' && r != ':'
		}
		if n < 3 && !unicode.IsLower(r) {
			return false
		}
		n++
		i -= size
	}
	return n >= 3
}

// joins says whether the boundary between the neighbours a and b is none.
func joins(rules *language, text string, a, b [2]int) bool {
	gap := text[a[1]:b[0]]
	next, _ := utf8.DecodeRuneInString(text[b[0]:])
	last, _ := utf8.DecodeLastRuneInString(text[a[0]:a[1]])
	if n := strings.Count(gap, "\n"); n > 0 || strings.ContainsAny(gap, "\u2028\u2029\u0085\r") {
		return n == 1 && unicode.IsLower(next) && !isTerminal(last) && !isCloser(last)
	}
	switch {
	case isComma(next):
		return true
	case gap == "" && (last == '?' || last == '!') && unicode.IsLetter(next):
		return true // a mark inside a word: "on?Tuesday", "Yahoo!, Inc."
	case last == '?' || last == '!' || isCloser(last):
		return unicode.IsLower(next) || next == '—' || next == '–'
	case last == '.':
		return rules.abbreviates(text[a[0]:a[1]], text[b[0]:b[1]])
	}
	return false
}

func isComma(r rune) bool { return r == ',' || r == ';' || r == '،' || r == '，' || r == '、' }

func isTerminal(r rune) bool {
	switch r {
	case '.', '!', '?', '…', '。', '！', '？', '؟', '۔', '।', '॥', '։', '።', '．', '｡':
		return true
	}
	return false
}

func isCloser(r rune) bool {
	return r == '"' || r == '\'' || r == '”' || r == '’' || r == '»' || r == ')' || r == ']' || r == '」' || r == '』' || r == '）'
}

// rehome gives a straight quotation mark to the sentence that it opens. A
// mark after a full stop closes when one is open and opens when none is:
// `…promise safety." Two men, " said…` is damaged text seen in every feed.
func rehome(text string, spans [][2]int) [][2]int {
	if strings.IndexByte(text, '"') < 0 {
		return spans
	}
	open := false
	for i := range spans {
		s := spans[i]
		if i > 0 && strings.Contains(text[spans[i-1][1]:s[0]], "\n\n") {
			open = false
		}
		for j := s[0]; j < s[1]; j++ {
			if text[j] != '"' {
				continue
			}
			open = !open
			opensNext := open && j == s[1]-1 && j-1 > s[0] && i+1 < len(spans)
			if opensNext && isTerminal(rune(text[j-1])) && !strings.Contains(text[s[1]:spans[i+1][0]], "\n") {
				spans[i][1] = j
				if blank := strings.TrimSpace(text[s[1]:spans[i+1][0]]); blank == "" {
					spans[i+1][0] = j
				}
				open = false // counted again with the sentence that it opens
				break
			}
		}
	}
	return spans
}
