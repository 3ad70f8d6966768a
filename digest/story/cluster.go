package story

import (
	"cmp"
	"slices"
)

// Cluster sorts articles into stories: a map from each id to the id of its
// story, that of its earliest member. The answer does not depend on the order
// of docs.
//
// It knows all articles before it decides, where an Index has to decide one by
// one: the surest pairs are joined first, and what is doubtful is measured
// against stories that have taken shape.
func Cluster(docs []Doc) map[string]string {
	sorted := slices.Clone(docs)
	slices.SortFunc(sorted, func(a, b Doc) int {
		return cmp.Or(a.Published.Compare(b.Published), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Title, b.Title), cmp.Compare(a.Text, b.Text))
	})
	sorted = slices.CompactFunc(sorted, func(a, b Doc) bool { return a.ID == b.ID })
	var g grouping
	g.read(sorted)
	g.join()
	out := make(map[string]string, len(docs))
	for _, e := range g.x.docs {
		out[e.id] = e.story
	}
	for _, members := range g.groups {
		for _, i := range members {
			out[g.x.docs[i].id] = g.x.docs[members[0]].id
		}
	}
	return out
}

// grouping joins articles by their likeness, the surest pair first.
type grouping struct {
	x      Index
	pairs  []pair
	group  []int32           // of each article: the key of its group
	groups map[int32][]int32 // members, earliest first
}

type pair struct {
	a, b  int32
	score float64
	text  bool
}

// maxPairs is how many of its likely relations an article brings along.
const maxPairs = 16

func (g *grouping) read(docs []Doc) {
	g.x.init()
	for _, d := range docs { // an article without a date counts as published with the newest
		if d.Published.After(g.x.newest) {
			g.x.newest = d.Published
		}
	}
	entries := make([]entry, len(docs))
	for i, d := range docs {
		entries[i] = g.x.digest(d)
		g.x.corpus.add(entries[i].profile, 1)
	}
	for i, e := range entries {
		ms := g.x.matches(e)
		slices.SortFunc(ms, func(a, b match) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.doc, b.doc)) })
		for _, m := range ms[:min(len(ms), maxPairs)] {
			g.pairs = append(g.pairs, pair{m.doc, int32(i), m.score, m.share > 0})
		}
		g.x.insert(e)
	}
	slices.SortFunc(g.pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.a, b.a), cmp.Compare(a.b, b.b))
	})
}

func (g *grouping) join() {
	g.group = make([]int32, len(g.x.docs))
	g.groups = map[int32][]int32{}
	for i := range g.group {
		g.group[i] = int32(i)
		g.groups[int32(i)] = []int32{int32(i)}
	}
	for _, p := range g.pairs {
		a, b := g.group[p.a], g.group[p.b]
		if a == b || !p.text && !g.belong(p, g.groups[a], g.groups[b]) {
			continue
		}
		merged := append(g.groups[a], g.groups[b]...)
		slices.Sort(merged)
		delete(g.groups, b)
		g.groups[a] = merged
		for _, i := range merged {
			g.group[i] = a
		}
	}
}

// belong decides whether two groups, found alike through p, tell one event.
func (g *grouping) belong(p pair, a, b []int32) bool {
	if len(a) == 1 && len(b) == 1 {
		return p.score > minPair
	}
	a, b = a[:min(len(a), maxCompared)], b[:min(len(b), maxCompared)]
	best, sum := unlikely, 0.0
	for _, i := range a {
		for _, j := range b {
			s := g.x.likeness(g.x.docs[i], j)
			best, sum = max(best, s), sum+s
		}
	}
	if (best+sum/float64(len(a)*len(b)))/2 <= minJoin {
		return false
	}
	pa, pb := g.profiles(a), g.profiles(b)
	return (len(a) == 1 || g.x.corpus.coreShare(pa, pb) >= minCore) && (len(b) == 1 || g.x.corpus.coreShare(pb, pa) >= minCore)
}

func (g *grouping) profiles(docs []int32) []profile {
	out := make([]profile, len(docs))
	for k, i := range docs {
		out[k] = g.x.docs[i].profile
	}
	return out
}
