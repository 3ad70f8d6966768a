package digest

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	bcp47 "golang.org/x/text/language"

	"pressrun/deploy/schema"
	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/digest/story"
)

// Flags say what must not be forgotten about a story wherever it stands. Each
// can come from a source's tag or address, from the page itself, or from an
// editor's hand. A story has all flags of its articles: the strictest wins.
//
//	sensitive  no decoration, nothing sponsored beside it
//	legal      headline only; neither has Related News nor is it
//	opinion, satire, live  labelled in HTML, text and subject
//	paid       labelled, never ranked
var Flags = []string{"paid", "satire", "opinion", "live", "legal", "sensitive"}

// labels are the flags that readers see, the strictest first.
var labels = Flags[:4]

// FlagRule gives a flag to what carries a tag or stands under an address.
type FlagRule struct {
	Tag  string `json:"tag,omitempty"` // a category of the feed or the page's section, whatever its case
	Path string `json:"url,omitempty"` // beginning of the address's path, or a pattern with * such as /*/opinion/*
	Flag string `json:"flag"`
}

// Check reports in words what is wrong with a rule.
func (r FlagRule) Check() error {
	switch {
	case !slices.Contains(Flags, r.Flag):
		return fmt.Errorf("flag %q is not known; use one of %s", r.Flag, strings.Join(Flags, ", "))
	case (r.Tag == "") == (r.Path == ""):
		return fmt.Errorf("a rule for %q needs a tag or an address: write tag:Opinion=%s or url:/opinion/=%s", r.Flag, r.Flag, r.Flag)
	}
	if _, err := path.Match(r.Path, "/"); err != nil {
		return fmt.Errorf("the address pattern %q cannot be read; use * for any part between two slashes", r.Path)
	}
	return nil
}

// ParseFlagRule reads "tag:Opinion=opinion" or "url:/opinion/=opinion".
func ParseFlagRule(s string) (FlagRule, error) {
	what, flag, _ := cutLast(s, "=")
	kind, value, ok := strings.Cut(what, ":")
	r := FlagRule{Flag: strings.TrimSpace(flag)}
	switch {
	case ok && kind == "tag":
		r.Tag = strings.TrimSpace(value)
	case ok && kind == "url":
		r.Path = strings.TrimSpace(value)
	default:
		return r, fmt.Errorf("flag rule %q cannot be read; write tag:Opinion=opinion or url:/opinion/=opinion", s)
	}
	return r, r.Check()
}

// String is the rule as ParseFlagRule reads it.
func (r FlagRule) String() string {
	if r.Tag != "" {
		return "tag:" + r.Tag + "=" + r.Flag
	}
	return "url:" + r.Path + "=" + r.Flag
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// applies compares addresses as people write them: %D1%8F is я.
func (r FlagRule) applies(tags, addresses []string) bool {
	if r.Tag != "" {
		return slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(strings.TrimSpace(t), r.Tag) })
	}
	pattern, err := url.PathUnescape(r.Path)
	if err != nil {
		pattern = r.Path
	}
	return slices.ContainsFunc(addresses, func(address string) bool {
		u, err := url.Parse(address)
		if err != nil {
			return false
		}
		if !strings.Contains(pattern, "*") {
			return strings.HasPrefix(u.Path, pattern)
		}
		ok, err := path.Match(pattern, u.Path)
		return ok && err == nil
	})
}

// sectionFlags are the words by which sections name themselves: parts of a tag, or,
// as "Meinung" stands in "Meinungsfreiheit", all of it.
var sectionFlags = map[string]string{
	"opinion": "opinion", "comment": "opinion", "editorial": "opinion", "мнени": "opinion", "رائے": "opinion", "رأي": "opinion", "kommentar": "opinion", "opinión": "opinion",
	"satire": "satire", "sponsored": "paid", "partner content": "paid", "advertorial": "paid", "реклама": "paid",
}

var wholeSections = func() map[string]string {
	sections := map[string]string{}
	for flag, names := range map[string]string{
		"opinion": "meinung|meinungen|leitartikel|kolumne|kolumnen|leserbrief|leserbriefe|op-ed|op-eds|columns|columnists|letters|letters to the editor|viewpoint" +
			"|колонка|колонки|колумнисты|авторская колонка|کالم|کالمز|اداریہ|نقطہ نظر|مقالات الرأي|آراء|tribunes|édito|éditos|chronique|chroniques" +
			"|columna|columnas|cartas al director|opinião|colunas|colunistas|opinione|opinioni|commento|commenti|editoriale|editoriali|opinie|opinia|felietony|köşe yazıları|görüş|评论|社论|評論|社説|オピニオン|의견|사설",
		"satire": "satira|сатира|طنز|طنز و مزاح|mizah",
		"paid":   "anzeige|anzeigen|publireportage|publirreportaje|partnerinhalt|promoted|paid post|paid content|اشتہار|إعلان|на правах рекламы",
	} {
		for name := range strings.SplitSeq(names, "|") {
			sections[name] = flag
		}
	}
	return sections
}()

// flagsOf are the flags an article has by its page, its tags and the rules of
// its source for them and its addresses.
func flagsOf(rules []FlagRule, a article.Article, tags []string, addresses ...string) string {
	set := map[string]bool{}
	switch a.Kind {
	case article.KindLive, article.KindOpinion, article.KindPaid:
		set[a.Kind] = true
	}
	for _, t := range tags {
		for word, flag := range sectionFlags {
			if strings.Contains(strings.ToLower(t), word) {
				set[flag] = true
			}
		}
		if flag := wholeSections[strings.ToLower(strings.TrimSpace(t))]; flag != "" {
			set[flag] = true
		}
	}
	for _, r := range rules {
		if r.applies(tags, addresses) {
			set[r.Flag] = true
		}
	}
	return joinFlags(set)
}

func joinFlags(set map[string]bool) string {
	var out []string
	for _, f := range Flags {
		if set[f] {
			out = append(out, f)
		}
	}
	return strings.Join(out, " ")
}

// union are the flags that one of several lists has.
func union(lists ...string) string {
	set := map[string]bool{}
	for _, f := range strings.Fields(strings.Join(lists, " ")) {
		set[f] = true
	}
	return joinFlags(set)
}

// listedFlags are the flags that an article has by all entries that list it, of
// whichever source.
func listedFlags(ctx context.Context, tx *sql.Tx, key string) (string, error) {
	list, err := schema.Each(ctx, tx, func(r schema.Row) (string, error) {
		var tags, address string
		var settings []byte
		var set Settings
		if err := r.Scan(&tags, &address, &settings); err != nil {
			return "", err
		}
		err := json.Unmarshal(settings, &set)
		return flagsOf(set.Flags, article.Article{}, strings.Split(tags, "\n"), address), err
	}, `select e.tags, e.url, s.settings from entries e join sources s on s.id = e.source_id
		where e.article_key = $1 or e.article_key in (select substr(alias, 5) from article_aliases where article_key = $1 and alias like 'key:%')`, key)
	if err != nil {
		return "", fmt.Errorf("flags of article %s: %w", key, err)
	}
	return union(list...), nil
}

// takeListed gives an article of a story the flags of all entries that list it.
func takeListed(ctx context.Context, tx *sql.Tx, key string, story int64) error {
	listed, err := listedFlags(ctx, tx, key)
	if err != nil {
		return err
	}
	var flags string
	if err := tx.QueryRowContext(ctx, `select rule_flags from stories where article_key = $1`, key).Scan(&flags); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update stories set rule_flags = $2 where article_key = $1`, key, union(flags, listed)); err != nil {
		return err
	}
	return reflag(ctx, tx, story)
}

// Reflag gives the articles that a source listed in the last days the flags that
// its rules have for them now, and lists the stories that have a flag more. What
// a rule gave before stays until the article is read again.
func (s *Store) Reflag(ctx context.Context, source int64) ([]int64, error) {
	before, err := s.recentFlags(ctx)
	if err != nil {
		return nil, err
	}
	type told struct {
		key   string
		story int64
	}
	err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
		list, err := schema.Each(ctx, tx, func(r schema.Row) (a told, err error) { err = r.Scan(&a.key, &a.story); return }, `
			select distinct m.article_key, m.story_id from entries e join story_members m on m.entry_id = e.id or m.article_key = e.article_key
			where e.source_id = $1 and e.seen_at >= $2`, source, schema.At(s.Now().Add(-story.Window)))
		if err != nil {
			return err
		}
		for _, a := range list {
			if err := takeListed(ctx, tx, a.key, a.story); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("flags of source %d: %w", source, err)
	}
	return s.flaggedSince(ctx, before)
}

// Has reports whether a story carries a flag.
func (s Story) Has(flag string) bool { return slices.Contains(strings.Fields(s.Flags), flag) }

// labelFrom is the strictest of the flags that readers see.
func labelFrom(flags string) string {
	have := strings.Fields(flags)
	for _, l := range labels {
		if slices.Contains(have, l) {
			return l
		}
	}
	return ""
}

// reflag puts a story's flags together: those that one of its articles has by
// rule, unless an editor took them off it, or by an editor's hand.
func reflag(ctx context.Context, tx *sql.Tx, id int64) error {
	type article struct{ rule, hand string }
	list, err := schema.Each(ctx, tx, func(r schema.Row) (a article, err error) { err = r.Scan(&a.rule, &a.hand); return },
		`select rule_flags, hand_flags from stories where id = $1 or merged_into = $1`, id)
	if err != nil {
		return err
	}
	set := map[string]bool{}
	for _, a := range list {
		by := strings.Fields(a.hand)
		for _, f := range append(strings.Fields(a.rule), by...) {
			if !strings.HasPrefix(f, "-") && !slices.Contains(by, "-"+f) {
				set[f] = true
			}
		}
	}
	flags := joinFlags(set)
	_, err = tx.ExecContext(ctx, `update stories set flags = $2, label = $3 where id = $1`, id, flags, labelFrom(flags))
	return err
}

// recentFlags are the flags of the stories that an article may still join.
func (s *Store) recentFlags(ctx context.Context) (map[int64]string, error) {
	flags := map[int64]string{}
	_, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var id int64
		var f string
		err := r.Scan(&id, &f)
		flags[id] = f
		return struct{}{}, err
	}, `select id, flags from stories where state = 'live' and published_at >= $1`, schema.At(s.Now().Add(-story.Window)))
	if err != nil {
		return nil, fmt.Errorf("flags of recent stories: %w", err)
	}
	return flags, nil
}

// flaggedSince are the stories that have flags which they had not before.
func (s *Store) flaggedSince(ctx context.Context, before map[int64]string) (out []int64, err error) {
	now, err := s.recentFlags(ctx)
	for _, id := range slices.Sorted(maps.Keys(now)) {
		if was, known := before[id]; known && union(was, now[id]) != was {
			out = append(out, id)
		}
	}
	return out, err
}

// FlagStory sets or takes off a flag by hand, of all articles that the story has.
// The choice outlives rebuilds, corrections and mergers; another article that has
// a flag which was taken off brings it back.
func (s *Store) FlagStory(ctx context.Context, id int64, flag string, on bool) error {
	if !slices.Contains(Flags, flag) {
		return fmt.Errorf("flag story %d: %q is not a flag; use one of %s: %w", id, flag, strings.Join(Flags, ", "), ErrState)
	}
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		type row struct {
			id   int64
			hand string
		}
		list, err := schema.Each(ctx, tx, func(r schema.Row) (a row, err error) { err = r.Scan(&a.id, &a.hand); return }, `
			select a.id, a.hand_flags from stories s join stories a on a.id = s.id or a.merged_into = s.id where s.id = $1 and s.state <> 'merged'`, id)
		if err != nil || len(list) == 0 {
			return notFound(cmp.Or(err, sql.ErrNoRows), "story", id)
		}
		now := flag
		if !on {
			now = "-" + flag
		}
		for _, a := range list {
			keep := slices.DeleteFunc(strings.Fields(a.hand), func(f string) bool { return strings.TrimPrefix(f, "-") == flag })
			if _, err := tx.ExecContext(ctx, `update stories set hand_flags = $2 where id = $1`, a.id, strings.Join(append(keep, now), " ")); err != nil {
				return err
			}
		}
		return reflag(ctx, tx, id)
	})
}

// Settings are what an operator decides about one source.
type Settings struct {
	// Rules are CSS selectors for its pages, where the extractor errs.
	Rules article.Rules `json:"rules,omitzero"`
	Flags []FlagRule    `json:"flags,omitempty"`
	// Block keeps out what has one of these words in headline, tags or address;
	// Keep, when not empty, lets in only what has one of them.
	Block []string `json:"block,omitempty"`
	Keep  []string `json:"keep,omitempty"`
	// Referer is where its pages are told we come from, for sites that look at
	// that; "" = nothing is said.
	Referer string `json:"referer,omitempty"`
	// Rewrite changes the addresses of its items before anything else is done with
	// them, in this order.
	Rewrite []Rewrite `json:"rewrite,omitempty"`
	// Pictures is the right to show them: "licensed" covers those of agencies too,
	// "none" covers none. "" follows the right to the text: own and licensed
	// sources show their own pictures but no agency's, quoted ones show none.
	Pictures string `json:"pictures,omitempty"`
}

// Check reports in words what is wrong with settings.
func (s Settings) Check() error {
	if err := s.Rules.Check(); err != nil {
		return err
	}
	if !slices.Contains([]string{"", "licensed", "none"}, s.Pictures) {
		return fmt.Errorf("pictures %q: use licensed, none, or leave it empty to follow the right to the text", s.Pictures)
	}
	for _, r := range s.Flags {
		if err := r.Check(); err != nil {
			return err
		}
	}
	for _, r := range s.Rewrite {
		if _, err := regexp.Compile(r.From); err != nil || r.From == "" {
			return fmt.Errorf("the pattern %q cannot be read; write a regular expression, for instance ^https://amp\\.(.*)=>https://www.$1", r.From)
		}
	}
	if u, err := url.Parse(s.Referer); s.Referer != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil) {
		return fmt.Errorf("referer %q: give the address of a page, for instance https://news.example/", s.Referer)
	}
	return nil
}

// Rewrite puts another address in the place of one that a pattern matches: the
// page without its AMP form, the print view, the article behind a counter.
type Rewrite struct {
	From string `json:"from"` // a regular expression of RE2
	To   string `json:"to"`   // $1 stands for what the first parentheses matched
}

// String is the rewrite as ParseRewrite reads it.
func (r Rewrite) String() string { return r.From + "=>" + r.To }

// ParseRewrite reads "PATTERN=>ADDRESS".
func ParseRewrite(s string) (Rewrite, error) {
	from, to, ok := strings.Cut(s, "=>")
	r := Rewrite{From: strings.TrimSpace(from), To: strings.TrimSpace(to)}
	if !ok || r.To == "" {
		return r, fmt.Errorf("rewrite %q cannot be read; write PATTERN=>ADDRESS, for instance ^https://amp\\.(.*)=>https://www.$1", s)
	}
	return r, Settings{Rewrite: []Rewrite{r}}.Check()
}

// Address is an item's address as the rewrites leave it. One that becomes no
// web address stays as it was.
func (s Settings) Address(given string) string {
	for _, r := range s.Rewrite {
		re, err := regexp.Compile(r.From)
		if err != nil {
			continue // Check has refused it
		}
		if now := feed.Absolute(given, re.ReplaceAllString(given, r.To)); now != "" {
			given = now
		}
	}
	return given
}

// refuses says why an item of the source is not told, "" when it may be.
func (s Settings) refuses(title string, tags []string, address string) string {
	all := strings.ToLower(title + "\n" + strings.Join(tags, "\n") + "\n" + address)
	for _, w := range s.Block {
		if strings.Contains(all, strings.ToLower(w)) {
			return fmt.Sprintf("the source's settings keep out %q", w)
		}
	}
	if len(s.Keep) > 0 && !slices.ContainsFunc(s.Keep, func(w string) bool { return strings.Contains(all, strings.ToLower(w)) }) {
		return "the source's settings let in only " + strings.Join(s.Keep, ", ")
	}
	return ""
}

// ErrSetting is returned for a setting of a source that cannot be.
var ErrSetting = errors.New("nothing was changed")

// SetSource changes what an operator decides about a source; what is "" or nil
// stays as it is. Rights and pictures count for its stories from now on, also
// for those already told, which lose the pictures that may not be shown any more.
// A draft that waits keeps its summaries until it is built again, but prints none
// that is more than a quotation of who may only be quoted since.
func (s *Store) SetSource(ctx context.Context, id int64, title, language, rights string, set *Settings) error {
	src, err := s.Source(ctx, id)
	if err != nil {
		return err
	}
	if set == nil {
		set = &src.Settings
	}
	if err := set.Check(); err != nil {
		return fmt.Errorf("settings of source %d: %w: %w", id, err, ErrSetting)
	}
	rights = cmp.Or(rights, src.Rights)
	if !slices.Contains([]string{"own", "licensed", "quote"}, rights) {
		return fmt.Errorf("rights %q: use own, licensed or quote: %w", rights, ErrSetting)
	}
	if _, err := bcp47.Parse(language); language != "" && err != nil {
		return fmt.Errorf("language %q: write its code, for instance ur, en-GB or zh-Hant: %w", language, ErrSetting)
	}
	text, err := json.Marshal(set)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `update sources set title = $2, language = $3, rights = $4, settings = $5 where id = $1`,
			id, cmp.Or(title, src.Title), cmp.Or(language, src.Language), rights, string(text))
		if err != nil || set.Pictures == "licensed" || set.Pictures == "" && rights != "quote" {
			return err
		}
		_, err = tx.ExecContext(ctx, `update stories set image = '', image_alt = '' where source_id = $1 and image <> ''`, id)
		return err
	})
}
