package fetch

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestSitemapsAreBounded: the sitemaps of an index are together no larger than one
// page may be, the newest first; and one that fails leaves the others.
func TestSitemapsAreBounded(t *testing.T) {
	var fails string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/index.xml":
			fmt.Fprint(w, `<sitemapindex>`)
			for n := range 9 {
				fmt.Fprintf(w, `<sitemap><loc>http://%s/a-%d.xml</loc></sitemap>`, r.Host, 2018+n)
			}
			fmt.Fprint(w, `</sitemapindex>`)
		case fails:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			fmt.Fprintf(w, `<urlset><url><loc>http://%s%s/x</loc></url></urlset>%s`, r.Host, r.URL.Path, strings.Repeat(" ", 4000))
		}
	})
	c := local()
	c.MaxBytes = 10_000
	r, err := c.GetSitemap(t.Context(), s.URL+"/index.xml", Validators{})
	if err != nil || len(r.Sitemaps) != 2 || !r.Partial || !strings.HasSuffix(r.Sitemaps[0].URL, "/a-2026.xml") {
		t.Errorf("%d sitemaps, partial %v, %v; want the two newest", len(r.Sitemaps), r.Partial, err)
	}
	fails = "/a-2026.xml"
	if r, err = c.GetSitemap(t.Context(), s.URL+"/index.xml", r.Validators); err != nil || len(r.Sitemaps) != 2 || !r.Partial || r.NotModified {
		t.Errorf("%d sitemaps, partial %v, not modified %v, %v; want the two that can be read", len(r.Sitemaps), r.Partial, r.NotModified, err)
	}
	if _, err = c.GetSitemap(t.Context(), s.URL+"/index.xml", Validators{ETag: "{damaged"}); err != nil {
		t.Error(err)
	}
}
