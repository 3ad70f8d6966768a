package trend

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"pressrun/deploy/schema"
)

// snapshot is what the counters said last, kept in SQL for when they are away.
type snapshot struct {
	Fresh   time.Time             `json:"fresh"`
	Stories map[string]lastStatus `json:"stories"`
}

type lastStatus struct {
	Score  float64 `json:"s"`
	One    float64 `json:"1"`
	Three  float64 `json:"3"`
	Day    float64 `json:"24"`
	Reason string  `json:"r"`
	Newest int64   `json:"n,omitempty"` // clock hour of its last view
}

// of finds a story by any of its keys.
func (s *snapshot) of(c Candidate) (lastStatus, bool) {
	if l, ok := s.Stories[c.id()]; ok {
		return l, true
	}
	for _, k := range c.Keys {
		if l, ok := s.Stories[k]; ok {
			return l, true
		}
	}
	return lastStatus{}, false
}

// snapshotLife is how long a snapshot is better than the date.
const snapshotLife = 24 * time.Hour

// Snapshot keeps the present ranking of all candidates for the case that the
// counters do not answer when an issue is built. Sample keeps one every three
// hours; calling this every quarter of an hour keeps it fresher.
func (r *Ranker) Snapshot(ctx context.Context) error {
	if r.Candidates == nil {
		return nil
	}
	cands, err := r.Candidates(ctx)
	if err != nil {
		return fmt.Errorf("snapshot: list candidates: %w", err)
	}
	return r.snapshot(ctx, r.now(), cands)
}

func (r *Ranker) snapshot(ctx context.Context, now time.Time, cands []Candidate) error {
	res, err := r.byViews(ctx, now, cands)
	if errors.Is(err, errNothingCounted) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	s := snapshot{Fresh: res.Fresh, Stories: make(map[string]lastStatus)}
	for _, x := range res.Ranked {
		if x.Views["24h"] > 0 {
			s.Stories[cands[x.Index].id()] = lastStatus{x.Score, float64(x.Views["1h"]), float64(x.Views["3h"]), float64(x.Views["24h"]), x.Reason, x.newest}
		}
	}
	if len(s.Stories) == 0 {
		return nil // an empty one would hide the last that says something
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	_, err = r.DB.Write.ExecContext(ctx, `insert into view_snapshots (id, taken_at, snapshot) values (1, $1, $2)
		on conflict (id) do update set taken_at = excluded.taken_at, snapshot = excluded.snapshot`, schema.At(now), string(text))
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

// lastSnapshot is nil when there is none young enough.
func (r *Ranker) lastSnapshot(ctx context.Context, now time.Time) (*snapshot, time.Time, error) {
	var at schema.Time
	var text []byte
	err := r.DB.Read.QueryRowContext(ctx, "select taken_at, snapshot from view_snapshots where id = 1").Scan(&at, &text)
	if errors.Is(err, sql.ErrNoRows) || err == nil && now.Sub(at.Time) > snapshotLife {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read the last snapshot: %w", err)
	}
	s := new(snapshot)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, time.Time{}, fmt.Errorf("read the last snapshot: %w", err)
	}
	return s, at.Time, nil
}

var errNoSnapshot = errors.New("no snapshot of the last 24 h")

func (r *Ranker) bySnapshot(ctx context.Context, now time.Time, cands []Candidate) (Result, error) {
	s, at, err := r.lastSnapshot(ctx, now)
	if err != nil {
		return Result{}, err
	}
	if s == nil {
		return Result{}, errNoSnapshot
	}
	res, known := Result{By: BySnapshot}, 0
	for i, c := range cands {
		x := Ranked{Index: i, Score: -1, Views: map[string]int{}, Reason: "newer than the last counts", Arithmetic: map[string]float64{}}
		if l, ok := s.of(c); ok {
			known++
			x.Score, x.Reason, x.newest = l.Score, l.Reason, l.Newest
			x.Views = map[string]int{"1h": round(l.One), "3h": round(l.Three), "24h": round(l.Day)}
			x.Arithmetic["score of the snapshot"] = l.Score
			x.Arithmetic["age of the snapshot in hours"] = math.Round(10*now.Sub(at).Hours()) / 10
		}
		res.Ranked = append(res.Ranked, x)
	}
	if known == 0 {
		return Result{}, errNoSnapshot
	}
	res.Fresh = freshOf(res.Ranked, s.Fresh)
	sortRanked(res.Ranked, cands)
	return res, nil
}

// remembered returns an error when the counters have plainly forgotten: the
// stories they should know best have less than a tenth of the views that the
// last snapshot saw within the same day.
func (r *Ranker) remembered(ctx context.Context, now time.Time, cands []Candidate, ps []past) error {
	s, at, err := r.lastSnapshot(ctx, now)
	if err != nil || s == nil || now.Sub(at) > 12*time.Hour {
		return nil
	}
	var then, today float64
	for i, c := range cands {
		if l, ok := s.of(c); ok {
			then += l.Day
			today += ps[i].last(pastHours)
		}
	}
	if then >= 20 && today < then/10 {
		return fmt.Errorf("the counters know %.0f views of stories that had %.0f at the last snapshot: they were flushed", today, then)
	}
	return nil
}
