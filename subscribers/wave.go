package subscribers

import (
	"fmt"
	"time"
)

// localTime reads "07:00".
func localTime(text string) (hour, minute int, err error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, 0, fmt.Errorf("local time %q: write for instance 07:00", text)
	}
	return t.Hour(), t.Minute(), nil
}

// waveAt is the first moment at or after slot at which clocks in loc show
// hour:minute. On a day whose clocks jump over that time it is the jump; on a
// day that has it twice, the first of the two that is not before slot.
func waveAt(slot time.Time, loc *time.Location, hour, minute int) time.Time {
	y, m, d := slot.In(loc).Date()
	for day := d - 1; ; day++ {
		for _, t := range moments(y, m, day, hour, minute, loc) {
			if !t.Before(slot) {
				return t
			}
		}
	}
}

// moments are the instants at which clocks in loc show a wall-clock time of a
// day: one, two when clocks were set back over it, or the jump itself when
// they were set forward over it.
func moments(y int, m time.Month, d, hour, minute int, loc *time.Location) []time.Time {
	wall := time.Date(y, m, d, hour, minute, 0, 0, time.UTC)
	var out []time.Time
	for _, near := range []time.Duration{-26 * time.Hour, 26 * time.Hour} { // offsets before and after any change of that day
		_, offset := wall.Add(near).In(loc).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		if showing(t.In(loc), wall) && (len(out) == 0 || !out[0].Equal(t)) {
			out = append(out, t)
		}
	}
	if len(out) == 2 && out[1].Before(out[0]) {
		out[0], out[1] = out[1], out[0]
	}
	if len(out) > 0 {
		return out
	}
	_, end := wall.Add(-26 * time.Hour).In(loc).ZoneBounds()
	if end.IsZero() {
		return nil
	}
	return []time.Time{end.UTC()}
}

func showing(t, wall time.Time) bool {
	y, m, d := t.Date()
	wy, wm, wd := wall.Date()
	return y == wy && m == wm && d == wd && t.Hour() == wall.Hour() && t.Minute() == wall.Minute()
}
