package trend

import (
	"context"
	"fmt"
	"time"
)

// olderViews remembers the sums of view_days for a while: they move slowly.
type olderViews struct {
	at    time.Time
	views map[string]float64
}

// olderLife is how long sums of days are good; olderMost bounds their number.
const (
	olderLife = 3 * time.Hour
	olderMost = 20000
)

// older is the views of articles before the last three days, of the most
// viewed ones.
func (r *Ranker) older(ctx context.Context, now time.Time) (map[string]float64, error) {
	if c := r.olderCache.Load(); c != nil && now.Sub(c.at).Abs() < olderLife {
		return c.views, nil
	}
	day := DayOf(now)
	rows, err := r.DB.Read.QueryContext(ctx, `select article_key, sum(views) from view_days where day >= $1 and day <= $2
		group by article_key order by sum(views) desc limit $3`, day-olderDays, day, olderMost)
	if err != nil {
		return nil, fmt.Errorf("read older views: %w", err)
	}
	views := make(map[string]float64)
	err = scanAll(rows, func() error {
		var key string
		var n float64
		if err := rows.Scan(&key, &n); err != nil {
			return err
		}
		views[key] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read older views: %w", err)
	}
	r.olderCache.Store(&olderViews{now, views})
	return views, nil
}
