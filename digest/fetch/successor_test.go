package fetch

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestEnded: only a date in the name of a sitemap that lies behind every place on
// earth's first day ends it.
func TestEnded(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	for name, want := range map[string]bool{
		"sitemap-2026-11.xml": false, "sitemap-2026-10.xml": true, "sitemap-2025.xml": true, "sitemap-2026.xml": false, "news-20261129.xml.gz": true, "news-20261130.xml": false,
		"map_202610.xml": true, "map_202611.xml": false, "sitemaps/2026/11/29.xml": true, "sitemap.xml?yyyy=2026&mm=11&dd=29": true, "sitemap.xml": false, "post-sitemap12.xml": false,
	} {
		if got := Ended("https://a.example/"+name, now); got != want {
			t.Errorf("%s: ended %v, want %v", name, got, want)
		}
	}
	if later := now.Add(2 * time.Hour); !Ended("https://a.example/sitemap-2026-11.xml", later) {
		t.Error("where days begin first it is December")
	}
}

// TestSuccessor: where a site goes on is found where it says so, with few requests.
func TestSuccessor(t *testing.T) {
	list := func(root, item string, paths ...string) string {
		return "<" + root + "><" + item + "><loc>HOST" + strings.Join(paths, "</loc></"+item+"><"+item+"><loc>HOST") + "</loc></" + item + "></" + root + ">"
	}
	full := func(path string) string { return list("urlset", "url", path+"/article") }
	for how, k := range map[string]struct {
		files map[string]string
		want  string
		most  int // requests
	}{
		"robots.txt": {map[string]string{"/robots.txt": "Sitemap: HOST/map-2026-10.xml\nSitemap: HOST/map-2026-11.xml\nSitemap: HOST/tags-2026-11.xml", "/map-2026-11.xml": full("/a")}, "/map-2026-11.xml", 2},
		"an index": {map[string]string{"/robots.txt": "Sitemap: HOST/all-index.xml", "/all-index.xml": list("sitemapindex", "sitemap", "/map-2026-9.xml", "/map-2026-10.xml", "/map-2026-11.xml", "/sport/map-2026-11.xml"),
			"/map-2026-11.xml": full("/a")}, "/map-2026-11.xml", 3},
		"the usual place": {map[string]string{"/sitemap.xml": list("sitemapindex", "sitemap", "/map-2026-11.xml", "/map-2026-10.xml"), "/map-2026-11.xml": full("/a")}, "/map-2026-11.xml", 3},
		"made ahead of time": {map[string]string{"/robots.txt": "Sitemap: HOST/sitemap.xml", "/sitemap.xml": list("sitemapindex", "sitemap", "/map-2027-01.xml", "/map-2026-12.xml", "/map-2026-11.xml", "/map-2026-10.xml"),
			"/map-2026-12.xml": full("/x"), "/map-2027-01.xml": full("/x"), "/map-2026-11.xml": full("/a")}, "/map-2026-11.xml", 3},
		"empty yet":    {map[string]string{"/robots.txt": "Sitemap: HOST/map-2026-11.xml", "/map-2026-11.xml": "<urlset></urlset>"}, "", 2},
		"none":         {map[string]string{"/robots.txt": "Sitemap: HOST/map-2026-10.xml", "/sitemap.xml": list("sitemapindex", "sitemap", "/map-2026-10.xml", "/map-2026-09.xml")}, "", 4},
		"another site": {map[string]string{"/robots.txt": "Sitemap: http://192.168.1.1/map-2026-11.xml"}, "", 4},
		"many indexes": {map[string]string{"/robots.txt": strings.Repeat("Sitemap: HOST/x\nSitemap: HOST/y\n", 50)}, "", 4},
		"nothing":      {nil, "", 4},
	} {
		asked := 0
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked++
			text, ok := k.files[r.URL.Path]
			if !ok {
				w.WriteHeader(http.StatusNotFound)
			}
			fmt.Fprint(w, strings.ReplaceAll(text, "HOST", "http://"+r.Host))
		})
		c := local()
		c.Now = func() time.Time { return time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC) }
		if got := strings.TrimPrefix(c.Successor(t.Context(), s.URL+"/map-2026-10.xml"), s.URL); got != k.want {
			t.Errorf("%s: goes on in %q, want %q", how, got, k.want)
		}
		if asked > k.most {
			t.Errorf("%s: %d requests, want at most %d", how, asked, k.most)
		}
	}
}

// TestRobotsAreShared: several look at what one host's robots.txt names at once.
func TestRobotsAreShared(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			fmt.Fprint(w, "Sitemap: /b-2026-10.xml\nSitemap: /a-2026-10.xml\nSitemap: /news.xml")
		}
	})
	c := local()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { c.Successor(t.Context(), s.URL+"/map-2020-10.xml") })
		wg.Go(func() { c.Discover(t.Context(), s.URL+"/") })
	}
	wg.Wait()
}
