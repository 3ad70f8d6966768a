package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
)

// proxies notices a proxy that nobody has named in trusted_proxies. Behind it all
// readers have one address: a few of their visits count, and after ten forms the
// sign-up page refuses everybody. Only addresses of our own network are noticed,
// since anybody can send the header.
type proxies struct {
	trusted  []netip.Prefix
	stranger atomic.Pointer[netip.Addr] // the last that was noticed
	known    atomic.Bool                // one that is trusted has come
}

// watch looks who hands requests on, and hands them on.
func (x *proxies) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header["X-Forwarded-For"] != nil {
			x.note(r.RemoteAddr)
		}
		next.ServeHTTP(w, r)
	})
}

func (x *proxies) note(remote string) {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return
	}
	addr := ap.Addr().Unmap().WithZone("")
	switch {
	case slices.ContainsFunc(x.trusted, func(p netip.Prefix) bool { return p.Contains(addr) }):
		x.known.Store(true)
	case addr.IsLoopback() || addr.IsPrivate():
		x.stranger.Store(&addr)
	}
}

// watchProxies announces a proxy that is not trusted; that is over once one comes
// that is.
func (p *Press) watchProxies(ctx context.Context) {
	const kind, subject = "proxy", "trusted_proxies"
	if addr := p.proxies.stranger.Load(); addr != nil {
		p.stand(ctx, true, kind, subject, fmt.Sprintf("Requests come through a proxy at %s that press.toml does not name, so that all readers count as one: "+
			"trends are wrong, and the sign-up page refuses most forms. Add %q to trusted_proxies, and start serve again.", addr, netip.PrefixFrom(*addr, addr.BitLen())))
	} else if p.proxies.known.Load() {
		p.stand(ctx, false, kind, subject, "")
	}
}
