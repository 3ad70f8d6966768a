package trend

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// LiveStory is a story as the publisher's page shows it.
type LiveStory struct {
	Candidate
	Title, URL string
	Label      string // "opinion", "satire", "live"; "" = none
}

// Live serves the ranking to the publisher's pages:
//
//	GET /v1/trending.json?lang=en&n=10
//	{"updated": "…", "by": "views", "trending": true, "stories": [{"title", "url", "source", "section", "label", "published", "views", "reason"}]}
//
// "label" (opinion, satire, live) must stand beside the title; most have none.
// "trending" is what a heading may claim: true only when fresh views chose the
// list. An answer is made at most once a minute, however many ask, and an old one
// is better than none.
type Live struct {
	// Rank orders candidates: Ranker.Rank.
	Rank func(ctx context.Context, cands []Candidate) (Result, error)
	// Stories lists what may be shown.
	Stories func(ctx context.Context) ([]LiveStory, error)
	Now     func() time.Time
	Log     *slog.Logger

	mu      sync.Mutex
	made    time.Time
	answers map[string]*answer // by pool
}

// liveFor is how long an answer is good.
const liveFor = time.Minute

// liveViews is how many views of the last 24 h a story of the live list needs.
const liveViews = 3

// answer is the list of a pool, n stories of which are sent.
type answer struct {
	Updated  time.Time   `json:"updated"`
	By       string      `json:"by"`
	Trending bool        `json:"trending"`
	Stories  []liveEntry `json:"stories"`
}

type liveEntry struct {
	Title     string         `json:"title"`
	URL       string         `json:"url"`
	Source    string         `json:"source,omitempty"`
	Section   string         `json:"section,omitempty"`
	Label     string         `json:"label,omitempty"`
	Published time.Time      `json:"published"`
	Views     map[string]int `json:"views"`
	Reason    string         `json:"reason"`
}

// liveMost bounds a list; TrendingAge is how old the newest view may be under
// a heading that says "Trending Now".
const (
	liveMost    = 50
	TrendingAge = 3 * time.Hour
)

// Handler serves GET /v1/trending.json.
func (l *Live) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/trending.json", l.serve)
	return mux
}

func (l *Live) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	n := 10
	if text := r.FormValue("n"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 || n > liveMost {
			http.Error(w, "n is a number from 1 to 50", http.StatusBadRequest)
			return
		}
	}
	a, err := l.answer(r.Context(), r.FormValue("lang"))
	if err != nil {
		cmp.Or(l.Log, slog.Default()).Error("make the live list", "error", err)
		http.Error(w, "the list cannot be made at the moment", http.StatusServiceUnavailable)
		return
	}
	short := *a
	short.Stories = a.Stories[:min(n, len(a.Stories))]
	body, err := json.Marshal(short)
	if err != nil {
		http.Error(w, "the list cannot be made at the moment", http.StatusInternalServerError)
		return
	}
	sum := sha256.Sum256(body)
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(liveFor.Seconds())))
	h.Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// answer is the present list of a pool, "" = of all.
func (l *Live) answer(ctx context.Context, pool string) (*answer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := clock(l.Now)().UTC()
	if l.answers == nil || now.Sub(l.made) >= liveFor {
		answers, err := l.make(context.WithoutCancel(ctx), now)
		switch {
		case err == nil:
			l.answers, l.made = answers, now
		case l.answers == nil:
			return nil, err
		default:
			l.made = now // try again after the same pause
			cmp.Or(l.Log, slog.Default()).Warn("the live list is an old one", "error", err)
		}
	}
	if a := l.answers[pool]; a != nil {
		return a, nil
	}
	return &answer{Updated: l.made, By: ByDate, Stories: []liveEntry{}}, nil
}

// make ranks every pool, and all of them together for those who name none.
func (l *Live) make(ctx context.Context, now time.Time) (map[string]*answer, error) {
	stories, err := l.Stories(ctx)
	if err != nil {
		return nil, err
	}
	pools := map[string][]LiveStory{"": stories}
	for _, s := range stories {
		if s.Pool != "" {
			pools[s.Pool] = append(pools[s.Pool], s)
		}
	}
	out := make(map[string]*answer, len(pools))
	for pool, list := range pools {
		if out[pool], err = l.list(ctx, now, list); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (l *Live) list(ctx context.Context, now time.Time, list []LiveStory) (*answer, error) {
	cands := make([]Candidate, len(list))
	for i, s := range list {
		cands[i] = s.Candidate
	}
	res, err := l.Rank(ctx, cands)
	if err != nil {
		return nil, err
	}
	a := &answer{Updated: now, By: res.By, Stories: []liveEntry{}}
	if res.By != ByDate {
		a.add(res.Ranked, list, liveViews)
	}
	a.Trending = res.By == ByViews && now.Sub(res.Fresh) < TrendingAge && len(a.Stories) > 0
	if len(a.Stories) == 0 {
		a.By = ByDate
		a.add(byDate(cands).Ranked, list, 0)
	}
	return a, nil
}

func (a *answer) add(ranked []Ranked, list []LiveStory, least int) {
	for _, r := range ranked {
		if len(a.Stories) == liveMost {
			return
		}
		if s := list[r.Index]; r.Views["24h"] >= least {
			a.Stories = append(a.Stories, liveEntry{s.Title, s.URL, s.Source, s.Section, s.Label, s.published().UTC(), r.Views, r.Reason})
		}
	}
}
