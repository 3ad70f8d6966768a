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
// unpublished, retitled ones and those redirected to something else leave by rule.
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
	// Stands says that the story itself stays: it is only this issue that it has
	// to leave, or to be told anew in.
	Stands bool `json:"stands,omitempty"`

	now *article.Article // what its page says, of one that was changed
}

// Changed reports whether the story's page tells it otherwise now: see
// Guard.Correct.
func (r Removal) Changed() bool { return r.now != nil }

// Check looks at every story of the issue once and returns those that must
// leave, or were changed. A story that merely did not answer stays: only what the
// site itself says counts.
func (g *Guard) Check(ctx context.Context, issue int64) ([]Removal, error) {
	i, err := g.Issue(ctx, issue)
	if err != nil {
		return nil, err
	}
	chosen, err := g.Chosen(ctx, issue)
	if err != nil {
		return nil, err
	}
	var out []Removal
	var failed []string // those that would leave, and why
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
		if until := c.Story.NotBefore; until.After(later(i.SlotAt, g.Now())) {
			out = append(out, Removal{StoryID: c.Story.ID, Title: c.Title, Reason: Embargoed(until), Stands: true})
			continue
		}
		r, answered := g.verdict(ctx, c.Story)
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
		if r.Reason == "" {
			continue
		}
		r.StoryID, r.Title = c.Story.ID, c.Title
		if out = append(out, r); !r.Changed() || i.State == "approved" || i.State == "countdown" {
			failed = append(failed, fmt.Sprintf("“%s” (%s)", r.Title, r.Reason))
		}
	}
	if n := len(failed); n >= troubleAt {
		names := strings.Join(failed[:min(n, 5)], ", ")
		if n > 5 {
			names += fmt.Sprintf(" and %d more", n-5)
		}
		return out, fmt.Errorf("%d of %d stories failed at once, %s: %w", n, len(seen), names, ErrSiteTrouble)
	}
	return out, nil
}

// Embargoed is why a story leaves an issue that goes out before its embargo ends.
func Embargoed(until time.Time) string {
	return "under embargo until " + until.UTC().Format("2 January 2006, 15:04 UTC")
}

// Correct brings a story that Check found changed up to date with its page.
func (g *Guard) Correct(ctx context.Context, r Removal) error {
	s, err := g.Story(ctx, r.StoryID)
	if err != nil {
		return err
	}
	src, err := g.Source(ctx, s.SourceID)
	if err != nil {
		return err
	}
	e, err := g.entryOf(ctx, s.Key)
	if err != nil {
		return err
	}
	_, err = g.Tell(ctx, src, e, *r.now)
	return err
}

// verdict says why a story may not stay as it is, with a reason of "" when it
// may; not answered when the site said nothing. It reads the page as the
// collector did, with the source's rules, and where robots.txt keeps us out it
// keeps out too.
func (g *Guard) verdict(ctx context.Context, s Story) (r Removal, answered bool) {
	src, err := g.Source(ctx, s.SourceID)
	if err != nil {
		return r, false
	}
	if src.Rights != "own" {
		if allowed, _, err := g.Client.Robots(ctx, s.URL); err != nil || !allowed {
			return r, err == nil
		}
	}
	res, err := g.Client.GetFrom(ctx, s.URL, src.Settings.Referer)
	var failed *fetch.Error
	switch {
	case errors.As(err, &failed) && slices.Contains([]int{404, 410, 451}, failed.Status):
		return Removal{Reason: fmt.Sprintf("the page is gone (HTTP %d)", failed.Status)}, true
	case errors.As(err, &failed) && slices.Contains([]int{401, 403}, failed.Status):
		return Removal{Reason: fmt.Sprintf("the page is no longer public (HTTP %d)", failed.Status)}, true
	case errors.As(err, &failed):
		return r, failed.Status != 0
	case err != nil:
		return r, false
	}
	a, err := ReadPage(src, res, s.URL, s.Language)
	same := titleHash(a.Title) == s.TitleHash
	moved := err == nil && same && a.Title != "" && s.Body != "" && sameText(s.Body, a.Text) // by a relaunch of the site, or another headline in its address
	if !moved && !s.isAt(res.URL) && !s.isAt(a.Canonical) {
		if isHome(res.URL) {
			return Removal{Reason: "the address now leads to the home page"}, true
		}
		return Removal{Reason: "the address now leads elsewhere: " + res.URL}, true
	}
	if a.Title == "" || s.TitleHash == "" {
		return r, true
	}
	switch {
	case errors.Is(err, article.ErrNoArticle) && !same:
		return Removal{Reason: "the page holds no article any more: “" + a.Title + "”"}, true
	case err == nil && same && isNotice(s.Body, a.Text):
		return Removal{Reason: "the page no longer tells what it told: “" + shorten(strings.ReplaceAll(a.Text, "\n", " "), 100) + "”"}, true
	case err != nil || same:
		return r, true
	case !sameText(s.Body, a.Text):
		return Removal{Reason: "the page now tells something else: “" + a.Title + "”"}, true
	}
	return Removal{Reason: retitled(a.Title), Stands: true, now: &a}, true
}

// isNotice tells what stands in the place of an article under its headline, such as
// "This article was withdrawn", from one that was shortened or walled: it has not
// a quarter of its length and nothing in common with it.
func isNotice(before, now string) bool {
	return 4*len(now) < len(before) && !sameText(before, now)
}

func retitled(title string) string { return "the headline was changed to “" + title + "”" }

// isAt reports whether an address is that of a story: as its source gave it, or
// as its page calls itself.
func (s Story) isAt(address string) bool {
	is, err := article.KeyOf(address)
	if err != nil {
		return false
	}
	was, err := article.KeyOf(s.URL)
	return err != nil || is == was || string(is) == s.Key
}

// sameText tells a corrected article from another page at its address, such as
// "Page not found": two fifths of what the shorter one says, in pieces of eight
// letters, the other says too. Nothing is known against a text no longer kept.
func sameText(a, b string) bool {
	if a == "" {
		return true
	}
	pieces := func(s string) map[string]bool {
		var letters []rune
		for _, r := range strings.ToLower(s[:min(len(s), 20_000)]) {
			if isWord(r) {
				letters = append(letters, r)
			}
		}
		set := map[string]bool{}
		for i := 0; i+8 <= len(letters); i++ {
			set[string(letters[i:i+8])] = true
		}
		return set
	}
	x, y := pieces(a), pieces(b)
	common := 0
	for p := range x {
		if y[p] {
			common++
		}
	}
	return 5*common >= 2*min(len(x), len(y)) && common > 0
}

// Remove takes stories out of an issue by rule, marks those that are gone, and
// returns the issue to draft if it was approved, so that it is sealed as its
// next revision.
func (g *Guard) Remove(ctx context.Context, issue int64, list []Removal) error {
	return g.DB.InTx(ctx, func(tx *sql.Tx) error {
		i, err := g.lock(ctx, tx, issue)
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
			if r.Edition != "" || r.Stands {
				continue // it is the issue's trouble, the story itself stands
			}
			if _, err := tx.ExecContext(ctx, `update stories set state = 'gone' where id = $1 and state = 'live'`, r.StoryID); err != nil {
				return err
			}
		}
		if i.State != "approved" && i.State != "countdown" {
			return nil
		}
		return g.reopen(ctx, tx, i, whatLeft(list)+", after the approval")
	})
}

// whatLeft says in words what leaves an issue: the first story by its headline.
func whatLeft(list []Removal) string {
	text := fmt.Sprintf("“%s” left: %s", list[0].Title, list[0].Reason)
	if n := len(list) - 1; n > 0 {
		text += fmt.Sprintf(", and %d more", n)
	}
	return text
}

// GuardEvery is how often a waiting issue is checked again.
const GuardEvery = 10 * time.Minute
