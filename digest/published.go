package digest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"pressrun/deploy/schema"
)

// Published is an issue as the archive lists it, by one of its editions.
type Published struct {
	ID        int64
	Number    int
	At        time.Time // its slot, in its newsletter's zone
	Edition   string
	Language  string
	Subject   string
	Preheader string // an editor's, for the first edition; "" = none
	Stories   int
}

// published are the issues that readers got: of one that was cancelled on the way
// some have a copy.
const published = `(i.state in ('sending', 'paused', 'sent', 'closed') or i.state = 'cancelled' and i.started_at is not null)`

// Published reports whether readers got the issue.
func (i Issue) Published() bool {
	switch i.State {
	case "sending", "paused", "sent", "closed":
		return true
	}
	return i.State == "cancelled" && !i.Started.IsZero()
}

// Published lists the issues of a newsletter that readers got, the newest first,
// at most limit, and how many there are. Each is shown by the named edition, or
// by its first where it has none of that name. With a query only those count
// whose subject and headlines have all its words. No sealed bytes are read.
func (s *Store) Published(ctx context.Context, newsletter int64, edition, query string, limit, offset int) ([]Published, int, error) {
	list, total, err := s.published(ctx, newsletter, edition, query, limit, offset)
	if err != nil {
		return nil, 0, fmt.Errorf("published issues of newsletter %d: %w", newsletter, err)
	}
	return list, total, nil
}

func (s *Store) published(ctx context.Context, newsletter int64, edition, query string, limit, offset int) (list []Published, total int, err error) {
	const where = ` where i.newsletter_id = $1 and i.revision > 0 and ` + published
	from, counted, args := ` from issues i`+where, 1, []any{newsletter, edition}
	// SQLite knows only the lower case of ASCII, and a pattern would have to be
	// escaped: words are in lower case already, and taking one out tells.
	for _, word := range strings.FieldsFunc(strings.ToLower(query), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		if counted == 1 {
			from = ` from issues i` + shownBy + where
		}
		args = append(args, word)
		counted = len(args)
		from += fmt.Sprintf(" and replace(e.words, $%d, '') <> e.words", counted)
	}
	if err := s.DB.Read.QueryRowContext(ctx, `select count(*)`+from, args[:counted]...).Scan(&total); err != nil || total == 0 {
		return nil, 0, err
	}
	list, err = s.publishedRows(ctx, from, args, limit, offset)
	return list, total, err
}

// shownBy joins the edition e by which an issue i is shown where $2 is asked for.
const shownBy = ` join editions e on e.id = (
	select x.id from editions x where x.issue_id = i.id and x.revision = i.revision and not x.text_only
	order by case when x.name = $2 then 0 else 1 end, x.id limit 1)`

// publishedRows are a page of the issues i that are chosen by from and its arguments.
func (s *Store) publishedRows(ctx context.Context, from string, args []any, limit, offset int) ([]Published, error) {
	all, n := zones{}, len(args)
	return schema.Each(ctx, s.DB.Read, func(r schema.Row) (p Published, err error) {
		var at schema.Time
		var spec, stories []byte
		if err := r.Scan(&p.ID, &p.Number, &at, &spec, &p.Preheader, &p.Edition, &p.Language, &p.Subject, &stories); err != nil {
			return p, err
		}
		var of struct {
			Zone     string `json:"zone"`
			Editions []struct{ Name string }
		}
		var ids []int64
		if err := json.Unmarshal(spec, &of); err != nil {
			return p, err
		}
		if err := json.Unmarshal(stories, &ids); err != nil {
			return p, err
		}
		if len(of.Editions) > 0 && of.Editions[0].Name != p.Edition {
			p.Preheader = ""
		}
		p.At, p.Stories = at.In(all.named(of.Zone)), len(ids)
		return p, nil
	}, `
		select i.id, i.number, i.slot_at, i.spec, i.preheader, e.name, e.language, e.subject, e.stories
		from (select i.id as page`+from+fmt.Sprintf(` order by i.slot_at desc, i.id desc limit $%d offset $%d) p`, n+1, n+2)+`
		join issues i on i.id = page`+shownBy+`
		order by i.slot_at desc, i.id desc`, append(args, limit, offset)...)
}

// shown is an edition of an issue.
type shown struct {
	issue   int64
	edition string
}

// Headline is a story as an issue told it: what may be handed on of it whatever
// the right to the article is.
type Headline struct {
	Title     string
	URL       string
	Language  string
	Direction string
	Source    string
	Label     string // see Story.Label
}

// Headlines are what the issues told in the editions that are shown, by issue, in
// the order in which it stood there. A story that was taken back since is left out.
func (s *Store) Headlines(ctx context.Context, issues []Published) (map[int64][]Headline, error) {
	ids, edition := make([]int64, len(issues)), map[int64]string{}
	for k, i := range issues {
		ids[k], edition[i.ID] = i.ID, i.Edition
	}
	among, arg := s.DB.Engine.Among("c.issue_id", 1, ids)
	told := map[int64][]Headline{}
	_, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var of shown
		var h Headline
		err := r.Scan(&of.issue, &of.edition, &h.Title, &h.URL, &h.Language, &h.Direction, &h.Source, &h.Label)
		if of.edition == edition[of.issue] {
			told[of.issue] = append(told[of.issue], h)
		}
		return struct{}{}, err
	}, `
		select c.issue_id, c.edition, c.title, s.url, s.language, s.direction, s.source_title, s.label
		from issue_stories c join stories s on s.id = c.story_id
		where `+among+` and c.state = 'in' and s.state in ('live', 'merged')
		order by c.issue_id, c.section desc, c.position, c.story_id`, arg)
	if err != nil {
		return nil, fmt.Errorf("headlines of issues: %w", err)
	}
	return told, nil
}
