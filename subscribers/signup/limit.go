package signup

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// maxClients bounds the memory of a Limiter; beyond it, those who have waited
// longest are forgotten.
const maxClients = 20_000

// Limiter counts requests by client. It may be used concurrently.
type Limiter struct {
	Burst  int           // how many at once
	Refill time.Duration // and then one every so often

	mu      sync.Mutex
	clients map[netip.Prefix]*bucket
}

// forms are those of one client: ten at once and then one a minute.
func forms() *Limiter { return &Limiter{Burst: 10, Refill: time.Minute} }

type bucket struct {
	left float64
	at   time.Time
}

// Allow reports whether a client may send one more.
func (l *Limiter) Allow(client netip.Prefix, now time.Time) bool {
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
		b = &bucket{left: float64(l.Burst), at: now}
		l.clients[client] = b
	}
	b.left = min(float64(l.Burst), b.left+float64(now.Sub(b.at))/float64(l.Refill))
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// sweep forgets clients whose bucket is full again; under a flood, all.
func (l *Limiter) sweep(now time.Time) {
	for client, b := range l.clients {
		if now.Sub(b.at) > time.Duration(l.Burst)*l.Refill {
			delete(l.clients, client)
		}
	}
	if len(l.clients) >= maxClients {
		clear(l.clients)
	}
}

// Client is who sends a request: an IPv4 address, or the /64 of an IPv6 one,
// since one household has all of that. Behind trusted proxies it is the last
// address of X-Forwarded-For that is not a proxy's.
func Client(r *http.Request, trusted []netip.Prefix) netip.Prefix {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	addr := ap.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && trusts(trusted, addr); i-- {
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

func trusts(proxies []netip.Prefix, addr netip.Addr) bool {
	for _, p := range proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
