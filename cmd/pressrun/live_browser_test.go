package main

import (
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
