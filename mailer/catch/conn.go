package catch

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"github.com/emersion/go-smtp"
)

// maxHeld bounds the replies that are held back for one write.
const maxHeld = 32 << 10

// A gate is a listener whose connections can misbehave, and which can vanish
// for a while and come back on the same address.
type gate struct {
	net.Listener
	c *Catcher

	mu    sync.Mutex
	away  bool // shut for an outage, not closed
	conns map[*conn]struct{}
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		raw, err := g.listener().Accept()
		if err == nil {
			return g.admit(raw), nil
		}
		if !errors.Is(err, net.ErrClosed) || g.c.isClosed() || !g.reopen() {
			return nil, err
		}
	}
}

func (g *gate) listener() net.Listener {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Listener
}

func (g *gate) admit(raw net.Conn) *conn {
	w := &conn{Conn: raw, g: g}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conns == nil {
		g.conns = map[*conn]struct{}{}
	}
	g.conns[w] = struct{}{}
	return w
}

// shut closes the port and every connection, without a word.
func (g *gate) shut() {
	g.mu.Lock()
	g.away = true
	g.Listener.Close()
	var open []*conn
	for w := range g.conns {
		open = append(open, w)
	}
	g.mu.Unlock()
	for _, w := range open {
		w.drop()
	}
}

// reopen waits for the end of an outage and listens again; false means that no
// outage explains the closed listener, or that the catcher was closed.
func (g *gate) reopen() bool {
	g.mu.Lock()
	away, addr := g.away, g.Listener.Addr()
	g.mu.Unlock()
	for away && !g.c.isClosed() {
		g.c.pause(outagePoll)
		if g.c.misbehaves().outage(g.c.now()) == OutageRefuse {
			continue
		}
		l, err := net.Listen(addr.Network(), addr.String())
		if err != nil {
			continue // the port is still being given back
		}
		g.mu.Lock()
		g.Listener, g.away = l, false
		g.mu.Unlock()
		if g.c.isClosed() {
			l.Close()
			return false
		}
		return true
	}
	return false
}

func (g *gate) Close() error { return g.listener().Close() }

func (g *gate) Addr() net.Addr { return g.listener().Addr() }

// A conn holds replies back until the server waits for more input, so that the
// replies to pipelined commands leave together (RFC 2920 section 3.2), and can
// be cut off at any point of the conversation.
type conn struct {
	net.Conn
	g *gate

	greeted bool // with hangUp, used by the goroutine of the conversation alone
	hangUp  bool // close after the next reply
	dead    atomic.Bool

	mu   sync.Mutex
	held []byte
}

func (w *conn) Read(p []byte) (int, error) {
	if err := w.flush(); err != nil {
		return 0, err
	}
	return w.Conn.Read(p)
}

func (w *conn) Write(p []byte) (int, error) {
	if w.dead.Load() {
		return 0, net.ErrClosed
	}
	if !w.greeted {
		w.greeted = true
		if done := w.greet(); done {
			return 0, net.ErrClosed
		}
	}
	n := w.hold(p)
	if !w.hangUp && n < maxHeld {
		return len(p), nil
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	if w.hangUp {
		w.drop()
	}
	return len(p), nil
}

// greet applies what concerns the connection as a whole, and says whether that
// ended it.
func (w *conn) greet() (done bool) {
	c := w.g.c
	code := 0
	if c.misbehaves().outage(c.now()) == OutageBusy {
		code = 421
	} else if rule := c.misbehaves().rule(AtConn, w.RemoteAddr().String(), c.now()); rule != nil {
		c.pause(rule.Stall)
		if rule.Drop {
			w.drop()
			return true
		}
		code = rule.Code
	}
	if code == 0 {
		return false
	}
	w.hold([]byte(replyLine(code)))
	w.Close()
	return true
}

// hold keeps a reply for later and returns how many bytes are held now.
func (w *conn) hold(p []byte) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, p...)
	return len(w.held)
}

func (w *conn) flush() error {
	w.mu.Lock()
	out := w.held
	w.held = nil
	w.mu.Unlock()
	if len(out) == 0 {
		return nil
	}
	c := w.g.c
	for c.misbehaves().outage(c.now()) == OutageStall && !c.isClosed() && !w.dead.Load() {
		c.pause(outagePoll)
	}
	c.pause(c.misbehaves().faults.Delay)
	_, err := w.Conn.Write(out)
	return err
}

// refuse is the error that makes the server answer with code, quoting the address
// it is about, as most do; after 421 the connection is closed (RFC 5321 section 3.8).
func (w *conn) refuse(code int, addr string) error {
	w.hangUp = w.hangUp || code == 421
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced(code), Message: "<" + addr + "> refused on request"}
}

// drop cuts the connection; nothing that is held back leaves.
func (w *conn) drop() {
	w.dead.Store(true)
	w.Close()
}

// Close sends what is held back, such as the reply to QUIT, unless the
// connection was dropped.
func (w *conn) Close() error {
	if !w.dead.Swap(true) {
		w.flush() // whoever left already needs no answer
	}
	w.g.mu.Lock()
	delete(w.g.conns, w)
	w.g.mu.Unlock()
	return w.Conn.Close()
}
