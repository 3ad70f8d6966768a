package story

import (
	"cmp"
	"math"
	"slices"
)

// minRelated is the least likeness, a cosine between 0 and 1, of a story worth
// pointing to.
const minRelated = 0.08

// Related returns the ids of at most n articles of among that are nearest to d,
// nearest first: alike in the rare words of title and lead, names most of all.
// d itself, its duplicates and articles that tell the same event are left out,
// and of several that tell one story only the nearest stays. Which articles are
// recent enough is the caller's to say.
func Related(d Doc, among []Doc, n int) []string {
	var x Index
	x.init()
	entries := make([]entry, len(among))
	for i, o := range among {
		entries[i] = x.digest(o)
		x.corpus.add(entries[i].profile, 1)
	}
	self := x.digest(d)
	x.corpus.add(self.profile, 1)
	type near struct {
		at  int
		cos float64
	}
	var found []near
	for i, e := range entries {
		cos := x.corpus.cosine(self.profile, e.profile)
		if cos >= minRelated && e.id != d.ID && !x.same(self, e) {
			found = append(found, near{i, cos})
		}
	}
	slices.SortFunc(found, func(a, b near) int {
		return cmp.Or(cmp.Compare(b.cos, a.cos), cmp.Compare(entries[a.at].id, entries[b.at].id))
	})
	var out []string
	var kept []entry
	for _, f := range found {
		if len(out) >= n {
			break
		}
		e := entries[f.at]
		if slices.ContainsFunc(kept, func(k entry) bool { return x.same(k, e) }) {
			continue
		}
		kept, out = append(kept, e), append(out, e.id)
	}
	return out
}

// same reports whether two articles are copies or tell one event.
func (x *Index) same(a, b entry) bool {
	n := common(a.shingles, b.shingles)
	if n >= minShared && float64(n) >= minContainment*float64(min(len(a.shingles), len(b.shingles))) {
		return true
	}
	return x.corpus.compare(a.profile, b.profile).score(apart(a.published, b.published), false) > minPair
}

// cosine weighs words by how rare they are; names count double.
func (c *corpus) cosine(a, b profile) float64 {
	weight := func(t term) float64 {
		w := c.rarity(t.hash)
		switch {
		case t.flags&(isSmall|isRole) != 0:
			return 0
		case t.flags&isName != 0:
			return 2 * w
		}
		return w
	}
	norm := func(p profile) (sum float64) {
		for _, t := range p.terms {
			sum += weight(t) * weight(t)
		}
		return math.Sqrt(sum)
	}
	dot, j := 0.0, 0
	for _, t := range a.terms {
		for j < len(b.terms) && b.terms[j].hash < t.hash {
			j++
		}
		if j < len(b.terms) && b.terms[j].hash == t.hash {
			dot += weight(t) * weight(b.terms[j])
		}
	}
	return dot / max(norm(a)*norm(b), 1e-9)
}
