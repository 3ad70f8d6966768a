package fetch

import (
	"bytes"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	robotsBytes = 500 << 10 // as much as RFC 9309 section 2.5 wants read
	maxRules    = 5000
	maxRule     = 2048 // bytes of one path
)

// robots is what a robots.txt says to us (RFC 9309). The zero value allows everything.
type robots struct {
	rules    []rule
	delay    time.Duration
	sitemaps []string
}

type rule struct {
	path  string // may hold * and end in $
	allow bool
}

// parseRobots reads the group for product, else the one for everybody. It
// never fails: lines that are no rules are passed over (section 2.2), and so a
// web page served in the file's place says nothing.
func parseRobots(body []byte, product string) robots {
	var ours, all robots
	var r robots
	toUs, toAll, inRules, named := false, false, false, false
	body = body[:min(len(body), robotsBytes)]
	body = bytes.ReplaceAll(bytes.TrimPrefix(body, []byte("\uFEFF")), []byte("\r"), []byte("\n"))
	for line := range bytes.Lines(body) {
		field, value, ok := robotsLine(string(line))
		if !ok {
			continue
		}
		switch field {
		case "user-agent":
			if inRules {
				toUs, toAll, inRules = false, false, false // a new group begins
			}
			name := strings.ToLower(value)
			name, _, _ = strings.Cut(name, "/")
			toUs, toAll = toUs || name == product, toAll || name == "*"
			named = named || name == product
		case "allow", "disallow":
			inRules = true
			if toUs {
				ours.add(field == "allow", value)
			}
			if toAll {
				all.add(field == "allow", value)
			}
		case "crawl-delay":
			inRules = true
			if d, err := strconv.ParseFloat(value, 64); err == nil && d > 0 && !math.IsInf(d, 0) {
				delay := time.Duration(min(d, maxCrawlDelay.Seconds()) * float64(time.Second))
				if toUs {
					ours.delay = delay
				}
				if toAll {
					all.delay = delay
				}
			}
		case "sitemap": // belongs to no group
			if len(r.sitemaps) < 100 && len(value) <= maxRule {
				r.sitemaps = append(r.sitemaps, value)
			}
		}
	}
	group := all
	if named {
		group = ours
	}
	group.sitemaps = r.sitemaps
	return group
}

func robotsLine(line string) (field, value string, ok bool) {
	line, _, _ = strings.Cut(line, "#")
	field, value, ok = strings.Cut(line, ":")
	return strings.ToLower(strings.TrimSpace(field)), strings.TrimSpace(value), ok && utf8.ValidString(line)
}

// add notes a rule. An empty path forbids and allows nothing.
func (r *robots) add(allow bool, path string) {
	if path == "" || len(path) > maxRule || len(r.rules) >= maxRules {
		return
	}
	if path[0] != '/' && path[0] != '*' {
		path = "/" + path
	}
	r.rules = append(r.rules, rule{normalPath(path), allow})
}

// allows finds the most specific rule, the longest one, for a path with its
// query; where two are equal the kinder one holds (section 2.2.2).
func (r robots) allows(path string) bool {
	path = normalPath(path)
	if path == "/robots.txt" {
		return true
	}
	best, allow := -1, true
	for _, x := range r.rules {
		if len(x.path) < best || !matchPath(x.path, path) {
			continue
		}
		if len(x.path) > best || x.allow {
			best, allow = len(x.path), x.allow
		}
	}
	return allow
}

// normalPath brings percent-encoding into one form, so that "/ö" and "/%c3%b6" meet.
func normalPath(p string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '%' && i+2 < len(p) {
			if un, err := url.PathUnescape(p[i : i+3]); err == nil {
				i += 2
				if d := un[0]; d > 0x20 && d < 0x7f && !strings.ContainsRune("%/?#*$", rune(d)) {
					b.WriteByte(d)
				} else {
					b.WriteString("%" + string(hex[d>>4]) + string(hex[d&15]))
				}
				continue
			}
		}
		if c <= 0x20 || c >= 0x7f {
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// matchPath matches from the start of path; * stands for anything, a final $
// for the end. Leftmost matching of the pieces between stars is enough.
func matchPath(pattern, path string) bool {
	end := strings.HasSuffix(pattern, "$")
	pattern = strings.TrimSuffix(pattern, "$")
	pieces := strings.Split(pattern, "*")
	if !strings.HasPrefix(path, pieces[0]) {
		return false
	}
	path = path[len(pieces[0]):]
	for i, piece := range pieces[1:] {
		if end && i == len(pieces)-2 {
			return strings.HasSuffix(path, piece)
		}
		at := strings.Index(path, piece)
		if at < 0 {
			return false
		}
		path = path[at+len(piece):]
	}
	return !end || path == ""
}
