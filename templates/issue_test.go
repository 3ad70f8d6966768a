package templates

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

func TestRenderIssueGolden(t *testing.T) {
	for name, v := range sampleIssues() {
		e, err := RenderIssue(v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		golden(t, "issue-"+name+".html", e.HTML)
		golden(t, "issue-"+name+".txt", "Subject: "+e.Subject+"\n\n"+e.Text)
	}
}

// Quoted twice in an answer a line still stands within 80 columns.
func TestTextPartIsNarrow(t *testing.T) {
	for name, v := range sampleIssues() {
		e, err := RenderIssue(v)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(e.Text, "\n") {
			if displayWidth(line) > 72 && len(strings.Fields(line)) > 1 {
				t.Errorf("%s: a line of %d columns: %q", name, displayWidth(line), line)
			}
		}
	}
}

// Where we have no words in a newsletter's language, our English stands in it left to
// right: a full stop ends its sentence, and author, source and time stay in order.
func TestOurWordsKeepTheirDirection(t *testing.T) {
	e, err := RenderIssue(sampleArabic())
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"Monday, 23", "Trending Now", "The Harbour Courier · By", "Related News", "Opinion:", "You get this mail", "Trending Now ranks"} {
		if !regexp.MustCompile(`<[a-z0-9]+[^>]* lang="en" dir="ltr"[^>]*>` + said).MatchString(e.HTML) {
			t.Errorf("HTML: %q is not marked as English, left to right", said)
		}
	}
	for line := range strings.SplitSeq(e.Text, "\n") {
		if strings.HasPrefix(line, string(rlm)) && strings.HasSuffix(line, "Courier.") {
			t.Errorf("text: %q begins on the right", line)
		}
	}
	if !strings.Contains(e.HTML, `<html lang="ar" dir="rtl">`) {
		t.Error("the mail itself is not Arabic, right to left")
	}
}

// Promise: Trending Now stands over a section only when fresh view counts chose
// it; else no section is called so, and nothing carries a rank.
func TestByDateClaimsNoTrend(t *testing.T) {
	v := sampleByDate()
	for _, lang := range Languages() {
		v.Language, v.Direction = lang, ""
		e, err := RenderIssue(v)
		if err != nil {
			t.Fatal(err)
		}
		w := Words(lang)
		for part, s := range map[string]string{"HTML": e.HTML, "text": e.Text} {
			if strings.Contains(s, "Trending Now") || strings.Contains(s, w.Sections["trending"]) {
				t.Errorf("%s: the %s speaks of trends", lang, part)
			}
			if !strings.Contains(strings.Join(strings.Fields(s), " "), w.Say("mail.bydate")) || !strings.Contains(s, w.Sections["bydate"]) {
				t.Errorf("%s: the %s does not say that the order is by date", lang, part)
			}
		}
		if strings.Contains(e.Text, "\n1  ") || strings.Contains(e.HTML, `>1</td>`) {
			t.Errorf("%s: a story carries a rank", lang)
		}
	}
}

// Promise: a label travels with its story into HTML, text and subject, and so
// does the mark of a machine's summary.
func TestLabelsTravel(t *testing.T) {
	for label, word := range map[string]string{"opinion": "Opinion", "satire": "Satire", "paid": "Paid content", "live": "Live", "sponsored": "sponsored"} {
		v := sampleEnglish()
		v.Sections[0].Stories[1].Label, v.Subject = label, v.Sections[0].Stories[1].Title
		e, err := RenderIssue(v)
		if err != nil {
			t.Fatal(err)
		}
		if want := word + ": " + v.Subject; e.Subject != want || !strings.Contains(strings.Join(strings.Fields(e.Text), " "), "2 "+want) {
			t.Errorf("%s: subject %q", label, e.Subject)
		}
		if !strings.Contains(e.HTML, ">"+word+":</span>") {
			t.Errorf("%s: the HTML part has no label", label)
		}
	}
	v := sampleEnglish()
	v.Sections[0].Stories[2].Title = strings.Repeat("A very long opinion ", 12)
	v.Subject = v.Sections[0].Stories[2].Title[:100] + "…"
	if e, err := RenderIssue(v); err != nil || !strings.HasPrefix(e.Subject, "Opinion: ") {
		t.Errorf("a shortened headline loses its label: %q, %v", e.Subject, err)
	}
	e, err := RenderIssue(sampleEnglish())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(e.HTML, "Summary written by AI") != 1 || strings.Count(e.Text, "Summary written by AI") != 1 {
		t.Error("the mark of a machine's summary does not stand once in each part")
	}
}

func TestSubjectIsIsolatedWhereMixed(t *testing.T) {
	e, err := RenderIssue(sampleUrdu())
	if err != nil {
		t.Fatal(err)
	}
	if want := "\u2068OPEC\u2069 کے ماہرین کا اجلاس ساحلی شہر میں شروع"; e.Subject != want {
		t.Errorf("got %q, want %q", e.Subject, want)
	}
	if !strings.Contains(e.Preheader, "\u2068Marisol\u2069") {
		t.Errorf("preheader %q", e.Preheader)
	}
}

func TestRenderIssueIsDeterministic(t *testing.T) {
	first, err := RenderIssue(sampleUrdu())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if again, err := RenderIssue(sampleUrdu()); err != nil || !reflect.DeepEqual(again, first) {
			t.Fatal("equal views give different mails")
		}
	}
}

// Joiners inside Urdu words reach both parts as they are.
func TestJoinersSurvive(t *testing.T) {
	v := sampleUrdu()
	v.Sections[0].Stories[0].Title = "کتاب\u200cخانہ اور نماز\u200d"
	e, err := RenderIssue(v)
	if err != nil {
		t.Fatal(err)
	}
	for part, s := range map[string]string{"HTML": e.HTML, "text": e.Text} {
		if !strings.Contains(s, "کتاب\u200cخانہ اور نماز\u200d") {
			t.Errorf("the %s lost a joiner", part)
		}
	}
}

// One heading and one link per story, headings in order, pictures with an alt.
func TestIssueStructure(t *testing.T) {
	for name, v := range sampleIssues() {
		e, err := RenderIssue(v)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(strings.NewReader(e.HTML))
		if err != nil {
			t.Fatal(err)
		}
		stories, links := 0, map[string]int{}
		for _, s := range v.Sections {
			stories += len(s.Stories)
		}
		headings := len(v.Sections)
		if len(v.Corrections) > 0 {
			headings++
		}
		said, count := "", map[string]int{}
		for n := range doc.Descendants() {
			count[n.Data]++
			switch {
			case n.Type == html.TextNode:
				said += n.Data
			case n.Data == "a":
				links[attrOf(n, "href")]++
			case n.Data == "img" && !strings.Contains(e.HTML, `alt="`):
				t.Errorf("%s: a picture has no alt", name)
			case n.Data == "table" && attrOf(n, "role") != "presentation":
				t.Errorf("%s: a layout table is not marked as one", name)
			}
		}
		if count["h1"] != 1 || count["h2"] != headings || count["h3"] != stories {
			t.Errorf("%s: %d h1, %d h2, %d h3; want 1, %d, %d", name, count["h1"], count["h2"], count["h3"], headings, stories)
		}
		text := strings.Map(func(r rune) rune { // a line, without what sets its direction
			if unicode.Is(unicode.Cf, r) {
				return -1
			}
			return r
		}, strings.Join(strings.Fields(e.Text), " "))
		for _, c := range v.Corrections {
			for _, s := range c.Text {
				if !strings.Contains(said, s) || !strings.Contains(text, s) {
					t.Errorf("%s does not say %q", name, s)
				}
			}
			if c.URL != "" && (links[c.URL] != 1 || strings.Count(e.Text, "\n   "+c.URL+"\n") != 1) {
				t.Errorf("%s: %s is linked %d times", name, c.URL, links[c.URL])
			}
		}
		for _, s := range v.Sections {
			for _, st := range s.Stories {
				if links[st.URL] != 1 || strings.Count(e.Text, "\n   "+st.URL+"\n") != 1 {
					t.Errorf("%s: %s is linked %d times", name, st.URL, links[st.URL])
				}
			}
		}
	}
}
