package trend

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"
)

// pastHours is how far back the model looks hour by hour, olderDays how far
// back it knows a story's views at all.
const (
	pastHours = 72
	olderDays = 14
)

// past is what the model knows of a story.
type past struct {
	hours  [pastHours]float64 // hours[i] = views from i+1 to i hours ago
	older  float64            // views before that, up to olderDays
	newest int64              // clock hour of the last view, 0 = none
	age    float64            // hours since publication
	clock  float64            // hour of the day, UTC
}

// pastOf reads the past of each candidate.
func (r *Ranker) pastOf(ctx context.Context, now time.Time, cands []Candidate) ([]past, error) {
	var keys []string
	for _, c := range cands {
		keys = append(keys, c.keys()...)
	}
	from := now.Truncate(time.Hour).Add(-pastHours * time.Hour)
	counts, err := r.Counters.Of(ctx, keys, from, now.Add(time.Hour))
	if err != nil {
		return nil, err
	}
	older, err := r.older(ctx, now)
	if err != nil {
		return nil, err
	}
	clock := float64(now.Hour()) + float64(now.Minute())/60
	out := make([]past, len(cands))
	for i, c := range cands {
		p := &out[i]
		p.clock = clock
		p.age = math.Max(0, now.Sub(c.published()).Hours())
		for _, k := range c.keys() {
			p.add(counts[k], now)
			p.older += older[k]
		}
	}
	return out, nil
}

// add adds views counted by clock hour. Where an hour ago falls into a clock
// hour, that hour's views are taken as spread evenly over it.
func (p *past) add(counts []Count, now time.Time) {
	hour := HourOf(now)
	gone := now.Sub(now.Truncate(time.Hour)).Hours() // part of this hour that is over
	for _, c := range counts {
		i, n := hour-c.Hour, float64(c.Views)
		p.newest = max(p.newest, c.Hour)
		switch {
		case i <= 0: // this hour, or a clock ahead of ours
			p.hours[0] += n
		case i <= pastHours:
			p.hours[i-1] += n * (1 - gone)
			if i < pastHours {
				p.hours[i] += n * gone
			}
		}
	}
}

// last is the views of the last n hours.
func (p *past) last(n int) float64 { return p.between(0, n) }

// between is the views from j to i hours ago, i < j.
func (p *past) between(i, j int) float64 {
	s := 0.0
	for _, v := range p.hours[min(i, pastHours):min(j, pastHours)] {
		s += v
	}
	return s
}

// decayed is the views weighted by 2^(-age of the view/half), half in hours.
func (p *past) decayed(half float64) float64 {
	s, w, step := 0.0, math.Exp2(-.5/half), math.Exp2(-1/half)
	for _, v := range p.hours {
		s += w * v
		w *= step
	}
	return s
}

// busy is how many of the last n hours had views.
func (p *past) busy(n int) float64 {
	b := 0.0
	for _, v := range p.hours[:n] {
		if v > 0 {
			b++
		}
	}
	return b
}

func (p *past) views() map[string]int {
	return map[string]int{"1h": round(p.last(1)), "3h": round(p.last(3)), "24h": round(p.last(24))}
}

func (p *past) rising() float64 {
	n := p.last(3)
	return n * n / (p.last(6) + 1)
}

func round(x float64) int { return int(math.Round(x)) }

// reason is the ranking in words for readers: "312 views in 3 h, 2.1× its
// usual, 5 h old". Its usual is the story's own average of three hours.
func (p *past) reason() string {
	in, n := 3, p.last(3)
	if n < 1 {
		in, n = 24, p.last(24)
	}
	parts := []string{fmt.Sprintf("%d %s in %d h", round(n), plural(round(n), "view"), in)}
	lived := math.Min(p.age, pastHours)
	if usual := p.last(pastHours) / lived * 3; in == 3 && lived >= 6 && usual > 0 {
		parts = append(parts, fmt.Sprintf("%.1f× its usual", n/usual))
	}
	switch {
	case p.age < 1:
		parts = append(parts, fmt.Sprintf("%d min old", int(p.age*60)))
	case p.age < 48:
		parts = append(parts, fmt.Sprintf("%d h old", int(p.age)))
	default:
		parts = append(parts, fmt.Sprintf("%d days old", int(p.age/24)))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
