package subscribers

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pressrun/deploy/schema"
)

// Outcome says what became of somebody whom an import brings.
type Outcome string

// The outcomes.
const (
	ArrivedNew          Outcome = "new"          // was not known
	ArrivedAdded        Outcome = "added"        // was known, is on this list now
	ArrivedKnown        Outcome = "known"        // is on the list, or has asked to be
	ArrivedUnsubscribed Outcome = "unsubscribed" // has left the list, or never confirmed: stays away
	ArrivedSuppressed   Outcome = "suppressed"   // must not be written to
)

// Arrival is a group of people brought to one list.
type Arrival struct {
	Import  int64 // number from BeginImport
	List    int64
	Consent Consent // of all of them; Subscriber and List are filled in
	DryRun  bool    // only say what would become of them; needs no transaction
}

// Arrive brings people (at most a few hundred, no address twice) to a list, in
// tx, and says what became of each. It never brings anybody
// back and changes nothing about those who are known.
func (s *Store) Arrive(ctx context.Context, tx *sql.Tx, a Arrival, people []Subscriber) ([]Outcome, error) {
	if len(people) == 0 {
		return nil, nil
	}
	var q schema.Querier = tx
	if a.DryRun {
		q = s.DB.Read
	}
	outcomes := make([]Outcome, len(people))
	keys := make([]string, len(people))
	for i, p := range people {
		keys[i] = p.Email.Key()
	}
	suppressed, err := s.suppressedOf(ctx, q, keys)
	if err != nil {
		return nil, err
	}
	known, err := standings(ctx, q, a.List, keys)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(people))
	for i, key := range keys {
		k, isKnown := known[key]
		ids[i] = k.id
		switch {
		case suppressed[key]:
			outcomes[i] = ArrivedSuppressed
		case !isKnown:
			outcomes[i] = ArrivedNew
		case k.state == "":
			outcomes[i] = ArrivedAdded
		case k.state == Unsubscribed || k.state == Expired:
			outcomes[i] = ArrivedUnsubscribed
		default:
			outcomes[i] = ArrivedKnown
		}
	}
	if a.DryRun {
		return outcomes, nil
	}
	return outcomes, s.settle(ctx, tx, a, people, keys, ids, outcomes)
}

// suppressedOf are the keys of those that are suppressed, by key or hash.
func (s *Store) suppressedOf(ctx context.Context, q schema.Querier, keys []string) (map[string]bool, error) {
	names := make([]string, 0, 2*len(keys))
	keyOf := make(map[string]string, 2*len(keys))
	for _, key := range keys {
		hash := s.Keys.hash(key)
		names = append(names, key, hash)
		keyOf[key], keyOf[hash] = key, key
	}
	marks, args := placeholders(names, 0)
	found, err := schema.Each(ctx, q, schema.Column[string], `select email_key from suppressions where email_key in (`+marks+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("suppressions: %w", err)
	}
	out := map[string]bool{}
	for _, name := range found {
		out[keyOf[name]] = true
	}
	return out, nil
}

// standings are the known of those keys, and how they stand to the list.
func standings(ctx context.Context, q schema.Querier, list int64, keys []string) (map[string]standing, error) {
	marks, args := placeholders(keys, 1)
	out := map[string]standing{}
	_, err := schema.Each(ctx, q, func(r schema.Row) (struct{}, error) {
		var v standing
		var key string
		err := r.Scan(&v.id, &key, &v.state)
		out[key] = v
		return struct{}{}, err
	}, `
		select u.id, u.email_key, coalesce(s.state, '') from subscribers u
		left join subscriptions s on s.subscriber_id = u.id and s.list_id = $1
		where u.email_key in (`+marks+`)`, append([]any{list}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("known subscribers: %w", err)
	}
	return out, nil
}

// settle writes the new and the added down.
func (s *Store) settle(ctx context.Context, tx *sql.Tx, a Arrival, people []Subscriber, keys []string, ids []int64, outcomes []Outcome) error {
	now := schema.At(s.Now())
	fresh := rows{columns: "subscribers (email, email_key, name, name_key, language, zone, text_only, attrs, created_at, updated_at)"}
	for i, p := range people {
		if outcomes[i] != ArrivedNew {
			continue
		}
		attrs := []byte("{}")
		if len(p.Attrs) > 0 {
			var err error
			if attrs, err = json.Marshal(p.Attrs); err != nil {
				return err
			}
		}
		fresh.add(string(p.Email), keys[i], p.Name, fold(p.Name), p.Language, p.Zone, p.TextOnly, string(attrs), now, now)
	}
	made, err := fresh.insertReturning(ctx, tx, s.DB.Engine)
	if err != nil {
		return fmt.Errorf("insert subscribers: %w", err)
	}
	subscriptions := rows{columns: "subscriptions (list_id, subscriber_id, state, source, wording, created_at, confirmed_at, until_at, changed_at)"}
	consents := rows{columns: "consents (subscriber_id, list_id, basis, source, wording, evidence, until_at, given_at)"}
	came := rows{columns: "import_rows (import_id, subscriber_id, list_id, created)"}
	c := a.Consent
	for i := range people {
		if outcomes[i] == ArrivedNew {
			if ids[i] = made[keys[i]]; ids[i] == 0 { // somebody else added him meanwhile
				outcomes[i] = ArrivedKnown
			}
		}
		if outcomes[i] != ArrivedNew && outcomes[i] != ArrivedAdded {
			continue
		}
		subscriptions.add(a.List, ids[i], string(Active), c.Source, c.Wording, now, now, schema.At(c.Until), now)
		consents.add(ids[i], a.List, string(c.Basis), c.Source, c.Wording, c.Evidence, schema.At(c.Until), now)
		came.add(a.Import, ids[i], a.List, outcomes[i] == ArrivedNew)
	}
	for _, r := range []rows{subscriptions, consents, came} {
		if err := r.insert(ctx, tx, s.DB.Engine); err != nil {
			return fmt.Errorf("insert into %s: %w", strings.Fields(r.columns)[0], err)
		}
	}
	return nil
}

// rows are to be inserted into one table.
type rows struct {
	columns string // table (columns)
	values  [][]any
}

func (r *rows) add(values ...any) { r.values = append(r.values, values) }

// perStatement is how many rows one statement inserts. On PostgreSQL a round
// trip costs more than a row. On SQLite there is none, and its driver takes
// quadratic time in the number of arguments: 4,500 took 64 ms.
func perStatement(e schema.Engine) int {
	if e == schema.SQLite {
		return 1
	}
	return 250
}

func (r *rows) insert(ctx context.Context, tx *sql.Tx, e schema.Engine) error {
	return r.chunks(ctx, tx, e, "", func(st *sql.Stmt, args []any) error {
		_, err := st.ExecContext(ctx, args...)
		return err
	})
}

// insertReturning inserts subscribers and returns the ids of those inserted by
// key.
func (r *rows) insertReturning(ctx context.Context, tx *sql.Tx, e schema.Engine) (map[string]int64, error) {
	out := map[string]int64{}
	err := r.chunks(ctx, tx, e, " returning id, email_key", func(st *sql.Stmt, args []any) error {
		found, err := st.QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var id int64
			var key string
			if err := found.Scan(&id, &key); err != nil {
				return err
			}
			out[key] = id
		}
		return found.Err()
	})
	return out, err
}

// chunks prepares one statement for as many rows as suit the engine, and a
// smaller one for the rest.
func (r *rows) chunks(ctx context.Context, tx *sql.Tx, e schema.Engine, end string, do func(*sql.Stmt, []any) error) error {
	size := 0
	var st *sql.Stmt
	defer func() {
		if st != nil {
			st.Close()
		}
	}()
	for chunk := range slices.Chunk(r.values, perStatement(e)) {
		if len(chunk) != size {
			if st != nil {
				st.Close()
			}
			var err error
			if st, err = tx.PrepareContext(ctx, r.statement(len(chunk))+end); err != nil {
				return err
			}
			size = len(chunk)
		}
		if err := do(st, slices.Concat(chunk...)); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) statement(n int) string {
	var b strings.Builder
	b.WriteString("insert into " + r.columns + " values ")
	arg := 0
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		for j := range r.values[0] {
			arg++
			b.WriteByte("(,"[min(j, 1)])
			b.WriteString("$" + strconv.Itoa(arg))
		}
		b.WriteByte(')')
	}
	return b.String() + " on conflict do nothing"
}
