package trend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Layout describes view counters that a site already keeps in Redis. They are
// only ever read.
//
//	{Kind: "counter", Key: "views:{id}"}                                  a string per article
//	{Kind: "zset", Key: "popular:{yyyy}{mm}{dd}", Member: "post:{id}"}    a sorted set, here one a day
//	{Kind: "hash", Key: "article:{id}", Field: "views"}                   a hash per article
//	{Kind: "hash", Key: "views", Field: "{id}"}                           one hash of all
//
// Exactly one of Key, Member and Field contains {id}; Key may contain {yyyy},
// {mm}, {dd} and {hh} of the present time.
type Layout struct {
	Kind   string `toml:"kind" json:"kind"`     // counter, zset or hash
	Key    string `toml:"key" json:"key"`       // of Redis
	Member string `toml:"member" json:"member"` // of a zset; "" = "{id}"
	Field  string `toml:"field" json:"field"`   // of a hash
	// Mode is "cumulative" (a number that grows; the default), "bucket" (it
	// begins anew with each value of the date in Key) or "decayed" (it also
	// shrinks by itself: only its growth counts).
	Mode string `toml:"mode" json:"mode"`
	// Article makes the article's key of the id: "wp:{id}"; "" = "{id}".
	Article string `toml:"article" json:"article"`
	// Zone is the time zone of dates in Key, an IANA name; "" = UTC.
	Zone string `toml:"zone" json:"zone"`
}

// pattern is a text with one {id} and dates.
type pattern struct {
	text  string
	hasID bool
}

func parsePattern(text string) (pattern, error) {
	n := strings.Count(text, "{id}")
	if n > 1 {
		return pattern{}, fmt.Errorf("pattern %q: {id} may stand there once", text)
	}
	return pattern{text, n == 1}, nil
}

// dated puts a time in.
func (p pattern) dated(t time.Time) pattern {
	r := strings.NewReplacer("{yyyy}", t.Format("2006"), "{mm}", t.Format("01"), "{dd}", t.Format("02"), "{hh}", t.Format("15"))
	return pattern{r.Replace(p.text), p.hasID}
}

func (p pattern) hasDate() bool { return p.dated(time.Unix(0, 0)).text != p.text }

// id is the id in s when s matches the pattern.
func (p pattern) id(s string) (string, bool) {
	if !p.hasID {
		return "", s == p.text
	}
	before, after, _ := strings.Cut(p.text, "{id}")
	if len(s) <= len(before)+len(after) || !strings.HasPrefix(s, before) || !strings.HasSuffix(s, after) {
		return "", false
	}
	return s[len(before) : len(s)-len(after)], true
}

// with is the text with an id put in.
func (p pattern) with(id string) string { return strings.Replace(p.text, "{id}", id, 1) }

// glob is the pattern for SCAN MATCH.
func (p pattern) glob() string {
	before, after, _ := strings.Cut(p.text, "{id}")
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`)
	return escape.Replace(before) + "*" + escape.Replace(after)
}

// Poller turns the growth of a site's own counters into views. Call Poll every
// one to five minutes; it must not be called concurrently.
type Poller struct {
	Client redis.UniversalClient
	Layout Layout
	// Published is when the article with a key came out, for counters that are
	// seen for the first time: those of an article younger than the last
	// reading count whole, older ones only what they grow from then on. nil =
	// nothing counts at first sight.
	Published func(key string) (at time.Time, known bool)
	Now       func() time.Time
	Log       *slog.Logger

	ready   bool
	err     error
	key     pattern
	member  pattern // or field
	article pattern
	zone    *time.Location
	last    map[string]reading
	at      time.Time // of the last reading
	grown   []float64 // the last positive growths, unordered ring
	next    int
}

type reading struct {
	value float64
	at    time.Time
}

// readMost bounds the articles read from one sorted set or hash.
const readMost = 20000

func (p *Poller) init() error {
	if p.ready {
		return p.err
	}
	p.ready = true
	p.Now = clock(p.Now)
	p.Log = cmp.Or(p.Log, slog.Default())
	p.last = make(map[string]reading)
	p.err = p.parse()
	return p.err
}

func (p *Poller) parse() error {
	l := &p.Layout
	l.Mode = cmp.Or(l.Mode, "cumulative")
	l.Article = cmp.Or(l.Article, "{id}")
	if l.Kind == "zset" {
		l.Member = cmp.Or(l.Member, "{id}")
	}
	var err1, err2, err3 error
	p.key, err1 = parsePattern(l.Key)
	p.member, err2 = parsePattern(l.Member + l.Field)
	p.article, err3 = parsePattern(l.Article)
	zone, err := time.LoadLocation(l.Zone)
	if err := errors.Join(err1, err2, err3, err); err != nil {
		return fmt.Errorf("layout: %w", err)
	}
	p.zone = zone
	switch {
	case !slices.Contains([]string{"counter", "zset", "hash"}, l.Kind):
		return fmt.Errorf("layout: kind %q is not counter, zset or hash", l.Kind)
	case !slices.Contains([]string{"cumulative", "bucket", "decayed"}, l.Mode):
		return fmt.Errorf("layout: mode %q is not cumulative, bucket or decayed", l.Mode)
	case l.Key == "" || p.key.hasID == p.member.hasID || !p.article.hasID:
		return errors.New("layout: write {id} once, in the key or in the member or field, and in the article")
	case l.Kind == "zset" && p.key.hasID || l.Kind == "counter" && l.Member+l.Field != "" || l.Kind == "hash" && l.Field == "":
		return fmt.Errorf("layout: a %s has no such parts", l.Kind)
	case l.Mode == "bucket" && !p.key.hasDate():
		return errors.New("layout: the key of mode bucket needs a date, like {yyyy}{mm}{dd}")
	}
	return nil
}

// Poll reads the counters once and returns what they have grown by since the
// last reading. The first reading returns nothing but the views of articles
// that Published knows to be newer than a day.
func (p *Poller) Poll(ctx context.Context) ([]View, error) {
	if err := p.init(); err != nil {
		return nil, err
	}
	now := p.Now()
	before := p.at
	var views []View
	for _, key := range p.keysAt(now, before) {
		values, err := p.read(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", key.text, err)
		}
		for _, id := range slices.Sorted(keysOf(values)) {
			views = append(views, p.growth(key.text, id, values[id], now, before)...)
		}
	}
	p.at = now
	for name, r := range p.last {
		if now.Sub(r.at) > 48*time.Hour {
			delete(p.last, name)
		}
	}
	return views, nil
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// keysAt is the key now, and the one of the last reading when a new day or
// hour began since: it may have grown after that.
func (p *Poller) keysAt(now, before time.Time) []pattern {
	keys := []pattern{p.key.dated(now.In(p.zone))}
	if old := p.key.dated(before.In(p.zone)); !before.IsZero() && old.text != keys[0].text {
		keys = append([]pattern{old}, keys...)
	}
	return keys
}

// growth is the views of one article since the last reading.
func (p *Poller) growth(key, id string, value float64, now, before time.Time) []View {
	name := key + "\x00" + id
	article := p.article.with(id)
	old, seen := p.last[name]
	grown := value - old.value
	switch {
	case !seen && p.bucketBegan(key, before):
	case !seen && !p.young(article, now, before):
		grown = 0
	case grown < 0 && p.Layout.Mode == "decayed":
		grown = 0
	case grown < 0: // the counter was reset
		grown = value
	}
	n := math.Floor(grown)
	p.last[name] = reading{value - (grown - n), now} // fractions wait for the next time
	if n < 1 {
		return nil
	}
	return p.spread(article, p.clamp(id, n), now, before)
}

// bucketBegan says whether key is of a bucket that did not exist at the last
// reading: all in it is new.
func (p *Poller) bucketBegan(key string, before time.Time) bool {
	return p.Layout.Mode == "bucket" && !before.IsZero() && p.key.dated(before.In(p.zone)).text != key
}

// young says whether an article came out after the last reading (on the first
// reading, within a day).
func (p *Poller) young(key string, now, before time.Time) bool {
	if p.Published == nil {
		return false
	}
	if before.IsZero() {
		before = now.Add(-24 * time.Hour)
	}
	at, known := p.Published(key)
	return known && at.After(before)
}

const (
	clampTimes = 20   // times the usual is more than one reading may bring
	clampKept  = 1000 // growths that say what is usual
	clampFrom  = 100  // growths without which nothing is usual yet
)

// clamp cuts what no article here has ever grown by: somebody plays with the
// counter, or it was restored. Usual is the 99th percentile of late.
func (p *Poller) clamp(id string, n float64) float64 {
	if len(p.grown) >= clampFrom {
		sorted := slices.Sorted(slices.Values(p.grown))
		most := clampTimes * sorted[len(sorted)*99/100]
		if n > most {
			p.Log.Warn("a site's counter jumped; cut", "id", id, "by", n, "to", most)
			n = most
		}
	}
	if len(p.grown) < clampKept {
		p.grown = append(p.grown, n)
	} else {
		p.grown[p.next%clampKept] = n
		p.next++
	}
	return n
}

// spread puts the views where they most likely were: now, or after a long
// pause evenly into the hours of it.
func (p *Poller) spread(key string, n float64, now, before time.Time) []View {
	hours := 1
	if gap := now.Sub(before); !before.IsZero() && gap > 90*time.Minute {
		hours = min(KeepHours-1, int(gap.Hours()))
	}
	var views []View
	for i, left := hours-1, int(n); i >= 0; i-- {
		part := left / (i + 1)
		left -= part
		if part > 0 {
			views = append(views, View{Key: key, At: now.Add(-time.Duration(i) * time.Hour), N: part})
		}
	}
	return views
}

// read is the present values by id.
func (p *Poller) read(ctx context.Context, key pattern) (map[string]float64, error) {
	switch {
	case p.Layout.Kind == "zset":
		return p.readSorted(ctx, key.text)
	case !key.hasID:
		return p.readHash(ctx, key.text)
	}
	names, err := p.scan(ctx, key)
	if err != nil {
		return nil, err
	}
	out := make(map[string]float64, len(names))
	for part := range slices.Chunk(names, viewsAtOnce) {
		if err := p.readKeys(ctx, key, part, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readKeys reads a value from each key. One command a key, in a pipeline: a
// cluster does not allow MGET over several slots.
func (p *Poller) readKeys(ctx context.Context, key pattern, names []string, out map[string]float64) error {
	got := make([]*redis.StringCmd, len(names))
	_, err := p.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, name := range names {
			if p.Layout.Kind == "hash" {
				got[i] = pipe.HGet(ctx, name, p.Layout.Field)
			} else {
				got[i] = pipe.Get(ctx, name)
			}
		}
		return nil
	})
	for i, name := range names {
		v, e := got[i].Float64()
		if id, ok := key.id(name); ok && e == nil && finite(v) {
			out[id] = v
		}
	}
	if err != nil && !errors.Is(err, redis.Nil) && !wrongType(err) {
		return err
	}
	return nil
}

// wrongType tells keys that match by name only.
func wrongType(err error) bool { return strings.HasPrefix(err.Error(), "WRONGTYPE") }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && v >= 0 }

func (p *Poller) readSorted(ctx context.Context, key string) (map[string]float64, error) {
	out := make(map[string]float64)
	for from := int64(0); from < readMost; from += viewsAtOnce {
		list, err := p.Client.ZRevRangeWithScores(ctx, key, from, from+viewsAtOnce-1).Result()
		if err != nil {
			return nil, err
		}
		for _, z := range list {
			member, _ := z.Member.(string)
			if id, ok := p.member.id(member); ok && finite(z.Score) {
				out[id] = z.Score
			}
		}
		if len(list) < viewsAtOnce {
			break
		}
	}
	return out, nil
}

func (p *Poller) readHash(ctx context.Context, key string) (map[string]float64, error) {
	out := make(map[string]float64)
	var cursor uint64
	for {
		list, next, err := p.Client.HScan(ctx, key, cursor, p.member.glob(), viewsAtOnce).Result()
		if err != nil {
			return nil, err
		}
		for i := 0; i+1 < len(list); i += 2 {
			v, err := strconv.ParseFloat(list[i+1], 64)
			if id, ok := p.member.id(list[i]); ok && err == nil && finite(v) {
				out[id] = v
			}
		}
		if cursor = next; cursor == 0 || len(out) >= readMost {
			return out, nil
		}
	}
}

// scan finds the keys of a pattern, on every master of a cluster.
func (p *Poller) scan(ctx context.Context, key pattern) ([]string, error) {
	cluster, ok := p.Client.(*redis.ClusterClient)
	if !ok {
		return scanNode(ctx, p.Client, key.glob())
	}
	found := make(chan []string)
	done := make(chan []string)
	go func() {
		var all []string
		for names := range found {
			all = append(all, names...)
		}
		done <- all
	}()
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		names, err := scanNode(ctx, node, key.glob())
		found <- names
		return err
	})
	close(found)
	return <-done, err
}

func scanNode(ctx context.Context, c redis.Cmdable, glob string) ([]string, error) {
	var names []string
	var cursor uint64
	for {
		list, next, err := c.Scan(ctx, cursor, glob, viewsAtOnce).Result()
		if err != nil {
			return nil, err
		}
		names = append(names, list...)
		if cursor = next; cursor == 0 {
			slices.Sort(names)
			return slices.Compact(names), nil
		}
	}
}
