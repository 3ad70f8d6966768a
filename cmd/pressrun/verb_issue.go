package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/mailer/message"
	"pressrun/subscribers"
)

type issueVerb struct {
	Build   issueBuild   `cmd:"" help:"Build an issue now, or for a time."`
	Ls      issueLs      `cmd:"" help:"List issues, the newest first."`
	Show    issueShow    `cmd:"" help:"Show the stories of an issue, with why each stands there."`
	Rebuild issueRebuild `cmd:"" help:"Choose the stories of a draft anew, by the newsletter as it is now; what an editor pinned, dropped or wrote stays."`
	Edit    issueEdit    `cmd:"" help:"Retitle, rewrite, review, drop, pin or move a story; voids an approval."`
	Check   issueCheck   `cmd:"" help:"Look whether every story still stands on its site, and whether the mail is fit to go out."`
	Render  issueRender  `cmd:"" help:"Render an issue from a file, as serve does, with its preflight. Needs no database."`
	Preview issuePreview `cmd:"" help:"Write the sealed editions to files: exactly the bytes that are sent."`
	Test    issueTest    `cmd:"" help:"Send the sealed issue to addresses, marked as a test."`
	Approve issueApprove `cmd:"" help:"Approve a draft."`
	Hold    issueHold    `cmd:"" help:"Hold an issue back."`
	Skip    issueSkip    `cmd:"" help:"Leave this issue out."`
	Send    issueSend    `cmd:"" help:"Approve and send now, without waiting for the slot."`
	Pause   issuePause   `cmd:"" help:"Halt a running issue."`
	Resume  issueResume  `cmd:"" help:"Let a paused issue go on."`
	Cancel  issueCancel  `cmd:"" help:"Send no further copy of an issue."`
	Status  issueStatus  `cmd:"" help:"Print what became of every copy, in numbers."`
	Correct issueCorrect `cmd:"" help:"Publish a correction of an issue that readers got: in the archive, and in the newsletter's next issue."`
	Why     issueWhy     `cmd:"" help:"Tell what a reader got of an issue and why."`
	Verify  issueVerify  `cmd:"" help:"Prove that a received mail is the sealed issue."`
}

type issueBuild struct {
	Newsletter string `arg:"" help:"Newsletter."`
	At         moment `help:"Slot time with its zone: 2026-05-01T07:00+05:00; now when left out."`
}

func (v *issueBuild) Run(e *env) error {
	return e.with(func(p *Press) error {
		at := p.Now()
		if !v.At.IsZero() {
			at = v.At.Time
		}
		n, err := p.Digest.Newsletter(e.ctx, v.Newsletter)
		if err != nil {
			return err
		}
		slot, err := p.Digest.AddSlot(e.ctx, n.ID, at.Truncate(time.Second))
		if err != nil {
			return err
		}
		issue, err := p.Build(e.ctx, slot.ID)
		if err != nil {
			return err
		}
		return p.printIssue(e, issue.ID)
	})
}

func (p *Press) printIssue(e *env, id int64) error {
	i, err := p.Digest.Issue(e.ctx, id)
	if err != nil {
		return err
	}
	d, err := p.Sealer.Draft(e.ctx, id)
	if err != nil {
		return err
	}
	editions, err := p.Digest.Editions(e.ctx, id, i.Revision)
	if err != nil {
		return err
	}
	corrected, err := p.Digest.Corrections(e.ctx, id)
	if err != nil {
		return err
	}
	list := d.Stories
	for n := range list {
		list[n].Story.Body = ""
	}
	for n := range d.Related {
		d.Related[n].Body = ""
	}
	return e.print(issueDocument{Draft: d, PublicURL: p.Config.PublicURL, Editions: editions}, func(w io.Writer) {
		fmt.Fprintf(w, "issue %d: %s #%d, %s", i.ID, i.Newsletter, i.Number, i.State)
		if i.Reason != "" {
			fmt.Fprintf(w, " (%s)", i.Reason)
		}
		fmt.Fprintf(w, ", slot %s", when(i.SlotAt))
		if i.RankedBy != "" {
			fmt.Fprintf(w, ", ranked by %s", i.RankedBy)
		}
		fmt.Fprintln(w)
		for _, ed := range editions {
			fmt.Fprintf(w, "edition %-10s %6d bytes  %s  %s\n", ed.Name, ed.Bytes, ed.Hash[:16], ed.Subject)
		}
		for _, c := range corrected[id] {
			fmt.Fprintf(w, "correction %d of edition %s, %s by %s, %s: %s\n", c.ID, c.Edition, when(c.At), c.By, c.Standing(), clip(c.Text, 100))
		}
		for _, ed := range i.Spec.Editions {
			for _, kind := range slices.Sorted(maps.Keys(i.Rankings[ed.Name].Balance)) {
				if b := i.Rankings[ed.Name].Balance[kind]; b.Chosen > 0 {
					fmt.Fprintf(w, "balance of %-7s %d of %d different %ss, %.0f %% %s (%.0f %% of the pool)\n", ed.Name, b.Chosen, b.Pool, kind, 100*b.Share, b.Most, 100*b.PoolShare)
				}
			}
			for _, d := range i.Rankings[ed.Name].Displaced {
				fmt.Fprintf(w, "displaced in %-6s story %d, %s by views: %s  %s\n", ed.Name, d.StoryID, ordinal(d.Place), d.Reason, clip(d.Title, 60))
			}
		}
		table(w, "no stories", "EDITION | SECTION | NO | STORY | STATE | HEADLINE | WHY", func(row func(...any)) {
			for _, c := range list {
				row(c.Edition, c.Section, c.Position, c.Story.ID, c.State, clip(c.Title, 60), clip(c.Reason, 110))
			}
		})
	})
}

type issueLs struct {
	Newsletter string `help:"Of one newsletter."`
	N          count  `short:"n" default:"20" help:"How many."`
}

func (v *issueLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		var of int64
		if v.Newsletter != "" {
			n, err := p.Digest.Newsletter(e.ctx, v.Newsletter)
			if err != nil {
				return err
			}
			of = n.ID
		}
		list, err := p.Digest.Issues(e.ctx, of, int(v.N))
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) {
			table(w, "no issues yet", "ID | NEWSLETTER | NO | STATE | SLOT | READERS | REASON", func(row func(...any)) {
				for _, i := range list {
					row(i.ID, i.Newsletter, i.Number, i.State, when(i.SlotAt), i.Audience, clip(i.Reason, 60))
				}
			})
		})
	})
}

type issueShow struct {
	ID int64 `arg:"" help:"Issue id."`
}

func (v *issueShow) Run(e *env) error {
	return e.with(func(p *Press) error { return p.printIssue(e, v.ID) })
}

type issueEdit struct {
	ID        int64   `arg:"" help:"Issue id."`
	Story     int64   `help:"Story id."`
	Edition   string  `help:"Edition; the first when left out."`
	Title     *string `help:"New headline."`
	Summary   *string `help:"New summary."`
	Drop      bool    `help:"Take the story out."`
	Restore   bool    `help:"Put a dropped story back."`
	Pin       bool    `help:"Keep the story through rebuilds."`
	Picture   *bool   `negatable:"" help:"Show the story's picture, or leave it out with --no-picture."`
	To        *int    `help:"New place in its section, from 1."`
	Section   *string `help:"trending, rising or latest."`
	Subject   *string `help:"New subject of the issue; empty = the one made from its stories."`
	Preheader *string `help:"New line after the subject; empty = the one made from its stories."`
	Undo      bool    `help:"Put the original headline and summary back."`
	Review    bool    `help:"Vouch for a summary that a language model wrote, so that it is no longer marked; with --by."`
	By        string  `default:"command line" help:"In whose name."`
}

// Validate refuses an edit of nothing: to seal again would void an approval.
func (v *issueEdit) Validate() error {
	story := v.Title != nil || v.Summary != nil || v.Drop || v.Restore || v.Pin || v.Picture != nil || v.To != nil || v.Section != nil || v.Undo || v.Review
	switch {
	case story && v.Story == 0:
		return errors.New("say which story with --story; pressrun issue show lists their numbers")
	case !story && v.Story != 0:
		return errors.New("say what to change in the story: --title, --summary, --drop, --restore, --pin, --picture, --to, --section, --undo or --review")
	case !story && v.Subject == nil && v.Preheader == nil:
		return errors.New("say what to change: --subject, --preheader, or --story with what to change in it")
	case v.Section != nil && !slices.Contains([]string{"trending", "rising", "latest"}, *v.Section):
		return fmt.Errorf("--section %q: write trending, rising or latest", *v.Section)
	case v.To != nil && *v.To < 1:
		return fmt.Errorf("--to %d: places count from 1", *v.To)
	case v.Review && v.By == "command line":
		return errors.New("--review: a person vouches for a text; say who with --by")
	}
	return nil
}

func (v *issueEdit) Run(e *env) error {
	return e.with(func(p *Press) error {
		by, changed := v.By, false
		i, err := p.Digest.Issue(e.ctx, v.ID)
		if err != nil {
			return err
		}
		if v.Subject != nil || v.Preheader != nil {
			if v.Subject != nil {
				i.Subject = *v.Subject
			}
			if v.Preheader != nil {
				i.Preheader = *v.Preheader
			}
			err := p.Subject(e.ctx, v.ID, i.Subject, i.Preheader, by)
			if changed = !errors.Is(err, digest.ErrSame); err != nil && changed {
				return err
			}
		}
		if v.Story != 0 {
			edit := digest.Edit{StoryID: v.Story, Edition: v.Edition, Title: v.Title, Summary: v.Summary, To: v.To, Section: v.Section, Picture: v.Picture}
			if v.Drop || v.Restore {
				edit.Drop = &v.Drop
			}
			if v.Pin {
				edit.Pin = &v.Pin
			}
			if v.Undo {
				edit.Undo = &v.Undo
			}
			if v.Review {
				edit.Review = &v.Review
			}
			if edit.Edition == "" {
				edit.Edition = i.Spec.Editions[0].Name
			}
			err := p.Edit(e.ctx, v.ID, edit, by)
			if errors.Is(err, digest.ErrNotFound) {
				return fmt.Errorf("issue %d has no story %d in its edition %q; what there is, shows: pressrun issue show %[1]d", v.ID, v.Story, edit.Edition)
			}
			if err != nil && !errors.Is(err, digest.ErrSame) {
				return err
			}
			changed = changed || err == nil
		}
		if !changed {
			fmt.Fprintf(e.err, "it is so already: nothing was changed, and issue %d is %s as it was\n", v.ID, i.State)
		}
		return p.printIssue(e, v.ID)
	})
}

// Edit applies an editor's change and seals the issue again, so that the
// preview follows.
func (p *Press) Edit(ctx context.Context, issue int64, edit digest.Edit, by string) error {
	if err := p.Digest.EditIssue(ctx, issue, edit, by); err != nil {
		return err
	}
	if _, err := p.Sealer.Seal(ctx, issue); err != nil {
		return err
	}
	return p.Installation.Audit(ctx, by, "edit", fmt.Sprintf("issue %d", issue), fmt.Sprintf("story %d", edit.StoryID))
}

type issueRebuild struct {
	ID int64  `arg:"" help:"Issue id."`
	By string `default:"command line" help:"In whose name."`
}

func (v *issueRebuild) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Rebuild(e.ctx, v.ID, v.By); err != nil {
			return err
		}
		return p.printIssue(e, v.ID)
	})
}

// Rebuild chooses the stories of a draft anew, as its newsletter is now, and seals it.
func (p *Press) Rebuild(ctx context.Context, issue int64, by string) error {
	if err := p.Builder.Rebuild(ctx, issue); err != nil {
		return err
	}
	if _, err := p.Sealer.Seal(ctx, issue); err != nil {
		return err
	}
	return p.Installation.Audit(ctx, by, "rebuild", fmt.Sprintf("issue %d", issue), "")
}

type issueCorrect struct {
	ID          int64  `arg:"" help:"Issue id."`
	Text        string `help:"What was wrong, and what is right; a paragraph a line."`
	Edition     string `help:"Edition that was wrong; the first when left out."`
	ArchiveOnly bool   `help:"Do not tell it in the next issue."`
	Withdraw    int64  `help:"Take the correction of this number back."`
	By          string `default:"command line" help:"In whose name."`
}

func (v *issueCorrect) Validate() error {
	if (v.Text == "") == (v.Withdraw == 0) {
		return errors.New("say what was wrong and what is right with --text, or take a correction back with --withdraw; pressrun issue show lists their numbers")
	}
	return nil
}

func (v *issueCorrect) Run(e *env) error {
	return e.with(func(p *Press) error {
		if v.Withdraw != 0 {
			if err := p.Withdraw(e.ctx, v.ID, v.Withdraw, v.By); err != nil {
				return err
			}
			return e.did(facts{"issue": v.ID, "withdrawn": v.Withdraw}, "correction %d is taken back", v.Withdraw)
		}
		c, err := p.Correct(e.ctx, digest.Correction{IssueID: v.ID, Edition: v.Edition, Text: v.Text, InNext: !v.ArchiveOnly, By: v.By})
		if err != nil {
			return err
		}
		return e.print(c, func(w io.Writer) { fmt.Fprintln(w, c.Standing()) })
	})
}

type issueCheck struct {
	ID int64 `arg:"" help:"Issue id."`
}

func (v *issueCheck) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Guard.Check(e.ctx, v.ID)
		if err != nil && !errors.Is(err, digest.ErrSiteTrouble) {
			return err
		}
		findings, ferr := p.preflight(e.ctx, v.ID, true)
		if ferr != nil {
			return ferr
		}
		if perr := e.print(facts{"removals": list, "checks": findings}, func(w io.Writer) {
			table(w, "every story still stands", "STORY | HEADLINE | WHAT", func(row func(...any)) {
				for _, r := range list {
					row(r.StoryID, clip(r.Title, 60), r.Reason)
				}
			})
			printFindings(w, findings)
		}); perr != nil {
			return perr
		}
		if n := len(digest.Bad(findings)); err == nil && n > 0 {
			return fmt.Errorf("issue %d: %s", v.ID, several(n, "check is red", "checks are red"))
		}
		return err
	})
}

type issuePreview struct {
	ID  int64  `arg:"" help:"Issue id."`
	As  string `help:"As this reader gets it: an address."`
	Out string `default:"." help:"Directory for the files."`
}

func (v *issuePreview) Run(e *env) error {
	return e.with(func(p *Press) error {
		i, err := p.Digest.Issue(e.ctx, v.ID)
		if err != nil {
			return err
		}
		editions, err := p.Digest.Editions(e.ctx, v.ID, i.Revision)
		if err != nil {
			return err
		}
		values := sampleValues(p.Config.PublicURL, i.Spec.ListHost, i.SlotAt)
		if v.As != "" {
			ed, his, err := p.copyFor(e.ctx, i, v.As)
			if err != nil {
				return err
			}
			editions, values = []digest.Edition{ed}, his
		}
		if err := os.MkdirAll(v.Out, 0o755); err != nil {
			return err
		}
		var names []string
		for _, ed := range editions {
			files, err := writeEdition(filepath.Join(v.Out, "edition-"+ed.Name), ed, values)
			if err != nil {
				return err
			}
			names = append(names, files...)
		}
		return e.print(names, func(w io.Writer) { fmt.Fprintln(w, strings.Join(names, "\n")) })
	})
}

// writeEdition writes an edition as path.eml, path.html and path.txt, and
// returns their names.
func writeEdition(path string, ed digest.Edition, values message.Values) ([]string, error) {
	t, err := message.Parse(ed.Message)
	if err != nil {
		return nil, err
	}
	eml, err := t.Message(values)
	if err != nil {
		return nil, err
	}
	html, text, err := message.Preview(ed.Message, values)
	if err != nil {
		return nil, err
	}
	files := map[string]string{".eml": string(eml), ".html": html, ".txt": text}
	var names []string
	for ext, content := range files {
		if content == "" {
			continue
		}
		name := path + ext
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// previewID is the Message-ID of all previews, up to the host.
const previewID = "preview"

// sampleValues fill the slots of a preview for nobody in particular; their links
// say that this is a test.
func sampleValues(publicURL, host string, at time.Time) message.Values {
	link := func(page string) string { return publicURL + "/" + page + "/" + subscribers.PreviewToken }
	return message.Values{
		To: "reader@example.org", Date: at, MessageID: previewID + "@" + host, Unsubscribe: link("u"),
		Named: map[string]string{"name": "", "unsubscribe": link("u"), "preferences": link("preferences"), "test": ""},
	}
}

type issueTest struct {
	ID int64    `arg:"" help:"Issue id."`
	To []string `required:"" help:"Addresses, comma separated."`
	As string   `help:"As this reader gets it: an address."`
}

func (v *issueTest) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.SendTest(e.ctx, v.ID, v.To, v.As, "command line"); err != nil {
			return err
		}
		return e.did(facts{"issue": v.ID, "to": v.To, "as": v.As}, "test mails queued for %s; a running serve sends them at once", strings.Join(v.To, ", "))
	})
}

// verified is a received mail held against its seal.
type verified struct {
	File    string `json:"file"`
	Seal    string `json:"seal,omitempty"` // of which edition, in words
	Problem string `json:"problem,omitempty"`
}

type issueVerify struct {
	Files []string `arg:"" help:"Received mails, - for standard input; also previews and test mails."`
}

func (v *issueVerify) Run(e *env) error {
	return e.with(func(p *Press) error {
		var list []verified
		good := 0
		for _, name := range v.Files {
			one := verified{File: name}
			if raw, err := readAll(e, name); err != nil {
				one.Problem = "it cannot be read: " + err.Error()
			} else if one.Seal, err = p.Verify(e.ctx, raw); err != nil {
				one.Problem = "NOT sealed by us: " + err.Error()
			} else {
				good++
			}
			list = append(list, one)
		}
		if err := e.print(facts{"verified": good, "of": len(list), "mails": list}, func(w io.Writer) {
			for _, m := range list {
				fmt.Fprintf(w, "%s: %s\n", m.File, cmp.Or(m.Seal, m.Problem))
			}
			fmt.Fprintf(w, "%d of %d\n", good, len(list))
		}); err != nil {
			return err
		}
		if good < len(list) {
			return fmt.Errorf("%d of %d do not agree with a seal of this newsroom; what arrives changed is a mail that somebody altered on its way, or one that another newsroom sent", len(list)-good, len(list))
		}
		return nil
	})
}

// Verify cuts the slot values out of a received mail and recomputes the seal
// of the edition it says it is. It returns that edition in words.
func (p *Press) Verify(ctx context.Context, raw []byte) (string, error) {
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return "", fmt.Errorf("it is not a mail: %w", err)
	}
	what, of, list, err := p.copied(ctx, m.Header)
	if err != nil {
		return "", err
	}
	for _, i := range list {
		for revision := i.Revision; revision > 0; revision-- {
			editions, err := p.Digest.Editions(ctx, i.ID, revision)
			if err != nil {
				return "", err
			}
			for _, ed := range editions {
				if _, err := message.Verify(raw, ed.Message); err == nil {
					return fmt.Sprintf("%s%s #%d, edition %s, revision %d, sealed %s", what, i.Newsletter, i.Number, ed.Name, revision, ed.Hash), nil
				}
			}
		}
	}
	return "", fmt.Errorf("no sealed edition of %s has these bytes", of)
}

// copied says what kind of copy a mail is by its own words, "" for a reader's, and of
// which issues. The Message-ID of a reader's begins with the issue's number; that of a
// preview or a test mail names none, but its List-Id the newsletter.
func (p *Press) copied(ctx context.Context, h mail.Header) (what, of string, list []digest.Issue, err error) {
	id := strings.Trim(h.Get("Message-Id"), "<> ")
	number, err := issueOfMessageID(id)
	switch {
	case err == nil:
		i, err := p.Digest.Issue(ctx, number)
		return "", fmt.Sprintf("issue %d", number), []digest.Issue{i}, err
	case strings.HasPrefix(id, previewID+"@"):
		what = "a preview, which no reader got, of "
	case strings.HasPrefix(id, mailer.LetterMark+"."):
		what = "a test mail of "
	default:
		return "", "", nil, err
	}
	_, name, _ := strings.Cut(h.Get("List-Id"), "<")
	name, _, ok := strings.Cut(name, ".")
	if !ok {
		return "", "", nil, errors.New("it is a letter, as a confirmation or an alarm is; issues alone are sealed")
	}
	n, err := p.Digest.Newsletter(ctx, name)
	if err == nil {
		list, err = p.Digest.Issues(ctx, n.ID, 100)
	}
	return what, fmt.Sprintf("the newest issues of %s (%d)", name, len(list)), list, err
}

// issueOfMessageID reads the issue out of <issue.subscriber.nonce@host>.
func issueOfMessageID(id string) (int64, error) {
	first, _, ok := strings.Cut(strings.Trim(id, "<> "), ".")
	n, err := strconv.ParseInt(first, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("its Message-ID %q is not one of ours", id)
	}
	return n, nil
}
