package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
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

// TestDeskKeepsWhatWasWritten: a form that is not taken, because the issue has moved
// on, because somebody may not, or because the session has ended, gives back what
// stood in it.
func TestDeskKeepsWhatWasWritten(t *testing.T) {
	r, _ := archived(t)
	edit := r.as(t, "ed@news.example", "editor")
	const form = "do=edit&title=A+headline+%3Cb%3E&summary=Two+sentences.%0D%0AOf+mine."
	page := edit(http.StatusConflict, "POST", "/desk/issues/1/stories/en/1", form)
	for _, want := range []string{"nothing was changed", "What you had written", ">A headline &lt;b&gt;</textarea>", "Two sentences.\r\nOf mine.</textarea>"} {
		if !strings.Contains(page, want) {
			t.Errorf("after the issue moved on, the page lacks %q: %s", want, page)
		}
	}
	if page := edit(http.StatusForbidden, "POST", "/desk/newsletters/1", "do=save&version=1&text=name+%3D+%22mine%22"); !strings.Contains(page, "name = &#34;mine&#34;</textarea>") || strings.Contains(page, "k-version") {
		t.Errorf("of another role: %s", page)
	}
	w := r.ask("POST", "/desk/newsletters/1", "do=save&text=name+%3D+%22mine%22", map[string]string{"Sec-Fetch-Site": "same-origin"})
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "name = &#34;mine&#34;</textarea>") {
		t.Errorf("without a session: %d %s", w.Code, w.Body)
	}
	for path, form := range map[string]string{"/desk/": "=x", "/desk/subscribers/import": "text=" + strings.Repeat("x", 2<<20)} {
		if w := r.ask("POST", path, form, map[string]string{"Sec-Fetch-Site": "same-origin"}); w.Code != http.StatusUnauthorized || w.Body.Len() > 1<<20 {
			t.Errorf("%.20s without a session: %d, %d bytes", form, w.Code, w.Body.Len())
		}
	}
	if page := edit(http.StatusNotFound, "GET", "/desk/nowhere?title=x", ""); strings.Contains(page, "What you had written") {
		t.Error("nothing was written, and the page gives it back")
	}
}

// TestVerbsAreRecorded: what is changed on the server stands in the same record as
// what is changed at the desk.
func TestVerbsAreRecorded(t *testing.T) {
	d, _ := newDeskless(t)
	readers := d.path("readers.csv")
	if err := os.WriteFile(readers, []byte("email\nbob@readers.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, want string }{
		{"user add ed@news.example --role editor", "user ed@news.example"}, {"user link ed@news.example", "sign-in link ed@news.example"}, {"user rm ed@news.example", "remove user ed@news.example"},
		{"list add evening", "make list evening"}, {"list set evening --private --description Nightly", "set list evening Nightly; not offered on the sign-up page"}, {"segment set urdu language==\"ur\"", "set segment urdu"}, {"segment rm urdu", "forget segment urdu"},
		{"newsletter pause morning", "pause newsletter morning"}, {"newsletter pause morning --resume", "resume newsletter morning"},
		{"subscriber add ann@readers.example --list morning,evening --source fair", "add subscriber 1"}, {"subscriber pause ann@readers.example --list morning", "pause subscriber 1"},
		{"subscriber leave ann@readers.example --list evening", "unsubscribe subscriber 1"}, {"subscriber move ann@readers.example eva@readers.example", "move subscriber 1"},
		{"suppression add Eva@readers.example --note asked", "suppress Eva@readers.example asked"}, {"suppression rm eva@readers.example", "lift suppression eva@readers.example"},
		{"subscriber leave eva@readers.example", "unsubscribe subscriber 1"}, {"subscriber forget eva@readers.example --yes", "forget subscriber 1"},
		{"subscriber import " + readers + " --list morning --source fair --yes", "start import 1"}, {"subscriber undo 1", "undo import 1"},
		{"suppression add cyd@readers.example --note asked", "suppress cyd@readers.example asked"}, {"suppression rm cyd@readers.example", "lift suppression cyd@readers.example"},
		{"source set 1 --title Gazette", "set source 1"}, {"source pause 1", "pause source 1"}, {"source pause 1 --resume", "resume source 1"},
	} {
		if code, _, errs := d.verb("", strings.Fields(c.line)...); code != 0 {
			t.Errorf("%s: %s", c.line, errs)
			continue
		}
		if _, out, _ := d.verb("", "audit", "--n", "1"); !strings.Contains(strings.Join(strings.Fields(out), " "), c.want) {
			t.Errorf("after %s the record ends with %s", c.line, out)
		}
	}
	if _, out, _ := d.verb("", "audit"); strings.Contains(out, "ann@") || strings.Contains(strings.ToLower(out), "eva@") {
		t.Errorf("the record names an erased reader:\n%s", out)
	}
	_, toml, _ := d.verb("", "newsletter", "export", "morning")
	if code, _, errs := d.verb(strings.Replace(toml, "words = 0", "words = 80", 1), "newsletter", "apply", "-f", "-"); code != 0 {
		t.Fatal(errs)
	}
	if _, out, _ := d.verb("", "audit", "--n", "1"); !strings.Contains(out, "newsletter morning") || !strings.Contains(out, "version 2") {
		t.Errorf("after the newsletter was changed the record ends with %s", out)
	}
}

// TestNobodyChangesHisOwnRole: an operator who steps down by mistake locks all out.
func TestNobodyChangesHisOwnRole(t *testing.T) {
	r := newCountingRoom(t, "")
	look := r.as(t, "op@news.example", "operator")
	for _, own := range []string{"op@news.example", "OP@News.example", "Op <op@news.example>"} {
		look(http.StatusConflict, "POST", "/desk/users", "role=viewer&email="+url.QueryEscape(own))
	}
	look(http.StatusBadRequest, "POST", "/desk/users", "role=viewer&email=nobody")
	look(http.StatusBadRequest, "POST", "/desk/users", "role=king&email=ed@news.example")
	look(http.StatusSeeOther, "POST", "/desk/users", "role=editor&email="+url.QueryEscape("Ed <ed@news.example>"))
	if page := look(http.StatusOK, "GET", "/desk/users", ""); !strings.Contains(page, "ed@news.example") {
		t.Error("the editor was not added")
	}
}
