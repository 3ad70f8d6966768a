package mailer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"pressrun/deploy/schema"
)

// plainSQL writes a whole batch at once on PostgreSQL, where each statement is
// a round trip to another process: results that are acceptances, the marks of
// the messages that go out next, and what is not in flight any more. SQLite has
// no arrays, and its statements cost microseconds.
//
// A take-over deletes the row of senders first. So either it waits until this
// statement is committed, and sees its marks; or alive is empty here, no mark
// stands, and nothing is written for those in an audience's part. Another result
// meets the new fence.
const plainSQL = `
	with alive as (select 1 from senders where owner = $1 for key share),
	%s,
	unmarked as (delete from in_flight where connection = any(cast($19 as text[])) and marked_at < $22)
	insert into in_flight (connection, owner, part_id, delivery_id, subscriber_id, fence, message_id, date_at, marked_at)
	%s
	on conflict (connection) do update set
		owner = excluded.owner, part_id = excluded.part_id, delivery_id = excluded.delivery_id, subscriber_id = excluded.subscriber_id,
		letter_id = null, fence = excluded.fence, message_id = excluded.message_id, date_at = excluded.date_at, marked_at = excluded.marked_at
	where in_flight.marked_at < excluded.marked_at
	returning connection`

// results and marks are plainSQL's two lists. claim is the part of an audience
// that a job is from, where it has no row, else its fence.
const (
	results = `
		unnest(cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as bigint[]), cast($5 as integer[]), cast($6 as text[]), cast($7 as text[]), cast($8 as text[]),
			cast($9 as integer[]), cast($10 as text[]), cast($11 as text[]), cast($12 as text[]), cast($13 as bigint[]), cast($14 as bigint[]))
			as r (id, claim, subscriber_id, attempts, message_id, hash, relay, code, enhanced, reply, queue_id, date_at, done_at)`
	marks = `
		unnest(cast($15 as text[]), cast($16 as bigint[]), cast($17 as bigint[]), cast($18 as bigint[]), cast($20 as text[]), cast($21 as bigint[]))
			as r (connection, id, claim, subscriber_id, message_id, date_at)`
)

// plainAgain writes what has its row, plainFirst what has none.
var (
	plainAgain = fmt.Sprintf(plainSQL, `
	accepted as (
		update deliveries d set
			state = 'accepted', reason = '', attempts = r.attempts, message_id = r.message_id, edition_hash = r.hash, relay = r.relay,
			phase = 'dot', code = r.code, enhanced = r.enhanced, reply = r.reply, queue_id = r.queue_id, date_at = r.date_at, done_at = r.done_at
		from `+results+` where d.id = r.id and d.owner = $1 and d.fence = r.claim)`, `
	select r.connection, d.owner, null, d.id, null, d.fence, r.message_id, r.date_at, $22
	from `+marks+` join deliveries d on d.id = r.id
	where d.owner = $1 and d.fence = r.claim and d.state = 'claimed' and exists (select 1 from alive)`)

	plainFirst = fmt.Sprintf(plainSQL, `
	a as materialized (
		select id, issue_id, edition_id, due_at, expires_at, claimed_at, owner from audience_parts
		where id = any(cast($23 as bigint[])) and owner = $1 and exists (select 1 from alive)),
	accepted as (`+firstRow+`, phase, attempts, message_id, edition_hash, relay, code, enhanced, reply, queue_id, date_at, done_at)
		select a.issue_id, a.edition_id, a.due_at, a.expires_at, a.due_at, a.claimed_at, a.owner, 1, r.id, r.subscriber_id, 'accepted', 'dot',
			r.attempts, r.message_id, r.hash, r.relay, r.code, r.enhanced, r.reply, r.queue_id, r.date_at, r.done_at
		from a, `+results+` where a.id = r.claim)`, `
	select r.connection, a.owner, a.id, r.id, r.subscriber_id, 1, r.message_id, r.date_at, $22
	from a, `+marks+` where a.id = r.claim`)
)

// plain is the statement that can write the batch, if there is one.
func plain(batch []*entry) string {
	first, again := true, true
	look := func(j *job) {
		first = first && j.part != 0
		again = again && j.part == 0 && j.kind == delivery
	}
	for _, e := range batch {
		if e.mark != nil {
			look(e.mark)
		}
		for _, r := range e.results {
			if r.state != StateAccepted {
				return ""
			}
			look(r.job)
		}
	}
	switch {
	case again: // also when there is nothing to write but what is not in flight any more
		return plainAgain
	case first:
		return plainFirst
	}
	return ""
}

// accepted and marked are the columns of plainSQL's two lists.
type accepted struct {
	ids, claims, subscribers, dates, done                   []int64
	attempts, codes                                         []int32
	messageIDs, hashes, relays, enhanced, replies, queueIDs []string
}

func (a *accepted) add(r *result) {
	j := r.job
	a.ids, a.claims, a.subscribers, a.attempts = append(a.ids, j.id), append(a.claims, j.standing()), append(a.subscribers, j.subscriber), append(a.attempts, int32(j.attempt))
	a.messageIDs, a.hashes, a.relays = append(a.messageIDs, j.messageID), append(a.hashes, j.hash()), append(a.relays, r.relay)
	a.codes, a.enhanced, a.replies = append(a.codes, int32(r.code)), append(a.enhanced, r.enhance), append(a.replies, r.reply)
	a.queueIDs, a.dates, a.done = append(a.queueIDs, r.queueID), append(a.dates, schema.Millis(j.date)), append(a.done, r.at)
}

type marked struct {
	conns, messageIDs               []string
	ids, claims, subscribers, dates []int64
}

func (m *marked) add(conn string, j *job) {
	m.conns, m.messageIDs = append(m.conns, conn), append(m.messageIDs, j.messageID)
	m.ids, m.claims = append(m.ids, j.id), append(m.claims, j.standing())
	m.subscribers, m.dates = append(m.subscribers, j.subscriber), append(m.dates, schema.Millis(j.date))
}

// standing is by what a job may be written: the part of an audience where it has no
// row, else its fence.
func (j *job) standing() int64 {
	if j.part != 0 {
		return j.part
	}
	return j.fence
}

// writePlain writes a batch for which there is a plain statement, in that, which
// is a transaction by itself.
func (c *committer) writePlain(ctx context.Context, statement string, batch []*entry, granted []bool) error {
	var a accepted
	var m marked
	idle := []string{}
	for _, e := range batch {
		for _, r := range e.results {
			a.add(r)
		}
		if e.mark != nil {
			m.add(e.conn, e.mark)
		} else if e.conn != "" {
			idle = append(idle, e.conn)
		}
	}
	if err := c.call(ctx); err != nil {
		return err
	}
	c.advance()
	args := []any{c.s.owner,
		a.ids, a.claims, a.subscribers, a.attempts, a.messageIDs, a.hashes, a.relays, a.codes, a.enhanced, a.replies, a.queueIDs, a.dates, a.done,
		m.conns, m.ids, m.claims, m.subscribers, idle, m.messageIDs, m.dates, c.at}
	if statement == plainFirst {
		parts := slices.Concat(a.claims, m.claims)
		slices.Sort(parts)
		args = append(args, slices.Compact(parts))
	}
	rows, err := c.conn.QueryContext(ctx, statement, args...)
	if err != nil {
		c.hangUp()
		return err
	}
	stands, err := names(rows)
	if err != nil {
		c.hangUp()
		return err
	}
	for i, e := range batch {
		granted[i] = stands[e.conn]
	}
	return nil
}

func names(rows *sql.Rows) (map[string]bool, error) {
	defer rows.Close()
	all := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		all[name] = true
	}
	return all, rows.Err()
}

// call gets the committer a connection of its own, on which plainSQL is planned
// once: the server would plan it anew for each batch, which takes as long as
// writing it.
func (c *committer) call(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	conn, err := c.s.m.DB.Write.Conn(ctx)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `set plan_cache_mode = force_generic_plan`); err != nil {
		return errors.Join(err, conn.Close())
	}
	c.conn = conn
	return nil
}

// hangUp gives the connection back, as it was.
func (c *committer) hangUp() {
	if c.conn == nil {
		return
	}
	if _, err := c.conn.ExecContext(context.Background(), `reset plan_cache_mode`); err != nil {
		c.s.m.log().Debug("the ledger's connection is lost", "err", err)
	}
	c.conn.Close()
	c.conn = nil
}
