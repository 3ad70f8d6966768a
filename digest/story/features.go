package story

import (
	"math"
	"time"
)

// features is how two articles compare, as the forests are asked about it. The
// order counts: the forests know them by number.
type features [44]float32

const (
	fCosine     = iota // of all words, weighed by rarity
	fNames             // rarity of the names both have, summed
	fNamesOf           // the same over the names of the one that has fewer
	fNamesBoth         // the same over the geometric mean of the names of both
	fWords             // rarity of the other words both have
	fWordCosine        // cosine of these alone
	fNumbers
	fHeadline     // how much of each headline the other article says too
	fHeadlineMax  // the greater of the two
	fEarly        // shared words, the more the nearer they stand to both beginnings
	fKinds        // cosine of the kinds of events they speak of
	fKindsShared  // rarity of the kinds both speak of
	fNear         // likeness over that of the nearest other articles
	fNamesKinds   // names and kinds together
	fNamesWords   // names and words together
	fSenses       // cosine of the senses
	fSensesShared // rarity of the senses both have
	fSensesHead   // how much of the senses of each headline the other article has too
	fSensesEarly  // shared senses, as fEarly
	fUnified      // cosine where a word that has a sense counts as the sense
	fNamesHead    // how much of the names of the headlines the other article has
	fFigures      // figures they agree in
	fConflict     // things of which they tell different figures
	fRank         // how many articles are nearer to one than the other is
	fRival        // how near the nearest other article of the other's house is
	fThird        // how near an article of a third house is to both
	fHeadlineMin  // the lesser of the two
	fSmaller      // how much of the one that says less the other says too
	fContent      // cosine of all that is no name
	fLead         // the same of what stands at the beginning of both
	fHeadContent  // how much of the headlines the other has, names left out
	fThings       // names that are neither places nor those of speakers
	fPlaces
	fSpeakers
	fWeighed // fContent by how often a thing is said
	fLength  // of the shorter, in terms
	// The first forest knows those above. What follows is its own answer for the
	// pair and for the others of both, and the second forest knows it.
	fScore
	fScoreGapMax // over the better of the best others
	fScoreGapMin // over the worse
	fScoreRival  // over the best other article of the other's house
	fScoreThird  // of an article of a third house with the farther of the two
	fScoreThirds // of all such, summed
	fScoreRank
	fScoreOther // of the best other
)

// side sums up what stands in one of two articles, and how much of that in the
// other. All is weighed by rarity; the first line is of squares.
type side struct {
	all, senses, unified, content, lead, weighed float64
	names, words                                 float64
	head, headSenses, headContent, headNames     float64 // what stands in the headline
	said, saidSenses, saidContent, saidNames     float64 // of that, what the other says
	found                                        float64 // of the words
}

// isContent reports whether a term is no name: a sense, or a word without one.
func (t *term) isContent() bool { return t.flags&(isName|hasSense|isRole|isSmall) == 0 }

func (s *side) add(t *term) {
	r := float64(t.rare)
	title := t.flags&inTitle != 0
	if t.isContent() {
		s.content += r * r
		s.lead += r * r * nearness(t.at) * nearness(t.at)
		s.weighed += r * r * often(t) * often(t)
		if title {
			s.headContent += r
		}
	}
	if t.flags&isSense != 0 {
		s.senses += r * r
		s.unified += r * r
		if title {
			s.headSenses += r
		}
		return
	}
	s.words += r
	s.all += r * r
	if t.flags&(hasSense|isRole|isSmall) == 0 {
		s.unified += r * r
	}
	if title {
		s.head += r
	}
	if t.flags&isName != 0 {
		s.names += r
		if title {
			s.headNames += r
		}
	}
}

// share adds a term that the other article has too.
func (s *side) share(t *term) {
	r := float64(t.rare)
	s.found += r
	if t.flags&inTitle == 0 {
		return
	}
	if t.isContent() {
		s.saidContent += r
	}
	if t.flags&isSense != 0 {
		s.saidSenses += r
		return
	}
	s.said += r
	if t.flags&isName != 0 {
		s.saidNames += r
	}
}

// both sums up what two articles share.
type both struct {
	all, senses2, unified, content, lead, weighed, words2 float64 // squares
	names, words, numbers, senses, early, sensesEarly     float64
	things, places, speakers                              float64
}

func (s *both) add(t, u *term) {
	r, near := float64(t.rare), nearness(t.at)*nearness(u.at)
	flags := t.flags | u.flags
	if flags&(isName|hasSense|isRole|isSmall) == 0 {
		s.content += r * r
		s.lead += r * r * near
		s.weighed += r * r * often(t) * often(u)
	}
	if flags&(hasSense|isRole|isSmall) == 0 {
		s.unified += r * r
	}
	if flags&isSense != 0 {
		s.senses += r
		s.senses2 += r * r
		s.sensesEarly += r * near
		return
	}
	s.all += r * r
	if r > minRarity {
		s.early += r * near
	}
	switch {
	case flags&isNumber != 0:
		s.numbers += r
	case flags&(isSmall|isRole) != 0:
	case flags&isName != 0:
		s.names += r
	case r > minRarity:
		s.words, s.words2 = s.words+r, s.words2+r*r
	}
	switch {
	case flags&isName == 0:
	case flags&isPlace != 0:
		s.places += r
	case flags&isSpeaker != 0:
		s.speakers += r
	default:
		s.things += r
	}
}

// compare fills in all but those that take the other articles to know.
func (c *corpus) compare(a, b *profile) (f features) {
	var x, y side
	var s both
	i, j := 0, 0
	for i < len(a.terms) || j < len(b.terms) {
		switch {
		case j == len(b.terms) || i < len(a.terms) && a.terms[i].hash < b.terms[j].hash:
			x.add(&a.terms[i])
			i++
		case i == len(a.terms) || a.terms[i].hash > b.terms[j].hash:
			y.add(&b.terms[j])
			j++
		default:
			t, u := &a.terms[i], &b.terms[j]
			x.add(t)
			y.add(u)
			x.share(t)
			y.share(u)
			s.add(t, u)
			i++
			j++
		}
	}
	norm := math.Sqrt(max(x.all*y.all, 1e-9))
	headA, headB := x.said/max(x.head, 1e-9), y.said/max(y.head, 1e-9)
	kinds, shared := c.compareKinds(a.kinds, b.kinds)
	together := math.Sqrt(s.names)
	agree, conflict := compareFigures(a.figures, b.figures)
	cosine := func(both, a, b float64) float32 { return float32(both / math.Sqrt(max(a*b, 1))) }
	return features{
		fCosine: float32(s.all / norm), fNames: float32(s.names), fNamesOf: float32(s.names / max(1, min(x.names, y.names))), fNamesBoth: float32(s.names / max(1, math.Sqrt(x.names*y.names))),
		fWords: float32(s.words), fWordCosine: float32(s.words2 / norm), fNumbers: float32(min(s.numbers, 3)),
		fHeadline: float32((headA + headB) / 2), fHeadlineMax: float32(max(headA, headB)), fHeadlineMin: float32(min(headA, headB)), fEarly: float32(s.early),
		fKinds: float32(kinds), fKindsShared: float32(shared), fNamesKinds: float32(together * kinds), fNamesWords: float32(together * s.words2 / norm),
		fSenses: cosine(s.senses2, x.senses, y.senses), fSensesShared: float32(s.senses), fSensesEarly: float32(s.sensesEarly),
		fSensesHead: float32((x.saidSenses + y.saidSenses) / max(x.headSenses+y.headSenses, 1)),
		fNamesHead:  float32((x.saidNames + y.saidNames) / max(x.headNames+y.headNames, 1)),
		fUnified:    float32(s.unified / math.Sqrt(max(x.unified*y.unified, 1e-9))),
		fFigures:    float32(agree), fConflict: float32(conflict),
		fSmaller: float32(max(x.found/max(x.words, 1e-9), y.found/max(y.words, 1e-9))),
		fContent: cosine(s.content, x.content, y.content), fLead: cosine(s.lead, x.lead, y.lead), fWeighed: cosine(s.weighed, x.weighed, y.weighed),
		fHeadContent: float32((x.saidContent + y.saidContent) / max(x.headContent+y.headContent, 1)),
		fThings:      float32(s.things), fPlaces: float32(s.places), fSpeakers: float32(s.speakers), fLength: float32(min(len(a.terms), len(b.terms))),
	}
}

// compareFigures counts in what two articles give the same figure, and in what
// only others.
func compareFigures(a, b []figure) (agree, conflict int) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].of < b[j].of:
			i++
		case a[i].of > b[j].of:
			j++
		default:
			of, same := a[i].of, false
			for ; i < len(a) && a[i].of == of; i++ {
				for k := j; k < len(b) && b[k].of == of; k++ {
					same = same || a[i].value == b[k].value
				}
			}
			for j < len(b) && b[j].of == of {
				j++
			}
			if same {
				agree++
			} else {
				conflict++
			}
		}
	}
	return agree, conflict
}

var logs = [...]float64{0, 1, 1.69, 2.1, 2.39, 2.61, 2.79, 2.95}

// often weighs a term by how many times an article says it, as 1 + ln n.
func often(t *term) float64 { return logs[min(int(t.n), len(logs)-1)] }

// nearness is 1 at the beginning of an article and 0 from its sixtieth word on.
func nearness(at uint8) float64 { return max(0, 1-float64(at)*(1.0/60)) }

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
