package article

import (
	"strings"

	"github.com/andybalholm/cascadia"
)

// byline finds the authors' names.
func (p *page) byline(rule cascadia.Matcher, t thing, a Article) []string {
	if rule != nil {
		var out []string
		for _, n := range cascadia.QueryAll(p.doc, rule) {
			out = appendNames(out, stated(n))
		}
		if len(out) > 0 {
			return out
		}
	}
	var candidates []string
	var ld []string
	for _, o := range p.objects(t["author"]) {
		ld = appendNames(ld, o.text("name"))
	}
	if len(ld) > 0 && !strings.EqualFold(ld[0], a.SiteName) {
		return ld
	}
	if len(p.meta["twitter:data1"]) > 0 && strings.Contains(strings.ToLower(p.metaFirst("twitter:label1")), "writ") {
		candidates = append(candidates, p.metaFirst("twitter:data1"))
	}
	candidates = append(candidates, p.metaFirst("parsely-author", "author", "sailthru.author", "article:author", "dc.creator", "byl"))
	for _, c := range candidates {
		if names := appendNames(nil, c); len(names) > 0 && !strings.EqualFold(names[0], a.SiteName) {
			return names
		}
	}
	for _, n := range append(p.props["author"], p.marked...) {
		if s := inline(n); len(s) < 80 {
			if names := appendNames(nil, s); len(names) > 0 {
				return names
			}
		}
	}
	return ld
}

// appendNames splits a byline into names.
func appendNames(out []string, s string) []string {
	s = clean(s)
	for _, lead := range []string{"by ", "by: ", "written by ", "автор: ", "автор ", "von ", "por ", "par ", "تحریر: "} {
		if len(s) > len(lead) && strings.EqualFold(s[:len(lead)], lead) {
			s = s[len(lead):]
		}
	}
	if s == "" || strings.Contains(s, "://") || strings.Contains(s, "@") || len(s) > 120 {
		return out
	}
	for _, part := range strings.Split(strings.NewReplacer(" and ", ";", " & ", ";").Replace(s), ";") {
		if part = strings.TrimSpace(part); part != "" && !contains(out, part) {
			out = append(out, part)
		}
	}
	return out
}
