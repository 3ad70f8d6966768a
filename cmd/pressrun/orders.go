package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
)

// Order does what somebody decides about an article by its address: at once
// where it is collected, else as soon as it is. Its Story is 0 until then.
func (p *Press) Order(ctx context.Context, o digest.Order) (digest.Order, error) {
	o, err := p.Digest.AddOrder(ctx, o)
	if err != nil {
		return o, err
	}
	return p.obeyed(ctx, o)
}

// obey carries out the orders whose articles are collected.
func (p *Press) obey(ctx context.Context) {
	if _, err := p.obeyed(ctx, digest.Order{}); err != nil && ctx.Err() == nil {
		p.Log.Error("orders about stories", "err", err)
	}
}

// obeyed carries out what can be, in the order in which it was said, and returns
// the order that was asked for as it stands then; the error is for that one. An
// order goes once its story and the issues that show it follow it: one that was
// cut off is done again. One that fails is logged, tried again with the next
// article, and holds up those about the same story alone.
func (p *Press) obeyed(ctx context.Context, asked digest.Order) (digest.Order, error) {
	list, err := p.Digest.Orders(ctx)
	if err != nil {
		return asked, err
	}
	failed := map[int64]error{} // by story
	for _, o := range list {
		if o.Story == 0 {
			continue
		}
		if failed[o.Story] == nil {
			if err := p.carryOut(ctx, o); err != nil {
				failed[o.Story] = fmt.Errorf("order %d about %s: %w", o.ID, o.URL, err)
				p.Log.Error("orders about stories", "err", failed[o.Story])
			}
		}
		if o.ID == asked.ID {
			asked, err = o, failed[o.Story]
		}
	}
	return asked, err
}

func (p *Press) carryOut(ctx context.Context, o digest.Order) error {
	if err := p.Digest.Obey(ctx, o); err != nil {
		return err
	}
	var actions []string
	if o.Blocked != nil {
		actions = append(actions, map[bool]string{true: "block", false: "restore"}[*o.Blocked])
	}
	if o.NotBefore != nil {
		actions = append(actions, "hold")
	}
	for _, f := range slices.Sorted(maps.Keys(o.Flags)) {
		actions = append(actions, "flag "+f)
	}
	for _, action := range actions {
		if err := p.StoryChanged(ctx, o.Story, action, o.By); err != nil {
			return err
		}
	}
	if err := p.Digest.DropOrder(ctx, o.ID); !errors.Is(err, digest.ErrNotFound) { // another process did it too
		return err
	}
	return nil
}

// about calls a story by its number, or an article by its address.
type about string

// number is the story's number; false when it is called by an address.
func (a about) number() (int64, bool) {
	id, err := strconv.ParseInt(string(a), 10, 64)
	return id, err == nil
}

// order gives an order from the command line and says what became of it.
func (a about) order(e *env, p *Press, o digest.Order) error {
	if !strings.Contains(string(a), "://") {
		return fmt.Errorf("%q is neither the number of a story nor the address of an article, as in https://news.example.com/2026/ferry", a)
	}
	o.URL, o.By = string(a), "command line"
	o, err := p.Order(e.ctx, o)
	if err != nil {
		return err
	}
	if o.Story == 0 {
		return e.did(facts{"order": o.ID, "url": o.URL}, "no article of that address is collected yet; when it is: %s", o.Words())
	}
	f, left := facts{"order": o.ID, "url": o.URL, "story": o.Story}, ""
	if o.Blocked != nil && *o.Blocked {
		if f["told"], left, err = p.leftByBlock(e.ctx, o.Story); err != nil {
			return err
		}
	}
	return e.did(f, "story %d: %s%s", o.Story, o.Words(), left)
}

// leftByBlock lists the issues that went out with a story, and says behind a
// semicolon what its block does not change in them.
func (p *Press) leftByBlock(ctx context.Context, story int64) (told []string, left string, err error) {
	told, err = p.Digest.SeenIn(ctx, story)
	if left = desk.LeftByBlock(told); left != "" {
		left = "; " + left
	}
	return told, left, err
}
