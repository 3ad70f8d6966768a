package story

import "slices"

const (
	maxRounds = 5
	clearly   = 4.0 // odds beyond which no pair counts more
)

// refine moves single reports to where they fit better, in the sum of the
// odds of all pairs of a group, until none would move. A report may take the
// place that another of its house has; that one is left alone. Copies and what
// stays by decision are not moved.
func (g *grouping) refine() {
	next := make([][]int32, len(g.docs))
	fixed := make([]bool, len(g.docs))
	for i, d := range g.docs {
		fixed[i] = d.story != ""
	}
	for _, p := range g.pairs {
		switch {
		case p.share > 0:
			fixed[p.a], fixed[p.b] = true, true
		case p.score > minLike-2:
			next[p.a], next[p.b] = append(next[p.a], p.b), append(next[p.b], p.a)
		}
	}
	for range maxRounds {
		moved := false
		for i := range int32(len(g.docs)) {
			if !fixed[i] && len(next[i]) > 0 && g.move(i, next[i], fixed) {
				moved = true
			}
		}
		if !moved {
			return
		}
	}
}

// move brings an article to the group where it fits best and reports whether
// that is another than before.
func (g *grouping) move(i int32, next []int32, fixed []bool) bool {
	now := g.fit(i, g.group[i], -1)
	best, to, evicted := max(-now, 1e-6), int32(-1), int32(-1)
	seen := []int32{g.group[i]}
	for _, j := range next {
		t := g.group[j]
		if slices.Contains(seen, t) {
			continue
		}
		seen = append(seen, t)
		out, ok := g.housemate(i, t, fixed)
		if !ok {
			continue
		}
		gain := g.fit(i, t, out) - now
		if out >= 0 {
			gain -= g.fit(out, t, -1)
		}
		if gain > best {
			best, to, evicted = gain, t, out
		}
	}
	switch {
	case to >= 0:
		if evicted >= 0 {
			to = g.leave(evicted)
		}
		g.leave(i)
		g.merge(to, i)
	case best > 1e-6:
		g.leave(i)
	default:
		return false
	}
	return true
}

// housemate is the article in a group that is of the house of i, -1 if there is
// none. It is not ok when it has to stay, or when it is the whole group.
func (g *grouping) housemate(i, group int32, fixed []bool) (mate int32, ok bool) {
	mate = -1
	for _, k := range g.groups[group] {
		if g.sameHouse(i, k) {
			if mate >= 0 || fixed[k] || len(g.groups[group]) == 1 {
				return -1, false
			}
			mate = k
		}
	}
	return mate, true
}

// fit is how much the odds of an article with those of a group are above the
// bar, one of them left out.
func (g *grouping) fit(i, group, but int32) (sum float64) {
	for _, j := range g.groups[group] {
		if j == i || j == but {
			continue
		}
		s, ok := g.likeOf(i, j)
		if !ok {
			s = unlike
		}
		sum += max(-clearly, min(clearly, s)) - minLike
	}
	return sum
}

// leave makes an article a group of its own and returns the key of those it left.
func (g *grouping) leave(i int32) int32 {
	rest := slices.DeleteFunc(slices.Clone(g.groups[g.group[i]]), func(j int32) bool { return j == i })
	delete(g.groups, g.group[i])
	g.group[i], g.groups[i] = i, []int32{i}
	if len(rest) == 0 {
		return i
	}
	g.groups[rest[0]] = rest
	for _, j := range rest {
		g.group[j] = rest[0]
	}
	return rest[0]
}
