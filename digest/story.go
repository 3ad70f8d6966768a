package digest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/article"
)

// Story is one event as it is told to readers: one or several articles, of
// which one is shown.
type Story struct {
	ID          int64     `json:"id"`
	Key         string    `json:"key"` // article key of the member shown
	Keys        []string  `json:"keys,omitempty"`
	Names       []string  `json:"names,omitempty"` // what its sites call it; views may be counted under these too
	URL         string    `json:"url"`
	Title       string    `json:"title"`
	Author      string    `json:"author,omitempty"`
	SourceID    int64     `json:"source_id"`
	SourceTitle string    `json:"source"`
	Language    string    `json:"language"`
	Direction   string    `json:"direction"`
	Section     string    `json:"section,omitempty"`
	Image       string    `json:"image,omitempty"`
	ImageAlt    string    `json:"image_alt,omitempty"`
	Label       string    `json:"label,omitempty"` // opinion | satire | paid | live
	Flags       string    `json:"flags,omitempty"`
	Body        string    `json:"body,omitempty"`
	Description string    `json:"description,omitempty"`
	State       string    `json:"state"` // live | gone | blocked | merged
	TitleHash   string    `json:"-"`
	Published   time.Time `json:"published_at"`
	Seen        time.Time `json:"seen_at"`
	Rights      string    `json:"rights"`
}

const storyColumns = `s.id, s.article_key, s.url, s.title, s.author, s.source_id, s.source_title, s.language, s.direction, s.section,
	s.image, s.image_alt, s.label, s.flags, s.body, s.description, s.state, s.title_hash, s.published_at, s.seen_at,
	(select rights from sources where sources.id = s.source_id)`

func scanStory(r interface{ Scan(...any) error }) (Story, error) {
	var s Story
	var published, seen schema.Time
	err := r.Scan(&s.ID, &s.Key, &s.URL, &s.Title, &s.Author, &s.SourceID, &s.SourceTitle, &s.Language, &s.Direction, &s.Section,
		&s.Image, &s.ImageAlt, &s.Label, &s.Flags, &s.Body, &s.Description, &s.State, &s.TitleHash, &published, &seen, &s.Rights)
	s.Published, s.Seen = published.Time, seen.Time
	return s, err
}

// Story finds a story by id, its members' keys included.
func (s *Store) Story(ctx context.Context, id int64) (Story, error) {
	st, err := scanStory(s.DB.Read.QueryRowContext(ctx, `select `+storyColumns+` from stories s where s.id = $1`, id))
	if err != nil {
		return st, notFound(err, "story", id)
	}
	keys, err := s.memberKeys(ctx, st.Seen.Add(-time.Millisecond))
	if err != nil {
		return st, err
	}
	names, err := s.memberNames(ctx, st.Seen.Add(-time.Millisecond))
	st.withNames(keys[id], names[id])
	return st, err
}

// Stories lists live stories published or first seen after since, the newest
// first, with the keys of all their members.
func (s *Store) Stories(ctx context.Context, since time.Time) ([]Story, error) {
	list, err := each(ctx, s.DB.Read, func(r *sql.Rows) (Story, error) { return scanStory(r) },
		`select `+storyColumns+` from stories s where s.state = 'live' and s.published_at >= $1 order by s.published_at desc, s.id desc`,
		schema.At(since))
	if err != nil {
		return nil, fmt.Errorf("list stories: %w", err)
	}
	keys, err := s.memberKeys(ctx, since.Add(-72*time.Hour))
	if err != nil {
		return nil, fmt.Errorf("list story members: %w", err)
	}
	names, err := s.memberNames(ctx, since.Add(-72*time.Hour))
	if err != nil {
		return nil, fmt.Errorf("list names of story members: %w", err)
	}
	for i := range list {
		list[i].withNames(keys[list[i].ID], names[list[i].ID])
	}
	return list, nil
}

func (s *Store) memberKeys(ctx context.Context, since time.Time) (map[int64][]string, error) {
	return textsOf(ctx, s.DB.Read, `
		select m.story_id, m.article_key from story_members m join stories s on s.id = m.story_id
		where s.published_at >= $1 or s.seen_at >= $1 order by m.story_id, m.added_at, m.article_key`, schema.At(since))
}

// memberNames is what the sites call the members of stories. Feeders that know
// no article keys count under these: a WordPress plugin, a site's own counters.
// Where all sources are one site its short names are included, "wp:48213" and
// "48213" for "wp:HOST:48213".
func (s *Store) memberNames(ctx context.Context, since time.Time) (map[int64][]string, error) {
	names, err := textsOf(ctx, s.DB.Read, `
		select m.story_id, a.alias from article_aliases a join story_members m on m.article_key = a.article_key join stories s on s.id = m.story_id
		where s.published_at >= $1 or s.seen_at >= $1 order by m.story_id, a.alias`, schema.At(since))
	if err != nil {
		return nil, err
	}
	host, err := s.soleHost(ctx)
	for id, list := range names {
		for _, alias := range list {
			names[id] = append(names[id], shortNames(alias, host)...)
		}
	}
	return names, err
}

// withNames adds to a story what its members are called, each name once: views
// of a name that stands twice would count twice.
func (s *Story) withNames(keys, names []string) {
	s.Keys, s.Names = keys, nil
	for _, name := range names {
		if !slices.Contains(keys, name) && !slices.Contains(s.Names, name) {
			s.Names = append(s.Names, name)
		}
	}
}

// PublishedByName is when the stories of the last three days came out, by all
// keys and names of their members.
func (s *Store) PublishedByName(ctx context.Context) (map[string]time.Time, error) {
	list, err := s.Stories(ctx, s.Now().Add(-72*time.Hour))
	at := map[string]time.Time{}
	for _, st := range list {
		for _, name := range slices.Concat(st.Keys, st.Names) {
			at[name] = st.Published
		}
	}
	return at, err
}

// soleHost is the host of all sources, "" when they have several.
func (s *Store) soleHost(ctx context.Context) (string, error) {
	hosts, err := s.Hosts(ctx)
	if err != nil || len(hosts) != 1 {
		return "", err
	}
	for host := range hosts {
		return host, nil
	}
	return "", nil
}

// shortNames is how an alias is called where no other site is meant.
func shortNames(alias, host string) []string {
	for _, kind := range []string{"url:", "key:"} {
		if key, ok := strings.CutPrefix(alias, kind); ok {
			return []string{key}
		}
	}
	if host == "" {
		return nil
	}
	site := strings.TrimSuffix(strings.Join(article.Aliases(host, "1"), ""), "1") // "wp:HOST:"
	if number, ok := strings.CutPrefix(alias, site); ok {
		return []string{"wp:" + number, number}
	}
	if text, ok := strings.CutPrefix(alias, "id"+strings.TrimPrefix(site, "wp")); ok {
		return []string{text}
	}
	return nil
}

// textsOf groups the texts of a query by id, in its order.
func textsOf(ctx context.Context, q schema.Querier, query string, args ...any) (map[int64][]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	texts := map[int64][]string{}
	for rows.Next() {
		var id int64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return nil, err
		}
		texts[id] = append(texts[id], text)
	}
	return texts, rows.Err()
}

// TitleHash is what the retraction guard compares: a changed headline is a
// changed story, changed spacing or quotes are not.
func TitleHash(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return r != '-' && !isWord(r)
	})
	sum := sha256.Sum256([]byte(strings.Join(words, " ")))
	return hex.EncodeToString(sum[:8])
}

// Tell makes an entry and its article into a story, or adds it as a member to
// the story called by into (0 = a story of its own). The same article twice is
// one member. It returns the story's id.
func (s *Store) Tell(ctx context.Context, src Source, e Entry, a article.Article, into int64, why string) (int64, error) {
	now := s.Now()
	var id int64
	err := s.DB.InTx(ctx, func(tx *sql.Tx) error {
		key := e.Key
		if a.Canonical != "" {
			if k, err := article.KeyOf(a.Canonical); err == nil && sameHost(a.Canonical, e.URL) {
				key = string(k)
			}
		}
		err := tx.QueryRowContext(ctx, `select story_id from story_members where article_key = $1`, key).Scan(&id)
		if err == nil {
			return markRead(ctx, tx, e.ID, "the same address is told already")
		}
		if err != sql.ErrNoRows {
			return err
		}
		id = into
		if id == 0 {
			if id, err = insertStory(ctx, tx, src, e, a, key, now); err != nil {
				return err
			}
			why = "first to tell it"
		}
		_, err = tx.ExecContext(ctx, `insert into story_members (article_key, story_id, entry_id, url, why, added_at) values ($1, $2, $3, $4, $5, $6)`,
			key, id, e.ID, e.URL, why, schema.At(now))
		if err != nil {
			return err
		}
		aliases := append([]string{}, a.Keys...)
		if key != e.Key {
			aliases = append(aliases, "key:"+e.Key)
		}
		if err := addAliases(ctx, tx, key, aliases); err != nil {
			return err
		}
		return markRead(ctx, tx, e.ID, "")
	})
	if err != nil {
		return 0, fmt.Errorf("tell %s: %w", e.URL, err)
	}
	return id, nil
}

func markRead(ctx context.Context, tx *sql.Tx, entry int64, reason string) error {
	_, err := tx.ExecContext(ctx, `update entries set state = 'read', reason = $2, content = '' where id = $1`, entry, reason)
	return err
}

func insertStory(ctx context.Context, tx *sql.Tx, src Source, e Entry, a article.Article, key string, now time.Time) (int64, error) {
	st := storyOf(src, e, a)
	var id int64
	err := tx.QueryRowContext(ctx, `
		insert into stories (article_key, url, title, author, source_id, source_title, language, direction, section, image, image_alt,
			label, body, description, title_hash, published_at, seen_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) returning id`,
		key, st.URL, st.Title, st.Author, src.ID, st.SourceTitle, st.Language, st.Direction, st.Section, st.Image, st.ImageAlt,
		st.Label, st.Body, st.Description, TitleHash(st.Title), schema.At(st.Published), schema.At(now)).Scan(&id)
	return id, err
}

// storyOf joins what the feed says and what the page says: the page knows its
// headline and text better, the feed its time.
func storyOf(src Source, e Entry, a article.Article) Story {
	st := Story{
		URL: e.URL, Title: a.Title, Author: join(a.Byline), SourceTitle: src.Title, Section: e.Section,
		Image: a.Image, ImageAlt: a.ImageAlt, Body: a.Text, Description: e.Summary, Published: e.Published,
	}
	if st.Title == "" {
		st.Title = e.Title
	}
	if st.Author == "" {
		st.Author = e.Author
	}
	if st.Section == "" {
		st.Section = a.Section
	}
	if st.Image == "" {
		st.Image, st.ImageAlt = e.Image, e.ImageAlt
	}
	if st.SourceTitle == "" {
		st.SourceTitle = src.Host
	}
	if st.Published.IsZero() {
		st.Published = a.Published
	}
	if src.Rights == "quote" {
		st.Image, st.ImageAlt = "", "" // the right to quote does not cover pictures
	}
	prior := a.Language
	if prior == "" {
		prior = e.Language
	}
	if prior == "" {
		prior = src.Language
	}
	lead := st.Body
	if len(lead) > 600 {
		lead = strings.ToValidUTF8(lead[:600], "")
	}
	st.Language, st.Direction = article.Language(prior, st.Title, lead)
	st.Label = labelOf(st.Section, a.Kind)
	return st
}

// labelOf recognises the labels that must travel with a story from its section
// and its kind.
func labelOf(section, kind string) string {
	switch s := strings.ToLower(section); {
	case kind == "live":
		return "live"
	case strings.Contains(s, "opinion") || strings.Contains(s, "comment") || strings.Contains(s, "мнени") || strings.Contains(s, "رائے"):
		return "opinion"
	case strings.Contains(s, "satire"):
		return "satire"
	case strings.Contains(s, "sponsored") || strings.Contains(s, "partner content") || strings.Contains(s, "advertorial"):
		return "paid"
	}
	return ""
}

// BlockStory keeps a story out of every issue from now on.
func (s *Store) BlockStory(ctx context.Context, id int64) error {
	return s.setStoryState(ctx, id, "blocked")
}

func (s *Store) setStoryState(ctx context.Context, id int64, state string) error {
	res, err := s.DB.Write.ExecContext(ctx, `update stories set state = $2 where id = $1 and state <> 'merged'`, id, state)
	if err != nil {
		return err
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fmt.Errorf("story %d: %w", id, ErrNotFound)
	}
	return nil
}

// MergeStories makes from's articles members of into; the choice sticks,
// because a member stays where it is.
func (s *Store) MergeStories(ctx context.Context, from, into int64) error {
	if from == into {
		return fmt.Errorf("merge story %d into itself: %w", from, ErrState)
	}
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `update story_members set story_id = $2, why = 'merged by an editor' where story_id = $1`, from, into); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `update stories set state = 'merged', merged_into = $2 where id = $1 and state <> 'merged'`, from, into)
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return fmt.Errorf("story %d: %w", from, ErrNotFound)
		}
		return nil
	})
}

// KnownKeys counts which of the keys that views are counted under belong to a
// collected article, by itself or by what its site calls it, and lists those
// that do not.
func (s *Store) KnownKeys(ctx context.Context, keys []string) (known int, unmatched []string, err error) {
	host, err := s.soleHost(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("match views: %w", err)
	}
	for _, key := range keys {
		long := key
		if list := article.Aliases(host, key); host != "" && len(list) == 1 {
			long = list[0]
		}
		var n int
		err := s.DB.Read.QueryRowContext(ctx, `
			select (select count(*) from entries where article_key = $1) +
				(select count(*) from article_aliases where alias in ($1, $2, $3, $4))`, key, long, "url:"+key, "key:"+key).Scan(&n)
		if err != nil {
			return known, unmatched, fmt.Errorf("match views: %w", err)
		}
		if n > 0 {
			known++
		} else {
			unmatched = append(unmatched, key)
		}
	}
	slices.Sort(unmatched)
	return known, unmatched, nil
}
