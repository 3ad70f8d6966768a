package desk

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pressrun/subscribers"
	"pressrun/subscribers/importer"
	"pressrun/templates"
)

// MaxImport is the most bytes of a file that is brought in here; larger ones are
// imported on the server.
const MaxImport = 64 << 20

// imports is the page of the files that were brought in, with the form for another.
func (d *Desk) imports(r *request) error { return d.drawImports(r, http.StatusOK, "", "") }

// drawImports draws it with what is wrong with a file or a source.
func (d *Desk) drawImports(r *request, status int, file, source string) error {
	list, err := d.Subscribers.Imports(r.ctx)
	if err != nil {
		return err
	}
	t := templates.Table{Caption: "Imports", Empty: templates.Empty{Text: "No file was brought in yet. One is read first, and changes nothing before you have seen its report."}}
	type i = subscribers.Import
	for _, x := range arrange(r, &t, list, func(x i) string {
		return strings.Join([]string{x.File, x.ListName, x.Source, x.Evidence, x.State, x.By}, " ")
	},
		column[i]{templates.Column{Title: "File", Wide: true}, "file", byText(func(x i) string { return x.File })},
		column[i]{templates.Column{Title: "State"}, "state", byText(func(x i) string { return x.State })},
		column[i]{templates.Column{Title: "Brought", Number: true}, "brought", func(a, b i) int { return cmp.Compare(brought(a), brought(b)) }},
		column[i]{templates.Column{Title: "By"}, "by", byText(func(x i) string { return x.By })},
		column[i]{templates.Column{Title: "When"}, "when", func(a, b i) int { return a.At.Compare(b.At) }}) {
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{
			{Text: x.File, URL: fmt.Sprintf("/desk/subscribers/import/%d", x.ID), Note: fmt.Sprintf("no. %d · to %s · %s", x.ID, cmp.Or(x.ListName, "a list that is gone"), x.Source), Direction: "auto"},
			{State: state(x.State), Note: x.Note}, {Text: templates.Words("en").Number(brought(x))}, {Text: x.By}, d.near(x.At)}})
	}
	names, err := d.listOptions(r, r.FormValue("list"))
	if err != nil {
		return err
	}
	return d.drawStatus(r, status, templates.DeskTable, templates.DeskPage{Title: "Import", Current: "Subscribers", Action: &templates.Action{Title: "Subscribers", URL: "/desk/subscribers"}, Body: templates.TableBody{
		Search: searchOf(r, "Search files, lists, sources, people"), Table: t, Forms: []templates.FormBody{{
			Title: "Bring readers in", URL: "/desk/subscribers/import", Submit: "Look at the file", Busy: "Reading the file …", Upload: true,
			Intro: "First you see what would become of each row; nothing is changed until you say so. Nobody who has left comes back by it, and it can be undone.",
			Fields: []templates.Field{
				{Name: "file", Label: "CSV file", Kind: "file", Help: "With a heading line; a column email is needed. Up to " + strconv.Itoa(MaxImport>>20) + " MB.", Problem: file, Needed: true},
				{Name: "list", Label: "List", Kind: "select", Options: names},
				{Name: "source", Label: "Where they agreed to get it", Kind: "text", Value: r.FormValue("source"), Help: "summer fair 2026, paper forms", Problem: source, Needed: true},
				{Name: "evidence", Label: "Where the proof is kept", Kind: "text", Value: r.FormValue("evidence"), Help: "folder 12, cabinet of the marketing desk; may be empty"},
			}}}}})
}

// brought is how many readers an import has brought to its list.
func brought(i subscribers.Import) int {
	if i.State != "done" {
		return 0
	}
	r := reportOf(i)
	return r.New + r.Added
}

func reportOf(i subscribers.Import) (r importer.Report) {
	json.Unmarshal(i.Report, &r) // one that was cut off has none
	return r
}

// importAct takes a file, looks at it and shows what would become of it.
func (d *Desk) importAct(r *request) error {
	http.NewResponseController(r.w).SetReadDeadline(time.Now().Add(10 * time.Minute)) // a large file on a slow line
	f, head, err := r.FormFile("file")
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		r.Form, r.MultipartForm = nil, nil
		return d.drawImports(r, http.StatusRequestEntityTooLarge, fmt.Sprintf("The file is larger than %d MB. Import it on the server: pressrun subscriber import FILE.csv --list LIST --source …", MaxImport>>20), "")
	case err != nil:
		return d.drawImports(r, http.StatusBadRequest, "Choose a file.", "")
	}
	defer f.Close()
	texts(r.Form)
	o := importer.Options{File: text(head.Filename), List: r.FormValue("list"), Source: strings.TrimSpace(r.FormValue("source")), Evidence: strings.TrimSpace(r.FormValue("evidence")), By: r.user.Email}
	if o.Source == "" {
		return d.drawImports(r, http.StatusBadRequest, "Choose it again.", "Say where they agreed: it is kept with each of them as the proof of our right to write.")
	}
	id, err := d.CheckImport(r.ctx, f, o)
	switch {
	case errors.Is(err, importer.ErrNoAddress):
		return d.drawImports(r, http.StatusBadRequest, sentence(importer.ErrNoAddress.Error()), "")
	case err != nil:
		return err
	}
	http.Redirect(r.w, r.Request, fmt.Sprintf("/desk/subscribers/import/%d", id), http.StatusSeeOther)
	return nil
}

// importPage is what became of a file, or would.
func (d *Desk) importPage(r *request) error {
	i, err := d.Subscribers.Import(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	url := fmt.Sprintf("/desk/subscribers/import/%d", i.ID)
	number := func(n int) templates.Cell { return templates.Cell{Text: templates.Words("en").Number(n)} }
	body := templates.RecordBody{State: state(i.State), Facts: []templates.Fact{
		{Name: "To the list", Value: templates.Cell{Text: cmp.Or(i.ListName, "a list that is gone")}},
		{Name: "They agreed", Value: templates.Cell{Text: i.Source, Note: i.Evidence, Direction: "auto"}},
		{Name: "By", Value: templates.Cell{Text: i.By}}, {Name: "When", Value: d.near(i.At)},
	}}
	report := reportOf(i)
	if i.State == "running" || i.State == "undoing" {
		body.Live = i.State
	}
	switch i.State {
	case "undone":
		body.Facts = append(body.Facts, templates.Fact{Name: "Undone by " + i.UndoneBy, Value: templates.Cell{Text: sentence(i.Note)}})
	case "running":
		body.Facts = append(body.Facts, templates.Fact{Name: "Rows so far", Value: number(i.Rows)})
	case "failed":
		body.Facts = append(body.Facts, templates.Fact{Name: "Problem", Value: templates.Cell{Text: sentence(i.Note), Note: "What was brought until then stays until it is undone."}})
	}
	for _, n := range report.Counts() {
		body.Facts = append(body.Facts, templates.Fact{Name: strings.ToUpper(n.What[:1]) + n.What[1:], Value: number(n.N)})
	}
	switch i.State {
	case "waiting":
		body.Facts = append(body.Facts, templates.Fact{Name: "Kept until", Value: d.near(i.At.Add(subscribers.KeepImportFor))})
		if n := report.New + report.Added; n > 0 {
			body.Actions = append(body.Actions, templates.Action{Title: "Import " + plural(n, "reader", "readers"), URL: url, Method: "post", Do: "start", Primary: true})
		}
		body.Actions = append(body.Actions, templates.Action{Title: "Throw the file away", URL: url, Method: "post", Do: "drop"})
	case "done", "failed":
		body.Actions = []templates.Action{{Title: "Undo", URL: url, Method: "post", Do: "undo", Danger: true, Confirm: "Take back what this import brought and nobody has touched since?"}}
	}
	if len(report.Problems) > 0 {
		body.Actions = append(body.Actions, templates.Action{Title: plural(len(report.Problems), "remark", "remarks") + " on rows", URL: url + "/rows"})
	}
	if len(report.Columns) > 0 {
		t := templates.Table{Caption: "Columns of the file", Columns: []templates.Column{{Title: "Column"}, {Title: "Read as", Wide: true}}}
		for n, c := range report.Columns {
			t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: cmp.Or(c.Heading, fmt.Sprintf("no. %d", n+1)), Direction: "auto"}, {Text: strings.Replace(c.Field, "-", "ignored", 1)}}})
		}
		body.Tables = []templates.TableSection{{Title: "Columns", Table: t}}
	}
	return d.draw(r, templates.DeskRecord, templates.DeskPage{Title: i.File, Current: "Subscribers", Action: &templates.Action{Title: "All imports", URL: "/desk/subscribers/import"}, Body: body})
}

// importRows lists the rows of a file that there is something to say about.
func (d *Desk) importRows(r *request) error {
	i, err := d.Subscribers.Import(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	t := templates.Table{Caption: "Rows", Empty: templates.Empty{Text: "There is nothing to say about any row."}}
	type p = importer.Problem
	for _, x := range arrange(r, &t, reportOf(i).Problems, func(x p) string { return x.Kind + " " + x.Reason + " " + x.Input },
		column[p]{templates.Column{Title: "Line", Number: true}, "line", func(a, b p) int { return cmp.Compare(a.Line, b.Line) }},
		column[p]{templates.Column{Title: "What"}, "what", byText(func(x p) string { return x.Kind })},
		column[p]{templates.Column{Title: "Address", Wide: true}, "address", byText(func(x p) string { return x.Input })},
		column[p]{templates.Column{Title: "Why", Wide: true}, "why", byText(func(x p) string { return x.Reason })}) {
		input := templates.Cell{Text: cmp.Or(x.Input, "not kept"), Direction: "auto"}
		if x.Suggestion != "" {
			input.Note = "did you mean " + x.Suggestion + "?"
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: templates.Words("en").Number(x.Line)}, {Text: importKinds[x.Kind]}, input, {Text: x.Reason}}})
	}
	intro := fmt.Sprintf("Rows that are left out, or not taken as they stand: the first %s. Their addresses are forgotten once the file is imported.", templates.Words("en").Number(importer.MaxProblems))
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "Rows of " + i.File, Current: "Subscribers", Action: &templates.Action{Title: "The import", URL: fmt.Sprintf("/desk/subscribers/import/%d", i.ID)},
		Body: templates.TableBody{Intro: intro, Search: searchOf(r, "Search rows"), Table: t}})
}

var importKinds = map[string]string{"invalid": "left out", "inactive": "left out", "remark": "taken in part", "typo": "taken"}

// importChange imports a file that was looked at, throws it away, or takes back
// what it brought.
func (d *Desk) importChange(r *request) error {
	id, do := r.id("id"), r.FormValue("do")
	back := fmt.Sprintf("/desk/subscribers/import/%d", id)
	var err error
	said := ""
	switch do {
	case "start":
		said, err = "The readers are being brought in.", d.Subscribers.StartImport(r.ctx, id)
	case "drop":
		said, back, err = "The file is thrown away. Nothing was changed.", "/desk/subscribers/import", d.Subscribers.DropImport(r.ctx, id)
	case "undo":
		said, err = "It is being undone.", d.Subscribers.AskUndo(r.ctx, id, r.user.Email)
	default:
		return subscribers.ErrNotFound
	}
	if errors.Is(err, subscribers.ErrState) {
		d.message(r, http.StatusConflict, "Not now", "The import has moved on since you opened the page, or it still runs. Nothing was changed. Open it again to see where it stands.")
		return nil
	}
	if err != nil {
		return err
	}
	d.record(r, do+" import", strconv.FormatInt(id, 10), "")
	return done(r, back, said)
}
