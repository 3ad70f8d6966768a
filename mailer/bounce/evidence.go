package bounce

import (
	"regexp"
	"strings"
)

// evidence is what is known about one failed recipient.
type evidence struct {
	action string // RFC 3464 section 2.3.3, lower case
	status string // the report's own code
	text   string // what the other server said
	// category is PowerMTA's own verdict, a field that it adds to its reports.
	category string
	prose    string // what the reporting system wrote about this recipient
}

var (
	enhancedCode = regexp.MustCompile(`(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|\.?$|\.\D)`)
	// replyCode is a code where one is spoken: at a line's start or behind what
	// introduces an answer.
	replyCode = regexp.MustCompile(`(?m)(?:^|[>:\]\['"(<]|said:|reason:|with:|failure:|was:|error:|Out:|ResponseCode|<<<|#)\s*([245]\d\d)(?:[ \-=#:.,]|$)`)
)

// judge fills in codes, reason, class and diagnostic.
func (e evidence) judge(r *Report) {
	said := e.text
	if said == "" {
		said = answers(e.prose)
	}
	if said == "" {
		said = own(e.prose)
	}
	r.Diagnostic = diagnostic(said)
	r.Status = e.statusCode(said)
	r.Reply = reply(said)
	if strings.HasPrefix(e.action, "deliver") || e.action == "relayed" || e.action == "expanded" {
		r.Kind, r.Reason, r.Class = KindNone, "delivered", None // RFC 3464 section 2.3.3
		return
	}
	r.Delayed = e.action == "delayed" // RFC 3464 section 2.3.3
	r.Reason = reason(r.Status, r.Reply, e)
	r.Class = classOf(r.Reason)
	if r.Class == Hard && !lasting[r.Reason] && strings.HasPrefix(r.Status, "4") {
		r.Class = Soft // RFC 3463 section 2: class 4 is a persistent transient failure
	}
}

// reply is the code of a refusal in text, else of any answer, or "".
func reply(s string) string {
	first := ""
	for _, f := range replyCode.FindAllStringSubmatch(s, 20) {
		if f[1] >= "4" {
			return f[1]
		}
		first = f[1]
	}
	return first
}

// answers are the lines in which prose quotes the refusals of another server,
// each with what follows it up to an empty line or the next thing said.
func answers(prose string) string {
	var out []string
	in := false
	for line := range strings.Lines(prose) {
		line = strings.TrimRight(line, "\r\n")
		switch at := refusal.FindStringSubmatchIndex(line); {
		case at != nil:
			out, in = append(out, line[at[2]:]), true
		case strings.TrimSpace(line) == "" || strings.Contains(line, ">>>") || strings.HasPrefix(strings.TrimSpace(line), "In:"):
			in = false
		case boilerplate.MatchString(line):
			in = false
		case in:
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// refusal is a replyCode that refuses.
var refusal = regexp.MustCompile(strings.Replace(replyCode.String(), "[245]", "[45]", 1))

// boilerplate are lines of prose that say nothing about the reason.
var boilerplate = regexp.MustCompile(`(?i)^\s*(?:giving up on|i.m not going to try|from|to|cc|bcc|subject|date|message-id|sender|reply-to|sent|size|number of lines)\b|permanent error|message was created|for further assistance|contact|please include|the attachment contains|^\s*(?:In|Out):|email security|please do not reply|questions`)

// own is prose without its boilerplate.
func own(prose string) string {
	var out []string
	for line := range strings.Lines(prose) {
		if !boilerplate.MatchString(line) {
			out = append(out, strings.TrimRight(line, "\r\n"))
		}
	}
	return strings.Join(out, "\n")
}

// statusCode is the enhanced code: the one the other server spoke is more
// exact than the reporting system's where that only says "other" (X.0.0).
func (e evidence) statusCode(said string) string {
	own := enhancedCode.FindStringSubmatch(e.status)
	spoken := enhancedCode.FindStringSubmatch(said)
	switch {
	case own == nil && spoken == nil:
		return ""
	case own == nil || strings.HasSuffix(own[1], ".0.0") && spoken != nil:
		return spoken[1]
	}
	return own[1]
}

// diagnostic picks the line that answers, if the text is long prose.
func diagnostic(s string) string {
	if len(s) > maxDiagnostic {
		if at := replyCode.FindStringIndex(s); at != nil {
			return s[at[0]:]
		}
	}
	return s
}

// phases as mail systems name the command that was refused.
var (
	atRecipient = regexp.MustCompile(`(?i)(?:reply to|after|following|like our|>>>|response to)\s*"?rcpt|does not like recipient|\[rcpt_to\]|rcpt to:?\s*(?:command|<)`)
	atData      = regexp.MustCompile(`(?i)(?:reply to|after|following|>>>)\s*(?:end of )?"?data|end of data|after i sent the message|for text command|\[data\]|like our (?:final )?data`)
	atSender    = regexp.MustCompile(`(?i)(?:reply to|after|following|like our|>>>)\s*"?mail\b|\[mail_from\]|after initial connection|my name was rejected`)
	// echoed is an answer that opens with the address it refuses, which servers
	// give to RCPT.
	echoed = regexp.MustCompile(`(?m)(?:^|[\s;])[45]\d\d[ -](?:#?[45]\.\d+\.\d+ )?<[^<>@\s]+@[^<>@\s]+>:`)
)

// refusedAtRecipient reports whether the address itself was refused, in answer
// to RCPT (RFC 5321 section 3.3), and not the message.
func (e evidence) refusedAtRecipient() bool {
	all := e.text + "\n" + e.prose
	if atData.MatchString(all) {
		return false
	}
	return atRecipient.MatchString(all) || echoed.MatchString(all)
}

func (e evidence) refusedAtSender() bool { return atSender.MatchString(e.text + "\n" + e.prose) }
