package digest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/article"
	"pressrun/digest/fetch"
)

// Guard re-checks the stories of an issue that waits for its slot: gone,
// unpublished, redirected elsewhere or retitled ones leave by rule.
type Guard struct {
	*Store
	Client *fetch.Client
}

// ErrSiteTrouble is returned by Check when so many stories fail at once that
// the site is in trouble rather than the stories: hold, never empty an issue.
var ErrSiteTrouble = errors.New("the site is in trouble")

const (
	// troubleAt is how many stories failing at once are site trouble.
	troubleAt = 3
	// silentAt is after how many pages that do not answer a host is left alone.
	silentAt = 2
)

// Removal is a story that must leave an issue, and why.
type Removal struct {
	StoryID int64  `json:"story_id"`
	Edition string `json:"edition,omitempty"` // "" = in all
	Title   string `json:"title"`
	Reason  string `json:"reason"`
}

// Check looks at every story of the issue once and returns those that must
// leave. A story that merely did not answer stays: only what the site itself
// says counts.
func (g *Guard) Check(ctx context.Context, issue int64) ([]Removal, error) {
	chosen, err := g.Chosen(ctx, issue)
	if err != nil {
		return nil, err
	}
	var out []Removal
	seen, silent := map[int64]bool{}, map[string]int{}
	for _, c := range chosen {
		host := ""
		if u, err := url.Parse(c.Story.URL); err == nil {
			host = u.Hostname()
		}
		if c.State != "in" || seen[c.Story.ID] || silent[host] == silentAt {
			continue
		}
		seen[c.Story.ID] = true
		reason, answered := g.verdict(ctx, c.Story)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !answered {
			silent[host]++
			continue
		}
		if _, err := g.DB.Write.ExecContext(ctx, `update stories set checked_at = $2 where id = $1`, c.Story.ID, schema.At(g.Now())); err != nil {
			return nil, fmt.Errorf("check story %d: %w", c.Story.ID, err)
		}
		if reason != "" {
			out = append(out, Removal{StoryID: c.Story.ID, Title: c.Title, Reason: reason})
		}
	}
	if len(out) >= troubleAt {
		return out, fmt.Errorf("%d of %d stories failed at once (%s): %w", len(out), len(seen), out[0].Reason, ErrSiteTrouble)
	}
	return out, nil
}

// verdict is "" when the story may stay; not answered when the site said
// nothing. It reads the page as the collector did, with the source's rules, and
// where robots.txt keeps us out it keeps out too.
func (g *Guard) verdict(ctx context.Context, s Story) (reason string, answered bool) {
	src, err := g.Source(ctx, s.SourceID)
	if err != nil {
		return "", false
	}
	if src.Rights != "own" {
		if allowed, _, err := g.Client.Robots(ctx, s.URL); err != nil || !allowed {
			return "", err == nil
		}
	}
	res, err := g.Client.Get(ctx, s.URL, fetch.Validators{})
	var failed *fetch.Error
	if errors.As(err, &failed) {
		switch {
		case failed.Status == 404 || failed.Status == 410 || failed.Status == 451:
			return fmt.Sprintf("the page is gone (HTTP %d)", failed.Status), true
		case failed.Status == 401 || failed.Status == 403:
			return fmt.Sprintf("the page is no longer public (HTTP %d)", failed.Status), true
		}
		return "", failed.Status != 0
	}
	if err != nil {
		return "", false
	}
	was, errWas := article.KeyOf(s.URL)
	is, errIs := article.KeyOf(res.URL)
	if errWas == nil && errIs == nil && was != is {
		if u := strings.TrimRight(res.URL, "/"); strings.Count(u, "/") <= 2 {
			return "the address now leads to the home page", true
		}
		return "the address now leads elsewhere: " + res.URL, true
	}
	a, err := article.Extract(res.Body, article.Options{URL: res.URL, ContentType: res.ContentType, Language: s.Language, Rules: src.Settings.Rules})
	if err != nil || a.Title == "" || s.TitleHash == "" || TitleHash(a.Title) == s.TitleHash {
		return "", true
	}
	return "the headline was changed to “" + a.Title + "”", true
}

// Remove takes stories out of an issue by rule, marks those that are gone, and
// returns the issue to draft if it was approved, so that it is sealed as its
// next revision.
func (g *Guard) Remove(ctx context.Context, issue int64, list []Removal) error {
	return g.DB.InTx(ctx, func(tx *sql.Tx) error {
		i, err := g.issue(ctx, tx, issue)
		if err != nil {
			return err
		}
		if !slices.Contains([]string{"draft", "held", "approved", "countdown"}, i.State) {
			return fmt.Errorf("remove from issue %d: it is %s: %w", issue, i.State, ErrState)
		}
		for _, r := range list {
			_, err := tx.ExecContext(ctx, `update issue_stories set state = 'removed', reason = $3 where issue_id = $1 and story_id = $2 and $4 in ('', edition)`, issue, r.StoryID, r.Reason, r.Edition)
			if err != nil {
				return err
			}
			if r.Edition != "" {
				continue // it is the edition's trouble, the story itself stands
			}
			if _, err := tx.ExecContext(ctx, `update stories set state = 'gone' where id = $1 and state = 'live'`, r.StoryID); err != nil {
				return err
			}
		}
		if i.State == "approved" || i.State == "countdown" {
			return g.MoveIssue(ctx, tx, issue, "draft", fmt.Sprintf("%d stories removed by rule after approval", len(list)), i.State)
		}
		return nil
	})
}

// GuardEvery is how often a waiting issue is checked again.
const GuardEvery = 10 * time.Minute
