package templates

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"pressrun/templates/chromiumtest"
)

// The browser of this test process, started by the first test that needs it.
var chromium struct {
	ctx  context.Context
	stop func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.stop != nil {
		chromium.stop()
	}
	os.Exit(code)
}

// tab opens a tab of Chromium, with the width of the window and the colour
// scheme ("light", "dark") that the reader prefers.
func tab(t *testing.T, width int, scheme string) context.Context {
	t.Helper()
	if chromium.ctx == nil {
		chromium.ctx, chromium.stop = chromiumtest.Start(t)
	}
	ctx, cancel := chromedp.NewContext(chromium.ctx)
	t.Cleanup(cancel)
	ctx, cancelTime := context.WithTimeout(ctx, 60*time.Second)
	t.Cleanup(cancelTime)
	call(t, ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: int64(width), Height: 900, DeviceScaleFactor: 1})
	call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	visit(t, ctx, "about:blank")
	return ctx
}

// call sends one command of the DevTools protocol to a tab.
func call[P, R any](t *testing.T, ctx context.Context, cmd cdp.Command[P, R], params P) R {
	t.Helper()
	res, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		t.Fatalf("%s: %v", cmd.Method, err)
	}
	return res
}

// pixel stands for the pictures of samples: no test asks the network for one.
const pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="

var remote = regexp.MustCompile(`src="https?://[^"]*"`)

// show puts a document into the tab and waits for its picture.
func show(t *testing.T, ctx context.Context, html string) {
	t.Helper()
	tree := call(t, ctx, cdppage.GetFrameTree, cdp.Empty{})
	call(t, ctx, cdppage.SetDocumentContent, cdppage.SetDocumentContentParams{FrameID: tree.FrameTree.Frame.ID, HTML: remote.ReplaceAllString(html, `src="`+pixel+`"`)})
	evaluate[bool](t, ctx, "Promise.all([...document.images].map((i) => i.decode())).then(() => true)", chromedp.EvalAwaitPromise)
}

func visit(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
}

// policy is what the package comments of Page and Desk promise to run under.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' https: data:; frame-src 'self'; form-action 'self'; base-uri 'none'"

// site serves one document at a time, with the static files beside it.
type site struct {
	url   string
	html  atomic.Value
	sheet atomic.Value // at /sheet, for frames
	mails bool         // a mail's own styles stand in the page
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{}
	mux := http.NewServeMux()
	mux.Handle("GET "+StaticPrefix, StaticHandler())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		allow := policy
		if s.mails {
			allow = strings.Replace(policy, "style-src 'self'", "style-src 'self' 'unsafe-inline'", 1)
		}
		w.Header().Set("Content-Security-Policy", allow)
		_, _ = w.Write([]byte(s.html.Load().(string)))
	})
	mux.HandleFunc("GET /sheet", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(s.sheet.Load().(string)))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.url = srv.URL + "/"
	return s
}

// show opens the document in the tab.
func (s *site) show(t *testing.T, ctx context.Context, html string) {
	t.Helper()
	s.html.Store(html)
	visit(t, ctx, s.url)
}

func evaluate[T any](t *testing.T, ctx context.Context, js string, options ...chromedp.EvaluateOption) T {
	t.Helper()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, options...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}
