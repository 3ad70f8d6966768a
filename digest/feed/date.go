package feed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// errDate is wrapped by every error of ParseDate.
var errDate = errors.New("not a date we can read")

// ParseDate reads a date as feeds write them, in UTC: RFC 3339 and all forms of
// ISO 8601 dates with parts missing, RFC 822 and 1123 with everything people do
// to them, C and Unix forms, month and day names in some twenty languages,
// digits of other scripts, Unix time in seconds or milliseconds.
//
// A time without a zone is taken as UTC, a date without a time as midnight. A
// date that could be read in two ways ("03/11/2026") is an error, because a
// wrong date does more harm than none. So is a year outside 1970 to 2199.
func ParseDate(s string) (time.Time, error) {
	s = clip(strings.TrimSpace(s), 120)
	var d date
	if err := d.read(tokens(s)); err != nil {
		return time.Time{}, fmt.Errorf("%w: %q: %w", errDate, clip(s, 60), err)
	}
	t, err := d.time()
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %q: %w", errDate, clip(s, 60), err)
	}
	return t, nil
}

// token is a run of digits, a word, or one other character.
type token struct {
	text  string
	kind  byte // 'n' number, 'w' word, else the character itself
	value int  // of a number
}

// tokens splits s; digits of any script count, white space separates.
func tokens(s string) []token {
	var out []token
	var cur []rune
	kind := byte(0)
	flush := func() {
		if len(cur) == 0 {
			return
		}
		t := token{text: string(cur), kind: kind}
		if kind == 'n' {
			t.value, _ = strconv.Atoi(t.text) // too long for an int: 0, refused by its length
		}
		out = append(out, t)
		cur = cur[:0]
	}
	for _, r := range s {
		k := byte(0)
		switch {
		case unicode.IsDigit(r):
			k, r = 'n', '0'+rune(digit(r))
		case isCJKUnit(r):
			flush()
			out = append(out, token{text: string(r), kind: 'w'})
			continue
		case unicode.IsLetter(r), unicode.IsMark(r), r == '\u200c':
			k, r = 'w', unicode.ToLower(r)
		}
		if k != kind {
			flush()
		}
		kind = k
		switch {
		case k != 0:
			cur = append(cur, r)
		case r == '−' || r == '–' || r == '‐':
			out = append(out, token{text: "-", kind: '-'})
		case !unicode.IsSpace(r) && r < 0x80:
			out = append(out, token{text: string(r), kind: byte(r)})
		}
	}
	flush()
	return out
}

// digit is the value of a decimal digit; Unicode keeps each script's ten in a row.
func digit(r rune) int {
	zero := r
	for zero > 0 && r-zero < 9 && unicode.IsDigit(zero-1) {
		zero--
	}
	if r <= '9' {
		return int(r - '0')
	}
	return int(r-zero) % 10
}

func isCJKUnit(r rune) bool {
	return strings.ContainsRune("年月日时時分秒点년월일시초", r)
}

// date is what has been found so far; -1 or 0 as noted means not yet.
type date struct {
	year, month, day     int // 0
	hour, min, sec, nsec int // hour -1
	offset               int // seconds east of UTC
	pm                   int // 1 = am, 2 = pm
	numbers              []token
	unix                 bool
	instant              time.Time
}

var errShape = errors.New("its parts cannot be told")

// read takes tokens from left to right; what a number means is decided at the
// end, when it is known which names came with it.
func (d *date) read(ts []token) error {
	d.hour = -1
	if len(ts) == 0 {
		return errors.New("it is empty")
	}
	if len(ts) == 1 && ts[0].kind == 'n' && d.readUnix(ts[0]) {
		return nil
	}
	for i := 0; i < len(ts); {
		n := d.step(ts, i)
		if n == 0 {
			return errShape
		}
		i += n
	}
	return d.settle()
}

// readUnix takes a lone number of 9 to 10 digits as seconds, of 12 to 13 as
// milliseconds, of 8 or 14 as compact dates.
func (d *date) readUnix(t token) bool {
	v, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil {
		return false
	}
	switch len(t.text) {
	case 9, 10:
		d.instant = time.Unix(v, 0).UTC()
	case 12, 13:
		d.instant = time.UnixMilli(v).UTC()
	default:
		return false
	}
	d.unix = true
	return true
}

// step consumes the tokens at i that belong together and returns their number, 0 for nonsense.
func (d *date) step(ts []token, i int) int {
	t := ts[i]
	switch t.kind {
	case 'n':
		if n := d.clock(ts, i); n > 0 {
			return n
		}
		return d.number(ts, i)
	case 'w':
		return d.word(ts, i)
	case '+', '-':
		if d.hour >= 0 {
			return d.zoneOffset(ts, i)
		}
		return 1
	}
	return 1
}

// clock reads h:mm, "7h05" as the French write it, and h:mm:ss, with fractions.
func (d *date) clock(ts []token, i int) int {
	if d.hour >= 0 || i+2 >= len(ts) || len(ts[i].text) > 2 {
		return 0
	}
	if ts[i+1].kind != ':' && ts[i+1].text != "h" || ts[i+2].kind != 'n' || len(ts[i+2].text) > 2 {
		return 0
	}
	d.hour, d.min = ts[i].value, ts[i+2].value
	n := 3
	if i+4 < len(ts) && ts[i+3].kind == ':' && ts[i+4].kind == 'n' && len(ts[i+4].text) <= 2 {
		d.sec = ts[i+4].value
		n = 5
	}
	if i+n+1 < len(ts) && (ts[i+n].kind == '.' || ts[i+n].kind == ',') && ts[i+n+1].kind == 'n' && n == 5 {
		d.nsec = fraction(ts[i+n+1].text)
		n += 2
	}
	return n
}

func fraction(s string) int {
	s = (s + "000000000")[:9]
	n, _ := strconv.Atoi(s)
	return n
}

// number notes a number of the date; compact dates are taken apart.
func (d *date) number(ts []token, i int) int {
	t := ts[i]
	switch {
	case len(t.text) == 8 && len(d.numbers) == 0: // 20261123
		d.year, d.month, d.day = t.value/10000, t.value/100%100, t.value%100
	case len(t.text) == 14 && len(d.numbers) == 0: // 20261123070000
		v, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			return 0
		}
		clock := int(v % 1000000)
		day := int(v / 1000000)
		d.year, d.month, d.day = day/10000, day/100%100, day%100
		d.hour, d.min, d.sec = clock/10000, clock/100%100, clock%100
	case (len(t.text) == 6 || len(t.text) == 4) && d.hour < 0 && d.day > 0 && i > 0 && ts[i-1].text == "t": // 20261123T0700
		v := t.value
		if len(t.text) == 4 {
			v *= 100
		}
		d.hour, d.min, d.sec = v/10000, v/100%100, v%100
	case len(t.text) > 4 || len(d.numbers) > 3:
		return 0
	default:
		if i > 0 && (ts[i-1].kind == '\'' || ts[i-1].kind == '`') && len(t.text) == 2 {
			t.text, t.value = "0000", 2000+t.value // '26
		}
		d.numbers = append(d.numbers, t)
	}
	return 1
}

// word reads month and day names, zones, am and pm, and the small words of dates.
func (d *date) word(ts []token, i int) int {
	w := ts[i].text
	if m := months[w]; m > 0 {
		if d.month > 0 && d.month != m {
			return 0
		}
		d.month = m
		return 1
	}
	switch w {
	case "年", "년", "月", "월", "日", "일":
		return d.unit(w)
	case "时", "時", "点", "시", "分", "분", "秒", "초":
		return d.clockUnit(w)
	case "am", "上午", "오전", "صبح":
		d.pm = 1
		return 1
	case "pm", "下午", "오후", "شام":
		d.pm = 2
		return 1
	case "a", "p": // a.m.
		if i+2 < len(ts) && ts[i+1].kind == '.' && ts[i+2].text == "m" {
			d.pm = 1
			if w == "p" {
				d.pm = 2
			}
			return 3
		}
	}
	if d.hour >= 0 {
		if sec, ok := zones[w]; ok {
			d.offset = sec
			if (w == "gmt" || w == "utc" || w == "ut") && i+1 < len(ts) && (ts[i+1].kind == '+' || ts[i+1].kind == '-') {
				return 1 // GMT+2: the sign follows
			}
			return 1
		}
	}
	return 1 // a day name, "at", "Uhr", "um": whatever it is, the numbers decide
}

// unit gives the number before 年, 月 or 日 its meaning.
func (d *date) unit(w string) int {
	if len(d.numbers) == 0 {
		return 0
	}
	v := d.numbers[len(d.numbers)-1].value
	d.numbers = d.numbers[:len(d.numbers)-1]
	switch w {
	case "年", "년":
		d.year = v
	case "月", "월":
		d.month = v
	default:
		d.day = v
	}
	return 1
}

func (d *date) clockUnit(w string) int {
	if len(d.numbers) == 0 {
		return 1
	}
	v := d.numbers[len(d.numbers)-1].value
	d.numbers = d.numbers[:len(d.numbers)-1]
	switch w {
	case "时", "時", "点", "시":
		d.hour = v
	case "分", "분":
		d.min = v
	default:
		d.sec = v
	}
	return 1
}

// zoneOffset reads +05, +0500, +05:00, +5:30.
func (d *date) zoneOffset(ts []token, i int) int {
	if i+1 >= len(ts) || ts[i+1].kind != 'n' {
		return 1
	}
	t, n := ts[i+1], 2
	var h, m int
	switch len(t.text) {
	case 1, 2:
		h = t.value
		if i+3 < len(ts) && ts[i+2].kind == ':' && ts[i+3].kind == 'n' {
			m, n = ts[i+3].value, 4
		}
	case 3, 4:
		h, m = t.value/100, t.value%100
	default:
		d.numbers = append(d.numbers, t) // "07:00 - 23 Nov"
		return 2
	}
	if h > 14 || m > 59 {
		if len(t.text) == 4 && d.year == 0 { // "07:00 - 2026"
			d.numbers = append(d.numbers, t)
			return 2
		}
		return 0
	}
	d.offset = h*3600 + m*60
	if ts[i].kind == '-' {
		d.offset = -d.offset
	}
	return n
}

// settle decides which number is the year, the month and the day.
func (d *date) settle() error {
	ns := d.numbers
	for i, n := range ns { // four digits can only be the year
		if len(n.text) == 4 && d.year == 0 {
			d.year = n.value
			ns = append(append([]token{}, ns[:i]...), ns[i+1:]...)
			if i == 0 && d.month == 0 { // ISO order
				return d.monthDay(ns)
			}
			break
		}
	}
	switch {
	case d.month > 0 && d.day > 0:
		return nil
	case d.month > 0 && d.year > 0 && len(ns) == 0:
		d.day = 1
		return nil
	case d.month > 0 && d.year > 0:
		d.day = ns[0].value
		return nil
	case d.month > 0 && len(ns) == 2 && ns[0].value > 31: // 26 never gets here: 99-Nov-23
		d.year, d.day = century(ns[0].value), ns[1].value
		return nil
	case d.month > 0 && len(ns) >= 2:
		d.day, d.year = ns[0].value, century(ns[1].value)
		return nil
	case d.year > 0 && len(ns) >= 2:
		return d.dayMonth(ns[0], ns[1])
	case len(ns) >= 3:
		d.year = century(ns[2].value)
		return d.dayMonth(ns[0], ns[1])
	}
	return errShape
}

// monthDay reads what follows a leading year: nothing, month, month and day.
func (d *date) monthDay(ns []token) error {
	d.month, d.day = 1, 1
	if len(ns) > 0 {
		d.month = ns[0].value
		if len(ns[0].text) == 3 { // 2026-327: day of the year
			t := time.Date(d.year, 1, ns[0].value, 0, 0, 0, 0, time.UTC)
			d.month, d.day = int(t.Month()), t.Day()
		}
	}
	if len(ns) > 1 {
		d.day = ns[1].value
	}
	return nil
}

// dayMonth tells 23/11 from 11/23; 3/11 cannot be told, unless both are the same.
func (d *date) dayMonth(a, b token) error {
	switch {
	case a.value > 12 || a.value == b.value:
		d.day, d.month = a.value, b.value
	case b.value > 12:
		d.day, d.month = b.value, a.value
	default:
		return errors.New("day and month cannot be told apart")
	}
	return nil
}

func century(y int) int {
	switch {
	case y < 70:
		return 2000 + y
	case y < 100:
		return 1900 + y
	}
	return y
}

// time checks the parts and puts them together.
func (d *date) time() (time.Time, error) {
	t := d.instant
	if !d.unix {
		if d.pm > 0 && (d.hour < 1 || d.hour > 12) && d.hour > 0 {
			d.pm = 0 // "15:00 PM"
		}
		hour := max(d.hour, 0)
		if d.pm == 2 && hour < 12 {
			hour += 12
		}
		if d.pm == 1 && hour == 12 {
			hour = 0
		}
		if d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31 || hour > 24 || d.min > 59 || d.sec > 60 {
			return time.Time{}, errors.New("no such day or time")
		}
		t = time.Date(d.year, time.Month(d.month), d.day, hour, d.min, d.sec, d.nsec, time.UTC)
		if hour < 24 && d.sec < 60 && t.Day() != d.day {
			return time.Time{}, errors.New("no such day")
		}
		t = t.Add(-time.Duration(d.offset) * time.Second)
	}
	if t.Year() < 1970 || t.Year() > 2199 {
		return time.Time{}, errors.New("the year is out of range")
	}
	return t, nil
}
