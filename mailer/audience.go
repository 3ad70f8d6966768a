package mailer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// An audience is frozen as ids, 250 readers a row at most: a million are
// written in the time of fifty thousand deliveries. Whoever stands in a part and
// has no delivery is queued or, where the part has an owner, claimed. His row is
// written once, with what became of his first turn.

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
		where owner = '' and due_at <= $1 and issue_id not in (`+closed+`) order by due_at, id limit 1 `+lock, s.m.nowMillis()).
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

// draw claims up to limit readers who have no delivery yet.
func (s *sending) draw(ctx context.Context, tx *sql.Tx, limit int) ([]*job, error) {
	var jobs []*job
	for len(jobs) < limit {
		p, err := s.nextPart(ctx, tx)
		if p == nil || err != nil {
			return jobs, err
		}
		if p.expires <= s.m.nowMillis() {
			if _, err := s.m.layOut(ctx, tx, StateExpired, tooLate, "a.id = $1", p.id); err != nil {
				return nil, err
			}
			continue
		}
		drawn, err := s.drawFrom(ctx, tx, p, min(limit-len(jobs), len(p.ids)))
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, drawn...)
	}
	return jobs, nil
}

// drawFrom claims the first n readers of a part.
func (s *sending) drawFrom(ctx context.Context, tx *sql.Tx, p *part, n int) ([]*job, error) {
	held, err := s.cut(ctx, tx, p, n)
	if err != nil {
		return nil, err
	}
	numbers, err := s.m.newIDs(ctx, tx, n)
	if err != nil {
		return nil, fmt.Errorf("number deliveries: %w", err)
	}
	now := time.Now()
	jobs := make([]*job, n)
	for i := range jobs {
		jobs[i] = &job{
			kind: delivery, id: numbers[i], part: held, issue: p.issue, subscriber: p.ids[i], edition: p.edition,
			dueAt: p.due, expires: p.expires, fence: 1, attempt: 1, claimed: now,
		}
	}
	return jobs, nil
}

// cut makes a part of its own of the first n readers of p, for this process.
func (s *sending) cut(ctx context.Context, tx *sql.Tx, p *part, n int) (held int64, err error) {
	if n == len(p.ids) {
		_, err := tx.ExecContext(ctx, `update audience_parts set owner = $1, claimed_at = $2 where id = $3`, s.owner, s.m.nowMillis(), p.id)
		return p.id, err
	}
	err = tx.QueryRowContext(ctx, `
		insert into audience_parts (issue_id, edition_id, due_at, expires_at, first_id, last_id, readers, ids, owner, claimed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id`,
		p.issue, p.edition, p.due, p.expires, p.ids[0], p.ids[n-1], n, joined(p.ids[:n]), s.owner, s.m.nowMillis()).Scan(&held)
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `update audience_parts set first_id = $1, readers = $2, ids = $3 where id = $4`, p.ids[n], len(p.ids)-n, joined(p.ids[n:]), p.id)
	return held, err
}

// joined are ids as they stand in a part.
func joined(ids []int64) string {
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(text, ",")
}

// newIDs takes numbers for deliveries whose rows are yet to be written: a message
// bears its number.
func (m *Mailer) newIDs(ctx context.Context, tx *sql.Tx, n int) ([]int64, error) {
	if m.DB.Engine == schema.Postgres {
		return schema.Each(ctx, tx, schema.Column[int64], `select nextval('deliveries_id_seq') from generate_series(1, cast($1 as bigint))`, n)
	}
	var last int64
	err := tx.QueryRowContext(ctx, `update sqlite_sequence set seq = seq + $1 where name = 'deliveries' returning seq`, n).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) { // there has never been a delivery
		last = int64(n)
		_, err = tx.ExecContext(ctx, `insert into sqlite_sequence (name, seq) values ('deliveries', $1)`, last)
	}
	list := make([]int64, n)
	for i := range list {
		list[i] = last - int64(n-1-i)
	}
	return list, err
}

// firstRow begins the statements that write the row of a reader who stands in a
// part a as r.id and r.subscriber_id.
const firstRow = `
	insert into deliveries (issue_id, edition_id, due_at, expires_at, next_at, claimed_at, owner, fence, id, subscriber_id, state`

// writeDown writes the rows of jobs that have none, claimed: for what is not
// simply accepted. It changes nothing for those whose part is another process's
// now, or who have been written down.
func (s *sending) writeDown(ctx context.Context, tx *sql.Tx, jobs []*job) error {
	var numbers, subscribers, parts []int64
	for _, j := range jobs {
		if j.part != 0 {
			numbers, subscribers, parts = append(numbers, j.id), append(subscribers, j.subscriber), append(parts, j.part)
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	const row = firstRow + `) select a.issue_id, a.edition_id, a.due_at, a.expires_at, a.due_at, a.claimed_at, a.owner, 1, `
	if s.m.DB.Engine == schema.Postgres {
		_, err := tx.ExecContext(ctx, row+`r.id, r.subscriber_id, 'claimed'
			from unnest(cast($1 as bigint[]), cast($2 as bigint[]), cast($3 as bigint[])) as r (id, subscriber_id, part)
			join audience_parts a on a.id = r.part and a.owner = $4 on conflict do nothing`, numbers, subscribers, parts, s.owner)
		return err
	}
	stmt, err := tx.PrepareContext(ctx, row+`$1, $2, 'claimed' from audience_parts a where a.id = $3 and a.owner = $4 on conflict do nothing`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for i := range numbers {
		if _, err := stmt.ExecContext(ctx, numbers[i], subscribers[i], parts[i], s.owner); err != nil {
			return err
		}
	}
	return nil
}

// stand counts for each part drawn from how many of its readers are on their way.
func (s *sending) stand(drawn, jobs []*job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range drawn {
		s.parts[j.part] += 0
	}
	for _, j := range jobs {
		if j.part != 0 {
			s.parts[j.part]++
		}
	}
}

// doneParts are those of this process whose readers all have their rows.
func (s *sending) doneParts() (parts []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, left := range s.parts {
		if left == 0 {
			parts = append(parts, id)
		}
	}
	return parts
}

// clear deletes parts that are done.
func (s *sending) clear(ctx context.Context, q schema.Querier, parts []int64) error {
	if len(parts) == 0 {
		return nil
	}
	among, arg := s.m.DB.Engine.Among("id", 2, parts)
	if _, err := q.ExecContext(ctx, `delete from audience_parts where owner = $1 and `+among, s.owner, arg); err != nil {
		return fmt.Errorf("clear parts of an audience: %w", err)
	}
	return nil
}

// cleared forgets parts that are deleted.
func (s *sending) cleared(parts []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range parts {
		delete(s.parts, id)
	}
}

// tidy deletes what is done when no claim does.
func (s *sending) tidy(ctx context.Context) {
	parts := s.doneParts()
	if err := s.clear(ctx, s.m.DB.Write, parts); err == nil {
		s.cleared(parts)
	}
}

// unwritten chooses of the readers r.value of parts a those who have no row.
const unwritten = `(a.owner = '' or not exists (select 1 from deliveries d where d.issue_id = a.issue_id and d.subscriber_id = r.value))`

// eachReader joins the readers of parts a, one a row, as r.value.
func eachReader(e schema.Engine) string {
	if e == schema.Postgres {
		return "unnest(cast(string_to_array(a.ids, ',') as bigint[])) as r(value)"
	}
	return "json_each('[' || a.ids || ']') r"
}

// layOut writes the deliveries of all readers without one in the parts a that
// where chooses by arg, its $1, and returns how many.
func (m *Mailer) layOut(ctx context.Context, tx *sql.Tx, state State, reason, where string, arg any) (int, error) {
	n, err := m.layOutParts(ctx, tx, state, reason, where, arg)
	if err != nil {
		return 0, fmt.Errorf("lay the audience out: %w", err)
	}
	return n, nil
}

func (m *Mailer) layOutParts(ctx context.Context, tx *sql.Tx, state State, reason, where string, arg any) (int, error) {
	choose := `select a.id from audience_parts a where ` + where
	if m.DB.Engine == schema.Postgres { // a claim may be taking readers out of one
		choose += ` for update`
	}
	parts, err := schema.Each(ctx, tx, schema.Column[int64], choose, arg)
	if err != nil || len(parts) == 0 {
		return 0, err
	}
	var done any
	if state.Done() {
		done = m.nowMillis()
	}
	// These very parts: what where chooses may be others by now.
	among, list := m.DB.Engine.Among("a.id", 4, parts)
	res, err := tx.ExecContext(ctx, `
		insert into deliveries (issue_id, subscriber_id, edition_id, state, reason, due_at, expires_at, next_at, done_at)
		select a.issue_id, r.value, a.edition_id, cast($1 as text), cast($2 as text), a.due_at, a.expires_at, a.due_at, cast($3 as bigint)
		from audience_parts a, `+eachReader(m.DB.Engine)+` where `+unwritten+` and `+among, state, reason, done, list)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, err
	}
	among, list = m.DB.Engine.Among("id", 1, parts)
	_, err = tx.ExecContext(ctx, `delete from audience_parts where `+among, list)
	return int(n), err
}

// inPart chooses the part of issue $1 in which subscriber $2 stands; $3 is anywhere
// of him.
const inPart = `issue_id = $1 and first_id <= $2 and last_id >= $2 and ',' || ids || ',' like $3`

func anywhere(subscriber int64) string { return fmt.Sprintf("%%,%d,%%", subscriber) }

// waiting returns the delivery that a reader in a part will have.
func (m *Mailer) waiting(ctx context.Context, issue, subscriber int64) (Delivery, bool, error) {
	d := Delivery{Issue: issue, Subscriber: subscriber}
	var due, expires, claimed schema.Time
	err := m.DB.Read.QueryRowContext(ctx, `
		select edition_id, due_at, expires_at, claimed_at, case when owner = '' then 'queued' else 'claimed' end from audience_parts
		where `+inPart+`
			and (owner = '' or not exists (select 1 from deliveries where issue_id = $1 and subscriber_id = $2))`,
		issue, subscriber, anywhere(subscriber)).
		Scan(&d.Edition, &due, &expires, &claimed, &d.State)
	if errors.Is(err, sql.ErrNoRows) {
		return d, false, nil
	}
	d.DueAt, d.ExpiresAt, d.NextAt, d.ClaimedAt = due.Time, expires.Time, due.Time, claimed.Time
	return d, err == nil, err
}

// partsOf are the parts that a process holds.
func (m *Mailer) partsOf(ctx context.Context, owner string) ([]int64, error) {
	list, err := schema.Each(ctx, m.DB.Read, schema.Column[int64], `select id from audience_parts where owner = $1`, owner)
	if err != nil {
		return nil, fmt.Errorf("read parts that %s holds: %w", owner, err)
	}
	return list, nil
}

// anyWaiting says whether an issue has readers who stand in a part.
func (m *Mailer) anyWaiting(ctx context.Context, issue int64) (some bool, err error) {
	err = m.DB.Read.QueryRowContext(ctx, `select exists (select 1 from audience_parts where issue_id = $1)`, issue).Scan(&some)
	return some, err
}
