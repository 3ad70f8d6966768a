package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// inspection remembers what the last looks at what surrounds us have found: only
// what was in order and no longer is, twice in a row, is announced. So a machine
// that cannot reach its own public address, and a record that an admin does
// without, raise no alarm.
type inspection struct {
	mu        sync.Mutex
	reached   bool // the public address answered once
	away      int  // looks in a row at which it did not
	dns       bool // the DNS has been looked at
	accepted  []string
	suspected []string // what is wrong in the DNS, by text
}

// Inspect looks every quarter of an hour at what a newsroom depends on and nobody
// looks at: room on the disk, visits to the site, and where mail leaves this machine also the address
// and the certificate behind readers' links, and the DNS.
func (p *Press) Inspect(ctx context.Context, quarter int64) error {
	p.inspected.mu.Lock()
	defer p.inspected.mu.Unlock()
	err := errors.Join(p.inspectDisk(ctx, room), p.inspectVisits(ctx))
	if p.Config.Catch || len(p.Config.Relays) == 0 || p.Config.onlyLoopback() {
		return err
	}
	err = errors.Join(err, p.inspectAddress(ctx, http.DefaultTransport))
	if quarter%4 == 0 || !p.inspected.dns {
		p.inspectDNS(ctx, "")
	}
	return err
}

// inspectAddress looks whether readers' links lead to us.
func (p *Press) inspectAddress(ctx context.Context, by http.RoundTripper) error {
	ends, err := probe(ctx, p.Config.PublicURL, by)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	at := &p.inspected
	if err != nil {
		at.away++
		if at.reached && at.away >= 2 {
			p.Alarm(ctx, "address", p.Config.PublicURL, fmt.Sprintf("The links in mails begin with %s, and pressrun does not answer there any more: %v. "+
				"Until it does, nobody can confirm, leave or read on the web. Look at the proxy, its certificate and the DNS.", p.Config.PublicURL, err))
		}
		return nil
	}
	at.reached, at.away = true, 0
	p.Clear(ctx, "address", p.Config.PublicURL)
	if !ends.IsZero() && ends.Sub(p.Now()) < renewed {
		p.Alarm(ctx, "certificate", p.Config.PublicURL, fmt.Sprintf("The certificate of %s ends on %s and has not been renewed. From then on no link in a mail works. Look at what renews it.", p.Config.PublicURL, when(ends)))
	} else {
		p.Clear(ctx, "certificate", p.Config.PublicURL)
	}
	return nil
}

// renewed is how long before its end a certificate is replaced by whatever does
// so: thirty days is usual, a third of its life for short ones.
const renewed = 5 * 24 * time.Hour

// probe asks for /healthz at a public address, and returns when its certificate
// ends.
func probe(ctx context.Context, public string, by http.RoundTripper) (ends time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, public+"/healthz", nil)
	if err != nil {
		return ends, err
	}
	res, err := (&http.Client{Transport: by}).Do(req)
	if err != nil {
		return ends, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 100))
	if err != nil {
		return ends, err
	}
	if res.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != "ok" {
		return ends, fmt.Errorf("%s answers with %s and what is not ours", req.URL, res.Status)
	}
	if res.TLS != nil && len(res.TLS.PeerCertificates) > 0 {
		ends = res.TLS.PeerCertificates[0].NotAfter
	}
	return ends, nil
}

// inspectDNS looks whether what receivers of our mail want is still there.
func (p *Press) inspectDNS(ctx context.Context, resolver string) {
	at := &p.inspected
	var wrong []string
	lost := map[string][]string{} // spf, dkim … → what is wrong with it, twice in a row and not from the beginning
	for _, f := range p.examineDNS(ctx, resolver) {
		if lost[f.What] == nil {
			lost[f.What] = []string{}
		}
		if f.OK {
			continue
		}
		wrong = append(wrong, f.Text)
		if at.dns && !slices.Contains(at.accepted, f.Text) && slices.Contains(at.suspected, f.Text) {
			lost[f.What] = append(lost[f.What], f.Text)
		}
	}
	if ctx.Err() != nil {
		return
	}
	if at.suspected = wrong; !at.dns {
		at.dns, at.accepted = true, wrong
		return
	}
	for what, texts := range lost {
		if len(texts) == 0 {
			p.Clear(ctx, "dns", what)
		} else {
			p.Alarm(ctx, "dns", what, "The DNS no longer says what receivers of our mail want: "+strings.Join(texts, "; ")+". See: pressrun doctor dns")
		}
	}
}

// usualVisits is how many visits in three hours tell that a site is read at that
// time of day.
const usualVisits = 60

// inspectVisits announces that hardly any visit is counted where there were many
// at the same time of the last two days: the beacon has gone from the site's pages,
// or what reports visits has ended. It is over once visits come again.
func (p *Press) inspectVisits(ctx context.Context) error {
	const kind, subject, hours, top = "views", "visits", 3 * time.Hour, 100
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
	case usual >= usualVisits && seen[0]*20 < usual:
		p.Alarm(ctx, kind, subject, fmt.Sprintf("%d visits to the site were counted from %s to %s, %d a day before and %d two days before. "+
			"Has the beacon gone from its pages, or has what reports visits ended? Issues are ranked by date until visits are counted again, and say so.",
			seen[0], when(end.Add(-hours)), when(end), seen[1], seen[2]))
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
	dirs := []string{filepath.Dir(p.Config.Journal)}
	if !strings.Contains(p.Config.Database, "://") {
		dirs = append(dirs, filepath.Dir(p.Config.Database))
	}
	slices.Sort(dirs)
	var failed error
	for _, dir := range slices.Compact(dirs) {
		free, all, err := room(dir)
		switch {
		case err != nil:
			failed = errors.Join(failed, fmt.Errorf("room on the disk of %s: %w", dir, err))
		case free < min(lowRoom, all/10):
			p.Alarm(ctx, "disk", dir, fmt.Sprintf("Of %.1f GB on the disk of %s, %.1f GB are free. When it is full, nothing is collected or sent. Make room.", float64(all)/1e9, dir, float64(free)/1e9))
		default:
			p.Clear(ctx, "disk", dir)
		}
	}
	return failed
}

// room is how many bytes of a disk we may still write, and how many it has.
func room(dir string) (free, all uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}
