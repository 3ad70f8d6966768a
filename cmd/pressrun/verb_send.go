package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/templates"
)

// act changes an issue and says what it is now.
func (e *env) act(issue int64, f func(p *Press) error) error {
	return e.with(func(p *Press) error {
		if err := f(p); err != nil {
			return err
		}
		i, err := p.Digest.Issue(e.ctx, issue)
		if err != nil {
			return err
		}
		return e.did(facts{"issue": i.ID, "state": i.State, "reason": i.Reason, "revision": i.Revision}, "%s #%d is %s", i.Newsletter, i.Number, i.State)
	})
}

type issueApprove struct {
	ID       int64  `arg:"" help:"Issue id."`
	Revision int    `help:"Approve only this revision, the one you looked at."`
	By       string `default:"command line" help:"In whose name."`
	Anyway   bool   `help:"Although a check is red."`
}

func (v *issueApprove) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.unlessRed(e, v.ID, v.Anyway); err != nil {
			return err
		}
		if err := p.Approve(e.ctx, v.ID, v.Revision, v.By); err != nil {
			return err
		}
		i, err := p.Digest.Issue(e.ctx, v.ID)
		if err != nil {
			return err
		}
		c, err := p.crowd(e.ctx, i)
		if err != nil {
			return err
		}
		if senders, err := p.Mailer.Senders(e.ctx); err == nil && senders == 0 {
			defer fmt.Fprintln(e.err, "no process is there that sends: start pressrun serve")
		}
		return e.did(facts{"issue": i.ID, "state": i.State, "reason": i.Reason, "revision": i.Revision, "readers": c.Now},
			"%s #%d is approved; it goes out %s, to %d readers as of now", i.Newsletter, i.Number, desk.Leaves(i, p.Now()), c.Now)
	})
}

// unlessRed refuses to let an issue go out, from where nobody sees its checks,
// while one of them is red.
func (p *Press) unlessRed(e *env, id int64, anyway bool) error {
	i, err := p.Digest.Issue(e.ctx, id)
	if err != nil || anyway || i.Revision == 0 || i.State != "draft" && i.State != "held" {
		return err
	}
	list, err := p.preflight(e.ctx, id, false)
	if err != nil {
		return err
	}
	if bad := digest.Bad(list); len(bad) > 0 {
		return fmt.Errorf("issue %d is left as it is, %s (pressrun issue check %d): %s Mend that, or say --anyway", id, several(len(bad), "check is red", "checks are red"), id, bad[0].Text)
	}
	return nil
}

type issueHold struct {
	ID  int64  `arg:"" help:"Issue id."`
	Why string `default:"held by an editor" help:"Reason."`
}

func (v *issueHold) Run(e *env) error {
	return e.act(v.ID, func(p *Press) error { return p.Hold(e.ctx, v.ID, v.Why, "command line") })
}

type issueSkip struct {
	ID  int64  `arg:"" help:"Issue id."`
	Why string `required:"" help:"Reason."`
}

func (v *issueSkip) Run(e *env) error {
	return e.act(v.ID, func(p *Press) error { return p.Skip(e.ctx, v.ID, v.Why, "command line") })
}

type issueSend struct {
	ID     int64 `arg:"" help:"Issue id."`
	Wait   bool  `help:"Wait until every copy has gone out, showing progress in a terminal."`
	Anyway bool  `help:"Although a check is red."`
}

func (v *issueSend) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.unlessRed(e, v.ID, v.Anyway); err != nil {
			return err
		}
		if err := p.SendNow(e.ctx, v.ID, "command line"); err != nil {
			return err
		}
		if !v.Wait {
			return p.printStatus(e, v.ID)
		}
		return p.waitSent(e, v.ID)
	})
}

// waitSent follows a running issue, in a terminal with a line of progress on standard error.
func (p *Press) waitSent(e *env, id int64) error {
	shown := io.Discard
	if terminal(e.err) {
		shown = e.err
	}
	for {
		i, err := p.Digest.Issue(e.ctx, id)
		if err != nil {
			return err
		}
		counts, err := p.Mailer.Counts(e.ctx, id)
		if err != nil {
			return err
		}
		open := counts["queued"] + counts["claimed"]
		if i.State == "countdown" {
			fmt.Fprintf(shown, "\rgoes out in %s; stop it with: pressrun issue cancel %d --why …  ", max(i.Starts.Sub(p.Now()), 0).Round(time.Second), id)
		} else {
			pace, err := p.Mailer.Progress(e.ctx, id, i.Spec.GoesOn())
			if err != nil {
				return err
			}
			fmt.Fprintf(shown, "\r%d of %d sent, %d to go %-70s", i.Audience-open, i.Audience, open, desk.Pace(i, pace, p.Now()))
		}
		if open == 0 && i.State != "countdown" {
			fmt.Fprintln(shown)
			return p.printStatus(e, id)
		}
		select {
		case <-e.ctx.Done():
			return e.ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// terminal reports whether somebody reads w as it is written, not a file or a program later.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

type issuePause struct {
	ID int64 `arg:"" help:"Issue id."`
}

func (v *issuePause) Run(e *env) error {
	return e.act(v.ID, func(p *Press) error { return p.PauseIssue(e.ctx, v.ID, "command line") })
}

type issueResume struct {
	ID int64 `arg:"" help:"Issue id."`
}

func (v *issueResume) Run(e *env) error {
	return e.act(v.ID, func(p *Press) error { return p.ResumeIssue(e.ctx, v.ID, "command line") })
}

type issueCancel struct {
	ID  int64  `arg:"" help:"Issue id."`
	Why string `required:"" help:"Reason."`
}

func (v *issueCancel) Run(e *env) error {
	return e.act(v.ID, func(p *Press) error { return p.CancelIssue(e.ctx, v.ID, v.Why, "command line") })
}

type issueStatus struct {
	ID int64 `arg:"" help:"Issue id."`
}

func (v *issueStatus) Run(e *env) error {
	return e.with(func(p *Press) error { return p.printStatus(e, v.ID) })
}

func (p *Press) printStatus(e *env, id int64) error {
	i, err := p.Digest.Issue(e.ctx, id)
	if err != nil {
		return err
	}
	counts, err := p.Mailer.Counts(e.ctx, id)
	if err != nil {
		return err
	}
	doubtful, err := p.Mailer.Doubtful(e.ctx, id)
	if err != nil {
		return err
	}
	senders, err := p.Mailer.Senders(e.ctx)
	if err != nil {
		return err
	}
	pace, err := p.Mailer.Progress(e.ctx, id, i.Spec.GoesOn())
	if err != nil {
		return err
	}
	return e.print(map[string]any{"issue": i, "audience": i.Audience, "states": counts, "progress": pace, "doubtful": doubtful, "senders": senders}, func(w io.Writer) {
		fmt.Fprintf(w, "%s #%d: %s, %s\n", i.Newsletter, i.Number, i.State, several(i.Audience, "reader", "readers"))
		if i.State == "countdown" {
			fmt.Fprintf(w, "  goes out at %s; stop it with: pressrun issue cancel %d --why …\n", i.Starts.Local().Format("15:04:05 MST"), id)
		}
		states := make([]string, 0, len(counts))
		for s := range counts {
			states = append(states, string(s))
		}
		slices.Sort(states)
		for _, s := range states {
			fmt.Fprintf(w, "  %-10s %7d\n", s, counts[mailer.State(s)])
		}
		if text := desk.Pace(i, pace, p.Now()); text != "" {
			fmt.Fprintf(w, "going out: %s\n", text)
		}
		if doubtful > 0 {
			fmt.Fprintf(w, "%s in flight when a process or connection ended, and may have come twice: pressrun delivery ls --issue %d --doubtful\n", several(doubtful, "copy was", "copies were"), id)
		}
		if senders == 0 && slices.Contains([]string{"approved", "countdown", "sending"}, i.State) {
			fmt.Fprintln(w, "no process is there that sends: start pressrun serve")
		}
	})
}

type issueWhy struct {
	ID      int64  `arg:"" help:"Issue id."`
	Address string `arg:"" help:"Reader's address."`
}

func (v *issueWhy) Run(e *env) error {
	return e.with(func(p *Press) error {
		why, err := p.Why(e.ctx, v.ID, v.Address)
		if err != nil {
			return err
		}
		return e.print(why, why.text)
	})
}

// text tells it in a line, and then each attempt, unless there was one that the
// line tells of.
func (a Answer) text(w io.Writer) {
	fmt.Fprintln(w, a.Line)
	for _, address := range a.Moved {
		fmt.Fprintln(w, "  "+address)
	}
	if a.first() {
		return
	}
	table(w, "", "TRIED | RELAY | OUTCOME | AT | IT SAID", func(row func(...any)) {
		for _, t := range a.Attempts {
			row(templates.Exact(t.At), cmp.Or(t.Relay, "-"), t.Outcome, t.Phase, clip(t.Said(), 110))
		}
	})
}

// first reports that the copy was accepted at the first attempt, or none was made.
func (a Answer) first() bool {
	return len(a.Attempts) == 0 || len(a.Attempts) == 1 && a.Attempts[0].Outcome == mailer.StateAccepted
}
