package main

import (
	"context"
	"errors"

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

// raise is Alarm, and fails when the database does not take the alarm.
func (p *Press) raise(ctx context.Context, kind, subject, detail string) error {
	isNew, err := p.Installation.Raise(ctx, kind, subject, detail)
	if err != nil || !isNew {
		return err
	}
	p.Log.Warn("alarm", "kind", kind, "subject", subject, "detail", detail)
	p.tell(ctx, webhookJob{Alarm: kind, Subject: subject, Detail: detail, State: "open"})
	if err := p.mailAlarm(ctx, kind, subject, detail); err != nil {
		p.Log.Error("mail alarm", "err", err)
	}
	return nil
}

// stand raises an alarm when there begins to be reason for it and clears it when
// there is none any more, also one of the process before. What the database does
// not take is tried again at the next tick. Ticks alone call it.
func (p *Press) stand(ctx context.Context, reason bool, kind, subject, detail string) {
	if was, looked := p.standing[kind]; looked && was == reason {
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
	p.standing[kind] = reason
}

// Clear takes an alarm back when the trouble is over.
func (p *Press) Clear(ctx context.Context, kind, subject string) {
	if err := p.clear(ctx, kind, subject); err != nil {
		p.Log.Error("clear alarm", "kind", kind, "subject", subject, "err", err)
	}
}

func (p *Press) clear(ctx context.Context, kind, subject string) error {
	was, err := p.Installation.Clear(ctx, kind, subject)
	if was {
		p.Log.Info("alarm over", "kind", kind, "subject", subject)
		p.tell(ctx, webhookJob{Alarm: kind, Subject: subject, State: "closed"})
	}
	return err
}

// mailAlarm writes an alarm to the address in the configuration.
func (p *Press) mailAlarm(ctx context.Context, kind, subject, detail string) error {
	if p.Config.AlarmMail == "" {
		return nil
	}
	return p.letter(ctx, templates.LetterAlarm, p.Config.AlarmMail, "", templates.Letter{Subject: kind + " " + subject, Text: []string{detail}, Since: p.Now(), Action: p.Config.PublicURL + "/desk/"})
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
