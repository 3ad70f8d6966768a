package demo

import (
	"bufio"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed articles/*.txt
var articleFiles embed.FS

// An Article is one published page of the site.
type Article struct {
	ID        int    // WordPress id; the same in every run
	Slug      string // last part of the path
	Path      string // from the site's root, with slashes at both ends
	URL       string // canonical
	Language  string // en, ur or ru
	Section   string // key of the section, in English and lower case: city, politics, …
	Title     string
	Excerpt   string // one sentence, as the feed gives it
	Author    string
	Label     string // "", opinion or live
	Published time.Time
	Alt       string   // describes the picture
	Tags      []string // in the article's language

	ms *manuscript
}

// manuscript is an article as the newsroom filed it, in articles/NAME.txt: header
// lines, an empty line, the body.
type manuscript struct {
	id       int
	slug     string
	lang     string
	section  string
	author   string
	label    string
	title    string
	excerpt  string
	alt      string
	caption  string
	picture  string        // motif of the picture
	age      time.Duration // before the start; negative: comes later
	reads    float64       // how much readers want it, 1 is usual
	tags     []string
	comments []string
	body     []string // blocks
}

// filed returns all copy, oldest first. The files are part of the program, so a
// mistake in them is a bug.
var filed = sync.OnceValue(func() []*manuscript {
	names, err := fs.Glob(articleFiles, "articles/*.txt")
	if err != nil {
		panic(err)
	}
	var all []*manuscript
	for _, name := range names {
		raw, err := articleFiles.ReadFile(name)
		if err != nil {
			panic(err)
		}
		c, err := parseManuscript(string(raw))
		if err != nil {
			panic(fmt.Errorf("%s: %w", path.Base(name), err))
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b *manuscript) int { return int(b.age - a.age) })
	for i, c := range all {
		c.id = 48_000 + 7*i
	}
	return all
})

// parseManuscript reads one article file.
func parseManuscript(text string) (*manuscript, error) {
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok {
		return nil, fmt.Errorf("no empty line after the header")
	}
	c := &manuscript{reads: 1}
	lines := bufio.NewScanner(strings.NewReader(head))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if err := c.set(key, strings.TrimSpace(value)); err != nil {
			return nil, err
		}
	}
	for block := range strings.SplitSeq(strings.TrimSpace(body), "\n\n") {
		c.body = append(c.body, strings.TrimSpace(block))
	}
	return c, c.check()
}

func (c *manuscript) set(key, value string) (err error) {
	switch key {
	case "slug":
		c.slug = value
	case "lang":
		c.lang = value
	case "section":
		c.section = value
	case "author":
		c.author = value
	case "label":
		c.label = value
	case "title":
		c.title = value
	case "excerpt":
		c.excerpt = value
	case "alt":
		c.alt = value
	case "caption":
		c.caption = value
	case "picture":
		c.picture = value
	case "tags":
		c.tags = strings.Split(value, ", ")
	case "comment":
		c.comments = append(c.comments, value)
	case "age":
		c.age, err = time.ParseDuration(value)
	case "reads":
		c.reads, err = strconv.ParseFloat(value, 64)
	default:
		return fmt.Errorf("unknown header line %q", key)
	}
	return err
}

func (c *manuscript) check() error {
	if c.slug == "" || c.title == "" || c.author == "" || len(c.body) == 0 {
		return fmt.Errorf("slug, title, author or body is missing")
	}
	if words[c.lang] == nil || words[c.lang].sections[c.section] == "" {
		return fmt.Errorf("no section %q in language %q", c.section, c.lang)
	}
	return nil
}

// at is the article as it stands on a site with that start and base address.
func (c *manuscript) at(start time.Time, base string) Article {
	published := start.Add(-c.age).In(zone()).Truncate(time.Minute)
	p := published.Format("/2006/01/02/") + c.slug + "/"
	if c.lang != "en" {
		p = "/" + c.lang + p
	}
	return Article{
		ID: c.id, Slug: c.slug, Path: p, URL: base + p, Language: c.lang, Section: c.section,
		Title: c.fill(c.title, published), Excerpt: c.fill(c.excerpt, published), Author: c.author, Label: c.label,
		Published: published, Alt: c.alt, Tags: c.tags, ms: c,
	}
}

// marks are what fill replaces.
var marks = regexp.MustCompile(`\{(?:day|workday|date|time)[-+0-9mh]*\}`)

// fill puts dates in place of {day-1} (a weekday), {workday} (the last one from
// Monday to Friday), {date+3} (a day of the month) and {time-90m} (a time of
// day), counted from the publication, so that the text is right whenever the
// demo runs.
func (c *manuscript) fill(text string, published time.Time) string {
	return marks.ReplaceAllStringFunc(text, func(mark string) string {
		return words[c.lang].moment(strings.Trim(mark, "{}"), published)
	})
}

// Dir is the writing direction of the article's language.
func (a Article) Dir() string { return words[a.Language].dir }

// picture is the path of the lead picture.
func (a Article) picture() string {
	return a.Published.Format("/wp-content/uploads/2006/01/") + a.Slug + ".jpg"
}
