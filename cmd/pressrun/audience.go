package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/subscribers"
	"pressrun/subscribers/segment"
)

// audience is SQL text yielding (subscriber, edition, due) for an issue: due at
// its time, or for everybody at once.
func (p *Press) audience(ctx context.Context, i digest.Issue, atOnce bool) (string, []any, error) {
	a, err := p.audienceOf(ctx, i)
	if err != nil {
		return "", nil, err
	}
	if atOnce {
		a.Slot, a.LocalTime = p.Now(), ""
	}
	return p.Subscribers.Audience(ctx, a)
}

func (p *Press) audienceOf(ctx context.Context, i digest.Issue) (subscribers.Audience, error) {
	list, err := p.Subscribers.ListID(ctx, p.DB.Read, i.Spec.List)
	if err != nil {
		return subscribers.Audience{}, err
	}
	a := subscribers.Audience{List: list, Segment: i.Spec.Segment, Exclude: i.Spec.Exclude, Editions: map[string]int64{}, Languages: map[string]string{}, Slot: later(i.SlotAt, p.Now()), Zone: i.Spec.Zone}
	editions, err := p.Digest.Sealed(ctx, i.ID, i.Revision)
	if err != nil {
		return a, err
	}
	for _, e := range editions {
		a.Editions[e.Name], a.Languages[e.Name] = e.ID, e.Language
	}
	a.DefaultEdition = a.Editions[i.Spec.Editions[0].Name]
	if a.DefaultEdition == 0 && len(editions) > 0 {
		a.DefaultEdition = editions[0].ID
	}
	if i.Spec.Waves {
		zone, err := time.LoadLocation(i.Spec.Zone)
		if err != nil {
			return a, err
		}
		a.Slot, a.LocalTime = i.SlotAt, i.SlotAt.In(zone).Format("15:04")
	}
	return a, nil
}

// welcomeWithin is how long the newest issue is news.
const welcomeWithin = 31 * 24 * time.Hour

// welcome gives a reader who has just confirmed a list the newest issue of each
// newsletter that wants that, and says whether there was one. What goes wrong is
// logged: he is on the list.
func (p *Press) welcome(ctx context.Context, subscriber, list int64) (given bool) {
	newsletters, err := p.Digest.Newsletters(ctx)
	for _, n := range newsletters {
		if n.Spec.Welcome && n.State == "active" {
			ok, failure := p.welcomeTo(ctx, n, subscriber, list)
			given, err = given || ok, errors.Join(err, failure)
		}
	}
	if err != nil {
		p.Log.Error("welcome", "subscriber", subscriber, "err", err)
	}
	return given
}

func (p *Press) welcomeTo(ctx context.Context, n digest.Newsletter, subscriber, list int64) (given bool, err error) {
	i, err := p.Digest.Newest(ctx, n.ID)
	if errors.Is(err, digest.ErrNotFound) || err == nil && p.Now().Sub(i.Started) > welcomeWithin {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	opens, closes := i.Spec.WindowAt(p.Now())
	if p.Now().Before(opens) {
		return false, nil
	}
	a, err := p.audienceOf(ctx, i)
	if err != nil || a.List != list {
		return false, err
	}
	a.Only = subscriber
	fits, err := p.Subscribers.Count(ctx, a)
	if errors.Is(err, subscribers.ErrNotFound) {
		return false, nil // the segment is gone, as the doctor says
	}
	if fits == 0 || err != nil { // outside the segment
		return false, err
	}
	reader, err := p.Subscribers.ByID(ctx, subscriber)
	if err != nil {
		return false, err
	}
	err = p.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := p.Digest.Reopen(ctx, tx, i.ID, 1); err != nil {
			return err
		}
		added, err := p.Mailer.Add(ctx, tx, i.ID, subscriber, a.EditionOf(reader), time.Duration(i.Spec.Expires))
		if err == nil && !added {
			err = errNotAdded
		}
		if err != nil {
			return err
		}
		if !closes.IsZero() {
			if err := p.Mailer.Window(ctx, tx, i.ID, opens, closes); err != nil {
				return err
			}
		}
		return p.Subscribers.Welcomed(ctx, tx, subscriber, list, fmt.Sprintf("%s #%d", i.Newsletter, i.Number))
	})
	if errors.Is(err, errNotAdded) {
		return false, nil
	}
	return err == nil, err
}

// errNotAdded undoes what was begun for a reader who has the issue, or cannot get it.
var errNotAdded = errors.New("not added")

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Crowd is who would get an issue now, beside what is usual.
type Crowd struct {
	Now   int `json:"now"`
	Usual int `json:"usual"` // the median of the newsletter's last five issues; 0 = there was none
}

// Odd says what is unusual about the size of an audience, "" when nothing is: a
// change of more than a quarter and more than a hundred readers, or that none is left.
// A segment that lost its readers, or an import that doubled a list, shows here first.
func (c Crowd) Odd() string {
	if c.Now == 0 && c.Usual > 0 {
		return fmt.Sprintf("nobody would get it now, while the last issues went to %d", c.Usual)
	}
	change := c.Now - c.Usual
	if c.Usual == 0 || max(change, -change) <= 100 || 4*max(change, -change) <= c.Usual {
		return ""
	}
	return fmt.Sprintf("the audience is %d now, while the last issues went to %d (%+d %%)", c.Now, c.Usual, 100*change/c.Usual)
}

// crowd counts who would get an issue now.
func (p *Press) crowd(ctx context.Context, i digest.Issue) (Crowd, error) {
	var c Crowd
	a, err := p.audienceOf(ctx, i)
	if err == nil {
		c.Now, err = p.Subscribers.Count(ctx, a)
	}
	if err == nil {
		c.Usual, err = p.Digest.UsualAudience(ctx, i)
	}
	return c, err
}

// untold says why the readers of an issue cannot be told, in words; what nobody at
// the desk can mend is logged.
func (p *Press) untold(ctx context.Context, i digest.Issue, err error) string {
	if wrong, ok := errors.AsType[*segment.Error](err); ok {
		return fmt.Sprintf("the rule of segment %s cannot be used any more: %v; mend it under Lists, Segments", strings.Join(i.Spec.Segments(), " or "), wrong)
	}
	if errors.Is(err, subscribers.ErrNotFound) {
		if _, err := p.Subscribers.ListID(ctx, p.DB.Read, i.Spec.List); errors.Is(err, subscribers.ErrNotFound) {
			return fmt.Sprintf("there is no list %s any more", i.Spec.List)
		}
		if name, err := p.noSegment(ctx, i.Spec); err == nil {
			return fmt.Sprintf("there is no segment %s any more; make it again under Lists, Segments, or take it out of the newsletter", name)
		}
	}
	p.Log.Error("count an audience", "issue", i.ID, "err", err)
	return "the database does not answer; it is tried again, and the log says more"
}

// ErrAudience is an audience that nobody should send to unseen: its segment
// fails, or its size is unlike the last issues'.
var ErrAudience = errors.New("the audience wants a look")

// watchAudience holds an issue that nobody has approved in person when its
// audience cannot be told or is unlike the last ones. The caller stops on ErrAudience.
func (p *Press) watchAudience(ctx context.Context, i digest.Issue) error {
	if i.ApprovedBy != "" && !byRule(i) {
		return nil
	}
	c, err := p.crowd(ctx, i)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	why := c.Odd()
	if err != nil {
		why = "its readers cannot be told: " + p.untold(ctx, i, err)
	}
	if why == "" {
		return nil
	}
	if err := p.raise(ctx, "audience", fmt.Sprintf("issue %d", i.ID), fmt.Sprintf("It is held: %s. Approve it if that is right.", why)); err != nil {
		return err
	}
	if err := p.Digest.MoveIssue(ctx, p.DB.Write, i.ID, "held", why, i.State); err != nil {
		return err
	}
	return fmt.Errorf("issue %d: %s: %w", i.ID, why, ErrAudience)
}

// byRule reports whether an issue was approved by its newsletter's policy and
// not by a person.
func byRule(i digest.Issue) bool {
	return i.ApprovedBy == policySend || strings.HasPrefix(i.ApprovedBy, "rule: ")
}
