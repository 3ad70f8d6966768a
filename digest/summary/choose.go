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
	Tokens       int     // words as ROUGE counts them
	Unigrams     float32 // expected overlap in words
	Bigrams      float32 // and in pairs
	Score        float32 // sum over the sentences
	Redundancy   float32 // share of tokens that repeat earlier ones
	bestU, bestB float32
}

// Sets returns every set of the best candidates that keeps the budget and
// stands by itself, in the order of their expected overlap.
func (s *Study) Sets(allowed Flaw) []Set {
	return s.sets(allowed, s.shortlist(allowed, func(*Candidate) bool { return true }))
}

func (s *Study) sets(allowed Flaw, eligible []int) []Set {
	b := builder{s: s, allowed: allowed, eligible: eligible, used: make([]uint16, len(s.words)), usedPairs: make([]uint16, len(s.pairs))}
	b.walk(0)
	var u, p float32
	for _, set := range b.sets {
		u, p = max(u, set.Unigrams), max(p, set.Bigrams)
	}
	for i := range b.sets {
		b.sets[i].bestU, b.sets[i].bestB = u, p
	}
	slices.SortStableFunc(b.sets, func(x, y Set) int { return cmp.Compare(y.cheap(), x.cheap()) })
	return b.sets
}

// cheap orders sets before the last forest sees them.
func (s *Set) cheap() float32 { return s.Unigrams + s.Bigrams }

// builder walks all subsets and keeps the sums up to date.
type builder struct {
	s         *Study
	allowed   Flaw
	eligible  []int
	used      []uint16
	usedPairs []uint16
	members   []int
	words     int
	tokens    int
	repeated  int
	hits      float32
	pairs     float32
	score     float32
	sets      []Set
}

func (b *builder) walk(from int) {
	if len(b.members) > 0 && b.s.stands(b.members, b.allowed) && b.s.fair(b.members) {
		n := float32(b.tokens)
		b.sets = append(b.sets, Set{
			Members: slices.Clone(b.members), Words: b.words, Tokens: b.tokens, Score: b.score,
			Unigrams: 2 * b.hits / (n + b.s.reference()), Bigrams: 2 * b.pairs / (n + b.s.reference()),
			Redundancy: float32(b.repeated) / n,
		})
	}
	if len(b.members) == b.s.Options.Sentences {
		return
	}
	for i := from; i < len(b.eligible); i++ {
		c := &b.s.Candidates[b.eligible[i]]
		if b.words+c.Words > b.s.Options.Words || len(b.members) > 0 && b.s.Candidates[b.members[len(b.members)-1]].Index == c.Index {
			continue
		}
		saved := *b
		b.add(c, b.eligible[i])
		if 5*(b.repeated-saved.repeated) < 4*len(c.tokens) || len(b.members) == 1 { // else it says nothing new
			b.walk(i + 1)
		}
		sets := b.sets
		b.remove(c)
		*b = saved
		b.sets = sets
	}
}

func (b *builder) add(c *Candidate, i int) {
	b.members = append(b.members, i)
	b.words += c.Words
	b.tokens += len(c.tokens)
	b.score += c.Score
	for _, t := range c.tokens {
		k := b.used[t.id]
		if k < 3 {
			b.hits += b.s.words[t.id].chance[k]
		}
		if k > 0 {
			b.repeated++
		}
		b.used[t.id]++
	}
	for _, p := range c.pairs {
		if b.usedPairs[p] == 0 {
			b.pairs += b.s.pairs[p].chance
		}
		b.usedPairs[p]++
	}
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
		return c.Words <= s.Options.Words && c.Flaws&^(allowed|Dangles|OddQuote|Loose) == 0 && wanted(c)
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
		if s.Candidates[i].Flaws&(Dangles|OddQuote|Loose) == 0 {
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
	sets := s.Sets(allowed)
	if len(sets) == 0 && len(s.denials) > 0 {
		sets = s.sets(allowed, s.shortlist(allowed, func(c *Candidate) bool { return c.answers == nil }))
	}
	var best *Set
	var bestScore float32
	var row [SetFeatures]float32
	for i := range sets[:min(finals, len(sets))] {
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
