package signup_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers"
	"pressrun/subscribers/signup"
	"pressrun/templates"
)

// The answer to the form in a frame has no masthead either, and leads back to the
// form with its lists ticked.
func TestFramedFormStaysFramed(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	for _, f := range []struct {
		email, back string
	}{{"jan@example.com", `href="/subscribe/form?lang=en&amp;list=daily"`}, {"jan", ""}} {
		res, err := http.PostForm(d.URL+"/subscribe?framed=1&lang=en", form(f.email, "daily"))
		if err != nil {
			t.Fatal(err)
		}
		page := body(t, res)
		if strings.Contains(page, "<header") || strings.Contains(page, "<footer") || !strings.Contains(page, f.back) || strings.Contains(res.Header.Get("Content-Security-Policy"), "frame-ancestors") {
			t.Errorf("%s: %v\n%s", f.email, res.Header, page)
		}
	}
	if _, page := d.post(t, "/subscribe", form("jan@example.com", "daily")); !strings.Contains(page, "<header") || !strings.Contains(page, `href="/subscribe?lang=en&amp;list=daily"`) {
		t.Errorf("the answer to the page:\n%s", page)
	}
}

// A reader chooses among the languages that newsletters come in; of one there is
// no choice.
func TestLanguagesToChoose(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	id, _, link := d.reader(t, "jan@example.com")
	if err := d.store.SavePreferences(t.Context(), id, subscribers.Preferences{Language: "en-gb", Pause: -1}); err != nil {
		t.Fatal(err)
	}
	for _, languages := range [][]string{{"en"}, {"en", "de"}} {
		site := &signup.Site{Store: d.store, Languages: func(context.Context) []string { return languages }}
		w := httptest.NewRecorder()
		site.Handler().ServeHTTP(w, httptest.NewRequest("GET", link, nil))
		page := w.Body.String()
		if got, want := strings.Count(page, `name="language"`), len(languages)&^1; got != want {
			t.Errorf("%v: %d languages to choose from, want %d", languages, got, want)
		}
		if len(languages) > 1 && (!strings.Contains(page, `value="en" checked`) || strings.Contains(page, `value="ur"`) || !strings.Contains(page, `>de<`)) {
			t.Errorf("%v:\n%s", languages, page)
		}
	}
}

// Who gets nothing though his lists are ticked reads why, and what can be done.
func TestPreferencesSayWhyNothingComes(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	for reason, want := range map[subscribers.Reason]string{
		subscribers.Hard: "Mails to this address came back", subscribers.Complaint: "was marked as spam", subscribers.Manual: "The newsroom has stopped", subscribers.Left: "",
	} {
		email := string(reason) + "@example.com"
		_, _, link := d.reader(t, email)
		if _, page := d.get(t, link); strings.Contains(page, `class="problem"`) {
			t.Errorf("%s, before: %s", reason, page)
		}
		if err := d.store.SuppressAddress(t.Context(), email, reason, ""); err != nil {
			t.Fatal(err)
		}
		status, page := d.get(t, link)
		if status != http.StatusOK || !strings.Contains(page, want) || strings.Contains(page, `class="problem"`) != (want != "") {
			t.Errorf("%s: %d\n%s", reason, status, page)
		}
	}
}

// A reader of another language meets the list by its name in that, from the form to
// the page that he leaves by, in both letters too.
func TestListInTheReadersLanguage(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		l := d.daily
		l.Say("ur", subscribers.ListWords{Title: "روزنامہ", Description: "ہر صبح سات بجے"})
		if _, err := d.store.SetList(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		check := func(what, page string) {
			t.Helper()
			if !strings.Contains(page, "روزنامہ") || strings.Contains(page, "The daily") {
				t.Errorf("%s:\n%s", what, page)
			}
		}
		_, page := d.get(t, "/subscribe?lang=ur")
		check("form", page)
		if !strings.Contains(page, "ہر صبح سات بجے") || !strings.Contains(page, "The weekend") {
			t.Errorf("the form lacks what comes, or a list that is not translated:\n%s", page)
		}
		for _, letter := range []string{"confirmation", "asked again"} {
			d.post(t, "/subscribe?lang=ur", form("amina@example.com", "daily"))
			sent := d.sent()
			check(letter, sent[len(sent)-1].Subject)
			if letter == "confirmation" {
				v, err := d.store.Find(t.Context(), "amina@example.com")
				if err != nil {
					t.Fatal(err)
				}
				link := "/confirm/" + d.store.Keys.TokenAt(subscribers.KindConfirm, v.ID, 0, d.store.Now())
				_, page = d.get(t, link)
				check("confirm", page)
				_, page = d.post(t, link, nil)
				check("confirmed", page)
				_, page = d.get(t, strings.TrimPrefix(d.store.PreferencesURL(v.ID), d.store.PublicURL))
				check("preferences", page)
				_, page = d.get(t, strings.TrimPrefix(d.store.UnsubscribeURL(v.ID, l.ID), d.store.PublicURL))
				check("leaving", page)
			}
			d.pass(time.Hour)
		}
		if _, page = d.get(t, "/subscribe?lang=ru"); !strings.Contains(page, "The daily") {
			t.Error("readers of a third language see no name at all")
		}
	})
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A reader of the Urdu newsletter who reads his page in English goes on in English,
// whatever he presses, and has agreed to English words; a change of the newsletter's
// language takes the page along.
func TestPreferencesStayInTheLanguageAskedFor(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	id, _, link := d.reader(t, "jan@example.com")
	if err := d.store.SavePreferences(t.Context(), id, subscribers.Preferences{Language: "ur", Pause: -1}); err != nil {
		t.Fatal(err)
	}
	site := &signup.Site{Store: d.store, Languages: func(context.Context) []string { return []string{"en", "ur"} }}
	ask := func(method, path string, form url.Values, want string) string {
		t.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		site.Handler().ServeHTTP(w, r)
		if page := w.Body.String(); !strings.Contains(page, want) {
			t.Errorf("%s %s %v: want %s in\n%s", method, path, form, want, page)
		}
		return w.Body.String()
	}
	action := regexp.MustCompile(`<form method="post" action="([^"]*/preferences/[^"#]*)`)
	for _, asked := range []struct{ query, lang string }{{"?lang=en", `<html lang="en"`}, {"", `<html lang="ur"`}} {
		found := action.FindAllStringSubmatch(ask("GET", link+asked.query, nil, asked.lang), -1)
		if len(found) < 2 { // who has left all has no button for it
			t.Fatalf("%d forms", len(found))
		}
		to := found[0][1]
		ask("POST", to, url.Values{"pause": {"0"}, "language": {"ur"}, "list": {"daily", "weekend"}}, asked.lang)
		ask("POST", to, url.Values{"yours": {"1"}}, asked.lang)
		ask("POST", to, url.Values{"all": {"1"}}, asked.lang)
	}
	consents, err := d.store.Consents(t.Context(), id)
	if err != nil || !slices.ContainsFunc(consents, func(c subscribers.Consent) bool { return strings.HasPrefix(c.Wording, "en-") }) {
		t.Errorf("the words agreed to: %+v, %v", consents, err)
	}
	to := action.FindStringSubmatch(ask("GET", link+"?lang=ur", nil, `<html lang="ur"`))[1]
	page := ask("POST", to, url.Values{"pause": {"0"}, "language": {"en"}, "list": {"daily"}}, `<html lang="en"`)
	ask("POST", action.FindStringSubmatch(page)[1], url.Values{"yours": {"1"}}, `<html lang="en"`)
}

// The languages stand under a page that answers a form too, and lead to what it says
// in another; not where there is nothing to lead to.
func TestOtherLanguagesAfterAForm(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	other := regexp.MustCompile(`<li><a href="([^"]*)" lang="ur"`)
	urdu := templates.Words("ur")
	_, leave, preferences := d.reader(t, "jan@example.com")
	d.post(t, "/subscribe", form("ida@example.com", "daily"))
	ida, err := d.store.Find(t.Context(), "ida@example.com")
	if err != nil {
		t.Fatal(err)
	}
	confirm := "/confirm/" + d.store.Keys.TokenAt(subscribers.KindConfirm, ida.ID, 0, d.store.Now())
	for _, f := range []struct {
		path string
		form url.Values
		says string // the page in Urdu
	}{
		{"/subscribe", form("jan", "daily"), "subscribe.title"},
		{confirm, nil, "confirmed.title"},
		{preferences, url.Values{templates.FieldPause: {"0"}, templates.FieldList: {"daily"}}, "preferences.title"},
		{preferences, url.Values{}, "preferences.title"}, // it is not understood
		{leave, nil, "unsubscribed.title"},
		{preferences, url.Values{templates.FieldAll: {"1"}}, "preferences.none"},
		{"/u/k1.broken", nil, "error.invalid.title"},
		{"/nothing", nil, "error.notfound.title"},
	} {
		_, page := d.post(t, f.path, f.form)
		found := other.FindStringSubmatch(page)
		if found == nil {
			t.Errorf("POST %s %v: no other language under\n%s", f.path, f.form, page)
			continue
		}
		if _, page = d.get(t, found[1]); !strings.Contains(page, `<html lang="ur"`) || !strings.Contains(page, urdu.Say(f.says)) {
			t.Errorf("GET %s after %v: want %q in Urdu in\n%s", found[1], f.form, f.says, page)
		}
	}
	_, page := d.post(t, "/subscribe", form("new@example.com", "daily"))
	if other.MatchString(page) {
		t.Error("“Now look into your inbox” leads to the empty form in another language")
	}
}

// Who is given the latest issue of a list reads so in the sentence about that list:
// nothing of it comes "from the next issue on".
func TestConfirmedSaysWhatComesFirst(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	for _, f := range []struct {
		welcome       []string
		lang          string
		want, without string
	}{
		{nil, "en", "You get The daily and The weekend from the next issue on.", "on its way"},
		{[]string{"The daily"}, "en", "You get The weekend from the next issue on.", "and The weekend"},
		{[]string{"The daily"}, "en", "You get The daily from now on; the latest issue is on its way to you.", "and The weekend"},
		{[]string{"The daily", "The weekend"}, "en", "You get The daily and The weekend from now on; the latest issue is on its way to you.", "next issue on"},
		{[]string{"The daily", "The weekend"}, "ur", "تازہ ترین شمارہ", "اگلے شمارے سے"},
		{[]string{"The daily", "The weekend"}, "ru", "последний выпуск", "начиная со следующего"},
	} {
		d.store.Confirmed = func(ctx context.Context, _, list int64) bool {
			all, err := d.store.Lists(ctx)
			if err != nil {
				t.Error(err)
			}
			return slices.ContainsFunc(all, func(l subscribers.List) bool { return l.ID == list && slices.Contains(f.welcome, l.Title) })
		}
		email := fmt.Sprintf("%s%d@example.com", f.lang, d.store.Now().UnixNano())
		d.post(t, "/subscribe?lang="+f.lang, form(email, "daily", "weekend"))
		v, err := d.store.Find(t.Context(), email)
		if err != nil {
			t.Fatal(err)
		}
		_, page := d.post(t, "/confirm/"+d.store.Keys.TokenAt(subscribers.KindConfirm, v.ID, 0, d.store.Now())+"?lang="+f.lang, nil)
		text := bare.Replace(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, ""))
		if !strings.Contains(text, f.want) || strings.Contains(text, f.without) {
			t.Errorf("%s, latest issue of %v: want %q and not %q in\n%s", f.lang, f.welcome, f.want, f.without, text)
		}
		d.pass(time.Hour)
	}
}

// bare takes out what isolates names.
var bare = strings.NewReplacer("\u2068", "", "\u2069", "")

// Who ticks nothing reads that nothing comes, and how to come back or to leave
// altogether, when he saves it and whenever he opens the page again.
func TestPreferencesWithNothingTicked(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	_, _, link := d.reader(t, "jan@example.com")
	const nothing, back, leave = "You get no newsletter any more.", "To come back, tick one and save.", "press “Unsubscribe from all” below."
	check := func(what, page string, wants, lacks []string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q in\n%s", what, want, page)
			}
		}
		for _, lack := range lacks {
			if strings.Contains(page, lack) {
				t.Errorf("%s: %q in\n%s", what, lack, page)
			}
		}
	}
	_, page := d.get(t, link)
	check("before", page, []string{"Unsubscribe from all"}, []string{nothing})
	_, page = d.post(t, link, url.Values{templates.FieldPause: {"0"}})
	check("saved", page, []string{"Saved. " + nothing, back, leave}, nil)
	_, page = d.get(t, link)
	check("later", page, []string{nothing, back, leave}, []string{"Saved."})
	_, page = d.post(t, link, url.Values{templates.FieldAll: {"1"}})
	check("left", page, []string{`href="` + link + `?lang=en"`, "Subscribe again"}, nil)
	_, page = d.get(t, link)
	check("after leaving all", page, []string{nothing, back}, []string{"Unsubscribe from all"})
	_, page = d.post(t, link, url.Values{templates.FieldPause: {"0"}, templates.FieldList: {"weekend"}})
	check("back", page, []string{"Saved.", "Unsubscribe from all"}, []string{nothing})
}

// Who has paused all and ticks one more keeps the pause that the page shows, for that
// too; where something comes, the page names what is paused.
func TestPauseCoversWhatIsTickedWhileItIsOn(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		jan, _, link := d.reader(t, "jan@example.com")
		d.post(t, link, url.Values{"pause": {"7"}, "list": {"daily"}})
		_, page := d.post(t, link, url.Values{"pause": {"keep"}, "list": {"daily", "weekend"}})
		if got := d.states(t, jan); got["daily"] != subscribers.Paused || got["weekend"] != subscribers.Paused || !strings.Contains(page, ">Paused until 30 November 2026<") {
			t.Errorf("%v\n%s", got, page)
		}
		ida, _, link := d.reader(t, "ida@example.com")
		d.post(t, link, url.Values{"pause": {"0"}, "list": {"daily", "weekend"}})
		if err := d.store.Pause(t.Context(), ida, d.daily.ID, d.store.Now().Add(48*time.Hour), "kim@newsroom.example"); err != nil {
			t.Fatal(err)
		}
		_, page = d.post(t, link, url.Values{"pause": {"keep"}, "list": {"daily", "weekend"}})
		if got := d.states(t, ida); got["weekend"] != subscribers.Active || !strings.Contains(page, ">The daily paused until 25 November 2026<") {
			t.Errorf("%v\n%s", got, page)
		}
	})
}
