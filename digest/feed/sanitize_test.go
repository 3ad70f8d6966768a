package feed

import (
	"strings"
	"testing"
)

func TestSanitize(t *testing.T) {
	const at = "https://a.example/2026/story"
	for _, c := range []struct{ name, in, want string }{
		{"text stays", "Salt &amp; pepper", "Salt &amp; pepper"},
		{"links become absolute", `<a href="/x" onclick="y()" class="z">x</a>`, `<a href="https://a.example/x">x</a>`},
		{"javascript has no address", `<a href="java&#10;script:alert(1)">x</a>`, `x`},
		{"data has no address", `<a href="data:text/html,x">x</a><img src="data:image/png;base64,AAAA">`, `x`},
		{"script and style", `a<script>alert("<b>")</script><style>p{}</style><noscript>n</noscript>b`, `ab`},
		{"event handlers", `<p onmouseover="x()" style="color:red">a</p>`, `<p>a</p>`},
		{"hidden", `<p>a</p><p hidden>b</p><div style="display: none">c</div><span style="font-size:0">d</span><p aria-hidden="true">e</p>`, `<p>a</p>`},
		{"pixels", `<img src="https://t.example/p.gif" width="1" height="1"><img src="https://pixel.wp.com/g.gif?x">`, ``},
		{"pictures", `<img src="p.jpg" alt="P &quot;q&quot;" width="600" srcset="x" loading="lazy">`, `<img alt="P &#34;q&#34;" width="600" src="https://a.example/2026/p.jpg"/>`},
		{"lazy pictures", `<img src="data:image/gif;base64,R0" data-src="/real.jpg"><img srcset="/s.jpg 300w, /l.jpg 900w">`, `<img src="https://a.example/real.jpg"/><img src="https://a.example/l.jpg"/>`},
		{"frames and forms", `<iframe src="https://v.example/"></iframe><form action="/"><input name=a><button>b</button></form>c`, `c`},
		{"svg and math", `<svg><script>x</script><a xlink:href="javascript:x">y</a></svg><math><mi>z</mi></math>c`, `c`},
		{"comments", `a<!-- b --><!--[if IE]>c<![endif]-->d`, `ad`},
		{"direction and language", `<p dir="rtl" lang="ur" id="x">متن</p>`, `<p dir="rtl" lang="ur">متن</p>`},
		{"broken nesting is closed", `<b>a<p>c</b>`, `<b>a</b><p><b>c</b></p>`},
		{"mail", `<a href="mailto:desk@a.example">m</a>`, `<a href="mailto:desk@a.example">m</a>`},
		{"fragments only", `<a href="#top">x</a>`, `x`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Sanitize(c.in, at)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if again := Sanitize(got, at); again != got {
				t.Errorf("again: %s", again)
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain  text\nhere", "plain text here"},
		{"a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"},
		{"<p>One &eacute;</p>\n<p>Two<br>lines</p>", "One é\n\nTwo\nlines"},
		{"<ul><li>a</li><li>b</li></ul>", "a\n\nb"},
		{"<h2>Head</h2>Text<script>x</script><p style='display:none'>hidden</p>", "Head\n\nText"},
		{"a<div><div><p>b</p></div></div>c", "a\n\nb\n\nc"},
		{"<table><tr><td>a</td><td>b</td></tr></table>", "a b"},
		{"soft\u00adhyphen zero\u200bwidth می\u200cخواهم", "softhyphen zerowidth می\u200cخواهم"},
	} {
		if got := Text(c.in); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
	deep := strings.Repeat("<div>", 5000) + "<p>in</p><script>x</script>there"
	if got := Text(deep); got != "in\n\nthere" {
		t.Errorf("deep: got %q", got)
	}
}

func TestCleanURL(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"https://a.example/1?utm_source=x&id=2&UTM_Medium=y&fbclid=z", "https://a.example/1?id=2"},
		{"https://a.example/1?utm_source=x", "https://a.example/1"},
		{"https://a.example/1#:~:text=hello", "https://a.example/1"},
		{"https://a.example/1#xtor=RSS-1", "https://a.example/1"},
		{"https://a.example/1#part", "https://a.example/1#part"},
		{"https://a.example:443/1?b=2&a=1&empty", "https://a.example/1?b=2&a=1&empty"},
		{"http://a.example:8080/", "http://a.example:8080/"},
		{"https://a.example/?p=123", "https://a.example/?p=123"},
		{"not an address", "not an address"},
	} {
		if got := CleanURL(c.in); got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestAbsolute(t *testing.T) {
	for _, c := range []struct{ ref, want string }{
		{"/x", "https://a.example/x"}, {"x y", "https://a.example/x%20y"}, {"//b.example/x", "https://b.example/x"},
		{"HTTPS://B.Example/X", "https://b.example/X"}, {"https://b.example/100%", "https://b.example/100%25"},
		{"https://Пример.example:8443/фото 1.jpg", "https://xn--e1afmkfd.example:8443/%D1%84%D0%BE%D1%82%D0%BE%201.jpg"}, {"//münchen.example/", "https://xn--mnchen-3ya.example/"}, {"/?a=1&amp;b=2&#038;c=3", "https://a.example/?a=1&b=2&c=3"}, {"http://[2001:DB8::1]:80/x", "http://[2001:db8::1]:80/x"},
		{"javascript:alert(1)", ""}, {" java\tscript:alert(1)", ""}, {"file:///etc/passwd", ""}, {"mailto:a@b.example", ""},
		{"https://user:pw@b.example/", ""}, {"https:///x", ""}, {"", ""}, {"https://b.example/" + strings.Repeat("x", 3000), ""},
	} {
		if got := Absolute("https://a.example/", c.ref); got != c.want {
			t.Errorf("%q: got %q, want %q", c.ref, got, c.want)
		}
	}
}
