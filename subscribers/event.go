package subscribers

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"pressrun/deploy/schema"
)

// Event is something that happened to a subscriber.
type Event struct {
	Subscriber int64     `json:"subscriber_id"`
	List       int64     `json:"list_id,omitempty"` // 0 = not about one list
	ListName   string    `json:"list,omitempty"`
	Kind       string    `json:"kind"` // asked letter confirmed welcome paused resumed left expired added changed moved erased consent suppressed imported
	Detail     string    `json:"detail,omitempty"`
	Actor      string    `json:"actor,omitempty"` // "" = the reader
	At         time.Time `json:"at"`
}

func (s *Store) note(ctx context.Context, q schema.Querier, e Event) error {
	var list any
	if e.List != 0 {
		list = e.List
	}
	_, err := q.ExecContext(ctx, `insert into subscriber_events (subscriber_id, list_id, kind, detail, actor, happened_at) values ($1, $2, $3, $4, $5, $6)`,
		e.Subscriber, list, e.Kind, clip(e.Detail, 500), e.Actor, schema.At(e.At))
	if err != nil {
		return fmt.Errorf("note %s of subscriber %d: %w", e.Kind, e.Subscriber, err)
	}
	return nil
}

// Welcomed notes that a reader has been given an issue because he joined its list,
// within the transaction that queues his copy.
func (s *Store) Welcomed(ctx context.Context, tx *sql.Tx, subscriber, list int64, issue string) error {
	return s.note(ctx, tx, Event{Subscriber: subscriber, List: list, Kind: "welcome", Detail: issue, Actor: "rule", At: s.Now()})
}

// Timeline is all that is known about a subscriber in the order it happened:
// events, consents, the import that brought him, the suppression of his present
// address. Deliveries are the mailer's to tell.
func (s *Store) Timeline(ctx context.Context, id int64) ([]Event, error) {
	sub, err := s.ByID(ctx, id)
	if err != nil {
		return nil, err
	}
	all, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (Event, error) {
		var e Event
		var at schema.Time
		err := r.Scan(&e.Subscriber, &e.List, &e.ListName, &e.Kind, &e.Detail, &e.Actor, &at)
		e.At = at.Time
		return e, err
	}, `
		select e.subscriber_id, coalesce(e.list_id, 0), coalesce(l.name, ''), e.kind, e.detail, e.actor, e.happened_at
		from subscriber_events e left join lists l on l.id = e.list_id where e.subscriber_id = $1
		union all
		select c.subscriber_id, coalesce(c.list_id, 0), coalesce(l.name, ''), 'consent', c.basis || ': ' || c.source, c.evidence, c.given_at
		from consents c left join lists l on l.id = c.list_id where c.subscriber_id = $1
		union all
		select r.subscriber_id, coalesce(r.list_id, 0), coalesce(l.name, ''), 'imported', i.file || ': ' || i.source, i.created_by, i.created_at
		from import_rows r join imports i on i.id = r.import_id left join lists l on l.id = r.list_id where r.subscriber_id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("timeline of %d: %w", id, err)
	}
	if x, ok, err := s.Suppressed(ctx, s.DB.Read, sub.Key); err != nil {
		return nil, err
	} else if ok {
		all = append(all, Event{Subscriber: id, Kind: "suppressed", Detail: string(x.Reason) + ": " + x.Note, At: x.At})
	}
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli()) })
	return all, nil
}

// revokedSQL is asked twice a second while mail is sent. It may name a reader
// twice: to leave that out, SQLite would read all subscriptions in his order.
const revokedSQL = `
	select subscriber_id from subscriptions where changed_at >= $1 and state <> 'active'
	union all
	select u.id from suppressions x join subscribers u on u.email_key = x.email_key where x.created_at >= $1
	union all
	select subscriber_id from subscriber_events where kind in ('erased', 'moved') and happened_at >= $1`

// RevokedSince lists the subscribers whose right to be written to may have
// changed at or after t: left a list, paused, suppressed, erased. A change bears
// a time before its commit, so ask with an overlap. Some still read other lists:
// Recipients knows.
func (s *Store) RevokedSince(ctx context.Context, t time.Time) ([]int64, error) {
	ids, err := schema.Each(ctx, s.DB.Read, schema.Column[int64], revokedSQL, schema.At(t))
	if err != nil {
		return nil, fmt.Errorf("revoked since %s: %w", t.UTC().Format(time.RFC3339), err)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
