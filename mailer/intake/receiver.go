package intake

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Receiver takes mail over SMTP, or LMTP (RFC 2033). Set the fields before Serve.
type Receiver struct {
	Accept func(recipient string) bool // whether an address is one of ours
	Take   Take
	LMTP   bool
	Domain string      // our name in the greeting
	TLS    *tls.Config // offers STARTTLS; nil: not

	Connections int           // at once; 0 means 20
	Idle        time.Duration // the longest silence; 0 means a minute
	Lifetime    time.Duration // the longest conversation; 0 means five minutes
	Log         *slog.Logger  // nil means slog.Default
}

// maxRefused ends a conversation in which so many recipients were not ours:
// somebody tries addresses.
const maxRefused = 10

// takeTimeout bounds how long a sender waits for Take.
const takeTimeout = 30 * time.Second

// Serve receives on l until ctx ends; then it closes l and every connection.
func (r *Receiver) Serve(ctx context.Context, l net.Listener) error {
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{r: r, ctx: ctx, conn: c}, nil
	}))
	s.Domain, s.LMTP, s.TLSConfig = r.Domain, r.LMTP, r.TLS
	s.MaxMessageBytes, s.MaxRecipients = MaxSize, 1 // reports have one; others come again (RFC 5321 section 4.5.3.1.10)
	s.ReadTimeout, s.WriteTimeout = cmp.Or(r.Idle, time.Minute), cmp.Or(r.Idle, time.Minute)
	s.EnableSMTPUTF8 = true
	s.ErrorLog = log.New(io.Discard, "", 0) // one who hangs up is no news
	g := &gate{Listener: l, free: make(chan struct{}, cmp.Or(r.Connections, 20)), lifetime: cmp.Or(r.Lifetime, 5*time.Minute)}
	stop := context.AfterFunc(ctx, func() { s.Close(); l.Close() })
	defer stop()
	if err := s.Serve(g); err != nil && ctx.Err() == nil {
		return fmt.Errorf("receive mail on %s: %w", l.Addr(), err)
	}
	return nil
}

func (r *Receiver) log() *slog.Logger {
	if r.Log != nil {
		return r.Log
	}
	return slog.Default()
}

// session is one conversation.
type session struct {
	r       *Receiver
	ctx     context.Context
	conn    *smtp.Conn
	to      string
	refused int
}

var (
	errUnknown = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such address here"}
	errTrouble = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
)

func (s *session) Mail(string, *smtp.MailOptions) error {
	s.to = ""
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.r.Accept(to) {
		if s.refused++; s.refused >= maxRefused {
			s.conn.Conn().Close()
		}
		return errUnknown
	}
	s.to = to
	return nil
}

func (s *session) Data(in io.Reader) error {
	raw, err := io.ReadAll(in)
	if err != nil {
		return err // too large, or cut off
	}
	source := "smtp"
	if s.r.LMTP {
		source = "lmtp"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), takeTimeout)
	defer cancel()
	if err := s.r.Take(ctx, Mail{To: s.to, Raw: raw, Source: source}); err != nil {
		s.r.log().Error("mail that came back was not taken; its sender tries again", "err", err)
		return errTrouble
	}
	return nil
}

func (s *session) Reset()        { s.to = "" }
func (s *session) Logout() error { return nil }

// gate lets so many connections in at once, and each for so long.
type gate struct {
	net.Listener
	free     chan struct{}
	lifetime time.Duration
}

// Accept sends a connection away that is one too many (RFC 5321 section 3.8).
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case g.free <- struct{}{}:
			return &guest{Conn: c, free: g.free, cut: time.AfterFunc(g.lifetime, func() { c.Close() })}, nil
		default:
			c.SetDeadline(time.Now().Add(time.Second))
			io.WriteString(c, "421 4.7.0 too many connections, try again later\r\n")
			c.Close()
		}
	}
}

// guest is a connection that was let in.
type guest struct {
	net.Conn
	free chan struct{}
	cut  *time.Timer
	once sync.Once
}

func (c *guest) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		c.cut.Stop()
		err = c.Conn.Close()
		<-c.free
	})
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
