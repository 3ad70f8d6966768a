package subscribers

import (
	"strings"
	"testing"

	"pressrun/deploy/schema/schematest"
)

// TestRevokedReadsNoTable: what is asked twice a second reads what has changed,
// not all readers.
func TestRevokedReadsNoTable(t *testing.T) {
	db := schematest.SQLite(t)
	for _, step := range schematest.Plan(t, db, revokedSQL, 1) {
		if strings.HasPrefix(step, "SCAN") {
			t.Error(step)
		}
	}
}

// TestListsAreCountedFromIndexes: the subscriptions themselves are looked up for
// suppressed readers alone.
func TestListsAreCountedFromIndexes(t *testing.T) {
	steps := schematest.Plan(t, schematest.SQLite(t), countLists)
	for _, step := range steps {
		if strings.HasPrefix(step, "SCAN s") && !strings.Contains(step, "COVERING INDEX") {
			t.Errorf("%q of %q", step, steps)
		}
	}
}

// TestPlansLookReadersUp: who is on a list, in a state that few are in, or suppressed, is
// not looked for among all readers, and the newest are not found by sorting all.
func TestPlansLookReadersUp(t *testing.T) {
	db := schematest.SQLite(t)
	for _, f := range []Filter{{}, {List: "daily"}, {List: "daily", State: "paused"}, {State: "pending"}, {State: "suppressed"}} {
		where, args, err := f.where(db.Engine)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range schematest.Plan(t, db, chosenSQL(where, orders[f.Sort], len(args)+2), append(args, 50, 0)...) {
			if f != (Filter{}) && strings.HasPrefix(step, "SCAN u") || f == (Filter{}) && strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%+v: %s", f, step)
			}
		}
	}
}
