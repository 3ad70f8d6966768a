package demo

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// wpTime is a time without its zone, as WordPress writes it.
const wpTime = "2006-01-02T15:04:05"

// wpIndex describes the API (https://developer.wordpress.org/rest-api/).
func (s *Site) wpIndex(w http.ResponseWriter, r *http.Request) {
	s.json(w, r, http.StatusOK, map[string]any{
		"name": words["en"].site, "description": words["en"].tagline, "url": s.Base, "home": s.Base,
		"timezone_string": zone().String(), "namespaces": []string{"oembed/1.0", "wp/v2"},
		"routes": map[string]any{"/wp/v2/posts": map[string]any{"namespace": "wp/v2", "methods": []string{"GET"}}},
	})
}

// wpPosts lists posts with page, per_page, after, before, slug, search, order,
// lang, _fields and _embed.
func (s *Site) wpPosts(w http.ResponseWriter, r *http.Request) {
	perPage, err := number(r, "per_page", 10)
	if err != nil || perPage < 1 || perPage > 100 {
		s.wpError(w, r, "rest_invalid_param", "Invalid parameter(s): per_page")
		return
	}
	page, err := number(r, "page", 1)
	if err != nil || page < 1 {
		s.wpError(w, r, "rest_invalid_param", "Invalid parameter(s): page")
		return
	}
	all, err := s.wpSelect(r)
	if err != nil {
		s.wpError(w, r, "rest_invalid_param", err.Error())
		return
	}
	pages := (len(all) + perPage - 1) / perPage
	if page > max(pages, 1) {
		s.wpError(w, r, "rest_post_invalid_page_number", "The page number requested is larger than the number of pages available.")
		return
	}
	h := w.Header()
	h.Set("X-WP-Total", strconv.Itoa(len(all)))
	h.Set("X-WP-TotalPages", strconv.Itoa(pages))
	s.wpLinks(h, r, page, pages)
	out := []map[string]any{}
	for _, a := range all[(page-1)*perPage : min(page*perPage, len(all))] {
		out = append(out, s.wpShape(r, a))
	}
	s.json(w, r, http.StatusOK, out)
}

func number(r *http.Request, name string, def int) (int, error) {
	if r.FormValue(name) == "" {
		return def, nil
	}
	return strconv.Atoi(r.FormValue(name))
}

// wpSelect returns the posts a query asks for, in its order.
func (s *Site) wpSelect(r *http.Request) ([]Article, error) {
	all := s.in(r.FormValue("lang"))
	for _, bound := range []struct {
		name string
		out  func(published, t time.Time) bool
	}{
		{"after", func(published, t time.Time) bool { return !published.After(t) }},
		{"before", func(published, t time.Time) bool { return !published.Before(t) }},
	} {
		if r.FormValue(bound.name) == "" {
			continue
		}
		t, err := wpParse(r.FormValue(bound.name))
		if err != nil {
			return nil, fmt.Errorf("Invalid parameter(s): %s", bound.name) //lint:ignore ST1005 WordPress words it so
		}
		all = slices.DeleteFunc(all, func(a Article) bool { return bound.out(a.Published, t) })
	}
	if slug := r.FormValue("slug"); slug != "" {
		all = slices.DeleteFunc(all, func(a Article) bool { return a.Slug != slug })
	}
	if search := strings.ToLower(r.FormValue("search")); search != "" {
		all = slices.DeleteFunc(all, func(a Article) bool {
			return !strings.Contains(strings.ToLower(a.Title+" "+strings.Join(a.ms.body, " ")), search)
		})
	}
	if r.FormValue("order") == "asc" {
		slices.Reverse(all)
	}
	return all, nil
}

// wpParse reads a time with or without its zone; without, it is the site's.
func wpParse(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.ParseInLocation(wpTime, text, zone())
}

// wpLinks names the neighbouring pages (RFC 8288).
func (s *Site) wpLinks(h http.Header, r *http.Request, page, pages int) {
	at := func(n int, rel string) {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		h.Add("Link", fmt.Sprintf(`<%s%s?%s>; rel="%s"`, s.Base, r.URL.Path, q.Encode(), rel))
	}
	if page > 1 {
		at(page-1, "prev")
	}
	if page < pages {
		at(page+1, "next")
	}
}

func (s *Site) wpPost(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.PathValue("id"))
	for _, a := range s.Articles() {
		if a.ID == id {
			s.json(w, r, http.StatusOK, s.wpShape(r, a))
			return
		}
	}
	s.json(w, r, http.StatusNotFound, map[string]any{"code": "rest_post_invalid_id", "message": "Invalid post ID.", "data": map[string]int{"status": 404}})
}

// wpShape is a post with the fields that the query wants.
func (s *Site) wpShape(r *http.Request, a Article) map[string]any {
	modified := a.Published.Add(4 * time.Minute)
	post := map[string]any{
		"id": a.ID, "date": a.Published.Format(wpTime), "date_gmt": a.Published.UTC().Format(wpTime),
		"modified": modified.Format(wpTime), "modified_gmt": modified.UTC().Format(wpTime),
		"guid": rendered(fmt.Sprintf("%s/?p=%d", s.Base, a.ID)), "slug": a.Slug, "status": "publish", "type": "post", "link": a.URL,
		"title": rendered(html.EscapeString(a.Title)), "excerpt": rendered("<p>" + html.EscapeString(a.Excerpt) + "</p>\n"),
		"content": map[string]any{"rendered": s.body(a) + s.authorBox(a), "protected": false},
		"author":  userID(a), "featured_media": a.ID + 1, "sticky": false, "format": "standard", "lang": a.Language,
		"categories": []int{1 + slices.Index(sectionKeys, a.Section)}, "tags": []int{},
	}
	if r.URL.Query().Has("_embed") {
		post["_embedded"] = s.wpEmbedded(a)
	}
	if fields := r.FormValue("_fields"); fields != "" {
		want := strings.Split(fields, ",")
		for key := range post {
			if key != "_embedded" && !slices.ContainsFunc(want, func(f string) bool { return f == key || strings.HasPrefix(f, key+".") }) {
				delete(post, key)
			}
		}
	}
	return post
}

func rendered(text string) map[string]any { return map[string]any{"rendered": text} }

// userID is a small number for an author's name.
func userID(a Article) int {
	n := 0
	for _, r := range a.Author {
		n = (n*31 + int(r)) % 97
	}
	return n + 2
}

func (s *Site) wpEmbedded(a Article) map[string]any {
	l := words[a.Language]
	image := s.Base + a.picture()
	var tags []map[string]any
	for i, tag := range a.Tags {
		tags = append(tags, map[string]any{"id": 100 + i, "name": tag, "taxonomy": "post_tag"})
	}
	return map[string]any{
		"author": []map[string]any{{"id": userID(a), "name": a.Author, "link": s.Base + "/author/" + strconv.Itoa(userID(a)) + "/"}},
		"wp:featuredmedia": []map[string]any{{
			"id": a.ID + 1, "media_type": "image", "mime_type": "image/jpeg", "source_url": image, "alt_text": a.Alt, "caption": rendered("<p>" + html.EscapeString(a.ms.caption) + "</p>\n"),
			"media_details": map[string]any{"width": pictureWidth, "height": pictureHeight, "sizes": map[string]any{
				"full": map[string]any{"width": pictureWidth, "height": pictureHeight, "mime_type": "image/jpeg", "source_url": image},
			}},
		}},
		"wp:term": [][]map[string]any{
			{{"id": 1 + slices.Index(sectionKeys, a.Section), "name": l.sections[a.Section], "slug": a.Section, "taxonomy": "category", "link": s.Base + root(a.Language) + a.Section + "/"}},
			tags,
		},
	}
}

// authorBox is what the authors' plugin appends to the text itself.
func (s *Site) authorBox(a Article) string {
	l := words[a.Language]
	return fmt.Sprintf(`<div class="pp-multiple-authors-boxes-wrapper pp-multiple-authors-layout-boxed"><ul class="pp-multiple-authors-boxes-ul"><li class="pp-multiple-authors-boxes-li"><div class="pp-author-boxes-name multiple-authors-name"><a rel="author">%s</a></div><span class="pp-author-boxes-meta"><a><span>%s</span></a></span><p class="pp-author-boxes-description">%s</p></li></ul></div>`,
		html.EscapeString(a.Author), l.ui["posts"], html.EscapeString(strings.ReplaceAll(l.bios, "NAME", a.Author)))
}

func (s *Site) wpError(w http.ResponseWriter, r *http.Request, code, message string) {
	s.json(w, r, http.StatusBadRequest, map[string]any{"code": code, "message": message, "data": map[string]int{"status": 400}})
}

func (s *Site) json(w http.ResponseWriter, r *http.Request, status int, doc any) {
	out, err := json.Marshal(doc)
	if err != nil {
		http.Error(w, "this document could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if status != http.StatusOK {
		w.WriteHeader(status)
		w.Write(out)
		return
	}
	s.serve(w, r, out)
}
