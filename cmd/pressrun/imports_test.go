package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/subscribers"
)

// TestImportAtTheDesk: a list admin uploads a file, sees what would become of it,
// has it imported while it goes on by itself, and takes it back.
func TestImportAtTheDesk(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	if _, err := r.Subscribers.CreateList(ctx, subscribers.List{Name: "morning", Title: "Morning"}); err != nil {
		t.Fatal(err)
	}
	if err := r.DB.InTx(ctx, func(tx *sql.Tx) error {
		return r.Subscribers.Suppress(ctx, tx, "gone@readers.example", subscribers.Manual, "asked", 0)
	}); err != nil {
		t.Fatal(err)
	}
	call := r.as(t, "lists@news.example", "list admin")
	token, err := r.Installation.SignInToken(ctx, "lists@news.example")
	if err != nil {
		t.Fatal(err)
	}
	session, err := r.Installation.SignIn(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	upload := func(source string, file io.Reader) *httptest.ResponseRecorder {
		t.Helper()
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		form.WriteField("list", "morning")
		form.WriteField("source", source)
		if file != nil {
			w, _ := form.CreateFormFile("file", "readers.csv")
			io.Copy(w, file)
		}
		form.Close()
		req := httptest.NewRequest("POST", "/desk/subscribers/import", &body)
		req.Header.Set("Content-Type", form.FormDataContentType())
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: session})
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, req)
		return w
	}
	for _, c := range []struct {
		source, want string
		status       int
		file         io.Reader
	}{
		{"fair 2026", "Choose a file", 400, nil},
		{"", "Say where they agreed", 400, strings.NewReader("email\na@readers.example\n")},
		{"fair 2026", "No column holds mail addresses", 400, strings.NewReader("harbour\nferry\n")},
		{"fair 2026", "larger than 64 MB", 413, io.LimitReader(endless("a@readers.example\n"), 70<<20)},
	} {
		w := upload(c.source, c.file)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("status %d, want %d with %q", w.Code, c.status, c.want)
		}
	}
	if list, err := r.Subscribers.Imports(ctx); err != nil || len(list) != 0 {
		t.Fatalf("%d imports, %v", len(list), err)
	}

	var file strings.Builder
	file.WriteString("email,name\nnot an address,Bo\ngone@readers.example,Cy\neve@gmial.com,Eve\n")
	for i := range 1200 {
		fmt.Fprintf(&file, "reader%d@readers.example,Reader %d\n", i, i)
	}
	w := upload("fair 2026", strings.NewReader(file.String()))
	at := w.Header().Get("Location")
	if w.Code != 303 || !strings.HasPrefix(at, "/desk/subscribers/import/") {
		t.Fatalf("status %d to %q: %s", w.Code, at, w.Body)
	}
	page := call(200, "GET", at, "")
	for _, want := range []string{"readers.csv", "waiting", "Import 1201 readers", "New readers", "Suppressed: stay away", "Without a usable address", "fair 2026", "2 remarks on rows", "read as"} {
		if !strings.Contains(strings.ToLower(page), strings.ToLower(want)) {
			t.Errorf("the report lacks %q", want)
		}
	}
	rows := call(200, "GET", at+"/rows", "")
	for _, want := range []string{"not an address", "did you mean eve@gmail.com?"} {
		if !strings.Contains(rows, want) {
			t.Errorf("the rows lack %q", want)
		}
	}
	if list, total, err := r.Subscribers.Page(ctx, subscribers.Filter{}); err != nil || total != 0 {
		t.Fatalf("looking at a file brought %d readers (%v), %v", total, list, err)
	}

	call(200, "POST", at, "do=start")
	call(409, "POST", at, "do=start")
	if page := call(200, "GET", at, ""); !strings.Contains(page, "data-live") || !strings.Contains(page, "running") {
		t.Error("the page of what runs does not go on by itself")
	}
	if err := r.Jobs.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer r.Jobs.Stop(ctx)
	until := func(state string) string {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if err := r.orderImports(ctx); err != nil {
				t.Fatal(err)
			}
			if page := call(200, "GET", at, ""); strings.Contains(page, ">"+state+"<") || time.Now().After(end) {
				return page
			}
		}
	}
	page = until("done")
	if !strings.Contains(page, "1201") || !strings.Contains(page, "Undo") || strings.Contains(page, "data-live") {
		t.Errorf("done, the page says %s", page)
	}
	if _, total, err := r.Subscribers.Page(ctx, subscribers.Filter{State: "active"}); err != nil || total != 1201 {
		t.Errorf("%d readers, %v", total, err)
	}
	if rows := call(200, "GET", at+"/rows", ""); strings.Contains(rows, "gmial") || !strings.Contains(rows, "not kept") {
		t.Error("an address from the file is still kept with the report")
	}
	list := call(200, "GET", "/desk/subscribers/import", "")
	if !regexp.MustCompile(`(?s)readers\.csv.*done.*1201.*lists@news\.example`).MatchString(list) {
		t.Errorf("the list of imports says %s", list)
	}
	call(200, "POST", at, "do=undo")
	if page := until("undone"); !strings.Contains(page, "1201 readers deleted") || !strings.Contains(page, "Undone by lists@news.example") {
		t.Errorf("undone, the page says %s", page)
	}
	if _, total, err := r.Subscribers.Page(ctx, subscribers.Filter{}); err != nil || total != 0 {
		t.Errorf("undone, there are %d readers, %v", total, err)
	}
	call(409, "POST", at, "do=undo")

	w = upload("fair 2026", strings.NewReader("email\na@readers.example\n"))
	at = w.Header().Get("Location")
	call(404, "POST", at, "do=sing")
	call(200, "POST", at, "do=drop")
	call(404, "GET", at, "")
	r.as(t, "ed@news.example", "editor")(403, "GET", "/desk/subscribers/import", "")
}

// TestImportCutOff: an import at the command line that fails, is ended or killed is not
// said to run for ever, and says what to do.
func TestImportCutOff(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	if _, err := r.Subscribers.CreateList(ctx, subscribers.List{Name: "morning", Title: "Morning"}); err != nil {
		t.Fatal(err)
	}
	rows := "email\n"
	for i := range 5000 {
		rows += fmt.Sprintf("reader%d@readers.example\n", i)
	}
	newest := func() subscribers.Import {
		t.Helper()
		list, err := r.Subscribers.Imports(ctx)
		if err != nil || len(list) == 0 {
			t.Fatalf("%d imports, %v", len(list), err)
		}
		return list[0]
	}
	for why, in := range map[string]func(end func()) io.Reader{
		"damaged":      func(func()) io.Reader { return iotest.ErrReader(errors.New("damaged")) },
		"it was ended": func(end func()) io.Reader { return readerFunc(func([]byte) (int, error) { end(); return 0, io.EOF }) },
	} {
		until, end := context.WithCancel(ctx)
		var out, errs bytes.Buffer
		code := run(until, []string{"-c", r.config, "subscriber", "import", "-", "--list", "morning", "--source", "fair", "--yes"}, io.MultiReader(strings.NewReader(rows), in(end)), &out, &errs)
		end()
		if code != exitFailed || !strings.Contains(errs.String(), "was cut off after ") || !strings.Contains(errs.String(), why) {
			t.Errorf("%s: exit %d: %s%s", why, code, out.String(), errs.String())
		}
		if i := newest(); i.State != "failed" || !strings.Contains(i.Note, why) || !strings.Contains(i.Note, "the same file once more") {
			t.Errorf("%s: %+v", why, i)
		}
	}
	now := r.Subscribers.Now
	r.Subscribers.Now = func() time.Time { return now().Add(-2 * time.Minute) }
	id, err := r.Subscribers.BeginImport(ctx, subscribers.Import{File: "readers.csv", List: 1, Source: "fair", By: "command line"}) // and killed
	if err != nil {
		t.Fatal(err)
	}
	r.Subscribers.Now = now
	if list := r.say(t, "subscriber", "imports"); strings.Count(list, "stands still") != 1 || strings.Contains(list, "running") {
		t.Errorf("of one that nobody works at the verb says\n%s", list)
	}
	if err := r.Jobs.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer r.Jobs.Stop(ctx)
	if err := r.orderImports(ctx); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "serve ends what nobody works at", func() bool {
		i := newest()
		return i.ID == id && i.State == "failed" && strings.Contains(i.Note, "cut off")
	})
	within(t, 20*time.Second, "all three stand among what was done", func() bool {
		_, n, err := r.Installation.Actions(ctx, "start import", false, 10, 0)
		return err == nil && n == 3
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// endless repeats a text.
type endless string

func (e endless) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		n += copy(b[n:], e)
	}
	return n, nil
}
