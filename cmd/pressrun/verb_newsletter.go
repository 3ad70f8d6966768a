package main

import (
	"fmt"
	"io"
	"time"

	"pressrun/digest"
)

type newsletterVerb struct {
	Apply    newsletterApply    `cmd:"" help:"Create or change a newsletter from a file."`
	Ls       newsletterLs       `cmd:"" help:"List newsletters."`
	Export   newsletterExport   `cmd:"" help:"Print a newsletter as the file that apply reads."`
	Next     newsletterNext     `cmd:"" help:"Print the next slots."`
	Simulate newsletterSimulate `cmd:"" help:"Print every slot of the coming days, clock changes included."`
	Pause    newsletterPause    `cmd:"" help:"Plan no further slots, or resume with --resume."`
}

// newsletterFile is a newsletter as a file.
type newsletterFile struct {
	Name string `toml:"name"`
	digest.Spec
}

type newsletterApply struct {
	File string `short:"f" required:"" help:"TOML file, - for standard input."`
}

func (v *newsletterApply) Run(e *env) error {
	text, err := readAll(e, v.File)
	if err != nil {
		return err
	}
	f, err := parseNewsletter(v.File, text)
	if err != nil {
		return err
	}
	if bad := f.Spec.WithDefaults(f.Name).Check(f.Name); len(bad) > 0 {
		for n, what := range bad {
			bad[n] = v.File + ": " + what
		}
		return ConfigError(bad)
	}
	return e.with(func(p *Press) error {
		n, changed, err := p.Digest.ApplyNewsletter(e.ctx, f.Name, f.Spec, "command line")
		if err != nil {
			return err
		}
		if changed {
			if err := e.record(p, "apply", "newsletter "+n.Name, fmt.Sprintf("version %d", n.Version)); err != nil {
				return err
			}
		}
		lacks, err := p.lacks(e.ctx, n.Spec.WithDefaults(n.Name))
		if err != nil {
			return err
		}
		if lacks != "" {
			defer fmt.Fprintln(e.err, lacks)
		}
		return e.print(n, func(w io.Writer) {
			if changed {
				fmt.Fprintf(w, "newsletter %s is now version %d\n", n.Name, n.Version)
			} else {
				fmt.Fprintf(w, "newsletter %s is unchanged (version %d)\n", n.Name, n.Version)
			}
		})
	})
}

func parseNewsletter(name string, text []byte) (newsletterFile, error) {
	var f newsletterFile
	err := readTOML(name, text, &f)
	return f, err
}

type newsletterLs struct{}

func (newsletterLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Digest.Newsletters(e.ctx)
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) {
			table(w, "no newsletters yet; make one with: pressrun newsletter apply -f FILE", "ID | NAME | VERSION | STATE | SCHEDULE | LIST | TITLE", func(row func(...any)) {
				for _, n := range list {
					s := n.Spec.WithDefaults(n.Name)
					row(n.ID, n.Name, n.Version, n.State, s.When(), s.List, s.Title)
				}
			})
		})
	})
}

type newsletterExport struct {
	Name string `arg:"" help:"Newsletter."`
}

func (v *newsletterExport) Run(e *env) error {
	return e.with(func(p *Press) error {
		n, err := p.Digest.Newsletter(e.ctx, v.Name)
		if err != nil {
			return err
		}
		if e.json {
			return e.print(n, nil)
		}
		return exportNewsletter(e.out, n)
	})
}

type newsletterNext struct {
	N    count  `arg:"" optional:"" default:"5" help:"How many; 5 when left out."`
	Name string `help:"Newsletter; all when left out."`
}

func (v *newsletterNext) Run(e *env) error {
	return e.with(func(p *Press) error { return p.printSlots(e, v.Name, int(v.N), time.Time{}) })
}

type newsletterSimulate struct {
	Days count  `default:"14" help:"How many days."`
	Name string `arg:"" optional:"" help:"Newsletter; all when left out."`
}

func (v *newsletterSimulate) Run(e *env) error {
	return e.with(func(p *Press) error {
		return p.printSlots(e, v.Name, 100000, p.Now().AddDate(0, 0, int(v.Days)))
	})
}

// plannedSlot is a slot as it will be.
type plannedSlot struct {
	Newsletter string    `json:"newsletter"`
	Local      string    `json:"local"`
	At         time.Time `json:"at"`
	Paused     bool      `json:"paused,omitempty"` // it does not come unless the newsletter plans slots again
}

// printSlots prints the next n slots of each newsletter, until a time if that is not
// zero. Those of a paused one are shown when it is named, and that they do not come.
func (p *Press) printSlots(e *env, name string, n int, until time.Time) error {
	list, err := p.Digest.Newsletters(e.ctx)
	if err != nil {
		return err
	}
	if name != "" {
		only, err := p.Digest.Newsletter(e.ctx, name)
		if err != nil {
			return err
		}
		list = []digest.Newsletter{only}
		if only.State == "paused" {
			defer fmt.Fprintf(e.err, "newsletter %s is paused, nothing goes out; these come after: pressrun newsletter pause %[1]s --resume\n", only.Name)
		}
	}
	var out []plannedSlot
	for _, nl := range list {
		spec, paused := nl.Spec.WithDefaults(nl.Name), nl.State == "paused"
		if spec.Schedule == "" || name == "" && paused {
			continue
		}
		sched, err := digest.ParseSchedule(spec.Schedule, spec.Zone)
		if err != nil {
			return err
		}
		zone, err := time.LoadLocation(spec.Zone)
		if err != nil {
			return err
		}
		at := p.Now()
		for range n {
			if at = sched.Next(at); at.IsZero() || !until.IsZero() && at.After(until) {
				break
			}
			out = append(out, plannedSlot{nl.Name, at.In(zone).Format("Mon 2006-01-02 15:04 MST"), at, paused})
		}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "nothing is scheduled", "NEWSLETTER | LOCAL | UTC", func(row func(...any)) {
			for _, s := range out {
				row(s.Newsletter, s.Local, s.At.UTC().Format("2006-01-02 15:04"))
			}
		})
	})
}

type newsletterPause struct {
	Name   string `arg:"" help:"Newsletter."`
	Resume bool   `help:"Plan slots again."`
}

func (v *newsletterPause) Run(e *env) error {
	return e.with(func(p *Press) error {
		n, err := p.Digest.Newsletter(e.ctx, v.Name)
		if err != nil {
			return err
		}
		if err := p.Digest.PauseNewsletter(e.ctx, n.ID, !v.Resume); err != nil {
			return err
		}
		if err := e.record(p, map[bool]string{true: "resume", false: "pause"}[v.Resume], "newsletter "+n.Name, ""); err != nil {
			return err
		}
		return e.did(facts{"newsletter": n.Name, "paused": !v.Resume}, "newsletter %s %s", n.Name, map[bool]string{true: "plans slots again", false: "is paused"}[v.Resume])
	})
}
