package templates

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestMailCSSIsWhatTheInlinerUnderstands(t *testing.T) {
	s, err := mailStyles("#8a2f1d")
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range lint(string(s.Inline)) {
		t.Error(problem)
	}
}

func TestLintFindsEachTrap(t *testing.T) {
	for _, css := range []string{
		"* { margin: 0 }", "p * { color: red }", "a:link { color: red }", ":root { color: red }", "p:lang(en) { color: red }",
		"[data-ogsc] p { color: red }", "u + .body { color: red }", "#MessageViewBody a { color: red }",
		"p { --c: red }", "p { color: var(--c) }", "p { background: red; background: linear-gradient(red, blue) }",
		":is(a, b) { color: red }", "p:not(.a, .b) { color: red }", `[title="x, y"] { color: red }`,
		"p { color: red !important }", "@media (max-width: 1px) { p { color: red } }", "@supports (x: y) { p { color: red } }",
		"@layer a { p { color: red } }", "@container (width > 1px) { p { color: red } }", ".a { .b { color: red } }",
		"@import url(x.css);", "@keyframes k { from { top: 0 } }", "p::after { content: 'x' }", "{{range .X}} p { color: red }",
	} {
		if len(lint(css)) == 0 {
			t.Errorf("nothing is found in %q", css)
		}
	}
	if found := lint(".a.b { color: red; border-color: #fff }\n.c > p { margin: 0 }"); found != nil {
		t.Errorf("found in good CSS: %q", found)
	}
}

// A style attribute in a template would win over the style sheet.
func TestMailTemplatesHaveNoStyleAttributes(t *testing.T) {
	for _, name := range []string{"frame", "issue", "letter"} {
		b, err := mailFiles.ReadFile("email/" + name + ".html")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "style=") {
			t.Errorf("%s.html has a style attribute", name)
		}
	}
}

// Every class in the mail templates has a rule, and every rule a use.
func TestMailClassesHaveRules(t *testing.T) {
	known := classesOf("email/mail.css")
	for class := range classesOf("email/screen.css") {
		known[class] = true
	}
	used := map[string]bool{"latin": true, "nastaliq": true, "naskh": true, "high": true, "whole": true}
	attr := regexp.MustCompile(`class="([^"]*)"`)
	for _, name := range []string{"frame", "issue", "letter"} {
		b, _ := mailFiles.ReadFile("email/" + name + ".html")
		for _, m := range attr.FindAllStringSubmatch(string(b), -1) {
			for _, class := range regexp.MustCompile(`[a-z][a-z-]*`).FindAllString(regexp.MustCompile(`\{\{[^}]*\}\}`).ReplaceAllString(m[1], " "), -1) {
				used[class] = true
				if !known[class] {
					t.Errorf("%s.html: class %q has no rule", name, class)
				}
			}
		}
	}
	for class := range classesOf("email/mail.css") {
		if !used[class] && class != "has-dark" {
			t.Errorf("mail.css: nothing has the class %q", class)
		}
	}
}

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

// lint names what in a style sheet the inliner would get wrong, one sentence
// each; none is right. The style sheet is the one that goes into the elements,
// with its tokens resolved (see the package comment), not screen.css.
func lint(css string) []string {
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
