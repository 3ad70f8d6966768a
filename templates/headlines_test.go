package templates

import (
	"strings"
	"testing"
)

// TestHeadlinesTellCorrections: a correction stands before the headlines, in the
// edition's own language and direction, also where our words are in another.
func TestHeadlinesTellCorrections(t *testing.T) {
	v := sampleArabic()
	html, text, line, err := Headlines(v.Language, v.Sections[0].Stories, v.Corrections)
	if err != nil {
		t.Fatal(err)
	}
	wrong := v.Corrections[0].Text[0]
	if !strings.HasPrefix(html, `<p lang="ar" dir="rtl"><strong>Correction, 22 November 2026</strong><br>`+wrong+"</p>\n<ul lang=\"en\" dir=\"ltr\">") {
		t.Errorf("as HTML: %s", html)
	}
	if !strings.HasPrefix(text, "Correction, 22 November 2026\n"+wrong+"\n\n"+v.Sections[0].Stories[0].Title) {
		t.Errorf("as text: %s", text)
	}
	if strings.Contains(line, wrong) {
		t.Errorf("the line of other headlines is %q", line)
	}
}
