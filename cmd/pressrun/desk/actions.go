package desk

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"pressrun/digest"
	"pressrun/templates"
)

// actions are what may be done to an issue, its readers and the red checks that it
// has said beside what lets it go out.
func (d *Desk) actions(i digest.Issue, red int, to string) []templates.Action {
	post := func(title, do string) templates.Action {
		return templates.Action{Title: title, URL: issueURL(i.ID), Method: "post", Do: do}
	}
	seen := fmt.Sprintf(":%d:%s", i.Revision, standing(i))
	approve := post("Approve", "approve"+seen)
	approve.Primary, approve.Key, approve.Confirm = true, "a", "Approve exactly what the preview shows? It goes out "+Leaves(i, d.Now())+", to "+to+"."
	now := post("Send now", "send"+seen)
	now.Confirm = "Send to " + to + " now, without waiting for the slot?"
	if red > 0 {
		approve.Confirm += " " + plural(red, "check is red.", "checks are red.")
		now.Confirm += " " + plural(red, "check is red.", "checks are red.")
	}
	anew := post("Build anew", "rebuild")
	anew.Confirm = "Choose the stories anew, by the newsletter as it is now? What is pinned, dropped or written stays. What was moved and is not pinned loses its place."
	skip := post("Skip", "skip")
	skip.Confirm, skip.Danger = "Leave this issue out for good?", true
	cancel := post("Cancel", "cancel")
	cancel.Confirm, cancel.Danger = "Send no further copy, for good?", true
	hold := post("Hold", "hold")
	switch i.State {
	case "draft":
		return []templates.Action{approve, hold, now, anew, skip}
	case "held":
		return []templates.Action{approve, now, anew, skip}
	case "approved":
		return []templates.Action{now, hold, skip}
	case "countdown":
		hold.Primary = true // it is quick, and can be taken back
		cancel.Confirm = "Cancel this issue for good? Nothing has been sent to readers."
		now.Confirm = "Send to " + to + " now, without the rest of the countdown?"
		return []templates.Action{hold, now, cancel}
	case "sending":
		return []templates.Action{post("Pause", "pause"), cancel}
	case "paused":
		return []templates.Action{cancel}
	}
	return nil
}

// standing is how an issue stands for whoever decides about it: a hold is another one
// for another reason, and a draft that its slot found unapproved is still that draft.
func standing(i digest.Issue) string {
	switch {
	case i.State != "held":
		return i.State
	case i.Reason == digest.Unapproved:
		return "draft"
	}
	sum := sha256.Sum256([]byte(i.Reason))
	return "held" + hex.EncodeToString(sum[:8])
}

// act is what an approver does to a whole issue.
func (d *Desk) act(r *request) error {
	id, by := r.id("id"), r.user.Email
	do, seen, _ := strings.Cut(r.FormValue("do"), ":")
	at, stood, _ := strings.Cut(seen, ":")
	revision, _ := strconv.Atoi(at)
	was, err := d.Digest.Issue(r.ctx, id)
	if err != nil {
		return err
	}
	r.resealed = (do == "approve" || do == "send") && was.Revision != revision
	said := ""
	switch do {
	case "approve":
		if was.State == "held" && standing(was) != stood {
			return digest.ErrState // another has held it since
		}
		err, said = d.Approve(r.ctx, id, revision, by), "Approved."
		if i, e := d.Digest.Issue(r.ctx, id); e == nil {
			said = "Approved. It goes out " + Leaves(i, d.Now()) + "."
		}
	case "send":
		if was.Revision != revision || was.State == "held" && standing(was) != stood {
			return digest.ErrState // another has held or changed it since
		}
		if was.State != "countdown" || stood == "countdown" { // now, twice, is without the countdown
			err = d.SendNow(r.ctx, id, revision, by)
		}
		said = "Sending has begun."
		if i, e := d.Digest.Issue(r.ctx, id); e == nil && i.State == "countdown" {
			said = "The countdown is running. Hold stops it."
		}
	case "hold":
		err, said = d.Hold(r.ctx, id, "held by "+by, by), "Held. It waits for approval."
	case "skip":
		err, said = d.Skip(r.ctx, id, "skipped by "+by, by), "This issue is left out."
	case "rebuild":
		err, said = d.Rebuild(r.ctx, id, by), "Built anew by the newsletter as it is now. What was pinned, dropped or written stays."
		if errors.Is(err, digest.ErrThin) {
			d.message(r, http.StatusConflict, "Too few stories", "Not enough stories are left for an issue by the newsletter's settings (min_stories). Nothing was changed.")
			return nil
		}
	case "pause":
		err, said = d.Pause(r.ctx, id, by), "Paused: no further message begins."
	case "resume":
		err, said = d.Resume(r.ctx, id, by), "Sending goes on."
	case "cancel":
		err, said = d.Cancel(r.ctx, id, "cancelled by "+by, by), "Cancelled: no further copy goes out."
	default:
		return digest.ErrNotFound
	}
	if err != nil {
		return err
	}
	return done(r, issueURL(id)+looking(r), said)
}

func (d *Desk) subject(r *request) error {
	i, err := d.Digest.Issue(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	subject := strings.TrimSpace(r.FormValue("subject"))
	if over := r.FormValue("over"); over != "" && over != subjectWording(i) && (subject != i.Subject || strings.TrimSpace(r.FormValue("preheader")) != i.Preheader) {
		return d.changedMeanwhile(r, i.ID, "Subject and the line after it now read “"+i.Subject+"” and “"+i.Preheader+"”.")
	}
	if own, err := d.subjectOf(r, i); err == nil && i.Subject == "" && subject == own {
		subject = "" // saved as it stood: it goes on following the first story
	}
	err = d.Subject(r.ctx, i.ID, subject, r.FormValue("preheader"), r.user.Email)
	if errors.Is(err, digest.ErrSame) {
		return done(r, issueURL(i.ID)+looking(r), "It reads so already: nothing was changed.")
	}
	if err != nil {
		return err
	}
	return done(r, issueURL(r.id("id"))+looking(r), "Saved"+sealedAgain(i))
}

// subjectWording names what the subject and the line after it say now.
func subjectWording(i digest.Issue) string {
	sum := sha256.Sum256([]byte(i.Subject + "\n" + i.Preheader))
	return hex.EncodeToString(sum[:8])
}

// storyChanged tells who wrote a story's words anew, and what they are, to an editor
// who has not seen them.
func (d *Desk) storyChanged(r *request, issue int64, e digest.Edit) error {
	list, err := d.Digest.Chosen(r.ctx, issue)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.Edition == e.Edition && c.Story.ID == e.StoryID {
			now := "It now reads: “" + c.Title + "”. " + c.Printed()
			if c.EditedBy != "" {
				now = "By " + c.EditedBy + ", " + templates.Near(c.EditedAt, d.Now()) + ". " + now
			}
			return d.changedMeanwhile(r, issue, now)
		}
	}
	return digest.ErrNotFound
}

// changedMeanwhile tells an editor that somebody else was first, and keeps what he wrote.
func (d *Desk) changedMeanwhile(r *request, issue int64, now string) error {
	return d.drawStatus(r, http.StatusConflict, templates.DeskMessage, templates.DeskPage{Title: "Changed meanwhile", Current: "Issues", Body: templates.MessageBody{
		Text: []string{"Somebody changed it after you opened the page, so nothing of theirs was overwritten and nothing of yours was saved.", now,
			"To save yours all the same, open the issue again and put it in there."},
		Kept: kept(r.Request), Actions: []templates.Action{{Title: "The issue", URL: issueURL(issue) + looking(r), Primary: true}}}})
}

func (d *Desk) test(r *request) error {
	asked := templates.IssueBody{TestTo: r.FormValue("to"), TestAs: strings.TrimSpace(r.FormValue("as"))}
	to := strings.FieldsFunc(asked.TestTo, func(c rune) bool { return c == ',' || c == ' ' || c == ';' })
	if len(to) == 0 || len(to) > 10 {
		asked.TestProblem = "No test was sent: give one to ten addresses, separated by commas."
		return d.drawIssue(r, http.StatusBadRequest, asked)
	}
	err := d.SendTest(r.ctx, r.id("id"), to, asked.TestAs, r.user.Email)
	if no, ok := errors.AsType[Refusal](err); ok {
		asked.TestProblem = "No test was sent: " + no.Error() + "."
		return d.drawIssue(r, http.StatusBadRequest, asked)
	}
	if err != nil {
		return err
	}
	return done(r, issueURL(r.id("id"))+looking(r), "A test is on its way to "+strings.Join(to, ", ")+".")
}
