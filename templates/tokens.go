package templates

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// scheme holds the values of the design tokens in one colour scheme, by name.
type scheme map[string]string

// lightTokens and darkTokens are static/tokens.css as read at start.
var lightTokens, darkTokens = readTokens()

var (
	declaration = regexp.MustCompile(`--([a-z0-9-]+)\s*:\s*([^;]+);`)
	comment     = regexp.MustCompile(`(?s)/\*.*?\*/`)
	reference   = regexp.MustCompile(`(var|dark)\(--([a-z0-9-]+)\)`)
	hexColour   = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

// readTokens reads the light values, and the dark ones which replace some of them.
func readTokens() (light, dark scheme) {
	b, err := staticFiles.ReadFile("static/tokens.css")
	if err != nil {
		panic(err) // the file is part of the program
	}
	first, second, _ := strings.Cut(comment.ReplaceAllString(string(b), ""), "@media (prefers-color-scheme: dark)")
	light, dark = scheme{}, scheme{}
	for _, m := range declaration.FindAllStringSubmatch(first, -1) {
		light[m[1]], dark[m[1]] = m[2], m[2]
	}
	for _, m := range declaration.FindAllStringSubmatch(second, -1) {
		dark[m[1]] = m[2]
	}
	return light, dark
}

// branded returns the scheme with the brand's accent, darkened or lightened
// until text in it is readable on paper and on the page behind it.
func (s scheme) branded(accent string) scheme {
	if !hexColour.MatchString(accent) {
		return s
	}
	own := scheme{}
	for name, value := range s {
		own[name] = value
	}
	own["accent"] = readable(accent, s["paper"], s["page"])
	own["on-accent"] = "#ffffff"
	if contrast("#ffffff", own["accent"]) < contrast("#10100f", own["accent"]) {
		own["on-accent"] = "#10100f"
	}
	return own
}

// resolve replaces var(--x) by values of s; inside a block for the dark scheme,
// and for dark(--x) anywhere, by those of dark.
func resolve(css string, s, dark scheme) (string, error) {
	css = comment.ReplaceAllString(css, "")
	var missing []string
	replace := func(part string, values scheme) string {
		return reference.ReplaceAllStringFunc(part, func(ref string) string {
			m := reference.FindStringSubmatch(ref)
			from := values
			if m[1] == "dark" {
				from = dark
			}
			value, ok := from[m[2]]
			if !ok {
				missing = append(missing, m[2])
			}
			return value
		})
	}
	const darkBlock = "@media (prefers-color-scheme: dark) {"
	var b strings.Builder
	for {
		before, after, found := strings.Cut(css, darkBlock)
		b.WriteString(replace(before, s))
		if !found {
			break
		}
		end := blockEnd(after)
		b.WriteString(darkBlock + replace(after[:end], dark))
		css = after[end:]
	}
	if missing != nil {
		return "", fmt.Errorf("resolve mail CSS: no such token: --%s", strings.Join(missing, ", --"))
	}
	return squeeze(b.String()), nil
}

// blockEnd is the offset behind the brace that closes a block opened before s.
func blockEnd(s string) int {
	depth := 1
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

var spaces = regexp.MustCompile(`\s*([{};:,])\s*`)

// squeeze takes the white space out of CSS, because every byte counts against
// the size at which mail programs clip. Spaces that separate selectors stay.
func squeeze(css string) string {
	css = spaces.ReplaceAllString(css, "$1")
	css = strings.ReplaceAll(css, ";}", "}")
	return strings.TrimSpace(strings.Join(strings.Fields(css), " "))
}

// readable moves colour towards black or white, away from its grounds, until it
// has a contrast of 4.5:1 (WCAG 2.2, 1.4.3) with each of them.
func readable(colour string, grounds ...string) string {
	towards := 0.0
	if luminance(grounds[0]) < 0.18 {
		towards = 255
	}
	r, g, b := rgb(colour)
	for step := range 51 {
		k := float64(step) / 50
		mixed := fmt.Sprintf("#%02x%02x%02x", blend(r, towards, k), blend(g, towards, k), blend(b, towards, k))
		enough := true
		for _, ground := range grounds {
			enough = enough && contrast(mixed, ground) >= 4.5
		}
		if enough {
			return mixed
		}
	}
	return colour
}

func blend(c, towards, k float64) int { return int(math.Round(c + (towards-c)*k)) }

// contrast is the ratio of WCAG 2.2 between two colours #rrggbb, 1 to 21.
func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(colour string) float64 {
	r, g, b := rgb(colour)
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}

func linear(c float64) float64 {
	c /= 255
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}

func rgb(colour string) (r, g, b float64) {
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil {
		return 0, 0, 0
	}
	return float64(n >> 16 & 255), float64(n >> 8 & 255), float64(n & 255)
}
