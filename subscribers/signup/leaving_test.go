package signup_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers"
	"pressrun/templates"
)

// What the pages of leaving say is true for who has several lists, has left some
// before, or is erased.
func TestLeavingSaysWhatIsSo(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	id, daily, preferences := d.reader(t, "jan@example.com")
	d.post(t, preferences, url.Values{templates.FieldList: {"daily", "weekend"}, templates.FieldPause: {"0"}})
	all := strings.TrimPrefix(d.store.UnsubscribeURL(id, 0), "https://news.example.com")
	if _, page := d.get(t, all); !strings.Contains(page, "Stop sending The daily and The weekend to") {
		t.Errorf("before leaving all lists:\n%s", page)
	}
	if _, page := d.post(t, daily, nil); !strings.Contains(page, "We will not send you The daily any more.") || !strings.Contains(page, `href="`+preferences+`?lang=en"`) {
		t.Errorf("after leaving one list:\n%s", page)
	}
	if _, page := d.get(t, all); !strings.Contains(page, "Stop sending The weekend to") {
		t.Errorf("before leaving what is left:\n%s", page)
	}
	if _, page := d.post(t, preferences, url.Values{templates.FieldAll: {"1"}}); !strings.Contains(page, "We will not send you any more newsletters.") {
		t.Errorf("after leaving all:\n%s", page)
	}
	if err := d.store.Forget(t.Context(), id, "jan"); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{daily, all, preferences} {
		if _, page := d.get(t, link); strings.Contains(page, "/subscribe") || !strings.Contains(page, "We will not send you any more newsletters.") || strings.Contains(page, "Subscribe again") {
			t.Errorf("a link of somebody erased:\n%s", page)
		}
	}
	if status, page := d.post(t, preferences, url.Values{templates.FieldList: {"daily"}, templates.FieldPause: {"0"}}); status != http.StatusGone || !strings.Contains(page, "We will not send you any more newsletters.") {
		t.Errorf("what somebody erased wants again:\n%s", page)
	}
}

// The links of mails to an address that the reader no longer has work, and do
// not tell where he is now.
func TestOldLinksAfterAMove(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.post(t, "/subscribe", form("old@example.com", "weekend"))
		letters := d.sent()
		_, confirm, _ := strings.Cut(letters[len(letters)-1].Text, "https://news.example.com")
		confirm = strings.Fields(confirm)[0]
		id, unsubscribe, preferences := d.reader(t, "old@example.com")
		if err := d.store.Move(t.Context(), id, "new-address@example.org", "jan"); err != nil {
			t.Fatal(err)
		}
		save := url.Values{templates.FieldList: {"daily"}, templates.FieldPause: {"0"}}
		for _, f := range []func() (int, string){
			func() (int, string) { return d.get(t, confirm) }, func() (int, string) { return d.get(t, preferences) },
			func() (int, string) { return d.post(t, preferences, save) }, func() (int, string) { return d.get(t, unsubscribe) },
			func() (int, string) { return d.post(t, unsubscribe, nil) },
		} {
			if status, page := f(); status != http.StatusOK || strings.Contains(page, "new-address") {
				t.Errorf("%d\n%s", status, page)
			}
		}
		if got := d.states(t, id)["daily"]; got != subscribers.Unsubscribed {
			t.Errorf("after unsubscribing by an old link: %s", got)
		}
	})
}
