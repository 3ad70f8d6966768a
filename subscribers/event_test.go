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
