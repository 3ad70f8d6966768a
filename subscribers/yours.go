package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/templates"
)

// Letters about a reader's own address and data.
const (
	// OwnWithin is how long their links work.
	OwnWithin = 24 * time.Hour
	// OwnLetterEvery is the least time between two of a kind to one address.
	OwnLetterEvery = time.Hour
)

// AskYours posts the letter whose link opens the page on which a reader gets,
// moves and erases what is held about him. Whoever has an old mail may ask, so it
// goes to the reader's own address, and the answer is nil whether or not a letter
// was posted: not within OwnLetterEvery of the last, not to an address suppressed
// by hand, once a month to one that bounced or complained. ErrNotFound for a
// subscriber who is not there.
func (s *Store) AskYours(ctx context.Context, id int64, lang string) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := lock(ctx, tx, id); err != nil {
			return err
		}
		v, err := s.byID(ctx, tx, id)
		if err != nil {
			return err
		}
		kind, every := templates.LetterYours, OwnLetterEvery
		x, suppressed, err := s.Suppressed(ctx, tx, v.Key)
		switch {
		case err != nil || suppressed && x.Reason == Manual:
			return err
		case suppressed && x.Reason != Left:
			kind, every = "", SuppressedLetterEvery
		}
		if may, err := s.mayWrite(ctx, tx, id, kind, every); err != nil || !may {
			return err
		}
		now := s.Now()
		token := s.Keys.sign(Claim{Kind: KindYours, Subscriber: id, At: now, Holder: s.Keys.holder(v.Key)})
		return s.postLetter(ctx, tx, templates.LetterYours, lang, templates.Letter{Action: s.link("yours", token), Expires: now.Add(OwnWithin).In(zoneOf(v.Zone))}, v)
	})
}

// Yours is the reader whom a link of kind yours is about. ErrState when it is too
// old, or the reader has another address since or is erased.
func (s *Store) Yours(ctx context.Context, c Claim) (Subscriber, error) {
	return s.yours(ctx, s.DB.Read, c)
}

func (s *Store) yours(ctx context.Context, q schema.Querier, c Claim) (Subscriber, error) {
	v, err := s.linked(ctx, q, KindYours, c)
	if err == nil && s.Keys.holder(v.Key) != c.Holder {
		err = fmt.Errorf("own page: %w", ErrState)
	}
	return v, err
}

// linked is the reader of a link of a kind that is not too old.
func (s *Store) linked(ctx context.Context, q schema.Querier, kind Kind, c Claim) (Subscriber, error) {
	if c.Kind != kind || c.Test {
		return Subscriber{}, ErrToken
	}
	if !s.Now().Before(c.At.Add(OwnWithin)) {
		return Subscriber{}, fmt.Errorf("link of %s: %w", c.At.Format(time.RFC3339), ErrState)
	}
	v, err := s.byID(ctx, q, c.Subscriber)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("link of somebody erased: %w", ErrState)
	}
	return v, err
}

// Held is what is kept about a reader, for himself.
type Held struct {
	Subscriber    Subscriber     `json:"subscriber"`
	Subscriptions []Subscription `json:"subscriptions"`
	Consents      []Consent      `json:"consents"`
	Events        []Event        `json:"events"`
}

// Held gathers what this room keeps about a reader; who of the newsroom did
// something is left out. What was sent to him is the mailer's.
func (s *Store) Held(ctx context.Context, id int64) (Held, error) {
	var out Held
	var err error
	if out.Subscriber, err = s.ByID(ctx, id); err != nil {
		return out, err
	}
	if out.Subscriptions, err = s.Subscriptions(ctx, id); err != nil {
		return out, err
	}
	if out.Consents, err = s.Consents(ctx, id); err != nil {
		return out, err
	}
	events, err := s.Timeline(ctx, id)
	if err != nil {
		return out, err
	}
	out.Events = slices.DeleteFunc(events, func(e Event) bool { return e.Kind == "consent" }) // they are there in full
	for i := range out.Events {
		e := &out.Events[i]
		if e.Kind == "suppressed" { // without the newsroom's note
			e.Detail, _, _ = strings.Cut(e.Detail, ":")
		}
		if e.Actor != "" && e.Actor != "rule" && e.Actor != "journal" {
			e.Actor = "newsroom"
		}
	}
	return out, nil
}
