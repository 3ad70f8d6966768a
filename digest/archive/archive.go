// Package archive shows sent issues to everybody: a list for each newsletter,
// a page for each issue, and Atom and JSON feeds of them.
//
// An issue appears once it is being sent. Its page frames the sealed HTML of
// its first edition with the readers' slots emptied by one rule: a link to a slot
// is left out, a slot in text becomes nothing. The page therefore shows what
// readers got, and nobody's own links.
package archive

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/templates"
)

// Site serves the archive below Prefix.
type Site struct {
	Store     *digest.Store
	Prefix    string // "/archive"
	PublicURL string // absolute address of the installation, without a slash at the end
}

// perPage is how many issues a page of the list has.
const perPage = 30

// Handler serves Prefix/NEWSLETTER/ and what is below.
func (s *Site) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/{$}", s.list)
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/feed.atom", s.atom)
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/feed.json", s.json)
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/{number}", s.issue)
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/{number}/frame", s.frame)
	mux.HandleFunc("GET "+s.Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, digest.Newsletter{}, digest.ErrNotFound)
	})
	return mux
}

// public are the states in which an issue is shown.
func public(i digest.Issue) bool {
	switch i.State {
	case "sending", "paused", "sent", "closed":
		return true
	}
	return i.State == "cancelled" && !i.Started.IsZero()
}

// published lists a newsletter's public issues, the newest first.
func (s *Site) published(ctx context.Context, n digest.Newsletter, skip, limit int) ([]digest.Issue, bool, error) {
	var out []digest.Issue
	for offset := 0; ; offset += 100 {
		batch, err := s.Store.Issues(ctx, n.ID, 100, offset)
		if err != nil {
			return nil, false, err
		}
		for _, i := range batch {
			if !public(i) {
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			if len(out) == limit {
				return out, true, nil
			}
			out = append(out, i)
		}
		if len(batch) < 100 {
			return out, false, nil
		}
	}
}

func (s *Site) list(w http.ResponseWriter, r *http.Request) {
	n, err := s.Store.Newsletter(r.Context(), r.PathValue("newsletter"))
	if err != nil {
		s.fail(w, n, err)
		return
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	page = max(0, min(page, 10000))
	issues, more, err := s.published(r.Context(), n, page*perPage, perPage)
	if err != nil {
		s.fail(w, n, err)
		return
	}
	spec := n.Spec.WithDefaults(n.Name)
	base := s.Prefix + "/" + n.Name + "/"
	v := templates.ArchivePage{Newsletter: spec.Title, Atom: base + "feed.atom", JSON: base + "feed.json", Subscribe: s.PublicURL + "/subscribe"}
	v.Brand = spec.Brand
	if page > 0 {
		v.Newer = base + "?page=" + strconv.Itoa(page-1)
	}
	if more {
		v.Older = base + "?page=" + strconv.Itoa(page+1)
	}
	for _, i := range issues {
		entry, err := s.entry(r.Context(), i)
		if err != nil {
			s.fail(w, n, err)
			return
		}
		entry.URL = base + strconv.Itoa(i.Number)
		v.Issues = append(v.Issues, entry)
	}
	s.page(w, "archive", spec.Language, v)
}

func (s *Site) entry(ctx context.Context, i digest.Issue) (templates.ArchiveEntry, error) {
	ed, err := s.edition(ctx, i)
	if err != nil {
		return templates.ArchiveEntry{}, err
	}
	return templates.ArchiveEntry{Date: local(i), Number: i.Number, Subject: subject(ed), Language: ed.Language, Direction: digest.Direction(ed.Language), Stories: len(ed.Stories)}, nil
}

func local(i digest.Issue) time.Time {
	zone, err := time.LoadLocation(i.Spec.Zone)
	if err != nil {
		return i.SlotAt
	}
	return i.SlotAt.In(zone)
}

// edition is the one the archive shows: the first of the current revision.
func (s *Site) edition(ctx context.Context, i digest.Issue) (digest.Edition, error) {
	list, err := s.Store.Editions(ctx, i.ID, i.Revision)
	if err != nil {
		return digest.Edition{}, err
	}
	for _, ed := range list {
		if !ed.TextOnly {
			return ed, nil
		}
	}
	return digest.Edition{}, fmt.Errorf("issue %d: %w", i.ID, digest.ErrNotFound)
}

// find is the issue a request names.
func (s *Site) find(r *http.Request) (digest.Newsletter, digest.Issue, error) {
	n, err := s.Store.Newsletter(r.Context(), r.PathValue("newsletter"))
	if err != nil {
		return n, digest.Issue{}, err
	}
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		return n, digest.Issue{}, digest.ErrNotFound
	}
	i, err := s.Store.IssueByNumber(r.Context(), n.ID, number)
	if err == nil && !public(i) {
		err = digest.ErrNotFound
	}
	return n, i, err
}

func (s *Site) issue(w http.ResponseWriter, r *http.Request) {
	n, i, err := s.find(r)
	if err != nil {
		s.fail(w, n, err)
		return
	}
	ed, err := s.edition(r.Context(), i)
	if err != nil {
		s.fail(w, n, err)
		return
	}
	base := s.Prefix + "/" + n.Name + "/"
	v := templates.IssuePage{
		Newsletter: i.Spec.Title, Subject: subject(ed), Date: local(i), Language: ed.Language, Direction: digest.Direction(ed.Language),
		FrameURL: base + strconv.Itoa(i.Number) + "/frame", Archive: base, Subscribe: s.PublicURL + "/subscribe",
	}
	v.Brand = i.Spec.Brand
	if o, err := s.Store.IssueByNumber(r.Context(), n.ID, i.Number-1); err == nil && public(o) {
		v.Older = base + strconv.Itoa(o.Number)
	}
	if o, err := s.Store.IssueByNumber(r.Context(), n.ID, i.Number+1); err == nil && public(o) {
		v.Newer = base + strconv.Itoa(o.Number)
	}
	s.page(w, "issue", ed.Language, v)
}

func (s *Site) frame(w http.ResponseWriter, r *http.Request) {
	n, i, err := s.find(r)
	if err != nil {
		s.fail(w, n, err)
		return
	}
	ed, err := s.edition(r.Context(), i)
	if err != nil {
		s.fail(w, n, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// The mail's own styles are inline; scripts, forms and frames have no place in a mail.
	h.Set("Content-Security-Policy", "default-src 'none'; img-src https: http:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	fmt.Fprint(w, Empty(ed.HTML))
}

// slotLine is a paragraph with nothing but a link to a slot, slotLink such a
// link, slotSource an attribute whose value holds a slot, slotText a slot in text.
var (
	slot       = strings.Replace(regexp.QuoteMeta(templates.Slot("NAME")), "NAME", "[a-z]+", 1)
	aSlotLink  = `<a\s[^>]*\bhref="[^"]*` + slot + `[^"]*"[^>]*>(?s:.*?)</a>`
	slotLine   = regexp.MustCompile(`<p\b[^>]*>\s*` + aSlotLink + `\s*</p>`)
	slotLink   = regexp.MustCompile(aSlotLink)
	slotSource = regexp.MustCompile(`\s(?:href|src)="[^"]*` + slot + `[^"]*"`)
	slotText   = regexp.MustCompile(slot)
	// A link of the archive opens in the whole window, not in the frame.
	headEnd = regexp.MustCompile(`(?i)</head>`)
)

// Empty is a sealed HTML with its slots emptied: links to a slot are left out
// with their words, since they lead only one reader anywhere; slots in text
// become nothing.
func Empty(html string) string {
	for _, emptied := range []*regexp.Regexp{slotLine, slotLink, slotSource, slotText} {
		html = emptied.ReplaceAllString(html, "")
	}
	return headEnd.ReplaceAllString(html, `<base target="_top"></head>`)
}

func subject(ed digest.Edition) string { return slotText.ReplaceAllString(ed.Subject, "") }

func (s *Site) page(w http.ResponseWriter, name, language string, v any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := templates.Page(w, name, language, v); err != nil {
		http.Error(w, "The page could not be drawn.", http.StatusInternalServerError)
	}
}

func (s *Site) fail(w http.ResponseWriter, n digest.Newsletter, err error) {
	v := templates.ErrorPage{Kind: "failed", Home: s.PublicURL + "/subscribe"}
	v.Brand = n.Spec.Brand
	status := http.StatusInternalServerError
	if errors.Is(err, digest.ErrNotFound) {
		v.Kind, status = "notfound", http.StatusNotFound
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	templates.Page(w, "error", orEnglish(n.Spec.Language), v)
}

func orEnglish(language string) string {
	if language == "" {
		return "en"
	}
	return language
}

type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Links   []atomLink  `xml:"link"`
	Author  string      `xml:"author>name"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Link    atomLink `xml:"link"`
}

// atom is RFC 4287.
func (s *Site) atom(w http.ResponseWriter, r *http.Request) {
	n, issues, err := s.recent(r)
	if err != nil {
		s.fail(w, n, err)
		return
	}
	base := s.PublicURL + s.Prefix + "/" + n.Name + "/"
	f := atomFeed{ID: base, Title: n.Spec.WithDefaults(n.Name).Title, Author: n.Spec.Brand.Name, Updated: n.Created.UTC().Format(time.RFC3339),
		Links: []atomLink{{Rel: "self", Href: base + "feed.atom"}, {Rel: "alternate", Href: base}}}
	for k, i := range issues {
		at := i.SlotAt.UTC().Format(time.RFC3339)
		if k == 0 {
			f.Updated = at
		}
		link := base + strconv.Itoa(i.Number)
		f.Entries = append(f.Entries, atomEntry{ID: link, Title: i.Subject, Updated: at, Link: atomLink{Rel: "alternate", Href: link}})
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	fmt.Fprint(w, xml.Header)
	xml.NewEncoder(w).Encode(f)
}

// json is JSON Feed 1.1 (jsonfeed.org).
func (s *Site) json(w http.ResponseWriter, r *http.Request) {
	n, issues, err := s.recent(r)
	if err != nil {
		s.fail(w, n, err)
		return
	}
	base := s.PublicURL + s.Prefix + "/" + n.Name + "/"
	items := []map[string]string{}
	for _, i := range issues {
		link := base + strconv.Itoa(i.Number)
		items = append(items, map[string]string{"id": link, "url": link, "title": i.Subject, "date_published": i.SlotAt.UTC().Format(time.RFC3339), "content_text": i.Subject})
	}
	w.Header().Set("Content-Type", "application/feed+json; charset=utf-8")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(map[string]any{"version": "https://jsonfeed.org/version/1.1", "title": n.Spec.WithDefaults(n.Name).Title, "home_page_url": base, "feed_url": base + "feed.json", "items": items})
}

// recent are the newest public issues, with the subject of the edition shown.
func (s *Site) recent(r *http.Request) (digest.Newsletter, []digest.Issue, error) {
	n, err := s.Store.Newsletter(r.Context(), r.PathValue("newsletter"))
	if err != nil {
		return n, nil, err
	}
	issues, _, err := s.published(r.Context(), n, 0, perPage)
	for k := range issues {
		ed, err := s.edition(r.Context(), issues[k])
		if err != nil {
			return n, nil, err
		}
		issues[k].Subject = subject(ed)
	}
	return n, issues, err
}
