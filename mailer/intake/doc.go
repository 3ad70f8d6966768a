// Package intake is where mail comes back to: a receiver of SMTP or LMTP for the
// addresses that our mails carry as return path, and a poll of an IMAP mailbox for
// those who have no more than that.
//
//	MX or LMTP ──▶ Receiver ──┐
//	                          ├─Take(Mail)─▶ what it means, in one transaction
//	mailbox ──IMAP──▶ Poll ───┘
//
// Neither knows what a mail means. What they promise: only recipients that Accept
// knows get a mail through, nothing is larger than MaxSize, no connection lasts
// for ever and there are never more than so many; a mail is acknowledged only
// after Take has returned without an error, so none is lost, and Take must bear
// to see one twice. No mail is ever sent in answer: what cannot be taken is
// refused while the sender is still there (RFC 5321 section 4.5.5).
package intake

import "context"

// Mail is one that came back.
type Mail struct {
	To     string // envelope recipient; "" when not known
	Raw    []byte // at most MaxSize bytes
	Source string // smtp | lmtp | imap
}

// Take deals with a mail. When it returns an error, the mail is offered again
// later.
type Take func(context.Context, Mail) error

// MaxSize bounds a mail in bytes. Reports return headers, or a mail of ours.
const MaxSize = 256 << 10
