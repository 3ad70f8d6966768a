package digest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// Line is an issue as a list of many shows it.
type Line struct {
	ID         int64
	Newsletter string // title, when the issue was built
	Name       string // of the newsletter
	Number     int
	State      string
	Reason     string
	Subject    string // of the first edition; its newsletter's title while nothing is sealed
	Audience   int
	SlotAt     time.Time // in the newsletter's zone
	Started    time.Time
}

// LineFilter chooses issues for a page of a list.
type LineFilter struct {
	Search string // part of newsletter, "No. 12", subject or reason, case ignored
	State  string // "" = any
	Sort   string // newsletter, state, slot, readers; with a hyphen before it down; "" = -slot
	Page   int    // from 1
	Per    int    // rows a page
}

var lineOrders = map[string]string{
	"": "", "newsletter": "lower(i.spec ->> 'title'), i.number, ", "-newsletter": "lower(i.spec ->> 'title') desc, i.number desc, ",
	"state": "i.state, ", "-state": "i.state desc, ", "slot": "i.slot_at, ", "-slot": "", "readers": "i.audience, ", "-readers": "i.audience desc, ",
}

// linesSQL lists issues that where chooses, $1 at most from the $2nd on. They are chosen
// before anything else is read of them.
func linesSQL(where, sort string) string {
	order := " order by " + lineOrders[sort] + "i.slot_at desc, i.id desc"
	return `
		select i.id, n.name, i.number, i.state, i.reason,
			coalesce((select e.subject from editions e where e.issue_id = i.id and e.revision = i.revision order by e.id limit 1), ''),
			i.audience, i.slot_at, i.started_at, i.spec ->> 'title', i.spec ->> 'zone'
		from issues i join newsletters n on n.id = i.newsletter_id
		where i.id in (select i.id from issues i ` + where + order + ` limit $1 offset $2)` + order
}

// Lines lists a page of the issues of all newsletters, and says how many match in all.
// No sealed bytes are read.
func (s *Store) Lines(ctx context.Context, f LineFilter) (page []Line, total int, err error) {
	from, per := (f.Page-1)*f.Per, f.Per
	query := strings.ToLower(strings.TrimSpace(f.Search))
	if query != "" { // SQLite folds ASCII alone: all are looked at here
		from, per = 0, math.MaxInt32
	}
	where, args := "", []any{per, from}
	if f.State != "" {
		where, args = "where i.state = $3", append(args, f.State)
	}
	all := zones{}
	page, err = schema.Each(ctx, s.DB.Read, func(r schema.Row) (l Line, err error) {
		var zone string
		var slot, started schema.Time
		err = r.Scan(&l.ID, &l.Name, &l.Number, &l.State, &l.Reason, &l.Subject, &l.Audience, &slot, &started, &l.Newsletter, &zone)
		l.SlotAt, l.Started, l.Subject = slot.In(all.named(zone)), started.Time, cmp.Or(l.Subject, l.Newsletter)
		return l, err
	}, linesSQL(where, f.Sort), args...)
	if err == nil && query == "" {
		err = s.DB.Read.QueryRowContext(ctx, `select count(*) from issues i where $1 in ('', i.state)`, f.State).Scan(&total)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list issues: %w", err)
	}
	if query == "" {
		return page, total, nil
	}
	page = slices.DeleteFunc(page, func(l Line) bool {
		text := fmt.Sprintf("%s %s No. %d %s %s", l.Newsletter, l.Name, l.Number, l.Subject, l.Reason)
		return !strings.Contains(strings.ToLower(text), query)
	})
	from = min((f.Page-1)*f.Per, len(page))
	return page[from:min(from+f.Per, len(page))], len(page), nil
}

// LineCounts is how many issues are in each state.
func (s *Store) LineCounts(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	_, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var state string
		var n int
		err := r.Scan(&state, &n)
		counts[state] = n
		return struct{}{}, err
	}, `select state, count(*) from issues group by state`)
	if err != nil {
		return nil, fmt.Errorf("count issues: %w", err)
	}
	return counts, nil
}

// zones are those of a list's rows, each loaded once.
type zones map[string]*time.Location

// named is UTC for a zone that is not known.
func (z zones) named(name string) *time.Location {
	if z[name] == nil {
		at, err := time.LoadLocation(name)
		if err != nil {
			at = time.UTC
		}
		z[name] = at
	}
	return z[name]
}
