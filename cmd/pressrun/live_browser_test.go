package main

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"

	"pressrun/cmd/pressrun/desk"
	"pressrun/subscribers"
	"pressrun/subscribers/importer"
)

// TestBrowserLive: a page about something that goes on shows how far it is, and
// what became of it, without anybody's doing.
func TestBrowserLive(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	if _, err := r.Subscribers.CreateList(ctx, subscribers.List{Name: "morning", Title: "Morning"}); err != nil {
		t.Fatal(err)
	}
	session := operator(t, r.Press)
	id, err := r.CheckImport(ctx, strings.NewReader("email\nann@readers.example\n"), importer.Options{File: "fair.csv", List: "morning", Source: "fair", By: "op@press.test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Subscribers.StartImport(ctx, id); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(r.Handler())
	t.Cleanup(s.Close)
	tab := browser(t)(1280, 900, "light")
	call(t, tab, network.SetCookie, network.SetCookieParams{Name: desk.Cookie, Value: session, URL: s.URL})
	open(t, tab, s.URL+"/desk/subscribers/import/1")
	shows := func(want string) {
		t.Helper()
		text := ""
		for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if text = js[string](t, tab, "document.querySelector('main')?.innerText ?? ''"); strings.Contains(text, want) {
				return
			}
		}
		t.Errorf("the page does not come to say %q: %s", want, text)
	}
	shows("running")
	if err := r.Subscribers.BeatImport(ctx, id, 4321); err != nil {
		t.Fatal(err)
	}
	shows("4321")
	if err := r.runImport(ctx, id); err != nil {
		t.Fatal(err)
	}
	shows("Undo")
}

// TestBrowserFollowsWhatWasApproved: who approves an issue whose time has come sees the
// countdown, in which it can still be stopped. What is being written is not lost for it.
func TestBrowserFollowsWhatWasApproved(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	issue := r.draft(t)
	if err := r.Approve(ctx, issue.ID, issue.Revision, "op@press.test"); err != nil {
		t.Fatal(err)
	}
	late := r.Now().Add(2 * time.Hour)
	d, session := r.Handler(), operator(t, r.Press)
	page := func() string {
		req := httptest.NewRequest("GET", issuePath(issue.ID), nil)
		req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: session})
		w := httptest.NewRecorder()
		d.ServeHTTP(w, req)
		return w.Body.String()
	}
	if strings.Contains(page(), "data-live") {
		t.Error("a page is asked for again and again an hour before its time")
	}
	r.Now = func() time.Time { return late }
	d = r.Handler()
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	session = operator(t, r.Press)
	tab := browser(t)(1280, 900, "light")
	call(t, tab, network.SetCookie, network.SetCookieParams{Name: desk.Cookie, Value: session, URL: s.URL})
	open(t, tab, s.URL+issuePath(issue.ID))
	js[bool](t, tab, "document.getElementById('subject').focus(), true")
	if err := r.DB.InTx(ctx, func(tx *sql.Tx) error { return r.Digest.Countdown(ctx, tx, issue.ID, late.Add(time.Minute)) }); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	if !js[bool](t, tab, "document.activeElement.id === 'subject'") {
		t.Fatal("the page went away from somebody who wrote")
	}
	js[bool](t, tab, "document.activeElement.blur(), true")
	for end := time.Now().Add(10 * time.Second); !js[bool](t, tab, "!!document.querySelector('[role=timer]')"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no countdown: %s", js[string](t, tab, "document.querySelector('main').innerText"))
		}
	}
}
