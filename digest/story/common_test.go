package story

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// writeCommon counts in how many of real articles words and senses stand, and
// writes common.txt: for each percentage the beginnings of words and, after a
// tilde, the senses that stand in so many of a hundred.
func writeCommon(t *testing.T) {
	docs := realArticles(t, "train.jsonl.gz")
	p := newProfiler()
	df, name := map[uint32]int{}, map[uint32]string{}
	for _, d := range docs {
		for _, w := range p.profile(d.Title, d.Text).terms {
			if w.flags&(isName|isNumber|isSmall) == 0 {
				df[w.hash]++
			}
		}
	}
	for w := range p.known {
		s := stem(strings.ToLower(w))
		name[hashOf(s)] = s
	}
	eachLine(sensesText, func(s string, _ []string) { name[hashOf("~"+s)] = "~" + s })
	at := map[int][]string{}
	for h, n := range df {
		if percent := int(math.Round(100 * float64(n) / float64(len(docs)))); percent > 0 && name[h] != "" {
			at[percent] = append(at[percent], name[h])
		}
	}
	var b strings.Builder
	b.WriteString("# How many of a hundred articles of English newspapers have these words (their first letters) or senses (senses.txt)\n# in title or lead, counted by go test -run TestFitForest -fit.\n")
	for percent := 100; percent > 0; percent-- {
		if ws := at[percent]; len(ws) > 0 {
			slices.Sort(ws)
			fmt.Fprintf(&b, "%d %s\n", percent, strings.Join(ws, " "))
		}
	}
	if err := os.WriteFile("common.txt", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
