package digest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/summary"
)

// Chosen is a story in an edition of an issue, with why it stands there.
type Chosen struct {
	IssueID  int64  `json:"-"`
	Edition  string `json:"edition"`
	Section  string `json:"section"` // trending | rising | latest
	Position int    `json:"position"`
	State    string `json:"state"` // in | dropped (by an editor) | removed (by rule)
	Title    string `json:"title"`
	Summary  string `json:"summary"`
	// Spans are the byte offsets, in the story's body, of each sentence that was
	// chosen from it. They outlive an editor's rewrite, for the desk to show.
	Spans [][][2]int `json:"spans,omitempty"`
	// Method is extract, lead, description, headline (nothing may be printed
	// but it), none (the section's tone), ai or editor; MethodReason says why.
	Method       string             `json:"method"`
	MethodReason string             `json:"method_reason,omitempty"`
	Related      []int64            `json:"related,omitempty"`
	Reason       string             `json:"reason"`
	Score        map[string]float64 `json:"score,omitempty"`
	EditedBy     string             `json:"edited_by,omitempty"`
	EditedAt     time.Time          `json:"edited_at,omitzero"`
	Pinned       bool               `json:"pinned,omitempty"`
	NoPicture    bool               `json:"no_picture,omitempty"` // its picture is left out
	// OriginalTitle and OriginalSummary are what stood there before an editor
	// wrote, and OriginalMethod where that summary came from.
	OriginalTitle   string `json:"original_title,omitempty"`
	OriginalSummary string `json:"original_summary,omitempty"`
	OriginalMethod  string `json:"original_method,omitempty"`
	// AI says that a language model wrote the summary, or what an editor made
	// of it. ReviewedBy is the editor who vouches for the text of ReviewedHash.
	AI           bool   `json:"ai,omitempty"`
	ReviewedBy   string `json:"reviewed_by,omitempty"`
	ReviewedHash string `json:"reviewed_hash,omitempty"`
	Story        Story  `json:"story"`
}

// Reviewed reports whether a named editor has read exactly this summary.
func (c Chosen) Reviewed() bool { return c.ReviewedBy != "" && c.ReviewedHash == textHash(c.Summary) }

// Printed is the summary as readers get it: the headline is not said twice, and
// of a source that may only be quoted since, nothing longer than a quotation.
func (c Chosen) Printed() string {
	if c.Method == "headline" || c.Story.Rights == "quote" && c.Method != "editor" && summary.Words(c.Summary) > quoteWords {
		return ""
	}
	return c.Summary
}

// Wording names what headline and summary say now: who writes them anew shows by it what
// he had before him.
func (c Chosen) Wording() string { return textHash(c.Title + "\n" + c.Printed())[:16] }

// ErrChanged is what an editor is told whose words would replace others that he has not
// seen.
var ErrChanged = errors.New("somebody else has changed it meanwhile")

// ErrSame is what an editor is told whose change changes nothing: an approval stays.
var ErrSame = errors.New("it is so already")

func textHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Chosen lists the stories of an issue in order: by edition, trending before
// rising before latest, then by position. Dropped and removed ones are included.
func (s *Store) Chosen(ctx context.Context, issue int64) ([]Chosen, error) {
	return s.chosen(ctx, s.DB.Read, issue)
}

func (s *Store) chosen(ctx context.Context, q schema.Querier, issue int64) ([]Chosen, error) {
	list, err := schema.Each(ctx, q, scanChosen, `
		select c.issue_id, c.edition, c.section, c.position, c.state, c.title, c.summary, c.spans, c.method, c.method_reason, c.related, c.reason, c.score,
			c.edited_by, c.edited_at, c.pinned, c.original_title, c.original_summary, c.original_method, c.ai, c.reviewed_by, c.reviewed_hash, c.no_picture, `+storyColumns+`
		from issue_stories c join stories s on s.id = c.story_id
		where c.issue_id = $1 order by c.edition, c.section desc, c.position, c.story_id`, issue)
	if err != nil {
		return nil, fmt.Errorf("stories of issue %d: %w", issue, err)
	}
	return list, nil
}

func scanChosen(r schema.Row) (Chosen, error) {
	var c Chosen
	var spans, related, score []byte
	var edited schema.Time
	var err error
	c.Story, err = scanStory(r, &c.IssueID, &c.Edition, &c.Section, &c.Position, &c.State, &c.Title, &c.Summary, &spans, &c.Method, &c.MethodReason, &related, &c.Reason, &score,
		&c.EditedBy, &edited, &c.Pinned, &c.OriginalTitle, &c.OriginalSummary, &c.OriginalMethod, &c.AI, &c.ReviewedBy, &c.ReviewedHash, &c.NoPicture)
	if err != nil {
		return c, err
	}
	c.EditedAt = edited.Time
	for _, p := range []struct {
		b []byte
		v any
	}{{spans, &c.Spans}, {related, &c.Related}, {score, &c.Score}} {
		if err := json.Unmarshal(p.b, p.v); err != nil {
			return c, err
		}
	}
	return c, nil
}

// replaceChosen stores a new choice for an issue.
func (s *Store) replaceChosen(ctx context.Context, tx *sql.Tx, issue int64, list []Chosen) error {
	if _, err := tx.ExecContext(ctx, `delete from issue_stories where issue_id = $1`, issue); err != nil {
		return err
	}
	for _, c := range list {
		spans, _ := json.Marshal(nonNil(c.Spans))
		related, _ := json.Marshal(nonNil(c.Related))
		score, err := json.Marshal(c.Score)
		if err != nil {
			return fmt.Errorf("score of story %d: %w", c.Story.ID, err)
		}
		if c.Score == nil {
			score = []byte("{}")
		}
		_, err = tx.ExecContext(ctx, `
			insert into issue_stories (issue_id, edition, story_id, section, position, state, title, summary, spans, method, related, reason,
				score, edited_by, pinned, original_title, original_summary, method_reason, ai, reviewed_by, reviewed_hash, edited_at, original_method, no_picture)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`,
			issue, c.Edition, c.Story.ID, c.Section, c.Position, c.State, c.Title, c.Summary, string(spans), c.Method, string(related), c.Reason,
			string(score), c.EditedBy, c.Pinned, c.OriginalTitle, c.OriginalSummary,
			c.MethodReason, c.AI, c.ReviewedBy, c.ReviewedHash, schema.At(c.EditedAt), c.OriginalMethod, c.NoPicture)
		if err != nil {
			return fmt.Errorf("choose story %d: %w", c.Story.ID, err)
		}
	}
	return nil
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Edit is a change an editor makes to one story of an issue. Only what is set
// is changed.
type Edit struct {
	Edition string
	StoryID int64
	Title   *string // in all editions
	Summary *string // in all editions
	Undo    *bool   // back to the original headline and summary, in all editions
	Review  *bool   // the editor vouches for what a language model wrote, in all editions that say the same
	Drop    *bool   // in this edition
	Pin     *bool
	Picture *bool   // shown or left out, in all editions
	Section *string // trending | rising | latest
	Over    string  // the Wording that title and summary replace, else ErrChanged; "" = any
	To      *int    // new position within its section, from 1
}

// unseen reports whether the edit would replace words of c that its editor has not seen;
// who writes the same replaces nothing.
func (e Edit) unseen(c Chosen) bool {
	if e.Over == "" || c.Story.ID != e.StoryID || c.Edition != e.Edition || c.Wording() == e.Over {
		return false
	}
	return e.Title != nil && *e.Title != c.Title || e.Summary != nil && *e.Summary != c.Printed()
}

// anew is the edit without words that its story has already.
func (e Edit) anew(list []Chosen) Edit {
	for _, c := range list {
		if c.Edition != e.Edition || c.Story.ID != e.StoryID {
			continue
		}
		if e.Title != nil && strings.TrimSpace(*e.Title) == c.Title {
			e.Title = nil
		}
		if e.Summary != nil && strings.TrimSpace(*e.Summary) == c.Printed() {
			e.Summary = nil
		}
	}
	return e
}

// EditIssue applies an editor's change to a draft, held or approved issue. It
// unseals the issue and voids an approval: the caller seals again. A change that
// changes nothing is ErrSame, and does neither; one of nothing does both.
func (s *Store) EditIssue(ctx context.Context, issue int64, e Edit, by string) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		i, err := s.lock(ctx, tx, issue)
		if err != nil {
			return err
		}
		approved := i.State == "approved" || i.State == "countdown"
		if !approved && i.State != "draft" && i.State != "held" {
			return fmt.Errorf("edit issue %d: it is %s; only an issue that is not sent yet can be changed: %w", issue, i.State, ErrState)
		}
		if e.Review != nil && by == "" {
			return fmt.Errorf("edit issue %d: a review needs the name of who read it", issue)
		}
		list, err := s.chosen(ctx, tx, issue)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(list, e.unseen) {
			return fmt.Errorf("edit issue %d, story %d: %w", issue, e.StoryID, ErrChanged)
		}
		renumber(list)
		was := slices.Clone(list)
		if !apply(list, e.anew(list), by, s.Now()) {
			return fmt.Errorf("edit issue %d: story %d is not in edition %q: %w", issue, e.StoryID, e.Edition, ErrNotFound)
		}
		if e != (Edit{Edition: e.Edition, StoryID: e.StoryID}) && reflect.DeepEqual(list, was) {
			return fmt.Errorf("edit issue %d, story %d: %w", issue, e.StoryID, ErrSame)
		}
		if e.Drop != nil && *e.Drop && count(list) == 0 {
			return fmt.Errorf("edit issue %d: no story would be left; skip the issue instead: %w", issue, ErrThin)
		}
		if approved {
			if err := s.reopen(ctx, tx, i, "edited by "+by+" after approval"); err != nil {
				return err
			}
		}
		return s.replaceChosen(ctx, tx, issue, list)
	})
}

// lock is IssueIn for those who change the issue by what they read in tx: others who do
// wait until it ends.
func (s *Store) lock(ctx context.Context, tx *sql.Tx, id int64) (Issue, error) {
	if _, err := tx.ExecContext(ctx, `update issues set state = state where id = $1`, id); err != nil {
		return Issue{}, fmt.Errorf("lock issue %d: %w", id, err)
	}
	return s.IssueIn(ctx, tx, id)
}

// reopen makes an approved issue a draft again: the approval is void.
func (s *Store) reopen(ctx context.Context, tx *sql.Tx, i Issue, why string) error {
	if err := s.MoveIssue(ctx, tx, i.ID, "draft", why, i.State); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `update issues set approved_by = '', approved_at = null where id = $1`, i.ID)
	return err
}

// apply changes the list in place and numbers the positions anew.
func apply(list []Chosen, e Edit, by string, now time.Time) bool {
	found := false
	for n := range list {
		c := &list[n]
		if c.Story.ID != e.StoryID {
			continue
		}
		if e.Title != nil || e.Summary != nil {
			rewrite(c, e, by, now)
			found = true
		}
		if e.Undo != nil && *e.Undo {
			undo(c)
		}
		if e.Review != nil && c.AI {
			review(c, *e.Review, by)
		}
		if e.Picture != nil {
			c.NoPicture, found = !*e.Picture, true
		}
		if c.Edition != e.Edition {
			continue
		}
		found = true
		if e.Drop != nil {
			if c.State == "removed" && !*e.Drop {
				c.Reason = "put back by " + by + "; it had left: " + c.Reason
			}
			c.State = map[bool]string{true: "dropped", false: "in"}[*e.Drop]
		}
		if e.Pin != nil {
			c.Pinned = *e.Pin
		}
		if e.Section != nil && slices.Contains(sections, *e.Section) {
			c.Section = *e.Section
		}
		if e.To != nil {
			moveTo(list, n, *e.To)
		}
	}
	renumber(list)
	return found
}

// moveTo gives list[n] the place to (from 1) among those of its section that readers
// will see: those before it keep theirs, the others stand one further down.
func moveTo(list []Chosen, n, to int) {
	place := 1
	for m := range list {
		o := &list[m]
		if m == n || o.Edition != list[n].Edition || o.Section != list[n].Section || o.State == "dropped" || o.State == "removed" {
			continue
		}
		if place == to {
			place++
		}
		o.Position = place
		place++
	}
	list[n].Position = max(1, min(to, place))
}

// renumber sorts by edition, section and position and counts positions from 1.
func renumber(list []Chosen) {
	slices.SortStableFunc(list, func(a, b Chosen) int {
		return cmp.Or(cmp.Compare(a.Edition, b.Edition), -cmp.Compare(a.Section, b.Section), cmp.Compare(a.Position, b.Position))
	})
	for n := range list {
		if n == 0 || list[n].Edition != list[n-1].Edition || list[n].Section != list[n-1].Section {
			list[n].Position = 1
		} else {
			list[n].Position = list[n-1].Position + 1
		}
	}
}

// Retell writes anew what an issue that waits says of one story, because its
// article is another now. What an editor wrote stays, and behind it what he
// would get back by undoing that. The caller seals again.
func (b *Builder) Retell(ctx context.Context, id, story int64) error {
	issue, err := b.Issue(ctx, id)
	if err != nil {
		return err
	}
	list, err := b.Chosen(ctx, id)
	if err != nil {
		return err
	}
	fresh := map[string]Chosen{} // by edition
	for _, e := range issue.Spec.Editions {
		var said []string
		var mine []Chosen
		for _, c := range list {
			switch {
			case c.Edition != e.Name:
			case c.Story.ID == story:
				c.State, c.Method, c.MethodReason, c.Title = "in", "", "", c.Story.Title
				mine = append(mine, c)
			case c.State == "in":
				said = append(said, strings.Split(c.Printed(), "\n")...)
			}
		}
		summarise(mine, issue.Spec, said)
		b.rewrite(ctx, issue, mine)
		for _, c := range mine {
			fresh[e.Name] = c
		}
	}
	return b.DB.InTx(ctx, func(tx *sql.Tx) error {
		if issue, err = b.lock(ctx, tx, id); err != nil {
			return err
		}
		if !slices.Contains([]string{"building", "draft", "held"}, issue.State) {
			return fmt.Errorf("tell story %d anew in issue %d: it is %s: %w", story, id, issue.State, ErrState)
		}
		list, err := b.chosen(ctx, tx, id)
		if err != nil {
			return err
		}
		for n := range list {
			if f, ok := fresh[list[n].Edition]; ok && list[n].Story.ID == story {
				list[n].retell(f)
			}
		}
		return b.replaceChosen(ctx, tx, id, list)
	})
}

// retell takes over headline and summary of the same story told anew.
func (c *Chosen) retell(fresh Chosen) {
	if c.OriginalTitle == "" {
		c.Title = fresh.Title
	} else {
		c.OriginalTitle = fresh.Title
	}
	if c.OriginalMethod == "" {
		c.Summary, c.Method, c.MethodReason, c.Spans, c.AI = fresh.Summary, fresh.Method, fresh.MethodReason, fresh.Spans, fresh.AI
		return
	}
	c.OriginalSummary, c.OriginalMethod, c.Spans = fresh.Summary, fresh.Method, fresh.Spans
	if why := "the article was changed since these words were written"; !strings.Contains(c.MethodReason, why) {
		c.note(why)
	}
}

func rewrite(c *Chosen, e Edit, by string, now time.Time) {
	if e.Title != nil && strings.TrimSpace(*e.Title) != "" && *e.Title != c.Title {
		if c.OriginalTitle == "" {
			c.OriginalTitle = c.Title
		}
		c.Title, c.EditedBy, c.EditedAt = strings.TrimSpace(*e.Title), by, now
	}
	// A page shows what is printed; saving it unchanged is no edit.
	if e.Summary != nil && *e.Summary != c.Summary && *e.Summary != c.Printed() {
		if c.OriginalMethod == "" {
			c.OriginalSummary, c.OriginalMethod = c.Summary, c.Method
		}
		c.Summary, c.Method, c.EditedBy, c.EditedAt = strings.TrimSpace(*e.Summary), "editor", by, now
	}
}

// undo takes an editor's words back.
func undo(c *Chosen) {
	if c.OriginalTitle != "" {
		c.Title, c.OriginalTitle = c.OriginalTitle, ""
	}
	if c.OriginalMethod != "" {
		c.Summary, c.Method, c.OriginalSummary, c.OriginalMethod = c.OriginalSummary, c.OriginalMethod, "", ""
	}
	c.EditedBy, c.EditedAt = "", time.Time{}
}

func review(c *Chosen, yes bool, by string) {
	c.ReviewedBy, c.ReviewedHash = "", ""
	if yes {
		c.ReviewedBy, c.ReviewedHash = by, textHash(c.Summary)
	}
}
