package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pressrun/digest"
)

// This file is what happens to an issue that waits. It is looked at on its
// site in a job of its own, every digest.GuardEvery and after an approval: the
// clock and the send read what the job has done to the rows, and never wait for
// a site.

// orderWatch has a waiting issue looked at, once for each GuardEvery.
func (p *Press) orderWatch(ctx context.Context, id int64) error {
	round := p.Now().UnixNano() / int64(digest.GuardEvery)
	if p.watched[id] == round {
		return nil
	}
	if err := p.once(ctx, watchJob{Issue: id, Round: round}); err != nil {
		return err
	}
	p.watched[id] = round
	return nil
}

// Watch looks at the stories and pictures of a waiting issue on their site.
// Stories that are gone or changed leave by rule, and the issue is sealed again;
// pictures are dropped where nobody is asked.
func (p *Press) Watch(ctx context.Context, id int64) error {
	i, err := p.Digest.Issue(ctx, id)
	if err != nil {
		return err
	}
	switch i.State {
	case "draft", "held", "approved", "countdown":
	default:
		return nil // it has moved on
	}
	if err := p.guard(ctx, i); errors.Is(err, digest.ErrState) {
		return nil // it moved on while we looked
	} else if err != nil {
		return err
	}
	findings, err := p.preflight(ctx, id, true)
	if err != nil || i.State != "draft" || i.Spec.Approval != "send" {
		return err
	}
	if n, err := p.Guard.Repair(ctx, id, digest.Bad(findings)); err != nil || n == 0 {
		return err
	}
	_, err = p.Sealer.Seal(ctx, id)
	return err
}

// preflight looks at an issue as it is sealed, and with look at its pictures, too.
func (p *Press) preflight(ctx context.Context, id int64, look bool) ([]digest.Finding, error) {
	d, err := p.Sealer.Draft(ctx, id)
	if err != nil {
		return nil, err
	}
	editions, err := p.Digest.Editions(ctx, id, d.Issue.Revision)
	if err != nil {
		return nil, err
	}
	if look {
		p.Pictures.Look(ctx, editions)
	}
	return digest.Preflight(d, editions, digest.Look{Picture: p.Pictures.Problem, ReadersHere: p.isDemo}), nil
}

// repair does what the preflight of an issue names when nobody is there: it
// drops pictures and stories, and holds the issue when that does not help.
func (p *Press) repair(ctx context.Context, id int64) (held bool, err error) {
	list, err := p.preflight(ctx, id, false)
	if err != nil {
		return false, err
	}
	bad := digest.Bad(list)
	for _, f := range bad {
		p.Log.Warn("preflight", "issue", id, "found", f.Text, "repair", f.Repair)
	}
	if n, err := p.Guard.Repair(ctx, id, bad); err != nil {
		return false, err
	} else if n > 0 {
		if _, err := p.Sealer.Seal(ctx, id); err != nil && !errors.Is(err, digest.ErrThin) {
			return false, err
		}
		if list, err = p.preflight(ctx, id, false); err != nil {
			return false, err
		}
		bad = digest.Bad(list)
	}
	if len(bad) == 0 {
		return false, nil
	}
	if err := p.raise(ctx, "preflight", fmt.Sprintf("issue %d", id), bad[0].Text+" Mend that and approve the issue."); err != nil {
		return false, err
	}
	return true, p.Digest.MoveIssue(ctx, p.DB.Write, id, "held", bad[0].Text, "draft")
}

// guard takes retracted stories out of a waiting issue and seals it again, and
// has every issue that shows a corrected one tell it anew.
func (p *Press) guard(ctx context.Context, i digest.Issue) error {
	list, err := p.Guard.Check(ctx, i.ID)
	if errors.Is(err, digest.ErrSiteTrouble) {
		failed := p.raise(ctx, "site", fmt.Sprintf("issue %d", i.ID), "The site may be down or changed: "+strings.TrimSuffix(err.Error(), ": "+digest.ErrSiteTrouble.Error())+
			". An issue of what is left would be a poor one, so it waits. Look at the site, drop what is really gone, and approve the issue when the site shows the rest.")
		if failed != nil || i.State == "held" {
			return failed
		}
		// Approved or counted down while we looked, it has to wait as well.
		return p.Digest.MoveIssue(ctx, p.DB.Write, i.ID, "held", err.Error(), "draft", "approved", "countdown")
	}
	if err != nil {
		return err
	}
	var gone []digest.Removal
	for _, r := range list {
		if !r.Changed() {
			gone = append(gone, r)
			continue
		}
		if err := p.Guard.Correct(ctx, r); err != nil {
			return err
		}
		if err := p.corrected(ctx, r.StoryID, r.Reason); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if i, err = p.Digest.Issue(ctx, i.ID); err != nil {
		return err
	}
	if err := p.Guard.Remove(ctx, i.ID, gone); err != nil {
		return err
	}
	if _, err := p.Sealer.Seal(ctx, i.ID); err != nil {
		return err
	}
	for _, r := range gone {
		p.Log.Info("story removed by rule", "issue", i.ID, "story", r.StoryID, "reason", r.Reason)
	}
	if i.State != "approved" && i.State != "countdown" {
		return nil
	}
	return p.approveRemoval(ctx, i, len(gone))
}
