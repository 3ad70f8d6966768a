package article

import "strings"

// shownTitles are the titles a reader sees: headings and the title element.
func (p *page) shownTitles() []string {
	var out []string
	for _, n := range p.h1[:min(len(p.h1), 8)] {
		out = append(out, inline(n))
	}
	return append(out, p.title)
}

// headline lets the candidates vote: h1 first, if anybody else agrees.
func (p *page) headline(t thing, site string) string {
	others := []string{t.text("headline"), p.metaFirst("og:title"), p.title, p.metaFirst("twitter:title", "parsely-title"), p.prop("headline")}
	for _, n := range p.h1[:min(len(p.h1), 8)] {
		if h := inline(n); h != "" && similarToAny(h, others) {
			return h
		}
	}
	for _, s := range others {
		if s = cutSite(s, site); s != "" {
			return s
		}
	}
	if len(p.h1) > 0 {
		return inline(p.h1[0])
	}
	return ""
}

// cutSite takes the publication's name off a title.
func cutSite(s, site string) string {
	for _, sep := range []string{" | ", " – ", " — ", " - ", " :: ", " « ", " » ", " • ", " · "} {
		if i := strings.LastIndex(s, sep); i > 0 {
			tail := s[i+len(sep):]
			if strings.EqualFold(tail, site) || len(strings.Fields(tail)) <= 3 && len(strings.Fields(s[:i])) >= 4 {
				return strings.TrimSpace(s[:i])
			}
		}
	}
	return s
}

// similarToAny tells whether most words of s stand in one of the others.
func similarToAny(s string, others []string) bool {
	words := strings.Fields(strings.ToLower(s))
	if len(words) == 0 {
		return false
	}
	for _, o := range others {
		has := set(strings.Fields(strings.ToLower(o))...)
		n := 0
		for _, w := range words {
			if has[w] {
				n++
			}
		}
		if n*10 >= len(words)*7 {
			return true
		}
	}
	return false
}
