package dns

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"

	"pressrun/mailer/dkim"
	"pressrun/mailer/dns/dnstest"
)

// good is the zone of a newsroom where everything is in order.
func good(s *dkim.Signer) zone {
	return zone{
		"bounces.example.com TXT":          {"some other text", "v=spf1 ip4:192.0.2.0/28 a:mail.example.com include:relay.example.net -all"},
		"relay.example.net TXT":            {"v=spf1 ip6:2001:db8::/32 ip4:198.51.100.7 ~all"},
		s.Name() + " TXT":                  {s.Record()},
		"_dmarc.example.com TXT":           {"v=DMARC1; p=quarantine; rua=mailto:d@example.com"},
		"bounces.example.com MX":           {"in.example.com."},
		"in.example.com A":                 {"192.0.2.9"},
		"mail.example.com A":               {"192.0.2.200"},
		"200.2.0.192.in-addr.arpa PTR":     {"mail.example.com."},
		"example.com A":                    {"192.0.2.1"},
		"news.example.com A":               {"192.0.2.1"},
		"_domainkey.example.com SOMETHING": nil,
	}
}

func newSigner(t testing.TB, domain string) *dkim.Signer {
	t.Helper()
	s, err := dkim.New(domain, "s1", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheck(t *testing.T) {
	s := newSigner(t, "example.com")
	run := func(change func(zone, *Check)) []Finding {
		z := good(s)
		c := &Check{Senders: []string{"news.example.com"}, Envelopes: []string{"bounces.example.com"}, Bounce: "bounces.example.com",
			Relays: []string{"mail.example.com"}, Signers: map[string][]*dkim.Signer{"example.com": {s}}}
		change(z, c)
		c.Resolver = Resolver(dnstest.Serve(t, z.answer))
		return c.Run(t.Context())
	}
	for _, f := range run(func(zone, *Check) {}) {
		if !f.OK {
			t.Errorf("all is in order, and %s says: %s", f.What, f.Text)
		}
	}
	for name, tt := range map[string]struct {
		change func(zone, *Check)
		want   string // what: part of the text of a finding that is not in order
	}{
		"no SPF":          {func(z zone, _ *Check) { delete(z, "bounces.example.com TXT") }, "spf: no SPF record"},
		"two SPF":         {func(z zone, _ *Check) { z["bounces.example.com TXT"] = []string{"v=spf1 -all", "v=spf1 ~all"} }, "bounces.example.com has two"},
		"everybody":       {func(z zone, _ *Check) { z["bounces.example.com TXT"] = []string{"v=spf1 +all"} }, "spf: the SPF record of bounces.example.com lets everybody"},
		"relay left out":  {func(z zone, _ *Check) { z["bounces.example.com TXT"] = []string{"v=spf1 ip4:192.0.2.1 -all"} }, "spf: relay mail.example.com (192.0.2.200) for bounces.example.com: fail"},
		"bad SPF":         {func(z zone, _ *Check) { z["bounces.example.com TXT"] = []string{"v=spf1 ip4:192.0.2.300 -all"} }, "receivers give up"},
		"include nothing": {func(z zone, _ *Check) { delete(z, "relay.example.net TXT") }, "include:relay.example.net has no SPF record"},
		"include itself":  {func(z zone, _ *Check) { z["relay.example.net TXT"] = []string{"v=spf1 include:relay.example.net -all"} }, "more than 10 look-ups"},
		"void": {func(z zone, _ *Check) {
			z["bounces.example.com TXT"] = []string{"v=spf1 a:x1.example.com a:x2.example.com a:x3.example.com -all"}
		}, "lead nowhere"},
		"no key":       {func(z zone, _ *Check) { delete(z, s.Name()+" TXT") }, "dkim: nothing stands at s1._domainkey.example.com; publish there: v=DKIM1"},
		"other key":    {func(z zone, _ *Check) { z[s.Name()+" TXT"] = []string{"v=DKIM1; k=ed25519; p=AAAA"} }, "dkim: s1._domainkey.example.com: the record holds another key"},
		"no DMARC":     {func(z zone, _ *Check) { delete(z, "_dmarc.example.com TXT") }, "dmarc: no DMARC record"},
		"wrong policy": {func(z zone, _ *Check) { z["_dmarc.example.com TXT"] = []string{"v=DMARC1; p=deny"} }, "p=deny; it must be"},
		"strict alignment": {func(z zone, _ *Check) {
			z["_dmarc.example.com TXT"] = []string{"v=DMARC1; p=reject; adkim=s; aspf=s"}
		}, "dmarc: neither a signature"},
		"other envelope":   {func(z zone, c *Check) { c.Signers, c.Envelopes = nil, []string{"relay.example.net"} }, "dmarc: neither a signature"},
		"no MX":            {func(z zone, _ *Check) { delete(z, "bounces.example.com MX") }, "mx: no mail can come back"},
		"null MX":          {func(z zone, _ *Check) { z["bounces.example.com MX"] = []string{"."} }, "mx: the MX of bounces.example.com says"},
		"MX leads nowhere": {func(z zone, _ *Check) { delete(z, "in.example.com A") }, "mx: the MX of bounces.example.com, in.example.com., has no address"},
		"no PTR":           {func(z zone, _ *Check) { delete(z, "200.2.0.192.in-addr.arpa PTR") }, "ptr: 192.0.2.200 of relay mail.example.com has no name"},
		"PTR not back":     {func(z zone, _ *Check) { z["200.2.0.192.in-addr.arpa PTR"] = []string{"in.example.com."} }, "ptr: 192.0.2.200 of relay mail.example.com is called in.example.com"},
		"DNS fails":        {func(z zone, _ *Check) { z["bounces.example.com SERVFAIL"] = nil }, "the DNS does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			var bad []string
			for _, f := range run(tt.change) {
				if !f.OK {
					bad = append(bad, f.What+": "+f.Text)
				}
			}
			if !strings.Contains(strings.Join(bad, "\n"), tt.want) {
				t.Errorf("got %q, want %q", bad, tt.want)
			}
		})
	}
}

func TestTreeWalk(t *testing.T) {
	for name, tt := range map[string]struct {
		domain       string
		zone         zone
		organization string
		records      int
	}{
		"own record":            {"a.b.example.com", zone{"_dmarc.a.b.example.com TXT": {"v=DMARC1"}}, "a.b.example.com", 1},
		"the shortest":          {"a.b.example.com", zone{"_dmarc.b.example.com TXT": {"v=DMARC1"}, "_dmarc.example.com TXT": {"v=DMARC1"}}, "example.com", 2},
		"psd=n ends it":         {"a.b.example.com", zone{"_dmarc.b.example.com TXT": {"v=DMARC1; psd=n"}, "_dmarc.example.com TXT": {"v=DMARC1"}}, "b.example.com", 1},
		"psd=y is one too high": {"a.b.bank", zone{"_dmarc.bank TXT": {"v=DMARC1; psd=y"}}, "b.bank", 1},
		"none":                  {"a.example.com", zone{"x TXT": nil}, "a.example.com", 0},
		"two are none":          {"a.example.com", zone{"_dmarc.example.com TXT": {"v=DMARC1; p=none", "v=DMARC1; p=reject"}}, "a.example.com", 0},
	} {
		t.Run(name, func(t *testing.T) {
			records, organization, err := walk(asker{t.Context(), Resolver(dnstest.Serve(t, tt.zone.answer))}, tt.domain)
			if err != nil || organization != tt.organization || len(records) != tt.records {
				t.Errorf("got %s, %d records, %v; want %s, %d", organization, len(records), err, tt.organization, tt.records)
			}
		})
	}
	if n := len(ancestors(strings.Repeat("a.", 40) + "example.com")); n != maxWalk {
		t.Errorf("a long name takes %d questions, want %d", n, maxWalk)
	}
}

// FuzzSPF: whatever stands in a record, the evaluation ends within its bounds,
// with a known result or an error, and the record of nobody lets nobody in.
func FuzzSPF(f *testing.F) {
	f.Add("a mx/24 mx:x/24//64 include:_spf.example.com ip4:192.0.2.0/24 ip6:::/0 exists:%{i}.x redirect=y exp=z ?all")
	f.Add("include:example.com")
	f.Add("-ALL +a:b:c/99999999999999999999 ip4: = : // %")
	f.Fuzz(func(t *testing.T, terms string) {
		if len(terms) > 300 {
			return
		}
		record := "v=spf1 " + strings.Join(strings.Fields(strings.ToValidUTF8(terms, "?")), " ")
		z := zone{}
		maps.Copy(z, zone{"example.com TXT": {record}, "example.com A": {"192.0.2.1"}, "example.com MX": {"example.com."}})
		e := &evaluation{a: asker{t.Context(), Resolver(dnstest.Serve(t, z.answer))}}
		result, err := e.check(netip.MustParseAddr("203.0.113.77"), "example.com")
		if err == nil && qualifierOf(result) == "" || e.lookups > maxLookups+1 {
			t.Errorf("%q: %q, %v after %d look-ups", record, result, err, e.lookups)
		}
	})
}

func qualifierOf(result string) string {
	for q, r := range qualifiers {
		if r == result {
			return fmt.Sprint(q)
		}
	}
	return ""
}
