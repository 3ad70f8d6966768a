package signup_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers"
	"pressrun/subscribers/signup"
	"pressrun/templates"
	"pressrun/templates/chromiumtest"
)

// TestBrowserReaderWithoutScripts goes a reader's whole way on a phone of 360
// pixels whose browser runs no scripts, in English and Urdu: form, letter,
// button, preferences, leaving. With PRESSRUN_PICTURES=DIR it leaves a picture of
// each page there.
func TestBrowserReaderWithoutScripts(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	mux := http.NewServeMux()
	mux.Handle("GET "+templates.StaticPrefix, templates.StaticHandler())
	mux.Handle("/", (&signup.Site{Store: d.store}).Handler())
	server := httptest.NewServer(mux)
	defer server.Close()
	d.store.PublicURL = server.URL
	d.store.Brand = func(context.Context, ...string) templates.Brand {
		return templates.Brand{Name: "The Harbour Courier", URL: "https://courier.example", Accent: "#9a3412", Postal: "The Harbour Courier, 12 Quay Street, Example Town"}
	}
	phone := newPhone(t)
	for _, lang := range []string{"en", "ur"} {
		email := map[string]string{"en": "юзер@почта.рф", "ur": "قاری@example.com"}[lang] // which a field of type email refuses
		phone.open(server.URL + "/subscribe?list=daily&lang=" + lang)
		phone.look("form", lang)
		phone.do(chromedp.SendKeys(chromedp.ID("email"), email))
		phone.press("form button")
		phone.look("done", lang)
		letters := d.sent()
		if last := letters[len(letters)-1]; last.Language != lang {
			t.Fatalf("the letter is in %q, want %q", last.Language, lang)
		}
		_, link, _ := strings.Cut(letters[len(letters)-1].Text, server.URL+"/confirm/")
		phone.open(server.URL + "/confirm/" + strings.Fields(link)[0])
		phone.look("confirm", lang)
		phone.press("form button")
		phone.look("confirmed", lang)
		v, err := d.store.Find(t.Context(), email)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.states(t, v.ID)["daily"]; got != subscribers.Active {
			t.Fatalf("%s: after the button: %q", lang, got)
		}
		phone.open(d.store.PreferencesURL(v.ID))
		phone.press(`input[name="pause"][value="7"]`)
		phone.press("form button.primary")
		phone.look("preferences", lang)
		if got := d.states(t, v.ID)["daily"]; got != subscribers.Paused {
			t.Errorf("%s: after a pause was chosen: %q", lang, got)
		}
		phone.open(d.store.UnsubscribeURL(v.ID, d.daily.ID))
		phone.look("unsubscribe", lang)
		phone.press("form button")
		phone.look("unsubscribed", lang)
		if got := d.states(t, v.ID)["daily"]; got != subscribers.Unsubscribed {
			t.Errorf("%s: after leaving: %q", lang, got)
		}
	}
}

// phone is a tab of Chromium, 360 pixels wide, without scripts.
type phone struct {
	t   *testing.T
	ctx context.Context
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	ctx, stop := chromiumtest.Start(t)
	t.Cleanup(stop)
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(cancel)
	p := &phone{t, ctx}
	p.do(chromedp.Navigate("about:blank"))
	if _, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 740, DeviceScaleFactor: 1, Mobile: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *phone) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) open(url string) { p.t.Helper(); p.do(chromedp.Navigate(url)) }

// press clicks, and waits for the next page when the click sends a form.
func (p *phone) press(selector string) {
	p.t.Helper()
	if strings.Contains(selector, "button") {
		if _, err := chromedp.RunResponse(p.ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
			p.t.Fatalf("press %s: %v", selector, err)
		}
		return
	}
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

// look checks what every page has to be on a phone: in the reader's language
// and direction, with one heading, and not wider than the screen.
func (p *phone) look(page, lang string) {
	p.t.Helper()
	js := `[document.documentElement.lang, document.documentElement.dir, document.querySelectorAll("h1").length, document.documentElement.scrollWidth].join(" ")`
	got, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](js))
	if err != nil {
		p.t.Fatal(err)
	}
	want := map[string]string{"en": "en ltr 1 360", "ur": "ur rtl 1 360"}[lang]
	if got != want {
		p.t.Errorf("%s: language, direction, headings, width: got %s, want %s", page, got, want)
	}
	dir := os.Getenv("PRESSRUN_PICTURES")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(90))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, page+"-"+lang+".jpg"), picture, 0o644)
	}
	if err != nil {
		p.t.Error(err)
	}
}
