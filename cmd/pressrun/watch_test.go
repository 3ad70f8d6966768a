package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pressrun/digest"
)

// TestSlotWaitsForNoSite brings an issue to its slot while its site hangs: it
// goes out on what was last seen.
func TestSlotWaitsForNoSite(t *testing.T) {
	ctx := context.Background()
	_, relay := receiver(t)
	p, _ := pressAt(t, filepath.Join(t.TempDir(), "press.db"), "", relay)
	site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
	issue := draftOf(t, p, site, nil)
	site.hangs.Store(true)
	began := time.Now()
	for _, want := range []string{"approved", "sending"} {
		i, err := p.Digest.Issue(ctx, issue)
		if err == nil {
			err = p.advance(ctx, i)
		}
		if err != nil {
			t.Fatal(err)
		}
		if i, err = p.Digest.Issue(ctx, issue); err != nil || i.State != want {
			t.Fatalf("the issue is %s (%s), %v; want %s", i.State, i.Reason, err, want)
		}
	}
	if took := time.Since(began); took > 15*time.Second { // one page alone would take 20
		t.Errorf("it took %s: the clock waited for the site", took)
	}
}

// TestWatchTakesStoriesOut lets a story vanish after the approval. Under policy
// send the rest is approved by rule; else, and where an editor's subject speaks of
// it, the approver is asked again.
func TestWatchTakesStoriesOut(t *testing.T) {
	for _, c := range []struct{ policy, subject string }{{"send", ""}, {"hold", ""}, {"send", "Eleven years later"}} {
		policy := c.policy
		t.Run(policy+" "+c.subject, func(t *testing.T) {
			ctx := context.Background()
			_, relay := receiver(t)
			p, _ := pressAt(t, filepath.Join(t.TempDir(), "press.db"), "", relay)
			if _, err := p.Installation.AddUser(ctx, "ed@gazette.example", "", "approver"); err != nil {
				t.Fatal(err)
			}
			site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
			issue := draftOf(t, p, site, func(s *digest.Spec) { s.Approval = policy })
			if c.subject != "" {
				if err := p.Subject(ctx, issue, c.subject, "", "ed@gazette.example"); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Approve(ctx, issue, 0, "ed@gazette.example"); err != nil {
				t.Fatal(err)
			}
			chosen, err := p.Digest.Chosen(ctx, issue)
			if err != nil {
				t.Fatal(err)
			}
			var gone int64
			fmt.Sscanf(chosen[0].Story.URL[strings.Index(chosen[0].Story.URL, "story-"):], "story-%d", &gone)
			site.lost.Store(gone + 1)
			before := letters(p)
			if err := p.Watch(ctx, issue); err != nil {
				t.Fatal(err)
			}
			i, err := p.Digest.Issue(ctx, issue)
			if want := map[bool]int{true: 3, false: 2}[c.subject != ""]; err != nil || i.Revision != want {
				t.Fatalf("revision %d, %v; want it sealed again", i.Revision, err)
			}
			editions, err := p.Digest.Editions(ctx, issue, i.Revision)
			if err != nil || strings.Contains(editions[0].HTML, chosen[0].Title) {
				t.Errorf("the story that is gone is still told (%v)", err)
			}
			if v, err := p.approvalLetter(ctx, i, editions[0]); err != nil || v.Audience != 1 || v.Subject != editions[0].Subject || len(v.Stories) == 0 {
				t.Errorf("an approver would be asked with %+v, %v; want the subject, the stories and that one reader gets it", v, err)
			}
			asked := letters(p) - before
			if c.subject != "" {
				if i.State != "draft" || asked != 1 {
					t.Errorf("the subject speaks of what is gone: the issue is %s, %d letters; want a draft and one letter", i.State, asked)
				}
				if err := p.atSlot(ctx, i); err != nil {
					t.Fatal(err)
				}
				if i, err = p.Digest.Issue(ctx, issue); err != nil || i.State != "held" || !strings.Contains(i.Reason, "was written over “"+chosen[0].Title) {
					t.Errorf("at its slot it is %s, %q, %v", i.State, i.Reason, err)
				}
				return
			}
			if policy == "send" && (i.State != "approved" || !byRule(i) || asked != 0) {
				t.Errorf("the issue is %s, approved by %q, %d letters; want approved by rule", i.State, i.ApprovedBy, asked)
			}
			if policy == "hold" && (i.State != "draft" || asked != 1) {
				t.Errorf("the issue is %s and %d approvers were asked; want a draft and one letter", i.State, asked)
			}
		})
	}
}

// TestFlagsReachWaitingIssues has another feed list a story's article with a flag
// while an issue waits: a draft tells it as the flag asks, and what is paid for
// leaves; from an approved issue it leaves either way.
func TestFlagsReachWaitingIssues(t *testing.T) {
	for _, c := range []struct {
		flag, state string
		in          bool
	}{{"legal", "draft", true}, {"paid", "draft", false}, {"legal", "approved", false}} {
		t.Run(c.flag+" "+c.state, func(t *testing.T) {
			ctx := t.Context()
			_, relay := receiver(t)
			p, _ := pressAt(t, filepath.Join(t.TempDir(), "press.db"), "", relay)
			site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
			issue := draftOf(t, p, site, func(s *digest.Spec) { s.Approval = "send" })
			if c.state == "approved" {
				if err := p.Approve(ctx, issue, 0, "ed@gazette.example"); err != nil {
					t.Fatal(err)
				}
			}
			chosen, err := p.Digest.Chosen(ctx, issue)
			if err != nil {
				t.Fatal(err)
			}
			was := chosen[0]
			feed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `<rss version="2.0"><channel><title>Courts</title><item><title>%s</title><link>%s</link><pubDate>%s</pubDate></item></channel></rss>`, was.Title, was.Story.URL, was.Story.Published.Format(time.RFC1123Z))
			}))
			t.Cleanup(feed.Close)
			src, err := p.Digest.AddSource(ctx, digest.Source{Kind: "feed", URL: feed.URL, Title: "Courts", Rights: "own"})
			if err == nil {
				err = p.Digest.SetSource(ctx, src.ID, "", "", "", &digest.Settings{Flags: []digest.FlagRule{{Path: "/", Flag: c.flag}}})
			}
			if err == nil {
				src, err = p.Digest.Source(ctx, src.ID)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.collect(ctx, src, 48*time.Hour); err != nil || len(got.Flagged) != 1 {
				t.Fatalf("%+v, %v", got, err)
			}
			i, err := p.Digest.Issue(ctx, issue)
			if err != nil || i.Revision != 2 || i.State != c.state {
				t.Fatalf("%s, revision %d, %v; want it sealed again", i.State, i.Revision, err)
			}
			editions, err := p.Digest.Editions(ctx, issue, i.Revision)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(editions[0].Text, was.Title); got != c.in {
				t.Errorf("the story is told: %v", got)
			}
			if strings.Contains(strings.Join(strings.Fields(editions[0].Text), " "), strings.Join(strings.Fields(was.Summary), " ")) {
				t.Error("its summary is still told")
			}
			chosen, err = p.Digest.Chosen(ctx, issue)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range chosen {
				if k.Story.ID == was.Story.ID && !c.in && !strings.Contains(k.Reason, c.flag) {
					t.Errorf("it left: %s", k.Reason)
				}
			}
		})
	}
}

// TestSettingsReachWaitingIssues takes the rights of a source back, and gives it a
// flag rule, while an approved issue shows its stories.
func TestSettingsReachWaitingIssues(t *testing.T) {
	ctx := t.Context()
	_, relay := receiver(t)
	p, _ := pressAt(t, filepath.Join(t.TempDir(), "press.db"), "", relay)
	site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
	issue := draftOf(t, p, site, nil)
	if err := p.Approve(ctx, issue, 0, "ed@gazette.example"); err != nil {
		t.Fatal(err)
	}
	chosen, err := p.Digest.Chosen(ctx, issue)
	if err != nil {
		t.Fatal(err)
	}
	text := func() string {
		t.Helper()
		i, err := p.Digest.Issue(ctx, issue)
		if err != nil || i.State != "draft" {
			t.Fatalf("the issue is %s, %v; want one to be looked at again", i.State, err)
		}
		editions, err := p.Digest.Editions(ctx, issue, i.Revision)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(editions[0].Text), " ")
	}
	src, err := p.Digest.Source(ctx, chosen[0].Story.SourceID)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetSource(ctx, src, "", "", "quote", src.Settings); err != nil {
		t.Fatal(err)
	}
	sealed := text()
	for _, c := range chosen {
		if n := len(strings.Fields(c.Summary)); n > 20 && strings.Contains(sealed, strings.Join(strings.Fields(c.Summary), " ")) {
			t.Errorf("a source that may only be quoted is told in %d words: %q", n, c.Summary)
		}
	}
	if src, err = p.Digest.Source(ctx, src.ID); err != nil {
		t.Fatal(err)
	}
	set := src.Settings
	set.Flags = []digest.FlagRule{{Path: "/", Flag: "opinion"}}
	if err := p.SetSource(ctx, src, "", "", "", set); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text(), "Opinion: "); n < len(chosen) {
		t.Errorf("%d labels in the mail, want one for each of %d stories", n, len(chosen))
	}
}

// TestWatchTellsCorrectedStoriesAnew has the site correct a headline, seen first
// by the feed or by the look at the page. A draft tells it anew; from an approved
// issue it leaves as what is retracted does, and can be put back as it is now.
func TestWatchTellsCorrectedStoriesAnew(t *testing.T) {
	for _, c := range []struct{ by, policy, state string }{
		{"feed", "hold", "draft"}, {"page", "send", "draft"}, {"feed", "hold", "approved"}, {"page", "hold", "approved"}, {"page", "send", "approved"},
	} {
		t.Run(c.by+" "+c.policy+" "+c.state, func(t *testing.T) {
			ctx := context.Background()
			_, relay := receiver(t)
			p, _ := pressAt(t, filepath.Join(t.TempDir(), "press.db"), "", relay)
			if _, err := p.Installation.AddUser(ctx, "ed@gazette.example", "", "approver"); err != nil {
				t.Fatal(err)
			}
			site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
			issue := draftOf(t, p, site, func(s *digest.Spec) { s.Approval = c.policy })
			if c.state == "approved" {
				if err := p.Approve(ctx, issue, 0, "ed@gazette.example"); err != nil {
					t.Fatal(err)
				}
			}
			chosen, err := p.Digest.Chosen(ctx, issue)
			if err != nil {
				t.Fatal(err)
			}
			story, now := chosen[0].Story.ID, "Correction: "+chosen[0].Title
			var number int64
			fmt.Sscanf(chosen[0].Story.URL[strings.Index(chosen[0].Story.URL, "story-"):], "story-%d", &number)
			site.fixed.Store(number + 1)
			before := letters(p)
			if c.by == "feed" {
				src, err := p.Digest.Source(ctx, chosen[0].Story.SourceID)
				if err == nil {
					_, err = p.collect(ctx, src, 48*time.Hour)
				}
				if err != nil {
					t.Fatal(err)
				}
			} else if err := p.Watch(ctx, issue); err != nil {
				t.Fatal(err)
			}
			i, err := p.Digest.Issue(ctx, issue)
			if err != nil || i.Revision != 2 {
				t.Fatalf("revision %d, %v; want it sealed again", i.Revision, err)
			}
			told := func() bool {
				i, _ := p.Digest.Issue(ctx, issue)
				editions, err := p.Digest.Editions(ctx, issue, i.Revision)
				return err == nil && strings.Contains(editions[0].HTML, now)
			}
			if told() != (c.state == "draft") {
				t.Errorf("the mail has the corrected headline: %v", told())
			}
			if s, err := p.Digest.Story(ctx, story); err != nil || s.State != "live" || s.Title != now {
				t.Errorf("the story is %s: %q, %v", s.State, s.Title, err)
			}
			asked := letters(p) - before
			switch {
			case c.state == "draft":
				if i.State != "draft" || asked != 0 {
					t.Errorf("the issue is %s, %d letters", i.State, asked)
				}
				return
			case c.policy == "send":
				if i.State != "approved" || !byRule(i) || asked != 0 {
					t.Errorf("the issue is %s, approved by %q, %d letters; want approved by rule", i.State, i.ApprovedBy, asked)
				}
				return
			case i.State != "draft" || asked != 1 || !strings.Contains(i.Reason, "Correction:") || i.ApprovedBy != "":
				t.Errorf("the issue is %s (%s), approved by %q, %d letters; want a draft that says why, and one letter", i.State, i.Reason, i.ApprovedBy, asked)
			}
			if err := p.Edit(ctx, issue, digest.Edit{Edition: chosen[0].Edition, StoryID: story, Drop: new(bool)}, "ed@gazette.example"); err != nil || !told() {
				t.Errorf("put back, the corrected headline is in the mail: %v, %v", told(), err)
			}
			if err := p.Approve(ctx, issue, 0, "ed@gazette.example"); err != nil {
				t.Error(err)
			}
			if err := p.Watch(ctx, issue); err != nil {
				t.Error(err)
			}
			if i, err := p.Digest.Issue(ctx, issue); err != nil || i.State != "approved" {
				t.Errorf("looked at again it is %s (%s), %v", i.State, i.Reason, err)
			}
		})
	}
}

// letters is how many letters were posted.
func letters(p *Press) int {
	n := 0
	for {
		if _, _, err := p.Mailer.LetterState(context.Background(), int64(n+1)); err != nil {
			return n
		}
		n++
	}
}
