package digest

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// MergeStories makes from's articles members of into; the choice sticks,
// because a member stays where it is. Readers who were told from have been
// told into, the stricter flags and the later embargo hold.
func (s *Store) MergeStories(ctx context.Context, from, into int64) error {
	if from == into {
		return fmt.Errorf("merge story %d into itself: give the numbers of two stories: %w", from, ErrState)
	}
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `select count(*) from stories where id in ($1, $2) and state <> 'merged'`, from, into).Scan(&n); err != nil {
			return err
		}
		if n != 2 {
			return fmt.Errorf("merge story %d into %d: both must be stories of their own: %w", from, into, ErrNotFound)
		}
		for _, q := range []string{
			`update story_members set story_id = $2, why = 'merged by an editor' where story_id = $1`,
			`update stories set merged_into = $2 where merged_into = $1`,
			`update stories set state = 'merged', merged_into = $2 where id = $1`,
			`update stories set not_before_at = (select max(not_before_at) from stories where id in ($1, $2)) where id = $2`,
			`insert into used_stories (newsletter_id, story_id, issue_id, used_at)
				select newsletter_id, cast($2 as bigint), issue_id, used_at from used_stories where story_id = $1 on conflict (newsletter_id, story_id) do nothing`,
		} {
			if _, err := tx.ExecContext(ctx, q, from, into); err != nil {
				return fmt.Errorf("merge story %d into %d: %w", from, into, err)
			}
		}
		return reflag(ctx, tx, into)
	})
}

// SplitStory makes one article of a story, called by the number it has among
// the story's members, a story of its own again; the choice sticks. It takes
// the flags that an editor set along.
func (s *Store) SplitStory(ctx context.Context, id, member int64) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		var hand, own string
		if err := tx.QueryRowContext(ctx, `select s.hand_flags, coalesce((select hand_flags from stories where id = $2), '') from stories s where s.id = $1`, id, member).Scan(&hand, &own); err != nil {
			return notFound(err, "story", id)
		}
		for _, f := range strings.Fields(hand) {
			if !strings.HasPrefix(f, "-") && !slices.Contains(strings.Fields(own), "-"+f) {
				own += " " + f
			}
		}
		res, err := tx.ExecContext(ctx, `update stories set state = 'live', merged_into = null, hand_flags = $3 where id = $2 and merged_into = $1`, id, member, strings.TrimSpace(own))
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return fmt.Errorf("split %d from story %d: it is none of its other articles: %w", member, id, ErrNotFound)
		}
		_, err = tx.ExecContext(ctx, `update story_members set story_id = $1, why = 'split off by an editor'
			where article_key = (select article_key from stories where id = $1)`, member)
		if err != nil {
			return err
		}
		if err := reflag(ctx, tx, member); err != nil {
			return err
		}
		return reflag(ctx, tx, id)
	})
}

// Member is one article of a story.
type Member struct {
	ID     int64  `json:"id"` // what SplitStory calls it by
	Title  string `json:"title"`
	URL    string `json:"url"`
	Source string `json:"source"`
	Why    string `json:"why"` // why it is the same story, in words
	Shown  bool   `json:"shown,omitempty"`
}

// Members lists the articles of a story, the one shown first.
func (s *Store) Members(ctx context.Context, id int64) ([]Member, error) {
	list, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (Member, error) {
		var m Member
		err := r.Scan(&m.ID, &m.Title, &m.URL, &m.Source, &m.Why)
		return m, err
	}, `select a.id, a.title, a.url, a.source_title, m.why from story_members m join stories a on a.article_key = m.article_key
		where m.story_id = $1 order by case when a.id = $1 then 0 else 1 end, m.added_at, a.id`, id)
	for i := range list {
		list[i].Shown = list[i].ID == id
	}
	return list, err
}

// toldAlready notes that the article of an entry is told already, in a story, and has it
// take over the flags and the embargo that the entry gives it.
func toldAlready(ctx context.Context, tx *sql.Tx, e Entry, key string, story int64) error {
	if err := takeListed(ctx, tx, key, story); err != nil {
		return err
	}
	if err := embargoed(ctx, tx, key, e.NotBefore); err != nil {
		return err
	}
	return markRead(ctx, tx, e.ID, "the same address is told already")
}

// embargoed keeps an article and its story back until a time, if they are not
// kept back for longer; zero does nothing.
func embargoed(ctx context.Context, tx *sql.Tx, key string, until time.Time) error {
	if until.IsZero() {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		update stories set not_before_at = $2 where coalesce(not_before_at, 0) < $2
			and (article_key = $1 or id = (select story_id from story_members where article_key = $1))`, key, schema.At(until))
	if err != nil {
		return fmt.Errorf("embargo of article %s: %w", key, err)
	}
	return nil
}
