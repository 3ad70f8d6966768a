package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is a TLS certificate in two files, which are replaced when it is
// renewed, every few weeks: each handshake looks whether they were.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	as     [2]time.Time // when the files had been written
}

func openCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log, as: written(cert, key)}
	return c, c.load()
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w; mend tls_cert and tls_key in press.toml or these files, which the user that runs pressrun must be able to read", c.cert, c.key, err)
	}
	c.loaded = &pair
	return nil
}

// get implements tls.Config.GetCertificate. New files that cannot be used leave
// the old certificate in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if as := written(c.cert, c.key); as != c.as {
		c.as = as
		if err := c.load(); err != nil {
			c.log.Error("the certificate stays the old one", "err", err)
		} else {
			c.log.Info("took up a new certificate", "file", c.cert)
		}
	}
	return c.loaded, nil
}

// written is when two files were written; the zero time stands for one that is
// not there.
func written(files ...string) (at [2]time.Time) {
	for i, name := range files {
		if info, err := os.Stat(name); err == nil {
			at[i] = info.ModTime()
		}
	}
	return at
}
