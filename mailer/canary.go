package mailer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"pressrun/deploy/schema"
	"pressrun/mailer/intake"
)

// The canary is a letter to ourselves, through the relay and back by the way that
// bounces take. While it comes back in time, that way is open and readers are
// offered to leave by mail.
const (
	// CanaryEvery is how often one is sent.
	CanaryEvery = 15 * time.Minute
	// CanaryWithin is how soon it must be back: as soon as a request to leave that
	// comes by mail is to be dealt with.
	CanaryWithin = 5 * time.Minute
)

const canaryName = "canary"

// CanaryDue reports, to one of all who ask, that a canary is to be sent now; its
// moment at is to stand in its address. Post the letter in tx.
func (m *Mailer) CanaryDue(ctx context.Context, tx *sql.Tx) (at time.Time, due bool, err error) {
	now := m.now().UTC().Truncate(time.Millisecond)
	res, err := tx.ExecContext(ctx, `
		insert into intakes (name, sent_at) values ($1, $2)
		on conflict (name) do update set sent_at = excluded.sent_at
		where intakes.sent_at is null or intakes.sent_at <= $3 or intakes.sent_at > $2`,
		canaryName, schema.At(now), schema.At(now.Add(-CanaryEvery)))
	if err != nil {
		return now, false, fmt.Errorf("canary: %w", err)
	}
	n, err := res.RowsAffected()
	return now, n == 1, err
}

// canaryBack notes that the canary of a moment is back.
func (m *Mailer) canaryBack(ctx context.Context, sent time.Time) error {
	now := m.now()
	if took := now.Sub(sent); took > CanaryWithin || took < -CanaryWithin {
		return nil // too late to say that the way is open
	}
	_, err := m.DB.Write.ExecContext(ctx, `
		update intakes set ok_until = $2, checked_at = $3 where name = $1 and (ok_until is null or ok_until < $2)`,
		canaryName, schema.At(sent.Add(CanaryEvery+CanaryWithin)), schema.At(now))
	if err != nil {
		return fmt.Errorf("canary: %w", err)
	}
	return nil
}

// Canary is how the way back stands.
type Canary struct {
	Sent  time.Time // of the last one
	Back  time.Time // when the last one that was in time came back
	Until time.Time // how long that is good for
}

// Canary reads how the way back stands. q is the database or a transaction.
func (m *Mailer) Canary(ctx context.Context, q schema.Querier) (Canary, error) {
	var sent, back, until schema.Time
	err := q.QueryRowContext(ctx, `select sent_at, checked_at, ok_until from intakes where name = $1`, canaryName).Scan(&sent, &back, &until)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Canary{}, fmt.Errorf("canary: %w", err)
	}
	return Canary{sent.Time, back.Time, until.Time}, nil
}

// Open says whether the way back is open now.
func (c Canary) Open(now time.Time) bool { return now.Before(c.Until) }

// Stuck says that a canary should be back by now and is not.
func (c Canary) Stuck(now time.Time) bool {
	return !c.Open(now) && !c.Sent.IsZero() && now.Sub(c.Sent) > CanaryWithin
}

// PollMailbox reads what is new in a mailbox, from where the last poll ended. It
// returns how many mails that were.
func (m *Mailer) PollMailbox(ctx context.Context, box *intake.Mailbox) (int, error) {
	name := "imap " + box.URL + " " + box.Folder
	var at intake.Position
	err := m.DB.Read.QueryRowContext(ctx, `select validity, uid from intakes where name = $1`, name).Scan(&at.Validity, &at.UID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("poll mailbox: %w", err)
	}
	at, n, pollErr := box.Poll(ctx, at, m.TakeReturned)
	_, err = m.DB.Write.ExecContext(context.WithoutCancel(ctx), `
		insert into intakes (name, validity, uid, checked_at) values ($1, $2, $3, $4)
		on conflict (name) do update set validity = excluded.validity, uid = excluded.uid, checked_at = excluded.checked_at`,
		name, int64(at.Validity), int64(at.UID), m.nowMillis())
	if err != nil {
		err = fmt.Errorf("poll mailbox: %w", err)
	}
	return n, errors.Join(pollErr, err)
}
