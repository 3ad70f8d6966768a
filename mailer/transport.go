package mailer

import (
	"context"

	"pressrun/mailer/smtp"
)

// A Transport takes mail: a relay, or a folder for trials. Its errors are
// *smtp.Error. It may be used concurrently; a Conn by one goroutine at a time.
// Every implementation passes the suite of package transporttest.
type Transport interface {
	String() string // its name in the ledger
	Loopback() bool // no mail leaves this machine by it, so it needs no arming
	Limits() Limits // constant
	Open(ctx context.Context) (Conn, error)
}

// Limits are what a transport asks of one process.
type Limits struct {
	Connections int     // at most; 0 means smtp.DefaultConnections
	Rate        float64 // messages a second over all connections; 0 means no limit
}

// A Conn is an open way to a transport, as smtp.Conn describes it.
type Conn interface {
	Begin(from, to string) error
	Body(wire []byte) (smtp.Reply, error)
	BodyThenBegin(wire []byte, from, to string) (r smtp.Reply, err, next error)
	Quit() error
	Close() error
}

// SMTP makes a relay a Transport.
func SMTP(r *smtp.Relay) Transport { return relay{r} }

type relay struct{ *smtp.Relay }

func (r relay) Limits() Limits { return Limits{Connections: r.Connections, Rate: r.Rate} }

func (r relay) Open(ctx context.Context) (Conn, error) {
	c, err := r.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return c, nil
}
