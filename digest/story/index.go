package story

import (
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Window is how far apart two articles may have been published and still tell
// one story.
const Window = 72 * time.Hour

const (
	minContainment = 0.40 // of the shingles of the shorter text
	minShared      = 6    // shingles two texts must share, whatever their share
	sampling       = 4    // one shingle in so many leads to candidates
	briefShingles  = 64   // a text of fewer is short: too few samples
	maxWords       = 3000 // of a text: enough to know it again
	maxChain       = 500  // articles with one sampled shingle: beyond that it is boilerplate
	minLead        = 0.8  // what two articles must share, common names left out, to be compared
	maxReports     = 16   // of the articles that share most: so many are compared
	minLike        = 0.0  // log-odds from which two reports are of one event
	fittedOn       = 80   // articles
	crowding       = 0.25 // less, each time their number is e times that
	usual          = 0.05 // share of compared pairs that are of one event
	doubts         = 10.0 // pairs that count as half as often of one event, when few were compared
	unlike         = -2.0 // of two articles that share too little to be compared
	perDay         = 0.5  // less, for each day between two articles after the first twelve hours
	kindsUnknown   = 0.4  // how alike two articles count whose words tell no kind
	minRarity      = 0.45 // what is commoner proves nothing: a language's little words
	background     = 300  // so many articles that are not there count beside those that are, else nothing would be rare in a few
)

// entry is what is kept of an article.
type entry struct {
	id, title, source string
	house             int32  // number of its source, 0 = unknown
	story             string // that it stays in, "" = free
	published         time.Time
	shingles          []uint32
	profile           profile
}

// index finds what articles have in common.
type index struct {
	docs    []entry
	texts   lists     // sampled shingles, and all of short texts
	textsOf [][]int32 // the same by document
	terms   lists     // names, numbers and words; documents as docShift says
	corpus  corpus
}

// tally counts what documents have in common with one.
type tally struct {
	score []float32 // by document, 0 outside of one search
	hits  []int32
}

func (t *tally) add(doc int32, weight float32) {
	if t.score[doc] == 0 {
		t.hits = append(t.hits, doc)
	}
	t.score[doc] += weight
}

// newTally counts of n documents.
func newTally(n int) *tally { return &tally{score: make([]float32, n)} }

// hit is a document and what it shares.
type hit struct {
	doc   int32
	score float32
}

// take returns the documents with at least that score and clears the tally.
func (t *tally) take(least float32) []hit {
	var out []hit
	for _, d := range t.hits {
		if t.score[d] >= least {
			out = append(out, hit{d, t.score[d]})
		}
		t.score[d] = 0
	}
	t.hits = t.hits[:0]
	return out
}

// lists lead from keys to the documents that have them. Keys and the documents
// of each are in ascending order, so that no table is needed to build or to read
// them: a million postings are sorted in a tenth of a second.
type lists struct {
	keys  []uint32
	start []int32 // where the documents of each key begin; one more than keys
	docs  []int32
}

// listsOf sorts postings, keys in the upper half and documents in the lower one.
// Keys that fewer than least documents have, or more than most, are left out.
func listsOf(postings []uint64, least, most int) (l lists) {
	slices.Sort(postings)
	l.start = append(l.start, 0)
	for len(postings) > 0 {
		key, n := uint32(postings[0]>>32), 1
		for n < len(postings) && uint32(postings[n]>>32) == key {
			n++
		}
		if n >= least && n <= most {
			for _, p := range postings[:n] {
				l.docs = append(l.docs, int32(uint32(p)))
			}
			l.keys, l.start = append(l.keys, key), append(l.start, int32(len(l.docs)))
		}
		postings = postings[n:]
	}
	return l
}

// at are the documents of the key of that number.
func (l *lists) at(number int32) []int32 { return l.docs[l.start[number]:l.start[number+1]] }

// of are the documents of a key.
func (l *lists) of(key uint32) []int32 {
	if k, ok := slices.BinarySearch(l.keys, key); ok {
		return l.at(int32(k))
	}
	return nil
}

// byDocument lists the numbers of the keys that each of n documents has.
func (l *lists) byDocument(n int) [][]int32 {
	out := make([][]int32, n)
	for k := range l.keys {
		for _, d := range l.at(int32(k)) {
			out[d] = append(out[d], int32(k))
		}
	}
	return out
}

// What the lists of terms say of a document besides its number.
const (
	asName   = 1 << iota // the term is a name there
	asNought             // it proves nothing there
	docShift = iota
)

// read takes in articles, the earliest first.
func (x *index) read(entries []entry) {
	x.readProfiles(entries)
	var postings []uint64
	for i, e := range entries {
		for _, s := range e.shingles {
			if s%sampling == 0 || len(e.shingles) < briefShingles {
				postings = append(postings, uint64(s)<<32|uint64(i))
			}
		}
	}
	x.texts = listsOf(postings, 2, maxChain)
	x.textsOf = x.texts.byDocument(len(entries))
}

// readProfiles takes in all but the texts, and notes how rare the terms are.
func (x *index) readProfiles(entries []entry) {
	x.docs = entries
	houses := map[string]int32{"": 0}
	n := 0
	for i, e := range entries {
		h, ok := houses[e.source]
		if !ok {
			h = int32(len(houses))
			houses[e.source] = h
		}
		entries[i].house = h
		x.corpus.add(e.profile)
		n += len(e.profile.terms)
	}
	postings := make([]uint64, 0, n)
	for i, e := range entries {
		for _, t := range e.profile.terms {
			doc := uint64(i) << docShift
			if t.flags&isName != 0 {
				doc |= asName
			}
			if t.flags&(isSmall|isRole) != 0 {
				doc |= asNought
			}
			postings = append(postings, uint64(t.hash)<<32|doc)
		}
	}
	x.terms = listsOf(postings, 1, len(entries))
	next := make([]int32, len(entries)) // terms of a profile are in the order of the keys
	for k, key := range x.terms.keys {
		with := x.terms.at(int32(k))
		rare := float32(x.corpus.rarity(key, len(with)))
		for _, p := range with {
			d := p >> docShift
			t := &x.docs[d].profile.terms[next[d]]
			t.number, t.rare = int32(k), rare
			next[d]++
		}
	}
}

// sourceOf is who published an article: as told, else its host.
func sourceOf(d Doc) string {
	if d.Source != "" {
		return d.Source
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Host, "www.")
}

// copiesOf pairs an article with earlier ones in the window of which it shares
// enough of the text.
func (x *index) copiesOf(i int32, t *tally) []pair {
	e := x.docs[i]
	for _, k := range x.textsOf[i] {
		for _, d := range x.texts.at(k) {
			if d >= i {
				break
			}
			t.add(d, 1)
		}
	}
	least := float32(2) // sampled shingles, one if the text is short
	if len(e.shingles) < briefShingles {
		least = 1
	}
	var out []pair
	for _, h := range t.take(least) {
		o := x.docs[h.doc]
		if e.published.Sub(o.published) > Window {
			continue
		}
		if share, ok := shareOf(o, e); ok {
			out = append(out, pair{a: h.doc, b: i, score: copied + share, share: share})
		}
	}
	return out
}

// shareOf is how much of the shorter text stands in the other, and whether
// that makes them copies.
func shareOf(a, b entry) (float64, bool) {
	n := common(a.shingles, b.shingles)
	share := float64(n) / float64(max(min(len(a.shingles), len(b.shingles)), 1))
	return share, n >= minShared && share >= minContainment && !fromTemplate(a.profile, b.profile)
}

// fromTemplate reports whether two texts speak of different people in the same
// words, as a house's obituaries and match reports do: their headlines name nobody
// in common, and nobody whom the other's lead names, or of the names in their leads
// less than a third are in both: a template has names of its own, the undertaker's.
// Who goes on with a story names again who was in it.
func fromTemplate(a, b profile) bool {
	inA, inB := a.names(isName|inTitle), b.names(isName|inTitle)
	if !a.cased || !b.cased || len(inA) == 0 || len(inB) == 0 || common(inA, inB) > 0 {
		return false
	}
	allA, allB := a.names(isName), b.names(isName)
	if common(inA, allB) == 0 && common(inB, allA) == 0 {
		return true
	}
	return 3*common(allA, allB) < min(len(allA), len(allB))
}

// reportsOf compares an article with those earlier ones in the window that
// share most of what is rare with it: names count as rare as they are, other
// words half of it.
func (x *index) reportsOf(i int32, tally *tally) []pair {
	e := x.docs[i]
	limit := max(60, len(x.docs)/100)
	for _, t := range e.profile.terms {
		docs := x.terms.at(t.number)
		if t.flags&(isSmall|isRole) != 0 || len(docs) > limit {
			continue
		}
		plain := t.rare / 2
		if !e.profile.cased || t.flags&isName != 0 {
			plain = t.rare
		}
		for _, d := range docs {
			switch {
			case d>>docShift >= i:
			case d&asNought != 0:
			case d&asName != 0:
				tally.add(d>>docShift, t.rare)
			default:
				tally.add(d>>docShift, plain)
			}
		}
	}
	hits := slices.DeleteFunc(tally.take(minLead), func(h hit) bool { return e.published.Sub(x.docs[h.doc].published) > Window })
	if len(hits) > maxReports {
		slices.SortFunc(hits, func(a, b hit) int {
			if a.score != b.score {
				return int(math.Copysign(1, float64(b.score-a.score)))
			}
			return int(a.doc - b.doc)
		})
		hits = hits[:maxReports]
	}
	out := make([]pair, len(hits))
	for k, h := range hits {
		out[k] = pair{a: h.doc, b: i, f: x.corpus.compare(&x.docs[h.doc].profile, &e.profile), late: lateness(e.published.Sub(x.docs[h.doc].published))}
	}
	return out
}

// corpus knows how many articles there are, and of the kinds of events in how
// many each stands.
type corpus struct {
	n      int
	kinds  [256]int32
	common map[uint32]float32 // the share of all articles that a word stands in
}

func (c *corpus) add(p profile) {
	c.common = loadLexicon().common
	c.n++
	for _, k := range p.kinds {
		c.kinds[k.kind]++
	}
}

// rarity of a term that df articles have is between 0, in all, and 1, in this
// one only. What is known of a word from elsewhere counts as so many articles more.
func (c *corpus) rarity(h uint32, df int) float64 {
	n := float64(c.n + background)
	return math.Log(1+n/max(float64(df)+background*float64(c.common[h]), 1)) / math.Log(1+n)
}
