package digest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/templates"
)

// A length of time may be given in days, and none lies below zero.
func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"45m": 45 * time.Minute, "30d": 30 * 24 * time.Hour, "1d12h": 36 * time.Hour, "0": 0, "0s": 0,
		"": -1, "30": -1, "d": -1, "1.5d": -1, "-1d": -1, "1d-2h": -1, "1h1d": -1, "-1h": -1, "60000d2562047h": -1, "70000d": -1,
	} {
		got, err := ParseDuration(text)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

// A length of time is written as people do, and read again it is the same.
func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", 45 * time.Minute: "45m", 24 * time.Hour: "24h", 72 * time.Hour: "3d", 36 * time.Hour: "36h", 90 * time.Minute: "1h30m", 10 * time.Second: "10s", 70 * time.Second: "1m10s",
		time.Hour + 10*time.Second: "1h0m10s", 70000 * 24 * time.Hour: "1680000h",
	} {
		text, err := Duration(d).MarshalText()
		var again Duration
		if err == nil {
			err = again.UnmarshalText(text)
		}
		if err != nil || string(text) != want || again != Duration(d) {
			t.Errorf("%v: %q, read again %v: %v; want %q", d, text, time.Duration(again), err, want)
		}
	}
}

// TestNameIsNoNumber: a newsletter is not given a name that could be another's number;
// one that has it from before is never taken for that, and can be changed.
func TestNameIsNoNumber(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		s := &Store{DB: db, Now: time.Now}
		spec := Spec{Title: "M", List: "l", From: "M <a@b.example>", Brand: templates.Brand{Name: "N", Postal: "x"}}
		for _, name := range []string{"1", "2026-11"} {
			if _, _, err := s.ApplyNewsletter(ctx, name, spec, "test"); err == nil || !strings.Contains(err.Error(), `write for instance name = "daily-`+name+`"`) {
				t.Errorf("newsletter %s: %v", name, err)
			}
		}
		first, _, err := s.ApplyNewsletter(ctx, "morning", spec, "test")
		if err != nil {
			t.Fatal(err)
		}
		second, _, err := s.ApplyNewsletter(ctx, "evening-2", spec, "test")
		if err != nil || first.ID != 1 {
			t.Fatal(first.ID, err)
		}
		if _, err := db.Write.ExecContext(ctx, `update newsletters set name = '1' where id = $1`, second.ID); err != nil {
			t.Fatal(err)
		}
		find := func(n Newsletter, err error) int64 {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return n.ID
		}
		if got := []int64{find(s.Newsletter(ctx, "1")), find(s.Newsletter(ctx, "2")), find(s.Newsletter(ctx, "morning")), find(s.NewsletterNamed(ctx, "1"))}; got[0] != 1 || got[1] != 2 || got[2] != 1 || got[3] != 2 {
			t.Errorf("by number 1, 2, by name morning, 1: %v", got)
		}
		if _, err := s.NewsletterNamed(ctx, "2"); !errors.Is(err, ErrNotFound) {
			t.Errorf("by name 2: %v", err)
		}
		spec.Title = "Evening"
		if n, changed, err := s.ApplyNewsletter(ctx, "1", spec, "test"); err != nil || !changed || n.ID != second.ID || n.Spec.Title != "Evening" {
			t.Errorf("changed: %+v, %v, %v", n, changed, err)
		}
	})
}
