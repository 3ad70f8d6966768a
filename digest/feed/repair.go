package feed

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// Bounds of the XML a feed may be made of. Beyond maxDepth elements are
// flattened, beyond maxTags the document counts as ended; both are far from
// anything a feed needs and keep hostile ones from costing more than their size.
const (
	maxDepth    = 120
	maxTags     = 400_000
	maxPrefixes = 48
)

var roots = regexp.MustCompile(`(?i)<(?:[a-z][\w.-]*:)?(rss|rdf|feed|urlset|sitemapindex|channel|opml|html|head|body)[\s>/]|<!doctype\s+(html)`)

// findRoot finds the element a document is made of, skipping what stands
// before it: prolog, comments, PHP warnings. It returns the element's local
// name in lower case ("html" for any part of a page, "" for none).
func findRoot(text []byte) (name string, start int) {
	start = skipProlog(text)
	head := text[start:min(len(text), start+(64<<10))]
	m := roots.FindSubmatchIndex(head)
	if m == nil {
		return "", 0
	}
	if m[4] >= 0 { // feeds exist that say so and are none
		start += m[1]
		if m = roots.FindSubmatchIndex(text[start:min(len(text), start+(64<<10))]); m == nil || m[4] >= 0 {
			return "html", start
		}
		head = text[start:min(len(text), start+(64<<10))]
	}
	name = strings.ToLower(string(head[m[2]:m[3]]))
	if name == "head" || name == "body" {
		name = "html"
	}
	return name, start + m[0]
}

// skipProlog returns where the first thing stands that is no white space,
// comment or processing instruction.
func skipProlog(text []byte) int {
	pos := 0
	for {
		rest := bytes.TrimLeft(text[pos:], " \t\r\n")
		pos = len(text) - len(rest)
		end := -1
		switch {
		case bytes.HasPrefix(rest, []byte("<?")):
			end = bytes.Index(rest, []byte("?>")) + 2
		case bytes.HasPrefix(rest, []byte("<!--")):
			end = bytes.Index(rest, []byte("-->")) + 3
		}
		if end < 4 {
			return pos
		}
		pos += end
	}
}

// markup is a document made well-formed.
type markup struct {
	xml       []byte
	bases     []string // xml:base in force in the content of item i, "" = none
	repaired  bool
	truncated bool
	cut       bool // the last item is not whole
}

// open is an element that waits for its end tag.
type open struct {
	name string // as written
	base string // xml:base in force inside
}

// mender rewrites a document tag by tag: what it writes is always well-formed,
// whatever it reads. One pass, no recursion.
type mender struct {
	markup
	src      []byte
	out      bytes.Buffer
	stack    []open
	flat     int // elements opened beyond maxDepth
	tags     int
	items    int
	prefixes map[string]bool
	ends     map[string]int // where the next "]]>" and the like stands
	noDecl   bool           // no declaration from here on is ever ended
	done     bool
}

// mend makes XML of text, which begins at its root element: it drops control
// characters, comments, processing instructions and the document type (and so
// every entity a document declares), ends CDATA sections and elements that
// were left open, drops end tags that nobody opened, quotes attributes, and
// writes HTML's named entities as the characters they are.
func mend(text []byte, base string) markup {
	m := &mender{src: text, prefixes: map[string]bool{}, ends: map[string]int{}}
	m.out.Grow(len(text) + 64)
	for pos := 0; pos < len(text) && !m.done; {
		i := bytes.IndexByte(text[pos:], '<')
		if i < 0 {
			i = len(text) - pos
		}
		m.text(text[pos:pos+i], false)
		pos += i
		if pos < len(text) {
			pos += m.markupAt(pos, base)
		}
	}
	if len(m.stack) > 0 {
		m.repaired, m.truncated, m.cut = true, true, m.inItem()
		m.closeTo(0)
	}
	m.xml = m.out.Bytes()
	return m.markup
}

// markupAt handles what begins with the "<" at pos and returns its length.
func (m *mender) markupAt(pos int, base string) int {
	s := m.src[pos:]
	switch {
	case bytes.HasPrefix(s, []byte("<![CDATA[")):
		return m.cdata(pos)
	case bytes.HasPrefix(s, []byte("<!--")):
		return m.skip(pos, 4, "-->")
	case bytes.HasPrefix(s, []byte("<?")):
		return m.skip(pos, 2, "?>")
	case bytes.HasPrefix(s, []byte("<!")):
		return m.doctype(s)
	case bytes.HasPrefix(s, []byte("</")):
		return m.endTag(s)
	case len(s) > 1 && nameStart(s[1]):
		return m.startTag(s, base)
	}
	m.repaired = true
	m.out.WriteString("&lt;")
	return 1
}

// find is the position of the first end at or after pos, len(src) if there is
// none. It remembers, so that a document of openings alone stays one pass.
func (m *mender) find(pos int, end string) int {
	at, known := m.ends[end]
	if !known || at < pos {
		i := bytes.Index(m.src[min(pos, len(m.src)):], []byte(end))
		if at = pos + i; i < 0 {
			at = len(m.src)
		}
		m.ends[end] = at
	}
	return at
}

// skip leaves out all up to and with end; only the n bytes of its start when there is no end.
func (m *mender) skip(pos, n int, end string) int {
	at := m.find(pos+n, end)
	if at == len(m.src) {
		m.repaired = true
		return n
	}
	return at + len(end) - pos
}

// doctype leaves out a declaration with its [internal subset].
func (m *mender) doctype(s []byte) int {
	if m.noDecl {
		return 2
	}
	depth, quote := 0, byte(0)
	for i, c := range s {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<' || c == '[':
			depth++
		case c == ']':
			depth--
		case c == '>':
			if depth--; depth <= 0 {
				return i + 1
			}
		}
	}
	m.repaired, m.noDecl = true, true
	return 2
}

// cdata copies a section. One that was left open ends at the end tag of the
// element it stands in, or with the document. That it was left open shows when
// the next section begins before this one ends.
func (m *mender) cdata(pos int) int {
	start := pos + len("<![CDATA[")
	end := m.find(start, "]]>")
	next := m.find(start, "<![CDATA[")
	if n := len(m.stack); n > 0 && (next < end || end == len(m.src)) {
		limit := min(next, len(m.src))
		if tag := bytes.Index(m.src[start:limit], []byte("</"+m.stack[n-1].name)); tag >= 0 {
			m.repaired = true
			m.writeCDATA(m.src[start : start+tag])
			return start + tag - pos
		}
	}
	m.writeCDATA(m.src[start:end])
	m.repaired = m.repaired || end == len(m.src)
	return min(end+3, len(m.src)) - pos
}

func (m *mender) writeCDATA(body []byte) {
	m.out.WriteString("<![CDATA[")
	start := m.out.Len()
	m.chars(body)
	if bytes.Contains(m.out.Bytes()[start:], []byte("]]>")) { // an end that dropped characters had hidden
		clean := bytes.ReplaceAll(bytes.Clone(m.out.Bytes()[start:]), []byte("]]>"), []byte("]] >"))
		m.out.Truncate(start)
		m.out.Write(clean)
	}
	m.out.WriteString("]]>")
}

// nameStart and nameChar know ASCII names only: no feed uses others, and what
// XML allows beyond is a long list.
func nameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func nameChar(c byte) bool {
	return nameStart(c) || c >= '0' && c <= '9' || c == '-' || c == '.' || c == ':'
}

func nameLen(s []byte) int {
	i := 0
	for i < len(s) && nameChar(s[i]) {
		i++
	}
	return i
}

// startTag rewrites an opening tag and returns its length in s.
func (m *mender) startTag(s []byte, base string) int {
	n := 1 + nameLen(s[1:])
	name := strings.TrimSuffix(string(s[1:n]), ":")
	if n < len(s) && strings.IndexByte(" \t\r\n/>", s[n]) < 0 || n > 200 || strings.Count(name, ":") > 1 {
		m.repaired = true
		m.out.WriteString("&lt;") // <somebody@site.example>: text
		return 1
	}
	attrs, used, selfClosing := parseAttrs(s[n:])
	n += used
	m.tags++
	local := name[strings.IndexByte(name, ':')+1:]
	if isItem(local) {
		m.closeItem(local)
		if m.items++; m.items > MaxItems {
			m.done = true
		}
	}
	if m.tags > maxTags || m.done {
		m.done, m.truncated = true, true
		return n
	}
	if len(m.stack) >= maxDepth {
		m.repaired = true
		if !selfClosing {
			m.flat++
		}
		return n
	}
	if top := len(m.stack) - 1; local == "p" && top >= 0 && m.stack[top].name == name {
		m.closeTo(top) // HTML in the open: a paragraph ends where the next begins
	}
	m.writeTag(name, local, attrs, selfClosing || isVoid(name) || local == "link" && hasHref(attrs), base)
	return n
}

func (m *mender) writeTag(name, local string, attrs []attribute, closed bool, base string) {
	inForce := ""
	if len(m.stack) > 0 {
		inForce = m.stack[len(m.stack)-1].base
	}
	m.out.WriteByte('<')
	m.out.WriteString(name)
	for _, a := range attrs {
		if a.name == "xml:base" {
			if inForce == "" {
				inForce = base
			}
			inForce = join(inForce, a.value)
			a.value = inForce // the next reader does not know where the document came from
		}
		if !m.admit(a.name) {
			continue
		}
		m.out.WriteByte(' ')
		m.out.WriteString(a.name)
		m.out.WriteString(`="`)
		m.text([]byte(a.value), true)
		m.out.WriteByte('"')
	}
	m.noteBase(local, inForce)
	if closed {
		m.out.WriteString("/>")
		return
	}
	m.out.WriteByte('>')
	m.stack = append(m.stack, open{name: name, base: inForce})
}

// noteBase remembers what relative addresses in an item's content refer to.
func (m *mender) noteBase(local, base string) {
	for m.items > len(m.bases) {
		m.bases = append(m.bases, "")
	}
	switch local {
	case "content", "summary", "description", "encoded":
		if base != "" && m.items > 0 && m.items <= len(m.bases) {
			m.bases[m.items-1] = base
		}
	}
}

// admit bounds the namespace prefixes of a document: an XML reader carries all
// of them through all elements.
func (m *mender) admit(name string) bool {
	if !strings.HasPrefix(name, "xmlns:") || m.prefixes[name] {
		return true
	}
	if len(m.prefixes) >= maxPrefixes {
		m.repaired = true
		return false
	}
	m.prefixes[name] = true
	return true
}

func join(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil {
		return ref
	}
	u, err := b.Parse(strings.TrimSpace(ref))
	if err != nil {
		return base
	}
	return u.String()
}

func isItem(local string) bool { return local == "item" || local == "entry" }

// inItem reports whether an item, or an address of a sitemap, waits for its end.
func (m *mender) inItem() bool {
	for i, o := range m.stack {
		local := o.name[strings.IndexByte(o.name, ':')+1:]
		if i > 0 && isItem(local) || i == 1 && (local == "url" || local == "sitemap") {
			return true
		}
	}
	return false
}

// closeItem ends an item that was left open when the next one begins.
func (m *mender) closeItem(local string) {
	for i, o := range m.stack {
		if i > 0 && o.name[strings.IndexByte(o.name, ':')+1:] == local {
			m.repaired = true
			m.closeTo(i)
			return
		}
	}
}

// isVoid names the elements that are written without an end tag, in HTML or by
// those who take RSS for HTML.
func isVoid(name string) bool {
	switch strings.ToLower(name) {
	case "br", "hr", "img", "input", "wbr", "col", "area", "enclosure":
		return true
	}
	return false
}

// hasHref tells Atom's link, which is empty, from that of RSS, which is not.
func hasHref(attrs []attribute) bool {
	for _, a := range attrs {
		if a.name == "href" {
			return true
		}
	}
	return false
}

// endTag closes the element it names, and those left open inside it. An end
// tag that nobody opened is dropped.
func (m *mender) endTag(s []byte) int {
	n := 2 + nameLen(s[2:])
	name := strings.TrimSuffix(string(s[2:n]), ":")
	if i := bytes.IndexAny(s[n:], "<>"); i < 0 {
		n = len(s)
	} else if n += i; s[n] == '>' {
		n++
	}
	if isVoid(name) {
		return n
	}
	if m.flat > 0 {
		m.flat--
		return n
	}
	for i := len(m.stack) - 1; i >= 0; i-- {
		if m.stack[i].name == name || strings.EqualFold(m.stack[i].name, name) {
			m.repaired = m.repaired || i < len(m.stack)-1
			m.closeTo(i)
			m.done = m.done || i == 0
			return n
		}
	}
	m.repaired = m.repaired || name[strings.IndexByte(name, ':')+1:] != "link" // that of Atom was closed at once
	return n
}

func (m *mender) closeTo(depth int) {
	for i := len(m.stack) - 1; i >= depth; i-- {
		m.out.WriteString("</")
		m.out.WriteString(m.stack[i].name)
		m.out.WriteByte('>')
	}
	m.stack = m.stack[:depth]
	m.flat = 0
}

type attribute struct{ name, value string }

// parseAttrs reads attributes up to the end of a tag, quoted or not. used is
// how much of s they take, the ">" included.
func parseAttrs(s []byte) (attrs []attribute, used int, selfClosing bool) {
	i := 0
	for i < len(s) {
		switch c := s[i]; {
		case c == '>':
			return attrs, i + 1, selfClosing
		case c == '<':
			return attrs, i, false // the tag was never ended
		case c == '/':
			selfClosing = i+1 < len(s) && s[i+1] == '>'
			i++
		case !nameStart(c):
			i++
		default:
			n := nameLen(s[i:])
			name := string(s[i : i+n])
			value, m := attrValue(s[i+n:])
			i += n + m
			if len(attrs) < 64 && !strings.HasSuffix(name, ":") && strings.Count(name, ":") < 2 {
				attrs = append(attrs, attribute{name, value})
			}
		}
	}
	return attrs, len(s), false
}

// attrValue reads `="value"`, `='value'` or `=value`; used is 0 when there is none.
func attrValue(s []byte) (value string, used int) {
	rest := bytes.TrimLeft(s, " \t\r\n")
	if len(rest) == 0 || rest[0] != '=' {
		return "", 0
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	used = len(s) - len(rest)
	if len(rest) > 0 && (rest[0] == '"' || rest[0] == '\'') {
		end := bytes.IndexByte(rest[1:], rest[0])
		if end >= 0 && !bytes.Contains(rest[1:1+end], []byte("</")) { // else the quote was never closed
			return string(rest[1 : 1+end]), used + end + 2
		}
		rest, used = rest[1:], used+1
	}
	end := bytes.IndexAny(rest, " \t\r\n<>")
	if end < 0 {
		end = len(rest)
	}
	return string(rest[:end]), used + end
}

// text copies character data: entities checked, the rest escaped where it must be.
func (m *mender) text(s []byte, quoted bool) {
	for len(s) > 0 {
		stop := "&>"
		if quoted {
			stop = `&<>"`
		}
		i := bytes.IndexAny(s, stop)
		if i < 0 {
			m.chars(s)
			return
		}
		m.chars(s[:i])
		n := 1
		switch s[i] {
		case '&':
			n = m.entity(s[i:])
		case '<':
			m.out.WriteString("&lt;")
		case '>':
			m.out.WriteString("&gt;")
		case '"':
			m.out.WriteString("&quot;")
		}
		s = s[i+n:]
	}
}

// entity copies a reference: the five of XML as they are, HTML's as the
// character, a lone "&" escaped, one to a character XML forbids dropped.
func (m *mender) entity(s []byte) int {
	end := bytes.IndexByte(s[:min(len(s), 40)], ';')
	if at := entity.FindIndex(s[:max(0, end+1)]); end < 2 || at == nil || at[0] != 0 { // "&"/&lt;": the second alone is one
		m.repaired = true
		m.out.WriteString("&amp;")
		return 1
	}
	ref := string(s[:end+1])
	text := html.UnescapeString(ref)
	switch {
	case text == "\uFFFD":
		m.repaired = true // &#0; and the like
	case text == ref:
		m.out.WriteString("&amp;") // not one that HTML knows
		return 1
	case strings.ContainsAny(text, `<>&"'`):
		m.out.WriteString(ref)
	default:
		m.chars([]byte(text))
	}
	return end + 1
}

// chars writes text without the characters XML 1.0 section 2.2 forbids.
func (m *mender) chars(s []byte) {
	start := 0
	for i := 0; i < len(s); {
		n := 1
		bad := s[i] < 0x20 && s[i] != '\t' && s[i] != '\n' && s[i] != '\r'
		if s[i] >= utf8.RuneSelf {
			var r rune
			r, n = utf8.DecodeRune(s[i:])
			bad = r == utf8.RuneError && n == 1 || r == 0xFFFE || r == 0xFFFF
		}
		if bad {
			m.repaired = true
			m.out.Write(s[start:i])
			start = i + n
		}
		i += n
	}
	m.out.Write(s[start:])
}
