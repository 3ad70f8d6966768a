package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

// Move gives a subscriber another address. ErrTaken when somebody else has it,
// ErrSuppressed when it must not be written to, or when the old one is
// suppressed by the person's own will: that would be a way round it. One that
// does not take mail (hard) may be replaced.
func (s *Store) Move(ctx context.Context, id int64, to string, actor string) error {
	a, err := address.Parse(strings.TrimSpace(to))
	if err != nil {
		return fmt.Errorf("move to %s: %w", to, err)
	}
	var moved []fact
	err = s.DB.InTx(ctx, func(tx *sql.Tx) (err error) {
		moved, err = s.move(ctx, tx, id, a, actor)
		return err
	})
	if err == nil {
		s.Journal.add(moved...)
	}
	return err
}

// move returns what the journal is told of it once that is committed.
func (s *Store) move(ctx context.Context, tx *sql.Tx, id int64, to address.Address, actor string) (moved []fact, err error) {
	fail := func(err error) ([]fact, error) { return nil, fmt.Errorf("move subscriber %d to %s: %w", id, to, err) }
	old, err := s.byID(ctx, tx, id)
	if err != nil {
		return fail(err)
	}
	if old.Key != to.Key() {
		if err := s.mayLeave(ctx, tx, old.Key); err != nil {
			return fail(err)
		}
		if _, ok, err := s.Suppressed(ctx, tx, to.Key()); err != nil || ok {
			return fail(errors.Join(err, ErrSuppressed))
		}
	}
	done, err := tx.ExecContext(ctx, `
		update subscribers set email = $2, email_key = $3, updated_at = $4
		where id = $1 and not exists (select 1 from subscribers o where o.email_key = $3 and o.id <> $1)`, id, string(to), to.Key(), schema.At(s.Now()))
	if err != nil {
		return fail(err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return fail(errors.Join(ErrTaken, err))
	}
	if old.Key != to.Key() {
		moved = []fact{{s.Now(), "moved", s.Keys.hash(old.Key), s.Keys.hash(to.Key())}}
	}
	return moved, s.note(ctx, tx, Event{Subscriber: id, Kind: "moved", Detail: movedFrom(old.Email.Mask()), Actor: actor, At: s.Now()})
}

// WentFrom tells of an address that nobody has now when its reader was erased, zero if
// none was, and who moved away from one that is masked like it: of a former address
// no more is kept.
func (s *Store) WentFrom(ctx context.Context, email string) (erased time.Time, moved []Subscriber, err error) {
	a, err := address.Parse(strings.TrimSpace(email))
	if err != nil {
		return erased, nil, fmt.Errorf("who went from %s: %w", email, err)
	}
	x, ok, err := s.Suppressed(ctx, s.DB.Read, a.Key())
	if err != nil {
		return erased, nil, err
	}
	if ok && x.Reason == Forgotten {
		erased = x.At
	}
	moved, err = schema.Each(ctx, s.DB.Read, scanSubscriber, `select `+subscriberColumns+` from subscribers u
		where u.id in (select subscriber_id from subscriber_events where kind = 'moved' and lower(detail) = $1) order by u.id`, movedFrom(strings.ToLower(a.Mask())))
	if err != nil {
		return erased, nil, fmt.Errorf("who went from %s: %w", email, err)
	}
	return erased, moved, nil
}

// movedFrom is the detail of a move's event, from an address that is masked so.
func movedFrom(masked string) string { return "from " + masked }

// mayLeave fails with ErrSuppressed when an address may not be exchanged for
// another.
func (s *Store) mayLeave(ctx context.Context, q schema.Querier, emailKey string) error {
	x, ok, err := s.Suppressed(ctx, q, emailKey)
	if err == nil && ok && x.Reason != Hard {
		err = ErrSuppressed
	}
	return err
}

// MayMove reports whether a reader can have another address by himself: not when
// he has left everything, complained or is suppressed by hand.
func (s *Store) MayMove(ctx context.Context, v Subscriber) (bool, error) {
	err := s.mayLeave(ctx, s.DB.Read, v.Key)
	if errors.Is(err, ErrSuppressed) {
		return false, nil
	}
	return err == nil, err
}

// AskMove posts a letter to the new address of a reader who holds a link of kind
// yours: only its button moves him. Whoever asks learns nothing about the
// address: the answer is nil whether it is free, another reader's (then the
// letter says so), suppressed (then there is none) or was written to within
// OwnLetterEvery. ErrState when the link is void, ErrSuppressed when the reader
// may not move, the errors of package address.
func (s *Store) AskMove(ctx context.Context, c Claim, to, lang string) error {
	a, err := address.Parse(strings.TrimSpace(to))
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := lock(ctx, tx, c.Subscriber); err != nil {
			return err
		}
		v, err := s.yours(ctx, tx, c)
		if err != nil {
			return err
		}
		if err := s.mayLeave(ctx, tx, v.Key); err != nil {
			return err
		}
		may, err := s.mayAskAt(ctx, tx, v.ID, a)
		if err != nil || !may {
			return err
		}
		// Noted before it is known what becomes of it: the reader can have his events.
		if err := s.note(ctx, tx, Event{Subscriber: v.ID, Kind: "letter", Detail: s.askedAt(a), Actor: "rule", At: s.Now()}); err != nil {
			return err
		}
		if x, ok, err := s.Suppressed(ctx, tx, a.Key()); err != nil || ok && x.Reason != Left {
			return err
		}
		other, err := s.byKey(ctx, tx, a.Key())
		if err == nil && other.ID != v.ID {
			return s.postTaken(ctx, tx, other, lang)
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		now := s.Now()
		token := s.Keys.sign(Claim{Kind: KindMove, Subscriber: v.ID, At: now, Holder: s.Keys.holder(v.Key), Address: a})
		letter := templates.Letter{Action: s.link("move", token), Expires: now.Add(OwnWithin).In(zoneOf(v.Zone)), Email: v.Email.Mask()}
		// No subscriber's number: a bounce of this letter is not one of the reader's address.
		return s.postTo(ctx, tx, templates.LetterMove, lang, letter, Recipient{About: v.ID, Address: a.ASCII()})
	})
}

// postTaken tells a reader that somebody named his address as the new one.
func (s *Store) postTaken(ctx context.Context, tx *sql.Tx, other Subscriber, lang string) error {
	if may, err := s.mayWrite(ctx, tx, other.ID, "", LetterEvery); err != nil || !may {
		return err
	}
	return s.postLetter(ctx, tx, templates.LetterTaken, lang, templates.Letter{Action: s.PreferencesURL(other.ID)}, other)
}

// askedAt is the event of a letter to a new address, which may be anybody's: it
// is known again by the start of its hash.
func (s *Store) askedAt(a address.Address) string { return "move to " + s.Keys.holder(a.Key()) }

// mayAskAt reports whether a reader may have a letter sent to a new address: the
// last there, by whomever, is long enough ago, and he had not too many today.
func (s *Store) mayAskAt(ctx context.Context, tx *sql.Tx, id int64, a address.Address) (bool, error) {
	if may, err := s.mayWrite(ctx, tx, id, "", 0); err != nil || !may {
		return false, err
	}
	n := 0
	err := tx.QueryRowContext(ctx, `select count(*) from subscriber_events where kind = 'letter' and happened_at > $1 and detail = $2`,
		schema.At(s.Now().Add(-OwnLetterEvery)), s.askedAt(a)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("letters to a new address: %w", err)
	}
	return n == 0, nil
}

// Moving is what a link of kind move does.
type Moving struct {
	Subscriber Subscriber
	To         address.Address
	Done       bool // it has been done
}

// Moving says what a link of kind move would do; it changes nothing. ErrState
// when it is too old or the reader has another address since, ErrTaken and
// ErrSuppressed as for Move.
func (s *Store) Moving(ctx context.Context, c Claim) (Moving, error) {
	return s.moving(ctx, s.DB.Read, c)
}

func (s *Store) moving(ctx context.Context, q schema.Querier, c Claim) (Moving, error) {
	out := Moving{To: c.Address}
	v, err := s.linked(ctx, q, KindMove, c)
	if err != nil {
		return out, err
	}
	out.Subscriber = v
	if out.Done = v.Email == c.Address; out.Done {
		return out, nil
	}
	if s.Keys.holder(v.Key) != c.Holder {
		return out, fmt.Errorf("move: %w", ErrState)
	}
	if err := s.mayLeave(ctx, q, v.Key); err != nil {
		return out, err
	}
	if x, ok, err := s.Suppressed(ctx, q, c.Address.Key()); err != nil || ok && x.Reason != Left {
		return out, errors.Join(err, ErrSuppressed)
	}
	other, err := s.byKey(ctx, q, c.Address.Key())
	if err == nil && other.ID != v.ID {
		return out, fmt.Errorf("move: %w", ErrTaken)
	}
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return out, err
}

// ConfirmMove moves the reader, and writes down for each list he reads that the
// new address was confirmed; wording is the version of the words agreed to. The
// old address gets a letter that says so, in the language lang. That
// somebody had left by the new address is lifted by it. A second press of the
// button changes nothing and succeeds. Errors as for Moving.
func (s *Store) ConfirmMove(ctx context.Context, c Claim, lang, wording string) (Moving, error) {
	var out Moving
	var lifted, moved []fact
	err := s.DB.InTx(ctx, func(tx *sql.Tx) error {
		lifted, moved = nil, nil
		err := lock(ctx, tx, c.Subscriber)
		if err != nil {
			return err
		}
		if out, err = s.moving(ctx, tx, c); err != nil || out.Done {
			return err
		}
		if lifted, err = s.lift(ctx, tx, c.Address.Key()); err != nil {
			return err
		}
		if moved, err = s.move(ctx, tx, c.Subscriber, c.Address, ""); err != nil {
			return err
		}
		if err := s.consentToMove(ctx, tx, c, wording); err != nil {
			return err
		}
		return s.postMoved(ctx, tx, out.Subscriber, c.Address, lang)
	})
	if err == nil {
		s.Journal.add(append(lifted, moved...)...)
	}
	return out, err
}

// postMoved tells the address that a reader had until now that he has another: it
// may not have been he who asked.
func (s *Store) postMoved(ctx context.Context, tx *sql.Tx, old Subscriber, to address.Address, lang string) error {
	if old.Key == to.Key() {
		return nil
	}
	if _, suppressed, err := s.Suppressed(ctx, tx, old.Key); err != nil || suppressed {
		return err
	}
	if err := s.note(ctx, tx, Event{Subscriber: old.ID, Kind: "letter", Detail: templates.LetterMoved, Actor: "rule", At: s.Now()}); err != nil {
		return err
	}
	// No subscriber's number: a bounce of this letter is not one of his new address.
	return s.postTo(ctx, tx, templates.LetterMoved, lang, templates.Letter{Email: to.Mask()}, Recipient{About: old.ID, Address: old.Email.ASCII()})
}

func (s *Store) consentToMove(ctx context.Context, tx *sql.Tx, c Claim, wording string) error {
	all, err := subscriptionsOf(ctx, tx, c.Subscriber)
	if err != nil {
		return err
	}
	for _, v := range all {
		if v.State != Active && v.State != Paused {
			continue
		}
		given := Consent{Subscriber: c.Subscriber, List: v.List, Basis: Express, Source: "change of address", Wording: wording,
			Evidence: "new address confirmed by the link of " + c.At.UTC().Format(time.RFC3339), Given: s.Now()}
		if !v.Until.IsZero() { // a right that ends does not last longer for it
			given.Basis, given.Until = Implied, v.Until
		}
		if err := s.addConsent(ctx, tx, given); err != nil {
			return err
		}
	}
	return nil
}
