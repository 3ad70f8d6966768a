package story

import (
	"cmp"
	"math"
	"slices"
)

const (
	minRelated = 0.08 // the least likeness, a cosine, of a story worth pointing to
	minSame    = 1.0  // log-odds from which two articles are one event and no company for each other
)

// Related finds what else was told about a matter. It is for one goroutine at a time.
type Related struct {
	x       index
	tally   *tally
	digests Clusterer
}

// NewRelated prepares the articles that may be pointed to. Which are recent
// enough is the caller's to say.
func NewRelated(among []Doc) *Related {
	r := &Related{tally: newTally(len(among))}
	r.x.readProfiles(r.digests.digest(among))
	return r
}

// To returns the ids of at most n articles that are nearest to d, nearest
// first: alike in the rare words of title and lead, names most of all. d itself,
// its duplicates and articles that tell the same event are left out, and of
// several that tell one story only the nearest stays.
func (r *Related) To(d Doc, n int) []string {
	self := r.digests.digest([]Doc{d})[0]
	self.profile.terms = slices.Clone(self.profile.terms) // may be one of among
	for k, t := range self.profile.terms {
		self.profile.terms[k].rare = float32(r.x.corpus.rarity(t.hash, len(r.x.terms.of(t.hash))))
	}
	type near struct {
		at  int32
		cos float64
	}
	var found []near
	for _, h := range r.touched(self) {
		e := r.x.docs[h.doc]
		if cos := cosine(self.profile, e.profile); cos >= minRelated && e.id != d.ID && !r.same(self, e) {
			found = append(found, near{h.doc, cos})
		}
	}
	slices.SortFunc(found, func(a, b near) int {
		return cmp.Or(cmp.Compare(b.cos, a.cos), cmp.Compare(r.x.docs[a.at].id, r.x.docs[b.at].id))
	})
	var out []string
	var kept []entry
	for _, f := range found {
		if len(out) >= n {
			break
		}
		e := r.x.docs[f.at]
		if slices.ContainsFunc(kept, func(k entry) bool { return r.same(k, e) }) {
			continue
		}
		kept, out = append(kept, e), append(out, e.id)
	}
	return out
}

// touched are the articles that have a word with d that not one in twenty has.
func (r *Related) touched(d entry) []hit {
	limit := max(50, len(r.x.docs)/20)
	for _, t := range d.profile.terms {
		docs := r.x.terms.of(t.hash)
		if t.flags&(isSmall|isRole) != 0 || len(docs) > limit {
			continue
		}
		for _, o := range docs {
			if o&asNought == 0 {
				r.tally.add(o>>docShift, 1)
			}
		}
	}
	return r.tally.take(1)
}

// same reports whether two articles are copies or tell one event.
func (r *Related) same(a, b entry) bool {
	if _, copies := shareOf(a, b); copies {
		return true
	}
	gap := a.published.Sub(b.published).Abs()
	if gap > Window {
		return false
	}
	f := r.x.corpus.compare(&a.profile, &b.profile)
	f[fNear] = 1
	return float64(firstLook.Sum(f[:]))-lateness(gap) > minSame
}

// cosine weighs words by how rare they are; names count double.
func cosine(a, b profile) float64 {
	weight := func(t term) float64 {
		w := float64(t.rare)
		switch {
		case t.flags&(isSmall|isRole|isSense) != 0:
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
