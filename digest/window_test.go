package digest_test

import (
	"testing"
	"time"

	"pressrun/digest"
)

func TestWindowAt(t *testing.T) {
	for _, tc := range []struct{ window, zone, at, opens, closes string }{
		{"06:00-22:00", "UTC", "2026-05-01T05:59:00Z", "2026-05-01T06:00:00Z", "2026-05-01T22:00:00Z"},
		{"06:00-22:00", "UTC", "2026-05-01T06:00:00Z", "2026-05-01T06:00:00Z", "2026-05-01T22:00:00Z"},
		{"06:00-22:00", "UTC", "2026-05-01T22:00:00Z", "2026-05-02T06:00:00Z", "2026-05-02T22:00:00Z"},
		{"20:00-02:00", "UTC", "2026-05-01T01:00:00Z", "2026-04-30T20:00:00Z", "2026-05-01T02:00:00Z"},
		{"20:00-02:00", "UTC", "2026-05-01T03:00:00Z", "2026-05-01T20:00:00Z", "2026-05-02T02:00:00Z"},
		{"06:00-22:00", "Asia/Karachi", "2026-05-01T17:00:00Z", "2026-05-02T01:00:00Z", "2026-05-02T17:00:00Z"},
		// Both clock changes: the window is by the wall clock.
		{"06:00-22:00", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T04:00:00Z", "2026-03-29T20:00:00Z"},
		{"06:00-22:00", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T05:00:00Z", "2026-10-25T21:00:00Z"},
		{"02:30-04:00", "Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z"},
	} {
		at, _ := time.Parse(time.RFC3339, tc.at)
		opens, closes := digest.Spec{Window: tc.window, Zone: tc.zone}.WindowAt(at)
		if got := opens.UTC().Format(time.RFC3339); got != tc.opens {
			t.Errorf("%s of %s at %s opens %s, want %s", tc.window, tc.zone, tc.at, got, tc.opens)
		}
		if got := closes.UTC().Format(time.RFC3339); got != tc.closes {
			t.Errorf("%s of %s at %s closes %s, want %s", tc.window, tc.zone, tc.at, got, tc.closes)
		}
	}
	if opens, closes := (digest.Spec{Zone: "UTC"}).WindowAt(time.Now()); !opens.IsZero() || !closes.IsZero() {
		t.Error("no window opens")
	}
}
