package desk

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"pressrun/templates"
)

// perPage is how many rows a list shows: what its address asks for, else 50.
func perPage(r *request) int {
	n, _ := strconv.Atoi(r.URL.Query().Get("per"))
	if n < 1 {
		return 50
	}
	return min(n, 500)
}

// column is a column of rows that are all at hand. With by it sorts, up and,
// asked once more, down; its key is then in the address.
// A hyphen before the key has the first press sort down: the most, the newest.
type column[T any] struct {
	templates.Column
	key string
	by  func(a, b T) int
}

// arrange searches, sorts and cuts rows that are all at hand, as the address
// asks, and gives the table its head and pager. Rows come in the order that an
// address without one means.
func arrange[T any](r *request, t *templates.Table, rows []T, text func(T) string, columns ...column[T]) []T {
	query, order := r.URL.Query().Get("q"), r.URL.Query().Get("sort")
	rows = slices.DeleteFunc(rows, func(v T) bool { return !contains(text(v), query) })
	key, down := strings.CutPrefix(order, "-")
	for _, c := range columns {
		if c.by != nil {
			c.Column = eitherWay(r, c.Column, c.key, order)
			if strings.TrimPrefix(c.key, "-") == key {
				slices.SortStableFunc(rows, func(a, b T) int {
					if down {
						a, b = b, a
					}
					return c.by(a, b)
				})
			}
		}
		t.Columns = append(t.Columns, c.Column)
	}
	t.Pager = pager(r, pageOf(r), perPage(r), len(rows))
	return cut(rows, pageOf(r), perPage(r))
}

// eitherWay is a column that sorts by key, and the other way when it does already.
// With a hyphen before it the key sorts down.
func eitherWay(r *request, c templates.Column, key, order string) templates.Column {
	up := strings.TrimPrefix(key, "-")
	next := key
	switch {
	case order == key && key == up:
		next = "-" + up
	case order == key:
		next = up
	}
	c.Sort = sorted(r, c.Title, next).Sort
	c.Sorted = map[string]string{up: "ascending", "-" + up: "descending"}[order]
	return c
}

// byText compares rows by a text, case ignored.
func byText[T any](text func(T) string) func(a, b T) int {
	return func(a, b T) int { return cmp.Compare(strings.ToLower(text(a)), strings.ToLower(text(b))) }
}

// searchOf is the search field of a list; what else the address says is kept.
func searchOf(r *request, label string, keep ...string) *templates.Search {
	s := &templates.Search{URL: r.URL.Path, Label: label, Query: r.URL.Query().Get("q"), Keep: map[string]string{}}
	for _, name := range append(keep, "sort", "per") {
		if v := r.URL.Query().Get(name); v != "" {
			s.Keep[name] = v
		}
	}
	return s
}

// whole makes the parts of a list agree: a filter keeps what was searched for and
// how it is sorted, and a list without rows says whether there is nothing at all
// or nothing that was asked for.
func whole(r *request, b templates.TableBody) templates.TableBody {
	asked := r.URL.Query()
	for i, f := range b.Filters {
		to, err := url.Parse(f.URL)
		if err != nil || to.Path != r.URL.Path { // another page
			continue
		}
		q := to.Query()
		for _, name := range []string{"q", "sort", "per"} {
			if v := asked.Get(name); v != "" && !q.Has(name) {
				q.Set(name, v)
			}
		}
		maps.DeleteFunc(q, func(_ string, v []string) bool { return v[0] == "" })
		to.RawQuery = q.Encode()
		b.Filters[i].URL = to.String()
	}
	if len(b.Table.Rows) > 0 {
		return b
	}
	all := &templates.Action{Title: "Show all", URL: r.URL.Path}
	query := strings.TrimSpace(asked.Get("q"))
	for _, name := range []string{"q", "sort", "per", "page"} {
		asked.Del(name)
	}
	narrowed := slices.ContainsFunc(slices.Collect(maps.Values(asked)), func(v []string) bool { return v[0] != "" })
	switch {
	case b.Table.Pager.Total > 0:
		b.Table.Empty = templates.Empty{Text: "The list ends before this page.", Action: all}
	case query != "" && narrowed:
		b.Table.Empty = templates.Empty{Text: "Nothing of the chosen kind matches “" + query + "”.", Action: all}
	case query != "":
		b.Table.Empty = templates.Empty{Text: "Nothing matches “" + query + "”.", Action: all}
	case narrowed:
		b.Table.Empty = templates.Empty{Text: "Nothing of the chosen kind.", Action: all}
	}
	return b
}
