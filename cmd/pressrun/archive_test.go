package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pressrun/digest"
	"pressrun/digest/archive"
	"pressrun/subscribers"
	"pressrun/templates"
)

// archived is an installation whose newsletter has sent its first and third
// issue, each in English and Urdu.
func archived(t *testing.T) (*countingRoom, string) {
	t.Helper()
	ctx := t.Context()
	r := newCountingRoom(t, "")
	if _, err := r.Subscribers.CreateList(ctx, subscribers.List{Name: "readers", Title: "Readers", Description: "The news of the night, each day at seven.", Public: true}); err != nil {
		t.Fatal(err)
	}
	spec := digest.Spec{List: "readers", Title: "Morning", From: "Morning <m@news.example>", Brand: testBrand, Settle: digest.Duration(time.Minute), MinStories: 1,
		Editions: []digest.EditionSpec{{Name: "en", Language: "en"}, {Name: "ur", Language: "ur", Title: "صبح نامہ", Languages: []string{"*"}}}}
	n, _, err := r.Digest.ApplyNewsletter(ctx, "morning", spec, "test")
	if err != nil {
		t.Fatal(err)
	}
	var issues []digest.Issue
	for i := range 3 {
		slot, err := r.Digest.AddSlot(ctx, n.ID, time.Now().Add(time.Duration(i)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		issue, err := r.Build(ctx, slot.ID)
		if err != nil {
			t.Fatal(err)
		}
		issues = append(issues, issue)
	}
	r.say(t, "issue", "skip", fmt.Sprint(issues[1].ID), "--why", "a holiday")
	r.say(t, "issue", "edit", fmt.Sprint(issues[2].ID), "--subject", "Story 2 at the HARBOUR")
	for _, i := range []int{0, 2} {
		if err := r.Sealer.Approve(ctx, issues[i].ID, 0, "ed", false); err != nil {
			t.Fatal(err)
		}
		if err := r.DB.InTx(ctx, func(tx *sql.Tx) error {
			issue, err := r.Digest.Start(ctx, tx, issues[i].ID)
			return errors.Join(err, r.Digest.Frozen(ctx, tx, issue, 0))
		}); err != nil {
			t.Fatal(err)
		}
	}
	editions, err := r.Digest.Editions(ctx, issues[0].ID, 1)
	if err != nil || len(editions) != 4 {
		t.Fatal(len(editions), err)
	}
	urdu := editions[2]
	_, link, _ := strings.Cut(urdu.Text, r.Config.PublicURL+"/archive/")
	return r, "/archive/" + strings.Fields(link)[0]
}

// TestArchiveInTheReadersEdition follows the link of an Urdu mail: the page, the
// list and the feeds behind it are the Urdu edition's, and lead to the others.
func TestArchiveInTheReadersEdition(t *testing.T) {
	r, link := archived(t)
	if !strings.HasPrefix(link, "/archive/morning/1?edition=ur&key=") {
		t.Errorf("the Urdu mail leads to %s", link)
	}
	urdu := templates.Words("ur")
	page := r.ask("GET", link, "", nil).Body.String()
	for _, want := range []string{`<html lang="ur" dir="rtl">`, "صبح نامہ", `src="/archive/morning/1/frame?edition=ur"`, `href="/archive/morning/1"`, `href="/archive/morning/3?edition=ur"`,
		`href="/archive/morning/?edition=ur"`, `<link rel="canonical" href="` + r.Config.PublicURL + `/archive/morning/1?edition=ur">`, "/subscribe?lang=ur&amp;list=readers"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	_, issue, _ := strings.Cut(page, `<template shadowrootmode="open">`)
	issue, _, _ = strings.Cut(issue, "</template>")
	if !strings.Contains(issue, urdu.Say("mail.browser")) || strings.Contains(issue, "prslot") || strings.Contains(issue, urdu.Say("mail.unsubscribe")) {
		t.Errorf("the page does not hold the Urdu edition without its slots:\n%s", issue)
	}
	if frame := r.ask("GET", "/archive/morning/1/frame?edition=ur", "", nil).Body.String(); !strings.Contains(frame, urdu.Say("mail.browser")) {
		t.Error("the frame is not the Urdu edition")
	}
	list := r.ask("GET", "/archive/morning/?edition=ur", "", nil).Body.String()
	for _, want := range []string{`<html lang="ur" dir="rtl">`, `href="/archive/morning/3?edition=ur"`, `href="/archive/morning/feed.atom?edition=ur"`, `<a href="/archive/morning/" lang="en"`} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %s", want)
		}
	}
	for _, path := range []string{"/archive/morning/", "/archive/morning/1", "/archive/morning/1/frame", "/archive/morning/feed.atom", "/archive/morning/feed.json"} {
		if got, want := r.ask("GET", path+"?lang=ur", "", nil).Body.String(), r.ask("GET", path+"?edition=ur", "", nil).Body.String(); got != want {
			t.Errorf("%s?lang=ur is not the Urdu edition:\n%s", path, got)
		}
	}
	if got, want := r.ask("GET", "/archive/morning/?lang=ur&edition=en", "", nil).Body.String(), r.ask("GET", "/archive/morning/", "", nil).Body.String(); got != want {
		t.Error("the language beat the edition")
	}
	if english := r.ask("GET", "/archive/morning/3", "", map[string]string{"Accept-Language": "ur"}).Body.String(); !strings.Contains(english, `<html lang="en"`) || !strings.Contains(english, `rel="prev" href="/archive/morning/1"`) {
		t.Error("the third issue is not in English, or does not lead back over the skipped one")
	}
}

// TestArchiveFeeds reads both feeds as RFC 4287 and JSON Feed 1.1 have them.
func TestArchiveFeeds(t *testing.T) {
	r, _ := archived(t)
	var atom struct {
		XMLName  xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		Language string   `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
		ID       string   `xml:"id"`
		Updated  string   `xml:"updated"`
		Author   string   `xml:"author>name"`
		Links    []struct {
			Rel  string `xml:"rel,attr"`
			Href string `xml:"href,attr"`
		} `xml:"link"`
		Entries []struct {
			ID      string `xml:"id"`
			Title   string `xml:"title"`
			Updated string `xml:"updated"`
			Summary string `xml:"summary"`
			Content string `xml:"content"`
		} `xml:"entry"`
	}
	w := r.ask("GET", "/archive/morning/feed.atom?edition=ur", "", nil)
	if err := xml.Unmarshal(w.Body.Bytes(), &atom); err != nil {
		t.Fatal(err)
	}
	self := r.Config.PublicURL + "/archive/morning/feed.atom?edition=ur"
	if atom.Language != "ur" || atom.Author == "" || len(atom.Links) != 2 || atom.Links[0].Href != self || len(atom.Entries) != 2 || atom.Updated != atom.Entries[0].Updated {
		t.Errorf("Atom: %+v", atom)
	}
	if e := atom.Entries[0]; e.ID != r.Config.PublicURL+"/archive/morning/3?edition=ur" || e.Title == "" || e.Summary != "Story 1 · Story 2" || !strings.Contains(e.Content, `<ul lang="ur" dir="rtl">`) {
		t.Errorf("Atom entry: %+v", e)
	}
	w = r.ask("GET", "/archive/morning/feed.json", "", nil)
	var feed map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &feed); err != nil {
		t.Fatal(err)
	}
	item := feed["items"].([]any)[0].(map[string]any)
	for key, want := range map[string]string{"content_html": `<li lang="en" dir="ltr"><a href="https://news.example/story-0?src=morning">Story 0</a> <small>The News</small></li>`,
		"content_text": "Story 0 (The News)\nhttps://news.example/story-0?src=morning", "summary": "Story 1 · Story 2"} {
		if got, _ := item[key].(string); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q in it", key, got, want)
		}
	}
	if items := feed["items"].([]any); feed["version"] != "https://jsonfeed.org/version/1.1" || feed["language"] != "en" || len(items) != 2 || items[0].(map[string]any)["id"] != r.Config.PublicURL+"/archive/morning/3" {
		t.Errorf("JSON feed: %v", feed)
	}
}

// TestArchiveAnswers looks at what stands around the pages: what may be kept,
// what is not sent twice, and what is said of an address that is none.
func TestArchiveAnswers(t *testing.T) {
	r, _ := archived(t)
	for _, path := range []string{"/archive/morning/", "/archive/morning/1", "/archive/morning/1/frame", "/archive/morning/feed.atom", "/archive/morning/feed.json"} {
		w := r.ask("GET", path, "", nil)
		tag := w.Header().Get("ETag")
		if w.Code != http.StatusOK || tag == "" || w.Header().Get("Cache-Control") != "public, max-age=60" {
			t.Errorf("%s: %d, %v", path, w.Code, w.Header())
		}
		if html := strings.HasPrefix(w.Header().Get("Content-Type"), "text/html"); html && !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s has no policy", path)
		}
		if w := r.ask("GET", path, "", map[string]string{"If-None-Match": tag}); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("%s again: %d, %d bytes", path, w.Code, w.Body.Len())
		}
		if w := r.ask("POST", path, "", nil); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" || !strings.Contains(w.Body.String(), "<h1>This was not understood") {
			t.Errorf("POST %s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
		if w := r.ask("HEAD", path, "", nil); w.Code != http.StatusOK || w.Body.Len() > 0 {
			t.Errorf("HEAD %s: %d, %d bytes", path, w.Code, w.Body.Len())
		}
	}
	if w := r.ask("GET", "/archive/morning/1/?edition=ur&key=K", "", nil); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != "/archive/morning/1?edition=ur&key=K" {
		t.Errorf("an issue with a slash behind it: %d to %q", w.Code, w.Header().Get("Location"))
	}
	for _, path := range []string{"/archive/none/", "/archive/morning/2", "/archive/morning/99", "/archive/morning/x", "/archive/morning/?page=7", "/archive/none/feed.atom"} {
		w := r.ask("GET", path, "", map[string]string{"Accept-Language": "ur-PK, en;q=.5"})
		page := w.Body.String()
		if w.Code != http.StatusNotFound || !strings.Contains(page, `<html lang="ur" dir="rtl">`) || !strings.Contains(page, testBrand.Name) || !strings.Contains(page, `hreflang="ru">Русский</a>`) {
			t.Errorf("%s: %d %s", path, w.Code, page)
		}
	}
}

// TestArchiveOfAPrivateNewsletter: of a newsletter whose list is not open to
// sign-up nothing is found, not even whose it is; the link in its mails shows a
// reader his issue, and that alone.
func TestArchiveOfAPrivateNewsletter(t *testing.T) {
	r, link := archived(t)
	ctx := t.Context()
	n, err := r.Digest.Newsletter(ctx, "morning")
	if err != nil {
		t.Fatal(err)
	}
	set := func(list, archive string) {
		t.Helper()
		spec := n.Spec
		spec.List, spec.Archive = list, archive
		spec.Brand.Name = "The Board"
		if _, _, err := r.Digest.ApplyNewsletter(ctx, "morning", spec, "test"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Subscribers.CreateList(ctx, subscribers.List{Name: "staff", Title: "Staff"}); err != nil {
		t.Fatal(err)
	}
	other := n.Spec
	other.Brand.Name = "The Courier"
	if _, _, err := r.Digest.ApplyNewsletter(ctx, "noon", other, "test"); err != nil {
		t.Fatal(err)
	}
	frame := strings.Replace(link, "morning/1?", "morning/1/frame?", 1)
	for _, c := range []struct {
		list, archive string
		public        bool
	}{{"staff", "", false}, {"staff", "public", true}, {"readers", "private", false}, {"readers", "", true}, {"nowhere", "", false}} {
		set(c.list, c.archive)
		want := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[c.public]
		for _, path := range []string{"/archive/morning/", "/archive/morning/?q=story", "/archive/morning/1", "/archive/morning/1/frame", "/archive/morning/1?key=", "/archive/morning/1?key=ABC", "/archive/morning/feed.atom", "/archive/morning/feed.json"} {
			w := r.ask("GET", path, "", nil)
			if w.Code != want {
				t.Errorf("%+v: %s answers %d, want %d", c, path, w.Code, want)
			}
			if !c.public && strings.Contains(w.Body.String(), "The Board") {
				t.Errorf("%+v: %s says whose it is", c, path)
			}
		}
		for _, path := range []string{"/archive/", "/archive/nowhere/", "/subscribe"} {
			if got := strings.Contains(r.ask("GET", path, "", nil).Body.String(), "The Board"); got && !c.public {
				t.Errorf("%+v: %s has its brand", c, path)
			}
		}
		if got := strings.Contains(r.ask("GET", "/archive/", "", nil).Body.String(), `href="/archive/morning/"`); got != c.public {
			t.Errorf("%+v: it stands in the index: %v", c, got)
		}
		w := r.ask("GET", link, "", nil)
		page := w.Body.String()
		if w.Code != http.StatusOK || r.ask("GET", frame, "", nil).Code != http.StatusOK {
			t.Errorf("%+v: the link of the mail answers %d", c, w.Code)
		}
		if strings.Contains(page, "/subscribe?") != (c.list == "readers") {
			t.Errorf("%+v: offered for signing up, or not: %s", c, page)
		}
		if c.public {
			continue
		}
		_, key, _ := strings.Cut(link, "key=")
		if src := `src="/archive/morning/1/frame?edition=ur&amp;key=` + key + `"`; !strings.Contains(page, src) {
			t.Errorf("%+v: the page lacks %s", c, src)
		}
		for _, never := range []string{`href="/archive/morning/"`, `href="/archive/morning/3`, "canonical"} {
			if strings.Contains(page, never) {
				t.Errorf("%+v: the page of one issue has %s", c, never)
			}
		}
		if h := w.Header(); h.Get("X-Robots-Tag") != "noindex" || h.Get("Cache-Control") != "private, max-age=60" {
			t.Errorf("%+v: %v", c, h)
		}
		if w := r.ask("GET", strings.Replace(link, "morning/1?", "morning/3?", 1), "", nil); w.Code != http.StatusNotFound {
			t.Errorf("%+v: the key of one issue shows another: %d", c, w.Code)
		}
	}
}

// TestArchiveWithoutLists: while it cannot be known what is private, nothing is told.
func TestArchiveWithoutLists(t *testing.T) {
	r, link := archived(t)
	n, err := r.Digest.Newsletter(t.Context(), "morning")
	if err != nil {
		t.Fatal(err)
	}
	n.Spec.Archive, n.Spec.Brand.Name = "private", "The Board"
	if _, _, err := r.Digest.ApplyNewsletter(t.Context(), "morning", n.Spec, "test"); err != nil {
		t.Fatal(err)
	}
	s := archive.Site{Store: r.Digest, Prefix: "/archive", Offered: func(context.Context) (map[string]func(string) string, error) {
		return nil, errors.New("the database is away")
	}}
	for _, path := range []string{"/archive/morning/", "/archive/morning/1", "/archive/morning/1/frame", "/archive/morning/feed.atom", link} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "The Board") {
			t.Errorf("%s: %d\n%s", path, w.Code, w.Body)
		}
	}
}

// TestArchiveIndexAndSearch: which newsletters there are, what a search finds, and
// that a page of it leads to the next.
func TestArchiveIndexAndSearch(t *testing.T) {
	r, _ := archived(t)
	index := r.ask("GET", "/archive/", "", nil).Body.String()
	for _, want := range []string{`<a href="/archive/morning/">Morning</a>`, "The news of the night, each day at seven.", "2 issues", `<a href="/archive/morning/3">`, `<link rel="canonical" href="` + r.Config.PublicURL + `/archive/">`} {
		if !strings.Contains(index, want) {
			t.Errorf("the index lacks %s", want)
		}
	}
	for language, want := range map[string][]string{
		"ur": {`href="/archive/morning/?edition=ur"`, ">صبح نامہ<", `href="/archive/morning/3?edition=ur"`},
		"en": {`href="/archive/morning/"`, ">Morning<", `href="/archive/morning/3"`}, "ru": {`href="/archive/morning/"`, ">Morning<"},
	} {
		page := r.ask("GET", "/archive/?lang="+language, "", nil).Body.String()
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("a reader of %s does not find %s in\n%s", language, w, page)
			}
		}
	}
	n, err := r.Digest.Newsletter(t.Context(), "morning")
	if err != nil {
		t.Fatal(err)
	}
	apply := func(spec digest.Spec) {
		t.Helper()
		if _, _, err := r.Digest.ApplyNewsletter(t.Context(), "morning", spec, "test"); err != nil {
			t.Fatal(err)
		}
	}
	spec := n.Spec
	spec.Editions = append([]digest.EditionSpec{{Name: "fr", Language: "fr", Languages: []string{"fr"}}}, spec.Editions...)
	apply(spec)
	if page := r.ask("GET", "/archive/?lang=en", "", nil).Body.String(); !strings.Contains(page, `href="/archive/morning/?edition=en"`) {
		t.Errorf("pages that do not speak French take the French edition for the English one:\n%s", page)
	}
	apply(n.Spec)
	if russian := r.ask("GET", "/archive/", "", map[string]string{"Accept-Language": "ru"}); !strings.Contains(russian.Body.String(), `<html lang="ru"`) || russian.Header().Get("Vary") != "Accept-Language" {
		t.Error("the index does not speak the language of the browser")
	}
	for query, n := range map[string]int{"": 2, "story": 2, "STORY+1": 2, "2+story": 2, "ferry": 0, "harbour": 1, "story+ferry": 0, "%25": 0, "%FF": 2, "%00": 2, "story%001": 2} {
		page := r.ask("GET", "/archive/morning/?q="+query, "", nil)
		if got := strings.Count(page.Body.String(), `<li><p class="note"><time`); page.Code != http.StatusOK || got != n {
			t.Errorf("a search for %q finds %d issues, want %d", query, got, n)
		}
	}
	page := r.ask("GET", "/archive/morning/?q=Story&edition=ur", "", nil)
	for _, want := range []string{`value="Story"`, `name="edition" value="ur"`, `href="/archive/morning/?q=Story" lang="en"`} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page of a search lacks %s", want)
		}
	}
	if page.Header().Get("X-Robots-Tag") != "noindex" {
		t.Error("search engines are offered what somebody searched for")
	}
	all := r.Handler()
	ask := func(path, from string) *httptest.ResponseRecorder {
		w, q := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
		q.RemoteAddr = from
		all.ServeHTTP(w, q)
		return w
	}
	for n := range 21 {
		if w := ask("/archive/morning/?q=story", "192.0.2.7:1000"); (w.Code == http.StatusOK) != (n < 20) {
			t.Errorf("search %d of one client: %d", n+1, w.Code)
		} else if n == 20 && (w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "Too many requests")) {
			t.Errorf("he is told %d %s", w.Code, w.Body)
		}
	}
	if w := ask("/archive/morning/", "192.0.2.7:1000"); w.Code != http.StatusOK {
		t.Errorf("and may not read: %d", w.Code)
	}
	if w := ask("/archive/morning/?q=story", "192.0.2.8:1000"); w.Code != http.StatusOK {
		t.Errorf("nor may others search: %d", w.Code)
	}
	var log bytes.Buffer
	r.Log = slog.New(slog.NewTextHandler(&log, nil))
	r.DB.Close()
	for _, path := range []string{"/archive/morning/", "/subscribe"} {
		log.Reset()
		if w := r.ask("GET", path, "", nil); w.Code != http.StatusInternalServerError || !strings.Contains(log.String(), "database is closed") {
			t.Errorf("%s while the database is away: %d, and the log says %q", path, w.Code, &log)
		}
	}
}

// TestRobots: search engines are led to what is for everybody, and away from
// addresses with somebody's own token.
func TestRobots(t *testing.T) {
	r, _ := archived(t)
	w := r.ask("GET", "/robots.txt", "", nil)
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatal(w.Code, w.Header())
	}
	for _, want := range []string{"User-agent: *\n", "Allow: /archive/\n", "Allow: /subscribe\n", "Disallow: /archive/*?*key=\n", "Disallow: /confirm/\n", "Disallow: /preferences/\n", "Disallow: /yours/\n", "Disallow: /move/\n", "Disallow: /u/\n", "Disallow: /yours/\n", "Disallow: /move/\n", "Disallow: /desk/\n"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("robots.txt lacks %q", want)
		}
	}
}

// TestConfirmedKnowsWhatComes: who presses the confirming button reads when the
// next issue is due and where the latest is, in his language's edition.
func TestConfirmedKnowsWhatComes(t *testing.T) {
	r, _ := archived(t)
	ctx := t.Context()
	confirm := func(email, language string) string {
		t.Helper()
		if w := r.ask("POST", "/subscribe?lang="+language, "email="+email+"&list=readers", nil); w.Code != http.StatusOK {
			t.Fatalf("sign-up: %d %s", w.Code, w.Body)
		}
		v, err := r.Subscribers.Find(ctx, email)
		if err != nil {
			t.Fatal(err)
		}
		w := r.ask("POST", "/confirm/"+r.Subscribers.Keys.TokenAt(subscribers.KindConfirm, v.ID, 0, time.Now())+"?lang="+language, "", nil)
		if w.Code != http.StatusOK {
			t.Fatalf("confirmation: %d %s", w.Code, w.Body)
		}
		return w.Body.String()
	}
	if page := confirm("jan@example.com", "en"); !strings.Contains(page, `href="/archive/morning/3"`) || strings.Contains(page, "due on") {
		t.Errorf("of a newsletter without a schedule it says\n%s", page)
	}
	n, err := r.Digest.Newsletter(ctx, "morning")
	if err != nil {
		t.Fatal(err)
	}
	n.Spec.Schedule, n.Spec.Zone = "0 7 * * *", "Asia/Karachi"
	if _, _, err := r.Digest.ApplyNewsletter(ctx, "morning", n.Spec, "test"); err != nil {
		t.Fatal(err)
	}
	page := confirm("amina@example.com", "ur")
	if path := `href="/archive/morning/3?edition=ur"`; !strings.Contains(page, path) || !strings.Contains(page, "اگلا شمارہ") || !strings.Contains(page, "PKT") {
		t.Errorf("in Urdu it says\n%s", page)
	}
	if w := r.ask("GET", "/archive/morning/3?edition=ur", "", nil); w.Code != http.StatusOK {
		t.Errorf("the latest issue: %d", w.Code)
	}
}

// TestArchiveCorrections: what the desk takes back of an issue stands above it, in its
// edition alone, in the list and in the feeds, until it is taken back itself.
func TestArchiveCorrections(t *testing.T) {
	r, _ := archived(t)
	look := r.as(t, "ap@news.example", "approver")
	texts := func(edition string) map[string]string {
		out := map[string]string{}
		for _, page := range []string{"1", "", "feed.atom", "feed.json"} {
			out[page] = r.ask("GET", "/archive/morning/"+page+"?edition="+edition, "", nil).Body.String()
		}
		return out
	}
	before, urdu := texts("en"), texts("ur")
	for _, role := range []string{"viewer", "editor"} {
		as := r.as(t, role+"@news.example", role)
		if page := as(http.StatusOK, "GET", "/desk/issues/1", ""); strings.Contains(page, "Publish a correction") {
			t.Errorf("a %s is offered to publish a correction", role)
		}
		as(http.StatusForbidden, "POST", "/desk/issues/1/corrections", "text=No.")
	}
	if page := look(http.StatusOK, "GET", "/desk/issues/2", ""); strings.Contains(page, "Publish a correction") {
		t.Error("a skipped issue can be corrected")
	}
	long := strings.Repeat("x", digest.MaxCorrection+1)
	for _, text := range []string{"", "+%0A", long} {
		page := look(http.StatusBadRequest, "POST", "/desk/issues/1/corrections", "edition=en&text="+text)
		if !strings.Contains(page, `<p class="problem" id="p-text">`) || !strings.Contains(page, " open>") || text == long && !strings.Contains(page, long) {
			t.Errorf("%.9q is refused by a page that does not say so, or loses it: %s", text, page)
		}
	}
	look(http.StatusSeeOther, "POST", "/desk/issues/1/corrections", "edition=en&text=There+are+%3Cb%3Eeleven.%0AThe+picture+is+ours.")
	page := look(http.StatusOK, "GET", "/desk/issues/1", "")
	for _, want := range []string{"There are &lt;b&gt;eleven.", "by ap@news.example, in the archive; the next issue that is built tells it."} {
		if !strings.Contains(page, want) {
			t.Errorf("the desk lacks %q: %s", want, page)
		}
	}
	after := texts("en")
	for page, want := range map[string][]string{
		"1":         {`<section class="correction" aria-label="Correction, `, `<p lang="en" dir="ltr" class="">There are &lt;b&gt;eleven.</p>`, "The picture is ours."},
		"":          {" · corrected</p>"},
		"feed.atom": {"&lt;strong&gt;Correction, ", "There are &amp;lt;b&amp;gt;eleven."},
		"feed.json": {"There are <b>eleven.\\nThe picture is ours.\\n\\nStory 0", "There are &lt;b&gt;eleven.<br>The picture is ours."},
	} {
		for _, w := range want {
			if !strings.Contains(after[page], w) {
				t.Errorf("%q lacks %q:\n%s", page, w, after[page])
			}
		}
	}
	if n := strings.Count(after[""], "corrected"); n != 1 {
		t.Errorf("%d issues of the list are corrected", n)
	}
	for page, text := range texts("ur") {
		if text != urdu[page] {
			t.Errorf("the Urdu %q has changed", page)
		}
	}
	if frame := r.ask("GET", "/archive/morning/1/frame", "", nil).Body.String(); strings.Contains(frame, "eleven") {
		t.Error("what was sent was changed")
	}
	look(http.StatusSeeOther, "POST", "/desk/issues/1/corrections", "do=1")
	for page, text := range texts("en") {
		if text != before[page] {
			t.Errorf("%q is not as it was before", page)
		}
	}
	look(http.StatusNotFound, "POST", "/desk/issues/3/corrections", "do=1")
	if audit := r.say(t, "audit"); !strings.Contains(audit, "There are <b>eleven.") || !strings.Contains(audit, "correction 1") {
		t.Errorf("what was done lacks it: %s", audit)
	}
}
