package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pressrun/cmd/pressrun/desk"
	"pressrun/mailer/dns"
)

// record is what a look at the DNS is about: an SPF record of a domain, a key, the
// names of a relay.
type record struct{ what, of string }

// dnsState is how a record was found.
type dnsState struct {
	wrong      []string // in words; none = in order
	unanswered bool     // nothing is known
}

// inspectDNS looks whether what receivers of our mail want is still there. A DNS
// that does not answer is one trouble, however many records it keeps from us.
func (p *Press) inspectDNS(ctx context.Context, resolver string) error {
	check, err := p.dnsCheck(ctx, resolver)
	if err != nil {
		return err
	}
	now := map[record]dnsState{}
	for _, f := range check.Run(ctx) {
		s := now[record{f.What, f.Of}]
		if !f.OK {
			s.wrong = append(s.wrong, f.Text)
		}
		s.unanswered = s.unanswered || f.Unanswered
		now[record{f.What, f.Of}] = s
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	good, err := p.Installation.KnownGood(ctx, "dns")
	if err != nil {
		return err
	}
	amiss, lost := map[string]bool{}, map[string][]string{} // by what; lost is amiss twice in a row
	for r, s := range now {
		name := r.what + " " + r.of
		if len(s.wrong) == 0 {
			if err := p.Installation.MarkGood(ctx, "dns", name); err != nil {
				return err
			}
			continue
		}
		if !slices.Contains(good, name) {
			continue // it never was in order
		}
		what := r.what
		if s.unanswered {
			amiss[what], what = true, silent
		}
		amiss[what] = true
		if before, known := p.inspected.dns[r]; known && len(before.wrong) > 0 && before.unanswered == s.unanswered {
			lost[what] = append(lost[what], s.wrong...)
			if what == silent {
				continue // nothing is known of the record
			}
			if err := p.Installation.MarkLost(ctx, "dns", name); err != nil {
				return err
			}
		}
	}
	p.inspected.dns = now
	for _, what := range append([]string{silent}, dns.Kinds...) {
		texts := slices.Sorted(slices.Values(lost[what]))
		switch {
		case len(texts) > 0 && what == silent:
			p.Alarm(ctx, "dns", what, "The DNS does not answer: "+strings.Join(texts, "; ")+". Mail may neither leave nor be taken for genuine. Look at the resolver of this machine and at who keeps these domains.")
		case len(texts) > 0:
			p.Alarm(ctx, "dns", what, fmt.Sprintf("The DNS no longer says what receivers of our mail want: %s. See: pressrun doctor dns. If that was done on purpose, press “Gone on purpose” on the Today page, or: pressrun doctor dns --accept %s", strings.Join(texts, "; "), what))
		case !amiss[what]:
			p.Clear(ctx, "dns", what)
		}
	}
	return nil
}

// silent is the subject of the alarm about a DNS that does not answer.
const silent = "resolver"

// AcceptDNS ends the alarm about records of a kind that are gone on purpose, and
// names them. One that is in order again later can be lost again.
func (p *Press) AcceptDNS(ctx context.Context, what, by string) ([]string, error) {
	refused := desk.Refusal(fmt.Sprintf("no alarm tells of a lost record of the kind %q; the kinds are %s", what, strings.Join(dns.Kinds, ", ")))
	if !slices.Contains(dns.Kinds, what) {
		return nil, refused
	}
	lost, err := p.Installation.AcceptLoss(ctx, "dns", what)
	if err != nil {
		return nil, err
	}
	if len(lost) == 0 {
		return nil, refused
	}
	if err := p.clear(ctx, "dns", what); err != nil {
		return nil, err
	}
	return lost, p.Installation.Audit(ctx, by, "accept", "dns", strings.Join(lost, ", "))
}
