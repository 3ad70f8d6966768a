package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"pressrun/digest/trend"
)

type serveVerb struct {
	Catch  bool   `help:"Send everything to the built-in catcher; read it at /inbox/."`
	Listen string `help:"Address to listen on, instead of the configuration's."`
}

// Validate refuses an address that nothing can listen on.
func (v *serveVerb) Validate() error {
	if v.Listen != "" && !listenable(v.Listen) {
		return fmt.Errorf("--listen %q is not an address and a port; write for instance 127.0.0.1:8080", v.Listen)
	}
	return nil
}

func (v *serveVerb) Run(e *env) error {
	c, err := LoadConfig(e.config)
	if err != nil {
		return err
	}
	c.Catch = c.Catch || v.Catch
	if v.Listen != "" {
		c.Listen = v.Listen
	}
	if err := c.checkFiles(); err != nil {
		return err
	}
	now, err := parseClock(os.Getenv("PRESSRUN_CLOCK"))
	if err != nil {
		return err
	}
	p, err := Open(e.ctx, c, now, e.log)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.recall(e.ctx); err != nil {
		return err
	}
	l, err := listen(c.Listen, "listen in press.toml, or --listen")
	if err != nil {
		return err
	}
	if list, err := p.Digest.Newsletters(e.ctx); err == nil && len(list) == 0 {
		e.log.Warn("there is no newsletter: is this the database that you mean? If the newsroom is new, begin it with pressrun init, or newsletter apply", "database", p.DB.Name)
	}
	e.log.Info("serving", "url", c.PublicURL, "listen", l.Addr().String(), "database", p.DB.Name)
	err = p.Serve(e.ctx, l)
	if err == nil {
		e.log.Info("ended")
	}
	return err
}

// listen opens a port and says in words when somebody else has it, and where another
// is chosen.
func listen(address, chosen string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on %s: another program uses that port; end it, or choose another port: %s", address, chosen)
	}
	if errors.Is(err, syscall.EACCES) {
		return nil, fmt.Errorf("listen on %s: not allowed; ports below 1024 belong to root, choose a higher one and let a proxy pass it on", address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

type migrateVerb struct{}

func (migrateVerb) Run(e *env) error {
	return e.with(func(p *Press) error { // Open migrates
		return e.did(facts{"database": p.DB.Name, "engine": p.DB.Engine}, "%s is current", p.DB.Name)
	})
}

type configVerb struct {
	Check configCheck `cmd:"" help:"Say what is wrong with the configuration, if anything."`
}

type configCheck struct{}

func (configCheck) Run(e *env) error {
	c, err := LoadConfig(e.config)
	if err != nil {
		return err
	}
	if err := c.checkFiles(); err != nil {
		return err
	}
	relays := make([]string, len(c.Relays))
	for i, r := range c.Relays {
		relays[i] = r.Name + " " + redact(r.URL)
	}
	shown := map[string]any{"file": e.config, "database": redact(c.Database), "public_url": c.PublicURL, "listen": c.Listen, "relays": relays, "views": viewsIn(c)}
	notes := c.mistyped(os.Environ())
	if _, err := os.Stat(c.Database); errors.Is(err, os.ErrNotExist) && !strings.Contains(c.Database, "://") {
		notes = append(notes, "there is no "+c.Database+" yet: serve makes a new, empty newsroom there")
	} else if _, err := os.Stat(c.Keys); errors.Is(err, os.ErrNotExist) {
		notes = append(notes, "there is no "+c.Keys+": serve makes it for a new newsroom, and does not begin with the database of one whose mails have links; for that restore its file, or name it under keys")
	}
	if len(notes) > 0 {
		shown["notes"] = notes
	}
	return e.print(shown, func(w io.Writer) {
		fmt.Fprintf(w, "%s is in order\n  database    %s\n  public_url  %s\n  listen      %s\n  views       %s\n  relays      %s\n",
			e.config, redact(c.Database), c.PublicURL, c.Listen, viewsIn(c), cmp.Or(strings.Join(relays, ", "), "none: no mail leaves this machine"))
		for _, n := range notes {
			fmt.Fprintln(w, "  note        "+n)
		}
	})
}

func viewsIn(c Config) string {
	if c.Redis != "" {
		return trend.RedisName(c.Redis)
	}
	return "in the database"
}

type stopVerb struct {
	Why string `default:"stopped on the command line" help:"Reason, shown at the desk."`
}

func (v *stopVerb) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Mailer.Stop(e.ctx, "command line", v.Why); err != nil {
			return err
		}
		if err := e.record(p, "stop", "sending", v.Why); err != nil {
			return err
		}
		return e.did(facts{"stopped": true, "why": v.Why}, "sending is stopped in all processes; go on with: pressrun start")
	})
}

type startVerb struct{}

func (startVerb) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Mailer.Start(e.ctx); err != nil {
			return err
		}
		if err := e.record(p, "start", "sending", ""); err != nil {
			return err
		}
		return e.did(facts{"stopped": false}, "sending goes on")
	})
}

type armVerb struct {
	Code string `help:"The code from the test mail; asked for when left out."`
	To   string `help:"Address the test mail with the code goes to."`
}

// Validate asks for what the first step cannot do without.
func (v *armVerb) Validate() error {
	if v.Code == "" && v.To == "" {
		return errors.New("say where the test mail with the code shall go: pressrun arm --to you@example.com")
	}
	return nil
}

func (v *armVerb) Run(e *env) error {
	return e.with(func(p *Press) error {
		if p.Config.unarmed() {
			return e.did(facts{"armed": false, "needed": false}, "nothing to arm: every relay is on this machine, and mail goes to it as soon as serve runs")
		}
		if err := p.mayArm(e.ctx); err != nil {
			return err
		}
		if v.Code == "" {
			letter, err := p.sendArmCode(e.ctx, v.To)
			if err == nil {
				err = p.untilTaken(e.ctx, letter)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(e.err, "a relay has taken the test mail to %s\ncode: ", v.To)
			line, err := bufio.NewReader(e.in).ReadString('\n')
			if err != nil {
				return fmt.Errorf("no code was typed in; when the mail is there, run: pressrun arm --code CODE")
			}
			v.Code = strings.TrimSpace(line)
		}
		if err := p.arm(e.ctx, v.Code, "command line"); err != nil {
			return err
		}
		return e.did(facts{"armed": true}, "armed: mail now leaves by the relays")
	})
}

type disarmVerb struct{}

func (disarmVerb) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := errors.Join(p.Mailer.Disarm(e.ctx), p.Installation.Forget(e.ctx, leavesBy)); err != nil {
			return err
		}
		if err := e.record(p, "disarm", "sending", ""); err != nil {
			return err
		}
		return e.did(facts{"armed": false}, "disarmed: everything goes to the built-in catcher")
	})
}

type doctorVerb struct {
	What     string `arg:"" optional:"" default:"all" enum:"all,dns,smtp,redis,feeds,serve" help:"all (as when left out), dns, smtp, redis, feeds, or serve: whether it runs here and answers, which asks that process and opens nothing."`
	Resolver string `help:"DNS server to ask, host or host:port; default the system's." placeholder:"ADDRESS"`
	Accept   string `help:"End the alarm about DNS records of a kind (spf, dkim, dmarc, mx, ptr) that are gone on purpose." placeholder:"KIND"`
	Listen   string `help:"Address where serve listens, instead of the configuration's." placeholder:"ADDRESS"`
}

// Validate reads the server's address as people write it: port 53 may be left out.
func (v *doctorVerb) Validate() error {
	if v.Accept != "" && v.What != "dns" {
		return errors.New("only records of the DNS can be gone on purpose; say: pressrun doctor dns --accept KIND")
	}
	if v.Listen != "" && !listenable(v.Listen) {
		return fmt.Errorf("--listen %q is not an address and a port; write for instance 127.0.0.1:8080", v.Listen)
	}
	if _, _, err := net.SplitHostPort(v.Resolver); err != nil && v.Resolver != "" {
		v.Resolver = net.JoinHostPort(strings.Trim(v.Resolver, "[]"), "53")
	}
	return nil
}

func (v *doctorVerb) Run(e *env) error {
	if v.What == "serve" {
		c, err := LoadConfig(e.config)
		if err != nil {
			return err
		}
		if v.Listen != "" {
			c.Listen = v.Listen
		}
		return e.diagnose(c.examineServe(e.ctx))
	}
	if v.Accept != "" {
		return e.with(func(p *Press) error {
			lost, err := p.AcceptDNS(e.ctx, v.Accept, "command line")
			if err != nil {
				return err
			}
			return e.did(facts{"accepted": lost}, "the alarm is over; no longer missed: %s", strings.Join(lost, ", "))
		})
	}
	return e.with(func(p *Press) error {
		if err := p.recall(e.ctx); err != nil {
			return err
		}
		away := !p.Config.onlyLoopback() // mail leaves this machine
		var list []finding
		for _, part := range []struct {
			wanted  bool
			examine func(context.Context) []finding
		}{
			{v.What == "all", p.examineDatabase},
			{v.What == "all", func(context.Context) []finding { return p.examineDisks(room) }},
			{v.What == "all", p.examineNewsletters},
			{v.What == "all" || v.What == "redis", p.examineCounters},
			{v.What == "all" || v.What == "smtp", p.examineSending},
			{v.What == "all" || v.What == "smtp", p.examineRelays},
			{v.What == "dns" || v.What == "all" && away, func(ctx context.Context) []finding { return p.examineDNS(ctx, v.Resolver) }},
			{v.What == "all" && away, p.examineReach},
			{v.What == "all" || v.What == "feeds", p.examineSources},
		} {
			if part.wanted {
				list = append(list, part.examine(e.ctx)...)
			}
		}
		return e.diagnose(list)
	})
}

// diagnose prints what the doctor found, and fails when something is amiss.
func (e *env) diagnose(list []finding) error {
	bad := 0
	for _, f := range list {
		if !f.OK {
			bad++
		}
	}
	if err := e.print(list, func(w io.Writer) {
		for _, f := range list {
			fmt.Fprintf(w, "%-4s %-12s %s\n", map[bool]string{true: "ok", false: "BAD"}[f.OK], f.What, f.Text)
		}
	}); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%s you, of %d", several(bad, "thing needs", "things need"), len(list))
	}
	return nil
}
