package desk

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"pressrun/digest"
	"pressrun/templates"
)

// drawCorrections shows what was taken back of an issue that readers got, and the form
// for more. A form that was refused stands in body already.
func (d *Desk) drawCorrections(r *request, i digest.Issue, shown string, editions []digest.Edition, body *templates.IssueBody) error {
	if !i.Published() {
		return nil
	}
	made, err := d.Digest.Corrections(r.ctx, i.ID)
	if err != nil {
		return err
	}
	had := map[string]string{} // language of each edition
	for _, e := range editions {
		had[e.Name] = e.Language
	}
	for _, c := range slices.Backward(made[i.ID]) {
		note := templates.Near(c.At, d.Now()) + " by " + c.By + ", " + c.Standing()
		if len(editions) > 2 {
			note = "Edition " + c.Edition + ", " + note
		}
		body.Corrections = append(body.Corrections, templates.DeskCorrection{Text: c.Text, Language: had[c.Edition], Note: note + ".", Actions: []templates.Action{{
			Title: "Take back", URL: correctionsURL(r, i.ID), Method: "post", Do: fmt.Sprint(c.ID), Danger: true, Of: c.Text,
			Confirm: "Take this correction out of the archive, and out of an issue that waits?",
		}}})
	}
	if len(body.Forms) == 0 {
		body.Forms = []templates.FormBody{correctionForm(r, i, shown, editions)}
	}
	return nil
}

func correctionsURL(r *request, issue int64) string {
	return issueURL(issue) + "/corrections" + looking(r)
}

// correctionForm asks for a correction of an edition of an issue.
func correctionForm(r *request, i digest.Issue, shown string, editions []digest.Edition) templates.FormBody {
	f := templates.FormBody{URL: correctionsURL(r, i.ID), Submit: "Publish",
		Confirm: "Publish this correction? It stands in the archive at once."}
	f.Fields = []templates.Field{{Name: "text", Label: "What was wrong, and what is right", Kind: "textarea", Needed: true,
		Help: "In the edition’s language, at most " + templates.Words("en").Number(digest.MaxCorrection) + " characters. What was sent stays as it is; this stands above it in the archive and in its feeds, with today’s date."}}
	which := templates.Field{Name: "edition", Label: "Edition", Kind: "select"}
	for _, e := range editions {
		if !e.TextOnly {
			which.Options = append(which.Options, templates.Option{Value: e.Name, Title: e.Name, Selected: e.Name == shown})
		}
	}
	if len(which.Options) > 1 {
		f.Fields = append(f.Fields, which)
	}
	f.Fields = append(f.Fields, templates.Field{Name: "quiet", Label: "In the archive alone: the next issue does not tell it", Kind: "checkbox"})
	return f
}

// correct publishes a correction, or takes one back.
func (d *Desk) correct(r *request) error {
	id := r.id("id")
	back := issueURL(id) + looking(r)
	if r.FormValue("do") != "" {
		correction, _ := strconv.ParseInt(r.FormValue("do"), 10, 64)
		err := d.Withdraw(r.ctx, id, correction, r.user.Email)
		if errors.Is(err, digest.ErrState) {
			d.told(r, http.StatusConflict, "An approved issue tells it", templates.Action{Title: "The issue", URL: back, Primary: true},
				"The newsletter’s next issue is approved and has this correction in its mails, so nothing was changed.", "Hold that issue first, then take the correction back.")
			return nil
		}
		if err != nil {
			return err
		}
		return done(r, back, "Taken back.")
	}
	c, err := d.Correct(r.ctx, digest.Correction{IssueID: id, Edition: r.FormValue("edition"), Text: r.FormValue("text"), InNext: r.FormValue("quiet") == "", By: r.user.Email})
	if no, ok := errors.AsType[digest.ErrCorrection](err); ok {
		return d.uncorrected(r, id, string(no))
	}
	if err != nil {
		return err
	}
	return done(r, back, "Published: "+c.Standing()+".")
}

// uncorrected shows the form again with what was written, and what keeps it from being
// published.
func (d *Desk) uncorrected(r *request, id int64, why string) error {
	i, err := d.Digest.Issue(r.ctx, id)
	if err != nil || !i.Published() {
		return errors.Join(err, digest.ErrState)
	}
	editions, err := d.Digest.Sealed(r.ctx, id, i.Revision)
	if err != nil {
		return err
	}
	f := correctionForm(r, i, r.FormValue("edition"), editions)
	f.Fields[0].Value, f.Fields[0].Problem = r.FormValue("text"), strings.ToUpper(why[:1])+why[1:]+"."
	return d.drawIssue(r, http.StatusBadRequest, templates.IssueBody{Forms: []templates.FormBody{f}, TestTo: r.user.Email, TestAs: asReader(r)})
}
