package mailer

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"pressrun/deploy/schema"
)

// listing is a list of an issue's deliveries in which readers without a row stand
// too: query and args choose the rows, the issue and the subscriber before the list
// being $1 and $2; parts chooses parts by their owner, none when it is empty.
type listing struct {
	issue int64
	query string
	args  []any
	parts string
}

// page reads a page of a list.
func (m *Mailer) page(ctx context.Context, l listing, p Page) ([]Delivery, error) {
	last, some, err := p.Last, false, error(nil)
	if l.parts != "" {
		some, err = m.anyWaiting(ctx, l.issue)
	}
	if err == nil && some && p.Offset >= skipFrom && p.After == 0 {
		p, err = m.nearer(ctx, l, p)
		l.args[1] = p.After
	}
	if err != nil || p.Limit <= 0 {
		return nil, err
	}
	if some {
		l.query = m.beside(l, order(p.Last), p.Limit+p.Offset)
	}
	n := len(l.args)
	list, err := schema.Each(ctx, m.DB.Read, scanDelivery, l.query+order(p.Last)+fmt.Sprintf(" limit $%d offset $%d", n+1, n+2), append(l.args, p.Limit, p.Offset)...)
	if last != p.Last {
		slices.Reverse(list)
	}
	return list, err
}

// order sorts a list of deliveries.
func order(last bool) string {
	if last {
		return " order by subscriber_id desc"
	}
	return " order by subscriber_id"
}

// nearer is the page p of a list, with a smaller offset: from where whole parts lie
// before it, and counted from the beginning also when p is counted from the end.
func (m *Mailer) nearer(ctx context.Context, l listing, p Page) (Page, error) {
	if p.Last {
		n, err := m.size(ctx, l)
		if err != nil {
			return p, err
		}
		p.Last, p.Offset = false, n-p.Offset-p.Limit
		p.Limit, p.Offset = p.Limit+min(p.Offset, 0), max(p.Offset, 0)
		if p.Limit <= 0 {
			return p, nil
		}
	}
	var err error
	p.After, p.Offset, err = m.skip(ctx, l, p.Offset)
	return p, err
}

// skipFrom is at which offset whole parts are passed over.
const skipFrom = 1000

// edge is a reader up to whom whole parts of waiting readers lie.
type edge struct {
	last    int64
	readers int // in them
}

// skip turns an offset into the reader after whom a page begins, as far as whole
// parts lie before it, so that their readers need not be told apart. It returns
// what is left of the offset.
func (m *Mailer) skip(ctx context.Context, l listing, offset int) (after int64, rest int, err error) {
	edges, err := m.edges(ctx, l)
	if err != nil {
		return 0, 0, err
	}
	// The last edge before which no more than offset lie. What is between two is
	// counted once or twice altogether.
	at := edge{}
	for low, high := 0, len(edges); low < high; {
		middle := (low + high) / 2
		e := edges[middle]
		n, err := m.between(ctx, l, at.last, e.last)
		if err != nil {
			return 0, 0, err
		}
		if n += e.readers - at.readers; n <= offset {
			offset -= n
			at, low = e, middle+1
		} else {
			high = middle
		}
	}
	return at.last, offset, nil
}

// size is how long a list is.
func (m *Mailer) size(ctx context.Context, l listing) (int, error) {
	n, err := m.between(ctx, l, 0, math.MaxInt64)
	if err != nil || l.parts == "owner <> ''" {
		return n, err
	}
	var waiting int
	err = m.DB.Read.QueryRowContext(ctx, `select coalesce(sum(readers), 0) from audience_parts where issue_id = $1 and owner = ''`, l.issue).Scan(&waiting)
	return n + waiting, err
}

// edges are where parts that wait end and none of them goes on.
func (m *Mailer) edges(ctx context.Context, l listing) ([]edge, error) {
	rows, err := m.DB.Read.QueryContext(ctx, `
		select first_id, last_id, readers from audience_parts where issue_id = $1 and owner = '' and `+l.parts+` order by first_id`, l.issue)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []edge
	var e edge
	for rows.Next() {
		var first, last int64
		var readers int
		if err := rows.Scan(&first, &last, &readers); err != nil {
			return nil, err
		}
		if e.readers > 0 && first > e.last {
			list = append(list, e)
		}
		e.last, e.readers = max(e.last, last), e.readers+readers
	}
	if e.readers > 0 {
		list = append(list, e)
	}
	return list, rows.Err()
}

// between counts the readers of a list, above the first id and up to the last, who
// have a row or are being sent to.
func (m *Mailer) between(ctx context.Context, l listing, first, last int64) (int, error) {
	args := append([]any{}, l.args...)
	args[1] = first
	n := len(args) + 1
	held := "0"
	if l.parts != "owner = ''" {
		held = fmt.Sprintf(`(select count(*) from (select * from audience_parts where issue_id = $1 and owner <> '' and last_id > $2 and first_id <= $%[1]d) a,
			%[2]s where r.value > $2 and r.value <= $%[1]d and %[3]s)`, n, eachReader(m.DB.Engine), unwritten)
	}
	var count int
	err := m.DB.Read.QueryRowContext(ctx, fmt.Sprintf(`select %s + (select count(*) from (%s and subscriber_id <= $%d) w)`, held, l.query, n), append(args, last)...).Scan(&count)
	return count, err
}

// beside puts the readers in parts between the rows of a list: it returns a query
// for both, in an order, which has the same arguments.
//
// No more than n are looked at: the first n readers lie in the first n parts, a
// reader being first in each, or in some more that the list begins within or that
// are held and nearly done; and not beyond parts that wait and hold n together.
func (m *Mailer) beside(l listing, order string, n int) string {
	const within = 1000 // more than there are editions, waves and parts held
	edge, far, nearest, inside := "first_id", "max(last_id)", "min", "first_id <= coalesce((select id from reach), first_id)"
	if strings.HasSuffix(order, "desc") {
		edge, far, nearest, inside = "last_id desc", "min(first_id)", "max", "last_id >= coalesce((select id from reach), last_id)"
	}
	return fmt.Sprintf(`
		with written as (%[1]s %[2]s limit %[3]d), reach as (
			select %[11]s(far) as id from (
				select %[4]s over w as far, sum(readers) over w as n
				from (select * from audience_parts where issue_id = $1 and first_id > $2 and owner = '' and %[5]s order by %[6]s limit %[3]d) a
				window w as (order by %[6]s rows unbounded preceding)) f
			where n >= %[3]d
		), waiting as (
			select 0, a.issue_id, r.value as subscriber_id, a.edition_id, case when a.owner = '' then 'queued' else 'claimed' end, '', 0, '', '', '', '',
				0, '', '', '', false, false, a.due_at, a.expires_at, a.due_at, no.t, a.claimed_at, no.t, no.t, no.t
			from (select * from audience_parts where issue_id = $1 and last_id > $2 and %[5]s and %[7]s order by %[6]s limit %[8]d) a,
				%[9]s, (select cast(null as bigint) as t) no
			where r.value > $2 and %[10]s %[2]s limit %[3]d)
		select * from (select * from written union all select * from waiting) d`,
		l.query, order, n, far, l.parts, edge, inside, n+within, eachReader(m.DB.Engine), unwritten, nearest)
}
