package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/digest/trend"
)

type storyVerb struct {
	Ls      storyLs      `cmd:"" help:"List stories, the newest first."`
	Show    storyShow    `cmd:"" help:"Show one story with its text and members."`
	Merge   storyMerge   `cmd:"" help:"Make two stories one; the choice sticks."`
	Block   storyBlock   `cmd:"" help:"Keep a story out of every issue."`
	Cluster storyCluster `cmd:"" help:"Which articles tell the same story: JSON lines in and out. Needs no database."`
}

type storyLs struct {
	Since  time.Duration `default:"48h" help:"Published within."`
	Search string        `short:"s" help:"Words of the headline."`
}

func (v *storyLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Digest.Stories(e.ctx, p.Now().Add(-v.Since))
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(s digest.Story) bool {
			return !strings.Contains(strings.ToLower(s.Title), strings.ToLower(v.Search))
		})
		for i := range list {
			list[i].Body = ""
		}
		return e.print(list, func(w io.Writer) {
			table(w, "no stories yet; sources are polled by serve, or now with: pressrun source pull", "ID | PUBLISHED | LANG | SECTION | ARTICLES | HEADLINE", func(row func(...any)) {
				for _, s := range list {
					row(s.ID, when(s.Published), s.Language, s.Section, len(s.Keys), clip(s.Title, 90))
				}
			})
		})
	})
}

type storyShow struct {
	ID int64 `arg:"" help:"Story id."`
}

func (v *storyShow) Run(e *env) error {
	return e.with(func(p *Press) error {
		s, err := p.Digest.Story(e.ctx, v.ID)
		if err != nil {
			return err
		}
		return e.print(s, func(w io.Writer) {
			fmt.Fprintf(w, "%s\n%s\n%s · %s · %s · %s\narticle %s %s\n\n%s\n", s.Title, s.URL, s.SourceTitle, s.Author, when(s.Published), s.Language,
				strings.Join(s.Keys, " "), strings.Join(s.Names, " "), s.Body)
		})
	})
}

type storyMerge struct {
	From int64 `arg:"" help:"Story that goes."`
	Into int64 `arg:"" help:"Story that stays."`
}

func (v *storyMerge) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Digest.MergeStories(e.ctx, v.From, v.Into); err != nil {
			return err
		}
		return e.did(facts{"story": v.Into, "merged": v.From}, "story %d is now part of story %d", v.From, v.Into)
	})
}

type storyBlock struct {
	ID int64 `arg:"" help:"Story id."`
}

func (v *storyBlock) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Digest.BlockStory(e.ctx, v.ID); err != nil {
			return err
		}
		return e.did(facts{"story": v.ID}, "story %d is kept out of every issue", v.ID)
	})
}

type trendVerb struct {
	Ls        trendLs     `cmd:"" help:"Stories as they rank now."`
	Explain   trendShow   `cmd:"" help:"Why a story ranks where it does."`
	Replay    trendReplay `cmd:"" help:"Rank a recorded stream of views: JSON lines in and out. Needs no database."`
	IngestLog trendLog    `cmd:"" name:"ingest-log" help:"Count views from a web server's access log."`
}

type trendLs struct {
	Window time.Duration `default:"48h" help:"Stories published within."`
	N      int           `default:"30" help:"How many."`
}

// standing is a story with its place in the ranking.
type standing struct {
	Place      int                `json:"place"`
	Story      int64              `json:"story"`
	Title      string             `json:"title"`
	Views      map[string]int     `json:"views"`
	Reason     string             `json:"reason"`
	Score      float64            `json:"score"`
	Arithmetic map[string]float64 `json:"arithmetic,omitempty"`
}

// standings ranks all live stories of a window.
func (p *Press) standings(ctx context.Context, window time.Duration) ([]standing, trend.Result, error) {
	list, err := p.Digest.Stories(ctx, p.Now().Add(-window))
	if err != nil {
		return nil, trend.Result{}, err
	}
	ranked, err := p.Ranker.Rank(ctx, digest.Candidates(list))
	if err != nil {
		return nil, ranked, err
	}
	out := make([]standing, 0, len(ranked.Ranked))
	for i, r := range ranked.Ranked {
		s := list[r.Index]
		out = append(out, standing{Place: i + 1, Story: s.ID, Title: s.Title, Views: r.Views, Reason: r.Reason, Score: r.Score, Arithmetic: r.Arithmetic})
	}
	return out, ranked, nil
}

func (v *trendLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, ranked, err := p.standings(e.ctx, v.Window)
		if err != nil {
			return err
		}
		list = list[:min(v.N, len(list))]
		return e.print(map[string]any{"by": ranked.By, "views_at": ranked.Fresh, "stories": list}, func(w io.Writer) {
			fmt.Fprintf(w, "ranked by %s; newest view %s\n", ranked.By, when(ranked.Fresh))
			table(w, "no stories in that time", "PLACE | STORY | HEADLINE | WHY", func(row func(...any)) {
				for _, s := range list {
					row(s.Place, s.Story, clip(s.Title, 60), s.Reason)
				}
			})
		})
	})
}

type trendShow struct {
	ID int64 `arg:"" help:"Story id."`
}

func (v *trendShow) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, _, err := p.standings(e.ctx, 14*24*time.Hour)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(s standing) bool { return s.Story == v.ID })
		if i < 0 {
			return fmt.Errorf("story %d is not among those of the last 14 days: %w", v.ID, digest.ErrNotFound)
		}
		s := list[i]
		return e.print(s, func(w io.Writer) {
			fmt.Fprintf(w, "%s\n%s → %d of %d\n", s.Title, s.Reason, s.Place, len(list))
			names := make([]string, 0, len(s.Arithmetic))
			for name := range s.Arithmetic {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				fmt.Fprintf(w, "  %-28s %10.4f\n", name, s.Arithmetic[name])
			}
		})
	})
}

type trendLog struct {
	File       string `arg:"" optional:"" default:"-" help:"Log in combined format, - for standard input."`
	Site       string `required:"" help:"Site the log belongs to: https://news.example.com."`
	Follow     bool   `short:"f" help:"Begin at the end of the log and go on as it grows, also through rotation, until interrupted."`
	PathRegex  string `help:"Only paths that match are articles: ^/20[0-9]{2}/. Left out, all that are no picture, script, feed or front page."`
	PerVisitor int    `default:"60" help:"Most articles of a visitor that count in an hour; -1 = no bound."`
	PerNetwork int    `default:"600" help:"Most views of a network (/24) that count in an hour; -1 = no bound, for a log that holds a proxy's address."`
}

func (v *trendLog) Run(e *env) error {
	return e.with(func(p *Press) error {
		o := trend.LogOptions{Site: v.Site, Salt: p.Counters.Salt, Mark: p.Beacon.Mark, Newsroom: prefixes(p.Config.Newsroom), PerVisitor: v.PerVisitor, PerNetwork: v.PerNetwork, Now: p.Now}
		if u, err := url.Parse(v.Site); err != nil || u.Host == "" {
			return fmt.Errorf("--site %q is not a web address; write https://news.example.com", v.Site)
		}
		var err error
		if v.PathRegex != "" {
			if o.Path, err = regexp.Compile(v.PathRegex); err != nil {
				return fmt.Errorf("--path-regex: %v", err)
			}
		}
		in, err := v.open(e)
		if err != nil {
			return err
		}
		defer in.Close()
		report, err := trend.IngestLog(e.ctx, in, o, func(views []trend.View) error { return v.add(e, p, views) })
		if err != nil && (!v.Follow || e.ctx.Err() == nil) {
			return err
		}
		return e.print(report, func(w io.Writer) { printLog(w, report) })
	})
}

func (v *trendLog) open(e *env) (io.ReadCloser, error) {
	switch {
	case v.File == "-" && v.Follow:
		return nil, errors.New("--follow needs the name of a log")
	case v.File == "-":
		return io.NopCloser(e.in), nil
	case v.Follow:
		return trend.Follow(e.ctx, v.File)
	}
	return os.Open(v.File)
}

// add counts views; while it follows a log, it waits for counters that are
// away. Adding a batch twice counts nobody twice.
func (v *trendLog) add(e *env, p *Press, views []trend.View) error {
	pause := time.Second
	for {
		err := p.addViews(e.ctx, views)
		if err == nil || !v.Follow || e.ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(e.err, "the counters do not answer, trying again in %s: %v\n", pause, err)
		select {
		case <-e.ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 15*time.Second)
	}
}

func printLog(w io.Writer, r trend.LogReport) {
	fmt.Fprintf(w, "%d lines, %d views", r.Lines, r.Views)
	if r.Views > 0 {
		fmt.Fprintf(w, " from %s to %s", when(r.First), when(r.Last))
	}
	fmt.Fprintln(w)
	for _, why := range slices.Sorted(maps.Keys(r.Ignored)) {
		fmt.Fprintf(w, "  %7d left out: %s\n", r.Ignored[why], why)
	}
}
