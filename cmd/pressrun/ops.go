package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"slices"
	"strings"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/mailer/message"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

// PauseIssue halts a running issue; both rooms change in one transaction.
func (p *Press) PauseIssue(ctx context.Context, id int64, by string) error {
	err := p.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := p.Digest.MoveIssue(ctx, tx, id, "paused", "paused by "+by, "sending"); err != nil {
			return err
		}
		return p.Mailer.Pause(ctx, tx, id, "paused by "+by)
	})
	if err != nil {
		return err
	}
	return p.Installation.Audit(ctx, by, "pause", fmt.Sprintf("issue %d", id), "")
}

// ResumeIssue lets a paused issue go on.
func (p *Press) ResumeIssue(ctx context.Context, id int64, by string) error {
	i, err := p.Digest.Issue(ctx, id)
	if err != nil {
		return err
	}
	err = p.DB.InTx(ctx, func(tx *sql.Tx) error {
		if i.State != "sending" && i.State != "sent" { // the breaker may have been faster than the clock, or it stopped second tries
			if err := p.Digest.MoveIssue(ctx, tx, id, "sending", "", "paused"); err != nil {
				return err
			}
		}
		return p.Mailer.Resume(ctx, tx, id)
	})
	if err != nil {
		return err
	}
	p.Clear(ctx, "breaker", fmt.Sprintf("issue %d", id))
	return p.Installation.Audit(ctx, by, "resume", fmt.Sprintf("issue %d", id), "")
}

// Hold keeps an issue back until a person approves it.
func (p *Press) Hold(ctx context.Context, id int64, why, by string) error {
	if err := p.Digest.MoveIssue(ctx, p.DB.Write, id, "held", why, "draft", "approved", "countdown"); err != nil {
		return err
	}
	return p.Installation.Audit(ctx, by, "hold", fmt.Sprintf("issue %d", id), why)
}

// Skip leaves an issue out.
func (p *Press) Skip(ctx context.Context, id int64, why, by string) error {
	if err := p.Digest.Leave(ctx, id, "skipped", why); err != nil {
		return err
	}
	p.settled(ctx, id)
	return p.Installation.Audit(ctx, by, "skip", fmt.Sprintf("issue %d", id), why)
}

// Subject gives an issue an editor's subject and line after it, and seals it.
func (p *Press) Subject(ctx context.Context, id int64, subject, preheader, by string) error {
	if err := p.Digest.SetSubject(ctx, id, subject, preheader, by); err != nil {
		return err
	}
	if _, err := p.Sealer.Seal(ctx, id); err != nil {
		return err
	}
	return p.Installation.Audit(ctx, by, "subject", fmt.Sprintf("issue %d", id), subject)
}

// Correct publishes a correction of an issue that readers got, and seals the issue
// again that waits for approval and tells it.
func (p *Press) Correct(ctx context.Context, c digest.Correction) (digest.Correction, error) {
	made, err := p.Digest.Correct(ctx, c)
	if err != nil {
		return made, err
	}
	if made.ToldIn != 0 {
		if _, err := p.Sealer.Seal(ctx, made.ToldIn); err != nil {
			return made, err
		}
	}
	return made, p.Installation.Audit(ctx, made.By, "correct", fmt.Sprintf("issue %d", made.IssueID), fmt.Sprintf("correction %d, edition %s: %s", made.ID, made.Edition, clip(made.Text, 200)))
}

// Withdraw takes a correction back out of the archive, and out of an issue that waits.
func (p *Press) Withdraw(ctx context.Context, issue, correction int64, by string) error {
	waits, err := p.Digest.Withdraw(ctx, issue, correction)
	if err != nil {
		return err
	}
	if waits != 0 {
		if _, err := p.Sealer.Seal(ctx, waits); err != nil {
			return err
		}
	}
	return p.Installation.Audit(ctx, by, "withdraw", fmt.Sprintf("issue %d", issue), fmt.Sprintf("correction %d", correction))
}

// Retry queues copies again that failed, expired or are parked, and says how many.
func (p *Press) Retry(ctx context.Context, deliveries []int64) (queued int, err error) {
	issues, err := p.Mailer.IssuesOf(ctx, deliveries)
	if err != nil {
		return 0, err
	}
	return p.requeue(ctx, issues, func(tx *sql.Tx) (int, error) { return p.Mailer.Retry(ctx, tx, deliveries) })
}

// RetryIssue is Retry for all copies of an issue in one state.
func (p *Press) RetryIssue(ctx context.Context, issue int64, state mailer.State) (queued int, err error) {
	return p.requeue(ctx, []int64{issue}, func(tx *sql.Tx) (int, error) { return p.Mailer.RetryIssue(ctx, tx, issue, state) })
}

// requeue has copies of issues queued again: these are followed until the copies are
// done with, within the send window that is open or comes next.
func (p *Press) requeue(ctx context.Context, issues []int64, queue func(*sql.Tx) (int, error)) (queued int, err error) {
	err = p.DB.InTx(ctx, func(tx *sql.Tx) error {
		for _, id := range issues {
			if err := p.Digest.Reopen(ctx, tx, id, 0); err != nil {
				return err
			}
		}
		if queued, err = queue(tx); err != nil {
			return err
		}
		for _, id := range issues {
			i, err := p.Digest.IssueIn(ctx, tx, id)
			if err != nil {
				return err
			}
			if opens, closes := i.Spec.WindowAt(p.Now()); !closes.IsZero() {
				if err := p.Mailer.Window(ctx, tx, id, opens, closes); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if queued > 0 && err == nil {
		for _, id := range issues {
			p.Clear(ctx, "parked", fmt.Sprintf("issue %d", id)) // somebody has decided
		}
	}
	return queued, err
}

// CancelIssue sends no further copy of an issue.
func (p *Press) CancelIssue(ctx context.Context, id int64, why, by string) error {
	i, err := p.Digest.Issue(ctx, id)
	if err != nil {
		return err
	}
	if i.State != "sending" && i.State != "paused" {
		err = p.Digest.Leave(ctx, id, "cancelled", why)
	} else {
		err = p.DB.InTx(ctx, func(tx *sql.Tx) error {
			if err := p.Digest.MoveIssue(ctx, tx, id, "cancelled", why, i.State); err != nil {
				return err
			}
			return p.Mailer.Cancel(ctx, tx, id, why)
		})
	}
	if err != nil {
		return err
	}
	p.settled(ctx, id)
	for _, kind := range []string{"breaker", "late"} {
		p.Clear(ctx, kind, fmt.Sprintf("issue %d", id))
	}
	return p.Installation.Audit(ctx, by, "cancel", fmt.Sprintf("issue %d", id), why)
}

// SendTest sends the sealed bytes of an issue's editions to addresses, marked
// as a test: all of them, or the one that the reader as gets, with his name.
// Links in it say that this is a test and change nothing. The error is a
// desk.Refusal, and nobody gets one, where an address is at fault.
func (p *Press) SendTest(ctx context.Context, id int64, to []string, as, by string) error {
	if _, err := p.Sealer.Seal(ctx, id); err != nil && !errors.Is(err, digest.ErrState) {
		return err
	}
	i, err := p.Digest.Issue(ctx, id)
	if err != nil {
		return err
	}
	editions, slots, err := p.testOf(ctx, i, as)
	if err != nil {
		return err
	}
	slots[templates.SlotTest] = "[Test] "
	var letters []mailer.Letter
	for _, address := range to {
		a, err := mail.ParseAddress(address)
		if err != nil {
			return desk.Refusal(fmt.Sprintf("%q is not a mail address", address))
		}
		for _, ed := range editions {
			letters = append(letters, mailer.Letter{Kind: "test", Message: ed.Message, Email: templates.Email{From: i.Spec.From, Language: ed.Language}, EnvelopeFrom: i.Spec.Envelope,
				To:      mailer.Recipient{Address: a.Address, Slots: slots},
				Expires: time.Hour})
		}
	}
	err = p.DB.InTx(ctx, func(tx *sql.Tx) error {
		for _, letter := range letters {
			if _, err := p.Mailer.Post(ctx, tx, letter); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return p.Installation.Audit(ctx, by, "test", fmt.Sprintf("issue %d", id), strings.Join(to, ", "))
}

// testOf are the editions of an issue to test and what stands in their slots.
func (p *Press) testOf(ctx context.Context, i digest.Issue, as string) ([]digest.Edition, map[string]string, error) {
	if as != "" {
		ed, values, err := p.copyFor(ctx, i, as)
		return []digest.Edition{ed}, values.Named, err
	}
	all, err := p.Digest.Editions(ctx, i.ID, i.Revision)
	if err != nil {
		return nil, nil, err
	}
	list, err := p.Subscribers.ListID(ctx, p.DB.Read, i.Spec.List)
	if err != nil {
		return nil, nil, err
	}
	slots, err := p.testSlots(ctx, list, "")
	return slices.DeleteFunc(all, func(ed digest.Edition) bool { return ed.TextOnly }), slots, err
}

// copyFor is the edition that a reader would get of a sealed issue now, and the values
// of its slots, with links that change nothing: a preview may be passed on. The error
// is a desk.Refusal where he would get none.
func (p *Press) copyFor(ctx context.Context, i digest.Issue, as string) (ed digest.Edition, v message.Values, err error) {
	if _, err := address.Parse(as); err != nil {
		return ed, v, desk.Refusal(fmt.Sprintf("%q is not a mail address", as))
	}
	reader, err := p.Subscribers.Find(ctx, as)
	if errors.Is(err, subscribers.ErrNotFound) {
		return ed, v, desk.Refusal(fmt.Sprintf("nobody reads with the address %s", as))
	}
	if err != nil {
		return ed, v, fmt.Errorf("copy of %s: %w", as, err)
	}
	err = p.DB.InTx(ctx, func(tx *sql.Tx) error {
		to, withheld, err := p.recipients(ctx, tx, i.ID, []int64{reader.ID})
		if err != nil {
			return err
		}
		if len(to) == 0 {
			return desk.Refusal(fmt.Sprintf("%s would not get it: %s", as, withheld[0].Reason))
		}
		v = message.Values{To: to[0].Address, Date: p.Now(), MessageID: previewID + "@" + i.Spec.ListHost}
		return nil
	})
	if err != nil {
		return ed, v, err
	}
	a, err := p.audienceOf(ctx, i)
	if err != nil {
		return ed, v, err
	}
	a.Only = reader.ID
	fits, err := p.Subscribers.Count(ctx, a)
	if err == nil && fits == 0 {
		err = desk.Refusal(as + " would not get it: the newsletter goes to a segment, or leaves one out, and they are on the other side")
	}
	if err != nil {
		return ed, v, err
	}
	if v.Named, err = p.testSlots(ctx, a.List, reader.Name); err != nil {
		return ed, v, err
	}
	v.Unsubscribe, v.Mailto = v.Named[templates.SlotUnsubscribe], v.Named[templates.SlotMailto]
	ed, err = p.Digest.Edition(ctx, a.EditionOf(reader))
	return ed, v, err
}

// Answer is what became of one reader's copy of an issue, and why.
type Answer struct {
	Line     string           `json:"line"` // all of it in one sentence
	Address  string           `json:"address"`
	Issue    int64            `json:"issue"`
	Delivery *mailer.Delivery `json:"delivery,omitempty"`
	Attempts []mailer.Attempt `json:"attempts,omitempty"` // of the delivery, oldest first
	Moved    []string         `json:"moved,omitempty"`    // nobody has the address: present ones of who moved from one like it
}

// Why tells what a reader got of an issue and why, or why nothing.
func (p *Press) Why(ctx context.Context, id int64, address string) (Answer, error) {
	i, err := p.Digest.Issue(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	name := fmt.Sprintf("%s #%d", i.Newsletter, i.Number)
	out := Answer{Address: address, Issue: id}
	reader, err := p.Subscribers.Find(ctx, address)
	if errors.Is(err, subscribers.ErrNotFound) {
		err = p.whyNobody(ctx, &out, name)
		return out, err
	}
	if err != nil {
		return out, err
	}
	d, err := p.Mailer.DeliveryOf(ctx, id, reader.ID)
	if errors.Is(err, mailer.ErrNoDelivery) {
		if i.Started.IsZero() {
			out.Line = fmt.Sprintf("%s got nothing of %s: the issue is %s", address, name, i.State)
			return out, nil
		}
		reason, err := p.whyNot(ctx, reader, i)
		out.Line = fmt.Sprintf("%s was not in the audience of %s: %s", address, name, reason)
		return out, err
	}
	if err != nil {
		return out, err
	}
	return p.WhyDelivery(ctx, d, address)
}

// WhyDelivery tells what became of a copy, and at which attempts; address is its
// reader's.
func (p *Press) WhyDelivery(ctx context.Context, d mailer.Delivery, address string) (Answer, error) {
	out := Answer{Address: address, Issue: d.Issue, Delivery: &d}
	i, err := p.Digest.Issue(ctx, d.Issue)
	if err != nil {
		return out, err
	}
	name := fmt.Sprintf("%s #%d", i.Newsletter, i.Number)
	out.Line = fmt.Sprintf("%s, %s: %s", address, name, d.Why())
	if out.Attempts, err = p.Mailer.Attempts(ctx, d); err != nil {
		return out, err
	}
	events, err := p.Subscribers.Timeline(ctx, d.Subscriber)
	if err != nil && !errors.Is(err, subscribers.ErrNotFound) {
		return out, err
	}
	if slices.ContainsFunc(events, func(e subscribers.Event) bool { return e.Kind == "welcome" && e.Detail == name }) {
		out.Line += " It was the newest issue when the reader confirmed."
	}
	moved := slices.IndexFunc(events, func(e subscribers.Event) bool { return e.Kind == "moved" && !d.DoneAt.IsZero() && e.At.After(d.DoneAt) })
	if moved >= 0 {
		out.Line += fmt.Sprintf(" It went to an earlier address, %s, which the reader had until %s.", strings.TrimPrefix(events[moved].Detail, "from "), templates.Exact(events[moved].At))
	}
	back, err := p.cameBack(ctx, d.ID)
	if err != nil {
		return out, err
	}
	if back != "" {
		out.Line += " " + back
	}
	if d.Edition != 0 {
		if ed, err := p.Digest.Seal(ctx, d.Edition); err == nil {
			out.Line += fmt.Sprintf(" Edition %s, revision %d, sealed %s.", ed.Name, ed.Revision, ed.Hash[:16])
		}
	}
	return out, nil
}

// whyNobody says of an address that no reader has what became of him who had it. The
// line is for everybody at the desk: only the command line tells other addresses.
func (p *Press) whyNobody(ctx context.Context, out *Answer, issue string) error {
	erased, moved, err := p.Subscribers.WentFrom(ctx, out.Address)
	if err != nil {
		return err
	}
	var readers []string
	for _, v := range moved {
		readers = append(readers, fmt.Sprintf("%d (%s)", v.ID, v.Email.Mask()))
		out.Moved = append(out.Moved, string(v.Email))
	}
	switch {
	case !erased.IsZero():
		out.Line = fmt.Sprintf("%s: the reader of that address was erased on request at %s; what he got is not kept under it", out.Address, templates.Exact(erased))
	case len(moved) > 0:
		out.Line = fmt.Sprintf("%s: nobody has that address now; ask for the present one of who moved from one like it: reader %s", out.Address, strings.Join(readers, ", "))
	default:
		out.Line = fmt.Sprintf("%s got nothing of %s: nobody with that address is or was subscribed", out.Address, issue)
	}
	return nil
}

// whyNot says why a known reader was not in the audience of an issue that was sent.
func (p *Press) whyNot(ctx context.Context, reader subscribers.Subscriber, i digest.Issue) (string, error) {
	stamp := templates.Exact
	frozen := stamp(i.Started)
	x, suppressed, err := p.Subscribers.Suppressed(ctx, p.DB.Read, reader.Key)
	if err != nil {
		return "", err
	}
	if suppressed && x.At.Before(i.Started) {
		return fmt.Sprintf("the address is suppressed (%s) since %s", x.Reason, stamp(x.At)), nil
	}
	subs, err := p.Subscribers.Subscriptions(ctx, reader.ID)
	if err != nil {
		return "", err
	}
	for _, s := range subs {
		if s.ListName != i.Spec.List {
			continue
		}
		switch {
		case !s.Confirmed.IsZero() && s.Confirmed.After(i.Started):
			return fmt.Sprintf("the subscription was confirmed at %s, after the audience was frozen at %s", stamp(s.Confirmed), frozen), nil
		case s.Confirmed.IsZero():
			return fmt.Sprintf("the subscription of %s is %s: it was not confirmed when the audience was frozen at %s", stamp(s.Created), s.State, frozen), nil
		case s.State != subscribers.Active || s.Changed.After(i.Started):
			return fmt.Sprintf("the subscription is %s since %s; the audience was frozen at %s", s.State, stamp(s.Changed), frozen), nil
		}
		var why []string
		if i.Spec.Segment != "" {
			why = append(why, fmt.Sprintf("outside the segment %q", i.Spec.Segment))
		}
		if len(i.Spec.Exclude) > 0 {
			why = append(why, fmt.Sprintf("inside %q, which does not get it,", strings.Join(i.Spec.Exclude, `" or "`)))
		}
		return fmt.Sprintf("%s when the audience was frozen at %s", cmp.Or(strings.Join(why, " or "), "not there"), frozen), nil
	}
	return fmt.Sprintf("not subscribed to %s when the audience was frozen at %s", i.Spec.List, frozen), nil
}

// askApproval writes to everybody who may approve that a draft waits, once for what
// is sealed of it.
func (p *Press) askApproval(ctx context.Context, i digest.Issue) error {
	editions, err := p.Digest.Editions(ctx, i.ID, i.Revision)
	if err != nil || len(editions) == 0 {
		return err
	}
	v, err := p.approvalLetter(ctx, i, editions[0])
	if err != nil {
		return err
	}
	users, err := p.Installation.Users(ctx)
	if err != nil {
		return err
	}
	err = p.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := p.Digest.Ask(ctx, tx, i.ID, i.Revision); err != nil {
			return err
		}
		for _, u := range users {
			if !u.May("approver") {
				continue
			}
			if err := p.letter(ctx, tx, templates.LetterApproval, u.Email, v); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, digest.ErrState) {
		return nil // another process has asked
	}
	return err
}

// approvalLetter says what waits, how many would get it, and what is wrong with it.
func (p *Press) approvalLetter(ctx context.Context, i digest.Issue, first digest.Edition) (templates.Letter, error) {
	page := fmt.Sprintf("%s/desk/issues/%d", p.Config.PublicURL, i.ID)
	v := templates.Letter{Brand: i.Spec.Brand, Newsletter: i.Spec.Title, Subject: first.Subject, Action: page, Preview: page, Expires: i.SlotAt}
	if zone, err := time.LoadLocation(i.Spec.Zone); err == nil {
		v.Expires = i.SlotAt.In(zone)
	}
	chosen, err := p.Digest.Chosen(ctx, i.ID)
	if err != nil {
		return v, err
	}
	for _, c := range chosen {
		if c.State == "in" && c.Edition == first.Name {
			v.Stories = append(v.Stories, templates.Link{Title: c.Title, URL: c.Story.URL, Language: c.Story.Language, Direction: c.Story.Direction, Source: c.Story.SourceTitle})
		}
	}
	findings, err := p.preflight(ctx, i.ID, false)
	if err != nil {
		return v, err
	}
	for _, f := range digest.Bad(findings) {
		v.Text = append(v.Text, f.Text)
	}
	if c, err := p.crowd(ctx, i); err == nil { // else a finding says why
		v.Audience = c.Now
	}
	return v, nil
}

// letter renders a letter and posts it inside tx.
func (p *Press) letter(ctx context.Context, tx *sql.Tx, kind, address string, v templates.Letter) error {
	e, err := templates.RenderLetter(kind, "en", v)
	if err != nil {
		return fmt.Errorf("write letter %s: %w", kind, err)
	}
	return p.post(ctx, tx, kind, e, subscribers.Recipient{Address: address})
}

// mayArm says what is to be done before mail may leave: relays that answer, and a
// postal address in every newsletter.
func (p *Press) mayArm(ctx context.Context) error {
	if p.Config.Catch {
		return errors.New("catch = true keeps all mail in the built-in catcher; take it out of press.toml first")
	}
	if len(p.Config.Relays) == 0 {
		return errors.New("no relay is configured; add one under [[relay]] first")
	}
	newsletters, err := p.Digest.Newsletters(ctx)
	if err != nil {
		return err
	}
	for _, n := range newsletters {
		if n.State == "active" && n.Spec.PostalMissing() {
			return fmt.Errorf("newsletter %s has no postal address, which every mail must name: set brand.postal (pressrun newsletter export %[1]s > FILE, then newsletter apply -f FILE)", n.Name)
		}
	}
	return nil
}

// sendArmCode posts a test mail with a code, for the relays themselves.
func (p *Press) sendArmCode(ctx context.Context, to string) (letter int64, err error) {
	for _, r := range p.Config.Relays {
		if err := p.examineRelay(ctx, r); err != nil {
			return 0, fmt.Errorf("relay %s: %w", r.Name, err)
		}
	}
	err = p.DB.InTx(ctx, func(tx *sql.Tx) error {
		code, err := p.Mailer.ArmingCode(ctx, tx, "command line")
		if err != nil {
			return err
		}
		e, err := templates.RenderLetter(templates.LetterTest, "en", templates.Letter{Code: code})
		if err != nil {
			return err
		}
		e.From = p.sender(ctx)
		letter, err = p.Mailer.Post(ctx, tx, mailer.Letter{Kind: mailer.Arming, Email: e, To: mailer.Recipient{Address: to}, Expires: time.Hour})
		return err
	})
	return letter, err
}

// armPatience is how long the test mail with the code may take to a relay; tests are less patient.
var armPatience = 20 * time.Second

// untilTaken waits until a relay has taken a letter, which a running serve gives it.
func (p *Press) untilTaken(ctx context.Context, letter int64) error {
	for end := time.Now().Add(armPatience); ; {
		state, reason, err := p.Mailer.LetterState(ctx, letter)
		switch {
		case err != nil || state == mailer.StateAccepted:
			return err
		case state == mailer.StateDeferred:
			return fmt.Errorf("the relay does not take the test mail yet: %s; it is tried again: once it is there, run: pressrun arm --code CODE", reason)
		case state.Done():
			return fmt.Errorf("the test mail was not taken: %s", reason)
		case time.Now().After(end):
			return errors.New("the test mail waits: no serve with this relay is running; start serve, or start it again if it began before the relay stood in press.toml; once the mail is there, run: pressrun arm --code CODE")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p *Press) arm(ctx context.Context, code, by string) error {
	if err := p.Mailer.Arm(ctx, by, code); err != nil {
		return err
	}
	host, _ := os.Hostname()
	return p.Installation.Audit(ctx, by, "arm", "sending", "on "+host)
}
