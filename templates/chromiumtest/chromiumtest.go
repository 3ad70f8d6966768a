// Package chromiumtest starts the browser in which tests look at pages.
package chromiumtest

import (
	"context"
	"os/exec"
	"testing"

	"github.com/chromedp/chromedp"
)

// Start starts Chromium, which asks the network for nothing by itself. ctx is its
// first tab, from which chromedp.NewContext opens others; stop ends it.
func Start(tb testing.TB) (ctx context.Context, stop func()) {
	tb.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		tb.Fatal("no Chromium is installed: ./test installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-dev-shm-usage", true))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopTab := chromedp.NewContext(alloc)
	stop = func() { stopTab(); stopAlloc() }
	if err := chromedp.Do(ctx); err != nil {
		stop()
		tb.Fatalf("start Chromium: %v", err)
	}
	return ctx, stop
}
