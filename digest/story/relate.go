package story

import (
	"cmp"
	"math"
	"slices"

	"pressrun/digest/summary"
)

// near is another article and how alike it is.
type near struct {
	doc int32
	by  float32
}

// neighbours lists for each article those it was compared with, the nearest first.
func (g *grouping) neighbours(by int) [][]near {
	all := make([][]near, len(g.docs))
	for _, p := range g.pairs {
		if p.share == 0 {
			all[p.a] = append(all[p.a], near{p.b, p.f[by]})
			all[p.b] = append(all[p.b], near{p.a, p.f[by]})
		}
	}
	for _, ns := range all {
		slices.SortFunc(ns, func(a, b near) int { return cmp.Or(cmp.Compare(b.by, a.by), cmp.Compare(a.doc, b.doc)) })
	}
	return all
}

// relate fills in what the other articles say about a pair: whether anything
// is nearer to one of the two than the other is, whether the other's house has
// an article that is, and whether a third house has one near to both.
func (g *grouping) relate() {
	all := g.neighbours(fUnified)
	for i := range g.pairs {
		p := &g.pairs[i]
		if p.share > 0 {
			continue
		}
		s, a, b := p.f[fUnified], all[p.a], all[p.b]
		p.f[fNear] = s / float32(math.Sqrt(max(float64(a[0].by*b[0].by), 1e-9)))
		p.f[fRank] = rank(a, s) + rank(b, s)
		rival := max(g.rival(a, p.b, 0), g.rival(b, p.a, 0))
		p.f[fRival] = rival / max(rival+s, 1e-9)
		p.f[fThird], _ = g.third(a, b, p, 0)
	}
}

// unknown is the score of what was not compared.
const unknown = -5

// look asks the first forest about all pairs, and tells each how its score
// stands beside those of the others.
func (g *grouping) look(first *summary.Forest) {
	split(len(g.pairs), func(_, from, to int) {
		for i := from; i < to; i++ {
			if p := &g.pairs[i]; p.share == 0 {
				p.f[fScore] = float32(first.Sum(p.f[:]))
			}
		}
	})
	all := g.neighbours(fScore)
	for i := range g.pairs {
		p := &g.pairs[i]
		if p.share > 0 {
			continue
		}
		s, a, b := p.f[fScore], all[p.a], all[p.b]
		oa, ob := other(a, p.b), other(b, p.a)
		p.f[fScoreGapMax], p.f[fScoreGapMin], p.f[fScoreOther] = s-max(oa, ob), s-min(oa, ob), max(oa, ob)
		p.f[fScoreRival] = s - max(g.rival(a, p.b, unknown), g.rival(b, p.a, unknown))
		p.f[fScoreThird], p.f[fScoreThirds] = g.third(a, b, p, unknown)
		p.f[fScoreRank] = rank(a, s) + rank(b, s)
	}
}

// rank is how many are nearer than s, as a logarithm.
func rank(ns []near, s float32) float32 {
	n := 0
	for n < len(ns) && ns[n].by > s {
		n++
	}
	return float32(math.Log1p(float64(n)))
}

// other is how near the nearest is that is not d.
func other(ns []near, d int32) float32 {
	for _, n := range ns {
		if n.doc != d {
			return n.by
		}
	}
	return unknown
}

// rival is how near the nearest other article of the house of d is.
func (g *grouping) rival(ns []near, d int32, none float32) float32 {
	for _, n := range ns {
		if n.doc != d && g.sameHouse(n.doc, d) {
			return n.by
		}
	}
	return none
}

// third is how near an article of another house is to the farther of two, and
// how near all such are to both as far as they are above 0.
func (g *grouping) third(a, b []near, p *pair, none float32) (best, sum float32) {
	best = none
	for _, n := range a {
		if g.sameHouse(n.doc, p.a) || g.sameHouse(n.doc, p.b) {
			continue
		}
		for _, m := range b {
			if m.doc == n.doc {
				best = max(best, min(n.by, m.by))
				sum += max(n.by+m.by, 0)
				break
			}
		}
	}
	return best, sum
}

func (g *grouping) sameHouse(i, j int32) bool {
	h := g.docs[i].house
	return h != 0 && h == g.docs[j].house
}
