package templates

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Calendar is how a language writes dates and times: patterns of Unicode TR 35
// with the fields EEEE, EEE, d, dd, MMMM, MMM, MM, y, HH, H, hh, h, mm, a and
// 'literal text'.
type Calendar struct {
	Full  string `toml:"full"`  // Monday, 23 November 2026
	Long  string `toml:"long"`  // 23 November 2026
	Short string `toml:"short"` // 23 Nov
	Time  string `toml:"time"`  // 7:00 am

	AM string `toml:"am"`
	PM string `toml:"pm"`

	Weekdays    []string `toml:"weekdays"` // from Sunday on
	Months      []string `toml:"months"`   // as they stand inside a date
	ShortMonths []string `toml:"short_months"`
}

// FullDate is the date of a masthead, in the zone that t carries.
func (v *Vocabulary) FullDate(t time.Time) string { return capital(v.format(v.Calendar.Full, t)) }

// LongDate is a date inside a sentence.
func (v *Vocabulary) LongDate(t time.Time) string { return v.format(v.Calendar.Long, t) }

// ShortDate is a date where room is scarce, without the year.
func (v *Vocabulary) ShortDate(t time.Time) string { return v.format(v.Calendar.Short, t) }

// Time is the time of day, in the zone that t carries.
func (v *Vocabulary) Time(t time.Time) string {
	return v.whole(v.format(v.Calendar.Time, t))
}

// whole isolates a time with its am or pm as one thing, where letters run from
// right to left: the digits belong to the letters.
func (v *Vocabulary) whole(s string) string {
	if !mixed(s, v.Direction) {
		return s
	}
	return string(fsi) + s + string(pdi)
}

// Moment is date, time and zone: "23 November 2026, 7:00 am PKT".
func (v *Vocabulary) Moment(t time.Time) string {
	comma := ", "
	if v.Direction == "rtl" {
		comma = "، "
	}
	return v.LongDate(t) + comma + v.whole(v.format(v.Calendar.Time, t)+"\u00a0"+zoneName(t))
}

// zoneName is the zone's abbreviation, or UTC+05:00 where it has none.
func zoneName(t time.Time) string {
	name, offset := t.Zone()
	if name != "" && !strings.ContainsAny(name, "+-") {
		return name
	}
	sign := "+"
	if offset < 0 {
		sign, offset = "−", -offset
	}
	return fmt.Sprintf("UTC%s%02d:%02d", sign, offset/3600, offset/60%60)
}

// Since says when a story was published as seen from an issue of the day now,
// the way a newspaper does: the time on the same day, "yesterday, 10:40 pm", else
// the date. It is not an age in hours, because readers open a mail when they like.
func (v *Vocabulary) Since(t, now time.Time) string {
	if t.IsZero() || now.IsZero() {
		return ""
	}
	t = t.In(now.Location())
	switch day := now.AddDate(0, 0, -1); {
	case sameDay(t, now):
		return v.Time(t)
	case sameDay(t, day):
		return v.fill(v.Phrases["story.yesterday"], []string{"time", v.Time(t)})
	case t.Year() == now.Year():
		return v.ShortDate(t)
	}
	return v.LongDate(t)
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

func (v *Vocabulary) format(pattern string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(pattern); {
		c := pattern[i]
		if c == '\'' {
			end := strings.IndexByte(pattern[i+1:], '\'')
			if end < 0 {
				break
			}
			b.WriteString(pattern[i+1 : i+1+end])
			i += end + 2
			continue
		}
		n := 1
		for i+n < len(pattern) && pattern[i+n] == c {
			n++
		}
		field, ok := v.field(c, n, t)
		if !ok {
			field = pattern[i : i+n]
		}
		b.WriteString(field)
		i += n
	}
	return v.digits(b.String())
}

// field is one field of a pattern: n times the letter c.
func (v *Vocabulary) field(c byte, n int, t time.Time) (string, bool) {
	switch c {
	case 'E':
		return v.Calendar.Weekdays[t.Weekday()], true
	case 'd':
		return padded(t.Day(), n), true
	case 'M':
		switch n {
		case 4:
			return v.Calendar.Months[t.Month()-1], true
		case 3:
			return v.Calendar.ShortMonths[t.Month()-1], true
		}
		return padded(int(t.Month()), n), true
	case 'y':
		return strconv.Itoa(t.Year()), true
	case 'H':
		return padded(t.Hour(), n), true
	case 'h':
		return padded((t.Hour()+11)%12+1, n), true
	case 'm':
		return padded(t.Minute(), n), true
	case 'a':
		if t.Hour() < 12 {
			return v.Calendar.AM, true
		}
		return v.Calendar.PM, true
	}
	return "", false
}

func padded(n, width int) string { return fmt.Sprintf("%0*d", width, n) }

// capital raises the first letter, for languages that write weekdays small.
func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}
