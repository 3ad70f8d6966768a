package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
)

// An issue that goes out so slowly that copies will expire raises an alarm; at what
// pace it goes out, and until when, stands at the desk and in the terminal.
func TestSlowIssueIsAnnounced(t *testing.T) {
	const perMinute = 40
	ctx := t.Context()
	began := time.Now()
	pl := newPlant(t, "", "press.db", "", fmt.Sprintf("%s@60@%d", began.UTC().Format(time.RFC3339), began.UnixMilli()))
	pl.subscribers(600, "daily")
	pl.stories()
	id := pl.due(digest.Spec{Expires: digest.Duration(10 * time.Minute), Zone: "Asia/Karachi"})
	pl.inbox.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtDot, Stall: 4 * time.Second / perMinute}}})
	pl.moves(id, "approved", "sending")
	pl.sends()
	subject := fmt.Sprintf("issue %d", id)
	alarm := func() string {
		open, err := pl.press.Installation.Alarms(ctx, true, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range open {
			if a.Kind == "late" && a.Subject == subject {
				return a.Detail
			}
		}
		return ""
	}
	step := func() {
		t.Helper()
		if err := pl.press.Tick(ctx); err != nil {
			t.Fatal(err)
		}
	}
	pl.until(time.Minute, "it is announced", func() bool { step(); return alarm() != "" })
	if i := pl.issueNow(id); i.State != "sending" {
		t.Fatalf("it is announced when the issue is %s", i.State)
	}
	if text := alarm(); !strings.Contains(text, " a minute went out over the last 5 min. So the last goes out at about ") || !strings.Contains(text, " PKT, and ") || !strings.Contains(text, " expire before and are not sent.") {
		t.Errorf("it says %q", text)
	}
	var out bytes.Buffer
	if err := pl.press.printStatus(&env{ctx: ctx, out: &out, err: io.Discard}, id); err != nil || !strings.Contains(out.String(), "\ngoing out: ") || !strings.Contains(out.String(), " a minute; the last at about ") ||
		!strings.Contains(out.String(), " PKT, in ") || !strings.Contains(out.String(), "copies expire before") {
		t.Errorf("the terminal says %q, %v", out.String(), err)
	}
	req := httptest.NewRequest(http.MethodGet, issuePath(id), nil)
	req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: signedIn(t, pl.press)})
	w := httptest.NewRecorder()
	pl.press.Handler().ServeHTTP(w, req)
	if page := w.Body.String(); !strings.Contains(page, " a minute; the last at about ") || !strings.Contains(page, " PKT, in ") {
		t.Errorf("the issue's page says no pace: %d", w.Code)
	}
	pl.inbox.Misbehave(catch.Faults{})
	pl.until(time.Minute, "all has gone out, and the alarm is over", func() bool { step(); return pl.issueNow(id).State != "sending" && alarm() == "" })
	if counts, err := pl.press.Mailer.Counts(context.Background(), id); err != nil || counts[mailer.StateAccepted] != 600 {
		t.Errorf("got %v, %v; want all accepted", counts, err)
	}
}
