package catch

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"
)

// Bounds for what is shown of one mail; what lies beyond is left out.
const (
	maxDepth = 8
	maxParts = 100
	maxPart  = 8 << 20 // bytes of one decoded part
)

// A view is a mail taken apart for the inbox.
type view struct {
	Header header
	HTML   string // the first text/html part, UTF-8, as it came
	Text   string // the first text/plain part, UTF-8
	Parts  []part // every leaf, in order
}

// A part is one leaf of the MIME tree (RFC 2045, 2046).
type part struct {
	Type     string // media type in lower case
	Name     string // file name, if it has one
	ID       string // Content-ID without its brackets
	Attached bool   // Content-Disposition: attachment
	Body     []byte // transfer encoding removed
}

// A file is a part that is neither the text nor the HTML of the mail.
type file struct {
	N          int // its place among Parts
	Name, Type string
	Size       int
}

// Files lists what a reader would see as attachments.
func (v *view) Files() []file {
	var out []file
	for n, p := range v.Parts {
		if p.Attached || p.Name != "" || (p.Type != "text/html" && p.Type != "text/plain") {
			out = append(out, file{n, p.Name, p.Type, len(p.Body)})
		}
	}
	return out
}

// parse takes any bytes apart. Whatever cannot be understood is shown as text,
// so nothing that was received stays invisible.
func parse(raw []byte) *view {
	v := &view{}
	h, body := splitHeader(raw)
	v.Header = h
	v.walk(h, body, 0)
	for _, p := range v.Parts {
		switch {
		case p.Attached:
		case p.Type == "text/html" && v.HTML == "":
			v.HTML = string(p.Body)
		case p.Type == "text/plain" && v.Text == "":
			v.Text = string(p.Body)
		}
	}
	if v.HTML == "" && v.Text == "" && len(v.Parts) == 1 && !v.Parts[0].Attached {
		v.Text = string(bytes.ToValidUTF8(v.Parts[0].Body, []byte("\uFFFD")))
	}
	return v
}

func (v *view) walk(h header, body []byte, depth int) {
	if len(v.Parts) >= maxParts || depth > maxDepth {
		return
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if kind == "" {
		kind = "text/plain" // RFC 2045 section 5.2
	}
	if err == nil && strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" && v.branch(body, params["boundary"], depth) {
		return
	}
	v.Parts = append(v.Parts, leaf(h, kind, params, body))
}

// branch walks the parts of a multipart body and says whether there were any.
func (v *view) branch(body []byte, boundary string, depth int) bool {
	found := false
	for r := multipart.NewReader(bytes.NewReader(body), boundary); len(v.Parts) < maxParts; {
		p, err := r.NextRawPart()
		if err != nil {
			return found // a truncated mail shows what came
		}
		found = true
		b, _ := io.ReadAll(io.LimitReader(p, maxPart)) // likewise
		var h header
		for name, values := range p.Header {
			for _, value := range values {
				h = append(h, field{name, value})
			}
		}
		v.walk(h, b, depth+1)
	}
	return found
}

func leaf(h header, kind string, params map[string]string, body []byte) part {
	p := part{Type: kind, Name: params["name"], ID: strings.Trim(h.Get("Content-ID"), "<> ")}
	disposition, dparams, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	p.Attached = disposition == "attachment"
	if name := dparams["filename"]; name != "" {
		p.Name = name
	}
	p.Name = decodeWords(p.Name)
	p.Body = decodeTransfer(h.Get("Content-Transfer-Encoding"), body)
	if strings.HasPrefix(kind, "text/") {
		p.Body = toUTF8(params["charset"], p.Body)
	}
	return p
}

// decodeTransfer removes the transfer encoding as far as it is intact.
func decodeTransfer(encoding string, body []byte) []byte {
	var r io.Reader = bytes.NewReader(body)
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	out, _ := io.ReadAll(io.LimitReader(r, maxPart))
	return out
}

// toUTF8 decodes text; a wrong or unknown charset costs characters, not the text.
func toUTF8(charset string, body []byte) []byte {
	if utf8.Valid(body) && !strings.EqualFold(charset, "utf-7") && !strings.HasPrefix(strings.ToLower(charset), "iso-2022") {
		return body
	}
	if r, err := charsetReader(charset, bytes.NewReader(body)); err == nil {
		if out, err := io.ReadAll(io.LimitReader(r, maxPart)); err == nil {
			return bytes.ToValidUTF8(out, []byte("\uFFFD"))
		}
	}
	return bytes.ToValidUTF8(body, []byte("\uFFFD"))
}
