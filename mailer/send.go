package mailer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"pressrun/deploy/schema"
)

// A Send is an issue on its way.
type Send struct {
	Issue    int64
	State    string // open | paused | cancelled
	Reason   string
	Audience int
}

// ErrNotSending is returned for an issue that was never enqueued.
var ErrNotSending = errors.New("the issue is not being sent")

// SendOf returns how an issue's sending stands. q is the database or a
// transaction.
func (m *Mailer) SendOf(ctx context.Context, q schema.Querier, issue int64) (Send, error) {
	s := Send{Issue: issue}
	err := q.QueryRowContext(ctx, `select state, reason, audience from sends where issue_id = $1`, issue).Scan(&s.State, &s.Reason, &s.Audience)
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

// Resume undoes Pause.
func (m *Mailer) Resume(ctx context.Context, tx *sql.Tx, issue int64) error {
	return m.turn(ctx, tx, issue, "open", "", "paused")
}

// Cancel ends an issue's sending for good: what is not being sent this second
// is cancelled. What is already claimed follows within a second.
func (m *Mailer) Cancel(ctx context.Context, tx *sql.Tx, issue int64, reason string) error {
	if err := m.turn(ctx, tx, issue, "cancelled", reason, "open", "paused"); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		update deliveries set state = 'cancelled', reason = $2, done_at = $3
		where issue_id = $1 and state in ('queued', 'deferred')`, issue, reason, m.nowMillis())
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
