package bounce

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"regexp"
	"strings"

	"golang.org/x/net/html/charset"
)

// mail is a message taken apart as well as it allows: mail that comes back is
// often cut short or broken, so nothing here is an error.
type mail struct {
	header header
	inner  bool   // found within another
	parts  []part // leaves in order; a returned message is one leaf, not entered

	said, returnedText string // of prose, once read
	read               bool
}

type part struct {
	kind   string // media type in lower case
	header header
	text   string // decoded, in UTF-8, line ends as \n
}

// bounds of the tree.
const (
	maxDepth = 8
	maxParts = 64
)

func readMail(raw []byte) *mail {
	raw = raw[:min(len(raw), maxMail)]
	s := strings.ReplaceAll(string(raw), "\r\n", "\n")
	s = strings.TrimLeft(s, "\n")
	h, body := readHeader(s)
	m := &mail{header: h}
	m.split(h, body, 0)
	return m
}

// delimiter is the first line of a body that looks like one between parts.
var delimiter = regexp.MustCompile(`(?m)^--([^\s-][^\n]{0,68}[^\s-]|-[^\n]{8,68}[^\s])[ \t]*$`)

// split appends the leaves of one entity.
func (m *mail) split(h header, body string, depth int) {
	if len(m.parts) >= maxParts {
		return
	}
	kind, params, _ := mime.ParseMediaType(h.get("Content-Type"))
	if kind == "" {
		kind, _, _ = strings.Cut(h.get("Content-Type"), ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	if kind == "" {
		kind = "text/plain" // RFC 2045 section 5.2
	}
	boundary := params["boundary"]
	if f := delimiter.FindStringSubmatch(body); boundary == "" && f != nil {
		boundary = f[1] // a header broken before its boundary
	}
	if strings.HasPrefix(kind, "multipart/") && boundary != "" && depth < maxDepth {
		for _, entity := range cutParts(body, boundary) {
			ph, pb := readHeader(entity)
			m.split(ph, pb, depth+1)
		}
		return
	}
	text := toUTF8(decode(body, h.get("Content-Transfer-Encoding")), params["charset"])
	m.parts = append(m.parts, part{kind: kind, header: h, text: text})
}

// cutParts cuts a multipart body at its delimiter lines (RFC 2046 section
// 5.1.1). A preamble is dropped, except where no delimiter comes at all.
func cutParts(body, boundary string) []string {
	pieces := strings.Split("\n"+body, "\n--"+boundary)
	if len(pieces) == 1 {
		return []string{"\n" + body}
	}
	var parts []string
	for _, p := range pieces[1:] {
		if strings.HasPrefix(p, "--") {
			break
		}
		_, rest, ok := strings.Cut(p, "\n")
		if ok && len(parts) < maxParts {
			parts = append(parts, rest)
		}
	}
	return parts
}

// decode undoes a transfer encoding as far as it goes.
func decode(s, encoding string) string {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		out, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(s)))
		return string(out)
	case "base64":
		r := base64.NewDecoder(base64.StdEncoding, strings.NewReader(s))
		out, _ := io.ReadAll(r)
		return strings.ReplaceAll(string(out), "\r\n", "\n")
	}
	return s
}

// toUTF8 reads text in the charset it names; what cannot be read becomes U+FFFD.
func toUTF8(s, name string) string {
	if name != "" && !strings.EqualFold(name, "utf-8") && !strings.EqualFold(name, "us-ascii") {
		if e, _ := charset.Lookup(name); e != nil {
			if out, err := e.NewDecoder().String(s); err == nil {
				s = out
			}
		}
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// part returns the first leaf of one of the kinds, or nil.
func (m *mail) part(kinds ...string) *part {
	for _, k := range kinds {
		for i := range m.parts {
			if m.parts[i].kind == k {
				return &m.parts[i]
			}
		}
	}
	return nil
}

// original is the header of the mail that came back: from its own part, else
// from the text behind a dividing line. It is empty when nothing came back.
func (m *mail) original() header {
	if p := m.part("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers"); p != nil {
		h, _ := readHeader(strings.TrimLeft(decode(p.text, p.header.get("Content-Transfer-Encoding")), "\n"))
		return h
	}
	_, returned := m.prose()
	h, _ := readHeader(returned)
	return h
}
