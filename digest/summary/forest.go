package summary

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
}

// Add appends a tree. Its depth must be that of the forest.
func (f *Forest) Add(feature []uint8, threshold, answer []float32) {
	f.Feature = append(f.Feature, feature...)
	f.Threshold = append(f.Threshold, threshold...)
	f.Answer = append(f.Answer, answer...)
}

// Sum walks all trees with one row of features.
func (f *Forest) Sum(row []float32) float32 {
	sum, answers := f.Base, f.Answer
	for at := 0; at+f.Depth <= len(f.Feature); at += f.Depth {
		feature, threshold := f.Feature[at:at+f.Depth], f.Threshold[at:at+f.Depth]
		leaf := 0
		for k, i := range feature {
			yes := 0
			if row[i] > threshold[k] {
				yes = 1 // compiled without a branch, which half the time would be guessed wrong
			}
			leaf |= yes << (k & 7)
		}
		sum += answers[leaf]
		answers = answers[1<<f.Depth:]
	}
	return sum
}
