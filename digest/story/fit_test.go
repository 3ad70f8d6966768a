package story

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pressrun/digest/summary"
)

var fit = flag.Bool("fit", false, "fit the forests anew, write forest.go and common.txt and tell how it does on sets it has not seen")

// sets are the hand-written events, each of the form of report, and who wrote
// them. Only the first writer had seen this package. The hard ones look for what
// might mislead: each house has an angle of its own and words that no other has,
// and look-alikes are as like as can be. The plain ones are what houses write.
var sets = []struct {
	name   string
	writer int
	kind   string
}{
	{"events.jsonl", 0, "hard"}, {"events2.jsonl", 0, "hard"}, {"events3.jsonl", 1, "hard"}, {"events4.jsonl", 2, "hard"}, {"events5.jsonl", 2, "hard"},
	{"events6.jsonl", 3, "hard"}, {"events7.jsonl", 3, "hard"}, {"events8.jsonl", 4, "hard"}, {"events9.jsonl", 4, "hard"}, {"events10.jsonl", 5, "hard"}, {"events11.jsonl", 5, "hard"},
	{"events12.jsonl", 6, "plain"}, {"events13.jsonl", 7, "plain"}, {"events14.jsonl", 8, "plain"}, {"events15.jsonl", 9, "plain"}, {"events16.jsonl", 10, "plain"},
	{"events17.jsonl", 11, "plain"}, {"events18.jsonl", 12, "plain"}, {"events19.jsonl", 13, "free"}, {"events20.jsonl", 14, "free"}, {"events21.jsonl", 15, "free"}, {"events22.jsonl", 16, "free"},
	{"events23.jsonl", 17, "free"}, {"events24.jsonl", 18, "free"}, {"events25.jsonl", 19, "free"}, {"events26.jsonl", 20, "free"}, {"events27.jsonl", 21, "free"}, {"events28.jsonl", 22, "free"},
	{"events29.jsonl", 23, "free"}, {"events30.jsonl", 24, "free"}, {"events31.jsonl", 25, "free"}, {"events32.jsonl", 26, "free"}, {"events33.jsonl", 27, "free"}, {"events34.jsonl", 28, "free"},
}

// firstFeatures is how many features the first forest may ask about.
const firstFeatures = fScore

// row is a pair of articles that a forest learns from.
type row struct {
	f    features
	same bool
	set  int
}

// exam is a set as Cluster sees it.
type exam struct {
	grouping
	reports []report
	set     int
	form    form
}

// form is how a set is asked about.
type form struct {
	noHouses bool // nobody says which house an article is of
	brief    bool // of each there is but a headline and a sentence or two
}

var forms = []form{{}, {noHouses: true}, {brief: true}, {noHouses: true, brief: true}}

func (f form) String() (s string) {
	if f.noHouses {
		s += ", no houses"
	}
	if f.brief {
		s += ", brief"
	}
	return s
}

// briefBytes is how long a brief report is, in bytes.
const briefBytes = 250

func newExam(t testing.TB, set int, f form) *exam {
	return examOf(readFrom(t, "testdata/"+sets[set].name), set, f)
}

func examOf(reports []report, set int, f form) *exam {
	x := &exam{reports: reports, set: set, form: f}
	for i := range x.reports {
		if r := &x.reports[i]; f.brief && len(r.Text) > briefBytes {
			r.Text = strings.ToValidUTF8(r.Text[:briefBytes], "")
			r.Text = r.Text[:max(strings.LastIndexByte(r.Text, ' '), len(r.Text)-20)]
		}
	}
	slices.SortFunc(x.reports, func(a, b report) int {
		return cmp.Or(a.Published.Compare(b.Published), strings.Compare(a.ID, b.ID))
	})
	var c Clusterer
	x.read(c.digest(asDocs(x.reports, !f.noHouses)))
	return x
}

// strangers are collections in which no two articles tell one event, as most of
// what a newsroom reads does not: reports of one house each from all sets, taken
// as the news of one day.
func strangers(t testing.TB) (exams []*exam) {
	draw := rand.New(rand.NewPCG(2, 2))
	for teller := range 4 {
		var all []report
		for _, set := range sets {
			met := map[string]int{}
			for _, r := range readFrom(t, "testdata/"+set.name) {
				n := met[r.Event]
				met[r.Event]++
				if n == teller%3 && (r.Near == "") == (teller < 3) || teller == 3 && r.Near != "" {
					r.ID = set.name + r.ID
					r.Event = r.ID
					r.Published = time.Date(2026, 3, 2, draw.IntN(24), draw.IntN(60), 0, 0, time.UTC)
					all = append(all, r)
				}
			}
		}
		draw.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for part := range slices.Chunk(all, fittedOn) {
			exams = append(exams, examOf(slices.Clone(part), -1, form{}))
		}
	}
	for _, room := range smallNewsrooms(t, 0) {
		exams = append(exams, examOf(room, -1, form{}))
	}
	return exams
}

func (x *exam) rows() (rows []row) {
	for _, p := range x.pairs {
		if p.share == 0 {
			rows = append(rows, row{p.f, x.reports[p.a].Event == x.reports[p.b].Event, x.set})
		}
	}
	return rows
}

func rowsOf(exams []*exam) (rows []row) {
	for _, x := range exams {
		rows = append(rows, x.rows()...)
	}
	return rows
}

// fitLooks fits both forests. The second learns from what the first says of
// sets that it has not seen, as it will when it is used.
func fitLooks(exams []*exam, foldOf func(set int) int) (first, second summary.Forest) {
	without := func(fold int) []*exam {
		return slices.DeleteFunc(slices.Clone(exams), func(x *exam) bool { return foldOf(x.set) == fold })
	}
	looks := map[int]summary.Forest{}
	for _, x := range exams {
		f, ok := looks[foldOf(x.set)]
		if !ok {
			f = boost(rowsOf(without(foldOf(x.set))), trees, firstFeatures)
			looks[foldOf(x.set)] = f
		}
		x.look(&f)
	}
	second = boost(rowsOf(exams), trees, len(features{}))
	return boost(rowsOf(exams), trees, firstFeatures), second
}

// stories are those that the two forests make of a set at a bar.
func (x *exam) stories(first, second summary.Forest, bar float64) map[string]string {
	x.look(&first)
	x.score(&second, bar)
	x.join()
	return asStories(x.places())
}

// TestFitForest fits and judges the forests; without -fit it only makes sure
// that the fit can be repeated.
func TestFitForest(t *testing.T) {
	if !*fit {
		rows := newExam(t, 0, form{}).rows()
		if f := boost(rows, 3, firstFeatures); len(f.Answer) != 24 {
			t.Errorf("three trees have %d answers, want 24", len(f.Answer))
		}
		return
	}
	writeCommon(t)
	var exams []*exam
	for set := range sets {
		for _, f := range forms {
			exams = append(exams, newExam(t, set, f))
		}
	}
	exams = append(exams, strangers(t)...)
	judge(t, exams, func(set int) int {
		if set < 0 {
			return -1
		}
		return sets[set].writer % 5
	})
	first, second := fitLooks(exams, func(set int) int { return set })
	write(t, first, second)
}

// judge tells how the fit does on sets that it has not seen: each fold is left
// out in turn.
func judge(t *testing.T, exams []*exam, foldOf func(set int) int) {
	bars := []float64{-1, -.75, -.5, -.25, 0, .25, .5}
	sums, met := make([]map[string]*marks, len(bars)), make([]int, len(bars))
	folds := map[int]bool{}
	for set := range sets {
		folds[foldOf(set)] = true
	}
	for k := range bars {
		sums[k] = map[string]*marks{}
		for _, f := range forms {
			for _, set := range sets {
				sums[k][set.kind+f.String()] = &marks{}
			}
		}
	}
	for fold := range len(folds) {
		seen := slices.DeleteFunc(slices.Clone(exams), func(x *exam) bool { return foldOf(x.set) == fold })
		first, second := fitLooks(seen, foldOf)
		for _, room := range smallNewsrooms(t, 1) {
			x := examOf(room, -1, form{})
			for k, bar := range bars {
				for id, story := range x.stories(first, second, bar) {
					if id != story {
						met[k]++
					}
				}
			}
		}
		for _, x := range exams {
			if foldOf(x.set) != fold {
				continue
			}
			kind := sets[x.set].kind + x.form.String()
			for k, bar := range bars {
				m := mark(nil, x.reports, x.stories(first, second, bar))
				sums[k][kind].add(m)
				if bar == minLike {
					t.Logf("%s, %s: %v", sets[x.set].name, kind, m)
				}
			}
		}
	}
	for k, bar := range bars {
		t.Logf("a fifth of the writers left out, bar %5.2f: %.1f strangers met", bar, float64(met[k])/float64(len(folds)))
		for _, kind := range slices.Sorted(maps.Keys(sums[k])) {
			t.Logf("   %s: %v", kind, sums[k][kind])
		}
	}
}

const trees = 600

// boost fits oblivious trees of depth 3 to the first features of rows by
// gradient boosting on log-odds. Each tree may ask about one feature in five,
// drawn by a generator that always draws the same.
func boost(rows []row, n, features int) summary.Forest {
	const depth, rate, ridge, asked = 3, 0.04, 5.0, 0.2
	positive := 0.0
	for _, r := range rows {
		if r.same {
			positive++
		}
	}
	mean := positive / float64(len(rows))
	f := summary.Forest{Base: float32(math.Log(mean / (1 - mean))), Depth: depth}
	out := make([]float64, len(rows))
	for i := range out {
		out[i] = float64(f.Base)
	}
	cuts := quantiles(rows, 24)[:features]
	bins := make([][]uint8, features) // how many cuts a row is above
	for k := range bins {
		bins[k] = make([]uint8, len(rows))
		for i := range rows {
			bins[k][i] = uint8(sort.Search(len(cuts[k]), func(c int) bool { return rows[i].f[k] <= cuts[k][c] }))
		}
	}
	draw := rand.New(rand.NewPCG(1, 1))
	g, h, leaf := make([]float64, len(rows)), make([]float64, len(rows)), make([]uint8, len(rows))
	for range n {
		for i, r := range rows {
			p := 1 / (1 + math.Exp(-out[i]))
			y := 0.0
			if r.same {
				y = 1
			}
			g[i], h[i], leaf[i] = y-p, p*(1-p), 0
		}
		var about []int
		for k := range features {
			if draw.Float64() < asked {
				about = append(about, k)
			}
		}
		var asks []uint8
		var thresholds []float32
		for level := range depth {
			best, bf, bc := math.Inf(-1), 0, 0
			for _, k := range about {
				c, gain := bestCut(bins[k], leaf, g, h, len(cuts[k]), ridge)
				if gain > best+1e-9 {
					best, bf, bc = gain, k, c
				}
			}
			for i, b := range bins[bf] {
				if int(b) > bc {
					leaf[i] |= 1 << level
				}
			}
			asks, thresholds = append(asks, uint8(bf)), append(thresholds, cuts[bf][bc])
		}
		var gs, hs [1 << depth]float64
		for i := range rows {
			gs[leaf[i]] += g[i]
			hs[leaf[i]] += h[i]
		}
		answers := make([]float32, 1<<depth)
		for l := range answers {
			answers[l] = float32(math.Round(1e4*rate*gs[l]/(hs[l]+ridge)) / 1e4)
		}
		for i := range rows {
			out[i] += float64(answers[leaf[i]])
		}
		f.Add(asks, thresholds, answers)
	}
	return f
}

// bestCut finds at which of n cuts the leaves gain most by being parted.
func bestCut(bins, leaf []uint8, g, h []float64, n int, ridge float64) (cut int, best float64) {
	var gs, hs [8][32]float64
	for i, b := range bins {
		gs[leaf[i]][b] += g[i]
		hs[leaf[i]][b] += h[i]
	}
	var gAll, hAll, gLow, hLow [8]float64
	for l := range gs {
		for b := range n + 1 {
			gAll[l] += gs[l][b]
			hAll[l] += hs[l][b]
		}
	}
	best = math.Inf(-1)
	for c := range n {
		gain := 0.0
		for l := range gs {
			gLow[l] += gs[l][c]
			hLow[l] += hs[l][c]
			gHigh, hHigh := gAll[l]-gLow[l], hAll[l]-hLow[l]
			gain += gLow[l]*gLow[l]/(hLow[l]+ridge) + gHigh*gHigh/(hHigh+ridge)
		}
		if gain > best {
			cut, best = c, gain
		}
	}
	return cut, best
}

// quantiles are n cuts of each feature: half of them part the pairs of one
// event, half the others.
func quantiles(rows []row, n int) [][]float32 {
	out := make([][]float32, len(features{}))
	for k := range out {
		for _, same := range []bool{false, true} {
			var vs []float32
			for _, r := range rows {
				if r.same == same {
					vs = append(vs, float32(math.Round(float64(r.f[k])*1e4)/1e4))
				}
			}
			slices.Sort(vs)
			for q := 1; q < n/2; q++ {
				out[k] = append(out[k], vs[q*(len(vs)-1)/(n/2)])
			}
		}
		slices.Sort(out[k])
		out[k] = slices.Compact(out[k])
	}
	return out
}

func write(t *testing.T, first, second summary.Forest) {
	list := func(v any) string { return strings.ReplaceAll(strings.Trim(fmt.Sprint(v), "[]"), " ", ", ") }
	forest := func(f summary.Forest) string {
		return fmt.Sprintf(`summary.Forest{Base: %v, Depth: %d,
	Feature:   []uint8{%s},
	Threshold: []float32{%s},
	Answer:    []float32{%s},
}
`, f.Base, f.Depth, list(f.Feature), list(f.Threshold), list(f.Answer))
	}
	text := `package story

import "pressrun/digest/summary"

// Code generated by go test -run TestFitForest -fit; DO NOT EDIT.

// firstLook judges a pair of articles by what they say.
var firstLook = ` + forest(first) + `
// secondLook judges it by what firstLook says of the pair and of others too.
var secondLook = ` + forest(second)
	if err := os.WriteFile("forest.go", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
