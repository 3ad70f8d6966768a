package templates

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// textColumns is the widest line of a text part: below the 78 that RFC 5322
// section 2.1.1 allows, so that it stays within 80 when it is quoted.
const textColumns = 72

// wrap breaks s into lines of at most columns display columns, first before the
// first line and rest before each further one. Words are never cut, so a word
// longer than a line stands on a line of its own; isolated words stay on one
// line, because isolates end with their line.
func wrap(s, first, rest string, columns int) string {
	var b strings.Builder
	line, used, empty := first, displayWidth(first), true
	flush := func() {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		line, used, empty = rest, displayWidth(rest), true
	}
	for _, word := range unbroken(s, columns-displayWidth(rest)) {
		w := displayWidth(word)
		if !empty && used+1+w > columns {
			flush()
		}
		if !empty {
			line, used = line+" ", used+1
		}
		line, used, empty = line+word, used+w, false
	}
	if !empty {
		flush()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// unbroken splits s at spaces outside isolates. An isolate that is wider than a
// line is opened and closed around each of its words.
func unbroken(s string, columns int) []string {
	var words []string
	var run []string
	for word := range strings.SplitSeq(s, " ") {
		if word == "" {
			continue
		}
		depth := strings.Count(strings.Join(run, " ")+word, string(fsi)) - strings.Count(strings.Join(run, " ")+word, string(pdi))
		run = append(run, word)
		if depth > 0 {
			continue
		}
		words = append(words, joinRun(run, columns)...)
		run = nil
	}
	return append(words, run...)
}

func joinRun(run []string, columns int) []string {
	whole := strings.Join(run, " ")
	if len(run) == 1 || displayWidth(whole) <= columns {
		return []string{whole}
	}
	for i, word := range run {
		bare := strings.Map(func(r rune) rune {
			if r == fsi || r == pdi {
				return -1
			}
			return r
		}, word)
		run[i] = string(fsi) + bare + string(pdi)
	}
	return run
}

// displayWidth is how many columns s takes on a terminal: none for marks and
// format characters, two for East Asian wide ones.
func displayWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// anchored begins each line of right-to-left text that has no letter of its
// own direction outside isolates with a mark, so that a viewer which decides
// the direction line by line shows it on the right side.
func anchored(s, direction string) string {
	if direction != "rtl" {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if needsAnchor(line) {
			lines[i] = string(rlm) + line
		}
	}
	return strings.Join(lines, "\n")
}

// needsAnchor reports whether the first strong letter outside isolates is
// missing or left-to-right.
func needsAnchor(line string) bool {
	depth := 0
	for _, r := range line {
		switch {
		case r == fsi:
			depth++
		case r == pdi && depth > 0:
			depth--
		case depth > 0:
		case strongRTL(r):
			return false
		case strongLTR(r):
			return true
		}
	}
	return strings.ContainsRune(line, fsi)
}
