package fetch

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pressrun/digest/feed"
)

// Bounds of what one poll reads of an index of sitemaps. Together they are not
// larger than MaxBytes of the Client as they are sent.
const (
	maxSitemaps  = 3 // the newest: those of today, and of yesterday after midnight
	sitemapsTime = time.Minute
)

// reading is what a poll of an index read. It is kept in the place of the ETag.
type reading struct {
	Index    Validators
	Sitemaps []sitemap
}

type sitemap struct {
	URL string
	Validators
}

// GetSitemap fetches a sitemap as Get does. Where an index is in its place the
// newest sitemaps that it lists are fetched as well, and its Validators are
// theirs together: NotModified says that the same are the newest and all as
// they were. Partial says that one of them could not be read; when none could,
// the error is that of the newest.
func (c *Client) GetSitemap(ctx context.Context, address string, v Validators) (Response, error) {
	var was reading
	if strings.HasPrefix(v.ETag, "{") { // an ETag begins with a quotation mark or W/
		if json.Unmarshal([]byte(v.ETag), &was) != nil {
			was = reading{}
		}
		v = was.Index
	}
	r, err := c.Get(ctx, address, v)
	switch {
	case err != nil, r.NotModified && len(was.Sitemaps) == 0:
		return r, err
	case r.NotModified:
		return c.newest(ctx, r, addresses(was.Sitemaps), was)
	case !feed.IsIndex(r.Body, r.ContentType):
		return r, nil
	}
	index, err := feed.Parse(r.Body, r.ContentType, r.URL)
	if err != nil {
		return r, nil // whoever parses it again says why
	}
	list := newestOf(index, true)
	if len(list) == 0 {
		return r, nil
	}
	return c.newest(ctx, r, list, was)
}

func addresses(list []sitemap) (out []string) {
	for _, s := range list {
		out = append(out, s.URL)
	}
	return out
}

// newest fetches sitemaps of the index that r answered. Those that are as they
// were are fetched in full when others are not: a list of articles is of all.
func (c *Client) newest(ctx context.Context, r Response, list []string, was reading) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, sitemapsTime)
	defer cancel()
	now := reading{Index: r.Validators}
	same := slices.Equal(list, addresses(was.Sitemaps))
	got, left := make([]Response, len(list)), c.maxBytes()
	var failed error
	for i, address := range list {
		var v Validators
		if same {
			v = was.Sitemaps[i].Validators
		}
		var err error
		got[i], err = c.get(ctx, address, v, left)
		if err != nil {
			failed, r.Partial = cmp.Or(failed, err), true
			r.RetryAfter = max(r.RetryAfter, got[i].RetryAfter)
			got[i] = Response{}
		}
		left -= int64(len(got[i].Body))
		now.Sitemaps = append(now.Sitemaps, sitemap{address, got[i].Validators})
	}
	read := slices.DeleteFunc(slices.Clone(got), func(x Response) bool { return x.Status == 0 })
	if len(read) == 0 {
		return r, failed
	}
	if r.NotModified = !slices.ContainsFunc(read, func(x Response) bool { return !x.NotModified }); r.NotModified {
		r.Body = nil
		return r.keep(now), nil
	}
	for i := range got {
		if !got[i].NotModified {
			continue
		}
		var err error
		if got[i], err = c.get(ctx, list[i], Validators{}, left); err != nil {
			r.Partial, got[i], now.Sitemaps[i].Validators = true, Response{}, Validators{}
		}
		left -= int64(len(got[i].Body))
	}
	r.Sitemaps = slices.DeleteFunc(got, func(x Response) bool { return x.Status == 0 })
	r.MaxAge = r.Sitemaps[0].MaxAge // an index may be fresh for a day
	return r.keep(now), nil
}

// keep makes a reading the validators of a response.
func (r Response) keep(now reading) Response {
	text, _ := json.Marshal(now) // strings alone
	r.Validators = Validators{ETag: string(text)}
	return r
}

// newestOf lists the sitemaps of an index that hold its newest articles, at most
// three, newest first. Those whose names say news come alone, else those whose
// names say articles or a date; with any, also those whose names say nothing.
//
// A date in the name tells which is newest, as a correction makes an old month's
// lastmod new, and generating all again makes that of all new; else lastmod does,
// else the number in the name, else the order. One without a date beside some
// with one is the current one.
func newestOf(index feed.Feed, any bool) (out []string) {
	type candidate struct {
		url           string
		date, numbers []int
		modified      time.Time
	}
	best := articlesNamed
	if any {
		best = nameless
	}
	var list []candidate
	for _, it := range index.Items {
		rank := sitemapRank(it.URL)
		if it.URL == "" || rank > best {
			continue
		}
		if rank < best {
			best, list = rank, nil
		}
		date, numbers := nameNumbers(it.URL)
		list = append(list, candidate{it.URL, date, numbers, it.Updated})
	}
	slices.SortStableFunc(list, func(a, b candidate) int {
		if undated := cmp.Compare(min(len(a.date), 1), min(len(b.date), 1)); undated != 0 {
			return undated
		}
		return cmp.Or(slices.Compare(b.date, a.date), b.modified.Compare(a.modified), slices.Compare(b.numbers, a.numbers))
	})
	for _, c := range list[:min(len(list), maxSitemaps)] {
		out = append(out, c.url)
	}
	return out
}

// Ranks of the sitemaps of an index, by their names.
const (
	newsNamed = iota
	articlesNamed
	nameless
	otherNamed // lists of something else
)

var (
	articlesName = regexp.MustCompile(`posts?(?:[-_.\d]|$)|articles?|stor(?:y|ies)|(?:^|\D)(?:19|20)\d\d`)
	otherName    = regexp.MustCompile(`newsletter|(?:tags?|users?|pages?)[-_.\d]|categor|authors?|taxonom|images?[-_.]|videos?|products?`)
	yearOn       = regexp.MustCompile(`(?:19|20)\d\d.*`)
	compactDate  = regexp.MustCompile(`(?:^|\D)((?:19|20)\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?(?:\D|$)`)
	digits       = regexp.MustCompile(`\d{1,18}`)
)

// sitemapRank judges a sitemap by its address without the host: that of a
// newspaper often says news.
func sitemapRank(address string) int {
	name := sitemapName(address)
	switch {
	case otherName.MatchString(name):
		return otherNamed
	case strings.Contains(name, "news"):
		return newsNamed
	case articlesName.MatchString(name):
		return articlesNamed
	}
	return nameless
}

func sitemapName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Path + "?" + u.RawQuery)
}

// nameNumbers are the numbers in the name of a sitemap, and those of them that
// are a date, year first. 202611 and 20261127 are two and three numbers.
func nameNumbers(address string) (date, numbers []int) {
	name := sitemapName(address)
	if m := compactDate.FindStringSubmatchIndex(name); m != nil {
		name = name[:m[3]] + "-" + name[m[3]:m[3]+2] + "-" + name[m[3]+2:]
	}
	ints := func(s string) (out []int) {
		for _, d := range digits.FindAllString(s, -1) {
			n, _ := strconv.Atoi(d)
			out = append(out, n)
		}
		return out
	}
	return ints(yearOn.FindString(name)), ints(name)
}
