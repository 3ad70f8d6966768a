package desk

import (
	"net/http"
	"net/url"
	"slices"

	"pressrun/templates"
)

// offer takes out of a page what its reader's role may not do: whoever presses a
// button is not told afterwards that it was not for him.
func (d *Desk) offer(r *request, v *templates.DeskPage) {
	may := func(method, to string) bool {
		u, err := url.Parse(to)
		if err != nil || to == "" {
			return to == ""
		}
		_, pattern := d.routes.Handler(&http.Request{Method: method, URL: u})
		role, known := d.roles[pattern]
		return !known || r.user.May(role)
	}
	posts := func(to string) string {
		if may("POST", to) {
			return to
		}
		return ""
	}
	actions := func(list []templates.Action) []templates.Action {
		return slices.DeleteFunc(list, func(a templates.Action) bool {
			return !may(map[string]string{"": "GET", "post": "POST"}[a.Method], a.URL)
		})
	}
	forms := func(list []templates.FormBody) []templates.FormBody {
		return slices.DeleteFunc(list, func(f templates.FormBody) bool { return !may("POST", f.URL) })
	}
	cell := func(c *templates.Cell) {
		if !may("GET", c.URL) {
			c.URL = ""
		}
	}
	table := func(t templates.Table) {
		for i := range t.Rows {
			t.Rows[i].Actions = actions(t.Rows[i].Actions)
			for j := range t.Rows[i].Cells {
				cell(&t.Rows[i].Cells[j])
			}
		}
	}
	v.Nav = slices.DeleteFunc(templates.DeskNav(), func(n templates.NavItem) bool { return !may("GET", n.URL) })
	v.StopURL, v.StartURL = posts(v.StopURL), posts(v.StartURL)
	if !may("GET", v.CatcherURL) {
		v.CatcherURL = ""
	}
	if v.Action != nil && len(actions([]templates.Action{*v.Action})) == 0 {
		v.Action = nil
	}
	switch body := v.Body.(type) {
	case templates.TableBody:
		body.Forms = forms(body.Forms)
		table(body.Table)
		v.Body = body
	case templates.RecordBody:
		body.Actions, body.Forms = actions(body.Actions), forms(body.Forms)
		for i := range body.Facts {
			cell(&body.Facts[i].Value)
		}
		for _, t := range body.Tables {
			table(t.Table)
		}
		v.Body = body
	case templates.IssueBody:
		body.Actions, body.SubjectURL, body.TestURL = actions(body.Actions), posts(body.SubjectURL), posts(body.TestURL)
		body.Forms = forms(body.Forms)
		for i := range body.Corrections {
			body.Corrections[i].Actions = actions(body.Corrections[i].Actions)
		}
		for _, list := range [][]templates.DeskStory{body.Stories, body.Dropped} {
			for i := range list {
				list[i].Action = posts(list[i].Action)
			}
		}
		v.Body = body
	case templates.TodayBody:
		for i := range body.Alarms {
			body.Alarms[i].Actions = actions(body.Alarms[i].Actions)
		}
	case templates.StoryBody:
		body.Action = posts(body.Action)
		v.Body = body
	}
}
