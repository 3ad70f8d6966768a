package digest

import (
	"strings"
	"testing"

	"pressrun/deploy/schema/schematest"
)

// TestPlansKeepToWhatIsNew: what is asked every minute does not read all stories and
// issues there ever were.
func TestPlansKeepToWhatIsNew(t *testing.T) {
	db := schematest.SQLite(t)
	among, ids := db.Engine.Among("m.story_id", 1, []int64{1, 2})
	for query, args := range map[string][]any{
		storiesSQL: {1}, confirmedSQL: {1}, recentSQL: {1, 2}, seenInSQL: {1},
		memberKeysSQL(among): {ids}, memberNamesSQL(among): {ids},
		issuesSQL(""): {5}, issuesSQL("where i.newsletter_id = $2"): {5, 1},
	} {
		for _, step := range schematest.Plan(t, db, query, args...) {
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "VIRTUAL TABLE") && !strings.Contains(step, "issues_newest") || strings.HasSuffix(step, "(state=?)") {
				t.Errorf("%s: %s", query, step)
			}
		}
	}
}
