package desk

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"pressrun/subscribers"
	"pressrun/subscribers/segment"
	"pressrun/templates"
)

// lists is the page Lists, with the form for another.
func (d *Desk) lists(r *request) error { return d.drawLists(r, http.StatusOK, "") }

func (d *Desk) drawLists(r *request, status int, problem string) error {
	list, err := d.Subscribers.CountedLists(r.ctx)
	if err != nil {
		return err
	}
	number := func(n int) templates.Cell { return templates.Cell{Text: templates.Words("en").Number(n)} }
	t := templates.Table{Caption: "Lists", Empty: templates.Empty{Text: "No list yet. One is made here, or on the server: pressrun list add NAME"}}
	type l = subscribers.List
	count := func(title, key string, n func(l) int) column[l] {
		return column[l]{templates.Column{Title: title, Number: true}, key, func(a, b l) int { return cmp.Compare(n(a), n(b)) }}
	}
	in := func(state subscribers.State) func(l) int { return func(x l) int { return x.Counts[state] } }
	for _, l := range arrange(r, &t, list, func(x l) string { return x.Title + " " + x.Name },
		column[l]{templates.Column{Title: "List", Wide: true}, "title", byText(func(x l) string { return x.Title })},
		count("Readers", "readers", func(x l) int { return x.Reached }), count("Unconfirmed", "pending", in(subscribers.Pending)),
		count("Paused", "paused", in(subscribers.Paused)), count("Left", "left", in(subscribers.Unsubscribed)),
		column[l]{Column: templates.Column{Title: "Sign-up page"}}) {
		row := templates.Row{Cells: []templates.Cell{{Text: l.Title, URL: "/desk/subscribers?list=" + l.Name, Note: l.Name, Direction: "auto"},
			number(l.Reached), number(l.Counts[subscribers.Pending]), number(l.Counts[subscribers.Paused]), number(l.Counts[subscribers.Unsubscribed]), {Text: l.Offered()}}}
		if r.user.May("list admin") {
			row.Actions = []templates.Action{{Title: "Change", URL: fmt.Sprintf("/desk/lists/%d", l.ID)}}
		}
		t.Rows = append(t.Rows, row)
	}
	var forms []templates.FormBody
	if r.user.May("list admin") {
		form := listForm(typedList(r, subscribers.List{}))
		form.Title, form.URL, form.Submit = "Make a list", "/desk/lists", "Make it"
		form.Fields = append([]templates.Field{{Name: "name", Label: "Short name", Kind: "text", Value: r.FormValue("name"), Help: "morning; of a–z, 0–9 and -, and it stays", Problem: problem, Needed: true}}, form.Fields...)
		forms = []templates.FormBody{form}
	}
	return d.drawStatus(r, status, templates.DeskTable, templates.DeskPage{Title: "Lists", Current: "Lists", Action: &templates.Action{Title: "Segments", URL: "/desk/lists/segments"}, Body: templates.TableBody{Search: searchOf(r, "Search lists"), Table: t, Forms: forms}})
}

// typedList is a list as a form was filled in for it.
func typedList(r *request, l subscribers.List) subscribers.List {
	value := func(name string) string { return strings.TrimSpace(r.FormValue(name)) }
	l.Title, l.Description, l.Language, l.Public = value("title"), value("description"), cmp.Or(value("language"), "en"), r.FormValue("public") != "no"
	for _, lang := range otherLanguages(l) {
		l.Say(lang, subscribers.ListWords{Title: value("title-" + lang), Description: value("description-" + lang)})
	}
	return l
}

// otherLanguages are those that the public pages speak beside the list's own.
func otherLanguages(l subscribers.List) []string {
	own, _, _ := strings.Cut(strings.ToLower(l.Language), "-")
	return slices.DeleteFunc(templates.Languages(), func(lang string) bool { return lang == own })
}

// listForm asks for what readers see of a list.
func listForm(l subscribers.List) templates.FormBody {
	form := templates.FormBody{Fields: []templates.Field{
		{Name: "title", Label: "Name that readers see", Kind: "text", Value: l.Title, Help: "for instance: Morning Digest"},
		{Name: "description", Label: "What comes, and how often", Kind: "text", Value: l.Description, Help: "for instance: The news of the night, each day at 07:00"},
		{Name: "language", Label: "Language of its confirmation mails", Kind: "text", Value: l.Language, Help: "en, ur, ru …, where the form has none"},
		{Name: "public", Label: "Sign-up page and archive", Kind: "select", Options: []templates.Option{{Value: "yes", Title: "Offered: everybody may join and read its newsletters"},
			{Value: "no", Title: "Not offered: readers come by import or by hand, and read what was mailed to them", Selected: !l.Public}}},
	}}
	for _, lang := range otherLanguages(l) {
		form.Fields = append(form.Fields, templates.Field{Name: "title-" + lang, Label: "Name, in " + templates.Words(lang).Name, Kind: "text", Value: l.Said(lang).Title, Help: "for readers of this language; empty = the name above"},
			templates.Field{Name: "description-" + lang, Label: "What comes, in " + templates.Words(lang).Name, Kind: "text", Value: l.Said(lang).Description})
	}
	return form
}

// list is the page on which a list is changed.
func (d *Desk) list(r *request) error {
	l, err := d.listOf(r)
	if err != nil {
		return err
	}
	return d.drawList(r, http.StatusOK, l)
}

func (d *Desk) listOf(r *request) (subscribers.List, error) {
	all, err := d.Subscribers.Lists(r.ctx)
	for _, l := range all {
		if l.ID == r.id("id") {
			return l, nil
		}
	}
	return subscribers.List{}, cmp.Or(err, subscribers.ErrNotFound)
}

func (d *Desk) drawList(r *request, status int, l subscribers.List, said ...templates.Flash) error {
	form := listForm(l)
	form.URL, form.Submit = fmt.Sprintf("/desk/lists/%d", r.id("id")), "Save"
	form.Intro = "Who reads it goes on doing so, offered or not. A newsletter that says archive = \"public\" or \"private\" itself keeps to that."
	return d.drawStatus(r, status, templates.DeskForm, templates.DeskPage{Title: "List " + l.Name, Current: "Lists", Action: &templates.Action{Title: "All lists", URL: "/desk/lists"}, Flash: said, Body: form})
}

func (d *Desk) listSet(r *request) error {
	was, err := d.listOf(r)
	if err != nil {
		return err
	}
	next := typedList(r, was)
	l, err := d.Subscribers.SetList(r.ctx, next)
	if errors.Is(err, subscribers.ErrLanguage) {
		return d.drawList(r, http.StatusBadRequest, next, templates.Flash{Kind: templates.KindAlert, Text: sentence(err.Error())})
	}
	if err != nil {
		return err
	}
	d.record(r, "set", "list "+l.Name, l.Change(was))
	return done(r, "/desk/lists", "The list "+l.Title+" is changed.")
}

func (d *Desk) listAdd(r *request) error {
	l, err := d.Subscribers.CreateList(r.ctx, typedList(r, subscribers.List{Name: strings.TrimSpace(r.FormValue("name"))}))
	switch {
	case errors.Is(err, subscribers.ErrName):
		return d.drawLists(r, http.StatusBadRequest, sentence(subscribers.ErrName.Error()))
	case errors.Is(err, subscribers.ErrTaken):
		return d.drawLists(r, http.StatusBadRequest, "There is a list of this name already; choose another.")
	case errors.Is(err, subscribers.ErrLanguage):
		return d.drawLists(r, http.StatusBadRequest, sentence(err.Error()))
	case err != nil:
		return err
	}
	d.record(r, "make", "list "+l.Name, l.Title)
	return done(r, "/desk/lists", "The list "+l.Title+" is made.")
}

// segments lists the rules that choose readers of a list, with the form for one.
func (d *Desk) segments(r *request) error { return d.drawSegments(r, http.StatusOK, "", "") }

// drawSegments draws it with what is wrong with a name or a rule.
func (d *Desk) drawSegments(r *request, status int, name, rule string) error {
	list, err := d.Subscribers.Segments(r.ctx)
	if err != nil {
		return err
	}
	t := templates.Table{Caption: "Segments", Empty: templates.Empty{Text: "No segment yet: newsletters go to whole lists."}}
	type g = subscribers.Segment
	for _, x := range arrange(r, &t, list, func(x g) string { return x.Name + " " + x.Rule },
		column[g]{templates.Column{Title: "Segment"}, "name", byText(func(x g) string { return x.Name })},
		column[g]{templates.Column{Title: "Rule", Wide: true}, "rule", byText(func(x g) string { return x.Rule })}) {
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: x.Name}, {Text: x.Rule}},
			Actions: []templates.Action{{Title: "Forget", URL: "/desk/lists/segments", Method: "post", Do: "forget:" + x.Name, Danger: true, Confirm: "Forget this segment? A newsletter that names it is held, never sent to everyone."}}})
	}
	var forms []templates.FormBody
	if r.user.May("list admin") {
		forms = []templates.FormBody{{Title: "Make or change a segment", URL: "/desk/lists/segments", Submit: "Save", Fields: []templates.Field{
			{Name: "name", Label: "Name", Kind: "text", Value: r.FormValue("name"), Help: "lahore; a name that is known gets the new rule", Problem: name, Needed: true},
			{Name: "rule", Label: "Readers for whom this is true", Kind: "text", Value: r.FormValue("rule"), Help: `language == "ur" && attrs.city == "Lahore"`, Problem: rule, Needed: true},
		}}}
	}
	return d.drawStatus(r, status, templates.DeskTable, templates.DeskPage{Title: "Segments", Current: "Lists", Action: &templates.Action{Title: "Lists", URL: "/desk/lists"}, Body: templates.TableBody{Search: searchOf(r, "Search segments"), Table: t, Forms: forms}})
}

func (d *Desk) segmentAct(r *request) error {
	if do, name, _ := strings.Cut(r.FormValue("do"), ":"); do == "forget" {
		if err := d.Subscribers.RemoveSegment(r.ctx, name); err != nil {
			return err
		}
		d.record(r, "forget", "segment "+name, "")
		return done(r, "/desk/lists/segments", "The segment is forgotten.")
	}
	v, err := d.Subscribers.SaveSegment(r.ctx, strings.TrimSpace(r.FormValue("name")), strings.TrimSpace(r.FormValue("rule")))
	var wrong *segment.Error
	switch {
	case errors.Is(err, subscribers.ErrName):
		return d.drawSegments(r, http.StatusBadRequest, sentence(subscribers.ErrName.Error()), "")
	case errors.As(err, &wrong):
		return d.drawSegments(r, http.StatusBadRequest, "", sentence(wrong.Error()))
	case err != nil:
		return err
	}
	n, _, err := d.Subscribers.TryRule(r.ctx, v.Rule)
	if err != nil {
		return err
	}
	d.record(r, "set", "segment "+v.Name, v.Rule)
	return done(r, "/desk/lists/segments", fmt.Sprintf("Saved. The rule is true of %s now, whatever they read.", plural(n, "reader", "readers")))
}
