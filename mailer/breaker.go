package mailer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"pressrun/deploy/schema"
)

// A Breaker says when an issue's sending is paused because going on would only
// make our name worse. Nobody but a person resumes it. Zero fields mean the
// defaults, negative ones never.
type Breaker struct {
	Streak    int     // refusals for good in a row, with no acceptance between; 25
	Sender    float64 // share of the last 500 refused as our own fault; .02
	Bounce    float64 // share of addresses that do not work, by reply or report; .05
	Complaint float64 // share of accepted copies that readers called spam; .003
}

func (b Breaker) orDefault() Breaker {
	if b.Streak == 0 {
		b.Streak = 25
	}
	def := func(p *float64, v float64) {
		if *p == 0 {
			*p = v
		} else if *p < 0 {
			*p = 2 // no share is that large
		}
	}
	def(&b.Sender, .02)
	def(&b.Bounce, .05)
	def(&b.Complaint, .003)
	return b
}

// Shares are of the last breakerSize outcomes of an issue. Fewer than these
// prove nothing, however large a share they are.
const (
	breakerSize    = 500
	leastSender    = 10
	leastBounce    = 25
	leastComplaint = 5
)

// breaker watches the replies to every issue that this process sends.
type breaker struct {
	s     *sending
	rules Breaker
	mu    sync.Mutex
	last  map[int64]*window

	letters struct {
		taken   bool // the last was; false before the first
		refused int  // in a row, for what we are or send
	}
}

// letterStreak is how many letters refused in a row, for what we are or send, are
// announced: readers wait for their confirmation, and nobody but they would know.
const letterStreak = 3

// window is the last outcomes of an issue.
type window struct {
	last   [breakerSize]Class
	n      int // outcomes so far
	sender int // of the last
	hard   int
	streak int
}

// note feeds the breaker, and counts what goes out.
func (s *sending) note(j *job, code int, v Verdict) {
	switch {
	case j.kind == delivery && v.State != StateQueued:
		s.breaker.note(j.issue, code, v)
		if j.attempt == 1 {
			s.turns.add(j.issue, s.m.now())
		}
	case j.kind == letter && j.letter != Arming: // who arms waits for the reply
		s.breaker.noteLetter(v)
	}
}

func (b *breaker) noteLetter(v Verdict) {
	b.mu.Lock()
	at, detail, tell := &b.letters, "", false
	switch {
	case v.State == StateAccepted:
		tell = !at.taken
		at.taken, at.refused = true, 0
	case v.State == StateFailed && v.Class != Hard:
		at.refused++
		if tell = at.refused == letterStreak; tell {
			at.taken = false
			detail = fmt.Sprintf("%d letters in a row were refused for good, the last because %s. Confirmations of new readers are among them. Look at the sender of the first newsletter, and with: pressrun doctor dns", letterStreak, v.Reason)
		}
	}
	b.mu.Unlock()
	if tell {
		b.s.slow.Go(func() { b.s.m.alarm(context.Background(), "letters", "refused", detail) })
	}
}

func (b *breaker) note(issue int64, code int, v Verdict) {
	b.mu.Lock()
	if b.last == nil {
		b.last = map[int64]*window{}
	}
	w := b.last[issue]
	if w == nil {
		w = &window{}
		b.last[issue] = w
	}
	why := w.add(b.rules, code, v)
	if why != "" {
		delete(b.last, issue) // a person who resumes starts afresh
	}
	b.mu.Unlock()
	if why != "" {
		b.s.slow.Go(func() { b.trip(issue, why) })
	}
}

// add returns why the breaker opens, "" when it does not.
func (w *window) add(rules Breaker, code int, v Verdict) string {
	at := &w.last[w.n%breakerSize]
	w.count(*at, -1)
	*at = v.Class
	w.count(v.Class, 1)
	w.n++
	switch {
	case code/100 == 5:
		w.streak++
	case v.State == StateAccepted:
		w.streak = 0
	}
	n := min(w.n, breakerSize)
	switch {
	case v.Class == Sender && w.sender >= leastSender && float64(w.sender) >= rules.Sender*float64(n):
		return fmt.Sprintf("%d of the last %d messages were refused: %s", w.sender, n, v.Reason)
	case v.Class == Hard && w.hard >= leastBounce && float64(w.hard) >= rules.Bounce*float64(n):
		return fmt.Sprintf("%d of the last %d addresses do not work: the list is stale or was not asked", w.hard, n)
	case code/100 == 5 && rules.Streak > 0 && w.streak >= rules.Streak:
		return fmt.Sprintf("%d messages in a row were refused for good, the last because %s", w.streak, v.Reason)
	}
	return ""
}

func (w *window) count(c Class, by int) {
	switch c {
	case Sender:
		w.sender += by
	case Hard:
		w.hard += by
	}
}

func (b *breaker) trip(issue int64, why string) {
	if err := b.s.m.Trip(context.Background(), issue, why); err != nil {
		b.s.m.log().Error("pause issue", "issue", issue, "err", err)
	}
}

// Trip pauses an issue, once, and announces it. An issue that has been sent is
// marked all the same: the next one of its newsletter wants a person first.
func (m *Mailer) Trip(ctx context.Context, issue int64, why string) error {
	res, err := m.DB.Write.ExecContext(ctx, `
		update sends set tripped = $1, reason = $1, changed_at = $2, state = case
			when state = 'open' and exists (select 1 from deliveries d where d.issue_id = sends.issue_id and d.done_at is null)
				or state = 'open' and exists (select 1 from audience_parts a, `+eachReader(m.DB.Engine)+` where a.issue_id = sends.issue_id and `+unwritten+`) then 'paused' else state end
		where issue_id = $3 and tripped = '' and state <> 'cancelled'`, why, m.nowMillis(), issue)
	if err != nil {
		return fmt.Errorf("trip breaker of issue %d: %w", issue, err)
	}
	if n, _ := res.RowsAffected(); n > 0 {
		m.alarm(ctx, "breaker", fmt.Sprintf("issue %d", issue), "Sending is paused until a person resumes it: "+why+".")
	}
	return nil
}

// Acknowledge notes that a person has seen why the breaker of an issue opened:
// what was reported until now does not open it again. It must not be called
// within a transaction.
func (m *Mailer) Acknowledge(ctx context.Context, issue int64) error {
	res, err := m.DB.Write.ExecContext(ctx, `update sends set tripped = '', excused_at = $1 where issue_id = $2 and tripped <> ''`, m.nowMillis(), issue)
	if err != nil {
		return fmt.Errorf("acknowledge breaker of issue %d: %w", issue, err)
	}
	if n, _ := res.RowsAffected(); n > 0 {
		m.alarm(ctx, "breaker", fmt.Sprintf("issue %d", issue), "")
	}
	return nil
}

// reportsFor is for how long after its start bounces and complaints of an issue
// are weighed.
const reportsFor = 7 * 24 * time.Hour

// weighReports opens the breaker of issues about which too many bounces or
// complaints have come in since they were sent.
func (s *sending) weighReports(ctx context.Context) error {
	if err := s.m.lateFacts(ctx); err != nil {
		return err
	}
	type reports struct {
		issue               int64
		bounces, complaints int
	}
	list, err := schema.Each(ctx, s.m.DB.Read, func(row schema.Row) (r reports, err error) {
		err = row.Scan(&r.issue, &r.bounces, &r.complaints)
		return r, err
	}, `
		select x.issue_id,
			sum(case when d.bounced_at > coalesce(x.excused_at, 0) then 1 else 0 end),
			sum(case when d.complained_at > coalesce(x.excused_at, 0) then 1 else 0 end)
		from sends x join deliveries d on d.issue_id = x.issue_id and (d.bounced_at is not null or d.complained_at is not null)
		where x.tripped = '' and x.state <> 'cancelled' and x.started_at > $1
		group by x.issue_id`, schema.Millis(s.m.now().Add(-reportsFor)))
	if err != nil {
		return fmt.Errorf("count reports: %w", err)
	}
	for _, r := range list {
		if r.bounces < leastBounce && r.complaints < leastComplaint {
			continue
		}
		counts, err := s.m.Counts(ctx, r.issue)
		if err != nil {
			return err
		}
		accepted := counts[StateAccepted]
		why := ""
		switch {
		case r.complaints >= leastComplaint && float64(r.complaints) >= s.breaker.rules.Complaint*float64(accepted):
			why = fmt.Sprintf("%d of %d readers called it spam", r.complaints, accepted)
		case r.bounces >= leastBounce && float64(r.bounces) >= s.breaker.rules.Bounce*float64(accepted):
			why = fmt.Sprintf("%d of %d copies came back", r.bounces, accepted)
		}
		if why == "" {
			continue
		}
		if err := s.m.Trip(ctx, r.issue, why); err != nil {
			return err
		}
	}
	return nil
}
