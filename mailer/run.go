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
	firstClaim  = 64
	maxClaim    = 1000
	letterClaim = 32
)

// sending is one Run of a Mailer.
type sending struct {
	m        *Mailer
	owner    string
	machine  string
	lanes    []*lane
	contents contents
	breaker  breaker
	paces    paces
	macs     sync.Pool // keyed with the Mailer's Secret

	committer *committer

	unsigned chan *job // deliveries that must be signed before a connection takes them
	arming   chan *job // letters that go out although the installation is disarmed
	entries  chan *entry
	give     chan struct{}

	switches     atomic.Pointer[switches]
	revoked      atomic.Pointer[map[int64]time.Time]
	polled       time.Time // of the mailer's clock: until when revocations are known
	loopbackOnly bool

	mu        sync.Mutex
	conns     map[Conn]struct{}
	held      map[kind]map[int64]bool
	parts     map[int64]int // of audiences that this process holds: readers on their way
	hands     map[*lane]hands
	suspect   int // times that the ledger may have come to say of us what we do not know
	slow      sync.WaitGroup
	sharing   []*lane // those that share the mail just now; the feeder's
	claims    int     // deliveries claimed, and at which number statistics are due; the feeder's
	analyzeAt int
	waits     bool // all quotas are used up, and a person was told; the feeder's
}

// hands is what a lane has to do and has done.
type hands struct {
	full int // deliveries claimed for it and not settled
	done int // those tried since its last claim
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
	giveUp := time.AfterFunc(orDefault(m.Drain, 25*time.Second), func() { close(s.give) })
	defer giveUp.Stop()
	s.drain(&workers)
	s.emptyQueues()
	close(s.entries)
	s.finish(&writer)
	endWatch()
	watchers.Wait()
	s.slow.Wait()
	s.leave()
	return nil
}

func (m *Mailer) begin(ctx context.Context) (*sending, error) {
	if m.Editions == nil || m.Recipients == nil {
		return nil, errors.New("the fields Editions and Recipients are not set")
	}
	groups := m.Groups
	if groups == nil {
		groups = DefaultGroups()
	}
	s := &sending{
		m: m, owner: m.Owner, machine: machine(), unsigned: make(chan *job, 2*maxClaim), arming: make(chan *job, 8),
		entries: make(chan *entry), give: make(chan struct{}), conns: map[Conn]struct{}{},
		held: map[kind]map[int64]bool{delivery: {}, letter: {}}, parts: map[int64]int{}, hands: map[*lane]hands{}, loopbackOnly: true,
		paces: paces{operators: newOperators(groups), of: map[paceKey]*pace{}, asking: map[*lane][]paceKey{}},
	}
	if s.owner == "" {
		s.owner = newOwner()
	}
	s.breaker.s, s.breaker.rules = s, m.Breaker.orDefault()
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
			add(l, l.jobs, i == 0, false)
		}
		add(l, l.letters, true, false)
		if l.real && !armed {
			armed = true
			add(l, s.arming, true, true)
		}
	}
	return all
}

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
			// Where much is due that must wait, looking for what need not is work.
			sleep(ctx, max(s.pause(), 20*time.Since(began)))
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
		l.spent = time.Now().Add(orDefault(s.m.Probe, 30*time.Second) / 6)
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
	return 50 * time.Millisecond
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
		if s.switches.Load().stopped || !s.anyDue(ctx, letter) {
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
	if l := s.open(); j.letter == Arming && s.anyArming() {
		to = s.arming
	} else if l == nil {
		s.release(2*time.Second, j)
		return
	} else {
		to = l.letters
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
	s.suspects()
	if ctx.Err() != nil {
		return // told to end in the middle of it
	}
	s.m.log().Error("claiming waits", "err", err)
	sleep(ctx, time.Second)
}

// suspects notes that the ledger may say of this process what it does not know of.
func (s *sending) suspects() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspect++
}

// hold remembers what this process has claimed.
func (s *sending) hold(jobs []*job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range jobs {
		s.held[j.kind][j.id] = true
		if j.lane != nil {
			h := s.hands[j.lane]
			h.full++
			s.hands[j.lane] = h
		}
	}
}

// written forgets the jobs of results that are in the ledger.
func (s *sending) written(results []*result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range results {
		delete(s.held[r.job.kind], r.job.id)
		if r.job.part != 0 {
			s.parts[r.job.part]--
		}
		if r.job.lane == nil {
			continue
		}
		h := s.hands[r.job.lane]
		h.full--
		if r.tried {
			h.done++
		}
		s.hands[r.job.lane] = h
	}
}

// forget lets go of a job that is another process's now.
func (s *sending) forget(j *job) {
	s.written([]*result{{job: j}})
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

// emptyIdle gives back what waits for lanes that cannot send, so that others may.
func (s *sending) emptyIdle() {
	for _, l := range s.lanes {
		if ok, _ := l.usable(); !ok {
			s.release(0, emptied(l.jobs, l.letters)...)
		}
	}
}

// emptyQueues gives back what no worker has begun.
func (s *sending) emptyQueues() {
	for _, l := range s.lanes {
		s.release(0, emptied(l.jobs, l.letters)...)
	}
	s.release(0, emptied(s.unsigned, s.arming)...)
}

func emptied(queues ...chan *job) (jobs []*job) {
	for _, q := range queues {
		for len(q) > 0 {
			select {
			case j := <-q:
				jobs = append(jobs, j)
			default: // a worker was faster
			}
		}
	}
	return jobs
}

func (s *sending) track(c Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

// connected is how many connections are open.
func (s *sending) connected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
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
	case <-s.give:
	}
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
	suspect := s.suspect > 0
	for _, left := range s.parts {
		held += left
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	err := s.clear(ctx, s.m.DB.Write, s.doneParts())
	if err == nil && held == 0 && !suspect {
		held, err = s.signOff(ctx)
	}
	if held > 0 || suspect {
		err = s.m.abandon(ctx, s.owner)
	}
	if err != nil {
		s.m.log().Error("sign off", "err", err)
	}
}

// signOff deletes the row of this process, unless a part is left in its name: then
// it returns one.
func (s *sending) signOff(ctx context.Context) (left int, err error) {
	res, err := s.m.DB.Write.ExecContext(ctx, `
		delete from senders where owner = $1 and not exists (select 1 from audience_parts where owner = $1)`, s.owner)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return 1 - int(n), err
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
