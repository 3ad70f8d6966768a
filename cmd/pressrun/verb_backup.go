package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/mailer"
)

// What a backup consists of: files of these names in a directory of its own.
const (
	backedDatabase = "press.database"
	backedConfig   = "press.toml"
	backedKeys     = "link.keys"
	backedJournal  = "departures.journal"
)

type backupVerb struct {
	To string `arg:"" type:"path" help:"New directory for the backup."`
}

// Run copies everything a newsroom needs to begin again, while serve runs.
func (v *backupVerb) Run(e *env) error {
	c, err := LoadConfig(e.config)
	if err != nil {
		return err
	}
	if !strings.Contains(c.Database, "://") { // opening would make one
		if _, err := os.Stat(c.Database); err != nil {
			return fmt.Errorf("there is no database to back up: %w", err)
		}
	}
	if _, err := os.Lstat(v.To); err == nil {
		return fmt.Errorf("a backup needs a new directory: %s is there", v.To)
	}
	// Under its own name it is whole: what a kill or a power cut leaves is none.
	begun := filepath.Clean(v.To) + ".unfinished"
	if err := errors.Join(os.RemoveAll(begun), os.MkdirAll(begun, 0o700)); err != nil {
		return err
	}
	// The journal after the database: it may know more, never less.
	err = schema.Backup(e.ctx, c.Database, filepath.Join(begun, backedDatabase))
	for from, to := range map[string]string{e.config: backedConfig, c.Keys: backedKeys, c.Journal: backedJournal} {
		if err == nil {
			err = copyNew(from, filepath.Join(begun, to))
		}
	}
	if err == nil {
		err = os.Rename(begun, v.To)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(begun))
	}
	return e.did(facts{"backup": v.To, "apart": c.secretFiles()}, "%s holds database, configuration, link keys and journal%s; bring it back with: pressrun -c NEW/press.toml restore %s", v.To, apart(c.secretFiles()), v.To)
}

// apart says which files are kept elsewhere.
func apart(files []string) string {
	if len(files) == 0 {
		return ""
	}
	return ", but not " + strings.Join(files, ", ")
}

// secretFiles are the files of passwords and private keys that the configuration
// names, the link keys aside: a backup does not take them along.
func (c *Config) secretFiles() []string {
	files := []string{c.TLSKey, c.AI.KeyFile, c.Bounce.PasswordFile}
	for _, r := range c.Relays {
		files = append(files, r.PasswordFile)
	}
	for _, d := range c.DKIM {
		files = append(files, d.KeyFile)
	}
	var named []string
	for _, f := range files {
		if f != "" {
			named = append(named, f)
		}
	}
	return named
}

type restoreVerb struct {
	From string `arg:"" type:"existingdir" help:"Directory that backup has made."`
}

// Run brings a backup back where the configuration says, or beside the
// configuration that it brings itself. It replaces nothing, and leaves sending
// stopped and disarmed: what went out after the backup only a person knows.
func (v *restoreVerb) Run(e *env) (err error) {
	for _, name := range []string{backedDatabase, backedConfig, backedKeys, backedJournal} {
		if _, err := os.Stat(filepath.Join(v.From, name)); err != nil {
			return fmt.Errorf("%s holds no backup: %w; give the directory that pressrun backup has made", v.From, err)
		}
	}
	var made []string
	defer func() {
		if err != nil {
			for _, f := range made {
				os.Remove(f)
			}
		}
	}()
	bring := func(from, to string) error {
		if same(from, to) {
			return nil
		}
		if err := copyNew(from, to); err != nil {
			return err
		}
		made = append(made, to)
		return nil
	}
	if _, err := os.Stat(e.config); errors.Is(err, os.ErrNotExist) {
		if err := bring(filepath.Join(v.From, backedConfig), e.config); err != nil {
			return err
		}
	}
	c, err := LoadConfig(e.config)
	if err != nil {
		return err
	}
	l, err := listen(c.Listen, "listen in press.toml")
	if err != nil {
		return fmt.Errorf("is serve running? End it before restore: %w", err)
	}
	defer l.Close()
	keys, journal := filepath.Join(v.From, backedKeys), filepath.Join(v.From, backedJournal)
	if longer, err := continues(c.Keys, keys); err != nil {
		return err
	} else if !longer { // else it has a newer key, which has signed links since
		if err := bring(keys, c.Keys); err != nil {
			return err
		}
	}
	if longer, err := journalToKeep(journal, c.Journal); err != nil {
		return err
	} else if !longer {
		if err := bring(journal, c.Journal); err != nil {
			return err
		}
	}
	asOld := same(journal, c.Journal)
	if err := v.database(e, c, &made); err != nil && !(errors.Is(err, schema.ErrNotEmpty) && v.cutOff(e.ctx, c)) {
		return err
	}
	p, err := Open(e.ctx, c, time.Now, e.log)
	if err != nil {
		return err
	}
	defer p.Close()
	// Sending is stopped from the database's first moment. The rest can be done twice.
	if err := errors.Join(p.Mailer.Disarm(e.ctx), p.Installation.Forget(e.ctx, leavesBy), p.DB.SkipNumbers(e.ctx)); err != nil {
		return err
	}
	if err := p.recall(e.ctx); err != nil {
		return err
	}
	if err := p.Mailer.Stop(e.ctx, "restore", "restored from a backup: look at the issues that were under way, then start"); err != nil {
		return err
	}
	return p.restored(e, v.From, asOld)
}

// cutOff reports whether the database in its place comes from this very restore, which
// was killed, or failed, before its end.
func (v *restoreVerb) cutOff(ctx context.Context, c Config) bool {
	db, err := schema.Open(ctx, c.Database)
	if err != nil {
		return false
	}
	defer db.Close()
	st, err := (&mailer.Mailer{DB: db, Now: time.Now}).Status(ctx)
	return err == nil && st.Why == v.under()
}

// under is why nothing goes out of a database whose restore has not come to its end,
// and by which the same restore, done again, knows that it may go on.
func (v *restoreVerb) under() string {
	return "its restore was cut off; do it again: pressrun restore " + v.From
}

// database brings the database, stopped, whole or not at all.
func (v *restoreVerb) database(e *env, c Config, made *[]string) error {
	file := filepath.Join(v.From, backedDatabase)
	stop := (&mailer.Mailer{Now: time.Now}).StopText("restore", v.under())
	if strings.Contains(c.Database, "://") {
		return schema.Restore(e.ctx, c.Database, file, stop)
	}
	beside := c.Database + ".restoring"
	if err := errors.Join(os.RemoveAll(beside), os.RemoveAll(beside+"-wal"), os.RemoveAll(beside+"-shm")); err != nil { // of one that was killed
		return err
	}
	defer os.Remove(beside)
	if err := copyNew(file, beside); err != nil {
		return err
	}
	if err := schema.Restore(e.ctx, c.Database, beside, stop); err != nil {
		return err
	}
	*made = append(*made, c.Database, c.Database+"-wal", c.Database+"-shm")
	return nil
}

// restored says what a person has to look at first; asOld says that the journal is
// as old as the backup.
func (p *Press) restored(e *env, from string, asOld bool) error {
	if err := e.record(p, "restore", "database", from); err != nil {
		return err
	}
	open, err := p.Digest.IssuesIn(e.ctx, "draft", "held", "approved", "countdown", "sending", "paused")
	if err != nil {
		return err
	}
	ids := make([]int64, len(open))
	look := ""
	for i, issue := range open {
		ids[i] = issue.ID
		look += fmt.Sprintf("\n  issue %d (%s No. %d) was %s; if it went out after the backup: pressrun issue cancel %d --why restored", issue.ID, issue.Newsletter, issue.Number, issue.State, issue.ID)
	}
	if asOld {
		look += fmt.Sprintf("\n  who left since the backup is not known: if the journal of the newsroom (%s) is still there, copy it to %s before serve", filepath.Base(p.Config.Journal), p.Config.Journal)
	}
	return e.did(facts{"database": p.DB.Name, "stopped": true, "armed": false, "open_issues": ids, "journal_as_old": asOld}, "%s is restored and its journal replayed; sending is stopped and disarmed%s\nGo on with: pressrun start, pressrun arm, pressrun serve", p.DB.Name, look)
}

// journalToKeep reports whether the journal in its place continues the one of
// the backup, and must therefore stay. It fails when the two are of different
// histories: then departures would be forgotten either way.
func journalToKeep(backed, place string) (bool, error) {
	longer, err := continues(place, backed)
	if _, missing := os.Stat(place); err == nil && !longer && missing == nil {
		return false, fmt.Errorf("%s does not continue the backup's journal: one of them was cut or is of another newsroom; move it away to go by the backup's alone", place)
	}
	return longer, err
}

// continues reports whether a file is there that begins as another one, which is
// only ever appended to.
func continues(file, other string) (bool, error) {
	there, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	old, err := os.ReadFile(other)
	return err == nil && bytes.HasPrefix(there, old), err
}

func same(a, b string) bool {
	x, err1 := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// copyNew copies a file to a place where none is, readable by its owner alone. It is
// there whole or not at all.
func copyNew(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s is there already and differs; nothing is replaced: move it away first", to)
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	begun := to + ".unfinished"
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.RemoveAll(begun)); err != nil { // of one that was killed
		return err
	}
	f, err := os.OpenFile(begun, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(begun)
	_, err = io.Copy(f, source)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(begun, to)
}
