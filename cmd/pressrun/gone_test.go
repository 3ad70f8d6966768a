package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/installation"
)

// Alarms about what the configuration and the database no longer hold end when serve
// begins, with the reason; those about what is still there stand.
func TestAlarmsOfWhatIsGoneEnd(t *testing.T) {
	r := newCountingRoom(t, "public_url = \"https://digest.example.com\"\n[[relay]]\nname = \"main\"\nurl = \"smtp://relay.example.com\"\n")
	ctx := t.Context()
	skipped := r.draft(t)
	if err := r.Skip(ctx, skipped.ID, "test", "test"); err != nil {
		t.Fatal(err)
	}
	stand := [][2]string{
		{"certificate", "https://digest.example.com"}, {"relay", "main"}, {"slow", "main"}, {"views", "visits"}, {"views", viewsIn(r.Config)}, {"letters", "refused"},
		{"breaker", fmt.Sprintf("issue %d", skipped.ID)}, {"slot", "morning 2026-11-27T05:00:00Z"}, {"intake", "ses"},
		{"journal", r.Config.Journal}, {"disk", r.Config.disks()[0]}, {"unreached", "ed@news.example"},
	}
	ends := map[[2]string]string{
		{"certificate", "https://old.example.com"}:        "public_url is another one now",
		{"address", "https://old.example.com"}:            "public_url is another one now",
		{"relay", "old"}:                                  "no [[relay]] has this name any more",
		{"quota", "old"}:                                  "no [[relay]] has this name any more",
		{"quota", "main"}:                                 "serve began anew",
		{"ledger", r.DB.Name}:                             "serve began anew",
		{"ledger", "/old/press.db"}:                       "the database is another one now",
		{"views", "redis://old.example:6379"}:             "visits are counted elsewhere now",
		{"intake", "imaps://bounces@old.example"}:         "bounces are read elsewhere now",
		{"intake", "bounces@old.example"}:                 "bounces go to another address now",
		{"disk", "/old"}:                                  "nothing of ours is there any more",
		{"keys", "/old/link.keys"}:                        "the link keys are in another file now",
		{"slot", "old 2026-11-27T05:00:00Z"}:              "there is no such newsletter any more",
		{"approval", fmt.Sprintf("issue %d", skipped.ID)}: "the issue is skipped",
		{"preflight", "issue 999"}:                        "there is no such issue any more",
		{"failing source", "gone.example, number 999"}:    "the source was removed",
		{"silent source", "news.example, number 1"}:       "it is paused",
	}
	for _, a := range slices.Concat(stand, slices.Collect(maps.Keys(ends))) {
		r.Alarm(ctx, a[0], a[1], "It is so.")
	}
	serve, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(serve, listenLoopback(t)) }()
	within(t, 30*time.Second, "alarms end", func() bool {
		open, err := r.Installation.Alarms(ctx, true, 1000)
		return err == nil && !slices.ContainsFunc(open, func(a installation.Alarm) bool { return ends[[2]string{a.Kind, a.Subject}] != "" })
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	all, err := r.Installation.Alarms(ctx, false, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		of := [2]string{a.Kind, a.Subject}
		if want := ends[of]; want != "" && (a.Closed.IsZero() || a.Why != want) {
			t.Errorf("%s %s: closed at %v because %q, want %q", a.Kind, a.Subject, a.Closed, a.Why, want)
		} else if want == "" && a.Why != "" {
			t.Errorf("%s %s, which is still there, is closed: %s", a.Kind, a.Subject, a.Why)
		}
	}
	if page := r.as(t, "op@news.example", "operator")(200, "GET", "/desk/alarms?state=over", ""); !strings.Contains(page, "now: public_url is another one now") {
		t.Error("the desk does not say why an alarm is over")
	}
}
