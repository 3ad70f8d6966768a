package digest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/article"
)

// Order is what the newsroom decides about an article, called by its address.
// Where that is not collected yet, the order waits until it is. What an order
// does not name stays as it is.
type Order struct {
	ID        int64           `json:"id"`
	URL       string          `json:"url"`
	NotBefore *time.Time      `json:"not_before,omitempty"` // embargo; the zero time lifts it
	Flags     map[string]bool `json:"flags,omitempty"`      // to set (true) or to take off
	Blocked   *bool           `json:"blocked,omitempty"`    // kept out of every issue, or let in again
	By        string          `json:"by"`
	At        time.Time       `json:"at"`
	Story     int64           `json:"story,omitempty"` // that tells the article; 0 = it is not collected yet
}

// ErrOrder is what an order is refused with that says nothing, or nothing that can be done.
var ErrOrder = errors.New("give the address of an article and at least one of: an embargo, flags, blocked")

// Words tells what an order asks for: "under embargo until 25 November 2026, 18:00
// UTC, flagged legal".
func (o Order) Words() string {
	var out []string
	if o.Blocked != nil {
		out = append(out, map[bool]string{true: "kept out of every issue", false: "let into issues"}[*o.Blocked])
	}
	if o.NotBefore != nil {
		if o.NotBefore.IsZero() {
			out = append(out, "under no embargo")
		} else {
			out = append(out, Embargoed(*o.NotBefore))
		}
	}
	for _, f := range slices.Sorted(maps.Keys(o.Flags)) {
		out = append(out, map[bool]string{true: "flagged " + f, false: "not flagged " + f}[o.Flags[f]])
	}
	return strings.Join(out, ", ")
}

// AddOrder writes an order down and returns it as it waits.
func (s *Store) AddOrder(ctx context.Context, o Order) (Order, error) {
	key, site, err := namesOf(o.URL)
	if err != nil {
		return o, err
	}
	for f := range o.Flags {
		if !slices.Contains(Flags, f) {
			return o, fmt.Errorf("%q is not a flag; use %s: %w", f, strings.Join(Flags, ", "), ErrOrder)
		}
	}
	if o.NotBefore == nil && len(o.Flags) == 0 && o.Blocked == nil {
		return o, ErrOrder
	}
	o.At = s.Now().UTC()
	wants, err := json.Marshal(Order{NotBefore: o.NotBefore, Flags: o.Flags, Blocked: o.Blocked})
	if err != nil {
		return o, err
	}
	matters := o.At
	if o.NotBefore != nil {
		matters = later(matters, *o.NotBefore)
	}
	err = s.DB.Write.QueryRowContext(ctx, `insert into story_orders (article_key, site_name, url, wants, said_by, said_at, matters_at) values ($1, $2, $3, $4, $5, $6, $7) returning id`,
		key, site, o.URL, string(wants), o.By, schema.At(o.At), schema.At(matters)).Scan(&o.ID)
	if err != nil {
		return o, fmt.Errorf("order about %s: %w", o.URL, err)
	}
	return o, nil
}

// namesOf are what an article may be known by: the key of its address, and the
// number in that, "" without one.
func namesOf(address string) (key, site string, err error) {
	k, err := article.KeyOf(address)
	if err != nil {
		return "", "", fmt.Errorf("%q: %w: %w", address, err, ErrOrder)
	}
	if names := article.Aliases("", address); len(names) > 0 {
		site = names[0]
	}
	return string(k), site, nil
}

// storyAt is the number of the story that tells the article of a key ($1 or a
// column) or of a number of its site, or 0.
func storyAt(key, site string) string {
	return `coalesce((select story_id from story_members where article_key = ` + key + `),
		(select min(m.story_id) from article_aliases a join story_members m on m.article_key = a.article_key
			where a.alias in ('key:' || ` + key + `, 'url:' || ` + key + `, ` + site + `)), 0)`
}

// ByAddress is the number of the story that tells the article of an address, or
// 0, and what waits to be done about it.
func (s *Store) ByAddress(ctx context.Context, address string) (id int64, waiting []Order, err error) {
	key, site, err := namesOf(address)
	if err != nil {
		return 0, nil, err
	}
	if err := s.DB.Read.QueryRowContext(ctx, `select `+storyAt("cast($1 as text)", "cast($2 as text)"), key, site).Scan(&id); err != nil {
		return 0, nil, fmt.Errorf("story of %s: %w", address, err)
	}
	waiting, err = s.orders(ctx, ` where o.article_key = $1`, key)
	return id, waiting, err
}

// Orders lists all that are not carried out, in the order in which they were
// given. Story is set where the article is collected: by the address of the
// order, or by a further one or a number that its site has for it.
func (s *Store) Orders(ctx context.Context) ([]Order, error) { return s.orders(ctx, "") }

func (s *Store) orders(ctx context.Context, where string, args ...any) ([]Order, error) {
	return schema.Each(ctx, s.DB.Read, func(r schema.Row) (Order, error) {
		var o Order
		var at schema.Time
		var wants string
		err := r.Scan(&o.ID, &o.URL, &wants, &o.By, &at, &o.Story)
		if err == nil {
			id, url, by, story := o.ID, o.URL, o.By, o.Story
			err = json.Unmarshal([]byte(wants), &o)
			o.ID, o.URL, o.By, o.Story, o.At = id, url, by, story, at.Time
		}
		return o, err
	}, `select o.id, o.url, o.wants, o.said_by, o.said_at, `+storyAt("o.article_key", "o.site_name")+` from story_orders o`+where+` order by o.id`, args...)
}

// Obey carries out an order whose article is collected. It may be done twice.
func (s *Store) Obey(ctx context.Context, o Order) error {
	if o.NotBefore != nil {
		if err := s.HoldStory(ctx, o.Story, *o.NotBefore); err != nil {
			return err
		}
	}
	for f, on := range o.Flags {
		if err := s.FlagStory(ctx, o.Story, f, on); err != nil {
			return err
		}
	}
	switch {
	case o.Blocked == nil:
	case *o.Blocked:
		return s.BlockStory(ctx, o.Story)
	default:
		_, err := s.DB.Write.ExecContext(ctx, `update stories set state = 'live' where id = $1 and state = 'blocked'`, o.Story)
		return err
	}
	return nil
}

// DropOrder forgets an order, as it was carried out or taken back.
func (s *Store) DropOrder(ctx context.Context, id int64) error {
	res, err := s.DB.Write.ExecContext(ctx, `delete from story_orders where id = $1`, id)
	if err != nil {
		return fmt.Errorf("order %d: %w", id, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fmt.Errorf("order %d: %w", id, ErrNotFound)
	}
	return nil
}
