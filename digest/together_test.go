package digest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/trend"
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

// Several editors change different stories of an issue in the same moment: nothing
// anybody did is lost, and nobody meets an error.
func TestEditorsAtOnce(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		issue := r.draft(t)
		list, err := r.Chosen(ctx, issue.ID)
		if err != nil {
			t.Fatal(err)
		}
		for round := range 5 {
			var all sync.WaitGroup
			for n, c := range list {
				all.Go(func() {
					title, to := fmt.Sprintf("By %d in round %d", c.Story.ID, round), 1+(n+round)%len(list)
					if err := r.EditIssue(ctx, issue.ID, Edit{Edition: "en", StoryID: c.Story.ID, Title: &title, To: &to}, "ed"); err != nil {
						t.Errorf("editor %d: %v", n, err)
					}
				})
			}
			all.Wait()
			after := mustChosen(t, r, issue.ID)
			if len(after) != len(list) {
				t.Fatalf("%d stories, want %d", len(after), len(list))
			}
			for n, c := range after {
				if want := fmt.Sprintf("By %d in round %d", c.Story.ID, round); c.Title != want || c.Position != n+1 {
					t.Errorf("story %d reads %q and stands at %d, want %q at %d", c.Story.ID, c.Title, c.Position, want, n+1)
				}
			}
		}
	})
}

// While stories are chosen anew somebody edits the issue, or it leaves the desk: his
// change is kept, and what readers get is not touched.
func TestBuiltAnewBesideOthers(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		issue := r.draft(t)
		list, err := r.Chosen(ctx, issue.ID)
		if err != nil {
			t.Fatal(err)
		}
		rank := r.Rank
		meanwhile := func(do func()) {
			r.Rank = func(ctx context.Context, cands []trend.Candidate) (trend.Result, error) {
				r.Rank = rank
				do()
				return rank(ctx, cands)
			}
		}
		drop := true
		meanwhile(func() {
			if err := r.EditIssue(ctx, issue.ID, Edit{Edition: "en", StoryID: list[1].Story.ID, Drop: &drop}, "ed"); err != nil {
				t.Error(err)
			}
		})
		if err := r.Rebuild(ctx, issue.ID); err != nil {
			t.Fatal(err)
		}
		for _, c := range mustChosen(t, r, issue.ID) {
			if c.Story.ID == list[1].Story.ID && c.State != "dropped" {
				t.Errorf("what an editor dropped meanwhile is %s", c.State)
			}
		}
		if _, err := r.sealer.Seal(ctx, issue.ID); err != nil {
			t.Fatal(err)
		}
		r.tell(t, 77, 1, "en") // it would stand first
		r.newsletter(t, func(s *Spec) { s.Settle = Duration(1e9); s.Latest = 2; s.Trending = 0 })
		before := mustChosen(t, r, issue.ID)
		meanwhile(func() {
			if err := r.sealer.Approve(ctx, issue.ID, 0, "he", false); err != nil {
				t.Error(err)
			}
		})
		if err := r.Rebuild(ctx, issue.ID); !errors.Is(err, ErrState) {
			t.Errorf("building an issue anew that was approved meanwhile: %v, want ErrState", err)
		}
		after := mustChosen(t, r, issue.ID)
		if len(after) != len(before) {
			t.Fatalf("the approved issue has %d stories, it had %d", len(after), len(before))
		}
		for n := range after {
			if after[n].Story.ID != before[n].Story.ID {
				t.Errorf("place %d of the approved issue: story %d, was %d", n+1, after[n].Story.ID, before[n].Story.ID)
			}
		}
	})
}

func mustChosen(t *testing.T, r *room, issue int64) []Chosen {
	t.Helper()
	list, err := r.Chosen(t.Context(), issue)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
