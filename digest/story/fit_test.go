package story

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pressrun/digest/summary"
)

var fit = flag.Bool("fit", false, "fit the forest anew, write forest.go and tell how it does on events it has not seen")

// sets are the hand-written events. Each has the form of events.jsonl; the
// third was written by somebody who did not see this package.
var sets = []string{"events.jsonl", "events2.jsonl", "events3.jsonl"}

// row is a pair of articles that the forest learns from.
type row struct {
	f      features
	same   bool
	groups [2]string // the event that each belongs to or is a look-alike of
	set    int
}

func groupOf(set int, r report) string {
	if r.Near != "" {
		return fmt.Sprint(set, r.Near)
	}
	return fmt.Sprint(set, r.Event)
}

// readPairs gives the pairs of a set as Cluster sees them.
func readPairs(t testing.TB, set int) (*grouping, []report, []row) {
	reports := readFrom(t, "testdata/"+sets[set])
	slices.SortFunc(reports, func(a, b report) int {
		if c := a.Published.Compare(b.Published); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	var c Clusterer
	var g grouping
	g.read(c.digest(asDocs(reports, true)))
	var rows []row
	for _, p := range g.pairs {
		a, b := reports[p.a], reports[p.b]
		rows = append(rows, row{p.f, a.Event == b.Event, [2]string{groupOf(set, a), groupOf(set, b)}, set})
	}
	return &g, reports, rows
}

// TestFitForest fits and judges the forest; without -fit it only makes sure
// that the fit can be repeated.
func TestFitForest(t *testing.T) {
	var all []row
	var groups []*grouping
	var reports [][]report
	for set := range sets {
		g, r, rows := readPairs(t, set)
		groups, reports, all = append(groups, g), append(reports, r), append(all, rows...)
	}
	if !*fit {
		if f := boost(all[:200], 3); len(f.Answer) != 24 {
			t.Errorf("three trees have %d answers, want 24", len(f.Answer))
		}
		return
	}
	judge := func(name string, fold func(row) []int, folds int) {
		models := make([]summary.Forest, folds)
		for k := range models {
			models[k] = boost(slices.DeleteFunc(slices.Clone(all), func(r row) bool { return slices.Contains(fold(r), k) }), trees)
		}
		for set, g := range groups {
			for _, bar := range []float64{-1, -.5, 0, .5, 1} {
				g.score(func(p pair) float64 {
					r := row{groups: [2]string{groupOf(set, reports[set][p.a]), groupOf(set, reports[set][p.b])}, set: set}
					return float64(models[slices.Max(fold(r))].Sum(p.f[:])) + minLike - bar
				})
				g.join()
				stories := map[string]string{}
				for id, p := range g.places() {
					stories[id] = p.Story
				}
				f1, merged := gradeQuiet(reports[set], stories)
				t.Logf("%s, %s, bar %.1f: pair F1 %.3f, %d look-alikes merged", name, sets[set], bar, f1, merged)
			}
		}
	}
	judge("one set left out", func(r row) []int { return []int{r.set} }, len(sets))
	var names []string
	for _, r := range all {
		names = append(names, r.groups[0], r.groups[1])
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, salt := range []int{7, 13} {
		number := func(g string) int {
			i, _ := slices.BinarySearch(names, g)
			return i * salt % 101 % 6
		}
		judge(fmt.Sprintf("one event in six left out (%d)", salt), func(r row) []int { return []int{number(r.groups[0]), number(r.groups[1])} }, 6)
	}
	write(t, boost(all, trees))
}

const trees = 120

// boost fits oblivious trees of depth 3 by gradient boosting on log-odds.
func boost(rows []row, n int) summary.Forest {
	const depth, rate, ridge = 3, 0.06, 3.0
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
	cuts := quantiles(rows, 24)
	for range n {
		g, h := make([]float64, len(rows)), make([]float64, len(rows))
		for i, r := range rows {
			p := 1 / (1 + math.Exp(-out[i]))
			y := 0.0
			if r.same {
				y = 1
			}
			g[i], h[i] = y-p, p*(1-p)
		}
		leaf := make([]int, len(rows))
		var features []uint8
		var thresholds []float32
		for level := range depth {
			best, bf, bc := math.Inf(-1), 0, float32(0)
			for k := range cuts {
				for _, c := range cuts[k] {
					var gs, hs [1 << depth]float64
					for i := range rows {
						l := leaf[i]
						if rows[i].f[k] > c {
							l |= 1 << level
						}
						gs[l] += g[i]
						hs[l] += h[i]
					}
					gain := 0.0
					for l := range gs {
						gain += gs[l] * gs[l] / (hs[l] + ridge)
					}
					if gain > best {
						best, bf, bc = gain, k, c
					}
				}
			}
			for i := range rows {
				if rows[i].f[bf] > bc {
					leaf[i] |= 1 << level
				}
			}
			features, thresholds = append(features, uint8(bf)), append(thresholds, bc)
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
		f.Add(features, thresholds, answers)
	}
	return f
}

func quantiles(rows []row, n int) [][]float32 {
	out := make([][]float32, len(features{}))
	for k := range out {
		var vs []float32
		for _, r := range rows {
			vs = append(vs, float32(math.Round(float64(r.f[k])*1e4)/1e4))
		}
		slices.Sort(vs)
		for q := 1; q < n; q++ {
			out[k] = append(out[k], vs[q*(len(vs)-1)/n])
		}
		out[k] = slices.Compact(out[k])
	}
	return out
}

func write(t *testing.T, f summary.Forest) {
	list := func(v any) string { return strings.ReplaceAll(strings.Trim(fmt.Sprint(v), "[]"), " ", ", ") }
	text := fmt.Sprintf(`package story

import "pressrun/digest/summary"

// Code generated by go test -run TestFitForest -fit; DO NOT EDIT.

// fitted is the forest that judges pairs of articles.
var fitted = summary.Forest{Base: %v, Depth: %d,
	Feature:   []uint8{%s},
	Threshold: []float32{%s},
	Answer:    []float32{%s},
}
`, f.Base, f.Depth, list(f.Feature), list(f.Threshold), list(f.Answer))
	if err := os.WriteFile("forest.go", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
