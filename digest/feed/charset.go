package feed

import (
	"bytes"
	"cmp"
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"
	letter "unicode"
	"unicode/utf8"

	"github.com/gogs/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// UTF8 returns body as valid UTF-8 without a byte order mark, whatever it was
// written in. It never fails; body may be returned itself.
//
// What decides, in this order: a byte order mark; valid UTF-8, whatever a
// label says, also where a few of many characters are damaged; the escapes of
// ISO-2022-JP; the charset of the content type (RFC 7303 section 3.2 puts it before
// the document's own); the XML prolog or meta element; nearly valid UTF-8, whose
// bad bytes are replaced; a detector, with what the document calls its language; windows-1252.
func UTF8(body []byte, contentType string) []byte {
	_, text := read(body, contentType)
	return text
}

// Charset says in words what UTF8 takes a body for, and why. Of one that is packed
// with gzip it tells about what is inside.
func Charset(body []byte, contentType string) string {
	packed := ""
	if inside, err := unpack(body); err == nil && len(inside) != len(body) {
		body, packed = inside, "packed with gzip; "
	}
	why, _ := read(body, contentType)
	return packed + why
}

func read(body []byte, contentType string) (why string, text []byte) {
	if enc, n := bom(body); enc != nil {
		return "read as " + name(enc) + ", by its byte order mark", decode(enc, body[n:])
	} else if n > 0 {
		return "read as UTF-8, by its byte order mark", bytes.ToValidUTF8(body[n:], []byte("\uFFFD"))
	}
	if enc := wide(body); enc != nil {
		return "read as " + name(enc) + ", by its first characters", decode(enc, body)
	}
	if escaped := bytes.Contains(body, []byte{0x1b, '$'}); utf8.Valid(body) && !escaped { // ISO-2022 is ASCII with escapes
		return "the bytes are valid UTF-8 and read as such", body
	} else if escaped && bytes.IndexFunc(body, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		if out := decode(japanese.ISO2022JP, body); !bytes.Contains(out, replacement) && keepsMarkup(out, body) {
			return "read as iso-2022-jp, by its escapes", out
		}
	}
	good, bad := characters(body)
	for i, label := range []string{headerLabel(contentType), prologLabel(body)} {
		enc := lookup(label)
		if good >= 10 && good > 10*bad {
			break // a script cut a text in the middle of a character
		}
		if enc == nil || enc == unicode.UTF8 {
			continue
		}
		if out := decode(enc, body); bytes.Count(out, replacement)*100 <= len(out) {
			return "the bytes are not UTF-8: read as " + name(enc) + ", as the " + []string{"header", "document"}[i] + " says", out
		}
	}
	if utf8.Valid(body) || good > 4*bad {
		return "the bytes are UTF-8 with some damage, which is left out", bytes.ToValidUTF8(body, replacement)
	}
	enc := detect(body)
	return "the bytes are not UTF-8 and nothing says what they are: read as " + name(enc) + ", guessed from its letters", decode(enc, body)
}

func name(enc encoding.Encoding) string {
	if n, err := htmlindex.Name(enc); err == nil {
		return n
	}
	return fmt.Sprint(enc)
}

var replacement = []byte("\uFFFD")

func decode(enc encoding.Encoding, body []byte) []byte {
	out, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		out = body
	}
	return bytes.ToValidUTF8(bytes.TrimPrefix(out, []byte("\uFEFF")), replacement)
}

// bom finds a byte order mark; a nil encoding with n > 0 means UTF-8.
func bom(b []byte) (encoding.Encoding, int) {
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		return nil, 3
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE, 0, 0}):
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), 4
	case bytes.HasPrefix(b, []byte{0, 0, 0xFE, 0xFF}):
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), 4
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 2
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 2
	}
	return nil, 0
}

// wide recognises UTF-16, UTF-32 and EBCDIC without a mark by how they write
// the first "<" or "{" (XML 1.0 appendix F.1). UTF-16 made of ASCII characters
// would pass as valid UTF-8.
func wide(b []byte) encoding.Encoding {
	if len(b) < 4 {
		return nil
	}
	mark := func(c byte) bool { return c == '<' || c == '{' || c == '[' || c == '\n' || c == ' ' }
	switch {
	case mark(b[0]) && b[1] == 0 && b[2] == 0 && b[3] == 0:
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case mark(b[3]) && b[0] == 0 && b[1] == 0 && b[2] == 0:
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	case mark(b[0]) && b[1] == 0 && b[3] == 0:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case mark(b[1]) && b[0] == 0 && b[2] == 0:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case bytes.HasPrefix(b, []byte{0x4C, 0x6F, 0xA7, 0x94}): // "<?xm" in EBCDIC
		return charmap.CodePage037
	}
	return nil
}

func headerLabel(contentType string) string {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return params["charset"]
}

var labels = regexp.MustCompile(`(?i)<(?:\?xml\b[^>]{0,200}?\bencoding|meta\b[^>]{0,200}?\bcharset)\s*=\s*["']?([\w.:-]{2,40})`)

// labelWithin is where a document may say such things: browsers stop after one
// kilobyte, pages do not.
const labelWithin = 16 << 10

// prologLabel finds the charset a document claims for itself.
func prologLabel(body []byte) string {
	m := labels.FindSubmatch(body[:min(len(body), labelWithin)])
	if m == nil {
		return ""
	}
	return string(m[1])
}

func lookup(label string) encoding.Encoding {
	if label == "" {
		return nil
	}
	if enc, err := htmlindex.Get(label); err == nil {
		return enc
	}
	if enc, err := ianaindex.IANA.Encoding(label); err == nil {
		return enc
	}
	return nil
}

// characters counts, beside ASCII, the whole characters of a text read as UTF-8, and
// the bytes that belong to none: text in an old charset has few of those that are whole,
// UTF-8 with some damage, as where a paragraph of old was pasted into it, far more.
func characters(b []byte) (good, bad int) {
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			b = b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n <= 1 {
			bad++
		} else {
			good++
		}
		b = b[max(n, 1):]
	}
	return good, bad
}

// detect guesses a charset from the letters used. A language that the document
// claims decides where the letters do not: Turkish and Hungarian look alike.
func detect(body []byte) encoding.Encoding {
	sample := foreign(body)
	if isThai(sample) {
		return charmap.Windows874
	}
	guesses, err := chardet.NewTextDetector().DetectAll(sample)
	if err != nil {
		return charmap.Windows1252
	}
	// Guesses of one confidence come in any order, and of a short text several have it.
	slices.SortFunc(guesses, func(a, b chardet.Result) int {
		return cmp.Or(b.Confidence-a.Confidence, family(a.Charset)-family(b.Charset), strings.Compare(a.Charset, b.Charset))
	})
	guesses = slices.DeleteFunc(guesses, func(g chardet.Result) bool {
		enc := lookup(g.Charset)
		return enc == nil || enc == unicode.UTF8 || mixesScripts(decode(enc, sample))
	})
	if len(guesses) == 0 {
		return charmap.Windows1252
	}
	best := guesses[0]
	if m := claims.FindSubmatch(body[:min(len(body), labelWithin)]); m != nil {
		claimed := strings.ToLower(string(m[1]) + string(m[2]))
		i := slices.IndexFunc(guesses, func(g chardet.Result) bool {
			return 2*g.Confidence >= best.Confidence && strings.Contains(families[family(g.Charset)].languages, claimed)
		})
		best = guesses[max(i, 0)]
	}
	if strings.HasPrefix(best.Charset, "ISO-8859-8") {
		return charmap.Windows1255 // the same with vowels, which are undefined there
	}
	enc := lookup(best.Charset)
	if head := body[:min(len(body), 64<<10)]; !keepsMarkup(decode(enc, head), head) {
		return charmap.Windows1252
	}
	return enc
}

// families are charsets, by the detector's names, and the languages written in them;
// of guesses that are as good as each other the first is taken.
var families = []struct{ charsets, languages string }{
	{"ISO-8859-1 windows-1252", "da de en es fi fr is it nb nl nn no pt sv"},
	{"ISO-8859-2 windows-1250", "bs cs hr hu pl ro sk sl sq"},
	{"ISO-8859-9 windows-1254", "tr"},
	{"windows-1251 KOI8-R ISO-8859-5", "be bg kk mk ru sr uk"},
	{"ISO-8859-7 windows-1253", "el"},
	{"windows-1256 ISO-8859-6", "ar fa ur"},
	{"ISO-8859-8-I ISO-8859-8 windows-1255", "he iw yi"},
	{"Shift_JIS EUC-JP ISO-2022-JP", "ja"},
	{"EUC-KR ISO-2022-KR", "ko"},
	{"GB-18030 Big5 ISO-2022-CN", "zh"},
	{"", ""},
}

func family(charset string) int {
	return slices.IndexFunc(families, func(f struct{ charsets, languages string }) bool {
		return f.charsets == "" || slices.Contains(strings.Fields(f.charsets), charset)
	})
}

// mixesScripts reports whether of the letters that are not Latin every third or more
// stands beside a small Latin one: that is a text in Latin letters, read as Greek.
func mixesScripts(text []byte) bool {
	letters, mixed := 0, 0
	before, wasMixed := ' ', false
	for _, r := range string(text) {
		isMixed := false
		switch {
		case isOther(r):
			letters++
			if isMixed = 'a' <= before && before <= 'z'; isMixed {
				mixed++
			}
		case 'a' <= r && r <= 'z' && isOther(before) && !wasMixed:
			mixed++
		}
		before, wasMixed = r, isMixed
	}
	return mixed > 0 && 3*mixed >= letters
}

func isOther(r rune) bool {
	return r >= utf8.RuneSelf && letter.IsLetter(r) && !letter.Is(letter.Latin, r)
}

// claims are what a page or a feed says its language is.
var claims = regexp.MustCompile(`(?i)<html\b[^>]{0,200}?\blang\s*=\s*["']?([a-z]{2})\b|<(?:dc:)?language>\s*([a-z]{2})\b`)

// foreign is the text of a document, as far as it is not ASCII alone: scripts,
// styles and markup, of which a page may have more than of text, tell nothing.
func foreign(body []byte) []byte {
	var out []byte
	for part := range bytes.SplitSeq(body, []byte("<")) {
		_, text, ok := bytes.Cut(part, []byte(">"))
		if !ok {
			text = part
		}
		if bytes.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
			out = append(append(out, text...), ' ')
		}
		if len(out) >= 64<<10 {
			break
		}
	}
	if len(out) == 0 { // it is in the markup
		return body[:min(len(body), 64<<10)]
	}
	return out
}

// isThai reports whether text is TIS-620, which the detector does not know: it
// takes it for Chinese. Thai writes vowels and tones above or below a consonant;
// where no such sign stands without one, and there are many, it is Thai.
func isThai(sample []byte) bool {
	isSign := func(c byte) bool { return c == 0xD1 || c >= 0xD4 && c <= 0xDA || c >= 0xE7 && c <= 0xEE }
	high, signs := 0, 0
	last := byte(0)
	for _, c := range sample {
		switch {
		case c < utf8.RuneSelf:
		case c >= 0xDB && c <= 0xDE || c >= 0xFC:
			return false // not in TIS-620
		case isSign(c):
			if !isSign(last) && (last < 0xA1 || last > 0xCE) {
				return false
			}
			signs++
			high++
		default:
			high++
		}
		last = c
	}
	return high >= 20 && 10*signs >= high
}

// keepsMarkup refuses a guess that swallows the tags: a stray escape byte makes
// a detector think of ISO-2022, which reads all that follows as Chinese.
func keepsMarkup(decoded, body []byte) bool {
	tags := []byte("<")
	return 10*bytes.Count(decoded, tags) >= 9*bytes.Count(body, tags)
}
