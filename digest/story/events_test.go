package story

import (
	"bufio"
	"encoding/json"
	"fmt"
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

// marks count pairs that are right, wrong and to be found, and look-alikes that
// were merged into anything.
type marks struct{ right, wrong, all, merged int }

func (m *marks) add(o marks) {
	m.right, m.wrong, m.all, m.merged = m.right+o.right, m.wrong+o.wrong, m.all+o.all, m.merged+o.merged
}

func (m marks) f1() float64 { return 2 * float64(m.right) / float64(max(m.right+m.wrong+m.all, 1)) }

func (m marks) String() string {
	return fmt.Sprintf("pair F1 %.3f (precision %.3f, recall %.3f), %d look-alikes merged", m.f1(), float64(m.right)/float64(max(m.right+m.wrong, 1)), float64(m.right)/float64(max(m.all, 1)), m.merged)
}

// mark compares stories with events, and logs what is wrong when there is a t.
func mark(t testing.TB, reports []report, stories map[string]string) (m marks) {
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
				m.right++
			case together:
				m.wrong++
				if t != nil {
					t.Logf("wrong: %s %q + %s %q", a.ID, a.Title, b.ID, b.Title)
				}
			}
			if same {
				m.all++
			}
		}
		if a.Near != "" && joined {
			m.merged++
		}
	}
	return m
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
	var all marks
	for _, set := range sets {
		reports := readFrom(t, "testdata/"+set.name)
		m := mark(t, reports, asStories(Cluster(asDocs(reports, true))))
		t.Logf("%s: %v", set.name, m)
		if m.f1() < 0.6 {
			t.Errorf("%s: %v, want F1 of at least .60", set.name, m)
		}
		all.add(m)
	}
	t.Logf("all: %v", all)
	if all.f1() < 0.75 || all.merged > 80 {
		t.Errorf("all: %v, want F1 of at least .75 and at most 80 of 228 merged", all)
	}
}

// TestEventsAmongStrangers: a full window still knows reports of one event: those
// of a set stand among three times as many articles that have nothing to do with them.
func TestEventsAmongStrangers(t *testing.T) {
	reports := readFrom(t, "testdata/events6.jsonl")
	docs := asDocs(reports, true)
	for i, d := range newsroom(len(docs)*40/10 + 1)[:3*len(docs)] {
		d.Published = docs[i%len(docs)].Published
		docs = append(docs, d)
	}
	m := mark(t, reports, asStories(Cluster(docs)))
	if m.f1() < 0.5 || m.merged > 2 {
		t.Errorf("among strangers: %v, want F1 of at least .50 and at most 2 merged", m)
	}
}
