package story

import (
	"fmt"
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
	minLead        = 1.2  // evidence, common names left out, that makes a closer look worth while
	maxCompared    = 12   // members of a story, the newest, that a new article is held against
)

// Index finds the story of each new article among those of the last 72 hours.
// The zero value is ready. It is not for concurrent use.
type Index struct {
	docs     []entry
	byID     map[string]int32
	stories  map[string][]int32
	text     chains // sampled shingles
	briefs   chains // the other shingles of short texts
	terms    lists  // names, numbers and words
	tally    tally
	corpus   corpus
	profiler *profiler
	newest   time.Time
	swept    time.Time // the hour up to which the index was last looked through
	dead     int
}

// entry is what is kept of an article.
type entry struct {
	id, story string
	title     string
	source    string
	published time.Time
	shingles  []uint32
	profile   profile
	gone      bool // out of the window
}

// tally counts what documents have in common with a new one.
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
		t.score = append(t.score, make([]float32, n)...) // twice as long at least
	}
}

// take returns the documents with at least that score and clears the tally.
func (t *tally) take(least float32) []int32 {
	var out []int32
	for _, d := range t.hits {
		if t.score[d] >= least {
			out = append(out, d)
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

func (l lists) add(h uint32, doc int32, flags uint8) {
	l[h] = append(l[h], 2*doc+int32(flags&isName))
}

// Add puts an article into the index and returns the story it belongs to: the
// id of the story's first member, its own id when it is the first. why says in
// a sentence what made the decision, "" for a new story. An article with the
// id of an earlier one stays in that one's story.
//
// The article's Published decides what the window is; one without a date
// counts as published with the newest so far.
func (x *Index) Add(d Doc) (storyID string, why string) {
	x.init()
	if i, ok := x.byID[d.ID]; ok {
		return x.docs[i].story, "known already"
	}
	e := x.digest(d)
	x.corpus.add(e.profile, 1)
	x.forget()
	e.story, why = x.place(e)
	x.insert(e)
	return e.story, why
}

// Restore puts an article into the index whose story is known: after a restart,
// or because another process told it. One that is there already stays as it is.
// An index that was restored in the order in which another was added to decides
// as that other one would.
func (x *Index) Restore(d Doc, storyID string) {
	x.init()
	if _, ok := x.byID[d.ID]; ok {
		return
	}
	e := x.digest(d)
	x.corpus.add(e.profile, 1)
	x.forget()
	e.story = storyID
	x.insert(e)
}

// Move gives an article to another story, as an editor decides. Articles that
// are not in the index, for instance because they are too old, are left alone.
func (x *Index) Move(id, storyID string) {
	i, ok := x.byID[id]
	if !ok || x.docs[i].story == storyID {
		return
	}
	was := x.docs[i].story
	if rest := slices.DeleteFunc(x.stories[was], func(o int32) bool { return o == i }); len(rest) > 0 {
		x.stories[was] = rest
	} else {
		delete(x.stories, was)
	}
	x.docs[i].story = storyID
	members := append(x.stories[storyID], i)
	slices.Sort(members)
	x.stories[storyID] = members
}

func (x *Index) init() {
	if x.byID == nil {
		x.byID, x.stories, x.terms = map[string]int32{}, map[string][]int32{}, lists{}
	}
	if x.profiler == nil || len(x.profiler.known) > 1<<18 {
		x.profiler = newProfiler()
	}
}

func (x *Index) digest(d Doc) entry {
	if d.Published.IsZero() {
		d.Published = x.newest
	}
	if d.Published.After(x.newest) {
		x.newest = d.Published
	}
	return entry{
		id: d.ID, story: d.ID, title: d.Title, source: sourceOf(d), published: d.Published,
		shingles: shingles(words(d.Text, maxWords, nil)),
		profile:  x.profiler.profile(d.Title, d.Text),
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
	return strings.TrimPrefix(u.Hostname(), "www.")
}

func (x *Index) insert(e entry) {
	n := int32(len(x.docs))
	x.docs = append(x.docs, e)
	x.byID[e.id] = n
	x.stories[e.story] = append(x.stories[e.story], n)
	for _, s := range e.shingles {
		switch {
		case s%sampling == 0:
			x.text.add(s, n)
		case len(e.shingles) < briefShingles:
			x.briefs.add(s, n)
		}
	}
	for _, t := range e.profile.terms {
		if t.flags&(isSmall|isRole|isKind) == 0 {
			x.terms.add(t.hash, n, t.flags)
		}
	}
}

// match is an earlier article that tells the same story.
type match struct {
	doc   int32
	score float64 // copied + share of the text, or that of the event rule
	share float64 // of the text, 0 = found by the event rule
}

// copied is added to the share of text two articles have in common: more than the event rule ever gives.
const copied = 10

// matches lists the earlier articles that may tell e's story.
func (x *Index) matches(e entry) []match {
	var out []match
	for _, i := range x.copies(e) {
		o := x.docs[i]
		n := common(o.shingles, e.shingles)
		share := float64(n) / float64(max(min(len(o.shingles), len(e.shingles)), 1))
		if n >= minShared && share >= minContainment {
			out = append(out, match{i, copied + share, share})
		}
	}
	for _, i := range x.reports(e) {
		if s := x.likeness(e, i); s > minJoin {
			out = append(out, match{doc: i, score: s})
		}
	}
	return out
}

// copies lists the documents in the window that share sampled shingles with e:
// two at least, one if e is short.
func (x *Index) copies(e entry) []int32 {
	x.tally.grow(len(x.docs))
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
			x.tally.add(c.links[p-1].doc, 1)
		}
	}
	least := float32(2)
	if len(e.shingles) < briefShingles {
		least = 1
	}
	return x.inWindow(e, x.tally.take(least))
}

// reports lists the documents in the window that share enough of what is rare
// with e: names count as rare as they are, other words half of it.
func (x *Index) reports(e entry) []int32 {
	x.tally.grow(len(x.docs))
	limit := max(60, x.corpus.n/100)
	for _, t := range e.profile.terms {
		docs := x.terms[t.hash]
		if t.flags&(isSmall|isRole|isKind) != 0 || len(docs) > limit {
			continue
		}
		name := float32(x.corpus.rarity(t.hash))
		plain := name
		if e.profile.cased && t.flags&isName == 0 {
			plain = name / 2
		}
		for _, d := range docs {
			if d&1 != 0 {
				x.tally.add(d/2, name)
			} else {
				x.tally.add(d/2, plain)
			}
		}
	}
	return x.inWindow(e, x.tally.take(minLead))
}

func (x *Index) inWindow(e entry, docs []int32) []int32 {
	return slices.DeleteFunc(docs, func(i int32) bool {
		return x.docs[i].gone || apart(x.docs[i].published, e.published) > Window
	})
}

func (x *Index) likeness(e entry, i int32) float64 {
	o := x.docs[i]
	gap := apart(o.published, e.published)
	return x.corpus.compare(e.profile, o.profile).score(gap, o.source != "" && o.source == e.source)
}

// place chooses the story of a new article.
func (x *Index) place(e entry) (storyID, why string) {
	best, nearest := 0.0, match{doc: -1}
	for _, m := range x.matches(e) {
		s := m.score
		if m.share == 0 {
			members := x.stories[x.docs[m.doc].story]
			if len(members) == 1 && s <= minPair || len(members) > 1 && !x.joins(e, members, &s) {
				continue
			}
		}
		if nearest.doc < 0 || s > best {
			best, nearest = s, m
		}
	}
	if nearest.doc < 0 {
		return e.id, ""
	}
	o := x.docs[nearest.doc]
	if nearest.share > 0 {
		return o.story, fmt.Sprintf("shares %.0f %% of its text with %q", 100*nearest.share, o.title)
	}
	return o.story, fmt.Sprintf("reports the same event as %q: names, numbers and words in common", o.title)
}

// joins reports whether e belongs to a story of several members; score becomes
// the mean of its best and its average likeness to them.
func (x *Index) joins(e entry, members []int32, score *float64) bool {
	members = members[max(0, len(members)-maxCompared):]
	best, sum := unlikely, 0.0
	profiles := make([]profile, len(members))
	for k, i := range members {
		s := x.likeness(e, i)
		best, sum = max(best, s), sum+s
		profiles[k] = x.docs[i].profile
	}
	*score = (best + sum/float64(len(members))) / 2
	return *score > minJoin && x.corpus.coreShare(profiles, []profile{e.profile}) >= minCore
}

// coreShare is how much of what several articles agree on, terms at least two
// of them have, stands in the others too. It keeps a different story about the
// same people out.
func (c *corpus) coreShare(story, others []profile) float64 {
	count := map[uint32]int{}
	for _, p := range story {
		for _, t := range p.terms {
			if t.flags&isRole == 0 {
				count[t.hash]++
			}
		}
	}
	there := map[uint32]bool{}
	for _, p := range others {
		for _, t := range p.terms {
			there[t.hash] = true
		}
	}
	var all, shared float64
	for _, p := range story {
		for _, t := range p.terms {
			if n := count[t.hash]; n >= 2 {
				all += c.rarity(t.hash)
				if there[t.hash] {
					shared += c.rarity(t.hash)
				}
				count[t.hash] = 0 // each once
			}
		}
	}
	return shared / max(all, 1e-9)
}

func apart(a, b time.Time) time.Duration {
	return time.Duration(math.Abs(float64(a.Sub(b))))
}

// forget drops what has left the window, and rebuilds the index when half of
// it is gone. It goes by whole hours, so that what is kept depends on the newest
// article alone and not on when the index was made.
func (x *Index) forget() {
	hour := x.newest.Truncate(time.Hour)
	if !hour.After(x.swept) {
		return
	}
	x.swept = hour
	for i := range x.docs {
		if e := &x.docs[i]; !e.gone && hour.Sub(e.published) > 2*Window {
			x.corpus.add(e.profile, -1)
			x.Move(e.id, "")
			delete(x.byID, e.id)
			e.gone, e.shingles, e.profile = true, nil, profile{}
			x.dead++
		}
	}
	delete(x.stories, "")
	if x.dead < 64 || x.dead < len(x.docs)/2 {
		return
	}
	old := *x
	*x = Index{newest: old.newest, swept: old.swept, corpus: old.corpus, profiler: old.profiler}
	x.init()
	for _, e := range old.docs {
		if !e.gone {
			x.insert(e)
		}
	}
}
