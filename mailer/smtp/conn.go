package smtp

import (
	"cmp"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// A Conn is an open, authenticated connection to a relay. It is used by one
// goroutine at a time, except Close, which may be called by any to cut it off.
type Conn struct {
	client     *smtp.Client
	wire       *wire
	timeouts   Timeouts
	pipelining bool
	utf8       bool
	reset      bool // an unfinished transaction is open: RSET comes first
	begun      bool // 354 was answered: a body must follow
	broken     bool
	buf        []byte
}

// Begin opens a transaction for one recipient, up to 354. After an error that
// is not Broken the connection may be used for another.
func (c *Conn) Begin(from, to string) error {
	if err := c.usable(); err != nil {
		return err
	}
	if err := c.checkEnvelope(from, to); err != nil {
		return err
	}
	if !c.pipelining {
		return c.beginLockStep(from, to)
	}
	c.buf = c.appendBegin(c.buf[:0], from, to)
	if err := c.write(c.buf, c.timeouts.Command); err != nil {
		return c.lost(Mail, err)
	}
	return c.readBegin()
}

// Body sends the body that the last Begin opened a transaction for: wire as
// message.Template.Splice makes it, dot-stuffed and with its final dot. The
// Reply is what the relay said when it took it.
func (c *Conn) Body(wire []byte) (Reply, error) {
	if err := c.startBody(); err != nil {
		return Reply{}, err
	}
	if err := c.writeBody(wire, len(wire)); err != nil {
		return Reply{}, err
	}
	return c.readDot()
}

// BodyThenBegin is Body and, in the same group where the relay allows it, Begin
// for the next recipient. err is the body's; next is the new transaction's and
// nil when a Body for it may follow. When err leaves the connection broken, so
// is next.
func (c *Conn) BodyThenBegin(wire []byte, from, to string) (r Reply, err, next error) {
	bad := c.checkEnvelope(from, to)
	if !c.pipelining || bad != nil {
		r, err = c.Body(wire)
		if next = c.usable(); next == nil {
			next = c.Begin(from, to)
		}
		return r, err, next
	}
	if err := c.startBody(); err != nil {
		return Reply{}, err, err
	}
	if err := c.writeBody(c.appendBegin(wire, from, to), len(wire)); err != nil {
		return Reply{}, err, c.usable()
	}
	if r, err = c.readDot(); c.broken {
		return r, err, c.usable()
	}
	return r, err, c.readBegin()
}

// Quit ends the conversation politely, or closes the connection when that is
// not safe. It waits 5 s at most.
func (c *Conn) Quit() error {
	if c.broken || c.begun {
		return c.Close()
	}
	c.wire.SetDeadline(time.Now().Add(5 * time.Second))
	c.broken = true
	err := c.client.Quit()
	c.wire.Close()
	return err
}

// Close cuts the connection off without a word.
func (c *Conn) Close() error { return c.wire.Close() }

// errBroken is what a Conn returns once it cannot be used any more.
var errBroken = errors.New("the connection was given up")

// errOrder is a mistake of the caller.
var errOrder = errors.New("a body needs a transaction, and a transaction a body")

func (c *Conn) usable() error {
	if c.broken {
		return &Error{Phase: Idle, Text: errBroken.Error(), Temporary: true, Err: errBroken}
	}
	if c.begun {
		return c.lost(Idle, errOrder)
	}
	return nil
}

func (c *Conn) startBody() error {
	if c.broken || !c.begun {
		return c.lost(Body, errOrder)
	}
	c.begun = false
	return nil
}

// lost gives the connection up.
func (c *Conn) lost(p Phase, err error) *Error {
	c.broken = true
	c.wire.Close()
	return lost(p, err)
}

// refused keeps the connection, except after 421 (RFC 5321 section 3.8).
func (c *Conn) refused(p Phase, r Reply) *Error {
	if r.Code == 421 {
		c.broken = true
		c.wire.Close()
	}
	return refusal(p, r)
}

func (c *Conn) write(p []byte, limit time.Duration) error {
	c.wire.SetDeadline(time.Now().Add(limit))
	if _, err := c.client.Text.W.Write(p); err != nil {
		return err
	}
	return c.client.Text.W.Flush()
}

func (c *Conn) read(p Phase, limit time.Duration) (Reply, error) {
	c.wire.SetDeadline(time.Now().Add(limit))
	r, err := readReply(c.client.Text.R)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Reply{}, c.lost(p, err)
	}
	return r, nil
}

// writeBody writes a group that begins with a body of size bytes. Encryption
// only adds bytes, so fewer written than size means that the dot was not sent.
func (c *Conn) writeBody(group []byte, size int) error {
	before := c.wire.written
	if err := c.write(group, c.timeouts.Block); err != nil {
		if c.wire.written-before < size {
			return c.lost(Body, err)
		}
		return c.lost(Dot, err)
	}
	return nil
}

func (c *Conn) readDot() (Reply, error) {
	r, err := c.read(Dot, c.timeouts.Dot)
	if err != nil {
		return Reply{}, err
	}
	if r.Code/100 != 2 {
		return r, c.refused(Dot, r)
	}
	return r, nil
}

func (c *Conn) appendBegin(b []byte, from, to string) []byte {
	if c.reset {
		b = append(b, "RSET\r\n"...)
	}
	b = c.appendMail(b, from, to)
	b = append(append(append(b, "RCPT TO:<"...), to...), ">\r\nDATA\r\n"...)
	return b
}

func (c *Conn) appendMail(b []byte, from, to string) []byte {
	b = append(append(append(b, "MAIL FROM:<"...), from...), '>')
	if !isASCII(from) || !isASCII(to) {
		b = append(b, " SMTPUTF8"...) // RFC 6531 section 3.4
	}
	return append(b, "\r\n"...)
}

// readBegin reads the replies to a group of appendBegin (RFC 2920 section 3.1).
func (c *Conn) readBegin() error {
	if c.reset {
		if r, err := c.read(Mail, c.timeouts.Command); err != nil {
			return err
		} else if r.Code/100 != 2 {
			return c.refusedFor(Mail, r)
		}
		c.reset = false
	}
	var first error
	for _, p := range [...]Phase{Mail, Rcpt} {
		r, err := c.read(p, c.timeouts.Command)
		if err != nil {
			return cmp.Or(first, err)
		}
		if r.Code/100 != 2 {
			first = cmp.Or[error](first, c.refused(p, r))
			if c.broken {
				return first
			}
		}
	}
	r, err := c.read(Data, c.timeouts.Data)
	switch {
	case err != nil:
		return cmp.Or(first, err)
	case r.Code != 354:
		c.reset = true
		return cmp.Or[error](first, c.refused(Data, r))
	case first != nil:
		return c.endEmpty(first)
	}
	c.begun = true
	return nil
}

// endEmpty ends a DATA which the relay granted although it refused the
// envelope: with a lone dot, never with the body. That must be refused as well;
// if it is not, the connection is given up.
func (c *Conn) endEmpty(first error) error {
	if err := c.write([]byte(".\r\n"), c.timeouts.Command); err != nil {
		c.lost(Data, err)
		return first
	}
	if r, err := c.read(Data, c.timeouts.Dot); err == nil && r.Code/100 == 2 {
		c.lost(Data, errProtocol)
	}
	c.reset = true
	return first
}

// refusedFor is refused for a reply in whose place nothing else could be read:
// the connection is given up.
func (c *Conn) refusedFor(p Phase, r Reply) error {
	e := c.refused(p, r)
	c.broken = true
	c.wire.Close()
	return e
}

func (c *Conn) beginLockStep(from, to string) error {
	if c.reset {
		if err := c.command(Mail, 2, "RSET\r\n", c.timeouts.Command); err != nil {
			return err
		}
		c.reset = false
	}
	if err := c.command(Mail, 2, string(c.appendMail(nil, from, to)), c.timeouts.Command); err != nil {
		return err
	}
	c.reset = true
	if err := c.command(Rcpt, 2, "RCPT TO:<"+to+">\r\n", c.timeouts.Command); err != nil {
		return err
	}
	if err := c.command(Data, 3, "DATA\r\n", c.timeouts.Data); err != nil {
		return err
	}
	c.reset, c.begun = false, true
	return nil
}

func (c *Conn) command(p Phase, class int, line string, limit time.Duration) error {
	if err := c.write([]byte(line), c.timeouts.Command); err != nil {
		return c.lost(p, err)
	}
	r, err := c.read(p, limit)
	if err != nil {
		return err
	}
	if r.Code/100 != class {
		return c.refused(p, r)
	}
	return nil
}

// checkEnvelope refuses what would break the conversation. The answer is as a
// relay would give it, for good.
func (c *Conn) checkEnvelope(from, to string) error {
	for _, a := range [...]string{from, to} {
		if strings.ContainsAny(a, "\r\n\x00<> \t") || len(a) > 320 || a == "" && a != from {
			return &Error{Phase: Rcpt, Code: 501, Enhanced: "5.1.3", Text: "the address cannot be written in an SMTP command"}
		}
		if !isASCII(a) && !c.utf8 {
			return &Error{Phase: Rcpt, Code: 553, Enhanced: "5.6.7", Text: "the address needs SMTPUTF8, which the relay does not offer"}
		}
	}
	return nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
