package fetch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"pressrun/digest/feed"
)

// Found is a way to read a site.
type Found struct {
	Kind  string `json:"kind"` // a kind of package feed
	URL   string `json:"url"`  // what to poll
	Title string `json:"title,omitempty"`
	Items int    `json:"items"` // how many it holds now
	Host  string `json:"host"`  // that most of them are on
}

// maxProbes bounds the requests one Discover makes.
const maxProbes = 24

// Discover finds the ways a site can be read, richest first: feeds of the section
// that siteURL is the front of, WordPress's REST interface, feeds with full text,
// feeds, a news sitemap, and the links of the page itself. siteURL may be a home
// page, any page, or a feed already. Each way has been tried and holds items.
//
// The error is that of the first request, an *Error; what fails later is left
// out. When ctx ends, what was found by then comes with its error.
func (c *Client) Discover(ctx context.Context, siteURL string) ([]Found, error) {
	if !strings.Contains(siteURL, "://") {
		siteURL = "https://" + siteURL
	}
	page, err := c.Get(ctx, siteURL, Validators{})
	if err != nil {
		return nil, err
	}
	d := &discovery{c: c, site: page.URL, tried: map[string]bool{page.URL: true}}
	if f, err := feed.Parse(page.Body, page.ContentType, page.URL); err == nil {
		if f.Kind == feed.SitemapIndex {
			d.within(ctx, f, page.URL)
			d.sort()
			return d.found, ctx.Err()
		}
		if !d.add(f, page.URL) {
			return nil, &Error{Kind: KindEmpty, URL: page.URL, Status: page.Status, Temporary: true, Message: "it is a feed, but lists nothing: add it when it has its first item, or look whether the site has another"}
		}
		return d.found, nil
	} else if !errors.Is(err, feed.ErrHTML) && !errors.Is(err, feed.ErrUnknown) {
		return nil, &Error{Kind: KindDamaged, URL: page.URL, Status: page.Status, Temporary: true, Message: err.Error(), Err: err}
	}
	links := scan(page)
	d.wordPress(ctx, links.api)
	for _, u := range links.feeds {
		d.try(ctx, u)
	}
	for _, u := range known(page.URL) {
		d.try(ctx, u)
	}
	if !d.hasFeed() {
		d.guess(ctx, links.candidates)
	}
	d.sitemaps(ctx)
	if f, err := feed.ParsePage(page.Body, page.ContentType, page.URL); err == nil {
		d.add(f, page.URL)
	}
	d.sort()
	return d.found, ctx.Err()
}

type discovery struct {
	c      *Client
	site   string
	tried  map[string]bool
	probes int
	found  []Found
	weight []int // beside found: how much a digest gets out of it
}

// try fetches one candidate and reports whether it holds items.
func (d *discovery) try(ctx context.Context, u string) bool {
	u = feed.Absolute(d.site, u)
	if u == "" || d.tried[u] || d.probes >= maxProbes || ctx.Err() != nil {
		return false
	}
	d.tried[u] = true
	d.probes++
	r, err := d.c.Get(ctx, u, Validators{})
	if err != nil {
		return false
	}
	f, err := feed.Parse(r.Body, r.ContentType, r.URL)
	if err != nil {
		return false
	}
	if r.MovedTo != "" {
		u = r.MovedTo
	}
	return d.add(f, u)
}

func (d *discovery) add(f feed.Feed, u string) bool {
	if len(f.Items) == 0 || f.Kind == feed.SitemapIndex {
		return false
	}
	for _, have := range d.found {
		if have.URL == u {
			return true
		}
	}
	d.found = append(d.found, Found{Kind: f.Kind, URL: u, Title: f.Title, Items: len(f.Items), Host: hostOf(f.Items)})
	w := weigh(f, u)
	if w >= 50 && below(d.site, u) {
		w += 100 // who names a section wants no more than that, however rich the rest is
	}
	d.weight = append(d.weight, w)
	return true
}

// below says whether an address lies below the section that a page is the front of.
func below(page, address string) bool {
	p, err := url.Parse(page)
	a, err2 := url.Parse(address)
	if err != nil || err2 != nil {
		return false
	}
	section := strings.TrimRight(p.Path, "/") + "/"
	return section != "/" && a.Host == p.Host && strings.HasPrefix(a.Path, section)
}

// hostOf is the host that most items are on, the first of them in doubt; "" when
// none has an address.
func hostOf(items []feed.Item) (most string) {
	count := map[string]int{}
	for _, it := range items {
		if u, err := url.Parse(it.URL); err == nil && u.Host != "" {
			count[u.Hostname()]++
		}
	}
	for _, it := range items {
		if u, err := url.Parse(it.URL); err == nil && count[u.Hostname()] > count[most] {
			most = u.Hostname()
		}
	}
	return most
}

var secondary = regexp.MustCompile(`(?i)comments?|/category/|/tag/|/author/|podcast`)

// weigh orders what was found. A feed of comments is worth less than any other.
func weigh(f feed.Feed, u string) int {
	w := map[string]int{feed.WordPress: 100, feed.Sitemap: 30, feed.Page: 10}[f.Kind]
	if w == 0 {
		w = 50
		full := 0
		for _, it := range f.Items {
			if len(it.Content) > 1000 {
				full++
			}
		}
		if 2*full > len(f.Items) {
			w = 70
		}
	}
	if secondary.MatchString(u) || strings.Contains(strings.ToLower(f.Title), "comments") {
		w = 5
	}
	return w
}

func (d *discovery) hasFeed() bool {
	return slices.ContainsFunc(d.weight, func(w int) bool { return w >= 50 && w < 100 })
}

func (d *discovery) sort() {
	order := make([]int, len(d.found))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(d.weight[b], d.weight[a]) })
	sorted := make([]Found, len(d.found))
	for i, o := range order {
		sorted[i] = d.found[o]
	}
	d.found = sorted
}

// wordPress tries the REST interface where the site announces it, else where it usually is.
func (d *discovery) wordPress(ctx context.Context, api string) {
	if api != "" {
		d.try(ctx, feed.WordPressPosts(feed.Absolute(d.site, api)))
		return
	}
	u, err := url.Parse(d.site)
	if err != nil {
		return
	}
	d.try(ctx, feed.WordPressPosts(u.Scheme+"://"+u.Host+"/wp-json/"))
}

// guess tries where feeds usually are, until one is found.
func (d *discovery) guess(ctx context.Context, candidates []string) {
	paths := append(candidates, "/feed/", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/feed.json", "/feeds/posts/default")
	for _, p := range paths {
		if d.try(ctx, p) {
			return
		}
	}
}

// sitemaps looks for news sitemaps: those robots.txt names, else the usual
// places. Of an index those that look like articles are opened.
func (d *discovery) sitemaps(ctx context.Context) {
	u, err := url.Parse(d.site)
	if err != nil {
		return
	}
	list := slices.Clone(d.c.robotsOf(ctx, u).rules.sitemaps) // others read it, too
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(newsRank(a), newsRank(b)) })
	list = append(list, "/news-sitemap.xml", "/sitemap-news.xml")
	for _, s := range list[:min(len(list), 6)] {
		if d.try(ctx, s) {
			return
		}
		address := feed.Absolute(d.site, s)
		if d.within(ctx, d.c.index(ctx, address), address) {
			return
		}
	}
}

// within tries the newest sitemaps of an index. Where their names hold numbers the
// index is what to poll: tomorrow's have other names.
func (d *discovery) within(ctx context.Context, index feed.Feed, address string) bool {
	for _, inner := range newestOf(index, address == d.site) {
		if !d.try(ctx, inner) {
			continue
		}
		last := &d.found[len(d.found)-1]
		if _, numbers := nameNumbers(inner); len(numbers) > 0 && last.Kind == feed.Sitemap {
			last.URL = address
		}
		return true
	}
	return false
}

// newsRank is 0 for an address that looks like a news sitemap. Its host does not
// count: that of a newspaper often says news.
func newsRank(address string) int {
	u, err := url.Parse(address)
	if err == nil && strings.Contains(strings.ToLower(u.Path+"?"+u.RawQuery), "news") {
		return 0
	}
	return 1
}

// index fetches a sitemap index; nothing is in it when there is none.
func (c *Client) index(ctx context.Context, u string) feed.Feed {
	if u == "" {
		return feed.Feed{}
	}
	r, err := c.Get(ctx, u, Validators{})
	if err != nil {
		return feed.Feed{}
	}
	f, err := feed.Parse(r.Body, r.ContentType, r.URL)
	if err != nil || f.Kind != feed.SitemapIndex {
		return feed.Feed{}
	}
	return f
}

// pageLinks is what a page says about how it can be read.
type pageLinks struct {
	api        string   // root of the WordPress REST interface
	feeds      []string // announced feeds
	candidates []string // links that look like feeds
}

const wordPressRel = "https://api.w.org/"

var feedTypes = regexp.MustCompile(`(?i)^(?:application/(?:rss\+xml|atom\+xml|rdf\+xml|feed\+json|json)|text/xml|application/xml)`)

var feedLike = regexp.MustCompile(`(?i)(?:/(?:feeds?|rss|atom)(?:/|$|\.xml|\.json)|\.rss$|\.atom$|rss\.xml|format=rss|feed=rss)`)

// scan reads the Link header and the elements of a page.
func scan(page Response) pageLinks {
	var l pageLinks
	for _, h := range page.Header.Values("Link") {
		if u, ok := linkHeader(h, wordPressRel); ok {
			l.api = u
		}
	}
	z := html.NewTokenizer(bytes.NewReader(feed.UTF8(page.Body, page.ContentType)))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return l
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if t.DataAtom == atom.Link || t.DataAtom == atom.A {
				l.element(t)
			}
		}
	}
}

func (l *pageLinks) element(t html.Token) {
	var rel, typ, href string
	for _, a := range t.Attr {
		switch a.Key {
		case "rel":
			rel = strings.ToLower(a.Val)
		case "type":
			typ = a.Val
		case "href":
			href = strings.TrimSpace(a.Val)
		}
	}
	switch {
	case href == "" || len(l.feeds) > 50:
	case rel == wordPressRel:
		l.api = cmp.Or(l.api, href)
	case slices.Contains(strings.Fields(rel), "alternate") && feedTypes.MatchString(typ) && !strings.Contains(href, "oembed") && !strings.Contains(href, "/wp-json/"):
		l.feeds = append(l.feeds, href)
	case t.DataAtom == atom.A && feedLike.MatchString(href) && len(l.candidates) < 5:
		l.candidates = append(l.candidates, href)
	}
}

// linkHeader finds the target with that relation in a Link header (RFC 8288).
func linkHeader(h, rel string) (string, bool) {
	for part := range strings.SplitSeq(h, ",") {
		target, params, ok := strings.Cut(strings.TrimSpace(part), ">")
		if ok && strings.HasPrefix(target, "<") && strings.Contains(params, rel) {
			return target[1:], true
		}
	}
	return "", false
}

var (
	youtubeChannel = regexp.MustCompile(`^/channel/(UC[\w-]{22})`)
	githubRepo     = regexp.MustCompile(`^/([\w.-]+)/([\w.-]+)(?:/|$)`)
)

// known gives the feeds of hosts whose rules are known.
func known(page string) []string {
	u, err := url.Parse(page)
	if err != nil {
		return nil
	}
	switch strings.TrimPrefix(u.Hostname(), "www.") {
	case "youtube.com":
		if m := youtubeChannel.FindStringSubmatch(u.Path); m != nil {
			return []string{"https://www.youtube.com/feeds/videos.xml?channel_id=" + m[1]}
		}
	case "github.com":
		if m := githubRepo.FindStringSubmatch(u.Path); m != nil {
			return []string{"https://github.com/" + m[1] + "/" + m[2] + "/releases.atom"}
		}
	}
	return nil
}
