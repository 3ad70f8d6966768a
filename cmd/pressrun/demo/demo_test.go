package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"pressrun/cmd/pressrun/demo"
	"pressrun/digest/article"
	"pressrun/digest/trend"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// open serves a site and returns it with its client.
func open(t *testing.T) (*demo.Site, *http.Client) {
	t.Helper()
	s := &demo.Site{Start: start, Beacon: "http://beacon.example", Now: func() time.Time { return start }}
	server := httptest.NewUnstartedServer(nil)
	s.Base = "http://" + server.Listener.Addr().String()
	server.Config.Handler = s.Handler()
	server.Start()
	t.Cleanup(server.Close)
	return s, server.Client()
}

func get(t *testing.T, c *http.Client, url string) (*http.Response, []byte) {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

func TestEveryArticleIsServedWithItsChrome(t *testing.T) {
	s, c := open(t)
	for _, a := range s.Articles() {
		res, b := get(t, c, a.URL)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: got %s", a.Path, res.Status)
			continue
		}
		for _, part := range []string{"td-weather-now", "td_data_time", "pp-multiple-authors-boxes-wrapper", "author-box-wrap", "td-block-trending", "td-block-latest", "comment-respond", "cli-bar", "tdn-newsletter", "application/ld+json", `property="og:image"`, "http://beacon.example/v1/view.js"} {
			if !bytes.Contains(b, []byte(part)) {
				t.Errorf("%s: no %s", a.Path, part)
			}
		}
		if bytes.Contains(b, []byte("day}")) || bytes.Contains(b, []byte("{time")) || bytes.Contains(b, []byte("ZgotmplZ")) {
			t.Errorf("%s: an unfilled mark", a.Path)
		}
		if got := fmt.Sprintf(`<html lang="%s" dir="%s"`, a.Language, a.Dir()); !bytes.Contains(b, []byte(got)) {
			t.Errorf("%s: no %s", a.Path, got)
		}
	}
}

func TestPicturesAreServed(t *testing.T) {
	s, c := open(t)
	for _, a := range s.Articles()[:3] {
		_, page := get(t, c, a.URL)
		_, after, _ := strings.Cut(string(page), `property="og:image" content="`)
		url, _, _ := strings.Cut(after, `"`)
		res, b := get(t, c, url)
		if res.Header.Get("Content-Type") != "image/jpeg" {
			t.Errorf("%s: got %s", url, res.Header.Get("Content-Type"))
		}
		conf, err := jpeg.DecodeConfig(bytes.NewReader(b))
		if err != nil || conf.Width != 1200 || conf.Height != 675 {
			t.Errorf("%s: got %dx%d, %v", url, conf.Width, conf.Height, err)
		}
	}
}

func TestFeeds(t *testing.T) {
	s, c := open(t)
	for path, lang := range map[string]string{"/feed/": "", "/en/feed/": "en", "/ur/feed/": "ur", "/ru/feed/": "ru"} {
		_, b := get(t, c, s.Base+path)
		var feed struct {
			Language string `xml:"channel>language"`
			Items    []struct {
				Title, Link string
				Link2       string `xml:"link"`
				Title2      string `xml:"title"`
				Content     string `xml:"http://purl.org/rss/1.0/modules/content/ encoded"`
				Date        string `xml:"pubDate"`
			} `xml:"channel>item"`
		}
		if err := xml.Unmarshal(b, &feed); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		want := 0
		for _, a := range s.Articles() {
			if lang == "" || a.Language == lang {
				want++
			}
		}
		if len(feed.Items) != want || feed.Language != lang {
			t.Errorf("%s: got %d items in %q, want %d in %q", path, len(feed.Items), feed.Language, want, lang)
		}
		for _, i := range feed.Items {
			if _, err := time.Parse(time.RFC1123Z, i.Date); err != nil || i.Title2 == "" || i.Link2 == "" || !strings.Contains(i.Content, "<p>") {
				t.Errorf("%s: item %q is not whole", path, i.Title2)
			}
		}
	}
}

func TestFeedIsNotSentTwice(t *testing.T) {
	s, c := open(t)
	first, _ := get(t, c, s.Base+"/feed/")
	req, _ := http.NewRequest(http.MethodGet, s.Base+"/feed/", nil)
	req.Header.Set("If-None-Match", first.Header.Get("ETag"))
	second, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	second.Body.Close()
	if second.StatusCode != http.StatusNotModified {
		t.Errorf("got %s, want 304", second.Status)
	}
}

func TestWordPressPages(t *testing.T) {
	s, c := open(t)
	type post struct {
		ID      int    `json:"id"`
		Link    string `json:"link"`
		DateGMT string `json:"date_gmt"`
		Title   struct {
			Rendered string `json:"rendered"`
		} `json:"title"`
		Embedded struct {
			Author []struct{ Name string }             `json:"author"`
			Media  []map[string]any                    `json:"wp:featuredmedia"`
			Terms  [][]struct{ Name, Taxonomy string } `json:"wp:term"`
		} `json:"_embedded"`
	}
	var all []post
	for next := s.Base + "/wp-json/wp/v2/posts?_embed=author,wp:featuredmedia,wp:term&per_page=7"; next != ""; {
		res, b := get(t, c, next)
		var some []post
		if err := json.Unmarshal(b, &some); err != nil {
			t.Fatalf("%s: %v", next, err)
		}
		all = append(all, some...)
		if want := fmt.Sprint(len(s.Articles())); res.Header.Get("X-WP-Total") != want {
			t.Fatalf("X-WP-Total: got %s, want %s", res.Header.Get("X-WP-Total"), want)
		}
		next = ""
		for _, l := range res.Header.Values("Link") {
			if strings.Contains(l, `rel="next"`) {
				next = l[1:strings.Index(l, ">")]
			}
		}
	}
	articles := s.Articles()
	if len(all) != len(articles) {
		t.Fatalf("got %d posts, want %d", len(all), len(articles))
	}
	for i, p := range all {
		a := articles[i]
		if p.ID != a.ID || p.Link != a.URL || p.Title.Rendered != html.EscapeString(a.Title) || p.Embedded.Author[0].Name != a.Author || len(p.Embedded.Media) != 1 {
			t.Errorf("post %d is not article %d: %+v", p.ID, a.ID, p)
		}
		if got, err := time.Parse("2006-01-02T15:04:05", p.DateGMT); err != nil || !got.Equal(a.Published) {
			t.Errorf("%s: date_gmt %s, want %s", a.Slug, p.DateGMT, a.Published)
		}
	}
	if res, _ := get(t, c, s.Base+"/wp-json/wp/v2/posts?page=99"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("page 99: got %s", res.Status)
	}
	after := start.Add(-12 * time.Hour).Format(time.RFC3339)
	_, b := get(t, c, s.Base+"/?rest_route=/wp/v2/posts&per_page=100&_fields=id,link&after="+after)
	var fresh []map[string]any
	if err := json.Unmarshal(b, &fresh); err != nil || len(fresh) == 0 || len(fresh) >= len(all) || len(fresh[0]) != 2 {
		t.Errorf("after and _fields: got %d posts, %v", len(fresh), err)
	}
}

func TestSitemapAndRobots(t *testing.T) {
	s, c := open(t)
	_, b := get(t, c, s.Base+"/robots.txt")
	if !strings.Contains(string(b), "Sitemap: "+s.Base+"/news-sitemap.xml") {
		t.Errorf("robots.txt: got %s", b)
	}
	_, b = get(t, c, s.Base+"/news-sitemap.xml")
	var set struct {
		URLs []struct {
			Loc  string `xml:"loc"`
			Date string `xml:"news>publication_date"`
		} `xml:"url"`
	}
	if err := xml.Unmarshal(b, &set); err != nil || len(set.URLs) == 0 {
		t.Fatalf("got %d addresses, %v", len(set.URLs), err)
	}
	for _, u := range set.URLs {
		if at, err := time.Parse(time.RFC3339, u.Date); err != nil || start.Sub(at) > 48*time.Hour {
			t.Errorf("%s: %s, %v", u.Loc, u.Date, err)
		}
	}
}

func TestFrontAndSectionPages(t *testing.T) {
	s, c := open(t)
	for _, path := range []string{"/", "/ur/", "/ru/", "/city/", "/opinion/", "/ur/sport/", "/ru/city/"} {
		res, b := get(t, c, s.Base+path)
		if res.StatusCode != http.StatusOK || !bytes.Contains(b, []byte(`rel="https://api.w.org/"`)) || !bytes.Contains(b, []byte("application/rss+xml")) {
			t.Errorf("%s: got %s", path, res.Status)
		}
	}
	for _, path := range []string{"/nothing/", "/ur/nothing/", "/2026/11/23/nothing/", "/fr/feed/", "/wp-content/uploads/2026/11/nothing.jpg", "/favicon.ico"} {
		if res, _ := get(t, c, s.Base+path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %s, want 404", path, res.Status)
		}
	}
}

func TestShortLinkLeadsToTheArticle(t *testing.T) {
	s, c := open(t)
	a := s.Articles()[0]
	res, _ := get(t, c, fmt.Sprintf("%s/?p=%d", s.Base, a.ID))
	if got := res.Request.URL.String(); got != a.URL {
		t.Errorf("got %s, want %s", got, a.URL)
	}
}

// TestOldAddressesLeadOn: a site that is started anew dates its articles anew, and drafts
// and mails of before still find them.
func TestOldAddressesLeadOn(t *testing.T) {
	s, c := open(t)
	earlier := demo.Site{Start: start.Add(-48 * time.Hour), Base: s.Base, Now: func() time.Time { return start.Add(-48 * time.Hour) }}
	for _, a := range []demo.Article{earlier.Articles()[0], earlier.Articles()[5]} {
		res, _ := get(t, c, a.URL)
		if got := res.Request.URL.Path; res.StatusCode != http.StatusOK || got == a.Path || !strings.HasSuffix(got, "/"+a.Slug+"/") {
			t.Errorf("%s leads to %s, %s", a.URL, got, res.Status)
		}
	}
	if res, _ := get(t, c, s.Base+"/2026/11/20/no-such-article/"); res.StatusCode != http.StatusNotFound {
		t.Errorf("an article that never was: %s", res.Status)
	}
}

func TestNewsComesWithTime(t *testing.T) {
	now := start
	s := &demo.Site{Start: start, Base: "http://127.0.0.1", Now: func() time.Time { return now }}
	before := len(s.Articles())
	now = start.Add(24 * time.Hour)
	if after := len(s.Articles()); after <= before {
		t.Errorf("got %d articles a day later, had %d", after, before)
	}
}

// beacon counts what readers and bots send.
type beacon struct {
	mu     sync.Mutex
	views  map[string]int
	agents map[string]int
	people map[string]bool
	seen   map[string]bool
	twice  int
}

func (b *beacon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var views []struct{ URL, Visitor string }
	if err := json.NewDecoder(r.Body).Decode(&views); err != nil || len(views) > 1000 || r.URL.Path != "/v1/view" {
		http.Error(w, "bad views", http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.agents[r.UserAgent()] += len(views)
	for _, v := range views {
		if !strings.Contains(r.UserAgent(), "compatible;") && strings.HasPrefix(r.UserAgent(), "Mozilla/") {
			b.views[v.URL]++
			b.people[v.Visitor] = true
			if b.seen[v.URL+v.Visitor] {
				b.twice++
			}
			b.seen[v.URL+v.Visitor] = true
		}
	}
	w.WriteHeader(http.StatusAccepted)
}

func visit(t *testing.T, seed int64, n int) (*beacon, *demo.Readers) {
	t.Helper()
	b := &beacon{views: map[string]int{}, agents: map[string]int{}, people: map[string]bool{}, seen: map[string]bool{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	s := &demo.Site{Start: start, Base: "http://127.0.0.1", Now: func() time.Time { return start }}
	r := &demo.Readers{Beacon: server.URL, Site: s, Seed: seed}
	for range 2 {
		sent, err := r.Visit(context.Background(), n)
		if err != nil || sent != n {
			t.Fatalf("Visit: got %d, %v", sent, err)
		}
	}
	return b, r
}

func TestReadersPreferSomeArticles(t *testing.T) {
	b, r := visit(t, 1, 6000)
	popular := r.Popular("en")
	first, tenth := b.views[popular[0].URL], b.views[popular[9].URL]
	if first < 2*tenth || tenth == 0 {
		t.Errorf("got %d views of the first and %d of the tenth", first, tenth)
	}
	newest := r.Site.Articles()
	if slices.EqualFunc(popular[:5], newest[:5], func(a, b demo.Article) bool { return a.Slug == b.Slug }) {
		t.Error("popular is simply newest")
	}
	if b.twice > 0 || len(b.people) < 3000 || len(b.agents) < 8 {
		t.Errorf("got %d views by the same person, %d people, %d agents", b.twice, len(b.people), len(b.agents))
	}
}

func TestReadersAreTheSameForASeed(t *testing.T) {
	a, _ := visit(t, 5, 500)
	b, _ := visit(t, 5, 500)
	c, _ := visit(t, 6, 500)
	if fmt.Sprint(a.views) != fmt.Sprint(b.views) {
		t.Error("the same seed gave other visits")
	}
	if fmt.Sprint(a.views) == fmt.Sprint(c.views) {
		t.Error("another seed gave the same visits")
	}
}

func TestSubscribers(t *testing.T) {
	people := demo.Subscribers(300, 1)
	emails, langs, lists, zones := map[string]bool{}, map[string]int{}, map[string]int{}, map[string]bool{}
	for _, p := range people {
		emails[p.Email] = true
		langs[p.Language]++
		zones[p.Zone] = true
		for _, l := range p.Lists {
			lists[l]++
		}
		if _, err := time.LoadLocation(p.Zone); err != nil {
			t.Errorf("%s: %v", p.Email, err)
		}
		_, domain, _ := strings.Cut(p.Email, "@")
		if !strings.HasSuffix(domain, ".example") && !slices.Contains([]string{"example.com", "example.net", "example.org"}, domain) {
			t.Errorf("%s may belong to somebody", p.Email)
		}
		if p.Name == "" || len(p.Lists) == 0 || strings.ContainsFunc(p.Email, func(r rune) bool { return r > 127 }) {
			t.Errorf("%+v is not whole", p)
		}
	}
	if len(emails) != 300 {
		t.Errorf("got %d different addresses, want 300", len(emails))
	}
	if len(langs) != 3 || len(lists) != 3 || len(zones) < 6 {
		t.Errorf("got languages %v, lists %v, zones %v", langs, lists, zones)
	}
	if again := demo.Subscribers(10, 1); fmt.Sprint(again) != fmt.Sprint(people[:10]) {
		t.Error("fewer people are not the first of more")
	}
}

// TestLog has the product count the log of the site's web server: every line is a visit
// of somebody, in the last day, to an article that was out.
func TestLog(t *testing.T) {
	s := &demo.Site{Start: start, Base: "http://127.0.0.1", Now: func() time.Time { return start }}
	r := &demo.Readers{Site: s, Seed: 1}
	var log bytes.Buffer
	if err := r.Log(&log, 4000); err != nil {
		t.Fatal(err)
	}
	out := map[string]time.Time{}
	for _, a := range s.Articles() {
		key, err := article.KeyOf(a.URL)
		if err != nil {
			t.Fatal(err)
		}
		out[string(key)] = a.Published
	}
	views := map[string]int{}
	report, err := trend.IngestLog(t.Context(), &log, trend.LogOptions{Site: s.Base, Now: s.Now}, func(list []trend.View) error {
		for _, v := range list {
			if at, known := out[v.Key]; !known || v.At.Before(at.Truncate(time.Second)) || v.At.After(start) || v.At.Before(start.Add(-24*time.Hour-time.Second)) {
				t.Fatalf("%s is visited at %s, and was out at %s", v.Key, v.At, at)
			}
			views[v.Key]++
		}
		return nil
	})
	if err != nil || report.Lines != 4000 || report.Views+report.Ignored["repeated"] != 4000 || report.Views < 3900 {
		t.Errorf("%+v, %v; want 4000 lines, nearly all of them views", report, err)
	}
	most := 0
	for _, n := range views {
		most = max(most, n)
	}
	if len(views) < 30 || most < 4*4000/len(views) {
		t.Errorf("%d articles are read, one %d times; want most of them, and some far more than others", len(views), most)
	}
}
