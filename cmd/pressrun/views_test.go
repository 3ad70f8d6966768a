package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"pressrun/cmd/pressrun/desk"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest"
	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/digest/trend"
	"pressrun/templates"
)

// countingRoom is an installation whose site has told some stories, with its
// configuration in a file.
type countingRoom struct {
	*Press
	config  string
	stories []int64
}

func newCountingRoom(t *testing.T, toml string) *countingRoom {
	t.Helper()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "press.toml")
	if err := os.WriteFile(path, []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(c.Database, "postgres:") {
		schematest.SQLiteFile(t, c.Database)
	}
	p, err := Open(ctx, c, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	r := &countingRoom{Press: p, config: path}
	src, err := p.Digest.AddSource(ctx, digest.Source{Kind: "feed", URL: "https://news.example/feed", SiteURL: "https://news.example/", Title: "The News", Rights: "own"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Digest.PauseSource(ctx, src.ID, true); err != nil { // nothing is fetched
		t.Fatal(err)
	}
	var items []feed.Item
	for i := range 3 {
		items = append(items, feed.Item{ID: fmt.Sprintf("https://news.example/?p=%d", 100+i), URL: fmt.Sprintf("https://news.example/story-%d", i),
			Title: fmt.Sprintf("Story %d", i), Published: time.Now().Add(-time.Duration(i+2) * time.Hour)})
	}
	for range 2 { // an issue takes what two polls have listed
		if _, _, err := p.Digest.AddEntries(ctx, src, items, time.Time{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	entries, err := p.Digest.UnreadEntries(ctx, src.ID, 10)
	if err != nil || len(entries) != len(items) {
		t.Fatal(entries, err)
	}
	slices.SortFunc(entries, func(a, b digest.Entry) int { return strings.Compare(a.URL, b.URL) })
	for i, e := range entries {
		id, err := p.Digest.Tell(ctx, src, e, article.Article{URL: e.URL, Title: e.Title, Byline: []string{"Amina"}[:min(i, 1)], Text: "Text of a story.", Language: "en"})
		if err != nil {
			t.Fatal(err)
		}
		r.stories = append(r.stories, id)
	}
	return r
}

// draft is an issue of all stories, an hour before its slot.
func (r *countingRoom) draft(t *testing.T) digest.Issue {
	t.Helper()
	ctx := t.Context()
	n, _, err := r.Digest.ApplyNewsletter(ctx, "morning", digest.Spec{List: "readers", From: "Morning <m@news.example>", Brand: testBrand, Approval: "hold", MinStories: 1}, "test")
	if err != nil {
		t.Fatal(err)
	}
	slot, err := r.Digest.AddSlot(ctx, n.ID, r.Now().Add(time.Hour).Truncate(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	issue, err := r.Build(ctx, slot.ID)
	if err != nil {
		t.Fatal(err)
	}
	return issue
}

// say runs pressrun as on the command line.
func (r *countingRoom) say(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"-q", "-c", r.config}, args...), strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("pressrun %s: exit %d: %s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}

// visit reports a view of a page as a browser does.
func (r *countingRoom) visit(reader int, page string, cookies ...*http.Cookie) {
	body, _ := json.Marshal(map[string]string{"url": "https://news.example" + page, "page": "https://news.example" + page})
	req := httptest.NewRequest("POST", "/v1/view", bytes.NewReader(body))
	req.Header.Set("User-Agent", fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.%d", reader))
	for _, c := range cookies {
		req.AddCookie(c)
	}
	r.Handler().ServeHTTP(httptest.NewRecorder(), req)
}

// TestReadersAlone counts people on the site: who comes by the newsletter's
// link, previews or sits at the desk does not count; other marks do.
func TestReadersAlone(t *testing.T) {
	r := newCountingRoom(t, `fetch = {delay = "0s"}`)
	ctx := t.Context()
	if _, _, err := r.Digest.ApplyNewsletter(ctx, "morning", digest.Spec{List: "readers", From: "Morning <digest@news.example>", Brand: testBrand}, "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Installation.AddUser(ctx, "ed@news.example", "", "editor"); err != nil {
		t.Fatal(err)
	}
	token, err := r.Installation.SignInToken(ctx, "ed@news.example")
	if err != nil {
		t.Fatal(err)
	}
	session, err := r.Installation.SignIn(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	r.visit(1, "/story-1")
	r.visit(2, "/story-1?src=partner")
	r.visit(3, "/story-1?src=morning")
	r.visit(4, "/story-1?preview=true")
	r.visit(5, "/story-1", &http.Cookie{Name: desk.Cookie, Value: session})
	r.visit(6, "/story-1", &http.Cookie{Name: desk.Cookie, Value: "stale"})
	for i := range 9 {
		r.visit(i+10, "/story-2")
	}
	for i := range 5 { // whoever sees it on the site: it stands in no list before its time
		r.visit(i+30, "/story-0")
	}
	if err := r.Digest.HoldStory(ctx, r.stories[0], r.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := r.Digest.FlagStory(ctx, r.stories[2], "satire", true); err != nil {
		t.Fatal(err)
	}
	if err := r.Beacon.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if s := r.Beacon.Stats(); s.Counted != 17 || s.Ignored["newsletter"] != 1 || s.Ignored["preview"] != 1 || s.Ignored["editor"] != 1 {
		t.Errorf("got %+v; want 17 counted, one each of newsletter, preview and editor left out", s)
	}
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/v1/trending.json?lang=en", nil))
	var live struct {
		Trending bool
		Stories  []struct{ Title, Label string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &live); err != nil || !live.Trending || len(live.Stories) != 2 || live.Stories[0].Title != "Story 2" || live.Stories[0].Label != "satire" {
		t.Errorf("the live list is %s", w.Body)
	}
	if w.Header().Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(w.Header().Get("Cache-Control"), "max-age=60") {
		t.Errorf("the live list comes with %v", w.Header())
	}
}

// TestStandingsExplained has the verbs and the desk say why a story stands where
// it stands.
func TestStandingsExplained(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	spec := digest.Spec{List: "readers", From: "Morning <digest@news.example>", Brand: testBrand, PerAuthor: 1, Settle: digest.Duration(time.Minute)}
	if _, _, err := r.Digest.ApplyNewsletter(ctx, "morning", spec, "test"); err != nil {
		t.Fatal(err)
	}
	for story, n := range []int{9, 12, 20} {
		for i := range n {
			r.visit(100*story+i, fmt.Sprintf("/story-%d", story))
		}
	}
	if err := r.Beacon.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprint(r.stories[0])
	text := r.say(t, "trend", "explain", id)
	for _, want := range []string{
		"9 views in 3 h, 2 h old → 3rd of 3; displaced: “Story 1” (1 of author Amina already)\n", // one line a reader understands
		"now in morning, edition en: 2nd in trending (9 views in 3 h, 2 h old)", "decay 6 h", "×  +0.5000 =", "by the rule of thumb", "views expected of the next 24 h",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("explain says\n%swithout: %s", text, want)
		}
	}
	var out struct {
		Place, Of  int
		Arithmetic map[string]float64
		Next       []place
	}
	if err := json.Unmarshal([]byte(r.say(t, "--json", "trend", "explain", id)), &out); err != nil || out.Place != 3 || len(out.Next) != 1 || out.Arithmetic["decay 6 h"] == 0 {
		t.Errorf("as JSON: %+v, %v", out, err)
	}
	r.say(t, "story", "boost", id, "3")
	r.say(t, "story", "pin", fmt.Sprint(r.stories[1]), "--for", "2h")
	if text := r.say(t, "trend", "explain", id); !strings.Contains(text, "2nd in trending (9 views in 3 h, 2 h old, ×3.0 by an editor)") {
		t.Errorf("after a boost and another's pin: %s", text)
	}
	if text := r.say(t, "trend", "ls", "--rising", "--n", "1"); !strings.Contains(text, "Story 2") {
		t.Errorf("rising: %s", text)
	}

	call := r.editor(t)
	page := call(200, "GET", "/desk/stories?sort=-views", "")
	if a, b := strings.Index(page, "Story 2"), strings.Index(page, "Story 1"); a < 0 || b < a {
		t.Error("sorted by views, the most read does not stand first")
	}
	for _, want := range []string{"In the order of what is read now", `<svg class="spark" role="img" aria-label="views by hour of the last 24: `, ` 20 in all"`, "20 views in 3 h", "pinned", "×3.0 by an editor", `aria-sort="descending"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the desk page lacks %s", want)
		}
	}
	if page := call(200, "GET", "/desk/stories?q=story+0", ""); strings.Contains(page, "Story 2") || !strings.Contains(page, "Story 0") {
		t.Error("the search finds another story")
	}
	page = call(200, "GET", "/desk/stories/"+id, "")
	for _, want := range []string{"9 views in 3 h, 2 h old → 3rd of 3; displaced: ", "Next morning, en", "2nd in trending", "by the rule of thumb", "decay 6 h", "News again"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of a story lacks %s", want)
		}
	}
	call(200, "POST", fmt.Sprintf("/desk/stories/%d", r.stories[2]), "do=pin")
	call(200, "POST", fmt.Sprintf("/desk/stories/%d", r.stories[2]), "do=boost:150")
	if st, err := r.Digest.Story(ctx, r.stories[2]); err != nil || !st.PinnedUntil.After(time.Now()) || st.Boost != 150 {
		t.Errorf("after the desk's pin and boost: %+v, %v", st, err)
	}

	// A story that a rule keeps out of the next issue says which.
	for want, change := range map[string]func(*digest.Spec){
		"it is in public for less than 24 h":     func(s *digest.Spec) { s.Settle = digest.Duration(24 * time.Hour) },
		"it is older than 30 min":                func(s *digest.Spec) { s.MaxAge = digest.Duration(30 * time.Minute) },
		"its source is none of the newsletter's": func(s *digest.Spec) { s.Sources = []string{"https://elsewhere.example/feed"} },
		"3rd in trending":                        func(*digest.Spec) {},
	} {
		other := spec
		change(&other)
		if _, _, err := r.Digest.ApplyNewsletter(ctx, "morning", other, "test"); err != nil {
			t.Fatal(err)
		}
		if text := r.say(t, "trend", "explain", id); !strings.Contains(text, want) {
			t.Errorf("explain lacks %q: %s", want, text)
		}
	}
	if _, _, err := r.Digest.ApplyNewsletter(ctx, "morning", spec, "test"); err != nil {
		t.Fatal(err)
	}

	slot, err := r.Digest.AddSlot(ctx, 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue, err := r.Build(ctx, slot.ID)
	if err != nil {
		t.Fatal(err)
	}
	page = call(200, "GET", fmt.Sprintf("/desk/issues/%d", issue.ID), "")
	for _, views := range []string{" 9 in all", " 20 in all"} {
		if !strings.Contains(page, views+`"`) {
			t.Errorf("the draft does not draw the views of the story with%s", views)
		}
	}
}

// TestLatestInMailAndArchive builds issues in two languages while nothing is
// counted: mail, text part and archive say "Latest" and that dates chose, in the
// reader's language.
func TestLatestInMailAndArchive(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	for name, language := range map[string]string{"morning": "en", "subah": "ur"} {
		spec := digest.Spec{Language: language, List: "readers", Archive: "public", From: "Morning <digest@news.example>", Brand: testBrand, Settle: digest.Duration(time.Minute),
			Editions: []digest.EditionSpec{{Name: language, Language: language, Languages: []string{"*"}}}}
		n, _, err := r.Digest.ApplyNewsletter(ctx, name, spec, "test")
		if err != nil {
			t.Fatal(err)
		}
		slot, err := r.Digest.AddSlot(ctx, n.ID, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		issue, err := r.Build(ctx, slot.ID)
		if err != nil {
			t.Fatal(err)
		}
		editions, err := r.Digest.Editions(ctx, issue.ID, 1)
		if err != nil || len(editions) == 0 {
			t.Fatal(editions, err)
		}
		if err := r.Sealer.Approve(ctx, issue.ID, 0, "ed", false); err != nil {
			t.Fatal(err)
		}
		err = r.DB.InTx(ctx, func(tx *sql.Tx) error { _, err := r.Digest.Start(ctx, tx, issue.ID); return err })
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/archive/%s/%d/frame", name, issue.Number), nil))
		words := templates.Words(language)
		for what, text := range map[string]string{"mail": editions[0].HTML, "text part": editions[0].Text, "archive": w.Body.String()} {
			text = strings.Join(strings.Fields(text), " ")
			if !strings.Contains(text, words.Sections["bydate"]) || !strings.Contains(text, words.Say("mail.bydate")) || strings.Contains(text, words.Sections["trending"]) {
				t.Errorf("%s: the %s does not say that dates chose: %s", name, what, text)
			}
		}
	}
}

// TestExistingCountersAreRead has serve count what a site's own Redis counts,
// and the doctor say what does not match.
func TestExistingCountersAreRead(t *testing.T) {
	url := schematest.Redis(t)
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	defer c.Close()
	ctx := t.Context()
	c.FlushAll(ctx)
	c.Set(ctx, "views:100", 900, 0)
	c.Set(ctx, "views:101", 3, 0)
	c.Set(ctx, "views:7", 5000, 0) // nobody knows it
	r := newCountingRoom(t, fmt.Sprintf("listen = \"127.0.0.1:0\"\npublic_url = \"http://127.0.0.1:1\"\n[[counters]]\nkind = \"counter\"\nkey = \"views:{id}\"\nredis = %q\nevery = \"10s\"\n", url))
	r.pollers[0].every = 20 * time.Millisecond
	l := listenLoopback(t)
	serve, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- r.Serve(serve, l) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	views := func() map[int64]int {
		list, _, err := r.standings(ctx, 48*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		got := map[int64]int{}
		for _, s := range list {
			got[s.Story] = s.Views["24h"]
		}
		return got
	}
	within(t, time.Minute, "the young articles' counters are read", func() bool { return views()[r.stories[0]] == 900 && views()[r.stories[1]] == 3 })
	c.IncrBy(ctx, "views:101", 20)
	c.IncrBy(ctx, "views:7", 1)
	within(t, time.Minute, "growth is counted", func() bool { return views()[r.stories[1]] == 23 })
	within(t, time.Minute, "the stranger is counted", func() bool {
		line, err := r.matchViews(ctx)
		return err == nil && line == "2 of 3 recent keys matched; unmatched: 7"
	})
	text := r.say(t, "doctor", "redis")
	for _, want := range []string{"2 of 3 recent keys matched; unmatched: 7", "3 counters, read every 10s; 2 of 3 stories of the last 48 h matched; unmatched: story 3 (wp:news.example:102)", "cannot tell people from programs", "clicks in the newsletter"} {
		if !strings.Contains(text, want) {
			t.Errorf("the doctor says\n%swithout: %s", text, want)
		}
	}
}

func TestIngestLogVerb(t *testing.T) {
	r := newCountingRoom(t, "")
	log := filepath.Join(t.TempDir(), "access.log")
	stamp := time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700")
	text := ""
	for i := range 4 {
		text += fmt.Sprintf("192.0.2.%d - - [%s] \"GET /story-0 HTTP/1.1\" 200 99 \"-\" \"Mozilla/5.0 (X11) Firefox/140.0\"\n", i, stamp)
	}
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice counts nobody twice
		if out := r.say(t, "trend", "ingest-log", "--site", "https://news.example", log); !strings.Contains(out, "4 lines, 4 views from") {
			t.Errorf("got %s", out)
		}
	}
	list, _, err := r.standings(t.Context(), 48*time.Hour)
	if err != nil || list[0].Story != r.stories[0] || list[0].Views["24h"] != 4 {
		t.Errorf("got %+v, %v; want four views of the first story", list[0], err)
	}
	var out, errs bytes.Buffer
	for args, want := range map[string]string{
		"--site news.example " + log:                                "not a web address",
		"--site https://news.example -f":                            "needs the name of a log",
		"--site https://news.example --path-regex ( " + log:         "--path-regex",
		"--site https://news.example --path-regex x /nowhere/a.log": "no such file",
	} {
		errs.Reset()
		if code := run(t.Context(), append([]string{"-q", "-c", r.config, "trend", "ingest-log"}, strings.Fields(args)...), strings.NewReader(""), &out, &errs); code != 1 || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit %d, %s; want %s", args, code, errs.String(), want)
		}
	}
}

// TestIngestLogFollows counts a log as it grows until it is interrupted.
func TestIngestLogFollows(t *testing.T) {
	r := newCountingRoom(t, "")
	log := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int, 1)
	var out, errs bytes.Buffer
	go func() {
		done <- run(ctx, []string{"-q", "--json", "-c", r.config, "trend", "ingest-log", "--site", "https://news.example", "-f", log}, strings.NewReader(""), &out, &errs)
	}()
	n := 0
	within(t, time.Minute, "lines are counted as they come", func() bool {
		n++
		f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, "192.0.2.%d - - [%s] \"GET /story-0 HTTP/1.1\" 200 99 \"-\" \"Mozilla/5.0 (X11) Firefox/140.0\"\n", n%250, time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"))
		f.Close()
		list, _, err := r.standings(t.Context(), 48*time.Hour)
		return err == nil && list[0].Views["24h"] >= 2
	})
	stop()
	if code := <-done; code != 0 || !strings.Contains(out.String(), `"views"`) {
		t.Errorf("exit %d, %s, %s; want its report", code, out.String(), errs.String())
	}
}

// TestOldCountsAreCalledOld: counters that ended hours ago, as those of an old dump, are
// not told as what is read now.
func TestOldCountsAreCalledOld(t *testing.T) {
	r := newCountingRoom(t, "")
	now := time.Now()
	clock := func() time.Time { return now }
	r.Now, r.Ranker.Now, r.Counters = clock, clock, trend.NewSQL(r.DB, clock)
	r.Ranker.Counters = r.Counters
	st, err := r.Digest.Story(t.Context(), r.stories[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := r.addViews(t.Context(), []trend.View{{Key: st.Keys[0], At: now, N: 9}}); err != nil {
		t.Fatal(err)
	}
	const old = "no visit was counted since, so issues have no Trending Now"
	for _, c := range []struct {
		later time.Duration
		want  bool
	}{{time.Hour, false}, {4 * time.Hour, true}} {
		now = now.Add(c.later)
		_, how, err := r.deskStandings(t.Context())
		doctor, failed := r.examineViews(t.Context())
		if err != nil || failed != nil || strings.Contains(how, old) != c.want || strings.Contains(doctor, old) != c.want || strings.Contains(how, "read now") == c.want {
			t.Errorf("at %s: the desk says %q, doctor %q, %v, %v", now, how, doctor, err, failed)
		}
	}
}
