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
