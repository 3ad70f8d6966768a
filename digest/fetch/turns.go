package fetch

import (
	"context"
	"sync"
	"time"
)

// turns lets one request at a time go to each host, with a pause in between.
// A busy host makes nobody wait but those who want the same host.
type turns struct {
	mu    sync.Mutex
	hosts map[string]*turn
}

type turn struct {
	busy    chan struct{} // holds one value while a request runs
	waiting int
	last    time.Time // when the last request ended
}

// maxIdleTurns is how many hosts are remembered before those that need no
// pause any more are forgotten.
const maxIdleTurns = 256

// wait blocks until it is the caller's turn at host or ctx ends. done must be
// called when the request is over. soon leaves out the pause: for a redirect,
// which is part of the request before.
func (t *turns) wait(ctx context.Context, host string, pause time.Duration, soon bool) (done func(), err error) {
	h := t.enter(host, pause)
	select {
	case h.busy <- struct{}{}:
	case <-ctx.Done():
		t.leave(h)
		return nil, ctx.Err()
	}
	t.mu.Lock()
	rest := pause - time.Since(h.last)
	t.mu.Unlock()
	if rest > 0 && !soon {
		timer := time.NewTimer(rest)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			<-h.busy
			t.leave(h)
			return nil, ctx.Err()
		}
	}
	return func() {
		t.mu.Lock()
		h.last = time.Now()
		t.mu.Unlock()
		<-h.busy
		t.leave(h)
	}, nil
}

func (t *turns) enter(host string, pause time.Duration) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hosts == nil {
		t.hosts = map[string]*turn{}
	}
	h := t.hosts[host]
	if h == nil {
		if len(t.hosts) >= maxIdleTurns {
			t.forget(pause)
		}
		h = &turn{busy: make(chan struct{}, 1)}
		t.hosts[host] = h
	}
	h.waiting++
	return h
}

func (t *turns) leave(h *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h.waiting--
}

func (t *turns) forget(pause time.Duration) {
	for name, h := range t.hosts {
		if h.waiting == 0 && time.Since(h.last) > pause {
			delete(t.hosts, name)
		}
	}
}
