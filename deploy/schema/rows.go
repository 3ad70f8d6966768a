package schema

import "context"

// Row is an *sql.Row, or *sql.Rows at one of them.
type Row interface{ Scan(...any) error }

// Each makes a T of every row of a query. The rows are closed when it returns.
func Each[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// Column scans a row of one column, for Each.
func Column[T any](r Row) (T, error) {
	var v T
	err := r.Scan(&v)
	return v, err
}
