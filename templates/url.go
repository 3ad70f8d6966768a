package templates

import (
	"fmt"
	"net/url"
	"strings"
)

// maxURL bounds an address; longer ones are not for people.
const maxURL = 2000

// address returns u when it is an absolute http or https URL, in ASCII and
// without spaces, so that it stands on one line of a text part; else "". One that
// holds a slot marker is none: a reader's own links would be sent to its host.
func address(u string) string {
	u = strings.TrimSpace(u)
	parsed, err := url.Parse(u)
	if err != nil || len(u) > maxURL || parsed.Host == "" || parsed.User != nil {
		return ""
	}
	if parsed.Scheme != "http" && parsed.Scheme != "https" {
		return ""
	}
	out := ascii(parsed.String())
	if len(out) > maxURL || strings.Contains(out, slotHead) {
		return ""
	}
	return out
}

// ascii percent-encodes what is not printable ASCII, and the characters that end
// an address in running text.
func ascii(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c > '~' || c == '<' || c == '>' || c == '"' {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
