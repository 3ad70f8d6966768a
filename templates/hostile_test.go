package templates

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// hostile is an issue in which everything an outsider controls means harm.
func hostile(s, url string) Issue {
	st := Story{
		Title: s, URL: url, Summary: []string{s, s}, Language: s, Direction: s, Source: s, Author: s, Published: at(23, 5, 0), Image: url, ImageAlt: s,
		Section: s, Label: s, Rank: 1, Lead: true, AI: true, Related: []Link{{Title: s, URL: url, Language: s, Direction: s, Source: s}},
	}
	return Issue{
		Brand: Brand{Name: s, URL: url, Accent: s, Logo: url, LogoDark: url, Postal: s}, Newsletter: s, Language: "en", City: s, Date: at(23, 7, 0),
		Subject: s, Preheader: s, Sections: []Section{{Kind: "trending", Stories: []Story{st}}}, ArchiveURL: url,
	}
}

var attacks = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</title></style><script>alert(1)</script>`, `{{.Brand}} {{template "x"}}`,
	"\u202egnp.exe\u202c \u2066x", "a\r\nBcc: victim@example.org\r\n\r\nbody", "\x00\x1b[31m\xff\xfe", strings.Repeat("A", 10_000), strings.Repeat("long word ", 2000),
	Slot(SlotUnsubscribe) + Slot("to"), "prslot0\u200bunsubscribe0tolsrp", "prsprslot0lot0unsubscribe0tolsrp", "prslot00unsubscribe0tolsrp",
	"a" + strings.Repeat("\u0301\u200b", 20), "prslo\u202et0unsubscribe0tolsrp", strings.Repeat("\u0301", 5000), "<!--[if mso]><b>--><![endif]-->", "*/ body{display:none} /*", `'";--><svg/onload=alert(1)>`,
}

var badURLs = []string{
	"javascript:alert(1)", " JaVaScRiPt:alert(1)", "data:text/html,<script>alert(1)</script>", "//evil.example/", "/relative", "https://evil.example/?t=" + Slot(SlotUnsubscribe),
	"https://user:password@evil.example/", "http://", "https://a.example/\r\nX: y", "https://a.example/" + strings.Repeat("x", 3000), "mailto:a@b.example", "https://[::1", "prslot0to0tolsrp",
}

func TestHostileViewsInMail(t *testing.T) {
	for i, s := range attacks {
		e, err := RenderIssue(hostile(s, "https://courier.example/story?a=1&b=2"))
		if err != nil {
			t.Errorf("attack %d: %v", i, err)
			continue
		}
		harmless(t, fmt.Sprintf("attack %d", i), e)
	}
	for _, u := range badURLs {
		e, err := RenderIssue(hostile("A title", u))
		if err != nil {
			t.Errorf("%q: %v", u, err)
			continue
		}
		harmless(t, u, e)
		if strings.Contains(e.HTML, "evil.example") || strings.Contains(e.Text, "evil.example") {
			t.Errorf("%q came through", u)
		}
	}
}

func TestHostileViewsOnPages(t *testing.T) {
	for i, s := range attacks {
		f := Frame{Brand: hostile(s, s).Brand, Alternates: []Alternate{{Language: s, URL: s, Title: s}}}
		for name, view := range map[string]any{
			PageSubscribe: SubscribePage{Frame: f, Action: "/subscribe", Email: s, Name: s, Problem: "email", Suggestion: s, Lists: []ListChoice{{s, s, s, true, false}}},
			PageConfirm:   ConfirmPage{Frame: f, Action: "/confirm", Newsletter: s, Email: s},
			PageArchives:  ArchivesPage{Frame: f, Newsletters: []ArchiveNewsletter{{URL: "javascript:alert(1)", Title: s, Description: s, Language: s, Direction: s, Latest: ArchiveEntry{URL: "javascript:alert(1)", Subject: s, Language: s, Direction: s}}}},
			PageArchive:   ArchivePage{Frame: f, Newsletter: s, Action: "javascript:alert(1)", Query: s, Edition: s, Index: "javascript:alert(1)", Issues: []ArchiveEntry{{URL: "javascript:alert(1)", Subject: s, Language: s, Direction: s}}},
			PageError:     ErrorPage{Frame: f, Kind: s},
		} {
			tree(t, fmt.Sprintf("%s, attack %d", name, i), writePage(t, name, "en", view))
		}
		desk := sampleDesk()[DeskIssue]
		body := desk.Body.(IssueBody)
		body.Stories = []DeskStory{{Title: s, Language: s, Direction: s, URL: "javascript:alert(1)", Summary: s, Source: s, Reason: s, Label: s, Action: "/x"}}
		desk.Body = body
		page := writeDesk(t, DeskIssue, desk)
		page = regexp.MustCompile(`<script src="/static/[a-z0-9.-]+\?v=[0-9a-f]+" defer></script>`).ReplaceAllString(page, "")
		tree(t, fmt.Sprintf("desk, attack %d", i), page)
	}
}

// harmless states what holds for every rendered mail, whatever is in its view.
func harmless(t *testing.T, name string, e Email) {
	t.Helper()
	tree(t, name, e.HTML)
	for part, s := range map[string]string{"HTML": e.HTML, "text": e.Text, "subject": e.Subject, "preheader": e.Preheader} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\u202a\u202b\u202d\u202e\x00\x1b") {
			t.Errorf("%s: the %s holds characters that reorder or control", name, part)
		}
	}
	if strings.ContainsAny(e.Subject+e.Preheader, "\r\n") {
		t.Errorf("%s: a line end in subject or preheader", name)
	}
	if n := utf8.RuneCountInString(e.Subject); n > maxSubject+20 {
		t.Errorf("%s: the subject has %d characters", name, n)
	}
	for _, slot := range []string{SlotUnsubscribe, SlotPreferences} {
		if h, x := strings.Count(e.HTML, Slot(slot)), strings.Count(e.Text, Slot(slot)); h != 1 || x != 1 {
			t.Errorf("%s: slot %s stands %d times in HTML and %d times in text, want 1 and 1", name, slot, h, x)
		}
	}
	if got := strings.Count(e.HTML+e.Text+e.Subject+e.Preheader, slotHead); got != 4 {
		t.Errorf("%s: %d slot markers, want 4", name, got)
	}
	for line := range strings.SplitSeq(e.Text, "\n") {
		long := slices.ContainsFunc(strings.Fields(line), func(word string) bool { return displayWidth(word) > textColumns-8 })
		if displayWidth(line) > textColumns && !long {
			t.Errorf("%s: a line of %d columns: %q", name, displayWidth(line), line)
		}
	}
}

// tree parses a page and refuses whatever could run or lead astray.
func tree(t *testing.T, name, page string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script", "object", "embed", "base", "svg", "math":
			if n.Data != "svg" || !strings.Contains(attrOf(n, "class"), "spark") {
				t.Errorf("%s: an element <%s>", name, n.Data)
			}
		}
		for _, a := range n.Attr {
			v := strings.ToLower(strings.TrimSpace(a.Val))
			if strings.HasPrefix(a.Key, "on") || strings.Contains(v, "javascript:") && (a.Key == "href" || a.Key == "src" || a.Key == "action") {
				t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
			}
		}
	}
}

func attrOf(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func TestRenderIssueRefusesWhatReadersWouldNotSeeWhole(t *testing.T) {
	v := sampleEnglish()
	for range 60 {
		v.Sections[1].Stories = append(v.Sections[1].Stories, sampleEnglish().Sections[1].Stories...)
	}
	if _, err := RenderIssue(v); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if _, err := RenderIssue(Issue{Newsletter: "Empty"}); err == nil {
		t.Error("an issue without stories was rendered")
	}
}

// Twenty stories with long summaries stay well below what mail programs show.
func TestRenderIssueTwentyStoriesFit(t *testing.T) {
	for name, v := range map[string]Issue{"en": sampleEnglish(), "ur": sampleUrdu()} {
		all := append(v.Sections[0].Stories, v.Sections[1].Stories...)
		var twenty []Story
		for i := range 20 {
			st := all[i%len(all)]
			st.Summary = append(st.Summary, strings.Repeat(st.Title+" ", 3))
			st.Related = []Link{{Title: st.Title, URL: st.URL + "&related=1"}, {Title: st.Title, URL: st.URL + "&related=2"}}
			twenty = append(twenty, st)
		}
		v.Sections = []Section{{Kind: "trending", Stories: twenty}}
		e, err := RenderIssue(v)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes of HTML, %d of text", name, len(e.HTML), len(e.Text))
		if len(e.HTML) > 90_000 {
			t.Errorf("%s: %d bytes of HTML for 20 stories, want at most 90,000", name, len(e.HTML))
		}
	}
}

func FuzzRenderIssue(f *testing.F) {
	for _, s := range attacks {
		f.Add(s, "https://courier.example/")
	}
	for _, u := range badURLs {
		f.Add("A title", u)
	}
	f.Fuzz(func(t *testing.T, s, url string) {
		e, err := RenderIssue(hostile(s, url))
		if err != nil {
			if errors.Is(err, ErrTooLarge) {
				return
			}
			t.Fatal(err)
		}
		harmless(t, "fuzzed", e)
	})
}

// A cleaned string is one line, well-formed, holds no marker, and cleaning it
// again changes nothing.
func FuzzClean(f *testing.F) {
	for _, s := range attacks {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		if again := clean(got); again != got {
			t.Errorf("%+q becomes %+q when cleaned again", got, again)
		}
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\u2028\u2029\u202e") || strings.Contains(got, slotHead) {
			t.Errorf("%+q came out of %+q", got, s)
		}
	})
}
