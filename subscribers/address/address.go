package address

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Address is a mail address as typed that [Parse] has accepted.
type Address string

// Limits in octets.
const (
	MaxLocal   = 64  // RFC 5321 section 4.5.3.1.1
	MaxAddress = 254 // RFC 3696 erratum 1690
)

// Reasons why an address is refused; their texts can be shown to people.
var (
	ErrEmpty    = errors.New("it is empty")
	ErrEncoding = errors.New("it is not UTF-8 text")
	ErrLong     = errors.New("it is longer than 254 octets")
	ErrSpace    = errors.New("it contains a space or an invisible character")
	ErrAt       = errors.New("it needs exactly one @")
	ErrLocal    = errors.New("the part before the @ is not allowed: letters, digits and !#$%&'*+-/=?^_`{|}~, with single dots between them")
	ErrLocalLen = errors.New("the part before the @ is longer than 64 octets")
	ErrScripts  = errors.New("it mixes letters of different scripts")
	ErrForm     = errors.New("it is written with unusual forms of letters (compatibility or decomposed characters)")
	ErrDomain   = errors.New("the part after the @ is not a host name")
	ErrDot      = errors.New("the part after the @ has no dot")
	ErrNumeric  = errors.New("the part after the @ ends in a number")
)

// Parse accepts s as it stands, without trimming, or says why not with one of
// the errors of this package.
func Parse(s string) (Address, error) {
	switch {
	case s == "":
		return "", ErrEmpty
	case len(s) > 4*MaxAddress:
		return "", ErrLong
	case !utf8.ValidString(s):
		return "", ErrEncoding
	}
	for _, r := range s {
		if r > unicode.MaxASCII && !unicode.IsGraphic(r) || unicode.IsSpace(r) || unicode.IsControl(r) || invisible(r) {
			return "", ErrSpace
		}
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || strings.Contains(domain, "@") {
		return "", ErrAt
	}
	if err := checkLocal(local); err != nil {
		return "", err
	}
	ascii, err := checkDomain(domain)
	if err != nil {
		return "", err
	}
	if len(local)+1+len(ascii) > MaxAddress {
		return "", ErrLong
	}
	return Address(s), nil
}

// invisible reports format characters and fillers that look like nothing.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r) || r == '\u2800'
}

func checkLocal(local string) error {
	switch {
	case len(local) > MaxLocal:
		return ErrLocalLen
	case !norm.NFKC.IsNormalString(local):
		return ErrForm
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" {
			return ErrLocal
		}
		for _, r := range atom {
			if !atext(r) {
				return ErrLocal
			}
		}
	}
	if !oneScript(local) {
		return ErrScripts
	}
	return nil
}

// atext is RFC 5322 section 3.2.3, with the letters, marks and digits of all
// scripts (RFC 6532 section 3.2 allows more than those).
func atext(r rune) bool {
	if r > unicode.MaxASCII {
		return unicode.In(r, unicode.L, unicode.M, unicode.Nd)
	}
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// hostNames is what may stand in DNS and be typed: IDNA 2008 with the mapping
// of RFC 5895 (capitals), the length limits of RFC 1034, letters, digits and
// hyphens alone, and the rules for right-to-left labels (RFC 5893).
var hostNames = idna.New(idna.MapForLookup(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.BidiRule())

func checkDomain(domain string) (ascii string, err error) {
	if !strings.Contains(domain, ".") {
		return "", ErrDot
	}
	if strings.HasSuffix(domain, ".") {
		return "", ErrDomain
	}
	ascii, err = hostNames.ToASCII(domain)
	if err != nil {
		return "", ErrDomain
	}
	last := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return "", ErrNumeric
	}
	readable, err := hostNames.ToUnicode(ascii)
	if err != nil {
		return "", ErrDomain
	}
	// What is typed must be what is meant: full-width letters, other dots and
	// the like are mapped away by IDNA, so they would hide a second name.
	if lower := strings.ToLower(domain); lower != readable && lower != ascii {
		return "", ErrForm
	}
	for label := range strings.SplitSeq(readable, ".") {
		if !oneScript(label) {
			return "", ErrScripts
		}
	}
	return ascii, nil
}

// split cuts a parsed address; the domain comes as A-labels in lower case.
func (a Address) split() (local, domain string) {
	local, domain, _ = strings.Cut(string(a), "@")
	ascii, err := hostNames.ToASCII(domain)
	if err != nil {
		return local, strings.ToLower(domain) // not made by Parse
	}
	return local, ascii
}

// ASCII is the form for an envelope or header: the local part as typed, the
// domain in A-labels (RFC 5890). Only a local part beyond ASCII is left, which
// needs SMTPUTF8.
func (a Address) ASCII() string {
	local, domain := a.split()
	return local + "@" + domain
}

// Key is the canonical form: two addresses with one key are one subscriber.
func (a Address) Key() string {
	local, domain := a.split()
	return norm.NFC.String(strings.ToLower(local)) + "@" + domain
}

// Mask hides most of the local part, for pages and reports that are kept:
// j…n@example.com.
func (a Address) Mask() string { return Mask(string(a)) }

// Mask hides most of what stands before the last @ of any text.
func Mask(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		at = len(s)
	}
	local := []rune(s[:at])
	switch len(local) {
	case 0:
		return s
	case 1, 2:
		return string(local[:1]) + "…" + s[at:]
	}
	return string(local[:1]) + "…" + string(local[len(local)-1:]) + s[at:]
}
