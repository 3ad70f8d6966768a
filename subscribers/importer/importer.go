package importer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"pressrun/subscribers"
	"pressrun/subscribers/address"
)

// Options say whose file it is and with which right it is used.
type Options struct {
	List     string // name of the list; it must exist
	Source   string // where the consent comes from, required: "fair 2026, paper forms"
	Evidence string // where the proof is kept
	DryRun   bool   // only report
	By       string // who imports
	File     string // its name, for the record
	// Progress, when set, is called after each batch with the rows read so far.
	Progress func(rows int)
	Import   int64 // number of an import that was started before, see subscribers.StartImport; 0 = a new one
}

// ErrNoAddress is returned for a file without a column of addresses.
var ErrNoAddress = errors.New("no column holds mail addresses; name it email in the first line")

// batchSize is how many rows become one transaction.
const batchSize = 500

// run is one import under way.
type run struct {
	Options
	store   *subscribers.Store
	arrival subscribers.Arrival
	report  Report
	seen    map[[16]byte]struct{}
	batch   []subscribers.Subscriber
	beat    time.Time // when the import was last said to run
}

// Import reads a file and brings its readers to a list, or with DryRun tells
// what that would do. On an error in the middle what was brought stays, and can
// be undone or imported again: the same file twice changes nothing the second
// time.
func Import(ctx context.Context, s *subscribers.Store, r io.Reader, o Options) (Report, error) {
	u, err := prepare(ctx, s, o)
	if err != nil {
		return Report{}, err
	}
	if err := u.all(ctx, r); err != nil {
		return u.report, err
	}
	if o.DryRun {
		return u.report, nil
	}
	err = u.end(ctx)
	return u.report, err
}

func prepare(ctx context.Context, s *subscribers.Store, o Options) (*run, error) {
	consent := subscribers.Consent{Basis: subscribers.Imported, Source: o.Source, Evidence: o.Evidence}
	if err := consent.Check(); err != nil {
		return nil, err
	}
	list, err := s.ListID(ctx, s.DB.Read, o.List)
	if err != nil {
		return nil, err
	}
	return &run{
		Options: o, store: s, seen: map[[16]byte]struct{}{},
		arrival: subscribers.Arrival{List: list, Consent: consent, DryRun: o.DryRun},
		report:  Report{DryRun: o.DryRun, Problems: []Problem{}},
	}, nil
}

// all reads the whole file.
func (u *run) all(ctx context.Context, r io.Reader) error {
	text, charset, err := decode(r)
	if err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	start, err := text.Peek(head / 4)
	if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("read file: %w", err)
	}
	sep := delimiter(start)
	u.report.Charset, u.report.Delimiter = charset, string(sep)
	in := newReader(text, sep)
	if err := u.headings(in); err != nil {
		return err
	}
	if u.arrival.Import = u.Import; !u.DryRun && u.Import == 0 {
		u.arrival.Import, err = u.store.BeginImport(ctx, subscribers.Import{File: u.File, List: u.arrival.List, Source: u.Source, Evidence: u.Evidence, By: u.By})
		if err != nil {
			return err
		}
	}
	u.report.ID = u.arrival.Import
	for {
		row, line, err := in.next()
		switch {
		case err == io.EOF:
			return u.flush(ctx)
		case errors.Is(err, errQuote), errors.Is(err, errLong):
			u.report.Rows++
			u.report.Invalid++
			u.problem(Problem{Line: line, Kind: "invalid", Reason: err.Error()})
		case err != nil:
			return fmt.Errorf("read line %d: %w", line, err)
		default:
			u.row(row, line)
		}
		if len(u.batch) == batchSize {
			if err := u.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// headings reads the first row that is not empty; when it is a reader, it is
// read again as one.
func (u *run) headings(in *reader) error {
	for {
		row, line, err := in.next()
		if err == io.EOF {
			return ErrNoAddress
		}
		if err != nil && !errors.Is(err, errQuote) && !errors.Is(err, errLong) {
			return fmt.Errorf("read line %d: %w", line, err)
		}
		if err != nil || empty(row) {
			continue
		}
		columns, isHeading := columnsOf(row)
		u.report.Columns = columns
		found := false
		for _, c := range columns {
			found = found || c.Field == "email"
		}
		if !found {
			return ErrNoAddress
		}
		if !isHeading {
			u.row(row, line)
		}
		return nil
	}
}

func empty(row []string) bool {
	for _, cell := range row {
		if cell != "" {
			return false
		}
	}
	return true
}

// row takes one row into the batch, or reports why not.
func (u *run) row(row []string, line int) {
	if empty(row) {
		return
	}
	u.report.Rows++
	p, remark, err := read(u.report.Columns, row, u.List)
	if err != nil {
		u.report.Invalid++
		input := ""
		for i, c := range u.report.Columns {
			if c.Field == "email" && i < len(row) {
				input = row[i]
			}
		}
		u.problem(Problem{Line: line, Kind: "invalid", Input: clean(input, 80), Reason: err.Error(), Suggestion: address.Check(input).Suggestion})
		return
	}
	sum := sha256.Sum256([]byte(p.Email.Key()))
	key := [16]byte(sum[:16])
	if _, twice := u.seen[key]; twice {
		u.report.Duplicates++
		return
	}
	u.seen[key] = struct{}{}
	if p.inactive != "" {
		u.report.Inactive++
		u.problem(Problem{Line: line, Kind: "inactive", Input: string(p.Email), Reason: "the file says " + p.inactive})
		return
	}
	if remark != "" {
		u.report.Remarks++
		u.problem(Problem{Line: line, Kind: "remark", Input: string(p.Email), Reason: "left out: " + remark})
	}
	if s := p.Email.Suggest(); s != "" {
		u.report.Typos++
		u.problem(Problem{Line: line, Kind: "typo", Input: string(p.Email), Reason: "the address looks mistyped", Suggestion: s})
	}
	u.batch = append(u.batch, p.Subscriber)
}

func (u *run) problem(p Problem) {
	if len(u.report.Problems) < MaxProblems {
		u.report.Problems = append(u.report.Problems, p)
	}
}

// flush brings the batch in, in one transaction.
func (u *run) flush(ctx context.Context) error {
	if len(u.batch) == 0 {
		return ctx.Err()
	}
	var outcomes []subscribers.Outcome
	var err error
	if u.DryRun {
		outcomes, err = u.store.Arrive(ctx, nil, u.arrival, u.batch)
	} else {
		err = u.store.DB.InTx(ctx, func(tx *sql.Tx) (err error) {
			outcomes, err = u.store.Arrive(ctx, tx, u.arrival, u.batch)
			return err
		})
	}
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		u.report.count(o)
	}
	u.batch = u.batch[:0]
	if u.Progress != nil {
		u.Progress(u.report.Rows)
	}
	if now := u.store.Now(); !u.DryRun && now.Sub(u.beat) >= time.Second {
		u.beat = now
	} else {
		return nil
	}
	return u.store.BeatImport(ctx, u.arrival.Import, u.report.Rows)
}

// end stores the report. Whom an import brought before it was cut off and taken up again, it brought.
func (u *run) end(ctx context.Context) error {
	made, added, err := u.store.Brought(ctx, u.arrival.Import)
	if err != nil {
		return err
	}
	u.report.Known -= made + added - u.report.New - u.report.Added
	u.report.New, u.report.Added = made, added
	text, err := u.report.Kept()
	if err != nil {
		return err
	}
	return u.store.EndImport(ctx, u.report.ID, text)
}

// Undo takes back what an import made and nobody has touched since; by says who
// undoes it.
func Undo(ctx context.Context, s *subscribers.Store, id int64, by string) (subscribers.Undone, error) {
	return s.UndoImport(ctx, id, by)
}
