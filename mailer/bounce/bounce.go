package bounce

// Class says what a report means for the address.
type Class string

// The classes.
const (
	Hard      Class = "hard"      // the address does not work and will not: suppress at once
	Soft      Class = "soft"      // the reader's side, for now: count
	Sender    Class = "sender"    // we or our message are unwelcome: never the reader's fault
	Complaint Class = "complaint" // the reader wants no more: suppress at once
	None      Class = "none"      // nothing follows
)

// The kinds of mail that come back.
const (
	KindBounce    = "bounce"
	KindComplaint = "complaint"
	KindAutoreply = "autoreply"
	KindNone      = "none"
)

// Report is what one mail says about one recipient. Fields the mail does not
// tell are empty.
type Report struct {
	Kind      string // bounce, complaint, autoreply or none
	Recipient string // as written, without angle brackets; the domain in lower case
	Status    string // enhanced status code (RFC 3463), such as 5.1.1
	Reply     string // SMTP reply code (RFC 5321 section 4.2), such as 550
	Class     Class
	Reason    string // one word, such as userunknown or mailboxfull; see reasons
	// Diagnostic is what the other side said, on one line, at most 400 bytes.
	Diagnostic string
	// MessageID is the identity of the mail that came back, without brackets.
	MessageID string
	// FeedbackType is that of RFC 5965 section 7.3, or opt-out for a request to
	// leave; empty for anything but a complaint.
	FeedbackType string
	// Delayed says that this is a warning: the mail is still under way.
	Delayed bool
}

// limits on other people's bytes.
const (
	maxMail       = 1 << 20 // bytes read of one mail; the rest is ignored
	maxReports    = 100     // recipients of one mail
	maxDiagnostic = 400     // bytes
)

// Classify reads one mail and returns one report per recipient, at least one: a
// mail that means nothing to us gives a single report of kind none. It may be
// called concurrently.
func Classify(raw []byte) []Report {
	m := readMail(raw)
	for _, read := range []func(*mail) []Report{complaints, notification, bounces, autoreplies} {
		if reports := read(m); len(reports) > 0 {
			return finish(m, reports)
		}
	}
	return []Report{{Kind: KindNone, Class: None}}
}

// finish adds what all recipients of a mail share and holds to the limits.
func finish(m *mail, reports []Report) []Report {
	reports = reports[:min(len(reports), maxReports)]
	id := bareID(m.original().get("Message-Id"))
	for i := range reports {
		r := &reports[i]
		if r.Class == "" {
			r.Class = None
		}
		if r.MessageID == "" {
			r.MessageID = id
		}
		r.Diagnostic = oneLine(r.Diagnostic, maxDiagnostic)
	}
	return reports
}
