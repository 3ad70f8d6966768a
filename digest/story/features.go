package story

import (
	"math"
	"time"
)

// features is how two articles compare, as the forest is asked about it. The
// order counts: the forest knows them by number.
type features [15]float32

const (
	fCosine     = iota // of all words, weighed by rarity
	fNames             // rarity of the names both have, summed
	fNamesOf           // the same over the names of the one that has fewer
	fNamesBoth         // the same over the geometric mean of the names of both
	fWords             // rarity of the other words both have
	fWordCosine        // cosine of these alone
	fNumbers
	fHeadline    // how much of each headline the other article says too
	fHeadlineMax // the greater of the two
	fEarly       // shared words, the more the nearer they stand to both beginnings
	fKinds       // cosine of the kinds of events they speak of
	fKindsShared // rarity of the kinds both speak of
	fNear        // cosine over that of the nearest other articles
	fNamesKinds  // names and kinds together
	fNamesWords  // names and words together
)

// compare fills in all but fNear, which takes the others to know.
func (c *corpus) compare(a, b *profile) (f features) {
	var dot, names, namesA, namesB, words, words2, numbers, early, head, said, head2, said2, sumA, sumB float64
	i, j := 0, 0
	for i < len(a.terms) || j < len(b.terms) {
		switch {
		case j == len(b.terms) || i < len(a.terms) && a.terms[i].hash < b.terms[j].hash:
			t := a.terms[i]
			r := float64(t.rare)
			sumA += r * r
			if t.flags&inTitle != 0 {
				head += r
			}
			if t.flags&isName != 0 {
				namesA += r
			}
			i++
		case i == len(a.terms) || a.terms[i].hash > b.terms[j].hash:
			t := b.terms[j]
			r := float64(t.rare)
			sumB += r * r
			if t.flags&inTitle != 0 {
				head2 += r
			}
			if t.flags&isName != 0 {
				namesB += r
			}
			j++
		default:
			t, u := a.terms[i], b.terms[j]
			both := t.flags | u.flags
			r := float64(t.rare)
			sumA, sumB, dot = sumA+r*r, sumB+r*r, dot+r*r
			if t.flags&inTitle != 0 {
				head, said = head+r, said+r
			}
			if u.flags&inTitle != 0 {
				head2, said2 = head2+r, said2+r
			}
			if t.flags&isName != 0 {
				namesA += r
			}
			if u.flags&isName != 0 {
				namesB += r
			}
			if r > minRarity {
				early += r * nearness(t.at) * nearness(u.at)
			}
			switch {
			case both&isNumber != 0:
				numbers += r
			case both&(isSmall|isRole) != 0:
			case both&isName != 0:
				names += r
			case r > minRarity:
				words, words2 = words+r, words2+r*r
			}
			i++
			j++
		}
	}
	norm := math.Sqrt(max(sumA*sumB, 1e-9))
	headA, headB := said/max(head, 1e-9), said2/max(head2, 1e-9)
	kinds, shared := c.compareKinds(a.kinds, b.kinds)
	together := math.Sqrt(names)
	f = features{
		fCosine: float32(dot / norm), fNames: float32(names), fNamesOf: float32(names / max(1, min(namesA, namesB))), fNamesBoth: float32(names / max(1, math.Sqrt(namesA*namesB))),
		fWords: float32(words), fWordCosine: float32(words2 / norm), fNumbers: float32(min(numbers, 3)),
		fHeadline: float32((headA + headB) / 2), fHeadlineMax: float32(max(headA, headB)), fEarly: float32(early),
		fKinds: float32(kinds), fKindsShared: float32(shared), fNamesKinds: float32(together * kinds), fNamesWords: float32(together * words2 / norm),
	}
	return f
}

// nearness is 1 at the beginning of an article and 0 from its sixtieth word on.
func nearness(at uint8) float64 { return 1 - float64(min(at, 60))/60 }

// compareKinds gives the cosine of the kinds of events two articles speak of,
// and the rarity of those both do. The fewer words told the kinds, the nearer
// the cosine is to kindsUnknown: a single word may be a chance, or another
// language's.
func (c *corpus) compareKinds(a, b []kindCount) (cosine, shared float64) {
	weight := func(k kindCount) float64 { return 1 + math.Log(float64(k.count)) }
	var aa, bb, ab, massA, massB float64
	for _, k := range a {
		aa += weight(k) * weight(k)
		massA += float64(k.count)
	}
	for _, k := range b {
		bb += weight(k) * weight(k)
		massB += float64(k.count)
		for _, o := range a {
			if o.kind == k.kind {
				ab += weight(k) * weight(o)
				shared += math.Log(1+float64(max(c.n, 1))/float64(max(c.kinds[k.kind], 1))) * min(1, float64(min(k.count, o.count))/2)
			}
		}
	}
	mass := min(massA, massB)
	return (ab/max(math.Sqrt(aa*bb), 1e-9)*mass + 2*kindsUnknown) / (mass + 2), shared
}

// lateness is how much less two articles are one event for the time between them.
func lateness(gap time.Duration) float64 { return perDay * max(gap.Hours()-12, 0) / 24 }
