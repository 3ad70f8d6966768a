package trend

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"pressrun/deploy/schema"
)

// replayLine is a line of the protocol of Replay.
type replayLine struct {
	Article *replayArticle `json:"article"`
	View    *replayView    `json:"view"`
	Rank    *replayRank    `json:"rank"`
	End     bool           `json:"end"`
}

type replayArticle struct {
	ID        string `json:"id"`
	Published int64  `json:"published"`
	Source    string `json:"source"`
	Lang      string `json:"lang"`
}

type replayView struct {
	T       int64  `json:"t"`
	Article string `json:"article"`
	Visitor string `json:"visitor"`
	N       int    `json:"n"`
}

type replayRank struct {
	T     int64   `json:"t"`
	K     int     `json:"k"`
	Fresh int64   `json:"fresh"`
	Lang  *string `json:"lang"` // only this pool; missing = all
}

// Replay reads a site's history as JSON lines in the order of time and answers
// each question for a ranking, so that the quality of the ranking can be
// measured on any log:
//
//	> {"article":{"id":"a1","published":1604700000,"lang":"en"}}
//	> {"view":{"t":1604700060,"article":"a1","visitor":"v1","n":1}}
//	> {"rank":{"t":1604732400,"k":10,"fresh":0}}     fresh: only articles of the last so many seconds; 0 = all
//	< {"t":1604732400,"ids":["a1"]}
//	> {"end":true}
//
// It is the way of a running installation: the views go through SQL counters
// (one per visitor, article and day), every three hours a sample is kept, every
// night the model is fitted, and a ranking reads hourly counts. Only the clock
// is that of the lines.
func Replay(in io.Reader, out io.Writer) error {
	dir, err := os.MkdirTemp("", "trend-replay-")
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	db, err := schema.Open(ctx, filepath.Join(dir, "replay.db"))
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer db.Close()
	if _, err := db.Migrate(ctx); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	p := newReplay(db)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	w := bufio.NewWriter(out)
	for n := 1; lines.Scan(); n++ {
		answer, err := p.line(ctx, lines.Bytes())
		if errors.Is(err, io.EOF) {
			return w.Flush()
		}
		if err != nil {
			return fmt.Errorf("replay: line %d: %w", n, err)
		}
		if answer != nil {
			w.Write(answer)
			w.WriteByte('\n')
			if err := w.Flush(); err != nil {
				return fmt.Errorf("replay: %w", err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return w.Flush()
}

// replay is an installation whose clock is the history's.
type replay struct {
	db       *schema.DB
	counters Counters
	ranker   *Ranker
	clock    time.Time
	next     time.Time // the next full three hours
	stories  map[string]*Candidate
	active   []*Candidate // published or viewed within the last days
	viewed   map[string]time.Time
	views    []View
	met      map[View]bool // in views already
}

func newReplay(db *schema.DB) *replay {
	p := &replay{db: db, stories: make(map[string]*Candidate), viewed: make(map[string]time.Time), met: make(map[View]bool)}
	now := func() time.Time { return p.clock }
	p.counters = NewSQL(db, now)
	// The clock is that of the lines: a busy machine must not make a ranking fall back.
	p.ranker = &Ranker{Counters: p.counters, DB: db, Now: now, Wait: time.Hour, Candidates: p.candidates}
	return p
}

// replayDays is how long a story without views stays a candidate.
const replayDays = 10

func (p *replay) candidates(context.Context) ([]Candidate, error) {
	limit := p.clock.Add(-replayDays * 24 * time.Hour)
	var out []Candidate
	kept := p.active[:0]
	for _, c := range p.active {
		if c.published().Before(limit) && p.viewed[c.Key].Before(limit) {
			continue
		}
		kept = append(kept, c)
		out = append(out, *c)
	}
	p.active = kept
	return out, nil
}

// line takes one line and returns the answer, if it asks for one. io.EOF means
// the end.
func (p *replay) line(ctx context.Context, text []byte) ([]byte, error) {
	var l replayLine
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, err
	}
	switch {
	case l.Article != nil:
		p.article(l.Article)
	case l.View != nil:
		return nil, p.view(ctx, l.View)
	case l.Rank != nil:
		return p.rank(ctx, l.Rank)
	case l.End:
		return nil, io.EOF
	}
	return nil, nil
}

func (p *replay) article(a *replayArticle) {
	if p.stories[a.ID] != nil {
		return
	}
	t := time.Unix(a.Published, 0).UTC()
	c := &Candidate{Key: a.ID, Published: t, Seen: t, Source: a.Source, Pool: a.Lang}
	p.stories[a.ID] = c
	p.active = append(p.active, c)
}

func (p *replay) view(ctx context.Context, v *replayView) error {
	t := time.Unix(v.T, 0).UTC()
	if err := p.advance(ctx, t); err != nil {
		return err
	}
	c := p.stories[v.Article]
	if c == nil {
		return nil
	}
	limit := t.Add(-replayDays * 24 * time.Hour)
	if c.published().Before(limit) && p.viewed[c.Key].Before(limit) {
		p.active = append(p.active, c)
	}
	p.viewed[c.Key] = t
	one := View{Key: v.Article, Visitor: v.Visitor, At: t, N: v.N}
	if v.Visitor != "" {
		if p.met[one] {
			return nil
		}
		p.met[one] = true
	}
	p.views = append(p.views, one)
	return nil
}

// advance moves the clock and does what is due on the way.
func (p *replay) advance(ctx context.Context, t time.Time) error {
	const step = 3 * time.Hour
	if p.next.IsZero() {
		p.next = t.Truncate(step).Add(step)
	}
	for !p.next.After(t) {
		p.clock = p.next
		if err := p.flush(ctx); err != nil {
			return err
		}
		if err := p.chores(ctx); err != nil {
			return err
		}
		p.next = p.next.Add(step)
	}
	p.clock = t
	return nil
}

func (p *replay) chores(ctx context.Context) error {
	if err := HouseKeep(ctx, p.db, p.clock); err != nil {
		return err
	}
	if err := p.ranker.Sample(ctx); err != nil {
		return err
	}
	if p.clock.Hour() == 0 {
		return p.ranker.Fit(ctx)
	}
	return nil
}

func (p *replay) flush(ctx context.Context) error {
	_, err := p.counters.Add(ctx, p.views)
	p.views = p.views[:0]
	clear(p.met)
	return err
}

func (p *replay) rank(ctx context.Context, q *replayRank) ([]byte, error) {
	t := time.Unix(q.T, 0).UTC()
	if err := p.advance(ctx, t); err != nil {
		return nil, err
	}
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	all, err := p.candidates(ctx)
	if err != nil {
		return nil, err
	}
	var cands []Candidate
	for _, c := range all {
		if (q.Fresh == 0 || c.Published.Unix() >= q.T-q.Fresh) && (q.Lang == nil || *q.Lang == c.Pool) {
			cands = append(cands, c)
		}
	}
	res, err := p.ranker.Rank(ctx, cands)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, q.K)
	for _, x := range res.Ranked[:min(len(res.Ranked), max(0, q.K))] {
		ids = append(ids, cands[x.Index].Key)
	}
	return json.Marshal(struct {
		T   int64    `json:"t"`
		IDs []string `json:"ids"`
	}{q.T, ids})
}
