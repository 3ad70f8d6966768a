package bounce

import (
	"io"
	"mime"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html/charset"
)

// field is one header field or one field of a delivery report.
type field struct{ name, value string } // value unfolded

// header keeps fields in order. Names compare without case.
type header []field

const maxFields = 1000

var words = mime.WordDecoder{CharsetReader: func(name string, in io.Reader) (io.Reader, error) {
	return charset.NewReaderLabel(name, in)
}}

// readHeader reads fields up to an empty line or to a line that is no field, and
// returns the rest. A leading mbox line ("From ") is skipped.
func readHeader(s string) (header, string) {
	if strings.HasPrefix(s, "From ") {
		_, s, _ = strings.Cut(s, "\n")
	}
	var h header
	for s != "" {
		line, rest, _ := strings.Cut(s, "\n")
		if strings.TrimSpace(line) == "" {
			return h, rest
		}
		name, value, ok := cutField(line)
		switch {
		case (line[0] == ' ' || line[0] == '\t') && len(h) > 0:
			h.unfold(line) // RFC 5322 section 2.2.3
		case !ok:
			return h, s
		case len(h) < maxFields:
			h = append(h, field{name, value})
		}
		s = rest
	}
	return h, ""
}

// maxValue is how many bytes of one value are kept, so that endless folding costs
// nothing.
const maxValue = 16 << 10

// unfold adds a line to the last value.
func (h header) unfold(line string) {
	if last := &h[len(h)-1]; len(last.value)+len(line) < maxValue {
		last.value += " " + strings.TrimSpace(line)
	}
}

// cutField takes "Name: value" apart; a name has no blanks (RFC 5322 section
// 2.2), though one may stand before the colon.
func cutField(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t")
	if !ok || name == "" || len(name) > 80 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", "", false
	}
	return name, strings.TrimSpace(value), true
}

// get returns the first value of a name, or "".
func (h header) get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// has reports whether a field stands there, even an empty one.
func (h header) has(name string) bool {
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			return true
		}
	}
	return false
}

// text is a value with its encoded words (RFC 2047) decoded, in lower case.
func (h header) text(name string) string {
	v := h.get(name)
	if d, err := words.DecodeHeader(v); err == nil {
		v = d
	}
	return strings.ToLower(v)
}

// address finds mail addresses in running text. It is narrower than RFC 5321
// allows, on purpose: of quoted local parts only those without blanks.
var address = regexp.MustCompile(`(?:"[^"\s@]{1,64}"|[\p{L}\p{N}!#$%&'*+/=?^_{|}~.\-]+)@(?:[\p{L}\p{N}](?:[\p{L}\p{N}\-]*[\p{L}\p{N}])?\.)+[\p{L}\p{N}\-]{2,}`)

// firstAddress returns the first address in s, or "".
func firstAddress(s string) string { return clean(address.FindString(s)) }

func addresses(s string) []string {
	var found []string
	for _, a := range address.FindAllString(s, maxReports) {
		found = append(found, clean(a))
	}
	return found
}

// clean writes the domain in lower case and drops what prose leaves on an address.
func clean(a string) string {
	a = strings.Trim(a, "'.")
	a = strings.TrimPrefix(a, "mailto:")
	at := strings.LastIndexByte(a, '@')
	if at < 1 {
		return ""
	}
	return a[:at] + strings.ToLower(a[at:])
}

// bareID is a Message-ID without its brackets.
func bareID(v string) string {
	id, _, _ := strings.Cut(strings.TrimSpace(v), ">")
	return oneLine(strings.TrimPrefix(id, "<"), 250)
}

// oneLine folds blanks and control characters into single spaces and cuts at
// limit bytes, on a character's edge.
func oneLine(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}
