package feed

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const base = "https://harbour.example/feed/"

func parse(t *testing.T, body string) Feed {
	t.Helper()
	f, err := Parse([]byte(body), "", base)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// lines describes a feed in short, for comparing whole feeds at a glance.
func lines(f Feed) string {
	var b strings.Builder
	b.WriteString(f.Kind + " | " + f.Title + " | " + f.SiteURL + " | " + f.Language + "\n")
	for _, it := range f.Items {
		b.WriteString(strings.Join([]string{it.ID, it.URL, it.Title, stamp(it.Published), strings.Join(it.Author, "+"),
			it.Summary, it.Content, it.Image, it.ImageAlt, it.Credit, strings.Join(it.Categories, "+"), it.Language, strings.Join(it.AltIDs, "+")}, " | ") + "\n")
	}
	return b.String()
}

func TestFormats(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"atom 1.0", `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="ur" xml:base="https://other.example/a/">
<title type="html">News &amp;amp; Views</title><link href="https://harbour.example/"/><author><name>The desk</name></author>
<entry><id>tag:harbour.example,2026:1</id><title type="html">A &lt;b&gt;bold&lt;/b&gt; step</title><link rel="enclosure" href="p.jpg" type="image/jpeg"/>
<link rel="alternate" type="text/html" href="/1"/><updated>2026-11-23T07:00:00Z</updated><category term="x" label="Crossing"/>
<summary>Plain &amp; short</summary><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>See <a href="map">map</a></p></div></content></entry></feed>`,
			`atom | News & Views | https://harbour.example/ | ur
tag:harbour.example,2026:1 | https://other.example/1 | A bold step | 2026-11-23T07:00:00Z | The desk | Plain &amp; short | <p>See <a href="https://other.example/a/map">map</a></p> | https://other.example/a/p.jpg |  |  | Crossing | ur | tag:harbour.example,2026:1
`},
		{"atom 0.3", `<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>Old</title><link rel="alternate" href="https://harbour.example/"/>
<entry><title>One</title><link rel="alternate" href="https://harbour.example/1"/><id>1</id><issued>2026-11-22T10:00:00+02:00</issued><modified>2026-11-23T10:00:00Z</modified><content type="text/html" mode="escaped">&lt;p&gt;Body&lt;/p&gt;</content></entry></feed>`,
			`atom | Old | https://harbour.example/ | 
1 | https://harbour.example/1 | One | 2026-11-22T08:00:00Z |  |  | <p>Body</p> |  |  |  |  |  | 1
`},
		{"rdf 1.0", `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="x"><title>RDF</title><link>https://harbour.example/</link><dc:language>de</dc:language></channel>
<item rdf:about="y"><title>Eins</title><link>https://harbour.example/1</link><dc:date>2026-11-23T09:00:00+01:00</dc:date><dc:creator>E. Kolbe</dc:creator><dc:subject>Hafen</dc:subject></item></rdf:RDF>`,
			`rdf | RDF | https://harbour.example/ | de
https://harbour.example/1 | https://harbour.example/1 | Eins | 2026-11-23T08:00:00Z | E. Kolbe |  |  |  |  |  | Hafen | de | 
`},
		{"json feed", `{"version":"https://jsonfeed.org/version/1.1","title":"J","home_page_url":"https://harbour.example/","language":"fr","authors":[{"name":"Rédaction"}],
"items":[{"id":7,"url":"/7?fbclid=x","title":"Un & deux <3","date_published":"2026-11-23T07:00:00.5+01:00","content_text":"Un.\n\nDeux & trois.","image":"/7.jpg","tags":["mer"]}]}`,
			`json | J | https://harbour.example/ | fr
7 | https://harbour.example/7 | Un & deux <3 | 2026-11-23T06:00:00Z | Rédaction |  | <p>Un.</p>
<p>Deux &amp; trois.</p> | https://harbour.example/7.jpg |  |  | mer | fr | 7
`},
		{"wordpress", `[{"id":4711,"date":"2026-11-23T12:00:00","date_gmt":"2026-11-23T07:00:00","modified_gmt":"2026-11-23T08:00:00","guid":{"rendered":"https://harbour.example/?p=4711"},
"link":"https://harbour.example/ferry/","status":"publish","title":{"rendered":"Ferry &#8211; back"},"excerpt":{"rendered":"<p>Short [&hellip;]</p>\n","protected":false},"content":{"rendered":"<p>Long</p>","protected":false},
"_links":{"wp:shortlink":[{"href":"https://hrb.example/x"}]},
"_embedded":{"author":[{"id":1,"name":"Anna Lev"}],"wp:featuredmedia":[{"source_url":"https://harbour.example/full.jpg","alt_text":"A ferry","mime_type":"image/jpeg","caption":{"rendered":"<p>In port. Photo: M. Sood</p>"},"media_details":{"sizes":{"thumbnail":{"source_url":"https://harbour.example/150.jpg","width":150},"large":{"source_url":"https://harbour.example/1024.jpg","width":1024}}}}],
"wp:term":[[{"name":"Transport","taxonomy":"category"}],[{"name":"Ferries &amp; boats","taxonomy":"post_tag"},{"name":"x","taxonomy":"other"}]]}},
{"id":4712,"date_gmt":"2026-11-23T09:00:00","link":"https://harbour.example/secret/","title":{"rendered":"Protected: <em>Secret</em>"},"content":{"rendered":"<form>Password</form>","protected":true},"_embedded":{"author":[{"code":"rest_user_invalid_id","message":"Invalid user ID.","data":{"status":404}}],"wp:featuredmedia":false,"wp:term":[[],null]},"yoast_head_json":{"author":"B. Roy","og_image":[{"url":"https://harbour.example/og.jpg"}]}},
{"id":4713,"status":"draft","link":"https://harbour.example/draft/","title":{"rendered":"Draft"}}]`,
			`wordpress |  | https://harbour.example/ | 
https://harbour.example/?p=4711 | https://harbour.example/ferry/ | Ferry – back | 2026-11-23T07:00:00Z | Anna Lev | <p>Short […]</p> | <p>Long</p> | https://harbour.example/1024.jpg | A ferry | M. Sood | Transport+Ferries & boats |  | ?p=4711+https://harbour.example/?p=4711+wp:4711+https://hrb.example/x
https://harbour.example/secret/ | https://harbour.example/secret/ | Protected: Secret | 2026-11-23T09:00:00Z | B. Roy |  |  | https://harbour.example/og.jpg |  |  |  |  | ?p=4712+wp:4712
`},
		{"news sitemap", `<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="http://www.google.com/schemas/sitemap-news/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
<url><loc> https://harbour.example/1?a=1&amp;b=2 </loc><lastmod>2026-11-23</lastmod><n:news><n:publication><n:name>Harbour</n:name><n:language>en</n:language></n:publication>
<n:publication_date>2026-11-23T07:00+01:00</n:publication_date><n:title>Ferry &lt;3 &amp; back</n:title><n:keywords>ferry, islands</n:keywords></n:news><image:image><image:loc>https://harbour.example/1.jpg</image:loc></image:image></url>
<url><loc>https://harbour.example/about</loc></url></urlset>`,
			`sitemap | Harbour |  | en
https://harbour.example/1?a=1&b=2 | https://harbour.example/1?a=1&b=2 | Ferry <3 & back | 2026-11-23T06:00:00Z |  |  |  | https://harbour.example/1.jpg |  |  | ferry+islands | en | 
https://harbour.example/about | https://harbour.example/about |  |  |  |  |  |  |  |  |  | en | 
`},
		{"sitemap index", `<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>https://harbour.example/news.xml.gz</loc><lastmod>2026-11-23T07:00:00Z</lastmod></sitemap></sitemapindex>`,
			`sitemapindex |  |  | 
https://harbour.example/news.xml.gz | https://harbour.example/news.xml.gz |  | 2026-11-23T07:00:00Z |  |  |  |  |  |  |  |  | 
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := lines(parse(t, c.in)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestGzipIsToldByItsMagic(t *testing.T) {
	pack := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write([]byte(s))
		w.Close()
		return b.String()
	}
	if f := parse(t, pack(pack(rssSample))); len(f.Items) != 1 {
		t.Errorf("packed twice: got %d items, want 1", len(f.Items))
	}
	bomb := pack(strings.Repeat(" ", MaxBytes+1))
	if _, err := Parse([]byte(bomb), "", base); err != ErrTooLarge {
		t.Errorf("bomb of %d bytes: got %v, want ErrTooLarge", len(bomb), err)
	}
}

func TestWordPressErrorsInWords(t *testing.T) {
	_, err := Parse([]byte(`{"code":"rest_forbidden","message":"Sorry, you are not allowed to do that.","data":{"status":401}}`), "application/json", base)
	if err == nil || !strings.Contains(err.Error(), "rest_forbidden") || !strings.Contains(err.Error(), "feed instead") {
		t.Errorf("got %v", err)
	}
}

func TestWordPressPosts(t *testing.T) {
	for api, want := range map[string]string{
		"https://a.example/wp-json/":          "https://a.example/wp-json/wp/v2/posts?",
		"https://a.example/wp-json":           "https://a.example/wp-json/wp/v2/posts?",
		"https://a.example/?rest_route=/":     "rest_route=%2Fwp%2Fv2%2Fposts",
		"https://a.example/blog/wp-json/?x=1": "https://a.example/blog/wp-json/wp/v2/posts?",
	} {
		got := WordPressPosts(api)
		if !strings.Contains(got, want) || !strings.Contains(got, "per_page=20") || !strings.Contains(got, "_embedded") {
			t.Errorf("%s: got %s, want it to contain %s", api, got, want)
		}
	}
}

func TestSameGUIDTwice(t *testing.T) {
	f := parse(t, `<rss><channel><item><guid>1</guid><link>https://a.example/1</link><title>A</title></item>
<item><guid>1</guid><link>https://a.example/2</link><title>B</title></item><item><guid>1</guid><link>https://a.example/2</link><title>B</title></item>
<item><title>Only words</title></item><item/></channel></rss>`)
	var ids []string
	for _, it := range f.Items {
		ids = append(ids, it.ID)
	}
	if len(ids) != 3 || ids[0] != "1 https://a.example/1" || ids[1] != "1 https://a.example/2" || !strings.HasPrefix(ids[2], "hash:") {
		t.Errorf("got ids %q", ids)
	}
}

func TestWriteJSON(t *testing.T) {
	var b strings.Builder
	f := parse(t, rssSample)
	if err := WriteJSON(&b, f); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Title, URL string
		Items      []struct {
			ID, URL, Title, Published, Summary, Content string
			Author                                      []string
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.URL != base || len(got.Items) != 1 || got.Items[0].Published != "2026-11-23T08:15:00Z" || len(got.Items[0].Author) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestParsePage(t *testing.T) {
	f, err := ParsePage([]byte(`<html lang="en"><title>Harbour News</title><body><nav><a href="/category/sport/all-the-news">All the sport news today</a></nav>
<h2><a href="/2026/11/ferry-returns?utm_source=home">Ferry returns after storm</a></h2><a href="/2026/11/ferry-returns"><img src=x></a>
<a href="/2026/11/ferry-returns#comments">12</a><a href="https://elsewhere.example/2026/11/other-news-site">Somebody else's news of today</a>
<a href="/mayor-opens-the-new-library">Mayor opens <b>new</b> library &amp; park</a><a href="/about">About us and our many friends</a></body></html>`), "text/html", "https://harbour.example/")
	if err != nil {
		t.Fatal(err)
	}
	want := `page | Harbour News | https://harbour.example/ | en
https://harbour.example/2026/11/ferry-returns | https://harbour.example/2026/11/ferry-returns | Ferry returns after storm |  |  |  |  |  |  |  |  | en | 
https://harbour.example/mayor-opens-the-new-library | https://harbour.example/mayor-opens-the-new-library | Mayor opens new library & park |  |  |  |  |  |  |  |  | en | 
`
	if got := lines(f); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := ParsePage([]byte("<p>nothing"), "", base); err != ErrNoItems {
		t.Errorf("no links: got %v, want ErrNoItems", err)
	}
}

func TestUpdatePeriod(t *testing.T) {
	f := parse(t, `<rss xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel><sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency><item><title>x</title></item></channel></rss>`)
	if f.TTL != 30*time.Minute {
		t.Errorf("got %v, want 30m", f.TTL)
	}
}
