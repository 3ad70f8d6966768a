package mailer

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// An audience is frozen as ids, 250 readers a row at most: a million are
// written in the time of fifty thousand deliveries. Whoever stands in a part has
// no delivery yet, which means that his is queued; its row is written when it is
// claimed, or when it ends otherwise.

// freezeAtOnce bounds what one statement of a freeze sorts, in memory on SQLite:
// 40 MB for a million readers.
const freezeAtOnce = 100_000

// freezeSQL writes the next readers that query yields down as parts. Its last
// arguments, from n on, are the issue, how long a delivery lives, and the reader
// after whom they are.
func freezeSQL(query string, n int) string {
	return fmt.Sprintf(`
		insert into audience_parts (issue_id, edition_id, due_at, expires_at, first_id, last_id, readers, ids)
		select cast($%d as bigint), a.edition_id, a.due_at, a.due_at + cast($%d as bigint), min(a.subscriber_id), max(a.subscriber_id),
			count(*), string_agg(cast(a.subscriber_id as text), ',')
		from (select * from (%s) q where q.subscriber_id > $%d order by q.subscriber_id limit %d) a
		group by a.subscriber_id / 250, a.edition_id, a.due_at
		order by min(a.subscriber_id)`, n, n+1, query, n+2, freezeAtOnce)
}

// part is a piece of an audience.
type part struct {
	id, issue, edition, due, expires int64
	ids                              []int64
}

// nextPart is the part that is due first; nil when there is none.
func (s *sending) nextPart(ctx context.Context, tx *sql.Tx) (*part, error) {
	lock := ""
	if s.m.DB.Engine == schema.Postgres {
		lock = "for update skip locked"
	}
	var p part
	var ids string
	err := tx.QueryRowContext(ctx, `
		select id, issue_id, edition_id, due_at, expires_at, ids from audience_parts
		where due_at <= $1 and issue_id not in (`+closed+`) order by due_at, id limit 1 `+lock, s.m.nowMillis()).
		Scan(&p.id, &p.issue, &p.edition, &p.due, &p.expires, &ids)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for text := range strings.SplitSeq(ids, ",") {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("part %d of an audience: %w", p.id, err)
		}
		p.ids = append(p.ids, id)
	}
	slices.Sort(p.ids)
	return &p, nil
}

// draw claims up to limit deliveries of readers who have none yet.
func (s *sending) draw(ctx context.Context, tx *sql.Tx, limit int) ([]*job, error) {
	var jobs []*job
	for len(jobs) < limit {
		p, err := s.nextPart(ctx, tx)
		if p == nil || err != nil {
			return jobs, err
		}
		if p.expires <= s.m.nowMillis() {
			if _, err := s.m.layOut(ctx, tx, StateExpired, tooLate, "id = $4", p.id); err != nil {
				return nil, err
			}
			continue
		}
		n := min(limit-len(jobs), len(p.ids))
		drawn, err := s.claimNew(ctx, tx, p, p.ids[:n])
		if err != nil {
			return nil, err
		}
		if err := shorten(ctx, tx, p, n); err != nil {
			return nil, err
		}
		jobs = append(jobs, drawn...)
	}
	return jobs, nil
}

// claimNew writes the deliveries of readers of a part, claimed.
func (s *sending) claimNew(ctx context.Context, tx *sql.Tx, p *part, readers []int64) ([]*job, error) {
	each, list := "unnest(cast($7 as bigint[])) as r(value)", any(readers)
	if s.m.DB.Engine == schema.SQLite {
		text, err := json.Marshal(readers)
		if err != nil {
			return nil, err
		}
		each, list = "json_each($7) r", string(text)
	}
	rows, err := tx.QueryContext(ctx, `
		insert into deliveries (issue_id, subscriber_id, edition_id, state, owner, fence, due_at, expires_at, next_at, claimed_at)
		select cast($1 as bigint), r.value, cast($2 as bigint), 'claimed', cast($3 as text), 1, cast($4 as bigint), cast($5 as bigint), cast($4 as bigint), cast($6 as bigint)
		from `+each+` returning id, subscriber_id`, p.issue, p.edition, s.owner, p.due, p.expires, s.m.nowMillis(), list)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	now := time.Now()
	jobs := make([]*job, 0, len(readers))
	for rows.Next() {
		j := &job{kind: delivery, issue: p.issue, edition: p.edition, dueAt: p.due, expires: p.expires, fence: 1, attempt: 1, claimed: now}
		if err := rows.Scan(&j.id, &j.subscriber); err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, rows.Err()
}

// shorten takes the first n readers out of a part.
func shorten(ctx context.Context, tx *sql.Tx, p *part, n int) error {
	if n == len(p.ids) {
		_, err := tx.ExecContext(ctx, `delete from audience_parts where id = $1`, p.id)
		return err
	}
	rest := make([]string, 0, len(p.ids)-n)
	for _, id := range p.ids[n:] {
		rest = append(rest, strconv.FormatInt(id, 10))
	}
	_, err := tx.ExecContext(ctx, `update audience_parts set first_id = $1, readers = $2, ids = $3 where id = $4`, p.ids[n], len(rest), strings.Join(rest, ","), p.id)
	return err
}

// eachReader joins the readers of parts a, one a row, as r.value.
func eachReader(e schema.Engine) string {
	if e == schema.Postgres {
		return "unnest(cast(string_to_array(a.ids, ',') as bigint[])) as r(value)"
	}
	return "json_each('[' || a.ids || ']') r"
}

// layOut writes the deliveries of all readers in the parts that where chooses by
// arg, its $4, and returns how many.
func (m *Mailer) layOut(ctx context.Context, tx *sql.Tx, state State, reason, where string, arg any) (int, error) {
	parts := `from audience_parts where ` + strings.ReplaceAll(where, "$4", "$1")
	if m.DB.Engine == schema.Postgres { // a claim may be taking readers out of one
		if _, err := tx.ExecContext(ctx, `select id `+parts+` for update`, arg); err != nil {
			return 0, fmt.Errorf("lay the audience out: %w", err)
		}
	}
	var done any
	if state.Done() {
		done = m.nowMillis()
	}
	res, err := tx.ExecContext(ctx, `
		insert into deliveries (issue_id, subscriber_id, edition_id, state, reason, due_at, expires_at, next_at, done_at)
		select a.issue_id, r.value, a.edition_id, cast($1 as text), cast($2 as text), a.due_at, a.expires_at, a.due_at, cast($3 as bigint)
		from audience_parts a, `+eachReader(m.DB.Engine)+` where a.`+where, state, reason, done, arg)
	if err != nil {
		return 0, fmt.Errorf("lay the audience out: %w", err)
	}
	n, err := res.RowsAffected()
	if err == nil {
		_, err = tx.ExecContext(ctx, `delete `+parts, arg)
	}
	if err != nil {
		return 0, fmt.Errorf("lay the audience out: %w", err)
	}
	return int(n), nil
}

// waiting returns the delivery that a reader in a part will have.
func (m *Mailer) waiting(ctx context.Context, issue, subscriber int64) (Delivery, bool, error) {
	d := Delivery{Issue: issue, Subscriber: subscriber, State: StateQueued}
	var due, expires schema.Time
	err := m.DB.Read.QueryRowContext(ctx, `
		select edition_id, due_at, expires_at from audience_parts
		where issue_id = $1 and first_id <= $2 and last_id >= $2 and ',' || ids || ',' like $3`, issue, subscriber, fmt.Sprintf("%%,%d,%%", subscriber)).
		Scan(&d.Edition, &due, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return d, false, nil
	}
	d.DueAt, d.ExpiresAt, d.NextAt = due.Time, expires.Time, due.Time
	return d, err == nil, err
}

// anyWaiting says whether an issue has readers without a delivery.
func (m *Mailer) anyWaiting(ctx context.Context, issue int64) (some bool, err error) {
	err = m.DB.Read.QueryRowContext(ctx, `select exists (select 1 from audience_parts where issue_id = $1)`, issue).Scan(&some)
	return some, err
}

// beside puts the readers in parts between the rows of a list of deliveries, which
// query chooses and order sorts: it returns a query for both that has the same
// arguments, the issue and the subscriber before the list being $1 and $2.
//
// No more than n are looked at: that many parts hold the first n readers, a
// reader being first in each, and some more those that the list begins within.
func (m *Mailer) beside(query, order string, n int) string {
	const within = 1000 // more than there are editions and waves
	edge := "first_id"
	if strings.HasSuffix(order, "desc") {
		edge = "last_id desc"
	}
	return fmt.Sprintf(`
		with written as (%s %s limit %d), waiting as (
			select 0, a.issue_id, r.value as subscriber_id, a.edition_id, 'queued', '', 0, '', '', '', '',
				0, '', '', '', false, false, a.due_at, a.expires_at, a.due_at, no.t, no.t, no.t, no.t, no.t
			from (select * from audience_parts where issue_id = $1 and last_id > $2 order by %s limit %d) a, %s, (select cast(null as bigint) as t) no
			where r.value > $2 %s limit %d)
		select * from (select * from written union all select * from waiting) d %s`,
		query, order, n, edge, n+within, eachReader(m.DB.Engine), order, n, order)
}
