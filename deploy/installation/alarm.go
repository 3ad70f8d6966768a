package installation

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"pressrun/deploy/schema"
)

// Alarm is trouble that a person should know of.
type Alarm struct {
	ID      int64     `json:"id"`
	Kind    string    `json:"kind"`    // of what is in trouble: source, slot, issue, relay …
	Subject string    `json:"subject"` // which one
	Detail  string    `json:"detail"`  // what happened and how to mend it, in words
	Count   int       `json:"count"`   // how often it was raised
	Opened  time.Time `json:"opened_at"`
	Closed  time.Time `json:"closed_at"`            // zero = still open
	Why     string    `json:"closed_why,omitempty"` // it was closed although it was not over
}

// Raise opens an alarm, or counts it once more when it is open. It reports
// whether it is new; who tells of it does so in the same transaction.
func (s *Store) Raise(ctx context.Context, tx *sql.Tx, kind, subject, detail string) (bool, error) {
	var count int
	err := tx.QueryRowContext(ctx, `
		insert into alarms (kind, subject, detail, opened_at) values ($1, $2, $3, $4)
		on conflict (kind, subject) where closed_at is null do update set count = alarms.count + 1, detail = excluded.detail
		returning count`, kind, subject, detail, schema.At(s.Now())).Scan(&count)
	if err != nil {
		return false, fmt.Errorf("raise alarm %s %s: %w", kind, subject, err)
	}
	return count == 1, nil
}

// Clear closes the alarm if it is open and reports whether it was. why is "" when the
// trouble is over.
func (s *Store) Clear(ctx context.Context, tx *sql.Tx, kind, subject, why string) (bool, error) {
	res, err := tx.ExecContext(ctx, `update alarms set closed_at = $3, closed_why = $4 where kind = $1 and subject = $2 and closed_at is null`,
		kind, subject, schema.At(s.Now()), why)
	if err != nil {
		return false, fmt.Errorf("clear alarm %s %s: %w", kind, subject, err)
	}
	n, _ := res.RowsAffected()
	return n > 0, nil
}

// Alarms lists the alarms, the newest first; only the open ones if open.
func (s *Store) Alarms(ctx context.Context, open bool, limit int) ([]Alarm, error) {
	return schema.Each(ctx, s.DB.Read, func(r schema.Row) (Alarm, error) {
		var a Alarm
		var opened, closed schema.Time
		err := r.Scan(&a.ID, &a.Kind, &a.Subject, &a.Detail, &a.Count, &opened, &closed, &a.Why)
		a.Opened, a.Closed = opened.Time, closed.Time
		return a, err
	}, `
		select id, kind, subject, detail, count, opened_at, closed_at, closed_why from alarms
		where closed_at is null or not $1 order by opened_at desc, id desc limit $2`, open, limit)
}

// MarkGood remembers that something which is looked at now and then is in order.
func (s *Store) MarkGood(ctx context.Context, kind, subject string) error {
	_, err := s.DB.Write.ExecContext(ctx, `
		insert into known_good (kind, subject, seen_at) values ($1, $2, $3)
		on conflict (kind, subject) do update set seen_at = excluded.seen_at, lost_at = null`, kind, subject, schema.At(s.Now()))
	if err != nil {
		return fmt.Errorf("mark %s %s as good: %w", kind, subject, err)
	}
	return nil
}

// KnownGood lists what of a kind was in order once: what never was is no loss.
func (s *Store) KnownGood(ctx context.Context, kind string) ([]string, error) {
	return schema.Each(ctx, s.DB.Read, schema.Column[string], `select subject from known_good where kind = $1 order by subject`, kind)
}

// LastGood is when something was in order last; zero when it never was.
func (s *Store) LastGood(ctx context.Context, kind, subject string) (time.Time, error) {
	list, err := schema.Each(ctx, s.DB.Read, schema.Column[int64], `select seen_at from known_good where kind = $1 and subject = $2`, kind, subject)
	if err != nil || len(list) == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(list[0]).UTC(), nil
}

// MarkLost remembers that an alarm tells of the loss of something.
func (s *Store) MarkLost(ctx context.Context, kind, subject string) error {
	_, err := s.DB.Write.ExecContext(ctx, `update known_good set lost_at = $3 where kind = $1 and subject = $2 and lost_at is null`, kind, subject, schema.At(s.Now()))
	if err != nil {
		return fmt.Errorf("mark %s %s as lost: %w", kind, subject, err)
	}
	return nil
}

// Forget forgets what of a kind was in order: it is missed no more.
func (s *Store) Forget(ctx context.Context, kind string) error {
	if _, err := s.DB.Write.ExecContext(ctx, `delete from known_good where kind = $1`, kind); err != nil {
		return fmt.Errorf("forget what was good of %s: %w", kind, err)
	}
	return nil
}

// AcceptLoss forgets what of a kind was lost and begins with a word, and names it:
// it is missed no more until it is in order again.
func (s *Store) AcceptLoss(ctx context.Context, kind, word string) ([]string, error) {
	lost, err := schema.Each(ctx, s.DB.Write, schema.Column[string], `delete from known_good where kind = $1 and lost_at is not null and subject like $2 returning subject`, kind, word+" %")
	if err != nil {
		return nil, fmt.Errorf("accept loss of %s %s: %w", kind, word, err)
	}
	slices.Sort(lost)
	return lost, nil
}
