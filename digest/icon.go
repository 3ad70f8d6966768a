package digest

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"pressrun/deploy/schema"
)

// iconAge is how long a source's icon, or that it has none, is believed.
const iconAge = 30 * 24 * time.Hour

// LookForIcon looks for the icon of a source whose last look is long ago.
func (c *Collector) LookForIcon(ctx context.Context, src Source) error {
	if c.Now().Sub(src.IconAt) < iconAge {
		return nil
	}
	icon := base64.StdEncoding.EncodeToString(c.Client.Icon(ctx, src.SiteURL))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, err := c.DB.Write.ExecContext(ctx, `update sources set icon = $2, icon_at = $3 where id = $1`, src.ID, icon, schema.At(c.Now()))
	if err != nil {
		return fmt.Errorf("icon of source %d: %w", src.ID, err)
	}
	return nil
}

// Icon is a source's icon as PNG, at most 32 pixels to a side. ErrNotFound when
// it has none.
func (s *Store) Icon(ctx context.Context, source int64) ([]byte, error) {
	var icon string
	err := s.DB.Read.QueryRowContext(ctx, `select icon from sources where id = $1 and icon <> ''`, source).Scan(&icon)
	if err != nil {
		return nil, notFound(err, "icon of source", source)
	}
	return base64.StdEncoding.DecodeString(icon)
}
