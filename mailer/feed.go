package mailer

import (
	"cmp"
	"context"
	"time"

	"pressrun/deploy/schema"
)

// Bounds of a claim, which holds at most a second's worth of the current rate.
const (
	firstClaim  = 64
	maxClaim    = 1000
	letterClaim = 32
)

// feed claims deliveries as fast as they leave.
func (s *sending) feed(ctx context.Context) {
	more := false // the last claim found as much as it wanted: so may the next
	for ctx.Err() == nil {
		s.emptyIdle()
		l := s.next()
		if l == nil || !s.reconciled(ctx) {
			s.tidy(ctx)
			sleep(ctx, s.pause())
			continue
		}
		began := time.Now()
		if !more && !s.anyDue(ctx, delivery) {
			s.tidy(ctx)
			sleep(ctx, max(s.pause(), schema.Rest(time.Since(began))))
			continue
		}
		size := s.size(l)
		jobs, full, err := s.claim(ctx, l, size)
		more = err == nil && len(jobs) == size
		if err != nil {
			s.trouble(ctx, err)
			continue
		}
		s.usedUp(ctx, l, full)
		s.charge(l, len(jobs))
		s.grown(ctx, len(jobs))
		if len(jobs) == 0 {
			sleep(ctx, s.pause()) // all of them were put off
		}
		s.hand(ctx, l, jobs)
	}
}

// grown counts n more claimed deliveries, and has PostgreSQL look at the ledger
// again each time it is four times as large: it would go on as with few rows.
func (s *sending) grown(ctx context.Context, n int) {
	if s.m.DB.Engine != schema.Postgres {
		return
	}
	if s.claims += n; s.claims < s.analyzeAt {
		return
	}
	s.analyzeAt = 4 * s.claims
	if err := s.m.analyze(ctx, s.m.DB.Write); err != nil && ctx.Err() == nil {
		s.m.log().Error("analyze deliveries", "err", err)
	}
}

// next is the lane that the next claim is for, nil when none wants anything now.
// Lanes with a share take turns by it; the first of the others stands in when
// none of them can send. A lane that is only to be tried gets one message.
func (s *sending) next() *lane {
	var sharing []*lane
	var standIn *lane
	for _, l := range s.lanes {
		ok, trying := l.usable()
		switch {
		case !ok || time.Now().Before(l.spent):
			l.limit, l.credit = firstClaim, 0
		case trying:
			if s.handsOf(l).full == 0 {
				l.limit = 1
				return l
			}
		case l.quota.Share > 0:
			sharing = append(sharing, l)
		case standIn == nil:
			standIn = l
		}
	}
	best := standIn
	if len(sharing) > 0 {
		best = sharing[0]
		for _, l := range sharing {
			if l.credit > best.credit {
				best = l
			}
		}
	}
	s.sharing = sharing
	if best == nil || len(best.jobs)+len(s.unsigned) > best.limit/2 {
		return nil
	}
	return best
}

// charge notes that n deliveries were claimed for one of the lanes that share
// the mail.
func (s *sending) charge(l *lane, n int) {
	sum := 0.0
	for _, other := range s.sharing {
		sum += other.quota.Share
	}
	if sum == 0 || l.quota.Share == 0 {
		return
	}
	for _, other := range s.sharing {
		other.credit += float64(n) * other.quota.Share / sum
	}
	l.credit -= float64(n)
}

func (s *sending) handsOf(l *lane) hands {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hands[l]
}

// size is what the next claim may hold: what left in the last second, more
// when that was less than a second ago and all of it is gone.
func (s *sending) size(l *lane) int {
	s.mu.Lock()
	h := s.hands[l]
	done := h.done
	h.done = 0
	s.hands[l] = h
	s.mu.Unlock()
	took := max(time.Since(l.last), time.Millisecond)
	l.last = time.Now()
	if _, trying := l.usable(); trying {
		return 1
	}
	limit := min(2*l.limit, int(float64(done)/took.Seconds())+1, maxClaim)
	if done == 0 {
		limit = l.limit
	}
	l.limit = max(limit, firstClaim)
	if r := l.Limits().Rate; r > 0 {
		l.limit = max(1, min(l.limit, int(r)))
	}
	return l.limit
}

// usedUp notes that a lane's quota is gone; it is looked at again after a while.
func (s *sending) usedUp(ctx context.Context, l *lane, full bool) {
	if full {
		l.spent = time.Now().Add(cmp.Or(s.m.Probe, 30*time.Second) / 6)
	}
	if lanes := s.capacity(); full && lanes == 0 && !s.waits {
		s.waits = true
		s.m.alarm(ctx, "quota", l.String(), "What may be sent by the relays is used up; what is left waits until it is allowed again. The deliverability page shows when.")
	} else if !full && s.waits {
		s.waits = false
		for _, l := range s.lanes {
			s.m.alarm(ctx, "quota", l.String(), "")
		}
	}
}

// pause is how long to wait before looking again: short while there is work.
func (s *sending) pause() time.Duration {
	busy := len(s.unsigned) > 0
	for _, l := range s.lanes {
		busy = busy || len(l.jobs) > 0
	}
	if busy {
		return 2 * time.Millisecond
	}
	return 200 * time.Millisecond
}

// capacity counts the lanes that could send a delivery now.
func (s *sending) capacity() (lanes int) {
	for _, l := range s.lanes {
		if ok, _ := l.usable(); ok && !time.Now().Before(l.spent) {
			lanes++
		}
	}
	return lanes
}

// open is the first lane that could send a letter now: letters have no quota. It
// is nil when there is none.
func (s *sending) open() *lane {
	for _, l := range s.lanes {
		if ok, _ := l.usable(); ok {
			return l
		}
	}
	return nil
}

// hand gives claimed jobs to the workers of a lane, each with its edition.
func (s *sending) hand(ctx context.Context, l *lane, jobs []*job) {
	s.hold(jobs)
	for i, j := range jobs {
		c, err := s.contents.of(ctx, s.m, j.edition)
		if err != nil {
			s.trouble(ctx, err)
			s.release(time.Minute, jobs[i:]...)
			return
		}
		j.content, j.from = c, c.EnvelopeFrom
		if s.m.ReturnPath != nil {
			j.from = s.m.ReturnPath(j.id, 0)
		}
		ready := l.jobs
		if len(c.signers) > 0 {
			ready = s.unsigned
		}
		select {
		case ready <- j:
		case <-ctx.Done():
			s.release(0, jobs[i:]...)
			return
		}
	}
}

// feedLetters looks for letters four times a second.
func (s *sending) feedLetters(ctx context.Context) {
	for ctx.Err() == nil {
		sleep(ctx, 250*time.Millisecond)
		if s.switches.Load().stopped || s.blind() || !s.anyDue(ctx, letter) {
			continue
		}
		if s.open() == nil && !s.anyArming() {
			continue
		}
		jobs, err := s.claimLetters(ctx, letterClaim)
		if err != nil {
			s.trouble(ctx, err)
			continue
		}
		s.hold(jobs)
		for _, j := range jobs {
			s.handLetter(ctx, j)
		}
	}
}

func (s *sending) handLetter(ctx context.Context, j *job) {
	var to chan *job
	if l := s.open(); j.letter == Arming {
		if !s.anyArming() { // never into the catcher: its code would prove nothing
			s.release(2*time.Second, j)
			return
		}
		to = s.arming
	} else if l == nil {
		s.release(2*time.Second, j)
		return
	} else {
		to = l.letters
	}
	if s.m.ReturnPath != nil {
		j.from = s.m.ReturnPath(0, j.id)
	}
	if err := s.signLetter(j); err != nil {
		s.settle(s.unwritable(j, err))
		return
	}
	select {
	case to <- j:
	case <-ctx.Done():
		s.release(0, j)
	}
}

// anyArming says whether there is a relay that arming letters could go through.
func (s *sending) anyArming() bool {
	for _, l := range s.lanes {
		if l.real {
			return true
		}
	}
	return false
}

// trouble reports that the database or another room keeps us from claiming.
func (s *sending) trouble(ctx context.Context, err error) {
	s.suspects()
	if ctx.Err() != nil {
		return // told to end in the middle of it
	}
	s.m.log().Error("claiming waits", "err", err)
	sleep(ctx, time.Second)
}
