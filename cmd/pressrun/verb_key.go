package main

import (
	"io"
	"time"

	"pressrun/subscribers"
)

type keyVerb struct {
	Ls     keyLs     `cmd:"" help:"List the keys of the links in mails: which signs, and from when on which may be retired."`
	Add    keyAdd    `cmd:"" help:"Make a new key, which soon signs; links of the old ones go on working."`
	Retire keyRetire `cmd:"" help:"Let a key verify no more: links it has signed are dead from now on."`
}

type keyLs struct{}

func (keyLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list := p.Subscribers.Keys.List()
		return e.print(list, func(w io.Writer) {
			table(w, "", "KEY | STATE | SIGNS FROM | UNTIL | MAY BE RETIRED", func(row func(...any)) {
				for _, k := range list {
					row(k.ID, keyState(k, p.Now()), when(k.From), when(k.Until), when(k.Safe))
				}
			})
		})
	})
}

func keyState(k subscribers.Key, now time.Time) string {
	switch {
	case !k.Retired.IsZero():
		return "retired"
	case k.Signs:
		return "signs"
	case k.From.After(now):
		return "signs soon"
	default:
		return "verifies"
	}
}

type keyAdd struct {
	In span `default:"1m" help:"How soon it signs. Where each host has its own copy of the key file, give yourself time to copy it, as in 1h."`
}

func (v *keyAdd) Run(e *env) error {
	return e.with(func(p *Press) error {
		k, err := p.Subscribers.Keys.Add(p.Now().Add(time.Duration(v.In)))
		if err != nil {
			return err
		}
		if err := e.record(p, "add key", k.ID, ""); err != nil {
			return err
		}
		return e.did(facts{"key": k.ID, "from": k.From, "file": p.Config.Keys},
			"key %s signs from %s on; a running serve has it by itself. Back up %s, and copy it to every host that has one of its own before then", k.ID, when(k.From), p.Config.Keys)
	})
}

type keyRetire struct {
	ID    string `arg:"" help:"Key, as key ls shows it."`
	Force bool   `help:"Also while readers may still follow its links: they lead to a page that says so, and leaving by them fails."`
}

func (v *keyRetire) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Subscribers.Keys.Retire(v.ID, v.Force); err != nil {
			return err
		}
		if err := e.record(p, "retire key", v.ID, ""); err != nil {
			return err
		}
		more := ""
		if p.Config.Bounce.signed() {
			more = "; if a feedback loop is registered with an address it has signed, give it that of: pressrun bounce address"
		}
		return e.did(facts{"key": v.ID, "retired": true}, "key %s verifies no more, also in a running serve%s", v.ID, more)
	})
}
