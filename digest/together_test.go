package digest

import (
	"errors"
	"testing"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

// What was approved goes out as it is, although what it was made of has changed since:
// looking at it, or a test, seals nothing anew.
func TestApprovedIsNotSealedAgain(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		issue := r.draft(t)
		if err := r.sealer.Approve(ctx, issue.ID, issue.Revision, "ed", false); err != nil {
			t.Fatal(err)
		}
		before, err := r.sealer.Seal(ctx, issue.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Write.ExecContext(ctx, `update stories set title = title || ', corrected'`); err != nil { // on their site, Related News too
			t.Fatal(err)
		}
		after, err := r.sealer.Seal(ctx, issue.ID)
		if err != nil || after[0].Hash != before[0].Hash {
			t.Errorf("the seal of an approved issue is %.8s, it was %.8s (%v)", after[0].Hash, before[0].Hash, err)
		}
		if got := r.get(t, issue.ID); got.Revision != issue.Revision || got.State != "approved" {
			t.Errorf("the issue is %s at revision %d, want approved at %d", got.State, got.Revision, issue.Revision)
		}
	})
}

// Nobody approves what he has not seen: an edit that is stored but not sealed yet, or
// another revision, keeps the issue a draft.
func TestApproveWhatWasSeen(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		issue := r.draft(t)
		list, err := r.Chosen(ctx, issue.ID)
		if err != nil {
			t.Fatal(err)
		}
		title := "What she wrote meanwhile"
		if err := r.EditIssue(ctx, issue.ID, Edit{Edition: "en", StoryID: list[0].Story.ID, Title: &title}, "she"); err != nil {
			t.Fatal(err)
		}
		refused := func(when string) {
			t.Helper()
			if err := r.sealer.Approve(ctx, issue.ID, issue.Revision, "he", false); !errors.Is(err, ErrState) {
				t.Errorf("%s: approving revision %d: %v, want ErrState", when, issue.Revision, err)
			}
			if got := r.get(t, issue.ID); got.State != "draft" || got.ApprovedBy != "" {
				t.Errorf("%s: the issue is %s, approved by %q", when, got.State, got.ApprovedBy)
			}
		}
		refused("edited")
		if _, err := r.sealer.Seal(ctx, issue.ID); err != nil {
			t.Fatal(err)
		}
		refused("sealed anew")
		if err := r.sealer.Approve(ctx, issue.ID, issue.Revision+1, "he", false); err != nil {
			t.Errorf("approving what is sealed: %v", err)
		}
	})
}
