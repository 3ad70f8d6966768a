package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"pressrun/deploy/installation"
	"pressrun/digest"
)

// endGone ends the alarms about what is no longer there: nothing would look at it
// again, so they would stand for ever. fresh: serve begins, and what only a running
// process knows is raised again when it is still so.
func (p *Press) endGone(ctx context.Context, fresh bool) error {
	open, err := p.Installation.Alarms(ctx, true, math.MaxInt32)
	if err != nil || len(open) == 0 {
		return err
	}
	senders, err := p.Mailer.Senders(ctx)
	if err != nil {
		return err
	}
	alone := senders == 0 || senders == 1 && !fresh // others may have another configuration
	for _, a := range open {
		why, err := p.goneFromDatabase(ctx, a)
		if err == nil && why == "" && alone {
			why = p.goneFromConfig(a)
		}
		if err == nil && why == "" && alone && fresh && (a.Kind == "quota" || a.Kind == "ledger" && a.Subject == p.DB.Name) {
			why = "serve began anew"
		}
		if err == nil && why != "" {
			err = p.end(ctx, a.Kind, a.Subject, why)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// goneFromConfig says why an alarm is about nothing that press.toml still names, ""
// when it is.
func (p *Press) goneFromConfig(a installation.Alarm) string {
	c := p.Config
	named := func(now bool, why string) string {
		if now {
			return ""
		}
		return why
	}
	switch a.Kind {
	case "address", "certificate", "dns":
		if !p.mailsOutside() {
			return "no mail leaves this machine any more"
		}
		return named(a.Kind == "dns" || a.Subject == c.PublicURL, "public_url is another one now")
	case "relay", "quota", "slow":
		return named(a.Subject == "catcher" || slices.ContainsFunc(c.Relays, func(r RelayConfig) bool { return r.Name == a.Subject }), "no [[relay]] has this name any more")
	case "views":
		return named(a.Subject == "visits" || a.Subject == viewsIn(c), "visits are counted elsewhere now")
	case "intake":
		if strings.Contains(a.Subject, "://") {
			return named(p.mailbox != nil && p.mailbox.URL == a.Subject, "bounces are read elsewhere now")
		}
		return named(!strings.Contains(a.Subject, "@") || c.Bounce.signed() && c.Bounce.Address == a.Subject, "bounces go to another address now")
	case "disk":
		return named(slices.Contains(c.disks(), a.Subject), "nothing of ours is there any more")
	case "unreached":
		return named(a.Subject != theWebhook || c.AlarmWebhook != "", "there is no alarm_webhook any more")
	case "journal":
		return named(a.Subject == c.Journal, "the journal is another file now")
	case "keys":
		return named(a.Subject == c.Keys, "the link keys are in another file now")
	case "ledger":
		return named(a.Subject == p.DB.Name || strings.HasPrefix(a.Subject, "issue "), "the database is another one now")
	}
	return ""
}

// goneFromDatabase says why an alarm is about no source, newsletter or issue that goes
// on, or long past, "" when it is.
func (p *Press) goneFromDatabase(ctx context.Context, a installation.Alarm) (string, error) {
	gone := func(state, why string, err error) (string, error) {
		if errors.Is(err, digest.ErrNotFound) {
			return why, nil
		}
		if err == nil && state == "paused" {
			return "it is paused", nil
		}
		return "", err
	}
	switch a.Kind {
	case uncounted, "clock":
		if p.Now().Sub(a.Opened) > keepGap {
			return "that was a day ago", nil
		}
	case "failing source", "silent source":
		_, number, _ := strings.Cut(a.Subject, ", number ")
		id, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return "", nil
		}
		src, err := p.Digest.Source(ctx, id)
		return gone(src.State, "the source was removed", err)
	case "slot":
		name, _, _ := strings.Cut(a.Subject, " ")
		n, err := p.Digest.Newsletter(ctx, name)
		return gone(n.State, "there is no such newsletter any more", err)
	}
	id, err := strconv.ParseInt(strings.TrimPrefix(a.Subject, "issue "), 10, 64)
	if err != nil {
		return "", nil
	}
	i, err := p.Digest.Issue(ctx, id)
	why, err := gone("", "there is no such issue any more", err)
	decided := []string{"sending", "sent", "closed", "skipped", "cancelled", "failed"}
	if slices.Contains([]string{"approval", "audience", "preflight", "site"}, a.Kind) && slices.Contains(decided, i.State) || a.Kind == "late" && slices.Contains(decided[1:], i.State) {
		why = cmp.Or(why, fmt.Sprintf("the issue is %s", i.State))
	}
	return why, err
}
