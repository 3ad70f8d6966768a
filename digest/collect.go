package digest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/digest/fetch"
	"pressrun/digest/story"
)

// Collector brings news in: polls sources, reads the pages of new entries and
// tells them as stories.
type Collector struct {
	*Store
	Client *fetch.Client
	Log    *slog.Logger
	// Alarm announces a source that has become failing; Clear takes it back.
	Alarm func(ctx context.Context, kind, subject, detail string)
	Clear func(ctx context.Context, kind, subject string)
}

// ClusterWindow is how long a story may gather further members.
const ClusterWindow = 72 * time.Hour

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
	poll, items := c.poll(ctx, src)
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	if poll.Err == "" {
		added, old, err := c.AddEntries(ctx, src, items, c.Now().Add(-backlog))
		if err != nil {
			return out, fmt.Errorf("collect %s: %w", src.URL, err)
		}
		out.New, out.Old, poll.New = added, old, added
	}
	out.Err = poll.Err
	failing, recovered, err := c.Polled(ctx, src, poll)
	if err != nil {
		return out, fmt.Errorf("collect %s: %w", src.URL, err)
	}
	if failing {
		c.Alarm(ctx, "source", src.URL, poll.Err)
	}
	if recovered {
		c.Clear(ctx, "source", src.URL)
	}
	return out, c.read(ctx, src, &out)
}

// poll fetches and parses; whatever goes wrong becomes words.
func (c *Collector) poll(ctx context.Context, src Source) (Poll, []feed.Item) {
	res, err := c.Client.Get(ctx, src.URL, fetch.Validators{ETag: src.ETag, LastModified: src.Modified, Hash: src.BodyHash})
	if err != nil {
		return Poll{Err: err.Error(), RetryAfter: res.RetryAfter}, nil
	}
	p := Poll{
		ETag: res.ETag, Modified: res.LastModified, BodyHash: res.Hash, MovedTo: res.MovedTo,
		RetryAfter: res.RetryAfter, MinInterval: res.MaxAge,
	}
	if res.NotModified {
		p.ETag, p.Modified, p.BodyHash = src.ETag, src.Modified, src.BodyHash
		return p, nil
	}
	if p.BodyHash == "" {
		sum := sha256.Sum256(res.Body)
		p.BodyHash = hex.EncodeToString(sum[:])
	}
	f, err := feed.Parse(res.Body, res.ContentType, res.URL)
	if err != nil {
		return Poll{Err: err.Error()}, nil
	}
	p.Title = f.Title
	p.MinInterval = max(p.MinInterval, min(f.TTL, time.Hour))
	for i := range f.Items {
		if f.Items[i].Language == "" {
			f.Items[i].Language = f.Language
		}
	}
	return p, f.Items
}

// readBatch bounds how many pages one collection reads, so that a job is short.
const readBatch = 60

// read turns the unread entries of a source into stories.
func (c *Collector) read(ctx context.Context, src Source, out *Collected) error {
	entries, err := c.UnreadEntries(ctx, src.ID, readBatch)
	if err != nil || len(entries) == 0 {
		return err
	}
	index, ids, err := c.index(ctx)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a, err := c.page(ctx, src, e)
		if err != nil {
			out.Failed++
			if err := c.EntryFailed(ctx, e, err.Error()); err != nil {
				return err
			}
			continue
		}
		doc := story.Doc{ID: "e" + strconv.FormatInt(e.ID, 10), Title: a.Title, Text: a.Text, URL: e.URL, Source: src.Host, Language: a.Language, Published: e.Published}
		found, why := index.Add(doc)
		into := ids[found]
		id, err := c.Tell(ctx, src, e, a, into, why)
		if err != nil {
			return err
		}
		if ids[doc.ID] = id; into == 0 {
			out.Stories++
		} else {
			out.Members++
		}
	}
	return nil
}

// index is the near-duplicate index of the last three days with the story ids
// of its documents.
func (c *Collector) index(ctx context.Context) (*story.Index, map[string]int64, error) {
	recent, err := c.Stories(ctx, c.Now().Add(-ClusterWindow))
	if err != nil {
		return nil, nil, err
	}
	x, ids := new(story.Index), map[string]int64{}
	for i := len(recent) - 1; i >= 0; i-- {
		s := recent[i]
		doc := docOf(s)
		x.Add(doc)
		ids[doc.ID] = s.ID
	}
	return x, ids, nil
}

func docOf(s Story) story.Doc {
	return story.Doc{ID: "s" + strconv.FormatInt(s.ID, 10), Title: s.Title, Text: s.Body, URL: s.URL, Source: s.SourceTitle, Language: s.Language, Published: s.Published}
}

// page reads the article behind an entry. When the page cannot be had but the
// feed carried the full text, the feed's text is taken.
func (c *Collector) page(ctx context.Context, src Source, e Entry) (article.Article, error) {
	res, err := c.Client.Get(ctx, e.URL, fetch.Validators{})
	if err == nil {
		a, err := article.Extract(res.Body, article.Options{URL: res.URL, ContentType: res.ContentType, Language: language(e, src)})
		if err == nil && a.Text != "" {
			return a, nil
		}
	}
	if text := feed.Text(e.Content); len(strings.Fields(text)) >= 40 {
		return article.Article{URL: e.URL, Title: e.Title, Text: text, Image: e.Image, ImageAlt: e.ImageAlt, Language: language(e, src), Published: e.Published}, nil
	}
	if err == nil {
		err = errors.New("the page holds no article text")
	}
	return article.Article{}, fmt.Errorf("read %s: %w", e.URL, err)
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
