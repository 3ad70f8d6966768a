package main

import (
	"context"
	"errors"
	"fmt"

	"pressrun/digest"
)

// StoryChanged writes down what somebody did to a story, and seals again the
// waiting issues that show it: what was approved before is looked at again. A
// blocked story leaves them, and so does one under embargo beyond their slot.
func (p *Press) StoryChanged(ctx context.Context, story int64, action, by string) error {
	if err := p.Installation.Audit(ctx, by, action, fmt.Sprintf("story %d", story), ""); err != nil {
		return err
	}
	list, err := p.Digest.Showing(ctx, story)
	if err != nil {
		return err
	}
	st, err := p.Digest.Story(ctx, story)
	if err != nil {
		return err
	}
	blocked := st.State == "blocked"
	issues := map[int64]bool{}
	for _, c := range list {
		issues[c.IssueID] = true
		i, err := p.Digest.Issue(ctx, c.IssueID)
		if err != nil {
			return err
		}
		e := digest.Edit{Edition: c.Edition, StoryID: c.Story.ID}
		if leaves := blocked || st.NotBefore.After(i.SlotAt); leaves && c.Story.ID == story {
			e.Drop = &leaves
		} else if i.State != "approved" && i.State != "countdown" {
			continue
		}
		if err := p.Digest.EditIssue(ctx, c.IssueID, e, by); err != nil && !errors.Is(err, digest.ErrState) {
			return err
		}
	}
	for id := range issues {
		if _, err := p.Sealer.Seal(ctx, id); err != nil && !errors.Is(err, digest.ErrState) {
			return err
		}
	}
	return nil
}
