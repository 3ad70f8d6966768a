package signup_test

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/subscribers/signup"
	"pressrun/subscribers/subscriberstest"
	"pressrun/templates"
)

func TestMain(m *testing.M) { os.Exit(subscriberstest.Run(m)) }

// desk is the public site over a real database, and the letters it posted.
type desk struct {
	*httptest.Server
	store *subscribers.Store
	daily subscribers.List

	mu      sync.Mutex
	letters []templates.Email
	now     time.Time
}

func each(t *testing.T, f func(t *testing.T, d *desk)) {
	t.Helper()
	subscriberstest.Each(t, func(t *testing.T, db *schema.DB) { f(t, open(t, db)) })
}

func open(t *testing.T, db *schema.DB) *desk {
	t.Helper()
	d := &desk{now: time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)}
	keys, err := subscribers.GenerateKeys(filepath.Join(t.TempDir(), "link.keys"))
	if err != nil {
		t.Fatal(err)
	}
	d.store = &subscribers.Store{DB: db, Keys: keys, PublicURL: "https://news.example.com", Now: func() time.Time { d.mu.Lock(); defer d.mu.Unlock(); return d.now },
		Post: func(_ context.Context, _ *sql.Tx, _ string, e templates.Email, _ subscribers.Recipient) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.letters = append(d.letters, e)
			return nil
		}}
	for _, name := range []string{"daily", "weekend"} {
		l, err := d.store.CreateList(t.Context(), subscribers.List{Name: name, Title: "The " + name, Public: true})
		if err != nil {
			t.Fatal(err)
		}
		if name == "daily" {
			d.daily = l
		}
	}
	if _, err := d.store.CreateList(t.Context(), subscribers.List{Name: "staff", Title: "Staff"}); err != nil {
		t.Fatal(err)
	}
	site := &signup.Site{Store: d.store, Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	d.Server = httptest.NewServer(site.Handler())
	t.Cleanup(d.Close)
	return d
}

func (d *desk) pass(by time.Duration) { d.mu.Lock(); defer d.mu.Unlock(); d.now = d.now.Add(by) }

func (d *desk) sent() []templates.Email { d.mu.Lock(); defer d.mu.Unlock(); return d.letters }

// get and post return the status and the page.
func (d *desk) get(t *testing.T, path string) (int, string) {
	t.Helper()
	return d.do(t, http.MethodGet, path, "", nil)
}

func (d *desk) post(t *testing.T, path string, form url.Values) (int, string) {
	t.Helper()
	return d.do(t, http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

func (d *desk) do(t *testing.T, method, path, contentType string, body io.Reader) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Cookies()) > 0 {
		t.Errorf("%s %s sets a cookie", method, path)
	}
	return res.StatusCode, string(page)
}

func form(email string, lists ...string) url.Values {
	return url.Values{templates.FieldEmail: {email}, templates.FieldList: lists, templates.FieldLanguage: {"en"}}
}

// reader adds an active reader of daily and returns the paths of his links.
func (d *desk) reader(t *testing.T, email string) (id int64, unsubscribe, preferences string) {
	t.Helper()
	v, err := d.store.Add(t.Context(), subscribers.New{Subscriber: subscribers.Subscriber{Email: address.Address(email)}, ListNames: []string{"daily"},
		Consent: subscribers.Consent{Basis: subscribers.Express, Source: "fair"}})
	if err != nil {
		t.Fatal(err)
	}
	cut := func(u string) string { return strings.TrimPrefix(u, "https://news.example.com") }
	return v.ID, cut(d.store.UnsubscribeURL(v.ID, d.daily.ID)), cut(d.store.PreferencesURL(v.ID))
}

func (d *desk) states(t *testing.T, id int64) map[string]subscribers.State {
	t.Helper()
	all, err := d.store.Subscriptions(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]subscribers.State{}
	for _, v := range all {
		out[v.ListName] = v.State
	}
	return out
}

func TestFromFormToList(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		status, page := d.get(t, "/subscribe?list=daily")
		if status != 200 || !strings.Contains(page, `value="daily" checked`) || strings.Contains(page, "Staff") {
			t.Fatalf("form: %d\n%s", status, page)
		}
		status, page = d.post(t, "/subscribe", form("jan@example.com", "daily", "staff"))
		if status != 200 || !strings.Contains(page, "Now look into your inbox") {
			t.Fatalf("answer: %d\n%s", status, page)
		}
		letters := d.sent()
		if len(letters) != 1 {
			t.Fatalf("got %d letters", len(letters))
		}
		_, link, _ := strings.Cut(letters[0].Text, "https://news.example.com")
		link = strings.Fields(link)[0]
		v, err := d.store.Find(t.Context(), "jan@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if status, page = d.get(t, link); status != 200 || !strings.Contains(page, "<button") || !strings.Contains(page, "The daily") {
			t.Fatalf("confirmation: %d\n%s", status, page)
		}
		if got := d.states(t, v.ID); got["daily"] != subscribers.Pending || len(got) != 1 {
			t.Fatalf("a GET, or a list that is not offered, changed something: %v", got)
		}
		if status, page = d.post(t, link, nil); status != 200 || !strings.Contains(page, "You are on the list") {
			t.Fatalf("button: %d\n%s", status, page)
		}
		if got := d.states(t, v.ID); got["daily"] != subscribers.Active {
			t.Errorf("after the button: %v", got)
		}
		if status, page = d.get(t, link); status != 200 || !strings.Contains(page, "You are on the list") {
			t.Errorf("the link once more: %d", status)
		}
	})
}

func TestSameAnswerForEveryAddress(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.reader(t, "known@example.com")
		for _, reason := range []subscribers.Reason{subscribers.Hard, subscribers.Manual} {
			if err := d.store.SuppressAddress(t.Context(), string(reason)+"@example.com", reason, ""); err != nil {
				t.Fatal(err)
			}
		}
		var want string
		for _, email := range []string{"new12@example.com", "known@example.com", "hard1@example.com", "hard@example.com", "manual@example.com"} {
			begin := time.Now()
			res, err := http.PostForm(d.URL+"/subscribe", form(email, "daily", strings.Repeat("x", 6000))) // more than is written at once
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took < 100*time.Millisecond {
				t.Errorf("%s: the answer begins after %v", email, took)
			}
			page := strings.ReplaceAll(body(t, res), email, "ADDRESS")
			if want == "" {
				want = page
			}
			if res.StatusCode != 200 || page != want {
				t.Errorf("%s: got another answer: %d\n%s", email, res.StatusCode, page)
			}
		}
	})
}

func TestFormRefuses(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		tests := []struct {
			name string
			form url.Values
			want string
			code int
		}{
			{"address", form("jan@@example.com", "daily"), "does not look like an e-mail address", 422},
			{"a Cyrillic letter in the address", form("j\u0430n@example.com", "daily"), "mixes letters of different scripts", 422},
			{"focus", form("jan@@example.com", "daily"), `aria-describedby="email-problem" autofocus>`, 422},
			{"focus on the lists", form("jan@example.com"), `value="daily" autofocus>`, 422},
			{"copied address", form("Jan <jan@example.com>", "daily"), "Did you mean", 422},
			{"no list", form("jan@example.com"), "Choose at least one", 422},
			{"unknown list", form("jan@example.com", "staff"), "Choose at least one", 422},
			{"header injection", form("jan@example.com\r\nBcc: x@example.org", "daily"), "does not look like", 422},
		}
		for _, tt := range tests {
			status, page := d.post(t, "/subscribe", tt.form)
			if status != tt.code || !strings.Contains(page, tt.want) {
				t.Errorf("%s: %d, want %d and %q in\n%s", tt.name, status, tt.code, tt.want, page)
			}
		}
		trap := form("bot@example.com", "daily")
		trap.Set(templates.FieldTrap, "https://spam.example")
		if status, page := d.post(t, "/subscribe", trap); status != 200 || !strings.Contains(page, "look into your inbox") {
			t.Errorf("trap: %d\n%s", status, page)
		}
		if n := len(d.sent()); n != 0 {
			t.Errorf("%d letters were posted", n)
		}
	})
}

// An address that looks mistyped is taken, and the page asks.
func TestMistypedAddress(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	if status, page := d.post(t, "/subscribe", form("jan@gmial.com", "daily")); status != 200 || !strings.Contains(page, "Did you mean") || !strings.Contains(page, "jan@gmail.com") {
		t.Errorf("%d, without the address that was meant:\n%s", status, page)
	}
	if _, page := d.post(t, "/subscribe", form("jan@example.com", "daily")); strings.Contains(page, "Did you mean") {
		t.Errorf("an address without fault is doubted:\n%s", page)
	}
}

func TestRateLimit(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	busy := 0
	for range 30 {
		if status, _ := d.post(t, "/subscribe", form("", "daily")); status == http.StatusTooManyRequests {
			busy++
		}
	}
	if busy != 20 {
		t.Errorf("%d of 30 forms were refused, want 20", busy)
	}
	d.pass(time.Minute)
	if status, _ := d.post(t, "/subscribe", form("", "daily")); status != 422 {
		t.Errorf("a minute later: %d, want 422", status)
	}
}

func TestOneClick(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		multi := func() (string, io.Reader) { return multi(url.Values{"List-Unsubscribe": {"One-Click"}}) }
		plain := func() (string, io.Reader) {
			return "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click")
		}
		broken := func() (string, io.Reader) { return "multipart/form-data", strings.NewReader("\xff\xfe") }
		for name, body := range map[string]func() (string, io.Reader){"form": plain, "multipart": multi, "broken": broken} {
			id, link, _ := d.reader(t, name+"@example.com")
			status, page := d.get(t, link)
			if status != 200 || !strings.Contains(page, "<button") {
				t.Fatalf("%s: GET: %d\n%s", name, status, page)
			}
			if got := d.states(t, id)["daily"]; got != subscribers.Active {
				t.Fatalf("%s: a GET made it %s", name, got)
			}
			contentType, b := body()
			if status, _ := d.do(t, http.MethodPost, link, contentType, b); status != 200 {
				t.Errorf("%s: POST: %d, want 200", name, status)
			}
			if got := d.states(t, id)["daily"]; got != subscribers.Unsubscribed {
				t.Errorf("%s: after the POST: %s", name, got)
			}
			if status, _ := d.post(t, link, nil); status != 200 {
				t.Errorf("%s: a second POST: %d, want 200", name, status)
			}
		}
		id, link, _ := d.reader(t, "erased@example.com")
		if err := d.store.Forget(t.Context(), id, "jan"); err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status, _ := d.do(t, method, link, "", nil); status != 200 {
				t.Errorf("%s for somebody erased: %d, want 200", method, status)
			}
		}
	})
}

func TestLinksOfTestMails(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	for _, u := range d.store.TestSlots(d.daily.ID, "Jan") {
		path, ok := strings.CutPrefix(u, "https://news.example.com")
		if !ok {
			continue
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status, page := d.do(t, method, path, "", nil); status != 200 || !strings.Contains(page, "test mail") || strings.Contains(page, "<button") {
				t.Errorf("%s %s: %d\n%s", method, path, status, page)
			}
		}
	}
}

func TestPreferences(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id, _, link := d.reader(t, "jan@example.com")
		status, page := d.get(t, link)
		if status != 200 || !strings.Contains(page, "j…\u2060n@example.com") || strings.Contains(page, "Staff") {
			t.Fatalf("page: %d\n%s", status, page)
		}
		save := url.Values{
			templates.FieldName: {"  Jan\u202e <b>Novak</b> "}, templates.FieldList: {"weekend", "staff"}, templates.FieldLanguage: {"ur"},
			templates.FieldTextOnly: {"1"}, templates.FieldPause: {"7"},
		}
		if status, page = d.post(t, link, save); status != 200 || !strings.Contains(page, `dir="rtl"`) {
			t.Fatalf("saved: %d\n%s", status, page)
		}
		if strings.Contains(page, "<b>") {
			t.Error("a name brought markup into the page")
		}
		v, err := d.store.ByID(t.Context(), id)
		if err != nil || v.Name != "Jan <b>Novak</b>" || v.Language != "ur" || !v.TextOnly {
			t.Errorf("stored: %+v, %v", v, err)
		}
		if got := d.states(t, id); got["daily"] != subscribers.Unsubscribed || got["weekend"] != subscribers.Paused || got["staff"] != "" {
			t.Errorf("lists: %v", got)
		}
		consents, err := d.store.Consents(t.Context(), id)
		if last := consents[len(consents)-1]; err != nil || last.Basis != subscribers.Express || last.Source != "preferences page" || !strings.HasPrefix(last.Wording, "en-") {
			t.Errorf("consents: %+v, %v", consents, err)
		}
		if status, _ := d.post(t, link, url.Values{}); status != 400 {
			t.Errorf("an empty POST: %d, want 400", status)
		}
		save.Set(templates.FieldPause, "0")
		d.post(t, link, save)
		if got := d.states(t, id); got["weekend"] != subscribers.Active {
			t.Errorf("without the pause: %v", got)
		}
		if status, _ := d.post(t, link, url.Values{templates.FieldAll: {"1"}}); status != 200 {
			t.Errorf("leave everything: %d", status)
		}
		if x, ok, err := d.store.Suppressed(t.Context(), d.store.DB.Read, "jan@example.com"); err != nil || !ok || x.Reason != subscribers.Left {
			t.Errorf("suppression: %+v %v %v", x, ok, err)
		}
	})
}

func TestBadLinks(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	_, u, p := d.reader(t, "jan@example.com")
	for _, path := range []string{u[:len(u)-1], u + "x", strings.Replace(u, "/u/", "/confirm/", 1), "/confirm/", strings.Replace(p, "/preferences/", "/u/", 1), "/u/k1.", "/u/k9.AAAA", "/u/%00", "/confirm/" + strings.Repeat("x", 5000)} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			status, page := d.do(t, method, path, "", nil)
			if status != 404 || !strings.Contains(page, "not complete") || strings.Contains(page, `href="/subscribe?lang=en"`) != strings.HasPrefix(path, "/confirm/") {
				t.Errorf("%s %.60s: %d, want 404", method, path, status)
			}
		}
	}
	if status, _ := d.get(t, "/nowhere"); status != 404 {
		t.Errorf("unknown page: %d", status)
	}
}

func TestLanguageOfPagesAndLetter(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	f := form("jan@example.com", "daily")
	f.Set(templates.FieldLanguage, "ur")
	if _, page := d.post(t, "/subscribe", f); !strings.Contains(page, `lang="ur" dir="rtl"`) {
		t.Errorf("the answer is not in Urdu:\n%s", page)
	}
	if l := d.sent(); len(l) != 1 || l[0].Language != "ur" {
		t.Errorf("the letter is not in Urdu: %+v", l)
	}
	if _, page := d.get(t, "/subscribe/form?lang=ur"); strings.Contains(page, "<header") || !strings.Contains(page, "framed=1") {
		t.Errorf("framed form:\n%s", page)
	}
}
