package templates

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func sampleFrame(lang string) Frame {
	b := sampleBrand()
	if lang == "ur" {
		b.Postal = "ہاربر کوریئر پریس، 14 لائٹ ہاؤس روڈ، پورٹ سیلوین"
	}
	return Frame{Brand: b, Alternates: []Alternate{{Language: "en", URL: "?language=en"}, {Language: "ur", URL: "?language=ur"}}}
}

// samplePages is one filled view of every public page.
func samplePages(lang string) map[string]any {
	f := sampleFrame(lang)
	lists := []ListChoice{
		{Value: "1", Title: "Morning Digest", Description: "Every day at 7:00, the dozen stories that matter", Checked: true},
		{Value: "2", Title: "ہفتہ وار", Description: "ہر اتوار، ہفتے کی بہترین تحریریں"},
	}
	const email, link = "amina@reader.example", "/preferences/k1.abc"
	return map[string]any{
		PageSubscribe:     SubscribePage{Frame: f, Action: "/subscribe", Lists: lists, Email: "amina@reader,example", Problem: "email", Suggestion: email},
		PageSubscribeDone: SubscribeDonePage{Frame: f, Email: email, Back: "/subscribe"},
		PageConfirm:       ConfirmPage{Frame: f, Action: "/confirm/k1.abc", Newsletter: "Morning Digest", Email: email},
		PageConfirmed:     ConfirmedPage{Frame: f, Newsletter: "Morning Digest", Coming: []Coming{{"Morning Digest", at(24, 7, 0), "/archive/morning/214"}}, Preferences: link},
		PageUnsubscribe:   UnsubscribePage{Frame: f, Action: "/u/k1.abc", Newsletter: "Morning Digest", Email: email, Preferences: link},
		PageUnsubscribed:  UnsubscribedPage{Frame: f, Newsletter: "Morning Digest", Again: "/subscribe"},
		PagePreferences: PreferencesPage{
			Frame: f, Action: link, Email: email, Name: "Amina", Lists: lists, Pauses: []int{7, 30}, Paused: []Pause{{Until: at(30, 0, 0)}}, Saved: true, Withheld: "hard", Form: "/subscribe",
			Languages: []LanguageChoice{{"en", true}, {"ur", false}},
		},
		PageYours:  YoursPage{Frame: f, Action: "/yours/k1.abc", Data: "/yours/k1.abc/data", Email: email, Typed: "amina@new,example", Problem: "email", Suggestion: "amina@new.example"},
		PageErased: ErasedPage{f},
		PageMove:   MovePage{Frame: f, Action: "/move/k1.abc", Email: "amina@new.example", Before: "a…a@reader.example"},
		PageMoved:  MovedPage{Frame: f, Email: "amina@new.example", Preferences: link},
		PageArchives: ArchivesPage{Frame: f, Newsletters: []ArchiveNewsletter{
			{URL: "/morning/", Title: "Morning Digest", Description: "The news of the night, each day at seven.", Language: "en", Issues: 214,
				Latest: ArchiveEntry{URL: "/morning/214", Date: at(23, 7, 0), Number: 214, Subject: "Ferry to the outer islands returns", Language: "en"}},
			{URL: "/subah/", Title: "صبح نامہ", Language: "ur", Direction: "rtl", Issues: 1,
				Latest: ArchiveEntry{URL: "/subah/1", Date: at(23, 7, 0), Number: 1, Subject: "گیارہ سال بعد جزیروں کی کشتی سروس بحال", Language: "ur", Direction: "rtl"}},
		}},
		PageArchive: ArchivePage{
			Frame: f, Newsletter: "Morning Digest", Index: "/archive/", Action: "/morning/", Query: "ferry", Total: 2, Older: "?before=200", Atom: "/morning/atom.xml", JSON: "/morning/feed.json", Subscribe: "/subscribe",
			Issues: []ArchiveEntry{
				{URL: "/morning/214", Date: at(23, 7, 0), Number: 214, Subject: "Ferry to the outer islands returns after eleven years, and the first crossing is full", Language: "en", Stories: 12},
				{URL: "/morning/213", Date: at(22, 7, 0), Number: 213, Subject: "گیارہ سال بعد جزیروں کی کشتی سروس بحال", Language: "ur", Direction: "rtl", Stories: 1},
			},
		},
		PageIssue: IssuePage{Frame: f, Newsletter: "Morning Digest", Subject: "Ferry to the outer islands returns", Date: at(23, 7, 0), Language: "en", FrameURL: "/morning/214/sheet", Archive: "/morning", Older: "/morning/213"},
		PageError: ErrorPage{Frame: f, Kind: "expired"},
	}
}

func writePage(t *testing.T, name, lang string, data any) string {
	t.Helper()
	var b bytes.Buffer
	if err := Page(&b, name, lang, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPagesInEveryLanguage(t *testing.T) {
	for _, lang := range Languages() {
		for name, view := range samplePages(lang) {
			page := writePage(t, name, lang, view)
			words := Words(lang)
			for _, want := range []string{`<html lang="` + lang + `" dir="` + words.Direction + `">`, "<h1"} {
				if !strings.Contains(page, want) {
					t.Errorf("%s %s has no %q", name, lang, want)
				}
			}
			for _, never := range []string{"<script", "style=", "<style", "ZgotmplZ"} {
				if strings.Contains(page, never) {
					t.Errorf("%s %s has %q", name, lang, never)
				}
			}
			if got := strings.Count(page, "<h1"); got != 1 {
				t.Errorf("%s %s: %d h1, want 1", name, lang, got)
			}
		}
	}
}

func TestPostalAddressDoesNotRepeatTheName(t *testing.T) {
	for postal, want := range map[string]string{
		"The Courier, 12 Quay Street": "12 Quay Street", "The Courier\n12 Quay Street": "12 Quay Street", "12 Quay Street": "12 Quay Street",
		"The Courierman, 12 Quay Street": "The Courierman, 12 Quay Street", "The Courier": "The Courier", "The Courier,": "The Courier,", "": "",
	} {
		if got := postalOf(Brand{Name: "The Courier", Postal: postal}); got != want {
			t.Errorf("%q: %q, want %q", postal, got, want)
		}
	}
}

func TestPageRefusesWhatItDoesNotKnow(t *testing.T) {
	var b bytes.Buffer
	if err := Page(&b, "nonsense", "en", ErrorPage{}); err == nil {
		t.Error("a page that does not exist was written")
	}
	if err := Page(&b, PageConfirm, "en", ErrorPage{}); err == nil {
		t.Error("a page was written from another page's view")
	}
	if b.Len() != 0 {
		t.Errorf("%d bytes were written in spite of the error", b.Len())
	}
}

// The buttons that change something are forms that post; a link changes nothing.
func TestPagesPostWhatChanges(t *testing.T) {
	for _, name := range []string{PageSubscribe, PageConfirm, PageUnsubscribe, PagePreferences, PageYours, PageMove} {
		page := writePage(t, name, "en", samplePages("en")[name])
		forms := strings.Count(page, "<form ")
		if posts := strings.Count(page, `<form method="post"`); forms == 0 || posts != forms {
			t.Errorf("%s: %d of %d forms post", name, posts, forms)
		}
	}
	test := writePage(t, PageUnsubscribe, "en", UnsubscribePage{Test: true, Action: "/u/x"})
	if strings.Contains(test, "<form") {
		t.Error("the page behind a test mail's link has a button")
	}
}

// A field of type email refuses letters beyond ASCII before the @ (RFC 6531) and
// shows a domain as xn--: which addresses are good is ours to say.
func TestAddressesAreNotTheBrowsersToJudge(t *testing.T) {
	for _, name := range []string{PageSubscribe, PageYours} {
		if page := writePage(t, name, "en", samplePages("en")[name]); strings.Contains(page, `type="email"`) || !strings.Contains(page, `inputmode="email"`) {
			t.Errorf("%s:\n%s", name, page)
		}
	}
}

// What cannot be taken back takes a tick and a press.
func TestErasingTakesATick(t *testing.T) {
	page := writePage(t, PageYours, "en", samplePages("en")[PageYours])
	if tick := `<input type="checkbox" name="erase" value="1" required>`; strings.Count(page, `name="erase"`) != 1 || !strings.Contains(page, tick) {
		t.Errorf("no %s in\n%s", tick, page)
	}
}

func TestPageShowsTheProblemBesideItsField(t *testing.T) {
	page := writePage(t, PageSubscribe, "en", samplePages("en")[PageSubscribe])
	for _, want := range []string{`aria-invalid="true"`, `aria-describedby="email-problem"`, "Did you mean amina@reader.example?", `value="amina@reader,example"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the form has no %q", want)
		}
	}
}

func TestStaticHandler(t *testing.T) {
	srv := httptest.NewServer(StaticHandler())
	defer srv.Close()
	for path, kind := range map[string]string{
		staticURL("tokens.css"): "text/css; charset=utf-8", staticURL("site.css"): "text/css; charset=utf-8",
		accentURL("#8A2F1D"): "text/css; charset=utf-8", staticURL("favicon.svg"): "image/svg+xml",
		staticURL("htmx-4.0.1.min.js"): "text/javascript; charset=utf-8",
	} {
		res, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != kind || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s, %q, %q", path, res.Status, res.Header.Get("Content-Type"), res.Header.Get("Cache-Control"))
		}
	}
	for _, path := range []string{staticURL("site.css"), accentURL("#8A2F1D"), "/static/"} {
		res, err := http.Post(srv.URL+path, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" || strings.Contains(res.Header.Get("Cache-Control"), "public") {
			t.Errorf("POST %s: %s, %v", path, res.Status, res.Header)
		}
	}
	for _, path := range []string{"/static/", "/static/none.css", "/static/accent-red.css", "/static/../pages.go"} {
		res, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 404 {
			t.Errorf("%s: %s, want 404", path, res.Status)
		}
	}
}
