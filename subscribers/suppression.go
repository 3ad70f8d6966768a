package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"pressrun/deploy/schema"
	"pressrun/subscribers/address"
)

// Reason says why an address is suppressed.
type Reason string

// The reasons, the weakest first. A stronger one replaces a weaker one, never
// the other way round.
const (
	Left      Reason = "left"      // left everything; lifted by the person's own confirmation
	Hard      Reason = "hard"      // the address does not exist; one confirmation a month on the person's own request
	Complaint Reason = "complaint" // called our mail spam; as hard
	Manual    Reason = "manual"    // an operator or the law; never lifted by a reader
	Forgotten Reason = "forgotten" // erased on request; only the hash is kept; never lifted
)

// Reasons lists all reasons, the weakest first.
var Reasons = []Reason{Left, Hard, Complaint, Manual, Forgotten}

func (r Reason) valid() bool {
	return slices.Contains(Reasons, r)
}

// outweighs reports whether the reason replaces other; "" is none.
func (r Reason) outweighs(other Reason) bool {
	return slices.Index(Reasons, r) > slices.Index(Reasons, other)
}

// reasonWords are the reasons for people.
var reasonWords = map[Reason]string{
	Left: "the reader has left everything", Hard: "the address does not take mail", Complaint: "the reader reported our mail as spam",
	Manual: "suppressed by hand", Forgotten: "erased on request",
}

// Words say the reason to people.
func (r Reason) Words() string { return reasonWords[r] }

// Suppression is an address that is never written to, whatever a list, import
// or API says.
type Suppression struct {
	Key      string    `json:"address"` // canonical address, or its hash; see Hashed
	Reason   Reason    `json:"reason"`
	Note     string    `json:"note"`
	Delivery int64     `json:"delivery,omitempty"` // the delivery that showed it; 0 = none
	At       time.Time `json:"created_at"`
}

// Hashed reports whether only the hash of the address is known: it was erased,
// or comes from the journal.
func (x Suppression) Hashed() bool { return factHash.MatchString(x.Key) }

func scanSuppression(r schema.Row) (Suppression, error) {
	var x Suppression
	var at schema.Time
	var delivery sql.NullInt64
	err := r.Scan(&x.Key, &x.Reason, &x.Note, &delivery, &at)
	x.At, x.Delivery = at.Time, delivery.Int64
	return x, err
}

// Suppress sees to it that the address with that key is never written to
// again. Within tx, so that it is true exactly when what showed it is; delivery
// may be 0.
func (s *Store) Suppress(ctx context.Context, tx *sql.Tx, emailKey string, reason Reason, note string, delivery int64) error {
	if !reason.valid() {
		return fmt.Errorf("suppress: unknown reason %q", reason)
	}
	x := Suppression{Key: emailKey, Reason: reason, Note: clip(note, 500), Delivery: delivery, At: s.Now()}
	if err := insertSuppression(ctx, tx, x); err != nil {
		return err
	}
	s.Journal.add(fact{x.At, "suppressed", s.Keys.hash(emailKey), string(reason)})
	return nil
}

// SuppressSubscriber suppresses the present address of a subscriber. One who
// is no longer there needs no suppression.
func (s *Store) SuppressSubscriber(ctx context.Context, tx *sql.Tx, subscriber int64, reason, note string, delivery int64) error {
	var key string
	err := tx.QueryRowContext(ctx, `select email_key from subscribers where id = $1`, subscriber).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("suppress subscriber %d: %w", subscriber, err)
	}
	return s.Suppress(ctx, tx, key, Reason(reason), note, delivery)
}

// SuppressAddress suppresses an address by hand, known or not.
func (s *Store) SuppressAddress(ctx context.Context, email string, reason Reason, note string) error {
	a, err := address.Parse(email)
	if err != nil {
		return fmt.Errorf("suppress %s: %w", email, err)
	}
	return s.DB.InTx(ctx, func(tx *sql.Tx) error { return s.Suppress(ctx, tx, a.Key(), reason, note, 0) })
}

// strength orders reasons in SQL as Reasons does.
const strength = ` when 'forgotten' then 5 when 'manual' then 4 when 'complaint' then 3 when 'hard' then 2 else 1 end `

func insertSuppression(ctx context.Context, q schema.Querier, x Suppression) error {
	var delivery any
	if x.Delivery != 0 {
		delivery = x.Delivery
	}
	_, err := q.ExecContext(ctx, `
		insert into suppressions (email_key, reason, note, delivery_id, created_at) values ($1, $2, $3, $4, $5)
		on conflict (email_key) do update
		set reason = excluded.reason, note = excluded.note, delivery_id = excluded.delivery_id
		where case excluded.reason`+strength+`> case suppressions.reason`+strength,
		x.Key, string(x.Reason), x.Note, delivery, schema.At(x.At))
	if err != nil {
		return fmt.Errorf("suppress: %w", err)
	}
	return nil
}

// Suppressed finds the suppression of an address, by its key or hash. ok is
// false when there is none.
func (s *Store) Suppressed(ctx context.Context, q schema.Querier, emailKey string) (x Suppression, ok bool, err error) {
	found, err := schema.Each(ctx, q, scanSuppression, `select email_key, reason, note, delivery_id, created_at from suppressions where email_key in ($1, $2) order by case reason`+strength+`desc`, emailKey, s.Keys.hash(emailKey))
	if err != nil {
		return x, false, fmt.Errorf("suppression: %w", err)
	}
	if len(found) == 0 {
		return x, false, nil
	}
	return found[0], true, nil
}

// lift takes a suppression back after the person's own confirmation. Manual
// and forgotten ones stay, and ErrSuppressed is returned.
func (s *Store) lift(ctx context.Context, tx *sql.Tx, emailKey string) error {
	x, ok, err := s.Suppressed(ctx, tx, emailKey)
	if err != nil || !ok {
		return err
	}
	if x.Reason == Manual || x.Reason == Forgotten {
		return fmt.Errorf("%s: %w", reasonWords[x.Reason], ErrSuppressed)
	}
	return s.unsuppress(ctx, tx, emailKey)
}

func (s *Store) unsuppress(ctx context.Context, tx *sql.Tx, emailKey string) error {
	hash := s.Keys.hash(emailKey)
	if _, err := tx.ExecContext(ctx, `delete from suppressions where email_key in ($1, $2)`, emailKey, hash); err != nil {
		return fmt.Errorf("lift suppression: %w", err)
	}
	s.Journal.add(fact{s.Now(), "lifted", hash, ""})
	return nil
}

// Unsuppress takes back a suppression made by hand. What a reader or a mailbox
// has decided is not an operator's to lift: ErrSuppressed.
func (s *Store) Unsuppress(ctx context.Context, email string) error {
	a, err := address.Parse(email)
	if err != nil {
		return fmt.Errorf("unsuppress %s: %w", email, err)
	}
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		x, ok, err := s.Suppressed(ctx, tx, a.Key())
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("unsuppress %s: %w", email, ErrNotFound)
		}
		if x.Reason != Manual {
			return fmt.Errorf("unsuppress %s: %s: %w", email, reasonWords[x.Reason], ErrSuppressed)
		}
		return s.unsuppress(ctx, tx, a.Key())
	})
}

// SuppressionFilter chooses and orders suppressions; zero fields do not.
type SuppressionFilter struct {
	Search        string // part of the address
	Reason        Reason
	Sort          string // newest (default), oldest, address, reason; the latter two with a hyphen before them down
	Offset, Limit int
}

var suppressionOrders = map[string]string{
	"": "created_at desc, email_key", "newest": "created_at desc, email_key", "oldest": "created_at, email_key",
	"address": "email_key", "-address": "email_key desc",
	"reason": "reason, created_at desc, email_key", "-reason": "reason desc, created_at desc, email_key",
}

// Suppressions lists suppressions, and how many there are in all.
func (s *Store) Suppressions(ctx context.Context, f SuppressionFilter) ([]Suppression, int, error) {
	where := ` from suppressions where ($1 = '' or replace(email_key, $1, '') <> email_key) and ($2 = '' or reason = $2)`
	var total int
	if err := s.DB.Read.QueryRowContext(ctx, `select count(*)`+where, fold(f.Search), string(f.Reason)).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("suppressions: %w", err)
	}
	order, ok := suppressionOrders[f.Sort]
	if !ok {
		order = suppressionOrders[""]
	}
	found, err := schema.Each(ctx, s.DB.Read, scanSuppression, `select email_key, reason, note, delivery_id, created_at`+where+` order by `+order+` limit $3 offset $4`, fold(f.Search), string(f.Reason), f.Limit, f.Offset)
	if err != nil {
		return nil, 0, fmt.Errorf("suppressions: %w", err)
	}
	return found, total, nil
}
