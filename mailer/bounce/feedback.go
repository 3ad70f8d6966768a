package bounce

import (
	"encoding/json"
	"slices"
	"strings"
)

// complaints reads a feedback report (RFC 5965) and a request to leave that came
// by mail.
func complaints(m *mail) []Report {
	if p := m.part("message/feedback-report"); p != nil {
		return m.feedback(looseFields(p.text))
	}
	switch original := m.original(); {
	case original.has("X-HmXmrOriginalRecipient"): // a loop that predates the format
		return []Report{complaint(firstAddress(original.get("X-HmXmrOriginalRecipient")), "abuse")}
	case strings.TrimSpace(m.header.text("Subject")) == "unsubscribe": // RFC 2369 section 3.2
		return []Report{complaint(firstAddress(m.header.get("From")), "opt-out")}
	}
	return nil
}

// notComplaints are the types of RFC 5965 section 7.3 and RFC 6591 by which no
// reader asks for anything.
var notComplaints = []string{"not-spam", "auth-failure", "virus"}

func complaint(to, kind string) Report {
	r := Report{Kind: KindComplaint, Recipient: to, FeedbackType: kind, Class: Complaint, Reason: "feedback"}
	if slices.Contains(notComplaints, kind) {
		r.Class = None
	}
	return r
}

// feedback reads the fields of RFC 5965 section 3. Most loops hide the
// recipient; the returned mail's own To is the last resort.
func (m *mail) feedback(h header) []Report {
	kind := strings.ToLower(h.get("Feedback-Type"))
	var to []string
	for _, f := range h {
		if strings.EqualFold(f.name, "Original-Rcpt-To") || strings.EqualFold(f.name, "Removal-Recipient") {
			to = append(to, addresses(f.value)...)
		}
	}
	if to = unique(to); len(to) == 0 {
		to = []string{firstAddress(m.original().get("To"))}
	}
	var reports []Report
	for _, a := range to {
		reports = append(reports, complaint(a, kind))
	}
	return reports
}

// note is a notification of Amazon SES in JSON, which comes by mail or is posted.
type note struct {
	Type      string `json:"notificationType"`
	Event     string `json:"eventType"` // in place of Type where SES publishes events
	Complaint struct {
		ID         string `json:"feedbackId"`
		Recipients []struct {
			Address string `json:"emailAddress"`
		} `json:"complainedRecipients"`
		Kind string `json:"complaintFeedbackType"`
	} `json:"complaint"`
	Bounce struct {
		ID         string `json:"feedbackId"`
		Type       string `json:"bounceType"` // Permanent | Transient | Undetermined
		Subtype    string `json:"bounceSubType"`
		Recipients []struct {
			Address    string `json:"emailAddress"`
			Action     string `json:"action"`
			Status     string `json:"status"`
			Diagnostic string `json:"diagnosticCode"`
		} `json:"bouncedRecipients"`
	} `json:"bounce"`
	Delivery struct {
		Recipients []string `json:"recipients"`
		Response   string   `json:"smtpResponse"`
	} `json:"delivery"`
	Mail struct {
		Headers []struct{ Name, Value string } `json:"headers"`
		Common  struct {
			ID string `json:"messageId"`
		} `json:"commonHeaders"`
	} `json:"mail"`
}

// messageID is ours: the one that SES gives a mail stands elsewhere.
func (n *note) messageID() string {
	for _, h := range n.Mail.Headers {
		if strings.EqualFold(h.Name, "Message-ID") {
			return h.Value
		}
	}
	return n.Mail.Common.ID
}

func (n *note) reports() (reports []Report) {
	switch n.Type + n.Event {
	case "Complaint":
		for _, c := range n.Complaint.Recipients {
			reports = append(reports, complaint(firstAddress(c.Address), n.Complaint.Kind))
		}
	case "Bounce":
		for _, b := range n.Bounce.Recipients {
			r := Report{Kind: KindBounce, Recipient: firstAddress(b.Address)}
			e := evidence{action: b.Action, status: b.Status, text: typed(b.Diagnostic)}
			e.judge(&r)
			reports = append(reports, r)
		}
	case "Delivery":
		for _, a := range n.Delivery.Recipients {
			r := Report{Kind: KindBounce, Recipient: firstAddress(a)}
			e := evidence{action: "delivered", text: n.Delivery.Response}
			e.judge(&r)
			reports = append(reports, r)
		}
	}
	return reports
}

// notification reads a mail whose text is a notification in JSON.
func notification(m *mail) []Report {
	body := strings.TrimSpace(m.words())
	if !strings.HasPrefix(body, "{") || !strings.Contains(body, `"notificationType"`) {
		return nil
	}
	var n note
	// Mail may have broken the lines; a line end never stands inside JSON text.
	_ = json.NewDecoder(strings.NewReader(strings.ReplaceAll(body, "\n", ""))).Decode(&n)
	return n.reports()
}
