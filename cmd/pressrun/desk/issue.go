package desk

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/templates"
)

// issue is the issue desk.
func (d *Desk) issue(r *request) error {
	return d.drawIssue(r, http.StatusOK, templates.IssueBody{TestTo: r.user.Email, TestAs: asReader(r)})
}

// drawIssue draws the issue desk; body holds what is in the form for a test mail.
func (d *Desk) drawIssue(r *request, status int, body templates.IssueBody) error {
	i, err := d.Digest.Issue(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	chosen, err := d.Digest.Chosen(r.ctx, i.ID)
	if err != nil {
		return err
	}
	editions, err := d.Digest.Editions(r.ctx, i.ID, i.Revision)
	if err != nil {
		return err
	}
	body.Newsletter, body.Number, body.State, body.When, body.Hover = i.Spec.Title, i.Number, state(i.State), d.whenOut(i), templates.Exact(i.SlotAt)
	if !i.Started.IsZero() {
		body.Hover = templates.Exact(i.Started)
	}
	body.Due = i.State == "approved" && !i.SlotAt.Add(-time.Duration(i.Spec.Countdown)).After(d.Now())
	body.Subject, body.Preheader, body.SubjectWas = i.Subject, i.Preheader, subjectWording(i)
	shown, problem, err := d.shown(r, i, editions)
	if err != nil {
		return err
	}
	edition := strings.TrimSuffix(shown.Name, digest.TextSuffix)
	body.Order = orderWords(i.Rankings[edition], d.Now())
	open := i.State == "draft" || i.State == "held" || i.State == "approved"
	if open {
		body.SubjectURL = issueURL(i.ID) + "/subject" + looking(r)
	}
	to := d.drawAudience(r, i, open || i.State == "countdown", &body)
	if i.Audience > 0 {
		if body.Copies, err = d.copies(r, i); err != nil {
			return err
		}
	}
	body.Stories, body.Dropped = d.storyDesk(i, chosen, edition, looking(r, "edition"), open)
	if open {
		if err := d.drawHours(r.ctx, i.ID, body.Stories, body.Dropped); err != nil {
			return err
		}
		findings, err := d.Preflight(r.ctx, i.ID)
		if err != nil {
			return err
		}
		body.Checks = append(body.Checks, checks(findings, chosen)...)
	}
	if i.State == "approved" || i.State == "countdown" { // somebody has decided
		for n := range body.Checks {
			body.Checks[n].Repair = ""
		}
	}
	if err := d.drawCorrections(r, i, edition, editions, &body); err != nil {
		return err
	}
	body.Preview = d.preview(r, i, editions, shown, problem)
	red := 0
	for _, c := range body.Checks {
		if c.State.Kind == templates.KindAlert {
			red++
		}
	}
	body.Actions, body.Countdown = d.actions(i, red, to), d.countdown(i)
	if i.Revision > 0 && len(body.Actions) > 0 {
		body.TestURL = issueURL(i.ID) + "/test" + looking(r)
	}
	resume, err := d.resume(r, i)
	if err != nil {
		return err
	}
	body.Actions = append(resume, body.Actions...)
	for n := range body.Actions {
		body.Actions[n].URL += looking(r)
	}
	title, err := d.subjectOf(r, i)
	if err != nil {
		return err
	}
	if body.Subject == "" {
		body.Subject = title
	}
	return d.drawStatus(r, status, templates.DeskIssue, templates.DeskPage{Title: title, Current: "Issues", Body: body})
}

// drawAudience says to how many readers the issue goes or went, and returns the
// words for it. Until they are frozen they are counted, and what is odd about them is a
// red check.
func (d *Desk) drawAudience(r *request, i digest.Issue, unfrozen bool, body *templates.IssueBody) (to string) {
	if !unfrozen {
		if !i.Started.IsZero() {
			body.Audience = plural(i.Audience, "reader", "readers")
		}
		return "every reader"
	}
	red := func(text string) {
		body.Checks = append(body.Checks, templates.Check{State: templates.State{Kind: templates.KindAlert, Word: "audience"}, Text: text, Repair: "hold"})
	}
	n, odd, err := d.Audience(r.ctx, i)
	if odd != "" {
		red(odd + ".")
	}
	if err != nil {
		red("Its readers cannot be told: " + err.Error() + ".")
		return "every reader"
	}
	to = plural(n, "reader", "readers")
	body.Audience = to + " now"
	return to
}

// resume is the button of a paused issue, and of a sent one whose breaker stopped second
// tries and late readers; none of any other. It asks when no person has paused it.
func (d *Desk) resume(r *request, i digest.Issue) ([]templates.Action, error) {
	if i.State != "paused" && i.State != "sent" {
		return nil, nil
	}
	send, err := d.Mailer.SendOf(r.ctx, d.Mailer.DB.Read, i.ID)
	if errors.Is(err, mailer.ErrNotSending) || err == nil && send.State != "paused" {
		return nil, nil
	}
	resume := templates.Action{Title: "Resume", URL: issueURL(i.ID), Method: "post", Do: "resume"}
	if send.Tripped != "" || i.State == "sent" {
		resume.Confirm = "Send what is left of this issue? It was stopped: " + send.Reason + "."
	}
	return []templates.Action{resume}, err
}

// copies is how far the copies of an issue are, and at what pace they go out.
func (d *Desk) copies(r *request, i digest.Issue) (*templates.Copies, error) {
	counts, err := d.Mailer.Counts(r.ctx, i.ID)
	if err != nil {
		return nil, err
	}
	c := &templates.Copies{Total: i.Audience, Done: i.Audience}
	if i.State == "sending" || i.State == "paused" || i.State == "sent" {
		c.Live = i.State
	}
	for _, s := range mailer.States() {
		if counts[s] == 0 {
			continue
		}
		c.States = append(c.States, templates.Filter{Title: string(s), URL: issueURL(i.ID) + "/readers?state=" + string(s), Count: counts[s]})
		if s == mailer.StateQueued || s == mailer.StateClaimed || s == mailer.StateDeferred {
			c.Done -= counts[s]
		}
	}
	if i.State == "cancelled" && c.Done < c.Total { // what was in hand is on its way back
		c.Live = i.State
	}
	if i.State != "sending" {
		return c, nil
	}
	pace, err := d.Mailer.Progress(r.ctx, i.ID, i.Spec.GoesOn())
	c.Pace = Pace(i, pace, d.Now())
	return c, err
}

// countdown is what is left of an issue's countdown, nil when none is running.
func (d *Desk) countdown(i digest.Issue) *templates.Countdown {
	if i.State != "countdown" {
		return nil
	}
	left := max(i.Starts.Sub(d.Now()), 0)
	zone, err := time.LoadLocation(i.Spec.Zone)
	if err != nil {
		zone = time.UTC
	}
	c := &templates.Countdown{Until: int(left.Seconds()), At: "at " + i.Starts.In(zone).Format("15:04:05 MST"), Seeds: len(i.Spec.Seeds)}
	c.Left = fmt.Sprintf("%d s", c.Until)
	if c.Until >= 60 {
		c.Left = fmt.Sprintf("%d min %d s", c.Until/60, c.Until%60)
	}
	return c
}

// orderWords says how an edition was chosen, what rules left out, and how wide
// the choice is.
func orderWords(r digest.Ranking, now time.Time) string {
	text := ""
	switch r.By {
	case "views":
		text = "Trending Now is in the order of what was read when the issue was built; the newest visit counted by then was " + templates.Near(r.ViewsAt, now) + "."
	case "snapshot":
		text = "Visits could not be counted: Trending Now is in the order of the last count, whose newest visit was of " + templates.Near(r.ViewsAt, now) + "."
	case "date":
		text = "No visits were counted lately: the newest stand first, under “Latest News”."
	default:
		return ""
	}
	if s := r.Balance["section"]; s.Chosen > 0 {
		text += fmt.Sprintf(" The stories are from %d of the %s that had something to offer; %.0f %% are from %s, which had %.0f %% of what was offered.", s.Chosen, plural(s.Pool, "section", "sections"), 100*s.Share, s.Most, 100*s.PoolShare)
	}
	if s := r.Balance["region"]; s.Pool > 0 {
		text += fmt.Sprintf(" Of the %s they tell of %d; %.0f %% are from %s (offered: %.0f %%).", plural(s.Pool, "region", "regions"), s.Chosen, 100*s.Share, cmp.Or(s.Most, "none of them"), 100*s.PoolShare)
	}
	if s := r.Balance["source"]; s.Pool > 1 {
		text += fmt.Sprintf(" Of the %s they use %d; %.0f %% are from %s (offered: %.0f %%).", plural(s.Pool, "source", "sources"), s.Chosen, 100*s.Share, s.Most, 100*s.PoolShare)
	}
	var out []string
	for _, d := range r.Displaced[:min(5, len(r.Displaced))] {
		out = append(out, fmt.Sprintf("“%s” (%s)", d.Title, d.Reason))
	}
	if len(out) > 0 {
		text += " More read, but left out by the newsletter’s rules: " + strings.Join(out, ", ")
		if n := len(r.Displaced) - len(out); n > 0 {
			text += fmt.Sprintf(" and %d more", n)
		}
		text += "."
	}
	return text
}

// checks are what the preflight found: what would be repaired first, what is
// worth a look, one line a kind, and in one line how much is as it should be.
func checks(findings []digest.Finding, chosen []digest.Chosen) []templates.Check {
	var bad, warn []templates.Check
	good, alike := 0, map[string]int{} // warnings of each check
	for _, f := range findings {
		c := templates.Check{State: templates.State{Kind: templates.KindWarn, Word: f.Check}, Text: f.Text}
		switch f.Level {
		case "bad":
			c.State.Kind, c.Repair = templates.KindAlert, f.Repair
			bad = append(bad, c)
		case "warn":
			if alike[f.Check]++; alike[f.Check] == 1 {
				warn = append(warn, c)
			}
		default:
			good++
		}
	}
	for i := range warn {
		if n := alike[warn[i].State.Word] - 1; n > 0 {
			warn[i].Text += fmt.Sprintf(" %d more like it.", n)
		}
	}
	for _, c := range chosen {
		if c.State == "removed" {
			warn = append(warn, templates.Check{State: templates.State{Kind: templates.KindWarn, Word: "removed"}, Text: fmt.Sprintf("“%s”: %s.", c.Title, strings.TrimSuffix(c.Reason, "."))})
		}
	}
	out := slices.Concat(bad, writerChecks(chosen), warn)
	if good > 0 {
		out = append(out, templates.Check{State: templates.State{Kind: templates.KindGood, Word: "in order"},
			Text: plural(good, "check", "checks") + " of size, subject, stories, headers, links, pictures, postal address and text part found nothing wrong."})
	}
	return out
}

func (d *Desk) storyDesk(i digest.Issue, chosen []digest.Chosen, edition, look string, open bool) (in, dropped []templates.DeskStory) {
	headings := map[string]string{"trending": "Trending Now", "rising": "Rising", "latest": "Latest News"}
	last, place := "", 0
	for _, c := range chosen {
		if c.Edition != edition {
			continue
		}
		st := templates.DeskStory{ID: c.Story.ID, Title: c.Title, Language: c.Story.Language, Direction: c.Story.Direction, URL: c.Story.URL, Summary: c.Printed(),
			Source: c.Story.SourceTitle, Reason: c.Reason, Label: label(c.Story.Label), Pinned: c.Pinned, Edited: c.EditedBy, Summed: summed(c), Wording: c.Wording()}
		st.Page = fmt.Sprintf("%s/stories/%s/%d%s", issueURL(i.ID), edition, c.Story.ID, look)
		if open {
			st.Action = st.Page
		}
		if c.State != "in" {
			if c.State == "removed" && c.Story.State != "live" {
				st.Action = "" // there is nothing to put back
			}
			dropped = append(dropped, st)
			continue
		}
		if c.Section != last {
			st.Section, last, place = headings[c.Section], c.Section, 0
		}
		place++
		st.Position = place
		in = append(in, st)
	}
	return in, dropped
}

func label(name string) string {
	if name == "" {
		return ""
	}
	return templates.Words("en").Label(name)
}

// looking is how the preview is looked at, as the end of an address: what is pressed on
// the page leads back to the same look. It has all but what without names.
func looking(r *request, without ...string) string {
	q := url.Values{}
	for _, name := range []string{"edition", "view", "scheme", "as"} {
		if v := r.URL.Query().Get(name); v != "" && !slices.Contains(without, name) {
			q.Set(name, v)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// asReader is the address of the reader whose copy the preview shows; "" = nobody's in
// particular. As a test mail it is for editors: it says how a reader is called.
func asReader(r *request) string {
	if !r.user.May("editor") {
		return ""
	}
	return strings.TrimSpace(r.URL.Query().Get("as"))
}

// shown is the edition that the address asks for, by its name or by that of a reader,
// or why there is none; without an id when it is not sealed yet.
func (d *Desk) shown(r *request, i digest.Issue, editions []digest.Edition) (shown digest.Edition, problem string, err error) {
	shown.Name = r.URL.Query().Get("edition")
	if as := asReader(r); as != "" && len(editions) > 0 {
		mine, err := d.EditionFor(r.ctx, i, as)
		if no, ok := errors.AsType[Refusal](err); ok {
			problem = "No copy to show: " + no.Error() + "."
		} else {
			return mine, "", err
		}
	}
	if shown.Name == "" && len(i.Spec.Editions) > 0 {
		shown.Name = i.Spec.Editions[0].Name
	}
	for _, e := range editions {
		if e.Name == shown.Name {
			shown = e
		}
	}
	return shown, problem, nil
}

// preview shows a sealed edition the way the address asks for, or the problem why not.
func (d *Desk) preview(r *request, i digest.Issue, editions []digest.Edition, shown digest.Edition, problem string) templates.Preview {
	asked := r.URL.Query()
	view, dark := asked.Get("view"), asked.Get("scheme") == "dark"
	p := templates.Preview{Width: "desktop", Dark: dark, Problem: problem}
	if shown.ID == 0 {
		p.Empty = "Nothing is sealed yet."
	}
	edition := strings.TrimSuffix(shown.Name, digest.TextSuffix)
	if len(editions) > 0 && r.user.May("editor") {
		p.AsURL, p.As, p.Keep = issueURL(i.ID)+"#preview", asReader(r), map[string]string{"view": view, "scheme": asked.Get("scheme")}
	}
	tab := func(title, name, value string, current bool) {
		q := url.Values{"edition": {edition}, "view": {view}, "scheme": {asked.Get("scheme")}, "as": {asReader(r)}}
		if name == "edition" {
			q.Del("as") // a reader gets one
		}
		q.Set(name, value)
		maps.DeleteFunc(q, func(_ string, v []string) bool { return v[0] == "" })
		p.Tabs = append(p.Tabs, templates.PreviewTab{Title: title, URL: issueURL(i.ID) + "?" + q.Encode() + "#preview", Current: current})
	}
	for _, t := range []struct{ title, view string }{{"Desktop", ""}, {"Phone", "phone"}, {"Text", "text"}} {
		tab(t.title, "view", t.view, view == t.view)
	}
	if view != "text" {
		tab("Light", "scheme", "", !dark)
		tab("Dark", "scheme", "dark", dark)
	}
	for _, e := range editions {
		if !e.TextOnly && len(editions) > 2 {
			tab(strings.ToUpper(e.Name), "edition", e.Name, e.Name == edition)
		}
	}
	if view == "phone" {
		p.Width = "phone"
	}
	p.URL = fmt.Sprintf("%s/frame/%d%s", issueURL(i.ID), shown.ID, looking(r, "edition"))
	p.Hash = shown.Hash
	p.Note = fmt.Sprintf("%s bytes · revision %d · sealed %s", templates.Words("en").Number(shown.Bytes), shown.Revision, templates.Near(shown.Created, d.Now()))
	return p
}

// frame is an edition alone, for the preview's frame: exactly the sealed bytes,
// decoded.
func (d *Desk) frame(r *request) error {
	html, text, err := d.Frame(r.ctx, r.id("edition"), asReader(r))
	if err != nil {
		return err
	}
	h := r.w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox")
	view := r.URL.Query().Get("view")
	if view == "text" || html == "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		_, err = r.w.Write([]byte(text))
		return err
	}
	if r.URL.Query().Get("scheme") == "dark" {
		// The reader's scheme, chosen here: the mail's own dark rules apply.
		html = strings.ReplaceAll(html, "(prefers-color-scheme: dark)", "all")
		html = strings.ReplaceAll(html, "(prefers-color-scheme:dark)", "all")
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, err = r.w.Write([]byte(html))
	return err
}

// editStory is what an editor does to one story.
func (d *Desk) editStory(r *request) error {
	id, edition := r.id("id"), r.PathValue("edition")
	i, err := d.Digest.Issue(r.ctx, id)
	if err != nil {
		return err
	}
	e := digest.Edit{Edition: edition, StoryID: r.id("story")}
	place, err := d.stands(r, id, e)
	if err != nil {
		return err
	}
	yes, no := true, false
	switch r.FormValue("do") {
	case "up", "down", "pin", "unpin":
		if place == 0 {
			d.told(r, http.StatusConflict, "Not in the issue any more", templates.Action{Title: "The issue", URL: issueURL(id) + looking(r), Primary: true},
				"This story has left the issue since you opened the page, so nothing was changed. “Put back”, under Dropped, brings back what somebody dropped.")
			return nil
		}
	}
	switch r.FormValue("do") {
	case "edit":
		title, summary := r.FormValue("title"), strings.ReplaceAll(r.FormValue("summary"), "\r\n", "\n")
		e.Title, e.Summary, e.Over = &title, &summary, r.FormValue("over")
	case "drop":
		e.Drop = &yes
	case "restore":
		e.Drop = &no
	case "pin":
		e.Pin = &yes
	case "unpin":
		e.Pin = &no
	case "review":
		e.Review = &yes
	case "undo":
		e.Undo = &yes
	case "up", "down":
		if place--; r.FormValue("do") == "down" {
			place += 2
		}
		e.To = &place
	default:
		return digest.ErrNotFound
	}
	at, err := d.afterEdit(r, id, e)
	if err != nil {
		return err
	}
	err = d.Edit(r.ctx, id, e, r.user.Email)
	same := errors.Is(err, digest.ErrSame)
	if errors.Is(err, digest.ErrChanged) {
		return d.storyChanged(r, id, e)
	}
	if errors.Is(err, digest.ErrThin) {
		d.message(r, http.StatusConflict, "Its last story", "No story would be left, so nothing was changed. Skip leaves the whole issue out.")
		return nil
	}
	if err != nil && !same {
		return err
	}
	back := issueURL(id) + "?edition=" + url.QueryEscape(edition) + strings.Replace(looking(r, "edition"), "?", "&", 1) + "#" + at
	if r.FormValue("page") == "story" {
		back = fmt.Sprintf("%s/stories/%s/%d%s", issueURL(id), url.PathEscape(edition), e.StoryID, looking(r, "edition"))
	}
	if same {
		return done(r, back, cmp.Or(already[r.FormValue("do")], "It is so already")+": nothing was changed.")
	}
	return done(r, back, cmp.Or(editsDone[r.FormValue("do")], "Saved")+sealedAgain(i))
}

// sealedAgain is what follows for an issue, as it was, from a change.
func sealedAgain(was digest.Issue) string {
	if was.State == "approved" {
		return " and sealed again. The approval is void: it waits for approval again."
	}
	return " and sealed again."
}

var editsDone = map[string]string{"up": "Moved up", "down": "Moved down", "pin": "Pinned", "unpin": "Unpinned", "drop": "Dropped", "restore": "Put back", "undo": "The original is back"}

var already = map[string]string{"up": "It stands first already", "down": "It stands last already", "edit": "It reads so already"}

// afterEdit is the fragment at which an editor goes on: the button he pressed, or
// the story he changed; when he drops it, the next.
func (d *Desk) afterEdit(r *request, issue int64, e digest.Edit) (string, error) {
	do := strings.TrimPrefix(r.FormValue("do"), "un")
	at := e.StoryID
	switch {
	case do == "up" || do == "down" || do == "pin":
		return fmt.Sprintf("%s-%d", do, at), nil
	case e.Drop != nil && *e.Drop:
		list, err := d.Digest.Chosen(r.ctx, issue)
		if err != nil {
			return "", err
		}
		list = slices.DeleteFunc(list, func(c digest.Chosen) bool { return c.Edition != e.Edition || c.State != "in" })
		n := slices.IndexFunc(list, func(c digest.Chosen) bool { return c.Story.ID == e.StoryID })
		if n+1 < len(list) {
			at = list[n+1].Story.ID
		} else if n > 0 {
			at = list[n-1].Story.ID
		}
	}
	return fmt.Sprintf("story-%d", at), nil
}

// stands is the place of a story among those of its section that readers will see; 0
// when they will not see it.
func (d *Desk) stands(r *request, issue int64, e digest.Edit) (place int, err error) {
	list, err := d.Digest.Chosen(r.ctx, issue)
	if err != nil {
		return 0, err
	}
	n := slices.IndexFunc(list, func(c digest.Chosen) bool { return c.Edition == e.Edition && c.Story.ID == e.StoryID })
	if n < 0 {
		return 0, digest.ErrNotFound
	}
	if list[n].State != "in" {
		return 0, nil
	}
	for _, c := range list[:n+1] {
		if c.Edition == e.Edition && c.Section == list[n].Section && c.State == "in" {
			place++
		}
	}
	return place, nil
}
