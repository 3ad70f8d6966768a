package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"pressrun/deploy/schema"
	"pressrun/subscribers"
)

// checkFiles says of the files that a configuration names, all of them, what keeps
// serve from using them. Nothing is made.
func (c *Config) checkFiles() error {
	var bad ConfigError
	look := func(err error) {
		if err != nil {
			bad = append(bad, c.path+": "+withAdvice(err))
		}
	}
	dir := filepath.Dir(c.path)
	err := schema.Reachable(c.Database)
	if err == nil && !strings.Contains(c.Database, "://") {
		err = writable("database", c.Database)
	}
	look(err)
	for _, r := range c.Relays {
		if _, folder := r.maildir(); !folder && !c.Catch {
			_, err := r.password(dir)
			look(err)
		}
	}
	for _, d := range c.DKIM {
		_, err := d.signer(dir)
		look(err)
	}
	if c.Bounce.IMAP != "" {
		_, err := c.Bounce.password(dir)
		look(err)
	}
	if c.AI.URL != "" {
		_, err := c.AI.key(dir)
		look(err)
	}
	if c.TLSCert != "" {
		_, err := openCertificate(c.TLSCert, c.TLSKey, nil)
		look(err)
	}
	if _, err := subscribers.LoadKeys(c.Keys); errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // the first serve makes them
		look(writable("keys", c.Keys))
	} else {
		look(err)
	}
	look(writable("journal", c.Journal))
	if len(bad) > 0 {
		return bad
	}
	return nil
}

// writable says why the file that a key of press.toml names cannot be written, or not
// be made: its directories are made with it.
func writable(key, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		return f.Close()
	}
	dir := filepath.Dir(path)
	for errors.Is(err, os.ErrNotExist) {
		var probe *os.File // gone at once
		if probe, err = os.CreateTemp(dir, ".pressrun"); err == nil {
			probe.Close()
			return os.Remove(probe.Name())
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	return fmt.Errorf("%s: %w; mend %[1]s in press.toml, or let the user that runs pressrun write there", key, err)
}
