package trend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"pressrun/deploy/schema"
)

// Candidate is a story that may be ranked.
type Candidate struct {
	Key  string   // the key the story is known by in snapshots; "" = the first of Keys
	Keys []string // all keys its views are counted under; empty = Key alone
	// Published is when readers could first see it, Seen when we did. A zero
	// Published means Seen.
	Published, Seen time.Time
	// Pool names those it competes with: a language or edition. Each pool is
	// ranked as if the others were not there.
	Pool string
	// Section and Source are for the balance of an issue, not for the score.
	Section, Source string
}

// Ranked is a candidate in its place.
type Ranked struct {
	Index int     // of the candidate, in the slice given to Rank
	Score float64 // expected views of the next 24 h; comparable within one pool and Result
	// Views are the views of the last "1h", "3h" and "24h".
	Views map[string]int
	// Rising is how fast views come faster, (last 3 h)²/(last 6 h + 1). It is
	// for a section of its own: as a forecast of the next day it is poor.
	Rising float64
	// Reason says in a few words why it stands here: "312 views in 3 h, 2.1×
	// its usual, 5 h old".
	Reason string
	// Arithmetic is how the score came about, by name; a preview shows it.
	Arithmetic map[string]float64

	newest int64 // clock hour of its last view, 0 = none
}

// What a Result was ranked by.
const (
	ByViews    = "views"    // counters, as they are now
	BySnapshot = "snapshot" // the last reading of the counters, which do not answer
	ByDate     = "date"     // publication, newest first
)

// Result is the candidates in order, best first.
type Result struct {
	Ranked []Ranked
	By     string
	// Fresh is when the newest view of these stories was counted, zero when none
	// was; where views of others are newer, it is the beginning of its hour. A
	// "Trending Now" needs one less than three hours old.
	Fresh time.Time
	// Note says what went wrong, for the log and the desk; "" = nothing.
	Note string
}

// Ranker orders stories by the views they can expect, learnt from the site's
// own counters. Set the fields before the first use; it may be used
// concurrently.
type Ranker struct {
	Counters Counters
	DB       *schema.DB
	// Candidates lists the stories of at least the last three days in all
	// pools; Sample and Snapshot ask for them. nil = neither does anything.
	Candidates func(ctx context.Context) ([]Candidate, error)
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Wait bounds the reading of the counters for one ranking; 0 = 5 s.
	Wait time.Duration

	olderCache atomic.Pointer[olderViews]
	modelCache atomic.Pointer[storedModel]
}

// Learnt is what the scores of a pool are made with: each term of
// Ranked.Arithmetic is a feature of the story times its weight.
type Learnt struct {
	Weights map[string]float64 `json:"weights"`
	Samples int                `json:"samples"`     // they were learnt from; 0 = the rule of thumb
	At      time.Time          `json:"at,omitzero"` // when
}

// Learnt returns the present weights of a pool.
func (r *Ranker) Learnt(ctx context.Context, pool string) (Learnt, error) {
	m, err := r.model(ctx)
	if err != nil {
		return Learnt{}, err
	}
	p := m.of(pool)
	l := Learnt{Weights: make(map[string]float64, len(featureList)), Samples: p.Rows}
	if p.Rows > 0 {
		l.At = m.FittedAt
	}
	for i, f := range featureList {
		l.Weights[f.name] = p.Weights[i]
	}
	return l, nil
}

func (r *Ranker) now() time.Time { return clock(r.Now)().UTC() }

// Rank orders candidates by views. It fails only when ctx ends: when the
// counters do not answer or have lost their memory it ranks by the last
// snapshot, without one by date, and says so in By and Note. A candidate the
// snapshot does not know comes after those it knows.
func (r *Ranker) Rank(ctx context.Context, cands []Candidate) (Result, error) {
	now := r.now()
	res, err := r.byViews(ctx, now, cands)
	if err == nil {
		return res, nil
	}
	if ctx.Err() != nil {
		return Result{}, fmt.Errorf("rank %d stories: %w", len(cands), ctx.Err())
	}
	note := err.Error()
	res, err = r.bySnapshot(ctx, now, cands)
	if err != nil {
		note += "; " + err.Error()
		res = byDate(cands)
	}
	res.Note = note
	return res, nil
}

var errNothingCounted = errors.New("the counters know no view of these stories")

func (r *Ranker) byViews(ctx context.Context, now time.Time, cands []Candidate) (Result, error) {
	read, cancel := context.WithTimeout(ctx, cmp.Or(r.Wait, 5*time.Second))
	defer cancel()
	fresh, err := r.Counters.Newest(read)
	if err != nil {
		return Result{}, err
	}
	ps, err := r.pastOf(read, now, cands)
	if err != nil {
		return Result{}, err
	}
	if len(cands) > 0 && !slices.ContainsFunc(ps, func(p past) bool { return p.last(pastHours) > 0 }) {
		return Result{}, errNothingCounted
	}
	if err := r.remembered(ctx, now, cands, ps); err != nil {
		return Result{}, err
	}
	m, err := r.model(ctx)
	if err != nil {
		return Result{}, err
	}
	res := Result{By: ByViews}
	for i, c := range cands {
		p := &ps[i]
		score, why := m.of(c.Pool).score(p)
		res.Ranked = append(res.Ranked, Ranked{Index: i, Score: score, Views: p.views(), Rising: p.rising(), Reason: p.reason(), Arithmetic: why, newest: p.newest})
	}
	res.Fresh = freshOf(res.Ranked, fresh)
	sortRanked(res.Ranked, cands)
	return res, nil
}

// freshOf is when the last view of the stories was counted, when the last of
// all was at newest. Others' views say nothing of theirs: one language may be
// counted while the feeder of another is broken.
func freshOf(rs []Ranked, newest time.Time) time.Time {
	hour := int64(0)
	for _, r := range rs {
		hour = max(hour, r.newest)
	}
	if hour == 0 || hour >= HourOf(newest) {
		return newest
	}
	return time.Unix(hour*3600, 0).UTC()
}

// sortRanked orders by score, then the newest first, then by key, so that the
// same counts always give the same order.
func sortRanked(rs []Ranked, cands []Candidate) {
	slices.SortFunc(rs, func(a, b Ranked) int {
		x, y := cands[a.Index], cands[b.Index]
		return cmp.Or(cmp.Compare(b.Score, a.Score), y.published().Compare(x.published()), cmp.Compare(x.id(), y.id()))
	})
}

func (c Candidate) published() time.Time {
	if c.Published.IsZero() {
		return c.Seen
	}
	return c.Published
}

// id names the story in snapshots.
func (c Candidate) id() string {
	if c.Key == "" && len(c.Keys) > 0 {
		return c.Keys[0]
	}
	return c.Key
}

func (c Candidate) keys() []string {
	if len(c.Keys) == 0 {
		return []string{c.Key}
	}
	return c.Keys
}

func byDate(cands []Candidate) Result {
	res := Result{By: ByDate}
	for i, c := range cands {
		res.Ranked = append(res.Ranked, Ranked{
			Index: i, Score: float64(c.published().Unix()), Views: map[string]int{}, Reason: "chosen by date",
			Arithmetic: map[string]float64{"published": float64(c.published().Unix())},
		})
	}
	sortRanked(res.Ranked, cands)
	return res
}
