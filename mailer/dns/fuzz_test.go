package dns

import (
	"strings"
	"testing"
)

// FuzzDMARC: a text is a record only when it says so first, and its tags are
// trimmed text.
func FuzzDMARC(f *testing.F) {
	f.Add("v=DMARC1; p=none; psd=y")
	f.Add(" v = DMARC1 ;;;=;p")
	f.Add("v=DMARC1;\x00p=\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := parseDMARC("example.com", text)
		if ok && !strings.HasPrefix(strings.Join(strings.Fields(text), ""), "v=DMARC1") {
			t.Errorf("%q is taken for a record", text)
		}
		for name, value := range p.tags {
			if strings.TrimSpace(name) != name || strings.TrimSpace(value) != value || strings.Contains(name+value, ";") {
				t.Errorf("tag %q=%q", name, value)
			}
		}
	})
}
