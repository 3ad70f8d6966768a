package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/digest/fetch"
	"pressrun/digest/summary"
)

// This file adds sources, for the command line and the desk alike.

const (
	// lookTime is how long a site is looked through; what was found by then counts.
	lookTime = 45 * time.Second
	// addTime is left to whoever adds a source for its first poll, before serve
	// does it.
	addTime = 5 * time.Minute
)

// AddSource finds how a site can be read, stores the richest way as a source and
// polls it for the first time: what is older than fresh then is baselined, not
// told. One that is read already stays as it is. The error is a desk.Refusal where
// whoever gave the address can mend it.
func (p *Press) AddSource(ctx context.Context, address, rights string, fresh time.Duration) (x desk.Added, err error) {
	if address = strings.TrimSpace(address); address == "" {
		return x, desk.Refusal("no address is given; write https://host/path")
	}
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	if x.Found, err = p.look(ctx, address); err != nil {
		return x, err
	}
	best := x.Found[0]
	for _, other := range x.Found { // WordPress' interface does not say the site's name, its feed does
		best.Title = cmp.Or(best.Title, other.Title)
	}
	if rights == "" {
		if rights, err = p.rightsTo(ctx, digest.Host(best.Host)); err != nil {
			return x, err
		}
	}
	x.Source, err = p.Digest.AddSource(ctx, digest.Source{Kind: sourceKind(best.Kind), URL: best.URL, SiteURL: address, Host: best.Host, Title: best.Title, Rights: rights, NextPoll: p.Now().Add(addTime)})
	if err != nil {
		return x, err
	}
	if x.Known = !x.Source.LastOK.IsZero(); !x.Known {
		if err := p.firstPoll(ctx, &x, fresh); err != nil {
			return x, err
		}
	}
	if x.Newest, err = p.taste(ctx, x.Source); err != nil {
		return x, err
	}
	x.Newsletters, err = p.newslettersOf(ctx, x.Source)
	return x, err
}

// look finds the ways to read a site, at least one.
func (p *Press) look(ctx context.Context, address string) ([]fetch.Found, error) {
	soon, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found, err := p.Collector.Client.Discover(soon, address)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(found) > 0:
		return found, nil
	case errors.Is(err, context.DeadlineExceeded):
		return nil, desk.Refusal(fmt.Sprintf("%s answers too slowly to be looked through; give the address of the feed itself", address))
	case err != nil:
		return nil, desk.Refusal(fmt.Sprintf("%s cannot be read: %s", address, digest.Words(err)))
	}
	return nil, desk.Refusal(fmt.Sprintf("no feed, WordPress interface, news sitemap or list of articles at %s; give the address of the feed itself", address))
}

func (p *Press) firstPoll(ctx context.Context, x *desk.Added, fresh time.Duration) (err error) {
	if x.Collected, err = p.Collector.Collect(ctx, x.Source, fresh); err != nil {
		return err
	}
	if x.Collected.Err != "" {
		return desk.Refusal(fmt.Sprintf("%s was added as source %d, but cannot be read now: %s. It is tried again by itself", x.Source.URL, x.Source.ID, x.Collected.Err))
	}
	if fresh > 0 { // a story needs two polls: ask once more, so that it may stand in today's issue
		if err := p.Digest.StillListed(ctx, x.Source); err != nil {
			return err
		}
	}
	x.Source, err = p.Digest.Source(ctx, x.Source.ID)
	return err
}

// taste reads the newest article of a source and summarises it, storing nothing.
func (p *Press) taste(ctx context.Context, src digest.Source) (desk.Tasted, error) {
	st, err := p.Collector.Taste(ctx, src)
	switch {
	case ctx.Err() != nil:
		return desk.Tasted{}, ctx.Err()
	case errors.Is(err, digest.ErrNotFound):
		return desk.Tasted{Problem: "it lists nothing now"}, nil
	case err != nil:
		return desk.Tasted{Problem: "its newest article cannot be read: " + digest.Words(err)}, nil
	}
	words := digest.Spec{}.WithDefaults("").Words
	if src.Rights == "quote" {
		words = min(words, 20)
	}
	sum := summary.Summarize(summary.Doc{Language: st.Language, Title: st.Title, Text: st.Body, Description: st.Description}, summary.Options{Words: words})
	if sum.Method == "headline" { // which is not said twice
		sum.Text = "the headline alone: " + sum.Reason
	}
	return desk.Tasted{Title: st.Title, URL: st.URL, Summary: strings.Split(sum.Text, "\n"), Picture: st.Image, Words: len(strings.Fields(st.Body)), Language: st.Language, Direction: st.Direction}, nil
}

// newslettersOf are the titles of the newsletters that are made of a source.
func (p *Press) newslettersOf(ctx context.Context, src digest.Source) ([]string, error) {
	list, err := p.Digest.Newsletters(ctx)
	var titles []string
	for _, n := range list {
		if n.Spec.Takes(src) {
			titles = append(titles, n.Spec.WithDefaults(n.Name).Title)
		}
	}
	return titles, err
}

// rightsTo is what a digest may show of the articles of a host when nobody says: all
// where a newsletter is of that site, else a quotation.
func (p *Press) rightsTo(ctx context.Context, host string) (string, error) {
	list, err := p.Digest.Newsletters(ctx)
	for _, n := range list {
		if own, err := url.Parse(n.Spec.Brand.URL); err == nil && own.Host != "" && digest.Host(own.Hostname()) == host {
			return "own", nil
		}
	}
	return "quote", err
}

// sourceKind folds the feed formats into the kinds of sources.
func sourceKind(kind string) string {
	switch kind {
	case "wordpress", "sitemap":
		return kind
	case "page":
		return "pages"
	}
	return "feed"
}
