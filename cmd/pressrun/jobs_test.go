package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pressrun/mailer"
	"pressrun/subscribers"
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

// TestNightForgetsLetters: what is done with is kept for a week, as long as the link in
// it works.
func TestNightForgetsLetters(t *testing.T) {
	ctx := t.Context()
	pl := newPlant(t, "", "press.db", "", "")
	pl.subscribers(1, "daily")
	by := pl.shift()
	pl.press.Subscribers.Now = pl.now
	pl.sends()
	list, err := pl.press.Subscribers.ListID(ctx, pl.press.DB.Read, "daily")
	if err != nil {
		t.Fatal(err)
	}
	if err := pl.press.Subscribers.Subscribe(ctx, subscribers.Signup{Email: "kim@late.example", Lists: []int64{list}, Source: "form"}); err != nil {
		t.Fatal(err)
	}
	pl.until(30*time.Second, "the letter is taken", func() bool {
		state, _, err := pl.press.Mailer.LetterState(ctx, 1)
		return err == nil && state == mailer.StateAccepted
	})
	for _, days := range []int{6, 8} {
		by.Store(int64(days) * 24 * int64(time.Hour))
		if err := pl.press.Night(ctx); err != nil {
			t.Fatal(err)
		}
		if _, _, err := pl.press.Mailer.LetterState(ctx, 1); errors.Is(err, mailer.ErrNoLetter) != (days > 7) {
			t.Errorf("after %d days: %v", days, err)
		}
	}
}
