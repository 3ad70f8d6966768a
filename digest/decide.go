package digest

import (
	"context"
	"fmt"
	"time"

	"pressrun/deploy/schema"
)

// Bounds of an editor's boost, in percent.
const (
	minBoost = 50
	maxBoost = 300
)

// BoostStory multiplies a story's score by so many percent; 100 = as it is.
func (s *Store) BoostStory(ctx context.Context, id int64, percent int) error {
	if percent < minBoost || percent > maxBoost {
		return fmt.Errorf("boost story %d: a factor from %.1f to %.1f is possible", id, minBoost/100., maxBoost/100.)
	}
	return s.setStory(ctx, id, `boost = $2`, percent)
}

// PinStory puts a story first in every edition that may show it until a time;
// the zero time ends that.
func (s *Store) PinStory(ctx context.Context, id int64, until time.Time) error {
	return s.setStory(ctx, id, `pinned_until = $2`, schema.At(until))
}

// UpdateStory says that a story is news again: issues may tell it once more.
func (s *Store) UpdateStory(ctx context.Context, id int64) error {
	return s.setStory(ctx, id, `updated_at = $2`, schema.At(s.Now()))
}

// HoldStory keeps a story out of every issue until a time; zero lifts it.
func (s *Store) HoldStory(ctx context.Context, id int64, until time.Time) error {
	return s.setStory(ctx, id, `not_before_at = $2`, schema.At(until))
}

// BlockStory keeps a story out of every issue from now on.
func (s *Store) BlockStory(ctx context.Context, id int64) error {
	return s.setStory(ctx, id, `state = $2`, "blocked")
}

// RestoreStory takes back that a story was blocked or found gone.
func (s *Store) RestoreStory(ctx context.Context, id int64) error {
	return s.setStory(ctx, id, `state = $2`, "live")
}

func (s *Store) setStory(ctx context.Context, id int64, set string, value any) error {
	res, err := s.DB.Write.ExecContext(ctx, `update stories set `+set+` where id = $1 and state <> 'merged'`, id, value)
	if err != nil {
		return fmt.Errorf("story %d: %w", id, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fmt.Errorf("story %d: %w", id, ErrNotFound)
	}
	return nil
}
