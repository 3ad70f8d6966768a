package main

import (
	"context"
	"fmt"
	"io"
	"os"
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
			fmt.Fprintf(w, "%s\n%s\n%s · %s · %s · %s\n\n%s\n", s.Title, s.URL, s.SourceTitle, s.Author, when(s.Published), s.Language, s.Body)
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
	File string `arg:"" optional:"" default:"-" help:"Log in combined format, - for standard input."`
	Site string `required:"" help:"Site the log belongs to: https://news.example.com."`
}

func (v *trendLog) Run(e *env) error {
	return e.with(func(p *Press) error {
		in := e.in
		if v.File != "-" {
			f, err := os.Open(v.File)
			if err != nil {
				return err
			}
			defer f.Close()
			in = f
		}
		report, err := trend.IngestLog(e.ctx, in, trend.LogOptions{Site: v.Site, Now: p.Now}, func(views []trend.View) error {
			_, err := p.Counters.Add(e.ctx, views)
			return err
		})
		if err != nil {
			return err
		}
		return e.print(report, func(w io.Writer) { fmt.Fprintf(w, "%+v\n", report) })
	})
}

// matchViews says how many of the articles viewed in the last day are known.
func (p *Press) matchViews(ctx context.Context) (string, error) {
	now := p.Now()
	hours, err := p.Counters.Hours(ctx, now.Add(-24*time.Hour), now, 100)
	if err != nil {
		return "", err
	}
	known, unmatched, err := p.Digest.KnownKeys(ctx, hours)
	if err != nil {
		return "", err
	}
	line := fmt.Sprintf("%d of %d recent keys matched", known, known+len(unmatched))
	if len(unmatched) > 0 {
		line += "; unmatched: " + strings.Join(unmatched[:min(5, len(unmatched))], ", ")
	}
	return line, nil
}
