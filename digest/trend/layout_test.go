package trend_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"pressrun/digest/trend"
)

// poll reads once and sums the views up by article.
func poll(t *testing.T, p *trend.Poller) map[string]int {
	t.Helper()
	views, err := p.Poll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	for _, v := range views {
		if v.N < 1 || v.Visitor != "" {
			t.Errorf("got view %+v", v)
		}
		got[v.Key] += v.N
	}
	return got
}

// poller reads l from c on a clock that tick moves.
func poller(c redis.UniversalClient, l trend.Layout) (p *trend.Poller, tick func(time.Duration)) {
	now := noon
	p = &trend.Poller{Client: c, Layout: l, Log: silent, Now: func() time.Time { return now }}
	return p, func(d time.Duration) { now = now.Add(d) }
}

func want(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestPollCounters(t *testing.T) {
	c, ctx := redisClient(t), t.Context()
	p, tick := poller(c, trend.Layout{Kind: "counter", Key: "views:{id}", Article: "wp:{id}"})
	p.Published = func(key string) (time.Time, bool) { return noon.Add(2 * time.Minute), key == "wp:new" }
	for i := range 2500 {
		c.Set(ctx, fmt.Sprint("views:", i), 100+i, 0)
	}
	c.Set(ctx, "other:7", 9, 0)
	c.LPush(ctx, "views:list", "x")
	c.Set(ctx, "views:text", "many", 0)
	want(t, "first reading", poll(t, p), map[string]int{})
	tick(5 * time.Minute)
	c.IncrBy(ctx, "views:3", 4)
	c.IncrBy(ctx, "views:2400", 1)
	c.Set(ctx, "views:9", 2, 0)     // reset
	c.Set(ctx, "views:new", 9, 0)   // just published
	c.Set(ctx, "views:found", 9, 0) // an old one seen for the first time
	want(t, "growth", poll(t, p), map[string]int{"wp:3": 4, "wp:2400": 1, "wp:9": 2, "wp:new": 9})
	tick(5 * time.Minute)
	c.IncrBy(ctx, "views:found", 1)
	want(t, "after that", poll(t, p), map[string]int{"wp:found": 1})
	tick(time.Minute)
	want(t, "nothing new", poll(t, p), map[string]int{})
}

func TestPollSortedSetByDay(t *testing.T) {
	c, ctx := redisClient(t), t.Context()
	p, tick := poller(c, trend.Layout{Kind: "zset", Key: "popular:{yyyy}{mm}{dd}", Member: "post:{id}", Mode: "bucket", Zone: "Europe/Berlin"})
	today, tomorrow := "popular:20260329", "popular:20260330"
	c.ZAdd(ctx, today, redis.Z{Member: "post:1", Score: 50}, redis.Z{Member: "page:1", Score: 50})
	want(t, "first reading", poll(t, p), map[string]int{})
	tick(9*time.Hour + 38*time.Minute) // 23:58 in Berlin
	c.ZIncrBy(ctx, today, 3, "post:1")
	want(t, "same day", poll(t, p), map[string]int{"1": 3})
	c.ZIncrBy(ctx, today, 2, "post:1") // before midnight, after our reading
	tick(3 * time.Minute)
	c.ZIncrBy(ctx, tomorrow, 4, "post:1")
	c.ZIncrBy(ctx, tomorrow, 1, "post:2")
	want(t, "over midnight", poll(t, p), map[string]int{"1": 6, "2": 1})
	tick(3 * time.Minute)
	c.ZIncrBy(ctx, tomorrow, 1, "post:2")
	want(t, "new day", poll(t, p), map[string]int{"2": 1})
}

func TestPollHashes(t *testing.T) {
	c, ctx := redisClient(t), t.Context()
	each, tickEach := poller(c, trend.Layout{Kind: "hash", Key: "article:{id}", Field: "views"})
	one, tickOne := poller(c, trend.Layout{Kind: "hash", Key: "{site}views", Field: "a*{id}"})
	c.HSet(ctx, "article:1", "views", 7, "title", "x")
	c.HSet(ctx, "article:2", "title", "x")
	c.HSet(ctx, "{site}views", "a*1", 7, "b1", 7)
	want(t, "first", poll(t, each), map[string]int{})
	want(t, "first", poll(t, one), map[string]int{})
	tickEach(time.Minute)
	tickOne(time.Minute)
	c.HIncrBy(ctx, "article:1", "views", 2)
	c.HIncrBy(ctx, "{site}views", "a*1", 3)
	c.HIncrBy(ctx, "{site}views", "b1", 3)
	want(t, "a hash each", poll(t, each), map[string]int{"1": 2})
	want(t, "one hash", poll(t, one), map[string]int{"1": 3})
}

func TestPollDecayed(t *testing.T) {
	c, ctx := redisClient(t), t.Context()
	p, tick := poller(c, trend.Layout{Kind: "zset", Key: "hot", Mode: "decayed"})
	var sum int
	for _, score := range []float64{10, 9.5, 11.2, 11.9, 12.4, 3} {
		c.ZAdd(ctx, "hot", redis.Z{Member: "a", Score: score})
		sum += poll(t, p)["a"]
		tick(time.Minute)
	}
	if sum != 2 { // 9.5 → 12.4 grew by 2.9; what shrinks is nobody's view
		t.Errorf("got %d views, want 2", sum)
	}
}

func TestPollClampsAndSpreads(t *testing.T) {
	c, ctx := redisClient(t), t.Context()
	p, tick := poller(c, trend.Layout{Kind: "counter", Key: "v:{id}"})
	for i := range 60 {
		c.Set(ctx, fmt.Sprint("v:", i), 5, 0)
	}
	poll(t, p)
	for range 3 {
		tick(time.Minute)
		for i := range 60 {
			c.IncrBy(ctx, fmt.Sprint("v:", i), int64(1+i%5))
		}
		poll(t, p)
	}
	tick(time.Minute)
	c.IncrBy(ctx, "v:7", 1_000_000)
	want(t, "a jump", poll(t, p), map[string]int{"7": 100})
	tick(10 * time.Hour)
	c.IncrBy(ctx, "v:8", 40)
	views, err := p.Poll(ctx)
	if err != nil || len(views) != 10 {
		t.Errorf("after 10 h of silence: got %v, %v; want ten hours of four views", views, err)
	}
}

func TestPollRefusesLayouts(t *testing.T) {
	for _, l := range []trend.Layout{
		{},
		{Kind: "stream", Key: "v:{id}"},
		{Kind: "counter", Key: "views"},
		{Kind: "counter", Key: "v:{id}:{id}"},
		{Kind: "counter", Key: "v:{id}", Mode: "sideways"},
		{Kind: "counter", Key: "v:{id}", Mode: "bucket"},
		{Kind: "counter", Key: "v:{id}", Article: "same"},
		{Kind: "counter", Key: "v:{id}", Zone: "Mars/Base"},
		{Kind: "hash", Key: "v:{id}"},
		{Kind: "hash", Key: "v:{id}", Field: "f{id}"},
		{Kind: "zset", Key: "v:{id}", Member: "x"},
	} {
		if _, err := (&trend.Poller{Layout: l}).Poll(t.Context()); err == nil {
			t.Errorf("%+v was accepted", l)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("views:{id}", "42")
	f.Add("{tag}{id}*[a]?", "a\\b")
	f.Add("{yyyy}{id}{mm}", "{dd}")
	f.Fuzz(func(t *testing.T, text, id string) {
		// an id put into a pattern comes out of it again
		p, err := trend.ParsePattern(text)
		if err != nil || strings.Count(text, "{id}") != 1 || id == "" {
			return
		}
		if got, ok := p.ID(p.With(id)); !ok || got != id {
			t.Errorf("%q with %q: got %q, %t", text, id, got, ok)
		}
	})
}
