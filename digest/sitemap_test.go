package digest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

// archive is a site that is read by an index of sitemaps, which can be changed.
type archive struct {
	*paper
	index    []string            // sitemaps as it lists them, "path lastmod"
	sitemaps map[string][]string // path → paths of articles
	noTags   bool
	refused  map[string]bool
	full     []string // what was sent in full since the last look
}

func newArchive(t *testing.T) *archive {
	a := &archive{paper: newPaper(t), sitemaps: map[string][]string{}, refused: map[string]bool{}}
	a.Config.Handler = http.HandlerFunc(a.serve)
	return a
}

func (a *archive) serve(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	list, isMap := a.sitemaps[r.URL.Path]
	switch {
	case a.refused[r.URL.Path]:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case r.URL.Path == "/sitemap.xml":
		b.WriteString(`<sitemapindex>`)
		for _, line := range a.index {
			path, mod, _ := strings.Cut(line, " ")
			fmt.Fprintf(&b, `<sitemap><loc>%s%s</loc><lastmod>%s</lastmod></sitemap>`, a.URL, path, mod)
		}
		b.WriteString(`</sitemapindex>`)
	case isMap:
		b.WriteString(`<urlset xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">`)
		for _, path := range list {
			for _, p := range a.posts {
				if p.path == path {
					fmt.Fprintf(&b, `<url><loc>%s%s</loc><news:news><news:publication_date>%s</news:publication_date><news:title>%s</news:title></news:news></url>`, a.URL, path, p.at.Format(time.RFC3339), p.title)
				}
			}
		}
		b.WriteString(`</urlset>`)
	default:
		a.paper.serve(w, r)
		return
	}
	if !a.noTags {
		tag := fmt.Sprintf(`"%x"`, titleHash(b.String()))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	a.full = append(a.full, r.URL.Path)
	fmt.Fprint(w, b.String())
}

// sent is what was sent in full since it was asked last.
func (a *archive) sent() []string {
	list := a.full
	a.full = nil
	slices.Sort(list)
	return list
}

// found adds the archive's site as an operator does: by what Discover finds.
func (r *room) found(t *testing.T, a *archive) (*Collector, Source) {
	t.Helper()
	c, _ := r.press(t, a.paper, "feed", "own")
	ways, err := c.Client.Discover(t.Context(), a.URL+"/sitemap.xml")
	if err != nil || len(ways) == 0 {
		t.Fatalf("found %+v, %v", ways, err)
	}
	src, err := r.AddSource(t.Context(), Source{Kind: ways[0].Kind, URL: ways[0].URL, SiteURL: a.URL + "/", Title: "Archive", Rights: "own"})
	if err != nil {
		t.Fatal(err)
	}
	a.sent()
	return c, src
}

// TestIndexOfSitemaps: what a site lists in a sitemap of another name each day, or
// in the newest of hundreds, is collected at the next poll.
func TestIndexOfSitemaps(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		a := newArchive(t)
		for n := range 9 {
			a.posts = append(a.posts, harbourNews(n, r.now))
		}
		a.index = []string{"/pages.xml", "/news-2026-11-22.xml", "/news-2026-11-23.xml"}
		a.sitemaps["/news-2026-11-22.xml"] = []string{"/n5", "/n6"}
		a.sitemaps["/news-2026-11-23.xml"] = []string{"/n3", "/n4"}
		c, src := r.found(t, a)
		if got := poll(t, c, src); got.New != 4 || got.Err != "" {
			t.Fatalf("the first poll: %+v, want 4 new", got)
		}
		a.sent()

		r.now = r.now.Add(time.Minute)
		if got := poll(t, c, src); got.New != 0 || got.Err != "" {
			t.Errorf("unchanged: %+v", got)
		}
		if sent := a.sent(); len(sent) != 0 {
			t.Errorf("unchanged, but %q were sent in full", sent)
		}

		a.index = append(a.index, "/news-2026-11-24.xml")
		a.sitemaps["/news-2026-11-24.xml"] = []string{"/n2"}
		r.now = r.now.Add(time.Minute)
		if got := poll(t, c, src); got.New != 1 || got.Err != "" {
			t.Errorf("the next day's: %+v, want 1 new", got)
		}

		// The index is as it was, the newest sitemap is not.
		a.sitemaps["/news-2026-11-24.xml"] = []string{"/n1", "/n2"}
		r.now = r.now.Add(time.Minute)
		if got := poll(t, c, src); got.New != 1 || got.Err != "" {
			t.Errorf("later that day: %+v, want 1 new", got)
		}

		// One that cannot be read keeps nobody from the others, and nothing that it
		// lists is withdrawn.
		a.refused["/news-2026-11-23.xml"] = true
		a.sitemaps["/news-2026-11-24.xml"] = []string{"/n0", "/n1", "/n2"}
		r.now = r.now.Add(time.Minute)
		if got := poll(t, c, src); got.New != 1 || got.Err != "" {
			t.Errorf("with one that fails: %+v, want 1 new", got)
		}
		var withdrawn int
		if err := db.Read.QueryRowContext(t.Context(), `select count(*) from entries where withdrawn_at is not null`).Scan(&withdrawn); err != nil || withdrawn != 0 {
			t.Errorf("%d are withdrawn, %v", withdrawn, err)
		}
		for path := range a.sitemaps {
			a.refused[path] = true
		}
		r.now = r.now.Add(time.Minute)
		if got := poll(t, c, src); !strings.Contains(got.Err, "fault of its own") {
			t.Errorf("with none that can be read: %+v", got)
		}
		if now, err := c.Source(t.Context(), src.ID); err != nil || now.URL != a.URL+"/sitemap.xml" {
			t.Errorf("it is polled at %s, %v", now.URL, err)
		}
	})
}

// TestIndexOfHundreds reads the newest three of hundreds, however they are listed.
func TestIndexOfHundreds(t *testing.T) {
	for _, how := range []string{"by name", "by lastmod", "newest first", "without etags"} {
		t.Run(how, func(t *testing.T) {
			r := newRoom(t, schematest.SQLite(t))
			a := newArchive(t)
			a.posts = []post{harbourNews(1, r.now), harbourNews(2, r.now)}
			a.noTags = how == "without etags"
			for n := range 300 {
				path := fmt.Sprintf("/posts-%d-%d.xml", 2001+n/12, n%12+1) // "-10" before "-9" for who compares letters
				line := path
				if how == "by lastmod" {
					path = fmt.Sprintf("/posts-%x.xml", n*7919%300+4096)
					line = path + " " + r.now.AddDate(0, n-299, 0).Format(time.RFC3339)
				}
				a.index, a.sitemaps[path] = append(a.index, line), nil
				if n == 299 {
					a.sitemaps[path] = []string{"/n1"}
				}
			}
			last, _, _ := strings.Cut(a.index[299], " ")
			if how == "newest first" {
				slices.Reverse(a.index)
			}
			a.index = append(a.index, "/tags-2026.xml", "/authors.xml")
			c, src := r.found(t, a)
			if got := poll(t, c, src); got.New != 1 || got.Err != "" {
				t.Fatalf("%+v, want 1 new", got)
			}
			if sent := a.sent(); len(sent) > 4 {
				t.Errorf("%d documents were read for one poll: %q", len(sent), sent)
			}
			a.sitemaps[last] = []string{"/n1", "/n2"}
			r.now = r.now.Add(time.Minute)
			if got := poll(t, c, src); got.New != 1 || got.Err != "" {
				t.Errorf("the next poll: %+v, want 1 new", got)
			}
		})
	}
}

// TestSitemapThatGrew: a site that puts an index in the place of its sitemap is
// read on.
func TestSitemapThatGrew(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	a := newArchive(t)
	a.posts = []post{harbourNews(1, r.now), harbourNews(2, r.now)}
	a.sitemaps["/map.xml"] = []string{"/n2"}
	a.index = []string{"/map.xml"}
	c, _ := r.press(t, a.paper, "feed", "own")
	src, err := r.AddSource(t.Context(), Source{Kind: "sitemap", URL: a.URL + "/sitemap.xml", SiteURL: a.URL + "/", Rights: "own"})
	if err != nil {
		t.Fatal(err)
	}
	if got := poll(t, c, src); got.New != 1 || got.Err != "" {
		t.Errorf("%+v, want 1 new", got)
	}
	if s, err := c.Taste(t.Context(), src); err != nil || s.URL != a.URL+"/n2" {
		t.Errorf("its newest is %q, %v", s.URL, err)
	}
}

// TestSitemapOfYesterday: a source that polls a sitemap with a date in its name
// goes over to the index that lists it when it is gone.
func TestSitemapOfYesterday(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	a := newArchive(t)
	a.posts = []post{harbourNews(1, r.now), harbourNews(2, r.now)}
	a.robots = "Sitemap: " + a.URL + "/sitemap.xml"
	a.index = []string{"/news-2026-11-23.xml"}
	a.sitemaps["/news-2026-11-23.xml"] = []string{"/n2"}
	c, _ := r.press(t, a.paper, "feed", "own")
	src, err := r.AddSource(t.Context(), Source{Kind: "sitemap", URL: a.URL + "/news-2026-11-23.xml", SiteURL: a.URL + "/", Rights: "own"})
	if err != nil {
		t.Fatal(err)
	}
	poll(t, c, src)
	delete(a.sitemaps, "/news-2026-11-23.xml")
	a.index = []string{"/news-2026-11-24.xml"}
	a.sitemaps["/news-2026-11-24.xml"] = []string{"/n1", "/n2"}
	a.posts[0].at = r.now
	r.now = r.now.Add(time.Minute)
	if got := poll(t, c, src); got.New != 1 || got.Err != "" {
		t.Errorf("%+v, want 1 new", got)
	}
	if src, err = c.Source(t.Context(), src.ID); err != nil || src.URL != a.URL+"/sitemap.xml" || !strings.Contains(src.Note, "was gone on") {
		t.Errorf("polled at %s: %s, %v", src.URL, src.Note, err)
	}
}

// TestSitemapThatTheSiteLeft: a source that polls the sitemap of a month reads on
// where its site goes on, though the old one answers as ever; what the old one
// listed last is told all the same, and the site is asked seldom.
func TestSitemapThatTheSiteLeft(t *testing.T) {
	for _, how := range []string{"an index", "robots.txt alone"} {
		t.Run(how, func(t *testing.T) {
			r := newRoom(t, schematest.SQLite(t))
			r.now = time.Date(2026, 11, 30, 23, 50, 0, 0, time.UTC)
			a := newArchive(t)
			for n := range 6 {
				a.posts = append(a.posts, harbourNews(n, r.now))
			}
			a.robots = "Sitemap: " + a.URL + "/sitemap.xml"
			a.index = []string{"/map-2026-10.xml", "/map-2026-11.xml", "/sport-2026-12.xml"}
			a.sitemaps["/map-2026-11.xml"] = []string{"/n3", "/n2"}
			a.sitemaps["/sport-2026-12.xml"] = []string{"/n5"}
			c, _ := r.press(t, a.paper, "feed", "own")
			src, err := r.AddSource(t.Context(), Source{Kind: "sitemap", URL: a.URL + "/map-2026-11.xml", SiteURL: a.URL + "/", Rights: "own"})
			if err != nil {
				t.Fatal(err)
			}
			at := func() Source {
				t.Helper()
				src, err := c.Source(t.Context(), src.ID)
				if err != nil {
					t.Fatal(err)
				}
				return src
			}
			if got := poll(t, c, src); got.New != 2 || got.Err != "" {
				t.Fatalf("in November: %+v, want 2 new", got)
			}
			a.sitemaps["/map-2026-11.xml"] = []string{"/n3", "/n2", "/n1"} // the last of the month, late
			r.now = r.now.Add(20 * time.Minute)
			if got := poll(t, c, src); got.New != 1 || at().Note != "" {
				t.Errorf("the month's last: %+v, %q; want 1 new", got, at().Note)
			}
			a.sent()
			for range 12 { // three hours in which the site is asleep
				r.now = r.now.Add(15 * time.Minute)
				if got := poll(t, c, src); got.New != 0 || got.Err != "" {
					t.Errorf("at night: %+v", got)
				}
			}
			if sent := a.sent(); len(sent) > 2 {
				t.Errorf("%q were sent in three hours", sent)
			}
			a.sitemaps["/map-2026-12.xml"] = []string{"/n0"}
			a.posts[0].at = r.now
			if how == "an index" {
				a.index = append(a.index, "/map-2026-12.xml")
			} else {
				a.index, a.robots = nil, "Sitemap: "+a.URL+"/map-2026-11.xml\nSitemap: "+a.URL+"/map-2026-12.xml"
			}
			r.now = r.now.Add(2 * time.Hour)
			if got := poll(t, c, src); got.New != 0 || got.Err != "" {
				t.Errorf("%+v", got)
			}
			if src = at(); src.URL != a.URL+"/map-2026-12.xml" || !strings.Contains(src.Note, "/map-2026-11.xml had ended by 1 December 2026") || src.NextPoll.After(r.now) {
				t.Fatalf("polled at %s, again at %v: %q", src.URL, src.NextPoll, src.Note)
			}
			for _, want := range []int{1, 0} {
				if got := poll(t, c, src); got.New != want || got.Err != "" {
					t.Errorf("in December: %+v, want %d new", got, want)
				}
				r.now = r.now.Add(40 * time.Minute)
			}
			if got := r.headlines(t, nil); len(got) != 4 {
				t.Errorf("an issue has %q, want all four of both months", got)
			}
			if src = at(); src.URL != a.URL+"/map-2026-12.xml" || len(src.Former) != 1 {
				t.Errorf("polled at %s, before at %q", src.URL, src.Former)
			}
		})
	}
}

// TestSitemapThatAnotherSourceReads: where another source reads already what a
// site goes on with, the note of the old one says so.
func TestSitemapThatAnotherSourceReads(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	r.now = time.Date(2026, 12, 1, 6, 0, 0, 0, time.UTC)
	a := newArchive(t)
	a.posts = []post{harbourNews(1, r.now), harbourNews(20, r.now)}
	a.index = []string{"/map-2026-11.xml", "/map-2026-12.xml"}
	a.sitemaps["/map-2026-11.xml"], a.sitemaps["/map-2026-12.xml"] = []string{"/n20"}, []string{"/n1"}
	c, _ := r.press(t, a.paper, "feed", "own")
	var list []Source
	for _, path := range a.index {
		src, err := r.AddSource(t.Context(), Source{Kind: "sitemap", URL: a.URL + path, SiteURL: a.URL + "/", Rights: "own"})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, src)
	}
	poll(t, c, list[0])
	r.now = r.now.Add(3 * time.Hour)
	poll(t, c, list[0])
	src, err := c.Source(t.Context(), list[0].ID)
	if err != nil || src.URL != a.URL+"/map-2026-11.xml" || !strings.Contains(src.Note, a.URL+"/map-2026-12.xml, another source reads") {
		t.Errorf("polled at %s: %q, %v", src.URL, src.Note, err)
	}
}
