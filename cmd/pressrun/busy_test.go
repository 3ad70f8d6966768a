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
)

// TestLoadNobodySeesBusy lets everything write to one SQLite file at once: a
// send of many thousands, the beacon at a thousand views a second, the desk. No
// caller may be told that the database is busy.
func TestLoadNobodySeesBusy(t *testing.T) {
	const readers = 20_000
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
		views = beat(t, stop, 100*time.Millisecond, func(n int) { visit(t, p, "https://bench.example.test/story-3", 100, fmt.Sprint("r", n)) }) * 100
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
	t.Logf("%d mails, %d views and %d pages in %.1f s", readers, views, pages, took)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// beat calls f in a rhythm until stop and returns how often.
func beat(t *testing.T, stop chan struct{}, every time.Duration, f func(n int)) int {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return n
		case <-tick.C:
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
