package trend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest/article"
	"pressrun/digest/trend"
)

// line is a log line of nginx's "combined" format.
func line(addr, when, request string, status int, agent string) string {
	return fmt.Sprintf("%s - - [%s] \"%s\" %d 5120 \"https://news.example/\" \"%s\"\n", addr, when, request, status, agent)
}

// caddy is a line of Caddy's log of requests.
func caddy(ts, host, uri, address, agent string) string {
	return fmt.Sprintf(`{"level":"info","ts":%s,"logger":"http.log.access","msg":"handled request","request":{%q:"192.0.2.1","remote_port":"4711","proto":"HTTP/2.0","method":"GET","host":%q,"uri":%q,"headers":{"User-Agent":[%q]}},"size":5120,"status":200}`+"\n", ts, address, host, uri, agent)
}

// Readers of a virtual host are told apart by their addresses.
func TestIngestLogVirtualHost(t *testing.T) {
	_, views := ingest(t, trend.LogOptions{}, "news.example:443 "+line("192.0.2.1", noonLog, "GET /a HTTP/1.1", 200, firefox)+"news.example:443 "+line("192.0.2.2", noonLog, "GET /a HTTP/1.1", 200, firefox))
	if len(views) != 2 {
		t.Errorf("got %d views of two readers", len(views))
	}
}

const noonLog = "29/Mar/2026:14:05:00 +0200" // 12:05 UTC

func ingest(t *testing.T, o trend.LogOptions, text string) (trend.LogReport, []trend.View) {
	t.Helper()
	var views []trend.View
	o.Site, o.Now = "https://news.example", at(noon)
	report, err := trend.IngestLog(t.Context(), strings.NewReader(text), o, func(v []trend.View) error {
		views = append(views, v...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return report, views
}

func TestIngestLog(t *testing.T) {
	mine := func(src string) bool { return src == "digest" }
	for _, c := range []struct {
		name, line string
		want       string // "" = a view
	}{
		{"nginx", line("192.0.2.1", noonLog, "GET /a/story HTTP/1.1", 200, firefox), ""},
		{"not modified", line("192.0.2.1", noonLog, "GET /a/story HTTP/2.0", 304, firefox), ""},
		{"ipv6, Apache's user", `2001:db8::1 - jane [29/Mar/2026:14:05:00 +0200] "GET /a/story HTTP/1.1" 200 99 "-" "` + firefox + `"`, ""},
		{"escaped quotes", `192.0.2.1 - - [` + noonLog + `] "GET /a/story HTTP/1.1" 200 99 "https://x.example/?q=\"a\"" "` + firefox + ` \"x\"" "extra"`, ""},
		{"dots in the path", line("192.0.2.1", noonLog, "GET /2026/03/version-1.5 HTTP/1.1", 200, firefox), ""},
		{"bot", line("192.0.2.1", noonLog, "GET /a/story HTTP/1.1", 200, "Mozilla/5.0 (compatible; bingbot/2.0)"), "bot"},
		{"no agent", line("192.0.2.1", noonLog, "GET /a/story HTTP/1.1", 200, "-"), "bot"},
		{"post", line("192.0.2.1", noonLog, "POST /a/story HTTP/1.1", 200, firefox), "not a page that was shown"},
		{"redirect", line("192.0.2.1", noonLog, "GET /a/story HTTP/1.1", 301, firefox), "not a page that was shown"},
		{"picture", line("192.0.2.1", noonLog, "GET /a/story.jpg?w=9 HTTP/1.1", 200, firefox), "not an article"},
		{"front page", line("192.0.2.1", noonLog, "GET / HTTP/1.1", 200, firefox), "not an article"},
		{"feed", line("192.0.2.1", noonLog, "GET /feed/ HTTP/1.1", 200, firefox), "not an article"},
		{"newsletter", line("192.0.2.1", noonLog, "GET /a/story?src=digest HTTP/1.1", 200, firefox), "newsletter"},
		{"preview", line("192.0.2.1", noonLog, "GET /?p=7&preview=true HTTP/1.1", 200, firefox), "preview"},
		{"old", line("192.0.2.1", "20/Mar/2026:12:00:00 +0000", "GET /a/story HTTP/1.1", 200, firefox), "too old"},
		{"Apache's vhost_combined", "www.news.example:443 " + line("192.0.2.1", noonLog, "GET /a/story HTTP/1.1", 200, firefox), ""},
		{"an address with its port", line("192.0.2.1:51234", noonLog, "GET /a/story HTTP/1.1", 200, firefox), ""},
		{"another virtual host", "shop.example:443 " + line("192.0.2.1", noonLog, "GET /a/story HTTP/1.1", 200, firefox), "of another site"},
		{"Caddy", caddy(`1774785900.25`, "news.example", "/a/story", "client_ip", firefox), ""},
		{"Caddy before 2.7, iso8601", caddy(`"2026-03-29T12:05:00.000Z"`, "news.example:443", "/a/story", "remote_ip", firefox), ""},
		{"Caddy, rfc3339", caddy(`"2026-03-29T14:05:00+02:00"`, "news.example", "/a/story", "remote_ip", firefox), ""},
		{"Caddy, another site", caddy(`1774785900`, "shop.example", "/a/story", "client_ip", firefox), "of another site"},
		{"Caddy, a robot", caddy(`1774785900`, "news.example", "/a/story", "client_ip", "bingbot/2.0"), "bot"},
		{"other JSON", `{"msg": "serving"}`, "not in combined format"},
		{"common format", `192.0.2.1 - - [` + noonLog + `] "GET /a HTTP/1.1" 200 99`, "not in combined format"},
		{"junk of a scanner", `192.0.2.1 - - [` + noonLog + `] "\x16\x03\x01" 400 150 "-" "-"`, "not in combined format"},
		{"half a line", `192.0.2.1 - - [29/Mar`, "not in combined format"},
		{"very long", "192.0.2.1 " + strings.Repeat("x", 200_000), "not in combined format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report, views := ingest(t, trend.LogOptions{Mark: mine}, c.line)
			want := map[string]int{}
			if c.want != "" {
				want[c.want] = 1
			}
			if report.Lines != 1 || !maps.Equal(report.Ignored, want) || len(views) != 1-len(want) || report.Views != len(views) {
				t.Fatalf("got %+v and %d views, want ignored %v", report, len(views), want)
			}
			if len(views) == 0 {
				return
			}
			if want := time.Date(2026, 3, 29, 12, 5, 0, 0, time.UTC); !views[0].At.Truncate(time.Second).Equal(want) || strings.Contains(fmt.Sprint(views[0]), "192.0.2.1") {
				t.Errorf("got %+v, want it at %v and without the address", views[0], want)
			}
			if key, _ := article.KeyOf("https://news.example/a/story"); c.name == "nginx" && views[0].Key != string(key) {
				t.Errorf("got key %s, want %s", views[0].Key, key)
			}
		})
	}
}

func TestIngestLogPaths(t *testing.T) {
	text := line("192.0.2.1", noonLog, "GET /news/1 HTTP/1.1", 200, firefox) + line("192.0.2.1", noonLog, "GET /about HTTP/1.1", 200, firefox)
	report, _ := ingest(t, trend.LogOptions{Path: regexp.MustCompile(`^/news/`)}, text)
	if report.Views != 1 || report.Ignored["not an article"] != 1 {
		t.Errorf("got %+v, want one view", report)
	}
}

func TestIngestLogTwice(t *testing.T) {
	c := trend.NewSQL(schematest.SQLite(t), at(noon))
	text := line("192.0.2.1", noonLog, "GET /a HTTP/1.1", 200, firefox) + line("192.0.2.2", noonLog, "GET /a HTTP/1.1", 200, firefox) + line("192.0.2.1", noonLog, "GET /a HTTP/1.1", 200, firefox)
	for i, want := range []int{2, 0} {
		got := 0
		_, err := trend.IngestLog(t.Context(), strings.NewReader(text), trend.LogOptions{Site: "https://news.example", Salt: c.Salt, Now: at(noon)}, func(v []trend.View) error {
			n, err := c.Add(t.Context(), v)
			got += n
			return err
		})
		if err != nil || got != want {
			t.Errorf("reading %d: got %d counted, %v; want %d", i+1, got, err, want)
		}
	}
}

func TestIngestLogStops(t *testing.T) {
	text := line("192.0.2.1", noonLog, "GET /a HTTP/1.1", 200, firefox)
	full := errors.New("full")
	_, err := trend.IngestLog(t.Context(), strings.NewReader(text), trend.LogOptions{Site: "https://news.example", Now: at(noon)}, func([]trend.View) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
}

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	write := func(flag int, text string) {
		f, err := os.OpenFile(path, flag|os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := io.WriteString(f, text); err != nil {
			t.Fatal(err)
		}
	}
	story := func(n int) string {
		return line("192.0.2.1", noonLog, fmt.Sprintf("GET /a%d HTTP/1.1", n), 200, firefox)
	}
	write(os.O_APPEND, story(0)) // before we come: not ours
	ctx, cancel := context.WithCancel(t.Context())
	r, err := trend.Follow(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var mu sync.Mutex
	var views int
	seen := func(n int) func() bool {
		return func() bool { mu.Lock(); defer mu.Unlock(); return views == n }
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := trend.IngestLog(context.WithoutCancel(ctx), r, trend.LogOptions{Site: "https://news.example", Now: at(noon)}, func(v []trend.View) error {
			mu.Lock()
			defer mu.Unlock()
			views += len(v)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	write(os.O_APPEND, story(1))
	eventually(t, seen(1))
	write(os.O_APPEND, story(2)) // and rotated before anybody looked
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(os.O_APPEND, story(3))
	eventually(t, seen(3))
	write(os.O_TRUNC, story(4)[:40]) // copytruncate, and half a line
	time.Sleep(250 * time.Millisecond)
	write(os.O_APPEND, story(4)[40:])
	eventually(t, seen(4))
	cancel()
	wg.Wait()
}

func FuzzIngestLog(f *testing.F) {
	f.Add(caddy(`1774785900.25`, "news.example:443", "/a/story", "client_ip", firefox))
	f.Add("news.example:443 " + line("192.0.2.1", noonLog, "GET /a HTTP/1.1", 200, firefox))
	f.Add(line("192.0.2.1", noonLog, "GET /a/story HTTP/1.1", 200, firefox))
	f.Add(`::1 - - [29/Mar/2026:14:05:00 +0200] "GET http://[::1/ HTTP/1.1" 200 9 "\"" "Mozilla/5.0 \`)
	f.Add("\"] [\n[]\"\"")
	f.Fuzz(func(t *testing.T, text string) {
		// every line is accounted for, and no view is out of reach
		views := 0
		report, err := trend.IngestLog(t.Context(), strings.NewReader(text), trend.LogOptions{Site: "https://news.example", Now: at(noon)}, func(list []trend.View) error {
			views += len(list)
			for _, v := range list {
				if v.Key == "" || len(v.Visitor) != 8 || v.At.Before(noon.Add(-trend.KeepHours*time.Hour)) || v.At.After(noon.Add(time.Hour)) {
					t.Errorf("got view %+v", v)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ignored := 0
		for _, n := range report.Ignored {
			ignored += n
		}
		if views != report.Views || report.Lines != report.Views+ignored {
			t.Errorf("got %d views and %+v", views, report)
		}
	})
}

func TestIngestLogCaps(t *testing.T) {
	var text strings.Builder
	for i := range 100 {
		text.WriteString(line("192.0.2.1", noonLog, fmt.Sprintf("GET /a/%d HTTP/1.1", i), 200, firefox))
		text.WriteString(line("198.51.100.7", noonLog, fmt.Sprintf("GET /a/%d HTTP/1.1", i), 200, firefox))
	}
	report, views := ingest(t, trend.LogOptions{Newsroom: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}, text.String())
	if len(views) != 60 || report.Ignored["visitor cap"] != 40 || report.Ignored["editor"] != 100 {
		t.Errorf("got %d views, %v; want 60 of the reader, none of the newsroom", len(views), report.Ignored)
	}
	if _, views := ingest(t, trend.LogOptions{PerVisitor: -1}, text.String()); len(views) != 200 {
		t.Errorf("without a bound: got %d views, want 200", len(views))
	}
}
