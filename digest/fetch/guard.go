package fetch

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// special lists the ranges that are nobody's public web site (IANA special-
// purpose registries, RFC 6890 and its successors).
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96",          // unspecified, loopback, IPv4-compatible
	"64:ff9b:1::/48", // local NAT64
	"100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

// nat64 and sixToFour carry an IPv4 address inside (RFC 6052 2.1, RFC 3056 2).
var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// blockedError is an address the guard refused.
type blockedError struct{ addr netip.Addr }

func (e *blockedError) Error() string { return fmt.Sprintf("address %s is not public", e.addr) }

// control runs for every connection, after the name was resolved and before
// the first packet: there is no moment at which DNS could change its mind.
func (c *Client) control(network, address string, raw syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s %s: %w", network, address, err)
	}
	if err := c.permit(ap.Addr()); err != nil {
		return err
	}
	if c.Control != nil {
		return c.Control(network, address, raw)
	}
	return nil
}

// permit returns a *blockedError for an address that is neither public nor in Allow.
func (c *Client) permit(addr netip.Addr) error {
	addr = addr.Unmap() // ::ffff:127.0.0.1 is 127.0.0.1
	for _, p := range c.Allow {
		if p.Contains(addr.WithZone("")) {
			return nil
		}
	}
	if !public(addr) {
		return &blockedError{addr}
	}
	return nil
}

func public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return public(netip.AddrFrom4([4]byte(b[12:16])))
	case sixToFour.Contains(addr):
		return public(netip.AddrFrom4([4]byte(b[2:6])))
	}
	for _, p := range special {
		if p.Contains(addr) {
			return false
		}
	}
	return true
}

// checkURL refuses what need not even be tried. An address written as a number
// is checked here too, because a proxy would resolve it out of our sight.
func (c *Client) checkURL(raw string) (*url.URL, error) {
	bad := func(kind, message string) error { return &Error{Kind: kind, URL: raw, Message: message} }
	if len(raw) > 8192 {
		return nil, bad(KindURL, "the address is too long: it may have 8,192 bytes")
	}
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil:
		return nil, bad(KindURL, "this is not a web address: write https://host/path")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, bad(KindURL, "only http and https addresses can be read: write https://host/path")
	case u.Hostname() == "":
		return nil, bad(KindURL, "the address has no host name: write https://host/path")
	case u.User != nil:
		return nil, bad(KindURL, "an address with a user name in it is not read: leave that out, and ask the site for a public feed if it wants one")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := c.permit(addr); err != nil {
			return nil, failure(raw, err)
		}
	}
	return u, nil
}
