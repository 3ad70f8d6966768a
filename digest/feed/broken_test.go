package feed

import (
	"strings"
	"testing"
)

// TestBrokenXML: each document has one item "A" with the address
// https://a.example/1 and should give at least that much.
func TestBrokenXML(t *testing.T) {
	item := `<item><title>A</title><link>https://a.example/1</link>`
	for _, c := range []struct{ name, in, content string }{
		{"cut in the middle of an item", `<rss><channel>` + item + `<description>Half a sen`, "Half a sen"},
		{"cut inside a tag", `<rss><channel>` + item + `<description>Text</description><pubDa`, "Text"},
		{"CDATA never closed", `<rss><channel>` + item + `<description><![CDATA[<p>Text</p></description></item></channel></rss>`, "<p>Text</p>"},
		{"CDATA not closed before the next", `<rss><channel>` + item + `<description><![CDATA[Text</description></item><item><title>B</title><description><![CDATA[More]]></description></item></channel></rss>`, "Text"},
		{"lone ampersand", `<rss><channel>` + item + `<description>Salt & pepper &mdash; R&D</description></item></channel></rss>`, "Salt &amp; pepper — R&amp;D"},
		{"HTML entities", `<rss><channel>` + item + `<description>caf&eacute;&nbsp;&#146;x&#0;&#xFFFF;</description></item></channel></rss>`, "café\u00a0’x"},
		{"control characters", "<rss><channel>" + item + "<description>a\x00b\x0bc\x1b</description></item></channel></rss>", "abc"},
		{"HTML in the open, tags unclosed", `<rss><channel>` + item + `<description><p>One<br>Two<p>Three<img src="/x.jpg"></description></item></channel></rss>`, `<p>One<br/>Two</p><p>Three<img src="https://a.example/x.jpg"/></p>`},
		{"end tags nobody opened", `<rss><channel>` + item + `</b></foo><description>T</i>ext</description></item></channel></rss>`, "Text"},
		{"namespaces never declared", `<rss><channel>` + item + `<foo:bar>x</foo:bar><description>Text</description></item></channel></rss>`, "Text"},
		{"attributes without quotes", `<rss version=2.0><channel>` + item + `<enclosure url=https://a.example/a.mp3 length=1 type=audio/mpeg><description>Text</description></item></channel></rss>`, "Text"},
		{"item never closed", `<rss><channel>` + item + `<description>Text</description><item><title>B</title></channel></rss>`, "Text"},
		{"less-than in a text", `<rss><channel>` + item + `<description>1 < 2 <3 <me@a.example></description></item></channel></rss>`, "1 &lt; 2 &lt;3"},
		{"no root end, trailing rubbish", `<rss><channel>` + item + `<description>Text</description></item></channel></rss><!-- cached --><script>x</script>`, "Text"},
		{"warnings before the prolog", "<br />\n<b>Warning</b>: foo in <b>/x.php</b>\n<?xml version='1.0'?><rss><channel>" + item + `<description>Text</description></item></channel></rss>`, "Text"},
		{"blank lines and a BOM before the prolog", "\n\n\uFEFF<?xml version='1.0'?><rss><channel>" + item + `<description>Text</description></item></channel></rss>`, "Text"},
		{"document type with entities", `<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss><channel>` + item + `<description>Text&b;</description></item></channel></rss>`, "Text&amp;b;"},
		{"comment never closed", `<rss><channel>` + item + `<description>Text</description><!-- oops </item></channel></rss>`, "Text"},
		{"channel without rss", `<channel>` + item + `<description>Text</description></item></channel>`, "Text"},
		{"capital tags", `<RSS><CHANNEL><ITEM><TITLE>A</TITLE><LINK>https://a.example/1</LINK><DESCRIPTION>Text</DESCRIPTION></ITEM></CHANNEL></RSS>`, "Text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := parse(t, c.in)
			if len(f.Items) == 0 {
				t.Fatal("no items")
			}
			it := f.Items[0]
			if it.Title != "A" || it.URL != "https://a.example/1" || it.Summary != c.content {
				t.Errorf("got %q %q %q, want A, https://a.example/1, %q", it.Title, it.URL, it.Summary, c.content)
			}
		})
	}
}

func TestCharsets(t *testing.T) {
	doc := func(decl, title string) string {
		return `<?xml version="1.0"` + decl + `?><rss><channel><item><title>` + title + `</title></item></channel></rss>`
	}
	utf16 := func(s string) string {
		var b strings.Builder
		for _, r := range s {
			b.WriteByte(byte(r))
			b.WriteByte(byte(r >> 8))
		}
		return b.String()
	}
	for _, c := range []struct{ name, contentType, in, want string }{
		{"valid UTF-8 wins over the header", "text/xml; charset=iso-8859-1", doc("", "Köln – Привет"), "Köln – Привет"},
		{"valid UTF-8 wins over the prolog", "", doc(` encoding="windows-1251"`, "Привет"), "Привет"},
		{"prolog", "text/xml", doc(` encoding="windows-1251"`, "\xcf\xf0\xe8\xe2\xe5\xf2"), "Привет"},
		{"header only", "application/rss+xml; charset=windows-1251", doc("", "\xcf\xf0\xe8\xe2\xe5\xf2"), "Привет"},
		{"no label at all", "", doc("", "K\xf6ln und M\xfcnchen gr\xfc\xdfen die \xd6sterreicher"), "Köln und München grüßen die Österreicher"},
		{"a label nobody knows", "text/xml; charset=x-klingon", doc(` encoding="none"`, "K\xf6ln und M\xfcnchen gr\xfc\xdfen"), "Köln und München grüßen"},
		{"latin-1 means windows-1252", "", doc(` encoding="iso-8859-1"`, "\x93Quote\x94"), "“Quote”"},
		{"UTF-16 without a mark", "", utf16(doc(` encoding="utf-16"`, "Köln")), "Köln"},
		{"UTF-16 with a mark", "", "\xff\xfe" + utf16(doc("", "Привет")), "Привет"},
		{"gb2312", "", doc(` encoding="gb2312"`, "\xd6\xd0\xb9\xfa"), "中国"},
		{"a cut character in UTF-8, wrong prolog", "", doc(` encoding="windows-1251"`, "Привет, мир, и всё \xd1..."), "Привет, мир, и всё �..."},
		{"a cut character in UTF-8, wrong header", "text/xml; charset=iso-8859-1", doc("", "Привет, мир, и всё \xd1..."), "Привет, мир, и всё �..."},
		{"a bad byte in UTF-8", "text/xml; charset=utf-8", doc("", "Привет, мир\x92 и всё"), "Привет, мир� и всё"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse([]byte(c.in), c.contentType, base)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Items[0].Title; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestCutItems: of a document that breaks off within an item, in its address perhaps,
// the items before it are taken.
func TestCutItems(t *testing.T) {
	for name, in := range map[string]string{
		"RSS":     `<rss><channel><item><title>A</title><link>https://a.example/1</link></item><item><guid>2</guid><title>B</title><link>https://a.example/news`,
		"Atom":    `<feed><entry><title>A</title><link href="https://a.example/1"/></entry><entry><title>B</title><link href="https://a.example/news"/><upd`,
		"sitemap": `<urlset><url><loc>https://a.example/1</loc></url><url><loc>https://a.example/news`,
	} {
		f, err := Parse([]byte(in), "", base)
		if err != nil || len(f.Items) != 1 || f.Items[0].URL != "https://a.example/1" || !f.Truncated {
			t.Errorf("%s: %+v, %v; want the first item alone", name, f.Items, err)
		}
	}
}
