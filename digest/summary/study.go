package summary

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Study is an article with everything that the choice looks at. Summarize
// makes one and throws it away; the fitting program keeps them.
type Study struct {
	Doc        Doc
	Options    Options
	Candidates []Candidate

	vocabulary *vocabulary
	words      []word // by stem number
	pairs      []pair
	pairID     map[uint64]int32
	denials    []int // candidates that deny something
	layout     layout
	walled     bool // asks the reader to subscribe
	titled     bool
	sentences  float32 // how many, variants apart
	meanLength float32 // of a word, in letters up to six
}

// word is one stem of the article with what tells whether an editor would
// use it.
type word struct {
	count, sentences, early int // uses; sentences that hold it; of these, among the first five
	upper, inner            int // uses with a capital, of those not at the start of a sentence
	first, place            int // candidate that uses it first, and where in it
	last                    int // candidate that used it last, while counting
	inTitle, digit          bool
	length                  int
	rarity                  float32    // within the article
	title                   float32    // highest headline share of a sentence that holds it
	chance                  [3]float32 // that the reference uses it once, twice, three times
}

// pair is one pair of neighbouring stems.
type pair struct {
	a, b, count, first int32
	inTitle            bool
	chance             float32
}

// NewStudy splits and cleans the article and counts its words.
func NewStudy(d Doc, o Options) *Study {
	s := &Study{Doc: d, Options: o.withDefaults(), vocabulary: newVocabulary(), pairID: make(map[uint64]int32, 512)}
	text := head(d.Text)
	s.layout = layoutOf(text)
	s.Candidates = candidates(s.vocabulary, d, text, s.layout, s.Options.Words)
	title := s.vocabulary.tokens(head(d.Title), nil)
	title = title[:min(len(title), 64)]
	s.markStale()
	s.wall(text)
	s.titled = len(title) > 1
	s.words = make([]word, len(s.vocabulary.stems))
	for i := range s.words {
		w := &s.words[i]
		w.first, w.last = -1, -1
		w.length = utf8.RuneCountInString(s.vocabulary.stems[i])
	}
	s.countWords()
	s.weighWords()
	s.weighTitle(title)
	s.countPairs(title)
	s.weighFairness()
	s.introduce()
	return s
}

// wall looks whether the page asks readers to subscribe. What little follows
// belongs to the offer: "30 days for free."
func (s *Study) wall(text string) {
	for i, c := range s.Candidates {
		if c.Flaws&Junk == 0 || !isPaywall(strings.ToLower(c.Text)) {
			continue
		}
		s.walled = true
		if Words(text[c.Spans[len(c.Spans)-1][1]:]) <= 60 {
			for k := range s.Candidates[i:] {
				s.Candidates[i+k].Flaws |= Junk
			}
			return
		}
	}
}

func (s *Study) countWords() {
	letters, n := 0, 0
	for i := range s.Candidates {
		c := &s.Candidates[i]
		if c.variant {
			continue
		}
		s.sentences++
		for k, t := range c.tokens {
			w := &s.words[t.id]
			w.use(i, c.order, k, t)
			letters += w.length
			n++
		}
	}
	s.meanLength = float32(letters) / float32(max(n, 1))
}

func (w *word) use(i, order, k int, t token) {
	if w.last != i {
		w.last = i
		w.sentences++
		if order < 5 {
			w.early++
		}
	}
	if w.first < 0 {
		w.first, w.place = i, k
	}
	w.count++
	w.digit = w.digit || t.digit
	if k > 0 {
		w.inner++
		if t.upper {
			w.upper++
		}
	}
}

// weighWords measures how rare each stem is within the article.
func (s *Study) weighWords() {
	for i := range s.words {
		w := &s.words[i]
		w.rarity = float32(math.Log(float64(s.sentences+1) / (float64(w.sentences) + .5)))
	}
}

// idf is how rare a stem is within the article.
func (s *Study) idf(id int32) float32 { return s.words[id].rarity }

// weighTitle measures how much of the headline each sentence holds, and how
// much of each sentence is headline.
func (s *Study) weighTitle(title []token) {
	var all float32
	for _, t := range title {
		if w := &s.words[t.id]; !w.inTitle {
			w.inTitle = true
			all += s.idf(t.id)
		}
	}
	if all == 0 {
		return
	}
	for i := range s.words {
		s.words[i].last = -1
	}
	for i := range s.Candidates {
		c := &s.Candidates[i]
		hits := 0
		for _, t := range c.tokens {
			w := &s.words[t.id]
			if !w.inTitle {
				continue
			}
			hits++
			if w.last != i {
				w.last = i
				c.title += s.idf(t.id) / all
			}
		}
		c.headline = float32(hits) / float32(max(len(c.tokens), 1))
		if c.headline > .8 && c.title > .8 {
			c.Flaws |= Echo
		}
		for _, t := range c.tokens {
			s.words[t.id].title = max(s.words[t.id].title, c.title)
		}
	}
}

// markStale finds the candidates that say what the issue has already printed.
func (s *Study) markStale() {
	for _, sentence := range s.Options.Avoid {
		held := s.vocabulary.set(sentence)
		for i := range s.Candidates {
			if c := &s.Candidates[i]; covered(c.tokens, held) {
				c.Flaws |= Stale
			}
		}
	}
}

// set is the set of the words of s.
func (v *vocabulary) set(s string) map[int32]bool {
	held := map[int32]bool{}
	for _, t := range v.tokens(s, nil) {
		held[t.id] = true
	}
	return held
}

// covered says whether four in five words stand together in one sentence.
func covered(tokens []token, held map[int32]bool) bool {
	hits := 0
	for _, t := range tokens {
		if held[t.id] {
			hits++
		}
	}
	return len(tokens) > 0 && 5*hits >= 4*len(tokens)
}

// Repeats reports whether a line of text says what one of the sentences says.
func Repeats(text string, said []string) bool {
	v := newVocabulary()
	for line := range strings.SplitSeq(text, "\n") {
		tokens := v.tokens(line, nil)
		for _, s := range said {
			if covered(tokens, v.set(s)) {
				return true
			}
		}
	}
	return false
}

func key(a, b int32) uint64 { return uint64(a)<<32 | uint64(uint32(b)) }

func (s *Study) countPairs(title []token) {
	inTitle := map[uint64]bool{}
	for i := 1; i < len(title); i++ {
		inTitle[key(title[i-1].id, title[i].id)] = true
	}
	for i := range s.Candidates {
		c := &s.Candidates[i]
		c.pairs = make([]int32, 0, max(len(c.tokens)-1, 0))
		for k := 1; k < len(c.tokens); k++ {
			a, b := c.tokens[k-1].id, c.tokens[k].id
			id, ok := s.pairID[key(a, b)]
			if !ok {
				id = int32(len(s.pairs))
				s.pairID[key(a, b)] = id
				s.pairs = append(s.pairs, pair{a: a, b: b, first: int32(i), inTitle: inTitle[key(a, b)]})
			}
			if !c.variant {
				s.pairs[id].count++
			}
			c.pairs = append(c.pairs, id)
		}
	}
}

func flag(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// logs are the logarithms of small numbers.
var logs = func() (t [256]float32) {
	for n := range t {
		t[n] = float32(math.Log1p(float64(n)))
	}
	return t
}()

func log1p(n int) float32 {
	if n >= 0 && n < len(logs) {
		return logs[n]
	}
	return float32(math.Log1p(float64(n)))
}

// Stems is how many different stems article and headline hold.
func (s *Study) Stems() int { return len(s.words) }

// Uses is how often the sentences use a stem.
func (s *Study) Uses(id int32) int { return s.words[id].count }

// Pairs is how many different pairs of neighbouring stems the article holds.
func (s *Study) Pairs() int { return len(s.pairs) }

// Pair returns the two stems of pair i.
func (s *Study) Pair(i int) (a, b int32) { return s.pairs[i].a, s.pairs[i].b }

// Tokens cuts any text into the stem numbers of this article; stems that the
// article lacks get numbers from Stems upwards.
func (s *Study) Tokens(text string) []int32 {
	var ids []int32
	for _, t := range s.vocabulary.tokens(text, nil) {
		ids = append(ids, t.id)
	}
	return ids
}

// CandidateTokens returns the stem numbers of candidate i.
func (s *Study) CandidateTokens(i int) []int32 {
	ids := make([]int32, len(s.Candidates[i].tokens))
	for k, t := range s.Candidates[i].tokens {
		ids[k] = t.id
	}
	return ids
}
