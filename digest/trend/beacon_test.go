package trend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest/article"
	"pressrun/digest/trend"
)

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// silent keeps expected warnings out of the test's output.
var silent = slog.New(slog.DiscardHandler)

func newBeacon(c trend.Counters) *trend.Beacon {
	return &trend.Beacon{
		Counters: c, Now: at(noon), Log: silent, Token: "secret",
		Known: func(host string) bool { return host == "news.example" || host == "www.news.example" },
		Mark:  func(src string) bool { return src == "digest" },
	}
}

// visit is a request to a beacon behind a proxy.
type visit struct {
	method, path, body, from string
	header                   map[string]string
}

func (v visit) send(t *testing.T, h http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(v.method, "http://press.example"+v.path, strings.NewReader(v.body))
	r.Header.Set("User-Agent", firefox)
	if v.from != "" {
		r.RemoteAddr = v.from
	}
	for k, x := range v.header {
		r.Header.Set(k, x)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func post(body string) visit { return visit{method: "POST", path: "/v1/view", body: body} }

func TestBeaconCountsPeople(t *testing.T) {
	const story = "https://news.example/world/story"
	for _, c := range []struct {
		name  string
		visit visit
		want  string // "" = counted, else why not
	}{
		{"post", post(`{"url":"` + story + `"}`), ""},
		{"canonical and page", post(`{"url":"` + story + `","page":"` + story + `?utm_source=x#top"}`), ""},
		{"text/plain of sendBeacon", visit{"POST", "/v1/view", `{"url":"` + story + `"}`, "", map[string]string{"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://www.news.example"}}, ""},
		{"array", post(`[{"url":"` + story + `"}]`), ""},
		{"own id", post(`{"article":"wp:1234"}`), ""},
		{"pixel", visit{method: "GET", path: "/v1/view.gif?u=https%3A%2F%2Fnews.example%2Fworld%2Fstory"}, ""},
		{"pixel by referer", visit{"GET", "/v1/view.gif", "", "", map[string]string{"Referer": story}}, ""},
		{"bot", visit{"POST", "/v1/view", `{"url":"` + story + `"}`, "", map[string]string{"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}}, "bot"},
		{"no user agent", visit{"POST", "/v1/view", `{"url":"` + story + `"}`, "", map[string]string{"User-Agent": ""}}, "bot"},
		{"curl", visit{"POST", "/v1/view", `{"url":"` + story + `"}`, "", map[string]string{"User-Agent": "curl/8.5.0"}}, "bot"},
		{"prefetch", visit{"GET", "/v1/view.gif", "", "", map[string]string{"Referer": story, "Sec-Purpose": "prefetch;prerender"}}, "prefetch"},
		{"prefetch of old Firefox", visit{"GET", "/v1/view.gif", "", "", map[string]string{"Referer": story, "X-Moz": "prefetch"}}, "prefetch"},
		{"prefetch of old Chrome", visit{"POST", "/v1/view", `{"url":"` + story + `"}`, "", map[string]string{"Purpose": "prefetch"}}, "prefetch"},
		{"preview of Safari", visit{"POST", "/v1/view", `{"url":"` + story + `"}`, "", map[string]string{"X-Purpose": "preview"}}, "prefetch"},
		{"headless browser", visit{"POST", "/v1/view", `{"url":"` + story + `"}`, "", map[string]string{"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0"}}, "bot"},
		{"newsletter click", post(`{"url":"` + story + `","page":"` + story + `?src=digest"}`), "newsletter"},
		{"another src", post(`{"url":"` + story + `","page":"` + story + `?src=homepage"}`), ""},
		{"preview", post(`{"url":"https://news.example/?p=7&preview=true"}`), "preview"},
		{"other host", post(`{"url":"https://evil.example/story"}`), "foreign host"},
		{"other origin", visit{"POST", "/v1/view", `{"url":"` + story + `"}`, "", map[string]string{"Origin": "https://evil.example"}}, "foreign host"},
		{"no address", post(`{}`), "invalid"},
		{"not the web", post(`{"url":"javascript:alert(1)"}`), "invalid"},
		{"bad id", post(`{"article":"a b\u0000"}`), "invalid"},
		{"long id", post(`{"article":"` + strings.Repeat("a", 65) + `"}`), "invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBeacon(trend.NewRedis(redisClient(t), "site", at(noon)))
			if w := c.visit.send(t, b.Handler()); w.Code != http.StatusAccepted && w.Code != http.StatusOK {
				t.Errorf("got status %d, want 202 or 200", w.Code)
			}
			if err := b.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			s := b.Stats()
			want := int64(0)
			if c.want == "" {
				want = 1
			}
			if s.Counted != want || s.Received != 1 || want == 0 && s.Ignored[c.want] != 1 {
				t.Errorf("got %+v, want counted %d, ignored %q", s, want, c.want)
			}
		})
	}
}

func TestBeaconKeysAreArticleKeys(t *testing.T) {
	c := trend.NewSQL(schematest.SQLite(t), at(noon))
	b := newBeacon(c)
	post(`{"url":"http://www.news.example/a/?utm_source=feed#x"}`).send(t, b.Handler())
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := article.KeyOf("https://news.example/a")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Of(t.Context(), []string{string(key)}, noon.Add(-time.Hour), noon)
	if err != nil || len(got) != 1 {
		t.Errorf("the view is not under the article's key: got %v, %v", got, err)
	}
}

func TestBeaconVisitors(t *testing.T) {
	const story = `{"url":"https://news.example/a"}`
	via := func(addr string) map[string]string { return map[string]string{"X-Forwarded-For": addr} }
	for _, c := range []struct {
		name   string
		visits []visit
		want   int64
	}{
		{"the same twice", []visit{post(story), post(story)}, 1},
		{"two addresses", []visit{{"POST", "/v1/view", story, "192.0.2.1:1", nil}, {"POST", "/v1/view", story, "192.0.2.2:1", nil}}, 2},
		{"two browsers", []visit{post(story), {"POST", "/v1/view", story, "", map[string]string{"User-Agent": firefox + "x"}}}, 2},
		{"one /64", []visit{{"POST", "/v1/view", story, "[2001:db8::1]:1", nil}, {"POST", "/v1/view", story, "[2001:db8::2]:1", nil}}, 1},
		{"two behind our proxy", []visit{{"POST", "/v1/view", story, "10.0.0.1:1", via("192.0.2.1")}, {"POST", "/v1/view", story, "10.0.0.1:1", via("192.0.2.2")}}, 2},
		{"forged behind our proxy", []visit{{"POST", "/v1/view", story, "10.0.0.1:1", via("198.51.100.7, 192.0.2.1")}, {"POST", "/v1/view", story, "10.0.0.1:1", via("198.51.100.8, 192.0.2.1")}}, 1},
		{"forged without proxy", []visit{{"POST", "/v1/view", story, "192.0.2.9:1", via("198.51.100.7")}, {"POST", "/v1/view", story, "192.0.2.9:1", via("198.51.100.8")}}, 1},
		{"visitor without token", []visit{post(`{"url":"https://news.example/a","visitor":"1"}`), post(`{"url":"https://news.example/a","visitor":"2"}`)}, 1},
		{"visitors with token", []visit{{"POST", "/v1/view", `[{"url":"https://news.example/a","visitor":"1"},{"url":"https://news.example/a","visitor":"2"},{"url":"https://news.example/a","visitor":"2"}]`,
			"", map[string]string{"Authorization": "Bearer secret", "User-Agent": "shop-backend/1"}}}, 2},
		{"wrong token", []visit{{"POST", "/v1/view", `[{"url":"https://news.example/a","visitor":"1"},{"url":"https://news.example/a","visitor":"2"}]`,
			"", map[string]string{"Authorization": "Bearer guess"}}}, 1},
		{"unknown readers with token", []visit{{"POST", "/v1/view", `[{"article":"a"},{"article":"a"}]`, "", map[string]string{"Authorization": "Bearer secret"}}}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBeacon(trend.NewRedis(redisClient(t), "site", at(noon)))
			b.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			h := b.Handler()
			for _, v := range c.visits {
				v.send(t, h)
			}
			if err := b.Flush(t.Context()); err != nil || b.Stats().Counted != c.want {
				t.Errorf("got %+v, %v; want %d counted", b.Stats(), err, c.want)
			}
		})
	}
}

func TestBeaconCaps(t *testing.T) {
	b := newBeacon(trend.NewRedis(redisClient(t), "site", at(noon)))
	h := b.Handler()
	for i := range 100 {
		visit{method: "POST", path: "/v1/view", body: fmt.Sprintf(`{"article":"a%d"}`, i), from: "192.0.2.1:9"}.send(t, h)
	}
	for i := range 1000 {
		v := visit{method: "POST", path: "/v1/view", body: `{"article":"b"}`, from: "192.0.2.2:9"}
		v.header = map[string]string{"User-Agent": fmt.Sprint(firefox, i)}
		v.send(t, h)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := b.Stats()
	if s.Counted != 600 || s.Ignored["visitor cap"] != 40 || s.Ignored["network cap"] != 460 {
		t.Errorf("got %+v; want 600 counted, 60 of the greedy visitor among them", s)
	}
}

// TestNoAddressIsStored looks through everything that is kept of a reader.
func TestNoAddressIsStored(t *testing.T) {
	c, db, ctx := redisClient(t), schematest.SQLite(t), t.Context()
	for _, counters := range []trend.Counters{trend.NewRedis(c, "site", at(noon)), trend.NewSQL(db, at(noon))} {
		b := newBeacon(counters)
		if err := b.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{"203.0.113.77:9", "[2001:db8:77::1]:9"} {
			visit{method: "POST", path: "/v1/view", body: `{"article":"a"}`, from: from}.send(t, b.Handler())
		}
		if err := b.Flush(ctx); err != nil || b.Stats().Counted != 2 {
			t.Fatal(b.Stats(), err)
		}
	}
	kept := ""
	for _, key := range c.Keys(ctx, "*").Val() {
		kept += fmt.Sprintln(key, c.Get(ctx, key).Val(), c.SMembers(ctx, key).Val(), c.ZRange(ctx, key, 0, -1).Val())
	}
	for _, table := range []string{"view_hours", "view_days", "view_seen", "view_salts", "view_snapshots", "trend_samples"} {
		rows, err := db.Read.QueryContext(ctx, "select * from "+table)
		if err != nil {
			t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				kept += fmt.Sprintln(*v.(*any))
			}
		}
		rows.Close()
	}
	for what, text := range map[string]string{"address": "203.0.113", "bytes of an address": "\xcb\x00\x71\x4d", "network": "2001:db8", "user agent": "Firefox"} {
		if len(kept) == 0 || strings.Contains(kept, text) {
			t.Errorf("the %s of a reader is stored: %q", what, kept)
		}
	}
}

// TestWordPressPlugin holds the plugin to what the README says of it.
func TestWordPressPlugin(t *testing.T) {
	text, err := os.ReadFile("wordpress/pressrun-views.php")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<?php", "Plugin Name: pressrun views", "'/v1/view.js'", "'/v1/view.gif?u='", "is_preview()", "current_user_can( 'edit_posts' )", "PRESSRUN_URL"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the plugin lacks %s", want)
		}
	}
	if path, err := exec.LookPath("php"); err == nil {
		if out, err := exec.Command(path, "-l", "wordpress/pressrun-views.php").CombinedOutput(); err != nil {
			t.Errorf("php -l: %s", out)
		}
	}
}

func TestBeaconLeavesTheNewsroomOut(t *testing.T) {
	b := newBeacon(trend.NewRedis(redisClient(t), "site", at(noon)))
	b.Newsroom = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, from := range []string{"192.0.2.1:9", "198.51.100.1:9"} {
		visit{method: "POST", path: "/v1/view", body: `{"article":"a"}`, from: from}.send(t, b.Handler())
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := b.Stats(); s.Counted != 1 || s.Ignored["editor"] != 1 {
		t.Errorf("got %+v; want the reader alone", s)
	}
}

func TestBeaconRefusesNonsense(t *testing.T) {
	b := newBeacon(trend.NewSQL(schematest.SQLite(t), at(noon)))
	for body, want := range map[string]int{
		`{`: 400, `[1]`: 400, ``: 400,
		"[" + strings.TrimSuffix(strings.Repeat(`{"article":"a"},`, 1001), ",") + "]": 400,
		`{"article":"` + strings.Repeat("a", 600_000) + `"}`:                          413,
	} {
		if w := post(body).send(t, b.Handler()); w.Code != want {
			t.Errorf("body of %d bytes: got status %d, want %d", len(body), w.Code, want)
		}
	}
}

func TestBeaconCORSAndSnippet(t *testing.T) {
	h := newBeacon(trend.NewSQL(schematest.SQLite(t), at(noon))).Handler()
	if w := post(`{"article":"a"}`).send(t, h); w.Code != 202 || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("POST: got %d, %v", w.Code, w.Header())
	}
	if w := (visit{method: "OPTIONS", path: "/v1/view"}).send(t, h); w.Code != 204 || w.Header().Get("Access-Control-Allow-Methods") != "POST" {
		t.Errorf("preflight: got %d, %v", w.Code, w.Header())
	}
	w := visit{method: "GET", path: "/v1/view.js"}.send(t, h)
	if n := w.Body.Len(); n == 0 || n >= 400 || !strings.Contains(w.Body.String(), "n.webdriver||n.sendBeacon") {
		t.Errorf("the snippet has %d bytes, want fewer than 400; it sends a beacon unless a program drives the browser", n)
	}
	w = visit{method: "GET", path: "/v1/view.gif"}.send(t, h)
	if w.Header().Get("Content-Type") != "image/gif" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("pixel: got %v", w.Header())
	}
}

// broken is Counters that fail or hang until they are mended.
type broken struct {
	trend.Counters
	down atomic.Bool
	hang bool
}

func (c *broken) Add(ctx context.Context, views []trend.View) (int, error) {
	if !c.down.Load() {
		return c.Counters.Add(ctx, views)
	}
	if c.hang {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return 0, errors.New("refused")
}

func TestBeaconWithoutCounters(t *testing.T) {
	for _, hang := range []bool{false, true} {
		t.Run(fmt.Sprint("hang ", hang), func(t *testing.T) {
			c := &broken{Counters: trend.NewRedis(redisClient(t), "site", at(noon)), hang: hang}
			c.down.Store(true)
			b := newBeacon(c)
			b.Size, b.Every, b.Wait, b.PerNetwork, b.PerVisitor = 500, time.Millisecond, 20*time.Millisecond, -1, -1
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { b.Run(ctx) })
			h := b.Handler()
			for i := range 800 {
				began := time.Now()
				if w := post(fmt.Sprintf(`{"article":"a%d"}`, i)).send(t, h); w.Code != 202 || time.Since(began) > time.Second {
					t.Fatalf("view %d: got %d after %v, want 202 at once", i, w.Code, time.Since(began))
				}
			}
			if s := b.Stats(); s.Dropped["buffer full"] != 300 || s.Waiting != 500 || s.Counted != 0 {
				t.Errorf("while away: got %+v, want 500 waiting, 300 dropped", s)
			}
			eventually(t, func() bool { return b.Stats().Down })
			c.down.Store(false)
			eventually(t, func() bool { return b.Stats().Counted == 500 })
			if s := b.Stats(); s.Down || s.Waiting != 0 {
				t.Errorf("after return: got %+v", s)
			}
			cancel()
			wg.Wait()
		})
	}
}

func TestBeaconFlushesAtTheEnd(t *testing.T) {
	b := newBeacon(trend.NewRedis(redisClient(t), "site", at(noon)))
	b.Every = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	post(`{"article":"a"}`).send(t, b.Handler())
	cancel()
	if err := <-done; err != nil || b.Stats().Counted != 1 {
		t.Errorf("Run: got %v, %+v; want the last view counted", err, b.Stats())
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for range 6000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it did not happen within a minute")
}

func FuzzBeaconJSON(f *testing.F) {
	f.Add(`{"url":"https://news.example/a"}`)
	f.Add(`[{"article":"x","t":1,"visitor":"v"},{"url":"https://news.example/?p=1&preview=1"}]`)
	f.Add(`[[]]`)
	db := schematest.SQLite(f)
	f.Fuzz(func(t *testing.T, body string) {
		// whatever comes: an answer from the list, never more views than reports
		b := newBeacon(trend.NewSQL(db, at(noon)))
		r := httptest.NewRequest("POST", "/v1/view", strings.NewReader(body))
		r.Header.Set("User-Agent", firefox)
		r.Header.Set("Authorization", "Bearer secret")
		w := httptest.NewRecorder()
		b.Handler().ServeHTTP(w, r)
		if w.Code != 202 && w.Code != 400 && w.Code != 413 {
			t.Errorf("got status %d", w.Code)
		}
		if s := b.Stats(); int64(s.Waiting) > s.Received {
			t.Errorf("%d views of %d reports", s.Waiting, s.Received)
		}
		io.Copy(io.Discard, w.Body)
		if err := b.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestBeaconBesideOtherWriters lets a thousand views a second into SQLite
// while somebody else writes to it all the time.
func TestBeaconBesideOtherWriters(t *testing.T) {
	db := schematest.SQLite(t)
	b := &trend.Beacon{Counters: trend.NewSQL(db, nil), Log: silent, PerNetwork: -1, PerVisitor: -1}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { b.Run(ctx) })
	var slowest time.Duration
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			began := time.Now()
			if _, err := db.Write.ExecContext(context.Background(), "insert into audit (actor, action, done_at) values ('t', 'write', $1)", i); err != nil {
				t.Error(err)
			}
			slowest = max(slowest, time.Since(began))
			time.Sleep(time.Millisecond)
		}
	})
	h := b.Handler()
	const views = 2000
	began := time.Now()
	for i := range views {
		v := post(fmt.Sprintf(`{"article":"a%d"}`, i%300))
		v.header = map[string]string{"User-Agent": fmt.Sprint(firefox, i)}
		v.send(t, h)
		if ahead := time.Duration(i)*time.Millisecond - time.Since(began); ahead > 0 {
			time.Sleep(ahead)
		}
	}
	eventually(t, func() bool { return b.Stats().Counted == views })
	cancel()
	wg.Wait()
	t.Logf("%d views in %v; the slowest other write waited %v", views, time.Since(began).Round(time.Millisecond), slowest.Round(time.Millisecond))
	if s := b.Stats(); len(s.Dropped) > 0 || s.Down {
		t.Errorf("got %+v", s)
	}
	if slowest > 10*time.Second { // milliseconds, on a machine with nothing else to do
		t.Errorf("another write waited %v", slowest)
	}
}
