package article

import (
	"strings"

	"pressrun/digest/feed"
)

// shownTitles are the titles a reader sees: headings and the title element.
func (p *page) shownTitles() []string {
	var out []string
	for _, n := range p.h1[:min(len(p.h1), 8)] {
		out = append(out, inline(n))
	}
	return append(out, p.title)
}

// unescaped is a headline as feed.Unescape reads it.
func unescaped(s string) string {
	if !strings.ContainsAny(s, "&<") {
		return s
	}
	return clean(feed.Unescape(s))
}

// headline lets the candidates vote: a first-level heading wins when the
// machine-readable titles agree with it, the first such heading before others.
func (p *page) headline(t thing, site string) string {
	others := []string{t.text("headline"), p.metaFirst("og:title"), p.title, p.metaFirst("twitter:title", "parsely-title"), p.prop("headline")}
	for i := range others {
		others[i] = cutSite(others[i], site)
	}
	best, score := "", 0.0
	for _, n := range p.h1[:min(len(p.h1), 8)] {
		h := inline(n)
		if s := likeness(h, others); s > score+0.3 || s > score && score < 0.5 {
			best, score = h, s
		}
	}
	if score >= 0.4 {
		return best
	}
	for _, s := range others {
		if s != "" {
			return s
		}
	}
	if len(p.h1) > 0 {
		return inline(p.h1[0])
	}
	return ""
}

// likeness is how far two titles share their words, 0 to 1, at best among the others.
func likeness(s string, others []string) float64 {
	words := strings.Fields(norm(s))
	best := 0.0
	for _, o := range others {
		theirs := strings.Fields(norm(o))
		has := set(theirs...)
		n := 0
		for _, w := range words {
			if has[w] {
				n++
			}
		}
		if len(words)+len(theirs) > 0 {
			best = max(best, 2*float64(n)/float64(len(words)+len(theirs)))
		}
	}
	return best
}

// cutSite takes the publication's name off a title.
func cutSite(s, site string) string {
	for _, sep := range []string{" | ", " – ", " — ", " - ", " :: ", " « ", " » ", " • ", " · "} {
		if i := strings.LastIndex(s, sep); i > 0 {
			tail := s[i+len(sep):]
			least := 4
			if sep == " | " || sep == " :: " {
				least = 2
			}
			if strings.EqualFold(tail, site) || len(strings.Fields(tail)) <= 3 && len(strings.Fields(s[:i])) >= least {
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
