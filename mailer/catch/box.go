package catch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stamp begins the name of an .eml file, so that files sort by arrival.
const stamp = "20060102T150405.000"

// A box keeps the newest mails, oldest first, within max and maxBytes. Its owner
// locks it.
type box struct {
	dir      string
	max      int
	maxBytes int64
	loaded   bool

	seq   int
	bytes int64
	msgs  []*Message
}

// add keeps m under a new id, writes it to the directory if there is one, and
// forgets the oldest mails beyond the bounds, files included.
func (b *box) add(m Message) error {
	b.seq++
	m.ID = m.Received.Format(stamp) + "-" + strconv.Itoa(b.seq)
	if b.dir != "" {
		if err := os.WriteFile(b.path(m.ID), m.Raw, 0o600); err != nil {
			return fmt.Errorf("keep a caught mail: %w", err)
		}
	}
	b.push(&m)
	return nil
}

func (b *box) push(m *Message) {
	b.msgs = append(b.msgs, m)
	b.bytes += int64(m.Size)
	drop := 0
	for drop < len(b.msgs)-1 && (len(b.msgs)-drop > b.max || b.bytes > b.maxBytes) {
		old := b.msgs[drop]
		b.bytes -= int64(old.Size)
		if b.dir != "" {
			os.Remove(b.path(old.ID)) // already gone is as good
		}
		drop++
	}
	b.msgs = slices.Delete(b.msgs, 0, drop)
}

func (b *box) path(id string) string { return filepath.Join(b.dir, id+".eml") }

// load reads the mails of an earlier run. Their envelope is gone, so sender and
// recipients are those of the header.
func (b *box) load(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the catcher's folder: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil {
		return fmt.Errorf("list caught mails: %w", err)
	}
	slices.SortFunc(names, byArrival)
	for _, name := range names {
		id := strings.TrimSuffix(filepath.Base(name), ".eml")
		at, seq, ok := parseID(id)
		if !ok {
			continue // somebody else's file
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read a caught mail: %w", err)
		}
		b.seq = max(b.seq, seq)
		h, _ := splitHeader(raw)
		b.push(&Message{ID: id, From: h.address("From"), To: h.addresses("To"), Subject: h.text("Subject"), Received: at, Size: len(raw), Raw: raw})
	}
	b.loaded = true
	return nil
}

func byArrival(a, b string) int {
	_, i, _ := parseID(strings.TrimSuffix(filepath.Base(a), ".eml"))
	_, j, _ := parseID(strings.TrimSuffix(filepath.Base(b), ".eml"))
	return i - j
}

func parseID(id string) (at time.Time, seq int, ok bool) {
	when, n, found := strings.Cut(id, "-")
	at, err := time.Parse(stamp, when)
	if err != nil || !found {
		return time.Time{}, 0, false
	}
	seq, err = strconv.Atoi(n)
	return at, seq, err == nil && seq > 0
}
