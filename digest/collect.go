package digest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	Log    *slog.Logger
	// Alarm announces a source that fails or is silent longer than usual; Clear
	// takes it back. Both may be called at every poll.
	Alarm func(ctx context.Context, kind, subject, detail string)
	Clear func(ctx context.Context, kind, subject string)

	clustering clustering
}

// Collected is the outcome of one poll.
type Collected struct {
	Source  string `json:"source"`
	New     int    `json:"new"`           // entries not seen before
	Old     int    `json:"old"`           // of these, too old to be told
	Stories int    `json:"stories"`       // new stories
	Members int    `json:"members"`       // entries that joined a story
	Failed  int    `json:"failed"`        // pages that could not be read
	Err     string `json:"err,omitempty"` // why the poll itself failed, in words
}

// Collect polls one source and reads what is new. Items published more than
// backlog before now are remembered but not told. A failure of the source is
// part of the outcome and recorded with it; the error is for what stops the
// collector itself, such as the database.
func (c *Collector) Collect(ctx context.Context, src Source, backlog time.Duration) (Collected, error) {
	out := Collected{Source: src.URL}
	poll, items, unchanged := c.poll(ctx, src)
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	var err error
	switch {
	case poll.Err != "":
	case unchanged:
		err = c.StillListed(ctx, src)
	default:
		out.New, out.Old, err = c.AddEntries(ctx, src, items, c.Now().Add(-backlog))
		poll.New = out.New
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
	return out, c.read(ctx, src, &out)
}

// announce raises one alarm for a source in trouble and takes it back after.
func (c *Collector) announce(ctx context.Context, src Source, h Health) {
	for _, kind := range []string{"failing", "silent"} {
		subject := fmt.Sprintf("%s, number %d", src.Host, src.ID) // title and address may change meanwhile
		switch {
		case h.Is == kind:
			c.Alarm(ctx, kind+" source", subject, fmt.Sprintf("%s, %s: %s.", cmp.Or(src.Title, src.Host), src.URL, h.Reason))
		case h.Was == kind:
			c.Clear(ctx, kind+" source", subject)
		}
	}
}

// poll fetches and parses; whatever goes wrong becomes words.
func (c *Collector) poll(ctx context.Context, src Source) (p Poll, items []feed.Item, unchanged bool) {
	res, err := c.Client.Get(ctx, src.URL, fetch.Validators{ETag: src.ETag, LastModified: src.Modified, Hash: src.BodyHash})
	if err != nil {
		p = Poll{Err: Words(err), RetryAfter: res.RetryAfter}
		var failed *fetch.Error
		if errors.As(err, &failed) {
			p.Permanent, p.RetryAfter = !failed.Temporary, max(p.RetryAfter, failed.RetryAfter)
		}
		return p, nil, false
	}
	p = Poll{ETag: res.ETag, Modified: res.LastModified, BodyHash: res.Hash, MovedTo: res.MovedTo, RetryAfter: res.RetryAfter, MaxAge: res.MaxAge}
	if res.NotModified {
		p.ETag, p.Modified, p.BodyHash = src.ETag, src.Modified, src.BodyHash
		return p, nil, true
	}
	f, err := ParseSource(src.Kind, res)
	if err != nil {
		return Poll{Err: Words(err)}, nil, false
	}
	p.Title, p.TTL = f.Title, min(f.TTL, time.Hour)
	for i := range f.Items {
		f.Items[i].Language = cmp.Or(f.Items[i].Language, f.Language)
	}
	return p, f.Items, false
}

// ParseSource reads what a source of a kind answered.
func ParseSource(kind string, res fetch.Response) (feed.Feed, error) {
	if kind == "pages" {
		return feed.ParsePage(res.Body, res.ContentType, res.URL)
	}
	f, err := feed.Parse(res.Body, res.ContentType, res.URL)
	switch {
	case err != nil:
	case len(f.Items) == 0:
		err = errors.New("it answers, but lists nothing")
	case !slices.ContainsFunc(f.Items, func(it feed.Item) bool { return it.URL != "" }):
		err = fmt.Errorf("it lists %d items, but none with a link that can be opened", len(f.Items))
	}
	return f, err
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
	if err != nil {
		return err
	}
	var told []int64
	for _, e := range entries {
		if end, bounded := ctx.Deadline(); bounded && time.Until(end) < readReserve {
			break // the next poll reads on
		}
		a, err := c.page(ctx, src, e)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			out.Failed++
			if err := c.EntryFailed(ctx, e, Words(err)); err != nil {
				return err
			}
			continue
		}
		id, err := c.Tell(ctx, src, e, a, 0, "")
		if err != nil {
			return err
		}
		told = append(told, id)
	}
	if len(told) > 0 && c.clusterDue() {
		if _, err := c.Cluster(ctx); err != nil {
			return err
		}
	}
	for _, id := range told {
		s, err := c.Story(ctx, id)
		switch {
		case err != nil:
			return err
		case s.State == "merged":
			out.Members++
		default:
			out.Stories++
		}
	}
	return nil
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
	res, err := c.Client.Get(ctx, e.URL, fetch.Validators{})
	if err == nil {
		var a article.Article
		if a, err = article.Extract(res.Body, article.Options{URL: res.URL, ContentType: res.ContentType, Language: language(e, src), Rules: src.Settings.Rules}); err == nil {
			return a, nil
		}
		if errors.Is(err, article.ErrNoArticle) {
			err = errors.New("the page holds no article text: if it does for readers, tell where with a rule for this source")
		}
	}
	if enough {
		return given, nil
	}
	return given, err
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
	res, err := c.Client.Get(ctx, src.URL, fetch.Validators{})
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
