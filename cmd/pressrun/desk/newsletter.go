package desk

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/subscribers"
	"pressrun/templates"
)

// newsletters is the page Newsletters.
func (d *Desk) newsletters(r *request) error {
	list, err := d.Digest.Newsletters(r.ctx)
	if err != nil {
		return err
	}
	t := templates.Table{Caption: "Newsletters", Empty: templates.Empty{Text: "No newsletter yet. Add one, or run on the server: pressrun newsletter apply -f FILE"}}
	type nl = digest.Newsletter
	text := func(f func(digest.Spec) string) func(nl) string {
		return func(n nl) string { return f(n.Spec.WithDefaults(n.Name)) }
	}
	for _, n := range arrange(r, &t, list, func(n nl) string {
		s := n.Spec.WithDefaults(n.Name)
		return strings.Join([]string{n.Name, s.Title, n.State, s.When(), s.List, among(s), s.Approval}, " ")
	},
		column[nl]{templates.Column{Title: "Newsletter"}, "title", byText(text(func(s digest.Spec) string { return s.Title }))},
		column[nl]{templates.Column{Title: "State"}, "state", byText(func(n nl) string { return n.State })},
		column[nl]{templates.Column{Title: "Schedule", Wide: true}, "next", d.bySlot},
		column[nl]{templates.Column{Title: "List"}, "list", byText(text(func(s digest.Spec) string { return s.List }))},
		column[nl]{templates.Column{Title: "Without approval"}, "approval", byText(text(func(s digest.Spec) string { return s.Approval }))},
		column[nl]{templates.Column{Title: "Version", Number: true}, "version", func(a, b nl) int { return cmp.Compare(a.Version, b.Version) }}) {
		s := n.Spec.WithDefaults(n.Name)
		verb, do := "Pause", "pause"
		if n.State == "paused" {
			verb, do = "Resume", "resume"
		}
		t.Rows = append(t.Rows, templates.Row{
			Cells:   []templates.Cell{{Text: s.Title, URL: fmt.Sprintf("/desk/newsletters/%d", n.ID), Note: n.Name}, {State: state(n.State)}, d.schedule(n), {Text: s.List, Note: among(s)}, {Text: s.Approval}, {Text: fmt.Sprint(n.Version)}},
			Actions: []templates.Action{{Title: verb, URL: fmt.Sprintf("/desk/newsletters/%d", n.ID), Method: "post", Do: do}},
		})
	}
	add := &templates.Action{Title: "Add a newsletter", URL: "/desk/newsletters/add", Primary: true}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "Newsletters", Current: "Newsletters", Action: add, Body: templates.TableBody{Search: searchOf(r, "Search newsletters"), Table: t}})
}

// next is the newsletter's next slot; zero = none is planned.
func (d *Desk) next(n digest.Newsletter) (digest.Schedule, time.Time) {
	spec := n.Spec.WithDefaults(n.Name)
	s, err := digest.ParseSchedule(spec.Schedule, spec.Zone)
	if err != nil || n.State == "paused" {
		return s, time.Time{}
	}
	return s, s.Next(d.Now())
}

// until is how long it is until a slot: "in 5 h", "in 3 days".
func (d *Desk) until(at time.Time) string {
	if left := at.Sub(d.Now()); left >= 48*time.Hour {
		return fmt.Sprintf("in %d days", int(left.Hours()/24))
	} else if left >= 24*time.Hour {
		return "in a day"
	}
	return templates.Near(at, d.Now())
}

// bySlot orders by the next slot; those that plan none come last.
func (d *Desk) bySlot(a, b digest.Newsletter) int {
	_, x := d.next(a)
	_, y := d.next(b)
	if x.IsZero() != y.IsZero() {
		return -x.Compare(y)
	}
	return x.Compare(y)
}

// schedule says when a newsletter goes out and when next, as its zone's clocks show
// it; the expression is seen on hover.
func (d *Desk) schedule(n digest.Newsletter) templates.Cell {
	spec := n.Spec.WithDefaults(n.Name)
	cell := templates.Cell{Text: spec.When(), Hover: spec.Schedule}
	if s, at := d.next(n); !at.IsZero() {
		cell.Note = "next: " + s.Local(at).Format("Monday 2 January 15:04 MST")
	}
	return cell
}

// newsletter is the page of one: its slots to come, its spec as a file, who
// changed it.
func (d *Desk) newsletter(r *request) error {
	n, err := d.Digest.Newsletter(r.ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	text, err := d.WriteNewsletter(n)
	if err != nil {
		return err
	}
	return d.drawNewsletter(r, http.StatusOK, n, text, "")
}

// shownSlots is how many slots to come the page of a newsletter lists.
const shownSlots = 5

func (d *Desk) drawNewsletter(r *request, status int, n digest.Newsletter, text, problem string, said ...templates.Flash) error {
	s := n.Spec.WithDefaults(n.Name)
	url := fmt.Sprintf("/desk/newsletters/%d", n.ID)
	versions, err := d.Digest.Versions(r.ctx, n.ID)
	if err != nil {
		return err
	}
	list, err := d.Subscribers.ListByName(r.ctx, s.List)
	if err != nil && !errors.Is(err, subscribers.ErrNotFound) {
		return err
	}
	archive := templates.Cell{Text: "private", Note: "readers see an issue by the link in their mail"}
	if s.Archived(list.Public) {
		archive = templates.Cell{Text: "/archive/" + n.Name + "/", URL: "/archive/" + n.Name + "/", Note: "public"}
	}
	body := templates.RecordBody{State: state(n.State), Facts: []templates.Fact{
		{Name: "Name", Value: templates.Cell{Text: n.Name, Note: fmt.Sprintf("version %d", n.Version)}},
		{Name: "Schedule", Value: d.schedule(n)},
		{Name: "Goes to", Value: templates.Cell{Text: s.List, URL: "/desk/subscribers?list=" + s.List, Note: among(s)}},
		{Name: "From", Value: templates.Cell{Text: s.From}},
		{Name: "Without approval", Value: templates.Cell{Text: s.Approval}},
		{Name: "Archive", Value: archive},
	}}
	if none := s.Unspoken(); len(none) > 0 {
		body.Facts = append(body.Facts, templates.Fact{Name: "Around the stories", Value: templates.Cell{Text: "English",
			Note: "pressrun has no words of its own in " + strings.Join(none, ", ") + ": date, section names, footer and letters are English there"}})
	}
	if schedule, at := d.next(n); !at.IsZero() {
		t := templates.Table{Caption: "Next slots", Columns: []templates.Column{{Title: "In its zone"}, {Title: "From now", Wide: true}}}
		for ; !at.IsZero() && len(t.Rows) < shownSlots; at = schedule.Next(at) {
			t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: schedule.Local(at).Format("Monday 2 January 2006, 15:04 MST")}, {Text: d.until(at), Hover: templates.Exact(at)}}})
		}
		body.Tables = append(body.Tables, templates.TableSection{Title: "Next slots", Table: t})
	}
	t := templates.Table{Caption: "Versions", Columns: []templates.Column{{Title: "Version", Number: true}, {Title: "By"}, {Title: "When", Wide: true}}}
	for _, v := range cut(versions, pageOf(r), perPage(r)) {
		row := templates.Row{Cells: []templates.Cell{{Text: strconv.Itoa(v.Version)}, {Text: v.Author}, d.near(v.Created)}}
		if v.Version != n.Version {
			row.Actions = []templates.Action{{Title: "Look at it", URL: fmt.Sprintf("%s/versions/%d", url, v.Version)}}
		}
		t.Rows = append(t.Rows, row)
	}
	t.Pager = pager(r, pageOf(r), perPage(r), len(versions))
	body.Tables = append(body.Tables, templates.TableSection{Title: "Versions", Table: t})
	if r.user.May("operator") {
		do, verb := "pause", "Pause"
		if n.State == "paused" {
			do, verb = "resume", "Resume"
		}
		body.Actions = []templates.Action{{Title: verb, URL: url, Method: "post", Do: do}}
		body.Forms = []templates.FormBody{{Title: "Change it", URL: url, Submit: "Save", Intro: "What is saved counts from the next draft on; issues that are built already stay as they are until they are built anew.", Fields: []templates.Field{
			{Name: "do", Kind: "hidden", Value: "save"}, {Name: "version", Kind: "hidden", Value: strconv.Itoa(n.Version)},
			{Name: "text", Label: "The newsletter as a file", Kind: "code", Value: text, Problem: problem},
		}}}
	}
	return d.drawStatus(r, status, templates.DeskRecord, templates.DeskPage{Title: s.Title, Current: "Newsletters", Action: &templates.Action{Title: "All newsletters", URL: "/desk/newsletters"}, Flash: said, Body: body})
}

// newsletterVersion shows an older version in the form: saved, it is the newest.
func (d *Desk) newsletterVersion(r *request) error {
	n, err := d.Digest.Newsletter(r.ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	versions, err := d.Digest.Versions(r.ctx, n.ID)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.Version == int(r.id("version")) {
			text, err := d.WriteNewsletter(v.Newsletter)
			if err != nil {
				return err
			}
			return d.drawNewsletter(r, http.StatusOK, n, text, "", templates.Flash{Kind: templates.KindWarn, Text: fmt.Sprintf("The file below is version %d. Nothing is changed unless you save it.", v.Version)})
		}
	}
	return digest.ErrNotFound
}

func (d *Desk) newsletterForm(r *request) error {
	list, err := d.Digest.Newsletters(r.ctx)
	if err != nil {
		return err
	}
	like := digest.Newsletter{Spec: digest.Spec{}}
	if len(list) > 0 { // brand, sender and zone will be the same
		like = list[0]
		like.Spec.Title, like.Spec.Mark = "", ""
	}
	like.Name = ""
	text, err := d.WriteNewsletter(like)
	if err != nil {
		return err
	}
	return d.drawNewNewsletter(r, http.StatusOK, text, "")
}

func (d *Desk) drawNewNewsletter(r *request, status int, text, problem string) error {
	return d.drawStatus(r, status, templates.DeskForm, templates.DeskPage{Title: "Add a newsletter", Current: "Newsletters", Body: templates.FormBody{
		Intro: "Give it a name of a–z, 0–9 and -, a schedule, and the list it goes to. What the first newsletter has stands there already.",
		URL:   "/desk/newsletters/add", Submit: "Add", Fields: []templates.Field{{Name: "text", Label: "The newsletter as a file", Kind: "code", Value: text, Problem: problem}}}})
}

func (d *Desk) newsletterAdd(r *request) error {
	text := r.FormValue("text")
	n, problem, err := d.applyNewsletter(r, text, 0)
	if err != nil || problem != "" {
		if err == nil {
			err = d.drawNewNewsletter(r, http.StatusBadRequest, text, problem)
		}
		return err
	}
	return done(r, fmt.Sprintf("/desk/newsletters/%d", n.ID), "Added.")
}

// applyNewsletter saves a newsletter's file, over the one of a number or, with 0,
// as a new one; problem says in words why not.
func (d *Desk) applyNewsletter(r *request, text string, over int64) (n digest.Newsletter, problem string, err error) {
	name, spec, err := d.ReadNewsletter(text)
	if err != nil {
		return n, sentence(err.Error()) + " Nothing was saved.", nil
	}
	if bad := spec.WithDefaults(name).Check(name); len(bad) > 0 {
		return n, sentence(strings.Join(bad, "; ")) + " Nothing was saved.", nil
	}
	if _, err := d.Subscribers.ListID(r.ctx, d.Digest.DB.Read, spec.List); errors.Is(err, subscribers.ErrNotFound) {
		return n, fmt.Sprintf("There is no list %q; make it first, on the page Lists. Nothing was saved.", spec.List), nil
	}
	switch there, err := d.Digest.NewsletterNamed(r.ctx, name); {
	case errors.Is(err, digest.ErrNotFound) && over != 0:
		return n, "The name cannot be changed: it stands in links and in the archive. Nothing was saved.", nil
	case errors.Is(err, digest.ErrNotFound):
		if err := digest.CheckNewName(name); err != nil {
			return n, sentence(err.Error()) + " Nothing was saved.", nil
		}
	case err != nil:
		return n, "", err
	case there.ID != over:
		return n, fmt.Sprintf("There is a newsletter %q already; choose another name. Nothing was saved.", name), nil
	}
	n, changed, err := d.Digest.ApplyNewsletter(r.ctx, name, spec, r.user.Email)
	if err == nil && changed {
		d.record(r, "apply", "newsletter "+n.Name, fmt.Sprintf("version %d", n.Version))
	}
	return n, "", err
}

func (d *Desk) newsletterAct(r *request) error {
	do := r.FormValue("do")
	if do == "save" {
		return d.newsletterSave(r)
	}
	pause := do == "pause"
	if !pause && do != "resume" {
		return digest.ErrNotFound
	}
	if err := d.Digest.PauseNewsletter(r.ctx, r.id("id"), pause); err != nil {
		return err
	}
	d.record(r, do, fmt.Sprintf("newsletter %d", r.id("id")), "")
	return done(r, fmt.Sprintf("/desk/newsletters/%d", r.id("id")), map[bool]string{true: "Paused: it plans no further slots.", false: "It plans slots again."}[pause])
}

func (d *Desk) newsletterSave(r *request) error {
	text := strings.ReplaceAll(r.FormValue("text"), "\r\n", "\n")
	n, err := d.Digest.Newsletter(r.ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	if v, _ := strconv.Atoi(r.FormValue("version")); v != n.Version {
		return d.drawNewsletter(r, http.StatusConflict, n, text, fmt.Sprintf("Somebody has saved version %d since you opened the page. Compare it below, then save again to put yours in its place.", n.Version))
	}
	was := n.Version
	n, problem, err := d.applyNewsletter(r, text, n.ID)
	switch {
	case err != nil:
		return err
	case problem != "":
		if n, err = d.Digest.Newsletter(r.ctx, r.PathValue("id")); err != nil {
			return err
		}
		return d.drawNewsletter(r, http.StatusBadRequest, n, text, problem)
	case n.Version == was:
		return done(r, fmt.Sprintf("/desk/newsletters/%d", n.ID), "It is as it was: nothing had been changed.")
	}
	return done(r, fmt.Sprintf("/desk/newsletters/%d", n.ID), fmt.Sprintf("Saved as version %d. It counts from the next draft on.", n.Version))
}

// among says who of a list gets a newsletter, in the names of segments; "" = all.
func among(s digest.Spec) string {
	words := s.Segment
	if len(s.Exclude) > 0 {
		words += " without " + strings.Join(s.Exclude, ", ")
	}
	return strings.TrimSpace(words)
}
