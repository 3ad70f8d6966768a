package mailer

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"time"

	"pressrun/deploy/schema"
)

// result is how one try of a job ended.
type result struct {
	job     *job
	verdict Verdict
	state   State // of the row from now on; verdict's, or parked for an uncertain one
	next    int64 // when it may be claimed again
	at      int64
	tried   bool // an attempt was made; false when a job is given back
	relay   string
	phase   string
	code    int
	enhance string
	reply   string
	queueID string
}

// entry is what a connection wants written before it goes on: results of its
// last messages, and the mark of the message whose body goes out next.
type entry struct {
	conn    string
	results []*result
	mark    *job
	done    chan bool // whether the mark stands
}

// committer writes entries, many in a transaction: what has arrived while the last
// one was being committed is the next. Each connection waits for its own, so that
// it has at most one message in doubt; see gather for the one timer.
type committer struct {
	s       *sending
	entries chan *entry
	give    chan struct{} // closed: stop trying again
	arrays  bool          // PostgreSQL: a plain batch goes in one statement
	conn    *sql.Conn     // for that, nil until it is needed
	stmts   map[string]*sql.Stmt
	at      int64 // when its marks are written; see advance
	failing bool
}

// maxBatch bounds how long one transaction holds SQLite's writer.
const maxBatch = 256

const resultDelivery = `
	update deliveries set
		state = $1, reason = $2, attempts = $3, message_id = $4, edition_hash = $5, relay = $6, phase = $7, code = $8,
		enhanced = $9, reply = $10, queue_id = $11, was_uncertain = (was_uncertain or $12), date_at = $13, done_at = $14, next_at = $15
	where id = $16 and owner = $17 and fence = $18`

// acceptedDelivery is resultDelivery for what nearly all results are, with fewer
// values to hand over.
const acceptedDelivery = `
	update deliveries set
		state = 'accepted', reason = '', phase = 'dot', attempts = $1, message_id = $2, edition_hash = $3, relay = $4, code = $5,
		enhanced = $6, reply = $7, queue_id = $8, date_at = $9, done_at = $10
	where id = $11 and owner = $12 and fence = $13`

// acceptedFirst is acceptedDelivery for a delivery that has no row.
const acceptedFirst = firstRow + `, phase, attempts, message_id, edition_hash, relay, code, enhanced, reply, queue_id, date_at, done_at)
	select issue_id, edition_id, due_at, expires_at, due_at, claimed_at, owner, 1, $1, $2, 'accepted', 'dot', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
	from audience_parts where id = $13 and owner = $14 on conflict do nothing`

const resultLetter = `
	update letters set
		state = $1, reason = $2, attempts = $3, relay = $4, phase = $5, code = $6,
		enhanced = $7, reply = $8, queue_id = $9, was_uncertain = (was_uncertain or $10), done_at = $11, next_at = $12
	where id = $13 and owner = $14 and fence = $15`

// Giving a job back as if it had not been claimed. The issue may have been
// cancelled meanwhile; and a commit whose reply was lost may have recorded the
// job's result, which stands.
const (
	releaseDelivery = `
		update deliveries set owner = '', next_at = $1,
			state = case when issue_id in (select issue_id from sends where state = 'cancelled') then 'cancelled' else 'queued' end,
			done_at = case when issue_id in (select issue_id from sends where state = 'cancelled') then cast($1 as bigint) else null end
		where id = $2 and owner = $3 and fence = $4 and state = 'claimed'`
	releaseLetter = `update letters set state = 'queued', owner = '', next_at = $1 where id = $2 and owner = $3 and fence = $4 and state = 'claimed'`
)

// aliveSQL makes a take-over wait until this transaction is committed. On
// SQLite there is only one writer anyway.
const aliveSQL = `select 1 from senders where owner = $1 for key share`

const markSQL = `
	insert into in_flight (connection, owner, %[2]s, fence, message_id, date_at, marked_at)
	select cast($1 as text), owner, id, fence, cast($2 as text), cast($3 as bigint), cast($4 as bigint)
	from %[1]s where id = $5 and owner = $6 and fence = $7 and state = 'claimed'
	on conflict (connection) do update set
		owner = excluded.owner, delivery_id = excluded.delivery_id, letter_id = excluded.letter_id, part_id = null, subscriber_id = null,
		fence = excluded.fence, message_id = excluded.message_id, date_at = excluded.date_at, marked_at = excluded.marked_at
	where in_flight.marked_at < excluded.marked_at`

// markFirst is markSQL for a delivery that has no row.
const markFirst = `
	insert into in_flight (connection, owner, part_id, delivery_id, subscriber_id, fence, message_id, date_at, marked_at)
	select cast($1 as text), owner, id, cast($2 as bigint), cast($3 as bigint), cast($4 as bigint), cast($5 as text), cast($6 as bigint), cast($7 as bigint)
	from audience_parts where id = $8 and owner = $9
	on conflict (connection) do update set
		owner = excluded.owner, part_id = excluded.part_id, delivery_id = excluded.delivery_id, subscriber_id = excluded.subscriber_id,
		letter_id = null, fence = excluded.fence, message_id = excluded.message_id, date_at = excluded.date_at, marked_at = excluded.marked_at
	where in_flight.marked_at < excluded.marked_at`

const unspendSQL = `update relay_use set taken = taken - 1 where relay = $1 and minute = $2 and taken > 0`

const unmarkSQL = `delete from in_flight where connection = $1 and marked_at < $2`

const attemptSQL = `
	insert into attempts (delivery_id, letter_id, relay, phase, code, enhanced, reply, outcome, tried_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// placeholder is a numbered one; each stands once, in order, in what is written
// for every message.
var placeholder = regexp.MustCompile(`\$\d+`)

func newCommitter(ctx context.Context, s *sending) (*committer, error) {
	c := &committer{s: s, entries: s.entries, give: s.give, stmts: map[string]*sql.Stmt{}}
	texts := map[string]string{
		"result deliveries":  resultDelivery,
		"accepted":           acceptedDelivery,
		"accepted first":     acceptedFirst,
		"result letters":     resultLetter,
		"release deliveries": releaseDelivery,
		"release letters":    releaseLetter,
		"mark deliveries":    fmt.Sprintf(markSQL, "deliveries", "delivery_id"),
		"mark first":         markFirst,
		"mark letters":       fmt.Sprintf(markSQL, "letters", "letter_id"),
		"unmark":             unmarkSQL,
		"unspend":            unspendSQL,
		"attempt":            attemptSQL,
	}
	if c.arrays = s.m.DB.Engine == schema.Postgres; c.arrays {
		texts["alive"] = aliveSQL
	}
	if s.m.DB.Engine == schema.SQLite {
		// Its driver asks for the name of each parameter each time; these have none.
		for _, name := range []string{"accepted first", "mark first"} {
			texts[name] = placeholder.ReplaceAllString(texts[name], "?")
		}
	}
	for name, text := range texts {
		stmt, err := s.m.DB.Write.PrepareContext(ctx, text)
		if err != nil {
			c.close()
			return nil, fmt.Errorf("prepare %s: %w", name, err)
		}
		c.stmts[name] = stmt
	}
	return c, nil
}

func (c *committer) close() {
	for _, stmt := range c.stmts {
		stmt.Close()
	}
	c.hangUp()
}

// run writes until entries is closed.
func (c *committer) run() {
	defer c.close()
	batch := make([]*entry, 0, maxBatch)
	for first := range c.entries {
		batch = c.gather(append(batch[:0], first))
		c.settle(batch)
	}
}

// signingWait bounds how long a transaction waits for others to share it while the
// cores sign: messages then come one by one, and each would have two of its own.
const signingWait = 5 * time.Millisecond

// gather adds what has arrived to a batch; where messages are signed, also what
// arrives until half of the connections are in it.
func (c *committer) gather(batch []*entry) []*entry {
	var enough <-chan time.Time
	for len(batch) < maxBatch {
		select {
		case e, ok := <-c.entries:
			if !ok {
				return batch
			}
			batch = append(batch, e)
			continue
		default:
		}
		if len(batch) >= c.s.connected()/2 || !anySigned(batch) {
			return batch
		}
		if enough == nil {
			enough = time.After(signingWait)
		}
		select {
		case e, ok := <-c.entries:
			if !ok {
				return batch
			}
			batch = append(batch, e)
		case <-enough:
			return batch
		}
	}
	return batch
}

// anySigned says whether an entry is about a message that was signed.
func anySigned(batch []*entry) bool {
	for _, e := range batch {
		if e.mark != nil && e.mark.signed != nil || len(e.results) > 0 && e.results[0].job.signed != nil {
			return true
		}
	}
	return false
}

// settle writes a batch, and when that fails each entry by itself, so that one
// which cannot be written keeps only its own connection waiting. It may have been
// committed all the same: then statement by statement finds its rows.
func (c *committer) settle(batch []*entry) {
	write := c.writeTx
	if statement := plain(batch); c.arrays && statement != "" {
		write = func(ctx context.Context, batch []*entry, granted []bool) error {
			return c.writePlain(ctx, statement, batch, granted)
		}
	}
	if c.try(write, batch) == nil {
		return
	}
	for _, e := range batch {
		c.insist(e)
	}
}

// insist tries until the entry is written or the process must end. Until then
// its connection sends nothing, which is what a ledger in trouble needs.
func (c *committer) insist(e *entry) {
	wait := 100 * time.Millisecond
	for {
		err := c.try(c.writeTx, []*entry{e})
		if err == nil {
			c.recovered()
			return
		}
		c.failed(err)
		select {
		case <-c.give:
			c.s.suspects() // its rows are not what this process takes them for
			e.done <- false
			return
		case <-time.After(wait):
			wait = min(2*wait, 2*time.Second)
		}
	}
}

func (c *committer) failed(err error) {
	if c.failing {
		return
	}
	c.failing = true
	c.s.m.log().Error("the ledger cannot be written; sending waits", "err", err)
	why := "Sending waits because the database cannot be written"
	if advice := schema.Advice(err); advice != "" {
		why += ": " + advice
	}
	c.s.m.alarm(context.Background(), "ledger", c.s.m.DB.Name, why+".")
}

func (c *committer) recovered() {
	if !c.failing {
		return
	}
	c.failing = false
	c.s.m.log().Info("the ledger can be written again")
	c.s.m.alarm(context.Background(), "ledger", c.s.m.DB.Name, "")
}

func (c *committer) try(write func(context.Context, []*entry, []bool) error, batch []*entry) error {
	ctx := context.Background() // what was sent is recorded even when the process is ending
	granted := make([]bool, len(batch))
	if err := write(ctx, batch, granted); err != nil {
		return err
	}
	for i, e := range batch {
		e.done <- granted[i]
	}
	return nil
}

// advance is called before a transaction. The time of its marks is later than that
// of all before, also when the clock is not: a statement whose reply was lost may
// be carried out after later ones, and must leave their marks alone.
func (c *committer) advance() {
	c.at = max(c.s.m.nowMillis(), c.at+1)
}

// writeTx writes a batch statement by statement.
func (c *committer) writeTx(ctx context.Context, batch []*entry, granted []bool) error {
	return c.s.m.DB.InTx(ctx, func(tx *sql.Tx) error {
		c.advance()
		if c.arrays {
			if _, err := c.exec(ctx, tx, "alive", c.s.owner); err != nil {
				return err
			}
		}
		for i, e := range batch {
			ok, err := c.write(ctx, tx, e)
			if err != nil {
				return err
			}
			granted[i] = ok
		}
		return nil
	})
}

// write puts one entry into tx and says whether its mark stands.
func (c *committer) write(ctx context.Context, tx *sql.Tx, e *entry) (bool, error) {
	var first []*job
	for _, r := range e.results {
		if r.state != StateAccepted {
			first = append(first, r.job)
		}
	}
	if err := c.s.writeDown(ctx, tx, first); err != nil {
		return false, fmt.Errorf("write down deliveries: %w", err)
	}
	for _, r := range e.results {
		if err := c.record(ctx, tx, r); err != nil {
			return false, err
		}
	}
	if e.mark == nil {
		return false, c.unmark(ctx, tx, e)
	}
	n, err := c.mark(ctx, tx, e.conn, e.mark)
	if err != nil || n == 1 {
		return n == 1, err
	}
	return false, c.unmark(ctx, tx, e)
}

func (c *committer) mark(ctx context.Context, tx *sql.Tx, conn string, j *job) (int64, error) {
	if j.part != 0 {
		return c.exec(ctx, tx, "mark first", conn, j.id, j.subscriber, j.fence, j.messageID, schema.Millis(j.date), c.at, j.part, c.s.owner)
	}
	return c.exec(ctx, tx, "mark "+string(j.kind), conn, j.messageID, schema.Millis(j.date), c.at, j.id, c.s.owner, j.fence)
}

// unmark removes the mark of the connection's last message, if it has one.
func (c *committer) unmark(ctx context.Context, tx *sql.Tx, e *entry) error {
	if e.conn == "" {
		return nil
	}
	_, err := c.exec(ctx, tx, "unmark", e.conn, c.at)
	return err
}

func (c *committer) exec(ctx context.Context, tx *sql.Tx, name string, args ...any) (int64, error) {
	res, err := tx.StmtContext(ctx, c.stmts[name]).ExecContext(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return res.RowsAffected()
}

// record writes how a try ended. It changes nothing when another process has
// taken the job over meanwhile.
func (c *committer) record(ctx context.Context, tx *sql.Tx, r *result) error {
	j := r.job
	if j.part != 0 && r.state == StateAccepted {
		n, err := c.exec(ctx, tx, "accepted first", j.id, j.subscriber, j.attempt, j.messageID, j.hash(), r.relay, r.code,
			r.enhance, r.reply, r.queueID, schema.Millis(j.date), r.at, j.part, c.s.owner)
		if err != nil || n == 1 {
			return err
		} // else it has its row: its first commit had succeeded after all
	}
	if !r.tried && r.state == StateQueued {
		n, err := c.exec(ctx, tx, "release "+string(j.kind), r.next, j.id, c.s.owner, j.fence)
		if err == nil && n == 1 && j.minute > 0 {
			_, err = c.exec(ctx, tx, "unspend", j.lane.String(), j.minute)
		}
		return err
	}
	attempts := j.attempt
	if !r.tried {
		attempts--
	}
	var done any
	if r.state.Done() {
		done = r.at
	}
	uncertain := r.verdict.State == StateUncertain
	var n int64
	var err error
	if r.state == StateAccepted && j.kind == delivery {
		n, err = c.exec(ctx, tx, "accepted", attempts, j.messageID, j.hash(), r.relay, r.code,
			r.enhance, r.reply, r.queueID, schema.Millis(j.date), r.at, j.id, c.s.owner, j.fence)
	} else if j.kind == letter {
		n, err = c.exec(ctx, tx, "result letters", r.state, r.verdict.Reason, attempts, r.relay, r.phase, r.code,
			r.enhance, r.reply, r.queueID, uncertain, done, r.next, j.id, c.s.owner, j.fence)
	} else {
		n, err = c.exec(ctx, tx, "result deliveries", r.state, r.verdict.Reason, attempts, j.messageID, j.hash(), r.relay, r.phase, r.code,
			r.enhance, r.reply, r.queueID, uncertain, schema.At(j.date), done, r.next, j.id, c.s.owner, j.fence)
	}
	if err != nil {
		return err
	}
	if n == 0 {
		c.s.m.log().Warn("a result came too late: another process has taken the message over, or its reader is erased", string(j.kind), j.id, "state", r.state)
		return nil
	}
	return c.consequences(ctx, tx, r)
}

// consequences of a result beside its row: the attempt, when it did not end the
// matter with acceptance (then the row says it all), and the suppression.
func (c *committer) consequences(ctx context.Context, tx *sql.Tx, r *result) error {
	if !r.tried || r.state == StateAccepted {
		return nil
	}
	var deliveryID, letterID any = r.job.id, nil
	if r.job.kind == letter {
		deliveryID, letterID = nil, r.job.id
	}
	if _, err := c.exec(ctx, tx, "attempt", deliveryID, letterID, r.relay, r.phase, r.code, r.enhance, r.reply, r.state, r.at); err != nil {
		return err
	}
	if !r.verdict.Suppress || r.job.subscriber == 0 || c.s.m.Suppress == nil {
		return nil
	}
	deliveryNo := r.job.id
	if r.job.kind == letter {
		deliveryNo = 0
	}
	note := fmt.Sprintf("%d %s %s", r.code, r.enhance, r.reply)
	if err := c.s.m.Suppress(ctx, tx, r.job.subscriber, "hard", note, deliveryNo); err != nil {
		return fmt.Errorf("suppress subscriber %d: %w", r.job.subscriber, err)
	}
	return nil
}
