package article

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// testPage reads one of the fictional pages in testdata.
func testPage(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func extract(t *testing.T, page []byte, o Options) Article {
	t.Helper()
	a, err := Extract(page, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func lacks(t *testing.T, text string, furniture ...string) {
	t.Helper()
	for _, f := range furniture {
		if strings.Contains(text, f) {
			t.Errorf("text holds %q:\n%s", f, text)
		}
	}
}

// TestInitials: the first letter of an article belongs to its word, however a page
// draws it.
func TestInitials(t *testing.T) {
	rest := strings.Repeat(" the ferry stayed in port, and the council voted on the plan for a new harbour.", 5)
	for name, start := range map[string]string{
		"inline":          `<p><span class="dropcap">D</span>uring`,
		"block":           `<div class="post-first-letter">D</div><div><p>uring`,
		"picture":         `<p><img class="drop-cap" src="d.png" alt="D">uring`,
		"letter twice":    `<p><span class="dropcap" aria-hidden="true">D</span><span class="sr-only">D</span>uring`,
		"word twice":      `<p><span class="sr-only">During</span><span aria-hidden="true"><span class="dropcap">D</span>uring</span>`,
		"no letter drawn": `<p><span class="initials">DL</span></p><p>During`,
	} {
		a := extract(t, []byte(`<title>Flood</title><article><h1>Flood in the harbour</h1>`+start+rest+`</p><p>And`+rest+`</article>`), Options{})
		if !strings.Contains(a.Text, "During the ferry") {
			t.Errorf("%s: got %.30q, want it to begin with During", name, a.Text)
		}
	}
	a := extract(t, []byte(`<title>Flood</title><article><h1>Flood in the harbour</h1><div class="dropcap">A</div><p>ferry`+rest+`</p><p>And`+rest+`</article>`), Options{})
	if strings.Contains(a.Text, "Aferry") {
		t.Errorf("got %.30q of a letter that is a word", a.Text)
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden: the fictional pages of testdata give exactly what stands beside
// them. After a change, run with -update and read the difference.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.html")
	if err != nil || len(files) < 9 {
		t.Fatalf("pages %q: %v", files, err)
	}
	for _, file := range files {
		page := testPage(t, filepath.Base(file))
		var got bytes.Buffer
		if err := WriteJSON(&got, extract(t, page, Options{URL: "https://www.valleypost.example/news/2026/05/tram/"})); err != nil {
			t.Fatal(err)
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, got.Bytes(), "", "  "); err != nil {
			t.Fatal(err)
		}
		golden := strings.TrimSuffix(file, ".html") + ".json"
		if *update {
			if err := os.WriteFile(golden, pretty.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pretty.Bytes(), want) {
			t.Errorf("%s\ngot  %s\nwant %s", file, pretty.Bytes(), want)
		}
	}
}

func TestExtractNewspaper(t *testing.T) {
	a := extract(t, testPage(t, "newspaper.html"), Options{URL: "https://www.valleypost.example/news/2026/05/tram/?utm_source=x"})
	if want := "Old tram returns to the hill after sixty years"; a.Title != want {
		t.Errorf("title %q, want %q", a.Title, want)
	}
	if want := []string{"Ada Quist", "Tomas Brenner"}; !slices.Equal(a.Byline, want) {
		t.Errorf("byline %q, want %q", a.Byline, want)
	}
	if got, want := a.Published.Format(time.RFC3339), "2026-05-03T23:30:00+02:00"; got != want {
		t.Errorf("published %s, want %s", got, want)
	}
	if want := "https://www.valleypost.example/media/tram-full.jpg"; a.Image != want {
		t.Errorf("image %q, want %q", a.Image, want)
	}
	if a.ImageAlt != "A green tram" || a.SiteName != "Valley Post" || a.Section != "Town" || a.Language != "en" || a.Direction != "ltr" {
		t.Errorf("alt %q, site %q, section %q, language %q %q", a.ImageAlt, a.SiteName, a.Section, a.Language, a.Direction)
	}
	if want := "https://valleypost.example/news/2026/05/tram"; a.Canonical != want {
		t.Errorf("canonical %q, want %q", a.Canonical, want)
	}
	if !slices.Contains(a.Keys, "wp:valleypost.example:9313") {
		t.Errorf("keys %q lack the WordPress number", a.Keys)
	}
	if n := strings.Count(a.Text, "\n\n") + 1; n != 7 {
		t.Errorf("%d paragraphs, want 7:\n%s", n, a.Text)
	}
	lacks(t, a.Text, "Read more", "inbox", "Advertisement", "Reporting by", "©", "bees", "Bakers", "thank you Emil", "clockmaker\n", "Photo", "Cloudy")
	if a.Kind != KindArticle {
		t.Errorf("kind %q", a.Kind)
	}
}

func TestExtractRussianInWindows1251(t *testing.T) {
	utf := string(testPage(t, "russian.html"))
	page, err := charmap.Windows1251.NewEncoder().String(utf)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"", "text/html; charset=windows-1251", "text/html; charset=utf-8"} {
		a := extract(t, []byte(page), Options{URL: "https://pole.example.ru/news/1", ContentType: header})
		if want := "На ярмарке показали первый урожай"; a.Title != want {
			t.Errorf("header %q: title %q, want %q", header, a.Title, want)
		}
		if len(a.Byline) != 1 || a.Byline[0] != "Мария Лунёва" || a.Published.Format("2006-01-02") != "2026-08-17" || a.Language != "ru" {
			t.Errorf("header %q: byline %q, published %v, language %q", header, a.Byline, a.Published, a.Language)
		}
		if n := strings.Count(a.Text, "\n\n"); n != 2 {
			t.Errorf("header %q: %d paragraphs, want 3:\n%s", header, n+1, a.Text)
		}
		lacks(t, a.Text, "Читайте также", "Подпишитесь", "Фото", "Просмотров", "Поделиться")
	}
}

func TestExtractUrdu(t *testing.T) {
	a := extract(t, testPage(t, "urdu.html"), Options{URL: "https://subh.example.pk/2026/1"})
	if a.Language != "ur" || a.Direction != "rtl" {
		t.Errorf("language %q %q, want ur rtl although the theme says en-US", a.Language, a.Direction)
	}
	if want := []string{"نادیہ قریشی"}; !slices.Equal(a.Byline, want) {
		t.Errorf("byline %q, want %q", a.Byline, want)
	}
	if got := a.Published.Format("2006-01-02"); got != "2026-03-14" {
		t.Errorf("published %s", got)
	}
	lacks(t, a.Text, "مزید پڑھیں", "پوسٹس", "جملہ حقوق")
	if !strings.Contains(a.Text, "باغ کے دروازے") {
		t.Errorf("text lacks its end:\n%s", a.Text)
	}
}

func TestExtractChineseInGBK(t *testing.T) {
	page, err := simplifiedchinese.GBK.NewEncoder().String(string(testPage(t, "chinese.html")))
	if err != nil {
		t.Fatal(err)
	}
	a := extract(t, []byte(page), Options{URL: "https://bao.example.cn/a"})
	if a.Language != "zh" || a.Title != "山城新建的图书馆今天开门" || a.Published.Format("2006-01-02") != "2026-04-23" {
		t.Errorf("language %q, title %q, published %v", a.Language, a.Title, a.Published)
	}
	lacks(t, a.Text, "责任编辑", "相关阅读", "未经授权")
	if a.Kind != KindArticle && a.Kind != KindBrief {
		t.Errorf("kind %q", a.Kind)
	}
}

func TestRules(t *testing.T) {
	page := testPage(t, "newspaper.html")
	a := extract(t, page, Options{Rules: Rules{Body: ".teaser p", Title: ".kicker", Author: ".agency", Date: ".edited", Remove: ".lead"}})
	if a.Title != "Transport" || !slices.Equal(a.Byline, []string{"Valley Wire"}) || a.Published.Format("2006-01-02") != "2026-05-04" {
		t.Errorf("title %q, byline %q, published %v", a.Title, a.Byline, a.Published)
	}
	if want := "Bakers start an hour earlier from Monday, the guild says."; a.Text != want {
		t.Errorf("text %q, want %q", a.Text, want)
	}
	a = extract(t, page, Options{Rules: Rules{Body: "#nothing", Title: "#nothing", Author: "#nothing", Date: "#nothing"}})
	if len(a.Byline) != 2 || !strings.Contains(a.Text, "sixty years ago") {
		t.Errorf("rules that match nothing changed the result: %q\n%s", a.Byline, a.Text)
	}
	if _, err := Extract(page, Options{Rules: Rules{Author: "p["}}); err == nil || errors.Is(err, ErrNoArticle) || !strings.Contains(err.Error(), "author") {
		t.Errorf("bad selector: %v", err)
	}
}

func TestNoArticle(t *testing.T) {
	for name, page := range map[string]string{
		"nothing": "", "spaces": "   ", "no html": "\x00\x01\x02", "links only": "<a href=/1>One story</a> <a href=/2>Another story</a>",
		"script": "<script>var a = 'A long text that is not a text at all, but a program.'</script>",
	} {
		if a, err := Extract([]byte(page), Options{URL: "https://e.example/"}); !errors.Is(err, ErrNoArticle) {
			t.Errorf("%s: text %q, error %v; want ErrNoArticle", name, a.Text, err)
		}
	}
}

// TestBinary: a file is no article, whatever text it seems to hold; a page is one
// in whatever charset, with a stray zero or two.
func TestBinary(t *testing.T) {
	noise := make([]byte, 6000)
	rand.NewChaCha8([32]byte{7}).Read(noise)
	words := strings.Repeat(" the quick brown fox jumps over it", 60)
	for name, file := range map[string]string{
		"application/pdf": "%PDF-1.7\n1 0 obj <</Type/Catalog>> endobj" + words, "image/png": "\x89PNG\r\n\x1a\n" + words, "application/zip": "PK\x03\x04" + words,
		"application/x-gzip": "\x1f\x8b\x08" + words, "video/mp4": "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42mp41" + words, "binary data": string(noise),
	} {
		if got := Binary([]byte(file)); got != name {
			t.Errorf("%s: it is %q", name, got)
		}
		if a, err := Extract([]byte(file), Options{}); !errors.Is(err, ErrNoArticle) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: text %.40q, error %v", name, a.Text, err)
		}
	}
	page := "<p>Паром вернулся в порт, сказали на пристани.</p>" + strings.Repeat("<p>Он ходит каждый день.</p>", 20)
	utf16, _ := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String(`<!doctype html><html lang="ru"><head><title>Port</title></head><body>` + page)
	marked, _ := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String("Паром. " + page)
	for name, text := range map[string]string{"nothing": "", "UTF-8": page, "UTF-16 without mark": utf16, "UTF-16 with mark": marked, "a stray zero": "It\x00 is" + words + page, "an escape": "\x1b[0m" + page} {
		if got := Binary([]byte(text)); got != "" {
			t.Errorf("%s is called %s", name, got)
		}
	}
}

func TestKinds(t *testing.T) {
	text := "<p>" + strings.Repeat("The council met and talked, and then it met again. ", 30) + "</p>"
	ld := func(s string) string { return `<script type="application/ld+json">` + s + `</script>` }
	for _, c := range []struct{ url, page, want string }{
		{"https://e.example/a", text, KindArticle},
		{"https://e.example/a", "<p>The bridge is open again, the city said on Monday. It had been closed for a week.</p>", KindBrief},
		{"https://e.example/live/storm", text, KindLive},
		{"https://e.example/a", ld(`{"@type":"LiveBlogPosting","headline":"x"}`) + text, KindLive},
		{"https://e.example/opinion/a", text, KindOpinion},
		{"https://e.example/a", ld(`{"@type":"AdvertiserContentArticle","headline":"x"}`) + text, KindPaid},
		{"https://e.example/a", ld(`{"@type":"NewsArticle","headline":"x","isAccessibleForFree":"False"}`) + text[:600], KindPaywall},
		{"https://e.example/a", "<title>How to save on power</title><span>Paid post</span><h1>How to save on power</h1>" + text, KindPaid},
		{"https://e.example/a", "<title>Strom sparen</title><h1>Strom sparen</h1><p class=kicker>Gesponserter Inhalt</p>" + text, KindPaid},
		{"https://e.example/a", "<title>Anzeige: So sparen Sie Strom</title><h1>Anzeige: So sparen Sie Strom</h1>" + text, KindPaid},
		{"https://e.example/a", "<title>Data law passes</title><nav><a>Sponsored content</a></nav><h1>Data law passes</h1><div>Anzeige</div>" + text + "<h3>Sponsored content</h3>", KindArticle},
		{"https://e.example/a", "<title>Data law passes</title><h1>Data law passes</h1><div><label>Advertorial</label><h5><a href=/b>Hybrids</a></h5></div><div><label>Advertorial</label><h5><a href=/c>Cars</a></h5></div>" + text, KindArticle},
	} {
		if a := extract(t, []byte(c.page), Options{URL: c.url}); a.Kind != c.want {
			t.Errorf("%s: kind %q, want %q", c.url, a.Kind, c.want)
		}
	}
}

// TestQuestionsAreNoNames: an interview's question of two capitals is not taken for
// who wrote it, nor out of the text; nor is what follows a question to him at the end.
func TestQuestionsAreNoNames(t *testing.T) {
	answer := "<p>" + strings.Repeat("The harbour stays open in winter, and so do we. ", 6) + "</p>"
	page := "<title>Ice</title><h1>Ice</h1>%s<p><b>Frau Wenz, warum Hohenstein?</b></p><p>Because of the ice.</p>" + answer + "<p><b>Ann Hall: And the ferry?</b></p><p>It stays, as it always did.</p><p>Nobody leaves.</p>"
	a := extract(t, []byte(fmt.Sprintf(page, "")), Options{URL: "https://e.example/a"})
	if len(a.Byline) > 0 || !strings.Contains(a.Text, "Frau Wenz, warum") {
		t.Errorf("by %q: %q", a.Byline, a.Text)
	}
	a = extract(t, []byte(fmt.Sprintf(page, "<p>By Ann Hall</p>")), Options{URL: "https://e.example/a"})
	if !slices.Equal(a.Byline, []string{"Ann Hall"}) || !strings.HasSuffix(a.Text, "Nobody leaves.") {
		t.Errorf("by %q: %q", a.Byline, a.Text)
	}
}

func TestMinutes(t *testing.T) {
	for text, want := range map[string]int{"": 0, "A word.": 1, strings.Repeat("word ", 240): 1, strings.Repeat("word ", 241): 2, strings.Repeat("паром идёт ", 600): 5,
		strings.Repeat("港口今天重新开放。", 100): 2, strings.Repeat("フェリーは毎朝七時に出る。", 100): 3, strings.Repeat("فیری روانہ ہوئی۔ ", 240): 3} {
		if got := Minutes(text); got != want {
			t.Errorf("%.20q…: %d minutes, want %d", text, got, want)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	zone := time.FixedZone("", 5*3600)
	err := WriteJSON(&b, Article{URL: "https://e.example/a?b=1&c=2", Title: "A <b> & c", Published: time.Date(2026, 1, 2, 1, 0, 0, 0, zone), Text: "x\n\ny"})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"url":"https://e.example/a?b=1&c=2","title":"A <b> & c","byline":[],"published":"2026-01-02T01:00:00+05:00","image":"","language":"","text":"x\n\ny","kind":"","minutes":1}` + "\n"; b.String() != want {
		t.Errorf("got  %swant %s", b.String(), want)
	}
}

// TestHostile: pages made to hurt end in bounded processor time.
func TestHostile(t *testing.T) {
	const size = 1 << 17
	for name, unit := range map[string]string{
		"deep": "<div>", "formatting": "<p><b><i><u>", "links": "<a href=/x>y</a> ", "tables": "<table><tr><td>x", "marked": "<span class='author' itemprop=author>x",
		"headings": "<h1>A title here</h1>", "cards": "<div><h2><a href=/a>x y z</a></h2><p>a, b.</p></div>", "ampersands": "&amp;", "zeros": "\x00<p>a",
		"lines": "word<br>", "comments": "<!-- x -->", "names": "<span>By Ann Hall and Bob</span> ", "one word": "a", "characters": "漢字。", "templates": "<template>",
		"dates": "<time datetime=2020-01-01>x</time>", "attributes": "<p a=b c=d>", "braces": "<script type=application/ld+json>[{",
	} {
		a, took := timed(t, []byte("<html><body>"+strings.Repeat(unit, size/len(unit))), Options{URL: "https://e.example/a"})
		if took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
		if len(a.Text) > 2*size {
			t.Errorf("%s: %d bytes of text out of %d", name, len(a.Text), size)
		}
	}
}

// timed extracts and tells the processor time it took, which a busy machine
// does not lengthen as it does the wall clock's.
func timed(t *testing.T, page []byte, o Options) (Article, time.Duration) {
	t.Helper()
	start := processorTime(t)
	a, _ := Extract(page, o)
	return a, processorTime(t) - start
}

func processorTime(b testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// FuzzExtract: any page and header give valid UTF-8 without markup characters of
// our own making, and JSON that can be read back.
func FuzzExtract(f *testing.F) {
	files, err := filepath.Glob("testdata/*.html")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "text/html", "https://e.example/2026/05/03/a")
	}
	f.Add([]byte(`<h1>T</h1><main><figure><img srcset="a 1w, ,b 9w" data-src=":"><figcaption class=caption>a b c d e<b class=credit>d</b></figcaption></figure><p class=caption>f g h i j<p class=caption>k l m n o`), "", "https://e.example/")
	f.Add([]byte("<h1>T</h1><p itemprop=author><script type=application/ld+json>[{,}"), "text/html; charset=gbk", "http://[::1]/")
	f.Fuzz(func(t *testing.T, page []byte, contentType, address string) {
		a, err := Extract(page, Options{URL: address, ContentType: contentType, Language: contentType})
		if err != nil && !errors.Is(err, ErrNoArticle) {
			t.Fatalf("error %v", err)
		}
		for _, s := range append([]string{a.Title, a.Text, a.Description, a.Section, a.SiteName, a.ImageAlt, a.Image, a.Canonical}, a.Byline...) {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				t.Fatalf("invalid text %q", s)
			}
		}
		for _, u := range []string{a.Image, a.Canonical} {
			if u != "" && !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
				t.Fatalf("address %q", u)
			}
		}
		var b bytes.Buffer
		if err := WriteJSON(&b, a); err != nil || !json.Valid(b.Bytes()) {
			t.Fatalf("JSON %q: %v", b.String(), err)
		}
	})
}

// TestPictureCredits: whose a picture is is found with the same picture in another
// size, beside its caption, at the end of a long one, and with the article's own
// where the names differ.
func TestPictureCredits(t *testing.T) {
	const og = `<meta property="og:image" content="https://a.example/2026/11/quay-1200x675.jpg?v=2">`
	for name, figure := range map[string]string{
		"another size":      `<figure><img src="/2026/11/quay-1024x683.jpg?w=3"><figcaption>The quay. AFP</figcaption></figure>`,
		"another query":     `<figure><img src="/2026/11/quay-1200x675.jpg?w=300"><figcaption>The quay. AFP</figcaption></figure>`,
		"beside a caption":  `<figure><img src="/2026/11/quay-1200x675.jpg?v=2"><p class="caption">The quay.</p><p class="credit">AFP</p></figure>`,
		"a long caption":    `<figure><img src="/2026/11/quay-1200x675.jpg?v=2"><figcaption>` + strings.Repeat("The quay lay empty. ", 40) + `AFP</figcaption></figure>`,
		"another name":      `<figure><img src="/img/7f3a9c.jpg"><figcaption>The quay. AFP</figcaption></figure>`,
		"said of the first": `<figure><img src="/img/7f3a9c.jpg"><figcaption>The quay. AFP</figcaption></figure><figure><img src="/img/1.jpg"><figcaption>Foto: Redaktion</figcaption></figure>`,
	} {
		page := `<html lang="en"><head>` + og + `</head><body><aside><figure><img src="/other.jpg"><figcaption>Photo: Reuters</figcaption></figure></aside><article><h1>The quay is empty</h1>` + figure + `<p>` + strings.Repeat("The quay was empty on Monday, and the harbour board does not know when the ferry will call again. ", 6) + `</p></article></body></html>`
		a, err := Extract([]byte(page), Options{URL: "https://a.example/quay"})
		if err != nil || !strings.Contains(a.ImageCredit, "AFP") || strings.Contains(a.ImageCredit, "Reuters") || strings.Contains(a.ImageCredit, "Redaktion") || !strings.Contains(a.Image, "quay-1200x675") {
			t.Errorf("%s: %s credited to %q, %v", name, a.Image, a.ImageCredit, err)
		}
	}
}

// TestLeadPicture: where the page names no picture, or its logo for all, the first
// one in a figure of the article is taken with what stands under it.
func TestLeadPicture(t *testing.T) {
	const logo = `<meta property="og:image" content="https://a.example/static/site-logo.png">`
	const quay = `<figure><img src="/2026/11/quay.jpg" alt="The quay at noon"><figcaption>The quay. Photo: Ada Quist</figcaption></figure>`
	const want = "https://a.example/2026/11/quay.jpg"
	for name, c := range map[string]struct{ head, figure, want string }{
		"no picture named":      {"", quay, want},
		"a logo":                {logo, quay, want},
		"the publisher's logo":  {`<meta property="og:image" content="https://a.example/i/7.png"><script type="application/ld+json">{"@type":"NewsArticle","headline":"The quay is empty","publisher":{"@type":"Organization","name":"Post","logo":{"@type":"ImageObject","url":"/i/7.png"}}}</script>`, quay, want},
		"a logo and nothing":    {logo, "", ""},
		"another picture named": {`<meta property="og:image" content="https://a.example/2026/11/pier.jpg">`, quay, "https://a.example/2026/11/pier.jpg"},
		"a name about a logo":   {`<meta property="og:image" content="https://a.example/2026/11/the-mayor-shows-the-new-logo-of-the-town.jpg">`, quay, "https://a.example/2026/11/the-mayor-shows-the-new-logo-of-the-town.jpg"},
		"drawn late":            {"", strings.Replace(quay, `src="`, `src="/i/placeholder.gif" data-src="`, 1), want},
		"of several sizes":      {"", strings.Replace(quay, `src="/2026/11/quay.jpg"`, `src="data:image/gif;base64,R0lGOD" srcset="/s.jpg 320w, /2026/11/quay.jpg 1280w, /l.jpg 4000w"`, 1), want},
		"opens itself":          {"", `<figure><a href="/2026/11/quay-2000x1000.jpg">` + quay[len("<figure>"):strings.Index(quay, "<figcap")] + `</a></figure>`, want},
		"leads to another":      {"", `<figure><a href="/news/other"><img src="/other.jpg"></a></figure>` + quay, want},
		"the author's":          {"", `<div class="author-box"><figure><img src="/ada.jpg"></figure></div>` + quay, want},
		"small":                 {"", `<figure><img src="/share.png" width="32" height="32"></figure>` + quay, want},
		"in no figure":          {"", `<p><img src="/chart.png"></p>`, ""},
	} {
		page := `<html lang="en"><head>` + c.head + `</head><body><header><img src="/static/site-logo.png"></header><aside><figure><img src="/beside.jpg"></figure></aside><article><h1>The quay is empty</h1>` + c.figure +
			`<p>` + strings.Repeat("The quay was empty on Monday, and the harbour board does not know when the ferry will call again. ", 6) + `</p></article></body></html>`
		a, err := Extract([]byte(page), Options{URL: "https://a.example/quay"})
		if err != nil || a.Image != c.want {
			t.Errorf("%s: picture %q, %v; want %q", name, a.Image, err, c.want)
		}
		if c.want == want && name != "opens itself" && (!strings.Contains(a.ImageCredit, "Ada Quist") || a.ImageAlt != "The quay at noon") {
			t.Errorf("%s: described %q, credited to %q", name, a.ImageAlt, a.ImageCredit)
		}
	}
}

// TestCaptions: pictures and what stands under them are an article; teasers of
// other pages with pictures are none.
func TestCaptions(t *testing.T) {
	under := []string{"Divers lift the bell of the old ferry out of the harbour.", "Children wait on the mole for the first boat in spring.", "The keeper lights the lamp on Corran Head for the last time."}
	figures, teasers := "", ""
	for i, s := range under {
		figures += fmt.Sprintf(`<figure><img src="/%d.jpg"><figcaption>%s <span class="photo-credit">Photo: Ada Quist</span></figcaption></figure>`, i, s)
		teasers += fmt.Sprintf(`<figure><a href="/news/%d"><img src="/%d.jpg"></a><figcaption><a href="/news/%d">%s</a></figcaption></figure>`, i, i, i, s)
	}
	page := func(in string) []byte {
		return []byte(`<html lang="en"><head><title>The week in pictures</title></head><body><nav><a href="/">Home</a></nav><main><article><h1>The week in pictures</h1><p class="byline">By Ada Quist</p>` + in + `</article></main><footer>© Post. All rights reserved.</footer></body></html>`)
	}
	a, err := Extract(page(figures), Options{URL: "https://a.example/news/week"})
	if want := strings.Join(under, "\n\n"); err != nil || a.Text != want || a.Kind != KindGallery {
		t.Errorf("a gallery is %s with %q, %v; want %q", a.Kind, a.Text, err, want)
	}
	if a, err := Extract(page(teasers), Options{URL: "https://a.example/news"}); !errors.Is(err, ErrNoArticle) {
		t.Errorf("teasers are %s with %q, %v", a.Kind, a.Text, err)
	}
}
