package templates

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// faintText finds text with less contrast than WCAG 2.2, 1.4.3 asks: 4.5:1, and
// 3:1 from 24 pixels on (18.66 when bold).
const faintText = `(() => {
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return {rgb: m.slice(0, 3), a: m.length > 3 ? m[3] : 1}; };
  const lum = (rgb) => { const [r, g, b] = rgb.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a === 1) return c.rgb; } return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255]; };
  const out = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walker.nextNode(); n; n = walker.nextNode()) {
    const e = n.parentElement, s = getComputedStyle(e);
    if (!n.data.trim() || !e.checkVisibility({opacityProperty: true, visibilityProperty: true}) || e.closest('[aria-hidden=true], .unseen, script, style, option')) continue;
    const a = lum(parse(s.color).rgb), b = lum(ground(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && s.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) out.push(ratio.toFixed(2) + ':1 ' + n.data.trim().slice(0, 40));
  }
  return out;
})()`

// smallTargets finds what is pressed with a thumb and is lower than 44 pixels;
// links beside other words are exempt (WCAG 2.2, 2.5.8), those that stand alone not.
const smallTargets = `[...document.querySelectorAll('button, input:not([type=hidden]):not([tabindex="-1"]), select, label.choice, .pager a, .languages a, a.primary, p > a, .brand')].filter((e) => e.localName !== 'a' || !e.closest('p') || e.closest('.way') || e.closest('p').textContent.trim() === e.textContent.trim()).filter((e) => e.checkVisibility() && !e.closest('label.choice > *') && e.getBoundingClientRect().height < 44).map((e) => e.tagName + ' ' + e.className + ' ' + e.textContent.trim().slice(0, 30) + ' ' + e.getBoundingClientRect().height)`

// unnamed finds fields without a label, and images without an alt.
const unnamed = `[...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter((e) => !e.labels.length).map((e) => e.outerHTML).concat([...document.querySelectorAll('img:not([alt]), iframe:not([title])')].map((e) => e.outerHTML))`

// otherHand finds Urdu in a face that is not Urdu's.
const otherHand = `[...document.querySelectorAll('.nastaliq')].filter((e) => e.checkVisibility() && !getComputedStyle(e).fontFamily.includes('Nastaliq')).map((e) => e.className + ' ' + e.textContent.trim().slice(0, 30))`

// The public pages, light on a phone of 360 and dark on a tablet of 768 pixels.
func TestBrowserReadsPages(t *testing.T) {
	site := newSite(t)
	for scheme, width := range map[string]int{"light": 360, "dark": 768} {
		ctx := tab(t, width, scheme)
		for _, lang := range Languages() {
			for name, view := range samplePages(lang) {
				if v, ok := view.(IssuePage); ok {
					v.FrameURL = "about:blank"
					view = v
				}
				site.show(t, ctx, writePage(t, name, lang, view))
				at := name + " " + lang + " " + scheme
				if wide := evaluate[int](t, ctx, "document.documentElement.scrollWidth"); wide > width {
					t.Errorf("%s is %d pixels wide in %d", at, wide, width)
				}
				for _, test := range []string{faintText, smallTargets, unnamed, otherHand} {
					for _, problem := range evaluate[[]string](t, ctx, test) {
						t.Errorf("%s at %d: %s", at, width, problem)
					}
				}
			}
		}
	}
}

// No word that somebody else writes makes a page wider than the narrowest phone.
func TestBrowserBreaksLongWordsOnPages(t *testing.T) {
	site, ctx := newSite(t), tab(t, 320, "light")
	word := strings.Repeat("Donaudampfschifffahrt", 5)
	f := Frame{Brand: Brand{Name: word, URL: "https://courier.example/", Postal: word}}
	lists := []ListChoice{{Value: "daily", Title: word, Description: word}}
	entry := ArchiveEntry{URL: "/1", Subject: word, Language: "de", Date: at(23, 7, 0)}
	for name, view := range map[string]any{
		PageSubscribe:   SubscribePage{Frame: f, Action: "/subscribe", Lists: lists},
		PagePreferences: PreferencesPage{Frame: f, Action: "/preferences/k1.abc", Email: word + "@example.com", Lists: lists},
		PageUnsubscribe: UnsubscribePage{Frame: f, Action: "/u/k1.abc", Newsletter: word, Email: word + "@example.com"},
		PageArchives:    ArchivesPage{Frame: f, Newsletters: []ArchiveNewsletter{{URL: "/x/", Title: word, Description: word, Latest: entry}}},
		PageArchive:     ArchivePage{Frame: f, Newsletter: word, Action: "/x/", Query: word, Issues: []ArchiveEntry{entry}},
		PageIssue:       IssuePage{Frame: f, Newsletter: word, Subject: word, FrameURL: "about:blank"},
	} {
		for _, lang := range []string{"en", "ur"} {
			site.show(t, ctx, writePage(t, name, lang, view))
			if wide := evaluate[int](t, ctx, "document.documentElement.scrollWidth"); wide > 320 {
				t.Errorf("%s %s is %d pixels wide on a phone of 320", name, lang, wide)
			}
		}
	}
}

// A masked address stands on one line, however wide the window.
func TestBrowserKeepsAMaskedAddressWhole(t *testing.T) {
	site := newSite(t)
	const lines = `(() => { const r = document.createRange(), n = document.querySelector('.lead').firstChild, i = n.data.indexOf('a…'); r.setStart(n, i); r.setEnd(n, n.data.indexOf('example', i)); return r.getClientRects().length; })()`
	for width := 300; width < 400; width += 20 {
		ctx := tab(t, width, "light")
		site.show(t, ctx, writePage(t, PageUnsubscribe, "en", UnsubscribePage{Action: "/u/k1.abc", Newsletter: "Morning Digest", Email: "a…a@reader.example"}))
		if got := evaluate[int](t, ctx, lines); got != 1 {
			t.Errorf("at %d pixels it stands on %d lines", width, got)
		}
	}
}

// The issue stands whole in its page, so that it scrolls and prints with it, in the
// mail's styles, not the page's; the frame is for browsers that cannot.
func TestBrowserShowsAnIssueInItsPage(t *testing.T) {
	e, err := RenderIssue(sampleUrdu())
	if err != nil {
		t.Fatal(err)
	}
	view := samplePages("ur")[PageIssue].(IssuePage)
	view.HTML, view.FrameURL = remote.ReplaceAllString(e.HTML, `src="`+pixel+`"`), "/frame"
	site, ctx := newSite(t), tab(t, 360, "dark")
	site.mails = true
	site.show(t, ctx, writePage(t, PageIssue, "ur", view))
	got := evaluate[map[string]any](t, ctx, `(() => {
  const sheet = document.querySelector('.sheet'), mail = sheet.shadowRoot, name = getComputedStyle(mail.querySelector('h1'));
  return {
    stories: mail.querySelectorAll('h3').length, whole: mail.querySelector('[role=article]').offsetHeight <= sheet.offsetHeight && sheet.offsetHeight > 3000,
    name: name.fontSize + ' ' + name.textAlign, ground: getComputedStyle(mail.querySelector('.bg-paper')).backgroundColor,
    wide: document.documentElement.scrollWidth, framed: sheet.querySelector('iframe').checkVisibility(), asked: performance.getEntriesByType('resource').some((r) => r.name.endsWith('/frame')),
  };
})()`)
	for key, want := range map[string]any{"stories": 12.0, "whole": true, "name": "33px center", "ground": "rgb(27, 26, 24)", "wide": 360.0, "framed": false, "asked": false} {
		if got[key] != want {
			t.Errorf("%s: %v, want %v", key, got[key], want)
		}
	}
}

// The desk, light on a screen of 1440 and dark on a tablet of 768 pixels.
func TestBrowserReadsTheDesk(t *testing.T) {
	site := newSite(t)
	for scheme, width := range map[string]int{"light": 1440, "dark": 768} {
		ctx := tab(t, width, scheme)
		for name, view := range sampleDesk() {
			if body, ok := view.Body.(IssueBody); ok {
				body.Preview.URL = "about:blank"
				view.Body = body
			}
			site.show(t, ctx, writeDesk(t, name, view))
			if wide := evaluate[int](t, ctx, "document.documentElement.scrollWidth"); wide > width {
				t.Errorf("%s is %d pixels wide in %d", name, wide, width)
			}
			for _, test := range []string{faintText, unnamed} {
				for _, problem := range evaluate[[]string](t, ctx, test) {
					t.Errorf("%s %s at %d: %s", name, scheme, width, problem)
				}
			}
		}
	}
}

// Words longer than a phone is wide break where they stand, and on a tablet all nouns
// have room in one row.
func TestBrowserDeskHasRoom(t *testing.T) {
	site := newSite(t)
	long := strings.Repeat("Donaudampfschifffahrtselektrizitätenhauptbetriebswerk", 3)
	views := sampleDesk()
	today, issue := views[DeskToday].Body.(TodayBody), views[DeskIssue].Body.(IssueBody)
	today.Waiting, today.Alarms = slices.Clone(today.Waiting), slices.Clone(today.Alarms)
	today.Waiting[0].Subject, today.Alarms[0].Subject, today.Alarms[0].Text = long, long, long
	issue.Stories, issue.Dropped = slices.Clone(issue.Stories), slices.Clone(issue.Dropped)
	issue.Stories[0].Title, issue.Stories[0].Reason, issue.Dropped[0].Title = long, long, long
	issue.Preview.URL = "about:blank"
	for name, body := range map[string]any{DeskToday: today, DeskIssue: issue} {
		view := views[name]
		view.Body = body
		for _, width := range []int{390, 768, 820, 1440} {
			ctx := tab(t, width, "light")
			site.show(t, ctx, writeDesk(t, name, view))
			evaluate[bool](t, ctx, "document.querySelectorAll('details').forEach((d) => { d.open = true; }), true")
			if wide := evaluate[string](t, ctx, "[...document.querySelectorAll('.card *, .story *')].filter((e) => e.offsetParent && e.getBoundingClientRect().right > e.closest('.card, .story').getBoundingClientRect().right).map((e) => e.outerHTML.slice(0, 80)).join()"); wide != "" {
				t.Errorf("%s at %d: beyond its card: %s", name, width, wide)
			}
			if got := evaluate[int](t, ctx, "new Set([...document.querySelectorAll('.nav li')].map((e) => e.getBoundingClientRect().top)).size"); width < 1000 && got != 1 {
				t.Errorf("%s at %d: the nouns stand in %d rows", name, width, got)
			}
		}
	}
}

// A name or an address of a hundred letters breaks in its column, and the table stays
// as wide as the page; who is signed in reads his address broken at its @. The rule
// beside the nouns is as long as the page, what sorts is 24 px high (WCAG 2.2, 2.5.8),
// and the phone on the wall is not wider than the wall.
func TestBrowserDeskTableKeepsItsPlace(t *testing.T) {
	site := newSite(t)
	view := sampleDesk()[DeskTable]
	body := view.Body.(TableBody)
	body.Table.Columns = slices.Clone(body.Table.Columns)
	body.Table.Columns[1].Wide = true
	body.Table.Rows = slices.Clone(body.Table.Rows)
	body.Table.Rows[0].Cells = slices.Clone(body.Table.Rows[0].Cells)
	body.Table.Rows[0].Cells[0].Text = strings.Repeat("longpart", 8) + "@reader.example"
	body.Table.Rows[0].Cells[1].Text = strings.Repeat("Wolfeschlegel", 8)
	view.Body = body
	view.User = "somebody@newsroom.courier.example"
	for _, width := range []int{1440, 1280, 1024, 768} {
		ctx := tab(t, width, "light")
		site.show(t, ctx, writeDesk(t, DeskTable, view))
		if over := evaluate[int](t, ctx, "(e => e.scrollWidth - e.clientWidth)(document.querySelector('.scroll'))"); over > 0 {
			t.Errorf("at %d the table is %d pixels wider than its place", width, over)
		}
		if low := evaluate[float64](t, ctx, "Math.min(...[...document.querySelectorAll('.table th a')].map(e => e.getBoundingClientRect().height))"); low < 24 {
			t.Errorf("at %d what sorts is %v pixels high", width, low)
		}
		if width < 1000 {
			continue
		}
		if got := evaluate[string](t, ctx, "(e => { const r = document.createRange(); r.setStart(e, 0); r.setEnd(e, e.data.length); return r.getClientRects().length + e.data; })(document.querySelector('.nav-user p').firstChild)"); got != "1somebody" {
			t.Errorf("at %d the address of the user begins with the lines %q, want one, up to its @", width, got)
		}
		if short := evaluate[float64](t, ctx, "document.documentElement.scrollHeight - (e => parseFloat(getComputedStyle(e).borderInlineStartWidth) ? e.getBoundingClientRect().bottom : 0)(document.querySelector('.content'))"); short > 1 {
			t.Errorf("at %d the rule beside the nouns ends %v pixels above the end of the page", width, short)
		}
	}
	issue := sampleDesk()[DeskIssue]
	desk := issue.Body.(IssueBody)
	desk.Preview.URL, desk.Preview.Width = "about:blank", "phone"
	issue.Body = desk
	ctx := tab(t, 320, "light")
	site.show(t, ctx, writeDesk(t, DeskIssue, issue))
	if over := evaluate[int](t, ctx, "(e => e.scrollWidth - e.clientWidth)(document.querySelector('.wall'))"); over > 0 {
		t.Errorf("the phone is %d pixels wider than its wall", over)
	}
}

// The dot of a state is seen where the system forces its colours; its place was left empty.
func TestBrowserDeskKeepsDotsInForcedColours(t *testing.T) {
	site := newSite(t)
	ctx := tab(t, 1280, "light")
	call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}})
	site.show(t, ctx, writeDesk(t, DeskTable, sampleDesk()[DeskTable]))
	if got := evaluate[string](t, ctx, "(e => getComputedStyle(e, '::before').backgroundColor === getComputedStyle(e.closest('td')).backgroundColor ? 'as its ground' : getComputedStyle(e, '::before').backgroundColor)(document.querySelector('.state.good'))"); got != evaluate[string](t, ctx, "getComputedStyle(document.querySelector('.state.good')).color") {
		t.Errorf("the dot is %s, want the colour of the text", got)
	}
}

// The keys of the desk: j and k walk, / searches, ? explains.
func TestBrowserDeskKeys(t *testing.T) {
	site := newSite(t)
	ctx := tab(t, 1440, "light")
	view := sampleDesk()[DeskIssue]
	body := view.Body.(IssueBody)
	body.Preview.URL = "about:blank"
	view.Body = body
	site.show(t, ctx, writeDesk(t, DeskIssue, view))
	press(t, ctx, "j", "j", "j", "k")
	if got := evaluate[string](t, ctx, "document.activeElement.querySelector('.story-position').textContent"); got != "2" {
		t.Errorf("after j j j k the story %s is in hand, want 2", got)
	}
	press(t, ctx, "e")
	if got := evaluate[string](t, ctx, "document.activeElement.name + document.activeElement.closest('details.edit').open"); got != "titletrue" {
		t.Errorf("e leads to %s, want the headline in the open editor of the story in hand", got)
	}
	press(t, ctx, "a", "b", kb.Escape)
	if got := evaluate[string](t, ctx, "document.activeElement.tagName + document.activeElement.parentElement.open + document.activeElement.parentElement.querySelector('[name=title]').value.includes('ab')"); got != "SUMMARYfalsetrue" {
		t.Errorf("after Escape %s, want the closed editor, which keeps what was written", got)
	}
	press(t, ctx, "?")
	if !evaluate[bool](t, ctx, "document.getElementById('help').open") {
		t.Error("? does not open the list of keys")
	}
	press(t, ctx, kb.Escape)
	if evaluate[bool](t, ctx, "document.getElementById('help').open") {
		t.Error("Escape does not close the list of keys")
	}

	site.show(t, ctx, writeDesk(t, DeskTable, sampleDesk()[DeskTable]))
	press(t, ctx, "/")
	if got := evaluate[string](t, ctx, "document.activeElement.id"); got != "q" {
		t.Errorf("/ puts the cursor into %q, want the search field", got)
	}
}

func press(t *testing.T, ctx context.Context, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := chromedp.Do(ctx, chromedp.KeyEvent(key)); err != nil {
			t.Fatal(err)
		}
	}
}

// The dark preview is dark on a light desk: the frame's colour scheme is what the
// mail's own media rule sees.
func TestBrowserDeskShowsTheDarkSchemeOfAMail(t *testing.T) {
	e, err := RenderIssue(sampleEnglish())
	if err != nil {
		t.Fatal(err)
	}
	view := sampleDesk()[DeskIssue]
	for _, dark := range []bool{false, true} {
		body := view.Body.(IssueBody)
		body.Preview.URL, body.Preview.Dark = "/sheet", dark
		view.Body = body
		site := newSite(t)
		site.sheet.Store(remote.ReplaceAllString(e.HTML, ""))
		ctx := tab(t, 1440, "light")
		site.show(t, ctx, writeDesk(t, DeskIssue, view))
		want := lightTokens["paper"]
		if dark {
			want = darkTokens["paper"]
		}
		at := evaluate[[]float64](t, ctx, "(() => { const r = document.querySelector('.wall iframe').getBoundingClientRect(); return [r.x + r.width / 2, r.y + 12]; })()")
		got := ""
		for range 40 { // the frame is painted by another process
			if got = pixelAt(t, ctx, at[0], at[1]); got == want {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if got != want {
			t.Errorf("dark %v: the sheet is %s, want %s", dark, got, want)
		}
	}
}

// pixelAt is the colour #rrggbb that the tab shows at a point of the page.
func pixelAt(t *testing.T, ctx context.Context, x, y float64) string {
	t.Helper()
	shot := call(t, ctx, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{Clip: &cdppage.Viewport{X: x, Y: y, Width: 2, Height: 2, Scale: 1}})
	img, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		t.Fatal(err)
	}
	r, g, b, _ := img.At(0, 0).RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}

// Typing into the search field replaces the rows, without a new page.
func TestBrowserDeskSearchesWhileTyping(t *testing.T) {
	site := newSite(t)
	view := sampleDesk()[DeskTable]
	body := view.Body.(TableBody)
	found := body
	found.Table.Rows = body.Table.Rows[:1]
	ctx := tab(t, 1440, "light")
	site.show(t, ctx, writeDesk(t, DeskTable, view))
	view.Body = found
	site.html.Store(writeDesk(t, DeskTable, view))
	evaluate[bool](t, ctx, "document.getElementById('q').focus(), window.same = true")
	press(t, ctx, "a", "m")
	rows := 0
	for range 100 {
		if rows = evaluate[int](t, ctx, "document.querySelectorAll('#rows tbody tr').length"); rows == 1 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if rows != 1 || !evaluate[bool](t, ctx, "window.same === true && document.activeElement.id === 'q' && document.activeElement.value === 'am'") {
		t.Errorf("%d rows, want 1, with the page and the cursor as they were", rows)
	}
	if got := evaluate[string](t, ctx, "new URL(location).searchParams.get('q') + new URL(location).searchParams.get('state')"); got != "amactive" {
		t.Errorf("the address has %q", got)
	}
}
