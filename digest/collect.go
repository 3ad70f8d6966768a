package digest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/digest/fetch"
	"pressrun/digest/story"
)

// Collector brings news in: polls sources, reads the pages of new entries and
// tells them as stories. It may be used concurrently.
type Collector struct {
	*Store
	Client *fetch.Client
	// Alarm announces a source that fails or is silent longer than usual; Clear
	// takes it back. Both may be called at every poll.
	Alarm func(ctx context.Context, kind, subject, detail string)
	Clear func(ctx context.Context, kind, subject string)
	// Told is called after each article that is told: orders about it may wait.
	Told func(ctx context.Context)

	clustering clustering
}

// Collected is the outcome of one poll.
type Collected struct {
	Source  string `json:"source"`
	New     int    `json:"new"`              // entries not seen before
	Old     int    `json:"old"`              // of these, too old to be told
	Stories int    `json:"stories"`          // new stories
	Members int    `json:"members"`          // entries that joined a story
	Failed  int    `json:"failed"`           // pages that could not be read
	Unread  string `json:"unread,omitempty"` // the first of these and why, in words
	// Corrected are the stories whose shown article was read again and tells
	// itself otherwise now: issues that wait show them as they were.
	Corrected []int64 `json:"corrected,omitempty"`
	// Flagged are the stories that have a flag more, by another article or another
	// feed that lists theirs: issues that wait show them without.
	Flagged []int64 `json:"flagged,omitempty"`
	Err     string  `json:"err,omitempty"` // why the poll itself failed, in words
}

// Collect polls one source and reads what is new. Items published more than
// backlog before now are remembered but not told. A failure of the source is
// part of the outcome and recorded with it; the error is for what stops the
// collector itself, such as the database.
func (c *Collector) Collect(ctx context.Context, src Source, backlog time.Duration) (Collected, error) {
	out := Collected{Source: src.URL}
	poll, list, unchanged := c.poll(ctx, src)
	var err error
	known := src
	if poll.Refused && (src.Kind == "wordpress" || src.Kind == "sitemap") {
		var moved bool
		if moved, err = c.fallBack(ctx, &src, poll.Err); moved {
			known, backlog = c.sinceListed(src, backlog)
			poll, list, unchanged = c.poll(ctx, src)
		}
	}
	if err := errors.Join(ctx.Err(), err); err != nil {
		return out, err
	}
	switch {
	case poll.Err != "":
	case unchanged:
		err = c.StillListed(ctx, src)
	default:
		out.New, out.Old, err = c.addEntries(ctx, known, list.Items, c.Now().Add(-backlog), !list.Truncated)
		poll.New, poll.Old = out.New-out.Old, out.Old
	}
	if err != nil {
		return out, fmt.Errorf("collect %s: %w", src.URL, err)
	}
	out.Err = poll.Err
	h, err := c.Polled(ctx, src, poll)
	if err != nil {
		return out, fmt.Errorf("collect %s: %w", src.URL, err)
	}
	c.announce(ctx, src, h)
	if err := c.read(ctx, src, &out); err != nil || src.Kind != "sitemap" || out.Err != "" || out.New > 0 {
		return out, err
	}
	return out, c.goOn(ctx, src)
}

// announce raises one alarm for a source in trouble and takes it back after: at
// each poll, as the process may have died between the poll that found it well
// and this.
func (c *Collector) announce(ctx context.Context, src Source, h Health) {
	for _, kind := range []string{"failing", "silent"} {
		subject := fmt.Sprintf("%s, number %d", src.Host, src.ID) // title and address may change meanwhile
		if h.Is == kind {
			c.Alarm(ctx, kind+" source", subject, fmt.Sprintf("%s, %s: %s.", cmp.Or(src.Title, src.Host), src.URL, h.Reason))
		} else {
			c.Clear(ctx, kind+" source", subject)
		}
	}
}

// poll fetches and parses; whatever goes wrong becomes words.
func (c *Collector) poll(ctx context.Context, src Source) (p Poll, f feed.Feed, unchanged bool) {
	known := fetch.Validators{ETag: src.ETag, LastModified: src.Modified, Hash: src.BodyHash}
	if src.State == "silent" {
		known = fetch.Validators{} // it may be its cache that says that nothing has changed
	}
	res, err := GetSource(ctx, c.Client, src, known)
	if err != nil {
		p = Poll{Err: Words(err), RetryAfter: res.RetryAfter}
		var failed *fetch.Error
		if errors.As(err, &failed) {
			p.Permanent, p.RetryAfter = !failed.Temporary, max(p.RetryAfter, failed.RetryAfter)
			p.Refused = slices.Contains([]int{401, 403, 404, 410}, failed.Status)
		}
		return p, f, false
	}
	p = Poll{ETag: res.ETag, Modified: res.LastModified, BodyHash: res.Hash, MovedTo: res.MovedTo, RetryAfter: res.RetryAfter, MaxAge: res.MaxAge}
	if res.NotModified {
		p.ETag, p.Modified, p.BodyHash = src.ETag, src.Modified, src.BodyHash
		return p, f, true
	}
	if f, err = ParseSource(src.Kind, res); err != nil {
		// A page in the place of a feed is often only maintenance.
		refused := f.Kind == "" && (!errors.Is(err, feed.ErrHTML) || src.Errors+1 >= FailingAfter)
		return Poll{Err: Words(err), Refused: refused}, f, false
	}
	p.Title, p.TTL = f.Title, min(f.TTL, time.Hour)
	for i := range f.Items {
		f.Items[i].Language = cmp.Or(f.Items[i].Language, f.Language)
	}
	return p, f, false
}

// GetSource asks a source for what it lists.
func GetSource(ctx context.Context, client *fetch.Client, src Source, v fetch.Validators) (fetch.Response, error) {
	if src.Kind == "sitemap" {
		return client.GetSitemap(ctx, src.URL, v)
	}
	return client.Get(ctx, src.URL, v)
}

// ParseSource reads what a source of a kind answered.
func ParseSource(kind string, res fetch.Response) (feed.Feed, error) {
	if kind == "pages" {
		return feed.ParsePage(res.Body, res.ContentType, res.URL)
	}
	f, err := parseAll(res)
	switch {
	case err != nil:
	case f.Kind == feed.SitemapIndex:
		err = errors.New("it lists sitemaps, not articles: add the site again, so that its news sitemap is found")
	case len(f.Items) == 0:
		err = errors.New("it answers, but lists nothing")
	case !slices.ContainsFunc(f.Items, func(it feed.Item) bool { return it.URL != "" }):
		err = fmt.Errorf("it lists %d items, but none with a link that can be opened", len(f.Items))
	}
	return f, err
}

// parseAll reads a feed, or the sitemaps of an index together.
func parseAll(res fetch.Response) (all feed.Feed, err error) {
	if len(res.Sitemaps) == 0 {
		return feed.Parse(res.Body, res.ContentType, res.URL)
	}
	var failed error
	for _, r := range res.Sitemaps {
		f, err := feed.Parse(r.Body, r.ContentType, r.URL)
		if err == nil && f.Kind == feed.SitemapIndex {
			err = errors.New("its index lists further indexes, which sitemaps.org does not know: give the address of one of those, or of a sitemap")
		}
		if err != nil {
			failed = cmp.Or(failed, err)
			continue
		}
		all.Kind, all.Title, all.Language = f.Kind, cmp.Or(all.Title, f.Title), cmp.Or(all.Language, f.Language)
		all.Repaired, all.Truncated = all.Repaired || f.Repaired, all.Truncated || f.Truncated
		all.Items = append(all.Items, f.Items...)
	}
	if all.Kind == "" {
		return all, failed
	}
	all.Truncated = all.Truncated || res.Partial || failed != nil
	return all, nil
}

// Words is an error of reading a source as people should see it.
func Words(err error) string {
	var failed *fetch.Error
	if errors.As(err, &failed) {
		return failed.Message
	}
	return err.Error()
}

const (
	// readBatch bounds how many pages one collection reads, so that a job is short.
	readBatch = 60
	// readReserve is left of a job's time when it stops reading pages: enough for
	// the one it waits for, at a host that wants long pauses, and for clustering.
	readReserve = time.Minute
)

// read turns the unread entries of a source into stories.
func (c *Collector) read(ctx context.Context, src Source, out *Collected) error {
	entries, err := c.UnreadEntries(ctx, src.ID, readBatch)
	if err != nil || len(entries) == 0 {
		return err
	}
	flags, err := c.recentFlags(ctx)
	if err != nil {
		return err
	}
	var told []int64
	rest := rests{map[string]time.Time{}, map[string]int{}}
	for _, e := range entries {
		if end, bounded := ctx.Deadline(); bounded && time.Until(end) < readReserve {
			break // the next poll reads on
		}
		host := hostOf(e.URL)
		if _, resting := rest.until[host]; !resting {
			id, failed, err := c.readEntry(ctx, src, e, out)
			if err != nil {
				return err
			}
			if id != 0 {
				told = append(told, id)
			}
			rest.note(host, failed, c.Now())
		}
		if until, resting := rest.until[host]; resting {
			if err := c.postpone(ctx, e, until); err != nil {
				return err
			}
		}
	}
	if len(told) > 0 && c.clusterDue() {
		if _, err := c.Cluster(ctx); err != nil {
			return err
		}
	}
	if out.Flagged, err = c.flaggedSince(ctx, flags); err != nil {
		return err
	}
	out.Flagged = slices.DeleteFunc(out.Flagged, func(id int64) bool { return slices.Contains(out.Corrected, id) })
	for _, id := range told {
		s, err := c.Story(ctx, id)
		switch {
		case err != nil:
			return err
		case s.State == "merged" || s.SourceID != src.ID:
			out.Members++
		default:
			out.Stories++
		}
	}
	return nil
}

// rests are the hosts that a collection leaves alone, and until when.
type rests struct {
	until  map[string]time.Time
	silent map[string]int // requests in a row without an answer
}

// note takes down how a request for a page ended, nil = well. A host rests for as
// long as it asks, at most for readFor, and until the next poll when it is silent.
func (r rests) note(host string, failed *fetch.Error, now time.Time) {
	switch {
	case failed == nil:
		r.silent[host] = 0
	case failed.Status == http.StatusTooManyRequests || failed.RetryAfter > 0:
		r.until[host] = now.Add(min(failed.RetryAfter, readFor))
	case !slices.Contains([]string{fetch.KindTimeout, fetch.KindRefused, fetch.KindDNS, fetch.KindTLS}, failed.Kind):
		r.silent[host] = 0
	default:
		if r.silent[host]++; r.silent[host] == silentAt {
			r.until[host] = now
		}
	}
}

// readEntry reads one entry. It returns the story that tells it since, 0 = none
// does, or one that was told before is only corrected; and why its page could not
// be fetched, nil when that is not why.
func (c *Collector) readEntry(ctx context.Context, src Source, e Entry, out *Collected) (id int64, failed *fetch.Error, err error) {
	id, err = c.known(ctx, e)
	if err != nil || id != 0 {
		return id, nil, err
	}
	a, err := c.page(ctx, src, e)
	if ctx.Err() != nil {
		return 0, nil, ctx.Err()
	}
	if err != nil {
		out.Failed++
		out.Unread = cmp.Or(out.Unread, e.URL+": "+Words(err))
		errors.As(err, &failed)
		return 0, failed, c.EntryFailed(ctx, e, Words(err), failed != nil && failed.Temporary)
	}
	id, corrected, err := c.tell(ctx, src, e, a)
	if err != nil {
		return 0, nil, err
	}
	if c.Told != nil {
		c.Told(ctx)
	}
	if corrected {
		out.Corrected, id = append(out.Corrected, id), 0
	}
	return id, nil, nil
}

// tell tells an article, or corrects the one that its entry told before: then
// corrected says whether readers would see a difference, and id is 0 if not.
func (c *Collector) tell(ctx context.Context, src Source, e Entry, a article.Article) (id int64, corrected bool, err error) {
	before, err := c.toldBy(ctx, e)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, false, err
	}
	if id, err = c.Tell(ctx, src, e, a); err != nil || before.ID == 0 {
		return id, false, err
	}
	after, err := c.Story(ctx, before.ID)
	if err != nil || after.MergedInto != 0 || after.Title == before.Title && after.Body == before.Body && after.State == before.State && after.Flags == before.Flags {
		return 0, false, err
	}
	return after.ID, true, nil
}

func docOf(s Story) story.Doc {
	return story.Doc{ID: s.Key, Title: s.Title, Text: s.Body, URL: s.URL, Language: s.Language, Published: s.Published}
}

// page reads the article behind an entry. When the page cannot be had but the
// feed carried the full text, the feed's text is taken. Where robots.txt keeps
// us off the pages of others, headline and summary of the feed have to do.
func (c *Collector) page(ctx context.Context, src Source, e Entry) (article.Article, error) {
	given := article.Article{URL: e.URL, Title: e.Title, Text: feed.Text(e.Content), Image: e.Image, ImageAlt: e.ImageAlt, Language: language(e, src), Published: e.Published}
	enough := len(strings.Fields(given.Text)) >= 40
	if src.Rights != "own" {
		allowed, _, err := c.Client.Robots(ctx, e.URL)
		switch {
		case err == nil && !allowed && !enough:
			given.Text = e.Summary
			fallthrough
		case err == nil && !allowed:
			return given, nil
		case err != nil && !enough:
			return given, err
		case err != nil:
			return given, nil
		}
	}
	a, err := c.extract(ctx, src, e)
	if err != nil && enough {
		return given, nil
	}
	if err != nil {
		return given, err
	}
	return a, nil
}

// extract reads the page of an entry. Where its address has led to another site,
// as the links of feed services and shorteners do, that is the article's address.
func (c *Collector) extract(ctx context.Context, src Source, e Entry) (article.Article, error) {
	res, err := c.Client.GetFrom(ctx, e.URL, src.Settings.Referer)
	if err != nil {
		return article.Article{}, err
	}
	if isHome(res.URL) && !isHome(e.URL) {
		return article.Article{}, errors.New("its address leads to the home page")
	}
	a, err := ReadPage(src, res, e.URL, language(e, src))
	if errors.Is(err, article.ErrNoArticle) {
		err = errors.New("the page holds no article text: if it does for readers, tell where with a rule for this source")
	}
	if err == nil && src.Kind != "pages" { // whose words for a link may be any
		err = OtherPage(e.Title, a)
	}
	return a, err
}

// OtherPage is the error of an article that says nothing of what its feed's
// headline does, nil of any other: a wall for consent or log-in stands before it, or
// a page such as "Back soon". Of the labelled articles on which extraction is
// measured one in 300 has less than a quarter of its headline in its text, and each
// has the headline besides.
func OtherPage(headline string, a article.Article) error {
	parts, found := parts(headline), 0
	page := strings.ToLower(a.Title + "\n" + a.Text)
	for _, p := range parts {
		if strings.Contains(page, p) {
			found++
		}
	}
	if len(parts) < 4 || 4*found >= len(parts) {
		return nil
	}
	return &fetch.Error{Kind: fetch.KindChallenge, URL: a.URL, Temporary: true,
		Message: fmt.Sprintf("its page says “%s” and nothing of the feed's headline: a wall for consent, log-in or robots may stand before it", shorten(cmp.Or(a.Title, a.Text), 60))}
}

// parts are the beginnings of the longer words of a headline, which inflection
// leaves alone; in scripts that do not space their words, each two letters.
func parts(headline string) (out []string) {
	for _, word := range strings.FieldsFunc(strings.ToLower(headline), func(r rune) bool { return !isWord(r) }) {
		letters := []rune(word)
		wide := unicode.In(letters[0], unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
		for i := 0; wide && i+2 <= len(letters); i++ {
			out = append(out, string(letters[i:i+2]))
		}
		if !wide && len(letters) >= 4 {
			out = append(out, string(letters[:min(len(letters), 5)]))
		}
	}
	return out
}

// ReadPage extracts the article of a page. A source's rules are for its own
// site, not for another to which an address of it has led. The error is
// article.ErrNoArticle, or says in words what came instead of a page.
func ReadPage(src Source, res fetch.Response, from, language string) (article.Article, error) {
	if kind, _, _ := strings.Cut(strings.ToLower(res.ContentType), ";"); kind != "" && !slices.Contains(pageTypes, strings.TrimSpace(kind)) {
		return article.Article{}, fmt.Errorf("its page is no web page but %s", kind)
	}
	if kind := article.Binary(res.Body); kind != "" {
		return article.Article{}, fmt.Errorf("its page is no web page but %s", kind)
	}
	o := article.Options{URL: feed.CleanURL(res.URL), ContentType: res.ContentType, Language: language}
	if sameHost(res.URL, from) || sameHost(res.URL, "https://"+src.Host) {
		o.Rules = src.Settings.Rules
	}
	return article.Extract(res.Body, o)
}

// pageTypes are the content types of web pages; some servers say text/plain, or
// nothing.
var pageTypes = []string{"text/html", "application/xhtml+xml", "text/plain", "application/xml", "text/xml", "application/octet-stream"}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func isHome(address string) bool {
	u, err := url.Parse(address)
	return err == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == ""
}

func language(e Entry, src Source) string {
	if e.Language != "" {
		return e.Language
	}
	return src.Language
}

func sameHost(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && Host(ua.Hostname()) == Host(ub.Hostname())
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// Taste reads the newest article that a source lists, as it would be told.
// Nothing is stored. ErrNotFound when it lists none.
func (c *Collector) Taste(ctx context.Context, src Source) (Story, error) {
	res, err := GetSource(ctx, c.Client, src, fetch.Validators{})
	if err != nil {
		return Story{}, err
	}
	f, err := ParseSource(src.Kind, res)
	if err != nil {
		return Story{}, err
	}
	for _, it := range f.Items {
		it.Language = cmp.Or(it.Language, f.Language)
		e, err := entryOf(src, it, c.Now())
		if err != nil || e.State == "blocked" {
			continue
		}
		a, err := c.page(ctx, src, e)
		if err != nil {
			return Story{}, err
		}
		return storyOf(src, e, a), nil
	}
	return Story{}, fmt.Errorf("newest article of %s: %w", src.URL, ErrNotFound)
}

// Pause stops or resumes polling a source. What was announced about it is over.
func (c *Collector) Pause(ctx context.Context, id int64, pause bool) error {
	return c.settle(ctx, id, func() error { return c.PauseSource(ctx, id, pause) })
}

// Remove forgets a source, as RemoveSource does, with what was announced about it.
func (c *Collector) Remove(ctx context.Context, id int64) error {
	return c.settle(ctx, id, func() error { return c.RemoveSource(ctx, id) })
}

func (c *Collector) settle(ctx context.Context, id int64, do func() error) error {
	src, err := c.Source(ctx, id)
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	c.announce(ctx, src, Health{})
	return nil
}
