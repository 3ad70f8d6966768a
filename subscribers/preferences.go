package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Preferences is what a reader chooses on his own page.
type Preferences struct {
	Name     string
	Language string // "" = as it is
	TextOnly bool
	Offered  []int64 // lists the page showed; others stay as they are
	Lists    []int64 // those of Offered that he wants
	// Pause is 0 for no pause, else its length from now; negative = as it is: where all
	// is paused, what he joins is so as well, until the last of these pauses ends.
	Pause   time.Duration
	Source  string // for the consent to lists he joins
	Wording string
}

// SavePreferences stores them in one transaction. Who opens his own page has
// the mailbox, so a list ticked there is confirmed at once, and a suppression
// as left is lifted by it. One as hard or complaint is not: there the list has
// to be asked for, and confirmed by letter; see Subscribe.
func (s *Store) SavePreferences(ctx context.Context, id int64, p Preferences) error {
	var joined []int64
	var lifted []fact
	err := s.DB.InTx(ctx, func(tx *sql.Tx) error {
		joined, lifted = nil, nil
		if err := lock(ctx, tx, id); err != nil {
			return err
		}
		v, err := s.byID(ctx, tx, id)
		if err != nil {
			return err
		}
		next := v
		next.Name, next.TextOnly = p.Name, p.TextOnly
		if p.Language != "" {
			next.Language = p.Language
		}
		if err := s.update(ctx, tx, v, next); err != nil {
			return err
		}
		have, err := subscriptionsOf(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, list := range p.Offered {
			joins, lifts, err := s.choose(ctx, tx, v, have, list, slices.Contains(p.Lists, list), p)
			if err != nil {
				return err
			}
			lifted = append(lifted, lifts...)
			if joins {
				joined = append(joined, list)
			}
		}
		if until := s.allPaused(have); p.Pause < 0 && !until.IsZero() {
			for _, list := range joined {
				if err := s.pause(ctx, tx, id, list, until, ""); err != nil {
					return err
				}
			}
		}
		return s.pauseAll(ctx, tx, id, p.Pause)
	})
	if err == nil {
		s.Journal.add(lifted...)
		s.tell(ctx, id, joined)
	}
	return err
}

// allPaused is when the last pause of a reader who has paused all he gets ends; zero
// when something comes to him.
func (s *Store) allPaused(have []Subscription) (until time.Time) {
	for _, v := range have {
		switch {
		case v.State == Active, v.State == Paused && !v.Resume.After(s.Now()):
			return time.Time{}
		case v.State == Paused && v.Resume.After(until):
			until = v.Resume
		}
	}
	return until
}

// choose brings one list to what the reader wants, and says whether he joins it
// and what it lifts.
func (s *Store) choose(ctx context.Context, tx *sql.Tx, v Subscriber, have []Subscription, list int64, wanted bool, p Preferences) (joins bool, lifted []fact, err error) {
	i := slices.IndexFunc(have, func(s Subscription) bool { return s.List == list })
	state := State("")
	if i >= 0 {
		state = have[i].State
	}
	on := state == Active || state == Paused
	switch {
	case on == wanted && (!wanted || state != ""):
		return false, nil, nil
	case !wanted:
		return false, nil, s.UnsubscribeIn(ctx, tx, v.ID, list, "preferences page")
	}
	supp, suppressed, err := s.Suppressed(ctx, tx, v.Key)
	if err != nil {
		return false, nil, err
	}
	in := Signup{Email: string(v.Email), Language: v.Language, Zone: v.Zone, Lists: []int64{list}, Source: p.Source, Wording: p.Wording}
	waiting, err := s.ask(ctx, tx, v, in)
	if err != nil || len(waiting) == 0 {
		return false, nil, err
	}
	if suppressed && supp.Reason != Left {
		if supp.Reason == Manual || supp.Reason == Forgotten {
			return false, nil, nil
		}
		return false, nil, s.postConfirmation(ctx, tx, v, waiting, in, SuppressedLetterEvery)
	}
	if lifted, err = s.lift(ctx, tx, v.Key); err != nil {
		return false, nil, err
	}
	return true, lifted, s.activate(ctx, tx, v.ID, list, "own preferences page")
}

// activate confirms one pending subscription and writes down the consent.
func (s *Store) activate(ctx context.Context, tx *sql.Tx, id, list int64, evidence string) error {
	v, err := s.subscription(ctx, tx, id, list)
	if err != nil {
		return err
	}
	if v.State == Pending {
		if err := s.change(ctx, tx, v, Active, change{kind: "confirmed", reason: evidence}); err != nil {
			return err
		}
	}
	return s.addConsent(ctx, tx, Consent{Subscriber: id, List: list, Basis: Express, Source: v.Source, Wording: v.Wording, Evidence: evidence, Given: s.Now()})
}

func (s *Store) pauseAll(ctx context.Context, tx *sql.Tx, id int64, d time.Duration) error {
	if d < 0 {
		return nil
	}
	all, err := subscriptionsOf(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, v := range all {
		switch {
		case d > 0 && (v.State == Active || v.State == Paused):
			err = s.pause(ctx, tx, id, v.List, s.Now().Add(d), "")
		case d == 0 && v.State == Paused:
			err = s.resume(ctx, tx, id, v.List, "")
		}
		if err != nil && !errors.Is(err, ErrState) {
			return fmt.Errorf("pause: %w", err)
		}
	}
	return nil
}
