package archive

import (
	"strings"
	"testing"

	"pressrun/templates"
)

// What everybody sees has nobody's own links, and no words of a link that leads
// nowhere.
func TestEmpty(t *testing.T) {
	e, err := templates.RenderIssue(templates.Issue{
		Brand: templates.Brand{Name: "The Courier"}, Newsletter: "Morning", Language: "en", ArchiveURL: "https://digest.example/archive/morning/1",
		Sections: []templates.Section{{Kind: "latest", Stories: []templates.Story{{ID: 1, Title: "A ferry returns", URL: "https://news.example/ferry", Language: "en"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	words := templates.Words("en")
	sealed := strings.Replace(e.HTML, "</body>", `<p>For `+templates.Slot("name")+` <a class="x" href="https://digest.example/`+templates.Slot("preferences")+`">here</a><img src="`+templates.Slot("name")+`"></p></body>`, 1)
	got := Empty(sealed)
	for _, never := range []string{"prslot", words.Say("mail.unsubscribe"), words.Say("mail.preferences"), ">here<", "<a>"} {
		if strings.Contains(got, never) {
			t.Errorf("the archive shows %q", never)
		}
	}
	for _, want := range []string{`href="https://news.example/ferry"`, words.Say("mail.browser"), "<p>For  <img></p>", `<base target="_top"></head>`} {
		if !strings.Contains(got, want) {
			t.Errorf("the archive lacks %q", want)
		}
	}
	if opened, closed := strings.Count(got, "<p"), strings.Count(got, "</p>"); opened != closed {
		t.Errorf("%d paragraphs begin and %d end", opened, closed)
	}
}
