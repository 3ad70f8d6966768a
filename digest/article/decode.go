package article

import (
	"bytes"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/gogs/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// MaxPage is how many bytes of a page are looked at, unpacked; what lies beyond
// has never been an article.
const MaxPage = 8 << 20

// maxTags is how many tags of a page are parsed. The longest articles have some
// ten thousand; a page made of tags alone would cost a hundred times its size.
const maxTags = 150_000

// limitTags cuts a page off before its tag number maxTags.
func limitTags(text string) string {
	at := 0
	for range maxTags {
		i := strings.IndexByte(text[at:], '<')
		if i < 0 {
			return text
		}
		at += i + 1
	}
	return text[:at-1]
}

// decode turns a page into valid UTF-8 without NUL. Whatever is valid UTF-8 is
// UTF-8, whoever says otherwise: labels are wrong far more often than bytes
// happen to fit. Then a byte order mark, the HTTP header, the page's meta
// element and a detector are asked, in this order.
func decode(page []byte, contentType string) string {
	if len(page) > MaxPage {
		page = trimRune(page[:MaxPage])
	}
	text := ""
	switch enc := charsetOf(page, contentType); enc {
	case nil:
		text = string(bytes.TrimPrefix(page, []byte("\xef\xbb\xbf")))
	default:
		if out, err := enc.NewDecoder().Bytes(page); err == nil {
			text = string(out)
		} else {
			text = string(page)
		}
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if strings.Contains(text, "\x00") {
		text = strings.ReplaceAll(text, "\x00", "")
	}
	return text
}

// trimRune cuts off the beginning of a character at the end of b.
func trimRune(b []byte) []byte {
	for n := 1; n < utf8.UTFMax && n < len(b); n++ {
		tail := b[len(b)-n:]
		if utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return b[:len(b)-n]
			}
			break
		}
	}
	return b
}

// charsetOf chooses the encoding of a page; nil stands for UTF-8.
func charsetOf(page []byte, contentType string) encoding.Encoding {
	switch {
	case bytes.HasPrefix(page, []byte("\xff\xfe")), looksUTF16(page, 1):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case bytes.HasPrefix(page, []byte("\xfe\xff")), looksUTF16(page, 0):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	header := labelled(headerCharset(contentType))
	if utf8.Valid(page) {
		return stateful(page, header)
	}
	good, bad := characters(page)
	if good >= 10 && good > 10*bad {
		return nil // a few broken characters, whatever a label says
	}
	for _, enc := range []encoding.Encoding{header, labelled(metaCharset(page))} {
		if enc != nil && (enc != unicode.UTF8 || good > 3*bad) {
			return plain(enc)
		}
	}
	if good > 3*bad {
		return nil
	}
	return detected(page)
}

// plain maps UTF-8 to nil.
func plain(enc encoding.Encoding) encoding.Encoding {
	if enc == unicode.UTF8 {
		return nil
	}
	return enc
}

// stateful keeps ISO-2022-JP, the one encoding in use whose bytes are all
// ASCII, when its escape sequences are there.
func stateful(page []byte, header encoding.Encoding) encoding.Encoding {
	if !bytes.Contains(page, []byte("\x1b$")) {
		return nil
	}
	jp, _ := htmlindex.Get("iso-2022-jp")
	if header == jp || labelled(metaCharset(page)) == jp {
		return jp
	}
	return nil
}

// looksUTF16 finds UTF-16 without byte order mark: in its markup every second
// byte, at the given offset, is zero.
func looksUTF16(page []byte, zero int) bool {
	if len(page) < 64 {
		return false
	}
	n := 0
	for i := zero; i < 64; i += 2 {
		if page[i] == 0 && page[i^1] != 0 {
			n++
		}
	}
	return n > 24
}

// Binary is what a file is that is no text, whatever a header says of it:
// "application/pdf", "image/png", "binary data"; "" for a page.
func Binary(page []byte) string {
	sample := page[:min(len(page), 4096)]
	kind, _, _ := strings.Cut(http.DetectContentType(sample), ";")
	switch {
	case strings.HasPrefix(kind, "text/"), bytes.HasPrefix(page, []byte("\xff\xfe")), bytes.HasPrefix(page, []byte("\xfe\xff")), looksUTF16(page, 0), looksUTF16(page, 1):
		return ""
	case kind != "application/octet-stream":
		return kind
	}
	control := 0
	for _, c := range sample {
		if c < ' ' && !strings.ContainsRune("\t\n\f\r\x1b", rune(c)) {
			control++
		}
	}
	if 50*control > len(sample) {
		return "binary data"
	}
	return ""
}

func headerCharset(contentType string) string {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return params["charset"]
}

var metaCharsetPattern = regexp.MustCompile(`(?i)<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-z0-9_:.-]{2,40})|<\?xml[^>]{0,100}encoding\s*=\s*["']([a-z0-9_:.-]{2,40})`)

// metaCharset looks for a label in the first 16 KB; browsers stop at 1 KB, pages
// do not.
func metaCharset(page []byte) string {
	m := metaCharsetPattern.FindSubmatch(page[:min(len(page), 16<<10)])
	if m == nil {
		return ""
	}
	return string(m[1]) + string(m[2])
}

// labelled finds an encoding by its label; nil when there is none of the name.
func labelled(label string) encoding.Encoding {
	enc, err := htmlindex.Get(label)
	if err != nil {
		return nil
	}
	return enc
}

// characters counts, beside ASCII, the whole characters of a page read as UTF-8, and
// the bytes that belong to none: a few in a UTF-8 page with broken characters (a cut
// in a comment, one pasted byte), most in a page of another encoding.
func characters(page []byte) (good, bad int) {
	for i := 0; i < len(page); {
		r, n := utf8.DecodeRune(page[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		i += n
	}
	return good, bad
}

// detected asks the statistical detector, windows-1252 when it knows nothing.
func detected(page []byte) encoding.Encoding {
	sample := page[:min(len(page), 256<<10)]
	if r, err := chardet.NewHtmlDetector().DetectBest(sample); err == nil && r.Confidence >= 20 {
		if enc := labelled(r.Charset); enc != nil && enc != unicode.UTF8 {
			return enc
		}
	}
	enc, _ := htmlindex.Get("windows-1252")
	return enc
}
