package intake

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Mailbox is an IMAP folder that mail comes back to.
type Mailbox struct {
	URL      string // imaps://user@host, or imap://user@host with STARTTLS; on loopback in the clear
	Password string
	Folder   string      // "" means INBOX
	TLS      *tls.Config // nil means the system's roots
}

// Position is how far a folder was read: the last UID, within one validity (RFC
// 9051 section 2.3.1.1). Another validity begins afresh.
type Position struct{ Validity, UID uint32 }

// pollTimeout bounds one poll, so that a silent server is not waited for.
const pollTimeout = 4 * time.Minute

// maxPoll bounds the mails of one poll; the next goes on.
const maxPoll = 1000

// CheckURL says what is wrong with a Mailbox's URL.
func CheckURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User.Username() == "" || u.Scheme != "imap" && u.Scheme != "imaps" {
		return errors.New("write imaps://user@mail.example.com")
	}
	if _, has := u.User.Password(); has {
		return errors.New("take the password out of it")
	}
	return nil
}

// Poll offers every mail behind the position to take, oldest first, and flags it
// as seen once it is taken. It returns the new position and how many were taken,
// also beside an error: what was not taken comes again.
func (b *Mailbox) Poll(ctx context.Context, at Position, take Take) (Position, int, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	c, err := b.dial(ctx)
	if err != nil {
		return at, 0, fmt.Errorf("poll mailbox: %w", err)
	}
	defer c.Close()
	at, n, err := b.read(ctx, c, at, take)
	if err != nil {
		return at, n, fmt.Errorf("poll mailbox: %w", errors.Join(err, ctx.Err()))
	}
	return at, n, c.Logout().Wait()
}

func (b *Mailbox) dial(ctx context.Context) (*imapclient.Client, error) {
	u, err := url.Parse(b.URL)
	if err != nil {
		return nil, errors.New("the address of the mailbox cannot be read")
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"imaps": "993", "imap": "143"}[u.Scheme]
	}
	conn, err := (&net.Dialer{Timeout: 30 * time.Second}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() }) // Poll ends ctx
	config := &tls.Config{}
	if b.TLS != nil {
		config = b.TLS.Clone()
	}
	config.ServerName = host
	var c *imapclient.Client
	switch {
	case u.Scheme == "imaps":
		c = imapclient.New(tls.Client(conn, config), nil)
	case loopback(conn.RemoteAddr()):
		c = imapclient.New(conn, nil)
	default:
		if c, err = imapclient.NewStartTLS(conn, &imapclient.Options{TLSConfig: config}); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if err := c.Login(u.User.Username(), b.Password).Wait(); err != nil {
		c.Close()
		return nil, fmt.Errorf("sign in as %s: %w", u.User.Username(), err)
	}
	return c, nil
}

func loopback(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

func (b *Mailbox) read(ctx context.Context, c *imapclient.Client, at Position, take Take) (Position, int, error) {
	folder := b.Folder
	if folder == "" {
		folder = "INBOX"
	}
	box, err := c.Select(folder, nil).Wait()
	if err != nil {
		return at, 0, fmt.Errorf("open folder %s: %w", folder, err)
	}
	if at.Validity != box.UIDValidity {
		at = Position{Validity: box.UIDValidity}
	}
	var behind imap.UIDSet
	behind.AddRange(imap.UID(at.UID+1), 0)
	found, err := c.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{behind}}, nil).Wait()
	if err != nil {
		return at, 0, fmt.Errorf("look for new mail: %w", err)
	}
	n := 0
	for _, uid := range found.AllUIDs() {
		if uint32(uid) <= at.UID || n >= maxPoll { // "n:*" always names the last mail
			continue
		}
		raw, err := fetch(c, uid)
		if err != nil {
			return at, n, fmt.Errorf("fetch mail %d: %w", uid, err)
		}
		if raw != nil { // not expunged meanwhile
			if err := take(ctx, Mail{Raw: raw, Source: "imap"}); err != nil {
				return at, n, err
			}
			n++
		}
		at.UID = uint32(uid)
		seen := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}
		if err := c.Store(imap.UIDSetNum(uid), seen, nil).Close(); err != nil {
			return at, n, fmt.Errorf("flag mail %d: %w", uid, err)
		}
	}
	return at, n, nil
}

// fetch reads the first MaxSize bytes of a mail without flagging it.
func fetch(c *imapclient.Client, uid imap.UID) ([]byte, error) {
	section := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: MaxSize}}
	cmd := c.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	var raw []byte
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		for item := msg.Next(); item != nil; item = msg.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || body.Literal == nil {
				continue
			}
			b, err := io.ReadAll(io.LimitReader(body.Literal, MaxSize))
			if err != nil {
				return nil, err
			}
			io.Copy(io.Discard, body.Literal)
			raw = b
		}
	}
	return raw, cmd.Close()
}
