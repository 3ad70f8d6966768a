package subscribers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Journal is a file outside the database that remembers who has left, is
// suppressed or erased, by the hash of the address. It is only ever appended
// to, and synced before the database commits the same fact, so a database
// restored from an older backup can be told what it has forgotten. Only what
// lifts a suppression and who moved is written after the commit: it must not stand
// when that fails. A Journal may be used concurrently and by several processes of one
// machine.
//
// A line is a fact: unix milliseconds, what happened, the hash, and what the
// fact is about.
//
//	1795475100000 left 1f09… daily          left the list; a later confirmation in the database counts more
//	1795475100000 suppressed 1f09… hard     is not written to
//	1795475100000 lifted 1f09…              confirmed by himself that he wants to be: left, hard and complaint are over
//	1795475100000 lifted 1f09… manual       an operator took back what was suppressed by hand, and nothing else
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

// Flush writes the facts that wait for the journal, and says why they still do, nil
// when none are left: a full disk, for instance. Readers can leave meanwhile. What a
// process has not written until its end, Replay does.
func (j *Journal) Flush() error {
	if j == nil {
		return nil
	}
	j.add()
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// add writes facts and those that wait, and syncs them. A file that cannot be written
// must not keep a reader from leaving, so there is no error; see Flush.
func (j *Journal) add(facts ...fact) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range facts {
		j.unsent = append(j.unsent, f.line()...)
	}
	if len(j.unsent) == 0 {
		return
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
	factAbout = map[string]*regexp.Regexp{"left": listName, "suppressed": regexp.MustCompile(`^[a-z]+$`), "moved": factHash, "lifted": regexp.MustCompile(`^manual$`)}
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
	switch {
	case f.verb == "erased" || f.verb == "lifted" && len(parts) == 3:
		return f, len(parts) == 3
	case factAbout[f.verb] != nil:
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
	left       times[string] // by list
	suppressed times[Reason] // since when, those that are not lifted
	lifted     time.Time     // when one by hand was last taken back
	erased     time.Time
	gone       []departure // those who moved away from here, in their order
}

// times are moments by name, of which there are few: a map for each of half a million
// people would be most of the memory that a start takes.
type times[K comparable] []timed[K]

type timed[K comparable] struct {
	of K
	at time.Time
}

// when is the time of a name; zero when there is none.
func (l times[K]) when(of K) time.Time {
	for _, m := range l {
		if m.of == of {
			return m.at
		}
	}
	return time.Time{}
}

func (l *times[K]) set(of K, at time.Time) {
	l.drop(of)
	*l = append(*l, timed[K]{of, at})
}

func (l *times[K]) drop(of K) {
	*l = slices.DeleteFunc(*l, func(m timed[K]) bool { return m.of == of })
}

// departure is somebody who moved away, and what became of him wherever he went.
type departure struct {
	at   time.Time
	then *memory
}

func (m *memory) take(f fact) {
	switch f.verb {
	case "left":
		m.left.set(f.about, f.at)
	case "suppressed":
		m.suppress(Reason(f.about), f.at)
	case "lifted":
		lifts := []Reason{Left, Hard, Complaint}
		if f.about != "" {
			lifts = []Reason{Reason(f.about)}
			m.lifted = later(m.lifted, f.at)
		}
		for _, r := range lifts {
			if !m.suppressed.when(r).After(f.at) { // the line may stand behind what happened after it
				m.suppressed.drop(r)
			}
		}
	case "erased":
		m.erased = f.at
		m.suppress(Forgotten, f.at)
	}
}

func (m *memory) suppress(r Reason, at time.Time) {
	if r == Manual && !at.After(m.lifted) {
		return
	}
	m.suppressed.set(r, later(m.suppressed.when(r), at))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
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

// memories is what is known of all hashes.
type memories struct {
	all  map[string]*memory
	here map[string][]*memory // hash → the departures of who lives there now
	said map[string]string    // what facts are about, each once, not with the line it stood in
}

// read folds the whole file into what is true at its end.
func (j *Journal) read() (memories, error) {
	known := memories{map[string]*memory{}, map[string][]*memory{}, map[string]string{}}
	f, err := os.Open(j.path)
	if err != nil {
		return known, err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 1<<16)
	for {
		line, err := lines.ReadSlice('\n')
		if err == nil {
			if f, ok := parseFact(string(line)); ok {
				if f.verb != "moved" {
					if _, ok := known.said[f.about]; !ok {
						known.said[f.about] = f.about
					}
					f.about = known.said[f.about]
				}
				known.take(f)
			}
		}
		if err == io.EOF {
			return known, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return known, err
		}
	}
}

func (k memories) take(f fact) {
	m := k.all[f.hash]
	if m == nil {
		m = &memory{}
		k.all[f.hash] = m
	}
	if f.verb == "moved" {
		then := &memory{}
		m.gone = append(m.gone, departure{f.at, then})
		before := k.here[f.hash]
		delete(k.here, f.hash)
		k.here[f.about] = append(before, then)
		return
	}
	m.take(f)
	for _, then := range k.here[f.hash] {
		then.take(f)
	}
}
