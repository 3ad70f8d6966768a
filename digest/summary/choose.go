package summary

import (
	"cmp"
	"math"
	"slices"
)

const (
	pool   = 14  // sentences that the exact search looks at
	finals = 120 // sets that are rated with everything we know
)

// Set is one possible summary.
type Set struct {
	Members      []int   // candidates in article order
	Words        int     // of the budget
	Unigrams     float32 // expected overlap in words
	Bigrams      float32 // and in pairs
	Score        float32 // sum over the sentences
	Redundancy   float32 // share of tokens that repeat earlier ones
	bestU, bestB float32
}

// Sets returns every set of the best candidates that keeps the budget and
// stands by itself, in the order of their expected overlap.
func (s *Study) Sets(allowed Flaw) []Set {
	return s.sets(allowed, s.shortlist(allowed, func(*Candidate) bool { return true }), math.MaxInt)
}

// sets returns those with the largest expected overlap, at most so many.
func (s *Study) sets(allowed Flaw, eligible []int, most int) []Set {
	b := builder{s: s, allowed: allowed, eligible: eligible, used: make([]uint16, len(s.words)), usedPairs: make([]uint16, len(s.pairs))}
	b.walk(0, sums{})
	var u, p float32
	for i := range b.sets {
		u, p = max(u, b.sets[i].Unigrams), max(p, b.sets[i].Bigrams)
	}
	type rank struct {
		cheap float32
		at    int
	}
	order := make([]rank, len(b.sets))
	for i := range b.sets {
		order[i] = rank{b.sets[i].Unigrams + b.sets[i].Bigrams, i}
	}
	slices.SortFunc(order, func(x, y rank) int { return cmp.Or(cmp.Compare(y.cheap, x.cheap), x.at-y.at) })
	order = order[:min(most, len(order))]
	out := make([]Set, len(order))
	for i, r := range order {
		out[i] = b.sets[r.at]
		out[i].bestU, out[i].bestB = u, p
	}
	return out
}

// builder walks all subsets and keeps the sums up to date.
type builder struct {
	s         *Study
	allowed   Flaw
	eligible  []int
	used      []uint16
	usedPairs []uint16
	members   []int
	kept      []int // the members of all sets
	sets      []Set
}

// sums are what the members of a set add up to.
type sums struct {
	words, tokens, repeated int
	hits, pairs, score      float32
}

func (b *builder) walk(from int, t sums) {
	if len(b.members) > 0 && b.s.stands(b.members, b.allowed) && b.s.fair(b.members) {
		b.keep(t)
	}
	if len(b.members) == b.s.Options.Sentences {
		return
	}
	for i := from; i < len(b.eligible); i++ {
		c := &b.s.Candidates[b.eligible[i]]
		if t.words+c.Words > b.s.Options.Words || len(b.members) > 0 && b.s.Candidates[b.members[len(b.members)-1]].Index == c.Index {
			continue
		}
		b.members = append(b.members, b.eligible[i])
		next := b.add(c, t)
		if 5*(next.repeated-t.repeated) < 4*len(c.tokens) || len(b.members) == 1 { // else it says nothing new
			b.walk(i+1, next)
		}
		b.remove(c)
		b.members = b.members[:len(b.members)-1]
	}
}

func (b *builder) keep(t sums) {
	from := len(b.kept)
	b.kept = append(b.kept, b.members...)
	n, wanted := float32(t.tokens), float32(t.tokens)+b.s.reference()
	b.sets = append(b.sets, Set{
		Members: b.kept[from:len(b.kept):len(b.kept)], Words: t.words, Score: t.score,
		Unigrams: 2 * t.hits / wanted, Bigrams: 2 * t.pairs / wanted, Redundancy: float32(t.repeated) / n,
	})
}

func (b *builder) add(c *Candidate, t sums) sums {
	t.words += c.Words
	t.tokens += len(c.tokens)
	t.score += c.Score
	for _, token := range c.tokens {
		k := b.used[token.id]
		if k < 3 {
			t.hits += b.s.words[token.id].chance[k]
		}
		if k > 0 {
			t.repeated++
		}
		b.used[token.id]++
	}
	for _, p := range c.pairs {
		if b.usedPairs[p] == 0 {
			t.pairs += b.s.pairs[p].chance
		}
		b.usedPairs[p]++
	}
	return t
}

func (b *builder) remove(c *Candidate) {
	for _, t := range c.tokens {
		b.used[t.id]--
	}
	for _, p := range c.pairs {
		b.usedPairs[p]--
	}
}

// shortlist returns the best sentences that may be printed and that the caller
// wants, with the predecessors of those that need one, in article order.
func (s *Study) shortlist(allowed Flaw, wanted func(*Candidate) bool) []int {
	printable := func(c *Candidate) bool {
		return c.Words <= s.Options.Words && c.Flaws&^(allowed|Dangles|OddQuote|Loose|Later) == 0 && wanted(c)
	}
	var order []int
	for i := range s.Candidates {
		if printable(&s.Candidates[i]) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.Candidates[b].Score, s.Candidates[a].Score) })
	rest := order[min(pool, len(order)):]
	order = slices.Clip(order[:len(order)-len(rest)])
	if slices.ContainsFunc(order, func(i int) bool { return s.Candidates[i].answers != nil }) {
		order = append(order, s.replies(rest)...)
	}
	for _, i := range slices.Clone(order) {
		if s.Candidates[i].Flaws&(Dangles|OddQuote|Loose|Later) == 0 {
			continue
		}
		for j := i - 1; j >= 0 && s.Candidates[j].Index >= s.Candidates[i].Index-1; j-- {
			if s.Candidates[j].Index == s.Candidates[i].Index-1 && !slices.Contains(order, j) && printable(&s.Candidates[j]) {
				order = append(order, j)
			}
		}
	}
	slices.Sort(order)
	return order
}

// replies returns the best five denials, which make a fair summary possible.
func (s *Study) replies(rest []int) []int {
	var out []int
	for _, i := range rest {
		if s.Candidates[i].denies && len(out) < 5 {
			out = append(out, i)
		}
	}
	return out
}

// stands says whether the set can be read alone: what refers back follows
// what it refers to, and quotation marks pair within neighbours.
func (s *Study) stands(set []int, allowed Flaw) bool {
	straight, curly := 0, 0
	for k, i := range set {
		c := &s.Candidates[i]
		follows := k > 0 && s.Candidates[set[k-1]].Index == c.Index-1
		if !follows && (straight != 0 || curly != 0) {
			return false
		}
		if c.Flaws&Dangles&^allowed != 0 && !follows {
			return false
		}
		if k == 0 && c.Flaws&Later&^allowed != 0 {
			return false
		}
		if c.Flaws&Loose&^allowed != 0 && c.order > 0 && !follows && (k == 0 || !s.Candidates[set[k-1]].named) {
			return false
		}
		if allowed&OddQuote == 0 {
			if c.Flaws&OddQuote != 0 {
				straight ^= 1
			}
			curly += c.quotes
		}
	}
	return straight == 0 && curly == 0
}

// SetRow fills row with the features of a set.
func (s *Study) SetRow(set *Set, row []float32) {
	clear(row)
	n := len(set.Members)
	row[0] = set.Unigrams
	row[1] = set.Bigrams
	row[2] = set.Score
	row[3], row[4] = -math.MaxFloat32, math.MaxFloat32
	row[5] = float32(set.Words)
	row[6] = float32(set.Words) / float32(s.Options.Words)
	row[7] = float32(n)
	row[9], row[10] = -1, -1
	last := -2
	for k, i := range set.Members {
		c := &s.Candidates[i]
		row[3] = max(row[3], c.Score)
		row[4] = min(row[4], c.Score)
		if k < 3 {
			row[8+k] = log1p(c.order)
		}
		row[11] += flag(c.order == 0)
		row[12] += flag(c.Index == last+1)
		row[13] = max(row[13], c.title)
		row[14] += c.title
		row[16] += flag(c.Flaws&OddQuote != 0 || c.quotes != 0)
		row[17] += flag(c.Flaws&Loose != 0)
		row[18] += flag(c.Flaws&Dangles != 0)
		last = c.Index
	}
	row[15] = set.Redundancy
	row[19] = s.genre()
	row[20] = s.sentences
	row[21] = s.meanLength
	row[22] = set.Unigrams - set.bestU
	row[23] = set.Bigrams - set.bestB
	row[24] = float32(set.Words) / float32(n)
	row[25] = float32(set.Members[n-1]-set.Members[0]) / float32(len(s.Candidates))
}

// Best returns the set that the model likes most, or nil if there is none.
func (s *Study) Best(m *Model, allowed Flaw) *Set {
	sets := s.sets(allowed, s.shortlist(allowed, func(*Candidate) bool { return true }), finals)
	if len(sets) == 0 && len(s.denials) > 0 {
		sets = s.sets(allowed, s.shortlist(allowed, func(c *Candidate) bool { return c.answers == nil }), finals)
	}
	var best *Set
	var bestScore float32
	var row [SetFeatures]float32
	for i := range sets {
		s.SetRow(&sets[i], row[:])
		score := m.Set.Sum(row[:])
		if !s.introduced(sets[i].Members) {
			score -= stranger
		}
		if best == nil || score > bestScore {
			best, bestScore = &sets[i], score
		}
	}
	return best
}

// stranger is what a set is worth less in which somebody speaks whom it does
// not introduce, in the overlap that the last forest rates.
const stranger = .02

// introduced says whether everybody who speaks under a last name alone has been
// named before.
func (s *Study) introduced(set []int) bool {
	for k, i := range set {
		c := &s.Candidates[i]
		if c.names != nil && !slices.ContainsFunc(set[:k], func(m int) bool { return slices.Contains(c.names, m) }) {
			return false
		}
	}
	return true
}
