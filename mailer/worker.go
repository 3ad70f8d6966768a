package mailer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"pressrun/deploy/schema"
	"pressrun/mailer/smtp"
)

// worker is one connection of a lane, and the goroutine that uses it.
type worker struct {
	s     *sending
	lane  *lane
	name  string      // key of its mark in the ledger
	jobs  <-chan *job // where its work comes from
	first bool        // tries the lane when that was down
	// always sends although the installation is disarmed: for the letter with
	// which it is armed.
	always bool

	carry *job // was taken and could not go at once

	conn  Conn
	sent  int // bodies over conn
	bufs  [2][]byte
	turn  int
	entry entry
	away  time.Time // leaves the relay in peace until then
}

// recycle is after how many messages a connection is opened anew.
const recycle = 1000

// idleAfter closes a connection that has had nothing to send for so long.
const idleAfter = 20 * time.Second

// run sends what comes until ctx ends.
func (w *worker) run(ctx context.Context) {
	w.entry = entry{conn: w.name, done: make(chan bool, 1)}
	defer w.hangUp()
	defer w.putBack()
	for w.lane.admit(ctx, w.first, w.always, w.putBack) && w.rest(ctx) {
		if j := w.wait(ctx); j != nil {
			w.deliver(ctx, j)
		}
	}
}

// putBack returns what cannot go soon to the queue.
func (w *worker) putBack() {
	if w.carry != nil {
		w.s.release(0, w.carry)
		w.carry = nil
	}
}

// rest waits out the time that the relay wants this connection to stay away.
func (w *worker) rest(ctx context.Context) bool {
	if wait := time.Until(w.away); wait > 0 {
		w.putBack()
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return ctx.Err() == nil
}

// wait returns the next job, nil when ctx ended, the lane changed or nothing
// came for a while; then the connection is closed.
func (w *worker) wait(ctx context.Context) *job {
	if j := w.carry; j != nil {
		w.carry = nil
		return j
	}
	select {
	case j := <-w.jobs:
		return j
	default:
	}
	timer := time.NewTimer(idleAfter)
	defer timer.Stop()
	select {
	case j := <-w.jobs:
		return j
	case <-ctx.Done():
	case <-w.lane.change():
	case <-timer.C:
		w.hangUp()
	}
	return nil
}

// deliver sends j, and in the same round trips whatever comes after it.
func (w *worker) deliver(ctx context.Context, j *job) {
	wire, ok := w.prepare(ctx, j, true)
	if !ok {
		return
	}
	if !w.connect(ctx) {
		w.s.release(0, j)
		return
	}
	if err := w.conn.Begin(j.from, j.to.Address); err != nil {
		w.write(nil, w.outcome(j, smtp.Reply{}, err))
		w.after(err)
		return
	}
	if !w.write(j) {
		w.drop() // the transaction is open, and the message is another's now
		w.s.forget(j)
		return
	}
	for j != nil {
		j, wire = w.send(ctx, j, wire)
	}
}

// send sends the body of j, whose transaction is open and whose mark is
// durable. It returns the next job in the same state, if there is one.
func (w *worker) send(ctx context.Context, j *job, wire []byte) (*job, []byte) {
	if w.s.stale(j) != nil {
		w.drop()
		w.write(nil, w.s.back(j))
		return nil, nil
	}
	var reply smtp.Reply
	var err, nextErr error
	next, nextWire := w.upcoming(ctx)
	w.lane.asks(w)
	if next == nil {
		reply, err = w.conn.Body(wire)
	} else {
		reply, err, nextErr = w.conn.BodyThenBegin(wire, next.from, next.to.Address)
	}
	w.lane.answered(w)
	w.sent++
	results := []*result{w.outcome(j, reply, err)}
	mark := next
	if nextErr != nil {
		results, mark = append(results, w.outcome(next, smtp.Reply{}, nextErr)), nil
	}
	stands := w.write(mark, results...)
	w.after(cmp.Or(err, nextErr))
	if mark != nil && !stands {
		w.drop()
		w.s.forget(mark)
	}
	if mark == nil || !stands {
		return nil, nil
	}
	return next, nextWire
}

// upcoming is the next job when one is ready to go at once.
func (w *worker) upcoming(ctx context.Context) (*job, []byte) {
	if ctx.Err() != nil || w.sent >= recycle-1 || !w.lane.enabled() && !w.always {
		return nil, nil
	}
	select {
	case j := <-w.jobs:
		if _, ok := w.lane.rate.turn(true); !ok {
			w.carry = j
			return nil, nil
		}
		if wire, ok := w.prepare(ctx, j, false); ok {
			return j, wire
		}
	default:
	}
	return nil, nil
}

// prepare makes j's bytes, and waits for its turn when it may. False means
// that j is dealt with.
func (w *worker) prepare(ctx context.Context, j *job, patient bool) ([]byte, bool) {
	if patient && !w.patience(ctx, j) {
		w.s.settle(w.s.back(j))
		return nil, false
	}
	if r := w.s.stale(j); r != nil {
		w.s.settle(r)
		return nil, false
	}
	w.turn = 1 - w.turn
	wire, err := w.s.prepare(j, w.bufs[w.turn])
	w.bufs[w.turn] = wire
	if err != nil {
		w.s.settle(w.s.unwritable(j, err))
		return nil, false
	}
	return wire, true
}

// patience waits for the lane's rate; a letter takes a turn and does not wait.
// False means that j has to go back: the process ends or the lane is closed.
func (w *worker) patience(ctx context.Context, j *job) bool {
	wait, _ := w.lane.rate.turn(false)
	if j.kind == letter {
		wait = 0
	}
	for end := time.Now().Add(wait); ; {
		if ctx.Err() != nil || !w.lane.enabled() && !w.always {
			return false
		}
		left := time.Until(end)
		if left <= 0 || w.s.stale(j) != nil {
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(left, pollEvery)):
		}
	}
}

func (w *worker) connect(ctx context.Context) bool {
	if w.conn != nil && w.sent >= recycle {
		w.hangUp()
	}
	if w.conn != nil {
		return true
	}
	limit, cancel := context.WithTimeout(ctx, 2*cmp.Or(w.s.m.Probe, 30*time.Second))
	defer cancel()
	conn, err := w.lane.dial(limit)
	if err != nil {
		if ctx.Err() == nil {
			w.away = time.Now().Add(w.lane.fails(err))
		}
		return false
	}
	w.conn, w.sent = conn, 0
	w.s.track(conn)
	return true
}

// write has the committer write results and a mark, and says whether the mark
// stands.
func (w *worker) write(mark *job, results ...*result) bool {
	w.entry.mark, w.entry.results = mark, results
	w.s.entries <- &w.entry
	stands := <-w.entry.done
	w.s.written(results)
	return stands
}

// after looks after the connection and the lane once a message is dealt with.
func (w *worker) after(err error) {
	var e *smtp.Error
	if !errors.As(err, &e) {
		w.lane.works()
		return
	}
	if !e.Broken() {
		if class := Reply(e.Phase, e.Code, e.Enhanced, e.Text, 1).Class; class != Config && class != Host {
			w.lane.works()
			return
		}
	}
	// A connection that has served us may end: whether the relay is down is seen
	// when the next is opened. One that ends at its first message tells us so.
	fresh := w.sent == 0
	w.drop()
	if fresh {
		w.away = time.Now().Add(w.lane.fails(err))
	}
}

// drop gives the connection up without a word.
func (w *worker) drop() {
	if w.conn != nil {
		w.conn.Close()
		w.forget()
	}
}

// hangUp ends the connection politely.
func (w *worker) hangUp() {
	if w.conn != nil {
		w.conn.Quit()
		w.forget()
	}
}

func (w *worker) forget() {
	w.s.untrack(w.conn)
	w.lane.closed()
	w.conn = nil
}

// outcome is what a reply or error means for j.
func (w *worker) outcome(j *job, reply smtp.Reply, err error) *result {
	phase := smtp.Dot
	var e *smtp.Error
	switch {
	case errors.As(err, &e):
		phase, reply = e.Phase, smtp.Reply{Code: e.Code, Enhanced: e.Enhanced, Text: e.Text}
	case err != nil:
		phase, reply = smtp.Body, smtp.Reply{Text: err.Error()}
	}
	if phase == smtp.Idle {
		return w.s.back(j) // it was not its turn yet
	}
	now := w.s.m.now()
	v := Reply(phase, reply.Code, reply.Enhanced, reply.Text, j.attempt)
	queueID := reply.QueueID()
	reply.Text = nameless(reply.Text)
	w.s.learn(w.lane, j, phase, reply)
	r := &result{
		job: j, verdict: v, state: v.State, at: schema.Millis(now), tried: v.State != StateQueued,
		relay: w.lane.String(), phase: string(phase), code: reply.Code, enhance: reply.Enhanced, reply: reply.Text, queueID: queueID,
	}
	r.next = r.at
	if v.Wait > 0 {
		r.next = min(schema.Millis(now.Add(v.Wait)), max(j.expires, r.at))
	}
	if v.State == StateUncertain && w.s.parks(j) {
		r.state = StateParked
	}
	w.s.note(j, reply.Code, v)
	return r
}

// unwritable is the result of a job whose message cannot be made.
func (s *sending) unwritable(j *job, err error) *result {
	s.m.log().Error("a message cannot be made", string(j.kind), j.id, "err", err)
	return &result{
		job: j, state: StateFailed, at: s.m.nowMillis(), next: s.m.nowMillis(), tried: true, phase: "compose",
		verdict: Verdict{State: StateFailed, Class: Unknown, Reason: fmt.Sprintf("the message could not be made: %v", err)},
	}
}
