package summary

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Some pages are not one report from top to bottom. Only a part of them may
// be quoted as if it were: of a list or an interview what stands before the
// first item or question, of a live blog its standfirst or else its newest
// entry, of a table nothing.
type kind string

const (
	report    kind = ""
	liveBlog  kind = "live blog"
	listicle  kind = "list"
	interview kind = "interview"
	table     kind = "table"
)

var (
	clock    = regexp.MustCompile(`^(?:LIVE\s+)?[(\[【]?((?:[01]?\d|2[0-3])[:.h][0-5]\d)(?::[0-5]\d)?(?:\s*[ap]\.?m\b\.?)?(?:\s*[(\[]?(?:` + zones + `)[)\]]?)?(?:】\s*|[)\]]?(?:\s*[-–—:：|]\s*|\s+|$))`)
	numbered = regexp.MustCompile(`^(?:\d{1,2}[.)]\s+|#\d{1,2}[.:]?\s+|No\. ?\d{1,2}:\s+|第[一二三四五六七八九十]+[、，：:]|[一二三四五六七八九十]、|\d{1,2}、|[٠-٩۰-۹]{1,2}[.)\-]\s+)`)
	bullet   = regexp.MustCompile(`^(?:[•●▪■◆►▶‣]\s*|[*·–—\-ـ]\s+)`)
	asked    = regexp.MustCompile(`^(?:Q|A|Question|Answer|Pregunta|Respuesta|P|R|Frage|Antwort|F|Вопрос|Ответ|В|О|问|答|問|س|ج|سوال|جواب|سؤال|Hỏi|Đáp)\s*[:：]\s*`)
	speaker  = regexp.MustCompile(`^(\p{Lu}[\p{L}.'’\-]*(?: \p{Lu}[\p{L}.'’\-]*){0,3})\s*:\s+`)
)

// zones are what stands behind a time of day.
const zones = `(?:GMT|UTC|BST|IST|[ECMP][SD]?T|CES?T|EES?T|WES?T|MSK|PKT|GST|SGT|HKT|JST|KST|SAST|CAT|WAT|A[ECW][SD]T|NZ[SD]T)(?:[+−-]\d{1,2}(?::?\d\d)?)?|МСК|мск\.?|Uhr|更新|بتوقيت (?:غرينتش|جرينتش|مكة المكرمة|مكة|القاهرة|القدس|بيروت|الرباط)`

// line is one line of the article.
type line struct{ start, end int }

func (l line) of(text string) string { return text[l.start:l.end] }

func lines(text string) []line {
	var out []line
	for start := 0; start < len(text); {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += start
		}
		if s := trim(text, start, end); s[0] < s[1] {
			out = append(out, line{s[0], s[1]})
		}
		start = end + 1
	}
	return out
}

// layout says what kind of page the text is and which part of it may be
// quoted as a report.
type layout struct {
	kind kind
	from int // bytes of the text, while to is not 0
	to   int
}

// quotable says whether a sentence at offset i belongs to that part.
func (l layout) quotable(i int) bool { return l.to == 0 || i >= l.from && i < l.to }

func layoutOf(text string) layout {
	all := lines(text)
	var times, items, bullets, turns, questions, rows []int
	speakers := map[string]int{}
	for i, l := range all {
		s := l.of(text)
		switch markerOf(s) {
		case clock:
			times = append(times, i)
		case numbered:
			items = append(items, i)
		case bullet:
			bullets = append(bullets, i)
		case asked:
			turns = append(turns, i)
		}
		if who := speakerOf(s); who != "" {
			speakers[who]++
		}
		if isQuestionLine(s) {
			questions = append(questions, i)
		}
		if isRow(s) {
			rows = append(rows, i)
		}
	}
	if len(turns) < 4 {
		turns = dialogue(text, all, speakers)
	}
	before := func(k kind, at int) layout { return layout{k, 0, max(all[at].start, 1)} }
	switch {
	case len(times) >= 3 && 4*len(times) >= len(all):
		return live(text, all, times)
	case len(turns) >= 4:
		return before(interview, turns[0])
	case len(questions) >= 3 && 5*len(questions) >= len(all):
		return before(interview, questions[0])
	case len(items) >= 3:
		return before(listicle, items[0])
	case len(bullets) >= 3 && 2*len(bullets) >= len(all):
		return before(listicle, bullets[0])
	case 2*len(rows) >= len(all) && len(rows) >= 3:
		return layout{kind: table}
	}
	return layout{}
}

// speakerOf is who speaks a line that begins "Falk: …", if anybody.
func speakerOf(s string) string {
	if r, _ := utf8.DecodeRuneInString(s); !unicode.IsUpper(r) || strings.IndexByte(s, ':') < 0 {
		return "" // the expression is slow
	}
	if m := speaker.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

// dialogue returns the lines that begin with one of two speakers who take at
// least two turns each.
func dialogue(text string, all []line, speakers map[string]int) []int {
	var turns []int
	frequent := 0
	for _, n := range speakers {
		if n >= 2 {
			frequent++
		}
	}
	if frequent < 2 {
		return nil
	}
	for i, l := range all {
		if who := speakerOf(l.of(text)); speakers[who] >= 2 {
			turns = append(turns, i)
		}
	}
	return turns
}

// live finds the standfirst of a live blog or, if it has none, its newest
// entry: the last one if the times rise, else the first.
func live(text string, all []line, times []int) layout {
	if times[0] > 0 && len(Split("", text[:all[times[0]].start])) > 1 {
		return layout{liveBlog, 0, all[times[0]].start}
	}
	at := func(i int) string {
		s := clock.FindStringSubmatch(all[i].of(text))[1]
		if len(s) == 4 {
			s = "0" + s
		}
		return s
	}
	first, last := times[0], times[len(times)-1]
	if at(first) < at(last) {
		return layout{liveBlog, all[last].start, len(text)}
	}
	end := 1
	for entry := func(end int) string { return text[all[first].start:all[times[end]].start] }; end < len(times)-1; end++ {
		if s := entry(end); strings.IndexFunc(s[marker(s):], unicode.IsLetter) >= 0 {
			break // else "8.11am", "08:11": the time twice, and no entry between
		}
	}
	return layout{liveBlog, all[first].start, all[times[end]].start}
}

func isQuestionLine(s string) bool {
	s = strings.TrimRightFunc(s, isCloser)
	return (strings.HasSuffix(s, "?") || strings.HasSuffix(s, "؟") || strings.HasSuffix(s, "？")) && Words(s) <= 40
}

// isRow says whether a line is the row of a table: cells between bars or
// tabs, or mostly figures without an end.
func isRow(s string) bool {
	if strings.Count(s, "|") >= 2 || strings.Count(s, "\t") >= 2 {
		return true
	}
	if strings.IndexFunc(s, unicode.IsDigit) < 0 {
		return false
	}
	figures, words := 0, 0
	for w := range strings.FieldsSeq(s) {
		words++
		if strings.IndexFunc(w, unicode.IsDigit) >= 0 && strings.IndexFunc(w, unicode.IsLetter) < 0 {
			figures++
		}
	}
	return words >= 3 && 2*figures >= words
}

// markers are what a line may begin with: a time, number, bullet or speaker's
// letter.
var markers = []*regexp.Regexp{clock, numbered, bullet, asked}

// markerOf is the marker that a line begins with; nil = none.
func markerOf(s string) *regexp.Regexp {
	if len(s) < 2 || isLetter(s[0]) && isLetter(s[1]) && s[:2] != "No" && strings.IndexByte(s[:min(len(s), 12)], ':') < 0 {
		return nil // most lines; the expressions are slow
	}
	for _, re := range markers {
		if re.MatchString(s) {
			return re
		}
	}
	return nil
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// marker returns how many bytes at the start of a line are its marker.
func marker(s string) int {
	if re := markerOf(s); re != nil {
		if m := re.FindStringIndex(s); m[1] < len(s) {
			return m[1]
		}
	}
	return 0
}

// paywalls are what a stub says in place of the rest, in lower case.
var paywalls = []string{
	"to continue reading", "continue reading", "subscribe to", "subscribers only", "for subscribers", "already a subscriber", "subscriber-only", "log in to read",
	"sign in to read", "register to read", "start your free trial", "this article is for", "become a member to", "to read the full", "read the rest", "you have reached your limit",
	"pour lire la suite", "réservé aux abonnés", "déjà abonné", "weiterlesen mit", "jetzt weiterlesen", "nur für abonnenten", "para seguir leyendo", "contenido exclusivo para suscriptores",
	"exclusivo para suscriptores", "дочитать статью", "доступно по подписке", "только для подписчиков", "đăng nhập để đọc", "للاشتراك", "للمشتركين", "登录后阅读", "订阅后阅读", "付费阅读",
}

// isPaywall says whether a sentence asks for money, not for attention.
func isPaywall(lower string) bool {
	for _, p := range paywalls {
		if strings.Contains(lower, p) {
			return true
		}
	}
	return false
}
