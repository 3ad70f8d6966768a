package trend

import "math"

// example is the features of a story and its share of the views that followed.
type example struct {
	x []float64
	y float64
}

// moment is the stories of a pool at one time, who competed for the views of
// the following 24 h.
type moment []example

func (m moment) views() float64 {
	s := 0.0
	for _, e := range m {
		s += e.y
	}
	return s
}

const (
	// ridge draws the weights to the rule of thumb, as strongly as so many
	// views can draw them away. From 200 to 800 the ranking is equally good;
	// 15 is worse by .003 on all and by .015 in a site's first week, 10,000 by
	// .01.
	ridge = 300
	// enoughViews is how many views speak for themselves: more of a site only
	// repeat what its stories say, and the ridge must keep its hold.
	enoughViews = 2e6
)

// fit finds the weights w under which the shares of views are most likely,
// when at each moment a view goes to a story with probability exp(w·x)/Σexp(w·x)
// (conditional Poisson regression). What moves all stories alike, the hour or
// the day of the week, cancels out, and every moment has the same say, as every
// issue has. Newton's steps from start, halved until they help; the problem is
// convex, so the result does not depend on start.
func fit(moments []moment, start, centre []float64) []float64 {
	total := 0.0
	for _, m := range moments {
		total += m.views()
	}
	each := math.Min(total, enoughViews) / float64(len(moments))
	w := append([]float64(nil), start...)
	cur := likelihood(moments, w, centre, each)
	for range 25 {
		g, h := slope(moments, w, centre, each)
		step := solve(h, g)
		better := false
		for size := 1.0; size > 1e-3; size /= 2 {
			v := append([]float64(nil), w...)
			for i := range v {
				v[i] += size * step[i]
			}
			if l := likelihood(moments, v, centre, each); l > cur {
				better = l-cur > 1e-6*math.Abs(cur)
				w, cur = v, l
				break
			}
		}
		if !better {
			break
		}
	}
	return w
}

// shares are the probabilities of a moment under w, and the logarithm of their
// common denominator.
func (m moment) shares(w, p []float64) ([]float64, float64) {
	p = p[:0]
	top := math.Inf(-1)
	for _, e := range m {
		eta := dot(w, e.x)
		p = append(p, eta)
		top = math.Max(top, eta)
	}
	sum := 0.0
	for i := range p {
		p[i] = math.Exp(p[i] - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p, top + math.Log(sum)
}

func likelihood(moments []moment, w, centre []float64, each float64) float64 {
	s := 0.0
	var p []float64
	for _, m := range moments {
		var norm float64
		p, norm = m.shares(w, p)
		all := m.views()
		for _, e := range m {
			if e.y > 0 {
				s += each * e.y / all * (dot(w, e.x) - norm)
			}
		}
	}
	for i := range w {
		s -= ridge * (w[i] - centre[i]) * (w[i] - centre[i])
	}
	return s
}

// slope is the gradient of likelihood and its curvature, the negative Hessian.
func slope(moments []moment, w, centre []float64, each float64) (g []float64, h [][]float64) {
	n := len(w)
	g, h = make([]float64, n), matrix(n)
	mean := make([]float64, n)
	var p []float64
	for _, m := range moments {
		p, _ = m.shares(w, p)
		all := m.views()
		clear(mean)
		for k, e := range m {
			r, q := each*(e.y/all-p[k]), each*p[k]
			for i, xi := range e.x {
				g[i] += r * xi
				mean[i] += p[k] * xi
			}
			if p[k] < 1e-7 {
				continue
			}
			for i, xi := range e.x {
				row, qx := h[i], q*xi
				for j, xj := range e.x[:i+1] {
					row[j] += qx * xj
				}
			}
		}
		for i := range mean {
			for j := range i + 1 {
				h[i][j] -= each * mean[i] * mean[j]
			}
		}
	}
	for i := range h {
		for j := range i {
			h[j][i] = h[i][j]
		}
		h[i][i] += 2 * ridge
		g[i] -= 2 * ridge * (w[i] - centre[i])
	}
	return g, h
}

func matrix(n int) [][]float64 {
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n)
	}
	return m
}

func dot(w, x []float64) float64 {
	s := 0.0
	for i := range w {
		s += w[i] * x[i]
	}
	return s
}

// solve solves the symmetric positive definite system m·w = b by elimination
// with pivots. It overwrites both.
func solve(m [][]float64, b []float64) []float64 {
	n := len(b)
	for i := range n {
		p := i
		for j := i + 1; j < n; j++ {
			if math.Abs(m[j][i]) > math.Abs(m[p][i]) {
				p = j
			}
		}
		m[i], m[p], b[i], b[p] = m[p], m[i], b[p], b[i]
		for j := i + 1; j < n; j++ {
			f := m[j][i] / m[i][i]
			for k := i; k < n; k++ {
				m[j][k] -= f * m[i][k]
			}
			b[j] -= f * b[i]
		}
	}
	w := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		s := b[i]
		for k := i + 1; k < n; k++ {
			s -= m[i][k] * w[k]
		}
		w[i] = s / m[i][i]
	}
	return w
}
