package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// readArchive opens an issue in the archive and follows its first story with the
// keyboard alone: it opens in place of the page.
func readArchive(t *testing.T, n *newsroom, tab func(int, int, string) context.Context) {
	t.Helper()
	ctx := tab(1280, 900, "light")
	open(t, ctx, n.press.Config.PublicURL+"/archive/morning/1")
	within(t, 30*time.Second, "the keyboard reaches the issue in the archive", func() bool {
		key(t, ctx, kb.Tab)
		return js[bool](t, ctx, "document.activeElement.shadowRoot?.activeElement?.localName === 'a'")
	})
	key(t, ctx, kb.Enter)
	within(t, 30*time.Second, "the first story of an issue in the archive opens", func() bool {
		return strings.HasPrefix(js[string](t, ctx, "location.href"), n.site.Base)
	})
}

func key(t *testing.T, ctx context.Context, k string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(k)); err != nil {
		t.Fatal(err)
	}
}
