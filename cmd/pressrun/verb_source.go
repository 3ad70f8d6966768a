package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"pressrun/digest"
	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/digest/fetch"
	"pressrun/digest/summary"
)

type sourceVerb struct {
	Add   sourceAdd   `cmd:"" help:"Find what a site offers and poll the richest; what it shows today counts as old."`
	Ls    sourceLs    `cmd:"" help:"List sources with their health."`
	Test  sourceTest  `cmd:"" help:"Show step by step what reading an address gives. Changes nothing."`
	Pull  sourcePull  `cmd:"" help:"Poll now."`
	Set   sourceSet   `cmd:"" help:"Change a source's name, language, rights, rules for its pages, flags and filters."`
	Pause sourcePause `cmd:"" help:"Stop polling, or resume with --resume."`
	Rm    sourceRm    `cmd:"" help:"Forget a source that has told no story."`
}

type sourceAdd struct {
	URL    string        `arg:"" help:"Address of the site or of its feed."`
	Rights string        `default:"" enum:",own,licensed,quote" help:"own, licensed or quote: what a digest may show. Left out: own for the site of a newsletter of yours, else quote."`
	Fresh  time.Duration `default:"0s" help:"Take stories younger than this into the next issue instead of counting all as old."`
}

func (v *sourceAdd) Run(e *env) error {
	return e.with(func(p *Press) error {
		src, got, err := p.addSource(e, v.URL, v.Rights, v.Fresh)
		if err != nil {
			return err
		}
		newest, err := p.taste(e.ctx, src)
		if err != nil {
			return err
		}
		return e.print(map[string]any{"source": src, "collected": got, "newest": newest}, func(w io.Writer) {
			fmt.Fprintf(w, "added source %d: %s %s\n", src.ID, src.Kind, src.URL)
			fmt.Fprintf(w, "%d old items baselined, %d will be mailed\n", got.Old, got.New-got.Old)
			newest.print(w, src)
		})
	})
}

// tasted is the newest article of a source as a digest would show it.
type tasted struct {
	Title   string   `json:"title"`
	URL     string   `json:"url"`
	Summary []string `json:"summary"`
	Picture string   `json:"picture,omitempty"`
	Words   int      `json:"words"` // of the article
	Problem string   `json:"problem,omitempty"`
}

func (t tasted) print(w io.Writer, src digest.Source) {
	fmt.Fprintf(w, "what a digest would take from it (rights: %s):\n", src.Rights)
	if t.Problem != "" {
		fmt.Fprintf(w, "  %s\n", t.Problem)
		return
	}
	fmt.Fprintf(w, "  %s\n  %s\n", t.Title, t.URL)
	for _, s := range t.Summary {
		fmt.Fprintf(w, "    %s\n", s)
	}
	fmt.Fprintf(w, "  picture: %s; the article has %d words\n", orDefault(t.Picture, "none"), t.Words)
}

// taste reads the newest article of a source and summarises it, storing nothing.
func (p *Press) taste(ctx context.Context, src digest.Source) (tasted, error) {
	st, err := p.Collector.Taste(ctx, src)
	switch {
	case ctx.Err() != nil:
		return tasted{}, ctx.Err()
	case errors.Is(err, digest.ErrNotFound):
		return tasted{Problem: "it lists nothing now"}, nil
	case err != nil:
		return tasted{Problem: "its newest article cannot be read: " + digest.Words(err)}, nil
	}
	words := digest.Spec{}.WithDefaults("").Words
	if src.Rights == "quote" {
		words = min(words, 20)
	}
	sum := summary.Summarize(summary.Doc{Language: st.Language, Title: st.Title, Text: st.Body, Description: st.Description}, summary.Options{Words: words})
	return tasted{Title: st.Title, URL: st.URL, Summary: strings.Split(sum.Text, "\n"), Picture: st.Image, Words: len(strings.Fields(st.Body))}, nil
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
		if err := p.Digest.SetSource(e.ctx, src.ID, v.Title, v.Language, v.Rights, &set); err != nil {
			return err
		}
		if src, err = p.Digest.Source(e.ctx, src.ID); err != nil {
			return err
		}
		return e.print(src, func(w io.Writer) {
			text, _ := json.MarshalIndent(src.Settings, "", "  ")
			fmt.Fprintf(w, "source %d: %s, %s, rights %s, settings %s\nwhat is told from now on follows them\n", src.ID, src.Title, orDefault(src.Language, "language as its pages say"), src.Rights, text)
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
	if rights == "" {
		if rights, err = p.rightsTo(e.ctx, address); err != nil {
			return digest.Source{}, none, err
		}
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

// rightsTo is what a digest may show of a site when nobody says: all where a
// newsletter is that site's own, else a quotation.
func (p *Press) rightsTo(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "quote", nil
	}
	list, err := p.Digest.Newsletters(ctx)
	if err != nil {
		return "", err
	}
	for _, n := range list {
		if own, err := url.Parse(n.Spec.Brand.URL); err == nil && own.Host != "" && digest.Host(own.Hostname()) == digest.Host(u.Hostname()) {
			return "own", nil
		}
	}
	return "quote", nil
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
	Step string `json:"step"` // dns | fetch | redirect | charset | caching | parse | items | item | robots | page | article | text | look | views
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
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("%q is not a web address; write https://host/path", src.URL)
	}
	addresses, err := net.DefaultResolver.LookupHost(t.ctx, u.Hostname())
	if err != nil {
		t.say("dns", false, "the name %q cannot be found", u.Hostname())
		return fmt.Errorf("%s has no address: check its spelling, or the name server of this machine", u.Hostname())
	}
	t.say("dns", true, "%s is %s", u.Hostname(), strings.Join(addresses, ", "))
	res, err := t.fetch("fetch", src.URL, "")
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
	for _, it := range f.Items[:min(3, len(f.Items))] {
		t.say("item", it.URL != "", "%s  %s  %s", when(it.Published), clip(it.Title, 70), it.URL)
	}
	return t.article(src, f)
}

func (t *sourceTrial) fetch(name, address, referer string) (fetch.Response, error) {
	start := time.Now()
	res, err := t.client.GetFrom(t.ctx, address, referer)
	if err != nil {
		t.say(name, false, "%s", digest.Words(err))
		return res, fmt.Errorf("%s cannot be read: %s", address, digest.Words(err))
	}
	t.say(name, true, "HTTP %d, %s, %d bytes in %d ms", res.Status, orDefault(res.ContentType, "no content type"), len(res.Body), time.Since(start).Milliseconds())
	return res, nil
}

func charsetOf(res fetch.Response) string {
	label := "none in the header"
	if _, params, err := mime.ParseMediaType(res.ContentType); err == nil && params["charset"] != "" {
		label = params["charset"] + " in the header"
	}
	if utf8.Valid(res.Body) {
		return label + "; the bytes are valid UTF-8 and read as such"
	}
	return label + "; the bytes are not UTF-8: header, prolog, meta and a detector decide"
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
	return nil
}

// article reads the newest item as the collector would.
func (t *sourceTrial) article(src digest.Source, f feed.Feed) error {
	address := src.Settings.Address(f.Items[0].URL)
	allowed, delay, err := t.client.Robots(t.ctx, address)
	switch {
	case err != nil:
		t.say("robots", false, "%s", digest.Words(err))
	case !allowed && src.Rights != "own":
		t.say("robots", false, "robots.txt keeps us off %s: headline and the feed's own words have to do", address)
		return nil
	default:
		t.say("robots", true, "may be read; pause asked for: %s", delay)
	}
	page, err := t.fetch("page", address, src.Settings.Referer)
	if err != nil {
		return err
	}
	a, err := digest.ReadPage(src, page, address, orDefault(f.Language, src.Language))
	if err != nil && !errors.Is(err, article.ErrNoArticle) {
		t.say("article", false, "%v", err)
		return fmt.Errorf("%s: %w; keep such items out with: pressrun source set SOURCE --block WORD", address, err)
	}
	if err != nil {
		t.say("article", false, "no text found")
		return fmt.Errorf("no text found at %s; tell where it stands: pressrun source set SOURCE --body CSS", address)
	}
	t.say("article", true, "%q by %s, %s, %s, %s of %d words (%d min to read), picture %s", clip(a.Title, 80), orDefault(strings.Join(a.Byline, ", "), "nobody named"), a.Language, when(a.Published), a.Kind, len(strings.Fields(a.Text)), article.Minutes(a.Text), orDefault(a.Image, "none"))
	t.say("text", true, "%s", clip(strings.ReplaceAll(a.Text, "\n", " "), 300))
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
			got, err := p.collect(e.ctx, src, 7*24*time.Hour)
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
		if err := p.Collector.Pause(e.ctx, src.ID, !v.Resume); err != nil {
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
		return e.did(facts{"source": src.ID}, "source %d is forgotten: %s", src.ID, src.URL)
	})
}
