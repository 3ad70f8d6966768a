package digest

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
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
	Credit    string // of the picture
	Tags      []string
	State     string // new | read | failed | baseline | blocked
	Reason    string
	Attempts  int
	Published time.Time // not after Seen
	Undated   bool      // the feed gives no date: Published is Seen
	NotBefore time.Time // embargo, or a date in the future; zero = none
	Seen      time.Time
}

// maxReads is how often the page of an entry is tried before it is given up, and
// readFor how long at least while its site has a fault that passes.
const (
	maxReads = 4
	readFor  = 12 * time.Hour
)

// AddEntries stores the items of one poll that are not stored yet, notes that
// the others are still listed and which are not any more, and returns how many
// were new, and how many of these are old news: published before fresh, or, at
// the first poll of a source, without a date that says otherwise. Old ones are
// remembered but never told.
func (s *Store) AddEntries(ctx context.Context, src Source, items []feed.Item, fresh time.Time) (added, old int, err error) {
	return s.addEntries(ctx, src, items, fresh, true)
}

// addEntries is AddEntries; of a list that is not whole nothing has left.
func (s *Store) addEntries(ctx context.Context, src Source, items []feed.Item, fresh time.Time, whole bool) (added, old int, err error) {
	now := s.Now()
	listed := map[string]bool{} // articles, by their keys
	for _, it := range items {
		if e, err := entryOf(src, it, now); err == nil {
			listed[e.Key] = true
		}
	}
	err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
		for _, it := range items {
			e, err := entryOf(src, it, now)
			if err != nil {
				continue // an item without a usable link cannot become a story
			}
			if e.Published.Before(fresh) || e.Undated && src.LastOK.IsZero() {
				e.State = "baseline"
			}
			isNew, err := addEntry(ctx, tx, src, e, listed, now)
			if err != nil {
				return fmt.Errorf("add entry %s: %w", it.URL, err)
			}
			if !isNew {
				continue
			}
			added++
			if e.State == "baseline" {
				old++
			}
			if err := addAliases(ctx, tx, e.Key, article.Aliases(src.Host, append(it.AltIDs, it.ID)...)); err != nil {
				return err
			}
		}
		if src.Kind == "pages" || !whole {
			return nil // a page of headlines drops what it likes; half a list tells nothing
		}
		return withdraw(ctx, tx, src, items, now)
	})
	return added, old, err
}

// entryOf is an item as it is stored.
func entryOf(src Source, it feed.Item, now time.Time) (Entry, error) {
	it.URL = src.Settings.Address(it.URL)
	key, err := article.KeyOf(it.URL)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{
		SourceID: src.ID, GUID: cmp.Or(it.ID, it.URL), Key: string(key), URL: it.URL, Title: it.Title, Author: strings.Join(it.Author, ", "), Section: first(it.Categories),
		Language: it.Language, Summary: feed.Text(it.Summary), Content: it.Content, Image: it.Image, ImageAlt: it.ImageAlt, Credit: it.Credit,
		Tags: it.Categories, State: "new", Published: ofYear(it.Published, now, src.LastOK), NotBefore: embargo(it.Categories),
	}
	if e.Published.IsZero() {
		e.Published, e.Undated = now, true
	}
	if e.Published.After(now) {
		e.NotBefore = later(e.NotBefore, e.Published)
		e.Published = now
	}
	if e.Reason = src.Settings.refuses(it.Title, it.Categories, it.URL); e.Reason != "" {
		e.State = "blocked"
	}
	return e, nil
}

// ofYear mends a date of which the year alone is wrong, as around New Year where a
// site writes the year of the week: the last days of December are dated a year ahead,
// and of a source that was read before, the first of January a year back.
func ofYear(t, now, lastOK time.Time) time.Time {
	recent := func(t time.Time) bool { return !t.After(now.Add(24*time.Hour)) && now.Sub(t) < 7*24*time.Hour }
	switch before, after := t.AddDate(-1, 0, 0), t.AddDate(1, 0, 0); {
	case t.Month() == time.December && recent(before):
		return before
	case t.Month() == time.January && t.Day() <= 7 && !lastOK.IsZero() && recent(after):
		return after
	}
	return t
}

// embargo reads a tag such as "embargo:2026-11-25T18:00Z"; zero without one.
func embargo(tags []string) (until time.Time) {
	for _, t := range tags {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(t)), ":")
		if name != "embargo" && name != "not-before" && name != "not_before" {
			continue
		}
		if at, err := ParseWhen(strings.TrimSpace(value)); err == nil {
			until = later(until, at)
		}
	}
	return until
}

// ParseWhen reads RFC 3339 with or without seconds: 2026-11-25T18:00+05:00.
func ParseWhen(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, strings.ToUpper(s)); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time; write it with its zone, for instance 2026-11-25T18:00+05:00", s)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// addEntry stores an entry, or notes that one stored before is still listed. A
// source that gives its articles other ids, as when its kind changes, has
// nothing new: the address is the same. One that gives an id of another article
// to this one, such as its place in the list, has something new: see Entry.is. After
// the relaunch of a site its articles have other addresses and other ids: one of the
// same headline and the same time as one that is not listed any more is that.
func addEntry(ctx context.Context, tx *sql.Tx, src Source, e Entry, listed map[string]bool, now time.Time) (isNew bool, err error) {
	var was Entry
	var tags string
	var published, notBefore, withdrawn schema.Time
	var gone int
	err = tx.QueryRowContext(ctx, `
		select e.id, e.guid, e.article_key, e.url, e.title, e.tags, e.state, e.published_at, e.not_before_at, e.withdrawn_at,
			(select count(*) from story_members m join stories s on s.article_key = m.article_key where m.entry_id = e.id and s.state = 'gone')
		from entries e where e.id = coalesce((select min(id) from entries where article_key = $3 and +source_id = $1), -- + keeps it to the index of keys
			(select id from entries where source_id = $1 and guid = $2),
			(select min(id) from entries where source_id = $1 and published_at = $4 and title = $5 and title <> '' and not undated and not $6))`,
		e.SourceID, e.GUID, e.Key, schema.At(e.Published), e.Title, e.Undated).
		Scan(&was.ID, &was.GUID, &was.Key, &was.URL, &was.Title, &tags, &was.State, &published, &notBefore, &withdrawn, &gone)
	was.Published = published.Time
	moved := err == nil && was.Key != e.Key && was.GUID != e.GUID
	if at, _ := article.KeyOf(was.URL); moved && (listed[was.Key] || listed[string(at)]) {
		err = sql.ErrNoRows // beside it
	}
	switch {
	case err == nil && !e.is(was):
		e.GUID += " " + e.URL
	case err == nil:
		was.Tags, was.NotBefore = strings.Split(tags, "\n"), notBefore.Time
		again := !withdrawn.IsZero() && gone > 0 || src.retells(was, e)
		if moved {
			if _, err := tx.ExecContext(ctx, `update entries set guid = $2, url = $3 where id = $1`, was.ID, e.GUID, e.URL); err != nil {
				return false, err
			}
			again = was.State != "baseline" && was.State != "blocked" && e.State != "blocked"
		}
		return false, relist(ctx, tx, was, e, again, now)
	case err != sql.ErrNoRows:
		return false, err
	}
	res, err := tx.ExecContext(ctx, `
		insert into entries (source_id, guid, article_key, url, title, author, section, language, summary, content,
			image, image_alt, credit, tags, state, reason, published_at, undated, not_before_at, seen_at, listed_at, next_try_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20, $20)
		on conflict (source_id, guid) do nothing`,
		e.SourceID, e.GUID, e.Key, e.URL, e.Title, e.Author, e.Section, e.Language, e.Summary, e.Content,
		e.Image, e.ImageAlt, e.Credit, strings.Join(e.Tags, "\n"), e.State, e.Reason, schema.At(e.Published), e.Undated, schema.At(e.NotBefore), schema.At(now))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// is reports whether an entry is the article that was listed under its address, or its
// id, before: it has another address now, but still its headline or its date.
func (e Entry) is(was Entry) bool {
	return e.Key == was.Key || e.URL == was.URL || e.Title != "" && titleHash(e.Title) == titleHash(was.Title) || !e.Undated && e.Published.Equal(was.Published)
}

// retells reports whether what a source says of an article that it listed
// before wants its page read again: another headline, or another flag. The words
// by which a page of headlines links to an article are not its headline.
func (src Source) retells(was, e Entry) bool {
	if was.GUID != e.GUID || src.Kind == "pages" || e.State == "blocked" || was.State == "baseline" || was.State == "blocked" {
		return false
	}
	flags := func(tags []string) string { return flagsOf(src.Settings.Flags, article.Article{}, tags, e.URL) }
	return e.Title != "" && titleHash(e.Title) != titleHash(was.Title) || flags(e.Tags) != flags(was.Tags)
}

// relist notes that an entry is still listed and, with again, what is said of it
// now, so that its page is read once more. A later embargo counts at once.
func relist(ctx context.Context, tx *sql.Tx, was, e Entry, again bool, now time.Time) error {
	_, err := tx.ExecContext(ctx, `update entries set polls = polls + 1, listed_at = $2, withdrawn_at = null where id = $1 and listed_at < $2`, was.ID, schema.At(now))
	if err != nil {
		return err
	}
	if e.NotBefore.After(later(was.NotBefore, now)) {
		for _, q := range []string{
			`update entries set not_before_at = $2 where id = $1`,
			`update stories set not_before_at = $2 where coalesce(not_before_at, 0) < $2 and id in (
				select s.id from entries e join story_members m on m.entry_id = e.id or m.article_key = e.article_key
					join stories s on s.id = m.story_id or s.article_key = m.article_key where e.id = $1)`,
		} {
			if _, err := tx.ExecContext(ctx, q, was.ID, schema.At(e.NotBefore)); err != nil {
				return err
			}
		}
	}
	if !again {
		return nil
	}
	_, err = tx.ExecContext(ctx, `
		update entries set url = $2, title = $3, author = $4, section = $5, language = $6, summary = $7, content = $8, image = $9, image_alt = $10,
			credit = $11, tags = $12, state = 'new', reason = '', attempts = 0, next_try_at = $13 where id = $1`,
		was.ID, e.URL, e.Title, e.Author, e.Section, e.Language, e.Summary, e.Content, e.Image, e.ImageAlt, e.Credit, strings.Join(e.Tags, "\n"), schema.At(now))
	return err
}

// withdraw marks what the last poll listed and this one does not, though at
// least half of what it does list is older: what merely rolls off the end of a
// feed is older than nearly all of it.
func withdraw(ctx context.Context, tx *sql.Tx, src Source, items []feed.Item, now time.Time) error {
	var dates []time.Time
	for _, it := range items {
		if !it.Published.IsZero() {
			dates = append(dates, it.Published)
		}
	}
	if len(dates) == 0 {
		return nil // an empty feed is trouble of the site, not of its stories
	}
	slices.SortFunc(dates, time.Time.Compare)
	_, err := tx.ExecContext(ctx, `
		update entries set withdrawn_at = $2
		where source_id = $1 and published_at > $3 and withdrawn_at is null
			and listed_at = (select max(listed_at) from entries where source_id = $1 and listed_at < $2)`,
		src.ID, schema.At(now), schema.At(dates[len(dates)/2]))
	if err != nil {
		return fmt.Errorf("mark withdrawn entries: %w", err)
	}
	return nil
}

// StillListed notes that a poll found a source unchanged.
func (s *Store) StillListed(ctx context.Context, src Source) error {
	_, err := s.DB.Write.ExecContext(ctx, `
		update entries set polls = polls + 1, listed_at = $2 where source_id = $1 and listed_at < $2
			and listed_at = (select max(listed_at) from entries where source_id = $1)`, src.ID, schema.At(s.Now()))
	if err != nil {
		return fmt.Errorf("entries of %s: %w", src.URL, err)
	}
	return nil
}

func addAliases(ctx context.Context, tx *sql.Tx, key string, aliases []string) error {
	for _, a := range aliases {
		if _, err := tx.ExecContext(ctx, `insert into article_aliases (alias, article_key) values ($1, $2) on conflict (alias) do nothing`, a, key); err != nil {
			return fmt.Errorf("add alias %s: %w", a, err)
		}
	}
	return nil
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

const entryColumns = `id, source_id, guid, article_key, url, title, author, section, language, summary, content, image, image_alt, credit, tags,
	state, reason, attempts, published_at, undated, not_before_at, seen_at`

func scanEntry(r schema.Row) (Entry, error) {
	var e Entry
	var published, notBefore, seen schema.Time
	var tags string
	err := r.Scan(&e.ID, &e.SourceID, &e.GUID, &e.Key, &e.URL, &e.Title, &e.Author, &e.Section, &e.Language, &e.Summary,
		&e.Content, &e.Image, &e.ImageAlt, &e.Credit, &tags, &e.State, &e.Reason, &e.Attempts, &published, &e.Undated, &notBefore, &seen)
	e.Published, e.NotBefore, e.Seen = published.Time, notBefore.Time, seen.Time
	if tags != "" {
		e.Tags = strings.Split(tags, "\n")
	}
	return e, err
}

// UnreadEntries lists entries of a source whose page is still to be read, at
// most limit of the newest, in the order of their publication.
func (s *Store) UnreadEntries(ctx context.Context, source int64, limit int) ([]Entry, error) {
	list, err := schema.Each(ctx, s.DB.Read, scanEntry,
		`select `+entryColumns+` from entries where source_id = $1 and state = 'new' and withdrawn_at is null and next_try_at <= $2
		order by published_at desc, id limit $3`, source, schema.At(s.Now()), limit)
	slices.SortStableFunc(list, func(a, b Entry) int { return cmp.Or(a.Published.Compare(b.Published), cmp.Compare(a.ID, b.ID)) })
	return list, err
}

// Listed is an entry and the story that tells it, 0 = none.
type Listed struct {
	Entry
	Story int64
}

// Listed lists what a source has listed, the newest first unless oldest is asked
// for: of one state, or all with "", whose headline or address has a text in it.
// It counts them all.
func (s *Store) Listed(ctx context.Context, source int64, state, search string, oldest bool, limit, offset int) (list []Listed, total int, err error) {
	const where = ` from entries e where e.source_id = $1 and ($2 = '' or e.state = $2) and ($3 = '' or lower(e.title || ' ' || e.url || ' ' || e.reason) like '%' || lower($3) || '%')`
	if err := s.DB.Read.QueryRowContext(ctx, `select count(*)`+where, source, state, search).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("entries of source %d: %w", source, err)
	}
	order := " order by e.published_at desc, e.id desc"
	if oldest {
		order = " order by e.published_at, e.id"
	}
	list, err = schema.Each(ctx, s.DB.Read, func(r schema.Row) (v Listed, err error) {
		var published, seen schema.Time
		err = r.Scan(&v.ID, &v.URL, &v.Title, &v.Section, &v.Language, &v.State, &v.Reason, &published, &v.Undated, &seen, &v.Story)
		v.Published, v.Seen = published.Time, seen.Time
		return v, err
	}, `select e.id, e.url, e.title, e.section, e.language, e.state, e.reason, e.published_at, e.undated, e.seen_at,
		coalesce((select story_id from story_members m where m.article_key = e.article_key), 0)`+where+order+` limit $4 offset $5`, source, state, search, limit, offset)
	return list, total, err
}

// entryOf is the entry that told an article, by the article's key.
func (s *Store) entryOf(ctx context.Context, key string) (Entry, error) {
	e, err := scanEntry(s.DB.Read.QueryRowContext(ctx,
		`select `+entryColumns+` from entries where id = (select entry_id from story_members where article_key = $1)`, key))
	return e, notFound(err, "entry of article", key)
}

// EntryFailed notes that reading the page failed. It is tried again after 5, 10,
// 20 … minutes, at most an hour, and given up after maxReads; a failure that
// passes, such as HTTP 500, after readFor.
func (s *Store) EntryFailed(ctx context.Context, e Entry, reason string, passes bool) error {
	state := "new"
	if e.Attempts+1 >= maxReads && (!passes || s.Now().Sub(e.Seen) >= readFor) {
		state = "failed"
	}
	wait := min(5*time.Minute<<min(e.Attempts, 8), time.Hour)
	_, err := s.DB.Write.ExecContext(ctx, `
		update entries set state = $2, reason = $3, attempts = attempts + 1, next_try_at = $4 where id = $1 and state = 'new'`,
		e.ID, state, reason, schema.At(s.Now().Add(wait)))
	return err
}

// postpone has an entry read no sooner than at a time.
func (s *Store) postpone(ctx context.Context, e Entry, until time.Time) error {
	_, err := s.DB.Write.ExecContext(ctx, `update entries set next_try_at = $2 where id = $1 and next_try_at < $2`, e.ID, schema.At(until))
	if err != nil {
		return fmt.Errorf("postpone entry %d: %w", e.ID, err)
	}
	return nil
}
