package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"

	"pressrun/cmd/pressrun/demo"
	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/digest/summary"
	"pressrun/digest/summary/writer"
)

// newModel is a local endpoint that answers with a sentence of the article, and
// invents a number beside it for every other headline.
func newModel(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var q struct{ Messages []struct{ Content string } }
		if err := json.Unmarshal(body, &q); err != nil || len(q.Messages) != 2 {
			http.Error(w, "what?", http.StatusBadRequest)
			return
		}
		var a struct{ Headline, Article string }
		json.Unmarshal([]byte(strings.Split(q.Messages[1].Content, "\n")[1]), &a)
		text := ""
		for _, span := range summary.Split("en", a.Article) {
			if s := a.Article[span[0]:span[1]]; len(strings.Fields(s)) > 8 && len(strings.Fields(s)) < 50 {
				text = s
				break
			}
		}
		if len(a.Headline)%2 == 0 {
			text = "It cost 7,777,777 dollars. " + text
		}
		content, _ := json.Marshal(map[string]string{"summary": text})
		json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"finish_reason": "stop", "message": map[string]string{"content": string(content)}}}})
	}))
	t.Cleanup(s.Close)
	return s
}

// storyAtDesk looks at one story with its article, rewrites it, lets a language
// model write, reviews what it wrote, and reads the mark in the archive.
func storyAtDesk(t *testing.T, n *newsroom, tab func(int, int, string) context.Context, wide context.Context) {
	t.Helper()
	ctx := context.Background()
	p := n.press
	base := p.Config.PublicURL
	weekend, err := p.Digest.Newsletter(ctx, demo.ListWeekend)
	if err != nil {
		t.Error(err)
		return
	}
	spec := weekend.Spec
	spec.AI = true
	weekend, _, err = p.Digest.ApplyNewsletter(ctx, weekend.Name, spec, "test")
	if err != nil {
		t.Error(err)
		return
	}
	model := newModel(t)
	p.Builder.Summarizer = &writer.Writer{DB: p.DB, Now: p.Now, URL: model.URL + "/v1/chat/completions", Model: "model-1"}
	var issue digest.Issue
	for i := range 20 { // the clock may still take off the schedule what the change above made none of it
		slot, err := p.Digest.AddSlot(ctx, weekend.ID, p.Now().Add(3*time.Hour+time.Duration(i)*time.Minute).Truncate(time.Minute))
		if err != nil {
			t.Error(err)
			return
		}
		if issue, err = p.Build(ctx, slot.ID); err == nil {
			break
		} else if !errors.Is(err, digest.ErrNotFound) || i == 19 {
			t.Error(err)
			return
		}
	}
	list, err := p.Digest.Chosen(ctx, issue.ID)
	if err != nil {
		t.Error(err)
		return
	}
	of := func(want func(digest.Chosen) bool) digest.Chosen {
		if i := slices.IndexFunc(list, want); i >= 0 {
			return list[i]
		}
		for _, c := range list {
			t.Logf("%s %q: %s because %s", c.Edition, c.Title, c.Method, c.MethodReason)
		}
		t.Fatal("no such story")
		return digest.Chosen{}
	}
	page := func(c digest.Chosen) string {
		return fmt.Sprintf("%s%s/stories/%s/%d", base, issuePath(issue.ID), c.Edition, c.Story.ID)
	}
	extracted := of(func(c digest.Chosen) bool { return c.Edition == "en" && c.Method == "extract" && len(c.Spans) > 1 })
	urdu := of(func(c digest.Chosen) bool { return c.Edition == "ur" && len(c.Spans) > 0 })
	written := of(func(c digest.Chosen) bool { return c.Edition == "en" && c.AI })

	// The sentences of the summary stand marked in the article, without a script.
	open(t, wide, base+issuePath(issue.ID))
	if links := js[int](t, wide, "document.querySelectorAll('.story a.more').length"); links == 0 {
		t.Error("the issue desk has no way to a story's article")
	}
	picture(t, wide, "story-issue.png")
	call(t, wide, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	open(t, wide, page(extracted))
	call(t, wide, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
	said := js[[]string](t, wide, "[...document.querySelectorAll('.article mark')].map((m) => m.textContent)")
	if got, want := strings.Join(said, " "), strings.ReplaceAll(extracted.Summary, "\n", " "); got != want {
		t.Errorf("marked is %q, the summary is %q", got, want)
	}
	picture(t, wide, "story-1440-light.png")

	// An editor's words, with his name and the original beside them; and back.
	js[bool](t, wide, `(() => { const f = document.querySelector('.told form.form'); f.querySelector('textarea').value = 'The editor says it better.'; f.querySelector('button').click(); return true })()`)
	told := func() string {
		return js[string](t, wide, "document.readyState === 'complete' && document.querySelector('.told')?.innerText || ''")
	}
	within(t, 60*time.Second, "the summary is rewritten", func() bool { return strings.Contains(told(), "The editor says it better.") })
	if text := told(); !strings.Contains(text, "Edited by editor@courier.example") || !strings.Contains(text, strings.Split(extracted.Summary, "\n")[0]) {
		t.Errorf("editor or original are not shown: %s", text)
	}
	picture(t, wide, "story-edited.png")
	if err := p.Rebuild(ctx, issue.ID, "editor@courier.example"); err != nil {
		t.Error(err)
	}
	open(t, wide, page(extracted))
	if !strings.Contains(told(), "The editor says it better.") {
		t.Error("a rebuild took the editor's words away")
	}
	js[bool](t, wide, "window.confirm = () => true, document.querySelector('.original button').click(), true")
	within(t, 60*time.Second, "the original is back", func() bool { return told() != "" && !strings.Contains(told(), "The editor says it better.") })

	// A language model's summary is marked until it is reviewed.
	open(t, wide, page(written))
	if text := told(); !strings.Contains(text, "written by AI, not reviewed") {
		t.Errorf("the model's summary is not called so: %s", text)
	}
	picture(t, wide, "story-ai.png")
	js[bool](t, wide, "document.querySelector('.told button[value=review]').click(), true")
	within(t, 60*time.Second, "it is reviewed", func() bool { return strings.Contains(told(), "reviewed by editor@courier.example") })
	list, err = p.Digest.Chosen(ctx, issue.ID)
	if err != nil {
		t.Error(err)
		return
	}
	marks := 0
	for _, c := range list {
		if c.Edition == "en" && c.State == "in" && c.AI && !c.Reviewed() {
			marks++
		}
	}
	if refusedOne := slices.ContainsFunc(list, func(c digest.Chosen) bool { return strings.Contains(c.MethodReason, "7,777,777") }); !refusedOne {
		t.Error("no model's text was refused for its number")
	}

	// Phones, the dark, and right to left.
	session := ""
	for _, c := range call(t, wide, network.GetCookies, network.GetCookiesParams{}).Cookies {
		if c.Name == desk.Cookie {
			session = c.Value
		}
	}
	for _, look := range []struct {
		width  int
		scheme string
		of     digest.Chosen
		file   string
	}{{375, "light", extracted, "story-375-light.png"}, {375, "dark", written, "story-375-dark.png"}, {1440, "dark", extracted, "story-1440-dark.png"}, {1440, "light", urdu, "story-urdu.png"}, {768, "light", urdu, "story-768-urdu.png"}} {
		c := tab(look.width, 1000, look.scheme)
		call(t, c, network.SetCookie, network.SetCookieParams{Name: desk.Cookie, Value: session, URL: base})
		open(t, c, page(look.of))
		if over := js[float64](t, c, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("the story is %v px wider than %d", over, look.width)
		}
		if dir := js[string](t, c, "getComputedStyle(document.querySelector('.article .reading')).direction"); dir != look.of.Story.Direction {
			t.Errorf("the article of %s runs %s", look.of.Story.Language, dir)
		}
		picture(t, c, look.file)
	}

	// The archive shows what readers got, mark included.
	if err := p.SendNow(ctx, issue.ID, "editor@courier.example"); err != nil {
		t.Error(err)
		return
	}
	res, err := http.Get(fmt.Sprintf("%s/archive/%s/%d/frame", base, weekend.Name, issue.Number))
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	html, _ := io.ReadAll(res.Body)
	if got := strings.Count(string(html), "Summary written by AI"); got != marks || marks == 0 {
		t.Errorf("the archive marks %d summaries, want %d", got, marks)
	}
}
