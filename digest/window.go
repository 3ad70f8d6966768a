package digest

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"pressrun/deploy/schema"
)

var windowRule = regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$`)

// checkSending reports what is wrong with how an issue is sent.
func (s Spec) checkSending(say func(format string, args ...any), address func(field, value string, required bool)) {
	if s.Window != "" && (!windowRule.MatchString(s.Window) || s.Window[:5] == s.Window[6:]) {
		say("window %q: write for instance 06:00-22:00", s.Window)
	}
	if s.Overflow != "tomorrow" && s.Overflow != "stop" {
		say("overflow %q: write tomorrow or stop", s.Overflow)
	}
	if s.Uncertain != "resend" && s.Uncertain != "park" {
		say("uncertain %q: write resend or park", s.Uncertain)
	}
	if s.Window != "" && s.Waves {
		say("window and waves: waves go by each reader's own clock, a window by the newsletter's; choose one")
	}
	if time.Duration(s.Countdown) > 24*time.Hour {
		say("countdown %v: a day at most", time.Duration(s.Countdown))
	}
	if len(s.Seeds) > 20 {
		say("seeds: %d addresses; 20 at most", len(s.Seeds))
	}
	for _, a := range s.Seeds {
		address("seeds", a, true)
	}
}

// WindowAt is the window in which mail may be sent at or after t: the one that is
// open at t, else the next. Both are zero when the newsletter has none. A window
// that ends before it begins goes over midnight.
func (s Spec) WindowAt(t time.Time) (opens, closes time.Time) {
	m := windowRule.FindStringSubmatch(s.Window)
	zone, err := time.LoadLocation(s.Zone)
	if m == nil || err != nil {
		return time.Time{}, time.Time{}
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1])
	}
	local := t.In(zone)
	for day := -1; ; day++ {
		at := func(hour, minute, more int) time.Time {
			return onClock(time.Date(local.Year(), local.Month(), local.Day()+day+more, hour, minute, 0, 0, time.UTC), zone)
		}
		over := 0
		if n[2]*60+n[3] <= n[0]*60+n[1] {
			over = 1
		}
		if opens, closes = at(n[0], n[1], 0), at(n[2], n[3], over); t.Before(closes) {
			return opens, closes
		}
	}
}

// GoesOn is WindowAt where what a window leaves goes out in the next, nil where it
// does not go out.
func (s Spec) GoesOn() func(t time.Time) (opens, closes time.Time) {
	if s.Overflow == "stop" {
		return nil
	}
	return s.WindowAt
}

// Countdown takes an approved issue into its countdown inside tx: it starts at
// the moment given unless somebody stops it.
func (s *Store) Countdown(ctx context.Context, tx *sql.Tx, id int64, starts time.Time) error {
	if err := s.MoveIssue(ctx, tx, id, "countdown", "", "approved"); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update issues set starts_at = $2 where id = $1`, id, schema.At(starts)); err != nil {
		return fmt.Errorf("countdown of issue %d: %w", id, err)
	}
	return nil
}
