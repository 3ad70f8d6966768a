package digest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest/article"
)

// TestRetractionGuard: what its site took away, moved or retitled leaves; what
// merely does not answer, is read by a rule, or was told by its feed stays.
func TestRetractionGuard(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	ctx := t.Context()
	p := newPaper(t)
	p.robots = "User-agent: *\nDisallow: /private"
	answers := map[string]http.HandlerFunc{}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if answer := answers[req.URL.Path]; answer != nil {
			answer(w, req)
			return
		}
		p.serve(w, req)
	}))
	defer site.Close()
	p.URL = site.URL
	c, src := r.press(t, p, "feed", "licensed")
	if err := r.SetSource(ctx, src.ID, "", "", "", &Settings{Rules: article.Rules{Title: "h2.real"}}); err != nil {
		t.Fatal(err)
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	page := func(n int, h1, h2 string) http.HandlerFunc {
		return say(`<html lang="en"><body><article><h1>` + h1 + `</h1><h2 class="real">` + h2 + `</h2><p>` + about(n) + `</p></article></body></html>`)
	}
	cases := []struct {
		path, title string
		before      http.HandlerFunc // nil = as posts are
		after       http.HandlerFunc
		reason      string // "" = it stays
	}{
		{"/gone", "Pier closes", nil, status(410), "the page is gone (HTTP 410)"},
		{"/unpublished", "Crane falls", nil, status(403), "no longer public (HTTP 403)"},
		{"/home", "Bridge opens", nil, http.RedirectHandler("/", http.StatusFound).ServeHTTP, "home page"},
		{"/away", "Tram derails", nil, http.RedirectHandler("/other", http.StatusMovedPermanently).ServeHTTP, "leads elsewhere"},
		{"/retitled", "Mayor accused", page(21, "x", "Mayor accused"), page(21, "Correction", "Correction: mayor not accused"), "the headline was changed to “Correction: mayor not accused”"},
		{"/replaced", "Dean retires", page(25, "x", "Dean retires"), say(`<html lang="en"><body><article><h2 class="real">Page not found</h2><p>` + strings.Repeat("We looked everywhere and could not find what you asked for. Here is what other readers opened today. ", 5) + `</p></article></body></html>`), "the page now tells something else: “Page not found”"},
		{"/soft", "Ship sinks", page(28, "x", "Ship sinks"), say(`<html lang="en"><body><h2 class="real">Page not found</h2></body></html>`), "holds no article any more: “Page not found”"},
		{"/notice", "Lock breaks", page(29, "x", "Lock breaks"), say(`<html lang="en"><body><article><h2 class="real">Lock breaks</h2><p>This article was withdrawn on the advice of our lawyers. We apologise to all whom it named.</p></article></body></html>`), "no longer tells what it told"},
		{"/emptied", "Mole grows", page(30, "x", "Mole grows"), say(`<html lang="en"><body><h2 class="real">Mole grows</h2><div id="app"></div></body></html>`), ""},
		{"/walled", "Dike holds", page(31, "x", "Dike holds"), say(`<html lang="en"><body><article><h2 class="real">Dike holds</h2><p>` + about(31)[:130] + `</p><p>Subscribe to read on.</p></article></body></html>`), ""},
		{"/slug", "Quay flooded", page(27, "x", "Quay flooded"), http.RedirectHandler("/slug-2", http.StatusMovedPermanently).ServeHTTP, ""},
		{"/relaunched", "Weir rebuilt", page(32, "x", "Weir rebuilt"), http.RedirectHandler("/2027/weir", http.StatusMovedPermanently).ServeHTTP, ""},
		{"/quotes", "Mayor's 'no'", page(22, "x", "Mayor's 'no'"), page(22, "x", "Mayor’s “no”"), ""},
		{"/ruled", "Harbour News", page(23, "Harbour News", "Ferry returns"), page(23, "Harbour News", "Ferry returns"), ""},
		{"/down", "Market burns", nil, status(500), ""},
		{"/private", "Members meet", nil, status(410), ""},
		{"/fed", "Short words of the feed", nil, page(24, "Long words of the page", ""), ""},
	}
	answers["/other"] = page(40, "Another matter", "Another matter")
	answers["/2027/weir"] = page(32, "x", "Weir rebuilt")
	answers["/slug-2"] = say(`<html lang="en"><head><link rel="canonical" href="/slug"></head><body><article><h2 class="real">Quay flooded</h2><p>` + about(27) + `</p></article></body></html>`)
	for n, k := range cases {
		p.posts = append(p.posts, post{path: k.path, title: k.title, text: about(n), at: r.now.Add(-time.Hour)})
		answers[k.path] = k.before
	}
	poll(t, c, src)
	list, err := r.Stories(ctx, r.now.Add(-24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	stories := map[string]Story{}
	for _, s := range list {
		stories[strings.TrimPrefix(s.URL, site.URL)] = s
	}
	if got := stories["/ruled"].Title; got != "Ferry returns" {
		t.Fatalf("the rule's headline is %q", got)
	}
	if stories["/private"].TitleHash != "" {
		t.Error("a headline that nobody read on its page is compared")
	}
	fed := stories["/fed"]
	fed.TitleHash = stories["/private"].TitleHash
	stories["/fed"] = fed
	g := &Guard{Store: c.Store, Client: c.Client}
	for _, k := range cases {
		answers[k.path] = k.after
		s, ok := stories[k.path]
		if !ok {
			t.Errorf("%s was not told", k.path)
			continue
		}
		v, _ := g.verdict(ctx, s)
		got := v.Reason
		if v.Changed() != (k.path == "/retitled") {
			t.Errorf("%s: changed %v: %s", k.path, v.Changed(), got)
		}
		if got != k.reason && (k.reason == "" || !strings.Contains(got, k.reason)) {
			t.Errorf("%s: %q, want %q", k.path, got, k.reason)
		}
	}
}
