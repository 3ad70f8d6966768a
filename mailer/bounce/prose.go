package bounce

import (
	"html"
	"regexp"
	"slices"
	"strings"
)

// divider is the line behind which the mail that came back begins.
var divider = regexp.MustCompile(`(?i)^[\s\-=*#|+~>]*(?:` + strings.Join([]string{
	`(?:this|below|enclosed|included|here|following)(?: this line)? is (?:a|the) (?:copy|header)`,
	`the headers? of the original message`,
	`(?:the )?(?:original|returned|unsent|undelivered|bounced) (?:message|mail|e-mail)(?: (?:headers?|text|info|body))?(?: (?:is|are|begins?|follows?|following))?[\s\-=*#:.]*$`,
	`(?:message|mail) (?:headers?|text|body|contents?)(?: (?:is|are))? (?:follows?|following|below)`,
	`received:`, `return-path:`,
}, "|") + `)`)

var (
	htmlBreak = regexp.MustCompile(`(?i)<(?:br|/p|/div|/tr|/li|/h\d)[^>]*>`)
	htmlDrop  = regexp.MustCompile(`(?is)<(?:style|script|head)\b.*?</(?:style|script|head)>|<[a-z!/][^>]*>`)
)

// maxProse is how many bytes of a mail system's own words are read.
const maxProse = 32 << 10

// prose returns what the mail system wrote, and the mail that came back when it
// stands in the same text.
func (m *mail) prose() (said, returned string) {
	if !m.read {
		m.read = true
		m.said, m.returnedText = divide(m.words())
	}
	return m.said, m.returnedText
}

func divide(text string) (said, returned string) {
	lines := strings.Split(strings.ToValidUTF8(text[:min(len(text), maxProse)], ""), "\n")
	for i, line := range lines {
		if divider.MatchString(line) {
			return strings.Join(lines[:i], "\n"), strings.TrimLeft(strings.Join(lines[fieldsAt(lines, i):], "\n"), "\n")
		}
	}
	return strings.Join(lines, "\n"), ""
}

// fieldsAt is the line, at or after i, at which header fields begin.
func fieldsAt(lines []string, i int) int {
	for j := i; j < min(i+6, len(lines)); j++ {
		if name, _, ok := cutField(lines[j]); ok && name != "" && (j > i || divider.MatchString(lines[j])) {
			return j
		}
	}
	return i + 1
}

// words are the text parts as plain text: the plain ones, else the HTML.
func (m *mail) words() string {
	var plain, rich []string
	for _, p := range m.parts {
		switch {
		case strings.TrimSpace(p.text) == "":
		case p.kind == "text/html":
			rich = append(rich, textOf(p.text))
		case p.kind == "text/rfc822-headers":
		case strings.HasPrefix(p.kind, "text/"):
			plain = append(plain, p.text)
		}
	}
	if len(plain) == 0 {
		plain = rich
	}
	return strings.Join(plain, "\n")
}

// textOf is what HTML says, of a page that is mostly tags.
func textOf(s string) string {
	s = s[:min(len(s), 4*maxProse)]
	s = htmlBreak.ReplaceAllString(s, "\n")
	return html.UnescapeString(htmlDrop.ReplaceAllString(s, ""))
}

var (
	daemon = regexp.MustCompile(`(?i)mailer[-_]?daemon|post_?master|mail delivery|maildelivery|<>|^$`)
	// robots are senders that write about other things as well.
	robots = regexp.MustCompile(`(?i)no-?reply@|-(?:admin|owner|request)@`)
	// failureSubjects open the subjects of reports without fields.
	failureSubjects = regexp.MustCompile(`(?i)undeliver|returned (?:e-?)?mail|mail returned|deliver\w*\b.{0,12}\b(?:fail|notif|status|error|problem|delay)|(?:fail\w*|failure).{0,10}(?:deliver|notice)|delayed|could ?n.t be delivered|mail (?:system )?error|error sending|not member|non.?delivery|rejected mail|mail failure|unzustellbar`)
	// failureWords are how a report in words says what it is.
	failureWords = regexp.MustCompile(`(?i)(?:could|can|was|were|is)(?: ?n.t| not) (?:be )?(?:deliver|sent|able to deliver)|could not send|(?:unable|failed|wasn.t able|error delivering|trouble deliver\w*|trying) (?:to )?(?:deliver|send|your|sending)|did not reach|deliver\w*(?: to (?:the )?following (?:recipients?|addresse?s?|person|users?))?(?: has)?(?: been)? (?:failed|delayed|problems)|error delivering|(?:fatal|permanent|delivery) (?:errors?|fail)|transcript of session|undeliverable|not yet been delivered|message is delayed|error (?:occurred )?while attempting to deliver|was rejected by|rejected recipient|failure reasons|not (?:a )?member of|delivery status notification|recipients? (?:was|were) rejected|mailbox is full|error message below|送信できませんでした|配信できません|配送`)
)

// returned reports whether the mail is one that a mail system sends about a
// failure: from a machine, and failure in its subject or its words. What a person
// forwards, quotes or answers is none.
func (m *mail) returned() bool {
	if m.header.has("X-Failed-Recipients") || m.part(statusKinds...) != nil {
		return true
	}
	said, _ := m.prose()
	words := failureWords.MatchString(said)
	nobody := m.header.has("Return-Path") && strings.Trim(m.header.get("Return-Path"), " <>") == "" // RFC 5321 section 4.5.5
	switch {
	case nobody, daemon.MatchString(m.header.get("From")):
		return words || failureSubjects.MatchString(m.header.text("Subject"))
	case robots.MatchString(m.header.get("From")):
		strong, _ := m.mentioned(said)
		return words && len(strong) > 0
	}
	return false
}

// fromProse reads a report that has no fields.
func (m *mail) fromProse() []Report {
	if !m.returned() {
		return nil
	}
	said, returned := m.prose()
	if inner := m.wrapped(returned); inner != nil {
		return bounces(inner)
	}
	to := m.failedRecipients(said)
	if len(to) == 0 {
		to = []string{""}
	}
	var reports []Report
	for _, a := range to {
		r := Report{Kind: KindBounce, Recipient: a}
		e := evidence{prose: segment(said, a, len(to) > 1), action: "failed"}
		e.judge(&r)
		reports = append(reports, r)
	}
	return reports
}

// wrapped is the report inside a report: some systems put their own words before
// another's report. One level is looked into.
func (m *mail) wrapped(returned string) *mail {
	h, _ := readHeader(returned)
	if m.inner || !daemon.MatchString(h.get("From")) || h.get("From") == "" || !failureSubjects.MatchString(h.text("Subject")) {
		return nil
	}
	inner := readMail([]byte(returned))
	inner.inner = true
	return inner
}

var (
	// leads matches a line that begins with an address.
	leads = regexp.MustCompile(`^[\s<*>\-\["]*(?:[45]\d\d[ -]+)?[<("]?(` + address.String() + `)`)
	// named matches what names a recipient within a line.
	named = regexp.MustCompile(`(?i)(?:rcpt to:|recipients?:?|delivered to:?|deliver\w* (?:your |the )?(?:mail|message) to:?|address(?:es)?:|returned permanent errors:|rejected recipient)\s*<?(` + address.String() + `)`)
	// others are lines whose addresses are not the recipient's.
	others = regexp.MustCompile(`(?i)mail from|generated (?:from|by)|^\s*(?:from|sender|reply-to|original sender|to|cc|message-id|subject)\s*:|contact|assistance|problems|message-id|envelope-from|guide`)
)

// failedRecipients finds whom a report in words speaks of: the header field that
// Exim and Google write, else addresses at the start of a line or named as
// recipient, else any address that is not ours, else whom the mail was sent to.
func (m *mail) failedRecipients(said string) []string {
	if a := addresses(m.header.get("X-Failed-Recipients")); len(a) > 0 {
		return unique(a)
	}
	strong, weak := m.mentioned(said)
	for _, found := range [][]string{m.foreign(strong), unique(strong), weak[:min(1, len(weak))], unique(addresses(m.original().get("To")))} {
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// mentioned are the addresses at the start of a line or named as recipient, and
// those elsewhere that are not ours.
func (m *mail) mentioned(said string) (strong, weak []string) {
	for line := range strings.Lines(said) {
		if others.MatchString(line) && !named.MatchString(line) {
			continue
		}
		for _, re := range []*regexp.Regexp{leads, named} {
			if f := re.FindStringSubmatch(line); f != nil {
				strong = append(strong, clean(f[1]))
			}
		}
		weak = append(weak, addresses(line)...)
	}
	return strong, m.foreign(weak)
}

// foreign drops repetitions and the addresses of both ends of the mail and of the
// sender of the one that came back.
func (m *mail) foreign(list []string) []string {
	original := m.original()
	var ours []string
	for _, v := range []string{m.header.get("To"), m.header.get("From"), original.get("From"), original.get("Return-Path")} {
		ours = append(ours, addresses(v)...)
	}
	return slices.DeleteFunc(unique(list), func(a string) bool { return slices.Contains(ours, a) })
}

// unique drops repetitions, compared without case.
func unique(list []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(list), func(a string) bool {
		k := strings.ToLower(a)
		was := seen[k] || a == ""
		seen[k] = true
		return was
	})
}

// spoken matches a line of a sendmail transcript that closes a recipient's part.
var spoken = regexp.MustCompile(`^\s*[45]\d\d[ -]+<`)

// segment is the part of a report in words that speaks of one recipient. With a
// single recipient that is all of it.
func segment(said, recipient string, several bool) string {
	if !several || recipient == "" {
		return said
	}
	lines := strings.Split(said, "\n")
	from, to := -1, len(lines)
	for i, line := range lines {
		f := leads.FindStringSubmatch(line)
		if f == nil {
			continue
		}
		same := strings.EqualFold(clean(f[1]), recipient)
		switch {
		case same && spoken.MatchString(line): // what led to it stands before
			return lastTalk(lines[max(from, 0) : i+1])
		case spoken.MatchString(line):
			from = i + 1
		case same && to == len(lines) && from < 0:
			from, to = i, len(lines)-1
		case !same && to == len(lines)-1 && from >= 0 && i > from:
			return strings.Join(lines[from:i], "\n")
		}
	}
	if from < 0 {
		return ""
	}
	return strings.Join(lines[from:], "\n")
}

// lastTalk cuts a transcript to the conversation it ends with.
func lastTalk(lines []string) string {
	for i := len(lines) - 1; i > 0; i-- {
		if strings.Contains(strings.ToLower(lines[i]), "while talking to") {
			lines = lines[i:]
			break
		}
	}
	return strings.Join(lines, "\n")
}
