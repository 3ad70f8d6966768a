package catch

import (
	"cmp"
	"slices"
	"strings"
)

// An Account is what one recipient saw, kept when Catcher.Book is set.
type Account struct {
	Attempts int      // RCPT commands
	Accepted int      // messages taken
	Unacked  int      // of these, taken without an answer
	Temp     int      // 4xx answers
	Perm     int      // 5xx answers
	Dropped  int      // connections cut on it
	IDs      []string // Message-ID of every accepted message, in order
}

func (a *Account) accept(id string, acked bool) {
	a.Accepted++
	a.IDs = append(a.IDs, id)
	if !acked {
		a.Unacked++
	}
}

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
		switch acct := c.books[addr]; {
		case acct == nil || acct.Accepted == 0:
			a.Lost = append(a.Lost, addr)
		case acct.Accepted > 1:
			a.Doubled = append(a.Doubled, addr)
		default:
			a.Once++
		}
	}
	for addr, acct := range c.books {
		if !expected[addr] && acct.Accepted > 0 {
			a.Strangers = append(a.Strangers, addr)
		}
	}
	slices.SortFunc(a.Strangers, cmp.Compare)
	return a
}

// Account returns what the recipient saw; the zero Account when nothing.
func (c *Catcher) Account(addr string) Account {
	c.init()
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.books[strings.ToLower(addr)]
	if a == nil {
		return Account{}
	}
	out := *a
	out.IDs = slices.Clone(a.IDs)
	return out
}

// account lets book write into the recipient's account.
func (c *Catcher) account(addr string, book func(*Account)) {
	if !c.Book {
		return
	}
	addr = strings.ToLower(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.books[addr]
	if a == nil {
		a = &Account{}
		c.books[addr] = a
	}
	book(a)
}
