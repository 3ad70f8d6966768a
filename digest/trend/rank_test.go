package trend_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/trend"
)

// site is an installation with invented readers, on a clock of its own.
type site struct {
	t        *testing.T
	db       *schema.DB
	counters trend.Counters
	ranker   *trend.Ranker
	now      time.Time
	stories  []trend.Candidate
}

func newSite(t *testing.T, db *schema.DB) *site {
	s := &site{t: t, db: db, now: time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)}
	now := func() time.Time { return s.now }
	s.counters = trend.NewSQL(db, now)
	s.ranker = &trend.Ranker{Counters: s.counters, DB: db, Now: now,
		Candidates: func(context.Context) ([]trend.Candidate, error) { return s.stories, nil }}
	return s
}

func (s *site) publish(key, pool string) {
	s.stories = append(s.stories, trend.Candidate{Key: key, Pool: pool, Published: s.now, Seen: s.now})
}

func (s *site) view(key string, n int) {
	s.t.Helper()
	if n == 0 {
		return
	}
	if _, err := s.counters.Add(s.t.Context(), []trend.View{{Key: key, At: s.now, N: n}}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) rank() trend.Result {
	s.t.Helper()
	res, err := s.ranker.Rank(s.t.Context(), s.stories)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

func (s *site) order(res trend.Result) []string {
	var keys []string
	for _, r := range res.Ranked {
		keys = append(keys, s.stories[r.Index].Key)
	}
	return keys
}

// hours lets time pass: every two hours a story of random appeal comes out,
// whose hourly views die down with a half-life of 8 h.
func (s *site) hours(n int, rnd *rand.Rand, perDay int) {
	s.t.Helper()
	appeal := make(map[string]float64)
	for range n {
		if s.now.Hour()%2 == 0 {
			key := "s" + s.now.Format("0215")
			s.publish(key, "en")
			appeal[key] = math.Exp(rnd.NormFloat64()) * float64(perDay) / 200
		}
		s.now = s.now.Add(30 * time.Minute)
		var views []trend.View
		for _, c := range s.stories {
			mean := appeal[c.Key] * math.Exp2(-s.now.Sub(c.Published).Hours()/8)
			if n := poisson(rnd, mean); n > 0 {
				views = append(views, trend.View{Key: c.Key, At: s.now, N: n})
			}
		}
		if _, err := s.counters.Add(s.t.Context(), views); err != nil {
			s.t.Fatal(err)
		}
		s.now = s.now.Add(30 * time.Minute)
		if s.now.Hour()%3 == 0 {
			if err := errors.Join(trend.HouseKeep(s.t.Context(), s.db, s.now), s.ranker.Sample(s.t.Context())); err != nil {
				s.t.Fatal(err)
			}
		}
		if s.now.Hour() == 3 {
			if err := s.ranker.Fit(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
		}
		s.stories = slices.DeleteFunc(s.stories, func(c trend.Candidate) bool { return s.now.Sub(c.Published) > 72*time.Hour })
	}
}

func poisson(rnd *rand.Rand, mean float64) int {
	n, p := 0, math.Exp(-mean)
	for x := rnd.Float64(); x > p; x *= rnd.Float64() {
		n++
	}
	return n
}

func TestRankByViews(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		s := newSite(t, db)
		s.publish("old", "en")
		s.now = s.now.Add(20 * time.Hour)
		s.view("old", 500)
		s.now = s.now.Add(10 * time.Hour)
		s.publish("new", "en")
		s.publish("none", "en")
		s.now = s.now.Add(2 * time.Hour)
		s.view("new", 300)
		s.view("old", 12)
		res := s.rank()
		if got := s.order(res); !slices.Equal(got, []string{"new", "old", "none"}) || res.By != trend.ByViews || !res.Fresh.Equal(s.now) {
			t.Errorf("got %v by %s, fresh %v; want new, old, none by views, fresh %v", got, res.By, res.Fresh, s.now)
		}
		first := res.Ranked[0]
		if want := "300 views in 3 h, 2 h old"; first.Reason != want || first.Views["24h"] != 300 {
			t.Errorf("got reason %q, views %v; want %q", first.Reason, first.Views, want)
		}
		if want := "12 views in 3 h, 0.2× its usual, 32 h old"; res.Ranked[1].Reason != want {
			t.Errorf("got reason %q, want %q", res.Ranked[1].Reason, want)
		}
		s.publish("newest", "en")
		s.now = s.now.Add(20 * time.Minute)
		s.view("newest", 900)
		if got, want := s.rank().Ranked[0].Reason, "900 views in 3 h, 20 min old"; got != want {
			t.Errorf("got reason %q, want %q", got, want)
		}
	})
}

func TestArithmeticAddsUp(t *testing.T) {
	s := newSite(t, schematest.SQLite(t))
	s.hours(80, rand.New(rand.NewPCG(1, 1)), 2000)
	for _, r := range s.rank().Ranked {
		sum := 0.0
		for _, term := range r.Arithmetic {
			sum += term
		}
		if math.Abs(math.Exp(sum)-r.Score) > 1e-6*r.Score {
			t.Fatalf("the terms of %v make %v", r, math.Exp(sum))
		}
	}
}

func TestLearns(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		s := newSite(t, db)
		s.hours(6*24, rand.New(rand.NewPCG(1, 2)), 3000)
		res := s.rank()
		// the scores are views: those of the next day sum up to about 3,000 a
		// day less what stories yet to come will take
		sum := 0.0
		for _, r := range res.Ranked {
			sum += r.Score
		}
		if sum < 500 || sum > 5000 {
			t.Errorf("the expected views of a day sum up to %.0f", sum)
		}
		if _, ok := res.Ranked[0].Arithmetic["views 6 h"]; !ok {
			t.Errorf("nothing was learnt: %v", res.Ranked[0].Arithmetic)
		}
	})
}

func TestSameCountsSameOrder(t *testing.T) {
	var want []string
	for range 2 {
		s := newSite(t, schematest.SQLite(t))
		s.hours(4*24, rand.New(rand.NewPCG(3, 3)), 800)
		got := s.order(s.rank())
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestPoolsDoNotMeet(t *testing.T) {
	rank := func(withOthers bool) []string {
		s := newSite(t, schematest.SQLite(t))
		for h := range 4 * 24 {
			if h%6 == 0 {
				s.publish(fmt.Sprint("ur", h), "ur")
			}
			if withOthers {
				s.publish(fmt.Sprint("en", h), "en")
			}
			for _, c := range s.stories {
				n := 20 + h%7
				if c.Pool != "en" {
					n = int(c.Published.Unix()/21600) * 7 % 11 * (72 - int(s.now.Sub(c.Published).Hours())) / 72
				}
				s.view(c.Key, max(0, n))
			}
			s.now = s.now.Add(time.Hour)
			if s.now.Hour()%3 == 0 {
				if err := s.ranker.Sample(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if s.now.Hour() == 0 {
				if err := s.ranker.Fit(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		return slices.DeleteFunc(s.order(s.rank()), func(k string) bool { return strings.HasPrefix(k, "en") })
	}
	if alone, beside := rank(false), rank(true); !slices.Equal(alone, beside) {
		t.Errorf("beside a large pool the small one ranks\n%v, alone\n%v", beside, alone)
	}
}

func TestQuietSiteAndChangingClock(t *testing.T) {
	// 50 views a day over the night of the clock change: an hour more or less of
	// local time moves nothing, and one view does not carry a story to the top
	s := newSite(t, schematest.SQLite(t))
	s.now = time.Date(2026, 3, 26, 0, 0, 0, 0, time.UTC)
	rnd := rand.New(rand.NewPCG(7, 7))
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s.hours(4*24, rnd, 50)
	s.now = s.now.In(berlin)
	res := s.rank()
	if res.By != trend.ByViews || len(res.Ranked) == 0 {
		t.Fatalf("got %+v", res)
	}
	top := res.Ranked[0]
	if top.Views["24h"] < 2 {
		t.Errorf("%v leads a site of 50 views a day", top)
	}
	for _, r := range res.Ranked {
		if r.Score > 200 || math.IsNaN(r.Score) {
			t.Errorf("expects %f views of %v", r.Score, r.Views)
		}
	}
}

func TestFlood(t *testing.T) {
	// one visitor and 10,000 views on a stale story change nothing; 10,000 views
	// of people do
	s := newSite(t, schematest.SQLite(t))
	s.publish("stale", "en")
	s.now = s.now.Add(48 * time.Hour)
	for i := range 12 {
		key := fmt.Sprint("s", i)
		s.publish(key, "en")
		s.view(key, 20+i)
	}
	s.now = s.now.Add(time.Hour)
	before := s.order(s.rank())
	var flood []trend.View
	for range 10_000 {
		flood = append(flood, trend.View{Key: "stale", Visitor: "mallory", At: s.now})
	}
	if n, err := s.counters.Add(t.Context(), flood); err != nil || n != 1 {
		t.Fatalf("got %d counted, %v; want 1", n, err)
	}
	if got := s.order(s.rank()); !slices.Equal(got, before) {
		t.Errorf("a flood moved stories: got %v, want %v", got, before)
	}
	for i := range flood {
		flood[i].Visitor = fmt.Sprint("reader", i)
	}
	if _, err := s.counters.Add(t.Context(), flood); err != nil {
		t.Fatal(err)
	}
	if got := s.order(s.rank()); got[0] != "stale" {
		t.Errorf("10,000 people did not move it: got %v", got)
	}
}

// away is Counters that are out of reach, or empty.
type away struct {
	trend.Counters
	err error
}

func (a away) Newest(context.Context) (time.Time, error) { return time.Time{}, a.err }
func (a away) Of(context.Context, []string, time.Time, time.Time) (map[string][]trend.Count, error) {
	return map[string][]trend.Count{}, a.err
}

func TestRankWithoutCounters(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		s := newSite(t, db)
		for i := range 5 {
			s.publish(fmt.Sprint("s", i), "en")
			s.now = s.now.Add(10 * time.Minute)
		}
		gone := away{s.counters, errors.New("connection refused")}
		newestFirst := []string{"s4", "s3", "s2", "s1", "s0"}

		s.ranker.Counters = gone
		res := s.rank()
		if got := s.order(res); res.By != trend.ByDate || !slices.Equal(got, newestFirst) || res.Note == "" || !res.Fresh.IsZero() {
			t.Errorf("without snapshot: got %v by %s (%s), want newest first by date", got, res.By, res.Note)
		}

		s.ranker.Counters = s.counters
		for i := range 4 {
			s.view(fmt.Sprint("s", i), 100*(4-i))
		}
		counted := s.now
		if err := s.ranker.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(time.Hour)
		for name, c := range map[string]trend.Counters{"refused": gone, "flushed": away{s.counters, nil}, "frozen": away{s.counters, context.DeadlineExceeded}} {
			s.ranker.Counters = c
			res = s.rank()
			want := []string{"s0", "s1", "s2", "s3", "s4"} // s4 has no views
			if got := s.order(res); res.By != trend.BySnapshot || !slices.Equal(got, want) || !res.Fresh.Equal(counted) || res.Note == "" {
				t.Errorf("%s: got %v by %s, fresh %v (%s); want %v by snapshot, fresh %v", name, got, res.By, res.Fresh, res.Note, want, counted)
			}
		}

		s.ranker.Counters = gone
		s.now = s.now.Add(25 * time.Hour)
		if res = s.rank(); res.By != trend.ByDate {
			t.Errorf("with a snapshot of yesterday: got by %s, want date", res.By)
		}
	})
}

func TestFreshIsOfTheirOwn(t *testing.T) {
	// one language is counted, the feeder of the other has stopped
	s := newSite(t, schematest.SQLite(t))
	s.now = s.now.Add(20 * time.Minute)
	s.publish("ur", "ur")
	s.publish("en", "en")
	s.view("ur", 30)
	last := s.now.Truncate(time.Hour)
	s.now = s.now.Add(5 * time.Hour)
	s.view("en", 30)
	fresh := func(by string, cands []trend.Candidate, want time.Time) {
		t.Helper()
		res, err := s.ranker.Rank(t.Context(), cands)
		if err != nil || res.By != by || !res.Fresh.Equal(want) {
			t.Errorf("%d stories: got by %s, fresh %v, %v; want by %s, fresh %v", len(cands), res.By, res.Fresh, err, by, want)
		}
	}
	fresh(trend.ByViews, s.stories[:1], last)
	fresh(trend.ByViews, s.stories, s.now)
	if err := s.ranker.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	counted := s.now
	s.now = s.now.Add(time.Minute)
	s.ranker.Counters = away{s.counters, errors.New("gone")}
	fresh(trend.BySnapshot, s.stories[:1], last)
	fresh(trend.BySnapshot, s.stories, counted)
}

func TestLearntExplainsTheArithmetic(t *testing.T) {
	s := newSite(t, schematest.SQLite(t))
	if l, err := s.ranker.Learnt(t.Context(), "en"); err != nil || l.Samples != 0 || l.Weights["age"] != -.25 {
		t.Errorf("before anything is learnt: %+v, %v; want the rule of thumb", l, err)
	}
	s.hours(80, rand.New(rand.NewPCG(1, 1)), 2000)
	l, err := s.ranker.Learnt(t.Context(), "en")
	if err != nil || l.Samples < 100 || l.At.IsZero() {
		t.Fatalf("got %+v, %v; want weights learnt from samples", l, err)
	}
	for name := range s.rank().Ranked[0].Arithmetic {
		if l.Weights[name] == 0 && name != "scale" {
			t.Errorf("the term %q has no weight", name)
		}
	}
}

func TestRankKnowsWhenNothingIsCounted(t *testing.T) {
	s := newSite(t, schematest.SQLite(t))
	s.publish("a", "en")
	res := s.rank()
	if res.By != trend.ByDate {
		t.Errorf("nothing was ever counted: got by %s, want date", res.By)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.ranker.Rank(ctx, s.stories); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	if res, err := s.ranker.Rank(t.Context(), nil); err != nil || len(res.Ranked) != 0 {
		t.Errorf("ranking nothing: got %v, %v", res, err)
	}
}

func TestStoryWithSeveralKeys(t *testing.T) {
	s := newSite(t, schematest.SQLite(t))
	s.stories = []trend.Candidate{
		{Keys: []string{"one"}, Published: s.now},
		{Keys: []string{"a", "b", "wp:7"}, Published: s.now},
	}
	s.now = s.now.Add(time.Hour)
	s.view("one", 50)
	s.view("a", 20)
	s.view("b", 20)
	s.view("wp:7", 20)
	res := s.rank()
	if res.Ranked[0].Index != 1 || res.Ranked[0].Views["3h"] != 60 {
		t.Errorf("got %+v, want the story with 60 views first", res.Ranked)
	}
	if err := s.ranker.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.ranker.Counters = away{s.counters, errors.New("gone")}
	s.stories[1].Keys = []string{"b", "a"} // another order
	if res := s.rank(); res.By != trend.BySnapshot || res.Ranked[0].Index != 1 {
		t.Errorf("snapshot: got %+v", res)
	}
}

func TestHouseKeep(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		now := noon
		c := trend.NewSQL(db, func() time.Time { return now })
		ctx := t.Context()
		for _, day := range []int64{trend.DayOf(noon), trend.DayOf(noon) - 1} {
			if _, err := c.Salt(ctx, day); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Add(ctx, []trend.View{{Key: "a", Visitor: "v", At: noon}, {Key: "a", At: noon.Add(-time.Hour), N: 4}, {Key: "b", At: noon.Add(-20 * time.Hour)}}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(80 * time.Hour)
		if _, err := c.Add(ctx, []trend.View{{Key: "a", Visitor: "v", At: now}}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time there is nothing to do
			if err := trend.HouseKeep(ctx, db, now); err != nil {
				t.Fatal(err)
			}
		}
		days := make(map[string]int)
		rows, err := db.Read.QueryContext(ctx, "select article_key, day, views from view_days")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var key string
			var day int64
			var views int
			if err := rows.Scan(&key, &day, &views); err != nil {
				t.Fatal(err)
			}
			days[fmt.Sprint(key, " ", day-trend.DayOf(noon))] = views
		}
		if want := map[string]int{"a 0": 5, "b -1": 1}; !maps.Equal(days, want) {
			t.Errorf("days: got %v, want %v", days, want)
		}
		for table, want := range map[string]int{"view_hours": 1, "view_seen": 1, "view_salts": 0} {
			var n int
			if err := db.Read.QueryRowContext(ctx, "select count(*) from "+table).Scan(&n); err != nil || n != want {
				t.Errorf("%s: got %d rows, %v; want %d", table, n, err, want)
			}
		}
	})
}
