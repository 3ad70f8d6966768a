package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"pressrun/deploy/schema"
	"pressrun/templates"
)

// Store keeps this room's tables. It may be used concurrently.
type Store struct {
	DB   *schema.DB
	Now  func() time.Time
	Keys *Keys
	// PublicURL is where this installation is reached, without a slash at the
	// end: links in mails begin with it.
	PublicURL string
	// Journal remembers departures outside the database; nil means that only the
	// database does (for tests and tools that mail nobody).
	Journal *Journal
	// Post hands a letter to the mailer, within the transaction that makes it
	// true; nil means that no letters are written.
	Post func(ctx context.Context, tx *sql.Tx, kind string, e templates.Email, to Recipient) error
	// Erased takes away what another room keeps of a subscriber, within the
	// transaction that erases him; address is the canonical one. nil means nothing.
	Erased func(ctx context.Context, tx *sql.Tx, subscriber int64, address string) error
	// Confirmed is told of a subscription that its reader has just confirmed, after
	// the transaction, and answers whether an issue goes to him at once; nil means
	// that nobody wants to know.
	Confirmed func(ctx context.Context, subscriber, list int64) (welcomed bool)
	// Brand is how the newsroom looks in letters about the lists of these names and,
	// without any, on the public pages; nil means its host name in type.
	Brand func(ctx context.Context, lists ...string) templates.Brand
	// Log gets what needs an operator but must not stop a reader; nil means
	// slog.Default.
	Log *slog.Logger
}

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("not found")
	// ErrSuppressed is returned when an address must not be written to.
	ErrSuppressed = errors.New("the address is suppressed")
	// ErrLeft is returned when somebody else than the reader would bring back a
	// subscription that the reader has ended or never confirmed.
	ErrLeft = errors.New("the reader has left the list; only the reader can come back")
	// ErrState is returned for a change that the state of a subscription does not
	// allow.
	ErrState = errors.New("the subscription's state does not allow it")
	// ErrTaken is returned for an address or name that another one has.
	ErrTaken = errors.New("it is taken")
	// ErrConsent is returned when nothing says with which right we write to
	// somebody.
	ErrConsent = errors.New("the consent is not complete")
)

func (s *Store) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}

// tell says who has just joined which lists, whether or not he waits for the page,
// and returns those of which an issue goes to him at once.
func (s *Store) tell(ctx context.Context, subscriber int64, lists []int64) (welcomed []int64) {
	for _, list := range lists {
		if s.Confirmed != nil && s.Confirmed(context.WithoutCancel(ctx), subscriber, list) {
			welcomed = append(welcomed, list)
		}
	}
	return welcomed
}
