package story

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

// report is one line of testdata/*.jsonl: twenty events as three outlets
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
// go test ./digest/story -run TestFitForest -v -fit.
func TestEventsInDifferentWords(t *testing.T) {
	var all marks
	for _, set := range sets {
		reports := readFrom(t, "testdata/"+set.name)
		m := mark(t, reports, asStories(Cluster(asDocs(reports, true))))
		t.Logf("%s: %v", set.name, m)
		if least := map[string]float64{"hard": 0.48, "plain": 0.95, "free": 0.70}[set.kind]; m.f1() < least || set.kind == "plain" && m.merged > 0 {
			t.Errorf("%s, %s: %v, want F1 of at least %.2f, and of plain sets nothing merged", set.name, set.kind, m, least)
		}
		all.add(m)
	}
	t.Logf("all: %v", all)
	if all.f1() < 0.80 || all.merged > 150 {
		t.Errorf("all: %v, want F1 of at least .80 and at most 150 of 668 merged", all)
	}
}

// kept are six sets, by six writers more, that the forests must never learn from.
// The first two are plain, the others free; those who wrote the fourth and the
// sixth were asked to be sceptical.
var kept = []string{"kept1.jsonl", "kept2.jsonl", "kept3.jsonl", "kept4.jsonl", "kept5.jsonl", "kept6.jsonl"}

// TestEventsKeptAway is the aim: of events that the rule has not seen most
// reports meet, and no more than one of twenty look-alikes joins any.
func TestEventsKeptAway(t *testing.T) {
	for _, named := range []bool{true, false} {
		var all marks
		for _, name := range kept {
			reports := readFrom(t, "testdata/"+name)
			m := mark(nil, reports, asStories(Cluster(asDocs(reports, named))))
			t.Logf("%s, houses named %v: %v", name, named, m)
			if sceptic := name == "kept4.jsonl" || name == "kept6.jsonl"; named && !sceptic && (m.f1() < 0.85 || m.merged > 1) {
				t.Errorf("%s: %v, want F1 of at least .85 and at most one merged", name, m)
			}
			all.add(m)
		}
		t.Logf("all, houses named %v: %v", named, all)
		least, most := 0.85, 6 // of 120, one of twenty
		if !named {
			least, most = 0.83, 26
		}
		if all.f1() < least || all.merged > most {
			t.Errorf("all, houses named %v: %v, want F1 of at least %.2f and at most %d merged", named, all, least, most)
		}
	}
}

// TestEventsAmongStrangers: a full window still knows reports of one event: those
// of a set stand among three times as many articles that have nothing to do with them.
func TestEventsAmongStrangers(t *testing.T) {
	among(t, newsroom(321)[:240])
}

// TestQualityEventsAmongNews: so do real articles, of twenty houses.
func TestQualityEventsAmongNews(t *testing.T) {
	news := realArticles(t, "dev.jsonl.gz")
	for i := range news {
		news[i].Source = fmt.Sprint("house ", i%20)
	}
	among(t, news)
}

// among marks each kept set with others published at the same time.
func among(t *testing.T, others []Doc) {
	var all marks
	for _, name := range kept {
		reports := readFrom(t, "testdata/"+name)
		docs := asDocs(reports, true)
		for i, d := range others {
			d.Published = reports[i%len(reports)].Published.Add(time.Duration(i%7) * time.Minute)
			docs = append(docs, d)
		}
		m := mark(t, reports, asStories(Cluster(docs)))
		t.Logf("%s among %d others: %v", name, len(others), m)
		all.add(m)
	}
	t.Logf("all: %v", all)
	if all.f1() < 0.8 || all.merged > 6 {
		t.Errorf("all: %v, want F1 of at least .80 and at most 6 merged", all)
	}
}
