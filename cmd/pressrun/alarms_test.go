package main

import (
	"fmt"
	"html"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pressrun/cmd/pressrun/desk"
)

// An alarm is headed by what a newsroom calls the thing, and leads to where one
// looks at it.
func TestAlarmTitles(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	issue := r.draft(t)
	of := fmt.Sprintf("issue %d", issue.ID)
	call := r.editor(t)
	for _, c := range []struct{ kind, subject, want, at string }{
		{"slot", "morning 2026-11-27T05:00:00Z", "morning of Friday, 27 November 2026, 05:00 UTC, did not go out", "/desk/issues"},
		{"issue", of, "morning No. 1 was skipped: too few stories", issuePath(issue.ID)},
		{"approval", of, "morning No. 1 is due, and nobody has approved it", issuePath(issue.ID)},
		{"breaker", of, "morning No. 1 is stopped: too many copies were refused", issuePath(issue.ID)},
		{"ledger", of, "The copies of morning No. 1 do not add up", issuePath(issue.ID)},
		{"ledger", "press.db", "Sending waits: the database cannot be written", ""},
		{"failing source", "news.example, number 1", "The News cannot be read", "/desk/sources/1"},
		{"silent source", "gone.example, number 99", "gone.example, number 99 has published nothing new", "/desk/sources"},
		{"relay", "main", "No mail leaves by the relay main", "/desk/deliverability"},
		{"slow", "main", "The relay main answers slowly", "/desk/deliverability"},
		{"late", of, "morning No. 1 goes out too slowly: copies will expire", issuePath(issue.ID)},
		{"dns", "spf", "The SPF record of our mail is gone", ""},
		{"dns", silent, "The DNS does not answer: mail may not leave", ""},
		{"intake", "imaps://bounces@mail.example", "Returned mail cannot be read", ""},
		{"intake", "bounces@news.example", "Returned mail does not reach us", ""},
		{"intake", "ses", "A mail service asks whether it may report bounces", ""},
		{"views", "visits", "Hardly any visits to the site are counted", ""},
		{"views", "in the database", "Visits to the site cannot be counted", ""},
		{"disk", "/srv/press", "The disk of /srv/press is nearly full", ""},
	} {
		r.Alarm(ctx, c.kind, c.subject, "It is so.")
		head := "<h3>" + c.want + "</h3>"
		if c.at != "" {
			head = fmt.Sprintf(`<h3><a href="%s">%s</a></h3>`, c.at, c.want)
		}
		if page := call(200, "GET", "/desk/", ""); !strings.Contains(page, head) {
			t.Errorf("the alarm %s %s is not headed by %s", c.kind, c.subject, head)
			for _, h := range regexp.MustCompile(`<h3>.*?</h3>`).FindAllString(page, -1) {
				t.Log(html.UnescapeString(h))
			}
		}
		r.Clear(ctx, c.kind, c.subject)
	}
}

// Whoever thinks of a new kind of alarm says what it is about.
func TestEveryAlarmHasATitle(t *testing.T) {
	r := newCountingRoom(t, "")
	raised := regexp.MustCompile(`(?:\b[aA]larm|\.stand)\([^"\n]*"([a-z]+)"|const kind, .*? = "([a-z]+)"`)
	seen := map[string]bool{"failing source": true, "silent source": true}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range raised.FindAllStringSubmatch(string(text), -1) {
			seen[m[1]+m[2]] = true
		}
		return err
	})
	if err != nil || len(seen) < 20 {
		t.Fatalf("found %d kinds of alarms, %v", len(seen), err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, kinds, _ := strings.Cut(string(readme), "The kinds:\n")
	kinds, _, _ = strings.Cut(kinds, "\n\nPrometheus")
	for kind := range seen {
		if !strings.Contains(kinds, "`"+kind+"`") {
			t.Errorf("the README does not tell who listens to the webhook of the kind %q", kind)
		}
		if title, _ := desk.AlarmTitle(t.Context(), r.Digest, kind, "it"); strings.HasPrefix(title, kind+": ") {
			t.Errorf("an alarm of the kind %q has no title", kind)
		}
	}
}

// An alarm that asks for a decision ends with it, and one about a day without an
// issue ends when the next one goes out.
func TestAlarmsEnd(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	issue := r.draft(t)
	of := fmt.Sprintf("issue %d", issue.ID)
	r.Alarm(ctx, "slot", "morning "+r.Now().Add(-24*time.Hour).Format(time.RFC3339), "No issue went out.")
	r.Alarm(ctx, "slot", "evening "+r.Now().Add(-24*time.Hour).Format(time.RFC3339), "No issue went out.")
	r.Alarm(ctx, "issue", of, "Nothing goes out this time.")
	r.overtake(ctx, issue)
	if told := r.alarmed(t, "slot") + r.alarmed(t, "issue"); strings.Contains(told, "morning") || strings.Contains(told, of) || !strings.Contains(told, "evening") {
		t.Errorf("after the next issue of morning: %s", told)
	}
	approve := func() error { return r.Approve(ctx, issue.ID, 0, "ed@news.example") }
	skip := func() error { return r.Skip(ctx, issue.ID, "a holiday", "ed@news.example") }
	for _, decide := range []func() error{approve, skip} {
		r.Alarm(ctx, "approval", of, "It waits.")
		if err := decide(); err != nil {
			t.Fatal(err)
		}
		if told := r.alarmed(t, "approval"); told != "" {
			t.Errorf("somebody has decided, and there is: %s", told)
		}
	}
}
