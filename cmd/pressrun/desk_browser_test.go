package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pressrun/cmd/pressrun/demo"
	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/digest/trend"
	"pressrun/subscribers"
	"pressrun/templates/chromiumtest"
)

var pictures = flag.String("pictures", "", "directory in which the pictures of the README are made anew: -pictures ../../deploy/pictures")

// browser starts Chromium and returns a tab of the given size and scheme.
func browser(t *testing.T) func(width, height int, scheme string) context.Context {
	t.Helper()
	main, stop := chromiumtest.Start(t)
	t.Cleanup(stop)
	return func(width, height int, scheme string) context.Context {
		ctx, cancel := chromedp.NewContext(main)
		t.Cleanup(cancel)
		ctx, cancelTime := context.WithTimeout(ctx, 4*time.Minute)
		t.Cleanup(cancelTime)
		call(t, ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: int64(width), Height: int64(height), DeviceScaleFactor: 1})
		call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return ctx
	}
}

func call[P, R any](t *testing.T, ctx context.Context, cmd cdp.Command[P, R], params P) R {
	t.Helper()
	res, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		t.Fatalf("%s: %v", cmd.Method, err)
	}
	return res
}

func open(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
}

func js[T any](t *testing.T, ctx context.Context, code string) T {
	t.Helper()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](code, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", code, err)
	}
	return out
}

// picture keeps what the tab shows, when pictures are wanted.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if *pictures == "" {
		return
	}
	time.Sleep(500 * time.Millisecond) // frames and fonts
	shot := call(t, ctx, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{})
	if err := os.WriteFile(filepath.Join(*pictures, name), shot.Data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestBrowserDemo runs the demo and works at its desk in Chromium: signs in,
// reads the draft, retitles a story, sees the preview follow, approves.
func TestBrowserDemo(t *testing.T) {
	var out, errs bytes.Buffer
	e := &env{ctx: context.Background(), out: &out, err: &errs}
	n, err := (&demoVerb{Dir: t.TempDir()}).open(e)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	err = n.run(context.Background(), func(ctx context.Context) error {
		if _, err := n.slot(ctx); err != nil {
			return err
		}
		if err := n.draft(ctx); err != nil {
			return err
		}
		done := make(chan struct{}) // closed by a t.Fatal, too
		go func() {
			defer close(done)
			workAtDesk(t, n)
		}()
		<-done
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func workAtDesk(t *testing.T, n *newsroom) {
	ctx := context.Background()
	p := n.press
	base := p.Config.PublicURL
	if _, err := p.Installation.AddUser(ctx, "editor@courier.example", "", "operator"); err != nil {
		t.Error(err)
		return
	}
	token, err := p.Installation.SignInToken(ctx, "editor@courier.example")
	if err != nil {
		t.Error(err)
		return
	}
	waiting, err := p.Digest.IssuesIn(ctx, "draft")
	evening := slices.IndexFunc(waiting, func(i digest.Issue) bool { return i.Newsletter == demo.ListEvening })
	if err != nil || evening < 0 { // shortly before seven the morning's waits as well
		t.Errorf("%d drafts, %v; want the evening's", len(waiting), err)
		return
	}
	issue := base + issuePath(waiting[evening].ID)
	tab := browser(t)

	wide := tab(1440, 1000, "light")
	open(t, wide, issue)
	if title := js[string](t, wide, "document.title"); !strings.Contains(title, "locked") {
		t.Errorf("without a session the desk shows %q", title)
	}
	open(t, wide, base+"/desk/sign-in/"+token)
	js[bool](t, wide, "document.querySelector('main form button').click(), true")
	within(t, 60*time.Second, "the issue that was asked for", func() bool {
		return js[bool](t, wide, "location.pathname === '"+issuePath(waiting[evening].ID)+"' && !document.title.includes('locked')")
	})
	open(t, wide, base+"/desk/")
	if waits := js[string](t, wide, "document.querySelector('main').innerText"); !strings.Contains(waits, "Evening Digest") {
		t.Errorf("Today does not show the draft: %s", waits)
	}
	open(t, wide, issue)
	picture(t, wide, "desk.png")
	if reasons := js[string](t, wide, "document.querySelector('.story .reason').innerText"); !strings.Contains(reasons, "views") {
		t.Errorf("the first story's reason is %q", reasons)
	}
	hash := func() string { return js[string](t, wide, "document.querySelector('.seal code').innerText") }
	before := hash()

	began := time.Now()
	js[bool](t, wide, `(() => { const d = document.querySelector('.story details'); d.open = true; const f = d.querySelector('form');
		f.querySelector('[name=title]').value = 'A headline the editor wrote'; f.querySelector('button').click(); return true })()`)
	within(t, 60*time.Second, "the headline is changed", func() bool {
		return js[bool](t, wide, "document.readyState === 'complete' && document.querySelector('.story h4')?.innerText.includes('A headline the editor wrote')")
	})
	if took := time.Since(began); took > 10*time.Second { // half a second, where nothing else runs
		t.Errorf("the preview followed after %s", took)
	}
	if hash() == before {
		t.Error("the seal is the same after an edit")
	}
	frame := js[string](t, wide, "fetch(document.querySelector('.preview iframe').src).then(r => r.text())")
	if !strings.Contains(frame, "A headline the editor wrote") {
		t.Error("the preview does not show the new headline")
	}
	showsControls(t, wide)
	keepsPlace(t, wide)
	previewsAs(t, n, wide)
	approve(t, n, wide, issue, waiting[evening].ID)
	lookAround(t, n, tab, wide, issue)
	peopleAlone(t, n, tab)
	readArchive(t, n, tab)
	storyAtDesk(t, n, tab, wide)
}

// showsControls: what can be pressed or filled in has an edge that is seen (WCAG 2.2,
// 1.4.11: 3:1), and where colours are forced the chosen tab has a ground of its own.
func showsControls(t *testing.T, wide context.Context) {
	t.Helper()
	faint := js[string](t, wide, `(() => {
		const light = c => c.match(/[\d.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
		const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (c !== 'rgba(0, 0, 0, 0)') return c; } return 'rgb(255, 255, 255)'; };
		const ratio = (a, b) => (Math.max(light(a), light(b)) + .05) / (Math.min(light(a), light(b)) + .05);
		return [...document.querySelectorAll('main button, main .button, main input, main textarea, main select')]
			.filter(e => e.offsetParent && parseFloat(getComputedStyle(e).borderTopWidth) && ratio(getComputedStyle(e).borderTopColor, ground(e.parentElement)) < 3)
			.map(e => e.innerText || e.name).join(', ');
	})()`)
	if faint != "" {
		t.Errorf("with an edge that hardly shows: %s", faint)
	}
	media := func(forced string) {
		call(t, wide, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}, {Name: "forced-colors", Value: forced}}})
	}
	media("active")
	defer media("none")
	if alike := js[string](t, wide, `[...document.querySelectorAll('.tabs [aria-current], .nav [aria-current]')].filter(e => getComputedStyle(e).backgroundColor ===
		getComputedStyle(document.querySelector('.tabs a:not([aria-current])')).backgroundColor).map(e => e.innerText).join(', ')`); alike != "" {
		t.Errorf("in forced colours these look like the others: %s", alike)
	}
}

// keepsPlace edits stories by the keyboard: what was pressed has the focus again, or
// the story that was changed, within the window; and each button says of what.
func keepsPlace(t *testing.T, wide context.Context) {
	t.Helper()
	if twice := js[string](t, wide, `(names => names.filter((n, i) => names.indexOf(n) < i).join(', '))([...document.querySelectorAll('.story button:not([value=edit]), .story summary, .story .more')].map(e => e.ariaLabel || e.innerText))`); twice != "" {
		t.Errorf("who cannot see the stories hears twice: %s", twice)
	}
	stories := js[[]string](t, wide, "[...document.querySelectorAll('.story[id]')].map(e => e.id.slice(6))")
	last, before := stories[len(stories)-1], stories[len(stories)-2]
	for _, step := range []struct{ story, do, focus string }{{last, "up", "up-" + last}, {last, "pin", "pin-" + last}, {last, "unpin", "pin-" + last}, {last, "drop", "story-" + before}, {last, "restore", "story-" + last}} {
		js[bool](t, wide, fmt.Sprintf(`(b => { window.before = true; document.querySelectorAll('details').forEach(d => d.open = true); b.focus(); b.click(); return true })(document.querySelector('form[action$="/%s"] button[value=%s]'))`, step.story, step.do))
		within(t, 60*time.Second, step.do+" is answered", func() bool { return js[bool](t, wide, "!window.before && document.readyState === 'complete'") })
		if got := js[string](t, wide, "(e => e.id + (e.getBoundingClientRect().top > 0 && e.getBoundingClientRect().bottom < innerHeight ? '' : ' out of sight'))(document.activeElement)"); got != step.focus {
			t.Errorf("after %s the focus is on %q, want %q", step.do, got, step.focus)
		}
		if said := js[string](t, wide, "(e => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom < innerHeight ? e.innerText : 'nothing in sight')(document.querySelector('.flash'))"); !strings.Contains(said, "sealed again") {
			t.Errorf("after %s one reads %s", step.do, said)
		}
	}
}

// previewsAs asks by the keyboard for the copy of a reader of Urdu: it is shown in his
// edition, with links that change nothing, and of who reads nothing it is said so.
func previewsAs(t *testing.T, n *newsroom, wide context.Context) {
	t.Helper()
	readers, _, err := n.press.Subscribers.Page(context.Background(), subscribers.Filter{List: demo.ListEvening, State: "active", Per: 500})
	urdu := slices.IndexFunc(readers, func(s subscribers.Subscriber) bool { return s.Language == "ur" && !s.TextOnly })
	if err != nil || urdu < 0 {
		t.Errorf("%d readers, %v; want one of Urdu", len(readers), err)
		return
	}
	for address, want := range map[string]string{string(readers[urdu].Email): "", "nobody@readers.example": "nobody reads with the address nobody@readers.example."} {
		js[bool](t, wide, "window.before = true, document.getElementById('as-reader').select(), true")
		if err := chromedp.Do(wide, chromedp.KeyEvent(address+kb.Enter)); err != nil {
			t.Fatal(err)
		}
		within(t, 60*time.Second, "the copy of "+address+" is answered", func() bool { return js[bool](t, wide, "!window.before && document.readyState === 'complete'") })
		if got := js[string](t, wide, "document.querySelector('.preview .problem')?.innerText ?? ''"); !strings.HasSuffix(got, want) || (got == "") != (want == "") {
			t.Errorf("of %s the preview says %q, want %q", address, got, want)
		}
		if got := js[string](t, wide, "document.activeElement.id + document.getElementById('as-reader').value"); got != "preview"+address {
			t.Errorf("after asking for the copy of %s the focus and the field are %s", address, got)
		}
		if want != "" {
			continue
		}
		frame := js[string](t, wide, "fetch(document.querySelector('.preview iframe').src).then(r => r.text())")
		leave := regexp.MustCompile(`href="(http[^"]*/u/[^"]*)"`).FindStringSubmatch(frame)
		if !strings.Contains(frame, `lang="ur"`) || leave == nil {
			t.Error("the copy of a reader of Urdu is not in Urdu, or has no link to leave")
			continue
		}
		if page := js[string](t, wide, fmt.Sprintf("fetch(%q).then(r => r.text())", leave[1])); !strings.Contains(page, "test") {
			t.Errorf("the link to leave does not say that this is a test: %s", page)
		}
	}
}

func issuePath(id int64) string { return "/desk/issues/" + strconv.FormatInt(id, 10) }

func approve(t *testing.T, n *newsroom, wide context.Context, issue string, id int64) {
	t.Helper()
	js[bool](t, wide, "window.before = true, window.confirm = () => true, document.querySelector('.actions button.primary').click(), true")
	within(t, 60*time.Second, "the issue is approved", func() bool {
		i, err := n.press.Digest.Issue(context.Background(), id)
		return err == nil && i.State == "approved" && i.ApprovedBy == "editor@courier.example"
	})
	within(t, 60*time.Second, "the answer is shown", func() bool {
		return js[bool](t, wide, "!window.before && document.readyState === 'complete'")
	})
}

// peopleAlone opens an article with the beacon's script as a program that drives
// a browser, and as a person: only the latter is heard of, by the canonical address.
func peopleAlone(t *testing.T, n *newsroom, tab func(int, int, string) context.Context) {
	t.Helper()
	heard := make(chan string, 9)
	beacon := (&trend.Beacon{Counters: n.press.Counters, Log: n.press.Log, Key: func(address string) (string, error) { heard <- address; return "nobody's", nil }}).Handler()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			beacon.ServeHTTP(w, r)
			return
		}
		w.Write([]byte(`<!DOCTYPE html><link rel="canonical" href="https://news.example` + r.URL.Path + `"><script async src="/v1/view.js"></script>`))
	}))
	defer site.Close()
	ctx := tab(800, 600, "light")
	call(t, ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
	for _, driven := range []bool{true, false} {
		call(t, ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: fmt.Sprintf("Object.defineProperty(navigator, 'webdriver', {configurable: true, get: () => %t})", driven)})
		open(t, ctx, fmt.Sprintf("%s/driven-%t?utm_source=x", site.URL, driven))
	}
	select {
	case address := <-heard:
		if address != "https://news.example/driven-false" {
			t.Errorf("the beacon heard of %s, want the article a person opened", address)
		}
	case <-time.After(time.Minute):
		t.Error("the beacon heard of nobody")
	}
}

// onPhones opens pages of the desk on two phones: neither they nor their tables are
// wider than the window, and what is pressed is 44 px high.
func onPhones(t *testing.T, tab func(int, int, string) context.Context, session, base string, pages []string) {
	t.Helper()
	for _, width := range []int{390, 320} {
		ctx := tab(width, 844, "dark")
		call(t, ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
		call(t, ctx, network.SetCookie, network.SetCookieParams{Name: desk.Cookie, Value: session, URL: base})
		for _, path := range pages {
			open(t, ctx, base+path)
			if wrong := js[string](t, ctx, `[document.documentElement, ...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.nodeName + ' +' + (e.scrollWidth - e.clientWidth))
				.concat([...document.querySelectorAll('button, select, summary, .button, .field input:not([type=checkbox]), .table a, .filters a, .tabs a, .nav li a')]
					.filter(e => e.checkVisibility() && !e.closest('dialog') && e.getBoundingClientRect().height < 43.5).map(e => (e.innerText || e.name) + ' ' + e.getBoundingClientRect().height)).join(', ')`); wrong != "" {
				t.Errorf("%s, %d px wide: too wide or too low: %s", path, width, wrong)
			}
		}
	}
}

// lookAround opens every page of the desk and the public ones: none is wider
// than its window, none fails, and times are told as people do.
func lookAround(t *testing.T, n *newsroom, tab func(int, int, string) context.Context, wide context.Context, issue string) {
	t.Helper()
	base := n.press.Config.PublicURL
	cookies := call(t, wide, network.GetCookies, network.GetCookiesParams{})
	session := ""
	for _, c := range cookies.Cookies {
		if c.Name == desk.Cookie {
			session = c.Value
		}
	}
	pages := []string{"/desk/", "/desk/issues", "/desk/stories", "/desk/stories/1", "/desk/sources", "/desk/sources/add", "/desk/sources/1", "/desk/sources/1/items", "/desk/newsletters", "/desk/newsletters/1", "/desk/newsletters/add", "/desk/lists", "/desk/lists/1", "/desk/lists/segments", "/desk/subscribers", "/desk/subscribers/1", "/desk/subscribers/import", "/desk/bounces", "/desk/bounces/mail", "/desk/deliverability", "/desk/users", "/desk/users/tokens", "/desk/users/audit", "/desk/stories/ahead", "/desk/issues/1", "/desk/issues/1/readers", "/desk/arm"}
	for _, path := range append(pages, strings.TrimPrefix(issue, base)) {
		open(t, wide, base+path)
		if stamps := js[string](t, wide, `((document.querySelector("main").innerText).replaceAll("2026-11-25T18:00+05:00", "").match(/\b\d{4}-\d\d-\d\d[ T]\d.{9}|\b\d+[hm]\d+[ms]\b/g) || []).concat(
			[...document.querySelectorAll('main [title]')].map(e => e.title).filter(s => /\d-\d\d-\d\d/.test(s))).join(', ')`); stamps != "" {
			t.Errorf("%s has times that nobody would say so: %s", path, stamps)
		}
		if over := js[float64](t, wide, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%s is %v px wider than its window", path, over)
		}
		if h := js[string](t, wide, "document.querySelector('h1').innerText"); strings.Contains(h, "did not work") || strings.Contains(h, "Not here") {
			t.Errorf("%s: %s", path, h)
		}
	}
	open(t, wide, base+"/desk/subscribers?per=25")
	js[bool](t, wide, "document.querySelector('a[rel=next]').focus(), true")
	key(t, wide, kb.Enter)
	within(t, 60*time.Second, "the second page comes", func() bool {
		return js[bool](t, wide, "document.readyState === 'complete' && location.search.includes('page=2')")
	})
	key(t, wide, kb.Tab)
	if !js[bool](t, wide, "document.activeElement.closest('#rows') !== null") {
		t.Error("on the next page of a list the keyboard begins from the top again")
	}
	open(t, wide, base+"/desk/subscribers?page=2&sort=email")
	js[bool](t, wide, "document.getElementById('q').focus(), true")
	if err := chromedp.Do(wide, chromedp.KeyEvent("jasper")); err != nil {
		t.Fatal(err)
	}
	within(t, 60*time.Second, "who is looked for from the second page is found", func() bool {
		return js[bool](t, wide, "location.search.includes('q=jasper') && location.search.includes('sort=email') && document.querySelector('#rows tbody')?.innerText.toLowerCase().startsWith('jasper') === true && /^1 to \\d+ of \\d+ found$/.test(document.getElementById('found').textContent)")
	})
	open(t, wide, base+"/desk/stories")
	picture(t, wide, "stories.png")
	if over := js[float64](t, wide, "(d => d.scrollWidth - d.clientWidth)(document.querySelector('.scroll'))"); over > 0 {
		t.Errorf("the table of stories is %v px wider than its place", over)
	}
	open(t, wide, base+"/desk/stories/1")
	picture(t, wide, "story-record.png")
	phone := tab(375, 812, "light")
	call(t, phone, network.SetCookie, network.SetCookieParams{Name: desk.Cookie, Value: session, URL: base})
	for _, path := range []string{"/subscribe", "/archive/morning/", "/archive/morning/1", "/inbox/", "/desk/stories/1", "/desk/stories"} {
		open(t, phone, base+path)
		picture(t, phone, "phone"+strings.ReplaceAll(path, "/", "-")+".png")
		if over := js[float64](t, phone, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%s is %v px wider than a phone", path, over)
		}
	}
	for _, width := range []int{1208, 1024, 768} {
		laptop := tab(width, 800, "dark")
		call(t, laptop, network.SetCookie, network.SetCookieParams{Name: desk.Cookie, Value: session, URL: base})
		for _, path := range pages {
			if width > 1200 && path != "/desk/stories" { // the widest table, with all its columns
				continue
			}
			open(t, laptop, base+path)
			if wrong := js[string](t, laptop, `[document.documentElement, ...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.nodeName + ' +' + (e.scrollWidth - e.clientWidth)).join(', ')`); wrong != "" {
				t.Errorf("%s, %d px wide: %s", path, width, wrong)
			}
		}
	}
	onPhones(t, tab, session, base, append(pages, strings.TrimPrefix(issue, base)))
	for _, path := range []string{"/desk/", "/desk/users"} {
		open(t, phone, base+path)
		if !js[bool](t, phone, "(r => r.left >= 0 && r.right <= innerWidth)(document.querySelector('.nav li [aria-current]').getBoundingClientRect())") {
			t.Errorf("%s: where one is cannot be seen in the row of nouns", path)
		}
	}
	open(t, phone, base+"/desk/")
	if when := js[string](t, phone, "(c => c.getBoundingClientRect().right <= innerWidth ? '' : c.innerText)(document.querySelector('.table td.wide'))"); when != "" {
		t.Errorf("the next slot's time (%q) is cut off", when)
	}
	editions, err := n.press.Digest.Editions(context.Background(), 1, 1)
	if err != nil || len(editions) == 0 {
		t.Errorf("editions: %v", err)
		return
	}
	for i, file := range []string{"digest.png", "digest-dark.png", "digest-urdu.png"} {
		ctx := tab(420, 860, []string{"light", "dark", "light"}[i])
		call(t, ctx, network.SetCookie, network.SetCookieParams{Name: desk.Cookie, Value: session, URL: base})
		open(t, ctx, base+"/desk/issues/1/frame/"+strconv.FormatInt(editions[[]int{0, 0, 2}[i]].ID, 10))
		if over := js[float64](t, ctx, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("the digest is %v px wider than a phone", over)
		}
		picture(t, ctx, file)
	}
	res, err := http.Get(base + "/healthz")
	if err != nil || res.StatusCode != 200 {
		t.Errorf("healthz: %v, %v", res, err)
	}
}
