package schema

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Advice says in a sentence how a person mends what a database error is about;
// "" when it is not known to be anything a person can mend. What was not
// committed when it happened is not lost: it is done again.
func Advice(err error) string {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		if text := lite.Error(); strings.Contains(text, "no such table") || strings.Contains(text, "no such column") || strings.Contains(text, "has no column") {
			return otherTables
		}
		return sqliteAdvice[lite.Code()&0xff]
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		if refused.Message == "could not write init file" { // what new connections meet there; it has no state of its own
			return postgresAdvice["53100"]
		}
		return postgresAdvice[refused.Code]
	}
	var unreachable *pgconn.ConnectError
	switch {
	case errors.As(err, &unreachable) && strings.Contains(err.Error(), "refused TLS"):
		return "PostgreSQL speaks no TLS there: turn ssl on in its postgresql.conf, or end the address under database in press.toml with ?sslmode=disable where nobody can listen in between"
	case errors.As(err, &unreachable):
		return "PostgreSQL does not answer there: start it, or mend the address under database in press.toml"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "the disk is full: make room on it"
	case errors.Is(err, syscall.EROFS):
		return "the disk is mounted read-only: mount it read-write"
	case errors.Is(err, fs.ErrPermission):
		return "pressrun may not do that there: give the file and its folder to the user that runs it (chown)"
	}
	return ""
}

// otherTables is what a database says that was made before the first release, of
// which each build may have tables of its own.
const otherTables = "its tables are of another pressrun from before the first release: go on with that one, or begin a new database (readers by subscriber export and import, newsletters by newsletter export and apply)"

// stopping is said of connections that the server ends, and of those it does not take yet.
const stopping = "the database server is starting or stopping: when it is there serve goes on by itself, any other command is to be given again"

var sqliteAdvice = map[int]string{
	sqlite3.SQLITE_BUSY:     "another program holds the database: end it (a shell, a backup); serve then goes on by itself, any other command is to be given again",
	sqlite3.SQLITE_LOCKED:   "another program holds the database: end it (a shell, a backup); serve then goes on by itself, any other command is to be given again",
	sqlite3.SQLITE_READONLY: "the database is read-only: give the file and its folder to the user that runs pressrun (chown), and mount the disk read-write",
	sqlite3.SQLITE_FULL:     "the disk is full: make room on it; serve then goes on by itself, any other command is to be given again",
	sqlite3.SQLITE_IOERR:    "the disk cannot be read or written: look at the system's log",
	sqlite3.SQLITE_CORRUPT:  "the file is damaged: restore a backup",
	sqlite3.SQLITE_NOTADB:   "the file is not a SQLite database: mend database in press.toml, or restore a backup",
	sqlite3.SQLITE_CANTOPEN: "the file cannot be opened: its folder is missing, belongs to another user, or is on a disk that is mounted read-only",
}

// By SQLSTATE, see appendix A of the PostgreSQL manual.
var postgresAdvice = map[string]string{
	"28P01": "the password is wrong: mend it under database in press.toml or in PRESSRUN_DATABASE",
	"28000": "PostgreSQL does not let this user in: mend the user under database in press.toml, or pg_hba.conf",
	"3D000": "there is no such database: make it with createdb, or mend the name under database in press.toml",
	"25006": "the database is read-only: this is a standby, or default_transaction_read_only is on",
	"42501": "the user lacks a right: make it the owner of the database",
	"42P01": otherTables,
	"42703": otherTables,
	"53100": "the disk of the database server is full: make room on it; serve then goes on by itself, any other command is to be given again",
	"53300": "the database server has no connection left: raise max_connections, or end other programs",
	"55P03": "another program holds a lock: end it; serve then goes on by itself, any other command is to be given again",
	"57P01": stopping,
	"57P02": stopping,
	"57P03": stopping,
}
