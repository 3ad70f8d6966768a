package digest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/digest/fetch"
	"pressrun/digest/story"
)

// post is an article of a site for tests.
type post struct {
	path, title, text string
	tags              []string
	at                time.Time
	image, credit     string
}

// paper is a news site whose posts can be changed between polls.
type paper struct {
	*httptest.Server
	posts  []post
	robots string
}

func newPaper(t *testing.T) *paper {
	p := new(paper)
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *paper) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/robots.txt":
		fmt.Fprint(w, p.robots)
		return
	case "/feed":
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Paper</title><link>`+p.URL+`</link>`)
		for _, a := range p.posts {
			fmt.Fprintf(w, `<item><title>%s</title><link>%s%s</link><guid>%[3]s</guid><description>%[4]s</description>`, html.EscapeString(a.title), p.URL, a.path, html.EscapeString(a.text[:min(len(a.text), 90)]))
			if !a.at.IsZero() {
				fmt.Fprintf(w, `<pubDate>%s</pubDate>`, a.at.Format(time.RFC1123Z))
			}
			for _, tag := range a.tags {
				fmt.Fprintf(w, `<category>%s</category>`, html.EscapeString(tag))
			}
			fmt.Fprint(w, `</item>`)
		}
		fmt.Fprint(w, `</channel></rss>`)
		return
	case "/":
		for _, a := range p.posts {
			fmt.Fprintf(w, `<h2><a href="%s">%s</a></h2>`, a.path, html.EscapeString(a.title))
		}
		return
	}
	for _, a := range p.posts {
		if a.path == r.URL.Path {
			image := ""
			if a.image != "" {
				image = fmt.Sprintf(`<figure><img src="%s" alt="A picture"><figcaption>%s</figcaption></figure>`, a.image, a.credit)
			}
			fmt.Fprintf(w, `<html lang="en"><head><title>%s</title><meta property="og:image" content="%s"></head><body><article><h1>%[1]s</h1>%[3]s<p>%[4]s</p></article></body></html>`,
				html.EscapeString(a.title), a.image, image, strings.ReplaceAll(html.EscapeString(a.text), "\n", "</p><p>"))
			return
		}
	}
	http.NotFound(w, r)
}

// about makes a text of its own for each number.
func about(n int) string {
	return strings.Repeat(fmt.Sprintf("Harbour board %d met on pier %d to hear of dredging lot %d, of crane %d and of the %d tonnes of gravel that ward %d still waits for. ", n, n*7, n*11, n*13, n*17, n*19), 3)
}

// harbourNews is the post at /nN, N and one hours old.
func harbourNews(n int, now time.Time) post {
	return post{path: fmt.Sprint("/n", n), title: fmt.Sprint("Harbour news number ", n), text: about(n), at: now.Add(-time.Duration(n+1) * time.Hour)}
}

// press adds a collector to a room, with the source of a paper.
func (r *room) press(t *testing.T, p *paper, kind, rights string) (*Collector, Source) {
	t.Helper()
	c := &Collector{Store: r.Store,
		Client: &fetch.Client{Now: r.Store.Now, Delay: -1, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		Alarm:  func(context.Context, string, string, string) {}, Clear: func(context.Context, string, string) {}}
	t.Cleanup(c.Client.Close)
	address := p.URL + "/feed"
	if kind == "pages" {
		address = p.URL + "/"
	}
	src, err := r.AddSource(t.Context(), Source{Kind: kind, URL: address, SiteURL: p.URL + "/", Title: "Paper", Rights: rights})
	if err != nil {
		t.Fatal(err)
	}
	return c, src
}

func poll(t *testing.T, c *Collector, src Source) Collected {
	t.Helper()
	src, err := c.Source(t.Context(), src.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Collect(t.Context(), src, 7*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// headlines are those of a new draft.
func (r *room) headlines(t *testing.T, change func(*Spec)) []string {
	t.Helper()
	ctx := t.Context()
	n := r.newsletter(t, func(s *Spec) {
		s.MinStories, s.Latest = 1, 20
		if change != nil {
			change(s)
		}
	})
	slot, err := r.AddSlot(ctx, n.ID, r.now)
	if err != nil {
		t.Fatal(err)
	}
	issue, err := r.Begin(ctx, n, slot)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Build(ctx, issue.ID); err != nil {
		t.Fatal(err)
	}
	list, err := r.Chosen(ctx, issue.ID)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range list {
		out = append(out, c.Title)
	}
	slices.Sort(out)
	return out
}

// relatedIn are the headlines of the Related News of the newest draft.
func (r *room) relatedIn(t *testing.T) []string {
	t.Helper()
	list, err := schema.Each(t.Context(), r.DB.Read, schema.Column[int64], `select max(id) from issues`)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := r.Chosen(t.Context(), list[0])
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range chosen {
		for _, id := range c.Related {
			s, err := r.Story(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, s.Title)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestWhatMayEnterADraft: a post that was withdrawn after ten minutes, one
// dated in the future, one under embargo, one that only one poll has seen and
// one too young stay out; the embargoed one enters when its time has come.
func TestWhatMayEnterADraft(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		c, src := r.press(t, p, "feed", "own")
		old := func(n int) post {
			return post{path: fmt.Sprint("/old", n), title: fmt.Sprint("Old news number ", n), text: about(n), at: r.now.Add(-time.Duration(n+2) * time.Hour)}
		}
		steady := []post{old(1), old(2), old(3), old(4)}
		mistake := post{path: "/mistake", title: "Mayor resigns, it is said", text: about(50), at: r.now}
		future := post{path: "/future", title: "From the day after tomorrow", text: about(51), at: r.now.Add(48 * time.Hour)}
		sealed := post{path: "/sealed", title: "Under embargo", text: about(52), at: r.now, tags: []string{"embargo:" + r.now.Add(2*time.Hour).Format(time.RFC3339)}}
		p.posts = append([]post{mistake, future, sealed}, steady...)
		if got := poll(t, c, src); got.Stories != 7 || got.Failed != 0 {
			t.Fatalf("first poll: %+v", got)
		}
		r.now = r.now.Add(12 * time.Minute) // the mistake is gone after ten
		p.posts = p.posts[1:]
		poll(t, c, src)
		r.now = r.now.Add(35 * time.Minute)
		p.posts = append([]post{{path: "/once", title: "Seen by one poll", text: about(53), at: r.now.Add(-40 * time.Minute)}, {path: "/young", title: "Too young", text: about(54), at: r.now.Add(-10 * time.Minute)}}, p.posts...)
		poll(t, c, src)
		want := []string{"Old news number 1", "Old news number 2", "Old news number 3", "Old news number 4"}
		if got := r.headlines(t, nil); !slices.Equal(got, want) {
			t.Errorf("after 47 minutes: got %q, want %q", got, want)
		}
		one := func(s *Spec) { s.Latest, s.Related = 1, 20 }
		r.headlines(t, one)
		for _, title := range r.relatedIn(t) {
			if !slices.Contains(want, title) {
				t.Errorf("%q may not be told, but is Related News", title)
			}
		}
		r.now = r.now.Add(2 * time.Hour)
		poll(t, c, src)
		want = append(want, "Seen by one poll", "Too young", "Under embargo")
		if got := r.headlines(t, nil); !slices.Equal(got, want) {
			t.Errorf("after 2 h 47 min: got %q, want %q", got, want)
		}
	})
}

// TestRelatedNews: the nearest that the newsletter's sources tell, of nobody else.
func TestRelatedNews(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	flood := post{path: "/quarry", title: "Quarry at Mount Orlen floods, and the lamps go out in Kessel", text: "Water rose in the quarry at Mount Orlen on Friday. In Kessel the lamps went out. " + about(55), at: r.now.Add(-2 * time.Hour)}
	museum := post{path: "/museum", title: "Mount Orlen opens a museum of its quarry in Kessel", text: "A museum of the quarry at Mount Orlen has opened its doors in Kessel. " + about(56), at: r.now.Add(-26 * time.Hour)}
	choir := post{path: "/choir", title: "Kessel's choir rehearses on the rim of Mount Orlen", text: "Forty singers of Kessel have moved their rehearsals to Mount Orlen, above the quarry, for the echo. " + about(57), at: r.now.Add(-80 * time.Hour)}
	ours, theirs := newPaper(t), newPaper(t)
	ours.posts, theirs.posts = []post{flood, museum}, []post{choir}
	c, src := r.press(t, ours, "feed", "own")
	_, other := r.press(t, theirs, "feed", "own")
	for range 2 {
		poll(t, c, src)
		poll(t, c, other)
		r.now = r.now.Add(time.Minute)
	}
	if _, err := c.Cluster(t.Context()); err != nil { // as before each issue; a poll does it when there is time
		t.Fatal(err)
	}
	for _, k := range []struct {
		sources, want []string
	}{{nil, []string{choir.title, museum.title}}, {[]string{ours.URL + "/"}, []string{museum.title}}} {
		r.headlines(t, func(s *Spec) {
			s.Trending, s.Latest, s.Related, s.Sources, s.MaxAge = 1, 1, 5, k.sources, Duration(24*time.Hour)
		})
		got := r.relatedIn(t)
		slices.Sort(got)
		if !slices.Equal(got, k.want) {
			t.Errorf("of the sources %q Related News is %q, want %q", k.sources, got, k.want)
		}
		r.now = r.now.Add(time.Minute)
	}
}

// TestFirstPollTakesTheBacklogAsOld also where the list gives no dates.
func TestFirstPollTakesTheBacklogAsOld(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		for _, kind := range []string{"feed", "pages"} {
			r := newRoom(t, db)
			p := newPaper(t)
			c, src := r.press(t, p, kind, "own")
			for n := range 30 {
				p.posts = append(p.posts, post{path: fmt.Sprintf("/2026/03/%s-story-%d", kind, n), title: fmt.Sprint("The long story of the harbour, part ", n), text: about(n)})
			}
			got, err := c.Collect(t.Context(), src, 0)
			if err != nil || got.New != 30 || got.Old != 30 || got.Stories != 0 {
				t.Errorf("%s without dates: got %+v, %v; want 30 old, none told", kind, got, err)
			}
			r.now = r.now.Add(time.Hour)
			p.posts = append([]post{{path: "/2026/03/" + kind + "-fresh", title: "A fresh story from the harbour tonight", text: about(99 + len(kind))}}, p.posts...)
			if got := poll(t, c, src); got.New != 1 || got.Stories+got.Members != 1 {
				t.Errorf("%s, second poll: got %+v, want one story", kind, got)
			}
		}
	})
}

// TestTwoSourcesOfOneArticle: what another source told already is not read, or
// counted as news, again; but a member of it.
func TestTwoSourcesOfOneArticle(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		c, src := r.press(t, p, "feed", "own")
		p.posts = []post{{path: "/2026/03/ferry", title: "The ferry returns with all its lamps lit", text: about(1), at: r.now.Add(-time.Hour)}}
		if got := poll(t, c, src); got.Stories != 1 || got.Members != 0 {
			t.Fatalf("first source: %+v, want one story", got)
		}
		var pages atomic.Int32
		serve := p.Config.Handler
		p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasPrefix(req.URL.Path, "/2026/") {
				pages.Add(1)
			}
			serve.ServeHTTP(w, req)
		})
		other, err := r.AddSource(t.Context(), Source{Kind: "feed", URL: p.URL + "/feed?section=port", SiteURL: p.URL + "/", Title: "Paper", Rights: "own"})
		if err != nil {
			t.Fatal(err)
		}
		if got := poll(t, c, other); got.New != 1 || got.Stories != 0 || got.Members != 1 || pages.Load() != 0 {
			t.Errorf("second source: %+v, %d pages read; want one member, none read", got, pages.Load())
		}
	})
}

// TestToldAtOnce: two processes may read one entry, and two sources list one
// article, at the same moment: it is one story, and no poll fails for it.
func TestToldAtOnce(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		other, err := r.AddSource(ctx, Source{Kind: "feed", URL: "https://news.example/other", SiteURL: "https://news.example/", Title: "Other", Rights: "own"})
		if err != nil {
			t.Fatal(err)
		}
		var items []feed.Item
		for i := range 20 {
			url := fmt.Sprintf("https://news.example/at-once-%d", i)
			items = append(items, feed.Item{ID: url, URL: url, Title: fmt.Sprintf("Story %d", i), Published: r.now.Add(-time.Hour)})
		}
		var all sync.WaitGroup
		for _, src := range []Source{r.source, other} {
			if _, _, err := r.AddEntries(ctx, src, items, time.Time{}); err != nil {
				t.Fatal(err)
			}
			entries, err := r.UnreadEntries(ctx, src.ID, 100)
			if err != nil || len(entries) != len(items) {
				t.Fatal(entries, err)
			}
			for range 2 {
				all.Go(func() {
					for _, e := range entries {
						if _, err := r.Tell(ctx, src, e, article.Article{URL: e.URL, Title: e.Title, Text: "Text.", Language: "en", Kind: "article"}); err != nil {
							t.Errorf("%s by %s: %v", e.URL, src.Title, err)
						}
					}
				})
			}
		}
		all.Wait()
		if list, err := r.Stories(ctx, r.now.Add(-48*time.Hour)); err != nil || len(list) != len(items) {
			t.Errorf("%d stories, %v; want %d", len(list), err, len(items))
		}
	})
}

// TestRights: what may only be quoted shows no picture, also not its own; own
// sources show theirs but no agency's.
func TestRights(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		for rights, want := range map[string]map[string]bool{"own": {"/own": true, "/wire": false}, "quote": {"/own": false, "/wire": false}} {
			p := newPaper(t)
			p.robots = "User-agent: *\nDisallow: /private"
			c, src := r.press(t, p, "feed", rights)
			p.posts = []post{
				{path: "/own", title: "Ferry returns with lamps", text: about(1), at: r.now.Add(-time.Hour), image: "https://paper.example/a.jpg", credit: "Photo: Ada Quist"},
				{path: "/wire", title: "Minister leaves the hall", text: about(2), at: r.now.Add(-time.Hour), image: "https://paper.example/b.jpg", credit: "A minister. Photo: J. Doe/AFP"},
				{path: "/private", title: "Members only meeting", text: about(3), at: r.now.Add(-time.Hour)},
			}
			poll(t, c, src)
			list, err := r.Stories(t.Context(), r.now.Add(-24*time.Hour))
			if err != nil || len(list) < 3 {
				t.Fatalf("%s: %d stories, %v", rights, len(list), err)
			}
			for _, s := range list {
				path := strings.TrimPrefix(s.URL, p.URL)
				if path == "/private" && rights == "quote" && len(s.Body) > 100 {
					t.Errorf("robots.txt keeps us out, yet the page was read: %q", s.Body)
				}
				if shows, ok := want[path]; ok && shows != (s.Image != "") {
					t.Errorf("%s %s: picture %q, want shown %v", rights, path, s.Image, shows)
				}
			}
		}
	})
}

// TestFlags: by tag, address, page and hand; kept through merger and split, the
// strictest article wins, and each has its effect.
func TestFlags(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		p := newPaper(t)
		c, src := r.press(t, p, "feed", "own")
		rules := []FlagRule{{Tag: "inquest", Flag: "sensitive"}, {Path: "/court/", Flag: "legal"}}
		if err := r.SetSource(ctx, src.ID, "", "", "", &Settings{Flags: rules}); err != nil {
			t.Fatal(err)
		}
		if err := r.SetSource(ctx, src.ID, "", "", "", &Settings{Flags: []FlagRule{{Tag: "x", Flag: "secret"}}}); err == nil {
			t.Error("a flag nobody knows is accepted")
		}
		at := r.now.Add(-2 * time.Hour)
		p.posts = []post{
			{path: "/a", title: "Two sailors are mourned", text: about(1), at: at, tags: []string{"Inquest"}},
			{path: "/court/b", title: "Trial of the harbour master", text: about(2), at: at},
			{path: "/c", title: "Why the pier should go", text: about(3), at: at, tags: []string{"Opinion"}},
			{path: "/d", title: "A hotel with a view", text: about(4), at: at, tags: []string{"Sponsored"}},
			{path: "/e", title: "Plain news of the day", text: about(5), at: at},
			{path: "/f", title: "Sponsored: the bank that listens", text: about(6), at: at},
		}
		poll(t, c, src)
		r.now = r.now.Add(time.Minute)
		poll(t, c, src)
		ids, flags := map[string]int64{}, map[string]string{}
		list, _ := r.Stories(ctx, r.now.Add(-24*time.Hour))
		for _, s := range list {
			path := strings.TrimPrefix(s.URL, p.URL)
			ids[path], flags[path] = s.ID, s.Flags
		}
		for path, want := range map[string]string{"/a": "sensitive", "/court/b": "legal", "/c": "opinion", "/d": "paid", "/e": "", "/f": "paid"} {
			if flags[path] != want {
				t.Errorf("%s: flags %q, want %q", path, flags[path], want)
			}
		}
		if err := r.FlagStory(ctx, ids["/e"], "live", true); err != nil {
			t.Fatal(err)
		}
		titles := r.headlines(t, nil)
		if slices.Contains(titles, "A hotel with a view") || len(titles) != 4 {
			t.Errorf("got %q: what is paid for is never ranked", titles)
		}
		issue, _ := r.IssueByNumber(ctx, 1, 1)
		chosen, _ := r.Chosen(ctx, issue.ID)
		for _, k := range chosen {
			if k.Story.ID == ids["/court/b"] && (k.Summary != "" || len(k.Related) > 0) {
				t.Errorf("legal: got summary %q, related %v; want the headline only", k.Summary, k.Related)
			}
			if slices.Contains(k.Related, ids["/court/b"]) || slices.Contains(k.Related, ids["/d"]) {
				t.Error("a legal or paid story is Related News")
			}
			if k.Story.ID == ids["/e"] && k.Story.Label != "live" {
				t.Errorf("set by hand: label %q, want live", k.Story.Label)
			}
		}
		// Merged: the strictest of both, and what the hand set; split again: each its own.
		if err := r.MergeStories(ctx, ids["/a"], ids["/e"]); err != nil {
			t.Fatal(err)
		}
		if s, _ := r.Story(ctx, ids["/e"]); s.Flags != "live sensitive" || len(s.Keys) != 2 {
			t.Errorf("merged: flags %q, %d articles; want live sensitive, 2", s.Flags, len(s.Keys))
		}
		if _, err := c.Cluster(ctx); err != nil {
			t.Fatal(err)
		}
		if s, _ := r.Story(ctx, ids["/a"]); s.State != "merged" || s.MergedInto != ids["/e"] {
			t.Errorf("the merger did not stick: %s into %d", s.State, s.MergedInto)
		}
		if err := r.SplitStory(ctx, ids["/e"], ids["/a"]); err != nil {
			t.Fatal(err)
		}
		if s, _ := r.Story(ctx, ids["/a"]); s.State != "live" || !s.Has("sensitive") {
			t.Errorf("split off: %s, flags %q", s.State, s.Flags)
		}
		if err := r.FlagStory(ctx, ids["/a"], "sensitive", false); err != nil {
			t.Fatal(err)
		}
		if s, _ := r.Story(ctx, ids["/a"]); s.Has("sensitive") {
			t.Error("a flag taken off by hand is still there")
		}
	})
}

// TestFlagsInAnEdition: what each flag does to a story as an edition shows it; what
// may stand beside it is TestSponsors.
func TestFlagsInAnEdition(t *testing.T) {
	for flags, want := range map[string]struct {
		rank, summary, picture, related bool
		label                           string
	}{
		"":          {rank: true, summary: true, picture: true, related: true},
		"sensitive": {rank: false, summary: true, picture: true, related: true},
		"legal":     {rank: true},
		"opinion":   {rank: true, summary: true, picture: true, related: true, label: "opinion"},
		"satire":    {rank: true, summary: true, picture: true, related: true, label: "satire"},
		"live":      {rank: true, summary: true, picture: true, related: true, label: "live"},
		"paid":      {rank: false, summary: true, picture: true, related: true, label: "paid"},

		"satire opinion live legal sensitive": {label: "satire"},
	} {
		related := map[int64]Story{7: {ID: 7, Title: "Near", State: "live"}, 8: {ID: 8, Title: "In court", State: "live", Flags: "legal"}, 9: {ID: 9, Title: "A hotel", State: "live", Flags: "paid"}}
		c := Chosen{Story: Story{ID: 1, Flags: flags, Label: labelFrom(flags), Image: "https://a.example/x.jpg"}, Position: 1, Title: "T", Summary: "It sails.", Method: "extract", Related: []int64{8, 7, 9}}
		v := storyView(c, Spec{}, "trending", true, related)
		if v.Rank != 0 != want.rank || len(v.Summary) != 0 != want.summary || v.Image != "" != want.picture || v.Label != want.label {
			t.Errorf("%q: rank %d, summary %q, picture %q, label %q", flags, v.Rank, v.Summary, v.Image, v.Label)
		}
		if want.related != (len(v.Related) == 1 && v.Related[0].Title == "Near") || !want.related && len(v.Related) > 0 {
			t.Errorf("%q: Related News %+v", flags, v.Related)
		}
	}
}

// TestWhatWasToldStaysTold: an item that is known by its guid or its address is not
// news again, whatever became of its story and its text.
func TestWhatWasToldStaysTold(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		p := newPaper(t)
		c, src := r.press(t, p, "feed", "own")
		for n := range 4 {
			p.posts = append(p.posts, harbourNews(n, r.now))
		}
		if got := poll(t, c, src); got.Stories != 4 {
			t.Fatalf("%+v", got)
		}
		stories, _ := r.Stories(ctx, r.now.Add(-24*time.Hour))
		if err := r.BlockStory(ctx, stories[0].ID); err != nil {
			t.Fatal(err)
		}
		r.now = r.now.Add(31 * 24 * time.Hour)
		if err := r.HouseKeep(ctx, 30*24*time.Hour, 2); err != nil {
			t.Fatal(err)
		}
		guids := strings.NewReplacer("<guid>", "<guid>new-", "?", "")
		feeds := p.Config.Handler
		for _, change := range []func(string) string{func(s string) string { return s + " " }, guids.Replace} {
			p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				rec := httptest.NewRecorder()
				feeds.ServeHTTP(rec, req)
				if req.URL.Path == "/feed" {
					fmt.Fprint(w, change(rec.Body.String()))
					return
				}
				w.WriteHeader(rec.Code)
				w.Write(rec.Body.Bytes())
			})
			slices.Reverse(p.posts)
			if got := poll(t, c, src); got.New+got.Stories+got.Members != 0 || got.Err != "" {
				t.Errorf("%+v, want nothing new", got)
			}
		}
		if s, err := r.Story(ctx, stories[0].ID); err != nil || s.State != "blocked" {
			t.Errorf("the blocked story is %s, %v", s.State, err)
		}
	})
}

// TestCollectorClustersAsTheVerb: the collector's stories are those that the
// verb story cluster gives for the same articles.
func TestCollectorClustersAsTheVerb(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		f, err := os.Open("story/testdata/events2.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		papers := map[string]*paper{}
		sources := map[string]Source{}
		var c *Collector
		for dec, n := json.NewDecoder(f), 0; dec.More(); n++ {
			var d story.Doc
			if err := dec.Decode(&d); err != nil {
				t.Fatal(err)
			}
			p := papers[d.Source]
			if p == nil {
				p = newPaper(t)
				collector, src := r.press(t, p, "feed", "own")
				if c == nil {
					c = collector
				}
				papers[d.Source], sources[d.Source] = p, src
			}
			r.now = later(r.now, d.Published.Add(time.Hour))
			p.posts = append(p.posts, post{path: fmt.Sprint("/", n), title: d.Title, text: d.Text, at: d.Published})
		}
		for name := range papers {
			poll(t, c, sources[name])
		}
		if _, err := c.Cluster(ctx); err != nil {
			t.Fatal(err)
		}
		var in, out bytes.Buffer
		list, err := schema.Each(ctx, r.DB.Read, scanRow, `select `+storyColumns+` from stories s order by s.id desc`)
		if err != nil || len(list) != 32 {
			t.Fatalf("%d articles, %v", len(list), err)
		}
		enc := json.NewEncoder(&in)
		got := map[string]int64{}
		for _, s := range list {
			enc.Encode(map[string]any{"id": s.Key, "title": s.Title, "text": s.Body, "url": s.URL, "published": s.Published})
			if got[s.Key] = s.ID; s.MergedInto != 0 {
				got[s.Key] = s.MergedInto
			}
		}
		if err := story.ReplayJSON(&in, &out); err != nil {
			t.Fatal(err)
		}
		merged := 0
		for dec := json.NewDecoder(&out); dec.More(); {
			var line struct{ ID, Story string }
			if err := dec.Decode(&line); err != nil {
				t.Fatal(err)
			}
			if got[line.ID] != got[line.Story] {
				t.Errorf("article %s stands with %s for the verb, not for the collector", line.ID, line.Story)
			}
			if line.ID != line.Story {
				merged++
			}
		}
		stories := map[int64]bool{}
		for _, id := range got {
			stories[id] = true
		}
		if len(stories) != 32-merged || merged < 5 {
			t.Errorf("%d stories of 32 articles, the verb merges %d", len(stories), merged)
		}
	})
}

// TestSourceTroubleIsAnnouncedOnce: failing after three polls, silent after
// longer than its habit, over with the first success.
func TestSourceTroubleIsAnnouncedOnce(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		p := newPaper(t)
		c, src := r.press(t, p, "feed", "own")
		var raised, cleared []string
		open := map[string]bool{}
		c.Alarm = func(_ context.Context, kind, subject, detail string) {
			raised, open[kind+subject] = append(raised, kind+": "+detail), true
		}
		c.Clear = func(_ context.Context, kind, subject string) {
			if open[kind+subject] {
				cleared = append(cleared, kind)
			}
			delete(open, kind+subject)
		}
		for n := range 40 {
			p.posts = append(p.posts, post{path: fmt.Sprint("/", n), title: fmt.Sprint("Hourly news number ", n), text: about(n), at: r.now.Add(-time.Duration(n) * time.Hour)})
		}
		poll(t, c, src)
		r.now = r.now.Add(30 * time.Hour)
		poll(t, c, src)
		got, _ := r.Source(ctx, src.ID)
		if got.State != "silent" || !strings.Contains(got.Reason, "nothing new for 30 h") || len(raised) != 1 {
			t.Errorf("after 30 h of silence: %s, %q, alarms %q", got.State, got.Reason, raised)
		}
		if err := r.SetSource(ctx, src.ID, "Another Name", "", "", nil); err != nil {
			t.Fatal(err)
		}
		p.posts = append([]post{{path: "/again", title: "News again after the pause", text: about(77), at: r.now}}, p.posts...)
		poll(t, c, src)
		if got, _ := r.Source(ctx, src.ID); got.State != "active" || len(cleared) != 1 || len(open) > 0 {
			t.Errorf("after news: %s, cleared %q, still open %v", got.State, cleared, open)
		}
		open["failing source"+fmt.Sprintf("%s, number %d", src.Host, src.ID)] = true // as a process left it that died after a good poll
		if poll(t, c, src); len(open) > 0 {
			t.Errorf("a poll later it is still open: %v", open)
		}
		p.Close()
		for range 3 {
			r.now = r.now.Add(time.Hour)
			poll(t, c, src)
		}
		if got, _ := r.Source(ctx, src.ID); got.State != "failing" || !strings.Contains(got.Reason, "refused") || len(raised) != 2 {
			t.Errorf("after three failures: %s, %q, alarms %q", got.State, got.Reason, raised)
		}
	})
}

// TestWallBeforeThePages: a site whose feed answers and whose pages do not, for six
// hours and more, is announced, and so is the end of it. One page that cannot be read while
// others can is nobody's trouble.
func TestWallBeforeThePages(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		c, src := r.press(t, p, "feed", "own")
		wall, raised := func(string) int { return 0 }, []string{}
		p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if status := wall(req.URL.Path); status != 0 {
				w.WriteHeader(status)
				return
			}
			p.serve(w, req)
		})
		c.Alarm = func(_ context.Context, kind, _, detail string) { raised = append(raised, kind+": "+detail) }
		c.Clear = func(_ context.Context, kind, _ string) {
			if kind == "failing source" {
				raised = nil
			}
		}
		n := 0
		polls := func(many int) (state, reason string) {
			t.Helper()
			for range many {
				n++
				r.now = r.now.Add(2 * time.Hour)
				a := harbourNews(n, r.now)
				a.at = r.now
				p.posts = append([]post{a}, p.posts...)
				poll(t, c, src)
			}
			got, err := r.Source(t.Context(), src.ID)
			if err != nil {
				t.Fatal(err)
			}
			return got.State, got.Reason
		}
		polls(2)
		wall = func(path string) int { // before those with an odd number
			if strings.HasPrefix(path, "/n") && path[len(path)-1]%2 == 1 {
				return 403
			}
			return 0
		}
		if state, _ := polls(6); state != "active" {
			t.Errorf("some of its pages cannot be read, and it is %s", state)
		}
		for _, status := range []int{403, 503} {
			wall = func(path string) int {
				if strings.HasPrefix(path, "/n") {
					return status
				}
				return 0
			}
			if state, reason := polls(3); state != "active" {
				t.Errorf("HTTP %d for four hours: it is %s, %s", status, state, reason)
			}
			if state, reason := polls(2); state != "failing" || !strings.Contains(reason, fmt.Sprint(status)) || len(raised) == 0 || !strings.Contains(raised[0], "none of its articles could be read") {
				t.Errorf("HTTP %d for eight hours: it is %s, %q; alarms %q", status, state, reason, raised)
			}
			wall = func(string) int { return 0 }
			if state, reason := polls(2); state != "active" || reason != "" || len(raised) != 0 {
				t.Errorf("after HTTP %d: it is %s, %q; alarms %q", status, state, reason, raised)
			}
		}
	})
}

// TestFeedOfWrongDates: a feed that dates what is new ten years back, so that none of it
// is told, is announced like one that is silent, once, however much it lists.
func TestFeedOfWrongDates(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		for n := range 30 {
			p.posts = append(p.posts, harbourNews(n, r.now))
		}
		c, src := r.press(t, p, "feed", "own")
		raised, cleared := 0, 0
		c.Alarm = func(_ context.Context, _, _, detail string) { raised++ }
		poll(t, c, src)
		c.Clear = func(_ context.Context, kind, _ string) {
			if raised > 0 && kind == "silent source" {
				cleared++
			}
		}
		for n := 30; n < 60; n++ {
			r.now = r.now.Add(time.Hour)
			a := harbourNews(n, r.now)
			a.at = r.now.AddDate(-10, 0, 0)
			p.posts = append([]post{a}, p.posts...)
			if got := poll(t, c, src); got.Stories != 0 {
				t.Errorf("old news was told: %+v", got)
			}
		}
		got, err := r.Source(t.Context(), src.ID)
		if err != nil || got.State != "silent" || !strings.Contains(got.Reason, "dated too long ago") || raised == 0 || cleared > 0 {
			t.Errorf("after 30 h of which nothing was told: %s, %q; raised %d times and cleared %d times", got.State, got.Reason, raised, cleared)
		}
	})
}

// TestYearOfTheWeek: around New Year, what a site dates with the year of the week is
// news of the day; what is a year old, or a scheme of a year ahead, is not.
func TestYearOfTheWeek(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	c, src := r.press(t, p, "feed", "own")
	for n, k := range []struct {
		now, dated string
		told       string // the day it is told under, "" = not
	}{
		{"2025-12-30T12:00:00Z", "2025-12-30T10:00:00Z", "2025-12-30"},
		{"2025-12-30T13:00:00Z", "2026-12-30T11:00:00Z", "2025-12-30"},
		{"2025-12-30T14:00:00Z", "2026-06-01T11:00:00Z", "ahead"},
		{"2027-01-02T12:00:00Z", "2026-01-02T10:00:00Z", "2027-01-02"},
		{"2027-01-02T13:00:00Z", "2025-01-02T10:00:00Z", ""},
		{"2027-03-02T13:00:00Z", "2026-03-02T10:00:00Z", ""},
	} {
		r.now, _ = time.Parse(time.RFC3339, k.now)
		a := harbourNews(n, r.now)
		a.at, _ = time.Parse(time.RFC3339, k.dated)
		p.posts = []post{a}
		poll(t, c, src)
		list, err := r.Stories(t.Context(), r.now.Add(-7*24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, s := range list {
			if s.Title != a.title {
				continue
			}
			if got = s.Published.Format(time.DateOnly); s.NotBefore.After(r.now) {
				got = "ahead"
			}
		}
		if got != k.told {
			t.Errorf("dated %s on %s: told under %q, want %q", k.dated, k.now, got, k.told)
		}
	}
}

// TestCacheThatNeverChanges: a feed of which a cache says for ever that nothing has
// changed is read anew once it is silent.
func TestCacheThatNeverChanges(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		for n := range 20 {
			p.posts = append(p.posts, harbourNews(n, r.now))
		}
		p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/feed" {
				w.Header().Set("ETag", `"for ever"`)
				if req.Header.Get("If-None-Match") != "" {
					w.WriteHeader(http.StatusNotModified)
					return
				}
			}
			p.serve(w, req)
		})
		c, src := r.press(t, p, "feed", "own")
		poll(t, c, src)
		r.now = r.now.Add(8 * time.Hour)
		p.posts = append([]post{harbourNews(30, r.now.Add(30*time.Hour))}, p.posts...)
		if got := poll(t, c, src); got.New != 0 {
			t.Fatalf("the cache was not asked: %+v", got)
		}
		r.now = r.now.Add(time.Hour)
		if got := poll(t, c, src); got.Stories != 1 {
			t.Errorf("after the source was found silent: %+v, want the new story", got)
		}
		if got, err := r.Source(t.Context(), src.ID); err != nil || got.State != "active" {
			t.Errorf("it is %s, %v", got.State, err)
		}
	})
}

// TestMovedForGood: a permanent redirect is stored, unless another source polls
// the new address already.
func TestMovedForGood(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		p.posts = []post{{path: "/a", title: "Some news of the harbour", text: about(1), at: r.now.Add(-time.Hour)}}
		moved := httptest.NewServer(http.RedirectHandler(p.URL+"/feed", http.StatusMovedPermanently))
		defer moved.Close()
		c, there := r.press(t, p, "feed", "own")
		for i, want := range []string{p.URL + "/feed", moved.URL + "/two"} {
			src, err := r.AddSource(t.Context(), Source{Kind: "feed", URL: moved.URL + []string{"/one", "/two"}[i], SiteURL: moved.URL + "/", Title: "Moved"})
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 { // nobody else is there yet
				if err := r.RemoveSource(t.Context(), there.ID); err != nil {
					t.Fatal(err)
				}
			}
			if got := poll(t, c, src); got.Err != "" {
				t.Fatal(got.Err)
			}
			if got, _ := r.Source(t.Context(), src.ID); got.URL != want || got.LastOK.IsZero() {
				t.Errorf("polls %s, want %s; last success %v", got.URL, want, got.LastOK)
			}
			// A newsletter that names the address from before still has its source.
			if takes, err := (&Builder{Store: r.Store}).sourcesOf(t.Context(), Spec{Sources: []string{moved.URL + []string{"/one", "/two"}[i]}}); err != nil || !takes[src.ID] {
				t.Errorf("a newsletter of %s has lost its source: %v, %v", src.URL, takes, err)
			}
		}
	})
}

func TestSettingsRefuse(t *testing.T) {
	s := Settings{Block: []string{"horoscope"}, Keep: []string{"/news/"}}
	for _, c := range []struct {
		title, address string
		tags           []string
		refused        bool
	}{
		{"Budget passes", "https://a.example/news/1", nil, false},
		{"Budget passes", "https://a.example/life/1", nil, true},
		{"Your Horoscope", "https://a.example/news/2", nil, true},
		{"Stars", "https://a.example/news/3", []string{"Horoscopes"}, true},
	} {
		e, err := entryOf(Source{Settings: s}, feed.Item{ID: "1", URL: c.address, Title: c.title, Categories: c.tags}, noon)
		if err != nil || (e.State == "blocked") != c.refused || (e.Reason != "") != c.refused {
			t.Errorf("%s %s: %s, %q, %v; want refused %v", c.title, c.address, e.State, e.Reason, err, c.refused)
		}
	}
}
