package subscribers

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestJournalMakesUp: what a full disk did not take is written when there is room
// again, though nobody else leaves.
func TestJournalMakesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "departures.journal")
	j, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	room := j.file
	j.file = full
	j.add(fact{time.UnixMilli(1795475100000), "left", strings.Repeat("1f", 20), "daily"})
	if err := j.Flush(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	j.file = room
	for range 2 {
		if err := j.Flush(); err != nil {
			t.Errorf("with room again: %v", err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), " left ") != 1 {
		t.Errorf("the journal holds %q, %v; want the one who left", text, err)
	}
}
