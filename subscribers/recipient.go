package subscribers

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"pressrun/deploy/schema"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

// Recipient is somebody who may be written to now, and the personal part of
// the mail.
type Recipient struct {
	ID      int64             // 0 = not a subscriber's address
	About   int64             // subscriber whom a letter to an address that is not his is about
	Address string            // for the envelope: the domain in A-labels
	Lists   []string          // names of the lists a letter is about; of a letter about the reader himself, all he reads
	Slots   map[string]string // templates.SlotName, SlotUnsubscribe, SlotPreferences
}

// Withheld is somebody who must not be written to, with the reason in words.
type Withheld struct {
	ID     int64
	Reason string
}

// Recipients decides about a batch as things stand within tx: who gets the
// mail of that list, and why the others do not. Every id comes back once, in
// either answer.
func (s *Store) Recipients(ctx context.Context, tx *sql.Tx, list int64, ids []int64) ([]Recipient, []Withheld, error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	among, arg := s.DB.Engine.Among("u.id", 2, ids)
	rows, err := schema.Each(ctx, tx, scanStanding, `
		select u.id, u.email, u.name, coalesce(s.state, ''), coalesce(s.reason, ''), s.changed_at, s.resume_at, s.until_at, coalesce(x.reason, ''), x.created_at
		from subscribers u
		left join subscriptions s on s.list_id = $1 and s.subscriber_id = u.id
		left join suppressions x on x.email_key = u.email_key
		where `+among, list, arg)
	if err != nil {
		return nil, nil, fmt.Errorf("recipients: %w", err)
	}
	found := make(map[int64]*standing, len(rows))
	for i := range rows {
		found[rows[i].id] = &rows[i]
	}
	var to []Recipient
	var not []Withheld
	now := s.Now()
	for _, id := range ids {
		v := found[id]
		if v == nil {
			not = append(not, Withheld{id, "the subscriber was erased"})
		} else if why := v.withheld(now); why != "" {
			not = append(not, Withheld{id, why})
		} else {
			to = append(to, Recipient{ID: id, Address: address.Address(v.email).ASCII(), Slots: s.slots(id, list, v.name)})
		}
	}
	return to, not, nil
}

func (s *Store) slots(id, list int64, name string) map[string]string {
	return map[string]string{templates.SlotName: name, templates.SlotUnsubscribe: s.UnsubscribeURL(id, list), templates.SlotPreferences: s.PreferencesURL(id)}
}

// standing is how one subscriber stands to one list.
type standing struct {
	id                     int64
	email, name            string
	state                  State
	why                    string
	changed, resume, until schema.Time
	suppressed             Reason
	suppressedAt           schema.Time
}

func scanStanding(r schema.Row) (standing, error) {
	var v standing
	err := r.Scan(&v.id, &v.email, &v.name, &v.state, &v.why, &v.changed, &v.resume, &v.until, &v.suppressed, &v.suppressedAt)
	return v, err
}

// withheld says why the subscriber gets nothing now; "" when he does.
func (v standing) withheld(now time.Time) string {
	on := func(t schema.Time) string { return " (" + t.UTC().Format("2 January 2006, 15:04 MST") + ")" }
	switch {
	case v.suppressed != "":
		return "suppressed: " + reasonWords[v.suppressed] + on(v.suppressedAt)
	case v.state == "":
		return "not on the list"
	case v.state == Paused && !v.resume.IsZero() && !v.resume.After(now): // the pause is over
	case v.state != Active:
		why := stateWords[v.state]
		if v.why != "" {
			why += ": " + v.why
		}
		return why + on(v.changed)
	}
	if !v.until.IsZero() && !v.until.After(now) {
		return "the implied consent ended" + on(v.until)
	}
	return ""
}
