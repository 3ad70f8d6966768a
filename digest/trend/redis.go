package trend

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"pressrun/deploy/schema"
)

// Redis counts views in Redis 6.2 or newer: one server, Sentinel or Cluster.
// The keys of a site share a hash tag, so that scripts and pipelines stay on
// one node of a cluster:
//
//	{pr:SITE}:h:HOUR       zset    article → views in that unix hour, 84 h    (stable API v1)
//	{pr:SITE}:seen:DAY     set     8-byte marks of visitor and article, until the next day is over
//	{pr:SITE}:newest       string  unix milliseconds of the newest counted view
//	{pr:SITE}:salt:DAY     string  what visitors are hashed with, 48 h
//	{pr:SITE}:folded:HOUR  string  the hour has been handed on to SQL, 24 h
//
// No command of ours touches more than a thousand members, and large keys are
// unlinked before they expire, so nothing holds up the server for long.
type Redis struct {
	client redis.UniversalClient
	prefix string
	now    func() time.Time
}

// NewRedis counts the site's views with client. site is part of every key; it
// must not contain braces. now nil means time.Now.
func NewRedis(client redis.UniversalClient, site string, now func() time.Time) *Redis {
	return &Redis{client: client, prefix: "{pr:" + site + "}:", now: clock(now)}
}

// redisHours is how long an hour stays in Redis after it began when nobody
// takes it away: long enough for Sample, every three hours, to hand it on in
// one turn and unlink it in the next. seenGrace is that long for a day's marks.
const (
	redisHours = KeepHours + 10
	seenGrace  = 6 * 3600
)

func (r *Redis) hourKey(hour int64) string { return r.prefix + "h:" + strconv.FormatInt(hour, 10) }
func (r *Redis) seenKey(day int64) string  { return r.prefix + "seen:" + strconv.FormatInt(day, 10) }

// addScript counts the views of one hour.
//
//	KEYS  hour, seen, newest
//	ARGV  seconds the hour and the set are to live, newest view (unix ms),
//	      then for each article: key, views of unknowns, number of marks, marks
//
// Marks that were in the set already add nothing, so the same batch may be
// sent twice without counting anybody twice.
var addScript = redis.NewScript(`
local i, all = 4, 0
while i <= #ARGV do
	local key, n, people = ARGV[i], tonumber(ARGV[i+1]), tonumber(ARGV[i+2])
	if people > 0 then
		n = n + redis.call('SADD', KEYS[2], unpack(ARGV, i+3, i+2+people))
	end
	if n > 0 then
		redis.call('ZINCRBY', KEYS[1], n, key)
		all = all + n
	end
	i = i + 3 + people
end
if all > 0 then
	redis.call('EXPIRE', KEYS[1], ARGV[1])
	redis.call('EXPIRE', KEYS[2], ARGV[2])
	local last = tonumber(redis.call('GET', KEYS[3]) or '0') or 0
	if tonumber(ARGV[3]) > last then
		redis.call('SET', KEYS[3], ARGV[3])
	end
end
return all`)

// viewsAtOnce bounds one run of the script (about 4 ms) and the arguments of
// one unpack, of which Lua allows some 8,000.
const viewsAtOnce = 1000

// Add implements Counters.
func (r *Redis) Add(ctx context.Context, views []View) (int, error) {
	views = countable(views, r.now())
	counted := 0
	for part := range slices.Chunk(views, viewsAtOnce) {
		n, err := r.add(ctx, part)
		counted += n
		if err != nil {
			return counted, fmt.Errorf("count %d views: %w", len(views), err)
		}
	}
	return counted, nil
}

func (r *Redis) add(ctx context.Context, views []View) (int, error) {
	last, counted := newest(views).UnixMilli(), 0
	ts := tallies(views)
	for len(ts) > 0 {
		hour := ts[0].hour
		end := slices.IndexFunc(ts, func(t tally) bool { return t.hour != hour })
		if end < 0 {
			end = len(ts)
		}
		n, err := r.addHour(ctx, hour, ts[:end], last)
		counted += n
		if err != nil {
			return counted, err
		}
		ts = ts[end:]
	}
	return counted, nil
}

func (r *Redis) addHour(ctx context.Context, hour int64, ts []tally, last int64) (int, error) {
	day, now := floorDiv(hour, 24), r.now().Unix()
	args := []any{max(1, (hour+redisHours)*3600-now), max(1, (day+2)*86400+seenGrace-now), last}
	for _, t := range ts {
		args = append(args, t.key, t.unknown, len(t.people))
		for _, m := range t.people {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], uint64(m))
			args = append(args, b[:])
		}
	}
	// Run is EVALSHA, and EVAL when the server does not know the script.
	return addScript.Run(ctx, r.client, []string{r.hourKey(hour), r.seenKey(day), r.prefix + "newest"}, args...).Int()
}

// Hours implements Counters, in two phases: the tops of each hour, then the
// exact counts of everything that was in one.
func (r *Redis) Hours(ctx context.Context, from, to time.Time, top int) (map[string][]Count, error) {
	lo, hi := hourRange(from, to)
	if hi <= lo || top <= 0 {
		return map[string][]Count{}, nil
	}
	tops := make([]*redis.StringSliceCmd, 0, hi-lo)
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for h := lo; h < hi; h++ {
			tops = append(tops, p.ZRevRange(ctx, r.hourKey(h), 0, int64(top)-1))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the most viewed: %w", err)
	}
	met := make(map[string]bool)
	var keys []string
	for _, t := range tops {
		for _, k := range t.Val() {
			if !met[k] {
				met[k] = true
				keys = append(keys, k)
			}
		}
	}
	return r.Of(ctx, keys, from, to)
}

// Of implements Counters.
func (r *Redis) Of(ctx context.Context, keys []string, from, to time.Time) (map[string][]Count, error) {
	lo, hi := hourRange(from, to)
	out := make(map[string][]Count)
	if hi <= lo {
		return out, nil
	}
	for part := range slices.Chunk(keys, viewsAtOnce) {
		scores := make([]*redis.FloatSliceCmd, 0, hi-lo)
		_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for h := lo; h < hi; h++ {
				scores = append(scores, p.ZMScore(ctx, r.hourKey(h), part...))
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read views of %d articles: %w", len(part), err)
		}
		for i, s := range scores {
			for j, views := range s.Val() {
				if views > 0 {
					out[part[j]] = append(out[part[j]], Count{lo + int64(i), int(views)})
				}
			}
		}
	}
	return out, nil
}

// Newest implements Counters. When only direct writers count, who do not keep
// the time, it is the beginning of the last hour that has views.
func (r *Redis) Newest(ctx context.Context) (time.Time, error) {
	hour := HourOf(r.now())
	var last *redis.StringCmd
	exist := make([]*redis.IntCmd, KeepHours)
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		last = p.Get(ctx, r.prefix+"newest")
		for i := range exist {
			exist[i] = p.Exists(ctx, r.hourKey(hour-int64(i)))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return time.Time{}, fmt.Errorf("read the newest view: %w", err)
	}
	var t time.Time
	if ms, err := last.Int64(); err == nil {
		t = time.UnixMilli(ms).UTC()
	}
	i := slices.IndexFunc(exist, func(c *redis.IntCmd) bool { return c.Val() > 0 })
	if i < 0 {
		return t, nil
	}
	if begin := time.Unix((hour-int64(i))*3600, 0).UTC(); begin.After(t) {
		t = begin
	}
	return t, nil
}

// Salt implements Counters.
func (r *Redis) Salt(ctx context.Context, day int64) ([]byte, error) {
	key := r.prefix + "salt:" + strconv.FormatInt(day, 10)
	if err := r.client.SetNX(ctx, key, newSalt(), 48*time.Hour).Err(); err != nil {
		return nil, fmt.Errorf("make the salt of day %d: %w", day, err)
	}
	salt, err := r.client.Get(ctx, key).Bytes()
	if err != nil {
		return nil, fmt.Errorf("read the salt of day %d: %w", day, err)
	}
	return salt, nil
}

// fold adds the hours that the model has just ceased to look at one by one to
// view_days, before they expire. A process claims an hour first, so two do not
// add it twice; one that dies in between loses old counts of one hour.
func (r *Redis) fold(ctx context.Context, db *schema.DB) error {
	now := HourOf(r.now())
	for hour := now - redisHours; hour < now-pastHours; hour++ {
		n, err := r.client.Exists(ctx, r.hourKey(hour)).Result()
		if err != nil {
			return fmt.Errorf("fold old views: %w", err)
		}
		if n == 0 {
			continue
		}
		mine, err := r.client.SetNX(ctx, r.prefix+"folded:"+strconv.FormatInt(hour, 10), "", 24*time.Hour).Result()
		if err != nil {
			return fmt.Errorf("fold old views: %w", err)
		}
		switch {
		case mine:
			err = r.foldHour(ctx, db, hour)
		case hour < now-KeepHours:
			err = r.client.Unlink(ctx, r.hourKey(hour)).Err()
		}
		if err != nil {
			return fmt.Errorf("fold old views: %w", err)
		}
	}
	// A key that expires is freed at once: a day of a million visits would hold
	// up the server for a tenth of a second. Unlinked, it is freed beside its work.
	today := DayOf(r.now())
	if err := r.client.Unlink(ctx, r.seenKey(today-2), r.seenKey(today-3)).Err(); err != nil {
		return fmt.Errorf("forget visitors: %w", err)
	}
	return nil
}

func (r *Redis) foldHour(ctx context.Context, db *schema.DB, hour int64) error {
	views := make(map[string]int64) // ZSCAN may return a member twice
	var cursor uint64
	for {
		pairs, next, err := r.client.ZScan(ctx, r.hourKey(hour), cursor, "", viewsAtOnce).Result()
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			n, _ := strconv.ParseFloat(pairs[i+1], 64)
			views[pairs[i]] = int64(n)
		}
		if cursor = next; cursor == 0 {
			return addDays(ctx, db, floorDiv(hour, 24), views)
		}
	}
}
