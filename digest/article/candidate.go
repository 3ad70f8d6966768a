package article

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// dense finds the element that holds the article by where the prose is: from
// the body downwards it follows the child that has nearly all the prose of its
// parent, and stops where the prose divides.
func dense(root *html.Node, all body) *html.Node {
	weights := map[*html.Node]int{}
	for _, x := range all {
		if w := x.weight; w > 0 {
			weights[x.node] += w
		}
	}
	sumUp(root, weights)
	n := root
	for {
		best := heaviest(n, weights)
		if best == nil || weights[best] == 0 || weights[best]*100 < weights[n]*share(best) {
			return n
		}
		n = best
	}
}

// share is how many percent of its parent's prose a child must hold to be
// taken for it. An element that markup names as the article needs less.
func share(n *html.Node) int {
	if n.DataAtom == atom.Article || n.DataAtom == atom.Main || attr(n, "itemprop") == "articleBody" {
		return 50
	}
	if furniture().judgeAll(attr(n, "class")) == keep {
		return 50
	}
	return 85
}

func heaviest(n *html.Node, weights map[*html.Node]int) *html.Node {
	var best *html.Node
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && isBlock(c) && c.DataAtom != atom.P && (best == nil || weights[c] > weights[best]) {
			best = c
		}
	}
	return best
}

// sumUp adds to each element what its children weigh.
func sumUp(n *html.Node, weights map[*html.Node]int) int {
	sum := weights[n]
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode {
			sum += sumUp(c, weights)
		}
	}
	if sum > 0 {
		weights[n] = sum
	}
	return sum
}

// prose is how much a block counts as prose: its length, when it is not mostly
// links and has the marks of a sentence.
func (x block) prose() int {
	n := letters(x.text)
	if n < 20 || x.linkShare() > 0.5 {
		return 0
	}
	if n < 80 && !strings.ContainsAny(x.text, ".!?,;:。！？，、।۔؟،") {
		return n / 4
	}
	return n
}
