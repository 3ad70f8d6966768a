package schema

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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
			return fmt.Errorf("backup %s to %s: %w", db.Name, file, err) // a full disk is most likely the latter's
		}
		return os.Chmod(file, 0o600)
	}
	cmd, err := postgresTool(ctx, dsn, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file="+file)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return toolError(cmd, err, string(out))
	}
	return os.Chmod(file, 0o600)
}

// Restore brings a file that Backup wrote to the database at dsn, which must
// hold nothing: ErrNotEmpty when it does. The database is there whole, with what the
// statement then changes in it, or not at all, however Restore ends. For SQLite the
// file is changed, and must be on the same file system; it is moved.
func Restore(ctx context.Context, dsn, file, then string) error {
	if err := ofEngine(file, isPostgres(dsn)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if isPostgres(dsn) {
		return restorePostgres(ctx, dsn, file, then)
	}
	db, err := Open(ctx, file)
	if err != nil {
		return err
	}
	_, err = db.Write.ExecContext(ctx, then)
	if err := errors.Join(err, db.Close()); err != nil { // closed, it is one file again
		return fmt.Errorf("restore %s: %w", dsn, err)
	}
	err = os.Link(file, dsn) // refuses to replace
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("restore %s: %w", dsn, ErrNotEmpty)
	}
	return err
}

func restorePostgres(ctx context.Context, dsn, file, then string) error {
	db, err := Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	var tables int
	var schemas string // pg_restore leaves none in the path, and dsn may name its own
	if err := db.Read.QueryRowContext(ctx, `select count(*), current_setting('search_path') from information_schema.tables where table_schema = current_schema()`).Scan(&tables, &schemas); err != nil {
		return fmt.Errorf("restore %s: %w", db.Name, err)
	}
	if tables > 0 {
		return fmt.Errorf("restore %s: %w", db.Name, ErrNotEmpty)
	}
	return loadPostgres(ctx, dsn, file, "set search_path to "+schemas+";\n"+then)
}

// loadPostgres has pg_restore write what psql executes, and commits after it
// ourselves: pg_restore alone would go on after we were killed.
func loadPostgres(ctx context.Context, dsn, file, then string) error {
	dump, err := postgresTool(ctx, dsn, "pg_restore", "--no-owner", "--no-privileges", "--file=-", file)
	if err != nil {
		return err
	}
	load, err := postgresTool(ctx, dsn, "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname="+databaseName(dsn))
	if err != nil {
		return err
	}
	var said, loadSaid bytes.Buffer
	dump.Stderr, load.Stderr = &said, &loadSaid
	in, err := load.StdinPipe()
	if err != nil {
		return err
	}
	out, err := dump.StdoutPipe()
	if err != nil {
		return err
	}
	if err := load.Start(); err != nil {
		return toolError(load, err, "")
	}
	_, err = io.WriteString(in, "begin;\n")
	if err == nil {
		if err = dump.Start(); err == nil {
			_, err = io.Copy(in, out)
			out.Close()
			err = cmp.Or(dump.Wait(), err)
		}
	}
	if err == nil {
		_, err = io.WriteString(in, then+";\ncommit;\n")
	}
	in.Close() // without the commit nothing has happened
	if failed := load.Wait(); failed != nil {
		return toolError(load, failed, loadSaid.String())
	}
	if err != nil {
		return toolError(dump, err, said.String())
	}
	return nil
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

// postgresTool is a program of PostgreSQL's own, to be run on the database at dsn. The
// password goes by the environment, where other users do not see it.
func postgresTool(ctx context.Context, dsn, name string, args ...string) (*exec.Cmd, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%s is not on this machine: install postgresql-client of the server's version, or run where it is: %s %s", name, name, strings.Join(args, " "))
	}
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("%s: the URL of the database cannot be read", name)
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
	return cmd, nil
}

// toolError is what a program of PostgreSQL's ended with, and what it said.
func toolError(cmd *exec.Cmd, err error, said string) error {
	return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, strings.TrimSpace(said))
}
