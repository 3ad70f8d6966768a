package subscribers

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"pressrun/deploy/schema"
)

// Journal is a file outside the database that remembers who has left, is
// suppressed or erased, by the hash of the address. It is only ever appended
// to, and synced before the database commits the same fact, so a database
// restored from an older backup can be told what it has forgotten. A Journal may
// be used concurrently and by several processes of one machine.
//
// A line is a fact: unix milliseconds, what happened, the hash, and what the
// fact is about.
//
//	1795475100000 left 1f09… daily          left the list; a later confirmation in the database counts more
//	1795475100000 suppressed 1f09… hard     is not written to (lifted: by own confirmation)
//	1795475100000 erased 1f09…              wanted to be forgotten
//	1795475100000 moved 1f09… 77ab…         has now another address; what happens to him there happened to who was here
type Journal struct {
	path string

	mu     sync.Mutex
	file   *os.File
	unsent []byte // facts that could not be written yet
	err    error  // why
}

// fact is one line.
type fact struct {
	at    time.Time
	verb  string // left suppressed lifted erased moved
	hash  string
	about string // list name, reason, or hash
}

// OpenJournal opens the file for appending and creates it, readable by its
// owner alone, when there is none. A line that a crash has cut is ended.
func OpenJournal(path string) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if end, err := f.Seek(-1, io.SeekEnd); err == nil {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end); err == nil && last[0] != '\n' {
			_, err = f.Write([]byte("\n"))
			if err != nil {
				f.Close()
				return nil, err
			}
		}
	}
	return &Journal{path: path, file: f}, nil
}

// Close closes the file. Facts that could not be written are lost to the
// journal, not to the database; the next Replay writes them.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(j.err, j.file.Close())
}

// Err says why facts are waiting to be written, nil when none are: a full disk,
// for instance. Readers can leave meanwhile; the facts are written with the
// next one, or by Replay at the next start.
func (j *Journal) Err() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// add writes facts and syncs them. A file that cannot be written must not keep
// a reader from leaving, so there is no error; see Err.
func (j *Journal) add(facts ...fact) {
	if j == nil || len(facts) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range facts {
		j.unsent = append(j.unsent, f.line()...)
	}
	n, err := j.file.Write(j.unsent) // O_APPEND: whole lines, beside those of other processes
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		j.err = fmt.Errorf("write journal %s: %w", j.path, err)
		if n > 0 && n < len(j.unsent) {
			j.unsent = append([]byte("\n"), j.unsent...) // end the line that was cut, then all again
		}
		return
	}
	j.unsent, j.err = nil, nil
}

func (f fact) line() string {
	line := strconv.FormatInt(f.at.UnixMilli(), 10) + " " + f.verb + " " + f.hash
	if f.about != "" {
		line += " " + f.about
	}
	return line + "\n"
}

var (
	factHash  = regexp.MustCompile(`^[0-9a-f]{40}$`)
	factAbout = map[string]*regexp.Regexp{"left": listName, "suppressed": regexp.MustCompile(`^[a-z]+$`), "moved": factHash}
)

// parseFact reads a line; ok is false for one that is cut or not ours.
func parseFact(line string) (f fact, ok bool) {
	parts := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	if len(parts) < 3 || !factHash.MatchString(parts[2]) {
		return f, false
	}
	ms, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return f, false
	}
	f = fact{at: time.UnixMilli(ms).UTC(), verb: parts[1], hash: parts[2]}
	switch f.verb {
	case "lifted", "erased":
		return f, len(parts) == 3
	case "left", "suppressed", "moved":
		if len(parts) != 4 || !factAbout[f.verb].MatchString(parts[3]) {
			return f, false
		}
		f.about = parts[3]
		return f, true
	}
	return f, false
}

// memory is what all facts about one hash come to.
type memory struct {
	left       map[string]time.Time // list → when
	suppressed string               // the strongest reason since it was last lifted
	since      time.Time            // when it was last suppressed
	erased     time.Time
	gone       []departure // those who moved away from here, in their order
}

// departure is somebody who moved away, and what became of him wherever he went.
type departure struct {
	at   time.Time
	then *memory
}

func (m *memory) take(f fact) {
	switch f.verb {
	case "left":
		if m.left == nil {
			m.left = map[string]time.Time{}
		}
		m.left[f.about] = f.at
	case "suppressed":
		m.since = f.at
		if Reason(f.about).outweighs(Reason(m.suppressed)) {
			m.suppressed = f.about
		}
	case "lifted":
		m.suppressed = ""
	case "erased":
		m.erased, m.suppressed, m.since = f.at, string(Forgotten), f.at
	}
}

// after is what became of somebody who has been at this address since arrived, if
// he moved away. Who came later is not the one.
func (m *memory) after(arrived time.Time) *memory {
	for _, d := range m.gone {
		if !d.at.Before(arrived) {
			return d.then
		}
	}
	return nil
}

// read folds the whole file into what is true at its end.
func (j *Journal) read() (map[string]*memory, error) {
	f, err := os.Open(j.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := map[string]*memory{}
	here := map[string][]*memory{} // hash → the departures of who lives there now
	lines := bufio.NewReaderSize(f, 1<<16)
	for {
		line, err := lines.ReadSlice('\n')
		if err == nil {
			if f, ok := parseFact(string(line)); ok {
				remember(all, here, f)
			}
		}
		if err == io.EOF {
			return all, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

func remember(all map[string]*memory, here map[string][]*memory, f fact) {
	m := all[f.hash]
	if m == nil {
		m = &memory{}
		all[f.hash] = m
	}
	if f.verb == "moved" {
		then := &memory{}
		m.gone = append(m.gone, departure{f.at, then})
		before := here[f.hash]
		delete(here, f.hash)
		here[f.about] = append(before, then)
		return
	}
	m.take(f)
	for _, then := range here[f.hash] {
		then.take(f)
	}
}

// Replay brings the database up to the journal: whoever left, was suppressed
// or erased after the backup that was restored is so again. Then it adds to the
// journal what only the database knows. It never lifts anything. Call it at
// every start, before anything is sent.
func (j *Journal) Replay(ctx context.Context, s *Store) error {
	all, err := j.read()
	if err != nil {
		return err
	}
	if len(all) > 0 {
		if err := s.remind(ctx, all); err != nil {
			return err
		}
	}
	return s.catchUp(ctx, all)
}

// remindBatch is how many subscribers are looked at in one transaction.
const remindBatch = 2000

// remind applies what the journal knows to the database.
func (s *Store) remind(ctx context.Context, all map[string]*memory) error {
	known := map[string]bool{} // hashes of subscribers that stay
	for last := int64(0); ; {
		type row struct {
			id    int64
			key   string
			since schema.Time
		}
		batch, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (v row, err error) { err = r.Scan(&v.id, &v.key, &v.since); return }, `select id, email_key, created_at from subscribers where id > $1 order by id limit $2`, last, remindBatch)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			break
		}
		last = batch[len(batch)-1].id
		for _, b := range batch {
			m := all[s.Keys.hash(b.key)]
			if m == nil {
				continue
			}
			if m.erased.IsZero() {
				known[s.Keys.hash(b.key)] = true
			}
			if err := s.DB.InTx(ctx, func(tx *sql.Tx) error { return s.remindOne(ctx, tx, b.id, b.key, b.since.Time, m) }); err != nil {
				return err
			}
		}
	}
	return s.remindUnknown(ctx, all, known)
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
	back, err := cameBack(ctx, tx, id, m)
	if err != nil {
		return err
	}
	if m.suppressed != "" && !back {
		if err := insertSuppression(ctx, tx, Suppression{Key: key, Reason: Reason(m.suppressed), Note: "from the journal", At: m.since}); err != nil {
			return err
		}
	}
	for list, at := range m.left {
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
func cameBack(ctx context.Context, tx *sql.Tx, id int64, m *memory) (back bool, err error) {
	if m.suppressed == "" || m.suppressed == string(Manual) {
		return false, nil
	}
	err = tx.QueryRowContext(ctx, `
		select exists (select 1 from subscriber_events where subscriber_id = $1 and kind in ('confirmed', 'moved') and actor = '' and happened_at > $2)`, id, schema.At(m.since)).Scan(&back)
	return back, err
}

// remindUnknown keeps suppressed addresses out that no subscriber has: by their
// hash, or where the database knows them for a weaker reason.
func (s *Store) remindUnknown(ctx context.Context, all map[string]*memory, known map[string]bool) error {
	kept, err := schema.Each(ctx, s.DB.Read, scanSuppression, `select email_key, reason, note, delivery_id, created_at from suppressions`)
	if err != nil {
		return err
	}
	has := map[string]Suppression{} // hash → the stronger one of what the database has
	for _, x := range kept {
		hash := x.Key // a hash stands for itself
		if !x.Hashed() {
			hash = s.Keys.hash(x.Key)
		}
		if x.Reason.outweighs(has[hash].Reason) {
			has[hash] = x
		}
	}
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		for hash, m := range all {
			x, ok := has[hash]
			if m.suppressed == "" || known[hash] || ok && !Reason(m.suppressed).outweighs(x.Reason) {
				continue
			}
			if !ok || Reason(m.suppressed) == Forgotten { // of whom only the hash is kept
				x.Key = hash
			}
			if err := insertSuppression(ctx, tx, Suppression{Key: x.Key, Reason: Reason(m.suppressed), Note: "from the journal", At: m.since}); err != nil {
				return err
			}
		}
		return nil
	})
}

// catchUp writes departures to the journal that only the database knows: a
// journal that was lost or could not be written.
func (s *Store) catchUp(ctx context.Context, all map[string]*memory) error {
	var missing []fact
	suppressions, err := schema.Each(ctx, s.DB.Read, scanSuppression, `select email_key, reason, note, delivery_id, created_at from suppressions`)
	if err != nil {
		return err
	}
	for _, x := range suppressions {
		hash := x.Key
		if !x.Hashed() {
			hash = s.Keys.hash(x.Key)
		}
		if m := all[hash]; m == nil || x.Reason.outweighs(Reason(m.suppressed)) {
			verb, about := "suppressed", string(x.Reason)
			if x.Reason == Forgotten {
				verb, about = "erased", ""
			}
			missing = append(missing, fact{x.At, verb, hash, about})
		}
	}
	_, err = schema.Each(ctx, s.DB.Read, func(r schema.Row) (struct{}, error) {
		var key, list string
		var at schema.Time
		if err := r.Scan(&key, &list, &at); err != nil {
			return struct{}{}, err
		}
		hash := s.Keys.hash(key)
		if m := all[hash]; m == nil || m.left[list].IsZero() {
			missing = append(missing, fact{at.Time, "left", hash, list})
		}
		return struct{}{}, nil
	}, `
		select u.email_key, l.name, s.ended_at from subscriptions s
		join subscribers u on u.id = s.subscriber_id join lists l on l.id = s.list_id
		where s.state = 'unsubscribed'`)
	if err != nil {
		return err
	}
	s.Journal.add(missing...)
	return s.Journal.Err()
}
