package mailer

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"pressrun/deploy/schema"
)

// look reads what can change while we send: switches, pauses, revocations.
func (s *sending) look(ctx context.Context) error {
	sw, err := s.m.switches(ctx)
	if err != nil {
		return err
	}
	rows, err := s.m.DB.Read.QueryContext(ctx, `select issue_id, state, reason, opens_at, closes_at from sends where state <> 'open' or opens_at is not null or closes_at is not null`)
	if err != nil {
		return fmt.Errorf("read pauses: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var held Send
		var opens, closes schema.Time
		if err := rows.Scan(&held.Issue, &held.State, &held.Reason, &opens, &closes); err != nil {
			return fmt.Errorf("read pauses: %w", err)
		}
		held.Opens, held.Closes = opens.Time, closes.Time
		sw.held[held.Issue] = held
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read pauses: %w", err)
	}
	s.switches.Store(sw)
	if err := s.lookRevoked(ctx); err != nil {
		return err
	}
	s.looked.Store(time.Now().UnixMilli())
	return nil
}

// blindAfter is how old what look read may be for something to go out by it: who left
// or stopped us meanwhile is not known. The clock is the wall's: the steady one stands
// still while a machine is put to sleep.
const blindAfter = 5 * time.Second

// blind says that this process has slept, or cannot read what may keep it from sending.
func (s *sending) blind() bool {
	return time.Now().UnixMilli()-s.looked.Load() > blindAfter.Milliseconds()
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
	if s.blind() {
		return s.back(j)
	}
	if held, ok := s.switches.Load().held[j.issue]; ok && j.kind == delivery && held.waits(s.m.now()) {
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
			s.noteTurns(ctx)
			return
		}
		err := s.look(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			s.m.log().Error("switches and revocations cannot be read", "err", err)
		}
		failing = err != nil
		s.noteTurns(ctx)
	}
}

// beat says that this process lives, and as often as it could say so looks after what
// nobody else does.
func (s *sending) beat(ctx context.Context) {
	w := watch{m: s.m, self: s.owner, seen: map[string]sighting{}}
	for failing := false; ctx.Err() == nil; sleep(ctx, s.m.heartbeat()) {
		err := s.register(ctx, s.m.DB.Write)
		if err == nil {
			w.beats++
			s.lookAfter(ctx, &w)
		} else if !failing && ctx.Err() == nil {
			s.m.log().Error("heartbeat", "err", err)
		}
		failing = err != nil
	}
}

// lookAfter takes over from processes that do not live, and ends what is too late.
func (s *sending) lookAfter(ctx context.Context, w *watch) {
	if err := w.takeOverDead(ctx); err != nil && ctx.Err() == nil {
		s.m.log().Error("take over", "err", err)
	}
	s.expireHeld(ctx)
	s.cancelLate(ctx)
	s.watchAnswers(ctx)
	if err := s.weighReports(ctx); err != nil && ctx.Err() == nil {
		s.m.log().Error("weigh reports", "err", err)
	}
}

// expireHeld expires what no claim comes across: deliveries of paused issues,
// and all when nothing can be sent.
func (s *sending) expireHeld(ctx context.Context) {
	held := `and issue_id in (select issue_id from sends where state = 'paused')`
	if s.capacity() == 0 {
		held = ""
	}
	err := s.m.DB.InTx(ctx, func(tx *sql.Tx) error {
		_, err := s.m.layOut(ctx, tx, StateExpired, tooLate, "a.owner = '' and a.expires_at <= $1 "+held, s.m.nowMillis())
		if err == nil {
			_, err = tx.ExecContext(ctx, `
				update deliveries set state = 'expired', reason = '`+tooLate+`', done_at = $1
				where done_at is null and state in ('queued', 'deferred') and next_at <= $1 and expires_at <= $1 `+held, s.m.nowMillis())
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.m.log().Error("expire deliveries", "err", err)
	}
}

// cancelLate cancels what came back to the queue after its issue was cancelled,
// and parks what became uncertain then.
func (s *sending) cancelLate(ctx context.Context) {
	late, err := schema.Each(ctx, s.m.DB.Read, schema.Column[int64], `
		select id from deliveries where issue_id in (select issue_id from sends where state = 'cancelled' and changed_at > $1)
			and done_at is null and state in ('queued', 'deferred', 'uncertain')`, schema.Millis(s.m.now().Add(-time.Hour)))
	if err == nil && len(late) > 0 {
		among, arg := s.m.DB.Engine.Among("id", 2, late)
		_, err = s.m.DB.Write.ExecContext(ctx, `
			update deliveries set state = case when state = 'uncertain' then 'parked' else 'cancelled' end, done_at = $1
			where state in ('queued', 'deferred', 'uncertain') and `+among, s.m.nowMillis(), arg)
	}
	if err != nil && ctx.Err() == nil {
		s.m.log().Error("cancel deliveries", "err", err) // the next beat tries again
	}
}

// parks says whether an uncertain job waits for a person: also when that cannot
// be read, since a second copy cannot be taken back.
func (s *sending) parks(j *job) bool {
	if j.kind == letter {
		return false
	}
	var park bool
	err := s.m.DB.Read.QueryRowContext(context.Background(), `select park or state = 'cancelled' from sends where issue_id = $1`, j.issue).Scan(&park)
	return err != nil || park
}

// recall has the relays of which a person was told that they are down, in an
// earlier run, announced again when they work; and goes on at the pace that
// operators asked for.
func (s *sending) recall(ctx context.Context) error {
	slowed, err := s.m.paces(ctx)
	if err != nil {
		return err
	}
	for _, l := range s.lanes {
		s.paces.restore(l, slowed, s.m.now())
	}
	down, err := schema.Each(ctx, s.m.DB.Read, schema.Column[string], `select relay from relay_health where state <> 'up'`)
	if err != nil {
		return fmt.Errorf("read relays: %w", err)
	}
	for _, l := range s.lanes {
		l.told = slices.Contains(down, l.String())
	}
	return nil
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
		s.m.alarm(ctx, "relay", l.String(), "Nothing can be sent by it. What waits for it goes out once it answers again. Technical text: "+reason)
	}
}
