package subscribers

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// Audience says who gets an issue, in which edition, and when.
type Audience struct {
	List    int64
	Segment string   // name of a segment; "" = the whole list
	Exclude []string // names of segments whose members do not get it
	Only    int64    // a subscriber beside whom nobody gets it; 0 = everybody
	// Editions are the sealed editions by name. A reader gets the one named like
	// his language ("pt-br"), else like its base ("pt"), else the default; who
	// wants text only gets the same with "-text" at the end, where there is one.
	Editions       map[string]int64
	Languages      map[string]string // edition name → its language, where the name is not the language
	DefaultEdition int64
	Slot           time.Time
	Zone           string // of the newsletter: for readers without a zone of their own
	// LocalTime is the wall-clock time at which each reader gets it in his zone,
	// "07:00": the first such moment at or after Slot. "" = all at Slot.
	LocalTime string
}

// Audience gives SQL text and arguments ($1 to $n) of a query yielding
// (subscriber_id, edition_id, due_at in unix milliseconds), one row for each
// reader who is active on the list, in the segment, not excluded and not
// suppressed. It is made for "insert into … select": nothing is read here but
// the zones and languages that occur.
//
// Whatever is wrong with a segment is an error; it never means everyone.
func (s *Store) Audience(ctx context.Context, a Audience) (query string, args []any, err error) {
	if a.DefaultEdition == 0 {
		return "", nil, fmt.Errorf("audience: no default edition")
	}
	b := &builder{}
	editions, err := s.editionRows(ctx, a)
	if err != nil {
		return "", nil, fmt.Errorf("audience: %w", err)
	}
	due, err := s.dueRows(ctx, a)
	if err != nil {
		return "", nil, fmt.Errorf("audience: %w", err)
	}
	from := b.readers(a, s.Now())
	segments, err := s.segmentConditions(ctx, b, a)
	if err != nil {
		return "", nil, fmt.Errorf("audience: %w", err)
	}
	columns := "s.subscriber_id as subscriber_id, " + b.edition(editions, a) + " as edition_id, " + b.due(due, a.Slot) + " as due_at"
	return "select " + columns + " " + from + b.joins + " where " + b.where + unsuppressed + segments, b.args, nil
}

// Count is how many readers an audience has now, in whatever edition and wave. Of a whole
// list only the suppressed are looked up, from whom cross join has SQLite set out.
func (s *Store) Count(ctx context.Context, a Audience) (int, error) {
	b := &builder{}
	from := b.readers(a, s.Now())
	segments, err := s.segmentConditions(ctx, b, a)
	if err != nil {
		return 0, fmt.Errorf("count audience: %w", err)
	}
	query := `select count(*) ` + from + ` where ` + b.where + unsuppressed + segments
	if segments == "" && a.Only == 0 {
		query = `select (select count(*) from subscriptions s where ` + b.where + `)
			- (select count(*) from suppressions x cross join subscribers u cross join subscriptions s
				where u.email_key = x.email_key and s.subscriber_id = u.id and ` + b.where + `)`
	}
	var n int
	if err := s.DB.Read.QueryRowContext(ctx, query, b.args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count audience: %w", err)
	}
	return n, nil
}

// builder collects the parts of an audience's query.
type builder struct {
	args         []any
	joins, where string
}

func (b *builder) arg(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// readers are those who may get the list's mail now, as far as their subscription tells.
func (b *builder) readers(a Audience, now time.Time) string {
	l, t := b.arg(a.List), b.arg(schema.At(now))
	b.where = `s.list_id = ` + l + ` and (s.state = 'active' or s.state = 'paused' and s.resume_at <= ` + t + `)
		and (s.until_at is null or s.until_at > ` + t + `)`
	if a.Only != 0 {
		b.where += " and s.subscriber_id = " + b.arg(a.Only)
	}
	return `from subscriptions s join subscribers u on u.id = s.subscriber_id`
}

const unsuppressed = ` and not exists (select 1 from suppressions x where x.email_key = u.email_key)`

// lookup joins a small table of values: rows of a text and integers.
func (b *builder) lookup(name, key string, columns []string, rows []lookupRow) {
	var values []string
	for _, r := range rows {
		v := "(cast(" + b.arg(r.key) + " as text)"
		for _, n := range r.values {
			v += ", cast(" + strconv.FormatInt(n, 10) + " as bigint)"
		}
		values = append(values, v+")")
	}
	b.joins += ` left join (with ` + name + `_rows(k, ` + strings.Join(columns, ", ") + `) as (values ` + strings.Join(values, ", ") + `) select * from ` + name + `_rows) ` + name +
		` on ` + name + `.k = ` + key
}

type lookupRow struct {
	key    string
	values []int64
}

func (b *builder) edition(rows []lookupRow, a Audience) string {
	plain, text := a.DefaultEdition, a.DefaultEdition
	if id := a.Editions[a.nameOf(a.DefaultEdition)+"-text"]; id != 0 {
		text = id
	}
	byDefault := fmt.Sprintf("case when u.text_only then %d else %d end", text, plain)
	if len(rows) == 0 {
		return byDefault
	}
	b.lookup("edition", "u.language", []string{"plain_id", "text_id"}, rows)
	return "case when edition.k is null then " + byDefault + " when u.text_only then edition.text_id else edition.plain_id end"
}

func (b *builder) due(rows []lookupRow, slot time.Time) string {
	byDefault := strconv.FormatInt(schema.Millis(slot), 10)
	if len(rows) == 0 {
		return "cast(" + byDefault + " as bigint)"
	}
	b.lookup("wave", "u.zone", []string{"due"}, rows)
	for _, r := range rows {
		if r.key == "" { // those whose zone came up between the two queries go with the newsletter's own
			byDefault = strconv.FormatInt(r.values[0], 10)
		}
	}
	return "coalesce(wave.due, " + byDefault + ")"
}

func (a Audience) nameOf(edition int64) string {
	for name, id := range a.Editions {
		if id == edition && !strings.HasSuffix(name, "-text") {
			return name
		}
	}
	return ""
}

// choose is the edition for a reader of that language, in both forms.
func (a Audience) choose(language string) (plain, text int64, ok bool) {
	base, _, _ := strings.Cut(language, "-")
	for _, want := range []string{language, base} {
		if name := a.named(want); name != "" {
			plain = a.Editions[name]
			if text = a.Editions[name+"-text"]; text == 0 {
				text = plain
			}
			return plain, text, true
		}
	}
	return 0, 0, false
}

// EditionOf is the edition that a reader gets.
func (a Audience) EditionOf(reader Subscriber) int64 {
	plain, text, ok := a.choose(reader.Language)
	if !ok || reader.Language == "" {
		plain, text = a.DefaultEdition, a.DefaultEdition
		if id := a.Editions[a.nameOf(plain)+"-text"]; id != 0 {
			text = id
		}
	}
	if reader.TextOnly {
		return text
	}
	return plain
}

// named is the edition of a language; of several the first by name.
func (a Audience) named(language string) string {
	best := ""
	for name := range a.Editions {
		of := a.Languages[name]
		if of == "" {
			of = name
		}
		if strings.EqualFold(of, language) && !strings.HasSuffix(name, "-text") && (best == "" || name < best) {
			best = name
		}
	}
	return best
}

// editionRows are the languages of the list's readers that have an edition of
// their own.
func (s *Store) editionRows(ctx context.Context, a Audience) ([]lookupRow, error) {
	if len(a.Editions) < 2 {
		return nil, nil
	}
	languages, err := s.distinct(ctx, "language", a)
	if err != nil {
		return nil, err
	}
	var rows []lookupRow
	for _, l := range languages {
		if plain, text, ok := a.choose(l); ok && l != "" {
			rows = append(rows, lookupRow{l, []int64{plain, text}})
		}
	}
	return rows, nil
}

// dueRows are the due times by zone; none when all readers get it at once.
func (s *Store) dueRows(ctx context.Context, a Audience) ([]lookupRow, error) {
	if a.LocalTime == "" {
		return nil, nil
	}
	hour, minute, err := localTime(a.LocalTime)
	if err != nil {
		return nil, err
	}
	own, err := time.LoadLocation(a.Zone)
	if err != nil {
		return nil, fmt.Errorf("zone %q is not known: %w", a.Zone, err)
	}
	zones, err := s.distinct(ctx, "zone", a)
	if err != nil {
		return nil, err
	}
	rows := []lookupRow{{"", []int64{schema.Millis(waveAt(a.Slot, own, hour, minute))}}}
	for _, z := range zones {
		loc, err := time.LoadLocation(z)
		if z == "" || err != nil {
			continue
		}
		rows = append(rows, lookupRow{z, []int64{schema.Millis(waveAt(a.Slot, loc, hour, minute))}})
	}
	return rows, nil
}

func (s *Store) distinct(ctx context.Context, column string, a Audience) ([]string, error) {
	query, args := `select distinct u.`+column+` from subscriptions s join subscribers u on u.id = s.subscriber_id where s.list_id = $1`, []any{a.List}
	if a.Only != 0 {
		query, args = query+` and s.subscriber_id = $2`, append(args, a.Only)
	}
	return schema.Each(ctx, s.DB.Read, schema.Column[string], query, args...)
}

// segmentConditions is the SQL text of the segment and the exclusions, each
// beginning with " and".
func (s *Store) segmentConditions(ctx context.Context, b *builder, a Audience) (string, error) {
	out := ""
	if a.Segment != "" {
		cond, err := s.segmentSQL(ctx, b, a.Segment)
		if err != nil {
			return "", err
		}
		out += " and " + cond
	}
	for _, name := range a.Exclude {
		cond, err := s.segmentSQL(ctx, b, name)
		if err != nil {
			return "", err
		}
		out += " and not " + cond
	}
	return out, nil
}
