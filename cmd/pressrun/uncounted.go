package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"pressrun/digest/trend"
	"pressrun/templates"
)

// counting is until when visits are known to have been counted.
type counting struct {
	looked  bool      // for what the run before has left
	began   time.Time // of this run
	marked  time.Time // when that was written down last
	down    time.Time // since when the counters are away
	dropped int64     // visits that were lost in this run, as far as announced
}

// leastGap is how long visits may go uncounted without a word: a restart, or a new
// version. keepGap is how long an alarm about it stands: so long an issue is ranked
// with less.
const (
	leastGap = 10 * time.Minute
	keepGap  = 24 * time.Hour
)

// uncounted is the kind of the alarm about visits that nobody counted; its subject is
// from when on.
const uncounted = "uncounted"

// watchCounting announces visits that were not counted and never will be: pressrun did
// not run, or the counters were away for so long that not all of them fit in memory.
func (p *Press) watchCounting(ctx context.Context, st trend.Stats) error {
	c, now := &p.counting, p.Now()
	if c.began.IsZero() {
		c.began = now
	}
	var lost int64
	for _, n := range st.Dropped {
		lost += n
	}
	switch {
	case !c.looked:
		if err := p.tellGap(ctx, c.began); err != nil {
			return err
		}
		c.looked = true
	case st.Down:
		c.down = st.DownAt
		return nil
	case lost > c.dropped:
		if c.down.IsZero() {
			c.down = c.marked
		}
		err := p.raise(ctx, uncounted, c.down.UTC().Format(time.RFC3339), fmt.Sprintf("%s visits of the time from %s to %s are lost: the counters were away, and no more could be kept in memory. "+
			"Issues are ranked with less. This ends by itself a day later.", templates.Words("en").Number(int(lost-c.dropped)), templates.Exact(c.down), templates.Exact(now)))
		if err != nil {
			return err
		}
		c.dropped = lost
	}
	c.down = time.Time{}
	if since := now.Sub(c.marked); since >= 0 && since < time.Minute {
		return nil
	}
	if err := p.Installation.MarkGood(ctx, "views", "counting"); err != nil {
		return err
	}
	c.marked = now
	return nil
}

// tellGap announces the time before this run in which nobody counted, where the site
// was read in the same hours of the day before. Counters of a site's own went on, and
// so did what else writes down visits.
func (p *Press) tellGap(ctx context.Context, to time.Time) error {
	from, err := p.Installation.LastGood(ctx, "views", "counting")
	gap := to.Sub(from)
	if err != nil || from.IsZero() || gap < leastGap || len(p.pollers) > 0 {
		return err
	}
	days := time.Duration(math.Ceil(gap.Hours()/24)) * 24 * time.Hour
	usual, err := p.visitsIn(ctx, from.Add(-days), to.Add(-days))
	if err != nil || usual < usualVisits {
		return err
	}
	if got, err := p.visitsIn(ctx, from, to); err != nil || got > usual/2 {
		return err
	}
	return p.raise(ctx, uncounted, from.UTC().Format(time.RFC3339), fmt.Sprintf("From %s to %s pressrun did not run, and no visit to the site was counted; about %s were in the same hours before. "+
		"Issues are ranked with less. This ends by itself a day later.", templates.Exact(from), templates.Exact(to), templates.Words("en").Number(usual)))
}

// visitsIn is about how many visits were counted, of the articles that are read most.
func (p *Press) visitsIn(ctx context.Context, from, to time.Time) (int, error) {
	first, end := from.Truncate(time.Hour), to.Add(time.Hour-1).Truncate(time.Hour)
	counts, err := p.Counters.Hours(ctx, first, end, 100)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, article := range counts {
		for _, c := range article {
			n += c.Views
		}
	}
	return int(float64(n) * float64(to.Sub(from)) / float64(end.Sub(first))), nil
}
