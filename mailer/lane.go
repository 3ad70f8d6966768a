package mailer

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"pressrun/mailer/smtp"
)

// lane is a transport in use by this process.
type lane struct {
	Transport
	s    *sending
	real bool // leads outside when its transport does; false for the catcher
	safe bool // its transport is on loopback
	rate bucket

	jobs    chan *job // deliveries claimed for it
	letters chan *job
	quota   Quota

	// What the feeder alone knows.
	limit  int       // of its last claim
	last   time.Time // when that was
	credit float64   // deliveries owed to it by its share
	spent  time.Time // until then its quota is known to be used up

	mu       sync.Mutex
	state    laneState
	open     int  // connections
	failures int  // in a row, since the last message was dealt with
	told     bool // a person was told that it is down
	retry    time.Time
	changed  chan struct{} // closed and replaced when the state changes
	answers  answers
}

type laneState string

const (
	laneUp     laneState = "up"
	laneDown   laneState = "down"   // nothing is sent until retry
	laneTrying laneState = "trying" // one connection tries whether it is back
)

func newLane(s *sending, t Transport, real bool) *lane {
	return &lane{
		Transport: t, s: s, real: real, safe: t.Loopback(), rate: bucket{rate: t.Limits().Rate}, quota: s.m.Quotas[t.String()],
		// A claim is made when half of the last is gone: this never fills.
		jobs: make(chan *job, 2*maxClaim), letters: make(chan *job, 2*letterClaim),
		limit: firstClaim, last: time.Now(), state: laneUp, changed: make(chan struct{}),
		answers: answers{open: true, began: time.Now(), waiting: map[*worker]time.Time{}},
	}
}

func (l *lane) connections() int { return connectionsOf(l.Transport) }

func connectionsOf(t Transport) int {
	if n := t.Limits().Connections; n > 0 {
		return n
	}
	return smtp.DefaultConnections
}

// enabled says whether mail may leave by this lane as the installation is
// switched: real relays when it is armed or they are on loopback, the catcher
// when neither.
func (l *lane) enabled() bool {
	sw := l.s.switches.Load()
	if sw.stopped || l.s.blind() {
		return false
	}
	if l.real {
		return sw.armed || l.safe
	}
	return !sw.armed && !l.s.loopbackOnly
}

// usable says whether something could be sent now; one says that only a single
// connection may, to try.
func (l *lane) usable() (ok, one bool) {
	if !l.enabled() {
		return false, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state != laneDown, l.state == laneTrying
}

// admit waits until the worker may use the lane: any while it is up, the first
// when it is to be tried; always does without the installation's switches.
// False means that ctx ended. It calls idle before it waits.
func (l *lane) admit(ctx context.Context, first, always bool, idle func()) bool {
	for {
		wait := pollEvery
		l.mu.Lock()
		changed := l.changed
		switch {
		case l.state == laneUp || l.state == laneTrying && first:
			wait = 0
		case l.state == laneDown && first && !time.Now().Before(l.retry):
			l.set(laneTrying)
			wait = 0
		}
		l.mu.Unlock()
		if wait == 0 && (l.enabled() || always) {
			return ctx.Err() == nil
		}
		idle()
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		case <-time.After(pollEvery): // switches are polled as often
		}
	}
}

// change is closed when the lane's state changes.
func (l *lane) change() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// set expects l.mu to be held.
func (l *lane) set(state laneState) {
	if l.state == state {
		return
	}
	l.state = state
	close(l.changed)
	l.changed = make(chan struct{})
}

// dial opens a connection.
func (l *lane) dial(ctx context.Context) (Conn, error) {
	conn, err := l.Open(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.open++
	l.mu.Unlock()
	return conn, nil
}

func (l *lane) closed() {
	l.mu.Lock()
	l.open--
	l.mu.Unlock()
}

// works notes that the relay dealt with a message.
func (l *lane) works() {
	l.mu.Lock()
	news := l.state != laneUp || l.told
	l.failures, l.told = 0, false
	l.set(laneUp)
	l.mu.Unlock()
	if news {
		l.s.noteLane(l, "up", "")
	}
}

// alarmAfter is how many failures in a row, the last of which left the relay
// down, are worth a person's attention.
const alarmAfter = 3

// fails notes that the relay could not be reached or sent us away as a whole.
// While other connections of the lane still work, it is this connection that
// was one too many, and while the relay lets us in, perhaps the recipient; then
// fails says how long the connection should stay away. Else, and when it goes on
// like that, the lane is down until it has been tried again, at least every Probe.
func (l *lane) fails(err error) time.Duration {
	l.mu.Lock()
	l.failures++
	n := l.failures
	probe := cmp.Or(l.s.m.Probe, 30*time.Second)
	wait := min(time.Second<<min(n-1, 10), probe)
	wait = wait - wait/5 + rand.N(wait/5+1)
	if (l.open > 0 || met(err)) && n < 3*l.connections() {
		l.mu.Unlock()
		return wait
	}
	l.retry = time.Now().Add(wait)
	news := l.state == laneUp
	l.set(laneDown)
	alarm := n >= alarmAfter && !l.told
	l.told = l.told || alarm
	l.mu.Unlock()
	l.s.paces.calm(l)
	if news || alarm {
		l.s.noteLane(l, "down", reasonOf(err))
	}
	return 0
}

// met says that the relay let us in before it sent us away.
func met(err error) bool {
	var e *smtp.Error
	return errors.As(err, &e) && !early(e.Phase)
}

func reasonOf(err error) string {
	var e *smtp.Error
	if !errors.As(err, &e) {
		return "the relay cannot be used"
	}
	return e.Error()
}

// bucket hands out turns at a rate; the zero bucket at once.
type bucket struct {
	rate float64 // a second; 0 means no limit
	mu   sync.Mutex
	next time.Time
}

// turn takes the next turn and returns how long to wait for it. With try it
// takes none that is not now.
func (b *bucket) turn(try bool) (wait time.Duration, ok bool) {
	if b.rate <= 0 {
		return 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.next.Before(now) {
		b.next = now
	}
	wait = b.next.Sub(now)
	if try && wait > 0 {
		return wait, false
	}
	b.next = b.next.Add(time.Duration(float64(time.Second) / b.rate))
	return wait, true
}
