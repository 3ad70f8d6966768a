package subscribers

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// Filter chooses subscribers for a page or an export.
type Filter struct {
	Search string // part of the address or name, case ignored
	List   string // name of a list; "" = any
	// State is a state of the subscription (to List, or to any list), or
	// "suppressed"; "" = any.
	State string
	Sort  string // created, email, name; with a hyphen before it down; "" = -created
	Page  int    // from 1
	Per   int    // rows a page; default 50, at most 500
}

var orders = map[string]string{
	"": "u.id desc", "-created": "u.id desc", "created": "u.id", // who came later has the higher one
	"email": "u.email_key", "-email": "u.email_key desc", "name": "u.name_key, u.id", "-name": "u.name_key desc, u.id desc",
}

// where is the SQL text after from subscribers u, and its arguments. Those of a list, or
// in a state that few are in, are looked up: to ask of a million readers one by one whether
// they are among them takes SQLite most of a minute.
func (f Filter) where(e schema.Engine) (string, []any, error) {
	var b strings.Builder
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	b.WriteString(" where true")
	if part := fold(f.Search); part != "" {
		place := map[schema.Engine]string{schema.SQLite: "instr", schema.Postgres: "strpos"}[e]
		fmt.Fprintf(&b, ` and (%[1]s(u.email_key, %[2]s) > 0 or %[1]s(u.name_key, %[2]s) > 0)`, place, arg(part))
	}
	state := ""
	switch {
	case f.State == "suppressed":
		b.WriteString(` and u.email_key in (select email_key from suppressions)`)
	case slices.Contains(States, State(f.State)):
		state = " and s.state = " + arg(f.State)
	case f.State != "":
		return "", nil, fmt.Errorf("state %q is not one of %v or suppressed", f.State, States)
	}
	switch {
	case f.List != "":
		b.WriteString(` and u.id in (select s.subscriber_id from subscriptions s where s.list_id = (select id from lists where name = ` + arg(f.List) + `)` + state + `)`)
	case f.State == string(Active):
		b.WriteString(` and exists (select 1 from subscriptions s where s.subscriber_id = u.id` + state + `)`)
	case state != "": // the index is of what is not active
		b.WriteString(` and u.id in (select s.subscriber_id from subscriptions s where s.state <> 'active'` + state + `)`)
	}
	return b.String(), args, nil
}

// chosenSQL is the numbers of a page's readers; how many and from which on are the last of
// n arguments. They are chosen before anything else is read of them: a late page passes
// over many.
func chosenSQL(where, order string, n int) string {
	return `select u.id from subscribers u` + where + ` order by ` + order + fmt.Sprintf(` limit $%d offset $%d`, n-1, n)
}

// Page returns one page of subscribers with their lists and suppressions, and
// how many match in all.
func (s *Store) Page(ctx context.Context, f Filter) ([]Subscriber, int, error) {
	where, args, err := f.where(s.DB.Engine)
	if err != nil {
		return nil, 0, fmt.Errorf("subscribers: %w", err)
	}
	order, ok := orders[f.Sort]
	if !ok {
		return nil, 0, fmt.Errorf("subscribers: sort %q is not one of created, email, name", f.Sort)
	}
	if f.Per <= 0 {
		f.Per = 50
	}
	f.Per, f.Page = min(f.Per, 500), max(min(f.Page, maxPage), 1)
	ids, total, err := s.matching(ctx, f, where, order, args)
	if err != nil {
		return nil, 0, fmt.Errorf("subscribers: %w", err)
	}
	among, arg := s.DB.Engine.Among("u.id", 1, ids)
	found, err := schema.Each(ctx, s.DB.Read, scanSubscriber, `select `+subscriberColumns+` from subscribers u where `+among+` order by `+order, arg)
	if err != nil {
		return nil, 0, fmt.Errorf("subscribers: %w", err)
	}
	return found, total, s.decorate(ctx, found)
}

// maxPage is behind the last page of any list, and few enough to count readers up to it.
const maxPage = 1_000_000_000

// few readers are what a search mostly finds.
const few = 1000

// matching returns the numbers of a page's readers, and how many match in all. A search
// looks at every reader: once where it finds few, to find and to count them otherwise.
func (s *Store) matching(ctx context.Context, f Filter, where, order string, args []any) (ids []int64, total int, err error) {
	some := func(limit, offset int) ([]int64, error) {
		return schema.Each(ctx, s.DB.Read, schema.Column[int64], chosenSQL(where, order, len(args)+2), append(slices.Clone(args), limit, offset)...)
	}
	from := (f.Page - 1) * f.Per
	if f.Search != "" {
		if ids, err = some(few+1, 0); err != nil {
			return nil, 0, err
		}
		if n := len(ids); n <= few {
			return ids[min(from, n):min(from+f.Per, n)], n, nil
		}
	}
	if err := s.DB.Read.QueryRowContext(ctx, `select count(*) from subscribers u`+where, args...).Scan(&total); err != nil {
		return nil, 0, err
	}
	ids, err = some(f.Per, from)
	return ids, total, err
}

// decorate fills in lists and suppressions of a page.
func (s *Store) decorate(ctx context.Context, page []Subscriber) error {
	if len(page) == 0 {
		return nil
	}
	at := map[int64]*Subscriber{}
	ids := make([]int64, len(page))
	for i := range page {
		ids[i] = page[i].ID
		page[i].Lists = map[string]State{}
		at[page[i].ID] = &page[i]
	}
	marks, args := placeholders(ids, 0)
	_, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var id int64
		var list string
		var state State
		err := r.Scan(&id, &list, &state)
		if v := at[id]; v != nil {
			v.Lists[list] = state
		}
		return struct{}{}, err
	}, `select s.subscriber_id, l.name, s.state from subscriptions s join lists l on l.id = s.list_id where s.subscriber_id in (`+marks+`)`, args...)
	if err != nil {
		return fmt.Errorf("subscribers: %w", err)
	}
	_, err = schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var id int64
		var reason Reason
		err := r.Scan(&id, &reason)
		if v := at[id]; v != nil {
			v.Suppressed = reason
		}
		return struct{}{}, err
	}, `select u.id, x.reason from subscribers u join suppressions x on x.email_key = u.email_key where u.id in (`+marks+`)`, args...)
	if err != nil {
		return fmt.Errorf("subscribers: %w", err)
	}
	return nil
}

// placeholders is "$1, $2, …" after the first n arguments, one for each value,
// padded with the last to a power of two so that few different statements are
// prepared.
func placeholders[T any](values []T, n int) (string, []any) {
	size := 1
	for size < len(values) {
		size *= 2
	}
	args := make([]any, size)
	var b strings.Builder
	for i := range args {
		args[i] = values[min(i, len(values)-1)]
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n + i + 1))
	}
	return b.String(), args
}

// exportBatch is how many subscribers are read at once for an export: nothing
// stays open in the database while a slow receiver takes them.
const exportBatch = 500

// Export writes the subscribers that match as CSV (RFC 4180, UTF-8), in the
// order they came: address, name, language, zone, text_only, lists with states,
// suppressed, created_at, and a column for each attribute. Cells that a
// spreadsheet would take for a formula begin with a '.
func (s *Store) Export(ctx context.Context, w io.Writer, f Filter) error {
	where, args, err := f.where(s.DB.Engine)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	attrs, err := s.attrNames(ctx, where, args)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	out := csv.NewWriter(w)
	out.Write(append([]string{"email", "name", "language", "zone", "text_only", "lists", "suppressed", "created_at"}, attrs...))
	ids, err := schema.Each(ctx, s.DB.Read, schema.Column[int64], `select u.id from subscribers u`+where+` order by u.id`, args...)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for some := range slices.Chunk(ids, exportBatch) {
		among, arg := s.DB.Engine.Among("u.id", 1, some)
		batch, err := schema.Each(ctx, s.DB.Read, scanSubscriber, `select `+subscriberColumns+` from subscribers u where `+among+` order by u.id`, arg)
		if err == nil {
			err = s.decorate(ctx, batch)
		}
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		for _, v := range batch {
			out.Write(exportRow(v, attrs))
		}
		out.Flush()
		if err := out.Error(); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return nil
}

func exportRow(v Subscriber, attrs []string) []string {
	var lists []string
	for name, state := range v.Lists {
		lists = append(lists, name+":"+string(state))
	}
	slices.Sort(lists)
	row := []string{string(v.Email), cell(v.Name), v.Language, v.Zone, strconv.FormatBool(v.TextOnly), strings.Join(lists, " "), string(v.Suppressed), v.Created.UTC().Format(time.RFC3339)}
	for _, name := range attrs {
		row = append(row, cell(v.Attrs[name]))
	}
	return row
}

// cell disarms text that a spreadsheet would calculate.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t", rune(text[0])) {
		return "'" + text
	}
	return text
}

// attrNames are the attributes that occur, in order.
func (s *Store) attrNames(ctx context.Context, where string, args []any) ([]string, error) {
	seen := map[string]bool{}
	_, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var text string
		if err := r.Scan(&text); err != nil {
			return struct{}{}, err
		}
		var m map[string]string
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return struct{}{}, err
		}
		for k := range m {
			seen[k] = true
		}
		return struct{}{}, nil
	}, `select distinct cast(u.attrs as text) from subscribers u`+where, args...)
	var names []string
	for k := range seen {
		names = append(names, k)
	}
	slices.Sort(names)
	return names, err
}
