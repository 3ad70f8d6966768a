package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"pressrun/cmd/pressrun/desk"
	"pressrun/deploy/installation"
	"pressrun/deploy/schema"
)

// TestDeskSaysWhatItCouldNotWriteDown does things at the desk while nothing can be
// added to the record of what was done: they are done, and both the person and
// the log are told that the record lacks them.
func TestDeskSaysWhatItCouldNotWriteDown(t *testing.T) {
	p, _ := deskOfTwos(t)
	session := operator(t, p)
	waits, err := p.Digest.IssuesIn(t.Context(), "draft")
	if err != nil || len(waits) == 0 {
		t.Fatal(waits, err)
	}
	var log bytes.Buffer
	p.Log = slog.New(slog.NewTextHandler(&log, nil))
	broken, err := schema.Open(t.Context(), filepath.Join(t.TempDir(), "other.db"))
	if err != nil {
		t.Fatal(err)
	}
	broken.Close()
	p.Installation = &installation.Store{DB: &schema.DB{Read: p.DB.Read, Write: broken.Write, Engine: p.DB.Engine}, Now: p.Now}
	call := func(method, path, form string, cookies ...*http.Cookie) *http.Response {
		req := httptest.NewRequest(method, path, strings.NewReader(form))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: session})
		for _, c := range cookies {
			req.AddCookie(c)
		}
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, req)
		return w.Result()
	}
	page := func(res *http.Response) string {
		var b bytes.Buffer
		b.ReadFrom(res.Body)
		return b.String()
	}
	issue := fmt.Sprintf("/desk/issues/%d", waits[0].ID)
	for _, c := range []struct{ path, form, said string }{
		{"/desk/stop", "", "Sending is stopped"},
		{"/desk/lists", "name=noon&title=Noon", "The list Noon is made."},
		{issue, "do=hold", "What you asked for was done."},
		{"/desk/stories/1", "do=flag&flag=legal", "What you asked for was done."},
	} {
		log.Reset()
		res := call("POST", c.path, c.form)
		text := page(res)
		if res.StatusCode == http.StatusSeeOther {
			text = page(call("GET", "/desk/", "", res.Cookies()...))
		}
		if !strings.Contains(text, c.said) || !strings.Contains(text, "could not be written down") {
			t.Errorf("POST %s %s answers %d: %s", c.path, c.form, res.StatusCode, text)
		}
		if !strings.Contains(log.String(), installation.ErrUnrecorded.Error()) {
			t.Errorf("POST %s %s: the log says %q", c.path, c.form, log.String())
		}
	}
	if i, err := p.Digest.Issue(context.Background(), waits[0].ID); err != nil || i.State != "held" {
		t.Errorf("the issue is %s, %v", i.State, err)
	}
	if s, err := p.Digest.Story(context.Background(), 1); err != nil || !s.Has("legal") {
		t.Errorf("the story has the flags %q, %v", s.Flags, err)
	}
}
