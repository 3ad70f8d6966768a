package digest

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	bcp47 "golang.org/x/text/language"

	"pressrun/deploy/schema"
	"pressrun/templates"
)

// Newsletter is the recurring product.
type Newsletter struct {
	ID      int64     `json:"id"`
	Name    string    `json:"name"`
	Version int       `json:"version"`
	State   string    `json:"state"` // active | paused
	Spec    Spec      `json:"spec"`
	Created time.Time `json:"created_at"`
}

// Spec is what an editor decides about a newsletter. What each key means, its
// unit and what its zero value stands for is in its comment tag, which the file
// of an export prints beside it.
type Spec struct {
	Title    string `toml:"title" comment:"of the newsletter, as in Morning Digest; \"\" = its name" json:"title"`
	Language string `toml:"language" comment:"of its words, BCP 47; \"\" = en" json:"language"`
	City     string `toml:"city" comment:"in the masthead; \"\" = none" json:"city"`
	Zone     string `toml:"zone" comment:"IANA name, as in Asia/Karachi; \"\" = UTC" json:"zone"`
	Schedule string `toml:"schedule" comment:"five cron fields in the zone's wall-clock time, as in 0 7 * * 1-5; \"\" = only by hand" json:"schedule"`

	Lead      Duration `toml:"lead" comment:"how long before its slot an issue is built, so that an editor has time; \"\" = 45m" json:"lead"`
	Grace     Duration `toml:"grace" comment:"how long after its slot a run missed in downtime is made up; \"\" = 3h" json:"grace"`
	Approval  string   `toml:"approval" comment:"what happens at the slot when nobody has approved: send or hold; \"\" = hold" json:"approval"`
	Expires   Duration `toml:"expires" comment:"how long after its due time a copy is still worth delivering; \"\" = 24h" json:"expires"`
	Uncertain string   `toml:"uncertain" comment:"what becomes of a copy after whose last dot the relay said nothing: resend (the reader may get it twice) or park (he may not get it; a person decides); \"\" = resend" json:"uncertain,omitempty"`
	Waves     bool     `toml:"waves" comment:"each reader gets it at the slot's wall-clock time in his own zone" json:"waves"`
	Window    string   `toml:"window" comment:"when copies may be sent, in the zone's wall-clock time, as in 06:00-22:00; \"\" = at any time" json:"window,omitempty"`
	Overflow  string   `toml:"overflow" comment:"what happens to copies left when the window closes: tomorrow or stop; \"\" = tomorrow" json:"overflow,omitempty"`
	Countdown Duration `toml:"countdown" comment:"how long an issue waits, visibly, before its first copy goes out, so that it can be stopped: ends at the slot, or that long after it was sent by hand; \"\" = none" json:"countdown,omitempty"`
	Seeds     []string `toml:"seeds" comment:"addresses of one's own at the large mailbox operators: they get the sealed editions when the countdown begins, and where there is none with the first readers" json:"seeds,omitempty"`

	Sources []string `toml:"sources" comment:"addresses of sources; [] = all" json:"sources,omitempty"`
	List    string   `toml:"list" comment:"name of the list it goes to" json:"list"`
	Segment string   `toml:"segment" comment:"name of a segment of that list; \"\" = the whole list" json:"segment"`
	Exclude []string `toml:"exclude" comment:"names of segments whose members do not get it; [] = none" json:"exclude,omitempty"`
	Welcome bool     `toml:"welcome" comment:"who confirms the list gets the newest issue at once, unless the next one is in the making or a story of it was taken back since" json:"welcome,omitempty"`

	Archive string `toml:"archive" comment:"who finds its issues on the web: public, or private for only the readers, by the link in their mail; \"\" = public where its list is offered on the sign-up page" json:"archive,omitempty"`

	From     string          `toml:"from" comment:"sender, as in Morning Digest <digest@news.example.com>" json:"from"`
	ReplyTo  string          `toml:"reply_to" comment:"address; \"\" = none" json:"reply_to"`
	Envelope string          `toml:"envelope" comment:"envelope sender; \"\" = the address of from" json:"envelope"`
	ListHost string          `toml:"list_host" comment:"List-Id is <name.list_host>; \"\" = the domain of from" json:"list_host"`
	Brand    templates.Brand `toml:"brand" comment:"how the newsroom looks" json:"brand"`

	Trending    int                 `toml:"trending" comment:"stories in Trending Now; 0 = 5, -1 = no such section" json:"trending"`
	Rising      int                 `toml:"rising" comment:"stories in Rising, whose views come faster and faster; 0 = no such section" json:"rising"`
	Latest      int                 `toml:"latest" comment:"stories in Latest News; 0 = 7, -1 = no such section" json:"latest"`
	Related     int                 `toml:"related" comment:"links under a lead story; 0 = 2, -1 = none" json:"related"`
	MinViews    int                 `toml:"min_views" comment:"views in 24 h that a trending story needs; 0 = 3" json:"min_views"`
	MaxAge      Duration            `toml:"max_age" comment:"how old a story may be; \"\" = 48h" json:"max_age"`
	Settle      Duration            `toml:"settle" comment:"how long a story must have been public before an issue may carry it; \"\" = 30m" json:"settle"`
	PerSection  int                 `toml:"per_section" comment:"most stories of one section in Trending Now; 0 = 3, -1 = no limit" json:"per_section"`
	PerSource   int                 `toml:"per_source" comment:"most of one source, where there are several; 0 = 3, -1 = no limit" json:"per_source"`
	PerAuthor   int                 `toml:"per_author" comment:"most of one author; 0 = 2, -1 = no limit" json:"per_author"`
	PerRegion   int                 `toml:"per_region" comment:"most of one region; 0 = no limit" json:"per_region,omitempty"`
	Regions     map[string][]string `toml:"regions" comment:"regions whose balance matters and the words that tell of them, beside their names: Sindh = [\"Karachi\", \"Hyderabad\"]\na story is of the one that its section, headline or opening names first" json:"regions,omitempty"`
	MinSections int                 `toml:"min_sections" comment:"how many different sections Trending Now shall have, where enough are read; 0 = what is read most" json:"min_sections"`
	MinRegions  int                 `toml:"min_regions" comment:"the same of regions" json:"min_regions,omitempty"`
	MinSources  int                 `toml:"min_sources" comment:"the same of sources" json:"min_sources"`
	Words       int                 `toml:"words" comment:"most words of a summary, 10 to 200; 0 = 60" json:"words"`
	Sentences   int                 `toml:"sentences" comment:"most sentences of a summary, 1 to 6; 0 = 3" json:"sentences"`
	MinStories  int                 `toml:"min_stories" comment:"an issue with fewer stories is skipped; 0 = 3" json:"min_stories"`

	Tones    map[string]string `toml:"tones" comment:"how much is told of each story in a section: trending = \"full\", latest = \"line\" (one sentence) or \"headline\"; full where nothing is said" json:"tones,omitempty"`
	AI       bool              `toml:"ai" comment:"the language model of press.toml writes the summaries of sources whose rights allow it, marked as such; where it fails a guard the chosen sentences stand" json:"ai,omitempty"`
	Sponsors []Sponsor         `toml:"sponsors,omitempty" comment:"places that are paid for" json:"sponsors,omitempty"`

	Editions []EditionSpec `toml:"editions,omitempty" comment:"forms an issue takes; none = one, in the newsletter's language, with stories of that language" json:"editions,omitempty"`
	Mark     string        `toml:"mark" comment:"constant mark on every link (?src=…), the same for all readers; \"\" = the newsletter's name" json:"mark"`
}

// EditionSpec is one form of an issue.
type EditionSpec struct {
	Name      string   `toml:"name" comment:"short, as in en" json:"name"`
	Language  string   `toml:"language" comment:"of its words; readers of this language get it" json:"language"`
	Title     string   `toml:"title" comment:"in its masthead; \"\" = the newsletter's" json:"title,omitempty"`
	City      string   `toml:"city" comment:"in its masthead; \"\" = the newsletter's" json:"city,omitempty"`
	Languages []string `toml:"languages" comment:"of the stories it may show; [] = its own alone, [\"*\"] = all" json:"languages,omitempty"`
	Sections  []string `toml:"sections" comment:"of the stories it may show, as the site names them; [] = all" json:"sections,omitempty"`
	MinViews  int      `toml:"min_views" comment:"views in 24 h that a trending story needs; 0 = as the newsletter" json:"min_views,omitempty"`
}

// Holds reports whether a story is in the edition's pool: its language and its
// section.
func (e EditionSpec) Holds(s Story) bool {
	return e.Shows(s.Language) && (len(e.Sections) == 0 || slices.ContainsFunc(e.Sections, func(name string) bool { return strings.EqualFold(name, s.Section) }))
}

// Shows reports whether the edition may show a story in the language.
func (e EditionSpec) Shows(language string) bool {
	if len(e.Languages) == 0 {
		return baseLanguage(language) == baseLanguage(e.Language)
	}
	for _, l := range e.Languages {
		if l == "*" || baseLanguage(l) == baseLanguage(language) {
			return true
		}
	}
	return false
}

func baseLanguage(tag string) string {
	base, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return base
}

// Archived reports whether everybody may read the newsletter's issues on the web;
// offered is whether everybody may sign up for its list.
func (s Spec) Archived(offered bool) bool {
	return s.Archive == "public" || s.Archive == "" && offered
}

// Duration is a time.Duration written "45m" in TOML and JSON.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) {
	if d == 0 {
		return []byte(""), nil
	}
	return []byte(d.String()), nil
}

// String is d as people write it, and as ParseDuration reads it: 45m, 24h, 3d.
func (d Duration) String() string {
	if days := d / Duration(24*time.Hour); days > 1 && d%Duration(24*time.Hour) == 0 && days <= math.MaxUint16 {
		return fmt.Sprintf("%dd", days)
	}
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// UnmarshalText implements encoding.TextUnmarshaler. Nothing is 0.
func (d *Duration) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	v, err := ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// ParseDuration reads a length of time that is not below zero. In front of the units of
// [time.ParseDuration] there may be days, of 24 hours: 30d, 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	rest, whole := text, uint64(0)
	var wrong error
	if days, after, ok := strings.Cut(text, "d"); ok {
		rest = cmp.Or(after, "0")
		whole, wrong = strconv.ParseUint(days, 10, 16)
	}
	v, err := time.ParseDuration(rest)
	sum := v + time.Duration(whole)*24*time.Hour
	if wrong != nil || err != nil || v < 0 || sum < v {
		return 0, fmt.Errorf("%q is not a length of time; write for instance 45m, 24h or 30d", text)
	}
	return sum, nil
}

// plain is the spec with no list where one is empty, as a file writes it.
func (s Spec) plain() Spec {
	s.Seeds, s.Sources, s.Sponsors, s.Editions = none(s.Seeds), none(s.Sources), none(s.Sponsors), none(s.Editions)
	s.Editions = slices.Clone(s.Editions)
	for i, e := range s.Editions {
		s.Editions[i].Languages, s.Editions[i].Sections = none(e.Languages), none(e.Sections)
	}
	s.Sponsors = slices.Clone(s.Sponsors)
	for i, p := range s.Sponsors {
		s.Sponsors[i].Editions = none(p.Editions)
	}
	if len(s.Regions) == 0 {
		s.Regions = nil
	}
	if len(s.Tones) == 0 {
		s.Tones = nil
	}
	return s
}

func none[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// WithDefaults fills in what the zero values mean.
func (s Spec) WithDefaults(name string) Spec {
	def := func(p *Duration, v time.Duration) {
		if *p == 0 {
			*p = Duration(v)
		}
	}
	str := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	num := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&s.Lead, 45*time.Minute)
	def(&s.Grace, 3*time.Hour)
	def(&s.Expires, 24*time.Hour)
	def(&s.MaxAge, 48*time.Hour)
	def(&s.Settle, 30*time.Minute)
	str(&s.Language, "en")
	str(&s.Zone, "UTC")
	str(&s.Approval, "hold")
	str(&s.Overflow, "tomorrow")
	str(&s.Uncertain, "resend")
	str(&s.Mark, name)
	str(&s.Title, name)
	num(&s.Trending, 5)
	num(&s.Latest, 7)
	num(&s.Related, 2)
	num(&s.MinViews, 3)
	num(&s.PerSection, 3)
	num(&s.PerSource, 3)
	num(&s.PerAuthor, 2)
	num(&s.Words, 60)
	num(&s.Sentences, 3)
	num(&s.MinStories, 3)
	if a, err := mail.ParseAddress(s.From); err == nil {
		str(&s.Envelope, a.Address)
		str(&s.ListHost, a.Address[strings.LastIndexByte(a.Address, '@')+1:])
	}
	if len(s.Editions) == 0 {
		s.Editions = []EditionSpec{{Name: s.Language, Language: s.Language}}
	}
	return s
}

// Unspoken are the languages of its editions that pressrun has no words in: what their
// mails say around the stories is English.
func (s Spec) Unspoken() []string {
	var out []string
	for _, e := range s.Editions {
		if !templates.SameLanguage(templates.Spoken(e.Language), e.Language) && !slices.Contains(out, e.Language) {
			out = append(out, e.Language)
		}
	}
	return out
}

var (
	nameRule = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)
	accent   = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	hostRule = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
)

// Segments are those that who gets it depends on.
func (s Spec) Segments() []string {
	if s.Segment == "" {
		return s.Exclude
	}
	return append([]string{s.Segment}, s.Exclude...)
}

// Takes reports whether the newsletter is made of a source: it names none, or one
// of the addresses by which the source is or was known.
func (s Spec) Takes(src Source) bool {
	names := func(address string) bool { return slices.Contains(s.Sources, address) }
	return len(s.Sources) == 0 || names(src.URL) || names(src.SiteURL) || slices.ContainsFunc(src.Former, names)
}

// Check reports everything that is wrong with a newsletter, in words that say
// where and how to mend it; nil means it can run.
func (s Spec) Check(name string) []string {
	var bad []string
	say := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if !nameRule.MatchString(name) {
		say("name %q: use up to 32 of a–z, 0–9 and -", name)
	}
	if _, err := time.LoadLocation(s.Zone); err != nil {
		say("zone %q is not known; write an IANA name such as Europe/Berlin", s.Zone)
	} else if sched, err := ParseSchedule(s.Schedule, s.Zone); s.Schedule != "" && err != nil {
		say("schedule: %v", err)
	} else if s.Schedule != "" && sched.Next(time.Unix(0, 0)).IsZero() {
		say("schedule: %q names a day that never comes; write for instance 0 7 * * 1-5 for 07:00 on working days", s.Schedule)
	} else if s.Schedule != "" && sched.rush() {
		say("schedule: %q names times less than %s apart, and readers get an issue at each; write for instance 0 7 * * 1-5 for 07:00 on working days", s.Schedule, Duration(leastApart))
	}
	for _, d := range []struct {
		key    string
		length Duration
	}{{"lead", s.Lead}, {"grace", s.Grace}, {"expires", s.Expires}, {"countdown", s.Countdown}, {"max_age", s.MaxAge}, {"settle", s.Settle}} {
		if d.length != 0 && d.length < Duration(time.Millisecond) { // TOML makes nanoseconds of a number
			say("%s is a number without a unit; write for instance \"45m\" or \"24h\"", d.key)
		}
	}
	if s.Approval != "send" && s.Approval != "hold" {
		say("approval %q: write send or hold", s.Approval)
	}
	checkAddress := func(field, value string, required bool) {
		if value == "" && !required {
			return
		}
		if _, err := mail.ParseAddress(value); err != nil {
			say("%s %q is not a mail address; write for instance \"Morning Digest <digest@news.example.com>\"", field, value)
		}
	}
	checkAddress("from", s.From, true)
	checkAddress("reply_to", s.ReplyTo, false)
	checkAddress("envelope", s.Envelope, false)
	if s.ListHost != "" && !hostRule.MatchString(s.ListHost) {
		say("list_host %q is not a host name; write for instance news.example.com", s.ListHost)
	}
	if !slices.Contains([]string{"", "public", "private"}, s.Archive) {
		say("archive %q: write public or private, or leave it empty to follow the list", s.Archive)
	}
	s.checkSending(say, checkAddress)
	s.checkSponsors(say)
	if s.List == "" {
		say("list is missing: name the list it goes to")
	}
	if strings.TrimSpace(s.Brand.Name) == "" {
		say("brand.name is missing: mails say by it from whom they come")
	}
	if u, err := url.Parse(s.Brand.URL); s.Brand.URL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		say("brand.url %q is not a web address; write for instance https://news.example.com", s.Brand.URL)
	}
	if strings.TrimSpace(s.Brand.Postal) == "" {
		say("brand.postal is missing: the law of most countries wants a postal address in every mail")
	}
	if s.Brand.Accent != "" && !accent.MatchString(s.Brand.Accent) {
		say("brand.accent %q is not a colour; write #rrggbb", s.Brand.Accent)
	}
	if u, err := url.Parse(s.Brand.Logo); s.Brand.Logo != "" && (err != nil || u.Scheme != "https") {
		say("brand.logo %q: pictures in mails need an https address", s.Brand.Logo)
	}
	s.checkChoice(say)
	s.checkLanguages(say)
	seen := map[string]bool{}
	for _, e := range s.Editions {
		if !nameRule.MatchString(e.Name) || seen[e.Name] {
			say("editions: name %q must be of a–z, 0–9 and -, and stand once", e.Name)
		} else if strings.HasSuffix(e.Name, TextSuffix) {
			say("editions: name %q must not end in %s: so is the text-only form called that every edition has by itself", e.Name, TextSuffix)
		}
		seen[e.Name] = true
	}
	return bad
}

// checkLanguages reports tags that name no language: no story would be in it.
func (s Spec) checkLanguages(say func(format string, args ...any)) {
	check := func(key, tag string) {
		if _, err := bcp47.Parse(tag); err != nil {
			say("%s %q is not a language; write its code, for instance en or ur", key, tag)
		}
	}
	check("language", s.Language)
	for _, e := range s.Editions {
		check(fmt.Sprintf("editions, %s: language", e.Name), e.Language)
		for _, tag := range e.Languages {
			if tag != "*" {
				check(fmt.Sprintf("editions, %s: languages", e.Name), tag)
			}
		}
	}
}

// checkChoice reports what is wrong with what stories are chosen and how much is
// told of them.
func (s Spec) checkChoice(say func(format string, args ...any)) {
	if s.Words < 10 || s.Words > 200 {
		say("words is %d: a summary has 10 to 200", s.Words)
	}
	if s.Sentences < 1 || s.Sentences > 6 {
		say("sentences is %d: a summary has 1 to 6", s.Sentences)
	}
	for section, tone := range s.Tones {
		if section != "trending" && section != "latest" {
			say("tones: there is no section %q; the sections are trending and latest", section)
		}
		if tone != "headline" && tone != "line" && tone != "full" {
			say("tones.%s %q: write headline, line or full", section, tone)
		}
	}
	if least, most := min(s.Rising, s.MinSections, s.MinRegions, s.MinSources), max(s.MinSections, s.MinRegions, s.MinSources); least < 0 || most > max(s.Trending, 0) {
		say("rising, min_sections, min_regions and min_sources are numbers from 0; no more different sections, regions or sources than trending (%d) fit in", s.Trending)
	}
	if s.MinViews < 0 || s.MinStories < 0 {
		say("min_views and min_stories are numbers from 0; got %d and %d", s.MinViews, s.MinStories)
	}
	if most := (max(s.Trending, 0) + max(s.Rising, 0) + max(s.Latest, 0)) * max(len(s.Editions), 1); s.MinStories > most {
		say("min_stories is %d, and trending, rising and latest have room for %d: every issue would be skipped", s.MinStories, most)
	}
	if len(s.Regions) == 0 && (s.PerRegion > 0 || s.MinRegions > 0) {
		say("per_region and min_regions need regions: name them with the words that tell of them, for instance Sindh = [\"Karachi\", \"Hyderabad\"]")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Regions)) {
		if slices.Contains(append(slices.Clone(s.Regions[name]), name), "") {
			say("regions: %q has an empty name or word", name)
		}
	}
}

const newsletterColumns = `id, name, version, state, spec, created_at`

func scanNewsletter(r schema.Row) (Newsletter, error) {
	var n Newsletter
	var spec []byte
	var created schema.Time
	if err := r.Scan(&n.ID, &n.Name, &n.Version, &n.State, &spec, &created); err != nil {
		return n, err
	}
	n.Created = created.Time
	return n, json.Unmarshal(spec, &n.Spec)
}

// ApplyNewsletter creates the newsletter or, when its spec differs, stores the
// new version. It reports whether anything changed.
func (s *Store) ApplyNewsletter(ctx context.Context, name string, spec Spec, author string) (n Newsletter, changed bool, err error) {
	if bad := spec.WithDefaults(name).Check(name); len(bad) > 0 {
		return n, false, fmt.Errorf("newsletter %s: %s", name, strings.Join(bad, "; "))
	}
	text, err := json.Marshal(spec.plain())
	if err != nil {
		return n, false, err
	}
	err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
		old, err := scanNewsletter(tx.QueryRowContext(ctx, `select `+newsletterColumns+` from newsletters where name = $1`, name))
		now := schema.At(s.Now())
		switch {
		case err == sql.ErrNoRows:
			if err := CheckNewName(name); err != nil {
				return err
			}
			old = Newsletter{Name: name, Version: 1}
			err = tx.QueryRowContext(ctx, `insert into newsletters (name, version, spec, created_at, updated_at) values ($1, 1, $2, $3, $3) returning id`,
				name, string(text), now).Scan(&old.ID)
		case err != nil:
		default:
			before, _ := json.Marshal(old.Spec.plain())
			if string(before) == string(text) {
				return nil
			}
			old.Version++
			_, err = tx.ExecContext(ctx, `update newsletters set version = $2, spec = $3, updated_at = $4 where id = $1`, old.ID, old.Version, string(text), now)
		}
		if err != nil {
			return err
		}
		changed = true
		_, err = tx.ExecContext(ctx, `insert into newsletter_versions (newsletter_id, version, spec, author, created_at) values ($1, $2, $3, $4, $5)`,
			old.ID, old.Version, string(text), author, now)
		return err
	})
	if err != nil {
		return n, false, fmt.Errorf("apply newsletter %s: %w", name, err)
	}
	n, err = s.NewsletterNamed(ctx, name)
	return n, changed, err
}

// CheckNewName reports a name that a newsletter cannot be given though [Spec.Check]
// lets one that has it run on: it could be another's number.
func CheckNewName(name string) error {
	if strings.ContainsFunc(name, unicode.IsLetter) {
		return nil
	}
	return fmt.Errorf("name %q has no letter, and could be the number of another newsletter; in the file, write for instance name = \"daily-%s\"", name, name)
}

// Newsletter finds a newsletter by its number, else by its name: a name without a
// letter is never taken for the number of another.
func (s *Store) Newsletter(ctx context.Context, ref string) (Newsletter, error) {
	n, err := scanNewsletter(s.DB.Read.QueryRowContext(ctx,
		`select `+newsletterColumns+` from newsletters where name = $1 or cast(id as text) = $1 order by case when cast(id as text) = $1 then 0 else 1 end limit 1`, ref))
	return n, notFound(err, "newsletter", ref)
}

// NewsletterNamed finds a newsletter by its name alone, which may be anything that
// an address of the archive can hold.
func (s *Store) NewsletterNamed(ctx context.Context, name string) (Newsletter, error) {
	if !nameRule.MatchString(name) {
		return Newsletter{}, notFound(sql.ErrNoRows, "newsletter", name)
	}
	n, err := scanNewsletter(s.DB.Read.QueryRowContext(ctx, `select `+newsletterColumns+` from newsletters where name = $1`, name))
	return n, notFound(err, "newsletter", name)
}

// Newsletters lists all newsletters by name.
func (s *Store) Newsletters(ctx context.Context) ([]Newsletter, error) {
	return schema.Each(ctx, s.DB.Read, scanNewsletter,
		`select `+newsletterColumns+` from newsletters order by name`)
}

// Marks lists the marks that any version of any newsletter puts on its links:
// old mails are still being read.
func (s *Store) Marks(ctx context.Context) (map[string]bool, error) {
	type version struct {
		name string
		spec Spec
	}
	list, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (v version, err error) {
		var text []byte
		if err = r.Scan(&v.name, &text); err == nil {
			err = json.Unmarshal(text, &v.spec)
		}
		return v, err
	}, `select n.name, v.spec from newsletter_versions v join newsletters n on n.id = v.newsletter_id`)
	marks := map[string]bool{}
	for _, v := range list {
		marks[v.spec.WithDefaults(v.name).Mark] = true
	}
	return marks, err
}

// Version is a newsletter as it was once saved.
type Version struct {
	Newsletter
	Author string
}

// Versions lists what was saved of a newsletter, the newest first; Created is
// when.
func (s *Store) Versions(ctx context.Context, id int64) ([]Version, error) {
	return schema.Each(ctx, s.DB.Read, func(r schema.Row) (v Version, err error) {
		var text []byte
		var created schema.Time
		if err = r.Scan(&v.ID, &v.Name, &v.Version, &text, &v.Author, &created); err == nil {
			v.Created = created.Time
			err = json.Unmarshal(text, &v.Spec)
		}
		return v, err
	}, `select n.id, n.name, v.version, v.spec, v.author, v.created_at from newsletter_versions v join newsletters n on n.id = v.newsletter_id
		where n.id = $1 order by v.version desc`, id)
}

// PauseNewsletter stops the issues of a newsletter, or lets them come again. The
// slots of a pause are skipped, also when nothing ran that could have done so: none
// of them is owed when it ends.
func (s *Store) PauseNewsletter(ctx context.Context, id int64, pause bool) error {
	n, err := s.Newsletter(ctx, fmt.Sprint(id))
	if err != nil || pause == (n.State == "paused") {
		return err
	}
	now := schema.At(s.Now())
	if pause {
		_, err = s.DB.Write.ExecContext(ctx, `update newsletters set state = 'paused', paused_at = $2, updated_at = $2 where id = $1`, id, now)
		return err
	}
	if err := s.Plan(ctx, n); err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			update slots set state = 'skipped', reason = 'the newsletter was paused', finished_at = $2
			where newsletter_id = $1 and state = 'planned' and slot_at <= $2 and slot_at >= (select paused_at from newsletters where id = $1)`, id, now)
		if err == nil {
			_, err = tx.ExecContext(ctx, `update newsletters set state = 'active', paused_at = null, updated_at = $2 where id = $1`, id, now)
		}
		return err
	})
}
