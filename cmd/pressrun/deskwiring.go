package main

import (
	"context"
	"net/http"
	"strings"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/mailer/message"
)

// desk is the newsroom's pages, with what an editor does wired to the press.
func (p *Press) desk() http.Handler {
	d := &desk.Desk{
		Digest: p.Digest, Subscribers: p.Subscribers, Mailer: p.Mailer, Installation: p.Installation, Now: p.Now, Log: p.Log,
		Where: p.where(), Unarmed: p.Config.unarmed(), PublicURL: p.Config.PublicURL, Secure: strings.HasPrefix(p.Config.PublicURL, "https://"),
		Edit: p.Edit, Approve: p.Approve, SendNow: p.sendNow, SendTest: p.SendTest, Pause: p.PauseIssue, Resume: p.ResumeIssue, Cancel: p.CancelIssue,
		Subject: p.Subject, Hold: p.Hold, Skip: p.Skip, Rebuild: p.Rebuild, Correct: p.Correct, Withdraw: p.Withdraw, AcceptDNS: p.AcceptDNS,
		EditionFor: func(ctx context.Context, i digest.Issue, address string) (digest.Edition, error) {
			ed, _, err := p.copyFor(ctx, i, address)
			return ed, err
		},
		Frame: func(ctx context.Context, id int64, as string) (string, string, error) {
			ed, err := p.Digest.Edition(ctx, id)
			if err != nil {
				return "", "", err
			}
			i, err := p.Digest.Issue(ctx, ed.IssueID)
			if err != nil {
				return "", "", err
			}
			values := sampleValues(p.Config.PublicURL, i.Spec.ListHost, i.SlotAt)
			if as != "" {
				if _, values, err = p.copyFor(ctx, i, as); err != nil {
					return "", "", err
				}
			}
			return message.Preview(ed.Message, values)
		},
		Preflight: func(ctx context.Context, issue int64) ([]digest.Finding, error) {
			return p.preflight(ctx, issue, false)
		},
		Standings: p.deskStandings, Hours: p.deskHours, Explain: p.deskExplain,
		Audience: func(ctx context.Context, i digest.Issue) (int, string, error) {
			c, err := p.crowd(ctx, i)
			if err != nil {
				err = desk.Refusal(p.untold(ctx, i, err))
			}
			return c.Now, c.Odd(), err
		},
		StoryChanged: p.StoryChanged, Order: p.Order, CheckImport: p.CheckImport, PauseSource: p.Collector.Pause, SetSource: p.SetSource,
		ReadNewsletter: func(text string) (string, digest.Spec, error) {
			f, err := parseNewsletter("line", []byte(text))
			return f.Name, f.Spec, err
		},
		WriteNewsletter: func(n digest.Newsletter) (string, error) {
			var b strings.Builder
			err := exportNewsletter(&b, n)
			return b.String(), err
		},
		AddSource: func(ctx context.Context, address, rights string) (desk.Added, error) {
			return p.AddSource(ctx, address, rights, 0)
		},
		Retry: p.RetryIssue, Received: p.received,
		Why: func(ctx context.Context, issue int64, address string) (desk.Copy, error) {
			why, err := p.Why(ctx, issue, address)
			c := desk.Copy{Line: why.Line}
			if why.Delivery != nil {
				c.State = why.Delivery.State
			}
			if !why.first() {
				c.Attempts = why.Attempts
			}
			return c, err
		},
	}
	if p.Catcher != nil {
		d.Inbox = p.Catcher.Handler("/inbox")
	}
	return d.Handler()
}

// where says in words by what mail leaves when it may; "" = by nothing.
func (p *Press) where() string {
	if len(p.Config.Relays) == 0 {
		return ""
	}
	var names []string
	for _, r := range p.Config.Relays {
		names = append(names, r.Name)
	}
	return "relay " + strings.Join(names, ", ")
}
