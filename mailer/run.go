package mailer

import (
	"cmp"
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

// sending is one Run of a Mailer.
type sending struct {
	m        *Mailer
	owner    string
	machine  string
	lanes    []*lane
	contents contents
	breaker  breaker
	paces    paces
	turns    turns
	macs     sync.Pool // keyed with the Mailer's Secret

	committer *committer

	unsigned chan *job // deliveries that must be signed before a connection takes them
	arming   chan *job // letters that go out although the installation is disarmed
	entries  chan *entry
	give     chan struct{} // closed: the time for replies is up

	switches     atomic.Pointer[switches]
	revoked      atomic.Pointer[map[int64]time.Time]
	polled       time.Time    // of the mailer's clock: until when revocations are known
	looked       atomic.Int64 // unix milliseconds: when all that was last read
	loopbackOnly bool

	slow sync.WaitGroup // what is noted beside the ledger

	mu      sync.Mutex // guards the rest, down to suspect
	conns   map[Conn]struct{}
	held    map[kind]map[int64]bool // what this process has claimed
	parts   map[int64]int           // of audiences that this process holds: readers on their way
	hands   map[*lane]hands
	suspect int // times that the ledger may have come to say of us what we do not know

	// What the feeder alone knows.
	sharing   []*lane // those that share the mail just now
	claims    int     // deliveries claimed
	analyzeAt int     // at which number of them statistics are due
	waits     bool    // all quotas are used up, and a person was told
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
	giveUp := time.AfterFunc(cmp.Or(m.Drain, 25*time.Second), func() { close(s.give) })
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
