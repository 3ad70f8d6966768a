package fetch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// local is a client that may read loopback addresses and does not pause.
func local() *Client {
	return &Client{Delay: -1, Timeout: 5 * time.Second, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// wantKind fails unless err is an *Error of that kind with words for people.
func wantKind(t *testing.T, err error, kind string) *Error {
	t.Helper()
	var fe *Error
	if !errors.As(err, &fe) {
		t.Fatalf("got error %v, want an *Error of kind %s", err, kind)
	}
	if fe.Kind != kind || fe.Message == "" {
		t.Errorf("got kind %q (%s), want %q", fe.Kind, fe, kind)
	}
	return fe
}

func TestConditionalGet(t *testing.T) {
	const etag, modified = `"v1"`, "Mon, 23 Nov 2026 07:00:00 GMT"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/etag":
			w.Header().Set("ETag", etag)
			w.Header().Set("Last-Modified", modified)
			if r.Header.Get("If-None-Match") == etag && r.Header.Get("If-Modified-Since") == modified {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		case "/deaf": // sends its validators but never 304
			w.Header().Set("ETag", etag)
		}
		fmt.Fprint(w, "body")
	})
	for _, path := range []string{"/etag", "/deaf", "/nothing"} {
		t.Run(path, func(t *testing.T) {
			c := local()
			first, err := c.Get(t.Context(), s.URL+path, Validators{})
			if err != nil || string(first.Body) != "body" || first.NotModified {
				t.Fatalf("first: %+v, %v", first, err)
			}
			again, err := c.Get(t.Context(), s.URL+path, first.Validators)
			if err != nil || !again.NotModified || again.Body != nil {
				t.Errorf("again: NotModified = %v, body %q, %v", again.NotModified, again.Body, err)
			}
			if again.Validators != first.Validators {
				t.Errorf("validators changed: got %+v, want %+v", again.Validators, first.Validators)
			}
		})
	}
}

func TestReferer(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "from %q", r.Header.Values("Referer")) })
	for referer, want := range map[string]string{"": "from []", "https://news.example/": `from ["https://news.example/"]`} {
		if r, err := local().GetFrom(t.Context(), s.URL, referer); err != nil || string(r.Body) != want {
			t.Errorf("%q: %s, %v, want %s", referer, r.Body, err, want)
		}
	}
}

// TestRefresh: a page that sends browsers on is followed; not one that is loaded anew
// every few minutes, one for browsers without script, or a circle without end.
func TestRefresh(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, map[string]string{
			"/at-once":  `<html><head><META HTTP-EQUIV="Refresh" CONTENT="0; URL='/there'"></head><body>You are being redirected</body>`,
			"/twice":    `<meta http-equiv=refresh content="1;url=at-once">`,
			"/news":     `<meta http-equiv="refresh" content="300;url=/news?again"><p>news`,
			"/itself":   `<meta http-equiv="refresh" content="0"><p>itself`,
			"/noscript": `<head><noscript><meta http-equiv="refresh" content="0;url=/plain"></noscript></head><p>noscript`,
			"/circle":   `<meta http-equiv="refresh" content="0;url=/circle?` + r.URL.RawQuery + `x">`,
			"/script":   `<meta http-equiv="refresh" content="0;url=javascript:alert(1)"><p>script`,
			"/there":    `<p>there`,
		}[r.URL.Path])
	})
	for from, to := range map[string]string{"/at-once": "/there", "/twice": "/there", "/news": "/news", "/itself": "/itself", "/noscript": "/noscript", "/circle": "/circle?xx", "/script": "/script"} {
		if r, err := local().GetFrom(t.Context(), s.URL+from, ""); err != nil || r.URL != s.URL+to {
			t.Errorf("%s leads to %s, %v, want %s", from, r.URL, err, to)
		}
	}
	refused := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<meta http-equiv="refresh" content="0;url=http://10.0.0.1/">`)
	})
	if _, err := local().GetFrom(t.Context(), refused.URL, ""); err == nil {
		t.Error("it leads into a private network")
	}
}

func TestStatusInWords(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/429":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(429)
		case "/404":
			w.WriteHeader(404)
		case "/challenge":
			w.WriteHeader(403)
			fmt.Fprint(w, "<html><title>Just a moment...</title>")
		case "/empty":
		}
	})
	for _, c := range []struct {
		path, kind string
		status     int
		temporary  bool
		retry      time.Duration
	}{
		{"/429", KindStatus, 429, true, 2 * time.Minute},
		{"/404", KindStatus, 404, false, 0},
		{"/challenge", KindChallenge, 403, true, 0},
		{"/empty", KindEmpty, 200, true, 0},
	} {
		t.Run(c.path, func(t *testing.T) {
			r, err := local().Get(t.Context(), s.URL+c.path, Validators{})
			fe := wantKind(t, err, c.kind)
			if fe.Status != c.status || fe.Temporary != c.temporary || fe.RetryAfter != c.retry || r.Status != c.status {
				t.Errorf("got %+v", fe)
			}
		})
	}
}

func TestRedirectsForGoodAreTold(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/old", http.RedirectHandler("/middle", http.StatusMovedPermanently))
	mux.Handle("/middle", http.RedirectHandler("/new", http.StatusPermanentRedirect))
	mux.Handle("/today", http.RedirectHandler("/old", http.StatusFound))
	mux.HandleFunc("/new", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") })
	s := httptest.NewServer(mux)
	defer s.Close()
	c := local()
	for from, moved := range map[string]string{"/old": s.URL + "/new", "/today": "", "/new": ""} {
		r, err := c.Get(t.Context(), s.URL+from, Validators{})
		if err != nil || r.URL != s.URL+"/new" || r.MovedTo != moved {
			t.Errorf("%s: URL %q, MovedTo %q, %v; want MovedTo %q", from, r.URL, r.MovedTo, err, moved)
		}
	}
}

func TestGzipIsUndoneAndBounded(t *testing.T) {
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	fmt.Fprint(zw, strings.Repeat("a", 100_000))
	zw.Close()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	})
	c := local()
	r, err := c.Get(t.Context(), s.URL, Validators{})
	if err != nil || len(r.Body) != 100_000 {
		t.Fatalf("got %d bytes, %v", len(r.Body), err)
	}
	c.MaxBytes = 99_999
	_, err = c.Get(t.Context(), s.URL, Validators{})
	wantKind(t, err, KindTooLarge)
}

// TestPackedOddly: a page that is sent as it is, whatever its header says, and one
// behind whose packed part something stands, are read as browsers read them.
func TestPackedOddly(t *testing.T) {
	pack := func(s string) string {
		var b bytes.Buffer
		zw := gzip.NewWriter(&b)
		fmt.Fprint(zw, s)
		zw.Close()
		return b.String()
	}
	const page = "<rss>news</rss>"
	for _, c := range []struct{ name, encoding, body string }{
		{"said to be gzip", "gzip", page},
		{"named by its charset", "UTF-8", page},
		{"named none", "none", "\n" + page},
		{"a line end behind it", "gzip", pack(page) + "\n"},
		{"a comment behind it", "gzip", pack(page) + "\n<!-- cached 2026 -->"},
		{"zeros behind it", "gzip", pack(page) + strings.Repeat("\x00", 300)},
		{"in two parts", "gzip", pack("<rss>") + pack("news</rss>")},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", c.encoding)
			fmt.Fprint(w, c.body)
		})
		if r, err := local().Get(t.Context(), s.URL, Validators{}); err != nil || strings.TrimSpace(string(r.Body)) != page {
			t.Errorf("%s: %q, %v", c.name, r.Body, err)
		}
	}
}

// TestCookieWall: a site that looks whether its cookie comes back, at the same
// address or by way of another, is read; one that never has enough of it is left.
func TestCookieWall(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("seen"); err == nil && r.URL.Path != "/never" {
			fmt.Fprint(w, "here")
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1", Path: "/"})
		switch r.URL.Path {
		case "/bounce":
			http.Redirect(w, r, "/check", http.StatusFound)
		case "/check":
			http.Redirect(w, r, "/bounce", http.StatusFound)
		default:
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}
	})
	c := local()
	for _, path := range []string{"/same", "/bounce", "/same"} {
		if r, err := c.Get(t.Context(), s.URL+path, Validators{}); err != nil || string(r.Body) != "here" {
			t.Errorf("%s: %q, %v", path, r.Body, err)
		}
	}
	_, err := c.Get(t.Context(), s.URL+"/never", Validators{})
	wantKind(t, err, KindRedirect)
}
