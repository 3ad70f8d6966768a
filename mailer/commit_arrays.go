package mailer

import (
	"context"
	"database/sql"
	"errors"

	"pressrun/deploy/schema"
)

// plainSQL writes a whole batch at once on PostgreSQL, where each statement is
// a round trip to another process: results that are acceptances, the marks of
// the messages that go out next, and what is not in flight any more. SQLite has
// no arrays, and its statements cost microseconds.
//
// A take-over deletes the row of senders first. So either it waits until this
// statement is committed, and sees its marks; or alive is empty here, and no
// mark stands. A result meets the new fence.
const plainSQL = `
	with alive as (select 1 from senders where owner = $1 for key share),
	accepted as (
		update deliveries d set
			state = 'accepted', reason = '', attempts = r.attempts, message_id = r.message_id, edition_hash = r.hash, relay = r.relay,
			phase = 'dot', code = r.code, enhanced = r.enhanced, reply = r.reply, queue_id = r.queue_id, date_at = r.date_at, done_at = r.done_at
		from unnest(cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as integer[]), cast($5 as text[]), cast($6 as text[]), cast($7 as text[]),
			cast($8 as integer[]), cast($9 as text[]), cast($10 as text[]), cast($11 as text[]), cast($12 as bigint[]), cast($13 as bigint[]))
			as r (id, fence, attempts, message_id, hash, relay, code, enhanced, reply, queue_id, date_at, done_at)
		where d.id = r.id and d.owner = $1 and d.fence = r.fence),
	unmarked as (delete from in_flight where connection = any(cast($20 as text[])))
	insert into in_flight (connection, owner, delivery_id, fence, message_id, date_at, marked_at)
	select r.connection, d.owner, d.id, d.fence, r.message_id, r.date_at, $14
	from unnest(cast($15 as text[]), cast($16 as bigint[]), cast($17 as bigint[]), cast($18 as text[]), cast($19 as bigint[]))
		as r (connection, id, fence, message_id, date_at)
	join deliveries d on d.id = r.id
	where d.owner = $1 and d.fence = r.fence and d.state = 'claimed' and exists (select 1 from alive)
	on conflict (connection) do update set
		owner = excluded.owner, delivery_id = excluded.delivery_id, letter_id = null, fence = excluded.fence,
		message_id = excluded.message_id, date_at = excluded.date_at, marked_at = excluded.marked_at
	returning connection`

// plain says whether plainSQL can write the batch.
func plain(batch []*entry) bool {
	for _, e := range batch {
		if e.mark != nil && e.mark.kind != delivery {
			return false
		}
		for _, r := range e.results {
			if r.job.kind != delivery || r.state != StateAccepted {
				return false
			}
		}
	}
	return true
}

// accepted and marked are the columns of plainSQL's two lists.
type accepted struct {
	ids, fences, dates, done                                []int64
	attempts, codes                                         []int32
	messageIDs, hashes, relays, enhanced, replies, queueIDs []string
}

func (a *accepted) add(r *result) {
	j := r.job
	a.ids, a.fences, a.attempts = append(a.ids, j.id), append(a.fences, j.fence), append(a.attempts, int32(j.attempt))
	a.messageIDs, a.hashes, a.relays = append(a.messageIDs, j.messageID), append(a.hashes, j.hash()), append(a.relays, r.relay)
	a.codes, a.enhanced, a.replies = append(a.codes, int32(r.code)), append(a.enhanced, r.enhance), append(a.replies, r.reply)
	a.queueIDs, a.dates, a.done = append(a.queueIDs, r.queueID), append(a.dates, schema.Millis(j.date)), append(a.done, r.at)
}

type marked struct {
	conns, messageIDs  []string
	ids, fences, dates []int64
}

func (m *marked) add(conn string, j *job) {
	m.conns, m.messageIDs = append(m.conns, conn), append(m.messageIDs, j.messageID)
	m.ids, m.fences, m.dates = append(m.ids, j.id), append(m.fences, j.fence), append(m.dates, schema.Millis(j.date))
}

// writePlain writes a batch for which plain holds, in one statement that is a
// transaction by itself.
func (c *committer) writePlain(ctx context.Context, batch []*entry, granted []bool) error {
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
	rows, err := c.conn.QueryContext(ctx, plainSQL, c.s.owner,
		a.ids, a.fences, a.attempts, a.messageIDs, a.hashes, a.relays, a.codes, a.enhanced, a.replies, a.queueIDs, a.dates, a.done,
		c.s.m.nowMillis(), m.conns, m.ids, m.fences, m.messageIDs, m.dates, idle)
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
