package trend

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// View is one visit of an article, or several when nobody can tell them apart.
type View struct {
	// Key is the article's key: article.KeyOf of its address, or the site's own
	// id for it.
	Key string
	// Visitor is a salted hash of who looked; see [Beacon]. "" = unknown, then
	// every view counts.
	Visitor string
	// At is when. Its hour and day, both UTC, decide where it is counted.
	At time.Time
	// N is the number of views of an unknown visitor; 0 = 1. A known visitor
	// counts once, whatever N says.
	N int
}

// Count is the views an article had in one hour.
type Count struct {
	Hour  int64 // hours since 1970-01-01 UTC
	Views int
}

// Counters count views by article and hour, people once a day. [SQL] and
// [Redis] implement it; both may be used concurrently and from several
// processes at once.
type Counters interface {
	// Add counts views: one per visitor, article and UTC day. It returns how
	// many were new. After an error nothing is known of what was counted; views
	// with a visitor may be added again, they count once.
	Add(ctx context.Context, views []View) (counted int, err error)
	// Hours returns, of the articles that were among the top most viewed of
	// any hour in [from, to), all counts of that time, oldest first. An hour
	// belongs to the range when it begins in it.
	Hours(ctx context.Context, from, to time.Time, top int) (map[string][]Count, error)
	// Of returns the counts of the named articles in [from, to), oldest first.
	// Articles without views are missing.
	Of(ctx context.Context, keys []string, from, to time.Time) (map[string][]Count, error)
	// Newest returns when the last view was counted, to the hour at least and
	// never too late; the zero time when nothing has been counted.
	Newest(ctx context.Context) (time.Time, error)
	// Salt returns the secret that visitors of the UTC day are hashed with, the
	// same for every process; the first who asks makes it. Salts of days before
	// yesterday are gone.
	Salt(ctx context.Context, day int64) ([]byte, error)
}

// KeepHours is how long views are kept by the hour.
const KeepHours = 74

// HourOf is the number of t's hour since 1970-01-01 UTC.
func HourOf(t time.Time) int64 { return floorDiv(t.Unix(), 3600) }

// DayOf is the number of t's UTC day since 1970-01-01.
func DayOf(t time.Time) int64 { return floorDiv(t.Unix(), 86400) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// hourRange is the first hour that begins in [from, to) and the first after it.
func hourRange(from, to time.Time) (lo, hi int64) {
	return HourOf(from.Add(time.Hour - 1)), HourOf(to.Add(time.Hour - 1))
}

// tally is the views of one article in one hour, as they are counted.
type tally struct {
	key     string
	hour    int64
	unknown int     // views of nobody in particular
	people  []int64 // marks of those who looked, each once
}

// tallies groups views by hour and article, ordered by both, so that writers
// who meet lock rows in the same order. Views without a key are left out.
func tallies(views []View) []tally {
	type place struct {
		key  string
		hour int64
	}
	at := make(map[place]int)
	met := make(map[int64]map[int64]bool) // day → marks seen in this batch
	var out []tally
	for _, v := range views {
		if v.Key == "" {
			continue
		}
		p := place{v.Key, HourOf(v.At)}
		i, ok := at[p]
		if !ok {
			i = len(out)
			at[p] = i
			out = append(out, tally{key: p.key, hour: p.hour})
		}
		if v.Visitor == "" {
			out[i].unknown += max(1, v.N)
			continue
		}
		day, m := DayOf(v.At), mark(v.Visitor, v.Key)
		if met[day][m] {
			continue
		}
		if met[day] == nil {
			met[day] = make(map[int64]bool)
		}
		met[day][m] = true
		out[i].people = append(out[i].people, m)
	}
	slices.SortFunc(out, func(a, b tally) int {
		if a.hour != b.hour {
			return int(a.hour - b.hour)
		}
		return strings.Compare(a.key, b.key)
	})
	return out
}

// mark is what is remembered of a visitor and an article for a day. 64 bits:
// at ten million visits a day, one in two million is taken for another.
func mark(visitor, key string) int64 {
	b := make([]byte, 0, 96)
	b = append(b, visitor...)
	b = append(b, 0)
	b = append(b, key...)
	sum := sha256.Sum256(b)
	return int64(binary.LittleEndian.Uint64(sum[:]))
}

// newest is the time of the latest view.
func newest(views []View) time.Time {
	var t time.Time
	for _, v := range views {
		if v.At.After(t) {
			t = v.At
		}
	}
	return t
}
