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
	minContainment = 0.40  // of the shingles of the shorter text
	minShared      = 6     // shingles two texts must share, whatever their share
	sampling       = 4     // one shingle in so many leads to candidates
	briefShingles  = 64    // a text of fewer is short: too few samples
	maxWords       = 3000  // of a text: enough to know it again
	maxChain       = 500   // articles with one sampled shingle: beyond that it is boilerplate
	minLead        = 0.8   // what two articles must share, common names left out, to be compared
	maxReports     = 16    // of the articles that share most: so many are compared
	minLike        = -0.75 // log-odds from which two reports are of one event
	fittedOn       = 80    // articles
	unlike         = -2.0  // of two articles that share too little to be compared
	perDay         = 0.5   // less, for each day between two articles after the first twelve hours
	kindsUnknown   = 0.4   // how alike two articles count whose words tell no kind
	minRarity      = 0.45  // what is commoner proves nothing: a language's little words
	background     = 300   // so many articles that are not there count beside those that are, else nothing would be rare in a few
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
	docs   []entry
	text   chains // sampled shingles
	briefs chains // the other shingles of short texts
	terms  lists  // names, numbers and words
	tally  tally
	corpus corpus
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

// grow makes room for n documents.
func (t *tally) grow(n int) {
	if n > len(t.score) {
		t.score = append(t.score, make([]float32, n-len(t.score))...)
	}
}

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

// chains lead from a shingle to the documents that have it. There are many
// shingles and few documents for each, so the documents are linked.
type chains struct {
	heads map[uint32]chain
	links []posting
}

type chain struct {
	newest int32 // one more than the place of the newest posting
	length int32
}

type posting struct{ doc, next int32 }

func (c *chains) add(h uint32, doc int32) {
	if c.heads == nil {
		c.heads = map[uint32]chain{}
	}
	head := c.heads[h]
	c.links = append(c.links, posting{doc, head.newest})
	c.heads[h] = chain{int32(len(c.links)), head.length + 1}
}

// lists lead from a term to the documents that have it, one more than twice
// their number where it is a name there, twice where not.
type lists map[uint32][]int32

func (l lists) add(p profile, doc int32) {
	for _, t := range p.terms {
		if t.flags&(isSmall|isRole) == 0 {
			l[t.hash] = append(l[t.hash], 2*doc+int32(t.flags&isName))
		}
	}
}

// read takes in articles, the earliest first.
func (x *index) read(entries []entry) {
	x.docs, x.terms = entries, lists{}
	houses := map[string]int32{"": 0}
	for i, e := range entries {
		h, ok := houses[e.source]
		if !ok {
			h = int32(len(houses))
			houses[e.source] = h
		}
		entries[i].house = h
		x.corpus.add(e.profile)
		x.terms.add(e.profile, int32(i))
		for _, s := range e.shingles {
			switch {
			case s%sampling == 0:
				x.text.add(s, int32(i))
			case len(e.shingles) < briefShingles:
				x.briefs.add(s, int32(i))
			}
		}
	}
	x.tally.grow(len(entries))
	x.weigh()
}

// weigh notes how rare the terms of all articles are.
func (x *index) weigh() {
	for i := range x.docs {
		x.corpus.weigh(x.docs[i].profile)
	}
}

func (c *corpus) weigh(p profile) {
	for k, t := range p.terms {
		p.terms[k].rare = float32(c.rarity(t.hash))
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
func (x *index) copiesOf(i int32) []pair {
	e := x.docs[i]
	for _, s := range e.shingles {
		c := &x.text
		if s%sampling != 0 {
			c = &x.briefs
		}
		head := c.heads[s]
		if head.length > maxChain {
			continue
		}
		for p := head.newest; p != 0; p = c.links[p-1].next {
			if d := c.links[p-1].doc; d < i {
				x.tally.add(d, 1)
			}
		}
	}
	least := float32(2) // sampled shingles, one if the text is short
	if len(e.shingles) < briefShingles {
		least = 1
	}
	var out []pair
	for _, h := range x.tally.take(least) {
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
	return share, n >= minShared && share >= minContainment
}

// reportsOf compares an article with those earlier ones in the window that
// share most of what is rare with it: names count as rare as they are, other
// words half of it.
func (x *index) reportsOf(i int32) []pair {
	e := x.docs[i]
	limit := max(60, len(x.docs)/100)
	for _, t := range e.profile.terms {
		docs := x.terms[t.hash]
		if t.flags&(isSmall|isRole) != 0 || len(docs) > limit {
			continue
		}
		name := t.rare
		plain := name / 2
		if !e.profile.cased {
			plain = name
		}
		if t.flags&isName != 0 {
			plain = name
		}
		for _, d := range docs {
			if d/2 >= i {
				break
			}
			if d&1 != 0 {
				x.tally.add(d/2, name)
			} else {
				x.tally.add(d/2, plain)
			}
		}
	}
	hits := slices.DeleteFunc(x.tally.take(minLead), func(h hit) bool { return e.published.Sub(x.docs[h.doc].published) > Window })
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

// corpus counts in how many articles terms and kinds stand.
type corpus struct {
	n      int
	df     map[uint32]int32
	kinds  [256]int32
	common map[uint32]float32 // the share of all articles that a word stands in
}

func (c *corpus) add(p profile) {
	if c.df == nil {
		c.df, c.common = map[uint32]int32{}, loadLexicon().common
	}
	c.n++
	for _, t := range p.terms {
		c.df[t.hash]++
	}
	for _, k := range p.kinds {
		c.kinds[k.kind]++
	}
}

// rarity is between 0, in all articles, and 1, in this one only. What is known
// of a word from elsewhere counts as so many articles more.
func (c *corpus) rarity(h uint32) float64 {
	n := float64(c.n + background)
	df := float64(c.df[h]) + background*float64(c.common[h])
	return math.Log(1+n/max(df, 1)) / math.Log(1+n)
}
