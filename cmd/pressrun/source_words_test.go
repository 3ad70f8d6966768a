package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestSourceAddSaysHowToMend gives `source add` what operators give it by mistake:
// each refusal names the address and what to do.
func TestSourceAddSaysHowToMend(t *testing.T) {
	d, _ := newDeskless(t)
	item := `<item><title>The ferry is back</title><link>/a</link><pubDate>Mon, 23 Nov 2026 07:05:09 +0300</pubDate></item>`
	mux := http.NewServeMux()
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/often", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	mux.HandleFunc("/gone", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusGone) })
	mux.HandleFunc("/teapot", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("/blank", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/none", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Nothing yet</title></channel></rss>`)
	})
	mux.HandleFunc("/packed", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		fmt.Fprint(w, "x")
	})
	mux.HandleFunc("/half", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Half</title>`+strings.Repeat(item, 2)+`<item><title>Half a t`)
	})
	site := serveHTTP(t, mux)
	for _, c := range []struct{ address, say string }{
		{"", "no address is given; write https://host/path"},
		{"not a url", "write https://host/path"},
		{"ftp://a.example/", "write https://host/path"},
		{"http://", "write https://host/path"},
		{"http://me:pw@a.example/feed", "leave that out"},
		{site + "/loop", "give the address at which it ends"},
		{site + "/often", "stay away for 1h0m0s"},
		{site + "/gone", "add the site by its home page"},
		{site + "/teapot", "open the address in a browser"},
		{site + "/blank", "open it in a browser"},
		{site + "/none", "add it when it has its first item"},
		{site + "/packed", "tell the site"},
	} {
		code, out, errs := d.verb("", "source", "add", c.address)
		if code == 0 || !strings.Contains(errs, c.say) || c.address != "" && !strings.Contains(errs, c.address) {
			t.Errorf("add %q: %d %s%s, want %q", c.address, code, out, errs, c.say)
		}
	}
	// What is polled by hand says which page is not read and why, leaves out what is
	// paused, and fails with a source.
	var asked atomic.Int64
	mux.HandleFunc("/kept", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Kept</title>`+strings.ReplaceAll(item, "/a", fmt.Sprint("/away-", asked.Add(1)))+`</channel></rss>`)
	})
	if code, out, errs := d.verb("", "source", "add", site+"/kept", "--rights", "own", "--fresh", "87600h"); code != 0 {
		t.Fatalf("add: %d %s%s", code, out, errs)
	}
	id := site + "/kept"
	if code, out, errs := d.verb("", "source", "pull", id); code != 0 || !strings.Contains(out, ": nothing is at this address") {
		t.Errorf("pull: %d %s%s", code, out, errs)
	}
	d.verb("", "source", "pause", id)
	if code, out, errs := d.verb("", "source", "pull"); code != 0 || strings.Contains(out, "/kept") || !strings.Contains(errs, "is paused and left out") {
		t.Errorf("pull all: %d %s%s", code, out, errs)
	}
	if _, out, errs := d.verb("", "source", "test", site+"/half"); !strings.Contains(out, "FAIL whole") {
		t.Errorf("half a feed: %s%s", out, errs)
	}
}
