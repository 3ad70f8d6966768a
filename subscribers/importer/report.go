package importer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"pressrun/subscribers"
)

// Report says what became of a file.
type Report struct {
	ID           int64     `json:"import"` // number for Undo; 0 after a dry run
	DryRun       bool      `json:"dry_run"`
	Rows         int       `json:"rows"` // without headings and empty lines
	New          int       `json:"new"`
	Added        int       `json:"added"`
	Known        int       `json:"known"`
	Unsubscribed int       `json:"unsubscribed"`
	Suppressed   int       `json:"suppressed"`
	Inactive     int       `json:"inactive"`
	Duplicates   int       `json:"duplicates"`
	Invalid      int       `json:"invalid"`
	Remarks      int       `json:"remarks"` // rows taken, but not all of them
	Typos        int       `json:"typos"`   // rows taken whose address looks mistyped
	Charset      string    `json:"charset"`
	Delimiter    string    `json:"delimiter"`
	Columns      []column  `json:"columns"`
	Problems     []Problem `json:"problems"` // the first MaxProblems of invalid, inactive, remarks and typos
}

// MaxProblems is how many problems a report tells one by one.
const MaxProblems = 1000

// Problem is what is wrong with one row.
type Problem struct {
	Line       int    `json:"line"` // of the file, from 1
	Kind       string `json:"kind"` // invalid | inactive | remark | typo
	Input      string `json:"input,omitempty"`
	Reason     string `json:"reason"`
	Suggestion string `json:"suggestion,omitempty"`
}

// count notes what became of one row.
func (r *Report) count(o subscribers.Outcome) {
	switch o {
	case subscribers.ArrivedNew:
		r.New++
	case subscribers.ArrivedAdded:
		r.Added++
	case subscribers.ArrivedKnown:
		r.Known++
	case subscribers.ArrivedUnsubscribed:
		r.Unsubscribed++
	case subscribers.ArrivedSuppressed:
		r.Suppressed++
	}
}

// Kept is the report as it is stored with an import that is done: without
// addresses, it outlives those that are erased.
func (r Report) Kept() (json.RawMessage, error) {
	problems := make([]Problem, len(r.Problems))
	for i, p := range r.Problems {
		problems[i] = Problem{Line: p.Line, Kind: p.Kind, Reason: p.Reason}
	}
	r.Problems = problems
	return json.Marshal(r)
}

// Count is how many rows became what.
type Count struct {
	N    int
	What string
}

// Counts are what became of the rows, without what none became.
func (r Report) Counts() []Count {
	return slices.DeleteFunc([]Count{
		{r.New, "new readers"}, {r.Added, "known readers, added to this list"}, {r.Known, "on the list already"},
		{r.Unsubscribed, "left this list before: stay away"}, {r.Suppressed, "suppressed: stay away"}, {r.Inactive, "not active according to the file: left out"},
		{r.Duplicates, "twice in the file"}, {r.Invalid, "without a usable address"}, {r.Remarks, "taken, but not all of the row"}, {r.Typos, "taken, but the address looks mistyped"},
	}, func(c Count) bool { return c.N == 0 })
}

// String is the report for a terminal: one fact a line, then the first
// problems.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows, read as %s separated by %q\n", r.Rows, r.Charset, r.Delimiter)
	for _, c := range r.Columns {
		if c.Heading != "" {
			fmt.Fprintf(&b, "  column %-24s → %s\n", c.Heading, strings.Replace(c.Field, "-", "ignored", 1))
		}
	}
	for _, c := range r.Counts() {
		fmt.Fprintf(&b, "%8d %s\n", c.N, c.What)
	}
	const shown = 20
	for i, p := range r.Problems {
		if i == shown {
			fmt.Fprintf(&b, "  and %d more; see --json\n", len(r.Problems)-shown)
			break
		}
		fmt.Fprintf(&b, "  line %d: %s", p.Line, p.Reason)
		if p.Input != "" {
			fmt.Fprintf(&b, ": %s", p.Input)
		}
		if p.Suggestion != "" {
			fmt.Fprintf(&b, " (did you mean %s?)", p.Suggestion)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
