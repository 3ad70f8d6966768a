package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/digest"
)

// calls gives a function that calls the API with a token.
func (r *countingRoom) calls(t *testing.T, token string) func(want int, method, path, body string) apiStory {
	t.Helper()
	h := r.Handler()
	return func(want int, method, path, body string) (out apiStory) {
		t.Helper()
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("%s %s %s: %d, want %d: %s", method, path, body, w.Code, want, w.Body)
		}
		if w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s %s: it is %s", method, path, w.Header().Get("Content-Type"))
		}
		var wrong struct{ Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &wrong); err != nil || (wrong.Error == "") != (want < 400) {
			t.Errorf("%s %s %s: %d says %s", method, path, body, w.Code, w.Body)
		}
		json.Unmarshal(w.Body.Bytes(), &out)
		return out
	}
}

// TestAPIDecides: what a CMS says of an article counts at once, also in a draft
// that shows it, or as soon as the article is collected.
func TestAPIDecides(t *testing.T) {
	r := newCountingRoom(t, `fetch = {delay = "0s", allow = ["127.0.0.0/8"]}`)
	ctx := t.Context()
	issue := r.draft(t)
	in := func(story int64) bool {
		chosen, err := r.Digest.Chosen(ctx, issue.ID)
		return err != nil || slices.ContainsFunc(chosen, func(c digest.Chosen) bool { return c.Story.ID == story && c.State == "in" })
	}
	token := strings.Fields(r.say(t, "token", "add", "cms"))[0]
	call := r.calls(t, token)

	// Collected, and in a draft.
	if !in(r.stories[0]) {
		t.Fatal("the draft lacks the story")
	}
	got := call(200, "PUT", "/v1/stories", `{"url": "https://news.example/story-0?utm_source=cms", "not_before": "2030-01-01T00:00+05:00", "flags": {"opinion": true}}`)
	if got.Story != r.stories[0] || got.State != "live" || !slices.Contains(got.Flags, "opinion") || got.NotBefore.Year() != 2029 || len(got.Waiting) != 0 {
		t.Errorf("it says %+v", got)
	}
	if in(r.stories[0]) {
		t.Error("a story under embargo until long after the slot still stands in the draft")
	}
	call(200, "PUT", "/v1/stories", `{"url": "https://news.example/story-0", "not_before": ""}`)
	if got := call(200, "GET", "/v1/stories?url=https://news.example/story-0", ""); !got.NotBefore.IsZero() || !slices.Contains(got.Flags, "opinion") {
		t.Errorf("the embargo is lifted, and it says %+v", got)
	}
	if !in(r.stories[0]) {
		t.Error("the embargo is lifted, and the story does not come back into the draft")
	}
	call(200, "PUT", "/v1/stories", `{"url": "https://news.example/story-1", "blocked": true}`)
	if in(r.stories[1]) {
		t.Error("a blocked story stands in the draft")
	}
	if log := r.say(t, "audit"); !strings.Contains(log, "token cms") || !strings.Contains(log, "block") {
		t.Errorf("the audit does not tell who it was: %s", log)
	}

	// An order that cannot be carried out holds up those about its own story alone.
	if _, err := r.DB.Write.ExecContext(ctx, `create trigger stuck before update of boost, hand_flags on stories when new.id = 2 begin select raise(abort, 'no'); end`); err != nil {
		t.Fatal(err)
	}
	call(500, "PUT", "/v1/stories", `{"url": "https://news.example/story-1", "flags": {"live": true}}`)
	call(500, "PUT", "/v1/stories", `{"url": "https://news.example/story-1", "blocked": false}`)
	call(200, "PUT", "/v1/stories", `{"url": "https://news.example/story-2", "flags": {"live": true}}`)
	if got := call(200, "GET", "/v1/stories?url=https://news.example/story-1", ""); len(got.Waiting) != 2 || got.State != "blocked" {
		t.Errorf("what cannot be carried out: %+v", got)
	}
	if _, err := r.DB.Write.ExecContext(ctx, `drop trigger stuck`); err != nil {
		t.Fatal(err)
	}
	r.obey(ctx)
	if got := call(200, "GET", "/v1/stories?url=https://news.example/story-1", ""); len(got.Waiting) != 0 || got.State != "live" || !slices.Contains(got.Flags, "live") {
		t.Errorf("once it can be: %+v", got)
	}

	// Not collected yet.
	site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-6*time.Hour), time.Hour)
	address := site.link(2)
	got = call(202, "PUT", "/v1/stories", fmt.Sprintf(`{"url": %q, "flags": {"legal": true}}`, address))
	if got.Story != 0 || got.State != "unknown" || len(got.Waiting) != 1 {
		t.Errorf("it says %+v", got)
	}
	call(202, "PUT", "/v1/stories", fmt.Sprintf(`{"url": %q, "not_before": "2030-01-01T00:00Z"}`, address))
	if list := r.say(t, "story", "waiting"); strings.Count(list, address) != 2 || !strings.Contains(list, "token cms") {
		t.Errorf("story waiting prints %s", list)
	}
	src, err := r.Digest.AddSource(ctx, digest.Source{Kind: "feed", URL: site.URL + "/feed", SiteURL: site.URL, Title: "Harbour Gazette", Rights: "own"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.collect(ctx, src, 100*time.Hour); err != nil {
		t.Fatal(err)
	}
	got = call(200, "GET", "/v1/stories?url="+address, "")
	if got.Story == 0 || got.State != "live" || !slices.Contains(got.Flags, "legal") || got.NotBefore.Year() != 2030 || len(got.Waiting) != 0 {
		t.Errorf("collected, it says %+v", got)
	}
	if list := r.say(t, "story", "waiting"); strings.Contains(list, address) {
		t.Errorf("what is done still waits: %s", list)
	}
}

// TestAPIBlocksTheLastStory: a draft of which nothing is left keeps neither the program
// nor other drafts waiting, and cannot be approved. An embargo that is lifted ahead is
// told as it was sent, and another method is refused with a word.
func TestAPIBlocksTheLastStory(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	issue := r.draft(t)
	call := r.calls(t, strings.Fields(r.say(t, "token", "add", "cms"))[0])
	for _, id := range r.stories {
		s, err := r.Digest.Story(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if got := call(200, "PUT", "/v1/stories", fmt.Sprintf(`{"url": %q, "blocked": true}`, s.URL)); got.State != "blocked" || len(got.Waiting) != 0 {
			t.Errorf("it says %+v", got)
		}
	}
	if err := r.Approve(ctx, issue.ID, 0, "test"); err == nil {
		t.Error("an issue of blocked stories alone is approved")
	}
	got := call(202, "PUT", "/v1/stories", `{"url": "https://news.example/later", "not_before": ""}`)
	if len(got.Waiting) != 1 || got.Waiting[0].NotBefore == nil || *got.Waiting[0].NotBefore != "" {
		t.Errorf("a lifted embargo is told as %+v", got.Waiting)
	}
	call(405, "POST", "/v1/stories", `{}`)
	call(400, "GET", "/v1/stories", "")
}

// TestAPIRefuses: who may not, and what is not understood.
func TestAPIRefuses(t *testing.T) {
	r := newCountingRoom(t, "")
	viewer := strings.Fields(r.say(t, "token", "add", "reader", "--role", "viewer"))[0]
	editor := strings.Fields(r.say(t, "token", "add", "cms", "--for", "1h"))[0]
	const known, good = "/v1/stories?url=https://news.example/story-0", `{"url": "https://news.example/story-0", "blocked": true}`
	for _, secret := range []string{"", "nonsense", viewer + "x"} {
		call := r.calls(t, secret)
		call(401, "GET", known, "")
		call(401, "PUT", "/v1/stories", good)
	}
	r.calls(t, viewer)(200, "GET", known, "")
	r.calls(t, viewer)(403, "PUT", "/v1/stories", good)
	call := r.calls(t, editor)
	call(400, "GET", "/v1/stories", "")
	for _, body := range []string{
		``, `[]`, `null`, `{}`, `{"url": "https://news.example/story-0"}`, good + good, `{"url": "https://news.example/story-0", "blocked": "yes"}`,
		`{"url": "story-0", "blocked": true}`, `{"url": "https://news.example/story-0", "embargo": "2030-01-01T00:00Z"}`,
		`{"url": "https://news.example/story-0", "not_before": "tomorrow"}`, `{"url": "https://news.example/story-0", "flags": {"funny": true}}`,
	} {
		call(400, "PUT", "/v1/stories", body)
	}
	call(413, "PUT", "/v1/stories", `{"url": "https://news.example/`+strings.Repeat("a", apiBody)+`"}`)
	if s, err := r.Digest.Story(t.Context(), r.stories[0]); err != nil || s.State != "live" || s.Flags != "" || !s.NotBefore.IsZero() {
		t.Errorf("what was refused changed the story: %+v, %v", s, err)
	}
	r.say(t, "token", "rm", "cms")
	call(401, "GET", known, "")

	// A token that has expired, and one whose name is taken.
	r.Installation.Now = func() time.Time { return time.Now().Add(-2 * time.Hour) }
	old, err := r.Installation.AddToken(t.Context(), "old", "editor", "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r.calls(t, old)(200, "GET", known, "")
	r.Installation.Now = time.Now
	r.calls(t, old)(401, "GET", known, "")
	if _, err := r.Installation.AddToken(t.Context(), "old", "editor", "test", 0); err == nil || !strings.Contains(err.Error(), "choose another name") {
		t.Errorf("the name is taken: %v", err)
	}
	list, err := r.Installation.Tokens(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != "old" || list[1].Used.IsZero() {
		t.Errorf("tokens %+v, %v", list, err)
	}
}

// TestDecideAheadAtTheDesk decides about articles, collected or not, takes it
// back, and makes and takes away a token, in the browser's way.
func TestDecideAheadAtTheDesk(t *testing.T) {
	r := newCountingRoom(t, "")
	call := r.editor(t)
	call(200, "POST", "/desk/stories/ahead", "address=https://news.example/later&what=hold&until=2030-01-01T00:00Z")
	page := call(200, "GET", "/desk/stories/ahead", "")
	for _, want := range []string{"news.example/later", "under embargo until 1 January 2030, 00:00 UTC", "Take back", "ed@news.example"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for body, want := range map[string]string{
		"address=https://news.example/later&what=hold&until=soon": "Give day and time",
		"address=later&what=block":                                "Give the address of an article",
		"address=https://news.example/later&what=sing":            "Give the address of an article",
	} {
		if page := call(400, "POST", "/desk/stories/ahead", body); !strings.Contains(page, want) || !strings.Contains(page, "later") {
			t.Errorf("%s: the page lacks %q, or what was typed in", body, want)
		}
	}
	list, err := r.Digest.Orders(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%d orders, %v", len(list), err)
	}
	call(200, "POST", "/desk/stories/ahead", fmt.Sprintf("do=drop:%d", list[0].ID))
	call(404, "POST", "/desk/stories/ahead", fmt.Sprintf("do=drop:%d", list[0].ID))
	call(200, "POST", "/desk/stories/ahead", "address=https://news.example/story-2&what=block")
	if s, err := r.Digest.Story(t.Context(), r.stories[2]); err != nil || s.State != "blocked" {
		t.Errorf("story %+v, %v", s, err)
	}

	call(403, "GET", "/desk/users/tokens", "")
	call = r.as(t, "op@news.example", "operator")
	page = call(200, "POST", "/desk/users/tokens", "name=cms&role=editor&days=30")
	_, rest, _ := strings.Cut(page, "pressrun_")
	if len(rest) < 26 {
		t.Fatalf("no token on the page: %s", page)
	}
	r.calls(t, "pressrun_"+rest[:26])(200, "GET", "/v1/stories?url=https://news.example/story-0", "")
	if page := call(400, "POST", "/desk/users/tokens", "name=cms&role=editor&days=0"); !strings.Contains(page, "choose another name") {
		t.Error("a name twice is answered without a word how to mend it")
	}
	if page := call(200, "GET", "/desk/users/tokens", ""); !strings.Contains(page, "op@news.example") || strings.Contains(page, rest[:26]) {
		t.Error("the list does not say who made the token, or shows it again")
	}
	call(200, "POST", "/desk/users/tokens", "do=remove:cms")
	r.calls(t, "pressrun_"+rest[:26])(401, "GET", "/v1/stories?url=https://news.example/story-0", "")
}
