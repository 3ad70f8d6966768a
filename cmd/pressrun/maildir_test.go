package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
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
	sending, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.Mailer.Run(sending) }()
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
	var out, errs bytes.Buffer
	if code := run(ctx, append([]string{"-c", r.Config.path, "issue", "verify", filepath.Join(dir, "gone.eml")}, files...), nil, &out, &errs); code != exitFailed || !strings.Contains(out.String(), "gone.eml: it cannot be read") || !strings.Contains(out.String(), "2 of 3") {
		t.Errorf("with a file that is gone: exit %d: %s%s", code, out.String(), errs.String())
	}
	if err := r.waitSent(&env{ctx: ctx, out: &out, err: &errs}, issue.ID); err != nil || strings.Contains(errs.String(), "\r") {
		t.Errorf("a line that is written over and over went to a log: %q, %v", errs.String(), err)
	}
	if said := r.say(t, "doctor", "smtp"); !strings.Contains(said, "sending      is not stopped\n") {
		t.Errorf("doctor says %s", said)
	}
	r.say(t, "stop")
	out.Reset()
	if code := run(ctx, []string{"-c", r.Config.path, "doctor", "smtp"}, nil, &out, &errs); code != exitFailed || !strings.Contains(out.String(), "by command line (stopped on the command line); when it may go on: pressrun start") {
		t.Errorf("stopped, doctor exits %d and says %s", code, out.String())
	}
}
