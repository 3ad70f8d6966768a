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
	o = o.withDefaults()
	v := newVocabulary()
	all := candidates(v, d)
	score(v, d, all)
	hard := junk | stub | question | short | personal | repeats | quoted | stale
	for _, allowed := range []flaw{0, repeats | short, hard &^ (junk | stub), hard, hard | dangles | oddQuote} {
		if set := choose(all, o, allowed); set != nil {
			return extract(d, all, set)
		}
	}
	if s, ok := clipped(d, all, o); ok {
		return s
	}
	return Summary{Text: strings.TrimSpace(d.Title), Method: "headline", Reason: "the article holds no sentence"}
}

func extract(d Doc, all []candidate, set []int) Summary {
	s := Summary{Method: "extract", Reason: "chosen sentences"}
	lines := make([]string, len(set))
	for k, i := range set {
		lines[k] = all[i].text
		s.Sentences = append(s.Sentences, Sentence{Spans: all[i].spans})
	}
	s.Text = strings.Join(lines, "\n")
	return s
}

// clipped cuts the first sentence to the budget: the last resort for an
// article that has no sentence which fits.
func clipped(d Doc, all []candidate, o Options) (Summary, bool) {
	for _, c := range all {
		start := c.spans[0][0]
		end := clipWords(d.Text, start, c.spans[0][1], o.Words)
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
