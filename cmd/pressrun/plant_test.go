package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest"
	"pressrun/mailer/catch"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

// program is pressrun as an operator gets it: the one that ./test has built, else
// one that is built now.
func program(t *testing.T) string {
	t.Helper()
	if name := os.Getenv("PRESSRUN_TEST_PROGRAM"); name != "" {
		return name
	}
	name := filepath.Join(t.TempDir(), "pressrun")
	if out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput(); err != nil {
		t.Fatalf("build pressrun: %v: %s", err, out)
	}
	return name
}

// engines runs f for a fresh database of each engine.
func engines(t *testing.T, f func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, "press.db") })
	t.Run("postgres", func(t *testing.T) { f(t, schematest.PostgresURL(t)) })
}

// plant is an installation as an operator has it: a folder with press.toml, a
// database, and serve as a process that can be killed. The receiver of its mail
// lives in the test, and so does a second view on the database.
type plant struct {
	*testing.T
	program, dir string
	clock        string // PRESSRUN_CLOCK, "" = the real one
	now          func() time.Time
	inbox        *catch.Catcher
	press        *Press
	serve        *exec.Cmd
}

// newPlant writes the configuration and opens the database. Nothing runs yet.
func newPlant(t *testing.T, program, database, redis, clockSpec string) *plant {
	t.Helper()
	now, err := parseClock(clockSpec)
	if err != nil {
		t.Fatal(err)
	}
	pl := &plant{T: t, program: program, dir: t.TempDir(), clock: clockSpec, now: now}
	pl.inbox = &catch.Catcher{Book: true, Now: now}
	relay := listenLoopback(t)
	go pl.inbox.Serve(relay)
	t.Cleanup(func() { pl.inbox.Close() })
	web := listenQuietly(t)
	web.Close() // serve takes the port, after each restart again
	toml := fmt.Sprintf(`database = %q
redis = %q
listen = %q
beacon_token = "secret"
trusted_proxies = ["127.0.0.0/8"]
alarm_mail = "operator@gazette.example"
[fetch]
delay = "0s"
allow = ["127.0.0.0/8"]
[[relay]]
name = "relay"
url = "smtp://%s"
`, database, redis, web.Addr(), relay.Addr())
	if err := os.WriteFile(pl.path("press.toml"), []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(pl.path("press.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(c.Database, "://") {
		schematest.SQLiteFile(t, c.Database)
	}
	if pl.press, err = Open(t.Context(), c, now, slog.New(slog.NewTextHandler(io.Discard, nil))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pl.kill()
		pl.press.Close()
		if log, err := os.ReadFile(pl.path("serve.log")); t.Failed() && err == nil {
			t.Logf("the end of what serve said:\n%s", log[max(0, len(log)-6000):])
		}
	})
	return pl
}

func listenLoopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// listenQuietly listens on a port that no connection out is given as its own, so that
// it is free again when it has been closed for a while.
func listenQuietly(t *testing.T) net.Listener {
	t.Helper()
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000)))
		if err == nil {
			return l
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
}

func (pl *plant) path(name string) string { return filepath.Join(pl.dir, name) }

// start begins to serve, and waits until it answers.
func (pl *plant) start() {
	pl.Helper()
	log, err := os.OpenFile(pl.path("serve.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		pl.Fatal(err)
	}
	defer log.Close()
	pl.serve = exec.Command(pl.program, "--config", pl.path("press.toml"), "serve")
	pl.serve.Env = append(os.Environ(), "PRESSRUN_CLOCK="+pl.clock)
	pl.serve.Stderr = log
	if err := pl.serve.Start(); err != nil {
		pl.Fatal(err)
	}
	pl.until(60*time.Second, "serve answers", func() bool {
		res, err := http.Get(pl.press.Config.PublicURL + "/healthz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// kill ends serve without a warning.
func (pl *plant) kill() {
	if pl.serve == nil {
		return
	}
	pl.serve.Process.Kill()
	pl.serve.Wait()
	pl.serve = nil
}

// terminate ends serve as a service manager does, and returns how long it took.
func (pl *plant) terminate() time.Duration {
	pl.Helper()
	began := time.Now()
	pl.serve.Process.Signal(syscall.SIGTERM)
	if err := pl.serve.Wait(); err != nil {
		pl.Errorf("serve after SIGTERM: %v", err)
	}
	pl.serve = nil
	return time.Since(began)
}

func (pl *plant) until(d time.Duration, what string, ok func() bool) {
	pl.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	pl.Fatalf("not within %s: %s", d, what)
}

// subscribers puts n readers on lists, as an import does, and returns their addresses.
func (pl *plant) subscribers(n int, lists ...string) []string {
	pl.Helper()
	ctx := pl.Context()
	var addresses []string
	var people []subscribers.Subscriber
	for i := range n {
		addresses = append(addresses, fmt.Sprintf("reader%d@readers%d.example", i, i%7))
		people = append(people, subscribers.Subscriber{Email: address.Address(addresses[i]), Name: fmt.Sprintf("Reader %d", i)})
	}
	for _, name := range lists {
		list, err := pl.press.Subscribers.CreateList(ctx, subscribers.List{Name: name, Title: name, Public: true})
		if err != nil {
			pl.Fatal(err)
		}
		id, err := pl.press.Subscribers.BeginImport(ctx, subscribers.Import{File: "readers.csv", List: list.ID, Source: "test", Evidence: "test", By: "test"})
		if err != nil {
			pl.Fatal(err)
		}
		arrival := subscribers.Arrival{Import: id, List: list.ID, Consent: subscribers.Consent{Basis: subscribers.Imported, Source: "test", Evidence: "test"}}
		for at := 0; at < n; at += 250 {
			err := pl.press.DB.InTx(ctx, func(tx *sql.Tx) error {
				_, err := pl.press.Subscribers.Arrive(ctx, tx, arrival, people[at:min(at+250, n)])
				return err
			})
			if err != nil {
				pl.Fatal(err)
			}
		}
	}
	return addresses
}

// stories collects a site's articles of the last twenty hours.
func (pl *plant) stories() {
	pl.Helper()
	site := newPaper(pl.T, "Harbour Gazette", pl.now, pl.now().Add(-20*time.Hour), time.Hour)
	src, err := pl.press.Digest.AddSource(pl.Context(), digest.Source{Kind: "feed", URL: site.URL + "/feed", SiteURL: site.URL, Title: "Harbour Gazette", Rights: "own"})
	if err != nil {
		pl.Fatal(err)
	}
	got, err := pl.press.Collector.Collect(pl.Context(), src, 48*time.Hour)
	if err == nil {
		err = pl.press.Digest.StillListed(pl.Context(), src) // the second poll that a story needs
	}
	if err != nil || got.Stories < 12 {
		pl.Fatalf("collect: %+v, %v", got, err)
	}
}

// verifyAll checks every received mail of an issue against its seal, and
// returns how many there are of each issue.
func (pl *plant) verifyAll() map[int64]int {
	pl.Helper()
	var mu sync.Mutex
	var wait sync.WaitGroup
	good, bad, of := 0, 0, map[int64]int{}
	mails := make(chan catch.Message)
	for range runtime.NumCPU() {
		wait.Go(func() {
			for m := range mails {
				_, err := pl.press.Verify(context.Background(), m.Raw)
				mu.Lock()
				if err == nil {
					good++
				} else if bad++; bad < 5 {
					pl.Errorf("mail to %v: %v", m.To, err)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range pl.inbox.Messages("") {
		if issue, err := issueOfMessageID(messageID(m.Raw)); err == nil {
			mu.Lock()
			of[issue]++
			mu.Unlock()
			mails <- m
		}
	}
	close(mails)
	wait.Wait()
	pl.Logf("%d of %d mails verify against their seal", good, good+bad)
	if good == 0 || bad > 0 {
		pl.Errorf("%d of %d mails verify", good, good+bad)
	}
	return of
}

func messageID(raw []byte) string {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Message-ID") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

var testBrand = templates.Brand{Name: "The Harbour Gazette", URL: "https://gazette.example/", Postal: "2 Quay Street, Port Ellery"}

// paper is a news site whose articles appear one by one on its own clock.
type paper struct {
	*httptest.Server
	now   func() time.Time
	first time.Time // publication of article 0
	every time.Duration
	html  func(at time.Time) bool // whether the feed is an HTML page then
	head  string                  // in the head of each page
	gone  atomic.Bool             // the pages
	lost  atomic.Int64            // one more page that is gone, from 1
	ill   atomic.Int64            // the story of this number, from 1, answers 500; 0 = none
	fixed atomic.Int64            // the story of this number, from 1, has a corrected headline; 0 = none
	hangs atomic.Bool             // the site answers when the reader has given up
}

// newPaper serves articles; the first is as old as first says.
func newPaper(t *testing.T, name string, now func() time.Time, first time.Time, every time.Duration) *paper {
	p := &paper{now: now, first: first, every: every, html: func(time.Time) bool { return false }}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /feed", func(w http.ResponseWriter, r *http.Request) { p.feed(w, name) })
	mux.HandleFunc("GET /news/{story}/", func(w http.ResponseWriter, r *http.Request) { p.page(w, r, name) })
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// published is how many articles there are now.
func (p *paper) published() int { return int(p.now().Sub(p.first)/p.every) + 1 }

func (p *paper) link(i int) string { return fmt.Sprintf("%s/news/story-%d/", p.URL, i) }

func (p *paper) feed(w http.ResponseWriter, name string) {
	if p.html(p.now()) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!doctype html><title>Maintenance</title><p>We are moving to a new system.")
		return
	}
	w.Header().Set("Content-Type", "application/rss+xml")
	fmt.Fprintf(w, `<?xml version="1.0"?><rss version="2.0"><channel><title>%s</title><link>%s</link><language>en</language>`, name, p.URL)
	n := p.published()
	for i := n - 1; i >= max(0, n-30); i-- {
		title := p.title(name, i)
		fmt.Fprintf(w, "<item><guid>%s</guid><link>%[1]s</link><title>%s</title><pubDate>%s</pubDate></item>", p.link(i), title,
			p.first.Add(time.Duration(i)*p.every).Format(time.RFC1123Z))
	}
	io.WriteString(w, "</channel></rss>")
}

// title is the headline of an article as it stands.
func (p *paper) title(name string, i int) string {
	title, _ := articleOf(name, i)
	if int64(i+1) == p.fixed.Load() {
		title = "Correction: " + title
	}
	return title
}

func (p *paper) page(w http.ResponseWriter, r *http.Request, name string) {
	var i int
	if _, err := fmt.Sscanf(r.PathValue("story"), "story-%d", &i); err != nil || i >= p.published() || p.gone.Load() || int64(i+1) == p.lost.Load() {
		http.NotFound(w, r)
		return
	}
	if int64(i+1) == p.ill.Load() {
		http.Error(w, "the database of the site is away", http.StatusInternalServerError)
		return
	}
	if p.hangs.Load() {
		<-r.Context().Done()
		return
	}
	_, text := articleOf(name, i)
	title := p.title(name, i)
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>%s</title><meta property="og:title" content="%[1]s">
<link rel="canonical" href="%s"><meta property="article:published_time" content="%s">%[5]s</head><body><nav><a href="/">Home</a></nav>
<article><h1>%[1]s</h1>%[4]s</article></body></html>`, title, p.link(i), p.first.Add(time.Duration(i)*p.every).Format(time.RFC3339), text, p.head)
}

// Words of which articles are made, beside names that no two articles share.
var (
	actors = strings.Fields("council hospital museum orchestra ferry brewery library stadium university airport bakery tram lighthouse theatre shipyard")
	deeds  = strings.Fields("opens closes repairs sells honours delays doubles renames moves insures paints rebuilds praises audits expands")
	things = strings.Fields("bridge archive harvest pipeline choir budget satellite orchard tunnel festival reservoir statue timetable windmill telescope")
)

// articleOf writes article i of a paper: always the same one, and so unlike
// all others that it is not taken for the same event.
func articleOf(name string, i int) (title, text string) {
	seed := fnv.New64a()
	seed.Write([]byte(name))
	rng := rand.New(rand.NewPCG(seed.Sum64(), uint64(i)))
	pick := func(words []string) string { return words[rng.IntN(len(words))] }
	invent := func() string {
		w := make([]byte, 8) // any two differ in the first six letters, which is what stories are compared by
		for i := range w {
			w[i] = []string{"bdfghklmnprstvz", "aeiou"}[i%2][rng.IntN(15-i%2*10)]
		}
		return strings.ToUpper(string(w[:1])) + string(w[1:])
	}
	who, where, what := invent(), invent(), invent()
	title = fmt.Sprintf("%s %s %s %s %s near %s", who, pick(actors), pick(deeds), what, pick(things), where)
	var b strings.Builder
	fmt.Fprintf(&b, "<p>%s %s %s the %s %s after %d hours, %s of %s said.</p>", who, pick(actors), pick(deeds), what, pick(things), 2+rng.IntN(200), invent(), where)
	for range 4 {
		fmt.Fprintf(&b, "<p>%s %s %s %s %s with %d %s %s. %s and %s %s the %s %s, which %s from %s %s.</p>",
			invent(), pick(actors), pick(deeds), invent(), pick(things), rng.IntN(9000), invent(), pick(things),
			invent(), invent(), pick(deeds), invent(), pick(things), invent(), where, pick(deeds))
	}
	return title, b.String()
}
