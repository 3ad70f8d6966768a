package trend_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"pressrun/digest/trend"
)

type liveAnswer struct {
	By       string
	Trending bool
	Stories  []struct {
		Title, URL, Reason string
		Views              map[string]int
	}
}

func get(t *testing.T, h http.Handler, query string, header ...string) (*httptest.ResponseRecorder, liveAnswer) {
	t.Helper()
	r := httptest.NewRequest("GET", "/v1/trending.json"+query, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var a liveAnswer
	if w.Code == 200 {
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
	}
	return w, a
}

func TestLive(t *testing.T) {
	now := noon
	var stories []trend.LiveStory
	for i := range 30 {
		pool := "en"
		if i%3 == 0 {
			pool = "ur"
		}
		stories = append(stories, trend.LiveStory{Title: fmt.Sprint("Story ", i), URL: fmt.Sprint("https://news.example/", i),
			Candidate: trend.Candidate{Key: fmt.Sprint(i), Pool: pool, Published: noon.Add(-time.Duration(i) * time.Minute)}})
	}
	var calls int
	var fail error
	fresh := noon
	by := trend.ByViews
	l := &trend.Live{Now: func() time.Time { return now }, Log: silent,
		Stories: func(context.Context) ([]trend.LiveStory, error) { return stories, fail },
		Rank: func(_ context.Context, cands []trend.Candidate) (trend.Result, error) {
			calls++
			res := trend.Result{By: by, Fresh: fresh}
			for i := range cands { // oldest first, the last ten without views
				k := len(cands) - 1 - i
				n := 0
				if k >= 3 {
					n = 10 * k
				}
				res.Ranked = append(res.Ranked, trend.Ranked{Index: k, Views: map[string]int{"24h": n}, Reason: "because"})
			}
			return res, nil
		}}
	h := l.Handler()

	w, a := get(t, h, "?lang=ur&n=5")
	if !a.Trending || a.By != "views" || len(a.Stories) != 5 || a.Stories[0].Title != "Story 27" || a.Stories[0].URL != "https://news.example/27" {
		t.Errorf("got %s", w.Body)
	}
	if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("got header %v", w.Header())
	}
	if w, _ := get(t, h, "?lang=ur&n=5", "If-None-Match", w.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("unchanged: got %d, want 304", w.Code)
	}
	if _, a := get(t, h, ""); len(a.Stories) != 10 || a.Stories[0].Title != "Story 29" {
		t.Errorf("all pools: got %+v", a)
	}
	if _, a := get(t, h, "?lang=ur&n=50"); len(a.Stories) != 7 {
		t.Errorf("got %d stories, want the 7 with views", len(a.Stories))
	}
	if _, a := get(t, h, "?lang=xx"); a.Trending || len(a.Stories) != 0 {
		t.Errorf("unknown pool: got %+v", a)
	}
	if w, _ := get(t, h, "?n=1000"); w.Code != 400 {
		t.Errorf("n=1000: got %d, want 400", w.Code)
	}

	before := calls
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { get(t, h, "?lang=en") })
	}
	wg.Wait()
	if calls != before {
		t.Errorf("ranked %d times within a minute", calls-before)
	}

	now = now.Add(2 * time.Minute)
	fail = errors.New("database gone")
	if _, a := get(t, h, "?lang=ur"); len(a.Stories) != 7 {
		t.Errorf("an old list is better than none: got %+v", a)
	}
	fail = nil
	now = now.Add(4 * time.Hour)
	if _, a := get(t, h, "?lang=ur"); a.Trending || a.By != "views" {
		t.Errorf("views of four hours ago are not trending: got %+v", a)
	}
	now, by = now.Add(2*time.Minute), trend.ByDate
	if _, a := get(t, h, "?lang=ur"); a.Trending || a.By != "date" || len(a.Stories) != 10 || a.Stories[0].Title != "Story 0" {
		t.Errorf("by date: got %+v", a)
	}
}

func TestLiveWithNothing(t *testing.T) {
	l := &trend.Live{Now: at(noon), Log: silent, Stories: func(context.Context) ([]trend.LiveStory, error) { return nil, errors.New("gone") }}
	if w, _ := get(t, l.Handler(), ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", w.Code)
	}
}
