package trend

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// pollMost bounds the views of a site's own counters that wait while ours do
// not answer.
const pollMost = 20000

// Run polls every so often until ctx ends and hands what has grown to add,
// again and again until add takes it. Of several processes that run the same
// layout on one database, one reads; another goes on when it is gone, from the
// time of its last reading: what old articles grew by in between is lost,
// nothing counts twice.
func (p *Poller) Run(ctx context.Context, db *schema.DB, owner string, every time.Duration, add func(context.Context, []View) error) error {
	if err := p.init(); err != nil {
		return err
	}
	var waiting []View
	was := error(nil)
	for {
		err := p.turn(ctx, db, owner, every, &waiting)
		if err == nil && len(waiting) > 0 {
			if err = add(ctx, waiting); err == nil {
				waiting = nil
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && was == nil:
			p.Log.Warn("the site's own counters are not read", "layout", p.Layout.Key, "error", err, "waiting", len(waiting))
		case err == nil && was != nil:
			p.Log.Info("the site's own counters are read again", "layout", p.Layout.Key)
		}
		was = err
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

// turn reads once, if it is this process's turn.
func (p *Poller) turn(ctx context.Context, db *schema.DB, owner string, every time.Duration, waiting *[]View) error {
	mine, since, err := p.claim(ctx, db, owner, every)
	if err != nil || !mine {
		p.forget(time.Time{})
		return err
	}
	if since.After(p.at) { // another has read meanwhile, or this process is new
		p.forget(since)
	}
	views, err := p.Poll(ctx)
	if err != nil {
		return err
	}
	*waiting = append(*waiting, views...)
	if n := len(*waiting) - pollMost; n > 0 {
		p.Log.Warn("views of the site's own counters are lost: too many wait", "layout", p.Layout.Key, "views", n)
		*waiting = (*waiting)[n:]
	}
	_, err = db.Write.ExecContext(ctx, "update view_polls set read_at = $3 where layout = $1 and owner = $2", p.name(), owner, schema.At(p.at))
	if err != nil {
		return fmt.Errorf("note the reading: %w", err)
	}
	return nil
}

// forget makes the next reading the first after one at since.
func (p *Poller) forget(since time.Time) { p.at, p.last = since, make(map[string]reading) }

// name tells layouts apart in the database.
func (p *Poller) name() string {
	l := p.Layout
	return strings.Join([]string{l.Kind, l.Key, l.Member, l.Field, l.Article}, " ")
}

// claim takes or keeps the turn for three periods and says when anybody read last.
func (p *Poller) claim(ctx context.Context, db *schema.DB, owner string, every time.Duration) (mine bool, since time.Time, err error) {
	now := p.Now()
	var at schema.Time
	err = db.Write.QueryRowContext(ctx, `insert into view_polls (layout, owner, until_at) values ($1, $2, $3)
		on conflict (layout) do update set owner = excluded.owner, until_at = excluded.until_at
		where view_polls.owner = excluded.owner or view_polls.until_at < $4
		returning read_at`, p.name(), owner, schema.At(now.Add(3*every)), schema.At(now)).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return false, time.Time{}, nil
	}
	if err != nil {
		return false, time.Time{}, fmt.Errorf("claim the reading: %w", err)
	}
	return true, at.Time, nil
}

// Check says what is wrong with a layout, nil = nothing.
func (l Layout) Check() error { return (&Poller{Layout: l}).init() }

// Keys reads the layout once and returns the keys of all articles it counts.
func (p *Poller) Keys(ctx context.Context) ([]string, error) {
	if err := p.init(); err != nil {
		return nil, err
	}
	values, err := p.read(ctx, p.key.dated(p.Now().In(p.zone)))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p.Layout.Key, err)
	}
	var keys []string
	for id := range keysOf(values) {
		keys = append(keys, p.article.with(id))
	}
	return keys, nil
}
