package mailer_test

import (
	"bytes"
	"database/sql"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
)

// late is a way to PostgreSQL on which one statement of the committer's own
// connection is on its way for long: the connection has ended when it arrives.
type late struct {
	nth  atomic.Int32  // of those statements
	held chan struct{} // closed when it is on its way
	free chan struct{} // close it to have it arrive
	done chan struct{} // closed when it has been carried out
}

// pass passes on what the client says.
func (p *late) pass(client, server net.Conn) {
	buf := make([]byte, 1<<20)
	committers := false
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		said := buf[:n]
		if committers && said[0] == 'B' && p.nth.Add(-1) == 0 {
			client.Close()
			close(p.held)
			<-p.free
			server.Write(said)
			time.Sleep(300 * time.Millisecond) // the server answers to nobody
			close(p.done)
			return
		}
		committers = committers || bytes.Contains(said, []byte("with alive as"))
		if _, err := server.Write(said); err != nil {
			return
		}
	}
}

// A statement that arrives after its connection has ended, and after what was
// written in its place, leaves newer marks alone.
func TestFaultLateMark(t *testing.T) {
	for name, nth := range map[string]int32{"an older mark": 1, "nothing in flight": 2} {
		t.Run(name, func(t *testing.T) {
			way := &late{held: make(chan struct{}), free: make(chan struct{}), done: make(chan struct{})}
			_, dsn := losing(t, schematest.PostgresURL(t), way.pass)
			r := newRoom(t, schematest.Open(t, dsn), 1)
			r.relay.Connections, r.Drain = 1, 200*time.Millisecond
			r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtDot, Stall: time.Hour, Match: func(a string) bool { return a == address(2) }}}})
			if nth == 1 {
				r.readers = 2
			}
			r.freeze()
			if nth == 2 {
				r.layOut()
			}
			way.nth.Store(nth)
			r.start()
			select {
			case <-way.held:
			case <-time.After(30 * time.Second):
				t.Fatal("no such statement was made")
			}
			if nth == 2 {
				r.until("the first is accepted", func(c map[mailer.State]int) bool { return c[mailer.StateAccepted] == 1 })
				r.readers = 2
				r.tx(func(tx *sql.Tx) error {
					_, err := r.Enqueue(t.Context(), tx, mailer.Enqueue{Issue: issue, SQL: audienceSQL, Args: []any{1, r.readers, edition, r.nowMillis()}})
					return err
				})
			}
			inFlight := func() (subscriber int64) {
				r.DB.Read.QueryRow(`select coalesce(f.subscriber_id, d.subscriber_id) from in_flight f left join deliveries d on d.id = f.delivery_id`).Scan(&subscriber)
				return subscriber
			}
			r.until("the second is in flight", func(map[mailer.State]int) bool { return inFlight() == 2 })
			close(way.free)
			<-way.done
			if got := inFlight(); got != 2 {
				t.Errorf("reader %d is said to be in flight, want 2", got)
			}
		})
	}
}
