package bounce

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// posted are bodies as the services post them, in our own words.
var posted = []struct {
	provider, name, body string
	want                 []Event // nil: nothing follows
}{
	{"ses", "a hard bounce in SNS's envelope", `{"Type": "Notification", "MessageId": "m", "Message": "{\"notificationType\": \"Bounce\", \"bounce\": {\"bounceType\": \"Permanent\", \"bounceSubType\": \"General\", \"feedbackId\": \"f-1\", \"bouncedRecipients\": [{\"emailAddress\": \"Mara@Example.org\", \"action\": \"failed\", \"status\": \"5.1.1\", \"diagnosticCode\": \"smtp; 550 5.1.1 <mara@example.org>: no such user here\"}]}, \"mail\": {\"messageId\": \"theirs\", \"headers\": [{\"name\": \"From\", \"value\": \"x\"}, {\"name\": \"Message-ID\", \"value\": \"<7.12.key@news.example>\"}]}}"}`,
		[]Event{{"f-1 0", Report{Kind: KindBounce, Class: Hard, Reason: "userunknown", Recipient: "Mara@example.org", Status: "5.1.1", Reply: "550", MessageID: "7.12.key@news.example"}}}},
	{"ses", "one that says nothing but its type, raw", `{"notificationType": "Bounce", "bounce": {"bounceType": "Permanent", "bounceSubType": "Suppressed", "feedbackId": "f-2", "bouncedRecipients": [{"emailAddress": "a@example.org"}]}, "mail": {"commonHeaders": {"messageId": "<7.13.key@news.example>"}}}`,
		[]Event{{"f-2 0", Report{Kind: KindBounce, Class: Hard, Reason: "userunknown", Recipient: "a@example.org", MessageID: "7.13.key@news.example"}}}},
	{"ses", "what SES calls permanent is our fault by the words of the other side", `{"eventType": "Bounce", "bounce": {"bounceType": "Permanent", "bounceSubType": "General", "feedbackId": "f-3", "bouncedRecipients": [{"emailAddress": "a@example.org", "status": "5.7.1", "diagnosticCode": "smtp; 554 5.7.1 Message rejected as spam"}]}}`,
		[]Event{{"f-3 0", Report{Kind: KindBounce, Class: Sender, Reason: "spamdetected", Recipient: "a@example.org", Status: "5.7.1", Reply: "554"}}}},
	{"ses", "a full mailbox", `{"notificationType": "Bounce", "bounce": {"bounceType": "Transient", "bounceSubType": "MailboxFull", "feedbackId": "f-4", "bouncedRecipients": [{"emailAddress": "a@example.org"}]}}`,
		[]Event{{"f-4 0", Report{Kind: KindBounce, Class: Soft, Reason: "mailboxfull", Recipient: "a@example.org"}}}},
	{"ses", "a complaint of two", `{"notificationType": "Complaint", "complaint": {"feedbackId": "f-5", "complaintFeedbackType": "abuse", "complainedRecipients": [{"emailAddress": "a@example.org"}, {"emailAddress": "b@example.org"}]}}`,
		[]Event{{"f-5 0", complaint("a@example.org", "abuse")}, {"f-5 1", complaint("b@example.org", "abuse")}}},
	{"ses", "a delivery", `{"notificationType": "Delivery", "delivery": {"recipients": ["a@example.org"], "smtpResponse": "250 ok"}}`, nil},
	{"ses", "that the topic works", `{"Type": "Notification", "Message": "Successfully validated SNS topic for Amazon SES event publishing."}`, nil},

	{"postmark", "a hard bounce", `{"RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "Email": "a@example.org", "MessageID": "theirs", "Details": "smtp;550 5.1.1 The email account does not exist"}`,
		[]Event{{"Bounce 42", Report{Kind: KindBounce, Class: Hard, Reason: "userunknown", Recipient: "a@example.org", Status: "5.1.1", Reply: "550"}}}},
	{"postmark", "one without details", `{"RecordType": "Bounce", "ID": 43, "Type": "SoftBounce", "Email": "a@example.org"}`,
		[]Event{{"Bounce 43", Report{Kind: KindBounce, Class: Soft, Reason: "undefined", Recipient: "a@example.org"}}}},
	{"postmark", "blocked", `{"RecordType": "Bounce", "ID": 44, "Type": "Blocked", "Email": "a@example.org"}`,
		[]Event{{"Bounce 44", Report{Kind: KindBounce, Class: Sender, Reason: "blocked", Recipient: "a@example.org"}}}},
	{"postmark", "a complaint", `{"RecordType": "SpamComplaint", "ID": 45, "Type": "SpamComplaint", "Email": "a@example.org"}`, []Event{{"SpamComplaint 45", complaint("a@example.org", "abuse")}}},
	{"postmark", "who left by their link", `{"RecordType": "SubscriptionChange", "MessageID": "m", "Recipient": "a@example.org", "Origin": "Recipient", "SuppressSending": true, "SuppressionReason": "ManualSuppression", "ChangedAt": "2026-02-01T10:53:34Z"}`,
		[]Event{{"m a@example.org 2026-02-01T10:53:34Z", complaint("a@example.org", "opt-out")}}},
	{"postmark", "who is let in again", `{"RecordType": "SubscriptionChange", "Recipient": "a@example.org", "Origin": "Recipient", "SuppressSending": false}`, nil},
	{"postmark", "what is told as a bounce anyway", `{"RecordType": "SubscriptionChange", "Recipient": "a@example.org", "Origin": "Recipient", "SuppressSending": true, "SuppressionReason": "HardBounce"}`, nil},
	{"postmark", "an automatic answer", `{"RecordType": "Bounce", "ID": 46, "Type": "AutoResponder", "Email": "a@example.org", "Details": "550 user unknown"}`, nil},
	{"postmark", "a delivery", `{"RecordType": "Delivery", "Recipient": "a@example.org"}`, nil},

	{"sendgrid", "several", `[{"event": "processed", "email": "z@example.org"}, {"event": "deferred", "email": "z@example.org", "response": "451 later"},
		{"event": "bounce", "type": "bounce", "email": "a@example.org", "sg_event_id": "s1", "smtp-id": "<7.12.key@news.example>", "status": "5.1.1", "reason": "550 5.1.1 <a@example.org>: user unknown"},
		{"event": "bounce", "type": "blocked", "email": "b@example.org", "sg_event_id": "s2", "reason": "unable to get mx info"},
		{"event": "spamreport", "email": "c@example.org", "sg_event_id": "s3"}, {"event": "group_unsubscribe", "email": "d@example.org", "sg_event_id": "s4"},
		{"event": "dropped", "email": "e@example.org", "sg_event_id": "s5", "reason": "Bounced Address"}, {"event": "dropped", "email": "f@example.org", "sg_event_id": "s6", "reason": "Unsubscribed Address"}]`,
		[]Event{
			{"s1", Report{Kind: KindBounce, Class: Hard, Reason: "userunknown", Recipient: "a@example.org", Status: "5.1.1", Reply: "550", MessageID: "7.12.key@news.example"}},
			{"s2", Report{Kind: KindBounce, Class: Sender, Reason: "blocked", Recipient: "b@example.org"}},
			{"s3", complaint("c@example.org", "abuse")}, {"s4", complaint("d@example.org", "opt-out")},
			{"s5", Report{Kind: KindBounce, Class: Hard, Reason: "userunknown", Recipient: "e@example.org"}},
			{"s6", complaint("f@example.org", "opt-out")},
		}},

	{"mailgun", "for good", `{"signature": {"token": "t"}, "event-data": {"event": "failed", "severity": "permanent", "reason": "bounce", "id": "g1", "recipient": "a@example.org", "delivery-status": {"code": 550, "message": "5.1.1 No such user"}, "message": {"headers": {"message-id": "7.12.key@news.example"}}}}`,
		[]Event{{"g1", Report{Kind: KindBounce, Class: Hard, Reason: "userunknown", Recipient: "a@example.org", Status: "5.1.1", Reply: "550", MessageID: "7.12.key@news.example"}}}},
	{"mailgun", "it keeps a list of its own", `{"event-data": {"event": "failed", "severity": "permanent", "reason": "suppress-bounce", "id": "g2", "recipient": "a@example.org", "delivery-status": {"code": 605, "message": "", "description": "Not delivering to previously bounced address"}}}`,
		[]Event{{"g2", Report{Kind: KindBounce, Class: Hard, Reason: "userunknown", Recipient: "a@example.org"}}}},
	{"mailgun", "for now", `{"event-data": {"event": "failed", "severity": "temporary", "id": "g3", "recipient": "a@example.org", "delivery-status": {"code": 452}}}`, nil},
	{"mailgun", "a complaint", `{"event-data": {"event": "complained", "id": "g4", "recipient": "a@example.org"}}`, []Event{{"g4", complaint("a@example.org", "abuse")}}},
	{"mailgun", "who left by their link", `{"event-data": {"event": "unsubscribed", "id": "g5", "recipient": "a@example.org"}}`, []Event{{"g5", complaint("a@example.org", "opt-out")}}},
}

func TestEvents(t *testing.T) {
	for _, p := range posted {
		got, err := Events(p.provider, []byte(p.body))
		if err != nil {
			t.Errorf("%s, %s: %v", p.provider, p.name, err)
		}
		for i := range got {
			got[i].Diagnostic = "" // its words are judged, not told here
		}
		if !slices.Equal(got, p.want) {
			t.Errorf("%s, %s:\ngot  %+v\nwant %+v", p.provider, p.name, got, p.want)
		}
	}
}

func TestEventsRefused(t *testing.T) {
	for _, c := range []struct{ provider, body, says string }{
		{"mailgun", `{}`, "event-data"},
		{"postmark", `{}`, "RecordType"},
		{"sendgrid", `{"event": "bounce"}`, "cannot unmarshal object"},
		{"ses", `once upon`, "invalid character"},
		{"ses", `{"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.evil.example/?x=.amazonaws.com"}`, "not Amazon's"},
		{"ses", `{"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.eu-west-1.amazonaws.com.evil.example/"}`, "not Amazon's"},
		{"pigeon", `{}`, "known are mailgun"},
	} {
		if got, err := Events(c.provider, []byte(c.body)); !errors.Is(err, ErrEvents) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %s: %v, %v, want an error that says %q", c.provider, c.body, got, err, c.says)
		}
	}
	_, err := Events("ses", []byte(`{"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"}`))
	if confirm := (ErrConfirm{}); !errors.As(err, &confirm) || !strings.HasSuffix(confirm.URL, "Token=t") {
		t.Errorf("a question of SNS: %v", err)
	}
}

// FuzzEvents: whatever is posted, what comes of it has known kinds, classes and
// reasons, and no text breaks a line or is long.
func FuzzEvents(f *testing.F) {
	for _, p := range posted {
		f.Add(p.provider, []byte(p.body))
	}
	f.Fuzz(func(t *testing.T, provider string, body []byte) {
		events, _ := Events(provider, body)
		for _, e := range events {
			if e.Kind != KindBounce && e.Kind != KindComplaint {
				t.Errorf("kind %q", e.Kind)
			}
			if !slices.Contains([]Class{Hard, Soft, Sender, Complaint, None}, e.Class) || e.Kind == KindBounce && reasons[e.Reason] == "" {
				t.Errorf("class %q, reason %q", e.Class, e.Reason)
			}
			for _, s := range []string{e.ID, e.Recipient, e.Status, e.Reply, e.Diagnostic, e.MessageID, e.FeedbackType} {
				if strings.ContainsAny(s, "\r\n\x00") || !utf8.ValidString(s) || len(s) > maxDiagnostic {
					t.Errorf("text %q", s)
				}
			}
		}
	})
}
