package digest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"pressrun/digest/trend"
)

// Ranking is how the stories of an edition were chosen; it is frozen with the
// issue.
type Ranking struct {
	By      string    `json:"by"`                // views | snapshot | date: what chose the first stories
	ViewsAt time.Time `json:"views_at,omitzero"` // when the newest view was counted; zero = none was
	Note    string    `json:"note,omitempty"`    // what was wrong with the counters
	Pool    int       `json:"pool"`              // stories it was chosen from
	// Displaced are the stories that more people read than one that was chosen,
	// and which rule left them out.
	Displaced []Displaced `json:"displaced,omitempty"`
	// Balance is how the choice and its pool spread, by "section", "source",
	// "author" and, where the newsletter names some, "region".
	Balance map[string]Spread `json:"balance"`
}

// Displaced is a story that a rule left out.
type Displaced struct {
	StoryID int64   `json:"story"`
	Title   string  `json:"title"`
	Place   int     `json:"place"` // by views, from 1
	Score   float64 `json:"score"` // views expected of the next 24 h
	Reason  string  `json:"reason"`
}

// Spread is how many different ones there are, and how large a share the most
// frequent has.
type Spread struct {
	Chosen    int     `json:"chosen"`
	Pool      int     `json:"pool"`
	Most      string  `json:"most,omitempty"` // of the chosen
	Share     float64 `json:"share"`          // its share of the chosen, 0 to 1
	PoolShare float64 `json:"pool_share"`     // and of the pool
}

// displacedKept bounds what an issue remembers of the stories left out.
const displacedKept = 20

// choice fills one edition: those most read in Trending Now, those rising
// fastest in Rising where the newsletter has it, then the newest in Latest
// News. An editor's pins come first, drops stay out.
type choice struct {
	issue   Issue
	edition EditionSpec
	now     time.Time
	limit   time.Duration // how old the newest view may be
	pool    []Story       // newest first
	ranked  trend.Result
	used    map[int64]int // stories this newsletter has told → number of the issue
	kept    map[int64]Chosen

	list      []Chosen
	taken     map[int64]bool
	count     map[string]int // of a section, region, source or author in Trending Now, by kind and name
	regions   map[int64]string
	displaced []Displaced
	news      bool // whether the pool has any beside a paper's routine
}

func (c *choice) fill() {
	c.taken, c.count, c.regions = map[int64]bool{}, map[string]int{}, map[int64]string{}
	c.news = slices.ContainsFunc(c.pool, func(s Story) bool { return s.routine() == "" })
	// What an editor settled keeps its number, however old it has become
	// meanwhile; everything else is ordered behind.
	for _, k := range sortedByPlace(c.kept) {
		if k.settled() && (k.State != "in" || k.Story.State == "live" && k.Story.Label != "paid") {
			c.taken[k.Story.ID] = true
			c.list = append(c.list, k)
			if k.State == "in" && k.Section == "trending" {
				c.tally(k.Story)
			}
		}
	}
	// Trending Now is true over fresh counts alone.
	if c.ranked.By != trend.ByDate && c.now.Sub(c.ranked.Fresh) <= c.limit {
		c.trending()
		c.rising()
	}
	c.latest()
}

// add puts a story at the end of a section.
func (c *choice) add(section string, s Story, reason string, score map[string]float64) {
	c.taken[s.ID] = true
	one := Chosen{IssueID: c.issue.ID, Edition: c.edition.Name, State: "in", Title: s.Title, Story: s}
	if k, ok := c.kept[s.ID]; ok { // what was said of its summary and picture
		one.ReviewedBy, one.ReviewedHash, one.NoPicture = k.ReviewedBy, k.ReviewedHash, k.NoPicture
	}
	if n := c.used[s.ID]; n != 0 {
		reason += fmt.Sprintf(", updated since it was in #%d", -n)
	}
	one.Section, one.Position, one.Reason, one.Score = section, len(c.list)+1, reason, score
	c.list = append(c.list, one)
}

// candidate is a story in the order of this edition.
type candidate struct {
	Story
	trend.Ranked
	place int // by views alone
}

// order is the ranking with what editors ask for: pinned ones first, boosted
// ones where their raised score puts them.
func (c *choice) order() []candidate {
	out := make([]candidate, len(c.ranked.Ranked))
	for i, r := range c.ranked.Ranked {
		s := c.pool[r.Index]
		if s.Boost != 0 && s.Boost != 100 && r.Score > 0 {
			r.Arithmetic = maps.Clone(r.Arithmetic)
			r.Arithmetic["an editor's boost"] = math.Log(float64(s.Boost) / 100)
			r.Score *= float64(s.Boost) / 100
			r.Reason += fmt.Sprintf(", ×%.1f by an editor", float64(s.Boost)/100)
		}
		out[i] = candidate{s, r, i + 1}
	}
	slices.SortStableFunc(out, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(c.pinned(b.Story), c.pinned(a.Story)), cmp.Compare(b.Score, a.Score))
	})
	return out
}

// pinned is 1 while an editor wants the story first.
func (c *choice) pinned(s Story) int {
	if s.PinnedUntil.After(c.now) {
		return 1
	}
	return 0
}

// counted is the arithmetic to be kept, with the counts it began from.
func counted(r trend.Ranked) map[string]float64 {
	score := maps.Clone(r.Arithmetic)
	for span, n := range r.Views {
		score["counted in "+span] = float64(n)
	}
	return score
}

func (c *choice) minViews() int { return cmp.Or(c.edition.MinViews, c.issue.Spec.MinViews) }

func (c *choice) trending() {
	want := c.issue.Spec.Trending
	var spare []candidate // left out for the balance alone
	for _, x := range c.order() {
		if countIn(c.list, "trending") >= want {
			break
		}
		if c.taken[x.ID] || x.Has("paid") || x.Views["24h"] < c.minViews() {
			continue
		}
		why := c.refuse(x.Story)
		if why == "" {
			if why = c.unbalanced(x.Story, want-countIn(c.list, "trending")); why != "" {
				spare = append(spare, x)
			}
		}
		if why != "" {
			c.displaced = append(c.displaced, Displaced{x.ID, x.Title, x.place, x.Score, why})
			continue
		}
		c.choose(x)
	}
	for _, x := range spare { // the pool is not as wide as the rule would have it
		if countIn(c.list, "trending") >= want {
			break
		}
		if c.refuse(x.Story) == "" {
			c.displaced = slices.DeleteFunc(c.displaced, func(d Displaced) bool { return d.StoryID == x.ID })
			c.choose(x)
		}
	}
	c.displaced = c.displaced[:min(len(c.displaced), displacedKept)]
}

func (c *choice) choose(x candidate) {
	c.tally(x.Story)
	reason := x.Reason
	if c.pinned(x.Story) == 1 {
		reason += ", pinned by an editor"
	}
	c.add("trending", x.Story, reason, counted(x.Ranked))
}

// tally counts a story of Trending Now against the caps.
func (c *choice) tally(s Story) {
	for kind, name := range c.namesOf(s) {
		c.count[kind+" "+name]++
		if c.count[kind+" "+name] == 1 {
			c.count[kind]++ // different ones
		}
	}
}

// namesOf is what a story is counted by; empty names are not counted.
func (c *choice) namesOf(s Story) map[string]string {
	region, ok := c.regions[s.ID]
	if !ok {
		region = regionOf(s, c.issue.Spec.Regions)
		c.regions[s.ID] = region
	}
	names := map[string]string{"section": strings.ToLower(s.Section), "region": region, "source": s.SourceTitle, "author": s.Author}
	if strings.EqualFold(s.Author, s.SourceTitle) { // the newsroom itself
		names["author"] = ""
	}
	maps.DeleteFunc(names, func(_, name string) bool { return name == "" })
	return names
}

// regionOf is the region that a story names first: in its section, its headline
// or the opening of its text, where a dateline stands. "" = none.
func regionOf(s Story, regions map[string][]string) string {
	if len(regions) == 0 {
		return ""
	}
	text := strings.ToLower(s.Section + "\n" + s.Title + "\n" + s.lead())
	first, at := "", len(text)
	for _, name := range slices.Sorted(maps.Keys(regions)) {
		for _, word := range append([]string{name}, regions[name]...) {
			if i := wordAt(text, strings.ToLower(word)); i >= 0 && i < at {
				first, at = name, i
			}
		}
	}
	return first
}

// wordAt is where a word begins in a text that it stands in whole, else -1.
func wordAt(text, word string) int {
	for from := 0; word != ""; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return -1
		}
		begin := from + i
		before, _ := utf8.DecodeLastRuneInString(text[:begin])
		after, _ := utf8.DecodeRuneInString(text[begin+len(word):])
		if !isWord(before) && !isWord(after) {
			return begin
		}
		from = begin + len(word)
	}
	return -1
}

// refuse says which rule keeps a story out of Trending Now, "" = none.
func (c *choice) refuse(s Story) string {
	if n := c.used[s.ID]; n > 0 {
		return toldIn(n)
	}
	if c.pinned(s) == 1 {
		return ""
	}
	if c.isRoutine(s) {
		return s.whyRoutine()
	}
	spec, names := c.issue.Spec, c.namesOf(s)
	for _, rule := range []struct {
		kind string
		most int
	}{{"section", spec.PerSection}, {"region", spec.PerRegion}, {"source", c.perSource()}, {"author", spec.PerAuthor}} {
		name, known := names[rule.kind]
		if n := c.count[rule.kind+" "+name]; known && rule.most > 0 && n >= rule.most {
			return fmt.Sprintf("%d of %s %s already", n, rule.kind, name)
		}
	}
	return ""
}

// isRoutine reports whether a story is left out for being no news.
func (c *choice) isRoutine(s Story) bool { return c.news && s.routine() != "" }

// perSource is the cap of a source, none where there is only one.
func (c *choice) perSource() int {
	for _, s := range c.pool {
		if s.SourceTitle != c.pool[0].SourceTitle {
			return c.issue.Spec.PerSource
		}
	}
	return 0
}

// unbalanced says what the last places are kept for, when a story brings
// nothing that is missing.
func (c *choice) unbalanced(s Story, left int) string {
	names := c.namesOf(s)
	for _, rule := range []struct {
		kind  string
		least int
	}{{"section", c.issue.Spec.MinSections}, {"region", c.issue.Spec.MinRegions}, {"source", c.issue.Spec.MinSources}} {
		if missing := rule.least - c.count[rule.kind]; missing >= left && missing > 0 && c.count[rule.kind+" "+names[rule.kind]] > 0 {
			if left == 1 {
				return "the last place is for another " + rule.kind
			}
			return fmt.Sprintf("the last %d places are for other %ss", left, rule.kind)
		}
	}
	return ""
}

// rising is a section of its own: those that come faster and faster. It makes
// no forecast, so the caps are not its business.
func (c *choice) rising() {
	list := slices.Clone(c.ranked.Ranked)
	slices.SortStableFunc(list, func(a, b trend.Ranked) int { return cmp.Compare(b.Rising, a.Rising) })
	for _, r := range list {
		s := c.pool[r.Index]
		if countIn(c.list, "rising") >= c.issue.Spec.Rising || r.Rising <= 0 {
			return
		}
		if !c.taken[s.ID] && !s.Has("paid") && c.used[s.ID] <= 0 && r.Views["3h"] >= c.minViews() && !c.isRoutine(s) {
			c.add("rising", s, "rising: "+r.Reason, counted(r))
		}
	}
}

func (c *choice) latest() {
	wanted := c.issue.Spec.Latest
	if countIn(c.list, "trending") == 0 {
		wanted += max(c.issue.Spec.Trending, 0)
	}
	score := map[int64]map[string]float64{}
	for _, r := range c.ranked.Ranked {
		if c.ranked.By != trend.ByDate {
			score[c.pool[r.Index].ID] = counted(r)
		}
	}
	list := slices.Clone(c.pool) // newest first, behind what editors pinned
	slices.SortStableFunc(list, func(a, b Story) int { return cmp.Compare(c.pinned(b), c.pinned(a)) })
	n := countIn(c.list, "latest")
	for _, s := range list {
		if n >= wanted {
			return
		}
		if c.taken[s.ID] || s.Has("paid") || c.used[s.ID] > 0 || c.pinned(s) == 0 && c.isRoutine(s) {
			continue
		}
		n++
		why := whyLatest(s, c.now, c.ranked.Fresh)
		if c.pinned(s) == 1 {
			why = "pinned by an editor: published " + ageWords(c.now.Sub(s.Published)) + " ago"
		}
		c.add("latest", s, why, score[s.ID])
	}
}

// ranking is what is kept of how the edition was chosen.
func (c *choice) ranking() Ranking {
	r := Ranking{By: c.ranked.By, ViewsAt: c.ranked.Fresh, Note: c.ranked.Note, Pool: len(c.pool), Displaced: c.displaced, Balance: map[string]Spread{}}
	if countIn(c.list, "trending")+countIn(c.list, "rising") == 0 {
		r.By = trend.ByDate // whatever was counted chose nothing
	}
	var chosen []Story
	for _, x := range c.list {
		if x.State == "in" {
			chosen = append(chosen, x.Story)
		}
	}
	for _, kind := range []string{"section", "region", "source", "author"} {
		if kind != "region" || len(c.issue.Spec.Regions) > 0 {
			r.Balance[kind] = c.spread(kind, chosen)
		}
	}
	return r
}

func (c *choice) spread(kind string, chosen []Story) Spread {
	in, all := map[string]int{}, map[string]int{}
	for _, s := range chosen {
		if name, ok := c.namesOf(s)[kind]; ok {
			in[name]++
		}
	}
	for _, s := range c.pool {
		if name, ok := c.namesOf(s)[kind]; ok {
			all[name]++
		}
	}
	out := Spread{Chosen: len(in), Pool: len(all)}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if out.Most == "" || in[name] > in[out.Most] {
			out.Most = name
		}
	}
	if out.Most != "" {
		out.Share, out.PoolShare = share(in[out.Most], len(chosen)), share(all[out.Most], len(c.pool))
	}
	return out
}

// share is n of all, to the percent.
func share(n, all int) float64 { return math.Round(100*float64(n)/float64(max(1, all))) / 100 }

func countIn(list []Chosen, section string) int {
	n := 0
	for _, c := range list {
		if c.Section == section && c.State == "in" {
			n++
		}
	}
	return n
}

// whyLatest is the sentence under a story that its date chose. newestView is
// when the last view was counted, zero when none ever was.
func whyLatest(s Story, now, newestView time.Time) string {
	age := ageWords(now.Sub(s.Published))
	if newestView.IsZero() {
		return "newest first, because no views are counted yet: published " + age + " ago"
	}
	return "newest first: published " + age + " ago"
}

func ageWords(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 2*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("1 h %d min", int((d-time.Hour).Minutes())), " 0 min")
	case d < 72*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
