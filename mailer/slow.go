package mailer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"pressrun/templates"
)

// A relay that takes everything and is slow to say so looks like one that works. It is
// announced when more than half of the messages of the last slowOver waited for their
// answer for longer than Mailer.Slow, and told anew as often while that is so.
const slowOver = 10 * time.Minute

// leastAnswers is how few messages tell nothing; mostAnswers bounds what is remembered.
const (
	leastAnswers = 3
	mostAnswers  = 5000
)

// answer is how long the relay took to answer a message.
type answer struct {
	at   time.Time
	took time.Duration
}

// answers are those of a lane. The lane's lock guards them.
type answers struct {
	last    []answer // a ring of the newest
	next    int
	waiting map[*worker]time.Time // since when
	open    bool                  // a person was told that it is slow, or may have been in an earlier run
	told    time.Time             // when last in this run
	began   time.Time             // this run
}

// asks notes that w has handed a message over.
func (l *lane) asks(w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers.waiting[w] = time.Now()
}

// answered notes that w has its answer, or will have none.
func (l *lane) answered(w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &l.answers
	got := answer{time.Now(), time.Since(a.waiting[w])}
	delete(a.waiting, w)
	if len(a.last) < mostAnswers {
		a.last = append(a.last, got)
		return
	}
	a.last[a.next] = got
	a.next = (a.next + 1) % mostAnswers
}

// median is how long half of the messages of the last slowOver waited at least, those
// that still wait and have done so for longer than slow among them; 0 when there were
// too few.
func (a *answers) median(now time.Time, slow time.Duration) time.Duration {
	var took []time.Duration
	for _, got := range a.last {
		if now.Sub(got.at) < slowOver {
			took = append(took, got.took)
		}
	}
	for _, since := range a.waiting {
		if d := now.Sub(since); d > slow {
			took = append(took, d)
		}
	}
	if len(took) < leastAnswers {
		return 0
	}
	slices.Sort(took)
	return took[(len(took)-1)/2]
}

// weigh says whether a person is to be told that the relay is slow, or that it is no
// more. What was told in an earlier run stands until something else is known.
func (a *answers) weigh(now time.Time, slow time.Duration) (median time.Duration, tell, over bool) {
	median = a.median(now, slow)
	switch {
	case median > slow:
		if tell = now.Sub(a.told) >= slowOver; tell {
			a.open, a.told = true, now
		}
	case a.open && (median > 0 || now.Sub(a.told) >= slowOver && now.Sub(a.began) >= slowOver):
		a.open, over, a.told = false, true, time.Time{}
	}
	return median, tell, over
}

// watchAnswers announces relays that are slow to answer, and when they are no more.
func (s *sending) watchAnswers(ctx context.Context) {
	slow := cmp.Or(s.m.Slow, time.Minute)
	for _, l := range s.lanes {
		l.mu.Lock()
		median, tell, over := l.answers.weigh(time.Now(), slow)
		l.mu.Unlock()
		if tell {
			s.m.log().Warn("relay is slow to answer", "relay", l.String(), "median", median)
			s.m.alarm(ctx, "slow", l.String(), fmt.Sprintf("It takes what it is given, but half of the messages of the last %s waited for its answer for %s or longer. "+
				"Issues go out late, or not to everybody before their copies expire. Ask who runs it; a second [[relay]] takes its share.", templates.Span(slowOver), templates.Span(median)))
		} else if over {
			s.m.alarm(ctx, "slow", l.String(), "")
		}
	}
}
