package fetch

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/digest/feed"
)

const oneItem = `<rss><channel><title>%s</title><item><title>A story of the day</title><link>/2026/11/a-story-of-today</link><description>Text</description></item></channel></rss>`

// site serves pages by path; "URL" in a body stands for the server's address.
func site(t *testing.T, pages map[string]string) string {
	t.Helper()
	var url string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		}
		fmt.Fprint(w, strings.ReplaceAll(body, "URL", url))
	})
	url = s.URL
	return url
}

func found(fs []Found, base string) string {
	var b strings.Builder
	for _, f := range fs {
		u, _, _ := strings.Cut(strings.TrimPrefix(f.URL, base), "?")
		fmt.Fprintf(&b, "%s %s %q %d\n", f.Kind, u, f.Title, f.Items)
	}
	return b.String()
}

func TestDiscover(t *testing.T) {
	long := strings.Repeat("word ", 300)
	for _, c := range []struct {
		name  string
		pages map[string]string
		want  string
	}{
		{"everything, richest first", map[string]string{
			"/": `<html><title>Harbour</title><link rel="alternate" type="application/rss+xml" href="/comments/feed/"><link rel="alternate" type="application/rss+xml" href="/feed/">
				<link rel="alternate" type="application/atom+xml" href="/full.atom"><link rel='https://api.w.org/' href='URL/wp-json/'><a href="/2026/11/a-story-of-today">A story of the day</a>`,
			"/wp-json/wp/v2/posts": `[{"id":1,"link":"URL/1","title":{"rendered":"One"}},{"id":2,"link":"URL/2","title":{"rendered":"Two"}}]`,
			"/feed/":               fmt.Sprintf(oneItem, "Short"),
			"/comments/feed/":      fmt.Sprintf(oneItem, "Comments for Harbour"),
			"/full.atom":           `<feed xmlns="http://www.w3.org/2005/Atom"><title>Full</title><entry><id>1</id><title>x</title><content type="html">` + long + `</content></entry></feed>`,
			"/robots.txt":          "Sitemap: URL/index.xml",
			"/index.xml":           `<sitemapindex><sitemap><loc>URL/posts.xml</loc></sitemap><sitemap><loc>URL/news.xml</loc></sitemap></sitemapindex>`,
			"/news.xml":            `<urlset><url><loc>URL/n</loc></url></urlset>`,
		}, "wordpress /wp-json/wp/v2/posts \"\" 2\natom /full.atom \"Full\" 1\nrss /feed/ \"Short\" 1\nsitemap /news.xml \"\" 1\npage / \"Harbour\" 1\nrss /comments/feed/ \"Comments for Harbour\" 1\n"},
		{"feeds nobody announces", map[string]string{"/": "<html>Hello", "/rss.xml": fmt.Sprintf(oneItem, "Guessed")}, "rss /rss.xml \"Guessed\" 1\n"},
		{"a link in the text", map[string]string{"/": `<html><a href="/export/rss">RSS</a>`, "/export/rss": fmt.Sprintf(oneItem, "Linked")}, "rss /export/rss \"Linked\" 1\n"},
		{"a sitemap index itself", map[string]string{"/": `<sitemapindex><sitemap><loc>URL/posts.xml</loc></sitemap><sitemap><loc>URL/news.xml</loc></sitemap></sitemapindex>`,
			"/news.xml": `<urlset><url><loc>URL/n</loc></url></urlset>`}, "sitemap /news.xml \"\" 1\n"},
		{"a feed itself", map[string]string{"/": fmt.Sprintf(oneItem, "Self")}, "rss / \"Self\" 1\n"},
		{"links only", map[string]string{"/": `<html><title>Old</title><a href="/mayor-opens-the-library">Mayor opens the library</a>`}, "page / \"Old\" 1\n"},
		{"nothing", map[string]string{"/": "<html><p>Hello"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := site(t, c.pages)
			got, err := local().Discover(t.Context(), url+"/")
			if err != nil {
				t.Fatal(err)
			}
			if s := found(got, url); s != c.want {
				t.Errorf("got\n%swant\n%s", s, c.want)
			}
		})
	}
}

// Who names a section gets its own feed, and not the whole site; who names an
// article gets the site, and not its comments.
func TestDiscoverSection(t *testing.T) {
	page := `<html><title>x</title><link rel='https://api.w.org/' href='URL/wp-json/'><link rel="alternate" type="application/rss+xml" href="URL/feed/">
		<link rel="alternate" type="application/rss+xml" href="%s">`
	url := site(t, map[string]string{
		"/wp-json/wp/v2/posts":     `[{"id":1,"link":"URL/1","title":{"rendered":"One"}},{"id":2,"link":"URL/2","title":{"rendered":"Two"}}]`,
		"/feed/":                   fmt.Sprintf(oneItem, "Harbour"),
		"/ur/":                     fmt.Sprintf(page, "URL/ur/feed/"),
		"/ur/feed/":                fmt.Sprintf(oneItem, "Harbour, Urdu"),
		"/2026/11/the-mayor/":      fmt.Sprintf(page, "URL/2026/11/the-mayor/feed/"),
		"/2026/11/the-mayor/feed/": fmt.Sprintf(oneItem, "Comments on: The mayor"),
	})
	for path, want := range map[string]string{"/ur/": "/ur/feed/", "/2026/11/the-mayor/": "/wp-json/wp/v2/posts"} {
		got, err := local().Discover(t.Context(), url+path)
		if err != nil || len(got) < 3 || !strings.HasPrefix(got[0].URL, url+want) {
			t.Errorf("%s: got\n%s%v, want %s first", path, found(got, url), err, want)
		}
	}
}

func TestDiscoverWordPressByHeader(t *testing.T) {
	var url string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("rest_route") == "/wp/v2/posts":
			fmt.Fprint(w, `[{"id":1,"link":"https://a.example/1","title":{"rendered":"One"}}]`)
		case r.URL.Path == "/":
			w.Header().Set("Link", `<`+url+`/?rest_route=/>; rel="https://api.w.org/", <x>; rel=shortlink`)
			fmt.Fprint(w, "<html>")
		default:
			http.NotFound(w, r)
		}
	})
	url = s.URL
	got, err := local().Discover(t.Context(), url)
	if err != nil || len(got) != 1 || got[0].Kind != "wordpress" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDiscoverSaysWhyNot(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	_, err := local().Discover(t.Context(), s.URL)
	wantKind(t, err, KindStatus)
}

// TestNewestOfAnIndex: names and dates say which sitemaps of an index hold the
// newest articles.
func TestNewestOfAnIndex(t *testing.T) {
	for _, c := range []struct {
		name, list, want string
		any              bool
	}{
		{"the number of a part", "post-sitemap.xml post-sitemap2.xml post-sitemap10.xml post-sitemap9.xml page-sitemap.xml category-sitemap.xml", "post-sitemap10.xml post-sitemap9.xml post-sitemap2.xml", false},
		{"lastmod before the number", "post-1.xml=2026-11-24 post-2.xml=2026-11-22 post-3.xml=2026-11-23 post-4.xml=2026-01-01", "post-1.xml post-3.xml post-2.xml", false},
		{"a date in the name before lastmod", "a-2026-9.xml=2026-09-30 a-2026-10.xml=2026-11-24 a-2026-11.xml=2026-11-24 a-2019-03.xml=2026-11-24", "a-2026-11.xml a-2026-10.xml a-2026-9.xml", false},
		{"the current one has no date", "news/2026/10.xml news/2026/11.xml news/current.xml", "news/current.xml news/2026/11.xml news/2026/10.xml", false},
		{"days run together", "d20261123.xml d20261124.xml", "d20261124.xml d20261123.xml", false},
		{"names say nothing", "sitemap.xml?page=1 sitemap.xml?page=2", "", false},
		{"names say nothing, but the index was named", "sitemap.xml?page=1 sitemap.xml?page=2 tags.xml", "sitemap.xml?page=2 sitemap.xml?page=1", true},
		{"no letters to the news", "newsletters.xml images-2026.xml", "", true},
	} {
		var index feed.Feed
		for _, entry := range strings.Fields(c.list) {
			at, day := entry, ""
			if i := strings.LastIndex(entry, "=20"); i > 0 {
				at, day = entry[:i], entry[i+1:]
			}
			modified, _ := time.Parse(time.DateOnly, day)
			index.Items = append(index.Items, feed.Item{URL: "https://news.example/" + at, Updated: modified})
		}
		got := strings.ReplaceAll(strings.Join(newestOf(index, c.any), " "), "https://news.example/", "")
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestNewsOfAnIndex: of an index those are opened whose name says news, not those of
// a host whose name does.
func TestNewsOfAnIndex(t *testing.T) {
	var index feed.Feed
	for _, path := range []string{"/sitemap-pages.xml", "/sitemap.xml?part=3", "/Sitemap-News.xml", "/sitemap.php?kind=news", "/authors.xml"} {
		index.Items = append(index.Items, feed.Item{URL: "https://news.example" + path})
	}
	if got, want := newestOf(index, false), []string{"https://news.example/Sitemap-News.xml", "https://news.example/sitemap.php?kind=news"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKnownHosts(t *testing.T) {
	for page, want := range map[string]string{
		"https://www.youtube.com/channel/UCabcdefghijklmnopqrstuv": "https://www.youtube.com/feeds/videos.xml?channel_id=UCabcdefghijklmnopqrstuv",
		"https://github.com/a/b":                                   "https://github.com/a/b/releases.atom",
		"https://a.example/channel/UCabcdefghijklmnopqrstuv":       "",
	} {
		if got := strings.Join(known(page), " "); got != want {
			t.Errorf("%s: got %q, want %q", page, got, want)
		}
	}
}
