package trend

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"pressrun/deploy/schema"
)

// A sample is what was known of a story at an hour, and the views of the
// following 24 h once they are over. The fit learns from samples, so that
// hourly counts need not be kept for weeks.
type sample struct {
	Keys  []string  `json:"k"`
	Pool  string    `json:"p,omitempty"`
	Age   float64   `json:"a"`           // hours
	Hours []float64 `json:"h,omitempty"` // views by hour, the last hour first; zeros at the end are left out
	Older float64   `json:"o,omitempty"` // views before these hours
	Next  float64   `json:"y,omitempty"` // views of the following 24 h
}

func (s *sample) past(at time.Time) past {
	p := past{age: s.Age, older: s.Older, clock: float64(at.UTC().Hour())}
	copy(p.hours[:], s.Hours)
	return p
}

// samplesAtOnce is how many stories of a pool are sampled, the best by the
// present model. The rest teaches nothing: with all of them the ranking is the
// same, with 50 it is .002 worse.
const samplesAtOnce = 150

// learnFrom is how far back the fit looks.
const learnFrom = 20 * 24 * time.Hour

// Sample keeps what the counters say of the best candidates at the last full
// hour, to learn from it later, fills in the truth of samples a day old, and
// keeps a Snapshot. Call it every three hours; a second call within the hour
// changes nothing.
func (r *Ranker) Sample(ctx context.Context) error {
	now := r.now()
	if f, ok := r.Counters.(folder); ok {
		if err := f.fold(ctx, r.DB); err != nil {
			return fmt.Errorf("sample: %w", err)
		}
	}
	if err := r.fill(ctx, now); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	if r.Candidates == nil {
		return nil
	}
	cands, err := r.Candidates(ctx)
	if err != nil {
		return fmt.Errorf("sample: list candidates: %w", err)
	}
	if err := r.take(ctx, now.Truncate(time.Hour), cands); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	return r.snapshot(ctx, now, cands)
}

// folder is a Counters that must hand on its old hours to view_days, which
// outlive it.
type folder interface {
	fold(ctx context.Context, db *schema.DB) error
}

func (r *Ranker) take(ctx context.Context, at time.Time, cands []Candidate) error {
	cands = slices.DeleteFunc(slices.Clone(cands), func(c Candidate) bool { return !c.published().Before(at) })
	ps, err := r.pastOf(ctx, at, cands)
	if err != nil {
		return err
	}
	m, err := r.model(ctx)
	if err != nil {
		return err
	}
	type scored struct {
		sample
		score float64
	}
	pools := make(map[string][]scored)
	for i, c := range cands {
		p := &ps[i]
		if p.last(pastHours) == 0 && p.age > 48 {
			continue
		}
		s, _ := m.of(c.Pool).score(p)
		one := sample{Keys: c.keys(), Pool: c.Pool, Age: math.Round(p.age*100) / 100, Hours: trimmed(p.hours[:]), Older: p.older}
		pools[c.Pool] = append(pools[c.Pool], scored{one, s})
	}
	var out []sample
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		list := pools[name]
		slices.SortStableFunc(list, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
		for _, s := range list[:min(len(list), samplesAtOnce)] {
			out = append(out, s.sample)
		}
	}
	if len(out) == 0 {
		return nil
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	_, err = r.DB.Write.ExecContext(ctx, "insert into trend_samples (taken_at, samples, filled) values ($1, $2, false) on conflict (taken_at) do nothing",
		schema.At(at), string(text))
	return err
}

func trimmed(hours []float64) []float64 {
	n := len(hours)
	for n > 0 && hours[n-1] == 0 {
		n--
	}
	return slices.Clone(hours[:n])
}

// fill adds the truth to samples whose day is over.
func (r *Ranker) fill(ctx context.Context, now time.Time) error {
	due, err := r.samples(ctx, "filled = false and taken_at <= $1", schema.At(now.Add(-24*time.Hour)))
	if err != nil {
		return err
	}
	for _, d := range due {
		var keys []string
		for i := range d.samples {
			keys = append(keys, d.samples[i].Keys...)
		}
		counts, err := r.Counters.Of(ctx, keys, d.at, d.at.Add(24*time.Hour))
		if err != nil {
			return err
		}
		for i := range d.samples {
			s := &d.samples[i]
			for _, k := range s.Keys {
				for _, c := range counts[k] {
					s.Next += float64(c.Views)
				}
			}
		}
		text, err := json.Marshal(d.samples)
		if err != nil {
			return err
		}
		_, err = r.DB.Write.ExecContext(ctx, "update trend_samples set samples = $1, filled = true where taken_at = $2 and filled = false", string(text), schema.At(d.at))
		if err != nil {
			return err
		}
	}
	return nil
}

// taken is the samples of one hour.
type taken struct {
	at      time.Time
	samples []sample
}

func (r *Ranker) samples(ctx context.Context, where string, args ...any) ([]taken, error) {
	rows, err := r.DB.Read.QueryContext(ctx, "select taken_at, samples from trend_samples where "+where+" order by taken_at", args...)
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	var out []taken
	err = scanAll(rows, func() error {
		var at schema.Time
		var text []byte
		if err := rows.Scan(&at, &text); err != nil {
			return err
		}
		t := taken{at: at.Time}
		if err := json.Unmarshal(text, &t.samples); err != nil {
			return err
		}
		out = append(out, t)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	return out, nil
}

// Fit learns the model anew from the samples of the last days. Call it every
// night. A pool with too little to learn from keeps the rule of thumb.
func (r *Ranker) Fit(ctx context.Context) error {
	now := r.now()
	all, err := r.samples(ctx, "filled = true and taken_at >= $1", schema.At(now.Add(-learnFrom-24*time.Hour)))
	if err != nil {
		return fmt.Errorf("fit: %w", err)
	}
	before, err := r.model(ctx)
	if err != nil {
		return fmt.Errorf("fit: %w", err)
	}
	m := learn(all, before)
	if len(m.Pools) == 0 {
		return nil
	}
	m.FittedAt = now
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("fit: %w", err)
	}
	return r.DB.InTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into trend_models (fitted_at, model) values ($1, $2)", schema.At(now), string(text)); err != nil {
			return fmt.Errorf("fit: keep the model: %w", err)
		}
		if _, err := tx.ExecContext(ctx, "delete from trend_models where fitted_at < $1", schema.At(now.Add(-30*24*time.Hour))); err != nil {
			return fmt.Errorf("fit: forget old models: %w", err)
		}
		_, err := tx.ExecContext(ctx, "delete from trend_samples where taken_at < $1", schema.At(now.Add(-learnFrom-5*24*time.Hour)))
		if err != nil {
			return fmt.Errorf("fit: forget old samples: %w", err)
		}
		return nil
	})
}

// enoughRows is how many samples make it worth leaving the rule of thumb.
const enoughRows = 100

// learn fits each pool for itself. before gives the search a good start.
func learn(all []taken, before *model) *model {
	pools := make(map[string][]moment)
	for _, t := range all {
		here := make(map[string]moment)
		for i := range t.samples {
			s := &t.samples[i]
			p := s.past(t.at)
			here[s.Pool] = append(here[s.Pool], example{p.features(nil), s.Next})
		}
		for pool, m := range here {
			if m.views() > 0 {
				pools[pool] = append(pools[pool], m)
			}
		}
	}
	out := &model{Version: modelVersion, Pools: make(map[string]*poolModel)}
	for pool, moments := range pools {
		rows := 0
		for _, m := range moments {
			rows += len(m)
		}
		if rows < enoughRows {
			continue
		}
		w := fit(moments, before.of(pool).Weights, thumb())
		out.Pools[pool] = &poolModel{Rows: rows, Scale: scale(moments, w), Weights: w}
	}
	return out
}

// scale is the logarithm of what turns exp(w·x) into views.
func scale(moments []moment, w []float64) float64 {
	views, sum := 0.0, 0.0
	for _, m := range moments {
		for _, e := range m {
			views += e.y
			sum += math.Exp(math.Min(30, dot(w, e.x)))
		}
	}
	return math.Log(views / sum)
}

// storedModel is a model as it lies in the database.
type storedModel struct {
	id int64
	*model
}

// model is the newest one, nil when none has been fitted.
func (r *Ranker) model(ctx context.Context) (*model, error) {
	var id int64
	err := r.DB.Read.QueryRowContext(ctx, "select id from trend_models order by fitted_at desc, id desc limit 1").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the model: %w", err)
	}
	if c := r.modelCache.Load(); c != nil && c.id == id {
		return c.model, nil
	}
	var text []byte
	if err := r.DB.Read.QueryRowContext(ctx, "select model from trend_models where id = $1", id).Scan(&text); err != nil {
		return nil, fmt.Errorf("read the model: %w", err)
	}
	m := new(model)
	if err := json.Unmarshal(text, m); err != nil || !m.usable() {
		m = nil // of another version: as if there were none
	}
	r.modelCache.Store(&storedModel{id, m})
	return m, nil
}

func (m *model) usable() bool {
	for _, p := range m.Pools {
		if p == nil || len(p.Weights) != len(featureList) {
			return false
		}
	}
	return m.Version == modelVersion
}
