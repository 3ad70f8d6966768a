package digest

import (
	"context"
	"encoding/json"
	"fmt"
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

// Lines lists the newest issues, at most limit, of all newsletters. No sealed bytes
// are read.
func (s *Store) Lines(ctx context.Context, limit int) ([]Line, error) {
	all := zones{}
	list, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (l Line, err error) {
		var spec []byte
		var slot, started schema.Time
		if err := r.Scan(&l.ID, &l.Name, &l.Number, &l.State, &l.Reason, &l.Subject, &l.Audience, &slot, &started, &spec); err != nil {
			return l, err
		}
		var of struct{ Title, Zone string }
		if err := json.Unmarshal(spec, &of); err != nil {
			return l, err
		}
		l.Newsletter, l.SlotAt, l.Started = of.Title, slot.In(all.named(of.Zone)), started.Time
		if l.Subject == "" {
			l.Subject = of.Title
		}
		return l, nil
	}, `
		select i.id, n.name, i.number, i.state, i.reason,
			coalesce((select e.subject from editions e where e.issue_id = i.id and e.revision = i.revision order by e.id limit 1), ''),
			i.audience, i.slot_at, i.started_at, i.spec
		from issues i join newsletters n on n.id = i.newsletter_id order by i.slot_at desc, i.id desc limit $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list issues: %w", err)
	}
	return list, nil
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
