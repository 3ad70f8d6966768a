package mailer

import "time"

// hands is what a lane has to do and has done.
type hands struct {
	full int // deliveries claimed for it and not settled
	done int // those tried since its last claim
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
