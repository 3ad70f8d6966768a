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
	rows, err := db.Read.QueryContext(t.Context(), "explain query plan "+revokedSQL, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, cost int
		var step string
		if err := rows.Scan(&id, &parent, &cost, &step); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(step, "SCAN") {
			t.Error(step)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
