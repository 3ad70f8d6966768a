package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestQueueWarnsOnceAMinute: a queue that cannot reach its database tells it at every
// try, which would fill the log and the disk under it.
func TestQueueWarnsOnceAMinute(t *testing.T) {
	var out strings.Builder
	w := &warnings{Handler: slog.NewTextHandler(&out, nil)}
	log := slog.New(w)
	for range 50 {
		log.Error("fetch jobs", "err", "refused")
		log.Info("nothing to do")
	}
	log.Warn("another thing")
	later := slog.NewRecord(time.Now().Add(2*time.Minute), slog.LevelError, "fetch jobs", 0)
	if err := w.Handle(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "fetch jobs") != 2 || strings.Count(got, "another thing") != 1 || strings.Contains(got, "nothing") {
		t.Errorf("it logs\n%s", got)
	}
}

// TestFailedJobIsLogged: what a job could not do stands in the log, once a minute for
// each kind.
func TestFailedJobIsLogged(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		ctx := t.Context()
		pl := newPlant(t, "", database, "", "")
		log := &noise{}
		pl.press.Log = logTo(log, slog.LevelInfo)
		if err := pl.press.openJobs(); err != nil {
			t.Fatal(err)
		}
		for slot := range int64(3) {
			if err := pl.press.enqueue(ctx, buildJob{Slot: 99990 + slot}); err != nil {
				t.Fatal(err)
			}
		}
		if err := pl.press.Jobs.Start(ctx); err != nil {
			t.Fatal(err)
		}
		defer pl.press.Jobs.Stop(ctx)
		within(t, 20*time.Second, "a job that fails is told", func() bool { return log.has("level=ERROR", "job build failed", "slot 9999") })
	})
}
