package address

import "strings"

// known are the domains most readers have, by which typing errors are seen.
var known = []string{
	"gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "yahoo.co.in", "ymail.com", "hotmail.com", "hotmail.co.uk", "outlook.com", "live.com",
	"msn.com", "icloud.com", "me.com", "mac.com", "aol.com", "protonmail.com", "proton.me", "gmx.de", "gmx.net", "gmx.com", "web.de", "t-online.de",
	"mail.ru", "yandex.ru", "bk.ru", "list.ru", "inbox.ru", "rambler.ru", "orange.fr", "free.fr", "laposte.net", "libero.it", "qq.com", "163.com",
	"rediffmail.com", "comcast.net", "verizon.net", "btinternet.com", "fastmail.com", "zoho.com",
}

// others exist although they are one letter away from a known one.
var others = map[string]bool{
	"mail.com": true, "email.com": true, "gmx.at": true, "gmx.ch": true, "gmx.fr": true, "gmx.us": true, "live.de": true, "live.fr": true, "live.it": true,
	"hotmail.de": true, "hotmail.fr": true, "hotmail.it": true, "hotmail.es": true, "outlook.de": true, "outlook.fr": true, "outlook.es": true, "yahoo.de": true,
	"yahoo.fr": true, "yahoo.it": true, "yahoo.es": true, "yahoo.in": true, "yahoo.ca": true, "web.com": true, "126.com": true, "mail.de": true, "mail.bg": true,
	"yandex.by": true, "yandex.kz": true, "yandex.ua": true, "proton.ch": true, "cock.li": true, "gmail.ru": true, "ya.ru": true, "zoho.eu": true, "zoho.in": true,
}

// Suggest returns what the address was probably meant to be, when its domain
// is one typing error (a letter missing, added, wrong, or two swapped) away
// from one that many readers have; else "". It is for showing, never for
// correcting.
func (a Address) Suggest() string {
	local, domain := a.split()
	if others[domain] {
		return ""
	}
	best := ""
	for _, d := range known {
		if d == domain {
			return ""
		}
		if best == "" && mistyped(domain, d) {
			best = d
		}
	}
	if best == "" {
		return ""
	}
	return local + "@" + best
}

// mistyped reports whether domain is one error away from d. Names of fewer
// than five letters have too many real neighbours: there only the ending may
// be wrong.
func mistyped(domain, d string) bool {
	name, ending, _ := strings.Cut(d, ".")
	gotName, gotEnding, _ := strings.Cut(domain, ".")
	if len(name) < 5 {
		return name == gotName && (ending == "com" || ending == "net") && oneEdit(gotEnding, ending) && len(gotEnding) != 2
	}
	return oneEdit(domain, d)
}

// oneEdit reports a Damerau-Levenshtein distance of exactly one.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
