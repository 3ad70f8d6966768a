package segment

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Env is what a rule needs to become SQL.
type Env struct {
	Now   time.Time
	Lists map[string]int64 // names → ids; a list that is not here is an error
	// Arg keeps a value and returns its placeholder ("$7").
	Arg func(v any) string
}

// SQL is the condition in SQL over a table subscribers with the alias u,
// in parentheses. Every part of it is true or false, never null.
func (r *Rule) SQL(env Env) (string, error) {
	for _, name := range r.lists {
		if _, ok := env.Lists[name]; !ok {
			var known []string
			for k := range env.Lists {
				known = append(known, k)
			}
			return "", r.unknownList(name, known)
		}
	}
	w := &writer{env: env}
	r.root.sql(w)
	return w.String(), nil
}

func (r *Rule) unknownList(name string, known []string) error {
	e := &Error{1, 1, fmt.Sprintf("there is no list %q%s", name, didYouMean(name, known))}
	if i := strings.Index(r.Text, strconv.Quote(name)); i >= 0 {
		e.Line = 1 + strings.Count(r.Text[:i], "\n")
		e.Column = 1 + utf8.RuneCountInString(r.Text[strings.LastIndexByte(r.Text[:i], '\n')+1:i])
	}
	return e
}

type writer struct {
	strings.Builder
	env Env
}

func (w *writer) text(v string) string { return "cast(" + w.env.Arg(v) + " as text)" }

func (c constant) sql(w *writer) {
	if c {
		w.WriteString("(1 = 1)")
	} else {
		w.WriteString("(1 = 0)")
	}
}

func (n not) sql(w *writer) {
	w.WriteString("(not ")
	n.of.sql(w)
	w.WriteString(")")
}

func (b both) sql(w *writer) {
	w.WriteString("(")
	b.left.(node).sql(w)
	w.WriteString(" " + b.op.(string) + " ")
	b.right.(node).sql(w)
	w.WriteString(")")
}

func (flag) sql(w *writer) { w.WriteString("(u.text_only)") }

func (m member) sql(w *writer) {
	w.WriteString("(exists (select 1 from subscriptions m where m.subscriber_id = u.id and m.state = 'active' and m.list_id = " +
		strconv.FormatInt(w.env.Lists[m.list], 10) + "))")
}

func (m moment) sql(w *writer) {
	at := m.at
	if at.IsZero() {
		at = w.env.Now.AddDate(0, 0, -m.days)
	}
	w.WriteString("(u.created_at " + m.op + " " + strconv.FormatInt(at.UnixMilli(), 10) + ")")
}

func (a absent) sql(w *writer) { w.WriteString("((" + a.field.column() + ") is null)") }

// column is the field in SQL. Attribute names are letters, digits and _.
func (f field) column() string {
	switch f.name {
	case "email":
		return "u.email_key"
	case "domain": // a canonical address ends in @ and a host name of these letters
		return "substr(u.email_key, length(rtrim(u.email_key, 'abcdefghijklmnopqrstuvwxyz0123456789.-')) + 1)"
	case "name":
		return "u.name_key"
	case "attrs":
		return "u.attrs ->> '" + f.attr + "'"
	}
	return "u." + f.name
}

func (c comparison) sql(w *writer) {
	w.WriteString("(")
	defer w.WriteString(")")
	if c.field.name == "attrs" { // missing is false, whatever it is compared with
		w.WriteString("(" + c.field.column() + ") is not null and ")
	}
	if c.negated {
		w.WriteString("not (")
		defer w.WriteString(")")
	}
	column := "(" + c.field.column() + ")"
	switch c.op {
	case "==":
		w.WriteString(column + " = " + w.text(c.values[0]))
	case "!=":
		w.WriteString(column + " <> " + w.text(c.values[0]))
	case "in":
		w.WriteString(column + " in (")
		for i, v := range c.values {
			if i > 0 {
				w.WriteString(", ")
			}
			w.WriteString(w.text(v))
		}
		w.WriteString(")")
	case "contains":
		w.WriteString(contains(column, w.text(c.values[0])))
	case "startsWith":
		w.WriteString(starts(column, w.text(c.values[0]), c.values[0]))
	case "endsWith":
		w.WriteString(ends(column, w.text(c.values[0]), c.values[0]))
	}
}

// LIKE ignores case on SQLite and not on PostgreSQL, and instr and position
// are each known to one of them. replace, substr and length mean the same.

func contains(column, arg string) string {
	return "replace(" + column + ", " + arg + ", '') <> " + column
}

func starts(column, arg, value string) string {
	return fmt.Sprintf("substr(%s, 1, %d) = %s", column, utf8.RuneCountInString(value), arg)
}

func ends(column, arg, value string) string {
	n := utf8.RuneCountInString(value)
	return fmt.Sprintf("length(%s) >= %d and substr(%s, length(%s) - %d) = %s", column, n, column, column, n-1, arg)
}
