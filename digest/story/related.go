package story

import (
	"cmp"
	"math"
	"slices"
)

// minRelated is the least likeness, a cosine between 0 and 1, of a story worth
// pointing to.
const minRelated = 0.08

// Related finds what else was told about a matter. It may be used by one
// goroutine at a time.
type Related struct {
	x       Index
	entries []entry
}

// NewRelated prepares the articles that may be pointed to. Which are recent
// enough is the caller's to say.
func NewRelated(among []Doc) *Related {
	r := &Related{entries: make([]entry, len(among))}
	r.x.init()
	for i, o := range among {
		r.entries[i] = r.x.digest(o)
		r.x.corpus.add(r.entries[i].profile, 1)
		for _, t := range r.entries[i].profile.terms {
			if t.flags&(isSmall|isRole) == 0 {
				r.x.terms.add(t.hash, int32(i), t.flags)
			}
		}
	}
	return r
}

// To returns the ids of at most n articles that are nearest to d, nearest
// first: alike in the rare words of title and lead, names most of all. d itself,
// its duplicates and articles that tell the same event are left out, and of
// several that tell one story only the nearest stays.
func (r *Related) To(d Doc, n int) []string {
	x := &r.x
	self := x.digest(d)
	type near struct {
		at  int32
		cos float64
	}
	var found []near
	for _, i := range r.touched(self) {
		e := r.entries[i]
		if cos := x.corpus.cosine(self.profile, e.profile); cos >= minRelated && e.id != d.ID && !x.same(self, e) {
			found = append(found, near{i, cos})
		}
	}
	slices.SortFunc(found, func(a, b near) int {
		return cmp.Or(cmp.Compare(b.cos, a.cos), cmp.Compare(r.entries[a.at].id, r.entries[b.at].id))
	})
	var out []string
	var kept []entry
	for _, f := range found {
		if len(out) >= n {
			break
		}
		e := r.entries[f.at]
		if slices.ContainsFunc(kept, func(k entry) bool { return x.same(k, e) }) {
			continue
		}
		kept, out = append(kept, e), append(out, e.id)
	}
	return out
}

// touched are the articles that have a word with d that is not in one of twenty.
func (r *Related) touched(d entry) []int32 {
	r.x.tally.grow(len(r.entries))
	limit := max(50, len(r.entries)/20)
	for _, t := range d.profile.terms {
		docs := r.x.terms[t.hash]
		if t.flags&(isSmall|isRole) != 0 || len(docs) > limit {
			continue
		}
		for _, o := range docs {
			r.x.tally.add(o/2, 1)
		}
	}
	return r.x.tally.take(1)
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
