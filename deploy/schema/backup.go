package schema

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ErrNotEmpty is returned by Restore for a database that holds something.
var ErrNotEmpty = errors.New("there is a database already; restore replaces nothing: move it away, or name another under database in press.toml")

// Backup writes all of the database at dsn, as it stands at one moment, to a new
// file, which its owner alone may read. Other processes go on reading and writing meanwhile. PostgreSQL needs its
// own pg_dump on this machine.
func Backup(ctx context.Context, dsn, file string) error {
	db, err := Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	if db.Engine == SQLite {
		if _, err := db.Write.ExecContext(ctx, `vacuum into $1`, file); err != nil {
			return fmt.Errorf("backup %s: %w", db.Name, err)
		}
		return os.Chmod(file, 0o600)
	}
	if err := postgresTool(ctx, dsn, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file="+file); err != nil {
		return err
	}
	return os.Chmod(file, 0o600)
}

// Restore brings a file that Backup wrote to the database at dsn, which must
// hold nothing: ErrNotEmpty when it does. For SQLite the file must be on the
// same file system; it is moved.
func Restore(ctx context.Context, dsn, file string) error {
	if err := ofEngine(file, isPostgres(dsn)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if !strings.Contains(dsn, "://") {
		err := os.Link(file, dsn) // refuses to replace
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("restore %s: %w", dsn, ErrNotEmpty)
		}
		return err
	}
	db, err := Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	tables := 0
	if err := db.Read.QueryRowContext(ctx, `select count(*) from information_schema.tables where table_schema = current_schema()`).Scan(&tables); err != nil {
		return fmt.Errorf("restore %s: %w", db.Name, err)
	}
	if tables > 0 {
		return fmt.Errorf("restore %s: %w", db.Name, ErrNotEmpty)
	}
	return postgresTool(ctx, dsn, "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", "--dbname="+databaseName(dsn), file)
}

// ofEngine looks whether a file that Backup wrote is of PostgreSQL or of SQLite, as
// its first bytes say.
func ofEngine(file string, postgres bool) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, _ := io.ReadFull(f, head)
	switch is := string(head[:n]); {
	case strings.HasPrefix(is, "PGDMP"):
		if !postgres {
			return errors.New("the backup is of a PostgreSQL database: name such a one under database in press.toml")
		}
	case is == "SQLite format 3\x00":
		if postgres {
			return errors.New("the backup is of an SQLite database: name a file under database in press.toml")
		}
	default:
		return errors.New("the database of the backup is damaged: take an older one")
	}
	return nil
}

// handedOut are the tables whose numbers stand in mails, links and addresses that
// are out, and more than are given between two backups.
var handedOut = map[string]int64{"deliveries": 100_000_000, "letters": 100_000_000, "subscribers": 1_000_000, "issues": 1000, "editions": 1000, "lists": 1000}

// SkipNumbers leaves a gap in the numbers of a restored database: those that were
// given since the backup was made are out, and what comes by them must not reach
// another reader.
func (db *DB) SkipNumbers(ctx context.Context) error {
	steps := []string{
		`insert into sqlite_sequence (name, seq) select '%[1]s', 0 where not exists (select 1 from sqlite_sequence where name = '%[1]s')`,
		`update sqlite_sequence set seq = seq + %[2]d where name = '%[1]s'`,
	}
	if db.Engine == Postgres {
		steps = []string{`select setval('%[1]s_id_seq', greatest(last_value, (select max(id) from %[1]s)) + %[2]d) from %[1]s_id_seq`}
	}
	for table, gap := range handedOut {
		for _, step := range steps {
			if _, err := db.Write.ExecContext(ctx, fmt.Sprintf(step, table, gap)); err != nil {
				return fmt.Errorf("leave a gap in the numbers of %s: %w", table, err)
			}
		}
	}
	return nil
}

func databaseName(dsn string) string {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return ""
	}
	return c.Database
}

// postgresTool runs a program of PostgreSQL's own on the database at dsn. The
// password goes by the environment, where other users do not see it.
func postgresTool(ctx context.Context, dsn, name string, args ...string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return fmt.Errorf("%s is not on this machine: install postgresql-client of the server's version, or run where it is: %s %s", name, name, strings.Join(args, " "))
	}
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("%s: the URL of the database cannot be read", name)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "PGHOST="+c.Host, "PGPORT="+strconv.Itoa(int(c.Port)), "PGUSER="+c.User, "PGPASSWORD="+c.Password, "PGDATABASE="+c.Database)
	if u, err := url.Parse(dsn); err == nil {
		for parameter, variable := range map[string]string{"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"} {
			if v := u.Query().Get(parameter); v != "" {
				cmd.Env = append(cmd.Env, variable+"="+v)
			}
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
