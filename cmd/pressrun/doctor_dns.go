package main

import (
	"context"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"pressrun/mailer/dns"
)

// dnsCheck is what the DNS must say, for receivers of this newsroom's mail.
func (p *Press) dnsCheck(ctx context.Context, resolver string) (dns.Check, error) {
	c := dns.Check{Resolver: dns.Resolver(resolver), Signers: p.Mailer.DKIM}
	newsletters, err := p.Digest.Newsletters(ctx)
	if err != nil {
		return c, err
	}
	add := func(to *[]string, domain string) {
		if domain != "" && !slices.Contains(*to, domain) {
			*to = append(*to, domain)
		}
	}
	for _, n := range newsletters {
		spec := n.Spec.WithDefaults(n.Name)
		add(&c.Senders, domainOf(spec.From))
		if !p.Config.Bounce.on() {
			add(&c.Envelopes, domainOf(spec.Envelope))
		}
	}
	if len(newsletters) == 0 {
		add(&c.Senders, domainOf(p.sender(ctx)))
	}
	if p.Config.Bounce.on() {
		c.Bounce = domainOf(p.Config.Bounce.Address)
		add(&c.Envelopes, c.Bounce)
	}
	for _, r := range p.Config.Relays {
		if u, err := url.Parse(r.URL); err == nil && !loopback(r.URL) {
			add(&c.Relays, u.Hostname())
		}
	}
	return c, nil
}

// examineDNS looks whether the DNS says it.
func (p *Press) examineDNS(ctx context.Context, resolver string) []finding {
	c, err := p.dnsCheck(ctx, resolver)
	if err != nil {
		return []finding{found("dns", "", err)}
	}
	var list []finding
	for _, f := range c.Run(ctx) {
		list = append(list, finding{What: f.What, OK: f.OK, Text: f.Text})
	}
	if len(list) == 0 {
		list = append(list, finding{What: "dns", OK: true, Text: fmt.Sprintf("nothing to look at: no newsletter sends mail (%d relays)", len(p.Config.Relays))})
	}
	return list
}

// domainOf is the domain of an address in lower case; "" when it is none.
func domainOf(address string) string {
	a, err := mail.ParseAddress(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(a.Address[strings.LastIndexByte(a.Address, '@')+1:])
}
