package desk

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"pressrun/digest"
	"pressrun/digest/article"
	"pressrun/templates"
)

// story is the page of one story: its articles, flags and embargo.
func (d *Desk) story(r *request) error { return d.drawStory(r, http.StatusOK, "", "") }

// drawStory draws it with what is wrong with a time or with the number of another
// story, and what was typed in.
func (d *Desk) drawStory(r *request, status int, until, into string) error {
	s, err := d.Digest.Story(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	members, err := d.Digest.Members(r.ctx, s.ID)
	if err != nil {
		return err
	}
	url := fmt.Sprintf("/desk/stories/%d", s.ID)
	_, zone, err := d.zones(r)
	if err != nil {
		return err
	}
	embargo := templates.Cell{Text: "none"}
	if !s.NotBefore.IsZero() {
		embargo = d.nearIn(s.NotBefore.In(zone))
	}
	body := templates.RecordBody{State: state(s.Standing()), Facts: []templates.Fact{
		{Name: "Story", Value: templates.Cell{Text: fmt.Sprintf("No. %d", s.ID)}},
		{Name: "Article", Value: templates.Cell{Text: s.URL, URL: s.URL}},
		{Name: "Source", Value: templates.Cell{Text: s.SourceTitle, Note: "rights: " + s.Rights}},
		{Name: "Length", Value: templates.Cell{Text: length(s.Body)}},
		{Name: "Published", Value: d.near(s.Published)}, {Name: "Embargo until", Value: embargo},
		{Name: "Flags", Value: templates.Cell{Text: cmp.Or(s.Flags, "none")}},
	}}
	told, err := d.Digest.SeenIn(r.ctx, s.ID)
	if err != nil {
		return err
	}
	if len(told) > 0 {
		body.Facts = append(body.Facts, templates.Fact{Name: "Told in", Value: templates.Cell{Text: told[0], Note: more(told)}})
	}
	t := templates.Table{Caption: "Articles that tell it", Columns: []templates.Column{{Title: "Article", Wide: true}, {Title: "Why it is the same story", Wide: true}}}
	for _, m := range members {
		row := templates.Row{Cells: []templates.Cell{{Text: m.Title, URL: m.URL, Note: m.Source, Direction: "auto"}, {Text: m.Why, Direction: "auto"}}}
		if !m.Shown {
			row.Actions = []templates.Action{{Title: "Split off", URL: url, Method: "post", Do: fmt.Sprintf("split:%d", m.ID), Confirm: "Make this article a story of its own? The choice sticks."}}
		}
		t.Rows = append(t.Rows, row)
	}
	post := func(title, do, confirm string) templates.Action {
		return templates.Action{Title: title, URL: url, Method: "post", Do: do, Confirm: confirm}
	}
	switch s.State {
	case "live":
		body.Actions = []templates.Action{post("News again", "update", "Let newsletters that told this story tell it once more?"), post("Block", "block", askBlock(told))}
	case "blocked", "gone":
		body.Actions = []templates.Action{post("Let it in again", "restore", "")}
	}
	body.Tables = []templates.TableSection{{Title: "Articles", Table: t}}
	switch x, err := d.Explain(r.ctx, s.ID); {
	case err == nil:
		body.Facts = append(body.Facts, templates.Fact{Name: "Ranks", Value: templates.Cell{Text: x.Line}})
		for _, n := range x.Next {
			body.Facts = append(body.Facts, templates.Fact{Name: "Next " + n.Edition, Value: templates.Cell{Text: n.Place, Note: n.Why}})
		}
		body.Tables = append(body.Tables, arithmetic(x))
	case !errors.Is(err, digest.ErrNotFound): // too old to rank
		d.Log.Warn("desk: explain a story", "story", s.ID, "err", err)
	}
	if body.Forms, err = d.storyForms(r, s, url, until, into); err != nil {
		return err
	}
	return d.drawStatus(r, status, templates.DeskRecord, templates.DeskPage{Title: s.Title, Current: "Stories", Body: body})
}

// storyForms are what an editor may decide about a story. until and into say what is
// wrong with what was typed in.
func (d *Desk) storyForms(r *request, s digest.Story, url, until, into string) ([]templates.FormBody, error) {
	flags := []templates.Option{{Title: "choose one"}}
	for _, f := range digest.Flags {
		if s.Has(f) {
			flags = append(flags, templates.Option{Value: "-" + f, Title: "take off " + f})
		} else {
			flags = append(flags, templates.Option{Value: f, Title: "set " + f})
		}
	}
	fields, err := d.embargoFields(r, s.NotBefore, "Empty lifts the embargo.", until)
	if err != nil {
		return nil, err
	}
	hidden := func(do string) templates.Field { return templates.Field{Name: "do", Kind: "hidden", Value: do} }
	return []templates.FormBody{
		{Title: "Flag", Intro: "Opinion, satire, live and paid are labelled for readers. Legal shows the headline only. Sensitive stands without decoration. What you set stays, whatever the source says.", URL: url, Submit: "Save",
			Fields: []templates.Field{hidden("flag"), {Name: "flag", Label: "Flag", Kind: "select", Options: flags, Needed: true}}},
		{Title: "Embargo", Intro: "The story stands in no issue before this time.", URL: url, Submit: "Save",
			Fields: append([]templates.Field{hidden("hold")}, fields...)},
		{Title: "Merge", Intro: "This story becomes part of another; the choice sticks.", URL: url, Submit: "Merge",
			Confirm: "Make this story part of the other one? The choice sticks, and an issue that waits with both tells the other alone.",
			Fields:  []templates.Field{hidden("merge"), {Name: "into", Label: "Number of the story that stays", Kind: "number", Value: r.FormValue("into"), Problem: into, Needed: true}}},
	}, nil
}

func more(told []string) string {
	if len(told) < 2 {
		return ""
	}
	return "and " + plural(len(told)-1, "more issue", "more issues")
}

// askBlock asks whether to block a story; told are the issues that went out with it.
func askBlock(told []string) string {
	ask := "Keep this story out of every issue? It leaves those that wait; you can let it in again."
	return strings.TrimSpace(ask + " " + LeftByBlock(told))
}

// LeftByBlock says what the block of a story does not change in the issues that went
// out with it; "" when there are none.
func LeftByBlock(told []string) string {
	if len(told) == 0 {
		return ""
	}
	return strings.TrimSpace(told[0]+" "+more(told)) + " went out with it: mails that were delivered keep it, copies that are still to go out show it, and the archive goes on showing the issue as it was sent."
}

// length is how long an article is: "812 words, 4 min to read".
func length(text string) string {
	if text == "" {
		return "its text is no longer kept"
	}
	return fmt.Sprintf("%s, %d min to read", plural(len(strings.Fields(text)), "word", "words"), article.Minutes(text))
}

// arithmetic is how the score of a story came about.
func arithmetic(x Explained) templates.TableSection {
	t := templates.Table{Caption: x.Score, Columns: []templates.Column{{Title: "Term", Wide: true}, {Title: "Value", Number: true}, {Title: "Weight", Number: true}, {Title: "Product", Number: true}}}
	for _, term := range x.Terms {
		row := []templates.Cell{{Text: term.Name}, {}, {}, {Text: fmt.Sprintf("%+.4f", term.Sum)}}
		if term.Weight != 0 {
			row[1].Text, row[2].Text = fmt.Sprintf("%.4f", term.Value), fmt.Sprintf("%+.4f", term.Weight)
		}
		t.Rows = append(t.Rows, templates.Row{Cells: row})
	}
	return templates.TableSection{Title: "S" + strings.TrimPrefix(strings.TrimSuffix(x.Score, ":"), "s"), Table: t}
}

// storyChange does what an editor asks of a story that issues may show already.
func (d *Desk) storyChange(r *request, id int64, do, value string) error {
	said, back := "", fmt.Sprintf("/desk/stories/%d", id)
	var err error
	switch do {
	case "block":
		said, back, err = "The story is kept out of every issue from now on, and leaves those that wait.", "/desk/stories", d.Digest.BlockStory(r.ctx, id)
	case "restore":
		said, err = "Issues may show the story again.", d.Digest.RestoreStory(r.ctx, id)
	case "flag":
		flag, off := strings.CutPrefix(r.FormValue("flag"), "-")
		said, err = "The flag is changed, and stays so.", d.Digest.FlagStory(r.ctx, id, flag, !off)
	case "hold":
		now, e := d.Digest.Story(r.ctx, id)
		if e != nil {
			return e
		}
		until, e := d.readEmbargo(r, now.NotBefore)
		if no, ok := errors.AsType[Refusal](e); ok {
			return d.drawStory(r, http.StatusBadRequest, no.Error(), "")
		}
		if e != nil {
			return e
		}
		said, err = "The story is under no embargo.", d.Digest.HoldStory(r.ctx, id, until.At)
		if until.Said != "" {
			said = "The story stands in no issue before " + until.Said
		}
	case "split":
		member, _ := strconv.ParseInt(value, 10, 64)
		said, err = "The article is a story of its own.", d.Digest.SplitStory(r.ctx, id, member)
	case "merge":
		into, _ := strconv.ParseInt(strings.TrimSpace(r.FormValue("into")), 10, 64)
		if err = d.Digest.MergeStories(r.ctx, id, into); errors.Is(err, digest.ErrNotFound) || errors.Is(err, digest.ErrState) {
			return d.drawStory(r, http.StatusBadRequest, "", "Give the number of another story that stands by itself: it is the last part of the address of its page here. Nothing was changed.")
		}
		said, back, id = "The stories are one.", fmt.Sprintf("/desk/stories/%d", into), into
	default:
		return digest.ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := d.StoryChanged(r.ctx, id, do, r.user.Email); err != nil {
		return err
	}
	return done(r, back, said)
}
