package story

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// report is one line of testdata/events.jsonl: twenty events as three outlets
// would report each, and one look-alike per event (Near says of which) that
// shares at least two names and the date.
type report struct {
	ID, Event, Near, Title, Text, Source string
	Published                            time.Time
}

func readReports(t testing.TB) []report {
	t.Helper()
	return readFrom(t, "testdata/events.jsonl")
}

func readFrom(t testing.TB, name string) []report {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []report
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var r report
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func asStories(places map[string]Place) map[string]string {
	out := map[string]string{}
	for id, p := range places {
		out[id] = p.Story
	}
	return out
}

func gradeQuiet(reports []report, stories map[string]string) (f1 float64, merged int) {
	return grade(nil, reports, stories)
}

// grade compares stories with events: the F1 of pairs, and how many look-alikes were merged into anything.
func grade(t testing.TB, reports []report, stories map[string]string) (f1 float64, merged int) {
	var tp, fp, all float64
	for i, a := range reports {
		joined := false
		for j, b := range reports {
			if i == j {
				continue
			}
			same, together := a.Event == b.Event, stories[a.ID] == stories[b.ID]
			joined = joined || together
			if i > j {
				continue
			}
			switch {
			case same && together:
				tp++
			case together:
				fp++
				if t == nil {
					continue
				}
				t.Logf("wrong: %s %q + %s %q", a.ID, a.Title, b.ID, b.Title)
			}
			if same {
				all++
			}
		}
		if a.Near != "" && joined {
			merged++
		}
	}
	return 2 * tp / (tp + fp + all), merged
}

func asDocs(reports []report, withSource bool) []Doc {
	var docs []Doc
	for _, r := range reports {
		d := Doc{ID: r.ID, Title: r.Title, Text: r.Text, Published: r.Published}
		if withSource {
			d.Source = r.Source
		}
		docs = append(docs, d)
	}
	return docs
}

// TestEventsInDifferentWords: what the rule has learned it still knows. How it
// does on events it has not seen is in the package comment, told by
// go test -run TestFitForest -fit -v.
func TestEventsInDifferentWords(t *testing.T) {
	for name, want := range map[string]struct {
		f1     float64
		merged int
	}{"events.jsonl": {0.93, 4}, "events2.jsonl": {0.80, 3}, "events3.jsonl": {0.85, 2}} {
		reports := readFrom(t, "testdata/"+name)
		f1, merged := grade(t, reports, asStories(Cluster(asDocs(reports, true))))
		t.Logf("%s: pair F1 %.3f, %d look-alikes merged", name, f1, merged)
		if f1 < want.f1 || merged > want.merged {
			t.Errorf("%s: pair F1 %.3f, want at least %.2f; %d look-alikes merged, want at most %d", name, f1, want.f1, merged, want.merged)
		}
	}
}
