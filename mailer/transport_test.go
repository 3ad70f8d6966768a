package mailer_test

import (
	"testing"

	"pressrun/mailer"
	"pressrun/mailer/transporttest"
)

func TestTransports(t *testing.T) {
	for name, lockStep := range map[string]bool{"smtp": false, "smtp in lock-step": true} {
		t.Run(name, func(t *testing.T) {
			c, relay := receiver(t)
			relay.LockStep = lockStep
			transporttest.Suite(t, mailer.SMTP(relay), func() (all [][]byte) {
				for _, m := range c.Messages("") {
					all = append(all, m.Raw)
				}
				return all
			})
		})
	}
}
