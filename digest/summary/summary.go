package summary

import (
	"strings"
)

// Doc is one article.
type Doc struct {
	ID       string // for the caller's use
	Language string // BCP 47; unknown or empty means that the opening is taken
	Title    string // the headline; may be empty
	Text     string // plain text, paragraphs separated by blank lines, valid UTF-8
}

// Options says how long a summary may be. The zero value means the defaults.
type Options struct {
	Words     int      // at most this many; 0 means 60
	Sentences int      // at most this many; 0 means 3
	Avoid     []string // sentences already printed in the same issue
}

// Sentence says where a sentence of the summary stands in the article: the
// byte ranges of Doc.Text that make it, joined by one space.
type Sentence struct {
	Spans [][2]int `json:"spans"`
}

// Summary is what an editor sees and may sign.
type Summary struct {
	Text      string     // the sentences, joined by line ends
	Sentences []Sentence // one for each line of Text; none if Method is "headline"
	Method    string     // extract, lead, description or headline
	Reason    string     // one line for the desk: why this method
}

func (o Options) withDefaults() Options {
	if o.Words <= 0 {
		o.Words = 60
	}
	if o.Sentences <= 0 {
		o.Sentences = 3
	}
	return o
}

// Summarize picks the sentences that stand for the article. The same input
// gives the same output; the result is empty only if neither text nor title
// holds a letter. It may be called concurrently.
func Summarize(d Doc, o Options) Summary {
	return fitted.Summarize(d, o)
}

// Tiers are the flaws that are put up with, one after the other, until a set
// of sentences is found.
var Tiers = []Flaw{Personal, Personal | Bare | Short, Personal | Bare | Short | Stale | Question, Personal | Bare | Short | Stale | Question | Stub | Dangles, ^Flaw(0)}

// Summarize is the summary that the model m picks.
func (m *Model) Summarize(d Doc, o Options) Summary {
	s := NewStudy(d, o)
	s.rate(m)
	for _, allowed := range Tiers {
		if set := s.Best(m, allowed); set != nil {
			return s.extract(set)
		}
	}
	if sum, ok := s.clipped(); ok {
		return sum
	}
	return Summary{Text: strings.TrimSpace(d.Title), Method: "headline", Reason: "the article holds no sentence"}
}

func (s *Study) extract(set *Set) Summary {
	sum := Summary{Method: "extract", Reason: "chosen sentences"}
	lines := make([]string, len(set.Members))
	for k, i := range set.Members {
		lines[k] = s.Candidates[i].Text
		sum.Sentences = append(sum.Sentences, Sentence{Spans: s.Candidates[i].Spans})
	}
	sum.Text = strings.Join(lines, "\n")
	return sum
}

// clipped cuts the first sentence to the budget: the last resort for an
// article that has no sentence which fits.
func (s *Study) clipped() (Summary, bool) {
	d, o := s.Doc, s.Options
	for _, c := range s.Candidates {
		start := c.Spans[0][0]
		end := clipWords(d.Text, start, c.Spans[0][1], o.Words)
		if end > start {
			return Summary{Text: d.Text[start:end], Sentences: []Sentence{{Spans: [][2]int{{start, end}}}}, Method: "lead", Reason: "no sentence fits the budget; the first is cut"}, true
		}
	}
	return Summary{}, false
}

// clipWords returns the largest end of a word for which text[start:end] keeps
// the budget.
func clipWords(text string, start, end, words int) int {
	best := start
	for i, r := range text[start:end] {
		if isBlank(r) || spaceless(r) {
			if Words(text[start:start+i]) > words {
				return best
			}
			best = start + i
		}
	}
	if Words(text[start:end]) <= words {
		best = end
	}
	return best
}
