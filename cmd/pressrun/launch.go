package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/mail"
	"time"

	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/templates"
)

// launch sends an approved issue to its seed addresses and begins its
// countdown; without either it starts.
func (p *Press) launch(ctx context.Context, id int64) error {
	i, err := p.Digest.Issue(ctx, id)
	if err != nil || i.State != "approved" {
		return err
	}
	countdown := time.Duration(i.Spec.Countdown)
	if countdown == 0 && len(i.Spec.Seeds) == 0 {
		return p.start(ctx, id)
	}
	if err := p.mayStart(ctx, i); err != nil {
		return err
	}
	starts := p.Now().Add(countdown)
	if !i.AtOnce {
		starts = later(i.SlotAt, starts)
	}
	letters, err := p.seedLetters(ctx, i)
	if err != nil {
		return fmt.Errorf("seeds of issue %d: %w", id, err)
	}
	err = p.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := p.Digest.Countdown(ctx, tx, id, starts); err != nil {
			return err
		}
		for _, l := range letters {
			if _, err := p.Mailer.Post(ctx, tx, l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return p.unlessMoved(ctx, id, fmt.Errorf("launch issue %d: %w", id, err), "approved")
	}
	p.Log.Info("countdown", "issue", id, "newsletter", i.Newsletter, "number", i.Number, "starts", starts, "seeds", len(i.Spec.Seeds))
	if countdown == 0 {
		return p.start(ctx, id)
	}
	return nil
}

// seedLetters are the sealed editions for the seed addresses, byte for byte as
// readers get them but for the slots: their links change nothing.
func (p *Press) seedLetters(ctx context.Context, i digest.Issue) ([]mailer.Letter, error) {
	if len(i.Spec.Seeds) == 0 {
		return nil, nil
	}
	editions, err := p.Digest.Editions(ctx, i.ID, i.Revision)
	if err != nil {
		return nil, err
	}
	list, err := p.Subscribers.ListID(ctx, p.DB.Read, i.Spec.List)
	if err != nil {
		return nil, err
	}
	var letters []mailer.Letter
	for _, seed := range i.Spec.Seeds {
		a, err := mail.ParseAddress(seed)
		if err != nil {
			return nil, fmt.Errorf("%q is not a mail address", seed)
		}
		for _, ed := range editions {
			if ed.TextOnly {
				continue
			}
			letters = append(letters, mailer.Letter{Kind: "seed", Message: ed.Message, Email: templates.Email{From: i.Spec.From, Language: ed.Language},
				EnvelopeFrom: i.Spec.Envelope, To: mailer.Recipient{Address: a.Address, Slots: p.Subscribers.TestSlots(list, "")}, Expires: time.Hour})
		}
	}
	return letters, nil
}

// ErrBreaker is an issue that waits for a person because of what happened to an
// earlier one of its newsletter.
var ErrBreaker = errors.New("an earlier issue did harm")

// mayStart holds an issue that nobody should send to unseen: its audience is
// odd, or an earlier one was stopped by the breaker and nobody has seen that.
func (p *Press) mayStart(ctx context.Context, i digest.Issue) error {
	if err := p.watchAudience(ctx, i); err != nil {
		return err
	}
	harm, err := p.tripped(ctx, i)
	if err != nil || len(harm) == 0 {
		return err
	}
	why := fmt.Sprintf("of issue %d, %s", harm[0].Issue, harm[0].Tripped)
	if err := p.Digest.MoveIssue(ctx, p.DB.Write, i.ID, "held", why, i.State); err != nil {
		return err
	}
	return fmt.Errorf("issue %d: %s: %w", i.ID, why, ErrBreaker)
}

// tripped are the earlier issues of an issue's newsletter whose breaker opened
// and which nobody has acknowledged.
func (p *Press) tripped(ctx context.Context, i digest.Issue) ([]mailer.Send, error) {
	recent, err := p.Digest.Issues(ctx, i.NewsletterID, 15)
	if err != nil {
		return nil, err
	}
	var list []mailer.Send
	for _, before := range recent {
		if before.ID == i.ID || before.Started.IsZero() {
			continue
		}
		s, err := p.Mailer.SendOf(ctx, p.DB.Read, before.ID)
		if errors.Is(err, mailer.ErrNotSending) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s.Tripped != "" {
			list = append(list, s)
		}
	}
	return list, nil
}

// acknowledge notes that a person who approves an issue has seen what happened
// to the earlier ones.
func (p *Press) acknowledge(ctx context.Context, i digest.Issue) error {
	harm, err := p.tripped(ctx, i)
	if err != nil {
		return err
	}
	for _, s := range harm { // one that is paused stays so
		if err := p.Mailer.Acknowledge(ctx, s.Issue); err != nil {
			return err
		}
	}
	return nil
}

// keepWindow shows at the issue what the mailer's breaker did, and does what the
// newsletter says when a send window has closed.
func (p *Press) keepWindow(ctx context.Context, i digest.Issue) error {
	s, err := p.Mailer.SendOf(ctx, p.DB.Read, i.ID)
	if err != nil {
		return err
	}
	if s.State == "paused" && i.State == "sending" {
		return p.Digest.MoveIssue(ctx, p.DB.Write, i.ID, "paused", s.Reason, "sending")
	}
	if s.Closes.IsZero() || p.Now().Before(s.Closes) {
		return nil
	}
	zone, err := time.LoadLocation(i.Spec.Zone)
	if err != nil {
		return err
	}
	return p.DB.InTx(ctx, func(tx *sql.Tx) error {
		if i.Spec.Overflow == "stop" {
			n, err := p.Mailer.Expire(ctx, tx, i.ID, "the send window closed at "+s.Closes.In(zone).Format("15:04 MST"))
			if n > 0 {
				p.Log.Info("the send window has closed", "issue", i.ID, "not sent", n)
			}
			return err
		}
		opens, closes := i.Spec.WindowAt(p.Now())
		return p.Mailer.Window(ctx, tx, i.ID, opens, closes)
	})
}
