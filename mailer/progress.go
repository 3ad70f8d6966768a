package mailer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"pressrun/deploy/schema"
)

// Progress is at what pace the copies of an issue go out just now. It is zero while
// nothing is due, sending is paused, or too little has been seen.
type Progress struct {
	PerMinute float64       `json:"per_minute"`       // first turns, over Over
	Over      time.Duration `json:"-"`                // ten minutes at most, in which copies were due all the time
	Left      int           `json:"left"`             // copies that have yet to have theirs
	Ends      time.Time     `json:"ends_at,omitzero"` // when they have had it at this pace; zero where none goes out
	Late      int           `json:"late"`             // how many expire before
	waves     []wave        // of Left
	closes    time.Time     // of the send's window
	next      func(time.Time) (opens, closes time.Time)
}

// wave is readers of an issue who wait for the same time.
type wave struct {
	due, expires time.Time
	n            int
}

// Paces are looked at over paceOver; what is seen in less than leastSeen tells none.
const (
	paceOver  = 10 * time.Minute
	leastSeen = 10 * time.Second
)

// Progress looks at an issue. next is the window that follows a time, in which what
// is left of the send's own goes on; nil: it does not go out then.
func (m *Mailer) Progress(ctx context.Context, issue int64, next func(time.Time) (opens, closes time.Time)) (Progress, error) {
	now := m.now()
	var p Progress
	from, err := m.since(ctx, issue, &p)
	if err == nil && !from.IsZero() {
		p.next = next
		err = m.turnsOf(ctx, issue, from.Truncate(turnSpan), &p)
	}
	if err != nil {
		return p, fmt.Errorf("progress of issue %d: %w", issue, err)
	}
	if p.PerMinute > 0 {
		p.Ends, p.Late = p.outlook(now, p.PerMinute)
	}
	return p, nil
}

// since reads what waits of an issue, and returns since when some of it could have
// gone out all the time; zero when none can.
func (m *Mailer) since(ctx context.Context, issue int64, p *Progress) (from time.Time, err error) {
	send, err := m.SendOf(ctx, m.DB.Read, issue)
	if errors.Is(err, ErrNotSending) || err == nil && send.waits(m.now()) {
		return from, nil
	}
	if err != nil {
		return from, err
	}
	p.closes = send.Closes
	if p.waves, err = m.waves(ctx, issue); err != nil {
		return from, err
	}
	for _, w := range p.waves {
		p.Left += w.n
	}
	if len(p.waves) == 0 || p.waves[0].due.After(m.now()) {
		return from, nil
	}
	from = m.now().Add(-paceOver)
	for _, t := range []time.Time{send.Changed, send.Opens, p.waves[0].due} {
		if t.After(from) {
			from = t
		}
	}
	return from, nil
}

// waves are the readers who have yet to have their first turn, by the minutes in which
// they are due.
func (m *Mailer) waves(ctx context.Context, issue int64) ([]wave, error) {
	return schema.Each(ctx, m.DB.Read, func(r schema.Row) (w wave, err error) {
		var due, expires schema.Time
		err = r.Scan(&due, &expires, &w.n)
		w.due, w.expires = due.Time, expires.Time
		return w, err
	}, `
		select min(due_at), max(expires_at), sum(n) from (
			select due_at, expires_at, readers as n from audience_parts where issue_id = $1 and owner = ''
			union all
			select a.due_at, a.expires_at, 1 from audience_parts a, `+eachReader(m.DB.Engine)+` where a.issue_id = $1 and a.owner <> '' and `+unwritten+`
			union all
			select min(due_at), max(expires_at), count(*) from deliveries
			where issue_id = $1 and state <> 'accepted' and state in ('queued', 'claimed', 'uncertain') and due_at <= $2 having count(*) > 0
			union all
			select due_at, expires_at, 1 from deliveries where issue_id = $1 and state <> 'accepted' and state in ('queued', 'claimed', 'uncertain') and due_at > $2) w
		group by due_at / 60000, expires_at / 60000 order by 1, 2`, issue, m.nowMillis())
}

// turnsOf reads the pace since from.
func (m *Mailer) turnsOf(ctx context.Context, issue int64, from time.Time, p *Progress) error {
	var copies int
	err := m.DB.Read.QueryRowContext(ctx, `select coalesce(sum(copies), 0) from send_turns where issue_id = $1 and turned_at >= $2`, issue, schema.Millis(from)).Scan(&copies)
	if p.Over = m.now().Sub(from); err == nil && p.Over >= leastSeen {
		p.PerMinute = float64(copies) / p.Over.Minutes()
	}
	return err
}

// LateAt is how many copies expire before their turn at a pace.
func (p Progress) LateAt(now time.Time, perMinute float64) int {
	_, late := p.outlook(now, perMinute)
	return late
}

// outlook is when the last copy has its turn at a pace, and how many expire before.
func (p Progress) outlook(now time.Time, perMinute float64) (ends time.Time, late int) {
	ends = now
	for _, w := range p.waves {
		if w.due.After(ends) {
			ends = w.due
		}
		took := time.Duration(min(float64(w.n)/perMinute, 1e6) * float64(time.Minute)) // two years are for ever
		limit := w.expires
		ends, limit = p.within(ends, took, limit)
		if over := ends.Sub(limit); over > 0 {
			late += min(w.n, int(math.Ceil(over.Minutes()*perMinute)))
		}
	}
	return ends, late
}

// within is when something that begins at t and takes so long has ended, windows kept,
// and until when it counts: what a window leaves to the next lives as long as that.
func (p Progress) within(t time.Time, took time.Duration, limit time.Time) (ends, until time.Time) {
	closes := p.closes
	if closes.IsZero() || t.Add(took).Before(closes) {
		return t.Add(took), limit
	}
	if p.next == nil {
		if closes.Before(limit) {
			limit = closes
		}
		return t.Add(took), limit
	}
	for t.Add(took).After(closes) {
		took -= max(closes.Sub(t), 0)
		opens, end := p.next(closes)
		if !end.After(closes) {
			break
		}
		if opens.After(t) {
			t = opens
		}
		closes = end
	}
	return t.Add(took), closes
}

// turnSpan is how long a row of send_turns counts for; keepTurns how long it is kept.
const (
	turnSpan  = 10 * time.Second
	keepTurns = 24 * time.Hour
)

// turns counts the copies of each issue that had their first turn in this process,
// until they are written down.
type turns struct {
	mu    sync.Mutex
	n     map[turnKey]int
	wrote time.Time
}

type turnKey struct{ issue, at int64 }

func (t *turns) add(issue int64, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = map[turnKey]int{}
	}
	t.n[turnKey{issue, schema.Millis(at.Truncate(turnSpan))}]++
}

// writeEvery is how often turns are written down.
const writeEvery = 2 * time.Second

// noteTurns writes down what has been counted.
func (s *sending) noteTurns(ctx context.Context) {
	t := &s.turns
	t.mu.Lock()
	n := t.n
	if len(n) == 0 || time.Since(t.wrote) < writeEvery && ctx.Err() == nil {
		t.mu.Unlock()
		return
	}
	t.n, t.wrote = nil, time.Now()
	t.mu.Unlock()
	for k, copies := range n {
		_, err := s.m.DB.Write.ExecContext(context.WithoutCancel(ctx), `
			insert into send_turns (issue_id, turned_at, copies) values ($1, $2, $3)
			on conflict (issue_id, turned_at) do update set copies = send_turns.copies + excluded.copies`, k.issue, k.at, copies)
		if err != nil {
			s.m.log().Error("record pace", "issue", k.issue, "err", err) // a pace that is told too low for a while
		}
	}
}
