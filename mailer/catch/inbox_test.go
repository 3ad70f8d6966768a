package catch_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"pressrun/mailer/catch"
)

// inbox catches one mail and returns the inbox's address and the mail's.
func inbox(t *testing.T, c *catch.Catcher, raw string) (list, mail string) {
	t.Helper()
	addr := serve(t, c)
	if raw != "" {
		if err := send(addr, "ada@example.org", []byte(strings.ReplaceAll(raw, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(c.Handler("/inbox"))
	t.Cleanup(server.Close)
	list = server.URL + "/inbox"
	if raw != "" {
		mail = list + "/mail/" + c.Messages("")[0].ID
	}
	return list, mail
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

const digest = `From: "The Courier" <news@courier.example>
To: ada@example.org
Subject: =?UTF-8?B?2YXYrNmF2Lk=?= & <b>news</b>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Good morning =E2=80=94 <b>seven</b> stories
--inner
Content-Type: text/html; charset=utf-8

<html lang="ur" dir="rtl"><head><style>p{color:#111}@media (prefers-color-scheme: dark) and (max-width:600px){p{color:#eee}}@media screen and (prefers-color-scheme:light){p{margin:0}}</style></head><body><p>Seven stories</p><img src="cid:logo" alt="logo"><a href="https://news.example/1" target="_top">one</a></body></html>
--inner--
--outer
Content-Type: image/png; name=logo.png
Content-ID: <logo>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--outer
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="../../report.html"

<script>alert(1)</script>
--outer--
`

func TestOneMail(t *testing.T) {
	_, mail := inbox(t, &catch.Catcher{}, digest)
	for query, want := range map[string][]string{
		"":                 {`مجمع &amp; &lt;b&gt;news&lt;/b&gt;`, `ada@example.org`, `bounce@example.org`, `sandbox="allow-popups allow-popups-to-escape-sandbox"`, `class="desktop"`, `logo.png`, `../../report.html`},
		"?width=phone":     {`class="phone"`},
		"?part=text":       {`Good morning — &lt;b&gt;seven&lt;/b&gt; stories`},
		"?part=headers":    {`MIME-Version`, `multipart/mixed; boundary=outer`},
		"?part=source":     {`Good morning =E2=80=94`, `&lt;script&gt;alert(1)`},
		"?part=<x>&width=": {`class="desktop"`},
	} {
		res, body := get(t, mail+query)
		if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%q: got %s, policy %q", query, res.Status, res.Header.Get("Content-Security-Policy"))
		}
		for _, part := range want {
			if !strings.Contains(body, part) {
				t.Errorf("%q: no %s", query, part)
			}
		}
		if strings.Contains(body, "<script") {
			t.Errorf("%q: a script", query)
		}
	}
}

func TestFrameFollowsTheScheme(t *testing.T) {
	_, mail := inbox(t, &catch.Catcher{ImagesFrom: []string{"http://127.0.0.1:9"}}, digest)
	res, dark := get(t, mail+"/frame?scheme=dark")
	_, light := get(t, mail+"/frame?scheme=light")
	for _, part := range []string{"@media (min-width:0) and (max-width:600px)", "@media screen and (max-width:0)", "color-scheme:dark", `src="data:image/png;base64,iVBORw0KGgo="`, `dir="rtl"`, `<base target="_blank">`} {
		if !strings.Contains(dark, part) {
			t.Errorf("dark: no %s in %s", part, dark)
		}
	}
	for _, part := range []string{"@media (max-width:0) and (max-width:600px)", "@media screen and (min-width:0)", "color-scheme:light"} {
		if !strings.Contains(light, part) {
			t.Errorf("light: no %s", part)
		}
	}
	if strings.Contains(dark, "_top") {
		t.Error("a link leads out of the frame")
	}
	policy := res.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox ") || strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "allow-same-origin") || !strings.Contains(policy, "img-src data: http://127.0.0.1:9;") {
		t.Errorf("got policy %q", policy)
	}
}

func TestDownloads(t *testing.T) {
	list, mail := inbox(t, &catch.Catcher{}, digest)
	res, body := get(t, mail+"/raw")
	if res.Header.Get("Content-Type") != "message/rfc822" || strings.ReplaceAll(body, "\r\n", "\n") != digest {
		t.Errorf("raw: got %s", res.Header.Get("Content-Type"))
	}
	res, body = get(t, mail+"/part/3")
	if body != "<script>alert(1)</script>" || res.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("part: got %q as %q", body, res.Header)
	}
	for _, url := range []string{mail + "/part/9", mail + "/part/x", list + "/mail/none", list + "/mail/none/frame", list + "/nothing"} {
		if res, _ := get(t, url); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %s", url, res.Status)
		}
	}
}

func TestHostileMailStaysHarmless(t *testing.T) {
	const hostile = `From: "<script>alert(0)</script>" <x@example.org>
To: "><img src=x onerror=alert(1)>@example.org
Subject: </title><script>alert(2)</script>
Content-Type: text/html; charset=utf-7

<p>before</p><script>alert(3)</script><SCRIPT SRC="http://evil.example/x.js"></SCRIPT>
<iframe src="http://evil.example/"></iframe><object data="http://evil.example/"></object><embed src="http://evil.example/">
<base href="http://evil.example/"><meta http-equiv="refresh" content="0;url=http://evil.example/"><link rel="stylesheet" href="http://evil.example/x.css">
<form action="http://evil.example/"><input name=password></form><a href="x" ping="http://evil.example/" target=_parent>a</a>
<noscript><p title="</noscript><script>alert(4)</script>"></noscript><svg><script>alert(5)</script></svg>
<style></style><script>alert(6)</script><p>after</p>`
	list, mail := inbox(t, &catch.Catcher{}, hostile)
	_, frame := get(t, mail+"/frame")
	z := html.NewTokenizer(strings.NewReader(frame))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		token := z.Token()
		switch token.Data {
		case "script", "iframe", "object", "embed", "link", "form":
			if kind != html.TextToken {
				t.Errorf("the frame has %s", token)
			}
		case "meta", "base", "a":
			for _, a := range token.Attr {
				if a.Key == "http-equiv" || a.Key == "href" && token.Data == "base" || a.Key == "target" && a.Val == "_parent" || a.Key == "ping" && a.Val != "" {
					t.Errorf("the frame has %s", token)
				}
			}
		}
	}
	if !strings.Contains(frame, "before") || !strings.Contains(frame, "after") {
		t.Errorf("the text is lost: %s", frame)
	}
	for _, url := range []string{list + "/", mail, mail + "?part=headers", mail + "?part=source", mail + "?part=text", list + "/?q=" + url.QueryEscape("</bdi><script>alert(7)</script>")} {
		if _, body := get(t, url); strings.Contains(body, "<script") || strings.Contains(body, "<img src=x") {
			t.Errorf("%s: markup of the mail reached the page", url)
		}
	}
}

func TestListSearchesAndTurnsPages(t *testing.T) {
	c := &catch.Catcher{}
	addr := serve(t, c)
	server := httptest.NewServer(c.Handler("/inbox"))
	defer server.Close()
	if _, body := get(t, server.URL+"/inbox"); !strings.Contains(body, "No mail yet") {
		t.Errorf("empty: got %s", body)
	}
	for i := range 120 {
		to := fmt.Sprintf("r%03d@example.org", i)
		if err := send(addr, to, letter(to, "Morning")); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string][2]string{
		"":                  {"r119@", "1–50 of 120"},
		"?page=3":           {"r000@", "101–120 of 120"},
		"?page=99":          {"r000@", "101–120 of 120"},
		"?q=R042":           {"r042@", "1 mail match"},
		"?q=morning&page=2": {"r069@", "q=morning"},
		"?sort=to":          {"r000@", `aria-sort="ascending"`},
		"?sort=-to&page=3":  {"r000@", `aria-sort="descending"`},
		"?sort=received":    {"r000@", "sort=-received"},
		"?q=nobody":         {"No mail matches", "nobody"},
	} {
		if _, body := get(t, server.URL+"/inbox/"+query); !strings.Contains(body, want[0]) || !strings.Contains(body, want[1]) {
			t.Errorf("%q: no %q in %s", query, want, body)
		}
	}
}

func TestInboxChangesNothing(t *testing.T) {
	list, _ := inbox(t, &catch.Catcher{}, digest)
	res, err := http.Post(list+"/", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %s", res.Status)
	}
}
