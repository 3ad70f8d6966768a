package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"pressrun/deploy/installation"
	"pressrun/mailer"
)

type deliveryVerb struct {
	Ls        deliveryLs        `cmd:"" help:"List copies of an issue."`
	Show      deliveryShow      `cmd:"" help:"Tell what became of one copy, and each attempt."`
	Reconcile deliveryReconcile `cmd:"" help:"Settle what a dead process left behind; takes half a minute where one may still live."`
	Retry     deliveryRetry     `cmd:"" help:"Queue copies again that failed, expired or are parked."`
}

type deliveryLs struct {
	Issue    int64  `required:"" help:"Issue id."`
	State    string `help:"In one state: queued, claimed, deferred, accepted, failed, expired, withheld, cancelled, uncertain or parked."`
	Doubtful bool   `help:"Only copies that were ever in flight when a process or connection ended: they may have come twice."`
	After    int64  `help:"Readers whose id is above this one, for the next page."`
	N        count  `short:"n" default:"100" help:"How many."`
}

func (v *deliveryLs) Validate() error {
	if v.State != "" && !slices.Contains(mailer.States(), mailer.State(v.State)) {
		return fmt.Errorf("--state %q is no state of a copy; write one of %s", v.State, strings.Trim(strings.ReplaceAll(fmt.Sprint(mailer.States()), " ", ", "), "[]"))
	}
	return nil
}

func (v *deliveryLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		if _, err := p.Digest.Issue(e.ctx, v.Issue); err != nil {
			return err
		}
		return p.printDeliveries(e, v.Issue, mailer.Filter{State: mailer.State(v.State), WasUncertain: v.Doubtful}, mailer.Page{After: v.After, Limit: int(v.N)})
	})
}

// reader is a delivery with the address it went to.
type reader struct {
	mailer.Delivery
	Address string `json:"address"`
}

func (p *Press) printDeliveries(e *env, issue int64, f mailer.Filter, page mailer.Page) error {
	list, err := p.Mailer.Deliveries(e.ctx, issue, f, page)
	if err != nil {
		return err
	}
	ids := make([]int64, len(list))
	for i, d := range list {
		ids[i] = d.Subscriber
	}
	readers, err := p.Subscribers.ByIDs(e.ctx, ids)
	if err != nil {
		return err
	}
	out := make([]reader, len(list))
	for i, d := range list {
		out[i] = reader{Delivery: d, Address: "(erased)"}
		if sub, known := readers[d.Subscriber]; known {
			out[i].Address = string(sub.Email)
		}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "no such deliveries", "ID | READER | ADDRESS | STATE | ATTEMPTS | WHY", func(row func(...any)) {
			for _, d := range out {
				id := any(d.ID)
				if d.ID == 0 {
					id = "-"
				}
				row(id, d.Subscriber, d.Address, d.State, d.Attempts, clip(d.Why(), 110))
			}
		})
	})
}

type deliveryShow struct {
	ID int64 `arg:"" help:"Delivery id."`
}

func (v *deliveryShow) Run(e *env) error {
	return e.with(func(p *Press) error {
		d, err := p.Mailer.Delivery(e.ctx, v.ID)
		if errors.Is(err, mailer.ErrNoDelivery) {
			return fmt.Errorf("there is no delivery %d; those of an issue, shows: pressrun delivery ls --issue ID", v.ID)
		}
		if err != nil {
			return err
		}
		readers, err := p.Subscribers.ByIDs(e.ctx, []int64{d.Subscriber})
		if err != nil {
			return err
		}
		address := "(erased)"
		if sub, known := readers[d.Subscriber]; known {
			address = string(sub.Email)
		}
		why, err := p.WhyDelivery(e.ctx, d, address)
		if err != nil {
			return err
		}
		return e.print(why, why.text)
	})
}

type deliveryReconcile struct{}

func (deliveryReconcile) Run(e *env) error {
	return e.with(func(p *Press) error {
		done, err := p.Mailer.Reconcile(e.ctx)
		if err != nil {
			return err
		}
		return e.print(done, func(w io.Writer) {
			if done.Owners == 0 {
				fmt.Fprintln(w, "no process ended without signing off")
			} else {
				fmt.Fprintf(w, "processes that had ended without signing off: %d; copies back in the queue: %d; uncertain, in flight when they ended: %d\n", done.Owners, done.Released, done.Uncertain)
			}
			fmt.Fprintln(w, "Copies of an issue that were ever uncertain: pressrun delivery ls --issue ID --doubtful")
		})
	})
}

type deliveryRetry struct {
	IDs   []int64 `arg:"" optional:"" name:"id" help:"Delivery ids."`
	Issue int64   `help:"Instead of ids: all copies of this issue …"`
	State string  `help:"… that are failed, expired or parked."`
}

func (v *deliveryRetry) Validate() error {
	if (v.Issue != 0) == (len(v.IDs) > 0) || (v.Issue != 0) != (v.State != "") {
		return errors.New("name copies by their ids, or all of an issue with --issue N --state failed")
	}
	if v.State != "" && !mailer.State(v.State).Again() {
		return fmt.Errorf("--state %q: only copies that are failed, expired or parked can be sent again", v.State)
	}
	return nil
}

func (v *deliveryRetry) Run(e *env) error {
	return e.with(func(p *Press) error {
		what := fmt.Sprint("deliveries ", v.IDs)
		retry := func() (int, error) { return p.Retry(e.ctx, v.IDs) }
		if v.Issue != 0 {
			if _, err := p.Digest.Issue(e.ctx, v.Issue); err != nil {
				return err
			}
			what = fmt.Sprintf("issue %d", v.Issue)
			retry = func() (int, error) { return p.RetryIssue(e.ctx, v.Issue, mailer.State(v.State)) }
		}
		n, err := retry()
		if err != nil {
			return err
		}
		if err := e.record(p, "send again", what, strings.TrimSpace(fmt.Sprintf("%d %s", n, v.State))); err != nil {
			return err
		}
		return e.print(map[string]int{"queued": n}, func(w io.Writer) { fmt.Fprintf(w, "%d queued again\n", n) })
	})
}

type userVerb struct {
	Add  userAdd  `cmd:"" help:"Add a user, or change the role."`
	Ls   userLs   `cmd:"" help:"List users."`
	Link userLink `cmd:"" help:"Print a sign-in link that works once, for 30 minutes."`
	Rm   userRm   `cmd:"" help:"Take a user away."`
}

type userAdd struct {
	Email string `arg:"" help:"Address."`
	Role  string `default:"" enum:",viewer,editor,approver,list admin,operator" help:"viewer, editor, approver, list admin or operator; a new user is editor when left out."`
	Name  string `help:"Name."`
}

func (v *userAdd) Run(e *env) error {
	return e.with(func(p *Press) error {
		u, err := p.Installation.AddUser(e.ctx, v.Email, v.Name, v.Role)
		if err != nil {
			return err
		}
		if err := errors.Join(e.record(p, "user", u.Email, u.Role), p.sayLeaderless(e)); err != nil {
			return err
		}
		return e.print(u, func(w io.Writer) { fmt.Fprintf(w, "%s is %s\n", u.Email, u.Role) })
	})
}

type userLs struct{}

func (userLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Installation.Users(e.ctx)
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) {
			table(w, "no users yet; add one with: pressrun user add ADDRESS --role operator", "ADDRESS | ROLE | LAST SEEN", func(row func(...any)) {
				for _, u := range list {
					row(u.Email, u.Role, when(u.Seen))
				}
			})
		})
	})
}

type userLink struct {
	Email string `arg:"" help:"Address."`
}

func (v *userLink) Run(e *env) error {
	return e.with(func(p *Press) error {
		token, err := p.Installation.SignInToken(e.ctx, v.Email)
		if err != nil {
			return err
		}
		if err := e.record(p, "sign-in link", v.Email, ""); err != nil {
			return err
		}
		link := p.Config.PublicURL + "/desk/sign-in/" + token
		return e.print(map[string]string{"link": link, "works_for": installation.LinkAge.String()}, func(w io.Writer) { fmt.Fprintln(w, link) })
	})
}

type userRm struct {
	Email string `arg:"" help:"Address."`
}

func (v *userRm) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Installation.RemoveUser(e.ctx, v.Email); err != nil {
			return err
		}
		if err := errors.Join(e.record(p, "remove user", v.Email, ""), p.sayLeaderless(e)); err != nil {
			return err
		}
		return e.did(facts{"user": v.Email}, "%s may no longer use the desk", v.Email)
	})
}

// sayLeaderless says on standard error that no user is operator.
func (p *Press) sayLeaderless(e *env) error {
	list, err := p.Installation.Users(e.ctx)
	if err == nil && !slices.ContainsFunc(list, func(u installation.User) bool { return u.May("operator") }) {
		fmt.Fprintln(e.err, "nobody is operator now: newsletters, users and the stop of all mail are in reach of the command line alone; make one with: pressrun user add ADDRESS --role operator")
	}
	return err
}

type auditVerb struct {
	Search string `short:"s" help:"Words."`
	N      count  `short:"n" default:"50" help:"How many."`
}

func (v *auditVerb) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, _, err := p.Installation.Actions(e.ctx, v.Search, false, int(v.N), 0)
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) {
			table(w, "nothing yet", "WHEN | WHO | WHAT | OBJECT | DETAIL", func(row func(...any)) {
				for _, a := range list {
					row(when(a.At), a.Actor, a.Action, a.Object, clip(a.Detail, 80))
				}
			})
		})
	})
}
