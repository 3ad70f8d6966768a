package digest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/feed"
	"pressrun/digest/fetch"
)

// fallBack has a WordPress source whose REST interface was switched off read the
// site's feed from now on, and one whose sitemap is gone, as yesterday's is where
// they have a date in their names, the one that the site has now. Its note says
// so. It reports false when the site has none, or one that another source reads
// already: then the source fails as any other.
func (c *Collector) fallBack(ctx context.Context, src *Source, why string) (bool, error) {
	found, err := c.Client.Discover(ctx, src.SiteURL)
	if err != nil {
		return false, nil // the site's own trouble: the next poll asks again
	}
	kinds, kind, note := []string{feed.RSS, feed.Atom, feed.RDF, feed.JSON}, "feed", "its WordPress interface %s was closed on %s (%s): the feed is read instead"
	if src.Kind == "sitemap" {
		kinds, kind, note = []string{feed.Sitemap}, "sitemap", "its sitemap %s was gone on %s (%s): the one that the site has now is read instead"
	}
	note = fmt.Sprintf(note, src.URL, c.Now().UTC().Format("2 January 2006, 15:04 UTC"), why)
	for _, f := range found {
		if !slices.Contains(kinds, f.Kind) {
			continue
		}
		err := c.rereadFrom(ctx, src.ID, kind, f.URL, note)
		if errors.Is(err, ErrState) {
			continue // another source reads that one
		}
		if err != nil {
			return false, err
		}
		src.Kind, src.URL, src.Note, src.ETag, src.Modified, src.BodyHash = kind, f.URL, note, "", "", ""
		return true, nil
	}
	return false, nil
}

// goOnEvery is how often at most a site is asked where it goes on.
const goOnEvery = 2 * time.Hour

// goOn has a source whose sitemap is of a month or day that is over, and had
// nothing new, polled where its site goes on: all it listed was listed by two
// polls by then. Its note says so. A site is asked at the first poll of every two
// hours, so often that a morning's issue has the news of the month's first day.
func (c *Collector) goOn(ctx context.Context, src Source) error {
	if now := c.Now(); !fetch.Ended(src.URL, now) || !now.Truncate(goOnEvery).After(src.LastPoll) {
		return nil
	}
	next := c.Client.Successor(ctx, src.URL)
	if next == "" {
		return nil // the alarm of a silent source tells
	}
	note := fmt.Sprintf("its sitemap %s had ended by %s: the site goes on in the one that is read instead", src.URL, c.Now().UTC().Format("2 January 2006, 15:04 UTC"))
	err := c.rereadFrom(ctx, src.ID, "sitemap", next, note)
	if errors.Is(err, ErrState) {
		note = fmt.Sprintf("its sitemap has ended, and where the site goes on, %s, another source reads: pause this one", next)
		_, err = c.DB.Write.ExecContext(ctx, `update sources set note = $2 where id = $1`, src.ID, note)
	}
	return err
}

// rereadFrom has a source polled at another address, at once. ErrState when
// another source polls that one.
func (s *Store) rereadFrom(ctx context.Context, id int64, kind, address, note string) error {
	res, err := s.DB.Write.ExecContext(ctx, `
		update sources set kind = $2, former = former || url || ' ', url = $3, note = $4, etag = '', last_modified = '', body_hash = '', next_poll_at = $5
		where id = $1 and not exists (select 1 from sources where url = $3)`, id, kind, address, note, schema.At(s.Now()))
	if err != nil {
		return fmt.Errorf("read source %d from %s: %w", id, address, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fmt.Errorf("read source %d from %s: another source does: %w", id, address, ErrState)
	}
	return nil
}

// sinceListed is the source and the backlog for the first poll of one that is
// read another way now: what came out before its last good poll was listed by
// that poll, or is older than all it listed, and so is what has no date. An hour
// is for clocks that differ; what is known by its address is not told twice.
func (c *Collector) sinceListed(src Source, backlog time.Duration) (Source, time.Duration) {
	if !src.LastOK.IsZero() {
		backlog = c.Now().Sub(src.LastOK) + time.Hour
	}
	src.LastOK = time.Time{}
	return src, backlog
}
