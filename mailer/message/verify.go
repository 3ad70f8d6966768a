package message

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"pressrun/templates"
)

// ErrSeal is returned, wrapped, by Verify when a received mail is not a copy of
// the sealed one.
var ErrSeal = errors.New("the mail is not a copy of the sealed edition")

// Verify cuts the slot values out of a received mail and recomputes the seal
// from what remains. Header fields that transports put in front (Received,
// Return-Path, DKIM-Signature) and LF line ends are allowed; any other
// difference is an error that wraps ErrSeal and says on which line. The values
// come decoded, under their slots' names; of a slot that occurs more than once
// the first value is returned.
func Verify(received, sealed []byte) (values map[string]string, err error) {
	t, err := Parse(sealed)
	if err != nil {
		return nil, err
	}
	mail := crlf(received)
	start := beginning(mail, t.static[0])
	if start < 0 {
		return nil, fmt.Errorf("%w: its header does not begin as the sealed one does", ErrSeal)
	}
	values = map[string]string{}
	rest := bytes.TrimRight(mail[start:], "\r\n")
	rest = append(bytes.Clone(rest), "\r\n"...)
	total := len(rest)
	rebuilt := append([]byte(nil), rest[:len(t.static[0])]...)
	rest = rest[len(t.static[0]):]
	for i, s := range t.slots {
		next := t.static[i+1]
		n := find(rest, next, i+1 == len(t.slots))
		if n < 0 || !s.holds(rest[:n]) {
			line := bytes.Count(mail[:start+total-len(rest)], []byte("\n")) + 1
			return nil, fmt.Errorf("%w: it differs after slot %q in line %d", ErrSeal, s.name, line)
		}
		if _, seen := values[s.name]; !seen {
			values[s.name] = s.decode(rest[:n])
		}
		rebuilt = append(append(rebuilt, templates.Slot(s.name)...), rest[n:n+len(next)]...)
		rest = rest[n+len(next):]
	}
	if len(rest) > 0 || Hash(rebuilt) != Hash(sealed) {
		return nil, fmt.Errorf("%w: the seal is %s, of the mail it is %s", ErrSeal, Hash(sealed), Hash(rebuilt))
	}
	return values, nil
}

// find returns where next begins within the reach of the longest value, or -1.
// The last static part must end the mail.
func find(rest, next []byte, last bool) int {
	const reach = 8 * maxValue // a value in its most roundabout encoding
	if last {
		n := len(rest) - len(next)
		if n < 0 || n > reach || !bytes.Equal(rest[n:], next) {
			return -1
		}
		return n
	}
	return bytes.Index(rest[:min(len(rest), reach+len(next))], next)
}

// beginning returns where the sealed header begins in a received mail: at the
// start of a line of its header.
func beginning(mail, static []byte) int {
	end := bytes.Index(mail, []byte("\r\n\r\n"))
	for at := 0; at <= end; {
		if bytes.HasPrefix(mail[at:], static) {
			return at
		}
		n := bytes.IndexByte(mail[at:], '\n')
		if n < 0 {
			return -1
		}
		at += n + 1
	}
	return -1
}

func crlf(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
}

// holds says whether b could have been written into the slot.
func (s slot) holds(b []byte) bool {
	switch s.place {
	case inHeader, inDate:
		return !bytes.ContainsAny(b, "\r\n")
	case inSubject, inMark:
		return !bytes.Contains(bytes.ReplaceAll(b, []byte("\r\n "), nil), []byte("\n"))
	}
	return !bytes.Contains(bytes.ReplaceAll(b, softBreak, nil), []byte("\n"))
}

func (s slot) decode(b []byte) string {
	switch s.place {
	case inHeader, inDate:
		first, _, _ := strings.Cut(string(b), betweenURLs)
		return first
	case inSubject, inMark:
		text := strings.ReplaceAll(string(b), "\r\n ", " ")
		if decoded, err := new(mime.WordDecoder).DecodeHeader(text); err == nil {
			text = decoded
		}
		return strings.TrimSpace(text)
	}
	raw, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b)))
	if err != nil {
		raw = b
	}
	if s.place == inText {
		return string(raw)
	}
	return html.UnescapeString(string(raw))
}

// Preview decodes exactly the bytes that would be sent: the HTML part, "" when
// there is none, and the text part.
func Preview(msg []byte, v Values) (htmlPart, text string, err error) {
	t, err := Parse(msg)
	if err != nil {
		return "", "", err
	}
	wire, err := t.Splice(nil, v)
	if err != nil {
		return "", "", fmt.Errorf("preview: %w", err)
	}
	m, err := mail.ReadMessage(textproto.NewReader(bufio.NewReader(bytes.NewReader(wire))).DotReader())
	if err != nil {
		return "", "", fmt.Errorf("preview: %w", err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return "", "", fmt.Errorf("preview: %w", err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		return "", string(body), err
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart() // decodes quoted-printable
		if err == io.EOF {
			return htmlPart, text, nil
		}
		if err != nil {
			return "", "", fmt.Errorf("preview: %w", err)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			return "", "", fmt.Errorf("preview: %w", err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			htmlPart = string(body)
		} else {
			text = string(body)
		}
	}
}
