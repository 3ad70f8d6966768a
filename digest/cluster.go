package digest

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/story"
)

// clustering is what the collector remembers between two looks at the articles
// of the last days.
type clustering struct {
	mu      sync.Mutex
	stories story.Clusterer
	last    int64         // highest row whose text was read
	began   time.Time     // of the last look, on the wall clock
	took    time.Duration // by it
}

// recent is an article of the last days and where it stands.
type recent struct {
	doc       story.Doc
	id, story int64
	fixed     bool // it stays where it is
}

// Cluster sorts the articles of the last days into stories, as the verb story
// cluster does. What editors have decided stays, and so does what stands in an
// issue. It returns how many articles changed their place.
func (c *Collector) Cluster(ctx context.Context) (int, error) {
	t := &c.clustering
	t.mu.Lock()
	defer t.mu.Unlock()
	t.began = time.Now()
	defer func() { t.took = time.Since(t.began) }()
	list, err := c.recent(ctx)
	if err != nil {
		return 0, fmt.Errorf("cluster: %w", err)
	}
	docs := make([]story.Doc, len(list))
	for i, r := range list {
		docs[i] = r.doc
		t.last = max(t.last, r.id)
	}
	moves := moved(list, t.stories.Cluster(docs))
	if len(moves) == 0 {
		return 0, nil
	}
	if err := c.DB.InTx(ctx, func(tx *sql.Tx) error { return place(ctx, tx, moves) }); err != nil {
		return 0, fmt.Errorf("cluster: %w", err)
	}
	return len(moves), nil
}

// Regroup is Cluster, and lists the stories that have a flag more by it.
func (c *Collector) Regroup(ctx context.Context) ([]int64, error) {
	flags, err := c.recentFlags(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.Cluster(ctx); err != nil {
		return nil, err
	}
	return c.flaggedSince(ctx, flags)
}

// clusterDue says whether a look at all recent articles is affordable now: it
// may take a twentieth of the time.
func (c *Collector) clusterDue() bool {
	c.clustering.mu.Lock()
	defer c.clustering.mu.Unlock()
	return time.Since(c.clustering.began) > 20*c.clustering.took
}

// recent lists the articles that may still find or change their story.
func (c *Collector) recent(ctx context.Context) ([]recent, error) {
	since := c.Now().Add(-story.Window)
	list, err := schema.Each(ctx, c.DB.Read, func(r schema.Row) (recent, error) {
		var a recent
		var published, first schema.Time
		var state string
		var decided, issues int
		err := r.Scan(&a.id, &a.doc.ID, &a.doc.Title, &a.doc.URL, &a.doc.Language, &published, &a.doc.Text, &a.story, &state, &first, &decided, &issues)
		a.doc.Published = published.Time
		a.fixed = state != "live" || first.Before(since) || decided > 0 || issues > 0
		return a, err
	}, recentSQL, schema.At(since), c.clustering.last-100)
	for i, a := range list {
		if a.fixed {
			list[i].doc.Story = strconv.FormatInt(a.story, 10)
		}
	}
	return list, err
}

// recentSQL names all states: the index of times begins with them.
const recentSQL = `
	select a.id, a.article_key, a.title, a.url, a.language, a.published_at, case when a.id > $2 then a.body else '' end,
		s.id, s.state, s.published_at,
		(select count(*) from story_members o where o.story_id = s.id and o.why in ('merged by an editor', 'split off by an editor')),
		(select count(*) from issue_stories i where i.story_id = s.id)
	from stories a join story_members m on m.article_key = a.article_key join stories s on s.id = m.story_id
	where a.state in ('live', 'gone', 'blocked', 'merged') and a.published_at >= $1 and s.state <> 'gone' order by a.id`

// move gives an article another place.
type move struct {
	article  int64
	key, why string
	from, to int64 // stories
}

// moved compares where articles stand with where they belong.
func moved(list []recent, places map[string]story.Place) []move {
	head := map[string]int64{} // of a cluster, by the key of its first article
	for _, r := range list {
		first := places[r.doc.ID].Story
		switch {
		case r.fixed:
			head[first] = r.story
		case head[first] == 0 && first == r.doc.ID:
			head[first] = r.id
		}
	}
	for _, r := range list { // a decided story wins over the first article's own row
		if r.fixed {
			head[places[r.doc.ID].Story] = r.story
		}
	}
	var out []move
	for _, r := range list {
		p := places[r.doc.ID]
		if to := head[p.Story]; !r.fixed && to != r.story {
			out = append(out, move{article: r.id, key: r.doc.ID, why: cmp.Or(p.Why, "first to tell it"), from: r.story, to: to})
		}
	}
	// Those that become stories of their own come first, so that others can join them.
	slices.SortStableFunc(out, func(a, b move) int {
		return cmp.Compare(rank(a), rank(b))
	})
	return out
}

func rank(m move) int {
	if m.to == m.article {
		return 0
	}
	return 1
}

func place(ctx context.Context, tx *sql.Tx, moves []move) error {
	touched := map[int64]bool{}
	for _, m := range moves {
		state, into := "merged", any(m.to)
		if m.to == m.article {
			state, into = "live", nil
		}
		for _, q := range []struct {
			text string
			args []any
		}{
			{`update stories set state = $2, merged_into = $3 where id = $1`, []any{m.article, state, into}},
			{`update story_members set story_id = $2, why = $3 where article_key = $1`, []any{m.key, m.to, m.why}},
			{`update stories set not_before_at = (select max(not_before_at) from stories where id in ($1, $2)) where id = $1`, []any{m.to, m.article}},
		} {
			if _, err := tx.ExecContext(ctx, q.text, q.args...); err != nil {
				return fmt.Errorf("move article %d to story %d: %w", m.article, m.to, err)
			}
		}
		touched[m.from], touched[m.to] = true, true
	}
	for id := range touched {
		if err := reflag(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}
