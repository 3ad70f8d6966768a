package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// TestSourceTestStepByStep has an operator see what is wrong with an address,
// and where, without anybody's help.
func TestSourceTestStepByStep(t *testing.T) {
	d, _ := newDeskless(t)
	article := "<html><body><article><h1>Паром вернулся</h1>" + strings.Repeat("<p>Паром снова ходит через залив каждый день, сказали в порту во вторник утром.</p>", 6) + "</article></body></html>"
	russian, _ := charmap.Windows1251.NewEncoder().String(`<?xml version="1.0"?><rss version="2.0"><channel><title>Газета</title><item><title>Паром вернулся</title><link>/parom</link><pubDate>Mon, 23 Nov 2026 07:05:09 +0300</pubDate></item></channel></rss>`)
	mux := http.NewServeMux()
	say := func(path, kind, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			io.WriteString(w, body)
		})
	}
	say("/feed", "text/xml; charset=windows-1251", russian)
	say("/parom", "text/html; charset=utf-8", article)
	say("/{$}", "text/html", `<html><head><link rel="alternate" type="application/rss+xml" href="/feed"></head><body>Home</body></html>`)
	say("/empty", "text/xml", `<rss version="2.0"><channel><title>Nothing</title></channel></rss>`)
	say("/bare", "text/xml", `<rss version="2.0"><channel><title>Bare</title><item><title>No text behind this</title><link>/blank</link></item></channel></rss>`)
	say("/blank", "text/html", `<html><body><nav>Menu</nav></body></html>`)
	say("/kept", "text/xml", `<rss version="2.0"><channel><title>Kept</title><item><title>Behind robots.txt</title><link>/private/a</link></item></channel></rss>`)
	say("/robots.txt", "text/plain", "User-agent: *\nDisallow: /private/\n")
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/feed", http.StatusMovedPermanently)
	})
	mux.HandleFunc("/locked", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) })
	site := httptest.NewServer(mux)
	defer site.Close()
	for _, c := range []struct {
		path, failed string   // the step that failed, "" = none
		say          []string // somewhere in the text
	}{
		{"/feed", "", []string{"ok   dns", "HTTP 200, text/xml; charset=windows-1251", "windows-1251 in the header; the bytes are not UTF-8", "1 items, 1 with a date", "2026-11-23", "may be read", `"Паром вернулся" by nobody named`, "Паром снова ходит"}},
		{"/moved", "", []string{"ok   redirect", "for good"}},
		{"/", "parse", []string{"ok   look", "/feed"}},
		{"/locked", "fetch", []string{"ask it to let our user agent in"}},
		{"/nothing", "fetch", []string{"(404)"}},
		{"/empty", "parse", []string{"lists nothing"}},
		{"/bare", "article", []string{"no text found"}},
		{"/kept", "robots", []string{"robots.txt keeps us off"}},
	} {
		code, text, errs := d.verb("", "source", "test", site.URL+c.path)
		for _, want := range c.say {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", c.path, want, text)
			}
		}
		if failed := "FAIL " + c.failed; c.failed != "" && !strings.Contains(text, failed) || c.failed == "" && (strings.Contains(text, "FAIL") || code != 0) {
			t.Errorf("%s: exit %d, want a line %q in\n%s%s", c.path, code, failed, text, errs)
		}
		_, text, _ = d.verb("", "source", "test", site.URL+c.path, "--json")
		var out struct{ Steps []step }
		if err := json.Unmarshal([]byte(text), &out); err != nil || len(out.Steps) < 2 || out.Steps[0].Step != "dns" {
			t.Errorf("%s as JSON: %v: %s", c.path, err, text)
		}
	}
}

// TestSourceAddSaysWhatItTakes adds a site by its home page: the feed is found,
// old items are baselined, and a digest's share of the newest is shown.
func TestSourceAddSaysWhatItTakes(t *testing.T) {
	d, _ := newDeskless(t)
	var feed strings.Builder
	feed.WriteString(`<rss version="2.0"><channel><title>The Port</title>`)
	for i := range 312 {
		fmt.Fprintf(&feed, `<item><title>Ferry number %d sails</title><link>/n/%d</link><pubDate>Mon, 0%d Jun 2020 07:05:09 +0000</pubDate></item>`, i, i, 1+i%9)
	}
	feed.WriteString(`</channel></rss>`)
	mux := http.NewServeMux()
	mux.HandleFunc("/feed.xml", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, feed.String()) })
	mux.HandleFunc("/n/{n}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<html lang="en"><head><meta property="og:image" content="/pic.jpg"></head><body><article><h1>Ferry number %s sails</h1>%s</article></body></html>`, r.PathValue("n"),
			strings.Repeat("<p>The ferry crosses the bay again twice a day, the harbour master said on Tuesday morning, and tickets cost four dollars as before the storm.</p>", 5))
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `<html><head><link rel="alternate" type="application/rss+xml" href="/feed.xml"></head><body>Home</body></html>`)
	})
	l, err := net.Listen("tcp", "127.0.0.2:0") // somebody else's: the newsletter is of 127.0.0.1
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewUnstartedServer(mux)
	site.Listener.Close()
	site.Listener = l
	site.Start()
	defer site.Close()
	code, text, errs := d.verb("", "source", "add", site.URL)
	if code != 0 {
		t.Fatal(errs)
	}
	for _, want := range []string{"/feed.xml", "312 old items baselined, 0 will be mailed", "what a digest would take from it (rights: quote)", "picture: none", "Ferry number"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	own := httptest.NewServer(mux)
	defer own.Close()
	if _, text, _ := d.verb("", "source", "add", own.URL); !strings.Contains(text, "(rights: own)") || !strings.Contains(text, "/pic.jpg") {
		t.Errorf("the newsletter's own site is not its own:\n%s", text)
	}
}
