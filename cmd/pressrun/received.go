package main

import (
	"context"
	"errors"
	"math"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/mailer"
)

// received lists the issues that a reader was in the audience of, the newest first,
// with what became of his copy, and says how many they are.
func (p *Press) received(ctx context.Context, subscriber int64, page mailer.Page) ([]desk.Received, int, error) {
	copies, total, err := p.Mailer.OfReader(ctx, subscriber, page)
	if err != nil {
		return nil, 0, err
	}
	list := make([]desk.Received, len(copies))
	for n, d := range copies {
		i, err := p.Digest.Issue(ctx, d.Issue)
		if err != nil {
			return nil, 0, err
		}
		list[n] = desk.Received{Issue: i.ID, Newsletter: i.Newsletter, Title: i.Spec.Title, Number: i.Number, Language: i.Spec.Language, State: d.State, Why: d.Why(), Done: d.DoneAt}
		e, err := p.Digest.Seal(ctx, d.Edition)
		if errors.Is(err, digest.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		list[n].Edition, list[n].Language, list[n].Subject = e.Name, e.Language, e.Subject
	}
	return list, total, nil
}

// mailsOf is all of it, for the reader himself.
func (p *Press) mailsOf(ctx context.Context, subscriber int64) (any, error) {
	list, _, err := p.received(ctx, subscriber, mailer.Page{Limit: math.MaxInt32})
	return list, err
}
