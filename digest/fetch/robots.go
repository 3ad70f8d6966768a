package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	robotsFresh   = 6 * time.Hour
	robotsFailed  = 10 * time.Minute
	maxCrawlDelay = 30 * time.Second
	maxRobots     = 1000 // hosts remembered
)

type robotsCache struct {
	mu    sync.Mutex
	hosts map[string]robotsEntry
}

// robotsEntry is what one host said, or why it said nothing.
type robotsEntry struct {
	rules robots
	err   error
	until time.Time
}

// Robots reports whether the site's robots.txt lets us fetch the page, and the
// pause it asks for between pages (Crawl-delay, at most 30 s, 0 = none). What
// a host said is remembered for six hours.
//
// A site without the file allows everything; one whose file cannot be read
// for a fault of its own (5xx, no connection) allows nothing for now, and err
// says why (RFC 9309 section 2.3.1).
func (c *Client) Robots(ctx context.Context, page string) (allowed bool, delay time.Duration, err error) {
	u, err := c.checkURL(page)
	if err != nil {
		return false, 0, err
	}
	e := c.robotsOf(ctx, u)
	if e.err != nil {
		return false, 0, e.err
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return e.rules.allows(path), e.rules.delay, nil
}

// delay is the pause that the host asked for when its robots.txt was read last.
func (r *robotsCache) delay(u *url.URL, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.hosts[u.Scheme+"://"+u.Host]; now.Before(e.until) {
		return e.rules.delay
	}
	return 0
}

// Product is the name robots.txt knows us by: the user agent up to its version.
func (c *Client) Product() string {
	name, _, _ := strings.Cut(c.userAgent(), "/")
	name, _, _ = strings.Cut(name, " ")
	return strings.ToLower(name)
}

func (c *Client) robotsOf(ctx context.Context, u *url.URL) robotsEntry {
	c.robots.mu.Lock()
	e, known := c.robots.hosts[u.Scheme+"://"+u.Host]
	c.robots.mu.Unlock()
	if known && c.now().Before(e.until) {
		return e
	}
	return c.renewRobots(ctx, u)
}

// renewRobots asks a host again, whatever is remembered of it.
func (c *Client) renewRobots(ctx context.Context, u *url.URL) robotsEntry {
	host := u.Scheme + "://" + u.Host
	c.robots.mu.Lock()
	e, known := c.robots.hosts[host]
	c.robots.mu.Unlock()
	fresh := c.fetchRobots(ctx, host)
	if fresh.err != nil && known && e.err == nil && ctx.Err() == nil {
		fresh.rules, fresh.err = e.rules, nil // the old rules hold while the site is down
	}
	if ctx.Err() != nil {
		return fresh
	}
	c.robots.mu.Lock()
	defer c.robots.mu.Unlock()
	if c.robots.hosts == nil || len(c.robots.hosts) >= maxRobots {
		c.robots.hosts = map[string]robotsEntry{}
	}
	c.robots.hosts[host] = fresh
	return fresh
}

func (c *Client) fetchRobots(ctx context.Context, host string) robotsEntry {
	r, err := c.get(ctx, host+"/robots.txt", Validators{}, c.maxBytes())
	var fe *Error
	switch {
	case errors.As(err, &fe) && (fe.Kind == KindEmpty || fe.Kind == KindRedirect || fe.Status >= 400 && fe.Status < 500):
		r.Body = nil // "unavailable": everything is allowed
	case err != nil:
		return robotsEntry{err: fmt.Errorf("robots.txt: %w", err), until: c.now().Add(robotsFailed)}
	}
	return robotsEntry{rules: parseRobots(r.Body, c.Product()), until: c.now().Add(robotsFresh)}
}
