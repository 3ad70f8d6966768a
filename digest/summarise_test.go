package digest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/summary"
)

// reports have nothing in common.
var reports = []string{
	"Ice trapped three ferries with 210 passengers in the harbour of Corran on Monday night. An icebreaker freed the ships at noon. Nobody was hurt.",
	"Bakers in Port Ellen agreed on one price for rye bread. Nine of eleven bakeries signed. The two others sell online.",
	"Mayor Ruth Moss opened a library for bicycles on Friday. Visitors borrow a bicycle for a week. The town bought sixty of them.",
	"Swimmers found a bronze bell at the bottom of Loch Avar. Experts date it to 1740. A museum will clean it over the winter.",
	"Rovers beat Albion with a goal in the last minute. Captain Jon Hale scored with his knee. The coast league ends in May.",
	"A lighthouse keeper retires after thirty years on Corran Head. Ines Falk climbed 212 steps every day. Her lamp goes dark in March.",
	"School buses will run on rapeseed oil from August. The county tested two engines. Fuel costs fall by a tenth.",
	"Beekeepers counted more hives than ever before in the valley. Lime trees flowered early. Honey is cheaper by a fifth.",
	"The old cinema shows films again since Thursday. Volunteers mended 140 seats. Tickets cost four pounds.",
	"Rain flooded the cellar of the town archive. Firefighters carried out nine hundred boxes. No document was lost.",
}

// issueOf builds an issue of a newsletter for a slot so long ahead, with ten
// stories, and returns it.
func (r *room) issueOf(t *testing.T, ahead time.Duration, change func(*Spec)) Issue {
	t.Helper()
	ctx := context.Background()
	told, err := r.Stories(ctx, noon.Add(-99*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range reports {
		if len(told) > 0 {
			break
		}
		r.tellText(t, i, time.Duration(i+1)*time.Hour, "en", text)
	}
	n := r.newsletter(t, change)
	slot, err := r.AddSlot(ctx, n.ID, r.now.Add(ahead))
	if err != nil {
		t.Fatal(err)
	}
	issue, err := r.Builder.Begin(ctx, n, slot)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Build(ctx, issue.ID); err != nil {
		t.Fatal(err)
	}
	return r.get(t, issue.ID)
}

func (r *room) chosen(t *testing.T, issue int64) []Chosen {
	t.Helper()
	list, err := r.Chosen(context.Background(), issue)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// of is the choice of one story.
func (r *room) of(t *testing.T, issue, story int64) Chosen {
	t.Helper()
	for _, c := range r.chosen(t, issue) {
		if c.Story.ID == story {
			return c
		}
	}
	t.Fatalf("story %d is not in issue %d", story, issue)
	return Chosen{}
}

func (r *room) edit(t *testing.T, issue int64, e Edit, by string) {
	t.Helper()
	if err := r.EditIssue(context.Background(), issue, e, by); err != nil {
		t.Fatal(err)
	}
}

// An editor's words survive rebuilds, even when the story has meanwhile become
// too old to be chosen; who wrote them, when, and what stood there is kept and
// can be put back.
func TestEditedSummarySurvivesRebuilds(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		issue := r.issueOf(t, time.Hour, nil)
		before := r.chosen(t, issue.ID)[1]
		text := "The council has voted. Nobody was surprised."
		r.edit(t, issue.ID, Edit{Edition: "en", StoryID: before.Story.ID, Summary: &text}, "ed@news.example")
		for _, later := range []time.Duration{0, 90 * time.Hour} {
			r.now = noon.Add(later)
			for i := range 4 {
				r.tell(t, 20+int(later.Hours())+i, time.Hour, "en")
			}
			if err := r.Build(ctx, issue.ID); err != nil {
				t.Fatal(err)
			}
			c := r.of(t, issue.ID, before.Story.ID)
			if c.Summary != text || c.Method != "editor" || c.State != "in" {
				t.Errorf("after %s: %q by %s, %s", later, c.Summary, c.Method, c.State)
			}
			if c.EditedBy != "ed@news.example" || !c.EditedAt.Equal(noon) || c.OriginalSummary != before.Summary || c.OriginalMethod != before.Method {
				t.Errorf("after %s: edited by %q at %s from %q (%s)", later, c.EditedBy, c.EditedAt, c.OriginalSummary, c.OriginalMethod)
			}
			for i, line := range strings.Split(c.OriginalSummary, "\n") {
				if got := spanned(c.Story.Body, c.Spans[i]); got != line {
					t.Errorf("the original's sentence %d is %q in the article, want %q", i, got, line)
				}
			}
		}
		yes := true
		r.edit(t, issue.ID, Edit{Edition: "en", StoryID: before.Story.ID, Undo: &yes}, "ed@news.example")
		if c := r.of(t, issue.ID, before.Story.ID); c.Summary != before.Summary || c.Method != before.Method || c.EditedBy != "" || c.OriginalSummary != "" {
			t.Errorf("undone: %q by %s, edited by %q", c.Summary, c.Method, c.EditedBy)
		}
	})
}

// The verb summarize gives what a slot stores, near-duplicates included.
func TestVerbGivesTheSlotsSummaries(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	for i := range 4 {
		r.tell(t, 50+i, 30*time.Minute+time.Duration(i)*time.Second, "en") // alike but for numbers
	}
	for i, text := range reports {
		r.tellText(t, i, time.Duration(i+1)*time.Hour, "en", text)
	}
	issue := r.issueOf(t, time.Hour, func(s *Spec) { s.Words, s.Sentences, s.Tones = 25, 2, map[string]string{"trending": "line"} })
	list := r.chosen(t, issue.ID)
	var in, out bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, c := range list {
		o := issue.Spec.options(c)
		enc.Encode(map[string]any{"id": fmt.Sprint(c.Story.ID), "lang": c.Story.Language, "title": c.Story.Title, "text": c.Story.Body, "description": c.Story.Description, "words": o.Words, "sentences": o.Sentences})
	}
	if err := summary.ReplayJSON(&in, &out, summary.Options{}, true); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(&out)
	for _, c := range list {
		var got struct {
			Summary   string
			Sentences []struct{ Spans [][2]int }
		}
		if err := dec.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.Summary != c.Summary || len(got.Sentences) != len(c.Spans) {
			t.Errorf("%q: the verb gives\n%s\nthe slot stored\n%s", c.Title, got.Summary, c.Summary)
		}
	}
}

func spanned(text string, spans [][2]int) string {
	var parts []string
	for _, s := range spans {
		parts = append(parts, text[s[0]:s[1]])
	}
	return strings.Join(parts, " ")
}

func TestTones(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		for i, c := range []struct {
			change    func(*Spec)
			sentences int // at most; 0 = headline alone
			words     int
		}{
			{func(s *Spec) { s.Tones = map[string]string{"latest": "headline"} }, 0, 0},
			{func(s *Spec) { s.Tones = map[string]string{"latest": "line"} }, 1, lineWords},
			{func(s *Spec) { s.Sentences = 2 }, 2, 60},
			{func(s *Spec) { s.Words = 18 }, 3, 18},
			{nil, 3, 60},
		} {
			issue := r.issueOf(t, time.Duration(i+1)*time.Hour, c.change)
			for _, got := range r.chosen(t, issue.ID) {
				n := len(strings.Split(got.Summary, "\n"))
				if got.Summary == "" {
					n = 0
				}
				if n > c.sentences || summary.Words(got.Summary) > c.words || (n == 0) != (c.sentences == 0) || got.MethodReason == "" {
					t.Errorf("case %d: %d sentences, %d words, because %q: %q", i, n, summary.Words(got.Summary), got.MethodReason, got.Summary)
				}
			}
		}
	})
}

// A summary that fell back to the headline is not printed below it.
func TestHeadlineIsNotSaidTwice(t *testing.T) {
	for _, c := range []struct {
		chosen Chosen
		want   []string
	}{
		{Chosen{Title: "Bridge opens", Summary: "Bridge opens", Method: "headline"}, nil},
		{Chosen{Title: "Bridge opens", Summary: "It cost 3 million.\nIt took a year.", Method: "extract"}, []string{"It cost 3 million.", "It took a year."}},
	} {
		if got := storyView(c.chosen, Spec{}, "latest", false, nil).Summary; strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%s: got %q, want %q", c.chosen.Method, got, c.want)
		}
	}
}

// What stands in one story of an edition stands in no other, whoever wrote it.
func TestNothingIsSaidTwice(t *testing.T) {
	lead := "The harbour of Corran froze over on Monday night and three ferries with 210 passengers were trapped in the ice."
	story := func(id int64, more string) Chosen {
		return Chosen{Edition: "en", State: "in", Section: "latest", Story: Story{ID: id, Language: "en", Title: "Ferries in the ice", Rights: "own", Body: lead + "\n\n" + more}}
	}
	list := []Chosen{
		story(1, "An icebreaker from the mainland will arrive on Tuesday at noon, the coast guard of Corran said."),
		story(2, "The owners of the ferries want the town to pay for the lost day. Mayor Ruth Moss answered that the town has no money for ships."),
		story(3, "Fishermen carried bread and tea across the ice to the passengers, and a choir sang from the pier until midnight."),
	}
	list[2].Method, list[2].Summary = "editor", "The town has no money for ships, Mayor Ruth Moss answered."
	summarise(list, Spec{Words: 60, Sentences: 3}, editorsWords(list))
	all := list[0].Summary + "\n" + list[1].Summary + "\n" + list[2].Summary
	for _, part := range []string{"froze over", "no money for ships"} {
		if n := strings.Count(all, part); n != 1 {
			t.Errorf("%q is said %d times in\n%s", part, n, all)
		}
	}
}

// writerFunc is a Summarizer made by hand.
type writerFunc func(ctx context.Context, d summary.Doc, o summary.Options) (summary.Summary, error)

func (f writerFunc) Summarize(ctx context.Context, d summary.Doc, o summary.Options) (summary.Summary, error) {
	return f(ctx, d, o)
}

type because string

func (b because) Error() string  { return string(b) }
func (b because) Reason() string { return string(b) }

func TestLanguageModelWrites(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		var asked sync.Map
		r.Summarizer = writerFunc(func(_ context.Context, d summary.Doc, _ summary.Options) (summary.Summary, error) {
			asked.Store(d.Title, true)
			if strings.HasSuffix(d.Title, "number 2") {
				return summary.Summary{}, because("the number 99 is not in the article")
			}
			if strings.HasSuffix(d.Title, "number 3") {
				return summary.Summary{}, errors.New("Post \"https://key@model.example\": refused")
			}
			return summary.Summary{Text: "A model sums up: " + d.Text[:strings.Index(d.Text, ".")+1], Method: "ai", Reason: "written by test-1"}, nil
		})
		// Not asked unless the newsletter wants it.
		r.issueOf(t, 2*time.Hour, nil)
		asked.Range(func(k, _ any) bool { t.Errorf("asked about %v by a newsletter that does not want it", k); return true })

		issue := r.issueOf(t, time.Hour, func(s *Spec) { s.AI, s.Approval = true, "send" })
		written := 0
		var one Chosen
		for _, c := range r.chosen(t, issue.ID) {
			switch {
			case strings.HasSuffix(c.Title, "number 2"):
				if c.AI || c.Method == "ai" || !strings.Contains(c.MethodReason, "the number 99 is not in the article") || c.Spans == nil {
					t.Errorf("refused: %+v because %q", c.Method, c.MethodReason)
				}
			case strings.HasSuffix(c.Title, "number 3"):
				if c.AI || strings.Contains(c.MethodReason, "key") || !strings.Contains(c.MethodReason, "did not answer") {
					t.Errorf("failed: %+v because %q", c.Method, c.MethodReason)
				}
			case c.AI && c.Method == "ai" && strings.HasPrefix(c.Summary, "A model sums up") && c.MethodReason == "written by test-1":
				written++
				one = c
			default:
				t.Errorf("%s: %s because %q: %q", c.Title, c.Method, c.MethodReason, c.Summary)
			}
		}
		if written < 3 {
			t.Fatalf("%d summaries are written by the model, want at least 3", written)
		}
		// The mark stands in HTML and text until a named editor has reviewed the
		// text as it is.
		marks := func() (html, text int) {
			eds, err := r.sealer.Seal(ctx, issue.ID)
			if err != nil {
				t.Fatal(err)
			}
			return strings.Count(eds[0].HTML, "Summary written by AI"), strings.Count(eds[0].Text, "Summary written by AI")
		}
		expect := func(when string, want int) {
			t.Helper()
			if html, text := marks(); html != want || text != want {
				t.Errorf("%s: marked %d times in HTML, %d in the text part, want %d", when, html, text, want)
			}
		}
		yes, words, spaced := true, "An editor changed what the model wrote.", one.Summary
		expect("unread", written)
		r.edit(t, issue.ID, Edit{Edition: "en", StoryID: one.Story.ID, Review: &yes}, "ed@news.example")
		expect("reviewed", written-1)
		if err := r.Build(ctx, issue.ID); err != nil {
			t.Fatal(err)
		}
		expect("reviewed, then built again", written-1)
		r.edit(t, issue.ID, Edit{Edition: "en", StoryID: one.Story.ID, Summary: &words}, "other@news.example")
		expect("edited after the review", written)
		r.edit(t, issue.ID, Edit{Edition: "en", StoryID: one.Story.ID, Review: &yes}, "ed@news.example")
		expect("reviewed again", written-1)
		if c := r.of(t, issue.ID, one.Story.ID); c.ReviewedBy != "ed@news.example" || c.ReviewedHash != textHash(words) {
			t.Errorf("the review is kept as %q of %q", c.ReviewedBy, c.ReviewedHash)
		}
		r.edit(t, issue.ID, Edit{Edition: "en", StoryID: one.Story.ID, Summary: &spaced}, "other@news.example")
		expect("edited back", written)
		if err := r.EditIssue(ctx, issue.ID, Edit{Edition: "en", StoryID: one.Story.ID, Review: &yes}, ""); err == nil {
			t.Error("nobody in particular reviewed it")
		}
	})
}

// The language model is never asked about what may only be quoted, nor when
// the issue is due, and an issue does not wait for one that hangs.
func TestLanguageModelNeverDelays(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	asked := make(chan string, 100)
	hang := writerFunc(func(ctx context.Context, d summary.Doc, _ summary.Options) (summary.Summary, error) {
		asked <- d.Title
		<-release // deaf to ctx
		return summary.Summary{}, ctx.Err()
	})
	b := &Builder{Store: &Store{Now: func() time.Time { return noon }}, Summarizer: hang}
	list := func(rights string) []Chosen {
		return []Chosen{{Edition: "en", State: "in", Method: "extract", MethodReason: "chosen sentences", Summary: "A.", Story: Story{Title: "t", Rights: rights}}}
	}
	issue := func(approval string, ahead time.Duration) Issue {
		return Issue{SlotAt: noon.Add(ahead), Spec: Spec{AI: true, Approval: approval}}
	}
	for _, c := range []struct {
		name     string
		issue    Issue
		rights   string
		why      string
		mayAsked int
	}{
		{"quote", issue("hold", time.Hour), "quote", "may only be quoted", 0},
		{"due", issue("send", writeRest), "own", "the issue is due", 0},
		{"overdue", issue("send", -time.Hour), "own", "the issue is due", 0},
	} {
		l := list(c.rights)
		b.rewrite(context.Background(), c.issue, l)
		if !strings.Contains(l[0].MethodReason, c.why) || l[0].Summary != "A." || len(asked) != c.mayAsked {
			t.Errorf("%s: %q because %q, asked %d times", c.name, l[0].Summary, l[0].MethodReason, len(asked))
		}
	}
	if got := b.timeToWrite(issue("send", writeRest+10*time.Second)); got != 10*time.Second {
		t.Errorf("time to write is %s, want the 10 s that are left", got)
	}
	if got := b.timeToWrite(issue("hold", -time.Hour)); got != writeTime {
		t.Errorf("time to write for an issue that waits for a person is %s", got)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	l := list("own")
	b.rewrite(ctx, issue("hold", time.Hour), l)
	if !strings.Contains(l[0].MethodReason, "did not answer in time") || l[0].Summary != "A." {
		t.Errorf("hanging: %q because %q", l[0].Summary, l[0].MethodReason)
	}
}

// Two stories of one edition that a model sums up in the same words.
func TestLanguageModelRepeats(t *testing.T) {
	list := []Chosen{
		{Edition: "en", State: "in", Method: "extract", Summary: "The ferry sank off Corran on Monday night.", Story: Story{ID: 1}},
		{Edition: "en", State: "in", Method: "extract", Summary: "Divers found the hull.", Story: Story{ID: 2}},
		{Edition: "ru", State: "in", Method: "extract", Summary: "Divers found the hull.", Story: Story{ID: 2}},
	}
	for i := 1; i < 3; i++ {
		takeAnswer(list, i, summary.Summary{Text: "A ferry sank off Corran on Monday night.", Method: "ai"}, nil)
	}
	if list[1].AI || !strings.Contains(list[1].MethodReason, "another story says the same") {
		t.Errorf("repeated: %q because %q", list[1].Summary, list[1].MethodReason)
	}
	if !list[2].AI {
		t.Errorf("another edition: %q because %q", list[2].Summary, list[2].MethodReason)
	}
	if got := fmt.Sprint(summary.Repeats("Nothing alike here at all.", []string{"", "The ferry sank."})); got != "false" {
		t.Error("unlike sentences are taken for the same")
	}
}
