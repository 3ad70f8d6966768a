package mailer

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"time"

	"pressrun/deploy/schema"
)

// Enqueue is an issue's audience, frozen.
type Enqueue struct {
	Issue int64
	// SQL is a select with numbered placeholders ($1 …) that yields the columns
	// subscriber_id, edition_id and due_at (unix milliseconds); Args are its
	// arguments. Whoever is in the ledger already is left as he is.
	SQL  string
	Args []any
	// Expires counts from each reader's due time; 0 means DefaultExpires.
	Expires time.Duration
	// Opens and Closes are the window in which messages may begin; zero means
	// at once, and until everything is sent. See Window.
	Opens, Closes time.Time
	// Park keeps deliveries whose fate is uncertain for a person to decide; else
	// they are sent again, with the same Message-ID and Date.
	Park bool
}

// DefaultExpires is how long a delivery is worth making when nothing else is
// said: a daily digest is stale after a day.
const DefaultExpires = 24 * time.Hour

// Enqueue freezes an audience: everybody in it has a delivery from then on, queued
// for his due time. It returns how many were added. A large audience may be
// frozen in several calls, each in its own transaction, with the issue paused
// meanwhile.
func (m *Mailer) Enqueue(ctx context.Context, tx *sql.Tx, e Enqueue) (int, error) {
	var known bool
	if err := tx.QueryRowContext(ctx, `select exists (select 1 from sends where issue_id = $1)`, e.Issue).Scan(&known); err != nil {
		return 0, fmt.Errorf("enqueue issue %d: %w", e.Issue, err)
	}
	freeze := m.freeze
	if known {
		freeze = m.enlarge
	}
	added, err := freeze(ctx, tx, e)
	if err != nil {
		return 0, fmt.Errorf("enqueue issue %d: %w", e.Issue, err)
	}
	_, err = tx.ExecContext(ctx, `
		insert into sends (issue_id, state, park, audience, opens_at, closes_at, started_at, changed_at) values ($1, 'open', $2, $3, $4, $5, $6, $6)
		on conflict (issue_id) do update set audience = sends.audience + excluded.audience`,
		e.Issue, e.Park, added, schema.At(e.Opens), schema.At(e.Closes), m.nowMillis())
	if err != nil {
		return 0, fmt.Errorf("enqueue issue %d: %w", e.Issue, err)
	}
	return added, nil
}

// freeze writes down an audience of which nobody can be in the ledger.
func (m *Mailer) freeze(ctx context.Context, tx *sql.Tx, e Enqueue) (int, error) {
	added := 0
	for last := int64(0); ; {
		_, err := tx.ExecContext(ctx, freezeSQL(e.SQL, len(e.Args)+1), append(e.args(), last)...)
		if err != nil {
			return 0, err
		}
		before := added
		err = tx.QueryRowContext(ctx, `select coalesce(sum(readers), 0), coalesce(max(last_id), 0) from audience_parts where issue_id = $1`, e.Issue).Scan(&added, &last)
		if err != nil || added < before+freezeAtOnce {
			return added, err
		}
	}
}

// enlarge adds those who are not in the ledger yet.
func (m *Mailer) enlarge(ctx context.Context, tx *sql.Tx, e Enqueue) (int, error) {
	if _, err := m.layOut(ctx, tx, StateQueued, "", "a.owner = '' and a.issue_id = $1", e.Issue); err != nil {
		return 0, err
	}
	n := len(e.Args)
	res, err := tx.ExecContext(ctx, fmt.Sprintf(`
		insert into deliveries (issue_id, subscriber_id, edition_id, state, due_at, expires_at, next_at)
		select cast($%d as bigint), a.subscriber_id, a.edition_id, 'queued', a.due_at, a.due_at + cast($%d as bigint), a.due_at
		from (%s) a
		where a.subscriber_id not in (select r.value from audience_parts a, %s where a.issue_id = $%d)
		order by a.subscriber_id
		on conflict (issue_id, subscriber_id) do nothing`, n+1, n+2, e.SQL, eachReader(m.DB.Engine), n+1), e.args()...)
	if err != nil {
		return 0, err
	}
	added, err := res.RowsAffected()
	if err == nil && m.DB.Engine == schema.Postgres {
		err = m.analyze(ctx, tx)
	}
	return int(added), err
}

// Add gives one more reader a delivery of an issue that is open, due now, within
// its window where it has one. false: he has one already, or the issue takes no more,
// as one whose breaker opened until a person has seen why.
func (m *Mailer) Add(ctx context.Context, tx *sql.Tx, issue, subscriber, edition int64, expires time.Duration) (bool, error) {
	now := m.nowMillis()
	// First the row of the send: who cancels it waits, or nothing happens here.
	res, err := tx.ExecContext(ctx, `update sends set audience = audience + 1 where issue_id = $1 and state = 'open' and tripped = ''`, issue)
	if err != nil {
		return false, fmt.Errorf("add to issue %d: %w", issue, err)
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return false, err
	}
	res, err = tx.ExecContext(ctx, `
		insert into deliveries (issue_id, subscriber_id, edition_id, state, due_at, expires_at, next_at)
		select cast($1 as bigint), cast($2 as bigint), cast($4 as bigint), 'queued', cast($5 as bigint), cast($6 as bigint), cast($5 as bigint)
		where not exists (select 1 from audience_parts where `+inPart+`)
		on conflict (issue_id, subscriber_id) do nothing`,
		issue, subscriber, anywhere(subscriber), edition, now, now+cmp.Or(expires, DefaultExpires).Milliseconds())
	if err != nil {
		return false, fmt.Errorf("add to issue %d: %w", issue, err)
	}
	if n, err := res.RowsAffected(); n > 0 || err != nil {
		return n > 0, err
	}
	_, err = tx.ExecContext(ctx, `update sends set audience = audience - 1 where issue_id = $1`, issue)
	return false, err
}

// args are the arguments of e's select, the issue and how long a delivery lives.
func (e Enqueue) args() []any {
	return append(append([]any{}, e.Args...), e.Issue, cmp.Or(e.Expires, DefaultExpires).Milliseconds())
}

// analyze renews PostgreSQL's statistics of deliveries and parts: without them a
// claim or a batch of results may read them all. Those of the columns that are
// asked about are a fifth of the work for all.
func (m *Mailer) analyze(ctx context.Context, q schema.Querier) error {
	_, err := q.ExecContext(ctx, `analyze deliveries (issue_id, subscriber_id, state, next_at, done_at), audience_parts (id, issue_id, owner, due_at)`)
	return err
}
