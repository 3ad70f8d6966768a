package trend

import (
	"math"
	"time"
)

// A model expects views. The logarithm of what a story can expect in the next
// 24 h is a weighted sum of its features; the weights are learnt for each pool
// from its own samples, starting from a rule of thumb. See [learn].
type model struct {
	Version  int                   `json:"version"`
	FittedAt time.Time             `json:"fitted_at"`
	Pools    map[string]*poolModel `json:"pools"`
}

type poolModel struct {
	Rows    int       `json:"rows"`    // samples it was learnt from
	Scale   float64   `json:"scale"`   // logarithm of what makes views of the sum
	Weights []float64 `json:"weights"` // by feature
}

// modelVersion changes with the features: a model of another version is as
// good as none until the next night.
const modelVersion = 2

// feature is one number taken from a story's past.
type feature struct {
	name  string
	thumb float64 // its weight before anything is learnt
}

// featureList names what features computes, in its order. The rule of thumb
// is the geometric mean of two decaying counts over the fourth root of the
// age: of all fixed rules tried it alone was above the views of the last 24 h
// on every set, in the first week too.
var featureList = []feature{
	{"decay 6 h", .5}, {"decay 24 h", .5}, {"age", -.25},
	{"views 1 h", 0}, {"views 3 h", 0}, {"views 6 h", 0}, {"views 12 h", 0}, {"views 24 h", 0}, {"views, all", 0},
	{"views 24-48 h ago", 0}, {"views 48-72 h ago", 0}, {"views before", 0},
	{"age, ln", 0}, {"age, ln²", 0}, {"age to 6 h", 0}, {"age to 24 h", 0}, {"age to 72 h", 0},
	{"1 h × age", 0}, {"3 h × age", 0}, {"12 h × age", 0}, {"24 h × age", 0}, {"all × age", 0},
	{"1 h × 6 h", 0}, {"1 h × 24 h", 0}, {"3 h × 12 h", 0}, {"3 h × all", 0}, {"6 h × 24 h", 0}, {"24 h × all", 0},
	{"quiet 1 h", 0}, {"quiet 3 h", 0}, {"quiet 12 h", 0}, {"quiet 24 h", 0},
	{"busy hours of 6", 0}, {"busy hours of 12", 0}, {"busy hours of 24", 0}, {"busy hours of 72", 0},
	{"time × 1 h, sin", 0}, {"time × 1 h, cos", 0}, {"time × 6 h, sin", 0}, {"time × 6 h, cos", 0},
	{"time × 24 h, sin", 0}, {"time × 24 h, cos", 0}, {"time × age, sin", 0}, {"time × age, cos", 0},
}

// features appends the features of p to x. Products are divided so that all
// features are of one size and the same ridge suits them.
func (p *past) features(x []float64) []float64 {
	ln := math.Log1p
	v1, v3, v6, v12, v24 := p.last(1), p.last(3), p.last(6), p.last(12), p.last(24)
	l1, l3, l6, l12, l24 := ln(v1), ln(v3), ln(v6), ln(v12), ln(v24)
	all, age := ln(p.last(pastHours)+p.older), ln(p.age)
	sin, cos := math.Sincos(2 * math.Pi * p.clock / 24)
	return append(x,
		math.Log(p.decayed(6)/6+.02), math.Log(p.decayed(24)/24+.02), math.Log(p.age+2),
		l1, l3, l6, l12, l24, all,
		ln(p.between(24, 48)), ln(p.between(48, 72)), ln(p.older),
		age, age*age/4, math.Min(1, p.age/6), math.Min(1, p.age/24), math.Min(1, p.age/72),
		l1*age/4, l3*age/4, l12*age/4, l24*age/4, all*age/4,
		l1*l6/8, l1*l24/8, l3*l12/8, l3*all/8, l6*l24/8, l24*all/8,
		none(v1), none(v3), none(v12), none(v24),
		ln(p.busy(6)), ln(p.busy(12)), ln(p.busy(24)), ln(p.busy(72)),
		sin*l1/2, cos*l1/2, sin*l6/2, cos*l6/2, sin*l24/2, cos*l24/2, sin*age/2, cos*age/2)
}

// none is 1 when there were no views.
func none(views float64) float64 {
	if views < .5 {
		return 1
	}
	return 0
}

// thumb is the weights of the rule of thumb.
func thumb() []float64 {
	w := make([]float64, len(featureList))
	for i, f := range featureList {
		w[i] = f.thumb
	}
	return w
}

// of is the model of a pool; the rule of thumb when none has been learnt.
func (m *model) of(pool string) *poolModel {
	if m != nil && m.Pools[pool] != nil {
		return m.Pools[pool]
	}
	return &poolModel{Scale: math.Log(24), Weights: thumb()}
}

// score is the views p can expect in the next 24 h, and how that came about:
// the sum of the terms is the logarithm of the score.
func (m *poolModel) score(p *past) (float64, map[string]float64) {
	why := make(map[string]float64, len(featureList)+1)
	why["scale"] = m.Scale
	sum := m.Scale
	for i, x := range p.features(make([]float64, 0, len(featureList))) {
		term := m.Weights[i] * x
		sum += term
		if term != 0 {
			why[featureList[i].name] = term
		}
	}
	return math.Exp(math.Max(-30, math.Min(30, sum))), why
}
