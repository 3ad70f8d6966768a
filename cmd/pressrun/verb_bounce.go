package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"pressrun/mailer"
	"pressrun/mailer/bounce"
)

type bounceVerb struct {
	Ls       bounceLs       `cmd:"" help:"List mail that came back, the newest first, and what followed."`
	Poll     bouncePoll     `cmd:"" help:"Read the bounce mailbox now."`
	Address  bounceAddress  `cmd:"" help:"Print the address to register with feedback loops, and whether the way back is open."`
	Classify bounceClassify `cmd:"" help:"Say what mails that came back mean, as JSON lines. Needs no database."`
}

type bounceLs struct {
	Of     string `help:"Of this reader: an address."`
	Kind   string `help:"bounce, complaint, autoreply, leave, test or none." enum:",bounce,complaint,autoreply,leave,test,none" default:""`
	Class  string `help:"hard, soft, sender, complaint or none." enum:",hard,soft,sender,complaint,none" default:""`
	Search string `help:"Text in reason, code, words or effect."`
	Oldest bool   `help:"The oldest first."`
	Limit  count  `short:"n" default:"50" help:"How many."`
	Page   count  `default:"1" help:"Which page of them."`
}

// returnedRow is a mail that came back with the address of the reader, or of whom the
// letter was to.
type returnedRow struct {
	mailer.Returned
	Address string `json:"address,omitempty"`
}

func (v *bounceLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		f := mailer.ReturnedFilter{Kind: v.Kind, Class: v.Class, Search: v.Search, Oldest: v.Oldest, Limit: int(v.Limit), Offset: int((v.Page - 1) * v.Limit)}
		if v.Of != "" {
			reader, err := p.Subscribers.Find(e.ctx, v.Of)
			if err != nil {
				return err
			}
			f.Subscriber = reader.ID
		}
		list, total, err := p.Mailer.Returned(e.ctx, f)
		if err != nil {
			return err
		}
		ids := make([]int64, len(list))
		for i, r := range list {
			ids[i] = r.Subscriber
		}
		readers, err := p.Subscribers.ByIDs(e.ctx, ids)
		if err != nil {
			return err
		}
		rows := make([]returnedRow, len(list))
		for i, r := range list {
			rows[i] = returnedRow{Returned: r, Address: cmp.Or(string(readers[r.Subscriber].Email), r.LetterTo)}
		}
		return e.print(rows, func(w io.Writer) {
			table(w, "nothing came back", "WHEN | READER | KIND | CLASS | REASON | WHAT IT SAID | WHAT FOLLOWED", func(row func(...any)) {
				for _, r := range rows {
					row(when(r.At), cmp.Or(r.Address, "–"), r.Kind, r.Class, r.Reason, clip(r.Diagnostic, 60), r.Effect)
				}
			})
			if total > len(rows) {
				fmt.Fprintf(w, "page %d of %d; the next with --page %d\n", v.Page, (total+int(v.Limit)-1)/int(v.Limit), v.Page+1)
			}
		})
	})
}

type bouncePoll struct{}

func (bouncePoll) Run(e *env) error {
	return e.with(func(p *Press) error {
		if p.mailbox == nil {
			return errors.New(`no mailbox is configured; set imap = "imaps://user@host" under [bounce]`)
		}
		n, err := p.Mailer.PollMailbox(e.ctx, p.mailbox)
		if err != nil {
			return err
		}
		return e.print(map[string]int{"mails": n}, func(w io.Writer) { fmt.Fprintf(w, "%d mails read\n", n) })
	})
}

type bounceAddress struct{}

func (bounceAddress) Run(e *env) error {
	return e.with(func(p *Press) error {
		if !p.Config.Bounce.signed() {
			return errors.New("mail has no signed way back here; set address and listen or imap under [bounce]")
		}
		c, err := p.Mailer.Canary(e.ctx, p.DB.Read)
		if err != nil {
			return err
		}
		open := c.Open(p.Now())
		shown := map[string]any{"feedback": p.feedbackAddress(), "open": open, "canary_sent_at": c.Sent, "canary_back_at": c.Back}
		return e.print(shown, func(w io.Writer) {
			fmt.Fprintf(w, "feedback loops: %s\nthe way back is %s; the last letter to ourselves left %s and came back %s\n",
				p.feedbackAddress(), map[bool]string{true: "open", false: "not known to be open: mails do not offer to leave by mail"}[open], when(c.Sent), when(c.Back))
		})
	})
}

type bounceClassify struct {
	Files []string `arg:"" help:"Mail files, - for standard input."`
}

func (v *bounceClassify) Run(e *env) error { return bounce.ClassifyFiles(e.out, e.in, v.Files) }
