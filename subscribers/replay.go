package subscribers

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"pressrun/deploy/schema"
)

// Replay brings the database up to the journal: whoever left, was suppressed
// or erased after the backup that was restored is so again. Then it adds to the
// journal what only the database knows. What it lifts is only what an operator
// suppressed by hand and took back. Call it at every start, before anything is
// sent.
func (j *Journal) Replay(ctx context.Context, s *Store) error {
	known, err := j.read()
	if err != nil {
		return err
	}
	taken, err := s.takeBack(ctx, known)
	if err != nil {
		return err
	}
	ended, missing, err := s.ended(ctx, known.all)
	if err != nil {
		return err
	}
	if len(known.all) > 0 {
		if err := s.remind(ctx, known.all, ended); err != nil {
			return err
		}
	}
	return s.catchUp(ctx, known.all, append(taken, missing...))
}

// takeBack sees to it that suppressions by hand which this journal or the database
// knows as taken back are so for both, and returns what the journal lacks.
func (s *Store) takeBack(ctx context.Context, known memories) (missing []fact, err error) {
	stored := map[string]time.Time{}
	_, err = schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var hash string
		var at schema.Time
		err := r.Scan(&hash, &at)
		stored[hash] = at.Time
		return struct{}{}, err
	}, `select email_hash, lifted_at from suppressions_lifted`)
	if err != nil {
		return nil, fmt.Errorf("suppressions taken back: %w", err)
	}
	for hash, at := range stored {
		if m := known.all[hash]; m == nil || m.lifted.Before(at) {
			missing = append(missing, fact{at, "lifted", hash, string(Manual)})
		}
	}
	for _, f := range missing {
		known.take(f)
	}
	byHand, err := schema.Each(ctx, s.DB.Read, scanSuppression, `select `+suppressionColumns+` from suppressions where reason = 'manual'`)
	if err != nil {
		return nil, fmt.Errorf("suppressions: %w", err)
	}
	byHand = slices.DeleteFunc(byHand, func(x Suppression) bool {
		m := known.all[s.hashOf(x)]
		return m == nil || x.At.After(m.lifted)
	})
	var lifted []string
	for hash, m := range known.all {
		if m.lifted.After(stored[hash]) {
			lifted = append(lifted, hash)
		}
	}
	err = s.inSteps(ctx, len(lifted), func(tx *sql.Tx, i int) error { return noteLifted(ctx, tx, lifted[i], known.all[lifted[i]].lifted) })
	if err == nil {
		err = s.inSteps(ctx, len(byHand), func(tx *sql.Tx, i int) error { return dropManual(ctx, tx, byHand[i]) })
	}
	return missing, err
}

// remindBatch is how many subscribers are read at once, remindStep how many are
// written in one transaction: others write between two.
const (
	remindBatch = 2000
	remindStep  = 100
)

// inSteps does something for each of n in transactions of remindStep.
func (s *Store) inSteps(ctx context.Context, n int, do func(tx *sql.Tx, i int) error) error {
	for at := 0; at < n; at += remindStep {
		err := s.DB.InTx(ctx, func(tx *sql.Tx) error {
			for i := at; i < min(at+remindStep, n); i++ {
				if err := do(tx, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// subscriptionKey names a subscription.
type subscriptionKey struct {
	subscriber int64
	list       string
}

// ended are the subscriptions that are over, and the departures among them that the
// journal lacks.
func (s *Store) ended(ctx context.Context, all map[string]*memory) (over map[subscriptionKey]bool, missing []fact, err error) {
	over = map[subscriptionKey]bool{}
	names := map[string]string{} // each once, not one a row
	_, err = schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var id int64
		var key, list string
		var state State
		var at schema.Time
		if err := r.Scan(&id, &key, &list, &state, &at); err != nil {
			return struct{}{}, err
		}
		if names[list] == "" {
			names[list] = list
		}
		over[subscriptionKey{id, names[list]}] = true
		if hash := s.Keys.hash(key); state == Unsubscribed && (all[hash] == nil || all[hash].left.when(list).IsZero()) {
			missing = append(missing, fact{at.Time, "left", hash, names[list]})
		}
		return struct{}{}, nil
	}, endedSQL)
	if err != nil {
		return nil, nil, fmt.Errorf("subscriptions that are over: %w", err)
	}
	return over, missing, nil
}

// The states twice: the index is of what is not active.
const endedSQL = `
	select s.subscriber_id, u.email_key, l.name, s.state, s.ended_at from subscriptions s
	join subscribers u on u.id = s.subscriber_id join lists l on l.id = s.list_id
	where s.state <> 'active' and s.state in ('unsubscribed', 'expired')`

// remind applies what the journal knows to the database, which mostly knows it: only
// those of whom it may not are written.
func (s *Store) remind(ctx context.Context, all map[string]*memory, over map[subscriptionKey]bool) error {
	kept, err := schema.Each(ctx, s.DB.Read, scanSuppression, `select `+suppressionColumns+` from suppressions`)
	if err != nil {
		return err
	}
	suppressed := make(map[string]Suppression, len(kept))
	for _, x := range kept {
		suppressed[x.Key] = x
	}
	known := map[string]bool{} // hashes of subscribers that stay
	for last := int64(0); ; {
		type row struct {
			id    int64
			key   string
			since schema.Time
			*memory
		}
		batch, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (v row, err error) { err = r.Scan(&v.id, &v.key, &v.since); return }, `select id, email_key, created_at from subscribers where id > $1 order by id limit $2`, last, remindBatch)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			break
		}
		last = batch[len(batch)-1].id
		behind := batch[:0]
		for _, b := range batch {
			hash := s.Keys.hash(b.key)
			if b.memory = all[hash]; b.memory == nil {
				continue
			}
			if b.erased.IsZero() {
				known[hash] = true
			}
			if b.exceeds(b.id, suppressed[b.key], over) {
				behind = append(behind, b)
			}
		}
		err = s.inSteps(ctx, len(behind), func(tx *sql.Tx, i int) error {
			return s.remindOne(ctx, tx, behind[i].id, behind[i].key, behind[i].since.Time, behind[i].memory)
		})
		if err != nil {
			return err
		}
	}
	return s.remindUnknown(ctx, all, known)
}

// exceeds reports whether there may be more to know of a subscriber than that his
// address is suppressed as x and which subscriptions are over.
func (m *memory) exceeds(subscriber int64, x Suppression, over map[subscriptionKey]bool) bool {
	if !m.erased.IsZero() || len(m.gone) > 0 {
		return true
	}
	for _, v := range m.suppressed {
		reason, since := v.of, v.at
		switch {
		case x.Reason == reason && (reason != Manual || !since.After(x.At)), x.Beneath == reason, x.Reason != Manual && x.Reason.outweighs(reason):
		default:
			return true
		}
	}
	for _, v := range m.left {
		if !over[subscriptionKey{subscriber, v.of}] {
			return true
		}
	}
	return false
}

// remindOne applies what is known of an address to who has it, and what became
// of him later if he moved away; created is when he was first known.
func (s *Store) remindOne(ctx context.Context, tx *sql.Tx, id int64, key string, created time.Time, m *memory) error {
	var moved schema.Time
	if len(m.gone) > 0 {
		err := tx.QueryRowContext(ctx, `select max(happened_at) from subscriber_events where subscriber_id = $1 and kind = 'moved'`, id).Scan(&moved)
		if err != nil {
			return err
		}
	}
	if moved.IsZero() {
		moved.Time = created
	}
	for _, m := range []*memory{m, m.after(moved.Time)} {
		if m == nil {
			continue
		}
		if err := s.apply(ctx, tx, id, key, m); err != nil || !m.erased.IsZero() {
			return err
		}
	}
	return nil
}

func (s *Store) apply(ctx context.Context, tx *sql.Tx, id int64, key string, m *memory) error {
	if !m.erased.IsZero() {
		return s.erase(ctx, tx, id, key, m.erased)
	}
	for _, v := range m.suppressed {
		reason, since := v.of, v.at
		back, err := cameBack(ctx, tx, id, reason, since)
		if err != nil {
			return err
		}
		if back {
			continue
		}
		if err := insertSuppression(ctx, tx, Suppression{Key: key, Reason: reason, Note: "from the journal", At: since}); err != nil {
			return err
		}
	}
	for _, v := range m.left {
		list, at := v.of, v.at
		done, err := tx.ExecContext(ctx, `
			update subscriptions set state = case when state = 'pending' then 'expired' else 'unsubscribed' end,
			       reason = 'left before the database was restored', ended_at = $3, changed_at = $4, resume_at = null
			where subscriber_id = $1 and list_id = (select id from lists where name = $2)
			  and state in ('pending', 'active', 'paused')
			  and case when state = 'pending' then created_at else coalesce(confirmed_at, created_at) end <= $3`,
			id, list, schema.At(at), schema.At(s.Now()))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			if err != nil {
				return err
			}
			continue
		}
		if err := s.note(ctx, tx, Event{Subscriber: id, Kind: "left", Detail: list + ", before the database was restored", Actor: "journal", At: at}); err != nil {
			return err
		}
	}
	return nil
}

// cameBack reports whether a suppressed reader has confirmed by himself since that he
// wants to be written to, of which this journal knows nothing: another host's does.
// What a newsroom adds or imports does not count.
func cameBack(ctx context.Context, tx *sql.Tx, id int64, reason Reason, since time.Time) (back bool, err error) {
	if reason == Manual {
		return false, nil
	}
	err = tx.QueryRowContext(ctx, `
		select exists (select 1 from subscriber_events where subscriber_id = $1 and kind in ('confirmed', 'moved') and actor = '' and happened_at > $2)`, id, schema.At(since)).Scan(&back)
	return back, err
}

// remindUnknown keeps suppressed addresses out that no subscriber has: by their
// hash, or by what the database knows them as.
func (s *Store) remindUnknown(ctx context.Context, all map[string]*memory, known map[string]bool) error {
	kept, err := schema.Each(ctx, s.DB.Read, scanSuppression, `select `+suppressionColumns+` from suppressions`)
	if err != nil {
		return err
	}
	has := map[string]Suppression{} // hash → the stronger one of what the database has
	for _, x := range kept {
		if hash := s.hashOf(x); x.Reason.outweighs(has[hash].Reason) {
			has[hash] = x
		}
	}
	var unknown []Suppression
	for hash, m := range all {
		if known[hash] {
			continue
		}
		for _, v := range m.suppressed {
			reason, since := v.of, v.at
			x, ok := has[hash]
			if x.Reason == reason || x.Beneath == reason || x.Reason == Forgotten {
				continue
			}
			if !ok || reason == Forgotten { // of whom only the hash is kept
				x.Key = hash
			}
			unknown = append(unknown, Suppression{Key: x.Key, Reason: reason, Note: "from the journal", At: since})
		}
	}
	return s.inSteps(ctx, len(unknown), func(tx *sql.Tx, i int) error { return insertSuppression(ctx, tx, unknown[i]) })
}

// catchUp writes to the journal what only the database knows, because another
// host's journal has it, or this one was lost or could not be written: departures,
// and what is missing besides.
func (s *Store) catchUp(ctx context.Context, all map[string]*memory, missing []fact) error {
	suppressions, err := schema.Each(ctx, s.DB.Read, scanSuppression, `select `+suppressionColumns+` from suppressions`)
	if err != nil {
		return err
	}
	for _, x := range suppressions {
		hash := s.hashOf(x)
		for _, reason := range []Reason{x.Beneath, x.Reason} {
			if m := all[hash]; reason == "" || m != nil && !m.suppressed.when(reason).IsZero() {
				continue
			}
			verb, about := "suppressed", string(reason)
			if reason == Forgotten {
				verb, about = "erased", ""
			}
			missing = append(missing, fact{x.At, verb, hash, about})
		}
	}
	s.Journal.add(missing...)
	return s.Journal.Flush()
}
