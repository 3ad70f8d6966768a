package main

import (
	"context"
	"database/sql"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/intake"
	"pressrun/subscribers"
	"pressrun/templates"
)

// TestDeskBounces looks at the pages of suppressions and of mail that came back.
func TestDeskBounces(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	schematest.SQLiteFile(t, filepath.Join(dir, "press.db"))
	p, err := Open(ctx, Config{
		Database: filepath.Join(dir, "press.db"), PublicURL: "http://press.test", Keys: filepath.Join(dir, "link.keys"), Journal: filepath.Join(dir, "journal"),
		Fetch: FetchConfig{Delay: "0s"}, path: filepath.Join(dir, "press.toml"), Bounce: BounceConfig{Address: "bounces@b.example", Listen: "smtp://127.0.0.1:2525", Every: "1m"},
	}, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ids := subscribe(t, p, "morning", []string{"ann@readers.example", "spam@readers.example"})
	for _, a := range []string{"law@readers.example", "other@elsewhere.example"} {
		if err := p.Subscribers.SuppressAddress(ctx, a, subscribers.Manual, "asked by post"); err != nil {
			t.Fatal(err)
		}
	}
	to := p.leaveAddress(ids["ann@readers.example"], 0, false)
	for from, lines := range map[string][]string{
		to: {"From: ann@readers.example", "Subject: unsubscribe", "", ""},
		p.feedbackAddress(): {"From: fbl@example.org", "Content-Type: multipart/report; boundary=b", "", "--b", "Content-Type: message/feedback-report", "", "Feedback-Type: abuse",
			"--b", "Content-Type: message/rfc822", "", "List-Unsubscribe: <" + p.Subscribers.UnsubscribeURL(ids["spam@readers.example"], 1) + ">", "", "--b--"},
	} {
		if err := p.Mailer.TakeReturned(ctx, intake.Mail{To: from, Raw: []byte(strings.Join(lines, "\r\n") + "\r\n"), Source: "smtp"}); err != nil {
			t.Fatal(err)
		}
	}

	call := func(role, method, path string, form url.Values) (int, string) {
		t.Helper()
		if _, err := p.Installation.AddUser(ctx, role+"@press.test", "", strings.ReplaceAll(role, "-", " ")); err != nil {
			t.Fatal(err)
		}
		token, err := p.Installation.SignInToken(ctx, role+"@press.test")
		if err != nil {
			t.Fatal(err)
		}
		session, err := p.Installation.SignIn(context.Background(), token)
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: session})
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, req)
		return w.Code, html.UnescapeString(w.Body.String())
	}
	show := func(path string, want ...string) string {
		t.Helper()
		code, page := call("operator", "GET", path, nil)
		for _, word := range want {
			if code != 200 || !strings.Contains(page, word) {
				t.Errorf("GET %s: %d, want %q in it", path, code, word)
			}
		}
		return page
	}
	show("/desk/bounces", "law@readers.example", "spam@readers.example", "reported our mail as spam", "ends when the reader asks", "ends when an operator lifts it", "lift:law@readers.example")
	if page := show("/desk/bounces?q=elsewhere&sort=address", "other@elsewhere.example"); strings.Contains(page, "law@readers.example") {
		t.Error("the search finds what it should not")
	}
	if page := show("/desk/bounces?reason=complaint", "spam@readers.example"); strings.Contains(page, "law@readers.example") || strings.Contains(page, "lift:") {
		t.Error("a complaint can be lifted, or the filter does not work")
	}
	show("/desk/bounces/mail", "ann@readers.example", "asked to leave", "left the list", "complaint", "suppressed: the reader reported")
	if page := show("/desk/bounces/mail?q=spam@readers.example&sort=oldest", "complaint"); strings.Contains(page, "left the list") {
		t.Error("the search by address finds other readers")
	}
	if page := show("/desk/bounces/mail?kind=leave", "left the list"); strings.Contains(page, "suppressed: the reader") {
		t.Error("the filter by kind does not work")
	}

	lift := url.Values{"do": {"lift:law@readers.example"}}
	if code, _ := call("list-admin", "POST", "/desk/bounces", lift); code != http.StatusForbidden {
		t.Errorf("a list admin lifts: %d", code)
	}
	if code, _ := call("operator", "POST", "/desk/bounces", lift); code != http.StatusSeeOther {
		t.Errorf("lifting: %d", code)
	}
	if code, page := call("operator", "POST", "/desk/bounces", url.Values{"do": {"lift:spam@readers.example"}}); code != http.StatusConflict || !strings.Contains(page, "Nothing was changed") {
		t.Errorf("lifting a complaint: %d", code)
	}
	for address, want := range map[string]bool{"law@readers.example": false, "other@elsewhere.example": true, "spam@readers.example": true} {
		if _, ok, err := p.Subscribers.Suppressed(ctx, p.DB.Read, address); err != nil || ok != want {
			t.Errorf("%s is suppressed: %v, %v; want %v", address, ok, err, want)
		}
	}
}

// TestBounceLsNamesReaders: the verb says whose mail came back.
func TestBounceLsNamesReaders(t *testing.T) {
	r := newCountingRoom(t, "[bounce]\naddress = \"bounces@b.example\"\nlisten = \"smtp://127.0.0.1:2525\"\n")
	ids := subscribe(t, r.Press, "morning", []string{"ann@readers.example"})
	from := intake.Mail{To: r.leaveAddress(ids["ann@readers.example"], 0, false), Raw: []byte("From: somebody@elsewhere.example\r\nSubject: unsubscribe\r\n\r\n"), Source: "smtp"}
	if err := r.Mailer.TakeReturned(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	if text := r.say(t, "bounce", "ls"); !strings.Contains(text, "ann@readers.example") {
		t.Errorf("it says\n%s", text)
	}
}

// TestLettersToTheNewsroomThatComeBack: a newsroom learns that nobody reads its
// alarms, or its requests to approve, once, and that they are read again.
func TestLettersToTheNewsroomThatComeBack(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	schematest.SQLiteFile(t, filepath.Join(dir, "press.db"))
	now := time.Date(2026, 11, 25, 7, 0, 0, 0, time.UTC)
	p, err := Open(ctx, Config{
		Database: filepath.Join(dir, "press.db"), PublicURL: "http://press.test", Keys: filepath.Join(dir, "link.keys"), Journal: filepath.Join(dir, "journal"), AlarmMail: "kim@news.example",
		path: filepath.Join(dir, "press.toml"), Bounce: BounceConfig{Address: "bounces@b.example", Listen: "smtp://127.0.0.1:2525", Every: "1m"},
	}, func() time.Time { return now }, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Installation.AddUser(ctx, "lee@news.example", "Lee", "approver"); err != nil {
		t.Fatal(err)
	}
	comes := func(letter int64, lines []string) {
		t.Helper()
		if err := p.Mailer.TakeReturned(ctx, intake.Mail{To: p.Mailer.ReturnPath(0, letter), Raw: []byte(strings.Join(lines, "\r\n") + "\r\n"), Source: "smtp"}); err != nil {
			t.Fatal(err)
		}
	}
	told := func(want ...string) {
		t.Helper()
		for range 2 {
			if err := p.inspectLetters(ctx); err != nil {
				t.Fatal(err)
			}
		}
		alarms, err := p.Installation.Alarms(ctx, true, 10)
		if err != nil {
			t.Fatal(err)
		}
		var said, found []string
		for _, a := range alarms {
			if a.Kind == "unreached" {
				said = append(said, a.Subject+": "+a.Detail)
			}
		}
		for _, f := range p.examineReach(ctx) {
			if f.What == "letters" && !f.OK {
				found = append(found, f.Text)
			}
		}
		if len(said) != len(want) || len(found) != len(want) {
			t.Errorf("alarms about letters %q, the doctor finds %q; want %d", said, found, len(want))
		}
		for _, word := range want {
			if !strings.Contains(strings.Join(said, "\n"), word) || !strings.Contains(strings.Join(found, "\n"), word) {
				t.Errorf("alarms about letters %q, the doctor finds %q; want %q in them", said, found, word)
			}
		}
	}
	p.Alarm(ctx, "disk", "/srv", "It is full.") // letter 1
	told()
	comes(1, deliveryReport("kim@news.example", "550 5.1.1 no such user"))
	told("alarm_mail") // letter 2
	if _, _, err := p.Mailer.LetterState(ctx, 2); err != nil {
		t.Error("the alarm about letters is not mailed as every other one:", err)
	}
	comes(2, deliveryReport("kim@news.example", "550 5.1.1 still no such user"))
	told("no such user")
	if _, _, err := p.Mailer.LetterState(ctx, 3); err == nil {
		t.Error("an alarm about alarms that come back is mailed again and again")
	}
	err = p.DB.InTx(ctx, func(tx *sql.Tx) error { // letter 3
		return p.letter(ctx, tx, templates.LetterApproval, "lee@news.example", templates.Letter{Newsletter: "Morning", Expires: now})
	})
	if err != nil {
		t.Fatal(err)
	}
	comes(3, deliveryReport("lee@news.example", "550 5.1.1 moved"))
	told("kim@news.example", "lee@news.example")

	p.Config.AlarmMail = "night@news.example"
	told("lee@news.example")
	if err := p.Installation.RemoveUser(ctx, "lee@news.example"); err != nil {
		t.Fatal(err)
	}
	told()
	list, total, err := p.Mailer.Returned(ctx, mailer.ReturnedFilter{})
	if err != nil || total != 3 || list[0].LetterTo != "lee@news.example" {
		t.Errorf("came back: %+v, %v", list, err)
	}
}
