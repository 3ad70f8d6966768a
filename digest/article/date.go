package article

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// months by name, in the languages that newsrooms write; abbreviations without
// their stop. Names that mean different months in different languages are left out.
var months = monthNames(
	"january jan january's janvier janv janeiro enero ene gennaio gen januar januari jänner stycznia styczeń января январь янв січня січень ocak ocakta جنوری يناير ژانویه ژانويه leden ledna ianuarie",
	"february feb febr février fevereiro fev febrero febbraio februar februari lutego luty февраля февраль фев лютого лютий şubat فروری فبراير فوریه únor února februarie",
	"march mar mars março marzo märz mrz maart marca marzec марта март мар березня березень mart مارچ مارس březen března martie",
	"april apr avril avr abril abr aprile kwietnia kwiecień апреля апрель апр квітня квітень nisan اپریل أبريل ابريل آوریل duben dubna aprilie",
	"may mai maio mayo maggio mag mei maja maj мая май травня травень mayıs مئی مايو مه květen května",
	"june jun juin junho junio giugno giu juni czerwca czerwiec июня июнь июн червня червень haziran جون يونيو ژوئن červen června iunie",
	"july jul juillet juil julho julio luglio lug juli lipca lipiec июля июль июл липня липень temmuz جولائی يوليو ژوئیه červenec července iulie",
	"august aug août aout agosto ago augustus sierpnia sierpień августа август авг серпня серпень ağustos اگست أغسطس اغسطس اوت srpen srpna",
	"september sep sept septembre setembro septiembre settembre set września wrzesień сентября сентябрь сен сент вересня вересень eylül ستمبر سبتمبر سپتامبر září septembrie",
	"october oct octobre outubro octubre ottobre ott oktober okt października październik октября октябрь окт жовтня жовтень ekim اکتوبر أكتوبر اكتوبر اکتبر říjen října octombrie",
	"november nov novembre novembro noviembre listopada ноября ноябрь ноя листопада kasım نومبر نوفمبر نوامبر noiembrie",
	"december dec décembre déc dezembro diciembre dic dicembre dezember dez grudnia grudzień декабря декабрь дек грудня грудень aralık دسمبر ديسمبر دسامبر prosinec prosince decembrie",
)

func monthNames(lists ...string) map[string]time.Month {
	m := map[string]time.Month{}
	for i, list := range lists {
		for _, name := range strings.Fields(list) {
			m[name] = time.Month(i + 1)
		}
	}
	return m
}

var (
	isoDate    = regexp.MustCompile(`(?:^|[^0-9])((?:19|20)\d\d)[-/.](\d{1,2})[-/.](\d{1,2})(?:[^0-9]|$)`)
	packedDate = regexp.MustCompile(`^((?:19|20)\d\d)(\d\d)(\d\d)(?:[T ]?(\d\d)(\d\d)(\d\d)?)?(Z|[+-]\d\d:?\d\d)?$`)
	clock      = regexp.MustCompile(`(?i)(?:^|[^0-9:])([01]?\d|2[0-3])(?:[:h]([0-5]\d)(?::[0-5]\d)?(?:[.,]\d+)?|\.([0-5]\d)\s*(?:uhr|[ap]\.?m)|\s*[ap]\.?m\b)\s*([ap]\.?\s?m\b)?`)
	half       = regexp.MustCompile(`(?i)\d\s*([ap])\.?\s?m\b`)
	zone       = regexp.MustCompile(`(?:\d|\s|T)(Z|(?:UTC|GMT)?\s?[+\-−]\d\d:?\d\d)\b|\b(UTC|GMT|EST|EDT|CST|CDT|MST|MDT|PST|PDT|CET|CEST|MSK|PKT|BST|IST)\b`)
	yearFirst  = regexp.MustCompile(`((?:19|20)\d\d)\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})`)
	numbers    = regexp.MustCompile(`(?:^|[^0-9])(\d{1,2})\s?[./-]\s?(\d{1,2})\s?[./-]\s?((?:19|20)\d\d|\d\d)(?:[^0-9]|$)`)
	dateWords  = regexp.MustCompile(`[\p{L}\p{M}'’]+|\d+`)
)

// zones are the zone names whose offset is not in doubt on news pages, in hours.
var zones = map[string]float64{"UTC": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
	"PST": -8, "PDT": -7, "CET": 1, "CEST": 2, "MSK": 3, "PKT": 5, "BST": 1, "IST": 5.5}

// parseDate reads a date as pages write it, for machines or for people, in any
// language of the months table. American tells how 10/9/2025 is meant. The
// time keeps the zone that is written; without one it is UTC. Years before
// 1990 are not dates of pages.
func parseDate(s string, american bool) (time.Time, bool) {
	s = asciiDigits(clean(s))
	if len(s) < 6 || len(s) > 400 {
		return time.Time{}, false
	}
	if m := packedDate.FindStringSubmatch(s); m != nil {
		return build(m[1], m[2], m[3], m[4], m[5], m[7])
	}
	y, mo, d := calendar(s, american)
	if y == "" {
		return unixDate(s)
	}
	hour, minute := "", ""
	if c := clock.FindStringSubmatch(afterT(s)); c != nil {
		hour, minute = hours(c[1], half.FindStringSubmatch(c[0])), c[2]+c[3]
	}
	return build(y, mo, d, hour, minute, zoneOf(s, hour))
}

// afterT separates the T of ISO 8601 from the clock behind it.
func afterT(s string) string {
	if i := strings.IndexByte(s, 'T'); i > 0 && i < 12 && s[i-1] >= '0' && s[i-1] <= '9' {
		return s[:i] + " " + s[i+1:]
	}
	return s
}

func zoneOf(s, hour string) string {
	if hour == "" {
		return ""
	}
	m := zone.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}

// hours is the hour of the day; half holds the a or p of a twelve-hour clock.
func hours(h string, half []string) string {
	n, _ := strconv.Atoi(h)
	switch {
	case half == nil:
	case strings.EqualFold(half[1], "p") && n < 12:
		n += 12
	case strings.EqualFold(half[1], "a") && n == 12:
		n = 0
	}
	return strconv.Itoa(n)
}

// calendar finds year, month and day.
func calendar(s string, american bool) (y, mo, d string) {
	if m := isoDate.FindStringSubmatch(s); m != nil {
		return m[1], m[2], m[3]
	}
	if m := yearFirst.FindStringSubmatch(s); m != nil {
		return m[1], m[2], m[3]
	}
	if y, mo, d := spelled(s); y != "" {
		return y, mo, d
	}
	m := numbers.FindStringSubmatch(s)
	if m == nil {
		return "", "", ""
	}
	a, _ := strconv.Atoi(m[1])
	b, _ := strconv.Atoi(m[2])
	year := m[3]
	if len(year) == 2 {
		year = "20" + year
	}
	if b > 12 || american && a <= 12 {
		return year, m[1], m[2]
	}
	return year, m[2], m[1]
}

// spelled finds a date with a month's name: 9 October 2025, Oct. 9th, 2025,
// 2025 October 9, 9 de octubre de 2025.
func spelled(s string) (y, mo, d string) {
	words := dateWords.FindAllString(strings.ToLower(s), 60)
	for i, w := range words {
		month, ok := months[strings.TrimSuffix(w, "'s")]
		if !ok {
			continue
		}
		mo = strconv.Itoa(int(month))
		before, after := neighbour(words, i, -1), neighbour(words, i, 1)
		switch {
		case isDay(before) && isYear(after):
			return after, mo, before
		case isDay(after) && isYear(neighbour(words, skip(words, i, 1), 1)):
			return neighbour(words, skip(words, i, 1), 1), mo, after
		case isYear(before) && isDay(after):
			return before, mo, after
		}
	}
	return "", "", ""
}

// skip is the index of the next number-like word in a direction, passing over
// short words such as "de", "th" or "st".
func skip(words []string, i, step int) int {
	for j := i + step; j >= 0 && j < len(words) && j-i <= 3 && i-j <= 3; j += step {
		if unicode.IsDigit(rune(words[j][0])) {
			return j
		}
		if len([]rune(words[j])) > 3 {
			break
		}
	}
	return -1
}

func neighbour(words []string, i, step int) string {
	if i < 0 {
		return ""
	}
	if j := skip(words, i, step); j >= 0 {
		return words[j]
	}
	return ""
}

func isDay(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && len(s) <= 2 && n >= 1 && n <= 31
}

func isYear(s string) bool {
	return len(s) == 4 && (s[:2] == "19" || s[:2] == "20")
}

// unixDate reads seconds or milliseconds since 1970.
func unixDate(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || len(s) != 10 && len(s) != 13 {
		return time.Time{}, false
	}
	if len(s) == 13 {
		n /= 1000
	}
	t := time.Unix(n, 0).UTC()
	return t, t.Year() >= 1990 && t.Year() <= 2100
}

func build(y, mo, d, h, mi, z string) (time.Time, bool) {
	n := func(s string) int { v, _ := strconv.Atoi(s); return v }
	if n(y) < 1990 || n(y) > 2100 || n(mo) < 1 || n(mo) > 12 || n(d) < 1 || n(d) > 31 {
		return time.Time{}, false
	}
	t := time.Date(n(y), time.Month(n(mo)), n(d), n(h), n(mi), 0, 0, offset(z))
	return t, t.Day() == n(d)
}

// offset reads Z, +05:00, UTC+0500 or a zone's name; UTC when there is none.
func offset(z string) *time.Location {
	if hours, ok := zones[z]; ok && hours != 0 {
		return time.FixedZone(z, int(hours*3600))
	}
	z = strings.NewReplacer("UTC", "", "GMT", "", " ", "", ":", "", "−", "-").Replace(z)
	if len(z) != 5 {
		return time.UTC
	}
	h, _ := strconv.Atoi(z[1:3])
	m, _ := strconv.Atoi(z[3:])
	seconds := h*3600 + m*60
	if z[0] == '-' {
		seconds = -seconds
	}
	if seconds == 0 || h > 14 {
		return time.UTC
	}
	return time.FixedZone("", seconds)
}

// asciiDigits writes the digits of all scripts as 0 to 9.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 {
			return r
		}
		for _, zero := range []rune{'\u0660', '\u06f0', '\u0966', '\u09e6'} {
			if r >= zero && r <= zero+9 {
				return '0' + r - zero
			}
		}
		return r
	}, s)
}
