package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/templates"
)

// What needs a person is announced here, and taken back when it is over.

// Alarm announces trouble once: on the Today page, in the log, by mail and by
// webhook.
func (p *Press) Alarm(ctx context.Context, kind, subject, detail string) {
	if err := p.raise(ctx, kind, subject, detail); err != nil {
		p.Log.Error("alarm", "kind", kind, "subject", subject, "detail", detail, "err", err)
	}
}

// raise is Alarm, and fails when the database does not take the alarm. Whoever is told
// of it is so in the same transaction: what is on the Today page has been announced.
func (p *Press) raise(ctx context.Context, kind, subject, detail string) error {
	title, at := desk.AlarmTitle(ctx, p.Digest, kind, subject)
	isNew := false
	err := p.DB.InTx(ctx, func(tx *sql.Tx) (err error) {
		if isNew, err = p.Installation.Raise(ctx, tx, kind, subject, detail); err != nil || !isNew {
			return err
		}
		if err := p.tell(ctx, tx, webhookJob{Alarm: kind, Subject: subject, Title: title, Detail: detail, State: "open", Desk: p.Config.PublicURL + at}); err != nil {
			return err
		}
		return p.mailAlarm(ctx, tx, title, detail, p.Config.PublicURL+at)
	})
	if err == nil && isNew {
		p.Log.Warn("alarm", "kind", kind, "subject", subject, "detail", detail)
	}
	return err
}

// stand raises an alarm when there begins to be reason for it and clears it when
// there is none any more, also one of the process before. What the database does
// not take is tried again at the next tick. Ticks alone call it.
func (p *Press) stand(ctx context.Context, reason bool, kind, subject, detail string) {
	if was, looked := p.standing[kind+" "+subject]; looked && was == reason {
		return
	}
	var err error
	if reason {
		err = p.raise(ctx, kind, subject, detail)
	} else {
		err = p.clear(ctx, kind, subject)
	}
	if err != nil {
		p.complain("alarm of "+kind, err)
		return
	}
	if p.standing == nil {
		p.standing = map[string]bool{}
	}
	p.standing[kind+" "+subject] = reason
}

// technically is a sentence for people with the text for who mends it after it.
func technically(sentence string, err error) string {
	return sentence + " Technical text: " + err.Error()
}

// Clear takes an alarm back when the trouble is over.
func (p *Press) Clear(ctx context.Context, kind, subject string) {
	if err := p.clear(ctx, kind, subject); err != nil {
		p.Log.Error("clear alarm", "kind", kind, "subject", subject, "err", err)
	}
}

func (p *Press) clear(ctx context.Context, kind, subject string) error {
	return p.end(ctx, kind, subject, "")
}

// end takes an alarm back: the trouble is over, or why it is ours no more.
func (p *Press) end(ctx context.Context, kind, subject, why string) error {
	was := false
	err := p.DB.InTx(ctx, func(tx *sql.Tx) (err error) {
		if was, err = p.Installation.Clear(ctx, tx, kind, subject, why); err != nil || !was {
			return err
		}
		title, at := desk.AlarmTitle(ctx, p.Digest, kind, subject)
		return p.tell(ctx, tx, webhookJob{Alarm: kind, Subject: subject, Title: title, Detail: why, State: "closed", Desk: p.Config.PublicURL + at})
	})
	if err == nil && was {
		p.Log.Info("alarm over", "kind", kind, "subject", subject, "why", why)
	}
	return err
}

// settled clears what an issue waited for: somebody has decided.
func (p *Press) settled(ctx context.Context, issue int64) {
	for _, kind := range []string{"approval", "audience", "site", "preflight"} {
		p.Clear(ctx, kind, fmt.Sprintf("issue %d", issue))
	}
}

// overtake ends the alarms about earlier issues of the newsletter that did not go out,
// or not surely to all: one does again.
func (p *Press) overtake(ctx context.Context, next digest.Issue) {
	open, err := p.Installation.Alarms(ctx, true, math.MaxInt32)
	if err != nil {
		p.Log.Error("alarms that are over", "err", err) // not complain: the desk gets here, too
		return
	}
	for _, a := range open {
		over := a.Kind == "slot" && strings.HasPrefix(a.Subject, next.Newsletter+" ")
		if id, err := strconv.ParseInt(strings.TrimPrefix(a.Subject, "issue "), 10, 64); (a.Kind == "issue" || a.Kind == "parked") && err == nil {
			earlier, err := p.Digest.Issue(ctx, id)
			over = err == nil && earlier.NewsletterID == next.NewsletterID
		}
		if over {
			p.Clear(ctx, a.Kind, a.Subject)
		}
	}
}

// mailAlarm writes an alarm to the address in the configuration, with a button to at.
func (p *Press) mailAlarm(ctx context.Context, tx *sql.Tx, title, detail, at string) error {
	if p.Config.AlarmMail == "" {
		return nil
	}
	return p.letter(ctx, tx, templates.LetterAlarm, p.Config.AlarmMail, templates.Letter{Subject: title, Text: []string{detail}, Since: p.Now(), Action: at})
}

// whoIsTold says where alarms go.
func (c *Config) whoIsTold() (string, error) {
	switch {
	case c.AlarmMail != "" && c.AlarmWebhook != "":
		return "go to " + c.AlarmMail + " and to the webhook", nil
	case c.AlarmMail != "":
		return "go to " + c.AlarmMail, nil
	case c.AlarmWebhook != "":
		return "go to the webhook", nil
	}
	return "", errors.New("nobody is told when something needs a person: alarms stand on the Today page alone; set alarm_mail or alarm_webhook in press.toml")
}

// unreached are those of the newsroom to whom alarms and requests to approve do not
// arrive, with what was said to the last one.
func (p *Press) unreached(ctx context.Context) (map[string]string, error) {
	users, err := p.Installation.Users(ctx)
	if err != nil {
		return nil, err
	}
	var whom []string
	if p.Config.AlarmMail != "" {
		whom = append(whom, p.Config.AlarmMail)
	}
	for _, u := range users {
		if u.May("approver") {
			whom = append(whom, u.Email)
		}
	}
	out := map[string]string{}
	for _, address := range whom {
		said, err := p.Mailer.Unreached(ctx, address)
		if err != nil {
			return nil, err
		}
		if said != "" {
			out[address] = said
		}
	}
	return out, nil
}

// notArriving says what is to be done about letters that do not arrive.
func (p *Press) notArriving(address, said string) string {
	mend := "or give the approver another address (pressrun user)"
	if address == p.Config.AlarmMail {
		mend = "or set another alarm_mail in press.toml"
	}
	return fmt.Sprintf("What we write to %s does not arrive; the last answer was: %s. Have that mailbox mended, %s.", address, strings.TrimSuffix(said, "."), mend)
}

// inspectLetters announces that nobody reads alarms or requests to approve, since they
// do not arrive: the Today page and the webhook tell it, and another address if there
// is one.
func (p *Press) inspectLetters(ctx context.Context) error {
	lost, err := p.unreached(ctx)
	if err != nil {
		return err
	}
	open, err := p.Installation.Alarms(ctx, true, math.MaxInt32)
	if err != nil {
		return err
	}
	for _, a := range open {
		if a.Kind == "unreached" && a.Subject != theWebhook && lost[a.Subject] == "" {
			p.Clear(ctx, a.Kind, a.Subject)
		}
	}
	for _, address := range slices.Sorted(maps.Keys(lost)) {
		p.Alarm(ctx, "unreached", address, p.notArriving(address, lost[address]))
	}
	return nil
}
