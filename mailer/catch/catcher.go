package catch

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Limits that hold when the fields of a Catcher are zero.
const (
	DefaultMax        = 10_000
	DefaultMaxBytes   = 256 << 20
	DefaultMaxMessage = 25 << 20
)

// idleTimeout closes a silent connection; RFC 5321 section 4.5.3.2.7 asks for at
// least five minutes.
const idleTimeout = 5 * time.Minute

// ErrNotLoopback is returned by Serve for a listener that other machines can reach.
var ErrNotLoopback = errors.New("the mail catcher listens on loopback addresses only")

// A Catcher accepts mail over SMTP and keeps it. The zero value works and keeps
// everything in memory. Set the exported fields before the first call; all
// methods may be called concurrently.
type Catcher struct {
	Dir        string           // when set, every mail is also written there as an .eml file, and found again at the next start
	Max        int              // mails kept, the oldest go first; 0 means DefaultMax
	MaxBytes   int64            // bytes kept in memory, the oldest go first; 0 means DefaultMaxBytes
	MaxMessage int64            // larger messages are refused with 552; 0 means DefaultMaxMessage
	ImagesFrom []string         // origins (http://127.0.0.1:8080) whose pictures the inbox may load; none by default
	Desk       string           // address that the inbox links back to; "" = none
	Book       bool             // keep the Message-IDs that every recipient got, for Audit; they grow with their number
	Now        func() time.Time // nil means time.Now

	once   sync.Once
	server *smtp.Server
	done   chan struct{} // closed by Close

	mu     sync.Mutex
	closed bool
	box    box
	books  map[string][]string // Message-IDs by recipient, in lower case
	bad    *misbehaviour
	gates  []*gate
}

// Serve accepts mail on l until Close, and returns nil then. It may be called
// for several listeners, and refuses one that is not on a loopback address.
func (c *Catcher) Serve(l net.Listener) error {
	if !loopback(l.Addr()) {
		return fmt.Errorf("catch mail on %s: %w", l.Addr(), ErrNotLoopback)
	}
	if err := c.open(); err != nil {
		return err
	}
	g := &gate{Listener: l, c: c}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return fmt.Errorf("catch mail on %s: %w", l.Addr(), net.ErrClosed)
	}
	c.gates = append(c.gates, g)
	c.mu.Unlock()
	if c.misbehaves().outage(c.now()) == OutageRefuse {
		g.shut()
	}
	if err := c.server.Serve(g); err != nil && !c.isClosed() {
		return fmt.Errorf("catch mail on %s: %w", l.Addr(), err)
	}
	return nil
}

// Close stops every listener and connection. Mails stay readable.
func (c *Catcher) Close() error {
	c.init()
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	close(c.done)
	gates := c.gates
	c.mu.Unlock()
	for _, g := range gates {
		g.Close()
	}
	if err := c.server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the mail catcher: %w", err)
	}
	return nil
}

// open prepares the catcher and reads the mails of an earlier run back, once.
func (c *Catcher) open() error {
	c.init()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Dir == "" || c.box.loaded {
		return nil
	}
	return c.box.load(c.Dir)
}

func (c *Catcher) init() {
	c.once.Do(func() {
		c.done = make(chan struct{})
		c.books = map[string][]string{}
		c.box = box{dir: c.Dir, max: cmp.Or(c.Max, DefaultMax), maxBytes: cmp.Or(c.MaxBytes, DefaultMaxBytes)}
		c.server = smtp.NewServer(smtp.BackendFunc(c.session))
		c.server.Domain = "catcher.localhost"
		c.server.MaxMessageBytes = cmp.Or(c.MaxMessage, DefaultMaxMessage)
		c.server.ReadTimeout = idleTimeout
		c.server.WriteTimeout = time.Minute
		c.server.EnableSMTPUTF8 = true
		c.server.ErrorLog = log.New(io.Discard, "", 0) // a client that hangs up is no news here
	})
}

func (c *Catcher) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *Catcher) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// pause waits for d, or less when the catcher is closed.
func (c *Catcher) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.done:
	}
}

// loopback says whether only this machine can reach a.
func loopback(a net.Addr) bool {
	if a.Network() == "unix" {
		return true
	}
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}
