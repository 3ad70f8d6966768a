package demo

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed pages/*
var pageFiles embed.FS

var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").ParseFS(pageFiles, "pages/*.html"))
})

// page is what every template sees.
type page struct {
	Site      *Site
	Lang, Dir string
	Locale    string
	Root      string // "/" or "/ur/"
	Canonical string
	Title     string
	Today     string // the day it is, not the day of the article
	Degrees   string
	Menu      []link
	Breaking  Article
	Trending  []Article
	Latest    []Article
	Articles  []Article // of a front or section page
	Heading   string

	Article  *Article // of an article page
	Shown    string   // its date
	Section  link
	Body     template.HTML
	Bio      string
	Related  []Article
	Previous *Article
	Next     *Article
	Comments []comment
	JSONLD   template.JS
}

type link struct{ Name, URL string }

type comment struct{ Name, Text, Date string }

// Word is an expression of the page's language.
func (p page) Word(key string) string { return words[p.Lang].ui[key] }

// Words is everything else the page's language says.
func (p page) Words() map[string]string {
	l := words[p.Lang]
	return map[string]string{"site": l.site, "tagline": l.tagline, "city": l.city, "weather": l.weather, "cookie": l.cookie, "letter": l.letter, "foot": l.foot}
}

// Picture is the address of an article's lead picture.
func (p page) Picture(a Article) string { return p.Site.Base + a.picture() }

// Caption is the line under an article's picture.
func (p page) Caption(a Article) string {
	return strings.TrimSpace(a.ms.caption + " " + words[a.Language].ui["photo"])
}

// SectionOf is the name of an article's section.
func (p page) SectionOf(a Article) string { return words[a.Language].sections[a.Section] }

// LabelOf is how the page marks what is no plain report; "" for one, and where
// the section says it already.
func (p page) LabelOf(a Article) string {
	if a.Label == a.Section {
		return ""
	}
	return words[a.Language].ui[a.Label]
}

// DateOf is an article's day.
func (p page) DateOf(a Article) string { return words[a.Language].date(a.Published) }

func (s *Site) page(lang, path, title string) page {
	l := words[lang]
	now := s.now().In(zone())
	p := page{
		Site: s, Lang: lang, Dir: l.dir, Locale: l.locale, Root: root(lang), Canonical: s.Base + path, Title: title,
		Today: l.today(now), Degrees: degrees(now), Trending: s.trending(lang, 5),
	}
	for _, key := range sectionKeys {
		p.Menu = append(p.Menu, link{l.sections[key], root(lang) + key + "/"})
	}
	p.Latest = s.in(lang)
	p.Latest = p.Latest[:min(6, len(p.Latest))]
	if len(p.Latest) > 0 {
		p.Breaking = p.Latest[0]
	}
	return p
}

func root(lang string) string {
	if lang == "en" {
		return "/"
	}
	return "/" + lang + "/"
}

// degrees is the weather, which follows the hour and nothing else.
func degrees(now time.Time) string {
	return fmt.Sprintf("%.1f", 9+float64((now.Hour()*7+now.Day()*3)%60)/10)
}

func (s *Site) front(w http.ResponseWriter, r *http.Request, lang string) {
	p := s.page(lang, root(lang), words[lang].site)
	p.Articles = s.in(lang)
	s.show(w, r, http.StatusOK, "front.html", p)
}

func (s *Site) listing(w http.ResponseWriter, r *http.Request, lang, section string) {
	name := words[lang].sections[section]
	p := s.page(lang, root(lang)+section+"/", name+" – "+words[lang].site)
	p.Heading = name
	p.Articles = slices.DeleteFunc(s.in(lang), func(a Article) bool { return a.Section != section })
	s.show(w, r, http.StatusOK, "front.html", p)
}

func (s *Site) missing(w http.ResponseWriter, r *http.Request) {
	p := s.page("en", "/", words["en"].ui["missing"])
	p.Heading = words["en"].ui["missing"]
	s.show(w, r, http.StatusNotFound, "front.html", p)
}

// moved leads from an address of another date, as the site had before it was started
// anew, to where the article is now, as WordPress does.
func (s *Site) moved(w http.ResponseWriter, r *http.Request) {
	for _, a := range s.Articles() {
		if a.Slug == r.PathValue("slug") {
			http.Redirect(w, r, a.Path, http.StatusMovedPermanently)
			return
		}
	}
	s.missing(w, r)
}

func (s *Site) article(w http.ResponseWriter, r *http.Request) {
	all := s.Articles()
	i := slices.IndexFunc(all, func(a Article) bool { return a.Path == r.URL.Path })
	if i < 0 {
		s.moved(w, r)
		return
	}
	a := all[i]
	l := words[a.Language]
	p := s.page(a.Language, a.Path, a.Title+" – "+l.site)
	p.Article, p.Shown = &a, l.date(a.Published)
	p.Section = link{l.sections[a.Section], root(a.Language) + a.Section + "/"}
	p.Body = template.HTML(s.body(a))
	p.Bio = strings.ReplaceAll(l.bios, "NAME", a.Author)
	p.Related = s.related(a, 3)
	p.Next, p.Previous = neighbours(s.in(a.Language), a)
	p.Comments = s.comments(a)
	p.JSONLD = s.jsonLD(a)
	w.Header().Set("Link", fmt.Sprintf(`<%s/wp-json/>; rel="https://api.w.org/", <%s/?p=%d>; rel=shortlink`, s.Base, s.Base, a.ID))
	s.show(w, r, http.StatusOK, "article.html", p)
}

// neighbours are the articles published just after and just before a.
func neighbours(all []Article, a Article) (next, previous *Article) {
	i := slices.IndexFunc(all, func(b Article) bool { return b.Slug == a.Slug })
	if i > 0 {
		next = &all[i-1]
	}
	if i >= 0 && i+1 < len(all) {
		previous = &all[i+1]
	}
	return next, previous
}

// comments are those the copy brings and one or two of the usual.
func (s *Site) comments(a Article) []comment {
	l := words[a.Language]
	texts := append(slices.Clone(a.ms.comments), l.talk[a.ID%len(l.talk)])
	if a.ms.reads > 2 {
		texts = append(texts, l.talk[(a.ID+1)%len(l.talk)])
	}
	names := commenters[a.Language]
	var out []comment
	for i, text := range texts {
		at := a.Published.Add(time.Duration(20+35*i) * time.Minute)
		if at.After(s.now()) {
			break
		}
		out = append(out, comment{names[(a.ID+i*5)%len(names)], text, l.date(at) + ", " + at.Format("15:04")})
	}
	return out
}

// commenters are names under comments.
var commenters = map[string][]string{
	"en": {"Harbour Lass", "J. Pell", "old_tram_7", "Marguerite", "Dennis from Saltgate", "kitty_w", "Ferryman"},
	"ur": {"عائشہ", "ایک قاری", "سلمان ر", "نوشین", "بندرگاہ والا"},
	"ru": {"Марина К.", "Старый боцман", "Лена", "житель Маячной", "П. Гранин"},
}

// jsonLD is the page's metadata for search engines, in the shape of a usual
// WordPress plugin.
func (s *Site) jsonLD(a Article) template.JS {
	kind := map[string]string{"opinion": "OpinionNewsArticle", "live": "LiveBlogPosting"}[a.Label]
	if kind == "" {
		kind = "NewsArticle"
	}
	image := s.Base + a.picture()
	l := words[a.Language]
	graph := []map[string]any{
		{
			"@type": kind, "@id": a.URL + "#article", "headline": a.Title, "description": a.Excerpt, "mainEntityOfPage": a.URL,
			"datePublished": a.Published.Format(time.RFC3339), "dateModified": a.Published.Add(4 * time.Minute).Format(time.RFC3339),
			"author": []map[string]any{{"@type": "Person", "name": a.Author}}, "articleSection": l.sections[a.Section], "inLanguage": a.Language,
			"image": map[string]any{"@id": a.URL + "#primaryimage"}, "publisher": map[string]any{"@id": s.Base + "/#organization"}, "keywords": a.Tags,
		},
		{"@type": "ImageObject", "@id": a.URL + "#primaryimage", "url": image, "contentUrl": image, "width": pictureWidth, "height": pictureHeight, "caption": a.Alt},
		{"@type": "Organization", "@id": s.Base + "/#organization", "name": l.site, "url": s.Base + root(a.Language)},
	}
	out, err := json.Marshal(map[string]any{"@context": "https://schema.org", "@graph": graph})
	if err != nil {
		return "{}" // strings and numbers always marshal
	}
	return template.JS(out)
}

// show renders a page with a validator, so that a second visit can be a 304.
func (s *Site) show(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	var b bytes.Buffer
	if err := pages().ExecuteTemplate(&b, name, p); err != nil {
		http.Error(w, "this page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.Header().Add("Link", fmt.Sprintf(`<%s/wp-json/>; rel="https://api.w.org/"`, s.Base))
	if status != http.StatusOK {
		w.WriteHeader(status)
		w.Write(b.Bytes())
		return
	}
	s.serve(w, r, b.Bytes())
}

func (s *Site) asset(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, pageFiles, "pages/"+r.PathValue("file"))
}
