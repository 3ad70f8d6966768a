package summary_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"pressrun/digest/summary"
)

// labelled is an article with what an editor wrote of it.
type labelled struct {
	ID, Lang, Source, Title, Text, Reference string
}

// readLabelled returns the development articles, or skips.
func readLabelled(t *testing.T) []labelled {
	t.Helper()
	dir := os.Getenv("PRESSRUN_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	f, err := os.Open(filepath.Join(dir, "summaries", "dev.jsonl.gz"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the labelled articles are not here; PRESSRUN_DATA names their directory")
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []labelled
	for dec := json.NewDecoder(z); ; {
		var a labelled
		if err := dec.Decode(&a); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
}

// overlap is ROUGE-1 F on lower-case words, without a stemmer.
func overlap(reference, text string) float64 {
	words := func(s string) map[string]int {
		m := map[string]int{}
		for w := range strings.FieldsFuncSeq(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) }) {
			m[w]++
			m[""]++
		}
		return m
	}
	r, s := words(reference), words(text)
	hits := 0
	for w, n := range s {
		if w != "" {
			hits += min(n, r[w])
		}
	}
	return 200 * float64(hits) / float64(max(r[""]+s[""], 1))
}

// opening returns the first sentences that fit into 60 words.
func opening(a labelled) string {
	var out []string
	words := 0
	for _, span := range summary.Split(a.Lang, a.Text) {
		s := a.Text[span[0]:span[1]]
		if n := summary.Words(s); n >= 4 && words+n <= 60 {
			out = append(out, strings.TrimPrefix(s, "(CNN)"))
			words += n
		}
	}
	return strings.Join(out, "\n")
}

// The figures are a little below what the weights reach. These articles are
// among those that the weights were fitted on; fit/README.md has the figures
// for articles that were not.
func TestQualitySummaries(t *testing.T) {
	dangling := regexp.MustCompile(`^[“"'‘(]*(He|She|They|It|His|Her|Their|Its|This|That|These|Those|But|And|However|Meanwhile|Also|Moreover|Furthermore|Instead|Then|So|Yet|Still|Such)\b`)
	type group struct{ ours, lead, n float64 }
	groups := map[string]*group{"en": {}, "titled": {}}
	dangles, n := 0, 0
	for _, a := range readLabelled(t) {
		s := summary.Summarize(summary.Doc{ID: a.ID, Language: a.Lang, Title: a.Title, Text: a.Text}, summary.Options{})
		verbatim(t, a.Text, s)
		switch {
		case len(s.Sentences) == 0:
			t.Errorf("%s: no sentence, only %q", a.ID, s.Text)
		case len(strings.Fields(s.Text)) > 60:
			t.Errorf("%s: over the budget: %q", a.ID, s.Text)
		case strings.Count(s.Text, `"`)%2 != 0 || strings.Count(s.Text, "“") != strings.Count(s.Text, "”"):
			t.Errorf("%s: unbalanced marks: %q", a.ID, s.Text)
		case strings.HasPrefix(s.Text, "(CNN"):
			t.Errorf("%s: dateline: %q", a.ID, s.Text)
		}
		n++
		end := -1
		for i, line := range strings.Split(s.Text, "\n") {
			if strings.HasSuffix(line, "?") {
				t.Errorf("%s: question: %q", a.ID, line)
			}
			start := s.Sentences[i].Spans[0][0]
			follows := end >= 0 && strings.TrimSpace(a.Text[end:start]) == ""
			if a.Lang == "en" && dangling.MatchString(line) && !follows && strings.TrimSpace(a.Text[:start]) != "" {
				dangles++
			}
			spans := s.Sentences[i].Spans
			end = spans[len(spans)-1][1]
		}
		ours, lead := overlap(a.Reference, s.Text), overlap(a.Reference, opening(a))
		add := func(name string) {
			g := groups[name]
			g.ours, g.lead, g.n = g.ours+ours, g.lead+lead, g.n+1
		}
		if a.Source == "cnn" || a.Source == "cdm" || a.Source == "ins" {
			add("en")
		}
		if a.Source == "ins" || a.Source == "vi" {
			add("titled")
		}
	}
	if 100*dangles > n {
		t.Errorf("%d of %d summaries open a sentence with a word that hangs in the air, want at most 1%%", dangles, n)
	}
	for _, want := range []struct {
		group       string
		score, gain float64
	}{{"en", 35, 1.7}, {"titled", 38.2, 1.3}} {
		g := groups[want.group]
		ours, lead := g.ours/g.n, g.lead/g.n
		t.Logf("%s: ROUGE-1 %.2f, of the opening %.2f, %v articles", want.group, ours, lead, g.n)
		if ours < want.score || ours-lead < want.gain {
			t.Errorf("%s: ROUGE-1 is %.2f, that of the opening %.2f; want %.1f and a gain of %.1f", want.group, ours, lead, want.score, want.gain)
		}
	}
}
