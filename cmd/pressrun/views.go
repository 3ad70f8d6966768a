package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest/trend"
	"pressrun/templates"
)

// viewsGrace is how long the counters may be away before somebody is told: a
// restart is none of an editor's business.
const viewsGrace = 2 * time.Minute

// addViews hands views to the counters, wherever they are.
func (p *Press) addViews(ctx context.Context, views []trend.View) error {
	_, err := p.Counters.Add(ctx, views)
	return err
}

// watchViews announces counters that do not take the beacon's views.
func (p *Press) watchViews(ctx context.Context) {
	st := p.Beacon.Stats()
	p.stand(ctx, st.Down && p.Now().Sub(st.DownAt) > viewsGrace, "views", viewsIn(p.Config), fmt.Sprintf("The view counters do not answer since %s. Readers' visits wait in memory, up to 65,536; %s. Issues are ranked by the last snapshot, or by date, and say so. Look with: pressrun doctor redis. Technical text: %s",
		templates.Exact(st.DownAt), droppedWords(st.Dropped), st.Error))
	if err := p.watchCounting(ctx, st); err != nil && !st.Down {
		p.complain("visits that were not counted", err)
	}
}

// droppedWords is what was lost, by reason: "3 lost: buffer full".
func droppedWords(dropped map[string]int64) string {
	var parts []string
	for _, why := range slices.Sorted(maps.Keys(dropped)) {
		parts = append(parts, fmt.Sprintf("%d lost: %s", dropped[why], why))
	}
	if len(parts) == 0 {
		return "none is lost yet"
	}
	return strings.Join(parts, ", ")
}

// deskStandings is the ranking as the desk shows it.
func (p *Press) deskStandings(ctx context.Context) ([]desk.Standing, string, error) {
	list, ranked, err := p.standings(ctx, 14*24*time.Hour)
	if err != nil {
		return nil, "", err
	}
	out := make([]desk.Standing, len(list))
	for i, s := range list {
		out[i] = desk.Standing{Story: s.story, Place: s.Place, Views: s.Views, Reason: s.Reason}
	}
	how := "In the order of what is read now, each among the stories of its language; the newest visit was counted " + templates.Near(ranked.Fresh, p.Now()) + "."
	switch {
	case ranked.By == trend.ByViews && p.stale(ranked.Fresh) != "":
		how = "In the order of what was read until " + templates.Near(ranked.Fresh, p.Now()) + "; " + p.stale(ranked.Fresh) + "."
	case ranked.By == trend.BySnapshot:
		how = "Visits cannot be counted at present: in the order of the last count, whose newest visit was of " + templates.Near(ranked.Fresh, p.Now()) + "."
	case ranked.By == trend.ByDate:
		how = "No visits were counted lately: the newest stand first."
	}
	if st := p.Beacon.Stats(); st.Down || len(st.Dropped) > 0 {
		how += fmt.Sprintf(" Visits that wait in memory: %d; %s.", st.Waiting, droppedWords(st.Dropped))
	}
	return out, how, nil
}

// stale says what follows when the newest visit was counted too long ago; "" when it
// was not.
func (p *Press) stale(newest time.Time) string {
	if p.Now().Sub(newest) <= trend.TrendingAge {
		return ""
	}
	return "no visit was counted since, so issues have no Trending Now, and the newest stories first"
}

// deskExplain is trend explain for the page of a story.
func (p *Press) deskExplain(ctx context.Context, id int64) (desk.Explained, error) {
	s, places, err := p.explain(ctx, id)
	if err != nil {
		return desk.Explained{}, err
	}
	x := desk.Explained{Line: explainLine(s, places), Score: scoreWords(s), Terms: s.terms()}
	for _, at := range places {
		x.Next = append(x.Next, desk.Next{Edition: at.Newsletter + ", " + at.Edition, Place: at.where(), Why: at.Reason})
	}
	return x, nil
}

// deskHours is the views of the last 24 clock hours, the present one last.
func (p *Press) deskHours(ctx context.Context, list []desk.Standing) ([][]float64, error) {
	var names []string
	for _, s := range list {
		names = append(append(names, s.Keys...), s.Names...)
	}
	now := p.Now()
	last := trend.HourOf(now)
	read, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	counts, err := p.Counters.Of(read, names, now.Add(-24*time.Hour), now.Add(time.Hour))
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(list))
	for i, s := range list {
		out[i] = make([]float64, 24)
		for _, name := range slices.Concat(s.Keys, s.Names) {
			for _, c := range counts[name] {
				if ago := last - c.Hour; ago >= 0 && ago < 24 {
					out[i][23-ago] += float64(c.Views)
				}
			}
		}
	}
	return out, nil
}

// matchViews says how many of the articles viewed in the last day are known.
func (p *Press) matchViews(ctx context.Context) (string, error) {
	now := p.Now()
	hours, err := p.Counters.Hours(ctx, now.Add(-24*time.Hour), now.Add(time.Hour), 100)
	if err != nil {
		return "", err
	}
	return p.matched(ctx, "recent keys", slices.Collect(maps.Keys(hours)))
}

// matched is "412 of 430 recent keys matched; unmatched: …".
func (p *Press) matched(ctx context.Context, what string, keys []string) (string, error) {
	if len(keys) == 0 {
		return "no view in the last 24 h", nil
	}
	known, unmatched, err := p.Digest.KnownKeys(ctx, keys)
	if err != nil {
		return "", err
	}
	line := fmt.Sprintf("%d of %d %s matched", known, len(keys), what)
	if len(unmatched) > 0 {
		line += "; unmatched: " + strings.Join(unmatched[:min(5, len(unmatched))], ", ")
	}
	if len(unmatched) > 5 {
		line += fmt.Sprintf(" and %d more", len(unmatched)-5)
	}
	return line, nil
}

// examineViews looks whether the counters answer and what they count.
func (p *Press) examineViews(ctx context.Context) (string, error) {
	where := "counted " + viewsIn(p.Config)
	if p.Config.Redis != "" {
		where = "counted in " + viewsIn(p.Config)
	}
	newest, err := p.Counters.Newest(ctx)
	if err != nil {
		return "", fmt.Errorf("the counters in %s do not answer (%v); issues are ranked by the last snapshot until they do. Check the address, the password and, with ACLs, the line in digest/trend/README.md", viewsIn(p.Config), err)
	}
	// Asking for the day's salt writes, as counting does: a server that cannot save, is full or a replica answers and refuses that.
	if _, err := p.Counters.Salt(ctx, trend.DayOf(p.Now())); err != nil {
		return "", fmt.Errorf("the counters in %s answer and take nothing (%w); what is visited waits in memory until they do", viewsIn(p.Config), err)
	}
	match, err := p.matchViews(ctx)
	if why := p.stale(newest); why != "" && !newest.IsZero() {
		match += "; the newest visit is of " + when(newest) + "; " + why
	}
	return where + "; " + match, err
}

// cannotTell is what counters of a site's own never know.
const cannotTell = "they cannot tell people from programs, nor visits of editors and clicks in the newsletter from others, and one visitor may count many times: use the beacon where that matters"

// examineLayout looks at counters a site keeps itself: which of the newest
// articles have one.
func (p *Press) examineLayout(ctx context.Context, k poller) (string, error) {
	keys, err := k.Keys(ctx)
	if err != nil {
		return "", fmt.Errorf("%w; check the address, and that its user may read: ACL SETUSER pressrun on >PASSWORD resetchannels ~%s +@read +@connection", err, aclPattern(k.Layout.Key))
	}
	counted := make(map[string]bool, len(keys))
	for _, key := range keys {
		counted[key] = true
	}
	stories, err := p.Digest.Stories(ctx, p.Now().Add(-48*time.Hour))
	if err != nil {
		return "", err
	}
	have, missing := 0, []string{}
	for _, s := range stories {
		if slices.ContainsFunc(slices.Concat(s.Keys, s.Names), func(name string) bool { return counted[name] }) {
			have++
			continue
		}
		missing = append(missing, fmt.Sprintf("story %d (%s)", s.ID, strings.Join(s.Names[:min(1, len(s.Names))], "")))
	}
	line := fmt.Sprintf("%d counters, read every %s; %d of %d stories of the last 48 h matched", len(keys), k.every, have, len(stories))
	if len(missing) > 0 {
		line += "; unmatched: " + strings.Join(missing[:min(5, len(missing))], ", ")
	}
	if have == 0 && len(stories) > 0 && len(keys) > 0 {
		slices.Sort(keys)
		return "", fmt.Errorf("%s. The counters are of %s: set article so that they become names the feed knows, which pressrun --json story show ID prints", line, strings.Join(keys[:min(3, len(keys))], ", "))
	}
	return line + "; " + cannotTell, nil
}

// aclPattern is what an ACL user must be able to read of a layout's key.
func aclPattern(key string) string {
	before, _, found := strings.Cut(key, "{")
	if !found {
		return key
	}
	return before + "*"
}
