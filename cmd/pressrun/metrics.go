package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	process "github.com/VictoriaMetrics/metrics"

	"pressrun/digest"
)

// GET /metrics tells Prometheus, or what reads its format, what a person would
// look for at the desk. A token with the role viewer opens it.

func (p *Press) metrics() http.Handler {
	process.ExposeMetadata(true)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := p.caller(r, "viewer"); err != nil {
			p.refuse(w, r, err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second) // Prometheus' own limit
		defer cancel()
		var text bytes.Buffer
		if err := p.tellGauges(ctx, &text); err != nil {
			p.Log.Error("metrics", "err", err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		process.WriteProcessMetrics(&text)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Write(text.Bytes())
	})
}

// gauge is a number that is read anew at each scrape.
type gauge struct {
	name, help string
	labels     []string
}

var (
	gaugeArmed      = gauge{"armed", "1 while mail goes to the relays, 0 while all of it goes to the built-in inbox.", nil}
	gaugeStopped    = gauge{"stopped", "1 while all sending is stopped by hand.", nil}
	gaugeAlarms     = gauge{"alarms_open", "Open alarms.", []string{"kind"}}
	gaugeSource     = gauge{"source_up", "1 while a source answers and brings articles, 0 while it fails or is silent for longer than usual.", []string{"source"}}
	gaugeSourceOK   = gauge{"source_last_success_timestamp_seconds", "When a source was last read.", []string{"source"}}
	gaugeRelay      = gauge{"relay_up", "1 while a relay takes mail, or has not been tried.", []string{"relay"}}
	gaugeNext       = gauge{"next_slot_timestamp_seconds", "When a newsletter goes out next.", []string{"newsletter"}}
	gaugeSent       = gauge{"last_sent_timestamp_seconds", "When a newsletter's last issue had been sent.", []string{"newsletter"}}
	gaugeIssues     = gauge{"issues", "Issues that are not over, by state.", []string{"newsletter", "state"}}
	gaugeDeliveries = gauge{"deliveries", "Deliveries of the issues that are going out, by state.", []string{"newsletter", "state"}}
)

// gauges are all there are, in the order in which they are told.
var gauges = []gauge{gaugeArmed, gaugeStopped, gaugeAlarms, gaugeSource, gaugeSourceOK, gaugeRelay, gaugeNext, gaugeSent, gaugeIssues, gaugeDeliveries}

// tellGauges writes them in Prometheus' text format 0.0.4.
func (p *Press) tellGauges(ctx context.Context, text *bytes.Buffer) error {
	lines := map[string][]string{}
	tell := func(g gauge, v float64, labels ...string) {
		line, pairs := "pressrun_"+g.name, []string{}
		for i, label := range g.labels {
			pairs = append(pairs, label+`="`+escapeLabel.Replace(labels[i])+`"`)
		}
		if len(pairs) > 0 {
			line += "{" + strings.Join(pairs, ",") + "}"
		}
		lines[g.name] = append(lines[g.name], line+" "+strconv.FormatFloat(v, 'g', -1, 64))
	}
	for _, part := range []func(context.Context, teller) error{p.tellSending, p.tellSources, p.tellNewsletters} {
		if err := part(ctx, tell); err != nil {
			return err
		}
	}
	for _, g := range gauges {
		if len(lines[g.name]) == 0 {
			continue
		}
		slices.Sort(lines[g.name])
		fmt.Fprintf(text, "# HELP pressrun_%[1]s %[2]s\n# TYPE pressrun_%[1]s gauge\n%[3]s\n", g.name, g.help, strings.Join(lines[g.name], "\n"))
	}
	return nil
}

// escapeLabel writes the value of a label.
var escapeLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

type teller func(g gauge, v float64, labels ...string)

func (tell teller) when(g gauge, at time.Time, labels ...string) {
	if !at.IsZero() {
		tell(g, float64(at.UnixMilli())/1000, labels...)
	}
}

func truth(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

func (p *Press) tellSending(ctx context.Context, tell teller) error {
	status, err := p.Mailer.Status(ctx)
	if err != nil {
		return err
	}
	c := p.Config
	tell(gaugeArmed, truth(status.Armed || c.unarmed()))
	tell(gaugeStopped, truth(status.Stopped))
	relays, err := p.Mailer.RelayStates(ctx)
	if err != nil {
		return err
	}
	for _, r := range relays {
		tell(gaugeRelay, truth(r.State != "down"), r.Name)
	}
	alarms, err := p.Installation.Alarms(ctx, true, 1000)
	if err != nil {
		return err
	}
	kinds := map[string]int{}
	for _, a := range alarms {
		kinds[a.Kind]++
	}
	for kind, n := range kinds {
		tell(gaugeAlarms, float64(n), kind)
	}
	return nil
}

func (p *Press) tellSources(ctx context.Context, tell teller) error {
	list, err := p.Digest.Sources(ctx)
	for _, s := range list {
		if s.State == "paused" {
			continue
		}
		tell(gaugeSource, truth(s.State == "active"), s.URL)
		tell.when(gaugeSourceOK, s.LastOK, s.URL)
	}
	return err
}

func (p *Press) tellNewsletters(ctx context.Context, tell teller) error {
	list, err := p.Digest.Newsletters(ctx)
	if err != nil {
		return err
	}
	for _, n := range list {
		spec := n.Spec.WithDefaults(n.Name)
		if s, err := digest.ParseSchedule(spec.Schedule, spec.Zone); err == nil && n.State == "active" { // no schedule: by hand alone
			tell.when(gaugeNext, s.Next(p.Now()), n.Name)
		}
		issues, err := p.Digest.Issues(ctx, n.ID, 50)
		if err != nil {
			return err
		}
		if k := slices.IndexFunc(issues, func(i digest.Issue) bool { return !i.Sent.IsZero() }); k >= 0 {
			tell.when(gaugeSent, issues[k].Sent, n.Name)
		}
	}
	return p.tellIssues(ctx, tell)
}

func (p *Press) tellIssues(ctx context.Context, tell teller) error {
	list, err := p.Digest.IssuesIn(ctx, "draft", "held", "approved", "countdown", "sending", "paused")
	if err != nil {
		return err
	}
	type key struct{ newsletter, state string }
	issues, deliveries := map[key]int{}, map[key]int{}
	for _, i := range list {
		issues[key{i.Newsletter, i.State}]++
		if i.State != "sending" && i.State != "paused" {
			continue
		}
		counts, err := p.Mailer.Counts(ctx, i.ID)
		if err != nil {
			return err
		}
		for state, n := range counts {
			deliveries[key{i.Newsletter, string(state)}] += n
		}
	}
	for k, n := range issues {
		tell(gaugeIssues, float64(n), k.newsletter, k.state)
	}
	for k, n := range deliveries {
		tell(gaugeDeliveries, float64(n), k.newsletter, k.state)
	}
	return nil
}
