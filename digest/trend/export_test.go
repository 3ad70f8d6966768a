package trend

import (
	"context"
	"time"

	"pressrun/deploy/schema"
)

// Pattern is a pattern for the fuzz target.
type Pattern struct{ pattern }

// ParsePattern is parsePattern.
func ParsePattern(text string) (Pattern, error) {
	p, err := parsePattern(text)
	return Pattern{p}, err
}

// ID is the id of a text that matches.
func (p Pattern) ID(s string) (string, bool) { return p.id(s) }

// With puts an id in.
func (p Pattern) With(id string) string { return p.with(id) }

// Turn is one turn of Run: what there is to add.
func (p *Poller) Turn(ctx context.Context, db *schema.DB, owner string, every time.Duration) (views []View, err error) {
	if err := p.init(); err != nil {
		return nil, err
	}
	err = p.turn(ctx, db, owner, every, &views)
	return views, err
}
