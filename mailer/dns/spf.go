package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Bounds of RFC 7208 section 4.6.4.
const (
	maxLookups = 10
	maxVoid    = 2
	maxMX      = 10
)

// Results of RFC 7208 section 2.6.
const (
	pass     = "pass"
	fail     = "fail"
	softfail = "softfail"
	neutral  = "neutral"
	none     = "none"
)

var qualifiers = map[byte]string{'+': pass, '-': fail, '~': softfail, '?': neutral}

// errPerm is a record that receivers give up on (permerror), errTemp a DNS that
// does not answer.
var (
	errPerm = errors.New("receivers give up on it")
	errTemp = errors.New("the DNS does not answer")
)

// checkSPF looks at the record of an envelope domain, and whether it lets the
// relays send.
func checkSPF(a asker, domain string, relays []relay) []Finding {
	probe := netip.MustParseAddr("203.0.113.1") // nobody's: walks the whole record
	e := &evaluation{a: a}
	result, err := e.check(probe, domain)
	switch {
	case errors.Is(err, errTemp):
		return []Finding{unanswered("spf", domain, err.Error())}
	case err != nil:
		return []Finding{wrong("spf", domain, fmt.Sprintf("%s: %v", domain, err))}
	case result == none:
		return []Finding{wrong("spf", domain, "no SPF record stands at "+domain+`; publish TXT "v=spf1 include:YOUR-RELAY -all" or "v=spf1 ip4:ITS-ADDRESS -all"`)}
	case result == pass:
		return []Finding{wrong("spf", domain, "the SPF record of "+domain+" lets everybody send in its name; end it with -all")}
	}
	found := []Finding{inOrder("spf", domain, fmt.Sprintf("%s has a record, %d of %d look-ups; strangers: %s", domain, e.lookups, maxLookups, result))}
	for _, r := range relays {
		result, err := (&evaluation{a: a}).check(r.ip, domain)
		if err != nil {
			continue
		}
		f := inOrder("spf", domain+" for "+r.host, fmt.Sprintf("relay %s (%s) for %s: %s", r.host, r.ip, domain, result))
		if result == fail {
			f.OK = false
			f.Text += fmt.Sprintf("; add ip4:%s, or the include: that your provider names, unless the relay sends from other addresses", r.ip)
		}
		found = append(found, f)
	}
	return found
}

// evaluation is one check_host of RFC 7208 section 4.
type evaluation struct {
	a             asker
	lookups, void int
}

func (e *evaluation) check(ip netip.Addr, domain string) (string, error) {
	record, err := e.record(domain)
	if err != nil || record == "" {
		return none, err
	}
	redirect := ""
	for _, term := range strings.Fields(record)[1:] {
		if name, value, ok := strings.Cut(term, "="); ok && !strings.ContainsAny(name, ":/") {
			if strings.EqualFold(name, "redirect") {
				redirect = value
			}
			continue // exp= and unknown modifiers
		}
		qualifier, mechanism := byte('+'), term
		if qualifiers[term[0]] != "" {
			qualifier, mechanism = term[0], term[1:]
		}
		matches, err := e.matches(ip, domain, mechanism)
		if err != nil {
			return "", err
		}
		if matches {
			return qualifiers[qualifier], nil
		}
	}
	if redirect == "" {
		return neutral, nil
	}
	if err := e.count(); err != nil {
		return "", err
	}
	result, err := e.check(ip, redirect)
	if err == nil && result == none {
		return "", fmt.Errorf("redirect=%s has no record: %w", redirect, errPerm)
	}
	return result, err
}

// record finds the one SPF record of a domain; "" when there is none.
func (e *evaluation) record(domain string) (string, error) {
	if len(domain) > 253 || domain == "" {
		return "", fmt.Errorf("%q is no domain: %w", clip(domain), errPerm)
	}
	texts, err := e.a.txt(domain)
	if missing(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", domain, errTemp)
	}
	found := ""
	for _, text := range texts {
		version, _, _ := strings.Cut(text, " ")
		if !strings.EqualFold(version, "v=spf1") {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("%s has two SPF records, leave one: %w", domain, errPerm) // section 4.5
		}
		found = text
	}
	return found, nil
}

// count takes one of the look-ups there may be.
func (e *evaluation) count() error {
	if e.lookups++; e.lookups > maxLookups {
		return fmt.Errorf("the SPF record needs more than %d look-ups, take includes out: %w", maxLookups, errPerm)
	}
	return nil
}

func (e *evaluation) empty() error {
	if e.void++; e.void > maxVoid {
		return fmt.Errorf("more than %d names in the SPF record lead nowhere: %w", maxVoid, errPerm)
	}
	return nil
}

func (e *evaluation) matches(ip netip.Addr, domain, mechanism string) (bool, error) {
	name, value, given := strings.Cut(mechanism, ":")
	name, prefix, _ := strings.Cut(name, "/")
	if given {
		prefix = ""
	}
	name = strings.ToLower(name)
	switch name {
	case "all":
		return true, nil
	case "ip4", "ip6":
		return inNetwork(ip, value)
	case "include", "a", "mx", "exists", "ptr":
	default:
		return false, fmt.Errorf("the SPF record says %q: %w", clip(mechanism), errPerm)
	}
	if err := e.count(); err != nil {
		return false, err
	}
	if strings.Contains(value, "%") || name == "ptr" {
		return false, nil // macros and ptr depend on the mail; they match nobody here
	}
	target := domain
	if given {
		target, prefix, _ = strings.Cut(value, "/")
	}
	switch name {
	case "include":
		result, err := e.check(ip, target)
		if err == nil && result == none {
			err = fmt.Errorf("include:%s has no SPF record: %w", clip(target), errPerm)
		}
		return result == pass, err
	case "mx":
		return e.matchesMX(ip, target, prefix)
	case "exists":
		ips, err := e.addresses(target)
		return len(ips) > 0, err
	}
	ips, err := e.addresses(target)
	return near(ip, ips, prefix), err
}

func (e *evaluation) matchesMX(ip netip.Addr, domain, prefix string) (bool, error) {
	hosts, err := e.a.mx(domain)
	if missing(err) {
		return false, e.empty()
	}
	if err != nil {
		return false, fmt.Errorf("the MX of %s: %w", clip(domain), errTemp)
	}
	if len(hosts) > maxMX {
		return false, fmt.Errorf("mx:%s has more than %d hosts: %w", clip(domain), maxMX, errPerm)
	}
	for _, h := range hosts {
		ips, err := e.addresses(h.Host)
		if err != nil || near(ip, ips, prefix) {
			return err == nil, err
		}
	}
	return false, nil
}

func (e *evaluation) addresses(name string) ([]netip.Addr, error) {
	ips, err := e.a.ips(name)
	if missing(err) {
		return nil, e.empty()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", clip(name), errTemp)
	}
	return ips, nil
}

// inNetwork compares with the value of ip4 or ip6.
func inNetwork(ip netip.Addr, value string) (bool, error) {
	if !strings.Contains(value, "/") {
		one, err := netip.ParseAddr(value)
		if err != nil {
			return false, fmt.Errorf("the SPF record says %q: %w", clip(value), errPerm)
		}
		return one.Unmap() == ip, nil
	}
	network, err := netip.ParsePrefix(value)
	if err != nil {
		return false, fmt.Errorf("the SPF record says %q: %w", clip(value), errPerm)
	}
	return network.Masked().Contains(ip), nil
}

// near reports whether ip is in the network of one of the addresses; prefix is
// that of an a or mx mechanism: "24", or "24//64" for both families.
func near(ip netip.Addr, ips []netip.Addr, prefix string) bool {
	four, six, _ := strings.Cut(prefix, "//")
	for _, other := range ips {
		other = other.Unmap()
		bits, err := strconv.Atoi(four)
		if other.Is6() {
			bits, err = strconv.Atoi(six)
		}
		if err != nil || bits < 0 || bits > other.BitLen() {
			bits = other.BitLen()
		}
		if p, err := other.Prefix(bits); err == nil && p.Contains(ip) {
			return true
		}
	}
	return false
}

// clip shortens what others wrote.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 80)]
}
