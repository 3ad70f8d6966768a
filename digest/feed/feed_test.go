package feed

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const rssSample = `<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>Harbour &amp; Hills</title><link>https://harbour.example/</link><language>en-gb</language><ttl>30</ttl>
<atom:link rel="self" href="https://harbour.example/feed/"/>
<item><title>Ferry returns after storm &#8211; all lines</title>
<link>https://harbour.example/2026/11/ferry?utm_source=rss&amp;id=7</link>
<guid isPermaLink="false">https://harbour.example/?p=4711</guid>
<dc:creator><![CDATA[Anna Lev]]></dc:creator><dc:creator>Ben Roy</dc:creator>
<pubDate>Mon, 23 Nov 2026 09:15:00 +0100</pubDate>
<category>Transport</category><category><![CDATA[Sea & coast]]></category>
<description><![CDATA[<p>All lines run again.</p>]]></description>
<content:encoded><![CDATA[<p>All <a href="/lines">lines</a> run again.<script>alert(1)</script></p><img src="/img/ferry.jpg" alt="A ferry" onerror="x()">]]></content:encoded>
<media:content url="/img/big.jpg" medium="image" width="1200"><media:credit>M. Sood</media:credit></media:content>
</item></channel></rss>`

func TestParseRSS(t *testing.T) {
	f, err := Parse([]byte(rssSample), "text/xml", "https://harbour.example/feed/")
	if err != nil {
		t.Fatal(err)
	}
	if f.Kind != RSS || f.Title != "Harbour & Hills" || f.URL != "https://harbour.example/feed/" ||
		f.SiteURL != "https://harbour.example/" || f.Language != "en-GB" || f.TTL != 30*time.Minute || f.Repaired {
		t.Errorf("feed = %+v", f)
	}
	if len(f.Items) != 1 {
		t.Fatalf("got %d items, want 1", len(f.Items))
	}
	it := f.Items[0]
	for _, c := range []struct{ name, got, want string }{
		{"id", it.ID, "https://harbour.example/?p=4711"},
		{"url", it.URL, "https://harbour.example/2026/11/ferry?id=7"},
		{"title", it.Title, "Ferry returns after storm – all lines"},
		{"author", strings.Join(it.Author, "|"), "Anna Lev|Ben Roy"},
		{"categories", strings.Join(it.Categories, "|"), "Transport|Sea & coast"},
		{"published", it.Published.Format(time.RFC3339), "2026-11-23T08:15:00Z"},
		{"summary", it.Summary, "<p>All lines run again.</p>"},
		{"content", it.Content, `<p>All <a href="https://harbour.example/lines">lines</a> run again.</p><img alt="A ferry" src="https://harbour.example/img/ferry.jpg"/>`},
		{"image", it.Image, "https://harbour.example/img/big.jpg"},
		{"credit", it.Credit, "M. Sood"},
		{"language", it.Language, "en-GB"},
		{"alt ids", strings.Join(it.AltIDs, "|"), "?p=4711|https://harbour.example/?p=4711"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       error
	}{
		{"empty", " \n ", ErrEmpty},
		{"page", "<!DOCTYPE html><html><body>Hello</body></html>", ErrHTML},
		{"page without a type", "\n<!-- x --><HTML lang=en><body>", ErrHTML},
		{"words", "upstream error", ErrUnknown},
		{"other XML", "<?xml version='1.0'?><opml><head/></opml>", ErrUnknown},
		{"other JSON", `{"a":1}`, ErrUnknown},
		{"cut before the first item", "<rss><channel><title>x", ErrNoItems},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.body), "", "https://a.example/")
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
