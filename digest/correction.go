package digest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"pressrun/deploy/schema"
)

// Correction is what a newsroom takes back of an issue that readers got. The sealed
// bytes stay what they were: it stands beside them in the archive, with its date, and
// in the newsletter's next issue.
type Correction struct {
	ID      int64     `json:"id"`
	IssueID int64     `json:"issue_id"` // the issue that was wrong
	Number  int       `json:"number"`   // of that issue
	SlotAt  time.Time `json:"slot_at"`  // of that issue
	Edition string    `json:"edition"`
	Text    string    `json:"text"`    // a paragraph a line
	InNext  bool      `json:"in_next"` // readers are told in the newsletter's next issue
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	// ToldIn is the issue that has it in its mails, or will as it stands; 0 = none.
	ToldIn     int64     `json:"told_in,omitempty"`
	ToldNumber int       `json:"told_number,omitempty"`
	Withdrawn  time.Time `json:"withdrawn_at,omitzero"`
	URL        string    `json:"url,omitempty"` // the issue's page in the archive, in a draft
}

// Standing says where readers find it.
func (c Correction) Standing() string {
	switch {
	case !c.Withdrawn.IsZero():
		return "taken back"
	case !c.InNext:
		return "in the archive alone"
	case c.ToldIn == 0:
		return "in the archive; the next issue that is built tells it"
	}
	return fmt.Sprintf("in the archive, and in No. %d", c.ToldNumber)
}

// MaxCorrection is how many characters a correction may have.
const MaxCorrection = 1000

// ErrCorrection is why a correction cannot be made as it was asked for, in words.
type ErrCorrection string

func (e ErrCorrection) Error() string { return string(e) }

// Correct publishes a correction of c.IssueID: Edition "" is its first. When an issue
// of the newsletter waits for approval, that issue is to tell it, and has to be sealed
// again; else it is told by the next that is built.
func (s *Store) Correct(ctx context.Context, c Correction) (Correction, error) {
	if err := c.tidy(); err != nil {
		return c, err
	}
	err := s.DB.InTx(ctx, func(tx *sql.Tx) error {
		i, err := s.IssueIn(ctx, tx, c.IssueID)
		if err != nil {
			return err
		}
		if !i.Published() {
			return ErrCorrection(fmt.Sprintf("no reader got issue %d, it is %s: change the issue itself", i.ID, i.State))
		}
		if c.Edition, err = editionHad(ctx, tx, i, c.Edition); err != nil {
			return err
		}
		c.At, c.Number, c.SlotAt = s.Now(), i.Number, i.SlotAt
		err = tx.QueryRowContext(ctx, `
			insert into corrections (issue_id, edition, body, in_next, made_by, made_at) values ($1, $2, $3, $4, $5, $6) returning id`,
			c.IssueID, c.Edition, c.Text, c.InNext, c.By, schema.At(c.At)).Scan(&c.ID)
		if err != nil || !c.InNext {
			return err
		}
		next, err := s.waiting(ctx, tx, i)
		if err != nil || next.ID == 0 {
			return err
		}
		c.ToldIn, c.ToldNumber = next.ID, next.Number
		return s.takeCorrections(ctx, tx, next)
	})
	if err != nil {
		return c, fmt.Errorf("correct issue %d: %w", c.IssueID, err)
	}
	return c, nil
}

// tidy makes paragraphs of the text, a line each.
func (c *Correction) tidy() error {
	var lines []string
	for line := range strings.Lines(c.Text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	c.Text = strings.Join(lines, "\n")
	switch n := utf8.RuneCountInString(c.Text); {
	case n == 0:
		return ErrCorrection("say what was wrong, and what is right")
	case n > MaxCorrection:
		return ErrCorrection(fmt.Sprintf("it has %d characters, %d at most: a correction says what was wrong and what is right; the story has room for the rest", n, MaxCorrection))
	}
	return nil
}

// editionHad is the edition of that name which readers of an issue got; "" is the first.
func editionHad(ctx context.Context, q schema.Querier, i Issue, name string) (string, error) {
	had, err := schema.Each(ctx, q, schema.Column[string], `select name from editions where issue_id = $1 and revision = $2 and not text_only order by id`, i.ID, i.Revision)
	if err != nil || len(had) == 0 {
		return name, errors.Join(err, notFound(sql.ErrNoRows, "edition of issue", i.ID))
	}
	if name == "" {
		return had[0], nil
	}
	if !slices.Contains(had, name) {
		return name, ErrCorrection(fmt.Sprintf("issue %d had no edition %q, but %s", i.ID, name, strings.Join(had, ", ")))
	}
	return name, nil
}

// waiting is the issue of a newsletter, after i, that waits for approval and goes out
// first, locked; without an id when there is none.
func (s *Store) waiting(ctx context.Context, tx *sql.Tx, i Issue) (Issue, error) {
	ids, err := schema.Each(ctx, tx, schema.Column[int64], `
		select id from issues where newsletter_id = $1 and number > $2 and state in ('draft', 'held') order by slot_at, id`, i.NewsletterID, i.Number)
	if err != nil {
		return Issue{}, err
	}
	for _, id := range ids {
		next, err := s.lock(ctx, tx, id)
		if err != nil {
			return Issue{}, err
		}
		if next.State == "draft" || next.State == "held" { // still
			return next, nil
		}
	}
	return Issue{}, nil
}

// toldSQL joins to corrections c of issues o the issue i that tells them: one that is
// still to go out, or whose readers got it. Of an issue that was left out, or had no
// such edition in the end, the next takes them over.
const toldSQL = ` from corrections c join issues o on o.id = c.issue_id
	left join issues i on i.id = c.told_in and (i.state in ('building', 'draft', 'held', 'approved', 'countdown') or ` + published + `
		and exists (select 1 from editions e where e.issue_id = i.id and e.revision = i.revision and e.name = c.edition))`

// takeCorrections has an issue that is being made tell what none tells yet.
func (s *Store) takeCorrections(ctx context.Context, tx *sql.Tx, next Issue) error {
	open, err := schema.Each(ctx, tx, scanCorrection, `select `+correctionColumns+toldSQL+`
		where o.newsletter_id = $1 and o.number < $2 and c.in_next and c.withdrawn_at is null and i.id is null order by c.id`, next.NewsletterID, next.Number)
	if err != nil {
		return err
	}
	for _, c := range open {
		if !slices.ContainsFunc(next.Spec.Editions, func(e EditionSpec) bool { return e.Name == c.Edition }) {
			continue
		}
		if _, err := tx.ExecContext(ctx, `update corrections set told_in = $2 where id = $1`, c.ID, next.ID); err != nil {
			return err
		}
	}
	return nil
}

// Withdraw takes a correction out of the archive, and out of an issue that waits for
// approval, which then has to be sealed again: that issue's id is returned, 0 = none.
// ErrState while an approved issue tells it.
func (s *Store) Withdraw(ctx context.Context, issue, id int64) (waits int64, err error) {
	err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
		waits = 0
		c, err := scanCorrection(tx.QueryRowContext(ctx, `select `+correctionColumns+toldSQL+` where c.id = $1 and c.issue_id = $2`, id, issue))
		if err != nil {
			return notFound(err, "correction", id)
		}
		if c.ToldIn != 0 {
			next, err := s.lock(ctx, tx, c.ToldIn)
			if err != nil {
				return err
			}
			switch next.State {
			case "approved", "countdown":
				return fmt.Errorf("issue %d tells it and is approved: hold that issue first: %w", next.ID, ErrState)
			case "building", "draft", "held":
				if _, err := tx.ExecContext(ctx, `update corrections set told_in = null where id = $1`, id); err != nil {
					return err
				}
				if next.State != "building" {
					waits = next.ID
				}
			}
		}
		_, err = tx.ExecContext(ctx, `update corrections set withdrawn_at = coalesce(withdrawn_at, $2) where id = $1`, id, schema.At(s.Now()))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("withdraw correction %d of issue %d: %w", id, issue, err)
	}
	return waits, nil
}

// Corrections are those of issues that stand in the archive, by issue, the oldest first.
func (s *Store) Corrections(ctx context.Context, issues ...int64) (map[int64][]Correction, error) {
	among, arg := s.DB.Engine.Among("c.issue_id", 1, issues)
	list, err := schema.Each(ctx, s.DB.Read, scanCorrection, `select `+correctionColumns+toldSQL+` where `+among+` and c.withdrawn_at is null order by c.id`, arg)
	if err != nil {
		return nil, fmt.Errorf("corrections of issues: %w", err)
	}
	by := map[int64][]Correction{}
	for _, c := range list {
		by[c.IssueID] = append(by[c.IssueID], c)
	}
	return by, nil
}

// told are the corrections that an issue has in its mails, the oldest first.
func (s *Store) told(ctx context.Context, issue int64) ([]Correction, error) {
	list, err := schema.Each(ctx, s.DB.Read, scanCorrection, `select `+correctionColumns+toldSQL+` where c.told_in = $1 order by c.id`, issue)
	if err != nil {
		return nil, fmt.Errorf("corrections told in issue %d: %w", issue, err)
	}
	return list, nil
}

const correctionColumns = `c.id, c.issue_id, o.number, o.slot_at, c.edition, c.body, c.in_next, c.made_by, c.made_at, coalesce(i.id, 0), coalesce(i.number, 0), c.withdrawn_at`

func scanCorrection(r schema.Row) (c Correction, err error) {
	var slot, made, withdrawn schema.Time
	err = r.Scan(&c.ID, &c.IssueID, &c.Number, &slot, &c.Edition, &c.Text, &c.InNext, &c.By, &made, &c.ToldIn, &c.ToldNumber, &withdrawn)
	c.SlotAt, c.At, c.Withdrawn = slot.Time, made.Time, withdrawn.Time
	return c, err
}
