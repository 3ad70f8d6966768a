package digest

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// anyTime is the bit by which the cron parser says that a field was a star.
const anyTime = 1 << 63

// maxTimes is how many times of day are told one by one.
const maxTimes = 6

// String is the schedule as people say it: "Monday to Friday 07:00 Asia/Karachi". One
// that takes too many words is its expression and zone.
func (s Schedule) String() string {
	c, ok := s.cron.(*cron.SpecSchedule)
	if !ok || bits.OnesCount64(c.Hour&^anyTime)*bits.OnesCount64(c.Minute&^anyTime) > maxTimes {
		return s.expr + " " + s.zone.String()
	}
	var times []string
	for _, hour := range inField(c.Hour, 0, 23) {
		for _, minute := range inField(c.Minute, 0, 59) {
			times = append(times, fmt.Sprintf("%02d:%02d", hour, minute))
		}
	}
	return daysOf(c) + " " + enumerated(times) + " " + s.zone.String()
}

// When is when the newsletter goes out, in words, its zone included.
func (s Spec) When() string {
	if s.Schedule == "" {
		return "only by hand"
	}
	schedule, err := ParseSchedule(s.Schedule, s.Zone)
	if err != nil { // as an earlier version could read it
		return s.Schedule + " " + s.Zone
	}
	return schedule.String()
}

// daysOf says on which days: where days of the month and of the week are both
// given, cron means those of either.
func daysOf(c *cron.SpecSchedule) string {
	var days []string
	if c.Dow&anyTime == 0 {
		week := inField(c.Dow, 0, 6)
		if week[0] == 0 { // Sunday ends the week
			week = append(week[1:], 7)
		}
		if len(week) == 7 {
			days = append(days, "every day")
		} else {
			days = append(days, runs(week, func(n int) string { return time.Weekday(n % 7).String() }))
		}
	}
	if c.Dom&anyTime == 0 {
		days = append(days, "on day "+runs(inField(c.Dom, 1, 31), strconv.Itoa)+" of the month")
	}
	if len(days) == 0 {
		days = []string{"every day"}
	}
	said := strings.Join(days, " and ")
	if c.Month&anyTime == 0 {
		said += " in " + runs(inField(c.Month, 1, 12), func(n int) string { return time.Month(n).String() })
	}
	return said
}

// inField are the numbers that a field holds.
func inField(field uint64, least, most int) (out []int) {
	for n := least; n <= most; n++ {
		if field&(1<<n) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// runs lists numbers by name, three or more in a row as "Monday to Friday".
func runs(numbers []int, name func(int) string) string {
	var out []string
	for i := 0; i < len(numbers); {
		end := i
		for end+1 < len(numbers) && numbers[end+1] == numbers[end]+1 {
			end++
		}
		if end-i < 2 {
			end = i
			out = append(out, name(numbers[i]))
		} else {
			out = append(out, name(numbers[i])+" to "+name(numbers[end]))
		}
		i = end + 1
	}
	return enumerated(out)
}

// enumerated is "a, b and c".
func enumerated(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
