package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pressrun/subscribers"
)

// reader adds a confirmed reader of the list readers.
func (r *countingRoom) reader(t *testing.T, email string) subscribers.Subscriber {
	t.Helper()
	ctx := t.Context()
	if _, err := r.Subscribers.ListID(ctx, r.DB.Read, "readers"); err != nil {
		r.say(t, "list", "add", "readers", "--title", "Readers")
	}
	r.say(t, "subscriber", "add", email, "--list", "readers", "--source", "paper form", "--evidence", "folder 3")
	v, err := r.Subscribers.Find(ctx, email)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ask sends a request to the whole web of the installation.
func (r *countingRoom) ask(method, path, body string, header map[string]string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, req)
	return w
}

// TestOwnLinksFromAnywhere presses the buttons behind a reader's own links as old
// browsers do, whose pages without a referrer post from the origin null, and as
// the web mail of another site does.
func TestOwnLinksFromAnywhere(t *testing.T) {
	r := newCountingRoom(t, "")
	old := map[string]string{"Origin": "null"}
	mail := map[string]string{"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}
	for name, header := range map[string]map[string]string{"old": old, "mail": mail} {
		v := r.reader(t, name+"@example.com")
		list, err := r.Subscribers.ListID(t.Context(), r.DB.Read, "readers")
		if err != nil {
			t.Fatal(err)
		}
		if w := r.ask("POST", r.Subscribers.PreferencesURL(v.ID), "pause=7&list=readers", header); w.Code != http.StatusOK {
			t.Errorf("%s: preferences: %d %s", name, w.Code, w.Body)
		}
		if w := r.ask("POST", r.Subscribers.UnsubscribeURL(v.ID, list), "List-Unsubscribe=One-Click", header); w.Code != http.StatusOK {
			t.Errorf("%s: one click: %d %s", name, w.Code, w.Body)
		}
		if got, err := r.Subscribers.Subscriptions(t.Context(), v.ID); err != nil || len(got) != 1 || got[0].State != subscribers.Unsubscribed {
			t.Errorf("%s: after one click: %+v, %v", name, got, err)
		}
	}
	if w := r.ask("POST", "/desk/stop", "", old); w.Code != http.StatusForbidden {
		t.Errorf("the desk takes a form from elsewhere: %d", w.Code)
	}
}
