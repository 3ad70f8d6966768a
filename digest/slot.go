package digest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pressrun/deploy/schema"
	"pressrun/templates"
)

// Slot is one planned run of a newsletter.
type Slot struct {
	ID           int64     `json:"id"`
	NewsletterID int64     `json:"newsletter_id"`
	At           time.Time `json:"slot_at"`
	State        string    `json:"state"` // planned | running | done | skipped | missed
	Reason       string    `json:"reason,omitempty"`
}

func scanSlot(r schema.Row) (Slot, error) {
	var s Slot
	var at schema.Time
	err := r.Scan(&s.ID, &s.NewsletterID, &at, &s.State, &s.Reason)
	s.At = at.Time
	return s, err
}

const slotColumns = `id, newsletter_id, slot_at, state, reason`

// planAhead is how far slots are written down before their time.
const planAhead = 36 * time.Hour

// Plan writes down the slots of a newsletter up to a day and a half ahead,
// beginning after its last one that is past, so that what fell into a downtime is
// there to be made up or announced. A slot to come that a changed schedule has no
// more is taken off again, and one that was missed while the clock was ahead is
// planned anew. It may run anywhere, any number of times.
func (s *Store) Plan(ctx context.Context, n Newsletter) error {
	spec := n.Spec.WithDefaults(n.Name)
	var sched Schedule
	if spec.Schedule != "" {
		var err error
		if sched, err = ParseSchedule(spec.Schedule, spec.Zone); err != nil {
			return fmt.Errorf("plan %s: %w", n.Name, err)
		}
		if err := errors.Join(s.unmiss(ctx, n), s.plan(ctx, n, sched)); err != nil {
			return fmt.Errorf("plan %s: %w", n.Name, err)
		}
	}
	if err := s.unplan(ctx, n, sched); err != nil {
		return fmt.Errorf("plan %s: %w", n.Name, err)
	}
	return nil
}

func (s *Store) plan(ctx context.Context, n Newsletter, sched Schedule) error {
	now := s.Now()
	var last schema.Time
	if err := s.DB.Read.QueryRowContext(ctx, `select max(slot_at) from slots where newsletter_id = $1 and slot_at <= $2`, n.ID, schema.At(now)).Scan(&last); err != nil {
		return err
	}
	from := later(later(n.Created, last.Time), now.Add(-14*24*time.Hour))
	if first := sched.Next(from); !first.IsZero() && !first.After(now) { // down for long, or a schedule that was another one then
		since, err := s.scheduledSince(ctx, n)
		if err != nil {
			return err
		}
		from = later(from, since)
	}
	// Asked at each tick: an insert that finds its row takes a write lock and, on PostgreSQL, a number all the same.
	planned, err := schema.Each(ctx, s.DB.Read, schema.Column[int64], `select slot_at from slots where newsletter_id = $1 and slot_at > $2`, n.ID, schema.At(from))
	if err != nil {
		return err
	}
	for at := sched.Next(from); !at.IsZero() && at.Before(now.Add(planAhead)); at = sched.Next(at) {
		if slices.Contains(planned, schema.Millis(at)) {
			continue
		}
		_, err := s.DB.Write.ExecContext(ctx, `
			insert into slots (newsletter_id, slot_at, state) values ($1, $2, 'planned')
			on conflict (newsletter_id, slot_at) do nothing`, n.ID, schema.At(at))
		if err != nil {
			return err
		}
	}
	return nil
}

// scheduledSince is when the newsletter was given the schedule it has.
func (s *Store) scheduledSince(ctx context.Context, n Newsletter) (since time.Time, err error) {
	versions, err := s.Versions(ctx, n.ID)
	if err != nil {
		return since, err
	}
	for _, v := range versions {
		if v.Spec.Schedule != n.Spec.Schedule || v.Spec.Zone != n.Spec.Zone {
			break
		}
		since = v.Created
	}
	return since, nil
}

// byHand is the reason of a planned slot that no schedule has.
const byHand = "by hand"

// unplan takes off the slots to come that the schedule no longer has: nothing has
// begun them, and one that the schedule has again is planned again.
func (s *Store) unplan(ctx context.Context, n Newsletter, sched Schedule) error {
	planned, err := s.slots(ctx, `newsletter_id = $1 and state = 'planned' and slot_at > $2 and reason <> $3`, n.ID, schema.At(s.Now()), byHand)
	if err != nil {
		return err
	}
	for _, slot := range planned {
		if sched.has(slot.At) {
			continue
		}
		if _, err := s.DB.Write.ExecContext(ctx, `delete from slots where id = $1 and state = 'planned'`, slot.ID); err != nil {
			return err
		}
	}
	return nil
}

// unmiss takes off the slots to come that were missed: the clock was ahead then.
func (s *Store) unmiss(ctx context.Context, n Newsletter) error {
	missed, err := s.slots(ctx, `newsletter_id = $1 and state = 'missed' and slot_at > $2 and id not in (select slot_id from issues where newsletter_id = $1)`, n.ID, schema.At(s.Now()))
	for _, slot := range missed {
		if err == nil {
			_, err = s.DB.Write.ExecContext(ctx, `delete from slots where id = $1 and state = 'missed'`, slot.ID)
		}
	}
	return err
}

func (s *Store) slots(ctx context.Context, where string, args ...any) ([]Slot, error) {
	return schema.Each(ctx, s.DB.Read, scanSlot,
		`select `+slotColumns+` from slots where `+where+` order by slot_at`, args...)
}

// DueSlots lists the slots of a newsletter whose issue should be built now:
// from Lead before the slot to Grace after it. A slot that is past its grace,
// or that a later one overtakes, is returned as missed; the caller announces it.
func (s *Store) DueSlots(ctx context.Context, n Newsletter) (due *Slot, missed []Slot, err error) {
	now := s.Now()
	spec := n.Spec.WithDefaults(n.Name)
	list, err := s.slots(ctx, `newsletter_id = $1 and state = 'planned' and slot_at <= $2`, n.ID, schema.At(now.Add(time.Duration(spec.Lead))))
	if err != nil {
		return nil, nil, fmt.Errorf("due slots of %s: %w", n.Name, err)
	}
	for i, slot := range list {
		overtaken := i+1 < len(list) && !list[i+1].At.After(now)
		late := now.Sub(slot.At) > time.Duration(spec.Grace)
		switch {
		case late || overtaken:
			slot.Reason = fmt.Sprintf("pressrun did not run at its time, nor in the %s after it", templates.Span(time.Duration(spec.Grace)))
			if overtaken && !late {
				slot.Reason = "the next slot was due as well; two issues are never sent at once"
			}
			missed = append(missed, slot)
		case due == nil:
			due = &list[i]
		}
	}
	return due, missed, nil
}

// MissSlot records a slot as missed. It reports false when another process did.
func (s *Store) MissSlot(ctx context.Context, slot Slot) (bool, error) {
	err := s.MoveSlot(ctx, s.DB.Write, slot.ID, "planned", "missed", slot.Reason)
	if errors.Is(err, ErrState) {
		return false, nil
	}
	return err == nil, err
}

// Slot finds a slot by id.
func (s *Store) Slot(ctx context.Context, id int64) (Slot, error) {
	slot, err := scanSlot(s.DB.Read.QueryRowContext(ctx, `select `+slotColumns+` from slots where id = $1`, id))
	return slot, notFound(err, "slot", id)
}

// Slots lists the slots of a newsletter (0 = of all) from a time on, earliest first.
func (s *Store) Slots(ctx context.Context, newsletter int64, from time.Time) ([]Slot, error) {
	return s.slots(ctx, `($1 = 0 or newsletter_id = $1) and slot_at >= $2`, newsletter, schema.At(from))
}

// AddSlot writes down one slot outside the schedule, or returns the one that
// is there: an issue by hand has its slot too.
func (s *Store) AddSlot(ctx context.Context, newsletter int64, at time.Time) (Slot, error) {
	_, err := s.DB.Write.ExecContext(ctx, `insert into slots (newsletter_id, slot_at, state, reason) values ($1, $2, 'planned', $3)
		on conflict (newsletter_id, slot_at) do nothing`, newsletter, schema.At(at), byHand)
	if err != nil {
		return Slot{}, fmt.Errorf("add slot: %w", err)
	}
	slot, err := scanSlot(s.DB.Write.QueryRowContext(ctx, `select `+slotColumns+` from slots where newsletter_id = $1 and slot_at = $2`, newsletter, schema.At(at)))
	return slot, err
}

// MoveSlot takes a slot from one state to another; ErrState when it is in
// neither from nor an allowed place, so that of two processes one wins.
func (s *Store) MoveSlot(ctx context.Context, q schema.Querier, id int64, from, to, reason string) error {
	if !SlotMoves.Allowed(from, to) {
		return fmt.Errorf("slot %d from %s to %s: %w", id, from, to, ErrState)
	}
	column := "finished_at"
	if to == "running" {
		column = "started_at"
	}
	res, err := q.ExecContext(ctx, `update slots set state = $3, reason = $4, `+column+` = $5 where id = $1 and state = $2`,
		id, from, to, reason, schema.At(s.Now()))
	if err != nil {
		return fmt.Errorf("slot %d: %w", id, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fmt.Errorf("slot %d is not %s: %w", id, from, ErrState)
	}
	return nil
}
