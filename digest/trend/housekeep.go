package trend

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"pressrun/deploy/schema"
)

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
		type place struct {
			day int64
			key string
		}
		sums := make(map[place]int64)
		err = scanAll(rows, func() error {
			var key string
			var hour, views int64
			if err := rows.Scan(&key, &hour, &views); err != nil {
				return err
			}
			moved++
			sums[place{floorDiv(hour, 24), key}] += views
			return nil
		})
		if err != nil {
			return err
		}
		for p, views := range sums {
			_, err := tx.ExecContext(ctx, `insert into view_days (article_key, day, views) values ($1, $2, $3)
				on conflict (day, article_key) do update set views = view_days.views + excluded.views`, p.key, p.day, views)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return moved, err
}
