package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest/article"
)

// TestLoadNobodySeesBusy lets everything write to one SQLite file at once: a
// send of many thousands, the beacon at a thousand views a second, the desk. No
// caller may be told that the database is busy, and every view counts.
func TestLoadNobodySeesBusy(t *testing.T) {
	const readers, page = 20_000, "https://bench.example.test/story-3"
	inbox, relay := receiver(t)
	inbox.Book = false
	var log bytes.Buffer
	var mu sync.Mutex
	p, l := pressAt(t, filepath.Join(t.TempDir(), "press.db"), "", relay)
	p.Log = slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(b)
	}), &slog.HandlerOptions{Level: slog.LevelWarn}))
	p.Mailer.Log = p.Log
	serving(t, p, l)
	ctx := context.Background()
	e := &env{ctx: ctx, out: io.Discard, err: io.Discard}
	if err := (&benchSend{Readers: readers}).readers(e, p); err != nil {
		t.Fatal(err)
	}
	id, err := benchIssue(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	session := signedIn(t, p)
	began := time.Now()
	if err := p.SendNow(ctx, id, "test"); err != nil {
		t.Fatal(err)
	}

	stop := make(chan struct{})
	var others sync.WaitGroup
	views, pages := 0, 0
	others.Go(func() {
		views = beat(t, stop, 100*time.Millisecond, func(n int) { visit(t, p, page, 100, fmt.Sprint("r", n)) }) * 100
	})
	others.Go(func() {
		pages = beat(t, stop, 50*time.Millisecond, func(n int) {
			look(t, p, session, []string{"/desk/", "/desk/stories", "/desk/issues/1", "/desk/subscribers", "/desk/issues/1/readers", "/desk/deliverability"}[n%6])
		})
	})
	within(t, 2*time.Minute, "the issue is closed", func() bool {
		i, err := p.Digest.Issue(ctx, id)
		return err == nil && i.State == "closed"
	})
	took := time.Since(began).Seconds()
	close(stop)
	others.Wait()

	counts, err := p.Mailer.Counts(ctx, id)
	if err != nil || counts["accepted"] != readers {
		t.Errorf("states %v, %v; want %d accepted", counts, err, readers)
	}
	mu.Lock()
	defer mu.Unlock()
	if text := log.String(); strings.Contains(text, "BUSY") || strings.Contains(text, "locked") {
		t.Errorf("somebody was told that the database is busy:\n%s", text)
	}
	if float64(views) < 900*took {
		t.Errorf("%d views in %.1f s are no thousand a second", views, took)
	}
	if err := p.Beacon.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if n := counted(t, p, page); n != views {
		t.Errorf("%d views are counted of %d", n, views)
	}
	t.Logf("%d mails, %d views and %d pages in %.1f s", readers, views, pages, took)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// counted is how many views of a page the counters hold.
func counted(t *testing.T, p *Press, page string) int {
	t.Helper()
	key, err := article.KeyOf(page)
	if err != nil {
		t.Fatal(err)
	}
	now := p.Now()
	all, err := p.Counters.Of(context.Background(), []string{string(key)}, now.Add(-2*time.Hour), now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range all[string(key)] {
		n += c.Views
	}
	return n
}

// beat calls f in a rhythm until stop, late calls included, and returns how often.
func beat(t *testing.T, stop chan struct{}, every time.Duration, f func(n int)) int {
	t.Helper()
	began := time.Now()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return n
		case <-time.After(time.Until(began.Add(time.Duration(n) * every))):
			f(n)
		}
	}
}

// signedIn returns a session of an operator.
func signedIn(t *testing.T, p *Press) string {
	t.Helper()
	ctx := context.Background()
	if _, err := p.Installation.AddUser(ctx, "op@news.example", "", "operator"); err != nil {
		t.Fatal(err)
	}
	token, err := p.Installation.SignInToken(ctx, "op@news.example")
	if err != nil {
		t.Fatal(err)
	}
	session, err := p.Installation.SignIn(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// look opens a page of the desk, which must not fail.
func look(t *testing.T, p *Press, session, path string) {
	t.Helper()
	req, _ := http.NewRequest("GET", p.Config.PublicURL+path, nil)
	req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: session})
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	defer res.Body.Close()
	if page, _ := io.ReadAll(res.Body); res.StatusCode != 200 {
		t.Errorf("%s: %d: %s", path, res.StatusCode, page)
	}
}
