package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/riverqueue/river"

	"pressrun/subscribers"
	"pressrun/subscribers/importer"
)

// CheckImport reads a file as an import would, keeps it with the report, and
// returns its number: StartImport has it imported.
func (p *Press) CheckImport(ctx context.Context, file io.Reader, o importer.Options) (int64, error) {
	var kept bytes.Buffer
	packed := gzip.NewWriter(&kept)
	o.DryRun = true
	report, err := importer.Import(ctx, p.Subscribers, io.TeeReader(file, packed), o)
	if err != nil {
		return 0, err
	}
	if err := packed.Close(); err != nil {
		return 0, err
	}
	text, err := json.Marshal(report) // with addresses: it goes with the file
	if err != nil {
		return 0, err
	}
	list, err := p.Subscribers.ListID(ctx, p.DB.Read, o.List)
	if err != nil {
		return 0, err
	}
	return p.Subscribers.KeepImport(ctx, subscribers.Import{File: o.File, List: list, Source: o.Source, Evidence: o.Evidence, By: o.By, Report: text}, kept.Bytes())
}

// importJob imports a file that was checked before, or undoes that. Try tells one
// attempt from the next: a process may have died in the middle.
type importJob struct {
	Import int64 `json:"import"`
	Try    int64 `json:"try"`
}

func (importJob) Kind() string { return "import" }

// importWorker is the one job that may take long.
type importWorker struct {
	river.WorkerDefaults[importJob]
	press *Press
}

func (w *importWorker) Timeout(*river.Job[importJob]) time.Duration { return time.Hour }

func (w *importWorker) Work(ctx context.Context, j *river.Job[importJob]) error {
	return w.press.runImport(ctx, j.Args.Import)
}

// orderImports has somebody work at each import that was started, or is to be
// undone, and stands still.
func (p *Press) orderImports(ctx context.Context) error {
	list, err := p.Subscribers.IdleImports(ctx)
	if err != nil {
		return err
	}
	for _, i := range list {
		if err := p.enqueue(ctx, importJob{Import: i.ID, Try: i.Beat.Unix()}); err != nil {
			return err
		}
	}
	return nil
}

// runImport brings a file's readers in, or takes them back. What was done before
// it was cut off is not done again.
func (p *Press) runImport(ctx context.Context, id int64) error {
	err := p.importKept(ctx, id)
	switch {
	case errors.Is(err, subscribers.ErrState): // undone, or imported by another process
		return nil
	case errors.Is(err, subscribers.ErrNotFound): // it came from the command line
		if err := p.Subscribers.FailImport(ctx, id, "it was cut off; the same file once more brings the rest"); err != nil {
			return err
		}
		i, err := p.Subscribers.Import(ctx, id)
		if err != nil {
			return err
		}
		return p.Installation.Audit(ctx, i.By, "start import", fmt.Sprint(id), i.ListName) // as the verb does at its end
	case errors.Is(err, importer.ErrNoAddress):
		return p.Subscribers.FailImport(ctx, id, withAdvice(err))
	case err != nil:
		return fmt.Errorf("import %d: %w", id, err)
	}
	i, err := p.Subscribers.Import(ctx, id)
	p.Log.Info("import", "import", id, "state", i.State)
	return err
}

func (p *Press) importKept(ctx context.Context, id int64) error {
	i, err := p.Subscribers.Import(ctx, id)
	if err != nil {
		return err
	}
	if i.State == "undoing" {
		_, err := importer.Undo(ctx, p.Subscribers, id, i.UndoneBy)
		return err
	}
	if err := p.Subscribers.BeatImport(ctx, id, i.Rows); err != nil {
		return err
	}
	file, err := p.Subscribers.ImportFile(ctx, id)
	if err != nil {
		return err
	}
	text, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return err
	}
	_, err = importer.Import(ctx, p.Subscribers, text, importer.Options{Import: id, File: i.File, List: i.ListName, Source: i.Source, Evidence: i.Evidence, By: i.By})
	return err
}
