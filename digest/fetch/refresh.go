package fetch

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// soon is after how many seconds a page that goes on by itself is no page to read:
// sites have their articles loaded anew every few minutes.
const soon = 5

// refresh is where a page sends browsers by its meta element, "" = nowhere. One that
// is for browsers without script leads to a lesser page and does not count.
func refresh(r Response) string {
	head := r.Body[:min(len(r.Body), 64<<10)]
	if !bytes.Contains(bytes.ToLower(head), []byte("http-equiv")) {
		return ""
	}
	z, noscript := html.NewTokenizer(bytes.NewReader(head)), false
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		t := z.Token()
		switch {
		case t.DataAtom == atom.Noscript:
			noscript = kind == html.StartTagToken
		case t.DataAtom == atom.Meta && !noscript:
			var equiv, content string
			for _, a := range t.Attr {
				switch a.Key {
				case "http-equiv":
					equiv = a.Val
				case "content":
					content = a.Val
				}
			}
			if strings.EqualFold(strings.TrimSpace(equiv), "refresh") {
				return refreshTo(r.URL, content)
			}
		}
	}
	return ""
}

// refreshTo reads "0; url=/there" (HTML, section 4.2.5.3).
func refreshTo(base, content string) string {
	wait, rest, ok := strings.Cut(content, ";")
	if !ok {
		wait, rest, ok = strings.Cut(content, ",")
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(wait), 64)
	name, to, named := strings.Cut(strings.TrimSpace(rest), "=")
	if !ok || err != nil || seconds > soon || !named || !strings.EqualFold(strings.TrimSpace(name), "url") {
		return ""
	}
	from, err := url.Parse(base)
	if err != nil {
		return ""
	}
	u, err := from.Parse(strings.Trim(strings.TrimSpace(to), `"'`))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	u.Fragment = ""
	return u.String()
}
