package catch

import (
	"bytes"
	"io"
	"mime"
	"net/mail"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// A field is one header field, unfolded (RFC 5322 section 2.2.3), as it came.
type field struct {
	Name, Value string
}

// A header is the fields of a message or part in their order.
type header []field

// splitHeader cuts raw at the first empty line. It takes any bytes: a line that
// is no field belongs to none, and a message without an empty line has no body.
func splitHeader(raw []byte) (header, []byte) {
	var h header
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		raw = rest
		text := string(bytes.TrimRight(line, "\r"))
		switch {
		case text == "":
			return h, raw
		case text[0] == ' ' || text[0] == '\t':
			if len(h) > 0 {
				h[len(h)-1].Value += " " + strings.TrimSpace(text)
			}
		default:
			name, value, ok := strings.Cut(text, ":")
			if ok && name != "" && !strings.ContainsAny(name, " \t") {
				h = append(h, field{name, strings.TrimSpace(value)})
			}
		}
	}
	return h, nil
}

// Get returns the first field of that name, "" when there is none.
func (h header) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// text is Get with encoded words (RFC 2047) decoded.
func (h header) text(name string) string { return decodeWords(h.Get(name)) }

// address returns the bare address of the first mailbox of a field.
func (h header) address(name string) string {
	if all := h.addresses(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (h header) addresses(name string) []string {
	parser := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: charsetReader}}
	list, err := parser.ParseList(h.Get(name))
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range list {
		out = append(out, a.Address)
	}
	return out
}

// decodeWords decodes what can be decoded and returns valid UTF-8.
func decodeWords(s string) string {
	d := mime.WordDecoder{CharsetReader: charsetReader}
	if out, err := d.DecodeHeader(s); err == nil {
		s = out
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// charsetReader turns text of a named charset into UTF-8.
func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return enc.NewDecoder().Reader(r), nil
}
