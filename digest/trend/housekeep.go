package trend

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"pressrun/deploy/schema"
)

// keepDays is how long daily views are kept; the ranking looks back olderDays.
const keepDays = 90

// foldAtOnce bounds the rows of one write transaction of HouseKeep.
const foldAtOnce = 2000

// HouseKeep folds hourly views older than KeepHours into days and deletes
// visitors' marks and salts older than two days, in short transactions. Call
// it hourly; with Redis it has little to do.
func HouseKeep(ctx context.Context, db *schema.DB, now time.Time) error {
	last := HourOf(now) - KeepHours
	for {
		n, err := fold(ctx, db, last)
		if err != nil {
			return fmt.Errorf("fold old views: %w", err)
		}
		if n == 0 {
			break
		}
	}
	if _, err := db.Write.ExecContext(ctx, "delete from view_days where day < $1", DayOf(now)-keepDays); err != nil {
		return fmt.Errorf("forget old views: %w", err)
	}
	day := DayOf(now) - 1
	for {
		res, err := db.Write.ExecContext(ctx, `delete from view_seen where day < $1 and visitor in
			(select visitor from view_seen where day < $1 limit 5000)`, day)
		if err != nil {
			return fmt.Errorf("forget visitors: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			break
		}
	}
	if _, err := db.Write.ExecContext(ctx, "delete from view_salts where day < $1", day); err != nil {
		return fmt.Errorf("forget salts: %w", err)
	}
	return nil
}

// fold moves some rows of hours before last into their days. What the delete
// returns is ours alone, also when two processes fold at once.
func fold(ctx context.Context, db *schema.DB, last int64) (int, error) {
	moved := 0
	err := db.InTx(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `delete from view_hours where (hour, article_key) in
			(select hour, article_key from view_hours where hour < $1 order by hour, article_key limit $2)
			returning article_key, hour, views`, last, foldAtOnce)
		if err != nil {
			return err
		}
		sums := make(map[int64]map[string]int64)
		err = scanAll(rows, func() error {
			var key string
			var hour, views int64
			if err := rows.Scan(&key, &hour, &views); err != nil {
				return err
			}
			moved++
			day := floorDiv(hour, 24)
			if sums[day] == nil {
				sums[day] = make(map[string]int64)
			}
			sums[day][key] += views
			return nil
		})
		if err != nil {
			return err
		}
		for day, views := range sums {
			if err := addDay(ctx, tx, day, views); err != nil {
				return err
			}
		}
		return nil
	})
	return moved, err
}

// addDay adds views to the articles of a day, in the order of their keys, so
// that processes that meet do not lock each other out.
func addDay(ctx context.Context, tx *sql.Tx, day int64, views map[string]int64) error {
	for part := range slices.Chunk(slices.Sorted(maps.Keys(views)), rowsAtOnce) {
		args := make([]any, 0, 3*len(part))
		for _, key := range part {
			args = append(args, key, day, views[key])
		}
		_, err := tx.ExecContext(ctx, "insert into view_days (article_key, day, views) values "+places(len(part), 3)+
			" on conflict (day, article_key) do update set views = view_days.views + excluded.views", args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// addDays is addDay in short transactions of its own, of 2,000 rows.
func addDays(ctx context.Context, db *schema.DB, day int64, views map[string]int64) error {
	keys := slices.Sorted(maps.Keys(views))
	for part := range slices.Chunk(keys, 2000) {
		some := make(map[string]int64, len(part))
		for _, k := range part {
			some[k] = views[k]
		}
		if err := db.InTx(ctx, func(tx *sql.Tx) error { return addDay(ctx, tx, day, some) }); err != nil {
			return err
		}
	}
	return nil
}
