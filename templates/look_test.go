package templates

import (
	"bytes"
	"net/http"
	"os"
	"os/signal"
	"path"
	"strings"
	"testing"
)

// TestLook serves every sample at the address in PRESSRUN_LOOK until it is
// interrupted, so that people can look at them: /mail/issue-en, /page/ur/confirm.
func TestLook(t *testing.T) {
	addr := os.Getenv("PRESSRUN_LOOK")
	if addr == "" {
		return // nobody wants to look
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+StaticPrefix, StaticHandler())
	mux.HandleFunc("GET /mail/{name}", func(w http.ResponseWriter, r *http.Request) {
		b, err := os.ReadFile("testdata/" + path.Base(r.PathValue("name")) + ".html")
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(bytes.ReplaceAll(b, []byte("https://courier.example/img/ferry.jpg"), []byte("/look/ferry.svg")))
	})
	mux.HandleFunc("GET /look/ferry.svg", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = w.Write([]byte(ferry))
	})
	mux.HandleFunc("GET /page/{lang}/{name}", func(w http.ResponseWriter, r *http.Request) {
		view := samplePages(r.PathValue("lang"))[r.PathValue("name")]
		if v, ok := view.(IssuePage); ok {
			v.FrameURL = "/mail/issue-en"
			view = v
		}
		if err := Page(w, r.PathValue("name"), r.PathValue("lang"), view); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	})
	mux.HandleFunc("GET /desk/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := Desk(w, r.PathValue("name"), sampleDesk()[r.PathValue("name")]); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	})
	srv := &http.Server{Addr: addr, Handler: mux}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	go func() { <-stop; _ = srv.Close() }()
	t.Logf("look at http://%s/", strings.TrimPrefix(addr, "http://"))
	if err := srv.ListenAndServe(); err != http.ErrServerClosed {
		t.Fatal(err)
	}
}

const ferry = `<svg xmlns="http://www.w3.org/2000/svg" width="1072" height="603"><rect width="1072" height="603" fill="#f2c79b"/><circle cx="760" cy="300" r="90" fill="#fff1d6"/><rect y="330" width="1072" height="273" fill="#3f6d86"/><path d="M250 330h420l-60 70h-320z" fill="#fff"/><rect x="330" y="270" width="240" height="60" fill="#eee"/><rect x="430" y="220" width="40" height="50" fill="#b33"/></svg>`
