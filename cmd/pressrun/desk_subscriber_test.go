package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pressrun/subscribers"
)

// TestSubscriberAtTheDesk: a list admin adds a reader with the proof of his
// consent, pauses and resumes, changes the address, ends a subscription that
// nobody but the reader begins again, and erases him.
func TestSubscriberAtTheDesk(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	for _, name := range []string{"morning", "evening"} {
		if _, err := r.Subscribers.CreateList(ctx, subscribers.List{Name: name, Title: name}); err != nil {
			t.Fatal(err)
		}
	}
	call := r.as(t, "lists@news.example", "list admin")
	add := func(want int, email, list, source, language string) string {
		t.Helper()
		return call(want, "POST", "/desk/subscribers", url.Values{"email": {email}, "to": {list}, "source": {source}, "name": {"Ann"}, "language": {language}}.Encode())
	}
	for _, c := range []struct{ email, source, language, want string }{
		{"ann@", "fair", "en", "Nothing was changed"}, {"ann@readers.example", " ", "en", "Say where they agreed"}, {"ann@readers.example", "fair", "klingonish", "not a language"},
	} {
		if page := add(400, c.email, "morning", c.source, c.language); !strings.Contains(page, c.want) || !strings.Contains(page, `value="Ann"`) || !strings.Contains(page, "has-problem") {
			t.Errorf("%+v: the page lacks %q, or what was typed in", c, c.want)
		}
	}
	if _, total, err := r.Subscribers.Page(ctx, subscribers.Filter{}); err != nil || total != 0 {
		t.Fatalf("what was refused brought %d readers, %v", total, err)
	}
	add(200, " ann@readers.example ", "morning", "paper form, fair", "ur")
	add(200, "ann@readers.example", "evening", "telephone", "")
	ann, err := r.Subscribers.Find(ctx, "ann@readers.example")
	if err != nil || ann.Language != "ur" {
		t.Fatalf("reader %+v, %v", ann, err)
	}
	const at = "/desk/subscribers/1"
	state := func(list string) subscribers.State {
		t.Helper()
		all, err := r.Subscribers.Subscriptions(ctx, ann.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range all {
			if v.ListName == list {
				return v.State
			}
		}
		return ""
	}
	if state("morning") != subscribers.Active || state("evening") != subscribers.Active {
		t.Errorf("added, it is %q and %q", state("morning"), state("evening"))
	}
	call(200, "POST", at, "do=pause:morning")
	if page := call(200, "GET", at, ""); state("morning") != subscribers.Paused || !strings.Contains(page, "resume:morning") || strings.Contains(page, "pause:morning") {
		t.Errorf("paused, it is %s", state("morning"))
	}
	call(200, "POST", at, "do=resume:morning")
	call(409, "POST", at, "do=resume:morning")
	if state("morning") != subscribers.Active {
		t.Errorf("resumed, it is %s", state("morning"))
	}
	call(200, "POST", at, "do=leave:morning")
	if page := call(200, "GET", at, ""); state("morning") != subscribers.Unsubscribed || strings.Contains(page, "leave:morning") || !strings.Contains(page, "leave:evening") {
		t.Errorf("left, it is %s", state("morning"))
	}
	if page := add(400, "ann@readers.example", "morning", "fair", ""); !strings.Contains(page, "Only they can come back") {
		t.Error("who has left is brought back, or refused without a word")
	}
	call(404, "POST", at, "do=leave:nothing")
	held, err := r.Subscribers.Held(ctx, ann.ID)
	if err != nil {
		t.Fatal(err)
	}
	if own, err := json.Marshal(held); err != nil || strings.Contains(string(own), "lists@news.example") || !strings.Contains(string(own), "paper form, fair") {
		t.Errorf("what the reader can have: %v %s", err, own)
	}

	add(200, "bob@readers.example", "morning", "fair", "")
	if page := call(400, "POST", at, "do=move&email=bob@readers.example"); !strings.Contains(page, "Another reader has this address") || !strings.Contains(page, `value="bob@readers.example"`) {
		t.Error("an address that is taken is refused without a word")
	}
	call(400, "POST", at, "do=move&email=bob")
	call(200, "POST", at, "do=move&email=anna@readers.example")
	if v, err := r.Subscribers.ByID(ctx, ann.ID); err != nil || v.Email != "anna@readers.example" {
		t.Errorf("moved: %+v, %v", v, err)
	}
	call(200, "POST", at, "do=forget")
	call(404, "GET", at, "")
	if page := add(400, "anna@readers.example", "morning", "fair", ""); !strings.Contains(page, "suppressed") {
		t.Error("who was erased is brought back, or refused without a word")
	}
	if log := r.say(t, "audit"); strings.Contains(log, "anna@") || !strings.Contains(log, "forget") {
		t.Errorf("the audit has the address of somebody who was erased, or nothing: %s", log)
	}
	r.as(t, "ed@news.example", "editor")(403, "POST", "/desk/subscribers", "email=x@readers.example")
}

// TestUsersAtTheDesk: an operator lets somebody in with a link that works once,
// takes somebody away, and cannot shut himself out.
func TestUsersAtTheDesk(t *testing.T) {
	r := newCountingRoom(t, `public_url = "https://digest.news.example"`)
	call := r.as(t, "op@news.example", "operator")
	editor := r.as(t, "ed@news.example", "editor")
	page := call(200, "POST", "/desk/users", "do=link:ed@news.example")
	_, link, found := strings.Cut(page, "https://digest.news.example/desk/sign-in/")
	if !found || !strings.Contains(page, "works once") {
		t.Fatalf("no link: %s", page)
	}
	link, _, _ = strings.Cut(link, "<")
	if _, err := r.Installation.SignIn(t.Context(), link); err != nil {
		t.Errorf("the link %q does not let in: %v", link, err)
	}
	if _, err := r.Installation.SignIn(t.Context(), link); err == nil {
		t.Error("the link lets in twice")
	}
	call(404, "POST", "/desk/users", "do=link:nobody@news.example")
	if page := call(400, "POST", "/desk/users", "email=nobody&role=approver"); !strings.Contains(page, "Nobody was added") || !strings.Contains(page, `value="nobody"`) || !strings.Contains(page, `value="approver" selected`) {
		t.Errorf("no address: %s", page)
	}
	call(409, "POST", "/desk/users", "do=remove:op@news.example")
	call(409, "POST", "/desk/users", "email=OP@news.example&role=viewer")
	call(200, "GET", "/desk/users", "")
	editor(403, "POST", "/desk/users", "do=link:op@news.example")
	call(200, "POST", "/desk/users", "do=remove:ed@news.example")
	editor(401, "GET", "/desk/", "")
	call(404, "POST", "/desk/users", "do=remove:ed@news.example")
}

// TestSignInLeadsOn: who opens a page of the desk by a link, as in an approval mail,
// is there after signing in, and nowhere but at the desk.
func TestSignInLeadsOn(t *testing.T) {
	r := newCountingRoom(t, "")
	operator(t, r.Press)
	for asked, want := range map[string]string{"/desk/issues?q=harbour%3B+ferry": "/desk/issues?q=harbour%3B+ferry", "": "/desk/", "https://elsewhere.example/desk/": "/desk/"} {
		token, err := r.Installation.SignInToken(t.Context(), "op@press.test")
		if err != nil {
			t.Fatal(err)
		}
		desk := r.Handler()
		req := httptest.NewRequest("POST", "/desk/sign-in/"+token, nil)
		switch {
		case strings.HasPrefix(asked, "/"):
			ask := func(at, dest string) {
				locked, get := httptest.NewRecorder(), httptest.NewRequest("GET", at, nil)
				get.Header.Set("Sec-Fetch-Dest", dest)
				desk.ServeHTTP(locked, get)
				for _, c := range locked.Result().Cookies() {
					req.Header.Set("Cookie", c.Name+"="+c.Value) // as a browser has it: in the place of the one before
				}
			}
			ask(asked, "document")
			ask("/desk/issues/1/frame/1", "iframe")
		case asked != "":
			req.AddCookie(&http.Cookie{Name: "pressrun_next", Value: url.QueryEscape(asked)})
		}
		in := httptest.NewRecorder()
		desk.ServeHTTP(in, req)
		if got := in.Header().Get("Location"); in.Code != http.StatusSeeOther || got != want {
			t.Errorf("who asked for %q and signs in gets %d to %q, want %q", asked, in.Code, got, want)
		}
	}
}
