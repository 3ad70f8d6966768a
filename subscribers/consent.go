package subscribers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// Basis is the right by which we write to somebody.
type Basis string

// The bases.
const (
	Express  Basis = "express"  // asked for and confirmed
	Implied  Basis = "implied"  // by a relation (a customer, a member), until a date
	Imported Basis = "imported" // given elsewhere; Evidence says where that is kept
)

// Consent is the proof of a right to write. Consents are only ever added.
type Consent struct {
	ID         int64     `json:"id"`
	Subscriber int64     `json:"subscriber_id"`
	List       int64     `json:"list_id"` // 0 = not for one list
	Basis      Basis     `json:"basis"`
	Source     string    `json:"source"`  // form, import of readers.csv, …
	Wording    string    `json:"wording"` // version of the words agreed to
	Evidence   string    `json:"evidence"`
	Until      time.Time `json:"until_at,omitzero"` // implied consent ends
	Given      time.Time `json:"given_at"`
}

// Check says what is missing: a source always, an end for implied consent. It is
// ErrConsent.
func (c Consent) Check() error {
	switch {
	case !slices.Contains([]Basis{Express, Implied, Imported}, c.Basis):
		return fmt.Errorf("%w: its basis %q is not express, implied or imported", ErrConsent, c.Basis)
	case strings.TrimSpace(c.Source) == "":
		return fmt.Errorf("%w: say where it comes from", ErrConsent)
	case c.Basis == Implied && c.Until.IsZero():
		return fmt.Errorf("%w: implied, it needs a date on which it ends", ErrConsent)
	case c.Basis != Implied && !c.Until.IsZero():
		return fmt.Errorf("%w: only one that is implied ends on a date", ErrConsent)
	}
	return nil
}

func (s *Store) addConsent(ctx context.Context, q schema.Querier, c Consent) error {
	if err := c.Check(); err != nil {
		return err
	}
	var list any
	if c.List != 0 {
		list = c.List
	}
	_, err := q.ExecContext(ctx, `
		insert into consents (subscriber_id, list_id, basis, source, wording, evidence, until_at, given_at) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		c.Subscriber, list, string(c.Basis), c.Source, c.Wording, c.Evidence, schema.At(c.Until), schema.At(c.Given))
	if err != nil {
		return fmt.Errorf("write down consent: %w", err)
	}
	return nil
}

// Consents are those of one subscriber, the oldest first.
func (s *Store) Consents(ctx context.Context, subscriber int64) ([]Consent, error) {
	found, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (Consent, error) {
		var c Consent
		var until, given schema.Time
		err := r.Scan(&c.ID, &c.Subscriber, &c.List, &c.Basis, &c.Source, &c.Wording, &c.Evidence, &until, &given)
		c.Until, c.Given = until.Time, given.Time
		return c, err
	}, `
		select id, subscriber_id, coalesce(list_id, 0), basis, source, wording, evidence, until_at, given_at
		from consents where subscriber_id = $1 order by given_at, id`, subscriber)
	if err != nil {
		return nil, fmt.Errorf("consents of %d: %w", subscriber, err)
	}
	return found, nil
}
