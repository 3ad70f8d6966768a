package subscribers

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"pressrun/deploy/schema"
)

// List is what readers subscribe to.
type List struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`  // short, in commands and files
	Title       string `json:"title"` // for readers
	Description string `json:"description"`
	Language    string `json:"language"` // BCP 47
	Public      bool   `json:"public"`   // offered on the sign-up page
	// Words are title and description in other languages, by base language.
	Words   map[string]ListWords `json:"words,omitempty"`
	Created time.Time            `json:"created_at"`
	// Counts are the subscriptions by state; filled by CountedLists alone.
	Counts map[State]int `json:"counts,omitempty"`
	// Reached is how many active subscriptions are not suppressed; filled by CountedLists alone.
	Reached int `json:"reached"`
}

// ListWords are what readers of one language are told of a list.
type ListWords struct {
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
}

// In are the words of the list for a reader of a language, and its own for what is
// not said in that.
func (l List) In(lang string) ListWords {
	w := l.Said(lang)
	return ListWords{cmp.Or(w.Title, l.Title), cmp.Or(w.Description, l.Description)}
}

// Said is what is said of the list in a language and no other.
func (l List) Said(lang string) ListWords {
	if base(lang) == base(l.Language) {
		return ListWords{l.Title, l.Description}
	}
	return l.Words[base(lang)]
}

// Say has the list speak a language: its own, or one more. Empty words are no more
// said in that.
func (l *List) Say(lang string, w ListWords) {
	if base(lang) == base(l.Language) {
		l.Title, l.Description = cmp.Or(w.Title, l.Name), w.Description
		return
	}
	l.Words = maps.Clone(l.Words)
	if l.Words == nil {
		l.Words = map[string]ListWords{}
	}
	l.Words[base(lang)] = w
	if w == (ListWords{}) {
		delete(l.Words, base(lang))
	}
}

// Speak makes a language the list's own. Where words were said in it, they become
// title and description, and those it had are said in their language from now on.
func (l *List) Speak(lang string) {
	own := ListWords{l.Title, l.Description}
	if _, said := l.Words[base(lang)]; said {
		w := l.In(lang)
		l.Words = maps.Clone(l.Words)
		l.Words[base(l.Language)] = own
		l.Title, l.Description = w.Title, w.Description
	}
	l.Language = lang
}

// base is a language without its region and script.
func base(lang string) string {
	b, _, _ := strings.Cut(strings.ToLower(lang), "-")
	return b
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
		insert into lists (name, title, description, language, public, created_at, words) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (name) do nothing returning id`,
		l.Name, l.Title, l.Description, l.Language, l.Public, schema.At(l.Created), l.words()).Scan(&l.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return l, fmt.Errorf("create list %s: %w", l.Name, ErrTaken)
	}
	if err != nil {
		return l, fmt.Errorf("create list %s: %w", l.Name, err)
	}
	return l, nil
}

// maxDescription bounds the description of a list, in characters; its title is
// bounded as a person's name is.
const maxDescription = 500

// complete fills in what an empty title and language stand for, and makes one
// line of each text.
func (l *List) complete() error {
	l.Title, l.Language = cmp.Or(clip(l.Title, MaxName), l.Name), cmp.Or(l.Language, "en")
	l.Description = clip(l.Description, maxDescription)
	for _, lang := range append(slices.Collect(maps.Keys(l.Words)), l.Language) {
		if _, err := language.Parse(lang); err != nil {
			return fmt.Errorf("%q is %w; write for instance en or ur", lang, ErrLanguage)
		}
	}
	l.Words = maps.Clone(l.Words)
	delete(l.Words, base(l.Language))
	for lang, w := range l.Words {
		l.Words[lang] = ListWords{Title: clip(w.Title, MaxName), Description: clip(w.Description, maxDescription)}
	}
	return nil
}

// words is Words as the table keeps them.
func (l List) words() string {
	if len(l.Words) == 0 {
		return "{}"
	}
	text, _ := json.Marshal(l.Words) // strings alone
	return string(text)
}

// SetList changes what readers see of the list of that name, and whether it is
// offered to them. Who reads it goes on doing so. ErrNotFound when there is none.
func (s *Store) SetList(ctx context.Context, l List) (List, error) {
	if err := l.complete(); err != nil {
		return l, err
	}
	l, err := scanList(s.DB.Write.QueryRowContext(ctx, `update lists set title = $2, description = $3, language = $4, public = $5, words = $6 where name = $1 returning `+listColumns,
		l.Name, l.Title, l.Description, l.Language, l.Public, l.words()))
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
	for _, lang := range slices.Sorted(maps.Keys(l.Words)) {
		if w := l.Words[lang]; w != was.Words[lang] {
			said = append(said, strings.Trim(lang+": "+w.Title+" – "+w.Description, " –"))
		}
	}
	for _, lang := range slices.Sorted(maps.Keys(was.Words)) {
		if _, ok := l.Words[lang]; !ok {
			said = append(said, "nothing in "+lang)
		}
	}
	if l.Public != was.Public {
		said = append(said, l.Offered()+" on the sign-up page")
	}
	return strings.Join(said, "; ")
}

const listColumns = `id, name, title, description, language, public, created_at, words`

func scanList(r schema.Row) (List, error) {
	var l List
	var created schema.Time
	var words []byte
	if err := r.Scan(&l.ID, &l.Name, &l.Title, &l.Description, &l.Language, &l.Public, &created, &words); err != nil {
		return l, err
	}
	l.Created = created.Time
	return l, json.Unmarshal(words, &l.Words)
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

// Lists are all lists by name.
func (s *Store) Lists(ctx context.Context) ([]List, error) {
	all, err := schema.Each(ctx, s.DB.Read, scanList, `select `+listColumns+` from lists order by name`)
	if err != nil {
		return nil, fmt.Errorf("lists: %w", err)
	}
	return all, nil
}

// CountedLists are all lists by name, with counts. Nearly all subscriptions are active:
// only the others are looked up.
func (s *Store) CountedLists(ctx context.Context) ([]List, error) {
	all, err := s.Lists(ctx)
	if err != nil {
		return nil, err
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
		switch l := at[id]; {
		case l == nil:
		case state == "":
			l.Counts[Active] += n
		case state == Active:
			l.Reached -= n
		default:
			l.Counts[state] = n
			l.Counts[Active] -= n
		}
		return struct{}{}, err
	}, countLists)
	if err != nil {
		return nil, fmt.Errorf("count lists: %w", err)
	}
	for i := range all {
		all[i].Reached += all[i].Counts[Active]
		if all[i].Counts[Active] == 0 {
			delete(all[i].Counts, Active)
		}
	}
	return all, nil
}

// countLists counts the subscriptions of each list: all of them (no state), those that
// are not active, and the active ones of suppressed readers, from whom it sets out:
// cross join has SQLite keep to that.
const countLists = `
	select list_id, '', count(*) from subscriptions group by list_id
	union all select list_id, state, count(*) from subscriptions where state <> 'active' and changed_at > -1 group by list_id, state
	union all select s.list_id, s.state, count(*) from suppressions x cross join subscribers u cross join subscriptions s
		where u.email_key = x.email_key and s.subscriber_id = u.id and s.state = 'active' group by s.list_id, s.state`
