package article

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
)

func TestDecode(t *testing.T) {
	encode := func(s string, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return []byte(s)
	}
	long := strings.Repeat("<p>plain ascii, a kilobyte of it and more. </p>", 30)
	russian := "<p>Мост через реку открыли в пятницу, движение уже пошло. Жители города рады.</p>"
	for name, c := range map[string]struct {
		page   []byte
		header string
		want   string
	}{
		"late UTF-8":         {[]byte(long + "naïve"), "", "naïve"},
		"UTF-8, wrong label": {[]byte(`<meta charset="iso-8859-1">naïve`), "text/html; charset=windows-1252", "naïve"},
		"BOM":                {[]byte("\xef\xbb\xbfnaïve"), "", "naïve"},
		"one broken byte":    {[]byte("naïve Ünïcödé früh größer \xff über"), "", "größer"},
		"and a wrong header": {[]byte(russian + "\xd0"), "text/html; charset=iso-8859-1", "открыли"},
		"header":             {encode(charmap.Windows1251.NewEncoder().String(russian)), "text/html; charset=windows-1251", "открыли"},
		"meta":               {encode(charmap.KOI8R.NewEncoder().String(`<meta charset=koi8-r>` + russian)), "", "открыли"},
		"late meta":          {encode(charmap.Windows1251.NewEncoder().String("<!--" + long + `--><meta http-equiv=Content-Type content="text/html; charset=windows-1251">` + russian)), "", "открыли"},
		"detector":           {encode(charmap.Windows1251.NewEncoder().String(strings.Repeat(russian, 5))), "", "открыли"},
		"UTF-8 label lies":   {encode(charmap.Windows1252.NewEncoder().String("<p>crème brûlée é è à ç</p>")), "text/html; charset=utf-8", "brûlée"},
		"UTF-16":             {encode(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String(long + "naïve")), "", "naïve"},
		"ISO-2022-JP":        {encode(japanese.ISO2022JP.NewEncoder().String("<meta charset=iso-2022-jp>図書館")), "", "図書館"},
		"NUL":                {[]byte("na\x00ïve"), "", "naïve"},
	} {
		if got := decode(c.page, c.header); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q not in %.80q", name, c.want, got)
		}
	}
}

// FuzzDecode: valid UTF-8 comes back unchanged but for byte order mark and NUL;
// everything comes back as valid UTF-8 of at most three times the length and some.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\xfea\x00b\x00"), "text/html; charset=utf-16")
	f.Add([]byte("Мост через реку\xd0"), "text/html; charset=iso-8859-1")
	f.Add([]byte("<meta charset=gbk>\xc4\xe3\xba\xc3"), "")
	f.Add([]byte("\x1b$B<\x1b(B"), "text/html; charset=iso-2022-jp")
	f.Fuzz(func(t *testing.T, page []byte, header string) {
		got := decode(page, header)
		if !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Fatalf("decode gives %q", got)
		}
		if len(got) > 6*len(page)+16 {
			t.Fatalf("%d bytes out of %d", len(got), len(page))
		}
		s := strings.TrimPrefix(string(page), "\ufeff")
		if utf8.Valid(page) && !strings.ContainsAny(s, "\x00\x1b\ufeff") && got != s {
			t.Fatalf("valid text changed from %q to %q", s, got)
		}
	})
}

func TestReadThings(t *testing.T) {
	for name, script := range map[string]string{
		"plain":             `{"@type":"NewsArticle","headline":"A","author":{"name":"B"}}`,
		"trailing commas":   `{"@type":"NewsArticle","headline":"A","author":[{"name":"B",},],}`,
		"comment":           "<!-- x -->\n{\"@type\":\"NewsArticle\", // y\n\"headline\":\"A\", /* z */ \"author\":{\"name\":\"B\"}}",
		"cdata":             "//<![CDATA[\n{\"@type\":\"NewsArticle\",\"headline\":\"A\",\"author\":{\"name\":\"B\"}}\n//]]>",
		"line end in text":  "{\"@type\":\"NewsArticle\",\"description\":\"x\ny\",\"headline\":\"A\",\"author\":{\"name\":\"B\"}}",
		"bad escape":        `{"@type":"NewsArticle","description":"it\'s \x","headline":"A","author":{"name":"B"}}`,
		"cut off":           `{"@type":"NewsArticle","headline":"A","author":{"name":"B"},"image":["u`,
		"semicolon":         `{"@type":"NewsArticle","headline":"A","author":{"name":"B"}};`,
		"two in a row":      `{"@type":"Organization","name":"O"}{"@type":"NewsArticle","headline":"A","author":{"name":"B"}}`,
		"graph":             `{"@graph":[{"@type":"Person","@id":"#b","name":"B"},{"@type":"NewsArticle","headline":"A","author":{"@id":"#b"}}]}`,
		"reference as text": `[{"@type":"Person","@id":"#b","name":"B"},{"@type":["NewsArticle"],"headline":"A","author":"#b"}]`,
		"type as address":   `{"@type":"http://schema.org/NewsArticle","headline":"A","author":"B"}`,
		"missing comma end": `[{"@type":"NewsArticle","headline":"A","author":"B"}`,
	} {
		p := &page{things: readThings(script)}
		s := p.story()
		if got := s.text("headline"); got != "A" {
			t.Errorf("%s: headline %q", name, got)
		}
		if o := p.objects(s["author"]); len(o) != 1 || o[0].text("name") != "B" {
			t.Errorf("%s: author %v", name, o)
		}
	}
}

// FuzzThings: mending leaves valid JSON as it is, and whatever comes is read
// without panic into a bounded number of things.
func FuzzThings(f *testing.F) {
	f.Add(`{"@graph":[{"@type":"NewsArticle","headline":"A",},]}`)
	f.Add("<!-- // {\"a\":\"\\u00")
	f.Add(`{"author":{"author":{"@id":"x"}},"@id":"x"}`)
	f.Fuzz(func(t *testing.T, script string) {
		p := &page{things: readThings(script)}
		if len(p.things) > maxThings {
			t.Fatalf("%d things", len(p.things))
		}
		s := p.story()
		for _, o := range p.objects(s["author"]) {
			o.text("name")
		}
		if again := mend(mend(script)); len(again) > 2*len(script)+64 {
			t.Fatalf("%d bytes out of %d", len(again), len(script))
		}
	})
}

func TestParseDate(t *testing.T) {
	for in, want := range map[string]string{
		"2025-10-09T17:42:10+05:00":              "2025-10-09T17:42:00+05:00",
		"2025-10-09T12:42:10Z":                   "2025-10-09T12:42:00Z",
		"2025-10-09T12:42:10.123456+0000":        "2025-10-09T12:42:00Z",
		"2025-10-09 12:42":                       "2025-10-09T12:42:00Z",
		"2025-10-09":                             "2025-10-09T00:00:00Z",
		"20251009":                               "2025-10-09T00:00:00Z",
		"20251009T124200Z":                       "2025-10-09T12:42:00Z",
		"Thu, 09 Oct 2025 12:42:10 GMT":          "2025-10-09T12:42:00Z",
		"Thu Oct 09 2025 12:42:10 GMT-0400":      "2025-10-09T12:42:00-04:00",
		"October 9, 2025":                        "2025-10-09T00:00:00Z",
		"Published Oct. 9th, 2025 at 5:48 pm":    "2025-10-09T17:48:00Z",
		"9 October 2025, 12:05 AM":               "2025-10-09T00:05:00Z",
		"Updated 11:21 pm EST, October 9, 2025":  "2025-10-09T23:21:00-05:00",
		"17 октября 2025, 14:20":                 "2025-10-17T14:20:00Z",
		"9 de octubre de 2025":                   "2025-10-09T00:00:00Z",
		"sexta-feira, 22 de outubro de 2010":     "2010-10-22T00:00:00Z",
		"9. Oktober 2025, 18.30 Uhr":             "2025-10-09T18:30:00Z",
		"le 9 août 2025 à 10h05":                 "2025-08-09T10:05:00Z",
		"21 اکتوبر 2025":                         "2025-10-21T00:00:00Z",
		"۱۴ مارچ ۲۰۲۶":                           "2026-03-14T00:00:00Z",
		"٩ أكتوبر ٢٠٢٥":                          "2025-10-09T00:00:00Z",
		"2025年10月9日 08:30":                       "2025-10-09T08:30:00Z",
		"2025년 10월 9일":                           "2025-10-09T00:00:00Z",
		"09.10.2025":                             "2025-10-09T00:00:00Z",
		"23/10/2025":                             "2025-10-23T00:00:00Z",
		"1760013730":                             "2025-10-09T12:42:10Z",
		"9999999999999":                          "",
		"1760013730000":                          "2025-10-09T12:42:10Z",
		"November 20 15:23 2019":                 "",
		"yesterday":                              "",
		"":                                       "",
		"2025-13-40":                             "",
		"31 February 2025":                       "",
		"Version 10.11.12":                       "2012-11-10T00:00:00Z",
		"9 October 1889":                         "",
		"The 2025 budget of 12 towns in October": "",
	} {
		got, ok := parseDate(in, false)
		if text := got.Format(time.RFC3339); ok != (want != "") || ok && text != want {
			t.Errorf("parseDate(%q) = %s, %v; want %q", in, text, ok, want)
		}
	}
	if got, _ := parseDate("10/9/2025", true); got.Month() != time.October {
		t.Errorf("American 10/9/2025 is in %s", got.Month())
	}
	if got, _ := parseDate("10/9/2025", false); got.Month() != time.September {
		t.Errorf("10/9/2025 elsewhere is in %s", got.Month())
	}
}

// FuzzParseDate: a date that is read lies between 1990 and 2100 and survives
// being written and read again.
func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2025-10-09T17:42:10+05:00", "9 October 2025 5 pm", "2025年10月9日", "Thu, 09 Oct 2025 12:42:10 GMT"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, american bool) {
		got, ok := parseDate(s, american)
		if !ok {
			return
		}
		if got.Year() < 1990 || got.Year() > 2100 {
			t.Fatalf("parseDate(%q) = %v", s, got)
		}
		again, ok := parseDate(got.Format(time.RFC3339), american)
		if !ok || !again.Truncate(time.Minute).Equal(got.Truncate(time.Minute)) {
			t.Fatalf("%q is %v, read again %v", s, got, again)
		}
	})
}

func TestNames(t *testing.T) {
	for in, want := range map[string][]string{
		"By Ann Hall":                              {"Ann Hall"},
		"By Ann Hall and Tom Reyes":                {"Ann Hall", "Tom Reyes"},
		"Written by: Ann Hall, Tom Reyes & Li Wei": {"Ann Hall", "Tom Reyes", "Li Wei"},
		"Mar 24 Written By Ann Hall":               {"Ann Hall"},
		"Ann Hall - Mar 27, 2024":                  {"Ann Hall"},
		"Ann Hall • 3 min read":                    {"Ann Hall"},
		"Ann Hall Senior Autos Reporter":           {"Ann Hall"},
		"Ann Hall, The Coast Herald":               {"Ann Hall"},
		"Ann Hall, MD":                             {"Ann Hall, MD"},
		"Ann Hall | Coast Herald":                  {"Ann Hall"},
		"Author Ann Hall":                          {"Ann Hall"},
		"Автор: Анна Левченко":                     {"Анна Левченко"},
		"Von Jan Brandt und Eva Lenz":              {"Jan Brandt", "Eva Lenz"},
		"Por Lucía Paz y Ana Gil":                  {"Lucía Paz", "Ana Gil"},
		"تحریر: نادیہ قریشی":                       {"نادیہ قریشی"},
		"作者：王小明":                                   {"王小明"},
		"来源：江城晚报 记者：王小明":                           {"王小明"},
		"Ludwig van den Berg":                      {"Ludwig van den Berg"},
		"Share this article":                       nil,
		"3 min read":                               nil,
		"July 22, 2017":                            nil,
		"Facebook":                                 nil,
		"admin":                                    nil,
		"By STAFF REPORT":                          nil,
		"":                                         nil,
		"the mayor said on Monday":                 nil,
	} {
		if got := names(in); !slices.Equal(got, want) {
			t.Errorf("names(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestGiven(t *testing.T) {
	for in, want := range map[string][]string{
		"Dylan Bailey, MS, RD":             {"Dylan Bailey, MS, RD"},
		"By Ann Hall":                      {"Ann Hall"},
		"https://www.facebook.com/coast":   nil,
		"desk@coast.example":               nil,
		"ann hall":                         {"ann hall"},
		"Ann Hall; Tom Reyes":              {"Ann Hall", "Tom Reyes"},
		"{{ author.name }}":                nil,
		"Web Desk":                         {"Web Desk"},
		"Manoj Jain and Jagpreet Chhatwal": {"Manoj Jain", "Jagpreet Chhatwal"},
	} {
		if got := given(in); !slices.Equal(got, want) {
			t.Errorf("given(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLanguage(t *testing.T) {
	for _, c := range []struct{ prior, title, lead, lang, dir string }{
		{"en-US", "Harbour board approves a second berth", "The board voted on Tuesday to build a second ferry berth after nine years.", "en", "ltr"},
		{"en-US", "کراچی میں نئی لائبریری کا افتتاح", "شہر کے قدیم علاقے میں تین سال کی تعمیر کے بعد نئی عوامی لائبریری کا افتتاح کر دیا گیا، جہاں پہلے ہی روز ہزاروں شہری پہنچ گئے۔", "ur", "rtl"},
		{"", "Мост открыли после ремонта", "В пятницу открыли движение по мосту через реку, который закрывали на капитальный ремонт два года назад.", "ru", "ltr"},
		{"uk", "Міст відкрили", "Міст відкрили.", "uk", "ltr"},
		{"de", "", "", "de", "ltr"},
		{"ar", "", "", "ar", "rtl"},
		{"", "", "", "", "ltr"},
		{"x-default", "山城新建的图书馆今天开门", "山城新建的图书馆今天上午正式开门，第一位读者是一位八十岁的退休教师。", "zh", "ltr"},
		{"pt_BR", "O porto abre", "O porto abre.", "pt", "ltr"},
		{"eng", "OK", "", "en", "ltr"},
	} {
		if lang, dir := Language(c.prior, c.title, c.lead); lang != c.lang || dir != c.dir {
			t.Errorf("Language(%q, %q) = %s %s, want %s %s", c.prior, c.title, lang, dir, c.lang, c.dir)
		}
	}
}

func TestHeadline(t *testing.T) {
	for name, c := range map[string]struct{ page, want string }{
		"heading over og:title": {`<title>Data law passes - Post</title><meta property="og:title" content="What the law changes for you"><h1>Data law passes</h1>`, "Data law passes"},
		"site name as heading":  {`<title>Data law passes | The Post</title><h1>The Post</h1><h1>Data law passes</h1>`, "Data law passes"},
		"no heading":            {`<title>Data law passes at last in night session | The Post</title>`, "Data law passes at last in night session"},
		"only heading":          {`<h1>Data law passes</h1>`, "Data law passes"},
		"escaped twice":         {`<title>Crown &amp;amp; anchor open</title><h1>&lt;b&gt;Crown&lt;/b&gt; &amp;amp; anchor&amp;#8217;s open</h1>`, "Crown & anchor’s open"},
		"less than":             {`<title>Share of under 18s &lt; 5 % says AT&amp;T</title>`, "Share of under 18s < 5 % says AT&T"},
		"dash that belongs":     {`<title>The long, long road - and a short cut home | Post</title>`, "The long, long road - and a short cut home"},
	} {
		if a, _ := Extract([]byte(c.page), Options{}); a.Title != c.want {
			t.Errorf("%s: title %q, want %q", name, a.Title, c.want)
		}
	}
}
