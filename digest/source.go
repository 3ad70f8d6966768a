package digest

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/fetch"
)

// Source is a feed, WordPress site, news sitemap or page list that is polled.
type Source struct {
	ID       int64     `json:"id"`
	Kind     string    `json:"kind"`             // feed | wordpress | sitemap | pages
	URL      string    `json:"url"`              // what is polled
	Former   []string  `json:"former,omitempty"` // addresses it was polled at before
	SiteURL  string    `json:"site_url"`
	Host     string    `json:"host"` // of its articles, without "www."
	Title    string    `json:"title"`
	Language string    `json:"language,omitempty"`
	Rights   string    `json:"rights"` // own | licensed | quote
	Settings Settings  `json:"settings,omitzero"`
	State    string    `json:"state"`            // active | paused | failing | silent
	Reason   string    `json:"reason,omitempty"` // why it is failing or silent, in words
	Note     string    `json:"note,omitempty"`   // what the collector changed about it by itself, in words
	Errors   int       `json:"errors"`           // polls in a row that failed
	Interval int       `json:"interval_s"`       // seconds between polls
	ETag     string    `json:"-"`
	Modified string    `json:"-"`
	BodyHash string    `json:"-"`
	NextPoll time.Time `json:"next_poll_at,omitzero"`
	LastPoll time.Time `json:"last_poll_at,omitzero"`
	LastOK   time.Time `json:"last_ok_at,omitzero"`
	LastNew  time.Time `json:"last_new_at,omitzero"`
	HasIcon  bool      `json:"-"`
	IconAt   time.Time `json:"-"` // when it was looked for last
}

// FailingAfter is how many polls in a row must fail before a source is called
// failing and an alarm is raised.
const FailingAfter = 3

// longAway is the pause beyond which a site that asks for it is called failing at
// once: three such polls may take days.
const longAway = 2 * time.Hour

const sourceColumns = `id, kind, url, former, site_url, host, title, language, rights, settings, state, reason, note, errors, interval_s,
	etag, last_modified, body_hash, next_poll_at, last_poll_at, last_ok_at, last_new_at, icon <> '', icon_at`

func scanSource(rows schema.Row) (Source, error) {
	var s Source
	var next, polled, ok, fresh, looked schema.Time
	var settings []byte
	var former string
	err := rows.Scan(&s.ID, &s.Kind, &s.URL, &former, &s.SiteURL, &s.Host, &s.Title, &s.Language, &s.Rights, &settings, &s.State, &s.Reason, &s.Note, &s.Errors,
		&s.Interval, &s.ETag, &s.Modified, &s.BodyHash, &next, &polled, &ok, &fresh, &s.HasIcon, &looked)
	if err != nil {
		return s, err
	}
	s.Former = strings.Fields(former)
	s.NextPoll, s.LastPoll, s.LastOK, s.LastNew, s.IconAt = next.Time, polled.Time, ok.Time, fresh.Time, looked.Time
	return s, json.Unmarshal(settings, &s.Settings)
}

// AddSource stores a new source, due at NextPoll, or at once, and returns it with
// its id. Its host is that of its site unless it says another. A source with the same URL is returned as it is stored.
func (s *Store) AddSource(ctx context.Context, src Source) (Source, error) {
	site := src.SiteURL
	if site == "" {
		site = src.URL
	}
	u, err := url.Parse(site)
	if err != nil || u.Host == "" {
		return Source{}, fmt.Errorf("add source %q: that is not a web address; write https://host/path", src.URL)
	}
	src.SiteURL, src.Host = site, Host(cmp.Or(src.Host, u.Hostname()))
	if src.Rights == "" {
		src.Rights = "quote"
	}
	if src.Interval == 0 {
		src.Interval = 600
	}
	now := s.Now()
	_, err = s.DB.Write.ExecContext(ctx, `
		insert into sources (kind, url, site_url, host, title, language, rights, interval_s, created_at, next_poll_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (url) do nothing`,
		src.Kind, src.URL, src.SiteURL, src.Host, src.Title, src.Language, src.Rights, src.Interval, schema.At(now), schema.At(later(now, src.NextPoll)))
	if err != nil {
		return Source{}, fmt.Errorf("add source %s: %w", src.URL, err)
	}
	return s.SourceByURL(ctx, src.URL)
}

// Host is the identity of a host name: lower case, without "www.".
func Host(name string) string {
	return strings.TrimPrefix(strings.ToLower(strings.TrimSuffix(name, ".")), "www.")
}

// SourceByURL finds a source by the address that is polled, or by its id.
func (s *Store) SourceByURL(ctx context.Context, ref string) (Source, error) {
	src, err := scanSource(s.DB.Read.QueryRowContext(ctx,
		`select `+sourceColumns+` from sources where url = $1 or cast(id as text) = $1`, ref))
	return src, notFound(err, "source", ref)
}

// Source finds a source by id.
func (s *Store) Source(ctx context.Context, id int64) (Source, error) {
	src, err := scanSource(s.DB.Read.QueryRowContext(ctx, `select `+sourceColumns+` from sources where id = $1`, id))
	return src, notFound(err, "source", id)
}

// Sources lists all sources by title.
func (s *Store) Sources(ctx context.Context) ([]Source, error) {
	return schema.Each(ctx, s.DB.Read, scanSource,
		`select `+sourceColumns+` from sources order by title, id`)
}

// ClockLeap is how far a time that was written down may lie ahead: what is further was
// written by a clock that was wrong, or this one is.
const ClockLeap = time.Hour

// Due reports whether the source is to be polled: it is its time, or its last poll is
// noted for a time that has yet to come. DueSources says the same in SQL.
func (src Source) Due(now time.Time) bool {
	return !src.NextPoll.After(now) || src.LastPoll.Sub(now) > ClockLeap
}

// LeftAlone is how long nobody has asked any source when what is known is old news.
const LeftAlone = time.Hour

// LastPoll is when any source was asked last, by whichever process, and back when that
// was for the last time the first after LeftAlone; zero when none ever was.
func (s *Store) LastPoll(ctx context.Context) (last, back time.Time, err error) {
	var l, b schema.Time
	err = s.DB.Read.QueryRowContext(ctx, `select max(last_poll_at), max(back_at) from sources where state <> 'paused'`).Scan(&l, &b)
	return l.Time, b.Time, err
}

// Behind reports whether a newsletter's sources are still to be read as of since,
// until when nobody had asked them for long: one is due, or what it listed first is
// not read yet, or not confirmed by a second poll.
func (s *Store) Behind(ctx context.Context, spec Spec, since time.Time) (bool, error) {
	list, err := s.Sources(ctx)
	if err != nil {
		return false, err
	}
	now := s.Now()
	for _, src := range list {
		if src.State == "paused" || !spec.Takes(src) {
			continue
		}
		if src.Due(now) && (src.LastPoll.Before(since) || src.LastPoll.After(now)) {
			return true, nil
		}
		unread, err := schema.Each(ctx, s.DB.Read, schema.Column[int64], `
			select id from entries where source_id = $1 and listed_at >= $2 and seen_at >= $2 and withdrawn_at is null
				and (state = 'new' and attempts = 0 and next_try_at <= $3 or state = 'read' and polls = 1) limit 1`, src.ID, schema.At(since), schema.At(now))
		if err != nil || len(unread) > 0 {
			return len(unread) > 0, err
		}
	}
	return false, nil
}

// PollSoon has a source polled as soon as somebody can; ErrState when it is paused.
func (s *Store) PollSoon(ctx context.Context, id int64) error {
	res, err := s.DB.Write.ExecContext(ctx, `update sources set next_poll_at = $2 where id = $1 and state <> 'paused'`, id, schema.At(s.Now()))
	if err != nil {
		return fmt.Errorf("source %d: %w", id, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fmt.Errorf("source %d is paused: %w", id, ErrState)
	}
	return nil
}

// DueSources lists the sources that should be polled now, the longest due
// first, but one of each host before the second of any: a host is asked one
// thing at a time, and one that hangs must not keep all hands waiting.
func (s *Store) DueSources(ctx context.Context) ([]Source, error) {
	list, err := schema.Each(ctx, s.DB.Read, scanSource,
		`select `+sourceColumns+` from sources where state <> 'paused' and (next_poll_at <= $1 or last_poll_at > $2) order by next_poll_at, id`,
		schema.At(s.Now()), schema.At(s.Now().Add(ClockLeap)))
	place, seen := make(map[int64]int, len(list)), map[string]int{}
	for _, src := range list {
		host := src.Host
		if u, err := url.Parse(src.URL); err == nil {
			host = u.Host
		}
		place[src.ID] = seen[host]
		seen[host]++
	}
	slices.SortStableFunc(list, func(a, b Source) int { return cmp.Compare(place[a.ID], place[b.ID]) })
	return list, err
}

// Hosts is the set of hosts of known sources: the beacon counts only these.
func (s *Store) Hosts(ctx context.Context) (map[string]bool, error) {
	list, err := s.Sources(ctx)
	hosts := map[string]bool{}
	for _, src := range list {
		hosts[src.Host] = true
	}
	return hosts, err
}

// PauseSource stops or resumes polling. Collector.Pause also takes back what was
// announced about it.
func (s *Store) PauseSource(ctx context.Context, id int64, pause bool) error {
	state := "active"
	if pause {
		state = "paused"
	}
	_, err := s.DB.Write.ExecContext(ctx, `update sources set state = $2, reason = '', errors = 0, next_poll_at = $3 where id = $1`,
		id, state, schema.At(s.Now()))
	return err
}

// RemoveSource forgets a source that has told no story. One that has is kept,
// because issues sent refer to it: pause it instead.
func (s *Store) RemoveSource(ctx context.Context, id int64) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `select count(*) from stories where source_id = $1`, id).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("remove source %d: %d stories came from it and issues may show them; pause it instead: %w", id, n, ErrState)
		}
		if _, err := tx.ExecContext(ctx, `delete from entries where source_id = $1`, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `delete from sources where id = $1`, id)
		return err
	})
}

// Poll is what one poll of a source found.
type Poll struct {
	Err         string // in words, "" = it went well
	Permanent   bool   // the failure will not mend itself
	Refused     bool   // the site does not give it out: gone, closed, or no feed at all
	MovedTo     string // permanent redirect
	Title       string
	ETag        string
	Modified    string
	BodyHash    string
	New         int           // entries not seen before that are news
	Old         int           // entries not seen before that are dated too long ago
	RetryAfter  time.Duration // the server asked to wait
	MaxAge, TTL time.Duration // how long headers and feed promise nothing new
}

// Health is how a poll found a source.
type Health struct {
	Is     string // state of the source
	Reason string // of Is, in words
}

// confirmPoll is when a source that had news is asked again at the latest: a
// story needs two polls before it may stand in an issue.
const confirmPoll = 15 * time.Minute

var schedule = fetch.Schedule{Max: time.Hour, MaxBackoff: 6 * time.Hour}

// Polled records a poll and plans the next by what the site asks for and how
// often it publishes, backing off while it fails.
func (s *Store) Polled(ctx context.Context, src Source, p Poll) (Health, error) {
	now := s.Now()
	published, err := s.publishedBy(ctx, src.ID)
	if err != nil {
		return Health{}, err
	}
	walled, err := s.walled(ctx, src.ID)
	if err != nil {
		return Health{}, err
	}
	src.take(p, published, now)
	if src.State != "failing" && walled != "" {
		src.State, src.Reason = "failing", walled
	}
	h := Health{src.State, src.Reason}
	next := schedule.Next(fetch.Poll{At: now, Failures: src.Errors, Permanent: p.Permanent && src.Errors >= FailingAfter,
		RetryAfter: p.RetryAfter, MaxAge: p.MaxAge, TTL: p.TTL, Published: published})
	if soon := now.Add(max(confirmPoll, p.RetryAfter)); p.New > 0 && next.After(soon) {
		next = soon
	}
	err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
		if p.MovedTo != "" && p.MovedTo != src.URL {
			// Where another source polls the new address already, both keep theirs.
			_, err := tx.ExecContext(ctx, `update sources set former = former || url || ' ', url = $2 where id = $1 and not exists (select 1 from sources where url = $2)`, src.ID, p.MovedTo)
			if err != nil {
				return err
			}
		}
		res, err := tx.ExecContext(ctx, `
			update sources set title = $2, state = $3, reason = $4, errors = $5, interval_s = $6, etag = $7, last_modified = $8,
				body_hash = $9, next_poll_at = $10, last_poll_at = $11, last_ok_at = $12, last_new_at = $13,
				back_at = case when (select max(last_poll_at) from sources) < $14 then $11 else back_at end
			where id = $1 and state <> 'paused'`,
			src.ID, src.Title, src.State, src.Reason, src.Errors, int(next.Sub(now).Seconds()), src.ETag, src.Modified,
			src.BodyHash, schema.At(next), schema.At(src.LastPoll), schema.At(src.LastOK), schema.At(src.LastNew), schema.Millis(now.Add(-LeftAlone)))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if n == 0 { // paused or removed meanwhile: what the poll found is nobody's trouble
			h.Is, h.Reason = "paused", ""
		}
		return err
	})
	return h, err
}

// take puts down what a poll found.
func (src *Source) take(p Poll, published []time.Time, now time.Time) {
	src.LastPoll = now
	if p.Err != "" {
		src.Errors++
		src.Reason = p.Err
		if src.Errors >= FailingAfter || p.RetryAfter > longAway {
			src.State = "failing"
		}
		return
	}
	first := src.LastOK.IsZero()
	src.Errors, src.Reason, src.State, src.LastOK = 0, "", "active", now
	src.ETag, src.Modified, src.BodyHash = p.ETag, p.Modified, p.BodyHash
	src.Title = cmp.Or(src.Title, p.Title)
	if p.New > 0 {
		src.LastNew = now
	}
	if since, unusual := fetch.Silence(published, now); unusual && p.New == 0 && !first {
		src.State = "silent"
		mend := "look whether the site still fills this feed"
		if p.Old > 0 {
			mend = "what it lists for the first time is dated too long ago to be news; look at the dates it gives"
		}
		src.Reason = fmt.Sprintf("it answers, but has had nothing new for %s, longer than usual for it: %s", ageWords(since), mend)
	}
}

// walledFor is how long, and walledAt how many, articles of a source stay unread
// before that is announced: of one where films come between articles some are read.
const (
	walledFor  = 6 * time.Hour
	walledAt   = 3
	walledLook = 14 * 24 * time.Hour // older ones are not looked at
)

// walled says in words that a source lists news, but that none of its pages could
// be read of late, as behind a wall against robots; "" when one could.
func (s *Store) walled(ctx context.Context, source int64) (string, error) {
	var n int
	var since schema.Time
	var why sql.NullString
	err := s.DB.Read.QueryRowContext(ctx, `
		with listed as (select id, seen_at, state, reason from entries where source_id = $1 and published_at >= $2),
			unread as (select id, seen_at, reason from listed where state in ('new', 'failed')
				and seen_at > coalesce((select max(seen_at) from listed where state = 'read'), 0))
		select count(*), min(seen_at), (select reason from unread where reason <> '' order by id desc limit 1) from unread`,
		source, schema.At(s.Now().Add(-walledLook))).Scan(&n, &since, &why)
	if err != nil {
		return "", fmt.Errorf("unread pages of source %d: %w", source, err)
	}
	age := s.Now().Sub(since.Time)
	if n < walledAt || age < walledFor || why.String == "" {
		return "", nil
	}
	return fmt.Sprintf("it answers, but for %s none of its articles could be read: %s", ageWords(age), why.String), nil
}

// publishedBy is when the newest entries of a source were published: its habit.
func (s *Store) publishedBy(ctx context.Context, source int64) ([]time.Time, error) {
	list, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (time.Time, error) {
		var t schema.Time
		err := r.Scan(&t)
		return t.Time, err
	}, `select published_at from entries where source_id = $1 order by published_at desc limit 200`, source)
	if err != nil {
		return nil, fmt.Errorf("habit of source %d: %w", source, err)
	}
	return list, nil
}
