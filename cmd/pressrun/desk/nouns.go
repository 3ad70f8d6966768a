package desk

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/installation"
	"pressrun/digest"
	"pressrun/templates"
)

// sources is the page Sources: which are read, and what is wrong with the others.
func (d *Desk) sources(r *request) error {
	list, err := d.Digest.Sources(r.ctx)
	if err != nil {
		return err
	}
	states := map[string]int{}
	for _, s := range list {
		states[s.State]++
	}
	only, all := r.URL.Query().Get("state"), len(list)
	list = slices.DeleteFunc(list, func(s digest.Source) bool { return only != "" && s.State != only })
	byTitle := byText(func(s digest.Source) string { return cmp.Or(s.Title, s.URL) })
	slices.SortStableFunc(list, byTitle)
	t := templates.Table{Caption: "Sources", Empty: templates.Empty{Text: "No source yet. Add the address of a site, or run on the server: pressrun source add https://your-site.example"}}
	type src = digest.Source
	for _, s := range arrange(r, &t, list, func(s src) string {
		return strings.Join([]string{s.Title, s.URL, s.State, s.Reason, s.Note, s.Kind, s.Rights, s.Language}, " ")
	},
		column[src]{templates.Column{Title: "Source", Wide: true}, "title", byTitle},
		column[src]{templates.Column{Title: "Health"}, "state", byNeed},
		column[src]{templates.Column{Title: "Last news"}, "-news", func(a, b src) int { return a.LastNew.Compare(b.LastNew) }},
		column[src]{templates.Column{Title: "Last read"}, "-read", func(a, b src) int { return a.LastOK.Compare(b.LastOK) }},
		column[src]{templates.Column{Title: "Next poll"}, "next", func(a, b src) int { return a.NextPoll.Compare(b.NextPoll) }},
		column[src]{templates.Column{Title: "Every", Number: true}, "every", func(a, b src) int { return cmp.Compare(a.Interval, b.Interval) }}) {
		verb, do := "Pause", "pause"
		if s.State == "paused" {
			verb, do = "Resume", "resume"
		}
		reason := s.Reason
		if s.State == "active" && s.Errors > 0 { // not failing yet
			reason = fmt.Sprintf("%s failed: %s", plural(s.Errors, "poll", "polls in a row"), s.Reason)
		}
		if s.Note != "" {
			reason = strings.TrimPrefix(reason+"; "+s.Note, "; ")
		}
		t.Rows = append(t.Rows, templates.Row{
			Cells:   []templates.Cell{{Icon: iconOf(s), Text: cmp.Or(s.Title, s.URL), URL: fmt.Sprintf("/desk/sources/%d", s.ID), Note: s.Kind + " · " + s.Rights + " · " + bare(s.URL), Direction: "auto"}, {State: state(s.State), Note: reason}, d.near(s.LastNew), d.near(s.LastOK), d.near(s.NextPoll), {Text: templates.Span(time.Duration(s.Interval) * time.Second)}},
			Actions: []templates.Action{{Title: verb, URL: fmt.Sprintf("/desk/sources/%d", s.ID), Method: "post", Do: do}},
		})
	}
	var filters []templates.Filter
	if len(states) > 1 {
		filters = []templates.Filter{{Title: "All", URL: "/desk/sources", Count: all, Current: only == ""}}
		for _, name := range slices.Sorted(maps.Keys(states)) {
			filters = append(filters, templates.Filter{Title: name, URL: "/desk/sources?state=" + name, Count: states[name], Current: only == name})
		}
	}
	add := &templates.Action{Title: "Add a source", URL: "/desk/sources/add", Primary: true}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "Sources", Current: "Sources", Action: add, Body: templates.TableBody{
		Search: searchOf(r, "Search sources", "state"), Filters: filters, Table: t}})
}

// iconOf is where a source's icon is, "" = it has none.
func iconOf(s digest.Source) string {
	if !s.HasIcon {
		return ""
	}
	return fmt.Sprintf("/desk/sources/%d/icon", s.ID)
}

func (d *Desk) sourceIcon(r *request) error {
	icon, err := d.Digest.Icon(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	h := r.w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, max-age=86400")
	_, err = r.w.Write(icon)
	return err
}

// byNeed has those first that need somebody.
func byNeed(a, b digest.Source) int {
	need := []string{"failing", "silent", "active", "paused"}
	return cmp.Or(cmp.Compare(slices.Index(need, a.State), slices.Index(need, b.State)), cmp.Compare(b.Errors, a.Errors))
}

// bare is an address without scheme and query, as one reads it out.
func bare(address string) string {
	address, _, _ = strings.Cut(address, "?")
	_, rest, _ := strings.Cut(address, "://")
	return rest
}

func (d *Desk) users(r *request) error { return d.drawUsers(r, http.StatusOK, "") }

func (d *Desk) drawUsers(r *request, status int, problem string) error {
	list, err := d.Installation.Users(r.ctx)
	if err != nil {
		return err
	}
	t := templates.Table{Caption: "Users", Empty: templates.Empty{Text: "Nobody but the server itself has a way in. Add a user below."}}
	type u = installation.User
	for _, x := range arrange(r, &t, list, func(x u) string { return x.Email + " " + x.Role },
		column[u]{templates.Column{Title: "Address", Wide: true}, "address", byText(func(x u) string { return x.Email })},
		column[u]{templates.Column{Title: "Role"}, "role", func(a, b u) int {
			return cmp.Compare(slices.Index(installation.Roles, a.Role), slices.Index(installation.Roles, b.Role))
		}},
		column[u]{templates.Column{Title: "Last seen"}, "seen", func(a, b u) int { return a.Seen.Compare(b.Seen) }}) {
		row := templates.Row{Cells: []templates.Cell{{Text: x.Email}, {Text: x.Role}, d.near(x.Seen)},
			Actions: []templates.Action{{Title: "Make a sign-in link", URL: "/desk/users", Method: "post", Do: "link:" + x.Email}}}
		if x.Email != r.user.Email {
			row.Actions = append(row.Actions, templates.Action{Title: "Take away", URL: "/desk/users", Method: "post", Do: "remove:" + x.Email, Danger: true, Confirm: "Take this user away? Whoever is signed in as them is signed out."})
		}
		t.Rows = append(t.Rows, row)
	}
	var roles []templates.Option
	for _, role := range installation.Roles {
		roles = append(roles, templates.Option{Value: role, Title: role, Selected: role == r.FormValue("role")})
	}
	form := templates.FormBody{Title: "Add a user or change a role", URL: "/desk/users", Submit: "Save", Intro: "Then make a sign-in link for them, and hand it over yourself.",
		Fields: []templates.Field{{Name: "email", Label: "E-mail address", Kind: "email", Value: r.FormValue("email"), Problem: problem, Needed: true}, {Name: "role", Label: "Role", Kind: "select", Options: roles}}}
	return d.drawStatus(r, status, templates.DeskTable, templates.DeskPage{Title: "Users", Current: "Users",
		Body: templates.TableBody{Search: searchOf(r, "Search by address or role"), Filters: userPages("Users"), Table: t, Forms: []templates.FormBody{form}}})
}

// userPages leads from each of the pages about users to the others.
func userPages(current string) []templates.Filter {
	out := []templates.Filter{{Title: "Users", URL: "/desk/users"}, {Title: "Tokens", URL: "/desk/users/tokens"}, {Title: "What was done", URL: "/desk/users/audit"}}
	for i := range out {
		out[i].Count, out[i].Current = -1, out[i].Title == current
	}
	return out
}

// audit lists who did what.
func (d *Desk) audit(r *request) error {
	order := cmp.Or(r.URL.Query().Get("sort"), "newest")
	actions, total, err := d.Installation.Actions(r.ctx, r.URL.Query().Get("q"), order == "oldest", perPage(r), (pageOf(r)-1)*perPage(r))
	if err != nil {
		return err
	}
	t := templates.Table{Caption: "What was done", Columns: []templates.Column{since(r, "When", order), {Title: "Who"}, {Title: "What"}, {Title: "Detail", Wide: true}},
		Empty: templates.Empty{Text: "Nothing was done yet. What people and programs change stands here, with the time and who it was."}, Pager: pager(r, pageOf(r), perPage(r), total)}
	for _, x := range actions {
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{d.near(x.At), {Text: x.Actor}, {Text: x.Action + " " + x.Object}, {Text: x.Detail}}})
	}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: "What was done", Current: "Users", Body: templates.TableBody{Search: searchOf(r, "Search by person, action, thing"), Filters: userPages("What was done"), Table: t}})
}

func (d *Desk) userAct(r *request) error {
	switch do, email, _ := strings.Cut(r.FormValue("do"), ":"); do {
	case "link":
		token, err := d.Installation.SignInToken(r.ctx, email)
		if err != nil {
			return err
		}
		d.record(r, "sign-in link", email, "")
		return d.draw(r, templates.DeskMessage, templates.DeskPage{Title: "A sign-in link for " + email, Current: "Users", Body: templates.MessageBody{
			Text:    []string{d.PublicURL + "/desk/sign-in/" + token, fmt.Sprintf("It works once, for %s. Whoever has it is signed in as them: hand it over on a way you trust.", templates.Span(installation.LinkAge))},
			Actions: []templates.Action{{Title: "Users", URL: "/desk/users", Primary: true}}}})
	case "remove":
		if strings.EqualFold(email, r.user.Email) {
			d.message(r, http.StatusConflict, "Not yourself", "Another operator can take you away. Nothing was changed.")
			return nil
		}
		if err := d.Installation.RemoveUser(r.ctx, email); err != nil {
			return err
		}
		d.record(r, "remove user", email, "")
		return done(r, "/desk/users", email+" may no longer use the desk.")
	}
	a, err := mail.ParseAddress(r.FormValue("email"))
	if err != nil || !slices.Contains(installation.Roles, r.FormValue("role")) {
		return d.drawUsers(r, http.StatusBadRequest, "Give an address such as ed@example.com and one of the roles offered. Nobody was added.")
	}
	if strings.EqualFold(a.Address, r.user.Email) {
		d.message(r, http.StatusConflict, "Not yourself", "Another operator can change your role. Nothing was changed.")
		return nil
	}
	u, err := d.Installation.AddUser(r.ctx, a.Address, "", r.FormValue("role"))
	if err != nil {
		return err
	}
	d.record(r, "user", u.Email, u.Role)
	return done(r, "/desk/users", u.Email+" is now "+u.Role+".")
}
