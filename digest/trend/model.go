package trend

import (
	"math"
	"time"
)

// model expects views: exp of a weighted sum of what the hours say.
type model struct {
	FittedAt time.Time `json:"fitted_at"`
	Rows     int       `json:"rows"`
	Weights  []float64 `json:"weights"`
}

var featureNames = []string{"1", "ln 1h", "ln 3h", "ln 6h", "ln 12h", "ln 24h", "ln 72h", "ln age", "young", "ln 3h × ln age"}

func features(p past) []float64 {
	l := math.Log1p
	return []float64{1, l(p.last(1)), l(p.last(3)), l(p.last(6)), l(p.last(12)), l(p.last(24)), l(p.last(72)), l(p.age),
		math.Min(1, p.age/24), l(p.last(3)) * l(p.age) / 4}
}

// score is the expected views of the next 24 h and how they came about.
func (m *model) score(p past) (float64, map[string]float64) {
	if m == nil {
		s := p.decayed(6) / math.Sqrt(p.age+2)
		return s, map[string]float64{"views decayed with 6 h": p.decayed(6), "age in hours": p.age}
	}
	why := make(map[string]float64, len(featureNames))
	s := 0.0
	for i, x := range features(p) {
		s += m.Weights[i] * x
		why[featureNames[i]] = m.Weights[i] * x
	}
	return math.Exp(math.Min(30, s)), why
}
