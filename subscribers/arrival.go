package subscribers

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

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
	found, err := each(ctx, q, `select email_key from suppressions where email_key in (`+marks+`)`, args, scanText)
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
	_, err := each(ctx, q, `
		select u.id, u.email_key, coalesce(s.state, '') from subscribers u
		left join subscriptions s on s.subscriber_id = u.id and s.list_id = $1
		where u.email_key in (`+marks+`)`, append([]any{list}, args...), func(r *sql.Rows) (struct{}, error) {
		var v standing
		var key string
		err := r.Scan(&v.id, &key, &v.state)
		out[key] = v
		return struct{}{}, err
	})
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
	return out, r.chunks(ctx, tx, e, " returning id, email_key", func(st *sql.Stmt, args []any) error {
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

// Import is one file that was brought in.
type Import struct {
	ID       int64           `json:"id"`
	File     string          `json:"file"`
	List     int64           `json:"list_id"`
	Source   string          `json:"source"`
	Evidence string          `json:"evidence"`
	State    string          `json:"state"` // running | done | undone
	Report   json.RawMessage `json:"report"`
	By       string          `json:"created_by"`
	At       time.Time       `json:"created_at"`
}

// BeginImport notes that an import runs and returns its number.
func (s *Store) BeginImport(ctx context.Context, i Import) (int64, error) {
	var id int64
	err := s.DB.Write.QueryRowContext(ctx, `
		insert into imports (file, list_id, source, evidence, state, report, created_by, created_at) values ($1, $2, $3, $4, 'running', '{}', $5, $6) returning id`,
		i.File, i.List, i.Source, i.Evidence, i.By, schema.At(s.Now())).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("begin import: %w", err)
	}
	return id, nil
}

// EndImport stores the report of an import that has come to its end.
func (s *Store) EndImport(ctx context.Context, id int64, report json.RawMessage) error {
	_, err := s.DB.Write.ExecContext(ctx, `update imports set state = 'done', report = $2 where id = $1 and state = 'running'`, id, string(report))
	if err != nil {
		return fmt.Errorf("end import %d: %w", id, err)
	}
	for _, table := range []string{"subscribers", "subscriptions"} {
		if err := s.DB.Analyze(ctx, table); err != nil {
			return fmt.Errorf("end import %d: %w", id, err)
		}
	}
	return nil
}

// Imports are all imports, the newest first.
func (s *Store) Imports(ctx context.Context) ([]Import, error) {
	found, err := each(ctx, s.DB.Read, `
		select id, file, coalesce(list_id, 0), source, evidence, state, report, created_by, created_at from imports order by id desc`, nil,
		func(r *sql.Rows) (Import, error) {
			var v Import
			var report []byte
			var at schema.Time
			err := r.Scan(&v.ID, &v.File, &v.List, &v.Source, &v.Evidence, &v.State, &report, &v.By, &at)
			v.Report, v.At = report, at.Time
			return v, err
		})
	if err != nil {
		return nil, fmt.Errorf("imports: %w", err)
	}
	return found, nil
}

// Undone says what undoing an import has done.
type Undone struct {
	Subscriptions int `json:"subscriptions"` // taken back
	Subscribers   int `json:"subscribers"`   // deleted, because they came by it and are on no other list
	Kept          int `json:"kept"`          // rows that readers have changed since: they have left, paused, confirmed
}

func (u Undone) String() string {
	return fmt.Sprintf("%d subscriptions taken back, %d readers deleted, %d kept because they have changed since", u.Subscriptions, u.Subscribers, u.Kept)
}

// undoBatch is how many rows are undone in one transaction.
const undoBatch = 500

// UndoImport takes back what an import made and nobody has touched since. Who
// has unsubscribed meanwhile stays unsubscribed. ErrNotFound for a number that
// is not there, ErrState for one that is undone already.
func (s *Store) UndoImport(ctx context.Context, id int64, by string) (Undone, error) {
	var done Undone
	var state string
	err := s.DB.Read.QueryRowContext(ctx, `select state from imports where id = $1`, id).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return done, fmt.Errorf("undo import %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return done, fmt.Errorf("undo import %d: %w", id, err)
	}
	if state == "undone" {
		return done, fmt.Errorf("undo import %d: it is undone already: %w", id, ErrState)
	}
	for {
		n := 0
		err := s.DB.InTx(ctx, func(tx *sql.Tx) (err error) {
			n, err = s.undoSome(ctx, tx, id, by, &done)
			return err
		})
		if err != nil {
			return done, fmt.Errorf("undo import %d: %w", id, err)
		}
		if n == 0 {
			break
		}
	}
	_, err = s.DB.Write.ExecContext(ctx, `update imports set state = 'undone' where id = $1`, id)
	if err != nil {
		return done, fmt.Errorf("undo import %d: %w", id, err)
	}
	return done, nil
}

type importRow struct {
	subscriber, list int64
	created          bool
}

func (s *Store) undoSome(ctx context.Context, tx *sql.Tx, id int64, by string, done *Undone) (int, error) {
	batch, err := each(ctx, tx, `select subscriber_id, coalesce(list_id, 0), created from import_rows where import_id = $1 order by subscriber_id limit $2`, []any{id, undoBatch},
		func(r *sql.Rows) (importRow, error) {
			var v importRow
			return v, r.Scan(&v.subscriber, &v.list, &v.created)
		})
	if err != nil {
		return 0, err
	}
	for _, v := range batch {
		if err := s.undoOne(ctx, tx, v, by, done); err != nil {
			return 0, err
		}
		if _, err := tx.ExecContext(ctx, `delete from import_rows where import_id = $1 and subscriber_id = $2`, id, v.subscriber); err != nil {
			return 0, err
		}
	}
	return len(batch), nil
}

func (s *Store) undoOne(ctx context.Context, tx *sql.Tx, v importRow, by string, done *Undone) error {
	// Untouched: all its times are those of its making.
	var made schema.Time
	err := tx.QueryRowContext(ctx, `
		delete from subscriptions where list_id = $1 and subscriber_id = $2 and state = 'active' and changed_at = created_at and confirmed_at = created_at
		returning created_at`, v.list, v.subscriber).Scan(&made)
	if errors.Is(err, sql.ErrNoRows) {
		done.Kept++
		return nil
	}
	if err != nil {
		return err
	}
	done.Subscriptions++
	_, err = tx.ExecContext(ctx, `delete from consents where subscriber_id = $1 and list_id = $2 and given_at = $3`, v.subscriber, v.list, made)
	if err != nil {
		return err
	}
	var others int
	if err := tx.QueryRowContext(ctx, `select count(*) from subscriptions where subscriber_id = $1`, v.subscriber).Scan(&others); err != nil {
		return err
	}
	if v.created && others == 0 {
		done.Subscribers++
		return s.drop(ctx, tx, v.subscriber, by)
	}
	return s.note(ctx, tx, Event{Subscriber: v.subscriber, List: v.list, Kind: "import undone", Actor: by, At: s.Now()})
}

// drop deletes a subscriber and tells running sends.
func (s *Store) drop(ctx context.Context, tx *sql.Tx, id int64, by string) error {
	if err := deleteSubscriber(ctx, tx, id); err != nil {
		return err
	}
	return s.note(ctx, tx, Event{Subscriber: id, Kind: "erased", Detail: "import undone", Actor: by, At: s.Now()})
}
