package fetch

import (
	"net/http"
	"testing"
	"time"
)

func TestFreshness(t *testing.T) {
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name          string
		header        map[string]string
		retry, maxAge time.Duration
	}{
		{"nothing", nil, 0, 0},
		{"seconds", map[string]string{"Retry-After": "90"}, 90 * time.Second, 0},
		{"date", map[string]string{"Retry-After": "Mon, 23 Nov 2026 08:00:00 GMT"}, time.Hour, 0},
		{"past date", map[string]string{"Retry-After": "Mon, 23 Nov 2026 06:00:00 GMT"}, 0, 0},
		{"for ever", map[string]string{"Retry-After": "9223372036854775807"}, maxPause, 0},
		{"negative and words", map[string]string{"Retry-After": "-1", "Cache-Control": "max-age=soon"}, 0, 0},
		{"max-age", map[string]string{"Cache-Control": `public, max-age="600"`, "Age": "100"}, 0, 500 * time.Second},
		{"no-cache", map[string]string{"Cache-Control": "no-cache, max-age=600"}, 0, 0},
		{"expires", map[string]string{"Date": "Mon, 23 Nov 2026 07:00:00 GMT", "Expires": "Mon, 23 Nov 2026 07:30:00 GMT"}, 0, 30 * time.Minute},
		{"expired", map[string]string{"Date": "Mon, 23 Nov 2026 07:00:00 GMT", "Expires": "0"}, 0, 0},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		if got := retryAfter(h, now); got != c.retry {
			t.Errorf("%s: retry after %v, want %v", c.name, got, c.retry)
		}
		if got := maxAge(h); got != c.maxAge {
			t.Errorf("%s: max age %v, want %v", c.name, got, c.maxAge)
		}
	}
}
