package message

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"pressrun/templates"
)

// Values are what one reader's copy differs in.
type Values struct {
	To        string    // the one recipient, without brackets
	Date      time.Time // the same again when a message is sent again
	MessageID string    // id@domain without brackets; the same again when a message is sent again
	// Unsubscribe is the URL of the List-Unsubscribe header, and of the body's
	// unsubscribe slot unless Named has one.
	Unsubscribe string
	// Mailto is an address for leaving by mail, for the List-Unsubscribe header
	// alone; "" = none.
	Mailto string
	// Named holds the values of the other slots. One that is missing is an
	// error, except templates.SlotName and templates.SlotTest, which are empty then.
	Named map[string]string
}

// maxValue bounds a value in bytes.
const maxValue = 2000

// Splice appends the message with v in its slots to dst, ready for the wire:
// dot-stuffed, with the final CRLF "." CRLF. It allocates only when dst is too
// small. It fails for a value that is missing, does not fit its place (a line
// end in a header, a URL that is none) or is longer than 2,000 bytes; the error
// names the slot and not the value.
func (t *Template) Splice(dst []byte, v Values) ([]byte, error) {
	return t.splice(dst, t.wire, v)
}

func (t *Template) splice(dst []byte, static [][]byte, v Values) ([]byte, error) {
	for i, s := range t.slots {
		dst = append(dst, static[i]...)
		var err error
		if dst, err = s.append(dst, &v); err != nil {
			return nil, fmt.Errorf("fill slot %q: %w", s.name, err)
		}
	}
	return append(dst, static[len(static)-1]...), nil
}

func (s slot) append(dst []byte, v *Values) ([]byte, error) {
	if s.place == inDate {
		return v.Date.AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 -0700"), nil
	}
	value, ok := v.lookup(s)
	switch {
	case !ok:
		return nil, fmt.Errorf("no value")
	case len(value) > maxValue:
		return nil, fmt.Errorf("the value has %d bytes, at most %d are allowed", len(value), maxValue)
	}
	switch s.place {
	case inHeader:
		dst, err := appendToken(dst, value)
		if err != nil || v.Mailto == "" || s.name != templates.SlotUnsubscribe {
			return dst, err
		}
		return appendToken(append(dst, betweenURLs...), "mailto:"+v.Mailto) // RFC 8058 section 3.1: https first
	case inSubject:
		return append(dst, strings.Join(encodedWords(clean(value)), "\r\n ")...), nil
	case inMark:
		if value = clean(value); value != "" {
			dst = append(append(dst, encodeMark(value)...), ' ')
		}
		return dst, nil
	case inURL:
		if err := checkURL(value); err != nil {
			return nil, err
		}
		return appendBody(dst, value, true), nil
	}
	return appendBody(dst, value, s.place == inHTML), nil
}

// betweenURLs stands between the addresses of a List-Unsubscribe field.
const betweenURLs = ">, <"

// lookup finds the value of a slot.
func (v *Values) lookup(s slot) (string, bool) {
	if s.place == inHeader && s.name == templates.SlotUnsubscribe && v.Unsubscribe != "" {
		return v.Unsubscribe, checkURL(v.Unsubscribe) == nil
	}
	if value, ok := v.Named[s.name]; ok {
		return value, true
	}
	switch s.name {
	case SlotTo:
		return v.To, v.To != ""
	case SlotMessageID:
		return v.MessageID, v.MessageID != ""
	case SlotDate:
		return v.Date.Format("2006-01-02 15:04"), true
	case templates.SlotUnsubscribe:
		return v.Unsubscribe, v.Unsubscribe != ""
	case templates.SlotName, templates.SlotTest:
		return "", true
	}
	return "", false
}

// appendToken writes an address, id or URL between the brackets of a header
// field: nothing in it may end the line, the brackets or the token.
func appendToken(dst []byte, s string) ([]byte, error) {
	if s == "" {
		return nil, fmt.Errorf("the value is empty")
	}
	for _, r := range s {
		if r <= ' ' || r == 0x7f || r == '<' || r == '>' || r == utf8.RuneError || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return nil, fmt.Errorf("the value holds %+q, which a header may not", r)
		}
	}
	return append(dst, s...), nil
}

func encodeMark(s string) string {
	if isASCII(s) && !strings.Contains(s, "=?") {
		return s
	}
	return strings.Join(encodedWords(s+" "), "\r\n ")
}

func checkURL(s string) error {
	if plainURL(s) {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return fmt.Errorf("the value is not a URL")
	}
	if (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" || u.Scheme == "mailto" {
		return nil
	}
	return fmt.Errorf("the value is not an absolute http, https or mailto URL")
}

// plainURL knows the links we make without taking them apart.
func plainURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok || rest == "" || rest[0] == '/' {
		return false
	}
	for i := range len(rest) {
		c := rest[i]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '-' || c > '9') && c != '_' { // - . / and digits
				return false
			}
		}
	}
	return true
}

const upperHex = "0123456789ABCDEF"

// lineBytes is the most that appendBody puts on a line before its soft break;
// quoted-printable allows 76 with the "=" (RFC 2045 section 6.7).
const lineBytes = 72

// appendBody writes s in quoted-printable, HTML-escaped first when html is set.
// The line it begins on is empty. A character that could be taken for something
// else at the beginning of a line (a final dot, a boundary, an mbox "From ") is
// encoded there. Control characters become spaces.
func appendBody(dst []byte, s string, html bool) []byte {
	col := 0
	put := func(c byte) {
		if col >= lineBytes {
			dst = append(dst, softBreak...)
			col = 0
		}
		first := col == 0 && (c == '.' || c == '-' || c == 'F')
		if c >= ' ' && c <= '~' && c != '=' && !first {
			dst = append(dst, c)
			col++
			return
		}
		dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
		col += 3
	}
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		entity := ""
		if html {
			entity = htmlEntity(c)
		}
		if entity == "" {
			put(c)
			continue
		}
		for j := range len(entity) {
			put(entity[j])
		}
	}
	return dst
}

func htmlEntity(c byte) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '"':
		return "&#34;"
	case '\'':
		return "&#39;"
	}
	return ""
}
