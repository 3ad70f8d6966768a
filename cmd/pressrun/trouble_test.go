package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/subscribers"
)

// says runs a verb that cannot work, and requires an exit code and words.
func (d *deskless) says(want int, words []string, args ...string) {
	d.Helper()
	code, out, errs := d.verb("", args...)
	if code != want {
		d.Errorf("%v: exit %d, want %d", args, code, want)
	}
	for _, w := range words {
		if !strings.Contains(out+errs, w) {
			d.Errorf("%v says %q; want what, where and how to mend it: %q", args, out+errs, w)
		}
	}
}

// TestVerbsSayHowToMend reads what verbs say about trouble: what, where, how
// to mend it.
func TestVerbsSayHowToMend(t *testing.T) {
	d, site := newDeskless(t)
	config, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	with := func(line string) *deskless {
		other := &deskless{T: t, dir: d.dir, config: d.path("other.toml")}
		if err := os.WriteFile(other.config, append([]byte(line+"\n"), config...), 0o600); err != nil {
			t.Fatal(err)
		}
		return other
	}
	relay := func(url string) *deskless {
		other := with("")
		text, _ := os.ReadFile(other.config)
		if err := os.WriteFile(other.config, append(text, "\n[[relay]]\nname = \"main\"\nurl = \""+url+"\"\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
		return other
	}
	notFeed := func(body string) string {
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) })
		return serveHTTP(t, mux)
	}
	taken := listenLoopback(t)
	defer taken.Close()

	d.says(1, []string{"http://127.0.0.1:1/feed", "refused", "the server is down or the port is wrong"}, "source", "add", "http://127.0.0.1:1/feed")
	html := notFeed("<!doctype html><title>Moving</title><p>Back soon.")
	d.says(1, []string{html, "give the address of the feed itself"}, "source", "add", html)
	empty := notFeed(`<?xml version="1.0"?><rss version="2.0"><channel><title>Empty</title></channel></rss>`)
	d.says(1, []string{empty, "has no items", "wait for the first"}, "source", "test", empty)
	d.says(1, []string{"127.0.0.1:1", "connection was refused"}, "source", "test", "http://127.0.0.1:1/feed")

	d.says(1, []string{"source 99: not found", "pressrun source ls"}, "source", "pause", "99")
	d.says(1, []string{"story 99: not found", "pressrun story ls"}, "story", "show", "99")
	d.says(2, []string{`"tomorrow" is not a time`, "with its zone"}, "story", "hold", "1", "--until", "tomorrow")
	d.says(0, []string{`no story of the last 48h0m0s has "zebra"`, "--since"}, "story", "ls", "--search", "zebra")
	d.says(1, []string{`"[[" is no CSS selector`, "div.article-body"}, "source", "set", "1", "--body", "[[")
	d.says(1, []string{"is an address", "--url https://a.example/", "pressrun source test"}, "extract", "https://a.example/")
	if _, _, errs := d.verb(`{"id": 1}`, "story", "cluster"); !strings.Contains(errs, "all its values texts") {
		t.Errorf("story cluster says %q", errs)
	}
	if _, _, errs := d.verb("%PDF-1.7 and so on", "extract"); !strings.Contains(errs, "it is no web page but application/pdf") {
		t.Errorf("extract says %q", errs)
	}

	relay("smtp://127.0.0.1:1").says(1, []string{"relay main", "127.0.0.1:1", "connection refused"}, "doctor", "smtp")
	t.Setenv("PRESSRUN_RELAY_MAIN_PASSWORD", "hunter2")
	wrong := relay("smtp://press@" + refusingPasswords(t))
	wrong.says(1, []string{"relay main", "535", "authentication failed"}, "doctor", "smtp")
	if _, out, errs := wrong.verb("", "doctor", "smtp"); strings.Contains(out+errs, "hunter2") {
		t.Error("the message shows the password")
	}

	with(`redis = "redis://127.0.0.1:1/0"`).says(1, []string{"redis://127.0.0.1:1/0 do not answer", "connect to Redis", "ranked by the last snapshot until they do", "Check the address"}, "doctor", "redis")
	full := schematest.Redis(t)
	o, err := redis.ParseURL(full)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	defer c.Close()
	if err := c.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err(); err != nil { // as one that cannot save, it answers and refuses to write
		t.Fatal(err)
	}
	defer c.ConfigSet(t.Context(), "min-replicas-to-write", "0")
	with(fmt.Sprintf("redis = %q", full)).says(1, []string{"answer and take nothing", "NOREPLICAS", "waits in memory"}, "doctor", "redis")
	log := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(log, []byte(`192.0.2.1 - - [28/Nov/2026:03:00:00 +0000] "GET /a HTTP/1.1" 200 1 "-" "Mozilla/5.0"`), 0o600); err != nil {
		t.Fatal(err)
	}
	with(`redis = "redis://127.0.0.1:1/0"`).says(1, []string{"redis://127.0.0.1:1/0 do not answer", "pressrun doctor redis", "line 1"}, "trend", "ingest-log", "--site", "https://news.example", log)
	database := func(name string) *deskless {
		t.Setenv("PRESSRUN_DATABASE", name)
		return d
	}
	database("postgres://press@127.0.0.1:1/press").says(1, []string{"postgres://press@127.0.0.1:1/press", "start it, or mend the address under database"}, "source", "ls")
	if _, _, errs := d.verb("", "source", "ls"); strings.Count(errs, "refused") != 1 || strings.Count(errs, "\n") != 1 {
		t.Errorf("a server that is away is told of more than once: %s", errs)
	}
	database("other.toml").says(1, []string{"other.toml", "not a SQLite database"}, "source", "ls")
	os.Unsetenv("PRESSRUN_DATABASE")
	with(`lisen = "127.0.0.1:1"`).says(2, []string{"other.toml:1", `unknown key "lisen"`, `did you mean "listen"?`}, "serve")
	d.says(1, []string{taken.Addr().String(), "another program uses that port", "choose another port: listen in press.toml"}, "serve", "--listen", taken.Addr().String())
	d.says(0, []string{site.URL}, "source", "ls") // all that changed nothing

	var said strings.Builder
	e := &env{ctx: t.Context(), config: d.config, err: &said}
	err = e.with(func(p *Press) error {
		p.Subscribers.Journal.Close() // so it cannot be written
		return p.Subscribers.SuppressAddress(t.Context(), "ann@example.com", subscribers.Manual, "asked by telephone")
	})
	if text := said.String(); err != nil || !strings.Contains(text, "Not in the journal yet") || !strings.Contains(text, "pressrun doctor writes it") || !strings.Contains(text, "departures.journal") {
		t.Errorf("of a journal that cannot be written a verb says %q, %v", text, err)
	}
}

// TestPageOfAStoryFails has one page answer 500: the others are told, and the
// source is not ill for it.
func TestPageOfAStoryFails(t *testing.T) {
	d, site := newDeskless(t)
	site.ill.Store(13)
	site.first = site.first.Add(-2 * time.Hour) // one more article, number 14, comes after it
	d.says(0, nil, "source", "pull")
	_, stories, _ := d.verb("", "story", "ls", "--json")
	title, _ := articleOf("Harbour Gazette", 13)
	if !strings.Contains(stories, title) {
		t.Errorf("the story after the one that failed is missing: %s", stories)
	}
	d.says(0, []string{"active"}, "source", "ls") // one page does not make a source ill
}

func serveHTTP(t *testing.T, h http.Handler) string {
	l := listenLoopback(t)
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String()
}

// refusingPasswords is a relay that lets nobody in.
func refusingPasswords(t *testing.T) string {
	l := listenLoopback(t)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprint(conn, "220 relay.example ESMTP\r\n")
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					switch word, _, _ := strings.Cut(strings.ToUpper(lines.Text()), " "); word {
					case "EHLO":
						fmt.Fprint(conn, "250-relay.example\r\n250 AUTH CRAM-MD5\r\n")
					case "AUTH":
						fmt.Fprint(conn, "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+\r\n")
					case "QUIT":
						fmt.Fprint(conn, "221 bye\r\n")
						return
					default:
						fmt.Fprint(conn, "535 5.7.8 authentication failed\r\n")
					}
				}
			}()
		}
	}()
	return l.Addr().String() + "?tls=none"
}

// TestKeyFileTrouble refuses to start when links that were sent could no
// longer be verified, and makes no new key that would hide it.
func TestKeyFileTrouble(t *testing.T) {
	d, _ := newDeskless(t)
	file := d.path("link.keys")
	keys, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	put := func(text []byte, mode os.FileMode) {
		os.Remove(file)
		if err := os.WriteFile(file, text, mode); err != nil {
			t.Fatal(err)
		}
	}
	restore := "restore the"
	for _, c := range []struct {
		name string
		make func()
		code int
		want []string
	}{
		{"gone", func() { os.Remove(file) }, exitFailed, []string{file, "there is no", restore}},
		{"still gone", func() {}, exitFailed, []string{file, "there is no", restore}},
		{"cut", func() { put(keys[:len(keys)-20], 0o600) }, exitUsage, []string{file, "line 2", "cut or changed", restore}},
		{"empty", func() { put(nil, 0o600) }, exitUsage, []string{file, "no key", restore}},
		{"another installation's", func() {
			put([]byte("k1:"+strings.Repeat("QUJD", 11)+"\n"), 0o600)
		}, exitFailed, []string{file, "key k1", restore}},
		{"without the key that signed", func() {
			put([]byte("k2:"+strings.Repeat("QUJD", 11)+"\n"), 0o600)
		}, exitFailed, []string{file, "key k1", restore}},
		{"readable by others", func() { put(keys, 0o644) }, exitUsage, []string{file, "chmod 600"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.make()
			d := &deskless{T: t, dir: d.dir, config: d.config}
			d.says(c.code, c.want, "serve", "--listen", "127.0.0.1:0")
		})
	}
	put(keys, 0o600)
	d.says(0, nil, "issue", "ls")
}

// TestServeFollowsKeys: key add and key retire act on what runs, a file that would
// make links dead does not and is announced; the process after that takes the
// alarm back.
func TestServeFollowsKeys(t *testing.T) {
	d, _ := newDeskless(t)
	token := func(p *Press) string { return p.Subscribers.Keys.Token(subscribers.KindPreferences, 1, 0) }
	answers := func(p *Press, token string, want int) {
		t.Helper()
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/preferences/"+token, nil))
		if w.Code != want {
			t.Errorf("/preferences/%s answers %d, want %d", token, w.Code, want)
		}
	}
	alarms := func(p *Press) (subjects []string) {
		list, err := p.Installation.Alarms(t.Context(), true, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if a.Kind == "keys" {
				subjects = append(subjects, a.Subject+": "+a.Detail)
			}
		}
		return subjects
	}
	d.says(0, nil, "subscriber", "add", "ann@readers.example", "--list", "morning", "--source", "fair")
	p := d.open()
	old := token(p)
	answers(p, old, http.StatusOK)
	d.says(1, []string{"key k1", "add another first"}, "key", "retire", "k1")
	d.says(0, []string{"key k2 signs from"}, "key", "add", "--in", "0s")
	d.says(1, []string{"key k1", "safe from"}, "key", "retire", "k1")
	if err := p.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(token(p), "k2.") {
		t.Errorf("what runs signs %s", token(p))
	}
	answers(p, old, http.StatusOK)
	d.says(0, []string{"k1 verifies no more"}, "key", "retire", "k1", "--force")
	whole, err := os.ReadFile(p.Config.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Config.Keys, whole[:strings.Index(string(whole), "k2:")], 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	answers(p, token(p), http.StatusOK)
	if list := alarms(p); len(list) != 1 || !strings.Contains(list[0], p.Config.Keys) || !strings.Contains(list[0], "key k2") {
		t.Errorf("alarms: %q", list)
	}
	p.Close()
	if err := os.WriteFile(d.path("link.keys"), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	p = d.open()
	defer p.Close()
	if err := p.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := alarms(p); len(list) != 0 {
		t.Errorf("the file is mended, and there are alarms: %q", list)
	}
	answers(p, old, http.StatusGone)
}

// noise is a log that a test can read while it is written.
type noise struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *noise) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(b)
}

func (n *noise) has(words ...string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range words {
		if !strings.Contains(n.text.String(), w) {
			return false
		}
	}
	return true
}

// TestFaultServeOutlivesTrouble runs a newsroom whose sources, counters, relay
// and database are in trouble one after the other: what can go on does, what
// cannot is announced, and when it is over everything is made up.
func TestFaultServeOutlivesTrouble(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		if !strings.Contains(database, "://") {
			database = filepath.Join(t.TempDir(), database)
		}
		t.Parallel()
		troubled(t, database)
	})
}

func troubled(t *testing.T, database string) {
	ctx := context.Background()
	inbox, relay := receiver(t)
	log := &noise{}
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	p, l := pressOn(t, now, log, database, "redis://127.0.0.1:1/0", relay) // no Redis there
	good := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
	broken := newPaper(t, "Hill Courier", time.Now, time.Now().Add(-23*time.Hour), 3*time.Hour)
	broken.gone.Store(true)
	serving(t, p, l)
	alarm := func(kind, words string) func() bool {
		return func() bool {
			list, _ := p.Installation.Alarms(ctx, true, 50)
			for _, a := range list {
				if a.Kind == kind && strings.Contains(a.Detail, words) {
					return true
				}
			}
			return false
		}
	}

	// Sources: one is a page, one is empty, one does not answer, one has pages
	// that are gone. The good one is told all the same.
	page := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<!doctype html><title>Moving</title>") }))
	empty := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprint(w, `<?xml version="1.0"?><rss version="2.0"><channel><title>Empty</title></channel></rss>`)
	}))
	p.backlog = 48 * time.Hour
	for _, url := range []string{page + "/feed", empty + "/feed", "http://127.0.0.1:1/feed", broken.URL + "/feed", good.URL + "/feed"} {
		if _, err := p.Digest.AddSource(ctx, digest.Source{Kind: "feed", URL: url, SiteURL: url, Title: url, Rights: "own"}); err != nil {
			t.Fatal(err)
		}
	}
	within(t, 60*time.Second, "the good source is told", func() bool {
		list, err := p.Digest.Stories(ctx, time.Now().Add(-48*time.Hour))
		return err == nil && len(list) >= 7
	})
	for url, words := range map[string]string{page: "give the address of the feed itself", "http://127.0.0.1:1": "the server is down or the port is wrong"} {
		within(t, 60*time.Second, "the trouble with "+url+" is written down", func() bool {
			src, err := p.Digest.SourceByURL(ctx, url+"/feed")
			return err == nil && strings.Contains(src.Reason, words)
		})
	}

	// Without Redis the issue is built by date, and the beacon answers.
	visit(t, p, good.link(1), 5, "ann")
	subscribe(t, p, "morning", []string{"ann@readers.example", "bob@readers.example"})
	n, _, err := p.Digest.ApplyNewsletter(ctx, "morning", digest.Spec{Title: "Morning", List: "morning", From: "Gazette <digest@gazette.example>", Brand: testBrand}, "test")
	if err != nil {
		t.Fatal(err)
	}
	ahead.Add(int64(2 * time.Hour)) // a story needs two polls
	within(t, 60*time.Second, "the good source is polled again", func() bool {
		src, err := p.Digest.SourceByURL(ctx, good.URL+"/feed")
		return err == nil && now().Sub(src.LastPoll) < time.Hour
	})
	slot, err := p.Digest.AddSlot(ctx, n.ID, now().Add(30*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	var issue digest.Issue
	within(t, 60*time.Second, "the draft is built", func() bool {
		issue, err = p.Digest.IssueOfSlot(ctx, slot.ID)
		return err == nil && issue.Revision > 0
	})
	if issue.RankedBy != "date" {
		t.Errorf("ranked by %s without counters, want date", issue.RankedBy)
	}

	// The database cannot be written and things come due: readers' pages answer,
	// and the log says how to mend it. When it is over, all is made up.
	heal, words := schematest.Unwritable(t, p.DB)
	ahead.Add(int64(2 * time.Hour))
	within(t, 2*time.Minute, "the log says how to mend the database", func() bool { return log.has(words) })
	within(t, 5*time.Second, "/healthz answers meanwhile", func() bool {
		res, err := http.Get(p.Config.PublicURL + "/healthz")
		return err == nil && res.StatusCode == http.StatusOK
	})
	soon, cancel := context.WithTimeout(ctx, 2*time.Second)
	if err := p.Approve(soon, issue.ID, 0, "ed"); err == nil {
		t.Error("an approval that could not be written is said to have been")
	}
	cancel()
	heal()
	within(t, 60*time.Second, "the slot that came meanwhile is announced", alarm("approval", "waits for somebody to approve it"))
	within(t, 60*time.Second, "the issue is on its way", func() bool { return p.SendNow(ctx, issue.ID, "ed") == nil })
	within(t, 60*time.Second, "both readers have it", func() bool { return len(inbox.Messages("")) >= 2 })
	if a := inbox.Audit([]string{"ann@readers.example", "bob@readers.example"}); a.Once != 2 || len(a.Lost)+len(a.Doubled) > 0 {
		t.Errorf("the receiver booked %+v", a)
	}
	within(t, 60*time.Second, "both are accepted in the ledger", func() bool {
		counts, err := p.Mailer.Counts(ctx, issue.ID)
		return err == nil && counts[mailer.StateAccepted] == 2
	})
	if alarm("ledger", "")() {
		t.Error("the ledger does not sum")
	}
}

// TestServeEndsInTheMidstOfAJob: a job that takes long is cut off before the
// database closes; nothing of it runs on.
func TestServeEndsInTheMidstOfAJob(t *testing.T) {
	was := jobGrace
	jobGrace = 200 * time.Millisecond
	t.Cleanup(func() { jobGrace = was })
	asked, release := make(chan bool, 10), make(chan bool)
	site := serveHTTP(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- true
		<-release
	}))
	log := &noise{}
	_, relay := receiver(t)
	p, l := pressOn(t, time.Now, log, filepath.Join(t.TempDir(), "press.db"), "", relay)
	if _, err := p.Digest.AddSource(t.Context(), digest.Source{Kind: "feed", URL: site + "/feed", SiteURL: site, Title: "Slow", Rights: "own"}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ctx, l) }()
	<-asked
	stop()
	select {
	case err := <-ended:
		if err := errors.Join(err, p.Close()); err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("serve does not end")
	}
	close(release)
	time.Sleep(300 * time.Millisecond)
	if log.has("database is closed") || log.has("jobs were still running") {
		t.Errorf("a job ran on: %s", log.text.String())
	}
}

// TestNoPageWaitsWithoutEnd: where the database says nothing at all, every page says
// that it failed, and /healthz in time for a monitor.
func TestNoPageWaitsWithoutEnd(t *testing.T) {
	healthy, answer := healthyWithin, answerWithin
	healthyWithin, answerWithin = 10*time.Millisecond, 50*time.Millisecond
	t.Cleanup(func() { healthyWithin, answerWithin = healthy, answer })
	_, relay := receiver(t)
	log := &noise{}
	p, _ := pressOn(t, time.Now, log, filepath.Join(t.TempDir(), "press.db"), "", relay)
	for range p.DB.Read.Stats().MaxOpenConnections {
		c, err := p.DB.Read.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	for path, want := range map[string]int{"/healthz": 503, "/subscribe": 500, "/archive/": 500} {
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want || !log.has("deadline exceeded") && path != "/healthz" {
			t.Errorf("%s answers %d, want %d; the log:\n%s", path, w.Code, want, log.text.String())
		}
	}
}

// TestVerbsSayWhatNobodyCanDo: who takes the last operator or approver away, or wants
// summaries of a language model that is not there, is told so, and by doctor later.
func TestVerbsSayWhatNobodyCanDo(t *testing.T) {
	d, _ := newDeskless(t)
	_, out, _ := d.verb("", "user", "ls")
	if !strings.Contains(out, "operator") {
		t.Fatalf("init made no operator: %s", out)
	}
	admin := strings.Fields(strings.Split(out, "\n")[1])[0]
	if _, out, errs := d.verb("", "user", "add", admin, "--name", "Ed"); !strings.Contains(out, "is operator") || errs != "" {
		t.Errorf("a name for the operator: %s%s", out, errs)
	}
	d.says(0, []string{"is viewer", "nobody is operator now", "pressrun user add ADDRESS --role operator"}, "user", "add", admin, "--role", "viewer")
	d.says(0, []string{"nobody is operator now"}, "user", "rm", admin)
	none := "no user may approve, so nobody is asked"
	d.says(1, []string{none, "pressrun user add ADDRESS --role approver"}, "doctor")
	_, text, _ := d.verb("", "newsletter", "export", "morning")
	apply := func(text string) string {
		t.Helper()
		code, _, errs := d.verb(text, "newsletter", "apply", "-f", "-")
		if code != 0 {
			t.Fatal(errs)
		}
		return errs
	}
	if said := apply(text); !strings.Contains(said, none) {
		t.Errorf("apply says %q, want %q", said, none)
	}
	if said := apply(strings.Replace(text, "approval = 'hold'", "approval = 'send'", 1)); said != "" {
		t.Errorf("of one that nobody has to approve, apply says %q", said)
	}
	if said := apply(strings.NewReplacer("approval = 'hold'", "approval = 'send'", "ai = false", "ai = true").Replace(text)); !strings.Contains(said, "press.toml names no language model") {
		t.Errorf("of ai without a model, apply says %q", said)
	}
	d.says(1, []string{"press.toml names no language model"}, "doctor")
	d.says(0, []string{"is operator"}, "user", "add", "ed@news.example", "--role", "operator")
}

// TestDoctorSaysWhyNothingComes: of what is paused, or is not there at all.
func TestDoctorSaysWhyNothingComes(t *testing.T) {
	d, _ := newDeskless(t)
	d.says(0, []string{"nobody is on its list"}, "doctor")
	for _, args := range [][]string{{"newsletter", "pause", "morning"}, {"source", "pause", "1"}, {"subscriber", "add", "ann@readers.example", "--list", "morning", "--source", "fair"}} {
		if code, _, errs := d.verb("", args...); code != 0 {
			t.Fatal(errs)
		}
	}
	d.says(0, []string{"it is paused, so no issue comes: pressrun newsletter pause morning --resume", "so no story comes from it: pressrun source pause 1 --resume"}, "doctor")
	if _, out, _ := d.verb("", "doctor"); strings.Contains(out, "nobody is on its list") {
		t.Errorf("with a reader doctor says\n%s", out)
	}
	d.dir = t.TempDir()
	d.config = d.path("press.toml")
	schematest.SQLiteFile(t, d.path("press.db"))
	if err := os.WriteFile(d.config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.says(1, []string{"begin a newsroom with pressrun init", "pressrun source add URL"}, "doctor")
}
