package digest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/article"
	"pressrun/digest/feed"
)

// another adds a second source that lists articles of a paper in a feed of its own.
func (r *room) another(t *testing.T, p *paper, items *string, settings Settings) Source {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Second</title>`+*items+`</channel></rss>`)
	}))
	t.Cleanup(s.Close)
	src, err := r.AddSource(t.Context(), Source{Kind: "feed", URL: s.URL + "/feed", SiteURL: p.URL + "/", Title: "Second", Rights: "own"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetSource(t.Context(), src.ID, "", "", "", &settings); err != nil {
		t.Fatal(err)
	}
	return src
}

func (p *paper) item(a post, tag string) string {
	return fmt.Sprintf(`<item><title>%s</title><link>%s%s</link><pubDate>%s</pubDate><category>%s</category></item>`, a.title, p.URL, a.path, a.at.Format(time.RFC1123Z), tag)
}

// TestFlagsOfEveryFeed: an article that two feeds list has the flags and the embargo
// that either gives it, whichever came first, and keeps them when it is corrected.
func TestFlagsOfEveryFeed(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		c, src := r.press(t, p, "feed", "own")
		p.posts = []post{harbourNews(1, r.now)}
		items := ""
		second := r.another(t, p, &items, Settings{Flags: []FlagRule{{Tag: "Court", Flag: "legal"}}})
		poll(t, c, src)
		items = p.item(p.posts[0], "Court") + p.item(harbourNews(2, r.now), "Opinion")
		r.now = r.now.Add(time.Minute)
		got := poll(t, c, second)
		s := r.storyAt(t, p.URL+"/n1")
		if s.Flags != "legal" {
			t.Errorf("flags %q, want legal: the second feed says so", s.Flags)
		}
		if len(got.Flagged) != 1 || got.Flagged[0] != s.ID {
			t.Errorf("flagged %v, want story %d: issues that wait must see the flag", got.Flagged, s.ID)
		}
		items = p.item(p.posts[0], "Court</category><category>embargo:2026-03-20T18:00Z")
		r.now = r.now.Add(time.Minute)
		poll(t, c, second)
		if s := r.storyAt(t, p.URL+"/n1"); s.Flags != "legal" || s.NotBefore.Hour() != 18 {
			t.Errorf("flags %q, embargo %v; want legal, 18:00", s.Flags, s.NotBefore)
		}
		p.posts[0].title = "Harbour news, corrected"
		r.now = r.now.Add(time.Minute)
		poll(t, c, src)
		if s := r.storyAt(t, p.URL+"/n1"); s.Title != "Harbour news, corrected" || !s.Has("legal") {
			t.Errorf("%q has the flags %q; want legal after a correction", s.Title, s.Flags)
		}
	})
}

// TestFlagsByAddress: a rule for addresses holds for the one that a feed's link
// leads to, and is written as people write addresses.
func TestFlagsByAddress(t *testing.T) {
	e := Entry{URL: "https://feeds.example/r/1", Title: "T", Published: noon}
	a := article.Article{URL: "https://news.example/court/trial", Canonical: "https://news.example/court/trial", Title: "T", Text: "It began."}
	src := Source{Settings: Settings{Flags: []FlagRule{{Path: "/court/", Flag: "legal"}, {Path: "/رائے/", Flag: "opinion"}, {Path: "/*/сатира/*", Flag: "satire"}, {Path: "/caf%C3%A9/", Flag: "live"}}}}
	if got := storyOf(src, e, a).ruleFlags(src, e, a); got != "legal" {
		t.Errorf("behind a feed's link: flags %q, want legal", got)
	}
	for address, want := range map[string]string{
		"https://a.example/%D8%B1%D8%A7%D8%A6%DB%92/1": "opinion", "https://a.example/رائے/1": "opinion", "https://a.example/x/%D1%81%D0%B0%D1%82%D0%B8%D1%80%D0%B0/1": "satire",
		"https://a.example/caf%C3%A9/1": "live", "https://a.example/news/court/": "",
	} {
		if got := flagsOf(src.Settings.Flags, article.Article{}, nil, address); got != want {
			t.Errorf("%s: flags %q, want %q", address, got, want)
		}
	}
}

// TestStrictestMemberWins: a flag that an editor took off a story comes back with
// another article that has it, be it an editor or the clustering that joins them;
// for the articles that the editor knew his word holds.
func TestStrictestMemberWins(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		p := newPaper(t)
		c, src := r.press(t, p, "feed", "own")
		if err := r.SetSource(ctx, src.ID, "", "", "", &Settings{Flags: []FlagRule{{Path: "/court/", Flag: "legal"}}}); err != nil {
			t.Fatal(err)
		}
		text := "The harbour master of Lower Quay was charged on Monday with taking bribes from two dredging firms. Prosecutors read a list of eleven payments. His lawyer, Ada Quist, said that he would fight every one of them in court. " + about(9)
		at := r.now.Add(-2 * time.Hour)
		p.posts = []post{{path: "/court/a", title: "Harbour master charged with bribery", text: text, at: at}, {path: "/n3", title: "A swimming pool for the north", text: about(31), at: at}, {path: "/court/z", title: "A quarrel of neighbours ends", text: about(77), at: at}}
		poll(t, c, src)
		a, pool, z := r.storyAt(t, p.URL+"/court/a"), r.storyAt(t, p.URL+"/n3"), r.storyAt(t, p.URL+"/court/z")
		for _, id := range []int64{a.ID, pool.ID} {
			if err := r.FlagStory(ctx, id, "legal", false); err != nil {
				t.Fatal(err)
			}
		}
		flags := func(id int64) string {
			t.Helper()
			s, err := r.Story(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			return s.Flags
		}
		if got := flags(a.ID); got != "" {
			t.Fatalf("taken off by hand: %q", got)
		}
		p.posts[0].title = "Harbour master charged with bribery on Monday"
		r.now = r.now.Add(time.Minute)
		poll(t, c, src)
		if got := flags(a.ID); got != "" {
			t.Errorf("corrected: %q; the editor knew this article", got)
		}
		p.posts = append(p.posts, post{path: "/court/b", title: "Harbour master charged with bribery", text: text, at: at.Add(time.Hour)})
		r.now = r.now.Add(time.Minute)
		poll(t, c, src)
		if _, err := c.Cluster(ctx); err != nil {
			t.Fatal(err)
		}
		if s := r.storyAt(t, p.URL+"/court/b"); s.MergedInto != a.ID {
			t.Fatalf("the copy is %s in story %d, want %d", s.State, s.MergedInto, a.ID)
		}
		if got := flags(a.ID); got != "legal" {
			t.Errorf("with another article: %q, want legal", got)
		}
		if err := r.FlagStory(ctx, a.ID, "legal", false); err != nil {
			t.Fatal(err)
		}
		if got := flags(a.ID); got != "" {
			t.Errorf("taken off both by hand: %q", got)
		}
		if err := r.MergeStories(ctx, z.ID, pool.ID); err != nil {
			t.Fatal(err)
		}
		if got := flags(pool.ID); got != "legal" {
			t.Errorf("merged by an editor: %q, want legal", got)
		}
	})
}

// TestFlagsComeToDrafts: a flag that a story gets from another article, while an issue
// waits that shows it, is told as a correction is.
func TestFlagsComeToDrafts(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	ctx := t.Context()
	p := newPaper(t)
	c, src := r.press(t, p, "feed", "own")
	if err := r.SetSource(ctx, src.ID, "", "", "", &Settings{Flags: []FlagRule{{Path: "/court/", Flag: "legal"}}}); err != nil {
		t.Fatal(err)
	}
	text := "The harbour master of Lower Quay was charged on Monday with taking bribes from two dredging firms. Prosecutors read a list of eleven payments. " + about(9)
	p.posts = []post{{path: "/a", title: "Harbour master charged with bribery", text: text, at: r.now.Add(-2 * time.Hour)}}
	poll(t, c, src)
	r.now = r.now.Add(time.Minute)
	poll(t, c, src)
	issue := r.waiting(t)
	s := r.storyAt(t, p.URL+"/a")
	if r.row(t, issue.ID, s.ID).Summary == "" {
		t.Fatal("no summary to take away")
	}
	p.posts = append(p.posts, post{path: "/court/b", title: "Harbour master charged with bribery", text: text, at: r.now.Add(-time.Hour)})
	r.now = r.now.Add(time.Minute)
	c.clustering.took = 0 // it may look at once
	if got := poll(t, c, src); got.Members != 1 || len(got.Flagged) != 1 || got.Flagged[0] != s.ID {
		t.Errorf("%+v; want one member, and story %d flagged", got, s.ID)
	}
	// Whoever clusters hears of it, too.
	if err := r.SplitStory(ctx, s.ID, r.storyAt(t, p.URL+"/court/b").ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.DB.Write.ExecContext(ctx, `update story_members set why = ''`); err != nil {
		t.Fatal(err)
	}
	if list, err := c.Regroup(ctx); err != nil || len(list) != 1 || list[0] != s.ID {
		t.Errorf("flagged by the clustering: %v, %v; want story %d", list, err, s.ID)
	}
}

// TestPicturesOfFeedAndPage: what a feed says of a picture's origin holds for the
// one of the page, too: they are mostly one picture in two sizes.
func TestPicturesOfFeedAndPage(t *testing.T) {
	e := Entry{URL: "https://a.example/1", Title: "T", Image: "https://a.example/x-300.jpg", Credit: "Photo: AFP", Published: noon}
	a := article.Article{URL: e.URL, Title: "T", Text: "It sails.", Image: "https://a.example/x-1200.jpg"}
	if s := storyOf(Source{Rights: "own"}, e, a); s.Image != "" {
		t.Errorf("%s is shown, which the feed says is an agency's", s.Image)
	}
	e.Credit = "Photo: Ada Quist"
	if s := storyOf(Source{Rights: "own"}, e, a); s.Image != a.Image {
		t.Errorf("picture %q, want the page's", s.Image)
	}
}

// TestPagesDatedInTheFuture: of a list without dates the page's own counts, also
// when it lies ahead.
func TestPagesDatedInTheFuture(t *testing.T) {
	e, err := entryOf(Source{}, feed.Item{URL: "https://a.example/1", Title: "T"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		at   time.Time
		held bool
	}{
		{noon.Add(time.Hour).In(time.FixedZone("", 5*3600)), true},
		{noon.Add(-time.Hour).In(time.FixedZone("", 5*3600)), false},
		{noon.Add(5 * time.Hour), false}, // it is noon in Karachi, and the page writes no zone
		{noon.Add(15 * time.Hour), true},
	} {
		s := storyOf(Source{Rights: "own"}, e, article.Article{URL: e.URL, Title: "T", Text: "It sails.", Published: k.at})
		if s.NotBefore.Equal(k.at) != k.held || s.Published.After(noon) {
			t.Errorf("at %v: published %v, not before %v; held %v", k.at, s.Published, s.NotBefore, k.held)
		}
	}
}

// TestFeedAheadByItsZone: a feed that gives local time as UTC keeps no story back whose
// page gives the same clock with its zone; any other date ahead does.
func TestFeedAheadByItsZone(t *testing.T) {
	karachi, ahead := time.FixedZone("", 5*3600), noon.Add(4*time.Hour+13*time.Minute+7*time.Second)
	for name, k := range map[string]struct {
		page time.Time
		tags []string
		held bool
	}{
		"the same clock":        {page: ahead.Add(-5 * time.Hour).Truncate(time.Minute).In(karachi)},
		"another clock":         {page: ahead.Add(-5*time.Hour - 11*time.Minute).In(karachi), held: true},
		"the same, still ahead": {page: ahead.Add(-3 * time.Hour), held: true},
		"the day alone":         {page: noon.Truncate(24 * time.Hour), held: true},
		"nothing":               {held: true},
		"an embargo":            {page: ahead.Add(-5 * time.Hour).In(karachi), tags: []string{"embargo:" + ahead.Format(time.RFC3339)}, held: true},
	} {
		e, err := entryOf(Source{}, feed.Item{URL: "https://a.example/1", Title: "T", Published: ahead, Categories: k.tags}, noon)
		if err != nil {
			t.Fatal(err)
		}
		s := storyOf(Source{Rights: "own"}, e, article.Article{URL: e.URL, Title: "T", Text: "It sails.", Published: k.page})
		if held := !s.NotBefore.IsZero(); held != k.held || !held && !s.Published.Equal(k.page) {
			t.Errorf("%s: published %v, not before %v; held %v", name, s.Published, s.NotBefore, k.held)
		}
	}
}

// TestQuotationWithoutSpaces: twenty words are twenty words in scripts that do
// not space them.
func TestQuotationWithoutSpaces(t *testing.T) {
	c := Chosen{Method: "extract", Summary: strings.Repeat("港口委员会星期二决定拆除旧码头。", 4), Story: Story{Rights: "quote"}}
	if got := c.Printed(); got != "" {
		t.Errorf("a quotation of %d letters is printed", len([]rune(got)))
	}
	c.Summary = "港口委员会决定拆除旧码头。"
	if c.Printed() == "" {
		t.Error("a short one is not")
	}
}

// TestFlagsOfSections: sections name themselves in many languages, and what only
// begins like such a name is none.
func TestFlagsOfSections(t *testing.T) {
	for tag, want := range map[string]string{
		"Opinion": "opinion", "Meinung": "opinion", "Leserbriefe": "opinion", "Letters": "opinion", "Op-Ed": "opinion", "Колонка": "opinion", "کالم": "opinion", "اداریہ": "opinion", "Tribunes": "opinion", "社説": "opinion",
		"Anzeige": "paid", "Publireportage": "paid", "طنز": "satire",
		"Meinungsfreiheit": "", "Anzeigenmarkt": "", "Love letters": "", "News": "", "": "",
	} {
		if got := flagsOf(nil, article.Article{}, []string{" " + tag + " "}); got != want {
			t.Errorf("%q: %q, want %q", tag, got, want)
		}
	}
}
