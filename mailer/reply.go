package mailer

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"pressrun/mailer/smtp"
)

// Class says whose matter a reply is.
type Class string

// The classes.
const (
	Taken      Class = "accepted"
	Hard       Class = "hard"       // the address does not work, and will not
	Soft       Class = "soft"       // the reader's side, for now
	Sender     Class = "sender"     // we or our message are unwelcome: never the reader's fault
	Host       Class = "host"       // the relay as a whole, for now
	Config     Class = "config"     // the relay does not know us
	Connection Class = "connection" // lost
	Unknown    Class = "unknown"    // refused for good, and it does not say why
)

// Verdict is what a reply means for a delivery.
type Verdict struct {
	State State
	Class Class
	// Wait is how long until the next attempt, for Deferred, Queued and Uncertain.
	Wait time.Duration
	// Suppress says that the address is not written to again.
	Suppress bool
	Reason   string // in words, for the ledger
}

// retries are the waits before the second, third … attempt; the last one
// repeats. The first is what greylisting wants, the others are at least the
// 30 minutes of RFC 5321 section 4.5.4.1.
var retries = []time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}

func retryAfter(attempt int) time.Duration {
	return retries[min(max(attempt, 1), len(retries))-1]
}

// Waits after what was nobody's fault in particular.
const (
	afterHost       = 30 * time.Second
	afterConnection = 30 * time.Second
	afterUncertain  = 30 * time.Second
)

var (
	// hardCodes say that the mailbox or its domain does not exist or is closed.
	hardCodes = []string{"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
	// senderWords stand in refusals that are about us, whatever their code.
	senderWords = regexp.MustCompile(`(?i)\b(spam|spamhaus|block(ed)?|black ?list(ed)?|block ?list(ed)?|policy|reputation|dmarc|dkim|spf|not authori[sz]ed|unauthenticated|rate limit|relay(ing)? (access )?denied|virus)\b`)
	// hardWords stand in refusals without an enhanced code.
	hardWords = regexp.MustCompile(`(?i)(user unknown|unknown user|no such (user|mailbox|recipient|address)|does not exist|doesn't exist|unknown recipient|recipient unknown|invalid (recipient|mailbox)|(mailbox|address|account) (unknown|not found|unavailable|disabled|inactive)|no mailbox here|recipient (address )?rejected: undeliverable)`)
)

// Reply says what a relay's reply means: the whole policy, without side effects.
// code is 0 when the connection ended without one; attempt counts from 1.
func Reply(phase smtp.Phase, code int, enhanced, text string, attempt int) Verdict {
	switch {
	case code/100 == 2:
		return Verdict{State: StateAccepted, Class: Taken}
	case code == 0 && phase == smtp.Dot:
		return Verdict{State: StateUncertain, Class: Connection, Wait: afterUncertain, Reason: "no reply came after the message was sent"}
	case code == 530 || code == 535 || code == 538:
		return Verdict{State: StateQueued, Class: Config, Wait: afterHost, Reason: "the relay does not accept our user or password"}
	case early(phase) || code == 421:
		return Verdict{State: StateQueued, Class: Host, Wait: afterHost, Reason: "the relay is not available"}
	case code == 0:
		wait := afterConnection
		if attempt > 3 { // perhaps it is this message that the relay cannot stand
			wait = retryAfter(attempt - 3)
		}
		return Verdict{State: StateDeferred, Class: Connection, Wait: wait, Reason: "the connection was lost before the message was sent"}
	case code < 500:
		return temporary(enhanced, attempt)
	}
	return permanent(phase, code, enhanced, text, attempt)
}

// early phases concern the relay and not yet a message.
func early(p smtp.Phase) bool {
	return slices.Contains([]smtp.Phase{smtp.Connect, smtp.Greeting, smtp.TLS, smtp.Auth, smtp.Idle}, p)
}

func temporary(enhanced string, attempt int) Verdict {
	v := Verdict{State: StateDeferred, Class: Soft, Wait: retryAfter(attempt), Reason: "refused for now"}
	switch enhanced {
	case "4.5.3":
		v.Wait, v.Reason = afterConnection, "the relay wanted a new transaction"
	case "4.2.2":
		v.Reason = "the mailbox is full"
	}
	return v
}

func permanent(phase smtp.Phase, code int, enhanced, text string, attempt int) Verdict {
	subject := ""
	if enhanced != "" {
		subject = enhanced[:strings.LastIndex(enhanced, ".")]
	}
	hard := Verdict{State: StateFailed, Class: Hard, Suppress: true, Reason: "the address does not exist or no longer takes mail"}
	sender := Verdict{State: StateFailed, Class: Sender, Reason: "the relay refuses our mail, not this reader"}
	switch {
	case enhanced == "5.2.2" || code == 552 && enhanced == "":
		// RFC 5321 section 4.2.3 lets 552 mean a full mailbox.
		return Verdict{State: StateDeferred, Class: Soft, Wait: retryAfter(attempt), Reason: "the mailbox is full"}
	case phase == smtp.Mail || senderWords.MatchString(text):
		return sender
	case slices.Contains(hardCodes, enhanced):
		return hard
	case enhanced == "5.6.7":
		return Verdict{State: StateFailed, Class: Unknown, Reason: "the relay does not take addresses with letters outside ASCII"}
	case slices.Contains([]string{"5.3", "5.5", "5.6", "5.7"}, subject), enhanced == "5.1.7", enhanced == "5.1.8":
		return sender
	case enhanced == "" && phase == smtp.Rcpt && code != 554 && hardWords.MatchString(text):
		return hard
	case phase == smtp.Data || phase == smtp.Dot:
		return Verdict{State: StateFailed, Class: Sender, Reason: "the relay refuses this message"}
	}
	return Verdict{State: StateFailed, Class: Unknown, Reason: "refused for good"}
}
