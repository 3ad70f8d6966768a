package article

import (
	"bytes"
	"net/http"
	"strings"
	"unicode/utf8"

	"pressrun/digest/feed"
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

// decode turns a page into valid UTF-8 without NUL, read as a feed is.
func decode(page []byte, contentType string) string {
	if len(page) > MaxPage {
		page = trimRune(page[:MaxPage])
	}
	return strings.ReplaceAll(string(feed.UTF8(page, contentType)), "\x00", "")
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
