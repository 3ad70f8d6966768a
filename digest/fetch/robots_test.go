package fetch

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

func TestRobotsRules(t *testing.T) {
	for _, c := range []struct {
		name, file, path string
		want             bool
	}{
		{"no file", "", "/x", true},
		{"everything", "User-agent: *\nDisallow: /", "/x", false},
		{"nothing", "User-agent: *\nDisallow:", "/x", true},
		{"an empty rule ends the group's names", "User-agent: *\nDisallow:\n\nUser-agent: badbot\nDisallow: /", "/x", true},
		{"our group before that for all", "User-agent: *\nDisallow: /\nUser-agent: PressRun\nDisallow: /private", "/x", true},
		{"our group, its rule", "User-agent: pressrun/1.0\nDisallow: /private\n\nUser-agent: *\nDisallow:", "/private/x", false},
		{"two names, one group", "User-agent: a\nUser-agent: pressrun\nDisallow: /x", "/x", false},
		{"our groups add up", "User-agent: pressrun\nDisallow: /a\n\nUser-agent: b\nDisallow: /\n\nUser-agent: pressrun\nDisallow: /x", "/x", false},
		{"somebody of a longer name", "User-agent: pressrunner\nDisallow: /", "/x", true},
		{"the longer rule", "User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", true},
		{"the kinder of equals", "User-agent: *\nDisallow: /a\nAllow: /a", "/a", true},
		{"star", "User-agent: *\nDisallow: /*/print", "/2026/print", false},
		{"star is no floating pattern", "User-agent: *\nDisallow: /a*c", "/x/abc", true},
		{"end", "User-agent: *\nDisallow: /*.php$", "/x.php", false},
		{"end, but more follows", "User-agent: *\nDisallow: /*.php$", "/x.php?a=1", true},
		{"query", "User-agent: *\nDisallow: /*?s=", "/?s=x", false},
		{"encoding", "User-agent: *\nDisallow: /k%C3%B6ln", "/köln/x", false},
		{"encoding the other way", "User-agent: *\nDisallow: /köln", "/k%c3%b6ln", false},
		{"comments, spaces, Mac line ends, BOM", "\uFEFFUser-Agent : *  # all\rDisallow : /x # that", "/x", false},
		{"a web page", "<!DOCTYPE html><html><p>User-agent: none</p>", "/x", true},
		{"rules before any name", "Disallow: /", "/x", true},
		{"itself", "User-agent: *\nDisallow: /", "/robots.txt", true},
	} {
		if got := parseRobots([]byte(c.file), "pressrun").allows(c.path); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	r := parseRobots([]byte("Sitemap: https://a.example/s.xml\nUser-agent: *\nCrawl-delay: 2.5\nSITEMAP: https://a.example/n.xml"), "pressrun")
	if r.delay != 2500*time.Millisecond || !slices.Equal(r.sitemaps, []string{"https://a.example/s.xml", "https://a.example/n.xml"}) {
		t.Errorf("got %+v", r)
	}
	if r := parseRobots([]byte("User-agent: *\nCrawl-delay: 86400"), "pressrun"); r.delay != maxCrawlDelay {
		t.Errorf("a day of delay: got %v", r.delay)
	}
}

func TestRobots(t *testing.T) {
	var asked atomic.Int64
	status := atomic.Int64{}
	status.Store(200)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.WriteHeader(int(status.Load()))
		fmt.Fprint(w, "User-agent: *\nDisallow: /private\nCrawl-delay: 1")
	})
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	c := local()
	c.Now = func() time.Time { return now }
	check := func(path string, want bool) {
		t.Helper()
		if allowed, _, err := c.Robots(t.Context(), s.URL+path); err != nil || allowed != want {
			t.Errorf("%s: got %v, %v, want %v", path, allowed, err, want)
		}
	}
	check("/a", true)
	check("/private/a", false)
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want once", asked.Load())
	}
	now = now.Add(7 * time.Hour)
	status.Store(503)
	check("/private/a", false) // the old rules hold
	fresh := local()
	if allowed, _, err := fresh.Robots(t.Context(), s.URL+"/a"); allowed || err == nil {
		t.Errorf("a server at fault: got %v, %v, want nothing allowed", allowed, err)
	}
	status.Store(404)
	if allowed, _, err := local().Robots(t.Context(), s.URL+"/private/a"); !allowed || err != nil {
		t.Errorf("no file: got %v, %v, want all allowed", allowed, err)
	}
}

// TestCrawlDelay: once robots.txt was read, its pause holds for the host.
func TestCrawlDelay(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "User-agent: *\nCrawl-delay: 0.2") })
	c := local()
	if _, delay, err := c.Robots(t.Context(), s.URL+"/a"); err != nil || delay != 200*time.Millisecond {
		t.Fatalf("delay %v, %v", delay, err)
	}
	began := time.Now()
	for range 2 {
		if _, err := c.Get(t.Context(), s.URL+"/a", Validators{}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 350*time.Millisecond {
		t.Errorf("two pages in %v, want a pause of 200 ms before each", took)
	}
}

func FuzzRobots(f *testing.F) {
	f.Add("User-agent: *\nDisallow: /a*b$\nAllow: /%zz\nCrawl-delay: 1e308\nSitemap: x", "/a%2fb?x")
	f.Add("User-agent: pressrun\rDisallow: "+strings.Repeat("*a", 500), "/"+strings.Repeat("a", 500))
	// A file can forbid and slow down, within bounds; one that names nobody forbids nothing.
	f.Fuzz(func(t *testing.T, file, path string) {
		r := parseRobots([]byte(file), "pressrun")
		allowed := r.allows(path)
		if r.delay < 0 || r.delay > maxCrawlDelay || len(r.rules) > maxRules {
			t.Fatalf("%q: %+v", file, r)
		}
		if !strings.Contains(strings.ToLower(file), "user-agent") && !allowed {
			t.Fatalf("%q forbids %q", file, path)
		}
		for _, s := range r.sitemaps {
			if !utf8.ValidString(s) {
				t.Fatalf("sitemap %q", s)
			}
		}
	})
}

// TestHostileRobots: the costliest files and paths there can be take no time to
// speak of. A cost that grows with the square of the size would take minutes.
func TestHostileRobots(t *testing.T) {
	path := "/" + strings.Repeat("a", 8000)
	for name, rule := range map[string]string{
		"long rules full of stars":        "Disallow: /" + strings.Repeat("*a", 1000) + "b$",
		"short rules full of stars":       "Disallow: /" + strings.Repeat("*a", 40) + "b$",
		"stars alone":                     "Disallow: /" + strings.Repeat("*", 2000) + "b",
		"pieces found only at the end":    "Disallow: /*" + strings.Repeat("a", 2000) + "b",
		"percent signs":                   "Disallow: /" + strings.Repeat("%61", 600) + "b",
		"pieces that nearly match always": "Disallow: /*" + strings.Repeat("a", 1000) + "b*" + strings.Repeat("a", 900) + "c",
	} {
		file := "User-agent: *\n" + strings.Repeat(rule+"\n", robotsBytes/len(rule))
		began := time.Now()
		allowed := parseRobots([]byte(file), "pressrun").allows(path)
		if took := time.Since(began); took > 20*time.Second || !allowed {
			t.Errorf("%s: %v, allowed %v", name, took, allowed)
		} else {
			t.Logf("%s: %v", name, took.Round(time.Millisecond))
		}
	}
}
