package main

import (
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
)

// TestStoryAtTheDesk merges, splits, flags, holds and blocks stories on their
// page, while an approved issue shows them.
func TestStoryAtTheDesk(t *testing.T) {
	r := newCountingRoom(t, `fetch = {delay = "0s"}`)
	ctx := t.Context()
	issue := r.draft(t)
	call := r.editor(t)
	at := func(n int) string { return fmt.Sprintf("/desk/stories/%d", r.stories[n]) }
	story := func(n int) digest.Story {
		s, err := r.Digest.Story(ctx, r.stories[n])
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	in := func(n int) bool {
		chosen, err := r.Digest.Chosen(ctx, issue.ID)
		return err != nil || slices.ContainsFunc(chosen, func(c digest.Chosen) bool { return c.Story.ID == r.stories[n] && c.State == "in" })
	}
	call(200, "POST", at(0), "do=flag&flag=opinion")
	call(200, "POST", at(0), "do=hold&until=2030-01-01T00:00%2B05:00")
	if s := story(0); !s.Has("opinion") || s.NotBefore.Year() != 2029 {
		t.Errorf("flags %q, not before %s", s.Flags, s.NotBefore)
	}
	if in(0) {
		t.Error("a story under embargo until long after the slot still stands in the issue")
	}
	if page := call(400, "POST", at(0), "do=hold&until=tomorrow"); !strings.Contains(page, "Give day and time") || !strings.Contains(page, `value="tomorrow"`) {
		t.Error("a wrong time is answered without a word how to write it")
	}
	call(200, "POST", at(0), "do=hold&until=")
	if s := story(0); !s.NotBefore.IsZero() {
		t.Errorf("the embargo is not lifted: %s", s.NotBefore)
	}
	if !in(0) {
		t.Error("the embargo is lifted, and the story does not come back into the draft it left")
	}

	for _, into := range []string{"99999", "", fmt.Sprint(r.stories[1])} {
		if page := call(400, "POST", at(1), "do=merge&into="+into); !strings.Contains(page, "Nothing was changed") || !strings.Contains(page, `value="`+into+`"`) {
			t.Errorf("merged into %q", into)
		}
	}
	call(200, "POST", at(1), fmt.Sprintf("do=merge&into=%d", r.stories[0]))
	if in(1) || !in(0) {
		t.Error("the issue that waits does not tell once what is one story now")
	}
	page := call(200, "GET", at(0), "")
	for _, want := range []string{"Story 0", "Story 1", "merged by an editor", "Split off", "take off opinion", "rights: own", "4 words, 1 min to read"} {
		if !strings.Contains(page, want) {
			t.Errorf("the story's page lacks %q", want)
		}
	}
	call(200, "POST", at(0), fmt.Sprintf("do=split:%d", r.stories[1]))
	if s := story(1); s.State != "live" {
		t.Errorf("split off, it is %s", s.State)
	}
	call(404, "POST", at(0), "do=split:77777")
	call(404, "POST", at(0), "do=sing")

	// What an approved issue shows is looked at again once it was changed; a
	// blocked story leaves.
	if _, err := r.Sealer.Seal(ctx, issue.ID); err != nil {
		t.Fatal(err)
	}
	approve := func() {
		t.Helper()
		if err := r.Sealer.Approve(ctx, issue.ID, 0, "ed@news.example", false); err != nil {
			t.Fatal(err)
		}
	}
	approve()
	call(200, "POST", at(2), "do=flag&flag=sensitive")
	if i, err := r.Digest.Issue(ctx, issue.ID); err != nil || i.State != "draft" {
		t.Errorf("after a flag the issue is %s, %v", i.State, err)
	}
	approve()
	call(200, "POST", at(1), "do=flag&flag=paid")
	if in(1) {
		t.Error("a story flagged as paid content still stands in the issue")
	}
	call(200, "POST", at(1), "do=flag&flag=-paid")
	if err := r.Edit(ctx, issue.ID, digest.Edit{Edition: "en", StoryID: r.stories[1], Drop: new(bool)}, "ed@news.example"); err != nil || !in(1) {
		t.Errorf("it was none, and cannot be put back: %v", err)
	}
	approve()
	call(200, "POST", at(2), "do=block")
	if in(2) {
		t.Error("a blocked story still stands in the issue")
	}
	if !in(1) {
		t.Error("another story left the issue too")
	}
	if page := call(200, "GET", at(2), ""); !strings.Contains(page, "Let it in again") {
		t.Error("a blocked story's page does not offer to take that back")
	}
	call(200, "POST", at(2), "do=restore")
	if s := story(2); s.State != "live" || !in(2) {
		t.Errorf("let in again, it is %s, in the draft: %v", s.State, in(2))
	}
	// What an editor took out of this issue himself stays out.
	drop := true
	if err := r.Edit(ctx, issue.ID, digest.Edit{Edition: "en", StoryID: r.stories[2], Drop: &drop}, "ed@news.example"); err != nil {
		t.Fatal(err)
	}
	call(200, "POST", at(2), "do=hold&until=2030-01-01T00:00%2B05:00")
	call(200, "POST", at(2), "do=hold&until=")
	if in(2) {
		t.Error("a story that an editor dropped is back after an embargo")
	}
}

// TestSourcesAtTheDesk: why a source is not read stands there in words, and the
// list can be searched, sorted and narrowed.
func TestSourcesAtTheDesk(t *testing.T) {
	r := newCountingRoom(t, `fetch = {delay = "0s", allow = ["127.0.0.0/8"]}`)
	ctx := t.Context()
	call := r.editor(t)
	for n, name := range []string{"Aardvark Times", "Zebra Post"} {
		src, err := r.Digest.AddSource(ctx, digest.Source{Kind: "feed", URL: fmt.Sprintf("https://paper%d.example/feed", n), Title: name})
		if err != nil {
			t.Fatal(err)
		}
		for failed := range 1 + 2*n { // the Zebra is failing, the Aardvark not yet
			src.Errors = failed
			if _, err := r.Digest.Polled(ctx, src, digest.Poll{Err: "the certificate has expired"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	in := func(path string, names ...string) {
		t.Helper()
		page, at := call(200, "GET", path, ""), 0
		for _, name := range names {
			i := strings.Index(page[at:], name)
			if i < 0 {
				t.Errorf("%s: no %q, or not in its place", path, name)
				return
			}
			at += i
		}
	}
	in("/desk/sources", "Aardvark Times", "1 poll failed: the certificate has expired", "The News", "Zebra Post", "failing", "the certificate has expired")
	in("/desk/sources?sort=state", "Zebra Post", "Aardvark Times", "The News")
	in("/desk/sources?q=certificate&sort=state", "Zebra Post", "Aardvark Times")
	call(404, "GET", "/desk/sources/1/icon", "")
	icon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { png.Encode(w, image.NewGray(image.Rect(0, 0, 9, 9))) }))
	defer icon.Close()
	if err := r.Collector.LookForIcon(ctx, digest.Source{ID: 1, SiteURL: icon.URL}); err != nil {
		t.Fatal(err)
	}
	in("/desk/sources", `src="/desk/sources/1/icon" alt=""`, "The News")
	mux := http.NewServeMux() // a site that has closed its WordPress interface
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<html><link rel="alternate" type="application/rss+xml" href="/feed">`)
	})
	mux.HandleFunc("/feed", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Closed Press</title><item><title>A</title><link>/a</link></item></channel></rss>`)
	})
	site := httptest.NewServer(mux)
	defer site.Close()
	closed, err := r.Digest.AddSource(ctx, digest.Source{Kind: "wordpress", URL: site.URL + "/wp-json/wp/v2/posts", SiteURL: site.URL, Title: "Closed Press"})
	if err == nil {
		_, err = r.Collector.Collect(ctx, closed, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	in("/desk/sources?q=instead", "Closed Press", "the feed is read instead")
	if page := call(200, "GET", "/desk/sources/1/icon", ""); !strings.HasPrefix(page, "\x89PNG") {
		t.Errorf("the icon is %.20q", page)
	}
	zebra, err := r.Digest.SourceByURL(ctx, "https://paper1.example/feed")
	if err != nil {
		t.Fatal(err)
	}
	subject := fmt.Sprintf("paper1.example, number %d", zebra.ID)
	r.Alarm(ctx, "failing source", subject, "It fails.")
	if _, err := r.Installation.AddUser(ctx, "ed@news.example", "", "operator"); err != nil {
		t.Fatal(err)
	}
	call(200, "POST", fmt.Sprintf("/desk/sources/%d", zebra.ID), "do=pause")
	if open, err := r.Installation.Alarms(ctx, true, 10); err != nil || len(open) != 0 {
		t.Errorf("a paused source keeps its alarm: %+v, %v", open, err)
	}
	call(200, "POST", fmt.Sprintf("/desk/sources/%d", zebra.ID), "do=resume")
	for range digest.FailingAfter {
		if zebra, err = r.Digest.Source(ctx, zebra.ID); err == nil {
			_, err = r.Digest.Polled(ctx, zebra, digest.Poll{Err: "the certificate has expired"})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if page := call(200, "GET", "/desk/sources?state=failing", ""); strings.Contains(page, "Aardvark") || !strings.Contains(page, "Zebra") {
		t.Error("narrowed to failing, the list shows another")
	}
}

// TestSourceIsAddedAtTheDesk: by an operator, with what was found, what counts as
// old, and what a digest would take; a wrong address is answered beside its field.
func TestSourceIsAddedAtTheDesk(t *testing.T) {
	r := newCountingRoom(t, `fetch = {delay = "0s", allow = ["127.0.0.0/8"]}`)
	ctx := t.Context()
	call := r.editor(t)
	if page := call(200, "GET", "/desk/sources", ""); strings.Contains(page, "/desk/sources/add") {
		t.Error("an editor is offered what only an operator may do")
	}
	call(403, "GET", "/desk/sources/add", "")
	call(403, "POST", "/desk/sources/add", "address=http://127.0.0.1/")
	if _, err := r.Installation.AddUser(ctx, "ed@news.example", "", "operator"); err != nil {
		t.Fatal(err)
	}
	if page := call(200, "GET", "/desk/sources", ""); !strings.Contains(page, `href="/desk/sources/add"`) {
		t.Error("an operator is not offered to add a source")
	}
	has := func(page string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(page, w) {
				t.Errorf("no %q in\n%s", w, page)
			}
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<html><link rel="alternate" type="application/rss+xml" href="/feed">`)
	})
	mux.HandleFunc("/feed", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Bay &amp; Post</title><item><title>The ferry sails</title><link>/a</link><pubDate>Mon, 01 Jun 2020 07:05:09 +0000</pubDate></item><item><title>Old news</title><link>/b</link></item></channel></rss>`)
	})
	mux.HandleFunc("/a", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<html lang="en"><body><article><h1>The ferry sails</h1>`+strings.Repeat("<p>The ferry crosses the bay again twice a day, the harbour master said on Tuesday.</p>", 5))
	})
	mux.HandleFunc("/shut", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) })
	site := serveHTTP(t, mux)
	has(call(200, "GET", "/desk/sources/add", ""), `action="/desk/sources/add"`, `name="address"`, `name="rights"`, "Looking at the site")
	has(call(400, "POST", "/desk/sources/add", "address="), "Give an address")
	has(call(400, "POST", "/desk/sources/add", "rights=licensed&address="+site+"/shut"), `id="p-address"`, "ask it to let our user agent in", `value="`+site+`/shut"`, `value="licensed" selected`)
	has(call(400, "POST", "/desk/sources/add", "address=http://10.0.0.1/"), "inside a private network")
	before, _ := r.Digest.Sources(ctx)
	page := call(200, "POST", "/desk/sources/add", "address=+"+site+"+")
	has(page, "Bay &amp; Post", "2 old items baselined, 0 will be mailed", "quote", "at most 20 words, no picture", "The ferry crosses the bay again", "75 words", ">rss<", "/feed", "none takes it yet")
	list, err := r.Digest.Sources(ctx)
	if err != nil || len(list) != len(before)+1 {
		t.Fatalf("%d sources, %v", len(list), err)
	}
	has(call(200, "POST", "/desk/sources/add", "address="+site), "already", "Nothing was changed")
	has(call(200, "GET", "/desk/users/audit?q=add", ""), "add source", site+"/feed")
	req := httptest.NewRequest("POST", "/desk/sources/add", strings.NewReader("address="+site))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if r.Handler().ServeHTTP(w, req); w.Code != http.StatusForbidden {
		t.Errorf("from another site: status %d", w.Code)
	}
}

// editor signs an editor in and returns how to call the desk as such.
func (r *countingRoom) editor(t *testing.T) func(want int, method, path, form string) string {
	t.Helper()
	return r.as(t, "ed@news.example", "editor")
}

// as gives a function that calls the desk as a user of a role: it answers with the page,
// or with what the next one says was done.
func (r *countingRoom) as(t *testing.T, address, role string) func(want int, method, path, form string) string {
	t.Helper()
	ctx := t.Context()
	if _, err := r.Installation.AddUser(ctx, address, "", role); err != nil {
		t.Fatal(err)
	}
	token, err := r.Installation.SignInToken(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	session, err := r.Installation.SignIn(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	return func(want int, method, path, form string) string {
		t.Helper()
		req := httptest.NewRequest(method, path, strings.NewReader(form))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: session})
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, req)
		if got := w.Code; got != want && !(want == 200 && got == http.StatusSeeOther) {
			t.Errorf("%s %s %s: status %d, want %d", method, path, form, got, want)
		}
		for _, c := range w.Result().Cookies() {
			if c.Name == "pressrun_flash" && c.MaxAge > 0 {
				said, _ := url.QueryUnescape(c.Value)
				return said
			}
		}
		return w.Body.String()
	}
}

// An embargo is given by the clocks of the newsletter's zone, or with a zone of its own;
// what is odd about the hour in which clocks change is said, and none ends early.
func TestDeskEmbargoByTheNewslettersClocks(t *testing.T) {
	r := newCountingRoom(t, `fetch = {delay = "0s"}`)
	ctx := t.Context()
	r.draft(t)
	call := r.editor(t)
	at := fmt.Sprintf("/desk/stories/%d", r.stories[0])
	for zone := range strings.FieldsSeq("UTC Europe/Berlin Asia/Karachi") {
		if zone != "UTC" {
			if _, _, err := r.Digest.ApplyNewsletter(ctx, strings.ToLower(zone[:4]), digest.Spec{List: "readers", From: "M <m@news.example>", Brand: testBrand, Zone: zone}, "test"); err != nil {
				t.Fatal(err)
			}
		}
		if page := call(200, "GET", at, ""); !strings.Contains(page, `type="datetime-local"`) || !strings.Contains(page, zone) {
			t.Errorf("the page does not ask for a time in the zone %s", zone)
		}
	}
	for _, c := range []struct{ zone, typed, want, said, shown string }{
		{"Europe/Berlin", "2030-07-01T18:00", "2030-07-01T16:00:00Z", "no issue before 1 July 2030, 18:00 CEST", "2030-07-01T18:00"},
		{"Asia/Karachi", "2030-07-01T18:00:00", "2030-07-01T13:00:00Z", "18:00 PKT", "2030-07-01T18:00"},
		{"Europe/Berlin", "2030-07-01T18:00+05:00", "2030-07-01T13:00:00Z", "15:00 CEST", "2030-07-01T15:00"},
		{"Europe/Berlin", "2030-03-31T02:30", "2030-03-31T01:30:00Z", "03:30 CEST. The clocks of Europe/Berlin leave out 02:30 that day", "2030-03-31T03:30"},
		{"Europe/Berlin", "2030-10-27T02:30", "2030-10-27T01:30:00Z", "02:30 CET. The clocks of Europe/Berlin show 02:30 twice that day", "2030-10-27T02:30"},
		{"Europe/Berlin", "2030-10-27T02:30+02:00", "2030-10-27T00:30:00Z", "02:30 CEST.", "2030-10-27T02:30"},
		{"Europe/Berlin", "2030-10-27T02:30", "2030-10-27T00:30:00Z", "02:30 CEST.", "2030-10-27T02:30"}, // left as it was
	} {
		said := call(303, "POST", at, url.Values{"do": {"hold"}, "zone": {c.zone}, "until": {c.typed}}.Encode())
		s, err := r.Digest.Story(ctx, r.stories[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := s.NotBefore.UTC().Format(time.RFC3339); got != c.want || !strings.Contains(said, c.said) {
			t.Errorf("%s in %s: %s, want %s; said %q, want %q", c.typed, c.zone, got, c.want, said, c.said)
		}
		if page := call(200, "GET", at+"?zone="+c.zone, ""); !strings.Contains(page, `value="`+c.shown+`"`) {
			t.Errorf("%s in %s is not shown as %s", c.typed, c.zone, c.shown)
		}
	}
}
