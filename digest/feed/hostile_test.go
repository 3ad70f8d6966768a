package feed

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// check fails unless what was parsed keeps the promises of the package.
func check(t *testing.T, f Feed) {
	t.Helper()
	texts := []string{f.Title, f.URL, f.SiteURL, f.Language}
	seen := map[string]bool{}
	for _, it := range f.Items {
		texts = append(texts, it.ID, it.URL, it.Title, it.Summary, it.Content, it.Image, it.ImageAlt, it.Credit, it.Language)
		texts = append(append(append(texts, it.Author...), it.Categories...), it.AltIDs...)
		if it.ID == "" || seen[it.ID] {
			t.Errorf("id %q is empty or not the only one", it.ID)
		}
		seen[it.ID] = true
		for _, u := range []string{it.URL, it.Image} {
			if u != "" && !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
				t.Errorf("address %q", u)
			}
		}
		if utf8.RuneCountInString(it.Title) > maxTitle || strings.ContainsAny(it.Title, "\n\x00") {
			t.Errorf("title %.80q…", it.Title)
		}
		for _, h := range []string{it.Summary, it.Content} {
			low := strings.ToLower(h)
			if strings.Contains(low, "<script") || strings.Contains(low, "<iframe") || strings.Contains(low, `="javascript:`) {
				t.Errorf("unsafe HTML: %.200q", h)
			}
		}
	}
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.Contains(s, "\x00") { // PostgreSQL refuses both, and with them the whole source
			t.Errorf("no text for a database: %.80q", s)
		}
	}
	if err := WriteJSON(&strings.Builder{}, f); err != nil {
		t.Error(err)
	}
}

// TestHostile: bodies made to cost more than their size. A cost that grows with
// the square of the size would take hours; each takes less than a second, or
// some more on a crowded machine with the race detector. Each either is an
// error in words or keeps the promises.
func TestHostile(t *testing.T) {
	rss := func(items string) string { return "<rss><channel><title>T</title>" + items + "</channel></rss>" }
	many := func(n int, s string) string { return strings.Repeat(s, n) }
	prefixes := func() string {
		var b strings.Builder
		for i := range 50_000 {
			fmt.Fprintf(&b, `<a xmlns:p%d="x">`, i)
		}
		return b.String()
	}
	for _, c := range []struct{ name, in string }{
		{"billion laughs", `<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>` + rss(`<item><title>&c;</title></item>`)},
		{"100,000 items", rss(many(100_000, `<item><title>A title of some length</title><link>https://a.example/x</link><description>&lt;p&gt;text&lt;/p&gt;</description></item>`))},
		{"a title of 10 MB", rss(`<item><title>` + many(1<<20, "long words") + `</title></item>`)},
		{"a title of 10 MB of tags", rss(`<item><title><![CDATA[` + many(1<<20, "<b><i>x&y") + `]]></title></item>`)},
		{"content of 7 MB", rss(`<item><title>x</title><description><![CDATA[` + many(14<<9, "<p>"+many(1000, "y")+"</p>") + `]]></description></item>`)},
		{"deep XML", rss(many(500_000, "<a>"))},
		{"deep XML with a prefix each", rss(prefixes())},
		{"deep HTML", rss(`<item><title>x</title><description><![CDATA[` + many(100_000, "<div>") + `]]></description></item>`)},
		{"formatting elements misnested", rss(`<item><title>x</title><description><![CDATA[` + many(100_000, "<b><p><i>") + `]]></description></item>`)},
		{"tables in tables", rss(`<item><title>x</title><description><![CDATA[` + many(100_000, "<table><tr><td>x") + `]]></description></item>`)},
		{"CDATA openings", rss(`<item><title>x</title>` + many(500_000, "<![CDATA[<d>"))},
		{"CDATA openings, each in its element", rss(many(100_000, "<d><![CDATA[</d>"))},
		{"comment openings", rss(many(1_000_000, "<!--"))},
		{"declaration openings", rss(many(1_000_000, "<!a "))},
		{"instruction openings", rss(many(1_000_000, "<?x "))},
		{"quotes that never close", rss(many(500_000, `<a b="`))},
		{"quotes that close far away", rss(many(300_000, `<a b='</`) + `" '`)},
		{"attributes", rss(`<item ` + many(1_000_000, `a="b" `) + `>`)},
		{"ampersands", rss(`<item><title>` + many(200_000, "&") + `</title></item>`)},
		{"end tags", rss(many(400_000, "</a>"))},
		{"less-thans", rss(`<item><title>` + many(200_000, "<") + `</title></item>`)},
		{"NUL bytes", rss(`<item><title>a` + many(2_000_000, "\x00") + `b</title></item>`)},
		{"categories", rss(`<item><title>x</title>` + many(60_000, "<category>c</category>") + `</item>`)},
		{"extensions", rss(`<item><title>x</title>` + many(60_000, "<e:e>c</e:e>") + `</item>`)},
		{"sitemap of 100,000 addresses", `<urlset>` + many(100_000, `<url><loc>https://a.example/x</loc></url>`) + `</urlset>`},
		{"deep JSON", `{"version":"https://jsonfeed.org/version/1","items":` + many(1_000_000, "[")},
		{"deep WordPress", many(1_000_000, "[")},
		{"many posts", "[" + many(100_000, `{"id":1,"link":"https://a.example/1","title":{"rendered":"x"}},`) + "{}]"},
		{"a date of 1 MB", rss(`<item><title>x</title><pubDate>` + many(1<<20, "9") + `</pubDate></item>`)},
		{"prolog of comments", many(500_000, "<!-- -->") + rss("<item><title>x</title></item>")},
		{"junk before the root", many(1<<20, "<x>") + rss("<item><title>x</title></item>")},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			f, err := Parse([]byte(c.in), "", "https://a.example/")
			if took := time.Since(began); took > time.Minute {
				t.Errorf("took %v", took)
			} else {
				t.Logf("%d bytes in %v: %d items, %v", len(c.in), took.Round(time.Millisecond), len(f.Items), err)
			}
			if err == nil {
				check(t, f)
			} else if len(err.Error()) > 400 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

var seeds = []string{
	rssSample,
	`<feed xmlns="http://www.w3.org/2005/Atom" xml:base="x/"><entry><title type="xhtml"><div>a</div></title><content type="html">&lt;a href="y"&gt;</content></entry></feed>`,
	`<rdf:RDF xmlns:rdf="x"><item><title>a</title></item></rdf:RDF>`,
	`{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1,"content_html":"<p onclick=x>a"}]}`,
	`<rss><channel><item><description><![CDATA[<a href="javascript:x">`,
	`<rss><channel><item><link>/1</link></item><item><guid>2</guid><link><![CDATA[https://a.example/?a=1&amp;b=2`, "<?xml encoding='windows-1251'?><rss>Привет, мир\xd1",
	`{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"a\u0000b","url":"/a\u0000","title":"\u0000","content_html":"\u0000","tags":["\u0000"],"language":"\u0000"}]}`,
	`[{"id":5,"slug":"a\u0000","guid":{"rendered":"/?p=\u0000"},"link":"/a\u0000","title":{"rendered":"\u0000"}}]`,
	"\x1f\x8b\x08\x00", "\xff\xfe<\x00r\x00", "<?xml encoding='windows-1251'?><rss>\xcf",
	"<rss><language>tr</language><item><title>K\xf6pr\xfc a\xe7\xfdld\xfd<x \xfd", "<html lang=he>\xe4\xe2\xf9\xf8\xa4", "<rss>\x1b$B;T\x1b(B<item>", "\x1b$B<item>",
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), "text/xml; charset=utf-8")
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		if got, err := Parse(body, contentType, "https://a.example/"); err == nil {
			check(t, got)
		}
	})
}

// FuzzMend: what mend writes is read by the strictest reader, whatever it was made of.
func FuzzMend(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Parse([]byte("<rss><channel><item><title>first</title></item>"+s), "", "https://a.example/")
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if utf8.ValidString(s) && !strings.Contains(s, "\x1b$") && (len(got.Items) == 0 || got.Items[0].Title != "first") {
			t.Fatalf("%q: the item before the broken place is lost: %+v", s, got.Items)
		}
	})
}

func FuzzSitemap(f *testing.F) {
	f.Add(`<url><loc>https://a.example/1</loc><news:news><news:title>x</news:title></news:news></url>`)
	f.Add(`<sitemap><loc>/1</loc><lastmod>2026</lastmod>`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, root := range []string{"urlset", "sitemapindex"} {
			got, err := Parse([]byte("<"+root+">"+s), "", "https://a.example/")
			if err != nil {
				t.Fatalf("%q: %v", s, err)
			}
			check(t, got)
		}
	})
}

func FuzzWordPress(f *testing.F) {
	f.Add(`{"id":1,"date_gmt":"2026-11-23T07:00:00","link":"https://a.example/1","title":{"rendered":"x"},"_embedded":{"author":[{"name":"a"}],"wp:term":[[{"name":"b","taxonomy":"category"}]]}}`)
	f.Add(`{"id":"1","link":false,"title":7,"content":[],"guid":null,"_embedded":{"wp:featuredmedia":[{"media_details":{"sizes":{"a":{"source_url":1}}}}]}}`)
	// A post of whatever shape spoils no other.
	f.Fuzz(func(t *testing.T, post string) {
		if !json.Valid([]byte(post)) {
			post = "{}"
		}
		got, err := Parse([]byte(`[{"id":77,"link":"https://a.example/77","title":{"rendered":"good"}},`+post+`]`), "application/json", "https://a.example/")
		if err != nil || len(got.Items) == 0 || got.Items[0].Title != "good" {
			t.Fatalf("%s: %v, %+v", post, err, got.Items)
		}
		check(t, got)
	})
}

func FuzzUTF8(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), "text/html; charset=gb18030")
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		got := UTF8(body, contentType)
		if !utf8.Valid(got) || len(got) > 8*len(body)+8 {
			t.Fatalf("%q: %q", body, got)
		}
		if utf8.Valid(body) && len(body) > 0 && body[0] != 0 && !strings.ContainsAny(string(body), "\x00\x1b\ufeff") && string(got) != string(body) {
			t.Fatalf("valid UTF-8 %q became %q", body, got)
		}
	})
}

func FuzzSanitize(f *testing.F) {
	f.Add(`<p style="display:none">a</p><a href="java&#x0A;script:x">b</a><svg><p><style><img src=x onerror=y>`)
	f.Add(`<table><a href=x><tr><td></a><b>`)
	// Sanitizing twice changes nothing, and what is left over says nothing new.
	f.Fuzz(func(t *testing.T, s string) {
		once := Sanitize(s, "https://a.example/")
		check(t, Feed{Items: []Item{{ID: "1", Summary: once}}})
		Text(s)
		twice := Sanitize(once, "https://a.example/")
		if thrice := Sanitize(twice, "https://a.example/"); twice != thrice {
			t.Fatalf("%q: does not settle: %q, then %q", s, twice, thrice)
		}
	})
}
