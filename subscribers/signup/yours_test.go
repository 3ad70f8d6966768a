package signup_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers"
	"pressrun/templates"
)

var (
	askYours = url.Values{templates.FieldYours: {"1"}}
	eraseMe  = url.Values{templates.FieldErase: {"1"}}
)

func moveTo(email string) url.Values { return url.Values{templates.FieldEmail: {email}} }

// mailed is the path of the link below a path in the last letter.
func (d *desk) mailed(t *testing.T, path string) string {
	t.Helper()
	letters := d.sent()
	if len(letters) == 0 {
		t.Fatal("no letter was posted")
	}
	_, rest, ok := strings.Cut(letters[len(letters)-1].Text, "https://news.example.com/"+path+"/")
	if !ok {
		t.Fatalf("no link to %s in:\n%s", path, letters[len(letters)-1].Text)
	}
	return "/" + path + "/" + strings.Fields(rest)[0]
}

// yours has a reader's letter sent and returns the path of its link.
func (d *desk) yours(t *testing.T, preferences string) string {
	t.Helper()
	if status, page := d.post(t, preferences, askYours); status != 200 || !strings.Contains(page, "a mail with the link is on its way") {
		t.Fatalf("asked: %d\n%s", status, page)
	}
	return d.mailed(t, "yours")
}

func (d *desk) held(t *testing.T, id int64) subscribers.Held {
	t.Helper()
	h, err := d.store.Held(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// The whole way: a letter to the reader's address, his data, another address, the
// end. Opening a page changes nothing.
func TestOwnAddressAndData(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id, unsubscribe, preferences := d.reader(t, "jan@example.com")
		if status, page := d.get(t, preferences); status != 200 || !strings.Contains(page, `name="yours" value="1"`) || strings.Contains(page, "jan@example.com") || len(d.sent()) != 0 {
			t.Fatalf("preferences: %d\n%s", status, page)
		}
		link := d.yours(t, preferences)
		before := d.held(t, id)
		for range 2 {
			if status, page := d.get(t, link); status != 200 || !strings.Contains(page, "jan@example.com") || !strings.Contains(page, `href="`+link+`/data"`) {
				t.Fatalf("page: %d\n%s", status, page)
			}
		}
		var data subscribers.Held
		if status, text := d.get(t, link+"/data"); status != 200 || json.Unmarshal([]byte(text), &data) != nil || data.Subscriber.Email != "jan@example.com" || len(data.Consents) != 1 {
			t.Errorf("data: %d %s", status, text)
		}
		if status, page := d.post(t, link, moveTo("jan@new.example")); status != 200 || !strings.Contains(page, "a mail with a button is on its way there") {
			t.Fatalf("asked to move: %d\n%s", status, page)
		}
		button := d.mailed(t, "move")
		if status, page := d.get(t, button); status != 200 || !strings.Contains(page, "jan@new.example instead of j…\u2060n@example.com") || !strings.Contains(page, `<form method="post"`) {
			t.Fatalf("button: %d\n%s", status, page)
		}
		after := d.held(t, id)
		after.Events = after.Events[:len(before.Events)] // then comes the letter
		if !reflect.DeepEqual(after, before) {
			t.Errorf("opening pages changed\n%+v to\n%+v", before, after)
		}
		for range 2 {
			if status, page := d.post(t, button, nil); status != 200 || !strings.Contains(page, "From now on news.example.com writes to jan@new.example.") {
				t.Fatalf("pressed: %d\n%s", status, page)
			}
		}
		consents := d.held(t, id).Consents
		if last := consents[len(consents)-1]; len(consents) != 2 || !strings.HasPrefix(last.Wording, "en-") || last.Wording == consents[0].Wording {
			t.Errorf("consents: %+v", consents)
		}
		for _, path := range []string{link, link + "/data"} {
			if status, page := d.get(t, path); status != http.StatusGone || strings.Contains(page, "new.example") {
				t.Errorf("the old address's link: %d\n%s", status, page)
			}
		}
		if status, _ := d.post(t, link, eraseMe); status != http.StatusGone {
			t.Errorf("erased by the old address's link: %d", status)
		}
		d.pass(2 * time.Hour)
		link = d.yours(t, preferences)
		if status, page := d.post(t, link, eraseMe); status != 200 || !strings.Contains(page, "You are erased") {
			t.Fatalf("erased: %d\n%s", status, page)
		}
		if _, err := d.store.ByID(t.Context(), id); !errors.Is(err, subscribers.ErrNotFound) {
			t.Errorf("he is still there: %v", err)
		}
		if x, ok, err := d.store.Suppressed(t.Context(), d.store.DB.Read, "jan@new.example"); err != nil || !ok || x.Reason != subscribers.Forgotten {
			t.Errorf("suppression: %+v %v", x, err)
		}
		for path, want := range map[string]int{link: http.StatusGone, button: http.StatusGone, preferences: http.StatusGone, unsubscribe: 200} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				if status, _ := d.do(t, method, path, "", nil); status != want {
					t.Errorf("%s %s after erasure: %d, want %d", method, path, status, want)
				}
			}
		}
	})
}

// The answers are the same whether a letter went out or not.
func TestAnswersAboutLettersAreAlike(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		_, _, preferences := d.reader(t, "jan@example.com")
		d.reader(t, "taken@example.com")
		if err := d.store.SuppressAddress(t.Context(), "manual@example.com", subscribers.Manual, ""); err != nil {
			t.Fatal(err)
		}
		first, again := "", ""
		link := d.yours(t, preferences)
		_, first = d.post(t, preferences, askYours)
		n := len(d.sent())
		d.pass(2 * time.Hour)
		_, again = d.post(t, preferences, askYours)
		if first != again || n != 1 || len(d.sent()) != 2 {
			t.Errorf("%d, then %d letters:\n%s\n%s", n, len(d.sent()), first, again)
		}
		want := ""
		for _, email := range []string{"taken@example.com", "manual@example.com"} {
			begin := time.Now()
			status, page := d.post(t, link, moveTo(email))
			if took := time.Since(begin); took < 100*time.Millisecond {
				t.Errorf("%s: answered after %v", email, took)
			}
			page = strings.ReplaceAll(page, email, "ADDRESS")
			if want == "" {
				want = page
			}
			if status != 200 || page != want {
				t.Errorf("%s: %d\n%s", email, status, page)
			}
		}
		if letters := d.sent(); len(letters) != 3 || !strings.Contains(letters[2].Text, "nothing was merged") {
			t.Errorf("%d letters, the last:\n%s", len(letters), letters[len(letters)-1].Text)
		}
	})
}

func TestYoursRefuses(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	id, _, preferences := d.reader(t, "jan@example.com")
	link := d.yours(t, preferences)
	for _, form := range []url.Values{{}, {templates.FieldErase: {"0"}}, askYours} {
		if status, _ := d.post(t, link, form); status != http.StatusBadRequest {
			t.Errorf("%v: %d, want 400", form, status)
		}
	}
	if status, page := d.post(t, link, moveTo("j\u0430n@example.com")); status != 422 || !strings.Contains(page, "mixes letters of different scripts") {
		t.Errorf("one with a Cyrillic letter: %d\n%s", status, page)
	}
	if status, page := d.post(t, link, moveTo("jan@@example.com")); status != 422 || !strings.Contains(page, "does not look like an e-mail address") {
		t.Errorf("no address: %d\n%s", status, page)
	}
	if status, page := d.post(t, link, moveTo("jan@gmial.com")); status != 200 || !strings.Contains(page, "jan@gmail.com") {
		t.Errorf("a mistyped one: %d\n%s", status, page)
	}
	token := strings.TrimPrefix(link, "/yours/")
	other := strings.TrimPrefix(preferences, "/preferences/")
	test := d.store.Keys.TestToken(subscribers.KindYours, 0)
	move := d.store.Keys.TestToken(subscribers.KindMove, 0)
	for _, path := range []string{"/yours/" + other, "/yours/" + test, "/yours/preview", "/yours/" + token[:len(token)-1], "/move/" + token, "/move/" + move, "/move/preview", "/preferences/" + token, "/u/" + token} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status, page := d.do(t, method, path, "application/x-www-form-urlencoded", strings.NewReader(eraseMe.Encode())); status != http.StatusNotFound && !strings.Contains(page, "test mail") {
				t.Errorf("%s %s: %d", method, path, status)
			}
		}
	}
	if status, page := d.post(t, "/preferences/"+subscribers.PreviewToken, askYours); !strings.Contains(page, "test mail") || len(d.sent()) != 2 {
		t.Errorf("asked from a preview: %d, %d letters", status, len(d.sent()))
	}
	if got := d.states(t, id); got["daily"] != subscribers.Active {
		t.Errorf("lists: %v", got)
	}
	d.pass(subscribers.OwnWithin)
	if status, page := d.get(t, link); status != http.StatusGone || !strings.Contains(page, "your preferences page") {
		t.Errorf("a day later: %d\n%s", status, page)
	}
	busy := 0
	for range 20 {
		if status, _ := d.post(t, preferences, askYours); status == http.StatusTooManyRequests {
			busy++
		}
	}
	if busy != 10 {
		t.Errorf("%d of 20 were refused, want 10", busy)
	}
}

// These pages are nobody else's to keep, frame or learn of, and speak the
// reader's language.
func TestYoursIsPrivate(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	_, _, preferences := d.reader(t, "jan@example.com")
	if status, page := d.post(t, preferences+"?lang=ur", askYours); status != 200 || !strings.Contains(page, `dir="rtl"`) {
		t.Errorf("%d\n%s", status, page)
	}
	if l := d.sent(); l[0].Language != "ur" {
		t.Errorf("the letter is in %s", l[0].Language)
	}
	link := d.mailed(t, "yours")
	d.post(t, link, moveTo("jan@new.example"))
	for _, path := range []string{link + "?lang=ur", d.mailed(t, "move") + "?lang=ur", link + "/data"} {
		res, err := http.Get(d.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		page, h := body(t, res), res.Header
		if res.StatusCode != 200 || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", path, res.StatusCode, h)
		}
		if strings.HasSuffix(path, "/data") {
			if !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("X-Robots-Tag") != "noindex" {
				t.Errorf("%s: %v", path, h)
			}
		} else if !strings.Contains(page, `name="robots" content="noindex"`) || !strings.Contains(page, `dir="rtl"`) || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: %v\n%s", path, h, page)
		}
	}
}

// Who is suppressed by his own will has nothing to take along, but may have his
// data and be erased.
func TestNothingToMove(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	_, _, preferences := d.reader(t, "jan@example.com")
	d.post(t, preferences, url.Values{templates.FieldAll: {"1"}})
	link := d.yours(t, preferences)
	if _, page := d.get(t, link); strings.Contains(page, `name="`+templates.FieldEmail+`"`) || !strings.Contains(page, `href="/subscribe?lang=en"`) || !strings.Contains(page, `name="erase"`) {
		t.Errorf("page:\n%s", page)
	}
	if status, _ := d.post(t, link, moveTo("jan@new.example")); status != http.StatusGone || len(d.sent()) != 1 {
		t.Errorf("moved all the same: %d", status)
	}
}
