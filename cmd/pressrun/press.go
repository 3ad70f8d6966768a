package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"pressrun/deploy/installation"
	"pressrun/deploy/schema"
	"pressrun/digest"
	"pressrun/digest/trend"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/mailer/intake"
	"pressrun/subscribers"
	"pressrun/templates"
)

// Press is the whole service. Its rooms do not know one another; open.go
// introduces them, and this file tells what happens, on one page:
//
//	Tick      plans slots, hands due work to the job queue, moves waiting issues on
//	Collect   source → entries → stories                     (a job)
//	Build     candidates → ranked → chosen → summaries → sealed draft, approvers are asked   (a job)
//	Watch     until the slot: stories that vanish leave, pictures that are gone are dropped (a job)
//	advance   at the slot: approved, sent by policy, or held
//	launch    seed addresses get it, the countdown begins
//	start     the audience is frozen as deliveries, in one transaction; the mailer does the rest
//	follow    sending → sent → closed; what was read is not told again
//
// Every step may run twice, late, or in two processes at once: the rows of
// slots, issues and deliveries decide.
type Press struct {
	Config       Config
	DB           *schema.DB
	Now          func() time.Time
	Log          *slog.Logger
	Installation *installation.Store
	Digest       *digest.Store
	Collector    *digest.Collector
	Builder      *digest.Builder
	Sealer       *digest.Sealer
	Guard        *digest.Guard
	Pictures     *digest.Pictures
	Counters     trend.Counters
	Ranker       *trend.Ranker
	Beacon       *trend.Beacon
	Live         *trend.Live
	Subscribers  *subscribers.Store
	Mailer       *mailer.Mailer
	Catcher      *catch.Catcher // nil unless everything is caught
	Jobs         *river.Client[*sql.Tx]

	complaints map[string]complaint // what → as last logged
	complained time.Time            // when something last went wrong at a tick
	standing   map[string]bool      // kind and subject of an alarm → whether there was reason for it at the last look
	proxies    proxies              // who hands requests on to us
	pollers    []poller             // of counters the sites keep themselves
	inspected  inspection           // of what surrounds us
	counting   counting             // of visits
	mailbox    *intake.Mailbox      // that bounces are read from, nil = none
	close      []func() error
	ticked     time.Time           // the last tick
	away       time.Time           // nobody had asked the sources for long until then; zero = they were not left alone
	watched    map[int64]int64     // issue → last round of Watch that was ordered
	counted    map[int64]time.Time // issue → when its copies may be counted again
	isDemo     bool                // readers are on this machine, and their mail may be read by anybody
	backlog    time.Duration       // how old the news of a newly added source may be
}

// Tick looks at the clock and moves everything on that is due. An error of one
// newsletter or issue is logged and does not keep the others.
func (p *Press) Tick(ctx context.Context) error {
	p.watchJournal(ctx)
	p.watchKeys(ctx)
	p.watchProxies(ctx)
	p.watchArming(ctx)
	p.watchViews(ctx)
	if err := p.tendIntake(ctx); err != nil {
		p.Log.Error("intake", "err", err)
	}
	if err := p.begin(ctx); err != nil {
		return fmt.Errorf("tick: %w", err)
	}
	newsletters, err := p.Digest.Newsletters(ctx)
	if err != nil {
		return fmt.Errorf("tick: %w", err)
	}
	for _, n := range newsletters {
		if err := p.plan(ctx, n); err != nil {
			p.complain("plan "+n.Name, err)
		}
	}
	due, err := p.Digest.DueSources(ctx)
	if err != nil {
		return fmt.Errorf("tick: %w", err)
	}
	for _, src := range due {
		if err := p.enqueue(ctx, collectJob{Source: src.ID, Due: src.NextPoll.Unix(), Try: p.try(src.NextPoll)}); err != nil {
			return err
		}
	}
	if err := p.orderImports(ctx); err != nil {
		return fmt.Errorf("tick: %w", err)
	}
	waiting, err := p.Digest.IssuesIn(ctx, "building", "draft", "held", "approved", "countdown", "sending", "paused", "sent")
	if err != nil {
		return fmt.Errorf("tick: %w", err)
	}
	for _, i := range waiting {
		if err := p.advance(ctx, i); err != nil && !errors.Is(err, digest.ErrState) && !errors.Is(err, ErrAudience) {
			p.complain(fmt.Sprintf("issue %d", i.ID), err)
		}
	}
	return nil
}

// watchJournal announces a journal that cannot be written: those who leave now
// would be forgotten by a restored backup.
func (p *Press) watchJournal(ctx context.Context) {
	p.stand(ctx, p.Subscribers.Journal.Flush() != nil, "journal", p.Config.Journal,
		"Who leaves is recorded in the database but not in the journal beside it. Make room on the disk or mend its permissions; what is missing is written then.")
}

// watchKeys takes up new and retired keys, and announces a key file with which
// the next start would fail.
func (p *Press) watchKeys(ctx context.Context) {
	err := p.Subscribers.FollowKeys(ctx)
	if err != nil && ctx.Err() != nil {
		return
	}
	p.stand(ctx, err != nil, "keys", p.Config.Keys, keysWords(err))
}

func keysWords(err error) string {
	if err == nil {
		return ""
	}
	return technically("The file of the link keys is not in order. Links go on as before until serve ends; mend the file before that.", err)
}

// stopForgotten is how long sending is stopped when somebody is reminded of it.
const stopForgotten = time.Hour

// watchArming announces that an installation which was armed is so no more since its
// host or its sender's domain has another name, that press.toml has lost its relays, or
// that somebody stopped sending and left it so: nobody else would notice that no mail
// leaves, the mail of this alarm included.
func (p *Press) watchArming(ctx context.Context) {
	st, err := p.Mailer.Status(ctx)
	if err != nil {
		p.complain("arming", err)
		return
	}
	host, _ := os.Hostname()
	p.stand(ctx, !st.Armed && st.ArmedFor != "" && p.mailsOutside(), "arming", "relays", fmt.Sprintf("All mail stays in the built-in inbox: this installation was armed "+
		"for %s (host, and domain of the first newsletter's sender), and is %s %s now. If it is no copy of another one: pressrun arm --to YOUR-ADDRESS", st.ArmedFor, host, p.Mailer.SenderDomain))
	p.stand(ctx, st.Stopped && p.Now().Sub(st.Since) > stopForgotten, "stopped", "sending", fmt.Sprintf("Since %s, by %s (%s). What is due waits until it expires, and new readers cannot confirm. "+
		"When it may go on: Start sending at the desk, or pressrun start", templates.Exact(st.Since), st.StoppedBy, st.Why))
	lost, err := p.withoutRelay(ctx, st)
	if err != nil {
		p.complain("relays", err)
		return
	}
	p.stand(ctx, lost != "", "arming", "none", lost)
}

// withoutRelay says what becomes of mail when press.toml names no relay any more, though
// mail has left this installation; "" when it does, or never did.
func (p *Press) withoutRelay(ctx context.Context, st mailer.Status) (string, error) {
	if p.Config.Catch || len(p.Config.Relays) > 0 {
		return "", nil
	}
	if st.Armed {
		return "This installation is armed and press.toml has no relay, so mail waits until it expires. Add one under [[relay]] in press.toml and start serve again, or have all of it caught here: pressrun disarm", nil
	}
	had, err := p.Installation.KnownGood(ctx, leavesBy)
	if err != nil || st.ArmedFor == "" && len(had) == 0 {
		return "", err
	}
	return "All mail stays in the built-in inbox: there was a relay in press.toml, and there is none now. Put it back under [[relay]] and start serve again, or if mail is to stay here: pressrun disarm", nil
}

// leavesBy is the kind of what is known to be in order while relays on this machine take
// mail, which nobody has to arm.
const leavesBy = "relays"

// plan writes slots down, announces missed ones and has due ones built.
func (p *Press) plan(ctx context.Context, n digest.Newsletter) error {
	if err := p.Digest.Plan(ctx, n); err != nil {
		return err
	}
	due, missed, err := p.Digest.DueSlots(ctx, n)
	if err != nil {
		return err
	}
	if n.State == "paused" { // its slots are planned all the same: none is owed when the pause ends
		if due != nil {
			missed = append(missed, *due)
		}
		for _, slot := range missed {
			if err := p.Digest.MoveSlot(ctx, p.DB.Write, slot.ID, "planned", "skipped", "the newsletter is paused"); err != nil && !errors.Is(err, digest.ErrState) {
				return err
			}
		}
		return nil
	}
	if err := p.missSlots(ctx, n, missed); err != nil {
		return err
	}
	if due == nil {
		return nil
	}
	spec := n.Spec.WithDefaults(n.Name)
	if behind, err := p.behind(ctx, spec); err != nil || behind {
		return err
	}
	return p.enqueue(ctx, buildJob{Slot: due.ID, Try: p.try(due.At.Add(-time.Duration(spec.Lead)))})
}

// catchUp is how long the news is read, at most, before an issue is built after nobody
// had read any for long: a poll, one that confirms it, and the pages.
const catchUp = 20 * time.Minute

// begin notes at the first tick, and at the first after a sleep of the machine, whether
// the sources were left alone for long, until now or until another process came to them
// just before. A clock that was put back by much is announced.
func (p *Press) begin(ctx context.Context) error {
	now, before := p.Now(), p.ticked
	if gone := now.Sub(before); !before.IsZero() && gone < digest.LeftAlone && gone > -digest.ClockLeap {
		p.ticked = now
		return nil
	}
	last, back, err := p.Digest.LastPoll(ctx)
	if err != nil {
		return err
	}
	if before.Before(last) {
		before = last
	}
	leapt := before.Sub(now) > digest.ClockLeap
	if leapt {
		if err := p.raise(ctx, "clock", "this machine", fmt.Sprintf("It shows %s, and %s was written down before. If it is wrong now, set it, and have it kept by NTP. If it was wrong then: sources and slots go on by the right time; "+
			"look whether issues were missed or skipped, and readers who were to confirm were given up, before their time. This ends by itself a day later.", templates.Exact(now), templates.Exact(before))); err != nil {
			return err
		}
	}
	p.ticked, p.away = now, time.Time{}
	switch {
	case leapt, !last.IsZero() && now.Sub(last) > digest.LeftAlone:
		p.away = now
	case now.Sub(back).Abs() < catchUp:
		p.away = back
	default:
		return nil
	}
	p.Log.Info("nobody has read the sources for long: what is due is built when they are read", "last read", last, "at the latest", p.away.Add(catchUp))
	return nil
}

// behind reports whether an issue has to wait for its sources. Built at once after a
// downtime it would be of old news, or skipped for want of any.
func (p *Press) behind(ctx context.Context, spec digest.Spec) (bool, error) {
	if p.away.IsZero() || p.Now().Sub(p.away) >= catchUp {
		return false, nil
	}
	return p.Digest.Behind(ctx, spec, p.away.Add(-jobTimeout)) // a poll is noted at its end, after what it listed
}

// missSlots announces the slots of a newsletter that nothing came of, all in one: after
// ten days of downtime nobody reads ten mails of each newsletter.
func (p *Press) missSlots(ctx context.Context, n digest.Newsletter, missed []digest.Slot) error {
	if len(missed) == 0 {
		return nil
	}
	last := missed[len(missed)-1]
	text := "No issue went out: " + last.Reason + "."
	if len(missed) > 1 {
		text = fmt.Sprintf("%d issues did not go out, from that of %s to that of %s: %s.", len(missed), templates.Exact(missed[0].At), templates.Exact(last.At), missed[0].Reason)
	}
	if err := p.raise(ctx, "slot", n.Name+" "+last.At.Format(time.RFC3339), text); err != nil {
		return err
	}
	for _, slot := range missed {
		if _, err := p.Digest.MissSlot(ctx, slot); err != nil {
			return err
		}
	}
	return nil
}

// try numbers the attempts at something due at a time, one every five minutes:
// a job that hangs or died with its process does not block the next attempt.
func (p *Press) try(due time.Time) int64 { return int64(p.Now().Sub(due) / (5 * time.Minute)) }

// Build makes the issue of a slot and seals it. Called twice it makes one.
func (p *Press) Build(ctx context.Context, slotID int64) (digest.Issue, error) {
	slot, err := p.Digest.Slot(ctx, slotID)
	if err != nil {
		return digest.Issue{}, err
	}
	n, err := p.Digest.Newsletter(ctx, fmt.Sprint(slot.NewsletterID))
	if err != nil {
		return digest.Issue{}, err
	}
	issue, err := p.Builder.Begin(ctx, n, slot)
	if err != nil {
		return issue, err
	}
	if issue.State == "building" {
		flagged, err := p.Collector.Regroup(ctx)
		if err != nil {
			return issue, err
		}
		for _, story := range flagged {
			if err := p.flagged(ctx, story); err != nil { // the trouble of another issue
				p.Log.Error("tell a flagged story anew", "story", story, "error", err)
			}
		}
		err = p.Builder.Build(ctx, issue.ID)
		if errors.Is(err, digest.ErrThin) {
			if issue, err = p.reload(ctx, issue, nil); err == nil {
				p.Alarm(ctx, "issue", fmt.Sprintf("issue %d", issue.ID), "Nothing goes out this time: "+issue.Reason+".")
			}
			return issue, err
		}
		if err != nil && !errors.Is(err, digest.ErrState) { // ErrState: another process built it meanwhile
			return issue, err
		}
	}
	if issue, err = p.reload(ctx, issue, nil); err != nil || issue.State != "draft" || issue.Asked > 0 {
		return issue, err
	}
	if issue.Revision == 0 {
		p.Log.Info("built", "issue", issue.ID, "newsletter", issue.Newsletter, "number", issue.Number, "ranked by", issue.RankedBy)
		if _, err := p.Sealer.Seal(ctx, issue.ID); errors.Is(err, digest.ErrState) {
			return p.reload(ctx, issue, nil) // another process sealed it meanwhile, and asks
		} else if err != nil {
			return issue, err
		}
		if issue, err = p.reload(ctx, issue, nil); err != nil {
			return issue, err
		}
	}
	if issue.Spec.Approval != "hold" {
		return issue, nil
	}
	return p.reload(ctx, issue, p.askApproval(ctx, issue))
}

func (p *Press) reload(ctx context.Context, issue digest.Issue, err error) (digest.Issue, error) {
	if err != nil {
		return issue, err
	}
	return p.Digest.Issue(ctx, issue.ID)
}

// advance moves one issue on as far as the clock and its newsletter's policy allow.
func (p *Press) advance(ctx context.Context, i digest.Issue) error {
	now := p.Now()
	switch i.State {
	case "building":
		return p.enqueue(ctx, buildJob{Slot: i.SlotID, Try: p.try(i.Created)})
	case "draft", "held", "approved", "countdown":
		switch begins := i.SlotAt.Add(-time.Duration(i.Spec.Countdown)); {
		case p.Digest.Overdue(i):
			return p.miss(ctx, i)
		case i.State == "countdown" && !now.Before(i.Starts):
			return p.start(ctx, i.ID)
		case i.State == "approved" && (i.AtOnce || !now.Before(begins)):
			return p.launch(ctx, i.ID)
		case i.State == "countdown" || now.Before(i.SlotAt):
			return errors.Join(p.orderWatch(ctx, i.ID), p.orderAsking(ctx, i))
		default:
			return p.atSlot(ctx, i)
		}
	default:
		return p.follow(ctx, i)
	}
}

// orderAsking has the approvers called of a draft that waits for them and whose builder
// ended before it had done so.
func (p *Press) orderAsking(ctx context.Context, i digest.Issue) error {
	if i.State != "draft" || i.Spec.Approval != "hold" || i.Asked > 0 {
		return nil
	}
	return p.enqueue(ctx, buildJob{Slot: i.SlotID, Try: p.try(i.Created)})
}

// miss holds an issue that would go out by itself so late that nobody expects it,
// and announces that its slot was missed. A person may still send it.
func (p *Press) miss(ctx context.Context, i digest.Issue) error {
	reason := fmt.Sprintf("its time passed more than %s ago, and nothing was running or nothing could go out", templates.Span(time.Duration(i.Spec.Grace)))
	text := fmt.Sprintf("Issue %d did not go out: %s.", i.Number, reason)
	if p.Now().Sub(i.SlotAt) < time.Duration(i.Spec.Expires) {
		text += " It is held: approve it to send it all the same, or skip it."
	}
	subject := i.Newsletter + " " + i.SlotAt.Format(time.RFC3339)
	if err := p.raise(ctx, "slot", subject, text); err != nil {
		return err
	}
	return p.unlessDecided(ctx, i.ID, "slot", subject, p.Digest.Miss(ctx, i, reason))
}

// unlessDecided is the failure to hold an issue after an alarm, which is taken back when
// a person has decided in the same instant. Another process that was faster leaves it held.
func (p *Press) unlessDecided(ctx context.Context, id int64, kind, subject string, failure error) error {
	if errors.Is(failure, digest.ErrState) {
		if i, err := p.Digest.Issue(ctx, id); err == nil && i.State != "held" {
			p.Clear(ctx, kind, subject)
		}
	}
	return failure
}

// policySend is who approves an issue of a newsletter that nobody has to look at.
const policySend = "policy send"

// atSlot decides about an issue nobody has approved when its time has come.
func (p *Press) atSlot(ctx context.Context, i digest.Issue) error {
	if p.Now().Sub(i.SlotAt) > time.Duration(i.Spec.Expires) {
		p.settled(ctx, i.ID)
		reason := "nobody approved it within " + templates.Span(time.Duration(i.Spec.Expires))
		if i.State == "held" && i.Reason != digest.Unapproved { // that is what went wrong first
			reason = strings.TrimSuffix(i.Reason, ".") + "; then " + reason
		}
		return p.Digest.Leave(ctx, i.ID, "skipped", reason)
	}
	if i.State == "held" {
		return nil
	}
	if i.Spec.Approval == "hold" {
		subject := fmt.Sprintf("issue %d", i.ID)
		if err := p.raise(ctx, "approval", subject, "It is ready, its time has come, and it waits for somebody to approve it."); err != nil {
			return err
		}
		return p.unlessDecided(ctx, i.ID, "approval", subject, p.Digest.MoveIssue(ctx, p.DB.Write, i.ID, "held", digest.Unapproved, "draft"))
	}
	if _, err := p.Sealer.Seal(ctx, i.ID); err != nil {
		return err
	}
	if held, err := p.repair(ctx, i.ID); err != nil || held {
		return err
	}
	if i, err := p.Digest.Issue(ctx, i.ID); err != nil {
		return err
	} else if err := p.watchAudience(ctx, i); err != nil {
		return err
	}
	return p.Sealer.Approve(ctx, i.ID, 0, policySend, false)
}

// start freezes the audience of an approved issue and enqueues a delivery for
// everyone in it, in one transaction. The mailer takes it from there, at each
// reader's time or at once.
func (p *Press) start(ctx context.Context, id int64) error {
	i, err := p.Digest.Issue(ctx, id)
	if err != nil || i.State != "approved" && i.State != "countdown" {
		return err
	}
	if err := p.mayStart(ctx, i); err != nil {
		return err
	}
	query, args, err := p.audience(ctx, i, i.AtOnce)
	if err != nil {
		return fmt.Errorf("audience of issue %d: %w", id, err)
	}
	opens, closes := i.Spec.WindowAt(p.Now())
	n := 0
	err = p.DB.InTx(ctx, func(tx *sql.Tx) error {
		now, err := p.Digest.Start(ctx, tx, id)
		if err != nil {
			return err
		}
		if now.Revision != i.Revision {
			return fmt.Errorf("it was sealed again meanwhile: %w", digest.ErrState) // the next look starts that
		}
		if n, err = p.Mailer.Enqueue(ctx, tx, mailer.Enqueue{
			Issue: id, SQL: query, Args: args, Expires: time.Duration(i.Spec.Expires), Opens: opens, Closes: closes, Park: i.Spec.Uncertain == "park",
		}); err != nil {
			return err
		}
		return p.Digest.Frozen(ctx, tx, i, n)
	})
	if err != nil {
		return p.unlessMoved(ctx, id, fmt.Errorf("start issue %d: %w", id, err), "approved", "countdown")
	}
	p.Log.Info("sending", "issue", id, "newsletter", i.Newsletter, "number", i.Number, "audience", n)
	p.settled(ctx, i.ID)
	p.overtake(ctx, i)
	return nil
}

// unlessMoved is the failure of a step of an issue, or nil when another process
// has taken that step meanwhile: then the issue is in none of the states from.
func (p *Press) unlessMoved(ctx context.Context, id int64, failure error, from ...string) error {
	if !errors.Is(failure, digest.ErrState) {
		return failure
	}
	i, err := p.Digest.Issue(ctx, id)
	if err != nil || slices.Contains(from, i.State) {
		return errors.Join(failure, err)
	}
	return nil
}

// follow takes a running issue to sent and closed, and notes its stories as
// told once the first copy is out.
func (p *Press) follow(ctx context.Context, i digest.Issue) error {
	if i.State == "sending" || i.State == "sent" {
		if err := p.keepWindow(ctx, i); err != nil {
			return err
		}
	}
	if time.Now().Before(p.counted[i.ID]) {
		return nil
	}
	began := time.Now()
	counts, err := p.Mailer.Counts(ctx, i.ID)
	if err != nil {
		return err
	}
	p.counted[i.ID] = time.Now().Add(schema.Rest(time.Since(began))) // counting a million rows takes a second
	sum := 0
	for _, n := range counts {
		sum += n
	}
	if sum != i.Audience {
		if now, err := p.Digest.Issue(ctx, i.ID); err != nil || now.Audience != i.Audience {
			return err // a reader joined between the two looks
		}
		p.Alarm(ctx, "ledger", fmt.Sprintf("issue %d", i.ID), fmt.Sprintf("The ledger holds %d deliveries for an audience of %d.", sum, i.Audience))
	}
	if err := p.watchPace(ctx, i); err != nil {
		return err
	}
	if counts["accepted"]+counts["uncertain"]+counts["parked"] > 0 {
		if err := p.Digest.UseStories(ctx, i); err != nil {
			return err
		}
	}
	// An uncertain copy waits to be sent again; a parked one waits for a person
	// and is settled as far as the issue is concerned.
	open := counts["queued"] + counts["claimed"] + counts["uncertain"]
	switch {
	case i.State == "sending" && open == 0:
		err := p.Digest.MoveIssue(ctx, p.DB.Write, i.ID, "sent", "", "sending")
		if err == nil { // of several processes one has done it
			p.Log.Info("sent", "issue", i.ID, "newsletter", i.Newsletter, "number", i.Number, "audience", i.Audience, "copies", counts)
		}
		return err
	case i.State == "paused":
		return p.lapse(ctx, i)
	case i.State == "sent" && open+counts["deferred"] == 0 && sum == i.Audience:
		err := p.closeIssue(ctx, i.ID)
		if n := counts["parked"]; err == nil && n > 0 {
			p.Alarm(ctx, "parked", fmt.Sprintf("issue %d", i.ID), parkedWords(n))
		}
		return err
	}
	return nil
}

// lapse ends an issue that a person has paused until nothing of it could go out any more.
// What the breaker stopped waits for a person, and what a send window stops lives on.
func (p *Press) lapse(ctx context.Context, i digest.Issue) error {
	send, err := p.Mailer.SendOf(ctx, p.DB.Read, i.ID)
	if err != nil || send.Tripped != "" || !send.Closes.IsZero() && i.Spec.Overflow != "stop" {
		return err
	}
	return p.DB.InTx(ctx, func(tx *sql.Tx) error {
		n, err := p.Mailer.Lapse(ctx, tx, i.ID, "it expired while the issue was paused")
		if err != nil || n == 0 {
			return err
		}
		why := i.Reason + ", until what was left had expired"
		if err := p.Digest.MoveIssue(ctx, tx, i.ID, "cancelled", why, "paused"); err != nil {
			return err
		}
		return p.Mailer.Cancel(ctx, tx, i.ID, why)
	})
}

// parkedWords say what is to be decided about n copies that are parked.
func parkedWords(n int) string {
	what := "a copy"
	if n > 1 {
		what = fmt.Sprintf("%d copies", n)
	}
	return fmt.Sprintf("The relay took the whole of %s and then said nothing, so nobody knows whether the mail arrived. The list of the issue's readers offers to send again, which somebody may then get twice; or leave it.", what)
}

// closeIssue ends an issue of which nothing was left to send at the last count. A copy
// that has been queued since, for a late reader or by hand, keeps it open: ErrState.
func (p *Press) closeIssue(ctx context.Context, id int64) error {
	return p.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := p.Digest.MoveIssue(ctx, tx, id, "closed", "", "sent"); err != nil {
			return err
		}
		left, err := p.Mailer.Unfinished(ctx, tx, id)
		if err == nil && left {
			err = fmt.Errorf("issue %d is not done with: %w", id, digest.ErrState)
		}
		return err
	})
}

// Approve seals what the editor sees and approves exactly that: hashes of the
// revision he looked at. When it has changed since, he looks again.
func (p *Press) Approve(ctx context.Context, id int64, revision int, by string) error {
	return p.approve(ctx, id, revision, by, false)
}

func (p *Press) approve(ctx context.Context, id int64, revision int, by string, atOnce bool) error {
	if _, err := p.Sealer.Seal(ctx, id); err != nil {
		return err
	}
	i, err := p.Digest.Issue(ctx, id)
	if err == nil {
		err = p.acknowledge(ctx, i)
	}
	if err != nil {
		return err
	}
	if err := p.Sealer.Approve(ctx, id, revision, by, atOnce); err != nil {
		return err
	}
	p.settled(ctx, id)
	if err := p.once(ctx, watchJob{Issue: id, Round: p.Now().UnixMilli()}); err != nil {
		return err
	}
	return p.Installation.Audit(ctx, by, "approve", fmt.Sprintf("issue %d", id), fmt.Sprintf("revision %d", i.Revision))
}

// SendNow approves an issue in the name of by and starts it without waiting
// for its slot.
func (p *Press) SendNow(ctx context.Context, id int64, by string) error {
	return p.sendNow(ctx, id, 0, by)
}

// sendNow is SendNow of the revision that by has seen; 0 = as it is.
func (p *Press) sendNow(ctx context.Context, id int64, revision int, by string) error {
	i, err := p.Digest.Issue(ctx, id)
	if err != nil {
		return err
	}
	switch i.State {
	case "draft", "held":
		if err := p.approve(ctx, id, revision, by, true); err != nil {
			return err
		}
	case "approved", "countdown":
		if err := p.Digest.AtOnce(ctx, id); err != nil {
			return err
		}
	case "sending":
		return nil
	default:
		return fmt.Errorf("send issue %d: it is %s: %w", id, i.State, digest.ErrState)
	}
	begin := p.launch
	if i.State == "countdown" { // twice now is now
		begin = p.start
	}
	if err := begin(ctx, id); err != nil {
		return err
	}
	return p.Installation.Audit(ctx, by, "send", fmt.Sprintf("issue %d", id), "")
}
