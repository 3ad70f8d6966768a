package digest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/feed"
	"pressrun/digest/fetch"
)

// storyAt is the story told by an article of a paper, whatever its state.
func (r *room) storyAt(t *testing.T, address string) Story {
	t.Helper()
	list, err := schema.Each(t.Context(), r.DB.Read, scanRow, `select `+storyColumns+` from stories s where s.url = $1`, address)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d stories at %s, %v", len(list), address, err)
	}
	return list[0]
}

// waiting is a draft of all there is.
func (r *room) waiting(t *testing.T) Issue {
	t.Helper()
	r.headlines(t, nil)
	list, err := r.IssuesIn(t.Context(), "draft")
	if err != nil || len(list) == 0 {
		t.Fatalf("no draft, %v", err)
	}
	return list[len(list)-1]
}

// row is a story as an issue tells it.
func (r *room) row(t *testing.T, issue, story int64) Chosen {
	t.Helper()
	list, err := r.Chosen(t.Context(), issue)
	at := slices.IndexFunc(list, func(c Chosen) bool { return c.Story.ID == story })
	if err != nil || at < 0 {
		t.Fatalf("story %d is not in issue %d, %v", story, issue, err)
	}
	return list[at]
}

// listed is what a source lists now.
func listed(t *testing.T, c *Collector, src Source) []feed.Item {
	t.Helper()
	res, err := c.Client.Get(t.Context(), src.URL, fetch.Validators{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := feed.Parse(res.Body, res.ContentType, res.URL)
	if err != nil {
		t.Fatal(err)
	}
	return f.Items
}

// TestCorrectedByItsFeed: when a feed shows another headline, the page is read
// again, the story tells what it says, and an issue that waits can tell it anew;
// an editor's words stay. Nothing is told twice.
func TestCorrectedByItsFeed(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		p := newPaper(t)
		c, src := r.press(t, p, "feed", "own")
		for n := range 4 {
			p.posts = append(p.posts, harbourNews(n, r.now))
		}
		poll(t, c, src)
		r.now = r.now.Add(time.Minute)
		poll(t, c, src)
		issue := r.waiting(t)
		before, written := r.storyAt(t, p.URL+"/n1"), r.storyAt(t, p.URL+"/n2")
		mine := "An editor's headline"
		if err := r.EditIssue(ctx, issue.ID, Edit{Edition: "en", StoryID: written.ID, Title: &mine, Summary: &mine}, "ed"); err != nil {
			t.Fatal(err)
		}

		r.now = r.now.Add(time.Minute)
		for _, n := range []int{1, 2} {
			p.posts[n].title = fmt.Sprint("Correction: harbour news number ", n)
			p.posts[n].text = strings.ReplaceAll(about(n), "crane", "winch")
		}
		got := poll(t, c, src)
		slices.Sort(got.Corrected)
		want := []int64{before.ID, written.ID}
		slices.Sort(want)
		if got.New != 0 || got.Stories != 0 || !slices.Equal(got.Corrected, want) {
			t.Errorf("got %+v, want %v corrected and nothing new", got, want)
		}
		after := r.storyAt(t, p.URL+"/n1")
		if after.ID != before.ID || after.Title != "Correction: harbour news number 1" || !strings.Contains(after.Body, "winch") || !after.Published.Equal(before.Published) {
			t.Errorf("the story is %+v", after)
		}
		if v, _ := (&Guard{Store: r.Store, Client: c.Client}).verdict(ctx, after); v.Reason != "" {
			t.Errorf("the corrected story may not stay: %s", v.Reason)
		}
		for _, id := range want {
			if err := r.Retell(ctx, issue.ID, id); err != nil {
				t.Fatal(err)
			}
		}
		if row := r.row(t, issue.ID, before.ID); row.Title != after.Title || !strings.Contains(row.Summary, "winch") || strings.Contains(row.Summary, "crane") {
			t.Errorf("the draft tells %q: %q", row.Title, row.Summary)
		}
		row := r.row(t, issue.ID, written.ID)
		if row.Title != mine || row.Summary != mine || row.OriginalTitle != "Correction: harbour news number 2" || !strings.Contains(row.OriginalSummary, "winch") || !strings.Contains(row.MethodReason, "was changed since") {
			t.Errorf("what an editor wrote: %q, %q, behind it %q, %q; %s", row.Title, row.Summary, row.OriginalTitle, row.OriginalSummary, row.MethodReason)
		}
		r.now = r.now.Add(time.Minute)
		if got := poll(t, c, src); got.New != 0 || len(got.Corrected) != 0 {
			t.Errorf("the next poll: %+v, want nothing", got)
		}
	})
}

// TestCorrectedByItsPage: the guard tells a corrected article from another page
// at its address, and brings the story up to date.
func TestCorrectedByItsPage(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	ctx := t.Context()
	p := newPaper(t)
	c, src := r.press(t, p, "feed", "own")
	for n := range 3 {
		p.posts = append(p.posts, harbourNews(n, r.now))
	}
	poll(t, c, src)
	r.now = r.now.Add(time.Minute)
	poll(t, c, src)
	issue := r.waiting(t)
	p.posts[1].title, p.posts[1].text = "No crane fell, says the harbour", strings.ReplaceAll(about(1), "crane", "winch")
	p.posts[2].title, p.posts[2].text = "Page not found", strings.Repeat("We could not find what you were looking for. Here is what others read today. ", 6)
	g := &Guard{Store: r.Store, Client: c.Client}
	list, err := g.Check(ctx, issue.ID)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v; want two findings", list, err)
	}
	for _, v := range list {
		switch {
		case v.Changed():
			if !strings.Contains(v.Reason, "No crane fell") || !v.Stands {
				t.Errorf("%+v", v)
			}
			if err := g.Correct(ctx, v); err != nil {
				t.Fatal(err)
			}
		case !strings.Contains(v.Reason, "now tells something else"):
			t.Errorf("%+v", v)
		}
	}
	if s := r.storyAt(t, p.URL+"/n1"); s.Title != "No crane fell, says the harbour" || s.State != "live" || !strings.Contains(s.Body, "winch") {
		t.Errorf("%s, %q: %q", s.State, s.Title, s.Body)
	}
	if list, err := g.Check(ctx, issue.ID); err != nil || len(list) != 1 || list[0].Changed() {
		t.Errorf("afterwards %+v, %v; want the page that is no article alone", list, err)
	}
}

// TestWhatIsBlockedStaysAway: neither another headline nor another id nor the
// night brings a blocked story back; what was merely found gone comes back.
func TestWhatIsBlockedStaysAway(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		p := newPaper(t)
		c, src := r.press(t, p, "feed", "own")
		for n := range 4 {
			p.posts = append(p.posts, harbourNews(n, r.now))
		}
		poll(t, c, src)
		blocked, gone := r.storyAt(t, p.URL+"/n0"), r.storyAt(t, p.URL+"/n1")
		if err := r.BlockStory(ctx, blocked.ID); err != nil {
			t.Fatal(err)
		}
		if err := r.setStory(ctx, gone.ID, `state = $2`, "gone"); err != nil {
			t.Fatal(err)
		}
		r.now = r.now.Add(time.Hour)
		if err := r.HouseKeep(ctx, time.Minute, 10); err != nil {
			t.Fatal(err)
		}
		p.posts[0].title, p.posts[1].title = "Another headline for what is blocked", "Another headline for what was gone"
		if got := poll(t, c, src); got.New != 0 || got.Stories != 0 {
			t.Errorf("got %+v, want nothing new", got)
		}
		if s := r.storyAt(t, blocked.URL); s.State != "blocked" {
			t.Errorf("the blocked story is %s", s.State)
		}
		if s := r.storyAt(t, gone.URL); s.State != "live" || s.Title != "Another headline for what was gone" {
			t.Errorf("the story that was gone is %s: %q", s.State, s.Title)
		}
		// The same addresses under ids of another kind.
		src.Kind = "sitemap"
		items := listed(t, c, src)
		for i := range items {
			items[i].ID = fmt.Sprint("tag:paper,", i)
		}
		if added, _, err := r.AddEntries(ctx, src, items, time.Time{}); err != nil || added != 0 {
			t.Errorf("%d entries are new under other ids, %v", added, err)
		}
		// One that its site took away and gives out again.
		if err := r.setStory(ctx, gone.ID, `state = $2`, "gone"); err != nil {
			t.Fatal(err)
		}
		all := p.posts
		p.posts = slices.Delete(slices.Clone(all), 1, 2)
		r.now = r.now.Add(time.Minute)
		poll(t, c, src)
		p.posts = all
		r.now = r.now.Add(time.Minute)
		if got := poll(t, c, src); !slices.Equal(got.Corrected, []int64{gone.ID}) {
			t.Errorf("published again: %+v", got)
		}
		if s := r.storyAt(t, gone.URL); s.State != "live" {
			t.Errorf("the story that is published again is %s", s.State)
		}
	})
}

// TestEmbargoThatComesLater: an embargo that the feed sets on a story told
// already counts, and the guard takes the story out of an issue that waits.
func TestEmbargoThatComesLater(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	c, src := r.press(t, p, "feed", "own")
	p.posts = []post{{path: "/a", title: "A report on the harbour", text: about(1), at: r.now.Add(-2 * time.Hour)}, {path: "/b", title: "The ferry sails again", text: about(2), at: r.now.Add(-3 * time.Hour)}}
	poll(t, c, src)
	r.now = r.now.Add(time.Minute)
	poll(t, c, src)
	issue := r.waiting(t)
	until := r.now.Add(5 * time.Hour).Truncate(time.Second)
	p.posts[0].tags = []string{"embargo:" + until.Format(time.RFC3339)}
	r.now = r.now.Add(time.Minute)
	poll(t, c, src)
	s := r.storyAt(t, p.URL+"/a")
	if !s.NotBefore.Equal(until) {
		t.Errorf("not before %v, want %v", s.NotBefore, until)
	}
	list, err := (&Guard{Store: r.Store, Client: c.Client}).Check(t.Context(), issue.ID)
	if err != nil || len(list) != 1 || list[0].StoryID != s.ID || !list[0].Stands || !strings.Contains(list[0].Reason, "under embargo until") {
		t.Errorf("the guard says %+v, %v", list, err)
	}
}

// TestPageThatFails: a story whose page answers 500 is told in the feed's words
// if the feed has its text; else it waits for its page, for hours, and nothing is
// told that could not be read.
func TestPageThatFails(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		full := `<item><title>Told by its feed</title><link>%[1]s/full</link><guid>1</guid><pubDate>%[2]s</pubDate><description>` + about(1) + `</description><content:encoded><![CDATA[<p>` + about(1) + `</p>]]></content:encoded></item>`
		short := `<item><title>Behind its page</title><link>%[1]s/short</link><guid>2</guid><pubDate>%[2]s</pubDate><description>Only a line.</description></item>`
		other := `<item><title>Never to be read</title><link>%[1]s/away</link><guid>3</guid><pubDate>%[2]s</pubDate></item>`
		down := true
		date := r.now.Add(-time.Hour).Format(time.RFC1123Z)
		p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			switch {
			case req.URL.Path == "/feed":
				fmt.Fprintf(w, `<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Paper</title>`+full+short+other+`</channel></rss>`, p.URL, date)
			case req.URL.Path == "/away":
				w.WriteHeader(http.StatusNotFound)
			case down:
				w.WriteHeader(http.StatusInternalServerError)
			default:
				say(`<html lang="en"><body><article><h1>Behind its page</h1><p>`+about(9)+`</p></article></body></html>`)(w, req)
			}
		})
		c, src := r.press(t, p, "feed", "own")
		if got := poll(t, c, src); got.Stories != 1 || got.Failed != 2 {
			t.Fatalf("while the pages fail: %+v, want one told, two waiting", got)
		}
		if s := r.storyAt(t, p.URL+"/full"); !strings.Contains(s.Body, "dredging lot 11") || s.TitleHash != "" {
			t.Errorf("told by its feed: %q, %q", s.Body, s.TitleHash)
		}
		for range 10 {
			r.now = r.now.Add(time.Hour)
			poll(t, c, src)
		}
		if titles := r.headlines(t, nil); !slices.Equal(titles, []string{"Told by its feed"}) {
			t.Errorf("an issue has %q, want the story that its feed tells", titles)
		}
		down = false
		r.now = r.now.Add(time.Hour)
		if got := poll(t, c, src); got.Stories != 1 {
			t.Errorf("when the page is back: %+v", got)
		}
		var given int
		if err := db.Read.QueryRowContext(t.Context(), `select count(*) from entries where state = 'failed'`).Scan(&given); err != nil || given != 1 {
			t.Errorf("%d entries are given up, %v; want the one whose page is not there", given, err)
		}
	})
}

// numbers has a paper list most of its posts, from the place that from says on, with
// ids that guid makes of their places in the list.
func (p *paper) numbers(from *int, most int, guid func(place int) string) {
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/feed" {
			p.serve(w, req)
			return
		}
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Paper</title>`)
		for place, a := range p.posts[*from:min(*from+most, len(p.posts))] {
			fmt.Fprintf(w, `<item><title>%s</title><link>%s%s</link><guid isPermaLink="false">%s</guid><pubDate>%s</pubDate></item>`, a.title, p.URL, a.path, guid(place), a.at.Format(time.RFC1123Z))
		}
		fmt.Fprint(w, `</channel></rss>`)
	})
}

// TestFeedOfOneGUID: a feed that gives all its items one guid has each told, also
// those that come in front of others.
func TestFeedOfOneGUID(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		for n := range 4 {
			p.posts = append(p.posts, harbourNews(n, r.now))
		}
		from := 3
		p.numbers(&from, len(p.posts), func(int) string { return "paper" })
		c, src := r.press(t, p, "feed", "own")
		for ; from >= 0; from-- {
			if got := poll(t, c, src); got.New != 1 || len(got.Corrected) != 0 {
				t.Errorf("with %s in front: %+v, want 1 new", p.posts[from].path, got)
			}
			r.now = r.now.Add(time.Minute)
		}
		for _, a := range p.posts {
			if s := r.storyAt(t, p.URL+a.path); s.Title != a.title {
				t.Errorf("%s is told as %q", a.path, s.Title)
			}
		}
	})
}

// TestFeedThatNumbersPlaces: a feed whose guids are the places of its items, so that
// each belongs to another article tomorrow, has each article told as itself.
func TestFeedThatNumbersPlaces(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		for n := range 6 {
			p.posts = append(p.posts, harbourNews(n, r.now))
		}
		from := 3
		p.numbers(&from, 3, func(place int) string { return fmt.Sprintf("item-%d", place) })
		c, src := r.press(t, p, "feed", "own")
		for want := 3; from >= 0; from, want = from-1, 1 {
			if got := poll(t, c, src); got.New != want || len(got.Corrected) != 0 {
				t.Errorf("with %s in front: %+v, want %d new", p.posts[from].path, got, want)
			}
			r.now = r.now.Add(time.Minute)
		}
		for _, a := range p.posts {
			if s := r.storyAt(t, p.URL+a.path); s.Title != a.title {
				t.Errorf("%s is told as %q", a.path, s.Title)
			}
		}
	})
}

// three are posts that have nothing in common.
func three(now time.Time) []post {
	list := []post{
		{path: "/1-quay", title: "Council puts off dredging of the eastern quay", text: "Dredging of the eastern quay will not begin before spring. The council found neither a contractor nor the money on Monday, and sent its engineers back to their drawings of the channel."},
		{path: "/2-school", title: "Two village schools share one headmistress", text: "From August one headmistress leads both village schools. Parents had collected nine hundred signatures against it, while the ministry says that no other applicant was to be found."},
		{path: "/3-orchard", title: "Late frost costs orchards half their blossom", text: "A night of frost has taken half the blossom in the valley. Growers lit straw between their trees until four in the morning; cherries suffered most, and pears were hardly out yet."},
	}
	for i := range list {
		list[i].text, list[i].at = strings.Repeat(list[i].text+"\n", 3), now.Add(-time.Duration(i+1)*time.Hour)
	}
	return list
}

// TestPagesOfOneAddress: a site whose pages all call its section their address has
// each article told; one article at two addresses is told once.
func TestPagesOfOneAddress(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	p.posts = three(r.now)
	twin := p.posts[0]
	twin.path = "/print-1-quay"
	p.posts = append(p.posts, twin)
	plain := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "-") {
			fmt.Fprintf(w, `<head><link rel="canonical" href="%s/news"></head>`, p.URL)
		}
		plain.ServeHTTP(w, r)
	})
	c, src := r.press(t, p, "feed", "own")
	poll(t, c, src)
	got, err := r.Stories(t.Context(), r.now.Add(-24*time.Hour))
	if err != nil || len(got) != 3 {
		t.Errorf("%d stories, %v; want 3", len(got), err)
	}
	r.now = r.now.Add(time.Minute)
	if again := poll(t, c, src); again.New != 0 || again.Stories != 0 {
		t.Errorf("the next poll: %+v, want nothing", again)
	}
}

// TestWallBeforeThePage: a page that asks for consent or a log-in in the place of
// every article is told of none; when it is gone, all are told.
func TestWallBeforeThePage(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	p.posts = three(r.now)
	plain, wall := p.Config.Handler, true
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wall && strings.Contains(r.URL.Path, "-") {
			fmt.Fprint(w, `<html lang="en"><title>Before you continue</title><body><h1>Before you continue</h1>`+strings.Repeat(`<p>We and our 842 partners use cookies and other data to deliver and maintain our services and ads, and to measure how what we publish is read.</p>`, 3))
			return
		}
		plain.ServeHTTP(w, r)
	})
	c, src := r.press(t, p, "feed", "own")
	if got := poll(t, c, src); got.Stories != 0 || got.Failed != 3 || !strings.Contains(got.Unread, "“Before you continue”") {
		t.Errorf("before the wall: %+v, want nothing told, and why", got)
	}
	wall = false
	r.now = r.now.Add(10 * time.Minute)
	if got := poll(t, c, src); got.Stories != 3 {
		t.Errorf("without it: %+v, want 3 stories", got)
	}
}

// TestSiteThatWantsRest: pages of a site that asks for rest are left until then, and
// those of one that does not answer until the next poll.
func TestSiteThatWantsRest(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	p := newPaper(t)
	p.posts = three(r.now)
	plain := p.Config.Handler
	var asked, wants atomic.Int64 // wants: the status it answers with, 0 = none and 200 = what is asked for
	wants.Store(http.StatusTooManyRequests)
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := int(wants.Load())
		if !strings.Contains(r.URL.Path, "-") || status == http.StatusOK {
			plain.ServeHTTP(w, r)
			return
		}
		if asked.Add(1); status == 0 {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		w.Header().Set("Retry-After", "1800")
		w.WriteHeader(status)
	})
	c, src := r.press(t, p, "feed", "own")
	poll(t, c, src)
	for range 2 {
		r.now = r.now.Add(10 * time.Minute)
		poll(t, c, src)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times in the half hour of rest, want once", n)
	}
	wants.Store(0)
	r.now = r.now.Add(40 * time.Minute)
	if got := poll(t, c, src); got.Failed != silentAt {
		t.Errorf("with a silent site: %+v; want %d of 3 tried", got, silentAt)
	}
	wants.Store(http.StatusOK)
	r.now = r.now.Add(time.Hour)
	if got := poll(t, c, src); got.Stories != 3 {
		t.Errorf("after the rest: %+v, want 3 stories", got)
	}
}

// TestRelaunch: a site that gives all its articles other addresses and ids has
// nothing new; its stories lead to the addresses of today, and a headline that is
// corrected later corrects its story.
func TestRelaunch(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		p := newPaper(t)
		p.posts = three(r.now)
		c, src := r.press(t, p, "feed", "own")
		poll(t, c, src)
		was := r.storyAt(t, p.URL+"/2-school")
		for i := range p.posts {
			p.posts[i].path = "/news" + p.posts[i].path
		}
		r.now = r.now.Add(time.Hour)
		if got := poll(t, c, src); got.New != 0 || got.Stories != 0 {
			t.Errorf("after the relaunch: %+v, want nothing new", got)
		}
		if s := r.storyAt(t, p.URL+"/news/2-school"); s.ID != was.ID || !s.Published.Equal(was.Published) {
			t.Errorf("the story is %+v, was %+v", s, was)
		}
		p.posts[1].title = "Two village schools keep their headmistresses"
		twin := p.posts[0]
		twin.path = "/other/1"
		p.posts = append(p.posts, twin) // beside the first, of the same headline and time
		r.now = r.now.Add(time.Hour)
		if got := poll(t, c, src); got.New != 1 || !slices.Equal(got.Corrected, []int64{was.ID}) {
			t.Errorf("the next poll: %+v, want one new and %d corrected", got, was.ID)
		}
	})
}
