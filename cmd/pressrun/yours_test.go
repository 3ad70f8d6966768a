package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/subscribers"
	"pressrun/templates"
)

// TestEndToEndOwnData is a reader who gets his data, takes another address and
// erases himself, over HTTP and SMTP, on an installation that serves.
func TestEndToEndOwnData(t *testing.T) {
	t.Parallel()
	inbox, relay := receiver(t)
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	p, l := pressOn(t, now, io.Discard, filepath.Join(t.TempDir(), "press.db"), "", relay)
	id := subscribe(t, p, "morning", []string{"eva@readers.example"})["eva@readers.example"]
	serving(t, p, l)
	post := func(link string, form url.Values) string {
		t.Helper()
		res, err := http.PostForm(link, form)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		page, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s\n%s", link, res.Status, page)
		}
		return string(page)
	}
	post(p.Subscribers.PreferencesURL(id), url.Values{templates.FieldYours: {"1"}})
	yours := linkIn(t, p, inbox, "eva@readers", "yours")
	res, err := http.Get(yours + "/data")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var held struct {
		subscribers.Held
		Mails []desk.Received
	}
	if err := json.NewDecoder(res.Body).Decode(&held); err != nil || held.Mails == nil || held.Subscriber.Email != "eva@readers.example" || len(held.Consents) != 1 {
		t.Errorf("%s: %+v, %v", res.Status, held, err)
	}
	post(yours, url.Values{templates.FieldEmail: {"eva@new.example"}})
	move := linkIn(t, p, inbox, "eva@new", "move")
	if v, err := p.Subscribers.ByID(t.Context(), id); err != nil || v.Email != "eva@readers.example" {
		t.Fatalf("moved before the button: %+v, %v", v, err)
	}
	post(move, nil)
	within(t, 30*time.Second, "the old address is told", func() bool {
		return slices.ContainsFunc(inbox.Messages("eva@readers"), func(got catch.Message) bool {
			return strings.Contains(string(got.Raw), "Your address was changed")
		})
	})
	post(p.Subscribers.PreferencesURL(id), url.Values{templates.FieldPause: {"0"}, templates.FieldList: {"morning"}})
	if v, err := p.Subscribers.ByID(t.Context(), id); err != nil || v.Email != "eva@new.example" {
		t.Fatalf("after the button: %+v, %v", v, err)
	}
	later.Store(int64(2 * time.Hour))
	post(p.Subscribers.PreferencesURL(id), url.Values{templates.FieldYours: {"1"}})
	yours = linkIn(t, p, inbox, "eva@new", "yours")
	within(t, 30*time.Second, "the ledger knows that the letter arrived", func() bool {
		state, _, err := p.Mailer.LetterState(t.Context(), 4)
		return err == nil && state == mailer.StateAccepted
	})
	if page := post(yours, url.Values{templates.FieldErase: {"1"}}); !strings.Contains(page, "You are erased") {
		t.Errorf("erased:\n%s", page)
	}
	if _, err := p.Subscribers.ByID(t.Context(), id); !errors.Is(err, subscribers.ErrNotFound) {
		t.Errorf("still there: %v", err)
	}
	for letter := range int64(5) { // the third tells the address that was his no more
		if state, _, err := p.Mailer.LetterState(t.Context(), letter); !errors.Is(err, mailer.ErrNoLetter) {
			t.Errorf("letter %d to him is kept, %s", letter, state)
		}
	}
}

// linkIn waits for a letter to an address with a link below a path.
func linkIn(t *testing.T, p *Press, inbox *catch.Catcher, to, path string) (link string) {
	t.Helper()
	wanted := regexp.MustCompile(regexp.QuoteMeta(p.Config.PublicURL) + `/` + path + `/\S+`)
	within(t, 30*time.Second, "the letter to "+to, func() bool {
		for _, got := range inbox.Messages(to) {
			m, err := mail.ReadMessage(bytes.NewReader(got.Raw))
			if err != nil {
				t.Fatal(err)
			}
			_, text := parts(t, m)
			link = wanted.FindString(text)
			if link != "" {
				return true
			}
		}
		return false
	})
	return link
}
