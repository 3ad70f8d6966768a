package digest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// Source is a feed, WordPress site, news sitemap or page list that is polled.
type Source struct {
	ID       int64     `json:"id"`
	Kind     string    `json:"kind"` // feed | wordpress | sitemap | pages
	URL      string    `json:"url"`  // what is polled
	SiteURL  string    `json:"site_url"`
	Host     string    `json:"host"` // of its articles, without "www."
	Title    string    `json:"title"`
	Language string    `json:"language,omitempty"`
	Rights   string    `json:"rights"`           // own | licensed | quote
	State    string    `json:"state"`            // active | paused | failing
	Reason   string    `json:"reason,omitempty"` // why it is failing, in words
	Errors   int       `json:"errors"`           // polls in a row that failed
	Interval int       `json:"interval_s"`       // seconds between polls
	ETag     string    `json:"-"`
	Modified string    `json:"-"`
	BodyHash string    `json:"-"`
	NextPoll time.Time `json:"next_poll_at"`
	LastPoll time.Time `json:"last_poll_at"`
	LastOK   time.Time `json:"last_ok_at"`
	LastNew  time.Time `json:"last_new_at"`
}

// FailingAfter is how many polls in a row must fail before a source is called
// failing and an alarm is raised.
const FailingAfter = 3

const sourceColumns = `id, kind, url, site_url, host, title, language, rights, state, reason, errors, interval_s,
	etag, last_modified, body_hash, next_poll_at, last_poll_at, last_ok_at, last_new_at`

func scanSource(rows interface{ Scan(...any) error }) (Source, error) {
	var s Source
	var next, polled, ok, fresh schema.Time
	err := rows.Scan(&s.ID, &s.Kind, &s.URL, &s.SiteURL, &s.Host, &s.Title, &s.Language, &s.Rights, &s.State, &s.Reason, &s.Errors,
		&s.Interval, &s.ETag, &s.Modified, &s.BodyHash, &next, &polled, &ok, &fresh)
	s.NextPoll, s.LastPoll, s.LastOK, s.LastNew = next.Time, polled.Time, ok.Time, fresh.Time
	return s, err
}

// AddSource stores a new source, due at once, and returns it with its id. A
// source with the same URL is returned as it is stored.
func (s *Store) AddSource(ctx context.Context, src Source) (Source, error) {
	site := src.SiteURL
	if site == "" {
		site = src.URL
	}
	u, err := url.Parse(site)
	if err != nil || u.Host == "" {
		return Source{}, fmt.Errorf("add source %q: that is not a web address; write https://host/path", src.URL)
	}
	src.SiteURL, src.Host = site, Host(u.Hostname())
	if src.Rights == "" {
		src.Rights = "quote"
	}
	if src.Interval == 0 {
		src.Interval = 600
	}
	now := schema.At(s.Now())
	_, err = s.DB.Write.ExecContext(ctx, `
		insert into sources (kind, url, site_url, host, title, language, rights, interval_s, created_at, next_poll_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
		on conflict (url) do nothing`,
		src.Kind, src.URL, src.SiteURL, src.Host, src.Title, src.Language, src.Rights, src.Interval, now)
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
	return each(ctx, s.DB.Read, func(r *sql.Rows) (Source, error) { return scanSource(r) },
		`select `+sourceColumns+` from sources order by title, id`)
}

// DueSources lists the sources that should be polled now, the longest due first.
func (s *Store) DueSources(ctx context.Context) ([]Source, error) {
	return each(ctx, s.DB.Read, func(r *sql.Rows) (Source, error) { return scanSource(r) },
		`select `+sourceColumns+` from sources where state <> 'paused' and next_poll_at <= $1 order by next_poll_at`, schema.At(s.Now()))
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

// PauseSource stops or resumes polling.
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
	MovedTo     string // permanent redirect
	Title       string
	ETag        string
	Modified    string
	BodyHash    string
	New         int           // entries not seen before
	RetryAfter  time.Duration // the server asked to wait
	MinInterval time.Duration // Cache-Control, ttl
}

// MinPoll and MaxPoll bound the time between two polls of a source.
const (
	MinPoll = 2 * time.Minute
	MaxPoll = 6 * time.Hour
)

// Polled records a poll and plans the next: more often while there is news,
// less often while there is none, backing off while it fails. It reports
// whether the source has just become failing and whether it has just recovered.
func (s *Store) Polled(ctx context.Context, src Source, p Poll) (failing, recovered bool, err error) {
	now := s.Now()
	wasFailing := src.State == "failing"
	src.LastPoll = now
	if p.Err != "" {
		src.Errors++
		src.Reason = p.Err
		if src.Errors >= FailingAfter {
			src.State = "failing"
		}
	} else {
		src.Errors, src.Reason, src.State, src.LastOK = 0, "", "active", now
		src.ETag, src.Modified, src.BodyHash = p.ETag, p.Modified, p.BodyHash
		if src.Title == "" {
			src.Title = p.Title
		}
		if p.New > 0 {
			src.LastNew = now
		}
	}
	if p.MovedTo != "" {
		src.URL = p.MovedTo
	}
	wait := nextPoll(src, p)
	_, err = s.DB.Write.ExecContext(ctx, `
		update sources set url = $2, title = $3, state = $4, reason = $5, errors = $6, interval_s = $7, etag = $8, last_modified = $9,
			body_hash = $10, next_poll_at = $11, last_poll_at = $12, last_ok_at = $13, last_new_at = $14
		where id = $1 and state <> 'paused'`,
		src.ID, src.URL, src.Title, src.State, src.Reason, src.Errors, int(wait.Seconds()), src.ETag, src.Modified,
		src.BodyHash, schema.At(now.Add(wait)), schema.At(src.LastPoll), schema.At(src.LastOK), schema.At(src.LastNew))
	return src.State == "failing" && !wasFailing, wasFailing && src.State == "active", err
}

// nextPoll is how long to wait: what the server asks for is obeyed within the
// bounds, and Retry-After beyond them.
func nextPoll(src Source, p Poll) time.Duration {
	wait := time.Duration(src.Interval) * time.Second
	switch {
	case p.Err != "":
		wait = min(wait*2, MaxPoll)
	case p.New > 0:
		wait = wait * 2 / 3
	default:
		wait = wait * 5 / 4
	}
	wait = max(min(wait, time.Hour), MinPoll, min(p.MinInterval, MaxPoll))
	if p.Err != "" {
		wait = min(wait*time.Duration(src.Errors), MaxPoll)
	}
	return max(wait, p.RetryAfter)
}

// SilentAfter is the quiet time after which a working source counts as silent.
const SilentAfter = 48 * time.Hour

// Silent reports whether the source answers but has brought nothing new for
// longer than a news site is ever quiet.
func (src Source) Silent(now time.Time) bool {
	return src.State == "active" && !src.LastNew.IsZero() && now.Sub(src.LastNew) > SilentAfter
}
