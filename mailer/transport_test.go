package mailer_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"pressrun/mailer"
	"pressrun/mailer/transporttest"
)

func TestTransports(t *testing.T) {
	t.Run("smtp", func(t *testing.T) {
		c, relay := receiver(t)
		transporttest.Suite(t, mailer.SMTP(relay), func() (all [][]byte) {
			for _, m := range c.Messages("") {
				all = append(all, m.Raw)
			}
			return all
		})
	})
	t.Run("smtp in lock-step", func(t *testing.T) {
		c, relay := receiver(t)
		relay.LockStep = true
		transporttest.Suite(t, mailer.SMTP(relay), func() (all [][]byte) {
			for _, m := range c.Messages("") {
				all = append(all, m.Raw)
			}
			return all
		})
	})
	t.Run("maildir", func(t *testing.T) {
		dir := t.TempDir()
		transporttest.Suite(t, mailer.Maildir("trial", dir), func() (all [][]byte) {
			files, err := filepath.Glob(filepath.Join(dir, "new", "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil || !bytes.HasPrefix(b, []byte("Return-Path: <b@x.test>\r\n")) {
					t.Fatalf("%.60q %v", b, err)
				}
				all = append(all, b)
			}
			return all
		})
	})
}
