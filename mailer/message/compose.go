package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"pressrun/templates"
)

// Names of the slots that stand in the header of every composed mail, beside
// templates.SlotUnsubscribe in list mail and templates.SlotTest in front of the
// subject.
const (
	SlotTo        = "to"
	SlotDate      = "date"
	SlotMessageID = "messageid"
)

// order is how the header of a composed mail runs.
var order = []string{
	"From", "Reply-To", "To", "Subject", "Date", "Message-Id", "Mime-Version",
	"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-Id",
	"Precedence", "Auto-Submitted", "X-Auto-Response-Suppress", "Content-Language",
	"Content-Transfer-Encoding", "Content-Type",
}

// Compose makes e one MIME message with slot markers: the bytes that are sealed.
// Equal input gives equal bytes. It fails when From or Reply-To is no address,
// when there is no text part, or when HTML, Text or Subject holds a marker that
// e.Slots does not list.
func Compose(e templates.Email) ([]byte, error) {
	if err := checkSlots(e); err != nil {
		return nil, fmt.Errorf("compose %q: %w", e.Subject, err)
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithCharset(gomail.CharsetUTF8),
		gomail.WithEncoding(gomail.EncodingQP), gomail.WithBoundary(boundary(e)))
	if err := setHeader(m, e); err != nil {
		return nil, fmt.Errorf("compose %q: %w", e.Subject, err)
	}
	m.SetBodyString(gomail.TypeTextPlain, e.Text)
	if e.HTML != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, e.HTML)
	}
	var buf bytes.Buffer
	if _, err := m.WriteTo(&buf); err != nil {
		return nil, fmt.Errorf("compose %q: %w", e.Subject, err)
	}
	head, body, ok := bytes.Cut(buf.Bytes(), []byte("\r\n\r\n"))
	if !ok {
		return nil, fmt.Errorf("compose %q: the message has no body", e.Subject)
	}
	msg := append(inOrder(head), "\r\n"...)
	msg = append(msg, isolateSlots(body)...)
	if !bytes.HasSuffix(msg, []byte("\r\n")) {
		msg = append(msg, "\r\n"...)
	}
	return msg, nil
}

// Hash is the seal of composed bytes: their SHA-256 in hex.
func Hash(msg []byte) string {
	sum := sha256.Sum256(msg)
	return hex.EncodeToString(sum[:])
}

// boundary is derived from the content, so that it is stable and occurs in none
// of it. It needs no quotes.
func boundary(e templates.Email) string {
	sum := sha256.Sum256([]byte(e.Text + "\x00" + e.HTML))
	return "part" + hex.EncodeToString(sum[:14])
}

func checkSlots(e templates.Email) error {
	if strings.TrimSpace(e.Text) == "" {
		return errors.New("a mail needs a text part")
	}
	for _, s := range []string{e.Subject, e.HTML, e.Text} {
		for _, m := range marker.FindAllStringSubmatch(s, -1) {
			if !slices.Contains(e.Slots, m[1]) {
				return fmt.Errorf("slot %q is used and not listed", m[1])
			}
		}
	}
	return nil
}

func setHeader(m *gomail.Msg, e templates.Email) error {
	from, err := mail.ParseAddress(e.From)
	if err != nil {
		return fmt.Errorf("sender %q: %w", e.From, err)
	}
	m.FromMailAddress(from)
	if e.ReplyTo != "" {
		reply, err := mail.ParseAddress(e.ReplyTo)
		if err != nil {
			return fmt.Errorf("Reply-To %q: %w", e.ReplyTo, err)
		}
		m.ReplyToMailAddress(reply)
	}
	set := func(name, value string) { m.SetGenHeaderPreformatted(gomail.Header(name), value) }
	// go-mail does not check preformatted values; all that follow are made of
	// markers, constants, encoded words and text passed through clean.
	set("To", "<"+templates.Slot(SlotTo)+">")
	set("Subject", templates.Slot(templates.SlotTest)+encodeSubject(e.Subject))
	// These two as ordinary fields, else go-mail adds its own.
	m.SetGenHeader(gomail.HeaderDate, templates.Slot(SlotDate))
	m.SetGenHeader(gomail.HeaderMessageID, "<"+templates.Slot(SlotMessageID)+">")
	if e.ListID != "" {
		id, err := encodeListID(e.ListID)
		if err != nil {
			return err
		}
		set("List-Unsubscribe", "<"+templates.Slot(templates.SlotUnsubscribe)+">")
		set("List-Unsubscribe-Post", "List-Unsubscribe=One-Click") // RFC 8058 section 3.1
		set("List-ID", id)
		set("Precedence", "bulk")
		if e.FeedbackID != "" {
			set("Feedback-ID", encodeText(clean(e.FeedbackID)))
		}
	}
	if e.Auto {
		set("Auto-Submitted", "auto-generated") // RFC 3834 section 5
	}
	set("X-Auto-Response-Suppress", "All")
	if l := clean(e.Language); l != "" {
		set("Content-Language", encodeText(l))
	}
	return nil
}

// inOrder returns the fields of a header block in the fixed order, each with
// its CRLF.
func inOrder(head []byte) []byte {
	var fields [][]byte
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if n := len(fields); n > 0 && len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			fields[n-1] = slices.Concat(fields[n-1], line, []byte("\r\n"))
			continue
		}
		fields = append(fields, slices.Concat(line, []byte("\r\n")))
	}
	rank := func(field []byte) int {
		name, _, _ := bytes.Cut(field, []byte(":"))
		return slices.IndexFunc(order, func(s string) bool { return strings.EqualFold(s, string(name)) })
	}
	slices.SortStableFunc(fields, func(a, b []byte) int { return rank(a) - rank(b) })
	return slices.Concat(fields...)
}

// broken finds markers in quoted-printable text, where a soft line break may
// stand between any two characters.
var broken = regexp.MustCompile(brokenPattern())

func brokenPattern() string {
	const soft = `(?:=\r\n)?`
	var b strings.Builder
	for _, c := range markerHead {
		b.WriteString(string(c) + soft)
	}
	b.WriteString(`(?:[a-z]` + soft + `)+`)
	for i, c := range markerTail {
		if i > 0 {
			b.WriteString(soft)
		}
		b.WriteString(string(c))
	}
	return b.String()
}

// isolateSlots puts a soft line break before and after each marker.
func isolateSlots(body []byte) []byte {
	soft := []byte("=\r\n")
	return broken.ReplaceAllFunc(body, func(m []byte) []byte {
		return slices.Concat(soft, bytes.ReplaceAll(m, soft, nil), soft)
	})
}
