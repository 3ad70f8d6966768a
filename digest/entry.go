package digest

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/article"
	"pressrun/digest/feed"
)

// Entry is one item of a source as it came.
type Entry struct {
	ID        int64
	SourceID  int64
	GUID      string
	Key       string // article key
	URL       string
	Title     string
	Author    string
	Section   string
	Language  string
	Summary   string // plain text
	Content   string // sanitised HTML
	Image     string
	ImageAlt  string
	State     string // new | read | failed | baseline
	Reason    string
	Attempts  int
	Published time.Time
	Seen      time.Time
}

// MaxReads is how often the page of an entry is tried before it is given up.
const MaxReads = 4

// AddEntries stores the items of a source that are not stored yet and returns
// how many there were, and how many of them are old news: published before
// fresh, they are remembered but never told.
func (s *Store) AddEntries(ctx context.Context, src Source, items []feed.Item, fresh time.Time) (added, old int, err error) {
	now := s.Now()
	err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
		for _, it := range items {
			key, err := article.KeyOf(it.URL)
			if err != nil {
				continue // an item without a usable link cannot become a story
			}
			published := it.Published
			if published.IsZero() || published.After(now) {
				published = now
			}
			state := "new"
			if published.Before(fresh) {
				state = "baseline"
			}
			guid := it.ID
			if guid == "" {
				guid = it.URL
			}
			res, err := tx.ExecContext(ctx, `
				insert into entries (source_id, guid, article_key, url, title, author, section, language, summary, content,
					image, image_alt, state, published_at, seen_at, next_try_at)
				values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)
				on conflict (source_id, guid) do nothing`,
				src.ID, guid, string(key), it.URL, it.Title, join(it.Author), first(it.Categories), it.Language,
				feed.Text(it.Summary), it.Content, it.Image, it.ImageAlt, state, schema.At(published), schema.At(now))
			if err != nil {
				return fmt.Errorf("add entry %s: %w", it.URL, err)
			}
			if n, _ := res.RowsAffected(); n == 0 {
				continue
			}
			added++
			if state == "baseline" {
				old++
			}
			if err := addAliases(ctx, tx, string(key), article.Aliases(src.Host, append(it.AltIDs, it.ID)...)); err != nil {
				return err
			}
		}
		return nil
	})
	return added, old, err
}

func addAliases(ctx context.Context, tx *sql.Tx, key string, aliases []string) error {
	for _, a := range aliases {
		if _, err := tx.ExecContext(ctx, `insert into article_aliases (alias, article_key) values ($1, $2) on conflict (alias) do nothing`, a, key); err != nil {
			return fmt.Errorf("add alias %s: %w", a, err)
		}
	}
	return nil
}

func join(names []string) string {
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ", "
		}
		out += n
	}
	return out
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// UnreadEntries lists entries of a source whose page is still to be read, the
// newest first.
func (s *Store) UnreadEntries(ctx context.Context, source int64, limit int) ([]Entry, error) {
	return each(ctx, s.DB.Read, func(r *sql.Rows) (Entry, error) {
		var e Entry
		var published, seen schema.Time
		err := r.Scan(&e.ID, &e.SourceID, &e.GUID, &e.Key, &e.URL, &e.Title, &e.Author, &e.Section, &e.Language, &e.Summary,
			&e.Content, &e.Image, &e.ImageAlt, &e.State, &e.Reason, &e.Attempts, &published, &seen)
		e.Published, e.Seen = published.Time, seen.Time
		return e, err
	}, `select id, source_id, guid, article_key, url, title, author, section, language, summary, content, image, image_alt,
			state, reason, attempts, published_at, seen_at
		from entries where source_id = $1 and state = 'new' and next_try_at <= $2
		order by published_at desc, id limit $3`, source, schema.At(s.Now()), limit)
}

// EntryFailed notes that reading the page failed; after MaxReads it is given up.
func (s *Store) EntryFailed(ctx context.Context, e Entry, reason string) error {
	state := "new"
	if e.Attempts+1 >= MaxReads {
		state = "failed"
	}
	wait := 5 * time.Minute << e.Attempts
	_, err := s.DB.Write.ExecContext(ctx, `
		update entries set state = $2, reason = $3, attempts = attempts + 1, next_try_at = $4 where id = $1 and state = 'new'`,
		e.ID, state, reason, schema.At(s.Now().Add(wait)))
	return err
}
