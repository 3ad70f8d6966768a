package summary

import (
	"cmp"
	"slices"
)

// pool is how many sentences the exact search looks at.
const pool = 12

// choose returns the best set of candidates, in article order, that keeps
// within the budget and stands by itself.
func choose(all []candidate, o Options, allowed flaw) []int {
	best, bestScore := []int(nil), 0.0
	eligible := shortlist(all, o, allowed)
	var set []int
	var walk func(from, words int)
	walk = func(from, words int) {
		if len(set) > 0 && stands(all, set, allowed) {
			if s := value(all, set, words, o); best == nil || s > bestScore {
				best, bestScore = slices.Clone(set), s
			}
		}
		if len(set) == o.Sentences {
			return
		}
		for i := from; i < len(eligible); i++ {
			c := eligible[i]
			if words+all[c].words <= o.Words {
				set = append(set, c)
				walk(i+1, words+all[c].words)
				set = set[:len(set)-1]
			}
		}
	}
	walk(0, 0)
	return best
}

// shortlist returns the best sentences that may be printed, with the
// predecessors of those that need one, in article order.
func shortlist(all []candidate, o Options, allowed flaw) []int {
	var order []int
	for i, c := range all {
		if c.words <= o.Words && c.flaws&^(allowed|dangles|oddQuote) == 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(all[b].score, all[a].score) })
	order = order[:min(pool, len(order))]
	for _, i := range slices.Clone(order) {
		if i > 0 && all[i].flaws&(dangles|oddQuote) != 0 && !slices.Contains(order, i-1) && all[i-1].words <= o.Words && all[i-1].flaws&^(allowed|dangles|oddQuote) == 0 {
			order = append(order, i-1)
		}
	}
	slices.Sort(order)
	return order
}

// stands says whether the set can be read alone: what refers back follows
// what it refers to, and quotation marks pair within neighbours.
func stands(all []candidate, set []int, allowed flaw) bool {
	straight, curly := 0, 0
	for k, i := range set {
		follows := k > 0 && set[k-1] == i-1 && all[i].index == all[i-1].index+1
		if !follows && (straight != 0 || curly != 0) {
			return false
		}
		if all[i].flaws&dangles&^allowed != 0 && !follows {
			return false
		}
		if all[i].flaws&oddQuote&^allowed != 0 {
			straight ^= 1
		}
		if allowed&oddQuote == 0 {
			curly += all[i].quotes
		}
	}
	return straight == 0 && curly == 0
}

// value is what a set is worth: its sentences, less what they repeat.
func value(all []candidate, set []int, words int, o Options) float64 {
	total := 0.0
	for _, i := range set {
		total += all[i].score * float64(all[i].words)
	}
	return total
}
