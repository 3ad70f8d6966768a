package main

import (
	"math"
	"slices"
	"sync"

	"pressrun/digest/summary"
)

// table is a training set: rows of features, a target and a weight for each.
type table struct {
	width  int
	x      []float32
	y, w   []float32
	binned []uint8
	cuts   [][]float32
}

func newTable(width int) *table { return &table{width: width} }

func (t *table) add(row []float32, y, w float32) {
	t.x = append(t.x, row[:t.width]...)
	t.y = append(t.y, y)
	t.w = append(t.w, w)
}

func (t *table) rows() int { return len(t.y) }

// bins is the number of values that a feature is told apart by.
const bins = 48

// bin replaces every value by the number of the quantile it lies in.
func (t *table) bin() {
	n := t.rows()
	t.binned = make([]uint8, len(t.x))
	t.cuts = make([][]float32, t.width)
	each(t.width, func(f int) {
		step := max(1, n/20000)
		var values []float32
		for i := 0; i < n; i += step {
			values = append(values, t.x[i*t.width+f])
		}
		slices.Sort(values)
		var cuts []float32
		for k := 1; k < bins; k++ {
			v := values[k*(len(values)-1)/bins]
			if len(cuts) == 0 || v > cuts[len(cuts)-1] {
				cuts = append(cuts, v)
			}
		}
		if len(cuts) > 0 && cuts[len(cuts)-1] == values[len(values)-1] {
			cuts = cuts[:len(cuts)-1]
		}
		for i := range n {
			b, _ := slices.BinarySearch(cuts, t.x[i*t.width+f]) // number of cuts below the value
			t.binned[f*n+i] = uint8(b)
		}
		t.cuts[f] = cuts
	})
}

func each(n int, do func(int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// settings of one boosting run.
type settings struct {
	trees, depth int
	rate         float32
	ridge        float64
	logistic     bool
}

// boost fits a forest to the table by gradient boosting on squared error or,
// if logistic, on the log-odds of a target between 0 and 1.
func boost(t *table, s settings) summary.Forest {
	t.bin()
	n := t.rows()
	f := summary.Forest{Depth: s.depth}
	sum, weight := 0.0, 0.0
	for i := range n {
		sum += float64(t.y[i] * t.w[i])
		weight += float64(t.w[i])
	}
	mean := sum / weight
	if s.logistic {
		f.Base = float32(math.Log(mean / (1 - mean)))
	} else {
		f.Base = float32(mean)
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = f.Base
	}
	g, h := make([]float32, n), make([]float32, n)
	for range s.trees {
		for i := range n {
			if s.logistic {
				p := float32(1 / (1 + math.Exp(-float64(out[i]))))
				g[i], h[i] = t.w[i]*(t.y[i]-p), t.w[i]*p*(1-p)
			} else {
				g[i], h[i] = t.w[i]*(t.y[i]-out[i]), t.w[i]
			}
		}
		tree, leaf := grow(t, g, h, s)
		for i := range n {
			out[i] += tree.answer[leaf[i]]
		}
		f.Add(tree.feature, tree.threshold, tree.answer)
	}
	return f
}

type sums struct{ g, h float64 }

type tree struct {
	feature           []uint8
	threshold, answer []float32
}

// grow builds one oblivious tree and says in which leaf every row ends.
func grow(t *table, g, h []float32, s settings) (tree, []uint8) {
	n := t.rows()
	leaf := make([]uint8, n)
	var out tree
	for level := range s.depth {
		leaves := 1 << level
		gains := make([]float64, t.width)
		cut := make([]int, t.width)
		each(t.width, func(f int) {
			hist := make([]sums, leaves*bins)
			col := t.binned[f*n : f*n+n]
			for i, b := range col {
				c := &hist[int(leaf[i])*bins+int(b)]
				c.g += float64(g[i])
				c.h += float64(h[i])
			}
			gains[f], cut[f] = bestCut(hist, leaves, len(t.cuts[f]), s.ridge)
		})
		best := 0
		for f := range gains {
			if gains[f] > gains[best] {
				best = f
			}
		}
		out.feature = append(out.feature, uint8(best))
		out.threshold = append(out.threshold, t.cuts[best][cut[best]])
		for i, b := range t.binned[best*n : best*n+n] {
			if int(b) > cut[best] {
				leaf[i] |= 1 << level
			}
		}
	}
	total := make([]sums, 1<<s.depth)
	for i := range n {
		total[leaf[i]].g += float64(g[i])
		total[leaf[i]].h += float64(h[i])
	}
	for _, c := range total {
		out.answer = append(out.answer, s.rate*float32(c.g/(c.h+s.ridge)))
	}
	return out, leaf
}

// bestCut returns the gain of the best common cut of all leaves and its number.
func bestCut(hist []sums, leaves, cuts int, ridge float64) (float64, int) {
	best, at := math.Inf(-1), 0
	left := make([]sums, leaves)
	total := make([]sums, leaves)
	for l := range leaves {
		for _, c := range hist[l*bins : (l+1)*bins] {
			total[l].g += c.g
			total[l].h += c.h
		}
	}
	for k := range cuts {
		gain := 0.0
		for l := range leaves {
			c := hist[l*bins+k]
			left[l].g += c.g
			left[l].h += c.h
			rg, rh := total[l].g-left[l].g, total[l].h-left[l].h
			gain += left[l].g*left[l].g/(left[l].h+ridge) + rg*rg/(rh+ridge)
		}
		if gain > best {
			best, at = gain, k
		}
	}
	return best, at
}
