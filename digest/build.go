package digest

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/story"
	"pressrun/digest/trend"
	"pressrun/templates"
)

// Builder makes the draft of an issue: candidates, ranking, choice, summaries.
type Builder struct {
	*Store
	// Rank orders candidates by their views; see trend.Ranker.
	Rank func(ctx context.Context, cands []trend.Candidate) (trend.Result, error)
	// Summarizer writes summaries in place of those chosen from the articles, for
	// newsletters that want it; nil = none.
	Summarizer Summarizer
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
			insert into issues (newsletter_id, slot_id, number, link_key, state, spec, slot_at, created_at)
			select $1, s.id, coalesce((select max(number) from issues where newsletter_id = $1), 0) + 1, $5, 'building', $3, s.slot_at, $4
			from slots s where s.id = $2 and s.state = 'running'
			on conflict (slot_id) do nothing`, n.ID, slot.ID, string(spec), schema.At(b.Now()), rand.Text())
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
	return b.build(ctx, id, nil)
}

// Rebuild is Build by the newsletter's settings as they are now: the issue takes
// them over.
func (b *Builder) Rebuild(ctx context.Context, id int64) error {
	issue, err := b.Issue(ctx, id)
	if err != nil {
		return err
	}
	n, err := b.Newsletter(ctx, fmt.Sprint(issue.NewsletterID))
	if err != nil {
		return err
	}
	spec := n.Spec.WithDefaults(n.Name)
	return b.build(ctx, id, &spec)
}

// build begins again when somebody changes the issue meanwhile: what he did counts.
func (b *Builder) build(ctx context.Context, id int64, spec *Spec) (err error) {
	for range 5 {
		if err = b.buildOnce(ctx, id, spec); !errors.Is(err, errOvertaken) {
			break
		}
	}
	return err
}

func (b *Builder) buildOnce(ctx context.Context, id int64, takes *Spec) error {
	issue, err := b.Issue(ctx, id)
	if err != nil {
		return err
	}
	if takes != nil {
		issue.Spec = *takes
	}
	if issue.State != "building" && issue.State != "draft" && issue.State != "held" {
		return fmt.Errorf("build issue %d: it is %s: %w", id, issue.State, ErrState)
	}
	kept, err := b.Chosen(ctx, id)
	if err != nil {
		return err
	}
	list, rankings, err := b.Choose(ctx, issue, kept)
	if err != nil {
		return fmt.Errorf("build issue %d: %w", id, err)
	}
	if n := count(list); n < issue.Spec.MinStories {
		return b.tooThin(ctx, issue, n)
	}
	if err := b.write(ctx, issue, list); err != nil {
		return fmt.Errorf("build issue %d: %w", id, err)
	}
	first := rankings[issue.Spec.Editions[0].Name]
	frozen, err := json.Marshal(rankings)
	if err != nil {
		return fmt.Errorf("build issue %d: %w", id, err)
	}
	spec, err := json.Marshal(issue.Spec)
	if err != nil {
		return fmt.Errorf("build issue %d: %w", id, err)
	}
	return b.DB.InTx(ctx, func(tx *sql.Tx) error {
		now, err := b.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if now.State != issue.State {
			return fmt.Errorf("build issue %d: it is %s: %w", id, now.State, ErrState)
		}
		if there, err := b.chosen(ctx, tx, id); err != nil {
			return err
		} else if !sameChoice(there, kept) {
			return fmt.Errorf("build issue %d: %w", id, errOvertaken)
		}
		if err := b.replaceChosen(ctx, tx, id, list); err != nil {
			return err
		}
		if err := b.takeCorrections(ctx, tx, issue); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update issues set spec = $2, ranked_by = $3, views_at = $4, rankings = $5 where id = $1`, id, string(spec), first.By, schema.At(first.ViewsAt), string(frozen))
		if err != nil || issue.State != "building" {
			return err
		}
		return b.MoveIssue(ctx, tx, id, "draft", "", "building")
	})
}

// tooThin skips an issue that is building, and leaves a draft as it is, when there are
// but n stories for it.
func (b *Builder) tooThin(ctx context.Context, issue Issue, n int) error {
	came := fmt.Sprintf("only %d new stories", n)
	switch n {
	case 0:
		came = "no new story"
	case 1:
		came = "only 1 new story"
	}
	reason := fmt.Sprintf("%s, %d are needed", came, issue.Spec.MinStories)
	if issue.State == "building" {
		if err := b.Leave(ctx, issue.ID, "skipped", reason); err != nil {
			return err
		}
	}
	return fmt.Errorf("build issue %d: %s: %w", issue.ID, reason, ErrThin)
}

// sameChoice reports whether nobody has changed what an issue says between two looks.
func sameChoice(a, b []Chosen) bool {
	return slices.EqualFunc(a, b, func(x, y Chosen) bool {
		x.Story, y.Story = Story{ID: x.Story.ID}, Story{ID: y.Story.ID} // what collecting does to a story is no change of the issue
		return reflect.DeepEqual(x, y)
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

// Choose fills every edition from the pool of stories it may show, each in the
// order of its own views, and says how. Nothing is stored: for an issue that
// does not exist it shows what the next one would be. kept is what an editor
// has done.
func (b *Builder) Choose(ctx context.Context, issue Issue, kept []Chosen) ([]Chosen, map[string]Ranking, error) {
	pool, err := b.candidates(ctx, issue)
	if err != nil {
		return nil, nil, err
	}
	used, err := b.used(ctx, issue)
	if err != nil {
		return nil, nil, err
	}
	var out []Chosen
	rankings := map[string]Ranking{}
	for _, e := range issue.Spec.Editions {
		var mine []Story
		for _, s := range pool {
			if e.Holds(s) {
				mine = append(mine, s)
			}
		}
		ranked, err := b.Rank(ctx, Candidates(mine))
		if err != nil {
			return nil, nil, err
		}
		c := &choice{issue: issue, edition: e, now: b.Now(), limit: trend.TrendingAge, pool: mine, ranked: ranked, used: used, kept: keptIn(kept, e.Name)}
		c.fill()
		out = append(out, c.list...)
		rankings[e.Name] = c.ranking()
	}
	renumber(out)
	return out, rankings, nil
}

// write fills in what stands under the headlines: summaries and Related News.
func (b *Builder) write(ctx context.Context, issue Issue, list []Chosen) error {
	recent, err := b.tellable(ctx, issue.Spec, relatedAge)
	if err != nil {
		return err
	}
	for _, e := range issue.Spec.Editions {
		in := func(c Chosen) bool { return c.Edition == e.Name }
		from := slices.IndexFunc(list, in)
		if from < 0 {
			continue
		}
		to := from
		for to < len(list) && in(list[to]) { // renumber has put them together
			to++
		}
		summarise(list[from:to], issue.Spec, editorsWords(list[from:to]))
		relate(list[from:to], recent, e, issue.Spec.Related)
	}
	b.rewrite(ctx, issue, list)
	return nil
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

// relatedAge is how old Related News may be.
const relatedAge = 30 * 24 * time.Hour

// candidates are the stories that an issue may be filled from. Told and paid ones
// are among them: rules of the choice keep them out.
func (b *Builder) candidates(ctx context.Context, issue Issue) ([]Story, error) {
	all, err := b.tellable(ctx, issue.Spec, time.Duration(issue.Spec.MaxAge))
	slices.SortStableFunc(all, func(a, b Story) int { return b.public().Compare(a.public()) })
	return all, err
}

// tellable are the stories of the newsletter's sources that its issues may show,
// be it as Related News: live, not older than age, in public for the time it takes
// to settle, listed by two polls and not withdrawn since, past their embargo.
func (b *Builder) tellable(ctx context.Context, spec Spec, age time.Duration) ([]Story, error) {
	now := b.Now()
	all, err := b.Stories(ctx, now.Add(-age))
	if err != nil {
		return nil, err
	}
	sources, err := b.sourcesOf(ctx, spec)
	if err != nil {
		return nil, err
	}
	confirmed, err := b.confirmed(ctx, now.Add(-age))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s Story) bool {
		return untellable(s, spec, now, sources, confirmed) != ""
	}), nil
}

// untellable says what keeps a story out of every issue of a newsletter as of now;
// "" = nothing.
func untellable(s Story, spec Spec, now time.Time, sources, confirmed map[int64]bool) string {
	settle := time.Duration(spec.Settle)
	switch {
	case !sources[s.SourceID]:
		return "its source is none of the newsletter's"
	case s.Title == "":
		return "it has no headline"
	case s.NotBefore.After(now):
		return "it is under embargo"
	case !confirmed[s.ID]:
		return "its source has not shown it at two polls, or shows it no longer"
	case s.public().After(now.Add(-settle)):
		return "it is in public for less than " + templates.Span(settle)
	}
	return ""
}

// KeptOut says which rule keeps a live story out of the next issue of a newsletter,
// whatever is read; "" = none does, and others come before it.
func (b *Builder) KeptOut(ctx context.Context, next Issue, s Story) (string, error) {
	if age := time.Duration(next.Spec.MaxAge); s.public().Before(b.Now().Add(-age)) {
		return "it is older than " + templates.Span(age), nil
	}
	sources, err := b.sourcesOf(ctx, next.Spec)
	if err != nil {
		return "", err
	}
	confirmed, err := b.confirmed(ctx, s.public())
	if err != nil {
		return "", err
	}
	if why := untellable(s, next.Spec, b.Now(), sources, confirmed); why != "" {
		return why, nil
	}
	used, err := b.used(ctx, next)
	if n := used[s.ID]; err == nil && n > 0 {
		return toldIn(n), nil
	}
	if s.Has("paid") {
		return "it is flagged paid", err
	}
	if s.PinnedUntil.After(b.Now()) {
		return "", err
	}
	return s.whyRoutine(), err
}

// toldIn is why a story is not told again.
func toldIn(number int) string { return fmt.Sprintf("seen in #%d", number) }

// public is when a story may first have been read: its embargo's end, if later.
func (s Story) public() time.Time { return later(s.Published, s.NotBefore) }

// confirmed are the stories whose shown article was listed by two polls of a
// source and is listed still.
func (b *Builder) confirmed(ctx context.Context, since time.Time) (map[int64]bool, error) {
	ids, err := schema.Each(ctx, b.DB.Read, schema.Column[int64], confirmedSQL, schema.At(since))
	m := map[int64]bool{}
	for _, id := range ids {
		m[id] = true
	}
	return m, err
}

const confirmedSQL = `
	select s.id from stories s
		join story_members m on m.article_key = s.article_key
		join entries told on told.id = m.entry_id
		join entries e on e.article_key = told.article_key
	where ` + cameOut + `
	group by s.id having max(e.polls) >= 2 and count(case when e.withdrawn_at is null then 1 end) > 0`

// used are the stories this newsletter has sent, and those an issue that is on
// its way will send, with the issue's number; negative for stories that an
// editor has marked as updated since.
func (b *Builder) used(ctx context.Context, issue Issue) (map[int64]int, error) {
	type telling struct {
		story  int64
		number int
	}
	list, err := schema.Each(ctx, b.DB.Read, func(r schema.Row) (t telling, err error) { err = r.Scan(&t.story, &t.number); return }, `
		select u.story_id, case when s.updated_at > u.used_at then -i.number else i.number end
		from used_stories u join issues i on i.id = u.issue_id join stories s on s.id = u.story_id
		where u.newsletter_id = $1 and u.issue_id <> $2
		union all
		select c.story_id, i.number from issue_stories c join issues i on i.id = c.issue_id
		where i.newsletter_id = $1 and i.id <> $2 and c.state = 'in' and i.state in ('approved', 'countdown', 'sending', 'paused')
			and not exists (select 1 from used_stories u where u.newsletter_id = $1 and u.story_id = c.story_id and u.issue_id = i.id)`,
		issue.NewsletterID, issue.ID)
	m := map[int64]int{}
	for _, t := range list {
		if t.number > 0 || m[t.story] == 0 { // on its way counts more than updated
			m[t.story] = t.number
		}
	}
	return m, err
}

func (b *Builder) sourcesOf(ctx context.Context, spec Spec) (map[int64]bool, error) {
	list, err := b.Sources(ctx)
	m := map[int64]bool{}
	for _, src := range list {
		m[src.ID] = spec.Takes(src)
	}
	return m, err
}

// Candidates are stories as the ranking sees them, in the same order.
func Candidates(list []Story) []trend.Candidate {
	out := make([]trend.Candidate, len(list))
	for i, s := range list {
		out[i] = trend.Candidate{
			Keys: slices.Concat(s.Keys, s.Names), Published: s.Published, Seen: s.Seen, Pool: baseLanguage(s.Language),
			Section: s.Section, Source: s.SourceTitle,
		}
	}
	return out
}

func sortedByPlace(m map[int64]Chosen) []Chosen {
	return slices.SortedFunc(maps.Values(m), func(a, b Chosen) int {
		return cmp.Or(-cmp.Compare(a.Section, b.Section), cmp.Compare(a.Position, b.Position), cmp.Compare(a.Story.ID, b.Story.ID))
	})
}

// relate sets Related News: the nearest of recent that are neither duplicates
// nor in the same edition. Stories under legal care
// neither have any nor are any, paid ones are none.
func relate(list []Chosen, recent []Story, e EditionSpec, n int) {
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
		if !in[s.ID] && e.Shows(s.Language) && !s.Has("paid") && !s.Has("legal") {
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
