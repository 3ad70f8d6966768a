package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/digest/article"
)

type storyVerb struct {
	Ls      storyLs      `cmd:"" help:"List stories, the newest first."`
	Show    storyShow    `cmd:"" help:"Show one story with its text and members."`
	Merge   storyMerge   `cmd:"" help:"Make two stories one; the choice sticks."`
	Pin     storyPin     `cmd:"" help:"Put a story first in every edition that may show it, for a while."`
	Boost   storyBoost   `cmd:"" help:"Multiply a story's score: 0.5 to 3, 1 as it is."`
	Update  storyUpdate  `cmd:"" help:"Call a story news again: newsletters that told it may tell it once more."`
	Split   storySplit   `cmd:"" help:"Make one article of a story a story of its own; the choice sticks."`
	Block   storyBlock   `cmd:"" help:"Keep a story out of every issue, or take that back with --undo."`
	Flag    storyFlag    `cmd:"" help:"Set or take off a flag: paid, satire, opinion, live, legal, sensitive."`
	Hold    storyHold    `cmd:"" help:"Keep a story out of every issue until a time."`
	Waiting storyWaiting `cmd:"" help:"What was decided about articles that are not collected yet; --drop takes it back."`
	Cluster storyCluster `cmd:"" help:"Which articles tell the same story: JSON lines in and out. Needs no database."`
}

type storyLs struct {
	Since  span   `default:"48h" help:"Published within."`
	Search string `short:"s" help:"Words of the headline."`
}

func (v *storyLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Digest.Stories(e.ctx, p.Now().Add(-time.Duration(v.Since)))
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
			none := "no stories yet; sources are polled by serve, or now with: pressrun source pull"
			if v.Search != "" {
				none = fmt.Sprintf("no story of the last %s has %q in its headline; look further back with --since", time.Duration(v.Since), v.Search)
			}
			table(w, none, "ID | PUBLISHED | LANG | SECTION | ARTICLES | FLAGS | HEADLINE", func(row func(...any)) {
				for _, s := range list {
					row(s.ID, when(s.Published), s.Language, s.Section, len(s.Keys), s.Flags, clip(s.Title, 90))
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
		members, err := p.Digest.Members(e.ctx, v.ID)
		if err != nil {
			return err
		}
		return e.print(struct {
			digest.Story
			Members []digest.Member `json:"members"`
		}{s, members}, func(w io.Writer) {
			fmt.Fprintf(w, "%s\n%s\n%s · by %s · %s · %s · %s · rights %s · %d min to read\n", s.Title, s.URL, s.SourceTitle, cmp.Or(s.Author, "nobody named"), when(s.Published), s.Language, s.Standing(), s.Rights,
				article.Minutes(s.Body))
			if s.Flags != "" {
				fmt.Fprintf(w, "flags: %s\n", s.Flags)
			}
			if !s.NotBefore.IsZero() {
				fmt.Fprintf(w, "not before %s\n", when(s.NotBefore))
			}
			for _, m := range members {
				fmt.Fprintf(w, "told by %d: %s (%s): %s\n", m.ID, m.Title, m.Source, m.Why)
			}
			fmt.Fprintf(w, "keys of its articles %s; names on their sites %s\n", strings.Join(s.Keys, " "), strings.Join(s.Names, " "))
			fmt.Fprintf(w, "\n%s\n", s.Body)
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
		if err := p.StoryChanged(e.ctx, v.Into, "merge", "command line"); err != nil {
			return err
		}
		return e.did(facts{"story": v.Into, "merged": v.From}, "story %d is now part of story %d", v.From, v.Into)
	})
}

type storySplit struct {
	Story   int64 `arg:"" help:"Story id."`
	Article int64 `arg:"" help:"Number of the article, as story show lists it."`
}

func (v *storySplit) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Digest.SplitStory(e.ctx, v.Story, v.Article); err != nil {
			return err
		}
		if err := p.StoryChanged(e.ctx, v.Story, "split", "command line"); err != nil {
			return err
		}
		return e.did(facts{"story": v.Article, "from": v.Story}, "article %d is now a story of its own", v.Article)
	})
}

type storyBlock struct {
	Story about `arg:"" help:"Story id, or the address of an article: also of one that is not collected yet."`
	Undo  bool  `help:"Let it into issues again; also after it was found gone from its site."`
}

func (v *storyBlock) Run(e *env) error {
	return e.with(func(p *Press) error {
		id, ok := v.Story.number()
		if !ok {
			blocked := !v.Undo
			return v.Story.order(e, p, digest.Order{Blocked: &blocked})
		}
		if v.Undo {
			if err := p.Digest.RestoreStory(e.ctx, id); err != nil {
				return err
			}
			if err := p.StoryChanged(e.ctx, id, "restore", "command line"); err != nil {
				return err
			}
			return e.did(facts{"story": id}, "story %d may stand in issues again", id)
		}
		if err := p.Digest.BlockStory(e.ctx, id); err != nil {
			return err
		}
		if err := p.StoryChanged(e.ctx, id, "block", "command line"); err != nil {
			return err
		}
		told, left, err := p.leftByBlock(e.ctx, id)
		if err != nil {
			return err
		}
		return e.did(facts{"story": id, "told": told}, "story %d is kept out of every issue%s", id, left)
	})
}

type storyFlag struct {
	Story about  `arg:"" help:"Story id, or the address of an article: also of one that is not collected yet."`
	Flag  string `arg:"" help:"paid, satire, opinion, live, legal or sensitive."`
	Off   bool   `help:"Take it off, whatever the source says."`
}

func (v *storyFlag) Run(e *env) error {
	return e.with(func(p *Press) error {
		id, ok := v.Story.number()
		if !ok {
			return v.Story.order(e, p, digest.Order{Flags: map[string]bool{v.Flag: !v.Off}})
		}
		if err := p.Digest.FlagStory(e.ctx, id, v.Flag, !v.Off); err != nil {
			return err
		}
		if err := p.StoryChanged(e.ctx, id, "flag "+v.Flag, "command line"); err != nil {
			return err
		}
		return e.did(facts{"story": id, "flag": v.Flag, "on": !v.Off}, "story %d: %s %s, and stays so", id, v.Flag, map[bool]string{true: "off", false: "on"}[v.Off])
	})
}

type storyHold struct {
	Story about  `arg:"" help:"Story id, or the address of an article: also of one that is not collected yet."`
	Until moment `help:"Time with its zone: 2026-11-25T18:00+05:00; left out, the embargo is lifted."`
}

// moment is a time on the command line; zero when left out.
type moment struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *moment) UnmarshalText(text []byte) (err error) {
	m.Time, err = digest.ParseWhen(string(text))
	return err
}

func (v *storyHold) Run(e *env) error {
	return e.with(func(p *Press) error {
		until := v.Until.Time
		id, ok := v.Story.number()
		if !ok {
			return v.Story.order(e, p, digest.Order{NotBefore: &until})
		}
		if err := p.Digest.HoldStory(e.ctx, id, until); err != nil {
			return err
		}
		if until.IsZero() {
			return e.did(facts{"story": id}, "story %d is under no embargo", id)
		}
		return e.did(facts{"story": id, "not_before": until}, "story %d stands in no issue before %s", id, when(until))
	})
}

type storyPin struct {
	ID  int64 `arg:"" help:"Story id."`
	For span  `default:"24h" help:"How long; 0s ends it."`
}

func (v *storyPin) Run(e *env) error {
	return e.with(func(p *Press) error {
		var until time.Time
		if v.For > 0 {
			until = p.Now().Add(time.Duration(v.For))
		}
		if err := p.Digest.PinStory(e.ctx, v.ID, until); err != nil {
			return err
		}
		if err := e.record(p, "pin", fmt.Sprintf("story %d", v.ID), "until "+when(until)); err != nil {
			return err
		}
		if until.IsZero() {
			return e.did(facts{"story": v.ID}, "story %d is no longer pinned", v.ID)
		}
		return e.did(facts{"story": v.ID, "until": until}, "story %d stands first until %s", v.ID, when(until))
	})
}

type storyBoost struct {
	ID     int64   `arg:"" help:"Story id."`
	Factor float64 `arg:"" help:"1.5 raises, 0.5 lowers, 1 is as it is."`
}

func (v *storyBoost) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Digest.BoostStory(e.ctx, v.ID, int(math.Round(100*v.Factor))); err != nil {
			return err
		}
		if err := e.record(p, "boost", fmt.Sprintf("story %d", v.ID), fmt.Sprint(v.Factor)); err != nil {
			return err
		}
		return e.did(facts{"story": v.ID, "factor": v.Factor}, "the score of story %d is multiplied by %g", v.ID, v.Factor)
	})
}

type storyUpdate struct {
	ID int64 `arg:"" help:"Story id."`
}

func (v *storyUpdate) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Digest.UpdateStory(e.ctx, v.ID); err != nil {
			return err
		}
		if err := e.record(p, "update", fmt.Sprintf("story %d", v.ID), ""); err != nil {
			return err
		}
		return e.did(facts{"story": v.ID}, "story %d may be told once more", v.ID)
	})
}

type storyWaiting struct {
	Drop int64 `help:"Number of a decision to take back."`
}

func (v *storyWaiting) Run(e *env) error {
	return e.with(func(p *Press) error {
		if v.Drop != 0 {
			if err := p.Digest.DropOrder(e.ctx, v.Drop); err != nil {
				return err
			}
			if err := e.record(p, "take back", fmt.Sprintf("order %d", v.Drop), ""); err != nil {
				return err
			}
			return e.did(facts{"order": v.Drop}, "order %d is taken back", v.Drop)
		}
		list, err := p.Digest.Orders(e.ctx)
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) {
			table(w, "nothing waits for its article; decide ahead with story hold, story flag or story block and an address", "NO | ADDRESS | WHAT | BY | SINCE", func(row func(...any)) {
				for _, o := range list {
					row(o.ID, o.URL, o.Words(), o.By, when(o.At))
				}
			})
		})
	})
}
