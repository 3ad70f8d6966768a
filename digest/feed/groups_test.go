package feed

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// The tests here go through what feedparser's suite, which is not part of this
// project, tries in its groups: each group by documents of our own.

// TestIllformed is the group of broken documents: nineteen of them, and what each
// must give at least.
func TestIllformed(t *testing.T) {
	for _, c := range []struct{ name, in, title, link string }{
		{"a document type that is no feed's", `<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//X//Y" "http://dtd.invalid/"><!-- about --><rss><channel><item><title>found</title></item></channel></rss>`, "found", ""},
		{"an Atom link that leads nowhere", `<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>A</title><link rel="alternate" type="text/html"/></entry></feed>`, "A", ""},
		{"an Atom enclosure without an address", `<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>A</title><link rel="enclosure"/><link href="/1"/></entry></feed>`, "A", "https://harbour.example/1"},
		{"the same in Atom 0.3", `<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title>A</title><link rel="enclosure" type="x"/></entry></feed>`, "A", ""},
		{"character references beyond Unicode", `<rss><channel><item><title>a &#1114112;b &#x110000;c &#55296;d</title></item></channel></rss>`, "a b c d", ""},
		{"elements of geography", `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:gml="http://www.opengis.net/gml"><entry><title>A</title><gml:Point><gml:pos>36.9 31.1</gml:pos></gml:Point></entry></feed>`, "A", ""},
		{"the same, of a system that is no number", `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:gml="x"><entry><title>A</title><gml:Point srsName="urn:epsg:x"><gml:pos>x y</gml:pos></gml:Point></entry></feed>`, "A", ""},
		{"an end tag in a picture's height", `<rss><channel><image><url>/l.png</url><height></width>15</height></image><item><title>A</title></item></channel></rss>`, "A", ""},
		{"an end tag in a picture's width", `<rss><channel><image></width></height></image><item><title>A</title></item></channel></rss>`, "A", ""},
		{"the last tag cut short, an ampersand in the address", "<rss><channel><item><title>A</title><link>http://link.example/get?a=1&amp;b=2</link></item></channel></rss\n", "A", "http://link.example/get?a=1&b=2"},
		{"a search box inside an item", `<rss><channel><item><title>A</title><textInput><title>Search</title><name>q</name><link>http://link.example/search</link></textInput><guid>http://link.example/1</guid></item></channel></rss>`, "A", "http://link.example/1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := parse(t, c.in)
			if len(f.Items) != 1 || f.Items[0].Title != c.title || f.Items[0].URL != c.link {
				t.Errorf("got %+v, want %q at %q", f.Items, c.title, c.link)
			}
		})
	}
	for _, c := range []struct {
		name string
		enc  encoding.Encoding
		text string
	}{
		{"Big5", traditionalchinese.Big5, "港口今天重新開放，渡輪每天早上七點開往對岸，居民都很高興。市長說新的碼頭花了三年才完成。"},
		{"EUC-JP", japanese.EUCJP, "港は今日から再び開かれ、フェリーは毎朝七時に対岸へ向かいます。市長は新しい桟橋の完成に三年かかったと述べました。"},
		{"EUC-KR", korean.EUCKR, "항구가 오늘 다시 문을 열었고 여객선은 매일 아침 일곱 시에 건너편으로 떠납니다. 시장은 새 부두를 짓는 데 삼 년이 걸렸다고 말했습니다."},
		{"GB2312", simplifiedchinese.GBK, "港口今天重新开放，渡轮每天早上七点开往对岸，居民都很高兴。市长说新的码头花了三年才完成。"},
		{"KOI8-R", charmap.KOI8R, "Порт сегодня снова открылся, паром уходит на другой берег каждое утро в семь часов. Мэр сказал, что новый причал строили три года."},
		{"Shift_JIS", japanese.ShiftJIS, "港は今日から再び開かれ、フェリーは毎朝七時に対岸へ向かいます。市長は新しい桟橋の完成に三年かかったと述べました。"},
		{"TIS-620", charmap.Windows874, "ท่าเรือเปิดอีกครั้งในวันนี้ เรือข้ามฟากออกทุกเช้าเวลาเจ็ดโมง นายกเทศมนตรีกล่าวว่าท่าเรือใหม่ใช้เวลาสร้างสามปี"},
		{"windows-1255", charmap.Windows1255, "הנמל נפתח היום מחדש והמעבורת יוצאת כל בוקר בשעה שבע לגדה השנייה. ראש העיר אמר שבניית הרציף החדש ארכה שלוש שנים."},
	} {
		t.Run(c.name+" without any label", func(t *testing.T) {
			body, err := c.enc.NewEncoder().String("<rss><channel><item><title>" + c.text + "</title><description>" + c.text + "</description></item></channel></rss>")
			if err != nil {
				t.Fatal(err)
			}
			if f := parse(t, body); len(f.Items) != 1 || f.Items[0].Title != c.text {
				t.Errorf("got %+v", f.Items)
			}
		})
	}
}

// TestEncodings: every charset that a prolog or header may name, by its usual names.
func TestEncodings(t *testing.T) {
	for labels, text := range map[string]string{
		"iso-8859-1 latin1 windows-1252 cp1252 us-ascii": "café à l’ancre", "iso-8859-2 latin2 windows-1250": "Żółw śpi", "iso-8859-5 windows-1251 cp1251 koi8-r koi8-u ibm866 x-mac-cyrillic iso-ir-144": "Паром в порту",
		"iso-8859-6 windows-1256": "سفينة", "iso-8859-7 windows-1253": "Πλοίο", "iso-8859-8 windows-1255": "ספינה", "iso-8859-9 windows-1254": "şehir ığ", "iso-8859-15": "œuvre 5 €",
		"windows-874 tis-620": "เรือ", "windows-1257 iso-8859-13 iso-8859-4": "žąsis", "windows-1258": "đa", "macintosh": "café", "cp437 ibm437": "café", "ibm850 cp850": "café", "cp852": "łódź",
		"gbk gb2312 gb18030": "渡轮", "big5": "渡輪", "euc-jp shift_jis iso-2022-jp": "フェリー", "euc-kr ks_c_5601-1987": "여객선", "utf-16le utf-16be utf-16": "ferry 渡輪",
	} {
		for label := range strings.FieldsSeq(labels) {
			enc := lookup(label)
			if enc == nil {
				t.Errorf("%s is not known", label)
				continue
			}
			if label == "iso-8859-1" || label == "latin1" || label == "us-ascii" { // what their users write
				enc = charmap.Windows1252
			}
			doc := func(prolog string) string {
				body, err := enc.NewEncoder().String(`<?xml version="1.0"` + prolog + `?><rss><channel><item><title>` + text + `</title></item></channel></rss>`)
				if err != nil {
					t.Errorf("%s: %v", label, err)
				}
				return body
			}
			for where, c := range map[string][2]string{"prolog": {doc(` encoding="` + label + `"`), "text/xml"}, "header": {doc(""), "application/rss+xml; charset=" + label}} {
				f, err := Parse([]byte(c[0]), c[1], base)
				if err != nil || len(f.Items) != 1 || f.Items[0].Title != text {
					t.Errorf("%s in the %s: %+v, %v; want %q", label, where, f.Items, err, text)
				}
			}
		}
	}
}

// TestEntities: HTML's named characters, of HTML 4 all, in text, in a section and
// escaped once too often.
func TestEntities(t *testing.T) {
	names := `nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest
		Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig
		agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml
		fnof Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho Sigma Tau Upsilon Phi Chi Psi Omega alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron
		pi rho sigmaf sigma tau upsilon phi chi psi omega thetasym upsih piv bull hellip prime Prime oline frasl weierp image real trade alefsym larr uarr rarr darr harr crarr lArr uArr rArr dArr hArr forall part exist empty
		nabla isin notin ni prod sum minus lowast radic prop infin ang and or cap cup int there4 sim cong asymp ne equiv le ge sub sup nsub sube supe oplus otimes perp sdot lceil rceil lfloor rfloor loz spades clubs hearts
		diams OElig oelig Scaron scaron Yuml circ tilde ensp emsp thinsp ndash mdash lsquo rsquo sbquo ldquo rdquo bdquo dagger Dagger permil lsaquo rsaquo euro quot amp lt gt`
	n := 0
	for name := range strings.FieldsSeq(names) {
		n++
		want := strings.Join(strings.Fields("x "+html.UnescapeString("&"+name+";")+" y"), " ")
		for _, in := range []string{"x &%s; y", "<![CDATA[x &%s; y]]>", "x &amp;%s; y"} {
			in = fmt.Sprintf(in, name)
			f := parse(t, `<rss><channel><item><title>`+in+`</title><link>/1</link></item></channel></rss>`)
			if len(f.Items) != 1 || f.Items[0].Title != want {
				t.Errorf("%s: got %q, want %q", in, f.Items[0].Title, want)
			}
		}
	}
	f := parse(t, `<rss><channel><item><title>Tram &amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt; &amp;amp;lt; now</title><link>/1</link></item></channel></rss>`)
	if got, want := f.Items[0].Title, "Tram bold < now"; got != want {
		t.Errorf("markup escaped twice: got %q, want %q", got, want)
	}
	if n < 245 {
		t.Errorf("%d names tried", n)
	}
}

// TestSanitizeByElementAndAttribute: what can run, load or hide goes, in whatever
// element it stands and however it is written.
func TestSanitizeByElementAndAttribute(t *testing.T) {
	check := func(in string, bad ...string) {
		t.Helper()
		got := strings.ToLower(Sanitize(in, "https://a.example/"))
		for _, b := range bad {
			if strings.Contains(got, b) {
				t.Errorf("%s: got %s", in, got)
			}
		}
	}
	for element := range strings.FieldsSeq("applet audio base basefont button canvas embed form frame frameset iframe input link math meta noscript object param script select style svg template textarea video xml bgsound portal dialog marquee") {
		check(fmt.Sprintf(`<p>a<%s src="/x" href="/x" data="/x" content="0;url=/x">b</%[1]s>c</p>`, element), "<"+element, "url=")
	}
	for event := range strings.FieldsSeq(`onabort onafterprint onanimationend onauxclick onbeforeinput onbeforeprint onbeforeunload onblur oncanplay onchange onclick onclose oncontextmenu oncopy oncuechange oncut ondblclick ondrag
		ondragend ondragenter ondragleave ondragover ondragstart ondrop ondurationchange onemptied onended onerror onfocus onfocusin onformdata onhashchange oninput oninvalid onkeydown onkeypress onkeyup onload onloadeddata onloadstart
		onmessage onmousedown onmouseenter onmouseleave onmousemove onmouseout onmouseover onmouseup onmousewheel onoffline ononline onpagehide onpageshow onpaste onpause onplay onpointerdown onpopstate onprogress onratechange onreset
		onresize onscroll onsearch onseeked onselect onstalled onstorage onsubmit onsuspend ontimeupdate ontoggle ontouchstart ontransitionend onunload onvolumechange onwaiting onwheel
		style class id formaction srcdoc background dynsrc lowsrc ping xlink:href xmlns data-x accesskey autofocus tabindex target`) {
		for _, element := range []string{"p", "a href=/x", "img src=/x.jpg", "td", "font"} {
			check(fmt.Sprintf(`<%s %s="alert(1)">t</%[1]s>`, element, event), "alert")
			check(fmt.Sprintf(`<%s %s=alert(1)>t`, element, strings.ToUpper(event)), "alert")
		}
	}
	for _, address := range []string{"javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "java&#10;script:alert(1)", "&#106;avascript:alert(1)", "&#x6A&#x61vascript:alert(1)",
		"vbscript:alert(1)", "data:text/html,alert(1)", "data:image/svg+xml,alert(1)", "livescript:alert(1)", "mocha:alert(1)", "view-source:alert(1)", "file:///alert(1)", "blob:alert(1)", "about:alert(1)", "\x01javascript:alert(1)", "feed:javascript:alert(1)"} {
		check(`<a href="`+address+`">t</a>`, "alert")
		check(`<img src="`+address+`">`, "alert")
		check(`<blockquote cite="`+address+`">t</blockquote>`, "alert")
	}
	for _, in := range []string{`<scr<script>ipt>alert(1)</script>`, `<<script>alert(1)//<</script>`, `<script/xss src=//x>alert(1)</script>`, `<img """><script>alert(1)</script>">`, `<svg/onload=alert(1)>`, `<p/onclick=alert(1)>t`,
		`<style>@import'x';alert(1)</style>`, `<!--[if gte IE 4]><script>alert(1)</script><![endif]-->`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`} {
		check(in, "<script", "onerror", "onload", "onclick", "<style")
	}
	for element := range strings.FieldsSeq("p div span h1 h2 h3 h4 h5 h6 blockquote q cite ul ol li dl dt dd strong b em i u s del ins sub sup small mark code pre kbd samp abbr figure figcaption table caption thead tbody tfoot tr td th time") {
		wrap := map[string]string{"li": "<ul>%s</ul>", "dt": "<dl>%s</dl>", "dd": "<dl>%s</dl>", "caption": "<table>%s</table>", "thead": "<table>%s</table>", "tbody": "<table>%s</table>", "tfoot": "<table>%s</table>",
			"tr": "<table><tbody>%s</tbody></table>", "td": "<table><tbody><tr>%s</tr></tbody></table>", "th": "<table><tbody><tr>%s</tr></tbody></table>"}[element]
		if wrap == "" {
			wrap = "%s"
		}
		if got := Sanitize(fmt.Sprintf(wrap, "<"+element+">t</"+element+">"), "https://a.example/"); !strings.Contains(got, "<"+element) {
			t.Errorf("%s is gone: %s", element, got)
		}
	}
}

// TestBases: relative addresses mean what xml:base, the feed's own address or the
// place of the document say (RFC 4287 section 2, XML Base).
func TestBases(t *testing.T) {
	const atom = `<feed xmlns="http://www.w3.org/2005/Atom"%s><title>T</title><link href="https://site.example/x/"/><entry%s><title>A</title><link href="a/1"/><content type="html"%s>&lt;a href="b/2">t&lt;/a>&lt;img src="c/3.jpg"></content></entry></feed>`
	for _, c := range []struct{ feed, entry, content, link, inner string }{
		{"", "", "", "https://site.example/x/a/1", "https://site.example/x/a/b/2"},
		{` xml:base="https://b.example/f/"`, "", "", "https://b.example/f/a/1", "https://b.example/f/b/2"},
		{` xml:base="https://b.example/f/"`, ` xml:base="e/"`, "", "https://b.example/f/e/a/1", "https://b.example/f/e/b/2"},
		{` xml:base="https://b.example/f/"`, ` xml:base="/e/"`, ` xml:base="https://c.example/"`, "https://b.example/e/a/1", "https://c.example/b/2"},
		{` xml:base="f/"`, "", "", "https://harbour.example/feed/f/a/1", "https://harbour.example/feed/f/b/2"},
		{"", ` xml:base="https://b.example/e/"`, "", "https://b.example/e/a/1", "https://b.example/e/b/2"},
	} {
		f := parse(t, fmt.Sprintf(atom, c.feed, c.entry, c.content))
		if it := f.Items[0]; it.URL != c.link || !strings.Contains(it.Content, `href="`+c.inner+`"`) || !strings.Contains(it.Content, strings.TrimSuffix(c.inner, "b/2")+"c/3.jpg") {
			t.Errorf("feed%s, entry%s, content%s: %s, %s; want %s and %s", c.feed, c.entry, c.content, it.URL, it.Content, c.link, c.inner)
		}
	}
	for link, want := range map[string][2]string{"https://site.example/x/": {"https://site.example/x/1", "https://site.example/x/2"}, "": {"https://harbour.example/feed/1", "https://harbour.example/feed/2"}} {
		f := parse(t, `<rss><channel><link>`+link+`</link><item><title>A</title><link>1</link><description>&lt;a href="2"&gt;t&lt;/a&gt;</description></item></channel></rss>`)
		if it := f.Items[0]; it.URL != want[0] || !strings.Contains(it.Summary, `href="`+want[1]+`"`) {
			t.Errorf("RSS at %q: %s, %s; want %q", link, it.URL, it.Summary, want)
		}
	}
}

// TestThumbnails: the picture of a video stands in or beside it, in a group or not
// (Media RSS section "media:thumbnail").
func TestThumbnails(t *testing.T) {
	const thumb = `<media:thumbnail url="https://a.example/t.jpg"/>`
	for _, inner := range []string{thumb, `<media:content url="https://a.example/v.mp4" type="video/mp4">` + thumb + `</media:content>`, `<media:group>` + thumb + `</media:group>`,
		`<media:group><media:content url="https://a.example/v.mp4" medium="video">` + thumb + `</media:content></media:group>`} {
		for _, doc := range []string{`<rss xmlns:media="http://search.yahoo.com/mrss/"><channel><item><title>A</title><link>/1</link>%s</item></channel></rss>`,
			`<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"><entry><title>A</title><link href="/1"/>%s</entry></feed>`} {
			if f := parse(t, fmt.Sprintf(doc, inner)); f.Items[0].Image != "https://a.example/t.jpg" {
				t.Errorf("%s: picture %q", fmt.Sprintf(doc, inner), f.Items[0].Image)
			}
		}
	}
}
