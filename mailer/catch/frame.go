package catch

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	nethtml "golang.org/x/net/html"
)

// framePolicy is the Content-Security-Policy of a shown mail: no script, no
// form, no frame, nothing fetched but pictures that the mail carries itself or
// that an allowed origin serves. Links open in a new tab.
func framePolicy(imagesFrom []string) string {
	img := append([]string{"data:"}, imagesFrom...)
	return "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; " +
		"img-src " + strings.Join(img, " ") + "; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
}

// never are elements that only do harm, or nothing, in a mail that is looked at.
var never = []string{"script", "noscript", "iframe", "frame", "frameset", "object", "embed", "applet", "base", "link", "form", "portal", "template"}

// schemes matches the media features that a colour scheme decides.
var schemes = regexp.MustCompile(`(?i)\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)`)

// maxInline bounds a picture that is shown as a data: address.
const maxInline = 2 << 20

// frame is the mail's HTML as the inbox shows it: the bytes that came, except
// that active elements are left out, cid: pictures are put in place, and media
// queries see the colour scheme that was asked for.
func (v *view) frame(dark bool) string {
	var b strings.Builder
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.WriteString(`<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
		`<base target="_blank"><style>:root{color-scheme:` + scheme + `}body{margin:0}</style>`)
	z := nethtml.NewTokenizer(strings.NewReader(v.HTML))
	z.SetMaxBuf(maxPart)
	style := false
	for {
		switch z.Next() {
		case nethtml.ErrorToken:
			return b.String()
		case nethtml.TextToken:
			text := string(z.Raw())
			if style {
				text = inScheme(text, dark)
			}
			b.WriteString(text)
		case nethtml.StartTagToken, nethtml.SelfClosingTagToken, nethtml.EndTagToken:
			raw := string(z.Raw())
			t := z.Token()
			if slices.Contains(never, t.Data) || isRefresh(t) {
				skipBody(z, t)
				continue
			}
			style = t.Data == "style" && t.Type == nethtml.StartTagToken
			b.WriteString(v.tag(raw, t, dark))
		}
	}
}

// inScheme makes the queries for the wanted scheme always true and those for
// the other never.
func inScheme(css string, dark bool) string {
	return schemes.ReplaceAllStringFunc(css, func(q string) string {
		if strings.Contains(strings.ToLower(q), "dark") == dark {
			return "(min-width:0)"
		}
		return "(max-width:0)"
	})
}

// tag is raw unless an attribute of t has to change.
func (v *view) tag(raw string, t nethtml.Token, dark bool) string {
	changed := false
	for i, a := range t.Attr {
		value := a.Val
		switch a.Key {
		case "media":
			value = inScheme(value, dark)
		case "src", "background":
			value = v.inline(value)
		case "target", "ping":
			value = "" // links obey the base element, and tell nobody else
		}
		if value != a.Val {
			t.Attr[i].Val, changed = value, true
		}
	}
	if !changed {
		return raw
	}
	return t.String()
}

// inline returns the data: address of a picture the mail carries (RFC 2392),
// and any other address unchanged.
func (v *view) inline(src string) string {
	id, ok := strings.CutPrefix(src, "cid:")
	if !ok {
		return src
	}
	for _, p := range v.Parts {
		if p.ID == id && strings.HasPrefix(p.Type, "image/") && len(p.Body) <= maxInline {
			return "data:" + p.Type + ";base64," + base64.StdEncoding.EncodeToString(p.Body)
		}
	}
	return src
}

func isRefresh(t nethtml.Token) bool {
	return t.Data == "meta" && slices.ContainsFunc(t.Attr, func(a nethtml.Attribute) bool {
		return a.Key == "http-equiv"
	})
}

// skipBody also leaves out the text of an element whose content is no markup.
func skipBody(z *nethtml.Tokenizer, t nethtml.Token) {
	if t.Type != nethtml.StartTagToken || (t.Data != "script" && t.Data != "noscript" && t.Data != "iframe") {
		return
	}
	for {
		switch z.Next() {
		case nethtml.ErrorToken:
			return
		case nethtml.EndTagToken:
			if name, _ := z.TagName(); string(name) == t.Data {
				return
			}
		}
	}
}
