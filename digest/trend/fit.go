package trend

import "math"

// example is a past and what followed.
type example struct {
	x []float64
	y float64 // views of the next 24 h
}

// fitPoisson finds the weights w under which exp(w·x) is the expected y, with
// the variance proportional to the mean: Newton steps with a light ridge.
func fitPoisson(ex []example, w []float64) []float64 {
	n := len(w)
	w = append([]float64(nil), w...)
	const ridge = 15
	likelihood := func(w []float64) float64 {
		s := 0.0
		for _, e := range ex {
			eta := math.Min(15, dot(w, e.x))
			s += e.y*eta - math.Exp(eta)
		}
		for _, v := range w {
			s -= ridge * v * v
		}
		return s
	}
	cur := likelihood(w)
	for range 40 {
		m, g := matrix(n), make([]float64, n)
		for _, e := range ex {
			mu := math.Exp(math.Min(15, dot(w, e.x)))
			for i, xi := range e.x {
				g[i] += xi * (e.y - mu)
				for j := 0; j <= i; j++ {
					m[i][j] += mu * xi * e.x[j]
				}
			}
		}
		for i := range m {
			for j := range i {
				m[j][i] = m[i][j]
			}
			m[i][i] += 2 * ridge
			g[i] -= 2 * ridge * w[i]
		}
		d := solve(m, g)
		better := false
		for step := 1.0; step > 1e-3; step /= 2 {
			v := append([]float64(nil), w...)
			for i := range v {
				v[i] += step * d[i]
			}
			if l := likelihood(v); l > cur {
				better = l-cur > 1e-7*math.Abs(cur)
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
// with pivots; a direction without information gets 0.
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
		if math.Abs(m[i][i]) < 1e-12 {
			continue
		}
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
		if math.Abs(m[i][i]) >= 1e-12 {
			w[i] = s / m[i][i]
		}
	}
	return w
}
