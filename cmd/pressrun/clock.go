package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// parseClock is the clock that spec names: "" is the real one. Tests live
// through weeks with the others. "START@SPEED@ANCHOR" began at START (RFC 3339)
// when the real clock showed ANCHOR (unix milliseconds) and runs SPEED times as
// fast; several of these with spaces between follow one another, each from its
// ANCHOR on. "file:NAME" is a file of them that may be replaced while the clock
// runs, 20 ms before a new ANCHOR at the latest.
func parseClock(spec string) (func() time.Time, error) {
	if spec == "" {
		return time.Now, nil
	}
	if name, ok := strings.CutPrefix(spec, "file:"); ok {
		c := &clockFile{name: name}
		return c.now, c.load()
	}
	paces, err := parsePaces(spec)
	if err != nil {
		return nil, err
	}
	return func() time.Time { return timeAt(paces, time.Now()) }, nil
}

// pace is a stretch of time that passes at its own speed.
type pace struct {
	start  time.Time // what the clock shows at the anchor
	speed  float64
	anchor time.Time // real
}

func parsePaces(spec string) ([]pace, error) {
	var out []pace
	for field := range strings.FieldsSeq(spec) {
		var p pace
		var anchor int64
		from, rest, _ := strings.Cut(field, "@")
		start, err := time.Parse(time.RFC3339, from)
		if err == nil {
			_, err = fmt.Sscanf(rest, "%g@%d", &p.speed, &anchor)
		}
		if err != nil {
			return nil, ConfigError{fmt.Sprintf("environment PRESSRUN_CLOCK: %q is not START@SPEED@ANCHOR", field)}
		}
		p.start, p.anchor = start, time.UnixMilli(anchor)
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil, ConfigError{"environment PRESSRUN_CLOCK: there is no START@SPEED@ANCHOR"}
	}
	return out, nil
}

// timeAt is what the clock shows at a real moment: the last pace that has begun rules.
func timeAt(paces []pace, real time.Time) time.Time {
	p := paces[0]
	for _, next := range paces[1:] {
		if !next.anchor.After(real) {
			p = next
		}
	}
	return p.start.Add(time.Duration(float64(real.Sub(p.anchor)) * p.speed))
}

// clockFile is a clock whose paces stand in a file.
type clockFile struct {
	name string

	mu    sync.Mutex
	read  time.Time
	paces []pace
}

// readEvery is how old what was read of the file may be: less than the
// notice at which it is replaced.
const readEvery = 5 * time.Millisecond

func (c *clockFile) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.read) > readEvery {
		_ = c.load() // while the file cannot be read, the clock runs on
	}
	return timeAt(c.paces, time.Now())
}

func (c *clockFile) load() error {
	b, err := os.ReadFile(c.name)
	if err != nil {
		return fmt.Errorf("environment PRESSRUN_CLOCK: %w", err)
	}
	paces, err := parsePaces(string(b))
	if err != nil {
		return err
	}
	c.paces, c.read = paces, time.Now()
	return nil
}
