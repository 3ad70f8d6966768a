package summary

import (
	"math"
	"strings"
)

// Model rates words, pairs of words, sentences and whole summaries, in this
// order; each step sees the answers of the one before.
type Model struct {
	Word     Forest // log-odds that the reference uses a stem for the k-th time
	Pair     Forest // log-odds that it uses two stems side by side
	Sentence Forest // what a sentence adds to the overlap with the reference
	Set      Forest // overlap of a set of sentences, against others of the same article
}

func init() {
	for _, f := range []*Forest{&fitted.Word, &fitted.Pair, &fitted.Sentence, &fitted.Set} {
		f.prepare()
	}
}

// Numbers of features.
const (
	WordFeatures     = 18
	PairFeatures     = 11
	SentenceFeatures = 24
	SetFeatures      = 26
)

// genre tells the forests how much an editor will write: 0 where there is no
// headline, 2 where there is one, 1 where words are syllables or characters,
// so that a budget of words holds less.
func (s *Study) genre() float32 {
	switch {
	case !s.titled:
		return 0
	case syllabic[primary(s.Doc.Language)]:
		return 1
	}
	return 2
}

var syllabic = set("vi zh ja th lo km my")

// reference is about how many tokens an editor would write.
func (s *Study) reference() float32 {
	n := float32(38)
	if s.genre() == 2 {
		n = 58
	}
	return n * float32(s.Options.Words) / 60
}

// WordRow fills row with the features of a stem for its k-th use.
func (s *Study) WordRow(id int32, k int, row []float32) {
	w := &s.words[id]
	c := &s.Candidates[w.first]
	row[0] = log1p(c.order)
	row[1] = float32(c.order) / s.sentences
	row[2] = log1p(w.count - 1)
	row[3] = float32(w.sentences) / s.sentences
	row[4] = flag(w.inTitle)
	row[5] = w.title
	row[6] = flag(c.order == 0)
	row[7] = float32(w.early)
	row[8] = float32(w.upper) / float32(max(w.inner, 1))
	row[9] = flag(w.digit)
	row[10] = float32(w.length)
	row[11] = float32(w.place)
	row[12] = s.genre()
	row[13] = s.sentences
	row[14] = s.meanLength
	row[15] = float32(k)
	row[16] = float32(w.count) / float32(max(w.sentences, 1))
	row[17] = c.title
}

// PairRow fills row with the features of pair number i. The words must have
// been rated.
func (s *Study) PairRow(i int, row []float32) {
	p := &s.pairs[i]
	a, b := &s.words[p.a], &s.words[p.b]
	row[0] = a.chance[0]
	row[1] = b.chance[0]
	row[2] = row[0] * row[1]
	row[3] = log1p(s.Candidates[p.first].order)
	row[4] = float32(p.count)
	row[5] = flag(p.inTitle)
	row[6] = s.Candidates[p.first].title
	row[7] = s.genre()
	row[8] = s.meanLength
	row[9] = float32(p.count) / float32(max(a.count, 1))
	row[10] = float32(p.count) / float32(max(b.count, 1))
}

// SentenceRow fills row with the features of candidate i. Words and pairs
// must have been rated.
func (s *Study) SentenceRow(i int, row []float32) {
	c := &s.Candidates[i]
	n := float32(max(len(c.tokens), 1))
	var chance, pairs, upper, digits float32
	for _, t := range c.tokens {
		chance += s.words[t.id].chance[0]
		upper += flag(t.upper)
		digits += flag(t.digit)
	}
	for _, p := range c.pairs {
		pairs += s.pairs[p].chance
	}
	row[0] = log1p(c.order)
	row[1] = float32(c.order) / s.sentences
	row[2] = flag(c.order == 0)
	row[3] = float32(c.Words)
	row[4] = c.title
	row[5] = c.headline
	row[6] = s.echo(c)
	row[7] = s.likeness(c)
	row[8] = chance / n
	row[9] = 2 * chance / (n + s.reference())
	row[10] = pairs / n
	row[11] = 2 * pairs / (n + s.reference())
	row[12] = flag(c.quoted)
	row[13] = flag(strings.HasPrefix(c.Text, `"`) || strings.HasPrefix(c.Text, "“"))
	row[14] = digits
	row[15] = upper / n
	row[16] = flag(c.Flaws&Personal != 0)
	row[17] = flag(c.Flaws&Dangles != 0)
	row[18] = s.genre()
	row[19] = s.sentences
	row[20] = s.meanLength
	row[21] = flag(c.paragraph)
	row[22] = flag(c.Flaws&Loose != 0)
	row[23] = flag(c.variant)
}

// echo is how much of what follows takes up the words of c.
func (s *Study) echo(c *Candidate) float32 {
	var sum, all float32
	for _, t := range c.tokens {
		w := &s.words[t.id]
		idf := s.idf(t.id)
		all += idf
		sum += idf * float32(w.sentences-1) / s.sentences
	}
	return sum / max(all, 1)
}

// likeness is the share of c that the first sentence holds.
func (s *Study) likeness(c *Candidate) float32 {
	var sum, all float32
	for _, t := range c.tokens {
		idf := s.idf(t.id)
		all += idf
		if s.Candidates[s.words[t.id].first].order == 0 {
			sum += idf
		}
	}
	return sum / max(all, 1)
}

// rate fills in what the model thinks of words, pairs and sentences.
func (s *Study) rate(m *Model) {
	s.RateWords(&m.Word)
	s.RatePairs(&m.Pair)
	s.RateSentences(&m.Sentence)
}

// RateWords sets the chance of every stem.
func (s *Study) RateWords(f *Forest) {
	var row [WordFeatures]float32
	for id := range s.words {
		w := &s.words[id]
		if w.first < 0 {
			continue
		}
		for k := 1; k <= 3; k++ {
			if k > 1 && w.count < k {
				w.chance[k-1] = w.chance[k-2] * .3
				continue
			}
			s.WordRow(int32(id), k, row[:])
			w.chance[k-1] = sigmoid(f.Sum(row[:]))
		}
	}
}

// RatePairs sets the chance of every pair.
func (s *Study) RatePairs(f *Forest) {
	var row [PairFeatures]float32
	for i := range s.pairs {
		s.PairRow(i, row[:])
		s.pairs[i].chance = sigmoid(f.Sum(row[:]))
	}
}

// RateSentences sets the score of every candidate.
func (s *Study) RateSentences(f *Forest) {
	var row [SentenceFeatures]float32
	for i := range s.Candidates {
		s.SentenceRow(i, row[:])
		s.Candidates[i].Score = f.Sum(row[:])
	}
}

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
