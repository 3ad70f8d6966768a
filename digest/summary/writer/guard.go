package writer

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"pressrun/digest/summary"
)

// draft is a model's text on its way through the guards.
type draft struct {
	article
	prompt  prompt
	options summary.Options
	tongue  *tongue
	answer  string
	lines   []string // its sentences
	source  string   // headline and article
	told    []told   // the article's sentences
}

// told is a sentence of the article with what the guards ask of it.
type told struct {
	text  string
	stems map[string]bool
}

func newDraft(answer string, p prompt, a article, o summary.Options) *draft {
	d := &draft{article: a, prompt: p, options: o, tongue: tongues[a.language], answer: answer, source: a.title + "\n\n" + a.text}
	for _, s := range summary.Split(a.language, answer) {
		d.lines = append(d.lines, strings.Join(strings.Fields(answer[s[0]:s[1]]), " "))
	}
	for _, s := range summary.Split(a.language, d.source) {
		t := told{text: d.source[s[0]:s[1]], stems: map[string]bool{}}
		for _, stem := range summary.Stems(t.text) {
			t.stems[stem] = true
		}
		d.told = append(d.told, t)
	}
	return d
}

// guards are held against a draft one after the other; the first that says why
// not ends it. The cheap and certain ones come first.
var guards = []struct {
	name  string
	holds func(*draft) string
}{
	{"characters", plain}, {"secret", keepsSecret}, {"refusal", noExcuse}, {"markup", noMarkup}, {"length", fits}, {"language", sameLanguage},
	{"dateline", noDateline}, {"headline", notTheHeadline}, {"quotes", quoted}, {"numbers", counted}, {"numbers", worded}, {"dates", dated}, {"names", named}, {"new words", known},
	{"negation", sameSign}, {"attribution", attributed}, {"fairness", fair},
}

// plain wants readable characters alone.
func plain(d *draft) string {
	if !utf8.ValidString(d.answer) || strings.ContainsRune(d.answer, '\ufffd') {
		return "it holds damaged characters"
	}
	for _, r := range d.answer {
		if r != '\n' && hidden(r) {
			return fmt.Sprintf("it holds the invisible character U+%04X", r)
		}
	}
	if strings.IndexFunc(d.answer, unicode.IsLetter) < 0 {
		return "it is empty"
	}
	return ""
}

// keepsSecret refuses what repeats our instructions.
func keepsSecret(d *draft) string {
	if strings.Contains(strings.ToLower(d.answer), strings.ToLower(d.prompt.secret)) {
		return "it tells our instructions"
	}
	words := strings.Fields(strings.ToLower(d.answer))
	system := " " + strings.Join(strings.Fields(strings.ToLower(d.prompt.system)), " ") + " "
	source := strings.Join(strings.Fields(strings.ToLower(d.source)), " ")
	for i := 0; i+6 <= len(words); i++ {
		if part := strings.Join(words[i:i+6], " "); strings.Contains(system, part) && !strings.Contains(source, part) {
			return "it tells our instructions"
		}
	}
	return ""
}

// excuses are how models decline, or speak of their task instead of doing it.
// They are matched in lower case, and only where the article does not say them.
var excuses = []string{
	"i cannot", "i can't", "i can’t", "i am unable", "i'm unable", "i'm sorry", "i’m sorry", "i am sorry", "i apologi", "as an ai", "as a language model", "language model", "cannot assist", "can't assist",
	"cannot comply", "against my", "my guidelines", "content policy", "here is a summary", "here's a summary", "here is the summary", "summary:", "this article", "the article", "the author", "no article", "not provided",
	"lo siento", "no puedo", "como modelo", "este artículo", "el artículo", "je ne peux pas", "je suis désolé", "désolé", "en tant que modèle", "cet article", "l'article", "es tut mir leid", "ich kann", "dieser artikel", "der artikel",
	"извините", "я не могу", "как языковая модель", "в статье", "эта статья", "xin lỗi", "tôi không thể", "bài viết này", "bài báo này", "lamento", "não posso", "este artigo", "o artigo",
	"آسف", "لا أستطيع", "لا يمكنني", "هذا المقال", "معذرت", "میں نہیں", "یہ مضمون", "抱歉", "我无法", "我不能", "本文", "这篇文章",
}

func noExcuse(d *draft) string {
	answer, source := strings.ToLower(d.answer), strings.ToLower(d.source)
	for _, e := range excuses {
		if strings.Contains(answer, e) && !strings.Contains(source, e) {
			return "it declines or speaks of its task: “" + e + "”"
		}
	}
	return ""
}

var (
	webAddress = regexp.MustCompile(`(?i)\b(?:https?|ftp|file|data|mailto|javascript|tel)\s*:|www\.|//|\S@\S|\b[\p{L}\p{N}-]{2,}\.(?:com|org|net|info|io|biz|edu|gov|ru|cn|co|uk|de|fr|es|pk|in|vn|xyz|top|link|click|online|site|shop|me|tv|app|dev|ai)\b`)
	entity     = regexp.MustCompile(`&#?\w+;`)
)

// noMarkup refuses addresses, markup and code.
func noMarkup(d *draft) string {
	if s := webAddress.FindString(d.answer); s != "" {
		return "it holds an address: “" + s + "”"
	}
	if entity.MatchString(d.answer) || strings.ContainsAny(d.answer, "<>{}`|\\") {
		return "it holds markup or code"
	}
	for _, r := range "[]*#_~^=" {
		if strings.ContainsRune(d.answer, r) && !strings.ContainsRune(d.source, r) {
			return "it holds markup or code"
		}
	}
	for _, r := range d.answer {
		if r >= utf8.RuneSelf && unicode.In(r, unicode.So, unicode.Sk, unicode.Sm) && !strings.ContainsRune(d.source, r) {
			return "it holds a sign that the article does not: " + string(r)
		}
	}
	for line := range strings.SplitSeq(d.answer, "\n") {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "• ") {
			return "it is a list"
		}
	}
	return ""
}

// fits keeps the length: words, sentences, a whole end, no question.
func fits(d *draft) string {
	n := summary.Words(d.answer)
	switch {
	case n > d.options.Words:
		return fmt.Sprintf("it has %d words, %d are allowed", n, d.options.Words)
	case len(d.lines) > d.options.Sentences:
		return fmt.Sprintf("it has %d sentences, %d are allowed", len(d.lines), d.options.Sentences)
	case n < 5:
		return "it says too little"
	}
	for _, l := range d.lines {
		last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(l, "\"'”’»)]」』）"))
		if strings.ContainsRune("?؟？", last) {
			return "it asks a question"
		}
		if !strings.ContainsRune(".!…。！۔।", last) {
			return "it has no end"
		}
	}
	return ""
}

// sameLanguage wants the script of the article, no letter of another, and most
// of the words.
func sameLanguage(d *draft) string {
	answer, source := scripts(d.answer), scripts(d.source)
	if a, b := most(answer), most(scripts(d.text)); a != b {
		return "it is written in " + a + " letters, the article in " + b
	}
	for _, name := range scriptNames {
		if answer[name] > 0 && source[name] == 0 {
			return "it holds " + name + " letters, the article does not"
		}
	}
	held := map[string]bool{}
	for _, s := range summary.Stems(d.source) {
		held[s] = true
	}
	all, strange := 0, 0
	for _, s := range summary.Stems(d.answer) {
		all++
		if !held[s] {
			strange++
		}
	}
	if 2*strange > all {
		return "more than half of its words are not the article's: it may be in another language"
	}
	return ""
}

// scriptNames are the scripts that are told apart; all others are one.
var scriptNames = []string{"Latin", "Cyrillic", "Arabic", "Chinese", "Greek", "Hebrew", "Devanagari", "other"}

var scriptTables = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Arabic, unicode.Han, unicode.Greek, unicode.Hebrew, unicode.Devanagari}

// scripts counts the letters of each script.
func scripts(s string) map[string]int {
	count := map[string]int{}
letters:
	for _, r := range s {
		if !unicode.IsLetter(r) {
			continue
		}
		for i, table := range scriptTables {
			if unicode.Is(table, r) {
				count[scriptNames[i]]++
				continue letters
			}
		}
		if !unicode.Is(unicode.Common, r) {
			count["other"]++
		}
	}
	return count
}

// most is the script of most letters.
func most(count map[string]int) string {
	best := "no"
	for _, name := range scriptNames {
		if count[name] > count[best] {
			best = name
		}
	}
	return best
}

// noDateline refuses what begins "OSLO (Agency) —".
func noDateline(d *draft) string {
	if summary.Opening(d.answer) > 0 {
		return "it begins with a dateline"
	}
	return ""
}

func notTheHeadline(d *draft) string {
	for _, l := range d.lines {
		if summary.Repeats(l, []string{d.title}) {
			return "it repeats the headline"
		}
	}
	return ""
}

// maxNew is the share of content words that the article may lack.
const maxNew = .25

// known wants most content words to be the article's.
func known(d *draft) string {
	held := map[string]bool{}
	for _, s := range contents(d.source, d.tongue) {
		held[s] = true
	}
	all, strange := 0, 0
	for _, s := range contents(d.answer, d.tongue) {
		all++
		if !held[s] {
			strange++
		}
	}
	if float64(strange) > maxNew*float64(all) {
		return fmt.Sprintf("%d of %d content words are not in the article", strange, all)
	}
	return ""
}

// contents are the stems that carry the content: those of four letters and
// more, of a script without spaces the pairs of neighbours.
func contents(s string, t *tongue) []string {
	stems := summary.Stems(s)
	var out []string
	for i, stem := range stems {
		switch {
		case t.plain:
			if i > 0 {
				out = append(out, stems[i-1]+stem)
			}
		case utf8.RuneCountInString(stem) >= t.short && !t.numbersHold(stem):
			out = append(out, stem)
		}
	}
	return out
}

// support is the sentence of the article, or the two neighbours, that hold most
// of the words of a line, with the share of them.
func (d *draft) support(line string) (text string, share float64) {
	stems := contents(line, &tongue{short: 3, plain: d.tongue.plain})
	if d.tongue.plain {
		stems = summary.Stems(line)
	}
	best := -1
	for i := range d.told {
		if s := overlap(stems, d.told[i].stems, nil); s > share {
			best, share = i, s
		}
	}
	if best < 0 {
		return "", 0
	}
	text = d.told[best].text
	// A line made of two neighbours needs both.
	for _, n := range []int{best - 1, best + 1} {
		if n >= 0 && n < len(d.told) {
			if s := overlap(stems, d.told[best].stems, d.told[n].stems); s > share+.2 {
				return text + " " + d.told[n].text, s
			}
		}
	}
	return text, share
}

func overlap(stems []string, a, b map[string]bool) float64 {
	hits := 0
	for _, s := range stems {
		if a[s] || b[s] {
			hits++
		}
	}
	return float64(hits) / float64(max(len(stems), 1))
}

// enough is the share of a line's words by which a sentence of the article is
// taken for where it comes from.
const enough = .5

// sameSign wants a line to deny exactly when what it comes from denies.
func sameSign(d *draft) string {
	for _, l := range d.lines {
		from, share := d.support(l)
		no := d.tongue.negates(l)
		switch {
		case share < enough && no && !d.tongue.negates(d.source):
			return "it denies what the article does not"
		case share < enough:
		case no && !d.tongue.negates(from):
			return "it adds a “not”: " + clip(l)
		case !no && d.tongue.negates(from):
			return "it drops a “not”: " + clip(l)
		case no && d.tongue.affirms(l) != d.tongue.affirms(from):
			return "it turns a denied denial: " + clip(l)
		}
	}
	return ""
}

// attributed wants a line to say whose word it is when what it comes from does,
// and an accusation to stay one.
func attributed(d *draft) string {
	for _, l := range d.lines {
		from, share := d.support(l)
		if share < enough {
			continue
		}
		accuses, denies := summary.Judge(d.language, from)
		if a, dn := summary.Judge(d.language, l); accuses && !a && !dn && !denies {
			return "it states as a fact what somebody is accused of: " + clip(l)
		}
		if d.tongue.attributes(from) && !d.tongue.attributes(l) {
			return "it drops who says so: " + clip(l)
		}
	}
	return ""
}

// fair wants the denial that the article holds beside an accusation, also when
// it stands in the part that was not sent.
func fair(d *draft) string {
	if !summary.Fair(summary.Doc{Language: d.language, Title: d.title, Text: d.whole}, d.answer) {
		return "it accuses and leaves out the denial"
	}
	return ""
}

// clip shortens a line for the desk.
func clip(s string) string {
	r := []rune(s)
	if len(r) <= 60 {
		return "“" + s + "”"
	}
	return "“" + string(r[:59]) + "…”"
}
