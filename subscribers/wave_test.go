package subscribers

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWaveAt(t *testing.T) {
	tests := []struct {
		name, zone, slot string
		hour, minute     int
		want             string
	}{
		{"same zone", "Asia/Karachi", "2026-11-24T07:00:00+05:00", 7, 0, "2026-11-24T07:00:00+05:00"},
		{"later in the west", "America/New_York", "2026-11-24T07:00:00+05:00", 7, 0, "2026-11-24T07:00:00-05:00"},
		{"east is already past it: the next day", "Australia/Sydney", "2026-11-24T07:00:00+05:00", 7, 0, "2026-11-25T07:00:00+11:00"},
		{"half an hour", "Asia/Kolkata", "2026-11-24T07:00:00+05:00", 7, 30, "2026-11-24T07:30:00+05:30"},
		{"a minute past", "UTC", "2026-11-24T07:00:00.001Z", 7, 0, "2026-11-25T07:00:00Z"},
		{"clocks jump over it", "Europe/Berlin", "2026-03-28T12:00:00Z", 2, 30, "2026-03-29T03:00:00+02:00"},
		{"clocks jump over it, from the jump on", "Europe/Berlin", "2026-03-29T01:00:00Z", 2, 30, "2026-03-29T03:00:00+02:00"},
		{"twice: the first", "Europe/Berlin", "2026-10-24T12:00:00Z", 2, 30, "2026-10-25T02:30:00+02:00"},
		{"twice, slot between them: the second", "Europe/Berlin", "2026-10-25T00:45:00Z", 2, 30, "2026-10-25T02:30:00+01:00"},
		{"day of the change, ordinary hour", "Europe/Berlin", "2026-10-25T00:00:00Z", 7, 0, "2026-10-25T07:00:00+01:00"},
		{"change at midnight", "Africa/Cairo", "2026-04-23T12:00:00Z", 0, 30, "2026-04-24T01:00:00+03:00"},
		{"half an hour of summer time", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2, 15, "2026-10-04T02:30:00+11:00"},
		{"a day that does not exist", "Pacific/Apia", "2011-12-29T20:00:00Z", 7, 0, "2011-12-29T07:00:00-10:00"},
	}
	for _, tt := range tests {
		loc, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		slot, err := time.Parse(time.RFC3339Nano, tt.slot)
		if err != nil {
			t.Fatal(err)
		}
		got := waveAt(slot, loc, tt.hour, tt.minute)
		if tt.zone == "Pacific/Apia" { // 29 December 20:00 UTC is 10:00 there: the next morning is that of the 31st
			if want := time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC); !got.Equal(want) {
				t.Errorf("%s: got %s, want the moment after the day that was left out, %s", tt.name, got, want)
			}
			continue
		}
		if got.In(loc).Format(time.RFC3339) != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got.In(loc).Format(time.RFC3339), tt.want)
		}
	}
}

// TestWaveProperties: never before the slot, never two days later, and clocks
// show the time, or have just jumped over it; no earlier moment would do.
func TestWaveProperties(t *testing.T) {
	zones := []string{"UTC", "Asia/Karachi", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Casablanca", "America/Santiago"}
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		slot := time.Unix(rapid.Int64Range(1767225600, 1830297600).Draw(t, "slot"), 0)
		hour, minute := rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")
		got := waveAt(slot, loc, hour, minute)
		if got.Before(slot) || got.Sub(slot) > 26*time.Hour {
			t.Fatalf("%s is %s after the slot", got, got.Sub(slot))
		}
		local := got.In(loc)
		start, _ := local.ZoneBounds()
		if (local.Hour() != hour || local.Minute() != minute) && !got.Equal(start) {
			t.Fatalf("clocks show %s, want %02d:%02d", local, hour, minute)
		}
		for at := slot.Truncate(time.Minute).Add(time.Minute); at.Before(got); at = at.Add(time.Minute) {
			if l := at.In(loc); l.Hour() == hour && l.Minute() == minute {
				t.Fatalf("%s is earlier than %s", at, got)
			}
		}
	})
}
