package main

import (
	"fmt"
	"io"
	"time"
)

type tokenVerb struct {
	Add tokenAdd `cmd:"" help:"Make a token and print it: it cannot be had again."`
	Ls  tokenLs  `cmd:"" help:"List tokens."`
	Rm  tokenRm  `cmd:"" help:"Take a token away."`
}

type tokenAdd struct {
	Name string `arg:"" help:"Name, for instance of the program that will use it."`
	Role string `default:"editor" enum:"viewer,editor,approver,list admin,operator" help:"viewer (read), editor (decide about stories), approver, list admin or operator."`
	For  span   `help:"How long it works, as in 365d; left out, until it is taken away."`
}

func (v *tokenAdd) Run(e *env) error {
	return e.with(func(p *Press) error {
		secret, err := p.Installation.AddToken(e.ctx, v.Name, v.Role, "command line", time.Duration(v.For))
		if err != nil {
			return err
		}
		if err := e.record(p, "token", v.Name, v.Role); err != nil {
			return err
		}
		return e.print(map[string]string{"name": v.Name, "role": v.Role, "token": secret}, func(w io.Writer) {
			fmt.Fprintf(w, "%s\nKeep it now: it is not stored here. Show it as: Authorization: Bearer TOKEN\n", secret)
		})
	})
}

type tokenLs struct{}

func (tokenLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Installation.Tokens(e.ctx)
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) {
			table(w, "no tokens yet; make one with: pressrun token add NAME --role editor", "NAME | ROLE | MADE BY | MADE | LAST USED | EXPIRES", func(row func(...any)) {
				for _, t := range list {
					row(t.Name, t.Role, t.MadeBy, when(t.Created), when(t.Used), when(t.Expires))
				}
			})
		})
	})
}

type tokenRm struct {
	Name string `arg:"" help:"Name."`
}

func (v *tokenRm) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Installation.RemoveToken(e.ctx, v.Name); err != nil {
			return err
		}
		if err := e.record(p, "remove token", v.Name, ""); err != nil {
			return err
		}
		return e.did(facts{"token": v.Name}, "the token %q is refused from now on", v.Name)
	})
}
