package summary

import "slices"

// Forest is a sum of oblivious trees: every level of a tree asks one question
// of the whole row, so a tree of depth d is d questions and 2^d answers. Such
// trees fit little data well, are small in source and quick to walk. The zero
// Forest answers 0.
type Forest struct {
	Base      float32
	Depth     int
	Feature   []uint8   // Depth for each tree
	Threshold []float32 // the same; a question is row[Feature] > Threshold
	Answer    []float32 // 2^Depth for each tree; the first question is the lowest bit

	tables *tables // nil = Sum walks the trees
}

// Add appends a tree. Its depth must be that of the forest.
func (f *Forest) Add(feature []uint8, threshold, answer []float32) {
	f.Feature = append(f.Feature, feature...)
	f.Threshold = append(f.Threshold, threshold...)
	f.Answer = append(f.Answer, answer...)
	f.tables = nil
}

// Sum walks all trees with one row of features.
func (f *Forest) Sum(row []float32) float32 {
	if f.tables != nil {
		return f.tables.sum(row)
	}
	sum, answers := f.Base, f.Answer
	for at := 0; at+f.Depth <= len(f.Feature); at += f.Depth {
		leaf := 0
		for k, i := range f.Feature[at : at+f.Depth] {
			leaf |= more(row[i], f.Threshold[at+k]) << (k & 7)
		}
		sum += answers[leaf]
		answers = answers[1<<f.Depth:]
	}
	return sum
}

// more is 1 where a > b. It is compiled without a branch, which half the time
// would be guessed wrong.
func more(a, b float32) int {
	if a > b {
		return 1
	}
	return 0
}

// tables answer the questions of a whole forest at once. Many trees ask the same
// one: each feature is compared with every threshold once, and how many of them
// it exceeds says which questions about it, of all trees, are answered with yes.
type tables struct {
	base    float32
	answers []float32 // 16 for each tree
	columns []column
}

// yes has four bits for each tree.
type yes [8]uint64

// column is one feature.
type column struct {
	feature uint8
	cuts    []float32 // ascending
	yes     []yes     // by how many cuts are exceeded
}

// prepare makes the tables, if the trees are of four questions and not too many.
func (f *Forest) prepare() {
	if f.Depth != 4 || len(f.Feature) > 64*len(yes{}) {
		return
	}
	t := &tables{base: f.Base, answers: f.Answer}
	for feature := range slices.Max(append(f.Feature, 0)) + 1 {
		a := column{feature: feature}
		for q, i := range f.Feature {
			if i == feature {
				a.cuts = append(a.cuts, f.Threshold[q])
			}
		}
		if a.cuts == nil {
			continue
		}
		slices.Sort(a.cuts)
		a.cuts = slices.Compact(a.cuts)
		a.yes = make([]yes, len(a.cuts)+1)
		for q, i := range f.Feature {
			for n := 1; i == feature && n < len(a.yes); n++ {
				if a.cuts[n-1] >= f.Threshold[q] {
					a.yes[n][q/64] |= 1 << (q % 64)
				}
			}
		}
		t.columns = append(t.columns, a)
	}
	f.tables = t
}

func (t *tables) sum(row []float32) float32 {
	var y0, y1, y2, y3, y4, y5, y6, y7 uint64 // an array would not be kept in registers
	for i := range t.columns {
		a := &t.columns[i]
		x, n := row[a.feature], 0
		for _, cut := range a.cuts {
			n += more(x, cut)
		}
		y := &a.yes[n]
		y0, y1, y2, y3, y4, y5, y6, y7 = y0|y[0], y1|y[1], y2|y[2], y3|y[3], y4|y[4], y5|y[5], y6|y[6], y7|y[7]
	}
	sum, answers := t.base, t.answers
	all := yes{y0, y1, y2, y3, y4, y5, y6, y7}
	for _, bits := range all {
		for range 16 {
			if len(answers) < 16 {
				return sum
			}
			sum += answers[bits&15]
			answers = answers[16:]
			bits >>= 4
		}
	}
	return sum
}
