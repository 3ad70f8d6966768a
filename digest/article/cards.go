package article

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// cardLetters is how much prose a teaser has at most.
const cardLetters = 500

// pruneCards removes teasers of other stories: two or more siblings of one
// look, each with a heading that is a link to another page of the site and a
// little text. They are told by their shape alone, in any language.
func (p *page) pruneCards() {
	root := p.bodyNode()
	total := prose(root, 1<<30)
	var doomed []*html.Node
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || !isBlock(n) {
			continue
		}
		group := p.cards(n)
		if len(group) == 0 {
			continue
		}
		sum := 0
		for _, c := range group {
			sum += prose(c, cardLetters)
		}
		if sum*2 < total {
			doomed = append(doomed, group...)
		}
	}
	for _, n := range doomed {
		detach(n)
	}
}

// cards are the children of a parent that look alike and are teasers.
func (p *page) cards(parent *html.Node) []*html.Node {
	var group []*html.Node
	looks := map[string]int{}
	for c := parent.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.ElementNode || !isBlock(c) || c.DataAtom == atom.P || isHeading(c) {
			continue
		}
		look := c.Data + " " + firstWord(attr(c, "class"))
		looks[look]++
		if p.isCard(c) {
			group = append(group, c)
		}
	}
	if len(group) < 2 {
		return nil
	}
	most := 0
	for _, n := range looks {
		most = max(most, n)
	}
	if len(group)*10 < most*6 {
		return nil
	}
	return group
}

// isCard tells a teaser.
func (p *page) isCard(n *html.Node) bool {
	if prose(n, cardLetters) >= cardLetters {
		return false
	}
	for d := range n.Descendants() {
		if isHeading(d) && p.leadsAway(d) {
			return true
		}
	}
	return false
}

func isHeading(n *html.Node) bool {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

// leadsAway tells whether a heading is a link to another page of the same site.
func (p *page) leadsAway(heading *html.Node) bool {
	if prose(heading, 4) >= 4 {
		return false
	}
	for d := range heading.Descendants() {
		if d.DataAtom == atom.A && p.elsewhere(attr(d, "href")) {
			return true
		}
	}
	if heading.Parent != nil && heading.Parent.DataAtom == atom.A {
		return p.elsewhere(attr(heading.Parent, "href"))
	}
	return false
}

// elsewhere tells whether a reference is another page of this site.
func (p *page) elsewhere(href string) bool {
	if href == "" || strings.HasPrefix(href, "#") {
		return false
	}
	u, err := url.Parse(escapeStray(strip(href)))
	if err != nil {
		return false
	}
	if u.Host == "" {
		return u.Scheme == "" && u.Path != ""
	}
	return p.base != nil && siteHost(u.Hostname()) == siteHost(p.base.Hostname()) && u.Path != p.base.Path
}
