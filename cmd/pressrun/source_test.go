package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"pressrun/digest"
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
	utf8 := `<rss version="2.0"><channel><title>Газета</title><item><title>Паром вернулся</title><link>/parom</link></item></channel></rss>`
	say("/wrong", "text/xml; charset=iso-8859-1", utf8)
	unlabelled, _ := charmap.Windows1251.NewEncoder().String(strings.Replace(utf8, "Газета", strings.Repeat("Паром вернулся в порт, сказали на пристани. ", 9), 1))
	say("/guess", "text/xml", unlabelled)
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	io.WriteString(zw, utf8)
	zw.Close()
	say("/packed", "application/octet-stream", packed.String())
	ill := http.NewServeMux()
	ill.HandleFunc("/robots.txt", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
	illSite := serveHTTP(t, ill)
	say("/ill", "text/xml", strings.Replace(utf8, "/parom", illSite+"/a", 1))
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
		{"/feed", "", []string{"ok   dns", "HTTP 200, text/xml; charset=windows-1251", "windows-1251 in the header; the bytes are not UTF-8: read as windows-1251, as the header says", "1 items, 1 with a date", "2026-11-23", "may be read", `"Паром вернулся" by nobody named`, "Паром снова ходит"}},
		{"/moved", "", []string{"ok   redirect", "for good"}},
		{"/", "parse", []string{"ok   look", "/feed", "pressrun source add"}},
		{"/wrong", "", []string{"iso-8859-1 in the header; the bytes are valid UTF-8 and read as such", "Паром вернулся"}},
		{"/guess", "", []string{"none in the header; the bytes are not UTF-8 and nothing says what they are: read as windows-1251, guessed"}},
		{"/packed", "", []string{"packed with gzip; the bytes are valid UTF-8", "Паром вернулся"}},
		{"/ill", "robots", []string{"robots.txt cannot be read: the site has a fault of its own (500)", "only what the feed itself tells"}},
		{"/locked", "fetch", []string{"ask it to let our user agent in"}},
		{"/nothing", "fetch", []string{"(404)"}},
		{"/empty", "parse", []string{"lists nothing"}},
		{"/bare", "article", []string{"no text found"}},
		{"/kept", "robots", []string{"robots.txt keeps us off", `unless the site lets "pressrun" in`}},
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
	d.says(1, []string{"there is no source 99", "pressrun source ls"}, "source", "test", "99")
	d.says(1, []string{"ftp://a.example", "is not a web address", "https://host/path"}, "source", "test", "ftp://a.example/")
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
	var fresh atomic.Bool
	mux.HandleFunc("/feed.xml", func(w http.ResponseWriter, r *http.Request) {
		text := feed.String()
		if fresh.Load() {
			text = strings.Replace(text, "<item>", fmt.Sprintf("<item><title>Ferry number 999 sails</title><link>/n/999</link><pubDate>%s</pubDate></item><item>", time.Now().Add(-time.Minute).Format(time.RFC1123Z)), 1)
		}
		io.WriteString(w, text)
	})
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
	if !strings.Contains(text, "no newsletter takes it yet: add "+strconv.Quote(site.URL)) {
		t.Errorf("nothing is said of newsletters:\n%s", text)
	}
	// What comes out after is news, also when somebody adds the site again.
	fresh.Store(true)
	d.says(0, []string{"source 2 reads it already and is active; nothing was changed", "Ferry number 999"}, "source", "add", site.URL)
	_, text, _ = d.verb("", "source", "pull", "2", "--json")
	var got []digest.Collected
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got) != 1 || got[0].New != 1 || got[0].Old != 0 {
		t.Errorf("after a second add the fresh story is not news: %s", text)
	}
}

// TestSourceIsOfItsArticles: whose a feed is, its articles say, not where it lies.
func TestSourceIsOfItsArticles(t *testing.T) {
	d, _ := newDeskless(t)
	feed := func(host string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `<rss version="2.0"><channel><title>F</title><item><title>One</title><link>http://%s/a</link></item><item><title>Two</title><link>http://%[1]s/b</link></item><item><title>Three</title><link>http://127.0.0.9/c</link></item></channel></rss>`, host)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ours", feed("127.0.0.1:1")) // the newsletter is of 127.0.0.1
	mux.HandleFunc("/theirs", feed("127.0.0.7:1"))
	service := serveHTTP(t, mux)
	for path, want := range map[string][2]string{"/ours": {"127.0.0.1", "own"}, "/theirs": {"127.0.0.7", "quote"}} {
		code, text, errs := d.verb("", "source", "add", service+path, "--json")
		var out struct{ Source digest.Source }
		if err := json.Unmarshal([]byte(text), &out); err != nil || code != 0 || out.Source.Host != want[0] || out.Source.Rights != want[1] {
			t.Errorf("%s: host %q, rights %q, want %q; exit %d, %v, %s", path, out.Source.Host, out.Source.Rights, want, code, err, errs)
		}
	}
}

// TestSourceAddFindsPageLists: a site without any feed is read by its page.
func TestSourceAddFindsPageLists(t *testing.T) {
	d, _ := newDeskless(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<html><title>Old Paper</title><h2><a href="/mayor-opens-the-library">Mayor opens the library</a></h2><h2><a href="/ferry-sails-at-last">The ferry sails at last</a></h2>`)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "-") {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `<html lang="en"><body><article><h1>Mayor opens the library</h1>`+strings.Repeat("<p>The library has forty thousand books, the mayor said when she opened its doors.</p>", 5)+"</article>")
	})
	site := serveHTTP(t, mux)
	d.says(0, []string{"found page: " + site + "/ (2 items)", "added source 2: pages", "2 old items baselined, 0 will be mailed", "Mayor opens the library"}, "source", "add", site+"/")
	d.says(0, nil, "source", "pull", "2")
	d.says(0, []string{"2   active  pages"}, "source", "ls")
}
