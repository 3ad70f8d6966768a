package digest

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

// TestPublished lists what readers got, by the edition that is asked for, finds it
// by subject and headline, and tells what was in it, labels included.
func TestPublished(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		r := newRoom(t, db)
		ctx := context.Background()
		opinion := r.tell(t, 1, time.Hour, "en")
		legal := r.tell(t, 2, 2*time.Hour, "en")
		gone := r.tell(t, 3, 3*time.Hour, "en")
		r.tellText(t, 4, 4*time.Hour, "ur", "شہر کی کونسل نے پیر کو منصوبے پر ووٹ دیا۔ رہائشیوں نے سڑک میں تبدیلی کا مطالبہ کیا تھا۔ میئر نے کہا کہ منصوبے پر سات لاکھ خرچ ہوں گے۔")
		n := r.newsletter(t, func(s *Spec) {
			s.MinStories, s.Editions = 1, []EditionSpec{{Name: "en", Language: "en"}, {Name: "ur", Language: "ur"}}
		})
		for story, flag := range map[int64]string{opinion: "opinion", legal: "legal"} {
			if err := r.FlagStory(ctx, story, flag, true); err != nil {
				t.Fatal(err)
			}
		}
		r.sealer.ArchiveURL = func(i Issue) string { return "https://digest.example/" + i.LinkKey }
		begin := func(i Issue) {
			t.Helper()
			if err := r.sealer.Approve(ctx, i.ID, 0, "ed", false); err != nil {
				t.Fatal(err)
			}
			if err := db.InTx(ctx, func(tx *sql.Tx) error { _, err := r.Start(ctx, tx, i.ID); return err }); err != nil {
				t.Fatal(err)
			}
		}
		got := func(edition, query string, limit, offset int) (numbers []int, list []Published) {
			t.Helper()
			list, total, err := r.Published(ctx, n.ID, edition, query, limit, offset)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range list {
				numbers = append(numbers, p.Number)
			}
			return append(numbers, total), list
		}
		first, _ := r.issueNow(t, n)
		if numbers, _ := got("en", "", 10, 0); !slices.Equal(numbers, []int{0}) {
			t.Errorf("before anything is sent: %v", numbers)
		}
		begin(first)
		r.now = r.now.Add(time.Hour)
		r.tell(t, 5, time.Minute*40, "en")
		second, _ := r.issueNow(t, n)
		begin(second)
		if err := r.Leave(ctx, second.ID, "cancelled", "a mistake"); err != nil {
			t.Fatal(err)
		}
		r.now = r.now.Add(time.Hour)
		third, _ := r.issueNow(t, n)
		if err := r.Leave(ctx, third.ID, "cancelled", "before it began"); err != nil {
			t.Fatal(err)
		}
		if len(first.LinkKey) < 26 || first.LinkKey == second.LinkKey {
			t.Errorf("the keys of two issues are %q and %q", first.LinkKey, second.LinkKey)
		}
		for _, c := range []struct {
			edition, query string
			limit, offset  int
			want           string // numbers, and how many in all
		}{
			{"en", "", 10, 0, "[2 1 2]"}, {"en", "", 1, 0, "[2 2]"}, {"en", "", 1, 1, "[1 2]"}, {"en", "", 10, 5, "[2]"},
			{"en", "COUNCIL plan", 10, 0, "[2 1 2]"}, {"en", "council", 1, 1, "[1 2]"}, {"en", "number 2", 10, 0, "[1 1]"},
			{"ur", "number 4", 10, 0, "[1 1]"}, {"en", "number 4", 10, 0, "[0]"}, {"none", "number 2", 10, 0, "[1 1]"}, {"en", "100%", 10, 0, "[0]"},
		} {
			if numbers, _ := got(c.edition, c.query, c.limit, c.offset); fmt.Sprint(numbers) != c.want {
				t.Errorf("%+v: got %v", c, numbers)
			}
		}
		if _, err := db.Write.ExecContext(ctx, `update stories set state = 'gone' where id = $1`, gone); err != nil {
			t.Fatal(err)
		}
		_, list := got("en", "", 10, 0)
		p := list[1]
		if p.Edition != "en" || p.Language != "en" || p.Subject == "" || p.Stories != 3 || p.At.Location().String() != "Europe/Berlin" || !p.At.Equal(first.SlotAt) {
			t.Errorf("the first issue is listed as %+v", p)
		}
		told, err := r.Headlines(ctx, list)
		if err != nil {
			t.Fatal(err)
		}
		labels := map[string]string{}
		for _, h := range told[first.ID] {
			labels[h.Title] = h.Label
			if h.URL == "" || h.Source != "The News" || h.Language != "en" || h.Direction != "ltr" {
				t.Errorf("headline %+v", h)
			}
		}
		if fmt.Sprint(labels) != "map[Council votes on plan number 1:opinion Council votes on plan number 2:]" {
			t.Errorf("the first issue told %v", labels)
		}
	})
}
