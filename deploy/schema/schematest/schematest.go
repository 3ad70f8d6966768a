// Package schematest gives tests real databases: a SQLite file in the test's
// own directory and a database of its own in a real PostgreSQL server.
//
// The server is PRESSRUN_TEST_POSTGRES (a postgres:// URL of a superuser) when
// that is set, as ./test does; else each test process starts one on a private
// port as an unprivileged user and takes it away again when it ends, however
// it ends. A missing server fails the test: nothing passes by being skipped.
package schematest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/deploy/schema"
)

// Each runs f as a subtest on a fresh, migrated database of each engine.
func Each(t *testing.T, f func(t *testing.T, db *schema.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
}

// SQLite returns a fresh, migrated SQLite database, closed when the test ends.
func SQLite(tb testing.TB) *schema.DB {
	tb.Helper()
	return Open(tb, filepath.Join(tb.TempDir(), "press.db"))
}

// Postgres returns a fresh, migrated PostgreSQL database, dropped when the
// test ends.
func Postgres(tb testing.TB) *schema.DB {
	tb.Helper()
	return Open(tb, PostgresURL(tb))
}

// Open opens and migrates dsn for the length of the test.
func Open(tb testing.TB, dsn string) *schema.DB {
	tb.Helper()
	db, err := schema.Open(context.Background(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return db
}

var databases atomic.Int64

// PostgresURL creates an empty database and returns its URL; it is dropped
// when the test ends.
func PostgresURL(tb testing.TB) string {
	tb.Helper()
	admin := server(tb)
	ctx := context.Background()
	db, err := schema.Open(ctx, admin)
	for i := 0; err != nil && i < 100; i++ { // it accepts connections before it answers them
		time.Sleep(100 * time.Millisecond)
		db, err = schema.Open(ctx, admin)
	}
	if err != nil {
		tb.Fatalf("PostgreSQL for tests: %v", err)
	}
	defer db.Close()
	name := fmt.Sprintf("press_%d_%d", os.Getpid(), databases.Add(1))
	if _, err := db.Write.ExecContext(ctx, "create database "+name); err != nil {
		tb.Fatalf("create test database: %v", err)
	}
	tb.Cleanup(func() {
		db, err := schema.Open(ctx, admin)
		if err != nil {
			return
		}
		defer db.Close()
		db.Write.ExecContext(ctx, "drop database if exists "+name+" with (force)")
	})
	u, _ := url.Parse(admin)
	u.Path = "/" + name
	return u.String()
}

func server(tb testing.TB) string {
	tb.Helper()
	if u := os.Getenv("PRESSRUN_TEST_POSTGRES"); u != "" {
		return u
	}
	u, err := startPostgres()
	if err != nil {
		tb.Fatalf("PostgreSQL for tests: %v (run ./test, which installs what is missing)", err)
	}
	return u
}

// Redis returns the URL of a real Redis server, started on a private port for
// this process. Flush it first; tests of one process must not use it in parallel.
func Redis(tb testing.TB) string {
	tb.Helper()
	u, err := startRedis()
	if err != nil {
		tb.Fatalf("Redis for tests: %v (run ./test, which installs what is missing)", err)
	}
	return u
}
