package trend

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"pressrun/deploy/schema"
)

// SQL counts views in the installation's own database, for sites without
// Redis. A batch is one short write transaction of a few statements, whatever
// its size, so that a beacon at a thousand views a second leaves the writer
// free for others nearly all the time.
type SQL struct {
	db   *schema.DB
	now  func() time.Time
	last atomic.Int64 // unix milliseconds of the newest view this process counted
}

// NewSQL counts in db. now nil means time.Now.
func NewSQL(db *schema.DB, now func() time.Time) *SQL {
	return &SQL{db: db, now: clock(now)}
}

func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

// rowsAtOnce bounds the rows of one statement. SQLite looks each $N up in a list
// of those before it: 5,000 views cost it 258 ms of processor in statements of
// 2,000 rows and 44 to 78 in those of 100; PostgreSQL 18 and 29 to 34.
const rowsAtOnce = 100

// Add implements Counters.
func (s *SQL) Add(ctx context.Context, views []View) (int, error) {
	views = countable(views, s.now())
	if len(views) == 0 {
		return 0, nil
	}
	ts := tallies(views)
	counted := 0
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		fresh, err := s.remember(ctx, tx, ts)
		if err != nil {
			return err
		}
		counted, err = count(ctx, tx, ts, fresh)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count %d views: %w", len(views), err)
	}
	if counted > 0 {
		raise(&s.last, newest(views).UnixMilli())
	}
	return counted, nil
}

func raise(v *atomic.Int64, to int64) {
	for {
		old := v.Load()
		if old >= to || v.CompareAndSwap(old, to) {
			return
		}
	}
}

// countable leaves out views older than the counters reach and those from a
// clock that is more than an hour ahead.
func countable(views []View, now time.Time) []View {
	lo, hi := now.Add(-KeepHours*time.Hour), now.Add(time.Hour)
	out := func(v View) bool { return v.Key == "" || v.At.Before(lo) || v.At.After(hi) }
	if !slices.ContainsFunc(views, out) {
		return views
	}
	return slices.DeleteFunc(slices.Clone(views), out)
}

type daymark struct{ day, mark int64 }

// remember writes down who looked and returns which marks were new.
func (s *SQL) remember(ctx context.Context, tx *sql.Tx, ts []tally) (map[daymark]bool, error) {
	var all []daymark
	for _, t := range ts {
		for _, m := range t.people {
			all = append(all, daymark{floorDiv(t.hour, 24), m})
		}
	}
	slices.SortFunc(all, func(a, b daymark) int {
		if a.day != b.day {
			return int(a.day - b.day)
		}
		if a.mark < b.mark {
			return -1
		}
		return 1
	})
	fresh := make(map[daymark]bool, len(all))
	for part := range slices.Chunk(all, rowsAtOnce) {
		args := make([]any, 0, 2*len(part))
		for _, m := range part {
			args = append(args, m.day, m.mark)
		}
		rows, err := tx.QueryContext(ctx, "insert into view_seen (day, visitor) values "+places(len(part), 2)+
			" on conflict do nothing returning day, visitor", args...)
		if err != nil {
			return nil, fmt.Errorf("remember visitors: %w", err)
		}
		err = scanAll(rows, func() error {
			var m daymark
			if err := rows.Scan(&m.day, &m.mark); err != nil {
				return err
			}
			fresh[m] = true
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("remember visitors: %w", err)
		}
	}
	return fresh, nil
}

// count adds what is new to the hours.
func count(ctx context.Context, tx *sql.Tx, ts []tally, fresh map[daymark]bool) (int, error) {
	type row struct {
		tally
		views int
	}
	var rows []row
	counted := 0
	for _, t := range ts {
		n := t.unknown
		for _, m := range t.people {
			if fresh[daymark{floorDiv(t.hour, 24), m}] {
				n++
			}
		}
		if n > 0 {
			rows = append(rows, row{t, n})
			counted += n
		}
	}
	for part := range slices.Chunk(rows, rowsAtOnce) {
		args := make([]any, 0, 3*len(part))
		for _, r := range part {
			args = append(args, r.key, r.hour, r.views)
		}
		_, err := tx.ExecContext(ctx, "insert into view_hours (article_key, hour, views) values "+places(len(part), 3)+
			" on conflict (hour, article_key) do update set views = view_hours.views + excluded.views", args...)
		if err != nil {
			return 0, fmt.Errorf("add to the hours: %w", err)
		}
	}
	return counted, nil
}

// places is "($1, $2), ($3, $4) …" for rows of so many columns.
func places(rows, columns int) string {
	var b strings.Builder
	n := 0
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for c := range columns {
			if c > 0 {
				b.WriteByte(',')
			}
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		}
		b.WriteByte(')')
	}
	return b.String()
}

func scanAll(rows *sql.Rows, one func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := one(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Hours implements Counters.
func (s *SQL) Hours(ctx context.Context, from, to time.Time, top int) (map[string][]Count, error) {
	lo, hi := hourRange(from, to)
	// the inner select numbers the articles of each hour by their views
	rows, err := s.db.Read.QueryContext(ctx, `
		select article_key, hour, views from view_hours
		where hour >= $1 and hour < $2 and article_key in (
			select article_key from (
				select article_key, row_number() over (partition by hour order by views desc, article_key) as place
				from view_hours where hour >= $1 and hour < $2) as hours
			where place <= $3)
		order by article_key, hour`, lo, hi, top)
	return counts(rows, err, nil)
}

// Of implements Counters.
func (s *SQL) Of(ctx context.Context, keys []string, from, to time.Time) (map[string][]Count, error) {
	lo, hi := hourRange(from, to)
	if len(keys) == 0 || hi <= lo {
		return map[string][]Count{}, nil
	}
	// Many keys: one pass over the hours is cheaper than a seek for each key
	// and hour.
	if len(keys) > 100 {
		want := make(map[string]bool, len(keys))
		for _, k := range keys {
			want[k] = true
		}
		rows, err := s.db.Read.QueryContext(ctx, `
			select article_key, hour, views from view_hours
			where hour >= $1 and hour < $2 order by hour`, lo, hi)
		return counts(rows, err, want)
	}
	args := make([]any, 0, len(keys)+int(hi-lo))
	for h := lo; h < hi; h++ {
		args = append(args, h)
	}
	for _, k := range keys {
		args = append(args, k)
	}
	list := places(1, len(args))
	cut := strings.Index(list, ",$"+strconv.Itoa(int(hi-lo)+1))
	rows, err := s.db.Read.QueryContext(ctx, `
		select article_key, hour, views from view_hours
		where hour in `+list[:cut]+`) and article_key in (`+list[cut+1:]+` order by hour`, args...)
	return counts(rows, err, nil)
}

// counts collects rows of key, hour, views; only the wanted keys, nil = all.
func counts(rows *sql.Rows, err error, want map[string]bool) (map[string][]Count, error) {
	if err != nil {
		return nil, fmt.Errorf("read views: %w", err)
	}
	out := make(map[string][]Count)
	err = scanAll(rows, func() error {
		var key string
		var c Count
		if err := rows.Scan(&key, &c.Hour, &c.Views); err != nil {
			return err
		}
		if want == nil || want[key] {
			out[key] = append(out[key], c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read views: %w", err)
	}
	return out, nil
}

// Newest implements Counters. What other processes counted is known to the
// hour only: the beginning of their last hour.
func (s *SQL) Newest(ctx context.Context) (time.Time, error) {
	var hour sql.NullInt64
	if err := s.db.Read.QueryRowContext(ctx, "select max(hour) from view_hours").Scan(&hour); err != nil {
		return time.Time{}, fmt.Errorf("read the newest view: %w", err)
	}
	if !hour.Valid {
		return time.Time{}, nil
	}
	t := time.Unix(hour.Int64*3600, 0).UTC()
	if own := time.UnixMilli(s.last.Load()).UTC(); own.After(t) {
		t = own
	}
	return t, nil
}

// Salt implements Counters.
func (s *SQL) Salt(ctx context.Context, day int64) ([]byte, error) {
	salt, err := s.salt(ctx, day)
	if !errors.Is(err, sql.ErrNoRows) {
		return salt, err
	}
	_, err = s.db.Write.ExecContext(ctx, "insert into view_salts (day, salt) values ($1, $2) on conflict (day) do nothing",
		day, hex.EncodeToString(newSalt()))
	if err != nil {
		return nil, fmt.Errorf("make the salt of day %d: %w", day, err)
	}
	return s.salt(ctx, day)
}

func (s *SQL) salt(ctx context.Context, day int64) ([]byte, error) {
	var text string
	if err := s.db.Read.QueryRowContext(ctx, "select salt from view_salts where day = $1", day).Scan(&text); err != nil {
		return nil, fmt.Errorf("read the salt of day %d: %w", day, err)
	}
	return hex.DecodeString(text)
}

func newSalt() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails, see crypto/rand
	return b
}
