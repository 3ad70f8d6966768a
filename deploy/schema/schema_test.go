package schema_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

func TestMigrateTwiceAndAtOnce(t *testing.T) {
	for _, dsn := range []string{filepath.Join(t.TempDir(), "press.db"), schematest.EmptyPostgresURL(t)} {
		db := schematest.Open(t, dsn)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if n, err := db.Migrate(context.Background()); err != nil || n != 0 {
					t.Errorf("migrating a current database: applied %d, %v; want 0", n, err)
				}
			})
		}
		wg.Wait()
	}
}

func TestInTxRollsBack(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		want := errors.New("no")
		err := db.InTx(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, "insert into segments (name, rule, created_at, updated_at) values ($1, $2, $3, $3)", "a", "true", schema.At(time.Now())); err != nil {
				t.Fatal(err)
			}
			return want
		})
		if !errors.Is(err, want) {
			t.Fatalf("got error %v, want %v", err, want)
		}
		var n int
		if err := db.Read.QueryRowContext(ctx, "select count(*) from segments").Scan(&n); err != nil || n != 0 {
			t.Errorf("got %d rows after a rollback, %v", n, err)
		}
	})
}

func TestTimeRoundTrip(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		at := time.Date(2026, 3, 29, 1, 30, 0, 5e6, time.UTC)
		for _, want := range []time.Time{at, {}} {
			var got schema.Time
			if err := db.Read.QueryRowContext(ctx, "select cast($1 as bigint)", schema.At(want)).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if !got.Equal(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	})
}

// Whatever the server's default: a commit is on the disk, and a test reads it back.
func TestCommitsAreDurable(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ask, want := `pragma synchronous`, "2"
		if db.Engine == schema.Postgres {
			ask, want = `show synchronous_commit`, "on"
			if _, err := db.Write.Exec(`alter database ` + name(t, db) + ` set synchronous_commit = off`); err != nil {
				t.Fatal(err)
			}
		}
		again, err := schema.Open(t.Context(), db.Name) // as pressrun does, not as tests in a hurry
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		var got string
		if err := again.Write.QueryRow(ask).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %s", ask, got, err, want)
		}
	})
}

// A host that falls asleep in a transaction, or is cut off, holds the others up no
// longer than its lease.
func TestSleeperLetsGo(t *testing.T) {
	db := schematest.Open(t, schematest.PostgresURL(t))
	var left string
	if err := db.Write.QueryRow(`show idle_in_transaction_session_timeout`).Scan(&left); err != nil || left != "30s" {
		t.Errorf("a transaction may be left for %s, %v; want 30s, half of a lease", left, err)
	}
}

// A server that is cut off, or takes connections and says nothing, is given up soon.
func TestLostServerIsGivenUp(t *testing.T) {
	db := schematest.Open(t, schematest.PostgresURL(t))
	c, err := db.Read.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Raw(func(driver any) error {
		conn := driver.(*stdlib.Conn).Conn()
		if got := conn.Config().ConnectTimeout; got != 20*time.Second {
			t.Errorf("a new connection may take %s", got)
		}
		if tcp, ok := conn.PgConn().Conn().(*net.TCPConn); ok && runtime.GOOS == "linux" {
			raw, err := tcp.SyscallConn()
			if err != nil {
				return err
			}
			return raw.Control(func(fd uintptr) {
				const userTimeout = 18 // TCP_USER_TIMEOUT
				if ms, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout); ms != 20_000 {
					t.Errorf("what nobody acknowledges is repeated for %d ms, %v", ms, err)
				}
			})
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func name(t *testing.T, db *schema.DB) string {
	t.Helper()
	var n string
	if err := db.Read.QueryRow(`select current_database()`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSQLiteIsForItsOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	db, err := schema.Open(t.Context(), filepath.Join(dir, "press.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "press.db*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("got %v, %v; want the database and its log", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; readers' addresses are open to every user of the machine", filepath.Base(f), info.Mode(), err)
		}
	}
}

// Counting a million rows for a second is followed by twenty without; a database that
// was frozen for minutes is not left alone for hours.
func TestRest(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{10 * time.Millisecond: 200 * time.Millisecond, time.Second: 20 * time.Second, 8 * time.Minute: 20 * time.Second} {
		if got := schema.Rest(took); got != want {
			t.Errorf("after %s rest for %s, want %s", took, got, want)
		}
	}
}
