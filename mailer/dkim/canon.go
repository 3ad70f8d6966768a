package dkim

import "bytes"

// field is one header field as it stands in the mail: value is folded, without
// its last line end.
type field struct{ name, value []byte }

// fieldsOf takes a header apart.
func fieldsOf(head []byte) ([]field, error) {
	fields := make([]field, 0, 32)
	for {
		end := lineEnd(head)
		for end < len(head) && (head[end] == ' ' || head[end] == '\t') { // goes on (RFC 5322 section 2.2.3)
			end += lineEnd(head[end:])
		}
		name, value, ok := bytes.Cut(bytes.TrimSuffix(head[:end], []byte("\r\n")), []byte(":"))
		name = bytes.TrimRight(name, " \t")
		if !ok || !fieldName(name) {
			return nil, ErrHeader
		}
		fields = append(fields, field{name, value})
		if head = head[end:]; len(head) == 0 {
			return fields, nil
		}
	}
}

// lineEnd is where the line after s's first begins.
func lineEnd(s []byte) int {
	if at := bytes.IndexByte(s, '\n'); at >= 0 {
		return at + 1
	}
	return len(s)
}

// fieldName reports whether s is a name of RFC 5322 section 3.6.8. A semicolon is
// refused besides, for h= could not carry it.
func fieldName[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == ':' || c == ';' {
			return false
		}
	}
	return len(s) > 0
}

// is reports whether the field is called name, which is in lower case.
func (f field) is(name string) bool {
	return len(f.name) == len(name) && bytes.EqualFold(f.name, []byte(name))
}

// appendRelaxed appends a field in the form of RFC 6376 section 3.4.2, without
// the line end. Its name is in lower case.
func appendRelaxed(dst []byte, name string, value []byte) []byte {
	dst = append(append(dst, name...), ':')
	start, blank := len(dst), false
	for _, c := range value {
		switch c {
		case ' ', '\t':
			blank = true
		case '\r', '\n': // of a fold: a blank comes next
		default:
			if blank && len(dst) > start {
				dst = append(dst, ' ')
			}
			blank = false
			dst = append(dst, c)
		}
	}
	return dst
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

// lineEnds reports whether the lines of a mail end in CRLF, and neither of the two
// stands alone.
func lineEnds(msg []byte) bool {
	ends := 0
	for rest := msg; ; ends++ {
		at := bytes.IndexByte(rest, '\n')
		if at < 0 {
			return ends == bytes.Count(msg, []byte("\r"))
		}
		if at == 0 || rest[at-1] != '\r' {
			return false
		}
		rest = rest[at+1:]
	}
}
