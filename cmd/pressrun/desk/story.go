package desk

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"pressrun/digest"
	"pressrun/templates"
)

// issueStory is one story of an issue with its article.
func (d *Desk) issueStory(r *request) error {
	i, err := d.Digest.Issue(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	chosen, err := d.Digest.Chosen(r.ctx, i.ID)
	if err != nil {
		return err
	}
	edition, id := r.PathValue("edition"), r.id("story")
	at := slices.IndexFunc(chosen, func(c digest.Chosen) bool { return c.Edition == edition && c.Story.ID == id })
	if at < 0 {
		return digest.ErrNotFound
	}
	c := chosen[at]
	st, why := origin(c)
	body := templates.StoryBody{
		Newsletter: i.Spec.Title, Number: i.Number, Section: map[string]string{"trending": "Trending Now", "latest": "Latest News"}[c.Section],
		Title: c.Title, URL: c.Story.URL, Source: c.Story.SourceTitle, Language: c.Story.Language, Direction: c.Story.Direction,
		Summary: lines(c.Printed()), State: st, Why: why, Edited: c.EditedBy, OriginalTitle: c.OriginalTitle, Original: lines(c.OriginalSummary), Wording: c.Wording(),
	}
	if !c.EditedAt.IsZero() {
		body.EditedWhen, body.EditedHover = templates.Near(c.EditedAt, d.Now()), templates.Exact(c.EditedAt)
	}
	body.Article, body.Note = marked(c)
	if i.State == "draft" || i.State == "held" || i.State == "approved" {
		body.Action = r.URL.Path + looking(r)
		if c.AI && !c.Reviewed() && c.Printed() != "" {
			body.Review = "Until somebody does, mail, text part and archive tell readers that AI wrote it. Another edit takes it back."
		}
	}
	return d.draw(r, templates.DeskArticle, templates.DeskPage{Title: c.Title, Current: "Issues", Body: body,
		Action: &templates.Action{Title: "The issue", URL: fmt.Sprintf("%s?edition=%s%s#story-%d", issueURL(i.ID), url.QueryEscape(edition), strings.Replace(looking(r), "?", "&", 1), c.Story.ID)}})
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// origins are the words for where a summary comes from.
var origins = map[string]string{
	"extract": "chosen sentences", "lead": "the article's opening", "description": "the feed's description", "headline": "headline alone",
	"none": "headline alone", "editor": "written by an editor", "ai": "written by AI",
}

// origin says where a summary comes from, and why it is that.
func origin(c digest.Chosen) (templates.State, string) {
	s := templates.State{Kind: templates.KindPlain, Word: origins[c.Method]}
	why := strings.TrimPrefix(strings.TrimPrefix(c.MethodReason, "chosen sentences"), "; ")
	switch {
	case c.AI && c.Reviewed():
		s = templates.State{Kind: templates.KindGood, Word: "written by AI, reviewed by " + c.ReviewedBy}
	case c.AI && c.ReviewedBy != "":
		s = templates.State{Kind: templates.KindWarn, Word: "written by AI, changed since " + c.ReviewedBy + " reviewed it"}
	case c.AI && c.Method == "editor":
		s = templates.State{Kind: templates.KindWarn, Word: "written by AI, edited, not reviewed"}
	case c.AI:
		s = templates.State{Kind: templates.KindWarn, Word: "written by AI, not reviewed"}
	case c.Method == "editor":
		why = ""
	case refused(c):
		s.Kind = templates.KindWait
	}
	return s, why
}

// refused says whether a language model's text was not used.
func refused(c digest.Chosen) bool {
	return !c.AI && strings.Contains(c.MethodReason, "language model")
}

// summed is what the list of stories says about a summary.
func summed(c digest.Chosen) string {
	switch {
	case c.AI && c.Reviewed():
		return "AI, reviewed"
	case c.AI:
		return "AI, not reviewed"
	case refused(c):
		return "not by AI: " + whyRefused(c)
	case c.Method == "headline":
		return "no summary"
	}
	return ""
}

// whyRefused is the part of the reason that tells of the language model.
func whyRefused(c digest.Chosen) string {
	why := c.MethodReason
	if i := strings.LastIndex(why[:strings.Index(why, "language model")], "; "); i >= 0 {
		why = why[i+2:]
	}
	return strings.TrimPrefix(why, "the language model's text is not used: ")
}

// marked is the article in paragraphs, with the sentences marked that were
// chosen from it.
func marked(c digest.Chosen) ([][]templates.Piece, string) {
	text := c.Story.Body
	if text == "" {
		return nil, "Its text is no longer kept."
	}
	type mark struct{ from, to, n int }
	var marks []mark
	valid := true
	last := 0
	for n, spans := range c.Spans {
		for _, s := range spans {
			valid = valid && s[0] >= last && s[1] > s[0] && s[1] <= len(text)
			marks = append(marks, mark{s[0], s[1], n + 1})
			last = s[1]
		}
	}
	note := ""
	switch {
	case !valid || len(marks) > 0 && !agrees(c):
		marks, note = nil, "The article was changed since its sentences were chosen, so none is marked."
	case len(marks) == 0:
		note = "No sentence of the summary was taken from the article as it stands."
	case c.Method == "editor":
		note = "Marked are the sentences of the original summary."
	}
	var out [][]templates.Piece
	var p []templates.Piece
	flush := func() {
		if len(p) > 0 {
			out = append(out, p)
		}
		p = nil
	}
	put := func(s string, n int) {
		for i, part := range strings.Split(s, "\n") {
			if i > 0 {
				flush()
			}
			if strings.TrimSpace(part) != "" || part != "" && len(p) > 0 {
				p = append(p, templates.Piece{Text: part, Mark: n})
			}
		}
	}
	at := 0
	for _, m := range marks {
		put(text[at:m.from], 0)
		put(text[m.from:m.to], m.n)
		at = m.to
	}
	put(text[at:], 0)
	flush()
	return out, note
}

// agrees says whether the spans still hold the sentences that were chosen.
func agrees(c digest.Chosen) bool {
	said := lines(c.Summary)
	if c.OriginalMethod != "" {
		said = lines(c.OriginalSummary)
	}
	if len(said) != len(c.Spans) {
		return false
	}
	for n, spans := range c.Spans {
		var parts []string
		for _, s := range spans {
			parts = append(parts, c.Story.Body[s[0]:s[1]])
		}
		if strings.Join(parts, " ") != said[n] {
			return false
		}
	}
	return true
}

// writerChecks are the preflight's lines about a language model's summaries.
func writerChecks(chosen []digest.Chosen) []templates.Check {
	waiting, unused := map[int64]bool{}, map[int64]bool{}
	for _, c := range chosen {
		if c.State == "in" && c.AI && !c.Reviewed() {
			waiting[c.Story.ID] = true
		}
		if c.State == "in" && refused(c) {
			unused[c.Story.ID] = true
		}
	}
	var out []templates.Check
	if n := len(waiting); n > 0 {
		out = append(out, templates.Check{State: templates.State{Kind: templates.KindWarn, Word: "not reviewed"}, Text: plural(n, "summary was", "summaries were") + " written by AI and not reviewed; readers are told so.", Repair: "they go out marked"})
	}
	if n := len(unused); n > 0 {
		out = append(out, templates.Check{State: templates.State{Kind: templates.KindPlain, Word: "not by AI"}, Text: plural(n, "summary is", "summaries are") + " made of the article’s sentences, because the language model’s text was not used. Each story says why."})
	}
	return out
}
