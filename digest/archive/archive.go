// Package archive shows sent issues to everybody: which newsletters there are, a
// list for each, a page for each issue, and Atom and JSON feeds of them.
//
//	GET  /archive/                      the newsletters
//	GET  /archive/NEWSLETTER/           its issues; ?page=1 the older ones, ?q=WORDS a search
//	GET  /archive/NEWSLETTER/12         an issue's page
//	GET  /archive/NEWSLETTER/12/frame   the issue itself
//	GET  /archive/NEWSLETTER/feed.atom  and feed.json
//
// Each shows the newsletter's first edition, and with ?edition=NAME another, in
// that edition's language; with ?lang=ur the first in that language.
//
// An issue appears once it is being sent. Its page holds the sealed HTML of an
// edition with the readers' slots emptied by one rule: a link to a slot is left
// out, a slot in text becomes nothing. The page therefore shows what readers
// got, and nobody's own links.
//
// Of a newsletter that is not public (see digest.Spec.Archived) only an issue's
// page can be seen, by those who have its ?key= from a mail. To all others it
// does not exist, its name and brand included.
package archive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
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
	// Brand is whose page says that there is nothing; nil = nobody's.
	Brand func(context.Context) templates.Brand
	// Offered are the lists that anyone may sign up for, by name, each with what
	// readers of a language are told of it.
	Offered func(context.Context) (map[string]func(language string) string, error)
	// MaySearch reports whether who asks may search once more; nil = everybody may.
	MaySearch func(*http.Request) bool
	// Log gets what went wrong; nil means slog.Default.
	Log *slog.Logger
}

// errBusy is the answer to who searches too often, errMethod to who sends something.
var (
	errBusy   = errors.New("too many searches")
	errMethod = errors.New("the archive is to be read alone")
)

// Handler serves Prefix/NEWSLETTER/ and what is below.
func (s *Site) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.Prefix+"/{$}", s.index)
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/{$}", s.list)
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/feed.atom", s.atom)
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/feed.json", s.json)
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/{number}", s.issue)
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/{number}/{$}", func(w http.ResponseWriter, r *http.Request) {
		u := *r.URL
		u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), ""
		http.Redirect(w, r, u.RequestURI(), http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET "+s.Prefix+"/{newsletter}/{number}/frame", s.frame)
	mux.HandleFunc(s.Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		err := digest.ErrNotFound
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			err = errMethod
		}
		s.fail(w, r, digest.Newsletter{}, err)
	})
	return mux
}

// view is a newsletter as one of its editions shows it.
type view struct {
	digest.Newsletter
	spec    digest.Spec
	edition digest.EditionSpec
	public  bool
	offered bool   // anyone may sign up for its list
	about   string // what readers are told of it
	key     string // of the issue, where only that shows it
}

// see is a newsletter in the named edition, or in its first where there is none
// of that name.
func see(n digest.Newsletter, offered map[string]func(string) string, edition string) view {
	v := view{Newsletter: n, spec: n.Spec.WithDefaults(n.Name)}
	v.edition = v.spec.Editions[max(0, slices.IndexFunc(v.spec.Editions, func(e digest.EditionSpec) bool { return e.Name == edition }))]
	about, offers := offered[v.spec.List]
	if v.offered = offers; offers {
		v.about = about(v.edition.Language)
	}
	v.public = v.spec.Archived(v.offered)
	return v
}

// view finds the newsletter of a request, and the edition asked for, whether it
// is public or not.
func (s *Site) view(r *http.Request) (view, error) {
	n, err := s.Store.NewsletterNamed(r.Context(), r.PathValue("newsletter"))
	if err != nil {
		return view{}, err
	}
	offered, err := s.Offered(r.Context())
	if err != nil {
		return view{}, err // it may be private
	}
	query := r.URL.Query()
	return see(n, offered, cmp.Or(query.Get("edition"), editionIn(n, query.Get("lang")))), nil
}

// publicView is view of a newsletter that everybody may read.
func (s *Site) publicView(r *http.Request) (view, error) {
	v, err := s.view(r)
	if err == nil && !v.public {
		return view{}, digest.ErrNotFound // whose brand it is, is not said either
	}
	return v, err
}

func (v view) title() string { return cmp.Or(v.edition.Title, v.spec.Title) }

// path is an address of the newsletter's archive, in an edition.
func (s *Site) path(v view, rest, edition string, query url.Values) string {
	if edition != "" && edition != v.spec.Editions[0].Name {
		query.Set("edition", edition)
	}
	if v.key != "" {
		query.Set("key", v.key)
	}
	u := url.URL{Path: s.Prefix + "/" + v.Name + "/" + rest, RawQuery: query.Encode()}
	return u.String()
}

// subscribe is the form with the newsletter's list ticked; "" = it is not offered.
func (s *Site) subscribe(v view, lang string) string {
	if !v.offered {
		return ""
	}
	return s.PublicURL + "/subscribe?" + url.Values{"list": {v.spec.List}, "lang": {templates.Spoken(lang)}}.Encode()
}

// alternates are the same page in the other editions; none when there is one.
// What two editions in one language are called is their titles.
func alternates(editions []digest.EditionSpec, address func(edition string) string) []templates.Alternate {
	if len(editions) < 2 {
		return nil
	}
	var out []templates.Alternate
	for _, e := range editions {
		a := templates.Alternate{Language: e.Language, URL: address(e.Name)}
		if same := func(o digest.EditionSpec) bool { return o.Name != e.Name && o.Language == e.Language }; slices.ContainsFunc(editions, same) {
			a.Title = cmp.Or(e.Title, e.Name)
		}
		out = append(out, a)
	}
	return out
}

func local(i digest.Issue) time.Time {
	zone, err := time.LoadLocation(i.Spec.Zone)
	if err != nil {
		return i.SlotAt
	}
	return i.SlotAt.In(zone)
}

// htmls are the editions of an issue that have HTML, at least one.
func (s *Site) htmls(ctx context.Context, i digest.Issue) ([]digest.Edition, error) {
	list, err := s.Store.Sealed(ctx, i.ID, i.Revision)
	list = slices.DeleteFunc(list, func(e digest.Edition) bool { return e.TextOnly })
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("issue %d: %w", i.ID, digest.ErrNotFound)
	}
	return list, err
}

// find is the issue that a request names and may see.
func (s *Site) find(r *http.Request) (view, digest.Issue, error) {
	v, err := s.view(r)
	if err != nil {
		return v, digest.Issue{}, err
	}
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		err = digest.ErrNotFound
	}
	var i digest.Issue
	if err == nil {
		i, err = s.Store.IssueByNumber(r.Context(), v.ID, number)
	}
	if err == nil && !i.Published() {
		err = digest.ErrNotFound
	}
	if v.public {
		return v, i, err
	}
	if key := r.URL.Query().Get("key"); err != nil || i.LinkKey == "" || subtle.ConstantTimeCompare([]byte(key), []byte(i.LinkKey)) == 0 {
		return view{}, digest.Issue{}, cmp.Or(err, digest.ErrNotFound)
	}
	v.key = i.LinkKey
	return v, i, nil
}

// asked is the issue that a request names and may see, in the edition that it names,
// or the first in its language; else the first, as when an issue had no story in that
// language. Without ok the request has been answered.
func (s *Site) asked(w http.ResponseWriter, r *http.Request) (v view, i digest.Issue, ed digest.Edition, ok bool) {
	v, i, err := s.find(r)
	if err == nil {
		var list []digest.Edition
		if list, err = s.htmls(r.Context(), i); err == nil {
			name, lang := r.URL.Query().Get("edition"), r.URL.Query().Get("lang")
			n := slices.IndexFunc(list, func(e digest.Edition) bool {
				return e.Name == name || name == "" && templates.SameLanguage(e.Language, lang)
			})
			ed, err = s.Store.Edition(r.Context(), list[max(0, n)].ID)
		}
	}
	if err != nil {
		s.fail(w, r, v.Newsletter, err)
	}
	return v, i, ed, err == nil
}

func (s *Site) issue(w http.ResponseWriter, r *http.Request) {
	v, i, ed, ok := s.asked(w, r)
	if !ok {
		return
	}
	number := strconv.Itoa(i.Number)
	out := templates.IssuePage{
		Newsletter: v.title(), Subject: subject(ed), Date: local(i), Language: ed.Language, Direction: digest.Direction(ed.Language),
		HTML: Empty(ed.HTML), FrameURL: s.path(v, number+"/frame", ed.Name, url.Values{}), Subscribe: s.subscribe(v, ed.Language),
	}
	if v.public {
		out.Canonical, out.Archive = s.PublicURL+s.path(v, number, ed.Name, url.Values{}), s.path(v, "", ed.Name, url.Values{})
		out.Older, out.Newer = s.beside(r.Context(), v, i, -1, ed.Name), s.beside(r.Context(), v, i, 1, ed.Name)
	}
	out.Brand = i.Spec.Brand
	if all, err := s.htmls(r.Context(), i); err == nil {
		var had []digest.EditionSpec
		for _, e := range all {
			had = append(had, digest.EditionSpec{Name: e.Name, Language: e.Language})
		}
		out.Alternates = alternates(had, func(name string) string { return s.path(v, number, name, url.Values{}) })
	}
	corrected, err := s.corrections(r, digest.Published{ID: i.ID, Edition: ed.Name, At: out.Date})
	if err != nil {
		s.fail(w, r, v.Newsletter, err)
		return
	}
	out.Corrections = corrected[i.ID]
	own(w, v)
	w.Header().Set("Content-Security-Policy", issuePolicy)
	s.page(w, r, templates.PageIssue, ed.Language, out)
}

// corrections are those of issues in the edition that is shown, by issue, the newest
// first, dated in the newsletter's zone.
func (s *Site) corrections(r *http.Request, issues ...digest.Published) (map[int64][]templates.Correction, error) {
	ids := make([]int64, len(issues))
	for k, i := range issues {
		ids[k] = i.ID
	}
	made, err := s.Store.Corrections(r.Context(), ids...)
	out := map[int64][]templates.Correction{}
	for _, i := range issues {
		for _, c := range slices.Backward(made[i.ID]) {
			if c.Edition == i.Edition {
				out[i.ID] = append(out[i.ID], templates.Correction{Date: c.At.In(i.At.Location()), Text: strings.Split(c.Text, "\n")})
			}
		}
	}
	return out, err
}

// own keeps what one reader's link shows out of shared caches and search engines.
func own(w http.ResponseWriter, v view) {
	if !v.public {
		w.Header().Set("Cache-Control", "private, max-age=60")
		w.Header().Set("X-Robots-Tag", "noindex")
	}
}

// farthest is over how many issues that never went out the next one is looked for.
const farthest = 100

// beside is the address of the next public issue in a direction, "" = none.
func (s *Site) beside(ctx context.Context, v view, i digest.Issue, step int, edition string) string {
	for number := i.Number + step; number > 0 && (number-i.Number)*step <= farthest; number += step {
		o, err := s.Store.IssueByNumber(ctx, v.ID, number)
		if err != nil {
			return ""
		}
		if o.Published() {
			return s.path(v, strconv.Itoa(number), edition, url.Values{})
		}
	}
	return ""
}

func (s *Site) frame(w http.ResponseWriter, r *http.Request) {
	v, i, ed, ok := s.asked(w, r)
	if !ok {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", ed.Language)
	own(w, v)
	// Search engines show the page around it.
	h.Set("Link", fmt.Sprintf("<%s>; rel=\"canonical\"", s.PublicURL+s.path(v, strconv.Itoa(i.Number), ed.Name, url.Values{})))
	// The mail's own styles are inline; scripts, forms and frames have no place in a mail.
	h.Set("Content-Security-Policy", "default-src 'none'; img-src https: http:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	s.answer(w, r, []byte(Empty(ed.HTML)))
}

func subject(ed digest.Edition) string { return slotText.ReplaceAllString(ed.Subject, "") }

// answer writes what may be kept for a minute, by everybody where the header does
// not say otherwise, and has the browser or feed reader that has it already told so.
func (s *Site) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	sum := sha256.Sum256(body)
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "public, max-age=60")
	}
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// policy is what pages may load; an issue's page has the mail's own styles and
// pictures in it. No page runs a script.
const (
	policy      = "default-src 'none'; style-src 'self'; img-src 'self' https:; frame-src 'self'; form-action 'self'; base-uri 'none'"
	issuePolicy = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' https: http:; frame-src 'self'; form-action 'self'; base-uri 'none'"
)

func (s *Site) page(w http.ResponseWriter, r *http.Request, name, language string, v any) {
	var b bytes.Buffer
	if err := templates.Page(&b, name, language, v); err != nil {
		s.fail(w, r, digest.Newsletter{}, fmt.Errorf("draw page %s: %w", name, err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", templates.Spoken(language))
	if h.Get("Content-Security-Policy") == "" {
		h.Set("Content-Security-Policy", policy)
	}
	s.answer(w, r, b.Bytes())
}

// fail says what went wrong in the language that the reader's browser asks for.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, n digest.Newsletter, err error) {
	v := templates.ErrorPage{Kind: "failed"}
	v.Brand = n.Spec.Brand
	if n.ID == 0 && s.Brand != nil {
		v.Brand = s.Brand(r.Context())
	}
	status := http.StatusInternalServerError
	if errors.Is(err, digest.ErrNotFound) {
		v.Kind, status = "notfound", http.StatusNotFound
	}
	if errors.Is(err, errBusy) {
		v.Kind, status = "busy", http.StatusTooManyRequests
		w.Header().Set("Retry-After", "60")
	}
	if errors.Is(err, errMethod) {
		v.Kind, status = "request", http.StatusMethodNotAllowed
		w.Header().Set("Allow", "GET, HEAD")
	}
	if status == http.StatusInternalServerError && r.Context().Err() != context.Canceled {
		cmp.Or(s.Log, slog.Default()).Error("archive", "path", r.URL.Path, "err", err)
	}
	if v.Kind != "request" { // what was posted is not told again by a link
		v.Alternates = templates.Alternates(r)
	}
	language := templates.Asked(r)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", language)
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	templates.Page(w, templates.PageError, language, v)
}
