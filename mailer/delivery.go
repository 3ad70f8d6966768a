package mailer

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/templates"
)

// A Delivery is one (issue, subscriber) row of the ledger.
type Delivery struct {
	ID           int64     `json:"id"` // 0 until its first turn is over
	Issue        int64     `json:"issue_id"`
	Subscriber   int64     `json:"subscriber_id"`
	Edition      int64     `json:"edition_id"`
	State        State     `json:"state"`
	Reason       string    `json:"reason,omitempty"` // in words
	Attempts     int       `json:"attempts"`
	MessageID    string    `json:"message_id,omitempty"`   // without brackets
	EditionHash  string    `json:"edition_hash,omitempty"` // seal of the edition its bytes were made of
	Relay        string    `json:"relay,omitempty"`        // of the last attempt, as the four below
	Phase        string    `json:"phase,omitempty"`
	Code         int       `json:"code,omitempty"`
	Enhanced     string    `json:"enhanced,omitempty"`
	Reply        string    `json:"reply,omitempty"`
	QueueID      string    `json:"queue_id,omitempty"`
	WasUncertain bool      `json:"was_uncertain"` // it was in flight when a process or connection ended
	Resent       bool      `json:"resent"`        // and was sent again
	DueAt        time.Time `json:"due_at"`
	ExpiresAt    time.Time `json:"expires_at"`
	NextAt       time.Time `json:"next_at"`
	Date         time.Time `json:"date_at,omitzero"` // of the Date header
	ClaimedAt    time.Time `json:"claimed_at,omitzero"`
	DoneAt       time.Time `json:"done_at,omitzero"`
	BouncedAt    time.Time `json:"bounced_at,omitzero"`
	ComplainedAt time.Time `json:"complained_at,omitzero"`
}

// An Attempt is one try of a delivery at a relay.
type Attempt struct {
	At       time.Time `json:"at"`
	Relay    string    `json:"relay,omitempty"`
	Phase    string    `json:"phase"` // where in the conversation it ended
	Code     int       `json:"code,omitempty"`
	Enhanced string    `json:"enhanced,omitempty"`
	Reply    string    `json:"reply,omitempty"`
	Outcome  State     `json:"outcome"`
}

// Said is the reply as it came, code and all, or what took its place.
func (a Attempt) Said() string { return said(a.Code, a.Enhanced, a.Reply) }

func said(code int, enhanced, reply string) string {
	words := []string{enhanced, reply}
	if code > 0 {
		words = append([]string{fmt.Sprint(code)}, words...)
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// ErrNoDelivery is returned when an issue has no delivery for a subscriber.
var ErrNoDelivery = errors.New("no such delivery")

const deliveryColumns = `id, issue_id, subscriber_id, edition_id, state, reason, attempts, message_id, edition_hash, relay, phase,
	code, enhanced, reply, queue_id, was_uncertain, resent, due_at, expires_at, next_at, date_at, claimed_at, done_at, bounced_at, complained_at`

func scanDelivery(row schema.Row) (Delivery, error) {
	var d Delivery
	var due, expires, next, date, claimed, done, bounced, complained schema.Time
	err := row.Scan(&d.ID, &d.Issue, &d.Subscriber, &d.Edition, &d.State, &d.Reason, &d.Attempts, &d.MessageID, &d.EditionHash, &d.Relay, &d.Phase,
		&d.Code, &d.Enhanced, &d.Reply, &d.QueueID, &d.WasUncertain, &d.Resent, &due, &expires, &next, &date, &claimed, &done, &bounced, &complained)
	d.DueAt, d.ExpiresAt, d.NextAt, d.Date = due.Time, expires.Time, next.Time, date.Time
	d.ClaimedAt, d.DoneAt, d.BouncedAt, d.ComplainedAt = claimed.Time, done.Time, bounced.Time, complained.Time
	return d, err
}

// Counts returns how many of an issue's deliveries are in each state; states
// without any are absent. They add up to the audience.
func (m *Mailer) Counts(ctx context.Context, issue int64) (map[State]int, error) {
	counts := map[State]int{}
	rows, err := m.DB.Read.QueryContext(ctx, countsSQL(m.DB.Engine), issue)
	if err != nil {
		return nil, fmt.Errorf("count deliveries of issue %d: %w", issue, err)
	}
	defer rows.Close()
	for rows.Next() {
		var state State
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return nil, fmt.Errorf("count deliveries of issue %d: %w", issue, err)
		}
		if counts[state] += n; counts[state] == 0 {
			delete(counts, state)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count deliveries of issue %d: %w", issue, err)
	}
	return counts, nil
}

// countsSQL counts the states, in several rows for one: what is accepted as what is
// left of all, whose ids lie in an index.
func countsSQL(e schema.Engine) string {
	return `
		with other as (select state, count(*) as n from deliveries where issue_id = $1 and state <> 'accepted' group by state)
		select state, n from other
		union all select 'accepted', (select count(*) from deliveries where issue_id = $1) - (select coalesce(sum(n), 0) from other)
		union all select 'queued', (select coalesce(sum(readers), 0) from audience_parts where issue_id = $1 and owner = '')
		union all select 'claimed', (select count(*) from audience_parts a, ` + eachReader(e) + ` where a.issue_id = $1 and a.owner <> '' and ` + unwritten + `)`
}

// Doubtful counts an issue's deliveries that were ever in flight when a process or
// connection ended: those readers may have got two.
func (m *Mailer) Doubtful(ctx context.Context, issue int64) (n int, err error) {
	if err := m.DB.Read.QueryRowContext(ctx, `select count(*) from deliveries where issue_id = $1 and was_uncertain`, issue).Scan(&n); err != nil {
		return 0, fmt.Errorf("count deliveries of issue %d: %w", issue, err)
	}
	return n, nil
}

// Filter chooses deliveries; zero fields do not.
type Filter struct {
	State        State
	WasUncertain bool
}

// parts is the condition for the parts of an audience whose readers f chooses; ""
// when it chooses none who have no row.
func (f Filter) parts() string {
	if f.WasUncertain {
		return ""
	}
	return map[State]string{"": "true", StateQueued: "owner = ''", StateClaimed: "owner <> ''"}[f.State]
}

// Page is a piece of a list: at most Limit deliveries, to subscribers with an id
// above After, the first Offset of them left out.
type Page struct {
	After  int64
	Offset int
	Limit  int  // 0 means 100
	Last   bool // the last comes first
}

// listing is the list of an issue's deliveries that f chooses.
func (f Filter) listing(e schema.Engine, issue, after int64) listing {
	query, args := `select `+deliveryColumns+` from deliveries where issue_id = $1 and subscriber_id > $2`, []any{issue, after}
	add := func(condition string, v any) {
		args = append(args, v)
		query += fmt.Sprintf(" and "+condition, len(args))
	}
	if f.State != "" {
		add("state = $%d", f.State)
	}
	if f.State != "" && f.State != StateAccepted {
		query += " and state <> 'accepted'" // the index says so
	}
	if f.WasUncertain {
		query += " and was_uncertain"
	}
	return listing{issue, query, args, f.parts()}
}

// Deliveries lists an issue's deliveries, by the id of the subscriber: in that
// order they can be found without sorting a million.
func (m *Mailer) Deliveries(ctx context.Context, issue int64, f Filter, p Page) ([]Delivery, error) {
	if p.Limit <= 0 {
		p.Limit = 100
	}
	list, err := m.page(ctx, f.listing(m.DB.Engine, issue, p.After), p)
	if err != nil {
		return nil, fmt.Errorf("list deliveries of issue %d: %w", issue, err)
	}
	return list, nil
}

// DeliveryOf returns the delivery of an issue to a subscriber, or ErrNoDelivery.
func (m *Mailer) DeliveryOf(ctx context.Context, issue, subscriber int64) (Delivery, error) {
	// In this order: who is no longer in a part, or has had his turn, has a row.
	if d, ok, err := m.waiting(ctx, issue, subscriber); ok || err != nil {
		return d, err
	}
	row := m.DB.Read.QueryRowContext(ctx, `select `+deliveryColumns+` from deliveries where issue_id = $1 and subscriber_id = $2`, issue, subscriber)
	d, err := scanDelivery(row)
	if errors.Is(err, sql.ErrNoRows) {
		return d, fmt.Errorf("issue %d, subscriber %d: %w", issue, subscriber, ErrNoDelivery)
	}
	if err != nil {
		return d, fmt.Errorf("read delivery of issue %d to subscriber %d: %w", issue, subscriber, err)
	}
	return d, nil
}

// OfReader lists what was sent to a subscriber, or is about to be, the newest issue
// first, and says how many issues that are.
func (m *Mailer) OfReader(ctx context.Context, subscriber int64, p Page) (list []Delivery, total int, err error) {
	issues, err := schema.Each(ctx, m.DB.Read, schema.Column[int64], `
		select issue_id from sends s where exists (select 1 from deliveries d where d.issue_id = s.issue_id and d.subscriber_id = $1)
			or exists (select 1 from audience_parts a where a.issue_id = s.issue_id and first_id <= $1 and last_id >= $1 and ',' || ids || ',' like $2)
		order by issue_id desc`, subscriber, anywhere(subscriber))
	if err != nil {
		return nil, 0, fmt.Errorf("list issues of subscriber %d: %w", subscriber, err)
	}
	first := min(p.Offset, len(issues))
	for _, issue := range issues[first:min(first+cmp.Or(p.Limit, 100), len(issues))] {
		d, err := m.DeliveryOf(ctx, issue, subscriber)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, d)
	}
	return list, len(issues), nil
}

// Delivery returns the delivery with a number, or ErrNoDelivery.
func (m *Mailer) Delivery(ctx context.Context, id int64) (Delivery, error) {
	d, err := scanDelivery(m.DB.Read.QueryRowContext(ctx, `select `+deliveryColumns+` from deliveries where id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoDelivery
	}
	if err != nil {
		return d, fmt.Errorf("delivery %d: %w", id, err)
	}
	return d, nil
}

// Attempts lists the tries of a delivery, oldest first. The one that was
// accepted is not kept apart: the delivery itself describes it.
func (m *Mailer) Attempts(ctx context.Context, d Delivery) ([]Attempt, error) {
	list, err := schema.Each(ctx, m.DB.Read, func(r schema.Row) (Attempt, error) {
		var a Attempt
		var at schema.Time
		err := r.Scan(&at, &a.Relay, &a.Phase, &a.Code, &a.Enhanced, &a.Reply, &a.Outcome)
		a.At = at.Time
		return a, err
	}, `select tried_at, relay, phase, code, enhanced, reply, outcome from attempts where delivery_id = $1 order by id`, d.ID)
	if err != nil {
		return nil, fmt.Errorf("list attempts of delivery %d: %w", d.ID, err)
	}
	if d.State == StateAccepted {
		list = append(list, Attempt{d.DoneAt, d.Relay, d.Phase, d.Code, d.Enhanced, d.Reply, StateAccepted})
	}
	return list, nil
}

// Why says in a sentence or two what became of a delivery.
func (d Delivery) Why() string {
	var b strings.Builder
	stamp := templates.Exact
	switch d.State {
	case StateQueued:
		fmt.Fprintf(&b, "Waits to be sent; due %s.", stamp(d.DueAt))
	case StateClaimed:
		fmt.Fprintf(&b, "Is being sent since %s.", stamp(d.ClaimedAt))
	case StateDeferred:
		fmt.Fprintf(&b, "Deferred after attempt %d (%s); next try %s.", d.Attempts, d.Reason, stamp(d.NextAt))
	case StateAccepted:
		fmt.Fprintf(&b, "Accepted by %s at %s.", d.Relay, stamp(d.DoneAt))
	case StateFailed:
		fmt.Fprintf(&b, "Failed at %s: %s.", stamp(d.DoneAt), d.Reason)
	case StateUncertain:
		fmt.Fprintf(&b, "Uncertain: %s. It is sent again at %s.", d.Reason, stamp(d.NextAt))
	case StateParked:
		fmt.Fprintf(&b, "Uncertain: %s. It is not sent again unless a person says so.", d.Reason)
	case StateExpired:
		fmt.Fprintf(&b, "Expired at %s: %s.", stamp(d.ExpiresAt), d.Reason)
	case StateWithheld, StateCancelled:
		if d.WasUncertain {
			fmt.Fprintf(&b, "Not sent again (%s), but a first copy may have been taken: %s.", d.State, d.Reason)
		} else {
			fmt.Fprintf(&b, "Not sent (%s): %s.", d.State, d.Reason)
		}
	}
	if d.Code > 0 {
		fmt.Fprintf(&b, " The relay said at %s: %s.", d.Phase, said(d.Code, d.Enhanced, d.Reply))
	}
	if d.Resent {
		b.WriteString(" It was sent a second time, because no reply had come to the first.")
	} else if d.WasUncertain && d.State == StateAccepted {
		b.WriteString(" No reply had come to the first copy.")
	}
	if !d.BouncedAt.IsZero() {
		fmt.Fprintf(&b, " It bounced at %s.", stamp(d.BouncedAt))
	}
	if !d.ComplainedAt.IsZero() {
		fmt.Fprintf(&b, " The reader complained at %s.", stamp(d.ComplainedAt))
	}
	return b.String()
}

const retrySQL = `
	update deliveries set state = 'queued', reason = '', done_at = null, next_at = $1, resent = (resent or state = 'parked'),
		expires_at = case when expires_at > $2 then expires_at else $2 end
	where state in ('failed', 'expired', 'parked') and issue_id not in (select issue_id from sends where state = 'cancelled') and `

// Retry queues deliveries again that failed, expired or are parked, for another
// DefaultExpires at least. It returns how many; others are left as they are, and
// so are those of a cancelled issue.
func (m *Mailer) Retry(ctx context.Context, tx *sql.Tx, ids []int64) (int, error) {
	among, arg := m.DB.Engine.Among("id", 3, ids)
	return m.retry(ctx, tx, among, arg)
}

// RetryIssue is Retry for all deliveries of an issue in one state.
func (m *Mailer) RetryIssue(ctx context.Context, tx *sql.Tx, issue int64, state State) (int, error) {
	return m.retry(ctx, tx, `issue_id = $3 and state = $4`, issue, state)
}

func (m *Mailer) retry(ctx context.Context, tx *sql.Tx, which string, args ...any) (int, error) {
	now := m.now()
	res, err := tx.ExecContext(ctx, retrySQL+which, append([]any{schema.Millis(now), schema.Millis(now.Add(DefaultExpires))}, args...)...)
	if err != nil {
		return 0, fmt.Errorf("queue deliveries again: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// IssuesOf are the issues of deliveries.
func (m *Mailer) IssuesOf(ctx context.Context, deliveries []int64) ([]int64, error) {
	among, arg := m.DB.Engine.Among("id", 1, deliveries)
	issues, err := schema.Each(ctx, m.DB.Read, schema.Column[int64], `select distinct issue_id from deliveries where `+among+` order by issue_id`, arg)
	if err != nil {
		return nil, fmt.Errorf("issues of %d deliveries: %w", len(deliveries), err)
	}
	return issues, nil
}

// Unfinished reports whether a copy of an issue is queued, claimed, deferred or
// uncertain; for the plus see extend.
func (m *Mailer) Unfinished(ctx context.Context, tx *sql.Tx, issue int64) (some bool, err error) {
	if err := tx.QueryRowContext(ctx, unfinishedSQL(m.DB.Engine), issue).Scan(&some); err != nil {
		return false, fmt.Errorf("look for unfinished copies of issue %d: %w", issue, err)
	}
	return some, nil
}

func unfinishedSQL(e schema.Engine) string {
	return `
		select exists (select 1 from deliveries where +issue_id = $1 and done_at is null)
			or exists (select 1 from audience_parts a, ` + eachReader(e) + ` where a.issue_id = $1 and ` + unwritten + `)`
}

// houseKeepBatch bounds one transaction of HouseKeep.
const houseKeepBatch = 5000

// keepReturned is how long mail that came back is remembered: long enough for a
// row of soft bounces of a monthly.
const keepReturned = 400 * 24 * time.Hour

// HouseKeep deletes, in batches, attempts older than the time for them, letters that
// were done with as long ago as the time for those, old mails that came back, and paces.
func (m *Mailer) HouseKeep(ctx context.Context, attempts, letters time.Duration) error {
	for query, keep := range map[string]time.Duration{
		`delete from attempts where id in (select id from attempts where tried_at < $1 limit $2)`:                                          attempts,
		`delete from letters where id in (select id from letters where done_at < $1 limit $2)`:                                             letters,
		`delete from send_turns where (issue_id, turned_at) in (select issue_id, turned_at from send_turns where turned_at < $1 limit $2)`: keepTurns,
		`delete from returned_mails where id in (select id from returned_mails where received_at < $1 limit $2)`:                           keepReturned,
	} {
		for {
			res, err := m.DB.Write.ExecContext(ctx, query, schema.Millis(m.now().Add(-keep)), houseKeepBatch)
			if err != nil {
				return fmt.Errorf("keep house in attempts, letters and mails that came back: %w", err)
			}
			if n, _ := res.RowsAffected(); n < houseKeepBatch {
				break
			}
		}
	}
	return nil
}
