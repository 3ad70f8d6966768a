package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pressrun/digest"
)

// This file has the issues that wait follow what happens to the stories they
// show: what people do to a story, and what its site does.

// StoryChanged has the waiting issues follow what somebody did to a story, and
// writes that down.
func (p *Press) StoryChanged(ctx context.Context, story int64, action, by string) error {
	if err := p.reseal(ctx, story, action, by); err != nil {
		return err
	}
	return p.Installation.Audit(ctx, by, action, fmt.Sprintf("story %d", story), "")
}

// reseal seals again the waiting issues that show a story: what was approved before
// is looked at again. A blocked story leaves them, and so does one under embargo
// beyond their slot; when that is taken back, it comes back into the drafts it left.
func (p *Press) reseal(ctx context.Context, story int64, action, by string) error {
	list, err := p.Digest.Showing(ctx, story)
	if err != nil {
		return err
	}
	st, err := p.Digest.Story(ctx, story)
	if err != nil {
		return err
	}
	back := action == "restore" || action == "hold"
	issues := map[int64]bool{}
	for _, c := range list {
		i, err := p.Digest.Issue(ctx, c.IssueID)
		if err != nil {
			return err
		}
		issues[i.ID] = true
		if action == "merge" && c.Story.ID == story && c.State == "in" {
			if err := p.tellOnce(ctx, c); err != nil && !errors.Is(err, digest.ErrState) {
				return err
			}
		}
		why, approved := whyLeave(st, i, by), i.State == "approved" || i.State == "countdown"
		switch edit := (digest.Edit{Edition: c.Edition, StoryID: c.Story.ID}); {
		case c.Story.ID == story && c.State == "in" && why != "":
			err = p.Guard.Remove(ctx, i.ID, []digest.Removal{{StoryID: story, Edition: c.Edition, Title: c.Title, Reason: why}})
		case c.Story.ID == story && c.State == "removed" && back && why == "" && !approved:
			edit.Drop = new(bool)
			err = p.Digest.EditIssue(ctx, i.ID, edit, by)
		case c.State == "in" && approved:
			err = p.Digest.EditIssue(ctx, i.ID, edit, by)
		}
		if err != nil && !errors.Is(err, digest.ErrState) {
			return err
		}
	}
	var failed error
	for id := range issues { // all: one that fails keeps no other from losing the story
		// Without a story left there is nothing to seal; nobody can approve that either.
		if _, err := p.Sealer.Seal(ctx, id); err != nil && !errors.Is(err, digest.ErrState) && !errors.Is(err, digest.ErrThin) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// tellOnce takes out of a waiting issue what has become part of a story that the same
// edition tells.
func (p *Press) tellOnce(ctx context.Context, c digest.Chosen) error {
	list, err := p.Digest.Chosen(ctx, c.IssueID)
	if err != nil {
		return err
	}
	var twice []digest.Removal
	for _, o := range list {
		if o.Story.MergedInto == c.Story.ID && o.Edition == c.Edition && o.State == "in" {
			twice = append(twice, digest.Removal{StoryID: o.Story.ID, Edition: o.Edition, Title: o.Title, Reason: "it is part of “" + c.Title + "” now"})
		}
	}
	if len(twice) == 0 {
		return nil
	}
	return p.Guard.Remove(ctx, c.IssueID, twice)
}

// SetSource changes what an operator decides about a source. Issues that wait are
// sealed again with what it says of rights, pictures and flags, and those approved
// are looked at again: nothing goes out that may not be shown any more.
func (p *Press) SetSource(ctx context.Context, src digest.Source, title, language, rights string, set digest.Settings) error {
	if err := p.Digest.SetSource(ctx, src.ID, title, language, rights, &set); err != nil {
		return err
	}
	if (rights == "" || rights == src.Rights) && set.Pictures == src.Settings.Pictures && slices.Equal(set.Flags, src.Settings.Flags) {
		return nil
	}
	stories, err := p.Digest.Reflag(ctx, src.ID)
	if err != nil {
		return err
	}
	waiting, err := p.Digest.Waiting(ctx, src.ID)
	if err != nil {
		return err
	}
	stories = append(stories, waiting...)
	slices.Sort(stories)
	for _, id := range slices.Compact(stories) {
		if err := p.StoryChanged(ctx, id, "source set", "the settings of its source"); err != nil {
			return err
		}
	}
	return nil
}

// whyLeave is why an issue may not show a story; "" = it may.
func whyLeave(st digest.Story, i digest.Issue, by string) string {
	switch {
	case st.State == "blocked":
		return "blocked by " + by
	case st.Has("paid"):
		return paidReason
	case st.NotBefore.After(i.SlotAt):
		return digest.Embargoed(st.NotBefore)
	}
	return ""
}

const paidReason = "flagged as paid content, which is never ranked"

// collect polls a source, and has the issues that wait follow what its site has
// corrected.
func (p *Press) collect(ctx context.Context, src digest.Source, backlog time.Duration) (digest.Collected, error) {
	got, err := p.Collector.Collect(ctx, src, backlog)
	for _, story := range got.Corrected {
		if cerr := p.corrected(ctx, story, ""); cerr != nil {
			err = errors.Join(err, fmt.Errorf("story %d was corrected: %w", story, cerr))
		}
	}
	for _, story := range got.Flagged {
		if cerr := p.flagged(ctx, story); cerr != nil {
			err = errors.Join(err, fmt.Errorf("story %d was flagged: %w", story, cerr))
		}
	}
	return got, err
}

// flagged is corrected, of a story that got a flag with another article.
func (p *Press) flagged(ctx context.Context, story int64) error {
	st, err := p.Digest.Story(ctx, story)
	if err != nil {
		return err
	}
	return p.corrected(ctx, story, "another article of it is flagged: it is "+strings.Join(strings.Fields(st.Flags), ", ")+" now")
}

// corrected has the waiting issues that show a story tell it anew. From one that
// somebody approved it leaves by rule, as a retracted one would, and may be put
// back: what was approved is not what the site says any more.
func (p *Press) corrected(ctx context.Context, story int64, why string) error {
	list, err := p.Digest.Showing(ctx, story)
	if err != nil {
		return err
	}
	done := map[int64]bool{}
	for _, c := range list {
		i, err := p.Digest.Issue(ctx, c.IssueID)
		if err != nil {
			return err
		}
		if done[i.ID] {
			continue
		}
		done[i.ID] = true
		at := slices.IndexFunc(list, func(o digest.Chosen) bool { return o.IssueID == i.ID && o.Story.ID == story && o.State == "in" })
		if at >= 0 {
			c = list[at] // not one that it is Related News of
		}
		if err := p.tellAnew(ctx, i, c, story, at >= 0, why); err != nil && !errors.Is(err, digest.ErrState) {
			return err
		}
	}
	return nil
}

func (p *Press) tellAnew(ctx context.Context, i digest.Issue, c digest.Chosen, story int64, in bool, why string) error {
	approved := i.State == "approved" || i.State == "countdown"
	if approved && !in {
		return nil // only named as Related News, or out already
	}
	if paid := in && c.Story.Has("paid"); approved || paid {
		switch {
		case paid:
			why = paidReason
		case why == "":
			why = "the article was changed on its site, its headline is now “" + c.Story.Title + "”"
		}
		if err := p.Guard.Remove(ctx, i.ID, []digest.Removal{{StoryID: story, Title: c.Title, Reason: why, Stands: true}}); err != nil {
			return err
		}
	}
	if err := p.Builder.Retell(ctx, i.ID, story); err != nil {
		return err
	}
	if _, err := p.Sealer.Seal(ctx, i.ID); err != nil {
		return err
	}
	p.Log.Info("story told anew", "issue", i.ID, "story", story, "left", approved)
	if approved {
		return p.approveRemoval(ctx, i, 1)
	}
	return nil
}

// approveRemoval is what follows when stories have left an approved issue by rule:
// a pure removal is approved by rule under policy send, unless an editor's subject
// speaks of what left; else the approver is called.
func (p *Press) approveRemoval(ctx context.Context, i digest.Issue, n int) error {
	findings, err := p.preflight(ctx, i.ID, false)
	if err != nil {
		return err
	}
	if i.Spec.Approval == "send" && !slices.ContainsFunc(digest.Bad(findings), func(f digest.Finding) bool { return f.Check == "subject" }) {
		return p.Sealer.Approve(ctx, i.ID, 0, fmt.Sprintf("rule: %d stories removed, nothing added", n), i.AtOnce)
	}
	if i, err = p.Digest.Issue(ctx, i.ID); err != nil {
		return err
	}
	return p.askApproval(ctx, i)
}
