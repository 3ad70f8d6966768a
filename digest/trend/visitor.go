package trend

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// daySalt is what visitors of one UTC day are hashed with.
type daySalt struct {
	day    int64
	salt   []byte
	shared bool // from the counters; false = made up by this process while they were away
}

// salts are the salts of today and, shortly before midnight, tomorrow.
type salts struct {
	now, next atomic.Pointer[daySalt]
}

// of returns the salt of day. It never waits: when nobody has fetched one yet,
// a salt of this process alone stands in, and a reader seen before and after
// the exchange may count twice that day.
func (s *salts) of(day int64) []byte {
	for {
		cur := s.now.Load()
		if cur != nil && cur.day == day {
			return cur.salt
		}
		if next := s.next.Load(); next != nil && next.day == day {
			s.now.CompareAndSwap(cur, next)
			continue
		}
		s.now.CompareAndSwap(cur, &daySalt{day: day, salt: newSalt()})
	}
}

// visitorHash is 8 bytes that tell people of one day apart and cannot be turned
// back into an address once the day's salt is deleted.
func visitorHash(salt []byte, addr netip.Addr, agent string) string {
	h := hmac.New(sha256.New, salt)
	h.Write(prefixOf(addr, 32, 64).Addr().AsSlice())
	h.Write([]byte{0})
	h.Write([]byte(agent))
	return string(h.Sum(nil)[:8])
}

// prefixOf is the network of an address: so many bits of IPv4 or IPv6.
func prefixOf(addr netip.Addr, v4, v6 int) netip.Prefix {
	bits := v6
	if addr = addr.Unmap(); addr.Is4() {
		bits = v4
	}
	p, _ := addr.WithZone("").Prefix(bits)
	return p
}

// clientAddr is the address of the reader: the peer's, or when that is one of
// our proxies, the last address in X-Forwarded-For that is not. The zero
// address is returned when there is none to be had.
func clientAddr(r *http.Request, proxies []netip.Prefix) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	addr := ap.Addr().Unmap()
	if err != nil || !within(proxies, addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		next, err := netip.ParseAddr(hop)
		if err != nil {
			if ap, err = netip.ParseAddrPort(hop); err != nil {
				return addr
			}
			next = ap.Addr()
		}
		if addr = next.Unmap(); !within(proxies, addr) {
			return addr
		}
	}
	return addr
}

func within(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// caps bounds what one visitor and one network can add in an hour. It lives in
// memory only, so each process counts for itself.
type caps struct {
	mu       sync.Mutex
	hour     int64
	visitors map[string]int
	networks map[netip.Prefix]int
	met      map[int64]struct{} // marks of this hour
}

// capEntries bounds the memory of caps to about 100 MB under attack; then the
// hour begins anew.
const capEntries = 1 << 19

// Why a view is not counted, as [Stats] has it.
const (
	ignoredBot        = "bot"         // by its user agent or headers
	ignoredPrefetch   = "prefetch"    // nobody has looked yet
	ignoredPreview    = "preview"     // editors' previews
	ignoredEditor     = "editor"      // editors' own visits
	ignoredNewsletter = "newsletter"  // came by a link of ours
	ignoredRepeated   = "repeated"    // the same visitor and article within the hour
	ignoredVisitor    = "visitor cap" // too many articles an hour
	ignoredNetwork    = "network cap"
	ignoredForeign    = "foreign host"
	ignoredInvalid    = "invalid"
)

// admit counts a view against its caps and returns "" or why it must not count.
func (c *caps) admit(hour int64, visitor, key string, network netip.Prefix, perVisitor, perNetwork int) string {
	m := mark(visitor, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hour != hour || len(c.met) >= capEntries || len(c.networks) >= capEntries {
		c.hour = hour
		c.visitors = make(map[string]int)
		c.networks = make(map[netip.Prefix]int)
		c.met = make(map[int64]struct{})
	}
	if _, ok := c.met[m]; ok {
		return ignoredRepeated
	}
	if perVisitor > 0 && c.visitors[visitor] >= perVisitor {
		return ignoredVisitor
	}
	if perNetwork > 0 && network.IsValid() && c.networks[network] >= perNetwork {
		return ignoredNetwork
	}
	c.met[m] = struct{}{}
	c.visitors[visitor]++
	if network.IsValid() {
		c.networks[network]++
	}
	return ""
}
