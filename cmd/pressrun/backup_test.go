package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
)

// A backup taken while serve runs is brought back elsewhere whole: who left after
// it stays away, sending is stopped, and nothing that is there is replaced.
func TestEndToEndBackup(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		if database != "press.db" {
			t.Setenv("PRESSRUN_DATABASE", database)
		}
		free := listenQuietly(t)
		free.Close()
		t.Setenv("PRESSRUN_LISTEN", free.Addr().String())
		d, _ := newDeskless(t)
		does := func(want int, words string, args ...string) {
			t.Helper()
			if code, out, errs := d.verb("", args...); code != want || !strings.Contains(out+errs, words) {
				t.Fatalf("%v: exit %d, want %d and %q: %s%s", args, code, want, words, out, errs)
			}
		}
		does(0, "", "subscriber", "add", "ann@readers.example", "--list", "morning", "--source", "fair")
		does(0, "", "subscriber", "add", "bob@readers.example", "--list", "morning", "--source", "fair")
		p := d.open()
		l, err := listen(p.Config.Listen, "")
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Serve(ctx, l) }()
		backup := filepath.Join(t.TempDir(), "monday")
		killed := backup + ".unfinished" // is no backup, and keeps none from being made
		if err := errors.Join(os.Mkdir(killed, 0o700), os.WriteFile(filepath.Join(killed, "press.database"), []byte("SQLite"), 0o600)); err != nil {
			t.Fatal(err)
		}
		does(0, "link keys and journal", "backup", backup)
		does(1, "a backup needs a new directory", "backup", backup)
		if _, err := os.Stat(killed); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("what a killed backup left: %v", err)
		}
		files, err := os.ReadDir(backup)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s of a backup: %v, %v; want 0600", f.Name(), info.Mode(), err)
			}
		}
		does(0, "", "subscriber", "leave", "bob@readers.example", "--list", "morning")

		does(1, "is serve running", "restore", backup)
		end()
		if err := errors.Join(<-ended, p.Close()); err != nil {
			t.Fatal(err)
		}

		old := *d
		d.dir = filepath.Join(t.TempDir(), "again")
		d.config = d.path("press.toml")
		if database != "press.db" {
			does(1, "replaces nothing", "restore", backup)
			if left, _ := filepath.Glob(d.path("*")); len(left) > 0 {
				t.Errorf("a refused restore leaves %v", left)
			}
			t.Setenv("PRESSRUN_DATABASE", schematest.EmptyPostgresURL(t))
		}
		journal, err := os.ReadFile(old.path("departures.journal"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(d.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		keys, err := os.ReadFile(filepath.Join(backup, "link.keys"))
		if err != nil {
			t.Fatal(err)
		}
		since := "k2:" + strings.Repeat("QUJD", 11) + " from 2026-11-27T09:00:00Z\n" // a key that was added after the backup
		if err := errors.Join(os.WriteFile(d.path("departures.journal"), journal, 0o600), os.WriteFile(d.path("link.keys"), append(keys, since...), 0o600)); err != nil {
			t.Fatal(err)
		}
		left := []string{d.path("departures.journal.unfinished"), d.path("press.db.restoring"), d.path("press.db.restoring.unfinished")} // by one that was killed
		for _, name := range left {
			if err := os.WriteFile(name, []byte("SQLite"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		does(0, "sending is stopped", "restore", backup)
		if files, _ := filepath.Glob(d.path("*.restoring*")); len(files) > 0 && database == "press.db" {
			t.Errorf("a restore leaves %v", files)
		}
		does(0, "ann@readers.example", "subscriber", "ls", "--list", "morning", "--state", "active")
		does(0, "bob@readers.example", "subscriber", "ls", "--list", "morning", "--state", "unsubscribed")
		does(0, "draft", "issue", "ls")
		does(0, "k2", "key", "ls")
		does(0, `"id": 100000`, "subscriber", "add", "cyd@readers.example", "--list", "morning", "--source", "fair", "--json") // links that were given since the backup are not his
		again, err := schema.Open(t.Context(), os.Getenv("PRESSRUN_DATABASE"))
		if database == "press.db" {
			again, err = schema.Open(t.Context(), d.path("press.db"))
		}
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if _, err := again.Write.ExecContext(t.Context(), (&mailer.Mailer{}).StopText("restore", (&restoreVerb{From: backup}).under())); err != nil { // as if killed there
			t.Fatal(err)
		}
		does(1, "its restore was cut off; do it again: pressrun restore "+backup, "doctor")
		does(0, "sending is stopped", "restore", backup)
		does(1, "restored from a backup", "doctor")
		if database == "press.db" {
			does(1, "replaces nothing", "restore", backup)
		}
		if err := os.RemoveAll(d.dir); err != nil {
			t.Fatal(err)
		}
		if database == "press.db" {
			does(0, "who left since the backup is not known", "restore", backup)
		}
		if err := errors.Join(os.MkdirAll(d.dir, 0o700), os.WriteFile(d.path("link.keys"), []byte("another"), 0o600)); err != nil {
			t.Fatal(err)
		}
		does(1, "link.keys is there already and differs", "restore", backup)

		// A directory that is none, another engine's backup and a damaged one leave nothing.
		does(1, "holds no backup", "restore", d.dir)
		other := map[bool]string{true: "PGDMP", false: "SQLite format 3\x00"}[database == "press.db"]
		for head, want := range map[string]string{other: "the backup is of a", "x": "the database of the backup is damaged"} {
			if err := errors.Join(os.RemoveAll(d.dir), os.WriteFile(filepath.Join(backup, "press.database"), []byte(head), 0o600)); err != nil {
				t.Fatal(err)
			}
			does(1, want, "restore", backup)
			if left, err := os.ReadDir(d.dir); err != nil || len(left) > 0 {
				t.Errorf("after a restore that failed: %v, %v", left, err)
			}
		}
	})
}

// A PostgreSQL database that was brought back stays when what comes next fails, or
// is ended: nothing goes out of it all the same.
func TestEndToEndRestoreThatFails(t *testing.T) {
	t.Setenv("PRESSRUN_DATABASE", schematest.PostgresURL(t))
	d, _ := newDeskless(t)
	does := func(want int, words string, args ...string) {
		t.Helper()
		if code, out, errs := d.verb("", args...); code != want || !strings.Contains(out+errs, words) {
			t.Fatalf("%v: exit %d, want %d and %q: %s%s", args, code, want, words, out, errs)
		}
	}
	open := func() *schema.DB {
		t.Helper()
		db, err := schema.Open(t.Context(), os.Getenv("PRESSRUN_DATABASE"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	does(0, "", "subscriber", "add", "ann@readers.example", "--list", "morning", "--source", "fair")
	for _, statement := range []string{
		`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no departures'; end $$`,
		`create trigger refuse before update on subscriptions for each row when (new.state = 'unsubscribed') execute function refuse()`,
	} {
		if _, err := open().Write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	backup := filepath.Join(t.TempDir(), "monday")
	does(0, "link keys and journal", "backup", backup)
	if _, err := open().Write.ExecContext(t.Context(), `drop trigger refuse on subscriptions`); err != nil {
		t.Fatal(err)
	}
	does(0, "", "subscriber", "leave", "ann@readers.example", "--list", "morning")

	t.Setenv("PRESSRUN_DATABASE", schematest.EmptyPostgresURL(t))
	does(1, "no departures", "restore", backup)
	p := d.open()
	defer p.Close()
	if st, err := p.Mailer.Status(t.Context()); err != nil || !st.Stopped {
		t.Errorf("of what a failed restore left sending is %+v, %v; want stopped", st, err)
	}
	if _, err := open().Write.ExecContext(t.Context(), `drop trigger refuse on subscriptions`); err != nil {
		t.Fatal(err)
	}
	does(0, "sending is stopped", "restore", backup)
	does(0, "ann@readers.example", "subscriber", "ls", "--list", "morning", "--state", "unsubscribed")
	does(1, "replaces nothing", "restore", backup)
}

// A restore to PostgreSQL that is killed brings nothing: its pg_restore went on without
// it, and left a database that sends.
func TestFaultRestoreKilled(t *testing.T) {
	t.Parallel()
	name := program(t)
	original, place := schematest.PostgresURL(t), schematest.EmptyPostgresURL(t)
	dir := t.TempDir()
	config, backup := filepath.Join(dir, "press.toml"), filepath.Join(dir, "monday")
	if err := os.WriteFile(config, []byte("listen = \"127.0.0.1:0\"\npublic_url = \"http://127.0.0.1:1\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	verb := func(database, path string, args ...string) *exec.Cmd {
		c := exec.Command(name, append([]string{"-c", config}, args...)...)
		c.Env = append(os.Environ(), "PRESSRUN_DATABASE="+database, "PATH="+path)
		return c
	}
	path := os.Getenv("PATH")
	for _, args := range [][]string{{"list", "ls"}, {"backup", backup}} { // the first makes the link keys
		if out, err := verb(original, path, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	tool, err := exec.LookPath("pg_restore")
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\ncd %s\ntouch begun\nuntil [ -e go ]; do sleep .02; done\n%s \"$@\"\ntouch done\n", dir, tool)
	if err := os.WriteFile(filepath.Join(dir, "pg_restore"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	there := func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
	restore := verb(place, dir+":"+path, "restore", backup)
	if err := restore.Start(); err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "pg_restore begins", func() bool { return there("begun") })
	restore.Process.Kill()
	restore.Wait()
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "pg_restore ends", func() bool { return there("done") })
	if out, err := verb(place, path, "restore", backup).CombinedOutput(); err != nil || !strings.Contains(string(out), "sending is stopped") {
		t.Errorf("the same again: %v: %s", err, out)
	}
}

// What cannot be copied to its end is not there: half of the link keys kept the same
// restore from being done again.
func TestCopyNewIsWhole(t *testing.T) {
	to := filepath.Join(t.TempDir(), "link.keys")
	if err := copyNew(t.TempDir(), to); err == nil { // a directory opens, and cannot be read
		t.Error("a directory was copied")
	}
	if left, err := filepath.Glob(to + "*"); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
