package digest

import (
	"context"
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
		list, err := r.Lines(ctx, 10)
		if err != nil || len(list) != 2 {
			t.Fatal(list, err)
		}
		if l := list[0]; l.Number != 2 || l.State != "building" || l.Subject != "Morning" || l.SlotAt.Format("2006-01-02 15:04 MST") != "2026-03-21 13:00 CET" {
			t.Errorf("the unsealed one: %+v", l)
		}
		if l := list[1]; l.ID != first.ID || l.Name != "morning" || l.Newsletter != "Morning" || l.State != "skipped" || l.Reason != "a holiday" || l.Subject == "Morning" || !l.Started.IsZero() {
			t.Errorf("the sealed one: %+v", l)
		}
		if list, err := r.Lines(ctx, 1); err != nil || len(list) != 1 || list[0].Number != 2 {
			t.Errorf("the newest alone: %+v, %v", list, err)
		}
	})
}
