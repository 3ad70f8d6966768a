package dns

import (
	"fmt"
	"strings"

	"pressrun/mailer/dkim"
)

// maxWalk is how many questions the tree walk may take (RFC 9989 section 4.10).
const maxWalk = 8

// policy is a DMARC record.
type policy struct {
	domain string // where it stands
	tags   map[string]string
}

// parseDMARC reads a record; false when the text is none (RFC 9989 section 4.7).
func parseDMARC(domain, text string) (policy, bool) {
	version, _, _ := strings.Cut(text, ";")
	name, value, _ := strings.Cut(version, "=")
	if strings.TrimSpace(name) != "v" || strings.TrimSpace(value) != "DMARC1" {
		return policy{}, false
	}
	return policy{domain, dkim.Tags(text)}, true
}

// walk lists the records from a domain upwards, the domain's own first, and says
// which domain is the organizational one (RFC 9989 section 4.10.2).
func walk(a asker, domain string) (records []policy, organization string, err error) {
	organization = domain
	for _, name := range ancestors(domain) {
		p, ok, err := lookupDMARC(a, name)
		if err != nil {
			return records, organization, err
		}
		if !ok {
			continue
		}
		records = append(records, p)
		switch p.tags["psd"] {
		case "n":
			return records, name, nil
		case "y": // a public suffix: the organization is the name below it
			if name != domain {
				organization = below(domain, name)
			}
			return records, organization, nil
		}
		organization = name // so far the one with the fewest labels
	}
	return records, organization, nil
}

// ancestors are the names that the walk asks about: the domain, then those above
// it, of which long names skip some.
func ancestors(domain string) []string {
	labels := strings.Split(domain, ".")
	names := []string{domain}
	labels = labels[1:]
	if len(labels) > maxWalk-1 {
		labels = labels[len(labels)-(maxWalk-1):]
	}
	for ; len(labels) > 0; labels = labels[1:] {
		names = append(names, strings.Join(labels, "."))
	}
	return names
}

// below is the name one label longer than suffix, towards domain.
func below(domain, suffix string) string {
	rest := strings.TrimSuffix(strings.TrimSuffix(domain, suffix), ".")
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + suffix
}

func lookupDMARC(a asker, domain string) (policy, bool, error) {
	texts, err := a.txt("_dmarc." + domain)
	if missing(err) {
		return policy{}, false, nil
	}
	if err != nil {
		return policy{}, false, fmt.Errorf("_dmarc.%s: %w", domain, errTemp)
	}
	var found []policy
	for _, text := range texts {
		if p, ok := parseDMARC(domain, text); ok {
			found = append(found, p)
		}
	}
	if len(found) != 1 { // several are as good as none
		return policy{}, false, nil
	}
	return found[0], true, nil
}

// checkDMARC looks at the policy of a sender's domain, and whether our mail would
// align with it.
func (c *Check) checkDMARC(a asker, domain string) []Finding {
	records, organization, err := walk(a, domain)
	if err != nil {
		return []Finding{unanswered("dmarc", domain, err.Error())}
	}
	if len(records) == 0 {
		return []Finding{wrong("dmarc", domain, fmt.Sprintf(`no DMARC record stands at _dmarc.%s or above; publish TXT "v=DMARC1; p=none; rua=mailto:YOU@%s" and make p stricter when the reports agree`, domain, domain))}
	}
	p := records[0]
	for _, r := range records[1:] {
		if p.domain != domain && r.domain == organization {
			p = r
		}
	}
	word := p.tags["p"]
	if p.domain != domain && p.tags["sp"] != "" {
		word = p.tags["sp"]
	}
	if word == "" {
		word = "none"
	}
	found := []Finding{inOrder("dmarc", domain, fmt.Sprintf("%s: policy %s, from _dmarc.%s; the organization is %s", domain, clip(word), p.domain, organization))}
	if f := &found[0]; word != "none" && word != "quarantine" && word != "reject" {
		f.OK, f.Text = false, fmt.Sprintf("_dmarc.%s says p=%s; it must be none, quarantine or reject", p.domain, clip(word))
	}
	return append(found, c.checkAlignment(a, domain, organization, p)...)
}

// checkAlignment wants one of the two ways by which our mail passes DMARC (RFC
// 9989 section 4.4): a signature or a return path of the same organization.
func (c *Check) checkAlignment(a asker, domain, organization string, p policy) []Finding {
	of, failed := "alignment of "+domain, error(nil)
	aligned := func(other, mode string) bool {
		if mode == "s" {
			return other == domain
		}
		_, theirs, err := walk(a, other)
		if err != nil {
			failed = err
		}
		return err == nil && theirs == organization
	}
	for _, s := range c.signersFor(domain) {
		if aligned(s.Domain(), p.tags["adkim"]) {
			return []Finding{inOrder("dmarc", of, "our signatures of "+s.Domain()+" align with "+domain)}
		}
	}
	for _, envelope := range c.Envelopes {
		if aligned(envelope, p.tags["aspf"]) {
			return []Finding{inOrder("dmarc", of, "return paths at "+envelope+" align with "+domain)}
		}
	}
	if failed != nil {
		return []Finding{unanswered("dmarc", of, failed.Error())}
	}
	return []Finding{wrong("dmarc", of, fmt.Sprintf("neither a signature made here nor the return path (%s) aligns with %s; sign with d=%s, or let the relay do so", strings.Join(c.Envelopes, ", "), domain, domain))}
}
