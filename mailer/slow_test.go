package mailer_test

import (
	"database/sql"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
)

// A relay that takes every message and is slow to say so is announced, once, and when
// it is quick again.
func TestSlowRelayIsAnnounced(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 8)
	r.Slow, r.Heartbeat = 300*time.Millisecond, 50*time.Millisecond
	r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtDot, Stall: 600 * time.Millisecond}}})
	r.freeze()
	r.start()
	r.waitAlarm("slow test It takes what it is given, but half of the messages")
	if r.counts()[mailer.StateAccepted] == r.readers {
		t.Error("it is told after all has gone out")
	}
	r.untilDone()
	if n := r.alarmsLike("slow test It"); n != 1 {
		t.Errorf("it is told %d times", n)
	}
	r.mu.Lock()
	r.alarms = nil
	r.mu.Unlock()
	r.catcher.Misbehave(catch.Faults{})
	r.readers = 100
	r.tx(func(tx *sql.Tx) error {
		_, err := r.Enqueue(t.Context(), tx, mailer.Enqueue{Issue: issue, SQL: audienceSQL, Args: []any{1, r.readers, edition, r.nowMillis()}})
		return err
	})
	r.waitAlarm("slow test ")
	if n := r.alarmsLike("slow test It"); n != 0 {
		t.Errorf("it is told %d times when it is quick", n)
	}
}
