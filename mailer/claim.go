package mailer

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// A job is a claimed delivery or letter on its way through this process.
type job struct {
	kind       kind
	id, fence  int64
	part       int64 // of an audience, where its reader stands; 0: it has a row
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
	lane       *lane     // deliveries: by which it goes; nil: none yet
	minute     int64     // in which its part of the lane's quota was taken; 0: none was
}

// kind is the table a job belongs to.
type kind string

const (
	delivery kind = "deliveries"
	letter   kind = "letters"
)

// closed are issues of which nothing may begin now.
const closed = `select issue_id from sends where state <> 'open' or opens_at > $1 or closes_at <= $1`

// due is what can be claimed. The first condition is that of the index
// deliveries_due, which also holds what is claimed.
const due = `done_at is null and state in ('queued', 'deferred', 'uncertain') and next_at <= $1`

// claimSQL takes what is due, oldest first; what has expired keeps its state. No
// column of an index changes, so that a claim writes each row and nothing else.
// PostgreSQL skips rows that another process is claiming,
// the one clause which SQLite, with its single writer, neither knows nor needs.
func claimSQL(k kind, e schema.Engine) string {
	table, open, columns := string(k), "", "0, coalesce(subscriber_id, 0), 0, expires_at, created_at, message_id, created_at, kind, address, envelope_from, message"
	if k == delivery {
		open = "and issue_id not in (" + closed + ")"
		columns = "issue_id, subscriber_id, edition_id, expires_at, due_at, message_id, date_at"
	}
	which, lock := "id in (select id", ""
	if e == schema.Postgres {
		which, lock = "ctid = any(array(select ctid", "for update skip locked)"
	}
	return fmt.Sprintf(`
		update %s set
			owner = $2, fence = fence + 1, claimed_at = $1,
			resent = (resent or state = 'uncertain' and expires_at > $1),
			state = case when expires_at > $1 then 'claimed' else state end
		where %s from %s where %s %s order by next_at, id limit $3 %s)
		returning id, state, fence, attempts, %s`, table, which, table, due, open, lock, columns)
}

// claim takes up to limit deliveries that are due for a lane, with their
// recipients as things stand now. In the same transaction those who may not be
// written to are withheld, those whose operator wants less are put off, and the
// lane's quota is taken; full says that nothing is left of that.
func (s *sending) claim(ctx context.Context, l *lane, limit int) (jobs []*job, full bool, err error) {
	var drawn []*job
	done := s.doneParts()
	err = s.m.DB.InTx(ctx, func(tx *sql.Tx) error {
		jobs, drawn, full = nil, nil, false
		if err := s.register(ctx, tx); err != nil {
			return err
		}
		if err := s.clear(ctx, tx, done); err != nil {
			return err
		}
		n, err := s.left(ctx, tx, l, limit)
		if full = n == 0; err != nil || full {
			return err
		}
		// First turns before second ones: who was in flight when a process ended must
		// not be so at each of its next ends.
		drawn, err = s.draw(ctx, tx, n)
		if err != nil {
			return err
		}
		claimed := drawn
		if len(claimed) < n {
			again, err := s.take(ctx, tx, delivery, n-len(claimed))
			if err != nil {
				return err
			}
			claimed = append(claimed, again...)
		}
		if jobs, err = s.addressed(ctx, tx, claimed); err != nil {
			return err
		}
		if jobs, err = s.paced(ctx, tx, l, jobs); err != nil {
			return err
		}
		return s.spend(ctx, tx, l, jobs)
	})
	if err != nil {
		return nil, false, fmt.Errorf("claim deliveries: %w", err)
	}
	s.cleared(done)
	s.stand(drawn, jobs)
	return jobs, full, nil
}

// putOffMost bounds for how long a delivery is put off at once.
const putOffMost = 5 * time.Minute

// paced puts off the jobs whose operator wants no more just now, and returns the
// others. They come back at different times, so that he gets what he wants.
func (s *sending) paced(ctx context.Context, tx *sql.Tx, l *lane, jobs []*job) ([]*job, error) {
	now := s.m.now()
	var ready, off []*job
	var next []int64
	for _, j := range jobs {
		wait, ok := s.paces.take(l, j.to.Address, now)
		if ok {
			j.lane = l
			ready = append(ready, j)
			continue
		}
		// The more of them wait, the longer.
		wait += time.Duration(rand.Float64() * float64(min(time.Duration(len(off))*wait, putOffMost)))
		off, next = append(off, j), append(next, schema.Millis(now.Add(wait)))
	}
	if len(off) == 0 {
		return ready, nil
	}
	if err := s.putOff(ctx, tx, off, next); err != nil {
		return nil, fmt.Errorf("put off deliveries: %w", err)
	}
	return ready, nil
}

func (s *sending) putOff(ctx context.Context, tx *sql.Tx, jobs []*job, next []int64) error {
	if err := s.writeDown(ctx, tx, jobs); err != nil {
		return err
	}
	if s.m.DB.Engine == schema.Postgres {
		ids := make([]int64, len(jobs))
		for i, j := range jobs {
			ids[i] = j.id
		}
		_, err := tx.ExecContext(ctx, `
			update deliveries d set state = 'queued', owner = '', next_at = r.next
			from unnest(cast($1 as bigint[]), cast($2 as bigint[])) as r (id, next) where d.id = r.id`, ids, next)
		return err
	}
	stmt, err := tx.PrepareContext(ctx, `update deliveries set state = 'queued', owner = '', next_at = $1 where id = $2`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for i, j := range jobs {
		if _, err := stmt.ExecContext(ctx, next[i], j.id); err != nil {
			return err
		}
	}
	return nil
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
	var expired []int64
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
			expired = append(expired, j.id)
			continue
		}
		j.attempt++
		j.date = date.Time
		jobs = append(jobs, j)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	rows.Close()
	if err := s.expire(ctx, tx, k, expired); err != nil {
		return nil, err
	}
	slices.SortFunc(jobs, func(a, b *job) int { return int(a.id - b.id) })
	return jobs, nil
}

// tooLate is why a delivery expired.
const tooLate = "it was not accepted before it expired"

// expire ends what a claim has found too late.
func (s *sending) expire(ctx context.Context, tx *sql.Tx, k kind, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	among, arg := s.m.DB.Engine.Among("id", 2, ids)
	_, err := tx.ExecContext(ctx, `
		update `+string(k)+` set
			owner = '', reason = '`+tooLate+`', done_at = $1,
			state = case when state = 'uncertain' then 'parked' else 'expired' end
		where `+among, s.m.nowMillis(), arg)
	return err
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
	if err := s.writeDown(ctx, tx, slices.Collect(maps.Values(waiting))); err != nil {
		return fmt.Errorf("withhold deliveries: %w", err)
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
		open = "and issue_id not in (" + closed + ")"
	}
	var one int
	if k == delivery {
		err := s.m.DB.Read.QueryRowContext(ctx, `select 1 from audience_parts where owner = '' and due_at <= $1 `+open+` limit 1`, s.m.nowMillis()).Scan(&one)
		if err == nil {
			return true
		}
	}
	err := s.m.DB.Read.QueryRowContext(ctx, strings.Join([]string{`select 1 from`, string(k), `where`, due, open, `order by next_at, id limit 1`}, " "), s.m.nowMillis()).Scan(&one)
	return err == nil
}
