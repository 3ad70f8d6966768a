package bounce

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Event is one thing that a sending service tells of one mail and recipient.
type Event struct {
	ID string // the service's own; it may tell the same event more than once
	Report
}

// ErrEvents is returned for a body that is not of the service it should be of.
var ErrEvents = errors.New("this is not what the service posts")

// ErrConfirm is returned for Amazon SNS's question whether it may post events
// here. Whoever opens the address says yes.
type ErrConfirm struct{ URL string }

// Error implements error.
func (e ErrConfirm) Error() string { return "Amazon SNS asks whether it may post events here" }

// providers are the sending services, and what reads their bodies.
var providers = map[string]func(body []byte) ([]Event, error){"mailgun": mailgun, "postmark": postmark, "sendgrid": sendgrid, "ses": ses}

// Providers are the names of the sending services that Events knows.
func Providers() []string { return slices.Sorted(maps.Keys(providers)) }

// Events reads what a sending service posts about mails that were handed to it:
// most of them write the return path anew, so that reports never come here as
// mail. What asks for nothing, as a delivery or a try that goes on, is left out.
// What the receiving system said counts more than what the service makes of it.
// It may be called concurrently.
func Events(provider string, body []byte) ([]Event, error) {
	read := providers[provider]
	if read == nil {
		return nil, fmt.Errorf("%q: %w; known are %s", provider, ErrEvents, strings.Join(Providers(), ", "))
	}
	events, err := read(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	for i := range events {
		e := &events[i]
		e.ID, e.MessageID = oneLine(e.ID, maxDiagnostic), oneLine(bareID(e.MessageID), maxDiagnostic)
		e.Recipient, e.Diagnostic = firstAddress(e.Recipient), oneLine(e.Diagnostic, maxDiagnostic)
		e.FeedbackType = oneLine(e.FeedbackType, maxDiagnostic)
	}
	return events, nil
}

// unmarshal reads a body, or says where it is wrong.
func unmarshal(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%w: %v", ErrEvents, err)
	}
	return nil
}

// failed is a bounce: by what the other server said, else by what the service
// calls it, "" when that says nothing.
func failed(to, status, said, verdict string) Report {
	r := Report{Kind: KindBounce, Recipient: to}
	evidence{status: status, text: said}.judge(&r)
	r.fallBack(verdict)
	return r
}

// fallBack takes a service's verdict for a bounce of which no more is known.
func (r *Report) fallBack(verdict string) {
	if verdict != "" && (r.Reason == "undefined" || r.Reason == "onhold") {
		r.Reason, r.Class = verdict, classOf(verdict)
	}
}

const (
	spam   = "abuse"
	optOut = "opt-out"
)

// postmark reads a webhook of postmarkapp.com: one event.
func postmark(body []byte) ([]Event, error) {
	var in struct {
		RecordType        string
		Type              string
		ID                int64
		Email             string
		Recipient         string // in place of Email when a subscription changes
		MessageID         string // Postmark's own; ours is not told
		Description       string
		Details           string
		SuppressSending   bool
		SuppressionReason string
		Origin            string // Recipient | Customer | Admin
		ChangedAt         string
	}
	if err := unmarshal(body, &in); err != nil {
		return nil, err
	}
	id := in.RecordType + " " + strconv.FormatInt(in.ID, 10)
	switch in.RecordType {
	case "":
		return nil, fmt.Errorf("%w: RecordType is missing", ErrEvents)
	case "SpamComplaint":
		return []Event{{id, complaint(in.Email, spam)}}, nil
	case "SubscriptionChange":
		if !in.SuppressSending || in.SuppressionReason != "ManualSuppression" || in.Origin != "Recipient" {
			return nil, nil // bounces and complaints are told as what they are
		}
		return []Event{{in.MessageID + " " + in.Recipient + " " + in.ChangedAt, complaint(in.Recipient, optOut)}}, nil
	case "Bounce":
		switch in.Type {
		case "SpamComplaint":
			return []Event{{id, complaint(in.Email, spam)}}, nil
		case "Unsubscribe":
			return []Event{{id, complaint(in.Email, optOut)}}, nil
		case "Subscribe", "AutoResponder", "AddressChange", "ChallengeVerification", "OpenRelayTest", "Transient":
			return nil, nil
		}
		said := in.Details
		if said == "" {
			said = in.Description
		}
		return []Event{{id, failed(in.Email, "", typed(said), postmarkTypes[in.Type])}}, nil
	}
	return nil, nil
}

var postmarkTypes = map[string]string{
	"HardBounce": "userunknown", "BadEmailAddress": "userunknown", "DnsError": "networkerror", "SoftBounce": "undefined", "Blocked": "blocked",
	"SpamNotification": "spamdetected", "DMARCPolicy": "authfailure", "VirusNotification": "virusdetected", "ManuallyDeactivated": "suspend",
}

// sendgrid reads a call of SendGrid's Event Webhook: many events.
func sendgrid(body []byte) ([]Event, error) {
	var in []struct {
		Email          string `json:"email"`
		Event          string `json:"event"`
		ID             string `json:"sg_event_id"`
		SMTPID         string `json:"smtp-id"`
		Type           string `json:"type"` // bounce | blocked
		Reason         string `json:"reason"`
		Status         string `json:"status"`
		Classification string `json:"bounce_classification"`
	}
	if err := unmarshal(body, &in); err != nil {
		return nil, err
	}
	var events []Event
	for _, e := range in {
		var r Report
		switch e.Event {
		case "bounce":
			verdict := sendgridClasses[e.Classification]
			if verdict == "" && e.Type == "blocked" {
				verdict = "blocked"
			} else if verdict == "" {
				verdict = "userunknown"
			}
			r = failed(e.Email, e.Status, e.Reason, verdict)
		case "dropped": // SendGrid sent nothing: it keeps a list of its own
			switch {
			case strings.HasPrefix(e.Reason, "Bounced Address"), strings.HasPrefix(e.Reason, "Invalid"):
				r = Report{Kind: KindBounce, Recipient: e.Email, Class: Hard, Reason: "userunknown", Diagnostic: "SendGrid does not send to it: " + e.Reason}
			case strings.HasPrefix(e.Reason, "Spam Reporting"):
				r = complaint(e.Email, spam)
			case strings.HasPrefix(e.Reason, "Unsubscribed"):
				r = complaint(e.Email, optOut)
			default:
				r = failed(e.Email, e.Status, e.Reason, "rejected")
			}
		case "spamreport":
			r = complaint(e.Email, spam)
		case "unsubscribe", "group_unsubscribe":
			r = complaint(e.Email, optOut)
		default:
			continue
		}
		r.MessageID = e.SMTPID
		events = append(events, Event{e.ID, r})
	}
	return events, nil
}

var sendgridClasses = map[string]string{
	"Invalid Address": "userunknown", "Mailbox Unavailable": "suspend", "Technical": "systemerror", "Technical Failure": "systemerror", "Content": "contenterror",
	"Reputation": "badreputation", "Frequency or Volume Too High": "speeding",
}

// mailgun reads a webhook of Mailgun: one event.
func mailgun(body []byte) ([]Event, error) {
	var in struct {
		Event struct {
			Event     string `json:"event"`
			ID        string `json:"id"`
			Severity  string `json:"severity"` // temporary | permanent
			Reason    string `json:"reason"`
			Recipient string `json:"recipient"`
			Status    struct {
				Code        json.Number `json:"code"`
				Enhanced    string      `json:"enhanced-code"`
				Message     string      `json:"message"`
				Description string      `json:"description"`
			} `json:"delivery-status"`
			Message struct {
				Headers struct {
					ID string `json:"message-id"`
				} `json:"headers"`
			} `json:"message"`
		} `json:"event-data"`
	}
	if err := unmarshal(body, &in); err != nil {
		return nil, err
	}
	e := in.Event
	var r Report
	switch {
	case e.Event == "":
		return nil, fmt.Errorf("%w: event-data is missing", ErrEvents)
	case e.Event == "complained", e.Reason == "suppress-complaint":
		r = complaint(e.Recipient, spam)
	case e.Event == "unsubscribed", e.Reason == "suppress-unsubscribe":
		r = complaint(e.Recipient, optOut)
	case e.Event != "failed" || e.Severity == "temporary": // Mailgun goes on
		return nil, nil
	default:
		said := e.Status.Message
		if said == "" {
			said = e.Status.Description
		}
		if code := e.Status.Code.String(); len(code) == 3 && reply(said) == "" {
			said = code + " " + said
		}
		verdict := "undefined"
		if e.Reason == "bounce" || e.Reason == "suppress-bounce" {
			verdict = "userunknown"
		}
		r = failed(e.Recipient, e.Status.Enhanced, said, verdict)
	}
	r.MessageID = e.Message.Headers.ID
	return []Event{{e.ID, r}}, nil
}

// snsHost is where Amazon SNS asks to be confirmed.
var snsHost = regexp.MustCompile(`^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)

// ses reads what Amazon SES posts by way of SNS: a note in an envelope, or the
// note alone when SNS delivers it raw.
func ses(body []byte) ([]Event, error) {
	var envelope struct {
		Type, Message, MessageID, SubscribeURL string
	}
	if err := unmarshal(body, &envelope); err != nil {
		return nil, err
	}
	switch envelope.Type {
	case "SubscriptionConfirmation":
		if u, err := url.Parse(envelope.SubscribeURL); err != nil || u.Scheme != "https" || !snsHost.MatchString(u.Host) {
			return nil, fmt.Errorf("%w: SubscribeURL is not Amazon's", ErrEvents)
		}
		return nil, ErrConfirm{envelope.SubscribeURL}
	case "UnsubscribeConfirmation":
		return nil, nil
	case "Notification":
		body = []byte(envelope.Message)
		if !strings.HasPrefix(envelope.Message, "{") {
			return nil, nil // SES says in words that the topic works
		}
	}
	var n note
	if err := unmarshal(body, &n); err != nil {
		return nil, err
	}
	var events []Event
	for i, r := range n.reports() {
		if r.Kind == KindNone {
			continue // delivered
		}
		r.fallBack(sesTypes[n.Bounce.Type+" "+n.Bounce.Subtype])
		r.MessageID = n.messageID()
		events = append(events, Event{strings.TrimSpace(n.Bounce.ID + n.Complaint.ID + " " + strconv.Itoa(i)), r})
	}
	return events, nil
}

var sesTypes = map[string]string{
	"Permanent General": "userunknown", "Permanent NoEmail": "userunknown", "Permanent Suppressed": "userunknown", "Permanent OnAccountSuppressionList": "userunknown",
	"Transient MailboxFull": "mailboxfull", "Transient MessageTooLarge": "mesgtoobig", "Transient ContentRejected": "contenterror", "Transient AttachmentRejected": "contenterror",
}
