package digest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// Issue is what a slot produced.
type Issue struct {
	ID           int64  `json:"id"`
	NewsletterID int64  `json:"newsletter_id"`
	Newsletter   string `json:"newsletter"`
	SlotID       int64  `json:"slot_id"`
	Number       int    `json:"number"`
	LinkKey      string `json:"-"` // in the link of its mails: shows a reader of a private newsletter its page
	State        string `json:"state"`
	Reason       string `json:"reason,omitempty"`
	Spec         Spec   `json:"-"`
	Subject      string `json:"subject,omitempty"` // an editor's; "" = each edition's own
	Preheader    string `json:"preheader,omitempty"`
	// WrittenOver are the stories that an editor's subject and preheader speak of,
	// as the issue was when they were saved.
	WrittenOver []int64   `json:"written_over,omitempty"`
	RankedBy    string    `json:"ranked_by"` // views | snapshot | date
	ViewsAt     time.Time `json:"views_at,omitzero"`
	// Rankings is how each edition was chosen, by name.
	Rankings   map[string]Ranking `json:"rankings,omitempty"`
	Revision   int                `json:"revision"` // of the sealed editions; 0 = not sealed
	Asked      int                `json:"-"`        // revision that the approvers were called for last; 0 = they were not
	Audience   int                `json:"audience"` // frozen at start
	ApprovedBy string             `json:"approved_by,omitempty"`
	SlotAt     time.Time          `json:"slot_at"`
	Created    time.Time          `json:"created_at"`
	Approved   time.Time          `json:"approved_at,omitzero"`
	Starts     time.Time          `json:"starts_at,omitzero"` // end of the countdown
	AtOnce     bool               `json:"at_once"`            // sent by hand: neither the slot nor waves are waited for
	Started    time.Time          `json:"started_at,omitzero"`
	Sent       time.Time          `json:"sent_at,omitzero"`
	Closed     time.Time          `json:"closed_at,omitzero"`
}

const issueColumns = `i.id, i.newsletter_id, n.name, coalesce(i.slot_id, 0), i.number, i.link_key, i.state, i.reason, i.spec, i.subject, i.preheader, i.written_over, i.ranked_by,
	i.views_at, i.revision, i.asked, i.audience, i.approved_by, i.slot_at, i.created_at, i.approved_at, i.starts_at, i.at_once, i.started_at, i.sent_at, i.closed_at, i.rankings`

func scanIssue(r schema.Row) (Issue, error) {
	var i Issue
	var spec, rankings, over []byte
	var views, slot, created, approved, starts, started, sent, closed schema.Time
	err := r.Scan(&i.ID, &i.NewsletterID, &i.Newsletter, &i.SlotID, &i.Number, &i.LinkKey, &i.State, &i.Reason, &spec, &i.Subject, &i.Preheader, &over, &i.RankedBy,
		&views, &i.Revision, &i.Asked, &i.Audience, &i.ApprovedBy, &slot, &created, &approved, &starts, &i.AtOnce, &started, &sent, &closed, &rankings)
	if err != nil {
		return i, err
	}
	i.ViewsAt, i.SlotAt, i.Created, i.Approved = views.Time, slot.Time, created.Time, approved.Time
	i.Starts, i.Started, i.Sent, i.Closed = starts.Time, started.Time, sent.Time, closed.Time
	return i, errors.Join(json.Unmarshal(spec, &i.Spec), json.Unmarshal(rankings, &i.Rankings), json.Unmarshal(over, &i.WrittenOver))
}

// Issue finds an issue by id.
func (s *Store) Issue(ctx context.Context, id int64) (Issue, error) {
	return s.IssueIn(ctx, s.DB.Read, id)
}

// IssueIn is Issue for those who need it inside a transaction.
func (s *Store) IssueIn(ctx context.Context, q schema.Querier, id int64) (Issue, error) {
	i, err := scanIssue(q.QueryRowContext(ctx, `select `+issueColumns+` from issues i join newsletters n on n.id = i.newsletter_id where i.id = $1`, id))
	return i, notFound(err, "issue", id)
}

// IssueOfSlot finds the issue a slot produced.
func (s *Store) IssueOfSlot(ctx context.Context, slot int64) (Issue, error) {
	i, err := scanIssue(s.DB.Read.QueryRowContext(ctx, `select `+issueColumns+` from issues i join newsletters n on n.id = i.newsletter_id where i.slot_id = $1`, slot))
	return i, notFound(err, "issue of slot", slot)
}

// IssuesIn lists the issues in any of the states, the oldest slot first.
func (s *Store) IssuesIn(ctx context.Context, states ...string) ([]Issue, error) {
	list, err := json.Marshal(states)
	if err != nil {
		return nil, err
	}
	in := `(select value from json_each($1))`
	if s.DB.Engine == schema.Postgres {
		in = `(select jsonb_array_elements_text(cast($1 as jsonb)))`
	}
	return schema.Each(ctx, s.DB.Read, scanIssue,
		`select `+issueColumns+` from issues i join newsletters n on n.id = i.newsletter_id where i.state in `+in+` order by i.slot_at, i.id`, string(list))
}

// Issues lists the newest issues, at most limit, of one newsletter or (0) of all.
func (s *Store) Issues(ctx context.Context, newsletter int64, limit int) ([]Issue, error) {
	where, args := "", []any{limit}
	if newsletter != 0 {
		where, args = "where i.newsletter_id = $2", append(args, newsletter)
	}
	return schema.Each(ctx, s.DB.Read, scanIssue, issuesSQL(where), args...)
}

// issuesSQL lists the newest issues, $1 at most, that where chooses.
func issuesSQL(where string) string {
	return `select ` + issueColumns + ` from issues i join newsletters n on n.id = i.newsletter_id ` + where + ` order by i.slot_at desc, i.id desc limit $1`
}

// MoveIssue takes an issue from one of the states to another and stores why.
// ErrState when it is in none of them: of two who try, one wins.
func (s *Store) MoveIssue(ctx context.Context, q schema.Querier, id int64, to, reason string, from ...string) error {
	column := map[string]string{"approved": "approved_at", "sending": "started_at", "sent": "sent_at", "closed": "closed_at"}[to]
	set := ""
	if column != "" {
		set = ", " + column + " = coalesce(" + column + ", $5)"
	}
	for _, f := range from {
		if !IssueMoves.Allowed(f, to) {
			return fmt.Errorf("issue %d from %s to %s: %w", id, f, to, ErrState)
		}
		args := []any{id, f, to, reason}
		if set != "" {
			args = append(args, schema.At(s.Now()))
		}
		res, err := q.ExecContext(ctx, `update issues set state = $3, reason = $4`+set+` where id = $1 and state = $2`, args...)
		if err != nil {
			return fmt.Errorf("issue %d to %s: %w", id, to, err)
		}
		if n, _ := res.RowsAffected(); n == 1 {
			return nil
		}
	}
	var state string
	if err := q.QueryRowContext(ctx, `select state from issues where id = $1`, id).Scan(&state); err != nil {
		return notFound(err, "issue", id)
	}
	return fmt.Errorf("issue %d is %s; it can become %s from %s: %w", id, state, to, strings.Join(from, ", "), ErrState)
}

// Ask notes inside tx that the approvers are called for a revision. ErrState when they
// have been: of two who would call them, one does.
func (s *Store) Ask(ctx context.Context, tx *sql.Tx, id int64, revision int) error {
	res, err := tx.ExecContext(ctx, `update issues set asked = $2 where id = $1 and asked < $2`, id, revision)
	if err != nil {
		return fmt.Errorf("ask about issue %d: %w", id, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fmt.Errorf("the approvers were called for issue %d: %w", id, ErrState)
	}
	return nil
}

// AtOnce has an approved issue go out without waiting for its slot.
func (s *Store) AtOnce(ctx context.Context, id int64) error {
	if _, err := s.DB.Write.ExecContext(ctx, `update issues set at_once = true where id = $1 and state in ('approved', 'countdown')`, id); err != nil {
		return fmt.Errorf("issue %d at once: %w", id, err)
	}
	return nil
}

// Start compare-and-sets an approved issue to sending inside tx and returns
// it. The caller freezes the audience in the same transaction.
func (s *Store) Start(ctx context.Context, tx *sql.Tx, id int64) (Issue, error) {
	if err := s.MoveIssue(ctx, tx, id, "sending", "", "approved", "countdown"); err != nil {
		return Issue{}, err
	}
	return s.IssueIn(ctx, tx, id)
}

// Frozen stores the size of the audience and finishes the slot.
func (s *Store) Frozen(ctx context.Context, tx *sql.Tx, i Issue, audience int) error {
	if _, err := tx.ExecContext(ctx, `update issues set audience = $2 where id = $1`, i.ID, audience); err != nil {
		return err
	}
	return s.finishSlot(ctx, tx, i, "done", "")
}

// Newest is the issue of a newsletter that somebody who joins now may still get: the
// newest one, if it goes out or has gone out and no story of it was taken back since.
// ErrNotFound when there is none, as while the next one is in the making.
func (s *Store) Newest(ctx context.Context, newsletter int64) (Issue, error) {
	i, err := scanIssue(s.DB.Read.QueryRowContext(ctx, `select `+issueColumns+` from issues i join newsletters n on n.id = i.newsletter_id
		where i.newsletter_id = $1 and i.state not in ('skipped', 'cancelled', 'failed') order by i.slot_at desc, i.id desc limit 1`, newsletter))
	if err == nil && !slices.Contains([]string{"sending", "sent", "closed"}, i.State) {
		err = sql.ErrNoRows
	}
	if err != nil {
		return i, notFound(err, "newest issue of newsletter", newsletter)
	}
	var back int
	err = s.DB.Read.QueryRowContext(ctx, `
		select count(*) + (select count(*) from corrections w where w.issue_id = $1 and w.withdrawn_at is null)
		from issue_stories c join stories s on s.id = c.story_id left join stories h on h.id = s.merged_into
		where c.issue_id = $1 and c.state = 'in' and coalesce(h.state, s.state) <> 'live'`, i.ID).Scan(&back)
	if err == nil && back > 0 {
		err = sql.ErrNoRows
	}
	return i, notFound(err, "issue of which nothing was taken back, of newsletter", newsletter)
}

// Reopen counts more readers in the audience of an issue that has gone out, and takes
// a closed one back to sent, first of all in the transaction that queues copies: who
// closes, pauses or cancels it waits.
func (s *Store) Reopen(ctx context.Context, tx *sql.Tx, id int64, more int) error {
	_, err := tx.ExecContext(ctx, `update issues set audience = audience + $2, state = case when state = 'closed' then 'sent' else state end where id = $1`, id, more)
	if err != nil {
		return fmt.Errorf("open issue %d again: %w", id, err)
	}
	return nil
}

// UsualAudience is how many readers the newsletter's issues usually go to: the
// median of the last five that were started before i. 0 when there was none.
func (s *Store) UsualAudience(ctx context.Context, i Issue) (int, error) {
	sizes, err := schema.Each(ctx, s.DB.Read, schema.Column[int],
		`select audience from issues where newsletter_id = $1 and id <> $2 and started_at is not null order by started_at desc limit 5`, i.NewsletterID, i.ID)
	if err != nil || len(sizes) == 0 {
		return 0, err
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2], nil
}

// Unapproved is the reason of an issue that is held because its slot has come and
// nobody has decided about it.
const Unapproved = "waits for approval"

// Overdue reports whether the time of an issue that goes out by itself passed more
// than its grace ago: while nothing ran, or nothing could. What is begun late, and
// approved or counted down after its slot, has its time then.
func (s *Store) Overdue(i Issue) bool {
	switch {
	case i.State == "approved", i.State == "countdown", i.State == "draft" && i.Spec.Approval == "send":
		return s.Now().Sub(later(later(i.SlotAt, i.Created), later(i.Approved, i.Starts))) > time.Duration(i.Spec.Grace)
	}
	return false
}

// Miss holds an issue whose time is over and records its slot as missed.
func (s *Store) Miss(ctx context.Context, i Issue, reason string) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := s.MoveIssue(ctx, tx, i.ID, "held", reason, i.State); err != nil {
			return err
		}
		return s.finishSlot(ctx, tx, i, "missed", reason)
	})
}

// Leave takes an issue out: skipped, cancelled or failed, with the reason, and
// finishes its slot. Issues that are being sent can only be cancelled.
func (s *Store) Leave(ctx context.Context, id int64, to, reason string) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		i, err := s.IssueIn(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := s.MoveIssue(ctx, tx, id, to, reason, i.State); err != nil {
			return err
		}
		return s.finishSlot(ctx, tx, i, "skipped", reason)
	})
}

func (s *Store) finishSlot(ctx context.Context, tx *sql.Tx, i Issue, to, reason string) error {
	if i.SlotID == 0 {
		return nil
	}
	err := s.MoveSlot(ctx, tx, i.SlotID, "running", to, reason)
	if errors.Is(err, ErrState) {
		return nil // finished already
	}
	return err
}

// UseStories notes that the newsletter's readers have seen the stories of a
// revision. It is called once the first delivery is accepted or uncertain.
func (s *Store) UseStories(ctx context.Context, i Issue) error {
	_, err := s.DB.Write.ExecContext(ctx, `
		insert into used_stories (newsletter_id, story_id, issue_id, used_at)
		select distinct cast($1 as bigint), story_id, issue_id, cast($3 as bigint) from issue_stories where issue_id = $2 and state = 'in'
		on conflict (newsletter_id, story_id) do update set issue_id = excluded.issue_id, used_at = excluded.used_at
			where excluded.issue_id > used_stories.issue_id -- told again, as updated`, i.NewsletterID, i.ID, schema.At(s.Now()))
	if err != nil {
		return fmt.Errorf("note used stories of issue %d: %w", i.ID, err)
	}
	return nil
}

// IssueByNumber finds a newsletter's issue by its number.
func (s *Store) IssueByNumber(ctx context.Context, newsletter int64, number int) (Issue, error) {
	i, err := scanIssue(s.DB.Read.QueryRowContext(ctx, `select `+issueColumns+` from issues i join newsletters n on n.id = i.newsletter_id
		where i.newsletter_id = $1 and i.number = $2`, newsletter, number))
	return i, notFound(err, "issue number", number)
}
