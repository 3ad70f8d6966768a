package message

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/mail"
	"regexp"
	"strings"

	"pressrun/templates"
)

const (
	markerHead = "prslot0"
	markerTail = "0tolsrp"
)

// marker finds what templates.Slot makes.
var marker = regexp.MustCompile(markerHead + `([a-z]+)` + markerTail)

// place says how a slot's value is written.
type place int

const (
	inHeader  place = iota // one token: an address, an id, a URL
	inDate                 // RFC 5322 section 3.3
	inSubject              // encoded word
	inMark                 // in front of the subject: words and a space, or nothing
	inText                 // quoted-printable
	inHTML                 // HTML-escaped, then quoted-printable
	inURL                  // as inHTML, and must be an http, https or mailto URL
)

type slot struct {
	name  string
	place place
}

// A Template is a composed message cut at its slots. It is never changed after
// Parse and may be used concurrently.
type Template struct {
	static [][]byte // as composed; one more than slots
	wire   [][]byte // the same, dot-stuffed (RFC 5321 section 4.5.2)
	slots  []slot
}

// Parse cuts a message made by Compose. It fails when a body slot does not
// stand between soft line breaks or in a part that is not quoted-printable.
func Parse(msg []byte) (*Template, error) {
	head, _, ok := bytes.Cut(msg, []byte("\r\n\r\n"))
	if !ok || !bytes.HasSuffix(msg, []byte("\r\n")) {
		return nil, errors.New("parse message: no end of header or last line")
	}
	parts, err := partsOf(msg)
	if err != nil {
		return nil, fmt.Errorf("parse message: %w", err)
	}
	t := &Template{}
	at := 0
	for _, m := range marker.FindAllSubmatchIndex(msg, -1) {
		s := slot{name: string(msg[m[2]:m[3]])}
		if m[0] < len(head) {
			s.place = headerPlace(head, m[0], s.name)
		} else if s.place, err = bodyPlace(msg, m[0], m[1], parts); err != nil {
			return nil, fmt.Errorf("parse message: slot %q: %w", s.name, err)
		}
		t.cut(msg[at:m[0]], s)
		at = m[1]
	}
	t.static = append(t.static, bytes.Clone(msg[at:]))
	t.stuff()
	return t, nil
}

func (t *Template) cut(static []byte, s slot) {
	t.static = append(t.static, bytes.Clone(static))
	t.slots = append(t.slots, s)
}

// stuff doubles each dot that begins a line. Values never begin a line with a
// dot, and no static part but the first begins a line.
func (t *Template) stuff() {
	for i, s := range t.static {
		w := bytes.ReplaceAll(s, []byte("\r\n."), []byte("\r\n.."))
		if i == 0 && len(w) > 0 && w[0] == '.' {
			w = append([]byte("."), w...)
		}
		t.wire = append(t.wire, w)
	}
	last := len(t.wire) - 1
	t.wire[last] = append(t.wire[last], ".\r\n"...)
}

// headerPlace looks at the field in which the slot at offset at stands.
func headerPlace(head []byte, at int, name string) place {
	start := 0
	for i := at; i > 0; i-- {
		if head[i-1] == '\n' && head[i] != ' ' && head[i] != '\t' {
			start = i
			break
		}
	}
	field, _, _ := bytes.Cut(head[start:], []byte(":"))
	switch {
	case !strings.EqualFold(string(field), "Subject"):
		if name == SlotDate {
			return inDate
		}
		return inHeader
	case name == templates.SlotTest && at == start+len("Subject: "):
		return inMark
	}
	return inSubject
}

// part is a leaf of the MIME tree.
type part struct {
	from, to int // offsets of its content
	html, qp bool
}

// partsOf finds the parts of a composed message: one, or the alternatives.
func partsOf(msg []byte) ([]part, error) {
	m, err := mail.ReadMessage(bytes.NewReader(msg))
	if err != nil {
		return nil, err
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("Content-Type: %w", err)
	}
	end := bytes.Index(msg, []byte("\r\n\r\n")) + 2
	if !strings.HasPrefix(kind, "multipart/") {
		return []part{leaf(msg[:end], end+2, len(msg))}, nil
	}
	delimiter := []byte("\r\n--" + params["boundary"])
	var parts []part
	at := end
	for {
		i := bytes.Index(msg[at:], delimiter)
		if i < 0 {
			return nil, errors.New("the last boundary is missing")
		}
		if n := len(parts); n > 0 {
			parts[n-1].to = at + i
		}
		at += i + len(delimiter)
		if bytes.HasPrefix(msg[at:], []byte("--")) {
			return parts, nil
		}
		n := bytes.Index(msg[at:], []byte("\r\n\r\n"))
		if n < 0 {
			return nil, errors.New("a part has no body")
		}
		parts = append(parts, leaf(msg[at:at+n+2], at+n+4, 0))
		at += n + 2
	}
}

func leaf(head []byte, from, to int) part {
	h := strings.ToLower(string(head))
	return part{
		from: from, to: to,
		html: strings.Contains(h, "\r\ncontent-type: text/html"),
		qp:   strings.Contains(h, "\r\ncontent-transfer-encoding: quoted-printable"),
	}
}

var softBreak = []byte("=\r\n")

func bodyPlace(msg []byte, from, to int, parts []part) (place, error) {
	if !bytes.HasSuffix(msg[:from], softBreak) || !bytes.HasPrefix(msg[to:], softBreak) {
		return 0, errors.New("it does not stand between soft line breaks")
	}
	for _, p := range parts {
		switch {
		case from < p.from || from >= p.to:
			continue
		case !p.qp:
			return 0, errors.New("its part is not quoted-printable")
		case !p.html:
			return inText, nil
		case beginsURL(msg[p.from:from]):
			return inURL, nil
		}
		return inHTML, nil
	}
	return 0, errors.New("it stands in no part")
}

// beginsURL says whether quoted-printable HTML ends where the value of an href
// or src attribute begins.
func beginsURL(before []byte) bool {
	tail := bytes.ToLower(bytes.ReplaceAll(before[max(0, len(before)-60):], softBreak, nil))
	tail = bytes.TrimRight(tail, `"'`)
	return bytes.HasSuffix(tail, []byte("href=3d")) || bytes.HasSuffix(tail, []byte("src=3d"))
}
