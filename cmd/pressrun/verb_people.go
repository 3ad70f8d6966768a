package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pressrun/mailer"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/subscribers/importer"
)

type subscriberVerb struct {
	Add     subscriberAdd     `cmd:"" help:"Add a reader whose consent was given elsewhere."`
	Ls      subscriberLs      `cmd:"" help:"List readers."`
	Show    subscriberShow    `cmd:"" help:"All that is known about a reader, in the order it happened."`
	Import  subscriberImport  `cmd:"" help:"Import a CSV file; a report first, nothing without --yes."`
	Imports subscriberImports `cmd:"" help:"List imports, the newest first."`
	Undo    subscriberUndo    `cmd:"" help:"Take an import back."`
	Export  subscriberExport  `cmd:"" help:"Export readers as CSV, with --json too."`
	Pause   subscriberPause   `cmd:"" help:"Pause a reader's subscription."`
	Leave   subscriberLeave   `cmd:"" help:"End a reader's subscription on his request."`
	Move    subscriberMove    `cmd:"" help:"Change a reader's address."`
	Forget  subscriberForget  `cmd:"" help:"Erase a reader; only a hash stays, so that nobody writes again."`
}

type subscriberAdd struct {
	Email    string   `arg:"" help:"Address."`
	List     []string `required:"" help:"Lists, comma separated."`
	Source   string   `required:"" help:"Where the consent was given: \"paper form at the fair, 2026-05-01\"."`
	Basis    string   `default:"imported" enum:"express,implied,imported" help:"Right by which we write: express, implied, imported."`
	Until    string   `help:"End of implied consent, 2027-05-01."`
	Evidence string   `help:"Where the proof is kept."`
	Name     string   `help:"Name."`
	Language string   `help:"Language, BCP 47."`
	Zone     string   `help:"IANA zone."`
}

func (v *subscriberAdd) Run(e *env) error {
	return e.with(func(p *Press) error {
		consent := subscribers.Consent{Basis: subscribers.Basis(v.Basis), Source: v.Source, Evidence: v.Evidence}
		if v.Until != "" {
			until, err := time.Parse(time.DateOnly, v.Until)
			if err != nil {
				return fmt.Errorf("--until %q: write a date such as 2027-05-01", v.Until)
			}
			consent.Until = until
		}
		if err := p.recall(e.ctx); err != nil {
			return err
		}
		sub, err := p.Subscribers.Add(e.ctx, subscribers.New{
			Subscriber: subscribers.Subscriber{Email: address.Address(v.Email), Name: v.Name, Language: v.Language, Zone: v.Zone},
			ListNames:  v.List, Consent: consent, By: "command line",
		})
		if err != nil {
			return err
		}
		if err := e.record(p, "add", fmt.Sprintf("subscriber %d", sub.ID), strings.Join(v.List, ", ")); err != nil {
			return err
		}
		return e.print(sub, func(w io.Writer) { fmt.Fprintf(w, "%s reads %s\n", sub.Email, strings.Join(v.List, ", ")) })
	})
}

type subscriberLs struct {
	Search string `short:"s" help:"Part of address or name."`
	List   string `help:"Of one list."`
	State  string `default:"" enum:",pending,active,paused,unsubscribed,expired,suppressed" help:"pending, active, paused, unsubscribed, expired or suppressed."`
	Sort   string `default:"created" enum:"created,email,name" help:"created, email or name."`
	Page   count  `default:"1" help:"Page, 50 readers each."`
}

func (v *subscriberLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.isList(e.ctx, v.List); err != nil {
			return err
		}
		list, total, err := p.Subscribers.Page(e.ctx, subscribers.Filter{Search: v.Search, List: v.List, State: v.State, Sort: v.Sort, Page: int(v.Page)})
		if err != nil {
			return err
		}
		return e.print(map[string]any{"total": total, "subscribers": list}, func(w io.Writer) {
			table(w, "nobody", "ID | ADDRESS | NAME | LANGUAGE | LISTS | SINCE", func(row func(...any)) {
				for _, s := range list {
					var on []string
					for name, state := range s.Lists {
						on = append(on, name+" "+string(state))
					}
					slices.Sort(on)
					if s.Suppressed != "" {
						on = append(on, "suppressed: "+string(s.Suppressed))
					}
					row(s.ID, s.Email, s.Name, s.Language, strings.Join(on, ", "), when(s.Created))
				}
			})
			fmt.Fprintf(w, "%d in all\n", total)
		})
	})
}

// isList fails where a list that was named is not there; "" names none.
func (p *Press) isList(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	_, err := p.Subscribers.ListID(ctx, p.DB.Read, name)
	return err
}

type subscriberShow struct {
	Email  string `arg:"" help:"Address."`
	Issues count  `default:"20" help:"How many issues, the newest."`
}

func (v *subscriberShow) Run(e *env) error {
	return e.with(func(p *Press) error {
		sub, err := p.Subscribers.Find(e.ctx, v.Email)
		if err != nil {
			return err
		}
		events, err := p.Subscribers.Timeline(e.ctx, sub.ID)
		if err != nil {
			return err
		}
		issues, total, err := p.received(e.ctx, sub.ID, mailer.Page{Limit: int(v.Issues)})
		if err != nil {
			return err
		}
		return e.print(map[string]any{"subscriber": sub, "timeline": events, "issues": issues, "issues_in_all": total}, func(w io.Writer) {
			fmt.Fprintf(w, "%s  %s  %s\n", sub.Email, sub.Name, sub.Language)
			for _, ev := range events {
				fmt.Fprintf(w, "  %s  %-10s %-12s %s\n", when(ev.At), ev.Kind, ev.ListName, ev.Detail)
			}
			fmt.Fprintf(w, "in the audience of %s\n", several(total, "issue", "issues"))
			for _, i := range issues {
				fmt.Fprintf(w, "  %-10s %s #%d (issue %d): %s\n", i.State, i.Newsletter, i.Number, i.Issue, i.Why)
			}
		})
	})
}

type subscriberImport struct {
	File     string `arg:"" help:"CSV file with a heading line, - for standard input; a column email is needed."`
	List     string `required:"" help:"List."`
	Source   string `required:"" help:"Declared source of consent."`
	Evidence string `help:"Where the proof is kept."`
	Yes      bool   `help:"Import; without it only the report is printed."`
}

func (v *subscriberImport) Run(e *env) error {
	return e.with(func(p *Press) error {
		in, name := e.in, "standard input"
		if v.File != "-" {
			f, err := os.Open(v.File)
			if err != nil {
				return err
			}
			defer f.Close()
			in, name = f, filepath.Base(v.File)
		}
		if err := p.recall(e.ctx); err != nil {
			return err
		}
		report, err := importer.Import(e.ctx, p.Subscribers, in, importer.Options{File: name, List: v.List, Source: v.Source, Evidence: v.Evidence, DryRun: !v.Yes, By: "command line"})
		if err != nil && report.ID > 0 {
			return e.cutOff(p, report, v.List, err)
		}
		if err != nil {
			return err
		}
		if v.Yes {
			if err := e.record(p, "start import", fmt.Sprint(report.ID), v.List); err != nil {
				return err
			}
		}
		return e.print(report, func(w io.Writer) {
			fmt.Fprint(w, report)
			if v.Yes {
				fmt.Fprintf(w, "imported; take it back with: pressrun subscriber undo %d\n", report.ID)
			} else {
				fmt.Fprintln(w, "nothing was changed; import with --yes")
			}
		})
	})
}

// cutOff says what became of an import that did not come to its end. What cannot be
// written down now, serve writes.
func (e *env) cutOff(p *Press, report importer.Report, list string, err error) error {
	if e.ctx.Err() != nil {
		err = errors.New("it was ended")
	}
	ctx := context.WithoutCancel(e.ctx)
	_ = p.Installation.Audit(ctx, "command line", "start import", fmt.Sprint(report.ID), list)
	_ = p.Subscribers.FailImport(ctx, report.ID, fmt.Sprintf("%s after %d rows; the same file once more brings the rest", withAdvice(err), report.Rows))
	return fmt.Errorf("import %d was cut off after %d rows, and the same once more brings the rest (or take back what it brought: pressrun subscriber undo %d): %w", report.ID, report.Rows, report.ID, err)
}

type subscriberImports struct{}

func (subscriberImports) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Subscribers.Imports(e.ctx)
		if err != nil {
			return err
		}
		idle, err := p.Subscribers.IdleImports(e.ctx)
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) {
			table(w, "nothing was imported yet; begin with: pressrun subscriber import FILE.csv --list LIST --source …", "ID | STATE | FILE | LIST | SOURCE | BY | WHEN", func(row func(...any)) {
				for _, i := range list {
					if slices.ContainsFunc(idle, func(x subscribers.Import) bool { return x.ID == i.ID }) {
						i.State = "stands still" // serve goes on with it, or ends it
					}
					row(i.ID, i.State, i.File, i.ListName, i.Source, i.By, when(i.At))
				}
			})
		})
	})
}

type subscriberUndo struct {
	ID int64 `arg:"" help:"Import id."`
}

func (v *subscriberUndo) Run(e *env) error {
	return e.with(func(p *Press) error {
		n, err := importer.Undo(e.ctx, p.Subscribers, v.ID, "command line")
		if err != nil {
			return err
		}
		if err := e.record(p, "undo import", fmt.Sprint(v.ID), ""); err != nil {
			return err
		}
		return e.did(facts{"import": v.ID, "undone": n}, "import %d taken back: %v", v.ID, n)
	})
}

type subscriberExport struct {
	List  string `help:"Of one list."`
	State string `default:"" enum:",pending,active,paused,unsubscribed,expired,suppressed" help:"pending, active, paused, unsubscribed, expired or suppressed."`
}

func (v *subscriberExport) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.isList(e.ctx, v.List); err != nil {
			return err
		}
		return p.Subscribers.Export(e.ctx, e.out, subscribers.Filter{List: v.List, State: v.State})
	})
}

type subscriberPause struct {
	Email string `arg:"" help:"Address."`
	List  string `required:"" help:"List."`
	Days  count  `default:"30" help:"For how many days."`
}

func (v *subscriberPause) Run(e *env) error {
	return withSubscription(e, v.Email, v.List, func(p *Press, sub, list int64) error {
		until := p.Now().AddDate(0, 0, int(v.Days))
		if err := p.Subscribers.Pause(e.ctx, sub, list, until, "command line"); err != nil {
			return err
		}
		if err := e.record(p, "pause", fmt.Sprintf("subscriber %d", sub), v.List); err != nil {
			return err
		}
		return e.did(facts{"subscriber": sub, "list": v.List, "until": until}, "%s pauses %s until %s", v.Email, v.List, when(until))
	})
}

type subscriberLeave struct {
	Email string `arg:"" help:"Address."`
	List  string `help:"List; left out, all of them."`
	How   string `default:"asked us" help:"How the reader asked."`
}

func (v *subscriberLeave) Run(e *env) error {
	if v.List == "" {
		return e.with(func(p *Press) error {
			sub, err := p.Subscribers.Find(e.ctx, v.Email)
			if err != nil {
				return err
			}
			if err := p.Subscribers.Unsubscribe(e.ctx, sub.ID, 0, v.How); err != nil {
				return err
			}
			if err := e.record(p, "unsubscribe", fmt.Sprintf("subscriber %d", sub.ID), "everything"); err != nil {
				return err
			}
			return e.did(facts{"subscriber": sub.ID}, "%s has left everything, and is written to again only after confirming", v.Email)
		})
	}
	return withSubscription(e, v.Email, v.List, func(p *Press, sub, list int64) error {
		if err := p.Subscribers.Unsubscribe(e.ctx, sub, list, v.How); err != nil {
			return err
		}
		if err := e.record(p, "unsubscribe", fmt.Sprintf("subscriber %d", sub), v.List); err != nil {
			return err
		}
		return e.did(facts{"subscriber": sub, "list": v.List}, "%s has left %s", v.Email, v.List)
	})
}

func withSubscription(e *env, email, list string, f func(p *Press, sub, list int64) error) error {
	return e.with(func(p *Press) error {
		sub, err := p.Subscribers.Find(e.ctx, email)
		if err != nil {
			return err
		}
		id, err := p.Subscribers.ListID(e.ctx, p.DB.Read, list)
		if err != nil {
			return err
		}
		return f(p, sub.ID, id)
	})
}

type subscriberMove struct {
	From string `arg:"" help:"Address."`
	To   string `arg:"" help:"New address."`
}

func (v *subscriberMove) Run(e *env) error {
	return e.with(func(p *Press) error {
		sub, err := p.Subscribers.Find(e.ctx, v.From)
		if err != nil {
			return err
		}
		if err := p.Subscribers.Move(e.ctx, sub.ID, v.To, "command line"); err != nil {
			return err
		}
		if err := e.record(p, "move", fmt.Sprintf("subscriber %d", sub.ID), ""); err != nil {
			return err
		}
		return e.did(facts{"subscriber": sub.ID, "from": v.From, "to": v.To}, "%s now reads at %s", v.From, v.To)
	})
}

type subscriberForget struct {
	Email string `arg:"" help:"Address."`
	Yes   bool   `help:"Do it; it cannot be undone."`
}

func (v *subscriberForget) Run(e *env) error {
	if !v.Yes {
		return errors.New("this erases everything known about the reader and cannot be undone; add --yes")
	}
	return e.with(func(p *Press) error {
		sub, err := p.Subscribers.Find(e.ctx, v.Email)
		if err != nil {
			return err
		}
		if err := p.Subscribers.Forget(e.ctx, sub.ID, "command line"); err != nil {
			return err
		}
		if err := e.record(p, "forget", fmt.Sprintf("subscriber %d", sub.ID), ""); err != nil {
			return err
		}
		return e.did(facts{"subscriber": sub.ID}, "%s is erased; only a hash stays, so that nobody writes there again", v.Email)
	})
}

type suppressionVerb struct {
	Add suppressionAdd `cmd:"" help:"Never write to an address."`
	Ls  suppressionLs  `cmd:"" help:"List suppressions."`
	Rm  suppressionRm  `cmd:"" help:"Lift a suppression, where that is allowed."`
}

type suppressionAdd struct {
	Email string `arg:"" help:"Address."`
	Note  string `required:"" help:"Why."`
}

func (v *suppressionAdd) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Subscribers.SuppressAddress(e.ctx, v.Email, subscribers.Manual, v.Note); err != nil {
			return err
		}
		if err := e.record(p, "suppress", v.Email, v.Note); err != nil {
			return err
		}
		return e.did(facts{"address": v.Email, "reason": subscribers.Manual}, "%s is never written to", v.Email)
	})
}

type suppressionLs struct {
	Search string `short:"s" help:"Part of the address."`
	Reason string `default:"" enum:",left,hard,complaint,manual,forgotten" help:"left, hard, complaint, manual or forgotten."`
	Sort   string `default:"newest" enum:"newest,oldest,address,reason" help:"newest, oldest, address or reason."`
	Page   count  `default:"1" help:"Which 500 of them."`
}

func (v *suppressionLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, total, err := p.Subscribers.Suppressions(e.ctx, subscribers.SuppressionFilter{Search: v.Search, Reason: subscribers.Reason(v.Reason), Sort: v.Sort, Offset: (int(v.Page) - 1) * 500, Limit: 500})
		if err != nil {
			return err
		}
		return e.print(map[string]any{"total": total, "suppressions": list}, func(w io.Writer) {
			table(w, "no address is suppressed", "ADDRESS | REASON | SINCE | NOTE", func(row func(...any)) {
				for _, s := range list {
					reason := string(s.Reason)
					if s.Beneath != "" {
						reason += ", " + string(s.Beneath)
					}
					row(clip(s.Key, 60), reason, when(s.At), clip(s.Note, 80))
				}
			})
		})
	})
}

type suppressionRm struct {
	Email string `arg:"" help:"Address."`
}

func (v *suppressionRm) Run(e *env) error {
	return e.with(func(p *Press) error {
		still, err := p.Subscribers.Unsuppress(e.ctx, v.Email)
		if err != nil {
			return err
		}
		if err := e.record(p, "lift suppression", v.Email, ""); err != nil {
			return err
		}
		if still != "" {
			return e.did(facts{"address": v.Email, "still": still}, "what was suppressed by hand is lifted; %s is still not written to: %s, which only the reader can lift", v.Email, still.Words())
		}
		return e.did(facts{"address": v.Email}, "%s may be written to again", v.Email)
	})
}
