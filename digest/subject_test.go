package digest

import (
	"slices"
	"strings"
	"testing"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

// An editor's subject that speaks of a story which has left is red until somebody
// has looked at it again; a subject made of the stories follows them by itself.
func TestSubjectOfAStoryThatHasLeft(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		i := r.draft(t)
		ctx := t.Context()
		reds := func() (texts []string) {
			t.Helper()
			d, err := r.sealer.Draft(ctx, i.ID)
			if err != nil {
				t.Fatal(err)
			}
			editions, err := r.Editions(ctx, i.ID, d.Issue.Revision)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range Bad(Preflight(d, editions, Look{})) {
				if f.Check == "subject" {
					texts = append(texts, f.Text)
				}
			}
			return texts
		}
		set := func(subject string) {
			t.Helper()
			if err := r.SetSubject(ctx, i.ID, subject, "", "ed@news.example"); err != nil {
				t.Fatal(err)
			}
			if _, err := r.sealer.Seal(ctx, i.ID); err != nil {
				t.Fatal(err)
			}
		}
		leave := func() {
			t.Helper()
			chosen, err := r.Chosen(ctx, i.ID)
			if err != nil {
				t.Fatal(err)
			}
			lead := chosen[slices.IndexFunc(chosen, func(c Chosen) bool { return c.State == "in" })]
			if err := (&Guard{Store: r.Builder.Store}).Remove(ctx, i.ID, []Removal{{StoryID: lead.Story.ID, Reason: "blocked by an editor"}}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.sealer.Seal(ctx, i.ID); err != nil {
				t.Fatal(err)
			}
		}
		leave()
		if got := reds(); got != nil {
			t.Errorf("a subject made of the stories is red: %q", got)
		}
		set("A long night in the town hall")
		if got := reds(); got != nil {
			t.Errorf("just written it is red: %q", got)
		}
		leave()
		if got := reds(); len(got) != 1 || !strings.Contains(got[0], "no longer in the issue (blocked by an editor)") {
			t.Errorf("its story has left: %q", got)
		}
		set("A long night in the town hall")
		if got := reds(); got != nil {
			t.Errorf("saved again it is red: %q", got)
		}
		leave()
		if set(""); reds() != nil {
			t.Errorf("given up it is red: %q", reds())
		}
	})
}

func TestWrittenOver(t *testing.T) {
	spec := Spec{Editions: []EditionSpec{{Name: "en"}, {Name: "ur"}}}
	var list []Chosen
	for n, title := range []string{"Ferry to the outer islands returns", "Council passes the budget after a long night", "Lions win the cup final", "Паром вернулся на острова"} {
		list = append(list, Chosen{Edition: "en", Section: "latest", State: "in", Title: title, Story: Story{ID: int64(n + 1)}})
	}
	list = append([]Chosen{{Edition: "ur", Section: "trending", State: "in", Title: "Ferry returns", Story: Story{ID: 9}}, {Edition: "en", Section: "trending", State: "dropped", Title: "Ferry fire", Story: Story{ID: 8}}}, list...)
	for words, want := range map[string][]int64{
		"":                                     nil,
		"Eleven years":                         {1}, // no headline's words: what stands first
		"Ferry is back":                        {1},
		"The budget is passed, the cup is won": {2},
		"A budget passed at night; cup final":  {2, 3},
		"Паромы снова у островов": {4},
	} {
		if got := writtenOver(words, spec, list); !slices.Equal(got, want) {
			t.Errorf("%q speaks of %v, want %v", words, got, want)
		}
	}
}
