package mailer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"pressrun/deploy/schema"
)

// pollEvery is how often switches, pauses and revocations are looked up while
// a Mailer runs: half of the second within which they promise to act.
const pollEvery = 400 * time.Millisecond

// Bounds of a claim, which holds at most a second's worth of the current rate.
const (
	firstClaim = 64
	maxClaim   = 1000
)

// sending is one Run of a Mailer.
type sending struct {
	m        *Mailer
	owner    string
	machine  string
	lanes    []*lane
	contents contents
	breaker  breaker

	committer *committer

	jobs     chan *job // claimed deliveries
	unsigned chan *job // those that must be signed before
	letters  chan *job
	arming   chan *job // letters that go out although the installation is disarmed
	entries  chan *entry
	give     chan struct{}

	switches     atomic.Pointer[switches]
	revoked      atomic.Pointer[map[int64]time.Time]
	polled       time.Time // of the mailer's clock: until when revocations are known
	loopbackOnly bool

	mu      sync.Mutex
	conns   map[Conn]struct{}
	held    map[kind]map[int64]bool
	suspect bool // a claim may have been committed that we know nothing of
	done    int  // jobs that left since the last claim
}

// Run sends what is due until ctx ends. Then it begins nothing more, waits up
// to Drain for the replies to what is in flight, gives back what it has claimed
// and returns nil. It returns an error only when it cannot begin.
func (m *Mailer) Run(ctx context.Context) error {
	s, err := m.begin(ctx)
	if err != nil && ctx.Err() != nil {
		return nil // told to end before it had begun
	}
	if err != nil {
		return fmt.Errorf("run mailer: %w", err)
	}
	var writer, workers, watchers sync.WaitGroup
	writer.Go(s.committer.run)
	watch, endWatch := context.WithCancel(context.WithoutCancel(ctx))
	defer endWatch()
	watchers.Go(func() { s.poll(watch) })
	watchers.Go(func() { s.beat(watch) })
	for _, w := range s.workers() {
		workers.Go(func() { w.run(ctx) })
	}
	s.signBulk(ctx, &workers)
	workers.Go(func() { s.feed(ctx) })
	workers.Go(func() { s.feedLetters(ctx) })
	<-ctx.Done()
	s.drain(&workers)
	s.emptyQueues()
	close(s.entries)
	s.finish(&writer)
	endWatch()
	watchers.Wait()
	s.leave()
	return nil
}

func (m *Mailer) begin(ctx context.Context) (*sending, error) {
	if m.Editions == nil || m.Recipients == nil {
		return nil, errors.New("the fields Editions and Recipients are not set")
	}
	s := &sending{
		m: m, owner: m.Owner, machine: machine(), jobs: make(chan *job, maxClaim), unsigned: make(chan *job), letters: make(chan *job, 64), arming: make(chan *job, 8),
		entries: make(chan *entry), give: make(chan struct{}), conns: map[Conn]struct{}{},
		held: map[kind]map[int64]bool{delivery: {}, letter: {}}, loopbackOnly: true,
	}
	if s.owner == "" {
		s.owner = newOwner()
	}
	s.breaker.s = s
	for _, t := range m.transports() {
		s.lanes = append(s.lanes, newLane(s, t, true))
		s.loopbackOnly = s.loopbackOnly && t.Loopback()
	}
	s.loopbackOnly = s.loopbackOnly && len(s.lanes) > 0
	if m.Catcher != nil {
		s.lanes = append(s.lanes, newLane(s, SMTP(m.Catcher), false))
	}
	if err := s.recall(ctx); err != nil {
		return nil, err
	}
	s.revoked.Store(&map[int64]time.Time{})
	s.polled = m.now()
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	var err error
	if s.committer, err = newCommitter(ctx, s); err != nil {
		return nil, err
	}
	if err := s.register(ctx, m.DB.Write); err != nil {
		s.committer.close()
		return nil, err
	}
	return s, nil
}

func (s *sending) workers() []*worker {
	var all []*worker
	add := func(l *lane, jobs chan *job, first, always bool) {
		all = append(all, &worker{s: s, lane: l, name: fmt.Sprintf("%s/%d", s.owner, len(all)), jobs: jobs, first: first, always: always})
	}
	armed := false
	for _, l := range s.lanes {
		for i := range l.connections() {
			add(l, s.jobs, i == 0, false)
		}
		add(l, s.letters, true, false)
		if l.real && !armed {
			armed = true
			add(l, s.arming, true, true)
		}
	}
	return all
}

// feed claims deliveries as fast as they leave.
func (s *sending) feed(ctx context.Context) {
	limit, last := firstClaim, time.Now()
	for ctx.Err() == nil {
		lanes, one := s.capacity()
		switch {
		case lanes == 0:
			s.emptyQueues()
			sleep(ctx, pollEvery/2)
			last, limit = time.Now(), firstClaim
			continue
		case len(s.jobs) > limit/2 || !s.reconciled(ctx) || !s.anyDue(ctx, delivery):
			sleep(ctx, s.pause())
			continue
		}
		limit = s.size(limit, time.Since(last))
		last = time.Now()
		if one {
			limit = 1
		}
		jobs, err := s.claim(ctx, limit)
		if err != nil {
			s.trouble(ctx, err)
			continue
		}
		s.hand(ctx, jobs)
	}
}

// size is what the next claim may hold: what left in the last second, more
// when that was less than a second ago and all of it is gone.
func (s *sending) size(last int, took time.Duration) int {
	s.mu.Lock()
	done := s.done
	s.done = 0
	s.mu.Unlock()
	if took <= 0 {
		took = time.Millisecond
	}
	rate := float64(done) / took.Seconds()
	limit := min(2*last, int(rate)+1, maxClaim)
	if done == 0 {
		limit = last
	}
	return s.limited(max(limit, firstClaim))
}

// limited keeps a claim within the configured rates.
func (s *sending) limited(n int) int {
	sum := 0.0
	for _, l := range s.lanes {
		if ok, _ := l.usable(); !ok {
			continue
		}
		r := l.Limits().Rate
		if r <= 0 {
			return n
		}
		sum += r
	}
	return max(1, min(n, int(sum)))
}

// pause is how long to wait before looking again: short while there is work.
func (s *sending) pause() time.Duration {
	if len(s.jobs) > 0 {
		return 2 * time.Millisecond
	}
	return 50 * time.Millisecond
}

// capacity counts the lanes that could send; one says that they are only to be
// tried.
func (s *sending) capacity() (lanes int, one bool) {
	one = true
	for _, l := range s.lanes {
		if ok, single := l.usable(); ok {
			lanes++
			one = one && single
		}
	}
	return lanes, one
}

// hand gives claimed jobs to the workers, each with its edition.
func (s *sending) hand(ctx context.Context, jobs []*job) {
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
		ready := s.jobs
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
		if s.switches.Load().stopped || !s.anyDue(ctx, letter) {
			continue
		}
		if lanes, _ := s.capacity(); lanes == 0 && !s.anyArming() {
			continue
		}
		jobs, err := s.claimLetters(ctx, 32)
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
	to := s.letters
	if j.letter == Arming && s.anyArming() {
		to = s.arming
	} else if lanes, _ := s.capacity(); lanes == 0 {
		s.release(2*time.Second, j)
		return
	}
	if s.m.ReturnPath != nil && j.subscriber != 0 {
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
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	s.suspect = true
	s.mu.Unlock()
	s.m.log().Error("claiming waits", "err", err)
	sleep(ctx, time.Second)
}

// hold remembers what this process has claimed.
func (s *sending) hold(jobs []*job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range jobs {
		s.held[j.kind][j.id] = true
	}
}

// written forgets the jobs of results that are in the ledger.
func (s *sending) written(results []*result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range results {
		delete(s.held[r.job.kind], r.job.id)
		if r.tried {
			s.done++
		}
	}
}

// settle writes results that no connection waits for.
func (s *sending) settle(results ...*result) {
	if len(results) == 0 {
		return
	}
	e := &entry{results: results, done: make(chan bool, 1)}
	s.entries <- e
	<-e.done
	s.written(results)
}

// back is the result of a job that goes back to the queue untried.
func (s *sending) back(j *job) *result {
	now := s.m.nowMillis()
	return &result{job: j, state: StateQueued, verdict: Verdict{State: StateQueued}, at: now, next: now}
}

// release gives jobs back, to be claimed again after a while.
func (s *sending) release(after time.Duration, jobs ...*job) {
	results := make([]*result, len(jobs))
	for i, j := range jobs {
		results[i] = s.back(j)
		results[i].next += after.Milliseconds()
	}
	s.settle(results...)
}

// emptyQueues gives back what no worker has begun.
func (s *sending) emptyQueues() {
	var jobs []*job
	for {
		select {
		case j := <-s.jobs:
			jobs = append(jobs, j)
		case j := <-s.letters:
			jobs = append(jobs, j)
		case j := <-s.arming:
			jobs = append(jobs, j)
		default:
			s.release(0, jobs...)
			return
		}
	}
}

func (s *sending) track(c Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

func (s *sending) untrack(c Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// drain waits for the workers; when the time is up it cuts their connections
// off, which makes what they wait for uncertain.
func (s *sending) drain(workers *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() { workers.Wait(); close(ended) }()
	select {
	case <-ended:
		return
	case <-time.After(orDefault(s.m.Drain, 25*time.Second)):
	}
	close(s.give) // a ledger that cannot be written is not waited for either
	for {
		s.mu.Lock()
		for c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		select {
		case <-ended:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// finish waits for the committer, but not for ever.
func (s *sending) finish(writer *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() { writer.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(3 * time.Second):
	}
}

// register makes this process known and says that it lives. It is part of every
// claim, so that nothing is ever claimed by a process that nobody watches; the
// heartbeat grows each time, even when the clock does not.
func (s *sending) register(ctx context.Context, q schema.Querier) error {
	_, err := q.ExecContext(ctx, `
		insert into senders (owner, host, pid, beat_at) values ($1, $2, $3, $4)
		on conflict (owner) do update set
			beat_at = case when excluded.beat_at > senders.beat_at then excluded.beat_at else senders.beat_at + 1 end`,
		s.owner, s.machine, os.Getpid(), s.m.nowMillis())
	if err != nil {
		return fmt.Errorf("register sender: %w", err)
	}
	return nil
}

// leave signs off when nothing is held any more. Else the row stays, and the
// next process finds what was in flight.
func (s *sending) leave() {
	s.mu.Lock()
	held := len(s.held[delivery]) + len(s.held[letter])
	suspect := s.suspect
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var err error
	if held > 0 || suspect {
		err = s.m.abandon(ctx, s.owner)
	} else {
		_, err = s.m.DB.Write.ExecContext(ctx, `delete from senders where owner = $1`, s.owner)
	}
	if err != nil {
		s.m.log().Error("sign off", "err", err)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
