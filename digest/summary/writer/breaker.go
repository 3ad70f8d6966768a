package writer

import (
	"context"
	"sync"
	"time"
)

// After so many failures in a row the endpoint is left alone for so long; then
// one request tries again.
const (
	breakAfter = 5
	breakFor   = 5 * time.Minute
)

// breaker is closed, and opens when the endpoint keeps failing.
type breaker struct {
	mu     sync.Mutex
	failed int
	until  time.Time
}

// allows reports whether the endpoint may be asked. While it is open, the first
// who asks after its time is let through and the others wait for what he finds.
func (b *breaker) allows(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed < breakAfter {
		return true
	}
	if now.Before(b.until) {
		return false
	}
	b.until = now.Add(breakFor)
	return true
}

// note tells what became of a request.
func (b *breaker) note(now time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok {
		b.failed = 0
		return
	}
	if b.failed++; b.failed >= breakAfter {
		b.until = now.Add(breakFor)
	}
}

// flights lets those who want the same thing at the same time share one request.
type flights struct {
	mu  sync.Mutex
	now map[string]*flight
}

type flight struct {
	done chan struct{}
	text string
	err  error
}

func (f *flights) do(ctx context.Context, key string, get func() (string, error)) (string, error) {
	f.mu.Lock()
	if one, ok := f.now[key]; ok {
		f.mu.Unlock()
		select {
		case <-one.done:
			return one.text, one.err
		case <-ctx.Done():
			return "", &Failed{Why: "it did not answer in time"}
		}
	}
	one := &flight{done: make(chan struct{})}
	if f.now == nil {
		f.now = map[string]*flight{}
	}
	f.now[key] = one
	f.mu.Unlock()
	one.text, one.err = get()
	f.mu.Lock()
	delete(f.now, key)
	f.mu.Unlock()
	close(one.done)
	return one.text, one.err
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
