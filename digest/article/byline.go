package article

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// credit is one source's word about who wrote the article.
type credit struct {
	names  []string
	weight float64
}

// How much each source counts. Two that agree beat one that counts more.
const (
	creditThing  = 3.2 // JSON-LD
	creditMeta   = 2.3
	creditProp   = 2.6 // microdata
	creditBy     = 3.4 // "By …" near the headline
	creditLink   = 3   // a link to an author's page near the headline
	creditClass  = 2.4 // called a byline by its class, near the headline
	creditPlain  = 1.1 // looks like a name, stands behind the headline
	creditFar    = 1.3 // a link or class elsewhere on the page
	creditBrand  = .2  // factor for the publication's own name
	creditNobody = .1  // factor for admin and the like
)

// byline lets the page's statements about its author vote.
func (p *page) byline(rule cascadia.Matcher, t thing, a Article) []string {
	if rule != nil {
		var out []string
		for _, n := range cascadia.QueryAll(p.doc, rule) {
			out = append(out, names(stated(n))...)
		}
		if len(out) > 0 {
			return unique(out)
		}
	}
	credits := append(p.statedCredits(t), p.shownCredits(a.Title)...)
	return elect(credits, a)
}

// statedCredits are those of markup that readers do not see.
func (p *page) statedCredits(t thing) []credit {
	var out []credit
	var people []string
	for _, name := range []string{"author", "creator"} {
		for _, o := range p.objects(t[name]) {
			people = append(people, given(o.text("name"))...)
		}
		if len(people) > 0 {
			break
		}
	}
	out = append(out, credit{unique(people), creditThing})
	if i := writtenBy(p); i != "" {
		out = append(out, credit{given(i), creditMeta})
	}
	for _, name := range []string{"author", "parsely-author", "sailthru.author", "byl", "dc.creator", "article:author", "dcterms.creator", "article:author_name", "cxenseparse:author"} {
		var people []string
		for _, v := range p.meta[name] {
			people = append(people, given(v)...)
		}
		out = append(out, credit{unique(people), creditMeta})
	}
	var props []string
	for _, n := range p.props["author"] {
		if !foreign(n) {
			props = append(props, propNames(n)...)
		}
	}
	return append(out, credit{unique(props), creditProp})
}

// writtenBy is the name in Twitter's label and data pairs.
func writtenBy(p *page) string {
	for _, i := range []string{"1", "2"} {
		label := strings.ToLower(p.metaFirst("twitter:label" + i))
		if _, ok := furniture().bylines.prefix(folded(label)); ok || strings.Contains(label, "writ") {
			return p.metaFirst("twitter:data" + i)
		}
	}
	return ""
}

// propNames reads an author in microdata: its name property when it has one.
func propNames(n *html.Node) []string {
	for d := range n.Descendants() {
		if attr(d, "itemprop") == "name" {
			return given(stated(d))
		}
	}
	return names(stated(n))
}

// shownCredits are those that stand on the page.
func (p *page) shownCredits(title string) []credit {
	var out []credit
	behind, before := p.header(title)
	announced := false
	for i, x := range behind {
		c, next := x.credit(announced, i < 8)
		out, announced = append(out, c), next
	}
	announced = false
	for i := len(before) - 1; i >= 0; i-- {
		c, next := before[i].credit(announced, false)
		out, announced = append(out, c), next
	}
	seen := 0
	for _, n := range p.marked {
		if s := inline(n); len(s) > 2 && len(s) < 90 && !foreign(n) {
			out = append(out, credit{names(s), creditFar})
			if seen++; seen == 6 {
				break
			}
		}
	}
	return out
}

// credit reads one piece of the header. Announced tells that the piece before
// was a bare "By"; next tells the same of this one.
func (x piece) credit(announced, plain bool) (c credit, next bool) {
	text := clean(x.text)
	if len(text) > 90 {
		return credit{}, false
	}
	rest, by := afterBy(text)
	if by && strings.TrimSpace(rest) == "" {
		return credit{}, true
	}
	if _, inside := afterLabel(text); inside {
		by = true
	}
	found := names(text)
	switch {
	case len(found) == 0:
		return credit{}, announced && len(text) < 3
	case by || announced:
		return credit{found, creditBy}, false
	case x.authorLink():
		return credit{found, creditLink}, false
	case within(x.in, called) != nil:
		return credit{found, creditClass}, false
	case plain && fullNames(found) && len(strings.Fields(text)) <= 4 && !strings.ContainsAny(text, "?!؟？"):
		return credit{found, creditPlain}, false
	}
	return credit{}, false
}

var authorPath = regexp.MustCompile(`(?i)/(authors?|by|profiles?|staff|people|person|contributors?|team|writers?|reporters?|journalists?|users?|columnists?|autor|autore|auteur|avtor|about/team)/[^/]|/@[^/]+/?$|[?&]author=`)

// authorLink tells whether a piece is a link to somebody's page.
func (x piece) authorLink() bool {
	a := within(x.in, func(n *html.Node) bool { return n.DataAtom == atom.A })
	return a != nil && (authorPath.MatchString(attr(a, "href")) || strings.Contains(attr(a, "rel"), "author"))
}

// called tells whether an element's class or id calls it a byline.
func called(n *html.Node) bool {
	mark := strings.ToLower(attr(n, "class") + " " + attr(n, "id") + " " + attr(n, "itemprop"))
	return len(mark) < 200 && (strings.Contains(mark, "author") || strings.Contains(mark, "byline"))
}

// foreign tells what stands among comments or other stories.
func foreign(n *html.Node) bool {
	for i := 0; n != nil && i < 12; i++ {
		if n.DataAtom == atom.Aside || n.DataAtom == atom.Li && i > 6 {
			return true
		}
		for _, w := range classWords(attr(n, "class") + " " + attr(n, "id")) {
			switch w {
			case "comment", "comments", "commentlist", "related", "sidebar", "widget", "card", "cards", "reply", "testimonial", "review", "recent", "popular", "teaser":
				return n.DataAtom != atom.Body && n.DataAtom != atom.Html
			}
		}
		n = n.Parent
	}
	return false
}

// elect adds up the credits: each set of names gets the weight of every source
// that names it, and of those that name a part of it.
func elect(credits []credit, a Article) []string {
	var best credit
	for _, c := range credits {
		sum := 0.0
		for _, d := range credits {
			if len(d.names) > 0 && covers(c.names, d.names) {
				sum += d.weight
			}
		}
		sum *= doubt(c.names, a)
		if len(c.names) > 0 && sum > best.weight {
			best = credit{c.names, sum}
		}
	}
	return best.names
}

// covers tells whether all of b's names are among a's.
func covers(a, b []string) bool {
	for _, x := range b {
		found := false
		for _, y := range a {
			found = found || norm(x) == norm(y)
		}
		if !found {
			return false
		}
	}
	return true
}

// doubt lowers what names no person.
func doubt(list []string, a Article) float64 {
	factor := 1.0
	for _, name := range list {
		folded := folded(name)
		switch {
		case furniture().nobodies.match(folded):
			factor = min(factor, creditNobody)
		case norm(name) == norm(a.SiteName) || strings.Contains(norm(a.Title), norm(name)):
			factor = min(factor, creditBrand)
		}
	}
	return factor
}

// given splits what a machine-readable field holds, which is names and not
// sentences; academic degrees stay with the name before them.
func given(s string) []string {
	if s = strings.TrimSpace(s); s == "" || strings.Contains(s, "://") || strings.Contains(s, "@") || len(s) > 300 || strings.ContainsAny(s, "{}<>") {
		return nil
	}
	if rest, by := afterBy(s); by && rest != "" {
		s = rest
	}
	if i := strings.IndexAny(s, "|•"); i > 0 {
		s = s[:i]
	}
	var out []string
	for _, part := range splitNames(s) {
		if part != "" && utf8.RuneCountInString(part) < 60 && !strings.Contains(part, ".com") {
			out = append(out, part)
		}
	}
	return out
}

// names reads the names in a byline as people see it: without "By", dates,
// roles and outlets. Nil when what is left does not look like names.
func names(s string) []string {
	s = clean(s)
	if rest, by := afterBy(s); by {
		s = rest
	} else if rest, ok := afterLabel(s); ok {
		s = rest
	} else if i := strings.Index(strings.ToLower(s), " by "); i > 0 && i < 60 {
		s = s[i+4:]
	}
	s = strings.TrimLeftFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
	if i := strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsDigit(r) || strings.ContainsRune("•|·@/:()[]{}!?…→>\"“”–—", r)
	}); i >= 0 {
		s = s[:i]
	}
	s, _, _ = strings.Cut(s, " - ")
	var out []string
	for _, part := range splitNames(s) {
		part = cutRole(part)
		if !isName(part) {
			break
		}
		out = append(out, part)
	}
	return unique(out)
}

// afterBy takes a word such as "By" or "Автор:" off the front.
func afterBy(s string) (rest string, ok bool) {
	text := fold(s)
	lead := len(text) - len(strings.TrimLeftFunc(text, trimmed))
	after, ok := furniture().bylines.prefix(text[lead:])
	if !ok || len(after) > len(s) {
		return s, false
	}
	// Folding keeps the length of letters in the end of the text, save numbers.
	runes := utf8.RuneCountInString(text[:len(text)-len(after)])
	for i := range s {
		if runes == 0 {
			return strings.TrimLeftFunc(s[i:], func(r rune) bool { return !unicode.IsLetter(r) }), true
		}
		runes--
	}
	return "", true
}

// afterLabel finds a label such as 记者： inside a line without word spaces; the
// name ends at the next space.
func afterLabel(s string) (rest string, ok bool) {
	for _, ph := range furniture().bylines.free {
		for _, colon := range []string{"：", ":"} {
			if _, after, found := strings.Cut(s, ph.parts[0]+colon); found {
				name, _, _ := strings.Cut(strings.TrimSpace(after), " ")
				return name, true
			}
		}
	}
	return s, false
}

var nameBreak = regexp.MustCompile(`(?i)\s*(?:;|\s&\s|\s(?:and|und|et|y|и|та|e|ve|و|اور)\s)\s*`)

// splitNames cuts a list of names. What follows a comma is a name of its own
// when it has two words, and a degree or office of the one before when not.
func splitNames(s string) []string {
	var out []string
	for _, group := range nameBreak.Split(s, 20) {
		parts := strings.FieldsFunc(group, func(r rune) bool { return r == ',' || r == '،' || r == '、' })
		for _, part := range parts {
			part = strings.TrimSpace(part)
			switch {
			case part == "":
			case isDegree(part) && len(out) > 0:
				out[len(out)-1] += ", " + part
			case outlet(part) && len(out) > 0:
			default:
				out = append(out, part)
			}
		}
	}
	return out
}

// isDegree tells MD, Ph.D., M.A. and the like.
func isDegree(s string) bool {
	if strings.ContainsRune(s, ' ') || utf8.RuneCountInString(s) > 8 {
		return false
	}
	upper := 0
	for _, r := range s {
		if unicode.IsUpper(r) {
			upper++
		}
	}
	return upper >= 2 || s == "Jr." || s == "Jr" || s == "Sr."
}

// outlet tells a newspaper's name behind a comma.
func outlet(s string) bool {
	return strings.HasPrefix(s, "The ") || strings.ToUpper(s) == s && strings.ContainsRune(s, ' ')
}

// cutRole ends a name before the first word that is an office, and drops such
// words in front.
func cutRole(s string) string {
	words := strings.Fields(s)
	isRole := func(w string) bool {
		return furniture().roles[strings.ToLower(strings.Trim(w, ",.:"))]
	}
	for len(words) > 1 && isRole(words[0]) {
		words = words[1:]
	}
	for i, w := range words {
		if i > 0 && isRole(w) || i > 1 && months[strings.ToLower(strings.Trim(w, ".,"))] != 0 {
			words = words[:i]
			break
		}
	}
	return strings.TrimRight(strings.Join(words, " "), " ,-")
}

// particles are small words inside names.
var particles = set("de", "del", "della", "di", "da", "dos", "van", "von", "der", "den", "la", "le", "al", "el", "bin", "ibn", "ul", "zu", "ter", "y", "e")

// isName tells whether a text can be somebody's name: one to five words, each
// with a capital where the script has capitals, none a month.
func isName(s string) bool {
	words := strings.Fields(s)
	if len(words) == 0 || len(words) > 5 || utf8.RuneCountInString(s) < 2 || utf8.RuneCountInString(s) > 50 {
		return false
	}
	if furniture().nobodies.match(folded(s)) || oneRun(s) && utf8.RuneCountInString(s) > 6 {
		return false
	}
	for i, w := range words {
		r, _ := utf8.DecodeRuneInString(w)
		if !unicode.IsLetter(r) || len(words) == 1 && months[strings.ToLower(strings.Trim(w, ".,"))] != 0 {
			return false
		}
		if unicode.IsLower(r) && (i == 0 || !particles[w]) {
			return false
		}
	}
	return !furniture().roles[strings.ToLower(words[0])]
}

// fullNames tells whether each name has at least a first and a last part.
func fullNames(list []string) bool {
	for _, name := range list {
		if n := len(strings.Fields(name)); n < 2 || n > 4 || strings.ToUpper(name) == name && countLetters(name).latin > 0 {
			return false
		}
	}
	return true
}

// unique drops repeated names.
func unique(list []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		if key := norm(s); key != "" && !seen[key] {
			seen[key] = true
			out = append(out, s)
		}
	}
	return out
}
