package digest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest/feed"
	"pressrun/digest/summary"
)

// asked is a language model that notes what it is asked about.
type asked struct{ titles []string }

func (a *asked) Summarize(_ context.Context, d summary.Doc, _ summary.Options) (summary.Summary, error) {
	a.titles = append(a.titles, d.Title)
	return summary.Summary{}, context.DeadlineExceeded
}

// TestQuotation: of a source that may only be quoted an issue has headline, name,
// link and at most twenty words, whatever article and feed offer; no picture, and
// no language model sees it.
func TestQuotation(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	model := new(asked)
	r.Summarizer = model
	p := newPaper(t)
	c, src := r.press(t, p, "feed", "quote")
	long := "The harbour board, which had met behind closed doors for nine days while the dredgers lay idle and the ferries waited outside the mole, decided on Tuesday evening that the old pier has to go. "
	short := "The pier has to go, the board said. It will be gone by May. Nobody objected. The ferry sails on."
	for n, text := range []string{strings.Repeat(long, 4), short + " " + strings.Repeat(long, 3), "", strings.ReplaceAll(about(3), ". ", ", and ")} {
		p.posts = append(p.posts, post{path: fmt.Sprint("/q", n), title: fmt.Sprint("The old pier and its end, part ", n), text: text, at: r.now.Add(-time.Duration(n+1) * time.Hour), image: "https://paper.example/a.jpg", credit: "Photo: Ada Quist"})
	}
	p.posts[2].text = about(2)
	poll(t, c, src)
	r.now = r.now.Add(time.Minute)
	poll(t, c, src)
	r.headlines(t, func(s *Spec) { s.AI, s.Words, s.Sentences = true, 80, 4 })
	issues, err := r.IssuesIn(t.Context(), "draft")
	if err != nil || len(issues) != 1 {
		t.Fatal(issues, err)
	}
	editions, err := r.sealer.Seal(t.Context(), issues[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.Chosen(t.Context(), issues[0].ID)
	if err != nil || len(list) < 3 {
		t.Fatalf("%d stories, %v", len(list), err)
	}
	for _, k := range list {
		if n := len(strings.Fields(k.Printed())); n > quoteWords {
			t.Errorf("%q is told in %d words: %q", k.Title, n, k.Printed())
		}
		if k.Story.Image != "" || k.AI {
			t.Errorf("%q: picture %q, by AI %v", k.Title, k.Story.Image, k.AI)
		}
	}
	for _, e := range editions {
		if sent := string(e.Message); strings.Contains(sent, "behind closed doors for nine days while") || strings.Contains(sent, "a.jpg") {
			t.Error("the mail has more than a quotation")
		}
	}
	if len(model.titles) > 0 {
		t.Errorf("the language model was asked about %q", model.titles)
	}
}

// TestRightsThatAreTakenBack: stories told before lose their pictures, and in a
// draft that waits what is more than a quotation.
func TestRightsThatAreTakenBack(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	ctx := t.Context()
	p := newPaper(t)
	c, src := r.press(t, p, "feed", "own")
	p.posts = []post{{path: "/a", title: "Ferry returns with lamps", text: about(1), at: r.now.Add(-time.Hour), image: "https://paper.example/a.jpg", credit: "Photo: Ada Quist"}}
	poll(t, c, src)
	if s := r.storyAt(t, p.URL+"/a"); s.Image == "" {
		t.Fatal("its own picture is not shown")
	}
	r.now = r.now.Add(time.Minute)
	poll(t, c, src)
	r.headlines(t, nil)
	told := func() string {
		t.Helper()
		i, err := r.IssueByNumber(ctx, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		chosen, err := r.Chosen(ctx, i.ID)
		if err != nil || len(chosen) != 1 {
			t.Fatalf("%d stories, %v", len(chosen), err)
		}
		return chosen[0].Printed()
	}
	if n := len(strings.Fields(told())); n <= quoteWords {
		t.Fatalf("its own source's story is told in %d words", n)
	}
	if err := r.SetSource(ctx, src.ID, "", "", "quote", nil); err != nil {
		t.Fatal(err)
	}
	if told() != "" {
		t.Errorf("a draft still tells %q", told())
	}
	if err := r.SetSource(ctx, src.ID, "", "klingonese", "", nil); err == nil || !strings.Contains(err.Error(), "en-GB") {
		t.Errorf("a language nobody has: %v", err)
	}
	if s := r.storyAt(t, p.URL+"/a"); s.Image != "" || s.Rights != "quote" {
		t.Errorf("rights %s, picture %q", s.Rights, s.Image)
	}
}

// TestWireCredits: an agency's picture is nobody's to hand on, however it is
// credited, unless that is licensed.
func TestWireCredits(t *testing.T) {
	for _, credit := range []string{"AFP", "Photo: John Doe/AFP", "J. Doe / AP", "AP Photo/Jane Roe", "(AP)", "© AP", "Reuters", "REUTERS/Ann Lee", "Photo by Reuters", "Getty Images", "EPA-EFE/X Y",
		"Xinhua/Li", "Anadolu Agency", "picture alliance/dpa", "ТАСС", "新华社", "رويترز", "اے ایف پی", "via Associated Press", "PA Media", "Shutterstock", "ANSA", "Yonhap", "Photo: APP", "(APP)", "EFE/Ana Ruiz", "Photo: AP\nA ship at the pier", "ANI Photo"} {
		if mayShow(Source{Rights: "own"}, "https://a.example/x.jpg", credit) {
			t.Errorf("%q is shown", credit)
		}
		if !mayShow(Source{Rights: "own", Settings: Settings{Pictures: "licensed"}}, "https://a.example/x.jpg", credit) {
			t.Errorf("%q is not shown though licensed", credit)
		}
	}
	for _, credit := range []string{"", "Photo: Ada Quist", "Apron of the airport", "Paul Newman / Gazette", "App store", "Get the APP today", "Ani Lorak", "CAPE TOWN", "Foto: Redaktion", "A map of the area"} {
		if !mayShow(Source{Rights: "own"}, "https://a.example/x.jpg", credit) {
			t.Errorf("%q is not shown", credit)
		}
	}
	for address, want := range map[string]bool{"https://media.gettyimages.com/id/1.jpg": false, "https://a.example/photo.afp.com/x.jpg": false, "https://a.example/afpx.jpg": true} {
		if got := mayShow(Source{Rights: "own"}, address, ""); got != want {
			t.Errorf("%s: shown %v", address, got)
		}
	}
	if mayShow(Source{Rights: "own", Settings: Settings{Pictures: "none"}}, "https://a.example/x.jpg", "") || mayShow(Source{Rights: "quote"}, "https://a.example/x.jpg", "") {
		t.Error("a picture is shown without a right to it")
	}
}

// TestItemsWithoutAName: neither guid nor link gives no story, since there is
// nothing to link to; the item has an id all the same, of its words.
func TestItemsWithoutAName(t *testing.T) {
	f, err := feed.Parse([]byte(`<rss><channel><item><title>A</title><description>One.</description></item><item><title>A</title><description>Two.</description></item><item><title>A</title><description>Two.</description></item></channel></rss>`), "", "https://a.example/")
	if err != nil || len(f.Items) != 2 || f.Items[0].ID == f.Items[1].ID || !strings.HasPrefix(f.Items[0].ID, "hash:") {
		t.Errorf("%+v, %v; want two items with ids of their own", f.Items, err)
	}
	for _, it := range f.Items {
		if _, err := entryOf(Source{}, it, noon); err == nil {
			t.Errorf("%q becomes an entry without an address", it.Title)
		}
	}
}
