package desk

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pressrun/deploy/installation"
	"pressrun/templates"
)

// tokens is the page of the programs that may call the API.
func (d *Desk) tokens(r *request) error { return d.drawTokens(r, http.StatusOK, "") }

func (d *Desk) drawTokens(r *request, status int, problem string) error {
	list, err := d.Installation.Tokens(r.ctx)
	if err != nil {
		return err
	}
	t := templates.Table{Caption: "Tokens", Empty: templates.Empty{Text: "No program has a token here."}}
	type k = installation.Token
	for _, x := range arrange(r, &t, list, func(x k) string { return x.Name + " " + x.Role + " " + x.MadeBy },
		column[k]{templates.Column{Title: "Name", Wide: true}, "name", byText(func(x k) string { return x.Name })},
		column[k]{templates.Column{Title: "Role"}, "role", byText(func(x k) string { return x.Role })},
		column[k]{templates.Column{Title: "Made by"}, "by", byText(func(x k) string { return x.MadeBy })},
		column[k]{templates.Column{Title: "Made"}, "made", func(a, b k) int { return a.Created.Compare(b.Created) }},
		column[k]{templates.Column{Title: "Last used"}, "used", func(a, b k) int { return a.Used.Compare(b.Used) }},
		column[k]{templates.Column{Title: "Expires"}, "expires", func(a, b k) int { return a.Expires.Compare(b.Expires) }}) {
		expires := templates.Cell{Text: "never"}
		if !x.Expires.IsZero() {
			expires = d.near(x.Expires)
			if !x.Expires.After(d.Now()) {
				expires.State = templates.State{Kind: templates.KindWarn, Word: "expired"}
			}
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: x.Name, Direction: "auto"}, {Text: x.Role}, {Text: x.MadeBy}, d.near(x.Created), d.near(x.Used), expires},
			Actions: []templates.Action{{Title: "Take away", URL: "/desk/users/tokens", Method: "post", Do: "remove:" + x.Name, Danger: true, Confirm: "Take this token away? What uses it is refused from then on."}}})
	}
	roles := []templates.Option{{Value: "viewer", Title: "viewer: reads"}, {Value: "editor", Title: "editor: decides about stories"}}
	lives := []templates.Option{{Value: "0", Title: "until it is taken away"}, {Value: "30", Title: "30 days"}, {Value: "365", Title: "365 days"}}
	for i := range roles {
		roles[i].Selected = roles[i].Value == cmp.Or(r.FormValue("role"), "editor")
	}
	for i := range lives {
		lives[i].Selected = lives[i].Value == r.FormValue("days")
	}
	return d.drawStatus(r, status, templates.DeskTable, templates.DeskPage{Title: "Tokens", Current: "Users", Body: templates.TableBody{
		Intro:  "A program of yours, the CMS for instance, shows its token to call the API: Authorization: Bearer …",
		Search: searchOf(r, "Search by name, role, person"), Filters: userPages("Tokens"), Table: t, Forms: []templates.FormBody{{Title: "Make a token", URL: "/desk/users/tokens", Submit: "Make it", Fields: []templates.Field{
			{Name: "name", Label: "Name", Kind: "text", Value: r.FormValue("name"), Help: "of the program that will use it", Problem: problem, Needed: true},
			{Name: "role", Label: "Role", Kind: "select", Options: roles},
			{Name: "days", Label: "It works", Kind: "select", Options: lives},
		}}}}})
}

func (d *Desk) tokenAct(r *request) error {
	if do, name, _ := strings.Cut(r.FormValue("do"), ":"); do == "remove" {
		if err := d.Installation.RemoveToken(r.ctx, name); err != nil {
			return err
		}
		d.record(r, "remove token", name, "")
		return done(r, "/desk/users/tokens", "The token is refused from now on.")
	}
	name, role := strings.TrimSpace(r.FormValue("name")), r.FormValue("role")
	days, _ := strconv.Atoi(r.FormValue("days"))
	secret, err := d.Installation.AddToken(r.ctx, name, role, r.user.Email, time.Duration(days)*24*time.Hour)
	switch {
	case errors.Is(err, installation.ErrToken):
		return d.drawTokens(r, http.StatusBadRequest, sentence(strings.TrimSuffix(err.Error(), ": "+installation.ErrToken.Error())))
	case err != nil:
		return err
	}
	d.record(r, "token", name, role)
	return d.draw(r, templates.DeskMessage, templates.DeskPage{Title: "A token for " + name, Current: "Users", Body: templates.MessageBody{
		Text:    []string{secret, "Keep it now: it is not stored here and is not shown again."},
		Actions: []templates.Action{{Title: "Tokens", URL: "/desk/users/tokens", Primary: true}}}})
}
