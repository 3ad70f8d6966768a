package fetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxPause bounds what a site can ask for: no header keeps us away longer.
const maxPause = 7 * 24 * time.Hour

// retryAfter reads Retry-After, seconds or a date (RFC 9110 section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return clampSeconds(n)
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), 0), maxPause)
	}
	return 0
}

// maxAge is how long the answer stays fresh: Cache-Control max-age less Age
// (RFC 9111 section 4.2.1), else Expires counted from the server's own Date.
func maxAge(h http.Header) time.Duration {
	for _, line := range h.Values("Cache-Control") {
		for d := range strings.SplitSeq(line, ",") {
			name, val, _ := strings.Cut(strings.ToLower(strings.TrimSpace(d)), "=")
			switch name {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				n, err := strconv.ParseInt(strings.Trim(val, `"`), 10, 64)
				if err != nil {
					return 0
				}
				age, _ := strconv.ParseInt(h.Get("Age"), 10, 64)
				return clampSeconds(n - max(age, 0))
			}
		}
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	date, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil {
		return 0
	}
	return min(max(expires.Sub(date), 0), maxPause)
}

func clampSeconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), int64(maxPause/time.Second))) * time.Second
}
