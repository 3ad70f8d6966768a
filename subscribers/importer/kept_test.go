package importer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pressrun/deploy/schema"
	"pressrun/subscribers"
	"pressrun/subscribers/importer"
	"pressrun/subscribers/subscriberstest"
)

// TestKeptImport: a file that was looked at waits until it is started; one that
// is cut off is taken up again, brings nobody twice, and reports what it brought
// in all; and each state lets happen what it should.
func TestKeptImport(t *testing.T) {
	subscriberstest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		s := open(t, db)
		add(t, s, "reader7@example.com", "weekly")
		var file strings.Builder
		for i := range 1300 {
			fmt.Fprintf(&file, "reader%d@example.com,%s\n", i, strings.Repeat("Amina ", 8))
		}
		list, err := s.ListID(ctx, db.Read, "daily")
		if err != nil {
			t.Fatal(err)
		}
		keep := func(name string) int64 {
			t.Helper()
			id, err := s.KeepImport(ctx, subscribers.Import{File: name, List: list, Source: "fair", By: "ed", Report: json.RawMessage(`{"new":3}`)}, []byte(name))
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		state := func(id int64) subscribers.Import {
			t.Helper()
			i, err := s.Import(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			return i
		}
		refused := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, subscribers.ErrState) {
				t.Errorf("%s: %v, want ErrState", what, err)
			}
		}
		idle := func() int {
			t.Helper()
			list, err := s.IdleImports(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}

		id := keep("readers.csv")
		if got, err := s.ImportFile(ctx, id); err != nil || string(got) != "readers.csv" {
			t.Errorf("file %q, %v", got, err)
		}
		if i := state(id); i.State != "waiting" || i.ListName != "daily" || idle() != 0 {
			t.Errorf("kept: %+v", i)
		}
		_, err = importer.Undo(ctx, s, id, "ed")
		refused("undo what waits", err)
		refused("go on with what waits", s.BeatImport(ctx, id, 1))
		if err := s.StartImport(ctx, id); err != nil {
			t.Fatal(err)
		}
		refused("start twice", s.StartImport(ctx, id))
		refused("throw away what runs", s.DropImport(ctx, id))
		if idle() != 1 {
			t.Error("what was started waits for nobody")
		}
		o := importer.Options{Import: id, List: "daily", Source: "fair", By: "ed"}
		cut := errors.New("cut off")
		text := file.String()
		if _, err := importer.Import(ctx, s, io.MultiReader(strings.NewReader(text[:78000]), iotest.ErrReader(cut)), o); !errors.Is(err, cut) {
			t.Fatalf("cut off: %v", err)
		}
		if i := state(id); i.State != "running" || i.Rows == 0 || idle() != 0 {
			t.Errorf("cut off: %+v", i)
		}
		_, err = importer.Undo(ctx, s, id, "ed")
		refused("undo what runs", err)
		now := s.Now
		s.Now = func() time.Time { return now().Add(2 * time.Minute) }
		if idle() != 1 {
			t.Error("what stands still for two minutes waits for nobody")
		}
		report, err := importer.Import(ctx, s, strings.NewReader(text), o)
		if err != nil || report.ID != id || report.New != 1299 || report.Added != 1 || report.Known != 0 {
			t.Errorf("taken up again: %+v, %v", report, err)
		}
		var kept importer.Report
		if i := state(id); i.State != "done" || json.Unmarshal(i.Report, &kept) != nil || kept.New != 1299 {
			t.Errorf("done: %+v", i)
		}
		if _, err := s.ImportFile(ctx, id); !errors.Is(err, subscribers.ErrNotFound) {
			t.Errorf("the file of what is done: %v, want ErrNotFound", err)
		}
		if err := s.AskUndo(ctx, id, "ann"); err != nil || idle() != 1 {
			t.Errorf("asked to undo: %v, idle %d", err, idle())
		}
		refused("ask twice", s.AskUndo(ctx, id, "ann"))
		for _, moments := range []int{700, 700} { // cut off twice, in the midst of a batch
			soon, cut := context.WithCancel(ctx)
			asked := 0
			s.Now = func() time.Time {
				if asked++; asked == moments {
					cut()
				}
				return now().Add(2 * time.Minute)
			}
			if _, err := importer.Undo(soon, s, id, "ann"); !errors.Is(err, context.Canceled) {
				t.Fatalf("cut off while it is undone: %v", err)
			}
			cut()
			if i := state(id); i.State != "undoing" || i.Undone.Subscriptions == 0 || i.Undone.Subscriptions%500 != 0 {
				t.Errorf("cut off while it is undone: %+v", i)
			}
			before := now
			now = func() time.Time { return before().Add(2 * time.Minute) }
		}
		s.Now = func() time.Time { return now().Add(2 * time.Minute) }
		if n, err := importer.Undo(ctx, s, id, "ann"); err != nil || n.Subscriptions != 1300 || n.Subscribers != 1299 {
			t.Errorf("undone: %+v, %v", n, err)
		}
		if i := state(id); i.State != "undone" || i.UndoneBy != "ann" || i.Note != "1300 subscriptions taken back, 1299 readers deleted, 0 kept because they have changed since" || idle() != 0 {
			t.Errorf("undone: %+v", i)
		}

		// One that cannot go on, one that is thrown away, one that is forgotten, and
		// one that nobody takes up before it is undone.
		failed, dropped, old, left := keep("a"), keep("b"), keep("c"), keep("d")
		if err := errors.Join(s.StartImport(ctx, failed), s.FailImport(ctx, failed, "the list is gone"), s.DropImport(ctx, dropped), s.StartImport(ctx, left)); err != nil {
			t.Fatal(err)
		}
		if i := state(failed); i.State != "failed" || i.Note != "the list is gone" {
			t.Errorf("failed: %+v", i)
		}
		if _, err := importer.Undo(ctx, s, left, "ed"); err != nil {
			t.Errorf("undo what nobody works at: %v", err)
		}
		refused("go on with what was undone", s.BeatImport(ctx, left, 1))
		s.Now = func() time.Time { return now().Add(25 * time.Hour) }
		if err := s.DropOldImports(ctx); err != nil {
			t.Fatal(err)
		}
		for _, gone := range []int64{dropped, old} {
			if _, err := s.Import(ctx, gone); !errors.Is(err, subscribers.ErrNotFound) {
				t.Errorf("import %d: %v, want ErrNotFound", gone, err)
			}
		}
		if list, err := s.Imports(ctx); err != nil || len(list) != 3 {
			t.Errorf("%d imports, %v; want those that ran", len(list), err)
		}
		if idle() != 0 {
			t.Error("somebody is to work at what is over")
		}
	})
}
