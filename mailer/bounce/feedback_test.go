package bounce

import "testing"

func feedbackReport(fields ...string) []byte {
	lines := []string{
		"From: fbl@example.org", "To: fbl@news.example.com", "Subject: Abuse report",
		`Content-Type: multipart/report; report-type=feedback-report; boundary="f"`, "",
		"--f", "Content-Type: text/plain", "", "This is an abuse report.",
		"--f", "Content-Type: message/feedback-report", "", "User-Agent: Loop/1.0", "Version: 1",
	}
	lines = append(lines, fields...)
	return mailOf(append(lines, "--f", "Content-Type: message/rfc822", "",
		"From: morning@news.example.com", "To: mara@example.org", "Message-ID: <42.17.k3j9@news.example.com>", "", "The news.", "--f--")...)
}

func TestFeedbackReport(t *testing.T) {
	tests := []struct {
		name, kind, to string
		class          Class
		raw            []byte
	}{
		{"abuse", "abuse", "mara@example.org", Complaint, feedbackReport("Feedback-Type: abuse", "Original-Rcpt-To: <mara@example.org>")},
		{"abuse, recipient hidden", "abuse", "mara@example.org", Complaint, feedbackReport("Feedback-Type: abuse")},
		{"opt-out", "opt-out", "juna@example.net", Complaint, feedbackReport("Feedback-Type: opt-out", "Removal-Recipient: juna@example.net")},
		{"not spam", "not-spam", "mara@example.org", None, feedbackReport("Feedback-Type: not-spam")},
		{"authentication", "auth-failure", "mara@example.org", None, feedbackReport("Feedback-Type: auth-failure")},
		{"request to leave", "opt-out", "mara@example.org", Complaint, mailOf("From: Mara <mara@example.org>", "Subject: Unsubscribe", "", "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Classify(tt.raw)
			if len(got) != 1 {
				t.Fatalf("got %d reports, want 1: %+v", len(got), got)
			}
			r := got[0]
			if r.Kind != KindComplaint || r.FeedbackType != tt.kind || r.Recipient != tt.to || r.Class != tt.class {
				t.Errorf("got %+v, want %s %s %s", r, tt.kind, tt.to, tt.class)
			}
		})
	}
}

func TestComplaintByNotification(t *testing.T) {
	got := Classify(mailOf("From: no-reply@sns.example.com", "Subject: Notification", "",
		`{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"mara@example.org"}],"complaintFeedbackType":"abuse"}}`,
		"--", "If you wish to stop receiving notifications, please visit the link below."))
	if len(got) != 1 || got[0].Class != Complaint || got[0].Recipient != "mara@example.org" {
		t.Errorf("got %+v, want a complaint of mara@example.org", got)
	}
}
