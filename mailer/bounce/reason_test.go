package bounce

import "testing"

// TestAnswers reads answers as servers give them, with the phase in which they
// come. An empty phase is a report that does not say.
func TestAnswers(t *testing.T) {
	const rcpt, data, from = " (in reply to RCPT TO command)", " (in reply to end of DATA command)", " (in reply to MAIL FROM command)"
	tests := []struct {
		answer, phase string
		class         Class
		reason        string
	}{
		// The address.
		{"550 5.1.1 The email account that you tried to reach does not exist.", rcpt, Hard, "userunknown"},
		{"550 Requested action not taken: mailbox unavailable", rcpt, Hard, "userunknown"},
		{"550 Requested action not taken: mailbox unavailable", data, Soft, "filtered"},
		{"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "", Hard, "userunknown"},
		{"550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", rcpt, Hard, "userunknown"},
		{"553 5.3.0 Addressee unknown", rcpt, Hard, "userunknown"},
		{"550 5.1.1 unknown or illegal alias", "", Hard, "userunknown"},
		{"550 No such user here", rcpt, Hard, "userunknown"},
		{"511 sorry, no mailbox here by that name (#5.1.1)", rcpt, Hard, "userunknown"},
		{"550 Recipient address rejected: User unknown in virtual alias table", "", Hard, "userunknown"},
		{"551 5.1.6 User has moved to another provider", rcpt, Hard, "hasmoved"},
		{"550 5.1.2 The domain does not exist", "", Hard, "hostunknown"},
		{"556 5.1.10 Domain does not accept mail (nullMX)", "", Hard, "notaccept"},

		// The mailbox, for now.
		{"452 4.2.2 The recipient's inbox is out of storage space", rcpt, Soft, "mailboxfull"},
		{"552 5.2.2 mara over quota", rcpt, Soft, "mailboxfull"},
		{"550 5.1.1 mara user is over quota", rcpt, Soft, "mailboxfull"},
		{"552 5.3.4 Message size exceeds fixed limit", from, Soft, "mesgtoobig"},
		{"550 5.2.1 The email account that you tried to reach is disabled.", rcpt, Soft, "suspend"},
		{"554 30 Sorry, your message cannot be delivered. This mailbox is disabled", data, Soft, "suspend"},
		{"450 4.2.0 Recipient address rejected: Greylisted, see help", rcpt, Soft, "expired"},
		{"451 4.3.0 Temporary lookup failure", rcpt, Soft, "networkerror"},
		{"421 4.4.2 mx.example.org Error: timeout exceeded", data, Soft, "expired"},
		{"452 4.3.1 Insufficient system storage", from, Soft, "systemfull"},
		{"421 4.7.0 Too many concurrent SMTP connections", "", Soft, "toomanyconn"},
		{"450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages", rcpt, Soft, "speeding"},
		{"554 5.4.6 Too many hops 27 (25 max)", data, Soft, "networkerror"},

		// Us.
		{"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using dnsbl.example.net", rcpt, Sender, "blocked"},
		{"550 5.7.606 Access denied, banned sending IP [192.0.2.7]", from, Sender, "blocked"},
		{"554 5.7.9 Message not accepted for policy reasons", data, Sender, "policyviolation"},
		{"550 5.7.1 [HM08] Message rejected due to local policy.", data, Sender, "policyviolation"},
		{"550-5.7.26 This mail is unauthenticated, which poses a security risk", data, Sender, "authfailure"},
		{"550 5.7.1 Message rejected because SPF check failed", from, Sender, "authfailure"},
		{"550 5.7.25 The IP address sending this message does not have a PTR record", data, Sender, "requireptr"},
		{"550 5.7.1 Our system has detected that this message is likely unsolicited mail", data, Sender, "spamdetected"},
		{"554 5.7.1 <mara@example.org>: Relay access denied", rcpt, Sender, "norelaying"},
		{"550 5.1.8 Sender address rejected: Domain not found", from, Sender, "rejected"},
		{"550 5.7.1 RESOLVER.RST.AuthRequired; authentication required", "", Sender, "securityerror"},
		{"554 5.7.1 Message contains a virus", data, Sender, "virusdetected"},
		{"530 5.7.0 Must issue a STARTTLS command first", from, Sender, "failedstarttls"},
		{"550 5.7.1 Messages missing a valid Message-ID are not RFC 5322 compliant", data, Sender, "notcompliantrfc"},
	}
	for _, tt := range tests {
		t.Run(tt.answer, func(t *testing.T) {
			e := evidence{action: "failed", text: tt.answer, prose: "host mx.example.org said: " + tt.answer + tt.phase}
			var r Report
			e.judge(&r)
			if r.Class != tt.class || r.Reason != tt.reason {
				t.Errorf("got %s %s, want %s %s", r.Class, r.Reason, tt.class, tt.reason)
			}
		})
	}
}

func TestPhrases(t *testing.T) {
	tests := []struct {
		text, phrase string
		want         bool
	}{
		{"mailbox full", "mailbox full", true},
		{"the mailbox of mara is full", "mailbox * is full", true},
		{"the warbler sings", "rbl", false},
		{"see rbl.example.net", "rbl", true},
	}
	for _, tt := range tests {
		if got := plain(tt.text).contains(tt.phrase); got != tt.want {
			t.Errorf("%q contains %q: got %v, want %v", tt.text, tt.phrase, got, tt.want)
		}
	}
	for _, r := range append(phrases, vague...) {
		if classOf(r.reason) == "" {
			t.Errorf("phrases for %q, which has no class", r.reason)
		}
	}
}

// Every reason can be told in plain words.
func TestWords(t *testing.T) {
	for reason := range reasons {
		if plainWords[reason] == "" {
			t.Errorf("%s has no words", reason)
		}
	}
	for reason := range plainWords {
		if reasons[reason] == "" {
			t.Errorf("%s is no reason", reason)
		}
	}
}
