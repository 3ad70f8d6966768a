package trend

import "sync"

// buffer holds views until the counters take them: a ring of at most size
// views, in which a new view pushes out the oldest.
type buffer struct {
	mu    sync.Mutex
	size  int
	views []View // ring; grows up to size
	first int    // place of the oldest
	n     int
	taken uint64 // views that have left at the front, ever
}

// put adds v and reports whether the oldest view was lost for it.
func (b *buffer) put(v View) (lost bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n == b.size {
		b.views[b.first] = v
		b.first = (b.first + 1) % b.size
		b.taken++
		return true
	}
	if b.n == len(b.views) {
		b.grow()
	}
	b.views[(b.first+b.n)%len(b.views)] = v
	b.n++
	return false
}

func (b *buffer) grow() {
	views := make([]View, min(b.size, max(256, 2*len(b.views))))
	for i := range b.n {
		views[i] = b.views[(b.first+i)%len(b.views)]
	}
	b.views, b.first = views, 0
}

// peek returns up to most of the oldest views and a ticket for done. They stay
// in the buffer until then.
func (b *buffer) peek(most int) (views []View, ticket uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	views = make([]View, min(most, b.n))
	for i := range views {
		views[i] = b.views[(b.first+i)%len(b.views)]
	}
	return views, b.taken + uint64(len(views))
}

// done takes off what peek returned with the ticket, as far as newer views
// have not pushed it out meanwhile.
func (b *buffer) done(ticket uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.taken < ticket && b.n > 0 {
		b.views[b.first] = View{}
		b.first = (b.first + 1) % len(b.views)
		b.n--
		b.taken++
	}
}

func (b *buffer) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}
