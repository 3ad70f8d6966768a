package digest

import (
	"context"
	"fmt"
	"time"

	"pressrun/deploy/schema"
)

// HouseKeep empties the texts of stories older than keep, batch rows at a
// time, so that no other writer waits long, and forgets what the language model
// answered by then and the orders about articles that never came. Headline, link
// and summary stay with the issues that showed them.
func (s *Store) HouseKeep(ctx context.Context, keep time.Duration, batch int) error {
	before := schema.At(s.Now().Add(-keep))
	for _, q := range []string{
		`update stories set body = '', description = '' where id in (select id from stories where body <> '' and seen_at < $1 limit $2)`,
		`update entries set summary = '', content = '' where id in (select id from entries where (summary <> '' or content <> '') and seen_at < $1 limit $2)`,
		`delete from model_answers where hash in (select hash from model_answers where answered_at < $1 limit $2)`,
		`delete from story_orders where id in (select id from story_orders where matters_at < $1 limit $2)`,
	} {
		for {
			res, err := s.DB.Write.ExecContext(ctx, q, before, batch)
			if err != nil {
				return fmt.Errorf("house-keeping of texts: %w", err)
			}
			if n, _ := res.RowsAffected(); n < int64(batch) {
				break
			}
		}
	}
	return nil
}
