//go:build !race

package article

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	readability "codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"
)

// labelledPage is a page with what a reader would call its article.
type labelledPage struct {
	id, url             string
	html                []byte
	body                string
	title, author, date string
	image               string
	leaks               []string
}

// dataDir is the folder of labelled pages: PRESSRUN_DATA, or ../shared/data
// beside the module. The pages belong to their publishers and are not part of
// this project; without them the test is skipped.
func dataDir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("PRESSRUN_DATA"); dir != "" {
		return dir
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	dir := filepath.Join(filepath.Dir(root), "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no labelled pages: set PRESSRUN_DATA")
	}
	return dir
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unzip(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func glob(t testing.TB, pattern ...string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(pattern...))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %q: %v", pattern, err)
	}
	return files
}

func zytePages(t testing.TB, dir string) []labelledPage {
	var truth map[string]struct{ ArticleBody, URL string }
	readJSON(t, filepath.Join(dir, "ground-truth.json"), &truth)
	var out []labelledPage
	for id, x := range truth {
		out = append(out, labelledPage{id: id, url: x.URL, html: unzip(t, filepath.Join(dir, "html", id+".html.gz")), body: x.ArticleBody})
	}
	return out
}

func wcxbPages(t testing.TB, dir string) []labelledPage {
	var out []labelledPage
	for _, part := range []string{"dev", "test"} {
		for _, file := range glob(t, dir, part, "ground-truth", "*.json") {
			var x struct {
				URL   string `json:"url"`
				Truth struct {
					Title  string `json:"title"`
					Author string `json:"author"`
					Date   string `json:"publish_date"`
					Body   string `json:"main_content"`
				} `json:"ground_truth"`
			}
			readJSON(t, file, &x)
			id := strings.TrimSuffix(filepath.Base(file), ".json")
			page := unzip(t, filepath.Join(dir, part, "html", id+".html.gz"))
			out = append(out, labelledPage{id: part + "-" + id, url: x.URL, html: page, body: x.Truth.Body, title: x.Truth.Title, author: x.Truth.Author, date: x.Truth.Date})
		}
	}
	return out
}

func seedPages(t testing.TB, dir string) []labelledPage {
	var out []labelledPage
	for _, file := range glob(t, dir, "*.html") {
		var x struct {
			URL, Title, Author, Date, Image, Body string
			Leaks                                 []struct{ Text string } `json:"must_not_contain"`
		}
		readJSON(t, strings.TrimSuffix(file, ".html")+".json", &x)
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		l := labelledPage{id: filepath.Base(file), url: x.URL, html: page, body: x.Body, title: x.Title, author: x.Author, date: x.Date, image: x.Image}
		for _, leak := range x.Leaks {
			l.leaks = append(l.leaks, leak.Text)
		}
		out = append(out, l)
	}
	return out
}

// score is what one set of pages came to. F1 is the article extraction
// benchmark's: of the means of precision and recall over shingles of four words.
type score struct {
	f1                         float64
	title, author, date, image float64
	leaks                      int
	worst                      time.Duration
}

func measure(t *testing.T, pages []labelledPage) score {
	t.Helper()
	var s score
	var precision, recall float64
	right := map[string]float64{}
	scored := map[string]float64{}
	tally := func(what, truth string, ok bool) {
		if truth != "" {
			scored[what]++
			if ok {
				right[what]++
			}
		}
	}
	for _, p := range pages {
		a, took := timed(t, p.html, Options{URL: p.url})
		s.worst = max(s.worst, took)
		x, y := overlap(p.body, a.Text)
		precision, recall = precision+x, recall+y
		tally("title", p.title, norm(p.title) == norm(a.Title))
		tally("author", p.author, nameSet(p.author) == nameSet(strings.Join(a.Byline, ";")))
		tally("date", p.date, len(p.date) >= 10 && p.date[:10] == a.Published.Format(time.DateOnly))
		tally("image", p.image, p.image == a.Image)
		for _, leak := range p.leaks {
			if strings.Contains(" "+norm(a.Text)+" ", " "+norm(leak)+" ") {
				s.leaks++
				t.Logf("%s leaks %q", p.id, leak)
			}
		}
	}
	n := float64(len(pages))
	precision, recall = precision/n, recall/n
	s.f1 = 2 * precision * recall / (precision + recall)
	share := func(what string) float64 { return right[what] / math.Max(1, scored[what]) }
	s.title, s.author, s.date, s.image = share("title"), share("author"), share("date"), share("image")
	return s
}

func tokens(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' })
}

func shingles(s string) map[string]int {
	words := tokens(s)
	m := map[string]int{}
	for i := 0; i < max(1, len(words)-3) && len(words) > 0; i++ {
		m[strings.Join(words[i:min(i+4, len(words))], " ")]++
	}
	return m
}

// overlap is the precision and recall of a text against the truth.
func overlap(truth, got string) (precision, recall float64) {
	a, b := shingles(truth), shingles(got)
	var common, all, found int
	for k, n := range a {
		common += min(n, b[k])
		all += n
	}
	for _, n := range b {
		found += n
	}
	if found == 0 || all == 0 {
		return 0, 0
	}
	return float64(common) / float64(found), float64(common) / float64(all)
}

// nameSet writes a byline so that order and separators do not count.
func nameSet(s string) string {
	s = strings.NewReplacer(" and ", ";", " & ", ";", ",", ";", "|", ";", "/", ";").Replace(s)
	names := map[string]bool{}
	for _, n := range strings.Split(s, ";") {
		if n = strings.TrimPrefix(norm(n), "by "); n != "" {
			names[n] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ";")
}

// The race detector, which makes it ten times slower, is no part of what is
// measured here: this file is not built with it.

// TestQualityExtraction holds text and metadata to a little below what they
// reached when they were last worked on.
func TestQualityExtraction(t *testing.T) {
	dir := dataDir(t)
	for _, c := range []struct {
		name  string
		pages []labelledPage
		least score
	}{
		{"seed-like pages", seedPages(t, filepath.Join(dir, "seedpages")), score{f1: .985, title: 1, author: 1, date: 1, image: 1}},
		{"Zyte", zytePages(t, filepath.Join(dir, "extraction", "zyte")), score{f1: .975}},
		{"WCXB", wcxbPages(t, filepath.Join(dir, "extraction", "wcxb")), score{f1: .953, title: .89, author: .80, date: .855}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := measure(t, c.pages)
			t.Logf("%d pages, F1 %.3f, title %.3f, author %.3f, date %.3f, image %.3f, leaks %d, worst page %v",
				len(c.pages), got.f1, got.title, got.author, got.date, got.image, got.leaks, got.worst)
			if got.f1 < c.least.f1 || got.title < c.least.title || got.author < c.least.author || got.date < c.least.date || got.image < c.least.image || got.leaks > 0 {
				t.Errorf("%+v, want at least %+v", got, c.least)
			}
			if got.worst > 2*time.Second {
				t.Errorf("one page took %v", got.worst)
			}
		})
	}
}

// BenchmarkExtract reports how much processor time an extraction takes, in
// units of readability's alone on the same page.
func BenchmarkExtract(b *testing.B) {
	pages := zytePages(b, filepath.Join(dataDir(b), "extraction", "zyte"))
	var ours, theirs time.Duration
	for b.Loop() {
		start := processorTime(b)
		for _, p := range pages {
			_, _ = Extract(p.html, Options{URL: p.url})
		}
		middle := processorTime(b)
		for _, p := range pages {
			readabilityAlone(b, p)
		}
		ours, theirs = ours+middle-start, theirs+processorTime(b)-middle
	}
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "×readability")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N*len(pages)), "µs/page")
	b.ReportMetric(0, "ns/op")
}

func readabilityAlone(b *testing.B, p labelledPage) {
	doc, err := html.Parse(bytes.NewReader(p.html))
	if err != nil {
		b.Fatal(err)
	}
	u, err := url.Parse(p.url)
	if err != nil {
		b.Fatal(err)
	}
	if a, err := readability.FromDocument(doc, u); err == nil && a.Node != nil {
		_ = a.RenderText(io.Discard)
	}
}
