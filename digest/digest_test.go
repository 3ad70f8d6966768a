package digest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/digest/trend"
	"pressrun/templates"
)

// room is a newsroom for tests: one source, stories, a clock that is set by hand.
type room struct {
	*Builder
	sealer Sealer
	now    time.Time
	source Source
}

var noon = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)

func newRoom(t *testing.T, db *schema.DB) *room {
	t.Helper()
	r := &room{now: noon}
	store := &Store{DB: db, Now: func() time.Time { return r.now }}
	counters := trend.NewSQL(db, store.Now)
	ranker := &trend.Ranker{Counters: counters, DB: db, Now: store.Now}
	r.Builder = &Builder{Store: store, Rank: ranker.Rank}
	r.sealer = Sealer{Store: store, Compose: func(e templates.Email) ([]byte, error) {
		return []byte(e.From + "\n" + e.Subject + "\n" + e.HTML + "\n" + e.Text), nil
	}}
	var err error
	r.source, err = store.AddSource(context.Background(), Source{Kind: "feed", URL: "https://news.example/feed", SiteURL: "https://news.example/", Title: "The News", Rights: "own"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tell stores a story published so long ago and returns its id.
func (r *room) tell(t *testing.T, n int, ago time.Duration, language string) int64 {
	t.Helper()
	return r.tellText(t, n, ago, language, fmt.Sprintf("The council voted on plan %d on Monday after a debate that lasted until the evening. Residents of ward %d had asked for changes to the road. The mayor said the plan would cost %d million.", n, n, n+3))
}

func (r *room) tellText(t *testing.T, n int, ago time.Duration, language, text string) int64 {
	t.Helper()
	ctx := context.Background()
	st := r.Builder.Store
	url := fmt.Sprintf("https://news.example/story-%d", n)
	item := feed.Item{ID: url, URL: url, Title: fmt.Sprintf("Council votes on plan number %d", n), Published: r.now.Add(-ago)}
	defer func(now time.Time) { r.now = now }(r.now)
	list := r.source
	list.Kind = "pages" // each poll lists one story, and that withdraws none
	for range 2 {
		if _, _, err := st.AddEntries(ctx, list, []feed.Item{item}, time.Time{}); err != nil {
			t.Fatal(err)
		}
		r.now = r.now.Add(time.Millisecond)
	}
	entries, err := st.UnreadEntries(ctx, r.source.ID, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.URL != url {
			continue
		}
		id, err := st.Tell(ctx, r.source, e, article.Article{URL: url, Title: e.Title, Text: text, Language: language, Kind: "article"})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	t.Fatalf("entry %s is not unread", url)
	return 0
}

func (r *room) newsletter(t *testing.T, change func(*Spec)) Newsletter {
	t.Helper()
	spec := Spec{Title: "Morning", City: "Port Ellery", Zone: "Europe/Berlin", Schedule: "0 7 * * *", List: "readers", From: "Morning <digest@news.example>",
		Brand: templates.Brand{Name: "The News", URL: "https://news.example", Postal: "1 Quay Street"}, Trending: 3, Latest: 3}
	if change != nil {
		change(&spec)
	}
	n, _, err := r.ApplyNewsletter(context.Background(), "morning", spec, "test")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// draft builds and seals an issue of ten stories for the next slot.
func (r *room) draft(t *testing.T) Issue {
	t.Helper()
	ctx := context.Background()
	for i := range 10 {
		r.tell(t, i, time.Duration(i+1)*time.Hour, "en")
	}
	n := r.newsletter(t, nil)
	slot, err := r.AddSlot(ctx, n.ID, r.now)
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
	if _, err := r.sealer.Seal(ctx, issue.ID); err != nil {
		t.Fatal(err)
	}
	return r.get(t, issue.ID)
}

func (r *room) get(t *testing.T, id int64) Issue {
	t.Helper()
	i, err := r.Issue(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestOneIssueASlot(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		n := r.newsletter(t, nil)
		slot, err := r.AddSlot(ctx, n.ID, r.now)
		if err != nil {
			t.Fatal(err)
		}
		ids := make(chan int64, 4)
		for range 4 {
			go func() {
				i, err := r.Begin(ctx, n, slot)
				if err != nil {
					t.Error(err)
				}
				ids <- i.ID
			}()
		}
		first := <-ids
		for range 3 {
			if id := <-ids; id != first || id == 0 {
				t.Errorf("got issue %d beside %d for one slot", id, first)
			}
		}
	})
}

func TestMostReadStandFirst(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		var ids []int64
		for i := range 8 {
			ids = append(ids, r.tell(t, i, 5*time.Hour, "en"))
		}
		counters := trend.NewSQL(db, r.Now)
		var views []trend.View
		for i, n := range map[int]int{2: 100, 5: 30, 7: 10} {
			key, _ := article.KeyOf(fmt.Sprintf("https://news.example/story-%d", i))
			for v := range n {
				views = append(views, trend.View{Key: string(key), Visitor: fmt.Sprintf("%016x", i*1000+v), At: r.now.Add(-time.Hour), N: 1})
			}
		}
		if _, err := counters.Add(ctx, views); err != nil {
			t.Fatal(err)
		}
		n := r.newsletter(t, nil)
		slot, _ := r.AddSlot(ctx, n.ID, r.now)
		issue, err := r.Begin(ctx, n, slot)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Build(ctx, issue.ID); err != nil {
			t.Fatal(err)
		}
		list, err := r.Chosen(ctx, issue.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := []int64{ids[2], ids[5], ids[7]}
		for i, c := range list[:3] {
			if c.Section != "trending" || c.Story.ID != want[i] {
				t.Errorf("place %d: got story %d in %s, want %d in trending", i+1, c.Story.ID, c.Section, want[i])
			}
			if !strings.Contains(c.Reason, "views") {
				t.Errorf("place %d: reason %q does not tell the views", i+1, c.Reason)
			}
		}
		for _, c := range list[3:] {
			if c.Section != "latest" {
				t.Errorf("story %d without views stands in %s", c.Story.ID, c.Section)
			}
		}
	})
}

func TestWithoutViewsDateChoosesAndSaysSo(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		issue := r.draft(t)
		if issue.RankedBy != "date" {
			t.Errorf("ranked by %q, want date", issue.RankedBy)
		}
		list, _ := r.Chosen(context.Background(), issue.ID)
		if len(list) != 6 {
			t.Fatalf("got %d stories, want 6", len(list))
		}
		for _, c := range list {
			if c.Section != "latest" || !strings.Contains(c.Reason, "newest first") {
				t.Errorf("got %s, %q; want latest with its reason", c.Section, c.Reason)
			}
		}
		editions, _ := r.Editions(context.Background(), issue.ID, issue.Revision)
		if strings.Contains(editions[0].HTML, "Trending Now") {
			t.Error("“Trending Now” stands in an issue that dates chose")
		}
	})
}

// TestSealOvertaken: of two who change an issue at the same time both are sealed.
func TestSealOvertaken(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		issue := r.draft(t)
		list, err := r.Chosen(ctx, issue.ID)
		if err != nil {
			t.Fatal(err)
		}
		edit := func(n int, title string) {
			if err := r.EditIssue(ctx, issue.ID, Edit{Edition: "en", StoryID: list[n].Story.ID, Title: &title}, "ed"); err != nil {
				t.Error(err)
			}
		}
		slow, meanwhile := r.sealer, true
		slow.Compose = func(e templates.Email) ([]byte, error) {
			if meanwhile {
				meanwhile = false
				edit(1, "What she wrote")
				if _, err := r.sealer.Seal(ctx, issue.ID); err != nil {
					t.Error(err)
				}
			}
			return r.sealer.Compose(e)
		}
		edit(0, "What he wrote")
		sealed, err := slow.Seal(ctx, issue.ID)
		if err != nil || !strings.Contains(sealed[0].HTML, "What he wrote") || !strings.Contains(sealed[0].HTML, "What she wrote") {
			t.Fatalf("the seal lacks a change, or %v", err)
		}
		if got := r.get(t, issue.ID); got.Revision != sealed[0].Revision {
			t.Errorf("the issue stands at revision %d, the seal is %d", got.Revision, sealed[0].Revision)
		}
	})
}

func TestSealIsStableUntilAnEdit(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		issue := r.draft(t)
		again, err := r.sealer.Seal(ctx, issue.ID)
		if err != nil || again[0].Revision != 1 {
			t.Fatalf("sealing what is sealed: revision %d, %v; want 1", again[0].Revision, err)
		}
		if err := r.sealer.Approve(ctx, issue.ID, 0, "ed", false); err != nil {
			t.Fatal(err)
		}
		list, _ := r.Chosen(ctx, issue.ID)
		title := "A better headline"
		if err := r.EditIssue(ctx, issue.ID, Edit{Edition: "en", StoryID: list[0].Story.ID, Title: &title}, "ed"); err != nil {
			t.Fatal(err)
		}
		if got := r.get(t, issue.ID); got.State != "draft" || got.ApprovedBy != "" {
			t.Errorf("after an edit: %s, approved by %q; want draft, nobody", got.State, got.ApprovedBy)
		}
		sealed, err := r.sealer.Seal(ctx, issue.ID)
		if err != nil || sealed[0].Revision != 2 || !strings.Contains(sealed[0].HTML, title) {
			t.Fatalf("sealing the edit: %+v, %v", sealed[0].Revision, err)
		}
		old, _ := r.Editions(ctx, issue.ID, 1)
		if len(old) != 2 || old[0].Hash == sealed[0].Hash {
			t.Error("the first revision must stay as it was")
		}
		// What an editor did survives a rebuild.
		drop := true
		if err := r.EditIssue(ctx, issue.ID, Edit{Edition: "en", StoryID: list[1].Story.ID, Drop: &drop}, "ed"); err != nil {
			t.Fatal(err)
		}
		if err := r.Build(ctx, issue.ID); err != nil {
			t.Fatal(err)
		}
		after, _ := r.Chosen(ctx, issue.ID)
		for _, c := range after {
			if c.Story.ID == list[0].Story.ID && (c.Title != title || c.OriginalTitle == "") {
				t.Errorf("the rewrite is lost: %q, original %q", c.Title, c.OriginalTitle)
			}
			if c.Story.ID == list[1].Story.ID && c.State != "dropped" {
				t.Errorf("the dropped story is back: %s", c.State)
			}
		}
	})
}

func TestMoveStory(t *testing.T) {
	list := []Chosen{}
	for i := range 5 {
		list = append(list, Chosen{Edition: "en", Section: "latest", Position: i + 1, Story: Story{ID: int64(i + 1)}})
	}
	for _, c := range []struct {
		story int64
		to    int
		want  []int64
	}{
		{4, 1, []int64{4, 1, 2, 3, 5}},
		{4, 5, []int64{1, 2, 3, 5, 4}},
		{1, 3, []int64{2, 3, 1, 4, 5}},
		{3, 99, []int64{1, 2, 4, 5, 3}},
		{2, 2, []int64{1, 2, 3, 4, 5}},
	} {
		got := slices.Clone(list)
		apply(got, Edit{Edition: "en", StoryID: c.story, To: &c.to}, "ed", noon)
		var ids []int64
		for i, g := range got {
			ids = append(ids, g.Story.ID)
			if g.Position != i+1 {
				t.Errorf("story %d to %d: position %d at place %d", c.story, c.to, g.Position, i+1)
			}
		}
		if !slices.Equal(ids, c.want) {
			t.Errorf("story %d to %d: got %v, want %v", c.story, c.to, ids, c.want)
		}
	}
}

// A story that was dropped takes up no place: the others are counted from 1 in the
// mail, and move past it as if it were not there.
func TestDroppedTakesNoPlace(t *testing.T) {
	var list []Chosen
	for i := range 4 {
		list = append(list, Chosen{Edition: "en", Section: "trending", Position: i + 1, State: "in", Title: fmt.Sprint(i + 1), Story: Story{ID: int64(i + 1)}})
	}
	yes, first := true, 1
	apply(list, Edit{Edition: "en", StoryID: 1, Drop: &yes}, "ed", noon)
	list[2].State = "removed"
	shown := func() string {
		t.Helper()
		d := Draft{Spec: Spec{}.WithDefaults("m")}
		v, _, _ := view(d, d.Spec.Editions[0], list, nil)
		var out []string
		for _, s := range v.Sections[0].Stories {
			out = append(out, fmt.Sprintf("%d: %s", s.Rank, s.Title))
		}
		return strings.Join(out, ", ")
	}
	if got := shown(); got != "1: 2, 2: 4" {
		t.Errorf("after one was dropped and one removed the mail shows %s", got)
	}
	apply(list, Edit{Edition: "en", StoryID: 4, To: &first}, "ed", noon)
	if got := shown(); got != "1: 4, 2: 2" {
		t.Errorf("after the last one was moved up it shows %s", got)
	}
}

func TestMissedSlotsAreAnnounced(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		n := r.newsletter(t, nil)
		if err := r.Plan(ctx, n); err != nil {
			t.Fatal(err)
		}
		due, missed, err := r.DueSlots(ctx, n)
		if err != nil || due != nil || len(missed) != 0 {
			t.Fatalf("at noon: due %v, missed %v, %v; want nothing", due, missed, err)
		}
		// 07:00 in Berlin is 06:00 UTC; the draft is built 45 minutes before.
		r.now = time.Date(2026, 3, 21, 5, 20, 0, 0, time.UTC)
		if due, _, _ = r.DueSlots(ctx, n); due == nil || !due.At.Equal(time.Date(2026, 3, 21, 6, 0, 0, 0, time.UTC)) {
			t.Fatalf("45 minutes before: due %v", due)
		}
		// Down for two days and a half: only the last slot is within its grace.
		r.now = time.Date(2026, 3, 23, 7, 0, 0, 0, time.UTC)
		if err := r.Plan(ctx, n); err != nil {
			t.Fatal(err)
		}
		due, missed, err = r.DueSlots(ctx, n)
		if err != nil || len(missed) != 2 || due == nil || due.At.Day() != 23 {
			t.Fatalf("after downtime: due %v, missed %v, %v; want the 23rd due, two missed", due, missed, err)
		}
		ended, end := context.WithCancel(ctx)
		end()
		if ok, err := r.MissSlot(ended, missed[0]); ok || err == nil {
			t.Errorf("a slot that cannot be written: %v %v", ok, err)
		}
		for _, m := range missed {
			if ok, err := r.MissSlot(ctx, m); err != nil || !ok {
				t.Errorf("miss: %v %v", ok, err)
			}
			if ok, _ := r.MissSlot(ctx, m); ok {
				t.Error("a slot is missed and announced once")
			}
		}
		// Later than the grace, it is missed too.
		r.now = r.now.Add(4 * time.Hour)
		if due, missed, _ = r.DueSlots(ctx, n); due != nil || len(missed) != 1 {
			t.Errorf("past the grace: due %v, missed %v", due, missed)
		}
	})
}

// TestSlotInAMissingHourIsPlanned plans the night the clocks are put forward: the
// slot that no clock shows is pushed on by the gap, and nothing skips it.
func TestSlotInAMissingHourIsPlanned(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		for _, c := range []struct{ name, zone, schedule, at string }{
			{"berlin", "Europe/Berlin", "30 2 * * *", "2026-03-29T01:30:00Z"},
			{"st-johns", "America/St_Johns", "30 2 * * *", "2026-03-08T06:00:00Z"},
			{"lord-howe", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03T15:45:00Z"},
		} {
			ctx := context.Background()
			r := newRoom(t, db)
			slot, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			r.now = slot.Add(-20 * time.Hour)
			spec := r.newsletter(t, nil).Spec
			spec.Schedule, spec.Zone = c.schedule, c.zone
			n, _, err := r.ApplyNewsletter(ctx, c.name, spec, "test")
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := r.Plan(ctx, n); err != nil {
					t.Fatal(err)
				}
			}
			r.now = slot.Add(-30 * time.Minute)
			if due, _, err := r.DueSlots(ctx, n); err != nil || due == nil || !due.At.Equal(slot) {
				list, _ := r.Slots(ctx, n.ID, r.now.Add(-24*time.Hour))
				t.Errorf("%s: due %v, %v; want the slot at %s; there are %v", c.zone, due, err, slot, list)
			}
		}
	})
}

// TestScheduleThatComesBack changes the schedule to and fro: what the schedule has
// again goes out, and what it has earlier than before does, too.
func TestScheduleThatComesBack(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		planned := func(schedule string) string {
			t.Helper()
			if err := r.Plan(ctx, r.newsletter(t, func(s *Spec) { s.Schedule = schedule })); err != nil {
				t.Fatal(err)
			}
			n, _ := r.Newsletter(ctx, "morning")
			list, err := r.Slots(ctx, n.ID, r.now.Add(-20*24*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			var at []string
			for _, s := range list {
				if s.State == "planned" {
					at = append(at, s.At.Format("2 15:04"))
				}
			}
			return strings.Join(at, ", ")
		}
		for _, c := range []struct{ schedule, want string }{ // from the 20th, 12:00 UTC, which is 13:00 in Berlin
			{"0 7 * * *", "21 06:00"},
			{"0 8 * * *", "21 07:00"},
			{"0 7 * * *", "21 06:00"},
			{"0 18 * * *", "20 17:00, 21 17:00"},
			{"0 7 * * *", "21 06:00"},
			{"", ""},
			{"0 7 * * 1", ""},          // on Mondays, and now it is Friday
			{"0 11 * * *", "21 10:00"}, // what was no slot at 11:00 today is none now
		} {
			if got := planned(c.schedule); got != c.want {
				t.Errorf("%s: planned are %s, want %s", c.schedule, got, c.want)
			}
		}
	})
}

// TestDowntimeOverAnEdit: what fell into a long downtime is made up or announced
// also when the newsletter was saved with another title before the start.
func TestDowntimeOverAnEdit(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		if err := r.Plan(ctx, r.newsletter(t, nil)); err != nil {
			t.Fatal(err)
		}
		r.now = r.now.Add(4*24*time.Hour - 5*time.Hour) // down until the 24th, 07:00 UTC
		n := r.newsletter(t, func(s *Spec) { s.Title = "Early" })
		if err := r.Plan(ctx, n); err != nil {
			t.Fatal(err)
		}
		if due, missed, err := r.DueSlots(ctx, n); err != nil || due == nil || due.At.Day() != 24 || len(missed) != 3 {
			t.Errorf("due %v, missed %v, %v; want the 24th due, three missed", due, missed, err)
		}
	})
}

// TestSlotByHandHidesNone: a slot by hand that lies days ahead keeps none of the
// schedule's from being planned.
func TestSlotByHandHidesNone(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		n := r.newsletter(t, nil)
		if _, err := r.AddSlot(ctx, n.ID, r.now.Add(5*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		r.now = r.now.Add(17*time.Hour + 20*time.Minute)
		if err := r.Plan(ctx, n); err != nil {
			t.Fatal(err)
		}
		if due, _, err := r.DueSlots(ctx, n); err != nil || due == nil {
			t.Errorf("got %v, %v; want tomorrow's slot", due, err)
		}
	})
}

// TestPlannedOnce: what is planned already costs no number of a slot, however often the
// clock looks.
func TestPlannedOnce(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		n := r.newsletter(t, nil)
		for range 5 {
			if err := r.Plan(ctx, n); err != nil {
				t.Fatal(err)
			}
		}
		list, err := r.Slots(ctx, n.ID, r.now)
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		if next, err := r.AddSlot(ctx, n.ID, r.now.Add(time.Minute)); err != nil || next.ID != int64(len(list))+1 {
			t.Errorf("after %d slots comes number %d, %v", len(list), next.ID, err)
		}
	})
}

func TestUsedStoriesAreNotToldAgain(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		issue := r.draft(t)
		if err := r.UseStories(ctx, issue); err != nil {
			t.Fatal(err)
		}
		first, _ := r.Chosen(ctx, issue.ID)
		if err := r.Leave(ctx, issue.ID, "cancelled", "test"); err != nil {
			t.Fatal(err)
		}
		n, _ := r.Newsletter(ctx, "morning")
		slot, _ := r.AddSlot(ctx, n.ID, r.now.Add(time.Hour))
		next, err := r.Begin(ctx, n, slot)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Build(ctx, next.ID); err != nil {
			t.Fatal(err)
		}
		second, _ := r.Chosen(ctx, next.ID)
		for _, c := range second {
			if slices.ContainsFunc(first, func(o Chosen) bool { return o.Story.ID == c.Story.ID }) {
				t.Errorf("story %d is told twice", c.Story.ID)
			}
		}
		if next.Number != 2 {
			t.Errorf("got number %d, want 2", next.Number)
		}
	})
}

// TestSlotByHandStays: a slot that no schedule has is nothing the schedule's
// planning may skip, neither before nor after it was planned again.
func TestSlotByHandStays(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		n := r.newsletter(t, func(s *Spec) { s.Schedule, s.Zone = "0 7 * * *", "Europe/London" })
		slot, err := r.AddSlot(ctx, n.ID, r.now.Add(2*time.Hour+13*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := r.Plan(ctx, n); err != nil {
				t.Fatal(err)
			}
		}
		if s, _ := r.Slot(ctx, slot.ID); s.State != "planned" {
			t.Errorf("the slot is %s (%s), want planned", s.State, s.Reason)
		}
		if _, err := r.Begin(ctx, n, slot); err != nil {
			t.Error(err)
		}
	})
}

func TestThinIssueIsSkipped(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		r.tell(t, 1, time.Hour, "en")
		n := r.newsletter(t, nil)
		slot, _ := r.AddSlot(ctx, n.ID, r.now)
		issue, err := r.Begin(ctx, n, slot)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Build(ctx, issue.ID); !errors.Is(err, ErrThin) {
			t.Fatalf("got %v, want ErrThin", err)
		}
		if got := r.get(t, issue.ID); got.State != "skipped" || got.Reason == "" {
			t.Errorf("got %s (%s), want skipped with a reason", got.State, got.Reason)
		}
		if s, _ := r.Slot(ctx, slot.ID); s.State != "skipped" {
			t.Errorf("slot is %s, want skipped", s.State)
		}
	})
}

func TestStartWinsOnce(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		issue := r.draft(t)
		if err := r.sealer.Approve(ctx, issue.ID, 0, "ed", false); err != nil {
			t.Fatal(err)
		}
		won := make(chan bool, 3)
		for range 3 {
			go func() {
				won <- db.InTx(ctx, func(tx *sql.Tx) error {
					_, err := r.Start(ctx, tx, issue.ID)
					return err
				}) == nil
			}()
		}
		n := 0
		for range 3 {
			if <-won {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d of three started the issue, want 1", n)
		}
	})
}

// The states in Go are those the database allows, and every walk along the
// allowed moves is possible in it.
func TestMovesAreTheDatabasesChecks(t *testing.T) {
	text, err := os.ReadFile("../deploy/schema/migrations/0001_first.sql")
	if err != nil {
		t.Fatal(err)
	}
	for table, moves := range map[string]Moves{"slots": SlotMoves, "issues": IssueMoves} {
		m := regexp.MustCompile(`(?s)create table ` + table + ` \(.*?check \(state in \((.*?)\)\)`).FindSubmatch(text)
		var inSQL, inGo []string
		for _, s := range regexp.MustCompile(`'(\w+)'`).FindAllSubmatch(m[1], -1) {
			inSQL = append(inSQL, string(s[1]))
		}
		for s, next := range moves {
			inGo = append(inGo, s)
			for _, to := range next {
				if _, ok := moves[to]; !ok {
					t.Errorf("%s: %s leads to %s, which is no state", table, s, to)
				}
			}
		}
		slices.Sort(inSQL)
		slices.Sort(inGo)
		if !slices.Equal(inSQL, inGo) {
			t.Errorf("%s: database has %v, Go has %v", table, inSQL, inGo)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		state := "building"
		for range 12 {
			next := IssueMoves[state]
			if len(next) == 0 {
				return
			}
			state = rapid.SampledFrom(next).Draw(rt, "to")
			if state == "building" {
				rt.Fatal("an issue is built once")
			}
		}
	})
}

func TestSpecCheckSaysHowToMend(t *testing.T) {
	good := Spec{Title: "M", List: "l", From: "M <a@b.example>", Brand: templates.Brand{Name: "N", Postal: "x"}, Schedule: "0 7 * * *", Zone: "UTC"}
	if bad := good.WithDefaults("m").Check("m"); len(bad) > 0 {
		t.Fatalf("a good spec: %v", bad)
	}
	for want, change := range map[string]func(*Spec){
		"zone":                        func(s *Spec) { s.Zone = "Nowhere" },
		"schedule":                    func(s *Spec) { s.Schedule = "soon" },
		"approval":                    func(s *Spec) { s.Approval = "maybe" },
		"from":                        func(s *Spec) { s.From = "nobody" },
		"list":                        func(s *Spec) { s.List = "" },
		"never comes":                 func(s *Spec) { s.Schedule = "0 7 31 2 *" },
		"less than 10m apart":         func(s *Spec) { s.Schedule = "* 7 * * 1" },
		"list_host \"a b\"":           func(s *Spec) { s.ListHost = "a b" },
		"brand.name":                  func(s *Spec) { s.Brand.Name = "" },
		"brand.url \"news.example\"":  func(s *Spec) { s.Brand.URL = "news.example" },
		"language \"english\" is not": func(s *Spec) { s.Language = "english" },
		"editions, a: language \"\"":  func(s *Spec) { s.Editions = []EditionSpec{{Name: "a"}} },
		"editions, a: languages \"urdu\"": func(s *Spec) {
			s.Editions = []EditionSpec{{Name: "a", Language: "en", Languages: []string{"*", "urdu"}}}
		},
		"min_stories are numbers": func(s *Spec) { s.MinStories = -1 },
		"got -2 and":              func(s *Spec) { s.MinViews = -2 },
		"room for 4":              func(s *Spec) { s.Trending, s.Latest, s.MinStories = -1, 4, 5 },
		"postal":                  func(s *Spec) { s.Brand.Postal = " " },
		"logo":                    func(s *Spec) { s.Brand.Logo = "http://x/y.png" },
		"accent":                  func(s *Spec) { s.Brand.Accent = "red" },
		"editions":                func(s *Spec) { s.Editions = []EditionSpec{{Name: "a"}, {Name: "a"}} },
		"-text":                   func(s *Spec) { s.Editions = []EditionSpec{{Name: "a"}, {Name: "a-text"}} }, // as the text-only form of a
	} {
		s := good
		change(&s)
		if bad := strings.Join(s.WithDefaults("m").Check("m"), "\n"); !strings.Contains(bad, want) {
			t.Errorf("got %q, want a word about %s", bad, want)
		}
	}
}

func TestMarkKeepsTheAddress(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example/x":          "https://a.example/x?src=morning",
		"https://a.example/x?p=5#top":  "https://a.example/x?p=5&src=morning#top",
		"https://a.example/x?src=home": "https://a.example/x?src=morning",
		"https://a.example/خبر":        "https://a.example/%D8%AE%D8%A8%D8%B1?src=morning",
	} {
		if got := Marked(in, "morning"); got != want {
			t.Errorf("Marked(%q): got %q, want %q", in, got, want)
		}
	}
}

// A site may know its articles by number: views counted under that meet the story.
func TestViewsMeetBySiteNames(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		url := "https://news.example/numbered"
		if _, _, err := r.AddEntries(ctx, r.source, []feed.Item{{ID: "https://news.example/?p=48213", URL: url, Title: "A numbered story", Published: r.now.Add(-time.Hour)}}, time.Time{}); err != nil {
			t.Fatal(err)
		}
		entries, err := r.UnreadEntries(ctx, r.source.ID, 1)
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		id, err := r.Tell(ctx, r.source, entries[0], article.Article{URL: url, Title: "A numbered story", Text: "Text.", Language: "en"})
		if err != nil {
			t.Fatal(err)
		}
		names := []string{"wp:news.example:48213", "wp:48213", "48213"}
		st, err := r.Story(ctx, id)
		if err != nil || !slices.Equal(st.Names, names) {
			t.Fatalf("names %v, %v; want %v", st.Names, err, names)
		}
		var views []trend.View
		for i, name := range append(names, st.Key) {
			views = append(views, trend.View{Key: name, Visitor: fmt.Sprint(i), At: r.now})
		}
		if _, err := trend.NewSQL(db, r.Now).Add(ctx, views); err != nil {
			t.Fatal(err)
		}
		list, err := r.Stories(ctx, r.now.Add(-24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		res, err := r.Rank(ctx, Candidates(list))
		if err != nil || len(res.Ranked) != 1 || res.Ranked[0].Views["1h"] != 4 {
			t.Errorf("got %+v, %v; want the four views of one story", res.Ranked, err)
		}
		known, unmatched, err := r.KnownKeys(ctx, append(names, st.Key, "99", "stray"))
		if err != nil || known != 4 || !slices.Equal(unmatched, []string{"99", "stray"}) {
			t.Errorf("got %d known, unmatched %v, %v; want 4 and the two strangers", known, unmatched, err)
		}
		again := r.tell(t, 1, time.Hour, "en") // its guid is its address
		if st, err := r.Story(ctx, again); err != nil || slices.Contains(st.Names, st.Key) {
			t.Errorf("names %v, %v: the key stands twice", st.Names, err)
		}
		// With a second site a bare number could be of either.
		if _, err := r.AddSource(ctx, Source{Kind: "feed", URL: "https://other.example/feed", SiteURL: "https://other.example/", Title: "Other", Rights: "own"}); err != nil {
			t.Fatal(err)
		}
		if st, err = r.Story(ctx, id); err != nil || !slices.Equal(st.Names, names[:1]) {
			t.Errorf("beside another site: names %v, %v; want %v", st.Names, err, names[:1])
		}
	})
}

func TestMarksOfOldVersionsStay(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		r.newsletter(t, nil)
		r.newsletter(t, func(s *Spec) { s.Mark = "mail" })
		marks, err := r.Marks(context.Background())
		if err != nil || len(marks) != 2 || !marks["morning"] || !marks["mail"] {
			t.Errorf("got %v, %v; want both marks", marks, err)
		}
	})
}
