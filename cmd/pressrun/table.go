package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table prints aligned columns under their headings, or says that there is
// nothing and what to do next.
func table(w io.Writer, empty string, headings string, rows func(row func(cells ...any))) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	n := 0
	rows(func(cells ...any) {
		if n == 0 {
			fmt.Fprintln(t, strings.ReplaceAll(headings, " | ", "\t"))
		}
		n++
		text := make([]string, len(cells))
		for i, c := range cells {
			text[i] = strings.ReplaceAll(strings.ReplaceAll(fmt.Sprint(c), "\t", " "), "\n", " ")
		}
		fmt.Fprintln(t, strings.Join(text, "\t"))
	})
	t.Flush()
	if n == 0 {
		fmt.Fprintln(w, empty)
	}
}

// when is a time for people: to the minute, with its zone; "–" for never.
func when(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.Local().Format("2006-01-02 15:04 MST")
}

// clip shortens a text for a column.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
