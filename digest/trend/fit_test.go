package trend

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

// invented moments: the chance of a view is exp(w·x).
func invented(rnd *rand.Rand, n, stories int, w []float64) []moment {
	out := make([]moment, n)
	for i := range out {
		for range stories {
			x := make([]float64, len(w))
			for j := range x {
				x[j] = rnd.NormFloat64()
			}
			out[i] = append(out[i], example{x, math.Round(200 * math.Exp(dot(w, x)))})
		}
	}
	return out
}

func TestFitFindsWeights(t *testing.T) {
	want := []float64{1.2, -.5, 0, .3}
	moments := invented(rand.New(rand.NewPCG(1, 1)), 100, 50, want)
	zero := make([]float64, 4)
	a := fit(moments, zero, zero)
	b := fit(moments, []float64{-1, 1, 1, -1}, zero)
	for i := range want {
		if math.Abs(a[i]-want[i]) > .02 || math.Abs(a[i]-b[i]) > 1e-3 {
			t.Fatalf("got %v from zero and %v from elsewhere, want about %v", a, b, want)
		}
	}
}

func TestFitStaysWithLittle(t *testing.T) {
	// three views are no reason to leave the rule of thumb
	m := moment{{[]float64{1, 0}, 3}, {[]float64{0, 1}, 0}}
	centre := []float64{.5, -.25}
	w := fit([]moment{m}, centre, centre)
	for i := range w {
		if math.Abs(w[i]-centre[i]) > .02 {
			t.Errorf("got %v, want about %v", w, centre)
		}
	}
}

func TestFitStandsNonsense(t *testing.T) {
	// huge and equal features must not make weights that are no numbers
	for _, x := range [][]float64{{1e6, 1}, {0, 0}, {-1e3, 1e3}} {
		m := moment{{x, 5}, {x, 0}, {[]float64{1, 1}, 1e9}}
		for _, v := range fit([]moment{m, m}, []float64{.5, .5}, []float64{.5, .5}) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%v: got weight %v", x, v)
			}
		}
	}
}

// TestLoadFit fits what a site of 5,000 articles keeps: the 150 best, eight
// times a day, as long as the fit looks back.
func TestLoadFit(t *testing.T) {
	db := schematest.SQLite(t)
	now := time.Date(2026, 3, 29, 3, 0, 0, 0, time.UTC)
	rnd := rand.New(rand.NewPCG(2, 2))
	for at := now.Add(-learnFrom - 24*time.Hour); at.Before(now.Add(-24 * time.Hour)); at = at.Add(3 * time.Hour) {
		var list []sample
		for i := range samplesAtOnce {
			s := sample{Keys: []string{fmt.Sprintf("%032x", rnd.IntN(5000))}, Age: rnd.Float64() * 72, Next: float64(rnd.IntN(3000 / (i + 1)))}
			for range int(min(s.Age, 48)) {
				s.Hours = append(s.Hours, float64(rnd.IntN(1+1000/(i+1))))
			}
			list = append(list, s)
		}
		text, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Write.ExecContext(t.Context(), "insert into trend_samples (taken_at, samples, filled) values ($1, $2, true)", schema.At(at), string(text)); err != nil {
			t.Fatal(err)
		}
	}
	r := &Ranker{DB: db, Now: func() time.Time { return now }}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, spent := time.Now(), processor(t)
	if err := r.Fit(t.Context()); err != nil {
		t.Fatal(err)
	}
	took, spent := time.Since(began), processor(t)-spent
	runtime.ReadMemStats(&after)
	m, err := r.model(t.Context())
	if err != nil || m == nil {
		t.Fatalf("got no model, %v", err)
	}
	t.Logf("%d samples in %v, %v of processor, %d MB allocated in all", m.Pools[""].Rows, took.Round(time.Millisecond), spent.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20)
	if limit := 2 * time.Second * slowdown; spent > limit { // what it takes on an idle machine, about
		t.Errorf("the fit took %v of processor, want under %v", spent, limit)
	}
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 100 {
		t.Errorf("the fit allocated %d MB, want under 100", mb)
	}
}

// processor is how long this process has had a processor.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestPastAcrossTheHour(t *testing.T) {
	now := time.Date(2026, 3, 29, 12, 15, 0, 0, time.UTC)
	h := HourOf(now)
	var p past
	p.add([]Count{{h - 72, 8}, {h - 2, 40}, {h - 1, 100}, {h, 12}, {h + 1, 1}}, now)
	// the last hour: all of this one (and of a clock ahead), three quarters of the last
	if got, want := p.last(1), 12+1+75.; got != want {
		t.Errorf("last hour: got %v, want %v", got, want)
	}
	if got, want := p.last(2), 13+100+30.; got != want {
		t.Errorf("last two hours: got %v, want %v", got, want)
	}
	if got, want := p.last(pastHours), 13+100+40+6.; got != want {
		t.Errorf("all: got %v, want %v", got, want)
	}
	if got := len(p.features(nil)); got != len(featureList) {
		t.Errorf("got %d features, %d have names", got, len(featureList))
	}
}
