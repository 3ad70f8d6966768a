package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pressrun/digest"
)

// TestPreflightAtTheSlot takes an issue that nobody has approved past its slot
// under policy send: what is wrong with it is repaired, or it is held.
func TestPreflightAtTheSlot(t *testing.T) {
	for _, c := range []struct {
		name  string
		spec  func(*digest.Spec)
		site  func(*paper)
		state string
		alarm string // kind
		words string // of the alarm
	}{
		{"in order", nil, nil, "approved", "", ""},
		{"a picture without https is dropped", nil, func(p *paper) {
			p.head = `<meta property="og:image" content="http://10.1.2.3/ferry.jpg">`
		}, "approved", "", ""},
		{"no postal address holds it", func(s *digest.Spec) { s.Brand.Postal = digest.MissingPostal }, nil, "held", "preflight", "set brand.postal"},
		{"site trouble holds it", nil, func(p *paper) { p.gone.Store(true) }, "held", "site", "failed at once, “"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			_, relay := receiver(t)
			p, _ := pressAt(t, filepath.Join(t.TempDir(), "press.db"), "", relay)
			site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 3*time.Hour)
			if c.site != nil {
				c.site(site)
			}
			trouble := site.gone.Swap(false)
			issue := draftOf(t, p, site, c.spec)
			site.gone.Store(trouble)
			if before, err := p.Digest.Editions(ctx, issue, 1); err != nil || strings.Contains(before[0].HTML, "10.1.2.3") != (site.head != "") {
				t.Fatalf("the draft does not begin with the picture: %v", err)
			}
			if err := p.Watch(ctx, issue); err != nil { // as its job does before the slot
				t.Fatal(err)
			}
			for range 3 { // a later tick decides as the first
				i, err := p.Digest.Issue(ctx, issue)
				if err != nil {
					t.Fatal(err)
				}
				if i.State == "draft" || i.State == "held" {
					if err := p.advance(ctx, i); err != nil {
						t.Fatal(err)
					}
				}
			}
			i, err := p.Digest.Issue(ctx, issue)
			if err != nil || i.State != c.state {
				t.Errorf("the issue is %s (%s), %v; want %s", i.State, i.Reason, err, c.state)
			}
			editions, err := p.Digest.Editions(ctx, issue, i.Revision)
			if err != nil || strings.Contains(editions[0].HTML, "10.1.2.3") {
				t.Errorf("the picture is still in the mail (%v)", err)
			}
			alarms, err := p.Installation.Alarms(ctx, true, 10)
			if err != nil {
				t.Fatal(err)
			}
			if (c.alarm != "") != (len(alarms) == 1) || c.alarm != "" && (alarms[0].Kind != c.alarm || !strings.Contains(alarms[0].Detail, c.words)) {
				t.Errorf("alarms %+v, want %q with %q", alarms, c.alarm, c.words)
			}
			if c.state != "held" {
				return
			}
			// A person has looked at it: then it goes, and nothing needs anybody.
			if err := p.Approve(ctx, issue, 0, "editor"); err != nil {
				t.Fatal(err)
			}
			if trouble { // unless it is still so, and its countdown begins while we look
				if i, err = p.Digest.Issue(ctx, issue); err != nil {
					t.Fatal(err)
				}
				if err := p.DB.InTx(ctx, func(tx *sql.Tx) error { return p.Digest.Countdown(ctx, tx, issue, p.Now().Add(time.Hour)) }); err != nil {
					t.Fatal(err)
				}
				if err := p.guard(ctx, i); err != nil && !errors.Is(err, digest.ErrState) {
					t.Fatal(err)
				}
				if i, err := p.Digest.Issue(ctx, issue); err != nil || i.State != "held" {
					t.Errorf("in its countdown it is %s (%s), %v; want it held", i.State, i.Reason, err)
				}
				site.gone.Store(false)
				if err := p.Approve(ctx, issue, 0, "editor"); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.start(ctx, issue); err != nil {
				t.Fatal(err)
			}
			if alarms, err := p.Installation.Alarms(ctx, true, 10); err != nil || len(alarms) > 0 {
				t.Errorf("still open: %+v, %v", alarms, err)
			}
		})
	}
}

// draftOf collects a site and builds the draft of a slot that is now, under
// policy send.
func draftOf(t *testing.T, p *Press, site *paper, change func(*digest.Spec)) int64 {
	t.Helper()
	ctx := context.Background()
	src, err := p.Digest.AddSource(ctx, digest.Source{Kind: "feed", URL: site.URL + "/feed", SiteURL: site.URL, Title: "Harbour Gazette", Rights: "own"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Collector.Collect(ctx, src, 48*time.Hour)
	if err == nil {
		err = p.Digest.StillListed(ctx, src) // the second poll that a story needs
	}
	if err != nil || got.Stories < 4 {
		t.Fatalf("collect: %+v, %v", got, err)
	}
	if again, err := p.Collector.Collect(ctx, src, 48*time.Hour); err != nil || again.New != 0 { // a story needs two polls
		t.Fatalf("collect again: %+v, %v", again, err)
	}
	subscribe(t, p, "morning", []string{"ann@readers.example"})
	spec := digest.Spec{Title: "Morning", List: "morning", From: "Gazette <digest@gazette.example>", Brand: testBrand, Approval: "send"}
	if change != nil {
		change(&spec)
	}
	n, _, err := p.Digest.ApplyNewsletter(ctx, "morning", spec, "test")
	if err != nil {
		t.Fatal(err)
	}
	slot, err := p.Digest.AddSlot(ctx, n.ID, p.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue, err := p.Build(ctx, slot.ID)
	if err != nil || issue.State != "draft" {
		t.Fatalf("build: %s (%s), %v", issue.State, issue.Reason, err)
	}
	return issue.ID
}
