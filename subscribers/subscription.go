package subscribers

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/subscribers/address"
)

// Subscription is a subscriber on a list.
type Subscription struct {
	List       int64     `json:"list_id"`
	ListName   string    `json:"list"`
	ListTitle  string    `json:"title"`
	Public     bool      `json:"public"` // the list is offered to readers
	Subscriber int64     `json:"subscriber_id"`
	State      State     `json:"state"`
	Reason     string    `json:"reason"`
	Source     string    `json:"source"`  // where it was asked for
	Wording    string    `json:"wording"` // version of the words agreed to
	Created    time.Time `json:"created_at"`
	Confirmed  time.Time `json:"confirmed_at,omitzero"`
	Ended      time.Time `json:"ended_at,omitzero"`
	Resume     time.Time `json:"resume_at,omitzero"` // a pause ends by itself
	Until      time.Time `json:"until_at,omitzero"`  // implied consent ends
	Changed    time.Time `json:"changed_at"`

	words map[string]ListWords // of the list, in other languages
}

// Title is what readers of a language call the list.
func (v Subscription) Title(lang string) string {
	return List{Title: v.ListTitle, Words: v.words}.In(lang).Title
}

const subscriptionQuery = `
	select s.list_id, l.name, l.title, l.public, s.subscriber_id, s.state, s.reason, s.source, s.wording,
	       s.created_at, s.confirmed_at, s.ended_at, s.resume_at, s.until_at, s.changed_at, l.words
	from subscriptions s join lists l on l.id = s.list_id `

func scanSubscription(r schema.Row) (Subscription, error) {
	var v Subscription
	var created, confirmed, ended, resume, until, changed schema.Time
	var words []byte
	err := r.Scan(&v.List, &v.ListName, &v.ListTitle, &v.Public, &v.Subscriber, &v.State, &v.Reason, &v.Source, &v.Wording,
		&created, &confirmed, &ended, &resume, &until, &changed, &words)
	if err != nil {
		return v, err
	}
	v.Created, v.Confirmed, v.Ended, v.Resume, v.Until, v.Changed = created.Time, confirmed.Time, ended.Time, resume.Time, until.Time, changed.Time
	return v, json.Unmarshal(words, &v.words)
}

// Subscriptions are those of one subscriber, by list name.
func (s *Store) Subscriptions(ctx context.Context, subscriber int64) ([]Subscription, error) {
	return subscriptionsOf(ctx, s.DB.Read, subscriber)
}

func subscriptionsOf(ctx context.Context, q schema.Querier, subscriber int64) ([]Subscription, error) {
	found, err := schema.Each(ctx, q, scanSubscription, subscriptionQuery+`where s.subscriber_id = $1 order by l.name`, subscriber)
	if err != nil {
		return nil, fmt.Errorf("subscriptions of %d: %w", subscriber, err)
	}
	return found, nil
}

// lock makes all others who change this subscriber wait for the end of tx. On
// SQLite they do anyway; PostgreSQL locks the row that an update touches.
func lock(ctx context.Context, tx *sql.Tx, subscriber int64) error {
	if _, err := tx.ExecContext(ctx, `update subscribers set updated_at = updated_at where id = $1`, subscriber); err != nil {
		return fmt.Errorf("lock subscriber %d: %w", subscriber, err)
	}
	return nil
}

// change moves one subscription to another state and notes it as an event. It
// is conditional on the state the caller has seen: ErrState when another was
// faster.
func (s *Store) change(ctx context.Context, tx *sql.Tx, v Subscription, to State, how change) error {
	if err := v.State.move(to); err != nil {
		return fmt.Errorf("list %s: %w", v.ListName, err)
	}
	now := s.Now()
	next := v
	next.State, next.Reason, next.Changed, next.Resume = to, how.reason, now, how.resume
	switch to {
	case Pending:
		next.Created, next.Confirmed, next.Ended, next.Until = now, time.Time{}, time.Time{}, time.Time{}
	case Active:
		if v.State == Pending {
			next.Confirmed = now
		}
	case Unsubscribed, Expired:
		next.Ended = now
	}
	done, err := tx.ExecContext(ctx, `
		update subscriptions set state = $4, reason = $5, source = $6, wording = $7,
		       created_at = $8, confirmed_at = $9, ended_at = $10, resume_at = $11, until_at = $12, changed_at = $13
		where list_id = $1 and subscriber_id = $2 and state = $3`,
		v.List, v.Subscriber, string(v.State), string(to), next.Reason, next.Source, next.Wording,
		schema.At(next.Created), schema.At(next.Confirmed), schema.At(next.Ended), schema.At(next.Resume), schema.At(next.Until), schema.At(now))
	if err != nil {
		return fmt.Errorf("list %s: %s → %s: %w", v.ListName, v.State, to, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fmt.Errorf("list %s: %s → %s: %w", v.ListName, v.State, to, ErrState), err)
	}
	return s.note(ctx, tx, Event{Subscriber: v.Subscriber, List: v.List, Kind: how.kind, Detail: how.reason, Actor: how.actor, At: now})
}

// change says how a state is changed.
type change struct {
	kind   string // of the event
	reason string // in words
	actor  string // "" = the reader
	resume time.Time
}

// insert makes a new subscription in state pending or active.
func (s *Store) insert(ctx context.Context, tx *sql.Tx, v Subscription, how change) error {
	if err := State("").move(v.State); err != nil {
		return err
	}
	now := s.Now()
	if v.State == Active {
		v.Confirmed = now
	}
	_, err := tx.ExecContext(ctx, `
		insert into subscriptions (list_id, subscriber_id, state, reason, source, wording, created_at, confirmed_at, until_at, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7)`,
		v.List, v.Subscriber, string(v.State), how.reason, v.Source, v.Wording, schema.At(now), schema.At(v.Confirmed), schema.At(v.Until))
	if err != nil {
		return fmt.Errorf("subscribe %d to list %d: %w", v.Subscriber, v.List, err)
	}
	return s.note(ctx, tx, Event{Subscriber: v.Subscriber, List: v.List, Kind: how.kind, Detail: how.reason, Actor: how.actor, At: now})
}

// Periods of the double opt-in.
const (
	// ConfirmWithin is how long a confirmation link works.
	ConfirmWithin = 7 * 24 * time.Hour
	// LetterEvery is the least time between two letters that strangers can have
	// sent to one address, LettersADay how many of them a day may bring.
	LetterEvery = 5 * time.Minute
	LettersADay = 4
	// SuppressedLetterEvery is the same for an address suppressed as hard or
	// complaint.
	SuppressedLetterEvery = 30 * 24 * time.Hour
)

// Signup is what a reader fills in.
type Signup struct {
	Email    string
	Name     string
	Language string  // of the form: the confirmation is written in it
	Zone     string  // IANA; "" = the newsletter's
	Lists    []int64 // at least one
	Source   string  // "form", "form on https://…"
	Wording  string  // version of the words agreed to
}

// Subscribe notes that somebody wants to read lists, and posts a confirmation
// letter in the same transaction: double opt-in. Whoever asks learns nothing
// about the address: the answer is nil whether it is new, known, suppressed or
// has been written to a moment ago. Errors are of the input (those of package
// address, ErrNotFound for a list) or of the database.
func (s *Store) Subscribe(ctx context.Context, in Signup) error {
	a, err := address.Parse(strings.TrimSpace(in.Email))
	if err != nil {
		return err
	}
	if len(in.Lists) == 0 {
		return fmt.Errorf("subscribe: no list: %w", ErrNotFound)
	}
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		supp, suppressed, err := s.Suppressed(ctx, tx, a.Key())
		if err != nil || suppressed && (supp.Reason == Manual || supp.Reason == Forgotten) {
			return err
		}
		sub, err := s.ensure(ctx, tx, a, in)
		if err != nil {
			return err
		}
		if err := lock(ctx, tx, sub.ID); err != nil {
			return err
		}
		if suppressed && supp.Hashed() { // from the journal: now there is a name for it
			supp.Key = a.Key()
			if err := insertSuppression(ctx, tx, supp); err != nil {
				return err
			}
		}
		asked, err := s.ask(ctx, tx, sub, in)
		if err != nil {
			return err
		}
		every := LetterEvery
		if suppressed && supp.Reason != Left {
			every = SuppressedLetterEvery
		}
		return s.postConfirmation(ctx, tx, sub, asked, in, every)
	})
}

// ask brings the subscriptions to pending and returns those that wait for a
// confirmation; none when the reader has all of them already.
func (s *Store) ask(ctx context.Context, tx *sql.Tx, sub Subscriber, in Signup) ([]Subscription, error) {
	have, err := subscriptionsOf(ctx, tx, sub.ID)
	if err != nil {
		return nil, err
	}
	_, suppressed, err := s.Suppressed(ctx, tx, sub.Key)
	if err != nil {
		return nil, err
	}
	byList := map[int64]Subscription{}
	for _, v := range have {
		byList[v.List] = v
	}
	var waiting []Subscription
	for _, id := range in.Lists {
		list, err := scanList(tx.QueryRowContext(ctx, `select `+listColumns+` from lists where id = $1`, id))
		if err != nil {
			return nil, notFound(err, "list", fmt.Sprint(id))
		}
		v, known := byList[id]
		v.List, v.ListName, v.ListTitle, v.words, v.Subscriber = id, list.Name, list.Title, list.Words, sub.ID
		asked := change{kind: "asked", reason: in.Source}
		switch {
		case !known:
			v.State, v.Source, v.Wording = Pending, in.Source, in.Wording
			err = s.insert(ctx, tx, v, asked)
			byList[id] = v
		case v.State == Pending: // once more: the time to confirm begins again, links of the first letter still work
			_, err = tx.ExecContext(ctx, `update subscriptions set changed_at = $3, source = $4, wording = $5 where list_id = $1 and subscriber_id = $2`,
				id, sub.ID, schema.At(s.Now()), in.Source, in.Wording)
		case v.State == Unsubscribed || v.State == Expired:
			v.Source, v.Wording = in.Source, in.Wording
			err = s.change(ctx, tx, v, Pending, asked)
		case !suppressed: // active or paused already
			continue
		}
		if err != nil {
			return nil, err
		}
		waiting = append(waiting, v)
	}
	return waiting, nil
}

// Confirmation is what a confirmation link is about.
type Confirmation struct {
	Subscriber Subscriber
	Lists      []Subscription // that wait, or that this very link has confirmed
	Done       bool           // all of them are confirmed already
	Welcomed   []int64        // lists of which an issue goes out to the reader at once; filled by Confirm alone
}

// Pending says what a confirmation link would confirm; it changes nothing.
// ErrState when it has expired or is void.
func (s *Store) Pending(ctx context.Context, c Claim) (Confirmation, error) {
	return s.confirmation(ctx, s.DB.Read, c)
}

func (s *Store) confirmation(ctx context.Context, q schema.Querier, c Claim) (Confirmation, error) {
	out := Confirmation{Done: true}
	if c.Kind != KindConfirm || c.Test || c.At.IsZero() {
		return out, ErrToken
	}
	sub, err := s.byID(ctx, q, c.Subscriber)
	if errors.Is(err, ErrNotFound) {
		return out, fmt.Errorf("confirm: %w", ErrState)
	}
	if err != nil {
		return out, err
	}
	out.Subscriber = sub
	all, err := subscriptionsOf(ctx, q, sub.ID)
	if err != nil {
		return out, err
	}
	for _, v := range all {
		switch {
		case v.State == Pending && !v.Created.After(c.At) && s.Now().Before(c.At.Add(ConfirmWithin)):
			out.Done = false
			out.Lists = append(out.Lists, v)
		case v.State == Active && !v.Created.After(c.At) && !v.Confirmed.Before(c.At):
			out.Lists = append(out.Lists, v)
		}
	}
	if supp, ok, err := s.Suppressed(ctx, q, sub.Key); err != nil {
		return out, err
	} else if ok && s.Now().Before(c.At.Add(ConfirmWithin)) && !supp.At.After(c.At) {
		out.Done = false
		for _, v := range all { // on the list, but suppressed: the link gives the right back
			if v.State == Active && !v.Created.After(c.At) && v.Confirmed.Before(c.At) {
				out.Lists = append(out.Lists, v)
			}
		}
	}
	if len(out.Lists) == 0 {
		return out, fmt.Errorf("confirm: %w", ErrState)
	}
	return out, nil
}

// Confirm makes what waits for this link active, writes down the consent, and
// lifts a suppression that the reader may lift. A second press of the button
// changes nothing and succeeds. ErrState when the link has expired,
// ErrSuppressed when nobody may lift the suppression.
func (s *Store) Confirm(ctx context.Context, c Claim) (Confirmation, error) {
	var out Confirmation
	var joined []int64
	var lifted []fact
	err := s.DB.InTx(ctx, func(tx *sql.Tx) error {
		joined, lifted = nil, nil
		err := lock(ctx, tx, c.Subscriber)
		if err != nil {
			return err
		}
		if out, err = s.confirmation(ctx, tx, c); err != nil || out.Done {
			return err
		}
		if lifted, err = s.lift(ctx, tx, out.Subscriber.Key); err != nil {
			return err
		}
		for i, v := range out.Lists {
			if err := s.activate(ctx, tx, v.Subscriber, v.List, "confirmed by the link of "+c.At.UTC().Format(time.RFC3339)); err != nil {
				return err
			}
			if v.State == Pending {
				joined = append(joined, v.List)
			}
			out.Lists[i].State = Active
		}
		return nil
	})
	if err == nil {
		s.Journal.add(lifted...)
		out.Welcomed = s.tell(ctx, c.Subscriber, joined)
	}
	return out, err
}

// Pause stops a list for a while; until may be zero: until the reader resumes.
// A longer or shorter pause replaces the one before.
func (s *Store) Pause(ctx context.Context, subscriber, list int64, until time.Time, actor string) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error { return s.pause(ctx, tx, subscriber, list, until, actor) })
}

func (s *Store) pause(ctx context.Context, tx *sql.Tx, subscriber, list int64, until time.Time, actor string) error {
	if err := lock(ctx, tx, subscriber); err != nil {
		return err
	}
	v, err := s.subscription(ctx, tx, subscriber, list)
	if err != nil {
		return err
	}
	how := change{kind: "paused", actor: actor, resume: until}
	if !until.IsZero() {
		how.reason = "until " + until.UTC().Format("2 January 2006, 15:04 MST")
	}
	if v.State != Paused {
		return s.change(ctx, tx, v, Paused, how)
	}
	_, err = tx.ExecContext(ctx, `update subscriptions set resume_at = $3, reason = $4, changed_at = $5 where list_id = $1 and subscriber_id = $2 and state = 'paused'`,
		list, subscriber, schema.At(until), how.reason, schema.At(s.Now()))
	return err
}

// Resume ends a pause.
func (s *Store) Resume(ctx context.Context, subscriber, list int64, actor string) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error { return s.resume(ctx, tx, subscriber, list, actor) })
}

func (s *Store) resume(ctx context.Context, tx *sql.Tx, subscriber, list int64, actor string) error {
	if err := lock(ctx, tx, subscriber); err != nil {
		return err
	}
	v, err := s.subscription(ctx, tx, subscriber, list)
	if err != nil {
		return err
	}
	if v.State == Pending { // to active it goes by confirmation alone
		return fmt.Errorf("resume: %w", ErrState)
	}
	return s.change(ctx, tx, v, Active, change{kind: "resumed", actor: actor})
}

func (s *Store) subscription(ctx context.Context, q schema.Querier, subscriber, list int64) (Subscription, error) {
	found, err := schema.Each(ctx, q, scanSubscription, subscriptionQuery+`where s.subscriber_id = $1 and s.list_id = $2`, subscriber, list)
	if err != nil {
		return Subscription{}, fmt.Errorf("subscription: %w", err)
	}
	if len(found) == 0 {
		return Subscription{}, fmt.Errorf("subscription of %d to list %d: %w", subscriber, list, ErrNotFound)
	}
	return found[0], nil
}

// Unsubscribe ends the subscription to a list, or with list 0 all of them, and
// then suppresses the address as left. It may be repeated; a subscriber who is
// not there any more has left already. how says in words by which way: "one
// click", "preferences page", "operator jan".
func (s *Store) Unsubscribe(ctx context.Context, subscriber, list int64, how string) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error { return s.UnsubscribeIn(ctx, tx, subscriber, list, how) })
}

// UnsubscribeIn is Unsubscribe within a transaction.
func (s *Store) UnsubscribeIn(ctx context.Context, tx *sql.Tx, subscriber, list int64, how string) error {
	if err := lock(ctx, tx, subscriber); err != nil {
		return err
	}
	sub, err := s.byID(ctx, tx, subscriber)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	all, err := subscriptionsOf(ctx, tx, subscriber)
	if err != nil {
		return err
	}
	for _, v := range all {
		if list != 0 && v.List != list {
			continue
		}
		to := Unsubscribed
		if v.State == Pending {
			to = Expired
		}
		if !v.State.May(to) {
			continue
		}
		if err := s.change(ctx, tx, v, to, change{kind: "left", reason: how}); err != nil {
			return err
		}
		s.Journal.add(fact{s.Now(), "left", s.Keys.hash(sub.Key), v.ListName})
	}
	if list != 0 {
		return nil
	}
	return s.Suppress(ctx, tx, sub.Key, Left, how, 0)
}

// Tended says what Tend has done.
type Tended struct {
	Expired int // never confirmed
	Resumed int // pauses that ended
	Ended   int // implied consents that ran out
	Erased  int // subscribers that never confirmed anything
}

// Periods of house-keeping.
const (
	// KeepUnconfirmed is how long an address that was never confirmed is kept
	// after its last subscription expired.
	KeepUnconfirmed = 30 * 24 * time.Hour
	tendBatch       = 500
)

// Tend does what time brings: unconfirmed subscriptions expire, pauses and
// implied consents end, addresses that never confirmed are deleted. Sending
// does not wait for it: the audience looks at the times themselves. It may run
// at any time, and twice.
func (s *Store) Tend(ctx context.Context) (Tended, error) {
	var done Tended
	now := s.Now()
	steps := []struct {
		n     *int
		where string
		at    time.Time
		to    State
		how   change
	}{
		{&done.Expired, `s.state = 'pending' and s.changed_at <= $1`, now.Add(-ConfirmWithin), Expired, change{kind: "expired", reason: "not confirmed within 7 days", actor: "rule"}},
		{&done.Resumed, `s.state = 'paused' and s.resume_at <= $1`, now, Active, change{kind: "resumed", reason: "the pause is over", actor: "rule"}},
		{&done.Ended, `s.state in ('active', 'paused') and s.until_at <= $1`, now, Unsubscribed, change{kind: "left", reason: "the implied consent has ended", actor: "rule"}},
	}
	for _, step := range steps {
		for {
			n, err := s.tend(ctx, step.where, step.at, step.to, step.how)
			*step.n += n
			if err != nil {
				return done, fmt.Errorf("tend subscriptions: %w", err)
			}
			if n < tendBatch {
				break
			}
		}
	}
	n, err := s.eraseUnconfirmed(ctx, now.Add(-KeepUnconfirmed))
	done.Erased = n
	return done, err
}

// tend changes the next subscriptions that are due, and returns how many it found.
// It looks for them outside of the transaction: among a million that takes a
// second, in which nobody else could write.
func (s *Store) tend(ctx context.Context, where string, at time.Time, to State, how change) (int, error) {
	due, err := schema.Each(ctx, s.DB.Read, scanSubscription, subscriptionQuery+`where `+where+` order by s.subscriber_id limit $2`, schema.At(at), tendBatch)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	return len(due), s.DB.InTx(ctx, func(tx *sql.Tx) error {
		for _, v := range due {
			if err := lock(ctx, tx, v.Subscriber); err != nil {
				return err
			}
			now, err := s.subscription(ctx, tx, v.Subscriber, v.List)
			if errors.Is(err, ErrNotFound) || err == nil && (now.State != v.State || !now.Changed.Equal(v.Changed)) {
				continue // the reader was faster
			}
			if err != nil {
				return err
			}
			if err := s.change(ctx, tx, v, to, how); err != nil {
				return err
			}
		}
		return nil
	})
}
