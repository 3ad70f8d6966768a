package archive

import (
	"regexp"
	"strings"

	"pressrun/templates"
)

// slotLine is a paragraph with nothing but a link to a slot, slotLink such a
// link, slotSource an attribute whose value holds a slot, slotText a slot in text.
var (
	slot       = strings.Replace(regexp.QuoteMeta(templates.Slot("NAME")), "NAME", "[a-z]+", 1)
	aSlotLink  = `<a\s[^>]*\bhref="[^"]*` + slot + `[^"]*"[^>]*>(?s:.*?)</a>`
	slotLine   = regexp.MustCompile(`<p\b[^>]*>\s*` + aSlotLink + `\s*</p>`)
	slotLink   = regexp.MustCompile(aSlotLink)
	slotSource = regexp.MustCompile(`\s(?:href|src)="[^"]*` + slot + `[^"]*"`)
	slotText   = regexp.MustCompile(slot)
	// A link of the issue opens in the whole window, not in the frame.
	headEnd = regexp.MustCompile(`(?i)</head>`)
)

// Empty is a sealed HTML with its slots emptied: links to a slot are left out
// with their words, since they lead only one reader anywhere; slots in text
// become nothing.
func Empty(html string) string {
	for _, emptied := range []*regexp.Regexp{slotLine, slotLink, slotSource, slotText} {
		html = emptied.ReplaceAllString(html, "")
	}
	return headEnd.ReplaceAllString(html, `<base target="_top"></head>`)
}
