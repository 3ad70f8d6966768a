package mailer

import (
	"strings"
	"testing"

	"pressrun/deploy/schema/schematest"
)

// TestNoFullScan: what is done for one reader does not read all letters, nor all
// copies of an issue.
func TestNoFullScan(t *testing.T) {
	db := schematest.SQLite(t)
	for query, args := range map[string][]any{dropLettersSQL: {1, "a@b.example"}, extendSQL: {1, 1}, unfinishedSQL(db.Engine): {1}} {
		for _, step := range schematest.Plan(t, db, query, args...) {
			due := strings.Contains(step, "deliveries_due") // holds what is not done with alone
			if strings.HasPrefix(step, "SCAN") && !due && step != "SCAN CONSTANT ROW" && !strings.Contains(step, "VIRTUAL TABLE") || strings.Contains(step, "deliveries ") && !due {
				t.Errorf("%s: %s", query, step)
			}
		}
	}
}

// TestLedgerReadsIndexes: what the pages of an issue ask, while it goes out and after,
// does not read the rows of all its copies.
func TestLedgerReadsIndexes(t *testing.T) {
	db := schematest.SQLite(t)
	failed, doubtful := Filter{State: StateFailed}.listing(db.Engine, 1, 0), Filter{WasUncertain: true}.listing(db.Engine, 1, 0)
	for query, args := range map[string][]any{
		countsSQL(db.Engine):          {1},
		failed.query + order(false):   failed.args,
		doubtful.query + order(false): doubtful.args,
	} {
		for _, step := range schematest.Plan(t, db, query, args...) {
			few := strings.Contains(step, "deliveries_other") || strings.Contains(step, "deliveries_doubtful") || strings.Contains(step, "COVERING INDEX")
			if strings.Contains(step, "deliveries") && !few || strings.Contains(step, "SEARCH d ") && !few {
				t.Errorf("%s: %s", query, step)
			}
		}
	}
}
