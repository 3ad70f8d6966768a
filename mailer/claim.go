package mailer

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// A job is a claimed delivery or letter on its way through this process.
type job struct {
	kind       kind
	id, fence  int64
	issue      int64 // deliveries only
	subscriber int64
	edition    int64
	attempt    int // this one, from 1
	expires    int64
	dueAt      int64
	messageID  string
	date       time.Time // of the Date header
	to         Recipient
	from       string // envelope sender
	wire       []byte // letters: ready to send
	signed     []byte // DKIM-Signature fields that go before it
	letter     string // letters: their kind
	content    *content
	claimed    time.Time // on this machine's steady clock
}

// kind is the table a job belongs to.
type kind string

const (
	delivery kind = "deliveries"
	letter   kind = "letters"
)

// due is what can be claimed. The first condition is that of the index
// deliveries_due, which also holds what is claimed.
const due = `done_at is null and state in ('queued', 'deferred', 'uncertain') and next_at <= $1`

// claimSQL takes what is due, oldest first. What has expired leaves the queue
// by the same statement. PostgreSQL skips rows that another process is claiming,
// the one clause which SQLite, with its single writer, neither knows nor needs.
func claimSQL(k kind, e schema.Engine) string {
	table, open, columns := string(k), "", "0, coalesce(subscriber_id, 0), 0, expires_at, created_at, message_id, created_at, kind, address, envelope_from, message"
	if k == delivery {
		open = "and issue_id not in (select issue_id from sends where state <> 'open')"
		columns = "issue_id, subscriber_id, edition_id, expires_at, due_at, message_id, date_at"
	}
	lock := ""
	if e == schema.Postgres {
		lock = "for update skip locked"
	}
	return fmt.Sprintf(`
		update %s set
			owner = $2, fence = fence + 1, claimed_at = $1,
			resent = (resent or state = 'uncertain' and expires_at > $1),
			state = case when expires_at > $1 then 'claimed' when state = 'uncertain' then 'parked' else 'expired' end,
			reason = case when expires_at > $1 then reason else 'it was not accepted before it expired' end,
			done_at = case when expires_at > $1 then null else cast($1 as bigint) end
		where id in (select id from %s where %s %s order by next_at, id limit $3 %s)
		returning id, state, fence, attempts, %s`, table, table, due, open, lock, columns)
}

// claim takes up to limit deliveries that are due, with their recipients as
// things stand now; those who may not be written to are withheld in the same
// transaction.
func (s *sending) claim(ctx context.Context, limit int) ([]*job, error) {
	var jobs []*job
	err := s.m.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := s.register(ctx, tx); err != nil {
			return err
		}
		claimed, err := s.take(ctx, tx, delivery, limit)
		if err != nil {
			return err
		}
		jobs, err = s.addressed(ctx, tx, claimed)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	return jobs, nil
}

func (s *sending) claimLetters(ctx context.Context, limit int) ([]*job, error) {
	var jobs []*job
	err := s.m.DB.InTx(ctx, func(tx *sql.Tx) (err error) {
		if err := s.register(ctx, tx); err != nil {
			return err
		}
		jobs, err = s.take(ctx, tx, letter, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim letters: %w", err)
	}
	return jobs, nil
}

// take marks rows as claimed. The rows are closed when it returns: nothing may
// wait while they hold SQLite's only writer.
func (s *sending) take(ctx context.Context, tx *sql.Tx, k kind, limit int) ([]*job, error) {
	rows, err := tx.QueryContext(ctx, claimSQL(k, s.m.DB.Engine), s.m.nowMillis(), s.owner, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	now := time.Now()
	var jobs []*job
	for rows.Next() {
		j := &job{kind: k, claimed: now}
		var state State
		var date schema.Time
		into := []any{&j.id, &state, &j.fence, &j.attempt, &j.issue, &j.subscriber, &j.edition, &j.expires, &j.dueAt, &j.messageID, &date}
		if k == letter {
			into = append(into, &j.letter, &j.to.Address, &j.from, &j.wire)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		if state != StateClaimed {
			continue // expired
		}
		j.attempt++
		j.date = date.Time
		jobs = append(jobs, j)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(jobs, func(a, b *job) int { return int(a.id - b.id) })
	return jobs, nil
}

// addressed asks for the recipients of claimed deliveries, issue by issue, and
// withholds the others.
func (s *sending) addressed(ctx context.Context, tx *sql.Tx, claimed []*job) ([]*job, error) {
	byIssue := map[int64]map[int64]*job{}
	var issues []int64
	for _, j := range claimed {
		if byIssue[j.issue] == nil {
			byIssue[j.issue] = map[int64]*job{}
			issues = append(issues, j.issue)
		}
		byIssue[j.issue][j.subscriber] = j
	}
	var out []*job
	for _, issue := range issues {
		waiting := byIssue[issue]
		ids := make([]int64, 0, len(waiting))
		for _, j := range claimed {
			if j.issue == issue {
				ids = append(ids, j.subscriber)
			}
		}
		to, withheld, err := s.m.Recipients(ctx, tx, issue, ids)
		if err != nil {
			return nil, fmt.Errorf("recipients of issue %d: %w", issue, err)
		}
		for _, r := range to {
			if j := waiting[r.ID]; j != nil {
				j.to = r
				out = append(out, j)
				delete(waiting, r.ID)
			}
		}
		if err := s.withhold(ctx, tx, waiting, withheld); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *sending) withhold(ctx context.Context, tx *sql.Tx, waiting map[int64]*job, withheld []Withheld) error {
	reasons := map[int64]string{}
	for _, w := range withheld {
		reasons[w.ID] = w.Reason
	}
	for id, j := range waiting {
		reason := reasons[id]
		if reason == "" {
			reason = "no such reader any more"
		}
		_, err := tx.ExecContext(ctx, `update deliveries set state = 'withheld', reason = $1, done_at = $2 where id = $3`, reason, s.m.nowMillis(), j.id)
		if err != nil {
			return fmt.Errorf("withhold delivery %d: %w", j.id, err)
		}
	}
	return nil
}

// anyDue says whether a claim would find something, without the write lock.
func (s *sending) anyDue(ctx context.Context, k kind) bool {
	open := ""
	if k == delivery {
		open = "and issue_id not in (select issue_id from sends where state <> 'open')"
	}
	var one int
	err := s.m.DB.Read.QueryRowContext(ctx, strings.Join([]string{`select 1 from`, string(k), `where`, due, open, `limit 1`}, " "), s.m.nowMillis()).Scan(&one)
	return err == nil
}
