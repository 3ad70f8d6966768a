package templates

import (
	"fmt"
	"regexp"
	"strings"
)

// lintRules are what go-premailer v1.38.0 gets wrong in a style sheet that it is
// to inline, each found by comparing computed styles before and after.
var lintRules = []struct {
	found *regexp.Regexp
	why   string
}{
	{regexp.MustCompile(`(^|[\s,>+~{}])\*`), "the universal selector stays in the head with !important and beats every inlined colour"},
	{regexp.MustCompile(`:(link|visited|root|lang|active|hover|focus|target|checked|disabled|enabled)\b`), "this pseudo-class stays in the head with !important and beats inlined rules; put it into screen.css"},
	{regexp.MustCompile(`\[data-ogs[bc]\]|\bu \+|#MessageViewBody|\.ExternalClass`), "a rule that matches nothing now is dropped; put it into screen.css"},
	{regexp.MustCompile(`(^|[;{\s])--[a-z]|var\(`), "custom properties are mangled; resolve them first"},
	{regexp.MustCompile(`:(is|not|where|has)\(|\[[^\]]*,[^\]]*\]`), "selector lists are split at every comma, and the rule is dropped"},
	{regexp.MustCompile(`!important`), "!important loses to a style attribute here; put the rule into screen.css"},
	{regexp.MustCompile(`@media\b`), "everything inside @media becomes !important; put it into screen.css"},
	{regexp.MustCompile(`@(supports|layer|container|import|keyframes|font-face|charset|namespace)\b`), "this at-rule is dropped or turned into garbage"},
	{regexp.MustCompile(`::?(before|after|first-line|first-letter|selection)\b`), "a pseudo-element cannot be inlined"},
	{regexp.MustCompile(`\{\{|\}\}`), "template actions do not survive the inliner; inline what the template wrote"},
}

var (
	rule     = regexp.MustCompile(`([^{}]*)\{([^{}]*)\}`)
	property = regexp.MustCompile(`(?:^|;)\s*([a-z-]+)\s*:`)
	nested   = regexp.MustCompile(`\{[^{}]*\{`)
)

// Lint names what in a style sheet the inliner would get wrong, one sentence
// each; none is right. The style sheet is the one that goes into the elements,
// with its tokens resolved (see the package comment), not screen.css.
func Lint(css string) []string {
	css = comment.ReplaceAllString(css, "")
	var out []string
	for _, r := range lintRules {
		if found := r.found.FindString(css); found != "" {
			out = append(out, fmt.Sprintf("%q: %s", strings.TrimSpace(found), r.why))
		}
	}
	if found := nested.FindString(css); found != "" && !strings.Contains(css, "@") {
		out = append(out, fmt.Sprintf("%q: nesting is dropped", found))
	}
	for _, m := range rule.FindAllStringSubmatch(css, -1) {
		seen := map[string]bool{}
		for _, p := range property.FindAllStringSubmatch(m[2], -1) {
			if seen[p[1]] {
				out = append(out, fmt.Sprintf("%q: of a repeated property only the last is kept; write the fallback as an attribute", strings.TrimSpace(m[1])+" "+p[1]))
			}
			seen[p[1]] = true
		}
	}
	return out
}
