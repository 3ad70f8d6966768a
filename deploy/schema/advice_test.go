package schema_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"pressrun/deploy/schema"
)

func TestAdviceFitsTheTrouble(t *testing.T) {
	open := func(t *testing.T) *schema.DB {
		db, err := schema.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		exec(t, db.Write, `create table notes (text text)`)
		return db
	}
	insert := func(db *schema.DB) error {
		_, err := db.Write.Exec(`insert into notes values (hex(zeroblob(100000)))`)
		return err
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T) error
		want string
	}{
		{"locked", func(t *testing.T) error {
			db := open(t)
			exec(t, db.Write, `pragma busy_timeout = 50`)
			other, err := schema.Open(t.Context(), db.Name)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			tx, err := other.Write.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			return insert(db)
		}, "another program holds the database"},
		{"read-only", func(t *testing.T) error {
			db := open(t)
			exec(t, db.Write, `pragma query_only = 1`)
			return insert(db)
		}, "is read-only"},
		{"other tables", func(t *testing.T) error {
			_, err := open(t).Read.Exec(`select 1 from notes_of_tomorrow`)
			return err
		}, "before the first release"},
		{"other columns", func(t *testing.T) error {
			_, err := open(t).Write.Exec(`insert into notes (title) values ('')`)
			return err
		}, "before the first release"},
		{"PostgreSQL's other tables", func(*testing.T) error { return &pgconn.PgError{Code: "42P01"} }, "before the first release"},
		{"full", func(t *testing.T) error {
			db := open(t)
			exec(t, db.Write, `pragma max_page_count = 3`)
			return insert(db)
		}, "make room"},
		{"no database", func(t *testing.T) error {
			name := filepath.Join(t.TempDir(), "x.db")
			if err := os.WriteFile(name, []byte(strings.Repeat("Dear diary. ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := schema.Open(t.Context(), name)
			return err
		}, "not a SQLite database"},
		{"PostgreSQL is down", func(t *testing.T) error {
			_, err := schema.Open(t.Context(), "postgres://press@127.0.0.1:1/press")
			return err
		}, "does not answer"},
		{"PostgreSQL speaks no TLS", func(t *testing.T) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					conn.Read(make([]byte, 8)) // SSLRequest
					conn.Write([]byte("N"))    // no
					conn.Close()
				}
			}()
			_, err = schema.Open(t.Context(), "postgres://press@"+l.Addr().String()+"/press?sslmode=require")
			return err
		}, "sslmode=disable"},
		{"PostgreSQL's disk is full", func(*testing.T) error { return &pgconn.PgError{Code: "53100"} }, "make room"},
		{"PostgreSQL's disk is full for a new connection", func(*testing.T) error {
			return &pgconn.PgError{Severity: "FATAL", Code: "XX000", Message: "could not write init file"}
		}, "make room"},
		{"a file's disk is full", func(*testing.T) error { return &fs.PathError{Op: "write", Path: "journal", Err: syscall.ENOSPC} }, "make room"},
		{"anything else", func(*testing.T) error { return sql.ErrNoRows }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.make(t)
			if err == nil {
				t.Fatal("there was no trouble")
			}
			got := schema.Advice(fmt.Errorf("do something: %w", err))
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("%v: advice %q, want %q", err, got, c.want)
			}
		})
	}
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
