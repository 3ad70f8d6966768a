package demo

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"html"
	"net/http"
	"strings"
	"time"
)

// body is the article's HTML as an editor's page has it: the copy, and between
// its paragraphs what the theme and the plugins put there.
//
// Blocks of the copy: "## " is a subheading, "- " and "1. " begin the items of a
// list, "> " is a quotation, "@more SLUG" a link to another article, "@ad" the
// place of an advertisement. Everything else is a paragraph.
func (s *Site) body(a Article) string {
	var b strings.Builder
	for _, block := range a.ms.body {
		block = a.ms.fill(block, a.Published)
		switch {
		case block == "@ad":
			fmt.Fprintf(&b, "<div class=\"td-a-rec td-a-rec-id-content_inline\"><span class=\"td-adspot-title\">%s</span></div>\n", words[a.Language].ui["ad"])
		case strings.HasPrefix(block, "@more "):
			s.readMore(&b, a, strings.TrimPrefix(block, "@more "))
		case strings.HasPrefix(block, "## "):
			fmt.Fprintf(&b, "<h2>%s</h2>\n", html.EscapeString(block[3:]))
		case strings.HasPrefix(block, "> "):
			fmt.Fprintf(&b, "<blockquote><p>%s</p></blockquote>\n", html.EscapeString(block[2:]))
		case strings.HasPrefix(block, "- "):
			items(&b, "ul", "- ", block)
		case strings.HasPrefix(block, "1. "):
			items(&b, "ol", "1. ", block)
		default:
			fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(strings.ReplaceAll(block, "\n", " ")))
		}
	}
	return b.String()
}

func items(b *strings.Builder, list, mark, block string) {
	fmt.Fprintf(b, "<%s>\n", list)
	for line := range strings.SplitSeq(block, "\n") {
		fmt.Fprintf(b, "<li>%s</li>\n", html.EscapeString(strings.TrimPrefix(line, mark)))
	}
	fmt.Fprintf(b, "</%s>\n", list)
}

// readMore is the link to another article that editors put between paragraphs.
func (s *Site) readMore(b *strings.Builder, a Article, slug string) {
	for _, other := range s.in(a.Language) {
		if other.Slug == slug {
			fmt.Fprintf(b, "<p><strong>%s: <a href=\"%s\" target=\"_blank\" rel=\"noopener\">%s</a></strong></p>\n",
				words[a.Language].ui["more"], html.EscapeString(other.URL), html.EscapeString(other.Title))
		}
	}
}

// serve writes b with an ETag and answers conditional requests (RFC 9110
// section 13).
func (s *Site) serve(w http.ResponseWriter, r *http.Request, b []byte) {
	h := fnv.New64a()
	h.Write(b)
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, h.Sum64()))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}
