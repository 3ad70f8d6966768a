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

// rowSize is at least the length of any row, and a power of two so that an index
// below it need not be checked.
const rowSize = 32

var _ [rowSize - max(WordFeatures, PairFeatures, SentenceFeatures, SetFeatures)]struct{}

// Sum walks all trees with one row of features.
func (f *Forest) Sum(row []float32) float32 {
	var features [rowSize]float32
	copy(features[:], row)
	sum, answers := f.Base, f.Answer
	if f.Depth == 4 { // the trees we have
		for at := 0; at+4 <= len(f.Feature); at += 4 {
			i, t := (*[4]uint8)(f.Feature[at:]), (*[4]float32)(f.Threshold[at:])
			leaf := more(features[i[0]%rowSize], t[0]) | more(features[i[1]%rowSize], t[1])<<1 | more(features[i[2]%rowSize], t[2])<<2 | more(features[i[3]%rowSize], t[3])<<3
			sum += answers[leaf]
			answers = answers[16:]
		}
		return sum
	}
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
