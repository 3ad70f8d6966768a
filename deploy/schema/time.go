package schema

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Time stores a time.Time as unix milliseconds and the zero time as null.
// Use it for arguments, At(t), and as the target of a scan.
type Time struct{ time.Time }

// At wraps t for use as an argument.
func At(t time.Time) Time { return Time{t} }

// Value implements driver.Valuer.
func (t Time) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil
	}
	return t.UnixMilli(), nil
}

// Scan implements sql.Scanner; null becomes the zero time, all else is UTC.
func (t *Time) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		t.Time = time.Time{}
	case int64:
		t.Time = time.UnixMilli(v).UTC()
	default:
		return fmt.Errorf("scan time: %T is not unix milliseconds", src)
	}
	return nil
}

// Rest is how long to leave a look at much alone that took so long: looking is work. A
// database that did not answer has not worked, and is asked again soon.
func Rest(took time.Duration) time.Duration { return min(20*took, 20*time.Second) }
