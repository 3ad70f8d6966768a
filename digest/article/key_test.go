package article

import (
	"errors"
	"regexp"
	"slices"
	"testing"
)

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{"http://www.Example.org:80/News/", "https://example.org/News"},
		{"https://example.org", "https://example.org/"},
		{"https://example.org:443/?", "https://example.org/"},
		{"https://example.org:8443/a", "https://example.org:8443/a"},
		{"https://example.org/a?utm_source=x&fbclid=1&gclid=2&mc_cid=3&src=rss", "https://example.org/a"},
		{"https://example.org/a?b=2&a=1&UTM_Medium=m", "https://example.org/a?a=1&b=2"},
		{"https://example.org/?p=48213&utm_campaign=c", "https://example.org/?p=48213"},
		{"https://example.org/a/amp/?amp=1#comments", "https://example.org/a"},
		{"https://example.org/a.amp.html", "https://example.org/a.html"},
		{"https://example.org/a/%7ejo%c3%a9/b%2fc", "https://example.org/a/~jo%C3%A9/b%2Fc"},
		{"https://example.org/é", "https://example.org/%C3%A9"},
		{"https://example.org/a/../b//c/./", "https://example.org/b/c"},
		{"https://example.org/100%-sure", "https://example.org/100%25-sure"},
		{"https://EXAMPLE.org./a", "https://example.org/a"},
		{"https://новости.рф/статья", "https://xn--b1amnebsh.xn--p1ai/%D1%81%D1%82%D0%B0%D1%82%D1%8C%D1%8F"},
		{"https://a_b.example.org/x", "https://a_b.example.org/x"},
		{"https://user:secret@example.org/a", "https://example.org/a"},
		{" https://example.org/a\n", "https://example.org/a"},
		{"https://example.org/a?q=x+y", "https://example.org/a?q=x+y"},
		{"https://example.org/a?q=x%20y", "https://example.org/a?q=x+y"},
		{"https://example.org/a;JSESSIONID=1F", "https://example.org/a"},
		{"http://[::1]:80/a", "https://[::1]/a"},
		{"https://www.com/a", "https://www.com/a"},
	} {
		got, err := Canonical(c.raw)
		if err != nil || got != c.want {
			t.Errorf("Canonical(%q) = %q, %v; want %q", c.raw, got, err, c.want)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for _, raw := range []string{"", "/a", "//example.org/a", "mailto:a@example.org", "javascript:alert(1)", "https://", "ftp://example.org/", "https://a b/", "https://ex!ample.org/"} {
		if got, err := Canonical(raw); err == nil {
			t.Errorf("Canonical(%q) = %q, want an error", raw, got)
		}
	}
	if _, err := KeyOf("tag:example.org,2026:1"); !errors.Is(err, ErrNotWeb) {
		t.Errorf("KeyOf(tag:) error %v, want ErrNotWeb", err)
	}
}

func TestKeyOf(t *testing.T) {
	a, err := KeyOf("http://www.example.org/news/budget/?utm_source=feed")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := KeyOf("https://example.org/news/budget#top")
	if a != b {
		t.Errorf("two spellings of an address have keys %s and %s", a, b)
	}
	// Stored keys must never change.
	if want := Key("fc955565a4dbdcf1e78ff47d75a97216"); a != want {
		t.Errorf("key %q, want %q", a, want)
	}
}

func TestAliases(t *testing.T) {
	for _, c := range []struct {
		host string
		ids  []string
		want []string
	}{
		{"www.example.org", []string{"48213", "postid-48213", "https://example.org/?p=48213", "http://staging.example.net/?p=48213"}, []string{"wp:example.org:48213"}},
		{"", []string{"https://www.example.org/?p=7"}, []string{"wp:example.org:7"}},
		{"example.org", []string{"https://example.org/wp-json/wp/v2/posts/48213", "https://example.org/?rest_route=/wp/v2/posts/48213"}, []string{"wp:example.org:48213"}},
		{"example.org", []string{"https://wp.me/p1a2B-cxD"}, []string{"wp:example.org:48213"}},
		{"example.org", []string{"tag:example.org,2026:a", "", "  "}, []string{"id:example.org:tag:example.org,2026:a"}},
		{"https://example.org/x", []string{"12"}, []string{"wp:example.org:12"}},
		{"", []string{"48213"}, nil},
		{"example.org", []string{"0", "javascript:x"}, []string{"id:example.org:0", "id:example.org:javascript:x"}},
	} {
		if got := Aliases(c.host, c.ids...); !slices.Equal(got, c.want) {
			t.Errorf("Aliases(%q, %q) = %q, want %q", c.host, c.ids, got, c.want)
		}
	}
	key, _ := KeyOf("https://example.org/a/")
	if got, want := Aliases("example.org", "http://www.example.org/a?utm_medium=rss"), []string{"url:" + string(key)}; !slices.Equal(got, want) {
		t.Errorf("alias of a permalink %q, want %q", got, want)
	}
}

// FuzzCanonical: canonical addresses are their own canonical address, pure
// ASCII, https, and have the same key as what they came from.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"http://www.example.org/a/amp/?b=%zz&a=+#x", "https://новости.рф/статья", "http://[::1%25en0]:0080/%2e%2E/", "https://www.www.www./", "https://e.org/;jsessionid=1/amp.amp.html"} {
		f.Add(s)
	}
	plain := regexp.MustCompile(`^https://[a-z0-9.\[\]:_%-]+/[!-~]*$`)
	f.Fuzz(func(t *testing.T, raw string) {
		once, err := Canonical(raw)
		if err != nil {
			return
		}
		if !plain.MatchString(once) {
			t.Fatalf("Canonical(%q) = %q", raw, once)
		}
		twice, err := Canonical(once)
		if err != nil || twice != once {
			t.Fatalf("Canonical(%q) = %q, of that %q, %v", raw, once, twice, err)
		}
		Aliases(raw, raw)
	})
}
