package digest

import (
	"context"
	"errors"
	"strings"
	"time"

	"pressrun/digest/summary"
)

// Summarizer writes what may stand for an article in place of sentences chosen
// from it. It may be called concurrently, and has to end soon after ctx.
type Summarizer interface {
	// Summarize returns a summary whose Method is "ai". An error of type
	// interface{ Reason() string } says in words why there is none; the chosen
	// sentences stand then.
	Summarize(ctx context.Context, d summary.Doc, o summary.Options) (summary.Summary, error)
}

// Most words and sentences of a summary for a newsletter's tone "line", and of
// a source that may only be quoted.
const (
	lineWords  = 30
	quoteWords = 20 // the right to quote: a headline and twenty words
)

// summarise chooses the sentences of the summaries that no editor wrote. None is
// one of those that were said already, and none stands twice.
func summarise(list []Chosen, spec Spec, said []string) {
	for i := range list {
		c := &list[i]
		if c.State != "in" || c.Method == "editor" {
			continue
		}
		c.AI, c.Spans = false, nil
		if spec.Tones[c.Section] == "headline" {
			c.Summary, c.Method, c.MethodReason = "", "none", "this section shows headlines alone"
			continue
		}
		if c.Story.Has("legal") {
			c.Summary, c.Method, c.MethodReason = "", "none", "flagged legal: headline only"
			continue
		}
		o := spec.options(*c)
		o.Avoid = said
		sum := summary.Summarize(docFor(c.Story), o)
		c.Summary, c.Method, c.MethodReason = sum.Text, sum.Method, sum.Reason
		for _, s := range sum.Sentences {
			c.Spans = append(c.Spans, s.Spans)
		}
		said = append(said, strings.Split(c.Printed(), "\n")...)
	}
}

// editorsWords are the summaries that stay whatever else is chosen.
func editorsWords(list []Chosen) []string {
	var said []string
	for _, c := range list {
		if c.State == "in" && c.Method == "editor" {
			said = append(said, strings.Split(c.Summary, "\n")...)
		}
	}
	return said
}

func docFor(s Story) summary.Doc {
	return summary.Doc{Language: s.Language, Title: s.Title, Text: s.Body, Description: s.Description}
}

// options is how long the summary of a story may be.
func (s Spec) options(c Chosen) summary.Options {
	o := summary.Options{Words: s.Words, Sentences: s.Sentences}
	if s.Tones[c.Section] == "line" {
		o.Words, o.Sentences = min(o.Words, lineWords), 1
	}
	if c.Story.Rights == "quote" {
		o.Words = min(o.Words, quoteWords)
	}
	return o
}

// Time that writing the summaries of an issue may take.
const (
	writeTime = time.Minute
	writeRest = 5 * time.Minute // left before the slot for sealing and checks
)

// timeToWrite is how long the language model may take for an issue. An issue
// that goes out by itself never waits for it; one that a person has to approve
// waits for him anyway.
func (b *Builder) timeToWrite(i Issue) time.Duration {
	if i.Spec.Approval == "hold" {
		return writeTime
	}
	return min(writeTime, i.SlotAt.Sub(b.Now())-writeRest)
}

// rewrite lets the Summarizer write in place of the chosen sentences, all
// stories at once, and takes what has come when the time is over.
func (b *Builder) rewrite(ctx context.Context, issue Issue, list []Chosen) {
	if b.Summarizer == nil || !issue.Spec.AI {
		return
	}
	limit := b.timeToWrite(issue)
	ctx, cancel := context.WithTimeout(ctx, max(limit, 0))
	defer cancel()
	type answer struct {
		at  int
		sum summary.Summary
		err error
	}
	coming := make(chan answer, len(list)) // nobody waits for a late one
	answers := map[int]answer{}
	asked := 0
	for i := range list {
		c := &list[i]
		if why := whyNotAsked(*c, limit); why != "" {
			c.note(why)
			continue
		}
		asked++
		answers[i] = answer{err: errLate}
		d, o := docFor(c.Story), issue.Spec.options(*c)
		go func() {
			sum, err := b.Summarizer.Summarize(ctx, d, o)
			coming <- answer{i, sum, err}
		}()
	}
	for over := false; asked > 0 && !over; asked-- {
		select {
		case a := <-coming:
			answers[a.at] = a
		case <-ctx.Done():
			over = true
		}
	}
	for i := range list {
		if a, ok := answers[i]; ok {
			takeAnswer(list, i, a.sum, a.err)
		}
	}
}

// errLate stands for an answer that has not come.
var errLate = errors.New("no answer in time")

// whyNotAsked says why the language model is not asked about a story: "" = it
// is, "-" = no word about it.
func whyNotAsked(c Chosen, limit time.Duration) string {
	switch {
	case c.State != "in" || c.Method == "editor" || c.Method == "none":
		return "-"
	case c.Story.Has("legal"):
		return "not sent to the language model: flagged legal"
	case c.Story.Rights == "quote":
		return "not sent to the language model: the source may only be quoted"
	case limit <= 0:
		return "not sent to the language model: the issue is due"
	}
	return ""
}

// note adds to the reason that the desk shows.
func (c *Chosen) note(why string) {
	if why != "-" {
		c.MethodReason = strings.Trim(c.MethodReason+"; "+why, "; ")
	}
}

// takeAnswer puts what was written in place of the chosen sentences, unless
// another story of the edition says the same.
func takeAnswer(list []Chosen, i int, sum summary.Summary, err error) {
	c := &list[i]
	var why interface{ Reason() string }
	switch {
	case errors.As(err, &why):
		c.note("the language model's text is not used: " + why.Reason())
		return
	case errors.Is(err, errLate) || errors.Is(err, context.DeadlineExceeded):
		c.note("the language model did not answer in time")
		return
	case err != nil:
		c.note("the language model did not answer")
		return
	}
	for n, o := range list {
		if n != i && o.Edition == c.Edition && o.State == "in" && summary.Repeats(sum.Text, strings.Split(o.Printed(), "\n")) {
			c.note("the language model's text is not used: another story says the same")
			return
		}
	}
	c.Summary, c.Method, c.MethodReason, c.AI, c.Spans = sum.Text, "ai", sum.Reason, true, nil
}
