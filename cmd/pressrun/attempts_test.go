package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
)

// TestWhyItCameLate has a relay put one reader off twice: verbs and desk tell each
// attempt, with its time, the relay and what it said. Of a copy that was accepted at
// once there is no more to tell than that.
func TestWhyItCameLate(t *testing.T) {
	ctx := t.Context()
	pl := newPlant(t, "", "press.db", "", "")
	readers := pl.subscribers(2, "daily")
	pl.stories()
	by := pl.shift()
	pl.inbox.Misbehave(catch.Faults{Rules: []catch.Rule{{Code: 451, Times: 2, Match: func(to string) bool { return to == readers[0] }}}})
	pl.sends()
	id := pl.due(digest.Spec{})
	pl.moves(id, "approved", "sending")
	late := func() (d mailer.Delivery) {
		t.Helper()
		s, err := pl.press.Subscribers.Find(ctx, readers[0])
		if err == nil {
			d, err = pl.press.Mailer.DeliveryOf(ctx, id, s.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for n, wait := range []time.Duration{6 * time.Minute, 40 * time.Minute} {
		pl.until(60*time.Second, "it is deferred", func() bool { return late().State == mailer.StateDeferred && late().Attempts == n+1 })
		by.Add(int64(wait))
	}
	pl.until(60*time.Second, "it is accepted", func() bool { return late().State == mailer.StateAccepted })

	var answer struct{ Attempts []mailer.Attempt }
	for _, verb := range [][]string{{"issue", "why", fmt.Sprint(id), readers[0]}, {"delivery", "show", fmt.Sprint(late().ID)}} {
		if err := json.Unmarshal([]byte(pl.verb(append(verb, "--json")...)), &answer); err != nil {
			t.Fatal(err)
		}
		a := answer.Attempts
		if len(a) != 3 || a[0].Outcome != mailer.StateDeferred || a[0].Code != 451 || a[0].Phase != "rcpt" || a[0].Relay == "" || a[2].Outcome != mailer.StateAccepted || a[1].At.Sub(a[0].At) < 5*time.Minute || a[2].At.Sub(a[1].At) < 30*time.Minute {
			t.Errorf("%v: %+v", verb, a)
		}
		text := pl.verb(verb...)
		if lines := regexp.MustCompile(`(?m)^\d+ \w+ \d{4}, \d\d:\d\d:\d\d UTC +\S+ +(deferred +rcpt +451 .*|accepted +dot +250.*)$`).FindAllString(text, -1); len(lines) != 3 {
			t.Errorf("%v says\n%s", verb, text)
		}
	}
	if text := pl.verb("issue", "why", fmt.Sprint(id), readers[1]); strings.Count(text, "\n") != 1 || !strings.Contains(text, "Accepted by") {
		t.Errorf("of the other it says\n%s", text)
	}
	for role, query := range map[string]string{"viewer": readers[0], "list admin": "reader"} {
		page := deskPage(t, pl.press, signedAs(t, pl.press, strings.ReplaceAll(role, " ", "")+"@press.test", role), fmt.Sprintf("/desk/issues/%d/readers?q=%s", id, query))
		if n := strings.Count(page, "Attempt "); n != 3 || !regexp.MustCompile(`Attempt 1, [^<]* UTC: deferred by \S+ at rcpt: 451 `).MatchString(page) {
			t.Errorf("the page for a %s tells %d attempts", role, n)
		}
	}
}
