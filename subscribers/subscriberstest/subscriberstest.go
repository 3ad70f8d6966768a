// Package subscriberstest gives the tests of this room real databases: a fresh
// SQLite file for each test, and one PostgreSQL database for all tests of a
// package, emptied before each. Making one takes half a second of work, emptying
// it some milliseconds.
package subscriberstest

import (
	"fmt"
	"os"
	"testing"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

// Run runs the tests of a package and takes the shared database away; call it
// from TestMain.
func Run(m *testing.M) int {
	defer func() {
		for i := len(shared.cleanups) - 1; i >= 0; i-- {
			shared.cleanups[i]()
		}
	}()
	return m.Run()
}

// Each runs f as a subtest on an empty database of each engine. Tests that use
// it must not run in parallel.
func Each(t *testing.T, f func(t *testing.T, db *schema.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, schematest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, postgres(t)) })
}

// shared outlives the test that needs it first.
var shared struct {
	keeper
	db *schema.DB
}

func postgres(t *testing.T) *schema.DB {
	t.Helper()
	if shared.db == nil {
		shared.TB = t
		shared.db = schematest.Postgres(&shared.keeper)
	}
	_, err := shared.db.Write.ExecContext(t.Context(), `
		truncate lists, subscribers, subscriptions, consents, segments, suppressions, suppressions_lifted, imports, import_rows, subscriber_events, link_keys, deliveries
		restart identity cascade`)
	if err != nil {
		t.Fatal(err)
	}
	return shared.db
}

// keeper is the test that needed the database first, except that what it wants
// cleaned up is kept for the end.
type keeper struct {
	testing.TB
	cleanups []func()
}

func (k *keeper) Cleanup(f func()) { k.cleanups = append(k.cleanups, f) }

func (k *keeper) TempDir() string {
	dir, err := os.MkdirTemp("", "subscribers")
	if err != nil {
		panic(fmt.Sprintf("temporary directory: %v", err))
	}
	k.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
