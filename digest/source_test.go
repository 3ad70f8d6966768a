package digest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest/article"
)

// wordPress is a paper that also has WordPress's REST interface, of the newest
// three posts, until that is closed.
type wordPress struct {
	*paper
	closed atomic.Int64 // the status it answers, 0 = it is open
	page   string       // in its place, while open
}

const postsPath = "/wp-json/wp/v2/posts"

func newWordPress(t *testing.T) *wordPress {
	w := &wordPress{paper: newPaper(t)}
	w.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/":
			fmt.Fprintf(rw, `<html><head><link rel="alternate" type="application/rss+xml" href="/feed"></head><body>Home</body></html>`)
		case r.URL.Path != postsPath:
			w.serve(rw, r)
		case w.closed.Load() != 0:
			rw.WriteHeader(int(w.closed.Load()))
			fmt.Fprint(rw, `{"code":"rest_disabled","message":"Closed.","data":{}}`)
		case w.page != "":
			fmt.Fprint(rw, w.page)
		default:
			var list []string
			for _, a := range w.posts[:min(3, len(w.posts))] {
				list = append(list, fmt.Sprintf(`{"id":%d,"link":"%s%s","guid":{"rendered":"%[2]s/?p=%[1]d"},"date_gmt":%q,"title":{"rendered":%q},"excerpt":{"rendered":""},"content":{"rendered":""}}`,
					100+a.at.Unix(), w.URL, a.path, a.at.UTC().Format("2006-01-02T15:04:05"), a.title))
			}
			rw.Header().Set("Content-Type", "application/json")
			fmt.Fprint(rw, "["+strings.Join(list, ",")+"]")
		}
	})
	return w
}

// TestWordPressIsClosed: a WordPress source whose interface is switched off reads
// the site's feed from then on and says so; what that lists beyond what was seen
// before is not told as news, and what comes after is.
func TestWordPressIsClosed(t *testing.T) {
	for _, status := range []int{401, 403, 404} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			ctx := t.Context()
			r := newRoom(t, schematest.SQLite(t))
			w := newWordPress(t)
			for n := range 8 { // the feed lists all, the interface three
				w.posts = append(w.posts, post{path: fmt.Sprint("/p", n), title: fmt.Sprint("Harbour news number ", n), text: about(n), at: r.now.Add(-time.Duration(n+3) * time.Hour)})
			}
			c, reads := r.press(t, w.paper, "feed", "own")
			if err := r.RemoveSource(ctx, reads.ID); err != nil {
				t.Fatal(err)
			}
			src, err := r.AddSource(ctx, Source{Kind: "wordpress", URL: w.URL + postsPath, SiteURL: w.URL + "/", Title: "Paper", Rights: "own"})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Collect(ctx, src, 0); err != nil || got.New != 3 || got.Old != 3 {
				t.Fatalf("first poll: %+v, %v", got, err)
			}
			r.now = r.now.Add(time.Hour)
			w.posts = append([]post{{path: "/fresh", title: "The ferry returns", text: about(40), at: r.now.Add(-time.Minute)}}, w.posts...)
			if got := poll(t, c, src); got.Stories != 1 {
				t.Fatalf("while it is open: %+v", got)
			}
			w.closed.Store(int64(status))
			r.now = r.now.Add(20 * time.Minute)
			w.posts = append([]post{{path: "/fresher", title: "A second ferry returns", text: about(41), at: r.now.Add(-time.Minute)}}, w.posts...)
			got := poll(t, c, src)
			if got.Err != "" || got.Stories != 1 || got.New-got.Old != 1 {
				t.Errorf("the poll that finds it closed: %+v, want one new story", got)
			}
			src, err = r.Source(ctx, src.ID)
			if err != nil || src.Kind != "feed" || src.URL != w.URL+"/feed" || src.State != "active" || !strings.Contains(src.Note, "the feed is read instead") || !strings.Contains(src.Note, "20 March 2026") {
				t.Errorf("afterwards %+v, %v", src, err)
			}
			r.now = r.now.Add(20 * time.Minute)
			if got := poll(t, c, src); got.Err != "" || got.New != 0 {
				t.Errorf("the next poll: %+v", got)
			}
			list, err := r.Stories(ctx, r.now.Add(-48*time.Hour))
			if err != nil || len(list) != 2 {
				t.Errorf("%d stories are told, %v; want the two that came after the source was added", len(list), err)
			}
			if src, _ = r.Source(ctx, src.ID); src.Note == "" {
				t.Error("a later poll takes the note away")
			}
		})
	}
}

// TestWordPressIsAway: a fault of the site, a page in the interface's place for a
// while, or a feed that another source reads, move nothing.
func TestWordPressIsAway(t *testing.T) {
	ctx := t.Context()
	r := newRoom(t, schematest.SQLite(t))
	w := newWordPress(t)
	w.posts = []post{{path: "/a", title: "Harbour news", text: about(1), at: r.now.Add(-time.Hour)}}
	c, feed := r.press(t, w.paper, "feed", "own")
	src, err := r.AddSource(ctx, Source{Kind: "wordpress", URL: w.URL + postsPath, SiteURL: w.URL + "/", Title: "Paper", Rights: "own"})
	if err != nil {
		t.Fatal(err)
	}
	stays := func(what, reason string) {
		t.Helper()
		poll(t, c, src)
		if got, _ := r.Source(ctx, src.ID); got.Kind != "wordpress" || !strings.Contains(got.Reason, reason) {
			t.Errorf("%s: %s, %q", what, got.Kind, got.Reason)
		}
	}
	w.closed.Store(503)
	stays("a fault", "503")
	w.closed.Store(404)
	stays("another source reads the feed", "404")
	if err := r.RemoveSource(ctx, feed.ID); err != nil {
		t.Fatal(err)
	}
	w.closed.Store(0)
	poll(t, c, src)
	w.page = "<!doctype html><title>Maintenance</title><p>Back soon."
	stays("maintenance", "web page")
	stays("maintenance", "web page")
	poll(t, c, src)
	if got, _ := r.Source(ctx, src.ID); got.Kind != "feed" {
		t.Errorf("a page three times over: %s, %q; want the feed read", got.Kind, got.Reason)
	}
}

// TestPollsAsTheSiteAsks: validators are kept and sent, Retry-After and the
// habit of the source decide when it is asked again, and a failure counts until a
// success.
func TestPollsAsTheSiteAsks(t *testing.T) {
	ctx := t.Context()
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	for n := range 12 {
		p.posts = append(p.posts, harbourNews(n, r.now))
	}
	var asked http.Header
	status := 0
	paperOf := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/feed" {
			asked = req.Header.Clone()
			w.Header().Set("ETag", `"v7"`)
			w.Header().Set("Last-Modified", "Fri, 20 Mar 2026 11:00:00 GMT")
			if status == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", "7200")
			}
			if status != 0 {
				w.WriteHeader(status)
				return
			}
		}
		paperOf.ServeHTTP(w, req)
	})
	c, src := r.press(t, p, "feed", "own")
	next := func() time.Duration {
		t.Helper()
		poll(t, c, src)
		got, err := r.Source(ctx, src.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.NextPoll.Sub(r.now)
	}
	if got := next(); got != 15*time.Minute || asked.Get("If-None-Match") != "" {
		t.Errorf("after news it is asked again in %v, want 15 min; sent %q", got, asked.Get("If-None-Match"))
	}
	status = http.StatusNotModified
	r.now = r.now.Add(15 * time.Minute)
	if got := next(); got < 25*time.Minute || got > time.Hour || asked.Get("If-None-Match") != `"v7"` || asked.Get("If-Modified-Since") == "" {
		t.Errorf("in %v; sent %q, %q", got, asked.Get("If-None-Match"), asked.Get("If-Modified-Since"))
	}
	status = http.StatusTooManyRequests
	r.now = r.now.Add(time.Hour)
	if got := next(); got != 2*time.Hour {
		t.Errorf("asked to stay away for two hours, it is asked again in %v", got)
	}
	if got, _ := r.Source(ctx, src.ID); got.Errors != 1 || !strings.Contains(got.Reason, "less often") || got.State != "active" {
		t.Errorf("%s, %d errors, %q", got.State, got.Errors, got.Reason)
	}
	status = 0
	r.now = r.now.Add(2 * time.Hour)
	next()
	if got, _ := r.Source(ctx, src.ID); got.Errors != 0 || got.Reason != "" {
		t.Errorf("after a success: %d errors, %q", got.Errors, got.Reason)
	}
}

// TestSourceSettings: pages are asked for with the referer, addresses are
// rewritten before anything else, and rules are for the source's own site only.
func TestSourceSettings(t *testing.T) {
	ctx := t.Context()
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	page := func(title string, n int) string {
		texts := []string{"Nine swimmers crossed the strait before breakfast and were met by a brass band. ", "A bakery in Mill Lane sells bread by the metre since its oven was rebuilt. ", "The museum lends its whale to a school for a year. "}
		return `<html lang="en"><body><article><h1>` + title + `</h1><h2 class="real">By the rule</h2><p>` + strings.Repeat(texts[n], 6) + `</p></article></body></html>`
	}
	elsewhere := httptest.NewUnstartedServer(say(strings.Replace(page("On another site", 0), "<body>", `<head><link rel="canonical" href="/there"></head><body>`, 1)))
	elsewhere.Listener.Close()
	var err error
	if elsewhere.Listener, err = net.Listen("tcp", "127.0.0.2:0"); err != nil {
		t.Fatal(err)
	}
	elsewhere.Start()
	defer elsewhere.Close()
	there := elsewhere.URL
	var referers []string
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/feed":
			fmt.Fprintf(w, `<rss version="2.0"><channel><title>P</title><item><title>A</title><link>%s/amp/a</link><guid>1</guid></item><item><title>B</title><link>%[1]s/out</link><guid>2</guid></item>
				<item><title>C</title><link>%[1]s/home</link><guid>3</guid></item><item><title>D</title><link>%[1]s/paper.pdf</link><guid>4</guid></item>
				<item><title>E</title><link>%[1]s/download</link><guid>5</guid></item></channel></rss>`, p.URL)
		case "/a":
			referers = append(referers, req.Header.Get("Referer"))
			fmt.Fprint(w, page("By the page", 1))
		case "/out":
			http.Redirect(w, req, there+"/there", http.StatusFound)
		case "/home":
			http.Redirect(w, req, "/", http.StatusFound)
		case "/download": // what it is, it does not say
			w.Header().Set("Content-Type", "application/octet-stream")
			fmt.Fprint(w, "%PDF-1.7\n"+page("Not a page either", 2))
		case "/paper.pdf":
			w.Header().Set("Content-Type", "application/pdf")
			fmt.Fprint(w, page("Not a page", 2))
		default:
			fmt.Fprint(w, page("Home", 2))
		}
	})
	c, src := r.press(t, p, "feed", "own")
	for _, bad := range []Settings{{Referer: "news"}, {Referer: "javascript:x"}, {Rewrite: []Rewrite{{From: "(", To: "x"}}}} {
		if err := r.SetSource(ctx, src.ID, "", "", "", &bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	rewrite, err := ParseRewrite(`^(https?://[^/]+)/amp/(.*) => $1/$2`)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetSource(ctx, src.ID, "", "", "", &Settings{Referer: "https://news.example/", Rewrite: []Rewrite{rewrite}, Rules: article.Rules{Title: "h2.real"}}); err != nil {
		t.Fatal(err)
	}
	src, _ = r.Source(ctx, src.ID)
	src.LastOK = r.now // undated items are news
	got, err := c.Collect(ctx, src, time.Hour)
	if err != nil || got.Failed != 3 {
		t.Errorf("%+v, %v; want the home page and the PDFs refused", got, err)
	}
	list, err := r.Stories(ctx, r.now.Add(-24*time.Hour))
	titles := map[string]string{}
	for _, s := range list {
		titles[s.URL] = s.Title
	}
	if err != nil || len(list) != 2 || titles[p.URL+"/a"] != "By the rule" || titles[there+"/there"] != "On another site" {
		t.Errorf("told %q, %v", titles, err)
	}
	if !slices.Equal(referers, []string{"https://news.example/"}) {
		t.Errorf("came from %q", referers)
	}
}

// TestPausedSourceTroublesNobody: what was announced about a source is over when
// it is paused or removed, also when a poll ends after that.
func TestPausedSourceTroublesNobody(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	c, src := r.press(t, p, "feed", "own")
	open := map[string]bool{}
	c.Alarm = func(_ context.Context, kind, subject, _ string) { open[kind+" "+subject] = true }
	c.Clear = func(_ context.Context, kind, subject string) { delete(open, kind+" "+subject) }
	p.Close()
	fail := func() {
		t.Helper()
		for range FailingAfter {
			poll(t, c, src)
		}
		if len(open) != 1 {
			t.Fatalf("open: %v, want one alarm", open)
		}
	}
	fail()
	running, err := r.Source(t.Context(), src.ID) // as a poll that is under way knows it
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Pause(t.Context(), src.ID, true); err != nil || len(open) != 0 {
		t.Errorf("paused: %v, open %v", err, open)
	}
	if _, err := c.Collect(t.Context(), running, time.Hour); err != nil || len(open) != 0 {
		t.Errorf("a poll that ends after the pause: %v, open %v", err, open)
	}
	if err := c.Pause(t.Context(), src.ID, false); err != nil {
		t.Fatal(err)
	}
	fail()
	if err := c.Remove(t.Context(), src.ID); err != nil || len(open) != 0 {
		t.Errorf("removed: %v, open %v", err, open)
	}
}

// TestIconOfASource: it is looked for once in thirty days, and kept.
func TestIconOfASource(t *testing.T) {
	ctx := t.Context()
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	var asked atomic.Int64
	papers := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/favicon.ico" {
			papers.ServeHTTP(w, req)
			return
		}
		asked.Add(1)
		png.Encode(w, image.NewGray(image.Rect(0, 0, 64, 64)))
	})
	c, src := r.press(t, p, "feed", "own")
	if _, err := r.Icon(ctx, src.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("before anybody has looked: %v", err)
	}
	for _, after := range []time.Duration{0, 29 * 24 * time.Hour, 2 * 24 * time.Hour} {
		r.now = r.now.Add(after)
		src, _ = r.Source(ctx, src.ID)
		if err := c.LookForIcon(ctx, src); err != nil {
			t.Fatal(err)
		}
	}
	file, err := r.Icon(ctx, src.ID)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(file))
	if src, _ = r.Source(ctx, src.ID); err != nil || m.Bounds().Dx() != 32 || !src.HasIcon || asked.Load() != 2 {
		t.Errorf("%v, %v; has one: %v, asked %d times, want 2", m, err, src.HasIcon, asked.Load())
	}
}

// TestAwayForLong: a site that asks us to stay away for a day is announced at
// once, not after three such days; one that asks for an hour is not.
func TestAwayForLong(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	wait := "3600"
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", wait)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c, src := r.press(t, p, "feed", "own")
	var raised []string
	c.Alarm = func(_ context.Context, kind, _, detail string) { raised = append(raised, kind+": "+detail) }
	poll(t, c, src)
	if len(raised) != 0 {
		t.Errorf("away for an hour: %q", raised)
	}
	wait = "86400"
	r.now = r.now.Add(2 * time.Hour)
	poll(t, c, src)
	if got, err := c.Source(t.Context(), src.ID); err != nil || got.State != "failing" || len(raised) != 1 || !strings.Contains(raised[0], "stay away for 24h") {
		t.Errorf("away for a day: %s, %q, %v", got.State, raised, err)
	}
}
