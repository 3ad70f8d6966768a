package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Phase is where in a conversation something happened.
type Phase string

// The phases, in the order of a conversation.
const (
	Connect  Phase = "connect"
	Greeting Phase = "greeting" // up to and including EHLO
	TLS      Phase = "tls"
	Auth     Phase = "auth"
	Mail     Phase = "mail"
	Rcpt     Phase = "rcpt"
	Data     Phase = "data"
	Body     Phase = "body" // the final dot has certainly not been sent
	Dot      Phase = "dot"  // the final dot may have been sent
	Idle     Phase = "idle" // between two messages
)

// A Reply is an answer of a relay (RFC 5321 section 4.2).
type Reply struct {
	Code     int
	Enhanced string // RFC 3463, "" when the relay gave none
	Text     string // without codes, on one line, at most maxText bytes
}

// maxText is how many bytes of a reply's text are kept.
const maxText = 256

// maxReplyLines bounds what is read as one reply, and the buffer of the
// connection each of its lines; a relay that exceeds them is not one.
const maxReplyLines = 100

func (r Reply) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text)), " ")
}

var queueID = regexp.MustCompile(`(?i)(?:queued as|queued mail for delivery as|queue-id|id=)[ :=]*([0-9A-Za-z._-]{4,64})`)

// QueueID is the name the relay gave the message in its reply, "" when it gave
// none. It is what to search the relay's log for.
func (r Reply) QueueID() string {
	if m := queueID.FindStringSubmatch(r.Text); m != nil {
		return m[1]
	}
	return ""
}

// An Error is a refusal, or the end of a connection (Code 0).
type Error struct {
	Phase    Phase
	Code     int    // 0: no reply was read
	Enhanced string // RFC 3463
	Text     string // of the reply, else what went wrong
	// Temporary says that trying again may help: 4xx, and no reply at all.
	Temporary bool
	Err       error // below it, may be nil
}

func (e *Error) Error() string {
	if e.Code == 0 {
		return fmt.Sprintf("%s: %s", e.Phase, e.Text)
	}
	return fmt.Sprintf("%s: %s", e.Phase, Reply{e.Code, e.Enhanced, e.Text})
}

// Unwrap returns the error below, if any.
func (e *Error) Unwrap() error { return e.Err }

// Broken says whether the connection cannot be used any more.
func (e *Error) Broken() bool { return e.Code == 0 || e.Code == 421 }

// Uncertain says whether the relay may have taken the message although it did
// not say so: the one state that cannot be known (RFC 1047).
func (e *Error) Uncertain() bool { return e.Phase == Dot && e.Code == 0 }

func refusal(p Phase, r Reply) *Error {
	return &Error{Phase: p, Code: r.Code, Enhanced: r.Enhanced, Text: r.Text, Temporary: r.Code < 500}
}

func lost(p Phase, err error) *Error {
	return &Error{Phase: p, Text: printable(err.Error()), Temporary: true, Err: err}
}

// errProtocol is what lost wraps when a relay does not speak SMTP.
var errProtocol = errors.New("the relay's reply is not SMTP")

// readReply reads one reply of one or more lines.
func readReply(br *bufio.Reader) (Reply, error) {
	var r Reply
	var text strings.Builder
	for range maxReplyLines {
		line, err := br.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			return Reply{}, errProtocol
		}
		if err != nil {
			return Reply{}, err
		}
		code, more, rest, ok := parseLine(string(line))
		if !ok || r.Code != 0 && code != r.Code {
			return Reply{}, errProtocol
		}
		r.Code = code
		enhanced, rest := cutEnhanced(code, rest)
		if r.Enhanced == "" {
			r.Enhanced = enhanced
		}
		if text.Len() < maxText {
			if text.Len() > 0 {
				text.WriteByte(' ')
			}
			text.WriteString(rest)
		}
		if !more {
			r.Text = printable(text.String())
			return r, nil
		}
	}
	return Reply{}, errProtocol
}

// parseLine takes "250-text", "250 text" and "250" apart.
func parseLine(line string) (code int, more bool, text string, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	if len(line) < 3 {
		return 0, false, "", false
	}
	for i := range 3 {
		if line[i] < '0' || line[i] > '9' {
			return 0, false, "", false
		}
		code = code*10 + int(line[i]-'0')
	}
	if code < 200 || code > 599 {
		return 0, false, "", false
	}
	if len(line) == 3 {
		return code, false, "", true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, false, "", false
	}
	return code, line[3] == '-', line[4:], true
}

// cutEnhanced splits an enhanced status code off the text (RFC 2034): its class
// equals the reply's first digit.
func cutEnhanced(code int, text string) (enhanced, rest string) {
	word, rest, _ := strings.Cut(text, " ")
	if len(word) < 5 || len(word) > 9 || int(word[0]-'0') != code/100 || word[1] != '.' {
		return "", text
	}
	subject, detail, ok := strings.Cut(word[2:], ".")
	if !ok || !digits(subject) || !digits(detail) {
		return "", text
	}
	return word, rest
}

func digits(s string) bool {
	if s == "" || len(s) > 3 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// printable makes a reply's text fit for a log, a page and a database column.
func printable(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] >= ' ' && s[i] <= '~'
	}
	if !plain {
		s = strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return ' '
		}, strings.ToValidUTF8(s, "?"))
	}
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return strings.TrimSpace(s)
}
