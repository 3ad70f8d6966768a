package desk

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/templates"
)

// ahead is the page of what was decided about articles that are not collected yet.
func (d *Desk) ahead(r *request) error { return d.drawAhead(r, http.StatusOK, "", "") }

// drawAhead draws it with what is wrong with an address or a time.
func (d *Desk) drawAhead(r *request, status int, address, until string) error {
	list, err := d.Digest.Orders(r.ctx)
	if err != nil {
		return err
	}
	t := templates.Table{Caption: "Decided ahead", Empty: templates.Empty{Text: "Nothing waits for its article."}}
	type o = digest.Order
	for _, x := range arrange(r, &t, list, func(x o) string { return x.URL + " " + x.Words() + " " + x.By },
		column[o]{templates.Column{Title: "Address", Wide: true}, "address", byText(func(x o) string { return bare(x.URL) })},
		column[o]{templates.Column{Title: "What", Wide: true}, "what", byText(o.Words)},
		column[o]{templates.Column{Title: "By"}, "by", byText(func(x o) string { return x.By })},
		column[o]{templates.Column{Title: "Since"}, "since", func(a, b o) int { return a.At.Compare(b.At) }}) {
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: bare(x.URL), URL: x.URL}, {Text: x.Words()}, {Text: x.By}, d.near(x.At)},
			Actions: []templates.Action{{Title: "Take back", URL: "/desk/stories/ahead", Method: "post", Do: fmt.Sprintf("drop:%d", x.ID)}}})
	}
	var forms []templates.FormBody
	if r.user.May("editor") {
		whats := []templates.Option{{Value: "hold", Title: "Stand in no issue before the time below"}, {Value: "block", Title: "Stand in no issue at all"}}
		for _, f := range digest.Flags {
			whats = append(whats, templates.Option{Value: f, Title: "Be flagged " + f})
		}
		for i := range whats {
			whats[i].Selected = whats[i].Value == r.FormValue("what")
		}
		fields, err := d.embargoFields(r, time.Time{}, "For the first choice only.", until)
		if err != nil {
			return err
		}
		forms = []templates.FormBody{{Title: "Decide ahead", Intro: "An article that is collected already follows at once.", URL: "/desk/stories/ahead", Submit: "Save", Fields: append([]templates.Field{
			{Name: "address", Label: "Address of the article", Kind: "url", Value: r.FormValue("address"), Help: "https://news.example/2026/ferry", Problem: address, Needed: true},
			{Name: "what", Label: "It shall", Kind: "select", Options: whats},
		}, fields...)}}
	}
	return d.drawStatus(r, status, templates.DeskTable, templates.DeskPage{Title: "Decided ahead", Current: "Stories", Action: &templates.Action{Title: "Stories", URL: "/desk/stories"}, Body: templates.TableBody{
		Intro:  "What was decided about articles that are not collected yet, here, on the server or by a program that calls the API. It is done as soon as the article is.",
		Search: searchOf(r, "Search addresses, decisions, people"), Table: t, Forms: forms}})
}

func (d *Desk) aheadAct(r *request) error {
	if do, value, _ := strings.Cut(r.FormValue("do"), ":"); do == "drop" {
		id, _ := strconv.ParseInt(value, 10, 64)
		if err := d.Digest.DropOrder(r.ctx, id); err != nil {
			return err
		}
		d.record(r, "take back", fmt.Sprintf("order %d", id), "")
		return done(r, "/desk/stories/ahead", "It is taken back.")
	}
	o := digest.Order{URL: strings.TrimSpace(r.FormValue("address")), By: r.user.Email}
	when := ""
	switch what := r.FormValue("what"); what {
	case "hold":
		until, err := d.readEmbargo(r, time.Time{})
		if err == nil && until.At.IsZero() {
			err = errClock
		}
		if no, ok := errors.AsType[Refusal](err); ok {
			return d.drawAhead(r, http.StatusBadRequest, "", no.Error())
		}
		if err != nil {
			return err
		}
		o.NotBefore, when = &until.At, " It stands in no issue before "+until.Said
	case "block":
		o.Blocked = new(bool)
		*o.Blocked = true
	default:
		o.Flags = map[string]bool{what: true}
	}
	o, err := d.Order(r.ctx, o)
	switch {
	case errors.Is(err, digest.ErrOrder):
		return d.drawAhead(r, http.StatusBadRequest, "Give the address of an article, as in https://news.example/2026/ferry. Nothing was changed.", "")
	case err != nil:
		return err
	case o.Story != 0:
		return done(r, fmt.Sprintf("/desk/stories/%d", o.Story), "The article is collected already, and its story follows."+when)
	}
	return done(r, "/desk/stories/ahead", "It is done as soon as the article is collected."+when)
}
