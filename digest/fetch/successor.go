package fetch

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"pressrun/digest/feed"
)

// Ended reports whether the year, month or day in the name of a sitemap, such as
// sitemap-2026-11.xml, may be over at now: somewhere on earth it is. A site then
// goes on in another one, while the old one goes on answering.
func Ended(address string, now time.Time) bool {
	date, _ := nameNumbers(address)
	return compareDay(date, now) < 0
}

// compareDay compares a date in a name, which may be of a month or a year, with
// the day where days begin first. No date is every day's.
func compareDay(date []int, now time.Time) int {
	now = now.UTC().Add(14 * time.Hour)
	today := []int{now.Year(), int(now.Month()), now.Day()}
	n := min(len(date), len(today))
	return slices.Compare(date[:n], today[:n])
}

// Successor finds the sitemap in which a site goes on after one that has Ended:
// the newest that differs from it in the date of its name alone, is not ahead of
// its time and lists something. robots.txt names it, or an index which robots.txt
// names or which is where indexes usually are. It is asked for with at most eight
// requests, in a minute. "" = there is none.
func (c *Client) Successor(ctx context.Context, address string) string {
	ctx, cancel := context.WithTimeout(ctx, sitemapsTime)
	defer cancel()
	u, err := c.checkURL(address)
	if err != nil {
		return ""
	}
	named := slices.Clone(c.renewRobots(ctx, u).rules.sitemaps) // others read it, too
	for i := range named {
		named[i] = feed.Absolute(address, named[i])
	}
	list := after(address, named, c.now())
	for _, index := range indexes(u, named) {
		if len(list) > 0 {
			break
		}
		var within []string
		for _, it := range c.index(ctx, index).Items {
			within = append(within, it.URL)
		}
		list = after(address, within, c.now())
	}
	for _, next := range list[:min(len(list), maxSitemaps)] {
		r, err := c.Get(ctx, next, Validators{})
		if err != nil {
			continue
		}
		if f, err := feed.Parse(r.Body, r.ContentType, r.URL); err == nil && f.Kind == feed.Sitemap && len(f.Items) > 0 {
			return next
		}
	}
	return ""
}

// after lists those sitemaps that come after one in time and are not ahead of
// it, the newest first.
func after(address string, list []string, now time.Time) (out []string) {
	date, _ := nameNumbers(address)
	for _, a := range list {
		d, _ := nameNumbers(a)
		if shape(a) == shape(address) && len(d) == len(date) && slices.Compare(d, date) > 0 && compareDay(d, now) <= 0 {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int {
		da, _ := nameNumbers(a)
		db, _ := nameNumbers(b)
		return slices.Compare(db, da)
	})
	return slices.Compact(out)
}

// shape is an address without its numbers.
func shape(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.ToLower(u.Host) + digits.ReplaceAllString(sitemapName(address), "#")
}

// indexes are the addresses at which an index of sitemaps may be, at most three:
// those of robots.txt, what is called an index before the others, else the usual.
func indexes(u *url.URL, named []string) (out []string) {
	for _, a := range named {
		if a != "" && shape(a) != shape(u.String()) {
			out = append(out, a)
		}
	}
	called := func(a string) int {
		if strings.Contains(sitemapName(a), "index") {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b string) int { return called(a) - called(b) })
	if len(out) == 0 {
		site := u.Scheme + "://" + u.Host
		out = []string{site + "/sitemap.xml", site + "/sitemap_index.xml"}
	}
	return out[:min(len(out), 3)]
}
