package mailer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"pressrun/deploy/schema"
)

// A Send is an issue on its way.
type Send struct {
	Issue    int64
	State    string // open | paused | cancelled
	Reason   string
	Audience int
	// Opens and Closes are its window, zero where it has none.
	Opens, Closes time.Time
	Changed       time.Time // when it was begun, paused or resumed last
	// Tripped is why its breaker opened, "" once a person has seen it.
	Tripped string
}

// waits says that nothing may begin now, because of a person or the window.
func (s Send) waits(now time.Time) bool {
	return s.State != "open" || now.Before(s.Opens) || !s.Closes.IsZero() && !now.Before(s.Closes)
}

// ErrNotSending is returned for an issue that was never enqueued.
var ErrNotSending = errors.New("the issue is not being sent")

// SendOf returns how an issue's sending stands. q is the database or a
// transaction.
func (m *Mailer) SendOf(ctx context.Context, q schema.Querier, issue int64) (Send, error) {
	s := Send{Issue: issue}
	var opens, closes, changed schema.Time
	err := q.QueryRowContext(ctx, `select state, reason, audience, opens_at, closes_at, changed_at, tripped from sends where issue_id = $1`, issue).
		Scan(&s.State, &s.Reason, &s.Audience, &opens, &closes, &changed, &s.Tripped)
	s.Opens, s.Closes, s.Changed = opens.Time, closes.Time, changed.Time
	if errors.Is(err, sql.ErrNoRows) {
		return s, fmt.Errorf("issue %d: %w", issue, ErrNotSending)
	}
	if err != nil {
		return s, fmt.Errorf("read sending of issue %d: %w", issue, err)
	}
	return s, nil
}

// Pause keeps every process from beginning another message of the issue, within
// a second.
func (m *Mailer) Pause(ctx context.Context, tx *sql.Tx, issue int64, reason string) error {
	return m.turn(ctx, tx, issue, "paused", reason, "open")
}

// Resume undoes Pause, and what the breaker did: see Acknowledge.
func (m *Mailer) Resume(ctx context.Context, tx *sql.Tx, issue int64) error {
	if err := m.turn(ctx, tx, issue, "open", "", "paused"); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `update sends set tripped = '', excused_at = $1 where issue_id = $2 and tripped <> ''`, m.nowMillis(), issue)
	if err != nil {
		return fmt.Errorf("resume issue %d: %w", issue, err)
	}
	return nil
}

// Window sets when messages of the issue may begin. What is left when a window
// has closed keeps its place in the queue and lives until the end of the new one
// at least.
func (m *Mailer) Window(ctx context.Context, tx *sql.Tx, issue int64, opens, closes time.Time) error {
	_, err := tx.ExecContext(ctx, `update sends set opens_at = $1, closes_at = $2 where issue_id = $3`, schema.At(opens), schema.At(closes), issue)
	if err == nil && !closes.IsZero() {
		err = m.extend(ctx, tx, issue, schema.Millis(closes))
	}
	if err != nil {
		return fmt.Errorf("set window of issue %d: %w", issue, err)
	}
	return nil
}

// extend has what is left of an issue live until a time at least. The plus has SQLite
// look among what is not done with: most of an issue is.
func (m *Mailer) extend(ctx context.Context, tx *sql.Tx, issue, until int64) error {
	if m.DB.Engine == schema.Postgres { // a claim may be taking readers out of a part, into one that only the next statement sees
		if _, err := tx.ExecContext(ctx, `select id from audience_parts where issue_id = $1 for update`, issue); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `update audience_parts set expires_at = $1 where issue_id = $2 and expires_at < $1`, until, issue); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, extendSQL, until, issue)
	return err
}

const extendSQL = `update deliveries set expires_at = $1 where +issue_id = $2 and done_at is null and expires_at < $1`

// Expire ends what has not been sent of an issue, for the reason given; what is
// uncertain is parked. It returns how many copies that were.
func (m *Mailer) Expire(ctx context.Context, tx *sql.Tx, issue int64, reason string) (int, error) {
	// First the parts: this waits for a claim, which may write rows that are queued.
	waiting, err := m.layOut(ctx, tx, StateExpired, reason, "a.owner = '' and a.issue_id = $1", issue)
	if err != nil {
		return 0, fmt.Errorf("expire the rest of issue %d: %w", issue, err)
	}
	res, err := tx.ExecContext(ctx, `
		update deliveries set reason = $2, done_at = $3, state = case when state = 'uncertain' then 'parked' else 'expired' end
		where issue_id = $1 and done_at is null and state in ('queued', 'deferred', 'uncertain')`, issue, reason, m.nowMillis())
	if err != nil {
		return 0, fmt.Errorf("expire the rest of issue %d: %w", issue, err)
	}
	n, err := res.RowsAffected()
	return int(n) + waiting, err
}

// Lapse is Expire for an issue of which nothing that is left could still go out: all of
// it has expired. It returns 0 while anything could.
func (m *Mailer) Lapse(ctx context.Context, tx *sql.Tx, issue int64, reason string) (int, error) {
	var live bool
	err := tx.QueryRowContext(ctx, `
		select exists (select 1 from deliveries where +issue_id = $1 and done_at is null and (expires_at > $2 or state = 'claimed'))
			or exists (select 1 from audience_parts where issue_id = $1 and (expires_at > $2 or owner <> ''))`, issue, m.nowMillis()).Scan(&live)
	if err != nil {
		return 0, fmt.Errorf("look for living copies of issue %d: %w", issue, err)
	}
	if live {
		return 0, nil
	}
	return m.Expire(ctx, tx, issue, reason)
}

// Cancel ends an issue's sending for good: what is not being sent this second
// is cancelled, and what is uncertain parked, for it may have been taken. What is
// already claimed follows within a second.
func (m *Mailer) Cancel(ctx context.Context, tx *sql.Tx, issue int64, reason string) error {
	if err := m.turn(ctx, tx, issue, "cancelled", reason, "open", "paused"); err != nil {
		return err
	}
	_, err := m.layOut(ctx, tx, StateCancelled, reason, "a.owner = '' and a.issue_id = $1", issue)
	if err == nil {
		_, err = tx.ExecContext(ctx, `
			update deliveries set state = 'cancelled', reason = $2, done_at = $3
			where issue_id = $1 and state in ('queued', 'deferred')`, issue, reason, m.nowMillis())
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `update deliveries set state = 'parked', done_at = $2 where issue_id = $1 and state = 'uncertain'`, issue, m.nowMillis())
	}
	if err != nil {
		return fmt.Errorf("cancel issue %d: %w", issue, err)
	}
	return nil
}

func (m *Mailer) turn(ctx context.Context, tx *sql.Tx, issue int64, to, reason string, from ...string) error {
	for _, f := range from {
		res, err := tx.ExecContext(ctx, `update sends set state = $1, reason = $2, changed_at = $3 where issue_id = $4 and state = $5`,
			to, reason, m.nowMillis(), issue, f)
		if err != nil {
			return fmt.Errorf("turn sending of issue %d to %s: %w", issue, to, err)
		}
		if n, _ := res.RowsAffected(); n == 1 {
			return nil
		}
	}
	s, err := m.SendOf(ctx, tx, issue)
	if err != nil {
		return err
	}
	if s.State == to {
		return nil
	}
	return fmt.Errorf("issue %d is %s and cannot become %s", issue, s.State, to)
}
