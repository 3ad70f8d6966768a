package story

import (
	"math"
	"time"
)

// Weights and bars of the event rule, fitted by a logistic regression on the
// first twenty hand-written events, then rounded (see the package comment).
const (
	bias         = -4.9
	wWords       = 0.6
	wNumbers     = 2.1
	wKinds       = 6.9
	wHeadline    = 4.1
	perDay       = 0.5  // less, for each day between two articles after the first twelve hours
	sameSource   = 0.5  // less, when one house published both: it rarely reports one event twice
	minPair      = 0.4  // between two articles that stand alone
	minJoin      = -0.1 // of the mean of best and average, to join a story of several
	minCore      = 0.25
	minEvidence  = 1.8 // shared names count 1, words and numbers half, each by how rare it is
	minNames     = 0.6
	minAlien     = 2.5  // names, where the language's little words cannot be told from others
	kindsUnknown = 0.4  // how alike two articles count whose words tell no kind
	minRarity    = 0.45 // what is commoner proves nothing, however much of it there is: a language's little words
	minSmoothing = 300  // a small collection counts as so many articles, else nothing in it would be rare
)

// corpus counts in how many articles terms and kinds stand.
type corpus struct {
	n     int
	df    map[uint32]int32
	kinds [256]int32
}

func (c *corpus) add(p profile, by int32) {
	if c.df == nil {
		c.df = map[uint32]int32{}
	}
	c.n += int(by)
	for _, t := range p.terms {
		if c.df[t.hash] += by; c.df[t.hash] == 0 {
			delete(c.df, t.hash)
		}
	}
	for _, k := range p.kinds {
		c.kinds[k.kind] += by
	}
}

// rarity is between 0, in all articles, and 1, in this one only.
func (c *corpus) rarity(h uint32) float64 {
	n := float64(max(c.n, minSmoothing))
	return math.Log(1+n/float64(max(c.df[h], 1))) / math.Log(1+n)
}

func (c *corpus) kindRarity(k uint8) float64 {
	return math.Log(1 + float64(max(c.n, 1))/float64(max(c.kinds[k], 1)))
}

// likeness is how two articles compare.
type likeness struct {
	words    float64 // content words in common, less names, roles and words that speak of kinds of events
	numbers  float64
	kinds    float64 // cosine of the kinds of events they speak of
	headline float64 // how much of each headline the other article says too
	names    float64
	plain    float64 // rarity of the shared words, summed
	cased    bool
	alien    bool
}

func (c *corpus) compare(a, b profile) likeness {
	var l likeness
	var all, all2, head, head2, said, said2 float64
	l.cased, l.alien = a.cased || b.cased, a.alien || b.alien
	i, j := 0, 0
	for i < len(a.terms) || j < len(b.terms) {
		switch {
		case j == len(b.terms) || i < len(a.terms) && a.terms[i].hash < b.terms[j].hash:
			r := c.rarity(a.terms[i].hash)
			all += r
			if a.terms[i].flags&inTitle != 0 {
				head += r
			}
			i++
		case i == len(a.terms) || a.terms[i].hash > b.terms[j].hash:
			r := c.rarity(b.terms[j].hash)
			all2 += r
			if b.terms[j].flags&inTitle != 0 {
				head2 += r
			}
			j++
		default:
			r := c.rarity(a.terms[i].hash)
			all, all2 = all+r, all2+r
			if a.terms[i].flags&inTitle != 0 {
				head, said = head+r, said+r
			}
			if b.terms[j].flags&inTitle != 0 {
				head2, said2 = head2+r, said2+r
			}
			l.share(a.terms[i].flags|b.terms[j].flags, r)
			i++
			j++
		}
	}
	l.words = 10 * l.plain / math.Sqrt(max(all*all2, 1e-9))
	l.headline = (said/max(head, 1e-9) + said2/max(head2, 1e-9)) / 2
	l.numbers = min(l.numbers, 3)
	l.kinds = c.kindCosine(a.kinds, b.kinds)
	return l
}

// share counts one term both have, where it belongs.
func (l *likeness) share(flags uint8, r float64) {
	switch {
	case r < minRarity:
	case flags&isNumber != 0:
		l.numbers += min(r, 0.7)
	case flags&(isSmall|isRole|isKind) != 0:
	case flags&isName != 0:
		l.names += r
	default:
		l.plain += r
	}
}

// kindCosine compares the kinds of events two articles speak of. The fewer
// words told the kinds, the nearer the answer is to kindsUnknown: a single word
// may be a chance, or another language's.
func (c *corpus) kindCosine(a, b []kindCount) float64 {
	weight := func(k kindCount) float64 { return (1 + math.Log(float64(k.count))) * c.kindRarity(k.kind) }
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
			}
		}
	}
	cos := ab / max(math.Sqrt(aa*bb), 1e-9)
	mass := min(massA, massB)
	return (cos*mass + 2*kindsUnknown) / (mass + 2)
}

// proven reports whether enough that is rare stands in both to think of one
// event at all: names, where the script shows them.
func (l likeness) proven() bool {
	if !l.cased {
		return l.plain >= minEvidence
	}
	if l.alien && l.names < minAlien {
		return false
	}
	return l.names >= minNames && l.names+(l.plain+l.numbers)/2 >= minEvidence
}

// unlikely is the score of two articles that have too little in common to be compared.
const unlikely = -3.0

func (l likeness) score(gap time.Duration, oneSource bool) float64 {
	if !l.proven() {
		return unlikely
	}
	s := bias + wWords*l.words + wNumbers*l.numbers + wKinds*l.kinds + wHeadline*l.headline
	s -= perDay * max(gap.Hours()-12, 0) / 24
	if oneSource {
		s -= sameSource
	}
	return min(max(s, unlikely), -unlikely)
}
