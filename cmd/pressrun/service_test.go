package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"pressrun/mailer"
)

// TestBouncesOfAService: with a token in its address a sending service tells of
// bounces, and readers whose addresses are dead get no more mail.
func TestBouncesOfAService(t *testing.T) {
	r := newCountingRoom(t, `fetch = {delay = "0s", allow = ["127.0.0.0/8"]}`)
	ctx := t.Context()
	r.say(t, "list", "add", "morning", "--title", "Morning")
	r.say(t, "subscriber", "add", "ann@readers.example", "--list", "morning", "--source", "fair")
	secret := strings.Fields(r.say(t, "token", "add", "sendgrid", "--role", "list admin"))[0]
	weak := strings.Fields(r.say(t, "token", "add", "cms"))[0]
	post := func(want int, token, path, body string) string {
		t.Helper()
		req := httptest.NewRequest("POST", path, strings.NewReader(body))
		req.SetBasicAuth("any", token)
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("%s: %d, want %d: %s", path, w.Code, want, w.Body)
		}
		return w.Body.String()
	}
	const bounced = `[{"event": "bounce", "type": "bounce", "email": "Ann@Readers.example", "sg_event_id": "s1", "status": "5.1.1", "reason": "550 5.1.1 user unknown"}]`
	if says := post(401, "nonsense", "/v1/bounces/sendgrid", bounced); !strings.Contains(says, `--role \"list admin\"`) {
		t.Errorf("without a token it is told %s", says)
	}
	post(403, weak, "/v1/bounces/sendgrid", bounced)
	if says := post(404, secret, "/v1/bounces/pigeon", bounced); !strings.Contains(says, "mailgun, postmark, sendgrid, ses") {
		t.Errorf("an unknown service is told %s", says)
	}
	if says := post(400, secret, "/v1/bounces/sendgrid", `{}`); !strings.Contains(says, "error") {
		t.Errorf("another's body is told %s", says)
	}
	post(413, secret, "/v1/bounces/sendgrid", strings.Repeat(" ", serviceBody+1))
	if _, total, _ := r.Mailer.Returned(ctx, mailer.ReturnedFilter{}); total != 0 {
		t.Fatalf("%d reports are booked before one is allowed", total)
	}
	for range 2 {
		if says := post(200, secret, "/v1/bounces/sendgrid", bounced); strings.TrimSpace(says) != `{"events":1}` {
			t.Errorf("it is told %s", says)
		}
	}
	ann, err := r.Subscribers.Find(ctx, "ann@readers.example")
	if err != nil {
		t.Fatal(err)
	}
	if says := r.say(t, "suppression", "ls"); !strings.Contains(says, "ann@") || !strings.Contains(says, "hard") {
		t.Errorf("the dead address is not suppressed: %s", says)
	}
	list, total, err := r.Mailer.Returned(ctx, mailer.ReturnedFilter{Subscriber: ann.ID})
	if err != nil || total != 1 || list[0].Source != "sendgrid" {
		t.Errorf("booked are %v, %v", list, err)
	}

	// Amazon asks first; a person says yes.
	const asks = `{"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"}`
	alarms := func() (text string) {
		open, err := r.Installation.Alarms(ctx, true, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range open {
			text += fmt.Sprintln(a.Kind, a.Subject, a.Detail)
		}
		return text
	}
	post(200, secret, "/v1/bounces/ses", asks)
	if !strings.Contains(alarms(), "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t") {
		t.Errorf("the alarms do not say what to open: %s", alarms())
	}
	post(200, secret, "/v1/bounces/ses", `{"Type": "Notification", "Message": "Successfully validated SNS topic for Amazon SES event publishing."}`)
	if alarms() != "" {
		t.Errorf("still open: %s", alarms())
	}
}
