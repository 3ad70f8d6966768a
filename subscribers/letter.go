package subscribers

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"time"

	"pressrun/deploy/schema"
	"pressrun/templates"
)

func (s *Store) link(path, token string) string { return s.PublicURL + "/" + path + "/" + token }

// UnsubscribeURL is the address of the page with the button, and of the one-click
// POST (RFC 8058).
func (s *Store) UnsubscribeURL(subscriber, list int64) string {
	return s.link("u", s.Keys.Token(KindUnsubscribe, subscriber, list))
}

// PreferencesURL is the address of the reader's own page.
func (s *Store) PreferencesURL(subscriber int64) string {
	return s.link("preferences", s.Keys.Token(KindPreferences, subscriber, 0))
}

// TestSlots are the slot values of a test mail: links that say so and change
// nothing.
func (s *Store) TestSlots(list int64, name string) map[string]string {
	return map[string]string{
		templates.SlotName:        name,
		templates.SlotUnsubscribe: s.link("u", s.Keys.TestToken(KindUnsubscribe, list)),
		templates.SlotPreferences: s.link("preferences", s.Keys.TestToken(KindPreferences, list)),
	}
}

// BrandOf is how the newsroom looks; see Store.Brand.
func (s *Store) BrandOf(ctx context.Context, lists ...string) templates.Brand {
	if s.Brand != nil {
		return s.Brand(ctx, lists...)
	}
	u, err := url.Parse(s.PublicURL)
	if err != nil || u.Hostname() == "" {
		return templates.Brand{Name: "pressrun"}
	}
	return templates.Brand{Name: u.Hostname(), URL: s.PublicURL}
}

// postConfirmation posts the letter with the button, or, to somebody who reads
// all these lists already, one that says so. Strangers cannot have an address
// flooded: see LetterEvery and LettersADay.
func (s *Store) postConfirmation(ctx context.Context, tx *sql.Tx, sub Subscriber, waiting []Subscription, in Signup, every time.Duration) error {
	if s.Post == nil {
		return nil
	}
	if ok, err := s.mayWrite(ctx, tx, sub.ID, "", every); err != nil || !ok {
		return err
	}
	kind, letter := templates.LetterConfirmation, templates.Letter{}
	var names []string // of the lists it is about
	if len(waiting) == 0 {
		kind = templates.LetterWelcome
		letter.Action, letter.Unsubscribe = s.PreferencesURL(sub.ID), s.UnsubscribeURL(sub.ID, 0)
		lists, err := s.listsOf(ctx, tx, in.Lists)
		if err != nil {
			return err
		}
		var titles []string
		for _, l := range lists {
			titles, names = append(titles, l.In(in.Language).Title), append(names, l.Name)
		}
		letter.Newsletter = templates.Words(in.Language).List(titles)
	} else {
		now := s.Now()
		letter.Action = s.link("confirm", s.Keys.TokenAt(KindConfirm, sub.ID, 0, now))
		letter.Expires = now.Add(ConfirmWithin).In(zoneOf(in.Zone))
		letter.Newsletter = templates.Words(in.Language).List(titlesOf(waiting, in.Language))
		for _, v := range waiting {
			names = append(names, v.ListName)
		}
	}
	return s.postLetter(ctx, tx, kind, in.Language, letter, sub, names...)
}

// postLetter posts a letter to a subscriber about lists, all of his where none is
// named, and notes it.
func (s *Store) postLetter(ctx context.Context, tx *sql.Tx, kind, lang string, letter templates.Letter, to Subscriber, lists ...string) error {
	if err := s.note(ctx, tx, Event{Subscriber: to.ID, Kind: "letter", Detail: kind, Actor: "rule", At: s.Now()}); err != nil {
		return err
	}
	return s.postTo(ctx, tx, kind, lang, letter, Recipient{ID: to.ID, Address: to.Email.ASCII(), Lists: lists})
}

func (s *Store) postTo(ctx context.Context, tx *sql.Tx, kind, lang string, letter templates.Letter, to Recipient) error {
	if s.Post == nil {
		return nil
	}
	if to.Lists == nil {
		all, err := subscriptionsOf(ctx, tx, cmp.Or(to.ID, to.About))
		if err != nil {
			return err
		}
		for _, v := range all {
			if v.State == Active || v.State == Paused || v.State == Pending {
				to.Lists = append(to.Lists, v.ListName)
			}
		}
	}
	letter.Brand = s.BrandOf(ctx, to.Lists...)
	e, err := templates.RenderLetter(kind, lang, letter)
	if err != nil {
		return err
	}
	return s.Post(ctx, tx, kind, e, to)
}

func zoneOf(name string) *time.Location {
	if loc, err := time.LoadLocation(name); err == nil && len(name) < 64 {
		return loc
	}
	return time.UTC
}

// mayWrite reports whether the last letter of a kind, "" = any, to a subscriber is
// long enough ago, and there were not too many of all kinds today.
func (s *Store) mayWrite(ctx context.Context, q schema.Querier, subscriber int64, kind string, every time.Duration) (bool, error) {
	now := s.Now()
	var recent, today int
	err := q.QueryRowContext(ctx, `
		select coalesce(sum(case when happened_at > $2 and ($4 = '' or detail = $4) then 1 else 0 end), 0), coalesce(sum(case when happened_at > $3 then 1 else 0 end), 0)
		from subscriber_events where subscriber_id = $1 and kind = 'letter'`,
		subscriber, schema.At(now.Add(-every)), schema.At(now.Add(-24*time.Hour)), kind).Scan(&recent, &today)
	if err != nil {
		return false, fmt.Errorf("letters to %d: %w", subscriber, err)
	}
	return recent == 0 && today < LettersADay, nil
}

func titlesOf(all []Subscription, lang string) []string {
	var titles []string
	for _, v := range all {
		titles = append(titles, v.Title(lang))
	}
	return titles
}

func (s *Store) listsOf(ctx context.Context, q schema.Querier, ids []int64) ([]List, error) {
	marks, args := placeholders(ids, 0)
	return schema.Each(ctx, q, scanList, `select `+listColumns+` from lists where id in (`+marks+`) order by name`, args...)
}
