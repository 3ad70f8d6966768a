package digest

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"pressrun/deploy/schema"
)

// Store reads and writes this room's tables. It may be used concurrently.
type Store struct {
	DB *schema.DB
	// Now is the clock; every time that is stored comes from it.
	Now func() time.Time
}

// ErrNotFound is returned when a noun asked for by id or name does not exist.
var ErrNotFound = errors.New("not found")

// ErrState is returned when a noun is not in a state from which the wanted
// move is allowed, for instance because another process moved it first.
var ErrState = errors.New("not possible in this state")

// Moves lists the states that may follow each state of a noun. A state without
// followers is an end.
type Moves map[string][]string

// Allowed reports whether a noun may go from one state to another.
func (m Moves) Allowed(from, to string) bool { return slices.Contains(m[from], to) }

// SlotMoves are the transitions of a slot.
var SlotMoves = Moves{
	"planned": {"running", "skipped", "missed"},
	"running": {"done", "skipped", "missed"},
	"done":    {},
	"skipped": {},
	"missed":  {},
}

// IssueMoves are the transitions of an issue. Sent means that nothing is
// queued, claimed or in flight; closed that nothing is deferred either. A reader
// who joins late opens it again for his copy, and so does a copy that is tried again.
var IssueMoves = Moves{
	"building":  {"draft", "skipped", "failed", "cancelled"},
	"draft":     {"held", "approved", "skipped", "cancelled", "failed"},
	"held":      {"draft", "approved", "skipped", "cancelled", "failed"},
	"approved":  {"draft", "held", "countdown", "sending", "skipped", "cancelled", "failed"},
	"countdown": {"approved", "draft", "held", "sending", "cancelled"},
	"sending":   {"paused", "sent", "cancelled"},
	"paused":    {"sending", "cancelled"},
	"sent":      {"closed"},
	"closed":    {"sent"},
	"skipped":   {},
	"cancelled": {},
	"failed":    {},
}

// notFound turns sql.ErrNoRows into ErrNotFound with the name of what was sought.
func notFound(err error, what string, key any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s %v: %w", what, key, ErrNotFound)
	}
	return err
}
