package templates

import (
	"bytes"
	"fmt"
	"html/template"
	"regexp"
	"strings"

	"github.com/vanng822/go-premailer/premailer"
)

// styles are the two style sheets of a mail with the tokens' values in them.
type styles struct {
	Inline template.CSS // go-premailer writes it into the elements
	Screen template.CSS // stays in the head: narrow screens, dark scheme
}

func mailStyles(accent string) (styles, error) {
	light, dark := lightTokens.branded(accent), darkTokens.branded(accent)
	var s styles
	for name, into := range map[string]*template.CSS{"email/mail.css": &s.Inline, "email/screen.css": &s.Screen} {
		b, err := mailFiles.ReadFile(name)
		if err != nil {
			return s, err
		}
		css, err := resolve(string(b), light, dark)
		if err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
		*into = template.CSS(css)
	}
	return s, nil
}

// inline writes the style sheet of an executed template into its elements. CSS
// becomes no attributes: go-premailer would overwrite the width of pictures.
func inline(page []byte) (string, error) {
	p, err := premailer.NewPremailerFromBytes(page, premailer.NewOptions(premailer.WithCssToAttributes(false)))
	if err != nil {
		return "", fmt.Errorf("inline the style sheet: %w", err)
	}
	out, err := p.Transform()
	if err != nil {
		return "", fmt.Errorf("inline the style sheet: %w", err)
	}
	return tidy(out), nil
}

var (
	indent     = regexp.MustCompile(`\n[ \t]+`)
	blankLines = regexp.MustCompile(`\n{2,}`)
	// spent are the classes that neither a media rule nor anybody else needs
	// once the style sheet is in the elements.
	classAttr = regexp.MustCompile(` class="([^"]*)"`)
)

// tidy drops indentation and the classes that screen.css does not use.
func tidy(page string) string {
	page = blankLines.ReplaceAllString(indent.ReplaceAllString(page, "\n"), "\n")
	return classAttr.ReplaceAllStringFunc(page, func(attr string) string {
		var kept []string
		for _, class := range strings.Fields(classAttr.FindStringSubmatch(attr)[1]) {
			if screenClasses[class] {
				kept = append(kept, class)
			}
		}
		if kept == nil {
			return ""
		}
		return ` class="` + strings.Join(kept, " ") + `"`
	})
}

var screenClasses = classesOf("email/screen.css")

var className = regexp.MustCompile(`\.([a-z][a-z-]*)`)

func classesOf(file string) map[string]bool {
	b, err := mailFiles.ReadFile(file)
	if err != nil {
		panic(err) // the file is part of the program
	}
	classes := map[string]bool{}
	for _, m := range className.FindAllStringSubmatch(comment.ReplaceAllString(string(b), ""), -1) {
		classes[m[1]] = true
	}
	return classes
}

// outlook are the conditional comments for Outlook's Word engine. html/template
// drops comments from templates, so they are put in as values.
var outlook = map[string]template.HTML{
	"head":  `<!--[if mso]><noscript><xml><o:OfficeDocumentSettings xmlns:o="urn:schemas-microsoft-com:office:office"><o:AllowPNG/><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml></noscript><![endif]-->`,
	"open":  `<!--[if mso]><table role="presentation" width="600" align="center" border="0" cellpadding="0" cellspacing="0"><tr><td><![endif]-->`,
	"close": `<!--[if mso]></td></tr></table><![endif]-->`,
}

func renderHTML(name string, view any) (string, error) {
	var b bytes.Buffer
	if err := mailHTML.ExecuteTemplate(&b, name, view); err != nil {
		return "", err
	}
	return inline(b.Bytes())
}

func renderText(name string, view any) (string, error) {
	var b strings.Builder
	if err := mailText.ExecuteTemplate(&b, name, view); err != nil {
		return "", err
	}
	return tidyText(b.String()), nil
}

var manyBlank = regexp.MustCompile(`\n{3,}`)

// tidyText leaves at most one blank line in a row and one line end at the end.
func tidyText(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Trim(manyBlank.ReplaceAllString(strings.Join(lines, "\n"), "\n\n"), "\n") + "\n"
}
