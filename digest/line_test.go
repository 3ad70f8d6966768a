package digest

import (
	"cmp"
	"context"
	"slices"
	"testing"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

// TestLines lists issues as the desk shows them: by what they are called, on their
// newsletter's clock.
func TestLines(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		ctx := context.Background()
		first := r.draft(t)
		if err := r.Leave(ctx, first.ID, "skipped", "a holiday"); err != nil {
			t.Fatal(err)
		}
		r.now = r.now.AddDate(0, 0, 1)
		n := r.newsletter(t, nil)
		slot, err := r.AddSlot(ctx, n.ID, r.now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Begin(ctx, n, slot); err != nil {
			t.Fatal(err)
		}
		list, total, err := r.Lines(ctx, LineFilter{Page: 1, Per: 10})
		if err != nil || len(list) != 2 || total != 2 {
			t.Fatal(list, total, err)
		}
		if l := list[0]; l.Number != 2 || l.State != "building" || l.Subject != "Morning" || l.SlotAt.Format("2006-01-02 15:04 MST") != "2026-03-21 13:00 CET" {
			t.Errorf("the unsealed one: %+v", l)
		}
		if l := list[1]; l.ID != first.ID || l.Name != "morning" || l.Newsletter != "Morning" || l.State != "skipped" || l.Reason != "a holiday" || l.Subject == "Morning" || !l.Started.IsZero() {
			t.Errorf("the sealed one: %+v", l)
		}
		if _, err := db.Write.ExecContext(ctx, `update issues set reason = 'ein Übel', audience = 7 where id = $1`, first.ID); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			LineFilter
			numbers []int
			total   int
		}{
			{LineFilter{Per: 1}, []int{2}, 2},
			{LineFilter{Per: 1, Page: 2}, []int{1}, 2},
			{LineFilter{Per: 1, Page: 3}, nil, 2},
			{LineFilter{Sort: "newsletter"}, []int{1, 2}, 2},
			{LineFilter{Sort: "-newsletter"}, []int{2, 1}, 2},
			{LineFilter{Sort: "slot"}, []int{1, 2}, 2},
			{LineFilter{Sort: "-state"}, []int{1, 2}, 2},
			{LineFilter{Sort: "-readers"}, []int{1, 2}, 2},
			{LineFilter{Sort: "readers", Per: 1}, []int{2}, 2},
			{LineFilter{Sort: "what is this"}, []int{2, 1}, 2},
			{LineFilter{State: "skipped"}, []int{1}, 1},
			{LineFilter{Search: " übel "}, []int{1}, 1},
			{LineFilter{Search: "MORNING no. 2"}, []int{2}, 1},
			{LineFilter{Search: "morning", Sort: "slot", Per: 1, Page: 2}, []int{2}, 2},
			{LineFilter{Search: "übel", State: "building"}, nil, 0},
		} {
			c.Page, c.Per = max(c.Page, 1), cmp.Or(c.Per, 10)
			list, total, err := r.Lines(ctx, c.LineFilter)
			var numbers []int
			for _, l := range list {
				numbers = append(numbers, l.Number)
			}
			if err != nil || !slices.Equal(numbers, c.numbers) || total != c.total {
				t.Errorf("%+v: %v of %d, %v; want %v of %d", c.LineFilter, numbers, total, err, c.numbers, c.total)
			}
		}
		if counts, err := r.LineCounts(ctx); err != nil || counts["skipped"] != 1 || counts["building"] != 1 {
			t.Errorf("counts: %v, %v", counts, err)
		}
	})
}
