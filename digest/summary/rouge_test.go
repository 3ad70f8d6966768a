package summary_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
)

// scores are ROUGE-1, ROUGE-2 and RLsum as F in percent, on lower-case words
// without a stemmer.
type scores [3]float64

func rouge(reference, text string) scores {
	r, s := rougeLines(reference), rougeLines(text)
	return scores{ngrams(slices.Concat(r...), slices.Concat(s...), 1), ngrams(slices.Concat(r...), slices.Concat(s...), 2), longest(r, s)}
}

func rougeLines(s string) [][]string {
	var out [][]string
	for line := range strings.SplitSeq(strings.ToLower(s), "\n") {
		out = append(out, strings.FieldsFunc(line, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) }))
	}
	return out
}

func f1(hits, n, m int) float64 {
	if hits == 0 {
		return 0
	}
	return 200 * float64(hits) / float64(n+m)
}

// ngrams is ROUGE-n over the words of two texts.
func ngrams(r, s []string, n int) float64 {
	held := map[string]int{}
	for i := 0; i+n <= len(r); i++ {
		held[strings.Join(r[i:i+n], " ")]++
	}
	hits := 0
	for i := 0; i+n <= len(s); i++ {
		if g := strings.Join(s[i:i+n], " "); held[g] > 0 {
			held[g]--
			hits++
		}
	}
	return f1(hits, max(0, len(r)-n+1), max(0, len(s)-n+1))
}

// longest is the summary-level ROUGE-L: for each line of the reference the
// union of its longest common subsequences with the lines of the summary.
func longest(r, s [][]string) float64 {
	count := func(lines [][]string) (map[string]int, int) {
		m, n := map[string]int{}, 0
		for _, l := range lines {
			for _, w := range l {
				m[w]++
				n++
			}
		}
		return m, n
	}
	heldR, n := count(r)
	heldS, m := count(s)
	hits := 0
	for _, line := range r {
		union := make([]bool, len(line))
		for _, other := range s {
			common(line, other, union)
		}
		for i, in := range union {
			if w := line[i]; in && heldR[w] > 0 && heldS[w] > 0 {
				heldR[w]--
				heldS[w]--
				hits++
			}
		}
	}
	return f1(hits, n, m)
}

// common marks in union the words of a that a longest common subsequence with
// b holds.
func common(a, b []string, union []bool) {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
	}
	for i := range a {
		for j := range b {
			if a[i] == b[j] {
				table[i+1][j+1] = table[i][j] + 1
			} else {
				table[i+1][j+1] = max(table[i][j+1], table[i+1][j])
			}
		}
	}
	for i, j := len(a), len(b); i > 0 && j > 0; {
		switch {
		case a[i-1] == b[j-1]:
			union[i-1] = true
			i, j = i-1, j-1
		case table[i][j-1] > table[i-1][j]:
			j--
		default:
			i--
		}
	}
}

// interval is the mean of paired differences with its 95 % percentile
// bootstrap, the same every time.
func interval(diffs []float64) (mean, low, high float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	means := make([]float64, 1000)
	for k := range means {
		for range diffs {
			means[k] += diffs[rng.IntN(len(diffs))]
		}
		means[k] /= float64(len(diffs))
	}
	slices.Sort(means)
	for _, d := range diffs {
		mean += d / float64(len(diffs))
	}
	return mean, means[25], means[974]
}
