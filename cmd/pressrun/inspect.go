package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"pressrun/templates"
)

// inspection remembers the last look at what surrounds us: only what was in order
// once, which the database knows, and no longer is, twice in a row, is announced.
// So a machine that cannot reach its own public address, and a record that an admin
// does without, raise no alarm.
type inspection struct {
	mu    sync.Mutex
	began time.Time // of the first look for visits
	away  int       // looks in a row at which the public address did not answer
	dns   map[record]dnsState
}

// Inspect looks every quarter of an hour at what a newsroom depends on and nobody
// looks at: room on the disk, visits to the site, the way of its own letters, and where mail leaves this machine also the address
// and the certificate behind readers' links, and the DNS.
func (p *Press) Inspect(ctx context.Context, quarter int64) error {
	p.inspected.mu.Lock()
	defer p.inspected.mu.Unlock()
	err := errors.Join(p.inspectDisk(ctx, room), p.inspectVisits(ctx), p.inspectLetters(ctx), p.endGone(ctx, false))
	if p.Config.unarmed() && len(p.Mailer.Relays) > 0 { // not for trials into a maildir
		err = errors.Join(err, p.Installation.MarkGood(ctx, leavesBy, "on this machine"))
	}
	if !p.mailsOutside() {
		return err
	}
	err = errors.Join(err, p.inspectAddress(ctx, http.DefaultTransport))
	if quarter%4 == 0 || p.inspected.dns == nil {
		err = errors.Join(err, p.inspectDNS(ctx, ""))
	}
	return err
}

// mailsOutside reports whether mail is to leave this machine.
func (p *Press) mailsOutside() bool {
	return !p.Config.Catch && len(p.Config.Relays) > 0 && !p.Config.onlyLoopback()
}

// inspectAddress looks whether readers' links lead to us.
func (p *Press) inspectAddress(ctx context.Context, by http.RoundTripper) error {
	begins, ends, err := probe(ctx, p.Config.PublicURL, by)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	at := &p.inspected
	if err != nil {
		reached, unknown := p.Installation.KnownGood(ctx, "address")
		if at.away++; unknown != nil || at.away < 2 {
			return unknown
		}
		if !slices.Contains(reached, p.Config.PublicURL) {
			return nil
		}
		p.Alarm(ctx, "address", p.Config.PublicURL, technically(fmt.Sprintf("The links in mails begin with %s, and pressrun does not answer there any more. "+
			"Until it does, nobody can confirm, leave or read on the web. Look at the proxy, its certificate and the DNS.", p.Config.PublicURL), err))
		return nil
	}
	at.away = 0
	if err := p.Installation.MarkGood(ctx, "address", p.Config.PublicURL); err != nil {
		return err
	}
	p.Clear(ctx, "address", p.Config.PublicURL)
	if overdue(begins, ends, p.Now()) {
		p.Alarm(ctx, "certificate", p.Config.PublicURL, fmt.Sprintf("The certificate of %s ends on %s and has not been renewed. From then on no link in a mail works. Look at what renews it.", p.Config.PublicURL, templates.Words("en").LongDate(ends)))
	} else {
		p.Clear(ctx, "certificate", p.Config.PublicURL)
	}
	return nil
}

// renewed is how long before its end a certificate has been replaced by whatever
// does so: thirty days is usual, a third of its life for short ones, of which a
// sixth is left when it is announced.
const renewed = 5 * 24 * time.Hour

// overdue reports whether a certificate should have been renewed. The zero time
// stands for none.
func overdue(begins, ends, now time.Time) bool {
	return !ends.IsZero() && ends.Sub(now) < min(renewed, ends.Sub(begins)/6)
}

// probe asks for /healthz at a public address, and returns from when to when its
// certificate counts.
func probe(ctx context.Context, public string, by http.RoundTripper) (begins, ends time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, public+"/healthz", nil)
	if err != nil {
		return begins, ends, err
	}
	res, err := (&http.Client{Transport: by}).Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // what was asked, our callers say
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		err = fmt.Errorf("nothing listens at %s", req.URL.Host)
	}
	if err != nil {
		return begins, ends, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 100))
	if err != nil {
		return begins, ends, err
	}
	if res.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != "ok" {
		return begins, ends, fmt.Errorf("%s answers with %s and what is not ours", req.URL, res.Status)
	}
	if res.TLS != nil && len(res.TLS.PeerCertificates) > 0 {
		begins, ends = res.TLS.PeerCertificates[0].NotBefore, res.TLS.PeerCertificates[0].NotAfter
	}
	return begins, ends, nil
}

// usualVisits is how many visits in three hours tell that a site is read at that
// time of day.
const usualVisits = 60

// inspectVisits announces that hardly any visit is counted where there were many
// at the same time of the last two days: the beacon has gone from the site's pages,
// or what reports visits has ended. It is over once visits come again.
func (p *Press) inspectVisits(ctx context.Context) error {
	const kind, subject, hours, top = "views", "visits", 3 * time.Hour, 100
	at := &p.inspected
	if at.began.IsZero() {
		at.began = p.Now()
	}
	end := p.Now().Truncate(time.Hour)
	var seen [3]int // now, a day ago, two days ago: of the articles that are read most
	for day := range seen {
		to := end.Add(-time.Duration(day) * 24 * time.Hour)
		counts, err := p.Counters.Hours(ctx, to.Add(-hours), to, top)
		if err != nil {
			return nil // counters that do not answer are announced by watchViews
		}
		for _, article := range counts {
			for _, c := range article {
				seen[day] += c.Views
			}
		}
	}
	switch usual := min(seen[1], seen[2]); {
	case usual >= usualVisits && seen[0]*20 < usual && at.began.After(end.Add(-hours)): // nobody was here to count
	case usual >= usualVisits && seen[0]*20 < usual:
		p.Alarm(ctx, kind, subject, fmt.Sprintf("%d visits to the site were counted from %s to %s, %d a day before and %d two days before. "+
			"Has the beacon gone from its pages, or has what reports visits ended? Issues are ranked by date until visits are counted again, and say so.",
			seen[0], end.Add(-hours).UTC().Format("15:04"), end.UTC().Format("15:04 MST"), seen[1], seen[2]))
	case seen[0] >= usualVisits:
		p.Clear(ctx, kind, subject)
	}
	return nil
}

// lowRoom is how little room on a disk is announced: what some days of a busy
// newsroom and a backup take, or on a small disk a tenth of it.
const lowRoom = 1 << 30

// inspectDisk looks at the disks of database and journal. A full one holds all
// sending up.
func (p *Press) inspectDisk(ctx context.Context, room func(dir string) (free, all uint64, err error)) error {
	var failed error
	for _, dir := range p.Config.disks() {
		free, all, err := room(dir)
		low := min(lowRoom, all/10)
		switch {
		case err != nil:
			failed = errors.Join(failed, fmt.Errorf("room on the disk of %s: %w", dir, err))
		case free < low:
			p.Alarm(ctx, "disk", dir, littleRoom(dir, free, all))
		case free >= low+low/4: // not at each file that comes and goes
			p.Clear(ctx, "disk", dir)
		}
	}
	return failed
}

// littleRoom says that a disk is nearly full.
func littleRoom(dir string, free, all uint64) string {
	return fmt.Sprintf("Of %.1f GB on the disk of %s, %.1f GB are free. When it is full, nothing is collected or sent. Make room.", float64(all)/1e9, dir, float64(free)/1e9)
}

// disks are the directories that are written to while serve runs: of the journal, and
// of a database that is a file.
func (c *Config) disks() []string {
	dirs := []string{filepath.Dir(c.Journal)}
	if !strings.Contains(c.Database, "://") {
		dirs = append(dirs, filepath.Dir(c.Database))
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// room is how many bytes of a disk we may still write, and how many it has.
func room(dir string) (free, all uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}
