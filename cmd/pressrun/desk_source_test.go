package main

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"pressrun/digest"
)

// TestSourceAtTheDesk: the page of a source tells what it listed and what became
// of that; an operator sets what may be shown of it, sees what is wrong with
// what he wrote still there, and has it read now.
func TestSourceAtTheDesk(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	call := r.as(t, "op@news.example", "operator")
	const at = "/desk/sources/1"
	page := call(200, "GET", at, "")
	for _, want := range []string{"The News", "paused", "own", "What it listed last", "Story 2", "/desk/stories/3", "told", "All 3 items"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if items := call(200, "GET", at+"/items?q=story-1", ""); !strings.Contains(items, "Story 1") || strings.Contains(items, "Story 2") {
		t.Error("the search among its items finds others")
	}
	if items := call(200, "GET", at+"/items?state=failed", ""); strings.Contains(items, "Story 1") || !strings.Contains(items, "Nothing of the chosen kind") {
		t.Error("items that could be read stand under those that could not")
	}
	first := func(query string) string {
		_, body, _ := strings.Cut(call(200, "GET", at+"/items?per=1&"+query, ""), "<tbody>")
		return body
	}
	if !strings.Contains(first("sort=newest"), "Story 0") || !strings.Contains(first("sort=oldest"), "Story 2") || !strings.Contains(first("page=2"), "Story 1") {
		t.Error("its items are neither sorted nor paged")
	}

	form := url.Values{"do": {"set"}, "title": {"The Evening News"}, "rights": {"licensed"}, "pictures": {"none"}, "language": {"ur"}, "flags": {"tag:Opinion=opinion\r\n\r\nurl:/live/=live\r\n"},
		"block": {"lottery\r\nhoroscope"}, "body": {"div.text"}, "rewrite": {"^https://amp\\.(.*)=>https://www.$1"}, "referer": {"https://news.example/"}}
	for field, wrong := range map[string]string{"flags": "tag:Opinion=funny", "body": "div[[", "rewrite": "nothing", "language": "klingonish", "rights": "all", "referer": "home"} {
		bad := url.Values{}
		for k, v := range form {
			bad[k] = v
		}
		bad.Set(field, wrong)
		page := call(400, "POST", at, bad.Encode())
		if !strings.Contains(page, `class="flash alert"`) || !strings.Contains(page, "othing was changed") || !strings.Contains(page, "horoscope") || field != "rights" && !strings.Contains(page, wrong) {
			t.Errorf("%s %q: %s", field, wrong, page)
		}
	}
	if s, err := r.Digest.Source(ctx, 1); err != nil || s.Title != "The News" || s.Settings.Rules.Body != "" {
		t.Errorf("what was refused changed the source: %+v, %v", s, err)
	}
	call(200, "POST", at, form.Encode())
	s, err := r.Digest.Source(ctx, 1)
	if err != nil || s.Title != "The Evening News" || s.Rights != "licensed" || s.Language != "ur" || s.Settings.Pictures != "none" || s.Settings.Rules.Body != "div.text" ||
		len(s.Settings.Flags) != 2 || s.Settings.Flags[1] != (digest.FlagRule{Path: "/live/", Flag: "live"}) || len(s.Settings.Block) != 2 || len(s.Settings.Rewrite) != 1 {
		t.Errorf("source %+v, %v", s, err)
	}
	page = call(200, "GET", at, "")
	for _, want := range []string{"tag:Opinion=opinion\nurl:/live/=live", "lottery\nhoroscope", "=&gt;https://www.$1"} {
		if !strings.Contains(page, want) {
			t.Errorf("saved, the page lacks %q", want)
		}
	}
	call(409, "POST", at, "do=poll") // it is paused
	call(200, "POST", at, "do=resume")
	call(200, "POST", at, "do=poll")
	if s, err := r.Digest.Source(ctx, 1); err != nil || s.State == "paused" || s.NextPoll.After(time.Now()) {
		t.Errorf("source %+v, %v", s, err)
	}
	call(404, "POST", at, "do=sing")
	viewer := r.as(t, "v@news.example", "viewer")
	if page := viewer(200, "GET", at, ""); strings.Contains(page, "Settings") {
		t.Error("a viewer is offered what he may not do")
	}
	viewer(403, "POST", at, form.Encode())
	call(404, "GET", "/desk/sources/99", "")
}
