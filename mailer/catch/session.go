package catch

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-smtp"
)

// session is one SMTP conversation.
type session struct {
	c    *Catcher
	conn *conn
	from string
	to   []string
}

func (c *Catcher) session(sc *smtp.Conn) (smtp.Session, error) {
	wire, ok := sc.Conn().(*conn)
	if !ok {
		return nil, fmt.Errorf("catch mail: a connection of type %T", sc.Conn())
	}
	return &session{c: c, conn: wire}, nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.c.misbehaves().outage(s.c.now()) == OutageBusy {
		return s.conn.refuse(421, from)
	}
	s.from, s.to = from, nil
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.suffer(AtRcpt, to); err != nil {
		return err
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	if err := s.sufferBody(r); err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, to := range s.to {
		rule := s.c.misbehaves().rule(AtDot, to, s.c.now())
		if rule == nil {
			continue
		}
		if rule.Drop && rule.Taken {
			s.c.keep(s.from, s.to, raw)
		}
		if err := s.apply(rule, to); err != nil {
			return err
		}
	}
	return s.c.keep(s.from, s.to, raw)
}

// sufferBody applies the first rule at AtData that concerns a recipient.
func (s *session) sufferBody(r io.Reader) error {
	for _, to := range s.to {
		rule := s.c.misbehaves().rule(AtData, to, s.c.now())
		if rule == nil {
			continue
		}
		if rule.Drop {
			if _, err := io.CopyN(io.Discard, r, int64(cmp.Or(rule.After, DefaultAfter))); err != nil && err != io.EOF {
				return err
			}
		}
		if err := s.apply(rule, to); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) suffer(at Stage, to string) error {
	rule := s.c.misbehaves().rule(at, to, s.c.now())
	if rule == nil {
		return nil
	}
	return s.apply(rule, to)
}

// apply does to the conversation what the rule says.
func (s *session) apply(rule *Rule, to string) error {
	s.c.pause(rule.Stall)
	switch {
	case rule.Drop:
		s.conn.drop()
		return io.ErrUnexpectedEOF
	case rule.Code >= 400:
		return s.conn.refuse(rule.Code, to)
	}
	return nil // a stall alone
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

// keep stores the message and books it for every recipient.
func (c *Catcher) keep(from string, to []string, raw []byte) error {
	h, _ := splitHeader(raw)
	m := Message{From: from, To: to, Subject: h.text("Subject"), Received: c.now().UTC(), Size: len(raw), Raw: raw}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.box.add(m); err != nil {
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "cannot store the message"}
	}
	if c.Book {
		id := h.Get("Message-ID")
		for _, rcpt := range to {
			rcpt = strings.ToLower(rcpt)
			c.books[rcpt] = append(c.books[rcpt], id)
		}
	}
	return nil
}
