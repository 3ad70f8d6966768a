package feed

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Text returns the plain text of an HTML fragment: entities decoded, white
// space collapsed, paragraphs and other blocks set apart by an empty line,
// <br> as a line end. What a reader would not see (scripts, styles, hidden
// elements) is left out. Plain text passes through as it is.
func Text(fragment string) string {
	if !strings.ContainsAny(fragment, "<&") {
		return tidy(strings.Map(dropMarks, fragment))
	}
	root := parseFragment(fragment)
	if root == nil {
		return tidy(tokenText(fragment))
	}
	prune(root)
	var b strings.Builder
	writeText(&b, root)
	return tidy(b.String())
}

// Marks inside the text being built: they survive the collapsing of white space.
const (
	lineMark  = "\x01"
	blockMark = "\x02"
)

// writeText walks without recursion, so that depth costs no stack.
func writeText(b *strings.Builder, root *html.Node) {
	n := root
	for n != nil {
		if n.Type == html.TextNode {
			b.WriteString(strings.Map(dropMarks, n.Data))
		}
		enterText(b, n)
		if n.FirstChild != nil {
			n = n.FirstChild
			continue
		}
		for n != root && n.NextSibling == nil {
			leaveText(b, n)
			n = n.Parent
		}
		if n == root {
			return
		}
		leaveText(b, n)
		n = n.NextSibling
	}
}

func enterText(b *strings.Builder, n *html.Node) {
	switch {
	case n.Type != html.ElementNode:
	case n.DataAtom == atom.Br:
		b.WriteString(lineMark)
	case n.DataAtom == atom.Td || n.DataAtom == atom.Th:
		b.WriteByte(' ')
	case isBlock(n.DataAtom):
		b.WriteString(blockMark)
	}
}

func leaveText(b *strings.Builder, n *html.Node) {
	if n.Type == html.ElementNode && isBlock(n.DataAtom) {
		b.WriteString(blockMark)
	}
}

func isBlock(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Li, atom.Dl,
		atom.Dt, atom.Dd, atom.Blockquote, atom.Pre, atom.Table, atom.Tr, atom.Caption, atom.Figure, atom.Figcaption,
		atom.Section, atom.Article, atom.Header, atom.Footer, atom.Aside, atom.Main, atom.Nav, atom.Hr, atom.Form,
		atom.Address, atom.Fieldset, atom.Details, atom.Summary, atom.Center:
		return true
	}
	return false
}

// dropMarks removes control characters, ours among them, and the invisible
// ones that only break searching and line ends: zero width space, soft hyphen, BOM.
// Joiners stay: Persian and Urdu spelling needs them.
func dropMarks(r rune) rune {
	switch {
	case r == '\n' || r == '\t' || r == '\r':
		return ' '
	case unicode.IsControl(r), r == '\u200b', r == '\u00ad', r == '\ufeff', r == '\ufffe', r == '\uffff':
		return -1
	}
	return r
}

// tidy turns marks into line ends and runs of white space into one space.
func tidy(s string) string {
	var out strings.Builder
	out.Grow(len(s))
	blank, lines := false, 0
	for _, r := range s {
		switch {
		case r == '\x01':
			lines++
		case r == '\x02':
			lines += 2
		case unicode.IsSpace(r):
			blank = true
		case unicode.IsControl(r):
		default:
			if out.Len() > 0 && lines > 0 {
				out.WriteString("\n\n"[:min(lines, 2)])
			} else if out.Len() > 0 && blank {
				out.WriteByte(' ')
			}
			blank, lines = false, 0
			out.WriteRune(r)
		}
	}
	return out.String()
}

// tokenText is Text for markup nested so deeply that no tree is built of it.
func tokenText(fragment string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(fragment))
	skip := false
	for {
		tt := z.Next()
		switch tt {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if !skip {
				b.WriteString(strings.Map(dropMarks, html.UnescapeString(string(z.Raw()))))
			}
			skip = false
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			skip = tt == html.StartTagToken && (a == atom.Script || a == atom.Style) // raw text follows as one token
			if isBlock(a) {
				b.WriteString(blockMark)
			}
		}
	}
}

// plain makes one line of plain text, at most n runes, of a title or a name
// that may hold markup, entities escaped once too often, or both.
func plain(s string, n int) string {
	s = clip(s, 16*n)
	s = strings.ToValidUTF8(s, "")
	if strings.ContainsAny(s, "<&") {
		s = Text(s)
	}
	if entity.MatchString(s) { // "&amp;amp;": escaped twice
		s = Unescape(s)
	}
	s = strings.Join(strings.Fields(strings.Map(dropMarks, s)), " ")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	s = string([]rune(s)[:n-1])
	if i := strings.LastIndexByte(s, ' '); i > len(s)/2 {
		s = s[:i]
	}
	return s + "…"
}

var entity = regexp.MustCompile(`&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});`)

// Unescape reads the references of a headline that a site escaped once too often,
// and drops the markup that comes to light.
func Unescape(s string) string {
	return inlineTag.ReplaceAllString(html.UnescapeString(s), "")
}

var inlineTag = regexp.MustCompile(`(?i)</?(?:a|abbr|b|big|br|em|font|i|p|q|s|small|span|strong|sub|sup|u|wbr)(?:\s[^<>]*)?/?>`)

// clip cuts at n bytes, between runes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// names cleans a list of authors or categories: plain text, no e-mail
// addresses, no empty ones, each once, at most n.
func names(in []string, n int) []string {
	var out []string
	for _, s := range in {
		s = person(plain(s, maxName))
		if s == "" || slices.Contains(out, s) {
			continue
		}
		if len(out) == n {
			break
		}
		out = append(out, s)
	}
	return out
}

var mailbox = regexp.MustCompile(`\s*[<(\[]?\s*[^\s<>()\[\]@]+@[^\s<>()\[\]@]+\.[^\s<>()\[\]@]+\s*[>)\]]?\s*`)

// person takes the name out of "anna@site.example (Anna Lev)" and "Anna Lev <anna@site.example>".
func person(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	s = strings.TrimSpace(mailbox.ReplaceAllString(s, " "))
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		s = s[1 : len(s)-1]
	}
	return strings.TrimSpace(s)
}

var languageTag = regexp.MustCompile(`^([a-zA-Z]{2,3})(?:[-_]([a-zA-Z0-9]{2,8}))*$`)

// language brings a claimed language to BCP 47: "en_US" becomes "en-US". "" when it is none.
func language(s string) string {
	s = strings.TrimSpace(s)
	if !languageTag.MatchString(s) {
		return ""
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '_' })
	parts[0] = strings.ToLower(parts[0])
	if parts[0] == "und" {
		return ""
	}
	for i, p := range parts[1:] {
		if len(p) == 2 {
			parts[i+1] = strings.ToUpper(p)
		}
	}
	return strings.Join(parts, "-")
}
