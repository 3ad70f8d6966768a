// Package schematest gives tests real databases: a SQLite file in the test's
// own directory and a database of its own in a real PostgreSQL server.
//
// The server is PRESSRUN_TEST_POSTGRES (a postgres:// URL of a superuser) when
// that is set, as ./test does with the one that the command postgres starts for
// all; else each test process starts one on a private port as an unprivileged
// user and takes it away again when it ends, however it ends. A missing server
// fails the test: nothing passes by being skipped.
//
// These databases survive a killed process, not a power cut: nothing is forced
// to the disk. A test that is about the disk opens its own with [schema.Open].
package schematest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
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
	path := filepath.Join(tb.TempDir(), "press.db")
	SQLiteFile(tb, path)
	db := open(tb, path)
	if _, err := db.Write.Exec("pragma synchronous = off"); err != nil { // the write pool is one connection
		tb.Fatal(err)
	}
	return db
}

// SQLiteFile writes the file of a migrated database for those who open it
// themselves: migrated once a process and copied from then on.
func SQLiteFile(tb testing.TB, path string) {
	tb.Helper()
	content, err := migrated()
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// migrated is the content of a migrated SQLite file.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "pressrun-schema-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "press.db")
	db, err := schema.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	_, err = db.Migrate(context.Background())
	if err := errors.Join(err, db.Close()); err != nil { // closing folds the log into the file
		return nil, err
	}
	return os.ReadFile(path)
})

// Postgres returns a fresh, migrated PostgreSQL database, dropped when the
// test ends. It is a copy of one that was migrated once for all who share the server.
func Postgres(tb testing.TB) *schema.DB {
	tb.Helper()
	return open(tb, PostgresURL(tb))
}

// template is the name of a migrated database on the server: the one that the
// command postgres has made for all, else one for this process.
var template = sync.OnceValues(func() (string, error) {
	if name := os.Getenv("PRESSRUN_TEST_TEMPLATE"); name != "" {
		return name, nil
	}
	admin, err := postgresURL()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("press_template_%d", os.Getpid())
	return name, makeTemplate(admin, name)
})

func makeTemplate(admin, name string) error {
	ctx := context.Background()
	db, err := openWhenReady(ctx, admin)
	if err != nil {
		return err
	}
	_, err = db.Write.ExecContext(ctx, "create database "+name)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	fresh, err := schema.Open(ctx, named(admin, name))
	if err != nil {
		return err
	}
	_, err = fresh.Migrate(ctx)
	return errors.Join(err, fresh.Close())
}

// Share starts a PostgreSQL server for other test processes and makes their
// template. It returns the variables that lead them there; the server ends with
// this process.
func Share() (env []string, err error) {
	admin, err := startPostgres()
	if err != nil {
		return nil, err
	}
	const name = "press_template"
	return []string{"PRESSRUN_TEST_POSTGRES=" + admin, "PRESSRUN_TEST_TEMPLATE=" + name}, makeTemplate(admin, name)
}

// Open opens and migrates dsn for the length of the test.
func Open(tb testing.TB, dsn string) *schema.DB {
	tb.Helper()
	db := open(tb, dsn)
	if _, err := db.Migrate(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return db
}

func open(tb testing.TB, dsn string) *schema.DB {
	tb.Helper()
	db, err := schema.Open(context.Background(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

// openWhenReady waits for a server that accepts connections before it answers them.
func openWhenReady(ctx context.Context, dsn string) (*schema.DB, error) {
	db, err := schema.Open(ctx, dsn)
	for i := 0; err != nil && i < 200; i++ {
		time.Sleep(100 * time.Millisecond)
		db, err = schema.Open(ctx, dsn)
	}
	return db, err
}

func named(admin, name string) string {
	u, _ := url.Parse(admin)
	u.Path = "/" + name
	return u.String()
}

var databases atomic.Int64

// PostgresURL is [Postgres] for those who open it themselves.
func PostgresURL(tb testing.TB) string {
	tb.Helper()
	server(tb)
	name, err := template()
	if err != nil {
		tb.Fatalf("migrate the template of test databases: %v", err)
	}
	return database(tb, " template "+name+fileCopy())
}

// fileCopy has PostgreSQL copy a template as files, as it did before version 15:
// a third of the work of writing it page by page through the log.
var fileCopy = sync.OnceValue(func() string {
	admin, err := administrator()
	version := 0
	if err == nil {
		err = admin.Read.QueryRow(`select current_setting('server_version_num')::int`).Scan(&version)
	}
	if err != nil || version < 15_00_00 {
		return ""
	}
	return " strategy file_copy"
})

// EmptyPostgresURL creates a database that nobody has migrated and returns its
// URL; it is dropped when the test ends.
func EmptyPostgresURL(tb testing.TB) string {
	tb.Helper()
	return database(tb, "")
}

// administrator is open as long as the process: to connect costs PostgreSQL more
// than what is asked of it here.
var administrator = sync.OnceValues(func() (*schema.DB, error) {
	admin, err := postgresURL()
	if err != nil {
		return nil, err
	}
	return openWhenReady(context.Background(), admin)
})

func database(tb testing.TB, how string) string {
	tb.Helper()
	admin := server(tb)
	db, err := administrator()
	if err != nil {
		tb.Fatalf("PostgreSQL for tests: %v", err)
	}
	name := fmt.Sprintf("press_%d_%d", os.Getpid(), databases.Add(1))
	if _, err := db.Write.Exec("create database " + name + how); err != nil {
		tb.Fatalf("create test database: %v", err)
	}
	tb.Cleanup(func() {
		db.Write.Exec("drop database if exists " + name + " with (force)")
	})
	return named(admin, name)
}

func server(tb testing.TB) string {
	tb.Helper()
	u, err := postgresURL()
	if err != nil {
		tb.Fatalf("PostgreSQL for tests: %v (run ./test, which installs what is missing)", err)
	}
	return u
}

func postgresURL() (string, error) {
	if u := os.Getenv("PRESSRUN_TEST_POSTGRES"); u != "" {
		return u, nil
	}
	return startPostgres()
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

// Plan returns the steps in which a SQLite database would answer a query.
func Plan(tb testing.TB, db *schema.DB, query string, args ...any) []string {
	tb.Helper()
	steps, err := schema.Each(tb.Context(), db.Read, func(r schema.Row) (step string, err error) {
		var id, parent, cost int
		err = r.Scan(&id, &parent, &cost, &step)
		return step, err
	}, "explain query plan "+query, args...)
	if err != nil || len(steps) == 0 {
		tb.Fatalf("plan of %s: %d steps, %v", query, len(steps), err)
	}
	return steps
}

// Unwritable keeps a database from being written until heal is called: SQLite is
// held by another program, PostgreSQL read-only. words are what is said then.
func Unwritable(t *testing.T, db *schema.DB) (heal func(), words string) {
	t.Helper()
	run := func(db *sql.DB, statement string) {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if db.Engine == schema.SQLite {
		other, err := schema.Open(t.Context(), db.Name)
		if err != nil {
			t.Fatal(err)
		}
		tx, err := other.Write.Begin()
		if err != nil {
			t.Fatal(err)
		}
		return func() { tx.Rollback(); other.Close() }, "another program holds the database"
	}
	name := ""
	if err := db.Read.QueryRow(`select current_database()`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	set := func(on string) { // for connections to come; those there are ended
		conn, err := schema.Open(t.Context(), server(t))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		run(conn.Write, `alter database "`+name+`" set default_transaction_read_only = `+on)
		run(conn.Write, `select pg_terminate_backend(pid) from pg_stat_activity where datname = '`+name+`'`)
	}
	set("on")
	return func() { set("off") }, "the database is read-only"
}
