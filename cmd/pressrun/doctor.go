package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"pressrun/deploy/installation"
	"pressrun/digest"
	"pressrun/digest/fetch"
	"pressrun/mailer"
	"pressrun/mailer/smtp"
	"pressrun/subscribers"
	"pressrun/templates"
)

// What the doctor looks at, each a part of its report; the DNS is in doctor_dns.go.

// finding is one line of the doctor.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// found is a finding: text, or what is wrong.
func found(what, text string, err error) finding {
	if err != nil {
		return finding{What: what, Text: err.Error()}
	}
	return finding{What: what, OK: true, Text: text}
}

func (p *Press) examineDatabase(ctx context.Context) []finding {
	return []finding{found("database", p.DB.Name, p.DB.Read.PingContext(ctx))}
}

// examineDisks looks for room where serve writes.
func (p *Press) examineDisks(room func(dir string) (free, all uint64, err error)) []finding {
	var list []finding
	for _, dir := range p.Config.disks() {
		free, all, err := room(dir)
		if err == nil && free < min(lowRoom, all/10) {
			err = errors.New(littleRoom(dir, free, all))
		}
		list = append(list, found("disk", fmt.Sprintf("%.1f GB of %.1f GB are free on the disk of %s", float64(free)/1e9, float64(all)/1e9, dir), err))
	}
	return list
}

func (p *Press) examineCounters(ctx context.Context) []finding {
	text, err := p.examineViews(ctx)
	list := []finding{found("views", text, err)}
	for _, k := range p.pollers {
		text, err := p.examineLayout(ctx, k)
		list = append(list, found("counters "+k.Layout.Key, text, err))
	}
	return list
}

// examineSending says what keeps mail here whatever the relays do: after a restore and a
// move nothing else tells of it.
func (p *Press) examineSending(ctx context.Context) []finding {
	st, err := p.Mailer.Status(ctx)
	if err == nil && st.Stopped {
		err = fmt.Errorf("it is stopped since %s by %s (%s); when it may go on: pressrun start", templates.Exact(st.Since), st.StoppedBy, st.Why)
	}
	if err == nil {
		var lost string
		if lost, err = p.withoutRelay(ctx, st); lost != "" {
			err = errors.New(lost)
		}
	}
	text := "is not stopped"
	if p.Config.Catch {
		text += ", and all mail goes to the built-in inbox: catch is set"
	} else if !st.Armed && len(p.Config.Relays) > 0 && !p.Config.onlyLoopback() {
		text += ", but disarmed: all mail goes to the built-in inbox until pressrun arm --to YOUR-ADDRESS"
	}
	return []finding{found("sending", text, err)}
}

func (p *Press) examineRelays(ctx context.Context) []finding {
	if len(p.Config.Relays) == 0 {
		return []finding{found("relay", "none is configured, so no mail leaves this machine", nil)}
	}
	states, err := p.Mailer.RelayStates(ctx)
	if err != nil {
		return []finding{found("relay", "", err)}
	}
	var list []finding
	for _, r := range p.Config.Relays {
		text := redact(r.URL) + " takes mail" + greeting(r)
		for _, s := range states {
			if s.Name == r.Name {
				text += "; " + s.Words()
			}
		}
		list = append(list, found("relay "+r.Name, text, p.examineRelay(ctx, r)))
	}
	return list
}

// greeting warns of a name that relays outside may refuse to be greeted with.
func greeting(r RelayConfig) string {
	name, err := os.Hostname()
	if r.HELO != "" || loopback(r.URL) || err != nil || hostName.MatchString(name) {
		return ""
	}
	return fmt.Sprintf(", though we greet it as %s, which is no full host name and may be refused: set helo", name)
}

// examineRelay connects to a relay and signs in, or makes its maildir.
func (p *Press) examineRelay(ctx context.Context, r RelayConfig) error {
	if dir, ok := r.maildir(); ok {
		_, err := mailer.Maildir(r.Name, dir).Open(ctx)
		return err
	}
	for _, t := range p.Mailer.Relays {
		if t.Name != r.Name {
			continue
		}
		conn, err := t.Dial(ctx)
		var refused *smtp.Error
		if errors.As(err, &refused) {
			return fmt.Errorf("%s: %v", redact(r.URL), refused)
		}
		if err != nil {
			return err
		}
		return conn.Quit()
	}
	return nil
}

// examineNewsletters looks whether each goes to a list, and segment, that is there.
func (p *Press) examineNewsletters(ctx context.Context) []finding {
	newsletters, err := p.Digest.Newsletters(ctx)
	if err != nil {
		return []finding{found("newsletter", "", err)}
	}
	lists, err := p.Subscribers.CountedLists(ctx)
	if err != nil {
		return []finding{found("list", "", err)}
	}
	if len(newsletters) == 0 {
		return []finding{{What: "newsletter", Text: "there is none, so no issue comes; begin a newsroom with pressrun init, or pressrun newsletter apply -f FILE"}}
	}
	var list []finding
	for _, n := range newsletters {
		spec, text := n.Spec.WithDefaults(n.Name), "what it names is there"
		if slices.ContainsFunc(lists, func(l subscribers.List) bool { return l.Name == spec.List && l.Counts[subscribers.Active] == 0 }) {
			text += "; nobody is on its list"
		}
		if n.State == "paused" {
			text += "; it is paused, so no issue comes: pressrun newsletter pause " + n.Name + " --resume"
		} else if spec.Schedule == "" {
			text += "; it has no schedule, so issues come by hand alone"
		}
		lacks, err := p.lacks(ctx, spec)
		if err == nil && lacks != "" {
			err = errors.New(lacks)
		}
		if none := spec.Unspoken(); len(none) > 0 {
			text += "; around the stories its mails speak English, for pressrun has no words of its own in " + strings.Join(none, ", ")
		}
		list = append(list, found("newsletter "+n.Name, text, err))
	}
	return list
}

// lacks says what a newsletter counts on that is not there, a list, segment, source,
// approver or language model, and how it is made; "" = nothing.
func (p *Press) lacks(ctx context.Context, s digest.Spec) (string, error) {
	if _, err := p.Subscribers.ListID(ctx, p.DB.Read, s.List); errors.Is(err, subscribers.ErrNotFound) {
		return fmt.Sprintf("there is no list %q, so nobody gets it: pressrun list add %s", s.List, s.List), nil
	} else if err != nil {
		return "", err
	}
	name, err := p.noSegment(ctx, s)
	if err != nil {
		return "", err
	}
	if name != "" {
		return fmt.Sprintf("there is no segment %q, so nobody gets it: pressrun segment set %s RULE", name, name), nil
	}
	if lacks, err := p.noSource(ctx, s); err != nil || lacks != "" {
		return lacks, err
	}
	if lacks, err := p.noApprover(ctx, s); err != nil || lacks != "" {
		return lacks, err
	}
	if s.AI && p.Config.AI.URL == "" {
		return "it says ai = true, and press.toml names no language model, so its summaries are the articles' own sentences: name one under [ai], or leave ai out", nil
	}
	return "", nil
}

// noApprover says that nobody can approve a newsletter that waits for it.
func (p *Press) noApprover(ctx context.Context, s digest.Spec) (string, error) {
	users, err := p.Installation.Users(ctx)
	if err != nil || s.Approval != "hold" || slices.ContainsFunc(users, func(u installation.User) bool { return u.May("approver") }) {
		return "", err
	}
	return "its issues wait for approval, and no user may approve, so nobody is asked: pressrun user add ADDRESS --role approver", nil
}

// noSource names the first source of a newsletter that is not there; "" = all are.
func (p *Press) noSource(ctx context.Context, s digest.Spec) (string, error) {
	there, err := p.Digest.Sources(ctx)
	for _, address := range s.Sources {
		if one := (digest.Spec{Sources: []string{address}}); err == nil && !slices.ContainsFunc(there, one.Takes) {
			return fmt.Sprintf("there is no source %q, so no story comes from it: pressrun source add %s", address, address), nil
		}
	}
	return "", err
}

// noSegment is the first segment of a newsletter that is not there; "" = all are.
func (p *Press) noSegment(ctx context.Context, s digest.Spec) (string, error) {
	there, err := p.Subscribers.Segments(ctx)
	for _, name := range s.Segments() {
		if err == nil && !slices.ContainsFunc(there, func(g subscribers.Segment) bool { return g.Name == name }) {
			return name, nil
		}
	}
	return "", err
}

// examineReach looks whether readers' links lead to us, and whether we can tell
// anybody when something needs a person.
func (p *Press) examineReach(ctx context.Context) []finding {
	_, ends, err := probe(ctx, p.Config.PublicURL, http.DefaultTransport)
	if err != nil {
		err = fmt.Errorf("readers' links begin with %s, and no running serve answers there (seen from this machine): %w", p.Config.PublicURL, err)
	}
	text := p.Config.PublicURL + " leads to a running serve"
	if !ends.IsZero() {
		text += "; its certificate ends on " + when(ends)
	}
	told, nobody := p.Config.whoIsTold()
	list := []finding{found("address", text, err), found("alarms", told, nobody)}
	lost, err := p.unreached(ctx)
	if err != nil {
		return append(list, found("letters", "", err))
	}
	for _, address := range slices.Sorted(maps.Keys(lost)) {
		list = append(list, finding{What: "letters", Text: p.notArriving(address, lost[address])})
	}
	return list
}

// examineServe asks the serve of this machine, at the address where it listens,
// whether it and its database answer.
func (c *Config) examineServe(ctx context.Context) []finding {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return []finding{found("serve", "", err)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	address := "http://" + net.JoinHostPort(host, port)
	by := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // its name is another; on this machine nobody is between
	if c.TLSCert != "" {
		address = "https" + strings.TrimPrefix(address, "http")
	}
	if _, _, err = probe(ctx, address, by); err != nil {
		err = fmt.Errorf("no answer from it: %w; it is started with: pressrun serve", err)
	}
	return []finding{found("serve", "answers at "+c.Listen, err)}
}

func (p *Press) examineSources(ctx context.Context) []finding {
	sources, err := p.Digest.Sources(ctx)
	if err != nil {
		return []finding{found("source", "", err)}
	}
	if len(sources) == 0 {
		return []finding{{What: "source", Text: "there is none, so no story comes: pressrun source add URL"}}
	}
	var list []finding
	for _, s := range sources {
		text := s.URL + " answers"
		if s.State == "paused" {
			text += "; it is paused, so no story comes from it: pressrun source pause " + fmt.Sprint(s.ID) + " --resume"
		}
		_, err := p.Collector.Client.Get(ctx, s.URL, fetch.Validators{})
		if err == nil && s.State == "failing" && s.Errors == 0 { // its pages cannot be read
			err = fmt.Errorf("%s: %s", s.URL, s.Reason)
		}
		list = append(list, found("source", text, err))
	}
	return list
}
