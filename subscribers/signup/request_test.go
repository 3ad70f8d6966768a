package signup_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers"
	"pressrun/subscribers/signup"
	"pressrun/templates"
)

// What no form of ours sends gets a page that says so, with the status that programs
// understand, and changes nothing.
func TestRequestsThatAreNotOurs(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	id, u, p := d.reader(t, "jan@example.com")
	const plain = "application/x-www-form-urlencoded"
	large := strings.Repeat("a", 100<<10)
	tests := []struct {
		method, path, contentType, body string
		status                          int
		allow, want                     string
	}{
		{"PUT", "/subscribe", "", "", 405, "GET, HEAD, POST", "not understood"},
		{"DELETE", "/confirm/x", "", "", 405, "GET, HEAD, POST", "not understood"},
		{"PATCH", u, "", "", 405, "GET, HEAD, POST", "not understood"},
		{"POST", "/subscribe/form", "", "", 405, "GET, HEAD", "not understood"},
		{"POST", "/yours/x/data", "", "", 405, "GET, HEAD", "not understood"},
		{"PUT", "/nowhere", "", "", 404, "", "nothing here"},
		{"GET", "/confirm/", "", "", 404, "", "not complete"},
		{"GET", "/u", "", "", 404, "", "not complete"},
		{"GET", "/preferences/a/b", "", "", 404, "", "not complete"},
		{"POST", "/subscribe", plain, large, 413, "", "not understood"},
		{"POST", p, plain, "name=" + large, 413, "", "not understood"},
		{"POST", "/subscribe", plain, "email=%zz", 400, "", "not understood"},
		{"POST", "/subscribe", ";;", "email=jan@example.org", 400, "", "not understood"},
		{"POST", "/subscribe", "multipart/form-data", "x", 400, "", "not understood"},
		{"POST", "/subscribe", "application/json", `{"email":"jan@example.org"}`, 415, "", "not understood"},
		{"POST", p, "text/plain", "pause=0", 415, "", "not understood"},
		{"POST", p, plain, "pause=3", 400, "", "not understood"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
		if tt.contentType != "" {
			r.Header.Set("Content-Type", tt.contentType)
		}
		(&signup.Site{Store: d.store}).Handler().ServeHTTP(w, r)
		if w.Code != tt.status || w.Header().Get("Allow") != tt.allow || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s %s: %d %q, want %d %q and %q in\n%s", tt.method, tt.path, tt.contentType, w.Code, w.Header().Get("Allow"), tt.status, tt.allow, tt.want, w.Body)
		}
	}
	if got := d.states(t, id)["daily"]; got != subscribers.Active {
		t.Errorf("the list is %s now", got)
	}
}

// A link with a slash too many leads where it would without.
func TestSlashTooMany(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	_, u, _ := d.reader(t, "jan@example.com")
	for _, path := range []string{"/subscribe/?lang=ur", u + "/"} {
		w := httptest.NewRecorder()
		(&signup.Site{Store: d.store}).Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if got, want := w.Header().Get("Location"), strings.Replace(strings.TrimSuffix(path, "/"), "/?", "?", 1); w.Code != http.StatusPermanentRedirect || got != want {
			t.Errorf("%s: %d to %q, want %q", path, w.Code, got, want)
		}
	}
}

// A page that sends the form as a program does, multipart, subscribes as well.
func TestMultipartForm(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	f := form("jan@example.com", "daily")
	f.Set(templates.FieldName, "Jan")
	contentType, body := multi(f)
	if status, page := d.do(t, "POST", "/subscribe", contentType, body); status != 200 || len(d.sent()) != 1 {
		t.Errorf("%d, %d letters\n%s", status, len(d.sent()), page)
	}
}

// multi is a form as multipart/form-data.
func multi(f url.Values) (contentType string, body io.Reader) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, values := range f {
		for _, v := range values {
			w.WriteField(name, v)
		}
	}
	w.Close()
	return w.FormDataContentType(), &b
}

// Where no list is offered the page says so: its form would be refused for that
// each time, and not say why.
func TestNothingToSubscribeTo(t *testing.T) {
	d := open(t, schematest.SQLite(t))
	lists, err := d.store.PublicLists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		l.Public = false
		if _, err := d.store.SetList(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	_, asked := d.get(t, "/subscribe")
	_, posted := d.post(t, "/subscribe", form("jan@example.com", "daily"))
	for _, page := range []string{asked, posted} {
		if strings.Contains(page, "<form") || !strings.Contains(page, "no newsletter to subscribe to") {
			t.Errorf("the page:\n%s", page)
		}
	}
}
