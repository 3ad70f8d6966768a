package story

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"pressrun/digest/summary"
)

// Cluster sorts articles into stories: a map from each id to its place. The
// answer does not depend on the order of docs.
func Cluster(docs []Doc) map[string]Place {
	var c Clusterer
	return c.Cluster(docs)
}

// Place is where an article belongs.
type Place struct {
	Story string // id of the story's earliest member; that of the article itself when it is the first
	Why   string // in a sentence what made it join, "" for the first
}

// Clusterer remembers what it has read, so that clustering again after a few
// new articles costs little. The zero value is ready. It is not for concurrent use.
type Clusterer struct {
	known     map[string]entry
	mu        sync.Mutex
	profilers []*profiler
}

// Cluster is the function Cluster. The text of an article whose id was there
// the last time is not looked at again, unless its title has changed.
func (c *Clusterer) Cluster(docs []Doc) map[string]Place {
	sorted := slices.Clone(docs)
	slices.SortFunc(sorted, func(a, b Doc) int {
		return cmp.Or(a.Published.Compare(b.Published), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Title, b.Title), cmp.Compare(a.Text, b.Text))
	})
	sorted = slices.CompactFunc(sorted, func(a, b Doc) bool { return a.ID == b.ID })
	var g grouping
	g.read(c.digest(sorted))
	g.look(&firstLook)
	g.score(&secondLook, minLike)
	g.join()
	return g.places()
}

// digest makes entries of documents in their order. One without a date counts
// as published with the newest.
func (c *Clusterer) digest(docs []Doc) []entry {
	var newest time.Time
	if len(docs) > 0 {
		newest = docs[len(docs)-1].Published
	}
	out := make([]entry, len(docs))
	split(len(docs), func(worker, from, to int) {
		p := c.profiler(worker)
		for i, d := range docs[from:to] {
			e, ok := c.known[d.ID]
			if !ok || e.title != d.Title {
				e = entry{id: d.ID, title: d.Title, shingles: p.shingles(d.Text), profile: p.profile(d.Title, d.Text)}
			}
			e.source, e.story, e.published = sourceOf(d), d.Story, d.Published
			if e.published.IsZero() {
				e.published = newest
			}
			out[from+i] = e
		}
	})
	c.known = make(map[string]entry, len(docs))
	for _, e := range out {
		c.known[e.id] = e
	}
	return out
}

// profiler is that of a worker, who may not share it.
func (c *Clusterer) profiler(worker int) *profiler {
	c.mu.Lock()
	defer c.mu.Unlock()
	for worker >= len(c.profilers) {
		c.profilers = append(c.profilers, newProfiler())
	}
	if len(c.profilers[worker].known) > 1<<17 {
		c.profilers[worker] = newProfiler()
	}
	return c.profilers[worker]
}

// grouping joins articles by their likeness, the surest pair first.
type grouping struct {
	index
	pairs  []pair
	like   map[[2]int32]float64 // what the event rule says of two articles
	group  []int32              // of each article: the key of its group
	groups map[int32][]int32    // members, earliest first
	why    []string             // of each article
}

type pair struct {
	a, b  int32
	score float64 // copied + share of the text, or that of the event rule
	share float64 // of the text, 0 = found by the event rule
	f     features
	late  float64
}

// isEvent reports whether two articles may report one event: no copies, and
// enough in common that is rare.
func (p *pair) isEvent() bool {
	return p.share == 0 && p.f[fNames]+p.f[fNumbers]+p.f[fWords] >= minRare
}

// copied is added to the share of text two articles have in common: more than
// the event rule ever gives.
const copied = 100

// minRare is the least rarity of names, numbers and other words that reports
// of one event share. Less than that the words of a whole beat have in common:
// councils that vote, trams that stop.
const minRare = 0.8

// read finds all pairs that may tell one story.
func (g *grouping) read(entries []entry) {
	g.index.read(entries)
	found := make([][]pair, len(g.docs))
	split(len(g.docs), func(_, from, to int) {
		t := newTally(len(g.docs))
		for i := from; i < to; i++ {
			found[i] = append(g.copiesOf(int32(i), t), g.reportsOf(int32(i), t)...)
		}
	})
	g.pairs = slices.Concat(found...)
	g.relate()
}

// hopeless is what the first forest says of a pair that the second need not
// look at: of most, where many articles were compared.
const hopeless = -4.5

// score puts the surest pairs first, as the second forest sees them. At the bar
// they are of one event as likely as not.
func (g *grouping) score(second *summary.Forest, bar float64) {
	crowd := crowding * math.Log(max(float64(len(g.docs)), fittedOn)/fittedOn)
	split(len(g.pairs), func(_, from, to int) {
		for i := from; i < to; i++ {
			p := &g.pairs[i]
			switch {
			case !p.isEvent() && p.share == 0:
				p.score = unlike
			case !p.isEvent():
			case p.f[fScore] < hopeless:
				p.score = hopeless
			default:
				p.score = float64(second.Sum(p.f[:])) + minLike - bar - p.late - crowd
			}
		}
	})
	ease := max(0, min(0.3*g.eventful()+0.25, 0.5))
	g.like = make(map[[2]int32]float64, len(g.pairs))
	for i := range g.pairs {
		if p := &g.pairs[i]; p.isEvent() {
			p.score += ease
			g.like[[2]int32{p.a, p.b}] = p.score
		}
	}
	slices.SortFunc(g.pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.a, b.a), cmp.Compare(a.b, b.b))
	})
}

// eventful is how far, in log-odds, the share of compared pairs that are of one
// event is above the usual: the share with which their own odds agree, found by
// turns (Saerens, Latinne and Decaestecker 2002). Twelve turns settle it.
func (g *grouping) eventful() (more float64) {
	logit := func(share float64) float64 { return math.Log(share / (1 - share)) }
	for range 12 {
		pairs, same := doubts, doubts*usual/2
		for i := range g.pairs {
			if p := &g.pairs[i]; p.isEvent() {
				pairs++
				same += 1 / (1 + math.Exp(-p.score-more))
			}
		}
		more = logit(same/pairs) - logit(usual)
	}
	return more
}

func (g *grouping) join() {
	n := len(g.docs)
	g.group, g.why, g.groups = make([]int32, n), make([]string, n), map[int32][]int32{}
	fixed := map[string]int32{}
	for i := range int32(n) {
		g.group[i], g.groups[i] = i, []int32{i}
		if s := g.docs[i].story; s != "" {
			if first, ok := fixed[s]; ok {
				g.merge(g.group[first], i)
			} else {
				fixed[s] = i
			}
		}
	}
	for _, p := range g.pairs {
		if p.score <= minLike {
			break
		}
		a, b := g.group[p.a], g.group[p.b]
		if a == b || g.apart(g.groups[a], g.groups[b]) || p.share == 0 && g.linkage(g.groups[a], g.groups[b]) <= minLike {
			continue
		}
		if p.share > 0 {
			g.explain(p)
		}
		g.merge(a, b)
	}
	g.refine()
}

func (g *grouping) merge(a, b int32) {
	merged := append(g.groups[a], g.groups[b]...)
	slices.Sort(merged)
	delete(g.groups, b)
	g.groups[a] = merged
	for _, i := range merged {
		g.group[i] = a
	}
}

// apart reports whether two groups belong to different stories by decision.
func (g *grouping) apart(a, b []int32) bool {
	story := ""
	for _, i := range slices.Concat(a, b) {
		if s := g.docs[i].story; s != "" {
			if story != "" && s != story {
				return true
			}
			story = s
		}
	}
	return false
}

// linkage is how alike two groups are: the mean of the best and the average
// pair. A house that stands in both has reported two events, since what it
// writes again on one is a story of its own.
func (g *grouping) linkage(a, b []int32) float64 {
	best, sum := unlike, 0.0
	for _, i := range a {
		for _, j := range b {
			if g.sameHouse(i, j) {
				return unlike
			}
			s, ok := g.likeOf(i, j)
			if !ok {
				s = unlike
			}
			best, sum = max(best, s), sum+s
		}
	}
	return (best + sum/float64(len(a)*len(b))) / 2
}

// likeOf is what the event rule says of two articles, if they were compared.
func (g *grouping) likeOf(i, j int32) (float64, bool) {
	s, ok := g.like[[2]int32{min(i, j), max(i, j)}]
	return s, ok
}

// explain says why the later copy of a pair stands where it does.
func (g *grouping) explain(p pair) {
	why, title := &g.why[p.b], g.docs[p.a].title
	if *why != "" {
		why, title = &g.why[p.a], g.docs[p.b].title
	}
	if *why == "" {
		*why = fmt.Sprintf("shares %.0f %% of its text with %q", 100*p.share, title)
	}
}

// reason says which report of its group one is most like.
func (g *grouping) reason(i int32, members []int32) string {
	best, of := math.Inf(-1), int32(-1)
	for _, j := range members {
		if s, ok := g.likeOf(i, j); ok && j != i && s > best {
			best, of = s, j
		}
	}
	if of < 0 {
		return ""
	}
	return fmt.Sprintf("reports the same event as %q: names, words and kind of event in common", g.docs[of].title)
}

func (g *grouping) places() map[string]Place {
	out := make(map[string]Place, len(g.docs))
	for _, members := range g.groups {
		first := g.docs[members[0]].id
		for k, i := range members {
			p := Place{Story: first}
			if k > 0 {
				p.Why = cmp.Or(g.why[i], g.reason(i, members))
			}
			out[g.docs[i].id] = p
		}
	}
	return out
}
