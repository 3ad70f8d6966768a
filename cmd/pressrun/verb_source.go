package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/digest/fetch"
)

type sourceVerb struct {
	Add   sourceAdd   `cmd:"" help:"Find what a site offers and poll the richest; what it shows today counts as old."`
	Ls    sourceLs    `cmd:"" help:"List sources with their health."`
	Test  sourceTest  `cmd:"" help:"Show step by step what reading an address gives. Changes nothing."`
	Pull  sourcePull  `cmd:"" help:"Poll now."`
	Pause sourcePause `cmd:"" help:"Stop polling, or resume with --resume."`
	Rm    sourceRm    `cmd:"" help:"Forget a source that has told no story."`
}

type sourceAdd struct {
	URL    string        `arg:"" help:"Address of the site or of its feed."`
	Rights string        `default:"quote" enum:"own,licensed,quote" help:"own, licensed or quote: what a digest may show."`
	Fresh  time.Duration `default:"0s" help:"Take stories younger than this into the next issue instead of counting all as old."`
}

func (v *sourceAdd) Run(e *env) error {
	return e.with(func(p *Press) error {
		src, got, err := p.addSource(e, v.URL, v.Rights, v.Fresh)
		if err != nil {
			return err
		}
		return e.print(map[string]any{"source": src, "collected": got}, func(w io.Writer) {
			fmt.Fprintf(w, "added source %d: %s %s\n", src.ID, src.Kind, src.URL)
			fmt.Fprintf(w, "%d old items baselined, %d will be told\n", got.Old, got.New-got.Old)
		})
	})
}

// addSource finds, stores and polls a source for the first time.
func (p *Press) addSource(e *env, address, rights string, fresh time.Duration) (digest.Source, digest.Collected, error) {
	var none digest.Collected
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	found, err := p.Collector.Client.Discover(e.ctx, address)
	if err != nil {
		return digest.Source{}, none, fmt.Errorf("look for feeds at %s: %w", address, err)
	}
	if len(found) == 0 {
		return digest.Source{}, none, fmt.Errorf("no feed, WordPress interface or news sitemap at %s; give the address of the feed itself", address)
	}
	best := found[0]
	for _, other := range found { // WordPress' interface does not say the site's name, its feed does
		best.Title = orDefault(best.Title, other.Title)
	}
	fmt.Fprintf(e.err, "found %s: %s (%d items)\n", best.Kind, best.URL, best.Items)
	src, err := p.Digest.AddSource(e.ctx, digest.Source{Kind: sourceKind(best.Kind), URL: best.URL, SiteURL: address, Title: best.Title, Rights: rights})
	if err != nil {
		return src, none, err
	}
	got, err := p.Collector.Collect(e.ctx, src, fresh)
	if err != nil {
		return src, got, err
	}
	if got.Err != "" {
		return src, got, fmt.Errorf("%s", got.Err)
	}
	if fresh > 0 { // a story needs two polls: ask once more, so that it may stand in today's issue
		if err := p.Digest.StillListed(e.ctx, src); err != nil {
			return src, got, err
		}
	}
	src, err = p.Digest.Source(e.ctx, src.ID)
	return src, got, err
}

// sourceKind folds the feed formats into the kinds of sources.
func sourceKind(kind string) string {
	switch kind {
	case "wordpress", "sitemap", "pages":
		return kind
	}
	return "feed"
}

type sourceLs struct{}

func (sourceLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Digest.Sources(e.ctx)
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) {
			table(w, "no sources yet; add one with: pressrun source add URL", "ID | STATE | KIND | RIGHTS | LAST NEW | NEXT POLL | URL | REASON", func(row func(...any)) {
				for _, s := range list {
					row(s.ID, s.State, s.Kind, s.Rights, when(s.LastNew), when(s.NextPoll), s.URL, clip(s.Reason, 80))
				}
			})
		})
	})
}

type sourceTest struct {
	URL string `arg:"" help:"Address of a site or feed."`
}

// step is a line of what source test tells.
type step struct {
	Step string `json:"step"` // fetch | address | caching | parse | found | item | article | views
	Text string `json:"text"`
}

func (v *sourceTest) Run(e *env) error {
	var steps []step
	problem := v.walk(e, func(name, format string, args ...any) {
		steps = append(steps, step{name, fmt.Sprintf(format, args...)})
	})
	out := facts{"url": v.URL, "ok": problem == nil, "steps": steps}
	if problem != nil {
		out["problem"] = problem.Error()
	}
	if err := e.print(out, func(w io.Writer) {
		for _, s := range steps {
			fmt.Fprintf(w, "%-10s %s\n", s.Step, s.Text)
		}
	}); err != nil {
		return err
	}
	return problem
}

// walk reads an address as a poll would, and says what each step gave.
func (v *sourceTest) walk(e *env, say func(step, format string, args ...any)) error {
	c := &fetch.Client{}
	if p, err := e.open(); err == nil {
		defer p.Close()
		c = p.Collector.Client
		if _, err := p.Digest.SourceByURL(e.ctx, v.URL); err == nil {
			// Whether beacon and collector mean the same articles.
			defer func() {
				if line, err := p.matchViews(e.ctx); err == nil {
					say("views", "%s", line)
				}
			}()
		}
	}
	start := time.Now()
	res, err := c.Get(e.ctx, v.URL, fetch.Validators{})
	if err != nil {
		say("fetch", "failed: %v", err)
		return fmt.Errorf("%s cannot be read", v.URL)
	}
	say("fetch", "HTTP %d, %d bytes, %s, in %d ms", res.Status, len(res.Body), res.ContentType, time.Since(start).Milliseconds())
	if res.URL != v.URL {
		say("address", "%s", res.URL)
	}
	say("caching", "ETag %q, Last-Modified %q", res.ETag, res.LastModified)
	f, err := feed.Parse(res.Body, res.ContentType, res.URL)
	if err != nil {
		say("parse", "%v", err)
		found, err := c.Discover(e.ctx, v.URL)
		if err != nil || len(found) == 0 {
			return fmt.Errorf("no feed at %s", v.URL)
		}
		for _, one := range found {
			say("found", "%s %s (%d items)", one.Kind, one.URL, one.Items)
		}
		return nil
	}
	say("parse", "%s %q, language %q, %d items", f.Kind, f.Title, f.Language, len(f.Items))
	for i, it := range f.Items {
		if i == 3 {
			break
		}
		say("item", "%s  %s", when(it.Published), clip(it.Title, 80))
	}
	if len(f.Items) == 0 {
		return fmt.Errorf("the feed at %s has no items; look whether that is the right one, or wait for the first", v.URL)
	}
	page, err := c.Get(e.ctx, f.Items[0].URL, fetch.Validators{})
	if err != nil {
		say("article", "failed: %v", err)
		return fmt.Errorf("the newest article cannot be read")
	}
	a, err := article.Extract(page.Body, article.Options{URL: page.URL, ContentType: page.ContentType, Language: f.Language})
	if err != nil {
		say("article", "%v", err)
		return fmt.Errorf("the newest article has no text")
	}
	say("article", "%q by %s, %s, %s, %d words", clip(a.Title, 80), strings.Join(a.Byline, ", "), a.Language, when(a.Published), len(strings.Fields(a.Text)))
	return nil
}

type sourcePull struct {
	Source string `arg:"" optional:"" help:"Id or address; all when left out."`
}

func (v *sourcePull) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.pick(e, v.Source)
		if err != nil {
			return err
		}
		var all []digest.Collected
		for _, src := range list {
			got, err := p.Collector.Collect(e.ctx, src, 7*24*time.Hour)
			if err != nil {
				return err
			}
			all = append(all, got)
		}
		return e.print(all, func(w io.Writer) {
			table(w, "no sources yet; add one with: pressrun source add URL", "SOURCE | NEW | STORIES | MEMBERS | FAILED | PROBLEM", func(row func(...any)) {
				for _, g := range all {
					row(g.Source, g.New, g.Stories, g.Members, g.Failed, g.Err)
				}
			})
		})
	})
}

func (p *Press) pick(e *env, ref string) ([]digest.Source, error) {
	if ref == "" {
		return p.Digest.Sources(e.ctx)
	}
	src, err := p.Digest.SourceByURL(e.ctx, ref)
	return []digest.Source{src}, err
}

type sourcePause struct {
	Source string `arg:"" help:"Id or address."`
	Resume bool   `help:"Poll again."`
}

func (v *sourcePause) Run(e *env) error {
	return e.with(func(p *Press) error {
		src, err := p.Digest.SourceByURL(e.ctx, v.Source)
		if err != nil {
			return err
		}
		if err := p.Digest.PauseSource(e.ctx, src.ID, !v.Resume); err != nil {
			return err
		}
		return e.did(facts{"source": src.ID, "paused": !v.Resume}, "source %d %s: %s", src.ID, map[bool]string{true: "is polled again", false: "is paused"}[v.Resume], src.URL)
	})
}

type sourceRm struct {
	Source string `arg:"" help:"Id or address."`
}

func (v *sourceRm) Run(e *env) error {
	return e.with(func(p *Press) error {
		src, err := p.Digest.SourceByURL(e.ctx, v.Source)
		if err != nil {
			return err
		}
		if err := p.Digest.RemoveSource(e.ctx, src.ID); err != nil {
			return err
		}
		return e.did(facts{"source": src.ID}, "source %d is forgotten: %s", src.ID, src.URL)
	})
}
