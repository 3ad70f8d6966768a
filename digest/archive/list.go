package archive

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"pressrun/digest"
	"pressrun/templates"
)

// perPage is how many issues a page of the list has, maxQuery how long a search
// may be.
const (
	perPage  = 30
	maxQuery = 100
)

// index lists the public newsletters, each with its latest issue, in the edition of the
// language asked for where it has one.
func (s *Site) index(w http.ResponseWriter, r *http.Request) {
	out, err := s.newsletters(r)
	if err != nil {
		s.fail(w, r, digest.Newsletter{}, err)
		return
	}
	w.Header().Set("Vary", "Accept-Language")
	s.page(w, r, templates.PageArchives, templates.Asked(r), out)
}

func (s *Site) newsletters(r *http.Request) (templates.ArchivesPage, error) {
	out := templates.ArchivesPage{Canonical: s.PublicURL + s.Prefix + "/"}
	if s.Brand != nil {
		out.Brand = s.Brand(r.Context())
	}
	for _, lang := range templates.Languages() {
		out.Alternates = append(out.Alternates, templates.Alternate{Language: lang, URL: s.Prefix + "/?lang=" + lang})
	}
	all, err := s.Store.Newsletters(r.Context())
	if err != nil {
		return out, err
	}
	offered, err := s.Offered(r.Context())
	if err != nil {
		return out, err
	}
	asked := templates.Asked(r)
	for _, n := range all {
		v := see(n, offered, editionIn(n, asked))
		if !v.public {
			continue
		}
		latest, total, err := s.Store.Published(r.Context(), n.ID, v.edition.Name, "", 1, 0)
		if err != nil {
			return out, err
		}
		entry := templates.ArchiveNewsletter{
			URL: s.path(v, "", v.edition.Name, url.Values{}), Title: v.title(), Description: v.about, Issues: total,
			Language: v.edition.Language, Direction: digest.Direction(v.edition.Language),
		}
		for _, i := range latest {
			entry.Latest = s.entry(v, i)
		}
		out.Newsletters = append(out.Newsletters, entry)
	}
	return out, nil
}

// editionIn names a newsletter's first edition in a language; "" = it has none.
func editionIn(n digest.Newsletter, language string) string {
	for _, e := range n.Spec.WithDefaults(n.Name).Editions {
		if templates.SameLanguage(e.Language, language) {
			return e.Name
		}
	}
	return ""
}

// entry is an issue in a list.
func (s *Site) entry(v view, i digest.Published) templates.ArchiveEntry {
	return templates.ArchiveEntry{
		URL: s.path(v, strconv.Itoa(i.Number), v.edition.Name, url.Values{}), Date: i.At, Number: i.Number, Subject: slotText.ReplaceAllString(i.Subject, ""),
		Language: i.Language, Direction: digest.Direction(i.Language), Stories: i.Stories,
	}
}

// list is a page of a newsletter's issues: all, or those that a search finds.
func (s *Site) list(w http.ResponseWriter, r *http.Request) {
	v, err := s.publicView(r)
	if err != nil {
		s.fail(w, r, v.Newsletter, err)
		return
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	page = max(0, min(page, 10000))
	query := r.URL.Query().Get("q")
	query = strings.TrimSpace(strings.ToValidUTF8(query[:min(len(query), maxQuery)], ""))
	if query != "" && s.MaySearch != nil && !s.MaySearch(r) {
		s.fail(w, r, v.Newsletter, errBusy)
		return
	}
	edition := v.edition.Name
	issues, total, err := s.Store.Published(r.Context(), v.ID, edition, query, perPage, page*perPage)
	if err == nil && page > 0 && len(issues) == 0 {
		err = digest.ErrNotFound
	}
	var corrected map[int64][]templates.Correction
	if err == nil {
		corrected, err = s.corrections(r, issues...)
	}
	if err != nil {
		s.fail(w, r, v.Newsletter, err)
		return
	}
	paged := func(page int, edition string) string {
		values := url.Values{}
		if query != "" {
			values.Set("q", query)
		}
		if page > 0 {
			values.Set("page", strconv.Itoa(page))
		}
		return s.path(v, "", edition, values)
	}
	out := templates.ArchivePage{
		Newsletter: v.title(), Canonical: s.PublicURL + paged(page, edition), Subscribe: s.subscribe(v, v.edition.Language),
		Atom: s.path(v, "feed.atom", edition, url.Values{}), JSON: s.path(v, "feed.json", edition, url.Values{}),
		Index: s.Prefix + "/?lang=" + templates.Spoken(v.edition.Language), Action: s.path(v, "", "", url.Values{}), Query: query, Total: total,
	}
	out.Brand = v.spec.Brand
	out.Alternates = alternates(v.spec.Editions, func(name string) string { return paged(page, name) })
	if edition != v.spec.Editions[0].Name {
		out.Edition = edition
	}
	if page > 0 {
		out.Newer = paged(page-1, edition)
	}
	if (page+1)*perPage < total {
		out.Older = paged(page+1, edition)
	}
	for _, i := range issues {
		entry := s.entry(v, i)
		entry.Corrected = len(corrected[i.ID]) > 0
		out.Issues = append(out.Issues, entry)
	}
	if query != "" { // what somebody searched for is no page of its own
		w.Header().Set("X-Robots-Tag", "noindex")
	}
	s.page(w, r, templates.PageArchive, v.edition.Language, out)
}
