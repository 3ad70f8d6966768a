package demo

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"time"
)

const sitemapSpace = "http://www.sitemaps.org/schemas/sitemap/0.9"

// newsAge is how old an article in a news sitemap may be.
const newsAge = 48 * time.Hour

type sitemapIndex struct {
	XMLName  xml.Name      `xml:"sitemapindex"`
	Space    string        `xml:"xmlns,attr"`
	Sitemaps []sitemapLink `xml:"sitemap"`
}

type sitemapLink struct {
	Loc string `xml:"loc"`
}

type urlSet struct {
	XMLName xml.Name     `xml:"urlset"`
	Space   string       `xml:"xmlns,attr"`
	News    string       `xml:"xmlns:news,attr"`
	Image   string       `xml:"xmlns:image,attr"`
	URLs    []sitemapURL `xml:"url"`
}

type sitemapURL struct {
	Loc   string       `xml:"loc"`
	News  sitemapNews  `xml:"news:news"`
	Image sitemapImage `xml:"image:image"`
}

type sitemapNews struct {
	Name      string `xml:"news:publication>news:name"`
	Language  string `xml:"news:publication>news:language"`
	Published string `xml:"news:publication_date"`
	Title     string `xml:"news:title"`
}

type sitemapImage struct {
	Loc string `xml:"image:loc"`
}

func (s *Site) sitemapIndex(w http.ResponseWriter, r *http.Request) {
	s.xml(w, r, "application/xml; charset=UTF-8", sitemapIndex{Space: sitemapSpace, Sitemaps: []sitemapLink{{s.Base + "/news-sitemap.xml"}}})
}

// newsSitemap lists the articles of the last two days in every language.
func (s *Site) newsSitemap(w http.ResponseWriter, r *http.Request) {
	set := urlSet{Space: sitemapSpace, News: "http://www.google.com/schemas/sitemap-news/0.9", Image: "http://www.google.com/schemas/sitemap-image/1.1"}
	for _, a := range s.Articles() {
		if s.now().Sub(a.Published) > newsAge {
			continue
		}
		set.URLs = append(set.URLs, sitemapURL{
			Loc:   a.URL,
			News:  sitemapNews{words[a.Language].site, a.Language, a.Published.Format(time.RFC3339), a.Title},
			Image: sitemapImage{s.Base + a.picture()},
		})
	}
	s.xml(w, r, "application/xml; charset=UTF-8", set)
}

func (s *Site) robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "User-agent: *\nDisallow: /wp-admin/\nAllow: /wp-admin/admin-ajax.php\n\nSitemap: %s/sitemap.xml\nSitemap: %s/news-sitemap.xml\n", s.Base, s.Base)
}
