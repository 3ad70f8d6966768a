package main

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	prom "github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pressrun/digest"
)

// GET /metrics tells Prometheus, or what reads its format, what a person would
// look for at the desk. A token with the role viewer opens it.

func (p *Press) metrics() http.Handler {
	all := prometheus.NewRegistry()
	all.MustRegister(prom.NewGoCollector(), prom.NewProcessCollector(prom.ProcessCollectorOpts{}), gauges{p})
	show := promhttp.HandlerFor(all, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := p.caller(r, "viewer"); err != nil {
			p.refuse(w, r, err)
			return
		}
		show.ServeHTTP(w, r)
	})
}

// gauges reads everything anew at each scrape.
type gauges struct{ p *Press }

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("pressrun_"+name, help, labels, nil)
}

var (
	gaugeArmed      = gauge("armed", "1 while mail goes to the relays, 0 while all of it goes to the built-in inbox.")
	gaugeStopped    = gauge("stopped", "1 while all sending is stopped by hand.")
	gaugeAlarms     = gauge("alarms_open", "Open alarms.", "kind")
	gaugeSource     = gauge("source_up", "1 while a source answers and brings articles, 0 while it fails or is silent for longer than usual.", "source")
	gaugeSourceOK   = gauge("source_last_success_timestamp_seconds", "When a source was last read.", "source")
	gaugeRelay      = gauge("relay_up", "1 while a relay takes mail, or has not been tried.", "relay")
	gaugeNext       = gauge("next_slot_timestamp_seconds", "When a newsletter goes out next.", "newsletter")
	gaugeSent       = gauge("last_sent_timestamp_seconds", "When a newsletter's last issue had been sent.", "newsletter")
	gaugeIssues     = gauge("issues", "Issues that are not over, by state.", "newsletter", "state")
	gaugeDeliveries = gauge("deliveries", "Deliveries of the issues that are going out, by state.", "newsletter", "state")
)

// Describe implements prometheus.Collector.
func (g gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{gaugeArmed, gaugeStopped, gaugeAlarms, gaugeSource, gaugeSourceOK, gaugeRelay, gaugeNext, gaugeSent, gaugeIssues, gaugeDeliveries} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // Prometheus' own limit
	defer cancel()
	tell := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, part := range []func(context.Context, teller) error{g.sending, g.sources, g.newsletters} {
		if err := part(ctx, tell); err != nil {
			g.p.Log.Error("metrics", "err", err)
			to <- prometheus.NewInvalidMetric(gaugeAlarms, err)
		}
	}
}

type teller func(d *prometheus.Desc, v float64, labels ...string)

func (tell teller) when(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		tell(d, float64(at.UnixMilli())/1000, labels...)
	}
}

func truth(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

func (g gauges) sending(ctx context.Context, tell teller) error {
	status, err := g.p.Mailer.Status(ctx)
	if err != nil {
		return err
	}
	c := g.p.Config
	tell(gaugeArmed, truth(status.Armed || !c.Catch && len(c.Relays) > 0 && c.onlyLoopback()))
	tell(gaugeStopped, truth(status.Stopped))
	relays, err := g.p.Mailer.RelayStates(ctx)
	if err != nil {
		return err
	}
	for _, r := range relays {
		tell(gaugeRelay, truth(r.State != "down"), r.Name)
	}
	alarms, err := g.p.Installation.Alarms(ctx, true, 1000)
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

func (g gauges) sources(ctx context.Context, tell teller) error {
	list, err := g.p.Digest.Sources(ctx)
	for _, s := range list {
		if s.State == "paused" {
			continue
		}
		tell(gaugeSource, truth(s.State == "active"), s.URL)
		tell.when(gaugeSourceOK, s.LastOK, s.URL)
	}
	return err
}

func (g gauges) newsletters(ctx context.Context, tell teller) error {
	list, err := g.p.Digest.Newsletters(ctx)
	if err != nil {
		return err
	}
	for _, n := range list {
		spec := n.Spec.WithDefaults(n.Name)
		if s, err := digest.ParseSchedule(spec.Schedule, spec.Zone); err == nil && n.State == "active" { // no schedule: by hand alone
			tell.when(gaugeNext, s.Next(g.p.Now()), n.Name)
		}
		issues, err := g.p.Digest.Issues(ctx, n.ID, 50, 0)
		if err != nil {
			return err
		}
		if k := slices.IndexFunc(issues, func(i digest.Issue) bool { return !i.Sent.IsZero() }); k >= 0 {
			tell.when(gaugeSent, issues[k].Sent, n.Name)
		}
	}
	return g.issues(ctx, tell)
}

func (g gauges) issues(ctx context.Context, tell teller) error {
	list, err := g.p.Digest.IssuesIn(ctx, "draft", "held", "approved", "countdown", "sending", "paused")
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
		counts, err := g.p.Mailer.Counts(ctx, i.ID)
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
