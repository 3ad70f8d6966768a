package main

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestUnnamedProxyIsAnnounced: readers behind a proxy that is not trusted are one
// reader, which nobody would notice; who is no proxy of ours cannot raise alarm.
func TestUnnamedProxyIsAnnounced(t *testing.T) {
	r := newCountingRoom(t, `trusted_proxies = ["10.1.0.0/16"]`)
	come := func(from, forwarded string) []string {
		t.Helper()
		req := httptest.NewRequest("GET", "/subscribe", nil)
		req.RemoteAddr = from
		if forwarded != "" {
			req.Header.Set("X-Forwarded-For", forwarded)
		}
		r.Handler().ServeHTTP(httptest.NewRecorder(), req)
		r.watchProxies(t.Context())
		open, err := r.Installation.Alarms(t.Context(), true, 10)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, a := range open {
			told = append(told, a.Detail)
		}
		return told
	}
	for from, forwarded := range map[string]string{
		"127.0.0.1:4000": "", "198.51.100.7:4000": "203.0.113.9", "10.1.2.3:4000": "203.0.113.9", "@": "203.0.113.9",
	} {
		if told := come(from, forwarded); len(told) > 0 {
			t.Errorf("a request of %s for %q: %q", from, forwarded, told)
		}
	}
	told := come("[::ffff:10.2.0.5]:4000", "203.0.113.9")
	if len(told) != 1 || !strings.Contains(told[0], `"10.2.0.5/32"`) {
		t.Errorf("a proxy that is not named: %q", told)
	}
	// What the next process sees, started with that proxy named.
	r.proxies, r.standing = proxies{trusted: prefixes([]string{"10.2.0.5/32"})}, nil
	if told := come("127.0.0.1:4000", ""); len(told) != 1 {
		t.Errorf("before any request came through it: %q", told)
	}
	if told := come("10.2.0.5:4000", "203.0.113.9"); len(told) > 0 {
		t.Errorf("once it is named: %q", told)
	}
}
