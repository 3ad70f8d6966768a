package story

import (
	"fmt"
	"math"
	"time"
)

// Window is how far apart two articles may have been published and still tell
// one story.
const Window = 72 * time.Hour

const (
	minContainment = 0.40 // of the shingles of the shorter text
	sampling       = 4    // one shingle in so many leads to candidates
	maxWords       = 3000 // of a text: enough to know it again
	minShared      = 6    // shingles two texts must share, whatever their share
)

// Index finds the story of each new article among those of the last 72 hours.
// The zero value is ready. It is not for concurrent use.
type Index struct {
	docs   []entry
	byID   map[string]int32
	heads  map[uint32]int32 // sampled shingle → newest posting
	links  []posting
	newest time.Time
	dead   int
	seen   []int32 // scratch: how many samples each document shares with the new one
	hits   []int32
}

// entry is what is kept of an article.
type entry struct {
	id, story string
	title     string
	source    string
	published time.Time
	shingles  []uint32
	gone      bool // out of the window
}

// posting says that a document holds a shingle; those of one shingle are chained.
type posting struct{ doc, next int32 }

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
	x.forget()
	if i, share := x.nearest(e); i >= 0 {
		e.story = x.docs[i].story
		why = fmt.Sprintf("shares %.0f %% of its text with %q", 100*share, x.docs[i].title)
	}
	x.insert(e)
	return e.story, why
}

func (x *Index) init() {
	if x.byID == nil {
		x.byID, x.heads = map[string]int32{}, map[uint32]int32{}
	}
}

func (x *Index) digest(d Doc) entry {
	if d.Published.IsZero() {
		d.Published = x.newest
	}
	if d.Published.After(x.newest) {
		x.newest = d.Published
	}
	return entry{id: d.ID, story: d.ID, title: d.Title, source: d.Source, published: d.Published,
		shingles: shingles(words(d.Text, maxWords, nil))}
}

func (x *Index) insert(e entry) {
	n := int32(len(x.docs))
	x.docs = append(x.docs, e)
	x.byID[e.id] = n
	for _, s := range e.shingles {
		if s%sampling != 0 {
			continue
		}
		x.links = append(x.links, posting{doc: n, next: x.heads[s]})
		x.heads[s] = int32(len(x.links)) // one more than its place, so that 0 means none
	}
}

// nearest finds the article that shares the largest part of its text with e, -1 for none.
func (x *Index) nearest(e entry) (best int, share float64) {
	best = -1
	for _, i := range x.candidates(e) {
		o := x.docs[i]
		if o.gone || apart(o.published, e.published) > Window {
			continue
		}
		n := common(o.shingles, e.shingles)
		s := float64(n) / float64(min(len(o.shingles), len(e.shingles)))
		if n >= minShared && s >= minContainment && s > share {
			best, share = int(i), s
		}
	}
	return best, share
}

// candidates lists the documents that share at least two sampled shingles with e.
func (x *Index) candidates(e entry) []int32 {
	for len(x.seen) < len(x.docs) {
		x.seen = append(x.seen, 0)
	}
	x.hits = x.hits[:0]
	for _, s := range e.shingles {
		if s%sampling != 0 {
			continue
		}
		for p := x.heads[s]; p != 0; p = x.links[p-1].next {
			d := x.links[p-1].doc
			if x.seen[d]++; x.seen[d] == 1 {
				x.hits = append(x.hits, d)
			}
		}
	}
	for _, d := range x.hits {
		x.seen[d] = 0
	}
	return x.hits
}

func apart(a, b time.Time) time.Duration {
	return time.Duration(math.Abs(float64(a.Sub(b))))
}

// forget drops what has left the window, and rebuilds the index when half of
// it is gone.
func (x *Index) forget() {
	for i := range x.docs {
		if e := &x.docs[i]; !e.gone && x.newest.Sub(e.published) > 2*Window {
			e.gone, e.shingles = true, nil
			delete(x.byID, e.id)
			x.dead++
		}
	}
	if x.dead < 64 || x.dead < len(x.docs)/2 {
		return
	}
	old := x.docs
	*x = Index{newest: x.newest}
	x.init()
	for _, e := range old {
		if !e.gone {
			x.insert(e)
		}
	}
}
