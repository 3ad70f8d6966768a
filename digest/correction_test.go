package digest

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

// TestCorrection publishes corrections of an issue that readers got: each is told by
// one issue after it, the one that waits or else the next, in its own edition, and by
// another when that one goes out to nobody.
func TestCorrection(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		ctx := context.Background()
		for n := range 9 {
			r.tell(t, n+1, time.Duration(n+1)*time.Hour, "en")
		}
		n := r.newsletter(t, func(s *Spec) {
			s.MinStories, s.Trending, s.Latest, s.Editions = 1, 1, 1, []EditionSpec{{Name: "en", Language: "en"}, {Name: "all", Language: "en", Languages: []string{"*"}}}
		})
		r.sealer.ArchiveURL = func(i Issue) string { return "https://digest.example/" + i.LinkKey }
		begin := func(i Issue) {
			t.Helper()
			if err := r.sealer.Approve(ctx, i.ID, 0, "ed", false); err != nil {
				t.Fatal(err)
			}
			if err := db.InTx(ctx, func(tx *sql.Tx) error { _, err := r.Start(ctx, tx, i.ID); return err }); err != nil {
				t.Fatal(err)
			}
			if err := r.UseStories(ctx, i); err != nil {
				t.Fatal(err)
			}
			r.now = r.now.Add(time.Minute)
		}
		correct := func(issue int64, edition, text string, next bool) Correction {
			t.Helper()
			c, err := r.Correct(ctx, Correction{IssueID: issue, Edition: edition, Text: text, InNext: next, By: "ed"})
			if err != nil {
				t.Fatal(err)
			}
			if c.ToldIn != 0 {
				if _, err := r.sealer.Seal(ctx, c.ToldIn); err != nil {
					t.Fatal(err)
				}
			}
			return c
		}
		says := func(i Issue, edition, text string) bool {
			t.Helper()
			now, err := r.Issue(ctx, i.ID)
			if err != nil {
				t.Fatal(err)
			}
			list, err := r.Editions(ctx, i.ID, now.Revision)
			if err != nil || len(list) != 4 {
				t.Fatalf("%d editions, %v", len(list), err)
			}
			found := 0
			for _, e := range list {
				if strings.TrimSuffix(e.Name, TextSuffix) != edition {
					continue
				}
				if strings.Contains(e.Text, text) && (e.TextOnly || strings.Contains(e.HTML, text)) {
					found++
				}
			}
			if found == 1 {
				t.Errorf("issue %d: edition %s says %q in one form alone", i.Number, edition, text)
			}
			return found == 2
		}
		first, _ := r.issueNow(t, n)
		if _, err := r.Correct(ctx, Correction{IssueID: first.ID, Text: "Too early.", By: "ed"}); !isCorrection(err) {
			t.Errorf("an issue that no reader has: %v", err)
		}
		begin(first)
		for _, c := range []Correction{{Text: " \r\n\t"}, {Text: strings.Repeat("ä", MaxCorrection+1)}, {Text: "Right.", Edition: "fr"}, {Text: "Right.", Edition: "en" + TextSuffix}} {
			c.IssueID = first.ID
			if _, err := r.Correct(ctx, c); !isCorrection(err) {
				t.Errorf("%.20q in edition %q: %v", c.Text, c.Edition, err)
			}
		}
		if _, err := r.Correct(ctx, Correction{IssueID: 999, Text: "Right."}); !errors.Is(err, ErrNotFound) {
			t.Errorf("of no issue: %v", err)
		}
		one := correct(first.ID, "", "  It is   eleven,\r\n\r\nnot nine. ", true)
		if one.Edition != "en" || one.Text != "It is eleven,\nnot nine." || one.ToldIn != 0 {
			t.Errorf("the first: %+v", one)
		}
		correct(first.ID, "en", "For the archive alone.", false)
		gone := correct(first.ID, "en", "Wrong itself.", true)
		if waits, err := r.Withdraw(ctx, first.ID, gone.ID); err != nil || waits != 0 {
			t.Error(waits, err)
		}
		second, _ := r.issueNow(t, n)
		if !says(second, "en", "It is eleven,") || !says(second, "en", "not nine.") || says(second, "all", "It is eleven,") || says(second, "en", "For the archive") || says(second, "en", "Wrong itself") {
			t.Error("the next issue does not tell what it should")
		}
		// What waits tells it at once, and what was approved is not touched.
		late := correct(first.ID, "all", "And the harbour has two piers.", true)
		if late.ToldIn != second.ID || !says(second, "all", "two piers") || says(second, "en", "two piers") {
			t.Errorf("with a draft that waits: %+v", late)
		}
		if waits, err := r.Withdraw(ctx, first.ID, late.ID); err != nil || waits != second.ID {
			t.Errorf("taken back from a draft: %d, %v", waits, err)
		}
		if _, err := r.sealer.Seal(ctx, second.ID); err != nil || says(second, "all", "two piers") {
			t.Errorf("the draft tells what was taken back, %v", err)
		}
		if err := r.sealer.Approve(ctx, second.ID, 0, "ed", false); err != nil {
			t.Fatal(err)
		}
		after := correct(first.ID, "en", "Approved already.", true)
		if after.ToldIn != 0 {
			t.Errorf("an approved issue was changed: %+v", after)
		}
		if _, err := r.Withdraw(ctx, first.ID, one.ID); !errors.Is(err, ErrState) {
			t.Errorf("taken back although an approved issue tells it: %v", err)
		}
		if err := r.Leave(ctx, second.ID, "skipped", "a holiday"); err != nil {
			t.Fatal(err)
		}
		// Nobody got the second: the third tells it all.
		r.now = r.now.Add(time.Minute)
		third, _ := r.issueNow(t, n)
		if !says(third, "en", "It is eleven,") || !says(third, "en", "Approved already.") {
			t.Error("what a skipped issue was to tell is told by none")
		}
		begin(third)
		if waits, err := r.Withdraw(ctx, first.ID, one.ID); err != nil || waits != 0 {
			t.Errorf("taken back after it was told: %d, %v", waits, err)
		}
		d, err := r.sealer.Draft(ctx, third.ID)
		if err != nil || len(d.Corrections) != 2 || d.Corrections[0].URL != "https://digest.example/"+first.LinkKey {
			t.Errorf("what the third issue was made of: %+v, %v", d.Corrections, err)
		}
		fourth, _ := r.issueNow(t, n)
		if says(fourth, "en", "It is eleven,") || says(fourth, "en", "Approved already.") {
			t.Error("it is told twice")
		}
		made, err := r.Corrections(ctx, first.ID, third.ID)
		if err != nil || len(made[first.ID]) != 2 || len(made) != 1 {
			t.Fatalf("%+v, %v", made, err)
		}
		for i, want := range []string{"in the archive alone", "in the archive, and in No. 3"} {
			if got := made[first.ID][i].Standing(); got != want {
				t.Errorf("the correction %q stands %q, want %q", made[first.ID][i].Text, got, want)
			}
		}
		if _, err := r.Withdraw(ctx, third.ID, after.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("taken back from another issue: %v", err)
		}
		// Who joins now is not welcomed with what was corrected.
		if err := r.Leave(ctx, fourth.ID, "skipped", "a holiday"); err != nil {
			t.Fatal(err)
		}
		if i, err := r.Newest(ctx, n.ID); err != nil || i.ID != third.ID {
			t.Errorf("the newest is %d, %v", i.ID, err)
		}
		of := correct(third.ID, "", "The vote is on Thursday.", false)
		if i, err := r.Newest(ctx, n.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("the newest is %d although it was corrected, %v", i.ID, err)
		}
		if _, err := r.Withdraw(ctx, third.ID, of.ID); err != nil {
			t.Fatal(err)
		}
		if i, err := r.Newest(ctx, n.ID); err != nil || i.ID != third.ID {
			t.Errorf("the newest is %d after the correction was taken back, %v", i.ID, err)
		}
	})
}

func isCorrection(err error) bool {
	_, ok := errors.AsType[ErrCorrection](err)
	return ok
}
