package mailer

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"pressrun/deploy/schema"
)

// look reads what can change while we send: switches, pauses, revocations.
func (s *sending) look(ctx context.Context) error {
	sw, err := s.m.switches(ctx)
	if err != nil {
		return err
	}
	rows, err := s.m.DB.Read.QueryContext(ctx, `select issue_id, state, reason from sends where state <> 'open'`)
	if err != nil {
		return fmt.Errorf("read pauses: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var held Send
		if err := rows.Scan(&held.Issue, &held.State, &held.Reason); err != nil {
			return fmt.Errorf("read pauses: %w", err)
		}
		sw.held[held.Issue] = held
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read pauses: %w", err)
	}
	s.switches.Store(sw)
	return s.lookRevoked(ctx)
}

// Revocations are asked for again over overlap, since clocks of processes and
// commits of transactions are not in step, and forgotten after keepRevoked:
// a claim made since has asked for its recipients anew.
const (
	overlap     = 5 * time.Second
	keepRevoked = 2 * time.Hour
)

func (s *sending) lookRevoked(ctx context.Context) error {
	if s.m.RevokedSince == nil {
		return nil
	}
	now := s.m.now()
	since := s.polled
	if now.Before(since) {
		since = now // the clock was put back
	}
	ids, err := s.m.RevokedSince(ctx, since.Add(-overlap))
	if err != nil {
		return fmt.Errorf("read revocations: %w", err)
	}
	s.polled = now
	if len(ids) == 0 {
		return nil
	}
	seen := time.Now()
	all := maps.Clone(*s.revoked.Load())
	for id, at := range all {
		if seen.Sub(at) > keepRevoked {
			delete(all, id)
		}
	}
	for _, id := range ids {
		all[id] = seen
	}
	s.revoked.Store(&all)
	return nil
}

// stale says that j must not go out as it was claimed, and what becomes of it.
// Whether a reader who was revoked may still get it is asked by the next claim.
func (s *sending) stale(j *job) *result {
	if held, ok := s.switches.Load().held[j.issue]; ok && j.kind == delivery {
		r := s.back(j)
		if held.State == "cancelled" {
			r.state, r.verdict = StateCancelled, Verdict{State: StateCancelled, Reason: held.Reason}
		}
		return r
	}
	if at, ok := (*s.revoked.Load())[j.subscriber]; ok && j.kind == delivery && at.After(j.claimed) {
		return s.back(j)
	}
	return nil
}

// poll looks until ctx ends.
func (s *sending) poll(ctx context.Context) {
	failing := false
	for {
		sleep(ctx, pollEvery)
		if ctx.Err() != nil {
			return
		}
		err := s.look(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			s.m.log().Error("switches and revocations cannot be read", "err", err)
		}
		failing = err != nil
	}
}

// beat says that this process lives, and takes over from those that do not.
func (s *sending) beat(ctx context.Context) {
	w := watch{m: s.m, self: s.owner, seen: map[string]sighting{}}
	every := orDefault(s.m.Heartbeat, 10*time.Second)
	for {
		if err := w.takeOverDead(ctx); err != nil && ctx.Err() == nil {
			s.m.log().Error("take over", "err", err)
		}
		s.expireHeld(ctx)
		s.cancelLate(ctx)
		sleep(ctx, every)
		if ctx.Err() != nil {
			return
		}
		if err := s.register(ctx, s.m.DB.Write); err != nil && ctx.Err() == nil {
			s.m.log().Error("heartbeat", "err", err)
		}
	}
}

// expireHeld expires what no claim comes across: deliveries of paused issues,
// and all when nothing can be sent.
func (s *sending) expireHeld(ctx context.Context) {
	held := `and issue_id in (select issue_id from sends where state = 'paused')`
	if lanes, _ := s.capacity(); lanes == 0 {
		held = ""
	}
	_, err := s.m.DB.Write.ExecContext(ctx, `
		update deliveries set state = 'expired', reason = 'it was not accepted before it expired', done_at = $1
		where done_at is null and state in ('queued', 'deferred') and next_at <= $1 and expires_at <= $1 `+held, s.m.nowMillis())
	if err != nil && ctx.Err() == nil {
		s.m.log().Error("expire deliveries", "err", err)
	}
}

// cancelLate cancels what came back to the queue after its issue was cancelled.
func (s *sending) cancelLate(ctx context.Context) {
	rows, err := s.m.DB.Read.QueryContext(ctx, `
		select id from deliveries where issue_id in (select issue_id from sends where state = 'cancelled' and changed_at > $1)
			and done_at is null and state in ('queued', 'deferred', 'uncertain')`, schema.Millis(s.m.now().Add(-time.Hour)))
	if err != nil {
		return // the next beat tries again
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if rows.Scan(&id) == nil {
			ids = append(ids, id)
		}
	}
	rows.Close()
	for _, id := range ids {
		_, err := s.m.DB.Write.ExecContext(ctx, `update deliveries set state = 'cancelled', done_at = $1 where id = $2 and state in ('queued', 'deferred', 'uncertain')`, s.m.nowMillis(), id)
		if err != nil && ctx.Err() == nil {
			s.m.log().Error("cancel delivery", "delivery", id, "err", err)
		}
	}
}

// parks says whether an uncertain job waits for a person.
func (s *sending) parks(j *job) bool {
	if j.kind == letter {
		return false
	}
	var park bool
	err := s.m.DB.Read.QueryRowContext(context.Background(), `select park from sends where issue_id = $1`, j.issue).Scan(&park)
	return err == nil && park
}

// recall has the relays of which a person was told that they are down, in an
// earlier run, announced again when they work.
func (s *sending) recall(ctx context.Context) error {
	rows, err := s.m.DB.Read.QueryContext(ctx, `select relay from relay_health where state <> 'up'`)
	if err != nil {
		return fmt.Errorf("read relays: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return fmt.Errorf("read relays: %w", err)
		}
		for _, l := range s.lanes {
			l.told = l.told || l.String() == name
		}
	}
	return rows.Err()
}

// noteLane records and announces how a relay is.
func (s *sending) noteLane(l *lane, state, reason string) {
	ctx := context.Background()
	l.mu.Lock()
	failures, retry, told := l.failures, l.retry, l.told
	l.mu.Unlock()
	if state == "up" {
		retry = time.Time{}
	}
	_, err := s.m.DB.Write.ExecContext(ctx, `
		insert into relay_health (relay, state, reason, failures, retry_at, changed_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (relay) do update set state = excluded.state, reason = excluded.reason, failures = excluded.failures,
			retry_at = excluded.retry_at, changed_at = excluded.changed_at`,
		l.String(), state, reason, failures, schema.At(retry), s.m.nowMillis())
	if err != nil {
		s.m.log().Error("record relay", "relay", l.String(), "err", err)
	}
	if state == "up" {
		s.m.log().Info("relay is back", "relay", l.String())
		s.m.alarm(ctx, "relay", l.String(), "")
		return
	}
	s.m.log().Warn("relay is down", "relay", l.String(), "reason", reason, "failures", failures)
	if told {
		s.m.alarm(ctx, "relay", l.String(), "Nothing can be sent by it: "+reason)
	}
}

// note feeds the breaker.
func (s *sending) note(j *job, v Verdict) {
	if j.kind == delivery {
		s.breaker.note(j.issue, v)
	}
}

// breaker pauses an issue when the relay refuses too much of it as our fault:
// going on would only make our name worse.
type breaker struct {
	s    *sending
	mu   sync.Mutex
	last map[int64]*window
}

// A window is the last breakerSize outcomes of an issue; the breaker opens when
// breakerShare of a full window, or breakerLeast of a window that is not full
// yet and that share of it, were our fault.
const (
	breakerSize  = 500
	breakerShare = 0.02
	breakerLeast = 10
)

type window struct {
	bad [breakerSize]bool
	n   int // outcomes so far
	sum int // of them bad, within the window
}

func (b *breaker) note(issue int64, v Verdict) {
	if v.State == StateQueued {
		return
	}
	b.mu.Lock()
	if b.last == nil {
		b.last = map[int64]*window{}
	}
	w := b.last[issue]
	if w == nil {
		w = &window{}
		b.last[issue] = w
	}
	trip := w.add(v.Class == Sender)
	sum, n := w.sum, min(w.n, breakerSize)
	if trip {
		b.last[issue] = nil // a person who resumes starts afresh
	}
	b.mu.Unlock()
	if trip {
		go b.trip(issue, sum, n, v.Reason)
	}
}

func (w *window) add(bad bool) (trip bool) {
	at := &w.bad[w.n%breakerSize]
	if *at {
		w.sum--
	}
	*at = bad
	if bad {
		w.sum++
	}
	w.n++
	return bad && w.sum >= breakerLeast && float64(w.sum) >= breakerShare*float64(min(w.n, breakerSize))
}

func (b *breaker) trip(issue int64, sum, n int, reason string) {
	ctx := context.Background()
	why := fmt.Sprintf("%d of the last %d messages were refused: %s", sum, n, reason)
	_, err := b.s.m.DB.Write.ExecContext(ctx, `update sends set state = 'paused', reason = $1, changed_at = $2 where issue_id = $3 and state = 'open'`,
		why, b.s.m.nowMillis(), issue)
	if err != nil {
		b.s.m.log().Error("pause issue", "issue", issue, "err", err)
	}
	b.s.m.alarm(ctx, "refused", fmt.Sprintf("issue %d", issue), "Sending is paused: "+why)
}
