package catch

import (
	"cmp"
	"slices"
	"strings"
)

// An Audit compares what was accepted with who should have got a message.
type Audit struct {
	Expected  int
	Once      int      // got exactly one
	Lost      []string // got none
	Doubled   []string // got two or more
	Strangers []string // got one without being expected
}

// Audit says who of the addresses in want got none, one or more messages. It
// needs Book.
func (c *Catcher) Audit(want []string) Audit {
	c.init()
	c.mu.Lock()
	defer c.mu.Unlock()
	a := Audit{}
	expected := map[string]bool{}
	for _, addr := range want {
		addr = strings.ToLower(addr)
		if expected[addr] {
			continue
		}
		expected[addr] = true
		a.Expected++
		switch len(c.books[addr]) {
		case 0:
			a.Lost = append(a.Lost, addr)
		case 1:
			a.Once++
		default:
			a.Doubled = append(a.Doubled, addr)
		}
	}
	for addr := range c.books {
		if !expected[addr] {
			a.Strangers = append(a.Strangers, addr)
		}
	}
	slices.SortFunc(a.Strangers, cmp.Compare)
	return a
}

// Booked returns the Message-ID of every message accepted for the recipient, in
// order. It needs Book.
func (c *Catcher) Booked(addr string) []string {
	c.init()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.books[strings.ToLower(addr)])
}
