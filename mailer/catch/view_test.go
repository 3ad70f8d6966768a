package catch

import (
	"strings"
	"testing"
	"unicode/utf8"

	nethtml "golang.org/x/net/html"
)

func TestViewOfOddMails(t *testing.T) {
	tests := []struct{ name, raw, text, html string }{
		{"empty", "", "", ""},
		{"no header", "\r\njust text", "just text", ""},
		{"no empty line", "Subject: x", "", ""},
		{"unknown charset", "Content-Type: text/plain; charset=klingon\n\nna\xefve", "na\uFFFDve", ""},
		{"latin 1", "Content-Type: text/plain; charset=iso-8859-1\n\nna\xefve", "naïve", ""},
		{"windows-1251", "Content-Type: text/html; charset=windows-1251\n\n\xcf\xf0\xe8\xe2\xe5\xf2", "", "Привет"},
		{"broken base64", "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\naGVsbG8=%%%", "hello", ""},
		{"broken type", "Content-Type: text/html; charset\n\n<p>x", "", "<p>x"},
		{"no boundary", "Content-Type: multipart/mixed\n\nseen all the same", "seen all the same", ""},
		{"wrong boundary", "Content-Type: multipart/mixed; boundary=a\n\n--b\n\nseen all the same", "--b\n\nseen all the same", ""},
		{"cut off", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n\n<p>cut", "", "<p>cut"},
		{"attached html is no html", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\nContent-Disposition: attachment\n\n<p>x\n--a--", "", ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			v := parse([]byte(tc.raw))
			if v.Text != tc.text || v.HTML != tc.html {
				t.Errorf("got text %q, html %q; want %q, %q", v.Text, v.HTML, tc.text, tc.html)
			}
		})
	}
}

func TestNestingAndPartsAreBounded(t *testing.T) {
	deep := strings.Repeat("Content-Type: multipart/mixed; boundary=a\n\n--a\n", 200)
	if n := len(parse([]byte(deep)).Parts); n > maxParts {
		t.Errorf("deep: got %d parts", n)
	}
	wide := "Content-Type: multipart/mixed; boundary=a\n\n" + strings.Repeat("--a\n\nx\n", 5000)
	if n := len(parse([]byte(wide)).Parts); n != maxParts {
		t.Errorf("wide: got %d parts, want %d", n, maxParts)
	}
}

// FuzzView: any mail can be taken apart and framed; what is shown is valid
// UTF-8 and bounded, and the frame has no active element outside a comment.
func FuzzView(f *testing.F) {
	for _, seed := range []string{
		"", "Subject: =?utf-8?q?a?=\n\nb", "Content-Type: text/html\n\n<script>x</script><p>y",
		"Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/html; charset=gbk\nContent-Transfer-Encoding: quoted-printable\n\n=C4=E3<style>@media (prefers-color-scheme:dark){}</style>\n--a--",
		"Content-Type: image/png\nContent-ID: <x>\nContent-Transfer-Encoding: base64\n\nAAAA", "Content-Type: text/html\n\n<img src=cid:x><a target=_top ping=y><svg/><math><style><!--</style><script>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v := parse(raw)
		if len(v.Parts) > maxParts {
			t.Fatalf("%d parts", len(v.Parts))
		}
		for _, p := range v.Parts {
			if len(p.Body) > 4*len(raw) {
				t.Fatalf("a part of %d bytes from %d", len(p.Body), len(raw))
			}
		}
		if !utf8.ValidString(v.Text) || !utf8.ValidString(v.HTML) || !utf8.ValidString(v.Header.text("Subject")) {
			t.Fatal("not UTF-8")
		}
		for _, dark := range []bool{false, true} {
			frame := strings.ToLower(v.frame(dark))
			for _, tag := range []string{"<iframe", "<object", "<embed", "<link"} {
				if strings.Contains(v.HTML, "<") && strings.Contains(frame, tag) && !inert(frame, tag) {
					t.Fatalf("the frame has %s: %q", tag, frame)
				}
			}
		}
		v.Header.addresses("To")
		v.Files()
	})
}

// inert says whether every tag in the frame stands inside text that a browser
// does not read as markup (style, title, textarea, …) or an attribute.
func inert(frame, tag string) bool {
	for _, t := range tagsOf(frame) {
		if "<"+t == tag {
			return false
		}
	}
	return true
}

// tagsOf lists the elements that begin in a document.
func tagsOf(doc string) []string {
	var out []string
	z := nethtml.NewTokenizer(strings.NewReader(doc))
	for kind := z.Next(); kind != nethtml.ErrorToken; kind = z.Next() {
		if kind == nethtml.StartTagToken || kind == nethtml.SelfClosingTagToken {
			name, _ := z.TagName()
			out = append(out, string(name))
		}
	}
	return out
}
