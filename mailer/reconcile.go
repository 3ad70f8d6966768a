package mailer

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"pressrun/deploy/schema"
)

// Reconciled is what taking over from dead processes brought to light.
type Reconciled struct {
	Owners    int `json:"owners"`    // processes that had ended without signing off
	Released  int `json:"released"`  // claimed and not in flight: back in the queue
	Uncertain int `json:"uncertain"` // in flight when they ended
}

// Reconcile takes over what dead processes left: those of this machine that are
// gone, and others silent for longer than three times Lease (their clocks may be
// behind) that stay so for three heartbeats more: when the database was away, or all
// were frozen, they who live have yet to say so. Run does the same all the time, after
// Lease.
func (m *Mailer) Reconcile(ctx context.Context) (Reconciled, error) {
	var sum Reconciled
	list, err := m.senders(ctx)
	if err != nil {
		return sum, err
	}
	list = slices.DeleteFunc(list, m.alive)
	if wait := 3 * m.heartbeat(); slices.ContainsFunc(list, func(p process) bool { return !p.gone() }) {
		m.log().Warn("processes are silent; looking whether they live", "for", wait)
		if sleep(ctx, wait); ctx.Err() != nil {
			return sum, ctx.Err()
		}
	}
	for _, p := range list { // who was heard of since is left alone
		got, err := m.takeOver(ctx, p)
		if err != nil {
			return sum, err
		}
		sum.Owners += got.Owners
		sum.Released += got.Released
		sum.Uncertain += got.Uncertain
	}
	return sum, nil
}

// Senders counts the processes that send, now or as soon as something is due.
func (m *Mailer) Senders(ctx context.Context) (int, error) {
	list, err := m.senders(ctx)
	n := 0
	for _, p := range list {
		if m.alive(p) {
			n++
		}
	}
	return n, err
}

// alive tells by a single look, across two hosts' clocks: they may be two leases
// apart.
func (m *Mailer) alive(p process) bool {
	return !p.gone() && m.now().Sub(p.beat) < 3*cmp.Or(m.Lease, time.Minute)
}

// process is a row of senders.
type process struct {
	owner, host string
	pid         int
	beat        time.Time
}

func (m *Mailer) senders(ctx context.Context) ([]process, error) {
	list, err := schema.Each(ctx, m.DB.Read, func(r schema.Row) (process, error) {
		var p process
		var beat schema.Time
		err := r.Scan(&p.owner, &p.host, &p.pid, &beat)
		p.beat = beat.Time
		return p, err
	}, `select owner, host, pid, beat_at from senders order by owner`)
	if err != nil {
		return nil, fmt.Errorf("read senders: %w", err)
	}
	return list, nil
}

// gone says that the process ran on this very machine and is no more, or has ended
// and nobody has asked how.
func (p process) gone() bool {
	if p.host == "" || p.host != machine() || p.pid <= 0 {
		return false
	}
	return errors.Is(syscall.Kill(p.pid, 0), syscall.ESRCH) || zombie(p.pid)
}

// zombie says that a process has ended to its last thread and waits for its parent
// to ask how. Where the system does not tell, none is one.
func zombie(pid int) bool {
	f := statOf(pid)
	return len(f) > 17 && f[0] == "Z" && f[17] == "1" // the state, and how many threads
}

// statOf is what proc(5)'s stat has of a process behind the command in brackets,
// which may contain any; nothing where the system does not tell.
func statOf(pid int) []string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}

// watch tells dead processes from living ones by whether their heartbeat changes
// while our own is written again and again. Clocks that disagree or jump do not
// matter, nor does time in which nobody's could be: the database was away, or all
// of us were frozen.
type watch struct {
	m     *Mailer
	self  string
	beats int // of our own that were written
	seen  map[string]sighting
}

// sighting is a heartbeat, and how many of our own had been written when it was
// first seen.
type sighting struct {
	beat  time.Time
	beats int
}

// silent says that a process has had the same heartbeat for as long as Lease.
func (w *watch) silent(last sighting) bool {
	return time.Duration(w.beats-last.beats)*w.m.heartbeat() >= cmp.Or(w.m.Lease, time.Minute)
}

func (w *watch) takeOverDead(ctx context.Context) error {
	list, err := w.m.senders(ctx)
	if err != nil {
		return err
	}
	for _, p := range list {
		last, known := w.seen[p.owner]
		if !known || !last.beat.Equal(p.beat) {
			last = sighting{p.beat, w.beats}
			w.seen[p.owner] = last
		}
		if p.owner == w.self || !p.gone() && !w.silent(last) {
			continue
		}
		delete(w.seen, p.owner)
		got, err := w.m.takeOver(ctx, p)
		if err != nil {
			return err
		}
		if got.Owners > 0 {
			w.m.log().Warn("took over from a process that ended", "owner", p.owner, "released", got.Released, "uncertain", got.Uncertain)
		}
	}
	return nil
}

// abandon takes over from this very process, which ends and could not settle
// everything itself.
func (m *Mailer) abandon(ctx context.Context, owner string) error {
	for {
		list, err := m.senders(ctx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(p process) bool { return p.owner == owner })
		if at < 0 {
			return nil
		}
		if sum, err := m.takeOver(ctx, list[at]); err != nil || sum.Owners > 0 {
			return err
		}
		sleep(ctx, 20*time.Millisecond) // the server has just committed a claim that we had given up
	}
}

// takeOver settles everything p had claimed. What was marked as in flight is
// uncertain, the rest is queued again; the fence grows, and parts of audiences
// are gone, so that p, should it only have slept, can neither send nor record any
// of it. Nothing happens when p has been heard of since its heartbeat was read.
//
// The row of senders decides: deleting it waits for transactions of p that
// are under way, and those that follow do not find it.
func (m *Mailer) takeOver(ctx context.Context, p process) (Reconciled, error) {
	owner := p.owner
	var sum Reconciled
	held := map[kind][]claimedRow{}
	for _, k := range []kind{delivery, letter} {
		rows, err := m.claimedBy(ctx, k, owner)
		if err != nil {
			return sum, err
		}
		held[k] = rows
	}
	err := m.DB.InTx(ctx, func(tx *sql.Tx) error {
		sum = Reconciled{Owners: 1}
		res, err := tx.ExecContext(ctx, `delete from senders where owner = $1 and beat_at = $2`, owner, schema.At(p.beat))
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n == 0 {
			sum = Reconciled{}
			return nil // another process was faster, or p lives
		}
		written, err := m.settleParts(ctx, tx, owner, &sum)
		if err != nil {
			return err
		}
		held[delivery] = append(held[delivery], written...)
		for k, rows := range held {
			marks, err := m.marks(ctx, tx, k, owner)
			if err != nil {
				return err
			}
			for _, row := range rows {
				if err := m.settleRow(ctx, tx, k, owner, row, marks, &sum); err != nil {
					return err
				}
			}
		}
		_, err = tx.ExecContext(ctx, `delete from in_flight where owner = $1`, owner)
		return err
	})
	if err != nil {
		return Reconciled{}, fmt.Errorf("take over from %s: %w", owner, err)
	}
	return sum, nil
}

// settleParts writes the rows of those who stand in parts that owner held: of what
// was in flight claimed, which it returns, under the number that the message bears;
// of the rest queued.
func (m *Mailer) settleParts(ctx context.Context, tx *sql.Tx, owner string, sum *Reconciled) ([]claimedRow, error) {
	written, err := schema.Each(ctx, tx, scanClaimed, firstRow+`)
		select a.issue_id, a.edition_id, a.due_at, a.expires_at, a.due_at, a.claimed_at, a.owner, f.fence, f.delivery_id, f.subscriber_id, 'claimed'
		from in_flight f join audience_parts a on a.id = f.part_id and a.owner = f.owner
		where f.owner = $1 on conflict do nothing returning id, fence`, owner)
	if err != nil {
		return nil, err
	}
	const over = `a.owner = $1 and a.issue_id in (select issue_id from sends where state = 'cancelled')`
	if _, err := m.layOut(ctx, tx, StateCancelled, "its issue was cancelled", over, owner); err != nil {
		return nil, err
	}
	n, err := m.layOut(ctx, tx, StateQueued, "", "a.owner = $1", owner)
	sum.Released += n
	return written, err
}

type claimedRow struct{ id, fence int64 }

// claimedBy are the rows that a process has claimed, beside those who stand in its
// parts. It is read before the transaction: the writer is not held meanwhile.
// That a row changes in between is seen by its fence.
func (m *Mailer) claimedBy(ctx context.Context, k kind, owner string) ([]claimedRow, error) {
	list, err := schema.Each(ctx, m.DB.Read, scanClaimed, `select id, fence from `+string(k)+` where owner = $1 and state = 'claimed' and done_at is null`, owner)
	if err != nil {
		return nil, fmt.Errorf("read claims of %s: %w", owner, err)
	}
	return list, nil
}

func scanClaimed(r schema.Row) (claimedRow, error) {
	var c claimedRow
	err := r.Scan(&c.id, &c.fence)
	return c, err
}

// mark is a row of in_flight.
type mark struct {
	fence     int64
	messageID string
	date      schema.Time
	at        schema.Time
}

func (m *Mailer) marks(ctx context.Context, tx *sql.Tx, k kind, owner string) (map[int64]mark, error) {
	column := "delivery_id"
	if k == letter {
		column = "letter_id"
	}
	rows, err := tx.QueryContext(ctx, `select `+column+`, fence, message_id, date_at, marked_at from in_flight where owner = $1 and `+column+` is not null`, owner)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	marks := map[int64]mark{}
	for rows.Next() {
		var id int64
		var f mark
		if err := rows.Scan(&id, &f.fence, &f.messageID, &f.date, &f.at); err != nil {
			return nil, err
		}
		marks[id] = f
	}
	return marks, rows.Err()
}

// waitsForAPerson is true of the rows that wait for a person once they are uncertain.
const waitsForAPerson = `issue_id in (select issue_id from sends where park or state = 'cancelled')`

const inFlightReason = "it was being sent when the process ended"

func (m *Mailer) settleRow(ctx context.Context, tx *sql.Tx, k kind, owner string, row claimedRow, marks map[int64]mark, sum *Reconciled) error {
	f, inFlight := marks[row.id]
	if !inFlight || f.fence != row.fence {
		state, args := "'queued'", []any{row.id, owner, row.fence}
		if k == delivery {
			const over = `issue_id in (select issue_id from sends where state = 'cancelled')`
			state = `case when ` + over + ` then 'cancelled' else 'queued' end, done_at = case when ` + over + ` then cast($4 as bigint) else null end`
			args = append(args, m.nowMillis())
		}
		res, err := tx.ExecContext(ctx, `update `+string(k)+` set owner = '', fence = fence + 1, state = `+state+`
			where id = $1 and owner = $2 and fence = $3 and state = 'claimed'`, args...)
		if err != nil {
			return err
		}
		n, _ := res.RowsAffected()
		sum.Released += int(n)
		return nil
	}
	n, err := m.makeUncertain(ctx, tx, k, owner, row, f)
	if err != nil || n == 0 {
		return err
	}
	sum.Uncertain++
	column := "delivery_id"
	if k == letter {
		column = "letter_id"
	}
	_, err = tx.ExecContext(ctx, `insert into attempts (`+column+`, relay, phase, code, outcome, reply, tried_at) values ($1, '', 'dot', 0, 'uncertain', $2, $3)`,
		row.id, inFlightReason, f.at)
	return err
}

func (m *Mailer) makeUncertain(ctx context.Context, tx *sql.Tx, k kind, owner string, row claimedRow, f mark) (int64, error) {
	set, park := "", "'uncertain'"
	args := []any{inFlightReason, m.nowMillis(), row.id, owner, row.fence}
	if k == delivery {
		set = ", message_id = $6, date_at = $7, done_at = case when " + waitsForAPerson + " then cast($2 as bigint) else null end"
		park = "case when " + waitsForAPerson + " then 'parked' else 'uncertain' end"
		args = append(args, f.messageID, f.date)
	}
	res, err := tx.ExecContext(ctx, `
		update `+string(k)+` set state = `+park+`, reason = $1, was_uncertain = true, owner = '', fence = fence + 1,
			attempts = attempts + 1, next_at = $2`+set+`
		where id = $3 and owner = $4 and fence = $5 and state = 'claimed'`, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// reconciled makes sure that nothing is claimed in our name which we know
// nothing of, as after a commit whose reply was lost. False: try again later.
func (s *sending) reconciled(ctx context.Context) bool {
	s.mu.Lock()
	suspect := s.suspect
	s.mu.Unlock()
	if suspect == 0 {
		return true
	}
	// This waits for a claim that the server has yet to commit.
	if s.register(ctx, s.m.DB.Write) != nil {
		return false
	}
	for _, k := range []kind{delivery, letter} {
		rows, err := s.m.claimedBy(ctx, k, s.owner)
		if err != nil {
			return false
		}
		for _, r := range rows {
			s.mu.Lock()
			known := s.held[k][r.id]
			s.mu.Unlock()
			if !known {
				s.settle(s.back(&job{kind: k, id: r.id, fence: r.fence}))
			}
		}
	}
	if err := s.unknownParts(ctx); err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.suspect != suspect {
		return false
	}
	s.suspect = 0
	return true
}

// unknownParts gives back parts of audiences that are held in our name and that
// we know nothing of.
func (s *sending) unknownParts(ctx context.Context) error {
	ids, err := s.m.partsOf(ctx, s.owner)
	if err != nil {
		return err
	}
	for _, id := range ids {
		s.mu.Lock()
		_, known := s.parts[id]
		s.mu.Unlock()
		if known {
			continue
		}
		err := s.m.DB.InTx(ctx, func(tx *sql.Tx) error {
			_, err := s.m.layOut(ctx, tx, StateQueued, "", "a.id = $1", id)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
