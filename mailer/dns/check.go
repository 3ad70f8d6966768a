package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"pressrun/mailer/dkim"
)

// Kinds are what is looked at.
var Kinds = []string{"spf", "dkim", "dmarc", "mx", "ptr"}

// Finding is one thing that was looked at.
type Finding struct {
	What string // one of Kinds
	Of   string // the domain, name or relay that was looked at, in the same words at every look
	OK   bool
	Text string // what is there; when not OK, what to do
	// Unanswered is that the DNS did not answer: nothing is known then.
	Unanswered bool
}

func inOrder(what, of, text string) Finding {
	return Finding{What: what, Of: of, OK: true, Text: text}
}

func wrong(what, of, text string) Finding { return Finding{What: what, Of: of, Text: text} }

func unanswered(what, of, text string) Finding {
	return Finding{What: what, Of: of, Text: text, Unanswered: true}
}

// Check is what is looked at.
type Check struct {
	// Resolver asks the DNS; nil means the system's. See Resolver.
	Resolver *net.Resolver
	// Senders are the domains in From; Envelopes those of the return paths.
	Senders, Envelopes []string
	// Signers are those of package mailer, by domain.
	Signers map[string][]*dkim.Signer
	// Bounce is the domain whose mail comes to us; "" = none.
	Bounce string
	// Relays are the hosts that mail leaves by.
	Relays []string
}

// Resolver asks a DNS server at host:port; "" means the system's.
func Resolver(address string) *net.Resolver {
	if address == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
	}}
}

// lookupTimeout bounds one question.
const lookupTimeout = 10 * time.Second

// Run looks at everything, in the order of the mail's way.
func (c *Check) Run(ctx context.Context) []Finding {
	r := c.Resolver
	if r == nil {
		r = net.DefaultResolver
	}
	a := asker{ctx, r}
	relays := c.addresses(a)
	var found []Finding
	for _, domain := range c.Envelopes {
		found = append(found, checkSPF(a, domain, relays)...)
	}
	for _, domain := range c.Senders {
		found = append(found, c.checkDKIM(a, domain)...)
	}
	for _, domain := range c.Senders {
		found = append(found, c.checkDMARC(a, domain)...)
	}
	if c.Bounce != "" {
		found = append(found, checkMX(a, c.Bounce))
	}
	for _, relay := range relays {
		found = append(found, checkPTR(a, relay))
	}
	return found
}

// asker puts questions to the DNS, each with its own time.
type asker struct {
	ctx context.Context
	r   *net.Resolver
}

func ask[T any](a asker, name string, f func(context.Context, string) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(a.ctx, lookupTimeout)
	defer cancel()
	return f(ctx, strings.TrimSuffix(name, ".")+".") // absolute: no search list
}

func (a asker) txt(name string) ([]string, error) { return ask(a, name, a.r.LookupTXT) }
func (a asker) mx(name string) ([]*net.MX, error) { return ask(a, name, a.r.LookupMX) }

func (a asker) ips(name string) ([]netip.Addr, error) {
	return ask(a, name, func(ctx context.Context, name string) ([]netip.Addr, error) { return a.r.LookupNetIP(ctx, "ip", name) })
}

// missing reports that the DNS has nothing at a name, and not that it failed.
func missing(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

// relay is an address that mail leaves by.
type relay struct {
	host string
	ip   netip.Addr
}

func (c *Check) addresses(a asker) []relay {
	var all []relay
	for _, host := range c.Relays {
		if ip, err := netip.ParseAddr(host); err == nil {
			all = append(all, relay{host, ip})
			continue
		}
		ips, _ := a.ips(host)
		for _, ip := range ips {
			all = append(all, relay{host, ip.Unmap()})
		}
	}
	return all
}

// signersFor are the signers of a sender's domain, as the mailer chooses them.
func (c *Check) signersFor(domain string) []*dkim.Signer {
	for domain != "" {
		if s := c.Signers[domain]; s != nil {
			return s
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return nil
}

func (c *Check) checkDKIM(a asker, domain string) []Finding {
	signers := c.signersFor(domain)
	if len(signers) == 0 {
		return []Finding{inOrder("dkim", domain, "mail of "+domain+" is not signed here; let the relay sign it, or make keys with: pressrun dkim new --domain "+domain)}
	}
	var found []Finding
	for _, s := range signers {
		found = append(found, checkKey(a, s))
	}
	return found
}

func checkKey(a asker, s *dkim.Signer) Finding {
	publish := "publish there: " + s.Record()
	records, err := a.txt(s.Name())
	switch {
	case missing(err):
		return wrong("dkim", s.Name(), "nothing stands at "+s.Name()+"; "+publish)
	case err != nil:
		return unanswered("dkim", s.Name(), fmt.Sprintf("%s cannot be looked up: %v", s.Name(), err))
	case len(records) != 1: // RFC 6376 section 3.6.2.2
		return wrong("dkim", s.Name(), fmt.Sprintf("%d records stand at %s, one must; %s", len(records), s.Name(), publish))
	}
	if err := s.CheckRecord(records[0]); err != nil {
		return wrong("dkim", s.Name(), fmt.Sprintf("%s: %v; %s", s.Name(), err, publish))
	}
	return inOrder("dkim", s.Name(), s.Name()+" holds our key")
}

func checkMX(a asker, domain string) Finding {
	hosts, err := a.mx(domain)
	if missing(err) || err == nil && len(hosts) == 0 {
		return wrong("mx", domain, "no mail can come back: "+domain+" has no MX; publish one that leads to this machine, or to the server that passes its mail on")
	}
	if err != nil {
		return unanswered("mx", domain, fmt.Sprintf("the MX of %s cannot be looked up: %v", domain, err))
	}
	var words []string
	for _, h := range hosts {
		if h.Host == "." { // RFC 7505
			return wrong("mx", domain, "the MX of "+domain+" says that it takes no mail")
		}
		ips, err := a.ips(h.Host)
		if err != nil && !missing(err) {
			return unanswered("mx", domain, fmt.Sprintf("the MX of %s, %s, cannot be looked up: %v", domain, h.Host, err))
		}
		if err != nil {
			return wrong("mx", domain, fmt.Sprintf("the MX of %s, %s, has no address; publish an A or AAAA record", domain, h.Host))
		}
		words = append(words, fmt.Sprintf("%s (%s)", strings.TrimSuffix(h.Host, "."), join(ips)))
	}
	return inOrder("mx", domain, "mail to "+domain+" goes to "+strings.Join(words, ", ")+"; whether it arrives, pressrun bounce address tells")
}

func join(ips []netip.Addr) string {
	words := make([]string, len(ips))
	for i, ip := range ips {
		words[i] = ip.Unmap().String()
	}
	return strings.Join(words, ", ")
}

// checkPTR wants a name for the address, and the address back for the name.
func checkPTR(a asker, r relay) Finding {
	ctx, cancel := context.WithTimeout(a.ctx, lookupTimeout)
	defer cancel()
	names, err := a.r.LookupAddr(ctx, r.ip.String())
	if err != nil && !missing(err) {
		return unanswered("ptr", r.host, fmt.Sprintf("the name of %s, relay %s, cannot be looked up: %v", r.ip, r.host, err))
	}
	if err != nil || len(names) == 0 {
		return wrong("ptr", r.host, fmt.Sprintf("%s of relay %s has no name; ask who owns the address for a PTR record", r.ip, r.host))
	}
	for _, name := range names[:min(len(names), 10)] {
		ips, err := a.ips(name)
		if err != nil && !missing(err) {
			return unanswered("ptr", r.host, fmt.Sprintf("%s, the name of relay %s, cannot be looked up: %v", name, r.host, err))
		}
		for _, ip := range ips {
			if ip.Unmap() == r.ip {
				return inOrder("ptr", r.host, fmt.Sprintf("%s of relay %s is %s and back", r.ip, r.host, strings.TrimSuffix(name, ".")))
			}
		}
	}
	return wrong("ptr", r.host, fmt.Sprintf("%s of relay %s is called %s, but that name does not lead back to it; make both agree", r.ip, r.host, strings.TrimSuffix(names[0], ".")))
}
