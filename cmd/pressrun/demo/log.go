package demo

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Log writes what the site's web server noted of the last day: n visits, in the
// combined format of nginx and Apache, in their order. People read by day more than by night,
// and an article less the older it gets.
func (r *Readers) Log(w io.Writer, n int) error {
	now := r.Site.now()
	rng := rand.New(rand.NewPCG(uint64(r.Seed), 0)) // Visit's calls count from 1
	at := make([]time.Time, n)
	for i := range at {
		for {
			at[i] = now.Add(-time.Duration(rng.Float64() * float64(24*time.Hour)))
			if rng.Float64() < busy(at[i]) {
				break
			}
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	ranked := map[string][]Article{}
	for _, lang := range languages {
		ranked[lang] = r.Popular(lang)
	}
	out := bufio.NewWriter(w)
	for _, t := range at {
		lang := tongue(rng)
		a, ok := wanted(rng, ranked[lang], t)
		if !ok {
			continue
		}
		who := rng.IntN(max(1, n/3)) // of a network of their own each (RFC 3849)
		fmt.Fprintf(out, "2001:db8:%x::1 - - [%s] \"GET %s HTTP/1.1\" 200 %d \"%s/\" \"%s\"\n",
			who, t.UTC().Format("02/Jan/2006:15:04:05 -0700"), a.Path, 18000+len(a.Title)*31, r.Site.Base, browsers[who%len(browsers)])
	}
	return out.Flush()
}

// busy is how much of the most is read at a time of day: least at three at night, most in
// the evening.
func busy(t time.Time) float64 {
	hour := float64(t.Hour()) + float64(t.Minute())/60
	return .55 - .45*math.Cos((hour-3)/24*2*math.Pi)
}

// tongue draws a language by its readership.
func tongue(rng *rand.Rand) string {
	x := rng.Float64()
	for _, lang := range languages {
		if x -= readership[lang]; x < 0 {
			return lang
		}
	}
	return languages[0]
}

// wanted draws one of ranked that was out at t.
func wanted(rng *rand.Rand, ranked []Article, t time.Time) (Article, bool) {
	weights, total := make([]float64, len(ranked)), 0.0
	for i, a := range ranked {
		if age := t.Sub(a.Published).Hours(); age > 0 {
			weights[i] = zipf(i) * (math.Exp(-age/20) + .04)
			total += weights[i]
		}
	}
	x := rng.Float64() * total
	for i, weight := range weights {
		if x -= weight; x < 0 {
			return ranked[i], true
		}
	}
	return Article{}, false
}
