package trend_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pressrun/digest/trend"
)

// history is a recorded site: articles as they became known, views in the
// order of time.
type history struct {
	articles []histArticle
	views    []histView
}

type histArticle struct {
	ID        string `json:"id"`
	Published int64  `json:"published"`
	Seen      int64  `json:"seen,omitempty"`
	Lang      string `json:"lang,omitempty"`
}

type histView struct {
	T       int64  `json:"t"`
	Article string `json:"article"`
	Visitor string `json:"visitor,omitempty"`
	N       int    `json:"n"`
}

// dataDir is the folder of labelled data, which is not part of the project.
func dataDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("PRESSRUN_DATA"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "data")
		}
	}
	return dir
}

// recorded reads the first days of a set.
func recorded(t *testing.T, name string, days int64) history {
	t.Helper()
	dir := filepath.Join(dataDir(t), "trending", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the labelled data is not here")
	}
	var h history
	first := make(map[string]int64)
	readLines(t, filepath.Join(dir, "views.jsonl.gz"), func(v histView) {
		v.N = max(1, v.N)
		if len(h.views) == 0 || v.T < h.views[0].T+days*86400 {
			h.views = append(h.views, v)
			if _, ok := first[v.Article]; !ok {
				first[v.Article] = v.T
			}
		}
	})
	end := h.views[len(h.views)-1].T
	readLines(t, filepath.Join(dir, "articles.jsonl.gz"), func(a histArticle) {
		a.Seen = cmp.Or(a.Seen, a.Published)
		if t, ok := first[a.ID]; ok {
			a.Seen = min(a.Seen, t)
		}
		if a.Seen <= end {
			h.articles = append(h.articles, a)
		}
	})
	slices.SortStableFunc(h.articles, func(a, b histArticle) int { return cmp.Compare(a.Seen, b.Seen) })
	return h
}

func readLines[T any](t *testing.T, path string, each func(T)) {
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
	d := json.NewDecoder(z)
	for {
		var v T
		if err := d.Decode(&v); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		each(v)
	}
}

// play feeds h to Replay and asks for the ten best every step seconds, of the
// given language or, with "", of all. attack views of one visitor go to one
// stale article before each question. It returns the mean share of the best
// possible views that the answers captured, and how many times the attacked
// article was in an answer.
func play(t *testing.T, h history, step int64, lang string, attack int) (capture float64, fooled int) {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := trend.Replay(inR, outW)
		inR.CloseWithError(err)
		outW.CloseWithError(err)
		done <- err
	}()
	in, out := bufio.NewWriter(inW), bufio.NewScanner(outR)
	say := func(what string, v any) {
		text, err := json.Marshal(map[string]any{what: v})
		if err == nil {
			_, err = in.Write(append(text, '\n'))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	langs, published, viewed := make(map[string]string), make(map[string]int64), make(map[string]int64)
	n, ai, vi := 0, 0, 0
	for at := firstQuestion(h, step); at <= h.views[len(h.views)-1].T-86400; at += step {
		for vi < len(h.views) && h.views[vi].T < at || ai < len(h.articles) && h.articles[ai].Seen < at {
			if ai < len(h.articles) && h.articles[ai].Seen < at && (vi == len(h.views) || h.articles[ai].Seen <= h.views[vi].T) {
				a := h.articles[ai]
				langs[a.ID], published[a.ID] = a.Lang, a.Published
				a.Seen = 0
				say("article", a)
				ai++
				continue
			}
			say("view", h.views[vi])
			viewed[h.views[vi].Article] = h.views[vi].T
			vi++
		}
		next := nextDay(h, vi, at)
		target := stale(published, viewed, next, at)
		for range attack {
			say("view", histView{at - 1, target, "mallory", 1})
		}
		ask := map[string]any{"t": at, "k": 10, "fresh": 0}
		if lang != "" {
			ask["lang"] = lang
		}
		say("rank", ask)
		if err := in.Flush(); err != nil || !out.Scan() {
			t.Fatalf("no answer for %d: %v, %v", at, err, out.Err())
		}
		var answer struct{ IDs []string }
		if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		var best []int
		for id, views := range next {
			if _, known := published[id]; known && (lang == "" || langs[id] == lang) {
				best = append(best, views)
			}
		}
		slices.SortFunc(best, func(a, b int) int { return b - a })
		could, got := 0, 0
		for _, views := range best[:min(10, len(best))] {
			could += views
		}
		for _, id := range answer.IDs {
			got += next[id]
		}
		if could > 0 {
			capture += float64(got) / float64(could)
			n++
		}
		if slices.Contains(answer.IDs, target) {
			fooled++
		}
	}
	in.WriteString("{\"end\":true}\n")
	in.Flush()
	inW.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return capture / float64(n), fooled
}

// firstQuestion is the first full step, or 07:00 UTC of daily ones, after
// three days.
func firstQuestion(h history, step int64) int64 {
	from := h.views[0].T + 3*86400
	at := from - from%step
	if step == 86400 {
		at += 7 * 3600
	}
	for at < from {
		at += step
	}
	return at
}

func nextDay(h history, vi int, at int64) map[string]int {
	next := make(map[string]int)
	for _, v := range h.views[vi:] {
		if v.T >= at+86400 {
			break
		}
		next[v.Article] += v.N
	}
	return next
}

// stale is a known article of at least two days that nobody reads, today or
// tomorrow.
func stale(published, viewed map[string]int64, next map[string]int, at int64) string {
	best := ""
	for id, t := range published {
		if t < at-2*86400 && viewed[id] < at-86400 && next[id] == 0 && (best == "" || t > published[best] || t == published[best] && id < best) {
			best = id
		}
	}
	return best
}

func TestQualityTrending(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for _, c := range []struct {
		set           string
		days          int64
		hourly, daily float64 // what the ranking has to reach on these days
	}{
		{"hn-dev", 13, .885, .87},
		{"recovery-dev", 25, .835, .835},
		{"fbpal-dev", 25, .58, .645},
	} {
		h := recorded(t, c.set, c.days)
		hourly, _ := play(t, h, 3600, "", 0)
		daily, fooled := play(t, h, 86400, "", 2000)
		t.Logf("%s: capture@10 hourly %.3f, daily under attack %.3f", c.set, hourly, daily)
		if hourly < c.hourly || daily < c.daily || fooled > 0 {
			t.Errorf("%s: got capture@10 hourly %.3f, daily %.3f, fooled %d times; want at least %.3f, %.3f, never", c.set, hourly, daily, fooled, c.hourly, c.daily)
		}
	}
}

// TestQualityTrendingSmallPool ranks a language with a twentieth of a site's
// views beside the rest and alone.
func TestQualityTrendingSmallPool(t *testing.T) {
	large, small := recorded(t, "fbpal-dev", 18), recorded(t, "recovery-dev", 18)
	shift := small.views[0].T - large.views[0].T
	shift -= shift % 86400
	alone, both := history{}, history{}
	for _, a := range small.articles {
		a.Lang = "ur"
		alone.articles = append(alone.articles, a)
	}
	for i, v := range small.views {
		if i%4 == 0 { // about 250 of 5,000 views a day
			alone.views = append(alone.views, v)
		}
	}
	both.articles, both.views = slices.Clone(alone.articles), slices.Clone(alone.views)
	for _, a := range large.articles {
		both.articles = append(both.articles, histArticle{"en" + a.ID, a.Published + shift, a.Seen + shift, "en"})
	}
	for _, v := range large.views {
		both.views = append(both.views, histView{v.T + shift, "en" + v.Article, "", v.N})
	}
	slices.SortStableFunc(both.articles, func(a, b histArticle) int { return cmp.Compare(a.Seen, b.Seen) })
	slices.SortStableFunc(both.views, func(a, b histView) int { return cmp.Compare(a.T, b.T) })
	both.views[0].T = min(both.views[0].T, alone.views[0].T)
	want, _ := play(t, alone, 6*3600, "ur", 0)
	got, _ := play(t, both, 6*3600, "ur", 0)
	t.Logf("capture@10 of the small pool: alone %.3f, beside twenty times its views %.3f", want, got)
	if diff := got - want; diff < -.02 {
		t.Errorf("got %.3f, alone %.3f: the small pool suffers", got, want)
	}
}

func TestReplayRefusesNonsense(t *testing.T) {
	for text, want := range map[string]string{
		`{"rank":{"t":1604732400,"k":10}}` + "\n": `{"t":1604732400,"ids":[]}` + "\n",
		"":                                    "",
		`{"end":true}` + "\n" + `{"rank":{}}`: "",
	} {
		var out strings.Builder
		if err := trend.Replay(strings.NewReader(text), &out); err != nil || out.String() != want {
			t.Errorf("%q: got %q, %v; want %q", text, out.String(), err, want)
		}
	}
	if err := trend.Replay(strings.NewReader("{\"article\":\n"), io.Discard); err == nil || fmt.Sprint(err)[:14] != "replay: line 1" {
		t.Errorf("got %v, want the number of the line", err)
	}
}
