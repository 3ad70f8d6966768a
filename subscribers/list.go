package subscribers

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/language"

	"pressrun/deploy/schema"
)

// List is what readers subscribe to.
type List struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`  // short, in commands and files
	Title       string    `json:"title"` // for readers
	Description string    `json:"description"`
	Language    string    `json:"language"` // BCP 47
	Public      bool      `json:"public"`   // offered on the sign-up page
	Created     time.Time `json:"created_at"`
	// Counts are the subscriptions by state; filled by Lists alone.
	Counts map[State]int `json:"counts,omitempty"`
	// Reached is how many active subscriptions are not suppressed; filled by Lists alone.
	Reached int `json:"reached"`
}

// ErrName is returned for a name of a list or segment that cannot be one.
var ErrName = errors.New("use up to 32 of a–z, 0–9 and -")

// ErrLanguage is returned for a tag, of a list or reader, that names no language.
var ErrLanguage = errors.New("not a language")

// listName keeps names fit for URLs, commands and the journal.
var listName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// CreateList makes a list. An empty title becomes the name, an empty language
// "en". ErrTaken when there is one of that name.
func (s *Store) CreateList(ctx context.Context, l List) (List, error) {
	if !listName.MatchString(l.Name) {
		return l, fmt.Errorf("create list: name %q: %w", l.Name, ErrName)
	}
	if err := l.complete(); err != nil {
		return l, err
	}
	l.Created = s.Now().UTC().Truncate(time.Millisecond)
	err := s.DB.Write.QueryRowContext(ctx, `
		insert into lists (name, title, description, language, public, created_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (name) do nothing returning id`,
		l.Name, l.Title, l.Description, l.Language, l.Public, schema.At(l.Created)).Scan(&l.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return l, fmt.Errorf("create list %s: %w", l.Name, ErrTaken)
	}
	if err != nil {
		return l, fmt.Errorf("create list %s: %w", l.Name, err)
	}
	return l, nil
}

// complete fills in what an empty title and language stand for.
func (l *List) complete() error {
	l.Title, l.Language = cmp.Or(l.Title, l.Name), cmp.Or(l.Language, "en")
	if _, err := language.Parse(l.Language); err != nil {
		return fmt.Errorf("%q is %w; write for instance en or ur", l.Language, ErrLanguage)
	}
	return nil
}

// SetList changes what readers see of the list of that name, and whether it is
// offered to them. Who reads it goes on doing so. ErrNotFound when there is none.
func (s *Store) SetList(ctx context.Context, l List) (List, error) {
	if err := l.complete(); err != nil {
		return l, err
	}
	l, err := scanList(s.DB.Write.QueryRowContext(ctx, `update lists set title = $2, description = $3, language = $4, public = $5 where name = $1 returning `+listColumns,
		l.Name, l.Title, l.Description, l.Language, l.Public))
	return l, notFound(err, "list", l.Name)
}

// Offered says whether readers may join the list by themselves.
func (l List) Offered() string {
	if l.Public {
		return "offered"
	}
	return "not offered"
}

// Change says for the record what is other than it was.
func (l List) Change(was List) string {
	var said []string
	if l.Title != was.Title {
		said = append(said, l.Title)
	}
	if l.Description != was.Description {
		said = append(said, cmp.Or(l.Description, "no description"))
	}
	if l.Language != was.Language {
		said = append(said, "in "+l.Language)
	}
	if l.Public != was.Public {
		said = append(said, l.Offered()+" on the sign-up page")
	}
	return strings.Join(said, "; ")
}

const listColumns = `id, name, title, description, language, public, created_at`

func scanList(r schema.Row) (List, error) {
	var l List
	var created schema.Time
	err := r.Scan(&l.ID, &l.Name, &l.Title, &l.Description, &l.Language, &l.Public, &created)
	l.Created = created.Time
	return l, err
}

// ListByName finds a list, or fails with ErrNotFound.
func (s *Store) ListByName(ctx context.Context, name string) (List, error) {
	l, err := scanList(s.DB.Read.QueryRowContext(ctx, `select `+listColumns+` from lists where name = $1`, name))
	return l, notFound(err, "list", name)
}

// ListID is ListByName for those who need no more, in or out of a transaction.
func (s *Store) ListID(ctx context.Context, q schema.Querier, name string) (int64, error) {
	var id int64
	err := q.QueryRowContext(ctx, `select id from lists where name = $1`, name).Scan(&id)
	return id, notFound(err, "list", name)
}

func notFound(err error, what, name string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s %s: %w", what, name, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, name, err)
	}
	return nil
}

// PublicLists are the lists offered to readers, by title.
func (s *Store) PublicLists(ctx context.Context) ([]List, error) {
	return schema.Each(ctx, s.DB.Read, scanList, `select `+listColumns+` from lists where public order by title, id`)
}

// Lists are all lists by name, with counts.
func (s *Store) Lists(ctx context.Context) ([]List, error) {
	all, err := schema.Each(ctx, s.DB.Read, scanList, `select `+listColumns+` from lists order by name`)
	if err != nil {
		return nil, fmt.Errorf("lists: %w", err)
	}
	at := map[int64]*List{}
	for i := range all {
		all[i].Counts = map[State]int{}
		at[all[i].ID] = &all[i]
	}
	_, err = schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var id int64
		var state State
		var n int
		err := r.Scan(&id, &state, &n)
		if l := at[id]; l != nil {
			l.Counts[state] = n
		}
		return struct{}{}, err
	}, `select list_id, state, count(*) from subscriptions group by list_id, state`)
	if err != nil {
		return nil, fmt.Errorf("lists: %w", err)
	}
	_, err = schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var id int64
		var n int
		err := r.Scan(&id, &n)
		if l := at[id]; l != nil {
			l.Reached = -n
		}
		return struct{}{}, err
	}, `
		select s.list_id, count(*) from suppressions x
		join subscribers u on u.email_key = x.email_key join subscriptions s on s.subscriber_id = u.id
		where s.state = 'active' group by s.list_id`)
	if err != nil {
		return nil, fmt.Errorf("lists: %w", err)
	}
	for i := range all {
		all[i].Reached += all[i].Counts[Active]
	}
	return all, nil
}
