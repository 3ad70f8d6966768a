package subscribers

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"pressrun/deploy/schema"
	"pressrun/subscribers/segment"
)

// Segment is a named rule over subscribers; see package segment.
type Segment struct {
	ID      int64     `json:"id"`
	Name    string    `json:"name"`
	Rule    string    `json:"rule"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
}

const segmentColumns = `id, name, rule, created_at, updated_at`

func scanSegment(r schema.Row) (Segment, error) {
	var v Segment
	var created, updated schema.Time
	err := r.Scan(&v.ID, &v.Name, &v.Rule, &created, &updated)
	v.Created, v.Updated = created.Time, updated.Time
	return v, err
}

// SaveSegment checks a rule and stores it under a name, new or known. An error
// of the rule is a *segment.Error.
func (s *Store) SaveSegment(ctx context.Context, name, rule string) (Segment, error) {
	v := Segment{Name: name, Rule: rule}
	if !listName.MatchString(name) {
		return v, fmt.Errorf("segment name %q: %w", name, ErrName)
	}
	if _, _, err := s.compile(ctx, rule, 0); err != nil {
		return v, fmt.Errorf("segment %s: %w", name, err)
	}
	now := schema.At(s.Now())
	var created schema.Time
	err := s.DB.Write.QueryRowContext(ctx, `
		insert into segments (name, rule, created_at, updated_at) values ($1, $2, $3, $3)
		on conflict (name) do update set rule = excluded.rule, updated_at = excluded.updated_at returning id, created_at`, name, rule, now).Scan(&v.ID, &created)
	if err != nil {
		return v, fmt.Errorf("segment %s: %w", name, err)
	}
	v.Created, v.Updated = created.Time, now.Time
	return v, nil
}

// segmentByName finds a segment, or fails with ErrNotFound.
func (s *Store) segmentByName(ctx context.Context, name string) (Segment, error) {
	v, err := scanSegment(s.DB.Read.QueryRowContext(ctx, `select `+segmentColumns+` from segments where name = $1`, name))
	return v, notFound(err, "segment", name)
}

// Segments are all segments by name.
func (s *Store) Segments(ctx context.Context) ([]Segment, error) {
	found, err := schema.Each(ctx, s.DB.Read, scanSegment, `select `+segmentColumns+` from segments order by name`)
	if err != nil {
		return nil, fmt.Errorf("segments: %w", err)
	}
	return found, nil
}

// RemoveSegment deletes a segment. Newsletters that name it will not be sent:
// a missing segment is an error, not everyone.
func (s *Store) RemoveSegment(ctx context.Context, name string) error {
	done, err := s.DB.Write.ExecContext(ctx, `delete from segments where name = $1`, name)
	if err != nil {
		return fmt.Errorf("remove segment %s: %w", name, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("remove segment %s: %w", name, errors.Join(ErrNotFound, err))
	}
	return nil
}

// TryRule counts the subscribers for whom a rule is true, whatever lists they
// are on, and returns up to five of them.
func (s *Store) TryRule(ctx context.Context, rule string) (int, []Subscriber, error) {
	cond, args, err := s.compile(ctx, rule, 0)
	if err != nil {
		return 0, nil, err
	}
	var n int
	if err := s.DB.Read.QueryRowContext(ctx, `select count(*) from subscribers u where `+cond, args...).Scan(&n); err != nil {
		return 0, nil, fmt.Errorf("count segment: %w", err)
	}
	some, err := schema.Each(ctx, s.DB.Read, scanSubscriber, `select `+subscriberColumns+` from subscribers u where `+cond+` order by u.id desc limit 5`, args...)
	if err != nil {
		return n, nil, fmt.Errorf("sample segment: %w", err)
	}
	return n, some, nil
}

// compile turns a rule into a condition whose arguments begin after the first n.
func (s *Store) compile(ctx context.Context, rule string, n int) (cond string, args []any, err error) {
	r, err := segment.Parse(rule)
	if err != nil {
		return "", nil, err
	}
	lists := map[string]int64{}
	if len(r.Lists()) > 0 {
		_, err := schema.Each(ctx, s.DB.Read, func(rows schema.Row) (struct{}, error) {
			var id int64
			var name string
			err := rows.Scan(&id, &name)
			lists[name] = id
			return struct{}{}, err
		}, `select id, name from lists`)
		if err != nil {
			return "", nil, err
		}
	}
	cond, err = r.SQL(segment.Env{Now: s.Now(), Lists: lists, Arg: func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(n+len(args))
	}})
	return cond, args, err
}

// segmentSQL is the condition of a stored segment, its arguments added to b.
func (s *Store) segmentSQL(ctx context.Context, b *builder, name string) (string, error) {
	v, err := s.segmentByName(ctx, name)
	if err != nil {
		return "", err
	}
	cond, args, err := s.compile(ctx, v.Rule, len(b.args))
	if err != nil {
		return "", fmt.Errorf("segment %s: %w", name, err)
	}
	b.args = append(b.args, args...)
	return cond, nil
}
