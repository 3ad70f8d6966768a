package digest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

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
	words := strings.Fields(strings.ToLower(query))
	if len(words) == 0 {
		if err := s.DB.Read.QueryRowContext(ctx, `select count(*) from issues i where i.newsletter_id = $1 and i.revision > 0 and `+published, newsletter).Scan(&total); err != nil {
			return nil, 0, err
		}
		list, err = s.publishedRows(ctx, newsletter, edition, limit, offset)
		return list, total, err
	}
	if list, err = s.publishedRows(ctx, newsletter, edition, 1<<30, 0); err != nil {
		return nil, 0, err
	}
	text, err := s.headlineText(ctx, newsletter)
	if err != nil {
		return nil, 0, err
	}
	list = slices.DeleteFunc(list, func(p Published) bool {
		all := strings.ToLower(p.Subject + "\n" + strings.Join(text[shown{p.ID, p.Edition}], "\n"))
		return slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, w) })
	})
	from := min(offset, len(list))
	return list[from:min(from+limit, len(list))], len(list), nil
}

func (s *Store) publishedRows(ctx context.Context, newsletter int64, edition string, limit, offset int) ([]Published, error) {
	all := zones{}
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
		from (
			select i.id as page from issues i where i.newsletter_id = $1 and i.revision > 0 and `+published+`
			order by i.slot_at desc, i.id desc limit $3 offset $4) p
		join issues i on i.id = page
		join editions e on e.id = (
			select x.id from editions x where x.issue_id = i.id and x.revision = i.revision and not x.text_only
			order by case when x.name = $2 then 0 else 1 end, x.id limit 1)
		order by i.slot_at desc, i.id desc`, newsletter, edition, limit, offset)
}

// shown is an edition of an issue.
type shown struct {
	issue   int64
	edition string
}

// headlineText are the headlines of all editions that a newsletter's readers got.
func (s *Store) headlineText(ctx context.Context, newsletter int64) (map[shown][]string, error) {
	text := map[shown][]string{}
	_, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var of shown
		var title string
		err := r.Scan(&of.issue, &of.edition, &title)
		text[of] = append(text[of], title)
		return struct{}{}, err
	}, `
		select c.issue_id, c.edition, c.title from issues i join issue_stories c on c.issue_id = i.id
		where i.newsletter_id = $1 and c.state = 'in' and `+published, newsletter)
	return text, err
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
