package summary

import (
	"strings"
	"unicode"
)

// Doc is one article.
type Doc struct {
	Language    string // BCP 47; unknown or empty means that the opening is taken
	Title       string // the headline; may be empty
	Text        string // plain text, paragraphs separated by blank lines, valid UTF-8
	Description string // what the feed says of the article, plain text; printed where Text is a stub
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
var Tiers = []Flaw{
	0,
	Personal,
	Personal | Echo | Short | Bare | Later,
	Personal | Echo | Short | Bare | Outside | Later,
	Personal | Echo | Short | Bare | Outside | Dangles | Loose | Later,
	Personal | Echo | Short | Bare | Stale | Outside | Dangles | Loose | Later | Question | Stub | OddQuote,
	^Flaw(0),
}

// bearable says whether tier i is still better than the headline. The first
// three are; the items of a live blog are reports in themselves; and openers
// outside English are judged too hard by a list of words.
func (s *Study) bearable(i int) bool {
	switch {
	case i <= 2 || !s.Doc.hasTitle():
		return true
	case i == 3:
		return s.layout.kind == liveBlog
	}
	return i == 4 && s.layout.to == 0 && primary(s.Doc.Language) != "en"
}

// Summarize is the summary that the model m picks.
func (m *Model) Summarize(d Doc, o Options) Summary {
	s := NewStudy(d, o)
	if sum, ok := s.described(); ok {
		return sum
	}
	if sum, ok := s.whole(); ok {
		return sum
	}
	if !languageFor(d.Language).known {
		if sum, ok := s.lead(); ok {
			return sum
		}
	}
	s.rate(m)
	for i, allowed := range Tiers {
		if !s.bearable(i) {
			continue
		}
		if set := s.Best(m, allowed); set != nil {
			return s.extract(set.Members, "extract", s.why(allowed))
		}
	}
	if sum, ok := s.clipped(); ok {
		return sum
	}
	return Summary{Text: strings.Join(strings.Fields(d.Title), " "), Method: "headline", Reason: s.whyHeadline()}
}

func (d Doc) hasTitle() bool { return strings.IndexFunc(d.Title, unicode.IsLetter) >= 0 }

// described prints the feed's description in place of a stub: a text without
// two printable sentences which is a teaser or shorter than the description.
func (s *Study) described() (Summary, bool) {
	printable := 0
	for _, c := range s.Candidates {
		if c.Flaws&(Junk|Stub|Outside) == 0 && !c.variant {
			printable++
		}
	}
	d := s.Doc
	if printable > 1 || !s.walled && Words(d.Description) <= Words(head(d.Text)) {
		return Summary{}, false
	}
	var out []string
	words, trash := 0, litterOf(head(d.Description))
	for _, span := range Split(d.Language, head(d.Description)) {
		sentence := join(d.Description, body(d.Description, span))
		if words += Words(sentence); words > s.Options.Words || len(out) == s.Options.Sentences {
			break
		}
		if !trash.spoils(sentence) && !Repeats(sentence, s.Options.Avoid) {
			out = append(out, sentence)
		}
	}
	accuses, denies := chargesFor(d.Language).judge(strings.Join(out, " "))
	if out == nil || accuses && !denies && len(s.denials) > 0 {
		return Summary{}, false
	}
	return Summary{Text: strings.Join(out, "\n"), Method: "description", Reason: "the article is a stub; this is the feed's description"}, true
}

// whole prints a brief as it is: all of it fits.
func (s *Study) whole() (Summary, bool) {
	var set []int
	words := 0
	for i, c := range s.Candidates {
		if c.Flaws&Outside != 0 || c.Flaws&Junk != 0 && c.Words >= 12 && !s.walled {
			return Summary{}, false
		}
		if c.variant || c.Flaws&Junk != 0 || c.Flaws&Stub != 0 && c.Words < 6 {
			continue
		}
		if c.Flaws&(Stale|Question) != 0 {
			return Summary{}, false
		}
		words += c.Words
		set = append(set, i)
	}
	if len(set) == 0 || len(set) > s.Options.Sentences || words > s.Options.Words || !s.stands(set, 0) || !s.fair(set) {
		return Summary{}, false
	}
	return s.extract(set, "lead", "a brief: all of it fits"), true
}

// lead takes the first sentences that fit and can stand there.
func (s *Study) lead() (Summary, bool) {
	var set []int
	words := 0
	for i, c := range s.Candidates {
		if c.variant || c.Flaws&(Junk|Stub|Outside|Question|Stale|Short) != 0 || words+c.Words > s.Options.Words {
			continue
		}
		if next := append(set, i); s.stands(next, 0) {
			set = next
			words += c.Words
		}
		if len(set) == s.Options.Sentences {
			break
		}
	}
	if len(set) == 0 || !s.fair(set) {
		return Summary{}, false
	}
	return s.extract(set, "lead", "the language is unknown: the opening"), true
}

// why tells the desk what is special about an extract.
func (s *Study) why(allowed Flaw) string {
	switch {
	case s.layout.kind != report && s.layout.to > 0 && allowed&Outside == 0:
		return "a " + string(s.layout.kind) + ": only its standfirst or newest entry is quoted"
	case allowed&^Personal != 0:
		return "no clean sentence was left; please look"
	case len(s.denials) > 0:
		return "chosen sentences; the article holds a denial"
	}
	return "chosen sentences"
}

func (s *Study) whyHeadline() string {
	switch {
	case len(s.Candidates) == 0:
		return "the article holds no sentence"
	case len(s.denials) > 0:
		return "no summary within the budget holds both accusation and denial"
	case s.layout.kind != report:
		return "a " + string(s.layout.kind) + " without a sentence to quote"
	}
	return "no sentence can stand alone within the budget"
}

func (s *Study) extract(members []int, method, reason string) Summary {
	sum := Summary{Method: method, Reason: reason}
	lines := make([]string, len(members))
	for k, i := range members {
		lines[k] = s.Candidates[i].Text
		sum.Sentences = append(sum.Sentences, Sentence{Spans: s.Candidates[i].Spans})
	}
	sum.Text = strings.Join(lines, "\n")
	return sum
}

// clipped cuts a sentence to the budget: the last resort for an article
// without a headline or a sentence that fits. It cuts behind a clause if that
// leaves at least half, and never a denial from its accusation.
func (s *Study) clipped() (Summary, bool) {
	if s.Doc.hasTitle() {
		return Summary{}, false
	}
	for _, c := range s.Candidates {
		start := c.Spans[0][0]
		end := clipWords(s.Doc.Text, start, c.Spans[0][1], s.Options.Words)
		if i := strings.LastIndexAny(s.Doc.Text[start:end], ",;:،，；"); 2*i > end-start {
			end = start + i
		}
		accuses, denies := chargesFor(s.Doc.Language).judge(s.Doc.Text[start:end])
		if end == start || accuses && !denies && len(s.denials) > 0 {
			continue
		}
		return Summary{Text: s.Doc.Text[start:end], Sentences: []Sentence{{Spans: [][2]int{{start, end}}}}, Method: "lead", Reason: "no sentence fits the budget; one is cut"}, true
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
