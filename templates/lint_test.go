package templates

import (
	"regexp"
	"strings"
	"testing"
)

func TestMailCSSIsWhatTheInlinerUnderstands(t *testing.T) {
	s, err := mailStyles("#8a2f1d")
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range Lint(string(s.Inline)) {
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
		if len(Lint(css)) == 0 {
			t.Errorf("nothing is found in %q", css)
		}
	}
	if found := Lint(".a.b { color: red; border-color: #fff }\n.c > p { margin: 0 }"); found != nil {
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
	used := map[string]bool{"latin": true, "nastaliq": true, "naskh": true, "high": true}
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
