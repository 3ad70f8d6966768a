package trend_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/trend"
)

// TestPollersTakeTurns has two processes read the same counters, one of which
// ends and comes back: what grew is counted once, a young article's counter is
// not counted whole again.
func TestPollersTakeTurns(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		c, ctx := redisClient(t), t.Context()
		now := noon
		process := func() *trend.Poller {
			return &trend.Poller{Client: c, Layout: trend.Layout{Kind: "counter", Key: "views:{id}"}, Log: silent, Now: func() time.Time { return now },
				Published: func(key string) (time.Time, bool) { return noon.Add(-time.Hour), key == "young" }}
		}
		turn := func(p *trend.Poller, owner string, want int) {
			t.Helper()
			views, err := p.Turn(ctx, db, owner, time.Minute)
			got := 0
			for _, v := range views {
				got += v.N
			}
			if err != nil || got != want {
				t.Errorf("%s at %s: got %d views, %v; want %d", owner, now.Format("15:04:05"), got, err, want)
			}
			now = now.Add(30 * time.Second)
		}
		c.Set(ctx, "views:young", 40, 0)
		c.Set(ctx, "views:old", 700, 0)
		a, b := process(), process()
		turn(a, "a", 40) // the very first reading: younger than a day counts whole
		turn(b, "b", 0)  // not its turn
		c.IncrBy(ctx, "views:old", 3)
		turn(b, "b", 0)
		turn(a, "a", 3)
		a = process() // started anew
		c.IncrBy(ctx, "views:young", 5)
		turn(a, "a2", 0) // the old one's turn lasts
		now = now.Add(4 * time.Minute)
		turn(b, "b", 0) // takes over: young was there at the last reading
		c.IncrBy(ctx, "views:young", 2)
		turn(b, "b", 2)
		turn(a, "a2", 0)
		now = now.Add(4 * time.Minute)
		c.IncrBy(ctx, "views:old", 1)
		turn(a, "a2", 0)
		c.IncrBy(ctx, "views:old", 1)
		turn(a, "a2", 1)
	})
}

func TestPollerRunsUntilTaken(t *testing.T) {
	c, db := redisClient(t), schematest.SQLite(t)
	p, _ := poller(c, trend.Layout{Kind: "counter", Key: "views:{id}"})
	p.Published = func(string) (time.Time, bool) { return noon, true }
	c.Set(t.Context(), "views:a", 7, 0)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	got, tries := 0, 0
	done := make(chan error, 1)
	go func() {
		done <- p.Run(ctx, db, "me", 5*time.Millisecond, func(_ context.Context, views []trend.View) error {
			mu.Lock()
			defer mu.Unlock()
			if tries++; tries < 3 {
				return fmt.Errorf("away")
			}
			for _, v := range views {
				got += v.N
			}
			return nil
		})
	}()
	eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return got == 7 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
