package digest

import (
	"testing"
	"time"
)

func TestScheduleIsWallClock(t *testing.T) {
	for _, c := range []struct {
		name, expr, zone, from string
		want                   []string // local
	}{
		{"a day in a gap keeps its issue", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29 03:30 CEST", "2026-03-30 02:30 CEST"}},
		{"a doubled hour has one issue", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25 02:30 CEST", "2026-10-26 02:30 CET"}},
		{"seven o'clock through spring", "0 7 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z",
			[]string{"2026-03-28 07:00 CET", "2026-03-29 07:00 CEST", "2026-03-30 07:00 CEST"}},
		{"seven o'clock through autumn", "0 7 * * *", "America/New_York", "2026-10-31T00:00:00Z",
			[]string{"2026-10-31 07:00 EDT", "2026-11-01 07:00 EST", "2026-11-02 07:00 EST"}},
		{"a gap at midnight", "0 0 * * *", "Africa/Cairo", "2026-04-22T12:00:00Z",
			[]string{"2026-04-23 00:00 EET", "2026-04-24 01:00 EEST", "2026-04-25 00:00 EEST"}},
		{"no clock change", "0 6 * * 1-5", "Asia/Karachi", "2026-11-20T12:00:00Z",
			[]string{"2026-11-23 06:00 PKT", "2026-11-24 06:00 PKT"}},
		{"what a gap pushes on keeps its turn", "0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29 03:00 CEST", "2026-03-29 03:30 CEST", "2026-03-30 02:00 CEST"}},
		{"from behind the gap", "30 2 * * *", "Europe/Berlin", "2026-03-29T01:10:00Z",
			[]string{"2026-03-29 03:30 CEST", "2026-03-30 02:30 CEST"}},
		{"29 February", "0 7 29 2 *", "Asia/Kathmandu", "2026-11-20T12:00:00Z",
			[]string{"2028-02-29 07:00 +0545", "2032-02-29 07:00 +0545"}},
		{"Chatham", "30 3 * * *", "Pacific/Chatham", "2026-09-25T12:00:00Z",
			[]string{"2026-09-26 03:30 +1245", "2026-09-27 04:30 +1345", "2026-09-28 03:30 +1345"}},
		{"half-hour change", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
			[]string{"2026-10-04 02:45 +11", "2026-10-05 02:15 +11"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ParseSchedule(c.expr, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			loc, _ := time.LoadLocation(c.zone)
			at, _ := time.Parse(time.RFC3339, c.from)
			for _, want := range c.want {
				at = s.Next(at)
				if got := at.In(loc).Format("2006-01-02 15:04 MST"); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
}

// A daily schedule has exactly one instant on every local day of two years, in
// zones that change their clocks in every way there is.
func TestScheduleOnceADay(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/London", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Tehran", "Australia/Lord_Howe", "America/St_Johns", "Africa/Cairo", "Pacific/Apia"} {
		for _, expr := range []string{"0 7 * * *", "0 0 * * *", "30 1 * * *", "30 2 * * *", "59 23 * * *"} {
			s, err := ParseSchedule(expr, zone)
			if err != nil {
				t.Fatal(err)
			}
			loc, _ := time.LoadLocation(zone)
			at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
			days := map[string]int{}
			for range 730 {
				next := s.Next(at)
				if !next.After(at) {
					t.Fatalf("%s in %s: %v is not after %v", expr, zone, next, at)
				}
				at = next
				days[at.In(loc).Format(time.DateOnly)]++
			}
			for day, n := range days {
				if n != 1 {
					t.Errorf("%s in %s: %d issues on %s", expr, zone, n, day)
				}
			}
		}
	}
}

func TestScheduleRefuses(t *testing.T) {
	for _, expr := range []string{"TZ=", "CRON_TZ=UTC", "TZ=Europe/Berlin 0 7 * * *", "@every 1s", "7", "61 7 * * *", "* * * *", "0 7 * * * *"} {
		if _, err := ParseSchedule(expr, "UTC"); err == nil {
			t.Errorf("%q: got no error", expr)
		}
	}
	if _, err := ParseSchedule("0 7 * * *", "Mars/Base"); err == nil {
		t.Error("unknown zone: got no error")
	}
	never, err := ParseSchedule("0 7 31 2 *", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	if at := never.Next(time.Now()); !at.IsZero() {
		t.Errorf("31 February: got %v", at)
	}
}

func FuzzSchedule(f *testing.F) {
	f.Add("0 7 * * *", "Europe/Berlin", int64(1774742400))
	f.Add("*/5 * 1,15 JAN-MAR ?", "Asia/Karachi", int64(0))
	f.Fuzz(func(t *testing.T, expr, zone string, unix int64) {
		s, err := ParseSchedule(expr, zone)
		if err != nil || unix < 0 || unix > 4e9 {
			return
		}
		at := time.Unix(unix, 0)
		if next := s.Next(at); !next.IsZero() && !next.After(at) {
			t.Errorf("%q in %s: %v is not after %v", expr, zone, next, at)
		}
	})
}

// TestScheduleInWords says schedules as people do; what would take too many words
// stays as it is written.
func TestScheduleInWords(t *testing.T) {
	for expr, want := range map[string]string{
		"0 7 * * *":               "every day 07:00",
		"0 7 * * 1-5":             "Monday to Friday 07:00",
		"30 6,18 * * mon-fri":     "Monday to Friday 06:30 and 18:30",
		"0 9 * * 6,0":             "Saturday and Sunday 09:00",
		"0 9 * * 0":               "Sunday 09:00",
		"0 9 * * 1,3,5":           "Monday, Wednesday and Friday 09:00",
		"5 9 * * 0-6":             "every day 09:05",
		"0 9 * * 5-6,0":           "Friday to Sunday 09:00",
		"0 8 1 * *":               "on day 1 of the month 08:00",
		"0 8 1,15 1-3,7 *":        "on day 1 and 15 of the month in January to March and July 08:00",
		"0 8 1 * 1":               "Monday and on day 1 of the month 08:00",
		"@daily":                  "every day 00:00",
		"@weekly":                 "Sunday 00:00",
		"0 6,8,10,12,14,16 * * *": "every day 06:00, 08:00, 10:00, 12:00, 14:00 and 16:00",
		"*/5 * * * *":             "*/5 * * * *",
	} {
		s, err := ParseSchedule(expr, "Asia/Karachi")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.String(); got != want+" Asia/Karachi" {
			t.Errorf("%s: got %q, want %q", expr, got, want+" Asia/Karachi")
		}
	}
}
