package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/digest/fetch"
)

type sourceVerb struct {
	Add   sourceAdd   `cmd:"" help:"Find what a site offers and poll the richest; what it shows today counts as old."`
	Ls    sourceLs    `cmd:"" help:"List sources with their health."`
	Test  sourceTest  `cmd:"" help:"Show step by step what reading an address gives. Changes nothing."`
	Pull  sourcePull  `cmd:"" help:"Poll now; without a source all but those that are paused."`
	Set   sourceSet   `cmd:"" help:"Change a source's name, language, rights, rules for its pages, flags and filters."`
	Pause sourcePause `cmd:"" help:"Stop polling, or resume with --resume."`
	Rm    sourceRm    `cmd:"" help:"Forget a source that has told no story."`
}

type sourceAdd struct {
	URL    string `arg:"" help:"Address of the site or of its feed."`
	Rights string `default:"" enum:",own,licensed,quote" help:"own, licensed or quote: what a digest may show. Left out: own for the site of a newsletter of yours, else quote."`
	Fresh  span   `default:"0s" help:"Take stories younger than this into the next issue instead of counting all as old."`
}

func (v *sourceAdd) Run(e *env) error {
	return e.with(func(p *Press) error {
		fmt.Fprintf(e.err, "looking at %s …\n", v.URL)
		x, err := p.AddSource(e.ctx, v.URL, v.Rights, time.Duration(v.Fresh))
		if err != nil {
			return err
		}
		if !x.Known {
			if err := e.record(p, "add", fmt.Sprintf("source %d", x.Source.ID), x.Source.URL); err != nil {
				return err
			}
		}
		return e.print(x, func(w io.Writer) {
			for _, f := range x.Found {
				fmt.Fprintf(w, "found %s: %s (%d items)\n", f.Kind, f.URL, f.Items)
			}
			if x.Known {
				fmt.Fprintf(w, "source %d reads it already and is %s; nothing was changed\n", x.Source.ID, x.Source.State)
			} else {
				fmt.Fprintf(w, "added source %d: %s %s\n", x.Source.ID, x.Source.Kind, x.Source.URL)
				fmt.Fprintf(w, "%d old items baselined, %d will be mailed\n", x.Collected.Old, x.Collected.New-x.Collected.Old)
			}
			printTasted(w, x)
			if len(x.Newsletters) == 0 {
				fmt.Fprintf(w, "no newsletter takes it yet: add %q to the sources of one (pressrun newsletter export NAME > FILE, then apply -f FILE)\n", x.Source.SiteURL)
			}
		})
	})
}

func printTasted(w io.Writer, x desk.Added) {
	fmt.Fprintf(w, "what a digest would take from it (rights: %s):\n", x.Source.Rights)
	t := x.Newest
	if t.Problem != "" {
		fmt.Fprintf(w, "  %s\n", t.Problem)
		return
	}
	fmt.Fprintf(w, "  %s\n  %s\n", t.Title, t.URL)
	for _, s := range t.Summary {
		fmt.Fprintf(w, "    %s\n", s)
	}
	fmt.Fprintf(w, "  picture: %s; the article has %d words\n", cmp.Or(t.Picture, "none"), t.Words)
}

type sourceSet struct {
	Source    string   `arg:"" help:"Id or address."`
	Title     string   `help:"Name under its headlines."`
	Language  string   `help:"Language it claims, such as ur."`
	Rights    string   `enum:",own,licensed,quote" default:"" help:"own, licensed or quote."`
	Pictures  *string  `help:"licensed = those of agencies too, none, or empty to follow the rights."`
	Body      *string  `help:"CSS selector of the text on its pages; empty takes a rule back."`
	Headline  *string  `help:"CSS selector of the headline."`
	Author    *string  `help:"CSS selector of the authors' names."`
	Date      *string  `help:"CSS selector of the date."`
	Remove    *string  `help:"CSS selector of what is cut out first."`
	Referer   *string  `help:"Page its pages are told we come from; empty takes it back."`
	Rewrite   []string `sep:"none" help:"PATTERN=>ADDRESS, a regular expression that changes the addresses of its items, such as ^https://amp\\.(.*)=>https://www.$1; replaces all."`
	Flag      []string `help:"tag:Opinion=opinion or url:/opinion/=opinion; replaces all flag rules. Flags: paid, satire, opinion, live, legal, sensitive."`
	Block     []string `help:"Keep out what has this in headline, tags or address; replaces the list."`
	Keep      []string `help:"Let in only what has one of these; replaces the list."`
	NoFlags   bool     `help:"Take all flag rules back."`
	NoFilter  bool     `help:"Take --block and --keep back."`
	NoRewrite bool     `help:"Take all rewrites back."`
}

func (v *sourceSet) Run(e *env) error {
	return e.with(func(p *Press) error {
		src, err := p.Digest.SourceByURL(e.ctx, v.Source)
		if err != nil {
			return err
		}
		set, err := v.settings(src.Settings)
		if err != nil {
			return err
		}
		if err := p.SetSource(e.ctx, src, v.Title, v.Language, v.Rights, set); err != nil {
			return err
		}
		if src, err = p.Digest.Source(e.ctx, src.ID); err != nil {
			return err
		}
		if err := e.record(p, "set", fmt.Sprintf("source %d", src.ID), ""); err != nil {
			return err
		}
		return e.print(src, func(w io.Writer) {
			text, _ := json.MarshalIndent(src.Settings, "", "  ")
			fmt.Fprintf(w, "source %d: %s, %s, rights %s, settings %s\nwhat is told from now on follows them; issues that wait follow rights, pictures and flags\n", src.ID, src.Title, cmp.Or(src.Language, "language as its pages say"), src.Rights, text)
		})
	})
}

// settings changes what was given.
func (v *sourceSet) settings(set digest.Settings) (digest.Settings, error) {
	for _, x := range []struct {
		given *string
		into  *string
	}{{v.Pictures, &set.Pictures}, {v.Body, &set.Rules.Body}, {v.Headline, &set.Rules.Title}, {v.Author, &set.Rules.Author}, {v.Date, &set.Rules.Date}, {v.Remove, &set.Rules.Remove}, {v.Referer, &set.Referer}} {
		if x.given != nil {
			*x.into = *x.given
		}
	}
	if len(v.Flag) > 0 || v.NoFlags {
		set.Flags = nil
	}
	for _, text := range v.Flag {
		rule, err := digest.ParseFlagRule(text)
		if err != nil {
			return set, err
		}
		set.Flags = append(set.Flags, rule)
	}
	if len(v.Rewrite) > 0 || v.NoRewrite {
		set.Rewrite = nil
	}
	for _, text := range v.Rewrite {
		r, err := digest.ParseRewrite(text)
		if err != nil {
			return set, err
		}
		set.Rewrite = append(set.Rewrite, r)
	}
	if len(v.Block) > 0 || v.NoFilter {
		set.Block = v.Block
	}
	if len(v.Keep) > 0 || v.NoFilter {
		set.Keep = v.Keep
	}
	return set, nil
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
					row(s.ID, s.State, s.Kind, s.Rights, when(s.LastNew), when(s.NextPoll), s.URL, clip(strings.Trim(s.Reason+"; "+s.Note, "; "), 80))
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
	Step string `json:"step"` // dns | fetch | redirect | charset | caching | parse | sitemap | items | whole | item | robots | page | article | text | look | next | views
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// sourceTrial tries an address step by step. It changes nothing.
type sourceTrial struct {
	ctx    context.Context
	client *fetch.Client
	steps  []step
}

func (t *sourceTrial) say(name string, ok bool, format string, args ...any) {
	t.steps = append(t.steps, step{name, ok, fmt.Sprintf(format, args...)})
}

func (v *sourceTest) Run(e *env) error {
	t := &sourceTrial{ctx: e.ctx, client: &fetch.Client{}}
	src := digest.Source{URL: v.URL, Rights: "quote"}
	if p, err := e.open(); err == nil {
		defer p.Close()
		t.client = p.Collector.Client
		if known, err := p.Digest.SourceByURL(e.ctx, v.URL); err == nil {
			src = known
			t.say("source", src.Reason == "", "number %d, %s, rights %s, polled every %s. %s", src.ID, src.State, src.Rights, time.Duration(src.Interval)*time.Second, strings.Trim(src.Reason+"; "+src.Note, "; "))
			// Whether beacon and collector mean the same articles.
			if line, err := p.matchViews(e.ctx); err == nil {
				t.say("views", true, "%s", line)
			}
		}
	}
	if _, err := strconv.ParseInt(src.URL, 10, 64); err == nil {
		return fmt.Errorf("there is no source %s; give the number of one, or an address. What there is, shows: pressrun source ls", src.URL)
	}
	if !strings.Contains(src.URL, "://") {
		src.URL = "https://" + src.URL
	}
	problem := t.run(src)
	out := facts{"url": v.URL, "ok": problem == nil, "steps": t.steps}
	if problem != nil {
		out["problem"] = problem.Error()
	}
	if err := e.print(out, func(w io.Writer) {
		for _, s := range t.steps {
			fmt.Fprintf(w, "%-4s %-10s %s\n", map[bool]string{true: "ok", false: "FAIL"}[s.OK], s.Step, s.Text)
		}
	}); err != nil {
		return err
	}
	return problem
}

// run returns what an operator has to mend, nil when all went well.
func (t *sourceTrial) run(src digest.Source) error {
	u, err := url.Parse(src.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not a web address; write https://host/path", src.URL)
	}
	addresses, err := net.DefaultResolver.LookupHost(t.ctx, u.Hostname())
	if err != nil {
		t.say("dns", false, "the name %q cannot be found", u.Hostname())
		return fmt.Errorf("%s has no address: check its spelling, or the name server of this machine", u.Hostname())
	}
	t.say("dns", true, "%s is %s", u.Hostname(), strings.Join(addresses, ", "))
	res, err := t.fetch("fetch", src.URL, func() (fetch.Response, error) { return digest.GetSource(t.ctx, t.client, src, fetch.Validators{}) })
	if err != nil {
		return err
	}
	if res.URL != src.URL {
		how := "for now: the address given is asked again each time"
		if res.MovedTo != "" {
			how = "for good: the new address is stored at the next poll"
		}
		t.say("redirect", true, "to %s, %s", res.URL, how)
	}
	for _, r := range res.Sitemaps {
		t.say("sitemap", true, "one of the newest that it lists: %s, HTTP %d, %d bytes", r.URL, r.Status, len(r.Body))
	}
	if len(res.Sitemaps) > 0 {
		res.Validators = res.Sitemaps[0].Validators
	}
	t.say("charset", true, "%s", charsetOf(res))
	t.say("caching", true, "ETag %q, Last-Modified %q, fresh for %s", res.ETag, res.LastModified, res.MaxAge)
	f, err := digest.ParseSource(src.Kind, res)
	if err != nil {
		t.say("parse", false, "%s", digest.Words(err))
		if f.Kind != "" && len(f.Items) == 0 {
			return fmt.Errorf("the feed at %s has no items; look whether that is the right one, or wait for the first", src.URL)
		}
		return t.look(src.URL)
	}
	dated := 0
	for _, it := range f.Items {
		if !it.Published.IsZero() {
			dated++
		}
	}
	t.say("items", true, "%s %q, language %q: %d items, %d with a date", f.Kind, f.Title, f.Language, len(f.Items), dated)
	if f.Truncated {
		t.say("whole", false, "it breaks off, or is too long: what comes after the last of these items is not read. Show it to the site in a feed validator")
	} else if f.Repaired {
		t.say("whole", true, "it was not well-formed and has been mended; a feed validator shows the site where")
	}
	for _, it := range f.Items[:min(3, len(f.Items))] {
		t.say("item", it.URL != "", "%s  %s  %s", when(it.Published), clip(it.Title, 70), it.URL)
	}
	return t.article(src, f)
}

func (t *sourceTrial) fetch(name, address string, get func() (fetch.Response, error)) (fetch.Response, error) {
	start := time.Now()
	res, err := get()
	if err != nil {
		t.say(name, false, "%s", digest.Words(err))
		return res, fmt.Errorf("%s cannot be read: %s", address, digest.Words(err))
	}
	t.say(name, true, "HTTP %d, %s, %d bytes in %d ms", res.Status, cmp.Or(res.ContentType, "no content type"), len(res.Body), time.Since(start).Milliseconds())
	return res, nil
}

func charsetOf(res fetch.Response) string {
	label := "none in the header"
	if _, params, err := mime.ParseMediaType(res.ContentType); err == nil && params["charset"] != "" {
		label = params["charset"] + " in the header"
	}
	return label + "; " + feed.Charset(res.Body, res.ContentType)
}

// look tells what else the site offers.
func (t *sourceTrial) look(address string) error {
	found, err := t.client.Discover(t.ctx, address)
	if err != nil || len(found) == 0 {
		t.say("look", false, "no feed, WordPress interface or news sitemap is announced there")
		return fmt.Errorf("no feed at %s; give the address of the feed itself", address)
	}
	for _, one := range found {
		t.say("look", true, "%s with %d items: %s", one.Kind, one.Items, one.URL)
	}
	t.say("next", true, "the first of these is read after: pressrun source add %s", address)
	return nil
}

// article reads the newest item as the collector would.
func (t *sourceTrial) article(src digest.Source, f feed.Feed) error {
	address := src.Settings.Address(f.Items[0].URL)
	allowed, delay, err := t.client.Robots(t.ctx, address)
	switch {
	case err != nil && src.Rights != "own":
		t.say("robots", false, "robots.txt cannot be read: %s. Until it can, no page of that site is opened, and only what the feed itself tells in full is told", digest.Words(err))
		return nil
	case !allowed && src.Rights != "own":
		t.say("robots", false, "robots.txt keeps us off %s: headline and the feed's own words have to do, unless the site lets %q in", address, t.client.Product())
		return nil
	default:
		t.say("robots", true, "may be read; pause asked for: %s", delay)
	}
	page, err := t.fetch("page", address, func() (fetch.Response, error) { return t.client.GetFrom(t.ctx, address, src.Settings.Referer) })
	if err != nil {
		return err
	}
	a, err := digest.ReadPage(src, page, address, cmp.Or(f.Language, src.Language))
	if err != nil && !errors.Is(err, article.ErrNoArticle) {
		t.say("article", false, "%v", err)
		return fmt.Errorf("%s: %w; keep such items out with: pressrun source set SOURCE --block WORD", address, err)
	}
	if err != nil {
		t.say("article", false, "no text found")
		return fmt.Errorf("no text found at %s; tell where it stands: pressrun source set SOURCE --body CSS", address)
	}
	if problem := digest.OtherPage(f.Items[0].Title, a); problem != nil && src.Kind != "pages" {
		t.say("article", false, "%s", digest.Words(problem))
		return fmt.Errorf("%s: %s", address, digest.Words(problem))
	}
	t.say("article", true, "%q by %s, %s, %s, %s of %d words (%d min to read), picture %s", clip(a.Title, 80), cmp.Or(strings.Join(a.Byline, ", "), "nobody named"), a.Language, when(a.Published), a.Kind, len(strings.Fields(a.Text)), article.Minutes(a.Text), cmp.Or(a.Image, "none"))
	t.say("text", true, "%s", clip(strings.ReplaceAll(a.Text, "\n", " "), 300))
	return nil
}

type sourcePull struct {
	Source string `arg:"" optional:"" help:"Id or address; all that are not paused when left out."`
}

func (v *sourcePull) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.pick(e, v.Source)
		if err != nil {
			return err
		}
		var all []digest.Collected
		failed := 0
		for _, src := range list {
			if src.State == "paused" && v.Source == "" {
				fmt.Fprintf(e.err, "source %d is paused and left out: %s\n", src.ID, src.URL)
				continue
			}
			got, err := p.collect(e.ctx, src, p.backlogOf(src))
			if err != nil {
				return err
			}
			all = append(all, got)
			if got.Err != "" {
				failed++
			}
		}
		err = e.print(all, func(w io.Writer) {
			table(w, "no sources yet; add one with: pressrun source add URL", "SOURCE | NEW | STORIES | MEMBERS | FAILED | PROBLEM", func(row func(...any)) {
				for _, g := range all {
					row(g.Source, g.New, g.Stories, g.Members, g.Failed, cmp.Or(g.Err, g.Unread))
				}
			})
		})
		if err == nil && failed > 0 {
			err = fmt.Errorf("%d of %d could not be polled; step by step why: pressrun source test ID", failed, len(all))
		}
		return err
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
		if err := p.Collector.Pause(e.ctx, src.ID, !v.Resume); err != nil {
			return err
		}
		if err := e.record(p, map[bool]string{true: "resume", false: "pause"}[v.Resume], fmt.Sprintf("source %d", src.ID), ""); err != nil {
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
		if err := p.Collector.Remove(e.ctx, src.ID); err != nil {
			return err
		}
		if err := e.record(p, "forget", fmt.Sprintf("source %d", src.ID), src.URL); err != nil {
			return err
		}
		return e.did(facts{"source": src.ID}, "source %d is forgotten: %s", src.ID, src.URL)
	})
}
