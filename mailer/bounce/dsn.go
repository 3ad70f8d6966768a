package bounce

import (
	"regexp"
	"strings"
)

// bounces reads a delivery report, machine-readable or in words.
func bounces(m *mail) []Report {
	if groups := m.recipientFields(); len(groups) > 0 {
		return m.fromFields(groups)
	}
	return m.fromProse()
}

var statusKinds = []string{"message/delivery-status", "message/global-delivery-status"}

// finalRecipient begins the fields of one recipient, wherever they stand.
var finalRecipient = regexp.MustCompile(`(?im)^[ \t]*(?:final|original)-recipient[ \t]*:`)

// recipientFields returns the per-recipient groups of RFC 3464 section 2.3. Some
// systems write the fields into plain text; they mean the same there.
func (m *mail) recipientFields() []header {
	text := ""
	if p := m.part(statusKinds...); p != nil {
		text = p.text
	} else if prose, _ := m.prose(); m.returned() && finalRecipient.MatchString(prose) {
		text = prose
	}
	var groups []header
	for _, block := range blocks(text) {
		h := looseFields(block)
		if h.has("Final-Recipient") || h.has("Original-Recipient") {
			groups = append(groups, h)
		}
	}
	return groups
}

// blocks are the groups of fields. An empty line stands between them; where it is
// missing, a second Final-Recipient begins one.
func blocks(text string) []string {
	var out []string
	var block strings.Builder
	recipient, finals := false, false
	end := func() {
		if recipient && len(out) < maxReports {
			out = append(out, block.String())
		}
		block.Reset()
		recipient, finals = false, false
	}
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(line)), ":")
		final := strings.TrimSpace(name) == "final-recipient"
		if strings.TrimSpace(line) == "" || final && recipient && finals {
			end()
		}
		finals = finals || final
		recipient = recipient || final || strings.TrimSpace(name) == "original-recipient"
		block.WriteString(line)
	}
	end()
	return out
}

// looseFields reads fields from a block in which other lines may stand between.
func looseFields(block string) header {
	var h header
	for line := range strings.Lines(block) {
		trimmed := strings.TrimSpace(line)
		name, value, ok := cutField(trimmed)
		folded := line != "" && (line[0] == ' ' || line[0] == '\t') && !finalRecipient.MatchString(line)
		switch {
		case ok && len(h) < maxFields && (!folded || len(h) == 0):
			h = append(h, field{name, value})
		case len(h) > 0:
			h.unfold(trimmed)
		}
	}
	return h
}

// fromFields makes a report of each group.
func (m *mail) fromFields(groups []header) []Report {
	prose, _ := m.prose()
	failed := addresses(m.header.get("X-Failed-Recipients"))
	var reports []Report
	for _, h := range groups {
		final, original := typed(h.get("Final-Recipient")), typed(h.get("Original-Recipient"))
		r := Report{Kind: KindBounce, Recipient: firstAddress(final)}
		if r.Recipient == "" {
			r.Recipient = firstOf(typed(h.get("X-Actual-Recipient")), original, strings.Join(failed, " "), m.original().get("To"))
		}
		e := evidence{
			action:   strings.ToLower(h.get("Action")),
			status:   h.get("Status"),
			text:     typed(h.get("Diagnostic-Code")),
			category: h.get("X-PowerMTA-BounceCategory"),
			prose:    segment(prose, r.Recipient, len(groups) > 1),
		}
		e.judge(&r)
		reports = append(reports, r)
	}
	return reports
}

// firstOf returns the first address in the first value that has one.
func firstOf(values ...string) string {
	for _, v := range values {
		if a := firstAddress(v); a != "" {
			return a
		}
	}
	return ""
}

// typed drops the type before a value: "rfc822; a@b" (RFC 3464 section 2.1.2).
func typed(v string) string {
	kind, rest, ok := strings.Cut(v, ";")
	if !ok || strings.ContainsAny(strings.TrimSpace(kind), " @<") {
		return strings.TrimSpace(v)
	}
	return strings.TrimSpace(rest)
}
