package message

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSubject is how many characters of a subject are kept; longer ones end in
// an ellipsis. Inboxes show at most half of it.
const MaxSubject = 150

// clean makes s one line: control characters become spaces, runs of spaces one,
// invalid UTF-8 the replacement character.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// encodeSubject returns the field body for a subject. A subject without slots
// is left readable when it is ASCII. One with slots becomes encoded words
// throughout, values included, because white space between encoded words does
// not count and so no value changes how its neighbours read.
func encodeSubject(s string) string {
	s = clean(s)
	if marks := marker.FindAllStringIndex(s, -1); marks != nil {
		return encodeSlotted(s, marks)
	}
	if r := []rune(s); len(r) > MaxSubject {
		s = string(r[:MaxSubject-1]) + "…"
	}
	return encodeText(s)
}

func encodeSlotted(s string, marks [][]int) string {
	var parts []string
	at := 0
	for _, m := range append(marks, []int{len(s), len(s)}) {
		if m[0] > at {
			parts = append(parts, strings.Join(encodedWords(s[at:m[0]]), "\r\n "))
		}
		if m[1] > m[0] {
			parts = append(parts, s[m[0]:m[1]])
		}
		at = m[1]
	}
	return strings.Join(parts, "\r\n ")
}

// encodeText returns unstructured text for a header: as it is when it is ASCII
// that no reader could take for encoded words, folded when long; else encoded.
func encodeText(s string) string {
	if isASCII(s) && !strings.Contains(s, "=?") && longestWord(s) < 200 {
		return fold(s)
	}
	return strings.Join(encodedWords(s), "\r\n ")
}

// wordBytes keeps an encoded word below 75 octets (RFC 2047 section 2), and a
// line with the longest of our field names below 76.
const wordBytes = 30

// encodedWords encodes s as words in base64, each of whole characters.
func encodedWords(s string) []string {
	var words []string
	for len(s) > 0 {
		n := 0
		for n < len(s) {
			_, size := utf8.DecodeRuneInString(s[n:])
			if n+size > wordBytes {
				break
			}
			n += size
		}
		words = append(words, encodeWord(s[:n]))
		s = s[n:]
	}
	return words
}

// encodeWord always encodes; mime.WordEncoder leaves ASCII alone.
func encodeWord(s string) string {
	return "=?UTF-8?b?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
}

// encodeListID takes `Title <name.host>` or `name.host` (RFC 2919): only the
// title may be encoded, and all stays on one line, which some verifiers need.
func encodeListID(s string) (string, error) {
	s = clean(s)
	title, id, found := strings.Cut(s, "<")
	if !found {
		title, id = "", s
	}
	id = strings.TrimSuffix(id, ">")
	if id == "" || !isASCII(id) || strings.ContainsAny(id, " <>\"") {
		return "", fmt.Errorf("List-Id %q: want Title <name.host>", s)
	}
	if title = strings.TrimSpace(title); title == "" {
		return "<" + id + ">", nil
	}
	if !isASCII(title) || strings.ContainsAny(title, `()<>@,;:\".[]=`) {
		title = strings.Join(encodedWords(title), " ")
	}
	return title + " <" + id + ">", nil
}

// fold breaks s at spaces into lines of about 70 characters.
func fold(s string) string {
	var b strings.Builder
	col := 20 // room for the name of the field
	for i, w := range strings.Split(s, " ") {
		if i > 0 {
			if col+1+len(w) > 75 {
				b.WriteString("\r\n")
				col = 0
			}
			b.WriteByte(' ')
		}
		b.WriteString(w)
		col += 1 + len(w)
	}
	return b.String()
}

func longestWord(s string) int {
	n := 0
	for w := range strings.SplitSeq(s, " ") {
		n = max(n, len(w))
	}
	return n
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
