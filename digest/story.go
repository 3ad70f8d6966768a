package digest

import (
	"cmp"
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
	Label       string    `json:"label,omitempty"` // the strictest flag that readers see
	Flags       string    `json:"flags,omitempty"` // of Flags, space separated
	Body        string    `json:"body,omitempty"`
	Description string    `json:"description,omitempty"`
	State       string    `json:"state"` // live | gone | blocked | merged
	TitleHash   string    `json:"-"`     // of the page's headline; "" = the headline is the feed's
	MergedInto  int64     `json:"merged_into,omitempty"`
	Published   time.Time `json:"published_at,omitzero"`
	NotBefore   time.Time `json:"not_before_at,omitzero"` // embargo; zero = none
	Seen        time.Time `json:"seen_at"`
	Rights      string    `json:"rights"`
	Boost       int       `json:"boost"`                 // percent of its score, an editor's; 100 = as it is
	PinnedUntil time.Time `json:"pinned_until,omitzero"` // an editor wants it first until then
	Updated     time.Time `json:"updated_at,omitzero"`   // an editor calls it news again since then
}

// Standing is the state as people read it: "live" is also a flag, of coverage that goes on.
func (s Story) Standing() string {
	if s.State == "live" {
		return "available"
	}
	return s.State
}

// lead is the beginning of the text: what language and event are told by.
func (s Story) lead() string { return strings.ToValidUTF8(s.Body[:min(len(s.Body), 600)], "") }

const storyColumns = `s.id, s.article_key, s.url, s.title, s.author, s.source_id, s.source_title, s.language, s.direction, s.section,
	s.image, s.image_alt, s.label, s.flags, s.body, s.description, s.state, coalesce(s.merged_into, 0), s.title_hash, s.published_at, s.not_before_at, s.seen_at,
	(select rights from sources where sources.id = s.source_id), s.boost, s.pinned_until, s.updated_at`

func scanStory(r schema.Row, before ...any) (Story, error) {
	var s Story
	var published, notBefore, seen, pinned, updated schema.Time
	err := r.Scan(append(before, &s.ID, &s.Key, &s.URL, &s.Title, &s.Author, &s.SourceID, &s.SourceTitle, &s.Language, &s.Direction, &s.Section,
		&s.Image, &s.ImageAlt, &s.Label, &s.Flags, &s.Body, &s.Description, &s.State, &s.MergedInto, &s.TitleHash, &published, &notBefore, &seen, &s.Rights, &s.Boost, &pinned, &updated)...)
	s.Published, s.NotBefore, s.Seen = published.Time, notBefore.Time, seen.Time
	s.PinnedUntil, s.Updated = pinned.Time, updated.Time
	return s, err
}

// Story finds a story by id, its members' keys included.
func (s *Store) Story(ctx context.Context, id int64) (Story, error) {
	st, err := scanStory(s.DB.Read.QueryRowContext(ctx, `select `+storyColumns+` from stories s where s.id = $1`, id))
	if err != nil {
		return st, notFound(err, "story", id)
	}
	list := []Story{st}
	err = s.nameAll(ctx, list)
	return list[0], err
}

// Stories lists live stories published or first seen after since, the newest
// first, with the keys of all their members.
func (s *Store) Stories(ctx context.Context, since time.Time) ([]Story, error) {
	list, err := schema.Each(ctx, s.DB.Read, scanRow, storiesSQL, schema.At(since))
	if err != nil {
		return nil, fmt.Errorf("list stories: %w", err)
	}
	return list, s.nameAll(ctx, list)
}

// cameOut chooses live stories s that came out after $1, by two indexes: an "or", or
// that of the state, would read all there ever were.
const cameOut = `s.state || '' = 'live' and s.id in (select id from stories where state = 'live' and published_at >= $1
	union all select id from stories where not_before_at >= $1)`

const storiesSQL = `select ` + storyColumns + ` from stories s where ` + cameOut + ` order by s.published_at desc, s.id desc`

// StoriesOf lists the stories of an issue, with the keys of all their members.
func (s *Store) StoriesOf(ctx context.Context, issue int64) ([]Story, error) {
	const chosen = `s.id in (select story_id from issue_stories where issue_id = $1)`
	list, err := schema.Each(ctx, s.DB.Read, scanRow, `select `+storyColumns+` from stories s where `+chosen, issue)
	if err != nil {
		return nil, fmt.Errorf("stories of issue %d: %w", issue, err)
	}
	return list, s.nameAll(ctx, list)
}

// nameAll adds to stories the names of their members.
func (s *Store) nameAll(ctx context.Context, list []Story) error {
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	among, arg := s.DB.Engine.Among("m.story_id", 1, ids)
	keys, err := textsOf(ctx, s.DB.Read, memberKeysSQL(among), arg)
	if err != nil {
		return fmt.Errorf("list story members: %w", err)
	}
	names, err := s.memberNames(ctx, among, arg)
	if err != nil {
		return fmt.Errorf("list names of story members: %w", err)
	}
	for i := range list {
		list[i].withNames(keys[list[i].ID], names[list[i].ID])
	}
	return nil
}

// memberKeysSQL finds the keys of the members m that among chooses.
func memberKeysSQL(among string) string {
	return `select m.story_id, m.article_key from story_members m where ` + among + ` order by m.story_id, m.added_at, m.article_key`
}

// memberNamesSQL finds what the sites call the members m that among chooses.
func memberNamesSQL(among string) string {
	return `select m.story_id, a.alias from story_members m join article_aliases a on a.article_key = m.article_key where ` + among + ` order by m.story_id, a.alias`
}

// memberNames is what the sites call the members that among chooses. Feeders that know
// no article keys count under these: a WordPress plugin, a site's own counters.
// Where all sources are one site its short names are included, "wp:48213" and
// "48213" for "wp:HOST:48213".
func (s *Store) memberNames(ctx context.Context, among string, arg any) (map[int64][]string, error) {
	names, err := textsOf(ctx, s.DB.Read, memberNamesSQL(among), arg)
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

// titleHash is what the retraction guard compares: a changed headline is a
// changed story, changed spacing or quotes are not.
func titleHash(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return r != '-' && !isWord(r)
	})
	sum := sha256.Sum256([]byte(strings.Join(words, " ")))
	return hex.EncodeToString(sum[:8])
}

// keyOf is the key of an entry's article: that of its canonical address where
// the page names one of its own site.
func keyOf(e Entry, a article.Article) string {
	if a.Canonical != "" && (sameHost(a.Canonical, e.URL) || sameHost(a.Canonical, a.URL)) {
		if k, err := article.KeyOf(a.Canonical); err == nil {
			return string(k)
		}
	}
	return e.Key
}

// ownKey is a key that keyOf gave, unless another article is told under it, of
// another headline and another text: sites exist whose pages all call a section
// their address.
func (s *Store) ownKey(ctx context.Context, tx *sql.Tx, e Entry, a article.Article, key string) (string, error) {
	if key == e.Key {
		return key, nil
	}
	var title, body string
	told, _ := marked(cmp.Or(a.Title, e.Title), e.Published)
	err := tx.QueryRowContext(ctx, `select title, body from stories where article_key = $1`, key).Scan(&title, &body)
	switch {
	case err == sql.ErrNoRows:
		return key, nil
	case err != nil:
		return "", fmt.Errorf("article %s: %w", key, err)
	case titleHash(title) != titleHash(told) && (body == "" || !sameText(body, a.Text)):
		return e.Key, nil
	}
	return key, nil
}

// toldBy is the story as whose article an entry was told; ErrNotFound when it
// was not told.
func (s *Store) toldBy(ctx context.Context, e Entry) (Story, error) {
	st, err := scanStory(s.DB.Read.QueryRowContext(ctx, `select `+storyColumns+` from stories s
		join story_members m on m.article_key = s.article_key where m.entry_id = $1`, e.ID))
	return st, notFound(err, "story of entry", e.ID)
}

// Tell makes an entry and its article into a story. The same article twice is
// one member. An entry that was told before brings its article up to date. It
// returns the story's id.
func (s *Store) Tell(ctx context.Context, src Source, e Entry, a article.Article) (int64, error) {
	var id int64
	err := s.DB.InTx(ctx, func(tx *sql.Tx) error {
		key, told := keyOf(e, a), ""
		err := tx.QueryRowContext(ctx, `select story_id, article_key from story_members where entry_id = $1`, e.ID).Scan(&id, &told)
		if err == nil {
			return s.correct(ctx, tx, src, e, a, id, told)
		}
		if err != sql.ErrNoRows {
			return err
		}
		if key, err = s.ownKey(ctx, tx, e, a, key); err != nil {
			return err
		}
		toldElsewhere := func() error {
			if err := tx.QueryRowContext(ctx, `select story_id from story_members where article_key = $1`, key).Scan(&id); err != nil {
				return err
			}
			if key != e.Key {
				if err := addAliases(ctx, tx, key, []string{"key:" + e.Key}); err != nil {
					return err
				}
			}
			return toldAlready(ctx, tx, e, key, id)
		}
		if err := toldElsewhere(); err != sql.ErrNoRows {
			return err
		}
		id, err = s.insertStory(ctx, tx, src, e, a, key)
		if err == sql.ErrNoRows { // by another process, this very moment
			return toldElsewhere()
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into story_members (article_key, story_id, entry_id, url, why, added_at) values ($1, $2, $3, $4, 'first to tell it', $5)`,
			key, id, e.ID, e.URL, schema.At(s.Now()))
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
		if err := reflag(ctx, tx, id); err != nil {
			return err
		}
		return markRead(ctx, tx, e.ID, "")
	})
	if err != nil {
		return 0, fmt.Errorf("tell %s: %w", e.URL, err)
	}
	return id, nil
}

// correct brings an article that was told up to date with what feed and page
// say now. One that was found gone is there again; one that an editor blocked
// stays so. When it was published, and what editors decided, stays.
func (s *Store) correct(ctx context.Context, tx *sql.Tx, src Source, e Entry, a article.Article, story int64, told string) error {
	st := storyOf(src, e, a)
	listed, err := listedFlags(ctx, tx, told)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		update stories set url = $2, title = $3, author = $4, section = $5, image = $6, image_alt = $7, rule_flags = $8, body = $9, description = $10,
			language = $11, direction = $12, title_hash = $13, state = case when state = 'gone' then 'live' else state end
		where article_key = $1`, told, st.URL, st.Title, st.Author, st.Section, st.Image, st.ImageAlt, union(listed, st.ruleFlags(src, e, a)), st.Body, st.Description,
		st.Language, st.Direction, pageHash(e, a))
	if err != nil {
		return err
	}
	if _, until := marked(cmp.Or(a.Title, e.Title), e.Published); !until.IsZero() {
		if err := embargoed(ctx, tx, told, until); err != nil {
			return err
		}
	}
	aliases := append([]string{}, a.Keys...)
	if key := keyOf(e, a); key != told {
		aliases = append(aliases, "key:"+key)
	}
	if err := addAliases(ctx, tx, told, aliases); err != nil {
		return err
	}
	if err := reflag(ctx, tx, story); err != nil {
		return err
	}
	return markRead(ctx, tx, e.ID, "")
}

// ruleFlags are the flags of an article by its page, headline, tags and address.
func (s Story) ruleFlags(src Source, e Entry, a article.Article) string {
	if article.SaysPaid(e.Title) {
		a.Kind = article.KindPaid
	}
	return flagsOf(src.Settings.Flags, a, append([]string{s.Section}, e.Tags...), e.URL, s.URL)
}

// pageHash is the hash of the headline that the page shows; "" when the page was
// not read: it may word its headline otherwise than the feed.
func pageHash(e Entry, a article.Article) string {
	if a.Kind == "" {
		return ""
	}
	return titleHash(cmp.Or(a.Title, e.Title))
}

// known is the story that tells the address of an entry already, as another
// source listed it too: its page need not be read again. 0 = none does, or the
// entry itself told it and has to be read for what was corrected.
func (s *Store) known(ctx context.Context, e Entry) (int64, error) {
	var id int64
	err := s.DB.Read.QueryRowContext(ctx, `
		select story_id from story_members where article_key = $1 and not exists (select 1 from story_members where entry_id = $2)`, e.Key, e.ID).Scan(&id)
	if err == sql.ErrNoRows {
		return 0, nil
	}
	if err == nil {
		err = s.DB.InTx(ctx, func(tx *sql.Tx) error { return toldAlready(ctx, tx, e, e.Key, id) })
	}
	if err != nil {
		return 0, fmt.Errorf("read entry %s: %w", e.URL, err)
	}
	return id, nil
}

func markRead(ctx context.Context, tx *sql.Tx, entry int64, reason string) error {
	_, err := tx.ExecContext(ctx, `update entries set state = 'read', reason = $2, content = '' where id = $1`, entry, reason)
	return err
}

// insertStory stores an article as a story. sql.ErrNoRows means that it is stored
// already.
func (s *Store) insertStory(ctx context.Context, tx *sql.Tx, src Source, e Entry, a article.Article, key string) (int64, error) {
	st := storyOf(src, e, a)
	listed, err := listedFlags(ctx, tx, key)
	if err != nil {
		return 0, err
	}
	var id int64
	err = tx.QueryRowContext(ctx, `
		insert into stories (article_key, url, title, author, source_id, source_title, language, direction, section, image, image_alt,
			rule_flags, body, description, state, title_hash, published_at, not_before_at, seen_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'live', $15, $16, $17, $18)
		on conflict (article_key) do nothing returning id`,
		key, st.URL, st.Title, st.Author, src.ID, st.SourceTitle, st.Language, st.Direction, st.Section, st.Image, st.ImageAlt,
		union(listed, st.ruleFlags(src, e, a)), st.Body, st.Description, pageHash(e, a),
		schema.At(st.Published), schema.At(st.NotBefore), schema.At(s.Now())).Scan(&id)
	return id, err
}

// storyOf joins what the feed says and what the page says: the page knows its
// headline and text better, the feed its time.
func storyOf(src Source, e Entry, a article.Article) Story {
	st := Story{
		URL: e.URL, Title: cmp.Or(a.Title, e.Title), Author: cmp.Or(strings.Join(a.Byline, ", "), e.Author), SourceTitle: cmp.Or(src.Title, src.Host),
		Section: cmp.Or(e.Section, a.Section), Image: a.Image, ImageAlt: a.ImageAlt, Body: a.Text, Description: e.Summary, Published: e.Published, NotBefore: e.NotBefore,
	}
	until := time.Time{}
	st.Title, until = marked(st.Title, e.Published)
	if sameHost(a.Canonical, a.URL) && !sameHost(a.URL, e.URL) {
		st.URL = a.URL // where the link of a feed service or a shortener leads
	}
	if st.Image == "" {
		st.Image, st.ImageAlt = e.Image, e.ImageAlt
	}
	if e.zoneless(a.Published) {
		st.Published, st.NotBefore = a.Published.UTC(), embargo(e.Tags)
	}
	switch {
	case !e.Undated && !st.Published.IsZero() || a.Published.IsZero():
	case a.Published.Before(st.Published):
		st.Published = a.Published.UTC()
	case ahead(a.Published, st.Published):
		st.NotBefore = later(st.NotBefore, a.Published.UTC())
	}
	st.NotBefore = later(st.NotBefore, until)
	// What feed and page show is mostly one picture in two sizes: either may say
	// whose it is.
	if credit := strings.Join([]string{a.ImageCredit, e.Credit, st.ImageAlt, e.ImageAlt}, "\n"); !mayShow(src, st.Image, credit) {
		st.Image, st.ImageAlt = "", ""
	}
	st.Language, st.Direction = article.Language(cmp.Or(a.Language, e.Language, src.Language), st.Title, st.lead())
	return st
}

// zoneless reports whether the feed's date lies ahead only because it is local time that
// calls itself UTC: the page has the same clock in another zone, and is past. A page
// that names the day alone says nothing.
func (e Entry) zoneless(page time.Time) bool {
	const step = 30 * time.Minute // of the world's zones, but for a few
	gap := e.NotBefore.Sub(page)
	same := (gap - gap.Round(step)).Abs() <= time.Minute // pages leave out seconds
	return !e.Undated && e.NotBefore.After(e.Published) && !e.NotBefore.Equal(embargo(e.Tags)) && !page.After(e.Published) &&
		same && gap <= 14*time.Hour && page.Hour()+page.Minute() > 0
}

// ahead reports whether a page dates itself in the future. One that writes no zone
// is read as UTC and may mean the time of any place.
func ahead(published, now time.Time) bool {
	if _, offset := published.Zone(); offset == 0 {
		now = now.Add(14 * time.Hour)
	}
	return published.After(now)
}

// SeenIn lists the issues that told a story, the newest first: "morning #411".
func (s *Store) SeenIn(ctx context.Context, story int64) ([]string, error) {
	return schema.Each(ctx, s.DB.Read, func(r schema.Row) (text string, err error) {
		var name string
		var number int
		err = r.Scan(&name, &number)
		return fmt.Sprintf("%s #%d", name, number), err
	}, seenInSQL, story)
}

const seenInSQL = `
	select distinct n.name, i.number from issue_stories c join issues i on i.id = c.issue_id join newsletters n on n.id = i.newsletter_id
	where c.story_id = $1 and c.state = 'in' and i.state in ('sending', 'paused', 'sent', 'closed') order by i.number desc, n.name`

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

func scanRow(r schema.Row) (Story, error) { return scanStory(r) }

// Waiting lists the stories of a source that stand in issues which are not sent yet.
func (s *Store) Waiting(ctx context.Context, source int64) ([]int64, error) {
	return schema.Each(ctx, s.DB.Read, schema.Column[int64], `
		select distinct c.story_id from issue_stories c join issues i on i.id = c.issue_id join stories s on s.id = c.story_id
		where s.source_id = $1 and c.state = 'in' and i.state in ('draft', 'held', 'approved', 'countdown') order by c.story_id`, source)
}

// Showing lists where waiting issues show a story, by itself or as Related
// News: the story of the issue that has to be looked at again.
func (s *Store) Showing(ctx context.Context, story int64) ([]Chosen, error) {
	issues, err := s.IssuesIn(ctx, "draft", "held", "approved", "countdown")
	if err != nil {
		return nil, err
	}
	var out []Chosen
	for _, i := range issues {
		list, err := s.Chosen(ctx, i.ID)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if c.Story.ID == story || slices.Contains(c.Related, story) {
				out = append(out, c)
			}
		}
	}
	return out, nil
}
