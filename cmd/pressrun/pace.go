package main

import (
	"context"
	"fmt"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/templates"
)

// watchPace announces an issue that goes out so slowly that copies expire before their
// turn. It is over when they would not at four fifths of the pace, or nothing is due.
func (p *Press) watchPace(ctx context.Context, i digest.Issue) error {
	const kind = "late"
	subject, now := fmt.Sprintf("issue %d", i.ID), p.Now()
	if i.State != "sending" {
		p.stand(ctx, false, kind, subject, "")
		return nil
	}
	pace, err := p.Mailer.Progress(ctx, i.ID, i.Spec.GoesOn())
	if err != nil || pace.Over > 0 && pace.Over < desk.LeastPace {
		return err
	}
	late := pace.Late
	if p.standing[kind+" "+subject] {
		late = pace.LateAt(now, .8*pace.PerMinute)
	}
	p.stand(ctx, pace.Over > 0 && late > 0, kind, subject, fmt.Sprintf("%s copies are left, and %s went out over the last %s. So the last goes out at about %s, and %s expire before and are not sent. "+
		"A relay that answers slowly, its rate or its quota holds them up: see Deliverability. A faster rate, more connections or a second [[relay]] in press.toml count from the next start of serve.",
		templates.Words("en").Number(pace.Left), desk.PerMinute(pace), templates.Span(pace.Over), desk.Clock(i, pace.Ends, now), templates.Words("en").Number(pace.Late)))
	return nil
}
