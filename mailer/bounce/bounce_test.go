package bounce

import (
	"strings"
	"testing"
)

// mailOf writes lines as a mail with the line ends of the wire.
func mailOf(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n") }

// report is a delivery report as RFC 3464 has it, for one recipient.
func report(fields ...string) []byte {
	return mailOf(
		"From: MAILER-DAEMON@mx.example.org",
		"To: bounce+17@news.example.com",
		"Subject: Undelivered Mail Returned to Sender",
		"Auto-Submitted: auto-replied",
		"MIME-Version: 1.0",
		`Content-Type: multipart/report; report-type=delivery-status; boundary="b1"`,
		"",
		"--b1",
		"Content-Type: text/plain",
		"",
		"Your message could not be delivered.",
		"--b1",
		"Content-Type: message/delivery-status",
		"",
		"Reporting-MTA: dns; mx.example.org",
		"",
		strings.Join(fields, "\r\n"),
		"--b1",
		"Content-Type: message/rfc822",
		"",
		"From: Morning <morning@news.example.com>",
		"To: mara@example.org",
		"Message-ID: <42.17.k3j9@news.example.com>",
		"",
		"The news.",
		"--b1--",
	)
}

func TestReportWithFields(t *testing.T) {
	tests := []struct {
		name, action, status, diagnostic string
		class                            Class
		reason                           string
	}{
		{"no such user", "failed", "5.1.1", "smtp; 550 5.1.1 <mara@example.org>: Recipient address rejected: User unknown", Hard, "userunknown"},
		{"full", "failed", "5.2.2", "smtp; 552 5.2.2 Mailbox full", Soft, "mailboxfull"},
		{"full under a code that says unknown", "failed", "5.1.1", "smtp; 550 5.1.1 mara is over quota", Soft, "mailboxfull"},
		{"listed", "failed", "5.7.1", "smtp; 554 5.7.1 Client host blocked using dnsbl.example.net", Sender, "blocked"},
		{"no domain", "failed", "5.1.2", "smtp; Host not found", Hard, "hostunknown"},
		{"no domain for now", "delayed", "4.4.3", "smtp; Host not found, try again", Soft, "networkerror"},
		{"queue gave up", "failed", "4.4.1", "smtp; connect to mx.example.org: Connection timed out", Soft, "expired"},
		{"code alone", "failed", "5.1.1", "", Hard, "userunknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Classify(report("Final-Recipient: rfc822; mara@example.org", "Action: "+tt.action, "Status: "+tt.status, "Diagnostic-Code: "+tt.diagnostic))
			if len(got) != 1 {
				t.Fatalf("got %d reports, want 1: %+v", len(got), got)
			}
			r := got[0]
			if r.Kind != KindBounce || r.Recipient != "mara@example.org" || r.Class != tt.class || r.Reason != tt.reason {
				t.Errorf("got %+v, want %s %s", r, tt.class, tt.reason)
			}
			if want := "42.17.k3j9@news.example.com"; r.MessageID != want {
				t.Errorf("got Message-ID %q, want %q", r.MessageID, want)
			}
		})
	}
}
