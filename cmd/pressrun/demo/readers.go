package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
)

// maxBatch is how many views one request to the beacon may carry.
const maxBatch = 1000

// Readers visit the site. They are many, each reads a few articles, and what
// they like is not simply what is newest. Use one Readers for all visits of a
// run: it remembers nothing but how often it was called, so that every visit
// brings new people.
type Readers struct {
	Beacon string       // base address of the beacon
	Site   *Site        // what they read
	Client *http.Client // nil means http.DefaultClient
	Seed   int64        // the same seed gives the same visits

	calls int
}

// A view is what the page's script tells the beacon.
type view struct {
	URL     string `json:"url"`
	Visitor string `json:"visitor"`
}

// browsers are what readers visit with.
var browsers = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
	"Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
}

// bots come as well. They all read the least wanted article of the site, which
// would be first at once if they were counted.
var bots = []string{
	"Mozilla/5.0 (compatible; Examplebot/2.1; +http://crawler.example/bot.html)",
	"python-requests/2.32.3",
	"Feedfetcher-Example; (+http://reader.example/feedfetcher.html; 4 subscribers)",
	"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; headless-spider/1.0) Chrome/142.0.0.0 Safari/537.36",
}

// Visit makes n views of the published articles through the beacon, and returns
// how many it took. Beside them come the views of bots, a twentieth of n, which
// are not in sent and which the beacon must not count. Nobody views an article
// twice. On an error, sent says how many had been taken before.
func (r *Readers) Visit(ctx context.Context, n int) (sent int, err error) {
	r.calls++
	rng := rand.New(rand.NewPCG(uint64(r.Seed), uint64(r.calls)))
	views := r.views(rng, n)
	if len(views) == 0 {
		return 0, fmt.Errorf("visit the site: no article is published yet")
	}
	for i, batch := range slices.Collect(slices.Chunk(views, batchSize(n))) {
		if err := r.post(ctx, browsers[i%len(browsers)], batch); err != nil {
			return sent, err
		}
		sent += len(batch)
	}
	return sent, r.crawl(ctx, n/20)
}

// batchSize makes every browser turn up even when there are few views.
func batchSize(n int) int { return min(maxBatch, max(1, (n+len(browsers)-1)/len(browsers))) }

// Popular returns the published articles, the most wanted first: the order that
// enough visits approach. "" means all languages.
func (r *Readers) Popular(lang string) []Article {
	all := r.Site.in(lang)
	slices.SortStableFunc(all, func(a, b Article) int { return cmp.Compare(b.ms.reads, a.ms.reads) })
	return all
}

// readership is the share of views that each language has.
var readership = map[string]float64{"en": .68, "ur": .19, "ru": .13}

// views draws n visits: popularity falls with the rank as in Zipf's law.
func (r *Readers) views(rng *rand.Rand, n int) []view {
	var articles []Article
	var upTo []float64 // cumulated weight
	total := 0.0
	for _, lang := range languages {
		ranked := r.Popular(lang)
		norm := 0.0
		for i := range ranked {
			norm += zipf(i)
		}
		for i, a := range ranked {
			total += readership[lang] * zipf(i) / norm
			articles, upTo = append(articles, a), append(upTo, total)
		}
	}
	if len(articles) == 0 {
		return nil
	}
	var out []view
	seen := map[view]bool{}
	pool := n/3 + 1 // people; each reads about three articles
	for len(out) < n {
		i, _ := slices.BinarySearch(upTo, rng.Float64()*total)
		v := view{articles[min(i, len(articles)-1)].URL, r.visitor(rng.IntN(pool))}
		if seen[v] {
			pool++ // somebody new instead
			continue
		}
		seen[v] = true
		out = append(out, v)
	}
	return out
}

func zipf(rank int) float64 { return 1 / math.Pow(float64(rank)+1.5, 1.05) }

// visitor is the name that the script gives a person; it says nothing about him.
func (r *Readers) visitor(i int) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d/%d", r.Seed, r.calls, i)
	return strconv.FormatUint(h.Sum64(), 36)
}

// crawl lets the bots read.
func (r *Readers) crawl(ctx context.Context, n int) error {
	ranked := r.Popular("en")
	if len(ranked) == 0 {
		ranked = r.Popular("")
	}
	last := ranked[len(ranked)-1].URL
	var views []view
	for i := range n {
		views = append(views, view{last, r.visitor(-1 - i)})
	}
	for i, batch := range slices.Collect(slices.Chunk(views, max(1, min(maxBatch, n/len(bots)+1)))) {
		if err := r.post(ctx, bots[i%len(bots)], batch); err != nil {
			return err
		}
	}
	return nil
}

func (r *Readers) post(ctx context.Context, agent string, views []view) error {
	body, err := json.Marshal(views)
	if err != nil {
		return fmt.Errorf("visit the site: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Beacon+"/v1/view", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("visit the site: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Origin", r.Site.Base)
	req.Header.Set("Referer", r.Site.Base+"/")
	client := r.Client
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("visit the site: %w", err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body) // so that the connection can be used again
	if res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("visit the site: the beacon at %s answered %s", r.Beacon, res.Status)
	}
	return nil
}
