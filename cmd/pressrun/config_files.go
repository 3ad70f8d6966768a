package main

import (
	"errors"
	"os"
	"path/filepath"

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
	look(schema.Reachable(c.Database))
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
	if _, err := subscribers.LoadKeys(c.Keys); !errors.Is(err, os.ErrNotExist) { // the first serve makes them
		look(err)
	}
	if len(bad) > 0 {
		return bad
	}
	return nil
}
