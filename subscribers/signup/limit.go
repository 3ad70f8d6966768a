package signup

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// A client may send burst forms at once and then one every refill.
const (
	burst  = 10
	refill = time.Minute
	// maxClients bounds the memory; beyond it, those who have waited longest are
	// forgotten.
	maxClients = 20_000
)

// limiter counts forms by client. The zero value is ready.
type limiter struct {
	mu      sync.Mutex
	clients map[netip.Prefix]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func (l *limiter) allow(client netip.Prefix, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clients == nil {
		l.clients = map[netip.Prefix]*bucket{}
	}
	b := l.clients[client]
	if b == nil {
		if len(l.clients) >= maxClients {
			l.sweep(now)
		}
		b = &bucket{left: burst, at: now}
		l.clients[client] = b
	}
	b.left = min(burst, b.left+float64(now.Sub(b.at))/float64(refill))
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// sweep forgets clients whose bucket is full again; under a flood, all.
func (l *limiter) sweep(now time.Time) {
	for client, b := range l.clients {
		if now.Sub(b.at) > burst*refill {
			delete(l.clients, client)
		}
	}
	if len(l.clients) >= maxClients {
		clear(l.clients)
	}
}

// client is who sends a request: an IPv4 address, or the /64 of an IPv6 one,
// since one household has all of that. Behind trusted proxies it is the last
// address of X-Forwarded-For that is not a proxy's.
func (s *Site) client(r *http.Request) netip.Prefix {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	addr := ap.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusts(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.WithZone("").Prefix(bits)
	return p
}

func (s *Site) trusts(addr netip.Addr) bool {
	for _, p := range s.Trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
