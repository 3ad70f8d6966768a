package digest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/article"
	"pressrun/digest/trend"
)

// read is a story of a pool and how often it was read; the first in a list is
// the most read.
type read struct {
	section, source, author string
	views                   int
	change                  func(*Story)
}

// choose fills an edition from stories that are ranked by their views, numbered
// from 1, and returns it.
func choose(list []read, change func(*choice)) *choice {
	c := &choice{issue: Issue{Spec: Spec{Trending: 3, Latest: 2}.WithDefaults("morning")}, edition: EditionSpec{Name: "en", Language: "en"},
		now: noon, limit: 3 * time.Hour, ranked: trend.Result{By: trend.ByViews, Fresh: noon.Add(-time.Hour)}}
	for i, x := range list {
		s := Story{ID: int64(i + 1), Title: fmt.Sprint("Story ", i+1), Section: x.section, SourceTitle: x.source, Author: x.author, Boost: 100, Published: noon.Add(-time.Duration(i+1) * time.Hour)}
		if x.change != nil {
			x.change(&s)
		}
		c.pool = append(c.pool, s)
		c.ranked.Ranked = append(c.ranked.Ranked, trend.Ranked{Index: i, Score: float64(x.views), Views: map[string]int{"3h": x.views, "24h": x.views},
			Rising: float64(x.views) / 10, Reason: fmt.Sprint(x.views, " views in 3 h"), Arithmetic: map[string]float64{"scale": 1}})
	}
	if change != nil {
		change(c)
	}
	c.fill()
	return c
}

func (c *choice) in(section string) []int64 {
	var ids []int64
	for _, x := range c.list {
		if x.Section == section && x.State == "in" {
			ids = append(ids, x.Story.ID)
		}
	}
	return ids
}

func (c *choice) check(t *testing.T, section string, want ...int64) {
	t.Helper()
	if got := c.in(section); !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", section, got, want)
	}
}

// left is which stories were left out, and why.
func (c *choice) left() string {
	var parts []string
	for _, d := range c.ranking().Displaced {
		parts = append(parts, fmt.Sprintf("%d at %d: %s", d.StoryID, d.Place, d.Reason))
	}
	return strings.Join(parts, "; ")
}

func TestCaps(t *testing.T) {
	t.Run("section", func(t *testing.T) {
		c := choose([]read{{section: "Sport", views: 90}, {section: "sport", views: 80}, {section: "Sport", views: 70}, {section: "World", views: 60}},
			func(c *choice) { c.issue.Spec.PerSection = 2 })
		c.check(t, "trending", 1, 2, 4)
		if got := c.left(); got != "3 at 3: 2 of section sport already" {
			t.Errorf("left out: %s", got)
		}
	})
	t.Run("source", func(t *testing.T) {
		list := []read{{source: "A", views: 90}, {source: "A", views: 80}, {source: "A", views: 70}, {source: "B", views: 60}}
		cap := func(c *choice) { c.issue.Spec.PerSource = 2 }
		c := choose(list, cap)
		c.check(t, "trending", 1, 2, 4)
		if got := c.left(); got != "3 at 3: 2 of source A already" {
			t.Errorf("left out: %s", got)
		}
		choose(list[:3], cap).check(t, "trending", 1, 2, 3) // a newsroom's only source
	})
	t.Run("author", func(t *testing.T) {
		c := choose([]read{{author: "Amina", views: 90}, {author: "Amina", views: 80}, {author: "Amina", views: 70}, {views: 60}, {views: 50}}, nil)
		c.check(t, "trending", 1, 2, 4)
		if got := c.left(); got != "3 at 3: 2 of author Amina already" {
			t.Errorf("left out: %s", got)
		}
		newsroom := read{source: "The News", author: "The News", views: 9}
		choose([]read{newsroom, newsroom, newsroom, newsroom}, nil).check(t, "trending", 1, 2, 3)
	})
	t.Run("minimum", func(t *testing.T) {
		list := []read{{views: 9}, {views: 2}, {views: 1}}
		c := choose(list, nil)
		c.check(t, "trending", 1)
		c.check(t, "latest", 2, 3)
		choose(list, func(c *choice) { c.edition.MinViews = 2 }).check(t, "trending", 1, 2) // a small edition's own
	})
	t.Run("stale", func(t *testing.T) {
		c := choose([]read{{views: 9}, {views: 8}}, func(c *choice) { c.ranked.Fresh = noon.Add(-4 * time.Hour) })
		c.check(t, "trending")
		c.check(t, "latest", 1, 2)
		if r := c.ranking(); r.By != trend.ByDate || !r.ViewsAt.Equal(noon.Add(-4*time.Hour)) {
			t.Errorf("ranked by %s at %s, want date", r.By, r.ViewsAt)
		}
	})
}

func TestEditorsRules(t *testing.T) {
	c := choose([]read{{views: 90}, {views: 80}, {views: 70}, {views: 50, change: func(s *Story) { s.Boost = 200 }}, {views: 40, change: func(s *Story) { s.Boost = 150 }}}, nil)
	c.check(t, "trending", 4, 1, 2)
	if got := c.list[0]; got.Reason != "50 views in 3 h, ×2.0 by an editor" || got.Score["an editor's boost"] < .69 || got.Score["counted in 24h"] != 50 {
		t.Errorf("got %q, %v", got.Reason, got.Score)
	}
	pin := func(s *Story) { s.PinnedUntil = noon.Add(time.Hour) }
	c = choose([]read{{section: "A", views: 90}, {section: "A", views: 80}, {section: "A", views: 70, change: pin}, {views: 0, change: pin}}, func(c *choice) { c.issue.Spec.PerSection = 2 })
	c.check(t, "trending", 3, 1) // a pin counts against the cap, and is above it
	c.check(t, "latest", 4, 2)   // nobody has read 4: it is pinned where that is true
	if !strings.Contains(c.list[0].Reason, "pinned by an editor") || !strings.Contains(c.list[2].Reason, "pinned by an editor") {
		t.Errorf("reasons: %q, %q", c.list[0].Reason, c.list[2].Reason)
	}
	choose([]read{{views: 90}, {views: 70, change: func(s *Story) { s.PinnedUntil = noon }}}, nil).check(t, "trending", 1, 2) // over
}

func TestBalance(t *testing.T) {
	list := []read{{section: "A", views: 90}, {section: "A", views: 80}, {section: "A", views: 70}, {section: "B", views: 60}, {section: "C", views: 50}}
	wide := func(c *choice) { c.issue.Spec.MinSections = 3 }
	c := choose(list, wide)
	c.check(t, "trending", 1, 4, 5)
	if got := c.left(); got != "2 at 2: the last 2 places are for other sections; 3 at 3: the last 2 places are for other sections" {
		t.Errorf("left out: %s", got)
	}
	if got, want := c.ranking().Balance["section"], (Spread{Chosen: 3, Pool: 3, Most: "a", Share: .6, PoolShare: .6}); got != want {
		t.Errorf("balance %+v, want %+v (the latest are counted too)", got, want)
	}
	c = choose(list[:4], wide) // there is no third: places are not left empty
	c.check(t, "trending", 1, 4, 2)
	if got := c.left(); got != "3 at 3: the last 2 places are for other sections" {
		t.Errorf("left out: %s", got)
	}
}

func TestRegions(t *testing.T) {
	regions := map[string][]string{"Sindh": {"Karachi", "Hyderabad"}, "Punjab": {"Lahore"}, "پنجاب": {"لاہور"}}
	for text, want := range map[string]string{
		"KARACHI: The port opened. Lahore looked on.": "Sindh",
		"The road from Lahore to Karachi":             "Punjab",
		"Karachiites gather":                          "", // no word of its own
		"In sindh, rain":                              "Sindh",
		"لاہور: بارش":                                 "پنجاب",
		"":                                            "",
	} {
		if got := regionOf(Story{Title: "News", Body: text}, regions); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	in := func(city string, views int) read {
		return read{views: views, change: func(s *Story) { s.Body = city + ": Text." }}
	}
	list := []read{in("Karachi", 90), in("Hyderabad", 80), in("Karachi", 70), in("Lahore", 60), {views: 50}}
	with := func(change func(*Spec)) *choice {
		return choose(list, func(c *choice) { c.issue.Spec.Regions = regions; change(&c.issue.Spec) })
	}
	c := with(func(s *Spec) { s.MinRegions = 2 })
	c.check(t, "trending", 1, 2, 4)
	if got := c.left(); got != "3 at 3: the last place is for another region" {
		t.Errorf("left out: %s", got)
	}
	if got, want := c.ranking().Balance["region"], (Spread{Chosen: 2, Pool: 2, Most: "Sindh", Share: .6, PoolShare: .6}); got != want {
		t.Errorf("balance %+v, want %+v", got, want)
	}
	c = with(func(s *Spec) { s.PerRegion = 1 })
	c.check(t, "trending", 1, 4, 5)
	if got := c.left(); got != "2 at 2: 1 of region Sindh already; 3 at 3: 1 of region Sindh already" {
		t.Errorf("left out: %s", got)
	}
	if _, ok := choose(list, nil).ranking().Balance["region"]; ok {
		t.Error("a newsletter without regions measures their balance")
	}
}

func TestRisingIsASectionOfItsOwn(t *testing.T) {
	list := []read{{views: 90}, {views: 80}, {views: 70}, {views: 60}, {views: 50}, {views: 2}}
	c := choose(list, func(c *choice) { c.issue.Spec.Rising = 3 })
	c.check(t, "trending", 1, 2, 3)
	c.check(t, "rising", 4, 5) // the last has too few
	choose(list, nil).check(t, "rising")
}

// Without Trending Now, Latest is as long as the newsletter says.
func TestLatestAlone(t *testing.T) {
	choose([]read{{views: 90}, {views: 80}, {views: 70}}, func(c *choice) { c.issue.Spec.Trending = -1 }).check(t, "latest", 1, 2)
}

func TestToldStoriesSayWhere(t *testing.T) {
	c := choose([]read{{views: 90}, {views: 80}, {views: 70}, {views: 60}}, func(c *choice) { c.used = map[int64]int{1: 411, 2: -411} })
	c.check(t, "trending", 2, 3, 4)
	c.check(t, "latest")
	if got := c.left(); got != "1 at 1: seen in #411" {
		t.Errorf("left out: %s", got)
	}
	if got := c.list[0].Reason; got != "80 views in 3 h, updated since it was in #411" {
		t.Errorf("the updated one: %q", got)
	}
}

// tellViews counts so many readers of a story.
func (r *room) tellViews(t *testing.T, n, readers int, at time.Time) {
	t.Helper()
	key, _ := article.KeyOf(fmt.Sprintf("https://news.example/story-%d", n))
	var views []trend.View
	for v := range readers {
		views = append(views, trend.View{Key: string(key), Visitor: fmt.Sprintf("%016x", n*1000+v), At: at})
	}
	if _, err := trend.NewSQL(r.Builder.DB, r.Now).Add(context.Background(), views); err != nil {
		t.Fatal(err)
	}
}

// issueNow builds and seals an issue for the present time.
func (r *room) issueNow(t *testing.T, n Newsletter) (Issue, []Edition) {
	t.Helper()
	ctx := context.Background()
	slot, err := r.AddSlot(ctx, n.ID, r.now)
	if err != nil {
		t.Fatal(err)
	}
	issue, err := r.Begin(ctx, n, slot)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Build(ctx, issue.ID); err != nil {
		t.Fatal(err)
	}
	editions, err := r.sealer.Seal(ctx, issue.ID)
	if err != nil {
		t.Fatal(err)
	}
	return r.get(t, issue.ID), editions
}

// TestEachPoolByItself gives one language views and the other none: each
// edition's heading and footer tell its own truth, in HTML and text, and how it
// was chosen is kept with the issue.
func TestEachPoolByItself(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		for i := range 4 {
			r.tell(t, i, time.Duration(i+2)*time.Hour, "en")
			id := r.tell(t, 10+i, time.Duration(i+2)*time.Hour, "ur")
			if _, err := db.Write.Exec(`update stories set language = 'ur' where id = $1`, id); err != nil { // its text is English
				t.Fatal(err)
			}
		}
		r.tellViews(t, 0, 2, r.now.Add(-time.Hour)) // not enough
		r.tellViews(t, 12, 2, r.now.Add(-time.Hour))
		n := r.newsletter(t, func(s *Spec) {
			s.Editions = []EditionSpec{{Name: "en", Language: "en"}, {Name: "ur", Language: "ur", MinViews: 2}}
		})
		issue, editions := r.issueNow(t, n)
		if en, ur := issue.Rankings["en"], issue.Rankings["ur"]; en.By != trend.ByDate || ur.By != trend.ByViews || en.Pool != 4 || ur.Pool != 4 || ur.ViewsAt.IsZero() {
			t.Errorf("rankings: en %+v, ur %+v; want by date and by views, of four each", en, ur)
		}
		for _, e := range editions {
			for what, body := range map[string]string{"html": e.HTML, "text": e.Text} {
				if body == "" {
					continue
				}
				en := strings.Contains(strings.Join(strings.Fields(body), " "), "Chosen by date today")
				ur := strings.Contains(body, "اس وقت مقبول")
				if e.Language == "en" && (!en || strings.Contains(body, "Trending Now")) || e.Language == "ur" && (en || !ur) {
					t.Errorf("%s of %s says by date: %v, trending in Urdu: %v", what, e.Name, en, ur)
				}
			}
		}
	})
}

// TestPoolWhoseFeederStopped has two languages well read, one of them not of
// late: its edition is chosen by date, whatever the other's counters say.
func TestPoolWhoseFeederStopped(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	for i := range 4 {
		r.tell(t, i, time.Duration(i+6)*time.Hour, "en")
		id := r.tell(t, 10+i, time.Duration(i+6)*time.Hour, "ur")
		if _, err := r.DB.Write.Exec(`update stories set language = 'ur' where id = $1`, id); err != nil {
			t.Fatal(err)
		}
	}
	r.tellViews(t, 0, 9, r.now.Add(-time.Minute))
	r.tellViews(t, 12, 9, r.now.Add(-5*time.Hour))
	issue, _ := r.issueNow(t, r.newsletter(t, func(s *Spec) {
		s.Editions = []EditionSpec{{Name: "en", Language: "en"}, {Name: "ur", Language: "ur"}}
	}))
	if en, ur := issue.Rankings["en"], issue.Rankings["ur"]; en.By != trend.ByViews || ur.By != trend.ByDate || !ur.ViewsAt.Equal(r.now.Add(-5*time.Hour)) {
		t.Errorf("rankings: en %+v, ur %+v; want by views, and by date as the last view is of %v", en, ur, r.now.Add(-5*time.Hour))
	}
	list, err := r.Chosen(context.Background(), issue.ID)
	if err != nil || list[0].Section != "trending" || list[0].Score["counted in 24h"] != 9 || !strings.HasPrefix(list[0].Reason, "9 views in 3 h, ") {
		t.Errorf("the issue keeps %+v, %v; want its first story with its counts and reason", list[0], err)
	}
}

func TestAgeLimit(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	for i, ago := range []time.Duration{2, 4, 6, 50} {
		r.tell(t, i, ago*time.Hour, "en")
		r.tellViews(t, i, 5+10*i, r.now)
	}
	for limit, want := range map[time.Duration]int{0: 3, 60 * time.Hour: 4, 5 * time.Hour: 2} { // 48 h unless it says otherwise
		list, rankings, err := r.Choose(context.Background(), Issue{Spec: Spec{MaxAge: Duration(limit)}.WithDefaults("morning")}, nil)
		if err != nil || len(list) != want || rankings["en"].Pool != want {
			t.Errorf("limit %v: got %d stories, %v; want %d", limit, len(list), err, want)
		}
	}
}

// TestSnapshotIsNamed builds an issue while the counters are away.
func TestSnapshotIsNamed(t *testing.T) {
	db := schematest.SQLite(t)
	r := newRoom(t, db)
	for i := range 4 {
		r.tell(t, i, time.Duration(i+2)*time.Hour, "en")
	}
	rank := r.Builder.Rank
	r.Builder.Rank = func(ctx context.Context, cands []trend.Candidate) (trend.Result, error) {
		res, err := rank(ctx, cands)
		res.By, res.Fresh, res.Note = trend.BySnapshot, noon.Add(-90*time.Minute), "away"
		return res, err
	}
	r.tellViews(t, 2, 9, r.now.Add(-2*time.Hour))
	issue, editions := r.issueNow(t, r.newsletter(t, nil))
	for what, body := range map[string]string{"html": editions[0].HTML, "text": editions[0].Text} {
		if body = strings.Join(strings.Fields(body), " "); !strings.Contains(body, "Trending Now") || !strings.Contains(body, "opened most until 11:30") {
			t.Errorf("the %s does not say until when was counted", what)
		}
	}
	if got := issue.Rankings["en"]; got.By != trend.BySnapshot || got.Note != "away" {
		t.Errorf("got %+v", got)
	}
}

func TestUpdatedStoriesAreToldOnceMore(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		var ids []int64
		for i := range 4 {
			ids = append(ids, r.tell(t, i, time.Duration(i+2)*time.Hour, "en"))
			r.tellViews(t, i, 40-i, r.now)
		}
		n := r.newsletter(t, func(s *Spec) { s.Trending, s.Latest, s.MinStories = 2, 1, 1 })
		send := func() []int64 {
			t.Helper()
			issue, _ := r.issueNow(t, n)
			if err := r.sealer.Approve(ctx, issue.ID, 0, "ed", false); err != nil {
				t.Fatal(err)
			}
			tx, err := r.DB.Write.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Start(ctx, tx, issue.ID); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := r.UseStories(ctx, issue); err != nil {
				t.Fatal(err)
			}
			if err := r.MoveIssue(ctx, r.DB.Write, issue.ID, "sent", "", "sending"); err != nil {
				t.Fatal(err)
			}
			list, _ := r.Chosen(ctx, issue.ID)
			var got []int64
			for _, c := range list {
				got = append(got, c.Story.ID)
			}
			r.now = r.now.Add(time.Minute)
			return got
		}
		if got, want := send(), ids[:3]; !slices.Equal(got, want) {
			t.Fatalf("first issue: %v, want %v", got, want)
		}
		if err := r.UpdateStory(ctx, ids[1]); err != nil {
			t.Fatal(err)
		}
		if got, want := send(), []int64{ids[1], ids[3]}; !slices.Equal(got, want) {
			t.Fatalf("after an update: %v, want %v", got, want)
		}
		if seen, err := r.SeenIn(ctx, ids[1]); err != nil || !slices.Equal(seen, []string{"morning #2", "morning #1"}) {
			t.Errorf("seen in %v, %v", seen, err)
		}
		_, rankings, err := r.Choose(ctx, Issue{NewsletterID: n.ID, Spec: n.Spec.WithDefaults("morning")}, nil)
		if err != nil || len(rankings["en"].Displaced) != 4 || rankings["en"].Displaced[1].Reason != "seen in #2" {
			t.Errorf("now: %+v, %v; want all four told, the updated one again", rankings["en"].Displaced, err)
		}
		if err := r.UpdateStory(ctx, 99); err == nil {
			t.Error("a story that is not there was updated")
		}
		if err := r.BoostStory(ctx, ids[0], 1000); err == nil {
			t.Error("a boost of 10 was taken")
		}
	})
}

// An editor may move a story up in an issue that dates chose; that makes no
// trend of it.
func TestMovingMakesNoTrend(t *testing.T) {
	db := schematest.SQLite(t)
	ctx := context.Background()
	r := newRoom(t, db)
	issue := r.draft(t)
	list, err := r.Chosen(ctx, issue.ID)
	if err != nil {
		t.Fatal(err)
	}
	section := "trending"
	if err := r.EditIssue(ctx, issue.ID, Edit{Edition: "en", StoryID: list[2].Story.ID, Section: &section}, "ed"); err != nil {
		t.Fatal(err)
	}
	editions, err := r.sealer.Seal(ctx, issue.ID)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(editions[0].HTML), " ")
	if strings.Contains(text, "Trending Now") || !strings.Contains(text, "Chosen by date today") {
		t.Error("a story that an editor moved made “Trending Now” of a choice by date")
	}
}
