package bounce

import "testing"

// inWords is a report without fields, from a mail system.
func inWords(from, subject string, said ...string) []byte {
	head := []string{
		"Return-Path: <>",
		"From: " + from,
		"To: bounce+17@news.example.com",
		"Subject: " + subject,
		"Content-Type: text/plain; charset=us-ascii",
		"",
	}
	tail := []string{
		"",
		"--- Below this line is a copy of the message.",
		"",
		"Return-Path: <bounce+17@news.example.com>",
		"From: morning@news.example.com",
		"To: mara@example.org",
		"Message-ID: <42.17.k3j9@news.example.com>",
		"",
		"The mailbox is full of virus and spam, says nobody but our own story.",
	}
	return mailOf(append(append(head, said...), tail...)...)
}

func TestReportInWords(t *testing.T) {
	const daemon = "MAILER-DAEMON@mx.example.org"
	tests := []struct {
		name   string
		raw    []byte
		reply  string
		class  Class
		reason string
	}{
		{"qmail, at the recipient", inWords(daemon, "failure notice",
			"Hi. This is the qmail-send program at mx.example.org.",
			"I'm afraid I wasn't able to deliver your message to the following addresses.",
			"This is a permanent error; I've given up. Sorry it didn't work out.",
			"", "<mara@example.org>:", "192.0.2.9 does not like recipient.",
			"Remote host said: 550 No such user here", "Giving up on 192.0.2.9."), "550", Hard, "userunknown"},
		{"qmail, after the message", inWords(daemon, "failure notice",
			"I'm afraid I wasn't able to deliver your message to the following addresses.",
			"<mara@example.org>:", "192.0.2.9 failed after I sent the message.",
			"Remote host said: 550 No such user here"), "550", Soft, "filtered"},
		{"exim, policy in spite of rcpt", inWords(daemon, "Mail delivery failed: returning message to sender",
			"A message that you sent could not be delivered to one or more of its recipients.",
			"  mara@example.org",
			"    SMTP error from remote mail server after RCPT TO:<mara@example.org>:",
			"    host mx.example.org [192.0.2.9]: 550 5.7.1 Message blocked due to poor reputation of 192.0.2.7"), "550", Sender, "badreputation"},
		{"exim, no route", inWords(daemon, "Mail delivery failed: returning message to sender",
			"The following address(es) failed:", "", "  mara@example.org", "    Unrouteable address"), "", Hard, "hostunknown"},
		{"exim, delay", inWords(daemon, "Warning: message 1abc delayed 24 hours",
			"A message that you sent has not yet been delivered to one or more of its recipients.",
			"The address to which the message has not yet been delivered is:", "",
			"  mara@example.org", "    host mx.example.org [192.0.2.9]",
			"    Delay reason: Connection timed out"), "", Soft, "expired"},
		{"sendmail transcript", inWords(daemon, "Returned mail: User unknown",
			"   ----- Transcript of session follows -----",
			"While talking to mx.example.org:",
			">>> RCPT To:<mara@example.org>", "<<< 550 <mara@example.org>... User unknown",
			"550 <mara@example.org>... User unknown"), "550", Hard, "userunknown"},
		{"full mailbox, no code", inWords(daemon, "Undeliverable mail",
			"Could not be delivered to: <mara@example.org>", "as the mailbox is full."), "", Soft, "mailboxfull"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Classify(tt.raw)
			if len(got) != 1 {
				t.Fatalf("got %d reports, want 1: %+v", len(got), got)
			}
			r := got[0]
			if r.Kind != KindBounce || r.Recipient != "mara@example.org" || r.Reply != tt.reply || r.Class != tt.class || r.Reason != tt.reason {
				t.Errorf("got %+v, want %s %s %s", r, tt.reply, tt.class, tt.reason)
			}
			if want := "42.17.k3j9@news.example.com"; r.MessageID != want {
				t.Errorf("got Message-ID %q, want %q", r.MessageID, want)
			}
		})
	}
}

func TestReportInWordsOfTwoRecipients(t *testing.T) {
	got := Classify(inWords("MAILER-DAEMON@mx.example.org", "failure notice",
		"I wasn't able to deliver your message to the following addresses.",
		"<mara@example.org>:", "192.0.2.9 does not like recipient.", "Remote host said: 550 5.1.1 User unknown",
		"", "<juna@example.net>:", "192.0.2.8 does not like recipient.", "Remote host said: 452 4.2.2 Mailbox full"))
	want := []struct {
		to    string
		class Class
	}{{"mara@example.org", Hard}, {"juna@example.net", Soft}}
	if len(got) != len(want) {
		t.Fatalf("got %d reports, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		if got[i].Recipient != w.to || got[i].Class != w.class {
			t.Errorf("got %+v, want %s %s", got[i], w.to, w.class)
		}
	}
}

func TestReportInsideReport(t *testing.T) {
	inner := inWords("MAILER-DAEMON@relay.example.org", "Undelivered Mail Returned to Sender",
		"Your message could not be delivered to one or more recipients.",
		"<juna@example.net>: host mx.example.net[192.0.2.8] said: 550 5.1.1 No such user (in reply to RCPT TO command)")
	outer := append(mailOf("From: MAILER-DAEMON@mx.example.org", "To: bounce+17@news.example.com", "Subject: Undelivered Mail Returned to Sender",
		"", "Your message could not be delivered. Please ask <support@example.org>.", "----------"), inner...)
	got := Classify(outer)
	if len(got) != 1 || got[0].Recipient != "juna@example.net" || got[0].Class != Hard {
		t.Errorf("got %+v, want juna@example.net hard", got)
	}
}

// TestNoBounce holds mails that a person or a program wrote and that must never
// cost a reader the newsletter.
func TestNoBounce(t *testing.T) {
	tests := []struct {
		name string
		raw  []byte
		kind string
	}{
		{"a reader's answer", mailOf("From: Mara <mara@example.org>", "To: morning@news.example.com", "Subject: Re: Morning",
			"In-Reply-To: <42.17.k3j9@news.example.com>", "", "Thank you. My brother <tom@example.net> says his mailbox is full."), KindNone},
		{"a reader quoting a bounce", mailOf("From: Mara <mara@example.org>", "To: morning@news.example.com", "Subject: Fwd: Undelivered Mail Returned to Sender",
			"In-Reply-To: <x@example.org>", "", "What is this?", "", "> <tom@example.net>: host mx said: 550 5.1.1 User unknown, could not be delivered"), KindNone},
		{"a reader forwarding a bounce", mailOf("From: Mara <mara@example.org>", "To: morning@news.example.com", "Subject: Undelivered Mail Returned to Sender",
			"", "<tom@example.net>: 550 5.1.1 User unknown, could not be delivered"), KindNone},
		{"a parcel", mailOf("From: Shop <no-reply@shop.example>", "Subject: Problem with your delivery", "",
			"Your parcel could not be delivered. Write to help@shop.example."), KindNone},
		{"a bounce attached by a reader", mailOf("From: Mara <mara@example.org>", "Subject: look", `Content-Type: multipart/mixed; boundary="m"`, "",
			"--m", "", "What does it want from me?", "--m", "Content-Type: message/rfc822", "",
			string(report("Final-Recipient: rfc822; tom@example.net", "Action: failed", "Status: 5.1.1")), "--m--"), KindNone},
		{"away", mailOf("From: Mara <mara@example.org>", "Subject: Out of office: Morning", "Auto-Submitted: auto-replied (vacation)", "",
			"I am away. Mail to tom@example.net could not be delivered lately, sorry."), KindAutoreply},
		{"away, without the field", mailOf("From: mara@example.org", "Subject: Automatic reply: Morning", "", "Back on Monday."), KindAutoreply},
		{"a story about mail", mailOf("From: news@example.org", "Subject: Why mail is lost", "", "User unknown: 550 5.1.1 is what postmasters see."), KindNone},
		{"nothing", nil, KindNone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range Classify(tt.raw) {
				if r.Kind != tt.kind || r.Class != None {
					t.Errorf("got %+v, want kind %s and no class", r, tt.kind)
				}
			}
		})
	}
}

func TestDeliveredIsNoBounce(t *testing.T) {
	got := Classify(report("Final-Recipient: rfc822; mara@example.org", "Action: delivered", "Status: 2.1.5", "Diagnostic-Code: smtp; 250 2.1.5 Ok"))
	if len(got) != 1 || got[0].Kind != KindNone || got[0].Class != None || got[0].Reason != "delivered" {
		t.Errorf("got %+v, want a report of kind none", got)
	}
}
