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
	Beneath  Reason    `json:"beneath,omitempty"` // what else it is suppressed for, while Manual; it stays when that is taken back
	Note     string    `json:"note"`
	Delivery int64     `json:"delivery,omitempty"` // the delivery that showed it; 0 = none
	At       time.Time `json:"created_at"`
}

// Hashed reports whether only the hash of the address is known: it was erased,
// or comes from the journal.
func (x Suppression) Hashed() bool { return factHash.MatchString(x.Key) }

const suppressionColumns = `email_key, reason, beneath, note, delivery_id, created_at`

func scanSuppression(r schema.Row) (Suppression, error) {
	var x Suppression
	var at schema.Time
	var delivery sql.NullInt64
	err := r.Scan(&x.Key, &x.Reason, &x.Beneath, &x.Note, &delivery, &at)
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
	if reason == Manual {
		// On another host, whose clock is ahead, it may have been taken back a moment ago.
		lifted, err := liftedAt(ctx, tx, s.Keys.hash(emailKey))
		if err != nil {
			return err
		}
		x.At = later(x.At, lifted.Add(time.Millisecond))
	}
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
const strength = ` when 'forgotten' then 5 when 'manual' then 4 when 'complaint' then 3 when 'hard' then 2 when 'left' then 1 else 0 end `

func insertSuppression(ctx context.Context, q schema.Querier, x Suppression) error {
	var delivery any
	if x.Delivery != 0 {
		delivery = x.Delivery
	}
	_, err := q.ExecContext(ctx, `
		insert into suppressions (email_key, reason, note, delivery_id, created_at) values ($1, $2, $3, $4, $5)
		on conflict (email_key) do update
		set reason = excluded.reason, note = excluded.note, delivery_id = excluded.delivery_id, created_at = excluded.created_at,
		    beneath = case when excluded.reason <> 'manual' then '' when suppressions.reason = 'manual' then suppressions.beneath else suppressions.reason end
		where case excluded.reason`+strength+`> case suppressions.reason`+strength+`
		   or excluded.reason = 'manual' and suppressions.reason = 'manual' and excluded.created_at > suppressions.created_at`,
		x.Key, string(x.Reason), x.Note, delivery, schema.At(x.At))
	if err == nil {
		_, err = q.ExecContext(ctx, `
			update suppressions set beneath = $2
			where email_key = $1 and reason = 'manual' and $2 <> 'manual' and case $2`+strength+`> case beneath`+strength, x.Key, string(x.Reason))
	}
	if err != nil {
		return fmt.Errorf("suppress: %w", err)
	}
	return nil
}

// Suppressed finds the suppression of an address, by its key or hash. ok is
// false when there is none.
func (s *Store) Suppressed(ctx context.Context, q schema.Querier, emailKey string) (x Suppression, ok bool, err error) {
	found, err := schema.Each(ctx, q, scanSuppression, `select `+suppressionColumns+` from suppressions where email_key in ($1, $2) order by case reason`+strength+`desc`, emailKey, s.Keys.hash(emailKey))
	if err != nil {
		return x, false, fmt.Errorf("suppression: %w", err)
	}
	if len(found) == 0 {
		return x, false, nil
	}
	return found[0], true, nil
}

// lift takes a suppression back after the person's own confirmation, and returns
// what the journal is told of it once that is committed. Manual and forgotten ones
// stay, and ErrSuppressed is returned.
func (s *Store) lift(ctx context.Context, tx *sql.Tx, emailKey string) ([]fact, error) {
	x, ok, err := s.Suppressed(ctx, tx, emailKey)
	if err != nil || !ok {
		return nil, err
	}
	if x.Reason == Manual || x.Reason == Forgotten {
		return nil, fmt.Errorf("%s: %w", reasonWords[x.Reason], ErrSuppressed)
	}
	hash := s.Keys.hash(emailKey)
	if _, err := tx.ExecContext(ctx, `delete from suppressions where email_key in ($1, $2)`, emailKey, hash); err != nil {
		return nil, fmt.Errorf("lift suppression: %w", err)
	}
	return []fact{{later(s.Now(), x.At), "lifted", hash, ""}}, nil
}

// Unsuppress takes back a suppression made by hand, for this host and all others.
// What a reader or a mailbox has decided is not an operator's to lift:
// ErrSuppressed, or when it stands beneath one made by hand, that is what still
// holds afterwards; "" when the address may be written to.
func (s *Store) Unsuppress(ctx context.Context, email string) (still Reason, err error) {
	a, err := address.Parse(email)
	if err != nil {
		return "", fmt.Errorf("unsuppress %s: %w", email, err)
	}
	hash := s.Keys.hash(a.Key())
	var at time.Time
	err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
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
		at = later(s.Now(), x.At) // the clock of the host that suppressed it may be ahead
		if err := noteLifted(ctx, tx, hash, at); err != nil {
			return err
		}
		if err := dropManual(ctx, tx, x); err != nil {
			return err
		}
		x, _, err = s.Suppressed(ctx, tx, a.Key()) // by its hash it may stand a second time
		if err == nil && x.Reason == Manual {
			if err = dropManual(ctx, tx, x); err == nil {
				x, _, err = s.Suppressed(ctx, tx, a.Key())
			}
		}
		still = x.Reason
		return err
	})
	if err != nil {
		return "", err
	}
	s.Journal.add(fact{at, "lifted", hash, string(Manual)})
	return still, nil
}

// dropManual takes a suppression by hand away; what stands beneath it comes to light.
func dropManual(ctx context.Context, tx *sql.Tx, x Suppression) error {
	_, err := tx.ExecContext(ctx, `delete from suppressions where email_key = $1 and reason = 'manual'`, x.Key)
	if err == nil && x.Beneath != "" {
		x.Reason, x.Note = x.Beneath, "was suppressed by hand as well"
		err = insertSuppression(ctx, tx, x)
	}
	if err != nil {
		return fmt.Errorf("lift suppression: %w", err)
	}
	return nil
}

// noteLifted keeps for the journals of all hosts that a suppression by hand was
// taken back.
func noteLifted(ctx context.Context, tx *sql.Tx, hash string, at time.Time) error {
	_, err := tx.ExecContext(ctx, `
		insert into suppressions_lifted (email_hash, lifted_at) values ($1, $2)
		on conflict (email_hash) do update set lifted_at = excluded.lifted_at`, hash, schema.At(at))
	if err != nil {
		return fmt.Errorf("lift suppression: %w", err)
	}
	return nil
}

// liftedAt is when a suppression by hand was last taken back; zero means never.
func liftedAt(ctx context.Context, q schema.Querier, hash string) (time.Time, error) {
	found, err := schema.Each(ctx, q, schema.Column[schema.Time], `select lifted_at from suppressions_lifted where email_hash = $1`, hash)
	if err != nil || len(found) == 0 {
		return time.Time{}, err
	}
	return found[0].Time, nil
}

// hashOf is what the journal calls the address of a suppression.
func (s *Store) hashOf(x Suppression) string {
	if x.Hashed() {
		return x.Key // a hash stands for itself
	}
	return s.Keys.hash(x.Key)
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
	found, err := schema.Each(ctx, s.DB.Read, scanSuppression, `select `+suppressionColumns+where+` order by `+order+` limit $3 offset $4`, fold(f.Search), string(f.Reason), f.Limit, f.Offset)
	if err != nil {
		return nil, 0, fmt.Errorf("suppressions: %w", err)
	}
	return found, total, nil
}
