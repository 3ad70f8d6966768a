package feed

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

// TestUndeclared: a feed and a page with more script than text, neither of which
// says what it is written in.
func TestUndeclared(t *testing.T) {
	script := "<script>" + strings.Repeat("window.queue = window.queue || []; function push(item) { queue.push(item) }\n", 300) + "</script>"
	for _, c := range []struct {
		language, name, text string
		in                   encoding.Encoding
	}{
		{"", "windows-1252", "crème brûlée é è à ç", charmap.Windows1252}, // five guesses are as good as each other
		{"is", "windows-1252", "Brúin yfir ána opnaði á þriðjudag", charmap.Windows1252},
		{"ru", "windows-1251", "iPhone и iPad: новые цены в магазинах", charmap.Windows1251},
		{"tr", "windows-1254", "Köprü salı günü açıldı", charmap.Windows1254},
		{"", "windows-1254", "Belediye meclisi eski köprünün yenilenmesini oy çokluğuyla kabul etti; çalışmaların mart ayında başlaması bekleniyor", charmap.Windows1254},
		{"", "windows-1255", "המועצה אישרה את הגשר", charmap.Windows1255},
		{"he", "windows-1255", "הגשר נפתח ביום שלישי, והכרטיס עולה 12 ₪", charmap.Windows1255},
		{"", "windows-1255", "הַגֶּשֶׁר נפתח ביום שלישי אחרי שנה", charmap.Windows1255},
		{"", "iso-2022-jp", "市議会が橋の改修を承認", japanese.ISO2022JP},
		{"ja", "shift_jis", "市議会が橋の改修を承認", japanese.ShiftJIS},
		{"", "euc-jp", "市議会が橋の改修を承認", japanese.EUCJP},
		{"en", "windows-1251", "Паром снова ходит через реку каждый день", charmap.Windows1251}, // by a template
	} {
		lang, claim := "", ""
		if c.language != "" {
			lang, claim = `<language>`+c.language+`-XX</language>`, ` lang="`+c.language+`"`
		}
		for kind, doc := range map[string]string{
			"feed": `<rss><channel><title>Port news</title>` + lang + `<item><title>` + c.text + `</title><link>https://a.example/1</link><pubDate>Tue, 24 Nov 2026 09:00:00 +0200</pubDate></item></channel></rss>`,
			"page": `<!doctype html><html` + claim + `><head>` + script + `</head><body><nav><a href="/">Home</a></nav><h1>` + c.text + `</h1></body></html>`,
		} {
			body, err := c.in.NewEncoder().String(doc)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 { // always the same
				if got := string(UTF8([]byte(body), "text/html")); !strings.Contains(got, c.text) {
					t.Errorf("%s in %s, language %q: %s", kind, c.name, c.language, Charset([]byte(body), ""))
				}
			}
		}
	}
}
