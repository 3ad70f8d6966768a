package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"pressrun/mailer"
)

// TestMaildirRelay: a newsroom on trial sends to a directory, with nothing to arm,
// and each file in it is a mail as it would have gone out.
func TestMaildirRelay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "trial")
	r := newCountingRoom(t, `public_url = "https://digest.news.example"
[[relay]]
name = "trial"
url = "maildir:`+dir+`"`)
	r.say(t, "list", "add", "readers", "--title", "Readers")
	r.say(t, "subscriber", "add", "ann@readers.example", "--list", "readers", "--source", "fair")
	r.say(t, "subscriber", "add", "bob@readers.example", "--list", "readers", "--source", "fair")
	issue := r.draft(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if err := r.approve(ctx, issue.ID, 0, "test", true); err != nil {
		t.Fatal(err)
	}
	if err := r.start(ctx, issue.ID); err != nil {
		t.Fatal(err)
	}
	run, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.Mailer.Run(run) }()
	for sent := 0; sent < 2; time.Sleep(20 * time.Millisecond) {
		counts, err := r.Mailer.Counts(ctx, issue.ID)
		if err != nil {
			t.Fatal(err)
		}
		sent = counts[mailer.StateAccepted]
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "new", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, want 2: %v", len(files), err)
	}
	r.say(t, append([]string{"issue", "verify"}, files...)...) // exits 0 when all are as sealed
	r.say(t, "doctor", "smtp")
}
