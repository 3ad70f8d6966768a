package subscribers

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pressrun/deploy/schema"
)

// Import is one file that was brought in, or waits to be.
type Import struct {
	ID       int64           `json:"id"`
	File     string          `json:"file"`
	List     int64           `json:"list_id"`
	ListName string          `json:"list"` // "" when the list is gone
	Source   string          `json:"source"`
	Evidence string          `json:"evidence"`
	State    string          `json:"state"` // waiting | running | done | failed | undoing | undone
	Report   json.RawMessage `json:"report"`
	Note     string          `json:"note,omitempty"`   // why it failed, or what undoing it did
	Rows     int             `json:"rows_read"`        // so far
	Beat     time.Time       `json:"beat_at,omitzero"` // when it was last seen running, or being undone
	By       string          `json:"created_by"`
	UndoneBy string          `json:"undone_by,omitempty"`
	Undone   Undone          `json:"undone,omitzero"` // so far
	At       time.Time       `json:"created_at"`
}

// importBeat is how long an import counts as running after it was last seen.
const importBeat = time.Minute

// KeepImportFor is how long a file waits to be imported.
const KeepImportFor = 24 * time.Hour

// BeginImport notes that an import runs and returns its number.
func (s *Store) BeginImport(ctx context.Context, i Import) (int64, error) {
	var id int64
	now := s.Now()
	err := s.DB.Write.QueryRowContext(ctx, `
		insert into imports (file, list_id, source, evidence, state, report, created_by, created_at, beat_at) values ($1, $2, $3, $4, 'running', '{}', $5, $6, $6) returning id`,
		i.File, i.List, i.Source, i.Evidence, i.By, schema.At(now)).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("begin import: %w", err)
	}
	return id, nil
}

// KeepImport keeps a file, gzipped, with the report of its dry run until somebody
// starts it or throws it away, for KeepImportFor at most.
func (s *Store) KeepImport(ctx context.Context, i Import, file []byte) (id int64, err error) {
	err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `
			insert into imports (file, list_id, source, evidence, state, report, created_by, created_at) values ($1, $2, $3, $4, 'waiting', $5, $6, $7) returning id`,
			i.File, i.List, i.Source, i.Evidence, string(i.Report), i.By, schema.At(s.Now())).Scan(&id)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into import_files (import_id, content) values ($1, $2)`, id, file)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("keep import: %w", err)
	}
	return id, nil
}

// StartImport says that a file which waits is to be imported; ErrState when it
// does not wait any more.
func (s *Store) StartImport(ctx context.Context, id int64) error {
	return s.importRow(ctx, id, `update imports set state = 'running', report = '{}' where id = $1 and state = 'waiting'`)
}

// ImportFile is the file of an import that waits or runs, gzipped.
func (s *Store) ImportFile(ctx context.Context, id int64) (file []byte, err error) {
	err = s.DB.Read.QueryRowContext(ctx, `select content from import_files where import_id = $1`, id).Scan(&file)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("file of import %d: %w", id, err)
	}
	return file, nil
}

// BeatImport notes how far an import is. ErrState: it is not to go on.
func (s *Store) BeatImport(ctx context.Context, id int64, rows int) error {
	return s.importRow(ctx, id, `update imports set rows_read = $2, beat_at = $3 where id = $1 and state = 'running'`, rows, schema.At(s.Now()))
}

// AskUndo says that somebody wants an import undone; ErrState when there is
// nothing to undo, or it still runs.
func (s *Store) AskUndo(ctx context.Context, id int64, by string) error {
	return s.importRow(ctx, id, `update imports set state = 'undoing', undone_by = $2, beat_at = null where id = $1 and state in ('done', 'failed')`, by)
}

func (s *Store) importRow(ctx context.Context, id int64, query string, args ...any) error {
	res, err := s.DB.Write.ExecContext(ctx, query, append([]any{id}, args...)...)
	if err != nil {
		return fmt.Errorf("import %d: %w", id, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fmt.Errorf("import %d: it is not there, or somebody was faster: %w", id, ErrState)
	}
	return nil
}

// Brought counts the readers whom an import made, and those it added to its list.
func (s *Store) Brought(ctx context.Context, id int64) (made, added int, err error) {
	err = s.DB.Read.QueryRowContext(ctx, `select coalesce(sum(case when created then 1 else 0 end), 0), coalesce(sum(case when created then 0 else 1 end), 0)
		from import_rows where import_id = $1`, id).Scan(&made, &added)
	if err != nil {
		return 0, 0, fmt.Errorf("import %d: %w", id, err)
	}
	return made, added, nil
}

// EndImport stores the report of an import that has come to its end, and forgets
// its file.
func (s *Store) EndImport(ctx context.Context, id int64, report json.RawMessage) error {
	if err := s.closeImport(ctx, id, `update imports set state = 'done', report = $2 where id = $1 and state = 'running'`, string(report)); err != nil {
		return err
	}
	for _, table := range []string{"subscribers", "subscriptions"} {
		if err := s.DB.Analyze(ctx, table); err != nil {
			return fmt.Errorf("end import %d: %w", id, err)
		}
	}
	return nil
}

// FailImport says why an import could not go on. What it brought stays, and can
// be undone.
func (s *Store) FailImport(ctx context.Context, id int64, why string) error {
	return s.closeImport(ctx, id, `update imports set state = 'failed', note = $2 where id = $1 and state = 'running'`, why)
}

// DropImport throws a file away that waits; ErrState when it does not.
func (s *Store) DropImport(ctx context.Context, id int64) error {
	return s.closeImport(ctx, id, `delete from imports where id = $1 and state = 'waiting'`)
}

func (s *Store) closeImport(ctx context.Context, id int64, query string, args ...any) error {
	err := s.DB.InTx(ctx, func(tx *sql.Tx) error {
		// Only with the row that it belongs to: PostgreSQL looks at the reference.
		if _, err := tx.ExecContext(ctx, `delete from import_files where import_id = $1`, id); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, query, append([]any{id}, args...)...)
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return fmt.Errorf("it is not there, or somebody was faster: %w", ErrState)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("import %d: %w", id, err)
	}
	return nil
}

// DropOldImports throws away the files that have waited for KeepImportFor.
func (s *Store) DropOldImports(ctx context.Context) error {
	list, err := s.imports(ctx, `where i.state = 'waiting' and i.created_at < $1`, schema.At(s.Now().Add(-KeepImportFor)))
	if err != nil {
		return err
	}
	for _, i := range list {
		if err := s.DropImport(ctx, i.ID); err != nil && !errors.Is(err, ErrState) {
			return err
		}
	}
	return nil
}

// IdleImports lists those that run, or are to be undone, and that nobody works at. Of
// one that was begun at the command line no file is kept, and nobody can go on with it.
func (s *Store) IdleImports(ctx context.Context) ([]Import, error) {
	return s.imports(ctx, `where coalesce(i.beat_at, 0) < $1 and i.state in ('running', 'undoing')`,
		schema.At(s.Now().Add(-importBeat)))
}

// Import finds one by its number.
func (s *Store) Import(ctx context.Context, id int64) (Import, error) {
	list, err := s.imports(ctx, `where i.id = $1`, id)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("import %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return Import{}, err
	}
	return list[0], nil
}

// Imports are all imports, the newest first.
func (s *Store) Imports(ctx context.Context) ([]Import, error) { return s.imports(ctx, "") }

func (s *Store) imports(ctx context.Context, where string, args ...any) ([]Import, error) {
	found, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (Import, error) {
		var v Import
		var report, undone []byte
		var beat, at schema.Time
		err := r.Scan(&v.ID, &v.File, &v.List, &v.ListName, &v.Source, &v.Evidence, &v.State, &report, &v.Note, &v.Rows, &beat, &v.By, &v.UndoneBy, &undone, &at)
		v.Report, v.Beat, v.At = report, beat.Time, at.Time
		if err == nil {
			err = json.Unmarshal(undone, &v.Undone)
		}
		return v, err
	}, `
		select i.id, i.file, coalesce(i.list_id, 0), coalesce(l.name, ''), i.source, i.evidence, i.state, i.report, i.note, i.rows_read, i.beat_at, i.created_by, i.undone_by, i.undone, i.created_at
		from imports i left join lists l on l.id = i.list_id `+where+` order by i.id desc`, args...)
	if err != nil {
		return nil, fmt.Errorf("imports: %w", err)
	}
	return found, nil
}

// Undone says what undoing an import has done, in all its runs where one was cut off.
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
// is not there, ErrState for one that is undone already, waits to be imported or
// still runs.
func (s *Store) UndoImport(ctx context.Context, id int64, by string) (Undone, error) {
	i, err := s.Import(ctx, id)
	if err != nil {
		return Undone{}, fmt.Errorf("undo: %w", err)
	}
	done := i.Undone
	switch {
	case i.State == "undone":
		return done, fmt.Errorf("undo import %d: it is undone already: %w", id, ErrState)
	case i.State == "waiting":
		return done, fmt.Errorf("undo import %d: nothing of it was imported yet: %w", id, ErrState)
	case (i.State == "running" || i.State == "undoing") && s.Now().Sub(i.Beat) < importBeat:
		return done, fmt.Errorf("undo import %d: it is %s; wait until that is over, or for a minute where it was cut off: %w", id, i.State, ErrState)
	case i.State == "running": // and nobody works at it: nobody shall take it up again
		if err := s.FailImport(ctx, id, "cut off"); err != nil {
			return done, err
		}
	}
	for {
		if err := s.importRow(ctx, id, `update imports set state = 'undoing', undone_by = $2, beat_at = $3 where id = $1 and state in ('done', 'failed', 'undoing')`, by, schema.At(s.Now())); err != nil {
			return done, err
		}
		n, next := 0, done
		err := s.DB.InTx(ctx, func(tx *sql.Tx) (err error) {
			n, err = s.undoSome(ctx, tx, id, by, &next)
			return err
		})
		if err != nil {
			return done, fmt.Errorf("undo import %d: %w", id, err)
		}
		if n == 0 {
			break
		}
		done = next
	}
	return done, s.importRow(ctx, id, `update imports set state = 'undone', note = $2 where id = $1 and state = 'undoing'`, done.String())
}

type importRow struct {
	subscriber, list int64
	created          bool
}

func (s *Store) undoSome(ctx context.Context, tx *sql.Tx, id int64, by string, done *Undone) (int, error) {
	batch, err := schema.Each(ctx, tx, func(r schema.Row) (importRow, error) {
		var v importRow
		err := r.Scan(&v.subscriber, &v.list, &v.created)
		return v, err
	}, `select subscriber_id, coalesce(list_id, 0), created from import_rows where import_id = $1 order by subscriber_id limit $2`, id, undoBatch)
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
	text, err := json.Marshal(done)
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `update imports set undone = $2 where id = $1`, id, string(text))
	return len(batch), err
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
	v, err := s.byID(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := s.deleteSubscriber(ctx, tx, id, v.Key); err != nil {
		return err
	}
	return s.note(ctx, tx, Event{Subscriber: id, Kind: "erased", Detail: "import undone", Actor: by, At: s.Now()})
}
