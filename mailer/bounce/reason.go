package bounce

import (
	"slices"
	"strings"
)

// reasons names every reason and what it means for the address. Words as they
// are used in the trade; more than one of them may mean the same to us.
var reasons = map[string]Class{
	"userunknown": Hard, "hostunknown": Hard, "hasmoved": Hard, "notaccept": Hard,

	"mailboxfull": Soft, "expired": Soft, "filtered": Soft, "suspend": Soft, "mesgtoobig": Soft, "exceedlimit": Soft,
	"networkerror": Soft, "systemerror": Soft, "systemfull": Soft, "toomanyconn": Soft, "speeding": Soft,
	"mailererror": Soft, "onhold": Soft, "undefined": Soft,

	"blocked": Sender, "badreputation": Sender, "rejected": Sender, "policyviolation": Sender, "spamdetected": Sender,
	"authfailure": Sender, "requireptr": Sender, "notcompliantrfc": Sender, "securityerror": Sender,
	"failedstarttls": Sender, "norelaying": Sender, "virusdetected": Sender, "contenterror": Sender, "syntaxerror": Sender,
}

// plainWords say what the reasons mean to whoever does not know the trade's words.
var plainWords = map[string]string{
	"userunknown": "no such address", "hostunknown": "no such domain", "hasmoved": "the reader has moved", "notaccept": "the host takes no mail",
	"mailboxfull": "the mailbox is full", "expired": "it could not be delivered in time", "filtered": "a filter refused it", "suspend": "the mailbox is suspended",
	"mesgtoobig": "the mail is too large", "exceedlimit": "a limit of the reader's host", "networkerror": "the network failed", "systemerror": "their system failed",
	"systemfull": "their system is full", "toomanyconn": "too many connections", "speeding": "too many mails at once", "mailererror": "their mailer failed",
	"onhold": "no reason is known", "undefined": "no reason was given",
	"blocked": "our address is blocked", "badreputation": "our reputation is bad", "rejected": "our sender is refused", "policyviolation": "against their policy",
	"spamdetected": "taken for spam", "authfailure": "our authentication failed", "requireptr": "our host has no reverse DNS", "notcompliantrfc": "the mail breaks a standard",
	"securityerror": "against their security rules", "failedstarttls": "encryption failed", "norelaying": "the host does not relay", "virusdetected": "taken for a virus",
	"contenterror": "the content was refused", "syntaxerror": "a command was refused",
}

// Words says in plain words what a reason means; of one that is not known, the
// reason itself.
func Words(reason string) string {
	if w := plainWords[reason]; w != "" {
		return w
	}
	return reason
}

// policy are words that make a refusal at RCPT one of the sender.
var policy = []string{"polic", "security", "authenticat", "not authorized", "sender", "try again", "try later"}

func classOf(reason string) Class { return reasons[reason] }

// lasting reasons are hard even under a transient code: the words say more than
// the number.
var lasting = map[string]bool{"userunknown": true, "hostunknown": true, "hasmoved": true}

// reason finds the word. First what the other server said, in the order of
// phrases; then the codes; then what the reporting system wrote.
func reason(status, reply string, e evidence) string {
	if r := categories[e.category]; r != "" {
		return r
	}
	for _, text := range []string{e.text, answers(e.prose), own(e.prose)} {
		if r := e.read(plain(text), status, reply); r != "" {
			return r
		}
	}
	switch r := byStatus(status, reply); {
	case e.action == "delayed" && classOf(r) != Soft:
		return "expired"
	case r != "":
		return r
	case e.refusedAtSender():
		return "rejected"
	case status == "" && reply == "":
		return "undefined"
	}
	return "onhold"
}

// read finds the reason in one text, or "".
func (e evidence) read(said lowered, status, reply string) string {
	if said == "" {
		return ""
	}
	if r := said.first(phrases); r != "" {
		return r
	}
	if said.says(unknownUser) || blamesRecipient(status) {
		return e.unknown(said, status, reply)
	}
	refusedAddress := said.says(refused) && reply >= "5"
	if refusedAddress && (e.refusedAtRecipient() && !said.says(policy) || status == "5.1.0") {
		return "userunknown"
	}
	if r := said.first(vague); r != "" {
		return r
	}
	if refusedAddress {
		return "filtered"
	}
	return ""
}

// recipientCodes are the codes of RFC 3463 section 3.2 that blame the recipient's
// address, and 5.1.10: a null MX in RFC 7505, an unknown address at large hosts.
var recipientCodes = []string{"5.1.1", "5.1.3", "5.1.6", "5.1.10", "4.1.1"}

func blamesRecipient(status string) bool { return slices.Contains(recipientCodes, status) }

// unknown decides between an address that does not exist and one that a filter
// denies. A phrase is not enough to suppress a reader for good: the code or the
// phase must say so too, or the words be those of a directory.
func (e evidence) unknown(said lowered, status, reply string) string {
	switch {
	case blamesRecipient(status), said.says(directory), reply != "" && said.says(account):
		return "userunknown"
	case e.refusedAtSender():
		return "rejected"
	case e.refusedAtRecipient(), status == "5.1.0":
		return "userunknown"
	}
	return "filtered"
}

// categories are PowerMTA's verdicts.
var categories = map[string]string{
	"bad-domain": "hostunknown", "bad-mailbox": "userunknown", "inactive-mailbox": "suspend", "quota-issues": "mailboxfull",
	"message-expired": "expired", "no-answer-from-host": "networkerror", "routing-errors": "systemerror", "bad-connection": "networkerror",
	"policy-related": "policyviolation", "spam-related": "spamdetected", "spam-block": "blocked", "content-related": "contenterror", "relaying-issues": "norelaying",
}

// byStatus reads a code without words (RFC 3463 section 3).
func byStatus(status, reply string) string {
	if status == "" {
		return byReply[reply]
	}
	if r, ok := byCode[status]; ok {
		return r
	}
	if r, ok := byCode["5"+status[1:]]; ok && classOf(r) != Hard {
		return r
	}
	subject := status[2:strings.LastIndexByte(status, '.')]
	if r := bySubject[subject]; r != "" {
		return r
	}
	return byReply[reply]
}

var byCode = map[string]string{
	"5.1.1": "userunknown", "5.1.10": "userunknown", "5.1.3": "userunknown",
	"5.1.2": "hostunknown", "5.4.4": "hostunknown", "5.1.6": "hasmoved", "5.1.7": "rejected", "5.1.8": "rejected",
	"5.2.0": "filtered", "5.2.1": "suspend", "5.2.2": "mailboxfull", "5.2.3": "exceedlimit", "5.2.4": "filtered",
	"5.3.1": "systemfull", "5.3.2": "notaccept", "5.3.4": "mesgtoobig", "5.4.1": "expired", "5.4.2": "expired",
	"5.4.7": "expired", "5.5.0": "syntaxerror", "5.5.1": "syntaxerror", "5.5.3": "toomanyconn",
	"5.7.13": "suspend", "5.7.25": "requireptr", "5.7.26": "authfailure", "5.7.27": "rejected",
	"5.1.0": "rejected", "5.7.1": "securityerror", "5.7.0": "securityerror",
}

// bySubject holds where a code's detail is unknown.
var bySubject = map[string]string{"2": "filtered", "3": "systemerror", "4": "networkerror", "5": "syntaxerror", "6": "contenterror", "7": "securityerror"}

var byReply = map[string]string{"421": "expired", "450": "onhold", "451": "systemerror", "452": "systemfull", "552": "mailboxfull", "521": "notaccept", "556": "notaccept", "551": "hasmoved", "500": "syntaxerror", "501": "syntaxerror", "502": "syntaxerror", "503": "syntaxerror", "504": "syntaxerror"}

// lowered is text prepared for phrases: lower case, one line, addresses taken out.
type lowered string

func plain(s string) lowered {
	s = address.ReplaceAllString(strings.ReplaceAll(s, "\u2019", "'"), "@")
	return lowered(oneLine(strings.ToLower(s), 4<<10))
}

// first returns the reason of the first rule with a phrase in the text.
func (l lowered) first(rules []rule) string {
	for _, r := range rules {
		if l.says(r.phrases) {
			return r.reason
		}
	}
	return ""
}

func (l lowered) says(phrases []string) bool {
	return slices.ContainsFunc(phrases, l.contains)
}

// gap is how many bytes a * in a phrase may stand for.
const gap = 80

// contains finds a phrase that begins where a word does; a * in it stands for up
// to gap bytes.
func (l lowered) contains(phrase string) bool {
	head, tail, star := strings.Cut(phrase, "*")
	for from := 0; ; {
		at := strings.Index(string(l[from:]), head)
		if at < 0 {
			return false
		}
		start := from + at
		from = start + len(head)
		if start > 0 && isLetter(l[start-1]) && isLetter(l[start]) {
			continue
		}
		rest := string(l[from:])
		if !star || strings.Contains(rest[:min(len(rest), gap+len(tail))], tail) {
			return true
		}
	}
}

func isLetter(b byte) bool { return 'a' <= b && b <= 'z' }
