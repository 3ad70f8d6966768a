package story

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// newsroom makes n articles of about 350 words within three days, each tenth a
// shortened copy of an earlier one. Words are as unevenly spread as in any
// language.
func newsroom(n int) []Doc {
	r := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(r, 1.1, 3, 40_000)
	word := func() string {
		k := zipf.Uint64()
		w := fmt.Sprintf("w%x", k*2654435761%99991)
		if k > 2000 && r.IntN(8) == 0 {
			w = strings.ToUpper(w[:1]) + w[1:]
		}
		return w
	}
	sentence := func(n int) string {
		ws := make([]string, n)
		for i := range ws {
			ws[i] = word()
		}
		return strings.Join(ws, " ")
	}
	docs := make([]Doc, n)
	for i := range docs {
		docs[i] = Doc{ID: fmt.Sprint("a", i), Title: sentence(9), Published: monday.Add(time.Duration(r.IntN(72*60)) * time.Minute),
			Source: fmt.Sprint("s", r.IntN(40))}
		if i > 50 && i%10 == 0 {
			of := docs[i-1-r.IntN(50)]
			docs[i].Published, docs[i].Text = of.Published.Add(time.Hour), of.Text[:len(of.Text)*2/3]
			continue
		}
		var b strings.Builder
		for range 20 {
			b.WriteString("The " + sentence(17) + ".\n")
		}
		docs[i].Text = b.String()
	}
	return docs
}

func TestClusterIgnoresTheOrder(t *testing.T) {
	docs := append(newsroom(120), asDocs(readReports(t), true)...)
	docs = append(docs, docs[3], Doc{ID: "undated", Title: docs[0].Title, Text: docs[0].Text})
	want := Cluster(docs)
	if want["undated"].Story == "undated" && want[docs[0].ID].Story != "undated" {
		t.Errorf("a copy without a date is alone")
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 3 {
		r.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		if got := Cluster(docs); !maps.Equal(got, want) {
			t.Fatal("another order gives other stories")
		}
	}
}

func TestLoadCopiesAmongMany(t *testing.T) {
	stories := asStories(Cluster(newsroom(1500)))
	distinct := map[string]bool{}
	for _, s := range stories {
		distinct[s] = true
	}
	if n := len(distinct); n < 1330 || n > 1370 {
		t.Errorf("1,500 articles, every tenth a copy: got %d stories, want about 1,355", n)
	}
}

// BenchmarkTenThousand reports what clustering 10,000 articles takes and what
// an index of them holds.
func BenchmarkTenThousand(b *testing.B) {
	docs := newsroom(10_000)
	for b.Loop() {
		Cluster(docs)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var c Clusterer
	c.Cluster(docs)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-held")
	runtime.KeepAlive(&c)
}

func TestRelated(t *testing.T) {
	reports := readReports(t)
	docs := asDocs(reports, true)
	at := slices.IndexFunc(reports, func(r report) bool { return r.ID == "02a" })
	got := NewRelated(docs).To(docs[at], 3)
	if len(got) == 0 || got[0] != "02n" {
		t.Errorf("nearest to %q: got %v, want the other story about the bank first", docs[at].Title, got)
	}
	for _, id := range got {
		if strings.HasPrefix(id, "02") && id != "02n" {
			t.Errorf("got %s, which tells the same event", id)
		}
	}
	if got := NewRelated(nil).To(docs[at], 3); got != nil {
		t.Errorf("among none: got %v", got)
	}
}
