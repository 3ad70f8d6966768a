package trend_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest/trend"
)

var noon = time.Date(2026, 3, 29, 12, 20, 0, 0, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func TestCountersSQL(t *testing.T) {
	for _, engine := range []struct {
		name string
		open func(t *testing.T) trend.Counters
	}{
		{"sqlite", func(t *testing.T) trend.Counters { return trend.NewSQL(schematest.SQLite(t), at(noon)) }},
		{"postgres", func(t *testing.T) trend.Counters { return trend.NewSQL(schematest.Postgres(t), at(noon)) }},
	} {
		t.Run(engine.name, func(t *testing.T) { RunSuite(t, engine.open) })
	}
}

func TestCountersRedis(t *testing.T) {
	RunSuite(t, func(t *testing.T) trend.Counters {
		return trend.NewRedis(redisClient(t), "site", at(noon))
	})
}

// redisClient is a client of an empty Redis server.
func redisClient(t testing.TB) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(schematest.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	if err := c.FlushAll(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

// RunSuite is what every Counters must do. open returns empty ones whose clock
// stands at noon.
func RunSuite(t *testing.T, open func(t *testing.T) trend.Counters) {
	hour := trend.HourOf(noon)
	add := func(t *testing.T, c trend.Counters, want int, views ...trend.View) {
		t.Helper()
		got, err := c.Add(t.Context(), views)
		if err != nil || got != want {
			t.Fatalf("Add: got %d, %v; want %d", got, err, want)
		}
	}
	read := func(t *testing.T, c trend.Counters, want map[string][]trend.Count, keys ...string) {
		t.Helper()
		got, err := c.Of(t.Context(), keys, noon.Add(-72*time.Hour), noon.Add(time.Hour))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("Of(%v): got %v, %v; want %v", keys, got, err, want)
		}
	}

	t.Run("one view per visitor, article and day", func(t *testing.T) {
		c := open(t)
		a := trend.View{Key: "a", Visitor: "v1", At: noon, N: 7}
		b := trend.View{Key: "b", Visitor: "v1", At: noon}
		early := trend.View{Key: "a", Visitor: "v1", At: noon.Add(-3 * time.Hour)}
		yesterday := trend.View{Key: "a", Visitor: "v1", At: noon.Add(-13 * time.Hour)}
		other := trend.View{Key: "a", Visitor: "v2", At: noon}
		add(t, c, 3, a, a, b, other)
		add(t, c, 0, a, b)
		add(t, c, 1, early, yesterday)
		read(t, c, map[string][]trend.Count{
			"a": {{Hour: hour - 13, Views: 1}, {Hour: hour, Views: 2}},
			"b": {{Hour: hour, Views: 1}},
		}, "a", "b", "c")
	})
	t.Run("unknown visitors always count", func(t *testing.T) {
		c := open(t)
		add(t, c, 6, trend.View{Key: "a", At: noon}, trend.View{Key: "a", At: noon, N: 5})
		add(t, c, 1, trend.View{Key: "a", At: noon})
		read(t, c, map[string][]trend.Count{"a": {{Hour: hour, Views: 7}}}, "a")
	})
	t.Run("out of reach", func(t *testing.T) {
		c := open(t)
		add(t, c, 0, trend.View{Key: "a", At: noon.Add(-75 * time.Hour)}, trend.View{Key: "a", At: noon.Add(2 * time.Hour)},
			trend.View{At: noon})
		add(t, c, 0)
		if got, err := c.Newest(t.Context()); err != nil || !got.IsZero() {
			t.Errorf("Newest of nothing: got %v, %v; want the zero time", got, err)
		}
		read(t, c, map[string][]trend.Count{}, "a")
		read(t, c, map[string][]trend.Count{})
	})
	t.Run("range", func(t *testing.T) {
		c := open(t)
		for h := range 4 {
			add(t, c, 1, trend.View{Key: "a", At: noon.Add(-time.Duration(h) * time.Hour)})
		}
		begin := noon.Truncate(time.Hour)
		for _, r := range []struct {
			from, to time.Time
			want     []int64
		}{
			{begin.Add(-2 * time.Hour), begin, []int64{hour - 2, hour - 1}},
			{begin.Add(-2*time.Hour + time.Minute), begin.Add(time.Minute), []int64{hour - 1, hour}},
			{begin, begin, nil},
			{begin.Add(time.Hour), begin, nil},
		} {
			got, err := c.Of(t.Context(), []string{"a"}, r.from, r.to)
			var hours []int64
			for _, x := range got["a"] {
				hours = append(hours, x.Hour)
			}
			if err != nil || !slices.Equal(hours, r.want) {
				t.Errorf("Of [%v, %v): got hours %v, %v; want %v", r.from, r.to, hours, err, r.want)
			}
		}
	})
	t.Run("two phases", func(t *testing.T) {
		c := open(t)
		// b leads one hour only, yet all of its counts come back; c never leads
		add(t, c, 21,
			trend.View{Key: "a", At: noon.Add(-time.Hour), N: 5}, trend.View{Key: "b", At: noon.Add(-time.Hour), N: 2},
			trend.View{Key: "a", At: noon, N: 3}, trend.View{Key: "b", At: noon, N: 9}, trend.View{Key: "c", At: noon, N: 2})
		got, err := c.Hours(t.Context(), noon.Add(-48*time.Hour), noon.Add(time.Hour), 1)
		want := map[string][]trend.Count{
			"a": {{Hour: hour - 1, Views: 5}, {Hour: hour, Views: 3}},
			"b": {{Hour: hour - 1, Views: 2}, {Hour: hour, Views: 9}},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Hours: got %v, %v; want %v", got, err, want)
		}
	})
	t.Run("many", func(t *testing.T) {
		c := open(t)
		var views []trend.View
		var keys []string
		want := make(map[string][]trend.Count)
		for i := range 2100 { // more than one batch
			k := fmt.Sprint("article-", i)
			keys = append(keys, k)
			views = append(views, trend.View{Key: k, Visitor: fmt.Sprint("v", i%7), At: noon}, trend.View{Key: k, Visitor: "w", At: noon})
			want[k] = []trend.Count{{Hour: hour, Views: 2}}
		}
		add(t, c, 4200, views...)
		add(t, c, 0, views...)
		read(t, c, want, keys...)
	})
	t.Run("newest", func(t *testing.T) {
		c := open(t)
		add(t, c, 1, trend.View{Key: "a", At: noon})
		add(t, c, 1, trend.View{Key: "a", At: noon.Add(-5 * time.Hour)})
		got, err := c.Newest(t.Context())
		if err != nil || got.After(noon) || got.Before(noon.Truncate(time.Hour)) {
			t.Errorf("Newest: got %v, %v; want %v", got, err, noon)
		}
	})
	t.Run("salt", func(t *testing.T) {
		c := open(t)
		var wg sync.WaitGroup
		salts := make([]string, 8)
		for i := range salts {
			wg.Go(func() {
				b, err := c.Salt(t.Context(), trend.DayOf(noon))
				if err != nil || len(b) < 16 {
					t.Errorf("Salt: got %d bytes, %v", len(b), err)
				}
				salts[i] = string(b)
			})
		}
		wg.Wait()
		if len(slices.Compact(slices.Clone(salts))) != 1 {
			t.Error("one day has several salts")
		}
		other, err := c.Salt(t.Context(), trend.DayOf(noon)-1)
		if err != nil || string(other) == salts[0] {
			t.Errorf("yesterday's salt is today's, or: %v", err)
		}
	})
	t.Run("at once", func(t *testing.T) {
		c := open(t)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range 20 {
					views := []trend.View{{Key: "a", Visitor: fmt.Sprint(i), At: noon}, {Key: "b", At: noon}, {Key: fmt.Sprint("k", w), At: noon}}
					if w%2 == 0 {
						slices.Reverse(views)
					}
					if _, err := c.Add(context.Background(), views); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		read(t, c, map[string][]trend.Count{"a": {{Hour: hour, Views: 20}}, "b": {{Hour: hour, Views: 80}}, "k3": {{Hour: hour, Views: 20}}}, "a", "b", "k3")
	})
}
