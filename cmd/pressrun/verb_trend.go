package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/digest/trend"
)

type trendVerb struct {
	Ls        trendLs      `cmd:"" help:"Stories as they rank now."`
	Explain   trendExplain `cmd:"" help:"Why a story ranks where it does."`
	Replay    trendReplay  `cmd:"" help:"Rank a recorded stream of views: JSON lines in and out. Needs no database."`
	IngestLog trendLog     `cmd:"" name:"ingest-log" help:"Count views from a web server's access log."`
}

type trendLs struct {
	Window   span   `default:"48h" help:"Stories published within."`
	Language string `short:"l" help:"Stories of one language."`
	Rising   bool   `help:"Those whose views come faster and faster, the fastest first."`
	N        count  `short:"n" default:"30" help:"How many."`
}

// standing is a story with its place in the ranking of its language.
type standing struct {
	Place      int                `json:"place"`
	Of         int                `json:"of"`
	Story      int64              `json:"story"`
	Language   string             `json:"language"`
	Title      string             `json:"title"`
	Views      map[string]int     `json:"views"`
	Rising     float64            `json:"rising"`
	Reason     string             `json:"reason"`
	Score      float64            `json:"score"` // views expected of the next 24 h
	Arithmetic map[string]float64 `json:"arithmetic,omitempty"`
	Seen       []string           `json:"seen_in,omitempty"`
	Learnt     *trend.Learnt      `json:"learnt,omitempty"` // what the arithmetic multiplies with; explain alone says it

	story digest.Story
	pool  string
}

// standings ranks all live stories of a window, each among those of its
// language.
func (p *Press) standings(ctx context.Context, window time.Duration) ([]standing, trend.Result, error) {
	list, err := p.Digest.Stories(ctx, p.Now().Add(-window))
	if err != nil {
		return nil, trend.Result{}, err
	}
	cands := digest.Candidates(list)
	ranked, err := p.Ranker.Rank(ctx, cands)
	if err != nil {
		return nil, ranked, err
	}
	pools := map[string]int{}
	for _, c := range cands {
		pools[c.Pool]++
	}
	place := map[string]int{}
	out := make([]standing, 0, len(ranked.Ranked))
	for _, r := range ranked.Ranked {
		s, pool := list[r.Index], cands[r.Index].Pool
		place[pool]++
		out = append(out, standing{Place: place[pool], Of: pools[pool], Story: s.ID, Language: s.Language, Title: s.Title, Views: r.Views, Rising: r.Rising,
			Reason: r.Reason, Score: r.Score, Arithmetic: r.Arithmetic, story: s, pool: pool})
	}
	return out, ranked, nil
}

func (v *trendLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, ranked, err := p.standings(e.ctx, time.Duration(v.Window))
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(s standing) bool { return v.Language != "" && !strings.EqualFold(s.Language, v.Language) })
		if v.Rising {
			slices.SortStableFunc(list, func(a, b standing) int { return cmp.Compare(b.Rising, a.Rising) })
		}
		list = list[:min(int(v.N), len(list))]
		return e.print(struct {
			By      string     `json:"by"`
			ViewsAt time.Time  `json:"views_at,omitzero"` // when the newest view was counted; zero = none was
			Note    string     `json:"note"`
			Stories []standing `json:"stories"`
		}{ranked.By, ranked.Fresh, ranked.Note, list}, func(w io.Writer) {
			fmt.Fprintf(w, "ranked by %s; newest view %s\n", ranked.By, when(ranked.Fresh))
			if why := p.stale(ranked.Fresh); why != "" && ranked.By == trend.ByViews {
				fmt.Fprintln(w, why)
			}
			if ranked.Note != "" {
				fmt.Fprintln(w, ranked.Note)
			}
			table(w, "no stories in that time", "PLACE | LANG | STORY | HEADLINE | 3 H | WHY", func(row func(...any)) {
				for _, s := range list {
					row(s.Place, s.Language, s.Story, clip(s.Title, 60), s.Views["3h"], s.Reason)
				}
			})
		})
	})
}

type trendExplain struct {
	ID int64 `arg:"" help:"Story id."`
}

// place is where a story would stand in the next issue of a newsletter.
type place struct {
	Newsletter string             `json:"newsletter"`
	Edition    string             `json:"edition"`
	Section    string             `json:"section,omitempty"` // "" = it would not be in it
	Position   int                `json:"position,omitempty"`
	Reason     string             `json:"reason"`
	Displaced  []digest.Displaced `json:"displaced,omitempty"` // those more read that a rule left out
}

func (v *trendExplain) Run(e *env) error {
	return e.with(func(p *Press) error {
		s, places, err := p.explain(e.ctx, v.ID)
		if err != nil {
			return err
		}
		return e.print(struct {
			standing
			Next []place `json:"next"`
		}{s, places}, func(w io.Writer) { printExplanation(w, s, places) })
	})
}

// explain tells how a story stands, and where it would stand if the newsletters
// were made now.
func (p *Press) explain(ctx context.Context, id int64) (standing, []place, error) {
	list, _, err := p.standings(ctx, 14*24*time.Hour)
	if err != nil {
		return standing{}, nil, err
	}
	i := slices.IndexFunc(list, func(s standing) bool { return s.Story == id })
	if i < 0 {
		return standing{}, nil, fmt.Errorf("story %d is not among those of the last 14 days: %w", id, digest.ErrNotFound)
	}
	s := list[i]
	if s.Seen, err = p.Digest.SeenIn(ctx, id); err != nil {
		return s, nil, err
	}
	if _, byModel := s.Arithmetic["scale"]; byModel {
		learnt, err := p.Ranker.Learnt(ctx, s.pool)
		if err != nil {
			return s, nil, err
		}
		s.Learnt = &learnt
	}
	newsletters, err := p.Digest.Newsletters(ctx)
	if err != nil {
		return s, nil, err
	}
	var places []place
	for _, n := range newsletters {
		next := digest.Issue{NewsletterID: n.ID, Newsletter: n.Name, Spec: n.Spec.WithDefaults(n.Name)}
		editions := slices.DeleteFunc(slices.Clone(next.Spec.Editions), func(e digest.EditionSpec) bool { return !e.Holds(s.story) })
		if len(editions) == 0 {
			continue
		}
		kept, err := p.Builder.KeptOut(ctx, next, s.story)
		if err != nil {
			return s, nil, err
		}
		var chosen []digest.Chosen
		var rankings map[string]digest.Ranking
		if kept == "" { // choosing takes long
			if chosen, rankings, err = p.Builder.Choose(ctx, next, nil); err != nil {
				return s, nil, err
			}
		}
		for _, e := range editions {
			at := placeIn(s, n.Name, e.Name, chosen, rankings[e.Name])
			at.Reason = cmp.Or(at.Reason, kept, "others come before it")
			places = append(places, at)
		}
	}
	return s, places, nil
}

func placeIn(s standing, newsletter, edition string, chosen []digest.Chosen, r digest.Ranking) place {
	at := place{Newsletter: newsletter, Edition: edition}
	for _, c := range chosen {
		if c.Edition == edition && c.Story.ID == s.Story && c.State == "in" {
			at.Section, at.Position, at.Reason = c.Section, c.Position, c.Reason
		}
	}
	for _, d := range r.Displaced {
		if d.StoryID == s.Story {
			at.Reason = d.Reason
		} else if d.Score > s.Score {
			at.Displaced = append(at.Displaced, d)
		}
	}
	return at
}

// explainLine is all of it in one line that a reader understands.
func explainLine(s standing, places []place) string {
	line := s.Reason
	if len(s.Seen) > 0 {
		line += ", seen in " + strings.Join(s.Seen, ", ")
	}
	line += fmt.Sprintf(" → %s of %d", ordinal(s.Place), s.Of)
	var displaced []string
	for _, at := range places {
		for _, d := range at.Displaced {
			text := fmt.Sprintf("“%s” (%s)", clip(d.Title, 60), d.Reason)
			if !slices.Contains(displaced, text) {
				displaced = append(displaced, text)
			}
		}
	}
	if n := len(displaced) - 3; n > 1 {
		displaced = append(displaced[:3], fmt.Sprintf("%d more", n))
	}
	if len(displaced) > 0 {
		line += "; displaced: " + strings.Join(displaced, ", ")
	}
	return line
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		suffix = map[int]string{1: "st", 2: "nd", 3: "rd"}[n%10]
	}
	return fmt.Sprint(n, cmp.Or(suffix, "th"))
}

// where is "2nd in trending".
func (at place) where() string {
	if at.Section == "" {
		return "not in it"
	}
	return fmt.Sprintf("%s in %s", ordinal(at.Position), at.Section)
}

// byDate reports that the story is ranked by nothing but its age.
func (s standing) byDate() bool {
	_, published := s.Arithmetic["published"]
	return published
}

// scoreWords says what made the score.
func scoreWords(s standing) string {
	switch {
	case s.byDate():
		return "no score: nothing fresh is counted, so the newest stand first"
	case s.Learnt == nil:
		return fmt.Sprintf("score %.2f, from:", s.Score)
	case s.Learnt.Samples == 0:
		return fmt.Sprintf("score %.2f, by the rule of thumb, as too little is counted to learn from:", s.Score)
	}
	return fmt.Sprintf("score %.2f, with weights learnt %s from %d samples of this site:", s.Score, when(s.Learnt.At), s.Learnt.Samples)
}

// terms is the arithmetic of a score, the largest first.
func (s standing) terms() []desk.Term {
	if s.byDate() {
		return nil
	}
	var out []desk.Term
	for _, name := range slices.Sorted(maps.Keys(s.Arithmetic)) {
		t := desk.Term{Name: name, Sum: s.Arithmetic[name]}
		if s.Learnt != nil && s.Learnt.Weights[name] != 0 {
			t.Weight = s.Learnt.Weights[name]
			t.Value = t.Sum / t.Weight
		}
		out = append(out, t)
	}
	slices.SortStableFunc(out, func(a, b desk.Term) int { return cmp.Compare(math.Abs(b.Sum), math.Abs(a.Sum)) })
	return out
}

func printExplanation(w io.Writer, s standing, places []place) {
	fmt.Fprintf(w, "%s\n%s\n", s.Title, explainLine(s, places))
	for _, at := range places {
		fmt.Fprintf(w, "  now in %s, edition %s: %s (%s)\n", at.Newsletter, at.Edition, at.where(), at.Reason)
	}
	fmt.Fprintln(w, scoreWords(s))
	sum := 0.0
	for _, t := range s.terms() {
		how := ""
		if t.Weight != 0 {
			how = fmt.Sprintf("%+9.4f × %+8.4f =", t.Value, t.Weight)
		}
		fmt.Fprintf(w, "  %-20s %22s %+10.4f\n", t.Name, how, t.Sum)
		sum += t.Sum
	}
	if s.Learnt != nil {
		fmt.Fprintf(w, "  %-20s %22s %+10.4f   e to this = %.2f views expected of the next 24 h\n", "sum", "", sum, math.Exp(sum))
	}
}

type trendLog struct {
	File       string `arg:"" optional:"" default:"-" help:"Log, - for standard input: the combined format of nginx and Apache, Apache's vhost_combined, or Caddy's JSON. Unpack an older one: zcat access.log.2.gz."`
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
			if _, away := errors.AsType[net.Error](err); away && p.Config.Redis != "" {
				err = fmt.Errorf("the counters in %s do not answer; look with: pressrun doctor redis. Technical text: %w", viewsIn(p.Config), err)
			}
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
