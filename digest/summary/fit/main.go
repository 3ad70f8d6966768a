// Command fit finds the weights of the package summary and writes its
// weights.go. The README beside it says how to refit.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pressrun/digest/summary"
)

// article is one line of the labelled data.
type article struct {
	ID, Lang, Source, Title, Text, Reference string

	study *summary.Study
	fold  int
	held  map[int32]int  // stem → uses in the reference
	pairs map[uint64]int // pair → uses in the reference
	size  int            // tokens of the reference
}

func main() {
	data := flag.String("data", "../shared/data/summaries", "directory with train.jsonl.gz and dev.jsonl.gz")
	folds := flag.Int("folds", 5, "parts for cross-validation")
	held := flag.String("held", "", "write summaries by models that have not seen the article to this file")
	out := flag.String("out", "", "write the weights to this Go file")
	flag.Parse()
	if err := run(*data, *folds, *held, *out); err != nil {
		fmt.Fprintln(os.Stderr, "fit:", err)
		os.Exit(1)
	}
}

func run(data string, folds int, held, out string) error {
	var all []*article
	for _, name := range []string{"train.jsonl.gz", "dev.jsonl.gz"} {
		if err := load(filepath.Join(data, name), &all); err != nil {
			return err
		}
	}
	all = slices.DeleteFunc(all, func(a *article) bool { return a.Source == "bbc" || a.Source == "ar" })
	rng := rand.New(rand.NewPCG(7, 7))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	each(len(all), func(i int) { all[i].prepare(i % folds) })
	models := fitAll(all, folds)
	if held != "" {
		if err := writeHeld(held, all, models); err != nil {
			return err
		}
	}
	report(all, models)
	if out == "" {
		return nil
	}
	return writeModel(out, models[folds])
}

func load(path string, all *[]*article) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	dec := json.NewDecoder(z)
	for {
		var a article
		if err := dec.Decode(&a); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		*all = append(*all, &a)
	}
}

func (a *article) doc() summary.Doc {
	return summary.Doc{Language: a.Lang, Title: a.Title, Text: a.Text}
}

func (a *article) prepare(fold int) {
	a.fold = fold
	a.study = summary.NewStudy(a.doc(), summary.Options{})
	ids := a.study.Tokens(a.Reference)
	a.size = len(ids)
	a.held, a.pairs = map[int32]int{}, map[uint64]int{}
	for i, id := range ids {
		a.held[id]++
		if i > 0 {
			a.pairs[pairKey(ids[i-1], id)]++
		}
	}
}

func pairKey(a, b int32) uint64 { return uint64(a)<<32 | uint64(uint32(b)) }

// rouge returns ROUGE-1 and ROUGE-2 F of some candidates, on clipped stems.
func (a *article) rouge(members []int) (r1, r2 float32) {
	used, usedPairs := map[int32]int{}, map[uint64]int{}
	n, p, hits, pairHits := 0, 0, 0, 0
	last := int32(-1)
	for _, m := range members {
		for _, id := range a.study.CandidateTokens(m) {
			n++
			used[id]++
			if used[id] <= a.held[id] {
				hits++
			}
			if last >= 0 {
				p++
				k := pairKey(last, id)
				usedPairs[k]++
				if usedPairs[k] <= a.pairs[k] {
					pairHits++
				}
			}
			last = id
		}
	}
	f := func(hits, n, m int) float32 { return 2 * float32(hits) / float32(max(n+m, 1)) }
	return f(hits, n, a.size), f(pairHits, p, max(a.size-1, 0))
}

// fitAll fits the four forests in order. Model k has not seen fold k; the
// last one has seen everything. Each step learns from what models that had
// not seen the article said about it in the step before.
func fitAll(all []*article, folds int) []*summary.Model {
	models := make([]*summary.Model, folds+1)
	for k := range models {
		models[k] = &summary.Model{}
	}
	steps := []struct {
		width int
		s     settings
		rows  func(a *article, t *table)
		set   func(m *summary.Model, f summary.Forest)
		rate  func(s *summary.Study, m *summary.Model)
	}{
		{summary.WordFeatures, settings{trees: 80, depth: 4, rate: .15, ridge: 20, logistic: true}, wordRows,
			func(m *summary.Model, f summary.Forest) { m.Word = f }, func(s *summary.Study, m *summary.Model) { s.RateWords(&m.Word) }},
		{summary.PairFeatures, settings{trees: 50, depth: 4, rate: .15, ridge: 20, logistic: true}, pairRows,
			func(m *summary.Model, f summary.Forest) { m.Pair = f }, func(s *summary.Study, m *summary.Model) { s.RatePairs(&m.Pair) }},
		{summary.SentenceFeatures, settings{trees: 80, depth: 4, rate: .08, ridge: 20}, sentenceRows,
			func(m *summary.Model, f summary.Forest) { m.Sentence = f }, func(s *summary.Study, m *summary.Model) { s.RateSentences(&m.Sentence) }},
		{summary.SetFeatures, settings{trees: 100, depth: 4, rate: .08, ridge: 40}, setRows,
			func(m *summary.Model, f summary.Forest) { m.Set = f }, func(*summary.Study, *summary.Model) {}},
	}
	for _, step := range steps {
		tables := make([]*table, len(all))
		each(len(all), func(i int) {
			tables[i] = newTable(step.width)
			step.rows(all[i], tables[i])
		})
		for k := range models {
			t := newTable(step.width)
			for i, a := range all {
				if a.fold != k {
					t.x, t.y, t.w = append(t.x, tables[i].x...), append(t.y, tables[i].y...), append(t.w, tables[i].w...)
				}
			}
			step.set(models[k], boost(t, step.s))
		}
		each(len(all), func(i int) { step.rate(all[i].study, models[all[i].fold]) })
	}
	return models
}

func wordRows(a *article, t *table) {
	var row [summary.WordFeatures]float32
	for id := range int32(a.study.Stems()) {
		for k := 1; k <= min(3, a.study.Uses(id)); k++ {
			a.study.WordRow(id, k, row[:])
			t.add(row[:], one(a.held[id] >= k), 1)
		}
	}
}

func pairRows(a *article, t *table) {
	var row [summary.PairFeatures]float32
	for i := range a.study.Pairs() {
		a.study.PairRow(i, row[:])
		x, y := a.study.Pair(i)
		t.add(row[:], one(a.pairs[pairKey(x, y)] > 0), 1)
	}
}

func one(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

func sentenceRows(a *article, t *table) {
	var row [summary.SentenceFeatures]float32
	for i, c := range a.study.Candidates {
		if c.Words > 60 || c.Flaws&(summary.Junk|summary.Stub) != 0 {
			continue
		}
		a.study.SentenceRow(i, row[:])
		r1, r2 := a.rouge([]int{i})
		t.add(row[:], r1+r2, 1)
	}
}

// setRows takes the sets that look best and some that do not, and asks which
// of them is better than the others.
func setRows(a *article, t *table) {
	sets := a.study.Sets(summary.Tiers[0])
	if len(sets) == 0 {
		return
	}
	rng := rand.New(rand.NewPCG(1, uint64(len(a.Text))))
	if len(sets) > 80 {
		tail := sets[50:]
		rng.Shuffle(len(tail), func(i, j int) { tail[i], tail[j] = tail[j], tail[i] })
		sets = sets[:80]
	}
	ys := make([]float32, len(sets))
	mean := float32(0)
	for i := range sets {
		r1, r2 := a.rouge(sets[i].Members)
		ys[i] = r1 + .7*r2
		mean += ys[i] / float32(len(sets))
	}
	var row [summary.SetFeatures]float32
	for i := range sets {
		a.study.SetRow(&sets[i], row[:])
		t.add(row[:], ys[i]-mean, 1)
	}
}

func writeHeld(path string, all []*article, models []*summary.Model) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for _, a := range all {
		s := models[a.fold].Summarize(a.doc(), summary.Options{})
		if err := enc.Encode(map[string]any{"id": a.ID, "summary": s.Text, "sentences": s.Sentences}); err != nil {
			return err
		}
	}
	return w.Flush()
}

// report prints the overlap of what the models pick for articles that they
// have not seen, and of the best set within reach.
func report(all []*article, models []*summary.Model) {
	type figures struct{ n, r1, r2, best float32 }
	by := map[string]*figures{}
	var names []string
	for _, a := range all {
		f := by[a.Source]
		if f == nil {
			f = &figures{}
			by[a.Source] = f
			names = append(names, a.Source)
		}
		sets := a.study.Sets(summary.Tiers[0])
		if len(sets) == 0 {
			continue
		}
		f.n++
		best := float32(0)
		for i := range sets {
			r1, _ := a.rouge(sets[i].Members)
			best = max(best, r1)
		}
		f.best += best
		pick := a.study.Best(models[a.fold], summary.Tiers[0])
		r1, r2 := a.rouge(pick.Members)
		f.r1 += r1
		f.r2 += r2
	}
	slices.Sort(names)
	for _, name := range names {
		f := by[name]
		fmt.Printf("%-4s %4.0f articles  R1 %.2f  R2 %.2f  best set within reach R1 %.2f\n", name, f.n, 100*f.r1/f.n, 100*f.r2/f.n, 100*f.best/f.n)
	}
}

func writeModel(path string, m *summary.Model) error {
	var b strings.Builder
	b.WriteString("package summary\n\n// Code generated by digest/summary/fit; DO NOT EDIT.\n\n// fitted holds the weights that Summarize uses.\nvar fitted = &Model{\n")
	for _, part := range []struct {
		name string
		f    *summary.Forest
	}{{"Word", &m.Word}, {"Pair", &m.Pair}, {"Sentence", &m.Sentence}, {"Set", &m.Set}} {
		fmt.Fprintf(&b, "\t%s: Forest{Base: %.4g, Depth: %d,\n", part.name, part.f.Base, part.f.Depth)
		fmt.Fprintf(&b, "\t\tFeature: []uint8{%s},\n", list("%d", part.f.Feature, 24*part.f.Depth))
		fmt.Fprintf(&b, "\t\tThreshold: []float32{%s},\n", list("%.3g", part.f.Threshold, 8*part.f.Depth))
		fmt.Fprintf(&b, "\t\tAnswer: []float32{%s}},\n", list("%.2g", part.f.Answer, 1<<part.f.Depth))
	}
	b.WriteString("}\n")
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// list prints values in lines of width, without the zero before a point.
func list[T any](format string, values []T, width int) string {
	var b strings.Builder
	for i, v := range values {
		if i%width == 0 {
			b.WriteString("\n\t\t\t")
		} else {
			b.WriteString(" ")
		}
		n := fmt.Sprintf(format, v)
		n = strings.Replace(n, "e-0", "e-", 1)
		if strings.HasPrefix(n, "0.") || strings.HasPrefix(n, "-0.") {
			n = strings.Replace(n, "0.", ".", 1)
		}
		b.WriteString(n + ",")
	}
	b.WriteString("\n\t\t")
	return b.String()
}
