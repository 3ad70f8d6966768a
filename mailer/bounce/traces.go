package bounce

// envelopeFields are where mailboxes note whom a mail was delivered to.
var envelopeFields = []string{"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To"}

// returnedFields are those of our own mails that name the delivery.
var returnedFields = []string{"Return-Path", "X-Return-Path", "List-Unsubscribe", "Message-Id"}

// reportFields name our return path in a feedback report (RFC 5965 section 3.2).
var reportFields = []string{"Original-Mail-From", "Original-Envelope-Id"}

// Envelope returns the texts in a mail's own header that say which address it came
// back to, the most direct first.
func Envelope(raw []byte) []string {
	return readMail(raw).header.all(envelopeFields)
}

// Traces returns the texts, in what a report says about our mail, in which a
// signed address or link of ours may stand: fields of the returned header and of
// a feedback report. Reports often hide the recipient and leave these.
func Traces(raw []byte) []string {
	m := readMail(raw)
	found := m.original().all(returnedFields)
	if p := m.part("message/feedback-report"); p != nil {
		found = append(found, looseFields(p.text).all(reportFields)...)
	}
	return found
}

// all returns the values of some fields, in the order of names.
func (h header) all(names []string) []string {
	var values []string
	for _, name := range names {
		if v := h.get(name); v != "" {
			values = append(values, oneLine(v, 2000))
		}
	}
	return values
}
