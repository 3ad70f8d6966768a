package desk

import (
	"cmp"
	"fmt"
	"strings"

	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/subscribers"
	"pressrun/templates"
)

// readers is the ledger of an issue.
func (d *Desk) readers(r *request) error {
	i, err := d.Digest.Issue(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	counts, err := d.Mailer.Counts(r.ctx, i.ID)
	if err != nil {
		return err
	}
	want, query := r.URL.Query().Get("state"), strings.TrimSpace(r.URL.Query().Get("q"))
	base := issueURL(i.ID) + "/readers"
	filters := []templates.Filter{{Title: "All", URL: base + "?q=", Count: i.Audience, Current: want == "" && query == ""}}
	for _, s := range mailer.States() {
		if counts[s] > 0 {
			filters = append(filters, templates.Filter{Title: string(s), URL: base + "?q=&state=" + string(s), Count: counts[s], Current: want == string(s) && query == ""})
		}
	}
	doubtful, err := d.Mailer.Doubtful(r.ctx, i.ID)
	if err != nil {
		return err
	}
	if doubtful > 0 {
		filters = append(filters, templates.Filter{Title: "perhaps twice", URL: base + "?q=&state=" + perhapsTwice, Count: doubtful, Current: want == perhapsTwice && query == ""})
		counts[perhapsTwice] = doubtful
	}
	t := templates.Table{Caption: "Readers of this issue", Columns: []templates.Column{eitherWay(r, templates.Column{Title: "Reader, as queued"}, "reader", cmp.Or(r.URL.Query().Get("sort"), "reader")), {Title: "State"}, {Title: "What happened", Wide: true}},
		Empty: templates.Empty{Text: "No copy yet. The audience is counted when the issue is sent; from then on every reader stands here."}}
	if query != "" {
		if err := d.asked(r, i, query, &t); err != nil {
			return err
		}
	} else if err := d.ledger(r, i, mailer.State(want), &t, counts); err != nil {
		return err
	}
	intro := "One copy for one reader each. The states add up to the audience at every moment."
	if !r.user.May(knowsReaders) {
		intro += " What somebody got is told to whoever knows the whole address."
	}
	return d.draw(r, templates.DeskTable, templates.DeskPage{Title: fmt.Sprintf("Readers of %s No. %d", i.Spec.Title, i.Number), Current: "Issues",
		Action: &templates.Action{Title: "The issue", URL: issueURL(i.ID)},
		Body: templates.TableBody{Intro: intro, Search: searchOf(r, "What did this reader get?", "state"), Filters: filters, Table: t,
			Forms: again(r, i, mailer.State(want), counts)}})
}

// again offers to send once more what is listed, where that can be.
func again(r *request, i digest.Issue, state mailer.State, counts map[mailer.State]int) []templates.FormBody {
	n := counts[state]
	if n == 0 || !state.Again() || i.State == "cancelled" || !r.user.May("approver") {
		return nil
	}
	intro := "Whoever has left since gets nothing."
	if state == mailer.StateParked {
		intro = "The relay took the whole message and then said nothing, so nobody knows whether it arrived: sent again it may come twice, left alone perhaps not at all. " + intro
	}
	act := fmt.Sprintf("Send to %s again", plural(n, "reader", "readers"))
	return []templates.FormBody{{Title: "Send again", Intro: intro, URL: issueURL(i.ID) + "/readers", Submit: act, Confirm: act + "?",
		Fields: []templates.Field{{Name: "state", Kind: "hidden", Value: string(state)}}}}
}

// sendAgain queues the copies of an issue in one state again.
func (d *Desk) sendAgain(r *request) error {
	i, err := d.Digest.Issue(r.ctx, r.id("id"))
	if err != nil {
		return err
	}
	state := mailer.State(r.FormValue("state"))
	n, err := d.Retry(r.ctx, i.ID, state)
	if err != nil {
		return err
	}
	d.record(r, "send again", fmt.Sprintf("issue %d", i.ID), fmt.Sprintf("%d %s", n, state))
	said := "Nothing was left to send again."
	if n > 0 {
		said = fmt.Sprintf("Goes to %s again.", plural(n, "reader", "readers"))
	}
	return done(r, issueURL(i.ID), said)
}

// knowsReaders is the role that may see who reads: others see masked addresses,
// and learn of a reader whose address they know.
const knowsReaders = "list admin"

// asked tells what became of the copies of those whom a search finds. An address
// nobody has is an answer too.
func (d *Desk) asked(r *request, i digest.Issue, query string, t *templates.Table) error {
	tell := func(address, page string) error {
		c, err := d.Why(r.ctx, i.ID, address)
		if err == nil {
			t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: address, URL: page}, {State: copyState(c.State)}, {Text: c.Line, Note: tried(c.Attempts)}}})
		}
		return err
	}
	t.Columns[0] = templates.Column{Title: "Reader"}
	if !r.user.May(knowsReaders) {
		t.Empty = templates.Empty{Text: "Write the whole address of a reader."}
		_ = tell(query, "") // what is no address is answered by that
		return nil
	}
	found, total, err := d.Subscribers.Page(r.ctx, subscribers.Filter{Search: query, Sort: "email", Page: pageOf(r), Per: perPage(r)})
	if err != nil {
		return err
	}
	t.Pager = pager(r, pageOf(r), perPage(r), total)
	t.Empty = templates.Empty{Text: "No reader's address or name matches."}
	for _, s := range found {
		if err := tell(string(s.Email), fmt.Sprintf("/desk/subscribers/%d", s.ID)); err != nil {
			return err
		}
	}
	if total == 0 {
		_ = tell(query, "")
	}
	return nil
}

// tried tells of each attempt; "" of none.
func tried(attempts []mailer.Attempt) string {
	var words []string
	for n, a := range attempts {
		by := ""
		if a.Relay != "" {
			by = " by " + a.Relay
		}
		words = append(words, strings.TrimSuffix(fmt.Sprintf("Attempt %d, %s: %s%s at %s: %s", n+1, templates.Exact(a.At), a.Outcome, by, a.Phase, a.Said()), ": ")+".")
	}
	return strings.Join(words, " ")
}

// copyState is the state of a reader's copy, in words also where there is none.
func copyState(s mailer.State) templates.State { return state(cmp.Or(string(s), "no copy")) }

// perhapsTwice stands for the copies that were in flight when a process or
// connection ended, in the place of a state.
const perhapsTwice = "perhaps-twice"

// ledger lists the copies of an issue in the order they were made, or the last first.
func (d *Desk) ledger(r *request, i digest.Issue, want mailer.State, t *templates.Table, counts map[mailer.State]int) error {
	per, total := perPage(r), i.Audience
	if want != "" {
		total = counts[want]
	}
	t.Pager = pager(r, pageOf(r), per, total)
	filter := mailer.Filter{State: want}
	if want == perhapsTwice {
		filter = mailer.Filter{WasUncertain: true}
	}
	list, err := d.Mailer.Deliveries(r.ctx, i.ID, filter, mailer.Page{Last: r.URL.Query().Get("sort") == "-reader", Offset: (pageOf(r) - 1) * per, Limit: per})
	if err != nil {
		return err
	}
	ids := make([]int64, len(list))
	for n, dv := range list {
		ids[n] = dv.Subscriber
	}
	readers, err := d.Subscribers.ByIDs(r.ctx, ids)
	if err != nil {
		return err
	}
	for _, dv := range list {
		cell := templates.Cell{Text: "(erased)"}
		if sub, known := readers[dv.Subscriber]; known {
			cell = templates.Cell{Text: sub.Email.Mask()}
			if r.user.May(knowsReaders) {
				cell = templates.Cell{Text: string(sub.Email), URL: fmt.Sprintf("/desk/subscribers/%d", sub.ID)}
			}
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{cell, {State: state(string(dv.State))}, {Text: dv.Why()}}})
	}
	return nil
}
