package writer

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// figure is a number of a text: what it may mean, and its unit.
type figure struct {
	text   string
	values []float64 // of "1,234" both readings
	unit   string    // "%", a currency, or ""
}

var piece = regexp.MustCompile(`\d{1,3}(?:[ \x{a0}\x{202f}'’]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*|[$€£¥₹₽₩%‰]|[\p{L}\p{M}]+`)

// figuresOf reads the numbers of a text: digits of any script, with thousands
// separators, scales ("5 million", "5m", "5 млн", "5万") and units, and numbers
// written as words where the language has a list of them.
func figuresOf(t *tongue, s string) []figure {
	s = asciiDigits(s)
	spans := piece.FindAllStringIndex(s, -1)
	parts := make([]string, len(spans))
	for i, x := range spans {
		parts[i] = strings.ToLower(s[x[0]:x[1]])
	}
	near := func(i int) bool { // parts i and i+1 belong together
		return i >= 0 && i+1 < len(spans) && strings.Trim(s[spans[i][1]:spans[i+1][0]], " \u00a0\u202f.-’'") == ""
	}
	var out []figure
	for i := 0; i < len(parts); i++ {
		f := figure{text: parts[i], values: t.values(parts[i])}
		if f.values == nil {
			continue
		}
		first := i
		if utf8.RuneCountInString(parts[i]) > 0 && !isDigit(parts[i]) {
			for near(i) { // "two hundred and ten"
				next := parts[i+1]
				if next == "and" && near(i+1) && i+2 < len(parts) && t.values(parts[i+2]) != nil && !isDigit(parts[i+2]) {
					i++
					continue
				}
				v := t.values(next)
				if v == nil || isDigit(next) {
					break
				}
				f.values = []float64{combine(f.values[0], v[0])}
				f.text += " " + next
				i++
			}
		}
		for near(i) {
			scale, ok := scaleOf(t, parts[i+1])
			if !ok {
				break
			}
			f.values = scaled(f.values, scale, parts[i+1])
			f.text += " " + parts[i+1]
			i++
		}
		f.unit = t.unit(parts, first, i, near)
		out = append(out, f)
	}
	return out
}

func isDigit(s string) bool { return s[0] >= '0' && s[0] <= '9' }

// combine reads two number words one after the other.
func combine(a, b float64) float64 {
	if b == 100 || b >= 1000 {
		return a * b
	}
	return a + b
}

// asciiDigits writes digits of every script as 0 to 9, and Chinese numerals of
// two signs and more as numbers.
func asciiDigits(s string) string {
	s = strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII && unicode.IsDigit(r) {
			// Digits of a script stand in order; find the zero.
			for n := rune(0); n < 10; n++ {
				if !unicode.IsDigit(r-n-1) || n == 9 {
					return '0' + n
				}
			}
		}
		switch r {
		case '٫':
			return '.'
		case '٬':
			return ','
		}
		return r
	}, s)
	return hanNumber.ReplaceAllStringFunc(s, func(n string) string {
		if v, ok := readHan(n); ok {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return n
	})
}

var hanNumber = regexp.MustCompile(`[零〇一二两三四五六七八九十百千]{2,}`)

func readHan(s string) (float64, bool) {
	digits := map[rune]float64{'零': 0, '〇': 0, '一': 1, '二': 2, '两': 2, '三': 3, '四': 4, '五': 5, '六': 6, '七': 7, '八': 8, '九': 9}
	units := map[rune]float64{'十': 10, '百': 100, '千': 1000}
	if !strings.ContainsAny(s, "十百千") { // 二〇二六
		v := 0.0
		for _, r := range s {
			v = v*10 + digits[r]
		}
		return v, true
	}
	total, digit, had := 0.0, 0.0, false
	for _, r := range s {
		if u, ok := units[r]; ok {
			if !had {
				digit = 1
			}
			total += digit * u
			digit, had = 0, false
			continue
		}
		digit, had = digits[r], true
	}
	return total + digit, true
}

// values are what a word or number may mean; nil when it is no number.
func (t *tongue) values(s string) []float64 {
	if s == "" || !isDigit(s) {
		if v, ok := t.numbers[s]; ok {
			return []float64{v}
		}
		return nil
	}
	s = strings.NewReplacer(" ", "'", "\u00a0", "'", "\u202f", "'", "’", "'").Replace(s)
	var out []float64
	add := func(s string) {
		if v, err := strconv.ParseFloat(s, 64); err == nil && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	joined := strings.ReplaceAll(s, "'", "")
	last := strings.LastIndexAny(joined, ".,")
	if last < 0 {
		add(joined)
		return out
	}
	whole := strings.NewReplacer(".", "", ",", "")
	if len(joined)-last-1 == 3 || strings.Count(joined, joined[last:last+1]) > 1 {
		add(whole.Replace(joined)) // a thousands separator
	}
	if strings.Count(joined, joined[last:last+1]) == 1 {
		add(whole.Replace(joined[:last]) + "." + joined[last+1:]) // a decimal mark
	}
	return out
}

// scaled multiplies; "m" and "k" may also be metres and something else.
func scaled(values []float64, scale float64, word string) []float64 {
	var out []float64
	for _, v := range values {
		out = append(out, v*scale)
		if utf8.RuneCountInString(word) == 1 && word[0] < utf8.RuneSelf {
			out = append(out, v)
		}
	}
	return out
}

// counted wants every number of the draft to stand in the article, with the
// same unit if it has one.
func counted(d *draft) string {
	source := figuresOf(d.tongue, d.source)
	for _, f := range figuresOf(d.tongue, d.answer) {
		if f.values[0] == 1 && !isDigit(f.text) {
			continue // "one of the"
		}
		units := false
		ok := slices.ContainsFunc(source, func(s figure) bool {
			if !sameValue(s.values, f.values) {
				return false
			}
			units = true
			return f.unit == "" || f.unit == s.unit
		})
		switch {
		case ok:
		case units:
			return "the article has another unit for “" + f.text + "” than " + f.unit
		default:
			return "the number “" + f.text + "” is not in the article"
		}
	}
	return ""
}

// worded wants words for numbers that counted does not read, and in Chinese
// each numeral with what it counts, to stand in the article as they are.
func worded(d *draft) string {
	if d.tongue.plain {
		source := plainNumerals(d.source)
		for _, n := range numeral.FindAllString(plainNumerals(d.answer), -1) {
			if !strings.Contains(source, n) {
				return "“" + n + "” is not in the article"
			}
		}
		return ""
	}
	source := " " + strings.Join(letters(d.source), " ") + " "
	for _, w := range letters(d.answer) {
		if d.tongue.counts[w] && !strings.Contains(source, " "+w+" ") {
			return "the number “" + w + "” is not in the article"
		}
	}
	return ""
}

// numeral is a number with the sign after it, or a weekday.
var numeral = regexp.MustCompile(`(?:星期|周|週|礼拜)\d|\d+(?:\.\d+)?[万萬亿億]?\p{Han}`)

// plainNumerals writes Chinese numerals, but for a lone one, as digits, without
// spaces.
func plainNumerals(s string) string {
	return strings.NewReplacer("二", "2", "两", "2", "兩", "2", "三", "3", "四", "4", "五", "5", "六", "6", "七", "7", "八", "8", "九", "9", "十", "10", " ", "", ",", "").Replace(asciiDigits(s))
}

func sameValue(a, b []float64) bool {
	for _, x := range a {
		for _, y := range b {
			if math.Abs(x-y) <= 1e-9*math.Max(math.Abs(x), math.Abs(y)) {
				return true
			}
		}
	}
	return false
}

// dated wants months, weekdays and words such as "yesterday" to stand in the
// article, and a day of a month to be that day there.
func dated(d *draft) string {
	months, days := d.tongue.dates(d.source)
	outMonths, outDays := d.tongue.dates(d.answer)
	for m := range outMonths {
		if !months[m] {
			return "the month " + m + " is not in the article"
		}
	}
	for day := range outDays {
		if !days[day] {
			return "the date " + day + " is not in the article"
		}
	}
	source := " " + strings.Join(letters(d.source), " ") + " "
	for _, w := range letters(d.answer) {
		if d.tongue.days[w] && !strings.Contains(source, " "+w+" ") {
			return "“" + w + "” is not in the article"
		}
	}
	return ""
}

var letterRuns = regexp.MustCompile(`[\p{L}\p{M}]+`)

func letters(s string) []string { return letterRuns.FindAllString(strings.ToLower(s), -1) }

// dates reads the months of a text, and the days that stand beside one, as
// "14 5" for 14 May.
func (t *tongue) dates(s string) (months, days map[string]bool) {
	months, days = map[string]bool{}, map[string]bool{}
	s = asciiDigits(s)
	spans := piece.FindAllStringIndex(s, -1)
	parts := make([]string, len(spans))
	for i, x := range spans {
		parts[i] = s[x[0]:x[1]]
	}
	dayAt := func(i int) int {
		if i < 0 || i >= len(parts) {
			return 0
		}
		n, err := strconv.Atoi(strings.TrimRight(parts[i], "."))
		if err != nil || n < 1 || n > 31 {
			return 0
		}
		return n
	}
	for i, p := range parts {
		m, ok := t.months[strings.ToLower(p)]
		near := dayAt(i-1) > 0 || dayAt(i+1) > 0
		if !ok || t.cased && t.ambiguous[strings.ToLower(p)] && (!near || !unicode.IsUpper([]rune(p)[0])) {
			continue
		}
		month := strconv.Itoa(m)
		months[month] = true
		for _, k := range []int{i - 1, i + 1, i - 2} {
			if k == i+1 && dayAt(i-1) > 0 {
				continue // "14 May 20 people"
			}
			if n := dayAt(k); n > 0 && (k != i-2 || slices.Contains([]string{"de", "of", "th", "st", "nd", "rd", "da"}, strings.ToLower(parts[i-1]))) {
				days[strconv.Itoa(n)+" "+month] = true
			}
		}
	}
	return months, days
}
