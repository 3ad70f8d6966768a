package digest

// What a headline says of its own embargo is read here; those that a feed, an editor
// or a program sets are in story.go, decide.go and order.go.

import (
	"regexp"
	"strings"
	"time"
)

var (
	// marking is a headline that says how long it is not to be read: the time, and
	// the headline proper.
	marking     = regexp.MustCompile(`(?i)^\W*(?:embargo(?:ed)?:? (?:until|till)|sperrfrist:?) (.{4,60}?)(?:\]|\)|:| [-–—|])\s+(\S.{7,})$`)
	markedClock = regexp.MustCompile(`\b(?:\d{1,2}(?:[:.]\d\d)? ?[ap]\.?m\b\.?|\d{1,2}:\d\d(?: ?(?:hrs|hours|uhr))?|\d{1,2}(?:\.\d\d)? ?uhr|\d{4} ?(?:hrs|hours))`)
	markedZone  = regexp.MustCompile(`\b(?:gmt|utc|bst|cet|cest|mez|mesz|pkt|et|est|edt|pt|pst|pdt)\b`)
	markedDay   = regexp.MustCompile(`\b(?:(sun|mon|tues|wednes|thurs|fri|satur)day|(sonn|mon|diens|donners|frei|sams)tag|mittwoch)\b`)
	ordinal     = regexp.MustCompile(`(\d)(?:st|nd|rd|th)\b`)
)

// markedZones are the zones of markings; abroad some of them mean another, later
// time, as no newsroom does that writes English or German.
var markedZones = map[string]string{"gmt": "Etc/GMT", "utc": "Etc/GMT", "bst": "Etc/GMT-1", "cet": "Etc/GMT-1", "mez": "Etc/GMT-1", "cest": "Etc/GMT-2", "mesz": "Etc/GMT-2", "pkt": "Etc/GMT-5",
	"et": "America/New_York", "est": "Etc/GMT+5", "edt": "Etc/GMT+4", "pt": "America/Los_Angeles", "pst": "Etc/GMT+8", "pdt": "Etc/GMT+7"}

// marked reads a headline such as "EMBARGOED until 00:01 GMT Sunday: New vaccine
// halves infections", published at a time: the headline proper, and when it is
// free. Any other, and one that does not say day, clock and zone so that nothing
// is left over, comes back as it is, with the zero time.
func marked(title string, published time.Time) (string, time.Time) {
	m := marking.FindStringSubmatch(strings.TrimSpace(title))
	if m == nil {
		return title, time.Time{}
	}
	until, ok := moment(m[1], published)
	if !ok {
		return title, time.Time{}
	}
	return m[2], until
}

// moment reads a day, a clock and a zone in any order. A day of the week is the next
// one; a year that is not written is that which brings the day nearest.
func moment(s string, published time.Time) (time.Time, bool) {
	if t, err := ParseWhen(s); err == nil {
		return t, true
	}
	s = ordinal.ReplaceAllString(strings.ToLower(s), "$1")
	take := func(is *regexp.Regexp) string {
		found := is.FindString(s)
		s = strings.Replace(s, found, " ", 1)
		return found
	}
	zone, err := time.LoadLocation(markedZones[take(markedZone)])
	hour, ok := clockOf(take(markedClock))
	if err != nil || zone == time.UTC || !ok {
		return time.Time{}, false
	}
	weekday := take(markedDay)
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
	for len(words) > 0 && (words[0] == "on" || words[0] == "at" || words[0] == "am") {
		words = words[1:]
	}
	for len(words) > 0 && (words[len(words)-1] == "at" || words[len(words)-1] == "on" || words[len(words)-1] == "um") {
		words = words[:len(words)-1]
	}
	now := published.In(zone)
	day, ok := dayOf(strings.Join(words, " "), weekday, now)
	at := time.Date(day.Year(), day.Month(), day.Day(), hour.Hour(), hour.Minute(), 0, 0, zone).UTC()
	near := at.After(published.AddDate(0, 0, -30)) && at.Before(published.AddDate(0, 3, 0))
	return at, ok && near
}

func clockOf(s string) (time.Time, bool) {
	s = strings.NewReplacer(" ", "", "a.m.", "am", "p.m.", "pm", "a.m", "am", "p.m", "pm", "hrs", "", "hours", "").Replace(s)
	for _, layout := range []string{"15:04", "3:04pm", "3.04pm", "3pm", "1504", "15uhr", "15.04uhr", "15:04uhr"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// dayOf is the day that is written, or else the next such day of the week.
func dayOf(date, weekday string, now time.Time) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02", "2.1.2006", "2 January 2006", "January 2 2006", "2 Jan 2006", "Jan 2 2006"} {
		if t, err := time.Parse(layout, date); err == nil {
			return t, true
		}
	}
	for _, layout := range []string{"2 January", "January 2", "2 Jan", "Jan 2"} {
		if t, err := time.Parse(layout, date); err == nil {
			t = time.Date(now.Year(), t.Month(), t.Day(), 0, 0, 0, 0, now.Location())
			if t.Before(now.AddDate(0, -6, 0)) {
				t = t.AddDate(1, 0, 0)
			}
			return t, true
		}
	}
	n, known := weekdays[weekday]
	if date != "" || !known {
		return now, false
	}
	return now.AddDate(0, 0, (int(n)-int(now.Weekday())+7)%7), true
}

var weekdays = map[string]time.Weekday{"sunday": 0, "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6,
	"sonntag": 0, "montag": 1, "dienstag": 2, "mittwoch": 3, "donnerstag": 4, "freitag": 5, "samstag": 6}
