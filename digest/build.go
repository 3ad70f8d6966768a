package digest

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/story"
	"pressrun/digest/trend"
)

// Builder makes the draft of an issue: candidates, ranking, choice, summaries.
type Builder struct {
	*Store
	// Rank orders candidates by their views; see trend.Ranker.
	Rank func(ctx context.Context, cands []trend.Candidate) (trend.Result, error)
	// Summarizer writes summaries in place of those chosen from the articles, for
	// newsletters that want it; nil = none.
	Summarizer Summarizer
	// FreshViews is how old the newest counted view may be for "Trending Now"
	// to be true; default 3 hours.
	FreshViews time.Duration
}

// ErrThin is returned by Build when there are too few stories for an issue;
// the issue is skipped, with the number in its reason.
var ErrThin = errors.New("too few stories for an issue")

// Begin takes a planned slot to running and creates its issue. Called again
// for the same slot, by whomever, it returns the same issue.
func (b *Builder) Begin(ctx context.Context, n Newsletter, slot Slot) (Issue, error) {
	spec, err := json.Marshal(n.Spec.WithDefaults(n.Name))
	if err != nil {
		return Issue{}, err
	}
	err = b.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := b.MoveSlot(ctx, tx, slot.ID, "planned", "running", ""); err != nil && !errors.Is(err, ErrState) {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			insert into issues (newsletter_id, slot_id, number, state, spec, slot_at, created_at)
			select $1, s.id, coalesce((select max(number) from issues where newsletter_id = $1), 0) + 1, 'building', $3, s.slot_at, $4
			from slots s where s.id = $2 and s.state = 'running'
			on conflict (slot_id) do nothing`, n.ID, slot.ID, string(spec), schema.At(b.Now()))
		return err
	})
	if err != nil {
		return Issue{}, fmt.Errorf("begin the issue of %s for %s: %w", n.Name, slot.At.Format(time.RFC3339), err)
	}
	return b.IssueOfSlot(ctx, slot.ID)
}

// Build chooses and summarises the stories of an issue that is building, and
// makes it a draft. For a draft it chooses anew and keeps what an editor
// pinned, dropped or rewrote.
func (b *Builder) Build(ctx context.Context, id int64) error {
	issue, err := b.Issue(ctx, id)
	if err != nil {
		return err
	}
	if issue.State != "building" && issue.State != "draft" && issue.State != "held" {
		return fmt.Errorf("build issue %d: it is %s: %w", id, issue.State, ErrState)
	}
	kept, err := b.Chosen(ctx, id)
	if err != nil {
		return err
	}
	list, by, err := b.choose(ctx, issue, kept)
	if err != nil {
		return fmt.Errorf("build issue %d: %w", id, err)
	}
	if n := count(list); n < issue.Spec.MinStories {
		reason := fmt.Sprintf("only %d new stories, %d are needed", n, issue.Spec.MinStories)
		if issue.State == "building" {
			if err := b.Leave(ctx, id, "skipped", reason); err != nil {
				return err
			}
		}
		return fmt.Errorf("build issue %d: %s: %w", id, reason, ErrThin)
	}
	return b.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := b.replaceChosen(ctx, tx, id, list); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `update issues set ranked_by = $2, views_at = $3 where id = $1`, id, by.By, schema.At(by.Fresh))
		if err != nil || issue.State != "building" {
			return err
		}
		return b.MoveIssue(ctx, tx, id, "draft", "", "building")
	})
}

func count(list []Chosen) int {
	stories := map[int64]bool{}
	for _, c := range list {
		if c.State == "in" {
			stories[c.Story.ID] = true
		}
	}
	return len(stories)
}

// choose fills every edition from the pool of stories it may show.
func (b *Builder) choose(ctx context.Context, issue Issue, kept []Chosen) ([]Chosen, trend.Result, error) {
	pool, err := b.candidates(ctx, issue)
	if err != nil {
		return nil, trend.Result{}, err
	}
	recent, err := b.Stories(ctx, b.Now().Add(-30*24*time.Hour))
	if err != nil {
		return nil, trend.Result{}, err
	}
	var out []Chosen
	var by trend.Result
	for _, e := range issue.Spec.Editions {
		var mine []Story
		for _, s := range pool {
			if e.Shows(s.Language) {
				mine = append(mine, s)
			}
		}
		ranked, err := b.Rank(ctx, Candidates(mine))
		if err != nil {
			return nil, by, err
		}
		if by.By == "" {
			by = ranked
		}
		list := b.fill(issue, e, mine, ranked, keptIn(kept, e.Name))
		summarise(list, issue.Spec)
		relate(list, recent, e, issue.Spec.Related, b.Now())
		out = append(out, list...)
	}
	b.rewrite(ctx, issue, out)
	renumber(out)
	if countIn(out, "trending") == 0 {
		by.By = "date" // whatever was counted chose nothing
	}
	return out, by, nil
}

func keptIn(list []Chosen, edition string) map[int64]Chosen {
	m := map[int64]Chosen{}
	for _, c := range list {
		if c.Edition == edition && (c.settled() || c.ReviewedBy != "" || c.NoPicture) {
			m[c.Story.ID] = c
		}
	}
	return m
}

// settled reports whether an editor has decided that the story is or is not in
// the issue: pinned, dropped, or worth his own words.
func (c Chosen) settled() bool { return c.Pinned || c.State != "in" || c.EditedBy != "" }

// candidates are the stories of the newsletter's sources that may stand in an
// issue: live, not older than its limit, in public for the time it takes to
// settle, listed by two polls and not withdrawn since, past their embargo, and
// not told before.
func (b *Builder) candidates(ctx context.Context, issue Issue) ([]Story, error) {
	now := b.Now()
	spec := issue.Spec
	all, err := b.Stories(ctx, now.Add(-time.Duration(spec.MaxAge)))
	if err != nil {
		return nil, err
	}
	used, err := b.used(ctx, issue)
	if err != nil {
		return nil, err
	}
	sources, err := b.sourcesOf(ctx, spec)
	if err != nil {
		return nil, err
	}
	confirmed, err := b.confirmed(ctx, now.Add(-time.Duration(spec.MaxAge)))
	if err != nil {
		return nil, err
	}
	settled := now.Add(-time.Duration(spec.Settle))
	all = slices.DeleteFunc(all, func(s Story) bool {
		return used[s.ID] || !sources[s.SourceID] || !confirmed[s.ID] || s.public().After(settled) || s.NotBefore.After(now) || s.Title == ""
	})
	slices.SortStableFunc(all, func(a, b Story) int { return b.public().Compare(a.public()) })
	return all, nil
}

// public is when a story may first have been read: its embargo's end, if later.
func (s Story) public() time.Time { return later(s.Published, s.NotBefore) }

// confirmed are the stories whose shown article was listed by two polls of a
// source and is listed still.
func (b *Builder) confirmed(ctx context.Context, since time.Time) (map[int64]bool, error) {
	ids, err := each(ctx, b.DB.Read, func(r *sql.Rows) (id int64, err error) { return id, r.Scan(&id) }, `
		select s.id from stories s
			join story_members m on m.article_key = s.article_key
			join entries told on told.id = m.entry_id
			join entries e on e.article_key = told.article_key
		where s.state = 'live' and (s.published_at >= $1 or s.not_before_at >= $1)
		group by s.id having max(e.polls) >= 2 and count(case when e.withdrawn_at is null then 1 end) > 0`, schema.At(since))
	m := map[int64]bool{}
	for _, id := range ids {
		m[id] = true
	}
	return m, err
}

// used are the stories this newsletter has sent, and those an issue that is on
// its way will send.
func (b *Builder) used(ctx context.Context, issue Issue) (map[int64]bool, error) {
	ids, err := each(ctx, b.DB.Read, func(r *sql.Rows) (id int64, err error) { return id, r.Scan(&id) }, `
		select story_id from used_stories where newsletter_id = $1 and issue_id <> $2
		union
		select c.story_id from issue_stories c join issues i on i.id = c.issue_id
		where i.newsletter_id = $1 and i.id <> $2 and c.state = 'in' and i.state in ('approved', 'countdown', 'sending', 'paused')`, issue.NewsletterID, issue.ID)
	m := map[int64]bool{}
	for _, id := range ids {
		m[id] = true
	}
	return m, err
}

func (b *Builder) sourcesOf(ctx context.Context, spec Spec) (map[int64]bool, error) {
	list, err := b.Sources(ctx)
	m := map[int64]bool{}
	for _, src := range list {
		m[src.ID] = len(spec.Sources) == 0 || slices.Contains(spec.Sources, src.URL) || slices.Contains(spec.Sources, src.SiteURL)
	}
	return m, err
}

// Candidates are stories as the ranking sees them, in the same order.
func Candidates(list []Story) []trend.Candidate {
	out := make([]trend.Candidate, len(list))
	for i, s := range list {
		out[i] = trend.Candidate{
			Keys: slices.Concat(s.Keys, s.Names), Published: s.Published, Seen: s.Seen, Pool: baseLanguage(s.Language),
			Section: s.Section, Source: s.SourceTitle, Author: s.Author,
		}
	}
	return out
}

// fill chooses the stories of one edition: those most read in Trending Now,
// then the newest in Latest News. An editor's pins and rewrites come first and
// stay, however old they have become meanwhile; drops stay out.
func (b *Builder) fill(issue Issue, e EditionSpec, pool []Story, ranked trend.Result, kept map[int64]Chosen) []Chosen {
	spec := issue.Spec
	now := b.Now()
	limit := b.FreshViews
	if limit == 0 {
		limit = 3 * time.Hour
	}
	taken := map[int64]bool{}
	var out []Chosen
	add := func(section string, s Story, reason string, score map[string]float64) {
		taken[s.ID] = true
		c := Chosen{IssueID: issue.ID, Edition: e.Name, Section: section, Position: len(out) + 1, State: "in", Title: s.Title, Reason: reason, Score: score, Story: s}
		if k, ok := kept[s.ID]; ok && k.settled() {
			c = k
		} else if ok {
			c.ReviewedBy, c.ReviewedHash, c.NoPicture = k.ReviewedBy, k.ReviewedHash, k.NoPicture
		}
		out = append(out, c)
	}
	for _, k := range sortedByPlace(kept) {
		if k.settled() && (k.State != "in" || k.Story.State == "live" && k.Story.Label != "paid") {
			add(k.Section, k.Story, k.Reason, k.Score)
		}
	}
	// What an editor settled keeps its number, everything else is ordered behind.
	fresh := ranked.By != "date" && now.Sub(ranked.Fresh) <= limit
	sections := map[string]int{}
	trending := countIn(out, "trending")
	for _, r := range ranked.Ranked {
		s := pool[r.Index]
		if !fresh || trending >= spec.Trending {
			break
		}
		if taken[s.ID] || s.Has("paid") || r.Views["24h"] < spec.MinViews || (s.Section != "" && sections[s.Section] >= spec.PerSection) {
			continue
		}
		sections[s.Section]++
		trending++
		add("trending", s, r.Reason, r.Arithmetic)
	}
	wanted := spec.Latest
	if trending == 0 {
		wanted += spec.Trending
	}
	latest := countIn(out, "latest")
	for _, s := range pool { // newest first
		if latest >= wanted {
			break
		}
		if !taken[s.ID] && !s.Has("paid") {
			latest++
			add("latest", s, whyLatest(s, now, ranked.Fresh), nil)
		}
	}
	return out
}

func sortedByPlace(m map[int64]Chosen) []Chosen {
	return slices.SortedFunc(maps.Values(m), func(a, b Chosen) int {
		return cmp.Or(-cmp.Compare(a.Section, b.Section), cmp.Compare(a.Position, b.Position), cmp.Compare(a.Story.ID, b.Story.ID))
	})
}

func countIn(list []Chosen, section string) int {
	n := 0
	for _, c := range list {
		if c.Section == section && c.State == "in" {
			n++
		}
	}
	return n
}

// whyLatest is the sentence under a story that its date chose. newestView is
// when the last view was counted, zero when none ever was.
func whyLatest(s Story, now, newestView time.Time) string {
	age := ageWords(now.Sub(s.Published))
	if newestView.IsZero() {
		return "newest first, because no views are counted yet: published " + age + " ago"
	}
	return "newest first: published " + age + " ago"
}

func ageWords(d time.Duration) string {
	switch {
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 72*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// relate sets Related News: the nearest stories of the last thirty days that
// are neither duplicates nor in the same edition. Stories under legal care
// neither have any nor are any, paid ones are none.
func relate(list []Chosen, recent []Story, e EditionSpec, n int, now time.Time) {
	if n < 0 {
		return
	}
	in := map[int64]bool{}
	for _, c := range list {
		in[c.Story.ID] = true
	}
	var among []story.Doc
	ids := map[string]int64{}
	for _, s := range recent {
		if !in[s.ID] && e.Shows(s.Language) && !s.Has("paid") && !s.Has("legal") && s.NotBefore.Before(now) {
			doc := docOf(s)
			among = append(among, doc)
			ids[doc.ID] = s.ID
		}
	}
	nearest := story.NewRelated(among)
	for i := range list {
		list[i].Related = nil
		if list[i].Story.Has("legal") {
			continue
		}
		for _, id := range nearest.To(docOf(list[i].Story), n) {
			list[i].Related = append(list[i].Related, ids[id])
		}
	}
}
