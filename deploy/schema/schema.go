// Package schema opens the database and brings it to the version this binary
// needs.
//
// Two engines serve the same SQL text: SQLite in one file (the default) and
// PostgreSQL (a postgres:// URL). SQLite has one writer, so a [DB] is two
// pools: Write with a single connection whose transactions begin immediate,
// and Read with several. On PostgreSQL both are the same pool. Whoever holds
// rows or a transaction must not wait for a channel, the network or a
// callback meanwhile: on SQLite every other writer of the process would wait
// with him.
//
// Times are stored as unix milliseconds; [Time] converts.
package schema

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Engine names the database system behind a DB.
type Engine string

// The two engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// DB is an open database. Use Write for transactions that change something and
// for single statements that do; Read for everything else. It may be used
// concurrently.
type DB struct {
	Write  *sql.DB
	Read   *sql.DB
	Engine Engine
	// Name says where the database is, without a password, for messages.
	Name string
}

// ErrNewer is returned by Open when the database was migrated by a newer
// pressrun than this one.
var ErrNewer = errors.New("the database was written by a newer pressrun; install that version or restore a backup made before the upgrade")

// Open connects to dsn, a postgres:// URL or the path of a SQLite file, which
// is created when it is missing. It does not migrate.
func Open(ctx context.Context, dsn string) (*DB, error) {
	if isPostgres(dsn) {
		return openPostgres(ctx, dsn)
	}
	return openSQLite(ctx, strings.TrimPrefix(dsn, "sqlite:"))
}

func isPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// parsePostgres reads a URL; the name is without its password.
func parsePostgres(dsn string) (conf *pgx.ConnConfig, name string, err error) {
	const how = "the URL cannot be read; write postgres://user:password@host:5432/name"
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, "", fmt.Errorf("open database: %s", how)
	}
	if conf, err = pgx.ParseConfig(dsn); err != nil {
		return nil, "", fmt.Errorf("open database %s: %s", u.Redacted(), how)
	}
	// A server that takes connections and says nothing, or is cut off from us, would be
	// waited for without end, and for a quarter of an hour after another took its place.
	conf.ConnectTimeout = cmp.Or(conf.ConnectTimeout, lostAfter)
	conf.DialFunc = (&net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: lostAfter, Interval: lostAfter / 4, Count: 4},
		Control:         lost,
	}).DialContext
	return conf, u.Redacted(), nil
}

// lostAfter is how long a server may leave a new connection, or what we sent,
// unanswered by as much as its system. A query may take as long as it likes.
const lostAfter = 20 * time.Second

// lost has Linux give up what nobody acknowledges; keep-alives are for connections
// on which nothing is under way.
func lost(network, _ string, c syscall.RawConn) (err error) {
	const userTimeout = 18 // TCP_USER_TIMEOUT, tcp(7)
	if runtime.GOOS != "linux" || !strings.HasPrefix(network, "tcp") {
		return nil
	}
	failed := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, int(lostAfter/time.Millisecond))
	})
	return cmp.Or(failed, err)
}

func openPostgres(ctx context.Context, dsn string) (*DB, error) {
	conf, name, err := parsePostgres(dsn)
	if err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*conf, stdlib.OptionAfterConnect(prepare))
	pool.SetMaxOpenConns(24)
	pool.SetMaxIdleConns(12)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database %s: %w", name, err)
	}
	return &DB{Write: pool, Read: pool, Engine: Postgres, Name: name}, nil
}

// prepare has a connection wait for the disk at each commit, as synchronous=FULL
// does on SQLite, also where the server's default is not to. And it has the
// server look rows up by key instead of reading whole tables, and compile
// nothing: what we ask is short and asked often. A transaction that nobody goes
// on with is ended before a take-over is due: that of a host which sleeps or was
// cut off would hold its locks, and with them all other hosts, for hours.
func prepare(ctx context.Context, c *pgx.Conn) error {
	if _, err := c.Exec(ctx, `select set_config('random_page_cost', '1.1', false), set_config('jit', 'off', false), set_config('idle_in_transaction_session_timeout', '30s', false)`); err != nil {
		return err
	}
	_, err := c.Exec(ctx, `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') in ('off', 'local')`)
	return err
}

// Reachable says what keeps dsn from being opened, as far as no server need be asked:
// a URL that cannot be read, a place where no SQLite file can be, or a file that is none.
// It is not for a process that has the file open: whoever closes a file loses all the
// locks he has on it, SQLite's too (fcntl(2)).
func Reachable(dsn string) error {
	if isPostgres(dsn) {
		_, _, err := parsePostgres(dsn)
		return err
	}
	path := strings.TrimPrefix(dsn, "sqlite:")
	if err := placed(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer f.Close()
	const begins = "SQLite format 3\x00"
	start := make([]byte, len(begins))
	if n, _ := io.ReadFull(f, start); n > 0 && string(start) != begins { // an empty one becomes a database
		return fmt.Errorf("open database %s: %s", path, sqliteAdvice[sqlite3.SQLITE_NOTADB])
	}
	return nil
}

// placed says why no SQLite file can be at a place. Its directory may be missing, for
// that is made with it, but not more.
func placed(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("open database %s: that is a directory; name a file in it, as in %s", path, filepath.Join(path, "press.db"))
	}
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		dir = filepath.Dir(dir)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("open database %s: %w; mend its path, or make that directory", path, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("open database %s: %s is a file, no directory; mend its path", path, dir)
	}
	return nil
}

func openSQLite(ctx context.Context, path string) (*DB, error) {
	if err := placed(path); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	// A new one holds readers' addresses: for its owner alone, and so are -wal and -shm.
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		f.Close()
	}
	// synchronous=FULL: a promise made to a reader survives a power cut.
	const pragmas = "_pragma=busy_timeout(15000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)"
	name := "file:" + (&url.URL{Path: path}).EscapedPath()
	write, err := sql.Open("sqlite", name+"?"+pragmas+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil {
		write.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	read, err := sql.Open("sqlite", name+"?"+pragmas+"&_pragma=query_only(1)")
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	read.SetMaxOpenConns(6)
	read.SetMaxIdleConns(6)
	return &DB{Write: write, Read: read, Engine: SQLite, Name: path}, nil
}

// Close closes both pools.
func (db *DB) Close() error {
	if db.Read == db.Write {
		return db.Write.Close()
	}
	return errors.Join(db.Read.Close(), db.Write.Close())
}

// InTx runs f in one write transaction: committed when f returns nil, rolled
// back otherwise, also when it panics.
func (db *DB) InTx(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := db.Write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Analyze refreshes the planner's statistics of a table after a bulk change.
// Without it PostgreSQL scanned all queued rows for every batch: 1,945 against
// 11,400 messages a second. SQLite needs none.
func (db *DB) Analyze(ctx context.Context, table string) error {
	if db.Engine != Postgres {
		return nil
	}
	_, err := db.Write.ExecContext(ctx, "analyze "+table)
	return err
}

// Among is a condition that column is one of ids, which are argument n. A
// placeholder for each would take longer to read than the rows they are for.
func (e Engine) Among(column string, n int, ids []int64) (condition string, arg any) {
	if e == Postgres {
		return fmt.Sprintf("%s = any($%d)", column, n), ids
	}
	list := []byte("[")
	for i, id := range ids {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, id, 10)
	}
	return fmt.Sprintf("%s in (select value from json_each($%d))", column, n), string(append(list, ']'))
}

// Querier is what *sql.DB and *sql.Tx have in common, so that a read can be
// part of a transaction or not.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Millis is t as it is stored: unix milliseconds.
func Millis(t time.Time) int64 { return t.UnixMilli() }
