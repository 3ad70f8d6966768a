package dkim

import (
	"bytes"
	"strings"
)

// field is one header field; name in lower case, value as it stands, folded.
type field struct{ name, value string }

// fieldsOf takes a header apart.
func fieldsOf(head []byte) ([]field, error) {
	var fields []field
	for line := range strings.SplitSeq(strings.TrimSuffix(string(head), "\r\n"), "\r\n") {
		if line != "" && (line[0] == ' ' || line[0] == '\t') && len(fields) > 0 {
			fields[len(fields)-1].value += line
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimRight(name, " \t"))
		if !ok || !fieldName(name) {
			return nil, ErrHeader
		}
		fields = append(fields, field{name, value})
	}
	return fields, nil
}

// fieldName reports whether s is a name of RFC 5322 section 3.6.8. A semicolon is
// refused besides, for h= could not carry it.
func fieldName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' || r == ';' })
}

// relaxed is the form of RFC 6376 section 3.4.2, without the line end.
func (f field) relaxed() string {
	var b strings.Builder
	b.Grow(len(f.name) + 1 + len(f.value))
	b.WriteString(f.name)
	b.WriteByte(':')
	blank := false
	start := b.Len()
	for i := range len(f.value) {
		switch c := f.value[i]; {
		case c == ' ' || c == '\t':
			blank = true
		default:
			if blank && b.Len() > start {
				b.WriteByte(' ')
			}
			blank = false
			b.WriteByte(c)
		}
	}
	return b.String()
}

// simple is the form of RFC 6376 section 3.4.3: one line end at the end, even of
// an empty body.
func simple(body []byte) []byte {
	for bytes.HasSuffix(body, []byte("\r\n\r\n")) {
		body = body[:len(body)-2]
	}
	if bytes.Equal(body, []byte("\r\n")) || len(body) == 0 {
		return []byte("\r\n")
	}
	if !bytes.HasSuffix(body, []byte("\r\n")) {
		return append(body[:len(body):len(body)], "\r\n"...)
	}
	return body
}
