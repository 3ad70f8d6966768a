package trend

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"pressrun/deploy/schema"
)

// A sample is what was known of a story at an hour, and the views of the
// following 24 h once they are over. The fit learns from samples, so that
// hourly counts need not be kept for weeks.
type sample struct {
	Key   string    `json:"k"`
	Keys  []string  `json:"ks,omitempty"` // other keys of its views
	Pool  string    `json:"p,omitempty"`
	Age   float64   `json:"a"`           // hours
	Hours []float64 `json:"h,omitempty"` // views by hour, the last hour first; zeros at the end are left out
	Next  float64   `json:"y"`           // views of the following 24 h
}

func (s *sample) past() past {
	p := past{age: s.Age}
	copy(p.hours[:], s.Hours)
	return p
}

// samplesAtOnce is how many stories are sampled: all that could be chosen.
const samplesAtOnce = 300

// learnFrom is how far back the fit looks.
const learnFrom = 10 * 24 * time.Hour

// Sample keeps what the counters say of the best candidates at the last full
// hour, to learn from it later, and fills in the truth of samples a day old.
// Call it every three hours; within the same hour it does nothing twice.
func (r *Ranker) Sample(ctx context.Context) error {
	if err := r.fill(ctx); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	if r.Candidates == nil {
		return nil
	}
	cands, err := r.Candidates(ctx)
	if err != nil {
		return fmt.Errorf("sample: list candidates: %w", err)
	}
	at := r.now().Truncate(time.Hour)
	if err := r.take(ctx, at, cands); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	return nil
}

func (r *Ranker) take(ctx context.Context, at time.Time, cands []Candidate) error {
	cands = slices.DeleteFunc(slices.Clone(cands), func(c Candidate) bool { return !c.Seen.Before(at) })
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
	var all []scored
	for i, c := range cands {
		if ps[i].last(pastHours) == 0 {
			continue
		}
		s, _ := m.score(ps[i])
		one := sample{Key: c.Key, Pool: c.Pool, Age: ps[i].age, Hours: trimmed(ps[i].hours[:])}
		if len(c.Keys) > 0 {
			one.Keys = c.Keys
		}
		all = append(all, scored{one, s})
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	out := make([]sample, 0, samplesAtOnce)
	for _, s := range all[:min(len(all), samplesAtOnce)] {
		out = append(out, s.sample)
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
func (r *Ranker) fill(ctx context.Context) error {
	due, err := r.samples(ctx, "filled = false and taken_at <= $1", schema.At(r.now().Truncate(time.Hour).Add(-24*time.Hour)))
	if err != nil {
		return err
	}
	for _, d := range due {
		var keys []string
		for i := range d.samples {
			keys = append(keys, d.samples[i].keys()...)
		}
		counts, err := r.Counters.Of(ctx, keys, d.at, d.at.Add(24*time.Hour))
		if err != nil {
			return err
		}
		for i := range d.samples {
			s := &d.samples[i]
			for _, k := range s.keys() {
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

func (s *sample) keys() []string {
	if len(s.Keys) == 0 {
		return []string{s.Key}
	}
	return s.Keys
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
// night. With too little to learn from it changes nothing.
func (r *Ranker) Fit(ctx context.Context) error {
	now := r.now()
	all, err := r.samples(ctx, "filled = true and taken_at >= $1", schema.At(now.Add(-learnFrom-24*time.Hour)))
	if err != nil {
		return fmt.Errorf("fit: %w", err)
	}
	m := learn(all)
	if m == nil {
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

func learn(all []taken) *model {
	var ex []example
	for _, t := range all {
		for i := range t.samples {
			ex = append(ex, example{features(t.samples[i].past()), t.samples[i].Next})
		}
	}
	if len(ex) < 200 {
		return nil
	}
	return &model{Rows: len(ex), Weights: fitPoisson(ex, make([]float64, len(featureNames)))}
}

// model is the newest one, nil when none has been fitted.
func (r *Ranker) model(ctx context.Context) (*model, error) {
	var text []byte
	err := r.DB.Read.QueryRowContext(ctx, "select model from trend_models order by fitted_at desc, id desc limit 1").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the model: %w", err)
	}
	m := new(model)
	if err := json.Unmarshal(text, m); err != nil || len(m.Weights) != len(featureNames) {
		return nil, nil // of another version: as if there were none
	}
	return m, nil
}
