package demo

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Site is the news site. Set the fields before the first call; the methods may
// be called concurrently.
type Site struct {
	Start  time.Time        // the news is as old as each article says at this moment; zero means the first call
	Base   string           // public address, such as http://127.0.0.1:8080, without a slash at the end
	Beacon string           // base address of the beacon that counts views; "" leaves its script out
	Now    func() time.Time // nil means time.Now; articles of the future are not there yet

	once     sync.Once
	pictures sync.Map // slug → func() ([]byte, error)
}

// Articles returns what is published now, newest first.
func (s *Site) Articles() []Article {
	s.init()
	now := s.now()
	var all []Article
	for _, c := range filed() {
		if a := c.at(s.Start, s.Base); !a.Published.After(now) {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b Article) int { return b.Published.Compare(a.Published) })
	return all
}

// Handler serves the whole site:
//
//	/ /ur/ /ru/                     front pages; /city/ … section pages
//	/2026/11/23/slug/               articles, also by /?p=ID
//	/feed/ /en/feed/ /ur/feed/ …    RSS, all languages or one
//	/wp-json/wp/v2/posts            WordPress REST
//	/sitemap.xml /news-sitemap.xml /robots.txt
//	/wp-content/uploads/…           lead pictures
func (s *Site) Handler() http.Handler {
	s.init()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.root)
	mux.HandleFunc("GET /{lang}/{$}", s.frontOrSection)
	mux.HandleFunc("GET /{lang}/{section}/{$}", s.section)
	mux.HandleFunc("GET /{year}/{month}/{day}/{slug}/{$}", s.article)
	mux.HandleFunc("GET /{lang}/{year}/{month}/{day}/{slug}/{$}", s.article)
	mux.HandleFunc("GET /feed/{$}", s.feed)
	mux.HandleFunc("GET /{lang}/feed/{$}", s.feed)
	mux.HandleFunc("GET /wp-json/{$}", s.wpIndex)
	mux.HandleFunc("GET /wp-json/wp/v2/posts", s.wpPosts)
	mux.HandleFunc("GET /wp-json/wp/v2/posts/{id}", s.wpPost)
	mux.HandleFunc("GET /sitemap.xml", s.sitemapIndex)
	mux.HandleFunc("GET /news-sitemap.xml", s.newsSitemap)
	mux.HandleFunc("GET /robots.txt", s.robots)
	mux.HandleFunc("GET /wp-content/uploads/{year}/{month}/{file}", s.servePicture)
	mux.HandleFunc("GET /wp-content/themes/courier/{file}", s.asset)
	mux.HandleFunc("GET /", s.missing)
	return mux
}

// root is the front page, a short link, or the API of a site without pretty
// addresses.
func (s *Site) root(w http.ResponseWriter, r *http.Request) {
	if id, err := strconv.Atoi(r.FormValue("p")); err == nil {
		s.shortLink(w, r, id)
		return
	}
	if route, ok := strings.CutPrefix(r.FormValue("rest_route"), "/wp/v2/posts"); ok {
		if id := strings.Trim(route, "/"); id != "" {
			r.SetPathValue("id", id)
			s.wpPost(w, r)
			return
		}
		s.wpPosts(w, r)
		return
	}
	s.front(w, r, "en")
}

func (s *Site) shortLink(w http.ResponseWriter, r *http.Request, id int) {
	for _, a := range s.Articles() {
		if a.ID == id {
			http.Redirect(w, r, a.Path, http.StatusMovedPermanently)
			return
		}
	}
	s.missing(w, r)
}

func (s *Site) frontOrSection(w http.ResponseWriter, r *http.Request) {
	switch key := r.PathValue("lang"); {
	case words[key] != nil:
		s.front(w, r, key)
	case words["en"].sections[key] != "":
		s.listing(w, r, "en", key)
	default:
		s.missing(w, r)
	}
}

func (s *Site) section(w http.ResponseWriter, r *http.Request) {
	lang, key := r.PathValue("lang"), r.PathValue("section")
	if words[lang] == nil || words[lang].sections[key] == "" {
		s.missing(w, r)
		return
	}
	s.listing(w, r, lang, key)
}

func (s *Site) init() {
	s.once.Do(func() {
		s.Base = strings.TrimSuffix(s.Base, "/")
		s.Beacon = strings.TrimSuffix(s.Beacon, "/")
		if s.Start.IsZero() {
			s.Start = s.now()
		}
	})
}

func (s *Site) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// in returns the articles of a language, newest first; "" means all.
func (s *Site) in(lang string) []Article {
	all := s.Articles()
	if lang == "" {
		return all
	}
	return slices.DeleteFunc(all, func(a Article) bool { return a.Language != lang })
}

// trending is a site's own idea of what is read: the n most wanted of a language.
func (s *Site) trending(lang string, n int) []Article {
	all := s.in(lang)
	slices.SortStableFunc(all, func(a, b Article) int { return cmp.Compare(b.ms.reads, a.ms.reads) })
	return all[:min(n, len(all))]
}

// related are the n newest articles that share the section or a tag.
func (s *Site) related(to Article, n int) []Article {
	all := slices.DeleteFunc(s.in(to.Language), func(a Article) bool {
		return a.Slug == to.Slug || a.Section != to.Section && !slices.ContainsFunc(a.Tags, func(tag string) bool { return slices.Contains(to.Tags, tag) })
	})
	return all[:min(n, len(all))]
}
