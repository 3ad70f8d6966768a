package trend_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
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

// attack is views of one visitor on a stale article before each question.
type attack struct {
	views int
	over  int64 // the seconds they are spread over; 0 = all in the last one
}

// played is what a replay's answers are worth: means over the questions from
// the fourth day on.
type played struct {
	capture float64 // views of the chosen over those of the best possible ten
	ndcg    float64
	fooled  int // answers with the attacked article
	// Every question's capture less what the ten most viewed of the last 24 h
	// capture, from the second day on.
	above []lead
}

type lead struct {
	at    int64
	gains float64
}

// interval is the mean of a lead and its 95 % interval; whole days are drawn
// again, as questions of one day are not independent of each other.
func interval(leads []lead) (mean, lo, hi float64) {
	days := make(map[int64][]float64)
	for _, l := range leads {
		days[l.at/86400] = append(days[l.at/86400], l.gains)
		mean += l.gains / float64(len(leads))
	}
	names := slices.Sorted(maps.Keys(days))
	rnd := rand.New(rand.NewPCG(1, 1))
	means := make([]float64, 1000)
	for i := range means {
		sum, n := 0.0, 0
		for range names {
			for _, g := range days[names[rnd.IntN(len(names))]] {
				sum += g
				n++
			}
		}
		means[i] = sum / float64(n)
	}
	slices.Sort(means)
	return mean, means[25], means[975]
}

// mostViewed are the ten known articles with the most views in the 24 h before at.
func mostViewed(views []histView, at int64, known func(id string) bool) []string {
	day := make(map[string]int)
	for _, v := range slices.Backward(views) {
		if v.T < at-86400 {
			break
		}
		if known(v.Article) {
			day[v.Article] += v.N
		}
	}
	ids := slices.SortedFunc(maps.Keys(day), func(a, b string) int { return cmp.Or(day[b]-day[a], strings.Compare(a, b)) })
	return ids[:min(10, len(ids))]
}

// play feeds h to Replay and asks for the ten best every step seconds, of the
// given language or, with "", of all.
func play(t *testing.T, h history, step int64, lang string, by attack) (got played) {
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
	langs, published := make(map[string]string), make(map[string]int64)
	n, ai, vi := 0, 0, 0
	for at := firstQuestion(h, step); at <= h.views[len(h.views)-1].T-86400; at += step {
		target := ""
		var blows []histView                            // in the order of time
		if by.views > 0 && at >= h.views[0].T+3*86400 { // before that nothing is measured
			target = stale(h, at)
			for i := range by.views {
				blows = append(blows, histView{at - 1 - by.over + by.over*int64(i)/int64(by.views), target, "mallory", 1})
			}
		}
		for vi < len(h.views) && h.views[vi].T < at || ai < len(h.articles) && h.articles[ai].Seen < at {
			if ai < len(h.articles) && h.articles[ai].Seen < at && (vi == len(h.views) || h.articles[ai].Seen <= h.views[vi].T) {
				a := h.articles[ai]
				langs[a.ID], published[a.ID] = a.Lang, a.Published
				a.Seen = 0
				say("article", a)
				ai++
				continue
			}
			for len(blows) > 0 && blows[0].T <= h.views[vi].T {
				say("view", blows[0])
				blows = blows[1:]
			}
			say("view", h.views[vi])
			vi++
		}
		for _, v := range blows {
			say("view", v)
		}
		next := nextDay(h, vi, at)
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
		known := func(id string) bool {
			_, ok := published[id]
			return ok && (lang == "" || langs[id] == lang)
		}
		var best []int
		for id, views := range next {
			if known(id) {
				best = append(best, views)
			}
		}
		slices.SortFunc(best, func(a, b int) int { return b - a })
		var could, had, usual, ideal, gained float64
		for i, views := range best[:min(10, len(best))] {
			could += float64(views)
			ideal += float64(views) / math.Log2(float64(i+2))
		}
		for i, id := range answer.IDs {
			had += float64(next[id])
			gained += float64(next[id]) / math.Log2(float64(i+2))
		}
		for _, id := range mostViewed(h.views[:vi], at, known) {
			usual += float64(next[id])
		}
		if could > 0 {
			got.above = append(got.above, lead{at, (had - usual) / could})
		}
		if could > 0 && at >= h.views[0].T+3*86400 {
			got.capture += had / could
			got.ndcg += gained / ideal
			n++
		}
		if target != "" && slices.Contains(answer.IDs, target) {
			got.fooled++
		}
	}
	in.WriteString("{\"end\":true}\n")
	in.Flush()
	inW.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got.capture /= float64(n)
	got.ndcg /= float64(n)
	return got
}

// firstQuestion is the first full step, or 07:00 UTC of daily ones, after
// a day.
func firstQuestion(h history, step int64) int64 {
	from := h.views[0].T + 86400
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

// stale is a known article of at least two days that nobody reads, the day
// before at or the day after.
func stale(h history, at int64) string {
	read := make(map[string]bool)
	for _, v := range h.views {
		if v.T >= at-86400 && v.T < at+86400 {
			read[v.Article] = true
		}
	}
	best, published := "", int64(0)
	for _, a := range h.articles {
		if a.Seen < at-2*86400 && a.Published < at-2*86400 && !read[a.ID] && a.Published > published {
			best, published = a.ID, a.Published
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
		hourly, daily := play(t, h, 3600, "", attack{}), play(t, h, 86400, "", attack{})
		t.Logf("%s: capture@10 hourly %.3f, daily %.3f", c.set, hourly.capture, daily.capture)
		if hourly.capture < c.hourly || daily.capture < c.daily {
			t.Errorf("%s: got capture@10 hourly %.3f, daily %.3f; want at least %.3f, %.3f", c.set, hourly.capture, daily.capture, c.hourly, c.daily)
		}
		week := h.views[0].T + 7*86400
		neverBelow(t, c.set+", hourly", hourly.above)
		neverBelow(t, c.set+", daily", daily.above)
		neverBelow(t, c.set+", hourly in the first week", slices.DeleteFunc(hourly.above, func(l lead) bool { return l.at > week }))
		for _, by := range []attack{{views: 10_000}, {views: 10_000, over: 86400}} {
			got := play(t, h, 86400, "", by)
			diff := got.ndcg - daily.ndcg
			t.Logf("%s: 10,000 views of one visitor within %d s: in the ten best %d times, NDCG@10 %+.4f", c.set, by.over, got.fooled, diff)
			if got.fooled > 0 || math.Abs(diff) > .002 {
				t.Errorf("%s: 10,000 views of one visitor within %d s were in the ten best %d times and moved NDCG@10 by %+.4f; want never, at most .002", c.set, by.over, got.fooled, diff)
			}
		}
	}
}

// neverBelow wants a ranking above the ten most viewed of the last 24 h, or at
// least not significantly below.
func neverBelow(t *testing.T, what string, above []lead) {
	t.Helper()
	mean, lo, hi := interval(above)
	t.Logf("%s: %+.3f [%+.3f, %+.3f] above the most viewed of the last 24 h, %d questions", what, mean, lo, hi, len(above))
	if hi < 0 {
		t.Errorf("%s: significantly below the most viewed of the last 24 h: %+.3f [%+.3f, %+.3f]", what, mean, lo, hi)
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
	want, got := play(t, alone, 6*3600, "ur", attack{}).capture, play(t, both, 6*3600, "ur", attack{}).capture
	t.Logf("capture@10 of the small pool: alone %.3f, beside twenty times its views %.3f", want, got)
	if diff := got - want; math.Abs(diff) > .02 {
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
