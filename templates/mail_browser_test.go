package templates

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
)

// What a screen reader says of the HTML part, in its order, is what stands in the
// text part: addresses, rules and the direction marks of plain text apart.
func TestBrowserHearsWhatTheTextPartSays(t *testing.T) {
	ctx := tab(t, 700, "light")
	for name, v := range sampleIssues() {
		e, err := RenderIssue(v)
		if err != nil {
			t.Fatal(err)
		}
		show(t, ctx, e.HTML)
		got, want := spoken(t, ctx), words(e.Text, v)
		if got != want {
			t.Errorf("%s: the accessibility tree and the text part differ\n%s", name, difference(got, want))
		}
	}
}

// spoken reads the accessibility tree of the tab in order, words only.
func spoken(t *testing.T, ctx context.Context) string {
	t.Helper()
	nodes := call(t, ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
	byID := map[accessibility.NodeID]*accessibility.Node{}
	for _, n := range nodes {
		byID[n.NodeID] = n
	}
	var parts []string
	var read func(n *accessibility.Node)
	read = func(n *accessibility.Node) {
		switch role := axString(n.Role); {
		case role == "StaticText", role == "image" && !n.Ignored:
			parts = append(parts, axString(n.Name))
			return
		case role == "InlineTextBox":
			return
		}
		for _, id := range n.ChildIDs {
			if child := byID[id]; child != nil {
				read(child)
			}
		}
	}
	read(nodes[0])
	return plain(strings.Join(parts, " "))
}

func axString(v *accessibility.Value) string {
	var s string
	if v == nil || json.Unmarshal(v.Value, &s) != nil {
		return ""
	}
	return s
}

var (
	addresses = regexp.MustCompile(`(?m)^\s*(https?://\S+|prslot0[a-z]+0tolsrp)$`)
	rules     = regexp.MustCompile(`(?m)^[-=]{3,}$`)
	bullets   = regexp.MustCompile(`(?m)^\s+- `)
)

// words are the words of a text part. Pictures are told in HTML alone, so their
// words are put in where they stand: before their story.
func words(text string, v Issue) string {
	text = bullets.ReplaceAllString(rules.ReplaceAllString(addresses.ReplaceAllString(text, ""), ""), "")
	out := plain(text)
	for _, s := range v.Sections {
		for _, st := range s.Stories {
			if st.Image == "" || st.ImageAlt == "" {
				continue
			}
			head := plain(st.Title)
			if st.Rank > 0 && !v.ByDate {
				head = fmt.Sprint(st.Rank) + " " + head
			}
			out = strings.Replace(out, head, plain(st.ImageAlt)+" "+head, 1)
		}
	}
	return out
}

// plain leaves out direction marks, differences of white space and case: small
// capitals are a matter of style, and Chromium reads them as it shows them.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == fsi || r == pdi || r == rlm {
			return -1
		}
		return r
	}, s)
	s = strings.ToLower(strings.Join(strings.Fields(s), " "))
	// A name that is isolated is a text of its own to the browser.
	for _, mark := range []string{".", ",", "،", "؟", "۔", ")", "»", ":"} {
		s = strings.ReplaceAll(s, " "+mark, mark)
	}
	return strings.NewReplacer("« ", "«", "( ", "(").Replace(s)
}

func difference(got, want string) string {
	a, b := strings.Fields(got), strings.Fields(want)
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("heard:   … %s …\nwritten: … %s …", strings.Join(a[max(0, i-6):min(len(a), i+8)], " "), strings.Join(b[max(0, i-6):min(len(b), i+8)], " "))
		}
	}
	return fmt.Sprintf("heard %d words, written %d", len(a), len(b))
}

// Inlining changes no computed style: in a wide window, in a narrow dark one, and
// where all style elements are stripped, as some mail programs do (there it is
// compared with the original without what screen.css does).
func TestBrowserComputesTheSameStylesInlined(t *testing.T) {
	style := regexp.MustCompile(`(?s)<style.*?</style>`)
	screen := regexp.MustCompile(`(?s)<style data-premailer="ignore">.*?</style>`)
	for _, look := range []struct {
		name, scheme      string
		width             int
		original, inlined *regexp.Regexp // style elements to take out
	}{
		{"wide", "light", 900, nil, nil},
		{"narrow and dark", "dark", 400, nil, nil},
		{"stripped", "light", 900, screen, style},
	} {
		ctx := tab(t, look.width, look.scheme)
		for name, m := range sampleMails(t) {
			show(t, ctx, without(look.original, m.original))
			want := evaluate[[]map[string]string](t, ctx, computed)
			show(t, ctx, without(look.inlined, m.inlined))
			got := evaluate[[]map[string]string](t, ctx, computed)
			if len(got) != len(want) || len(got) < 10 {
				t.Errorf("%s %s: %d elements, were %d", name, look.name, len(got), len(want))
				continue
			}
			for i := range got {
				if !maps.Equal(got[i], want[i]) {
					t.Errorf("%s %s: element %d %s", name, look.name, i, changed(got[i], want[i]))
				}
			}
		}
	}
}

func without(style *regexp.Regexp, html string) string {
	if style == nil {
		return html
	}
	return style.ReplaceAllString(html, "")
}

// mail is a rendered mail before and after inlining.
type mail struct{ original, inlined string }

func sampleMails(t *testing.T) map[string]mail {
	t.Helper()
	all := map[string]mail{}
	for name, v := range sampleIssues() {
		view, err := newIssueView(v)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = render(t, "issue.html", view)
	}
	for kind, lang := range map[string]string{LetterConfirmation: "ur", LetterApproval: "en", LetterTest: "en", LetterMove: "ru", LetterMoved: "en"} {
		view, err := newLetterView(kind, lang, sampleLetters()[kind])
		if err != nil {
			t.Fatal(err)
		}
		all[kind] = render(t, "letter.html", view)
	}
	return all
}

func render(t *testing.T, file string, view any) mail {
	t.Helper()
	var b strings.Builder
	if err := mailHTML.ExecuteTemplate(&b, file, view); err != nil {
		t.Fatal(err)
	}
	inlined, err := renderHTML(file, view)
	if err != nil {
		t.Fatal(err)
	}
	return mail{b.String(), inlined}
}

// computed is the computed style of every element of the body.
const computed = `[...document.body.querySelectorAll('*'), document.body].map((e) => {
  const s = getComputedStyle(e), out = {tag: e.tagName};
  for (const p of ['display','color','background-color','font-family','font-size','font-weight','line-height','letter-spacing','text-transform','text-align','text-decoration-line',
    'margin-top','margin-bottom','padding-top','padding-bottom','padding-left','padding-right','border-top-width','border-top-style','border-top-color','width','height','max-width','vertical-align','opacity','direction','border-radius'])
    out[p] = s.getPropertyValue(p);
  return out;
})`

func changed(got, want map[string]string) string {
	var out []string
	for p := range want {
		if got[p] != want[p] {
			out = append(out, fmt.Sprintf("%s %s: %q, was %q", want["tag"], p, got[p], want[p]))
		}
	}
	return strings.Join(out, "; ")
}

// No mail is wider than the narrowest phone, whatever words stand in it, all text
// in it can be read, in both schemes, a thumb hits each link, and no masked address is cut.
func TestBrowserReadsMails(t *testing.T) {
	mails := sampleMails(t)
	view, err := newIssueView(unbreakable())
	if err != nil {
		t.Fatal(err)
	}
	mails["long words"] = render(t, "issue.html", view)
	for _, scheme := range []string{"light", "dark"} {
		ctx := tab(t, 320, scheme)
		for name, m := range mails {
			show(t, ctx, m.inlined)
			if wide := evaluate[int](t, ctx, "document.documentElement.scrollWidth"); wide > 320 {
				t.Errorf("%s is %d pixels wide on a phone of 320", name, wide)
			}
			for _, test := range []string{faintText, lowLinks, cutAddresses} {
				for _, problem := range evaluate[[]string](t, ctx, test) {
					t.Errorf("%s %s: %s", name, scheme, problem)
				}
			}
		}
	}
}

// lowLinks finds links that stand alone and are lower than a thumb needs.
const lowLinks = `[...document.querySelectorAll('a')].filter((a) => getComputedStyle(a).display === 'block' && a.getBoundingClientRect().height < 44).map((a) => a.textContent.trim().slice(0, 40) + ' ' + a.getBoundingClientRect().height)`

// cutAddresses finds masked addresses that stand on two lines.
const cutAddresses = `[...document.querySelectorAll('p')].filter((p) => /…\S+@/.test(p.textContent)).filter((p) => {
  const all = document.createTreeWalker(p, NodeFilter.SHOW_TEXT), r = document.createRange(), lines = new Set();
  const from = p.textContent.search(/\S…\S+@/), to = p.textContent.indexOf('@', from);
  for (let at = 0, n; n = all.nextNode(); at += n.data.length)
    for (let i = Math.max(from - at, 0); i < Math.min(to - at, n.data.length); i++) { r.setStart(n, i); r.setEnd(n, i + 1); lines.add(Math.round(r.getBoundingClientRect().bottom)); }
  return lines.size > 1;
}).map((p) => 'an address is cut in ' + p.textContent)`

// unbreakable is an issue with an address and words longer than a phone is wide
// wherever somebody else writes.
func unbreakable() Issue {
	v := sampleEnglish()
	word := strings.Repeat("Donaudampfschifffahrt", 6)
	address := "https://courier.example/" + strings.Repeat("x", 150)
	v.Newsletter, v.City, v.Brand.Name, v.Brand.Postal = word, word, word, word
	for i := range v.Sections[0].Stories {
		st := &v.Sections[0].Stories[i]
		st.Title, st.Summary, st.Author = word, []string{"See " + address + " for more.", word}, word
		st.Related = []Link{{Title: address, URL: address}}
	}
	return v
}
