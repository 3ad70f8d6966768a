package summary

import "math"

// score rates every candidate: early, close to the headline and to the first
// sentence, and echoed by what follows.
func score(v *vocabulary, d Doc, all []candidate) {
	title := map[int32]bool{}
	for _, t := range v.tokens(d.Title, nil) {
		title[t.id] = true
	}
	df := make([]float64, len(v.stems))
	for _, c := range all {
		seen := map[int32]bool{}
		for _, t := range c.tokens {
			if !seen[t.id] {
				seen[t.id] = true
				df[t.id]++
			}
		}
	}
	n := float64(len(all))
	idf := func(id int32) float64 { return math.Log((n + 1) / (df[id] + .5)) }
	for i := range all {
		c := &all[i]
		var inTitle, weight, echo float64
		for _, t := range c.tokens {
			w := idf(t.id)
			weight += w
			if title[t.id] {
				inTitle += w
			}
			if df[t.id] > 1 {
				echo += w
			}
		}
		weight = max(weight, 1)
		c.score = 1/float64(i+1) + .6*inTitle/weight + .3*echo/weight + .05
		if i == 0 {
			c.score += .3
		}
	}
}
